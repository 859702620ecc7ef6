"""The error probability where it has a formula: on a line, in the plane, and for rows along orthogonal axes.

Rows are along orthogonal axes where V_j = v + x_j e_g(j), with orthonormal e and at most one positive and one negative
x on each axis, v perhaps outside of the rows' own space: then |V_i - V_j|^2 = s_i + s_j, s = x^2, on different axes.
That covers simplex, orthogonal and biorthogonal frames, of any norms, with any bias. With y the noise along
sign(x_c) e_g(c), class j beats class c where the noise along its own axis is above (T_cj + |x_c| y) / |x_j|, with
T_cj = t_cj |V_j - V_c|, and the axes are independent given y. Coordinates of exact numbers come from squared distances,
which are rational.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any, Literal

import numpy as np
from flint import arb, ctx, fmpq

from nctheory.arrays import Array, freeze
from nctheory.channel.pairs import Covariances
from nctheory.errors import InputError
from nctheory.gaussian_cells import (
    blocking_walls,
    cell_walls,
    is_empty,
    log_outside_axes,
    log_outside_interval,
    log_outside_polygon,
    outside_axes_ball,
    outside_interval_ball,
    outside_polygon_ball,
)
from nctheory.gaussian_logs import log_sums, tail_ball
from nctheory.probability.problem import Problem

__all__ = ["Exact", "exact_error", "tier"]

Tier = Literal["one class", "line", "axes", "plane"]

_STRAIGHT = 1e-13  # what products of rows on different axes may be, relative to the sum of their squared norms
_FLAT = 3e-14  # the share of a difference that may be outside of the line or plane: it moves log P by t times as much
_PROBE = 32  # rows that are looked at before all
_MOST_PARTNERS = 2048  # classes among which partners on one axis are looked for
_MOST_OWN = 128  # classes whose rows may each have coordinates of their own
_BITS = 192  # working precision of an enclosure
_ABSOLUTE, _RELATIVE = 1e-13, 1e-15  # what a quadrature value's logarithm is off by, at most


@dataclass(frozen=True)
class Exact:
    """The logarithm of an error probability: an enclosure by balls, or a quadrature value and its stated accuracy.

    `per_class` (K,) holds log P(error | class) in floats, `tier` says which formula it was, and `ball` is the enclosure
    of the probability itself.
    """

    log_value: float
    log_lower: float
    log_upper: float
    per_class: Array
    guarantee: Literal["enclosure", "numerical"]
    tier: Tier
    ball: arb | None = None


def tier(problem: Problem) -> Tier | None:
    """Which formula gives the error probability, and None where there is none.

    Formula:
        "one class"; "line": all decoder rows on a line; "axes": rows on orthogonal axes through one point, which may
        lie outside of their span, at most one on each side of an axis; "plane": all rows in a plane.
    Args:
        problem: a Problem.
    Assumes:
        Rows count as on a line, in a plane or on orthogonal axes where what the rounding of their differences leaves
        out is too little to change the value by more than is stated of it.
    Returns:
        The name of the tier, or None.
    Raises:
        Nothing.
    Reference:
        proof in the docstring of this file.
    Example:
        >>> from nctheory import simplex_etf
        >>> from nctheory.probability.problem import Problem
        >>> tier(Problem.of(simplex_etf(10), 0.1)), tier(Problem.of([[1, 0], [0, 1], [0, 0], [2, 3]], 0.1))
        ('axes', 'plane')
    """
    if problem.num_classes == 1:
        return "one class"
    spaces = range(1 if problem.shared else problem.num_classes)
    if not problem.shared and problem.num_classes > _MOST_OWN:
        return None
    rank = max(problem.rank(c) for c in spaces)
    flat = rank <= 2 and problem.is_faithful(_FLAT)
    if rank == 1 and flat:
        return "line"
    if all(_axes(problem, c) is not None for c in spaces):
        return "axes"
    return "plane" if flat else None


def exact_error(problem: Problem, *, rigorous: bool = False) -> Exact | None:
    """The error probability where it has a formula, in logarithms.

    Formula:
        P = sum of prior_c P_c. Line: P_c = Q(t_left) + Q(t_right). Plane: P_c is the integral over all directions of
        exp(-r^2 / 2) / (2 pi), r the distance of the cell's boundary. Axes: P_c is the integral of
        phi(y) (1 - the product over the axes of P(no rival on it wins, given y)).
    Args:
        problem: a Problem.
        rigorous: whether to enclose the value by balls (python-flint), from the exact numbers given.
    Assumes:
        Ties count as errors. With rigorous, rows that are on a line or in a plane are so exactly; for rows on
        orthogonal axes only up to rounding, what that changes is bounded by the normal comparison inequality.
    Returns:
        Exact, or None where no formula applies. Without rigorous, log_lower and log_upper are 1e-13 + 1e-15 |log P|
        from log_value, an accuracy that is measured and not proved.
    Raises:
        InputError: rigorous, where the rows are on a line or in a plane up to rounding only, or where a covariance is
            not exactly symmetric and positive semidefinite.
    Reference:
        lishao2002, theorem 2.1 (normal comparison); proof in the docstring of this file.
    Example:
        >>> from fractions import Fraction
        >>> from nctheory import exact_simplex_etf
        >>> from nctheory.probability.problem import Problem
        >>> problem = Problem.of(exact_simplex_etf(10), Fraction(1, 20))
        >>> found = exact_error(problem, rigorous=True)
        >>> found.tier, found.log_lower < found.log_value < found.log_upper, found.log_value
        ('axes', True, -112.53911447220...)
    """
    name = tier(problem)
    if name is None:
        return None
    if rigorous and problem.covariances:
        Covariances(
            np.stack(problem.covariances) if not problem.shared else problem.covariances[0], problem.configuration
        )
    values = freeze(_values(problem, name))
    total = float(log_sums(problem.log_priors + values))
    if rigorous:
        return _enclosed(problem, name, values)
    slack = _ABSOLUTE + _RELATIVE * abs(total) if math.isfinite(total) else 0.0
    return Exact(total, total - slack, min(total + slack, 0.0), values, "numerical", name)


# ------------------------------------------------------------------------------------------------------------ floats


def _values(problem: Problem, name: Tier) -> Array:
    """(K,) log P(error | class)."""
    if name == "one class":
        return np.array([-math.inf])
    of_class = {"line": _on_line, "axes": _on_axes, "plane": _in_plane}[name]
    return np.array([min(of_class(problem, c), 0.0) for c in range(problem.num_classes)])


def _on_line(problem: Problem, c: int) -> float:
    lower, upper = _interval(problem.normals(c)[:, 0], problem.thresholds(c))
    return float(log_outside_interval(np.asarray(lower), np.asarray(upper)))


def _interval(signs: Array, thresholds: Array) -> tuple[float, float]:
    """How far the cell reaches down and up; a certain error, t = -inf, makes it empty."""
    lower = float(thresholds.min(where=signs <= 0, initial=math.inf))
    return lower, float(thresholds.min(where=signs > 0, initial=math.inf))


def _in_plane(problem: Problem, c: int) -> float:
    thresholds = problem.thresholds(c)
    if np.isneginf(thresholds).any():
        return 0.0
    finite = np.isfinite(thresholds)
    if not finite.any():
        return -math.inf
    normals = problem.normals(c, np.flatnonzero(finite))
    if normals.shape[1] == 1:
        return float(log_outside_interval(*map(np.asarray, _interval(normals[:, 0], thresholds[finite]))))
    return log_outside_polygon(normals, thresholds[finite])


def _on_axes(problem: Problem, c: int) -> float:
    structure = _axes(problem, c)
    assert structure is not None
    thresholds, lengths = problem.thresholds(c), structure.lengths
    limit = float(thresholds[structure.along(c)].min(initial=math.inf))
    if limit == -math.inf:
        return 0.0
    with np.errstate(invalid="ignore"):
        walls = np.column_stack([thresholds * np.hypot(lengths[c], lengths), lengths])
    alone, pairs = structure.rivals(c)
    no_wall = np.tile([math.inf, 1.0], (len(alone), 1))
    table = np.concatenate([np.hstack([walls[alone], no_wall]), walls[pairs].reshape(-1, 4)])
    return log_outside_axes(float(lengths[c]), limit, table)


# -------------------------------------------------------------------------------------------------------------- axes


@dataclass(frozen=True, eq=False)
class _Axes:
    """Rows on orthogonal axes: |x| of each class, its partner across the axis or -1, and the class with x = 0 or -1."""

    lengths: Array
    partners: Array
    zero: int

    def along(self, c: int) -> list[int]:
        """The rivals that class c is told from by the noise along its own axis."""
        return [int(j) for j in (self.partners[c], self.zero) if j >= 0] if c != self.zero else []

    def rivals(self, c: int) -> tuple[Array, Array]:
        """The classes that are alone on another axis, (n,), and those that share one, (m, 2)."""
        classes = np.arange(len(self.lengths))
        alone, first = np.flatnonzero(self.partners < 0), np.flatnonzero(self.partners > classes)
        first = first[(first != c) & (self.partners[first] != c)]
        return alone[(alone != c) & (alone != self.zero)], np.column_stack([first, self.partners[first]])


def _axes(problem: Problem, c: int) -> _Axes | None:
    key = "axes", 0 if problem.shared else c
    if key not in problem.kept:
        problem.kept[key] = _find_axes(problem, c)
    found: _Axes | None = problem.kept[key]
    return found


def _find_axes(problem: Problem, c: int) -> _Axes | None:
    num_classes, rank = problem.num_classes, problem.rank(c)
    found = _all_apart(problem.rows(c)) if num_classes == rank + 1 >= 3 else None
    if found is None and 4 <= num_classes <= min(2 * rank + 1, _MOST_PARTNERS):
        rows, origin = problem.rows(c), problem.origin(c)
        found = _with_partners(rows)
        if found is None and np.isfinite(origin).all():
            found = _with_partners(rows - origin)
    return found


def _all_apart(rows: Array) -> _Axes | None:
    """Each row on an axis of its own: |V_i - V_j|^2 = s_i + s_j, which the sums of the distances solve for s."""
    squares = np.einsum("ij,ij->i", rows, rows)
    sums = len(rows) * squares + squares.sum()
    s = (sums - sums.sum() / (2 * (len(rows) - 1))) / (len(rows) - 2)
    s[np.abs(s) <= _STRAIGHT * s.max()] = 0
    if (s < 0).any() or (s == 0).sum() > 1:
        return None
    excess = squares - s
    for part in (np.arange(min(_PROBE, len(rows))), np.arange(len(rows))):
        for chosen in np.array_split(part, max(1, len(part) ** 2 >> 22)):
            errors = np.abs(excess[chosen, None] + excess[part] - 2 * (rows[chosen] @ rows[part].T))
            errors[chosen[:, None] == part] = 0
            if (errors > _STRAIGHT * (s[chosen, None] + s[part])).any():
                return None
    zero = np.flatnonzero(s == 0)
    return _Axes(np.sqrt(s), np.full(len(rows), -1), int(zero[0]) if len(zero) else -1)


def _with_partners(rows: Array) -> _Axes | None:
    """Each row on an axis through the origin: inner products are 0, or those of opposite vectors."""
    lengths = np.linalg.norm(rows, axis=1)
    lengths[lengths <= _STRAIGHT * lengths.max()] = 0
    units = rows / np.where(lengths == 0, 1, lengths)[:, None]
    units[lengths == 0] = 0
    for count in (min(_PROBE, len(rows)), len(rows)):
        cosines = units[:count] @ units[:count].T
        np.fill_diagonal(cosines, 0)
        opposite = cosines <= _STRAIGHT - 1
        if (~opposite & (np.abs(cosines) > _STRAIGHT)).any():
            return None
    zero = np.flatnonzero(lengths == 0)
    num_axes = len(rows) - len(zero) - opposite.sum() // 2
    if len(zero) > 1 or (opposite.sum(axis=1) > 1).any() or num_axes < 3:
        return None
    partners = np.where(opposite.any(axis=1), opposite.argmax(axis=1), -1)
    return _Axes(lengths, partners, int(zero[0]) if len(zero) else -1)


# -------------------------------------------------------------------------------------------------------- enclosures


def _enclosed(problem: Problem, name: Tier, values: Array) -> Exact:
    with ctx.workprec(_BITS):
        of_class = _Enclosure(problem, name, values)
        parts = (_ball(prior) * of_class(c) for c, prior in enumerate(problem.exact_priors) if prior)
        total = sum(parts, arb(0)).max(arb(0)).min(arb(1))
        lower, middle, upper = (_log(end) for end in (total.lower(), total.mid(), total.upper()))
        low, high = math.nextafter(lower, -math.inf), min(math.nextafter(upper, math.inf), 0.0)
        if total == 0:
            low = high = -math.inf
        return Exact(min(max(middle, low), high), low, high, values, "enclosure", name, total)


def _log(number: arb) -> float:
    return float(number.log().mid()) if number > 0 else -math.inf


def _ball(number: Fraction) -> arb:
    return arb(fmpq(number.numerator, number.denominator))


Wall = tuple[int, int]  # exact margin and squared length


class _Enclosure:
    """Balls for P(error | class); on axes, classes that look the same in exact numbers are computed once."""

    def __init__(self, problem: Problem, name: Tier, values: Array) -> None:
        self.problem, self.name, self.values = problem, name, values
        self.known: dict[Any, arb] = {}

    def __call__(self, c: int) -> arb:
        if self.name == "one class":
            return arb(0)
        rivals = np.delete(np.arange(self.problem.num_classes), c)
        pairs = self.problem.pairs(np.full(len(rivals), c), rivals)
        exact = list(zip(rivals.tolist(), *pairs.exact(), strict=True))
        if any(length <= 0 and margin <= 0 for _, margin, length in exact):
            return arb(1)
        self.scale = _ball(pairs.scale).sqrt()
        walls = {j: (int(margin), int(length)) for j, margin, length in exact if length > 0}
        return {"line": self._line, "axes": self._axes, "plane": self._plane}[self.name](c, walls) if walls else arb(0)

    def _threshold(self, wall: Wall) -> arb:
        return arb(wall[0]) / arb(wall[1]).sqrt() * self.scale

    def _line(self, c: int, walls: dict[int, Wall]) -> arb:
        rows, _ = _coordinates(self.problem, c, list(walls), 1)
        sides: dict[bool, arb] = {}
        for (x, _), wall in zip(rows, walls.values(), strict=True):
            threshold = self._threshold(wall)
            sides[x > 0] = sides.get(x > 0, threshold).min(threshold)
        far = arb("inf")
        return outside_interval_ball(sides.get(False, far), sides.get(True, far))

    def _plane(self, c: int, walls: dict[int, Wall]) -> arb:
        rows, stretch = _coordinates(self.problem, c, list(walls), 2)
        thresholds = [self._threshold(wall) for wall in walls.values()]
        points = np.array([[float(stretch[0] * arb(x)), float(stretch[1] * arb(y))] for x, y in rows])
        normals = points / np.linalg.norm(points, axis=1, keepdims=True)
        middles = np.array([float(threshold.mid()) for threshold in thresholds])
        order = cell_walls(normals, middles)
        if order:
            return outside_polygon_ball(rows, stretch, thresholds, order)
        margins = [margin for margin, _ in walls.values()]
        blocking = blocking_walls(normals, middles)
        empty = (is_empty([rows[j] for j in some], [margins[j] for j in some]) for some in (blocking, blocking[-2:]))
        return arb(1) if any(empty) else tail_ball(thresholds[int(middles.argmin())]).union(arb(1))

    def _axes(self, c: int, walls: dict[int, Wall]) -> arb:
        structure = _axes(self.problem, c)
        assert structure is not None
        squares = _squares(self.problem, c, structure)
        along = sorted(walls[j] for j in structure.along(c) if j in walls)
        alone, pairs = structure.rivals(c)
        axes = [[j] for j in alone.tolist()] + pairs.tolist()
        groups = Counter(tuple(sorted((*walls[j], squares.doubled[j]) for j in pair)) for pair in axes)
        key = squares.unit, squares.doubled[c], tuple(along), tuple(sorted(groups.items()))
        if key not in self.known:
            size = float(self.values[c]) if self.values[c] > -math.inf else 0.0
            self.known[key] = self._product(squares, c, along, groups, size)
        return self.known[key] + arb(0, _comparison(squares, structure, c, self.problem.thresholds(c)))

    def _product(self, squares: "_Squares", c: int, along: list[Wall], groups: Counter[Any], size: float) -> arb:
        own = squares.doubled[c]
        limit = None
        for wall in along:
            threshold = self._threshold(wall)
            limit = threshold if limit is None else limit.min(threshold)
        axes = []
        for pair, count in groups.items():
            sides = [
                (self._threshold((margin, length)) * squares.length(own + doubled), squares.length(doubled))
                for margin, length, doubled in pair
            ]
            axes.append((sides[0], sides[1] if len(sides) == 2 else None, count))
        return outside_axes_ball(squares.length(own), limit, axes, size)


def _coordinates(problem: Problem, c: int, rivals: Sequence[int], rank: int) -> tuple[list[tuple[fmpq, fmpq]], Any]:
    """Rational multiples of the coordinates of V_j - V_c, and by what the two are to be stretched."""
    form = problem.form(c).integers

    def products(i: int, j: int) -> int:
        return int(form[i, j] - form[i, c] - form[c, j] + form[c, c])

    p = max(rivals, key=lambda j: products(j, j))
    square = products(p, p)
    rest = {j: products(j, j) * square - products(j, p) ** 2 for j in rivals}
    q = max(rivals, key=lambda j: rest[j])
    across = {j: products(j, q) * square - products(j, p) * products(p, q) for j in rivals}
    if (rank == 1 and rest[q]) or any(across[j] ** 2 != rest[j] * rest[q] for j in rivals):
        name = "on a line" if rank == 1 else "in a plane"
        raise InputError(
            f"the decoder rows are {name} up to rounding only, so there is no enclosure; leave out rigorous"
        )
    stretch = 1 / arb(square).sqrt(), 1 / (arb(square) * arb(rest[q] or 1)).sqrt()
    return [(fmpq(products(j, p)), fmpq(across[j])) for j in rivals], stretch


# ---------------------------------------------------------------------------- rows on orthogonal axes, but for rounding


@dataclass(frozen=True, eq=False)
class _Squares:
    """Exact 2 s_j in multiples of `unit`, how far any squared distance is off, doubled too, and the least distance."""

    doubled: list[int]
    unit: Fraction
    error: arb
    least: list[int]

    def length(self, doubled: int) -> arb:
        """sqrt(s) of 2 s."""
        return (arb(doubled) * _ball(self.unit) / 2).sqrt()


def _squares(problem: Problem, c: int, structure: _Axes) -> _Squares:
    key = "squares", 0 if problem.shared else c
    if key not in problem.kept:
        problem.kept[key] = _find_squares(problem, c, structure)
    found: _Squares = problem.kept[key]
    return found


def _find_squares(problem: Problem, c: int, structure: _Axes) -> _Squares:
    """s_i from the distances to two classes of other axes and that between those."""
    form = problem.form(c)
    diagonal = np.diagonal(form.integers)
    distances = diagonal[:, None] + diagonal - 2 * form.integers
    count = len(diagonal)
    doubled = np.zeros(count, dtype=object)
    axis = np.where(structure.partners >= 0, np.minimum(structure.partners, np.arange(count)), np.arange(count))
    for i in (i for i in range(count) if i != structure.zero):
        a, b = next(combinations([j for j in _first_of_axes(axis) if axis[j] != axis[i]], 2))
        doubled[i] = max(distances[i, a] + distances[i, b] - distances[a, b], 0)
    apart = (axis[:, None] != axis) | np.eye(count, dtype=bool)
    errors = np.abs(2 * distances - doubled[:, None] - doubled)
    errors[~apart] = 0
    np.fill_diagonal(errors, 0)
    error = arb(int(errors.max()))
    for i, j in enumerate(structure.partners.tolist()):
        if j > i:
            root = math.isqrt(doubled[i] * doubled[j])
            product = arb(root) if root**2 == doubled[i] * doubled[j] else arb(doubled[i] * doubled[j]).sqrt()
            error = error.max(abs(arb(2 * distances[i, j] - doubled[i] - doubled[j]) - 2 * product))
    np.fill_diagonal(distances, distances.max() + 1)
    return _Squares([int(s) for s in doubled], form.unit, error, [int(least) for least in distances.min(axis=1)])


def _first_of_axes(axis: Array) -> list[int]:
    """One class on each of the first three axes; a row of zeros counts as one."""
    return [int(j) for j in np.flatnonzero(axis == np.arange(len(axis)))[:3]]


def _comparison(squares: _Squares, structure: _Axes, c: int, thresholds: Array) -> arb:
    """How much P(error | class c) differs from that for rows exactly on axes, by the normal comparison inequality.

    Where squared distances differ by less than e, at least l, correlations r do by d = 2.5 e / l. The probability
    differs by at most the sum over pairs of |arcsin r - arcsin r'| exp(-(t_j^2 + t_k^2) / (2 (1 + |r|))) / (2 pi), and
    the sum over pairs of a product is at most half the square of the sum.
    """
    if squares.error == 0:
        return arb(0)
    change = (arb(2.5) * squares.error / (2 * squares.least[c])).upper()
    largest = (arb(_largest_correlation(structure, c)) + change).min(arb(1)).upper()
    turn = 2 * (change / 2).sqrt().asin() if change < 1 else arb.pi()
    if largest < 1:
        turn = turn.min(change / (1 - largest * largest).sqrt())
    finite = thresholds[np.isfinite(thresholds)]
    weights = float(log_sums(-(finite**2) / (2 * (1 + float(largest))))) if len(finite) else -math.inf
    rounding = 1e-9 + 1e-14 * abs(weights)
    return (turn / (4 * arb.pi()) * (2 * arb(weights) + arb(rounding)).exp()).upper() if weights > -math.inf else arb(0)


def _largest_correlation(structure: _Axes, c: int) -> float:
    """At least the absolute correlation of any two walls of class c, for rows exactly on axes."""
    s, (alone, pairs) = structure.lengths**2, structure.rivals(c)
    nearest = float(s[np.append(alone, pairs.ravel())].min(initial=math.inf))
    found = [s[c] / (s[c] + nearest)]
    if len(pairs):
        opposite = np.abs(s[c] - structure.lengths[pairs].prod(axis=1))
        found.append((opposite / np.sqrt((s[c] + s[pairs]).prod(axis=1))).max())
    if structure.along(c):
        found.append(math.sqrt(s[c] / (s[c] + nearest)) if len(structure.along(c)) == 1 else 1.0)
    return min(1.0, float(max(found)) * (1 + 1e-9))
