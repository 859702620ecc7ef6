"""The model: its objective as it is written, its derivatives, other papers' conventions, and what it refuses.

`written_out` and `in_digits` are the definitions, in NumPy and mpmath; they share no code with the package.
"""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from scipy.special import expit, logsumexp, softmax

from nctheory import Configuration, Features, InputError
from nctheory.landscape import Model, Tangent, gradient, hessian_vector_product, objective
from nctheory.losses import (
    BinaryCrossEntropy,
    ClassWeighted,
    CrossEntropy,
    Focal,
    LabelSmoothing,
    Loss,
    PickAllLabels,
    SquaredError,
)

LOSSES = [CrossEntropy(), LabelSmoothing(0.3), SquaredError(), BinaryCrossEntropy(), Focal(2), Focal(0.5)]
WEIGHTS = [0.5, 3.0, 1.25]


def targets(loss, labels, size):
    smoothing = loss.smoothing if isinstance(loss, LabelSmoothing) else 0
    return (1 - smoothing) * np.eye(size)[labels] + smoothing / size


def losses_of(loss, logits, labels):
    """The losses (N,) and their gradients (N, K)."""
    size = logits.shape[1]
    expected = targets(loss, labels, size)
    if isinstance(loss, SquaredError):
        return ((logits - expected) ** 2).sum(axis=1) / 2, logits - expected
    if isinstance(loss, BinaryCrossEntropy):
        return np.logaddexp(0, logits * (1 - 2 * expected)).sum(axis=1), expit(logits) - expected
    own = logits[np.arange(len(labels)), labels]
    others = np.where(np.eye(size)[labels] == 1, -np.inf, logits - own[:, None])
    surprise = np.logaddexp(0, logsumexp(others, axis=1))
    if not isinstance(loss, Focal):
        return surprise + getattr(loss, "smoothing", 0) * (own - logits.mean(axis=1)), softmax(
            logits, axis=1
        ) - expected
    others = 1 - np.exp(-surprise)
    ratio = np.divide(surprise, others, out=np.ones_like(others), where=others > 0)
    slope = others**loss.gamma * (1 + loss.gamma * np.exp(-surprise) * ratio)
    return others**loss.gamma * surprise, slope[:, None] * (softmax(logits, axis=1) - expected)


def written_out(model, weights, features, bias, labels):
    """F and its gradient by W, all N features and b."""
    strengths = [float(part) for part in (model.lambda_weights, model.lambda_features, model.lambda_bias)]
    values, slopes = losses_of(model.loss, features @ weights.T + bias, labels)
    share = (np.ones(model.num_classes) if model.class_weights is None else model.class_weights)[labels] / len(labels)
    parts = (weights, features, bias)
    value = share @ values + sum(c / 2 * (part**2).sum() for c, part in zip(strengths, parts, strict=True))
    slopes = slopes * share[:, None]
    found = slopes.T @ features, slopes @ weights, slopes.sum(axis=0)
    return value, [slope + c * part for slope, c, part in zip(found, strengths, parts, strict=True)]


def labels_of(model):
    return np.repeat(np.arange(model.num_classes), model.class_sizes)


def loss_in_digits(loss, logits, label):
    size = len(logits)
    if isinstance(loss, SquaredError):
        return mpmath.fsum((z - (c == label)) ** 2 for c, z in enumerate(logits)) / 2
    if isinstance(loss, BinaryCrossEntropy):
        return mpmath.fsum(mpmath.log1p(mpmath.exp(-z if c == label else z)) for c, z in enumerate(logits))
    others = mpmath.fsum(mpmath.exp(z - logits[label]) for c, z in enumerate(logits) if c != label)
    surprise = mpmath.log1p(others)
    if isinstance(loss, Focal):
        return (others / (1 + others)) ** mpmath.mpf(loss.gamma) * surprise
    if isinstance(loss, LabelSmoothing):
        surprise += mpmath.mpf(loss.smoothing) * (logits[label] - mpmath.fsum(logits) / size)
    return surprise


