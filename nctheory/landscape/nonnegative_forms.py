"""Optima with non-negative features in closed form, and the mix of features that lowers F fastest.

One coordinate of the feature space for each class, h_k = t_k e_k: then every class has logits of its own, and F is the
sum over classes of what min over z of (u_k n_k / N) l(z + b, k) + n_k^(1/2) lambda |z| is. With G the derivative at
these logits, its columns g_k n_k^(1/2) have the norm lambda, or less where z = 0: so if no two of them have a positive
inner product, |G v| <= lambda |v| for all v >= 0, and nothing is below (see `bounds`). That is so

* for cross-entropy, with smoothing a or without, if there is no bias or classes are balanced: z_k = s_k (e_k - 1/K)
  with s = log(1 / q - K + 1), q = min(1/K, a/K + N lambda / (u_k (n_k K (K - 1))^(1/2))): g_k is a negative multiple of
  e_k - 1/K;
* for the squared error without bias, where g_k is one of e_k: with d < K the d largest modes are kept;
* for the squared error of balanced classes with a bias b 1: z_k is e_k - b 1, shortened by c, and b minimizes
  c D - c^2 / 2 (or D^2 / 2 where D < c) + K lambda_b b^2 / (2 u) for D = |e_k - b 1|, which a b of at most 1/K does:
  so -2 b + K b^2 <= 0. With a free bias b = 1/K: a simplex, but shortened otherwise than without the sign.

With unequal classes and a bias, in few dimensions, and for binary cross-entropy of many classes the best may have
common coordinates: it is searched for. Points with coordinates that are used by others only are local minima: see
docs/nonnegative.md.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from nctheory.arrays import Array
from nctheory.landscape.bounds import best_bias, class_steepness
from nctheory.landscape.closed_forms import closed_form
from nctheory.landscape.model import Model
from nctheory.losses import CrossEntropy, LabelSmoothing, SquaredError

__all__ = ["Apart", "apart_form", "climbed", "steepest_mix", "thresholds"]

_POWERS = 200  # steps of the search for v


@dataclass(frozen=True, eq=False)
class Apart:
    """Class logits (K, K) of classes with a coordinate each, the bias, which statement they are from, and the value."""

    logits: Array
    bias: Array
    statement: str
    build_exact: Callable[[], Any] | None = None


def apart_form(model: Model) -> Apart | None:
    """The optimum where a statement covers the model."""
    known = _known(model)
    if known is not None:
        return Apart(known.logits, known.bias, known.statement, known.build_exact)
    if isinstance(model.loss, CrossEntropy | LabelSmoothing) and (model.is_balanced or not model.bias):
        return _cross_entropy(model)
    if isinstance(model.loss, SquaredError) and model.bias and model.is_balanced:
        return _squared_error(model)
    return None


def _known(model: Model) -> Any:
    """That of free features which has non-negative ones: total collapse, and the squared error without bias."""
    nothing = np.zeros((model.num_classes, model.num_classes))
    if class_steepness(model, nothing + best_bias(model, nothing)) <= 1:
        return closed_form(model)
    return closed_form(model) if isinstance(model.loss, SquaredError) and not model.bias else None


def _cross_entropy(model: Model) -> Apart | None:
    size, smoothing = model.num_classes, model.smoothing
    excess = model.strength / _levels(model)
    scales = np.log1p(np.maximum(0, 1 - smoothing - size * excess) / (smoothing / size + excess))
    if np.count_nonzero(scales) > model.dimension:
        return None
    statement = "cross-entropy: a coordinate for each class, logits that are multiples of e_k - 1/K"
    logits = scales[:, None] * (np.eye(size) - 1 / size)
    return Apart(logits, np.zeros(size), statement, lambda: _cross_entropy_value(model))


def _levels(model: Model) -> Array:
    """(K,) lambda at which the excess of q_k over a/K would be 1."""
    size = model.num_classes
    return np.asarray(model.multipliers * np.sqrt(model.class_sizes * size * (size - 1.0)) / model.num_samples)


def _cross_entropy_value(model: Model) -> Any:
    """The sum of (u n / N) (log(e^s + K - 1) - s (1 - a + a/K)) + lambda s (n (1 - 1/K))^(1/2), over classes."""
    import sympy

    size, samples = sympy.Integer(model.num_classes), sympy.Integer(model.num_samples)
    smoothing = _rational(Fraction(model.smoothing))
    strength = sympy.sqrt(_rational(model.lambda_weights * model.lambda_features))
    total = sympy.S.Zero
    pairs, counts = np.unique(np.column_stack([model.class_sizes, model.multipliers]), axis=0, return_counts=True)
    for (one, weight), count in zip(pairs.tolist(), counts.tolist(), strict=True):
        share, members = _rational(Fraction(weight)), sympy.Integer(int(one))
        wrong = smoothing / size + samples * strength / (share * sympy.sqrt(members * size * (size - 1)))
        scale = sympy.log(sympy.Max(1, 1 / wrong - size + 1))
        loss = sympy.log(sympy.exp(scale) + size - 1) - scale * (1 - smoothing + smoothing / size)
        penalty = strength * scale * sympy.sqrt(members * (size - 1) / size)
        total += count * (share * members / samples * loss + penalty)
    return total


def _rational(number: Fraction) -> Any:
    import sympy

    return sympy.Rational(number.numerator, number.denominator)


def _squared_error(model: Model) -> Apart | None:
    """With a bias b 1; `_known` has found that not all logits are 0."""
    size, weight = model.num_classes, float(model.multipliers[0])
    if size > model.dimension:
        return None
    c = size * math.sqrt(int(model.class_sizes[0])) * model.strength / weight
    shift = _common_bias(size, c, float(model.lambda_bias) / weight)
    targets = np.eye(size) - shift
    logits = max(0.0, 1 - c / math.sqrt(1 - 2 * shift + size * shift**2)) * targets
    statement = "squared error, balanced: a coordinate for each class, targets less a common bias, shortened"
    return Apart(logits, np.full(size, shift), statement, None if model.lambda_bias else lambda: _free_value(model))


def _common_bias(size: int, c: float, penalty: float) -> float:
    """Where min(1, c / D) (K b - 1) + K penalty b is 0, D^2 = 1 - 2 b + K b^2."""
    from scipy.optimize import brentq

    def slope(shift: float) -> float:
        return min(1.0, c / math.sqrt(1 - 2 * shift + size * shift**2)) * (size * shift - 1) + size * penalty * shift

    return float(brentq(slope, 0.0, 1 / size, xtol=1e-17, rtol=1e-15)) if penalty else 1 / size


def _free_value(model: Model) -> Any:
    """u (c D - c^2 / 2), D^2 = 1 - 1/K."""
    import sympy

    size, weight = sympy.Integer(model.num_classes), _rational(Fraction(float(model.multipliers[0])))
    strength = sympy.sqrt(_rational(model.lambda_weights * model.lambda_features))
    c = size * sympy.sqrt(int(model.class_sizes[0])) * strength / weight
    return sympy.simplify(weight * (c * sympy.sqrt(1 - 1 / size) - c**2 / 2))


def thresholds(model: Model) -> dict[str, float]:
    """The values of lambda from which on something has collapsed, by what it is.

    All has where |G v| <= lambda |v| for all v >= 0 at logits that are the bias alone; a class k has in
    cross-entropy without bias where (1 - a) u_k (n_k (1 - 1/K))^(1/2) / N <= lambda, and in the squared error without
    bias where u_k n_k^(1/2) / N <= lambda.
    """
    size = model.num_classes
    nothing = np.zeros((size, size))
    bias = best_bias(model, nothing)
    enough = class_steepness(model, nothing + bias)
    reached = steepest_mix(_class_columns(model, nothing + bias))[1] / model.strength
    found = {"total collapse": enough * model.strength} if reached >= enough * (1 - 1e-9) else {}
    if model.bias or not isinstance(model.loss, CrossEntropy | LabelSmoothing | SquaredError):
        return found
    factor = 1.0 if isinstance(model.loss, SquaredError) else (1 - model.smoothing) * math.sqrt(1 - 1 / size)
    for samples, weight in np.unique(np.column_stack([model.class_sizes, model.multipliers]), axis=0):
        name = f"classes of {int(samples)} samples" + (
            f" and weight {weight:g}" if model.class_weights is not None else ""
        )
        found[f"{name} vanish"] = factor * float(weight) * math.sqrt(samples) / model.num_samples
    return found


def _class_columns(model: Model, logits: Array) -> Array:
    """(K, K) rows g_k n_k^(1/2) at class logits with the bias in them."""
    scale = np.sqrt(model.class_sizes) / model.num_samples
    return np.asarray(model.weighted_loss.gradient(logits, np.arange(model.num_classes)) * scale[:, None])


def steepest_mix(columns: Array) -> tuple[Array, float]:
    """v >= 0 of norm 1 with the largest |sum v_i g_i| found, from single g_i and the singular vectors, and that."""
    left = np.linalg.svd(columns)[0]
    starts = np.hstack([np.eye(len(columns)), np.maximum(left, 0), np.maximum(-left, 0)])
    mixes = climbed(columns, starts)
    norms = np.linalg.norm(mixes.T @ columns, axis=1)
    best = int(norms.argmax())
    return mixes[:, best], float(norms[best])


def climbed(columns: Array, mixes: Array) -> Array:
    """Power iteration, which never lowers |G v|: the next v is the best for the linear part of |G v|^2 at this one."""
    for _ in range(_POWERS):
        raised = np.maximum(columns @ (columns.T @ mixes), 0)
        norms = np.linalg.norm(raised, axis=0)
        raised = np.where(norms > 0, raised / np.where(norms > 0, norms, 1), mixes)
        if np.abs(raised - mixes).max() <= 1e-12:
            return np.asarray(raised)
        mixes = raised
    return np.asarray(mixes)
