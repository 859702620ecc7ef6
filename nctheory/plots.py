"""Pictures of results, as matplotlib figures that are shown by no one and saved by whoever asked for them."""

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from nctheory.arrays import Array
from nctheory.channel import exponent
from nctheory.configuration import Configuration, as_configuration
from nctheory.drawing import COLORS as _COLORS
from nctheory.drawing import figure as _figure
from nctheory.drawing import finish as _finish
from nctheory.drawing import lighten as _lighten
from nctheory.errors import InputError
from nctheory.landscape import PhaseDiagram
from nctheory.pictures import (
    collapse_series,
    exponents_by_pair,
    geometry,
    gram_matrices,
    margin_histogram,
    pair_exponents,
)
from nctheory.probability import Estimate
from nctheory.probability.bounds import bounds
from nctheory.probability.problem import Problem
from nctheory.separation import Trajectory
from nctheory.spectrum import class_spectrum

__all__ = [
    "collapse_series",
    "error_curve",
    "exponents_by_pair",
    "geometry",
    "gradient_flow",
    "gram_matrices",
    "margin_histogram",
    "pair_exponents",
    "phase_diagram",
]

_BLUE, _RED, _GRAY = "#0072b2", "#d55e00", "#7f7f7f"  # told apart by the color-blind
_LINES = ("-", "--", ":", "-.", (0, (6, 1, 1, 1, 1, 1)), (0, (3, 3)))  # a second way to tell them apart
_MARKED = 6  # thresholds at most that are drawn
_ALONG = {"imbalance": ("imbalance R", "R"), "temperature": ("temperature τ", "τ"), "gamma": ("focusing γ", "γ")}
_WIDTH = Fraction(1, 10**12)
_DRAWN = (1e-100, 1e100)  # noises whose squares, and logarithms of P over them, are floats
_BAND, _BAND_WORK = 33, 500_000  # noises at most at which bounds are drawn, and K^2 times as many: a few seconds
_MARKERS = {"exact": "o", "bounds": "s", "union": "D", "cells": "^", "plain": "P"}


def gradient_flow(trajectory: Trajectory) -> Any:
    """The normalized margin of a gradient flow beside the largest possible one, and how well it was integrated.

    Formula:
        Left: smallest margin over (|W|^2 + |H|^2) / 2, and the line 1 / optimum. Right: how far below the line it is,
        and the drift of the conserved quantities, both relative. Against -log of the cross-entropy.
    Args:
        trajectory: from `separation.gradient_flow`.
    Assumes:
        matplotlib is installed (the extra `plots`).
    Returns:
        matplotlib Figure.
    Raises:
        InputError: matplotlib is not installed, or no Trajectory.
    Reference:
        ji2022.
    Example:
        >>> from nctheory import plots, separation
        >>> figure = plots.gradient_flow(separation.gradient_flow([2, 1], 1, seed=0))
        >>> figure.savefig("flow.png")                                                  # doctest: +SKIP
    """
    if not isinstance(trajectory, Trajectory):
        raise InputError(f"trajectory is of type {type(trajectory).__name__}, expected a separation.Trajectory")
    figure = _figure(10, 4)
    best, bound = _largest_margin(trajectory)
    depth, (left, right) = -trajectory.log_losses, figure.subplots(1, 2)
    left.plot(depth, trajectory.margins, color=_BLUE, label="along the flow")
    left.axhline(best, color=_RED, linestyle="--", label=f"{bound}: {best:.4g}")
    lowest = min(0.0, 1.1 * float(trajectory.margins.min()))
    left.set(ylabel="smallest margin / ½(|W|² + |H|²)", ylim=(lowest, 1.1 * best))
    right.plot(depth, 1 - trajectory.margins / best, color=_BLUE, label="gap to the dashed line")
    moved = trajectory.drift > 0  # it is 0 at the start
    right.plot(depth[moved], trajectory.drift[moved], color=_GRAY, linewidth=1, label="drift of conserved quantities")
    right.set(yscale="log", ylim=(1e-16, 10), ylabel="relative difference")
    for axes in (left, right):
        axes.set_xscale("symlog", linthresh=1)  # losses above 1 are shown too
        axes.set(xlabel="−log(cross-entropy)", xlim=(depth.min() - 0.1, 1.1 * max(1.0, depth.max())))
        _finish(axes)
    figure.suptitle(_heading(trajectory, bound, float(1 - trajectory.margins[-1] / best)), fontsize="medium")
    return figure