def digits(number):
    return mpmath.mpf(number.numerator) / number.denominator if isinstance(number, Fraction) else mpmath.mpf(number)


def in_digits(model, weights, rows, counts, bias, labels):
    """F to the digits that mpmath works in; row i of class labels[i] stands for counts[i] samples."""
    number = np.frompyfunc(digits, 1, 1)
    weights, rows, bias = number(np.asarray(weights)), number(np.asarray(rows)), number(np.asarray(bias))
    logits = rows.dot(weights.T) + bias
    multipliers = [1] * model.num_classes if model.class_weights is None else [digits(u) for u in model.class_weights]
    parts = zip(logits, counts, labels, strict=True)
    total = mpmath.fsum(int(n) * multipliers[y] * loss_in_digits(model.loss, z, y) for z, n, y in parts)
    squares = [
        (weights**2).sum(),
        sum(int(n) * (h**2).sum() for n, h in zip(counts, rows, strict=True)),
        (bias**2).sum(),
    ]
    strengths = (model.lambda_weights, model.lambda_features, model.lambda_bias)
    penalty = mpmath.fsum(digits(c) * square / 2 for c, square in zip(strengths, squares, strict=True))
    return total / int(model.class_sizes.sum()) + penalty


def random_point(model, seed=0, scale=1.0, bias=True):
    """W, all features and b, and the Features that these are."""
    generator = np.random.default_rng(seed)
    weights = scale * generator.standard_normal((model.num_classes, model.dimension))
    features = generator.standard_normal((model.num_samples, model.dimension))
    shift = generator.standard_normal(model.num_classes) * (model.bias and bias)
    return weights, features, shift, Features(features, labels_of(model), weights, shift)


def collapsed_point(model, seed=0):
    generator = np.random.default_rng(seed)
    weights, means = generator.standard_normal((2, model.num_classes, model.dimension))
    shift = generator.standard_normal(model.num_classes) * model.bias
    return Configuration(means, weights, shift, model.class_sizes)


MODELS = [
    Model([2, 1, 3], 2, loss=loss, regularization=penalties, bias=len(penalties) == 3, class_weights=weights)
    for loss in LOSSES
    for penalties, weights in (((0.3, 0.02), None), ((0.1, 0.2, 0), WEIGHTS), ((0.04, 0.5, 0.7), None))
]


# ------------------------------------------------------------------------------------------------------------ objective


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_the_objective_and_its_gradient_are_as_written(model):
    *parts, point = random_point(model)
    value, slopes = written_out(model, *parts, labels_of(model))
    assert objective(model, point) == pytest.approx(value, rel=1e-13)
    found = gradient(model, point)
    for slope, part in zip(slopes[: 2 + model.bias], found.parts, strict=False):
        assert np.allclose(part, slope, rtol=1e-12, atol=1e-14)
    assert model.bias or not found.bias.any()


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_a_configuration_stands_for_its_samples(model):
    means = collapsed_point(model)
    spread = Features(means.class_means[labels_of(model)], labels_of(model), means.weights, means.bias)
    assert objective(model, means) == pytest.approx(objective(model, spread), rel=1e-13)
    both = gradient(model, means), gradient(model, spread)
    summed = np.array([both[1].features[labels_of(model) == k].sum(axis=0) for k in range(3)])
    assert np.allclose(both[0].features, summed, rtol=1e-11)
    assert np.allclose(both[0].weights, both[1].weights, rtol=1e-11)


