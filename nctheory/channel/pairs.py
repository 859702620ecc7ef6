"""The exponent of a configuration: a rigorous float filter first, exact integers on the pairs that survive it."""

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from jaxtyping import Int

from nctheory.arrays import Array, freeze, real_array
from nctheory.configuration import Configuration, as_configuration
from nctheory.errors import InputError
from nctheory.exact import ExactMatrix, InnerProducts, positive_semidefinite_rank
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


def exponent(configuration: Any, *, noise_covariance: Any = None) -> Result[AttainingPairs]:
    """The large-deviation error exponent of a configuration in the Gaussian channel, exactly.

    Formula:
        Given class i, h = mu_i + sigma z, z ~ N(0, S_i), decoded as argmax_c <w_c, h> + b_c. With a_ij = w_i - w_j and
        m_ij = <a_ij, mu_i> + b_i - b_j: beta = -lim sigma^2 log P(error) = min over ordered pairs of
        e_ij = max(0, m_ij)^2 / (2 <a_ij, S_i a_ij>), which is infinite for <a_ij, S_i a_ij> = 0 and m_ij > 0, and 0
        for m_ij <= 0. For the nearest-mean decoder and S_i = I, e_ij = |mu_i - mu_j|^2 / 8.
    Args:
        configuration: a Configuration, or bare class means (K, d) for the nearest-mean decoder.
        noise_covariance: S (d, d) of every class, or S_i (K, d, d) for each true class i; the identity where left out.
            Symmetric and positive semidefinite, perhaps singular.
    Assumes:
        Ties count as errors. Class priors do not matter, as long as none is 0. Without weights the decoder is the
        nearest class mean in Euclidean distance whatever the noise: for the best one see `best_decoder`.
    Returns:
        Result with lower = upper = beta, a Fraction (infinite for one class, and where singular noise never leads to an
        error), in squared units of the class means, and details.pairs, the attaining ordered pairs (none where it is
        infinite). Two equal weight rows, a margin m_ij <= 0 or coinciding class means give 0.
    Raises:
        InputError: input that makes no Configuration; a covariance of another shape, that is not exactly symmetric or
            not exactly positive semidefinite, or beside a Gram matrix.
    Reference:
        dembo2010, section 2.2 (Cramer's theorem in several dimensions, here for a union of half-spaces).
    Example:
        >>> from nctheory import channel
        >>> result = channel.exponent([[1, 0], [0, 1], [-1, 0], [0, -1]])
        >>> result.exact, len(result.details.pairs)
        (1/4, 8)
        >>> channel.exponent([[1, 0], [0, 1], [-1, 0], [0, -1]], noise_covariance=[[1, 0], [0, 4]]).exact
        1/10
    """
    configuration = as_configuration(configuration)
    noise = None if noise_covariance is None else Covariances(noise_covariance, configuration)
    value, pairs = _smallest(configuration, noise)
    details = AttainingPairs(freeze(pairs))
    return Result(
        lower=value,
        upper=value,
        details=details,
        build_configuration=lambda: configuration,
        build_certificate=lambda: _certificate(configuration, noise, value, details),
    )


def _certificate(
    configuration: Configuration, noise: "Covariances | None", value: End, details: AttainingPairs
) -> Certificate:
    claim = {
        "kind": "exponent",
        **sizes(configuration),
        "configuration": configuration.encode(),
        "exponent": "inf" if value == math.inf else value,
        "pair": None if value == math.inf else details.pairs[0].tolist(),
    }
    if noise is None:
        return Certificate(claim, {})
    return Certificate(claim | {"noise_covariance": noise.encode()}, noise.witness())


def sizes(configuration: Configuration) -> dict[str, Any]:
    """What every claim about a configuration says first."""
    return {
        "num_classes": configuration.num_classes,
        "dimension": configuration.dimension,
        "noise_covariance": "identity",
    }


# ------------------------------------------------------------------------------------------------ noise covariances


class Covariances:
    """Noise covariances, checked exactly: `exact` holds (1, d, d), one of all classes, or (K, d, d), one of each.

    `floats` are the same numbers where all of them are float64, else None. `factors` has for each matrix S an L for
    which S - L L^T is exactly diagonally dominant: so S is positive semidefinite, and the kernel can see it quickly. It
    is None where only elimination shows that.
    """

    def __init__(self, value: Any, configuration: Configuration) -> None:
        array, several = covariance_array(value, configuration)
        names = [f"noise_covariance[{c}]" if several else "noise_covariance" for c in range(len(array))]
        self.exact = ExactMatrix.of(array)
        self.floats = None if array.dtype == object else array.astype(np.float64)
        self.factors = [
            _checked_factor(self.exact.rows(np.array(c)), matrix.astype(np.float64), name)
            for c, (matrix, name) in enumerate(zip(array, names, strict=True))
        ]

    def encode(self) -> dict[str, Any]:
        """The kernel's form: the rows of all matrices, below one another."""
        exact = self.exact
        rows = exact.integers.reshape(-1, exact.integers.shape[2])
        return ExactMatrix(rows, exact.exponent, exact.denominator).encode()

    def witness(self) -> dict[str, Any]:
        """The kernel's hint, where there is one for every matrix."""
        factors = [factor for factor in self.factors if factor is not None]
        if len(factors) < len(self.factors):
            return {}
        return {"factor": ExactMatrix.of(np.concatenate(factors)).encode()}