def error_curve(
    noises: Sequence[float],
    estimates: Sequence[Estimate],
    configuration: Any,
    *,
    priors: Any = None,
    noise_covariance: Any = None,
) -> Any:
    """Error probabilities against the noise: how they fall, and how they tend to the exact exponent.

    Formula:
        Against 1 / sigma^2, left: log10 P with its interval, the rigorous bounds, and exp(-exponent / sigma^2). Right:
        -sigma^2 log P of the same, and the exponent that it tends to.
    Args:
        noises: (n,) standard deviations per coordinate, from 1e-100 to 1e100.
        estimates: an Estimate for each, as from `probability.curve`.
        configuration: what they are about: a Configuration, or bare class means (K, d).
        priors, noise_covariance: as for the estimates.
    Assumes:
        matplotlib is installed (the extra `plots`).
    Returns:
        matplotlib Figure.
    Raises:
        InputError: matplotlib is not installed; not an estimate for each noise; a noise that cannot be drawn; a
            covariance that `channel.exponent` refuses.
    Reference:
        dembo2010, section 2.2.
    Example:
        >>> from nctheory import plots, simplex_etf
        >>> from nctheory.probability import curve
        >>> noises = [0.2, 0.1, 0.05]
        >>> figure = plots.error_curve(noises, curve(simplex_etf(10), noises), simplex_etf(10))
        >>> figure.savefig("curve.png")                                                 # doctest: +SKIP
    """
    configuration = as_configuration(configuration)
    _check_points(noises, estimates)
    figure = _figure(10, 4.2)
    left, right = figure.subplots(1, 2)
    inverse = 1 / np.square(np.asarray(noises, dtype=np.float64))
    ends = np.array([point.log_interval for point in estimates])
    where, *limits = _band(configuration, inverse, priors, noise_covariance)
    beta = float(exponent(configuration, noise_covariance=noise_covariance).value)
    for axes, divisors in ((left, (math.log(10), math.log(10))), (right, (-where, -inverse))):
        low, high = (limit / divisors[0] for limit in limits)
        axes.fill_between(where, low, high, color=_GRAY, alpha=0.4, linewidth=1.5, label="rigorous bounds")
        if beta < math.inf:
            line = -beta * where / divisors[0]
            axes.plot(where, line, color=_RED, linestyle="--", linewidth=1, label=f"exact exponent {beta:.6g}")
        _draw_points(axes, inverse, ends, divisors[1], estimates)
        axes.set(xlabel="1 / σ²", xlim=(where[0], where[-1]))
        _lighten(axes)
    left.set(ylabel="log₁₀ P(error)")
    right.set(ylabel="−σ² ln P(error)", xscale="log" if where[-1] >= 10 * where[0] else "linear")
    right.xaxis.set_minor_formatter("")  # there is a power of 10, and more would overlap
    right.ticklabel_format(axis="y", useOffset=False)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize="small")
    figure.suptitle(_curve_heading(configuration, noises, estimates), fontsize="medium")
    return figure


