"""Exact numbers: floats as integers times a power of two, their inner products, elimination, rounding.

Everything here is untrusted: it finds answers and builds witnesses that the kernel checks again by itself.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from nctheory.errors import InputError

__all__ = [
    "ExactMatrix",
    "InnerProducts",
    "ceil_float",
    "class_sums",
    "floor_float",
    "nearest_float",
    "positive_semidefinite_rank",
]

_FLOAT_BITS = 53
_MOST_SLICES = 8  # beyond that FLINT's integers are faster
_SUM_BITS = 32  # 2^31 samples may be added


@dataclass(frozen=True, eq=False)
class ExactMatrix:
    """`integers * 2^exponent / denominator` in lowest terms: denominator odd, some integer odd (or all 0)."""

    integers: NDArray[Any]
    exponent: int
    denominator: int

    @property
    def unit(self) -> Fraction:
        """What the integers count: 2^exponent / denominator."""
        return Fraction(2) ** self.exponent / self.denominator

    @classmethod
    def of(cls, array: NDArray[Any]) -> "ExactMatrix":
        """From floats or Fractions, exactly."""
        return cls._of_fractions(array) if array.dtype == object else cls._of_floats(array.astype(np.float64))

    @classmethod
    def _of_floats(cls, array: NDArray[Any]) -> "ExactMatrix":
        fractions, exponents = np.frexp(array)
        mantissas = np.ldexp(fractions, _FLOAT_BITS).astype(np.int64)
        trailing = np.frexp((mantissas & -mantissas).astype(np.float64))[1] - 1
        nonzero = mantissas != 0
        if not nonzero.any():
            return cls(_read_only(np.zeros(array.shape, dtype=object)), 0, 1)
        lowest = exponents - _FLOAT_BITS + trailing
        least = int(lowest[nonzero].min())
        odd = (mantissas >> np.where(nonzero, trailing, 0)).astype(object)
        shifts = np.where(nonzero, lowest - least, 0).astype(object)
        return cls(_read_only(odd << shifts), least, 1)

    @classmethod
    def _of_fractions(cls, array: NDArray[Any]) -> "ExactMatrix":
        common = math.lcm(*(entry.denominator for entry in array.flat))
        integers = [int(entry * common) for entry in array.flat]
        return cls.scaled(np.array(integers, dtype=object).reshape(array.shape), Fraction(1, common))

    @classmethod
    def scaled(cls, integers: NDArray[Any], unit: Fraction) -> "ExactMatrix":
        """`integers * unit`, brought to lowest terms."""
        content = math.gcd(*integers.flat)
        if content == 0:
            return cls(_read_only(integers), 0, 1)
        unit *= content
        twos = _twos(unit.numerator) - _twos(unit.denominator)
        rest = unit / Fraction(2) ** twos
        return cls(_read_only(integers // content * rest.numerator), twos, rest.denominator)

    def fractions(self) -> NDArray[Any]:
        """The same numbers as an array of Fractions."""
        return np.asarray(self.integers * self.unit)

    def floats(self) -> NDArray[Any]:
        """The same numbers, each rounded once to the nearest float64."""
        unit = self.unit
        try:
            return _read_only((self.integers * unit.numerator / unit.denominator).astype(np.float64))
        except OverflowError:
            raise InputError("an entry is beyond the range of float64") from None

    def encode(self) -> dict[str, Any]:
        """The kernel's JSON form; a vector becomes a matrix of one row."""
        rows = np.atleast_2d(self.integers).tolist()
        denominator = {} if self.denominator == 1 else {"denominator": self.denominator}
        return {"exponent": self.exponent, **denominator, "rows": rows}

    def __getitem__(self, key: Any) -> Any:
        """One entry, as a Fraction."""
        return self.integers[key] * self.unit

    def rows(self, indices: NDArray[Any]) -> "ExactMatrix":
        """Some of the rows, in the same unit."""
        return ExactMatrix(self.integers[indices], self.exponent, self.denominator)


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array


def _log2(power: Fraction) -> int:
    """The exponent of a power of two (of the largest that divides, for any other fraction)."""
    return _twos(power.numerator) - _twos(power.denominator)


