"""Losses with class weights, and the names by which the command line knows all of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nctheory.arrays import Array, positive_number, real_array
from nctheory.errors import InputError
from nctheory.losses.loss import Loss, shortest
from nctheory.losses.separable import BinaryCrossEntropy, SquaredError
from nctheory.losses.softmax import CrossEntropy, Focal, LabelSmoothing

__all__ = ["ClassWeighted", "loss_named"]


@dataclass(frozen=True)
class ClassWeighted(Loss):
    """Another loss, times a weight of the class of the sample.

    Formula:
        omega_y l(z, y); conjugate omega_y l*(u / omega_y).
    Args:
        loss: any loss that has no class weights yet.
        class_weights: (K,) positive numbers, kept as a tuple of floats.
    Assumes:
        Nothing.
    Returns:
        A `Loss`; `targets` are those of the loss without weights.
    Raises:
        InputError: weights that are not positive and finite, a loss that has class weights already.
    Reference:
        none: it is the definition.
    Example:
        >>> from nctheory.losses import ClassWeighted, SquaredError
        >>> ClassWeighted(SquaredError(), [1.0, 3.0]).value([[0.0, 0.0], [0.0, 0.0]], [0, 1])
        array([0.5, 1.5])
    """

    loss: Loss
    class_weights: Any  # a tuple of floats once checked

    def __post_init__(self) -> None:
        if not isinstance(self.loss, Loss) or isinstance(self.loss, ClassWeighted):
            raise InputError(f"loss is {self.loss!r}, expected a loss without class weights")
        weights = real_array(self.class_weights, "class_weights", 1).tolist()
        if not weights:
            raise InputError("class_weights is empty, expected one positive number per class")
        kept = tuple(positive_number(weight, f"class_weights[{c}]") for c, weight in enumerate(weights))
        object.__setattr__(self, "class_weights", kept)

    @property
    def name(self) -> str:
        """The name of the loss, @, and the weights."""
        return f"{self.loss.name}@{','.join(map(shortest, self.class_weights))}"

    @property
    def latex(self) -> str:
        """The loss times omega_y."""
        return rf"\omega_y \left[{self.loss.latex}\right]"

    @property
    def is_convex(self) -> bool:
        """As the loss without weights."""
        return self.loss.is_convex

    @property
    def num_classes(self) -> int:
        """The number of class weights."""
        return len(self.class_weights)

    def _weights(self, labels: Array) -> Array:
        return np.array(self.class_weights)[labels]

    def _value(self, logits: Array, labels: Array) -> Array:
        return np.asarray(self._weights(labels) * self.loss._value(logits, labels))

    def _gradient(self, logits: Array, labels: Array) -> Array:
        table = self.loss._gradient(logits, labels)
        table *= self._weights(labels)[:, None]
        return table

    def _hessian_vector_product(self, logits: Array, labels: Array, direction: Array) -> Array:
        table = self.loss._hessian_vector_product(logits, labels, direction)
        table *= self._weights(labels)[:, None]
        return table

    def _targets(self, labels: Array, num_classes: int) -> Array:
        return self.loss._targets(labels, num_classes)

    def _conjugate(self, dual: Array, labels: Array) -> Array:
        weights = self._weights(labels)
        return np.asarray(weights * self.loss._conjugate(dual / weights[:, None], labels))


_NAMED: dict[str, type[Loss]] = {
    "ce": CrossEntropy,
    "smoothing": LabelSmoothing,
    "focal": Focal,
    "mse": SquaredError,
    "bce": BinaryCrossEntropy,
}
_PARAMETERS = {"smoothing": "0.1", "focal": "2"}  # the losses that have one, and an example of it


def loss_named(name: str) -> Loss:
    """The loss that a name stands for, as the command line writes it; every loss knows its own.

    Formula:
        ce, mse, bce, smoothing:a, focal:gamma; with class weights any of them, @, and the weights: ce@1,2.5.
    Args:
        name: such a name.
    Assumes:
        Nothing.
    Returns:
        A `Loss`, with loss_named(loss.name) == loss.
    Raises:
        InputError: no such name, a number that is missing, out of its range, or too many.
    Reference:
        none: it is the definition.
    Example:
        >>> from nctheory.losses import loss_named
        >>> loss_named("focal:2")
        Focal(gamma=2.0)
    """
    if not isinstance(name, str):
        raise InputError(f"loss is {name!r}, expected a name such as 'ce' or 'focal:2'")
    base, weighted, weights = name.partition("@")
    if weighted:
        return ClassWeighted(loss_named(base), tuple(_parsed(each, name) for each in weights.split(",")))
    kind, given, parameter = base.partition(":")
    if kind not in _NAMED:
        shown = ", ".join(f"{each}:{_PARAMETERS[each]}" if each in _PARAMETERS else each for each in _NAMED)
        raise InputError(f"loss is {name!r}, expected one of {shown}")
    if (kind in _PARAMETERS) != bool(given):
        example = f"{kind}:{_PARAMETERS[kind]}" if kind in _PARAMETERS else kind
        raise InputError(f"loss is {name!r}, expected {'a number, as in ' if kind in _PARAMETERS else ''}{example!r}")
    return _NAMED[kind](*[_parsed(parameter, name)] if given else [])


def _parsed(text: str, name: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"loss is {name!r}, expected a number in place of {text!r}") from None