def phase_diagram(diagram: PhaseDiagram, *, at: float | None = None) -> Any:
    """How the optimum of an unconstrained-features model changes with the penalty, the imbalance or the temperature.

    Formula:
        Against lambda, R, tau or gamma: norms of weights w and class means h by groups of classes that are alike
        throughout, cosines between them by pairs of groups (of many groups, the range over all), rank of the logits,
        and min F, shaded down to what no F is below where that is another number. Vertical lines are where something
        has collapsed, as known in advance. Of label sets, the weights are those of labels and the features those of
        sets, by how many labels are in them.
    Args:
        diagram: from `landscape.phase_diagram`.
        at: a value to mark, such as that of a model at hand.
    Assumes:
        matplotlib is installed (the extra `plots`).
    Returns:
        matplotlib Figure.
    Raises:
        InputError: matplotlib is not installed, no PhaseDiagram, or a value to mark that is not positive and finite.
    Reference:
        fang2021; zhou2022; dang2023.
    Example:
        >>> from nctheory import landscape, plots
        >>> model = landscape.Model([9, 9, 1, 1], regularization=(1, 1))
        >>> figure = plots.phase_diagram(landscape.phase_diagram(model, values=[0.01, 0.1]))
        >>> figure.savefig("phases.png")                                                # doctest: +SKIP
    """
    if not isinstance(diagram, PhaseDiagram):
        raise InputError(f"diagram is of type {type(diagram).__name__}, expected a landscape.PhaseDiagram")
    if at is not None and not 0 < at < math.inf:
        raise InputError(f"at is {at!r}, expected a positive number")
    figure = _figure(11, 6.2)
    panels = figure.subplots(2, 3, sharex=True)
    groups = _labels_and_sets(diagram) if diagram.models[0].family == "label_sets" else 2 * [_alike(diagram)]
    _draw_norms(panels[:, 0], diagram, groups)
    _draw_cosines(panels[:, 1], diagram, groups)
    values, style = diagram.values, {"color": _BLUE, "marker": "o" if len(diagram.values) == 1 else None}
    panels[0, 2].step(values, diagram.rank, where="mid", **style)
    panels[0, 2].set(ylabel="rank of the logits", ylim=(-0.3, max(2, diagram.rank.max()) + 0.5))
    panels[0, 2].yaxis.get_major_locator().set_params(integer=True)
    panels[1, 2].plot(values, diagram.objective, **style)
    panels[1, 2].fill_between(values, diagram.lower, diagram.objective, color=_BLUE, alpha=0.25, linewidth=0)
    panels[1, 2].set(ylabel="least objective F")
    panels[1, 2].set_ylim(bottom=0)
    marks = _marks(diagram)
    for axes in panels.flat:
        axes.set_xscale("log")
        _draw_marks(axes, marks, at)
        _lighten(axes)
    for axes in panels[1]:
        axes.set_xlabel(_along(diagram)[0])
    figure.supxlabel(_legend_of(marks, at, _along(diagram)[1]), fontsize="small")
    figure.suptitle(_diagram_heading(diagram), fontsize="medium")
    return figure


def _along(diagram: PhaseDiagram) -> tuple[str, str]:
    """What the diagram is against, in words and as a letter."""
    model = diagram.models[0]
    layers = "λ_1 λ_2" if model.depth == 2 else f"λ_1 ... λ_{model.depth}"
    strength = "√(λ_W λ_H)" if model.depth == 1 else f"({layers} λ_H)^(1/{model.depth + 1})"
    return _ALONG.get(diagram.over, (f"λ = {strength}", "λ"))


_Groups = list[tuple[str, Array]]  # names, and which rows are in them


def _labels_and_sets(diagram: PhaseDiagram) -> list[_Groups]:
    """Labels by how many samples have them, and label sets by how many labels and samples they have."""
    model = diagram.models[0]
    sets = model.loss.label_sets  # type: ignore[attr-defined]  # PickAllLabels
    counts = np.zeros(model.num_classes, dtype=np.int64)
    for members, size in zip(sets, model.class_sizes, strict=True):
        counts[list(members)] += size
    kinds = np.array([(len(members), size) for members, size in zip(sets, model.class_sizes, strict=True)])
    labels = [(f"n = {count}", counts == count) for count in np.unique(counts)[::-1]]
    return [
        labels,
        [
            (f"|S| = {size}, n = {count}", (kinds == (size, count)).all(axis=1))
            for size, count in np.unique(kinds, axis=0)
        ],
    ]


