"""Rigorous ends: brackets of an objective against sixty digits, and lower bounds that nothing is ever below."""

import itertools
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from scipy.optimize import minimize as scipy_minimize

from nctheory import Configuration, Features, InputError
from nctheory.landscape import Model, certify, gradient, objective, optimum
from nctheory.landscape.bounds import Dual, Rounded, best_bias, class_steepness, dual_bound, objective_bracket
from nctheory.landscape.closed_forms import truncated_bound
from nctheory.landscape.evaluation import Numbers
from nctheory.losses import BinaryCrossEntropy, CrossEntropy, Focal, LabelSmoothing, SquaredError
from tests.test_landscape_model import LOSSES, digits, in_digits, labels_of, random_point, written_out

CONVEX = [loss for loss in LOSSES if loss.is_convex]
BIASES = [(), (0,), (0.5,)]


def modeled(sizes, dimension=None, loss=None, penalties=(0.05, 0.02), bias=(), **unit):
    return Model(sizes, dimension, loss=loss, regularization=(*penalties, *bias), bias=bool(bias), **unit)


def assert_between(low, value, high):
    assert digits(low) <= value <= digits(high)


# ------------------------------------------------------------------------------------------------------------ brackets


@pytest.mark.parametrize("scale", [1e-6, 1.0, 30.0, 1e4])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_brackets_hold_sixty_digits(loss, scale):
    for seed, bias in enumerate(BIASES):
        model = modeled([2, 1, 3], 2, loss, bias=bias, class_weights=[1e-3, 1.0, 50.0])
        weights, features, shift, point = random_point(model, seed, scale)
        low, high = objective_bracket(model, Numbers.of(model, point))
        with mpmath.workdps(60):
            assert_between(low, in_digits(model, weights, features, np.ones(6), shift, labels_of(model)), high)
        assert high - low < 1e-9 * high


@pytest.mark.parametrize("loss", [CrossEntropy(), BinaryCrossEntropy(), SquaredError()], ids=lambda loss: loss.name)
@pytest.mark.parametrize("strength", [1e-12, 1e-7, 1e6])
def test_brackets_are_narrow_where_losses_are_small_or_penalties_large(loss, strength):
    """Half of the objective or more may be a loss of 1e-10; the errors of logits matter less there, too."""
    model = modeled([30, 10, 2], loss=loss, penalties=(strength, strength))
    point = optimum(model, tolerance=1).configuration
    low, high = objective_bracket(model, Numbers.of(model, point))
    with mpmath.workdps(60):
        parts = point.weights, point.class_means, model.class_sizes, point.bias
        assert_between(low, in_digits(model, *parts, range(3)), high)
    assert high - low < 1e-12 * high


@pytest.mark.parametrize("size", [2, 20, 200])
def test_brackets_for_many_classes(size):
    generator = np.random.default_rng(size)
    model = modeled(generator.integers(1, 10**6, size), 3, CrossEntropy(), (1e-7, 1e-9))
    weights, means = 5 * generator.standard_normal((2, size, 3))
    point = Configuration(means, weights, class_sizes=model.class_sizes)
    low, high = objective_bracket(model, Numbers.of(model, point))
    with mpmath.workdps(40):
        parts = weights, means, model.class_sizes, np.zeros(size)
        assert_between(low, in_digits(model, *parts, range(size)), high)
    assert high - low < 1e-9 * high


def test_brackets_of_points_that_are_no_floats():
    """Thirds: the float objective is that of other numbers, and still its bracket holds the true one."""
    thirds = [[Fraction(n, 3) for n in row] for row in ([1, 2], [-4, 5], [7, -8])]
    model = modeled([2, 1, 3], 2, CrossEntropy())
    point = Configuration(thirds, thirds, class_sizes=[2, 1, 3])
    low, high = objective_bracket(model, Numbers.of(model, point))
    with mpmath.workdps(60):
        parts = thirds, thirds, model.class_sizes, np.zeros(3)
        assert_between(low, in_digits(model, *parts, range(3)), high)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_brackets_of_logits_that_cancel(loss):
    """Products of 1e8 make logits of about 1: nearly all of the error is theirs, and penalties are small."""
    for seed in range(4):
        generator = np.random.default_rng(seed)
        model = modeled([2, 1, 3], 2, loss, (1e-18, 1e-12))
        weights = 1e8 * (1 + generator.random((3, 1))) @ [[1.0, -1.0]] + generator.standard_normal((3, 2))
        rows = 1 + 1e-8 * generator.standard_normal((6, 2))
        point = Features(rows, labels_of(model), weights)
        low, high = objective_bracket(model, Numbers.of(model, point))
        with mpmath.workdps(60):
            value = in_digits(model, weights, rows, np.ones(6), np.zeros(3), labels_of(model))
            assert_between(low, value, high)
        assert high - low < 1e-5 * high


