"""Going downhill on smooth functions: SciPy's L-BFGS and trust region, and Newton's method for the last digits."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Protocol

import numpy as np

from nctheory.arrays import Array
from nctheory.sampling import one_thread

__all__ = ["Smooth", "downhill", "newton"]

_NEWTON_STEPS = 20
_MEMORY = 30
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

    `watch` is told the vector after every step.
    """
    from scipy.optimize import minimize

    chosen: dict[str, Any] = {"method": "L-BFGS-B", "options": {"ftol": 1e-16, "maxcor": _MEMORY, "maxfun": 20 * steps}}
    if trust_region:
        chosen = {"method": "trust-ncg", "hessp": problem.curvature, "options": {}}
    chosen["options"] |= {"maxiter": steps, "gtol": tolerance}
    with _threads(start):
        return np.asarray(minimize(problem.evaluate, start, jac=True, callback=watch, **chosen).x)


def newton(problem: Smooth, point: Array) -> Array:
    """Newton's method, as long as it halves the gradient: values are too close by here to tell steps apart.

    It leads to any critical point near by. The steps are by MINRES, as the second derivative may be 0 along symmetries.
    """
    from scipy.sparse.linalg import LinearOperator, minres

    slope = problem.evaluate(point)[1]
    with _threads(point):
        for _ in range(_NEWTON_STEPS):
            operator = LinearOperator(2 * point.shape, matvec=partial(problem.curvature, point), dtype=np.float64)
            step = minres(operator, -slope, rtol=1e-8, maxiter=4 * len(point))[0]
            trial = problem.evaluate(point + step)[1]
            if not np.linalg.norm(trial) < np.linalg.norm(slope) / 2:
                break
            point, slope = point + step, trial
    return point


def _threads(point: Array) -> AbstractContextManager[Any]:
    """One thread for small problems: there many of them only wait for each other."""
    return one_thread() if len(point) < _SMALL else nullcontext()
