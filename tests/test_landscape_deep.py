"""Deep models: the closed form by modes, thresholds from both sides, bounds that nothing is ever below, low ranks."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize as scipy_minimize
from scipy.special import logsumexp

from nctheory import Configuration, InputError
from nctheory.landscape import (
    Model,
    certify,
    escape,
    gradient,
    hessian_vector_product,
    minimize,
    objective,
    optimum,
)
from nctheory.landscape.deep import edges_of_a_graph, factored, thresholds
from nctheory.landscape.deep_bounds import (
    jump,
    largest_root,
    last_root,
    modes,
    nuclear_bound,
    objective_bracket,
    spectral_bound,
    transition,
)
from nctheory.landscape.deep_points import DeepFlat, DeepNumbers, DeepPoint, random_start
from nctheory.losses import CrossEntropy, Focal, SquaredError
from nctheory.result import Status

SQUARED = SquaredError()


def deep(sizes, dimension=None, penalties=(0.03, 0.02), depth=2, loss=SQUARED, bias=False, activation="linear"):
    return Model(sizes, dimension, loss=loss, regularization=penalties, depth=depth, bias=bias, activation=activation)


def one_strength(sizes, strength, **unit):
    """All factors with the same penalty."""
    return deep(sizes, penalties=(strength, strength), **unit)


def written_out(model, layers, rows, counts, bias, labels):
    """F as it is written, in NumPy; shares no code with the package."""
    hidden = rows
    for matrix in layers[:-1]:
        hidden = hidden @ matrix.T
        if model.activation == "relu":
            hidden = np.where(hidden > 0, hidden, 0)
    logits = hidden @ layers[-1].T + bias
    if isinstance(model.loss, SquaredError):
        losses = ((logits - np.eye(len(bias))[labels]) ** 2).sum(axis=1) / 2
    else:
        losses = logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]
    paid = sum(float(p) * (w**2).sum() for p, w in zip(model.layer_penalties, layers, strict=True))
    paid += float(model.lambda_features) * counts @ (rows**2).sum(axis=1)
    return counts @ losses / counts.sum() + paid / 2


def drawn(model, seed=0, scale=1.0):
    generator = np.random.default_rng(seed)
    size, width = model.num_classes, model.dimension
    shapes = [(width, width)] * (model.depth - 1) + [(size, width)]
    layers = [scale * generator.standard_normal(shape) for shape in shapes]
    shift = generator.standard_normal(size) if model.bias else np.zeros(size)
    return layers, scale * generator.standard_normal((size, width)), shift


def drawn_point(model, seed=0, scale=1.0):
    layers, means, shift = drawn(model, seed, scale)
    return DeepPoint(layers, means, class_sizes=model.class_sizes, bias=shift)


def descended(model, seed, starts=1):
    """The least F of descents by SciPy from random starts, with derivatives by the package."""
    flat, generator = DeepFlat.like(model, random_start(model, np.random.default_rng(0))), np.random.default_rng(seed)
    runs = []
    for _ in range(starts):
        start = flat.of(random_start(model, generator))
        found = scipy_minimize(flat.evaluate, start, jac=True, method="L-BFGS-B", options={"maxiter": 3000})
        runs.append(float(found.fun))
    return runs


MODELS = [
    deep([3, 2, 4], 4, ((0.1, 0.2), 0.05), loss=CrossEntropy()),
    deep([3, 2, 4], 2, ((0.1, 0.2, 0.3), 0.05), 3),
    deep([3, 2, 4], 3, ((0.1, 0.2), 0.05), bias=True),
    deep([3, 2], 3, ((0.1, 0.2, 0.3), 0.05), 3, activation="relu"),
]


# ---------------------------------------------------------------------------------------------- values and derivatives


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_the_objective_is_as_it_is_written(model):
    for seed in range(3):
        layers, means, shift = drawn(model, seed)
        counts, labels = model.class_sizes.astype(float), np.arange(model.num_classes)
        point = DeepPoint(layers, means, class_sizes=model.class_sizes, bias=shift)
        value = written_out(model, layers, means, counts, shift, labels)
        assert objective(model, point) == pytest.approx(value, rel=1e-13)
        labels = np.repeat(labels, model.class_sizes)
        spread = DeepPoint(layers, features=means[labels], labels=labels, bias=shift)
        assert objective(model, spread) == pytest.approx(value, rel=1e-13)
        assert spread.class_means == pytest.approx(means)
        assert spread.class_sizes.tolist() == model.class_sizes.tolist()


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_derivatives_are_differences(model):
    generator = np.random.default_rng(1)
    labels = np.repeat(np.arange(model.num_classes), model.class_sizes)
    layers, means, shift = drawn(model, 2)
    rows = means[labels] + generator.standard_normal((len(labels), model.dimension))
    for point in (drawn_point(model, 3), DeepPoint(layers, features=rows, labels=labels, bias=shift)):
        numbers = DeepNumbers.of(model, point)
        flat = DeepFlat.like(model, numbers)
        vector, along = flat.of(numbers), generator.standard_normal(len(flat.of(numbers)))
        assert flat.of(flat.numbers(vector)) == pytest.approx(vector)
        step, tangent = 1e-6, flat.tangent(along)
        there, back = (flat.numbers(vector + sign * step * along) for sign in (1, -1))
        slope = (there.value(model) - back.value(model)) / (2 * step)
        assert gradient(model, point).dot(tangent) == pytest.approx(slope, rel=1e-6, abs=1e-8)
        product = hessian_vector_product(model, point, tangent)
        ends = there.gradient(model).parts, back.gradient(model).parts
        for part, one, two in zip(product.parts, *ends, strict=True):
            assert part == pytest.approx((one - two) / (2 * step), rel=1e-5, abs=1e-6)
        assert flat.evaluate(vector)[1] @ along == pytest.approx(slope, rel=1e-6, abs=1e-8)
        assert flat.curvature(vector, along) @ along == pytest.approx(product.dot(tangent), rel=1e-9)


@pytest.mark.parametrize("model", MODELS, ids=str)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 5.0])
def test_brackets_hold_sixty_digits(model, scale):
    point = drawn_point(model, 5, scale)
    low, high = objective_bracket(model, DeepNumbers.of(model, point))
    with mpmath.workdps(60):
        value = in_digits(model, point)
        assert mpmath.mpf(low.numerator) / low.denominator <= value <= mpmath.mpf(high.numerator) / high.denominator
    assert high - low < 1e-9 * high


def in_digits(model, point):
    """F in mpmath."""
    total = mpmath.mpf(0)
    for row, label, count in zip(point.features, point.labels, point.counts, strict=True):
        hidden = mpmath.matrix(row.tolist())
        for place, matrix in enumerate(point.layers):
            hidden = mpmath.matrix(matrix.tolist()) * hidden
            if model.activation == "relu" and place + 1 < model.depth:
                hidden = hidden.apply(lambda x: max(x, mpmath.mpf(0)))
        logits = [z + mpmath.mpf(float(b)) for z, b in zip(hidden, point.bias, strict=True)]
        if isinstance(model.loss, SquaredError):
            loss = sum((z - (c == label)) ** 2 for c, z in enumerate(logits)) / 2
        else:
            loss = mpmath.log(sum(mpmath.exp(z - logits[label]) for z in logits))
        total += mpmath.mpf(float(count)) * loss / model.num_samples
        total += exactly(model.lambda_features) * mpmath.mpf(float(count)) / 2 * squares(row)
    paid = (exactly(p) / 2 * squares(w.ravel()) for p, w in zip(model.layer_penalties, point.layers, strict=True))
    return total + sum(paid)


def exactly(number):
    return mpmath.mpf(number.numerator) / number.denominator


def squares(entries):
    return sum((mpmath.mpf(float(x)) ** 2 for x in entries), mpmath.mpf(0))


# --------------------------------------------------------------------------------------------- the function of one mode


@pytest.mark.parametrize(("size", "expected"), [(2, 1), (3, 2 ** (-4 / 3)), (4, 0.272166), (5, 0.210367)])
def test_known_transitions(size, expected):
    assert transition(size) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("size", [3, 4, 5, 9])
def test_the_transition_is_where_both_minima_are_equal(size):
    """By brute force over x, which shares nothing with the formulas."""
    grid = np.linspace(1e-9, 1.2, 400_001)

    def values(penalty):
        return (1 - grid) ** 2 / 2 + size / 2 * penalty * grid ** (2 / size)

    below, above = (values(transition(size) * factor) for factor in (0.999, 1.001))
    assert below.min() < 0.5 < above.min() + 1e-6
    assert above[grid > 0.1].min() > 0.5
    assert grid[values(transition(size))[grid > 0.1].argmin() + (grid <= 0.1).sum()] == pytest.approx(
        jump(size), abs=1e-4
    )
    rising = [np.diff(values(last_root(size) * factor)).min() for factor in (0.99, 1.01)]
    assert rising[0] < 0 < rising[1]


@given(st.integers(3, 8), st.floats(1e-6, 0.999))
@settings(deadline=None, max_examples=60)
def test_the_larger_root_is_a_minimum(size, share):
    penalty = share * last_root(size)
    x = largest_root(size, penalty)
    assert (1 - x) * x ** (1 - 2 / size) == pytest.approx(penalty, rel=1e-9, abs=1e-15)
    assert x >= (size - 2) / (2 * size - 2)


def test_two_factors_are_the_plain_model():
    for sizes, bias in (([4, 4, 4], False), ([5, 3, 1], False), ([5, 3, 1], True)):
        for strength in (0.01, 0.1, 0.25):
            plain = Model(sizes, loss=SQUARED, regularization=(strength, strength), bias=bias)
            found = optimum(plain)
            assert float(spectral_bound(plain)) == pytest.approx(found.value, rel=1e-9)
            kept = [mode.shrinkage for mode in modes(plain)]
            for mode, x in zip(modes(plain), kept, strict=True):
                assert x == pytest.approx(max(0, 1 - mode.penalty), abs=1e-12)


# ------------------------------------------------------------------------------------------------------ the closed form


@given(
    st.lists(st.integers(1, 9), min_size=2, max_size=4),
    st.integers(1, 5),
    st.floats(0.003, 0.3),
    st.integers(2, 4),
    st.booleans(),
    st.integers(0, 10**6),
)
@settings(deadline=None, max_examples=25)
def test_nothing_is_below_the_closed_form(sizes, dimension, strength, depth, bias, seed):
    generator = np.random.default_rng(seed)
    factors = np.exp(generator.normal(size=depth))
    penalties = (tuple((strength * factors).tolist()), strength)
    model = deep(sizes, dimension, penalties, depth, bias=bias)
    found = optimum(model)
    assert found.status == Status.NEAR_OPTIMAL
    assert objective(model, found.configuration) == pytest.approx(found.value, rel=1e-9)
    assert min(descended(model, seed, 4)) >= float(found.lower) * (1 - 1e-12)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("sizes", "dimension", "depth"), [([4, 4, 4], 3, 2), ([7, 3, 2], 4, 2), ([3, 3], 2, 3)])
def test_descent_from_many_starts_reaches_the_closed_form(sizes, dimension, depth, bias):
    model = one_strength(sizes, 0.02, dimension=dimension, depth=depth, bias=bias)
    found, runs = optimum(model), descended(model, 7, 20)
    assert min(runs) == pytest.approx(found.value, rel=1e-7)
    assert all(run >= float(found.lower) * (1 - 1e-12) for run in runs)


def test_all_samples_of_a_class_share_a_feature():
    """Descent over all N features, not class means only."""
    model = deep([3, 2], 3, (0.03, 0.02), 2)
    labels = np.repeat(np.arange(2), model.class_sizes)
    best = optimum(model)
    layers = best.configuration.layers
    generator = np.random.default_rng(0)
    rows = best.configuration.class_means[labels] + 0.1 * generator.standard_normal((5, 3))
    run = minimize(model, start=DeepPoint(layers, features=rows, labels=labels))
    assert run.objectives[-1] == pytest.approx(best.value, rel=1e-9)
    assert np.ptp(run.point.features[labels == 0], axis=0).max() < 1e-5


def test_few_dimensions_keep_the_largest_modes():
    model = deep([7, 5, 2], 2, (0.003, 0.002))
    found = optimum(model)
    assert found.status == Status.NEAR_OPTIMAL
    assert found.details.rank == 2
    assert found.details.logits[2, 2] == 0
    assert min(descended(model, 0, 20)) == pytest.approx(found.value, rel=1e-7)


def test_classes_vanish_one_after_the_other():
    model = deep([9, 4, 1], penalties=(1, 1))
    levels = [thresholds(model)[f"classes of {n} samples vanish"] for n in (1, 4, 9)]
    assert levels == sorted(levels)
    for place, level in enumerate(levels):
        below, above = (optimum(one_strength([9, 4, 1], level * f)) for f in (1 - 1e-6, 1 + 1e-6))
        assert (below.details.rank, above.details.rank) == (3 - place, 2 - place)
        shares = below.details.logits.diagonal()
        assert shares[shares > 0].min() == pytest.approx(jump(3), abs=1e-3)
        assert below.value == pytest.approx(above.value, rel=1e-5)


@pytest.mark.parametrize("depth", [2, 3])
@pytest.mark.parametrize("bias", [False, True])
def test_at_the_threshold_there_are_two_minimizers(depth, bias):
    size, sizes = depth + 1, [1, 1, 1]
    level = transition(size) / 3
    model = one_strength(sizes, level, depth=depth, bias=bias)
    assert thresholds(model)["total collapse"] == pytest.approx(level, rel=1e-12)
    found = optimum(model)
    one, two = found.details.minimizers
    assert objective(model, one) == pytest.approx(objective(model, two), rel=1e-12)
    ranks = [
        np.linalg.matrix_rank(np.linalg.multi_dot([*point.layers[::-1], point.class_means.T])) for point in (one, two)
    ]
    assert ranks == [3 - bias, 0]
    assert found.status == Status.NEAR_OPTIMAL
    assert found.details.jump == pytest.approx((size - 2) / (size - 1))
    assert optimum(one_strength(sizes, level * 1.01, depth=depth, bias=bias)).details.minimizers == ()


def test_a_stationary_root_beyond_the_threshold_is_not_global():
    """Beyond the threshold 0 is strictly better, and the root a local minimum all the same."""
    level = thresholds(one_strength([4, 4, 4], 1.0))
    middle = (level["total collapse"] + level["no critical point but 0"]) / 2
    model = one_strength([4, 4, 4], middle)
    (mode,) = modes(model)
    assert mode.root > mode.shrinkage == 0
    point = factored(model, np.diag([mode.root] * 3), np.zeros(3)).point
    assert gradient(model, point).norm < 1e-12
    assert escape(model, point) is None
    found = certify(model, point)
    assert found.status == Status.IMPROVABLE
    assert objective(model, found.configuration) == pytest.approx(0.5)
    assert found.details.imbalance < 1e-12
    assert not modes(one_strength([4, 4, 4], 1.001 * level["no critical point but 0"]))[0].root


@given(st.integers(2, 4), st.integers(1, 4), st.integers(0, 10**6))
@settings(deadline=None, max_examples=40)
def test_penalties_are_at_least_those_of_the_singular_values(depth, width, seed):
    model = deep([3, 1, 2], width, ((0.1, 2.0, 0.4, 1.0)[:depth], 0.7), depth)
    layers, means, _ = drawn(model, seed)
    logits = np.sqrt(model.class_sizes)[:, None] * means @ np.linalg.multi_dot([*layers[::-1], np.eye(width)]).T
    values, size = np.linalg.svd(logits, compute_uv=False)[:width], depth + 1
    least = size / 2 * model.strength * (values ** (2 / size)).sum()
    nuclear = size / 2 * model.strength * values.sum() ** (2 / size)
    paid = sum(float(p) * (w**2).sum() for p, w in zip(model.layer_penalties, layers, strict=True)) / 2
    paid += float(model.lambda_features) / 2 * (np.array([3, 1, 2]) @ (means**2).sum(axis=1))
    assert paid >= least * (1 - 1e-12)
    assert least >= nuclear * (1 - 1e-12)
    balanced = factored(model, logits / np.sqrt(model.class_sizes)[:, None], np.zeros(3))
    paid = sum(float(p) * (w**2).sum() for p, w in zip(model.layer_penalties, balanced.layers, strict=True)) / 2
    paid += float(model.lambda_features) / 2 * (np.array([3, 1, 2]) @ (balanced.features**2).sum(axis=1))
    assert paid == pytest.approx(least, rel=1e-9)
    assert balanced.logits(model) * np.sqrt(model.class_sizes)[:, None] == pytest.approx(logits)
    assert balanced.imbalance(model) < 1e-9


@pytest.mark.parametrize("strength", [1e-9, 1e-4, 0.0437, 0.0438, 0.2])
def test_the_bound_by_modes_against_brute_force(strength):
    """The sum of v(t), each by a fine search in SciPy."""
    from scipy.optimize import minimize_scalar

    model = one_strength([9, 4, 4, 1], strength, dimension=3)
    total, size = 1 / 36, 3
    for t in (9, 4, 4):
        starts = np.linspace(0.01, 1.2, 40) * math.sqrt(t)

        def value(s, t=t):
            return (s - math.sqrt(t)) ** 2 / 36 + 1.5 * strength * abs(s) ** (2 / size)

        runs = [minimize_scalar(value, bracket=(s, 1.01 * s), tol=1e-14).fun for s in starts]
        total += min(t / 36, *runs)
    assert float(spectral_bound(model)) == pytest.approx(total, rel=1e-9)


# -------------------------------------------------------------------------------------------- bounds by a nuclear norm


@given(
    st.lists(st.integers(1, 6), min_size=2, max_size=4),
    st.integers(1, 4),
    st.floats(0.01, 0.15),
    st.integers(2, 4),
    st.sampled_from(["ce", "relu"]),
    st.integers(0, 10**6),
)
@settings(deadline=None, max_examples=20)
def test_no_point_is_below_the_nuclear_bound(sizes, dimension, strength, depth, kind, seed):
    loss, activation = (CrossEntropy(), "linear") if kind == "ce" else (SQUARED, "relu")
    model = one_strength(sizes, strength, dimension=dimension, depth=depth, loss=loss, activation=activation)
    bound = float(nuclear_bound(model, Fraction(2), Fraction(1, 10**6)))
    assert 0 < bound <= min(descended(model, seed, 3)) * (1 + 1e-12)


@pytest.mark.parametrize("strength", [0.003, 0.05, 0.13, 0.4])
def test_the_nuclear_bound_against_brute_force(strength):
    """Balanced cross-entropy: the least loss with nuclear norm v is that of a simplex of this norm."""
    model = one_strength([4, 4, 4], strength, loss=CrossEntropy())
    norms = np.linspace(0, 60, 600_001)
    values = np.log1p(2 * np.exp(-norms / (2 * 2))) + 1.5 * strength * norms ** (2 / 3)
    bound = nuclear_bound(model, Fraction(values.min()), Fraction(1, 10**10))
    assert float(bound) == pytest.approx(values.min(), rel=1e-8)
    assert float(bound) <= values.min() * (1 + 1e-12)


@pytest.mark.parametrize("sizes", [[3, 3], [7, 3], [20, 1]])
@pytest.mark.parametrize("depth", [2, 3])
def test_two_classes_are_solved(sizes, depth):
    """Rank one loses nothing there: the bound is attained, for any class sizes."""
    for strength in (0.002, 0.03, 0.4):
        model = one_strength(sizes, strength, depth=depth, loss=CrossEntropy())
        found = optimum(model)
        assert found.status == Status.NEAR_OPTIMAL
        assert min(descended(model, 0, 20)) >= float(found.lower) * (1 - 1e-12)
        samples, size = sum(sizes), depth + 1
        gaps = np.linspace(0, 40, 400_001)
        paid = size / 2 * strength * (gaps * math.sqrt(samples / 2)) ** (2 / size)
        assert found.value == pytest.approx((np.log1p(np.exp(-gaps)) + paid).min(), rel=1e-7)


# ---------------------------------------------------------------------------------------------- cross-entropy, low rank


def at_best_scale(model, shape):
    """The least value of a multiple of class logits, by brute force."""
    size, values = model.depth + 1, np.linalg.svd(np.sqrt(model.class_sizes)[:, None] * shape, compute_uv=False)
    scales = np.geomspace(1e-3, 1e3, 20_001)
    logits = scales[:, None, None] * shape
    own = np.diagonal(logits, axis1=1, axis2=2)
    losses = (logsumexp(logits, axis=2) - own) @ model.class_sizes / model.num_samples
    kept = values[values > 1e-9 * values[0]]
    return float((losses + size / 2 * model.strength * (kept ** (2 / size)).sum() * scales ** (2 / size)).min())


def simplex(size):
    return np.eye(size) - 1 / size


def orthoplex(size):
    return np.kron(np.eye(size // 2), [[0.5, -0.5], [-0.5, 0.5]])


@pytest.mark.parametrize(
    ("size", "depth", "wins"), [(4, 2, False), (6, 2, True), (8, 2, True), (4, 3, True), (6, 3, True)]
)
def test_the_orthoplex_beats_the_simplex_for_small_penalties(size, depth, wins):
    """2^(2/L - 1) K < K - 1; and what is found is at least as good."""
    assert wins == (2 ** (2 / (depth + 1) - 1) * size < size - 1)
    model = one_strength([1] * size, 1e-5, depth=depth, loss=CrossEntropy())
    pair = at_best_scale(model, orthoplex(size)), at_best_scale(model, simplex(size))
    assert (pair[0] < pair[1]) == wins
    found = optimum(model)
    assert found.upper <= min(pair) * (1 + 1e-9)
    assert found.lower <= found.upper
    assert found.status == Status.UNDECIDED


def test_a_window_where_rank_one_wins_for_three_classes():
    line = np.outer([1, -1, 0], [1, -1, 0]) / 2
    model = one_strength([1, 1, 1], 0.185, loss=CrossEntropy())
    values = [at_best_scale(model, shape) for shape in (line, simplex(3))]
    assert values[0] < min(values[1], math.log(3)) - 1e-3
    found = optimum(model)
    assert found.details.rank == 1
    assert float(found.upper) <= values[0] * (1 + 1e-9)
    assert optimum(one_strength([1, 1, 1], 0.15, loss=CrossEntropy())).details.rank == 2
    assert optimum(one_strength([1, 1, 1], 0.22, loss=CrossEntropy())).details.rank == 0


@pytest.mark.parametrize(
    ("sizes", "strength", "depth"),
    [([2, 2, 2], 0.02, 2), ([2] * 4, 0.01, 3), ([2] * 6, 0.003, 2), ([5, 2, 1], 0.01, 2)],
)
def test_the_search_is_as_good_as_twenty_random_starts(sizes, strength, depth):
    model = one_strength(sizes, strength, depth=depth, loss=CrossEntropy())
    found, runs = optimum(model), descended(model, 3, 20)
    assert min(runs) >= float(found.upper) * (1 - 1e-7)
    assert min(runs) >= float(found.lower)


def test_large_penalties_are_proved_to_collapse():
    for sizes in ([2, 2, 2], [5, 2, 1]):
        found = optimum(one_strength(sizes, 0.6, loss=CrossEntropy()))
        assert found.status == Status.NEAR_OPTIMAL
        assert found.value == pytest.approx(math.log(3))
        assert found.details.rank == 0


# ----------------------------------------------------------------------------------------------------------------- ReLU


@pytest.mark.parametrize(("sizes", "strength"), [([3, 3, 3], 0.02), ([5, 2], 0.03), ([2] * 4, 0.3)])
def test_two_layers_with_a_relu_match_the_linear_model(sizes, strength):
    model = one_strength(sizes, strength, dimension=len(sizes) + 1, activation="relu")
    linear = optimum(one_strength(sizes, strength, dimension=len(sizes) + 1))
    found = optimum(model, starts=20)
    assert found.value <= linear.value * (1 + 1e-9)
    assert float(found.upper) == pytest.approx(linear.value, rel=1e-9)
    assert min(descended(model, 5, 20)) >= linear.value * (1 - 1e-9)
    assert found.lower <= found.upper
    if strength == 0.3:
        assert found.value == pytest.approx(0.5)


def test_no_thresholds_are_claimed_with_a_relu():
    """The graph of ten classes is better than zero where linear models have vanished."""
    linear = one_strength([1] * 10, 1.0, depth=3)
    level = 1.02 * thresholds(linear)["total collapse"]
    model = one_strength([1] * 10, level, depth=3, activation="relu")
    assert thresholds(model) == {}
    assert edges_of_a_graph(model).value(model) > 0
    assert optimum(model, starts=1).upper < 0.5


def test_three_layers_with_a_relu_and_many_classes_beat_the_orthogonal_frame():
    """Classes as edges of a graph: a matrix of rank 5 in place of one of rank 10."""
    model = one_strength([1] * 10, 0.01, depth=3, activation="relu")
    frame = factored(model, np.diag([modes(model)[0].root] * 10), np.zeros(10))
    graph = edges_of_a_graph(model)
    _, first, second, logits = graph.activations(model)
    assert np.linalg.matrix_rank(first @ graph.layers[1].T) == 5
    assert (second > 0.1).sum() == 30
    assert logits == pytest.approx(np.eye(10))
    found = optimum(model, starts=1)
    assert objective(model, found.configuration) < frame.value(model) * (1 - 1e-3)
    assert found.lower <= found.upper
    assert found.status == Status.UNDECIDED
    assert certify(model, frame.point).status == Status.IMPROVABLE


# --------------------------------------------------------------------------------------------- points, and what of them


def test_the_origin_is_a_local_minimum_of_every_deep_model():
    for model in (deep([4, 4, 4]), deep([4, 4], loss=CrossEntropy()), deep([4, 4], activation="relu")):
        size, width = model.num_classes, model.dimension
        zero = DeepPoint(
            [np.zeros((width, width)), np.zeros((size, width))], np.zeros((size, width)), class_sizes=model.class_sizes
        )
        assert gradient(model, zero).norm == 0
        assert escape(model, zero) is None
        assert certify(model, zero).status == Status.IMPROVABLE
        flat = DeepFlat.like(model, DeepNumbers.of(model, zero))
        generator = np.random.default_rng(0)
        for _ in range(20):
            assert flat.evaluate(1e-2 * generator.standard_normal(2 * size * width + width**2))[0] > objective(
                model, zero
            )


@pytest.mark.parametrize(
    ("kept", "leads_down"), [([1, 0, 0], False), ([0, 1, 0], True), ([0, 1, 1], True), ([1, 1, 0], False)]
)
def test_escapes_from_critical_points_without_the_largest_mode(kept, leads_down):
    """A smaller mode in place of a larger one is a saddle: turn it. The largest modes alone are a local minimum."""
    model = deep([5, 3, 1], 3)
    shares = np.array([mode.root for mode in modes(model)]) * kept
    point = factored(model, np.diag(shares), np.zeros(3)).point
    assert gradient(model, point).norm < 1e-12
    found = escape(model, point)
    assert (found is not None) == leads_down
    if found is not None:
        measured = hessian_vector_product(model, point, found.tangent).dot(found.tangent)
        flat = DeepFlat.like(model, DeepNumbers.of(model, point))
        assert measured == pytest.approx(found.curvature, rel=1e-6)
        vector = flat.of(DeepNumbers.of(model, point))
        step = 1e-3 * (flat.of(DeepNumbers.of(model, found.point)) - vector) / found.step
        bent = sum(flat.evaluate(vector + sign * step)[0] for sign in (1, -1)) - 2 * flat.evaluate(vector)[0]
        assert bent / 1e-6 == pytest.approx(found.curvature, rel=1e-4)
        assert found.objective[1] < objective(model, point)
        assert found.steepness > 1
    assert certify(model, point).status == Status.IMPROVABLE


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_certificates_never_contradict_a_point(model):
    for seed in range(3):
        point = drawn_point(model, seed, 0.5)
        found = certify(model, point)
        assert found.status == Status.IMPROVABLE
        assert objective(model, found.configuration) < objective(model, point)
        low, high = found.details.minimum
        assert low <= high
        assert low <= min(descended(model, seed, 2)) * (1 + 1e-12)
        assert found.lower <= found.upper
        assert found.details.gradient_norm > 0
    best = optimum(model).configuration
    assert certify(model, best).status in (Status.NEAR_OPTIMAL, Status.UNDECIDED)


def test_only_balanced_points_have_no_imbalance():
    model = deep([4, 2, 1], 3)
    best = optimum(model).configuration
    assert certify(model, best).details.imbalance < 1e-12
    moved = DeepPoint([2 * best.layers[0], best.layers[1] / 2], best.class_means, class_sizes=[4, 2, 1])
    assert certify(model, moved).details.imbalance > 0.5


def test_minimize_goes_on_from_a_saddle():
    model = deep([5, 3, 1], 3)
    saddle = factored(model, np.diag([0, modes(model)[1].root, 0]), np.zeros(3)).point
    run = minimize(model, start=saddle)
    assert len(run.escapes) >= 1
    assert run.objectives[-1] < run.objectives[0] * 0.95
    assert isinstance(run.point, DeepPoint)


def test_the_same_seed_gives_the_same_answer():
    model = deep([2, 2, 2], loss=CrossEntropy())
    one, two = (optimum(model, seed=4) for _ in range(2))
    assert one.upper == two.upper
    assert one.lower == two.lower


# ------------------------------------------------------------------------------------------------------------ bad input


def made(**changes):
    given_parts = {"layers": [np.eye(2), np.eye(2)], "class_means": np.eye(2), "class_sizes": [3, 1]}
    given_parts |= changes
    return DeepPoint(given_parts.pop("layers"), **given_parts)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": []}, "layers is empty"),
        ({"layers": [np.eye(3), np.eye(2)]}, r"layers\[0\] has shape \(3, 3\), expected \(2, 2\)"),
        ({"class_means": np.eye(3)}, r"class_means has shape \(3, 3\), expected \(2, 2\)"),
        ({"class_sizes": None}, "expected class_means with class_sizes, or features with labels"),
        ({"features": np.eye(2), "labels": [0, 1]}, "expected class_means with class_sizes, or features with labels"),
        ({"class_means": None, "class_sizes": None, "features": np.eye(2)}, "expected class_means with class_sizes"),
        ({"class_means": None, "class_sizes": None, "features": np.eye(2), "labels": [0, 2]}, "there is a class 2"),
        ({"class_means": None, "class_sizes": None, "features": np.eye(2), "labels": [0]}, "features has shape"),
        ({"bias": [0, 0, 0]}, r"bias has shape \(3,\)"),
        ({"class_means": [[np.nan, 0], [0, 1]]}, "expected a finite"),
    ],
)
def test_what_points_refuse(changes, message):
    with pytest.raises(InputError, match=message):
        made(**changes)


def test_points_cannot_be_changed():
    with pytest.raises(AttributeError, match="immutable"):
        made().layers = ()
    with pytest.raises(ValueError, match="read-only"):
        made().weights[0, 0] = 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"point": Configuration(np.eye(2), np.eye(2), class_sizes=[3, 1])},
            "of type Configuration, expected a DeepPoint",
        ),
        ({"depth": 3, "regularization": (0.1, 0.1)}, "point has 2 matrices, expected 3"),
        ({"dimension": 3}, r"point has W_m of shape \(2, 2\), expected \(2, 3\)"),
        ({"class_sizes": [1, 3]}, "point has 3 samples of class 0, expected 1"),
        ({"point": made(bias=[1, 0])}, "point has a bias that is not 0"),
        ({"point": made(class_means=1e200 * np.eye(2), layers=[1e200 * np.eye(2), np.eye(2)])}, "beyond the range"),
    ],
)
def test_what_models_refuse(changes, message):
    model = deep([3, 1])
    point = changes.pop("point", made())
    with pytest.raises(InputError, match=message):
        certify(model.replace(**changes), point)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": Focal(2)}, "loss focal:2 for this model: deep models"),
        ({"loss": CrossEntropy(), "bias": True}, "a bias with cross-entropy"),
        ({"activation": "relu", "bias": True}, "a ReLU with a bias"),
        ({"activation": "relu", "loss": CrossEntropy()}, "a ReLU with loss ce"),
        ({"regularization": ((0.1, 0.1, 0.1), 0.1)}, "one for each of 2 matrices"),
        ({"class_weights": [1, 2]}, "class_weights"),
    ],
)
def test_models_without_theory(changes, message):
    with pytest.raises(InputError, match=message):
        deep([3, 1]).replace(**changes)
