"""Coordinates for points in which Gaussian noise is white: the span of the points, roots of a covariance, integers."""

import math
from collections.abc import Callable

import numpy as np
from scipy import linalg

from nctheory.arrays import Array

__all__ = ["integer_rows", "leaves_out", "nearly_lost", "span", "spread", "to_floats", "whitening"]

_UNIT_ROUNDOFF = 2.0**-53
_GUARD = 104  # bits by which what integer rows get wrong is below the least squared distance
_LOST = 1e-7  # of a squared length, relative to the largest that there could be: rounding is some 1e-6 of it
_BLOCK = 1 << 22  # numbers held at once
_MOST_WORK = 1 << 33  # products that close pairs of rows are worth


# ------------------------------------------------------------------------------------------------------------ floats


def span(rows: Array) -> Array | None:
    """(d, r) orthonormal columns that span the rows up to rounding; None where those are of rank d."""
    num_rows, dimension = rows.shape
    size = float(np.abs(rows).max())
    if size == 0:
        return np.eye(dimension, 1)
    if dimension > num_rows:
        basis, triangle = linalg.qr(rows.T, mode="economic", check_finite=False)
        left, values, _ = np.linalg.svd(triangle)
        return np.asarray(basis @ left[:, : _rank(values, dimension)])
    triangle = np.linalg.qr(rows, mode="r")  # SciPy's takes one matrix of the size of the rows more
    _, values, right = np.linalg.svd(triangle)
    rank = _rank(values, num_rows)
    return None if rank == dimension else np.ascontiguousarray(right[:rank].T)


def _rank(values: Array, length: int) -> int:
    """How many singular values are not just rounding."""
    return int((values > 8 * length * _UNIT_ROUNDOFF * values[0]).sum())


def whitening(covariance: Array, basis: Array | None) -> Array:
    """(d, q) L with L L' the covariance, on the span of the basis; what has no variance is left out."""
    inner = covariance if basis is None else basis.T @ covariance @ basis
    values, vectors = np.linalg.eigh((inner + inner.T) / 2)
    kept = values > 8 * len(values) * _UNIT_ROUNDOFF * max(values[-1], 0)
    if not kept.any():
        return np.zeros((len(covariance), 1))
    factor = vectors[:, kept] * np.sqrt(values[kept])
    return np.asarray(factor if basis is None else basis @ factor)


def leaves_out(rows: Array, difference: Callable[[Array, Array], Array], basis: Array, share: float) -> bool:
    """Whether more than such a share of the difference of some two rows is outside of the basis.

    Only pairs that are closer than what is left out of any row allows are looked at by themselves, by differences
    without cancellation; where that would take too long, the answer is yes.
    """
    rest = rows - (rows @ basis) @ basis.T
    reach = 2 * float(np.linalg.norm(rest, axis=1).max()) / share
    squares = np.einsum("ij,ij->i", rows, rows)
    count, work = len(rows), 0
    for classes in np.array_split(np.arange(count), max(1, count**2 // _BLOCK)):
        sums = squares[classes, None] + squares
        near = sums - 2 * (rows[classes] @ rows.T) <= reach**2 + 1e-12 * sums
        i, j = np.nonzero(near & (np.arange(count) > classes[:, None]))
        work += len(i) * basis.size
        if work > _MOST_WORK:
            return True
        for part in np.array_split(np.arange(len(i)), 1 + i.size * rows.shape[1] // _BLOCK):
            differences = difference(classes[i[part]], j[part])
            outside = differences - (differences @ basis) @ basis.T
            if (np.linalg.norm(outside, axis=1) > share * np.linalg.norm(differences, axis=1)).any():
                return True
    return False


def nearly_lost(rows: Array, images: Array, norm: float, classes: Array) -> tuple[Array, Array]:
    """Pairs of some rows and others whose images under a root of a covariance of that norm are almost the same.

    Then rounding is a large part of the difference of the images.
    """
    found = []
    sizes, image_sizes = (np.einsum("ij,ij->i", x, x) for x in (rows, images))
    for part in np.array_split(classes, max(1, len(classes) * len(rows) // _BLOCK)):
        squares = sizes[part, None] + sizes - 2 * (rows[part] @ rows.T)
        image_squares = image_sizes[part, None] + image_sizes - 2 * (images[part] @ images.T)
        i, j = np.nonzero((image_squares < _LOST * norm * squares) & (part[:, None] != np.arange(len(rows))))
        found.append(np.stack([part[i], j]))
    i, j = np.concatenate(found, axis=1)
    return i, j


# ---------------------------------------------------------------------------------------------------------- integers


def integer_rows(form: Array) -> tuple[Array, Array]:
    """(K, r) integers V, their mean 0, and (r,) where the origin is or its projection onto their span, from <x_i, x_j>.

    Inner products of differences of the V are, but for a factor that all have in common, those of the x to within
    2^-100 of the least positive squared distance of two of them: Cholesky's factor with pivots, in fixed point. With R
    the largest root of a product, each of at most K columns is rounded to integers, which changes the products by no
    more than 4 R 2^shift; it ends when what is left of the x outside of the span is as small.
    """
    count = len(form)
    own = np.diagonal(form)
    rest = own - 2 * form[0] + form[0, 0]
    least = min((x for row in own[:, None] + own - 2 * form for x in row if x > 0), default=0)
    factor = np.zeros((count + 1, max(1, count - 1)), dtype=object)
    products = np.concatenate([form, np.zeros((1, count), dtype=object)])
    shift = max(0, _GUARD + (count * (math.isqrt(max(rest)) + 1)).bit_length() - least.bit_length())
    rest, limit, rank = rest << 2 * shift, (least << 2 * shift) >> _GUARD - 2, 0
    while least and rank < count - 1 and (largest := max(rest)) > limit:
        pivot = int(np.argmax(rest))
        column = products[:, pivot] - products[:, 0] - form[0, pivot] + form[0, 0]
        column = (column << 2 * shift) - factor[:, :rank] @ factor[pivot, :rank]
        factor[:, rank] = column // math.isqrt(largest)
        rest = rest - factor[:count, rank] ** 2
        rank += 1
    factor = factor[:, : max(1, rank)]
    centered = factor * count - factor[:count].sum(axis=0)
    return centered[:count], centered[count]


def spread(integers: Array) -> int:
    """The number of bits of the largest of them."""
    return max(int(abs(number)) for number in integers.flat).bit_length()


def to_floats(integers: Array, bits: int) -> Array:
    """The integers over 2^bits, each rounded once."""
    return np.asarray((integers / (1 << bits)).astype(np.float64))
