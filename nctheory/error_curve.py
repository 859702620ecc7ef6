"""`nctheory probability`: the error probability at the noises that were asked for, as text or as JSON."""

import json
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

import nctheory
from nctheory import channel, plots
from nctheory.arrays import Array, positive_integer
from nctheory.configuration import Configuration, as_configuration
from nctheory.errors import InputError, SolverError
from nctheory.probability import Campaign, Estimate, error_probability
from nctheory.probability.estimate import decimal, interval_text, telling_digits
from nctheory.probability.problem import Problem
from nctheory.result import Result
from nctheory.tables import finite, number, print_table, rounded

__all__ = ["ErrorCurve", "error_curve"]

Ends = tuple[float, float]
Progress = Callable[[float, int, Ends], object]

_KEEPING = ("auto", "union")  # methods that keep a checkpoint
_CHUNK = (1_000, 100_000)  # observations that a worker makes at a time, at least and at most
_SHOWN_CONFUSIONS, _WRITTEN_CONFUSIONS = 3, 100
_HEADERS = ("noise", "P(error)", "interval", "guarantee", "method", "samples")
_GAP = 3  # columns between two columns of a table
_GUARANTEES = {
    "numerical": "quadrature; the interval is its tested accuracy, not a proof",
    "rigorous": "bounds on P that always hold, rounded outward",
    "confidence": "the interval holds P in {percent:.6g}% of runs or more, whenever they stop",
    "asymptotic": "the interval holds P in {percent:.6g}% of runs, in the limit of many samples",
}


@dataclass(frozen=True)
class ErrorCurve:
    """What was asked, the exact exponent, and an Estimate for each noise."""

    source: str
    configuration: Configuration
    by_size: bool
    asked: Mapping[str, Any]
    exponent: Result[Any]
    noises: tuple[float, ...]
    estimates: tuple[Estimate, ...]

    def render(self, console: Console) -> None:
        """Text for a person."""
        console.print(f"{self.source}: {self._what()}")
        console.print(f"exponent -lim sigma^2 log P(error): {self._exponent()}\n")
        _print_points(console, [_cells(*point) for point in self._points()])
        console.print("\n".join(("", *self._guarantees(), *self._reasons(), *self._confusions())))

    def _points(self) -> Iterator[tuple[float, Estimate]]:
        return zip(self.noises, self.estimates, strict=True)

    @property
    def _priors(self) -> str:
        return "in proportion to the class sizes" if self.by_size else "equal"

    @property
    def _decoder(self) -> str:
        return "network" if self.configuration.decoder == "linear" else "nearest_mean"

    def _what(self) -> str:
        points = self.configuration
        decoder = self._decoder.replace("_", "-")
        return f"{points.num_classes} classes, dimension {points.dimension}, {decoder} decoder, priors: {self._priors}"

    def _exponent(self) -> str:
        exact = self.exponent.lower
        if not isinstance(exact, Fraction):
            return "infinite, no noise leads to an error"
        short = f"{exact} = " if len(str(exact)) <= 20 and exact.denominator > 1 else ""
        pairs = self.exponent.details.pairs
        several = f", one of {len(pairs)} weakest pairs" if len(pairs) > 1 else ", the weakest pair"
        return f"{short}{rounded(exact, 6, ROUND_HALF_EVEN)} for {pairs[0][0]} -> {pairs[0][1]}{several}"

    def _guarantees(self) -> Iterator[str]:
        for kind in dict.fromkeys(point.guarantee for point in self.estimates):
            yield f"{kind}: {_GUARANTEES[kind].format(percent=100 * self.asked['confidence'])}"

    def _reasons(self) -> Iterator[str]:
        """One line for each reason, with the noises that it is about."""
        reasons: dict[str, list[str]] = {}
        for noise, point in self._points():
            reasons.setdefault(f"{point.method}: {point.reason}", []).append(f"{noise:g}")
        yield from (f"noise {', '.join(noises)}: {reason}" for reason, noises in reasons.items())

    def _confusions(self) -> Iterator[str]:
        noise, point = min(self._points(), key=lambda each: each[0])
        found = confusions(point, _SHOWN_CONFUSIONS)
        if found:
            shown = ", ".join(f"{i} -> {j} {100 * share:.3g}%" for i, j, share in found)
            yield f"At noise {noise:g} the errors are mostly: {shown}"

    def figure(self) -> Any:
        """The same as a matplotlib figure."""
        priors = _priors(self.configuration, self.by_size)
        return plots.error_curve(self.noises, self.estimates, self.configuration, priors=priors)

    def as_json(self) -> str:
        """The same as a JSON document; docs/json.md describes it."""
        document = {
            "format": 1,
            "version": nctheory.__version__,
            "command": "probability",
            "source": self.source,
            "num_classes": self.configuration.num_classes,
            "dimension": self.configuration.dimension,
            "decoder": self._decoder,
            "priors": self._priors,
            **self.asked,
            "exponent": number(self.exponent.lower),
            "points": [_point_json(*point) for point in self._points()],
        }
        return json.dumps(document, indent=2, allow_nan=False)


