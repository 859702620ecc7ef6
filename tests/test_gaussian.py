"""Gaussian probabilities against mpmath's integrals, against each other, and against simulated noise."""

import math
from fractions import Fraction
from itertools import pairwise

import flint
import mpmath
import numpy as np
import pytest
from flint import arb, fmpq, fmpz

from nctheory import gaussian
from nctheory.errors import InputError

mpmath.mp.dps = 40
mpf = mpmath.mpf
NOISES = [(1, 20), (1, 3), (2, 1)]


# The definitions at 40 digits, sharing no code and no substitution with the package


def tail(x):
    return mpmath.erfc(x / mpmath.sqrt(2)) / 2


def normal(x):
    return mpmath.exp(-x * x / 2) / mpmath.sqrt(2 * mpmath.pi)


def integral(function, nodes):
    """Gauss-Legendre between the nodes; the values are scaled, as quadrature stops on an absolute test."""
    scale = max(function((left + right) / 2) for left, right in pairwise(nodes))
    return scale * mpmath.quad(lambda x: function(x) / scale, nodes, method="gauss-legendre")


def every(step, start, stop):
    return mpmath.linspace(start, stop, math.ceil((stop - start) / step) + 1)


def any_of(rivals, single):
    """1 - (1 - p)^n."""
    return -mpmath.expm1(rivals * mpmath.log1p(-single))


def orthogonal(num_classes, distance):
    middle = -distance / 2
    nodes = every(2, middle - 14, middle + 12)
    return integral(lambda x: normal(x) * any_of(num_classes - 1, tail(x + distance)), nodes)


def simplex(num_classes, noise):
    return orthogonal(num_classes, mpmath.sqrt(mpf(num_classes) / (num_classes - 1)) / noise)


def biorthogonal(half, noise):
    norm = 1 / noise
    if half == 1:
        return tail(norm)
    nodes = every(2, mpf(0), norm / 2 + 13)
    return tail(norm) + integral(lambda y: normal(y - norm) * any_of(half - 1, 2 * tail(y)), nodes)


def wedge(fraction, noise):
    """Craig's form, in the angle at the signal."""
    alpha = mpmath.pi * fraction
    rate = mpmath.sin(alpha) ** 2 / (2 * noise**2)
    nodes = [0, *(mpmath.pi / 2**k for k in range(12, 3, -1) if 2**k > 10 and mpmath.pi / 2**k < mpmath.pi - alpha)]
    nodes += every(0.2, nodes[-1], mpmath.pi - alpha)[1:]
    return integral(lambda t: mpmath.exp(-rate / mpmath.sin(t) ** 2), nodes) / mpmath.pi


def cone(num_classes, dimension, noise):
    """With the half-angle from the integral of sin^(m-2), and the angle of the noise as the variable."""
    m = min(dimension, num_classes - 1)
    if m == 1:
        return tail(1 / noise)
    whole = mpmath.sqrt(mpmath.pi) * mpmath.gamma(mpf(m - 1) / 2) / mpmath.gamma(mpf(m) / 2)

    def share(theta):
        return mpmath.quad(lambda t: mpmath.sin(t) ** (m - 2), [0, theta]) / whole

    theta = mpmath.findroot(lambda t: share(t) - mpf(1) / num_classes, (mpf("0.01"), mpmath.pi / 2), solver="anderson")

    def beyond(t):
        radius = mpmath.sin(theta) / (noise * mpmath.sin(t))
        return mpmath.sin(t + theta) ** (m - 2) * mpmath.gammainc(mpf(m) / 2, radius**2 / 2, regularized=True)

    nodes = [0, *(mpf(2) ** -k for k in range(9, 1, -1)), *every(0.4, mpf(1) / 2, mpmath.pi - theta)]
    return integral(beyond, nodes) / whole


def bivariate(threshold, correlation):
    """P(X > h, Y > h) with Y given X."""
    spread = mpmath.sqrt(1 - correlation**2)
    nodes = every(1, threshold, max(threshold, mpf(0)) + 15)
    return integral(lambda x: normal(x) * tail((threshold - correlation * x) / spread), nodes)


def as_arb(value):
    """A ball of 35 digits around mpmath's value."""
    with flint.ctx.workprec(200):
        return arb(mpmath.nstr(value, 40)) * arb(1, 1e-33)


