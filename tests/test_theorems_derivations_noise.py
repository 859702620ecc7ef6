"""What the theorems on error probabilities rest on, computed in other ways: simulation, grids, SciPy's normal laws."""

from itertools import combinations
from math import comb, pi, sqrt

import numpy as np
import pytest
from scipy import integrate, stats

from nctheory import gaussian
from nctheory.constructions import simplex_etf
from nctheory.theorems.minimax import minimax

SAMPLES = 100_000


def tail(x):
    return stats.norm.sf(x)


def simulated_error(points, noise, seed=0, priors=None):
    """The error of nearest mean, or of the most probable class, and three standard errors."""
    points = np.asarray(points, dtype=float)
    generator = np.random.default_rng(seed)
    weights = np.full(len(points), 1 / len(points)) if priors is None else np.asarray(priors)
    classes = generator.choice(len(points), SAMPLES, p=weights)
    received = points[classes] + noise * generator.standard_normal((SAMPLES, points.shape[1]))
    scores = received @ points.T - (points**2).sum(axis=1) / 2 + noise**2 * np.log(weights)
    wrong = np.mean(scores.argmax(axis=1) != classes)
    return wrong, 3 * sqrt(wrong * (1 - wrong) / SAMPLES) + 1e-6


def line_error(points, noise, priors=None):
    """1 less the integral of the largest of the weighted densities, by the trapezoidal rule."""
    points = np.asarray(points, dtype=float)
    weights = np.full(len(points), 1 / len(points)) if priors is None else np.asarray(priors)
    grid = np.linspace(points.min() - 12 * noise, points.max() + 12 * noise, 40_001)
    densities = weights * stats.norm.pdf((grid[:, None] - points) / noise) / noise
    return 1 - integrate.trapezoid(densities.max(axis=1), grid)


def plane_error(points, noise, priors=None):
    points = np.asarray(points, dtype=float)
    weights = np.full(len(points), 1 / len(points)) if priors is None else np.asarray(priors)
    grid = np.linspace(-1 - 9 * noise, 1 + 9 * noise, 801)
    across = [stats.norm.pdf((grid[:, None] - points[:, axis]) / noise) / noise for axis in (0, 1)]
    densities = weights * across[0][:, None, :] * across[1][None, :, :]
    return 1 - densities.max(axis=2).sum() * (grid[1] - grid[0]) ** 2


def orthants(count, threshold):
    """P(all of `count` standard normals of correlations 1/2 are above the threshold)."""
    covariance = (np.eye(count) + 1) / 2
    return stats.multivariate_normal.cdf(np.full(count, -threshold), cov=covariance, abseps=1e-6, releps=1e-6, rng=0)


# ------------------------------------------------------------------------------------- the simplex and its rivals


@pytest.mark.parametrize("num_classes", [2, 3, 4, 6])
def test_the_integral_is_the_simulated_error(num_classes):
    for noise in (0.5, 1.5):
        wrong, width = simulated_error(simplex_etf(num_classes, num_classes - 1), noise)
        assert abs(wrong - gaussian.simplex_error(num_classes, noise)) < width
        wrong, width = simulated_error(np.eye(num_classes), noise)
        assert abs(wrong - gaussian.orthogonal_error(num_classes, 1 / noise)) < width


@pytest.mark.parametrize("num_classes", [3, 4, 5])
def test_rivals_are_at_one_distance_and_directions_include_60_degrees(num_classes):
    points = np.array(simplex_etf(num_classes, num_classes - 1))
    differences = points[1:] - points[0]
    gram = differences @ differences.T
    squared = 2 * num_classes / (num_classes - 1)
    assert np.allclose(gram, squared * (np.eye(num_classes - 1) + 1) / 2)


@pytest.mark.parametrize("num_classes", [4, 5])
@pytest.mark.parametrize("noise", [0.6, 2.0])
def test_inclusion_and_exclusion_of_the_rivals_gives_the_error(num_classes, noise):
    """And its first two sums are what Bonferroni's bound takes."""
    wall = sqrt(num_classes / (2 * (num_classes - 1))) / noise
    rivals = num_classes - 1
    sums = [comb(rivals, count) * orthants(count, wall) for count in range(1, num_classes)]
    error = sum(term if count % 2 == 0 else -term for count, term in enumerate(sums))
    assert error == pytest.approx(gaussian.simplex_error(num_classes, noise), abs=2e-5)
    assert sums[1] / comb(rivals, 2) == pytest.approx(gaussian.bivariate_tail(wall), abs=1e-8)
    assert sums[0] - sums[1] < error < sums[0] - (rivals - 1) * sums[1] / comb(rivals, 2) < sums[0]


