"""What the theorems on unions of half-spaces and on error integrals rest on, computed in other ways."""

from itertools import combinations
from math import cos, exp, pi, sin, sqrt

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from scipy import integrate, stats

from nctheory import gaussian
from nctheory.constructions import simplex_etf
from nctheory.theorems.biorthogonal_integral import biorthogonal_integral
from nctheory.theorems.planar_union_estimator import planar_union_estimator
from nctheory.theorems.polygon_integral import polygon_integral

SAMPLES = 200_000


def tail(x):
    return stats.norm.sf(x)


def is_near(sampled, expected):
    """Whether the mean of the samples is within four standard errors of a number."""
    return abs(np.mean(sampled) - expected) < 4 * np.std(sampled) / sqrt(len(sampled))


# ------------------------------------------------------------------------------------------------- error integrals


@pytest.mark.parametrize("num_classes", [2, 3, 5, 6, 11])
@pytest.mark.parametrize("noise", [0.3, 1.0, 4.0])
def test_the_polygon_in_polar_coordinates(num_classes, noise):
    wall = sin(pi / num_classes) / noise
    integral = integrate.quad(lambda t: exp(-(wall**2) / (2 * sin(t) ** 2)) / pi, 0, pi - pi / num_classes)[0]
    assert integral == pytest.approx(gaussian.polygon_error(num_classes, noise), rel=1e-8)


@pytest.mark.parametrize("num_classes", [3, 4, 5, 6])
def test_the_polygon_is_a_union_of_two_half_planes(num_classes):
    """SciPy's bivariate normal, at the correlation of the neighbors' directions."""
    noise = 0.8
    angles = 2 * pi * np.arange(num_classes) / num_classes
    points = np.column_stack([np.cos(angles), np.sin(angles)])
    normals = [(points[k] - points[0]) / np.linalg.norm(points[k] - points[0]) for k in (1, -1)]
    correlation = normals[0] @ normals[1]
    assert correlation == pytest.approx(-cos(2 * pi / num_classes))
    wall = sin(pi / num_classes) / noise
    both = stats.multivariate_normal.cdf([-wall, -wall], cov=[[1, correlation], [correlation, 1]])
    assert 2 * tail(wall) - both == pytest.approx(gaussian.polygon_error(num_classes, noise), abs=1e-9)
    assert polygon_integral.claim.margin({"num_classes": num_classes, "noise": noise}) < 1e-12


@pytest.mark.parametrize("half", [1, 2, 3, 4])
def test_the_biorthogonal_integral_is_the_simulated_error(half):
    noise = 0.7
    received = np.eye(1, half)[0] + noise * np.random.default_rng(half).standard_normal((SAMPLES, half))
    wrong = received[:, 0] < np.abs(received[:, 1:]).max(axis=1, initial=0)
    assert is_near(wrong, gaussian.biorthogonal_error(half, noise))


def test_rivals_of_a_biorthogonal_signal():
    """All walls are 1 / sqrt 2 away; the antipode's rivals are orthogonal, all others include 60 degrees."""
    half = 4
    rivals = [sign * np.eye(half)[j] - np.eye(half)[0] for j in range(1, half) for sign in (1, -1)]
    assert {round(float(np.linalg.norm(rival)) / 2, 12) for rival in rivals} == {round(1 / sqrt(2), 12)}
    products = [round(float(x @ y) / 2, 12) for x, y in combinations(rivals, 2)]
    assert products.count(0) == half - 1
    assert products.count(0.5) == 2 * (half - 1) * (half - 2)
    assert len(products) == products.count(0) + products.count(0.5)


def test_the_maximum_of_the_scores_gives_the_error():
    """P_correct = exp(-1/(2 sigma^2)) E exp(max) / K, for biorthogonal and for orthogonal signals."""
    noise, half = 1.3, 3
    scores = np.random.default_rng(5).standard_normal((SAMPLES, 2 * half)) / noise
    largest = np.exp(np.abs(scores[:, :half]).max(axis=1) - 1 / (2 * noise**2)) / (2 * half)
    assert is_near(largest, 1 - gaussian.biorthogonal_error(half, noise))
    largest = np.exp(scores.max(axis=1) - 1 / (2 * noise**2)) / (2 * half)
    assert is_near(largest, 1 - gaussian.orthogonal_error(2 * half, 1 / noise))


# ------------------------------------------------------------------------------------------------ small noise


def expansion(beta, pairs, noise):
    """E with the next term, -5 sigma^6 / (8 beta^2), all as balls."""
    square = noise * noise
    first = beta - square * noise.log() - square * (pairs / (2 * (arb.pi() * beta).sqrt())).log()
    return first + square**2 / (2 * beta) - 5 * square**3 / (8 * beta**2)


