"""What a last layer is told about itself: measured collapse, certified verdicts, as text or as JSON.

Every number printed after the word "certified" comes from a kernel Verdict, never from a Result.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_UP
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from rich.console import Console

import nctheory
from nctheory import channel, landscape, separation
from nctheory.collapse import Collapse, measure
from nctheory.configuration import Configuration, Features
from nctheory.errors import InputError
from nctheory.kernel import MAX_NUMBERS, Verdict, digest
from nctheory.landscape.certificates import bound_certificate, knows, objective_certificate
from nctheory.losses import Loss
from nctheory.measuring import collapse_rows
from nctheory.result import Certificate, End, Result, Status
from nctheory.tables import finite, number, print_table, rounded, show_end, show_ratio

__all__ = ["CheckReport", "Fitted", "Question", "Separated", "certificate_digests", "check"]

_ENERGIES: tuple[Any, ...] = ("average", "bounded")
LEGEND = (
    "ratio = exponent / (energy x optimum), rounded down. Scaling the class means by t",
    "scales exponent and energy by t^2, exactly. energy: average or largest squared norm",
    "of the class means; optimum: at energy 1. weakest pair i -> j: class i is most easily",
    "taken for class j (one such pair, where several tie).",
)
SEPARATION_LEGEND = (
    "value = |W| |H| / m, m the smallest margin <w_y - w_c, h> + b_y - b_c: scaled to m = 1 and |W| = |H| it is",
    "(|W|^2 + |H|^2) / 2, rounded up. ratio = least possible value for these class sizes in any dimension / value,",
    "rounded down. centered: weights, and with a bias also features, less their means; the bias moves along, and up to",
    "one rounding every margin stays. verdict: exact arithmetic; improvable: a strictly better configuration is known.",
)
LANDSCAPE_LEGEND = (
    "residual: how much of the equation that fixes the penalty is left at its best value, relatively. It is 0 at a",
    "critical point of the model, 1 where the penalty explains nothing; near 1 the model does not describe this",
    "network, and the gap says little about it. Networks decay weights, not features: the gap is to the best free",
    "features under the fitted penalties, not to what this network could have reached.",
)
_RECHECK_WORK = 1_000_000  # K^2 (d + 250): about a second of the kernel's time for all channel certificates
_RECHECK_LOGITS = 10_000_000  # N K (d + 10): the same for separation
_RECHECK_LOSSES = 3_000_000  # N K (d + 60): two or three seconds for an unconstrained-features model
_RECHECK_DUAL = 100  # classes: the same for its lower bound


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
class Separated:
    """One row on minimum-norm separation: these points, as given or centered, and what came out."""

    form: str
    result: Result[separation.Separation]

    @property
    def name(self) -> str:
        """The file name of the row's certificate."""
        return f"separation-{self.form.replace(' ', '_')}"

    @cached_property
    def certificates(self) -> dict[str, Certificate]:
        """The row's claim, where there is one that the kernel can read."""
        certificate = self.result.certificate
        return {} if certificate is None or not _is_readable(certificate) else {self.name: certificate}

    @property
    def bias(self) -> str:
        """Whether the problem has a free bias, in a word."""
        return "free" if self.result.details.free_bias else "no"

    def ends(self, claim: Mapping[str, Any] | None) -> tuple[End, Fraction]:
        """Value, from above, and ratio, from below: as claimed, or where nothing is claimed as computed."""
        if claim is not None:
            return claim["value"], claim["ratio"]
        value = self.result.details.value
        return (math.inf if value is None else value[1]), Fraction(self.result.lower)

    def cells(self, claim: Mapping[str, Any] | None, certified: bool) -> tuple[str, ...]:
        """The row as text."""
        value, ratio = self.ends(claim)
        least = ">= " if self.result.status == Status.UNDECIDED else ""
        standing = "certified" if certified else "not re-checked" if self.certificates else "no certificate"
        shown = show_end(value, 6, ROUND_UP), least + show_ratio(ratio)
        return self.form, self.bias, *shown, standing, str(self.result.status)

    def as_json(self, claim: Mapping[str, Any] | None, certified: bool) -> dict[str, Any]:
        """The row as JSON."""
        value, ratio = self.ends(claim)
        margin = self.result.details.margin
        return {
            "features": self.form,
            "free_bias": self.result.details.free_bias,
            "certified": certified,
            "value": number(value),
            "ratio": {"lower": number(ratio), "upper": number(self.result.upper)},
            "status": str(self.result.status),
            "reason": self.result.reason,
            "smallest_margin": {**number(margin.value), "sample": margin.sample, "class": margin.other},
            "certificates": sorted(self.certificates),
        }


