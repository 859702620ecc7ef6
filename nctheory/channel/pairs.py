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
_TINY = 1e-300  # above every rounding error that underflow can cause after scaling
_UNIT_ROUNDOFF = 2.0**-53


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
        dembo2010, theorem 2.2.10 (large deviations of a union of half-spaces).
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
    for i, j in _surviving_pairs(configuration):
        value, where = smallest_of(configuration, i, j)
        if value <= smallest:
            new = np.stack([i[where], j[where]], axis=1)
            attaining = np.concatenate([attaining, new]) if value == smallest else new
            smallest = value
    return smallest, attaining


# ----------------------------------------------------------------------------------------------- exact pair exponents


def _nearest_mean_smallest(configuration: Configuration, i: Array, j: Array) -> tuple[End, Array]:
    """The smallest e_ij = |mu_i - mu_j|^2 / 8 among these pairs, and which of them attain it."""
    if configuration.has_coordinates:
        distances, unit = _squared_distances(configuration.stored_means, i, j)
    else:
        gram, unit = configuration.exact.integers, configuration.exact.unit
        distances = np.diagonal(gram)[i] + np.diagonal(gram)[j] - 2 * gram[i, j]
    smallest = distances.min()
    return unit * smallest / 8, np.flatnonzero(distances == smallest)


def _linear_smallest(configuration: Configuration, i: Array, j: Array) -> tuple[End, Array]:
    """The smallest e_ij = max(0, m_ij)^2 / (2 |a_ij|^2) among these pairs, and which of them attain it.

    Where floor(m^2 / |a|^2) is smallest comes first, which is cheap. Among those: different fractions p/q, r/s differ
    by at least 1/(qs), so with 2^b above every |a|^2 the integers floor(m^2 2^(2b) / |a|^2) have their order exactly.
    """
    margins, unit = _margins(configuration, i, j)
    lengths, unit_lengths = _squared_distances(configuration.linear_weights, i, j)
    where = np.flatnonzero((lengths != 0) | (margins <= 0))
    if not len(where):
        return math.inf, where
    squares, lengths = np.maximum(margins[where], 0) ** 2, np.maximum(lengths[where], 1)
    for shift in (0, 2 * int(lengths.max()).bit_length()):
        order = (squares << shift if shift else squares) // lengths
        smallest = np.flatnonzero(order == order.min())
        where, squares, lengths = where[smallest], squares[smallest], lengths[smallest]
    return unit**2 / (2 * unit_lengths) * Fraction(squares[0], lengths[0]), where


def _margins(configuration: Configuration, i: Array, j: Array) -> tuple[Array, Fraction]:
    """m_ij = (<w_i, mu_i> + b_i) - (<w_j, mu_i> + b_j) as integers in multiples of a unit."""
    (rows, row), (columns, column) = (np.unique(index, return_inverse=True) for index in (i, j))
    means, weights, bias = (
        _rows(configuration.stored_means, rows),
        configuration.linear_weights,
        configuration.exact_bias,
    )
    cross = own = InnerProducts(means, _rows(weights, columns))
    if not np.array_equal(rows, columns):
        own = InnerProducts(means, _rows(weights, rows), rowwise=True)
    unit = _common(_common(cross.unit, own.unit), bias.unit)
    shifts = bias.integers * int(bias.unit / unit)
    scores = own.diagonal(unit) + shifts[rows]
    return scores[row] - (cross.take(row, column, unit=unit) + shifts[j]), unit


def _squared_distances(points: Array | ExactMatrix, i: Array, j: Array) -> tuple[Array, Fraction]:
    """|x_i - x_j|^2 as integers in multiples of a unit."""
    (rows, row), (columns, column) = (np.unique(index, return_inverse=True) for index in (i, j))
    left = _rows(points, rows)
    if np.array_equal(rows, columns):
        products = row_squares = column_squares = InnerProducts(left, left)
    else:
        right = _rows(points, columns)
        products = InnerProducts(left, right)
        row_squares, column_squares = (InnerProducts(end, end, rowwise=True) for end in (left, right))
    unit = _common(products.unit, _common(row_squares.unit, column_squares.unit))
    ends = row_squares.diagonal(unit)[row] + column_squares.diagonal(unit)[column]
    return ends - 2 * products.take(row, column, unit=unit), unit


def _common(first: Fraction, second: Fraction) -> Fraction:
    """A unit that divides both."""
    return Fraction(math.gcd(first.numerator, second.numerator), math.lcm(first.denominator, second.denominator))


def _rows(points: Array | ExactMatrix, rows: Array) -> Array | ExactMatrix:
    return points.rows(rows) if isinstance(points, ExactMatrix) else points[rows]


# ------------------------------------------------------------------------------------------------- the float filter


def _surviving_pairs(configuration: Configuration) -> Iterator[tuple[Array, Array]]:
    """Ordered pairs, in blocks, whose exponent may be the smallest, by rigorous bounds on the float errors."""
    num_classes = configuration.num_classes
    bounds = _Bounds(configuration) if configuration.is_float else None
    best = math.inf
    step = max(1, _BLOCK // num_classes)
    for start in range(0, num_classes, step):
        rows = np.arange(start, min(start + step, num_classes))
        survives = rows[:, None] != np.arange(num_classes)
        if bounds is not None:
            lower, upper = bounds(rows)
            best = min(best, float(upper[survives].min()))
            survives &= lower <= best
        i, j = np.nonzero(survives)
        if len(i):
            yield rows[i], j


class _Bounds:
    """Floats lower <= e_ij <= upper, up to one common power of two.

    After scaling by powers of two (exact but for underflow) every entry is at most 1. A computed inner product of d
    terms then has error at most gamma |x| |y| + tiny, in whatever order it is added; the constant 4 d + 32 below leaves
    a factor of more than two for the few further roundings. Comparisons are written so that overflow of the bias, or a
    vanishing |a_ij|, makes a pair survive.
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
        self.lengths = np.sqrt((self.means**2).sum(axis=1)), np.sqrt(self.squares)

    def __call__(self, rows: Array) -> tuple[Array, Array]:
        """Bounds for the ordered pairs (i, j), i in `rows`."""
        squares = self.squares[rows, None] + self.squares
        lengths = squares - 2 * (self.weights[rows] @ self.weights.T)
        length_error = self.relative * squares + _TINY
        if not self.linear:
            return (lengths - length_error) / 8, (lengths + length_error) / 8
        with np.errstate(all="ignore"):
            margins, margin_error = self._margins(rows)
            low = np.maximum(margins - margin_error, 0) ** 2 / (2 * (lengths + length_error)) * (1 - self.relative)
            top = np.maximum(margins + margin_error, 0) ** 2
            bottom = 2 * np.maximum(lengths - length_error, 0)
            high = np.where(top == 0, 0, top / bottom) * (1 + self.relative) + _TINY
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
