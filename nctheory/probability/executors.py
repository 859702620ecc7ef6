"""Chunks made by the workers of any executor, in order, with the set-up of a problem made once at each worker."""

import platform
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

import numpy as np
import scipy

import nctheory
from nctheory.errors import InputError, SolverError
from nctheory.probability.problem import Problem
from nctheory.sampling import one_thread

__all__ = ["results", "versions"]

_AHEAD = 8  # chunks handed out before the first has come back
_REMEMBERED = 4  # problems that a worker keeps


def versions() -> dict[str, str]:
    """What else the bits of an answer depend on."""
    return {
        "nctheory": nctheory.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "python": platform.python_version(),
    }


def results(
    executor: Executor | None,
    key: str,
    problem: Problem,
    sample: Callable[..., Any],
    tasks: Iterable[tuple[Any, ...]],
    *,
    ahead: int = _AHEAD,
    advice: str = "",
) -> Iterator[Any]:
    """sample(problem, *task) for each task, in order, whoever computes them; without an executor, it is done here.

    By the key, workers know the problem again. It is unlike that of any other run, since dask.distributed would answer
    an equal call with the loss of the worker that it was given to before.
    """
    if executor is None:
        for task in tasks:
            yield sample(problem, *task)
        return
    bare, here = replace(problem), versions()  # a new problem, with nothing computed yet, is small to send
    calls = ((key, bare, sample, *task) for task in tasks)
    for there, result in _in_order(executor, calls, ahead, advice):
        if there != here:
            raise SolverError(f"a worker has other versions: {_differences(there, here)}{advice}")
        yield result


def _in_order(executor: Executor, calls: Iterator[tuple[Any, ...]], ahead: int, advice: str) -> Iterator[Any]:
    """Results in the order of the calls, some of which are handed out ahead."""
    waiting: deque[Any] = deque()
    try:
        for call in calls:
            waiting.append(_guarded(executor, advice, executor.submit, _at_worker, *call))
            if len(waiting) >= ahead:
                yield _guarded(executor, advice, waiting.popleft().result)
        while waiting:
            yield _guarded(executor, advice, waiting.popleft().result)
    finally:
        for future in waiting:
            future.cancel()


def _guarded(executor: Executor, advice: str, function: Callable[..., Any], *args: Any) -> Any:
    """What a function of the executor gives; bad input is as it would be here, all else is the executor's failure."""
    try:
        return function(*args)
    except InputError:
        raise
    except Exception as error:
        said = (str(error).splitlines() or ["no message"])[0]
        reason = f"{type(error).__name__}: {said}"
        raise SolverError(f"executor {type(executor).__name__} did not compute a chunk ({reason}){advice}") from error


def _differences(there: dict[str, str], here: dict[str, str]) -> str:
    return ", ".join(
        f"{name} is {there.get(name)} there and {here[name]} here" for name in here if there.get(name) != here[name]
    )


# ---------------------------------------------------------------------------------------------------------- at a worker

_problems: OrderedDict[str, Problem] = OrderedDict()
_one_at_a_time = threading.Lock()  # the number of BLAS threads, and what is kept of a problem, belong to the process


def _at_worker(key: str, problem: Problem, sample: Callable[..., Any], *task: Any) -> tuple[dict[str, str], Any]:
    """A chunk and the versions it was made with, of the problem as it is remembered here."""
    with _one_at_a_time, one_thread():
        kept = _problems.setdefault(key, problem)
        _problems.move_to_end(key)
        while len(_problems) > _REMEMBERED:
            _problems.popitem(last=False)
        return versions(), sample(kept, *task)
