"""The eigenvalues that class sizes have in separation and regression: guessed in floats, enclosed by certain signs."""

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from nctheory.arrays import Array, freeze, real_array
from nctheory.errors import InputError

__all__ = ["Bracket", "Spectrum", "class_spectrum"]

_UNIT_ROUNDOFF = 2.0**-53
_BLOCK = 1 << 21  # terms of secular functions held at once
_ROUNDS = 60  # of root finding; a handful is enough

Bracket = tuple[Fraction, Fraction]


def checked_sizes(class_sizes: Any) -> Array:
    """Read-only (K,) positive int64 sizes of at least two classes, less than 2^62 samples in all.

    Whole numbers of any type are taken, 50.0 as well as 50, as they are for labels.
    """
    given = real_array(class_sizes, "class_sizes", 1).tolist()
    for k, size in enumerate(given):
        if size != int(size) or size < 1:
            shown = int(size) if size == int(size) else size
            raise InputError(f"class_sizes[{k}] is {shown}, expected a positive integer, the samples of class {k}")
    sizes = [int(size) for size in given]
    if len(sizes) < 2:
        raise InputError(f"class_sizes is {sizes}, expected at least two classes")
    if sum(sizes) >= 2**62:
        raise InputError(f"class_sizes add up to {sum(sizes)}, expected less than 2^62 samples")
    return freeze(np.array(sizes, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The nonzero eigenvalues of P D P, or of D - n n^T / N with a free bias, enclosed.

    `sizes` (g,) are the distinct class sizes, `counts` how many classes have each; `groups` (K,) says which. A size of
    m classes is an eigenvalue m - 1 times. Between neighboring sizes lies one more, the root of the decreasing
    function sum_j w_j / (x - a_j) with w_j = m_j, or m_j a_j with a free bias (the characteristic polynomial of D plus
    a matrix of rank one or two, divided by that of D). Root r is sizes[anchors[r]] + offsets[r], and lies between
    sizes[anchors[r]] + low[r] and sizes[anchors[r]] + high[r].
    """

    sizes: Array
    counts: Array
    groups: Array
    bias: bool
    anchors: Array
    offsets: Array
    low: Array
    high: Array

    @property
    def roots(self) -> Array:
        """The eigenvalues between sizes, in floats."""
        return np.asarray(self.sizes[self.anchors] + self.offsets)

    @cached_property
    def vectors(self) -> Array:
        """(g, g - 1) unit eigenvectors of these, in the basis of the normalized indicators of the groups.

        Each entry is a quotient without cancellation, and the vector of eigenvalue 0 does not come in.
        """
        differences = (self.sizes[self.anchors] - self.sizes[:, None]).astype(np.float64) + self.offsets
        vectors = np.sqrt(self.counts)[:, None] * (self.sizes[:, None] if self.bias else 1.0) / differences
        return np.asarray(vectors / np.linalg.norm(vectors, axis=0))

    def function(self, power: float) -> Array:
        """(K, K) the matrix to a power, on the complement of its null vector."""
        roots = self.counts[:, None] ** -0.5 * self.vectors * self.roots ** (power / 2)
        own = self.sizes.astype(np.float64) ** power * (self.counts > 1)  # not added and taken away again for one class
        between = roots @ roots.T - np.diag(own / self.counts)
        return np.asarray(between[np.ix_(self.groups, self.groups)] + np.diag(own[self.groups]))

    def factor(self) -> tuple[Array, Array]:
        """Orthonormal eigenvectors (K, K - 1) and their eigenvalues (K - 1,)."""
        vectors = [(self.vectors / np.sqrt(self.counts)[:, None])[self.groups]]
        values = [self.roots]
        for j, count in enumerate(self.counts):
            block = np.zeros((len(self.groups), count - 1))
            block[self.groups == j] = _helmert(int(count))
            vectors.append(block)
            values.append(np.full(count - 1, float(self.sizes[j])))
        return np.hstack(vectors), np.concatenate(values)

    def value(self, width: Fraction) -> Bracket:
        """The sum of the square roots of all eigenvalues, between rationals of at most that relative distance.

        The ends agree where the sum is rational and no more than three sizes are distinct.
        """
        if (closed := self._rational()) is not None:
            return closed, closed
        bits = width.denominator.bit_length() - width.numerator.bit_length() + 9
        lower, upper = self._sum(self._scaled_roots(2 * bits), bits)
        if upper - lower > width * lower:
            extra = 2 * int(self.sizes[-1]).bit_length() + 8  # as a slope may be the inverse square of a size
            fine = (_refined(*self.integers(), ends, 2 * bits + extra) for ends in self._scaled_roots(2 * bits + extra))
            lower, upper = self._sum([(low >> extra, -(-high >> extra)) for low, high in fine], bits)
        return lower, upper

    def radicand(self) -> tuple[Fraction, Fraction] | None:
        """(s, p) so that the square roots of the roots between sizes add up to (s + 2 p^(1/2))^(1/2).

        For at most three distinct sizes, by the secular equation times its denominators, which is at most quadratic.
        """
        sizes, weights = self.integers()
        if len(sizes) > 3:
            return None
        pairs, product = list(zip(weights, sizes, strict=True)), math.prod(sizes)
        added = Fraction(sum(w * (sum(sizes) - a) for w, a in pairs), sum(weights))
        multiplied = Fraction(sum(w * product // a for w, a in pairs), sum(weights))
        return added, multiplied if len(sizes) == 3 else Fraction(0)

    def _rational(self) -> Fraction | None:
        """The sum of the square roots where it is plainly rational."""
        radicand = self.radicand()
        inner = radicand and _rational_root(radicand[1])
        if radicand is None or inner is None:
            return None
        repeated = zip(self.sizes.tolist(), self.counts.tolist(), strict=True)
        roots = [(count - 1, _rational_root(Fraction(size))) for size, count in repeated if count > 1]
        roots.append((1, _rational_root(radicand[0] + 2 * inner)))
        known = [count * root for count, root in roots if root is not None]
        return sum(known, Fraction(0)) if len(known) == len(roots) else None

    def _scaled_roots(self, shift: int) -> list[tuple[int, int]]:
        """The enclosures of the roots, in multiples of 2^-shift, rounded outward, and between their sizes."""
        sizes, anchors = self.sizes.tolist(), self.sizes[self.anchors].tolist()
        ends = zip(anchors, self.low.tolist(), self.high.tolist(), sizes[:-1], sizes[1:], strict=True)
        return [
            (
                max(math.floor((a + Fraction(low)) * 2**shift), left << shift),
                min(math.ceil((a + Fraction(high)) * 2**shift), right << shift),
            )
            for a, low, high, left, right in ends
        ]

    def integers(self) -> tuple[list[int], list[int]]:
        """The distinct sizes and their weights w_j in the secular function, exactly."""
        sizes, counts = self.sizes.tolist(), self.counts.tolist()
        return sizes, [m * a for m, a in zip(counts, sizes, strict=True)] if self.bias else counts

    def _sum(self, roots: list[tuple[int, int]], bits: int) -> Bracket:
        lower = upper = 0
        for size, count in zip(self.sizes.tolist(), self.counts.tolist(), strict=True):
            lower += (count - 1) * math.isqrt(size << 2 * bits)
            upper += (count - 1) * _ceil_sqrt(size << 2 * bits)
        lower += sum(math.isqrt(low) for low, _ in roots)
        upper += sum(_ceil_sqrt(high) for _, high in roots)
        return Fraction(lower, 2**bits), Fraction(upper, 2**bits)


def _helmert(count: int) -> Array:
    """(m, m - 1) orthonormal columns that add up to 0."""
    column = np.arange(1, count)
    raw = np.where(np.arange(count)[:, None] < column, 1.0, 0.0)
    raw[column, column - 1] = -column
    return np.asarray(raw / np.sqrt(column * (column + 1.0)))


def _ceil_sqrt(number: int) -> int:
    root = math.isqrt(number)
    return root + (root * root < number)


def class_spectrum(class_sizes: Any, *, bias: bool = False) -> Spectrum:
    """The nonzero eigenvalues of the class sizes' matrix P D P, or D - n n^T / N with a free bias, enclosed.

    Formula:
        P = I - J/K, D = diag(n). Between neighboring distinct sizes a_j lies one root of sum_j w_j / (x - a_j), with
        w_j = m_j classes of size a_j, or m_j a_j with a free bias; a_j itself is an eigenvalue m_j - 1 times.
    Args:
        class_sizes: (K,) positive integers, K >= 2.
        bias: whether there is a free bias.
    Assumes:
        Float64 arithmetic that rounds to nearest, for the signs on both sides of each root.
    Returns:
        Spectrum, after about ten evaluations of each of at most K - 1 functions of at most K terms.
    Raises:
        InputError: sizes that are no positive integers, fewer than two, 2^62 samples or more.
    Reference:
        li1993, for the interpolation by both neighboring poles.
    Example:
        >>> class_spectrum([1, 3]).roots, class_spectrum([1, 3], bias=True).roots
        (array([2.]), array([1.5]))
    """
    sizes, groups, counts = np.unique(checked_sizes(class_sizes), return_inverse=True, return_counts=True)
    secular = _Secular(sizes, counts.astype(np.float64) * (sizes if bias else 1))
    return Spectrum(sizes, counts, groups.reshape(-1), bias, *secular.enclosures())


class _Secular:
    """The decreasing functions f(x) = sum_j w_j / (x - a_j) between neighboring poles, at x = anchor + offset.

    The anchor is the nearer pole, so that x - a_j, an exact integer less the offset, is off by at most 5 roundings.
    """

    def __init__(self, poles: Array, weights: Array) -> None:
        self.poles, self.weights = poles, weights
        self.gaps = np.diff(poles).astype(np.float64)

    def enclosures(self) -> tuple[Array, Array, Array, Array]:
        """Anchors, offsets of the roots, and offsets on both sides of each root whose signs are certain."""
        left = np.arange(len(self.gaps))
        anchors = left + (self._sums(left, self.gaps / 2)[0] > 0)
        offsets = self._roots(anchors, anchors == left)
        f, size, slope, _ = self._sums(anchors, offsets)
        step = (2 * self._error(size) + np.abs(f)) / slope + 4 * _UNIT_ROUNDOFF * np.abs(offsets)
        low = self._certain(anchors, anchors == left, offsets, step, -1)
        return anchors, offsets, low, self._certain(anchors, anchors == left, offsets, step, 1)

    def _error(self, size: Array) -> Array:
        """A bound on the error of `_signed`: at most 9 roundings in a term and one for each level of the tree."""
        return np.asarray((24 + len(self.poles).bit_length()) * _UNIT_ROUNDOFF * size)

    def _terms(self, anchors: Array, offsets: Array) -> Array:
        differences = (self.poles[anchors][:, None] - self.poles).astype(np.float64)
        return np.asarray(differences + offsets[:, None])

    def _sums(self, anchors: Array, offsets: Array) -> tuple[Array, Array, Array, Array]:
        """f, sum |terms|, -f' and the share of -f' left of x less that right of x; not rigorous, by BLAS."""
        out = np.empty((4, len(anchors)))
        step = max(1, _BLOCK // len(self.poles))
        for start in range(0, len(anchors), step):
            rows = slice(start, start + step)
            r = 1 / self._terms(anchors[rows], offsets[rows])
            size = np.abs(r)
            out[:, rows] = r @ self.weights, size @ self.weights, (r * r) @ self.weights, (r * size) @ self.weights
        return out[0], out[1], out[2], out[3]

    def _roots(self, anchors: Array, at_left: Array) -> Array:
        """Offsets of the roots by interpolation with a constant and both neighboring poles, safe by bisection."""
        low, high = np.where(at_left, 0.0, -self.gaps), np.where(at_left, self.gaps, 0.0)
        ends = low.copy(), high.copy()
        y = (low + high) / 2
        active = np.arange(len(y))
        for _ in range(_ROUNDS):
            if not len(active):
                break
            at = y[active]
            sums = self._sums(anchors[active], at)
            below = sums[0] > 0
            low[active], high[active] = np.where(below, at, low[active]), np.where(below, high[active], at)
            new = _interpolated(at, sums, ends[0][active], ends[1][active])
            inside = (new > low[active]) & (new < high[active])
            new = np.where(inside, new, (low[active] + high[active]) / 2)
            done = np.abs(sums[0]) <= 4 * _UNIT_ROUNDOFF * sums[1]
            y[active] = np.where(done, at, new)
            active = active[~done & (np.abs(new - at) > 2 * _UNIT_ROUNDOFF * np.abs(at))]
        return y

    def _certain(self, anchors: Array, at_left: Array, offsets: Array, step: Array, side: int) -> Array:
        """Offsets as near as may be on one side of the root; a pole where nothing nearer is certain."""
        far = np.nextafter(self.gaps, np.inf)  # the other pole, or just beyond it
        low, high = np.where(at_left, 0.0, -far), np.where(at_left, far, 0.0)
        found = offsets.copy()
        uncertain = np.arange(len(found))
        while len(uncertain):
            at = offsets[uncertain] + side * step[uncertain]
            at = np.where(at < 0.75 * low[uncertain], low[uncertain], at)
            found[uncertain] = np.where(at > 0.75 * high[uncertain], high[uncertain], at)
            uncertain = uncertain[(found[uncertain] != low[uncertain]) & (found[uncertain] != high[uncertain])]
            f, size = self._signed(anchors[uncertain], found[uncertain])
            uncertain = uncertain[~(-side * f > self._error(size))]
            step = 4 * step
        return found

    def _signed(self, anchors: Array, offsets: Array) -> tuple[Array, Array]:
        """f and the sum of the sizes of its terms, added along a tree whose rounding errors `_error` bounds."""
        out = np.empty((2, len(anchors)))
        step = max(1, _BLOCK // len(self.poles))
        for start in range(0, len(anchors), step):
            rows = slice(start, start + step)
            terms = self.weights / self._terms(anchors[rows], offsets[rows])
            out[:, rows] = _tree_sum(terms), _tree_sum(np.abs(terms))
        return out[0], out[1]


def _interpolated(y: Array, sums: tuple[Array, ...], left: Array, right: Array) -> Array:
    """The root of c + p/(y - left) + q/(y - right) with the value and one-sided slopes of f; left or right is 0."""
    f, size, slope, skew = sums
    u, v = y - left, y - right
    p, q = (slope + skew) / 2 * u * u, (slope - skew) / 2 * v * v
    c = ((f + size) / 2 - p / u) + ((f - size) / 2 - q / v)
    b, constant = p + q - c * (left + right), -(p * right + q * left)
    with np.errstate(all="ignore"):
        t = -(b + np.copysign(np.sqrt(np.maximum(b * b - 4 * c * constant, 0)), b)) / 2
        one, other = t / c, constant / t
    return np.asarray(np.where((one > left) & (one < right), one, other))


def _tree_sum(terms: Array) -> Array:
    """Sums along the last axis, by halves."""
    while terms.shape[1] > 1:
        half = terms.shape[1] // 2
        terms = np.concatenate([terms[:, :half] + terms[:, half : 2 * half], terms[:, 2 * half :]], axis=1)
    return np.asarray(terms[:, 0])


def _refined(poles: list[int], weights: list[int], ends: tuple[int, int], shift: int) -> tuple[int, int]:
    """A root of f between its ends, all in multiples of 2^-shift, by Newton's method or halving; signs are certain."""
    low, high = ends
    scaled = [a << shift for a in poles]
    x = (low + high) // 2
    while high - low > 2:
        f = _floor_sum(weights, scaled, x, shift)
        low, high = (x if f > 0 else low), (x if f < -len(poles) else high)
        slope = sum((w << 3 * shift) // (x - a) ** 2 for w, a in zip(weights, scaled, strict=True))
        step = (f << shift) // slope
        if -len(poles) <= f <= 0 or abs(step) <= 1:
            break
        x = x + step if low < x + step < high else (low + high) // 2
    e = 1
    while low < x - e and not _floor_sum(weights, scaled, x - e, shift) > 0:
        e *= 2
    low, e = max(low, x - e), 1
    while x + e < high and not _floor_sum(weights, scaled, x + e, shift) < -len(poles):
        e *= 2
    return low, min(high, x + e)


def _floor_sum(weights: list[int], scaled: list[int], x: int, shift: int) -> int:
    """f(x 2^-shift) 2^shift, from below, by less than one for each pole, which `scaled` gives in multiples too."""
    return sum((w << 2 * shift) // (x - a) for w, a in zip(weights, scaled, strict=True))


def _rational_root(number: Fraction) -> Fraction | None:
    lower, upper = root_bracket(number)
    return lower if lower == upper else None


def root_bracket(number: Fraction) -> Bracket:
    """Rationals on both sides of the square root, 2^-158 apart, relatively, or less; equal where it is rational."""
    p, q = number.numerator, number.denominator
    if math.isqrt(p) ** 2 == p and math.isqrt(q) ** 2 == q:
        return (Fraction(math.isqrt(p), math.isqrt(q)),) * 2
    shift = 160 + (q.bit_length() - p.bit_length()) // 2
    root, unit = math.isqrt(math.floor(number * Fraction(4) ** shift)), Fraction(2) ** -shift
    return root * unit, (root + 1) * unit