@pytest.mark.parametrize("collapsed", [False, True])
@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_derivatives_are_those_of_sixty_digits(model, collapsed):
    point = collapsed_point(model, 3) if collapsed else random_point(model, 3)[-1]
    counts = model.class_sizes if collapsed else np.ones(model.num_samples)
    labels = np.arange(3) if collapsed else labels_of(model)
    start = (point.weights, point.class_means if collapsed else point.features, point.bias)
    generator = np.random.default_rng(5)
    along = Tangent(*(generator.standard_normal(part.shape) for part in start[:2]), generator.standard_normal(3))
    moves = (along.weights, along.features, along.bias * model.bias)

    def moved(step):
        number = np.frompyfunc(mpmath.mpf, 1, 1)
        weights, rows, bias = (number(x) + step * number(dx) for x, dx in zip(start, moves, strict=True))
        return in_digits(model, weights, rows, counts, bias, labels)

    with mpmath.workdps(60):
        step = mpmath.mpf(10) ** -15
        low, middle, high = moved(-step), moved(0), moved(step)
        first, second = (high - low) / (2 * step), (high - 2 * middle + low) / step**2
    assert gradient(model, point).dot(along) == pytest.approx(float(first), rel=1e-11)
    assert hessian_vector_product(model, point, along).dot(along) == pytest.approx(float(second), rel=1e-10)


def test_the_second_derivative_is_symmetric():
    model = MODELS[1]
    point = random_point(model)[-1]
    one, two = (Tangent(*random_point(model, seed)[:3]) for seed in (1, 2))
    product = hessian_vector_product(model, point, one).dot(two)
    assert product == pytest.approx(hessian_vector_product(model, point, two).dot(one), rel=1e-12)


def test_without_a_bias_a_tangent_s_bias_counts_for_nothing():
    model = MODELS[0]
    point = random_point(model)[-1]
    weights, features, _, _ = random_point(model, 1)
    plain, shifted = (
        hessian_vector_product(model, point, Tangent(weights, features, shift)) for shift in (np.zeros(3), np.ones(3))
    )
    assert all(np.array_equal(a, b) for a, b in zip(plain.parts, shifted.parts, strict=True))


def test_the_norm_of_a_tangent_is_of_all_entries():
    assert Tangent(np.array([[3.0]]), np.array([[4.0], [0.0]]), np.array([12.0])).norm == 13


# ---------------------------------------------------------------------------------------------------------- conventions


def test_sums_without_halves():
    """sum_i ce + a |W|^2 + b |H|^2, as it is written."""
    model = Model.from_convention([2, 1, 3], 2, regularization=(0.2, 0.03), reduction="sum", penalty_factor=1)
    weights, features, bias, point = random_point(model)
    logits, labels = features @ weights.T, labels_of(model)
    theirs = (logsumexp(logits, axis=1) - logits[range(6), labels]).sum()
    theirs += 0.2 * (weights**2).sum() + 0.03 * (features**2).sum()
    assert objective(model, point) * 6 == pytest.approx(theirs, rel=1e-13)
    assert not bias.any()


def test_squares_without_halves_and_features_over_n():
    """(1/N) |WH + b - Y|^2 + a |W|^2 + (b/N) |H|^2 + c |b|^2."""
    penalties = (0.2, 0.03, 0.7)
    unit = {"loss_factor": 2, "penalty_factor": 1, "feature_penalty": "mean", "bias": True, "loss": SquaredError()}
    model = Model.from_convention([2, 1, 3], 2, regularization=penalties, **unit)
    weights, features, bias, point = random_point(model)
    theirs = ((features @ weights.T + bias - np.eye(3)[labels_of(model)]) ** 2).sum() / 6
    theirs += 0.2 * (weights**2).sum() + 0.03 / 6 * (features**2).sum() + 0.7 * (bias**2).sum()
    assert 2 * objective(model, point) == pytest.approx(theirs, rel=1e-13)