def covariance_array(value: Any, configuration: Configuration) -> tuple[Array, bool]:
    """(1, d, d) or (K, d, d) real numbers, and whether there was one for each class."""
    if not configuration.has_coordinates:
        raise InputError("noise_covariance needs coordinates: this configuration was given by its Gram matrix")
    try:
        ndim = np.ndim(value)
    except ValueError:  # ragged: reading it as a matrix says so
        ndim = 2
    if ndim not in (2, 3):
        raise InputError(f"noise_covariance has {ndim} axes, expected 2, or 3 for one covariance per class")
    array = real_array(value, "noise_covariance", ndim)
    num_classes, dimension = configuration.num_classes, configuration.dimension
    expected = (num_classes, dimension, dimension)[3 - ndim :]
    if array.shape != expected:
        raise InputError(f"noise_covariance has shape {array.shape}, expected {expected} to match class_means")
    return array.reshape(-1, dimension, dimension), ndim == 3


def _checked_factor(matrix: ExactMatrix, rounded: Array, name: str) -> Array | None:
    """An L that shows the matrix to be positive semidefinite; None where elimination showed it instead."""
    if (different := np.argwhere(matrix.integers != matrix.integers.T)).size:
        i, j = map(int, different[0])
        entries = f"entry ({i}, {j}) is {rounded[i, j]}, ({j}, {i}) is {rounded[j, i]}"
        raise InputError(f"{name} is not exactly symmetric: {entries}; (S + S.T) / 2 is symmetric")
    factor = next((factor for factor in _rounded_factors(rounded) if _is_dominated(matrix, factor)), None)
    if factor is None:
        size = np.abs(rounded).max() or 1.0
        eigenvalues, eigenvectors = np.linalg.eigh(rounded / size)
        direction = ExactMatrix.of(eigenvectors[:, 0]).integers
        if direction @ matrix.integers @ direction < 0 or positive_semidefinite_rank(matrix.integers) is None:
            raise InputError(
                f"{name} is not positive semidefinite in exact arithmetic, its smallest eigenvalue is about "
                f"{eigenvalues[0] * size:.3g}; where that is rounding, add a small multiple of the identity"
            )
    return factor


def _rounded_factors(rounded: Array) -> Iterator[Array]:
    """Zero, and the Cholesky factor of S - cI, to 56 binary places, with c above the effect of all roundings."""
    yield np.zeros_like(rounded)
    dimension, power = len(rounded), int(np.frexp(np.abs(rounded).max())[1]) // 2
    scaled = np.ldexp(rounded, -2 * power)
    slack = 4 * dimension * (dimension + 2) * _UNIT_ROUNDOFF * np.abs(scaled).max()
    with suppress(np.linalg.LinAlgError):
        factor = np.linalg.cholesky(scaled - slack * np.eye(dimension))
        yield np.ldexp(np.rint(np.ldexp(factor, 56)), power - 56)


def _is_dominated(matrix: ExactMatrix, factor: Array) -> bool:
    """Whether R = S - L L^T has R_ii >= sum over j != i of |R_ij|, which makes it positive semidefinite (Gershgorin).

    Reference: horn2012, theorem 6.1.1.
    """
    products = InnerProducts(factor, factor)
    unit = common_unit(products.unit, matrix.unit)
    inner = products.take(*np.indices(factor.shape), unit=unit)
    rest = matrix.integers * int(matrix.unit / unit) - inner
    return bool((2 * rest.diagonal() >= np.abs(rest).sum(axis=1)).all())


# ------------------------------------------------------------------------------------------------ the smallest exponent


