"""Supervised contrastive learning: the loss, its error in floats, the least values, and what beats the simplex."""

import itertools
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from scipy.optimize import minimize

from nctheory import InputError, simplex_etf
from nctheory.landscape import contrastive_loss
from nctheory.landscape.contrastive import (
    _below,
    _Classes,
    _lower_bound,
    contrastive_certify,
    contrastive_gradient,
    contrastive_objective,
    contrastive_optimum,
)
from nctheory.landscape.contrastive_loss import Batch
from nctheory.result import Status


def labels_of(sizes):
    return np.repeat(np.arange(len(sizes)), sizes)


def unit_rows(generator, count, dimension):
    rows = generator.standard_normal((count, dimension))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def written_out(features, labels, temperature):
    """The loss as a double loop."""
    total = 0.0
    for i, anchor in enumerate(features):
        logits = features @ anchor / temperature
        others = [a for a in range(len(labels)) if a != i]
        whole = np.log(sum(np.exp(logits[a]) for a in others))
        total += np.mean([whole - logits[p] for p in others if labels[p] == labels[i]])
    return total


def with_many_digits(features, labels, temperature):
    """The loss of rows divided by their norms, to 50 digits."""
    rows = [[mpmath.mpf(float(x)) for x in row] for row in features]
    norms = [mpmath.sqrt(mpmath.fsum(x * x for x in row)) for row in rows]
    scale, total = mpmath.mpf(temperature.denominator) / temperature.numerator, mpmath.mpf(0)
    for i, row in enumerate(rows):
        others = [a for a in range(len(rows)) if a != i]
        logits = {a: scale * mpmath.fdot(row, rows[a]) / (norms[i] * norms[a]) for a in others}
        positives = [logits[a] for a in others if labels[a] == labels[i]]
        mean = mpmath.fsum(positives) / len(positives)
        total += mpmath.log(mpmath.fsum(mpmath.exp(x - mean) for x in logits.values()))
    return total


def reached(sizes, dimension, temperature, starts, seed=0):
    """The least loss and its features that L-BFGS reaches from random features of all samples."""
    labels, generator = labels_of(sizes), np.random.default_rng(seed)
    shape = len(labels), dimension

    def loss(flat):
        points = flat.reshape(shape)
        norms = np.linalg.norm(points, axis=1, keepdims=True)
        rows = points / norms
        slope = contrastive_gradient(rows, labels, temperature=temperature)
        return contrastive_objective(rows, labels, temperature=temperature), (slope / norms).ravel()

    options = {"maxiter": 3000, "ftol": 1e-15, "gtol": 1e-9}
    runs = [
        minimize(loss, generator.standard_normal(shape).ravel(), jac=True, method="L-BFGS-B", options=options)
        for _ in range(starts)
    ]
    best = min(runs, key=lambda run: run.fun)
    points = best.x.reshape(shape)
    return best.fun, points / np.linalg.norm(points, axis=1, keepdims=True)


# --------------------------------------------------------------------------------------------------------- the loss


@pytest.mark.parametrize(
    ("sizes", "dimension", "temperature"), [((2, 2), 1, 1), ((2, 3, 4), 3, 0.25), ((5, 2, 2), 2, 2)]
)
def test_the_loss_is_what_it_says(sizes, dimension, temperature):
    labels = np.random.default_rng(0).permutation(labels_of(sizes))
    features = unit_rows(np.random.default_rng(1), len(labels), dimension)
    found = contrastive_objective(features, labels, temperature=temperature)
    assert found == pytest.approx(written_out(features, labels, temperature), rel=1e-13)


def test_blocks_of_rows_change_nothing(monkeypatch):
    labels = labels_of((3, 4, 5))
    features = unit_rows(np.random.default_rng(1), 12, 3)
    before = contrastive_objective(features, labels), contrastive_gradient(features, labels)
    monkeypatch.setattr(contrastive_loss, "_BLOCK", 36)
    assert contrastive_objective(features, labels) == pytest.approx(before[0], rel=1e-15)
    np.testing.assert_allclose(contrastive_gradient(features, labels), before[1], atol=1e-14)


