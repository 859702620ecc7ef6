"""`nctheory measure`: how collapsed a last layer is, at one epoch or along a series, as text, JSON or CSV."""

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from rich.console import Console

import nctheory
from nctheory.collapse import Collapse, Series, measure
from nctheory.configuration import Center, Features
from nctheory.errors import InputError
from nctheory.tables import finite, print_table

__all__ = ["Measurement", "collapse_rows", "measurement"]

_COLUMNS = {
    "training_error": "error",
    "variability": "NC1",
    "equinorm_means": "NC2 norms M",
    "equinorm_weights": "NC2 norms W",
    "max_angle_means": "NC2 angles M",
    "max_angle_weights": "NC2 angles W",
    "self_duality": "NC3",
    "nearest_mean_mismatch": "NC4",
}  # of a series as text: fields, and short names
_PER_CLASS = {
    "per_class_samples": "samples",
    "per_class_norms_means": "|mu_c - g|",
    "per_class_norms_weights": "|w_c|",
    "per_class_variances": "variance",
    "per_class_angles": "angle",
    "per_class_errors": "error",
}
_SHOWN = 30  # classes of a table, at most
_CENTERS = {"class": "the mean of class means", "sample": "the sample mean"}


@dataclass(frozen=True)
class Measurement:
    """What was measured, at the epochs of a series; without snapshots the one epoch is None."""

    source: str
    epochs: tuple[int | None, ...]
    collapses: tuple[Collapse, ...]

    def render(self, console: Console) -> None:
        """Text for a person: one epoch in full, or a row for each."""
        found = self.collapses[-1]
        sizes = found.per_class_samples
        classes = f"{len(sizes)} classes, {sizes.sum()} samples"
        console.print(f"{self.source}: {classes}; g is {_CENTERS[found.center]}, rows of D are mu_c - g\n")
        if len(self.collapses) == 1:
            print_table(console, ("metric", "value", "convention"), collapse_rows(found))
            self._render_classes(found, console)
        else:
            self._render_series(console)

    def _render_classes(self, found: Collapse, console: Console) -> None:
        columns = [getattr(found, name) for name in _PER_CLASS]
        rows = [(str(c), *(_shown(column[c]) for column in columns)) for c in range(min(_SHOWN, len(columns[0])))]
        console.print("")
        print_table(console, ("class", *_PER_CLASS.values()), rows)
        if len(columns[0]) > _SHOWN:
            console.print(f"... and {len(columns[0]) - _SHOWN} more classes: --json has all of them")
        entries = {entry.name: entry.metadata for entry in fields(found)}
        conventions = {short: entries[name]["convention"] for name, short in _PER_CLASS.items()}
        lines = [f"  {short}: {text}" for short, text in conventions.items() if text != short]
        console.print("\n".join(("", *lines)))

    def _render_series(self, console: Console) -> None:
        rows = [
            (str(epoch), *(_shown(getattr(found, name)) for name in _COLUMNS))
            for epoch, found in zip(self.epochs, self.collapses, strict=True)
        ]
        print_table(console, ("epoch", *_COLUMNS.values()), rows)
        conventions = {name: convention for name, _, _, convention in self.collapses[0].metrics()}
        lines = [f"  {short}: {conventions[name]}" for name, short in _COLUMNS.items()]
        console.print("\n".join(("", *lines, "", "All metrics: --csv, --json, or one --epoch.")))

    def as_json(self) -> str:
        """The same as a JSON document; docs/json.md describes it."""
        found = self.collapses[-1]
        measured = [{"epoch": epoch, **_values(each)} for epoch, each in zip(self.epochs, self.collapses, strict=True)]
        document = {
            "format": 1,
            "version": nctheory.__version__,
            "command": "measure",
            "source": self.source,
            "num_classes": len(found.per_class_samples),
            "num_samples": int(found.per_class_samples.sum()),
            "center": found.center,
            "conventions": {entry.name: entry.metadata["convention"] for entry in _entries(found)},
            "epochs": measured,
        }
        return json.dumps(document, indent=2, allow_nan=False)

    def as_csv(self) -> str:
        """A line for each epoch with every number that is not an array; what is undefined is left empty."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("epoch", *(field for field, *_ in self.collapses[0].metrics())))
        for epoch, found in zip(self.epochs, self.collapses, strict=True):
            values = (value for _, _, value, _ in found.metrics())
            writer.writerow(("" if epoch is None else epoch, *("" if math.isnan(value) else value for value in values)))
        return stream.getvalue().rstrip("\n")


def measurement(source: str, data: Any, *, center: Center = "class", epoch: int | None = None) -> Measurement:
    """What `nctheory measure` answers: the metrics of neural collapse at one epoch or along a series.

    Formula:
        `collapse.measure` of features, or the Series that `collapse.measure_series` made.
    Args:
        source: what to call the data.
        data: Features, or a collapse.Series.
        center: "class" or "sample", of Features; a Series has its own.
        epoch: which one the Features are of, where they are of one.
    Assumes:
        At least two classes.
    Returns:
        Measurement.
    Raises:
        InputError: class means without features, or one class.
    Reference:
        papyan2020, figures 2-7.
    Example:
        >>> from nctheory import Features, simplex_etf
        >>> from nctheory.measuring import measurement
        >>> found = measurement("an ETF", Features(simplex_etf(3), [0, 1, 2], simplex_etf(3)))
        >>> found.as_csv().splitlines()[0][:30]
        'epoch,rank,rank_means,rank_wei'
    """
    if isinstance(data, Series):
        return Measurement(source, data.epochs, data.collapses)
    if not isinstance(data, Features):
        raise InputError(f"{source} has class means only, expected features: NC1 to NC4 need samples")
    return Measurement(source, (epoch,), (measure(data, center=center, covariance=True),))


def collapse_rows(found: Collapse) -> list[tuple[str, str, str]]:
    """Name, value and convention of every number as text."""
    return [(name, _shown(value), convention) for _, name, value, convention in found.metrics()]


def _shown(value: float) -> str:
    return "undefined" if math.isnan(value) else f"{value:.6g}"


def _entries(found: Collapse) -> Sequence[Any]:
    return [entry for entry in fields(found) if entry.metadata]


def _values(found: Collapse) -> dict[str, Any]:
    return {entry.name: _plain(getattr(found, entry.name)) for entry in _entries(found)}


def _plain(value: Any) -> Any:
    """For JSON: lists for arrays, null for what is undefined, "inf" for infinities."""
    if isinstance(value, np.ndarray):
        return [_plain(each) for each in value.tolist()] if value.ndim == 1 else [_plain(row) for row in value]
    return None if math.isnan(value) else finite(value)
