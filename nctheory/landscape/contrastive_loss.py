"""The supervised contrastive loss of rows that stand for samples: value, two derivatives, and the error of floats."""

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from nctheory.arrays import Array, as_fraction
from nctheory.configuration import Features
from nctheory.errors import InputError
from nctheory.landscape.answers import Bracket
from nctheory.spectrum import checked_sizes

__all__ = ["Batch", "ContrastiveLoss"]

_UNIT_ROUNDOFF = 2.0**-53
_TINY = 1e-290  # above every error that underflow can cause
_BLOCK = 1 << 21  # products held at once
_UNIT = 1e-6  # how far from 1 the norm of a feature may be


def checked_temperature(temperature: Any) -> Fraction:
    """T, exactly."""
    value = as_fraction(temperature, "temperature")
    if value <= 0:
        raise InputError(f"temperature is {temperature!r}, expected a positive number")
    if not Fraction(1, 1000) <= value <= 10**9:
        raise InputError(f"temperature is {temperature!r}, expected a size from 0.001 to 1e9")
    return value


def batch_sizes(class_sizes: Any) -> Array:
    """At least two classes, and an anchor's positive in each."""
    sizes = checked_sizes(class_sizes)
    if sizes.min() < 2:
        k = int(np.argmin(sizes))
        raise InputError(
            f"class {k} has {sizes[k]} sample, expected at least two: an anchor needs another of its class"
        )
    return sizes


