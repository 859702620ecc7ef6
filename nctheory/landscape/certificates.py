"""What the kernel is told of an unconstrained-features model: objectives, their least value, and decreases."""

import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from nctheory import kernel
from nctheory.arrays import Array
from nctheory.errors import InputError
from nctheory.exact import ExactMatrix, ceil_float, floor_float
from nctheory.landscape.answers import Bracket
from nctheory.landscape.bounds import Dual, exact_targets, grams, multipliers, objective_bracket, whole_targets
from nctheory.landscape.evaluation import Numbers, point_of
from nctheory.landscape.model import Model
from nctheory.landscape.sphere_bounds import SphereDual, sphere_bracket
from nctheory.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    Focal,
    LabelSmoothing,
    Loss,
    PickAllLabels,
    SquaredError,
)
from nctheory.point import Point, encoded_point, floats
from nctheory.result import Certificate

__all__ = ["bound_certificate", "decrease_certificate", "knows", "objective_certificate", "point_certificate"]

_LOSSES: dict[type[Loss], str] = {
    CrossEntropy: "cross_entropy",
    LabelSmoothing: "cross_entropy",
    Focal: "cross_entropy",  # the convex one
    PickAllLabels: "cross_entropy",  # with class weights
    BinaryCrossEntropy: "binary_cross_entropy",
    SquaredError: "squared_error",
}
_BITS = 60  # of the factor, next to its largest entry
_ROW_BITS = 90  # of a factor whose rows may be of different sizes, next to the largest of each row
_SHARE = 2.0**-46  # of a bound or decrease that a certificate may lose by rounding


def knows(model: Model) -> bool:
    """Whether the kernel knows the model: one matrix, a loss that is convex, and no negative smoothing."""
    return model.depth == 1 and model.loss.is_convex and model.smoothing >= 0


def objective_certificate(model: Model, point: Any, value: Fraction) -> Certificate:
    """The objective at this point is at most a float next to `value`.

    The point is a public one, or a Point whose labels are the places of label sets.
    """
    most = Fraction(ceil_float(value * (1 + Fraction(_SHARE)) + _error(model)))
    claim = {"kind": "objective", "model": _encoded(model), "dimension": model.dimension}
    return Certificate(claim | {"configuration": _encoded_point(model, _found(model, point)), "value": most}, {})


def decrease_certificate(model: Model, point: Any, better: Any) -> Certificate:
    """The objective at the better point is smaller, by nearly as much as floats can tell; points as above."""
    found = [_found(model, each) for each in (point, better)]
    before, after = (_bracket(model, each) for each in found)
    decrease = Fraction(floor_float(before[0] - after[1] - 2 * _error(model)))
    if decrease <= 0:
        raise InputError(f"F is lower by {float(before[0] - after[1]):.3g}, too little for the kernel to see")
    claim = {
        "kind": "lower_objective",
        "model": _encoded(model),
        "dimension": model.dimension,
        "configuration": _encoded_point(model, found[0]),
        "lower": _encoded_point(model, found[1]),
        "decrease": decrease,
    }
    return Certificate(claim, {})


def point_certificate(model: Model, point: Any, better: Any, value: Fraction) -> Callable[[], Certificate] | None:
    """Of the objective at a point, at most `value`, or of the decrease to a better one; nothing where there are more
    numbers than the kernel reads, or it does not know the model. Points as above."""
    rows = len(_found(model, point).labels) + model.num_classes
    if rows * (model.dimension + 1) * (1 if better is None else 2) >= kernel.MAX_NUMBERS or not knows(model):
        return None
    if better is None:
        return partial(objective_certificate, model, point, value)
    return partial(decrease_certificate, model, point, better)


def bound_certificate(dual: Dual | SphereDual) -> Certificate:
    """No point of any dimension has a smaller objective than a float next to the bound."""
    least = Fraction(floor_float(dual.lower - abs(dual.lower) * Fraction(_SHARE) - _error(dual.model)))
    model, witness = _encoded(dual.model), {"dual": dual.rows.encode()}
    if isinstance(dual, SphereDual):
        ends = _multipliers(dual)
        witness |= {
            "multipliers": ExactMatrix.of(ends[None, :]).encode(),
            "factor": _sphere_factor(dual, ends).encode(),
        }
    elif _is_by_signs(dual):
        witness["factor"] = _factor_by_signs(dual).encode()
    else:
        model.pop("features", None)  # the bound holds for all features then
        witness["factor"] = _factor(dual).encode()
    return Certificate({"kind": "objective_bound", "model": model, "bound": least}, witness)


# ---------------------------------------------------------------------------------------------- models and points


def _encoded(model: Model) -> dict[str, Any]:
    weights = multipliers(model)
    found: dict[str, Any] = {
        "class_sizes": model.class_sizes.tolist(),
        "class_weights": [Fraction(weight) for weight in weights.tolist()] if _is_weighted(model) else None,
        "loss": _LOSSES[type(model.loss)],
        "smoothing": Fraction(model.smoothing),
    }
    if isinstance(model.loss, PickAllLabels):
        indicators = (whole_targets(model)[0] > 0).astype(np.float64)
        found["label_sets"] = ExactMatrix.of(indicators).encode()
    if model.features == "sphere":
        return found | {"temperature": model.temperature}
    bias: str | Fraction = "free" if model.bias else "none"
    found |= {
        "regularization": [model.lambda_weights, model.lambda_features],
        "bias": model.lambda_bias if model.lambda_bias else bias,
    }
    return found | ({"features": "nonnegative"} if model.features == "nonnegative" else {})


def _is_weighted(model: Model) -> bool:
    """Whether class weights are written out."""
    if isinstance(model.loss, PickAllLabels):
        return bool((multipliers(model) != 1).any())
    return model.class_weights is not None


