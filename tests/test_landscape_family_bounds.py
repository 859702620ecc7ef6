"""Rigorous ends beyond free features: non-negative ones, label sets and spheres, and what the kernel says of them."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from scipy.optimize import minimize as scipy_minimize

from nctheory import Configuration, Features, InputError
from nctheory.exact import ExactMatrix
from nctheory.landscape import Model
from nctheory.landscape.bounds import (
    Rounded,
    best_bias,
    class_slopes,
    class_steepness,
    dual_bound,
    exact_targets,
    multipliers,
    objective_bracket,
)
from nctheory.landscape.certificates import bound_certificate, decrease_certificate, knows, objective_certificate
from nctheory.landscape.evaluation import Numbers
from nctheory.landscape.sphere_bounds import SphereDual, _is_semidefinite, sphere_bound, sphere_bracket, unit_rows
from nctheory.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    Focal,
    LabelSmoothing,
    PickAllLabels,
    SquaredError,
)
from nctheory.point import Point
from tests.test_landscape_model import digits

SETS = [{0}, {1}, {2}, {3}, {0, 1}, {1, 2, 3}, {0, 3}]
BIASES = [(), (0,), (0.5,)]
CONVEX = [CrossEntropy(), LabelSmoothing(0.1), SquaredError(), BinaryCrossEntropy()]


def nonnegative(sizes, loss=None, penalties=(0.01, 0.02), bias=(), **unit):
    regularization = (*penalties, *bias)
    return Model(sizes, loss=loss, regularization=regularization, bias=bool(bias), features="nonnegative", **unit)


def of_sets(*, normalized=False, penalties=(0.02, 0.02), bias=(), sizes=(5, 3, 8, 2, 4, 1, 6), dimension=4):
    loss = PickAllLabels(SETS, normalized=normalized)
    return Model(sizes, dimension, loss=loss, regularization=(*penalties, *bias), bias=bool(bias))


def sphere(sizes, temperature, dimension=None):
    return Model(sizes, dimension, features="sphere", temperature=temperature)


# ------------------------------------------------------------------------------------- the definitions, once more


def losses_by_definition(model, logits):
    """One for each row k, in the numbers that logits are: floats or mpmath's."""
    exp, log = (mpmath.exp, mpmath.log) if isinstance(logits[0][0], mpmath.mpf) else (np.exp, np.log)
    found = []
    for k, z in enumerate(logits):
        if isinstance(model.loss, PickAllLabels):
            labels = model.loss.label_sets[k]
            parts = [log(sum(exp(x - z[c]) for x in z)) for c in labels]
            found.append(sum(parts) / (len(labels) if model.loss.normalized else 1))
        elif isinstance(model.loss, SquaredError):
            found.append(sum((x - (c == k)) ** 2 for c, x in enumerate(z)) / 2)
        elif isinstance(model.loss, BinaryCrossEntropy):
            found.append(sum(log(1 + exp(-x if c == k else x)) for c, x in enumerate(z)))
        else:
            even = model.smoothing / len(z)
            found.append(log(sum(exp(x - z[k]) for x in z)) + sum(even * (z[k] - x) for x in z))
    return found


def value_by_definition(model, weights, means, bias):
    """F where all samples of a class, or set, are at its mean."""
    weights, means, bias = (np.asarray(part) for part in (weights, means, bias))
    units = [1] * len(means) if model.class_weights is None else model.class_weights.tolist()
    if model.features == "sphere":
        root = mpmath.sqrt if isinstance(weights.flat[0], mpmath.mpf) else np.sqrt
        weights, means = (np.array([row / root((row**2).sum()) for row in part]) for part in (weights, means))
        weights = weights * (mpmath.mpf(1) if root is mpmath.sqrt else 1.0) * digits_like(model.temperature, root)
    losses = losses_by_definition(model, means.dot(weights.T) + bias)
    total = sum(int(n) * u * x for n, u, x in zip(model.class_sizes, units, losses, strict=True)) / model.num_samples
    if model.features == "sphere":
        return total
    rates = [digits_like(x, type(total)) for x in (model.lambda_weights, model.lambda_features, model.lambda_bias)]
    norm = sum(int(n) * (row**2).sum() for n, row in zip(model.class_sizes, means, strict=True))
    return total + (rates[0] * (weights**2).sum() + rates[1] * norm + rates[2] * (bias**2).sum()) / 2