def _smallest(configuration: Configuration, noise: Covariances | None) -> tuple[End, Array]:
    """The smallest pair exponent and the ordered pairs that attain it, block of rows by block of rows."""
    smallest: End = math.inf
    attaining = np.empty((0, 2), dtype=np.int64)
    if configuration.num_classes == 1:
        return smallest, attaining
    plain = noise is None and configuration.decoder == "nearest_mean"
    for pairs, is_zero in _surviving_pairs(configuration, noise):
        if is_zero.any():
            smallest, attaining = _merged(smallest, attaining, Fraction(0), pairs[is_zero])
        if not is_zero.all():
            open_pairs = pairs[~is_zero]
            i, j = open_pairs.T
            value, where = (
                _nearest_mean_smallest(configuration, i, j) if plain else _linear_smallest(configuration, i, j, noise)
            )
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
        products = SquaredDistances(configuration.stored_means, i, j)
        distances, unit = products.exact(np.arange(len(i))), products.unit
    else:
        gram, unit = configuration.exact.integers, configuration.exact.unit
        distances = np.diagonal(gram)[i] + np.diagonal(gram)[j] - 2 * gram[i, j]
    smallest = distances.min()
    return unit * smallest / 8, np.flatnonzero(distances == smallest)


def _linear_smallest(configuration: Configuration, i: Array, j: Array, noise: Covariances | None) -> tuple[End, Array]:
    """The smallest e_ij = max(0, m_ij)^2 / (2 q_ij) among these pairs, and which of them attain it.

    Here q_ij = <a_ij, S_i a_ij>, which is |a_ij|^2 where there is no noise covariance. After long doubles have left few
    candidates, where floor(m^2 / q) is smallest comes first, which is cheap. Among those: different fractions p/q, r/s
    differ by at least 1/(qs), so with 2^b above every q the integers floor(m^2 2^(2b) / q) have their order exactly.
    """
    all_margins, unit, weights = _margins(configuration, i, j)
    all_lengths = SquaredDistances(weights, i, j) if noise is None else NoiseForms(weights, noise, i, j)
    where = _nearly_smallest(all_margins.rounded(), all_lengths.rounded(), len(i))
    margins, lengths = all_margins.exact(where), all_lengths.exact(where)
    finite = np.flatnonzero((lengths != 0) | (margins <= 0))
    if not len(finite):
        return math.inf, finite
    where, squares, lengths = where[finite], np.maximum(margins[finite], 0) ** 2, np.maximum(lengths[finite], 1)
    for shift in (0, 2 * int(lengths.max()).bit_length()):
        order = (squares << shift if shift else squares) // lengths
        smallest = np.flatnonzero(order == order.min())
        where, squares, lengths = where[smallest], squares[smallest], lengths[smallest]
    return unit**2 / (2 * all_lengths.unit) * Fraction(squares[0], lengths[0]), where


def _margins(
    configuration: Configuration, i: Array, j: Array
) -> tuple["Margins | SquaredDistances", Fraction, Array | ExactMatrix]:
    """m_ij, what they count, and the weights; for the nearest-mean decoder m_ij = |mu_i - mu_j|^2 / 2."""
    if configuration.decoder == "nearest_mean":
        distances = SquaredDistances(configuration.stored_means, i, j)
        return distances, distances.unit / 2, configuration.stored_means
    margins = Margins(configuration, i, j)
    return margins, margins.unit, configuration.linear_weights


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


class Margins:
    """m_ij = (<w_i, mu_i> + b_i) - (<w_j, mu_i> + b_j) of some pairs, exactly or rounded, in multiples of `unit`."""

    def __init__(self, configuration: Configuration, i: Array, j: Array) -> None:
        self.i, self.j, self.bias = i, j, configuration.exact_bias
        (rows, self.row), (columns, self.column) = (np.unique(index, return_inverse=True) for index in (i, j))
        means, weights = _rows(configuration.stored_means, rows), configuration.linear_weights
        self.cross = self.own = InnerProducts(means, _rows(weights, columns))
        if not np.array_equal(rows, columns):
            self.own = InnerProducts(means, _rows(weights, rows), rowwise=True)
        self.unit = common_unit(self.cross.unit, self.own.unit, self.bias.unit)

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


class SquaredDistances:
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
        self.unit = common_unit(self.products.unit, self.row_squares.unit, self.column_squares.unit)

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


class NoiseForms:
    """<a_ij, S_i a_ij> of some pairs, exactly, in multiples of `unit`."""

    def __init__(self, weights: Array | ExactMatrix, noise: Covariances, i: Array, j: Array) -> None:
        self.i, self.j = i, j
        weights = weights if isinstance(weights, ExactMatrix) else ExactMatrix.of(weights)
        self.weights, self.matrices = weights.integers, noise.exact.integers
        self.unit = weights.unit**2 * noise.exact.unit

    def exact(self, where: Array) -> Array:
        """Python integers <a_ij, S_i a_ij> / unit."""
        i, j = self.i[where], self.j[where]
        if len(self.matrices) == 1:
            rows, place = np.unique(np.concatenate([i, j]), return_inverse=True)
            first, second = np.split(place, 2)
            inner = _integer_products(_integer_products(self.weights[rows], self.matrices[0]), self.weights[rows])
            return np.asarray(inner[first, first] + inner[second, second] - 2 * inner[first, second])
        forms = np.empty(len(where), dtype=object)
        for c in np.unique(i):
            own = np.flatnonzero(i == c)
            differences = self.weights[j[own]] - self.weights[c]
            forms[own] = (_integer_products(differences, self.matrices[c]) * differences).sum(axis=1)
        return forms

    def rounded(self) -> _Rounded:
        """None: there are no long doubles for these."""
        return None