def _error(model: Model) -> Fraction:
    """Above the kernel's errors of exponentials and logarithms, which only matter on spheres: elsewhere no value is as
    small."""
    return Fraction(model.num_classes, 1 << 170) if model.features == "sphere" else Fraction(0)


def _found(model: Model, point: Any) -> Point:
    return point if isinstance(point, Point) else point_of(model, point)


def _encoded_point(model: Model, point: Point) -> dict[str, Any]:
    """With counts for every class, or every label set."""
    order = np.argsort(point.labels, kind="stable")
    counts, labels = np.asarray(point.counts)[order], point.labels[order]
    listed = [counts[labels == k].tolist() for k in range(len(model.class_sizes))]
    return encoded_point(point) | {"counts": listed}


def _bracket(model: Model, point: Point) -> Bracket:
    rows, counts = floats(point.points), np.asarray(point.counts, dtype=np.float64)
    if model.features == "sphere":
        return sphere_bracket(model, floats(point.weights), rows, point.labels, counts)
    return objective_bracket(model, Numbers(rows, point.labels, counts, floats(point.weights), floats(point.bias)))


# -------------------------------------------------------------------------------------------------------- factors


def _factor(dual: Dual) -> ExactMatrix:
    """L with S - L L^T diagonally dominant, S = N^2 lambda_W lambda_H I - sum_k n_k u_k^2 a_k a_k^T.

    Cholesky's of S less half of what S has left below its rounding error, rounded.
    """
    model, size = dual.model, dual.model.num_classes
    rest = np.eye(size) - grams(model, _scaled(dual))[0]
    room = float(np.linalg.eigvalsh(rest)[0]) / 2
    factor = np.linalg.cholesky(rest - room * np.eye(size)) * (model.num_samples * model.strength)
    exponent = int(np.frexp(np.abs(factor).max())[1]) - _BITS
    integers = np.asarray(np.frompyfunc(int, 1, 1)(np.rint(np.ldexp(factor, -exponent))))
    return ExactMatrix.scaled(integers, Fraction(2) ** exponent)


def _scaled(dual: Dual) -> Array:
    """Rows n_k^(1/2) u_k a_k / (N lambda), of entries each rounded once before, so that nothing is lost."""
    model = dual.model
    scale = np.sqrt(model.class_sizes) * multipliers(model)
    return np.asarray(_slopes(dual).astype(np.float64) * scale[:, None] / (model.num_samples * model.strength))


def _slopes(dual: Dual | SphereDual) -> Array:
    """q - t in Fractions."""
    return np.asarray(dual.rows.fractions() - exact_targets(dual.model))


def _is_by_signs(dual: Dual) -> bool:
    """Whether the dual is one for non-negative features only, or by a larger margin."""
    least = [-float(np.linalg.eigvalsh(gram)[-1]) for gram in grams(dual.model, _scaled(dual))]
    return len(least) == 2 and least[1] >= least[0]


def _factor_by_signs(dual: Dual) -> ExactMatrix:
    """The same for the matrix N^2 lambda_W lambda_H n_k [k = l] - n_k n_l max(0, <r_k, r_l>), r_k = u_k a_k."""
    model = dual.model
    shares = [int(n) * Fraction(u) for n, u in zip(model.class_sizes, multipliers(model).tolist(), strict=True)]
    rows = ExactMatrix.of(_slopes(dual) * np.array(shares, dtype=object)[:, None])
    matrix = -np.maximum(rows.integers @ rows.integers.T, 0) * rows.unit**2
    level = model.num_samples**2 * model.lambda_weights * model.lambda_features
    matrix[np.diag_indices(len(matrix))] += [level * int(n) for n in model.class_sizes]
    return _cholesky(matrix)


def _multipliers(dual: SphereDual) -> Array:
    """alpha_c, and n_k beta_k, in Fractions."""
    of_means = [int(n) * Fraction(b) for n, b in zip(dual.model.class_sizes, dual.beta.tolist(), strict=True)]
    return np.array([*map(Fraction, dual.alpha.tolist()), *of_means], dtype=object)


def _sphere_factor(dual: SphereDual, ends: Array) -> ExactMatrix:
    """The same for [[diag alpha, C], [C^T, diag n beta]] with C_ck = tau (n_k / N) a_kc."""
    model = dual.model
    shares = [(model.temperature or 0) * Fraction(int(n), model.num_samples) for n in model.class_sizes]
    block = _slopes(dual) * np.array(shares, dtype=object)[:, None]
    corner = np.full((len(block), len(block)), Fraction(0), dtype=object)
    return _cholesky(np.block([[corner, block.T], [block, corner]]) + np.diag(ends))


def _cholesky(matrix: Array) -> ExactMatrix:
    """Of a positive definite matrix of Fractions, less half of its least eigenvalue; by powers of two the diagonal is
    brought near 1 first, so that all rows are rounded alike."""
    shifts = [math.frexp(float(entry))[1] // 2 for entry in np.diagonal(matrix)]
    scales = np.array([Fraction(2) ** -shift for shift in shifts], dtype=object)
    scaled = matrix * scales * scales[:, None]
    room = Fraction(float(np.linalg.eigvalsh(scaled.astype(np.float64))[0]) / 2)
    rest = np.frompyfunc(lambda entry: int(entry * 2 ** (2 * _ROW_BITS)), 1, 1)(
        scaled - room * np.eye(len(matrix), dtype=int)
    )
    factor = np.zeros_like(rest)
    for j in range(len(rest)):
        column = rest[j:, j] - factor[j:, :j] @ factor[j, :j]
        factor[j:, j] = column // math.isqrt(column[0])
    return ExactMatrix.of(factor * Fraction(1, 2**_ROW_BITS) / scales[:, None])
