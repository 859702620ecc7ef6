"""A measured last layer beside the one that theory predicts, up to what theory leaves open: rotation and scale."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from nctheory.arrays import Array, freeze
from nctheory.configuration import Center, Configuration, Features
from nctheory.errors import InputError
from nctheory.result import Result

__all__ = ["Compared", "Comparison", "compare"]


class Compared(NamedTuple):
    """One row of a table: what is compared, as measured, as predicted, and the difference."""

    name: str
    measured: float
    predicted: float
    difference: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """Measured and predicted geometry of class means (less their mean, by default) and weights (as they are).

    Scale is taken out: Gram matrices (K, K) are divided by their Frobenius norm, norms (K,) by the root of the sum of
    their squares. Cosines are (K, K). A margin (K,) is the smallest <w_c - w_j, mu_c> + b_c - b_j over j != c, divided
    by |W|_F |M|_F, M the class means less their mean. A Procrustes distance is the least |A/|A|_F - s B R|_F over all
    scales s and orthogonal R: from 0 to 1. What does not exist, as without a classifier, is NaN.
    """

    center: Center | None
    measured_means_gram: Float[Array, "K K"]
    predicted_means_gram: Float[Array, "K K"]
    measured_weights_gram: Float[Array, "K K"]
    predicted_weights_gram: Float[Array, "K K"]
    measured_means_norms: Float[Array, " K"]
    predicted_means_norms: Float[Array, " K"]
    measured_weights_norms: Float[Array, " K"]
    predicted_weights_norms: Float[Array, " K"]
    measured_means_cosines: Float[Array, "K K"]
    predicted_means_cosines: Float[Array, "K K"]
    measured_weights_cosines: Float[Array, "K K"]
    predicted_weights_cosines: Float[Array, "K K"]
    measured_margins: Float[Array, " K"]
    predicted_margins: Float[Array, " K"]
    procrustes_distance_means: float
    procrustes_distance_weights: float

    @property
    def gram_distance_means(self) -> float:
        """|measured - predicted|_F of the Gram matrices of the class means."""
        return float(np.linalg.norm(self.measured_means_gram - self.predicted_means_gram))

    @property
    def gram_distance_weights(self) -> float:
        """|measured - predicted|_F of the Gram matrices of the weights."""
        return float(np.linalg.norm(self.measured_weights_gram - self.predicted_weights_gram))

    def rows(self) -> list[Compared]:
        """For a table: extreme norms, cosines and margins, measured and predicted; and the distances, predicted 0."""
        off = ~np.eye(len(self.measured_margins), dtype=bool)
        found = []
        for what in ("means", "weights"):
            found += self._extremes(f"norm, {what}", f"{what}_norms", slice(None))
            found += self._extremes(f"cosine, {what}", f"{what}_cosines", off)
        found += self._extremes("margin", "margins", slice(None))
        distances = {
            "Gram distance, means": self.gram_distance_means,
            "Gram distance, weights": self.gram_distance_weights,
            "Procrustes distance, means": self.procrustes_distance_means,
            "Procrustes distance, weights": self.procrustes_distance_weights,
        }
        return found + [Compared(name, value, 0.0, value) for name, value in distances.items()]

    def _extremes(self, name: str, field: str, chosen: Any) -> list[Compared]:
        measured = np.asarray(getattr(self, f"measured_{field}"))[chosen]
        predicted = np.asarray(getattr(self, f"predicted_{field}"))[chosen]
        rows = []
        for word, extreme in (("smallest", np.min), ("largest", np.max)):
            ends = float(extreme(measured)), float(extreme(predicted))
            rows.append(Compared(f"{word} {name}", *ends, ends[0] - ends[1]))
        return rows


def compare(
    features: Features | Configuration,
    prediction: Result[Any] | Configuration,
    *,
    center: Center | None = "class",
) -> Comparison:
    """A measured last layer beside what is predicted for it, up to rotation, scale and (by default) translation.

    Formula:
        With M, W class means and weights: MM'/|MM'|_F, WW'/|WW'|_F, norms, cosines, margins of both; and
        min over s, R'R = I of |A - s B R|_F = sqrt(1 - |A B'|_*^2) for A, B of Frobenius norm 1.
    Args:
        features: Features, or a Configuration, as measured.
        prediction: a Configuration, or a Result that holds one: of `separation.optimum`, `landscape.optimum` or
            `channel.optimum`, for these class sizes.
        center: what is taken from the class means of both sides, moving the bias along: their mean ("class"), the mean
            of all samples ("sample", with class sizes), or nothing (None), where the origin has a meaning, as in models
            without bias.
    Assumes:
        Class c of one side is class c of the other. The dimensions may differ.
    Returns:
        Comparison.
    Raises:
        InputError: a Result without a configuration, or numbers of classes that differ.
    Reference:
        schonemann1966, for the distance; thrampoulidis2022, for the predictions.
    Example:
        >>> import nctheory
        >>> from nctheory import channel, collapse
        >>> turned = 3 * nctheory.simplex_etf(4, 6, seed=1) + 2
        >>> collapse.compare(nctheory.Configuration(turned), channel.optimum(4)).procrustes_distance_means < 1e-14
        True
    """
    ours, theirs = _points(features, center, "features"), _points(_predicted(prediction), center, "prediction")
    if ours.num_classes != theirs.num_classes:
        raise InputError(f"prediction has {theirs.num_classes} classes, expected {ours.num_classes} as in features")
    weights = None if isinstance(features, Features) and features.weights is None else ours.weights
    measured = _Side(ours.class_means, weights, ours.bias)
    predicted = _Side(theirs.class_means, theirs.weights, theirs.bias)
    return Comparison(
        center=center,
        measured_means_gram=_gram(measured.means),
        predicted_means_gram=_gram(predicted.means),
        measured_weights_gram=_gram(measured.weights),
        predicted_weights_gram=_gram(predicted.weights),
        measured_means_norms=_norms(measured.means),
        predicted_means_norms=_norms(predicted.means),
        measured_weights_norms=_norms(measured.weights),
        predicted_weights_norms=_norms(predicted.weights),
        measured_means_cosines=_cosines(measured.means),
        predicted_means_cosines=_cosines(predicted.means),
        measured_weights_cosines=_cosines(measured.weights),
        predicted_weights_cosines=_cosines(predicted.weights),
        measured_margins=measured.margins(),
        predicted_margins=predicted.margins(),
        procrustes_distance_means=_procrustes(measured.means, predicted.means),
        procrustes_distance_weights=_procrustes(measured.weights, predicted.weights),
    )


class _Side:
    """Class means, weights and bias, the matrices with Frobenius norm 1; weights are NaN where there are none."""

    def __init__(self, means: Array, weights: Array | None, bias: Array) -> None:
        size = _size(means)
        self.means = means / size if size else np.full_like(means, math.nan)
        length = 0.0 if weights is None else _size(weights)
        self.weights = weights / length if weights is not None and length else np.full_like(means, math.nan)
        self._bias = bias / (size * length) if size * length else np.full_like(bias, math.nan)

    def margins(self) -> Array:
        """(K,), each against the other class that comes closest."""
        logits = self.means @ self.weights.T + self._bias
        own = np.diag(logits).copy()
        np.fill_diagonal(logits, -math.inf)
        return freeze(own - logits.max(axis=1))


def _predicted(prediction: Result[Any] | Configuration) -> Configuration:
    found = prediction.configuration if isinstance(prediction, Result) else prediction
    if not isinstance(found, Configuration):
        kind = "a Result without a configuration" if isinstance(prediction, Result) else type(prediction).__name__
        raise InputError(f"prediction is {kind}, expected a Configuration, or a Result that holds one")
    return found


def _points(data: Features | Configuration, center: Center | None, name: str) -> Configuration:
    points = data.configuration if isinstance(data, Features) else data
    if not isinstance(points, Configuration):
        raise InputError(f"{name} is of type {type(data).__name__}, expected Features or a Configuration")
    if not points.has_coordinates:
        points = Configuration(points.class_means, class_sizes=points.class_sizes)
    return points if center is None else points.centered(center)


def _size(rows: Array) -> float:
    return float(np.linalg.norm(rows))


def _gram(rows: Array) -> Array:
    gram = rows @ rows.T
    return freeze(gram / np.linalg.norm(gram))


def _norms(rows: Array) -> Array:
    return freeze(np.linalg.norm(rows, axis=1))


def _cosines(rows: Array) -> Array:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = np.divide(rows, norms, out=np.full_like(rows, math.nan), where=norms > 0)
    return freeze(unit @ unit.T)


def _procrustes(A: Array, B: Array) -> float:
    """By the residual itself: the square root of a difference would lose half of the digits of a small distance."""
    if np.isnan(A).any() or np.isnan(B).any():
        return math.nan
    wide = max(A.shape[1], B.shape[1])
    A, B = (np.pad(rows, ((0, 0), (0, wide - rows.shape[1]))) for rows in (A, B))
    U, values, V = np.linalg.svd(B.T @ A)
    return float(np.linalg.norm(A - values.sum() * (B @ (U @ V))))
