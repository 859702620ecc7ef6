"""Non-negative features, as after a ReLU: the optimum of a model, and how far a point is from it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from typing import Any

import numpy as np

from nctheory.arrays import Array, freeze
from nctheory.configuration import Configuration, Features
from nctheory.descent import downhill, newton
from nctheory.landscape.answers import Bracket, Certified, Escape, Optimum, as_optimum, as_verdict, is_within
from nctheory.landscape.bounds import Dual, class_steepness, dual_at, objective_bracket
from nctheory.landscape.certificates import bound_certificate, knows, point_certificate
from nctheory.landscape.closed_forms import truncated_bound
from nctheory.landscape.escapes import moved_along, steepness_at
from nctheory.landscape.evaluation import Numbers, Tangent, as_point
from nctheory.landscape.flat import Flat, random_start
from nctheory.landscape.model import Model
from nctheory.landscape.nonnegative_forms import Apart, apart_form, climbed, steepest_mix, thresholds
from nctheory.result import Result

__all__ = ["as_point", "certify", "escape", "flat", "numbers", "optimum", "start", "thresholds"]

_STEPS = 2000
_STARTS = 8  # of the search for what a point is compared with
_MOST_CLASSES = 150  # for which `certify` searches where no closed form is known
_UNUSED = 1e-6  # a coordinate is unused where W and H have less than this share of their norm in it
_ABOVE = 1e-7  # by how much |G v| / lambda has to be above 1
_ESCAPES = 20


def numbers(model: Model, point: Any) -> Numbers:
    """Features or a Configuration in floats, none of the features below 0."""
    return Numbers.of(model, point)


def start(model: Model, generator: np.random.Generator) -> Numbers:
    """A random collapsed point."""
    drawn = random_start(model, generator)
    return _with_features(drawn, np.abs(drawn.features))


class Bounded(Flat):
    """Vectors of points whose features are not below 0."""

    @cached_property
    def bounds(self) -> tuple[Array, Array]:
        """The least and the largest vector."""
        size, width, rows = self.model.num_classes, self.model.dimension, len(self.labels)
        low = np.full((size + rows) * width + size * self.model.bias, -np.inf)
        low[size * width : (size + rows) * width] = 0
        return low, np.full_like(low, np.inf)


def flat(model: Model, numbers: Numbers) -> Flat:
    """Vectors of points with these labels and counts."""
    return Bounded.like(model, numbers)


def _with_features(numbers: Numbers, features: Array) -> Numbers:
    return Numbers(features, numbers.labels, numbers.counts, numbers.weights, numbers.bias)


# ------------------------------------------------------------------------------------------------------------- optimum


def optimum(model: Model, allowed: Fraction, starts: int, generator: np.random.Generator) -> Result[Optimum]:
    """By a closed form, or the best of several starts; below also what holds with a coordinate for each class."""
    form = apart_form(model)
    if form is not None:
        return _found(model, _apart(model, form), form.statement, allowed, form.build_exact)
    relaxed = None
    if model.dimension < model.num_classes:
        relaxed = optimum(model.replace(dimension=model.num_classes), allowed, starts, generator).details.dual
    points = [start(model, generator) for _ in range(starts)] + [_one_each(model)]
    best = min((_settled(model, point) for point in points), key=lambda point: point.value(model))
    return _found(model, best, f"the best of {len(points)} starts", allowed, relaxed=relaxed)


def _apart(model: Model, form: Apart) -> Numbers:
    """A coordinate for each class: h_k = t_k e_k, t_k^2 n_k lambda_H = |w|^2 lambda_W for the column w = z_k / t_k."""
    size, width = model.num_classes, model.dimension
    lengths = np.linalg.norm(form.logits, axis=1)
    scales = np.sqrt(lengths / (model.ratio * np.sqrt(model.class_sizes)))
    features, weights = np.zeros((size, width)), np.zeros((size, width))
    for place, k in enumerate(np.flatnonzero(lengths)):
        features[k, place], weights[:, place] = scales[k], form.logits[k] / scales[k]
    return Numbers(features, np.arange(size), model.class_sizes.astype(np.float64), weights, form.bias)


def _one_each(model: Model) -> Numbers:
    """A start with a coordinate for each of the d largest classes."""
    size = model.num_classes
    logits = np.eye(size) - 1 / size
    logits[np.argsort(-model.class_sizes, kind="stable")[model.dimension :]] = 0
    return _apart(model, Apart(logits, np.zeros(size), ""))


def _settled(model: Model, numbers: Numbers) -> Numbers:
    """Where descent leads, and on from there by escapes, also along a coordinate that is made free for one."""
    problem = flat(model, numbers)
    for _ in range(_ESCAPES):
        vector = downhill(problem, problem.of(numbers), steps=_STEPS, tolerance=1e-9)
        numbers = problem.numbers(newton(problem, vector))
        leap = _best_leap(model, numbers)
        if leap is None:
            break
        numbers = leap.end
    return numbers


def _found(
    model: Model,
    point: Numbers,
    statement: str,
    allowed: Fraction,
    build_exact: Callable[[], Any] | None = None,
    relaxed: Dual | None = None,
) -> Result[Optimum]:
    """The Result of a collapsed point, from both ends; below perhaps by a dual that is already known."""
    upper = objective_bracket(model, point)[1]
    duals = [dual for dual in (relaxed, dual_at(model, point)) if dual is not None]
    dual = max(duals, key=lambda each: each.lower, default=None)
    lower = Fraction(0) if dual is None else max(Fraction(0), dual.lower)
    if not is_within(lower, upper, allowed):
        lower = max(lower, truncated_bound(model) or lower)
    logits = freeze(point.features @ point.weights.T)
    details = Optimum(model, logits, freeze(point.bias), statement, dual, lambda: thresholds(model))
    build_certificate = None
    if dual is not None and knows(model) and dual.lower >= min(lower, upper):
        build_certificate = partial(bound_certificate, dual)
    return as_optimum(details, as_point(model, point), (lower, upper), allowed, build_certificate, build_exact)


# ------------------------------------------------------------------------------------------------------------- escapes


@dataclass(frozen=True, eq=False)
class _Leap:
    """A direction of negative curvature, |G v| for it, the best step along it, and where that leads."""

    tangent: Tangent
    slope: float
    step: float
    end: Numbers


def escape(model: Model, point: Any) -> Escape | None:
    """Along (-q^(1/2) u e_j^T, q^(-1/2) v e_j^T, 0), G v = |G v| u, v >= 0, with a coordinate j that is unused.

    With q = (lambda_H / lambda_W)^(1/2) the second derivative is -2 (|G v| - lambda), as both penalties give lambda.
    """
    numbers = Numbers.of(model, point)
    leap = _leap(model, numbers)
    if leap is None:
        return None
    begin, end = objective_bracket(model, numbers), objective_bracket(model, leap.end)
    if end[1] >= begin[0]:
        return None
    curvature, steepness = 2 * (model.strength - leap.slope), leap.slope / model.strength
    return Escape(leap.tangent, curvature, steepness, leap.step, as_point(model, leap.end, point), end)


def _leap(model: Model, numbers: Numbers) -> _Leap | None:
    unused = _unused_coordinate(numbers)
    if unused is None:
        return None
    mix, slope = _steepest_features(model, numbers)
    if slope <= model.strength * (1 + _ABOVE):
        return None
    roots, along = np.sqrt(numbers.counts), np.eye(model.dimension)[unused]
    left = numbers.loss_gradient(model).T @ (mix / roots) / slope
    scale = math.sqrt(model.ratio)
    tangent = Tangent(np.outer(left, along) * -scale, np.outer(mix / roots, along) / scale, np.zeros_like(left))
    step, end = _furthest(model, numbers, tangent)
    return _Leap(tangent, slope, step, end) if end.value(model) < numbers.value(model) else None


def _unused_coordinate(numbers: Numbers) -> int | None:
    """One in which W and H are 0, up to rounding."""
    squares = np.zeros(numbers.weights.shape[1])
    for part in (numbers.weights**2, numbers.counts[:, None] * numbers.features**2):
        squares += part.sum(axis=0) / max(float(part.sum()), np.finfo(float).tiny)
    place = int(squares.argmin())
    return place if squares[place] <= _UNUSED**2 else None


def _steepest_features(model: Model, numbers: Numbers) -> tuple[Array, float]:
    """v >= 0 of norm 1 with |G v| as large as is found, v_i n_i^(1/2) for a row of n_i samples, and |G v|.

    The best mix of classes is a start for that of samples.
    """
    roots, sizes = np.sqrt(numbers.counts), model.class_sizes.astype(np.float64)
    columns = numbers.loss_gradient(model) / roots[:, None]
    shares = roots / np.sqrt(sizes[numbers.labels])
    classes = np.zeros((model.num_classes,) * 2)
    np.add.at(classes, numbers.labels, shares[:, None] * columns)
    mix = climbed(columns, (shares * steepest_mix(classes)[0][numbers.labels])[:, None])
    return mix[:, 0], float(np.linalg.norm(mix[:, 0] @ columns))


def _furthest(model: Model, numbers: Numbers, tangent: Tangent) -> tuple[float, Numbers]:
    """The step with the least objective on the way, found as long as it falls when the step grows by a half."""
    step, end = 1e-4, _kept(moved_along(numbers, tangent, 1e-4))
    while (further := _kept(moved_along(numbers, tangent, 1.5 * step))).value(model) < end.value(model):
        step, end = 1.5 * step, further
    return step, end


def _kept(numbers: Numbers) -> Numbers:
    """Without the features below 0."""
    return _with_features(numbers, np.maximum(numbers.features, 0))


def _best_leap(model: Model, numbers: Numbers) -> _Leap | None:
    """An escape from here, or from a point of the same objective with one coordinate less."""
    leap = _leap(model, numbers)
    if leap is not None:
        return leap
    freed = _freed(model, numbers)
    return None if freed is None else _leap(model, freed)


def _freed(model: Model, numbers: Numbers) -> Numbers | None:
    """The same logits with one coordinate less and penalties that are not larger, if w_j h_j^T are dependent.

    For sum c_j w_j h_j^T = 0 the coordinates j may be given the weights 1 + t c_j, and with them their penalties, which
    add up to a linear function of t: it falls on one side, or on none.
    """
    scaled = numbers.features * np.sqrt(numbers.counts)[:, None]
    sizes = np.linalg.norm(numbers.weights, axis=0) * np.linalg.norm(scaled, axis=0)
    if not (sizes > 0).all():
        return None
    gram = (numbers.weights.T @ numbers.weights) * (scaled.T @ scaled)  # of the w_j h_j^T
    values, vectors = np.linalg.eigh(gram / np.outer(sizes, sizes))
    if values[0] > _UNUSED**2:
        return None
    change = vectors[:, 0] / sizes
    change *= -np.copysign(1, change @ _penalties(model, numbers))
    if change.min() >= 0:
        return None
    factors = np.sqrt(np.maximum(0, 1 - change / change.min()))
    return Numbers(numbers.features * factors, numbers.labels, numbers.counts, numbers.weights * factors, numbers.bias)


def _penalties(model: Model, numbers: Numbers) -> Array:
    """That of every coordinate."""
    squares = (numbers.weights**2).sum(axis=0), numbers.counts @ numbers.features**2
    return np.asarray(float(model.lambda_weights) * squares[0] + float(model.lambda_features) * squares[1])


# --------------------------------------------------------------------------------------------- is this point optimal


def certify(model: Model, point: Any, allowed: Fraction) -> Result[Certified]:
    """By the better of two lower bounds: from the point's own class probabilities, and from the optimum."""
    given = Numbers.of(model, point)
    value, best = objective_bracket(model, given), _best_known(model)
    dual = dual_at(model, given.collapsed(model))
    lower = Fraction(min(value[0], max([Fraction(0)] + [Fraction(each.lower) for each in (dual, best) if each])))
    if best is not None and best.lower >= lower:
        dual = best.details.dual
    better = None if is_within(lower, value[1], allowed) else _better(model, given, value[0], best)
    top = Fraction(min([value[1]] + ([] if best is None else [best.upper]) + ([] if better is None else [better[1]])))
    improved = None if better is None else better[0]
    details = _details(model, point, value, (lower, top), improved, dual)
    return as_verdict(details, allowed, point_certificate(model, point, improved, value[1]))


