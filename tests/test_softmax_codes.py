"""Softmax codes: one-versus-rest margins between rational ends, the largest ones, and codes that are compared."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from scipy.optimize import minimize

from nctheory import InputError, orthoplex, simplex_etf, simplex_etf_gram
from nctheory.landscape.softmax_codes import (
    _linear_step,
    _margins,
    _smooth,
    _volume_bound,
    one_versus_rest_margin,
    softmax_code_certify,
    softmax_code_optimum,
)
from nctheory.result import Status


def unit_rows(generator, count, dimension):
    rows = generator.standard_normal((count, dimension))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def by_another_solver(rows):
    """The margin by K quadratic programs of cvxpy."""
    import cvxpy

    found = []
    for k in range(len(rows)):
        others = np.delete(rows, k, axis=0)
        shares = cvxpy.Variable(len(others), nonneg=True)
        problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.norm(rows[k] - others.T @ shares)), [cvxpy.sum(shares) == 1])
        found.append(problem.solve(solver="CLARABEL"))
    return min(found)


def reached(count, dimension, starts, seed):
    """The largest margin that L-BFGS and SLSQP on vectors and directions reach, from random starts."""
    generator, best = np.random.default_rng(seed), 0.0
    for _ in range(starts):
        start = generator.standard_normal((2, count, dimension)).ravel()
        for sharpness in (3, 30, 300, 3000):
            start = minimize(_smooth, start, (sharpness, (count, dimension)), "L-BFGS-B", jac=True).x
        weights = start.reshape(2, count, dimension)[0]
        weights = weights / np.linalg.norm(weights, axis=1, keepdims=True)
        best = max(best, one_versus_rest_margin(weights).value)
    return best


# ------------------------------------------------------------------------------------------------------------ margins


@pytest.mark.parametrize(("count", "dimension"), [(2, 1), (3, 2), (4, 3), (6, 2), (8, 3), (5, 7)])
def test_margins_against_quadratic_programs(count, dimension):
    rows = np.random.default_rng(count).standard_normal((count, dimension)) * 3
    found = one_versus_rest_margin(rows)
    assert found.value == pytest.approx(by_another_solver(rows), abs=1e-7)
    assert found.upper - found.lower <= Fraction(1, 10**14)
    assert found.value == pytest.approx(found.details.distances.min(), abs=1e-14)


def test_the_witness_of_a_margin_is_what_it_says():
    rows = np.random.default_rng(0).standard_normal((5, 4))
    details = one_versus_rest_margin(rows).details
    np.testing.assert_allclose(details.combinations.sum(axis=1), 1)
    assert (details.combinations >= 0).all()
    assert not np.diagonal(details.combinations).any()
    nearest = details.combinations @ rows
    np.testing.assert_allclose(np.linalg.norm(rows - nearest, axis=1), details.distances)
    heights = details.directions @ rows.T
    for k in range(5):
        assert heights[k, k] - np.delete(heights[k], k).max() == pytest.approx(details.distances[k])
        assert details.ends[k][0] <= details.ends[k][1]


def test_margins_of_exact_vectors():
    assert one_versus_rest_margin([[Fraction(1, 3)], [Fraction(1, 7)]]).exact == Fraction(4, 21)
    square = one_versus_rest_margin([[1, 0], [0, 1], [-1, 0], [0, -1]])
    assert square.lower <= 1 <= square.upper < 1 + 1e-14
    assert one_versus_rest_margin([[1, 0], [1, 0], [-1, 0]]).exact == 0
    inside = one_versus_rest_margin([[0.25, 0.0], [1.0, 1.0], [1.0, -1.0], [-1.0, 0.0]])
    assert inside.lower == 0
    assert inside.upper < 1e-15
    assert inside.details.closest == 0


def test_margins_of_any_size():
    rows = np.random.default_rng(1).standard_normal((4, 3))
    plain = one_versus_rest_margin(rows)
    for power in (-300, 300):
        scaled = one_versus_rest_margin(rows * 2.0**power)
        assert scaled.lower <= plain.upper * Fraction(2) ** power
        assert scaled.upper >= plain.lower * Fraction(2) ** power
        assert scaled.upper - scaled.lower <= Fraction(1, 10**12) * scaled.upper


def test_the_margin_lies_between_those_of_pairs():
    """1 less the largest cosine, at least, and the least distance of two at most: of unit vectors."""
    generator = np.random.default_rng(5)
    for _ in range(20):
        rows = unit_rows(generator, 6, 3)
        largest = (rows @ rows.T - 2 * np.eye(6)).max()
        found = one_versus_rest_margin(rows)
        assert 1 - largest - 1e-14 <= found.value <= math.sqrt(2 - 2 * largest) + 1e-14


def test_a_wrong_combination_gives_wider_ends(monkeypatch):
    from nctheory.landscape import softmax_codes

    rows = np.random.default_rng(0).standard_normal((4, 3))
    right = one_versus_rest_margin(rows)
    monkeypatch.setattr(softmax_codes, "_nearest", lambda rows, k: np.eye(len(rows))[(k + 1) % len(rows)])
    wrong = one_versus_rest_margin(rows)
    assert wrong.lower <= right.lower
    assert wrong.upper > right.upper


# ----------------------------------------------------------------------------------------------------- largest margins

KNOWN = [
    (2, 1, 2),
    (3, 1, 0),
    (2, 3, 2),
    (3, 2, Fraction(3, 2)),
    (4, 3, Fraction(4, 3)),
    (4, 2, 1),
    (5, 3, 1),
    (6, 3, 1),
    (6, 4, 1),
    (8, 4, 1),
    (6, 2, Fraction(1, 2)),
]


@pytest.mark.parametrize(("count", "dimension", "value"), KNOWN)
def test_known_values_against_descent_from_random_starts(count, dimension, value):
    found = softmax_code_optimum(count, dimension)
    assert found.lower <= value <= found.upper
    assert found.gap < Fraction(1, 10**30)
    if dimension > 1:
        best = reached(count, dimension, starts=20, seed=count)
        assert best == pytest.approx(float(value), abs=1e-3)
        assert best <= float(found.upper) + 1e-12
    code = found.configuration.class_means
    assert code.shape == (count, dimension)
    np.testing.assert_allclose(np.linalg.norm(code, axis=1), 1)
    assert one_versus_rest_margin(code).value == pytest.approx(float(value), abs=1e-12)


@pytest.mark.parametrize("count", [5, 7, 9, 16])
def test_polygons(count):
    found = softmax_code_optimum(count, 2)
    assert found.value == pytest.approx(1 - math.cos(2 * math.pi / count), rel=1e-14)
    assert float(found.exact) == pytest.approx(found.value, rel=1e-14)
    assert 0 < found.gap < Fraction(1, 10**60)
    assert reached(count, 2, starts=20, seed=0) <= found.value + 1e-12
    assert one_versus_rest_margin(found.configuration.class_means).value == pytest.approx(found.value, rel=1e-12)


def test_statuses():
    assert softmax_code_optimum(4, 3).status == Status.OPTIMAL
    assert softmax_code_optimum(5, 2).status == Status.NEAR_OPTIMAL
    assert softmax_code_optimum(7, 3).status == Status.UNDECIDED


COSINES = [(7, 0.2101383127), (9, 1 / 3), (10, 0.4043943252), (12, 1 / math.sqrt(5)), (13, 0.5426364865)]


@pytest.mark.parametrize(("count", "cosine"), COSINES)
def test_codes_found_are_no_worse_than_the_best_packings(count, cosine):
    """A code with cosines of at most s has a margin of at least 1 - s."""
    found = softmax_code_optimum(count, 3)
    assert found.value > 0
    assert float(found.lower) >= 1 - cosine - 1e-8
    assert found.upper <= 1
    assert one_versus_rest_margin(found.configuration.class_means).value == pytest.approx(float(found.lower), abs=1e-12)


def test_volumes():
    assert _volume_bound(26, 3) == 1
    assert _volume_bound(500, 3) < 1
    found = softmax_code_optimum(60, 3, starts=2)
    assert found.lower < found.upper < 1
    half = _volume_bound(500, 3) / 2
    assert float((1 + half) ** 3 - (1 - half) ** 3) == pytest.approx(500 * float(half) ** 3, rel=1e-12)


def test_few_and_many_classes_have_margins_that_fall():
    values = [float(softmax_code_optimum(count, 3).lower) for count in range(2, 11)]
    assert values == sorted(values, reverse=True)


def test_derivative_of_the_smooth_margin():
    generator, step = np.random.default_rng(0), 1e-6
    at, along = generator.standard_normal((2, 24))
    value = [_smooth(at + sign * step * along, 10.0, (4, 3))[0] for sign in (1, -1)]
    assert (value[0] - value[1]) / (2 * step) == pytest.approx(_smooth(at, 10.0, (4, 3))[1] @ along, rel=1e-7)


def test_a_linear_step_is_along_the_spheres_and_helps():
    generator = np.random.default_rng(1)
    weights = unit_rows(generator, 7, 3)
    directions = _margins(weights).directions
    step = _linear_step(weights, directions, 1e-3)
    np.testing.assert_allclose((step[0] * weights).sum(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose((step[1] * directions).sum(axis=1), 0, atol=1e-12)
    moved = weights + step[0]
    moved /= np.linalg.norm(moved, axis=1, keepdims=True)
    assert one_versus_rest_margin(moved).lower > one_versus_rest_margin(weights).upper


# -------------------------------------------------------------------------------------------------------- certificates


@pytest.mark.parametrize(
    "code", [simplex_etf(4), simplex_etf(4, 6, seed=0), orthoplex(5, 3), orthoplex(8, 4), simplex_etf(2)], ids=len
)
def test_optimal_codes_are_certified(code):
    found = softmax_code_certify(code)
    assert found.status == Status.NEAR_OPTIMAL
    assert 1 - found.lower < Fraction(1, 10**12)


def test_better_codes_are_attached():
    code = simplex_etf_gram(5)  # five vectors at equal distances in five dimensions, no unit vectors
    with pytest.raises(InputError, match=r"weights\[0\] has norm"):
        softmax_code_certify(code)
    generator = np.random.default_rng(0)
    for count, dimension in ((3, 2), (5, 2), (5, 3), (7, 3)):
        rows = unit_rows(generator, count, dimension)
        found = softmax_code_certify(rows)
        before, after = one_versus_rest_margin(rows), one_versus_rest_margin(found.configuration.class_means)
        assert found.status == Status.IMPROVABLE
        assert after.lower > before.upper
        assert float(found.lower) <= before.value / after.value <= float(found.upper) + 1e-12


def test_rows_of_nearly_unit_norm():
    rows = np.array([[1.0, 0.0], [-0.5, math.sqrt(3) / 2], [-0.5, -math.sqrt(3) / 2]], dtype=np.float32)
    found = softmax_code_certify(rows, tolerance=1e-6)
    assert found.status == Status.NEAR_OPTIMAL
    low, high = found.details.margin
    assert low <= Fraction(3, 2)
    assert high - low < Fraction(1, 10**12)


@pytest.mark.parametrize("seed", range(8))
def test_the_bracket_is_of_rows_divided_by_their_norms(seed):
    rows = unit_rows(np.random.default_rng(seed), 2, 3)
    low, high = softmax_code_certify(rows).details.margin
    with mpmath.workdps(50):
        exact = [[mpmath.mpf(float(x)) for x in row] for row in rows]
        units = [[x / mpmath.sqrt(mpmath.fdot(row, row)) for x in row] for row in exact]
        true = mpmath.sqrt(mpmath.fsum((x - y) ** 2 for x, y in zip(*units, strict=True)))
        assert mpmath.mpf(low.numerator) / low.denominator <= true <= mpmath.mpf(high.numerator) / high.denominator
    assert high - low < Fraction(1, 10**14)


def test_a_code_without_a_margin():
    found = softmax_code_certify([[1.0], [1.0], [-1.0]])
    assert found.status == Status.NEAR_OPTIMAL
    assert (found.lower, found.upper) == (1, 1)
    twice = softmax_code_certify([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    assert twice.status == Status.IMPROVABLE
    assert twice.lower == 0


# ----------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: one_versus_rest_margin([[1.0, 0.0]]), r"weights has shape \(1, 2\), expected at least two classes"),
        (lambda: one_versus_rest_margin([1.0, 0.0]), r"weights has shape \(2,\), expected 2 axes"),
        (lambda: one_versus_rest_margin([[np.inf], [0.0]]), r"weights has 1 entries that are not finite"),
        (lambda: softmax_code_certify([[1.0]]), r"weights has shape \(1, 1\)"),
        (lambda: softmax_code_certify([[2.0], [1.0]]), r"weights\[0\] has norm 2, expected 1: divide"),
        (lambda: softmax_code_certify([[1.0], [-1.0]], tolerance=-1), r"tolerance is -1"),
        (lambda: softmax_code_optimum(1, 3), r"num_classes is 1, expected an integer of at least 2"),
        (lambda: softmax_code_optimum(3, 0), r"dimension is 0"),
        (lambda: softmax_code_optimum(9, 3, starts=0), r"starts is 0"),
    ],
)
def test_bad_input(call, match):
    with pytest.raises(InputError, match=match):
        call()
