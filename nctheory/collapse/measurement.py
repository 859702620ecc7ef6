"""NC1-NC4 on real features, every convention stated beside its number."""

import numpy as np

from nctheory.arrays import Array
from nctheory.collapse.accumulator import Accumulator, SecondPass
from nctheory.collapse.metrics import Collapse
from nctheory.configuration import Center, Features
from nctheory.errors import InputError

__all__ = ["measure"]


def measure(features: Features, *, center: Center = "class", covariance: bool = False) -> Collapse:
    """The four metrics of neural collapse, and what goes with them, on the features of a trained network.

    Formula:
        With D the class means less a center g, its thin SVD D = U S V' and Sigma_W the covariance within classes:
        NC1 = tr(Sigma_W pinv(Sigma_B)) / K = tr(pinv(S) V' Sigma_W V pinv(S)). NC2: spread of the norms and of the
        cosines of D (and of W), their distance from -1/(K-1), the distance of the Gram matrix from a simplex's.
        NC3 = |W/|W|_F - D/|D|_F|_F^2. NC4: share of samples where the classifier, with its bias, disagrees with the
        nearest class mean. `Collapse.metrics()` states each convention.
    Args:
        features: Features, with a classifier or without.
        center: g is the mean of class means ("class") or the sample mean ("sample"); they differ under imbalance.
        covariance: whether Sigma_W itself is computed, which would be the largest part of the work; without it the rank
            of Sigma_W and the variability collapse index are not-a-number, and NC1 is summed sample by sample.
    Assumes:
        At least two classes. Computed in float64 about the first sample.
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
    points, weights = _in_fewer_coordinates(features)
    accumulator = Accumulator(features.num_classes, points.shape[1], covariance=covariance)
    accumulator.add(points, features.labels)
    moments = accumulator.moments(features.dimension)
    second = SecondPass(moments, weights, features.bias, center, keep=True)
    second.add(points, features.labels)
    return second.collapse()


def _in_fewer_coordinates(features: Features) -> tuple[Array, Array | None]:
    """The points and weights; in an orthonormal basis of their span where there are more dimensions than rows.

    Nothing that is measured changes with the basis, and Sigma_W is that much smaller.
    """
    points, weights = features.features, features.weights
    rows = len(points) + (0 if weights is None else len(weights))
    if features.dimension <= rows:
        return points, weights
    given = points.astype(np.float64) if weights is None else np.concatenate([points, weights])
    basis = np.linalg.qr(_unit_rows(given).T)[0]
    return points @ basis, None if weights is None else weights @ basis


def _unit_rows(rows: Array) -> Array:
    """Each row with its largest entry at about 1, so that no row is lost beside others."""
    return np.asarray(np.ldexp(rows, -np.frexp(np.abs(rows).max(axis=1, keepdims=True))[1]))
