"""The linear classifier of least norm for features that are fixed: the multiclass hard-margin problem, with proofs."""

from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from math import inf
from typing import Any

import flint
import numpy as np
from jaxtyping import Float

from nctheory import solver as solvers
from nctheory.arrays import Array, checked_flag, checked_tolerance, freeze
from nctheory.configuration import Configuration, Features
from nctheory.errors import InputError
from nctheory.exact import ExactMatrix, InnerProducts, nearest_float
from nctheory.point import Point
from nctheory.result import Result, Status
from nctheory.separation.problem import (
    balanced,
    bracket_status,
    nonnegative,
    rows_of,
    smallest_margin,
    solver_remark,
    square_norm,
)
from nctheory.solver import Solution

__all__ = ["Classifier", "solve_classifier"]

_OUTWARD = 2.0**-50  # how much larger margins are made, relatively, to be large enough after rounding
_ATTEMPTS = 20  # to make them so
_PRESENT = 1e-11  # from which on an entry of a vertex is not 0


@dataclass(frozen=True)
class Classifier:
    """What `solve_classifier` found: weights (K, d) and bias (K,), None where the samples are not separated.

    `exact_multipliers` (N, K), Fractions >= 0, are the witness of the lower end, or that nothing separates, up to a
    common factor; `multipliers` are the same, rounded to float64. `solution` is what the solver said of itself.
    """

    weights: Float[Array, "K d"] | None
    bias: Float[Array, " K"] | None
    multipliers: Float[Array, "N K"]
    exact_multipliers: Array
    solution: Solution


def solve_classifier(
    features: Any, labels: Any = None, *, bias: bool = False, solver: str | None = None, tolerance: float = 1e-9
) -> Result[Classifier]:
    """The linear classifier of least norm that separates these features by margin 1 (multiclass, hard margin).

    Formula:
        min |W|^2 / 2 subject to <w_y - w_c, h> (+ b_y - b_c) >= 1 for every sample h of class y and every c != y.
        Dual, scaled at best: (sum beta)^2 / (2 |sum_i B_i h_i^T|^2), beta >= 0, B_i = sum_c beta_ic (e_y - e_c), and
        sum_i B_i = 0 where the bias is free. Nothing separates iff some beta >= 0, not 0, has sum_i B_i h_i^T = 0.
    Args:
        features: (N, d) floats, or a `Features` (then without labels).
        labels: (N,) classes 0 ... K - 1, each present.
        bias: whether a bias, without a price, is free.
        solver: a cvxpy solver, Clarabel by default.
        tolerance: the relative gap up to which the status is near_optimal.
    Assumes:
        The features are exactly the floats given.
    Returns:
        Result, both ends rigorous: margins and multipliers are evaluated in rational arithmetic. Where nothing
        separates and an exact combination of samples shows it, infeasible with both ends infinite; where the samples
        are not separated and no exact combination was found, undecided with the lower end found and no upper end.
    Raises:
        InputError: what `Features` raises, fewer than two classes, a negative tolerance.
        SolverError: the solver gave no usable answer; it names solver and status.
    Reference:
        crammer2001.
    Example:
        >>> from nctheory import separation
        >>> round(separation.solve_classifier([[1.0], [-1.0]], [0, 1]).value, 9)
        0.25
        >>> print(separation.solve_classifier([[1.0], [1.0]], [0, 1]).status)
        infeasible
    """
    data = features if isinstance(features, Features) and labels is None else Features(features, labels)
    if data.num_classes < 2:
        raise InputError("labels has one class only, expected at least two classes")
    free, allowed = checked_flag(bias), checked_tolerance(tolerance)
    weights, offset, multipliers, solution = _hard_margin(data, free, solver)
    lower, exact = _lower_end(data, multipliers, free)
    separating = _separating(data, weights, offset)
    if separating is None:
        return _unseparated(data, free, (lower, exact), solution)
    upper = square_norm(separating[0]) / 2
    status, reason = bracket_status(lower, upper, allowed, solution)
    details = Classifier(freeze(separating[0]), freeze(separating[1]), *_both(exact), solution)
    build = partial(_classified, data, details)
    return Result(lower, upper, details, status, 1 - lower / upper, reason, build_configuration=build)


def _classified(data: Features, details: Classifier) -> Configuration:
    return Features(data.features, data.labels, details.weights, details.bias).configuration


def _hard_margin(data: Features, bias: bool, solver: str | None) -> tuple[Array, Array, Array, Solution]:
    """What the solver says of the features over a power of two: W, b, multipliers; zeros for what it does not say."""
    cp, size = solvers.load(), data.num_classes
    power = int(np.frexp(np.abs(data.features).max())[1])
    points = np.ldexp(data.features.astype(np.float64), -power)
    weights, offset = cp.Variable((size, data.dimension)), cp.Variable(size)
    scores = points @ weights.T + np.ones((len(points), 1)) @ cp.reshape(offset, (1, size), order="C") * int(bias)
    i, c = np.nonzero(np.arange(size) != data.labels[:, None])
    flat = cp.vec(scores, order="C")
    constraint = flat[i * size + data.labels[i]] - flat[i * size + c] >= 1
    problem = cp.Problem(cp.Minimize(cp.sum_squares(weights) / 2), [constraint])
    statuses = (solvers.INFEASIBLE, "infeasible_inaccurate")
    solution = solvers.solve_tightly(problem, solver=solver, name="hard-margin classifier", accept=statuses)
    multipliers = np.zeros((len(points), size))
    multipliers[i, c] = 0 if constraint.dual_value is None else constraint.dual_value
    values = (np.zeros(x.shape) if x.value is None else np.nan_to_num(x.value) for x in (weights, offset))
    unit = 2.0**-power if power > -1024 else inf
    with np.errstate(over="ignore"):
        return np.ldexp(next(values), -power), next(values) * int(bias), multipliers, solution.rescaled(unit, unit)


