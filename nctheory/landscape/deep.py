"""Deep models, linear or with a ReLU between the matrices: the optimum, and how far a point is from it.

In factors that share a singular value alike, the penalties of a linear model are (L/2) Lambda^(1/L) times the sum of
all s^(2/L), s the singular values of the N x K logits and Lambda the product of the L = m + 1 penalties. With the
squared error that is solved mode by mode; with cross-entropy it is searched, from shapes of every rank and at random.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from typing import Any

import numpy as np

from nctheory.arrays import Array, freeze
from nctheory.descent import downhill
from nctheory.landscape.answers import Bracket, Certified, Escape, Optimum, as_optimum, as_verdict, is_within
from nctheory.landscape.deep_bounds import (
    Mode,
    jump,
    last_root,
    modes,
    nuclear_bound,
    objective_bracket,
    spectral_bound,
    transition,
)
from nctheory.landscape.deep_points import DeepFlat, DeepNumbers, DeepPoint, DeepTangent, random_start, shared_out
from nctheory.landscape.escapes import best_step
from nctheory.landscape.model import Model
from nctheory.losses import SquaredError
from nctheory.result import Result

__all__ = [
    "DeepCertified",
    "DeepOptimum",
    "as_point",
    "certify",
    "edges_of_a_graph",
    "escape",
    "factored",
    "flat",
    "numbers",
    "optimum",
    "start",
    "thresholds",
]

_STEPS = 4000
_ACCURACY = 1e-10  # of the gradient's entries
_STARTS = 8  # of the search for what a point is compared with
_POLISHED = 6  # of the best shapes
_NEGLIGIBLE = 1e-9  # of the largest singular value
_BELOW = 1e-6  # by how much a second derivative has to be below 0, over lambda
_SCALES = np.geomspace(1e-2, 1e3, 60)


def numbers(model: Model, point: Any) -> DeepNumbers:
    """A DeepPoint in floats."""
    return DeepNumbers.of(model, point)


def start(model: Model, generator: np.random.Generator) -> DeepNumbers:
    """A random collapsed point, away from the origin."""
    return random_start(model, generator)


def flat(model: Model, numbers: DeepNumbers) -> DeepFlat:
    """Vectors of points with these labels and counts."""
    return DeepFlat.like(model, numbers)


def as_point(_: Model, numbers: DeepNumbers, __: Any = None) -> DeepPoint:
    """A DeepPoint with the rows that the numbers have."""
    return numbers.point


# ------------------------------------------------------------------------------------------------------------ details


@dataclass(frozen=True, eq=False)
class DeepOptimum(Optimum):
    """An Optimum with the modes of the squared error: what becomes of each singular value of the targets.

    Empty for cross-entropy. Where a mode is tied `minimizers` has two points: that with all tied modes is the
    configuration, and one with none; any of them may be left out.
    """

    modes: tuple[Mode, ...] = ()

    @property
    def jump(self) -> float:
        """The share of its target that a mode keeps just before it vanishes."""
        return jump(self.model.depth + 1)


@dataclass(frozen=True, eq=False)
class DeepCertified(Certified):
    """Certified, with a further check of critical points."""

    @cached_property
    def imbalance(self) -> float:
        """How far lambda_j W_j W_j^T is from lambda_{j+1} W_{j+1}^T W_{j+1}, relatively: 0 at critical points."""
        return numbers(self.model, self.point).imbalance(self.model)


def thresholds(model: Model) -> dict[str, float]:
    """From which lambda on each mode of the squared error has collapsed, and its critical points of nonzero logits end.

    m = (N / t) (t Lambda)^(1/L) is at the transition for lambda = m t^(1 - 1/L) / N. Nothing for cross-entropy, for
    which no formula is known here, and with a ReLU.
    """
    if not isinstance(model.loss, SquaredError) or model.activation != "linear":
        return {}
    size = model.depth + 1
    found: dict[str, float] = {}
    for mode in modes(model):
        level = mode.eigenvalue ** (1 - 1 / size) / model.num_samples
        if not found:
            found["total collapse"] = transition(size) * level
            found["no critical point but 0"] = last_root(size) * level
        name = _mode_name(model, mode)
        if name:
            found[name] = transition(size) * level
    return found


def _mode_name(model: Model, mode: Mode) -> str:
    """What happens to the classes of a mode, where these have one size."""
    sizes = model.class_sizes
    if not model.bias:
        return f"classes of {round(mode.eigenvalue)} samples vanish"
    of_size = mode.eigenvalue in sizes and (sizes == mode.eigenvalue).sum() > 1
    return f"classes of {round(mode.eigenvalue)} samples merge" if of_size else ""


# ------------------------------------------------------------------------------------------------------- the optimum


def optimum(model: Model, allowed: Fraction, starts: int, generator: np.random.Generator) -> Result[Optimum]:
    """By modes, where the model is linear with the squared error; else the best of several shapes and starts."""
    if isinstance(model.loss, SquaredError) and model.activation == "linear":
        return _by_modes(model, allowed)
    if isinstance(model.loss, SquaredError):
        return _searched_relu(model, allowed, starts, generator)
    return _searched(model, allowed, starts, generator)


def _by_modes(model: Model, allowed: Fraction) -> Result[Optimum]:
    """The closed form."""
    known = modes(model)
    logits, bias = _shrunk(model, known)
    best, others = factored(model, logits, bias), []
    if any(mode.is_tied for mode in known):
        rest = [mode if not mode.is_tied else _without(mode) for mode in known]
        others = [best.point, factored(model, *_shrunk(model, rest)).point]
    statement = "deep linear, squared error: every singular value of the targets shrunk, or 0 beyond a threshold"
    return _result(model, best, statement, spectral_bound(model), allowed, tuple(known), tuple(others))


def _without(mode: Mode) -> Mode:
    return Mode(mode.eigenvalue, mode.count, mode.penalty, mode.root, 0.0, mode.is_tied)


def _shrunk(model: Model, known: list[Mode]) -> tuple[Array, Array]:
    """Class logits and bias: the singular vectors of the targets with shrunk values, the largest d of them."""
    size, roots = model.num_classes, np.sqrt(model.class_sizes)
    kept = np.repeat([mode.shrinkage for mode in known], [mode.count for mode in known])
    kept[model.dimension :] = 0
    if not model.bias:
        shares = np.zeros(size)
        shares[np.argsort(-model.class_sizes, kind="stable")] = kept
        return np.diag(shares), np.zeros(size)
    priors = model.class_sizes / model.num_samples
    left, values, right = np.linalg.svd(roots[:, None] * (np.eye(size) - priors))
    return (left * (values * np.append(kept, 0.0))) @ right / roots[:, None], priors


def _result(
    model: Model,
    best: DeepNumbers,
    statement: str,
    lower: Fraction | None,
    allowed: Fraction,
    known: tuple[Mode, ...] = (),
    minimizers: tuple[DeepPoint, ...] = (),
) -> Result[Optimum]:
    """With F at the point above and the bound below, or the bound of the nuclear norm where none is given."""
    upper = objective_bracket(model, best)[1]
    if lower is None:
        lower = nuclear_bound(model, upper, allowed / 8)
    logits = best.logits(model) - best.bias
    build_thresholds = partial(thresholds, model)
    details = DeepOptimum(
        model, freeze(logits), freeze(best.bias), statement, None, build_thresholds, minimizers, modes=known
    )
    return as_optimum(details, best.point, (lower, upper), allowed)


def factored(model: Model, logits: Array, bias: Array) -> DeepNumbers:
    """The factors of least penalty, in a linear model, of these class logits or their best approximation of rank d.

    With D^(1/2) Z = U S V^T each factor has the singular values (s^(2/L) Lambda^(1/L) / lambda_j)^(1/2).
    """
    roots, width, size = np.sqrt(model.class_sizes)[:, None], model.dimension, model.num_classes
    left, values, right = np.linalg.svd(roots * logits)
    signs = np.sign(left[np.abs(left).argmax(axis=0), np.arange(size)])
    left, right = left * signs, right * signs[:, None]
    values = np.where(values > _NEGLIGIBLE * 1e-4 * values[0], values, 0.0)[:width]
    shared = values ** (1 / (model.depth + 1)) * math.sqrt(model.strength)
    scales = [shared / math.sqrt(penalty) for penalty in model.layer_penalties]
    room = ((0, 0), (0, max(0, width - size)))
    inner = [np.pad(np.diag(scale), (0, room[1][1])) for scale in scales[:-1]]
    last = np.pad(right[:width].T * scales[-1], room)
    means = np.pad(left[:, :width] * shared / math.sqrt(model.lambda_features) / roots, room)
    return DeepNumbers(means, np.arange(size), model.class_sizes.astype(np.float64), (*inner, last), bias)


# ------------------------------------------------------------------------------------------------------------- search


def _searched(model: Model, allowed: Fraction, starts: int, generator: np.random.Generator) -> Result[Optimum]:
    """The best of shapes of every rank at their best scale, the best of which L-BFGS improves, and of random starts."""
    size = model.num_classes
    tried = sorted((_scaled(model, shape) for shape in _shapes(size)), key=lambda pair: pair[0])
    points = [factored(model, logits, np.zeros(size)) for _, logits in tried[:_POLISHED]]
    moved = [_shaken(model, point, generator) for point in points]
    drawn = [random_start(model, generator) for _ in range(starts)]
    origin = factored(model, np.zeros((size, size)), np.zeros(size))
    best = min([origin, *_polished(model, [*points, *moved, *drawn])], key=lambda point: point.value(model))
    statement = (
        f"the best of {len(tried)} shapes and {starts} random starts; the lower end is the bound of the nuclear norm"
    )
    return _result(model, best, statement, None, allowed)


def _polished(model: Model, points: list[DeepNumbers]) -> Iterator[DeepNumbers]:
    """Where L-BFGS leads from each."""
    problem = DeepFlat.like(model, points[0])
    for point in points:
        yield problem.numbers(downhill(problem, problem.of(point), steps=_STEPS, tolerance=_ACCURACY))


def _shaken(model: Model, point: DeepNumbers, generator: np.random.Generator) -> DeepNumbers:
    """A point near by, from which descent leaves a saddle."""
    problem = DeepFlat.like(model, point)
    vector = problem.of(point)
    size = 1e-2 * float(np.abs(vector).max(initial=0))
    return problem.numbers(vector + size * generator.standard_normal(len(vector)))


def _shapes(size: int) -> Iterator[Array]:
    """Class logits up to scale: simplices of r groups of classes, or of r classes, and r simplices beside each other.

    Two groups are of rank one; simplices of two classes beside each other are an orthoplex.
    """
    for parts in range(2, size + 1):
        groups = np.arange(size) % parts
        same = (groups[:, None] == groups).astype(np.float64)
        yield same - 1 / parts
        few = np.arange(size) < parts
        yield np.diag(few.astype(np.float64)) - np.outer(few, few) / parts
        blocks = np.arange(size) * (parts - 1) // size
        beside = (blocks[:, None] == blocks).astype(np.float64)
        yield np.eye(size) - beside / beside.sum(axis=1)


def _scaled(model: Model, shape: Array) -> tuple[float, Array]:
    """The least value of a multiple of these class logits, and that multiple."""
    from scipy.optimize import minimize_scalar

    size, shares = model.depth + 1, model.class_sizes / model.num_samples
    values = np.linalg.svd(np.sqrt(model.class_sizes)[:, None] * shape, compute_uv=False)
    values = values[values > _NEGLIGIBLE * values[0]][: model.dimension]
    paid = size / 2 * model.strength * float((values ** (2 / size)).sum())
    labels = np.arange(model.num_classes)

    def value(scale: float) -> float:
        return float(shares @ model.loss.value(scale * shape, labels) + paid * scale ** (2 / size))

    place = int(np.argmin([value(scale) for scale in _SCALES]))
    ends = _SCALES[max(0, place - 1)], _SCALES[min(len(_SCALES) - 1, place + 1)]
    scale = float(minimize_scalar(value, bounds=ends, method="bounded", options={"xatol": 1e-10}).x)
    return value(scale), scale * shape


def _searched_relu(model: Model, allowed: Fraction, starts: int, generator: np.random.Generator) -> Result[Optimum]:
    """The linear model's optimum, where it is attained, or what descent finds from there, from random starts, and from
    many classes that are edges of a graph."""
    size = model.num_classes
    linear = factored(model, *_shrunk(model, modes(model)))
    origin = factored(model, np.zeros((size, size)), np.zeros(size))
    points = [linear, *(random_start(model, generator) for _ in range(starts))]
    if model.depth > 2 and size > 3 and model.dimension >= size:
        points.append(edges_of_a_graph(model))
    found = [linear, origin, *_polished(model, points)]
    best = min(found, key=lambda point: point.value(model))
    nearly = linear.value(model) <= best.value(model) * (1 + 1e-12)
    best = linear if nearly else best
    name = "the linear model's optimum, no worse than" if nearly else "better than the linear model's optimum,"
    statement = f"{name} {starts} random starts; the lower end is the bound of the nuclear norm"
    return _result(model, best, statement, None, allowed)


def edges_of_a_graph(model: Model) -> DeepNumbers:
    """Classes as edges of a complete graph of q vertices: T (q, K) has ones at the two ends of an edge.

    1 1^T - T^T T is 1 for edges without a common end, 0 for those with one, and -1 on the diagonal: of rank q at most,
    and max(0, .) of it, which joins edges without a common end, has an inverse if K = q (q - 1) / 2 and q > 3. So the
    matrices but the last have rank q, where those of an orthogonal frame have rank K.
    """
    size, width = model.num_classes, model.dimension
    order = next(q for q in range(2, size + 2) if q * (q - 1) // 2 >= size)
    ends = [(i, j) for j in range(order) for i in range(j)][:size]
    incidence = np.zeros((size, order))
    for edge, pair in enumerate(ends):
        incidence[edge, list(pair)] = 1
    room = ((0, 0), (0, width - order))
    before = np.pad(0.5 - incidence, ((0, width - size), room[1]))
    apart = np.maximum(0, 1 - incidence @ incidence.T)
    last = np.pad(np.linalg.pinv(apart).T, ((0, 0), (0, width - size)))
    same = np.diag((np.arange(width) < order).astype(np.float64))
    factors = [*[same] * (model.depth - 2), before, last, np.pad(incidence, room)]
    return shared_out(model, factors)


# --------------------------------------------------------------------------------------------- is this point optimal


def certify(model: Model, point: Any, allowed: Fraction) -> Result[Certified]:
    """By the optimum's bracket; the better point is the optimum's, or one that descent leads to."""
    given = numbers(model, point)
    value = objective_bracket(model, given)
    best = optimum(model, Fraction(1, 10**9), _STARTS, np.random.default_rng(0))
    lower, top = min(value[0], Fraction(best.lower)), min(value[1], Fraction(best.upper))
    better, end = None, value[1]
    if not is_within(lower, value[1], allowed):
        better, end = _better(model, given, value, best)
    details = DeepCertified(
        model,
        point,
        value,
        (lower, min(top, end)),
        better,
        None,
        lambda: given.gradient(model).norm,
        lambda: escape(model, point),
    )
    return as_verdict(details, allowed)


def _better(
    model: Model, given: DeepNumbers, value: Bracket, best: Result[Optimum]
) -> tuple[DeepPoint | None, Fraction]:
    """A point of strictly smaller objective, and the upper end of that."""
    if best.upper < value[0]:
        return best.configuration, Fraction(best.upper)
    reached = next(_polished(model, [given]))
    end = objective_bracket(model, reached)[1]
    return (reached.point, end) if end < value[0] else (None, value[1])


def escape(model: Model, point: Any) -> Escape | None:
    """Along the lowest eigenvector of the second derivative, where its eigenvalue is below 0.

    In coordinates where all penalties are lambda / 2 times the square. `steepness` is how far the mean loss bends down
    along it, over lambda. The origin has no such direction: there the second derivative is that of the penalties.
    """
    given = numbers(model, point)
    problem = DeepFlat.like(model, given)
    vector = problem.of(given)
    lowest, along = _lowest(problem, vector)
    if lowest >= -_BELOW * model.strength:
        return None
    along = -along if problem.evaluate(vector)[1] @ along > 0 else along
    start_value, (step, moved) = objective_bracket(model, given), _best_move(problem, vector, along)
    end = objective_bracket(model, moved)
    if end[1] >= start_value[0]:
        return None
    tangent: DeepTangent = problem.tangent(along)
    return Escape(tangent, lowest, 1 - lowest / model.strength, step, moved.point, end)


def _lowest(problem: DeepFlat, vector: Array) -> tuple[float, Array]:
    """The lowest eigenvalue of the second derivative and its unit eigenvector."""
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    operator = LinearOperator(2 * vector.shape, matvec=partial(problem.curvature, vector), dtype=np.float64)
    first = np.random.default_rng(0).standard_normal(len(vector))
    try:
        values, vectors = eigsh(operator, k=1, which="SA", v0=first, tol=1e-10, maxiter=50 * len(vector))
    except ArpackNoConvergence as error:
        if not len(error.eigenvalues):
            return 0.0, first
        values, vectors = error.eigenvalues, error.eigenvectors
    return float(values[0]), np.asarray(vectors[:, 0])


def _best_move(problem: DeepFlat, vector: Array, along: Array) -> tuple[float, DeepNumbers]:
    """The best step along a direction, and the point there."""
    first = 1e-4 * max(1.0, float(np.linalg.norm(vector)))
    step = best_step(lambda step: problem.evaluate(vector + step * along)[0], first)
    return step, problem.numbers(vector + step * along)
