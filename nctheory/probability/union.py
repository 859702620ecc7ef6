"""The error probability by sampling points where the decoder errs, one or two coordinates of them integrated exactly.

Given class c the decoder errs on a union of half-spaces H_k. A point z is drawn from the mixture of normals conditioned
on one of them, in proportion to their probabilities; with N(z) the number of half-spaces that hold z, 1 / N(z) has the
mean P(union) / S_c, S_c = sum_k P(H_k). What is averaged here is the conditional mean of 1 / N given all of z but

- its coordinate along a unit vector e_c, where half-spaces are likely: P(union | rest) / sum_k P(H_k | rest), in which
  each half-space is a tail of that coordinate;
- where they are not, its radius in the plane of e_c and of an idle coordinate that no half-space looks at: in the same
  quotient, tails of the normal coordinate become exp(-x^2 / 2), which takes a tenth of the time.

Both lie in [1/m, 1] for m half-spaces. Each point comes with its mirror image in the plane of the drawn half-space's
normal and e_c and outside of it. Where inner products with all decoder rows are the costly part, an observation is the
mean over up to eight drawn half-spaces, in strata, as are the coordinates in their planes; the rest of z is one normal
vector, parts of which change their signs in orthogonal patterns: its inner products, made part by part, serve as many
nearly independent points. Observations are independent of each other.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import linalg, special

from nctheory.arrays import Array, freeze, positive_integer
from nctheory.errors import InputError
from nctheory.probability.problem import Problem
from nctheory.sampling import chunk_generator, one_thread, truncated_normal

__all__ = ["Chunk", "merge", "sample"]

_LIKELY = math.log(0.1)  # a union bound from which on the coordinate alone is integrated
_MOST_DRAWS = 8  # half-spaces for one observation, a power of two
_NORMAL, _PRODUCT, _DRAW, _TERM = 12, 0.04, 400, 25  # nanoseconds, or their ratios: what points cost
_TABLES = 1 << 23  # numbers in a table of all ordered pairs, up to which it is kept
_CLOSE = 1e-3  # rows this near, relatively, are subtracted before they are multiplied
_STRAIGHT = 1e-4  # the sine of an angle to e_c, below which a normal counts as parallel for the strata
_BATCH = 1 << 20  # inner products held at once
_LARGE_BATCH = 1 << 22  # and where a batch makes its own tables
_CACHED = 1 << 16  # numbers that a pass over memory takes at once
_SMALL = 1e-150  # lengths along e_c are at least this
_LARGE = 1e300


@dataclass(frozen=True, eq=False)
class Chunk:
    """Independent `observations` (n,) in [`least`, 1], whose mean times exp(`log_scale`) is the error probability.

    `class_sums` / `class_counts` (K,) times the union bound of a class is its own error probability; `pair_sums` (m,)
    are in proportion to the probabilities of the confusions `pairs` (m, 2): sent, decoded. A class that is certainly
    wrong is taken for a rival that always beats it.
    """

    log_scale: float
    least: float
    observations: Array
    class_sums: Array
    class_counts: Array
    pairs: Array
    pair_sums: Array


def sample(problem: Problem, seed: int, index: int, size: int) -> Chunk:
    """Chunk number `index` of a simulation: independent observations of P / S in [1 / max(2, K - 1), 1].

    Formula:
        P = S E[X] with S = sum_c pi_c S_c, S_c = sum_k Q(t_ck). Class c is drawn with probability pi_c S_c / S, then
        half-space j with Q(t_cj) / S_c, and z is normal given <a_cj, z> >= t_cj. With e_c along sum_j Q(t_cj) a_cj and
        v = z - <e_c, z> e_c, H_k has along e_c the threshold s_k = (t_ck - <a_ck, v>) / <a_ck, e_c>. Where every
        <a_ck, e_c> is positive, X = Q(min_k s_k) / sum_k Q(s_k), or, with b = 1 + g^2 / <e_c, z>^2 for an idle standard
        normal g, X = max_k E_k / sum_k E_k, E_k = exp(-b max(s_k, 0)^2 / 2); otherwise there are lower tails, too.
    Args:
        problem: the half-spaces and priors.
        seed: an integer; with `index`, it determines every bit of the answer on one machine.
        index: the number of the chunk.
        size: the number of observations, each of them the mean over 2, 4, 8 or 16 points.
    Assumes:
        Nothing about the configuration: margins may be 0 or negative, rows equal, S above 1. Ties count as errors.
    Returns:
        Chunk. Its observations are unbiased, and their variance is never above that of 1 / N for one point.
    Raises:
        InputError: a size that is no integer of at least 1.
    Reference:
        owen2019 (the estimator 1 / N).
    Example:
        >>> from nctheory import gaussian
        >>> from nctheory.constructions import simplex_etf
        >>> chunk = sample(Problem.of(simplex_etf(10), 0.2), seed=0, index=0, size=1000)
        >>> value = math.exp(chunk.log_scale) * chunk.observations.mean()
        >>> bool(abs(value / gaussian.simplex_error(10, 0.2) - 1) < 0.01)
        True
    """
    size = positive_integer(size, "size")
    generator = chunk_generator(seed, index)
    with one_thread(), np.errstate(all="ignore"):
        plan = _plan(problem)
        return _chunk(plan, generator, size) if plan.possible else _no_error(plan, size)


def merge(chunks: Iterable[Chunk]) -> Chunk:
    """Several chunks of one problem as one, in the order in which they are given.

    Formula:
        Observations one after the other; sums and counts added up.
    Args:
        chunks: at least one, by `sample`, with different indices.
    Assumes:
        All are of the same problem.
    Returns:
        Chunk.
    Raises:
        InputError: no chunk, or chunks with different union bounds.
    Reference:
        none: it is the definition.
    Example:
        >>> problem = Problem.of([[1.0], [-1.0]], 0.5)
        >>> len(merge([sample(problem, 0, index, 10) for index in range(3)]).observations)
        30
    """
    listed = list(chunks)
    if len({chunk.log_scale for chunk in listed}) != 1:
        raise InputError(f"chunks has {len(listed)} chunks of different problems, expected some of one problem")
    first = listed[0]
    pairs, pair_sums = added(
        np.concatenate([chunk.pairs for chunk in listed]), np.concatenate([chunk.pair_sums for chunk in listed])
    )
    return Chunk(
        log_scale=first.log_scale,
        least=first.least,
        observations=freeze(np.concatenate([chunk.observations for chunk in listed])),
        class_sums=freeze(np.sum([chunk.class_sums for chunk in listed], axis=0)),
        class_counts=freeze(np.sum([chunk.class_counts for chunk in listed], axis=0)),
        pairs=freeze(pairs),
        pair_sums=freeze(pair_sums),
    )


def added(pairs: Array, weights: Array) -> tuple[Array, Array]:
    """Every pair once, in order, with the sum of its weights."""
    if not len(pairs):
        return pairs, weights
    found, inverse = np.unique(pairs, axis=0, return_inverse=True)
    return found, np.bincount(inverse.ravel(), weights)


# ------------------------------------------------------------------------------------------------- what is set up once


@dataclass(frozen=True, eq=False)
class _Tables:
    """What is known of some classes, a row for each: given v = z - <e, z> e, H_k ends where <e, z> is
    shift_k - inverse_k <R_k - R_c, v>, its upper part where inverse_k >= 0.
    """

    direct: Array  # (n,) whether R are the differences of rows, not the rows that all classes share
    shift: Array  # (n, K) t_k / <a_k, e>
    inverse: Array  # (n, K) 1 / <R_k - R_c, e>; 0 beside an infinite shift
    lengths: Array  # (n, K) |R_k - R_c|
    directions: Array  # (n, r) e
    cumulative: Array  # (n K,) number of the row + the probability of rivals up to k
    last: Array  # (n,) the last rival that can be drawn

    def find_rivals(self, position: Array, shares: Array) -> Array:
        """The rivals up to which the probabilities in a row add up to more than these shares."""
        num_classes = self.shift.shape[1]
        found = np.searchsorted(self.cumulative, position + shares, side="right") - position * num_classes
        return np.asarray(np.clip(found, 0, self.last[position]))


class _Plan:
    """The tables of a problem, of all classes if they are not too large, else made for the classes that are drawn."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.num_classes = problem.num_classes
        self.log_scale = problem.log_union
        self.least = 1 / max(2, self.num_classes - 1)
        self.likely = problem.log_unions > _LIKELY
        self.possible = math.isfinite(self.log_scale)
        if self.possible:
            self._set_up()

    def _set_up(self) -> None:
        problem = self.problem
        chances = np.exp(problem.log_priors + problem.log_unions - self.log_scale)
        self.cumulative = np.cumsum(chances) / chances.sum()
        self.rank = max(problem.rank(c) for c in range(1 if problem.shared else self.num_classes))
        keeps = self.num_classes * max(self.num_classes, self.rank) <= _TABLES and problem.shared
        keeps = keeps or self.num_classes**2 * self.rank <= _TABLES
        self.num_draws = _num_draws(self.num_classes, self.rank) if keeps else _MOST_DRAWS
        self.rotation = _rotation(self.rank) if self.num_draws > 1 and keeps else None
        self.rows = self._rotated(problem.rows()) if problem.shared else None
        self.differences: dict[int, Array] = {}
        self.tables = self.make_tables(np.arange(self.num_classes)) if keeps else None
        self.gram = self.rows @ self.rows.T if keeps and self.rows is not None else None

    def _rotated(self, rows: Array) -> Array:
        return rows if self.rotation is None else rows @ self.rotation[: rows.shape[1]]

    def own_rows(self, c: int) -> Array:
        """(K, r) differences of the rows and that of class c, without cancellation."""
        if c not in self.differences:
            if len(self.differences) * self.num_classes * self.rank > _TABLES:
                self.differences.clear()
            rows = self._rotated(self.problem.differences(c))
            self.differences[c] = np.pad(rows, ((0, 0), (0, self.rank - rows.shape[1])))
        return self.differences[c]

    def find_classes(self, uniform: Array) -> tuple[Array, Array]:
        """Classes drawn by uniform numbers, and where in its class each number was, from 0 to 1."""
        classes = np.minimum(np.searchsorted(self.cumulative, uniform, side="right"), self.num_classes - 1)
        start = np.where(classes > 0, self.cumulative[classes - 1], 0)
        return classes, np.clip((uniform - start) / (self.cumulative[classes] - start), 0, 1)

    def make_tables(self, classes: Array) -> _Tables:
        """The tables of some classes: from the rows that all share, unless some of these are too close together."""
        direct = np.ones(len(classes), dtype=bool)
        arrays = [np.empty((len(classes), size)) for size in (*[self.num_classes] * 4, self.rank)]
        if self.rows is not None:
            arrays = list(self._geometry(classes, self.rows))
            nearest = np.where(arrays[1] == 0, math.inf, arrays[2]).min(axis=1)
            direct = ~(nearest > _CLOSE * np.linalg.norm(self.rows, axis=1).max())
        for i in np.flatnonzero(direct):
            for array, row in zip(arrays, self._geometry(classes[[i]], self.own_rows(int(classes[i]))), strict=True):
                array[i] = row[0]
        shift, inverse, lengths, chances, directions = arrays
        cumulative = np.cumsum(chances, axis=1)
        total = np.where(cumulative[:, -1:] > 0, cumulative[:, -1:], 1)  # 0 for a class that never errs
        cumulative = cumulative / total + np.arange(len(classes))[:, None]
        last = self.num_classes - 1 - np.argmax(chances[:, ::-1] > 0, axis=1)
        return _Tables(direct, shift, inverse, lengths, directions, cumulative.ravel(), last)

    def _geometry(self, classes: Array, rows: Array) -> tuple[Array, ...]:
        """Shifts, inverses, lengths, the chances of rivals, directions."""
        thresholds = self.problem.thresholds(classes)
        finite = np.isfinite(thresholds)
        squares = np.einsum("ij,ij->i", rows, rows)
        distances = squares[classes, None] + squares - 2 * (rows[classes] @ rows.T)
        lengths = np.sqrt(np.maximum(distances, 0))
        unions = self.problem.log_unions[classes, None]
        chances = np.exp(special.log_ndtr(-thresholds) - np.where(unions > -math.inf, unions, 0))
        directions = _directions(np.where(finite & (lengths > 0), chances / lengths, 0), rows, classes)
        along = directions @ rows.T
        along -= along[np.arange(len(classes)), classes][:, None]
        along = np.where(np.abs(along) < _SMALL, _SMALL, along)
        shift = np.where(finite, thresholds * lengths / along, thresholds)
        return shift, np.where(finite, 1 / along, 0), lengths, chances, directions


