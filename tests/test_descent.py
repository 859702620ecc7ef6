"""Going downhill: SciPy's methods on functions with known minima, and Newton's last digits."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der, rosen_hess_prod

from nctheory.descent import downhill, newton


class Rosenbrock:
    def evaluate(self, flat):
        return float(rosen(flat)), rosen_der(flat)

    def curvature(self, flat, along):
        return rosen_hess_prod(flat, along)


@dataclass
class Quadratic:
    """<x, A x> / 2 - <c, x>, with A perhaps singular or indefinite."""

    matrix: np.ndarray
    linear: np.ndarray
    calls: int = 0

    def evaluate(self, flat):
        self.calls += 1
        return float(flat @ self.matrix @ flat / 2 - self.linear @ flat), self.matrix @ flat - self.linear

    def curvature(self, flat, along):
        return self.matrix @ along


@pytest.mark.parametrize("trust_region", [False, True])
def test_the_minimum_of_a_curved_valley(trust_region):
    told = []
    start = np.array([-1.2, 1.0, -0.5, 2.0])
    end = downhill(Rosenbrock(), start, steps=500, tolerance=1e-9, trust_region=trust_region, watch=told.append)
    assert end == pytest.approx(np.ones(4), abs=1e-6)
    assert np.abs(rosen_der(end)).max() < 1e-6
    assert len(told) > 10
    assert rosen(told[-1]) < 1e-9 < rosen(told[0])


@pytest.mark.parametrize("trust_region", [False, True])
def test_steps_are_limited(trust_region):
    told = []
    start = np.array([-1.2, 1.0])
    end = downhill(Rosenbrock(), start, steps=4, tolerance=1e-9, trust_region=trust_region, watch=told.append)
    assert len(told) == 4
    assert np.array_equal(end, told[-1])


def test_the_tolerance_ends_it():
    start = np.array([-1.2, 1.0])
    coarse, fine = (downhill(Rosenbrock(), start, steps=500, tolerance=tolerance) for tolerance in (1e-1, 1e-10))
    assert 1e-9 < np.abs(rosen_der(coarse)).max() <= 1e-1
    assert np.abs(rosen_der(fine)).max() <= 1e-9


def test_newton_finds_the_last_digits():
    near = np.ones(3) + 1e-4 * np.array([1.0, -2.0, 0.5])
    end = newton(Rosenbrock(), near)
    assert np.abs(rosen_der(end)).max() < 1e-12
    assert end == pytest.approx(np.ones(3), abs=1e-13)


def test_newton_is_at_home_on_singular_and_indefinite_functions():
    """A null direction is not moved along; a saddle is a critical point, too."""
    singular = Quadratic(np.diag([2.0, 1.0, 0.0]), np.array([2.0, 3.0, 0.0]))
    assert newton(singular, np.array([5.0, 5.0, 7.0])) == pytest.approx([1, 3, 7], abs=1e-7)
    saddle = Quadratic(np.diag([2.0, -1.0]), np.array([2.0, 3.0]))
    assert newton(saddle, np.zeros(2)) == pytest.approx([1, -3], abs=1e-7)


def test_newton_stops_where_it_does_not_help():
    """|x|^(3/2): each step goes to -x, and the gradient is no smaller there."""

    class Kink:
        def evaluate(self, flat):
            return float(np.abs(flat[0]) ** 1.5), 1.5 * np.sign(flat) * np.abs(flat) ** 0.5

        def curvature(self, flat, along):
            return 0.75 * np.abs(flat) ** -0.5 * along

    assert newton(Kink(), np.array([0.3])) == [0.3]


def test_a_minimum_stays_where_it_is():
    bowl = Quadratic(np.eye(2), np.zeros(2))
    assert np.array_equal(newton(bowl, np.zeros(2)), np.zeros(2))
    assert np.array_equal(downhill(bowl, np.zeros(2), steps=5, tolerance=1e-9), np.zeros(2))