def digits_like(number, kind):
    return digits(number) if kind in (mpmath.sqrt, mpmath.mpf) else float(number)


def lowest(model, starts=4, seed=0):
    """The least value that L-BFGS finds over class means, and (W, means, b) there, by the gradient of Numbers."""
    size, count, width, free = model.num_classes, len(model.class_sizes), model.dimension, model.bias
    cuts, counts = np.cumsum([size * width, count * width]), model.class_sizes.astype(float)

    def split(flat):
        weights, means, bias = np.split(flat, cuts)
        return weights.reshape(size, width), means.reshape(count, width), bias * free

    def evaluate(flat):
        weights, means, bias = split(flat)
        point = Numbers(means, np.arange(count), counts, weights, bias)
        slope = point.gradient(model)
        parts = (slope.weights, slope.features, slope.bias * free)
        return point.value(model), np.concatenate([part.ravel() for part in parts])

    generator = np.random.default_rng(seed)
    lower = 0 if model.features == "nonnegative" else None
    bounds = [(None, None)] * cuts[0] + [(lower, None)] * (count * width) + [(None, None)] * size
    ends = []
    for _ in range(starts):
        start = generator.standard_normal(cuts[1] + size)
        start[cuts[0] : cuts[1]] = np.abs(start[cuts[0] : cuts[1]]) if lower == 0 else start[cuts[0] : cuts[1]]
        options = {"maxiter": 800, "maxfun": 1600, "ftol": 1e-16, "gtol": 1e-11}
        ends.append(scipy_minimize(evaluate, start, jac=True, bounds=bounds, method="L-BFGS-B", options=options))
    best = min(ends, key=lambda end: end.fun)
    return value_by_definition(model, *split(best.x)), split(best.x)


def lowest_on_spheres(model, starts=6, seed=0):
    size, width = model.num_classes, model.dimension

    def evaluate(flat):
        rows = flat.reshape(2 * size, width)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        unit = rows / lengths
        tau, weights, means = float(model.temperature), unit[:size], unit[size:]
        logits, shares = tau * means @ weights.T, model.class_sizes / model.num_samples
        slopes = tau * shares[:, None] * model.loss.gradient(logits, np.arange(size))
        slope = np.concatenate([slopes.T @ means, slopes @ weights])
        back = (slope - (slope * unit).sum(1, keepdims=True) * unit) / lengths
        return float(shares @ model.loss.value(logits, np.arange(size))), back.ravel()

    generator, options = np.random.default_rng(seed), {"gtol": 1e-12, "maxiter": 3000}
    starts = generator.standard_normal((starts, 2 * size * width))
    ends = [scipy_minimize(evaluate, start, jac=True, method="BFGS", options=options) for start in starts]
    best = min(ends, key=lambda end: end.fun).x.reshape(2, size, width)
    return value_by_definition(model, *best, 0.0), best


def exact_slopes(model, rows: ExactMatrix):
    """u_k (q_k - t_k), and a check of the q_k."""
    targets, found = exact_targets(model), rows.fractions()
    if not isinstance(model.loss, SquaredError):
        assert all(0 <= q <= 1 for q in found.flat)
        if not isinstance(model.loss, BinaryCrossEntropy):
            assert all(sum(row) == 1 for row in found)
    units = [Fraction(u) for u in multipliers(model).tolist()]
    return [[u * x for x in row] for u, row in zip(units, found - targets, strict=True)]


def entropies(model, rows: ExactMatrix):
    found = []
    for row in rows.fractions():
        if isinstance(model.loss, SquaredError):
            found.append((1 - digits(sum(q * q for q in row))) / 2)
            continue
        terms = [*row, *(1 - q for q in row)] if isinstance(model.loss, BinaryCrossEntropy) else row
        found.append(-mpmath.fsum(digits(q) * mpmath.log(digits(q)) for q in terms if q))
    return found


def mean_entropy(model, rows: ExactMatrix):
    pairs = zip(model.class_sizes, multipliers(model), entropies(model, rows), strict=True)
    return mpmath.fsum(int(n) * mpmath.mpf(u) * e for n, u, e in pairs) / model.num_samples


def top_eigenvalues(model, slopes):
    """Of G^T G for columns n_k^(1/2) slope_k / N, and of its positive part."""
    rows = mpmath.matrix([[digits(x) / model.num_samples for x in row] for row in slopes])
    for k, n in enumerate(model.class_sizes):
        rows[k, :] = rows[k, :] * mpmath.sqrt(int(n))
    gram = rows * rows.T
    above = gram.apply(lambda x: max(x, mpmath.mpf(0)))
    return [max(mpmath.eigsy(each, eigvals_only=True)) for each in (gram, above)]


