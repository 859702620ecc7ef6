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
from nctheory import channel, landscape, separation
from nctheory.arrays import Array
from nctheory.configuration import Configuration
from nctheory.errors import InputError
from nctheory.kernel import Verdict
from nctheory.landscape.certificates import bound_certificate, knows, objective_certificate
from nctheory.landscape.label_sets import placed
from nctheory.losses import PickAllLabels
from nctheory.result import Certificate, Result
from nctheory.spectrum import checked_sizes
from nctheory.spherical_code import Energy
from nctheory.tables import number, print_table, rounded, show_end

__all__ = ["LandscapeReport", "OptimumReport", "channel_optimum", "landscape_optimum", "separation_optimum"]

_SHOWN_SIZES = 6  # different class sizes whose cosines are shown one by one
_LARGEST = 10_000  # dimension in which an attaining configuration is written down
_WRITTEN = 1000  # classes whose coordinates are written
_VERIFIED = 100  # classes for which the kernel re-checks at once: a second or two
_CLAIMED = 300  # classes up to which an unconstrained-features model gets certificates: some 20 MiB of them
_NAMED = 80  # characters of an exact value at most; longer ones say nothing to a reader
_SAME = 1e-9  # singular values this close, relatively to the largest, are shown as one that is repeated
_LISTED = 20  # thresholds


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
        console.print(f"\n{self.quantity}: {_shown(result, self._exact())}")
        console.print(f"{result.status}: {result.reason}")
        self._render_more(console)
        self._render_configuration(console)
        if self.certificates:
            console.print(self._standing())

    def _exact(self) -> str | None:
        """The number in SymPy's notation."""
        return None if self.result.exact is None else str(self.result.exact)

    def _render_more(self, console: Console) -> None:
        """What only one question has to say, between its number and the table of classes."""

    def _render_configuration(self, console: Console) -> None:
        """What attains the upper end."""
        if self.result.configuration is not None:
            _render_classes(self.result.configuration, console)

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
            "exact": self._exact(),
            "status": str(result.status),
            "reason": result.reason,
            **self._more_json(),
            "configuration": self._coordinates(),
            "certified": [verdict.statement for verdict in self.verdicts.values()],
            "certificates": sorted(self.certificates),
        }
        return json.dumps(document, indent=2, allow_nan=False)

    def _coordinates(self) -> dict[str, Any] | None:
        """Of what attains the upper end, where it is small enough to be written."""
        return _coordinates(self.result.configuration)

    def _more_json(self) -> dict[str, Any]:
        """The keys that only one question has."""
        return {}


@dataclass(frozen=True)
class LandscapeReport(OptimumReport):
    """The optimum of an unconstrained-features model, with its spectrum, its thresholds and its symmetries."""

    model: landscape.Model

    def place(self) -> float:
        """Where the model is in its diagram."""
        return self.model.strength if self.model.temperature is None else float(self.model.temperature)

    def diagram(self) -> landscape.PhaseDiagram:
        """Norms, cosines and rank against lambda, on both sides of this model and of all that collapses; on spheres
        against the temperature."""
        here = self.place()
        if self.model.temperature is not None:
            return landscape.phase_diagram(self.model, "temperature", np.geomspace(here / 30, 30 * here, 61))
        collapse = self.result.details.thresholds.get("total collapse")
        ends = (
            (here / 30, 30 * here) if collapse is None else (min(collapse / 100, here / 3), max(collapse, here) * 1.2)
        )
        return landscape.phase_diagram(self.model, "strength", np.geomspace(ends[0], ends[1], 61))

    def _exact(self) -> str | None:
        """Only where it is short enough to be read."""
        text = super()._exact()
        return text if text is None or len(text) <= _NAMED else None

    def _render_more(self, console: Console) -> None:
        details = self.result.details
        shown = ", ".join(f"{value:.6g}" + f" ({count} times)" * (count > 1) for value, count in self._spectrum()[:6])
        more = ", ..." * (len(self._spectrum()) > 6)
        console.print(f"\nlogits of all samples, bias apart: rank {details.rank}, singular values {shown}{more}")
        console.print(f"the same objective after: {details.invariance}")
        if details.minimizers:
            console.print(f"minimizers apart from these: {len(details.minimizers)} more, see `minimizers` in Python")
        rows = [(f"{level:.6g}", what, place) for what, level, place in self._collapses()]
        if not rows:
            return
        name, place = self._measure()
        console.print(f"\nCollapse, against {name} = {place:.6g}:")
        print_table(console, (f"from {name.split()[0]}", "what happens", "here"), rows[:_LISTED])
        if len(rows) > _LISTED:
            console.print(f"... and {len(rows) - _LISTED} more")

    def _render_configuration(self, console: Console) -> None:
        """Labels and label sets apart, where there are such."""
        if self.model.family == "label_sets":
            _render_label_sets(self.model, self.result.configuration, console)
        else:
            super()._render_configuration(console)

    def _coordinates(self) -> dict[str, Any] | None:
        """With all layers of a deep model."""
        found = self.result.configuration
        if found is None or len(found.class_means) > _WRITTEN:
            return None
        parts = {"class_means": found.class_means, "weights": found.weights, "bias": found.bias}
        written = {name: part.tolist() for name, part in parts.items()}
        return written | ({"layers": [part.tolist() for part in found.layers]} if self.model.depth > 1 else {})

    def _spectrum(self) -> list[tuple[float, int]]:
        """Singular values that are not 0, falling, each with how often it is there."""
        found: list[tuple[float, int]] = []
        values = self.result.details.singular_values
        for value in map(float, values[: self.result.details.rank]):
            if found and found[-1][0] - value <= _SAME * values[0]:
                found[-1] = found[-1][0], found[-1][1] + 1
            else:
                found.append((value, 1))
        return found or [(0.0, len(values))]

    def _measure(self) -> tuple[str, float]:
        """What thresholds are about, and what that is here: lambda, or on spheres the ratio of class sizes."""
        if self.model.features == "sphere":
            return "R = largest class / smallest", float(self.model.class_sizes.max() / self.model.class_sizes.min())
        return f"lambda = {_mean_of_penalties(self.model)}", self.model.strength

    def _collapses(self) -> list[tuple[str, float, str]]:
        """What collapses, from where on, and on which side of that the model is."""
        here = self._measure()[1]
        levels = sorted(self.result.details.thresholds.items(), key=lambda item: item[1])
        return [(what, level, "above" if here >= level else "below") for what, level in levels]

    def _more_json(self) -> dict[str, Any]:
        details = self.result.details
        return {
            "statement": details.statement,
            "strength": self.model.strength,
            "rank": details.rank,
            "singular_values": details.singular_values.tolist(),
            "thresholds": [
                {"collapses": what, "from": level, "here": place} for what, level, place in self._collapses()
            ],
            "invariance": details.invariance,
        }