def test_correlation_and_the_shifted_matrix():
    """R - J/2 is positive semidefinite exactly for correlations in [0, 1], R - J/4 from -1/2 on."""
    for correlation in np.linspace(-1, 1, 41):
        matrix = np.array([[1, correlation], [correlation, 1]])
        least = [np.linalg.eigvalsh(matrix - shift).min() for shift in (1 / 2, 1 / 4)]
        assert (least[0] > -1e-12) == (correlation > -1e-12)
        assert (least[1] > -1e-12) == (correlation > -1 / 2 - 1e-12)


def test_two_correlated_normals_against_scipy():
    for level in (-1.0, 0.3, 2.0):
        for correlation in (-0.6, -0.1, 0.0, 0.4, 0.9):
            both = stats.multivariate_normal.cdf([level, level], cov=[[1, correlation], [correlation, 1]])
            assert both == pytest.approx(gaussian.bivariate_cdf(level, correlation), abs=1e-9)
            assert (both > stats.norm.cdf(level) ** 2 - 1e-12) == (correlation >= 0)


@pytest.mark.parametrize("rivals", [2, 3])
def test_the_maximum_of_rivals_is_an_orthogonal_error(rivals):
    for level in (0.0, 0.7, 1.9):
        right = 1 - gaussian.orthogonal_error(rivals + 1, sqrt(2) * level)
        assert right == pytest.approx(orthants(rivals, -level), abs=1e-5)
        assert right > stats.norm.cdf(level) ** rivals


# ------------------------------------------------------------------------------------------------------ the cone


@pytest.mark.parametrize("num_classes", [5, 8])
def test_the_cone_in_space_is_a_cap(num_classes):
    """In three dimensions a cone of half-angle theta holds (1 - cos theta) / 2 of the directions."""
    noise = 0.7
    received = noise * np.random.default_rng(1).standard_normal((SAMPLES, 3)) + np.eye(3)[0]
    outside = np.mean(received[:, 0] < (1 - 2 / num_classes) * np.linalg.norm(received, axis=1))
    assert gaussian.cone_error(num_classes, 3, noise) == pytest.approx(outside, abs=4 * sqrt(0.25 / SAMPLES))


def test_a_point_at_the_center_beats_the_cone_of_seven():
    """The regular hexagon and 0: norms at most 1, and a smaller error than the regular heptagon's, which is the cone's.

    Lifted to dimension 3, it obeys the bound.
    """
    noise = 0.2
    angles = 2 * pi * np.arange(6) / 6
    points = np.vstack([np.column_stack([np.cos(angles), np.sin(angles)]), np.zeros(2)])
    distances = [np.linalg.norm(x - y) for x, y in combinations(points, 2)]
    union = 2 / 7 * sum(tail(distance / (2 * noise)) for distance in distances)
    error = plane_error(points, noise)
    assert gaussian.cone_error(7, 3, noise) < error < union < gaussian.cone_error(7, 2, noise)
    assert gaussian.cone_error(7, 2, noise) == pytest.approx(gaussian.polygon_error(7, noise), rel=1e-12)


# ------------------------------------------------------------------------------------------- points on a line


def test_errors_on_a_line_are_sums_over_gaps():
    generator = np.random.default_rng(2)
    for _ in range(20):
        points, noise = np.sort(generator.normal(size=5)), float(generator.uniform(0.2, 2))
        by_gaps = 2 / 5 * tail(np.diff(points) / (2 * noise)).sum()
        assert by_gaps == pytest.approx(line_error(points, noise), abs=1e-6)
        assert by_gaps == pytest.approx(1 - gaussian.line_correct(tuple(points), noise), abs=1e-12)


