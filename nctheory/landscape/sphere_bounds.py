"""Rigorous ends on spheres: the objective of rows divided by their norms, and lower bounds of its minimum by duality.

Proof of the lower bound. For a distribution q_k and a_k = q_k - e_k, the cross-entropy of every z is at least <a_k, z>
+ Ent(q_k). With z = tau W h, added up over samples, and C (K, N) of the columns (tau / N) a_y,

    F >= (1/N) sum_k n_k Ent(q_k) + <C, W H^T>.

Where S = [[diag(alpha), C], [C^T, diag(beta)]] is positive semidefinite, so is the sum of its values at the columns of
(W; H): sum_c alpha_c |w_c|^2 + sum_i beta_i |h_i|^2 + 2 <C, W H^T> >= 0, and as all norms are 1,

    F >= (1/N) sum_k n_k Ent(q_k) - (sum_c alpha_c + sum_k n_k beta_k) / 2

with one beta_k for all samples of a class: in every dimension. With Schur's complement and beta > 0, S is positive
semidefinite iff diag(alpha) - sum_k n_k (tau / N)^2 a_k a_k^T / beta_k is. At the logits z of any point q = softmax(z)
and the multipliers alpha_c = -(1/N) sum_k n_k a_kc z_kc and beta_k = -<a_k, z_k> / N give F itself; so the point is
optimal if S is positive semidefinite with these.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from nctheory.arrays import Array
from nctheory.exact import ExactMatrix
from nctheory.landscape.answers import Bracket
from nctheory.landscape.bounds import Rounded, class_slopes, objective_bracket
from nctheory.landscape.evaluation import Numbers
from nctheory.landscape.model import Model

__all__ = ["SphereDual", "sphere_bound", "sphere_bracket", "unit_rows"]

_UNIT_ROUNDOFF = 2.0**-53
_LEAST = 1e-12  # of a beta_k, next to its largest use
_TINY = 1e-150
_ATTEMPTS = 24


def unit_rows(rows: Array) -> Array:
    """Rows divided by their norms, none of which is 0."""
    scaled = rows / np.abs(rows).max(axis=1, keepdims=True)
    return np.asarray(scaled / np.linalg.norm(scaled, axis=1, keepdims=True))


def sphere_bracket(model: Model, weights: Array, features: Array, labels: Array, counts: Array) -> Bracket:
    """Rationals on both sides of F at these rows divided by their norms, under the assumptions of `objective_bracket`.

    A row of d numbers that were rounded, divided by the largest and by its norm is off by (d / 2 + 7) u relatively, and
    by one more u after the temperature.
    """
    temperature = float(model.temperature or 0)
    rows = temperature * unit_rows(features)
    numbers = Numbers(rows, labels, np.asarray(counts, float), unit_rows(weights), np.zeros(len(weights)))
    return objective_bracket(model, numbers, roundings=weights.shape[1] + 18)


@dataclass(frozen=True, eq=False)
class SphereDual:
    """A lower bound of the minimum over all points of all dimensions, and what proves it.

    `rows` (K, K) are the distributions q_k, exactly; `alpha` (K,) and `beta` (K,) are the multipliers of weights and of
    the features of each class, floats that are meant exactly.
    """

    model: Model
    rows: ExactMatrix
    alpha: Array
    beta: Array
    lower: Fraction


def sphere_bound(model: Model, logits: Array) -> SphereDual | None:
    """The best bound from class logits (K, K), the temperature in them; None where floats are too coarse."""
    rounded = Rounded.of(model, _slopes(model, logits))
    if rounded is None:
        return None
    found = (_dual(model, rounded, *pair) for pair in _candidates(model, rounded.floats, logits))
    return max((dual for dual in found if dual is not None), key=lambda dual: dual.lower, default=None)


def _slopes(model: Model, logits: Array) -> Array:
    slopes = class_slopes(model, logits)
    np.fill_diagonal(slopes, 0)
    np.fill_diagonal(slopes, -slopes.sum(axis=1))
    return slopes


def _candidates(model: Model, slopes: Array, logits: Array) -> Iterator[tuple[Array, Array]]:
    """The multipliers of the point, where those of features are positive, and equal ones."""
    total, sizes, temperature = model.num_samples, model.class_sizes, float(model.temperature or 0)
    use = temperature * np.linalg.norm(slopes, axis=1) / total
    beta = np.maximum(-(slopes * logits).sum(axis=1) / total, _LEAST * use + _TINY)
    yield -(sizes[:, None] * slopes * logits).sum(axis=0) / total, beta
    scaled = np.sqrt(sizes)[:, None] * slopes * temperature / total
    equal = math.sqrt(model.num_classes / total) * np.linalg.norm(scaled, 2) + _TINY
    yield np.zeros(len(slopes)), np.full(len(slopes), equal)


def _dual(model: Model, rounded: Rounded, alpha: Array, beta: Array) -> SphereDual | None:
    """With these multipliers, all alpha moved by as much as makes S positive semidefinite."""
    sizes, total = model.class_sizes, model.num_samples
    scaled = rounded.floats * (np.sqrt(sizes / beta) * float(model.temperature or 0) / total)[:, None]
    gram = scaled.T @ scaled
    if not np.isfinite(alpha).all() or not np.isfinite(gram).all():
        return None
    alpha = alpha + max(0.0, -float(np.linalg.eigvalsh(np.diag(alpha) - gram)[0]))
    if not (alpha > 0).all():
        return None
    scale = math.sqrt(float(sizes @ beta) / float(alpha.sum()))  # the best of (t alpha, beta / t)
    alpha, beta, scaled = alpha * scale, beta / scale, scaled * math.sqrt(scale)
    slack = 2.6 * len(beta) * (len(beta) + 12) * _UNIT_ROUNDOFF
    for attempt in range(_ATTEMPTS):
        raised = alpha * (1 + slack * 2.0**attempt)
        if _is_semidefinite(scaled / np.sqrt(raised)):
            return SphereDual(model, rounded.rows, raised, beta, _value(model, rounded, raised, beta))
    return None


def _is_semidefinite(scaled: Array) -> bool:
    """Whether I - X^T X is shown to be positive semidefinite, for X off by a few units: see `Rounded.is_flat`."""
    size = scaled.shape[1]
    level = 1 - 2.5 * size * (size + 12) * _UNIT_ROUNDOFF
    try:
        np.linalg.cholesky(level * np.eye(size) - scaled.T @ scaled)
    except np.linalg.LinAlgError:
        return False
    return True


def _value(model: Model, rounded: Rounded, alpha: Array, beta: Array) -> Fraction:
    """Entropies less half of the sum of all multipliers."""
    total = sum((Fraction(each) for each in alpha.tolist()), Fraction(0))
    total += sum((int(n) * Fraction(b) for n, b in zip(model.class_sizes, beta.tolist(), strict=True)), Fraction(0))
    return rounded.lower - total / 2
