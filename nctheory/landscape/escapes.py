"""Directions of negative curvature: out of every critical point that is not optimal and leaves a dimension unused."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from nctheory.arrays import Array
from nctheory.configuration import Configuration, Features
from nctheory.landscape.answers import Escape
from nctheory.landscape.bounds import objective_bracket
from nctheory.landscape.evaluation import Numbers, Tangent, as_point
from nctheory.landscape.model import Model

__all__ = ["best_step", "downward", "escape", "escape_of", "moved_along", "steepness_at", "step_down"]

_UNUSED = 1e-6  # a direction is taken for unused where W and H have less than this share of their largest norm in it
_ABOVE = 1e-7  # by how much |G|_2 / lambda has to be above 1


def steepness_at(model: Model, numbers: Numbers) -> float:
    """|G|_2 / lambda, in floats."""
    return float(np.linalg.norm(_scaled_slopes(model, numbers), 2)) / model.strength


def _scaled_slopes(model: Model, numbers: Numbers) -> Array:
    """A matrix with the left singular vectors (over classes) and singular values of G, as its columns and values.

    Rows that stand for n samples each are n g here, and n^(1/2) g in place of n equal columns g. For many rows the
    square root of their K x K Gram matrix is as good.
    """
    slopes = numbers.loss_gradient(model) / np.sqrt(numbers.counts)[:, None]
    if len(slopes) <= 4 * model.num_classes:
        return slopes
    return np.asarray(np.linalg.qr(slopes, mode="r")) if slopes.size <= 1 << 24 else _gram_root(slopes)


def _gram_root(rows: Array) -> Array:
    values, vectors = np.linalg.eigh(rows.T @ rows)
    return np.asarray(np.sqrt(np.maximum(values, 0))[:, None] * vectors.T)


def escape(model: Model, point: Any) -> Escape | None:
    """Out of Features or a Configuration."""
    return escape_of(model, Numbers.of(model, point), lambda moved: as_point(model, moved, point))


def escape_of(model: Model, numbers: Numbers, restored: Callable[[Numbers], Any]) -> Escape | None:
    """Along (q^(1/2) u a^T, -q^(-1/2) v a^T, 0), q = (lambda_H / lambda_W)^(1/2), where |G|_2 > lambda; the end is the
    point that `restored` makes."""
    unused = _unused_direction(numbers)
    if unused is None:
        return None
    values, vectors = np.linalg.svd(_scaled_slopes(model, numbers))[1:]
    top, left = float(values[0]), vectors[0]
    if top <= model.strength * (1 + _ABOVE):
        return None
    samples = numbers.loss_gradient(model) @ left / (numbers.counts * top)
    scale = math.sqrt(model.ratio)
    tangent = Tangent(scale * np.outer(left, unused), np.outer(samples, unused) / -scale, np.zeros_like(left))
    step, moved = _best_move(model, numbers, tangent)
    end = objective_bracket(model, moved)
    if end[1] >= objective_bracket(model, numbers)[0]:
        return None
    return Escape(tangent, 2 * (model.strength - top), top / model.strength, step, restored(moved), end)


def _unused_direction(numbers: Numbers) -> Array | None:
    """A unit vector a with W a = 0 and H a = 0, up to rounding."""
    scaled = numbers.features * np.sqrt(numbers.counts)[:, None]
    norms = [float(np.linalg.norm(part)) for part in (numbers.weights, scaled)]
    gram = sum(
        (part.T @ part / norm**2 for part, norm in zip((numbers.weights, scaled), norms, strict=True) if norm),
        np.zeros((numbers.weights.shape[1],) * 2),
    )
    values, vectors = np.linalg.eigh(gram)
    return np.asarray(vectors[:, 0]) if values[0] <= _UNUSED**2 else None


def moved_along(numbers: Numbers, tangent: Tangent, step: float) -> Numbers:
    """The point a step further."""
    return Numbers(
        numbers.features + step * tangent.features,
        numbers.labels,
        numbers.counts,
        numbers.weights + step * tangent.weights,
        numbers.bias + step * tangent.bias,
    )


def _best_move(model: Model, numbers: Numbers, tangent: Tangent) -> tuple[float, Numbers]:
    """The best step along a tangent, and the point there."""
    step = best_step(lambda step: moved_along(numbers, tangent, step).value(model))
    return step, moved_along(numbers, tangent, step)


def best_step(value: Callable[[float], float], first: float = 1e-4) -> float:
    """The step with the least value on the way, found as long as it falls when the step grows by a half."""
    step, current = first, value(first)
    while (further := value(1.5 * step)) < current:
        step, current = 1.5 * step, further
    return step


def step_down(model: Model, numbers: Numbers) -> Numbers:
    """A step against the gradient."""
    slope = numbers.gradient(model)
    against = Tangent(-slope.weights, -slope.features / numbers.counts[:, None], -slope.bias)
    return _best_move(model, numbers, against)[1]


def downward(model: Model, point: Any) -> tuple[Configuration | Features, Fraction] | None:
    """A point of strictly smaller objective, and the upper end of that, by a step against the gradient; or None."""
    numbers = Numbers.of(model, point)
    end = step_down(model, numbers)
    bracket = objective_bracket(model, end)
    return (as_point(model, end, point), bracket[1]) if bracket[1] < objective_bracket(model, numbers)[0] else None
