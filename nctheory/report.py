"""What a last layer is told about itself: measured collapse, certified verdicts, as text or as JSON.

Every number printed after the word "certified" comes from a kernel Verdict, never from a Result.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from decimal import ROUND_DOWN, ROUND_UP, Decimal, localcontext
from fractions import Fraction
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import nctheory
from nctheory import channel
from nctheory.collapse import Collapse, measure
from nctheory.configuration import Configuration, Features
from nctheory.errors import InputError
from nctheory.exact import ceil_float, floor_float
from nctheory.kernel import Verdict, digest
from nctheory.result import Certificate, End, Result, Status

__all__ = ["CheckReport", "Question", "certificate_digests", "check"]

_ENERGIES: tuple[Any, ...] = ("average", "bounded")
_LEGEND = (
    "ratio = exponent / (energy x optimum), rounded down. Scaling the class means by t",
    "scales exponent and energy by t^2, exactly. energy: average or largest squared norm",
    "of the class means; optimum: at energy 1. weakest pair i -> j: class i is most easily",
    "taken for class j (one such pair, where several tie).",
)
_RECHECK_WORK = 1_000_000  # K^2 (d + 250): about a second of the kernel's time for all certificates


@dataclass(frozen=True)
class Question:
    """One row of the report: this decoder, this energy constraint, and what came out."""

    decoder: str
    energy: str
    result: Result[channel.Gap]
    optimum: Result[None]

    @property
    def certificates(self) -> dict[str, Certificate]:
        """The claims behind the row by the file name each gets; rows share some of them."""
        found = {
            f"{self.decoder}-exponent": self.result.details.exponent.certificate,
            f"{self.energy}-optimum": self.optimum.certificate,
            f"{self.decoder}-{self.energy}-gap": self.result.certificate,
            f"{self.decoder}-{self.energy}-improvement": self.result.details.improvement,
        }
        return {name: certificate for name, certificate in found.items() if certificate is not None}

    @property
    def advice(self) -> str | None:
        """What would improve this configuration most, where there is anything to improve."""
        details = self.result.details
        if details.exponent.lower == 0 and details.shares.decoder > 0:
            i, j = details.exponent.details.pairs[0]
            return f"the decoder puts the mean of class {i} on or beyond its boundary to class {j}"
        if self.result.status in (Status.OPTIMAL, Status.NEAR_OPTIMAL) or not any(details.parts.values()):
            return None
        name, share = details.largest_part()
        lengths = details.shares.short_classes
        short, (i, j) = max(range(len(lengths)), key=lambda c: lengths[c]), details.closest[0]
        cause = {
            "decoder": "the decoder: nearest mean would do better",
            "short_classes": f"short class means, class {short} most",
            "off_center": "the mean of class means off the origin",
            "uneven_distances": f"uneven distances: classes {i} and {j} are closest",
            "class_means": f"the class means: classes {i} and {j} are closest",
        }
        return f"{float(share):.0%} of the gap is {cause[name]}"


@dataclass(frozen=True)
class CheckReport:
    """Everything `nctheory check` found. `verdicts` is empty where the kernel has not been asked."""

    source: str
    data: Features | Configuration
    collapse: Collapse | None
    questions: tuple[Question, ...]
    certificates: Mapping[str, Certificate]
    verdicts: Mapping[str, Verdict]

    def render(self, console: Console) -> None:
        """Tables on a terminal, plain text elsewhere."""
        console.print(f"{self.source}: {_sizes(self.data)}")
        if self.collapse is None:
            console.print("Class means only: NC1 to NC4 need features.")
        else:
            center = {"class": "the mean of class means", "sample": "the sample mean"}[self.collapse.center]
            console.print(f"\nNeural collapse, measured; g is {center}, rows of D are mu_c - g")
            _print_table(console, _collapse_table(self.collapse, console))
        console.print("\nGaussian channel h = mu_c + sigma z, error probability = exp(-(exponent + o(1)) / sigma^2)")
        console.print("Class means centered by their mean (the bias moves along), rounded once to float64.")
        console.print(self._standing())
        _print_table(console, self._channel_table(console))
        console.print(self._closing())

    def _channel_table(self, console: Console) -> Table:
        table = _table(console, "decoder", "energy", "exponent", "optimum", "ratio", "weakest pair", "verdict")
        for question in self.questions:
            table.add_row(question.decoder, question.energy, *self._numbers(question))
        return table

    def _numbers(self, question: Question) -> tuple[str, ...]:
        claims = self.claims(question)
        pair = "{} -> {}".format(*claims["exponent"]["pair"])
        bound = claims["optimum"]["bound"]
        optimum = str(bound) if claims["optimum"]["attained"] else f"<= {bound}"
        ratio = ("" if claims["optimum"]["attained"] else ">= ") + _show_ratio(claims["gap"]["lower"])
        exponent = _rounded(claims["exponent"]["exponent"], 6, ROUND_DOWN)
        return exponent, optimum, ratio, pair, str(question.result.status)

    def claims(self, question: Question) -> dict[str, Mapping[str, Any]]:
        """What is claimed in a row: by the verdicts where there are any, else by the unchecked certificates."""
        found: dict[str, Mapping[str, Any]] = {}
        for name in question.certificates:
            checked = self.verdicts[name].claim if self.verdicts else self.certificates[name].claim
            found[name.rpartition("-")[2]] = checked
        return found

    def _standing(self) -> str:
        if self.verdicts:
            return f"Certified: the kernel has re-checked the {len(self.verdicts)} certificates behind this table.\n"
        return "Exact arithmetic, not re-checked by the kernel: add --verify, or -o DIR and `nctheory recheck`.\n"

    def _closing(self) -> str:
        lines = ["", *_LEGEND]
        if any(question.result.status == Status.IMPROVABLE for question in self.questions):
            lines.append("improvable: the improvement certificate holds a strictly better configuration.")
        advice = [f"  {row.decoder}, {row.energy}: {row.advice}" for row in self.questions if row.advice]
        if advice:
            lines += ["", "What would improve it most (exact arithmetic, no certificate):", *advice]
        return "\n".join(lines)

    def as_json(self) -> str:
        """The same as a JSON document; docs/json.md describes it."""
        document = {
            "format": 1,
            "version": nctheory.__version__,
            "command": "check",
            "source": self.source,
            "num_classes": self.data.num_classes,
            "dimension": self.data.dimension,
            "num_samples": len(self.data.labels) if isinstance(self.data, Features) else None,
            "class_sizes": None if self.data.class_sizes is None else self.data.class_sizes.tolist(),
            "collapse": None if self.collapse is None else _collapse_json(self.collapse),
            "channel": [self._question_json(question) for question in self.questions],
        }
        return json.dumps(document, indent=2, allow_nan=False)

    def _question_json(self, question: Question) -> dict[str, Any]:
        claims, details = self.claims(question), question.result.details
        shares = details.shares
        return {
            "decoder": question.decoder,
            "energy_constraint": question.energy,
            "certified": bool(self.verdicts),
            "exponent": _number(claims["exponent"]["exponent"]),
            "energy": _number(details.energy),
            "optimum": {**_number(claims["optimum"]["bound"]), "attained": claims["optimum"]["attained"]},
            "ratio": {"lower": _number(claims["gap"]["lower"]), "upper": _number(_end(claims["gap"]["upper"]))},
            "status": str(question.result.status),
            "reason": question.result.reason,
            "weakest_pair": list(claims["exponent"]["pair"]),
            "improve_most": question.advice,
            "gap_shares": {
                "decoder": _number(shares.decoder),
                "short_classes": [_number(share) for share in shares.short_classes],
                "off_center": _number(shares.off_center),
                "uneven_distances": _number(shares.uneven_distances),
            },
            "certificates": sorted(question.certificates),
        }


def check(
    source: str,
    data: Features | Configuration,
    *,
    verify: bool | None = None,
    announce: Callable[[str], object] = lambda _: None,
) -> CheckReport:
    """Measure a last layer and decide its optimality in the Gaussian channel.

    Formula:
        `channel.certify` for the class means less their mean, rounded once, with the network's own classifier (where
        there is one) and with the nearest-mean decoder, under average and bounded energy.
    Args:
        source: what to call the data.
        data: Features, or a Configuration of class means.
        verify: whether the kernel re-checks every certificate at once; None does so where it takes about a second.
        announce: called with a line of text before every step that may take long.
    Assumes:
        At least two classes.
    Returns:
        CheckReport.
    Raises:
        InputError: data that the questions cannot be asked of. kernel.Invalid: a certificate does not hold (a defect).
    Reference:
        papyan2020, figures 2-7.
    Example:
        >>> import nctheory
        >>> report = check("simplex ETF", nctheory.Configuration(nctheory.simplex_etf(4)), verify=True)
        >>> [str(question.result.status) for question in report.questions]
        ['near_optimal', 'near_optimal']
    """
    if data.num_classes < 2:
        raise InputError(f"{source} has one class, expected at least two: there is nothing to be confused with")
    configuration = data.configuration if isinstance(data, Features) else data
    centered = configuration.centered() if configuration.has_coordinates else configuration
    decoders = {"network": centered} if centered.decoder == "linear" else {}
    decoders["nearest_mean"] = centered.nearest_mean()
    questions = []
    for name, points in decoders.items():
        for energy in _ENERGIES:
            announce(f"deciding: {name} decoder, {energy} energy")
            optimum = channel.optimum(points.num_classes, points.dimension, energy=energy)
            questions.append(Question(name, energy, channel.certify(points, energy=energy), optimum))
    certificates = {name: found for question in questions for name, found in question.certificates.items()}
    if verify is None:
        verify = centered.num_classes**2 * (centered.dimension + 250) <= _RECHECK_WORK
    verdicts = {}
    for name, certificate in certificates.items() if verify else ():
        announce(f"the kernel re-checks {name}")
        verdicts[name] = certificate.verify()
    announce("measuring collapse")
    collapse = measure(data) if isinstance(data, Features) else None
    return CheckReport(source, data, collapse, tuple(questions), certificates, verdicts)


def certificate_digests(data: Features | Configuration) -> dict[str, str]:
    """The digests by which certificates may speak of this data: as it is or centered, with either decoder."""
    configuration = data.configuration if isinstance(data, Features) else data
    forms = {"as given": configuration}
    if configuration.has_coordinates:
        forms["centered by the mean of class means"] = configuration.centered()
    digests = {}
    for form, points in forms.items():
        digests[digest(points.encode())] = f"{form}, {points.decoder} decoder"
        digests[digest(points.nearest_mean().encode())] = f"{form}, nearest_mean decoder"
    return digests


# ---------------------------------------------------------------------------------------------------------- pieces


def _sizes(data: Features | Configuration) -> str:
    sizes = data.class_sizes
    counts = ""
    if sizes is not None:
        each = f"{sizes.min()}" if sizes.min() == sizes.max() else f"{sizes.min()} to {sizes.max()}"
        counts = f" of {each} samples each"
    samples = f"{len(data.labels)} samples, " if isinstance(data, Features) else ""
    return f"{samples}{data.num_classes} classes{counts}, dimension {data.dimension}"


def _table(console: Console, *headers: str) -> Table:
    """A table with rules on a terminal, bare columns in a pipe."""
    table = Table(
        box=SIMPLE_HEAD if console.is_terminal else None, show_edge=False, pad_edge=False, header_style="bold"
    )
    for header in headers:
        table.add_column(header, overflow="fold", no_wrap=not console.is_terminal)
    return table


def _print_table(console: Console, table: Table) -> None:
    """In a pipe without the spaces that fill the last column."""
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as captured:
        console.print(table)
    console.print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _collapse_table(collapse: Collapse, console: Console) -> Table:
    table = _table(console, "metric", "value", "convention")
    for entry in fields(collapse):
        if entry.metadata:
            value = getattr(collapse, entry.name)
            shown = "undefined" if isinstance(value, float) and math.isnan(value) else f"{value:.6g}"
            table.add_row(entry.metadata["name"], shown, entry.metadata["convention"])
    return table


def _collapse_json(collapse: Collapse) -> dict[str, Any]:
    values = {entry.name: getattr(collapse, entry.name) for entry in fields(collapse)}
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in values.items()}


def _end(end: Fraction | str | None) -> End:
    """An end of a bracket as a claim has it: None (checked) or "inf" (not yet) is infinity."""
    return end if isinstance(end, Fraction) else math.inf


def _number(number: End) -> dict[str, Any]:
    """A number as two floats around it and as an exact string."""
    if not isinstance(number, Fraction):
        return {"lower": "inf", "upper": "inf", "exact": "inf"}
    return {"lower": _finite(floor_float(number)), "upper": _finite(ceil_float(number)), "exact": str(number)}


def _finite(number: float) -> float | str:
    return number if math.isfinite(number) else str(number)


def _show_ratio(ratio: Fraction) -> str:
    """Rounded down to six digits; close to 1, as 1 less the gap rounded up."""
    gap = 1 - ratio
    return f"1 - {_rounded(gap, 2, ROUND_UP)}" if 0 < gap < Fraction(1, 10**6) else _rounded(ratio, 6, ROUND_DOWN)


def _rounded(number: Fraction, digits: int, rounding: str) -> str:
    """So many significant digits, rounded in a stated direction."""
    with localcontext(prec=digits, rounding=rounding):
        return f"{(Decimal(number.numerator) / Decimal(number.denominator)).normalize():g}"
