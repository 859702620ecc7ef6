"""Samples with sets of labels: the optimum of a model, and how far a point is from it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from nctheory import solver as solvers
from nctheory.arrays import Array, freeze
from nctheory.descent import downhill, newton
from nctheory.errors import InputError, SolverError
from nctheory.landscape.answers import Bracket, Certified, Escape, Optimum, as_optimum, as_verdict, is_within
from nctheory.landscape.bounds import (
    Dual,
    best_bias,
    class_steepness,
    dual_at,
    dual_bound,
    multipliers,
    objective_bracket,
)
from nctheory.landscape.certificates import bound_certificate, point_certificate
from nctheory.landscape.escapes import escape_of, steepness_at, step_down
from nctheory.landscape.evaluation import Numbers
from nctheory.landscape.flat import Flat
from nctheory.landscape.label_data import LabelSetPoint, LabelSets
from nctheory.landscape.label_forms import scales, sets_of
from nctheory.landscape.model import Model
from nctheory.landscape.reduced import Formulation
from nctheory.point import Point
from nctheory.result import Result

__all__ = [
    "as_point",
    "certify",
    "escape",
    "flat",
    "numbers",
    "optimum",
    "placed",
    "solve",
    "start",
    "thresholds",
]

_RANK = 1e-13  # singular values below this times the largest are taken for 0
_STEPS = 3000
_STARTS = 4  # of the search for what a point is compared with
_SEED = 20231024  # of the start of the convex problem in factors
_LEAST_UNIT = 1e-60
_EASY = 1e-4  # lambda n^(1/2) from which on descent needs no other start
_EASED = 10  # times as large
_MOST_SWAPS = 2_000_000  # of labels, times sets, that are looked at
_NAMED = 6  # labels of a group
_MOST_NUMBERS = 20_000  # M K, for which `certify` solves the convex problem


# --------------------------------------------------------------------------------------------------------------- points


def numbers(model: Model, point: Any) -> Numbers:
    """A LabelSetPoint in floats, if it is one of the model; sets may come in another order."""
    if not isinstance(point, LabelSetPoint):
        raise InputError(f"point is of type {type(point).__name__}, expected a LabelSetPoint")
    if (point.num_classes, point.dimension) != (model.num_classes, model.dimension):
        raise InputError(
            f"point has {point.num_classes} labels and dimension {point.dimension}, "
            f"expected {model.num_classes} and {model.dimension} to match the model"
        )
    known = _places(model)
    unknown = next((each for each in point.label_sets if each not in known), None)
    if unknown is not None:
        raise InputError(f"point has samples with the labels {set(unknown)}, expected only sets of the model")
    order = np.array([known[each] for each in point.label_sets])
    sizes = np.zeros(len(known), dtype=np.int64)
    sizes[order] = point.class_sizes
    wrong = np.flatnonzero(sizes != model.class_sizes)
    if len(wrong):
        place = int(wrong[0])
        named, expected = set(sets_of(model)[place]), model.class_sizes[place]
        raise InputError(f"point has {sizes[place]} samples with the labels {named}, expected {expected} as the model")
    if not model.bias and point.bias.any():
        raise InputError("point has a bias that is not 0, and the model has none: say bias=True")
    return Numbers(point.features, order[point.places], point.counts.astype(np.float64), point.weights, point.bias)


def _places(model: Model) -> dict[tuple[int, ...], int]:
    return {each: place for place, each in enumerate(sets_of(model))}


def as_point(model: Model, numbers: Numbers, like: Any = None) -> LabelSetPoint:  # noqa: ARG001
    """With one row for each row of the numbers, whatever `like` is."""
    counts = numbers.counts.astype(np.int64)
    sets = LabelSets(sets_of(model), model.class_sizes, freeze(numbers.labels), model.num_classes)
    return LabelSetPoint(numbers.features, sets, numbers.weights, numbers.bias, counts=counts)


def start(model: Model, generator: np.random.Generator) -> Numbers:
    """A collapsed point with independent normal entries, of about the norms of logits of size 1."""
    count, size, width = len(model.class_sizes), model.num_classes, model.dimension
    weights, means = generator.standard_normal((size, width)), generator.standard_normal((count, width))
    scale, counts = math.sqrt(model.ratio) * math.sqrt(width), model.class_sizes.astype(np.float64)
    roots = np.sqrt(counts / counts.mean())[:, None]
    return Numbers(means / roots / scale, np.arange(count), counts, weights * scale / width, np.zeros(size))


def flat(model: Model, numbers: Numbers) -> Flat:
    """Vectors of points with these rows."""
    return Flat.like(model, numbers)


def _collapsed(model: Model, given: Numbers) -> Numbers:
    """The means of the samples of each set in place of the features."""
    count = len(model.class_sizes)
    if np.array_equal(given.labels, np.arange(count)):
        return given
    total = np.zeros((count, model.dimension))
    np.add.at(total, given.labels, given.features * given.counts[:, None])
    means = total / model.class_sizes[:, None]
    return Numbers(means, np.arange(count), model.class_sizes.astype(np.float64), given.weights, given.bias)


# ---------------------------------------------------------------------------------------------------------- closed form


def thresholds(model: Model) -> dict[str, float]:
    """The lambda from which on something has collapsed: all logits are the bias alone, or labels have equal weights.

    Labels may be exchanged where that keeps all n_S. As long as two such labels c, e have equal logits, the derivatives
    along v = (e_c - e_e) / 2^(1/2) are those of the targets: |G^T v|^2 = sum (n_S / 2) (u_S / (|S| N))^2 over the sets
    with one of the two. The problem's symmetry keeps v apart from all else, so that weights merge at this lambda.
    """
    zero = np.zeros((len(model.class_sizes), model.num_classes))
    found = {"total collapse": class_steepness(model, zero + best_bias(model, zero)) * model.strength}
    for labels in _exchangeable(model):
        rates = multipliers(model) / np.array([len(each) for each in sets_of(model)])
        pair = set(labels[:2])
        split = np.array([len(pair.intersection(each)) == 1 for each in sets_of(model)])
        level = math.sqrt(float((model.class_sizes * rates**2)[split].sum()) / 2) / model.num_samples
        found[f"labels {', '.join(map(str, labels[:_NAMED]))}{', ...' * (len(labels) > _NAMED)} merge"] = level
    return found


def _exchangeable(model: Model) -> list[list[int]]:
    """Groups of two or more labels, but not of all, that may be exchanged; none where there is too much to look at."""
    size, sets = model.num_classes, [frozenset(each) for each in sets_of(model)]
    if size**2 * len(sets) > _MOST_SWAPS:
        return []
    counts = dict(zip(sets, model.class_sizes.tolist(), strict=True))
    groups: list[list[int]] = []
    for label in range(size):
        own = next((group for group in groups if _may_swap(counts, {group[0], label})), None)
        if own is None:
            groups.append([label])
        else:
            own.append(label)
    return [group for group in groups if 1 < len(group) < size]


def _may_swap(counts: dict[frozenset[int], int], pair: set[int]) -> bool:
    """Whether a set with one of the two labels has as many samples as that with the other one."""
    return all(counts.get(each ^ pair, 0) == n for each, n in counts.items() if len(each & pair) == 1)


@dataclass(frozen=True, eq=False)
class _Solution:
    """Logits (M, K) of the sets without the bias, the bias (K,), how they were found, and the value by SymPy."""

    logits: Array
    bias: Array
    statement: str
    build_exact: Callable[[], Any] | None = None


def _closed_form(model: Model) -> _Solution | None:
    """Zero for any sets, and what is balanced inside each size."""
    zero, bias = np.zeros((len(model.class_sizes), model.num_classes)), np.zeros(model.num_classes)
    found = scales(model)
    if found is None:
        bias = best_bias(model, zero)
        if class_steepness(model, zero + bias) > 1:
            return None
    if found is None or not any(found.values()):
        statement = "total collapse: the logits are the bias alone"
        return _Solution(zero, bias, statement, None if bias.any() else partial(_zero_value, model))
    targets = model.loss.targets(np.arange(len(zero)), model.num_classes)
    each = np.array([len(labels) for labels in sets_of(model)])
    scale = np.array([found[size] for size in each.tolist()])[:, None]
    logits = scale * ((targets > 0) - each[:, None] / model.num_classes)
    statement = "pick-all-labels, balanced inside each size: the logits of a set are a multiple of 1_S - |S|/K"
    exact = partial(_value_of_one_size, model) if len(found) == 1 else None
    return _Solution(logits, bias, statement, exact)


def _zero_value(model: Model) -> Any:
    import sympy

    total = sum(int(n) * int(u) for n, u in zip(model.class_sizes, multipliers(model), strict=True))
    return sympy.Rational(total, model.num_samples) * sympy.log(model.num_classes)


def _value_of_one_size(model: Model) -> Any:
    """nu a = N lambda / w^(1/2) is known, and so is D: F = u (log D - a) + lambda (K - 1) w^(1/2) a."""
    import sympy

    size, labels, samples = len(sets_of(model)[0]), model.num_classes, sympy.Integer(model.num_samples)
    factor = int(multipliers(model)[0])
    spread = sympy.sqrt(samples * size * (labels - size) / (labels * (labels - 1)))
    square = model.lambda_weights * model.lambda_features
    strength = sympy.sqrt(sympy.Rational(square.numerator, square.denominator))
    total = sympy.Integer(labels * factor) * spread / (size * samples * strength)
    scale = sympy.log((total - labels + size) / size)
    return factor * (sympy.log(total) - scale) + strength * (labels - 1) * spread * scale


# -------------------------------------------------------------------------------------------------- the convex problem


@dataclass(frozen=True, eq=False)
class _Scaled:
    """F less the entropies of the targets, over a unit: descent ends where values no longer fall by 1e-16 of themselves
    and slopes are small next to 1."""

    flat: Flat
    unit: float

    def evaluate(self, vector: Array) -> tuple[float, Array]:
        """Value and gradient."""
        model, given = self.flat.model, self.flat.numbers(vector)
        loss = given.shares(model) @ model.loss.excess(given.logits, given.labels)  # type: ignore[attr-defined]
        squares = (given.weights**2).sum(), given.counts @ (given.features**2).sum(axis=1), (given.bias**2).sum()
        penalties = model.lambda_weights, model.lambda_features, model.lambda_bias
        paid = sum(float(part) * float(square) / 2 for part, square in zip(penalties, squares, strict=True))
        return (float(loss) + paid) / self.unit, self.flat.evaluate(vector)[1] / self.unit

    def curvature(self, vector: Array, along: Array) -> Array:
        """The second derivative applied to a direction."""
        return self.flat.curvature(vector, along) / self.unit


def _lowered(model: Model, point: Numbers) -> Numbers:
    """L-BFGS, then Newton's method."""
    rows = Flat.like(model, point)
    problem = _Scaled(rows, min(1.0, max(_size(model), _LEAST_UNIT)))
    return rows.numbers(newton(problem, downhill(problem, rows.of(point), steps=_STEPS, tolerance=1e-8)))