@pytest.mark.parametrize("num_classes", [2, 3, 10])
def test_what_is_left_of_the_expansion_of_the_simplex(num_classes):
    """The next term of Mills' ratio: log(x Q / phi) = -u + 5 u^2 / 2 - 37 u^3 / 3 + ..., u = sigma^2 / (2 beta)."""
    with ctx.workprec(300):
        beta = arb(num_classes) / (4 * (num_classes - 1))
        for inverse in (40, 80):
            noise = arb(1) / inverse
            error = gaussian.simplex_error(num_classes, fmpq(1, inverse))
            left = -(noise**2) * error.log() - expansion(beta, arb(num_classes - 1), noise)
            term = noise**8 * 37 / (24 * beta**3)
            assert float(left / term) == pytest.approx(1, abs=60 / inverse**2 / float(beta))


def test_closest_pairs_of_a_code_count_in_order():
    """The octahedron: 24 ordered pairs at distance sqrt 2, over 6 signals."""
    with ctx.workprec(300):
        for inverse in (20, 40):
            noise = arb(1) / inverse
            error = gaussian.biorthogonal_error(3, fmpq(1, inverse))
            left = -(noise**2) * error.log() - expansion(arb(1) / 4, arb(24) / 6, noise)
            assert abs(float(left)) < 120 * float(noise) ** 8


# ------------------------------------------------------------------------------------- at least one event


def half_spaces(points, c, noise):
    """Unit normals and thresholds, in noise of standard deviation 1, of being nearer to another point than to c."""
    others = np.delete(points, c, axis=0) - points[c]
    lengths = np.linalg.norm(others, axis=1)
    return others / lengths[:, None], lengths / (2 * noise)


def truncated(generator, thresholds):
    """Standard normals above thresholds."""
    return stats.norm.isf(generator.random(len(thresholds)) * tail(thresholds))


def draw(points, c, noise, count, generator, conditioned=True):
    """1/N and X for draws of class c, X with the coordinate along the sum of normals integrated; and S_c."""
    normals, thresholds = half_spaces(points, c, noise)
    chances = tail(thresholds)
    drawn = generator.choice(len(chances), count, p=chances / chances.sum())
    z = generator.standard_normal((count, points.shape[1]))
    if conditioned:
        along = np.einsum("ij,ij->i", z, normals[drawn])
        z += (truncated(generator, thresholds[drawn]) - along)[:, None] * normals[drawn]
    inside = z @ normals.T >= thresholds
    inside[np.arange(count), drawn] = True
    direction = chances @ normals
    direction = direction / np.linalg.norm(direction)
    slopes = normals @ direction
    ends = (thresholds - (z - np.outer(z @ direction, direction)) @ normals.T) / slopes
    lower = np.where(slopes < 0, ends, -np.inf).max(axis=1)
    upper = np.where(slopes > 0, ends, np.inf).min(axis=1)
    singles = np.where(slopes > 0, tail(ends), stats.norm.cdf(ends)).sum(axis=1)
    union = np.minimum(1, tail(upper) + stats.norm.cdf(lower))
    return 1 / inside.sum(axis=1), union / singles, chances.sum()


def plane_errors(points, noise):
    """P(err | c) by a grid."""
    grid = np.linspace(-9, 9, 1201)
    square = np.stack(np.meshgrid(grid, grid), axis=-1)
    density = stats.norm.pdf(square).prod(axis=-1) * (grid[1] - grid[0]) ** 2
    errors = []
    for c in range(len(points)):
        normals, thresholds = half_spaces(points, c, noise)
        errors.append(density[(square @ normals.T >= thresholds).any(axis=-1)].sum())
    return np.array(errors)


POINTS = np.array(
    [[0.0, 0.0], [1.0, 0.2], [-0.3, 0.8], [0.2, -0.1]]
)  # two that are close, whose classes err more often than the others


def test_sampling_at_least_one_event_is_unbiased_and_its_relatives_are_not():
    noise, generator = 0.5, np.random.default_rng(6)
    errors = plane_errors(POINTS, noise)
    drawn = [draw(POINTS, c, noise, SAMPLES, generator) for c in range(4)]
    for error, (counts, shares, total) in zip(errors, drawn, strict=True):
        assert np.mean(counts) * total == pytest.approx(error, rel=6e-3)
        assert np.mean(shares) * total == pytest.approx(error, rel=6e-3)
        assert 1 / 3 - 1e-9 <= shares.min() <= shares.max() <= 1 + 1e-9
        assert np.mean(shares**2) < np.mean(counts**2)
    sums = np.array([total for _, _, total in drawn])
    uniform = sums.sum() / 4 * np.mean([np.mean(counts) for counts, _, _ in drawn])
    assert abs(uniform / errors.mean() - 1) > 0.02
    free = [draw(POINTS, c, noise, SAMPLES, generator, conditioned=False) for c in range(4)]
    unconditioned = np.mean([np.mean(counts) * total for counts, _, total in free])
    assert unconditioned > 1.05 * errors.mean()


