"""Points on spheres: F and its Riemannian derivatives, the matrix S that certifies and escapes, and points as vectors.

G has the rows g_i, the derivatives of F by the inner products <w_c, h_i> of a row i, alpha_c = -<w_c, (G^T H)_c> and
beta_i = -<h_i, (G W)_i>. On a product of spheres the gradient is that of the surrounding space, less its part along
each row, and the Hessian is the projected one plus alpha_c and beta_i times the tangent: what a great circle bends.

S = [[diag alpha, G^T], [G, diag beta]], here with rows of H that stand for n samples: G and beta are sums over these,
and n^(1/2) h is what is turned. By convexity F' >= F + <G, W'H' - WH> for any other point on the spheres, where <G, WH>
is -sum alpha and also -sum beta, and 2 <G, W'H'> + sum alpha + sum beta is <X', S X'> >= (K + N) min(0, mu), X' all
rows and mu the least eigenvalue of S: so F' >= F + (K + N) min(0, mu) / 2.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nctheory.arrays import Array
from nctheory.errors import InputError
from nctheory.landscape.evaluation import Numbers, Tangent
from nctheory.landscape.model import Model
from nctheory.landscape.sphere_bounds import unit_rows

__all__ = ["OnSpheres", "SphereFlat", "along_circles", "random_point"]

_UNIT = 1e-6  # by how much the norm of a row may differ from 1


@dataclass(frozen=True, eq=False)
class OnSpheres(Numbers):
    """A point in floats whose rows of weights and features have norm 1; the bias is 0."""

    @classmethod
    def of(cls, model: Model, point: Any) -> "OnSpheres":
        """That of Features or a Configuration with rows of norm 1, which are divided by their norms."""
        given = Numbers.of(model, point)
        for name, rows in (("weights", given.weights), ("features", given.features)):
            norms = np.linalg.norm(rows, axis=1)
            worst = int(np.argmax(np.abs(norms - 1)))
            if not abs(norms[worst] - 1) <= _UNIT:
                raise InputError(f"row {worst} of the {name} has norm {norms[worst]:.9g}, expected 1 up to 1e-6")
        return cls.at(given.weights, given.features, given.labels, given.counts)

    @classmethod
    def at(cls, weights: Array, features: Array, labels: Array, counts: Array) -> "OnSpheres":
        """The point with these rows, divided by their norms."""
        return cls(unit_rows(features), labels, counts, unit_rows(weights), np.zeros(len(weights)))

    @classmethod
    def of_classes(cls, model: Model, weights: Array, features: Array) -> "OnSpheres":
        """The point with one feature for each class."""
        return cls.at(weights, features, np.arange(model.num_classes), model.class_sizes.astype(np.float64))

    def collapsed(self, model: Model) -> "OnSpheres":
        """In place of the features of a class the direction of their mean, or one of them where that is 0."""
        means = super().collapsed(model).features
        first = np.unique(self.labels, return_index=True)[1]
        short = np.linalg.norm(means, axis=1, keepdims=True) < _UNIT
        return OnSpheres.of_classes(model, self.weights, np.where(short, self.features[first], means))

    def loss_gradient(self, model: Model) -> Array:
        """G: rows g_i, the derivatives of F by the inner products <w_c, h_i>."""
        scale = _temperature(model)
        slopes = model.loss.gradient(scale * (self.features @ self.weights.T), self.labels)
        return np.asarray(slopes * (scale * self.shares(model))[:, None])

    def value(self, model: Model) -> float:
        """F."""
        logits = _temperature(model) * (self.features @ self.weights.T)
        return float(self.shares(model) @ model.loss.value(logits, self.labels))

    def gradient(self, model: Model) -> Tangent:
        """The Riemannian gradient: that of the surrounding space, less its part along each row."""
        slopes = self.loss_gradient(model)
        return self._projected(slopes.T @ self.features, slopes @ self.weights)

    def hessian_vector_product(self, model: Model, tangent: Tangent) -> Tangent:
        """The Riemannian Hessian, applied to what of these changes is tangential."""
        scale, slopes = _temperature(model), self.loss_gradient(model)
        along = self._projected(tangent.weights, tangent.features)
        moved = scale * (self.features @ along.weights.T + along.features @ self.weights.T)
        curved = model.loss.hessian_vector_product(scale * (self.features @ self.weights.T), self.labels, moved)
        curved = curved * (scale * self.shares(model))[:, None]
        alpha, beta = self.multipliers(model)
        return self._projected(
            curved.T @ self.features + slopes.T @ along.features + alpha[:, None] * along.weights,
            curved @ self.weights + slopes @ along.weights + beta[:, None] * along.features,
        )

    def _projected(self, weights: Array, features: Array) -> Tangent:
        """What of these changes is tangential."""
        changes = ((weights, self.weights), (features, self.features))
        flat = [change - np.einsum("ij,ij->i", change, rows)[:, None] * rows for change, rows in changes]
        return Tangent(flat[0], flat[1], np.zeros(len(self.weights)))

    def multipliers(self, model: Model) -> tuple[Array, Array]:
        """alpha (K,) and beta, one for each row."""
        slopes = self.loss_gradient(model)
        pulls = slopes * (self.features @ self.weights.T)
        return -pulls.sum(axis=0), -pulls.sum(axis=1)

    def certificate_matrix(self, model: Model) -> Array:
        """S, with n^(1/2) h in place of a row h that stands for n samples."""
        roots = np.sqrt(self.counts)
        alpha, beta = self.multipliers(model)
        slopes = self.loss_gradient(model) / roots[:, None]
        return np.block([[np.diag(alpha), slopes.T], [slopes, np.diag(beta / self.counts)]])

    def steepness(self, model: Model) -> float:
        """|diag(alpha)^(-1/2) G^T diag(beta)^(-1/2)|_2, infinite where some alpha or beta is not positive.

        S is positive semidefinite with positive alpha and beta exactly where that is at most 1.
        """
        alpha, beta = self.multipliers(model)
        if alpha.min() <= 0 or beta.min() <= 0:
            return float("inf")
        return float(np.linalg.norm(self.loss_gradient(model) / np.sqrt(beta)[:, None] / np.sqrt(alpha), 2))

    def hessian(self, model: Model) -> Array:
        """The Riemannian Hessian as a matrix, in an orthonormal basis of the tangent space."""
        basis = self._tangent_basis()
        images = [self._joined(self.hessian_vector_product(model, self._split(row))) for row in basis]
        table = basis @ np.transpose(images)
        return np.asarray((table + table.T) / 2)

    def tangent(self, coordinates: Array) -> Tangent:
        """That of these coordinates in the basis of `hessian`."""
        return self._split(coordinates @ self._tangent_basis())

    def _tangent_basis(self) -> Array:
        """Rows of (K + R)(d - 1) orthonormal tangents, flat."""
        rows = np.vstack([self.weights, self.features])
        count, width = rows.shape
        basis = np.zeros((count, width - 1, count, width))
        for k, row in enumerate(rows):
            basis[k, :, k] = np.linalg.svd(row[None])[2][1:]
        return np.asarray(basis.reshape(count * (width - 1), count * width))

    def _joined(self, tangent: Tangent) -> Array:
        return np.concatenate([tangent.weights.ravel(), tangent.features.ravel()])

    def _split(self, flat: Array) -> Tangent:
        weights, features = np.split(flat, [self.weights.size])
        shapes = self.weights.shape, self.features.shape
        return Tangent(weights.reshape(shapes[0]), features.reshape(shapes[1]), np.zeros(len(self.weights)))


def _temperature(model: Model) -> float:
    return float(model.temperature or 0)


def along_circles(numbers: OnSpheres, tangent: Tangent, step: float) -> OnSpheres:
    """The point a step further on great circles: cos(s |t|) x + sin(s |t|) t / |t| for rows x with tangents t."""
    parts = ((numbers.weights, tangent.weights), (numbers.features, tangent.features))
    moved = []
    for rows, change in parts:
        lengths = np.linalg.norm(change, axis=1, keepdims=True)
        ahead = np.divide(change, lengths, out=np.zeros_like(change), where=lengths > 0)
        moved.append(np.cos(step * lengths) * rows + np.sin(step * lengths) * ahead)
    return OnSpheres.at(moved[0], moved[1], numbers.labels, numbers.counts)


def random_point(model: Model, generator: np.random.Generator) -> OnSpheres:
    """Independent uniform directions, one feature for each class."""
    weights, features = generator.standard_normal((2, model.num_classes, model.dimension))
    return OnSpheres.of_classes(model, weights, features)


@dataclass(frozen=True, eq=False)
class SphereFlat:
    """Rows of any length as vectors, at which F is that of the rows over their norms: for `nctheory.descent`.

    A feature of n samples starts with length (K n / N)^(1/2), so that it bends F about as much as a weight does. Values
    are over `unit`.
    """

    model: Model
    labels: Array
    counts: Array
    unit: float = 1.0

    @classmethod
    def like(cls, model: Model, numbers: OnSpheres, unit: float = 1.0) -> "SphereFlat":
        """For points with the labels and counts of this one."""
        return cls(model, numbers.labels, numbers.counts, unit)

    def of(self, numbers: OnSpheres) -> Array:
        """The vector of a point."""
        return np.concatenate([numbers.weights.ravel(), (numbers.features * self._roots).ravel()])

    def numbers(self, flat: Array) -> OnSpheres:
        """The point of a vector."""
        rows = self._rows(flat)
        size = self.model.num_classes
        return OnSpheres.at(rows[:size], rows[size:], self.labels, self.counts)

    def evaluate(self, flat: Array) -> tuple[float, Array]:
        """F over the unit, and its gradient: the Riemannian one over the norms."""
        numbers = self.numbers(flat)
        slope = numbers.gradient(self.model)
        rows = np.vstack([slope.weights, slope.features]) / self._norms(flat)
        return numbers.value(self.model) / self.unit, np.asarray(rows.ravel()) / self.unit

    def curvature(self, flat: Array, along: Array) -> Array:
        """The second derivative applied to a direction.

        With y = x / r, r = |x|, a change t of x is one of s = (t - <y, t> y) / r of y, and the derivative of g / r, g
        the Riemannian gradient at y, is (Hess s - <g, s> y) / r - <y, t> g / r^2.
        """
        numbers, norms = self.numbers(flat), self._norms(flat)
        points = np.vstack([numbers.weights, numbers.features])
        outward = np.einsum("ij,ij->i", points, self._rows(along))[:, None]
        moved = (self._rows(along) - outward * points) / norms
        size = self.model.num_classes
        tangent = Tangent(moved[:size], moved[size:], np.zeros(size))
        slope, bent = numbers.gradient(self.model), numbers.hessian_vector_product(self.model, tangent)
        slopes = np.vstack([slope.weights, slope.features])
        inward = np.einsum("ij,ij->i", slopes, moved)[:, None] * points
        change = (np.vstack([bent.weights, bent.features]) - inward) / norms - outward * slopes / norms**2
        return np.asarray(change.ravel()) / self.unit

    def _rows(self, flat: Array) -> Array:
        return np.asarray(flat.reshape(-1, self.model.dimension))

    def _norms(self, flat: Array) -> Array:
        return np.asarray(np.linalg.norm(self._rows(flat), axis=1, keepdims=True))

    @cached_property
    def _roots(self) -> Array:
        return np.asarray(np.sqrt(self.model.num_classes * self.counts / self.model.num_samples)[:, None])
