"""Points of a model as flat vectors, in which both penalties are the same multiple of the square."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nctheory.arrays import Array
from nctheory.landscape.evaluation import Numbers, Tangent
from nctheory.landscape.model import Model

__all__ = ["Flat", "random_start"]


@dataclass(frozen=True, eq=False)
class Flat:
    """W / q^(1/2), (q n)^(1/2) h for every row that stands for n samples, q = (lambda_H / lambda_W)^(1/2), and with a
    bias b: a function for `nctheory.descent`."""

    model: Model
    labels: Array
    counts: Array

    @classmethod
    def like(cls, model: Model, numbers: Numbers) -> "Flat":
        """For points with the labels and counts of this one."""
        return cls(model, numbers.labels, numbers.counts)

    def of(self, numbers: Numbers) -> Array:
        """The vector of a point."""
        return self._joined(numbers.weights / self._scale, numbers.features * self._roots, numbers.bias)

    def numbers(self, flat: Array) -> Numbers:
        """The point of a vector."""
        weights, scaled, bias = self._split(flat)
        return Numbers(scaled / self._roots, self.labels, self.counts, weights * self._scale, bias)

    def evaluate(self, flat: Array) -> tuple[float, Array]:
        """The objective and its gradient."""
        numbers = self.numbers(flat)
        slope = numbers.gradient(self.model)
        return numbers.value(self.model), self._pulled_back(slope)

    def curvature(self, flat: Array, along: Array) -> Array:
        """The second derivative applied to a direction."""
        weights, scaled, bias = self._split(along)
        tangent = Tangent(weights * self._scale, scaled / self._roots, bias)
        return self._pulled_back(self.numbers(flat).hessian_vector_product(self.model, tangent))

    def _pulled_back(self, slope: Tangent) -> Array:
        """What the derivatives by W, h and b are by the vector."""
        return self._joined(slope.weights * self._scale, slope.features / self._roots, slope.bias)

    @cached_property
    def _scale(self) -> float:
        return math.sqrt(self.model.ratio)

    @cached_property
    def _roots(self) -> Array:
        return np.asarray(self._scale * np.sqrt(self.counts)[:, None])

    def _joined(self, weights: Array, scaled: Array, bias: Array) -> Array:
        return np.concatenate([weights.ravel(), scaled.ravel(), bias if self.model.bias else []])

    def _split(self, flat: Array) -> tuple[Array, Array, Array]:
        size, width, rows = self.model.num_classes, self.model.dimension, len(self.labels)
        cut = size * width, (size + rows) * width
        bias = flat[cut[1] :] if self.model.bias else np.zeros(size)
        return flat[: cut[0]].reshape(size, width), flat[cut[0] : cut[1]].reshape(rows, width), bias


def random_start(model: Model, generator: np.random.Generator) -> Numbers:
    """A collapsed point with independent normal entries, of about the norms of logits of size 1."""
    size, width = model.num_classes, model.dimension
    weights, means = generator.standard_normal((2, size, width)) / np.sqrt(width)
    scale = np.sqrt(model.ratio)
    counts = model.class_sizes.astype(np.float64)
    roots = np.sqrt(counts / counts.mean())[:, None]
    return Numbers(means / roots / scale, np.arange(size), counts, weights * scale, np.zeros(size))
