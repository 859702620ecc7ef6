"""Spheres: features and classifiers of norm 1, cross-entropy of temperature <w_c, h_i>, and no penalty.

Features of one class may be taken equal: given W, every sample has the same problem as the others of its class. So the
minimum is over K weights and K features, and F is convex in their Gram matrix, which has a diagonal of ones: without
a bound on its rank that is a semidefinite problem.

For d >= K its solutions are what descent finds. At a critical point beta_i h_i is a positive multiple of w_y - sum_c
p_c w_c. beta_i = 0 makes w_y a mean of unit vectors, so that all weights are equal: F = log K, and such a point is no
minimum. Where beta_i < 0 the curvature along a direction r of h_i in which all weights agree is beta_i |r|^2, and such
an r is orthogonal to h_i. Where all beta_i > 0, sum alpha = sum beta > 0, and sum_c alpha_c w_c = -H^T G 1 = 0: the
weights have a rank of at most K - 1, the features are in their span, and S (see sphere_points.py) is positive
semidefinite or has a direction to go down. So local minima are global for d >= K, their rank is at most K - 1, and the
minimum is the same for all d >= K - 1, whatever the class sizes.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from typing import Any

import numpy as np

from nctheory import solver as solvers
from nctheory.arrays import Array, freeze
from nctheory.constructions import simplex_etf
from nctheory.descent import downhill, newton
from nctheory.errors import SolverError
from nctheory.landscape.answers import Bracket, Certified, Escape, Optimum, as_optimum, as_verdict, is_within
from nctheory.landscape.certificates import bound_certificate, point_certificate
from nctheory.landscape.escapes import best_step
from nctheory.landscape.evaluation import Numbers, Tangent, as_point
from nctheory.landscape.model import Model
from nctheory.landscape.reduced import Formulation
from nctheory.landscape.sphere_bounds import SphereDual, sphere_bound, sphere_bracket
from nctheory.landscape.sphere_points import OnSpheres, SphereFlat, along_circles, random_point
from nctheory.result import Result

__all__ = [
    "SphereCertified",
    "as_point",
    "certify",
    "collapse_imbalance",
    "escape",
    "flat",
    "numbers",
    "optimum",
    "solve",
    "start",
    "thresholds",
]

_STEPS = 3000
_ROUNDS = 10  # of descent
_GAIN = 1e-6  # of the value, which is worth another round
_STARTS = 8
_MOST_SIGNS = 14  # classes on a line, all signs of whose weights are tried
_SEED = 0
_LEAST_UNIT = 1e-140  # squares of slopes over it are floats
_NOISE = 1e-2  # of the start, next to the simplex
_MOST_CLASSES = 150  # for which `certify` looks for the optimum
_MOST_TANGENTS = 600  # for which `escape` takes the whole Hessian
_UNUSED = 1e-6  # singular values of unit rows below this are taken for 0
_BELOW = 1e-7  # by how much an eigenvalue has to be below 0, next to the largest entry


def numbers(model: Model, point: Any) -> OnSpheres:
    """Features or a Configuration in floats, rows divided by their norms."""
    return OnSpheres.of(model, point)


def start(model: Model, generator: np.random.Generator) -> OnSpheres:
    """A random collapsed point."""
    return random_point(model, generator)


def flat(model: Model, numbers: OnSpheres) -> SphereFlat:
    """Vectors of points with these labels and counts; the unit of values is what a simplex would have."""
    size = model.num_classes
    gap = float(model.temperature or 0) * size / max(1, size - 1)
    return SphereFlat.like(model, numbers, max(_LEAST_UNIT, (size - 1) * math.exp(-gap) / size))


# ------------------------------------------------------------------------------------------------------------- optimum


def optimum(model: Model, allowed: Fraction, starts: int, generator: np.random.Generator) -> Result[Optimum]:
    """In closed form; else by descent in K dimensions, and below K - 1 by searching, where that is not enough."""
    form = _closed_form(model)
    if form is not None:
        return _found(model, *form[:2], allowed, build_exact=form[2])
    best = _polished(_widened(model), _near_simplex(_widened(model)))
    if model.dimension == 1 and model.num_classes <= _MOST_SIGNS:
        return _found(model, _best_signs(model), "the best of all signs", allowed, _class_logits(model, best))
    statement = "descent in K dimensions, where no local minimum is worse"
    found = _found(model, _narrowed(model, best), statement, allowed)
    if found.gap <= allowed or model.dimension >= model.num_classes - 1:
        return found
    points = [_narrowed(model, best), *(random_point(model, generator) for _ in range(starts))]
    return _searched(model, points, _class_logits(model, best), allowed)


def solve(model: Model, formulation: Formulation, solver: str | None, allowed: Fraction) -> Result[Optimum]:
    """By the semidefinite problem of the Gram matrix, or that in factors of K columns, whatever closed forms there are.

    Below K - 1 dimensions its value is a bound, and the best rank-d approximation is where descent starts.
    """
    wide = _widened(model)
    first = _relaxed(wide, solver) if formulation == "convex" else _near_simplex(wide)
    best = _polished(wide, first)
    if model.dimension >= model.num_classes - 1:
        return _found(model, _narrowed(model, best), f"the semidefinite problem, {formulation}", allowed)
    return _searched(model, [_narrowed(model, best)], _class_logits(model, best), allowed)


def _closed_form(model: Model) -> tuple[OnSpheres, str, Callable[[], Any]] | None:
    """A simplex where classes are of one size, or two; or all on one line, where one class is so large that all others,
    of one size, coincide."""
    size = model.num_classes
    if model.dimension >= size - 1 and (size == 2 or model.is_balanced):
        points = simplex_etf(size, model.dimension)
        return OnSpheres.of_classes(model, points, points), "on spheres: a simplex ETF", partial(_simplex_value, model)
    level = collapse_imbalance(model)
    if level is None or model.class_sizes.max() < level * model.class_sizes.min():
        return None
    points = np.zeros((size, model.dimension))
    points[:, 0] = np.where(model.class_sizes == model.class_sizes.max(), 1.0, -1.0)
    statement = "on spheres, one class so large that all others coincide, opposite to it"
    return OnSpheres.of_classes(model, points, points), statement, partial(_merged_value, model)


def collapse_imbalance(model: Model) -> float | None:
    """n_A / n_B from which on m >= 2 classes of n_B samples coincide beside one of n_A > n_B; None for other sizes.

    With x = e^(-2 tau), q_A = x / (1 + m x) and q_B = x / (m + x): where they coincide, G has the rows tau n_A / N (-m
    q_A, q_A, ...) and tau n_B / N (q_B, p, ..., p - 1, ..., p), m p = 1 - q_B. On differences of the small classes S is
    [[alpha, -g], [-g, beta]], g = tau n_B / N, beta = 2 q_B g, alpha = (n_A / n_B q_A + q_B) g; on the rest, with signs
    changed as those of the points, it has no positive entries off the diagonal and rows of sum 0. So it is positive
    semidefinite exactly where 2 q_B (q_A n_A / n_B + q_B) >= 1.
    """
    few, most = int(model.class_sizes.min()), int(model.class_sizes.max())
    small = int((model.class_sizes == few).sum())
    if small < 2 or few == most or small != model.num_classes - 1:
        return None
    rest = math.exp(-2 * float(model.temperature or 0))
    if rest < 1e-150:
        return math.inf
    large_wrong, small_wrong = rest / (1 + small * rest), rest / (small + rest)
    return (1 / (2 * small_wrong) - small_wrong) / large_wrong


def thresholds(model: Model) -> dict[str, float]:
    """The ratio of class sizes from which on small classes coincide, where it is known."""
    level = collapse_imbalance(model)
    return {} if level is None else {"minority collapse": level}


def _best_signs(model: Model) -> OnSpheres:
    """In one dimension all rows are 1 or -1: the best of all signs of weights, and for each class of its feature."""
    size = model.num_classes
    signs = np.array(list(itertools.product((1.0, -1.0), repeat=size - 1)))
    weights = np.hstack([np.ones((len(signs), 1)), signs])
    logits = float(model.temperature or 0) * np.stack([weights, -weights])
    losses = np.logaddexp.reduce(logits, axis=2)[:, :, None] - logits
    best = int(np.argmin(losses.min(axis=0) @ model.class_sizes))
    features = np.where(losses[0, best] <= losses[1, best], 1.0, -1.0)
    return OnSpheres.of_classes(model, weights[best][:, None], features[:, None])


def _near_simplex(model: Model) -> OnSpheres:
    """A fixed point near the simplex, which need not be critical, in no symmetric position."""
    points = simplex_etf(model.num_classes, model.dimension)
    noise = _NOISE * np.random.default_rng(_SEED).standard_normal((2, *points.shape))
    return OnSpheres.of_classes(model, points + noise[0], points + noise[1])


def _widened(model: Model) -> Model:
    """The model in K dimensions."""
    return model.replace(dimension=model.num_classes)


def _narrowed(model: Model, numbers: OnSpheres) -> OnSpheres:
    """The point in the d dimensions where its rows are longest: the same one, where their rank is at most d."""
    rows = np.vstack([numbers.weights, numbers.features])
    left, values = np.linalg.svd(rows, full_matrices=False)[:2]
    kept = (left * values)[:, : model.dimension]
    kept = np.pad(kept, ((0, 0), (0, model.dimension - kept.shape[1])))
    return OnSpheres.of_classes(model, kept[: model.num_classes], kept[model.num_classes :])


def _class_logits(model: Model, numbers: OnSpheres) -> Array:
    """(K, K) of a collapsed point."""
    return np.asarray(float(model.temperature or 0) * (numbers.features @ numbers.weights.T))


def _polished(model: Model, numbers: OnSpheres) -> OnSpheres:
    """L-BFGS and Newton's method, from rows of norm 1 and with the value for a unit, until that stays as it is."""
    for _ in range(_ROUNDS):
        before = max(numbers.value(model), _LEAST_UNIT)
        problem = SphereFlat.like(model, numbers, before)
        reached = downhill(problem, problem.of(numbers), steps=_STEPS, tolerance=1e-9)
        numbers = problem.numbers(newton(problem, reached))
        if numbers.value(model) > before * (1 - _GAIN):
            break
    return numbers