def _details(model: Model, point: Any, value: Bracket, minimum: Bracket, better: Any, dual: Dual | None) -> Certified:
    given = Numbers.of(model, point)
    return Certified(
        model,
        point,
        value,
        minimum,
        better,
        dual,
        lambda: _gradient_norm(model, given),
        lambda: escape(model, point),
        lambda: _steepness(model, given),
        None if dual is None or not knows(model) else lambda: bound_certificate(dual),
    )


def _gradient_norm(model: Model, numbers: Numbers) -> float:
    """0 exactly at critical points: a derivative by a feature that is 0 may be positive."""
    slope = numbers.gradient(model)
    stuck = (numbers.features <= 0) & (slope.features > 0)
    return Tangent(slope.weights, np.where(stuck, 0.0, slope.features), slope.bias).norm


def _steepness(model: Model, numbers: Numbers) -> float:
    """An upper bound of |G v| / (lambda |v|) over all v >= 0, in floats: a critical point with at most 1 is global."""
    if np.array_equal(numbers.labels, np.arange(model.num_classes)):
        return class_steepness(model, numbers.logits)
    return steepness_at(model, numbers)


def _best_known(model: Model) -> Result[Optimum] | None:
    """The optimum, where that is a matter of seconds."""
    if apart_form(model) is None and model.num_classes > _MOST_CLASSES:
        return None
    return optimum(model, Fraction(1, 10**9), _STARTS, np.random.default_rng(0))


def _better(
    model: Model, given: Numbers, value: Fraction, best: Result[Optimum] | None
) -> tuple[Configuration | Features, Fraction] | None:
    """A point with a smaller objective and the upper end of that: the optimum, where it is known; or else the class
    means, an escape from there, or a step against the gradient."""
    if best is not None and best.upper < value:
        return best.configuration, Fraction(best.upper)
    means = given.collapsed(model)
    leap = _best_leap(model, means)
    for trial in (means, _downward(model, means) if leap is None else leap.end):
        end = objective_bracket(model, trial)[1]
        if end < value:
            return as_point(model, trial), end
    return None


def _downward(model: Model, numbers: Numbers) -> Numbers:
    """The end of a step against the gradient."""
    slope = numbers.gradient(model)
    against = Tangent(-slope.weights, -slope.features / numbers.counts[:, None], -slope.bias)
    return _furthest(model, numbers, against)[1]
