"""Configurations with a name: the simplex ETF, orthogonal frames, the orthoplex, and random ones."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
from jaxtyping import Float

from nctheory.arrays import Array, Seed, freeze, positive_integer
from nctheory.configuration import Configuration
from nctheory.errors import InputError
from nctheory.exact import ExactMatrix

__all__ = [
    "exact_simplex_etf",
    "orthogonal_frame",
    "orthoplex",
    "random_configuration",
    "simplex_etf",
    "simplex_etf_gram",
]


def simplex_etf(num_classes: int, dimension: int | None = None, *, seed: Seed | None = None) -> Float[Array, "K d"]:
    """The simplex equiangular tight frame: K unit vectors whose pairwise cosines are all -1/(K-1).

    Formula:
        With m = K - 1, a = sqrt((m+1)/m) and g = (1/sqrt(m) - a)/m: mu_i = a e_i + g 1 for i < K, mu_K = -1/sqrt(m).
        Gram matrix K/(K-1) (I - J/K).
    Args:
        num_classes: K >= 2.
        dimension: d >= K - 1, the default; further coordinates are 0 without a seed.
        seed: None for the canonical orientation above; else a Haar-random one.
    Assumes:
        Nothing.
    Returns:
        (K, d) read-only float64. Canonical: cosines within 4 eps of -1/(K-1). Random: within about sqrt(K) eps.
    Raises:
        InputError: K < 2, or d < K - 1, where no simplex ETF exists.
    Reference:
        papyan2020, definition 1; mezzadri2007, section 5 for the random orientation.
    Example:
        >>> from nctheory import simplex_etf
        >>> simplex_etf(2)
        array([[ 1.], [-1.]])
    """
    num_classes = positive_integer(num_classes, "num_classes", 2)
    rank = num_classes - 1
    dimension = positive_integer(rank if dimension is None else dimension, "dimension")
    if dimension < rank:
        raise InputError(f"dimension is {dimension}, expected at least K - 1 = {rank}: no simplex ETF exists below")
    stretch = math.sqrt(num_classes / rank)
    shift = (1 / math.sqrt(rank) - stretch) / rank
    points = np.zeros((num_classes, dimension))
    if seed is None:
        points[:, :rank] = shift
        points[np.arange(rank), np.arange(rank)] += stretch
        points[-1, :rank] = -1 / math.sqrt(rank)
    else:
        frame = _haar_frame(rank, dimension, np.random.default_rng(seed))
        total = frame.sum(axis=0)
        points[:-1] = stretch * frame + shift * total
        points[-1] = -total / math.sqrt(rank)
    points.setflags(write=False)
    return points


def simplex_etf_gram(num_classes: int) -> Array:
    """The exact Gram matrix of the simplex ETF.

    Formula:
        G = K/(K-1) (I - J/K): 1 on the diagonal, -1/(K-1) elsewhere.
    Args:
        num_classes: K >= 2.
    Assumes:
        Nothing.
    Returns:
        (K, K) read-only object array of Fractions.
    Raises:
        InputError: K < 2.
    Reference:
        papyan2020, definition 1.
    Example:
        >>> from nctheory import simplex_etf_gram
        >>> simplex_etf_gram(3)[0].tolist()
        [Fraction(1, 1), Fraction(-1, 2), Fraction(-1, 2)]
    """
    num_classes = positive_integer(num_classes, "num_classes", 2)
    gram = np.full((num_classes, num_classes), Fraction(-1, num_classes - 1), dtype=object)
    np.fill_diagonal(gram, Fraction(1))
    gram.setflags(write=False)
    return gram


def exact_simplex_etf(num_classes: int, dimension: int | None = None) -> Configuration:
    """The simplex ETF as an exact configuration: nearest-mean decoder, rational Gram matrix, float coordinates.

    Formula:
        G = K/(K-1) (I - J/K).
    Args:
        num_classes: K >= 2.
        dimension: d >= K - 1, the default.
    Assumes:
        Nothing.
    Returns:
        A Configuration whose `exact` is the Gram matrix and whose `class_means` is `simplex_etf(K, d)`.
    Raises:
        InputError: K < 2, or d < K - 1.
    Reference:
        papyan2020, definition 1.
    Example:
        >>> from nctheory import channel
        >>> channel.exponent(exact_simplex_etf(10)).exact
        5/18
    """
    points = simplex_etf(num_classes, dimension)
    return Configuration._of_gram(ExactMatrix.of(simplex_etf_gram(num_classes)), points)


def orthogonal_frame(
    num_classes: int, dimension: int | None = None, *, seed: Seed | None = None
) -> Float[Array, "K d"]:
    """K orthonormal vectors.

    Formula:
        mu_i = e_i, or the rows of a Haar-random frame.
    Args:
        num_classes: K >= 1.
        dimension: d >= K, K by default.
        seed: None for the coordinate vectors; else a Haar-random orientation.
    Assumes:
        Nothing.
    Returns:
        (K, d) read-only float64.
    Raises:
        InputError: d < K.
    Reference:
        mezzadri2007, section 5 for the random orientation.
    Example:
        >>> orthogonal_frame(2, 3)
        array([[1., 0., 0.], [0., 1., 0.]])
    """
    num_classes = positive_integer(num_classes, "num_classes")
    dimension = positive_integer(num_classes if dimension is None else dimension, "dimension")
    if dimension < num_classes:
        raise InputError(f"dimension is {dimension}, expected at least {num_classes} for as many orthogonal vectors")
    if seed is None:
        return freeze(np.eye(num_classes, dimension))
    return freeze(_haar_frame(num_classes, dimension, np.random.default_rng(seed)))


def orthoplex(num_classes: int, dimension: int) -> Float[Array, "K d"]:
    """K vertices of the orthoplex (cross-polytope), which attain Rankin's bound for d + 2 <= K <= 2d.

    Formula:
        The first K of e_1, ..., e_d, -e_1, ..., -e_d.
    Args:
        num_classes: 1 <= K <= 2d.
        dimension: d.
    Assumes:
        Nothing.
    Returns:
        (K, d) read-only float64 unit vectors; any two are at distance sqrt(2) or 2.
    Raises:
        InputError: K > 2d.
    Reference:
        rankin1955; proof in `kernel._universal`.
    Example:
        >>> orthoplex(4, 2)
        array([[ 1.,  0.], [ 0.,  1.], [-1.,  0.], [ 0., -1.]])
    """
    num_classes, dimension = positive_integer(num_classes, "num_classes"), positive_integer(dimension, "dimension")
    if num_classes > 2 * dimension:
        raise InputError(
            f"num_classes is {num_classes}, expected at most 2d = {2 * dimension} in dimension {dimension}"
        )
    axes = np.eye(dimension)
    return freeze(np.concatenate([axes, 0 - axes])[:num_classes])


def random_configuration(num_classes: int, dimension: int, *, seed: Seed) -> Configuration:
    """Independent Gaussian class means and weights, and a Gaussian bias.

    Formula:
        Entries of mu_c and w_c are N(0, 1/d), those of b are N(0, 1/d).
    Args:
        num_classes: K >= 1.
        dimension: d >= 1.
        seed: int, SeedSequence or Generator.
    Assumes:
        Nothing.
    Returns:
        A Configuration with a linear decoder.
    Raises:
        InputError: sizes that are no positive integers.
    Reference:
        vershynin2018, section 3.3.
    Example:
        >>> random_configuration(4, 3, seed=0)
        Configuration(4 classes, dimension 3, linear decoder)
    """
    num_classes, dimension = positive_integer(num_classes, "num_classes"), positive_integer(dimension, "dimension")
    generator = np.random.default_rng(seed)
    means, weights = generator.standard_normal((2, num_classes, dimension)) / math.sqrt(dimension)
    return Configuration(means, weights, generator.standard_normal(num_classes) / math.sqrt(dimension))


def _haar_frame(rank: int, dimension: int, generator: np.random.Generator) -> Array:
    """(rank, dimension) orthonormal rows, Haar-distributed: QR of a Gaussian matrix with the signs of R moved to Q."""
    q, r = np.linalg.qr(generator.standard_normal((dimension, rank)))
    signs: Any = np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return np.asarray((q * signs).T)
