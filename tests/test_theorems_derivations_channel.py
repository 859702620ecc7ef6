"""Independent numerical checks of derivations in the theorem files on the Gaussian channel."""

import math
from itertools import combinations, permutations

import cvxpy as cp
import numpy as np
import pytest
from scipy.stats import norm

from nctheory.kernel import exponent

TURN = np.array([[0.0, -1.0], [1.0, -1.0]])  # of order three


def pairwise_radius(means, factors):
    """The radius up to which any two of the ellipsoids mu_i + r L_i B can be separated."""

    def radius(i, j):
        normal = cp.Variable(means.shape[1])
        widths = cp.norm(factors[i].T @ normal) + cp.norm(factors[j].T @ normal)
        return 1 / cp.Problem(cp.Minimize(widths), [normal @ (means[i] - means[j]) == 1]).solve(solver=cp.CLARABEL)

    return min(radius(i, j) for i, j in combinations(range(len(means)), 2))


def is_decodable(means, factors, radius):
    """Whether some linear decoder has m_ij >= radius |L_i' a_ij| and m_ij >= 1 for all ordered pairs."""
    weights, bias = cp.Variable(means.shape), cp.Variable(len(means))
    constraints = []
    for i, j in permutations(range(len(means)), 2):
        normal = weights[i] - weights[j]
        margin = normal @ means[i] + bias[i] - bias[j]
        constraints += [margin >= 1, margin >= radius * cp.norm(factors[i].T @ normal)]
    problem = cp.Problem(cp.Minimize(0), constraints)
    problem.solve(solver=cp.CLARABEL)
    return problem.status == cp.OPTIMAL


def test_exponent_is_the_rate_of_the_error_probability():
    """On a line the error events are intervals, so that the probability has a formula."""
    means, weights, bias = np.array([-1.0, 0.2, 1.5]), np.array([-1.0, 0.5, 1.0]), np.array([0.0, 0.4, -0.2])
    beta = exponent([[x] for x in means], [[w] for w in weights], list(bias))
    noise = 0.01
    logs = []
    for i, mean in enumerate(means):
        others = [j for j in range(3) if j != i]
        thresholds = [(-(bias[i] - bias[j]) / (weights[i] - weights[j]), weights[i] - weights[j]) for j in others]
        lower = [t for t, slope in thresholds if slope > 0]
        upper = [t for t, slope in thresholds if slope < 0]
        logs += [norm.logcdf((max(lower) - mean) / noise)] if lower else []
        logs += [norm.logsf((min(upper) - mean) / noise)] if upper else []
    assert -(noise**2) * max(logs) == pytest.approx(beta, rel=0.02)


@pytest.mark.parametrize("variance", [0.05, 0.3, 0.9, 1.0])
def test_best_rotated_triangle(variance):
    angles = np.linspace(0, 2 * math.pi, 3601)
    sides = np.array([2 * math.pi * k / 3 for k in range(3)])[:, None] + angles
    squares = 3 * (np.cos(sides) ** 2 + np.sin(sides) ** 2 / variance)
    assert squares.min(axis=0).max() == pytest.approx(3 * (3 / 4 + 1 / (4 * variance)))


def test_some_triangle_beats_every_rotated_one():
    """Already for nearly equal variances: an isosceles triangle, stretched along the axis of less noise."""
    variance = 0.9
    best = max(
        min((2 * math.sin(t)) ** 2 / variance, math.sin(t) ** 2 / variance + (1 + math.cos(t)) ** 2)
        for t in np.linspace(0.5, 1.5, 2001)
    )
    assert best > 3 * (3 / 4 + 1 / (4 * variance)) + 0.01


@pytest.mark.parametrize("seed", range(3))
def test_power_diagram_has_the_radius_rho(seed):
    generator = np.random.default_rng(seed)
    means, deviations = generator.standard_normal((4, 2)), np.exp(generator.standard_normal(4))
    factors = [s * np.eye(2) for s in deviations]
    rho = pairwise_radius(means, factors)
    assert rho == pytest.approx(
        min(
            np.linalg.norm(means[i] - means[j]) / (deviations[i] + deviations[j]) for i, j in combinations(range(4), 2)
        ),
        rel=1e-6,
    )
    weights, bias = 2 * means, (rho * deviations) ** 2 - (means**2).sum(axis=1)
    scores = means @ weights.T + bias
    radii = [
        (scores[i, i] - scores[i, j]) / (deviations[i] * np.linalg.norm(weights[i] - weights[j]))
        for i, j in permutations(range(4), 2)
    ]
    assert min(radii) == pytest.approx(rho, rel=1e-5)
    assert is_decodable(means, factors, 0.99 * rho)


