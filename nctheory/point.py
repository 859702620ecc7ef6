"""A point of a last-layer problem: samples with their classifier, as the questions about training see them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nctheory.arrays import Array
from nctheory.configuration import Configuration, Features
from nctheory.errors import InputError
from nctheory.exact import ExactMatrix

__all__ = ["Data", "Point", "as_point", "encoded_point", "exactly", "floats"]

Data = Array | ExactMatrix  # floats where those are exact


@dataclass(frozen=True)
class Point:
    """Samples with their classifier; row i of `points`, of class `labels[i]`, stands for `counts[i]` equal ones.

    `collapsed` says that the rows are class means. `counts` is None where nobody needs to know.
    """

    points: Data
    labels: Array
    counts: Array | None
    weights: Data
    bias: Data
    collapsed: bool

    @property
    def num_classes(self) -> int:
        """K."""
        return len(floats(self.bias))

    def name(self, row: int) -> str:
        """What a message calls a row."""
        return f"class {self.labels[row]}" if self.collapsed else f"sample {row} of class {self.labels[row]}"


def as_point(features: Any, *, counted: bool = True) -> Point:
    """Features with a classifier, or a Configuration with weights and, where they count, class sizes."""
    if not isinstance(features, Features | Configuration):
        raise InputError(f"features is of type {type(features).__name__}, expected Features or a Configuration")
    point = _of_features(features) if isinstance(features, Features) else _of_configuration(features)
    if point.num_classes < 2:
        raise InputError("features has one class, expected at least two")
    if counted and point.counts is None:
        raise InputError("features is a Configuration without class_sizes, expected the number of samples per class")
    return point


def _of_features(features: Features) -> Point:
    if features.weights is None or features.bias is None:
        raise InputError("features has no weights: expected Features(features, labels, weights)")
    ones = np.ones(len(features.labels), dtype=np.int64)
    return Point(features.features, features.labels, ones, features.weights, features.bias, False)


def _of_configuration(configuration: Configuration) -> Point:
    weights, bias = configuration.stored_weights, configuration.stored_bias
    if weights is None or bias is None:
        raise InputError("features has no weights: expected Configuration(class_means, weights)")
    labels = np.arange(configuration.num_classes)
    return Point(configuration.stored_means, labels, configuration.class_sizes, weights, bias, True)


def floats(data: Data) -> Array:
    """As float64."""
    return np.asarray(data.floats() if isinstance(data, ExactMatrix) else data.astype(np.float64, copy=False))


def exactly(data: Data) -> ExactMatrix:
    """As integers over a common unit."""
    return data if isinstance(data, ExactMatrix) else ExactMatrix.of(data)


def encoded_point(point: Point) -> dict[str, Any]:
    """As claims hold it: rows class by class, and for each class the list of how many samples its rows stand for."""
    order = np.argsort(point.labels, kind="stable")
    counts, labels = np.asarray(point.counts)[order], point.labels[order]
    return {
        "features": exactly(point.points).rows(order).encode(),
        "weights": exactly(point.weights).encode(),
        "bias": exactly(point.bias).encode(),
        "counts": [counts[labels == k].tolist() for k in range(point.num_classes)],
    }
