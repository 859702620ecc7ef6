"""`nctheory report`: one HTML file on a last layer: verdicts, measured collapse, pictures; no network, no script.

Every sentence after the word "Certified" is a kernel Verdict's own statement; numbers of tables come from verdicts
where there are any, as in `nctheory check`.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN
from fractions import Fraction
from typing import Any

import numpy as np

import nctheory
from nctheory import channel, collapse, landscape, pictures, separation
from nctheory.arrays import Array
from nctheory.configuration import Configuration, Features
from nctheory.error_curve import ErrorCurve, error_curve
from nctheory.errors import InputError, SolverError
from nctheory.losses import Loss
from nctheory.measuring import collapse_rows
from nctheory.page import Picture, download, heading, items, page, paragraph, table, tiles
from nctheory.plots import require_matplotlib
from nctheory.probability import Estimate
from nctheory.probability.estimate import decimal, interval_text, telling_digits
from nctheory.report import LANDSCAPE_LEGEND, LEGEND, SEPARATION_LEGEND, CheckReport, check, size_text, unclaimed
from nctheory.result import Certificate, Result

__all__ = ["HtmlReport", "html_report"]

_DEPTHS = (1.5, 3, 6, 12, 24, 48)  # exponent / sigma^2 at the noises that are drawn
_NOISE = (1e-99, 1e99)  # that can be drawn
_RTOL, _MOST_SAMPLES = 0.1, 50_000  # of the error probability, where it is sampled
_MANY = 200  # classes up to which the error probability is computed
_CERTIFICATE, _CERTIFICATES = 1 << 16, 1 << 18  # bytes of one, and of all, that the page holds
_WEAKEST = 10  # pairs that are listed
_TILES = ("variability", "max_angle_means", "max_angle_weights", "self_duality", "nearest_mean_mismatch")


@dataclass(frozen=True)
class HtmlReport:
    """What is on the page: the check, the series of epochs, a prediction beside what was measured, error probabilities.

    `series`, `comparison` and `curve` are None where there is none; `unknown` says why, by name.
    """

    checked: CheckReport
    series: collapse.Series | None
    comparison: collapse.Comparison | None
    prediction: str
    curve: ErrorCurve | None
    unknown: dict[str, str]

    def render(self) -> str:
        """The HTML document."""
        sections = (
            self._summary,
            self._verdicts,
            self._collapse,
            self._prediction,
            self._layer,
            self._exponents,
            self._errors,
            self._certificates,
        )
        parts = (part for section in sections for part in section())
        return page(f"nctheory: {self.checked.source}", parts)

    @property
    def _points(self) -> Configuration:
        return _configuration(self.checked.data)

    # ------------------------------------------------------------------------------------------------------- sections

    def _summary(self) -> Iterator[str]:
        checked = self.checked
        yield heading(checked.source, level=1)
        yield paragraph(f"{size_text(checked.data)}. Written by nctheory {nctheory.__version__}.", "faint")
        rows = []
        if checked.collapse is not None:
            shown = {field: (name, value) for field, name, value, _ in checked.collapse.metrics()}
            rows += [(shown[field][0], _shown(shown[field][1])) for field in _TILES]
        row = checked.questions[0]
        rows.append((f"exponent / optimum: {_decoder(row.decoder)}, {row.energy} energy", checked.numbers(row)[2]))
        for each in checked.separated[-1:]:
            ratio = each.cells(checked.claim_of(each.name), each.name in checked.verdicts)[3]
            rows.append((f"least norms that separate / norms here: {each.form}", ratio))
        yield tiles(rows)

    def _verdicts(self) -> Iterator[str]:
        checked = self.checked
        yield heading("Gaussian channel")
        yield paragraph("h = mu_c + sigma z is decoded; its error probability is exp(-(exponent + o(1)) / sigma^2).")
        yield paragraph("Class means centered by their mean (the bias moves along), rounded once to float64.")
        yield paragraph(checked.standing())
        headers = ("decoder", "energy", "exponent", "optimum", "ratio", "weakest pair", "verdict")
        yield table(headers, [(_decoder(row.decoder), row.energy, *checked.numbers(row)) for row in checked.questions])
        yield paragraph(" ".join(LEGEND), "faint")
        advice = [f"{_decoder(row.decoder)}, {row.energy}: {row.advice}" for row in checked.questions if row.advice]
        if advice:
            yield paragraph("What would improve it most (exact arithmetic, no certificate):")
            yield items(advice)
        if checked.separated:
            yield from self._separation()
        if checked.fitted is not None:
            yield from self._landscape()

    def _separation(self) -> Iterator[str]:
        checked = self.checked
        yield heading("Minimum-norm separation")
        yield paragraph("The least norms of weights and free features that separate all samples.")
        rows = [row.cells(checked.claim_of(row.name), row.name in checked.verdicts) for row in checked.separated]
        yield table(("features", "bias", "value", "ratio", "value and ratio", "verdict"), rows)
        yield paragraph(" ".join(SEPARATION_LEGEND), "faint")
        first, *lines = [line for line in checked.smallest_margins() if line]
        yield paragraph(first)
        yield items(lines)

    def _landscape(self) -> Iterator[str]:
        checked, fitted = self.checked, self.checked.fitted
        assert fitted is not None
        yield heading("Unconstrained features")
        yield paragraph(f"Loss {fitted.loss.name}, penalties fitted to this last layer.")
        yield paragraph("F = mean loss + (lambda_W |W|^2 + lambda_H |H|^2 + lambda_b |b|^2) / 2")
        if fitted.fit is not None:
            yield table(("penalty", "fitted", "residual"), fitted.rows())
        if fitted.result is None:
            yield paragraph(f"There is no gap: {fitted.reason}.")
            return
        cells = fitted.cells(checked.claims_of(fitted.claimed), checked.is_certified(fitted.claimed))
        yield table(("F here, at most", "min F, at least", "ratio min F / F", "these numbers", "verdict"), [cells])
        yield paragraph(" ".join(LANDSCAPE_LEGEND), "faint")
        if not fitted.claimed:
            yield paragraph(f"There is no certificate: {unclaimed(fitted)}.")

    def _collapse(self) -> Iterator[str]:
        yield heading("Neural collapse, measured")
        measured = self.checked.collapse
        if measured is None:
            yield paragraph("Class means only: NC1 to NC4 need features.")
            return
        if self.series is not None:
            yield self._trajectories(self.series)
        center = {"class": "the mean of class means", "sample": "the sample mean"}[measured.center]
        yield paragraph(f"g is {center}, rows of D are mu_c - g.")
        yield table(("metric", "value", "convention"), collapse_rows(measured))

    def _trajectories(self, series: collapse.Series) -> str:
        values = series.column("variability")
        alternative = (
            f"NC1 to NC4 along {len(series.epochs)} epochs: from epoch {series.epochs[0]} to {series.epochs[-1]} the "
            f"within-class variability NC1 goes from {values[0]:.3g} to {values[-1]:.3g}."
        )
        caption = "Zeros are left out on logarithmic axes. The conventions are in the table below."
        return Picture(pictures.collapse_series(series), alternative, caption).markup()

    def _prediction(self) -> Iterator[str]:
        yield heading("Measured beside predicted")
        found = self.comparison
        if found is None:
            yield paragraph(self.unknown["comparison"])
            return
        yield paragraph(f"Prediction: {self.prediction}.")
        rows = [(name, *map(_shown, numbers)) for name, *numbers in found.rows()]
        yield table(("up to scale", "measured", "predicted", "difference"), rows)
        yield _gram("class means", found.measured_means_gram, found.predicted_means_gram)
        if self._points.decoder == "linear":
            yield _gram("classifier", found.measured_weights_gram, found.predicted_weights_gram)

    def _layer(self) -> Iterator[str]:
        data, points = self.checked.data, self._points
        yield heading("Geometry")
        share = pictures.shown_share(points.class_means)
        alternative = (
            f"The {points.num_classes} class means in their best three dimensions, which hold {share:.1%} of their "
            "squared lengths."
        )
        caption = (
            "Unit: the largest distance of a class mean from the mean of class means. Left three dimensions, right the "
            "first two. Dots are samples, discs class means, lines the rows of the classifier less their mean."
        )
        yield Picture(pictures.geometry(data), alternative, caption).markup()
        if points.decoder == "linear":
            yield heading("Margins")
            yield _margins(data)

    def _exponents(self) -> Iterator[str]:
        points = self._points
        exponents = pictures.exponents_by_pair(points)
        weakest = pictures.weakest_pairs(exponents, _WEAKEST)
        yield heading("Exponents by pair")
        if not weakest:
            yield paragraph("No pair of classes has a finite exponent.")
            return
        i, j, smallest = weakest[0]
        alternative = (
            f"Error exponents of all ordered pairs of {len(exponents)} classes; the smallest is {smallest:.6g}, "
            f"class {i} taken for class {j}."
        )
        caption = (
            "The larger, the rarer: class i is taken for class j with probability exp(-(exponent + o(1)) / sigma^2)."
        )
        yield Picture(pictures.pair_exponents(points), alternative, caption).markup()
        yield table(("sent", "decoded", "exponent (floats)"), [(a, b, f"{value:.6g}") for a, b, value in weakest])

    def _errors(self) -> Iterator[str]:
        yield heading("Error probability against noise")
        curve = self.curve
        if curve is None:
            yield paragraph(self.unknown["curve"])
            return
        noise, point = curve.noises[-1], curve.estimates[-1]
        value = decimal(point.log_value, 3, ROUND_HALF_EVEN)
        alternative = (
            f"Error probability at {len(curve.noises)} noises with rigorous bounds and the exact exponent "
            f"{float(curve.exponent.lower):.6g}; at noise {noise:.4g} it is about {value}."
        )
        caption = "Left its logarithm, right -sigma^2 log P, which tends to the exponent. Equal priors."
        yield Picture(curve.figure(), alternative, caption).markup()
        yield table(
            ("noise sigma", "P(error)", "interval", "guarantee", "method"),
            [_row(*each) for each in zip(curve.noises, curve.estimates, strict=True)],
        )

    def _certificates(self) -> Iterator[str]:
        checked = self.checked
        yield heading("Certificates")
        if checked.verdicts:
            yield paragraph("The kernel has re-checked these claims, and says of each:")
            yield items((f"Certified: {verdict.statement}." for verdict in checked.verdicts.values()), "sentences")
        left = [name for name in checked.certificates if name not in checked.verdicts]
        if left:
            yield paragraph(f"Not re-checked: {', '.join(left)}. `nctheory report --verify` re-checks them.")
        held, large = _within(checked.certificates)
        if held:
            yield paragraph("Files that anyone re-checks with a bare Python, `python kernel.py FILE`:")
            yield "<p>" + " &#183; ".join(download(f"{name}.json", content) for name, content in held.items()) + "</p>"
        if large:
            yield paragraph(
                f"Too large for this page: {', '.join(large)}. `nctheory check FILE -o FOLDER` writes them."
            )


def html_report(
    source: str,
    data: Features | Configuration,
    *,
    series: collapse.Series | None = None,
    loss: Loss | None = None,
    verify: bool | None = None,
    announce: Callable[[str], object] = lambda _: None,
) -> HtmlReport:
    """What `nctheory report` writes: everything about a last layer on one page.

    Formula:
        `nctheory check`; `collapse.compare` with the least norms that separate classes of these sizes (with a loss that
        fits: with the optimum of the fitted model; without a classifier: with the simplex or what is best known);
        `probability.error_probability` at six noises from exponent / sigma^2 = 1.5 to 48.
    Args:
        source: what to call the data.
        data: Features, or a Configuration of class means.
        series: the collapse at other epochs.
        loss: that of the unconstrained-features model to fit, or None for none.
        verify: as for `nctheory check`.
        announce: called with a line of text before every step that may take long.
    Assumes:
        At least two classes; matplotlib is installed (the extra `plots`).
    Returns:
        HtmlReport; `render()` is the document.
    Raises:
        InputError: matplotlib is not installed, or what `nctheory check` refuses.
    Reference:
        papyan2020, figures 2-7; thrampoulidis2022, theorem 1; dembo2010, section 2.2.
    Example:
        >>> import nctheory
        >>> from nctheory.html_report import html_report
        >>> text = html_report("simplex ETF", nctheory.Configuration(nctheory.simplex_etf(3))).render()
        >>> text.count("<img"), "<script" in text
        (8, False)
    """
    require_matplotlib()
    checked = check(source, data, loss=loss, verify=verify, announce=announce)
    unknown: dict[str, str] = {}
    announce("comparing with the prediction")
    comparison, prediction = _compared(checked, unknown)
    announce("error probabilities")
    curve = _curve(checked, unknown)
    return HtmlReport(checked, series, comparison, prediction, curve, unknown)


def _compared(checked: CheckReport, unknown: dict[str, str]) -> tuple[collapse.Comparison | None, str]:
    """The comparison and what it is with, or nothing and why."""
    try:
        found, prediction = _predicted(checked)
        if found.configuration is None:
            raise InputError(found.reason)
        return collapse.compare(checked.data, found), prediction
    except (InputError, SolverError) as error:
        unknown["comparison"] = f"There is no prediction to compare with: {error}."
        return None, ""


def _predicted(checked: CheckReport) -> tuple[Result[Any], str]:
    data, fitted = checked.data, checked.fitted
    if fitted is not None and fitted.fit is not None and fitted.fit.model is not None and fitted.result is not None:
        return landscape.optimum(fitted.fit.model), f"the optimum of the fitted model with the loss {fitted.loss.name}"
    if checked.separated:
        free = checked.separated[0].result.details.free_bias
        shape = "with a free bias" if free else "without bias"
        best = separation.optimum(data.class_sizes, data.dimension, bias=free)
        return best, f"the least norms that separate classes of these sizes in dimension {data.dimension}, {shape}"
    best = channel.optimum(data.num_classes, data.dimension, energy="average")
    return best, "the class means with the largest exponent that is known, at the same average energy"


def _curve(checked: CheckReport, unknown: dict[str, str]) -> ErrorCurve | None:
    """Error probabilities at noises chosen by the exponent."""
    points = _configuration(checked.data)
    if points.num_classes > _MANY:
        unknown["curve"] = f"More than {_MANY} classes take long: `nctheory probability` has them."
        return None
    beta = channel.exponent(points).lower
    if not 0 < beta < math.inf:
        cause = "0: a class mean is on a boundary of its class, or beyond" if beta == 0 else "infinite"
        unknown["curve"] = f"The exponent is {cause}. So no noise is telling."
        return None
    noises = [math.sqrt(float(beta / Fraction(depth))) for depth in _DEPTHS]
    if not _NOISE[0] < min(noises) <= max(noises) < _NOISE[1]:
        unknown["curve"] = "The class means are too small or too large for a picture."
        return None
    return error_curve(checked.source, points, noises, rtol=_RTOL, max_samples=_MOST_SAMPLES)


# ---------------------------------------------------------------------------------------------------------- pieces


def _configuration(data: Features | Configuration) -> Configuration:
    return data.configuration if isinstance(data, Features) else data


def _shown(value: float) -> str:
    return "undefined" if math.isnan(value) else f"{value:.6g}"


def _decoder(name: str) -> str:
    return name.replace("_", " ")


def _gram(name: str, measured: Array, predicted: Array) -> str:
    if np.isnan(measured).any() or np.isnan(predicted).any():
        return paragraph(f"The inner products of the {name} cannot be compared: there are none, or all are 0.")
    off = float(np.abs(measured - predicted).max())
    distance = float(np.linalg.norm(measured - predicted))
    alternative = (
        f"Inner products of the {name}, measured and predicted: no entry differs by more than {off:.3g}, and the "
        f"matrices by {distance:.3g} in Frobenius norm."
    )
    caption = f"Inner products of the {name}, each matrix over its Frobenius norm: measured, predicted, difference."
    return Picture(pictures.gram_matrices(measured, predicted, name=name), alternative, caption).markup()


def _margins(data: Features | Configuration) -> str:
    distances = separation.margins(data, norm="weights")
    wrong = int((distances <= 0).sum())
    alternative = (
        f"Distances of {len(distances)} {'samples' if isinstance(data, Features) else 'class means'} from the nearest "
        f"decision boundary; the smallest is {distances.min():.4g}, and {wrong} are not on their side."
    )
    caption = "Left over |w_y - w_c|, right also over |h|. Dashed: the smallest."
    return Picture(pictures.margin_histogram(data), alternative, caption).markup()


def _row(noise: float, point: Estimate) -> tuple[str, ...]:
    digits = telling_digits(point.relative_width)
    value = decimal(point.log_value, digits, ROUND_HALF_EVEN)
    return f"{noise:.6g}", value, interval_text(point.log_interval, digits), point.guarantee, point.method


def _within(certificates: Mapping[str, Certificate]) -> tuple[dict[str, bytes], list[str]]:
    """The files that the page has room for, and the names of the others."""
    held: dict[str, bytes] = {}
    large = []
    for name, certificate in certificates.items():
        content = certificate.encode() + b"\n"
        if len(content) <= _CERTIFICATE and sum(map(len, held.values())) + len(content) <= _CERTIFICATES:
            held[name] = content
        else:
            large.append(name)
    return held, large