def agree(name, arguments, expected, relative=1e-12):
    """The enclosure of rational arguments meets mpmath's value and is narrow, and so is the float nearby."""
    function = gaussian.FUNCTIONS[name]
    exact = [fmpq(a.numerator, a.denominator) if isinstance(a, Fraction) else a for a in arguments]
    ball = function(*exact) if any(isinstance(a, fmpq) for a in exact) else arb(0)
    with flint.ctx.workprec(200):
        assert ball.overlaps(as_arb(expected)), (name, arguments, ball, expected)
        assert ball.rad() <= abs(ball.mid()) * 1e-20, (name, arguments, ball)
    approximate = function(*(float(a) if isinstance(a, Fraction) else a for a in arguments))
    assert isinstance(approximate, float)
    assert approximate == pytest.approx(float(expected), rel=relative, abs=0), (name, arguments)


def noises():
    return [(Fraction(*noise), mpf(noise[0]) / noise[1]) for noise in NOISES]


# Integrals


@pytest.mark.parametrize("x", [-8, 0, 1, 15, 35])
def test_normal(x):
    agree("normal_tail", [Fraction(x)], tail(mpf(x)))
    agree("normal_cdf", [Fraction(-x)], tail(mpf(x)))


def test_elementary():
    for name in ("sqrt", "exp", "log"):
        agree(name, [Fraction(7, 3)], getattr(mpmath, name)(mpf(7) / 3))
    assert gaussian.sqrt(fmpq(0)) == 0


def test_the_simplex_of_ten_at_a_twentieth():
    known = arb("1.33316402682082512939e-49")
    ball = gaussian.simplex_error(10, fmpq(1, 20))
    assert abs(ball / known - 1) < 1e-15
    assert gaussian.simplex_error(10, 0.05) == pytest.approx(1.33316402682082512939e-49, rel=1e-10)


@pytest.mark.parametrize("num_classes", [2, 10, 1000])
def test_simplex(num_classes):
    for noise, precise in noises():
        agree("simplex_error", [num_classes, noise], simplex(num_classes, precise))


@pytest.mark.parametrize(("num_classes", "distance"), [(2, 0), (7, 1), (30, 10), (10, 30)])
def test_orthogonal(num_classes, distance):
    expected = orthogonal(num_classes, mpf(distance))
    agree("orthogonal_error", [num_classes, Fraction(distance)], expected)


@pytest.mark.parametrize("half", [1, 2, 9])
def test_biorthogonal(half):
    for noise, precise in noises():
        agree("biorthogonal_error", [half, noise], biorthogonal(half, precise))


@pytest.mark.parametrize("fraction", [Fraction(1, 50), Fraction(1, 3), Fraction(1, 2), Fraction(7, 9)])
def test_wedge(fraction):
    for noise, precise in noises():
        expected = wedge(mpf(fraction.numerator) / fraction.denominator, precise)
        agree("wedge_error", [fraction, noise], expected)


@pytest.mark.parametrize(("num_classes", "dimension"), [(2, 4), (3, 2), (3, 7), (6, 3), (30, 4), (9, 8), (30, 8)])
def test_cone(num_classes, dimension):
    for noise, precise in noises():
        agree("cone_error", [num_classes, dimension, noise], cone(num_classes, dimension, precise))


@pytest.mark.parametrize("threshold", [-3, 0, 1, 8])
def test_bivariate(threshold):
    h = mpf(threshold)
    agree("bivariate_tail", [Fraction(threshold)], bivariate(h, mpf(1) / 2))
    for correlation in (Fraction(-3, 5), Fraction(0), Fraction(9, 10)):
        rho = mpf(correlation.numerator) / correlation.denominator
        agree("bivariate_cdf", [Fraction(-threshold), correlation], bivariate(h, rho))


def test_bivariate_at_the_ends():
    for c in (-2, 0, 1, 6):
        agree("bivariate_cdf", [Fraction(c), 1], tail(mpf(-c)))
        agree("bivariate_cdf", [Fraction(c), -1], max(mpf(0), 1 - 2 * tail(mpf(c))))
        assert gaussian.bivariate_cdf(c, -1 + 1e-13) == pytest.approx(gaussian.bivariate_cdf(c, -1), abs=1e-6)


# Identities


def same(left, right):
    assert left.overlaps(right)
    assert abs(left - right) < right * 1e-20


@pytest.mark.parametrize("noise", [fmpq(1, 20), fmpq(1, 3), fmpq(3)])
def test_identities(noise):
    with flint.ctx.workprec(400):
        check_identities(noise)