def _solved_reduced(model: Model, formulation: Formulation, solver: str | None) -> _Solution:
    """min over Z (M, K) and b of the mean loss + lambda |D^(1/2) Z|_* + lambda_b |b|^2 / 2, in K dimensions."""
    wide = model.replace(dimension=model.num_classes)
    is_relaxed = formulation == "convex"
    end = _lowered(wide, _factored(wide, *_relaxed(wide, solver))) if is_relaxed else _followed(wide)
    return _Solution(end.features @ end.weights.T, end.bias, f"the convex problem of label sets, {formulation}")


def _followed(model: Model) -> Numbers:
    """From a random start, through falling penalties where they are small."""
    times = max(0, math.ceil(math.log(_EASY / _size(model), _EASED)))
    found = start(model, np.random.default_rng(_SEED))
    for power in range(times, -1, -1):
        weights, features, *bias = model.regularization
        eased = model.replace(regularization=(weights * _EASED**power, features * _EASED**power, *bias))
        found = _lowered(eased, found)
    return found


def _size(model: Model) -> float:
    """Lambda n^(1/2), next to which slopes of the largest set are large or small."""
    return model.strength * math.sqrt(float(model.class_sizes.max()))


def _relaxed(model: Model, solver: str | None) -> tuple[Array, Array]:
    """Logits and bias by cvxpy."""
    cp, count, size = solvers.load(), len(model.class_sizes), model.num_classes
    largest = math.sqrt(float(model.class_sizes.max()))
    roots = np.sqrt(model.class_sizes)[:, None] / largest
    scaled, bias = cp.Variable((count, size)), cp.Variable(size)
    rows = cp.multiply(scaled, 1 / roots) + np.ones((count, 1)) @ cp.reshape(bias, (1, size), order="C")
    weights = model.class_sizes / model.num_samples * multipliers(model)
    targets = model.loss.targets(np.arange(count), size)
    objective = weights @ (cp.log_sum_exp(rows, axis=1) - cp.sum(cp.multiply(targets, rows), axis=1))
    objective += model.strength * largest * cp.normNuc(scaled)
    constraints = [cp.sum(bias) == 0] if model.bias else [bias == 0]
    if model.lambda_bias:
        objective += float(model.lambda_bias) / 2 * cp.sum_squares(bias)
    problem = cp.Problem(cp.Minimize(objective), constraints)
    solution = solvers.solve_tightly(problem, solver=solver, name="convex problem of label sets")
    if not all(np.isfinite(part.value).all() for part in (scaled, bias)):
        raise SolverError(f"{solution.name}: {solution.solver} ended with {solution.status!r} and no finite numbers")
    return scaled.value / roots, bias.value