def _directions(shares: Array, rows: Array, classes: Array) -> Array:
    """Unit vectors along sum_k share_k (R_k - R_c); where that cancels, along one R_k - R_c, or any of no rival."""
    directions = shares @ rows - shares.sum(axis=1, keepdims=True) * rows[classes]
    for i in np.flatnonzero(~(np.linalg.norm(directions, axis=1) > 1e-6 * (shares @ np.abs(rows).max(axis=1)))):
        directions[i] = rows[np.argmax(shares[i])] - rows[classes[i]]
        if not directions[i].any():
            directions[i, 0] = 1
    return np.asarray(directions / np.linalg.norm(directions, axis=1, keepdims=True))


def _num_draws(num_classes: int, rank: int) -> int:
    """As many half-spaces for a normal vector as cost four times what it does, rounded down to a power of two."""
    ratio = 4 * rank * (_NORMAL + _PRODUCT * num_classes) / (_DRAW + _TERM * num_classes)
    return int(2 ** math.floor(math.log2(min(max(ratio, 1), _MOST_DRAWS))))


def _rotation(rank: int) -> Array:
    """(r, r) orthogonal, so that no part of the coordinates is special to some of the rows."""
    normals = np.random.Generator(np.random.Philox(0)).standard_normal((rank, rank))
    return np.asarray(linalg.qr(normals)[0])