def _separating(data: Features, weights: Array, bias: Array) -> tuple[Array, Array] | None:
    """W and b scaled until every margin is exactly at least 1; None where one is not positive."""
    bias, ones = bias - bias.mean(), np.ones(len(data.labels), dtype=np.int64)
    for attempt in range(_ATTEMPTS):
        if not np.isfinite(weights).all():
            return None
        margin = smallest_margin(Point(data.features, data.labels, ones, weights, bias, False)).value
        if margin <= 0:
            return None
        if attempt and margin >= 1:
            return weights, bias
        factor = nearest_float(1 / margin) * (1 + _OUTWARD * 2.0**attempt)
        weights, bias = weights * factor, bias * factor
    return None


def _both(multipliers: Array) -> tuple[Array, Array]:
    return freeze(multipliers.astype(np.float64)), freeze(multipliers)


def _lower_end(data: Features, multipliers: Array, bias: bool) -> tuple[Fraction, Array]:
    """(sum beta)^2 / (2 |sum_i B_i h_i^T|^2), or 0 where that says nothing, and these multipliers exactly."""
    multipliers = nonnegative(multipliers, data.labels)
    if bias:
        multipliers = balanced(multipliers, data.labels, np.full(len(data.labels), 1, dtype=object))
    rows, features = ExactMatrix.of(rows_of(multipliers, data.labels)), ExactMatrix.of(data.features)
    turned = (ExactMatrix(part.integers.T, part.exponent, part.denominator) for part in (rows, features))
    products = InnerProducts(*turned)
    entries = products.take(*np.indices((data.num_classes, data.dimension)))
    square = products.unit**2 * int((entries**2).sum())
    return Fraction(multipliers.sum()) ** 2 / (2 * square) if square else Fraction(0), multipliers


# -------------------------------------------------------------------------------------------------- nothing separates


def _unseparated(data: Features, bias: bool, dual: tuple[Fraction, Array], solution: Solution) -> Result[Classifier]:
    proof = _farkas(data, bias)
    if proof is not None:
        samples = np.flatnonzero(proof.any(axis=1)).tolist()
        shown = ", ".join(map(str, samples[:6])) + (", ..." if len(samples) > 6 else "")
        reason = f"nothing separates samples {shown}: a nonnegative combination of their constraints is exactly 0 >= 1"
        details = Classifier(None, None, *_both(proof), solution)
        return Result(inf, inf, details, Status.INFEASIBLE, Fraction(1), reason)
    reason = "no classifier found, and no exact combination of samples that shows there is none"
    details = Classifier(None, None, *_both(dual[1]), solution)
    return Result(dual[0], inf, details, Status.UNDECIDED, Fraction(1), reason + solver_remark(solution))


def _farkas(data: Features, bias: bool) -> Array | None:
    """(N, K) Fractions beta >= 0, not all 0, with sum_i B_i h_i^T = 0: a vertex of a linear program, made exact."""
    from scipy.optimize import linprog

    pairs = np.argwhere(np.arange(data.num_classes) != data.labels[:, None])
    points = data.features.astype(np.float64)
    ones = np.ones((len(points), int(bias)))
    slopes = _slopes(np.hstack([_leveled(points), ones]), data, pairs)
    system = np.vstack([_leveled(slopes), np.ones(len(pairs))])  # a positive factor on each multiplier changes nothing
    goal = np.append(np.zeros(len(system) - 1), 1.0)
    vertex = linprog(np.zeros(len(pairs)), A_eq=system, b_eq=goal, method="highs-ds")
    if vertex.x is None:
        return None
    support = pairs[vertex.x > _PRESENT]
    exact = np.hstack([ExactMatrix.of(points).integers, ones.astype(int).astype(object)])
    null = _positive_null_vector(_slopes(exact, data, support))
    if null is None:
        return None
    proof = np.full((len(points), data.num_classes), Fraction(0), dtype=object)
    proof[tuple(support.T)] = [Fraction(entry, max(null)) for entry in null]
    return proof


def _leveled(matrix: Array) -> Array:
    """Every column over its largest entry, except columns of zeros."""
    largest = np.abs(matrix).max(axis=0)
    return np.asarray(matrix / np.where(largest > 0, largest, 1.0))


def _slopes(points: Array, data: Features, pairs: Array) -> Array:
    """The slope of the margin of every pair (sample, class) in W, and b where `points` end in a column of ones."""
    samples, others = pairs.T
    slopes = np.zeros((len(pairs), data.num_classes, points.shape[1]), dtype=points.dtype)
    slopes[np.arange(len(pairs)), data.labels[samples]] = points[samples]
    slopes[np.arange(len(pairs)), others] = -points[samples]
    return slopes.reshape(len(pairs), -1).T


def _positive_null_vector(matrix: Array) -> list[int] | None:
    """Integers x > 0 with A x = 0, where the null space is a line and holds one."""
    vectors, nullity = flint.fmpz_mat(matrix.tolist()).nullspace()
    if nullity != 1:
        return None
    first = [int(vectors[row, 0]) for row in range(matrix.shape[1])]
    sign = 1 if first[0] > 0 else -1
    return [sign * entry for entry in first] if all(sign * entry > 0 for entry in first) else None