def _searched(model: Model, points: list[OnSpheres], relaxed: Array, allowed: Fraction) -> Result[Optimum]:
    """The best that descent reaches from these points; below is the bound of the problem in any dimension."""
    best = min((_polished(model, point) for point in points), key=lambda point: point.value(model))
    statement = f"the best of {len(points)} starts; below K - 1 dimensions there are local minima that are not global"
    return _found(model, best, statement, allowed, relaxed)


def _found(
    model: Model,
    numbers: OnSpheres,
    statement: str,
    allowed: Fraction,
    relaxed: Array | None = None,
    build_exact: Callable[[], Any] | None = None,
) -> Result[Optimum]:
    """The Result of a collapsed point, from both ends; below perhaps also from the class logits of another one."""
    logits = _class_logits(model, numbers)
    configuration = as_point(model, numbers)
    candidates = [sphere_bound(model, each) for each in (logits, relaxed) if each is not None]
    dual = max((each for each in candidates if each is not None), key=lambda each: each.lower, default=None)
    ends = (Fraction(0) if dual is None else dual.lower), _bracket(model, configuration)[1]
    bias = np.zeros(model.num_classes)
    details = Optimum(model, freeze(logits), freeze(bias), statement, dual, lambda: thresholds(model))
    build_certificate = None if dual is None else partial(bound_certificate, dual)
    return as_optimum(details, configuration, ends, allowed, build_certificate, build_exact)