def test_points_beyond_the_range_of_floats():
    model = modeled([2, 1, 3], 2, CrossEntropy())
    for scale in (1e155, 1e200, 1e308):
        for rows in (scale * np.ones((3, 2)), np.ones((3, 2))):
            point = Configuration(rows, scale * np.ones((3, 2)), class_sizes=[2, 1, 3])
            with pytest.raises(InputError, match=r"beyond the range of float64|not finite"):
                certify(model, point)


# ------------------------------------------------------------------------------------------------------ the dual bound


def exactly_checked(dual):
    """What the dual has to satisfy, and its value, in Fractions and sixty digits."""
    model, rows = dual.model, dual.rows.fractions()
    size, loss, samples = model.num_classes, model.loss, model.num_samples
    smoothing = Fraction(model.smoothing)
    multipliers = [1] * size if model.class_weights is None else [Fraction(u) for u in model.class_weights.tolist()]
    shares = [int(n) * u for n, u in zip(model.class_sizes, multipliers, strict=True)]
    slopes = [[rows[k][c] - (1 - smoothing) * (k == c) - smoothing / size for c in range(size)] for k in range(size)]
    if not isinstance(loss, SquaredError):
        assert all(0 <= q <= 1 for q in rows.flat)
    if not isinstance(loss, SquaredError | BinaryCrossEntropy):
        assert all(sum(row) == 1 for row in rows)
    total = [sum(s * row[c] for s, row in zip(shares, slopes, strict=True)) for c in range(size)]
    if model.bias and not model.lambda_bias:
        assert not any(total)
    scaled = mpmath.matrix(size, size)
    for k, c in itertools.product(range(size), repeat=2):
        scaled[k, c] = digits(multipliers[k] * slopes[k][c]) * mpmath.sqrt(int(model.class_sizes[k])) / samples
    top = mpmath.eigsy(scaled.T * scaled, eigvals_only=True)[size - 1]
    assert top <= digits(model.lambda_weights * model.lambda_features)

    def value(row, slope, k):
        if isinstance(loss, SquaredError):
            return -mpmath.fsum(digits(a) ** 2 for a in slope) / 2 - digits(slope[k])
        entropy = -mpmath.fsum(digits(q) * mpmath.log(digits(q)) for q in row if q)
        if isinstance(loss, BinaryCrossEntropy):
            entropy -= mpmath.fsum(digits(1 - q) * mpmath.log(digits(1 - q)) for q in row if q < 1)
        return entropy

    found = mpmath.fsum(
        digits(s) * value(row, slope, k) for k, (s, row, slope) in enumerate(zip(shares, rows, slopes, strict=True))
    )
    cost = digits(sum(x * x for x in total)) / (2 * samples * digits(model.lambda_bias)) if model.lambda_bias else 0
    return (found - cost) / samples


DUALS = [
    (loss, bias, weights)
    for loss in [*CONVEX, Focal(0.0), LabelSmoothing(-0.01)]
    for bias in BIASES
    for weights in (None, [1.0, 1e-5, 300.0])
    if weights is None or getattr(loss, "smoothing", 0) >= 0
]


@pytest.mark.parametrize(("loss", "bias", "weights"), DUALS)
def test_dual_bounds_in_exact_arithmetic(loss, bias, weights):
    sizes = [4, 4, 4] if getattr(loss, "smoothing", 0) < 0 else [4, 1, 7]
    for seed, penalties in enumerate([(0.05, 0.02), (1e-6, 1e-5), (1e-3, 30.0)]):
        if penalties[0] * penalties[1] < 1e-9 and sizes == [4, 4, 4]:
            continue
        model = modeled(sizes, None, loss, penalties, bias, class_weights=weights)
        for logits in (
            3 * np.random.default_rng(seed).standard_normal((3, 3)),
            optimum(model, tolerance=1).details.logits,
        ):
            dual = dual_bound(model, logits + (best_bias(model, logits) if model.bias else 0))
            if model.smoothing < 0 and dual is None:
                assert not np.array_equal(logits, optimum(model).details.logits)
                continue
            with mpmath.workdps(60):
                value = exactly_checked(dual)
                assert digits(dual.lower) <= value + mpmath.mpf(10) ** -50
                assert value - digits(dual.lower) <= 1e-12 * abs(value) + 1e-12 * abs(digits(dual.lower))


def test_the_exact_check_sees_what_is_wrong():
    """Rows that do not add up to 1, that are too far from the targets, and a sum over samples that is not 0."""
    model = modeled([4, 1, 7], None, CrossEntropy(), bias=(0,))
    dual = optimum(model).details.dual
    rows = dual.rows.fractions()
    for change in ([[1, 0, 0]] * 3, np.eye(3) - 1 / 3, np.array([[1, -1, 0], [0, 0, 0], [0, 0, 0]])):
        moved = rows + Fraction(1, 2**30) * np.frompyfunc(Fraction, 1, 1)(np.asarray(change))
        with pytest.raises(AssertionError):
            exactly_checked(Dual(model, type(dual.rows).of(moved), dual.lower, dual.steepness))


