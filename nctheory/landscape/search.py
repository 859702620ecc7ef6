"""Numerical searches for teaching and testing: descent with escapes from saddles, and saddles of every rank."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from nctheory.arrays import Array, Seed, checked_generator, freeze, positive_integer
from nctheory.descent import downhill, inward, newton
from nctheory.errors import InputError
from nctheory.landscape.answers import Certified, Escape
from nctheory.landscape.bounds import best_bias
from nctheory.landscape.evaluation import Numbers, as_point
from nctheory.landscape.flat import Flat, random_start
from nctheory.landscape.model import Model
from nctheory.landscape.verbs import certify, escape, family_of, optimum
from nctheory.result import Result

__all__ = ["CriticalPoint", "Method", "Trajectory", "critical_points", "minimize"]

Method = Literal["lbfgs", "newton"]
_METHODS = ("lbfgs", "newton")
_MOST_ESCAPES = 50
_ACCURACY = 1e-9  # of the gradient's entries


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A run of `minimize`: objective and gradient norm, in its coordinates, after every step, its escapes, and its end.

    `escapes` holds the steps after which a direction of negative curvature was taken, and `point` the end. `result`
    is `certify` there, on first use.
    """

    model: Model
    objectives: Float[Array, " T"]
    gradient_norms: Float[Array, " T"]
    escapes: tuple[int, ...]
    point: Any

    @cached_property
    def result(self) -> Result[Certified]:
        """How far the end is from the minimum."""
        return certify(self.model, self.point)


def minimize(
    model: Model,
    *,
    start: Any = None,
    seed: Seed | None = None,
    method: Method = "lbfgs",
    steps: int = 5000,
    escapes: bool = True,
) -> Trajectory:
    """Go downhill from a point of a model, and on from saddles by their directions of negative curvature.

    Formula:
        L-BFGS, or Newton's method in a trust region, on W / q^(1/2), (q n)^(1/2) h and b, q = (lambda_H /
        lambda_W)^(1/2), where both penalties are lambda; from where it ends, `escape`, if it can.
    Args:
        model: a Model.
        start: Features or a Configuration, or None for a random collapsed one by the seed.
        seed: of the random start, where no start is given.
        method: "lbfgs" or "newton".
        steps: at most so many in all.
        escapes: whether to escape from saddles.
    Assumes:
        Nothing.
    Returns:
        Trajectory, whose end is of the kind of the start.
    Raises:
        InputError: both or neither of start and seed, an unknown method, a start that is not of this model.
    Reference:
        zhu2021, section 3; nocedal2006, chapters 4 and 7.
    Example:
        >>> from nctheory.landscape import Model, minimize
        >>> run = minimize(Model([4, 4, 4], regularization=(1 / 12, 1 / 12)), seed=0)
        >>> round(float(run.objectives[-1]), 9), run.escapes
        (0.867563228, ())
    """
    if method not in _METHODS:
        raise InputError(f"method is {method!r}, expected one of {', '.join(_METHODS)}")
    if (start is None) == (seed is None):
        raise InputError("expected a start or a seed, and not both")
    family = family_of(model)
    numbers = family.start(model, checked_generator(seed)) if start is None else family.numbers(model, start)
    record = _Record(model, family.flat(model, numbers), start, positive_integer(steps, "steps"), method)
    taken: list[int] = []
    point = record.run(numbers)
    while escapes and record.left > 0 and len(taken) < _MOST_ESCAPES:
        leap = family.escape(model, point)
        if leap is None:
            break
        taken.append(len(record.told) - 1)
        point = record.run(family.numbers(model, leap.point))
    objectives, norms = np.array(record.told).reshape(-1, 2).T
    return Trajectory(model, freeze(objectives), freeze(norms), tuple(taken), point)


