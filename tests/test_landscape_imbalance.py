"""Imbalance: where small classes collapse, with smoothing, class weights and bias together, and lines of models."""

import math

import numpy as np
import pytest

from nctheory import InputError
from nctheory.landscape import Model, optimum, phase_diagram
from nctheory.landscape.diagram import minority_collapse
from nctheory.losses import BinaryCrossEntropy, CrossEntropy, Focal, LabelSmoothing, PickAllLabels, SquaredError
from tests.test_landscape_bounds import modeled

STEP = 2e-3


def strengthened(model, level):
    """With lambda_W = lambda_H = level."""
    return model.replace(regularization=(level, level, *model.regularization[2:]))


def told_by(model, over):
    """Where a model is on a line."""
    if over == "gamma":
        return model.loss.gamma
    if over == "imbalance":
        return model.class_sizes.max() / model.class_sizes.min()
    return float(getattr(model, over))


def spread(rows):
    """How far rows are from their mean, next to the largest of them."""
    return np.abs(rows - rows.mean(axis=0)).max() / max(np.abs(rows).max(), 1e-300)


# -------------------------------------------------------------------------------- merging small classes


@pytest.mark.parametrize("bias", [(), (0,), (0.3,)])
@pytest.mark.parametrize("smoothing", [0.0, 0.15, 0.5])
@pytest.mark.parametrize("weights", [None, (1.0, 1.3), (2.0, 0.4)])
def test_small_classes_merge_with_smoothing_and_class_weights(bias, smoothing, weights):
    """From (1 - a) u sqrt(n_B) / N on, and not before; written out here, and as `thresholds` has it."""
    unit = {} if weights is None else {"class_weights": [weights[0]] * 2 + [weights[1]] * 3}
    model = modeled([24, 24, 4, 4, 4], None, LabelSmoothing(smoothing), bias=bias, **unit)
    level = (1 - smoothing) * (1 if weights is None else weights[1]) * 2 / 60
    found = optimum(model).details.thresholds
    name = "classes of 4 samples" + ("" if weights is None else f" and weight {weights[1]:g}") + " merge"
    assert found[name] == pytest.approx(level, rel=1e-12)
    assert level < found["total collapse"] * (1 - 2 * STEP)
    ends = [optimum(strengthened(model, level * (1 + sign * STEP))).configuration.weights for sign in (-1, 1)]
    assert spread(ends[0][2:]) > 1e-3
    assert spread(ends[1][2:]) < 1e-6
    assert spread(ends[1]) > 1e-2


def test_large_classes_merge_before_small_ones_under_inverse_weights():
    """u = 1 / n: the level 1 / sqrt(n) is smaller for large classes."""
    model = modeled([16, 16, 2, 2], None, CrossEntropy(), class_weights=[1 / 16, 1 / 16, 1 / 2, 1 / 2])
    known = optimum(model).details.thresholds
    level = known["classes of 16 samples and weight 0.0625 merge"]
    assert level < known["classes of 2 samples and weight 0.5 merge"]
    rows = optimum(strengthened(model, level * (1 + STEP))).configuration.weights
    assert spread(rows[:2]) < 1e-6
    assert spread(rows[2:]) > 0.1


@pytest.mark.parametrize("weights", [None, (1.0, 1.5)])
@pytest.mark.parametrize("loss", [CrossEntropy(), LabelSmoothing(0.2)], ids=lambda loss: loss.name)
def test_small_nonnegative_classes_vanish_with_smoothing_and_class_weights(loss, weights):
    """Their features, from (1 - a) u sqrt(n_B (1 - 1/K)) / N on."""
    unit = {} if weights is None else {"class_weights": [weights[0]] * 2 + [weights[1]] * 2}
    model = modeled([20, 20, 3, 3], 4, loss, **unit).replace(features="nonnegative")
    curve = minority_collapse(model, [20 / 3])
    level = (1 - getattr(loss, "smoothing", 0)) * (1 if weights is None else weights[1]) * math.sqrt(3 * 3 / 4) / 46
    assert curve.minority[0] == pytest.approx(level, rel=1e-12)
    ends = [optimum(strengthened(model, level * (1 + sign * STEP))).configuration.class_means for sign in (-1, 1)]
    assert np.linalg.norm(ends[0][2:], axis=1).min() > 1e-3
    assert np.linalg.norm(ends[1][2:], axis=1).max() < 1e-6
    assert np.linalg.norm(ends[1][:2], axis=1).min() > 0.1


# ---------------------------------------------------------------------------------------------------------- the curves