def check_identities(noise):
    beside = gaussian.normal_tail(1 / (noise * arb(2).sqrt()))
    opposite = gaussian.normal_tail(1 / noise)
    same(gaussian.simplex_error(2, noise), opposite)
    same(gaussian.polygon_error(2, noise), opposite)
    same(1 - gaussian.line_correct([1, -1], noise), opposite)
    same(gaussian.simplex_error(3, noise), gaussian.polygon_error(3, noise))
    same(gaussian.cone_error(3, 2, noise), gaussian.simplex_error(3, noise))
    same(gaussian.biorthogonal_error(2, noise), gaussian.polygon_error(4, noise))
    same(gaussian.polygon_error(4, noise), beside * (2 - beside))
    same(gaussian.bivariate_cdf(0, fmpq(1, 2)), arb(1) / 3)
    for num_classes in (4, 5, 30):
        same(gaussian.cone_error(num_classes, 2, noise), gaussian.polygon_error(num_classes, noise))
        even = [fmpq(1, num_classes)] * num_classes
        same(gaussian.circle_error(even, noise), gaussian.polygon_error(num_classes, noise))


def test_orthogonal_signals_without_rival_or_distance():
    assert gaussian.orthogonal_error(1, 3) == gaussian.orthogonal_error(1, fmpq(3)) == 0
    assert gaussian.orthogonal_error(fmpz(10), 0).overlaps(arb(9) / 10)


def test_three_rivals_by_the_bivariate_tail():
    """Three orthogonal signals: the two comparisons have correlation 1/2."""
    with flint.ctx.workprec(128):
        x = arb(3) / arb(2).sqrt()
        union = 2 * gaussian.normal_tail(x) - gaussian.bivariate_tail(x)
        same(union, gaussian.orthogonal_error(3, fmpq(3)))


@pytest.mark.parametrize("num_classes", [100, 5000, 10**6])
def test_narrow_cones_in_floats(num_classes):
    for noise in (1e-3, 0.05, 0.45, 3.0):
        polygon = gaussian.polygon_error(num_classes, noise)
        assert gaussian.cone_error(num_classes, 2, noise) == pytest.approx(polygon, rel=1e-12)


def test_wedges_at_the_ends():
    assert gaussian.wedge_error(0, 0.3) == 1
    assert gaussian.wedge_error(1, 0.3) == 0
    assert gaussian.wedge_error(fmpq(0), 1) == 1
    assert gaussian.wedge_error(1e-12, 0.3) == pytest.approx(1, abs=1e-11)
    assert gaussian.wedge_error(1 - 1e-12, 0.3) == pytest.approx(0, abs=1e-11)


@pytest.mark.parametrize("height", [0.25, 3, -3, 10])
@pytest.mark.parametrize("along", [-7, -2.5, 2.5, 7, 20])
def test_bounds_on_wedges_far_along_hold_the_integral(height, along, monkeypatch):
    """Against quadrature in x = h sinh u; bounds on the tail itself, or on what is left to the whole."""
    monkeypatch.setattr(gaussian, "_FAR_ALONG", 2)
    h, s = abs(height), abs(along)
    bounds = gaussian.wedge_integral(arb(height), (arb(along) / h).asinh())
    with mpmath.workdps(30):
        cuts = [s, s + mpf(1) / s, s + mpf(5) / s, s + mpf(30) / s, mpmath.inf]
        tail = mpmath.quad(lambda x: h / (h**2 + x**2) * mpmath.exp(-(h**2 + x**2) / 2) / mpmath.pi, cuts)
        exact = tail if along > 0 else mpmath.erfc(h / mpmath.sqrt(2)) - tail
    assert bounds.overlaps(as_arb(exact))
    assert bounds.rad() < 2 / (s**2 + h**2) * as_arb(tail) + 1e-13 * as_arb(exact)


def test_wrong_formulas_are_told_apart():
    noise = fmpq(1, 3)
    right = gaussian.simplex_error(10, noise)
    assert not right.overlaps(gaussian.orthogonal_error(10, 1 / noise))
    assert not right.overlaps(as_arb(simplex(11, mpf(1) / 3)))
    assert not right.overlaps(gaussian.cone_error(10, 9, noise))
    assert right > gaussian.cone_error(10, 9, noise)
    assert not gaussian.wedge_error(fmpq(3, 5), noise).overlaps(gaussian.wedge_error(fmpq(2, 5), noise))


# Simulated noise


