"""Models of all families: what is supported, what is refused and how, and that questions go to the right file."""

import math
from fractions import Fraction

import numpy as np
import pytest

from nctheory import Configuration, InputError
from nctheory.landscape import Model, certify, critical_points, objective, optimum, solve, verbs
from nctheory.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    Focal,
    LabelSmoothing,
    PickAllLabels,
    SquaredError,
)

PENALTIES = {"regularization": (Fraction(1, 50), Fraction(1, 100))}
SETS = [{0}, {1}, {2}, {0, 1}, {0, 2}, {1, 2}]
MODELS = {
    "free": Model([3, 3, 2], **PENALTIES),
    "nonnegative": Model([3, 3, 2], features="nonnegative", **PENALTIES),
    "sphere": Model([3, 3, 2], features="sphere", temperature=10),
    "deep": Model([3, 3, 2], depth=2, **PENALTIES),
    "label_sets": Model([2, 2, 2, 1, 1, 1], loss=PickAllLabels(SETS), **PENALTIES),
}


@pytest.mark.parametrize("family", MODELS)
def test_the_family_is_told_from_the_arguments(family):
    model = MODELS[family]
    assert model.family == family
    assert verbs.family_of(model).__name__ == f"nctheory.landscape.{family}"
    assert model.replace() == model
    assert hash(model.replace()) == hash(model)
    assert all(other == model for name, other in MODELS.items() if name == family)
    assert not any(other == model for name, other in MODELS.items() if name != family)
    assert model.num_samples == (9 if family == "label_sets" else 8)
    assert model.num_classes == 3


@pytest.mark.parametrize(
    ("family", "words"),
    [
        ("free", "ce(W h) + 0.02/2 |W|^2 + 0.01/2 |H|^2; 3 classes of 3, 3, 2 samples, dimension 3"),
        ("nonnegative", "ce(W h) + 0.02/2 |W|^2 + 0.01/2 |H|^2, H >= 0; 3 classes of 3, 3, 2 samples, dimension 3"),
        ("sphere", "ce(10 W h) on spheres; 3 classes of 3, 3, 2 samples, dimension 3"),
        (
            "deep",
            "ce(W2 W1 h) + 0.02/2 |W1|^2 + 0.02/2 |W2|^2 + 0.01/2 |H|^2; 3 classes of 3, 3, 2 samples, dimension 3",
        ),
        (
            "label_sets",
            "pal(W h) + 0.02/2 |W|^2 + 0.01/2 |H|^2; 3 labels, 6 sets of 2, 2, 2, 1, 1, 1 samples, dimension 3",
        ),
    ],
)
def test_a_model_says_what_it_is(family, words):
    assert repr(MODELS[family]) == f"Model(F = mean {words})"


@pytest.mark.parametrize(
    ("family", "part"),
    [
        ("nonnegative", r"H \ge 0"),
        ("sphere", r"\|w_c\| = \|h_i\| = 1"),
        ("deep", r"\sum_{j=1}^2 \frac{\lambda_j}{2}\|W_j\|_F^2"),
        ("deep", "W_2 W_1 h_i"),
        ("label_sets", r"|S_y| \left["),
    ],
)
def test_the_objective_in_latex(family, part):
    assert part in MODELS[family].latex
    assert part not in MODELS["free"].latex