def error_curve(
    source: str,
    configuration: Any,
    noises: Sequence[float],
    *,
    method: Any = "auto",
    by_size: bool = False,
    rtol: float = 1e-2,
    confidence: float = 0.95,
    max_samples: int = 10_000_000,
    seed: int = 0,
    checkpoint: Path | None = None,
    resume: bool = False,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> ErrorCurve:
    """What `nctheory probability` answers: the error probability at several noises, with the exact exponent.

    Formula:
        `error_probability` where no sampling is needed, else a `Campaign` over the noises that are left, with or
        without a checkpoint that outlives it: the numbers are the same.
    Args:
        source: what to call the configuration.
        configuration: a Configuration, or bare class means (K, d) with the nearest-mean decoder.
        noises: standard deviations per coordinate.
        method, rtol, confidence, max_samples, seed, executor: as for `error_probability`.
        by_size: priors in proportion to the class sizes of the configuration instead of equal ones.
        checkpoint: where the campaign keeps what is done; it is removed by whoever has kept the answer.
        resume: whether to go on with the checkpoint that is there.
        progress: called with the noise, the samples so far and the interval of log P.
    Assumes:
        Gaussian noise.
    Returns:
        ErrorCurve.
    Raises:
        InputError: what cannot be used; one class; a checkpoint that is there without `resume`, and the other way.
        SolverError: a worker was lost.
    Reference:
        owen2019; waudbysmith2024.
    Example:
        >>> from nctheory import exact_simplex_etf
        >>> from nctheory.error_curve import error_curve
        >>> found = error_curve("simplex ETF", exact_simplex_etf(10), [0.1, 0.05])
        >>> found.exponent.lower, [f"{point.value:.6g}" for point in found.estimates]
        (Fraction(5, 18), ['4.08826e-13', '1.33316e-49'])
    """
    configuration = as_configuration(configuration)
    if configuration.num_classes < 2:
        raise InputError(f"{source} has one class, expected at least two: there is nothing to be confused with")
    positive_integer(max_samples, "max_samples")  # "auto" asks for fewer first
    _check_checkpoint(checkpoint, resume, method)
    asked = {"method": method, "rtol": rtol, "confidence": confidence, "max_samples": max_samples, "seed": seed}
    options = {**asked, "priors": _priors(configuration, by_size)}
    for noise in noises:
        Problem.of(configuration, noise)  # refuses what is no noise before the work at the others
    points = [_at_once(configuration, noise, options, executor, progress) for noise in noises]
    left = [noise for noise, point in zip(noises, points, strict=True) if point is None]
    if resume and not left:
        raise InputError(f"--resume: none of these noises needs sampling, so {checkpoint} is of another run")
    del options["method"]
    found = iter(_simulated(configuration, left, options, checkpoint, executor, progress) if left else ())
    estimates = tuple(next(found) if point is None else point for point in points)
    return ErrorCurve(source, configuration, by_size, asked, channel.exponent(configuration), tuple(noises), estimates)


# ------------------------------------------------------------------------------------------------------------ the work


def _check_checkpoint(path: Path | None, resume: bool, method: str) -> None:
    if resume and path is None:
        raise InputError("--resume without -o, expected the -o of the run to go on with: its checkpoint is beside it")
    if resume and method not in _KEEPING:
        raise InputError(
            f"--resume with --method {method}, which keeps no checkpoint, expected {' or '.join(_KEEPING)}"
        )
    if resume and path is not None and not path.exists():
        raise InputError(f"--resume: {path} does not exist, expected what a run leaves that was stopped")
    if not resume and path is not None and path.exists():
        raise InputError(f"{path} is there from a run that was stopped: add --resume to go on, or remove it")


def _priors(configuration: Configuration, by_size: bool) -> list[Fraction] | None:
    sizes = configuration.class_sizes
    if not by_size:
        return None
    if sizes is None:
        raise InputError("priors by class sizes, and the configuration has none: expected class_sizes or labels")
    return [Fraction(int(size), int(sizes.sum())) for size in sizes]


def _at_once(
    configuration: Configuration,
    noise: float,
    options: Mapping[str, Any],
    executor: Executor | None,
    progress: Progress | None,
) -> Estimate | None:
    """The estimate, or None where it is to be simulated in a campaign."""
    if options["method"] == "union":
        return None
    if options["method"] == "auto":  # one sample shows which method it takes
        found = error_probability(configuration, noise, **{**options, "max_samples": 1})
        return None if found.method == "union" else found
    shown = None if progress is None else partial(progress, noise)
    return error_probability(configuration, noise, executor=executor, progress=shown, **options)


def _simulated(
    configuration: Configuration,
    noises: list[float],
    options: Mapping[str, Any],
    checkpoint: Path | None,
    executor: Executor | None,
    progress: Progress | None,
) -> tuple[Estimate, ...]:
    campaign = Campaign(configuration, noises, chunk_size=_chunk_size(options["rtol"]), **options)
    try:
        if checkpoint is not None:
            return campaign.run(checkpoint, executor, progress)
        with tempfile.TemporaryDirectory() as folder:
            return campaign.run(Path(folder) / "run.npz", executor, progress)
    except SolverError as error:
        kept = f"{checkpoint} has what was done: add --resume to go on"
        advice = "nothing was kept: with -o, it would be" if checkpoint is None else kept
        raise SolverError(f"{str(error).rpartition('; ')[0]}; {advice}") from error


def _chunk_size(rtol: float) -> int:
    """A hundredth of 1 / rtol^2, so that an interval is looked at often enough and not too often."""
    least, most = _CHUNK
    return most if rtol * rtol * 100 * most <= 1 else max(least, round(0.01 / rtol**2))


# ------------------------------------------------------------------------------------------------------- what is shown


def _print_points(console: Console, rows: list[tuple[str, ...]]) -> None:
    """A table, or where that is too wide three lines for each noise, so that no number breaks."""
    widths = [max(map(len, column)) + _GAP for column in zip(_HEADERS, *rows, strict=True)]
    if sum(widths) - _GAP <= console.width:
        print_table(console, _HEADERS, rows)
        return
    for noise, value, ends, guarantee, method, samples in rows:
        console.print(f"noise {noise}: P(error) = {value}\n  in {ends}\n  {method}, {guarantee}, samples: {samples}")


def _cells(noise: float, point: Estimate) -> tuple[str, ...]:
    """The row as text."""
    digits = telling_digits(point.relative_width)
    value = decimal(point.log_value, digits, ROUND_HALF_EVEN)
    samples = f"{point.num_samples:,}" if point.num_samples else "none"
    return f"{noise:g}", value, interval_text(point.log_interval, digits), point.guarantee, point.method, samples


def progress_line(noise: float, count: int, ends: Ends) -> str:
    """How far a simulation is."""
    return f"noise {noise:g}: {interval_text(ends, telling_digits(_half_width(ends)))}, {count:,} samples"


def share_done(rtol: float, ends: Ends) -> float:
    """About which part of the samples has been made, since widths shrink with their root."""
    width = _half_width(ends)
    return 1.0 if width <= rtol else (rtol / width) ** 2


def _half_width(ends: Ends) -> float:
    return math.expm1(min(ends[1] - ends[0], 700.0)) / 2


def confusions(point: Estimate, most: int) -> list[tuple[int, int, float]]:
    """The confusions (sent, decoded) that carry most of the probability, with their shares."""
    shares = sorted((point.per_pair or {}).items(), key=lambda each: (-each[1], each[0]))
    return [(i, j, share) for (i, j), share in shares[:most]]


def _point_json(noise: float, point: Estimate) -> dict[str, Any]:
    return {
        "noise": number(Fraction(noise)),
        "log_value": finite(point.log_value),
        "log_interval": _ends_json(point.log_interval),
        "decimal": decimal(point.log_value, telling_digits(point.relative_width), ROUND_HALF_EVEN),
        "value": point.value,
        "interval": _ends_json(point.interval),
        "relative_width": finite(point.relative_width),
        "guarantee": point.guarantee,
        "method": point.method,
        "num_samples": point.num_samples,
        "confidence": point.confidence,
        "reached": point.reached,
        "reason": point.reason,
        "log_per_class": None if point.per_class is None else _logs_json(point.per_class),
        "confusions": [
            {"sent": i, "decoded": j, "share": share} for i, j, share in confusions(point, _WRITTEN_CONFUSIONS)
        ],
        "seconds": point.seconds,
    }


def _ends_json(ends: Ends) -> dict[str, Any]:
    return {"lower": finite(ends[0]), "upper": finite(ends[1])}


def _logs_json(logs: Array) -> list[float | str | None]:
    return [None if math.isnan(log) else finite(float(log)) for log in logs]
