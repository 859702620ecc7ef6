"""Points of a model in float arrays, with the value of its objective there and two derivatives."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from nctheory.arrays import Array
from nctheory.configuration import Configuration, Features
from nctheory.errors import InputError
from nctheory.landscape.model import Model
from nctheory.point import Point, exactly, floats
from nctheory.point import as_point as point_with_counts

__all__ = ["Numbers", "Tangent", "as_point", "class_gradient", "point_of"]


def point_of(model: Model, point: Any) -> Point:
    """The point with classifier and counts, if it is one of the model."""
    if not isinstance(point, Configuration | Features):
        raise InputError(f"point is of type {type(point).__name__}, expected Features or a Configuration")
    found = point_with_counts(point)
    if found.num_classes != model.num_classes:
        raise InputError(f"point has {found.num_classes} classes, expected {model.num_classes} to match the model")
    wrong = np.flatnonzero(np.asarray(point.class_sizes) != model.class_sizes)
    if wrong.size:
        k, sizes = int(wrong[0]), np.asarray(point.class_sizes)
        raise InputError(f"point has {sizes[k]} samples of class {k}, expected {model.class_sizes[k]} as the model")
    if point.dimension != model.dimension:
        raise InputError(f"point has dimension {point.dimension}, expected {model.dimension} to match the model")
    if not model.bias and exactly(found.bias).integers.any():
        raise InputError("point has a bias that is not 0, and the model has none: say bias=True")
    if model.features == "nonnegative" and (lowest := float(floats(found.points).min())) < 0:
        raise InputError(f"point has a feature of {lowest:g}, expected none below 0 in this model")
    return found


@dataclass(frozen=True, eq=False)
class Tangent:
    """Changes of weights (K, d), features (as the point's: (N, d), or (K, d) class means) and bias (K,)."""

    weights: Array
    features: Array
    bias: Array

    @property
    def norm(self) -> float:
        """The Euclidean norm of all entries."""
        return math.sqrt(sum(float((part**2).sum()) for part in (self.weights, self.features, self.bias)))

    def dot(self, other: "Tangent") -> float:
        """The inner product with another tangent of the same shapes."""
        pairs = zip(self.parts, other.parts, strict=True)
        return float(sum((one * two).sum() for one, two in pairs))

    @property
    def parts(self) -> tuple[Array, Array, Array]:
        """The three arrays."""
        return self.weights, self.features, self.bias


@dataclass(frozen=True, eq=False)
class Numbers:
    """A point of a model in float arrays: features (rows) with labels, how many samples a row stands for, W and b."""

    features: Array
    labels: Array
    counts: Array
    weights: Array
    bias: Array

    @classmethod
    def of(cls, model: Model, point: Any) -> "Numbers":
        """Those of Features or of a Configuration."""
        found = point_of(model, point)
        decoder = floats(found.weights), floats(found.bias)
        return cls(floats(found.points), found.labels, np.asarray(found.counts, dtype=np.float64), *decoder)

    @property
    def logits(self) -> Array:
        """Rows W h_i + b."""
        return np.asarray(self.features @ self.weights.T + self.bias)

    def collapsed(self, model: Model) -> "Numbers":
        """The class means, rounded, in place of the features."""
        if np.array_equal(self.labels, np.arange(model.num_classes)):
            return self
        from scipy.sparse import csr_array

        counts = model.class_sizes.astype(np.float64)
        places = self.labels, np.arange(len(self.labels))
        average = csr_array((self.counts / counts[self.labels], places), shape=(len(counts), len(self.labels)))
        return Numbers(average @ self.features, np.arange(len(counts)), counts, self.weights, self.bias)

    def shares(self, model: Model) -> Array:
        """How many samples each row stands for, over N."""
        return np.asarray(self.counts / model.num_samples)

    def loss_gradient(self, model: Model) -> Array:
        """Rows g_i: the derivative of the mean loss by the logits of a row."""
        found = model.weighted_loss.gradient(self.logits, self.labels)
        found *= self.shares(model)[:, None]
        return found

    def value(self, model: Model) -> float:
        """F."""
        losses = model.weighted_loss.value(self.logits, self.labels)
        squares = (self.weights**2).sum(), self.counts @ (self.features**2).sum(axis=1), (self.bias**2).sum()
        penalties = (model.lambda_weights, model.lambda_features, model.lambda_bias)
        penalty = sum(float(part) * float(square) / 2 for part, square in zip(penalties, squares, strict=True))
        return float(self.shares(model) @ losses) + penalty

    def gradient(self, model: Model) -> Tangent:
        """(G^T H + lambda_W W, G W + lambda_H n h, sum g + lambda_b b); 0 for a bias that the model has not."""
        slopes = self.loss_gradient(model)
        weights = slopes.T @ self.features + float(model.lambda_weights) * self.weights
        features = slopes @ self.weights + float(model.lambda_features) * self.counts[:, None] * self.features
        bias = slopes.sum(axis=0) + float(model.lambda_bias) * self.bias
        return Tangent(weights, features, bias if model.bias else np.zeros_like(bias))

    def hessian_vector_product(self, model: Model, tangent: Tangent) -> Tangent:
        """The derivative of `gradient` along a tangent."""
        slopes, shift = self.loss_gradient(model), tangent.bias if model.bias else np.zeros_like(tangent.bias)
        moved = self.features @ tangent.weights.T + tangent.features @ self.weights.T + shift
        curved = model.weighted_loss.hessian_vector_product(self.logits, self.labels, moved)
        curved *= self.shares(model)[:, None]
        weights = curved.T @ self.features + slopes.T @ tangent.features
        features = curved @ self.weights + slopes @ tangent.weights
        penalty = float(model.lambda_features) * self.counts[:, None] * tangent.features
        bias = curved.sum(axis=0) + float(model.lambda_bias) * shift
        return Tangent(
            weights + float(model.lambda_weights) * tangent.weights,
            features + penalty,
            bias if model.bias else np.zeros_like(bias),
        )


def as_point(model: Model, numbers: Numbers, like: Any = None) -> Configuration | Features:
    """Features where `like` is, and else a Configuration."""
    if isinstance(like, Features):
        return Features(numbers.features, numbers.labels, numbers.weights, numbers.bias)
    return Configuration(numbers.features, numbers.weights, numbers.bias, model.class_sizes)


def class_gradient(model: Model, logits: Float[Array, "K K"]) -> Float[Array, "K K"]:
    """Rows g_k n_k / N: the derivative of the mean loss by the logits of class k, for collapsed points."""
    slopes = model.weighted_loss.gradient(logits, np.arange(model.num_classes))
    return np.asarray(slopes * (model.class_sizes / model.num_samples)[:, None])
