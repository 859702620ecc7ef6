"""Gaussian probabilities in logarithms, far into the tails: sectors of the plane, and two half-spaces at once.

A sector is {beyond a line at distance h > 0 from the origin, seen from there between the angles start and stop}, angles
told from the line's normal: (1 / 2 pi) times the integral of exp(-h^2 / (2 cos^2 t)), which is u = asinh tan t turns
into that of exp(-h^2 cosh(u)^2 / 2) / cosh u, smooth at every scale.
"""

import math

import numpy as np
from flint import arb
from scipy import special

from nctheory.arrays import Array
from nctheory.gaussian import wedge_integral

__all__ = [
    "SLACK",
    "log_both",
    "log_both_lower",
    "log_both_upper",
    "log_difference",
    "log_sector",
    "log_sums",
    "sector_ball",
    "tail_ball",
]

SLACK = 1e-5  # log_both is off by less, which is proved there; in truth by some 1e-14

_PANELS, _POINTS = 40, 20
_DROP = 45.0  # the integrand is cut off this far below the logarithm of its maximum
_LOG_2_PI = math.log(2 * math.pi)
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(_POINTS)
_GRID = (np.arange(_PANELS)[:, None] + (_NODES + 1) / 2).ravel() / _PANELS
_GRID_WEIGHTS = np.tile(_WEIGHTS / (2 * _PANELS), _PANELS)


def log_sums(logs: Array) -> Array:
    """The logarithms of the sums of the exponentials along the last axis."""
    peak = logs.max(axis=-1, initial=-math.inf)
    with np.errstate(invalid="ignore", divide="ignore"):
        sums = peak + np.log(np.exp(logs - peak[..., None]).sum(axis=-1))
    return np.asarray(np.where(np.isinf(peak), peak, sums))


def log_difference(larger: Array, smaller: Array) -> Array:
    """log(e^a - e^b), -inf where a <= b."""
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.minimum(smaller - larger, 0)
        return np.asarray(np.where(larger > smaller, larger + np.log(-np.expm1(gap)), -math.inf))


def log_sector(height: Array, start: Array, stop: Array) -> Array:
    """The logarithm of the probability of the sector, -inf where stop <= start; -pi/2 <= start, stop <= pi/2.

    Gauss-Legendre on 40 panels of the range on which the integrand is not 45 below its maximum in logarithms. Its width
    is at most min(92, 19 / h), so half a panel has r <= min(1.15, 0.24 / h). On the Bernstein ellipse of a panel with
    parameter 2 the imaginary part is at most 0.75 r, and the integrand at most e^7.1 / 0.65 times its maximum: 20
    points are off by less than 1e-8 times the width, while the integral of a log-concave function that falls by e^-45
    is at least 0.007 of the width. The proved relative error is below 2e-6; it is about 1e-15.
    """
    low, high = np.arcsinh(np.tan(start)), np.arcsinh(np.tan(stop))
    top = np.clip(0.0, low, np.maximum(low, high))
    turn = np.sinh(np.abs(top))
    reach = np.minimum(np.arcsinh(np.hypot(turn, math.sqrt(2 * _DROP) / height)), np.abs(top) + _DROP + 1)
    left = np.maximum(low, np.where(top < 0, -reach, np.where(top > 0, top, -reach)))
    right = np.minimum(high, np.where(top > 0, reach, np.where(top < 0, top, reach)))
    width = np.maximum(right - left, 0)
    u = left[..., None] + width[..., None] * _GRID
    center = top[..., None]
    fall = height[..., None] ** 2 * np.sinh(u - center) * np.sinh(u + center) / 2
    with np.errstate(divide="ignore", over="ignore"):
        inner = np.exp(-fall) * np.cosh(center) / np.cosh(u)
        scale = -(height**2 + (height * turn) ** 2) / 2 - np.log(np.cosh(top))
        return np.asarray(scale + np.log(width * (inner @ _GRID_WEIGHTS)) - _LOG_2_PI)


