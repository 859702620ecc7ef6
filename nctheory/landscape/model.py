"""Unconstrained-features models, for all files of this folder: the model, its objective, and its derivatives.

The features are free variables, penalized as the weights are. Rows: weights W (K, d), features H (N, d), logits
z_i = W h_i + b. A point is either Features, or a Configuration, which stands for class_sizes[k] samples at each class
mean; derivatives of a Configuration are those of the objective as a function of weights, class means and bias.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from nctheory.arrays import Array, as_fraction, checked_flag, freeze, positive_integer, real_array
from nctheory.configuration import Configuration, Features
from nctheory.errors import InputError
from nctheory.losses import ClassWeighted, CrossEntropy, LabelSmoothing, Loss
from nctheory.point import Point, as_point, exactly, floats
from nctheory.spectrum import checked_sizes

__all__ = ["Model", "Tangent", "gradient", "hessian_vector_product", "objective"]

_LEAST = Fraction(1, 10**300)  # size of a penalty that is not 0


class Model:
    """An unconstrained-features model: class sizes, dimension, loss and penalties; the features are free variables.

    Formula:
        F(W, H, b) = (1/N) sum_i u_y l(W h_i + b, y) + (lambda_W / 2) |W|^2 + (lambda_H / 2) |H|^2, y = y_i, with u_k
        the class weights, and with a bias + (lambda_b / 2) |b|^2. The mean is over all N samples, also where there are
        class weights, and |H|^2 adds up all N features. `strength` is lambda = (lambda_W lambda_H)^(1/2).
    Args:
        class_sizes: (K,) positive integers n_k, the samples of each class.
        dimension: d of the features; K where left out, which no optimum of a convex loss needs more of.
        loss: an object of `nctheory.losses`.
        regularization: (lambda_W, lambda_H) or, with a bias, (lambda_W, lambda_H, lambda_b); lambda_b is 0 by default.
        bias: whether there is a bias b, free where lambda_b is 0. Without one, b = 0.
        class_weights: (K,) positive u_k, or None for 1.
    Assumes:
        lambda_W > 0 and lambda_H > 0: else F falls or stays above its infimum for ever along (W / t, t H), and no
        minimizer exists. lambda_b >= 0. A negative smoothing a needs equal class sizes and class weights u, and
        a > -c, c = K n^(1/2) lambda / u: at -c the infimum is not attained, below it F falls without end.
    Returns:
        An immutable object with these attributes (the penalties as exact Fractions `lambda_weights`, `lambda_features`
        and `lambda_bias`), num_classes, num_samples, strength and latex.
    Raises:
        InputError: what does not satisfy the above, with what was received.
    Reference:
        zhu2021, equation 4 (with a penalized bias); fang2021.
    Example:
        >>> from nctheory.landscape import Model
        >>> model = Model([4, 4, 4], regularization=(1 / 16, 1 / 16))
        >>> model.num_samples, model.strength
        (12, 0.0625)
    """

    class_sizes: Array
    dimension: int
    loss: Loss
    class_weights: Array | None
    bias: bool
    lambda_weights: Fraction
    lambda_features: Fraction
    lambda_bias: Fraction

    def __init__(
        self,
        class_sizes: Any,
        dimension: int | None = None,
        *,
        loss: Loss | None = None,
        regularization: Any,
        bias: bool = False,
        class_weights: Any = None,
    ) -> None:
        sizes = checked_sizes(class_sizes)
        loss, class_weights = _checked_loss(CrossEntropy() if loss is None else loss, class_weights, len(sizes))
        free = checked_flag(bias)
        penalties = _checked_penalties(regularization, free)
        self.__dict__.update(
            class_sizes=sizes,
            dimension=len(sizes) if dimension is None else positive_integer(dimension, "dimension"),
            loss=loss,
            class_weights=class_weights,
            bias=free,
            lambda_weights=penalties[0],
            lambda_features=penalties[1],
            lambda_bias=penalties[2],
        )
        _check_smoothing(self)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Model is immutable: make another one with a different {name}")

    @classmethod
    def from_convention(
        cls,
        class_sizes: Any,
        dimension: int | None = None,
        *,
        regularization: Any,
        loss: Loss | None = None,
        loss_factor: Any = 1,
        reduction: str = "mean",
        penalty_factor: Any = Fraction(1, 2),
        feature_penalty: str = "sum",
        bias: bool = False,
        class_weights: Any = None,
    ) -> "Model":
        """The model with the minimizers of another paper's objective.

        Formula:
            Theirs: f R l(W h_i + b, y_i) + p (lambda_W |W|^2 + lambda_H r |H|^2 + lambda_b |b|^2), where R is the mean
            over the N samples or their sum, and r is 1 ("sum") or 1/N ("mean"). Divided by f, and by N for a sum, it is
            F with lambda = 2 p lambda' / f (over N for a sum, and lambda_H once more over N for r = 1/N).
        Args:
            class_sizes: (K,) as in Model; so are dimension, loss, bias and class_weights.
            dimension: as in Model.
            regularization: their (lambda_W, lambda_H[, lambda_b]).
            loss: as in Model; squared error is |z - e_y|^2 / 2 there.
            loss_factor: f, such as 2 for the squared error without 1/2.
            reduction: "mean" or "sum" over the samples.
            penalty_factor: p, such as 1 for penalties without 1/2.
            feature_penalty: "sum" for |H|^2, "mean" for |H|^2 / N.
            bias: as in Model.
            class_weights: as in Model.
        Assumes:
            What Model assumes. A penalty with 1 / n_k for each class is another model, which this cannot be.
        Returns:
            Model, whose objective is theirs divided by f (and by N for a sum).
        Raises:
            InputError: an unknown word, a factor that is not positive, and what Model raises.
        Reference:
            zhu2021; tirer2022 (sum over samples, 1/(2N)); thrampoulidis2022 (sum).
        Example:
            >>> from nctheory.landscape import Model
            >>> theirs = {"regularization": (0.5, 0.5), "reduction": "sum", "penalty_factor": 1}
            >>> Model.from_convention([5, 5], **theirs).lambda_weights
            Fraction(1, 10)
        """
        for name, word in (("reduction", reduction), ("feature_penalty", feature_penalty)):
            if word not in ("mean", "sum"):
                raise InputError(f"{name} is {word!r}, expected 'mean' or 'sum'")
        factors = {"loss_factor": loss_factor, "penalty_factor": penalty_factor}
        loss_scale, penalty_scale = (_positive_fraction(value, name) for name, value in factors.items())
        total = int(checked_sizes(class_sizes).sum())
        scale = 2 * penalty_scale / loss_scale / (total if reduction == "sum" else 1)
        theirs = _checked_penalties(regularization, checked_flag(bias))
        ours = [theirs[0] * scale, theirs[1] * scale / (total if feature_penalty == "mean" else 1), theirs[2] * scale]
        return cls(
            class_sizes,
            dimension,
            loss=loss,
            regularization=ours if bias else ours[:2],
            bias=bias,
            class_weights=class_weights,
        )

    def replace(self, **changes: Any) -> "Model":
        """The same model with other arguments."""
        given: dict[str, Any] = {
            "class_sizes": self.class_sizes,
            "dimension": self.dimension,
            "loss": self.loss,
            "regularization": self.regularization,
            "bias": self.bias,
            "class_weights": self.class_weights,
        }
        given |= changes
        return Model(given.pop("class_sizes"), **given)

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.class_sizes)

    @property
    def num_samples(self) -> int:
        """N."""
        return int(self.class_sizes.sum())

    @property
    def regularization(self) -> tuple[Fraction, ...]:
        """(lambda_W, lambda_H), and with a bias lambda_b."""
        penalties = self.lambda_weights, self.lambda_features, self.lambda_bias
        return penalties if self.bias else penalties[:2]

    @cached_property
    def strength(self) -> float:
        """The square root of lambda_W lambda_H, which all thresholds are about."""
        return math.sqrt(self.lambda_weights) * math.sqrt(self.lambda_features)

    @property
    def ratio(self) -> float:
        """The square root of lambda_H / lambda_W: |w|^2 / |h|^2 where norms are shared out as they are at optima."""
        return math.sqrt(self.lambda_features / self.lambda_weights)

    @cached_property
    def weighted_loss(self) -> Loss:
        """The loss with its class weights."""
        return self.loss if self.class_weights is None else ClassWeighted(self.loss, tuple(self.class_weights.tolist()))

    @property
    def multipliers(self) -> Array:
        """(K,) class weights, all 1 where there are none."""
        return np.ones(self.num_classes) if self.class_weights is None else self.class_weights

    @property
    def is_balanced(self) -> bool:
        """Whether all classes have one size and one class weight."""
        return bool((self.class_sizes == self.class_sizes[0]).all() and (self.multipliers == self.multipliers[0]).all())

    @property
    def smoothing(self) -> float:
        """That of the loss, and 0 where there is none."""
        return self.loss.smoothing if isinstance(self.loss, LabelSmoothing) else 0.0

    @property
    def latex(self) -> str:
        """The objective in LaTeX."""
        weight = "" if self.class_weights is None else r"u_{y_i}\,"
        logits = r"W h_i + b" if self.bias else r"W h_i"
        penalties = r"\frac{\lambda_W}{2}\|W\|_F^2 + \frac{\lambda_H}{2}\|H\|_F^2"
        penalties += r" + \frac{\lambda_b}{2}\|b\|^2" if self.lambda_bias else ""
        total = rf"\frac1N\sum_{{i=1}}^N {weight}\ell({logits}, y_i) + {penalties}"
        return rf"{total},\quad \ell(z, y) = {self.loss.latex}"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"

    def __repr__(self) -> str:
        shown = ", ".join(map(str, self.class_sizes[:6])) + (", ..." if self.num_classes > 6 else "")
        weight = "" if self.class_weights is None else "u_y "
        logits = "W h + b" if self.bias else "W h"
        penalties = f"{float(self.lambda_weights):g}/2 |W|^2 + {float(self.lambda_features):g}/2 |H|^2"
        penalties += f" + {float(self.lambda_bias):g}/2 |b|^2" if self.lambda_bias else ""
        objective = f"F = mean {weight}{self.loss.name}({logits}) + {penalties}"
        return f"Model({objective}; {self.num_classes} classes of {shown} samples, dimension {self.dimension})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[Any, ...]:
        parts = (self.class_sizes, self.multipliers)
        exact = (self.dimension, self.loss, self.bias, *self.regularization)
        return (*(tuple(part.tolist()) for part in parts), *exact)


# ------------------------------------------------------------------------------------------------------------- checks


def _checked_loss(loss: Any, class_weights: Any, num_classes: int) -> tuple[Loss, Array | None]:
    """The loss without its class weights, and these."""
    if not isinstance(loss, Loss):
        raise InputError(f"loss is {loss!r}, expected an object of nctheory.losses, such as CrossEntropy()")
    if isinstance(loss, ClassWeighted):
        if class_weights is not None:
            raise InputError("class weights are given twice, with the loss and as class_weights")
        loss, class_weights = loss.loss, loss.class_weights
    if class_weights is None:
        return loss, None
    weights = real_array(class_weights, "class_weights", 1).astype(np.float64)
    if weights.shape != (num_classes,):
        raise InputError(f"class_weights has shape {weights.shape}, expected {(num_classes,)} to match class_sizes")
    if not (weights > 0).all():
        worst = int(np.argmin(weights))
        raise InputError(f"class_weights[{worst}] is {weights[worst]:g}, expected a positive number")
    return loss, freeze(weights)


def _checked_penalties(regularization: Any, bias: bool) -> tuple[Fraction, Fraction, Fraction]:
    try:
        given = list(regularization)
    except TypeError:
        given = []
    expected = "(lambda_W, lambda_H) or, with a bias, (lambda_W, lambda_H, lambda_b)"
    if not 2 <= len(given) <= 2 + bias:
        hint = "; lambda_b needs bias=True" if len(given) == 3 else ""
        raise InputError(f"regularization is {regularization!r}, expected {expected}{hint}")
    names = ("lambda_W", "lambda_H", "lambda_b")
    exact = [as_fraction(value, f"regularization: {name}") for name, value in zip(names, given, strict=False)]
    for name, value in zip(names, exact, strict=False):
        if value and not _LEAST <= abs(value) <= 1 / _LEAST:
            raise InputError(f"{name} is beyond the range of float64, expected a size from 1e-300 to 1e300")
    for name, value in zip(names[:2], exact, strict=False):
        if value <= 0:
            why = "no minimizer exists, as along (W / t, t H) F comes down to what it is without that penalty"
            why = "F falls without end, as the penalty grows faster than the loss" if value < 0 else why
            raise InputError(f"{name} is {float(value):g}, expected a positive number: {why}")
    if len(exact) == 3 and exact[2] < 0:
        raise InputError(f"lambda_b is {float(exact[2]):g}, expected 0 (a free bias) or a positive number")
    return exact[0], exact[1], exact[2] if len(exact) == 3 else Fraction(0)


def _positive_fraction(value: Any, name: str) -> Fraction:
    number = as_fraction(value, name)
    if number <= 0:
        raise InputError(f"{name} is {value}, expected a positive number")
    return number


def _check_smoothing(model: Model) -> None:
    """Negative smoothing: bounded below exactly for a >= -c, with a minimizer for a > -c, if the model is balanced."""
    smoothing = as_fraction(model.smoothing, "smoothing")
    if smoothing >= 0:
        return
    if not model.is_balanced:
        raise InputError(f"smoothing is {float(smoothing):g}; negative smoothing needs equal class sizes and weights")
    scale = model.num_classes**2 * int(model.class_sizes[0]) / as_fraction(float(model.multipliers[0]), "weight") ** 2
    square = scale * model.lambda_weights * model.lambda_features
    if smoothing**2 >= square:
        why = "F falls without end" if smoothing**2 > square else "the infimum 0 of F is not attained"
        least = f"-K n^(1/2) lambda = {-math.sqrt(square):g}"
        raise InputError(f"smoothing is {float(smoothing):g}, expected more than {least}: {why}")


def point_of(model: Model, point: Any) -> Point:
    """The point with classifier and counts, if it is one of the model."""
    if not isinstance(point, Configuration | Features):
        raise InputError(f"point is of type {type(point).__name__}, expected Features or a Configuration")
    found = as_point(point)
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
    return found


# --------------------------------------------------------------------------------------- the objective, to two orders


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


def objective(model: Model, point: Any) -> float:
    """The value of the model's objective at a point, in floats.

    Formula:
        F of Model.
    Args:
        model: a Model.
        point: Features with weights, or a Configuration with weights and class_sizes; of the model's class sizes and
            dimension, with the bias 0 where the model has none.
    Assumes:
        Nothing.
    Returns:
        A float; `certify` knows rational numbers on both sides of it.
    Raises:
        InputError: a point that is not of this model.
    Reference:
        zhu2021, equation 4.
    Example:
        >>> from nctheory import Features
        >>> from nctheory.landscape import Model, objective
        >>> from nctheory.losses import SquaredError
        >>> model = Model([1, 1], 1, loss=SquaredError(), regularization=(0.5, 0.5))
        >>> objective(model, Features([[1.0], [0.0]], [0, 1], [[1.0], [0.0]]))
        0.75
    """
    return Numbers.of(model, point).value(model)


def gradient(model: Model, point: Any) -> Tangent:
    """The gradient of the objective at a point.

    Formula:
        With the rows g_i = (u_y / N) grad l(z_i): G^T H + lambda_W W, g_i W + lambda_H h_i, sum g_i + lambda_b b. Of a
        Configuration the middle part is that by the class means, n_k times the derivative by one sample.
    Args:
        model: a Model.
        point: as for `objective`.
    Assumes:
        Nothing.
    Returns:
        Tangent with weights (K, d), features (N, d) or (K, d), and bias (K,), which is 0 without a bias.
    Raises:
        InputError: a point that is not of this model.
    Reference:
        zhu2021, appendix B.
    Example:
        >>> from nctheory import Features
        >>> from nctheory.landscape import Model, gradient
        >>> from nctheory.losses import SquaredError
        >>> model = Model([1, 1], 1, loss=SquaredError(), regularization=(0.5, 0.5))
        >>> gradient(model, Features([[1.0], [0.0]], [0, 1], [[1.0], [0.0]])).weights
        array([[0.5],
               [0. ]])
    """
    return Numbers.of(model, point).gradient(model)


def hessian_vector_product(model: Model, point: Any, tangent: Tangent) -> Tangent:
    """The second derivative of the objective at a point, applied to a tangent.

    Formula:
        The derivative of `gradient` along the tangent.
    Args:
        model: a Model.
        point: as for `objective`.
        tangent: changes of weights, features (or class means) and bias, of the shapes that `gradient` returns.
    Assumes:
        Nothing.
    Returns:
        Tangent of the same shapes.
    Raises:
        InputError: a point that is not of this model, a tangent of other shapes.
    Reference:
        zhu2021, appendix B.
    Example:
        >>> import numpy as np
        >>> from nctheory import Features
        >>> from nctheory.landscape import Model, Tangent, hessian_vector_product
        >>> from nctheory.losses import SquaredError
        >>> model = Model([1, 1], 1, loss=SquaredError(), regularization=(0.5, 0.5))
        >>> along = Tangent(np.array([[1.0], [0.0]]), np.zeros((2, 1)), np.zeros(2))
        >>> hessian_vector_product(model, Features([[1.0], [0.0]], [0, 1], [[1.0], [0.0]]), along).weights
        array([[1.],
               [0.]])
    """
    numbers = Numbers.of(model, point)
    expected = tuple(part.shape for part in (numbers.weights, numbers.features, numbers.bias))
    given = tuple(np.shape(part) for part in tangent.parts)
    if given != expected:
        raise InputError(f"tangent has parts of shapes {given}, expected {expected}")
    return numbers.hessian_vector_product(model, tangent)


def class_gradient(model: Model, logits: Float[Array, "K K"]) -> Float[Array, "K K"]:
    """Rows g_k n_k / N: the derivative of the mean loss by the logits of class k, for collapsed points."""
    slopes = model.weighted_loss.gradient(logits, np.arange(model.num_classes))
    return np.asarray(slopes * (model.class_sizes / model.num_samples)[:, None])
