"""The error probability by simulation: as a user writes it in NumPy, OpenTURNS and SciPy, beside "union" and "cells".

The cost of a method is its relative mean squared error times its seconds; a ratio is how much dearer it is than the
better of "union" and "cells" on the same problem in the same run. The error is against the truth, over runs with other
seeds. Seconds are of the processor, one thread each; what is done once for a problem (tables, design points, the cells'
order) is not counted and printed beside. "union" and "cells" are their sampling functions with fixed sizes, without
bounds and intervals. Where a method can be tuned, its best setting counts, out of those that take about a second or
less: the errors of quasi-random points fall faster than their number, so cost has a meaning at equal seconds only.

Simplices have a closed form, which is the truth here and is not what is timed; random configurations have none, and
their truth is a long run. Three classes always lie in a plane, where this package integrates, so "exact" is timed, too.
A star marks costs that are calculated: for counting, (1 - P) / P for one point, where too few errors would be seen;
from P = 1e-20 on, where most runs see no two errors at once, E[1 - 1 / N] / 2 for 1 / N, its variance where N is 1 or
2, and for an observation of "union", which has no more. Relative errors below 1e-13 are rounding and count as 1e-13. An
answer that is off by more than its spread explains, or usually by more than a half, has no cost and is shown over P.
"""

import argparse
import math
import multiprocessing
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from machine import machine
from scipy import optimize, special, stats

from nctheory import gaussian
from nctheory.constructions import simplex_etf
from nctheory.gaussian_logs import log_both
from nctheory.probability import cells, union
from nctheory.probability.exact import exact_error
from nctheory.probability.problem import Problem
from nctheory.sampling import one_thread

CLASSES = (3, 10, 30, 100, 1000)
TARGETS = (0.5, 1e-2, 1e-6, 1e-20, 1e-100)
RANDOM = ((10, 1e-2), (10, 1e-6), (100, 1e-2), (100, 1e-6), (1000, 1e-2), (1000, 1e-6))
MOST_CELLS = 30  # classes, for cells
SEEN = 1e-19  # error probabilities from which on the variance of a union's observations is seen
ROUNDING = 1e-26  # relative squared errors below are those of floats
RUNS = (6, 100, 200)  # at least; for which four times as long may be taken; at most
ONE_RUN = 1.0  # seconds that a setting may take
ASKED = {
    ("plain", 10, 1e-2): 300,
    ("plain", 10, 1e-6): 5e7,
    ("1 / N", 10, 1e-2): 80,
    ("1 / N", 100, 1e-2): 6,
    ("1 / N", 1000, 1e-2): 12,
    ("1 / N", 1000, 0.5): 200,
    **{("OpenTURNS", k, target): least for k in CLASSES for target, least in ((1e-2, 200), (1e-6, 1e4))},
    **{("SciPy", k, target): 4 if k <= 10 else 1 for k in CLASSES for target in TARGETS},
}
Run = Callable[[int], float]  # a seed to an estimate


@dataclass(frozen=True)
class Case:
    """A problem, its name, about its error probability, and the truth."""

    name: str
    problem: Problem
    target: float
    truth: float
    symmetric: bool  # one class stands for all


