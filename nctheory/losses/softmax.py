"""Losses of the softmax: cross-entropy, label smoothing and the focal loss."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nctheory.arrays import Array
from nctheory.errors import InputError
from nctheory.losses.loss import ROUNDING, Loss, finite_number, in_parentheses, quotient, row_products, shortest

__all__ = ["CrossEntropy", "Focal", "LabelSmoothing"]


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """Softmax cross-entropy.

    Formula:
        log sum_c e^(z_c) - z_y.
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
        >>> from nctheory.losses import CrossEntropy
        >>> CrossEntropy().gradient([[100.0, 0.0]], [0])
        array([[-3.72007598e-44,  3.72007598e-44]])
    """

    @property
    def name(self) -> str:
        """ce."""
        return "ce"

    @property
    def latex(self) -> str:
        """Log-sum-exp less the logit of the class."""
        return r"\log\sum_c e^{z_c} - z_y"

    def _value(self, logits: Array, labels: Array) -> Array:
        return _Softmax.of(logits, labels).surprisal

    def _gradient(self, logits: Array, labels: Array) -> Array:
        return _Softmax.of(logits, labels).gradient()

    def _hessian_vector_product(self, logits: Array, labels: Array, direction: Array) -> Array:
        return _Softmax.of(logits, labels).hessian_vector_product(direction)

    def _conjugate(self, dual: Array, labels: Array) -> Array:
        return _simplex_conjugate(dual, labels, 0.0)


@dataclass(frozen=True)
class LabelSmoothing(Loss):
    """Softmax cross-entropy against smoothed labels.

    Formula:
        log sum_c e^(z_c) - <t, z>, t = (1 - a) e_y + a/K, a the smoothing.
    Args:
        smoothing: a, finite and below 1. It may be negative: then the loss is convex but not bounded below, and it is
            for the model, with its regularization, to say whether there is an optimum.
    Assumes:
        Nothing.
    Returns:
        A `Loss`.
    Raises:
        InputError: smoothing that is not finite or not below 1.
    Reference:
        none: it is the definition.
    Example:
        >>> from nctheory.losses import LabelSmoothing
        >>> LabelSmoothing(0.5).targets([1], 2)
        array([[0.25, 0.75]])
    """

    smoothing: float

    def __post_init__(self) -> None:
        number = finite_number(self.smoothing, "smoothing", "a finite number below 1")
        if number >= 1:
            raise InputError(f"smoothing is {self.smoothing!r}, expected a finite number below 1")
        object.__setattr__(self, "smoothing", number)

    @property
    def name(self) -> str:
        """smoothing:a."""
        return f"smoothing:{shortest(self.smoothing)}"

    @property
    def latex(self) -> str:
        """Log-sum-exp less a mixture of the logit of the class and the mean logit."""
        a = shortest(self.smoothing)
        return rf"\log\sum_c e^{{z_c}} - \left(1 - {in_parentheses(a)}\right) z_y - \frac{{{a}}}{{K}}\sum_c z_c"

    def _value(self, logits: Array, labels: Array) -> Array:
        softmax = _Softmax.of(logits, labels)
        mean = (logits.max(axis=1, keepdims=True) - logits).mean(axis=1) + np.log1p(softmax.rest)
        return np.asarray((1 - self.smoothing) * softmax.surprisal + self.smoothing * mean)

    def _gradient(self, logits: Array, labels: Array) -> Array:
        softmax = _Softmax.of(logits, labels)
        table, uniform = softmax.gradient(), self.smoothing / logits.shape[1]
        table -= uniform
        table[softmax.rows, labels] = self._lost(logits.shape[1]) - softmax.missing
        return table

    def _hessian_vector_product(self, logits: Array, labels: Array, direction: Array) -> Array:
        return _Softmax.of(logits, labels).hessian_vector_product(direction)

    def _conjugate(self, dual: Array, labels: Array) -> Array:
        return _simplex_conjugate(dual, labels, self.smoothing)

    def _targets(self, labels: Array, num_classes: int) -> Array:
        table = np.full((len(labels), num_classes), self.smoothing / num_classes)
        table[np.arange(len(labels)), labels] = 1 - self._lost(num_classes)
        return table

    def _lost(self, num_classes: int) -> float:
        """1 - t_y."""
        return self.smoothing * (1 - 1 / num_classes)


@dataclass(frozen=True)
class Focal(Loss):
    """The focal loss: cross-entropy times a power of the probability of the other classes.

    Formula:
        -(1 - p)^gamma log p, p = e^(z_y) / sum_c e^(z_c). Convex for gamma = 0 only, where it is cross-entropy: with
        two classes and margin m the second derivative is negative as m -> -inf for every gamma > 0.
    Args:
        gamma: at least 0, finite.
    Assumes:
        Nothing.
    Returns:
        A `Loss`.
    Raises:
        InputError: gamma below 0 or not finite.
    Reference:
        none: it is the definition.
    Example:
        >>> from nctheory.losses import Focal
        >>> Focal(2).value([[0.0, 0.0]], [0])
        array([0.1732868])
    """

    gamma: float

    def __post_init__(self) -> None:
        number = finite_number(self.gamma, "gamma", "a finite number of at least 0")
        if number < 0:
            raise InputError(f"gamma is {self.gamma!r}, expected a finite number of at least 0")
        object.__setattr__(self, "gamma", abs(number))  # -0.0 is 0.0

    @property
    def name(self) -> str:
        """focal:gamma."""
        return f"focal:{shortest(self.gamma)}"

    @property
    def latex(self) -> str:
        """A power of 1 - p times -log p."""
        return rf"-(1 - p_y)^{{{shortest(self.gamma)}}} \log p_y"

    @property
    def is_convex(self) -> bool:
        """True for gamma = 0."""
        return self.gamma == 0

    def _value(self, logits: Array, labels: Array) -> Array:
        softmax = _Softmax.of(logits, labels)
        return np.asarray(softmax.missing**self.gamma * softmax.surprisal)

    def _gradient(self, logits: Array, labels: Array) -> Array:
        softmax = _Softmax.of(logits, labels)
        table = softmax.gradient()
        table *= self._slope(softmax)[:, None]
        return table

    def _hessian_vector_product(self, logits: Array, labels: Array, direction: Array) -> Array:
        """With q = 1 - p, g = softmax - e_y: s(p) H_ce v - p s'(p) <g, v> g; <g, v> / q is bounded as q -> 0."""
        softmax = _Softmax.of(logits, labels)
        product = softmax.hessian_vector_product(direction)
        product *= self._slope(softmax)[:, None]
        table = softmax.gradient()
        inner = row_products(table, direction)
        table *= (self._bend(softmax) * quotient(inner, softmax.missing, 0.0))[:, None]
        product += table
        return product

    def _conjugate(self, dual: Array, labels: Array) -> Array:
        return _simplex_conjugate(dual, labels, 0.0)

    def _slope(self, softmax: "_Softmax") -> Array:
        """s(p) = q^gamma (1 - gamma p log(p) / q): the gradient is s(p) (softmax - e_y)."""
        ratio = quotient(softmax.surprisal, softmax.missing, 1.0)
        return np.asarray(softmax.missing**self.gamma * (1 + self.gamma * softmax.probability * ratio))

    def _bend(self, softmax: "_Softmax") -> Array:
        """-p s'(p) q = gamma p q^gamma (2 + log p - (gamma - 1) p log(p) / q)."""
        ratio = quotient(softmax.surprisal, softmax.missing, 1.0)
        last = 2 - softmax.surprisal + (self.gamma - 1) * softmax.probability * ratio
        return np.asarray(self.gamma * softmax.probability * softmax.missing**self.gamma * last)


