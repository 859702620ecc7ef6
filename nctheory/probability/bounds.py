"""Rigorous bounds on the error probability, rounded outward, in logarithms: valid at every noise.

Given class c the error is a union of half-spaces. With S their probabilities' sum, the union bound is S, Hunter's bound
takes the probabilities of the pairs along a tree off it, Bonferroni's takes all pairs of some half-spaces off the sum
of these, and de Caen's is the sum of p_j^2 / sum_k p_jk. Probabilities of pairs come from above or below, whichever
keeps the bound one. Half-spaces count one by one where they are among the `_SINGLES` most likely of their class; up to
`_MANY` classes, the others count too, in `_BUCKETS` buckets, where two normals are not nearer to each other than the
rows' least distances allow. Each class takes its best bound; the cone bound is one for the mean over the classes.
"""

import math
from fractions import Fraction
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
from flint import arb, fmpq
from scipy import special

from nctheory.arrays import Array
from nctheory.gaussian import cone_error, simplex_error
from nctheory.gaussian_logs import SLACK, log_both, log_both_lower, log_both_upper, log_sums
from nctheory.probability.problem import Problem

__all__ = ["Bounds", "all_bounds", "bounds", "class_bounds"]

LOWER, UPPER = ("single", "de Caen", "Bonferroni"), ("union", "Hunter")

_SINGLES = {64: 64, 2048: 48}  # half-spaces of a class that count one by one, up to so many classes; else _FEW
_FEW = 16
_MANY = 2048
_BUCKETS = 12
_SHARP = 1 << 15  # pairs, of all classes, whose probability is integrated; beyond, bounds in closed form
_DROP = 60.0  # half-spaces this far below the most likely one, in logarithms, are left out where that is allowed
_SHARE = math.log(16)  # half-spaces with a smaller share of the union bound than 1/16 are left alone
_UNIT_ROUNDOFF = 2.0**-53
_SUM = 1e-11  # what a sum of positive numbers may be off by, relatively
_LOGARITHM = 2e-15  # what rounding takes off a logarithm, relatively
_TINY = 1e-300  # above every error of a sum of products that underflow can cause after scaling
_DEEP = 1e-300  # the cone bound is not worth its time where it is below this


class Bounds(NamedTuple):
    """Logarithms of bounds on an error probability, and which ones they are."""

    log_lower: float
    log_upper: float
    lower: str
    upper: str


def bounds(problem: Problem, *, conjectured: bool = False) -> Bounds:
    """The best rigorous bounds on the error probability.

    Formula:
        Of a class: max_j p_j, sum_j p_j^2 / sum_k p_jk and sum_j p_j - sum_(j < k) p_jk over some half-spaces, from
        below; sum_j p_j and sum_j p_j - sum_tree p_jk, from above. Of all: Shannon's cone, from below; 1 - 1/K, from
        above, for the nearest-mean decoder of equally likely, different class means in white noise.
    Args:
        problem: a Problem.
        conjectured: whether the error of the simplex counts as a lower bound too, which a preprint proves.
    Assumes:
        Ties count as errors. The cone (and the simplex) need white noise; class means lie in a ball, whose radius they
        are scaled by, and with unequal priors p the bound is K min p times it.
    Returns:
        (log_lower, log_upper, lower, upper), the last two being names; -inf and 0 where nothing is known. Where each
        class takes another bound, the name is that of the best one alone.
    Raises:
        Nothing.
    Reference:
        hunter1976; decaen1997; shannon1959, for the cone; weak_simplex in the catalogue of theorems.
    Example:
        >>> from nctheory import simplex_etf
        >>> from nctheory.probability.problem import Problem
        >>> found = bounds(Problem.of(simplex_etf(10), 0.2))
        >>> print(f"{found.log_lower:.3f} {found.log_upper:.3f} {found.lower} {found.upper}")
        -7.141 -7.065 Bonferroni Hunter
    """
    of_class = _of_classes(problem)
    lower, upper = all_bounds(problem, conjectured=conjectured)
    best_low, best_high = class_bounds(problem)
    low, high = _mean(problem, best_low, -1), _mean(problem, best_high, 1)
    low_name = max((name for name in lower if name in of_class), key=lambda name: lower[name])
    high_name = min((name for name in upper if name in of_class), key=lambda name: upper[name])
    for name in lower.keys() - of_class.keys():
        low, low_name = max((low, low_name), (lower[name], name))
    for name in upper.keys() - of_class.keys():
        high, high_name = min((high, high_name), (upper[name], name))
    return Bounds(low, high, low_name, high_name)