def _factored(model: Model, logits: Array, bias: Array) -> Numbers:
    """The W and means of least penalty among those with these logits, or their best rank-d approximation."""
    roots, width = np.sqrt(model.class_sizes)[:, None], model.dimension
    left, values, right = np.linalg.svd(roots * logits, full_matrices=False)
    halves = np.sqrt(np.where(values > _RANK * values[0], values, 0.0))[:width]
    means, weights = left[:, :width] * halves / roots, right[:width].T * halves
    room = ((0, 0), (0, width - len(halves)))
    scale, counts = math.sqrt(model.ratio), model.class_sizes.astype(np.float64)
    return Numbers(np.pad(means, room) / scale, np.arange(len(means)), counts, np.pad(weights, room) * scale, bias)


# -------------------------------------------------------------------------------------------------------------- optimum


def optimum(model: Model, allowed: Fraction, starts: int, generator: np.random.Generator) -> Result[Optimum]:
    """By the closed form, the convex problem of label sets, or the best of several starts."""
    _check_attained(model)
    form = _closed_form(model)
    if form is not None:
        return _found(model, form, allowed)
    solution = _solved_reduced(model, "factored", None)
    found = _found(model, solution, allowed)
    if found.gap <= allowed or model.dimension >= model.num_classes - 1:  # as large as the rank of any optimum
        return found
    return _searched(model, allowed, starts, generator, solution, found)