def test_matrices_have_one_penalty_or_one_each():
    model = Model([2, 2], loss=SquaredError(), depth=3, regularization=((0.25, 0.5, 2), 0.0625))
    assert model.layer_penalties == (Fraction(1, 4), Fraction(1, 2), 2)
    assert model.lambda_weights == 2
    assert math.isclose(model.strength, (0.25 * 0.5 * 2 * 0.0625) ** 0.25)
    assert model.regularization == (model.layer_penalties, Fraction(1, 16))
    assert Model([2, 2], depth=2, regularization=(0.5, 0.25)).layer_penalties == (Fraction(1, 2),) * 2
    relu = Model([2, 2], loss=SquaredError(), depth=2, activation="relu", regularization=(0.5, 0.25))
    assert "W2 relu W1 h" in repr(relu)
    assert relu != relu.replace(activation="linear")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"features": "positive", **PENALTIES},
            "features is 'positive', expected one of 'free', 'nonnegative', 'sphere'",
        ),
        ({"activation": "tanh", "depth": 2, **PENALTIES}, "activation is 'tanh', expected one of 'linear', 'relu'"),
        ({"activation": "relu", **PENALTIES}, "activation is 'relu' with one matrix"),
        ({"depth": 0, **PENALTIES}, "depth is 0"),
        (
            {"depth": 2, "regularization": ((1, 1, 1), 1)},
            r"lambda_W is \(1, 1, 1\), expected a number, or one for each of 2",
        ),
        ({"depth": 2, "regularization": ((1, -1), 1)}, "lambda_2 is -1, expected a positive number"),
        ({"features": "sphere", "temperature": 1, **PENALTIES}, "regularization is .* expected none: on spheres"),
        ({"features": "sphere"}, "temperature is missing, expected a positive number"),
        ({"features": "sphere", "temperature": 0}, "temperature is 0, expected a positive number"),
        ({"features": "sphere", "temperature": math.nan}, "temperature is nan"),
        ({"features": "sphere", "temperature": 1e301}, "temperature is beyond the range of float64"),
        ({"temperature": 1, **PENALTIES}, "temperature is 1, expected none"),
        ({}, "regularization is None, expected"),
        ({"loss": Focal(2), "depth": 2, **PENALTIES}, "loss focal:2 for this model: deep models have theory here for"),
        (
            {"loss": Focal(2), "features": "nonnegative", **PENALTIES},
            "loss focal:2 for this model: non-negative features",
        ),
        (
            {"loss": SquaredError(), "features": "sphere", "temperature": 1},
            "loss mse for this model: spheres have theory",
        ),
        ({"features": "sphere", "temperature": 1, "bias": True}, "a bias for this model: spheres"),
        ({"features": "sphere", "temperature": 1, "depth": 2}, "features='sphere' for this model: deep"),
        ({"class_weights": [1, 2, 1], "features": "sphere", "temperature": 1}, "class_weights for this model: spheres"),
        ({"bias": True, "depth": 2, **PENALTIES}, "a bias with cross-entropy for this model: deep"),
        ({"loss": LabelSmoothing(0.1), "depth": 2, **PENALTIES}, "loss smoothing:0.1 for this model: deep"),
        ({"loss": BinaryCrossEntropy(), "depth": 2, **PENALTIES}, "loss bce for this model: deep"),
        (
            {"loss": SquaredError(), "bias": True, "depth": 2, "regularization": (1, 1, 1)},
            "a penalized bias for this model: deep",
        ),
        ({"features": "nonnegative", "depth": 2, **PENALTIES}, "features='nonnegative' for this model: deep"),
        ({"activation": "relu", "depth": 2, **PENALTIES}, "a ReLU with loss ce for this model: deep"),
        (
            {"activation": "relu", "loss": SquaredError(), "bias": True, "depth": 2, **PENALTIES},
            "a ReLU with a bias for this model: deep",
        ),
    ],
)
def test_what_has_no_theory_here_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        Model([3, 3, 2], **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"class_weights": [1] * 6}, "class_weights for this model: label sets"),
        ({"features": "nonnegative"}, "features='nonnegative' for this model: label sets"),
        ({"depth": 2}, "depth=2 for this model: label sets"),
    ],
)
def test_label_sets_are_for_the_plain_model(arguments, message):
    with pytest.raises(InputError, match=message):
        Model([2, 2, 2, 1, 1, 1], loss=PickAllLabels(SETS), **arguments, **PENALTIES)


def test_there_is_a_size_for_every_label_set():
    with pytest.raises(InputError, match="class_sizes has 3 entries, expected 6, one for each label set"):
        Model([1, 1, 1], loss=PickAllLabels(SETS), **PENALTIES)


def test_questions_need_a_model():
    with pytest.raises(InputError, match=r"model is of type str, expected a landscape\.Model"):
        optimum("ce")


@pytest.mark.parametrize("family", ["nonnegative", "sphere", "deep", "label_sets"])
def test_points_of_another_model_are_refused(family):
    stranger = Configuration(-np.eye(4, 3), np.eye(4, 3), class_sizes=[1] * 4)
    for question in (objective, certify):
        with pytest.raises(InputError, match="point"):
            question(MODELS[family], stranger)


def test_what_only_some_families_answer():
    with pytest.raises(InputError, match="has no convex formulation here"):
        solve(MODELS["deep"])
    with pytest.raises(InputError, match="those of a deep model, expected free features"):
        critical_points(MODELS["deep"])


def test_cross_entropy_is_the_loss_where_none_is_named():
    assert all(isinstance(model.loss, CrossEntropy) for family, model in MODELS.items() if family != "label_sets")
