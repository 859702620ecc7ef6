"""The head of squared error in closed form, for given features, as for new classes in continual learning."""

from typing import Any

import numpy as np

from nctheory.arrays import Array, freeze
from nctheory.configuration import Features
from nctheory.errors import InputError

__all__ = ["least_squares_classifier"]


def least_squares_classifier(features: Any, labels: Any, *, ridge: float, bias: bool = True) -> tuple[Array, Array]:
    """The weights and the bias of least squared error to the labels, with a ridge, for features that stay as they are.

    Formula:
        The minimum of (1/2N) sum |W h_i + b - e_{y_i}|^2 + (ridge/2) |W|^2: with a bias
        W = diag(n_c/N) (M - 1 mu_G') (Sigma_T + ridge I)^-1, b_c = n_c/N - w_c . mu_G, where mu_G is the mean of all
        samples and Sigma_T their covariance, M the class means as rows; without, W = Y'H (H'H + N ridge I)^-1, b = 0.
    Args:
        features: (N, d) floats.
        labels: (N,) from 0 to K - 1, no class absent.
        ridge: lambda_W >= 0, of the mean over the samples; at 0 the solution of least norm.
        bias: whether a bias is free.
    Assumes:
        The rows of new classes need the sums over all samples: rows solved for with the new samples alone differ.
    Returns:
        Weights (K, d) and bias (K,), read-only float64.
    Raises:
        InputError: what Features refuses, or a ridge that is negative or not finite.
    Reference:
        han2022; the theorem `least_squares_head`.
    Example:
        >>> from nctheory.collapse import least_squares_classifier
        >>> least_squares_classifier([[1.0], [-1.0]], [0, 1], ridge=1.0)
        (array([[ 0.25],
               [-0.25]]), array([0.5, 0.5]))
    """
    data = Features(features, labels)
    if not 0 <= ridge < float("inf"):
        raise InputError(f"ridge is {ridge!r}, expected a finite number that is not negative")
    points, sizes = data.features.astype(np.float64), data.class_sizes
    targets = np.zeros((len(points), data.num_classes))
    targets[np.arange(len(points)), data.labels] = 1
    shares = sizes / len(points) if bias else np.zeros(data.num_classes)
    center = points[0] + (points - points[0]).mean(axis=0) if bias else np.zeros(data.dimension)
    weights = _ridge_solution(points - center, targets - shares, len(points) * ridge)
    return freeze(weights), freeze(shares - weights @ center)


def _ridge_solution(points: Array, targets: Array, penalty: float) -> Array:
    """T'X (X'X + penalty I)^-1, by the smaller of the two Gram matrices; at 0 by the pseudo-inverse."""
    from scipy.linalg import lstsq, solve

    if penalty == 0:
        return np.asarray(lstsq(points, targets)[0].T)
    samples, dimension = points.shape
    if dimension <= samples:
        gram = points.T @ points + penalty * np.eye(dimension)
        return np.asarray(solve(gram, points.T @ targets, assume_a="pos").T)
    gram = points @ points.T + penalty * np.eye(samples)
    return np.asarray(solve(gram, targets, assume_a="pos").T @ points)
