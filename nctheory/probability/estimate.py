"""The error probability at any noise: which method answers, and what its interval guarantees."""

import math
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from numbers import Real
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from nctheory.arrays import Array, freeze, positive_integer
from nctheory.errors import InputError
from nctheory.probability import cells, plain, union
from nctheory.probability.bounds import all_bounds, bounds, class_bounds
from nctheory.probability.exact import exact_error, tier
from nctheory.probability.executors import results
from nctheory.probability.intervals import ConfidenceSequence
from nctheory.probability.problem import Problem
from nctheory.sampling import one_thread

__all__ = ["Estimate", "Guarantee", "Method", "error_probability"]

Guarantee = Literal["enclosure", "numerical", "rigorous", "confidence", "asymptotic"]
Method = Literal["auto", "exact", "bounds", "union", "cells", "plain"]
Decoder = Callable[[Array], Any]
Progress = Callable[[int, tuple[float, float]], object]
Ends = tuple[float, float]

_FIRST, _LARGEST = 1_000, 1_000_000  # observations in the first chunk, and in any
_REPLICATES = 16  # of the decoder cells
_LEAST_POINTS = 256  # of the largest cell, at first
_MOST_CELL_CLASSES = 128  # the work of "cells" grows with the fourth power
_DEEPEST = -1e15  # a logarithm below which powers are not written out
_SLACK = (1e-13, 4e-15)  # what rounding does to the logarithm of a simulated value: absolutely, and relatively


@dataclass(frozen=True)
class Estimate:
    """An error probability with its interval, in natural logarithms first, and what that interval guarantees.

    `guarantee`: "enclosure" (an Arb ball holds it), "numerical" (quadrature, to the accuracy tested), "rigorous"
    (bounds, rounded outward), "confidence" (valid at every sample size) or "asymptotic". `per_class` (K,) holds
    log P(error | class), NaN where nothing is known; `per_pair` the share of all errors of each confusion (sent,
    decoded), where the method knows it. `reason` says why this method; `reached` is False where the accuracy asked for
    was not reached.
    """

    log_value: float
    log_interval: Ends
    guarantee: Guarantee
    method: str
    num_samples: int
    per_class: Float[Array, " K"] | None
    per_pair: Mapping[tuple[int, int], float] | None
    confidence: float | None
    seed: int | None
    seconds: float
    reason: str
    reached: bool = True

    @property
    def value(self) -> float:
        """P as a float; 0 only where P is 0, or where no error was counted."""
        return 0.0 if self.log_value == -math.inf else max(math.exp(self.log_value), math.ulp(0.0))

    @property
    def interval(self) -> Ends:
        """The interval as floats, rounded outward; beside an exact 0, a 0 is the lower end of an underflow."""
        low, high = self.log_interval
        return max(0.0, _rounded(low, -1)), min(1.0, _rounded(high, 1))

    @property
    def relative_width(self) -> float:
        """Half the width of the interval over the value."""
        return relative_width(self.log_value, self.log_interval)

    def __str__(self) -> str:
        """One line, with as many digits as tell the ends apart."""
        digits = telling_digits(self.relative_width)
        value = decimal(self.log_value, digits, ROUND_HALF_EVEN)
        kind = self.guarantee
        named = f"{100 * self.confidence:.6g}% {kind}" if self.confidence is not None else kind
        samples = f", {self.num_samples:,} samples" if self.num_samples else ""
        how = f"+-{100 * self.relative_width:.2g}%, {named}, {self.method}{samples}"
        return f"{value} in {interval_text(self.log_interval, digits)} ({how}): {self.reason}"