@dataclass
class _Record:
    """Runs that share their steps and one record of objective and gradient norm."""

    model: Model
    flat: Any
    like: Any
    steps: int
    method: str

    def __post_init__(self) -> None:
        self.told: list[tuple[float, float]] = []

    @property
    def left(self) -> int:
        """Steps that are left."""
        return self.steps - len(self.told)

    def run(self, numbers: Any) -> Any:
        """The end of one more run, as a point like the one that was given."""
        start = self.flat.of(numbers)
        self._tell(start)
        trust = self.method == "newton"
        end = downhill(
            self.flat, start, steps=max(1, self.left), tolerance=_ACCURACY, trust_region=trust, watch=self._tell
        )
        return family_of(self.model).as_point(self.model, self.flat.numbers(end), self.like)

    def _tell(self, current: Array) -> None:
        value, slope = self.flat.evaluate(current)
        unit = getattr(self.flat, "unit", 1.0)
        self.told.append((unit * value, unit * float(np.linalg.norm(inward(self.flat, current, slope)))))


@dataclass(frozen=True, eq=False)
class CriticalPoint:
    """A critical point: configuration, rank, objective, gradient norm, and the escape, if it is a saddle with one."""

    configuration: Any
    rank: int
    objective: float
    gradient_norm: float
    escape: Escape | None


def critical_points(model: Model, *, ranks: Iterable[int] | None = None, seed: Seed = 0) -> list[CriticalPoint]:
    """Critical points of prescribed rank: the best found in so few dimensions, which is critical in more.

    Formula:
        A critical point in r dimensions, with d - r coordinates of 0 added, is one in d: there the gradient is 0.
    Args:
        model: a Model.
        ranks: ranks r from 0 to d; all up to that of the optimum where left out.
        seed: of the random start in each dimension.
    Assumes:
        Nothing.
    Returns:
        A list of CriticalPoint, one for each rank asked for whose descent ended at a point of just that rank; others
        are left out.
    Raises:
        InputError: ranks that are not from 0 to d.
    Reference:
        zhu2021, theorem 3.2.
    Example:
        >>> from nctheory.landscape import Model, critical_points
        >>> points = critical_points(Model([4, 4, 4], regularization=(1 / 12, 1 / 12)))
        >>> [(point.rank, point.escape is not None) for point in points]
        [(0, True), (1, True), (2, False)]
    """
    if model.family != "free":
        raise InputError(f"features, depth or loss are those of a {model.family} model, expected free features")
    asked = list(range(min(optimum(model).details.rank, model.dimension) + 1)) if ranks is None else list(ranks)
    for rank in asked:
        if positive_integer(rank, "rank", 0) > model.dimension:
            raise InputError(f"rank is {rank}, expected at most the dimension {model.dimension}")
    return list(_critical(model, asked, checked_generator(seed)))


def _critical(model: Model, ranks: list[int], generator: np.random.Generator) -> Iterator[CriticalPoint]:
    for rank in ranks:
        found = _zero(model) if rank == 0 else _best_of_rank(model, rank, generator)
        scaled = np.sqrt(model.class_sizes)[:, None] * (found.features @ found.weights.T)
        values = np.linalg.svd(scaled, compute_uv=False)
        if int((values > 1e-6 * max(1.0, float(values[0]))).sum()) == rank:
            point = as_point(model, found)
            norm = found.gradient(model).norm
            yield CriticalPoint(point, rank, found.value(model), norm, escape(model, point))


def _zero(model: Model) -> Numbers:
    size = model.num_classes
    nothing = np.zeros((size, model.dimension))
    bias = best_bias(model, np.zeros((size, size))) if model.loss.is_convex else np.zeros(size)
    return _settled(model, Numbers(nothing, np.arange(size), model.class_sizes.astype(np.float64), nothing, bias))


def _best_of_rank(model: Model, rank: int, generator: np.random.Generator) -> Numbers:
    small = model.replace(dimension=rank)
    found = _settled(small, random_start(small, generator))
    room = ((0, 0), (0, model.dimension - rank))
    weights, features = np.pad(found.weights, room), np.pad(found.features, room)
    return Numbers(features, found.labels, found.counts, weights, found.bias)


def _settled(model: Model, numbers: Numbers) -> Numbers:
    """Where descent and then Newton's method lead; weights and features that are all 0 stay so."""
    flat = Flat.like(model, numbers)
    return flat.numbers(newton(flat, downhill(flat, flat.of(numbers), steps=5000, tolerance=_ACCURACY)))
