"""The translations that separate nothing: taken out, they make the norms smaller and leave all margins."""

from typing import Any

import numpy as np

from nctheory.configuration import Configuration, Features
from nctheory.exact import ExactMatrix, class_sums
from nctheory.point import Point, as_point, exactly, floats
from nctheory.separation.problem import has_bias

__all__ = ["centered"]


def centered(features: Any) -> Any:
    """The same point less what costs norm and separates nothing: weights less their mean; with a bias features too.

    Formula:
        w_c - mean w. Where the bias is not 0 also h - mean h over all samples, and b_c + <w_c, mean h> less their mean.
        Means and bias are computed exactly and rounded once, as is every difference: up to that all margins stay.
    Args:
        features: Features with weights, or a Configuration with weights and class_sizes.
    Assumes:
        A bias that is not 0 is free.
    Returns:
        Features or a Configuration, as given, in float64.
    Raises:
        InputError: no weights, no class_sizes, one class.
    Reference:
        thrampoulidis2022, section 2.
    Example:
        >>> from nctheory import Features, separation
        >>> points = separation.centered(Features([[3.0], [1.0]], [0, 1], [[2.0], [0.0]], [-4.0, 0.0]))
        >>> points.features.ravel(), points.weights.ravel(), points.bias
        (array([ 1., -1.]), array([ 1., -1.]), array([0., 0.]))
    """
    point = as_point(features)
    weights, num_classes = exactly(point.weights), point.num_classes
    rest = weights.integers * num_classes - weights.integers.sum(axis=0)
    rows = ExactMatrix.scaled(rest, weights.unit / num_classes).floats()
    points, bias = floats(point.points), floats(point.bias)
    if has_bias(point, None):
        mean = _mean(point)
        shift = weights.integers.dot(mean.integers) * (weights.unit * mean.unit)
        shifted = exactly(point.bias).fractions() + shift
        points, bias = points - mean.floats(), ExactMatrix.of(shifted - sum(shifted) / num_classes).floats()
    if isinstance(features, Features):
        return Features(points, features.labels, rows, bias)
    return Configuration(points, rows, bias, features.class_sizes)


def _mean(point: Point) -> ExactMatrix:
    """The mean of all samples, exactly."""
    counts = np.asarray(point.counts).astype(object)
    if point.collapsed:
        points = exactly(point.points)
        total = counts.dot(points.integers)
    else:
        points = class_sums(floats(point.points), np.zeros(len(counts), dtype=np.int64), 1)
        total = points.integers[0]
    return ExactMatrix.scaled(total, points.unit / int(counts.sum()))
