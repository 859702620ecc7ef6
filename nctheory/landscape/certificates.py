"""What the kernel is told of an unconstrained-features model: objectives, their least value, and decreases."""

from fractions import Fraction
from typing import Any

import numpy as np

from nctheory.arrays import Array
from nctheory.exact import ExactMatrix, ceil_float, floor_float
from nctheory.landscape.bounds import Dual, objective_bracket
from nctheory.landscape.model import Model, Numbers, point_of
from nctheory.losses import BinaryCrossEntropy, CrossEntropy, Focal, LabelSmoothing, Loss, SquaredError
from nctheory.point import encoded_point
from nctheory.result import Certificate

__all__ = ["bound_certificate", "decrease_certificate", "knows", "objective_certificate"]

_LOSSES: dict[type[Loss], str] = {
    CrossEntropy: "cross_entropy",
    LabelSmoothing: "cross_entropy",
    Focal: "cross_entropy",  # the convex one
    BinaryCrossEntropy: "binary_cross_entropy",
    SquaredError: "squared_error",
}
_BITS = 60  # of the factor, next to its largest entry
_SHARE = 2.0**-46  # of a bound or decrease that a certificate may lose by rounding


def knows(model: Model) -> bool:
    """Whether the kernel knows the loss: not one that is not convex, and no negative smoothing."""
    return model.loss.is_convex and model.smoothing >= 0


def _encoded(model: Model) -> dict[str, Any]:
    bias: str | Fraction = "free" if model.bias else "none"
    weights = model.class_weights
    return {
        "class_sizes": model.class_sizes.tolist(),
        "class_weights": None if weights is None else [Fraction(weight) for weight in weights.tolist()],
        "loss": _LOSSES[type(model.loss)],
        "smoothing": Fraction(model.smoothing),
        "regularization": [model.lambda_weights, model.lambda_features],
        "bias": model.lambda_bias if model.lambda_bias else bias,
    }


def objective_certificate(model: Model, point: Any, value: Fraction) -> Certificate:
    """The objective at this point is at most a float next to `value`."""
    configuration = encoded_point(point_of(model, point))
    most = Fraction(ceil_float(value * (1 + Fraction(_SHARE))))
    claim = {"kind": "objective", "model": _encoded(model), "dimension": model.dimension}
    return Certificate(claim | {"configuration": configuration, "value": most}, {})


def decrease_certificate(model: Model, point: Any, better: Any) -> Certificate:
    """The objective at the better point is smaller, by nearly as much as floats can tell."""
    before, after = (objective_bracket(model, Numbers.of(model, each)) for each in (point, better))
    claim = {
        "kind": "lower_objective",
        "model": _encoded(model),
        "dimension": model.dimension,
        "configuration": encoded_point(point_of(model, point)),
        "lower": encoded_point(point_of(model, better)),
        "decrease": Fraction(floor_float(before[0] - after[1])),
    }
    return Certificate(claim, {})


def bound_certificate(dual: Dual) -> Certificate:
    """No point of any dimension has a smaller objective than a float next to the bound."""
    least = Fraction(floor_float(dual.lower - abs(dual.lower) * Fraction(_SHARE)))
    claim = {"kind": "objective_bound", "model": _encoded(dual.model), "bound": least}
    return Certificate(claim, {"dual": dual.rows.encode(), "factor": _factor(dual).encode()})


def _factor(dual: Dual) -> ExactMatrix:
    """L with S - L L^T diagonally dominant, S = N^2 lambda_W lambda_H I - sum_k n_k u_k^2 a_k a_k^T.

    Cholesky's of S less half of what S has left below its rounding error, rounded.
    """
    model, size = dual.model, dual.model.num_classes
    slopes = _slopes(dual)
    scaled = slopes * (np.sqrt(model.class_sizes) * model.multipliers)[:, None] / (model.num_samples * model.strength)
    rest = np.eye(size) - scaled.T @ scaled
    room = float(np.linalg.eigvalsh(rest)[0]) / 2
    factor = np.linalg.cholesky(rest - room * np.eye(size)) * (model.num_samples * model.strength)
    exponent = int(np.frexp(np.abs(factor).max())[1]) - _BITS
    integers = np.asarray(np.frompyfunc(int, 1, 1)(np.rint(np.ldexp(factor, -exponent))))
    return ExactMatrix.scaled(integers, Fraction(2) ** exponent)


def _slopes(dual: Dual) -> Array:
    """q - t, each entry rounded once, so that nothing is lost to cancellation."""
    size, smoothing = dual.model.num_classes, Fraction(dual.model.smoothing)
    differences = dual.rows.fractions() - smoothing / size
    differences[np.diag_indices(size)] -= 1 - smoothing
    return np.asarray(differences.astype(np.float64))