@dataclass(frozen=True)
class Cost:
    """What a setting of a method costs, and the median of its answers over the truth."""

    method: str
    setting: str
    mse: float
    seconds: float
    answer: float
    set_up: float = 0.0
    off: bool = False
    calculated: bool = False
    runs: int = 0

    @property
    def value(self) -> float:
        """Relative mean squared error times seconds."""
        return math.inf if self.off else self.mse * self.seconds


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of the processor, and what was returned."""
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


def measure(method: str, setting: str, run: Run, truth: float, budget: float, set_up: float = 0.0) -> Cost:
    """Runs with other seeds until the budget is spent."""
    answers: list[float] = []
    spent = 0.0
    least, good, most = RUNS
    while len(answers) < least or spent < budget * (4 if len(answers) < good else len(answers) < most):
        seconds, answer = timed(partial(run, 1000 + len(answers)))
        answers.append(answer / truth)
        spent += seconds
    mse, distance = float(np.mean((np.array(answers) - 1) ** 2)), abs(float(np.mean(answers)) - 1)
    spread = float(np.std(answers, ddof=1)) / math.sqrt(len(answers))
    off = distance > max(0.05, 5 * spread) or mse > 0.25
    answer = float(np.median(answers))
    return Cost(method, setting, max(mse, ROUNDING), spent / len(answers), answer, set_up, off, runs=len(answers))


def pooled(costs: dict[int, Cost], calculated: float | None) -> list[Cost]:
    """The same, with one error for one observation at all sizes, as it is where observations are independent."""
    runs = sum(cost.runs for cost in costs.values())
    one = sum(cost.mse * size * cost.runs for size, cost in costs.items()) / runs if calculated is None else calculated
    star = calculated is not None
    return [replace(cost, mse=max(one / size, ROUNDING), calculated=star) for size, cost in costs.items()]


# -------------------------------------------------------------------------------------------------------- the problems


def simplex(num_classes: int, target: float) -> Case:
    """The simplex whose error probability is about the target."""

    def excess(log_noise: float) -> float:
        return math.log(max(gaussian.simplex_error(num_classes, math.exp(log_noise)), 5e-324)) - math.log(target)

    noise = math.exp(optimize.brentq(excess, -4, 4))
    problem = Problem.of(simplex_etf(num_classes), noise)
    exact = exact_error(problem)
    assert exact is not None
    return Case(f"simplex, K = {num_classes:,}", problem, target, math.exp(exact.log_value), True)


def scattered(num_classes: int, target: float) -> Case:
    """Random class means, and noise at which the union bound is the target; the truth by a long run."""
    means = np.random.default_rng(num_classes).standard_normal((num_classes, num_classes - 1))
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    distances = np.sqrt(np.maximum(2 - 2 * means @ means.T, 0))[~np.eye(num_classes, dtype=bool)]

    def excess(log_noise: float) -> float:
        return float(special.ndtr(-distances * math.exp(-log_noise) / 2).sum()) / num_classes - target

    problem = Problem.of(means, math.exp(optimize.brentq(excess, -6, 2)))
    return Case(f"random, K = {num_classes:,}", problem, target, long_run(problem), False)


def long_run(problem: Problem) -> float:
    """By the method that is the better one for so many classes, with seeds that are not used elsewhere."""
    if problem.num_classes <= MOST_CELLS:
        values = [cells.sample(problem, 1, index, 1 << 14).value for index in range(16)]
        return math.exp(problem.log_union) * float(np.mean(values))
    size = 100_000_000 // problem.num_classes**2 * 10
    return math.exp(problem.log_union) * float(union.sample(problem, 1, 0, size).observations.mean())


# ---------------------------------------------------------------------------------------------------------------- ours


def by_union(case: Case, budget: float) -> list[Cost]:
    """Importance sampling of the union, with a coordinate integrated."""
    set_up, _ = timed(partial(union.sample, case.problem, 0, 0, 1))
    costs = {}
    for numbers in (40_000, 400_000):
        size = max(50, numbers // case.problem.num_classes)

        def run(seed: int, size: int = size) -> float:
            chunk = union.sample(case.problem, seed, 0, size)
            return math.exp(chunk.log_scale) * float(chunk.observations.mean())

        costs[size] = measure("union", f"n = {size:,}", run, case.truth, budget, set_up)
    return pooled(costs, both_share(case) / 2 if case.target < SEEN else None)


def both_share(case: Case) -> float:
    """The expected number of pairs of errors over that of errors, for a simplex: at least E[1 - 1 / N]."""
    threshold = case.problem.thresholds(0)[1]
    log_pair = log_both(threshold, threshold, np.array(0.5)) - special.log_ndtr(-threshold)
    return (case.problem.num_classes - 2) / 2 * math.exp(log_pair)


def by_cells(case: Case, budget: float) -> list[Cost]:
    """Decoder cells by quasi-random points."""
    if case.problem.num_classes > MOST_CELLS:
        return []
    set_up, _ = timed(partial(cells.sample, case.problem, 0, 0, 1))
    costs: list[Cost] = []
    for size in (32, 256, 2048, 1 << 14):

        def run(seed: int, size: int = size) -> float:
            replicate = cells.sample(case.problem, seed, 0, size)
            return math.exp(replicate.log_scale) * replicate.value

        if costs and costs[-1].seconds * 8 > ONE_RUN:
            break
        costs.append(measure("cells", f"{size:,} points", run, case.truth, budget, set_up))
    return costs


def by_integrals(case: Case, budget: float) -> list[Cost]:
    """What is always exact: three classes."""

    def run(_: int) -> float:
        exact = exact_error(case.problem)
        assert exact is not None
        return math.exp(exact.log_value)

    few = case.problem.num_classes <= 3
    return [measure("exact", "", run, case.truth, budget)] if few else []


# -------------------------------------------------------------------------------------------------------------- NumPy


def by_counting(case: Case, budget: float) -> list[Cost]:
    """Plain Monte Carlo, for the decoder of the nearest of unit means."""
    means, noise = case.problem.configuration.class_means, case.problem.noise
    num_classes, dimension = means.shape
    costs = []
    for size in {max(100, 30_000 // num_classes), max(100, 1_000_000 // num_classes)}:

        def run(seed: int, size: int = size) -> float:
            generator = np.random.default_rng(seed)
            sent = generator.integers(num_classes, size=size)
            points = means[sent] + noise * generator.standard_normal((size, dimension))
            return float(np.mean((points @ means.T).argmax(axis=1) != sent))

        cost = measure("plain", f"n = {size:,}", run, case.truth, budget / 2)
        if size * case.truth < 100:
            mse = (1 - case.truth) / (case.truth * size)
            cost = replace(cost, mse=mse, answer=math.nan, off=False, calculated=True)
        costs.append(cost)
    return costs


def by_one_over_count(case: Case, budget: float) -> list[Cost]:
    """At least one event: half-spaces in proportion to their probabilities, points beyond them, 1 / N."""
    costs = {}
    for numbers in (30_000, 1_000_000):
        size = max(100, numbers // case.problem.num_classes)
        set_up, run = timed(partial(one_over_count, case, size))
        costs[size] = measure("1 / N", f"n = {size:,}", run, case.truth, budget, set_up)
    return pooled(costs, both_share(case) / 2 if case.target < SEEN else None)


def one_over_count(case: Case, size: int) -> Run:
    """Tables of all pairs first, then a function that draws."""
    means, noise = case.problem.configuration.class_means, case.problem.noise
    num_classes, dimension = means.shape
    squares = 2 - 2 * means @ means.T
    lengths = np.sqrt(np.maximum(squares, 0))
    levels = squares / (2 * noise)
    for matrix in (lengths, levels):
        np.fill_diagonal(matrix, math.inf)
    tails = stats.norm.sf(lengths / (2 * noise))
    total, cumulative = tails.sum(), np.cumsum(tails / tails.sum())

    def run(seed: int) -> float:
        generator, index = np.random.default_rng(seed), np.arange(size)
        drawn = np.minimum(np.searchsorted(cumulative, generator.random(size), side="right"), num_classes**2 - 1)
        sent, rival = np.divmod(drawn, num_classes)
        normals = (means[rival] - means[sent]) / lengths[sent, rival, None]
        z = generator.standard_normal((size, dimension))
        beyond = stats.norm.isf(generator.random(size) * tails[sent, rival])
        z += (beyond - np.einsum("ij,ij->i", z, normals))[:, None] * normals
        scores = z @ means.T
        held = scores - scores[index, sent][:, None] >= levels[sent]
        held[index, rival] = True
        return float(total / num_classes * np.mean(1 / held.sum(axis=1)))

    return run


# ---------------------------------------------------------------------------------------------------- OpenTURNS, SciPy


def by_openturns(case: Case, budget: float) -> list[Cost]:
    """Its importance sampling at a design point, subset and directional sampling, given one class of a simplex.

    Its answers far out are off already for few classes, and are not waited for with more than 10; nor are any with
    1,000, where finding a design point alone takes minutes.
    """
    if not case.symmetric or case.problem.num_classes > (100 if case.target > SEEN else 10):
        return []
    try:
        import openturns as ot  # here, since the process that measures memory does without
    except ImportError:
        print("    OpenTURNS is not installed: pip install 'nctheory[bench]'")
        return []
    ot.Log.Show(ot.Log.NONE)
    normals, levels = case.problem.normals(0)[1:], case.problem.thresholds(0)[1:]
    dimension, size = normals.shape[1], 10_000

    def margin(points: Any) -> Any:
        return (levels - np.asarray(points) @ normals.T).min(axis=1, keepdims=True)

    function = ot.PythonFunction(dimension, 1, func_sample=margin)
    vector = ot.CompositeRandomVector(function, ot.RandomVector(ot.Normal(dimension)))
    event = ot.ThresholdEvent(vector, ot.Less(), 0.0)
    set_up, point = timed(partial(design_point, ot, event, normals[0]))
    shifted = ot.ImportanceSamplingExperiment(ot.Normal(point, ot.CovarianceMatrix(dimension)))
    direct = ot.ProbabilitySimulationAlgorithm(ot.StandardEvent(event), shifted)
    settings = {
        f"FORM importance sampling, n = {size:,}": (direct, size, size, set_up),
        f"subset sampling, n = {size // 10:,}": (ot.SubsetSampling(event, 2.0, 0.1), size // 10, size // 10, 0),
        f"subset sampling, n = {size:,}": (ot.SubsetSampling(event, 2.0, 0.1), size, size, 0),
        f"subset sampling, n = {size:,}, range 3": (ot.SubsetSampling(event, 3.0, 0.1), size, size, 0),
        f"subset sampling, n = {size:,}, share 0.3": (ot.SubsetSampling(event, 2.0, 0.3), size, size, 0),
    }
    if case.problem.num_classes <= 10 and case.target > SEEN:
        settings["subset sampling, n = 100,000, range 3"] = (ot.SubsetSampling(event, 3.0, 0.1), 100_000, 10_000, 0)
    if case.problem.num_classes <= MOST_CELLS:
        settings["directional sampling, 100 directions"] = (ot.DirectionalSampling(event), 100, 10, 0)
    return [
        measure("OpenTURNS", name, partial(simulated, ot, *algorithm[:3]), case.truth, budget, algorithm[3])
        for name, algorithm in settings.items()
    ]


def design_point(ot: Any, event: Any, start: Any) -> Any:
    """By FORM from a start off the kink in the middle."""
    solver = ot.AbdoRackwitz()
    solver.setStartingPoint(start)
    search = ot.FORM(solver, event)
    search.run()
    return search.getResult().getStandardSpaceDesignPoint()


def simulated(ot: Any, algorithm: Any, size: int, block: int, seed: int) -> float:
    """So many points, or so many on each level, in blocks, without stopping early; 0 where it breaks off."""
    ot.RandomGenerator.SetSeed(seed)
    algorithm.setMaximumOuterSampling(size // block)
    algorithm.setBlockSize(block)
    algorithm.setMaximumCoefficientOfVariation(0.0)
    try:
        algorithm.run()
    except (TypeError, RuntimeError):  # "The variance estimate must be >= 0", "Probability estimate too small"
        return 0.0
    return float(algorithm.getResult().getProbabilityEstimate())


def by_scipy(case: Case, budget: float) -> list[Cost]:
    """All decoder cells by multivariate_normal.cdf: those of one class are run, and all K of them are counted."""
    num_classes = case.problem.num_classes
    if num_classes > MOST_CELLS:
        return []
    sent = range(1 if case.symmetric else num_classes)
    arguments = [cell(case.problem, c, j) for c in sent for j in range(num_classes) if j != c]
    costs: list[Cost] = []
    for points in (1_000, 10_000, 100_000):

        def run(seed: int, points: int = points) -> float:
            options = {"allow_singular": True, "maxpts": points, "abseps": 0, "releps": 1e-14, "rng": seed}
            values = [stats.multivariate_normal.cdf(x, cov=covariance, **options) for x, covariance in arguments]
            return float(np.sum(values)) / len(sent)

        runs = num_classes / len(sent)
        if costs and costs[-1].seconds * 4 > ONE_RUN:
            break
        cost = measure("SciPy", f"cdf of cells, {points:,} points", run, case.truth, budget)
        mse = cost.mse if cost.off else max(cost.mse / runs, ROUNDING)
        costs.append(replace(cost, mse=mse, seconds=cost.seconds * runs))
    return costs


def cell(problem: Problem, sent: int, decoded: int) -> tuple[Any, Any]:
    """Bounds and the correlation matrix: <a, z> <= bound for all other classes, where one is sent and one decoded."""
    means, noise = problem.configuration.class_means, problem.noise
    shifts = means[sent] @ means.T / noise
    others = np.arange(problem.num_classes) != decoded
    rows, bounds = means[others] - means[decoded], shifts[decoded] - shifts[others]
    lengths = np.linalg.norm(rows, axis=1)
    rows /= lengths[:, None]
    return bounds / lengths, rows @ rows.T


# ----------------------------------------------------------------------------------------------------------- the table


def compare(case: Case, budget: float) -> list[str]:
    """The lines of one problem, and what was missed."""
    print(f"\n{case.name}, P = {case.truth:.4g}", flush=True)
    ours = [best(found) for how in (by_union, by_cells, by_integrals) if (found := how(case, budget))]
    least = min(ours, key=lambda cost: cost.value)
    for cost in ours:
        show(cost, "best" if cost is least else f"{cost.value / least.value:,.3g} times the best")
    missed = []
    for how in (by_counting, by_one_over_count, by_openturns, by_scipy):
        found = how(case, budget)
        for cost in (each for each in found if each.off):
            show(cost, f"off: {cost.answer:.3g} P in the median")
        if not all(cost.off for cost in found):
            missed += judge(case, best(found), least)
    return missed


def best(found: list[Cost]) -> Cost:
    """The setting that costs least."""
    return min(found, key=lambda cost: cost.value)


def judge(case: Case, theirs: Cost, ours: Cost) -> list[str]:
    """A line with the ratio and what was to be reached; a sentence where it was not."""
    ratio = theirs.value / ours.value
    asked = ASKED.get((theirs.method, case.problem.num_classes, case.target)) if case.symmetric else None
    show(theirs, f"{ratio:,.3g} times ours" + (f"   (to reach: >= {asked:,g})" if asked else ""))
    if asked is None or ratio >= asked:
        return []
    return [f"{case.name}, P = {case.target:g}, {theirs.method}: {ratio:.3g} instead of {asked:g}"]


def show(cost: Cost, verdict: str) -> None:
    """One line: cost, the error after one run, its seconds, those of the set-up, the ratio."""
    star = "*" if cost.calculated else " "
    name = cost.method + (f", {cost.setting}" if cost.setting else "")
    value = f"{cost.value:9.2g}{star}" if not cost.off else f"{'':10}"
    error = f"error {math.sqrt(cost.mse):7.1e}{star} in {cost.seconds:8.2g} s"
    print(f"    {name:52} {value} {error} after {cost.set_up:7.1g} s   {verdict}", flush=True)


# -------------------------------------------------------------------------------------------------------- ten thousand


def large(seconds: float) -> tuple[float, float, float, float, int]:
    """In a process of its own: set-up seconds, P, its relative standard error, GiB at the peak, observations."""
    means = np.random.default_rng(0).standard_normal((10_000, 2_048))
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    start = time.perf_counter()
    problem = Problem.of(means, 0.15)
    del means
    union.sample(problem, 0, 0, 1)
    set_up, start = time.perf_counter() - start, time.perf_counter()
    observations: list[Any] = []
    while time.perf_counter() - start < seconds:
        observations.append(union.sample(problem, 0, len(observations) + 1, 64).observations)
    x = np.concatenate(observations)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    value = math.exp(problem.log_union) * float(x.mean())
    return set_up, value, float(x.std(ddof=1) / x.mean()) / math.sqrt(len(x)), peak, len(x)


def ten_thousand() -> list[str]:
    """The line for K = 10,000, d = 2,048."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        set_up, value, error, peak, size = pool.submit(large, 30.0).result()
    print(f"\nrandom, K = 10,000, d = 2,048, P = {value:.3g}, after {set_up:.1f} s of set-up")
    print(f"    {100 * error:.2g}% standard error in 30 s, {size:,} observations, {peak:.2f} GiB at the peak", end="")
    print("   (to reach: < 2%, < 1 GiB)", flush=True)
    missed = [f"K = 10,000: {100 * error:.2g}% instead of 2%"] if error >= 0.02 else []
    return missed + ([f"K = 10,000: {peak:.2f} GiB instead of 1"] if peak >= 1 else [])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="K = 3 and 10, P = 1e-2 and 1e-6, short runs")
    parser.add_argument("--classes", type=int, nargs="+", default=CLASSES, help="only these K")
    parser.add_argument("--seconds", type=float, default=0.5, help="what each setting of each method is given")
    arguments = parser.parse_args()
    print(machine())
    missed: list[str] = []
    with one_thread():
        if arguments.quick:
            cases = [(simplex, k, target) for k in (3, 10) for target in (1e-2, 1e-6)]
        else:
            missed += ten_thousand() if arguments.classes == CLASSES else []
            cases = [(simplex, k, target) for k in arguments.classes for target in TARGETS]
            cases += [(scattered, k, target) for k, target in RANDOM if k in arguments.classes]
        for make, num_classes, target in cases:
            missed += compare(make(num_classes, target), arguments.seconds / (2 if arguments.quick else 1))
    print("\n".join(["", "missed:", *missed] if missed else ["", "nothing missed"]))


if __name__ == "__main__":
    main()