def all_bounds(problem: Problem, *, conjectured: bool = False) -> tuple[dict[str, float], dict[str, float]]:
    """Every bound by name: those from below, and those from above.

    Formula:
        As for `bounds`, each of "single", "de Caen", "Bonferroni", "union" and "Hunter" for all classes alike.
    Args:
        problem: a Problem.
        conjectured: whether "simplex" is among them.
    Assumes:
        As for `bounds`; "cone", "simplex" and "guessing" are there where they apply, the first two down to 1e-300.
    Returns:
        Two dictionaries of logarithms.
    Raises:
        Nothing.
    Reference:
        hunter1976; decaen1997; shannon1959.
    Example:
        >>> from nctheory.probability.problem import Problem
        >>> lower, upper = all_bounds(Problem.of([[1.0], [-1.0]], 0.5))
        >>> sorted(lower), sorted(upper)
        (['Bonferroni', 'cone', 'de Caen', 'single'], ['Hunter', 'guessing', 'union'])
    """
    of_class = _of_classes(problem)
    lower = {name: _mean(problem, of_class[name], -1) for name in LOWER}
    upper = {name: _mean(problem, of_class[name], 1) for name in UPPER}
    return lower | _of_any_code(problem, conjectured), upper | _of_guessing(problem)


def class_bounds(problem: Problem) -> tuple[Array, Array]:
    """The best bounds on the logarithm of P(error | class), for every class.

    Formula:
        As for `bounds`, those of a class.
    Args:
        problem: a Problem.
    Assumes:
        Ties count as errors.
    Returns:
        (K,) and (K,), from below and from above.
    Raises:
        Nothing.
    Reference:
        hunter1976; decaen1997.
    Example:
        >>> from nctheory.probability.problem import Problem
        >>> lower, upper = class_bounds(Problem.of([[1.0], [-1.0]], 0.5))
        >>> bool((lower < upper).all() and (upper - lower < 1e-10).all())
        True
    """
    of_class = _of_classes(problem)
    return np.max([of_class[name] for name in LOWER], axis=0), np.min([of_class[name] for name in UPPER], axis=0)


def _mean(problem: Problem, logs: Array, outward: int) -> float:
    """The logarithm of the mean of the classes, rounded down (-1) or up (1)."""
    return min(float(_moved(log_sums(problem.log_priors + logs), outward * _SUM)), 0.0)


def _moved(logs: Any, slack: float) -> Any:
    """Logarithms up or down by a relative error of the numbers, and by what rounding takes off a logarithm."""
    return logs + slack + math.copysign(_LOGARITHM, slack) * (1 + np.abs(np.where(np.isinf(logs), 0, logs)))


# ----------------------------------------------------------------------------------------------------- of all classes


def _of_any_code(problem: Problem, conjectured: bool) -> dict[str, float]:
    """Lower bounds for any code in the ball of the class means, in white noise."""
    num_classes = problem.num_classes
    least = min(problem.exact_priors)
    if problem.covariances or num_classes < 2 or least == 0:
        return {}
    radius, dimension = _ball(problem)
    if radius == 0:
        return {}
    noise = fmpq(problem.exact_noise.numerator, problem.exact_noise.denominator) / radius
    if not 0 < float(arb(noise)) < math.inf:
        return {}
    share = fmpq(least.numerator, least.denominator) * num_classes
    formulas = {"cone": partial(cone_error, num_classes, dimension)}
    if conjectured:
        formulas["simplex"] = partial(simplex_error, num_classes)
    worth = [name for name, formula in formulas.items() if formula(float(arb(noise))) > _DEEP]
    return {name: _log_below(share * formulas[name](noise)) for name in worth}


