"""Counterexamples to every false neighbor of the catalogue: `falsify`, Hypothesis alone, and uniform random search.

Each gets the same neighbors, seeds and seconds, stops at its first confirmed hit, and has it confirmed in the same way:
rounded to fractions, then the kernel or an Arb enclosure. Run it with `--seeds 1 --seconds 5` for a quick look.
"""

import argparse
import contextlib
import math
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import hypothesis
import numpy as np
from machine import machine

from nctheory import theorems
from nctheory.claims import Claim
from nctheory.domains import Point
from nctheory.falsification import Outcome, falsify
from nctheory.formula import Language
from nctheory.theorems import Standing

EXAMPLES = 1000  # of one run of Hypothesis; more runs follow with other seeds
SPREAD = 2.0  # uniform coordinates are drawn from -SPREAD to SPREAD


class Done(BaseException):
    """A confirmed hit, or the end of the time; an Exception would be shrunk and reported by Hypothesis."""


def by_falsify(claim: Claim, seed: int, seconds: float) -> bool:
    """Rounds of the default size with new seeds, until one of them hits."""
    deadline, evaluations = time.monotonic() + seconds, 20_000 if claim.language == Language.EXACT else 2000
    for rounds in range(10**6):
        left = deadline - time.monotonic()
        if left <= 0:
            break
        if falsify(claim, evaluations=evaluations, seed=1000 * seed + rounds, cutoff=left).outcome == Outcome.REFUTED:
            return True
    return False


def by_hypothesis(claim: Claim, seed: int, seconds: float) -> bool:
    """The same strategy with the margin as target, as in a test of one's own."""
    deadline, hits = time.monotonic() + seconds, []

    def attempt(point: Point) -> None:
        margin, slack = measured(claim, point)
        if is_hit(claim, point, margin, slack):
            hits.append(point)
        if hits or time.monotonic() > deadline:
            raise Done
        if math.isfinite(margin):
            hypothesis.target(margin if slack >= 0 else -1e6)

    settings = hypothesis.settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=(hypothesis.Phase.generate, hypothesis.Phase.target),
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    test = settings(hypothesis.given(claim.domain.points())(attempt))
    with contextlib.suppress(Done):
        for rounds in range(10**6):
            hypothesis.seed(1000 * seed + rounds)(test)()
    return bool(hits)


def by_uniform(claim: Claim, seed: int, seconds: float) -> bool:
    """Independent uniform coordinates of random sizes."""
    deadline, generator = time.monotonic() + seconds, np.random.default_rng(seed)
    sizes = claim.domain.all_sizes
    while time.monotonic() < deadline:
        chosen = sizes[generator.integers(len(sizes))]
        flat = generator.uniform(-SPREAD, SPREAD, claim.domain.length(chosen))
        point = Point(claim.domain, chosen, flat)
        if is_hit(claim, point, *measured(claim, point)):
            return True
    return False


def measured(claim: Claim, point: Point) -> tuple[float, float]:
    """Margin and slack in floats; nothing where the margin does not exist."""
    try:
        slack = claim.slack(point.values)
        return float(claim.margin(point.values)), slack
    except ZeroDivisionError:
        return -math.inf, -math.inf


def is_hit(claim: Claim, point: Point, margin: float, slack: float) -> bool:
    """Whether an exact input nearby is confirmed to violate the claim."""
    return margin > 0 and slack >= 0 and any(claim.confirm(inputs) for inputs in claim.domain.rationals(point))


METHODS: dict[str, Callable[[Claim, int, float], bool]] = {
    "falsify": by_falsify,
    "Hypothesis alone": by_hypothesis,
    "uniform random": by_uniform,
}


def timed(job: tuple[str, str, int, float]) -> tuple[bool, float]:
    """One method on one claim: whether it hit, and the seconds it took."""
    method, name, seed, seconds = job
    stated, _, neighbor = name.partition("/")
    theorem = theorems.find(stated)
    claim = theorem.false_neighbors[neighbor] if neighbor else theorem.claim
    started = time.monotonic()
    with np.errstate(all="ignore"):
        hit = METHODS[method](claim, seed, seconds)
    return hit, min(seconds, time.monotonic() - started)


def main() -> None:
    """Print one line for each method, the pairs that it missed, and what became of the proved statements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    stated = theorems.catalogue().values()
    false = [claim.id for theorem in stated for claim in theorem.false_neighbors.values()]
    false += [theorem.id for theorem in stated if theorem.standing == Standing.REFUTED]
    proved = [theorem.id for theorem in stated if theorem.standing == Standing.PROVED]
    print(machine())
    print(f"{len(false)} false claims, {arguments.seeds} seeds, {arguments.seconds:g} s each\n")
    with ProcessPoolExecutor(arguments.jobs) as pool:
        for method in METHODS:
            jobs = [(method, name, seed, arguments.seconds) for name in false for seed in range(arguments.seeds)]
            report(method, jobs, list(pool.map(timed, jobs)))
        jobs = [("falsify", name, seed, arguments.seconds) for name in proved for seed in range(arguments.seeds)]
        refuted = [job[1] for job, (hit, _) in zip(jobs, pool.map(timed, jobs), strict=True) if hit]
    print(f"\n{len(proved)} proved statements, same seeds and seconds: {len(refuted)} refuted {refuted or ''}")


def report(method: str, jobs: list[tuple[str, str, int, float]], results: list[tuple[bool, float]]) -> None:
    """Share of pairs refuted, median seconds over all pairs (a miss counts as the whole time), and the misses."""
    hits, seconds = [hit for hit, _ in results], [spent for _, spent in results]
    missed: dict[str, int] = {}
    for job, hit in zip(jobs, hits, strict=True):
        if not hit:
            missed[job[1]] = missed.get(job[1], 0) + 1
    share, median = sum(hits) / len(hits), statistics.median(seconds)
    print(
        f"{method:18s} {share:6.1%} refuted, median {median:.2f} s, mean {statistics.mean(seconds):.2f} s", flush=True
    )
    for name, count in missed.items():
        print(f"    missed {name} ({count} of {jobs[-1][2] + 1} seeds)", flush=True)


if __name__ == "__main__":
    main()
