"""The only importer of cvxpy: a problem is solved, or a SolverError says which problem, solver and status.

A solver's word is never a verdict: whoever calls it checks what came out.
"""

import math
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from nctheory.errors import InputError, SolverError

__all__ = ["INACCURATE", "INFEASIBLE", "OPTIMAL", "Solution", "load", "solve", "solve_tightly"]

OPTIMAL, INACCURATE, INFEASIBLE = "optimal", "optimal_inaccurate", "infeasible"  # cvxpy's words
_DEFAULT = "CLARABEL"
_TIGHT = {  # refining every linear system costs a quarter of the time, and the brackets come out no narrower
    "CLARABEL": {"tol_gap_abs": 1e-12, "tol_gap_rel": 1e-12, "tol_feas": 1e-12, "iterative_refinement_enable": False},
    "SCS": {"eps": 1e-12, "max_iters": 100_000},
}


@dataclass(frozen=True)
class Solution:
    """What a solver reported: its status and value are claims, not verdicts. The variables hold the rest."""

    name: str
    solver: str
    status: str
    value: float
    seconds: float

    def rescaled(self, *factors: float) -> "Solution":
        """The same for the problem before its objective was divided by these factors."""
        return replace(self, value=math.prod((self.value, *factors)))


def load() -> Any:
    """The module cvxpy, imported on first use: models are built with it, and solved by `solve`.

    Formula:
        None.
    Args:
        None.
    Assumes:
        cvxpy is installed.
    Returns:
        The module.
    Raises:
        ImportError: cvxpy is not installed.
    Reference:
        diamond2016.
    Example:
        >>> from nctheory import solver
        >>> solver.load().Variable(3).shape
        (3,)
    """
    import cvxpy

    return cvxpy


def solve(
    problem: Any,
    *,
    solver: str | None = None,
    name: str,
    accept: tuple[str, ...] = (OPTIMAL,),
    options: Mapping[str, Any] | None = None,
) -> Solution:
    """Solve a cvxpy problem in silence; what is not a solution is an error.

    Formula:
        None: the problem says what is minimized.
    Args:
        problem: a cvxpy Problem; its variables and constraints hold the primal and dual values afterwards.
        solver: the name of an installed cvxpy solver; Clarabel where left out.
        name: what messages call the problem.
        accept: the statuses that are no error. "optimal_inaccurate" only for a caller who checks the answer exactly.
        options: settings handed to the solver, in its own words.
    Assumes:
        A convex problem by cvxpy's rules.
    Returns:
        Solution: status, value, the solver's name, and the seconds it took.
    Raises:
        InputError: a solver that is not installed.
        SolverError: any status that is not accepted, or a solver that broke down; names problem, solver and status.
    Reference:
        diamond2016; goulart2024 (Clarabel).
    Example:
        >>> from nctheory import solver
        >>> x = solver.load().Variable()
        >>> problem = solver.load().Problem(solver.load().Minimize(x), [x >= 2])
        >>> answer = solver.solve(problem, name="smallest number from 2 on")
        >>> answer.status, round(answer.value, 6)
        ('optimal', 2.0)
    """
    chosen = _installed(solver)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cvxpy warns where the status says the same
        try:
            problem.solve(solver=chosen, verbose=False, **(options or {}))
        except (load().error.SolverError, ValueError, ArithmeticError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise SolverError(f"{name}: {chosen} broke down: {reason}") from None
    if problem.status not in accept:
        raise SolverError(f"{name}: {chosen} ended with status {problem.status!r}, expected {' or '.join(accept)}")
    value = float(problem.value) if isinstance(problem.value, int | float) else float("nan")
    return Solution(name, chosen, str(problem.status), value, time.perf_counter() - start)


def _installed(solver: str | None) -> str:
    if solver is None:
        return _DEFAULT
    installed = _installed_solvers()
    if str(solver).upper() not in installed:
        raise InputError(f"solver is {solver!r}, expected one of those installed: {', '.join(installed)}")
    return str(solver).upper()


@cache
def _installed_solvers() -> tuple[str, ...]:
    return tuple(load().installed_solvers())


def solve_tightly(problem: Any, *, solver: str | None = None, name: str, accept: tuple[str, ...] = ()) -> Solution:
    """Solve a cvxpy problem to as many digits as the solver has, for a caller who checks the answer exactly.

    Formula:
        None: the problem says what is minimized.
    Args:
        problem, solver, name: as for `solve`.
        accept: statuses that are no error, beside "optimal" and "optimal_inaccurate".
    Assumes:
        The caller makes nothing of the status: whether the digits asked for were reached shows in what was found.
    Returns:
        Solution. A solver that fails at tight tolerances is asked again with its own, and must then say "optimal".
    Raises:
        InputError: a solver that is not installed.
        SolverError: any other status, or a solver that broke down, both times.
    Reference:
        goulart2024.
    Example:
        >>> from nctheory import solver
        >>> x = solver.load().Variable()
        >>> problem = solver.load().Problem(solver.load().Minimize(x), [x >= 2])
        >>> abs(solver.solve_tightly(problem, name="smallest number from 2 on").value - 2) < 1e-9
        True
    """
    options = _TIGHT.get(_installed(solver))
    try:
        return solve(problem, solver=solver, name=name, accept=(OPTIMAL, INACCURATE, *accept), options=options)
    except SolverError:
        return solve(problem, solver=solver, name=name, accept=(OPTIMAL, *accept))