def test_derivatives():
    sizes, generator = (2, 3, 4), np.random.default_rng(3)
    problem = Batch.of(unit_rows(generator, 9, 3), labels_of(sizes), Fraction(1, 2)).problem
    at, along, step = generator.standard_normal(27), generator.standard_normal(27), 1e-6
    (up, up_slope), (down, down_slope) = problem.evaluate(at + step * along), problem.evaluate(at - step * along)
    assert (up - down) / (2 * step) == pytest.approx(problem.evaluate(at)[1] @ along, rel=1e-7)
    np.testing.assert_allclose((up_slope - down_slope) / (2 * step), problem.curvature(at, along), atol=1e-6)


def test_the_gradient_is_along_the_sphere():
    labels, generator = labels_of((2, 3, 4)), np.random.default_rng(3)
    features, moved, step = unit_rows(generator, 9, 3), generator.standard_normal((9, 3)), 1e-6
    slope = contrastive_gradient(features, labels, temperature=0.5)
    np.testing.assert_allclose((slope * features).sum(axis=1), 0, atol=1e-13)
    turned = [features + sign * step * moved for sign in (1, -1)]
    losses = [written_out(rows / np.linalg.norm(rows, axis=1, keepdims=True), labels, 0.5) for rows in turned]
    assert (losses[0] - losses[1]) / (2 * step) == pytest.approx((slope * moved).sum(), rel=1e-6)


CASES = [
    ((2, 2), 1),
    ((2, 2), Fraction(1, 20)),
    ((3, 2, 4), Fraction(1, 10)),
    ((2, 2, 2), Fraction(1, 1000)),
    ((5, 2), 50),
]


@pytest.mark.parametrize(("sizes", "temperature"), CASES)
@pytest.mark.parametrize("spread", [0, 1e-3, 1])
def test_the_bracket_of_the_loss_holds_it(sizes, temperature, spread):
    labels, generator = labels_of(sizes), np.random.default_rng(5)
    rows = simplex_etf(len(sizes), 4)[labels] + spread * generator.standard_normal((len(labels), 4))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    low, high = Batch.of(rows, labels, Fraction(temperature)).bracket
    with mpmath.workdps(60):
        true = with_many_digits(rows, labels, Fraction(temperature))
        assert mpmath.mpf(low.numerator) / low.denominator <= true <= mpmath.mpf(high.numerator) / high.denominator
    if high > Fraction(1, 10**280):
        assert high - low <= Fraction(1, 10**10) * high


# ------------------------------------------------------------------------------------------------------ least values


def drawn(seed, least=0):
    """Sizes of equal classes, a dimension from K - 1 on, and a temperature."""
    generator = np.random.default_rng(seed)
    number, size = int(generator.integers(2, 5)), int(generator.integers(2, 4))
    return (
        (size,) * number,
        number - 1 + int(generator.integers(0, 2)),
        Fraction(round(10 ** generator.uniform(-0.6, 1), 3)),
    )


@pytest.mark.parametrize("seed", range(8))
def test_equal_sizes_against_descent_from_random_starts(seed):
    sizes, dimension, temperature = drawn(seed)
    found = contrastive_optimum(sizes, dimension, temperature=temperature)
    number, size, total = len(sizes), sizes[0], sum(sizes)
    closed = total * np.log(size - 1 + (total - size) * np.exp(-number / ((number - 1) * float(temperature))))
    assert found.value == pytest.approx(closed, rel=1e-11)
    assert found.status == Status.NEAR_OPTIMAL
    assert float(found.exact) == pytest.approx(closed, rel=1e-11)
    least, _ = reached(sizes, max(dimension, 2), temperature, starts=20, seed=seed)
    assert least >= found.lower * (1 - Fraction(1, 10**12))
    if dimension > 1 or len(sizes) > 2:
        assert least == pytest.approx(found.value, rel=1e-6, abs=1e-9)
    means = found.configuration.class_means
    assert means.shape == (number, dimension)
    assert contrastive_objective(means[labels_of(sizes)], labels_of(sizes), temperature=temperature) == pytest.approx(
        closed, rel=1e-10
    )