def test_half_a_sum_with_weights():
    """(1/2) sum_i u_y |z - e_y|^2 + (a/2) |W|^2 + (b/2N) |H|^2."""
    unit = {"reduction": "sum", "feature_penalty": "mean", "class_weights": WEIGHTS, "loss": SquaredError()}
    model = Model.from_convention([2, 1, 3], 2, regularization=(0.2, 0.03), **unit)
    weights, features, _, point = random_point(model)
    labels = labels_of(model)
    each = ((features @ weights.T - np.eye(3)[labels]) ** 2).sum(axis=1) / 2
    theirs = np.array(WEIGHTS)[labels] @ each + 0.1 * (weights**2).sum() + 0.03 / 12 * (features**2).sum()
    assert 6 * objective(model, point) == pytest.approx(theirs, rel=1e-13)


def test_conventions_are_exact():
    model = Model.from_convention([1, 2], regularization=(Fraction(1, 3), 1), reduction="sum", penalty_factor=1)
    assert model.regularization == (Fraction(2, 9), Fraction(2, 3))
    assert Model.from_convention([1, 2], regularization=(0.1, 0.2)) == Model([1, 2], regularization=(0.1, 0.2))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reduction": "average"}, "reduction is 'average', expected 'mean' or 'sum'"),
        ({"feature_penalty": 2}, "feature_penalty is 2, expected 'mean' or 'sum'"),
        ({"loss_factor": 0}, "loss_factor is 0, expected a positive number"),
        ({"penalty_factor": -1}, "penalty_factor is -1, expected a positive number"),
        ({"penalty_factor": "1/2"}, "penalty_factor is '1/2' of type str, expected a finite rational number"),
        ({"regularization": (1, 1, 1)}, r"lambda_b needs bias=True"),
    ],
)
def test_unknown_conventions(changes, message):
    with pytest.raises(InputError, match=message):
        Model.from_convention([1, 2], **{"regularization": (1, 1)} | changes)


# ------------------------------------------------------------------------------------------------------------ the model


def test_what_a_model_says_of_itself():
    model = Model([5, 5, 2, 1, 1, 1, 1], loss=LabelSmoothing(0.25), regularization=(0.5, 0.125, 2), bias=True)
    assert (model.num_classes, model.num_samples, model.dimension) == (7, 16, 7)
    assert model.strength == pytest.approx(0.25, rel=1e-15)
    assert model.ratio == 0.5
    assert model.smoothing == 0.25
    assert model.regularization == (Fraction(1, 2), Fraction(1, 8), Fraction(2))
    text = "F = mean smoothing:0.25(W h + b) + 0.5/2 |W|^2 + 0.125/2 |H|^2 + 2/2 |b|^2"
    assert repr(model) == f"Model({text}; 7 classes of 5, 5, 2, 1, 1, 1, ... samples, dimension 7)"
    assert model.latex.startswith(r"\frac1N\sum_{i=1}^N \ell(W h_i + b, y_i) + \frac{\lambda_W}{2}\|W\|_F^2")
    assert r"\frac{\lambda_b}{2}\|b\|^2" in model.latex
    assert model._repr_latex_() == f"$\\displaystyle {model.latex}$"
    plain = Model([5, 5], regularization=(0.5, 0.125), class_weights=[1, 2])
    assert "lambda_b" not in plain.latex
    assert "+ b" not in plain.latex
    assert r"u_{y_i}\,\ell(W h_i, y_i)" in plain.latex
    assert repr(plain).startswith("Model(F = mean u_y ce(W h) + 0.5/2 |W|^2 + 0.125/2 |H|^2; ")


def test_class_weights_with_the_loss_or_beside_it():
    beside = Model([1, 2], regularization=(1, 1), class_weights=[1, 3])
    assert Model([1, 2], loss=ClassWeighted(CrossEntropy(), [1, 3]), regularization=(1, 1)) == beside
    assert beside.weighted_loss == ClassWeighted(CrossEntropy(), (1.0, 3.0))
    assert beside.multipliers.tolist() == [1, 3]
    with pytest.raises(InputError, match="class weights are given twice"):
        beside.replace(loss=ClassWeighted(CrossEntropy(), [1, 3]))