def landscape_optimum(model: landscape.Model, *, verify: bool | None = None) -> LandscapeReport:
    """What `nctheory optimum landscape` answers: the least objective of an unconstrained-features model.

    Formula:
        `landscape.optimum`, with the certificates of the dual bound below and of the configuration above.
    Args:
        model: a `landscape.Model`.
        verify: whether the kernel re-checks the certificates at once; None does so up to 100 classes.
    Assumes:
        What the model assumes; above all that features are free.
    Returns:
        LandscapeReport; without certificates for more than 300 classes, and for losses that the kernel does not know.
    Raises:
        InputError: no model, or a dimension beyond 10,000.
    Reference:
        zhu2021; thrampoulidis2022, section 4.
    Example:
        >>> from nctheory.landscape import Model
        >>> from nctheory.optima import landscape_optimum
        >>> report = landscape_optimum(Model([4, 4, 4], regularization=(1 / 16, 1 / 16)))
        >>> report.result.details.rank, sorted(report.verdicts)
        (2, ['attaining', 'optimum'])
    """
    if not isinstance(model, landscape.Model):
        raise InputError(f"model is of type {type(model).__name__}, expected a landscape.Model")
    _checked(model.dimension)
    result = landscape.optimum(model)
    certificates = _landscape_certificates(model, result)
    checks = model.num_classes <= _VERIFIED if verify is None else verify
    verdicts = {name: certificate.verify() for name, certificate in certificates.items()} if checks else {}
    return LandscapeReport(
        "landscape",
        f"Unconstrained features: {_titled(model)}",
        _quantity(model),
        _asked(model),
        result,
        certificates,
        verdicts,
        model,
    )


def _asked(model: landscape.Model) -> dict[str, Any]:
    """The model, for JSON."""
    weights = model.class_weights
    loss = model.loss
    return {
        "class_sizes": model.class_sizes.tolist(),
        "dimension": model.dimension,
        "loss": loss.name,
        "class_weights": None if weights is None else weights.tolist(),
        "regularization": [
            list(map(str, penalty)) if isinstance(penalty, tuple) else str(penalty) for penalty in model.regularization
        ],
        "bias": model.bias,
        "features": model.features,
        "temperature": None if model.temperature is None else str(model.temperature),
        "depth": model.depth,
        "activation": model.activation,
        "label_sets": [list(each) for each in loss.label_sets] if isinstance(loss, PickAllLabels) else None,
    }


def _mean_of_penalties(model: landscape.Model) -> str:
    names = [f"lambda_{j}" for j in range(1, model.depth + 1)] if model.depth > 1 else ["lambda_W"]
    return f"({' '.join(names)} lambda_H)^(1/{model.depth + 1})"


