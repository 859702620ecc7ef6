"""Directions of negative curvature: out of every critical point that is not optimal and leaves a dimension unused."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from nctheory.arrays import Array
from nctheory.configuration import Configuration, Features
from nctheory.landscape.bounds import objective_bracket
from nctheory.landscape.model import Model, Numbers, Tangent

__all__ = ["Escape", "escape"]

_UNUSED = 1e-6  # a direction is taken for unused where W and H have less than this share of their largest norm in it
_ABOVE = 1e-7  # by how much |G|_2 / lambda has to be above 1


@dataclass(frozen=True, eq=False)
class Escape:
    """A direction along which the objective has second derivative `curvature` < 0, and a step along it.

    `tangent` has weights q^(1/2) u a^T, features -q^(-1/2) v a^T, q = (lambda_H / lambda_W)^(1/2), and no bias, for the
    top singular vectors u, v of G and a unit vector a that W and H do not use. `curvature` = -2 (|G|_2 - lambda) is
    predicted, `steepness` is |G|_2 / lambda. `point` is the step's end, `step` its length in multiples of the tangent,
    and `objective` the bracket of F there, below that at the start.
    """

    tangent: Tangent
    curvature: float
    steepness: float
    step: float
    point: Configuration | Features
    objective: tuple[Fraction, Fraction]


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
    """A direction of negative curvature out of a point, with a step along it to a strictly smaller objective.

    Formula:
        With s = |G|_2 > lambda, top singular vectors u, v of G (K, N), a unit vector a with W a = 0 and H a = 0, and
        q = (lambda_H / lambda_W)^(1/2): along (q^(1/2) u a^T, -q^(-1/2) v a^T, 0) the second derivative of F is
        exactly -2 (s - lambda), for every smooth loss, and the first one is 0.
    Args:
        model: a Model.
        point: Features with weights, or a Configuration with weights and class_sizes.
    Assumes:
        Nothing. At critical points W a = 0 gives H a = 0; for cross-entropy-like losses they have a rank of at most
        K - 1, so that d >= K always leaves a direction unused.
    Returns:
        Escape, or None where |G|_2 <= lambda, or W and H leave no direction unused (up to 1e-6 of their norm).
    Raises:
        InputError: a point that is not of this model.
    Reference:
        zhu2021, theorem 3.2, with any class sizes, weights and penalties.
    Example:
        >>> import numpy as np
        >>> from nctheory import Configuration
        >>> from nctheory.landscape import Model, escape
        >>> model = Model([4, 4, 4], regularization=(1 / 12, 1 / 12))
        >>> zero = Configuration(np.zeros((3, 3)), np.zeros((3, 3)), class_sizes=[4, 4, 4])
        >>> round(escape(model, zero).curvature, 6)
        -0.166667
    """
    numbers = Numbers.of(model, point)
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
    start = objective_bracket(model, numbers)
    step, moved = _best_step(model, numbers, tangent)
    end = objective_bracket(model, moved)
    if end[1] >= start[0]:
        return None
    return Escape(tangent, 2 * (model.strength - top), top / model.strength, step, _as_point(point, moved), end)


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


def _best_step(model: Model, numbers: Numbers, tangent: Tangent) -> tuple[float, Numbers]:
    """The step with the least objective on the way, found as long as it falls when the step grows by a half."""
    step, current = 1e-4, moved_along(numbers, tangent, 1e-4).value(model)
    while (further := moved_along(numbers, tangent, 1.5 * step).value(model)) < current:
        step, current = 1.5 * step, further
    return step, moved_along(numbers, tangent, step)


def downward(model: Model, point: Any) -> tuple[Configuration | Features, Fraction] | None:
    """A point of strictly smaller objective, and the upper end of that, by a step against the gradient; or None."""
    numbers = Numbers.of(model, point)
    slope, start = numbers.gradient(model), objective_bracket(model, numbers)
    features = slope.features / numbers.counts[:, None]
    against = Tangent(-slope.weights, -features, -slope.bias)
    end = _best_step(model, numbers, against)[1]
    bracket = objective_bracket(model, end)
    return (_as_point(point, end), bracket[1]) if bracket[1] < start[0] else None


def _as_point(point: Any, numbers: Numbers) -> Configuration | Features:
    """Of the kind that was given."""
    if isinstance(point, Features):
        return Features(numbers.features, numbers.labels, numbers.weights, numbers.bias)
    return Configuration(numbers.features, numbers.weights, numbers.bias, point.class_sizes)