def simulated(points, noise, count=400_000):
    """The share of nearest-signal errors, and its standard error; of equal signals the first one wins."""
    rng = np.random.default_rng(7)
    sent = rng.integers(len(points), size=count)
    received = points[sent] + noise * rng.standard_normal((count, points.shape[1]))
    scores = received @ points.T - (points**2).sum(axis=1) / 2
    share = np.mean(scores.argmax(axis=1) != sent)
    return share, math.sqrt(share * (1 - share) / count)


def close(value, share, error):
    return abs(value - share) < 5 * error


CIRCLES = [
    [0.1, 0.2, 0.3, 0.4],
    [0.1, 0.15, 0.75],  # one gap beyond pi
    [0.0, 0.25, 0.0, 0.0, 0.75],  # two clusters of equal signals
    [0.0, 0.0, 1.0],  # all equal
    [0.02, 0.0, 0.48, 0.5],
]


@pytest.mark.parametrize("fractions", CIRCLES)
@pytest.mark.parametrize("noise", [0.3, 1.0])
def test_circle_by_simulation(fractions, noise):
    angles = 2 * np.pi * np.cumsum(fractions)
    angles[-1] = 0.0  # exactly equal signals, so that ties are ties
    points = np.column_stack([np.cos(angles), np.sin(angles)])
    value = gaussian.circle_error(fractions, noise)
    assert close(value, *simulated(points, noise))
    decimal = [Fraction(str(f)) for f in fractions]
    exact = gaussian.circle_error(decimal, Fraction(str(noise)))
    assert abs(exact - arb(value)) < 1e-13
    assert not close(gaussian.polygon_error(len(fractions), noise), *simulated(points, noise))


@pytest.mark.parametrize("points", [[0.5, -1.0, 2.0, 0.6], [1.0, 0.0, 1.0, 1.0, 3.0], [2.0], [1.0, 1.0]])
def test_line_by_simulation(points):
    value = gaussian.line_correct(points, 0.4)
    assert close(1 - value, *simulated(np.array(points)[:, None], 0.4)) or value == 1
    exact = gaussian.line_correct([Fraction(str(p)) for p in points], Fraction(2, 5))
    assert abs(exact - arb(value)) < 1e-13


@pytest.mark.parametrize(("num_classes", "dimension"), [(12, 3), (5, 3), (20, 4)])
def test_cone_by_simulation(num_classes, dimension):
    """The half-angle is measured too: the 1/K quantile of the angles of random directions."""
    rng = np.random.default_rng(3)
    noise = 0.35
    directions = rng.standard_normal((1_000_000, dimension))
    cosines = directions[:, 0] / np.linalg.norm(directions, axis=1)
    received = noise * rng.standard_normal((1_000_000, dimension))
    received[:, 0] += 1
    seen = received[:, 0] / np.linalg.norm(received, axis=1)
    spread = math.sqrt((1 - 1 / num_classes) / num_classes / 1_000_000)
    above, below = (np.quantile(cosines, 1 - 1 / num_classes + sign * 5 * spread) for sign in (1, -1))
    value = gaussian.cone_error(num_classes, dimension, noise)
    assert np.mean(seen < below) - 0.0025 < value < np.mean(seen < above) + 0.0025
    assert not np.mean(seen < below) < gaussian.cone_error(num_classes + 1, dimension, noise) < np.mean(seen < above)


@pytest.mark.parametrize(("num_classes", "dimension"), [(4, 3), (8, 4)])
def test_cone_is_a_lower_bound(num_classes, dimension):
    rng = np.random.default_rng(1)
    points = rng.standard_normal((num_classes, dimension))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    share, error = simulated(points, 0.6)
    assert gaussian.cone_error(num_classes, dimension, 0.6) < share + 5 * error


# Enclosures of balls, and what is refused


@pytest.mark.parametrize("name", ["simplex_error", "polygon_error", "biorthogonal_error"])
def test_wide_balls_contain_what_they_should(name):
    function = gaussian.FUNCTIONS[name]
    ball = function(5, arb(0.5, 0.01))
    for noise in (fmpq(49, 100), fmpq(1, 2), fmpq(51, 100)):
        assert ball.contains(function(5, noise))
    assert ball.rad() < 0.1


