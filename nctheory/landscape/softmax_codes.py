"""Softmax codes: unit vectors with a large one-versus-rest margin, the least distance of one from the hull of the rest.

The margin is min_k dist(w_k, conv{w_j: j != k}), what is left as the temperature of features and classifiers on spheres
goes to zero. Bounds on it, S the sum of all vectors:

Any d: dist(w_k, conv) <= |w_k - (S - w_k) / (K - 1)| = |K w_k - S| / (K - 1), and the squares of |K w_k - S| add up to
K^3 - K |S|^2, so the margin is at most K / (K - 1). Only a simplex attains it.

K >= d + 2: let p be the point of the hull of all vectors that is nearest to 0. If p = 0, it is in the hull of d + 1 of
them (Caratheodory), so that another one, w_k, has dist(w_k, conv) <= |w_k - 0| = 1. Else p is in the hull of d of them,
in the hyperplane <x, p> = |p|^2, and another one has |w_k - p|^2 = 1 - 2 <w_k, p> + |p|^2 <= 1 - |p|^2 < 1. So the
margin is at most 1. It is 1 where no two vectors have a positive inner product, as <w_k, w_k - x> >= 1 for x in the
hull of the others; that is possible for K <= 2 d. For K > 2 d it is less: a margin of 1 needs p = 0. For classes U
without which 0 still is in the hull of the others, 0 is the nearest point of that, so that their inner products with
all others are not positive. E, the rest, is in every combination of 0: at most d + 1, and if there are any, U is in an
open half-space, and independent: at most d. So K <= 2 d + 1, and K = 2 d + 1 only where E are d + 1 vectors with 0
inside, to all of which U would have to be orthogonal.

d = 2: some vector has its two neighbors at angles a and b, a + b <= 4 pi / K, and for K >= 4 the foot of the
perpendicular is on their chord, at the distance cos((a - b) / 2) - cos((a + b) / 2) <= 1 - cos(2 pi / K).

K points at distances of at least D have disjoint balls of radius D / 2 around them in the shell of radii 1 - D / 2 and
1 + D / 2, and the margin is at most the least distance: so K (D / 2)^d <= (1 + D / 2)^d - (1 - D / 2)^d for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import flint
import numpy as np

from nctheory.arrays import Array, Seed, checked_generator, checked_tolerance, freeze, positive_integer, real_array
from nctheory.configuration import Configuration
from nctheory.constructions import orthoplex, simplex_etf
from nctheory.errors import InputError
from nctheory.exact import ExactMatrix
from nctheory.landscape.answers import Bracket
from nctheory.result import Result, Status
from nctheory.sampling import one_thread
from nctheory.spectrum import root_bracket
from nctheory.spherical_code import search as spread_points

if TYPE_CHECKING:
    import sympy

__all__ = [
    "Margins",
    "SoftmaxCode",
    "SoftmaxVerdict",
    "one_versus_rest_margin",
    "softmax_code_certify",
    "softmax_code_optimum",
]

_UNIT = 1e-6  # how far from 1 the norm of a row of a code may be
_SHARPNESS = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)  # of the smooth margin that is descended
_FIRST = 4  # of these levels, that a search may begin with: a smoother one has fewer local maxima, and sees less
_STEPS = 300
_POLISHED = 30  # linear programs
_POLISHED_SIZE = 400  # coordinates up to which they are affordable
_STARTS = 16  # where a code is certified
_BISECTIONS = 60
_CANDIDATES = 3  # that are polished
_PROGRESS = 1e-15


@dataclass(frozen=True, eq=False)
class Margins:
    """What `one_versus_rest_margin` knows about K vectors, in floats but for `ends`.

    `distances` (K,) are those of each from the hull of the rest, `ends` rationals on both sides of each. Row k of
    `combinations` (K, K) holds what the others count for in the nearest point, and row k of `directions` (K, d) is the
    unit vector from there to w_k, or 0; the class of the least distance is `closest`.
    """

    distances: Array
    ends: tuple[Bracket, ...]
    combinations: Array
    directions: Array

    @property
    def closest(self) -> int:
        """The class at the least distance from the others."""
        return int(self.distances.argmin())


@dataclass(frozen=True, eq=False)
class SoftmaxCode:
    """What `softmax_code_optimum` knows: a bracket of the largest margin, and how it came about."""

    largest: Bracket
    statement: str


@dataclass(frozen=True, eq=False)
class SoftmaxVerdict:
    """What `softmax_code_certify` knows: brackets of the margin of the code and of the largest one."""

    margin: Bracket
    largest: Bracket


# ---------------------------------------------------------------------------------------------------- public verbs


def one_versus_rest_margin(weights: Any) -> Result[Margins]:
    """The one-versus-rest margin of vectors, between two rational numbers.

    Formula:
        min_k dist(w_k, conv{w_j: j != k}). Above is the distance from a rational convex combination, below <v, w_k> -
        max_j <v, w_j> for a rational v of length 1 or less, both in exact arithmetic.
    Args:
        weights: (K, d) rows w_k, K >= 2, of any length.
    Assumes:
        Nothing; the nearest points are by non-negative least squares in floats, and only ends depend on how good it is.
    Returns:
        Result with lower <= margin <= upper and `details` Margins; no status.
    Raises:
        InputError: fewer than two vectors.
    Reference:
        jiang2024; lawson1995, chapter 23.
    Example:
        >>> from nctheory.landscape import one_versus_rest_margin
        >>> found = one_versus_rest_margin([[1, 0], [0, 1], [-1, 0], [0, -1]])
        >>> round(found.value, 12), bool(found.upper - found.lower < 1e-14)
        (1.0, True)
    """
    rows = real_array(weights, "weights", 2)
    if len(rows) < 2 or rows.shape[1] == 0:
        raise InputError(f"weights has shape {rows.shape}, expected at least two classes and one dimension")
    details = _margins(rows)
    lower, upper = (min(ends[side] for ends in details.ends) for side in (0, 1))
    gap = (upper - lower) / upper if upper else Fraction(0)
    reason = f"class {details.closest} is nearest to the hull of the others"
    return Result(lower=lower, upper=upper, details=details, gap=gap, reason=reason)


def softmax_code_optimum(
    num_classes: int,
    dimension: int,
    *,
    tolerance: float = 1e-9,
    starts: int = 32,
    seed: Seed = 0,
) -> Result[SoftmaxCode]:
    """The largest one-versus-rest margin of K unit vectors in dimension d, and vectors that have it.

    Formula:
        K / (K - 1) for K <= d + 1, by a simplex ETF; 1 for d + 2 <= K <= 2 d, by vertices of the orthoplex; 1 - cos(2
        pi / K) for d = 2, by a regular polygon; 0 for d = 1 and K >= 3.
    Args:
        num_classes: K >= 2.
        dimension: d >= 1.
        tolerance: relative gap up to which the status is near_optimal.
        starts: how many random starts are tried where nothing else is known.
        seed: of the starts.
    Assumes:
        Nothing.
    Returns:
        Result with lower <= largest margin <= upper, `configuration` the code and `details` a SoftmaxCode. For K > 2 d,
        d >= 3, the lower end is the margin of the best code found, and the upper one a bound that is hardly sharp (1,
        or by volumes): undecided. `exact` is a SymPy number where the value is known.
    Raises:
        InputError: sizes that are too small.
    Reference:
        jiang2024; alcala2026 for d + 2 <= K <= 2 d; proofs at the head of this file.
    Example:
        >>> from nctheory.landscape import softmax_code_optimum
        >>> [str(softmax_code_optimum(classes, 3).exact) for classes in (3, 4, 5, 6)]
        ['3/2', '4/3', '1', '1']
        >>> softmax_code_optimum(5, 2).exact
        5/4 - sqrt(5)/4
    """
    count, width = positive_integer(num_classes, "num_classes", 2), positive_integer(dimension, "dimension")
    allowed = checked_tolerance(tolerance)
    return _optimum(count, width, allowed, positive_integer(starts, "starts"), checked_generator(seed))


def softmax_code_certify(weights: Any, *, tolerance: float = 1e-9) -> Result[SoftmaxVerdict]:
    """How far the one-versus-rest margin of unit vectors is from the largest one, and a better code where there is one.

    Formula:
        ratio = margin / largest margin in [0, 1].
    Args:
        weights: (K, d) rows of norm 1, up to 1e-6, K >= 2; what counts are the rows divided by their norms.
        tolerance: relative gap up to which the status is near_optimal.
    Assumes:
        Nothing.
    Returns:
        Result with lower <= ratio <= upper, gap = 1 - lower, and status near_optimal, improvable (`configuration` is a
        code of a strictly larger margin) or undecided.
    Raises:
        InputError: fewer than two vectors, vectors that are not of norm 1, a tolerance below 0.
    Reference:
        jiang2024.
    Example:
        >>> from nctheory.landscape import softmax_code_certify
        >>> found = softmax_code_certify([[1.0, 0.0], [0.6, 0.8], [-0.6, 0.8]])
        >>> print(found.status, round(float(found.upper), 6))
        improvable 0.357771
    """
    allowed, rows = checked_tolerance(tolerance), _unit_rows(weights)
    margin = _margin_on_the_sphere(rows)
    count, width = rows.shape
    best = _optimum(count, width, allowed, _STARTS, np.random.default_rng(0))
    largest = max(margin[0], Fraction(best.lower)), Fraction(best.upper)
    lower = margin[0] / largest[1] if largest[1] else Fraction(1)
    better = best.configuration
    if 1 - lower <= allowed or _margin_on_the_sphere(better.class_means)[0] <= margin[1]:
        better = None
    if 1 - lower <= allowed:
        status, reason = Status.NEAR_OPTIMAL, f"within {float(1 - lower):.3g} of the largest margin"
    elif better is not None:
        status, reason = Status.IMPROVABLE, "a code of a strictly larger margin is attached"
    else:
        status, reason = Status.UNDECIDED, f"at most {float(1 - lower):.3g} below the largest; a better bound decides"
    return Result(
        lower=lower,
        upper=min(Fraction(1), margin[1] / largest[0]) if largest[0] else Fraction(1),
        details=SoftmaxVerdict(margin, largest),
        status=status,
        gap=1 - lower,
        reason=reason,
        build_configuration=lambda: better,
    )


def _unit_rows(weights: Any) -> Array:
    rows = np.asarray(real_array(weights, "weights", 2), dtype=np.float64)
    if len(rows) < 2 or rows.shape[1] == 0:
        raise InputError(f"weights has shape {rows.shape}, expected at least two classes and one dimension")
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    worst = int(np.abs(norms - 1).argmax())
    if not abs(float(norms[worst, 0]) - 1) <= _UNIT:
        hint = "expected 1: divide the weights by their norms"
        raise InputError(f"weights[{worst}] has norm {float(norms[worst, 0]):.6g}, {hint}")
    return np.asarray(rows / norms)


# ------------------------------------------------------------------------------------------------- margins, exactly


def _margins(rows: Array) -> Margins:
    """The nearest points in floats, and what they prove."""
    floats, exact = rows.astype(np.float64), ExactMatrix.of(rows)
    combinations = np.array([_nearest(floats, k) for k in range(len(rows))])
    apart = floats - combinations @ floats
    distances = np.linalg.norm(apart, axis=1)
    directions = apart / np.where(distances > 0, distances, 1.0)[:, None]
    found = zip(combinations, directions, strict=True)
    ends = tuple(_ends(exact, k, shares, along) for k, (shares, along) in enumerate(found))
    return Margins(freeze(distances), ends, freeze(combinations), freeze(directions))


def _nearest(rows: Array, k: int) -> Array:
    """What the others count for in the point of their hull that is nearest to row k.

    The least |sum_j u_j (w_j - w_k)|^2 + s^2 (sum_j u_j - 1)^2 with u >= 0 has u in proportion to it.
    """
    from scipy.optimize import nnls

    others = np.delete(np.arange(len(rows)), k)
    steps = rows[others] - rows[k]
    scale = float(np.abs(steps).max()) or 1.0
    table = np.vstack([steps.T / scale, np.ones(len(others))])
    found = nnls(table, np.append(np.zeros(rows.shape[1]), 1.0), maxiter=30 * len(rows) + 100)[0]
    shares = np.zeros(len(rows))
    shares[others] = found / found.sum()
    return shares


def _ends(exact: ExactMatrix, k: int, shares: Array, along: Array) -> Bracket:
    """Rationals on both sides of dist(w_k, conv of the others): from any shares >= 0 and any direction."""
    parts = ExactMatrix.of(shares).integers
    total = int(parts.sum())
    apart = total * exact.integers[k] - parts @ exact.integers
    upper = root_bracket(Fraction(int((apart**2).sum()), total**2))[1] * exact.unit
    direction = ExactMatrix.of(along).integers
    heights = exact.integers @ direction
    least = min(int(heights[k] - height) for j, height in enumerate(heights) if j != k)
    if least <= 0:
        return Fraction(0), upper
    lower = root_bracket(Fraction(least**2, int((direction**2).sum())))[0] * exact.unit
    return min(lower, upper), upper


def _margin_on_the_sphere(rows: Array) -> Bracket:
    """The margin of rows divided by their norms: each moves by ||w| - 1| <= ||w|^2 - 1|, and so do hulls."""
    ends = _margins(rows).ends
    exact = ExactMatrix.of(rows)
    squares = [int(square) * exact.unit**2 for square in (exact.integers**2).sum(axis=1)]
    moved = 2 * max(abs(square - 1) for square in squares)
    return max(Fraction(0), min(low for low, _ in ends) - moved), min(high for _, high in ends) + moved


# ------------------------------------------------------------------------------------------------ the largest margin


def _optimum(
    count: int, width: int, allowed: Fraction, starts: int, generator: np.random.Generator
) -> Result[SoftmaxCode]:
    """By one of the cases that are known, or by search."""
    if count <= width + 1:
        value = Fraction(count, count - 1)
        return _known(simplex_etf(count, width), (value, value), "a simplex, and K / (K - 1) bounds all margins")
    if width == 1:
        line = np.where(np.arange(count) % 2, -1.0, 1.0)[:, None]
        return _known(line, (Fraction(0), Fraction(0)), "two of K >= 3 unit vectors in one dimension are equal")
    if count <= 2 * width:
        one = Fraction(1), Fraction(1)
        return _known(orthoplex(count, width), one, "vertices of the orthoplex, and 1 bounds the margin for K >= d + 2")
    if width == 2:
        return _known(_polygon(count), _polygon_margin(count), "a regular polygon", lambda: _polygon_formula(count))
    return _searched(count, width, allowed, starts, generator)


def _known(
    code: Array, ends: Bracket, statement: str, build_exact: Callable[[], "sympy.Expr"] | None = None
) -> Result[SoftmaxCode]:
    """The Result where the value is known."""
    lower, upper = ends
    return Result(
        lower=lower,
        upper=upper,
        details=SoftmaxCode(ends, statement),
        status=Status.OPTIMAL if lower == upper else Status.NEAR_OPTIMAL,
        gap=(upper - lower) / upper if upper else Fraction(0),
        reason=statement,
        build_configuration=lambda: Configuration(code),
        build_exact=build_exact,
    )


def _polygon(count: int) -> Array:
    angles = 2 * np.pi * np.arange(count) / count
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _polygon_margin(count: int) -> Bracket:
    """1 - cos(2 pi / K) = 2 sin(pi / K)^2, enclosed."""
    with flint.ctx.workprec(256):
        ball = 2 * flint.arb.sin_pi_fmpq(flint.fmpq(1, count)) ** 2
        ends = (end.man_exp() for end in (ball.lower(), ball.upper()))
        low, high = (Fraction(int(mantissa)) * Fraction(2) ** int(power) for mantissa, power in ends)
    return low, high


def _polygon_formula(count: int) -> "sympy.Expr":
    import sympy

    return sympy.expand(1 - sympy.cos(2 * sympy.pi / count))


def _searched(
    count: int, width: int, allowed: Fraction, starts: int, generator: np.random.Generator
) -> Result[SoftmaxCode]:
    """K > 2 d, d >= 3: the best of the packing of `spherical_code` and of some random starts."""
    drawn = [np.array(spread_points(count, width, energy="equal"))]
    drawn += [generator.standard_normal((count, width)) for _ in range(starts)]
    with one_thread():
        reached = [_descended(start, _SHARPNESS[i % _FIRST :]) for i, start in enumerate(drawn)]
        best = sorted(reached, key=lambda pair: _least_height(*pair))[-_CANDIDATES:]
        found = [_polished(*pair) if 2 * pair[0].size <= _POLISHED_SIZE else pair[0] for pair in best]
    code = max([drawn[0], *found], key=lambda each: float(_margins(each).distances.min()))
    lower, upper = _margin_on_the_sphere(code)[0], _volume_bound(count, width)
    gap = (upper - lower) / upper
    statement = f"the best of {len(drawn)} starts, and a bound by volumes, at most 1"
    near = gap <= allowed
    return Result(
        lower=lower,
        upper=upper,
        details=SoftmaxCode((lower, upper), statement),
        status=Status.NEAR_OPTIMAL if near else Status.UNDECIDED,
        gap=gap,
        reason=statement if near else f"{statement}; a better bound or code would decide",
        build_configuration=lambda: Configuration(code),
    )


def _volume_bound(count: int, width: int) -> Fraction:
    """1, or a D with K (D / 2)^d > (1 + D / 2)^d - (1 - D / 2)^d: then no larger one is a least distance."""
    low, high = Fraction(0), Fraction(1)

    def is_too_far(distance: Fraction) -> bool:
        half = distance / 2
        return count * half**width > (1 + half) ** width - (1 - half) ** width

    if not is_too_far(high):
        return high
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if is_too_far(middle) else (middle, high)
    return high


# ----------------------------------------------------------------------------------------------------------- a search


def _descended(start: Array, levels: tuple[float, ...] = _SHARPNESS) -> tuple[Array, Array]:
    """Vectors w and directions v near a local maximum: of a smooth margin, sharper and sharper."""
    from scipy.optimize import minimize

    current = np.stack([start, start]).ravel()
    for sharpness in levels:
        options = {"maxiter": _STEPS}
        current = minimize(_smooth, current, (sharpness, start.shape), "L-BFGS-B", jac=True, options=options).x
    points = current.reshape(2, *start.shape)
    weights, directions = points / np.linalg.norm(points, axis=2, keepdims=True)
    return weights, directions


def _smooth(flat: Array, sharpness: float, shape: tuple[int, int]) -> tuple[float, Array]:
    """(1/t) log sum_{k != j} exp(-t <v_k, w_k - w_j>) of w and v divided by their norms, and its gradient."""
    points = flat.reshape(2, *shape)
    lengths = np.linalg.norm(points, axis=2, keepdims=True)
    units = points / lengths
    weights, directions = units
    heights = directions @ weights.T
    powers = sharpness * (heights - np.diagonal(heights)[:, None])
    np.fill_diagonal(powers, -np.inf)
    top = powers.max()
    shares = np.exp(powers - top)
    total = shares.sum()
    shares /= total
    pulls = shares - np.diag(shares.sum(axis=1))
    slopes = np.stack([pulls.T @ directions, pulls @ weights])
    slopes -= (slopes * units).sum(axis=2, keepdims=True) * units
    return float((top + np.log(total)) / sharpness), (slopes / lengths).ravel()


def _polished(weights: Array, directions: Array) -> Array:
    """Steps along the spheres that make the least <v_k, w_k - w_j> largest to first order, within a radius."""
    radius, value = 0.1, _least_height(weights, directions)
    for _ in range(_POLISHED):
        step = _linear_step(weights, directions, radius)
        if step is None:
            break
        moved = [one + two for one, two in zip((weights, directions), step, strict=True)]
        trial = [one / np.linalg.norm(one, axis=1, keepdims=True) for one in moved]
        reached = _least_height(*trial)
        if reached > value:
            weights, directions = trial
        if reached - value <= _PROGRESS:
            radius /= 8
        value = max(value, reached)
        if radius < _PROGRESS:
            break
    return weights


def _least_height(weights: Array, directions: Array) -> float:
    heights = directions @ weights.T
    apart = np.diagonal(heights)[:, None] - heights
    np.fill_diagonal(apart, np.inf)
    return float(apart.min())


def _linear_step(weights: Array, directions: Array, radius: float) -> Array | None:
    """(2, K, d) changes of w and v, each orthogonal to its vector, by a linear program; None where that fails."""
    from scipy.optimize import linprog
    from scipy.sparse import block_diag, csr_array, hstack

    (count, width), size = weights.shape, weights.size
    own, other = np.nonzero(~np.eye(count, dtype=bool))
    apart = weights[own] - weights[other]
    rows, axes = np.arange(len(own))[:, None], np.arange(width)
    places = np.hstack([own[:, None] * width + axes, other[:, None] * width + axes, size + own[:, None] * width + axes])
    entries = np.hstack([-directions[own], directions[own], -apart])
    shape = len(own), 2 * size
    table = csr_array((entries.ravel(), (np.broadcast_to(rows, places.shape).ravel(), places.ravel())), shape=shape)
    table = hstack([table, np.ones((len(own), 1))]).tocsr()
    tangent = block_diag([row[None] for row in np.vstack([weights, directions])])
    tangent = hstack([tangent, np.zeros((2 * count, 1))]).tocsr()
    found = linprog(
        np.append(np.zeros(2 * size), -1.0),
        A_ub=table,
        b_ub=(directions[own] * apart).sum(axis=1),
        A_eq=tangent,
        b_eq=np.zeros(2 * count),
        bounds=[(-radius, radius)] * (2 * size) + [(None, None)],
        method="highs",
    )
    return found.x[:-1].reshape(2, count, width) if found.status == 0 else None