def test_conditional_errors_between_thresholds():
    points, thresholds, noise = np.array([0.4, -0.9, 1.0]), np.array([-0.3, 0.6]), 0.8
    received = points + noise * np.random.default_rng(3).standard_normal((SAMPLES, 3))
    errors = np.mean(np.searchsorted(thresholds, received) != np.arange(3), axis=0)
    inputs = {"num_classes": 3, "num_thresholds": 2, "points": tuple(points), "thresholds": tuple(thresholds)}
    margin = minimax.claim.margin({**inputs, "noise": noise})
    assert margin == pytest.approx(gaussian.simplex_error(3, noise) - errors.max(), abs=0.006)
    margin = minimax.false_neighbors["best_class"].margin({**inputs, "noise": noise})
    assert margin == pytest.approx(gaussian.simplex_error(3, noise) - errors.min(), abs=0.006)


# --------------------------------------------------------------------------------------- the strong conjecture


def mean_maximum(count):
    """The mean of the maximum of independent standard normals."""
    return integrate.quad(lambda x: x * count * stats.norm.pdf(x) * stats.norm.cdf(x) ** (count - 1), -12, 12)[0]


def test_the_simplex_with_much_noise():
    """P_correct = (1 + sqrt(K/(K-1)) m_K / sigma) / K + O(1 / sigma^2)."""
    for num_classes in (3, 7):
        slope = sqrt(num_classes / (num_classes - 1)) * mean_maximum(num_classes)
        right = 1 - gaussian.simplex_error(num_classes, 1e4)
        assert (num_classes * right - 1) * 1e4 == pytest.approx(slope, rel=1e-3)


@pytest.mark.parametrize(("num_classes", "wins"), [(5, False), (6, False), (7, True), (8, True), (10, True)])
def test_two_antipodal_signals_and_zeros(num_classes, wins):
    norm = sqrt(num_classes / 2)
    points = (norm, -norm, *[0.0] * (num_classes - 2))
    for noise in (2.0, 50.0):
        right = (4 * stats.norm.cdf(norm / (2 * noise)) - 1) / num_classes
        assert right == pytest.approx(gaussian.line_correct(points, noise), rel=1e-12)
        assert right == pytest.approx(1 - line_error(points, noise), abs=1e-6)
    assert (right > 1 - gaussian.simplex_error(num_classes, 50.0)) == wins
    reach = 2 * norm * stats.norm.pdf(0)
    assert (reach > sqrt(num_classes / (num_classes - 1)) * mean_maximum(num_classes)) == wins


@pytest.mark.parametrize("num_classes", [4, 5, 6, 8, 12])
def test_a_triangle_and_zeros(num_classes):
    """Already a decoder that never answers with a signal at 0 is right more often than the simplex."""
    stretch = sqrt(num_classes / 3)
    gains = []
    for noise in (20.0, 100.0, 1000.0):
        right = 3 / num_classes * (1 - gaussian.simplex_error(3, noise / stretch))
        gains.append(right - 1 + gaussian.simplex_error(num_classes, noise))
    assert max(gains) > 1e-9


# ------------------------------------------------------------------------------------------------------ priors


@pytest.mark.parametrize("noise", [0.6, 0.9, 1.3])
@pytest.mark.parametrize("priors", [(0.01, 0.495, 0.495), (0.2, 0.3, 0.5), (0.02, 0.4, 0.58)])
def test_bounds_on_the_errors_of_the_most_probable_class(priors, noise):
    """Below the error of the simplex, and above that of two antipodal signals with the third on one of them."""
    wall = sqrt(3 / 4) / noise
    lower = 2 * sorted(priors)[1] * tail(wall)
    assert lower < plane_error(simplex_etf(3, 2), noise, priors) + 1e-6
    p, q, r = priors
    assert line_error((1, 1, -1), noise, priors) < (q + r) * tail(1 / noise) + p + 1e-6


def test_rare_classes_are_better_off_on_top_of_others():
    priors, noise = (0.01, 0.495, 0.495), 0.9
    simplex, line = plane_error(simplex_etf(3, 2), noise, priors), line_error((1, 1, -1), noise, priors)
    assert simplex > line + 0.01
    wrong, width = simulated_error(simplex_etf(3, 2), noise, seed=4, priors=priors)
    assert abs(wrong - simplex) < width