def _simplex_value(model: Model) -> Any:
    """F of a simplex, by SymPy."""
    import sympy

    size, scale = model.num_classes, _exact_temperature(model)
    return sympy.log(1 + (size - 1) * sympy.exp(-scale * sympy.Rational(size, size - 1)))


def _merged_value(model: Model) -> Any:
    """F where one class is opposite to all others, by SymPy."""
    import sympy

    small, rest = model.num_classes - 1, sympy.exp(-2 * _exact_temperature(model))
    share = sympy.Rational(int(model.class_sizes.max()), model.num_samples)
    return share * sympy.log(1 + small * rest) + (1 - share) * sympy.log(small + rest)


def _exact_temperature(model: Model) -> Any:
    import sympy

    scale = model.temperature or Fraction(0)
    return sympy.Rational(scale.numerator, scale.denominator)


def _relaxed(model: Model, solver: str | None) -> OnSpheres:
    """The semidefinite problem by cvxpy, in the d dimensions where its solution is longest."""
    cp, size = solvers.load(), model.num_classes
    gram = cp.Variable((2 * size, 2 * size), PSD=True)
    logits = float(model.temperature or 0) * gram[size:, :size]
    margins = logits - cp.reshape(cp.diag(logits), (size, 1), order="C") @ np.ones((1, size))
    objective = cp.Minimize(model.class_sizes / model.num_samples @ cp.log_sum_exp(margins, axis=1))
    problem = cp.Problem(objective, [cp.diag(gram) == 1])
    solution = solvers.solve_tightly(problem, solver=solver, name="semidefinite problem on spheres")
    if not np.isfinite(gram.value).all():
        raise SolverError(f"{solution.name}: {solution.solver} ended with {solution.status!r} and no finite numbers")
    values, vectors = np.linalg.eigh(gram.value)
    rows = (vectors * np.sqrt(np.maximum(values, 0)))[:, ::-1][:, : model.dimension]
    return OnSpheres.of_classes(model, rows[:size], rows[size:])