def error_probability(
    configuration: Any,
    noise: Any,
    *,
    method: Method = "auto",
    rtol: float = 1e-2,
    confidence: float = 0.95,
    max_samples: int = 10_000_000,
    seed: int | None = None,
    priors: Any = None,
    noise_covariance: Any = None,
    decoder: Decoder | None = None,
    rigorous: bool = False,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Estimate:
    """The probability that the decoder errs, at any noise, with an interval that holds what it says.

    Formula:
        P = sum_c pi_c P(some j != c has <w_j, h> + b_j >= <w_c, h> + b_c), h = mu_c + sigma z_c; ties count as errors.
    Args:
        configuration: a Configuration, or bare class means (K, d) with the nearest-mean decoder.
        noise: sigma > 0, the standard deviation per coordinate.
        method: "exact" (closed forms and one-dimensional integrals: rows on a line, in a plane, on orthogonal axes),
            "bounds" (rigorous, by pairs of half-spaces), "union" (importance sampling of the union of half-spaces),
            "cells" (decoder cells by quasi-Monte Carlo, asymptotic), "plain" (counting), or "auto": exact where it
            applies, bounds where they are near enough, else "union".
        rtol: half the relative width of the interval at which a simulation stops; 0 runs to max_samples. An estimate
            that does not get there has reached = False.
        confidence: of simulated intervals, between 0 and 1.
        max_samples: observations at most; "cells" always makes one round.
        seed: an integer; drawn and reported where left out.
        priors: (K,) class probabilities; equal where left out.
        noise_covariance: (d, d) for all classes or (K, d, d); the noise is sigma times a normal of that covariance.
        decoder: any function from points (n, d) to n classes; it is only ever counted ("plain").
        rigorous: for "exact", an enclosure by Arb balls instead of quadrature; for "auto", that or else bounds.
        executor: any concurrent.futures executor; the answer is the same with any number of workers. A process makes
            one chunk at a time, so threads gain nothing.
        progress: called with the samples so far and the interval of log P.
    Assumes:
        Gaussian noise.
    Returns:
        Estimate. Simulated intervals are intersected with the rigorous bounds.
    Raises:
        InputError: what cannot be used, quoted; "exact" where no closed form applies; "cells" of more than 128 classes.
        SolverError: an executor that dies, quoted.
    Reference:
        owen2019; waudbysmith2024; genz1992.
    Example:
        >>> from nctheory import simplex_etf
        >>> from nctheory.probability import error_probability
        >>> found = error_probability(simplex_etf(10), 0.05)
        >>> f"{found.value:.12e}", found.guarantee
        ('1.333164026821e-49', 'numerical')
    """
    start = time.perf_counter()
    problem = Problem.of(configuration, noise, priors, noise_covariance)
    asked = Asked.of(rtol, confidence, max_samples, seed, executor, progress)
    _check_method(method, decoder, rigorous)
    with one_thread():
        if decoder is not None:
            found = _plain(problem, asked, decoder)
        elif rigorous:
            found = _rigorous(problem, asked, method)
        else:
            found = _ANSWERS[method](problem, asked)
    return replace(found, seconds=time.perf_counter() - start)


# ------------------------------------------------------------------------------------------------------ what is asked


@dataclass(frozen=True)
class Asked:
    """What an estimate is to reach, with which seed, and who does the work."""

    rtol: float
    confidence: float
    max_samples: int
    seed: int
    executor: Executor | None = None
    progress: Progress | None = None
    key: str = field(default_factory=lambda: uuid.uuid4().hex)  # by which workers know the problem again

    @classmethod
    def of(cls, rtol: Any, confidence: Any, max_samples: Any, seed: Any, executor: Any, progress: Any) -> "Asked":
        """The same, checked; without a seed, one is drawn from the system."""
        if not (_is_real(rtol) and 0 <= rtol < math.inf):
            raise InputError(f"rtol is {rtol!r}, expected a number that is not negative")
        if not (_is_real(confidence) and 0 < confidence < 1):
            raise InputError(f"confidence is {confidence!r}, expected a number between 0 and 1")
        if executor is not None and not callable(getattr(executor, "submit", None)):
            raise InputError(f"executor is {executor!r}, expected a concurrent.futures executor")
        if progress is not None and not callable(progress):
            raise InputError(f"progress is {progress!r}, expected a function")
        number = positive_integer(max_samples, "max_samples")
        return cls(float(rtol), float(confidence), number, _checked_seed(seed), executor, progress)

    def chunks(self, sample: Callable[..., Any], problem: Problem, tasks: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        """sample(problem, seed, *task) for each task, in order, whoever computes them."""
        return results(self.executor, self.key, problem, sample, ((self.seed, *task) for task in tasks))

    @property
    def planned(self) -> int:
        """About as many observations as a relative width of rtol takes."""
        return min(self.max_samples, max(_FIRST, int(1 / max(self.rtol, 1e-6) ** 2)))

    def sequence(self, least: float) -> ConfidenceSequence:
        """Of observations in [least, 1]."""
        return ConfidenceSequence(self.confidence, lower=least, planned=self.planned)

    def show(self, count: int, ends: Ends) -> None:
        """Tell whoever wants to know how far it is."""
        if self.progress is not None:
            self.progress(count, ends)


def _is_real(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _checked_seed(seed: Any) -> int:
    if seed is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
    return positive_integer(seed, "seed", least=0)


def _check_method(method: Any, decoder: Any, rigorous: Any) -> None:
    if method not in _ANSWERS:
        raise InputError(f"method is {method!r}, expected one of {', '.join(_ANSWERS)}")
    if decoder is not None and not callable(decoder):
        raise InputError(f"decoder is {decoder!r}, expected a function from points (n, d) to n classes")
    if decoder is not None and (method not in ("auto", "plain") or rigorous):
        asked = "rigorous is True" if rigorous else f"method is {method!r}"
        raise InputError(f"{asked}, expected method 'plain' for a decoder that is a function: it is only ever counted")
    if rigorous and method not in ("auto", "exact", "bounds"):
        raise InputError(f"rigorous is True, expected method 'auto', 'exact' or 'bounds', not {method!r}")


def chunk_sizes(total: int) -> Iterator[tuple[int, int]]:
    """Numbers and sizes of chunks that grow by a quarter, so that a run looks a logarithmic number of times."""
    index, size = 0, _FIRST
    while total > 0:
        yield index, min(size, total)
        total, index, size = total - size, index + 1, min(size + size // 4, _LARGEST)


def num_chunks(total: int) -> int:
    """How many chunks `chunk_sizes` makes."""
    size, count = _FIRST, 0
    while total > 0 and size < _LARGEST:
        total, count, size = total - size, count + 1, min(size + size // 4, _LARGEST)
    return count + max(0, -(-total // _LARGEST))


# ------------------------------------------------------------------------------------------------- without simulation


def closed_form(problem: Problem, asked: Asked, rigorous: bool = False) -> Estimate:
    """By a formula, to the accuracy of quadrature or enclosed by balls."""
    found = exact_error(problem, rigorous=rigorous)
    if found is None:
        reason = "expected decoder rows on a line, in a plane or on orthogonal axes; 'auto' takes any"
        raise InputError(f"method is 'exact', and no closed form applies: {reason}")
    ends = (found.log_lower, found.log_upper)
    reason = f"closed form for rows of the tier '{found.tier}'"
    answer = made(problem, found.log_value, ends, found.guarantee, "exact", reason, per_class=found.per_class)
    return reaching(answer, asked.rtol)


def _all_bounds(problem: Problem, asked: Asked) -> Estimate:
    """By bounds, with a word on the simplex's where it says more."""
    answer, simplex = _bounds(problem, asked), all_bounds(problem, conjectured=True)[0].get("simplex", -math.inf)
    if simplex <= answer.log_interval[0]:
        return answer
    text = f"{decimal(simplex, 3, ROUND_FLOOR)} by the simplex, whose bound rests on a preprint and is not used"
    return replace(answer, reason=f"{answer.reason}; from below {text}")


def _bounds(problem: Problem, asked: Asked) -> Estimate:
    found = bounds(problem)
    reason = f"from below {found.lower}, from above {found.upper}"
    lower, upper = class_bounds(problem)
    per_class = np.where(np.isneginf(lower), upper, (lower + upper) / 2)
    ends = (found.log_lower, found.log_upper)
    answer = made(problem, middle(ends), ends, "rigorous", "bounds", reason, per_class=per_class)
    return reaching(answer, asked.rtol)


def _auto(problem: Problem, asked: Asked) -> Estimate:
    """What needs no simulation, else what is valid at every sample size."""
    return unsimulated(problem, asked) or _union(problem, asked)


def unsimulated(problem: Problem, asked: Asked) -> Estimate | None:
    """Exact where it applies; bounds where they are near enough."""
    if tier(problem) is not None:
        return closed_form(problem, asked)
    answer = _bounds(problem, asked)
    return replace(answer, reason=f"{answer.reason}, which are near enough") if answer.reached else None


def _rigorous(problem: Problem, asked: Asked, method: Method) -> Estimate:
    """An enclosure, or for "auto" bounds where there is none."""
    if method == "exact":
        return closed_form(problem, asked, True)
    if method == "auto" and tier(problem) is not None:
        try:
            return closed_form(problem, asked, True)
        except InputError:  # rows that are on a line or in a plane up to rounding only
            pass
    return _bounds(problem, asked)


# ---------------------------------------------------------------------------------------------------- with simulation


def _union(problem: Problem, asked: Asked) -> Estimate:
    chunks = asked.chunks(union.sample, problem, chunk_sizes(asked.max_samples))
    return simulate(problem, asked, bounds(problem)[:2], chunks)


def simulate(problem: Problem, asked: Asked, limits: Ends, chunks: Iterable[union.Chunk]) -> Estimate:
    """Importance sampling of the union until the interval within the limits is narrow enough."""
    run = Simulation(problem, asked, limits)
    for chunk in chunks:
        run.take(chunk)
        if run.done:
            break
    return run.estimate()


class Simulation:
    """Importance sampling of the union as far as it is, chunk by chunk."""

    def __init__(self, problem: Problem, asked: Asked, limits: Ends) -> None:
        self.problem, self.asked, self.limits = problem, asked, limits
        self.chunks: list[union.Chunk] = []
        self.sequence: ConfidenceSequence | None = None
        self.done, self.log_value, self.ends = False, middle(limits), limits

    def take(self, chunk: union.Chunk) -> None:
        """Count the next chunk, and decide whether the interval is narrow enough."""
        self.chunks.append(chunk)
        self.sequence = self.sequence or self.asked.sequence(chunk.least)
        self.sequence.update(chunk.observations)
        self.ends = intersected(chunk.log_scale, self.sequence.interval(), self.limits, self.problem.union_error)
        self.log_value = inside(chunk.log_scale + math.log(self.sequence.mean), self.ends)
        self.asked.show(self.sequence.count, self.ends)
        self.done = relative_width(self.log_value, self.ends) <= self.asked.rtol or chunk.log_scale == -math.inf

    def estimate(self) -> Estimate:
        """What is known so far."""
        merged, asked = union.merge(self.chunks), self.asked
        more = of_simulation(asked, len(merged.observations), merged.pairs, merged.pair_sums)
        more["per_class"] = class_logs(self.problem, merged)
        reason = "importance sampling, valid whenever it stops"
        answer = made(self.problem, self.log_value, self.ends, "confidence", "union", reason, **more)
        return reaching(answer, asked.rtol)


def _plain(problem: Problem, asked: Asked, decoder: Decoder | None = None) -> Estimate:
    """Counting until the interval is narrow enough; the confidence is shared out over the looks at it.

    With rtol 0 there is one look, at the end: what `progress` sees before is no interval of this confidence.
    """
    limits = bounds(problem)[:2] if decoder is None else (-math.inf, 0.0)
    tasks = ((*task, decoder) for task in chunk_sizes(asked.max_samples))
    confidence = 1 - (1 - asked.confidence) / (num_chunks(asked.max_samples) if asked.rtol > 0 else 1)
    chunks: list[plain.Chunk] = []
    ends, total, errors = limits, 0, 0
    for chunk in asked.chunks(plain.sample, problem, tasks):
        chunks.append(chunk)
        total, errors = total + int(chunk.sent.sum()), errors + int(chunk.wrong.sum())
        ends = intersected(0.0, plain.clopper_pearson(errors, total, confidence), limits)
        asked.show(total, ends)
        if asked.rtol > 0 and relative_width(inside(_log(errors / total), ends), ends) <= asked.rtol:
            break
    return reaching(_counted(problem, asked, chunks, inside(_log(errors / total), ends), ends), asked.rtol)


def _counted(problem: Problem, asked: Asked, chunks: list[plain.Chunk], log_value: float, ends: Ends) -> Estimate:
    sent = np.sum([chunk.sent for chunk in chunks], axis=0)
    wrong = np.sum([chunk.wrong for chunk in chunks], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_class = np.log(wrong / sent)
    pairs = np.concatenate([chunk.pairs for chunk in chunks])
    counts = np.concatenate([chunk.pair_counts for chunk in chunks]).astype(np.float64)
    more = of_simulation(asked, int(sent.sum()), pairs, counts)
    reason = f"{int(wrong.sum()):,} errors counted"
    return made(problem, log_value, ends, "confidence", "plain", reason, per_class=per_class, **more)


def _cells(problem: Problem, asked: Asked) -> Estimate:
    """Replicates of the decoder cells, of twice as many points each time until they agree."""
    if problem.num_classes > _MOST_CELL_CLASSES:
        number = f"{problem.num_classes} classes, expected at most {_MOST_CELL_CLASSES}"
        raise InputError(
            f"method is 'cells', and there are {number}: its work grows with the fourth power; take 'union'"
        )
    limits, size, used, first = bounds(problem)[:2], _LEAST_POINTS, 0, 0
    while True:
        tasks = [(first + index, size) for index in range(_REPLICATES)]
        replicates = list(asked.chunks(cells.sample, problem, tasks))
        points = sum(replicate.num_points for replicate in replicates)
        used += points
        answer = _replicated(problem, asked, replicates, limits, used, size)
        asked.show(used, answer.log_interval)
        if answer.reached or not points or used + 2 * points > asked.max_samples:
            return answer
        size, first = 2 * size, first + _REPLICATES


def _replicated(
    problem: Problem, asked: Asked, replicates: list[cells.Replicate], limits: Ends, used: int, size: int
) -> Estimate:
    scale, values = replicates[0].log_scale, [replicate.value for replicate in replicates]
    ends = intersected(scale, cells.replicate_interval(values, asked.confidence), limits)
    means = np.mean([replicate.class_values for replicate in replicates], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_class = np.log(means) + scale - problem.log_priors
    pairs = np.concatenate([replicate.pairs for replicate in replicates])
    shares = np.concatenate([replicate.pair_values for replicate in replicates])
    more = of_simulation(asked, used, pairs, shares)
    log_value = inside(scale + _log(float(np.mean(values))), ends)
    reason = f"{len(values)} replicates of up to {size:,} points a cell"
    answer = made(problem, log_value, ends, "asymptotic", "cells", reason, per_class=per_class, **more)
    return reaching(answer, asked.rtol)


_ANSWERS: dict[str, Callable[[Problem, Asked], Estimate]] = {
    "auto": _auto,
    "exact": closed_form,
    "bounds": _all_bounds,
    "union": _union,
    "cells": _cells,
    "plain": _plain,
}


# ------------------------------------------------------------------------------------------------------- what is found


def made(
    problem: Problem, log_value: float, ends: Ends, guarantee: Guarantee, method: str, reason: str, **more: Any
) -> Estimate:
    """The estimate, its logarithms in order and its ends not above 0."""
    given = {"num_samples": 0, "per_class": None, "per_pair": None, "confidence": None, "seed": None, **more}
    if given["per_class"] is not None:
        given["per_class"] = freeze(np.minimum(given["per_class"], 0.0))
    low, high = ends[0], min(ends[1], 0.0)
    if high == -math.inf and problem.num_classes > 1 and _can_err(problem):
        high = -sys.float_info.max  # the logarithm is beyond all floats
    log_value = inside(max(log_value, high) if high == -sys.float_info.max else log_value, (low, high))
    return Estimate(log_value, (low, high), guarantee, method, seconds=0.0, reason=reason, **given)


def _can_err(problem: Problem) -> bool:
    """Whether noise leads from some class that occurs across some boundary, however far."""
    for c in np.flatnonzero(problem.priors > 0):
        rivals = np.delete(np.arange(problem.num_classes), c)
        margins, lengths = problem.pairs(np.full(len(rivals), c), rivals).exact()
        if ((lengths > 0) | (margins <= 0)).any():
            return True
    return False


def reaching(answer: Estimate, rtol: float) -> Estimate:
    """The same, with a word where the accuracy asked for was not reached."""
    if answer.relative_width <= rtol:
        return answer
    return replace(answer, reason=f"{answer.reason}; rtol {rtol:g} was not reached", reached=False)


def inside(log_value: float, ends: Ends) -> float:
    """The value, or the nearest end of the interval where the value is outside of it."""
    return min(max(log_value, ends[0]), ends[1])


def middle(ends: Ends) -> float:
    """Half way between the ends of an interval; its upper end where the lower one is -inf."""
    low, high = ends
    return high if low == -math.inf else min(max(low / 2 + high / 2, low), high)


def intersected(log_scale: float, ends: Ends, limits: Ends, error: float = 0.0) -> Ends:
    """Logarithms of both ends, with their error in multiples of the scale, rounded outward, within the bounds."""
    bottom, top = log_scale + _log(ends[0] - error), log_scale + _log(ends[1] + error)
    if math.isfinite(log_scale):
        bottom, top = bottom - rounding(log_scale), top + rounding(log_scale)
    lower, upper = max(bottom, limits[0]), min(top, limits[1], 0.0)
    return (lower, upper) if lower <= upper else (limits[0], min(limits[1], 0.0))


def rounding(log_scale: float) -> float:
    """What rounding does to the logarithm of a simulated value at most."""
    return _SLACK[0] + _SLACK[1] * abs(log_scale)


def of_simulation(asked: Asked, number: int, pairs: Array, weights: Array) -> dict[str, Any]:
    """What a simulation knows beside its value."""
    found, sums = union.added(pairs, weights)
    total = float(sums.sum()) or 1.0
    shares = {(int(i), int(j)): float(part) / total for (i, j), part in zip(found, sums, strict=True)}
    return {"num_samples": number, "per_pair": shares, "confidence": asked.confidence, "seed": asked.seed}


def class_logs(problem: Problem, merged: union.Chunk) -> Array:
    """log P(error | class) of the classes that were drawn; NaN for the others, but where they never err."""
    counts, unions = merged.class_counts, problem.log_unions
    ratios = np.log(np.where(counts > 0, merged.class_sums, 1) / np.maximum(counts, 1))
    return np.where((counts > 0) | np.isneginf(unions), unions + ratios, math.nan)


# ------------------------------------------------------------------------------------------------------------ numbers


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


def _exp(log: float) -> float:
    return math.exp(log) if log < 709 else math.inf


def _rounded(log: float, direction: int) -> float:
    """exp(log), rounded down or up; exactly 0 only for -inf, or where it is rounded down to it."""
    if log == -math.inf:
        return 0.0
    slack = 8 * (1 + min(abs(log), 1e3)) * 2.0**-53
    return math.nextafter(math.exp(log) * (1 + direction * slack), direction * math.inf)


def relative_width(log_value: float, ends: Ends) -> float:
    """Half the width of the interval over the value; 0 where both ends are the same."""
    low, high = ends
    if low == high:
        return 0.0
    if low == -math.inf or log_value == -math.inf:
        return math.inf
    if high - low < 1:
        return math.expm1(high - low) * math.exp(low - log_value) / 2
    return (_exp(high - log_value) - _exp(low - log_value)) / 2


def telling_digits(width: float) -> int:
    """Significant digits that tell the ends of an interval of this relative half-width apart."""
    if width == 0:
        return 16
    return min(max(1 - math.floor(math.log10(width)), 3), 16) if width < math.inf else 3


def interval_text(ends: Ends, digits: int) -> str:
    """Both ends of an interval of log P, as P, rounded outward."""
    return f"[{decimal(ends[0], digits, ROUND_FLOOR)}, {decimal(ends[1], digits, ROUND_CEILING)}]"


def decimal(log: float, digits: int, rounding: str) -> str:
    """e^log with so many significant digits, rounded as said, also below all floats."""
    if log == -math.inf:
        return "0"
    if log < _DEEPEST:
        return f"e^{log:.17g}"
    value = Context(prec=40, Emin=-(10**17), Emax=10**17).exp(Decimal(log))
    return f"{Context(prec=digits, rounding=rounding, Emin=-(10**17), Emax=10**17).plus(value):g}"