@dataclass(frozen=True)
class Fitted:
    """The unconstrained-features model that this last layer solves most nearly; `fit` is None where there is none.

    `reason` then says why, and so it does where the fit has no model. `claimed` holds the row's certificates.
    """

    loss: Loss
    fit: landscape.Fit | None
    reason: str
    claimed: Mapping[str, Certificate]

    @property
    def result(self) -> Result[landscape.Certified] | None:
        """How far the point is from the model's minimum."""
        return None if self.fit is None or self.reason else self.fit.result

    def rows(self) -> list[tuple[str, str, str]]:
        """Penalties and residuals as text."""
        assert self.fit is not None
        shown = zip(_PENALTIES, self.fit.coefficients, self.fit.residuals, strict=True)
        rows = [(name, f"{value + 0.0:.6g}", f"{residual:.3g}") for name, value, residual in shown]
        return rows if self._free or self.fit.residuals[2] else rows[:2]

    @property
    def _free(self) -> bool:
        return self.fit is not None and self.fit.model is not None and self.fit.model.bias

    def ends(self, claims: Mapping[str, Mapping[str, Any]]) -> tuple[Fraction, Fraction, Fraction, Fraction]:
        """Objective from above, minimum from below, and the ratio: as claimed, or where nothing is, as computed."""
        assert self.result is not None
        details = self.result.details
        if "landscape-bound" not in claims or "landscape-objective" not in claims:
            return details.objective[1], details.minimum[0], Fraction(self.result.lower), Fraction(self.result.upper)
        value, bound = claims["landscape-objective"]["value"], claims["landscape-bound"]["bound"]
        less = claims["landscape-improvement"]["decrease"] if "landscape-improvement" in claims else 0
        return value, bound, max(Fraction(0), bound / value), 1 - Fraction(less) / value

    def cells(self, claims: Mapping[str, Mapping[str, Any]], certified: bool) -> tuple[str, ...]:
        """Objective, minimum, ratio, what stands behind them, verdict."""
        assert self.result is not None
        value, bound, low, high = self.ends(claims)
        standing = "certified" if certified else "not re-checked" if self.claimed else "no certificate"
        ratio = show_ratio(low) if high == low else f"{show_ratio(low)} to {rounded(high, 6, ROUND_UP)}"
        least = rounded(bound, 6, ROUND_DOWN)
        return rounded(value, 6, ROUND_UP), least, ratio, standing, str(self.result.status)

    def as_json(self, claims: Mapping[str, Mapping[str, Any]], certified: bool) -> dict[str, Any]:
        """The same as JSON."""
        fit, result = self.fit, self.result
        document: dict[str, Any] = {
            "loss": self.loss.name,
            "penalties": None if fit is None else _by_penalty(fit.coefficients),
            "residuals": None if fit is None else _by_penalty(fit.residuals),
            "bias": self._free,
            "certified": certified,
        }
        if result is None:
            nothing = dict.fromkeys(("objective", "minimum", "ratio", "status"))
            return document | nothing | {"reason": self.reason, "certificates": []}
        value, bound, low, high = self.ends(claims)
        return document | {
            "objective": number(value),
            "minimum": number(bound),
            "ratio": {"lower": number(low), "upper": number(high)},
            "status": str(result.status),
            "reason": result.reason,
            "certificates": sorted(self.claimed),
        }


_PENALTIES = ("lambda_W", "lambda_H", "lambda_b")


def _by_penalty(values: tuple[float, float, float]) -> dict[str, float | str | None]:
    known = (None if math.isnan(value) else finite(value) for value in values)
    return dict(zip(_PENALTIES, known, strict=True))