def _log_below(ball: arb) -> float:
    lower = ball.lower()
    return math.nextafter(float(lower.log().lower()), -math.inf) if lower > 0 else -math.inf


def _ball(problem: Problem) -> tuple[fmpq, int]:
    """A radius of a ball around all class means, and the dimension that counts: one more, unless on its boundary."""
    means = problem.configuration.class_means
    squares = _exact_squares(problem)
    if squares is not None and len(set(squares)) == 1 and squares[0] > Fraction(1, 2**60):
        return _root_above(squares[0]), problem.configuration.dimension
    if not problem.configuration.has_coordinates:
        return _root_above(_exact_square(problem.configuration.exact.fractions())), problem.configuration.dimension + 1
    power = int(np.frexp(np.abs(means).max())[1])
    scaled = np.ldexp(means, -power)
    distances = np.linalg.norm(scaled - scaled.mean(axis=0), axis=1)
    slack = (8 * means.shape[1] + 64) * _UNIT_ROUNDOFF
    radius = distances.max() * (1 + slack) + slack * np.abs(scaled).max()
    return fmpq(*float(radius).as_integer_ratio()) * fmpq(2) ** power, problem.configuration.dimension + 1


def _root_above(square: Fraction) -> fmpq:
    """Little more than the square root."""
    bits = max(0, 120 + square.denominator.bit_length() - square.numerator.bit_length()) // 2
    return fmpq(math.isqrt(int(square * 4**bits)) + 1, 2**bits)


def _exact_square(gram: Array) -> Fraction:
    """The largest squared distance of a row from their mean."""
    count = len(gram)
    sums = gram.sum(axis=1)
    return Fraction(max(np.diagonal(gram) - 2 * sums / count + sums.sum() / count**2))


def _exact_squares(problem: Problem) -> list[Fraction] | None:
    """The squared norms of the class means, where they are few numbers."""
    configuration = problem.configuration
    if not configuration.has_coordinates:
        return list(np.diagonal(configuration.exact.fractions()))
    if configuration.class_means.size > _SHARP:
        return None
    return list((configuration.exact.fractions() ** 2).sum(axis=1))


def _of_guessing(problem: Problem) -> dict[str, float]:
    """The best decoder is right at least as often as a guess."""
    best = problem.configuration.decoder == "nearest_mean" and not problem.covariances
    if not best or len(set(problem.exact_priors)) > 1:
        return {}
    apart = problem.num_classes > 1 and _of_classes(problem)["nearest"].min() > 0
    return {"guessing": float(_moved(math.log1p(-1 / problem.num_classes), _LOGARITHM))} if apart else {}


# ---------------------------------------------------------------------------------------------------------- of a class


def _of_classes(problem: Problem) -> dict[str, Array]:
    """(K,) logarithms of each bound on P(error | class), and the nearest thresholds."""
    if "bounds" not in problem.kept:
        distances = _Distances(problem)
        found = [
            _of_class(c, near, far, distances)
            for classes in problem.class_blocks()
            for c, near, far in zip(classes.tolist(), *problem.threshold_intervals(classes), strict=True)
        ]
        problem.kept["bounds"] = {name: np.array([values[name] for values in found]) for name in found[0]}
    known: dict[str, Array] = problem.kept["bounds"]
    return known


def _of_class(c: int, near: Array, far: Array, distances: "_Distances") -> dict[str, float]:
    """Bounds from thresholds between `near` and `far`; certain events and impossible ones need no pairs."""
    high, low = (_moved(special.log_ndtr(-t), slack) for t, slack in ((near, _LOGARITHM), (far, -_LOGARITHM)))
    high[np.isposinf(near)], low[np.isposinf(far)], low[np.isneginf(far)] = -math.inf, -math.inf, 0.0
    single, union = min(float(low.max()), 0.0), min(float(_moved(log_sums(high), _SUM)), 0.0)
    found = dict.fromkeys(LOWER, single) | dict.fromkeys(UPPER, union) | {"nearest": float(near.min())}
    if single == 0 or union == -math.inf or np.isfinite(near).sum() < 2:
        return found
    walls = _Walls(c, near, far, high, low, distances)
    if not walls.matter:
        return found
    found["Bonferroni"], found["de Caen"] = (max(single, value) for value in walls.lower())
    found["Hunter"] = min(union, walls.hunter())
    return found


