"""`nctheory optimum`: the best that is possible, one verb for all questions, as text or as JSON.

Every sentence printed after the word "Certified" is a kernel Verdict's own statement.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_UP
from fractions import Fraction
from typing import Any

import numpy as np
from rich.console import Console

import nctheory
from nctheory import channel, separation
from nctheory.arrays import Array
from nctheory.configuration import Configuration
from nctheory.errors import InputError
from nctheory.kernel import Verdict
from nctheory.result import Certificate, Result
from nctheory.spectrum import checked_sizes
from nctheory.spherical_code import Energy
from nctheory.tables import number, print_table, rounded, show_end

__all__ = ["OptimumReport", "channel_optimum", "separation_optimum"]

_SHOWN_SIZES = 6  # different class sizes whose cosines are shown one by one
_LARGEST = 10_000  # dimension in which an attaining configuration is written down
_WRITTEN = 1000  # classes whose coordinates are written
_VERIFIED = 100  # classes for which the kernel re-checks at once: a second or two


@dataclass(frozen=True)
class OptimumReport:
    """One answer: what was asked, the Result, its certificates, and their verdicts where the kernel has been asked."""

    question: str
    title: str
    quantity: str
    asked: Mapping[str, Any]
    result: Result[Any]
    certificates: Mapping[str, Certificate]
    verdicts: Mapping[str, Verdict]

    def render(self, console: Console) -> None:
        """Text for a person."""
        result = self.result
        console.print(self.title)
        console.print(f"\n{self.quantity}: {_shown(result)}")
        console.print(f"{result.status}: {result.reason}")
        if result.configuration is not None:
            _render_classes(result.configuration, console)
        if self.certificates:
            console.print(self._standing())

    def _standing(self) -> str:
        if not self.verdicts:
            return "\nExact arithmetic, not re-checked by the kernel: add --verify, or -o DIR and `nctheory recheck`."
        return "\n".join(("", *(f"Certified: {verdict.statement}." for verdict in self.verdicts.values())))

    def as_json(self) -> str:
        """The same as a JSON document; docs/json.md describes it."""
        result = self.result
        document = {
            "format": 1,
            "version": nctheory.__version__,
            "command": "optimum",
            "question": self.question,
            **self.asked,
            "optimum": {"lower": number(result.lower), "upper": number(result.upper)},
            "exact": None if result.exact is None else str(result.exact),
            "status": str(result.status),
            "reason": result.reason,
            "configuration": _coordinates(result.configuration),
            "certified": [verdict.statement for verdict in self.verdicts.values()],
            "certificates": sorted(self.certificates),
        }
        return json.dumps(document, indent=2, allow_nan=False)


def separation_optimum(
    class_sizes: Any, dimension: int | None = None, *, bias: bool = False, verify: bool | None = None
) -> OptimumReport:
    """What `nctheory optimum separation` answers: the least norms that separate classes of these sizes.

    Formula:
        `separation.optimum`, with the certificates of its lower end and of the configuration that attains the upper.
    Args:
        class_sizes: (K,) positive integers.
        dimension: d, K - 1 by default.
        bias: whether a bias is free.
        verify: whether the kernel re-checks the certificates at once; None does so up to 100 classes.
    Assumes:
        Nothing.
    Returns:
        OptimumReport.
    Raises:
        InputError: what `separation.optimum` raises.
    Reference:
        thrampoulidis2022, theorem 1.
    Example:
        >>> from nctheory.optima import separation_optimum
        >>> report = separation_optimum([1, 1, 1])
        >>> report.result.exact, sorted(report.verdicts)
        (2, ['attaining', 'optimum'])
    """
    _checked(dimension)
    sizes = checked_sizes(class_sizes)
    result = separation.optimum(sizes, dimension, bias=bias)
    wide = len(sizes) - 1 if dimension is None else dimension
    certificates = {"optimum": result.certificate}
    if result.upper != math.inf and len(sizes) <= _WRITTEN:
        certificates["attaining"] = separation.certify(result.configuration, bias=bias).certificate
    shown = ", ".join(map(str, sizes)) if len(sizes) <= 20 else f"{sizes.min()} to {sizes.max()}"
    return _report(
        "separation",
        f"Minimum-norm separation: {len(sizes)} classes of {shown} samples, dimension {wide}, {_bias(bias)} bias",
        "least (|W|^2 + |H|^2) / 2 with every margin at least 1",
        {"class_sizes": sizes.tolist(), "dimension": wide, "free_bias": bias},
        result,
        certificates,
        len(sizes) <= _VERIFIED if verify is None else verify,
    )


def channel_optimum(
    num_classes: int,
    dimension: int | None = None,
    *,
    energy: Energy = "bounded",
    verify: bool | None = None,
) -> OptimumReport:
    """What `nctheory optimum channel` answers: the largest exponent of K class means in dimension d.

    Formula:
        `channel.optimum`, with the certificates of its upper end and of the exponent of the class means found.
    Args:
        num_classes: K >= 2.
        dimension: d, K - 1 by default.
        energy: "bounded", "equal" or "average".
        verify: whether the kernel re-checks the certificates at once; None does so up to 100 classes.
    Assumes:
        Nothing.
    Returns:
        OptimumReport.
    Raises:
        InputError: what `channel.optimum` raises, or one class.
    Reference:
        balakrishnan1961; rankin1955.
    Example:
        >>> from nctheory.optima import channel_optimum
        >>> channel_optimum(10, 9).result.exact
        5/18
    """
    _checked(dimension)
    result = channel.optimum(num_classes, dimension, energy=energy)
    if num_classes < 2:
        raise InputError("one class, expected at least two: there is nothing to be confused with")
    wide = num_classes - 1 if dimension is None else dimension
    found = channel.exponent(result.configuration)
    return _report(
        "channel",
        f"Gaussian channel: {num_classes} classes in dimension {wide}, {energy} energy at most 1, any linear decoder",
        "largest exponent -lim sigma^2 log P(error)",
        {"num_classes": num_classes, "dimension": wide, "energy_constraint": energy},
        result,
        {"optimum": result.certificate, "found": found.certificate},
        num_classes <= _VERIFIED if verify is None else verify,
    )


def _report(
    question: str,
    title: str,
    quantity: str,
    asked: Mapping[str, Any],
    result: Result[Any],
    certificates: Mapping[str, Certificate | None],
    verify: bool,
) -> OptimumReport:
    existing = {name: certificate for name, certificate in certificates.items() if certificate is not None}
    verdicts = {name: certificate.verify() for name, certificate in existing.items()} if verify else {}
    return OptimumReport(question, title, quantity, asked, result, existing, verdicts)


# ---------------------------------------------------------------------------------------------------------- pieces


def _checked(dimension: int | None) -> None:
    if dimension is not None and dimension > _LARGEST:
        raise InputError(f"dimension is {dimension}, expected at most {_LARGEST}: more dimensions change nothing")


def _bias(free: bool) -> str:
    return "a free" if free else "no"


def _shown(result: Result[Any]) -> str:
    """The exact number, its bracket, or that there is none."""
    if not isinstance(result.lower, Fraction):
        return "there is none"
    ends = show_end(result.lower, 17, ROUND_DOWN), show_end(result.upper, 17, ROUND_UP)
    if not isinstance(result.upper, Fraction):
        return f"at least {ends[0]}"
    exact = f"{result.exact} = {result.value:.15g}" if result.exact is not None else ""
    if result.lower == result.upper:
        return exact
    apart = f"between {ends[0]} and {ends[1]}, relatively {rounded(Fraction(result.gap), 2, ROUND_UP)} apart"
    return f"{exact}\n{apart}" if exact else apart


def _coordinates(configuration: Configuration | None) -> dict[str, Any] | None:
    if configuration is None or configuration.num_classes > _WRITTEN:
        return None
    if not configuration.has_coordinates:
        return {"gram": [[str(entry) for entry in row] for row in configuration.exact.fractions()]}
    parts = {"class_means": configuration.class_means, "weights": configuration.weights, "bias": configuration.bias}
    return {name: None if part is None else part.tolist() for name, part in parts.items()}


def _render_classes(configuration: Configuration, console: Console) -> None:
    """Norms and cosines of the class means, and of the weights where there are any, by class size."""
    sizes = configuration.class_sizes
    if sizes is None or configuration.weights is None:
        return
    different, counts = np.unique(sizes, return_counts=True)
    norms = [np.linalg.norm(part, axis=1) for part in (configuration.weights, configuration.class_means)]
    console.print("\nThe configuration of the upper end, in floats:")
    rows = [
        (str(size), str(count), *(_range(norm[sizes == size]) for norm in norms))
        for size, count in zip(different, counts, strict=True)
    ]
    print_table(console, ("samples", "classes", "|w|", "|h|"), rows[:20])
    if len(rows) > 20:
        console.print(f"... and {len(rows) - 20} more sizes")
    console.print("")
    _render_cosines(configuration, different, console)


def _render_cosines(configuration: Configuration, different: Array, console: Console) -> None:
    sizes = np.asarray(configuration.class_sizes)
    parts = [np.asarray(part) for part in (configuration.weights, configuration.class_means)]
    cosines = [_cosines(part) for part in parts]
    off = ~np.eye(len(sizes), dtype=bool)
    if len(different) > _SHOWN_SIZES:
        console.print(f"cosines between weights {_range(cosines[0][off])}, class means {_range(cosines[1][off])}")
        return
    rows = []
    for i, size in enumerate(different):
        for other in different[i:]:
            pairs = (sizes == size)[:, None] & (sizes == other) & off
            if pairs.any():
                rows.append((f"{size}, {other}", *(_range(each[pairs]) for each in cosines)))
    print_table(console, ("sizes", "cos(w, w')", "cos(h, h')"), rows)


def _cosines(points: Array) -> Array:
    """(K, K) cosines, NaN where a point is 0."""
    norms = np.linalg.norm(points, axis=1, keepdims=True)
    units = np.divide(points, norms, out=np.full_like(points, np.nan), where=norms > 0)
    return np.asarray(units @ units.T)


def _range(values: Array) -> str:
    values = values[~np.isnan(values)]
    if not values.size:
        return "undefined"
    low, high = float(values.min()), float(values.max())
    return f"{low:.6g}" if high - low <= 1e-9 * max(1.0, abs(high)) else f"{low:.6g} to {high:.6g}"