@lru_cache(maxsize=2)
def _plan(problem: Problem) -> _Plan:
    """The plan of a problem, made once for all its chunks; two are kept, for comparisons."""
    return _Plan(problem)


# -------------------------------------------------------------------------------------------------------------- points


@dataclass(frozen=True, eq=False)
class _Draws:
    """Drawn half-spaces and the points in the planes of their normals and e, each with its mirror image (columns)."""

    row: Array  # of the normals
    position: Array  # of the class in the tables
    classes: Array
    rivals: Array  # j
    beyond: Array  # (n, 2) uniform: Q(<a_j, z>) / Q(t_j)
    across: Array  # (n, 2) normal: the coordinate of z orthogonal to a_j in the plane
    idle: Array  # (n, 2) normal, of which the square counts
    observation: Array
    decoded: Array  # whether it is the one of its observation that is decoded

    def take(self, part: Any) -> "_Draws":
        """Some of them."""
        return _Draws(*(getattr(self, name)[part] for name in self.__dataclass_fields__))


def _draw(plan: _Plan, generator: np.random.Generator, size: int) -> tuple[_Tables, _Draws]:
    """What is random about some observations, sorted by class, beside the normals.

    The half-spaces of an observation are of the same class where its table costs more than they do.
    """
    number = plan.num_draws
    equally_spaced = (np.arange(number) + generator.random((size, 1))) / number
    if plan.tables is not None:
        tables = plan.tables
        classes, shares = plan.find_classes(equally_spaced)
        position = classes
    else:
        drawn, _ = plan.find_classes(generator.random(size))
        present, position = np.unique(drawn, return_inverse=True)
        tables, shares = plan.make_tables(present), equally_spaced
        position = np.repeat(position[:, None], number, axis=1)
        classes = present[position]
    beyond, across, idle = (_with_mirror_images(_strata(generator, size, number)) for _ in range(3))
    observation, pattern = np.divmod(np.arange(size * number), number)
    draws = _Draws(
        row=pattern * size + observation,
        position=position.ravel(),
        classes=classes.ravel(),
        rivals=tables.find_rivals(position.ravel(), shares.ravel()),
        beyond=beyond,
        across=special.ndtri(across),
        idle=special.ndtri((1 + idle) / 2),
        observation=observation,
        decoded=pattern == np.repeat(generator.integers(number, size=size), number),
    )
    return tables, draws.take(np.lexsort((draws.position, plan.likely[draws.classes])))


