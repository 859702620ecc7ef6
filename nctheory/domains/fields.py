"""The kinds of field that an input of a claim can have, each with everything that a search needs of it.

A field is searched as an array of real coordinates of its shape, of which every value makes sense: `point` projects
them into the field, `rationals` finds exact values near them that satisfy the field's constraint exactly, `corners` are
the structured cases that random draws miss, and `requires` says the constraint in the language of formulas.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from nctheory.arrays import Array
from nctheory.constructions import orthoplex, simplex_etf
from nctheory.errors import InputError
from nctheory.exact import ExactMatrix, positive_semidefinite_rank

__all__ = [
    "AverageEnergy",
    "Ball",
    "ClassSizes",
    "Field",
    "Free",
    "Gram",
    "Increasing",
    "Interval",
    "Labels",
    "Positive",
    "Probabilities",
    "Size",
    "Sizes",
    "Sphere",
]

Size = str | int
Sizes = Mapping[str, int]
_MOST_SAMPLES = 10**6  # of one class
_SMALLEST = 1e-9  # a norm or gap below this is taken for 0


@dataclass(frozen=True)
class Field:
    """Real numbers of some shape: () for one number, a size's name or an integer for each axis."""

    shape: tuple[Size, ...] = ()
    axes: ClassVar[range] = range(3)  # how many there may be

    def __post_init__(self) -> None:
        if not isinstance(self.shape, tuple) or len(self.shape) not in self.axes:
            numbers = " or ".join(map(str, self.axes))
            raise InputError(f"{type(self).__name__} has shape {self.shape!r}, expected a tuple of {numbers} sizes")

    def __str__(self) -> str:
        """The kind and the shape, as a reader needs them."""
        return f"{type(self).__name__} ({', '.join(map(str, self.shape))})" if self.shape else type(self).__name__

    def dims(self, sizes: Sizes) -> tuple[int, ...]:
        """The shape in integers."""
        return tuple(axis if isinstance(axis, int) else sizes[axis] for axis in self.shape)

    @property
    def rotates(self) -> bool:
        """Whether it is points as rows, which a rotation of space moves along with those of other fields."""
        return False

    def point(self, coordinates: Array) -> Any:
        """The field's value at these coordinates, in floats."""
        return _nested(coordinates)

    def rationals(self, coordinates: Array, denominator: int) -> Iterator[Any]:
        """Values in Fractions near these coordinates, of about this denominator."""
        yield _nested(_near(coordinates, denominator))

    def corners(self, dims: tuple[int, ...]) -> Iterator[Array]:
        """Coordinates of structured cases."""
        yield np.zeros(dims)
        yield np.ones(dims)
        if dims:
            yield np.arange(math.prod(dims), dtype=float).reshape(dims) % 3 - 1
        if len(dims) == 2:
            yield from _arrangements(*dims)

    def requires(self, name: str) -> list[str]:
        """The constraint as formulas: the shape, and what more the kind asks."""
        found = [f"len({name}) == {self.shape[0]}"] if self.shape else []
        return found + ([f"all(len(x_) == {self.shape[1]} for x_ in {name})"] if len(self.shape) == 2 else [])


@dataclass(frozen=True)
class Free(Field):
    """Any real numbers."""

    @property
    def rotates(self) -> bool:
        """Rows are points."""
        return len(self.shape) == 2


@dataclass(frozen=True)
class _Points(Field):
    """Points as rows."""

    axes: ClassVar[range] = range(2, 3)

    @property
    def rotates(self) -> bool:
        """Rows are points."""
        return True


@dataclass(frozen=True)
class Sphere(_Points):
    """Rows of norm 1. Rational points of the sphere are dense: stereographic projection makes them."""

    def point(self, coordinates: Array) -> Any:
        """Each row divided by its norm; a row of zeros becomes a unit vector."""
        return _nested(_on_sphere(coordinates))

    def rationals(self, coordinates: Array, denominator: int) -> Iterator[Any]:
        """Each row on the sphere, exactly."""
        yield tuple(_rational_direction(row, denominator) for row in _on_sphere(coordinates))

    def requires(self, name: str) -> list[str]:
        """Norm 1."""
        return [*super().requires(name), f"all(dot(x_, x_) == 1 for x_ in {name})"]


@dataclass(frozen=True)
class Ball(_Points):
    """Rows of norm at most 1."""

    def point(self, coordinates: Array) -> Any:
        """Rows outside are moved to the sphere."""
        return _nested(_into_ball(coordinates))

    def rationals(self, coordinates: Array, denominator: int) -> Iterator[Any]:
        """Rounded rows; one that is then outside, or is within rounding of the sphere, is taken on the sphere."""
        rows = _into_ball(coordinates)
        yield tuple(_rational_in_ball(row, denominator) for row in rows)

    def requires(self, name: str) -> list[str]:
        """Norm at most 1."""
        return [*super().requires(name), f"all(dot(x_, x_) <= 1 for x_ in {name})"]


