"""How often intervals hold the error probability, and how wide they are, next to the normal interval.

Each row is many repetitions with other seeds at one number n of observations; nominal coverage is 95%. Intervals are

- default: what `error_probability` gives with "union" after n observations in its chunks: a confidence sequence, valid
  whenever a run stops, intersected with the rigorous bounds;
- anytime: the same without the bounds;
- betting: `betting_interval` for a fixed n, without bounds;
- normal: the mean of the same observations +- 1.96 standard errors.

Widths are means, over that of the normal interval where it is valid: where it covers at least 94% and is no rounding.
At P = 1e-100 the union bound has all digits, every observation is 1 and the normal interval a point. The truth is the
closed form of the simplex, K = 10, or decoder cells to 3e-5 for ten random class means in five dimensions.
"""

import argparse
import math
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from machine import machine
from scipy import optimize, stats

from nctheory import gaussian
from nctheory.constructions import simplex_etf
from nctheory.probability import ConfidenceSequence, betting_interval, error_probability, union
from nctheory.probability.bounds import bounds
from nctheory.probability.estimate import chunk_sizes
from nctheory.probability.exact import exact_error
from nctheory.probability.problem import Problem

TARGETS = (1e-1, 1e-2, 1e-6, 1e-20, 1e-100)
SIZES = (100, 1_000, 10_000)
CONFIDENCE = 0.95
VALID = 0.94  # coverage from which on the normal interval is one to compare with
ROUNDING = 1e-12  # relative, of the observations
KINDS = ("default", "anytime", "betting", "normal")
WIDEST = 1.6
Ends = tuple[float, float]


@dataclass(frozen=True)
class Case:
    """A problem with its rigorous bounds and the truth, in logarithms."""

    name: str
    problem: Problem
    limits: Ends
    truth: Ends


def simplex(target: float) -> Case:
    """Ten classes, at about the noise of this error probability."""

    def excess(log_noise: float) -> float:
        return math.log(max(gaussian.simplex_error(10, math.exp(log_noise)), 5e-324)) - math.log(target)

    problem = Problem.of(simplex_etf(10), math.exp(optimize.brentq(excess, -4, 4)))
    exact = exact_error(problem)
    assert exact is not None
    return Case(f"simplex, P = {target:g}", problem, bounds(problem)[:2], (exact.log_lower, exact.log_upper))


def scattered(noise: float) -> Case:
    """Ten random class means in five dimensions."""
    means = np.random.default_rng(0).standard_normal((10, 5))
    problem = Problem.of(means, noise)
    truth = error_probability(means, noise, method="cells", rtol=3e-5, max_samples=10**9, seed=0)
    return Case(f"random, P = {truth.value:.2g}", problem, bounds(problem)[:2], truth.log_interval)


def intervals(case: Case, size: int, repetition: int) -> dict[str, Ends]:
    """One of each kind, relative to the union bound."""
    chunks = [union.sample(case.problem, repetition, *task) for task in chunk_sizes(size)]
    sequence = ConfidenceSequence(CONFIDENCE, lower=chunks[0].least, planned=size)
    for chunk in chunks:
        sequence.update(chunk.observations)
    anytime = sequence.interval()
    x = union.merge(chunks).observations
    mean, half = float(x.mean()), stats.norm.ppf((1 + CONFIDENCE) / 2) * x.std(ddof=1) / math.sqrt(size)
    limits = [math.exp(end - case.problem.log_union) for end in case.limits]
    return {
        "default": (max(anytime[0], limits[0]), min(anytime[1], limits[1])),
        "betting": betting_interval(x, CONFIDENCE, lower=chunks[0].least),
        "anytime": anytime,
        "normal": (mean - half, mean + half),
    }


def row(case: Case, size: int, repetitions: int, pool: Any) -> list[str]:
    """The line of a case and a size, and what was missed."""
    found = list(pool.map(partial(intervals, case, size), range(repetitions), chunksize=20))
    low, high = (math.exp(end - case.problem.log_union) for end in case.truth)
    ends = {kind: np.array([each[kind] for each in found]) for kind in KINDS}
    covered = {
        kind: float(np.mean((each[:, 0] <= high + ROUNDING) & (low <= each[:, 1] + ROUNDING)))
        for kind, each in ends.items()
    }
    widths = {kind: float(np.mean(each[:, 1] - each[:, 0])) for kind, each in ends.items()}
    valid = covered["normal"] >= VALID and widths["normal"] > ROUNDING
    return show(f"{case.name}, n = {size:,}", covered, widths, valid)


def show(name: str, covered: dict[str, float], widths: dict[str, float], valid: bool) -> list[str]:
    """Coverage, and widths over the normal one or relative to the union bound; then what was missed."""
    ours = KINDS[:-1]
    coverages = "".join(f"{100 * covered[kind]:9.1f}%" for kind in KINDS)
    relative = {kind: widths[kind] / widths["normal"] if valid else math.nan for kind in ours}
    ratios = "".join(f"{relative[kind]:9.2f}x" if valid else f"{'-':>10}" for kind in ours)
    print(f"{name:32}{coverages}{ratios}{widths['default']:12.1e}{widths['normal']:12.1e}", flush=True)
    missed = [f"{name}, {kind}: covers {100 * covered[kind]:.1f}%" for kind in ours if covered[kind] < CONFIDENCE]
    return missed + ([f"{name}: {relative['default']:.2f} times as wide"] if relative["default"] > WIDEST else [])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=1_000)
    parser.add_argument("--workers", type=int, default=1, help="processes")
    arguments = parser.parse_args()
    print(machine())
    print(f"{arguments.repetitions:,} repetitions", end="")
    print(f"; to reach: coverage of the first three >= 95%, width of the first <= {WIDEST}x")
    print(f"{'':32}{'coverage':>10}{'':30}{'width over the normal one':>30}{'width / union bound':>24}")
    print(f"{'':32}" + "".join(f"{kind:>10}" for kind in (*KINDS, *KINDS[:-1])) + f"{'default':>12}{'normal':>12}")
    missed: list[str] = []
    with ProcessPoolExecutor(arguments.workers) as pool:
        cases = [*map(simplex, TARGETS), scattered(0.6)]
        for size, case in product(SIZES, cases):
            missed += row(case, size, arguments.repetitions, pool)
    print("\n".join(["", "missed:", *missed] if missed else ["", "nothing missed"]))


if __name__ == "__main__":
    main()