@pytest.mark.parametrize("sizes", [(2, 5), (3, 2), (40, 2)])
@pytest.mark.parametrize("temperature", [Fraction(1, 5), 3])
def test_two_classes_of_any_sizes(sizes, temperature):
    found = contrastive_optimum(sizes, temperature=temperature)
    power = np.exp(-2 / float(temperature))
    closed = sum(n * np.log(n - 1 + (sum(sizes) - n) * power) for n in sizes)
    assert found.value == pytest.approx(closed, rel=1e-11)
    ends = np.array([[1.0], [-1.0]])[labels_of(sizes)]
    assert contrastive_objective(ends, labels_of(sizes), temperature=temperature) == pytest.approx(closed, rel=1e-10)
    assert reached(sizes, 2, temperature, starts=20)[0] >= closed * (1 - 1e-12)


SIZES = [(2, 2, 6), (2, 3, 7), (4, 2, 2, 2), (2, 3, 4, 5)]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("temperature", [Fraction(1, 3), 1, 5])
def test_other_sizes_against_descent_from_random_starts(sizes, temperature):
    found = contrastive_optimum(sizes, temperature=temperature)
    least, _ = reached(sizes, len(sizes) - 1, temperature, starts=20)
    assert found.status == Status.NEAR_OPTIMAL
    assert found.gap < Fraction(1, 10**11)
    assert least >= found.lower * (1 - Fraction(1, 10**12))
    assert least == pytest.approx(found.value, rel=1e-7)


@pytest.mark.parametrize("seed", range(12))
def test_the_gap_closes_for_drawn_sizes(seed):
    generator = np.random.default_rng(seed)
    sizes = generator.integers(2, 10 ** generator.uniform(0.7, 3), size=generator.integers(3, 12))
    found = contrastive_optimum(sizes, temperature=10 ** generator.uniform(-1.7, 2))
    assert found.gap < Fraction(1, 10**10)


def test_the_convex_problem_by_another_solver():
    """The Gram matrix by cvxpy's exponential and semidefinite cones."""
    import cvxpy

    sizes, temperature = (2, 3, 7, 4), 2.0
    gram = cvxpy.Variable((4, 4), PSD=True)
    terms = []
    for k, n in enumerate(sizes):
        powers = [np.log(n - 1)] + [np.log(m) + (gram[k, j] - 1) / temperature for j, m in enumerate(sizes) if j != k]
        terms.append(n * cvxpy.log_sum_exp(cvxpy.hstack(powers)))
    problem = cvxpy.Problem(cvxpy.Minimize(sum(terms)), [cvxpy.diag(gram) == 1])
    least = problem.solve(solver="CLARABEL")
    assert contrastive_optimum(sizes, temperature=2).value == pytest.approx(least, rel=1e-6)


def test_the_lower_bound_holds_at_any_class_means():
    problem, generator = _Classes(np.array([2, 3, 7]), Fraction(1, 2)), np.random.default_rng(0)
    best = contrastive_optimum([2, 3, 7], temperature=Fraction(1, 2))
    for width in (1, 2, 3):
        bounds = [_lower_bound(problem, unit_rows(generator, 3, width)) for _ in range(5)]
        assert max(bounds) < best.lower
    assert _lower_bound(problem, best.configuration.class_means) > best.upper * (1 - Fraction(1, 10**11))


def test_the_matrix_of_the_bound_is_semidefinite_in_exact_arithmetic():
    from nctheory.exact import positive_semidefinite_rank

    generator = np.random.default_rng(2)
    for _ in range(10):
        pulls, means = generator.random((4, 4)), unit_rows(generator, 4, 3)
        np.fill_diagonal(pulls, 0)
        exact = np.vectorize(Fraction, otypes=[object])(pulls)
        matrix = (exact + exact.T) / 2 - np.diag([Fraction(y) for y in _below(pulls, means)])
        integers = np.vectorize(lambda entry: int(entry * 2**200), otypes=[object])(matrix)
        assert positive_semidefinite_rank(integers) is not None