def _twos(number: int) -> int:
    """How often 2 divides a positive integer."""
    return (number & -number).bit_length() - 1


def floor_float(number: Fraction) -> float:
    """The largest float64 that is not above the number."""
    nearest = nearest_float(number)
    return nearest if nearest <= number else math.nextafter(nearest, -math.inf)


def ceil_float(number: Fraction) -> float:
    """The smallest float64 that is not below the number."""
    return 0.0 - floor_float(-number)  # no negative zero


def nearest_float(number: Fraction | float) -> float:
    """The number rounded to the nearest float64, infinite beyond its range."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


# ------------------------------------------------------------------------------------------------- inner products


class InnerProducts:
    """The exact inner products of the rows of two matrices, in multiples of `unit`.

    Floats go through BLAS in error-free slices, anything else through FLINT's integers. Slicing: with b bits to a slice
    and 2b + log2(d) <= 53 every partial sum of a product of two slices is an integer that float64 holds exactly, in
    whatever order BLAS adds. The products with equal weight 2^(-b r) are collected in one int64 array, `_limbs[r]`.
    With `rowwise` only the products <x_i, y_i> of rows with the same index are made.
    Reference: ozaki2012 (error-free transformation of matrix products).
    """

    def __init__(self, x: NDArray[Any] | ExactMatrix, y: NDArray[Any] | ExactMatrix, *, rowwise: bool = False) -> None:
        sliced = None
        if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
            sliced = _sliced_products(x, y, rowwise)
        self._limbs, self._bits, self.unit = sliced or _integer_products(x, y, rowwise)

    def take(self, *indices: NDArray[Any], unit: Fraction | None = None) -> NDArray[Any]:
        """Python integers <x_i, y_j> / unit (or <x_i, y_i> / unit) at index arrays; `unit` must divide all of them."""
        digits = self._digits(indices)
        total = digits[0].astype(object)
        step = 63 // max(1, self._bits)
        for start in range(1, len(digits), step):
            group = digits[start]
            for digit in digits[start + 1 : start + step]:
                group = (group << self._bits) | digit
            total = (total << self._bits * len(digits[start : start + step])) + group.astype(object)
        factor = self.unit / unit if unit else Fraction(1)
        return np.asarray(total if factor == 1 else total * factor.numerator // factor.denominator)

    def rounded(self, *indices: NDArray[Any], unit: Fraction) -> NDArray[np.longdouble] | None:
        """What `take` gives, as long doubles of relative error below 20 eps, infinite beyond their range.

        Horner's rule rounds only where the value so far has more than 52 bits, relative to what the whole then is. None
        where the products are not sliced, or are no power of two times `unit`.
        """
        factor = self.unit / unit
        if not self._bits or factor != Fraction(2) ** _log2(factor):
            return None
        total, *rest = (digit.astype(np.longdouble) for digit in self._digits(indices))
        with np.errstate(over="ignore"):
            for digit in rest:
                total = total * 2.0**self._bits + digit
            return np.asarray(np.ldexp(total, _log2(factor)))

    def _digits(self, indices: tuple[NDArray[Any], ...]) -> list[NDArray[Any]]:
        """The limbs after carrying, so that all but the first are digits in base 2^bits."""
        digits = [limb[indices] for limb in self._limbs]
        for r in range(len(digits) - 1, 0, -1):
            digits[r - 1] = digits[r - 1] + (digits[r] >> self._bits)
            digits[r] = digits[r] & ((1 << self._bits) - 1)
        return digits

    def diagonal(self) -> tuple[NDArray[Any], ...]:
        """Index arrays of the products <x_i, y_i> of all rows, for `take` and `rounded`."""
        return (np.arange(len(self._limbs[0])),) * self._limbs[0].ndim


_Limbs = tuple[list[NDArray[Any]], int, Fraction]


def _sliced_products(x: NDArray[Any], y: NDArray[Any], rowwise: bool) -> _Limbs | None:
    bits = (_FLOAT_BITS - x.shape[1].bit_length()) // 2
    left = _slices(x, bits)
    right = left if y is x else _slices(y, bits)
    if left is None or right is None:
        return None
    shape = len(x) if rowwise else (len(x), len(y))
    limbs = [np.zeros(shape, dtype=np.int64) for _ in range(len(left[0]) + len(right[0]) - 1)]
    for p, slice_x in enumerate(left[0]):
        for q, slice_y in enumerate(right[0]):
            if rowwise:
                limbs[p + q] += (slice_x * slice_y).sum(axis=1).astype(np.int64)
            elif y is not x:
                limbs[p + q] += (slice_x @ slice_y.T).astype(np.int64)
            elif p <= q:
                product = (slice_x @ slice_y.T).astype(np.int64)
                limbs[p + q] += product if p == q else product + product.T
    return limbs, bits, Fraction(2) ** (left[1] + right[1] - bits * (len(limbs) + 1))


def _slices(x: NDArray[Any], bits: int) -> tuple[list[NDArray[Any]], int] | None:
    """x = sum_p slices[p] * 2^(top - bits (p + 1)), |slices[p]| < 2^bits; None where that takes too many."""
    top = int(np.frexp(np.abs(x).max(initial=0.0))[1])
    rest = np.array(x, dtype=np.float64)
    slices: list[NDArray[Any]] = []
    while not slices or rest.any():
        if len(slices) == _MOST_SLICES:
            return None
        slices.append(_cut(rest, top - bits * (len(slices) + 1)))
    return slices, top


def _cut(rest: NDArray[Any], exponent: int) -> NDArray[Any]:
    """Take the multiples of 2^exponent off `rest`, without error, and return how many they are."""
    part = np.asarray(np.trunc(_times_power(rest, -exponent)))
    rest -= _times_power(part, exponent)
    return part


def _times_power(x: NDArray[Any], exponent: int) -> NDArray[Any]:
    """x * 2^exponent; by multiplication, which is quicker than ldexp, where the power is a float64."""
    return np.asarray(x * 2.0**exponent if abs(exponent) < 1000 else np.ldexp(x, exponent))


def _integer_products(x: NDArray[Any] | ExactMatrix, y: NDArray[Any] | ExactMatrix, rowwise: bool) -> _Limbs:
    left, right = (matrix if isinstance(matrix, ExactMatrix) else ExactMatrix.of(matrix) for matrix in (x, y))
    unit = left.unit * right.unit
    if rowwise:
        return [(left.integers * right.integers).sum(axis=1)], 0, unit
    product = flint.fmpz_mat(left.integers.tolist()) * flint.fmpz_mat(right.integers.tolist()).transpose()
    table = np.array([int(entry) for entry in product.entries()], dtype=object)
    return [table.reshape(len(left.integers), len(right.integers))], 0, unit


def class_sums(features: NDArray[Any], labels: NDArray[Any], num_classes: int) -> ExactMatrix:
    """The exact sum of the rows of each class: floats are cut into 32-bit slices and added as 64-bit integers."""
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(num_classes))
    rest = features[order].astype(np.float64)
    exponent = int(np.frexp(np.abs(rest).max(initial=0.0))[1])
    total = np.zeros((num_classes, features.shape[1]), dtype=object)
    while rest.any():
        exponent -= _SUM_BITS
        part = _cut(rest, exponent).astype(np.int64)
        total = (total << _SUM_BITS) + np.add.reduceat(part, starts).astype(object)
    return ExactMatrix.scaled(total, Fraction(2) ** exponent)


# ---------------------------------------------------------------------------------------------------- elimination


def positive_semidefinite_rank(integers: NDArray[Any]) -> int | None:
    """The rank of a symmetric integer matrix, and None where it is not positive semidefinite (Bareiss elimination)."""
    rest, previous, rank = integers.copy(), 1, 0
    for k in range(len(rest)):
        pivot = rest[k, k]
        if pivot < 0 or (pivot == 0 and rest[k, k:].any()):
            return None
        if pivot:
            below = rest[k + 1 :, k + 1 :]
            rest[k + 1 :, k + 1 :] = (pivot * below - np.outer(rest[k + 1 :, k], rest[k, k + 1 :])) // previous
            previous, rank = pivot, rank + 1
    return rank
