"""Minimum-norm separation: as a user writes it in cvxpy on all N samples, beside `solve` and `optimum`.

Every row is the same problem in one run, and the values of both sides are compared. cvxpy gets its solvers' default
tolerances, in one vectorized constraint or in one constraint for each sample and other class, as in its tutorials.
Imports are not timed: everything is imported, and each solver called once, before the first row. Clarabel on all 200
samples needs more than 23 GiB of memory, so it runs in a process that may not take more than `--memory` GiB.
"""

import argparse
import math
import multiprocessing
import resource
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any

import cvxpy
import numpy as np
from machine import best_time, machine

from nctheory import separation

SAMPLES = 200  # for which the targets were set
IMBALANCED = [50, 40, 30, 20, 18, 15, 12, 8, 5, 2]
AGREE = {"CLARABEL": 1e-6, "SCS": 1e-4}  # relative difference of the values that their default tolerances allow


def vectorized(sizes: list[int], solver: str) -> float:
    """The nuclear-norm problem on all samples, with all margins in one constraint."""
    labels, classes = np.repeat(np.arange(len(sizes)), sizes), np.arange(len(sizes))
    sample, other = np.nonzero(labels[:, None] != classes)
    Z = cvxpy.Variable((len(labels), len(sizes)))
    return minimized(Z, [Z[sample, labels[sample]] - Z[sample, other] >= 1], solver)


def one_by_one(sizes: list[int], solver: str) -> float:
    """The same, with one constraint for each sample and other class."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    Z = cvxpy.Variable((len(labels), len(sizes)))
    margins = [Z[i, y] - Z[i, c] >= 1 for i, y in enumerate(labels) for c in range(len(sizes)) if c != y]
    return minimized(Z, margins, solver)


def minimized(Z: Any, margins: list[Any], solver: str) -> float:
    """The least nuclear norm."""
    problem: Any = cvxpy.Problem(cvxpy.Minimize(cvxpy.normNuc(Z)), margins)  # type: ignore[attr-defined]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that many constraints are better vectorized
        problem.solve(solver=solver)
    assert problem.status == cvxpy.OPTIMAL, problem.status
    return float(problem.value)


def solved(sizes: list[int]) -> float:
    """By `solve`: multipliers, W, H and a rigorous bracket."""
    return separation.solve(sizes).value


def closed_form(sizes: list[int]) -> float:
    """By `optimum`: the value in a rigorous bracket."""
    return separation.optimum(sizes).value


def attained(sizes: list[int]) -> float:
    """By `optimum`, with the W and H that attain it, which are else built on first use."""
    result = separation.optimum(sizes)
    assert result.configuration is not None
    return result.value


OURS: dict[str, tuple[Callable[[list[int]], float], str]] = {
    "solve": (solved, ">= 20 times"),
    "optimum": (closed_form, ">= 1,000 times"),
    "optimum, with W and H": (attained, "nothing asked"),
}


def against(name: str, sizes: list[int], solver: str, theirs: tuple[float, float]) -> None:
    """What cvxpy took, then one line for each of ours: seconds, ratio, agreement, and what was to be reached."""
    seconds, reference = theirs
    print(f"{name:56} {seconds:10.3g} s", flush=True)
    for ours, (function, target) in OURS.items():
        own, value = best_time(partial(function, sizes), 5)
        apart = abs(reference / value - 1)
        assert apart <= AGREE[solver], (reference, value)
        print(f"    {ours:52} {own:10.3g} s {seconds / own:11,.1f} times faster, values {apart:.0e} apart", end="")
        print(f"   (to reach: {target})" if sum(sizes) == SAMPLES else "", flush=True)


def limited(gibibytes: float) -> None:
    """In a fresh process: no more memory than this, no core dump, and everything imported and used once."""
    resource.setrlimit(resource.RLIMIT_AS, (int(gibibytes * 2**30),) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    vectorized([1, 1], "CLARABEL")


def timed_apart(sizes: list[int], memory: float) -> tuple[float, float] | None:
    """Seconds and value of Clarabel in a process of its own, once; None where its memory did not suffice."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=limited, initargs=(memory,)) as pool:
        try:
            return pool.submit(best_time, partial(vectorized, sizes, "CLARABEL"), 1).result()
        except (BrokenProcessPool, MemoryError):
            return None


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", type=float, default=8.0, help="GiB that Clarabel may take on 200 samples")
    memory = parser.parse_args().memory
    print(machine())
    for solver in AGREE:
        vectorized([1, 1], solver)
    solved([1, 1])
    against_cvxpy(memory)
    sizes_do_not_matter()
    many_classes()


def against_cvxpy(memory: float) -> None:
    """Both solvers, both ways to write the constraints, balanced and not."""
    balanced = [SAMPLES // 10] * 10
    for name, write, sizes in (
        ("cvxpy, SCS, K = 10, n = 20, constraints one by one", one_by_one, balanced),
        ("cvxpy, SCS, K = 10, n = 20, vectorized", vectorized, balanced),
        ("cvxpy, SCS, K = 10, n_k from 2 to 50, vectorized", vectorized, IMBALANCED),
    ):
        against(name, sizes, "SCS", best_time(partial(write, sizes, "SCS"), 2))
    few = [8] * 10
    against("cvxpy, Clarabel, K = 10, n = 8", few, "CLARABEL", best_time(partial(vectorized, few, "CLARABEL"), 1))
    name, theirs = "cvxpy, Clarabel, K = 10, n = 20", timed_apart(balanced, memory)
    if theirs is None:
        print(f"{name:56} no answer: its process broke off at {memory:g} GiB of memory")
    else:
        against(name, balanced, "CLARABEL", theirs)


def sizes_do_not_matter() -> None:
    """`solve` for more and more samples of each class."""
    print("\nsolve, K = 10")
    times = []
    for n in (20, 200, 20_000):
        seconds, result = best_time(partial(separation.solve, [n] * 10), 5)
        times.append(seconds)
        apart, gap = abs(result.value / (9 * math.sqrt(n)) - 1), float(result.gap)
        print(f"    n = {n:<48,} {seconds:10.3g} s   {apart:.0e} from (K - 1) sqrt(n), bracket of width {gap:.0e}")
    print(f"    slowest over quickest: {max(times) / min(times):.2f}   (to reach: time independent of n)")


def many_classes() -> None:
    """`optimum` for many classes of random sizes."""
    print("\noptimum, random class sizes from 1 to 10,000")
    for num_classes, width, target in (
        (1000, 1e-12, "seconds"),
        (1000, 1e-30, "nothing asked"),
        (10_000, 1e-12, "nothing asked"),
    ):
        sizes = np.random.default_rng(0).integers(1, 10_000, num_classes, endpoint=True)
        seconds, result = best_time(partial(separation.optimum, sizes, relative_width=width), 1)
        assert result.gap <= width
        name = f"K = {num_classes:,}, bracket of width {width:g}"
        print(f"    {name:52} {seconds:10.3g} s   reached {float(result.gap):.0e}   (to reach: {target})", flush=True)


if __name__ == "__main__":
    main()