def exactly_checked(dual):
    """The value of a dual in sixty digits, once it is one."""
    model = dual.model
    slopes = exact_slopes(model, dual.rows)
    tops = top_eigenvalues(model, slopes)
    assert min(tops if model.features == "nonnegative" else tops[:1]) <= digits(
        model.lambda_weights * model.lambda_features
    )
    total = [
        sum(int(n) * x for n, x in zip(model.class_sizes, column, strict=True)) for column in zip(*slopes, strict=True)
    ]
    if model.bias and not model.lambda_bias:
        assert not any(total)
    cost = digits(sum(x * x for x in total)) / (2 * model.num_samples**2 * digits(model.lambda_bias or 1))
    return mean_entropy(model, dual.rows) - (cost if model.lambda_bias else 0)


def assert_holds(lower, value, within):
    assert digits(lower) <= value + mpmath.mpf(10) ** -50
    assert value - digits(lower) <= within * (abs(value) + mpmath.mpf(10) ** -9)


# -------------------------------------------------------------------------------------------- non-negative features


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("loss", CONVEX, ids=lambda loss: loss.name)
def test_bounds_for_non_negative_features_are_attained(loss, bias):
    """The plain condition leaves a gap, where cross-class inner products of the slopes are negative."""
    model = nonnegative([5, 3, 8], loss, bias=bias)
    value, (weights, means, shift) = lowest(model, starts=5)
    logits = means @ weights.T
    dual = dual_bound(model, logits + best_bias(model, logits))
    assert dual.lower <= value * (1 + 1e-14)
    assert dual.lower >= value * (1 - 1e-6)
    assert dual.steepness == pytest.approx(1, abs=1e-6)
    free = dual_bound(model.replace(features="free"), logits + shift)
    assert free.lower <= dual.lower * (1 + 1e-9)
    if isinstance(loss, CrossEntropy | LabelSmoothing):
        assert free.lower < 0.96 * value
        assert free.steepness > 1.1


@pytest.mark.parametrize("seed", range(8))
def test_duals_for_non_negative_features_in_exact_arithmetic(seed):
    generator = np.random.default_rng(seed)
    loss, bias, size = CONVEX[seed % 4], BIASES[seed % 3], int(generator.integers(2, 6))
    weights = 10 ** generator.uniform(-1, 1, size) if seed % 2 else None
    penalties = 10 ** generator.uniform(-4, -0.5, 2)
    model = nonnegative(generator.integers(1, 9, size), loss, penalties, bias, class_weights=weights)
    for scale in (0.0, 1.0, 6.0):
        logits = scale * generator.standard_normal((size, size)) + scale * np.eye(size)
        dual = dual_bound(model, logits + best_bias(model, logits))
        with mpmath.workdps(60):
            assert_holds(dual.lower, exactly_checked(dual), 1e-11)
        for _ in range(50):
            features = np.abs(generator.standard_normal((size, size))) * 10 ** generator.uniform(-3, 0.5)
            point = (generator.standard_normal((size, size)), features, generator.standard_normal(size) * bool(bias))
            assert dual.lower <= value_by_definition(model, *point)


@pytest.mark.parametrize("seed", range(6))
def test_the_condition_for_non_negative_features_is_copositivity(seed):
    """sum_i v_i g_i has norm at most lambda |v| for every v >= 0: 200 descents find no other."""
    generator = np.random.default_rng(seed)
    model = nonnegative([3, 1, 2], CONVEX[seed % 4], (1e-3, 1e-3))
    dual = dual_bound(model, 3 * np.eye(3) + generator.standard_normal((3, 3)))
    slopes = np.array(exact_slopes(model, dual.rows), dtype=float) / model.num_samples
    columns = np.repeat(slopes, model.class_sizes, axis=0).T
    matrix = model.strength**2 * np.eye(6) - columns.T @ columns
    least = 0.0
    for _ in range(200):
        found = scipy_minimize(
            lambda v: (v @ matrix @ v / (v @ v), 2 * (matrix @ v - v * (v @ matrix @ v) / (v @ v)) / (v @ v)),
            np.abs(generator.standard_normal(6)) + 1e-3,
            jac=True,
            bounds=[(0, None)] * 6,
        )
        least = min(least, float(found.fun))
    assert least >= -1e-12 * model.strength**2