@dataclass(frozen=True)
class CheckReport:
    """Everything `nctheory check` found. `verdicts` is empty where the kernel has not been asked."""

    source: str
    data: Features | Configuration
    collapse: Collapse | None
    questions: tuple[Question, ...]
    separated: tuple[Separated, ...]
    certificates: Mapping[str, Certificate]
    verdicts: Mapping[str, Verdict]
    fitted: Fitted | None = None

    def render(self, console: Console) -> None:
        """Tables on a terminal, plain text elsewhere."""
        console.print(f"{self.source}: {size_text(self.data)}")
        if self.collapse is None:
            console.print("Class means only: NC1 to NC4 need features.")
        else:
            center = {"class": "the mean of class means", "sample": "the sample mean"}[self.collapse.center]
            console.print(f"\nNeural collapse, measured; g is {center}, rows of D are mu_c - g")
            print_table(console, ("metric", "value", "convention"), collapse_rows(self.collapse))
        console.print("\nGaussian channel h = mu_c + sigma z, error probability = exp(-(exponent + o(1)) / sigma^2)")
        console.print("Class means centered by their mean (the bias moves along), rounded once to float64.")
        console.print(self.standing())
        headers = ("decoder", "energy", "exponent", "optimum", "ratio", "weakest pair", "verdict")
        print_table(console, headers, [(row.decoder, row.energy, *self.numbers(row)) for row in self.questions])
        console.print(self._closing())
        if self.separated:
            self._render_separation(console)
        if self.fitted is not None:
            self._render_landscape(self.fitted, console)

    def _render_landscape(self, fitted: Fitted, console: Console) -> None:
        console.print(
            f"\nUnconstrained features with the loss {fitted.loss.name}, penalties fitted to this last layer:"
        )
        console.print("F = mean loss + (lambda_W |W|^2 + lambda_H |H|^2 + lambda_b |b|^2) / 2\n")
        if fitted.fit is not None:
            print_table(console, ("penalty", "fitted", "residual"), fitted.rows())
        if fitted.result is None:
            console.print(f"There is no gap: {fitted.reason}.")
            return
        console.print("")
        headers = ("F here, at most", "min F, at least", "ratio min F / F", "these numbers", "verdict")
        certified = self.is_certified(fitted.claimed)
        print_table(console, headers, [fitted.cells(self.claims_of(fitted.claimed), certified)])
        sentences = [f"Certified: {self.verdicts[name].statement}." for name in fitted.claimed if certified]
        if not fitted.claimed:
            sentences = [f"There is no certificate: {unclaimed(fitted)}."]
        console.print("\n".join(("", *LANDSCAPE_LEGEND, "", *sentences)).rstrip())

    def is_certified(self, names: Mapping[str, Certificate]) -> bool:
        """Whether there are verdicts on all of these certificates."""
        return bool(names) and names.keys() <= self.verdicts.keys()

    def claims_of(self, names: Mapping[str, Certificate]) -> dict[str, Mapping[str, Any]]:
        """What is claimed under these names: by the verdicts where there are any, else by unchecked certificates."""
        return {name: (self.verdicts.get(name) or self.certificates[name]).claim for name in names}

    def _render_separation(self, console: Console) -> None:
        about = "the least norms of weights and free features that separate all samples"
        console.print(f"\nMinimum-norm separation: {about}\n")
        rows = [row.cells(self.claim_of(row.name), row.name in self.verdicts) for row in self.separated]
        print_table(console, ("features", "bias", "value", "ratio", "value and ratio", "verdict"), rows)
        console.print("\n".join(("", *SEPARATION_LEGEND, *self.smallest_margins())))

    def smallest_margins(self) -> Iterator[str]:
        """Where the smallest margins are, in lines."""
        yield from ("", "Where the smallest margin is (exact arithmetic, no certificate):")
        for row in self.separated:
            margin = row.result.details.margin
            own = f"class {margin.sample}"
            if isinstance(self.data, Features):
                own = f"sample {margin.sample} of class {self.data.labels[margin.sample]}"
            yield f"  {row.form}: {rounded(margin.value, 6, ROUND_HALF_EVEN)}, {own} against class {margin.other}"

    def claim_of(self, name: str) -> Mapping[str, Any] | None:
        """What is claimed under a name: by its verdict where there are any, else by the unchecked certificate."""
        found = self.verdicts.get(name) or self.certificates.get(name)
        return None if found is None else found.claim

    def numbers(self, question: Question) -> tuple[str, ...]:
        """Exponent, optimum, ratio, weakest pair and verdict of a row as text."""
        claims = self.claims(question)
        pair = "{} -> {}".format(*claims["exponent"]["pair"])
        bound = claims["optimum"]["bound"]
        optimum = str(bound) if claims["optimum"]["attained"] else f"<= {bound}"
        ratio = ("" if claims["optimum"]["attained"] else ">= ") + show_ratio(claims["gap"]["lower"])
        exponent = rounded(claims["exponent"]["exponent"], 6, ROUND_DOWN)
        return exponent, optimum, ratio, pair, str(question.result.status)

    def ratios(self, question: str) -> dict[str, Result[Any]]:
        """The ratios on the "channel" or on "separation" by what they are about; a Result's ends are the ratio's."""
        if question == "channel":
            return {f"{row.decoder}, {row.energy} energy": row.result for row in self.questions}
        if question == "landscape":
            found = None if self.fitted is None else self.fitted.result
            return {} if found is None else {"the unconstrained-features model": found}
        return {f"separation, {row.form}": row.result for row in self.separated}

    def claims(self, question: Question) -> dict[str, Mapping[str, Any]]:
        """What is claimed in a row: by the verdicts where there are any, else by the unchecked certificates."""
        claims = self.claims_of(question.certificates)
        return {name.rpartition("-")[2]: claim for name, claim in claims.items()}

    def standing(self) -> str:
        """What stands behind the table of the channel, in a sentence."""
        behind = {name: found for row in self.questions for name, found in row.certificates.items()}
        if self.is_certified(behind):
            return f"Certified: the kernel has re-checked the {len(behind)} certificates behind this table.\n"
        return "Exact arithmetic, not re-checked by the kernel: add --verify, or -o DIR and `nctheory recheck`.\n"

    def _closing(self) -> str:
        lines = ["", *LEGEND]
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
            "separation": [row.as_json(self.claim_of(row.name), row.name in self.verdicts) for row in self.separated],
        }
        if self.fitted is not None:
            claimed = self.fitted.claimed
            document["landscape"] = self.fitted.as_json(self.claims_of(claimed), self.is_certified(claimed))
        return json.dumps(document, indent=2, allow_nan=False)

    def _question_json(self, question: Question) -> dict[str, Any]:
        claims, details = self.claims(question), question.result.details
        shares = details.shares
        return {
            "decoder": question.decoder,
            "energy_constraint": question.energy,
            "certified": self.is_certified(question.certificates),
            "exponent": number(claims["exponent"]["exponent"]),
            "energy": number(details.energy),
            "optimum": {**number(claims["optimum"]["bound"]), "attained": claims["optimum"]["attained"]},
            "ratio": {"lower": number(claims["gap"]["lower"]), "upper": number(claims["gap"]["upper"])},
            "status": str(question.result.status),
            "reason": question.result.reason,
            "weakest_pair": list(claims["exponent"]["pair"]),
            "improve_most": question.advice,
            "gap_shares": {
                "decoder": number(shares.decoder),
                "short_classes": [number(share) for share in shares.short_classes],
                "off_center": number(shares.off_center),
                "uneven_distances": number(shares.uneven_distances),
            },
            "certificates": sorted(question.certificates),
        }


