"""Error probabilities at several noises, what they say about the exponent, and comparisons of two configurations."""

import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import special

from nctheory.arrays import Array, freeze, real_array
from nctheory.channel import exponent
from nctheory.configuration import as_configuration
from nctheory.errors import InputError
from nctheory.gaussian_logs import log_sums
from nctheory.probability import union
from nctheory.probability.bounds import bounds
from nctheory.probability.estimate import (
    Asked,
    Ends,
    Estimate,
    Method,
    Simulation,
    chunk_sizes,
    closed_form,
    error_probability,
    inside,
    made,
    middle,
    reaching,
    rounding,
    simulate,
    unsimulated,
)
from nctheory.probability.exact import tier
from nctheory.probability.intervals import ConfidenceSequence
from nctheory.probability.problem import Problem
from nctheory.sampling import one_thread

__all__ = ["Comparison", "ExponentEstimate", "compare", "curve", "estimate_exponent"]

_TABLE = 1 << 22  # thresholds that are kept, as a Problem does
_FACTOR = 1e150  # up to which thresholds are scaled, and by which
_ROUNDING = 4 * 2.0**-53  # what scaling a threshold adds to its relative error
_SLACK = (1e-12, 4e-15)  # what rounding does to the logarithm of a sum of tails: absolutely, and relatively
_SAME = 1e-9  # normals this near are of one half-space
_SHORT = 20  # characters of a fraction that is written out
_DEEP = 20.0  # the square root of exponent / noise^2 at which an exponent is estimated


# ------------------------------------------------------------------------------------------------------------- curves


def curve(
    configuration: Any,
    noises: Any,
    *,
    rtol: float = 1e-2,
    confidence: float = 0.95,
    max_samples: int = 10_000_000,
    seed: int | None = None,
    priors: Any = None,
    noise_covariance: Any = None,
    executor: Executor | None = None,
) -> tuple[Estimate, ...]:
    """Error probabilities at several noises, from common random numbers and one set-up.

    Formula:
        P(sigma) as for `error_probability`. Thresholds t_cj are in proportion to 1 / sigma, so that rows, half-spaces
        and their thresholds are made once; every noise has the same chunks of random numbers, and the interval is
        within sum_c pi_c max_j Q(t_cj) <= P <= sum_cj pi_c Q(t_cj), which cost next to nothing and are the answer where
        they are near enough.
    Args:
        configuration: a Configuration, or bare class means (K, d) with the nearest-mean decoder.
        noises: (n,) standard deviations per coordinate, positive, in any order.
        rtol: half the relative width of an interval at which its simulation stops.
        confidence: of each interval, not of all at once.
        max_samples: observations at most, for each noise.
        seed: an integer; drawn and reported where left out.
        priors: (K,) class probabilities; equal where left out.
        noise_covariance: (d, d) for all classes or (K, d, d).
        executor: any concurrent.futures executor; the answer is the same with any number of workers.
    Assumes:
        Gaussian noise. Where no margin is negative, P grows with the noise, and the values are made to, too, within
        their intervals.
    Returns:
        A tuple of Estimates in the order of the noises: closed forms where there are some, else by simulation.
    Raises:
        InputError: what cannot be used, quoted.
        SolverError: an executor that dies.
    Reference:
        owen2019.
    Example:
        >>> from nctheory import simplex_etf
        >>> [f"{point.value:.6g}" for point in curve(simplex_etf(10), [0.05, 0.2, 1.0])]
        ['1.33316e-49', '0.000807657', '0.641726']
    """
    asked = Asked.of(rtol, confidence, max_samples, seed, executor, None)
    levels = _checked_noises(noises)
    with one_thread():
        base = Problem.of(configuration, levels[0], priors, noise_covariance)
        points = [_point(base, noise, asked) for noise in levels]
        return tuple(_in_order(base, levels, points, asked.rtol))


def _checked_noises(noises: Any) -> list[Any]:
    levels = real_array(noises, "noises", 1)
    if not len(levels):
        raise InputError("noises is empty, expected at least one standard deviation")
    for index, noise in enumerate(levels):
        if not 0 < noise < math.inf:
            raise InputError(f"noises[{index}] is {noise}, expected a positive, finite standard deviation")
    return list(levels)