@dataclass(frozen=True)
class AverageEnergy(_Points):
    """Rows whose squared norms are at most 1 on average."""

    def point(self, coordinates: Array) -> Any:
        """All rows are scaled down alike, where that is needed."""
        return _nested(coordinates / max(1.0, math.sqrt(float((coordinates**2).sum(axis=1).mean()))))

    def rationals(self, coordinates: Array, denominator: int) -> Iterator[Any]:
        """Rounded, then scaled down by a fraction where that is needed."""
        rounded = _near(np.array(self.point(coordinates)), denominator)
        energy = (rounded**2).sum() / len(rounded)
        yield _nested(rounded if energy <= 1 else rounded * _below_root(1 / energy, max(denominator, 16)))

    def requires(self, name: str) -> list[str]:
        """Mean squared norm at most 1."""
        return [*super().requires(name), f"sum(dot(x_, x_) for x_ in {name}) <= len({name})"]


@dataclass(frozen=True)
class Gram(_Points):
    """The Gram matrix of points in dimension d, of norm 1 where `unit`: exact where the points themselves are not.

    Shape (K, d); the value is (K, K).
    """

    unit: bool = True

    def point(self, coordinates: Array) -> Any:
        """The inner products of the rows."""
        rows = _on_sphere(coordinates) if self.unit else coordinates
        return _nested(rows @ rows.T)

    def rationals(self, coordinates: Array, denominator: int) -> Iterator[Any]:
        """Inner products rounded, where that leaves a Gram matrix of no larger rank; those of rational points."""
        gram = _near(np.array(self.point(coordinates)), denominator)
        rank = positive_semidefinite_rank(ExactMatrix.of(gram).integers)
        if rank is not None and rank <= coordinates.shape[1]:
            yield _nested(gram)
        near = [_rational_direction(row, denominator) for row in _on_sphere(coordinates)]
        rows = np.array(near, dtype=object) if self.unit else _near(coordinates, denominator)
        yield _nested(rows @ rows.T)

    def requires(self, name: str) -> list[str]:
        """A Gram matrix of rank at most d; ones on the diagonal."""
        count, dimension = self.shape
        diagonal = [f"all({name}[i_][i_] == 1 for i_ in range({count}))"] if self.unit else []
        return [f"len({name}) == {count}", f"is_gram({name}, {dimension})", *diagonal]


@dataclass(frozen=True)
class Interval(Field):
    """Numbers from `low` to `high`, both included."""

    low: Fraction = Fraction(0)
    high: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not all(isinstance(end, int | Fraction) for end in (self.low, self.high)) or not self.low < self.high:
            raise InputError(f"an interval is from {self.low!r} to {self.high!r}, expected fractions that increase")

    def __str__(self) -> str:
        """With its ends."""
        return f"{super().__str__()} from {self.low} to {self.high}"

    def point(self, coordinates: Array) -> Any:
        """A triangle wave, so that every coordinate has a value and none is flat."""
        return _nested(self._folded(coordinates))

    def _folded(self, coordinates: Array) -> Array:
        width = float(self.high - self.low)
        phase = np.mod(coordinates - float(self.low), 2 * width)
        return np.asarray(float(self.low) + np.minimum(phase, 2 * width - phase))

    def rationals(self, coordinates: Array, denominator: int) -> Iterator[Any]:
        """Rounded, then kept inside."""
        rounded = _near(self._folded(coordinates), denominator)
        yield _nested(-_at_least(-_at_least(rounded, self.low), -self.high))

    def corners(self, dims: tuple[int, ...]) -> Iterator[Array]:
        """Both ends, and the middle."""
        for value in (self.low, self.high, (self.low + self.high) / 2):
            yield np.full(dims, float(value))

    def requires(self, name: str) -> list[str]:
        """Between the ends."""
        return [*super().requires(name), *_for_each(self.shape, name, f"{self.low} <= {{}} <= {self.high}")]


@dataclass(frozen=True)
class Positive(Field):
    """Positive numbers, searched on a logarithmic scale."""

    def point(self, coordinates: Array) -> Any:
        """Exponentials."""
        return _nested(np.exp(np.clip(coordinates, -20, 20)))

    def rationals(self, coordinates: Array, denominator: int) -> Iterator[Any]:
        """Rounded, and not to 0."""
        yield _nested(_at_least(_near(np.array(self.point(coordinates)), denominator), Fraction(1, denominator)))

    def corners(self, dims: tuple[int, ...]) -> Iterator[Array]:
        """1, small and large."""
        for value in (0.0, -3.0, 3.0):
            yield np.full(dims, value)

    def requires(self, name: str) -> list[str]:
        """Above 0."""
        return [*super().requires(name), *_for_each(self.shape, name, "{} > 0")]


