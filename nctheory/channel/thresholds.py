"""Exact thresholds of ordered pairs of classes: margins over lengths, from integers, correct to one rounding."""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from nctheory.arrays import Array
from nctheory.channel.pairs import Margins, SquaredDistances, common_unit
from nctheory.configuration import Configuration
from nctheory.exact import ExactMatrix

__all__ = ["FormDistances", "Numbers", "Pairs"]

_UNIT_ROUNDOFF = 2.0**-53
_EXTENDED = float(32 * np.finfo(np.longdouble).eps)  # relative error of a long double margin or length
_TINY = 1e-300  # smaller thresholds are made from integers


class Numbers(Protocol):
    """Integers (Python's), perhaps also long doubles beside the sizes that their error is relative to, of one unit."""

    unit: Fraction

    def exact(self, where: Array) -> Array:
        """Those at some indices."""

    def rounded(self) -> tuple[Array, Array] | None:
        """The long doubles, where they are known."""


class FormDistances:
    """(w_i - w_j)' Sigma (w_i - w_j) of some pairs, exactly, from the forms <w_i, Sigma w_j> that belong to each."""

    def __init__(self, forms: Mapping[int, ExactMatrix], which: Array, i: Array, j: Array) -> None:
        self.forms, self.which, self.i, self.j = forms, which, i, j
        self.unit = common_unit(*(form.unit for form in forms.values()))

    def exact(self, where: Array) -> Array:
        """Python integers, in multiples of `unit`; a form that is negative by rounding counts as 0."""
        values = np.zeros(len(where), dtype=object)
        for key, form in self.forms.items():
            chosen = np.flatnonzero(self.which[where] == key)
            i, j, integers = self.i[where[chosen]], self.j[where[chosen]], form.integers
            values[chosen] = (integers[i, i] + integers[j, j] - 2 * integers[i, j]) * int(form.unit / self.unit)
        return np.asarray(np.maximum(values, 0))

    def rounded(self) -> tuple[Array, Array] | None:
        """Not known."""
        return None


class Pairs:
    """Margins and squared lengths of some ordered pairs: t = m / sqrt(l) * sqrt(scale), with integers m and l.

    The lengths are Euclidean ones unless others are given.
    """

    def __init__(
        self, configuration: Configuration, noise: Fraction, i: Array, j: Array, lengths: FormDistances | None = None
    ) -> None:
        linear = configuration.decoder == "linear"
        means = configuration.stored_means
        self.lengths: Numbers = lengths or SquaredDistances(configuration.linear_weights if linear else means, i, j)
        self.margins: Numbers = self.lengths
        factor = Fraction(1, 2)  # of the nearest-mean decoder: |w_i - w_j|^2 / 2
        if linear:
            self.margins, factor = Margins(configuration, i, j), Fraction(1)
        elif lengths is not None and configuration.has_coordinates:
            self.margins = SquaredDistances(means, i, j)
        self.count = len(i)
        self.scale = (self.margins.unit * factor / noise) ** 2 / self.lengths.unit

    def exact(self, where: Array | None = None) -> tuple[Array, Array]:
        """Python integers m and l of all pairs, or of those at some indices."""
        where = np.arange(self.count) if where is None else where
        margins = self.margins.exact(where)
        return margins, margins if self.lengths is self.margins else self.lengths.exact(where)

    def thresholds(self) -> Array:
        """(P,) float64, each correct to about one rounding; -inf and +inf where l = 0."""
        values, rest = self._from_long_doubles()
        if len(rest):
            values[rest] = [_signed_root(*pair, self.scale) for pair in zip(*self.exact(rest), strict=True)]
        return values

    def _from_long_doubles(self) -> tuple[Array, Array]:
        """The thresholds, and at which indices they are not good enough."""
        values = np.zeros(self.count)
        margins, lengths = self.margins.rounded(), self.lengths.rounded()
        if margins is None or lengths is None:
            return values, np.arange(self.count)
        (margin, margin_size), (length, length_size) = margins, lengths
        with np.errstate(all="ignore"):
            if self.lengths is self.margins:
                exact, error = np.sqrt(length) * _long_root(self.scale), length_size / (2 * length)
            else:
                exact = margin / np.sqrt(length) * _long_root(self.scale)
                error = margin_size / np.abs(margin) + length_size / (2 * length)
            values = exact.astype(np.float64)
            good = (length > 0) & (np.abs(values) > _TINY) & (error * _EXTENDED <= 2 * _UNIT_ROUNDOFF)
            good &= np.isfinite(values)
        return values, np.flatnonzero(~good)


def _signed_root(margin: int, length: int, scale: Fraction) -> float:
    """margin / sqrt(length) * sqrt(scale) to one rounding; for length 0 the rule for ties."""
    if length <= 0:
        return math.inf if margin > 0 else -math.inf
    numerator, denominator = margin * margin * scale.numerator, length * scale.denominator
    root, exponent = _root(numerator, denominator, 64)
    try:
        return math.copysign(math.ldexp(root, exponent), margin)
    except OverflowError:
        return math.copysign(math.inf, margin)


def _root(numerator: int, denominator: int, bits: int) -> tuple[int, int]:
    """(r, e) with sqrt(numerator / denominator) = r 2^e and r of about so many bits, rounded down."""
    shift = 2 * bits + denominator.bit_length() - numerator.bit_length()
    shift += shift % 2
    shifted = numerator << shift if shift >= 0 else numerator >> -shift
    return math.isqrt(shifted // denominator), -shift // 2


def _long_root(number: Fraction) -> Any:
    """The square root of a positive Fraction as a long double."""
    root, exponent = _root(number.numerator, number.denominator, 64)
    high, low = np.longdouble(root >> 32), np.longdouble(root & 0xFFFFFFFF)
    return np.ldexp(high * 2.0**32 + low, exponent)
