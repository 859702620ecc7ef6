"""The class-reduced convex problem: one logit vector for each class, classes of one size and weight alike.

For a convex loss every minimizer is collapsed, and min over W H = Z of the penalties is lambda |Z|_*, Z with N columns,
which is |D^(1/2) Z|_* for class logits Z (rows) and D = diag(n_k), if the dimension is at least the rank. By convexity
there is a minimizer that permutations of alike classes leave as it is; in the coordinates of `Blocks` it has

    |D^(1/2) Z|_* = |D_g^(1/2) X|_* + sum_j (m_j - 1) n_j^(1/2) |s_j|.

It is solved in factors, D_g^(1/2) X = U V^T and n_j^(1/2) s_j = r_j^2, penalized by (lambda / 2)(|U|^2 + |V|^2) and
lambda (m_j - 1) r_j^2: smooth, without constraints, and, as U and V are square, without spurious local minima.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from nctheory import solver as solvers
from nctheory.arrays import Array
from nctheory.blocks import Blocks
from nctheory.descent import downhill, newton
from nctheory.errors import SolverError
from nctheory.landscape.model import Model
from nctheory.losses import BinaryCrossEntropy, SquaredError

__all__ = ["Formulation", "Reduced", "solve_reduced"]

Formulation = Literal["factored", "convex"]

_STEPS = 3000
_LEAST_UNIT = 1e-60  # the squares of slopes over it are floats
_START = 0.1  # of the factors, next to 1 on their diagonals
_SEED = 20200211  # of the start's small random part, which leaves no symmetry that the problem has not


@dataclass(frozen=True, eq=False)
class Reduced:
    """The factored problem in one flat vector: U (g, g), V (g, g), r (g,), and with a bias b (g,)."""

    model: Model

    @cached_property
    def blocks(self) -> Blocks:
        """Classes of one size and class weight."""
        return Blocks.of(self.model.class_sizes, self.model.multipliers)

    @property
    def size(self) -> int:
        """g, the number of groups."""
        return len(self.blocks.first)

    @cached_property
    def _roots(self) -> Array:
        """n_j^(1/2), in units of the largest, so that the numbers are of size 1."""
        return np.asarray(np.sqrt(self.model.class_sizes[self.blocks.first] / self.model.class_sizes.max()))

    @cached_property
    def strength(self) -> float:
        """lambda in these units."""
        return self.model.strength * float(np.sqrt(self.model.class_sizes.max()))

    @cached_property
    def _shares(self) -> Array:
        """The share of each group in the mean loss."""
        first = self.blocks.first
        return np.asarray(self.blocks.members * self.model.class_sizes[first] / self.model.num_samples)

    @cached_property
    def _spread(self) -> Array:
        return np.asarray(np.sqrt(np.outer(self.blocks.members, self.blocks.members)) * self._roots[:, None])

    @cached_property
    def _alone(self) -> Array:
        """1 where a group has one class, which has no step."""
        return np.asarray((self.blocks.members == 1).astype(float))

    def split(self, flat: Array) -> tuple[Array, Array, Array, Array]:
        """U, V, r and b."""
        g = self.size
        left, right = flat[: 2 * g * g].reshape(2, g, g)
        roots = flat[2 * g * g : 2 * g * g + g]
        return left, right, roots, flat[2 * g * g + g :] if self.model.bias else np.zeros(g)

    def _joined(self, left: Array, right: Array, roots: Array, bias: Array) -> Array:
        parts = [left.ravel(), right.ravel(), roots] + ([bias] if self.model.bias else [])
        return np.concatenate(parts)

    def rows(self, indicators: Array, steps: Array, bias: Array) -> Array:
        """(g, K) logits of the first class of every group, from D_g^(1/2) X, s and b."""
        g, (groups, first) = np.arange(self.size), (self.blocks.groups, self.blocks.first)
        table = indicators / self._spread - np.diag(steps / self.blocks.members) + bias
        rows = table[:, groups]
        rows[g, first] += steps
        return np.asarray(rows)

    def _pulled_back(self, slopes: Array) -> tuple[Array, Array, Array]:
        """What the derivatives (g, K) by these logits are by D_g^(1/2) X, s and b."""
        g, first = np.arange(self.size), self.blocks.first
        sums = np.zeros((self.size, self.size))
        np.add.at(sums.T, self.blocks.groups, slopes.T)
        steps = slopes[g, first] - np.diagonal(sums) / self.blocks.members
        return sums / self._spread, steps, sums.sum(axis=0)

    @property
    def _unit(self) -> float:
        """The objective is divided by lambda where that is small, as descent ends where values no longer fall by 1e-16
        and slopes are small next to 1."""
        return min(1.0, max(self.strength, _LEAST_UNIT))

    def evaluate(self, flat: Array) -> tuple[float, Array]:
        """The objective and its gradient, over the unit."""
        left, right, roots, bias = self.split(flat)
        rows = self.rows(left @ right.T, self._steps(roots), bias)
        losses = self.model.weighted_loss.value(rows, self.blocks.first)
        slopes = self._shares[:, None] * self.model.weighted_loss.gradient(rows, self.blocks.first)
        inner, steps, shift = self._pulled_back(slopes)
        penalty = self._penalties(left, right, roots, bias)
        gradient = self._joined(
            inner @ right + self.strength * left,
            inner.T @ left + self.strength * right,
            2 * roots * (steps / self._roots + self.strength * self._weights) * (1 - self._alone),
            shift + float(self.model.lambda_bias) * self.blocks.members * bias,
        )
        return (float(self._shares @ losses) + penalty) / self._unit, gradient / self._unit

    def _steps(self, roots: Array) -> Array:
        return np.asarray(roots**2 / self._roots * (1 - self._alone))

    @property
    def _weights(self) -> Array:
        """How often a step counts in the nuclear norm."""
        return np.asarray(self.blocks.members - 1.0)

    def _penalties(self, left: Array, right: Array, roots: Array, bias: Array) -> float:
        factors = float((left**2).sum() + (right**2).sum()) / 2 + float(self._weights @ roots**2)
        return self.strength * factors + float(self.model.lambda_bias) * float(self.blocks.members @ bias**2) / 2

    def curvature(self, flat: Array, along: Array) -> Array:
        """The second derivative applied to a direction, over the unit."""
        left, right, roots, bias = self.split(flat)
        d_left, d_right, d_roots, d_bias = self.split(along)
        loss, first, keep = self.model.weighted_loss, self.blocks.first, 1 - self._alone
        rows = self.rows(left @ right.T, self._steps(roots), bias)
        d_steps = 2 * roots * d_roots / self._roots * keep
        moved = self.rows(d_left @ right.T + left @ d_right.T, d_steps, d_bias)
        slopes = self._pulled_back(self._shares[:, None] * loss.gradient(rows, first))
        curved = self._pulled_back(self._shares[:, None] * loss.hessian_vector_product(rows, first, moved))
        level = slopes[1] / self._roots + self.strength * self._weights
        product = self._joined(
            curved[0] @ right + slopes[0] @ d_right + self.strength * d_left,
            curved[0].T @ left + slopes[0].T @ d_left + self.strength * d_right,
            2 * (d_roots * level + roots * curved[1] / self._roots) * keep,
            curved[2] + float(self.model.lambda_bias) * self.blocks.members * d_bias,
        )
        return product / self._unit

    def start(self) -> Array:
        """Factors near multiples of the identity."""
        noise = np.random.default_rng(_SEED).standard_normal((2, self.size, self.size))
        factors = np.eye(self.size) + _START * noise
        return self._joined(factors[0], factors[1], np.ones(self.size), np.zeros(self.size))

    def of_logits(self, indicators: Array, steps: Array, bias: Array) -> Array:
        """The flat vector with the factors of D_g^(1/2) X that share its singular values out equally."""
        left, values, right = np.linalg.svd(indicators)
        halves = np.sqrt(values)
        roots = np.sqrt(np.maximum(steps * self._roots, 0))
        return self._joined(left * halves, right.T * halves, roots, bias)

    def logits(self, flat: Array) -> tuple[Array, Array]:
        """Class logits (K, K) without the bias, and the bias (K,)."""
        left, right, roots, bias = self.split(flat)
        table = self.blocks.logits(left @ right.T / self._roots[:, None], self._steps(roots))
        return table, bias[self.blocks.groups]


def solve_reduced(model: Model, formulation: Formulation, solver: str | None) -> tuple[Array, Array]:
    """Class logits (K, K) and bias (K,) that solve the problem to about the last digits, if all goes well.

    "factored" goes downhill from a fixed start; "convex" starts from the solution of the convex problem by cvxpy.
    """
    reduced = Reduced(model)
    start = _relaxed(reduced, solver) if formulation == "convex" else reduced.start()
    return reduced.logits(_polished(reduced, start))


def _polished(reduced: Reduced, start: Array) -> Array:
    """L-BFGS, then Newton's method."""
    return newton(reduced, downhill(reduced, start, steps=_STEPS, tolerance=1e-8))


