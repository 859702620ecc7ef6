"""Free features: the optimum of a model, and how far a point is from it."""

import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from nctheory.arrays import Array, freeze
from nctheory.blocks import Blocks
from nctheory.configuration import Configuration, Features
from nctheory.descent import downhill, newton
from nctheory.errors import InputError
from nctheory.landscape import focal
from nctheory.landscape.answers import Bracket, Certified, Optimum, as_optimum, as_verdict, is_within
from nctheory.landscape.bounds import Dual, best_bias, dual_bound, objective_bracket
from nctheory.landscape.certificates import bound_certificate, knows, point_certificate
from nctheory.landscape.closed_forms import closed_form, thresholds, truncated_bound
from nctheory.landscape.escapes import downward, escape, steepness_at
from nctheory.landscape.evaluation import Numbers, as_point
from nctheory.landscape.flat import Flat, random_start
from nctheory.landscape.model import Model
from nctheory.landscape.reduced import Formulation, solve_reduced
from nctheory.result import Result

__all__ = ["as_point", "certify", "escape", "factored", "flat", "numbers", "optimum", "solve", "start", "thresholds"]

_RANK = 1e-9  # singular values below this times the largest are taken for 0
_MOST_GROUPS = 150  # of different classes, for which `certify` solves the reduced problem
_MOST_ENTRIES = 10_000  # of weights with random starts beside better ones, or of all numbers for Newton's method
_FEW_ENTRIES = 2500  # of weights, with which a search is a matter of seconds
_ROUNDED = 1 + 1e-12  # a value may grow by so much
_PARTIAL = 3  # simplexes of some of the classes from which a search starts
_STEPS = 2000
_STARTS = 8  # of the search for what a point is compared with


def numbers(model: Model, point: Any) -> Numbers:
    """Features or a Configuration in floats."""
    return Numbers.of(model, point)


def start(model: Model, generator: np.random.Generator) -> Numbers:
    """A random collapsed point."""
    return random_start(model, generator)


def flat(model: Model, numbers: Numbers) -> Flat:
    """Vectors of points with these labels and counts."""
    return Flat.like(model, numbers)


def optimum(model: Model, allowed: Fraction, starts: int, generator: np.random.Generator) -> Result[Optimum]:
    """By a closed form, the class-reduced convex problem, or the best of several starts."""
    relaxed = None
    form = closed_form(model)
    if form is not None:
        others = tuple(factored(model, logits, form.bias) for logits in form.others)
        return _found(model, form.logits, form.bias, form.statement, allowed, form.build_exact, others=others)
    if model.loss.is_convex:
        logits, bias = solve_reduced(model, "factored", None)
        statement = "the class-reduced convex problem, solved in factors"
        found = _found(model, logits, bias, statement, allowed)
        if found.gap <= allowed:
            return found
        relaxed = found.details
    return _searched(model, allowed, starts, generator, relaxed)


def solve(model: Model, formulation: Formulation, solver: str | None, allowed: Fraction) -> Result[Optimum]:
    """By the class-reduced convex problem, whatever closed forms there are."""
    if not model.loss.is_convex:
        raise InputError(f"loss is {model.loss.name}, which is not convex; expected a convex one, or `optimum`")
    logits, bias = solve_reduced(model, formulation, solver)
    return _found(model, logits, bias, f"the class-reduced convex problem, {formulation}", allowed)


# ------------------------------------------------------------------------------------------------- from logits to ends


def factored(model: Model, logits: Array, bias: Array) -> Configuration:
    """The W and class means of least penalty among those with these class logits, or their best rank-d approximation.

    With D^(1/2) Z = U S V^T: W = q^(1/2) V S^(1/2) and D^(1/2) M = q^(-1/2) U S^(1/2), q = (lambda_H / lambda_W)^(1/2).
    """
    roots, width = np.sqrt(model.class_sizes)[:, None], model.dimension
    left, values, right = np.linalg.svd(roots * logits)
    values = np.where(values > _RANK * 1e-4 * values[0], values, 0.0)
    halves = np.sqrt(values[:width])
    means, weights = left[:, :width] * halves / roots, right[:width].T * halves
    if width > len(values):
        room = np.zeros((len(values), width - len(values)))
        means, weights = np.hstack([means, room]), np.hstack([weights, room])
    scale = math.sqrt(model.ratio)
    return Configuration(means / scale, weights * scale, bias, model.class_sizes)


def _found(
    model: Model,
    logits: Array,
    bias: Array,
    statement: str,
    allowed: Fraction,
    build_exact: Callable[[], Any] | None = None,
    relaxed: Dual | None = None,
    others: tuple[Configuration, ...] = (),
) -> Result[Optimum]:
    """The Result of class logits and bias, from both ends; below perhaps by a dual that is already known."""
    configuration = factored(model, logits, bias)
    upper = objective_bracket(model, Numbers.of(model, configuration))[1]
    lower, dual = _below(model, logits + bias, relaxed)
    if not is_within(lower, upper, allowed):
        lower = max(lower, truncated_bound(model) or lower)
    details = Optimum(model, freeze(logits), freeze(bias), statement, dual, lambda: thresholds(model), others)
    build_certificate = None
    if dual is not None and knows(model) and dual.lower >= min(lower, upper):
        build_certificate = partial(bound_certificate, dual)
    return as_optimum(details, configuration, (lower, upper), allowed, build_certificate, build_exact)


