"""Which unconstrained-features model a trained last layer solves most nearly, and how nearly."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from nctheory.arrays import Array
from nctheory.configuration import Configuration, Features
from nctheory.errors import InputError
from nctheory.landscape.answers import Certified
from nctheory.landscape.evaluation import Numbers
from nctheory.landscape.model import Model
from nctheory.landscape.verbs import certify
from nctheory.losses import Loss
from nctheory.point import as_point, exactly
from nctheory.result import Result

__all__ = ["Fit", "fit_regularization"]


@dataclass(frozen=True, eq=False)
class Fit:
    """The penalties under which a point is most nearly critical, and how nearly.

    `coefficients` are least squares solutions of the equations of weights, features and bias (0 where there is none),
    `residuals` what these leave of them, relatively: 0 for a critical point, 1 where the equation says nothing. `model`
    is None where a coefficient of weights or features is not positive, so that no model has this point as a minimum;
    `reason` then says which. `result` is `certify` under the model.
    """

    features: Configuration | Features
    coefficients: tuple[float, float, float]
    residuals: tuple[float, float, float]
    model: Model | None
    reason: str

    @property
    def residual(self) -> float:
        """The largest of the three."""
        return max(self.residuals)

    @cached_property
    def result(self) -> Result[Certified] | None:
        """How far the point is from the minimum of the model."""
        return None if self.model is None else certify(self.model, self.features)


def fit_regularization(
    features: Any, loss: Loss | None = None, *, bias: bool | None = None, class_weights: Any = None
) -> Fit:
    """The penalties of the unconstrained-features model that a trained last layer is most nearly a critical point of.

    Formula:
        lambda_W = -<G^T H, W> / |W|^2, lambda_H = -<G W, H> / |H|^2, lambda_b = max(0, -<sum g, b> / |b|^2) with the
        rows g_i = (u_y / N) grad l(z_i) of G: least squares in G^T H + lambda_W W = 0, G W + lambda_H H = 0 and
        sum g + lambda_b b = 0. Residuals are relative to |G^T H|, |G W| and sum |g_i|.
    Args:
        features: Features with weights, or a Configuration with weights and class_sizes.
        loss: an object of `nctheory.losses`; cross-entropy where left out.
        bias: whether the model has a bias; where left out, whether that of the point is not 0.
        class_weights: (K,) positive weights of the classes, or None for 1.
    Assumes:
        Training penalizes weights, not features: that some lambda_H fits at all is what the unconstrained-features
        model claims of a network, and the residual measures it.
    Returns:
        Fit; its `result` has the certified gap under the model found.
    Raises:
        InputError: no weights, no class_sizes, a bias that is not 0 with bias=False, weights or features that are 0.
    Reference:
        zhu2021, section 2 (the model); tirer2022.
    Example:
        >>> from nctheory.landscape import Model, fit_regularization, optimum
        >>> best = optimum(Model([4, 4, 4], regularization=(0.05, 0.2))).configuration
        >>> fit = fit_regularization(best)
        >>> [round(part, 9) for part in fit.coefficients], fit.residual < 1e-9
        ([0.05, 0.2, 0.0], True)
    """
    point = as_point(features)
    free = bool(exactly(point.bias).integers.any()) if bias is None else bool(bias)
    unit = {"loss": loss, "bias": free, "class_weights": class_weights}
    model = Model(features.class_sizes, features.dimension, regularization=(1, 1), **unit)
    numbers = Numbers.of(model, features)
    if not (numbers.weights**2).any() or not (numbers.features**2).any():
        raise InputError("features has weights or features that are all 0, so that no penalty can be found from them")
    slopes = numbers.loss_gradient(model)
    scale = np.sqrt(numbers.counts)[:, None]
    pairs = (
        (slopes.T @ numbers.features, numbers.weights),
        (slopes @ numbers.weights / scale, numbers.features * scale),
    )
    (weights, first), (means, second) = (_least_squares(*pair) for pair in pairs)
    shift, third = _bias_part(slopes, numbers.bias) if free else (0.0, 0.0)
    coefficients = weights, means, shift
    named = {"weights": weights, "features": means}
    wrong = [f"that of the {name} is {value:.3g}" for name, value in named.items() if not value > 0]
    if wrong:
        reason = f"no penalties fit: {' and '.join(wrong)}, and a minimum needs a positive one"
        return Fit(features, coefficients, (first, second, third), None, reason)
    penalties = [Fraction(part) for part in (coefficients if free else coefficients[:2])]
    fitted = Model(features.class_sizes, features.dimension, regularization=penalties, **unit)
    return Fit(features, coefficients, (first, second, third), fitted, "")


def _least_squares(slope: Array, part: Array) -> tuple[float, float]:
    """The x for which slope + x part is least, and how much of the slope that leaves."""
    with np.errstate(over="ignore", invalid="ignore"):
        x = 0.0 - float((slope * part).sum()) / float((part**2).sum())
        size = float(np.linalg.norm(slope))
        return x, float(np.linalg.norm(slope + x * part)) / size if size else 0.0


def _bias_part(slopes: Array, bias: Array) -> tuple[float, float]:
    total, size = slopes.sum(axis=0), float(np.linalg.norm(slopes, axis=1).sum())
    square = float(bias @ bias)
    x = max(0.0, -float(total @ bias) / square) if square else 0.0
    return x, float(np.linalg.norm(total + x * bias)) / size if size else 0.0