def _alike(diagram: PhaseDiagram) -> _Groups:
    """Names and members of the groups of classes that have one size and weight in every model."""
    sizes = np.array([model.class_sizes for model in diagram.models])
    table = np.vstack([sizes, diagram.models[0].multipliers])
    different, members = np.unique(table, axis=1, return_inverse=True)
    names, members = [], members.reshape(-1)
    for column in different.T[::-1]:  # the largest first
        low, high = int(column[:-1].min()), int(column[:-1].max())
        weight = f", weight {column[-1]:g}" if diagram.models[0].class_weights is not None else ""
        names.append((f"n = {low}" if low == high else f"n = {high} / R") + weight)
    return [(name, members == len(names) - 1 - index) for index, name in enumerate(names)]


def _draw_norms(panels: Any, diagram: PhaseDiagram, both: Sequence[_Groups]) -> None:
    lengths = diagram.weight_norms, diagram.mean_norms
    for axes, norms, letter, groups in zip(panels, lengths, "wh", both, strict=True):
        if len(groups) > len(_COLORS):
            axes.fill_between(diagram.values, norms.min(axis=1), norms.max(axis=1), color=_BLUE, alpha=0.4)
            axes.plot([], [], color=_BLUE, alpha=0.4, linewidth=6, label=f"all {len(groups)} sizes")
        for index, (name, members) in enumerate(groups if len(groups) <= len(_COLORS) else []):
            _draw_line(axes, diagram.values, norms[:, members].mean(axis=1), index, name)
        axes.set(ylabel=f"norm |{letter}|")
        axes.set_ylim(bottom=0)
    _finish_both(panels, both)


def _finish_both(panels: Any, both: Sequence[_Groups]) -> None:
    """One legend where both panels have the same lines."""
    for axes in panels if both[0] is not both[1] else panels[:1]:
        _finish(axes)


def _draw_cosines(panels: Any, diagram: PhaseDiagram, both: Sequence[_Groups]) -> None:
    angles = diagram.weight_cosines, diagram.mean_cosines
    for axes, found, letter, groups in zip(panels, angles, "wh", both, strict=True):
        pairs = list(_pairs(groups))
        cosines = np.array(found)
        cosines[diagram.rank == 0] = np.nan  # what a search left of 0 has no angles
        if len(pairs) > len(_COLORS):
            of_all = cosines[:, ~np.eye(cosines.shape[1], dtype=bool)]
            known = ~np.isnan(of_all).all(axis=1)
            ends = np.full((2, len(known)), np.nan)
            ends[:, known] = np.nanmin(of_all[known], axis=1), np.nanmax(of_all[known], axis=1)
            axes.fill_between(diagram.values, *ends, color=_BLUE, alpha=0.4, linewidth=1.5)
            axes.plot([], [], color=_BLUE, alpha=0.4, linewidth=6, label="from the least to the largest")
        for index, (name, chosen) in enumerate(pairs if len(pairs) <= len(_COLORS) else []):
            _draw_line(axes, diagram.values, cosines[:, chosen].mean(axis=1), index, name)
        axes.set(ylabel=f"cos({letter}, {letter}′)", ylim=(-1.08, 1.08))
    _finish_both(panels, both)


def _pairs(groups: _Groups) -> Iterator[tuple[str, Array]]:
    """Names of pairs of groups, and which entries (K, K) off the diagonal are theirs."""
    short = [name.split(",")[0].removeprefix("n = ") for name, _ in groups]
    if any(name.endswith(" / R") for name in short):  # then all sizes are n or n / R
        short = ["n / R" if name.endswith(" / R") else "n" for name in short]
    if len(set(short)) < len(short):  # label sets of one size, with different numbers of samples
        short = [name.replace("|S| = ", "").replace(", n = ", " × ") for name, _ in groups]
    for i, (_, one) in enumerate(groups):
        for j, (_, other) in enumerate(groups[i:], i):
            chosen = np.outer(one, other) & ~np.eye(len(one), dtype=bool)
            if chosen.any():
                yield f"{short[i]} and {short[j]}", chosen