def _point(base: Problem, noise: Any, asked: Asked) -> Estimate:
    start = time.perf_counter()
    problem = _rescaled(base, noise)
    if tier(problem) is not None:
        found = closed_form(problem, asked)
    else:
        found = _between(problem, asked)
        if not found.reached:
            sizes = ((*task, noise) for task in chunk_sizes(asked.max_samples))
            found = simulate(problem, asked, found.log_interval, asked.chunks(_sample_at, base, sizes))
    return replace(found, seconds=time.perf_counter() - start)


@lru_cache(maxsize=2)
def _rescaled(base: Problem, noise: Any) -> Problem:
    """The problem at another noise, with what does not depend on it."""
    problem = Problem.of(base.configuration, noise)
    problem = replace(problem, exact_priors=base.exact_priors, covariances=base.covariances)
    known = base.geometry()
    if base.num_classes**2 <= _TABLE and _scales(base, problem.exact_noise):
        known["_table"] = _scaled_table(base, problem.exact_noise)
    vars(problem).update(known)
    return problem


def _scales(base: Problem, noise: Fraction) -> bool:
    """Whether thresholds can be multiplied by a quotient of noises without leaving the range of floats."""
    sizes = np.abs(base._table[0])
    off_diagonal = ~np.eye(base.num_classes, dtype=bool)
    far = off_diagonal & (sizes != 0) & ~((sizes > _FACTOR**-1) & (sizes < _FACTOR))
    return 1 / Fraction(_FACTOR) < base.exact_noise / noise < Fraction(_FACTOR) and not far.any()


def _scaled_table(base: Problem, noise: Fraction) -> tuple[Array, Array]:
    """Thresholds and their errors at another noise."""
    if noise == base.exact_noise:
        return base._table
    thresholds, errors = base._table
    factor = float(base.exact_noise / noise)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = thresholds * factor
        wider = np.where(np.isinf(scaled), 0, errors * factor + _ROUNDING * np.abs(scaled) + 5e-324)
    return freeze(scaled), freeze(wider)


def _sample_at(base: Problem, seed: int, index: int, size: int, noise: Any) -> union.Chunk:
    return union.sample(_rescaled(base, noise), seed, index, size)


def _between(problem: Problem, asked: Asked) -> Estimate:
    """What the likeliest half-space of each class and the sum of all say, rounded outward."""
    parts = [_class_bounds(problem, classes) for classes in problem.class_blocks()]
    lower, upper = (np.concatenate(ends) for ends in zip(*parts, strict=True))
    low, high = (float(log_sums(problem.log_priors + ends)) for ends in (lower, upper))
    ends = (_outward(low, -1), min(_outward(high, 1), 0.0))
    middles = np.where(np.isneginf(lower), upper, (lower + upper) / 2)
    reason = "the likeliest half-space of each class and the union bound, which are near enough"
    return reaching(made(problem, middle(ends), ends, "rigorous", "bounds", reason, per_class=middles), asked.rtol)


def _class_bounds(problem: Problem, classes: Array) -> tuple[Array, Array]:
    """log max_j Q(t_cj) and log sum_j Q(t_cj), each tail with what the error of its threshold does to it.

    The derivative of -log Q at t is at most 1 + |t|.
    """
    thresholds, errors = problem.thresholds_and_errors(classes)
    tails = special.log_ndtr(-thresholds)
    with np.errstate(invalid="ignore", over="ignore"):
        slack = np.where((errors > 0) & (tails > -math.inf), errors * (1 + np.abs(thresholds) + errors), 0)
    return (tails - slack).max(axis=1), log_sums(tails + slack)


def _outward(log: float, direction: int) -> float:
    return log + direction * (_SLACK[0] + _SLACK[1] * abs(log)) if math.isfinite(log) else log


def _in_order(base: Problem, levels: list[Any], points: list[Estimate], rtol: float) -> Iterator[Estimate]:
    """The points, with values that grow with the noise where P does."""
    if all((thresholds >= 0).all() for _, thresholds in base.blocks()):
        least = -math.inf
        for index in sorted(range(len(points)), key=lambda index: levels[index]):
            point = points[index]
            least = min(max(least, point.log_value), point.log_interval[1])
            if least != point.log_value:
                moved = replace(point, log_value=least)
                points[index] = reaching(moved, rtol) if point.reached else moved
    yield from points


# ----------------------------------------------------------------------------------------------------------- exponent


