"""The boundary: whatever the caller has becomes a checked, read-only NumPy array, and nothing is lost on the way.

Real arrays come out in one of two forms: float32 or float64 where every number is one exactly, else an object array of
`fractions.Fraction`. Everything further in may rely on finite entries, the right number of axes and points as rows.
"""

import math
import numbers
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from nctheory.errors import InputError

__all__ = [
    "Array",
    "Layout",
    "Seed",
    "as_fraction",
    "checked_flag",
    "checked_generator",
    "checked_tolerance",
    "freeze",
    "labels_array",
    "positive_integer",
    "positive_number",
    "real_array",
]

Array = np.ndarray[Any, np.dtype[Any]]
Layout = Literal["rows", "columns"]
Seed = int | np.random.SeedSequence | np.random.Generator

_EXACT_INTEGERS = 2**53  # every integer up to this one is a float64


def real_array(value: Any, name: str, ndim: int, layout: Layout = "rows") -> Array:
    """Read-only copy of real, finite numbers with `ndim` axes, points as rows.

    Takes NumPy arrays, nested sequences of int, float, Fraction, Decimal or SymPy rationals, and whatever speaks
    `__array__` or DLPack. `layout="columns"` says that the points come as columns, and transposes once.
    """
    array = _any_array(value, name, _object_array)
    if array.ndim != ndim:
        raise InputError(f"{name} has shape {array.shape}, expected {ndim} {'axis' if ndim == 1 else 'axes'}")
    array = _exactly_real(array, name)
    if array.dtype != object and not np.isfinite(array).all():
        bad = np.argwhere(~np.isfinite(array))
        first = tuple(map(int, bad[0]))
        raise InputError(f"{name} has {len(bad)} entries that are not finite, the first {array[first]} at {first}")
    if layout not in ("rows", "columns"):
        raise InputError(f"layout is {layout!r}, expected 'rows' or 'columns'")
    return freeze(array.T if layout == "columns" else array)


def labels_array(value: Any, name: str = "labels") -> Array:
    """Read-only int64 copy of one axis of integral labels, none negative."""
    array = _any_array(value, name, np.asarray)
    if array.ndim != 1:
        raise InputError(f"{name} has shape {array.shape}, expected one class index per sample, shape (N,)")
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name} has dtype {array.dtype}, expected integers")
    if array.dtype.kind == "f":
        _check_each(array, np.isfinite(array) & (array == np.trunc(array)), name, "expected integers")
    _check_each(array, array < 2**62, name, "expected a class index")
    _check_each(array, array >= 0, name, "expected class indices 0, 1, ..., K - 1")
    return freeze(array.astype(np.int64))


def positive_integer(value: Any, name: str, least: int = 1) -> int:
    """An integer of at least `least`, from anything that is one (not a bool, not a float)."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Integral) or int(value) < least:
        raise InputError(f"{name} is {value!r}, expected an integer of at least {least}")
    return int(value)


def positive_number(value: Any, name: str) -> float:
    """A number above 0, perhaps infinite."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real) or not float(value) > 0:
        raise InputError(f"{name} is {value!r}, expected a positive number")
    return float(value)


def as_fraction(value: Any, name: str) -> Fraction:
    """The exact rational number that `value` is."""
    if isinstance(value, numbers.Rational) and not isinstance(value, bool):
        return Fraction(int(value.numerator), int(value.denominator))
    if isinstance(value, float | np.floating | Decimal) and math.isfinite(value):
        return Fraction(*value.as_integer_ratio())
    raise InputError(f"{name} is {value!r} of type {type(value).__name__}, expected a finite rational number")


def checked_flag(value: Any, name: str = "bias") -> bool:
    """True or False, and nothing that may be a bias itself."""
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{name} is {value!r}, expected True or False{' (free or none)' * (name == 'bias')}")
    return bool(value)


def checked_tolerance(tolerance: Any) -> Fraction:
    """A relative gap, exactly."""
    allowed = as_fraction(tolerance, "tolerance")
    if allowed < 0:
        raise InputError(f"tolerance is {tolerance}, expected a number that is not negative")
    return allowed


def checked_generator(seed: Any) -> np.random.Generator:
    """The source of randomness that a seed names."""
    try:
        if seed is not None and not isinstance(seed, bool):
            return np.random.default_rng(seed)
    except (TypeError, ValueError):
        pass
    raise InputError(f"seed is {seed!r}, expected an integer that is not negative, a SeedSequence or a Generator")


def freeze(array: Array) -> Array:
    """A C-contiguous read-only copy."""
    copy = np.array(array, order="C")
    copy.setflags(write=False)
    return copy


def _check_each(array: Array, good: Array, name: str, expected: str) -> None:
    if not good.all():
        first = int(np.flatnonzero(~good)[0])
        raise InputError(f"{name}[{first}] is {array[first]}, {expected}")


def _any_array(value: Any, name: str, read_sequence: Callable[[Any], Any]) -> Array:
    if np.ma.is_masked(value):
        raise InputError(f"{name} is a masked array with masked entries, expected none")
    protocols: dict[str, Callable[[Any], Any]] = {"__array__": np.asarray, "__dlpack__": np.from_dlpack}
    readers: list[Callable[[Any], Any]] = [
        reader for protocol, reader in protocols.items() if hasattr(value, protocol)
    ] or [read_sequence]
    reasons = []
    for reader in readers:
        try:
            return np.asarray(reader(value))
        except (ValueError, TypeError, RuntimeError, BufferError, AttributeError) as error:
            reasons.append(str(error).splitlines()[0] if str(error) else type(error).__name__)
    raise InputError(f"{name} of type {type(value).__name__} cannot be read as an array: {reasons[0]}")


def _object_array(value: Any) -> Array:
    """Nested sequences go through objects, so that a large integer beside a float is not rounded."""
    array = np.array(value, dtype=object)
    kinds = {type(entry) for entry in array.flat}
    if kinds == {float}:
        return array.astype(np.float64)
    plain = np.array(value) if kinds == {int} else array
    return plain if plain.dtype.kind in "iu" else array


def _exactly_real(array: Array, name: str) -> Array:
    kind = array.dtype.kind
    if kind == "f":
        return array if array.dtype in (np.float32, np.float64) else _exact_cast(array, name)
    if kind in "iu":
        small = array.size == 0 or max(abs(int(array.min())), abs(int(array.max()))) <= _EXACT_INTEGERS
        return array.astype(np.float64) if small else _fractions(array.astype(object), name)
    if kind == "O":
        return _fractions(array, name)
    raise InputError(f"{name} has dtype {array.dtype}, expected real numbers")


def _exact_cast(array: Array, name: str) -> Array:
    """float16 always fits in float64; a longer float only if no digit is lost."""
    with np.errstate(over="ignore"):
        cast = array.astype(np.float64)
    if not np.array_equal(cast.astype(array.dtype), array, equal_nan=True):
        raise InputError(
            f"{name} has dtype {array.dtype} with entries that are no float64; round them, or give Fractions"
        )
    return cast


def _fractions(array: Array, name: str) -> Array:
    """Fractions, or float64 where every entry is one."""
    exact = np.empty(array.shape, dtype=object)
    floats = np.empty(array.shape)
    for index, entry in np.ndenumerate(array):
        exact[index] = as_fraction(entry, f"{name}{list(index)}")
        try:
            floats[index] = exact[index]
        except OverflowError:
            raise InputError(f"{name}{list(index)} is beyond the range of float64") from None
    fits = all(Fraction(float(f)) == e for f, e in zip(floats.flat, exact.flat, strict=True))
    return floats if fits else exact
