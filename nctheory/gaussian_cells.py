"""P(z leaves a cell) for a standard normal z, in logarithms and as balls: polygons, and products along axes.

Thresholds are signed distances of the walls from the origin: a cell is {<a_j, z> < t_j for all j}. A position on a wall
of the plane is told from the foot of its normal, counterclockwise.
"""

import math
from collections.abc import Callable, Sequence
from functools import cmp_to_key
from itertools import pairwise
from typing import Any

import numpy as np
from flint import acb, arb, fmpq
from scipy import optimize, special

from nctheory.arrays import Array
from nctheory.gaussian import ball_integral, bell, between_zero_and, geometric_sum, goal_bits
from nctheory.gaussian_logs import log_sector, log_sums, sector_ball, tail_ball

__all__ = [
    "blocking_walls",
    "cell_walls",
    "is_empty",
    "log_outside_axes",
    "log_outside_interval",
    "log_outside_polygon",
    "outside_axes_ball",
    "outside_interval_ball",
    "outside_polygon_ball",
]

_NEAR = 1e-6  # the angles between which a nearer wall is seen are all but right ones
_FAR = 1e150  # squares overflow not far from there, and the number of walls no longer changes the logarithm
_DROP = 50.0  # a wall whose tail is this far below the largest, in logarithms, adds nothing to a float
_LOG_ROOT = math.log(2 * math.pi) / 2
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(15)
_LOG_WEIGHTS = np.log(_WEIGHTS / 2)
_HALVINGS = 60
_STEEP = 0.2  # the width of a step from which on panels are short enough to see it
_TOLERANCE = 1e-15  # of an integral, relatively, for each of its panels
_ROUNDING = 4e-15  # of a logarithm that is far from 0
_MOST_PANELS = 1 << 14
_PAIRS = 1 << 22  # factors held at once
_SAME = 4e-16  # the sine of an angle between normals that counts as 0


# --------------------------------------------------------------------------------------------------------- intervals


def log_outside_interval(lower: Array, upper: Array) -> Array:
    """log P(z >= upper or z <= -lower)."""
    logs = np.logaddexp(special.log_ndtr(-upper), special.log_ndtr(-lower))
    return np.where(upper > -lower, np.minimum(logs, 0), 0.0)


def outside_interval_ball(lower: arb, upper: arb) -> arb:
    """P(z >= upper or z <= -lower); infinite ends are far away."""
    total = sum((tail_ball(end) for end in (lower, upper) if end.is_finite()), arb(0))
    if not (lower + upper).is_finite() or lower + upper > 0:
        return total
    return arb(1) if lower + upper < 0 else total.union(arb(1))


# ---------------------------------------------------------------------------------------------------------- polygons


def _walls_around(normals: Array, thresholds: Array) -> list[int]:
    """The walls of a cell around the origin (t > 0), counterclockwise: the hull of 0 and the dual points a_j / t_j."""
    near = float(thresholds.min())
    duals = (normals * (near / thresholds)[:, None]).tolist()
    points = sorted([(0.0, 0.0, -1), *((x, y, j) for j, (x, y) in enumerate(duals))])
    hull = [j for *_, j in _half_hull(points)[:-1] + _half_hull(points[::-1])[:-1]]
    start = hull.index(-1) if -1 in hull else 0
    return _turning([j for j in hull[start:] + hull[:start] if j >= 0], normals, thresholds)


def _turning(order: list[int], normals: Array, thresholds: Array) -> list[int]:
    """Without walls parallel to a nearer one, which rounding may leave on the hull: each turns left from the last."""
    kept: list[int] = []
    for j in order:
        while kept and _cross(normals[kept[-1]], normals[j]) <= 0 < normals[kept[-1]] @ normals[j]:
            if thresholds[kept[-1]] <= thresholds[j]:
                break
            kept.pop()
        else:
            kept.append(j)
    while len(kept) > 1 and _parallel(normals[kept[-1]], normals[kept[0]]):
        kept.pop(0 if thresholds[kept[-1]] <= thresholds[kept[0]] else -1)
    return kept


def _parallel(u: Array, v: Array) -> bool:
    """Whether two unit vectors are the same up to rounding."""
    return abs(_cross(u, v)) <= _SAME and float(u @ v) > 0