def _integer_products(x: Array, y: Array) -> Array:
    """The inner products of the rows of two integer matrices."""
    return InnerProducts(ExactMatrix(x, 0, 1), ExactMatrix(y, 0, 1)).take(*np.indices((len(x), len(y))))


def common_unit(*units: Fraction) -> Fraction:
    """The largest unit that divides all of them."""
    return Fraction(math.gcd(*(u.numerator for u in units)), math.lcm(*(u.denominator for u in units)))


def _rows(points: Array | ExactMatrix, rows: Array) -> Array | ExactMatrix:
    return points.rows(rows) if isinstance(points, ExactMatrix) else points[rows]


# ------------------------------------------------------------------------------------------------- the float filter


def _surviving_pairs(configuration: Configuration, noise: Covariances | None = None) -> Iterator[tuple[Array, Array]]:
    """Ordered pairs, in blocks, whose exponent may be the smallest, by rigorous bounds on the float errors.

    Beside them, where the exponent is already proved to be 0.
    """
    num_classes = configuration.num_classes
    is_float = configuration.is_float and (noise is None or noise.floats is not None)
    bounds = _Bounds(configuration, noise) if is_float else None
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

    With covariances the quadratic forms are products of two matrices more, of error at most twice gamma |S| (|w_i| +
    |w_j|)^2 + tiny, |S| the largest absolute row sum, which is at least the spectral norm of the matrix of the |S_kl|.
    Reference: higham2002, sections 2.2 and 3.1.
    """

    def __init__(self, configuration: Configuration, noise: Covariances | None) -> None:
        self.linear = configuration.decoder == "linear"
        self.means, shift = _scaled(configuration.class_means)
        self.weights, self.bias = self.means, np.zeros(len(self.means))
        if self.linear:
            self.weights, shift_weights = _scaled(configuration.weights)
            with np.errstate(over="ignore", under="ignore"):
                self.bias = np.ldexp(configuration.bias, shift + shift_weights)
        self.noise = None if noise is None or noise.floats is None else _scaled(noise.floats)[0]
        self.relative = (4 * configuration.dimension + 32) * _UNIT_ROUNDOFF
        self.squares = (self.weights**2).sum(axis=1)
        self.own = (self.means * self.weights).sum(axis=1)
        self.lengths = np.sqrt((self.means**2).sum(axis=1) + _TINY), np.sqrt(self.squares + _TINY)

    def __call__(self, rows: Array) -> tuple[Array, Array]:
        """Bounds for the ordered pairs (i, j), i in `rows`."""
        squares = self.squares[rows, None] + self.squares
        lengths = squares - 2 * (self.weights[rows] @ self.weights.T)
        length_error = self.relative * squares + _TINY
        if not self.linear and self.noise is None:
            return (lengths - length_error) / 8, (lengths + length_error) / 8
        with np.errstate(all="ignore"):
            margins, margin_error = self._margins(rows) if self.linear else (lengths / 2, length_error / 2)
            if self.noise is not None:
                lengths, length_error = self._forms(rows, self.noise)
            low = np.maximum(margins - margin_error, 0) / np.sqrt(2 * (lengths + length_error))
            low = np.maximum(low**2 * (1 - self.relative) - _TINY, 0)
            top = np.maximum(margins + margin_error, 0)
            high = (top / np.sqrt(2 * np.maximum(lengths - length_error, 0))) ** 2 * (1 + self.relative) + _TINY
            high = np.where(top == 0, 0, high)
        return np.where(np.isfinite(low), low, 0), np.where(np.isnan(high), math.inf, high)

    def _forms(self, rows: Array, noise: Array) -> tuple[Array, Array]:
        sizes = np.abs(noise).sum(axis=2).max(axis=1)
        if len(noise) == 1:
            images = self.weights @ noise[0]
            own = (images * self.weights).sum(axis=1)
            forms = own[rows, None] + own - 2 * (self.weights[rows] @ images.T)
        else:
            differences = (self.weights - self.weights[i] for i in rows)
            forms = np.stack([((a @ noise[i]) * a).sum(axis=1) for i, a in zip(rows, differences, strict=True)])
            sizes = sizes[rows, None]
        return forms, 2 * self.relative * sizes * (self.squares[rows, None] + self.squares) + _TINY

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
