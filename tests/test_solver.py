import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from nctheory import InputError, solver
from nctheory.errors import SolverError

cp = solver.load()


def least(least_value=2.0):
    x = cp.Variable()
    return cp.Problem(cp.Minimize(x), [x >= least_value])


@pytest.mark.parametrize("name", [None, "SCS", "clarabel"])
def test_it_solves_and_says_who_did(name, capfd):
    answer = solver.solve(least(), solver=name, name="toy")
    assert answer.status == solver.OPTIMAL
    assert answer.value == pytest.approx(2, abs=1e-3)
    assert answer.solver == (name or "clarabel").upper()
    assert answer.name == "toy"
    assert answer.seconds > 0
    assert capfd.readouterr().out == ""
    with pytest.raises(dataclasses.FrozenInstanceError):
        answer.status = "other"


def test_infeasible_and_unbounded_are_errors_that_name_problem_solver_and_status():
    x = cp.Variable()
    with pytest.raises(SolverError, match=r"^toy: CLARABEL ended with status 'infeasible', expected optimal$"):
        solver.solve(cp.Problem(cp.Minimize(x), [x >= 2, x <= 1]), name="toy")
    with pytest.raises(SolverError, match="'unbounded'"):
        solver.solve(cp.Problem(cp.Minimize(x)), name="toy")


def test_inaccurate_is_an_error_unless_accepted():
    def hard():
        matrix = cp.Variable((3, 3), PSD=True)
        return cp.Problem(cp.Minimize(cp.trace(matrix)), [matrix[0, 1] >= 1e3, matrix[1, 2] >= 1e-3])

    strict = {"tol_gap_abs": 1e-17, "tol_gap_rel": 1e-17, "tol_feas": 1e-17}
    with pytest.raises(SolverError, match="'optimal_inaccurate'"):
        solver.solve(hard(), name="hard", options=strict)
    answer = solver.solve(hard(), name="hard", options=strict, accept=(solver.OPTIMAL, solver.INACCURATE))
    assert answer.status == solver.INACCURATE
    assert answer.value == pytest.approx(2e3, rel=1e-5)


def test_too_few_iterations_are_an_error():
    matrix = cp.Variable((3, 3), PSD=True)
    problem = cp.Problem(cp.Minimize(cp.trace(matrix)), [matrix[0, 1] >= 1])
    with pytest.raises(SolverError, match="toy: CLARABEL"):
        solver.solve(problem, name="toy", options={"max_iter": 1})


def test_a_solver_that_breaks_down(monkeypatch):
    def broken(*args, **kwargs):
        raise cp.error.SolverError("artificial failure\nand more")

    problem = least()
    monkeypatch.setattr(cp.Problem, "solve", broken)
    with pytest.raises(SolverError, match=r"^toy: SCS broke down: artificial failure$"):
        solver.solve(problem, solver="SCS", name="toy")


def test_an_unknown_solver_is_quoted():
    with pytest.raises(InputError, match=r"solver is 'gurobium', expected one of those installed: .*CLARABEL"):
        solver.solve(least(), solver="gurobium", name="toy")


def test_a_missing_value_is_not_a_number():
    x = cp.Variable()
    problem = cp.Problem(cp.Minimize(x), [x >= 2, x <= 1])
    answer = solver.solve(problem, name="toy", accept=(solver.OPTIMAL, solver.INFEASIBLE))
    assert answer.status == solver.INFEASIBLE
    assert not np.isfinite(answer.value)


def test_cvxpy_is_imported_only_when_needed():
    code = "import nctheory.solver, sys; print('cvxpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("failure", [ValueError("numbers that are none"), ZeroDivisionError()])
def test_other_failures_of_a_solver_are_named_as_well(monkeypatch, failure):
    def broken(*args, **kwargs):
        raise failure

    problem = least()
    monkeypatch.setattr(cp.Problem, "solve", broken)
    with pytest.raises(SolverError, match=f"^toy: CLARABEL broke down: {failure or 'ZeroDivisionError'}"):
        solver.solve(problem, name="toy")


@pytest.mark.parametrize("name", ["CLARABEL", "SCS", "OSQP"])
def test_tightly(name):
    assert solver.solve_tightly(least(), solver=name, name="toy").value == pytest.approx(2, abs=1e-4)


def test_a_solver_that_fails_at_tight_tolerances_is_asked_again(monkeypatch):
    asked, solve = [], solver.solve

    def strict(problem, **options):
        asked.append(options.get("options"))
        if options.get("options"):
            raise SolverError("too tight")
        return solve(problem, **options)

    monkeypatch.setattr(solver, "solve", strict)
    assert solver.solve_tightly(least(), name="toy").status == solver.OPTIMAL
    assert len(asked) == 2
    with pytest.raises(SolverError, match="'infeasible'"):
        solver.solve_tightly(cp.Problem(cp.Minimize(0), [cp.Variable() >= 1, cp.Constant(0) >= 1]), name="toy")


def test_rescaled():
    solution = solver.Solution("toy", "SCS", "optimal", 3.0, 0.5)
    assert solution.rescaled(2.0, 5.0) == dataclasses.replace(solution, value=30.0)
    assert solution.rescaled(1e200, 1e200).value == float("inf")