@pytest.mark.parametrize(
    ("loss", "bias"),
    [(CrossEntropy(), ()), (LabelSmoothing(0.3), (0,)), (BinaryCrossEntropy(), ()), (SquaredError(), (0,))],
)
def test_curves_are_where_small_classes_and_all_collapse(loss, bias):
    model = modeled([30] * 5, None, loss, bias=bias)
    curve = minority_collapse(model, [2, 6, 31])
    assert curve.imbalances == pytest.approx([2, 6, 30])
    for ratio, minority, total in zip(curve.imbalances, curve.minority, curve.total, strict=True):
        few = round(30 / ratio)
        sized = model.replace(class_sizes=[30] * 3 + [few] * 2)
        samples = 90 + 2 * few
        assert minority == pytest.approx((1 - getattr(loss, "smoothing", 0)) * math.sqrt(few) / samples, rel=1e-12)
        assert minority < total
        weights = [
            optimum(strengthened(sized, level * (1 + sign * STEP))).configuration.weights
            for level in (minority, total)
            for sign in (-1, 1)
        ]
        assert spread(weights[0][3:]) > 1e-3
        assert spread(weights[1][3:]) < 1e-6
        assert np.abs(weights[2]).max() > 1e-3
        assert not weights[3].any()


def test_curves_with_class_weights_and_few_classes():
    weighted = modeled([40] * 4, None, CrossEntropy(), class_weights=[1.0, 1.0, 3.0, 3.0])
    plain = weighted.replace(class_weights=None)
    one, two = (minority_collapse(model, [1, 4]) for model in (weighted, plain))
    assert one.minority == pytest.approx(3 * two.minority)
    three = minority_collapse(modeled([40] * 3), [2, 4])
    assert np.isnan(three.minority).all()  # one small class has none to merge with
    assert (three.total > 0).all()
    vanishing = minority_collapse(modeled([40] * 3, None, SquaredError()), [2, 4])
    assert vanishing.minority == pytest.approx([math.sqrt(20) / 100, math.sqrt(10) / 90])


@pytest.mark.parametrize(
    ("model", "values", "message"),
    [
        (modeled([3] * 4, None, Focal(2)), [1, 2], "has no such curves here, expected free or non-negative features"),
        (modeled([3] * 4, None, bias=(0.5,)), [1, 2], "has no such curves here"),
        (modeled([3] * 4), [0.5, 2], "expected rising numbers from 1"),
        (modeled([3] * 4), [], "expected rising numbers from 1"),
        (modeled([3] * 4), [2, 2], "expected rising numbers from 1"),
        (modeled([3] * 4, class_weights=[1.0, 1, 2, 3]), [1, 2], r"class_weights of the smaller half are \[2.0, 3.0\]"),
        ("model", [1], "model is of type str"),
    ],
)
def test_what_curves_refuse(model, values, message):
    with pytest.raises(InputError, match=message):
        minority_collapse(model, values)


# ------------------------------------------------------------------------------------------------------ lines of models


@pytest.mark.parametrize("bias", [(), (0,)])
@pytest.mark.parametrize(
    ("loss", "weights", "name", "strength"),
    [
        (CrossEntropy(), None, "small classes merge", 0.012),
        (LabelSmoothing(0.25), None, "small classes merge", 0.012),
        (CrossEntropy(), [1.0, 1.0, 0.5, 0.5], "small classes merge", 0.009),
        (CrossEntropy(), None, "no total collapse", 0.04),
        (SquaredError(), None, "small classes vanish", 0.02),
    ],
)
def test_thresholds_against_the_imbalance(loss, weights, name, strength, bias):
    """The state is another one for the class sizes on both sides of it; and it is where the formula says for any R."""
    name = "small classes merge" if bias and "vanish" in name else name
    model = modeled([60] * 4, None, loss, (strength, strength), bias, class_weights=weights)
    diagram = phase_diagram(model, "imbalance", [1, 60])
    few = 60 / diagram.thresholds[name]
    states = []
    for samples in (math.floor(few) + 1, math.floor(few)):
        rows = optimum(model.replace(class_sizes=[60, 60, samples, samples])).configuration.weights
        gone = not rows.any() if "total" in name else spread(rows[2:]) < 1e-6
        states.append(gone or (name.endswith("vanish") and not rows[2:].any()))
    assert states == ([True, False] if name.startswith("no ") else [False, True])
    root = math.sqrt(60 if "total" in name else few)
    level = (1 - getattr(loss, "smoothing", 0)) * (1 if weights is None else weights[-1]) * root / (120 + 2 * few)
    assert level == pytest.approx(strength, rel=1e-3)  # interpolated between two class sizes