# --------------------------------------------------------------------------------------------- is this point optimal


@dataclass(frozen=True, eq=False)
class SphereCertified(Certified):
    """What `certify` knows about a point on spheres.

    `steepness` is |diag(alpha)^(-1/2) G^T diag(beta)^(-1/2)|_2, infinite where some alpha or beta is not positive, and
    `least_eigenvalue` that of S = [[diag alpha, G^T], [G, diag beta]], both in floats: a critical point is a global
    optimum where the first is at most 1, and the second then 0.
    """

    build_least_eigenvalue: Callable[[], float] = float

    @cached_property
    def least_eigenvalue(self) -> float:
        """Of S; where it is below 0, it is the curvature of `escape`, if a dimension is left unused."""
        return self.build_least_eigenvalue()


def certify(model: Model, point: Any, allowed: Fraction) -> Result[Certified]:
    """By the better of two lower bounds: from the point's own class probabilities, and from the optimum."""
    given = OnSpheres.of(model, point)
    value = _bracket(model, point)
    best = _best_known(model)
    dual = sphere_bound(model, _class_logits(model, given.collapsed(model)))
    lower = Fraction(0) if dual is None else max(Fraction(0), dual.lower)
    if best is not None and best.lower >= lower:
        lower, dual = Fraction(best.lower), best.details.dual
    lower = max(Fraction(0), min(lower, value[0]))
    near = is_within(lower, value[1], allowed)
    better, top = (None, value[1]) if near else _better(model, point, value, best)
    if best is not None:
        top = min(top, Fraction(best.upper))
    details = _details(model, point, value, (lower, top), better, dual)
    return as_verdict(details, allowed, point_certificate(model, point, better, value[1]))


def _details(
    model: Model, point: Any, value: Bracket, minimum: Bracket, better: Any, dual: SphereDual | None
) -> SphereCertified:
    given = OnSpheres.of(model, point)
    return SphereCertified(
        model,
        point,
        value,
        minimum,
        better,
        dual,
        lambda: given.gradient(model).norm,
        lambda: escape(model, point),
        lambda: given.steepness(model),
        None if dual is None else partial(bound_certificate, dual),
        lambda: float(np.linalg.eigvalsh(given.certificate_matrix(model))[0]),
    )


def _bracket(model: Model, point: Any) -> Bracket:
    """F at the rows of a point divided by their norms, from both sides."""
    given = Numbers.of(model, point)
    return sphere_bracket(model, given.weights, given.features, given.labels, given.counts)