class _Walls:
    """The half-spaces of a class that count: some one by one, then buckets of others, the most likely first."""

    def __init__(self, c: int, near: Array, far: Array, high: Array, low: Array, distances: "_Distances") -> None:
        self.c, self.near, self.far, self.high, self.low, self.distances = c, near, far, high, low, distances
        likely = np.flatnonzero(high > high.max() - _DROP)
        if not distances.has_buckets and len(likely) > distances.singles:
            likely = likely[np.argpartition(near[likely], distances.singles)[: distances.singles]]
        self.order = likely[np.argsort(near[likely], kind="stable")]
        self.singles, self.rest = np.split(self.order, [distances.singles])

    @property
    def matter(self) -> bool:
        """Whether the half-spaces that count are not too few to be worth their pairs."""
        return bool(log_sums(self.high[self.order]) > log_sums(self.high) - _SHARE)

    @cached_property
    def _correlations(self) -> tuple[Array, Array]:
        return self.distances.correlations(self.c, self.singles)

    @cached_property
    def _pairs_above(self) -> Array:
        """(n, n) at least log p_jk of the singles."""
        return self._both(self.near, self._correlations[1], log_both_upper, 1)

    @cached_property
    def _pairs_below(self) -> Array:
        """(n, n) at most log p_jk of the singles."""
        return self._both(self.far, self._correlations[0], log_both_lower, -1)

    def _both(self, thresholds: Array, correlations: Array, bound: Any, sign: int) -> Array:
        """Bounds in closed form, and by quadrature where there are few enough to integrate."""
        t = thresholds[self.singles]
        i, j = np.triu_indices(len(t), 1)
        values = bound(t[i], t[j], correlations[i, j])
        if self.distances.is_sharp:
            with np.errstate(all="ignore"):
                sharp = log_both(np.maximum(t[i], 0), np.maximum(t[j], 0), correlations[i, j])
                sharp = sharp + sign * (SLACK + 1e-13 * np.abs(sharp))
            usable = (t[i] > 0) & (t[j] > 0) & np.isfinite(sharp)
            values = np.where(usable, sign * np.minimum(sign * sharp, sign * values), values)
        table = np.full((len(t), len(t)), -math.inf)
        table[i, j] = table[j, i] = values
        return table

    # ------------------------------------------------------------------------------------------------ from below

    def lower(self) -> tuple[float, float]:
        """Bonferroni's bound for the best number of half-spaces, taken in order, and de Caen's."""
        blocks = [np.array([j]) for j in self.singles]
        blocks += [part for part in np.array_split(self.rest, _BUCKETS) if len(part)]
        counts = np.array([len(block) for block in blocks])
        scale = self.low[self.order].max()
        pairs = np.exp(self._block_pairs(blocks) - scale) + 1e-300
        sums = np.array([np.exp(self.low[block] - scale).sum() for block in blocks])
        inner = counts * (counts - 1) / 2 * np.diagonal(pairs)
        across = np.tril(pairs * counts[:, None] * counts, -1).sum(axis=1)
        totals, taken = np.cumsum(sums), np.cumsum(inner + across)
        bonferroni = float((totals * (1 - _SUM) - taken * (1 + _SUM)).max())
        others = pairs @ counts - np.diagonal(pairs)
        caen = 0.0
        for block, other in zip(blocks, others, strict=True):
            caen += float((np.exp(2 * (self.low[block] - scale)) / (np.exp(self.high[block] - scale) + other)).sum())
        logs = (math.log(value) if value > 0 else -math.inf for value in (bonferroni, caen))
        best, second = (min(float(_moved(scale + log, -_SUM)), 0.0) for log in logs)
        return best, second

    def _block_pairs(self, blocks: list[Array]) -> Array:
        """(B, B) at least log p_jk for j and k in two blocks."""
        size, count = len(self.singles), len(blocks)
        table = np.full((count, count), -math.inf)
        table[:size, :size] = self._pairs_above
        if count > size:
            near = np.array([self.near[block].min() for block in blocks])
            largest = self.distances.largest_correlations(self.c, blocks)
            i, j = np.nonzero((np.arange(count)[:, None] >= np.arange(count)) & (np.arange(count)[:, None] >= size))
            table[i, j] = table[j, i] = log_both_upper(near[i], near[j], largest[i, j])
        return table

    # ------------------------------------------------------------------------------------------------ from above

    def hunter(self) -> float:
        """The union bound less the pairs of a tree: the best one on the singles, to which each other one is joined."""
        scale = self.high.max()
        total = float(np.exp(self.high - scale).sum()) * (1 + _SUM)
        taken = _largest_tree(np.exp(self._pairs_below - scale))
        if len(self.rest):
            joined = [self._joined(int(j)) for j in self.singles[:2]]
            taken += float(np.exp(np.max(joined, axis=0) - scale).sum())
        left = total - taken * (1 - _SUM)
        return min(float(_moved(scale + math.log(left), _SUM)), 0.0) if left > 0 else 0.0

    def _joined(self, hub: int) -> Array:
        """At most log p_jk of all half-spaces that are left and one."""
        low = self.distances.with_one(self.c, hub, self.rest)
        return log_both_lower(np.full(len(self.rest), self.far[hub]), self.far[self.rest], low)