def test_no_threshold_against_the_imbalance_where_nothing_changes():
    assert phase_diagram(modeled([60] * 4, None, CrossEntropy(), (1e-4, 1e-4)), "imbalance", [1, 60]).thresholds == {}
    assert phase_diagram(modeled([9] * 4, bias=(0.5,)), "imbalance", [1, 3]).thresholds == {}
    assert phase_diagram(modeled([9] * 4, None, Focal(2)), "imbalance", [1, 3]).thresholds == {}


@pytest.mark.parametrize(
    ("model", "over", "values"),
    [
        (modeled([6] * 4), "strength", [0.01, 0.3]),
        (modeled([6] * 4).replace(features="nonnegative"), "imbalance", [1, 3]),
        (Model([6] * 3, features="sphere", temperature=3), "temperature", [1, 10]),
        (Model([6] * 4, features="sphere", temperature=3), "imbalance", [1, 3]),
        (Model([6] * 4, loss=SquaredError(), depth=2, regularization=((0.01, 0.04), 0.02)), "strength", [0.01, 0.3]),
        (Model([6] * 4, loss=SquaredError(), depth=2, regularization=(0.01, 0.02)), "imbalance", [1, 3]),
        (Model([6] * 4, loss=Focal(2), regularization=(0.02, 0.02)), "gamma", [0.5, 3]),
        (Model([6] * 4, loss=Focal(2), regularization=(0.02, 0.02)), "imbalance", [1, 3]),
    ],
    ids=lambda value: getattr(value, "family", str(value)),
)
def test_lines_of_every_family(model, over, values):
    diagram = phase_diagram(model, over, values)
    assert len(diagram.models) == len(diagram.objective) == 2
    assert (diagram.objective > 0).all()
    count = model.num_classes
    assert diagram.weight_norms.shape == diagram.mean_norms.shape == (2, count)
    assert diagram.weight_cosines.shape == diagram.mean_cosines.shape == (2, count, count)
    for value, each in zip(values, diagram.models, strict=True):
        told = told_by(each, over)
        assert told == pytest.approx(value, rel=1e-12)


def test_a_line_of_a_deep_model_scales_all_penalties_alike():
    model = Model([6] * 4, loss=SquaredError(), depth=2, regularization=((0.01, 0.04), 0.02))
    diagram = phase_diagram(model, "strength", [0.005, 0.5])
    for each in diagram.models:
        scaled = [float(penalty) / each.strength for penalty in (*each.layer_penalties, each.lambda_features)]
        whole = [float(penalty) / model.strength for penalty in (*model.layer_penalties, model.lambda_features)]
        assert scaled == pytest.approx(whole)
    level = diagram.thresholds["total collapse"]
    assert diagram.models[0].strength < level < diagram.models[1].strength
    assert diagram.rank.tolist() == [4, 0]


def test_a_line_of_label_sets_and_its_shapes():
    model = Model([4] * 4, loss=PickAllLabels([[0], [1], [2], [0, 1]]), regularization=(0.01, 0.01))
    diagram = phase_diagram(model, values=[0.01, 1.0])
    assert diagram.weight_norms.shape == (2, 3)
    assert diagram.mean_norms.shape == (2, 4)
    assert diagram.rank[1] == 0
    assert 0.01 < diagram.thresholds["total collapse"] < 1


def test_the_line_of_a_focal_model_shows_the_jump():
    diagram = phase_diagram(Model([4] * 24, loss=Focal(3), regularization=(1, 1)))
    norms, levels = diagram.weight_norms[:, 0], diagram.thresholds
    last = np.flatnonzero(norms)[-1]
    assert norms[last] > 0.3
    assert not norms[last + 1 :].any()
    assert diagram.values[last] < levels["total collapse"] < diagram.values[last + 1]


@pytest.mark.parametrize(
    ("model", "over", "message"),
    [
        (modeled([3, 3]), "depth", "over is 'depth', expected one of 'strength', 'imbalance', 'temperature', 'gamma'"),
        (modeled([3, 3]), "temperature", "expected a model with features='sphere'"),
        (modeled([3, 3]), "gamma", "loss is ce, expected Focal"),
        (Model([3, 3], features="sphere", temperature=1), "strength", "on spheres no norm is penalized"),
        (
            Model([4] * 4, loss=PickAllLabels([[0], [1], [2], [0, 1]]), regularization=(1, 1)),
            "imbalance",
            "label sets have no halves of classes",
        ),
        (modeled([3, 2], None, Focal(2)), "strength", "no total collapse is known of Model"),
        (3, "strength", "model is of type int"),
    ],
)
def test_what_lines_refuse(model, over, message):
    with pytest.raises(InputError, match=message):
        phase_diagram(model, over)