def _draw_line(axes: Any, values: Array, heights: Array, index: int, label: str) -> None:
    marker = "o" if len(values) == 1 else None
    axes.plot(values, heights, color=_COLORS[index], linestyle=_LINES[index], marker=marker, label=label)


def _marks(diagram: PhaseDiagram) -> list[tuple[float, str]]:
    """Thresholds, rising, those at one value together; of many the first and the last."""
    found: dict[float, str] = {}
    for name, level in sorted(diagram.thresholds.items(), key=lambda item: item[1]):
        if level == 0:
            continue  # what is so at every penalty has no place on the axis
        same = next((known for known in found if math.isclose(known, level, rel_tol=1e-9)), level)
        found[same] = f"{found[same]}, {name}" if same in found else name
    marks = list(found.items())
    return marks if len(marks) <= _MARKED else [marks[0], marks[-1]]


def _draw_marks(axes: Any, marks: list[tuple[float, str]], at: float | None) -> None:
    for number, (level, _) in enumerate(marks, 1):
        axes.axvline(level, color=_GRAY, linestyle="--", linewidth=1)
        height = 1 - 0.07 * ((number - 1) % 3)  # so that close ones can be read
        axes.annotate(
            str(number), (level, height), xycoords=("data", "axes fraction"), ha="right", va="top", fontsize="x-small"
        )
    if at is not None:
        axes.axvline(at, color="black", linewidth=1)


def _legend_of(marks: list[tuple[float, str]], at: float | None, letter: str) -> str:
    parts = [f"{number}: {name} from {level:.4g} on" for number, (level, name) in enumerate(marks, 1)]
    parts += [] if at is None else [f"black line: {letter} = {at:.4g}"]
    rows = ["      ".join(parts[start : start + 2]) for start in range(0, len(parts), 2)]
    return "\n".join(rows)


def _diagram_heading(diagram: PhaseDiagram) -> str:
    model = diagram.models[0]
    first = ", ".join([model.loss.name, f"K = {model.num_classes}", f"d = {model.dimension}", *_described(diagram)])
    undecided = sum(str(result.status) == "undecided" for result in diagram.results)
    return first + (
        f"\n{undecided} of {len(diagram.values)} are the best found, not proved optimal" if undecided else ""
    )


def _described(diagram: PhaseDiagram) -> Iterator[str]:
    """What is the same in all models, but for loss and sizes."""
    model = diagram.models[0]
    if model.features == "sphere":
        yield "on spheres" + ("" if diagram.over == "temperature" else f", τ = {float(model.temperature or 0):g}")
        return
    if model.features == "nonnegative":
        yield "features ≥ 0"
    if model.depth > 1:
        yield f"{model.depth} matrices" + (" with ReLU" if model.activation == "relu" else "")
    yield f"λ_b = {float(model.lambda_bias):g}" if model.lambda_bias else "a free bias" if model.bias else "no bias"
    if diagram.over == "strength":
        yield f"λ_W / λ_H = {float(model.lambda_weights / model.lambda_features):.4g}"
    else:
        yield f"λ_W = {float(model.lambda_weights):.4g}, λ_H = {float(model.lambda_features):.4g}"


def _check_points(noises: Sequence[float], estimates: Sequence[Estimate]) -> None:
    if len(noises) != len(estimates) or not len(noises):
        raise InputError(f"{len(noises)} noises and {len(estimates)} estimates, expected an estimate for each")
    for index, noise in enumerate(noises):
        if not _DRAWN[0] <= noise <= _DRAWN[1]:
            raise InputError(
                f"noises[{index}] is {noise!r}, expected from {_DRAWN[0]:g} to {_DRAWN[1]:g} for a picture"
            )
    for index, point in enumerate(estimates):
        if not isinstance(point, Estimate):
            raise InputError(f"estimates[{index}] is of type {type(point).__name__}, expected an Estimate")