@pytest.mark.parametrize("sizes", [(2, 2, 2), (3, 3, 3, 3), (2, 3, 4, 5), (2, 2, 2, 2, 2)])
def test_few_dimensions(sizes):
    dimension = len(sizes) - 2
    found = contrastive_optimum(sizes, dimension, temperature=1)
    assert found.status == Status.UNDECIDED
    assert found.lower == contrastive_optimum(sizes, temperature=1).lower
    least, _ = reached(sizes, dimension, 1, starts=25)
    assert found.lower < least
    assert found.upper <= least * (1 + 1e-9)  # no features of all samples do better than class means
    means = found.configuration.class_means
    assert means.shape == (len(sizes), dimension)
    labels = labels_of(sizes)
    assert written_out(means[labels], labels, 1) == pytest.approx(float(found.upper), rel=1e-12)


def test_all_signs_on_a_line():
    """In one dimension features are signs, and all of them can be tried."""
    sizes, labels = (2, 3, 4), labels_of((2, 3, 4))
    signs = (np.array(choice)[:, None] for choice in itertools.product([1.0, -1.0], repeat=9))
    least = min(contrastive_objective(rows, labels, temperature=2) for rows in signs)
    assert float(contrastive_optimum(sizes, 1, temperature=2).upper) == pytest.approx(least, rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_some_sample_of_each_class_can_stand_for_all(seed):
    """And on average over all choices, in any dimension and for any sizes."""
    generator = np.random.default_rng(seed)
    sizes, dimension, temperature = (
        generator.integers(2, 5, size=3),
        seed % 3 + 1,
        float(10 ** generator.uniform(-1, 1)),
    )
    labels, features = labels_of(sizes), unit_rows(generator, int(sizes.sum()), dimension)
    before = contrastive_objective(features, labels, temperature=temperature)
    members = [np.flatnonzero(labels == k) for k in range(3)]
    after = [
        contrastive_objective(features[list(chosen)][labels], labels, temperature=temperature)
        for chosen in itertools.product(*members)
    ]
    assert np.mean(after) <= before * (1 + 1e-12)


# ------------------------------------------------------------------------------------------- the simplex and imbalance


@pytest.mark.parametrize("sizes", [*SIZES, (2, 2, 3), (3, 2, 2), (50, 50, 2), (7, 7, 2)])
@pytest.mark.parametrize("temperature", [Fraction(1, 4), 1, 20])
def test_the_simplex_is_not_optimal_for_sizes_that_differ(sizes, temperature):
    labels = labels_of(sizes)
    simplex = simplex_etf(len(sizes))[labels]
    found = contrastive_certify(simplex, labels, temperature=temperature)
    assert found.status == Status.IMPROVABLE
    assert found.upper < 1
    better = found.configuration.class_means[labels]
    assert written_out(better, labels, float(temperature)) < written_out(simplex, labels, float(temperature))
    assert found.details.gradient_norm > 1e-9


def merge_threshold(few, many, temperature):
    """Three classes, two of `few`: these merge, opposite the third, where this is at least 0."""
    power = np.exp(-2 / temperature)
    ratio = (2 * few - 1 + many * power) / (many - 1 + 2 * few * power)
    return many * power * (1 + ratio) - 4 * few


@pytest.mark.parametrize(("few", "temperature"), [(2, 1), (3, 0.5), (5, 3), (2, 1000)])
def test_two_small_classes_merge_beyond_a_threshold(few, temperature):
    many = next(n for n in range(few, 10**5) if merge_threshold(few, n, temperature) > 0)
    for size, rank in ((many + few, 1), (many - 1, 2)):
        found = contrastive_optimum([few, few, size], temperature=temperature)
        assert found.gap < Fraction(1, 10**9)
        assert found.details.rank == rank
        assert (found.details.cosines[0, 1] > 1 - 1e-9) == (rank == 1)


# -------------------------------------------------------------------------------------------------------- certificates


@pytest.mark.parametrize("temperature", [Fraction(1, 20), 1, 10])
def test_the_optimum_is_certified(temperature):
    for sizes in ((2, 2), (3, 3, 3), (2, 2, 6)):
        labels = np.random.default_rng(0).permutation(labels_of(sizes))
        means = contrastive_optimum(sizes, temperature=temperature).configuration.class_means
        found = contrastive_certify(means[labels], labels, temperature=temperature)
        assert found.status == Status.NEAR_OPTIMAL
        assert found.details.gradient_norm < 1e-9


@pytest.mark.parametrize("seed", range(6))
def test_certificates_never_contradict_a_found_point(seed):
    generator = np.random.default_rng(seed)
    sizes = tuple(generator.integers(2, 5, size=3))
    dimension, temperature = int(generator.integers(1, 4)), float(10 ** generator.uniform(-0.5, 1))
    labels = labels_of(sizes)
    features = unit_rows(generator, len(labels), dimension)
    found = contrastive_certify(features, labels, temperature=temperature)
    value, (least, _) = written_out(features, labels, temperature), reached(sizes, dimension, temperature, starts=5)
    assert found.lower * Fraction(value) <= least * (1 + 1e-12)
    assert found.status == Status.IMPROVABLE
    better = found.configuration.class_means[labels]
    assert written_out(better, labels, temperature) / value <= float(found.upper) * (1 + 1e-12)


# ----------------------------------------------------------------------------------------------------------- bad input

PAIRS = [[1.0], [1.0], [-1.0], [-1.0]]


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: contrastive_objective(PAIRS, [0, 0, 1, 2]), r"class 1 has 1 sample, expected at least two"),
        (lambda: contrastive_objective(PAIRS, [0, 0, 0, 0]), r"class_sizes is \[4\], expected at least two classes"),
        (lambda: contrastive_objective(PAIRS, [0, 0, 2, 2]), r"labels has no sample of class 1"),
        (lambda: contrastive_objective(PAIRS, [0, 0, 1]), r"labels has shape \(3,\)"),
        (lambda: contrastive_objective([[2.0]] * 4, [0, 0, 1, 1]), r"features\[0\] has norm 2, expected 1: divide"),
        (lambda: contrastive_objective([[0.0]] * 4, [0, 0, 1, 1]), r"features\[0\] has norm 0"),
        (lambda: contrastive_gradient([[np.nan]] * 4, [0, 0, 1, 1]), r"not finite"),
        (lambda: contrastive_certify(PAIRS, [0, 0, 1, 1], temperature=0), r"temperature is 0, expected a positive"),
        (lambda: contrastive_certify(PAIRS, [0, 0, 1, 1], tolerance=-1), r"tolerance is -1"),
        (lambda: contrastive_optimum([2, 2], temperature=1e-5), r"temperature is 1e-05, expected a size from 0.001"),
        (lambda: contrastive_optimum([2, 2], temperature=float("nan")), r"temperature is nan"),
        (lambda: contrastive_optimum([2, 1, 2]), r"class 1 has 1 sample, expected at least two: an anchor"),
        (lambda: contrastive_optimum([5]), r"expected at least two classes"),
        (lambda: contrastive_optimum([2, 2.5]), r"class_sizes\[1\] is 2.5"),
        (lambda: contrastive_optimum([2, 2], 0), r"dimension is 0"),
        (lambda: contrastive_optimum([2, 2, 2], 1, starts=0), r"starts is 0"),
        (lambda: contrastive_optimum([2, 2, 2], 1, seed="x"), r"seed is 'x'"),
    ],
)
def test_bad_input(call, match):
    with pytest.raises(InputError, match=match):
        call()
