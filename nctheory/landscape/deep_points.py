"""Points of deep models: m weight matrices, features and a bias, with the objective there and two derivatives."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from nctheory.arrays import Array, freeze, labels_array, real_array
from nctheory.errors import InputError
from nctheory.landscape.model import Model
from nctheory.spectrum import checked_sizes

__all__ = ["DeepFlat", "DeepNumbers", "DeepPoint", "DeepTangent", "random_start", "shared_out"]


class DeepPoint:
    """A point of a deep model: the matrices from first to last, class means with class sizes or samples with labels.

    Formula:
        Logits W_m ... W_1 h (+ b), with max(0, .) between the matrices if the model has a ReLU there.
    Args:
        layers: (W_1, ..., W_m), W_m of shape (K, d) and the others (d, d).
        class_means: (K, d), each row for as many equal samples as its class has; with class_sizes.
        class_sizes: (K,) positive integers.
        features: (N, d) in place of class means; with labels.
        labels: (N,) integers.
        bias: (K,), 0 where left out.
    Assumes:
        Nothing.
    Returns:
        An immutable object with these attributes, where `class_means` are the means of features, and features those
        class means where no others are given; `weights` is W_m, `norms` (K,) are those of the class means, and
        `counts` says for how many samples a row of features stands.
    Raises:
        InputError: shapes that do not match, entries that are not finite, labels out of range.
    Reference:
        dang2023, section 3; tirer2022, section 3.
    Example:
        >>> import numpy as np
        >>> from nctheory.landscape import DeepPoint
        >>> point = DeepPoint([np.eye(2), np.eye(2)], np.eye(2), class_sizes=[3, 1])
        >>> point.weights.shape, point.counts.tolist()
        ((2, 2), [3.0, 1.0])
    """

    layers: tuple[Array, ...]
    features: Array
    labels: Array
    counts: Array
    bias: Array
    class_sizes: Array

    def __init__(
        self,
        layers: Any,
        class_means: Any = None,
        *,
        class_sizes: Any = None,
        features: Any = None,
        labels: Any = None,
        bias: Any = None,
    ) -> None:
        matrices = tuple(_floats(each, f"layers[{j}]", 2) for j, each in enumerate(layers))
        if not matrices:
            raise InputError("layers is empty, expected W_1, ..., W_m")
        size, width = matrices[-1].shape
        rows, named, counts = _rows(class_means, class_sizes, features, labels)
        for j, each in enumerate(matrices[:-1]):
            _check_shape(each, f"layers[{j}]", (width, width))
        _check_shape(rows, "class_means" if features is None else "features", (len(named), width))
        shift = np.zeros(size) if bias is None else _floats(bias, "bias", 1)
        _check_shape(shift, "bias", (size,))
        if int(named.max(initial=0)) >= size:
            raise InputError(f"there is a class {int(named.max())}, expected classes below {size}, the rows of W_m")
        sizes = np.bincount(named, counts, minlength=size).astype(np.int64)
        parts = {"layers": matrices, "features": rows, "labels": freeze(named), "counts": freeze(counts)}
        self.__dict__.update(parts, bias=shift, class_sizes=freeze(sizes))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a DeepPoint is immutable: make another one with a different {name}")

    @property
    def weights(self) -> Array:
        """W_m, of shape (K, d)."""
        return self.layers[-1]

    @cached_property
    def class_means(self) -> Array:
        """(K, d) the means of the features of each class."""
        total = np.zeros_like(self.weights)
        np.add.at(total, self.labels, self.counts[:, None] * self.features)
        return freeze(total / np.maximum(1, self.class_sizes)[:, None])

    @property
    def norms(self) -> Array:
        """(K,) those of the class means."""
        return np.asarray(np.linalg.norm(self.class_means, axis=1))

    def __repr__(self) -> str:
        size, width = self.weights.shape
        return f"DeepPoint({len(self.layers)} matrices, {size} classes, dimension {width}, {len(self.features)} rows)"


def _rows(class_means: Any, class_sizes: Any, features: Any, labels: Any) -> tuple[Array, Array, Array]:
    """Rows of features, their labels and counts, from class means or samples."""
    collapsed = class_means is not None and class_sizes is not None and features is None and labels is None
    if collapsed:
        counts = checked_sizes(class_sizes).astype(np.float64)
        return _floats(class_means, "class_means", 2), np.arange(len(counts)), counts
    if class_means is not None or class_sizes is not None or features is None or labels is None:
        raise InputError("expected class_means with class_sizes, or features with labels")
    rows = _floats(features, "features", 2)
    return rows, labels_array(labels), np.ones(len(rows))


def _floats(value: Any, name: str, ndim: int) -> Array:
    return freeze(real_array(value, name, ndim).astype(np.float64))


def _check_shape(array: Array, name: str, expected: tuple[int, ...]) -> None:
    if array.shape != expected:
        raise InputError(f"{name} has shape {array.shape}, expected {expected} to match the other arrays")


@dataclass(frozen=True, eq=False)
class DeepTangent:
    """Changes of the matrices, the features (rows as the point's) and the bias (K,) of a deep point."""

    layers: tuple[Array, ...]
    features: Array
    bias: Array

    @property
    def parts(self) -> tuple[Array, ...]:
        """All arrays: those of W_1, ..., W_m, features and bias."""
        return *self.layers, self.features, self.bias

    @property
    def norm(self) -> float:
        """The Euclidean norm of all entries."""
        return math.sqrt(sum(float((part**2).sum()) for part in self.parts))

    def dot(self, other: "DeepTangent") -> float:
        """The inner product with another tangent of the same shapes."""
        return float(sum((one * two).sum() for one, two in zip(self.parts, other.parts, strict=True)))


@dataclass(frozen=True, eq=False)
class DeepNumbers:
    """A point of a deep model in float arrays: features (rows) with labels and counts, W_1, ..., W_m and b."""

    features: Array
    labels: Array
    counts: Array
    layers: tuple[Array, ...]
    bias: Array

    @classmethod
    def of(cls, model: Model, point: Any) -> "DeepNumbers":
        """Those of a DeepPoint of the model."""
        if not isinstance(point, DeepPoint):
            raise InputError(f"point is of type {type(point).__name__}, expected a DeepPoint")
        if len(point.layers) != model.depth:
            raise InputError(f"point has {len(point.layers)} matrices, expected {model.depth} to match the model")
        if point.weights.shape != (model.num_classes, model.dimension):
            expected = (model.num_classes, model.dimension)
            raise InputError(f"point has W_m of shape {point.weights.shape}, expected {expected} to match the model")
        wrong = np.flatnonzero(point.class_sizes != model.class_sizes)
        if wrong.size:
            k = int(wrong[0])
            given, expected_size = point.class_sizes[k], model.class_sizes[k]
            raise InputError(f"point has {given} samples of class {k}, expected {expected_size} as the model")
        if not model.bias and point.bias.any():
            raise InputError("point has a bias that is not 0, and the model has none: say bias=True")
        return cls(point.features, point.labels, point.counts, point.layers, point.bias)

    @property
    def point(self) -> DeepPoint:
        """What a user is given: class means where each class has one row, in order."""
        if np.array_equal(self.labels, np.arange(len(self.bias))):
            return DeepPoint(self.layers, self.features, class_sizes=self.counts, bias=self.bias)
        return DeepPoint(self.layers, features=self.features, labels=self.labels, bias=self.bias)

    def activations(self, model: Model) -> list[Array]:
        """What goes into each matrix, and at last the logits without the bias."""
        found = [self.features]
        for matrix in self.layers[:-1]:
            found.append(_activated(model, found[-1] @ matrix.T))
        return [*found, found[-1] @ self.layers[-1].T]

    def logits(self, model: Model) -> Array:
        """Rows W_m ... W_1 h_i + b."""
        return np.asarray(self.activations(model)[-1] + self.bias)

    def value(self, model: Model) -> float:
        """F."""
        losses = model.loss.value(self.logits(model), self.labels)
        squares = [float((matrix**2).sum()) for matrix in self.layers]
        squares.append(float(self.counts @ (self.features**2).sum(axis=1)))
        penalties = (*model.layer_penalties, model.lambda_features)
        penalty = sum(float(part) * square / 2 for part, square in zip(penalties, squares, strict=True))
        return float(self.counts @ losses) / model.num_samples + penalty

    def gradient(self, model: Model) -> DeepTangent:
        """Backwards through the layers; 0 for a bias that the model has not. A ReLU has the derivative 0 at 0."""
        inputs = self.activations(model)
        slopes = self._slopes(model, inputs[-1])
        layers: list[Array] = []
        bias = slopes.sum(axis=0) if model.bias else np.zeros_like(self.bias)
        for j in range(model.depth - 1, -1, -1):
            layers.append(slopes.T @ inputs[j] + float(model.layer_penalties[j]) * self.layers[j])
            slopes = slopes @ self.layers[j] * _passed(model, inputs[j], j)
        features = slopes + float(model.lambda_features) * self.counts[:, None] * self.features
        return DeepTangent(tuple(layers[::-1]), features, bias)

    def hessian_vector_product(self, model: Model, tangent: DeepTangent) -> DeepTangent:
        """The derivative of `gradient` along a tangent."""
        inputs, moved = self.activations(model), [tangent.features]
        for j, (matrix, change) in enumerate(zip(self.layers, tangent.layers, strict=True)):
            further = moved[-1] @ matrix.T + inputs[j] @ change.T
            moved.append(further * _passed(model, inputs[j + 1], j + 1))
        shift = tangent.bias if model.bias else np.zeros_like(tangent.bias)
        slopes = self._slopes(model, inputs[-1])
        bent = model.loss.hessian_vector_product(inputs[-1] + self.bias, self.labels, moved[-1] + shift)
        bent = bent * (self.counts / model.num_samples)[:, None]
        layers: list[Array] = []
        bias = bent.sum(axis=0) if model.bias else np.zeros_like(self.bias)
        for j in range(model.depth - 1, -1, -1):
            penalty = float(model.layer_penalties[j]) * tangent.layers[j]
            layers.append(bent.T @ inputs[j] + slopes.T @ moved[j] + penalty)
            passed = _passed(model, inputs[j], j)
            bent = (bent @ self.layers[j] + slopes @ tangent.layers[j]) * passed
            slopes = slopes @ self.layers[j] * passed
        features = bent + float(model.lambda_features) * self.counts[:, None] * tangent.features
        return DeepTangent(tuple(layers[::-1]), features, bias)

    def _slopes(self, model: Model, logits: Array) -> Array:
        """Rows g_i: the derivative of the mean loss by the logits of a row."""
        found = model.loss.gradient(logits + self.bias, self.labels)
        return np.asarray(found * (self.counts / model.num_samples)[:, None])

    def imbalance(self, model: Model) -> float:
        """How far the factors are from balanced, relatively: 0 at every critical point, up to rounding.

        lambda_j W_j W_j^T = lambda_{j+1} W_{j+1}^T W_{j+1}, and of a ReLU the diagonals: scaling a unit's weights
        changes nothing but the penalties.
        """
        factors = [np.sqrt(self.counts)[:, None] * self.features, *(matrix.T for matrix in self.layers)]
        penalties = [float(each) for each in (model.lambda_features, *model.layer_penalties)]
        worst = 0.0
        for j in range(model.depth):
            one = penalties[j] * factors[j].T @ factors[j]
            two = penalties[j + 1] * factors[j + 1] @ factors[j + 1].T
            if model.activation == "relu" and j > 0:
                one, two = np.diagonal(one), np.diagonal(two)
            size = max(float(np.linalg.norm(one)), float(np.linalg.norm(two)))
            worst = max(worst, float(np.linalg.norm(one - two)) / size if size else 0.0)
        return worst


def _activated(model: Model, rows: Float[Array, "N d"]) -> Float[Array, "N d"]:
    return np.maximum(rows, 0) if model.activation == "relu" else rows


def _passed(model: Model, activation: Array, place: int) -> Any:
    """Where a derivative passes: what is behind an activation, not the features and not the logits."""
    inner = 0 < place < model.depth and model.activation == "relu"
    return activation > 0 if inner else 1.0


# ------------------------------------------------------------------------------------------------------------ vectors


@dataclass(frozen=True, eq=False)
class DeepFlat:
    """(lambda_j / lambda)^(1/2) W_j, (lambda_H n / lambda)^(1/2) h, and with a bias b: all penalties are lambda / 2
    times the square, lambda their geometric mean. A function for `nctheory.descent`."""

    model: Model
    labels: Array
    counts: Array

    @classmethod
    def like(cls, model: Model, numbers: DeepNumbers) -> "DeepFlat":
        """For points with the labels and counts of this one."""
        return cls(model, numbers.labels, numbers.counts)

    def of(self, numbers: DeepNumbers) -> Array:
        """The vector of a point."""
        return self._joined([*numbers.layers, numbers.features, numbers.bias], 1)

    def numbers(self, flat: Array) -> DeepNumbers:
        """The point of a vector."""
        *layers, features, bias = self._split(flat)
        return DeepNumbers(features, self.labels, self.counts, tuple(layers), bias)

    def evaluate(self, flat: Array) -> tuple[float, Array]:
        """The objective and its gradient."""
        numbers = self.numbers(flat)
        return numbers.value(self.model), self._joined(numbers.gradient(self.model).parts, -1)

    def curvature(self, flat: Array, along: Array) -> Array:
        """The second derivative applied to a direction."""
        tangent = self.tangent(along)
        return self._joined(self.numbers(flat).hessian_vector_product(self.model, tangent).parts, -1)

    def tangent(self, along: Array) -> DeepTangent:
        """The tangent of a direction."""
        *layers, features, bias = self._split(along)
        return DeepTangent(tuple(layers), features, bias)

    @cached_property
    def _scales(self) -> list[Any]:
        level = math.sqrt(self.model.strength)
        layers = [math.sqrt(each) / level for each in self.model.layer_penalties]
        return [*layers, math.sqrt(self.model.lambda_features) / level * np.sqrt(self.counts)[:, None]]

    def _joined(self, parts: Any, power: int) -> Array:
        """Arrays times their scales, or over them, in a row."""
        *scaled, bias = parts
        entries = [(part * scale**power).ravel() for part, scale in zip(scaled, self._scales, strict=True)]
        return np.concatenate([*entries, bias if self.model.bias else []])

    def _split(self, flat: Array) -> list[Array]:
        size, width, depth = self.model.num_classes, self.model.dimension, self.model.depth
        shapes = [(width, width)] * (depth - 1) + [(size, width), (len(self.labels), width)]
        ends = np.cumsum([rows * columns for rows, columns in shapes])
        parts = [part.reshape(shape) for part, shape in zip(np.split(flat[: ends[-1]], ends[:-1]), shapes, strict=True)]
        bias = flat[ends[-1] :] if self.model.bias else np.zeros(size)
        return [*(part / scale for part, scale in zip(parts, self._scales, strict=True)), bias]


def random_start(model: Model, generator: np.random.Generator) -> DeepNumbers:
    """A collapsed point with independent normal entries, equal penalties of all factors, and logits of a few units.

    Near the origin, a local minimum of every deep model, descent would end there.
    """
    size, width, depth = model.num_classes, model.dimension, model.depth
    shapes = [(width, width)] * (depth - 1) + [(size, width), (size, width)]
    drawn = [generator.standard_normal(shape) / math.sqrt(width) for shape in shapes]
    drawn[-1] *= 1 + 4 * generator.random()
    drawn[-1] *= math.sqrt(model.class_sizes.mean()) / np.sqrt(model.class_sizes)[:, None]
    return shared_out(model, drawn)


def shared_out(model: Model, factors: list[Array]) -> DeepNumbers:
    """W_1, ..., W_m and class means, each multiplied so that all penalties are equal, and the logits stay."""
    counts = model.class_sizes.astype(np.float64)
    penalties = [float(each) for each in (*model.layer_penalties, model.lambda_features)]
    squares = [float((each**2).sum()) for each in factors[:-1]] + [float(counts @ (factors[-1] ** 2).sum(axis=1))]
    paid = [part * square for part, square in zip(penalties, squares, strict=True)]
    level = math.exp(sum(map(math.log, paid)) / len(paid))
    *layers, means = [each * math.sqrt(level / own) for each, own in zip(factors, paid, strict=True)]
    return DeepNumbers(means, np.arange(model.num_classes), counts, tuple(layers), np.zeros(model.num_classes))