def test_models_are_values():
    model = Model([1, 2], regularization=(0.1, 0.2))
    assert hash(model) == hash(model.replace())
    others = [{"dimension": 3}, {"bias": True}, {"class_sizes": [2, 2]}, {"loss": SquaredError()}]
    others += [{"regularization": (0.1, 0.3)}, {"class_weights": [1, 2]}]
    assert all(model.replace(**change) != model for change in others)
    assert model != "a model"
    with pytest.raises(AttributeError, match="make another one with a different dimension"):
        model.dimension = 3
    with pytest.raises(ValueError, match="read-only"):
        model.class_sizes[0] = 5


def test_whether_a_model_is_balanced():
    assert Model([2, 2], regularization=(1, 1)).is_balanced
    assert Model([2, 2], regularization=(1, 1), class_weights=[3, 3]).is_balanced
    assert not Model([2, 1], regularization=(1, 1)).is_balanced
    assert not Model([2, 2], regularization=(1, 1), class_weights=[3, 1]).is_balanced


# ------------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"regularization": (0, 1)}, r"lambda_W is 0, .* no minimizer exists, as along \(W / t, t H\) F comes down"),
        ({"regularization": (1, 0)}, "lambda_H is 0, expected a positive number: no minimizer exists"),
        ({"regularization": (-0.5, 1)}, "lambda_W is -0.5, .* F falls without end"),
        ({"regularization": (1, -2)}, "lambda_H is -2, .* F falls without end"),
        ({"regularization": (1, math.nan)}, "regularization: lambda_H is nan of type float, expected a finite"),
        ({"regularization": (math.inf, 1)}, "regularization: lambda_W is inf of type float"),
        ({"regularization": (1, 1, 1)}, r"expected \(lambda_W, lambda_H\) .*; lambda_b needs bias=True"),
        ({"regularization": (1, 1, -1), "bias": True}, r"lambda_b is -1, expected 0 \(a free bias\) or a positive"),
        ({"regularization": 0.1}, r"regularization is 0.1, expected \(lambda_W, lambda_H\)"),
        ({"regularization": (1,)}, r"regularization is \(1,\), expected"),
        ({"regularization": (1, 1, 1, 1), "bias": True}, r"regularization is \(1, 1, 1, 1\), expected"),
        ({"regularization": ("1", 1)}, "lambda_W is '1' of type str"),
        ({"class_sizes": [2, 0, 1]}, "class_sizes"),
        ({"class_sizes": [2]}, "class_sizes"),
        ({"class_sizes": [2.5, 1]}, "class_sizes"),
        ({"class_sizes": [math.nan, 1]}, "class_sizes"),
        ({"dimension": 0}, "dimension is 0, expected an integer of at least 1"),
        ({"dimension": 2.0}, "dimension is 2.0, expected an integer"),
        ({"bias": 1}, "bias is 1, expected True"),
        ({"bias": np.zeros(3)}, "expected True"),
        ({"loss": "ce"}, r"loss is 'ce', expected an object of nctheory.losses, such as CrossEntropy\(\)"),
        ({"class_weights": [1, 2]}, r"class_weights has shape \(2,\), expected \(3,\) to match class_sizes"),
        ({"class_weights": [1, 0, 2]}, r"class_weights\[1\] is 0, expected a positive number"),
        ({"class_weights": [1, -1, 2]}, r"class_weights\[1\] is -1"),
        ({"class_weights": [1, math.nan, 2]}, r"class_weights\[1\] is nan"),
        ({"loss": LabelSmoothing(-0.01)}, "negative smoothing needs equal class sizes and weights"),
    ],
)
def test_what_a_model_refuses(changes, message):
    given = {"class_sizes": [1, 2, 3], "regularization": (1, 1)} | changes
    with pytest.raises(InputError, match=message):
        Model(given.pop("class_sizes"), **given)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LabelSmoothing(1.0), "smoothing is 1.0, expected a finite number below 1"),
        (lambda: LabelSmoothing(math.nan), "smoothing is nan"),
        (lambda: Focal(-0.5), "gamma is -0.5, expected a finite number of at least 0"),
        (lambda: Focal(math.inf), "gamma is inf"),
    ],
)
def test_losses_outside_their_range(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_negative_smoothing_ends_where_the_infimum_does():
    """c = K n^(1/2) lambda = 3 * 2 / 12 = 1/2 is exact, and so is the test."""
    unit = {"class_sizes": [4, 4, 4], "regularization": (Fraction(1, 12), Fraction(1, 12))}
    sizes = unit.pop("class_sizes")
    assert Model(sizes, loss=LabelSmoothing(-0.5 + 2**-50), **unit).smoothing < -0.49
    with pytest.raises(InputError, match=r"expected more than -K n\^\(1/2\) lambda = -0.5: the infimum 0 of F is not"):
        Model(sizes, loss=LabelSmoothing(-0.5), **unit)
    with pytest.raises(InputError, match="F falls without end"):
        Model(sizes, loss=LabelSmoothing(-0.5 - 2**-50), **unit)
    heavier = {"class_weights": [2.0, 2.0, 2.0]} | unit
    assert Model(sizes, loss=LabelSmoothing(-0.25 + 2**-50), **heavier).smoothing > -0.25
    with pytest.raises(InputError, match="is not attained"):
        Model(sizes, loss=LabelSmoothing(-0.25), **heavier)


def test_below_the_least_smoothing_the_objective_falls_without_end():
    """What the refusal says, seen on the line of simplex logits of a model that it refuses."""
    smoothing, c = -0.6, 0.5
    heights = np.array([10.0, 100.0, 1000.0])
    losses = np.log(np.exp(-heights) * 2 + 1) + heights - heights / 3 - heights * (1 - smoothing) * 2 / 3
    falling = losses + c * heights * 2 / 3
    assert (np.diff(falling) < 0).all()
    assert falling[-1] < -40


@pytest.mark.parametrize(
    ("point", "message"),
    [
        (np.zeros((3, 2)), "point is of type ndarray, expected Features or a Configuration"),
        (Configuration(np.eye(2), np.eye(2), class_sizes=[1, 2]), "point has 2 classes, expected 3"),
        (Configuration(np.eye(3)[:, :2], np.eye(3)[:, :2]), "without class_sizes"),
        (Configuration(np.eye(3)[:, :2], class_sizes=[2, 1, 3]), "has no weights"),
        (
            Configuration(np.eye(3)[:, :2], np.eye(3)[:, :2], class_sizes=[2, 2, 3]),
            "point has 2 samples of class 1, expected 1",
        ),
        (Configuration(np.eye(3), np.eye(3), class_sizes=[2, 1, 3]), "point has dimension 3, expected 2"),
        (
            Configuration(np.eye(3)[:, :2], np.eye(3)[:, :2], [0, 0, 1], [2, 1, 3]),
            "point has a bias that is not 0, and the model has none: say bias=True",
        ),
        (Features(np.eye(3)[:, :2], [0, 1, 2], np.eye(3)[:, :2]), "point has 1 samples of class 0, expected 2"),
    ],
)
def test_points_of_other_models(point, message):
    model = Model([2, 1, 3], 2, regularization=(1, 1))
    for question in (objective, gradient):
        with pytest.raises(InputError, match=message):
            question(model, point)


def test_tangents_of_other_shapes():
    model = MODELS[0]
    short = Tangent(np.zeros((3, 2)), np.zeros((3, 2)), np.zeros(3))
    with pytest.raises(InputError, match=r"tangent has parts of shapes .*expected \(\(3, 2\), \(6, 2\), \(3,\)\)"):
        hessian_vector_product(model, random_point(model)[-1], short)


def test_every_loss_has_a_reference():
    """`written_out` would not know a new loss; that of label sets is in test_landscape_label_sets."""
    assert {type(loss) for loss in LOSSES} | {ClassWeighted, PickAllLabels} == set(Loss.__subclasses__())
