"""Losses of samples that have several labels at once."""

import numbers
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from nctheory.arrays import Array, checked_flag, freeze, positive_integer
from nctheory.errors import InputError
from nctheory.losses.loss import ROUNDING, Loss
from nctheory.losses.softmax import CrossEntropy

__all__ = ["PickAllLabels"]

_CROSS_ENTROPY = CrossEntropy()


@dataclass(frozen=True)
class PickAllLabels(Loss):
    """Cross-entropy of samples with sets of labels: that of each of its labels, added up or averaged.

    Formula:
        l(z, S) = sum_(k in S) (log sum_c e^(z_c) - z_k), over |S| where normalized: cross-entropy against the target
        1_S / |S|, times |S| where not. The label y of a sample is the place of its S in `label_sets`.
    Args:
        label_sets: M different sets, each of some of the K labels 0 ... K - 1 but not all; kept as sorted tuples.
        labels: K; one more than the largest label where left out.
        normalized: whether to divide by |S|.
    Assumes:
        Nothing.
    Returns:
        A `Loss` of K logits and of labels y from 0 to M - 1.
    Raises:
        InputError: a set that is empty, repeated, or of all labels; labels that are not integers from 0 to K - 1.
    Reference:
        li2024.
    Example:
        >>> from nctheory.losses import PickAllLabels
        >>> loss = PickAllLabels([{0}, {1}, {2}, {0, 1}])
        >>> loss.value([[0.0, 0.0, 0.0]], [3])
        array([2.19722458])
    """

    label_sets: Any  # a tuple of sorted tuples once checked
    labels: Any = None  # an integer once checked
    normalized: bool = False

    def __post_init__(self) -> None:
        sets = _checked_sets(self.label_sets)
        largest = max(map(max, sets))
        count = 1 + largest if self.labels is None else positive_integer(self.labels, "labels", 1 + largest)
        full = next((place for place, each in enumerate(sets) if len(each) == count), None)
        if full is not None:
            raise InputError(f"label_sets[{full}] has all {count} labels, expected at least one that is not in it")
        object.__setattr__(self, "label_sets", sets)
        object.__setattr__(self, "labels", count)
        object.__setattr__(self, "normalized", checked_flag(self.normalized, "normalized"))

    @property
    def name(self) -> str:
        """pal, or pal-normalized; the sets are not in it."""
        return "pal-normalized" if self.normalized else "pal"

    @property
    def latex(self) -> str:
        """The sum, or the mean, over the labels of the set."""
        total = r"\log\sum_c e^{z_c} - "
        mean = r"\frac{1}{|S_y|}\sum_{k \in S_y} z_k"
        return total + mean if self.normalized else rf"|S_y| \left[{total}{mean}\right]"

    @property
    def num_classes(self) -> int:
        """K."""
        return int(self.labels)

    @cached_property
    def multipliers(self) -> Array:
        """(M,) what cross-entropy against the targets 1_S / |S| is multiplied by: |S|, or 1 where normalized."""
        return freeze(np.ones(len(self.label_sets)) if self.normalized else self._counts.astype(np.float64))

    @cached_property
    def _counts(self) -> Array:
        """(M,) the |S|."""
        return np.array([len(each) for each in self.label_sets])

    @cached_property
    def _members(self) -> Array:
        """(M, largest |S|) the labels of each set, and then -1."""
        table = np.full((len(self.label_sets), self._counts.max()), -1)
        table[np.arange(table.shape[1]) < self._counts[:, None]] = np.concatenate(self.label_sets)
        return table

    @property
    def _first(self) -> Array:
        """(M,) the least label of each set."""
        return self._members[:, 0]

    @cached_property
    def _shares(self) -> Array:
        """(M, K) the targets 1_S / |S|."""
        table = np.zeros((len(self.label_sets), self.num_classes))
        table[np.repeat(np.arange(len(table)), self._counts), np.concatenate(self.label_sets)] = 1
        table /= self._counts[:, None]
        return table

    def _check_classes(self, labels: Array, count: int, name: str) -> None:
        if count != self.num_classes:
            raise InputError(f"{name} has {count} classes, expected {self.num_classes}, the labels of the loss")
        if len(labels) and labels.max() >= len(self.label_sets):
            first = int(np.flatnonzero(labels >= len(self.label_sets))[0])
            known = f"the place of one of {len(self.label_sets)} label sets"
            raise InputError(f"labels[{first}] is {labels[first]}, expected {known}")

    def _targets(self, labels: Array, num_classes: int) -> Array:  # noqa: ARG002
        return np.asarray(self._shares[labels])

    def _value(self, logits: Array, labels: Array) -> Array:
        """The sum of cross-entropies, none of which is negative, of the first, second, ... labels of the sets."""
        found, sizes = np.zeros(len(logits)), self._counts[labels]
        for place in range(int(sizes.max(initial=0))):
            rows = np.flatnonzero(sizes > place)
            found[rows] += _CROSS_ENTROPY._value(logits[rows], self._members[labels[rows], place])
        return found / sizes if self.normalized else found

    def excess(self, logits: Any, labels: Any) -> Float[Array, " N"]:
        """The loss less its least value w log |S|, (N,), where it is tiny, too: off by 4e-15 of itself and of its root.

        It is w times the divergence of p from t = 1_S / m, that is sum over c not in S of p_c and the mean over k in S
        of x - log(1 + x), x = m p_k - 1.
        """
        table, classes = self._checked(logits, labels, "logits")
        shifted = table - table.max(axis=1, keepdims=True)
        shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))  # log p
        likely, inside, sizes = np.exp(shifted), self._shares[classes] > 0, self._counts[classes][:, None]
        beyond = sizes * likely - 1
        near = np.log1p(np.maximum(beyond, -0.5))
        logs = np.where(beyond > -0.5, near, np.log(sizes) + shifted)
        means = np.where(inside, beyond - logs, 0.0).sum(axis=1) / sizes[:, 0]
        return np.asarray(self.multipliers[classes] * (np.where(inside, 0.0, likely).sum(axis=1) + means))

    def _gradient(self, logits: Array, labels: Array) -> Array:
        """w (p - t), as p - e_k, whose entry k keeps its digits, and e_k - t, k the first label of the set."""
        table = _CROSS_ENTROPY._gradient(logits, self._first[labels])
        table -= self._beside(labels)
        table *= self.multipliers[labels][:, None]
        return table

    def _beside(self, labels: Array) -> Array:
        """t - e_k, k the first label of the set: exactly 0 for a set of one."""
        table = self._shares[labels]
        table[np.arange(len(labels)), self._first[labels]] -= 1
        return table

    def _hessian_vector_product(self, logits: Array, labels: Array, direction: Array) -> Array:
        table = _CROSS_ENTROPY._hessian_vector_product(logits, self._first[labels], direction)
        table *= self.multipliers[labels][:, None]
        return table

    def _conjugate(self, dual: Array, labels: Array) -> Array:
        """w sum_c q_c log q_c with q = t + u / w, w the multiplier; entries a little below 0 where t > 0 are 0."""
        weights, targets = self.multipliers[labels], self._shares[labels]
        shifted = dual / weights[:, None] + self._beside(labels)
        own = targets * (np.arange(targets.shape[1]) == self._first[labels][:, None])
        probable = shifted + (own > 0)
        shifted = np.where((targets > own) & (np.abs(probable) <= ROUNDING * targets), 0.0, shifted)
        inside = (probable >= -ROUNDING * targets).all(axis=1)
        return np.where(inside, weights * _CROSS_ENTROPY._conjugate(shifted, self._first[labels]), np.inf)


def _checked_sets(given: Any) -> tuple[tuple[int, ...], ...]:
    """Sorted tuples of different non-negative integers, no set twice."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InputError(f"label_sets is {given!r}, expected sets of labels such as [{{0}}, {{1}}, {{0, 1}}]")
    sets = tuple(_checked_set(each, f"label_sets[{place}]") for place, each in enumerate(given))
    if not sets:
        raise InputError("label_sets is empty, expected at least one set of labels")
    seen: dict[tuple[int, ...], int] = {}
    for place, each in enumerate(sets):
        if seen.setdefault(each, place) != place:
            raise InputError(f"label_sets[{place}] is {set(each)}, as is label_sets[{seen[each]}]; expected it once")
    return sets


def _checked_set(given: Any, name: str) -> tuple[int, ...]:
    members = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    whole = all(
        isinstance(each, numbers.Integral) and not isinstance(each, bool) and int(each) >= 0 for each in members
    )
    if not members or not whole or len(set(members)) < len(members):
        raise InputError(f"{name} is {given!r}, expected a set of one or more labels 0, 1, ...")
    return tuple(sorted(map(int, members)))