def test_the_better_of_two_conditions_is_taken():
    """Slopes with positive inner products only: the positive part is no larger. With both signs either may be."""
    generator, smaller = np.random.default_rng(0), []
    for _ in range(40):
        model = nonnegative([3, 1, 2, 2], SquaredError(), (1e-3, 1e-3))
        logits = generator.standard_normal((4, 4))
        slopes = model.loss.gradient(logits, range(4)) * np.sqrt(model.class_sizes)[:, None] / model.num_samples
        gram = slopes @ slopes.T
        tops = [np.sqrt(np.linalg.eigvalsh(each)[-1]) / model.strength for each in (gram, np.maximum(gram, 0))]
        assert class_steepness(model, logits) == pytest.approx(min(tops), rel=1e-12)
        smaller.append(int(np.argmin(tops)))
    assert set(smaller) == {0, 1}


@pytest.mark.parametrize("size", [2, 5, 40])
def test_a_norm_a_little_above_lambda_is_refused(size):
    """Slopes toward own classes, orthogonal or at obtuse angles: only the row lengths count."""
    model = nonnegative(range(1, size + 1), CrossEntropy(), (1e-3, 1e-3))
    slopes = model.loss.gradient(np.zeros((size, size)), range(size))
    longest = float((np.sqrt(model.class_sizes) * np.linalg.norm(slopes, axis=1)).max())
    for scale, flat in ((1 - 1e-11 * size, True), (1 + 2e-12 * size, False)):
        rounded = Rounded.of(model, scale * model.strength * model.num_samples * slopes / longest)
        assert rounded.is_allowed
        assert rounded.is_flat == flat
        assert not Rounded.of(model.replace(features="free"), rounded.floats).is_flat


# -------------------------------------------------------------------------------------------------------- label sets


def test_targets_of_label_sets_are_exact():
    table = exact_targets(of_sets())
    assert [sum(row) for row in table] == [1] * len(SETS)
    assert table[5].tolist() == [0, Fraction(1, 3), Fraction(1, 3), Fraction(1, 3)]
    assert multipliers(of_sets()).tolist() == [len(each) for each in SETS]
    assert multipliers(of_sets(normalized=True)).tolist() == [1.0] * len(SETS)


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("bias", BIASES)
def test_bounds_for_label_sets_are_attained(bias, normalized):
    model = of_sets(normalized=normalized, bias=bias)
    value, (weights, means, _) = lowest(model, starts=2)
    logits = means @ weights.T
    shifted = logits + best_bias(model, logits)
    dual = dual_bound(model, shifted)
    assert value * (1 - 1e-6) <= dual.lower <= value * (1 + 1e-14)
    assert dual.steepness == pytest.approx(1, abs=1e-6)
    assert class_steepness(model, shifted) == pytest.approx(1, abs=1e-5)
    with mpmath.workdps(60):
        assert_holds(dual.lower, exactly_checked(dual), 1e-12)


@pytest.mark.parametrize("seed", range(9))
def test_duals_for_label_sets_in_exact_arithmetic(seed):
    generator = np.random.default_rng(seed)
    bias, penalties = BIASES[seed % 3], 10 ** generator.uniform(-4, 0, 2)
    model = of_sets(normalized=seed % 2 == 0, bias=bias, penalties=penalties, sizes=generator.integers(1, 9, 7))
    for scale in (0.0, 1.0, 8.0):
        logits = scale * generator.standard_normal((7, 4))
        dual = dual_bound(model, logits + best_bias(model, logits))
        with mpmath.workdps(60):
            assert_holds(dual.lower, exactly_checked(dual), 1e-12)
        for _ in range(50):
            parts = [
                generator.standard_normal(shape) * 10 ** generator.uniform(-3, 0.5) for shape in ((4, 4), (7, 4), 4)
            ]
            assert dual.lower <= value_by_definition(model, *parts[:2], parts[2] * bool(bias))


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 30.0, 1e2])
def test_brackets_of_label_sets_hold_sixty_digits(scale, normalized):
    generator = np.random.default_rng(3)
    model = of_sets(normalized=normalized, bias=(0.5,))
    weights, means, bias = (scale * generator.standard_normal(shape) for shape in ((4, 4), (7, 4), 4))
    point = Numbers(means, np.arange(7), model.class_sizes.astype(float), weights, bias)
    low, high = objective_bracket(model, point)
    with mpmath.workdps(60):
        number = np.frompyfunc(mpmath.mpf, 1, 1)
        value = value_by_definition(model, number(weights), number(means), number(bias))
        assert digits(low) <= value <= digits(high)
    assert high - low < 1e-9 * high