def check(
    source: str,
    data: Features | Configuration,
    *,
    loss: Loss | None = None,
    verify: bool | None = None,
    announce: Callable[[str], object] = lambda _: None,
) -> CheckReport:
    """Measure a last layer, and decide its optimality in the Gaussian channel and in minimum-norm separation.

    Formula:
        `channel.certify` for the class means less their mean, rounded once, with the network's own classifier (where
        there is one) and with the nearest-mean decoder, under average and bounded energy. `separation.certify` for the
        features with the classifier, as given and centered. With a loss, `landscape.fit_regularization` and `certify`.
    Args:
        source: what to call the data.
        data: Features, or a Configuration of class means.
        loss: that of the unconstrained-features model to fit, or None for none.
        verify: whether the kernel re-checks every certificate at once; None does so where it takes about a second.
        announce: called with a line of text before every step that may take long.
    Assumes:
        At least two classes.
    Returns:
        CheckReport.
    Raises:
        InputError: data that the questions cannot be asked of, such as a loss without a classifier. kernel.Invalid: a
            certificate does not hold (a defect).
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
    announce("deciding: minimum-norm separation")
    separated = _separated(data)
    certificates = {name: found for question in questions for name, found in question.certificates.items()}
    certificates |= {name: found for row in separated for name, found in row.certificates.items()}
    fitted = None
    if loss is not None:
        announce("fitting an unconstrained-features model")
        fitted = _fitted(source, data, loss)
    checked = {name: _at_once(data, False) if verify is None else verify for name in certificates}
    claimed = {} if fitted is None else fitted.claimed
    checked |= {name: _at_once(data, True) if verify is None else verify for name in claimed}
    certificates |= claimed
    verdicts = {}
    for name in filter(checked.__getitem__, certificates):
        announce(f"the kernel re-checks {name}")
        verdicts[name] = certificates[name].verify()
    announce("measuring collapse")
    collapse = measure(data, covariance=True) if isinstance(data, Features) else None
    return CheckReport(source, data, collapse, tuple(questions), separated, certificates, verdicts, fitted)


def _at_once(data: Features | Configuration, model: bool) -> bool:
    """Whether the kernel takes about a second or two, for all but an unconstrained-features model or for that."""
    size, width = data.num_classes, data.dimension
    logits = (len(data.labels) if isinstance(data, Features) else size) * size
    if model:
        return logits * (width + 60) <= _RECHECK_LOSSES and size <= _RECHECK_DUAL
    return size**2 * (width + 250) <= _RECHECK_WORK and logits * (width + 10) <= _RECHECK_LOGITS


def _fitted(source: str, data: Features | Configuration, loss: Loss) -> Fitted:
    """The fit and its certificates, or why there is none."""
    if not _has_classifier(data):
        raise InputError(f"{source} lacks a classifier or class sizes, which an unconstrained-features model needs")
    points = data.features if isinstance(data, Features) else data.class_means
    if not np.any(data.weights) or not np.any(points):
        return Fitted(loss, None, "weights or features are all 0, and no penalties follow from them", {})
    with np.errstate(over="ignore", invalid="ignore"):  # then a penalty is infinite, or NaN, and there is no model
        fit = landscape.fit_regularization(data, loss)
    try:
        result = fit.result
    except InputError as error:  # beyond the range of floats
        return Fitted(loss, fit, str(error), {})
    if fit.model is None or result is None:
        return Fitted(loss, fit, fit.reason, {})
    return Fitted(loss, fit, "", _landscape_certificates(fit.model, data, result))


def _landscape_certificates(
    model: landscape.Model, data: Features | Configuration, result: Result[landscape.Certified]
) -> dict[str, Certificate]:
    """The objective here, the bound below all objectives, and the decrease to a better point; all or none."""
    details = result.details
    if not knows(model) or details.dual is None or details.dual.lower <= 0 or not _fits(data):
        return {}
    found = {
        "landscape-objective": objective_certificate(model, data, details.objective[1]),
        "landscape-bound": bound_certificate(details.dual),
    }
    if details.better is not None and result.certificate is not None:
        found["landscape-improvement"] = result.certificate
    return found if all(map(_is_readable, found.values())) else {}


def _is_readable(certificate: Certificate) -> bool:
    """Whether the kernel can read it: one tiny number among large ones makes all integers long."""
    try:
        certificate.encode()
    except InputError:
        return False
    return True


def unclaimed(fitted: Fitted) -> str:
    """Why there is no certificate."""
    if not fitted.loss.is_convex:
        return f"the kernel does not know {fitted.loss.name}, a loss that is not convex"
    if fitted.fit is not None and fitted.fit.model is not None and not knows(fitted.fit.model):
        return "the kernel does not know negative smoothing"
    if fitted.result is not None and not fitted.result.lower > 0:
        return "no lower bound above 0 is known"
    return "it would be beyond what the kernel reads"


def _separated(data: Features | Configuration) -> tuple[Separated, ...]:
    """Rows for points with a classifier; a configuration also needs its class sizes."""
    if not _has_classifier(data):
        return ()
    free = bool(np.any(data.bias))
    return tuple(Separated(form, separation.certify(points, bias=free)) for form, points in _forms(data).items())


def _forms(data: Features | Configuration) -> dict[str, Features | Configuration]:
    """The points as given, and centered where that stays within float64."""
    try:
        return {"as given": data, "centered": separation.centered(data)}
    except InputError:
        return {"as given": data}


def _has_classifier(data: Features | Configuration) -> bool:
    linear = data.weights is not None if isinstance(data, Features) else data.decoder == "linear"
    return linear and data.class_sizes is not None


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
    if _has_classifier(data):
        for form, given in _forms(data).items() if _fits(data) else ():
            digests[digest(separation.encoded(given))] = f"{form}, with its classifier and class sizes"
    return digests


def _fits(data: Features | Configuration) -> bool:
    """Whether the points may be in a certificate at all."""
    points = data.features if isinstance(data, Features) else data.class_means
    return data.num_classes > 1 and points.size < MAX_NUMBERS


# ---------------------------------------------------------------------------------------------------------- pieces


def size_text(data: Features | Configuration) -> str:
    """Samples, classes and dimension in words."""
    sizes = data.class_sizes
    counts = ""
    if sizes is not None:
        each = f"{sizes.min()}" if sizes.min() == sizes.max() else f"{sizes.min()} to {sizes.max()}"
        counts = f" of {each} samples each"
    samples = f"{len(data.labels)} samples, " if isinstance(data, Features) else ""
    return f"{samples}{data.num_classes} classes{counts}, dimension {data.dimension}"


def _collapse_json(collapse: Collapse) -> dict[str, Any]:
    values = {metric.field: metric.value for metric in collapse.metrics()}
    return {"center": collapse.center} | {
        name: None if math.isnan(value) else finite(value) for name, value in values.items()
    }