def _best_known(model: Model) -> Result[Optimum] | None:
    """The optimum, where that is a matter of seconds."""
    if model.num_classes > _MOST_CLASSES and not model.is_balanced:
        return None
    return optimum(model, Fraction(1, 10**9), _STARTS, np.random.default_rng(0))


def _better(model: Model, point: Any, value: Bracket, best: Result[Optimum] | None) -> tuple[Any, Fraction]:
    """A point with a smaller objective and the upper end of that: the optimum, or an escape, or a step downhill."""
    if best is not None and best.upper < value[0]:
        return best.configuration, Fraction(best.upper)
    leap = escape(model, point)
    if leap is not None:
        return leap.point, leap.objective[1]
    given = OnSpheres.of(model, point)
    slope = given.gradient(model)
    against = Tangent(-slope.weights, -slope.features / given.counts[:, None], slope.bias)
    moved = as_point(model, _best_move(model, given, against)[1], point)
    end = _bracket(model, moved)[1]
    return (moved, end) if end < value[0] else (None, value[1])


# -------------------------------------------------------------------------------------------------------------- escape


def escape(model: Model, point: Any) -> Escape | None:
    """Along (u a^T, v a^T), (u, v) the eigenvector of S of least eigenvalue, which is the curvature, and a unit vector
    a that is orthogonal to all rows; where there is none, along that of the Riemannian Hessian, if it is small."""
    given = OnSpheres.of(model, point)
    found = _unused_descent(model, given) or _least_curvature(model, given)
    if found is None:
        return None
    curvature, tangent = found
    step, moved = _best_move(model, given, tangent)
    end, reached = as_point(model, moved, point), _bracket(model, point)[0]
    bracket = _bracket(model, end)
    if bracket[1] >= reached:
        return None
    return Escape(tangent, curvature, given.steepness(model), step, end, bracket)


def _unused_descent(model: Model, given: OnSpheres) -> tuple[float, Tangent] | None:
    """The least eigenvalue of S and its direction; rows that stand for n samples turn by n^(-1/2) v."""
    unused = _unused_direction(np.vstack([given.weights, given.features]))
    if unused is None:
        return None
    table = given.certificate_matrix(model)
    values, vectors = np.linalg.eigh(table)
    if values[0] >= -_BELOW * np.abs(table).max():
        return None
    left, right = np.split(vectors[:, 0], [model.num_classes])
    turns = np.outer(left, unused), np.outer(right / np.sqrt(given.counts), unused)
    return float(values[0]), Tangent(*turns, np.zeros(model.num_classes))


def _unused_direction(rows: Array) -> Array | None:
    """A unit vector a orthogonal to all of these unit rows, up to rounding."""
    values, vectors = np.linalg.svd(np.linalg.qr(rows, mode="r"))[1:]
    full = len(values) == rows.shape[1]
    return None if full and values[-1] > _UNUSED * math.sqrt(len(rows)) else np.asarray(vectors[-1])


def _least_curvature(model: Model, given: OnSpheres) -> tuple[float, Tangent] | None:
    """The least eigenvalue of the Riemannian Hessian and its direction, the way that is not uphill."""
    rows = len(given.weights) + len(given.features)
    if not 0 < rows * (model.dimension - 1) <= _MOST_TANGENTS:
        return None
    table = given.hessian(model)
    values, vectors = np.linalg.eigh(table)
    if values[0] >= -_BELOW * np.abs(table).max():
        return None
    tangent = given.tangent(vectors[:, 0])
    sign = -1 if given.gradient(model).dot(tangent) > 0 else 1
    return float(values[0]), Tangent(sign * tangent.weights, sign * tangent.features, tangent.bias)


def _best_move(model: Model, given: OnSpheres, tangent: Tangent) -> tuple[float, OnSpheres]:
    """The best step on great circles, and the point there."""
    step = best_step(lambda step: along_circles(given, tangent, step).value(model))
    return step, along_circles(given, tangent, step)