def _below(model: Model, logits: Array, relaxed: Dual | None) -> tuple[Fraction, Dual | None]:
    """A bound of the minimum from class logits, bias included, and the dual that proves it, if it is one."""
    if focal.is_focal(model):
        return focal.lower_bound(model, logits), None
    duals = [each for each in (relaxed, dual_bound(model, logits)) if each is not None]
    dual = max(duals, key=lambda each: each.lower, default=None)
    return (Fraction(0) if dual is None else max(Fraction(0), dual.lower)), dual


def _searched(
    model: Model, allowed: Fraction, starts: int, generator: np.random.Generator, relaxed: Optimum | None
) -> Result[Optimum]:
    """The best that L-BFGS reaches from random starts, and from the best approximation of the convex solution.

    Below is the convex problem's own bound, where there is one: it holds in every dimension.
    """
    points = _partial_starts(model)
    if not points or model.num_classes * model.dimension <= _MOST_ENTRIES:
        points += [random_start(model, generator) for _ in range(starts)]
    if relaxed is not None:
        points.append(Numbers.of(model, factored(model, relaxed.logits, relaxed.bias)))
    problem = Flat.like(model, points[0])
    reached = [downhill(problem, problem.of(point), steps=_STEPS, tolerance=1e-9) for point in points]
    best = problem.numbers(_polished(problem, min(reached, key=lambda point: problem.evaluate(point)[0])))
    logits = best.features @ best.weights.T
    lower = "" if model.loss.is_convex else "; below is a bound that need not be attained, as the loss is not convex"
    known = None if relaxed is None else relaxed.dual
    return _found(model, logits, best.bias, f"the best of {len(points)} starts{lower}", allowed, relaxed=known)


def _polished(problem: Flat, point: Array) -> Array:
    """By Newton's method, where that does not lead uphill and there are not too many entries."""
    if len(point) > _MOST_ENTRIES:
        return point
    end = newton(problem, point)
    return end if problem.evaluate(end)[0] <= problem.evaluate(point)[0] * _ROUNDED else point


def _partial_starts(model: Model) -> list[Numbers]:
    """For the balanced focal loss with a bias: the best simplexes, of all of the classes or some."""
    if not focal.is_focal(model) or not model.bias or not model.is_balanced:
        return []
    if model.dimension < model.num_classes - 1:
        return []
    tables = [each.logits(model.num_classes) for each in focal.partial_simplexes(model)[:_PARTIAL]]
    tables += [focal.full_simplex(model)]
    return [Numbers.of(model, factored(model, *table)) for table in tables]


# --------------------------------------------------------------------------------------------- is this point optimal


def certify(model: Model, point: Any, allowed: Fraction) -> Result[Certified]:
    """By the better of two lower bounds: from the point's own class probabilities, and from the optimum."""
    given = Numbers.of(model, point)
    value = objective_bracket(model, given)
    means = given.collapsed(model)
    best = _best_known(model)
    own, dual = _below_at(model, means)
    lower = Fraction(min(value[0], max(own, _ends(best)[0])))
    if best is not None and _ends(best)[0] >= lower:
        dual = best.details.dual
    near = is_within(lower, value[1], allowed)
    better, end = (None, value[1]) if near else _better(model, means, value, best)
    top = Fraction(min(value[1], end, _ends(best)[1]))
    details = _details(model, point, value, (lower, top), better, dual)
    return as_verdict(details, allowed, point_certificate(model, point, better, value[1]))


def _details(model: Model, point: Any, value: Bracket, minimum: Bracket, better: Any, dual: Dual | None) -> Certified:
    return Certified(
        model,
        point,
        value,
        minimum,
        better,
        dual,
        lambda: Numbers.of(model, point).gradient(model).norm,
        lambda: escape(model, point),
        lambda: steepness_at(model, Numbers.of(model, point)),
        None if dual is None or not knows(model) else lambda: bound_certificate(dual),
    )


def _ends(found: Result[Optimum] | None) -> tuple[Fraction | float, Fraction | float]:
    """What is known of min F from below and from above."""
    return (-math.inf, math.inf) if found is None else (found.lower, found.upper)


def _best_known(model: Model) -> Result[Optimum] | None:
    """The optimum, where that is a matter of seconds."""
    if closed_form(model) is None:
        groups = len(Blocks.of(model.class_sizes, model.multipliers).first)
        searched = focal.is_focal(model) and model.num_classes * model.dimension <= _FEW_ENTRIES
        if groups > _MOST_GROUPS or not (model.loss.is_convex or searched):
            return None
    return optimum(model, Fraction(1, 10**9), _STARTS, np.random.default_rng(0))


def _below_at(model: Model, numbers: Numbers) -> tuple[Fraction, Dual | None]:
    """The bound at class means, where their logits are given the best bias: no worse than at the samples."""
    logits = numbers.features @ numbers.weights.T
    if focal.is_focal(model):
        return _below(model, logits + numbers.bias, None)
    return _below(model, logits + (best_bias(model, logits) if model.bias else 0), None)


def _better(
    model: Model, means: Numbers, value: Bracket, best: Result[Optimum] | None
) -> tuple[Configuration | Features | None, Fraction]:
    """A point with a smaller objective and the upper end of that: the optimum, where it is known; or else the class
    means, an escape from there, or a step against the gradient."""
    if best is not None and best.upper < value[0]:
        return best.configuration, Fraction(best.upper)
    collapsed = as_point(model, means)
    end = objective_bracket(model, means)[1]
    if end < value[0]:
        return collapsed, end
    leap = escape(model, collapsed)
    moved = downward(model, collapsed) if leap is None else (leap.point, leap.objective[1])
    return (moved[0], moved[1]) if moved is not None and moved[1] < value[0] else (None, value[1])