def _relaxed(reduced: Reduced, solver: str | None) -> Array:
    """The convex problem by cvxpy."""
    cp, model, blocks = solvers.load(), reduced.model, reduced.blocks
    size = reduced.size
    indicators, steps, bias = cp.Variable((size, size)), cp.Variable(size), cp.Variable(size)
    expand = np.eye(size)[:, blocks.groups]
    rows = cp.multiply(indicators, 1 / reduced._spread) - cp.diag(cp.multiply(steps, 1 / blocks.members))
    rows = (rows + np.ones((size, 1)) @ cp.reshape(bias, (1, size), order="C")) @ expand
    rows = rows + cp.multiply(np.eye(model.num_classes)[blocks.first], cp.reshape(steps, (size, 1), order="C"))
    weights = reduced._shares * model.multipliers[blocks.first]
    targets = model.loss.targets(blocks.first, model.num_classes)
    objective = _convex_loss(cp, model, rows, targets, weights)
    objective += reduced.strength * (cp.normNuc(indicators) + reduced._weights @ cp.multiply(reduced._roots, steps))
    constraints = [steps >= 0] + ([] if model.bias else [bias == 0])
    constraints += [steps[j] == 0 for j in np.flatnonzero(blocks.members == 1)]
    if model.lambda_bias:
        objective += float(model.lambda_bias) / 2 * (blocks.members @ cp.square(bias))
    elif model.bias and not isinstance(model.loss, SquaredError | BinaryCrossEntropy):
        constraints += [blocks.members @ bias == 0]  # a common shift changes nothing
    problem = cp.Problem(cp.Minimize(objective), constraints)
    solution = solvers.solve_tightly(problem, solver=solver, name="class-reduced convex problem")
    if not all(np.isfinite(part.value).all() for part in (indicators, steps, bias)):
        raise SolverError(f"{solution.name}: {solution.solver} ended with {solution.status!r} and no finite numbers")
    return reduced.of_logits(indicators.value, steps.value, bias.value)


def _convex_loss(cp: Any, model: Model, rows: Any, targets: Array, weights: Array) -> Any:
    """The weighted sum of the losses of these rows, for cvxpy."""
    if isinstance(model.loss, SquaredError):
        return weights @ cp.sum(cp.square(rows - targets), axis=1) / 2
    linear = weights @ cp.sum(cp.multiply(targets, rows), axis=1)
    if isinstance(model.loss, BinaryCrossEntropy):
        return weights @ cp.sum(cp.logistic(rows), axis=1) - linear
    return weights @ cp.log_sum_exp(rows, axis=1) - linear
