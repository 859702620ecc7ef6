"""Gaussian probabilities, in floats and as rigorous enclosures.

Arguments are scalars, or sequences of them. Floats and integers give a float; as soon as one argument is a rational
number (flint's or a Fraction) or a ball, the answer is a `flint.arb` that contains the true value. `noise` is the
standard deviation per coordinate, signals have the norm 1, and every signal is equally likely.
"""

import inspect
import itertools
import math
import numbers
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache, wraps
from types import MappingProxyType
from typing import Any

import flint
import numpy as np
from flint import acb, arb, fmpq, fmpz
from scipy import integrate, special

from nctheory.errors import InputError

__all__ = [
    "FUNCTIONS",
    "biorthogonal_error",
    "bivariate_cdf",
    "bivariate_tail",
    "circle_error",
    "cone_error",
    "exp",
    "line_correct",
    "log",
    "normal_cdf",
    "normal_tail",
    "orthogonal_error",
    "polygon_error",
    "simplex_error",
    "sqrt",
    "wedge_error",
]

Real = Any  # float, or a flint.fmpq or flint.arb on the way to an enclosure

_SEQUENCES = frozenset({"fractions", "points"})  # the arguments that are not scalars
_BITS = 128  # the least working precision of an enclosure
_SPARE = 40  # bits of it that rounding may take; what is cut off an integral stays below the others, relatively
_DROP = 60.0  # a log-concave integrand this far below the logarithm of its maximum adds nothing to a float
_RANGE = 40.0  # Gaussian integrands are searched this far around their center
_NOTHING = -2000.0  # the logarithm of a density too small for a float, whatever its width
_FAR = 1e50  # signals this many standard deviations apart are never mistaken, in floats


# What comes in