def _strata(generator: np.random.Generator, size: int, number: int) -> Array:
    """(size, number) uniform in (0, 1), one in each of as many strata, in random order."""
    order = generator.permuted(np.tile(np.arange(number), (size, 1)), axis=1)
    return np.clip((order + generator.random(order.shape)) / number, 2.0**-60, 1 - 2.0**-53)


def _with_mirror_images(uniform: Array) -> Array:
    """(n, 2) numbers and what is left to 1."""
    return np.stack([uniform.ravel(), 1 - uniform.ravel()], axis=1)


def _normals(plan: _Plan, generator: np.random.Generator, size: int) -> tuple[Array, Array | None]:
    """Normals (n, r) and their products with the rows that classes share: first all first ones, and so on."""
    number = plan.num_draws
    if plan.tables is None or number == 1:
        normals = generator.standard_normal((number * size, plan.rank))
        return normals, None if plan.rows is None else normals @ plan.rows.T
    normals = generator.standard_normal((size, plan.rank))
    signs = linalg.hadamard(number).astype(np.float64)
    parts = np.array_split(np.arange(plan.rank), number)
    per_column = np.repeat(signs, [len(columns) for columns in parts], axis=1)
    all_normals = (per_column[:, None] * normals).reshape(-1, plan.rank)
    if plan.rows is None:
        return all_normals, None
    products = np.empty((number, size, plan.num_classes))
    for product, columns in zip(products, parts, strict=True):
        np.matmul(normals[:, columns], plan.rows[:, columns].T, out=product)
    return all_normals, (signs @ products.reshape(number, -1)).reshape(-1, plan.num_classes)