@dataclass(frozen=True, eq=False)
class _Block:
    """Products <z_i, z_a> / T of some rows i with all, how often a is among the others of an anchor i, and whether i
    and a have one label."""

    products: Array
    weights: Array
    same: Array

    @cached_property
    def targets(self) -> Array:
        """t_ia."""
        inside = np.where(self.same, self.weights, 0.0)
        return np.asarray(inside / inside.sum(axis=1, keepdims=True))

    @cached_property
    def softmax(self) -> Array:
        """p_ia."""
        others = self._of_others(self.products)
        powers = self.weights * np.exp(others - others.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    @property
    def terms(self) -> Array:
        """The loss of an anchor of each row.

        log(n - 1 + Q) with Q = sum over positives of e^x - 1, and over others of e^x, x their products less the mean
        of those of positives; and by the largest x where that is large.
        """
        shifted = self._of_others(self.products - (self.targets * self.products).sum(axis=1, keepdims=True))
        positives = (self.same * self.weights).sum(axis=1)
        top = np.where(shifted.max(axis=1) > 1, shifted.max(axis=1), 0.0)
        large = (self.weights * np.exp(shifted - top[:, None])).sum(axis=1)
        shifted[top > 0] = 0.0
        excess = (self.weights * np.where(self.same, np.expm1(shifted), np.exp(shifted))).sum(axis=1)
        return np.asarray(np.where(top > 0, top + np.log(large), np.log(positives) + np.log1p(excess / positives)))

    def _of_others(self, numbers: Array) -> Array:
        return np.where(self.weights > 0, numbers, -np.inf)


@dataclass(frozen=True, eq=False)
class ContrastiveLoss:
    """The loss as a function of rows that stand for `counts` samples each: a function for `nctheory.descent`.

    Of vectors of any length: rows are divided by their norms.
    """

    labels: Array
    counts: Array
    temperature: Fraction

    @cached_property
    def scale(self) -> float:
        """1 / T."""
        return float(1 / self.temperature)

    def block(self, rows: Array, part: slice = slice(None)) -> "_Block":
        """The products of some rows with all."""
        products = self.scale * (rows[part] @ rows.T)
        weights = np.tile(self.counts, (len(products), 1))
        places = np.arange(len(products)), np.arange(len(rows))[part]
        products[places] = self.scale  # exactly 1 / T
        weights[places] -= 1
        return _Block(products, weights, self.labels[part][:, None] == self.labels)

    def _parts(self, rows: Array) -> list[slice]:
        height = max(1, _BLOCK // len(rows))
        return [slice(start, start + height) for start in range(0, len(rows), height)]

    def terms(self, rows: Array) -> Array:
        """The loss of an anchor of each row."""
        return np.concatenate([self.block(rows, part).terms for part in self._parts(rows)])

    def slopes(self, rows: Array) -> Array:
        """The derivative by rows as free vectors."""
        total = np.zeros_like(rows)
        for part in self._parts(rows):
            block = self.block(rows, part)
            weighted = self.counts[part][:, None] * (block.softmax - block.targets)
            total[part] += weighted @ rows
            total += weighted.T @ rows[part]
        return self.scale * total

    def rows(self, flat: Array) -> tuple[Array, Array]:
        """Unit rows and lengths."""
        points = flat.reshape(len(self.labels), -1)
        lengths = np.linalg.norm(points, axis=1, keepdims=True)
        return points / lengths, lengths

    def evaluate(self, flat: Array) -> tuple[float, Array]:
        """Value and gradient."""
        rows, lengths = self.rows(flat)
        slopes = self.slopes(rows)
        along = (slopes * rows).sum(axis=1, keepdims=True)
        value = float(self.counts @ self.terms(rows))
        return value, ((slopes - along * rows) / lengths).ravel()

    def curvature(self, flat: Array, along: Array) -> Array:
        """The second derivative applied to a direction."""
        rows, lengths = self.rows(flat)
        slopes, moved = self.slopes(rows), along.reshape(rows.shape)
        stretch = (moved * rows).sum(axis=1, keepdims=True)
        turn = (moved - stretch * rows) / lengths
        bent, level = self._bent(rows, turn), (slopes * rows).sum(axis=1, keepdims=True)
        change = bent - ((bent * rows).sum(axis=1, keepdims=True) + (slopes * turn).sum(axis=1, keepdims=True)) * rows
        return np.asarray(((change - level * turn) - stretch / lengths * (slopes - level * rows)) / lengths).ravel()

    def _bent(self, rows: Array, turn: Array) -> Array:
        """The derivative of `slopes` along a change of the rows."""
        block = self.block(rows)
        softmax = block.softmax
        weighted = self.counts[:, None] * (softmax - block.targets)
        change = self.scale * (turn @ rows.T + rows @ turn.T)
        np.fill_diagonal(change, 0.0)
        moved = self.counts[:, None] * softmax * (change - (softmax * change).sum(axis=1, keepdims=True))
        return np.asarray(self.scale * ((moved + moved.T) @ rows + (weighted + weighted.T) @ turn))


@dataclass(frozen=True, eq=False)
class Batch:
    """Unit rows, computed from given ones, with the loss."""

    problem: ContrastiveLoss
    rows: Array
    class_sizes: Array

    @classmethod
    def of(cls, features: Any, labels: Any, temperature: Any) -> "Batch":
        """Of what a user gives."""
        given = Features(features, labels)
        points = np.asarray(given.features, dtype=np.float64)
        norms = np.linalg.norm(points, axis=1, keepdims=True)
        if (worst := int(np.abs(norms - 1).argmax())) >= 0 and abs(float(norms[worst, 0]) - 1) > _UNIT:
            hint = "expected 1: divide the features by their norms"
            raise InputError(f"features[{worst}] has norm {float(norms[worst, 0]):.6g}, {hint}")
        sizes = batch_sizes(given.class_sizes)
        problem = ContrastiveLoss(given.labels, np.ones(len(points)), checked_temperature(temperature))
        return cls(problem, points / norms, sizes)

    @classmethod
    def collapsed(cls, problem: ContrastiveLoss, class_sizes: Array, means: Array) -> "Batch":
        """One row for each class."""
        means = means / np.linalg.norm(means, axis=1, keepdims=True)
        return cls(problem, means, class_sizes)

    @cached_property
    def ball(self) -> tuple[float, float]:
        """The loss in floats and a bound on its error, assuming IEEE arithmetic, and exp, log and their relatives good
        to 4 units in the last place.

        With R rows, u = 2^-53 and s = 1 / T: products are off by e = (2 d + 10) u s, their means by (R + 3) u s more,
        exponents by 2 u s more, and sums of R exponentials by 2 (R + 8 + 2 s) u of what they would be with e^x + 1 for
        e^x - 1, at most twice them; a loss by twice as much as its products. With one other sample in the class all
        that counts only by the probability of the others, which is at most the loss.
        """
        problem = self.problem
        terms = problem.terms(self.rows)
        count, scale = len(self.rows), problem.scale
        shift = 2 * (2 * self.rows.shape[1] + 10) * scale + (count + 3) * scale + 4 * (count + 10 + 2 * scale)
        share = np.where(self.class_sizes[problem.labels] == 2, np.minimum(1.0, 1.01 * terms), 1.0)
        errors = share * _UNIT_ROUNDOFF * (shift + 16 + 8 * np.abs(terms))
        value = math.fsum(problem.counts * terms)
        rounding = 8 * _UNIT_ROUNDOFF * math.fsum(problem.counts * np.abs(terms))
        return value, 1.01 * (math.fsum(problem.counts * errors) + rounding) + _TINY

    @property
    def bracket(self) -> Bracket:
        """Rationals on both sides of the loss; the lower one is not negative, as the loss is not."""
        middle, radius = map(Fraction, self.ball)
        return max(Fraction(0), middle - radius), middle + radius
