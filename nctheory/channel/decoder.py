"""The best decoder under a noise covariance that all classes share."""

import math
from typing import Any

import flint
import numpy as np

from nctheory.arrays import Array
from nctheory.channel.pairs import Covariances
from nctheory.configuration import Configuration, as_configuration
from nctheory.errors import InputError
from nctheory.exact import ExactMatrix

__all__ = ["best_decoder"]

_EXACT_BITS = 1024  # of the determinant of the covariance, up to which weights are exact


def best_decoder(class_means: Any, noise_covariance: Any) -> Configuration:
    """The class means with the decoder of the largest exponent under a noise covariance that all classes share.

    Formula:
        w_c = S^-1 mu_c and b_c = -<mu_c, S^-1 mu_c> / 2: the nearest mean in the metric of S^-1. Its exponent is
        min over i != j of <mu_i - mu_j, S^-1 (mu_i - mu_j)> / 8.
    Args:
        class_means: (K, d), or a Configuration, of which only the class means count.
        noise_covariance: S (d, d), symmetric positive definite.
    Assumes:
        The noise is sigma z, z ~ N(0, S), in every class. No decoder of any kind does better: this one is maximum
        likelihood for equal priors.
    Returns:
        A Configuration with weights and bias. They are exact Fractions where det S has at most 1024 bits by Hadamard's
        bound, after S is divided by what its entries have in common (small dimensions, or simple entries). Otherwise
        they are floats (`is_float`), and the exponent falls short of the formula by what solving in floats loses; what
        it is then `exponent(..., noise_covariance=S)` says exactly.
    Raises:
        InputError: class means that make no Configuration or have no coordinates; a covariance of another shape, one
            for each class, or one that is not exactly symmetric or not positive definite; weights beyond float64.
    Reference:
        horn2012, theorem 7.8.1 (Hadamard's inequality); `nctheory.theorems.common_covariance`.
    Example:
        >>> from nctheory import channel
        >>> best = channel.best_decoder([[1, 0], [-1, 0]], [[2, 1], [1, 1]])
        >>> best.weights
        array([[ 1., -1.],
               [-1.,  1.]])
        >>> channel.exponent(best, noise_covariance=[[2, 1], [1, 1]]).exact
        1/2
        >>> channel.exponent([[1, 0], [-1, 0]], noise_covariance=[[2, 1], [1, 1]]).exact
        1/4
    """
    means = as_configuration(class_means).nearest_mean()
    noise = Covariances(noise_covariance, means)
    if len(noise.exact.integers) > 1:
        raise InputError("noise_covariance has one matrix for each class, expected one for all of them")
    covariance = noise.exact.rows(np.array(0))
    rank = flint.fmpz_mat(covariance.integers.tolist()).rank()
    if rank < means.dimension:
        raise InputError(f"noise_covariance has rank {rank}, expected {means.dimension}: it is not positive definite")
    solve = _exact_weights if _determinant_bits(covariance) <= _EXACT_BITS else _float_weights
    weights, bias = solve(means, covariance)
    data = means.class_means if means.is_float else means.exact.fractions()
    return Configuration(data, weights, bias, means.class_sizes)


def _determinant_bits(matrix: ExactMatrix) -> int:
    """An upper bound on those of the determinant, by Hadamard, after dividing by the content of the matrix."""
    content = math.gcd(*matrix.integers.flat)
    return sum((entry // content).bit_length() for entry in matrix.integers.diagonal())


def _exact_weights(means: Configuration, covariance: ExactMatrix) -> tuple[Array, Array]:
    points, matrix = means.exact, flint.fmpz_mat(covariance.integers.tolist())
    solution: Any = matrix.solve(flint.fmpz_mat(points.integers.T.tolist()))
    solution, common = solution.numer_denom()
    integers = np.array([[int(entry) for entry in row] for row in solution.tolist()], dtype=object).T
    weights = integers * (points.unit / covariance.unit / int(common))
    return weights, (weights * points.integers).sum(axis=1) * (-points.unit / 2)


def _float_weights(means: Configuration, covariance: ExactMatrix) -> tuple[Array, Array]:
    """Solved at the scale of the covariance, so that its size alone causes neither underflow nor overflow."""
    matrix, points = covariance.floats(), means.class_means
    power = int(np.frexp(np.abs(matrix).max())[1])
    try:
        with np.errstate(over="ignore"):
            weights = np.ldexp(np.linalg.solve(np.ldexp(matrix, -power), points.T).T, -power)
            return weights, -(weights * points).sum(axis=1) / 2
    except np.linalg.LinAlgError:
        raise InputError("noise_covariance is too close to singular for float64; give simpler Fractions") from None
