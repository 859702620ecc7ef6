"""A `Domain` names the fields of a claim's input; drawing, searching, rounding and shrinking all come from it."""

import functools
import inspect
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nctheory import kernel
from nctheory.arrays import Array
from nctheory.domains.fields import Field, Sizes
from nctheory.errors import InputError

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["Domain", "Point", "Range"]

Range = tuple[int, int] | Callable[..., tuple[int, int]]

_DENOMINATORS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 40, 100, 1000, 10**4, 10**6, 10**9)
_SIMPLE = 24  # denominators up to this are worth a rotation
_MOST_CORNERS = 60
_NEAR = 1e-3


@dataclass(frozen=True, eq=False)
class Point:
    """An input as a search sees it: its sizes, and one vector of real coordinates for all fields together."""

    domain: "Domain"
    sizes: Sizes
    flat: Array

    @cached_property
    def values(self) -> dict[str, Any]:
        """The input in floats: the sizes, and every field projected to where it belongs."""
        fields = self.domain.fields
        parts = self.domain.split(self.sizes, self.flat)
        return {**self.sizes, **{name: fields[name].point(part) for name, part in parts.items()}}

    def __repr__(self) -> str:
        return f"Point({self.values})"


class Domain:
    """The typed input space of a claim: sizes that range over integers, and fields whose shapes they give.

    Formula:
        {(sizes, fields)}: each size from low to high, each field of its kind and shape.
    Args:
        sizes: what the sizes are called, and for each the pair (low, high) of the integers to search, both included,
            or a function from earlier sizes, by their names, to such a pair.
        fields: for each field by its name its kind: Free, Sphere, Ball, AverageEnergy, Gram, Interval, Positive,
            Increasing, Probabilities, ClassSizes or Labels, with a shape of names and integers.
    Assumes:
        Nothing.
    Returns:
        An object with `all_sizes`, `points()` (a Hypothesis strategy), `strategy()` (the same as inputs in
        floats), `random`, `corners`, `rationals`, `drop`, `requires`.
    Raises:
        InputError: a range that is empty for all sizes, a shape that names no size, a name that formulas cannot use.
    Reference:
        maciver2019, for how draws shrink.
    Example:
        >>> from nctheory.domains import Ball, Domain
        >>> domain = Domain({"num_classes": (2, 3), "dimension": lambda num_classes: (1, num_classes - 1)},
        ...                 points=Ball(("num_classes", "dimension")))
        >>> domain.all_sizes
        [{'num_classes': 2, 'dimension': 1}, {'num_classes': 3, 'dimension': 1}, {'num_classes': 3, 'dimension': 2}]
        >>> domain.requires({"num_classes": 3, "dimension": 2})[-1]
        'all(dot(x_, x_) <= 1 for x_ in points)'
    """

    def __init__(self, sizes: Mapping[str, Range] | None = None, /, **fields: Field) -> None:
        self.ranges: dict[str, Range] = dict(sizes or {})
        self.fields = fields
        for name in (*self.ranges, *fields):
            if not name.isidentifier() or name in kernel.FUNCTIONS or name.endswith("_"):
                raise InputError(
                    f"{name!r} cannot name an input, expected an identifier without a _ at its end that is no function"
                )
        for name, field in fields.items():
            if name in self.ranges:
                raise InputError(f"{name} is a size and a field")
            if unknown := {axis for axis in field.shape if isinstance(axis, str)} - self.ranges.keys():
                raise InputError(f"{name} has shape {field.shape}, which names no size: {', '.join(sorted(unknown))}")
        if not self.all_sizes:
            raise InputError(f"no sizes are in the ranges {self.ranges}")

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={field}" for name, field in self.fields.items())
        return f"Domain({len(self.all_sizes)} sizes, {fields})"

    @cached_property
    def all_sizes(self) -> list[dict[str, int]]:
        """Every choice of the sizes, from small to large."""
        found: list[dict[str, int]] = [{}]
        for name in self.ranges:
            longer = []
            for sizes in found:
                low, high = self._range(name, sizes)
                longer += [{**sizes, name: size} for size in range(low, high + 1)]
            found = longer
        return sorted(found, key=lambda sizes: sum(sizes.values()))

    def _range(self, name: str, sizes: Sizes) -> tuple[int, int]:
        bounds = self.ranges[name]
        if callable(bounds):
            low, high = bounds(**{earlier: sizes[earlier] for earlier in inspect.signature(bounds).parameters})
            return low, high
        return bounds

    def split(self, sizes: Sizes, flat: Array) -> dict[str, Array]:
        """The coordinates of each field, in its shape."""
        parts, start = {}, 0
        for name, field in self.fields.items():
            dims = field.dims(sizes)
            parts[name] = flat[start : start + math.prod(dims)].reshape(dims)
            start += math.prod(dims)
        return parts

    def length(self, sizes: Sizes) -> int:
        """How many coordinates an input has."""
        return sum(math.prod(field.dims(sizes)) for field in self.fields.values())

    def point(self, sizes: Sizes, parts: Mapping[str, Array]) -> Point:
        """The point with these coordinates of each field."""
        flats = [np.ravel(parts[name]).astype(np.float64) for name in self.fields]
        return Point(self, dict(sizes), np.concatenate([*flats, np.zeros(0)]))

    def random(self, sizes: Sizes, generator: np.random.Generator) -> Point:
        """Independent normal coordinates."""
        return Point(self, dict(sizes), generator.standard_normal(self.length(sizes)))

    def corners(self, sizes: Sizes) -> Iterator[Point]:
        """The structured cases of all fields together; of many combinations, a fixed random part."""
        choices = [list(field.corners(field.dims(sizes))) for field in self.fields.values()]
        combinations = math.prod(map(len, choices))
        chosen: Any = range(combinations)
        if combinations > _MOST_CORNERS:
            chosen = np.random.default_rng(0).choice(combinations, _MOST_CORNERS, replace=False)
        for index in chosen:
            picked = np.unravel_index(index, [len(choice) for choice in choices])
            parts = [choice[k] for choice, k in zip(choices, picked, strict=True)]
            yield self.point(sizes, dict(zip(self.fields, parts, strict=True)))

    def requires(self, sizes: Sizes) -> list[str]:
        """What makes an input of these sizes one of the domain, as formulas."""
        found = []
        for name in self.ranges:
            low, high = self._range(name, sizes)
            found.append(f"{low} <= {name} <= {high} and len(range({name})) == {name}")
        return found + [text for name, field in self.fields.items() for text in field.requires(name)]

    # -------------------------------------------------------------------------------------- exact, and simpler

    def rationals(self, point: Point) -> Iterator[dict[str, Any]]:
        """Exact inputs near a point, from simple fractions to long ones; also after rotations that make zeros."""
        turned = list(self._rotations(point))
        for denominator in _DENOMINATORS:
            for parts in turned if denominator <= _SIMPLE else turned[:1]:
                choices = [list(self.fields[name].rationals(part, denominator)) for name, part in parts.items()]
                for values in itertools.product(*choices):
                    yield {**point.sizes, **dict(zip(self.fields, values, strict=True))}

    def _rotations(self, point: Point) -> Iterator[dict[str, Array]]:
        """The coordinates as they are, and with some row of the points turned onto the first axis, the next ones near.

        A violation that does not change under rotations may need the zeros that only special coordinates have.
        """
        parts = self.split(point.sizes, point.flat)
        yield parts
        moving = {name: part for name, part in parts.items() if self.fields[name].rotates and part.shape[1] > 1}
        if not moving or len({part.shape[1] for part in moving.values()}) > 1:
            return
        rows = np.concatenate(list(moving.values()))
        for first in range(min(len(rows), 4)):
            order = np.argsort(-np.abs(rows @ rows[first]), kind="stable")
            turn = np.linalg.qr(rows[order].T, mode="complete")[0]
            yield {name: part @ turn if name in moving else part for name, part in parts.items()}

    def drop(self, point: Point, size: str, index: int) -> Point | None:
        """The point without one class, sample or coordinate; None where the sizes do not go down by one there."""
        smaller = {**point.sizes, size: point.sizes[size] - 1}
        if smaller not in self.all_sizes:
            return None
        parts = self.split(point.sizes, point.flat)
        for name, field in self.fields.items():
            for axis, of in enumerate(field.shape):
                if of == size:
                    parts[name] = np.delete(parts[name], index, axis=axis)
        fits = all(parts[name].shape == field.dims(smaller) for name, field in self.fields.items())
        return self.point(smaller, parts) if fits else None

    # ---------------------------------------------------------------------------------------------- Hypothesis

    def points(self) -> "SearchStrategy[Point]":
        """A strategy of points: small fractions, corners, near corners and random; it shrinks to small sizes."""
        return self._points

    @cached_property
    def _points(self) -> "SearchStrategy[Point]":
        from hypothesis import strategies as st

        def of_sizes(index: int) -> "SearchStrategy[Point]":
            sizes = self.all_sizes[index]
            parts = {name: _coordinates(field, field.dims(sizes)) for name, field in self.fields.items()}
            return st.fixed_dictionaries(parts).map(lambda drawn: self.point(sizes, drawn))

        made = functools.cache(of_sizes)
        return st.integers(0, len(self.all_sizes) - 1).flatmap(made)

    def strategy(self) -> "SearchStrategy[dict[str, Any]]":
        """A strategy of inputs in floats, by name."""
        return self.points().map(lambda point: point.values)


def _coordinates(field: Field, dims: tuple[int, ...]) -> "SearchStrategy[Array]":
    from hypothesis import strategies as st

    count = math.prod(dims)
    corners = list(field.corners(dims))

    def random(seed: int) -> Array:
        return np.random.default_rng(seed).standard_normal(dims)

    entries, denominators = st.lists(st.integers(-4, 4), min_size=count, max_size=count), st.integers(1, 4)
    small = st.tuples(entries, denominators).map(lambda drawn: np.array(drawn[0], dtype=float).reshape(dims) / drawn[1])
    seeds = st.integers(0, 2**32 - 1)
    near = st.tuples(st.sampled_from(corners), seeds).map(lambda drawn: drawn[0] + _NEAR * random(drawn[1]))
    return st.one_of(small, st.sampled_from(corners), seeds.map(random), near)