def solve(model: Model, formulation: Formulation, solver: str | None, allowed: Fraction) -> Result[Optimum]:
    """By the convex problem, whatever closed forms there are."""
    _check_attained(model)
    return _found(model, _solved_reduced(model, formulation, solver), allowed)


def _check_attained(model: Model) -> None:
    """With a free bias every label has to occur: that of one without samples has a logit that falls for ever."""
    absent = set(range(model.num_classes)).difference(*sets_of(model))
    if absent and model.bias and not model.lambda_bias:
        why = "its bias falls for ever, and no minimizer exists"
        raise InputError(
            f"label {min(absent)} is in no label set, expected samples with it where the bias is free: {why}"
        )


def _found(model: Model, solution: _Solution, allowed: Fraction, relaxed: Dual | None = None) -> Result[Optimum]:
    """The Result of these logits and this bias, from both ends; below perhaps by a dual that is already known."""
    point = _factored(model, solution.logits, solution.bias)
    upper = objective_bracket(model, point)[1]
    duals = [each for each in (relaxed, dual_bound(model, solution.logits + solution.bias)) if each is not None]
    dual = max(duals, key=lambda each: each.lower, default=None)
    lower = Fraction(0) if dual is None else dual.lower
    logits, bias = freeze(solution.logits), freeze(solution.bias)
    details = Optimum(model, logits, bias, solution.statement, dual, lambda: thresholds(model))
    proof = None if dual is None else partial(bound_certificate, dual)
    return as_optimum(details, as_point(model, point), (lower, upper), allowed, proof, solution.build_exact)