@dataclass
class _Softmax:
    """The softmax p of rows of logits, split so that neither log p_y nor 1 - p_y loses digits.

    With the largest logit at `top`: e_c = e^(z_c - z_top) for the other classes, 0 at top, and rest = sum_c e_c, so
    p_c = e_c / (1 + rest), p_top = 1 / (1 + rest).
    """

    rows: Array  # 0 ... N - 1
    labels: Array
    top: Array
    exponentials: Array  # (N, K)
    rest: Array
    surprisal: Array  # -log p_y
    missing: Array  # 1 - p_y

    @classmethod
    def of(cls, logits: Array, labels: Array) -> "_Softmax":
        rows, top = np.arange(len(logits)), logits.argmax(axis=1)
        table = logits - logits[rows, top][:, None]
        below = -table[rows, labels]
        np.exp(table, out=table)
        table[rows, top] = 0.0
        rest = table.sum(axis=1)
        others = np.where(labels == top, rest, 1 + rest - table[rows, labels])
        return cls(rows, labels, top, table, rest, below + np.log1p(rest), others / (1 + rest))

    @property
    def probability(self) -> Array:
        """p_y."""
        return np.asarray(np.exp(-self.surprisal))

    @cached_property
    def probabilities(self) -> Array:
        """(N, K); takes the place of the exponentials."""
        self.exponentials[self.rows, self.top] = 1.0
        self.exponentials /= (1 + self.rest)[:, None]
        return self.exponentials

    def gradient(self) -> Array:
        """p - e_y; takes the place of the probabilities, so it is the last thing to ask for."""
        table = self.probabilities
        table[self.rows, self.labels] = -self.missing
        return table

    def hessian_vector_product(self, direction: Array) -> Array:
        """p v - p <p, v>; shifts of v change nothing, and with v_top = 0 no digits are lost where p_top = 1."""
        table = self.probabilities
        product = direction - direction[self.rows, self.top][:, None]
        product -= row_products(table, product)[:, None]
        product *= table
        return product


def _simplex_conjugate(dual: Array, labels: Array, smoothing: float) -> Array:
    """sum_c x_c log x_c, x = t + u, where x is on the simplex up to the rounding that `Loss.conjugate` states."""
    from scipy.special import entr, xlog1py

    rows, count = np.arange(len(dual)), dual.shape[1]
    uniform, own = smoothing / count, 1 - smoothing * (1 - 1 / count)
    inside = np.abs(dual.sum(axis=1)) <= ROUNDING * count * (1 + abs(smoothing))
    inside &= dual[rows, labels] + own >= -ROUNDING * abs(own)
    points = dual + uniform
    points[rows, labels] = 0.0
    inside &= points.min(axis=1) >= -ROUNDING * abs(uniform)
    np.clip(points, 0.0, 1.0, out=points)
    others = points.sum(axis=1)
    last = xlog1py(np.maximum(1 - others, 0.0), -np.minimum(others, 1.0))
    return np.where(inside, last - entr(points, out=points).sum(axis=1), np.inf)