@dataclass(frozen=True)
class ExponentEstimate:
    """An exponent as the error probability at one noise shows it, beside the exact one.

    `value` has the known corrections, `raw` is -sigma^2 log P; `interval` holds the exponent itself where `estimate`'s
    holds P. `pairs` is the expected number of half-spaces that attain the exponent.
    """

    value: float
    interval: Ends
    raw: float
    exact: Fraction | float
    pairs: float
    noise: float
    estimate: Estimate

    def __str__(self) -> str:
        """One line."""
        low, high = self.interval
        exact = f"exactly {self.exact}" if len(str(self.exact)) < _SHORT else f"exact: {float(self.exact):.10g}"
        return f"exponent {self.value:.10g} in [{low:.10g}, {high:.10g}] at noise {self.noise:.6g}; {exact}"


def estimate_exponent(
    configuration: Any, noise: Any = None, *, priors: Any = None, noise_covariance: Any = None, **options: Any
) -> ExponentEstimate:
    """The exponent that an error probability at one noise shows, with its known corrections.

    Formula:
        b(N) = sigma^2 z^2 / 2 with Q(z) = P / N. With N = sum_c pi_c times the number of different half-spaces of class
        c that attain the exponent beta, P ~ N Q(sqrt(2 beta) / sigma), so that b(N) tends to beta faster than any power
        of sigma where beta > 0: -sigma^2 log P = beta - sigma^2 log(sigma N / (2 sqrt(pi beta))) + sigma^4 / (2 beta) +
        .... At every sigma, min_c pi_c Q(sqrt(2 beta) / sigma) <= P, and P <= (K - 1) Q(sqrt(2 beta) / sigma) if no
        margin is negative, so that beta is between b(min_c pi_c) and b(K - 1), b being 0 where z is negative.
    Args:
        configuration: a Configuration, or bare class means (K, d) with the nearest-mean decoder.
        noise: sigma; where left out, a twentieth of the root of the exponent.
        priors, noise_covariance: as for `error_probability`, without a prior of 0.
        options: rtol, confidence, seed and so on, for `error_probability`.
    Assumes:
        Gaussian noise.
    Returns:
        ExponentEstimate.
    Raises:
        InputError: what cannot be used, quoted; a prior of 0.
    Reference:
        dembo2010, section 2.2; proof in the formula.
    Example:
        >>> from nctheory import exact_simplex_etf
        >>> found = estimate_exponent(exact_simplex_etf(10), 0.05)
        >>> found.exact, f"{found.value:.9f}", f"{found.raw:.4f}"
        (Fraction(5, 18), '0.277777778', '0.2813')
    """
    configuration = as_configuration(configuration)
    exact = exponent(configuration, noise_covariance=noise_covariance)
    noise = _default_noise(float(exact.value)) if noise is None else noise
    problem = Problem.of(configuration, noise, priors, noise_covariance)
    if min(problem.exact_priors) == 0:
        raise InputError(f"priors[{int(np.argmin(problem.priors))}] is 0, expected positive ones: a class counts")
    found = error_probability(configuration, noise, priors=priors, noise_covariance=noise_covariance, **options)
    number = _attaining(problem, exact.details.pairs)
    low, high = found.log_interval
    sigma, most, least = problem.noise, problem.num_classes - 1, float(problem.priors.min())
    ends = (_inverted(sigma, high, least), _inverted(sigma, low, most))
    value = min(max(_inverted(sigma, found.log_value, number), ends[0]), ends[1])
    raw = math.inf if found.log_value == -math.inf else -(sigma**2) * found.log_value
    return ExponentEstimate(value, ends, raw, exact.lower, number, sigma, found)


def _default_noise(beta: float) -> float:
    return math.sqrt(beta) / _DEEP if 0 < beta < math.inf else 1.0


def _inverted(sigma: float, log_value: float, number: float) -> float:
    """sigma^2 z^2 / 2 with N Q(z) = P, 0 where z is negative."""
    if log_value == -math.inf or number == 0:
        return math.inf
    return (sigma * max(0.0, -float(special.ndtri_exp(min(log_value - math.log(number), 0.0))))) ** 2 / 2


def _attaining(problem: Problem, pairs: Array) -> float:
    """The expected number of different half-spaces among these pairs."""
    return float(
        sum(problem.priors[c] * _different(problem, int(c), pairs[pairs[:, 0] == c, 1]) for c in set(pairs[:, 0]))
    )