@pytest.mark.parametrize(("first", "second"), [(4, 4), (1, 2), (2, 7)])
def test_three_signals_in_the_plane(first, second):
    """The three formulas of the file against draws."""
    noise, generator = 0.9, np.random.default_rng(7)
    angles = 2 * pi * np.cumsum([0, first, second]) / 12
    points = np.column_stack([np.cos(angles), np.sin(angles)])
    inputs = {"first": first, "second": second, "noise": noise}
    parts = [first / 12, second / 12, 1 - (first + second) / 12]
    error = gaussian.circle_error(parts, noise)
    assert error == pytest.approx(plane_errors(points, noise).mean(), rel=2e-2)
    drawn = [draw(points, c, noise, SAMPLES, generator) for c in range(3)]
    weighted = sum(np.mean(counts) * total for counts, _, total in drawn) / 3
    assert weighted == pytest.approx(error, rel=4e-3)
    uniform = np.mean([total for _, _, total in drawn]) * np.mean([np.mean(counts) for counts, _, _ in drawn])
    margin = planar_union_estimator.false_neighbors["uniform_class"].margin(inputs)
    assert abs(uniform - error) == pytest.approx(margin, abs=4e-3 * error)
    free = [draw(points, c, noise, SAMPLES, generator, conditioned=False) for c in range(3)]
    unconditioned = sum(np.mean(counts) * total for counts, _, total in free) / 3
    margin = planar_union_estimator.false_neighbors["unconditioned_point"].margin(inputs)
    assert abs(unconditioned - error) == pytest.approx(margin, abs=4e-3 * error)


# ------------------------------------------------------------------------------------------------ bounds from pairs


def orthant_pair(threshold, other, correlation):
    covariance = [[1, correlation], [correlation, 1]]
    return stats.multivariate_normal.cdf([-threshold, -other], cov=covariance, allow_singular=True)


def test_bounds_from_pairs_hold_for_the_errors_of_a_code():
    noise = 0.5
    for c, error in enumerate(plane_errors(POINTS, noise)):
        normals, thresholds = half_spaces(POINTS, c, noise)
        both = np.diag(tail(thresholds))
        for j, k in combinations(range(3), 2):
            both[j, k] = both[k, j] = orthant_pair(thresholds[j], thresholds[k], normals[j] @ normals[k])
        total, pairs = np.trace(both), (both.sum() - np.trace(both)) / 2
        trees = [both[j, k] + both[k, i] for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1))]
        de_caen = sum(both[k, k] ** 2 / both[k].sum() for k in range(3))
        slack = 5e-3 * error  # of the grid
        assert total - pairs <= error + slack
        assert total**2 / both.sum() <= de_caen <= error + slack
        assert error <= total - max(trees) + slack


def spans(edges, size):
    """Whether the edges connect all of the vertices."""
    reached = {0}
    for _ in range(size):
        reached |= {b for edge in edges for a, b in (edge, edge[::-1]) if a in reached}
    return len(reached) == size


@pytest.mark.parametrize("size", [2, 3, 4])
def test_trees_of_up_to_four_vertices_are_paths_and_stars(size):
    trees = [edges for edges in combinations(combinations(range(size), 2), size - 1) if spans(edges, size)]
    assert len(trees) == size ** (size - 2)
    for edges in trees:
        degrees = [sum(v in edge for edge in edges) for v in range(size)]
        assert max(degrees) in (size - 1, 2, 1)


def test_simplex_rivals_are_the_pairs_of_the_bounds():
    """With all pairs alike, the tree has K - 2 of them and Bonferroni's sum has (K-1)(K-2)/2."""
    points, noise = np.array(simplex_etf(4, 3)), 0.8
    normals, thresholds = half_spaces(points, 0, noise)
    pairs = [orthant_pair(thresholds[j], thresholds[k], normals[j] @ normals[k]) for j, k in combinations(range(3), 2)]
    assert pairs == pytest.approx([gaussian.bivariate_tail(thresholds[0])] * 3, abs=1e-9)
    error = gaussian.simplex_error(4, noise)
    assert tail(thresholds).sum() - sum(pairs) < error < tail(thresholds).sum() - sum(pairs[:2])


@pytest.mark.parametrize("half", [2, 3, 5])
def test_biorthogonal_bounds(half):
    for noise in (0.3, 0.7, 2.0):
        assert biorthogonal_integral.claim.margin({"half": half, "noise": noise}) < 1e-12