@pytest.mark.parametrize("loss", CONVEX, ids=lambda loss: loss.name)
@pytest.mark.parametrize("size", [2, 5, 40])
def test_a_spectral_norm_a_little_above_lambda_is_refused(loss, size):
    model = modeled(range(1, size + 1), None, loss, (1e-3, 1e-3))
    slopes = loss.gradient(np.random.default_rng(size).standard_normal((size, size)), range(size))
    level = model.strength * (1 - 1e-12 * size) / np.linalg.norm(slopes * np.sqrt(model.class_sizes)[:, None], 2)
    for scale, flat in ((1 - 1e-11 * size, True), (1 + 2e-12 * size, False)):
        rounded = Rounded.of(model, scale * level * model.num_samples * slopes)
        assert rounded.is_allowed
        assert rounded.is_flat == flat


@pytest.mark.parametrize("loss", [CrossEntropy(), LabelSmoothing(0.3), SquaredError()], ids=lambda loss: loss.name)
def test_free_biases_that_are_not_the_best_give_bounds_too(loss):
    model = modeled([4, 1, 7], None, loss, bias=(0,))
    logits = np.random.default_rng(0).standard_normal((3, 3))
    dual = dual_bound(model, logits + np.array([0.3, -0.1, 0.5]))
    with mpmath.workdps(60):
        assert digits(dual.lower) <= exactly_checked(dual) + mpmath.mpf(10) ** -50


def test_probabilities_of_all_orders_of_magnitude():
    """Making the sum over samples exact would leave some negative; drawn to the mean target, they are not."""
    rows = [[26.8, -18.2, 20.2], [-11.0, 18.9, 12.5], [1.5, 1.0, 7.8]], [[40.0, -5, -20], [-10, 50, 13], [11, -16, 26]]
    for logits in map(np.array, rows):
        model = modeled([8, 4, 6], None, CrossEntropy(), (1e-3, 1e-3), (0,))
        dual = dual_bound(model, logits + best_bias(model, logits))
        with mpmath.workdps(60):
            assert digits(dual.lower) <= exactly_checked(dual)
        assert dual.lower > 0


def test_there_is_no_dual_bound_of_a_loss_that_is_not_convex():
    assert dual_bound(modeled([2, 3], loss=Focal(1)), np.zeros((2, 2))) is None


@pytest.mark.parametrize("penalties", [(1e-4, 1e-10), (1e-8, 1e-6)])
@pytest.mark.parametrize("loss", [CrossEntropy(), BinaryCrossEntropy()], ids=lambda loss: loss.name)
def test_a_free_bias_and_small_slopes_go_together(loss, penalties):
    """Nearly certain classes: entries of q are small, and have to be distributions with a sum over samples of 0."""
    found = optimum(modeled([6, 1, 6, 1, 1], None, loss, penalties, (0,)))
    assert found.status == "near_optimal"
    assert found.details.dual.lower == found.lower > 0


@pytest.mark.parametrize("loss", CONVEX, ids=lambda loss: loss.name)
@pytest.mark.parametrize("bias", [(0,), (0.5,), (1e-4,)])
def test_the_best_bias_has_no_slope(loss, bias):
    model = modeled([4, 1, 7], None, loss, bias=bias, class_weights=[1.0, 2.0, 0.1])
    logits = 2 * np.random.default_rng(0).standard_normal((3, 3))
    means = Configuration(logits, np.eye(3), best_bias(model, logits), [4, 1, 7])
    assert np.abs(gradient(model, means).bias).max() < 1e-10


def test_the_best_bias_is_0_without_one():
    assert not best_bias(modeled([4, 1]), np.ones((2, 2))).any()


def test_the_steepness_is_a_spectral_norm():
    model = modeled([4, 1, 7], class_weights=[1.0, 2.0, 0.1])
    logits = np.random.default_rng(0).standard_normal((3, 3))
    slopes = model.weighted_loss.gradient(logits, range(3))[labels_of(model)] / 12
    assert class_steepness(model, logits) == pytest.approx(np.linalg.norm(slopes, 2) / model.strength, rel=1e-12)


# ------------------------------------------------------------------------------------------- nothing is ever below it