# ---------------------------------------------------------------------------------------------------------- evaluation


class _Batch:
    """Some observations: `values` of all their draws, and what one draw of each is taken for."""

    def __init__(self, plan: _Plan, generator: np.random.Generator, size: int) -> None:
        self.plan = plan
        self.tables, self.draws = _draw(plan, generator, size)
        self.normals, self.products = _normals(plan, generator, size)
        self.rival_products = self._rival_products()
        self.values = np.empty(len(self.draws.row))
        self.decoded: list[tuple[Array, Array, Array]] = []
        step = max(1, _CACHED // plan.num_classes)
        for likely in (False, True):
            where = np.flatnonzero(plan.likely[self.draws.classes] == likely)
            for start in range(0, len(where), step):
                part = where[start : start + step]
                self.values[part] = self._values(part, likely)

    def observations(self, size: int) -> Array:
        """(size,) means over the draws of each."""
        means = np.bincount(self.draws.observation, self.values, size) / self.plan.num_draws
        return np.asarray(np.clip(means, self.plan.least, 1))  # the mean of equal numbers may round below them

    def _rival_products(self) -> Array | None:
        """(n, K) inner products of the rows that classes share with R_j - R_c, where no table has them."""
        rows = self.plan.rows
        if self.plan.gram is not None or rows is None:
            return None
        return np.asarray((rows[self.draws.rivals] - rows[self.draws.classes]) @ rows.T)

    def _inner_products(self, part: Array, draws: _Draws) -> tuple[Array, Array]:
        """(n, K) <R_k - R_c, z> and <R_k - R_c, R_j - R_c>."""
        plan, c, j = self.plan, draws.classes, draws.rivals
        with_normals, with_rivals = np.empty((2, len(part), plan.num_classes))
        if self.products is not None:
            with_normals = self.products[draws.row]
        if plan.gram is not None:
            with_rivals = plan.gram[j] - plan.gram[c]
        elif self.rival_products is not None:
            with_rivals = self.rival_products[part]
        for own in np.unique(c[self.tables.direct[draws.position]]):
            rows, where = plan.own_rows(int(own)), np.flatnonzero(c == own)
            with_normals[where] = self.normals[draws.row[where]] @ rows.T
            with_rivals[where] = rows[j[where]] @ rows.T
        index = np.arange(len(part))
        with_normals -= with_normals[index, c][:, None]
        with_rivals -= with_rivals[index, c][:, None]
        return with_normals, with_rivals

    def _values(self, part: Array, likely: bool) -> Array:
        """(n,) X, each the mean of a point and its mirror image."""
        draws, tables = self.draws.take(part), self.tables
        position, j, index = draws.position, draws.rivals, np.arange(len(part))
        shift, inverse = tables.shift[position], tables.inverse[position]
        with_normals, with_rivals = self._inner_products(part, draws)
        direction = np.einsum("ij,ij->i", self.normals[draws.row], tables.directions[position])
        plane = _Plane(
            shift[index, j], inverse[index, j], tables.lengths[position, j], with_normals[index, j], direction
        )
        with_normals *= inverse
        with_rivals *= inverse
        lower = inverse < 0
        some_lower = lower if lower.any() else None
        values = np.zeros(len(part))
        for side in (0, 1):
            along, actual, offset = plane.point(draws.beyond[:, side], draws.across[:, side], 1 - 2 * side)
            ends = along[:, None] * with_rivals
            ends = np.add(ends, with_normals, out=ends) if side == 0 else np.subtract(ends, with_normals, out=ends)
            np.subtract(shift, ends, out=ends)
            ends += offset[:, None]
            if side == 0 and draws.decoded.any():
                self._decode(draws, ends, inverse, actual)
            values += (
                _on_line(ends, some_lower) if likely else _on_ray(ends, some_lower, actual, draws.idle[:, side], j)
            )
        return np.clip(values / 2, self.plan.least, 1)

    def _decode(self, draws: _Draws, ends: Array, inverse: Array, actual: Array) -> None:
        """What one point of each observation is taken for, with the weight 1 / N."""
        chosen = np.flatnonzero(draws.decoded)
        index, c, j = np.arange(len(chosen)), draws.classes[chosen], draws.rivals[chosen]
        scores = (actual[chosen, None] - ends[chosen]) / inverse[chosen]
        scores[index, c] = -math.inf
        scores[index, j] = np.maximum(scores[index, j], 0)
        self.decoded.append((c, scores.argmax(axis=1), 1 / (scores >= 0).sum(axis=1)))


class _Plane:
    """The plane of a_j and e for drawn half-spaces j, and a normal z; where j has no normal, no plane."""

    def __init__(self, shift: Array, inverse: Array, length: Array, product: Array, direction: Array) -> None:
        """Entries of the tables at j, <R_j - R_c, z> and <e, z>."""
        self.certain = inverse == 0
        self.length = np.where(self.certain | (length == 0), 1, length)
        self.cosine = np.where(self.certain, 0, np.clip(1 / (inverse * self.length), -1, 1))
        self.sine = np.sqrt(1 - self.cosine**2)
        self.threshold = np.where(self.certain, 0, shift * self.cosine)
        self.normal, self.direction = product / self.length, direction

    def point(self, uniform: Array, across: Array, sign: int) -> tuple[Array, Array, Array]:
        """For z' = sign z + a (R_j - R_c) + b e in H_j: a, <e, z'>, and what <e, z'> would be for b = 0.

        In the plane, z' has the coordinates tau along a_j and `across`; outside of it, it is z up to the sign. Where
        the plane degenerates, z' = sign z + (tau - sign <a_j, z>) a_j.
        """
        beyond = truncated_normal(self.threshold, uniform)
        normal, direction = sign * self.normal, sign * self.direction
        inside = (normal - direction * self.cosine) / self.sine
        along = (self.sine * beyond + self.cosine * across - inside) / self.sine
        actual = self.cosine * beyond - self.sine * across
        straight = self.sine < _STRAIGHT
        along = np.where(self.certain, 0, np.where(straight, beyond - normal, along))
        offset = direction + along * self.cosine
        return along / self.length, np.where(self.certain | straight, offset, actual), offset


def _on_line(ends: Array, lower: Array | None) -> Array:
    """P(union) / sum_k P(H_k) along e: upper tails from s_k on, and lower tails where `lower` says so."""
    if lower is None:
        tails = special.erfc(ends * math.sqrt(0.5))
        return np.asarray(tails.max(axis=1) / tails.sum(axis=1))
    total = special.erfc(np.where(lower, -ends, ends) * math.sqrt(0.5)).sum(axis=1)
    start = np.where(lower, math.inf, ends).min(axis=1)
    stop = np.where(lower, ends, -math.inf).max(axis=1)
    union = special.erfc(start * math.sqrt(0.5)) + special.erfc(-stop * math.sqrt(0.5))
    return np.asarray(np.where(stop >= start, 2, np.minimum(union, 2)) / total)


def _on_ray(ends: Array, lower: Array | None, actual: Array, idle: Array, rivals: Array) -> Array:
    """P(union) / sum_k P(H_k) over the radius in the plane of e and an idle coordinate; 1 / N where <e, z> <= 0."""
    behind = np.flatnonzero(~(actual > 0))
    counts = _counts(ends[behind], None if lower is None else lower[behind], actual[behind], rivals[behind])
    values = np.maximum(ends, 0, out=ends)
    values *= np.sqrt((1 + (idle / actual) ** 2) / 2)[:, None]
    values *= values
    upper = values if lower is None else np.where(lower, math.inf, values)
    least = np.minimum(upper.min(axis=1), _LARGE)
    terms = np.subtract(least[:, None], upper)
    total = np.exp(terms, out=terms).sum(axis=1)
    result = np.asarray(1 / total)
    if lower is not None:
        odd = np.flatnonzero((lower & (values > 0)).any(axis=1))
        result[odd] = _with_lower(values[odd], lower[odd], least[odd], total[odd])
    result[behind] = 1 / counts
    return result


def _counts(ends: Array, lower: Array | None, actual: Array, rivals: Array) -> Array:
    """N: how many half-spaces hold a point with this <e, z>, the drawn ones always."""
    beyond = actual[:, None] - ends
    held = beyond >= 0 if lower is None else np.where(lower, beyond <= 0, beyond >= 0)
    held[np.arange(len(rivals)), rivals] = True
    return np.asarray(held.sum(axis=1))


def _with_lower(values: Array, lower: Array, least: Array, total: Array) -> Array:
    """The quotient where some half-spaces hold the start of the ray, with 1 - exp(-value); the others exp(-value)."""
    inner = np.where(lower, -np.expm1(-values), 0)
    upper = np.exp(-least)
    union = np.minimum(1, upper + inner.max(axis=1))
    return np.asarray(union / (upper * total + inner.sum(axis=1)))


# -------------------------------------------------------------------------------------------------------------- chunks


def _chunk(plan: _Plan, generator: np.random.Generator, size: int) -> Chunk:
    """The observations of all batches, and sums over their draws."""
    num_classes = plan.num_classes
    room = min(_BATCH // num_classes, _CACHED) if plan.tables is not None else _LARGE_BATCH // num_classes
    per_batch = max(1, room // plan.num_draws)
    observations, decoded = [], []
    sums, counts = np.zeros(num_classes), np.zeros(num_classes, dtype=np.int64)
    for start in range(0, size, per_batch):
        batch = _Batch(plan, generator, min(per_batch, size - start))
        observations.append(batch.observations(min(per_batch, size - start)))
        sums += np.bincount(batch.draws.classes, batch.values, num_classes)
        counts += np.bincount(batch.draws.classes, minlength=num_classes)
        decoded.extend(batch.decoded)
    classes, rivals, weights = (np.concatenate(parts) for parts in zip(*decoded, strict=True))
    pairs, pair_sums = added(np.stack([classes, rivals], axis=1), weights)
    arrays = (np.concatenate(observations), sums, counts, pairs, pair_sums)
    return Chunk(plan.log_scale, plan.least, *map(freeze, arrays))


def _no_error(plan: _Plan, size: int) -> Chunk:
    """Where the union bound is 0 there is no half-space to draw from."""
    nothing = np.zeros(plan.num_classes)
    arrays = (np.ones(size), nothing, nothing.astype(np.int64), np.empty((0, 2), dtype=np.int64), np.empty(0))
    return Chunk(plan.log_scale, plan.least, *map(freeze, arrays))
