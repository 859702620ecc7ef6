"""KKT residuals: 0 at optima and at critical points, and nowhere else."""

from fractions import Fraction

import numpy as np
import pytest

from nctheory import Configuration, Features, orthoplex, separation
from nctheory.point import as_point
from nctheory.separation.kkt import _distinct
from tests.test_separation import SIZES, changed, collapsed


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("sizes", [*SIZES, (30, 31, 32, 33, 34, 35)])
def test_the_optimum_is_a_kkt_point(sizes, bias):
    points = collapsed(sizes, bias=bias)
    residual = separation.kkt_residual(points, bias=bias)
    assert residual.largest < 1e-11
    geometry = separation.optimum(sizes, bias=bias).details
    gram = geometry.weights_gram / np.array(sizes) if bias else geometry.class_means_gram
    beta = residual.multipliers[np.searchsorted(points.labels, np.arange(len(sizes)))]
    off = ~np.eye(len(sizes), dtype=bool)
    assert np.allclose(beta.T[off], -gram[off], rtol=1e-8)


def test_kkt_residuals_see_what_is_wrong():
    points = collapsed([1, 2, 4])
    moved = separation.kkt_residual(changed(points, features=points.features * np.linspace(1, 2, 7)[:, None]))
    assert moved.slackness > 0.01
    assert max(moved.weights, moved.features) > 0.01
    assert separation.kkt_residual(points, bias=True).largest > 0.01


def test_a_planar_square_is_a_kkt_point_that_is_no_optimum():
    square = np.array([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]])
    points = Features(square, range(4), square)
    residual = separation.kkt_residual(points)
    assert max(residual.weights, residual.features, residual.slackness, residual.primal) < 1e-12
    assert residual.dual == pytest.approx(1)  # |B|_2 = 2
    result = separation.certify(points)
    assert (result.status, result.upper) == ("improvable", Fraction(3, 4))


def test_equal_samples_get_equal_multipliers_in_any_order():
    points = collapsed([2, 3, 4])
    order = np.random.default_rng(1).permutation(9)
    shuffled = Features(points.features[order], points.labels[order], points.weights)
    beta = separation.kkt_residual(points).multipliers
    assert np.allclose(separation.kkt_residual(shuffled).multipliers, beta[order])
    assert not np.allclose(beta, beta[order])


@pytest.mark.parametrize("count", [8, 24, 40])
def test_an_orthoplex_is_critical_for_any_number_of_classes(count):
    """Each class has many closest others, so that no class by itself says which multipliers fit all."""
    points = orthoplex(count, count // 2)
    residual = separation.kkt_residual(Configuration(points, points, class_sizes=[1] * count))
    assert max(residual.weights, residual.features, residual.slackness, residual.primal) < 1e-12
    assert residual.dual > 1
    stretched = points * np.linspace(1, 1.1, count)[:, None]
    assert separation.kkt_residual(Configuration(stretched, points, class_sizes=[1] * count)).largest > 0.01


def test_the_slope_of_the_squares_is_that_of_their_sum():
    generator = np.random.default_rng(0)
    best = collapsed([2, 1, 3], bias=True)
    noisy = changed(best, features=best.features + 0.05 * generator.standard_normal(best.features.shape))
    system, _ = _distinct(as_point(noisy), True)
    beta, step = generator.uniform(size=(6, 3)), 1e-6
    slope = system.squares(beta, system.penalty)[1]
    for i, c in np.argwhere(system.labels[:, None] != np.arange(3)):
        moved = np.zeros((6, 3))
        moved[i, c] = step
        up, down = (system.squares(beta + sign * moved, system.penalty)[0] for sign in (1, -1))
        assert slope[i, c] == pytest.approx((up - down) / (2 * step), rel=1e-6, abs=1e-8)


def test_printed_residuals_explain_themselves():
    text = str(separation.kkt_residual(collapsed([1, 2, 4])))
    assert len(text.splitlines()) == 7
    for word in ("stationarity", "slackness", "primal", "dual", "|W - B H| / |W|", "global optimum"):
        assert word in text


@pytest.mark.parametrize("sizes", [(10**6, 1), (1, 10**5, 3), (1, 10, 100, 10**4)])
@pytest.mark.parametrize("bias", [False, True])
def test_strong_imbalance(sizes, bias):
    best = separation.optimum(sizes, bias=bias).configuration
    assert separation.kkt_residual(best, bias=bias).largest < 1e-10