@pytest.mark.parametrize("normalized", [False, True])
def test_brackets_of_label_sets_whose_logits_cancel(normalized):
    """Products of 1e8 make logits of about 1: nearly all of the error is theirs, and penalties are small."""
    model = of_sets(normalized=normalized, penalties=(1e-18, 1e-12), dimension=2)
    number = np.frompyfunc(mpmath.mpf, 1, 1)
    for seed in range(20):
        generator = np.random.default_rng(seed)
        weights = 1e8 * (1 + generator.random((4, 1))) @ [[1.0, -1.0]] + generator.standard_normal((4, 2))
        means = 1 + 1e-8 * generator.standard_normal((7, 2))
        point = Numbers(means, np.arange(7), model.class_sizes.astype(float), weights, np.zeros(4))
        low, high = objective_bracket(model, point)
        with mpmath.workdps(60):
            value = value_by_definition(model, number(weights), number(means), number(np.zeros(4)))
            assert digits(low) <= value <= digits(high)
        assert high - low < 1e-5 * high


@pytest.mark.parametrize("bias", BIASES[1:])
@pytest.mark.parametrize("normalized", [False, True])
def test_the_best_bias_of_label_sets_has_no_slope(bias, normalized):
    model = of_sets(normalized=normalized, bias=bias)
    logits = 2 * np.random.default_rng(0).standard_normal((7, 4))
    shift = best_bias(model, logits)
    slopes = multipliers(model)[:, None] * class_slopes(model, logits + shift)
    total = model.class_sizes @ slopes / model.num_samples + float(model.lambda_bias) * shift
    assert np.abs(total).max() < 1e-10


# ----------------------------------------------------------------------------------------------------------- spheres


def exactly_checked_on_spheres(dual):
    """The bound in sixty digits, and the least eigenvalue of the matrix S over its diagonal."""
    model, size = dual.model, dual.model.num_classes
    slopes = exact_slopes(model, dual.rows)
    ends = [*map(Fraction, dual.alpha.tolist())]
    ends += [int(n) * Fraction(b) for n, b in zip(model.class_sizes, dual.beta.tolist(), strict=True)]
    matrix = mpmath.eye(2 * size)
    for k, n in enumerate(model.class_sizes):
        for c in range(size):
            entry = digits(model.temperature * int(n) * slopes[k][c] / model.num_samples)
            entry /= mpmath.sqrt(digits(ends[c]) * digits(ends[size + k]))
            matrix[c, size + k] = matrix[size + k, c] = entry
    return mean_entropy(model, dual.rows) - digits(sum(ends)) / 2, min(mpmath.eigsy(matrix, eigvals_only=True))


@pytest.mark.parametrize(("size", "temperature"), [(2, 1), (3, 5), (4, 10), (10, 10), (3, 100), (5, 1e-3)])
def test_the_bound_on_spheres_is_attained_by_the_simplex(size, temperature):
    model = sphere([7] * size, temperature)
    logits = temperature * (size * np.eye(size) - 1) / (size - 1)
    value = np.log1p((size - 1) * np.exp(-temperature * size / (size - 1)))
    dual = sphere_bound(model, logits)
    assert value * (1 - 5e-12) <= dual.lower <= value * (1 + 1e-14)


@pytest.mark.parametrize(
    ("sizes", "temperature"), [([9, 3, 1], 5), ([5, 5, 1, 1], 2), ([10, 1, 1, 2, 3], 8), ([4, 1], 3)]
)
def test_the_bound_on_spheres_is_attained_by_optima_of_any_sizes(sizes, temperature):
    """And it holds in fewer dimensions too, where it leaves a gap in some models."""
    model = sphere(sizes, temperature)
    value, (weights, means) = lowest_on_spheres(model)
    dual = sphere_bound(model, temperature * unit_rows(means) @ unit_rows(weights).T)
    assert value * (1 - 1e-4) <= dual.lower <= value * (1 + 1e-13)
    assert lowest_on_spheres(sphere(sizes, temperature, 2))[0] >= dual.lower
    with mpmath.workdps(60):
        bound, least = exactly_checked_on_spheres(dual)
        assert least >= 0
        assert_holds(dual.lower, bound, 1e-11)