def _arithmetic(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` on floats, or on fmpq and arb at the working precision where any argument is one of them."""
    parameters = inspect.signature(function)

    @wraps(function)
    def checked(*args: Any, **named: Any) -> Any:
        values = parameters.bind(*args, **named).arguments
        leaves = [leaf for name, value in values.items() for leaf in _leaves(name, value)]
        if not any(isinstance(leaf, arb | fmpq | fmpz | Fraction) for leaf in leaves):
            return function(*(_each(_float, *item) for item in values.items()))
        with flint.ctx.workprec(max(_BITS, flint.ctx.prec)):
            return arb(function(*(_each(_exact, *item) for item in values.items())))

    return checked


def _leaves(name: str, value: Any) -> tuple[Any, ...]:
    if name not in _SEQUENCES:
        return (value,)
    if not isinstance(value, tuple | list | np.ndarray) or len(value) == 0:
        raise InputError(f"{name} is {value!r}, expected a sequence of numbers, at least one")
    return tuple(value)


def _each(convert: Callable[[str, Any], Any], name: str, value: Any) -> Any:
    """`convert` of a scalar, or of every scalar of a sequence."""
    leaves = tuple(convert(name, leaf) for leaf in _leaves(name, value))
    return leaves if name in _SEQUENCES else leaves[0]


def _float(name: str, value: Any) -> float:
    try:
        number = float(value) if isinstance(value, numbers.Real) and not isinstance(value, bool) else math.nan
    except OverflowError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{name} has {value!r} of type {type(value).__name__}, expected a finite real number")
    return number


def _exact(name: str, value: Any) -> Real:
    """A finite ball or an exact rational; a float beside them is refused, since it may be a rounded number."""
    if isinstance(value, fmpq) or (isinstance(value, arb) and value.is_finite()):
        return value
    if isinstance(value, Fraction | fmpz | numbers.Integral) and not isinstance(value, bool):
        return fmpq(int(value.numerator), int(value.denominator))
    raise InputError(
        f"{name} has {value!r} of type {type(value).__name__} among exact numbers, expected an int, a Fraction, "
        "a flint.fmpq or a finite flint.arb"
    )


def _count(value: Real, name: str, least: int) -> int:
    """The integer that `value` certainly is."""
    whole = value.q == 1 if isinstance(value, fmpq) else value.is_integer()
    _check(value, name, whole and value >= least, f"an integer of at least {least}")
    integer: Any = value.unique_fmpz() if isinstance(value, arb) else value
    return int(integer)


def _check(value: Real, name: str, good: bool, expected: str) -> None:
    if not good:
        raise InputError(f"{name} is {value}, expected {expected}")


def _check_noise(noise: Real) -> None:
    _check(noise, "noise", noise > 0, "a positive standard deviation")


# One formula for both arithmetics


def _apply(name: str, x: Real) -> Real:
    """sqrt, exp, log, erf, erfc, ... of a float or as a ball."""
    return getattr(math, name)(x) if isinstance(x, float) else getattr(arb(x), name)()


def _like(x: Real, integer: int) -> Real:
    """The integer in the arithmetic of `x`."""
    return float(integer) if isinstance(x, float) else fmpq(integer)


def _pi(x: Real) -> Real:
    """The number pi in the arithmetic of `x`."""
    return math.pi if isinstance(x, float) else arb.pi()


def _larger(x: Real, bound: int) -> Real:
    """max(x, bound)."""
    return max(x, float(bound)) if isinstance(x, float) else arb(x).max(arb(bound))


def _tail(x: Real) -> Real:
    """Q(x) = erfc(x / sqrt 2) / 2."""
    return _apply("erfc", x / _apply("sqrt", _like(x, 2))) / 2


# Integrals


def _float_integral(log_density: Callable[[Any], Any], start: float, stop: float, turn: float = 0.0) -> float:
    """The integral of exp(log_density), log-concave: narrowed down to what counts, and scaled by its maximum.

    Quadrature stops on an absolute test, so without the scale a probability of 1e-49 would come out as noise. At `turn`
    the width of the density's features changes: what is narrow beside the whole is easily overlooked.
    """
    with np.errstate(divide="ignore", over="ignore", under="ignore", invalid="ignore"):
        for _ in range(6):
            grid = np.linspace(start, stop, 257)
            values = log_density(grid)
            peak = float(values.max())
            kept = np.flatnonzero(values >= peak - _DROP)
            start, stop = float(grid[max(kept[0] - 1, 0)]), float(grid[min(kept[-1] + 1, 256)])
        if peak < _NOTHING:
            return 0.0
        tests = {"epsabs": 0, "epsrel": 1e-13, "limit": 200, "full_output": 1}  # the full output comes with no warning
        scaled = sum(
            integrate.quad(lambda x: math.exp(float(log_density(x)) - peak), *piece, **tests)[0]
            for piece in itertools.pairwise(sorted({start, min(max(turn, start), stop), stop}))
        )
    return math.exp(peak + math.log(scaled))


def ball_integral(density: Callable[[Any], Any], start: arb, stop: arb, size: arb) -> arb:
    """The integral over [start, stop] of a meromorphic density, real on the real axis, to 2^-goal relative to `size`.

    Between exact ends; from an inexact start to its midpoint it is (midpoint - start) density(start), as balls. What
    is integrated here gives a number between 0 and pi, so the ball [0, 4] is the widest answer.
    """
    first = start.mid()
    edge = (first - start) * density(acb(start)).real if start.rad() != 0 else arb(0)
    goal = arb(2) ** -goal_bits()
    inner = acb.integral(lambda x, _: density(x), first, stop, rel_tol=goal, abs_tol=size.mid() * goal)
    total = inner.real + edge
    return total if total.is_finite() and total.rad() < 2 else arb(2, 2)


def bell(x: Any) -> Any:
    """exp(-x^2 / 2) of a ball; python-flint's x**2 is not finite where an arb contains 0."""
    return (-x * x / 2).exp()


def goal_bits() -> int:
    return int(flint.ctx.prec) - _SPARE


def _reach() -> float:
    """t with exp(-t^2) = 2^-goal."""
    return math.sqrt(goal_bits() * math.log(2))


def between_zero_and(bound: arb) -> arb:
    """[0, bound] as a ball."""
    return arb(0).union(bound)


# Rivals that are independent: orthogonal, simplex and biorthogonal signals


def _beaten(rivals: int, sides: int, distance: Real) -> Real:
    """The integral of phi(y - r) [1 - (1 - c Q(y))^n] over all y for c = 1, over y > 0 for c = 2.

    The signal's own coordinate y = r + z is exceeded by one of n coordinates (c = 1) or absolute values (c = 2).
    """
    if rivals == 0:
        return _like(distance, 0)
    compute = _beaten_float if isinstance(distance, float) else _beaten_ball
    return compute(rivals, sides, distance)


def _beaten_float(rivals: int, sides: int, distance: float) -> float:
    def log_density(y: Any) -> Any:
        log_single = np.minimum(math.log(sides) + special.log_ndtr(-y), 0.0)
        log_union = log_single + math.log(rivals)  # up to a relative error of its exponential
        log_any = np.log(-np.expm1(rivals * np.log1p(-np.exp(log_single))))
        return -((y - distance) ** 2) / 2 + np.where(log_union < -37, log_union, log_any)

    distance = min(distance, _FAR)
    start = 0.0 if sides == 2 else distance / 2 - _RANGE
    integral = _float_integral(log_density, start, distance / 2 + _RANGE)
    return integral / math.sqrt(2 * math.pi)


def _beaten_ball(rivals: int, sides: int, distance: Real) -> arb:
    """On a finite interval; left of it the integrand is below phi(y - r), right of it below n c Q(stop) phi(y - r)."""
    distance = arb(distance)
    middle = float(distance.mid())
    stop = arb(max(middle, middle / 2 + _reach()))
    start = arb(0) if sides == 2 else arb(middle - math.sqrt(2) * math.hypot(middle / 2, _reach()))
    scale = (2 * arb.pi()).sqrt()

    def density(y: Any) -> Any:
        single = sides * (y / arb(2).sqrt()).erfc() / 2
        return bell(y - distance) / scale * single * geometric_sum(1 - single, rivals)

    inner = ball_integral(density, start, stop, bell(distance / arb(2).sqrt()))
    left = arb(0) if sides == 2 else _tail(distance - start)
    right = _tail(stop - distance) * rivals * sides * _tail(stop)
    return inner + between_zero_and(left) + between_zero_and(right)


def geometric_sum(x: Any, terms: int) -> Any:
    """1 + x + ... + x^(n-1), in log n steps: 1 - x^n without the cancellation is (1 - x) times it."""
    total, power = x * 0 + 1, x
    for bit in bin(terms)[3:]:
        total, power = total * (1 + power), power * power
        if bit == "1":
            total, power = 1 + x * total, power * x
    return total


# Wedges in the plane


_FAR_ALONG = 1e6  # h sinh(start), from where on two bounds on a wedge agree to 12 digits, and quadrature is slow


def wedge_integral(height: Real, start: Real) -> Real:
    """The integral over u > start of exp(-h^2 cosh(u)^2 / 2) / (pi cosh u): a wedge with walls h away from the center.

    It is Owen's Q(h) / 2 - T(h, sinh start), doubled, for h >= 0, and even in h.
    """
    compute = _wedge_float if isinstance(height, float) else _wedge_ball
    return compute(height, start)


def _wedge_float(height: float, start: float) -> float:
    def log_density(u: Any) -> Any:
        cosh = np.cosh(u)
        return -((height * cosh) ** 2) / 2 - np.log(cosh)

    return _float_integral(log_density, start, max(start, 0.0) + _DROP) / math.pi


def _wedge_ball(height: Real, start: arb) -> arb:
    """Beyond `stop` the integrand is below 2 exp(-h^2 cosh(stop)^2 / 2) exp(-u) / pi."""
    height = arb(height)
    if not start.is_finite():
        return arb(0.5, 0.5)  # some probability: the ball [0, 1]
    if abs(along := abs(height) * start.sinh()) > _FAR_ALONG:
        far = _far_wedge(abs(height), abs(along))
        return far if along > 0 else 2 * _tail(abs(height)) - far
    least = min(max(float(start.mid()), 0.0), 700.0)  # where cosh is still a float
    low, high = height.abs_lower(), height.abs_upper()
    square = (low * low).union(high * high)  # not negative, however wide the ball
    small = max(float(high), 1e-100)
    by_square = math.acosh(math.hypot(math.cosh(least), math.sqrt(2) * _reach() / small))
    stop = arb(min(by_square, least + _reach() ** 2))

    def density(u: Any) -> Any:
        cosh = u.cosh()
        return (-square * cosh * cosh / 2).exp() / cosh

    size = density(arb(least))
    beyond = 2 * density(stop) * stop.cosh() * (-stop).exp()
    return (ball_integral(density, start, stop, size) + between_zero_and(beyond)) / arb.pi()


def _far_wedge(height: arb, along: arb) -> arb:
    """The integral of h / (h^2 + x^2) exp(-(h^2 + x^2) / 2) / pi over x = h sinh u > s = h sinh(start).

    It is between its values for x^2 = s^2 and, by Jensen's inequality, for x^2 = s^2 + 2 > E[x^2 | x > s].
    """
    square = height * height + along * along
    bounds: arb = height / square.union(square + 2) * bell(height) * (2 / arb.pi()).sqrt() * _tail(along)
    return bounds


def _corner(threshold: Real, correlation: Real) -> Real:
    """P(X > h, Y > h), from the wedge at |h| and 1 - 2 Q(|h|) more where h < 0; sinh start = sqrt((1-rho)/(1+rho))."""
    near, far = _apply("sqrt", _larger(1 - correlation, 0)), _apply("sqrt", _larger(1 + correlation, 0))
    root = _apply("sqrt", _like(threshold, 2))
    start = _apply("log", (near + root) / far)
    return _apply("erf", _larger(-threshold, 0) / root) + wedge_integral(threshold, start)


def _wedge(fraction: Real, noise: Real) -> Real:
    """The formula of `wedge_error`, from u = log tan(t / 2): sinh u = -cot t and sin(t) cosh(u) = 1."""
    if fraction in (0, 1):
        return 1 - fraction
    outward = fraction > 0.5 if isinstance(fraction, float) else 2 * fraction > 1
    angle = _pi(noise) * (1 - fraction if outward else fraction)
    start = _apply("log", _apply("tan", angle / 2))
    return wedge_integral(_apply("sin", angle) / noise, -start if outward else start)


# Cones


def _cotangent(num_classes: int, dimension: int, exact: bool) -> Real:
    """cot theta for the cone of half-angle theta with 1/K of the directions: I_{sin^2 theta}((d-1)/2, 1/2) = 2/K."""
    if exact:
        ball = _squared_sine(num_classes, dimension, int(flint.ctx.prec))
        return ((1 - ball) / ball).sqrt()
    square = float(special.betaincinv((dimension - 1) / 2, 0.5, 2 / num_classes))
    return math.sqrt((1 - square) / square)


@lru_cache(maxsize=256)
def _squared_sine(num_classes: int, dimension: int, precision: int) -> arb:
    """sin(theta)^2: the share of a cone grows with it."""

    def excess(square: arb) -> arb:
        return square.beta_lower(arb(dimension - 1) / 2, arb(1) / 2, regularized=True) - arb(2) / num_classes

    lower = _bisect(lambda square: excess(square) < 0, arb(0), arb(1), precision)
    upper = _bisect(lambda square: excess(square) > 0, arb(1), arb(0), precision)
    return lower.union(upper)


def _bisect(certain: Callable[[arb], bool], good: arb, other: arb, steps: int) -> arb:
    """The last point from `good` towards `other` at which a comparison was certain."""
    for _ in range(steps):
        middle = ((good + other) / 2).mid()
        good, other = (middle, other) if certain(middle) else (good, middle)
    return good


def _cone_float(cotangent: float, freedom: int, noise: float) -> float:
    constant = (1 - freedom / 2) * math.log(2) - math.lgamma(freedom / 2)
    norm = min(1 / noise, _FAR)

    def log_density(r: Any) -> Any:
        return special.xlogy(freedom - 1, r) - r * r / 2 + constant + special.log_ndtr(r * cotangent - norm)

    center = norm * cotangent / (1 + cotangent**2)
    turn = (norm + 10) / cotangent  # from here on, leaving the cone is certain
    return _float_integral(log_density, 0.0, math.sqrt(freedom) + center + _RANGE, turn)


def _cone_enclosed(cotangent: arb, freedom: int, noise: Real) -> arb:
    """On [0, stop]; beyond, the integral is below P(chi > stop) = Q(k/2, stop^2/2), a regularized gamma function."""
    shape = arb(freedom) / 2
    scale = 2 ** (1 - shape) * shape.rgamma()
    height = 1 / (arb(noise) * (1 + cotangent**2).sqrt())
    stop = arb(math.sqrt(freedom) + math.hypot(float(height.mid()), math.sqrt(2) * _reach()))

    def density(r: Any) -> Any:
        inside = (1 / arb(noise) - r * cotangent) / arb(2).sqrt()
        return scale * r ** (freedom - 1) * bell(r) * inside.erfc() / 2

    inner = ball_integral(density, arb(0), stop, bell(height))
    beyond = (stop**2 / 2).gamma_upper(shape, regularized=True)
    return inner + between_zero_and(beyond)


# The public functions


@_arithmetic
def sqrt(x: Real) -> Real:
    """The square root of x >= 0."""
    _check(x, "x", x >= 0, "a number of at least 0")
    return _apply("sqrt", x)


@_arithmetic
def exp(x: Real) -> Real:
    """e^x."""
    _check(x, "x", not isinstance(x, float) or x < 709.78, "a number whose exponential is a float")
    return _apply("exp", x)


@_arithmetic
def log(x: Real) -> Real:
    """The natural logarithm of x > 0."""
    _check(x, "x", x > 0, "a positive number")
    return _apply("log", x)


@_arithmetic
def normal_cdf(x: Real) -> Real:
    """Phi(x) = P(Z <= x) for a standard normal Z."""
    return _tail(-x)


@_arithmetic
def normal_tail(x: Real) -> Real:
    """Q(x) = P(Z > x) for a standard normal Z."""
    return _tail(x)


@_arithmetic
def orthogonal_error(num_classes: int, distance: Real) -> Real:
    """Error of K orthogonal signals of norm r in noise 1: the integral of phi(x) [1 - Phi(x + r)^(K-1)] over all x."""
    rivals = _count(num_classes, "num_classes", 1) - 1
    _check(distance, "distance", not distance < 0, "a number of at least 0")
    return _beaten(rivals, 1, distance)


@_arithmetic
def simplex_error(num_classes: int, noise: Real) -> Real:
    """Error of the simplex ETF's K unit vectors: that of K orthogonal signals of norm sqrt(K/(K-1)), in the noise."""
    _check_noise(noise)
    rivals = _count(num_classes, "num_classes", 2) - 1
    stretch = _apply("sqrt", _like(noise, rivals + 1) / rivals)
    return _beaten(rivals, 1, stretch / noise)


@_arithmetic
def biorthogonal_error(half: int, noise: Real) -> Real:
    """Error of +-e_1, ..., +-e_m: Q(1/s) + the integral of phi(y - 1/s) [1 - (2 Phi(y) - 1)^(m-1)] over y > 0."""
    _check_noise(noise)
    return _tail(1 / noise) + _beaten(_count(half, "half", 1) - 1, 2, 1 / noise)


@_arithmetic
def wedge_error(fraction: Real, noise: Real) -> Real:
    """P(the angle of e_1 + s z to e_1 in the plane exceeds alpha = pi f), a two-sided probability.

    It is the integral of exp(-sin(alpha)^2 / (2 s^2 sin(t)^2)) / pi over 0 < t < pi - alpha, for every 0 <= f <= 1.
    """
    _check_noise(noise)
    _check(fraction, "fraction", not fraction < 0 and not fraction > 1, "a number in [0, 1]")
    return _wedge(fraction, noise)


@_arithmetic
def polygon_error(num_classes: int, noise: Real) -> Real:
    """Error of the K unit vectors of the regular K-gon: that of the wedge of half-angle pi/K."""
    _check_noise(noise)
    return _wedge(1 / _like(noise, _count(num_classes, "num_classes", 1)), noise)


@_arithmetic
def circle_error(fractions: tuple[Real, ...], noise: Real) -> Real:
    """Error of K unit vectors in the plane, neighbors 2 pi f_k apart: the mean of the wedges of half-angles pi f_k."""
    _check_noise(noise)
    for fraction in fractions:
        _check(fraction, "a fraction", not fraction < 0 and not fraction > 1, "a number in [0, 1]")
    excess = sum(fractions) - 1
    whole = abs(excess) < 1e-9 if isinstance(excess, float) else arb(excess).contains(0)
    _check(sum(fractions), "the sum of the fractions", whole, "1")
    return sum(_wedge(fraction, noise) for fraction in fractions) / len(fractions)


@_arithmetic
def line_correct(points: tuple[Real, ...], noise: Real) -> Real:
    """P(correct) of K points on a line: (1 + the sum of 2 Phi(g / 2s) - 1 over the gaps g between neighbors) / K."""
    _check_noise(noise)
    ordered = _ordered(points)
    gaps = [after - before for before, after in itertools.pairwise(ordered)]
    scale = 2 * noise * _apply("sqrt", _like(noise, 2))
    return (1 + sum((_apply("erf", _larger(gap, 0) / scale) for gap in gaps), _like(noise, 0))) / len(points)


@_arithmetic
def bivariate_tail(x: Real) -> Real:
    """P(X > x, Y > x) for standard normal X and Y of correlation 1/2."""
    return _corner(x, _like(x, 1) / 2)


@_arithmetic
def bivariate_cdf(c: Real, correlation: Real) -> Real:
    """P(X <= c, Y <= c) for standard normal X and Y of the correlation; P(|X| <= c) at -1, and P(X <= c) at 1."""
    _check(correlation, "correlation", not correlation < -1 and not correlation > 1, "a number in [-1, 1]")
    if correlation == -1:
        return _apply("erf", _larger(c, 0) / _apply("sqrt", _like(c, 2)))
    return _corner(-c, correlation)


@_arithmetic
def cone_error(num_classes: int, dimension: int, noise: Real) -> Real:
    """Shannon's bound for K unit vectors: P(e_1 + s z leaves a circular cone of 1/K of the directions) in m dimensions.

    m = min(d, K - 1), as only the signals' affine hull counts. Q(1/s) for m = 1, else the integral over r > 0 of
    Q(1/s - r cot theta) by the density of chi_{m-1}: r is the noise across e_1, in units of s.
    """
    _check_noise(noise)
    num_classes = _count(num_classes, "num_classes", 2)
    dimension = min(_count(dimension, "dimension", 1), num_classes - 1)
    if dimension == 1:
        return _tail(1 / noise)
    cotangent = _cotangent(num_classes, dimension, not isinstance(noise, float))
    compute = _cone_float if isinstance(noise, float) else _cone_enclosed
    return compute(cotangent, dimension - 1, noise)


def _ordered(points: tuple[Real, ...]) -> list[Real]:
    """The order statistics: exact, or for balls between those of the lower ends and those of the upper ends."""
    if not any(isinstance(point, arb) for point in points):
        return sorted(points)
    lower, upper = (sorted(getattr(arb(point), end)() for point in points) for end in ("lower", "upper"))
    return [low.union(high) for low, high in zip(lower, upper, strict=True)]


FUNCTIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {name: globals()[name] for name in __all__ if name != "FUNCTIONS"}
)