def _band(
    configuration: Configuration, inverse: Array, priors: Any, noise_covariance: Any
) -> tuple[Array, Array, Array]:
    """Values of 1 / sigma^2, and the logarithms of the bounds there; NaN where P is 0."""
    low, high = inverse.min(), inverse.max()
    span = (low / 2, 1.5 * high) if low == high else (low / 1.15, 1.08 * high)
    number = max(2, min(_BAND, _BAND_WORK // configuration.num_classes**2))
    where = np.geomspace(*span, number)
    found = [bounds(Problem.of(configuration, 1 / math.sqrt(each), priors, noise_covariance))[:2] for each in where]
    limits = np.array(found)
    return where, *np.where(np.isneginf(limits), np.nan, limits).T


def _draw_points(axes: Any, inverse: Array, ends: Array, divisors: Any, estimates: Sequence[Estimate]) -> None:
    """Values with their intervals; of an interval without a lower end, the upper end alone."""
    values = np.array([point.log_value for point in estimates])
    divisors = np.broadcast_to(divisors, values.shape)
    methods = np.array([point.method for point in estimates])
    bottomless = np.isneginf(ends[:, 0])
    for method in dict.fromkeys(methods[~bottomless]):
        chosen = (methods == method) & ~bottomless
        label = f"{method} ({estimates[int(np.argmax(chosen))].guarantee})"
        centers = values[chosen] / divisors[chosen]
        lengths = np.abs(ends[chosen].T / divisors[chosen] - centers)
        style = {"color": _BLUE, "markersize": 5, "capsize": 3, "linestyle": "none", "clip_on": False}
        low_high = lengths if divisors[0] > 0 else lengths[::-1]
        axes.errorbar(inverse[chosen], centers, low_high, marker=_MARKERS[method], label=label, **style)
    chosen = bottomless & np.isfinite(ends[:, 1])
    if chosen.any():
        tops = ends[chosen, 1] / divisors[chosen]
        marker = "v" if divisors[0] > 0 else "^"
        axes.plot(inverse[chosen], tops, color=_BLUE, marker=marker, linestyle="none", label="upper end of an interval")


def _curve_heading(configuration: Configuration, noises: Sequence[float], estimates: Sequence[Estimate]) -> str:
    decoder = "nearest-mean decoder" if configuration.decoder == "nearest_mean" else "its own linear decoder"
    first = f"K = {configuration.num_classes}, d = {configuration.dimension}, {decoder}"
    never = [f"{noise:g}" for noise, point in zip(noises, estimates, strict=True) if point.log_interval[1] == -math.inf]
    return f"{first}\nP is exactly 0 at the noise {', '.join(never)}" if never else first


def require_matplotlib() -> None:
    """Say before any work that there will be no picture."""
    _figure(1, 1)


def _largest_margin(trajectory: Trajectory) -> tuple[float, str]:
    """1 over the least value possible, and what that is for this dimension."""
    num_classes, dimension = trajectory.weights.shape
    best = 1 / float(class_spectrum(trajectory.class_sizes).value(_WIDTH)[0])
    return best, "largest possible margin" if dimension >= num_classes - 1 else "bound on the margin"


def _heading(trajectory: Trajectory, bound: str, below: float) -> str:
    num_classes, dimension = trajectory.weights.shape
    sizes = ", ".join(map(str, np.asarray(trajectory.class_sizes)[:6])) + (", …" if num_classes > 6 else "")
    first = f"K = {num_classes}, d = {dimension}, class sizes {sizes}: ends {below:.2g} below the {bound} (relative)"
    if trajectory.direction is None:
        return first
    residual, norm = trajectory.direction.residual, trajectory.direction.spectral_norm
    return f"{first}\nKKT residual {residual:.1g}, |B|₂ = {norm:.4g} (a global optimum where it is 1)"