def _quantity(model: landscape.Model) -> str:
    return "least F = mean loss" + (" + penalties" if model.features != "sphere" else "")


def _landscape_certificates(model: landscape.Model, result: Result[landscape.Optimum]) -> dict[str, Certificate]:
    """The dual bound, also where the lower end of the result is another one, and the objective of what attains."""
    if not knows(model) or max(model.num_classes, len(model.class_sizes)) > _CLAIMED:
        return {}
    dual = result.details.dual
    bound = {} if dual is None or dual.lower <= 0 else {"optimum": bound_certificate(dual)}
    point = result.configuration if model.family != "label_sets" else placed(model, result.configuration)
    return {**bound, "attaining": objective_certificate(model, point, Fraction(result.upper))}


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
    return _report(
        "separation",
        f"Minimum-norm separation: {_counted(sizes)}, dimension {wide}, {_bias(bias)} bias",
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


def _counted(sizes: Array, what: str = "classes") -> str:
    shown = ", ".join(map(str, sizes)) if len(sizes) <= 20 else f"{sizes.min()} to {sizes.max()}"
    return f"{len(sizes)} {what} of {shown} samples"


def _bias(free: bool) -> str:
    return "a free" if free else "no"


def _titled(model: landscape.Model) -> str:
    """The model, in a line."""
    parts = [_counted(model.class_sizes), f"dimension {model.dimension}", model.loss.name]
    if isinstance(model.loss, PickAllLabels):
        parts[0] = f"{model.num_classes} labels, {_counted(model.class_sizes, 'label sets')}"
    if model.class_weights is not None:
        parts[-1] += ", with class weights"
    if model.features == "sphere":
        return ", ".join([*parts, f"norms 1, temperature {float(model.temperature or 0):g}"])
    if model.features == "nonnegative":
        parts.append("features at least 0")
    if model.depth > 1:
        between = ", ReLU between them" if model.activation == "relu" else ""
        parts.append(f"{model.depth} weight matrices{between}")
    return ", ".join([*parts, _penalties(model)])


def _penalties(model: landscape.Model) -> str:
    """The penalties and the bias, in words."""
    different = dict.fromkeys(model.layer_penalties)
    shown = f"lambda_W = {' and '.join(f'{float(each):g}' for each in different)}"
    shown += f", lambda_H = {float(model.lambda_features):g}"
    if model.lambda_bias:
        return f"{shown}, lambda_b = {float(model.lambda_bias):g}"
    return f"{shown}, {_bias(model.bias)} bias"


def _shown(result: Result[Any], named: str | None) -> str:
    """The exact number, its bracket, or that there is none."""
    if not isinstance(result.lower, Fraction):
        return "there is none"
    ends = show_end(result.lower, 17, ROUND_DOWN), show_end(result.upper, 17, ROUND_UP)
    if not isinstance(result.upper, Fraction):
        return f"at least {ends[0]}"
    exact = f"{named} = {result.value:.15g}" if named is not None else ""
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
    """Norms and cosines of the class means, and of the weights where there are any, by class size; and the bias."""
    sizes = configuration.class_sizes
    if sizes is None or configuration.weights is None:
        return
    different, counts = np.unique(sizes, return_counts=True)
    columns = [np.linalg.norm(part, axis=1) for part in (configuration.weights, configuration.class_means)]
    if np.any(configuration.bias):
        columns.append(np.asarray(configuration.bias))
    console.print("\nThe configuration of the upper end, in floats:")
    rows = [
        (str(size), str(count), *(_range(column[sizes == size]) for column in columns))
        for size, count in zip(different, counts, strict=True)
    ]
    print_table(console, ("samples", "classes", "|w|", "|h|", "b")[: 2 + len(columns)], rows[:20])
    if len(rows) > 20:
        console.print(f"... and {len(rows) - 20} more sizes")
    console.print("")
    _render_cosines(configuration, different, console)


def _render_label_sets(model: landscape.Model, point: Any, console: Console) -> None:
    """Norms of the weights of labels, and of the features of label sets by how many labels these have."""
    console.print("\nThe configuration of the upper end, in floats:")
    console.print(
        f"norms |w| of the weights of {model.num_classes} labels: {_range(np.linalg.norm(point.weights, axis=1))}"
    )
    many = np.array([len(each) for each in point.label_sets])
    rows = [
        (
            str(size),
            str((many == size).sum()),
            _range(point.class_sizes[many == size]),
            _range(point.norms[many == size]),
        )
        for size in np.unique(many)
    ]
    print_table(console, ("labels", "sets", "samples of each", "|h|"), rows[:_LISTED])


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
