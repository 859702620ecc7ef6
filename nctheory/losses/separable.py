"""Losses that add up over the logits: the squared error and binary cross-entropy."""

from dataclasses import dataclass

import numpy as np

from nctheory.arrays import Array
from nctheory.losses.loss import Loss, own_negated, row_products

__all__ = ["BinaryCrossEntropy", "SquaredError"]


@dataclass(frozen=True)
class SquaredError(Loss):
    """Half the squared distance to the one-hot label.

    Formula:
        |z - e_y|^2 / 2, with conjugate |u|^2 / 2 + u_y.
    Args:
        None.
    Assumes:
        Nothing.
    Returns:
        A `Loss`.
    Raises:
        Nothing.
    Reference:
        none: it is the definition.
    Example:
        >>> from nctheory.losses import SquaredError
        >>> SquaredError().value([[1.0, 0.0], [0.0, 0.0]], [0, 0])
        array([0. , 0.5])
    """

    @property
    def name(self) -> str:
        """mse."""
        return "mse"

    @property
    def latex(self) -> str:
        """Half the squared distance to e_y."""
        return r"\tfrac12 \lVert z - e_y \rVert^2"

    def _value(self, logits: Array, labels: Array) -> Array:
        residual = self._gradient(logits, labels)
        return np.asarray(row_products(residual, residual) / 2)

    def _gradient(self, logits: Array, labels: Array) -> Array:
        residual = logits.copy()
        residual[np.arange(len(labels)), labels] -= 1
        return residual

    def _hessian_vector_product(self, logits: Array, labels: Array, direction: Array) -> Array:  # noqa: ARG002
        return direction.copy()

    def _conjugate(self, dual: Array, labels: Array) -> Array:
        return np.asarray(row_products(dual, dual) / 2 + dual[np.arange(len(labels)), labels])


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """Binary cross-entropy of each class against the rest, summed over classes.

    Formula:
        sum_c log(1 + e^(z_c)) - z_y; conjugate sum_c x_c log x_c + (1 - x_c) log(1 - x_c), x = e_y + u in [0, 1]^K.
    Args:
        None.
    Assumes:
        Nothing.
    Returns:
        A `Loss`.
    Raises:
        Nothing.
    Reference:
        none: it is the definition.
    Example:
        >>> from nctheory.losses import BinaryCrossEntropy
        >>> BinaryCrossEntropy().gradient([[0.0, 0.0]], [1])
        array([[ 0.5, -0.5]])
    """

    @property
    def name(self) -> str:
        """bce."""
        return "bce"

    @property
    def latex(self) -> str:
        """The sum of one logistic loss per class."""
        return r"\sum_c \log\left(1 + e^{z_c}\right) - z_y"

    def _value(self, logits: Array, labels: Array) -> Array:
        signed = own_negated(logits, labels)
        positive = np.maximum(signed, 0.0).sum(axis=1)
        np.abs(signed, out=signed)
        np.exp(np.negative(signed, out=signed), out=signed)
        np.log1p(signed, out=signed)
        return np.asarray(positive + signed.sum(axis=1))

    def _gradient(self, logits: Array, labels: Array) -> Array:
        from scipy.special import expit

        table = own_negated(logits, labels)
        expit(table, out=table)
        table[np.arange(len(labels)), labels] *= -1
        return table

    def _hessian_vector_product(self, logits: Array, labels: Array, direction: Array) -> Array:  # noqa: ARG002
        """p (1 - p) v with the smaller of p and 1 - p, which has all its digits."""
        from scipy.special import expit

        table = np.abs(logits)
        expit(np.negative(table, out=table), out=table)
        product = 1 - table
        product *= table
        product *= direction
        return product

    def _conjugate(self, dual: Array, labels: Array) -> Array:
        """1 - x_y = -u_y exactly, and the binary entropy is symmetric: no rounding decides about the domain."""
        from scipy.special import entr, xlog1py

        points = own_negated(dual, labels)
        inside = (points.min(axis=1) >= 0) & (points.max(axis=1) <= 1)
        np.clip(points, 0.0, 1.0, out=points)
        entropies, rest = entr(points).sum(axis=1), 1 - points
        xlog1py(rest, np.negative(points, out=points), out=rest)
        return np.where(inside, rest.sum(axis=1) - entropies, np.inf)
