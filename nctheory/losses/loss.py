"""What every loss is: value, two derivatives and conjugate on rows of logits, and the parts that several share."""

import math
import numbers
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from nctheory.arrays import Array, labels_array, real_array
from nctheory.errors import InputError

__all__ = ["Loss"]

ROUNDING = 2.0**-50  # how far off the simplex a float may be, see `Loss.conjugate`


@dataclass(frozen=True)
class Loss(ABC):
    """A loss l(z, y) of logits z and label y; the base of all losses.

    Formula:
        `value` l(z_i, y_i), `gradient` and `hessian_vector_product` in z_i, `targets` t_i,
        `conjugate` l*(u) = sup_z <u, z> - l(z, y).
    Args:
        logits, direction, dual: (N, K) finite numbers. labels: (N,) classes 0 ... K - 1.
    Assumes:
        Nothing.
    Returns:
        New float64 arrays, (N,) or (N, K).
    Raises:
        InputError: shapes that do not match, entries that are not finite, labels out of range.
    Reference:
        none: it is the definition.
    Example:
        >>> from nctheory.losses import CrossEntropy
        >>> CrossEntropy().value([[0.0, 0.0], [-1e4, 1e4]], [0, 0])
        array([6.93147181e-01, 2.00000000e+04])
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Short, as the command line says it; `loss_named` reads it."""

    @property
    @abstractmethod
    def latex(self) -> str:
        """The loss of one sample in LaTeX, of logits z and label y."""

    @property
    def is_convex(self) -> bool:
        """Whether l(z, y) is convex in z."""
        return True

    @property
    def num_classes(self) -> int | None:
        """K where the loss is of one number of classes only."""
        return None

    def value(self, logits: Any, labels: Any) -> Float[Array, " N"]:
        """The loss of each sample, (N,)."""
        return self._value(*self._checked(logits, labels, "logits"))

    def gradient(self, logits: Any, labels: Any) -> Float[Array, "N K"]:
        """The gradient in the logits of each sample, (N, K)."""
        return self._gradient(*self._checked(logits, labels, "logits"))

    def hessian_vector_product(self, logits: Any, labels: Any, direction: Any) -> Float[Array, "N K"]:
        """Each sample's Hessian in its logits times its row of the direction, (N, K)."""
        table, classes = self._checked(logits, labels, "logits")
        return self._hessian_vector_product(table, classes, float_rows(direction, "direction", table.shape))

    def targets(self, labels: Any, num_classes: int) -> Float[Array, "N K"]:
        """The rows t_i: e_y, or where the loss smooths labels (1 - a) e_y + a/K."""
        classes = labels_array(labels)
        self._check_classes(classes, num_classes, "num_classes")
        return self._targets(classes, num_classes)

    def conjugate(self, dual: Any, labels: Any) -> Float[Array, " N"]:
        """sup_z <u, z> - l(z, y) of every row u of dual, (N,); inf outside its domain. Convex losses only.

        The domain is exact but for cross-entropy, smoothed or not, where t + u must be on the simplex: there floats
        cannot be exact. An entry of t + u may be below 0 by 2^-50 |t_c|, so exactly 0 is the least where t_c = 0, and
        the sum of u may differ from 0 by 2^-50 K (1 + |smoothing|); entries below 0 are then taken as 0, and u_y as
        minus the sum of the others.
        """
        if not self.is_convex:
            raise InputError(
                f"the loss {self.name} is not convex: its conjugate is that of its convex hull; expected a convex loss"
            )
        return self._conjugate(*self._checked(dual, labels, "dual"))

    @abstractmethod
    def _value(self, logits: Array, labels: Array) -> Array: ...

    @abstractmethod
    def _gradient(self, logits: Array, labels: Array) -> Array: ...

    @abstractmethod
    def _hessian_vector_product(self, logits: Array, labels: Array, direction: Array) -> Array: ...

    @abstractmethod
    def _conjugate(self, dual: Array, labels: Array) -> Array: ...

    def _targets(self, labels: Array, num_classes: int) -> Array:
        table = np.zeros((len(labels), num_classes))
        table[np.arange(len(labels)), labels] = 1.0
        return table

    def _checked(self, value: Any, labels: Any, name: str) -> tuple[Array, Array]:
        table, classes = float_rows(value, name), labels_array(labels)
        if len(classes) != len(table):
            raise InputError(f"labels has {len(classes)} entries, {name} has {len(table)} rows, expected as many")
        self._check_classes(classes, table.shape[1], name)
        return table, classes

    def _check_classes(self, labels: Array, count: int, name: str) -> None:
        if isinstance(count, bool | np.bool_) or not isinstance(count, numbers.Integral) or count < 1:
            raise InputError(f"{name} says that there are {count!r} classes, expected at least 1")
        if self.num_classes not in (None, count):
            raise InputError(f"{name} has {count} classes, the loss has weights of {self.num_classes}")
        if len(labels) and labels.max() >= count:
            first = int(np.flatnonzero(labels >= count)[0])
            raise InputError(
                f"labels[{first}] is {labels[first]}, expected a class below {count}, the classes of {name}"
            )


def float_rows(value: Any, name: str, shape: tuple[int, ...] | None = None) -> Array:
    """Two axes of finite float64; an array that is that already is not copied, so nothing may write to it."""
    table = value if _is_ready(value) else real_array(value, name, 2).astype(np.float64, copy=False)
    if shape is not None and table.shape != shape:
        raise InputError(f"{name} has shape {table.shape}, expected {shape} like the logits")
    return table


def _is_ready(value: Any) -> bool:
    """Whether it is a float64 array with a finite sum: then all entries are finite, as infinities never cancel."""
    if type(value) is not np.ndarray or value.dtype != np.float64 or value.ndim != 2:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(value.sum()))


def row_products(first: Array, second: Array) -> Array:
    """The inner product of every pair of rows."""
    return np.asarray(np.einsum("ij,ij->i", first, second))


def quotient(numerator: Array, denominator: Array, limit: float) -> Array:
    """The quotient, and where the denominator is 0 the limit."""
    return np.divide(numerator, denominator, out=np.full_like(denominator, limit), where=denominator > 0)


def finite_number(value: Any, name: str, expected: str) -> float:
    real = isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)
    if not real or not math.isfinite(value):
        raise InputError(f"{name} is {value!r}, expected {expected}")
    return float(value)


def shortest(number: float) -> str:
    """As few digits as say which float64 it is."""
    return repr(number).removesuffix(".0")


def in_parentheses(number: str) -> str:
    """In parentheses where it has a sign."""
    return f"({number})" if number.startswith("-") else number


def own_negated(table: Array, labels: Array) -> Array:
    """A copy with entry y of every row negated."""
    signed = table.copy()
    signed[np.arange(len(labels)), labels] *= -1
    return signed
