"""Non-negative features: closed forms against descent, thresholds, escapes, local minima, and certificates."""

import math
from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import Bounds
from scipy.optimize import minimize as scipy_minimize

from nctheory import Configuration, Features, InputError
from nctheory.descent import downhill, inward, newton
from nctheory.landscape import (
    Model,
    certify,
    escape,
    gradient,
    hessian_vector_product,
    minimize,
    nonnegative,
    objective,
    optimum,
)
from nctheory.landscape.nonnegative_forms import steepest_mix
from nctheory.losses import BinaryCrossEntropy, CrossEntropy, Focal, LabelSmoothing, SquaredError

TINY = 1e-9


def modeled(sizes, dimension, loss, regularization, **more):
    return Model(sizes, dimension, loss=loss, regularization=regularization, features="nonnegative", **more)


def rows_of_loss(loss, logits, labels, size):
    """The losses of rows, written out."""
    targets = np.eye(size)[labels]
    if isinstance(loss, SquaredError):
        return ((logits - targets) ** 2).sum(axis=1) / 2
    if isinstance(loss, BinaryCrossEntropy):
        return (np.logaddexp(0, logits) - targets * logits).sum(axis=1)
    smoothing = loss.smoothing if isinstance(loss, LabelSmoothing) else 0.0
    targets = (1 - smoothing) * targets + smoothing / size
    top = logits.max(axis=1)
    return np.log(np.exp(logits - top[:, None]).sum(axis=1)) + top - (targets * logits).sum(axis=1)


def best_of_descent(model, starts, seed):
    """The least objective that L-BFGS-B finds on class means; the gradient is by this file's own formulas."""
    size, width = model.num_classes, model.dimension
    labels, shares = np.arange(size), model.class_sizes / model.num_samples
    penalties = [float(x) for x in (model.lambda_weights, model.lambda_features, model.lambda_bias)]
    weights_of = model.multipliers * shares

    def split(vector):
        parts = vector[: size * width].reshape(size, width), vector[size * width : 2 * size * width].reshape(size, -1)
        return *parts, vector[2 * size * width :] if model.bias else np.zeros(size)

    def evaluate(vector):
        weights, means, bias = split(vector)
        logits = means @ weights.T + bias
        value = weights_of @ rows_of_loss(model.loss, logits, labels, size)
        squares = (weights**2).sum(), model.class_sizes @ (means**2).sum(axis=1), bias @ bias
        targets = np.eye(size)
        if isinstance(model.loss, SquaredError):
            slopes = logits - targets
        elif isinstance(model.loss, BinaryCrossEntropy):
            slopes = 1 / (1 + np.exp(-logits)) - targets
        else:
            raised = np.exp(logits - logits.max(axis=1)[:, None])
            slopes = raised / raised.sum(axis=1)[:, None] - (1 - model.smoothing) * targets - model.smoothing / size
        slopes = slopes * weights_of[:, None]
        parts = [
            slopes.T @ means + penalties[0] * weights,
            slopes @ weights + penalties[1] * model.class_sizes[:, None] * means,
        ]
        end = [slopes.sum(axis=0) + penalties[2] * bias] if model.bias else []
        total = value + sum(x * y for x, y in zip(penalties, squares, strict=True)) / 2
        return total, np.concatenate([part.ravel() for part in parts + end])

    generator, least = np.random.default_rng(seed), math.inf
    low = np.full(2 * size * width + size * model.bias, -np.inf)
    low[size * width : 2 * size * width] = 0
    for _ in range(starts):
        vector = generator.standard_normal(len(low))
        vector = np.where(low == 0, np.abs(vector), vector)
        found = scipy_minimize(
            evaluate, vector, jac=True, method="L-BFGS-B", bounds=Bounds(low, np.inf), options={"maxiter": 1500}
        )
        least = min(least, found.fun)
    return least


def collapsed_random(model, seed=0, scale=1.0):
    generator = np.random.default_rng(seed)
    size, width = model.num_classes, model.dimension
    means = np.abs(generator.standard_normal((size, width))) * scale
    bias = generator.standard_normal(size) if model.bias else np.zeros(size)
    return Configuration(means, generator.standard_normal((size, width)), bias, model.class_sizes)