def test_more_wide_balls():
    assert gaussian.cone_error(5, 3, arb(0.5, 0.01)).contains(gaussian.cone_error(5, 3, fmpq(51, 100)))
    assert gaussian.bivariate_tail(arb(0, 1e-9)).contains(gaussian.bivariate_tail(fmpq(-1, 10**9)))
    assert gaussian.bivariate_tail(arb(0, 1e-9)).rad() < 1e-6
    for limit in (arb(1, 0.1), arb(-1, 0.1)):
        assert gaussian.bivariate_cdf(1, limit).contains(gaussian.bivariate_cdf(1, limit.mid()))
    assert gaussian.wedge_error(arb(0, 0.1), fmpq(1)).contains(gaussian.wedge_error(fmpq(1, 20), fmpq(1)))
    unordered = gaussian.line_correct([arb(1, 0.1), arb(1.05, 0.1), 3], fmpq(1))
    assert unordered.contains(gaussian.line_correct([fmpq(11, 10), fmpq(96, 100), 3], fmpq(1)))


def test_the_precision_of_the_caller():
    before = flint.ctx.prec
    assert gaussian.simplex_error(5, fmpq(1, 3)).rel_accuracy_bits() > 70
    with flint.ctx.workprec(256):
        assert gaussian.simplex_error(5, fmpq(1, 3)).rel_accuracy_bits() > 190
        assert gaussian.cone_error(5, 3, fmpq(1, 3)).rel_accuracy_bits() > 190
    with pytest.raises(InputError):
        gaussian.simplex_error(5, fmpq(-1))
    assert flint.ctx.prec == before


def test_extreme_floats():
    for tiny in (5e-324, 1e-300, 1e-10):
        for function in (gaussian.simplex_error, gaussian.biorthogonal_error, gaussian.polygon_error):
            assert function(3, tiny) == 0
        assert gaussian.cone_error(9, 4, tiny) == 0
    assert gaussian.simplex_error(3, 1e300) == pytest.approx(2 / 3)
    assert gaussian.polygon_error(3, 1e300) == pytest.approx(2 / 3)
    assert gaussian.bivariate_tail(1e300) == 0
    assert gaussian.bivariate_tail(-1e300) == 1


REFUSED = [
    ("simplex_error", (1, 0.1), "num_classes is 1"),
    ("simplex_error", (3.5, 0.1), "num_classes is 3.5"),
    ("simplex_error", (fmpq(7, 2), 1), "num_classes is 7/2"),
    ("simplex_error", (arb(3, 1), 1), "num_classes is"),
    ("simplex_error", (3, 0), "noise is 0"),
    ("simplex_error", (3, fmpq(-1, 2)), "noise is -1/2"),
    ("simplex_error", (3, arb(0, 1)), "noise is"),
    ("simplex_error", (fmpq(3), 0.1), "noise has 0.1"),
    ("simplex_error", ([3], 0.1), "num_classes has"),
    ("simplex_error", (True, 0.1), "num_classes has True"),
    ("orthogonal_error", (3, -1), "distance is -1"),
    ("normal_tail", (math.nan,), "x has nan"),
    ("normal_tail", ("1",), "x has '1'"),
    ("normal_tail", (10**400,), "x has 1000"),
    ("normal_cdf", (arb("nan"),), "x has nan"),
    ("exp", (1000,), "x is 1000"),
    ("sqrt", (-1,), "x is -1"),
    ("sqrt", (arb(0, 1),), "x is"),
    ("log", (0,), "x is 0"),
    ("wedge_error", (fmpq(3, 2), 1), "fraction is 3/2"),
    ("circle_error", ([0.5, 0.6], 1), "the sum of the fractions is 1.1"),
    ("circle_error", ([fmpq(1, 2), fmpq(1, 3)], 1), "the sum of the fractions is 5/6"),
    ("circle_error", ([-0.5, 1.5], 1), "a fraction is -0.5"),
    ("circle_error", (1, 1), "fractions is 1"),
    ("line_correct", ([], 1), "points is"),
    ("bivariate_cdf", (0, 2), "correlation is 2"),
    ("cone_error", (3, 0, 1), "dimension is 0"),
    ("biorthogonal_error", (0, 1), "half is 0"),
]


@pytest.mark.parametrize(("name", "arguments", "message"), REFUSED)
def test_refused(name, arguments, message):
    with pytest.raises(InputError, match=message):
        gaussian.FUNCTIONS[name](*arguments)


def test_the_table_of_functions():
    assert set(gaussian.FUNCTIONS) | {"FUNCTIONS"} == set(gaussian.__all__)
    assert gaussian.FUNCTIONS["log"] is gaussian.log
    with pytest.raises(TypeError):
        gaussian.FUNCTIONS["log"] = math.log
