"""What the last layer should be, and whether this one is: the optimum of a model, and how far a point is from it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from nctheory import kernel
from nctheory.arrays import Array, Seed, checked_generator, checked_tolerance, freeze, positive_integer
from nctheory.blocks import Blocks
from nctheory.configuration import Configuration, Features
from nctheory.descent import downhill
from nctheory.errors import InputError
from nctheory.landscape.bounds import Dual, best_bias, dual_bound, objective_bracket
from nctheory.landscape.certificates import bound_certificate, decrease_certificate, knows, objective_certificate
from nctheory.landscape.closed_forms import closed_form, thresholds, truncated_bound
from nctheory.landscape.escapes import Escape, downward, escape, steepness_at
from nctheory.landscape.flat import Flat, random_start
from nctheory.landscape.model import Model, Numbers, point_of
from nctheory.landscape.reduced import Formulation, solve_reduced
from nctheory.losses import BinaryCrossEntropy, SquaredError
from nctheory.result import Certificate, Result, Status

__all__ = ["Certified", "Optimum", "certify", "optimum", "solve"]

_RANK = 1e-9  # singular values below this times the largest are taken for 0
_MOST_GROUPS = 150  # of different classes, for which `certify` solves the reduced problem
_STEPS = 2000

Bracket = tuple[Fraction, Fraction]


@dataclass(frozen=True, eq=False)
class Optimum:
    """What `optimum` knows, in floats: class logits and what follows from them.

    `logits` (K, K): row k holds <w_c, h_k>, without the bias (K,). `statement` names the closed form or method. `rank`
    is that of the logits, up to rounding. `thresholds` says from which lambda = (lambda_W lambda_H)^(1/2) on what has
    collapsed. `invariance` names what leaves the objective as it is, so that the configuration is one of many. `dual`
    proves the lower end, where a dual matrix does.
    """

    model: Model
    logits: Array
    bias: Array
    statement: str
    dual: Dual | None

    @cached_property
    def thresholds(self) -> Mapping[str, float]:
        """From which lambda on what has collapsed."""
        return thresholds(self.model)

    @cached_property
    def singular_values(self) -> Array:
        """Of the logits of all samples, falling."""
        return np.asarray(np.linalg.svd(np.sqrt(self.model.class_sizes)[:, None] * self.logits, compute_uv=False))

    @property
    def rank(self) -> int:
        """How many of them are not 0."""
        return int((self.singular_values > _RANK * max(1.0, float(self.singular_values[0]))).sum())

    @property
    def invariance(self) -> str:
        """The group of symmetries, in words."""
        alike = Blocks.of(self.model.class_sizes, self.model.multipliers).members
        parts = [f"rotations of the feature space, O({self.model.dimension})"]
        if (alike > 1).any():
            parts.append(
                "permutations of classes of one size" + (" and weight" if self.model.class_weights is not None else "")
            )
        separate = isinstance(self.model.loss, SquaredError | BinaryCrossEntropy)
        if self.model.bias and not self.model.lambda_bias and not separate:
            parts.append("a common shift of all biases")
        return "; ".join(parts)


def optimum(model: Model, *, tolerance: float = 1e-9, starts: int = 8, seed: Seed = 0) -> Result[Optimum]:
    """The least value of a model's objective, and a configuration that attains it.

    Formula:
        min over W, H, b of F. Closed forms where a statement covers the model; else, for a convex loss, the
        class-reduced convex problem min (1/N) sum_k n_k u_k l(z_k + b, k) + lambda |D^(1/2) Z|_* + lambda_b |b|^2 / 2,
        if its optimum has a rank of at most d; else the best of several starts.
    Args:
        model: a Model.
        tolerance: relative gap up to which the status is near_optimal.
        starts: how many random starts are tried where nothing else is known.
        seed: of these starts.
    Assumes:
        What Model assumes.
    Returns:
        Result with lower <= min F <= upper, whatever the method: the upper end is F at the configuration, the lower one
        comes from a dual matrix (or, for the squared error in few dimensions, from its largest modes), both with bounds
        on all rounding errors. `exact` is a SymPy number in some closed forms, `details` an Optimum, `certificate` the
        kernel's claim of the lower end. Status optimal, near_optimal, or undecided where the ends are apart.
    Raises:
        InputError: no model, a tolerance below 0.
    Reference:
        zhu2021, theorem 3.1; zhou2022; thrampoulidis2022, section 4; dang2023.
    Example:
        >>> from nctheory.landscape import Model, optimum
        >>> found = optimum(Model([4, 4, 4], regularization=(1 / 12, 1 / 12)))
        >>> round(found.value, 12), found.details.rank
        (0.867563228481, 2)
    """
    allowed, relaxed = checked_tolerance(tolerance), None
    form = closed_form(_checked(model))
    if form is not None:
        return _found(model, form.logits, form.bias, form.statement, allowed, form.build_exact)
    if model.loss.is_convex:
        logits, bias = solve_reduced(model, "factored", None)
        statement = "the class-reduced convex problem, solved in factors"
        found = _found(model, logits, bias, statement, allowed)
        if found.gap <= allowed:
            return found
        relaxed = found.details
    return _searched(model, allowed, positive_integer(starts, "starts"), checked_generator(seed), relaxed)


def solve(
    model: Model, *, formulation: Formulation = "convex", solver: str | None = None, tolerance: float = 1e-9
) -> Result[Optimum]:
    """The class-reduced convex problem by numerical optimization, whatever closed forms there are.

    Formula:
        min over Z (K, K) and b of (1/N) sum_k n_k u_k l(z_k + b, k) + lambda |D^(1/2) Z|_* [+ lambda_b |b|^2 / 2],
        classes of one size and weight treated alike.
    Args:
        model: a Model with a convex loss.
        formulation: "convex", by cvxpy and then polished, or "factored", by L-BFGS and Newton's method.
        solver: the name of an installed cvxpy solver; Clarabel where left out.
        tolerance: relative gap up to which the status is near_optimal.
    Assumes:
        d is at least the rank of the solution; else the lower end still holds, and the upper one is F of its best
        approximation in d dimensions.
    Returns:
        Result as from `optimum`.
    Raises:
        InputError: a loss that is not convex, an unknown formulation or solver. SolverError: no solution.
    Reference:
        thrampoulidis2022, section 4; haeffele2015 (factored nuclear norm).
    Example:
        >>> from nctheory.landscape import Model, solve
        >>> found = solve(Model([5, 1], regularization=(0.1, 0.1), bias=True), formulation="factored")
        >>> print(found.status)
        near_optimal
    """
    allowed = checked_tolerance(tolerance)
    if not _checked(model).loss.is_convex:
        raise InputError(f"loss is {model.loss.name}, which is not convex; expected a convex one, or `optimum`")
    if formulation not in ("convex", "factored"):
        raise InputError(f"formulation is {formulation!r}, expected 'convex' or 'factored'")
    logits, bias = solve_reduced(model, formulation, solver)
    return _found(model, logits, bias, f"the class-reduced convex problem, {formulation}", allowed)


def _checked(model: Any) -> Model:
    if not isinstance(model, Model):
        raise InputError(f"model is of type {type(model).__name__}, expected a landscape.Model")
    return model


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
) -> Result[Optimum]:
    """The Result of class logits and bias, from both ends; below perhaps by a dual that is already known."""
    configuration = factored(model, logits, bias)
    upper = objective_bracket(model, Numbers.of(model, configuration))[1]
    dual = max(
        (each for each in (relaxed, dual_bound(model, logits + bias)) if each is not None),
        key=lambda each: each.lower,
        default=None,
    )
    lower = Fraction(0) if dual is None else max(Fraction(0), dual.lower)
    if _relative(upper - lower, upper) > allowed:
        lower = max(lower, truncated_bound(model) or lower)
    lower = min(upper, lower)
    gap = _relative(upper - lower, upper)
    details = Optimum(model, freeze(logits), freeze(bias), statement, dual)
    status = Status.NEAR_OPTIMAL if gap <= allowed else Status.UNDECIDED
    reason = f"{statement}; the ends are {float(gap):.2g} apart, relatively"
    if gap > allowed:
        reason += "; a better bound or configuration would decide"
    return Result(
        lower=lower,
        upper=upper,
        details=details,
        status=status,
        gap=gap,
        reason=reason,
        build_configuration=lambda: configuration,
        build_certificate=None
        if dual is None or dual.lower < lower or not knows(model)
        else lambda: bound_certificate(dual),
        build_exact=build_exact if gap <= allowed else None,
    )


def _relative(difference: Fraction, value: Fraction) -> Fraction:
    return difference / value if value > 0 else Fraction(1)


def _searched(
    model: Model, allowed: Fraction, starts: int, generator: np.random.Generator, relaxed: Optimum | None
) -> Result[Optimum]:
    """The best that L-BFGS reaches from random starts, and from the best approximation of the convex solution.

    Below is the convex problem's own bound, where there is one: it holds in every dimension.
    """
    points = [random_start(model, generator) for _ in range(starts)]
    if relaxed is not None:
        points.append(Numbers.of(model, factored(model, relaxed.logits, relaxed.bias)))
    flat = Flat.like(model, points[0])
    reached = [downhill(flat, flat.of(point), steps=_STEPS, tolerance=1e-9) for point in points]
    best = flat.numbers(min(reached, key=lambda point: flat.evaluate(point)[0]))
    logits = best.features @ best.weights.T
    lower = "" if model.loss.is_convex else ", and below is nothing but 0, as the loss is not convex"
    known = None if relaxed is None else relaxed.dual
    return _found(model, logits, best.bias, f"the best of {len(points)} starts{lower}", allowed, relaxed=known)


# --------------------------------------------------------------------------------------------- is this point optimal


@dataclass(frozen=True, eq=False)
class Certified:
    """What `certify` knows about a point.

    `objective` and `minimum` are brackets of F there and of min F. `better` is a point of strictly smaller objective,
    where one is known. What follows is numerical, and computed on first use: `gradient_norm`; `steepness`, which is
    |G|_2 / lambda with G (K, N) the derivative of the mean loss by all logits: a critical point with a steepness of at
    most 1 is a global optimum, if the loss is convex; and `escape`, a direction of negative curvature, or None.
    """

    model: Model
    point: Configuration | Features
    objective: Bracket
    minimum: Bracket
    better: Configuration | Features | None
    dual: Dual | None

    @cached_property
    def gradient_norm(self) -> float:
        """|grad F|, in floats."""
        return Numbers.of(self.model, self.point).gradient(self.model).norm

    @cached_property
    def steepness(self) -> float:
        """|G|_2 / lambda, in floats."""
        return steepness_at(self.model, Numbers.of(self.model, self.point))

    @cached_property
    def escape(self) -> Escape | None:
        """A direction of negative curvature with a step along it."""
        return escape(self.model, self.point)

    @property
    def bound_certificate(self) -> Certificate | None:
        """The kernel's claim that no point is below a number, the minimum's lower end where `dual` proves that."""
        return None if self.dual is None or not knows(self.model) else bound_certificate(self.dual)


def certify(model: Model, point: Any, *, tolerance: float = 1e-9) -> Result[Certified]:
    """How far a point of a model is from the minimum over all points, rigorously, and a better one where there is one.

    Formula:
        ratio = min F / F(point) in (0, 1]. min F >= (1/N) sum_k n_k u_k Ent(t_k + theta (p_k - t_k)), theta =
        min(1, lambda / |G|_2), for cross-entropy at any point with class probabilities p_k and targets t_k; so for
        other convex losses, with their conjugates.
    Args:
        model: a Model.
        point: Features with weights, or a Configuration with weights and class_sizes, of the model's sizes.
        tolerance: relative gap up to which the status is near_optimal.
    Assumes:
        Features are free variables: what is compared with is the best features of any kind, not those of a network.
    Returns:
        Result with lower <= ratio <= upper, gap = 1 - lower, and status near_optimal (gap at most the tolerance),
        improvable (`configuration` has a strictly smaller objective) or undecided. Its certificate says that the
        objective is at most a number or, where improvable, that the better point's is smaller.
    Raises:
        InputError: a point that is not of this model, a tolerance below 0.
    Reference:
        zhu2021, theorem 3.2; haeffele2015.
    Example:
        >>> import numpy as np
        >>> from nctheory import Configuration
        >>> from nctheory.landscape import Model, certify
        >>> model = Model([4, 4, 4], regularization=(1 / 12, 1 / 12))
        >>> zero = Configuration(np.zeros((3, 3)), np.zeros((3, 3)), class_sizes=[4, 4, 4])
        >>> found = certify(model, zero)
        >>> print(found.status, round(float(found.upper), 6), found.details.escape is not None)
        improvable 0.78969 True
    """
    allowed = checked_tolerance(tolerance)
    numbers = Numbers.of(_checked(model), point)
    value = objective_bracket(model, numbers)
    means = numbers.collapsed(model)
    best, dual = _best_known(model), _dual_at(model, means)
    lower = Fraction(min(value[0], max(Fraction(0), *(_ends(each)[0] for each in (dual, best)))))
    if best is not None and _ends(best)[0] >= lower:
        dual = best.details.dual
    ratio = _relative(lower, value[1])
    better, end = _better(model, means, value, best) if 1 - ratio > allowed else (None, value[1])
    top = Fraction(min(value[1], end, _ends(best)[1]))
    details = Certified(model, point, value, (lower, top), better, dual)
    status, reason = _verdict(ratio, allowed, better)
    return Result(
        lower=ratio,
        upper=min(Fraction(1), top / value[0]) if value[0] > 0 else Fraction(1),
        details=details,
        status=status,
        gap=1 - ratio,
        reason=reason,
        build_configuration=lambda: better,
        build_certificate=_when_small(model, point, better, value[1]),
    )


def _ends(found: Dual | Result[Optimum] | None) -> tuple[Fraction | float, Fraction | float]:
    """What is known of min F from below and from above."""
    if isinstance(found, Dual):
        return found.lower, math.inf
    return (-math.inf, math.inf) if found is None else (found.lower, found.upper)


def _best_known(model: Model) -> Result[Optimum] | None:
    """The optimum, where that is a matter of seconds."""
    if closed_form(model) is None:
        groups = len(Blocks.of(model.class_sizes, model.multipliers).first)
        if groups > _MOST_GROUPS or not model.loss.is_convex:
            return None
    return optimum(model)


def _dual_at(model: Model, numbers: Numbers) -> Dual | None:
    """The bound at class means, where their logits are given the best bias: no worse than at the samples."""
    logits = numbers.features @ numbers.weights.T
    return dual_bound(model, logits + (best_bias(model, logits) if model.bias else 0))


def _better(
    model: Model, means: Numbers, value: Bracket, best: Result[Optimum] | None
) -> tuple[Configuration | Features | None, Fraction]:
    """A point with a smaller objective and the upper end of that: the optimum, where it is known; or else the class
    means, an escape from there, or a step against the gradient."""
    if best is not None and best.upper < value[0]:
        return best.configuration, Fraction(best.upper)
    collapsed = Configuration(means.features, means.weights, means.bias, model.class_sizes)
    end = objective_bracket(model, means)[1]
    if end < value[0]:
        return collapsed, end
    leap = escape(model, collapsed)
    moved = downward(model, collapsed) if leap is None else (leap.point, leap.objective[1])
    return (moved[0], moved[1]) if moved is not None and moved[1] < value[0] else (None, value[1])


def _verdict(ratio: Fraction, allowed: Fraction, better: Any) -> tuple[Status, str]:
    if 1 - ratio <= allowed:
        return Status.NEAR_OPTIMAL, f"within {float(1 - ratio):.3g} of the minimum"
    if better is not None:
        return Status.IMPROVABLE, "a strictly better point is attached"
    return Status.UNDECIDED, f"at most {float(1 - ratio):.3g} above the minimum; a better bound or point would decide"


def _when_small(model: Model, point: Any, better: Any, value: Fraction) -> Callable[[], Certificate] | None:
    """Nothing where there are more numbers than the kernel reads, or it does not know the loss."""
    found = point_of(model, point)
    numbers = (len(found.labels) + model.num_classes) * (model.dimension + 1) * (1 if better is None else 2)
    if numbers >= kernel.MAX_NUMBERS or not knows(model):
        return None
    if better is None:
        return lambda: objective_certificate(model, point, value)
    return lambda: decrease_certificate(model, point, better)