def cell_walls(normals: Array, thresholds: Array) -> list[int]:
    """The walls of any cell, counterclockwise; none where it is empty."""
    if not len(thresholds) or thresholds.min() > 0:
        return _walls_around(normals, thresholds) if len(thresholds) else []
    found = _largest_disk(normals, thresholds)
    inner = found.x is not None and (thresholds - normals @ found.x[:2] > 0).all()
    return _walls_around(normals, thresholds - normals @ found.x[:2]) if inner else []


def blocking_walls(normals: Array, thresholds: Array) -> list[int]:
    """Two or three walls between which there is no cell, where a linear program finds them, by how much they count."""
    found = _largest_disk(normals, thresholds)
    forces = -found.ineqlin.marginals if found.x is not None else np.zeros(len(thresholds))
    return [int(j) for j in np.argsort(forces)[-3:] if forces[j] > 0]


def _largest_disk(normals: Array, thresholds: Array) -> Any:
    """The linear program for a point of the cell that is far from its walls."""
    rows = np.column_stack([normals, np.ones(len(normals))])
    bounds = [(None, None), (None, None), (None, 1)]
    return optimize.linprog([0, 0, -1], A_ub=rows, b_ub=thresholds, bounds=bounds)


def _half_hull(points: list[tuple[float, float, int]]) -> list[tuple[float, float, int]]:
    """The lower hull of sorted points."""
    hull: list[tuple[float, float, int]] = []
    for x, y, j in points:
        while len(hull) > 1:
            (a, b, _), (c, d, _) = hull[-2], hull[-1]
            if (c - a) * (y - b) - (d - b) * (x - a) > 0:
                break
            hull.pop()
        hull.append((x, y, j))
    return hull


def _cross(first: Any, second: Any) -> Any:
    return first[0] * second[1] - first[1] * second[0]


def log_outside_polygon(normals: Array, thresholds: Array) -> float:
    """log P(z leaves the cell) for unit normals (n, 2), relatively to about 1e-14 where the origin is inside.

    Elsewhere the probability is at least 1/2, and 1 less that of the triangles that make up the cell.
    """
    near = float(thresholds.min(initial=math.inf))
    if near == math.inf:
        return -math.inf
    if near <= _NEAR:
        return _log_beside_origin(normals, thresholds)
    if near > _FAR:
        return float(special.log_ndtr(-near))
    kept = thresholds <= np.hypot(near, math.sqrt(2 * _DROP))
    normals, thresholds = normals[kept], thresholds[kept]
    order = _walls_around(normals, thresholds)
    start, stop = _angles(normals[order], thresholds[order])
    logs = log_sector(thresholds[order], np.minimum(start, stop), np.maximum(start, stop))
    peak = logs.max()
    signs = np.where(start <= stop, 1.0, -1.0)  # a wall that rounding chose takes back what its neighbors have too much
    return float(peak + np.log((signs * np.exp(logs - peak)).sum()))


def _turns(normals: Array) -> tuple[Array, Array]:
    """Sine and cosine of the angle from each normal to the next; sine <= 0: there is no corner, the cell has no end."""
    after = np.roll(normals, -1, axis=0)
    return np.asarray(_cross(normals.T, after.T)), np.asarray((normals * after).sum(axis=1))


def _angles(normals: Array, thresholds: Array) -> tuple[Array, Array]:
    """The angles between which each wall is seen, from its normal; the next wall starts exactly where one stops."""
    (sine, cosine), after = _turns(normals), np.roll(thresholds, -1)
    corner = np.arctan2(after - thresholds * cosine, thresholds * sine)
    stop = np.where(sine > 0, corner, math.pi / 2)
    before = np.maximum(corner - np.arctan2(sine, cosine), -math.pi / 2)  # rounding must not turn it around
    start = np.where(sine > 0, before, -math.pi / 2)
    return np.roll(start, 1), stop


