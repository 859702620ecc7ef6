"""The error probability as a sum over decoder cells, each a sequence of one-dimensional conditional probabilities.

A cell is where class c is sent and j is decoded: linear inequalities on a normal z. Their normals are orthogonalized
one after the other, the one least likely to hold next; then each inequality bounds one more coordinate, and the
probability is that of the first times the mean of the product of the conditional ones. That mean is taken over
scrambled Sobol points, shifted independently for each cell. The function is smooth, so that few points do, but no
interval is valid at every number of points: replicates are compared by Student's t, which holds asymptotically. There
are K (K - 1) cells with up to K - 1 coordinates each, so that this is for about 30 classes or fewer.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import special, stats
from scipy.stats import qmc

from nctheory.arrays import Array, freeze, positive_integer, real_array
from nctheory.errors import InputError
from nctheory.probability.problem import Problem
from nctheory.sampling import chunk_generator, one_thread, truncated_normal

__all__ = ["Replicate", "replicate_interval", "sample"]

_PARALLEL = 1e-8  # what is left of a unit normal that counts as nothing
_PILOT = 32  # points per cell to find out which cells matter
_LEAST = 8  # points per cell
_BITS = 50  # of a coordinate
_BATCH = 1 << 17  # numbers held at once
_FARTHEST = 40.0  # where coordinates are put that have a probability of 0 in floats
_UNLIKELY = 1e-280  # a probability too small to divide by


@dataclass(frozen=True, eq=False)
class Replicate:
    """One independent estimate: `value` times exp(`log_scale`) is the error probability.

    It is the sum of `class_values` (K,), and of `pair_values` (m,) for the confusions `pairs` (m, 2): sent, decoded.
    """

    log_scale: float
    value: float
    class_values: Array
    pairs: Array
    pair_values: Array
    num_points: int


def sample(problem: Problem, seed: int, index: int, size: int) -> Replicate:
    """Replicate number `index` of a randomized quasi-Monte Carlo estimate over decoder cells.

    Formula:
        P = sum_c pi_c sum_(j != c) Q(t_cj) E[prod_(i >= 2) P(inequality i | y_1, ..., y_(i-1))]; y are orthonormal
        coordinates of z in which inequality i bounds y_i alone once those before it are known, y_1 the one along a_cj.
        Where other inequalities bound y_i, too, the probability is that of an interval. The first is in logarithms.
    Args:
        problem: the half-spaces and priors.
        seed: an integer; with `index`, it determines every bit of the answer on one machine.
        index: the number of the replicate; each has its own scrambled Sobol points and shifts.
        size: the number of points for the cells that matter most, rounded up to a power of two; others have fewer.
    Assumes:
        Nothing about the configuration. Of classes with equal rows, the one with the larger bias is decoded, of equal
        ones the first; a class that is certainly wrong is taken for a rival that always beats it. The work grows with
        size K^4.
    Returns:
        Replicate, unbiased.
    Raises:
        InputError: a size that is no integer of at least 1.
    Reference:
        genz1992 (the transformation), gibson1994 (the order of the inequalities).
    Example:
        >>> from nctheory import gaussian
        >>> from nctheory.constructions import simplex_etf
        >>> problem = Problem.of(simplex_etf(5), 0.1)
        >>> replicates = [sample(problem, 0, index, 256) for index in range(8)]
        >>> low, high = replicate_interval([each.value for each in replicates])
        >>> value = gaussian.simplex_error(5, 0.1) / math.exp(replicates[0].log_scale)
        >>> low < value < high, (high - low) / value < 1e-3
        (True, True)
    """
    size = positive_integer(size, "size")
    generator = chunk_generator(seed, index)
    with one_thread(), np.errstate(all="ignore"):
        return _replicate(_plan(problem), generator, size)


def replicate_interval(values: Any, confidence: float = 0.95) -> tuple[float, float]:
    """Student's interval for the mean of replicates; it holds as the distribution of a replicate becomes normal.

    Formula:
        mean +- t_(R-1) s / sqrt(R), s the standard deviation of R replicates, R - 1 degrees of freedom.
    Args:
        values: (R,) replicates, at least 2; take 8 or more.
        confidence: between 0 and 1, for the two ends together.
    Assumes:
        Independent replicates that are nearly normal: asymptotic, not valid at every size.
    Returns:
        (low, high), not below 0, for values that are not.
    Raises:
        InputError: fewer than 2 values, or a confidence outside (0, 1).
    Reference:
        student1908.
    Example:
        >>> low, high = replicate_interval([1.0, 2.0, 3.0])
        >>> round(low, 3), round(high, 3)
        (0.0, 4.484)
    """
    replicates = np.asarray(real_array(values, "values", 1), dtype=np.float64)
    if len(replicates) < 2:
        raise InputError(f"values has shape {replicates.shape}, expected at least 2 replicates")
    if isinstance(confidence, bool) or not 0 < confidence < 1:
        raise InputError(f"confidence is {confidence!r}, expected a number between 0 and 1")
    mean = float(replicates.mean())
    half = float(stats.t.ppf((1 + confidence) / 2, len(replicates) - 1) * replicates.std(ddof=1))
    half /= math.sqrt(len(replicates))
    return max(mean - half, 0.0 if replicates.min() >= 0 else -math.inf), mean + half


# ------------------------------------------------------------------------------------------------------------ one cell


_Bounds = tuple[
    Array, Array, Array
]  # rows (coefficients on earlier coordinates), levels, whether they bound from above


@dataclass(frozen=True, eq=False)
class _Cell:
    """What bounds each coordinate: the first between `start` and an end beyond which there is a share `rest`."""

    sent: int
    decoded: int
    log_probability: float  # of the first coordinate's bounds
    start: float
    rest: float
    steps: list[_Bounds]  # of the other coordinates


def _class_cells(problem: Problem, c: int) -> list[_Cell]:
    """The cells of a class that are not empty."""
    thresholds = problem.thresholds(c)
    rivals = np.flatnonzero(np.isfinite(thresholds))
    rows = problem.differences(c, rivals)
    lengths = np.linalg.norm(rows, axis=1)
    levels = thresholds[rivals] * lengths
    cells = []
    for i in range(len(rivals)):
        normals, offsets = np.vstack([rows[[i]], rows[i] - rows]), np.append(levels[i], levels[i] - levels)
        sizes = np.linalg.norm(normals, axis=1)
        equal = np.flatnonzero(sizes[1:] == 0)
        if ((offsets[1 + equal] > 0) | ((offsets[1 + equal] == 0) & (equal < i))).any():
            continue  # decoded as one of the equal rows, never as this one
        kept = np.flatnonzero(sizes)
        bounds = offsets[kept] / sizes[kept]
        bounds[0] = thresholds[rivals[i]]
        steps = _steps(normals[kept] / sizes[kept, None], bounds)
        low, high = _ends(*steps[0], np.zeros(0))
        start, rest = special.log_ndtr(-low), np.exp(special.log_ndtr(-high) - special.log_ndtr(-low))
        if rest < 1:
            cells.append(_Cell(c, int(rivals[i]), float(start + np.log1p(-rest)), low, float(rest), steps[1:]))
    return cells


def _steps(normals: Array, levels: Array) -> list[_Bounds]:
    """The inequalities <normals_i, z> >= levels_i, the first one first, as bounds of one more coordinate each."""
    left, pivot, means = normals.copy(), 0, np.zeros(0)
    coefficients, waiting = np.zeros((len(normals), 0)), np.arange(1, len(normals))
    steps = []
    while True:
        direction = left[pivot] / np.linalg.norm(left[pivot])
        column = left @ direction
        left -= column[:, None] * direction
        small = np.linalg.norm(left[waiting], axis=1) <= _PARALLEL
        now, waiting = np.append(pivot, waiting[small]), waiting[~small]
        scale = np.where(now == 0, 1, column[now])  # exactly, since rounding matters far out
        steps.append((coefficients[now] / scale[:, None], levels[now] / scale, scale < 0))
        if not len(waiting):
            return steps
        means = np.append(means, _mean_between(*_ends(*steps[-1], means)))
        coefficients = np.column_stack([coefficients, column])
        distances = levels[waiting] - coefficients[waiting] @ means
        chosen = np.argmax(distances / np.linalg.norm(left[waiting], axis=1))
        pivot, waiting = waiting[chosen], np.delete(waiting, chosen)


def _ends(coefficients: Array, levels: Array, upper: Array, earlier: Array) -> tuple[float, float]:
    """The bounds of a coordinate, given the earlier ones."""
    bounds = levels - coefficients @ earlier
    return float(bounds[~upper].max(initial=-math.inf)), float(bounds[upper].min(initial=math.inf))


def _mean_between(low: float, high: float) -> float:
    """About the mean of a normal between two ends: what is unlikely is near the end that is nearest to 0."""
    mass = special.ndtr(high) - special.ndtr(low) if low < 0 else special.ndtr(-low) - special.ndtr(-high)
    if mass < _UNLIKELY:
        return low if low > 0 else min(max(low, high), 0.0)
    return float((math.exp(-(low**2) / 2) - math.exp(-(high**2) / 2)) / (math.sqrt(2 * math.pi) * mass))


# ----------------------------------------------------------------------------------------------------------- all cells


class _Plan:
    """The cells of a problem side by side, and how much each of them matters."""

    def __init__(self, problem: Problem) -> None:
        self.num_classes, self.log_scale = problem.num_classes, problem.log_union
        classes = np.flatnonzero(problem.priors > 0) if math.isfinite(self.log_scale) else np.zeros(0, dtype=np.int64)
        thresholds = problem.thresholds(classes)
        certain = thresholds.min(axis=1, initial=math.inf) == -math.inf
        self.certain_pairs = np.stack([classes[certain], thresholds[certain].argmin(axis=1)], axis=1)
        self.certain_values = np.exp(problem.log_priors[classes[certain]] - self.log_scale)
        cells = [cell for c in classes[~certain] for cell in _class_cells(problem, int(c))]
        self.sent = np.array([cell.sent for cell in cells], dtype=np.int64)
        self.decoded = np.array([cell.decoded for cell in cells], dtype=np.int64)
        self.start = np.array([cell.start for cell in cells])
        self.rest = np.array([cell.rest for cell in cells])
        log_probabilities = np.array([cell.log_probability for cell in cells])
        self.shares = np.exp(log_probabilities + problem.log_priors[self.sent] - self.log_scale)
        self.num_steps = max((len(cell.steps) for cell in cells), default=0)
        self.lower = [_side_by_side(cells, step, False) for step in range(self.num_steps)]
        self.upper = [_side_by_side(cells, step, True) for step in range(self.num_steps)]
        self.importance = self._pilot()

    def _pilot(self) -> Array:
        """(n,) how many points a cell needs, next to the one that needs most: errors fall faster than their number."""
        generator = np.random.Generator(np.random.Philox(0))  # the stream of no chunk
        means = self.products(np.arange(len(self.sent)), *self.points(generator, _PILOT))
        sizes = self.shares * (means + 1 / _PILOT**2)  # a cell that few points have missed still gets its share
        return np.asarray(np.sqrt(sizes / (np.max(sizes, initial=0) or 1.0)))  # all 0: certain errors hide the rest

    def points(self, generator: np.random.Generator, number: int) -> tuple[Array, Array]:
        """Scrambled Sobol points (steps, number) and a digital shift for each cell (n, steps), as integers."""
        sobol = qmc.Sobol(max(1, self.num_steps), scramble=True, seed=generator).random(number)
        shifts = generator.integers(1 << _BITS, size=(len(self.sent), sobol.shape[1]))
        return (sobol.T * 2.0**_BITS).astype(np.int64), shifts

    def products(self, cells: Array, points: Array, shifts: Array) -> Array:
        """Means of the products of conditional probabilities."""
        step = max(1, _BATCH // points.size)
        parts = [self._products(cells[i : i + step], points, shifts) for i in range(0, len(cells), step)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _products(self, cells: Array, points: Array, shifts: Array) -> Array:
        """For so few cells that all fits into the cache."""
        uniform = ((points ^ shifts[cells][:, :, None]) + 0.5) * 2.0**-_BITS
        drawn = np.empty((len(cells), self.num_steps, points.shape[1]))
        result = np.ones((len(cells), points.shape[1]))
        rest, start = self.rest[cells, None], np.broadcast_to(self.start[cells, None], result.shape)
        following = truncated_normal(start, rest + (1 - rest) * uniform[:, 0])
        for step in range(self.num_steps):
            drawn[:, step] = following
            low, high = (
                levels[cells][:, :, None] - coefficients[cells] @ drawn[:, : step + 1]
                for coefficients, levels in (self.lower[step], self.upper[step])
            )
            probability, following = _conditional(
                low.max(axis=1, initial=-math.inf),
                high.min(axis=1, initial=math.inf) if high.shape[1] else None,
                uniform[:, step + 1] if step + 1 < self.num_steps else None,
            )
            result *= probability
        return np.asarray(result.mean(axis=1))


def _side_by_side(cells: list[_Cell], step: int, upper: bool) -> tuple[Array, Array]:
    """(n, a, step + 1) coefficients and (n, a) levels of what bounds a coordinate from below, or from above."""
    chosen = [_one_side(cell, step, upper) for cell in cells]
    most = max(len(levels) for _, levels in chosen)
    coefficients = np.zeros((len(cells), most, step + 1))
    levels = np.full((len(cells), most), math.inf if upper else -math.inf)
    for i, (own_coefficients, own_levels) in enumerate(chosen):
        coefficients[i, : len(own_levels)], levels[i, : len(own_levels)] = own_coefficients, own_levels
    return coefficients, levels


def _one_side(cell: _Cell, step: int, upper: bool) -> tuple[Array, Array]:
    if step >= len(cell.steps):
        return np.zeros((0, step + 1)), np.zeros(0)
    coefficients, levels, is_upper = cell.steps[step]
    return coefficients[is_upper == upper], levels[is_upper == upper]


def _conditional(low: Array, high: Array | None, uniform: Array | None) -> tuple[Array, Array]:
    """P(low <= y <= high), and y given that, at these quantiles from above; in the tail that is nearer."""
    if high is None:
        probability = special.ndtr(-low)
        return probability, low if uniform is None else _finite(-special.ndtri(uniform * probability))
    right = low > 0
    first, last = np.where(right, -high, low), np.where(right, -low, high)
    before = special.ndtr(first)
    probability = np.maximum(special.ndtr(last) - before, 0)
    if uniform is None:
        return probability, low
    quantiles = special.ndtri(before + np.where(right, uniform, 1 - uniform) * probability)
    return probability, _finite(np.where(right, -quantiles, quantiles))


def _finite(coordinates: Array) -> Array:
    """Where a probability was 0 in floats, the coordinate is of no account."""
    return np.clip(coordinates, -_FARTHEST, _FARTHEST)


@lru_cache(maxsize=2)
def _plan(problem: Problem) -> _Plan:
    """The plan of a problem, made once for all its chunks; two are kept, for comparisons."""
    return _Plan(problem)


def _replicate(plan: _Plan, generator: np.random.Generator, size: int) -> Replicate:
    """One estimate, from more points for the cells that matter more."""
    most = 2 ** max(math.ceil(math.log2(size)), 0)
    numbers = 2 ** np.round(np.log2(np.maximum(most * plan.importance, min(_LEAST, most)))).astype(np.int64)
    points, shifts = plan.points(generator, most)
    values = np.zeros(len(plan.sent))
    for number in np.unique(numbers):
        cells = np.flatnonzero(numbers == number)
        values[cells] = plan.shares[cells] * plan.products(cells, points[:, :number], shifts)
    pairs = np.concatenate([plan.certain_pairs, np.stack([plan.sent, plan.decoded], axis=1)])
    values = np.concatenate([plan.certain_values, values])
    class_values = np.bincount(pairs[:, 0], values, plan.num_classes)
    return Replicate(
        log_scale=plan.log_scale,
        value=float(class_values.sum()),
        class_values=freeze(class_values),
        pairs=freeze(pairs),
        pair_values=freeze(values),
        num_points=int(numbers.sum()),
    )