def test_linear_decoding_of_a_pinwheel_loses():
    """What the circulation argument says is what the second-order cone program finds."""
    factor, points, ratio = np.array([[2.0, -1.0], [-3.0, 1.0]]), np.array([[-1.0, 0.0], [1.0, 0.0]]), 2.0
    mean = np.linalg.solve(np.eye(2) - ratio * TURN, ratio * TURN @ factor @ points[1] - factor @ points[0])
    assert mean + factor @ points[0] == pytest.approx(ratio * TURN @ (mean + factor @ points[1]))
    powers = [np.linalg.matrix_power(TURN, i) for i in range(3)]
    means, factors = np.array([power @ mean for power in powers]), [power @ factor for power in powers]
    assert pairwise_radius(means, factors) > 1.05
    assert is_decodable(means, factors, 0.9)
    assert not is_decodable(means, factors, 1.001)


def test_thin_pinwheel_loses_two_fifths_of_the_exponent():
    """Segments at an angle t: 2 sin(t + 30 degrees) between pairs; all three seen under 120 degrees linearly."""
    t, thin = math.radians(36), 1e-3
    turns = [2 * math.pi * k / 3 for k in range(3)]
    means = np.array([[math.cos(turn), math.sin(turn)] for turn in turns])
    axes = [np.array([[math.cos(turn + t)], [math.sin(turn + t)]]) for turn in turns]
    factors = [np.hstack([axis, thin * np.array([-axis[1], axis[0]])]) for axis in axes]
    pairwise = 2 * math.sin(t + math.pi / 6)
    linear = (math.sin(t) + math.sqrt(math.sin(t) ** 2 + 3)) / math.sqrt(3)
    assert pairwise_radius(means, factors) == pytest.approx(pairwise, rel=1e-2)
    assert is_decodable(means, factors, 0.99 * linear)
    assert not is_decodable(means, factors, 1.01 * linear)
    assert 1 - (linear / pairwise) ** 2 == pytest.approx(0.4167, abs=1e-3)


@pytest.mark.parametrize("num_classes", [3, 4, 5])
def test_constant_of_uniqueness_cannot_be_lowered(num_classes):
    """Unit vectors whose distances agree but for one pair, which is as far apart as can be."""
    gap = 1e-5
    gram = np.full((num_classes, num_classes), -1 / (num_classes - 1) + 4 * gap)
    np.fill_diagonal(gram, 1)
    low, high = 0.0, 1.0  # of how much the pair's inner product can fall
    for _ in range(60):
        fall = (low + high) / 2
        gram[0, 1] = gram[1, 0] = -1 / (num_classes - 1) - fall
        low, high = (fall, high) if np.linalg.eigvalsh(gram)[0] >= -1e-15 else (low, fall)
    constant = 2 * (num_classes - 2) * (num_classes + 1)
    assert 0.99 * constant < low / gap <= constant * (1 + 1e-4)


@pytest.mark.parametrize("seed", range(20))
def test_means_of_different_norms_have_a_feature_that_argmax_and_nearest_mean_tell_apart(seed):
    """A small step from the midpoint of the closest pair of different norms, towards the shorter one."""
    generator = np.random.default_rng(seed)
    means = np.round(2 * generator.standard_normal((5, 2)))
    norms = (means**2).sum(axis=1)
    pairs = [(((means[i] - means[j]) ** 2).sum(), i, j) for i, j in permutations(range(5), 2) if norms[i] > norms[j]]
    if pairs:
        _, i, j = min(pairs)
        feature = (means[i] + means[j]) / 2 + 1e-4 * (means[j] - means[i])
        nearest = ((means - feature) ** 2).sum(axis=1)
        assert nearest[j] == pytest.approx(nearest.min(), abs=1e-12)
        assert (means @ feature)[j] < (means @ feature).max() - 1e-6