def _log_beside_origin(normals: Array, thresholds: Array) -> float:
    """log(1 - P(cell)), where the cell is made of signed triangles and of the cone in which it has no end."""
    order = cell_walls(normals, thresholds)
    if not order:
        return 0.0
    normals, thresholds = normals[order], thresholds[order]
    (sine, cosine), after = _turns(normals), np.roll(thresholds, -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        stop = np.where(sine > 0, (after - thresholds * cosine) / sine, math.inf)
        start = np.roll(np.where(sine > 0, (after * cosine - thresholds) / sine, -math.inf), 1)
    gaps = np.arctan2(sine, cosine)[sine <= 0] % (2 * math.pi)
    cone = np.where(gaps == 0, math.pi, gaps - math.pi).sum() / (2 * math.pi)  # a single wall has a half-plane
    inside = float(_triangles(thresholds, start, stop).sum() + cone)
    return math.log1p(-min(max(inside, 0.0), 1.0)) if inside < 1 else -math.inf


def _triangles(thresholds: Array, start: Array, stop: Array) -> Array:
    """The probabilities of the triangles of the origin and the walls, negative where the cell is behind the wall."""
    height = np.maximum(np.abs(thresholds), 1e-300)
    low, high = np.arctan(start / height), np.arctan(stop / height)
    beyond = np.exp(log_sector(height, low, high))
    return np.sign(thresholds) * ((high - low) / (2 * math.pi) - beyond)


# ------------------------------------------------------------------------------------------------------ polygon balls

Point = tuple[arb, arb]
Ends = list[tuple[arb | None, arb | None]]


def outside_polygon_ball(
    rows: Sequence[tuple[fmpq, fmpq]], stretch: Point, thresholds: Sequence[arb], walls: Sequence[int]
) -> arb:
    """P(z leaves the cell) enclosed, for normals along (stretch_x x, stretch_y y) and the walls that a float chose.

    A chosen wall that is not certainly longer than nothing is left out. Walls that are left out should miss the cell of
    the others. Where one does so only up to a small distance g at the corners, its tail beyond t less that beyond t + g
    is added; elsewhere all of its tail. Where the cell has no end the test is exact.
    """
    normals = [_unit((stretch[0] * arb(x), stretch[1] * arb(y))) for x, y in rows]
    order = _in_turn(rows, thresholds, walls)
    ends = _ends(rows, normals, thresholds, order)
    while short := [j for j, (start, stop) in zip(order, ends, strict=True) if start and stop and not start < stop]:
        order.remove(short[0])
        ends = _ends(rows, normals, thresholds, order)
    heights = [thresholds[j] for j in order]
    if all(height > 0 for height in heights):
        total = sum((sector_ball(height, *end) for height, end in zip(heights, ends, strict=True)), arb(0))
    else:
        triangles = (_triangle_ball(height, *end) for height, end in zip(heights, ends, strict=True))
        total = 1 - sum(triangles, _cone_ball(rows, normals, order))
    return total + _missed(rows, normals, thresholds, order, ends)


def _in_turn(rows: Sequence[tuple[fmpq, fmpq]], thresholds: Sequence[arb], walls: Sequence[int]) -> list[int]:
    """The walls counterclockwise, exactly, and of those with the same normal the nearest."""

    def compare(j: int, k: int) -> int:
        halves = [row[1] < 0 or (row[1] == 0 and row[0] < 0) for row in (rows[j], rows[k])]
        turn = _cross(rows[k], rows[j])
        return halves[0] - halves[1] if halves[0] != halves[1] else (turn > 0) - (turn < 0)

    nearest: list[int] = []
    for j in sorted(sorted(walls, key=lambda j: float(thresholds[j].mid())), key=cmp_to_key(compare)):
        if not nearest or compare(nearest[-1], j):
            nearest.append(j)
    return nearest


def _missed(
    rows: Sequence[Any], normals: Sequence[Point], thresholds: Sequence[arb], order: list[int], ends: Ends
) -> arb:
    """What the walls that were left out may add."""
    total = arb(0)
    others = sorted(set(range(len(rows))) - set(order))
    corners = [_on_wall(normals[j], thresholds[j], end) for j, (_, end) in zip(order, ends, strict=True) if end]
    corners = corners or [_on_wall(normals[j], thresholds[j], arb(0)) for j in order]
    for j in others:
        misses = all(_beside(rows[j], rows[k], *end) for k, end in zip(order, ends, strict=True))
        total += _excess(normals[j], thresholds[j], corners) if misses else between_zero_and(tail_ball(thresholds[j]))
    return total


def is_empty(rows: Sequence[Any], margins: Sequence[Any]) -> bool:
    """Whether two or three walls <row_j, x> < m_j leave no x: a positive combination of rows is 0, of margins is not.

    All of it exactly. Along opposite rows the forces are each other's lengths.
    """
    if len(rows) == 3:
        forces = [_cross(rows[j], rows[k]) for j, k in ((1, 2), (2, 0), (0, 1))]
        forces = forces if forces[0] > 0 else [-force for force in forces]
    elif len(rows) == 2 and _cross(*rows) == 0:
        forces = [max(abs(x), abs(y)) for x, y in reversed(rows)]
        forces = forces if rows[0][0] * rows[1][0] + rows[0][1] * rows[1][1] < 0 else [fmpq(0)]
    else:
        return False
    return all(force > 0 for force in forces) and sum(f * m for f, m in zip(forces, margins, strict=True)) <= 0


def _unit(point: Point) -> Point:
    length = (point[0] * point[0] + point[1] * point[1]).sqrt()
    return point[0] / length, point[1] / length


def _ends(rows: Sequence[Any], normals: Sequence[Point], thresholds: Sequence[arb], order: list[int]) -> Ends:
    """Where each wall starts and stops; None: it has no end there."""
    starts: dict[int, arb | None] = {}
    stops: dict[int, arb | None] = {}
    for j, k in zip(order, order[1:] + order[:1], strict=True):
        stops[j] = starts[k] = None
        if _cross(rows[j], rows[k]) > 0:
            sine = _cross(normals[j], normals[k])
            cosine = normals[j][0] * normals[k][0] + normals[j][1] * normals[k][1]
            stops[j] = (thresholds[k] - thresholds[j] * cosine) / sine
            starts[k] = (thresholds[k] * cosine - thresholds[j]) / sine
    return [(starts[j], stops[j]) for j in order]


def _triangle_ball(threshold: arb, start: arb | None, stop: arb | None) -> arb:
    if threshold == 0:
        return arb(0)
    height = abs(threshold)
    low = -arb.pi() / 2 if start is None else (start / height).atan()
    high = arb.pi() / 2 if stop is None else (stop / height).atan()
    inside = (high - low) / (2 * arb.pi()) - sector_ball(height, start, stop)
    return inside if threshold > 0 else -inside


def _cone_ball(rows: Sequence[Any], normals: Sequence[Point], order: list[int]) -> arb:
    """The directions in which the cell has no end, as a share of all."""
    if len(order) == 1:
        return arb(1) / 2
    total = arb(0)
    for j, k in zip(order, order[1:] + order[:1], strict=True):
        if _cross(rows[j], rows[k]) < 0:
            cosine = normals[j][0] * normals[k][0] + normals[j][1] * normals[k][1]
            total += arb.atan2(_cross(normals[j], normals[k]), cosine) / (2 * arb.pi()) + arb(1) / 2
    return total


def _on_wall(normal: Point, threshold: arb, position: arb) -> Point:
    return threshold * normal[0] - position * normal[1], threshold * normal[1] + position * normal[0]


def _beside(row: Any, wall: Any, start: arb | None, stop: arb | None) -> bool:
    """Whether the endless parts of a wall do not run into the half-plane with this normal, exactly."""
    turn = _cross(wall, row)
    return (stop is not None or turn <= 0) and (start is not None or turn >= 0)


def _excess(normal: Point, threshold: arb, corners: Sequence[Point]) -> arb:
    """What the half-plane takes from the cell at most, if it enters it by no more than it does at the corners."""
    gaps = [normal[0] * x + normal[1] * y - threshold for x, y in corners]
    gap = max((g.upper() for g in gaps), key=float)
    return between_zero_and(tail_ball(threshold) - tail_ball(threshold + gap)) if gap > 0 else arb(0)


# -------------------------------------------------------------------------------------------------------------- axes


def log_outside_axes(own: float, limit: float, axes: Array) -> float:
    """log P(-y >= limit, or x_k >= (T + own y) / r or -x_k >= (T' + own y) / r' on some axis k).

    `axes` has rows (T, r, T', r'), T = inf for a side with no wall; y, x_1, x_2, ... are independent standard normals.
    Given y the axes are independent, and the probability that some wall is passed falls with y.
    """
    axes, counts = _counted(axes)
    with np.errstate(invalid="ignore", divide="ignore"):
        empty = -(axes[:, 0] * axes[:, 3] + axes[:, 2] * axes[:, 1]) / (own * (axes[:, 1] + axes[:, 3]))
    limit = min(limit, -float(np.max(empty, initial=-math.inf, where=np.isfinite(empty))))
    first = float(special.log_ndtr(-limit))
    if own == 0 or not len(axes):
        rest = float(_log_any(np.zeros(1), 0.0, axes, counts)[0]) if len(axes) else -math.inf
        return float(np.logaddexp(first, special.log_ndtr(limit) + rest))
    panels = _panels(own, limit, axes)
    step = max(1, _PAIRS // (30 * len(axes)))

    def log_density(y: Array) -> Array:
        parts = [_log_any(part, own, axes, counts) for part in np.split(y, range(step, len(y), step))]
        return np.asarray(-y * y / 2 - _LOG_ROOT + np.concatenate(parts))

    return float(np.logaddexp(first, _log_integral(log_density, panels)))


def _counted(axes: Array) -> tuple[Array, Array]:
    """The different rows, and how often they occur."""
    ordered = axes[np.lexsort(axes.T)]
    fresh = np.append(True, (ordered[1:] != ordered[:-1]).any(axis=1))[: len(axes)]
    where = np.flatnonzero(fresh)
    return ordered[where], np.diff(np.append(where, len(axes)))


def _log_any(y: Array, own: float, axes: Array, counts: Array) -> Array:
    """log(1 - the product of 1 - q_k) over the axes, given y."""
    shift = own * y[:, None]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        singles = np.logaddexp(
            special.log_ndtr(-(axes[:, 0] + shift) / axes[:, 1]), special.log_ndtr(-(axes[:, 2] + shift) / axes[:, 3])
        )
        union = log_sums(singles + np.log(counts))
        exact = np.log(-np.expm1((counts * np.log1p(-np.minimum(np.exp(singles), 1))).sum(axis=1)))
    return np.asarray(np.where(union < -37, union, exact))


def _panels(own: float, limit: float, axes: Array) -> Array:
    """(n, 2) intervals of y that hold all but e^-45 of the probability: where a wall is passed, y is near its foot.

    With t the distance of the wall from the origin and l = hypot(own, r), y is -own x / l + r n / l for a normal n and
    a normal x >= t, which is below hypot(t, 10) but for a share of e^-50. A wall of small r is passed all at once where
    T + own y = 0, which a panel that ends there would not see.
    """
    walls = axes.reshape(-1, 2)
    walls = walls[np.isfinite(walls[:, 0])]
    length = np.hypot(own, walls[:, 1])
    near = np.maximum(walls[:, 0] / length, -10)
    tails = special.log_ndtr(-near)
    width = 10 * walls[:, 1] / length
    start, stop = -own / length * np.hypot(np.maximum(near, 0), 10) - width, -own / length * near + width
    kept = (tails >= tails.max(initial=-math.inf) - _DROP) & (stop > -limit)
    step, sharpness = -walls[kept, 0] / own, walls[kept, 1] / own
    steep = sharpness < _STEEP
    cuts = (step[steep, None] + 10 * sharpness[steep, None] * np.array([-1, 0, 1])).ravel()
    return _pieces(np.maximum(start[kept], -limit), stop[kept], np.unique(cuts))


def _pieces(start: Array, stop: Array, cuts: Array) -> Array:
    """(n, 2) the union of intervals, cut there and into pieces no longer than 1."""
    order = np.argsort(start)
    reach = np.maximum.accumulate(stop[order])
    fresh = np.flatnonzero(np.append(True, start[order][1:] > reach[:-1])) if len(order) else np.zeros(0, dtype=int)
    pieces = [np.zeros((0, 2))]
    for first, last in pairwise([*fresh, len(order)]):
        low, high = float(start[order][first]), float(reach[last - 1])
        even = np.linspace(low, high, max(2, math.ceil(high - low) + 1))
        edges = np.unique(np.concatenate([even, cuts[(cuts > low) & (cuts < high)]]))
        pieces.append(np.column_stack([edges[:-1], edges[1:]]))
    return np.concatenate(pieces)


def _log_integral(log_density: Callable[[Array], Array], panels: Array) -> float:
    """Each panel is halved until the halves agree with it, relative to the whole and to the rounding of logarithms."""
    if not len(panels):
        return -math.inf
    done = -math.inf
    values = _log_panels(log_density, panels)
    for _ in range(_HALVINGS):
        middle = panels.mean(axis=1)
        halves = np.stack([np.column_stack([panels[:, 0], middle]), np.column_stack([middle, panels[:, 1]])], axis=1)
        finer = _log_panels(log_density, halves.reshape(-1, 2)).reshape(-1, 2)
        whole = float(np.logaddexp(done, log_sums(finer.ravel())))
        if whole == -math.inf:
            return whole
        sums = log_sums(finer)
        error = np.abs(np.exp(sums - whole) - np.exp(values - whole))
        good = error <= _TOLERANCE + _ROUNDING * abs(whole) * np.exp(sums - whole)
        done = float(np.logaddexp(done, log_sums(sums[good])))
        panels, values = halves[~good].reshape(-1, 2), finer[~good].ravel()
        if not 0 < len(panels) < _MOST_PANELS:
            break
    return float(np.logaddexp(done, log_sums(values)))


def _log_panels(log_density: Callable[[Array], Array], panels: Array) -> Array:
    """The logarithms of the integrals over panels, by Gauss-Legendre."""
    width = panels[:, 1] - panels[:, 0]
    y = panels[:, :1] + width[:, None] * (_NODES + 1) / 2
    with np.errstate(divide="ignore"):
        return np.asarray(log_sums(log_density(y.ravel()).reshape(y.shape) + _LOG_WEIGHTS) + np.log(width))


# --------------------------------------------------------------------------------------------------------- axes balls

Side = tuple[arb, arb] | None  # T and r
Axis = tuple[Side, Side, int]  # both sides, and how many such axes there are


def outside_axes_ball(own: arb, limit: arb | None, axes: Sequence[Axis], log_size: float) -> arb:
    """What `log_outside_axes` gives, enclosed, relative to exp(log_size); limit None: there is none.

    On a finite interval: left of it the integrand is below phi(y), right of it below Q(stop) times all the tails.
    """
    slabs = [(a[0] * b[1] + b[0] * a[1], a[1] + b[1]) for a, b, _ in axes if a and b]  # empty where below -own y r
    if own == 0 and any(not width > 0 for width, _ in slabs):
        return arb(1) if any(width <= 0 for width, _ in slabs) else arb(0.5, 0.5)
    for width, length in slabs if own > 0 else []:
        bound = width / (own * length)
        limit = bound if limit is None else limit.min(bound)
    first = arb(0) if limit is None else tail_ball(limit)
    if not axes or own == 0:
        inside = 1 - first if limit is not None else arb(1)
        return first + inside * _any_ball(acb(0), own, axes).real if axes else first
    reach = arb(math.sqrt(2 * (goal_bits() * math.log(2) - log_size)))
    start, left = (-reach, tail_ball(reach)) if limit is None or limit > reach else (-limit, arb(0))
    stop = arb(math.sqrt(2 * goal_bits() * math.log(2)) + max(0.0, float(start.mid())))
    scale = (2 * arb.pi()).sqrt()
    size = arb(log_size).exp()
    inner = ball_integral(lambda y: bell(y) / scale * _any_ball(y, own, axes), start, stop, size)
    right = tail_ball(stop) * sum((_axis_ball(acb(stop), own, axis).real * axis[2] for axis in axes), arb(0))
    return first + inner + between_zero_and(left) + between_zero_and(right)


def _axis_ball(y: acb, own: arb, axis: Axis) -> acb:
    """The probability q that a wall on one axis is passed, given y."""
    root = arb(2).sqrt()
    return sum((((side[0] + own * y) / (side[1] * root)).erfc() / 2 for side in axis[:2] if side), acb(0))


def _any_ball(y: acb, own: arb, axes: Sequence[Axis]) -> acb:
    """1 - the product of (1 - q)^n without cancellation: the sum of q (1 + ... + (1 - q)^(n-1)) times those before."""
    total, before = acb(0), acb(1)
    for axis in axes:
        single = _axis_ball(y, own, axis)
        total += before * single * geometric_sum(1 - single, axis[2])
        before *= _power(1 - single, axis[2])
    return total


def _power(x: acb, exponent: int) -> acb:
    """x^n for n >= 1 by squaring, finite where x may be 0."""
    result = x
    for bit in bin(exponent)[3:]:
        result = result * result * x if bit == "1" else result * result
    return result
