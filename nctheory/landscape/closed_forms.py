"""Optima in closed form: class logits, bias and, where it is a number with a name, the value.

Write c = K n^(1/2) lambda / u for K classes of n samples and class weight u, a for smoothing, P = I - J/K, J = 11^T.

* Zero: with no logits but the best bias, G the derivative there: optimal exactly if |G|_2 <= lambda (convex losses).
* Cross-entropy, balanced, d >= K - 1, any bias: Z = s P, s = log(1 + K (1 - c - a) / (c + a)) for c < 1 - a. By
  duality: q = softmax(s P) has G = lambda P up to the factor n^(1/2), and the entropies of q are the value.
* Cross-entropy, two classes, no bias: Z = s P, s = log(1 / (lambda (N/2)^(1/2)) - 1), for any class sizes: G has the
  columns -(e_y - e_y') / (N (1 + e^s)), all of one length, so |G|_2 = (2/N)^(1/2) / (1 + e^s).
* Squared error without bias: D^(1/2) Z is the soft-thresholded D^(1/2); with a free bias the soft-thresholded
  D^(1/2) (I - 1 pi^T), and b = pi: Z may be centered, which raises no norm and no rank. With equal weights the best
  rank-d truncation keeps the d largest modes (von Neumann's trace inequality), so these hold in every dimension.
* Focal loss, balanced, d >= K - 1: Z = a P, a >= 0 the least of a function of one variable, see `focal`; with a bias
  where that is known to change nothing.
* Squared error, balanced, penalized bias, dimension at least the rank: Z = x P + y J / K with x = max(0, 1 - c),
  y = max(0, 1 - c (1 + lambda_b) / lambda_b), b = (1 - y) / (K (1 + lambda_b)): modes P and J do not mix.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from nctheory.arrays import Array
from nctheory.landscape import focal
from nctheory.landscape.bounds import best_bias, class_steepness
from nctheory.landscape.model import Model
from nctheory.losses import CrossEntropy, LabelSmoothing, SquaredError
from nctheory.spectrum import class_spectrum, root_bracket

__all__ = ["ClosedForm", "closed_form", "thresholds", "truncated_bound"]

_SHORT = 10**6  # penalties of which exact values are simplified


@dataclass(frozen=True, eq=False)
class ClosedForm:
    """Class logits (K, K) without the bias, the bias (K,), which statement they are from, and the value by SymPy.

    `others` are class logits of further optima that are no symmetric images of these.
    """

    logits: Array
    bias: Array
    statement: str
    build_exact: Callable[[], Any] | None = None
    others: tuple[Array, ...] = ()


def closed_form(model: Model) -> ClosedForm | None:
    """The optimum where a statement covers the model."""
    candidates = (_zero, _balanced_cross_entropy, _two_classes, _focal, _squared_error, _penalized_squared_error)
    return next((found for candidate in candidates if (found := candidate(model)) is not None), None)


def _zero(model: Model) -> ClosedForm | None:
    """Total collapse."""
    size = model.num_classes
    if not model.loss.is_convex:
        return None
    logits = np.zeros((size, size))
    bias = best_bias(model, logits)
    if class_steepness(model, logits + bias) > 1:
        return None
    return ClosedForm(logits, bias, "total collapse: the logits are the bias alone", _zero_value(model))


def _zero_value(model: Model) -> Callable[[], Any] | None:
    """Without a bias, or balanced: the mean of all losses at 0."""
    if isinstance(model.loss, CrossEntropy | LabelSmoothing) and (model.is_balanced or not model.bias):

        def build() -> Any:
            import sympy

            return _mean_weight(model) * sympy.log(model.num_classes)

        return build
    return None


def _mean_weight(model: Model) -> Any:
    return _rational(sum((n * u for n, u in _shares(model)), Fraction(0)) / model.num_samples)


def _shares(model: Model) -> Iterator[tuple[int, Fraction]]:
    return ((int(n), Fraction(float(u))) for n, u in zip(model.class_sizes, model.multipliers, strict=True))


# ------------------------------------------------------------------------------------------------------- cross-entropy


def _simplex_logits(size: int, scale: float) -> Array:
    return np.asarray(scale * (np.eye(size) - 1 / size))


def _balanced_cross_entropy(model: Model) -> ClosedForm | None:
    size = model.num_classes
    if not isinstance(model.loss, CrossEntropy | LabelSmoothing) or not model.is_balanced or model.dimension < size - 1:
        return None
    c = size * math.sqrt(int(model.class_sizes[0])) * model.strength / float(model.multipliers[0])
    scale = math.log1p(size * (1 - c - model.smoothing) / (c + model.smoothing))
    statement = "balanced cross-entropy: the logits are a multiple of I - J/K, a simplex ETF"
    bias = np.zeros(size)
    return ClosedForm(_simplex_logits(size, scale), bias, statement, lambda: _balanced_value(model))


def _balanced_value(model: Model) -> Any:
    import sympy

    size, weight = model.num_classes, _rational(Fraction(float(model.multipliers[0])))
    smoothing, c = _rational(Fraction(model.smoothing)), _strength(model) * size / weight
    c *= sympy.sqrt(int(model.class_sizes[0]))
    scale = sympy.log(1 + size * (1 - c - smoothing) / (c + smoothing))
    loss = sympy.log(sympy.exp(scale) + size - 1) - scale * (1 - smoothing + smoothing / size)
    return weight * _simplified(model, loss + c * scale * sympy.Rational(size - 1, size))


def _two_classes(model: Model) -> ClosedForm | None:
    if type(model.loss) is not CrossEntropy or model.num_classes != 2 or model.bias or model.class_weights is not None:
        return None
    scale = math.log(1 / (model.strength * math.sqrt(model.num_samples / 2)) - 1)

    def value() -> Any:
        import sympy

        slope = _strength(model) * sympy.sqrt(sympy.Rational(model.num_samples, 2))
        gap = sympy.log(1 / slope - 1)
        return _simplified(model, sympy.log(1 + sympy.exp(-gap)) + slope * gap)

    statement = "cross-entropy of two classes: the logits depend on the number of samples alone"
    return ClosedForm(_simplex_logits(2, scale), np.zeros(2), statement, value)


def _focal(model: Model) -> ClosedForm | None:
    if not focal.is_focal(model) or not focal.is_settled(model):
        return None
    size, margins = model.num_classes, focal.simplexes(model)
    logits, *others = (_simplex_logits(size, margin) for margin in margins)
    what = "a multiple of I - J/K, a simplex ETF" if margins[0] else "0, or the bias alone: total collapse"
    statement = f"balanced focal loss: the logits are {what}"
    return ClosedForm(logits, np.zeros(size), statement, others=tuple(others))


# ------------------------------------------------------------------------------------------------------- squared error


def _squared_error(model: Model) -> ClosedForm | None:
    """Soft-thresholded targets, of rank at most d."""
    if not isinstance(model.loss, SquaredError) or model.lambda_bias:
        return None
    size, wide = model.num_classes, model.dimension >= model.num_classes - (1 if model.bias else 0)
    if model.class_weights is not None and (model.bias or not wide):
        return None
    level, roots = model.num_samples * model.strength, np.sqrt(model.class_sizes)
    if not model.bias:
        kept = np.zeros(size)
        largest = np.argsort(-model.class_sizes, kind="stable")[: model.dimension]
        kept[largest] = np.maximum(0, 1 - level / (model.multipliers * roots))[largest]
        statement = "squared error without bias: soft-thresholded targets, orthogonal class means"
        return ClosedForm(np.diag(kept), np.zeros(size), statement, lambda: _diagonal_value(model))
    priors = model.class_sizes / model.num_samples
    left, values, right = np.linalg.svd(roots[:, None] * (np.eye(size) - priors))
    values = np.where(np.arange(size) < min(model.dimension, size - 1), np.maximum(0, values - level), 0)
    statement = "squared error with a free bias: soft-thresholded centered targets"
    return ClosedForm((left * values) @ right / roots[:, None], priors, statement)


def _diagonal_value(model: Model) -> Any:
    """sum_k (u_k n_k / 2 N) (1 - x_k^2), as n_k^(1/2) lambda x_k = (u_k n_k / N) x_k (1 - x_k); x_k = 0 if dropped."""
    import sympy

    total, strength, samples = sympy.S.Zero, _strength(model), model.num_samples
    shares = sorted(_shares(model), key=lambda share: -share[0])
    for rank, (size, weight) in enumerate(shares):
        kept = 1 - samples * strength / (_rational(weight) * sympy.sqrt(size))
        kept = sympy.Max(0, kept) if rank < model.dimension else sympy.S.Zero
        total += _rational(weight) * size / (2 * sympy.Integer(samples)) * (1 - kept**2)
    return _simplified(model, total)


def _penalized_squared_error(model: Model) -> ClosedForm | None:
    if not isinstance(model.loss, SquaredError) or not model.lambda_bias or not model.is_balanced:
        return None
    size, weight = model.num_classes, float(model.multipliers[0])
    c = size * math.sqrt(int(model.class_sizes[0])) * model.strength / weight
    penalty = float(model.lambda_bias) / weight
    simple, joint = max(0.0, 1 - c), max(0.0, 1 - c * (1 + penalty) / penalty)
    if model.dimension < (size - 1) * (simple > 0) + (joint > 0):
        return None
    logits = _simplex_logits(size, simple) + joint / size
    bias = np.full(size, (1 - joint) / (size * (1 + penalty)))
    statement = "squared error with a penalized bias: a simplex ETF and, beyond a threshold, a common direction"
    return ClosedForm(logits, bias, statement)


def truncated_bound(model: Model) -> Fraction | None:
    """A rigorous lower bound for the squared error with equal weights in any dimension, by its d largest modes.

    With the singular values m_i^(1/2) of the targets, F >= (1/2N) (sum m_i - sum over the d largest of max(0, m_i^(1/2)
    - N lambda)^2); the m_i are the class sizes, or with a free bias the eigenvalues of D - n n^T / N.
    """
    if not isinstance(model.loss, SquaredError) or model.lambda_bias or model.class_weights is not None:
        return None
    samples, sizes = model.num_samples, [int(n) for n in model.class_sizes]
    trace = Fraction(samples) - (Fraction(sum(n * n for n in sizes), samples) if model.bias else 0)
    level = samples * root_bracket(model.lambda_weights * model.lambda_features)[0]
    modes = sorted(_upper_modes(model) if model.bias else map(Fraction, sizes), reverse=True)[: model.dimension]
    gained = sum((max(Fraction(0), root_bracket(mode)[1] - level) ** 2 for mode in modes), Fraction(0))
    return (trace - gained) / (2 * samples)


def _upper_modes(model: Model) -> Iterator[Fraction]:
    """The eigenvalues of D - n n^T / N but for a 0, each from above."""
    spectrum = class_spectrum(model.class_sizes, bias=True)
    for size, count in zip(spectrum.sizes, spectrum.counts, strict=True):
        yield from [Fraction(int(size))] * (int(count) - 1)
    for anchor, high in zip(spectrum.anchors, spectrum.high, strict=True):
        yield Fraction(int(spectrum.sizes[anchor])) + Fraction(float(high))


# ---------------------------------------------------------------------------------------------------------- thresholds


def thresholds(model: Model) -> dict[str, float]:
    """The values of lambda from which on something has collapsed, by what it is; for convex losses and the focal one.

    Total collapse: |G|_2 where all logits are the bias. Classes of one size and weight, two or more, have equal logits
    exactly if (1 - a) u n^(1/2) / N <= lambda: the components of the subgradient along their differences are these, as
    long as the logits are equal. For the squared error without bias a class vanishes from u_k n_k^(1/2) / N on.
    """
    if not model.loss.is_convex:
        return focal.thresholds(model) if focal.is_focal(model) else {}
    size = model.num_classes
    zero = np.zeros((size, size))
    found = {"total collapse": class_steepness(model, zero + best_bias(model, zero)) * model.strength}
    vanish = isinstance(model.loss, SquaredError) and not model.bias
    pairs = np.column_stack([model.class_sizes, model.multipliers])
    for (samples, weight), count in zip(*np.unique(pairs, axis=0, return_counts=True), strict=True):
        if count > 1 or vanish:
            name = f"classes of {int(samples)} samples" + (
                f" and weight {weight:g}" if model.class_weights is not None else ""
            )
            level = (1 - model.smoothing) * float(weight) * math.sqrt(samples) / model.num_samples
            found[f"{name} {'vanish' if vanish else 'merge'}"] = level
    return found


def _simplified(model: Model, value: Any) -> Any:
    """In simplest form where the penalties are short numbers; else as it is."""
    import sympy

    short = max(part for penalty in model.regularization for part in penalty.as_integer_ratio()) < _SHORT
    return sympy.simplify(value) if short else value


def _rational(number: Fraction) -> Any:
    import sympy

    return sympy.Rational(number.numerator, number.denominator)


def _strength(model: Model) -> Any:
    import sympy

    return sympy.sqrt(_rational(model.lambda_weights * model.lambda_features))