def lowest(model, starts, seed=0, steps=5000):
    """The least value that L-BFGS finds on all N samples, and where: (W, features, b)."""
    size, width, labels = model.num_classes, model.dimension, labels_of(model)
    cuts = np.cumsum([size * width, len(labels) * width])
    shapes = ((size, width), (len(labels), width), (size,))
    balance = np.sqrt(model.ratio)

    def split(flat):
        weights, features, bias = (x.reshape(shape) for x, shape in zip(np.split(flat, cuts), shapes, strict=True))
        return weights * balance, features / balance, bias * model.bias

    def evaluate(flat):
        value, (weights, features, bias) = written_out(model, *split(flat), labels)
        parts = weights * balance, features / balance, bias * model.bias
        return value / model.strength, np.concatenate([part.ravel() for part in parts]) / model.strength

    generator = np.random.default_rng(seed)
    options = {"maxiter": steps, "maxfun": 4 * steps, "ftol": 1e-16, "gtol": 1e-10, "maxcor": 30}
    ends = [
        scipy_minimize(
            evaluate, generator.standard_normal(cuts[1] + size), jac=True, method="L-BFGS-B", options=options
        )
        for _ in range(starts)
    ]
    best = min(ends, key=lambda end: end.fun)
    return best.fun * model.strength, split(best.x)


def drawn_model(seed):
    """Any convex loss, bias, class sizes and weights, dimension, and penalties over six orders of magnitude."""
    generator = np.random.default_rng(seed)
    size = int(generator.integers(2, 6))
    loss = CONVEX[seed % len(CONVEX)] if seed % 7 else Focal(0.0)
    sizes = generator.integers(1, 7, size)
    weights = 10 ** generator.uniform(-1, 1, size) if seed % 3 == 0 else None
    if seed % 10 == 5:
        loss, sizes, weights = LabelSmoothing(-0.01), [3] * size, None
    bias = [(), (0,), (float(10 ** generator.uniform(-4, 2)),)][int(generator.integers(3))]
    penalties = 10 ** generator.uniform(-2 if seed % 10 == 5 else -3, 0.5, 2)
    return modeled(sizes, int(generator.integers(1, size + 2)), loss, penalties, bias, class_weights=weights)


@pytest.mark.parametrize("block", range(4))
def test_no_point_is_below_a_lower_bound(block):
    """10,000 points in all, random ones of all scales and the ends and neighborhoods of descents."""
    for seed in range(10 * block, 10 * block + 10):
        model = drawn_model(seed)
        found, labels = optimum(model, starts=2), labels_of(model)
        bounds = [found.lower, *([found.details.dual.lower] if found.details.dual else [])]
        end, point = lowest(model, 2, seed)
        generator, values = np.random.default_rng(seed), [end]
        for index in range(250):
            near, scale = index % 2, 10 ** generator.uniform(-6, 0.5)
            moved = [near * part + scale * generator.standard_normal(part.shape) for part in point]
            values.append(written_out(model, *moved[:2], moved[2] * model.bias, labels)[0])
        assert len(values) == 251
        assert max(bounds) <= min(values) * (1 + 1e-12), model
        assert found.upper <= end * (1 + 1e-9), model


@pytest.mark.parametrize("seed", range(12))
def test_bounds_from_any_point_hold(seed):
    """The bound that a far point, a random one or a saddle gives is weaker, not wrong."""
    model = drawn_model(seed)
    end, best = lowest(model, 2, seed)
    for scale in (0.0, 0.3, 10.0):
        point = random_point(model, seed, scale)[-1]
        found = certify(model, point)
        dual = dual_bound(model, point.weights @ point.weights.T)
        if dual is not None and not model.bias:
            assert dual.lower <= end * (1 + 1e-12)
        assert found.details.minimum[0] <= end * (1 + 1e-12)
        assert found.lower <= end / objective(model, point) * (1 + 1e-12)
    at_end = certify(model, Features(best[1], labels_of(model), best[0], best[2]))
    assert at_end.details.minimum[0] <= end * (1 + 1e-12)
    assert at_end.upper >= 1 - 1e-9 or at_end.details.better is not None


# ------------------------------------------------------------------------------------- squared error, few dimensions


@pytest.mark.parametrize("bias", [(), (0,)])
@pytest.mark.parametrize("dimension", [1, 2, 3, 4])
def test_the_squared_error_s_bound_in_few_dimensions_is_attained(dimension, bias):
    model = modeled([7, 5, 2, 1], dimension, SquaredError(), (0.02, 0.03), bias)
    end, _ = lowest(model, 3)
    assert float(truncated_bound(model)) == pytest.approx(end, rel=1e-10)
    assert truncated_bound(model) <= end * (1 + 1e-13)


def test_there_is_a_truncated_bound_for_plain_squared_errors_only():
    for model in (
        modeled([3, 2]),
        modeled([3, 2], loss=SquaredError(), bias=(0.1,)),
        modeled([3, 2], loss=SquaredError(), class_weights=[1, 2]),
    ):
        assert truncated_bound(model) is None