@dataclass(frozen=True)
class Increasing(Field):
    """Strictly increasing numbers: the first coordinate is the first of them, the others are logarithms of gaps."""

    axes: ClassVar[range] = range(1, 2)

    def point(self, coordinates: Array) -> Any:
        """Sums of the gaps."""
        return _nested(np.cumsum(self._steps(coordinates)))

    def _steps(self, coordinates: Array) -> Array:
        return np.concatenate([coordinates[:1], np.exp(np.clip(coordinates[1:], -20, 20))])

    def rationals(self, coordinates: Array, denominator: int) -> Iterator[Any]:
        """Sums of rounded gaps, none of which is 0."""
        steps = _near(self._steps(coordinates), denominator)
        steps[1:] = _at_least(steps[1:], Fraction(1, denominator))
        yield _nested(np.cumsum(steps))

    def requires(self, name: str) -> list[str]:
        """Each number is above the one before it."""
        return [*super().requires(name), f"all({name}[i_] < {name}[i_ + 1] for i_ in range({self.shape[0]} - 1))"]


@dataclass(frozen=True)
class Probabilities(Field):
    """Numbers that are not negative and add up to 1."""

    axes: ClassVar[range] = range(1, 2)

    def point(self, coordinates: Array) -> Any:
        """Absolute values, divided by their sum."""
        return _nested(self._shares(coordinates))

    def _shares(self, coordinates: Array) -> Array:
        sizes = np.abs(coordinates)
        total = sizes.sum()
        return np.asarray(sizes / total if total > _SMALLEST else np.full(sizes.shape, 1 / sizes.size))

    def rationals(self, coordinates: Array, denominator: int) -> Iterator[Any]:
        """Rounded and divided by their sum."""
        rounded = _near(self._shares(coordinates), denominator)
        if rounded.any():
            yield _nested(rounded / rounded.sum())

    def corners(self, dims: tuple[int, ...]) -> Iterator[Array]:
        """All alike, all but one 0, and one that is 0."""
        yield np.ones(dims)
        first = np.arange(dims[0]) == 0
        yield first.astype(float)
        yield 1.0 - first

    def requires(self, name: str) -> list[str]:
        """A distribution."""
        return [*super().requires(name), f"all(x_ >= 0 for x_ in {name})", f"sum({name}) == 1"]


@dataclass(frozen=True)
class ClassSizes(Field):
    """Numbers of samples, at least 1, on a logarithmic scale, so that extreme imbalance is drawn."""

    axes: ClassVar[range] = range(1, 2)

    def point(self, coordinates: Array) -> Any:
        """Rounded exponentials."""
        return tuple(int(size) for size in self._counts(coordinates))

    def _counts(self, coordinates: Array) -> Array:
        return np.asarray(np.clip(np.rint(np.exp(np.clip(2 * coordinates, 0, 20))), 1, _MOST_SAMPLES))

    def rationals(self, coordinates: Array, denominator: int) -> Iterator[Any]:  # noqa: ARG002  they are integers
        """The counts themselves."""
        yield tuple(Fraction(int(size)) for size in self._counts(coordinates))

    def corners(self, dims: tuple[int, ...]) -> Iterator[Array]:
        """One sample each, a hundred each, one class a million times as large as the others, one as small."""
        large = math.log(_MOST_SAMPLES) / 2
        yield np.zeros(dims)
        yield np.full(dims, math.log(100) / 2)
        first = np.arange(dims[0]) == 0
        yield first * large
        yield (1 - first) * large

    def requires(self, name: str) -> list[str]:
        """At least one sample each; the kernel chooses whole numbers only, here of nothing, which cannot be done."""
        return [*super().requires(name), f"all(x_ >= 1 and len(combinations((), x_)) == 0 for x_ in {name})"]


@dataclass(frozen=True)
class Labels(Field):
    """N class indices of which no class is missing; in what is drawn the first K are 0, ..., K - 1. Shape (N,)."""

    num_classes: Size = 2
    axes: ClassVar[range] = range(1, 2)

    def dims(self, sizes: Sizes) -> tuple[int, ...]:
        """N and K: a score of each class for each sample."""
        count = self.num_classes if isinstance(self.num_classes, int) else sizes[self.num_classes]
        return (*super().dims(sizes), count)

    def point(self, coordinates: Array) -> Any:
        """The class of the largest score."""
        chosen = coordinates.argmax(axis=1)
        first = min(coordinates.shape)
        chosen[:first] = np.arange(first)
        return tuple(map(int, chosen))

    def rationals(self, coordinates: Array, denominator: int) -> Iterator[Any]:  # noqa: ARG002  they are integers
        """The labels themselves."""
        yield tuple(map(Fraction, self.point(coordinates)))

    def requires(self, name: str) -> list[str]:
        """Every class has a sample, and there are no others."""
        count = self.num_classes
        return [
            *super().requires(name),
            f"all(any(x_ == i_ for x_ in {name}) for i_ in range({count}))",
            f"all(any(x_ == i_ for i_ in range({count})) for x_ in {name})",
        ]