@pytest.mark.parametrize("seed", range(8))
def test_duals_on_spheres_in_exact_arithmetic(seed):
    generator = np.random.default_rng(seed)
    size = int(generator.integers(2, 6))
    model = sphere(generator.integers(1, 30, size), float(10 ** generator.uniform(-2, 1.5)))
    for noise in (0.0, 0.1, 3.0):
        weights, means = np.eye(size) + noise * generator.standard_normal((2, size, size))
        logits = float(model.temperature) * unit_rows(means) @ unit_rows(weights).T
        dual = sphere_bound(model, logits)
        assert dual.alpha.sum() == pytest.approx(float(model.class_sizes @ dual.beta), rel=1e-8)
        with mpmath.workdps(60):
            bound, least = exactly_checked_on_spheres(dual)
            assert least >= 0
            assert_holds(dual.lower, bound, 1e-9)
        for _ in range(50):
            assert dual.lower <= value_by_definition(model, *generator.standard_normal((2, size, 3)), 0.0)


def test_multipliers_a_little_smaller_prove_nothing():
    model = sphere([4, 4, 4], 5)
    dual = sphere_bound(model, 5 * (1.5 * np.eye(3) - 0.5))
    smaller = SphereDual(model, dual.rows, dual.alpha * (1 - 1e-11), dual.beta, dual.lower)
    with mpmath.workdps(60):
        assert exactly_checked_on_spheres(dual)[1] >= 0 > exactly_checked_on_spheres(smaller)[1]


@pytest.mark.parametrize("seed", range(6))
def test_bounds_on_spheres_are_no_worse_than_by_equal_multipliers(seed):
    """With those F >= mean entropy - (K N)^(1/2) |C|_2; and alpha and n beta add up to the same, as is best."""
    generator, sizes = np.random.default_rng(seed), [9, 3, 1]
    model, better = sphere(sizes, 3), 0
    for _ in range(10):
        logits = 3 * unit_rows(generator.standard_normal((3, 3))) @ unit_rows(generator.standard_normal((3, 3))).T
        dual = sphere_bound(model, logits)
        slopes = np.array(exact_slopes(model, dual.rows), dtype=float)
        norm = np.linalg.norm(3 / 13 * np.sqrt(sizes)[:, None] * slopes, 2)
        equal = float(mean_entropy(model, dual.rows)) - np.sqrt(3 * 13) * norm
        assert float(dual.lower) >= equal - 1e-9
        better += float(dual.lower) > equal + 1e-6
        assert dual.alpha.sum() == pytest.approx(float(sizes @ dual.beta), rel=1e-9)
    assert better < 10


@pytest.mark.parametrize("size", [2, 5, 40])
def test_a_norm_a_little_above_1_is_refused_on_spheres(size):
    rows = np.random.default_rng(size).standard_normal((size, size))
    rows /= np.linalg.norm(rows, 2)
    assert _is_semidefinite((1 - 1e-11 * size) * rows)
    assert not _is_semidefinite((1 + 1e-15) * rows)


def test_logits_beyond_the_range_of_floats_leave_equal_multipliers():
    with np.errstate(over="ignore"):
        dual = sphere_bound(sphere([20, 20], 5), 1e308 * np.array([[-1.0, 1.0], [1.0, -1.0]]))
    assert len({*dual.alpha}) == len({*dual.beta}) == 1
    assert dual.lower < 0


@pytest.mark.parametrize("temperature", [1e-3, 1.0, 30.0, 200.0])
@pytest.mark.parametrize("length", [1.0, 1 + 1e-7, 1e-200, 1e200])
def test_brackets_on_spheres_hold_sixty_digits(temperature, length):
    generator = np.random.default_rng(5)
    model = sphere([2, 1, 3], temperature, 4)
    weights, means = length * generator.standard_normal((2, 3, 4))
    low, high = sphere_bracket(model, weights, means, np.arange(3), model.class_sizes)
    with mpmath.workdps(60):
        number = np.frompyfunc(mpmath.mpf, 1, 1)
        value = value_by_definition(model, number(weights), number(means), mpmath.mpf(0))
        assert digits(low) <= value <= digits(high)
    assert high - low < 1e-9 * high