def spread(model, seed=0):
    """A point with its own features for every sample."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(model.num_classes), model.class_sizes)
    features = np.abs(generator.standard_normal((len(labels), model.dimension)))
    weights = generator.standard_normal((model.num_classes, model.dimension))
    bias = generator.standard_normal(model.num_classes) if model.bias else None
    return Features(features, labels, weights, bias)


# -------------------------------------------------------------------------------------------------------- closed forms

DRAWN = [
    ([4, 4, 4], 3, CrossEntropy(), (0.02, 0.1), {}),
    ([9, 4, 1], 3, CrossEntropy(), (0.05, 0.03), {}),
    ([7, 3, 2, 2], 5, CrossEntropy(), (0.01, 0.01), {"class_weights": [1.0, 2.0, 0.5, 3.0]}),
    ([6, 5, 1], 4, LabelSmoothing(0.2), (0.03, 0.05), {}),
    ([3, 3, 3], 3, CrossEntropy(), (0.03, 0.05), {"bias": True}),
    ([2, 2, 2, 2], 4, LabelSmoothing(0.1), (0.03, 0.05, 0.2), {"bias": True}),
    ([5, 2], 2, CrossEntropy(), (0.03, 0.05), {}),
    ([9, 4, 1], 3, SquaredError(), (0.05, 0.03), {}),
    ([9, 4, 2, 1], 2, SquaredError(), (0.02, 0.03), {}),
    ([4, 4, 4], 3, SquaredError(), (0.05, 0.02), {"bias": True}),
    ([3, 3, 3, 3], 5, SquaredError(), (0.05, 0.02, 0.3), {"bias": True}),
    ([2, 2], 2, SquaredError(), (0.1, 0.1, 0.05), {"bias": True, "class_weights": [2.0, 2.0]}),
]


@pytest.mark.parametrize(("sizes", "dimension", "loss", "penalties", "more"), DRAWN)
def test_a_closed_form_is_what_the_best_of_many_starts_reaches(sizes, dimension, loss, penalties, more):
    model = modeled(sizes, dimension, loss, penalties, **more)
    found = optimum(model)
    assert found.status == "near_optimal"
    assert "starts" not in found.details.statement
    least = best_of_descent(model, 24, len(sizes))
    assert least == pytest.approx(found.value, rel=1e-7)
    assert least >= float(found.lower)
    assert (found.configuration.class_means >= 0).all()
    assert objective(model, found.configuration) == pytest.approx(found.value, rel=1e-12)
    assert found.details.invariance.startswith("permutations of the coordinates")
    if found.exact is not None:
        assert float(found.exact) == pytest.approx(found.value, rel=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_closed_forms_over_drawn_models(seed):
    generator = np.random.default_rng(seed)
    size = int(generator.integers(2, 5))
    sizes = generator.integers(1, 9, size)
    penalties = tuple(10 ** generator.uniform(-2.5, -1, 2))
    losses = [CrossEntropy(), LabelSmoothing(float(generator.uniform(0, 0.5))), SquaredError()]
    for loss in losses:
        model = modeled(sizes, size + int(generator.integers(0, 3)), loss, penalties)
        found = optimum(model)
        assert found.status == "near_optimal"
        assert best_of_descent(model, 20, seed) == pytest.approx(found.value, rel=1e-6)


def test_the_class_logits_of_cross_entropy_and_their_norms():
    """q_k = N lambda / (n_k K (K - 1))^(1/2) of each wrong class, and the squared norms of weights and means."""
    sizes, weights, features = np.array([9, 4, 1]), 0.02, 0.05
    model = modeled(sizes, 3, CrossEntropy(), (weights, features))
    found = optimum(model)
    strength = math.sqrt(weights * features)
    wrong = 14 * strength / np.sqrt(sizes * 6)
    shown = np.exp(found.details.logits)
    shown /= shown.sum(axis=1)[:, None]
    assert shown[0, 1:] == pytest.approx([wrong[0]] * 2, rel=1e-12)
    assert np.diagonal(shown) == pytest.approx(1 - 2 * wrong, rel=1e-12)
    scales = np.log(1 / wrong - 2)
    means = found.configuration.class_means
    assert (means**2).sum(axis=1) == pytest.approx(math.sqrt(weights / features) * scales * np.sqrt(2 / (3 * sizes)))
    assert means @ means.T == pytest.approx(np.diag((means**2).sum(axis=1)))


def test_a_free_bias_costs_more_than_with_features_of_any_sign():
    """c (1 - 1/K)^(1/2) - c^2 / 2 against (1 - 1/K) (c - c^2 / 2): more for every c < 1, and equal from 1 on."""
    for size in (2, 3, 5):
        for c in (0.1, 0.5, 0.7, 0.9, 1.1):
            strength = c / (size * 2)
            model = modeled([4] * size, size, SquaredError(), (strength, strength), bias=True)
            plain = optimum(model.replace(features="free")).value
            reached = min(c, math.sqrt(1 - 1 / size))
            found = optimum(model)
            expected = reached * math.sqrt(1 - 1 / size) - reached**2 / 2
            assert found.value == pytest.approx(expected, rel=1e-12)
            assert plain == pytest.approx((1 - 1 / size) * (min(c, 1) - min(c, 1) ** 2 / 2), rel=1e-12)
            assert (found.value > plain * (1 + 1e-6)) == (c < 1)


def test_binary_cross_entropy_of_many_classes_has_common_coordinates():
    model = modeled([2] * 6, 6, BinaryCrossEntropy(), (0.05, 0.0125))
    found = optimum(model)
    assert found.status == "near_optimal"
    assert found.value == pytest.approx(optimum(model.replace(features="free")).value, rel=1e-9)
    assert (found.configuration.class_means > 1e-3).sum() > 6


def test_unequal_classes_with_a_bias_are_searched_and_proved():
    for loss in (CrossEntropy(), SquaredError()):
        model = modeled([20, 1, 1, 1], 4, loss, (0.05, 0.0125), bias=True)
        found = optimum(model)
        assert found.status == "near_optimal"
        assert "starts" in found.details.statement
        assert best_of_descent(model, 20, 5) == pytest.approx(found.value, rel=1e-7)


@pytest.mark.parametrize(("loss", "bias"), [(CrossEntropy(), False), (SquaredError(), True)])
def test_few_dimensions_are_undecided_with_a_bracket(loss, bias):
    model = modeled([4, 4, 4], 2, loss, (0.05, 0.0125), bias=bias)
    found = optimum(model)
    assert found.status == "undecided"
    wide = optimum(model.replace(dimension=3))
    assert float(wide.lower) * (1 - TINY) <= float(found.lower) <= best_of_descent(model, 20, 1)
    assert float(found.upper) == pytest.approx(best_of_descent(model, 40, 1), rel=1e-6)
    assert certify(model, found.configuration).status == "undecided"


# ---------------------------------------------------------------------------------------------------------- thresholds


@pytest.mark.parametrize(
    ("sizes", "loss", "more"),
    [
        ([9, 4, 1], CrossEntropy(), {}),
        ([9, 4, 1], LabelSmoothing(0.3), {}),
        ([9, 4, 1], SquaredError(), {}),
        ([4, 4, 4], SquaredError(), {"bias": True}),
        ([8, 3, 1], SquaredError(), {"bias": True}),
        ([5, 2], CrossEntropy(), {"bias": True}),
    ],
)
def test_thresholds_from_both_sides(sizes, loss, more):
    base = modeled(sizes, 4, loss, (1, 1), **more)
    known = optimum(base).details.thresholds
    for name, level in known.items():
        for factor in (0.99, 1.01):
            model = base.replace(regularization=(level * factor * 3, level * factor / 3))
            logits = optimum(model).details.logits
            if name == "total collapse":
                assert (np.abs(logits).max() > 1e-9) == (factor < 1), (name, factor)
            else:
                members = np.flatnonzero(model.class_sizes == int(name.split()[2]))
                assert (np.abs(logits[members]).max() > 1e-9) == (factor < 1), (name, factor)
        assert level <= known["total collapse"] * (1 + 1e-12)
    assert ("classes of 9 samples vanish" in known) == (9 in sizes and not more)


def test_thresholds_are_those_of_the_formulas():
    known = optimum(modeled([9, 4, 1], 3, CrossEntropy(), (1, 1))).details.thresholds
    assert known["classes of 4 samples vanish"] == pytest.approx(math.sqrt(4 * 2 / 3) / 14)
    assert known["total collapse"] == pytest.approx(math.sqrt(9 * 2 / 3) / 14)
    known = optimum(modeled([4, 4, 4], 3, SquaredError(), (1, 1), bias=True)).details.thresholds
    assert known == {"total collapse": pytest.approx(math.sqrt(2 / 3) / (3 * 2))}
    known = optimum(modeled([4, 4], 3, CrossEntropy(), (1, 1), class_weights=[1.0, 3.0])).details.thresholds
    assert known["classes of 4 samples and weight 3 vanish"] == pytest.approx(3 * math.sqrt(2) / 8)


# ------------------------------------------------------------------------------------------------------------- escapes


def with_unused(model, seed):
    """A random collapsed point that is stationary in nothing, with the last coordinate unused."""
    point = collapsed_random(model, seed, 0.3)
    means, weights = point.class_means.copy(), point.weights.copy()
    means[:, -1] = weights[:, -1] = 0
    return Configuration(means, weights, point.bias, model.class_sizes)


@pytest.mark.parametrize("loss", [CrossEntropy(), LabelSmoothing(0.1), SquaredError(), BinaryCrossEntropy()])
@pytest.mark.parametrize("bias", [False, True])
def test_the_curvature_of_an_escape_is_as_predicted(loss, bias):
    model = modeled([4, 2, 1], 3, loss, (0.02, 0.005), bias=bias)
    for seed in range(3):
        point = with_unused(model, seed)
        found = escape(model, point)
        tangent = found.tangent
        assert (tangent.features >= 0).all()
        measured = tangent.dot(hessian_vector_product(model, point, tangent))
        assert found.curvature == pytest.approx(measured, rel=1e-6)
        assert found.curvature < 0
        assert gradient(model, point).dot(tangent) == pytest.approx(0, abs=1e-12)
        assert (found.point.class_means >= 0).all()
        assert objective(model, found.point) < objective(model, point)
        assert found.objective[0] <= objective(model, found.point) <= found.objective[1]


def test_the_unscaled_direction_has_another_curvature():
    model = modeled([4, 2, 1], 3, CrossEntropy(), (0.6, 0.0005))
    zero = Configuration(np.zeros((3, 3)), np.zeros((3, 3)), class_sizes=[4, 2, 1])
    found = escape(model, zero)
    scale = math.sqrt(model.ratio)
    plain = type(found.tangent)(found.tangent.weights / scale, found.tangent.features * scale, found.tangent.bias)
    assert plain.dot(hessian_vector_product(model, zero, plain)) > 0 > found.curvature


def test_escapes_of_samples():
    model = modeled([3, 2], 3, CrossEntropy(), (0.02, 0.01))
    point = spread(model)
    features, weights = point.features.copy(), point.weights.copy()
    features[:, 1] = weights[:, 1] = 0
    point = Features(features, point.labels, weights)
    found = escape(model, point)
    measured = found.tangent.dot(hessian_vector_product(model, point, found.tangent))
    assert found.curvature == pytest.approx(measured, rel=1e-6)
    assert isinstance(found.point, Features)
    assert (found.point.features >= 0).all()
    slopes = gradient(model, point).features  # G W, which is 0 in the unused coordinate
    assert not slopes[:, 1].any()


def test_no_escape_where_all_coordinates_are_used_or_nothing_is_steep():
    model = modeled([3, 2], 2, CrossEntropy(), (0.02, 0.01))
    assert escape(model, collapsed_random(model)) is None
    best = optimum(model.replace(dimension=3))
    assert escape(model.replace(dimension=3), best.configuration) is None


def test_the_steepest_mix_is_the_best_of_all_supports():
    """max |G v| over v >= 0 is that of the eigenvectors of principal submatrices that are positive."""
    generator = np.random.default_rng(3)
    for _ in range(40):
        columns = generator.standard_normal((4, 3))
        gram = columns @ columns.T
        best = 0.0
        for count in range(1, 5):
            for chosen in combinations(range(4), count):
                values, vectors = np.linalg.eigh(gram[np.ix_(chosen, chosen)])
                for value, vector in zip(values, vectors.T, strict=True):
                    if (vector >= 0).all() or (vector <= 0).all():
                        best = max(best, value)
        mix, reached = steepest_mix(columns)
        assert (mix >= 0).all()
        assert np.linalg.norm(mix) == pytest.approx(1)
        assert reached == pytest.approx(math.sqrt(best), rel=1e-9)


# --------------------------------------------------------------------------------------- a landscape that is not benign


def with_dead_classes(model, alive):
    """The optimum of the classes alive, each with a coordinate or more, and the features 0 of all others."""
    size, width = model.num_classes, model.dimension
    best = optimum(model.replace(dimension=size))
    lengths = np.linalg.norm(best.configuration.class_means, axis=1)
    means, weights = np.zeros((size, width)), np.zeros((size, width))
    for place in range(width):
        k = alive[place % len(alive)]
        shared = len(range(alive.index(k), width, len(alive)))
        means[k, place] = lengths[k] / math.sqrt(shared)
        weights[:, place] = best.details.logits[k] / (lengths[k] * math.sqrt(shared))
    return Configuration(means, weights, class_sizes=model.class_sizes)


def value_with_dead(model, alive):
    shares = model.class_sizes / model.num_samples
    logits = optimum(model.replace(dimension=model.num_classes)).details.logits
    losses = rows_of_loss(model.loss, logits, np.arange(len(logits)), len(logits))
    penalties = model.strength * np.sqrt(model.class_sizes) * np.linalg.norm(logits, axis=1)
    return sum(
        shares[k] * losses[k] + penalties[k] if k in alive else shares[k] * math.log(len(shares))
        for k in range(len(shares))
    )


@pytest.mark.parametrize(("dimension", "alive"), [(3, [0, 1]), (4, [0, 1]), (3, [2]), (6, [0]), (12, [1, 2])])
def test_dead_classes_are_local_minima(dimension, alive):
    model = modeled([4, 3, 2], dimension, CrossEntropy(), (0.02, 0.03))
    point = with_dead_classes(model, alive)
    value = objective(model, point)
    assert value == pytest.approx(value_with_dead(model, alive), rel=1e-12)
    assert value > optimum(model).value * 1.05
    slope = gradient(model, point)
    dead = [k for k in range(3) if k not in alive]
    assert (slope.features[dead] > 1e-4).all()  # so that none of these features can become positive
    assert np.abs(slope.weights).max() < 1e-12
    assert np.abs(slope.features * point.class_means).max() < 1e-12
    assert slope.features.min() > -1e-12
    generator = np.random.default_rng(0)
    for scale in (1e-4, 1e-3, 1e-2):
        for _ in range(20):
            means = np.maximum(0, point.class_means + scale * generator.standard_normal(point.class_means.shape))
            weights = point.weights + scale * generator.standard_normal(point.weights.shape)
            assert objective(model, Configuration(means, weights, class_sizes=model.class_sizes)) >= value


def test_descent_ends_in_dead_classes_and_certify_leads_out():
    model = modeled([4, 4, 4], 3, CrossEntropy(), (0.05, 0.05))
    best, ends = optimum(model).value, []
    for seed in range(12):
        run = minimize(model, seed=seed)
        ends.append(float(run.objectives[-1]))
        found = certify(model, run.point)
        assert found.details.gradient_norm < 1e-6
        if ends[-1] > best * 1.01:
            assert found.status == "improvable"
            assert ends[-1] == pytest.approx(value_with_dead(model, [0, 1]), rel=1e-6)
        else:
            assert ends[-1] == pytest.approx(best, rel=1e-7)
    assert 0 < sum(end > best * 1.01 for end in ends) < 12


def test_a_coordinate_is_made_free_without_a_change_of_the_objective():
    model = modeled([4, 3, 2], 3, CrossEntropy(), (0.02, 0.03))
    point = nonnegative.numbers(model, with_dead_classes(model, [0, 1]))
    freed = nonnegative._freed(model, point)
    assert freed.value(model) == pytest.approx(point.value(model), rel=1e-12)
    assert (np.linalg.norm(freed.features, axis=0) < 1e-12).sum() == 1
    assert nonnegative._freed(model, nonnegative.numbers(model, optimum(model).configuration)) is None


def test_a_coordinate_is_freed_on_the_side_of_smaller_penalties():
    """Two coordinates of one class, one of which shares the norms out badly."""
    model = modeled([4, 3, 2], 3, CrossEntropy(), (0.02, 0.03))
    point = with_dead_classes(model, [0, 1])
    for factor in (0.2, 5.0):
        means, weights = point.class_means.copy(), point.weights.copy()
        means[:, 2] *= factor
        weights[:, 2] /= factor
        numbers = nonnegative.numbers(model, Configuration(means, weights, class_sizes=model.class_sizes))
        freed = nonnegative._freed(model, numbers)
        assert freed.logits == pytest.approx(numbers.logits, abs=1e-12)
        assert freed.value(model) < numbers.value(model) * (1 - 1e-3)


def test_searches_go_on_from_dead_classes():
    model = modeled([4, 3, 2], 3, CrossEntropy(), (0.02, 0.03))
    for alive in ([0, 1], [1]):
        point = nonnegative.numbers(model, with_dead_classes(model, alive))
        end = nonnegative._settled(model, point)
        assert end.value(model) == pytest.approx(optimum(model).value, rel=1e-9)


# --------------------------------------------------------------------------------------------------------- certificates


@pytest.mark.parametrize("loss", [CrossEntropy(), LabelSmoothing(0.1), SquaredError(), BinaryCrossEntropy()])
@pytest.mark.parametrize("bias", [None, (), (0.3,)])
def test_certificates_never_contradict_a_point(loss, bias):
    penalties = (0.02, 0.03) + (bias or ())
    model = modeled([5, 2, 2], 3, loss, penalties, bias=bias is not None, class_weights=[1.0, 0.5, 2.0])
    best = optimum(model)
    least = best_of_descent(model, 6, 7)
    assert float(best.lower) <= least * (1 + 1e-12)
    points = [best.configuration, collapsed_random(model), spread(model), with_unused(model, 2)]
    verdicts = [certify(model, point) for point in points]
    for point, found in zip(points, verdicts, strict=True):
        low, high = found.details.objective
        assert low <= objective(model, point) <= high
        assert found.details.minimum[0] <= least * (1 + 1e-12)
        assert found.details.minimum[1] >= found.details.minimum[0]
        if found.status == "improvable":
            assert objective(model, found.configuration) < low
    assert verdicts[0].status == best.status
    assert [found.status for found in verdicts[1:]] == ["improvable"] * 3


def test_the_kernel_confirms_what_it_is_told():
    model = modeled([5, 2, 2], 3, CrossEntropy(), (0.02, 0.03))
    best = optimum(model)
    verdict = best.verify()
    assert verdict.statement
    assert certify(model, collapsed_random(model)).verify().statement
    assert certify(model, best.configuration).verify().statement


def test_better_points_where_no_optimum_is_known(monkeypatch):
    monkeypatch.setattr(nonnegative, "_best_known", lambda model: None)
    model = modeled([4, 3, 2], 3, CrossEntropy(), (0.02, 0.03))
    improved = [spread(model), collapsed_random(model), with_unused(model, 0), with_dead_classes(model, [0, 1])]
    for point in improved:
        found = certify(model, point)
        assert found.status == "improvable"
        assert found.configuration.class_means.min() >= 0
        assert objective(model, found.configuration) < objective(model, point)
    assert certify(model, optimum(model).configuration).status == "near_optimal"
    narrow = model.replace(dimension=2)
    assert certify(narrow, with_dead_classes(narrow, [0, 1])).status == "undecided"


def test_steepness_bounds_the_steepest_mix():
    model = modeled([5, 3, 2], 3, CrossEntropy(), (0.02, 0.03), bias=True)
    for seed in range(5):
        point = with_unused(model, seed)
        assert certify(model, point).details.steepness >= escape(model, point).steepness * (1 - 1e-9)
    assert certify(model, spread(model)).details.steepness > 1


# ------------------------------------------------------------------------------------------------- descent with bounds


class Bowl:
    """|x - c|^2 / 2 + x^T A x / 2 between bounds."""

    def __init__(self, center, matrix, low, high):
        self.center, self.matrix, self.bounds = center, matrix, (low, high)

    def evaluate(self, flat):
        rest = flat - self.center
        return float(rest @ rest + flat @ self.matrix @ flat) / 2, rest + self.matrix @ flat

    def curvature(self, flat, along):
        return along + self.matrix @ along


def test_descent_between_bounds():
    generator = np.random.default_rng(0)
    root = generator.standard_normal((5, 5))
    center = np.array([1.0, -2.0, 3.0, -0.5, 0.2])
    problem = Bowl(center, root @ root.T / 5, np.zeros(5), np.array([0.6, 9, 9, 9, 9]))
    coarse = downhill(problem, np.full(5, 0.3), steps=100, tolerance=1e-2)
    end = newton(problem, downhill(problem, np.full(5, 0.3), steps=200, tolerance=1e-7))
    slope = problem.evaluate(end)[1]
    assert (end >= 0).all()
    assert end[0] == 0.6
    assert np.abs(inward(problem, end, slope)).max() < 1e-12
    assert (end == 0).any()
    assert ((end > 0) & (end < 0.6)).sum() >= 1
    assert np.abs(slope).max() > 1e-2
    assert np.abs(inward(problem, coarse, problem.evaluate(coarse)[1])).max() > 1e-12
    assert inward(problem, np.full(5, 0.3), slope) is not slope
    with pytest.raises(InputError, match="newton"):
        downhill(problem, end, steps=5, tolerance=1e-9, trust_region=True)


def test_random_starts_are_points_from_which_descent_ends_nowhere_else():
    """L-BFGS alone stops at two of these 60 where a derivative is about 0.05."""
    model, generator = modeled([4, 4, 4], 3, CrossEntropy(), (1 / 60, 1 / 60)), np.random.default_rng(0)
    for _ in range(60):
        start = nonnegative.start(model, generator)
        assert start.features.min() >= 0
        problem = nonnegative.flat(model, start)
        end = downhill(problem, problem.of(start), steps=2000, tolerance=1e-9)
        assert np.abs(inward(problem, end, problem.evaluate(end)[1])).max() < 1e-6


def test_runs_end_at_critical_points_with_complementary_slopes():
    for loss, bias in ((CrossEntropy(), False), (SquaredError(), True)):
        model = modeled([4, 3, 2], 4, loss, (0.05, 0.02), bias=bias)
        for seed in range(4):
            run = minimize(model, seed=seed)
            slope, means = gradient(model, run.point), run.point.class_means
            assert (means >= 0).all()
            assert (slope.features >= -1e-7).all()
            assert np.abs(slope.features * means).max() < 1e-6
            assert np.abs(slope.weights).max() < 1e-6
            assert run.objectives[-1] >= float(optimum(model).lower)


def test_runs_from_samples():
    model = modeled([3, 2], 3, CrossEntropy(), (0.05, 0.02))
    run = minimize(model, start=spread(model))
    assert isinstance(run.point, Features)
    assert (run.point.features >= 0).all()
    assert run.objectives[-1] == pytest.approx(optimum(model).value, rel=1e-6)


# ----------------------------------------------------------------------------------------------------------- bad input


def test_points_below_0_are_refused():
    model = modeled([2, 1], 2, CrossEntropy(), (0.05, 0.02))
    wrong = Configuration([[1, -0.5], [0, 1]], np.eye(2), class_sizes=[2, 1])
    for question in (objective, gradient, certify, escape):
        with pytest.raises(InputError, match=r"feature of -0\.5, expected none below 0"):
            question(model, wrong)
    with pytest.raises(InputError, match=r"feature of -0\.5"):
        minimize(model, start=wrong)


def test_what_has_no_theory_here_is_refused():
    with pytest.raises(InputError, match="non-negative features have theory here for convex losses"):
        modeled([2, 2], 2, Focal(2), (0.1, 0.1))
    with pytest.raises(InputError, match="'newton', whose trust region knows no bounds"):
        minimize(modeled([2, 2], 2, CrossEntropy(), (0.1, 0.1)), seed=0, method="newton")
    with pytest.raises(InputError, match="dimension 3, expected 2"):
        certify(
            modeled([2, 2], 2, CrossEntropy(), (0.1, 0.1)),
            Configuration(np.eye(2, 3), np.eye(2, 3), class_sizes=[2, 2]),
        )
