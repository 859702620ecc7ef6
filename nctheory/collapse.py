"""NC1-NC4 on real features, every convention stated beside its number."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nctheory.arrays import Array
from nctheory.configuration import Center, Features
from nctheory.errors import InputError

__all__ = ["Collapse", "measure"]

_BLOCK = 1 << 22  # entries of a table of samples that are held at once
_LARGEST_EXPONENT = 1000  # of two, of a score


def _metric(name: str, convention: str) -> Any:
    return field(metadata={"name": name, "convention": convention})


@dataclass(frozen=True)
class Collapse:
    """How collapsed a last layer is; a number that does not exist (0/0, or no classifier) is not-a-number.

    Notation: K classes, class means mu_c, center g, D the rows mu_c - g, W the rows of the classifier as they are.
    Each metric carries its convention in the metadata of its field, from which reports print it.
    """

    center: Center
    rank: int = _metric("rank of D", "singular values above max(K, d) eps times the largest")
    training_error: float = _metric(
        "training error", "share of samples with argmax(Wh + b) != label, first index on ties"
    )
    variability: float = _metric(
        "NC1 within-class variability", "tr(Sigma_W pinv(Sigma_B)) / K, Sigma_B = D'D / K, Sigma_W over all samples"
    )
    equinorm_means: float = _metric("NC2 equinorm, class means", "standard deviation / mean of |mu_c - g|, ddof 0")
    equinorm_weights: float = _metric("NC2 equinorm, classifier", "standard deviation / mean of |w_c|, ddof 0")
    equiangle_means: float = _metric("NC2 equiangle, class means", "spread of the cosines over c != c', ddof 0")
    equiangle_weights: float = _metric("NC2 equiangle, classifier", "spread of the cosines over c != c', ddof 0")
    max_angle_means: float = _metric("NC2 maximal angle, class means", "mean of |cos + 1/(K-1)| over c != c'")
    max_angle_weights: float = _metric("NC2 maximal angle, classifier", "mean of |cos + 1/(K-1)| over c != c'")
    self_duality: float = _metric("NC3 self-duality", "|W/|W|_F - D/|D|_F|_F^2, in [0, 4]; W is not centered")
    nearest_mean_mismatch: float = _metric("NC4 mismatch", "share of samples with argmax(Wh + b) != nearest class mean")


def measure(features: Features, *, center: Center = "class") -> Collapse:
    """The four metrics of neural collapse on the features of a trained network.

    Formula:
        With D the class means less a center g, its thin SVD D = U S V', and residuals r_i = h_i - mu_{y_i}:
        NC1 = tr(Sigma_W pinv(Sigma_B)) / K = (1/N) sum_i |pinv(S) V' r_i|^2. NC2: spread of the norms and of the
        cosines of D (and of W), and their distance from -1/(K-1). NC3 = |W/|W|_F - D/|D|_F|_F^2. NC4: share of samples
        where the classifier, with its bias, disagrees with the nearest class mean.
    Args:
        features: Features, with a classifier or without.
        center: g is the mean of class means ("class") or the sample mean ("sample"); they differ under imbalance.
    Assumes:
        At least two classes. Computed in float64 after scaling by powers of two; class means are exact, rounded once.
    Returns:
        Collapse; what needs a classifier is not-a-number without one.
    Raises:
        InputError: one class only, or an unknown center.
    Reference:
        papyan2020, figures 2-7.
    Example:
        >>> import nctheory
        >>> etf = nctheory.simplex_etf(4)
        >>> nctheory.collapse.measure(nctheory.Features(etf, [0, 1, 2, 3], etf)).self_duality < 1e-30
        True
    """
    if not isinstance(features, Features):
        raise InputError(f"features is of type {type(features).__name__}, expected Features: NC1 and NC4 need samples")
    if features.num_classes < 2:
        raise InputError(f"features has {features.num_classes} class, expected at least two to compare")
    centered, shift = _unit_scale(features.configuration.nearest_mean().centered(center).class_means)
    _, singular_values, directions = np.linalg.svd(centered, full_matrices=False)
    cutoff = max(centered.shape) * np.finfo(float).eps * singular_values[0]
    rank = int((singular_values > cutoff).sum())
    error, mismatch = _disagreements(features)
    weights = features.weights if features.weights is not None else np.full_like(centered, math.nan)
    return Collapse(
        center=center,
        rank=rank,
        training_error=error,
        variability=_variability(features, shift, directions[:rank] / singular_values[:rank, None]),
        equinorm_means=_relative_spread(centered),
        equinorm_weights=_relative_spread(weights),
        equiangle_means=float(_cosines(centered).std()),
        equiangle_weights=float(_cosines(weights).std()),
        max_angle_means=_distance_from_maximal_angle(centered),
        max_angle_weights=_distance_from_maximal_angle(weights),
        self_duality=_self_duality(weights, centered),
        nearest_mean_mismatch=mismatch,
    )


def _blocks(features: Features) -> Iterator[slice]:
    """Samples in blocks, so that no table of all samples and classes is made."""
    step = max(1, _BLOCK // max(features.num_classes, features.dimension))
    return (slice(start, start + step) for start in range(0, len(features.labels), step))


def _variability(features: Features, shift: int, whitening: Array) -> float:
    """(1/N) sum |whitening (h_i - mu_{y_i}) 2^shift|^2."""
    if not len(whitening):
        return math.nan
    total = 0.0
    for block in _blocks(features):
        residuals = features.features[block].astype(np.float64) - features.class_means[features.labels[block]]
        total += float(((np.ldexp(residuals, shift) @ whitening.T) ** 2).sum())
    return total / len(features.labels)


def _disagreements(features: Features) -> tuple[float, float]:
    """Training error, and how often the classifier disagrees with the nearest class mean."""
    if features.weights is None or features.bias is None:
        return math.nan, math.nan
    largest = np.abs(features.features).max()
    shift = -int(np.frexp(largest)[1])
    weights, shift_weights = _unit_scale(features.weights)
    power = shift + shift_weights  # of two, by which the scores are scaled; less where the bias would overflow
    spare = min(0, _LARGEST_EXPONENT - power - int(np.frexp(np.abs(features.bias).max())[1]))
    bias = np.ldexp(features.bias, power + spare)
    class_means = np.ldexp(features.class_means, shift)
    mean = class_means.mean(axis=0)
    offsets = class_means - mean
    wrong = different = 0
    for block in _blocks(features):
        points, labels = np.ldexp(features.features[block].astype(np.float64), shift), features.labels[block]
        predicted = (np.ldexp(points @ weights.T, spare) + bias).argmax(axis=1)
        nearest = ((points - mean) @ offsets.T - (offsets**2).sum(axis=1) / 2).argmax(axis=1)
        wrong += int((predicted != labels).sum())
        different += int((predicted != nearest).sum())
    return wrong / len(features.labels), different / len(features.labels)


def _unit_scale(array: Array) -> tuple[Array, int]:
    """Times the power of two that makes the largest entry about 1, and the exponent of that power."""
    shift = -int(np.frexp(np.abs(array).max())[1])
    return np.ldexp(array.astype(np.float64), shift), shift


def _relative_spread(rows: Array) -> float:
    norms = np.linalg.norm(_unit_scale(rows)[0], axis=1)
    with np.errstate(invalid="ignore"):
        return float(norms.std() / norms.mean())


def _cosines(rows: Array) -> Array:
    """The cosines of different rows."""
    rows = np.ldexp(rows, -np.frexp(np.abs(rows).max(axis=1, keepdims=True))[1])  # each row to about 1
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray((unit @ unit.T)[~np.eye(len(rows), dtype=bool)])


def _distance_from_maximal_angle(rows: Array) -> float:
    return float(np.abs(_cosines(rows) + 1 / (len(rows) - 1)).mean())


def _self_duality(weights: Array, centered: Array) -> float:
    weights, centered = _unit_scale(weights)[0], _unit_scale(centered)[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(((weights / np.linalg.norm(weights) - centered / np.linalg.norm(centered)) ** 2).sum())