def _different(problem: Problem, c: int, rivals: Array) -> int:
    """Half-spaces of different normals: under singular noise, different rivals may have the same one."""
    normals = problem.normals(c, rivals)
    return len(np.unique(np.round(normals / _SAME).astype(np.int64), axis=0))


# --------------------------------------------------------------------------------------------------------- comparison


@dataclass(frozen=True)
class Comparison:
    """log P(first) - log P(second) with an interval, and both estimates, from common random numbers."""

    log_ratio: float
    log_interval: Ends
    confidence: float
    first: Estimate
    second: Estimate

    @property
    def decided(self) -> bool:
        """Whether the interval says which of the two is larger."""
        return _decided(self.log_interval)

    def __str__(self) -> str:
        """One line."""
        low, high = self.log_interval
        better = "undecided" if not self.decided else ("the second" if low > 0 else "the first") + " errs less"
        return f"log ratio {self.log_ratio:.6g} in [{low:.6g}, {high:.6g}], {100 * self.confidence:.6g}%: {better}"


def _decided(log_interval: Ends) -> bool:
    return log_interval[0] > 0 or log_interval[1] < 0


def compare(
    first: Any,
    second: Any,
    noise: Any,
    *,
    method: Method = "auto",
    rtol: float = 1e-2,
    confidence: float = 0.95,
    max_samples: int = 10_000_000,
    seed: int | None = None,
    priors: Any = None,
    noise_covariance: Any = None,
    executor: Executor | None = None,
    **options: Any,
) -> Comparison:
    """Which of two configurations errs less, and by which factor, from common random numbers.

    Formula:
        log P_1 - log P_2. Where both are simulated by "union", observation i of the one and of the other come from the
        same random numbers, and their differences S_1 X_1i - S_2 X_2i in [S_1 least_1 - S_2, S_1 - S_2 least_2] are
        independent observations of P_1 - P_2, whose betting interval misses with a probability of at most
        (1 - confidence) / 2; those of P_1 and of P_2 miss with one of (1 - confidence) / 4 each. In the end,
        log(P_1 / P_2) = log(1 + (P_1 - P_2) / P_2) = -log(1 - (P_1 - P_2) / P_1) over all three intervals. Otherwise
        there are the intervals of P_1 and P_2 alone, which miss with (1 - confidence) / 2 each.
    Args:
        first, second: Configurations, or bare class means (K, d); they may differ in K and d.
        noise: sigma of both.
        method: as for `error_probability`; "auto" is "union" unless there is a closed form, or the bounds decide.
        rtol: of each of the two values, as for `error_probability`.
        confidence: of the interval of the difference.
        max_samples: observations at most, for each.
        seed: an integer, of both; drawn where left out.
        priors, noise_covariance, executor: as for `error_probability`, for both.
        options: what else `error_probability` takes, for both; with a decoder or with rigorous, nothing is paired.
    Assumes:
        Gaussian noise. Pairing pays where the configurations are alike and the bounds far apart: for means moved by a
        hundredth and P from 0.02 to 0.5, the interval is two to seven times as narrow. The less the configurations have
        in common, the less it gains.
    Returns:
        Comparison. Two probabilities of 0 have the ratio 1.
    Raises:
        InputError: what cannot be used, quoted.
        SolverError: an executor that dies.
    Reference:
        owen2019; waudbysmith2024.
    Example:
        >>> found = compare([[1.0], [-1.0]], [[1.1], [-1.1]], 0.25)
        >>> found.decided, f"{found.log_ratio:.4f}"
        (True, '1.7667')
    """
    common = Asked.of(rtol, confidence, max_samples, seed, executor, options.get("progress"))
    shared = {"priors": priors, "noise_covariance": noise_covariance}
    if method in ("auto", "union") and not options.keys() - {"progress"}:
        problems = [Problem.of(one, noise, **shared) for one in (first, second)]
        with one_thread():
            if method == "union" or _calls_for_pairs(problems, common):
                return _paired(problems, common)
    options |= shared | {name: getattr(common, name) for name in ("rtol", "max_samples", "seed", "executor")}
    each = 1 - (1 - common.confidence) / 2
    answers = [error_probability(one, noise, method=method, confidence=each, **options) for one in (first, second)]
    return _compared(answers, _apart(*answers), common.confidence)


