"""Thresholds of half-spaces by matrix products in floats, with bounds on their errors."""

import math
from collections.abc import Sequence

import numpy as np

from nctheory.arrays import Array
from nctheory.configuration import Configuration

__all__ = ["ColoredThresholds", "WhiteThresholds"]

_UNIT_ROUNDOFF = 2.0**-53
_TINY = 1e-300  # above every error of a sum of products that underflow can cause after scaling


class WhiteThresholds:
    """Thresholds for white noise by matrix products, with error bounds.

    A computed inner product of d terms has error at most gamma |x| |y|; the constant in `relative` leaves a factor of
    two for the few further roundings (higham2002, sections 2.2 and 3.1). Means, decoder rows and bias are scaled by
    powers of two; `rows` (K, d) are the decoder rows less their mean, over 2^scale_power.
    """

    def __init__(self, configuration: Configuration, noise: float, rows: Array, scale_power: int) -> None:
        self.noise, self.rows, self.linear = noise, rows, configuration.decoder == "linear"
        self.relative = (8 * configuration.dimension + 64) * _UNIT_ROUNDOFF
        self.squares = np.einsum("ij,ij->i", self.rows, self.rows)
        self.shift = scale_power
        if self.linear:
            size = int(np.frexp(np.abs(configuration.class_means).max())[1])
            self.shift = size
            self.means = np.ldexp(configuration.class_means, -size) if size else configuration.class_means
            with np.errstate(over="ignore", under="ignore"):
                self.bias = np.ldexp(configuration.bias, -size - scale_power)
            self.own = np.einsum("ij,ij->i", self.means, self.rows)
            self.sizes = np.sqrt(np.einsum("ij,ij->i", self.means, self.means))

    def __call__(self, classes: Array) -> tuple[Array, Array]:
        """(n, K) thresholds and bounds on their errors; these are infinite or no numbers where nothing is known."""
        with np.errstate(all="ignore"):
            squares = self.squares[classes, None] + self.squares
            distances = squares - 2 * (self.rows[classes] @ self.rows.T)
            uncertain = (self.relative * squares + _TINY) / distances
            uncertain[~(uncertain < 0.5)] = math.inf
            thresholds, errors = (self._linear if self.linear else self._nearest)(classes, distances, uncertain)
            thresholds, errors = np.ldexp(thresholds, self.shift), np.ldexp(errors, self.shift)
            return thresholds, errors + 8 * _UNIT_ROUNDOFF * np.abs(thresholds) + _TINY

    def _nearest(self, _: Array, distances: Array, uncertain: Array) -> tuple[Array, Array]:
        thresholds = np.sqrt(distances) / (2 * self.noise)
        return thresholds, uncertain * thresholds

    def _linear(self, classes: Array, distances: Array, uncertain: Array) -> tuple[Array, Array]:
        lengths = self.noise * np.sqrt(distances)
        margins = self.own[classes, None] - self.means[classes] @ self.rows.T + (self.bias[classes, None] - self.bias)
        reach = np.sqrt(self.squares)
        margin_error = self.sizes[classes, None] * (reach[classes, None] + reach)
        margin_error += np.abs(self.bias[classes, None]) + np.abs(self.bias)
        thresholds = margins / lengths
        return thresholds, 2 * (self.relative * margin_error + _TINY) / lengths + 2 * uncertain * np.abs(thresholds)


class ColoredThresholds:
    """Thresholds under covariances: those for white noise times the quotients of the lengths."""

    def __init__(self, white: WhiteThresholds, covariances: Sequence[Array]) -> None:
        self.white, self.shared = white, len(covariances) == 1
        self.reach = math.sqrt(float(white.squares.max()))
        self.covariances = [part.astype(np.float64) for part in covariances]
        self.images = white.rows @ _root(self.covariances[0]) if self.shared else None
        self.sizes = [math.sqrt(float(np.linalg.norm(part, 2))) for part in self.covariances]

    def __call__(self, classes: Array) -> tuple[Array, Array]:
        """(n, K) thresholds and bounds on their errors, as for white noise."""
        thresholds, errors = self.white(classes)
        with np.errstate(all="ignore"):
            for row, c in enumerate(classes):
                quotient, uncertain = self._quotients(int(c))
                errors[row] = 2 * quotient * (errors[row] + uncertain * np.abs(thresholds[row])) + _TINY
                thresholds[row] *= quotient
        return thresholds, errors

    def _quotients(self, c: int) -> tuple[Array, Array]:
        """White over colored lengths, and bounds on their relative errors.

        Squared lengths come with the error of the covariance's factorization, lengths with that of a product by it.
        """
        images = self.images
        if images is None:
            images = self.white.rows @ _root(self.covariances[c])
        plain = np.linalg.norm(self.white.rows - self.white.rows[c], axis=1)
        lengths = np.linalg.norm(images - images[c], axis=1)
        stretch = self.sizes[0 if self.shared else c] / lengths
        uncertain = self.white.relative * ((plain * stretch) ** 2 + self.reach * (stretch + 1 / plain))
        return plain / lengths, np.where(uncertain < 0.5, uncertain, math.inf)


def _root(covariance: Array) -> Array:
    """(d, d) L with L L' the covariance up to rounding, in all directions."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)))
