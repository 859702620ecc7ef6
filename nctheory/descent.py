"""Going downhill on smooth functions: SciPy's L-BFGS and trust region, and Newton's method for the last digits.

A function with an attribute `bounds`, the least and the largest vector, is minimized between these.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Protocol

import numpy as np

from nctheory.arrays import Array
from nctheory.errors import InputError
from nctheory.sampling import one_thread

__all__ = ["Smooth", "downhill", "inward", "newton"]

_NEWTON_STEPS = 20
_MEMORY = 30
_PROGRESS = 1e-12  # of a value, for which descent begins again
_SMALL = 200_000  # entries of a vector


class Smooth(Protocol):
    """A function of a flat vector with two derivatives."""

    def evaluate(self, flat: Array) -> tuple[float, Array]:
        """Value and gradient."""

    def curvature(self, flat: Array, along: Array) -> Array:
        """The second derivative applied to a direction."""


def downhill(
    problem: Smooth,
    start: Array,
    *,
    steps: int,
    tolerance: float,
    trust_region: bool = False,
    watch: Callable[[Array], None] | None = None,
) -> Array:
    """Where L-BFGS, or Newton's method in a trust region, ends: no gradient entry above the tolerance, or no progress.

    `watch` is told the vector after every step. Between bounds L-BFGS may stop early, as a step across several of them
    is no longer one downhill: then it begins again.
    """
    from scipy.optimize import Bounds, minimize

    chosen: dict[str, Any] = {"method": "L-BFGS-B", "options": {"ftol": 1e-16, "maxcor": _MEMORY, "maxfun": 20 * steps}}
    if (bounds := _bounds(problem)) is not None:
        if trust_region:
            raise InputError(
                "method is 'newton', whose trust region knows no bounds; expected 'lbfgs' for features >= 0"
            )
        chosen["bounds"] = Bounds(*bounds)
    if trust_region:
        chosen = {"method": "trust-ncg", "hessp": problem.curvature, "options": {}}
    chosen["options"] |= {"gtol": tolerance}
    with _threads(start):
        while True:
            before, chosen["options"]["maxiter"] = problem.evaluate(start)[0], steps
            found = minimize(problem.evaluate, start, jac=True, callback=watch, **chosen)
            start, steps = np.asarray(found.x), steps - found.nit
            flat = bounds is None or np.abs(inward(problem, start, found.jac)).max() <= tolerance
            if flat or steps <= 0 or before - found.fun <= _PROGRESS * abs(before):
                return start


def newton(problem: Smooth, point: Array) -> Array:
    """Newton's method, as long as it halves the gradient: values are too close by here to tell steps apart.

    It leads to any critical point near by. The steps are by MINRES, as the second derivative may be 0 along symmetries.
    Entries at a bound stay there, and others go no further.
    """
    from scipy.sparse.linalg import LinearOperator, minres

    slope = inward(problem, point, problem.evaluate(point)[1])
    with _threads(point):
        for _ in range(_NEWTON_STEPS):
            moves = _between(problem, point)
            product = partial(_restricted, problem, point, moves)
            operator = LinearOperator(2 * point.shape, matvec=product, dtype=np.float64)
            step = moves * minres(operator, -moves * slope, rtol=1e-8, maxiter=4 * len(point))[0]
            end = np.clip(point + step, *(_bounds(problem) or (None, None)))
            trial = inward(problem, end, problem.evaluate(end)[1])
            if not np.linalg.norm(trial) < np.linalg.norm(slope) / 2:
                break
            point, slope = end, trial
    return point


def inward(problem: Smooth, point: Array, slope: Array) -> Array:
    """The slope with 0 where going down it leads beyond a bound: all 0 exactly at critical points."""
    if (bounds := _bounds(problem)) is None:
        return slope
    stuck = ((point <= bounds[0]) & (slope > 0)) | ((point >= bounds[1]) & (slope < 0))
    return np.asarray(np.where(stuck, 0.0, slope))


def _bounds(problem: Smooth) -> tuple[Array, Array] | None:
    return getattr(problem, "bounds", None)


def _between(problem: Smooth, point: Array) -> Array:
    """1 where an entry is between its bounds, and 0 at or beyond one."""
    low, high = _bounds(problem) or (-np.inf, np.inf)
    return np.asarray(((low < point) & (point < high)).astype(np.float64))


def _restricted(problem: Smooth, point: Array, moves: Array, along: Array) -> Array:
    """The second derivative, of the entries that may move."""
    return moves * problem.curvature(point, moves * along)


def _threads(point: Array) -> AbstractContextManager[Any]:
    """One thread for small problems: there many of them only wait for each other."""
    return one_thread() if len(point) < _SMALL else nullcontext()