def _compared(answers: list[Estimate], ends: Ends, confidence: float) -> Comparison:
    log_ratio = inside(_difference(answers[0].log_value, answers[1].log_value, 0.0), ends)
    return Comparison(log_ratio, ends, confidence, *answers)


def _apart(first: Estimate, second: Estimate) -> Ends:
    """What two intervals say about the difference, however they depend on each other."""
    (low, high), (other_low, other_high) = first.log_interval, second.log_interval
    return _difference(low, other_high, -math.inf), _difference(high, other_low, math.inf)


def _difference(log: float, other: float, unknown: float) -> float:
    """The difference, rounded outward where `unknown` says which way; unknown for two zeros."""
    if math.isinf(log) and math.isinf(other):
        return unknown
    return math.nextafter(log - other, unknown) if unknown else log - other


def _calls_for_pairs(problems: list[Problem], asked: Asked) -> bool:
    """Whether neither has a closed form, and their bounds do not say which one is better."""
    if any(tier(problem) is not None for problem in problems):
        return False
    one, other = (unsimulated(problem, asked) for problem in problems)
    return one is None or other is None or not _decided(_apart(one, other))


def _paired(problems: list[Problem], common: Asked) -> Comparison:
    """Both by simulation, until each is narrow enough."""
    start = time.perf_counter()
    asked = replace(common, confidence=1 - (1 - common.confidence) / 4)
    runs = [Simulation(problem, asked, bounds(problem)[:2]) for problem in problems]
    streams = [
        replace(asked, key=f"{asked.key}-{i}").chunks(union.sample, problem, chunk_sizes(asked.max_samples))
        for i, problem in enumerate(problems)
    ]
    differences = None
    for chunks in zip(*streams, strict=True):
        if differences is None:
            errors = [problem.union_error for problem in problems]
            differences = _Differences(chunks, errors, asked.planned, 1 - (1 - common.confidence) / 2)
        differences.update(chunks)
        for run, chunk in zip(runs, chunks, strict=True):
            run.take(chunk)
        if all(run.done for run in runs):
            break
    assert differences is not None
    seconds = (time.perf_counter() - start) / 2
    answers = [replace(run.estimate(), seconds=seconds) for run in runs]
    ends = differences.narrowed(_apart(*answers), answers)
    return _compared(answers, ends, common.confidence)


class _Differences:
    """Observations of P_1 - P_2, in units of the larger of the two union bounds."""

    def __init__(self, chunks: Sequence[union.Chunk], errors: list[float], planned: int, confidence: float) -> None:
        one, other = chunks
        self.log_unit = max(one.log_scale, other.log_scale)
        self.scales = [math.exp(c.log_scale - self.log_unit) if c.log_scale > -math.inf else 0.0 for c in chunks]
        parts = zip(self.scales, chunks, errors, strict=True)
        self.slack = sum(scale * (rounding(chunk.log_scale) + error) for scale, chunk, error in parts if scale)
        if any(self.scales):
            ends = self.scales[0] * one.least - self.scales[1], self.scales[0] - self.scales[1] * other.least
            self.sequence = ConfidenceSequence(confidence, lower=ends[0], upper=ends[1], planned=planned)

    def update(self, chunks: Sequence[union.Chunk]) -> None:
        """Take in the next chunk of each."""
        if any(self.scales):
            one, other = (scale * chunk.observations for scale, chunk in zip(self.scales, chunks, strict=True))
            self.sequence.update(np.clip(one - other, self.sequence.lower, self.sequence.upper))

    def narrowed(self, ends: Ends, answers: list[Estimate]) -> Ends:
        """What is left of an interval of log P_1 - log P_2."""
        if not any(self.scales):
            return ends
        low, high = self.sequence.interval()
        low, high = low - self.slack, high + self.slack
        one, other = ([math.exp(end - self.log_unit) for end in answer.log_interval] for answer in answers)
        least = max(ends[0], _log_quotient(low, other, -1), -_log_quotient(-low, one, 1))
        most = min(ends[1], _log_quotient(high, other, 1), -_log_quotient(-high, one, -1))
        return (least, most) if least <= most else ends


def _log_quotient(difference: float, ends: Sequence[float], direction: int) -> float:
    """log(1 + D / P) where it is the smallest (direction -1) or the largest (1) for P within its ends."""
    end = ends[0] if (difference > 0) == (direction > 0) else ends[1]
    if end == 0:
        return direction * math.inf
    return math.log1p(difference / end) if difference > -end else -math.inf