def _searched(
    model: Model,
    allowed: Fraction,
    starts: int,
    generator: np.random.Generator,
    solution: _Solution,
    relaxed: Result[Optimum],
) -> Result[Optimum]:
    """The best that descent reaches from random starts and from the best approximation of the convex solution, whose
    bound holds in every dimension."""
    points = [start(model, generator) for _ in range(starts)] + [_factored(model, solution.logits, solution.bias)]
    best = min((_lowered(model, point) for point in points), key=lambda point: point.value(model))
    reached = _Solution(best.features @ best.weights.T, best.bias, f"the best of {len(points)} starts")
    return _found(model, reached, allowed, relaxed.details.dual)


# --------------------------------------------------------------------------------------------- is this point optimal


def certify(model: Model, point: Any, allowed: Fraction) -> Result[Certified]:
    """By the better of two lower bounds: from the point's own probabilities, and from the optimum."""
    given = numbers(model, point)
    value, means = objective_bracket(model, given), _collapsed(model, given)
    best, dual = _best_known(model), dual_at(model, means)
    if best is not None and (dual is None or best.lower >= dual.lower):
        dual = best.details.dual
    lower = max((Fraction(end.lower) for end in (best, dual) if end is not None), default=Fraction(0))
    lower = min(value[0], max(Fraction(0), lower))
    near = is_within(lower, value[1], allowed)
    better, end = (None, value[1]) if near else _better(model, point, means, value, best)
    known = value[1] if best is None else Fraction(best.upper)
    details = Certified(
        model,
        point,
        value,
        (lower, min(value[1], end, known)),
        better,
        dual,
        lambda: given.gradient(model).norm,
        lambda: escape(model, point),
        lambda: steepness_at(model, given),
        None if dual is None else partial(bound_certificate, dual),
    )
    counted = None if better is None else placed(model, better)
    return as_verdict(details, allowed, point_certificate(model, placed(model, point), counted, value[1]))


def placed(model: Model, point: LabelSetPoint) -> Point:
    """The point as claims hold it, its labels the places of the sets in the model."""
    found = numbers(model, point)
    return Point(found.features, found.labels, point.counts, found.weights, found.bias, False)


def _best_known(model: Model) -> Result[Optimum] | None:
    """The optimum, where that is a matter of seconds."""
    small = len(model.class_sizes) * model.num_classes <= _MOST_NUMBERS
    try:
        if small or _closed_form(model) is not None:
            return optimum(model, Fraction(1, 10**9), _STARTS, np.random.default_rng(0))
    except InputError:  # the infimum is not attained
        pass
    return None


def _better(
    model: Model, point: LabelSetPoint, means: Numbers, value: Bracket, best: Result[Optimum] | None
) -> tuple[LabelSetPoint | None, Fraction]:
    """A point with a smaller objective and the upper end of that: the optimum, where it is known; or else the means of
    each set, an escape, or a step against the gradient."""
    if best is not None and best.upper < value[0]:
        return best.configuration, Fraction(best.upper)
    end = objective_bracket(model, means)[1]
    if end < value[0]:
        return as_point(model, means), end
    leap = escape(model, point)
    if leap is not None:
        return leap.point, leap.objective[1]
    moved = step_down(model, numbers(model, point))
    end = objective_bracket(model, moved)[1]
    return (as_point(model, moved), end) if end < value[0] else (None, value[1])


def escape(model: Model, point: Any) -> Escape | None:
    """As with free features."""
    return escape_of(model, numbers(model, point), lambda moved: as_point(model, moved))