def _largest_tree(weights: Array) -> float:
    """The weight of a spanning tree, by Prim."""
    best, total = weights[0].copy(), 0.0
    best[0] = -1
    for _ in range(len(weights) - 1):
        j = int(best.argmax())
        total += float(best[j])
        best = np.where(best < 0, best, np.maximum(best, weights[j]))
        best[j] = -1
    return total


# ------------------------------------------------------------------------------------------- distances, as intervals


class _Distances:
    """Correlations of the normals of a class, from squared distances of decoder rows with bounds on their errors."""

    def __init__(self, problem: Problem) -> None:
        num_classes = problem.num_classes
        self.problem = problem
        self.singles = next((count for most, count in _SINGLES.items() if num_classes <= most), _FEW)
        self.has_buckets = num_classes <= _MANY and problem.shared
        self.is_sharp = num_classes * min(num_classes, self.singles) ** 2 / 2 <= _SHARP
        self.relative = (8 * problem.configuration.dimension + 64) * _UNIT_ROUNDOFF

    @cached_property
    def _rows(self) -> Array:
        """(K, d) decoder rows less their mean, in the given coordinates: reduced ones may leave directions out."""
        return self.problem.centered()

    @cached_property
    def _sizes(self) -> Array:
        """(K,) squared norms of the decoder rows."""
        return np.asarray(np.einsum("ij,ij->i", self._rows, self._rows))

    @cached_property
    def _covariances(self) -> list[Array]:
        """(d, d) each, divided by its largest entry: correlations are the same."""
        parts = [covariance.astype(np.float64) for covariance in self.problem.covariances]
        scaled = [part / (np.abs(part).max() or 1.0) for part in parts]
        return [(part + part.T) / 2 for part in scaled]

    @cached_property
    def _table(self) -> tuple[Array, Array]:
        every = np.arange(self.problem.num_classes)
        return self._make_squares(0, every, every)

    def _squares(self, c: int, i: Any, j: Array) -> tuple[Array, Array]:
        """(n, m) squared distances of rows i from rows j, or (m,) of one row, and bounds on their errors."""
        if self.has_buckets:
            chosen = np.ix_(i, j) if np.ndim(i) else (i, j)
            return self._table[0][chosen], self._table[1][chosen]
        distances, errors = self._make_squares(c, np.atleast_1d(i), j)
        return (distances, errors) if np.ndim(i) else (distances[0], errors[0])

    def _make_squares(self, c: int, i: Array, j: Array) -> tuple[Array, Array]:
        if self.problem.has_form:
            return self._exact_squares(c, i, j)
        left, right, sizes = self._rows[i], self._rows[j], self._sizes
        images = left, right
        if self._covariances:
            covariance = self._covariances[0 if self.problem.shared else c]
            images = left @ covariance, right @ covariance
            sizes = sizes * (2 * np.abs(covariance).sum(axis=1).max())
        own, others = (np.einsum("ij,ij->i", *pair) for pair in zip((left, right), images, strict=True))
        squares = np.maximum(own[:, None] + others - 2 * (images[0] @ right.T), 0)
        return squares, self.relative * (sizes[i][:, None] + sizes[j]) + _TINY

    def _exact_squares(self, c: int, i: Array, j: Array) -> tuple[Array, Array]:
        """Relative to the largest <w, Sigma w>, from integers."""
        form = self.problem.form(c).integers
        own = np.diagonal(form)
        integers = np.maximum(own[i][:, None] + own[j] - 2 * form[np.ix_(i, j)], 0)
        squares = (integers / max(*own, 1)).astype(np.float64)
        return squares, self.relative * squares + _TINY

    def correlations(self, c: int, rivals: Array) -> tuple[Array, Array]:
        """(n, n) bounds on the correlations of the normals of some rivals, from below and from above."""
        own, own_error = self._squares(c, c, rivals)
        between, error = self._squares(c, rivals, rivals)
        return _correlations(own[:, None], own_error[:, None], own, own_error, between, error)

    def with_one(self, c: int, hub: int, rivals: Array) -> Array:
        """(n,) at most the correlations of the normals of some rivals with that of one."""
        one, one_error = self._squares(c, c, np.array([hub]))
        between = self._squares(c, hub, rivals)
        return _correlations(one, one_error, *self._squares(c, c, rivals), *between)[0]

    @cached_property
    def _nearest(self) -> Array:
        """(K,) at most the squared distance of each row from the nearest other one."""
        least = self._table[0] - self._table[1]
        np.fill_diagonal(least, math.inf)
        return np.asarray(np.maximum(least.min(axis=1), 0))

    def largest_correlations(self, c: int, blocks: list[Array]) -> Array:
        """(B, B) at least the correlation of the normals of any j and k in two blocks.

        With lengths a and b, and D the least distance of either row, it is at most (a/b + b/a) / 2 - D^2 / (2 a b).
        """
        own, error = self._squares(c, c, np.concatenate(blocks))
        starts = np.cumsum([0, *(len(block) for block in blocks[:-1])])
        least = np.sqrt(np.maximum(np.minimum.reduceat(own - error, starts), 0))
        most = np.sqrt(np.maximum.reduceat(own + error, starts))
        nearest = np.array([self._nearest[block].min() for block in blocks])
        apart = np.maximum(nearest[:, None], nearest)
        with np.errstate(divide="ignore", invalid="ignore"):
            quotient = np.maximum(most[:, None] / least, most / least[:, None])
            bound = (quotient + 1 / quotient) / 2 - apart / (2 * most[:, None] * most) + 1e-12
        return np.where(np.isfinite(bound), np.minimum(bound, 1), 1.0)


def _correlations(
    first: Any, first_error: Any, second: Array, second_error: Array, between: Array, error: Array
) -> tuple[Array, Array]:
    """Bounds on (a^2 + b^2 - c^2) / (2 a b) for squared lengths with errors."""
    with np.errstate(all="ignore"):
        product = 2 * np.sqrt(first * second)
        middle = (first + second - between) / product
        slack = (first_error + second_error + error) / product
        slack = slack + (np.abs(middle) + slack) * (first_error / first + second_error / second) + 1e-15
        known = (first_error < first / 4) & (second_error < second / 4) & np.isfinite(slack) & np.isfinite(middle)
        low, high = np.maximum(middle - slack, -1), np.minimum(middle + slack, 1)
    return np.where(known, low, -1.0), np.where(known, high, 1.0)