def test_brackets_with_more_roundings_hold_rows_that_are_as_far_off():
    """A row may be off by 2^29 u relatively; with the errors of floats alone the bracket is far too narrow."""
    generator, counts, off = np.random.default_rng(0), np.array([2.0, 1.0, 3.0]), 2.0**-24
    model = sphere([2, 1, 3], 1, 4)
    outside = 0
    for _ in range(50):
        weights, means, *changes = generator.standard_normal((4, 3, 4))
        moved = [
            rows + off * np.linalg.norm(rows, axis=1, keepdims=True) * unit_rows(change)
            for rows, change in zip((weights, means), changes, strict=True)
        ]
        value = float(objective_bracket(model, Numbers(moved[1], np.arange(3), counts, moved[0], np.zeros(3)))[0])
        point = Numbers(means, np.arange(3), counts, weights, np.zeros(3))
        low, high = objective_bracket(model, point, roundings=2**30 + 2)
        assert low <= value <= high
        low, high = objective_bracket(model, point)
        outside += not low <= value <= high
    assert outside == 50


def test_brackets_of_rows_that_are_no_floats():
    """Rows in thirds are rounded first, and the bracket holds the value at the true ones; in any dimension."""
    generator = np.random.default_rng(1)
    for width in (1, 2, 500):
        model = sphere([2, 1, 3], 10, width)
        integers = generator.integers(1, 9, (2, 3, width)) * generator.choice([-1, 1], (2, 3, width))
        rows = (integers.astype(float) / 3 for _ in range(2))
        low, high = sphere_bracket(model, *next(rows), np.arange(3), model.class_sizes)
        with mpmath.workdps(60):
            number = np.frompyfunc(lambda x: mpmath.mpf(int(x)), 1, 1)
            value = value_by_definition(model, *number(integers), mpmath.mpf(0))
            assert digits(low) <= value <= digits(high)


# ------------------------------------------------------------------------------------------------------ certificates


def assert_bound_is_certified(dual):
    certificate = bound_certificate(dual)
    verdict = certificate.verify()
    assert verdict.kind == "objective_bound"
    assert dual.lower - abs(dual.lower) / 2**44 <= verdict.claim["bound"] <= dual.lower
    return verdict


def assert_points_are_certified(model, high, point, better):
    """The value at a point, and the decrease to another one; and neither a smaller value nor a larger decrease."""
    value = objective_certificate(model, point, high)
    assert value.verify().claim["value"] <= high * (1 + Fraction(1, 2**44))
    decrease = decrease_certificate(model, point, better)
    assert 0 < decrease.verify().claim["decrease"] < high
    for certificate, change in ((value, {"value": high * Fraction(99, 100)}), (decrease, {"decrease": high})):
        with pytest.raises(Exception, match="F is"):
            type(certificate)(certificate.claim | change, certificate.witness).verify()


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("loss", CONVEX, ids=lambda loss: loss.name)
def test_the_kernel_knows_non_negative_features(loss, bias):
    generator, means = np.random.default_rng(0), None
    for sizes in ([5, 3, 8, 2], [10**6, 3, 80, 1]):
        penalties = (0.01, 0.2 / sum(sizes))
        model = nonnegative(sizes, loss, penalties, bias, class_weights=[1.0, 0.3, 2.0, 5.0])
        logits = 5 * np.eye(4) + generator.standard_normal((4, 4))
        dual = dual_bound(model, logits + best_bias(model, logits))
        verdict = assert_bound_is_certified(dual)
        assert verdict.claim.get("features", "free") in ("free", "nonnegative")
        weights, means = generator.standard_normal((2, 4, 4))
        point = Configuration(np.abs(means), weights, class_sizes=sizes)
        better = Configuration(0.01 * np.abs(means), 0.01 * weights, class_sizes=sizes)
        high = objective_bracket(model, Numbers.of(model, point))[1]
        assert_points_are_certified(model, high, point, better)
        verdict = objective_certificate(model, point, high).verify()
        assert verdict.claim["features"] == "nonnegative"