# -------------------------------------------------------------------------------------------------- floats, fractions


def _nested(array: Array) -> Any:
    """Tuples of tuples, as formulas read them."""
    listed = np.asarray(array).tolist()
    if not isinstance(listed, list):
        return listed
    return tuple(tuple(row) if isinstance(row, list) else row for row in listed)


def _near(array: Array, denominator: int) -> Array:
    """The nearest fractions of at most this denominator."""
    flat = [Fraction(float(x)).limit_denominator(denominator) for x in np.ravel(array)]
    result = np.empty(len(flat), dtype=object)
    result[:] = flat
    return result.reshape(np.shape(array))


def _at_least(fractions: Array, low: Fraction) -> Array:
    return np.asarray(np.maximum(fractions, np.array(low, dtype=object)))


def _below_root(square: Fraction, denominator: int) -> Fraction:
    """A fraction of this denominator that is at most the square root."""
    return Fraction(math.isqrt(math.floor(square * denominator**2)), denominator)


def _on_sphere(rows: Array) -> Array:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    first = np.eye(1, rows.shape[1])
    return np.where(norms > _SMALLEST, rows / np.maximum(norms, _SMALLEST), first)


def _into_ball(rows: Array) -> Array:
    return np.asarray(rows / np.maximum(1.0, np.linalg.norm(rows, axis=1, keepdims=True)))


def _rational_direction(row: Array, denominator: int) -> tuple[Fraction, ...]:
    """A rational unit vector near a float one: stereographic projection from the pole that is farthest from it."""
    pole = int(np.abs(row).argmax())
    sign = 1 if row[pole] >= 0 else -1
    projected = _near(row / (1 + abs(row[pole])), denominator)
    projected[pole] = Fraction(0)
    square = (projected**2).sum()
    direction = 2 * projected / (1 + square)
    direction[pole] = sign * (1 - square) / (1 + square)
    return tuple(direction)


def _rational_in_ball(row: Array, denominator: int) -> tuple[Fraction, ...]:
    rounded = _near(row, denominator)
    norm = float(np.linalg.norm(row))
    return _rational_direction(row / norm, denominator) if (rounded**2).sum() > 1 or norm > 1 - 1e-9 else tuple(rounded)


def _for_each(shape: tuple[Size, ...], name: str, condition: str) -> list[str]:
    """A condition on one number, on each of a list, or on each of a matrix."""
    if not shape:
        return [condition.format(name)]
    loops = f"x_ in {name}" if len(shape) == 1 else f"row_ in {name} for x_ in row_"
    return [f"all({condition.format('x_')} for {loops})"]


# ------------------------------------------------------------------------------------------------- structured points


def _arrangements(count: int, dimension: int) -> Iterator[Array]:
    """Coinciding points, a line, and the codes of theorems: simplices, frames, orthoplexes, orthogonal unions."""
    yield np.eye(1, dimension).repeat(count, axis=0)
    line = np.linspace(-1, 1, count)
    yield line[:, None] * np.eye(1, dimension)
    if count >= 2 and dimension >= count - 1:
        simplex = np.array(simplex_etf(count, dimension))
        yield simplex
        yield simplex * np.where(np.arange(count) == 0, -1.0, 1.0)[:, None]
    if count <= dimension:
        yield np.eye(count, dimension)
    if count <= 2 * dimension:
        yield np.array(orthoplex(count, dimension))
        pairs = orthoplex(2 * dimension, dimension)
        yield np.array(pairs[np.arange(2 * dimension).reshape(2, -1).T.ravel()[:count]])
    if dimension + 2 <= count <= 2 * dimension:
        yield _union_of_simplices(count, dimension)


def _union_of_simplices(count: int, dimension: int) -> Array:
    """K - d orthogonal blocks: antipodal pairs, and one simplex in what is left of the space."""
    pairs = count - dimension - 1
    points = np.zeros((count, dimension))
    for k in range(pairs):
        points[2 * k, k], points[2 * k + 1, k] = 1, -1
    points[2 * pairs :, pairs:] = simplex_etf(count - 2 * pairs, dimension - pairs)
    return points
