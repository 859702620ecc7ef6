"""Independent numerical checks of what the theorems on codes derive or rely on."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.linalg import eigh
from scipy.optimize import linprog
from scipy.special import eval_gegenbauer

from nctheory.constructions import simplex_etf
from nctheory.theorems import find


def partitions(total, largest):
    """All partitions of `total` into parts of at most `largest`."""
    if total == 0:
        yield ()
    for part in range(min(total, largest), 0, -1):
        for rest in partitions(total - part, part):
            yield (part, *rest)


def nested(array):
    return tuple(map(tuple, array.tolist()))


def unit_vectors(rng, count, dimension):
    points = rng.standard_normal((count, dimension))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def tuples_of_sizes(claim, rng, repeats):
    for sizes in claim.domain.all_sizes:
        for _ in range(repeats):
            yield claim.domain.random(sizes, rng).values


# ------------------------------------------------------------------------------------------------- closest pairs


@pytest.mark.parametrize("dimension", range(2, 9))
def test_closest_pairs_over_all_block_structures(dimension):
    for extra in range(2, dimension + 1):
        count = dimension + extra
        possible = [
            count**2 - sum(part**2 for part in parts)
            for parts in partitions(count, count)
            if sum(part >= 2 for part in parts) >= extra
        ]
        assert min(possible) == 4 * dimension * (extra - 1)


def test_connected_obtuse_vectors_have_at_most_one_dependency():
    rng = np.random.default_rng(0)
    for _ in range(200):
        count = int(rng.integers(2, 8))
        joined = np.triu(rng.random((count, count)) < 0.4, 1) | np.eye(count, k=1, dtype=bool)
        weights = np.where(joined, rng.random((count, count)), 0)
        weights += weights.T
        values = np.sort(eigh(np.diag(weights.sum(axis=1)) - weights, eigvals_only=True))
        assert abs(values[0]) < 1e-9 < values[1]  # the extreme obtuse Gram matrices: of connected blocks, one corank


# ------------------------------------------------------------------------------------------ ball, sphere, and lift


def test_radial_projection_keeps_distances_of_at_least_1_only():
    rng = np.random.default_rng(1)
    x, y = (rng.standard_normal((200_000, 2)) for _ in range(2))
    x, y = (z * (rng.random((len(z), 1)) / np.linalg.norm(z, axis=1, keepdims=True)) for z in (x, y))
    before = np.linalg.norm(x - y, axis=1)
    after = np.linalg.norm(
        x / np.linalg.norm(x, axis=1, keepdims=True) - y / np.linalg.norm(y, axis=1, keepdims=True), axis=1
    )
    assert (after >= before - 1e-12)[before >= 1].all()
    assert (after < before - 0.01)[(before > 0.9) & (before < 0.95)].any()


def test_circle_bound_is_above_the_polygons():
    assert all(4 * math.sin(math.pi / count) ** 2 < 40 / count**2 for count in range(2, 9))


def test_lift_by_its_definition():
    rng = np.random.default_rng(2)
    for inputs in tuples_of_sizes(find("lift").claim, rng, 5):
        points = np.array(inputs["points"])[:, :-1]
        heights = np.sqrt(np.maximum(0, 1 - (points**2).sum(axis=1)))
        lifted = np.column_stack([points, heights])
        assert np.allclose((lifted**2).sum(axis=1), 1)
        assert find("lift").claim.margin({**inputs, "points": nested(lifted)}) <= 1e-12


# --------------------------------------------------------------------------- Delsarte's and Levenshtein's bounds


def normalized_gegenbauer(degree, dimension, t):
    if dimension == 2:
        return np.cos(degree * np.arccos(t))
    index = dimension / 2 - 1
    return eval_gegenbauer(degree, index, t) / eval_gegenbauer(degree, index, 1.0)


def linear_program(dimension, cosines, degree):
    """The least f(1) / f_0 with f_k >= 0 and f <= 0 at these cosines."""
    values = np.array([normalized_gegenbauer(k, dimension, cosines) for k in range(1, degree + 1)]).T
    found = linprog(np.ones(degree), A_ub=values, b_ub=-np.ones(len(cosines)))
    return 1 + found.fun


def test_gegenbauer_polynomials_are_positive_definite():
    rng = np.random.default_rng(3)
    for dimension in (2, 3, 4, 5):
        points = unit_vectors(rng, 8, dimension)
        gram = np.clip(points @ points.T, -1, 1)
        for degree in range(8):
            assert eigh(normalized_gegenbauer(degree, dimension, gram), eigvals_only=True)[0] > -1e-9
    orthonormal = np.eye(3)
    assert normalized_gegenbauer(2, 2, orthonormal).sum() < -2.9  # of dimension 2, in dimension 3


def test_delsarte_margin_with_other_polynomials():
    rng = np.random.default_rng(4)
    claim = find("delsarte").claim
    for inputs in tuples_of_sizes(claim, rng, 1):
        cosines = np.clip(np.array(inputs["gram"]), -1, 1)
        terms = [normalized_gegenbauer(k, inputs["dimension"], cosines).sum() for k in range(inputs["num_terms"])]
        expected = inputs["num_points"] ** 2 * inputs["coefficients"][0] - np.dot(inputs["coefficients"], terms)
        assert claim.margin(inputs) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("dimension", "largest", "degree", "value"),
    [(4, 1 / 2, 12, 25.5584), (4, 1 / 6, 12, 10.625), (4, 3 / 20, 12, 10.2747), (3, 0.0, 4, 6), (5, 1 / 5, 6, 16)],
)
def test_values_of_the_linear_program(dimension, largest, degree, value):
    assert linear_program(dimension, np.linspace(-1, largest, 2001), degree) == pytest.approx(value, abs=2e-3)


def test_linear_program_on_a_grid_excludes_the_hexagon():
    grid = np.arange(6) * 3 / 10 - 1
    assert linear_program(2, grid, 4) == pytest.approx(5.95)
    assert linear_program(2, np.linspace(-1, 1 / 2, 3001), 4) == pytest.approx(6, abs=1e-6)


def levenshtein_polynomials(dimension, s):
    """The three polynomials with the formulas, where these are bounds."""
    if s < 0:
        yield np.poly1d([1, -s]), (s - 1) / s
    if s < 1 / dimension:
        second = 2 * dimension * (1 - s) / (1 - dimension * s)
        yield np.poly1d([1, 1 - s, -s]), second
    if 0 <= s < dimension**-0.5:
        a = (1 + s) / (1 + dimension * s)
        third = dimension * (1 - s) * (2 + (dimension + 1) * s) / (1 - dimension * s**2)
        yield np.poly1d([1, -s]) * np.poly1d([1, a]) ** 2, third


@pytest.mark.parametrize("dimension", range(2, 8))
def test_levenshtein_polynomials_give_the_formulas(dimension):
    nodes, weights = np.polynomial.legendre.leggauss(64)
    angles = (nodes + 1) * math.pi / 2
    t, weights = np.cos(angles), weights * np.sin(angles) ** (dimension - 2)
    for s in np.linspace(-0.999, dimension**-0.5 - 1e-3, 60):
        for polynomial, formula in levenshtein_polynomials(dimension, s):
            assert (polynomial(np.linspace(-1, s, 50)) < 1e-12).all()
            coefficients = [
                (weights * polynomial(t) * p).sum() / (weights * p * p).sum()
                for p in (normalized_gegenbauer(k, dimension, t) for k in range(4))
            ]
            assert min(coefficients) > -1e-9
            assert polynomial(1) / coefficients[0] == pytest.approx(formula, rel=1e-6)


@pytest.mark.parametrize("dimension", range(2, 8))
def test_levenshtein_formulas_join_at_the_ends_of_their_ranges(dimension):
    assert [value for _, value in levenshtein_polynomials(dimension, -1 / dimension)] == pytest.approx(
        [dimension + 1, dimension + 1]
    )
    assert [value for _, value in levenshtein_polynomials(dimension, 0)] == pytest.approx([2 * dimension] * 2)
    end = (math.sqrt(dimension + 3) - 1) / (dimension + 2)
    *_, (_, last) = levenshtein_polynomials(dimension, end)
    assert last == pytest.approx(dimension * (dimension + 3) / 2)


# ------------------------------------------------------------------------------------------------- the simplex ETF


@pytest.mark.parametrize("count", range(2, 7))
def test_the_simplex_fits_all_descriptions(count):
    points = np.array(simplex_etf(count, count))
    frame = points.T @ points * (count - 1) / count
    assert np.allclose(frame @ frame, frame)
    assert np.trace(frame) == pytest.approx(count - 1)
    cosine = Fraction(-1, count - 1)
    gram = tuple(tuple(Fraction(1) if i == j else cosine for j in range(count)) for i in range(count))
    margin = find("etf_equivalences").claim.margin
    assert margin.exactly({"num_classes": Fraction(count), "gram": gram}) == 0  # all eight defects are


def test_identities_of_the_equivalences():
    rng = np.random.default_rng(5)
    for count in range(2, 7):
        for dimension in range(1, 6):
            points = unit_vectors(rng, count, dimension)
            gram, off = points @ points.T, ~np.eye(count, dtype=bool)
            excess, squared_sum = gram[off] + 1 / (count - 1), (points.sum(axis=0) ** 2).sum()
            total = (excess**2).sum()
            assert excess.sum() == pytest.approx(squared_sum)
            spread = ((excess - excess.mean()) ** 2).sum()
            assert total == pytest.approx(spread + squared_sum**2 / (count * (count - 1)))
            potential = count**2 / (count - 1) + total - 2 * squared_sum / (count - 1)
            assert (gram**2).sum() == pytest.approx(potential)


def test_convex_energies_that_are_no_hinges():
    rng = np.random.default_rng(6)
    for energy in (lambda t: 1 / t, lambda t: np.exp(-3 * t), lambda t: -np.log(t), lambda t: (4 - t) ** 2):
        for count in range(2, 7):
            gram = (points := unit_vectors(rng, count, 3)) @ points.T
            squares = 2 - 2 * gram[~np.eye(count, dtype=bool)]
            assert energy(squares).sum() >= count * (count - 1) * energy(2 * count / (count - 1))


def test_hinges_make_up_convex_nonincreasing_functions():
    nodes = np.linspace(0, 4, 401)
    slopes = np.append(-np.diff(np.exp(-nodes)) / np.diff(nodes), 0)
    coefficients = slopes[:-1] - slopes[1:]
    assert (coefficients >= 0).all()
    t = np.linspace(0, 4, 1001)
    made = np.exp(-4) + sum(a * np.maximum(0, c - t) for a, c in zip(coefficients, nodes[1:], strict=True))
    assert np.allclose(made, np.exp(-t), atol=1e-4)


def test_volume_of_the_simplex_and_its_determinant():
    for count in range(2, 7):
        points = np.array(simplex_etf(count, count))
        edges = points[1:] - points[0]
        assert np.linalg.det(edges @ edges.T) == pytest.approx(count**count / (count - 1) ** (count - 1))
    claim = find("largest_volume").claim
    for inputs in tuples_of_sizes(claim, np.random.default_rng(7), 5):
        points, count = np.array(inputs["points"]), inputs["num_points"]
        edges = points[:-1] - points[-1]
        expected = np.linalg.det(edges @ edges.T) - count**count / (count - 1) ** (count - 1)
        assert claim.margin(inputs) == pytest.approx(expected, abs=1e-9)