def test_a_bound_for_all_features_is_certified_as_one():
    """Where the weaker condition fails, as the positive part of the inner products is larger."""
    model = nonnegative([3, 1, 2, 2], SquaredError(), (1e-3, 1e-3))
    generator, seen = np.random.default_rng(0), set()
    for _ in range(40):
        dual = dual_bound(model, generator.standard_normal((4, 4)))
        seen.add(assert_bound_is_certified(dual).claim.get("features"))
    assert seen == {None, "nonnegative"}


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("bias", BIASES)
def test_the_kernel_knows_label_sets(bias, normalized):
    model, generator = of_sets(normalized=normalized, bias=bias, dimension=3), np.random.default_rng(0)
    logits = 3 * generator.standard_normal((7, 4))
    dual = dual_bound(model, logits + best_bias(model, logits))
    verdict = assert_bound_is_certified(dual)
    assert [set(np.flatnonzero(row)) for row in verdict.claim["label_sets"]] == SETS
    assert verdict.claim["class_weights"] == tuple(1 if normalized else len(each) for each in SETS)
    labels, counts = np.array([6, *range(7)]), model.class_sizes.copy()
    counts[6] -= 2
    counts = np.array([2, *counts])
    parts = generator.standard_normal((8, 3)), generator.standard_normal((4, 3)), generator.standard_normal(4)
    point, better = (
        Point(scale * parts[0], labels, counts, scale * parts[1], scale * bool(bias) * parts[2], False)
        for scale in (2, 0.01)
    )
    high = objective_bracket(model, Numbers(point.points, labels, counts.astype(float), point.weights, point.bias))[1]
    assert_points_are_certified(model, high, point, better)


@pytest.mark.parametrize(
    ("sizes", "temperature"), [([4] * 3, 5), ([1, 5, 1000], 3), ([10**6, 1, 5, 7], 10), ([3] * 10, 20)]
)
def test_the_kernel_knows_spheres(sizes, temperature):
    generator, size = np.random.default_rng(0), len(sizes)
    model = sphere(sizes, temperature)
    for noise in (0.0, 0.02, 1.0):
        weights, means = np.eye(size) - 1 / size + noise * generator.standard_normal((2, size, size))
        dual = sphere_bound(model, temperature * unit_rows(means) @ unit_rows(weights).T)
        assert_bound_is_certified(dual)
    point, better = (Configuration(part, weights, class_sizes=sizes) for part in (means, 2 * weights))
    high = sphere_bracket(model, weights, means, np.arange(size), np.array(sizes))[1]
    assert_points_are_certified(model, high, point, better)


@pytest.mark.parametrize("temperature", [60, 100])
def test_the_kernel_knows_values_far_below_1_on_spheres(temperature):
    """At 100 the value is 3e-65, below what the kernel resolves: it is shown to be below 1e-50, and a bound below 0."""
    model, simplex = sphere([4] * 3, temperature), np.eye(3) - 1 / 3
    worse = np.eye(3) + 1.0
    value = 2 * np.exp(-1.5 * temperature)
    dual = sphere_bound(model, temperature * unit_rows(simplex) @ unit_rows(simplex).T)
    assert bound_certificate(dual).verify().claim["bound"] == pytest.approx(value, rel=1e-9, abs=1e-50)
    point, better = (Configuration(rows, rows, class_sizes=[4] * 3) for rows in (worse, simplex))
    high = sphere_bracket(model, simplex, simplex, np.arange(3), model.class_sizes)[1]
    assert objective_certificate(model, better, high).verify().claim["value"] == pytest.approx(
        value, rel=1e-9, abs=1e-50
    )
    assert decrease_certificate(model, point, better).verify().claim["decrease"] > 0
    with pytest.raises(InputError, match="too little for the kernel to see"):
        decrease_certificate(model, better, better)


def test_features_on_spheres_are_certified_sample_by_sample():
    model = sphere([2, 1, 3], 4, 2)
    generator = np.random.default_rng(2)
    weights, rows, labels = generator.standard_normal((3, 2)), generator.standard_normal((6, 2)), [0, 0, 1, 2, 2, 2]
    high = sphere_bracket(model, weights, rows, np.array(labels), np.ones(6))[1]
    assert objective_certificate(model, Features(rows, labels, weights), high).verify().claim["temperature"] == 4


def test_what_the_kernel_does_not_know():
    unit = {"regularization": (0.1, 0.1)}
    assert knows(sphere([2, 2], 5))
    assert knows(of_sets())
    assert knows(nonnegative([2, 2]))
    assert not knows(Model([2, 2], depth=2, **unit))
    assert not knows(Model([2, 2], loss=Focal(1), **unit))
    assert not knows(Model([9, 9], loss=LabelSmoothing(-0.01), **unit))