def log_both(first: Array, second: Array, correlation: Array) -> Array:
    """log P(X >= h, Y >= k) for h, k > 0, |correlation| < 1: beyond the farther line in every direction.

    The two sectors meet at the corner of the wedge; an error of its direction counts to second order only.
    """
    sine = np.sqrt((1 - correlation) * (1 + correlation))
    corner = np.arctan2(second - correlation * first, first * sine)
    other = np.arctan2(sine, correlation) - corner
    quarter = np.full_like(corner, math.pi / 2)
    return np.logaddexp(log_sector(first, corner, quarter), log_sector(second, other, quarter))


def log_both_upper(first: Array, second: Array, correlation: Array) -> Array:
    """At least log P(X >= h, Y >= k).

    In the plane the corner of the wedge is at x along the line at distance h, told from the foot of its normal. The
    probability is h phi(h) times the integral of phi(y) / (h^2 + y^2) over y > x, and the same for the other line, and
    1 / (h^2 + y^2) is at most 1 / (h^2 + max(x, 0)^2). Above that, the smaller of the two tails is a bound.
    """
    with np.errstate(all="ignore"):
        bound = np.logaddexp(*(_beyond(*line, lower=False) for line in _lines(first, second, correlation)))
    single = special.log_ndtr(-np.maximum(first, second))
    single = np.minimum(single - 1e-15 * single + 1e-15, 0)
    return np.asarray(np.where((first > 0) & (second > 0) & (bound < single), bound, single))


def log_both_lower(first: Array, second: Array, correlation: Array) -> Array:
    """At most log P(X >= h, Y >= k): as above, and 1 / (h^2 + y^2) is convex in y^2, whose mean over y > x is known.

    For h <= 0 or k <= 0, that is P(X >= h) - P(Y < k), or the other way around.
    """
    with np.errstate(all="ignore"):
        bound = np.logaddexp(*(_beyond(*line, lower=True) for line in _lines(first, second, correlation)))
    tails = [(special.log_ndtr(-h), special.log_ndtr(k)) for h, k in ((first, second), (second, first))]
    rest = np.maximum(*(log_difference(*pair) for pair in tails)) - 1e-12
    return np.asarray(np.where((first > 0) & (second > 0), np.where(np.isnan(bound), -math.inf, bound), rest))


def _lines(first: Array, second: Array, correlation: Array) -> list[tuple[Array, Array, Array]]:
    """For both lines: its distance h, x, and a bound on the rounding error of x."""
    sine = np.sqrt((1 - correlation) * (1 + correlation))
    error = 2e-15 * (np.abs(first) + np.abs(second)) / sine
    along = (second - correlation * first) / sine, (first - correlation * second) / sine
    return [(first, along[0], error), (second, along[1], error)]


def _beyond(height: Array, along: Array, error: Array, *, lower: bool) -> Array:
    """The bound of one line; x moves by its error, and what rounds after that is 1e-12 and 2e-15 of the logarithm."""
    x = along + error if lower else along - error
    tail = special.log_ndtr(-x)
    square = 1 + x * np.exp(-x * x / 2 - _LOG_2_PI / 2 - tail) if lower else np.maximum(x, 0) ** 2
    square = np.where(np.isinf(tail) & lower, math.inf, square)
    value = np.log(height) - (height**2 + _LOG_2_PI) / 2 + tail - np.log(height**2 + square)
    slack = 1e-12 + 2e-15 * (height**2 + x * x)
    return np.asarray(value - slack if lower else value + slack)


# ------------------------------------------------------------------------------------------------------------- balls


def tail_ball(threshold: arb) -> arb:
    """Q(t)."""
    return (threshold / arb(2).sqrt()).erfc() / 2


def sector_ball(height: arb, start: arb | None, stop: arb | None) -> arb:
    """The probability of the sector beyond a line at distance h > 0, from x = start to x = stop along it, None: no end.

    `wedge_integral` doubles the sector from there on. Left of the foot the difference of two of them would cancel.
    """
    if stop is not None and stop < 0:
        start, stop = -stop, None if start is None else -start
    return (_from(height, start) - (arb(0) if stop is None else _from(height, stop))) / 2


def _from(height: arb, start: arb | None) -> arb:
    return 2 * tail_ball(height) if start is None else wedge_integral(height, (start / height).asinh())
