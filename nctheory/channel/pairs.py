"""The exponent of a configuration: a rigorous float filter first, exact integers on the pairs that survive it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from jaxtyping import Int

from nctheory.arrays import Array, freeze
from nctheory.configuration import Configuration, as_configuration
from nctheory.exact import ExactMatrix, InnerProducts
from nctheory.result import Certificate, End, Result

__all__ = ["AttainingPairs", "exponent"]

_BLOCK = 1 << 20  # ordered pairs held at once
_TINY = 1e-300  # above every error of a sum of products that underflow can cause after scaling
_UNIT_ROUNDOFF = 2.0**-53
_LARGEST_INTEGER = 2**1000  # that becomes a float of any kind without overflow


@dataclass(frozen=True)
class AttainingPairs:
    """`pairs` (P, 2): the ordered pairs (i, j), class i taken for class j, whose exponent is the smallest."""

    pairs: Int[Array, "P 2"]


def exponent(configuration: Any) -> Result[AttainingPairs]:
    """The large-deviation error exponent of a configuration in the Gaussian channel, exactly.

    Formula:
        h = mu_c + sigma z, z ~ N(0, I), decoded as argmax_c <w_c, h> + b_c. With a_ij = w_i - w_j and
        m_ij = <a_ij, mu_i> + b_i - b_j: beta = -lim sigma^2 log P(error) = min over ordered pairs of
        e_ij = max(0, m_ij)^2 / (2 |a_ij|^2); where a_ij = 0, e_ij is infinite for m_ij > 0 and 0 otherwise.
        For the nearest-mean decoder e_ij = |mu_i - mu_j|^2 / 8.
    Args:
        configuration: a Configuration, or bare class means (K, d) for the nearest-mean decoder.
    Assumes:
        Noise covariance sigma^2 I; ties count as errors. Class priors do not matter, as long as none is 0.
    Returns:
        Result with lower = upper = beta, a Fraction (infinite for one class), in squared units of the class means, and
        details.pairs, the attaining ordered pairs. Two equal weight rows, a margin m_ij <= 0 or coinciding class means
        give 0.
    Raises:
        InputError: input that makes no Configuration.
    Reference:
        dembo2010, section 2.2 (Cramer's theorem in several dimensions, here for a union of half-spaces).
    Example:
        >>> from nctheory import channel
        >>> result = channel.exponent([[1, 0], [0, 1], [-1, 0], [0, -1]])
        >>> result.exact, len(result.details.pairs)
        (1/4, 8)
    """
    configuration = as_configuration(configuration)
    value, pairs = _smallest(configuration)
    details = AttainingPairs(freeze(pairs))
    return Result(
        lower=value,
        upper=value,
        details=details,
        build_configuration=lambda: configuration,
        build_certificate=lambda: _certificate(configuration, value, details),
    )


def _certificate(configuration: Configuration, value: End, details: AttainingPairs) -> Certificate:
    claim = {
        "kind": "exponent",
        **sizes(configuration),
        "configuration": configuration.encode(),
        "exponent": "inf" if value == math.inf else value,
        "pair": None if value == math.inf else details.pairs[0].tolist(),
    }
    return Certificate(claim, {})


def sizes(configuration: Configuration) -> dict[str, Any]:
    """What every claim about a configuration says first."""
    return {
        "num_classes": configuration.num_classes,
        "dimension": configuration.dimension,
        "noise_covariance": "identity",
    }


def _smallest(configuration: Configuration) -> tuple[End, Array]:
    """The smallest pair exponent and the ordered pairs that attain it, block of rows by block of rows."""
    smallest: End = math.inf
    attaining = np.empty((0, 2), dtype=np.int64)
    if configuration.num_classes == 1:
        return smallest, attaining
    smallest_of = _nearest_mean_smallest if configuration.decoder == "nearest_mean" else _linear_smallest
    for pairs, is_zero in _surviving_pairs(configuration):
        if is_zero.any():
            smallest, attaining = _merged(smallest, attaining, Fraction(0), pairs[is_zero])
        if not is_zero.all():
            open_pairs = pairs[~is_zero]
            value, where = smallest_of(configuration, *open_pairs.T)
            smallest, attaining = _merged(smallest, attaining, value, open_pairs[where])
    return smallest, attaining


def _merged(value: End, pairs: Array, other: End, other_pairs: Array) -> tuple[End, Array]:
    """The smaller value and its pairs; the pairs of both where the values agree."""
    if value == other:
        return value, np.concatenate([pairs, other_pairs])
    return (value, pairs) if value < other else (other, other_pairs)


# ----------------------------------------------------------------------------------------------- exact pair exponents


def _nearest_mean_smallest(configuration: Configuration, i: Array, j: Array) -> tuple[End, Array]:
    """The smallest e_ij = |mu_i - mu_j|^2 / 8 among these pairs, and which of them attain it."""
    if configuration.has_coordinates:
        products = _SquaredDistances(configuration.stored_means, i, j)
        distances, unit = products.exact(np.arange(len(i))), products.unit
    else:
        gram, unit = configuration.exact.integers, configuration.exact.unit
        distances = np.diagonal(gram)[i] + np.diagonal(gram)[j] - 2 * gram[i, j]
    smallest = distances.min()
    return unit * smallest / 8, np.flatnonzero(distances == smallest)


def _linear_smallest(configuration: Configuration, i: Array, j: Array) -> tuple[End, Array]:
    """The smallest e_ij = max(0, m_ij)^2 / (2 |a_ij|^2) among these pairs, and which of them attain it.

    After long doubles have left few candidates, where floor(m^2 / |a|^2) is smallest comes first, which is cheap. Among
    those: different fractions p/q, r/s differ by at least 1/(qs), so with 2^b above every |a|^2 the integers
    floor(m^2 2^(2b) / |a|^2) have their order exactly.
    """
    all_margins = _Margins(configuration, i, j)
    all_lengths = _SquaredDistances(configuration.linear_weights, i, j)
    where = _nearly_smallest(all_margins.rounded(), all_lengths.rounded(), len(i))
    margins, lengths = all_margins.exact(where), all_lengths.exact(where)
    finite = np.flatnonzero((lengths != 0) | (margins <= 0))
    if not len(finite):
        return math.inf, where
    where, squares, lengths = where[finite], np.maximum(margins[finite], 0) ** 2, np.maximum(lengths[finite], 1)
    for shift in (0, 2 * int(lengths.max()).bit_length()):
        order = (squares << shift if shift else squares) // lengths
        smallest = np.flatnonzero(order == order.min())
        where, squares, lengths = where[smallest], squares[smallest], lengths[smallest]
    return all_margins.unit**2 / (2 * all_lengths.unit) * Fraction(squares[0], lengths[0]), where


_Rounded = tuple[Array, Array] | None  # long doubles, and what their error is relative to


def _nearly_smallest(margins: _Rounded, lengths: _Rounded, count: int) -> Array:
    """Where max(0, m)^2 / |a|^2 may be smallest, by long doubles that are off by less than 32 eps times their sizes."""
    if margins is None or lengths is None:
        return np.arange(count)
    slack = 32 * np.finfo(np.longdouble).eps
    (margin, margin_size), (length, length_size) = margins, lengths
    with np.errstate(all="ignore"):
        lower = np.maximum(margin - slack * margin_size, 0) ** 2 / (length + slack * length_size) * (1 - slack)
        upper = np.maximum(margin + slack * margin_size, 0) ** 2 / (length - slack * length_size) * (1 + slack)
        known = np.isfinite(lower) & np.isfinite(upper) & (length > slack * length_size) & (lower > _TINY)
    return np.flatnonzero(~known | (lower <= np.min(upper, where=known, initial=math.inf)))


def _summed(*parts: Array) -> tuple[Array, Array]:
    """The sum of the parts, and of their sizes."""
    with np.errstate(all="ignore"):
        return np.asarray(sum(parts)), np.asarray(sum(map(np.abs, parts)))


class _Margins:
    """m_ij = (<w_i, mu_i> + b_i) - (<w_j, mu_i> + b_j) of some pairs, exactly or rounded, in multiples of `unit`."""

    def __init__(self, configuration: Configuration, i: Array, j: Array) -> None:
        self.i, self.j, self.bias = i, j, configuration.exact_bias
        (rows, self.row), (columns, self.column) = (np.unique(index, return_inverse=True) for index in (i, j))
        means, weights = _rows(configuration.stored_means, rows), configuration.linear_weights
        self.cross = self.own = InnerProducts(means, _rows(weights, columns))
        if not np.array_equal(rows, columns):
            self.own = InnerProducts(means, _rows(weights, rows), rowwise=True)
        self.unit = _common(_common(self.cross.unit, self.own.unit), self.bias.unit)

    def exact(self, where: Array) -> Array:
        """Python integers m_ij / unit."""
        shifts = self.bias.integers * int(self.bias.unit / self.unit)
        row, column = self.row[where], self.column[where]
        own = self.own.take(*self.own.diagonal(), unit=self.unit)[row] + shifts[self.i[where]]
        return np.asarray(own - (self.cross.take(row, column, unit=self.unit) + shifts[self.j[where]]))

    def rounded(self) -> _Rounded:
        """Long doubles m_ij / unit and the sum of the sizes of what they are the sum of."""
        own = self.own.rounded(*self.own.diagonal(), unit=self.unit)
        cross = self.cross.rounded(self.row, self.column, unit=self.unit)
        shifts = self.bias.integers * int(self.bias.unit / self.unit)
        if own is None or cross is None or max(map(abs, shifts)) >= _LARGEST_INTEGER:
            return None
        bias = shifts.astype(np.longdouble)
        return _summed(own[self.row], -cross, bias[self.i], -bias[self.j])


class _SquaredDistances:
    """|x_i - x_j|^2 of some pairs of rows, exactly or rounded, in multiples of `unit`."""

    def __init__(self, points: Array | ExactMatrix, i: Array, j: Array) -> None:
        (rows, self.row), (columns, self.column) = (np.unique(index, return_inverse=True) for index in (i, j))
        left = _rows(points, rows)
        if np.array_equal(rows, columns):
            self.products = self.row_squares = self.column_squares = InnerProducts(left, left)
        else:
            right = _rows(points, columns)
            self.products = InnerProducts(left, right)
            self.row_squares, self.column_squares = (InnerProducts(end, end, rowwise=True) for end in (left, right))
        self.unit = _common(self.products.unit, _common(self.row_squares.unit, self.column_squares.unit))

    def exact(self, where: Array) -> Array:
        """Python integers |x_i - x_j|^2 / unit."""
        first, second = (
            squares.take(*squares.diagonal(), unit=self.unit) for squares in (self.row_squares, self.column_squares)
        )
        row, column = self.row[where], self.column[where]
        return np.asarray(first[row] + second[column] - 2 * self.products.take(row, column, unit=self.unit))

    def rounded(self) -> _Rounded:
        """Long doubles |x_i - x_j|^2 / unit and the sum of the sizes of what they are the sum of."""
        first, second = (
            squares.rounded(*squares.diagonal(), unit=self.unit) for squares in (self.row_squares, self.column_squares)
        )
        inner = self.products.rounded(self.row, self.column, unit=self.unit)
        if first is None or second is None or inner is None:
            return None
        return _summed(first[self.row], second[self.column], -2 * inner)


def _common(first: Fraction, second: Fraction) -> Fraction:
    """A unit that divides both."""
    return Fraction(math.gcd(first.numerator, second.numerator), math.lcm(first.denominator, second.denominator))


def _rows(points: Array | ExactMatrix, rows: Array) -> Array | ExactMatrix:
    return points.rows(rows) if isinstance(points, ExactMatrix) else points[rows]


# ------------------------------------------------------------------------------------------------- the float filter


def _surviving_pairs(configuration: Configuration) -> Iterator[tuple[Array, Array]]:
    """Ordered pairs, in blocks, whose exponent may be the smallest, by rigorous bounds on the float errors.

    Beside them, where the exponent is already proved to be 0.
    """
    num_classes = configuration.num_classes
    bounds = _Bounds(configuration) if configuration.is_float else None
    best = math.inf
    step = max(1, _BLOCK // num_classes)
    for start in range(0, num_classes, step):
        rows = np.arange(start, min(start + step, num_classes))
        survives = rows[:, None] != np.arange(num_classes)
        is_zero = np.zeros_like(survives)
        if bounds is not None:
            lower, upper = bounds(rows)
            best = min(best, float(upper[survives].min()))
            survives &= lower <= best
            is_zero = upper == 0
        i, j = np.nonzero(survives)
        if len(i):
            yield np.stack([rows[i], j], axis=1), is_zero[i, j]


class _Bounds:
    """Floats lower <= e_ij <= upper, up to one common power of two.

    After scaling by powers of two (exact but for underflow) every entry is at most 1. A computed inner product of d
    terms then has error at most gamma |x| |y| + tiny, in whatever order it is added; the constant 4 d + 32 below leaves
    a factor of more than two for the few further roundings. Norms are kept away from 0, quotients are taken before
    squares, and squares are made larger by more than underflow takes off. Overflow of the bias, or a vanishing |a_ij|,
    makes a pair survive. An upper bound of exactly 0 is a proof that m_ij <= 0.
    Reference: higham2002, sections 2.2 and 3.1.
    """

    def __init__(self, configuration: Configuration) -> None:
        self.linear = configuration.decoder == "linear"
        self.means, shift = _scaled(configuration.class_means)
        self.weights, self.bias = self.means, np.zeros(len(self.means))
        if self.linear:
            self.weights, shift_weights = _scaled(configuration.weights)
            with np.errstate(over="ignore", under="ignore"):
                self.bias = np.ldexp(configuration.bias, shift + shift_weights)
        self.relative = (4 * configuration.dimension + 32) * _UNIT_ROUNDOFF
        self.squares = (self.weights**2).sum(axis=1)
        self.own = (self.means * self.weights).sum(axis=1)
        self.lengths = np.sqrt((self.means**2).sum(axis=1) + _TINY), np.sqrt(self.squares + _TINY)

    def __call__(self, rows: Array) -> tuple[Array, Array]:
        """Bounds for the ordered pairs (i, j), i in `rows`."""
        squares = self.squares[rows, None] + self.squares
        lengths = squares - 2 * (self.weights[rows] @ self.weights.T)
        length_error = self.relative * squares + _TINY
        if not self.linear:
            return (lengths - length_error) / 8, (lengths + length_error) / 8
        with np.errstate(all="ignore"):
            margins, margin_error = self._margins(rows)
            low = np.maximum(margins - margin_error, 0) / np.sqrt(2 * (lengths + length_error))
            low = np.maximum(low**2 * (1 - self.relative) - _TINY, 0)
            top = np.maximum(margins + margin_error, 0)
            high = (top / np.sqrt(2 * np.maximum(lengths - length_error, 0))) ** 2 * (1 + self.relative) + _TINY
            high = np.where(top == 0, 0, high)
        return np.where(np.isfinite(low), low, 0), np.where(np.isnan(high), math.inf, high)

    def _margins(self, rows: Array) -> tuple[Array, Array]:
        margins = self.own[rows, None] - self.means[rows] @ self.weights.T + (self.bias[rows, None] - self.bias)
        of_means, of_weights = self.lengths
        products = of_means[rows, None] * (of_weights[rows, None] + of_weights)
        sizes_of_bias = np.abs(self.bias[rows, None]) + np.abs(self.bias)
        return margins, self.relative * (products + sizes_of_bias) + _TINY


def _scaled(array: Array) -> tuple[Array, int]:
    """The array times the power of two that makes its largest entry between 1/2 and 1, and that power's exponent."""
    shift = -int(np.frexp(np.abs(array).max())[1])
    return np.ldexp(array, shift), shift
