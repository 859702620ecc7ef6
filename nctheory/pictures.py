"""Pictures of a last layer: how it collapsed, its geometry, its margins, its exponents; `nctheory.plots` has them all.

The color-blind can tell all colors apart, and where it matters a second sign says the same.
"""

import math
from fractions import Fraction
from typing import Any

import numpy as np
from jaxtyping import Float

from nctheory import separation
from nctheory.arrays import Array, freeze, real_array
from nctheory.channel.thresholds import Pairs
from nctheory.collapse import Series
from nctheory.configuration import Features, as_configuration
from nctheory.drawing import BLUE, COLORS, GRAY, RED, figure, finish, lighten
from nctheory.errors import InputError

__all__ = ["collapse_series", "exponents_by_pair", "geometry", "gram_matrices", "margin_histogram", "pair_exponents"]

_PANELS = (
    ("NC1 within-class variability", (("variability", "tr(Σ_W Σ_B⁺) / K"),)),
    (
        "NC2 norms and angles",
        (
            ("equinorm_means", "norms, class means"),
            ("equinorm_weights", "norms, classifier"),
            ("max_angle_means", "|cos + 1/(K−1)|, class means"),
            ("max_angle_weights", "|cos + 1/(K−1)|, classifier"),
        ),
    ),
    ("NC3 self-duality", (("self_duality", "|W/|W| − D/|D||²"),)),
    ("NC4 nearest mean, and error", (("nearest_mean_mismatch", "mismatch"), ("training_error", "training error"))),
)  # panels of a series: title, and fields of Collapse with their labels
_LINES, _MARKERS = ("-", "--", ":", "-."), "osD^"  # second ways to tell curves apart
_SHARES = {"nearest_mean_mismatch", "training_error"}
_SAMPLES = 1500  # drawn in a geometry, at most
_NAMED = 30  # classes whose numbers are written
_DISCS = 200  # classes that are drawn as vectors, at most
_WEAKEST = 10  # pairs that are listed
_BINS, _LEAST_SPREAD = 40, 1e-3  # of a histogram, relatively where all margins agree
_PAIRS = 1 << 18  # whose exponents are computed at once
_EVEN, _UNEVEN = "cividis", "PuOr"  # maps of values, and of differences around 0


def collapse_series(series: Series) -> Any:
    """How NC1 to NC4 change along the epochs of a series.

    Formula:
        Four panels, NC1 to NC4 as `collapse.measure` defines them, against the epoch: NC1 to NC3 on logarithmic axes,
        shares of samples on a linear one.
    Args:
        series: from `collapse.measure_series`.
    Assumes:
        matplotlib is installed (the extra `plots`).
    Returns:
        matplotlib Figure.
    Raises:
        InputError: matplotlib is not installed, or no Series.
    Reference:
        papyan2020, figures 2-7.
    Example:
        >>> import nctheory
        >>> from nctheory import collapse, plots
        >>> figure = plots.collapse_series(collapse.measure_series(nctheory.sample_path()))
        >>> figure.savefig("series.png")                                                # doctest: +SKIP
    """
    if not isinstance(series, Series):
        raise InputError(f"series is of type {type(series).__name__}, expected a collapse.Series")
    drawn = figure(10, 6.6)
    for axes, (title, curves) in zip(drawn.subplots(2, 2).flat, _PANELS, strict=True):
        for index, (name, label) in enumerate(curves):
            style = {"color": COLORS[index], "linestyle": _LINES[index], "marker": _MARKERS[index], "markersize": 4}
            axes.plot(series.epochs, _drawable(series.column(name), name), label=label, **style)
        axes.set_xscale("symlog", linthresh=1)
        axes.set(title=title, xlabel="epoch")
        if curves[0][0] in _SHARES:
            axes.set_ylim(-0.04, 1.04)
            axes.set_ylabel("share of samples")
        else:
            axes.set_yscale("log")
        axes.legend(frameon=False, fontsize="small")
        lighten(axes)
    return drawn


def _drawable(values: Array, name: str) -> Array:
    """Zeros have no place on a logarithmic axis."""
    return values if name in _SHARES else np.where(values > 0, values, math.nan)


def gram_matrices(measured: Any, predicted: Any, *, name: str = "class means") -> Any:
    """Measured and predicted inner products side by side, and their difference.

    Formula:
        Three maps of (K, K) numbers: measured, predicted on the same scale, and measured less predicted on a scale
        around 0.
    Args:
        measured, predicted: (K, K) inner products, normalized alike.
        name: what they are of.
    Assumes:
        matplotlib is installed (the extra `plots`).
    Returns:
        matplotlib Figure.
    Raises:
        InputError: matplotlib is not installed, or no two square matrices of one shape.
    Reference:
        None.
    Example:
        >>> from nctheory import plots, simplex_etf
        >>> etf = simplex_etf(4)
        >>> figure = plots.gram_matrices(etf @ etf.T, 1.01 * etf @ etf.T)
        >>> figure.savefig("gram.png")                                                  # doctest: +SKIP
    """
    left, right = (
        real_array(matrix, what, 2).astype(np.float64)
        for matrix, what in ((measured, "measured"), (predicted, "predicted"))
    )
    if left.shape != right.shape or left.shape[0] != left.shape[1]:
        raise InputError(f"measured has shape {left.shape}, predicted {right.shape}, expected (K, K) of both")
    drawn = figure(11, 3.9)
    panels = drawn.subplots(1, 3)
    ends = {"vmin": min(left.min(), right.min()), "vmax": max(left.max(), right.max())}
    off = float(np.abs(left - right).max())
    _map(panels[0], left, f"measured, {name}", cmap=_EVEN, **ends)
    _map(panels[1], right, "predicted", cmap=_EVEN, **ends)
    _map(panels[2], left - right, f"difference, at most {off:.2g}", cmap=_UNEVEN, vmin=-off or -1, vmax=off or 1)
    return drawn


def _map(axes: Any, matrix: Array, title: str, **options: Any) -> None:
    image = axes.imshow(matrix, interpolation="nearest", **options)
    axes.figure.colorbar(image, ax=axes, shrink=0.8)
    axes.set_title(title, fontsize="medium")
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_major_locator().set_params(integer=True)
    axes.set(xlabel="class", ylabel="class")


def margin_histogram(features: Any) -> Any:
    """How far the samples are from the decision boundaries, and their angular margins.

    Formula:
        `separation.margins`: left divided by |w_y - w_c|, the signed distance to the nearest boundary; right also by
        |h|, for a bias of 0 the sine of the angle to it. Samples at 0 or below are hatched.
    Args:
        features: Features with weights, or a Configuration with weights, each class one sample.
    Assumes:
        matplotlib is installed (the extra `plots`).
    Returns:
        matplotlib Figure.
    Raises:
        InputError: matplotlib is not installed, or what `separation.margins` raises.
    Reference:
        None.
    Example:
        >>> import nctheory
        >>> figure = nctheory.plots.margin_histogram(nctheory.load(nctheory.sample_path()))
        >>> figure.savefig("margins.png")                                               # doctest: +SKIP
    """
    drawn = figure(10, 3.8)
    labels = {"weights": "signed distance to the nearest boundary", "both": "the same over |h|"}
    for axes, (norm, label) in zip(drawn.subplots(1, 2), labels.items(), strict=True):
        margins = separation.margins(features, norm=norm)  # type: ignore[arg-type]  # the keys are two of its norms
        _histogram(axes, margins[np.isfinite(margins)])
        axes.set(xlabel=label, ylabel="samples")
        finish(axes)
    return drawn


def _histogram(axes: Any, margins: Array) -> None:
    if not margins.size:
        axes.text(0.5, 0.5, "none is finite", ha="center", transform=axes.transAxes)
        axes.plot([], [], label="no margin")
        return
    low, high = float(margins.min()), float(margins.max())
    spread = max(high - low, _LEAST_SPREAD * max(abs(low), abs(high)) or 1.0)
    edges = (low + high) / 2 + spread * np.linspace(-0.501, 0.501, _BINS + 1)  # rounding loses no end
    kinds = {"separated": (margins > 0, BLUE, None), "on the wrong side, or a tie": (margins <= 0, RED, "///")}
    for label, (chosen, color, hatch) in kinds.items():
        if chosen.any():
            counted = f"{label}: {int(chosen.sum())}"
            axes.hist(margins[chosen], edges, color=color, hatch=hatch, edgecolor="white", linewidth=0.3, label=counted)
    axes.axvline(low, color="black", linestyle="--", linewidth=1, label=f"smallest: {low:.4g}")


def geometry(data: Any) -> Any:
    """Class means, classifier and samples in the three dimensions that show the class means best.

    Formula:
        The first three right singular vectors of the class means less their mean. Left all three, right the first two.
        Unit: the largest distance of a class mean from their mean; classifier rows less their mean, scaled alike.
    Args:
        data: Features, or a Configuration, or bare class means (K, d).
    Assumes:
        matplotlib is installed (the extra `plots`). Of many samples evenly spaced ones are drawn.
    Returns:
        matplotlib Figure.
    Raises:
        InputError: matplotlib is not installed, or what makes no Configuration.
    Reference:
        None.
    Example:
        >>> import nctheory
        >>> figure = nctheory.plots.geometry(nctheory.load(nctheory.sample_path()))
        >>> figure.savefig("geometry.png")                                              # doctest: +SKIP
    """
    configuration = data.configuration if isinstance(data, Features) else as_configuration(data)
    means = np.asarray(configuration.class_means, dtype=np.float64)
    center = _mean(means)
    offsets, unit = _in_unit(means - center)
    axes_of, share = _directions(offsets)
    drawn = figure(10.5, 5.2)
    grid = drawn.add_gridspec(1, 2)
    panels = drawn.add_subplot(grid[0], projection="3d"), drawn.add_subplot(grid[1])
    for axes, dimensions in zip(panels, (3, 2), strict=True):
        shown = axes_of[:, :dimensions]
        if isinstance(data, Features):
            _draw_samples(axes, data, center, shown / unit)
        _draw_classes(axes, offsets @ shown)
        if configuration.decoder == "linear":
            _draw_rows(axes, _in_unit(configuration.weights - _mean(configuration.weights))[0] @ shown)
        axes.set(xlabel="first", ylabel="second", aspect="equal")
    panels[0].set_zlabel("third")
    panels[0].tick_params(labelsize="x-small")
    lighten(panels[1])
    lines = ", lines: classifier" if configuration.decoder == "linear" else ""
    about = f"{share:.1%} of the squared lengths of the class means; discs: class means{lines}"
    drawn.suptitle(about, fontsize="medium")
    return drawn


def _draw_samples(axes: Any, data: Features, center: Array, directions: Array) -> None:
    chosen = np.unique(np.linspace(0, len(data.labels) - 1, _SAMPLES).astype(int))
    colors = _class_colors(data.num_classes)[data.labels[chosen]]
    points = (data.features[chosen].astype(np.float64) - center) @ directions
    axes.scatter(*points.T, s=4, c=colors, alpha=0.5, linewidths=0, rasterized=True)


def _mean(rows: Array) -> Array:
    return np.asarray(np.mean(rows / len(rows), axis=0) * len(rows))  # a sum could overflow


def _in_unit(rows: Array) -> tuple[Array, float]:
    """The rows over the largest norm, and that norm; 1 where all are 0."""
    largest = float(np.abs(rows).max()) or 1.0
    norm = float(np.linalg.norm(rows / largest, axis=1).max()) or 1.0
    return rows / largest / norm, largest * norm


def shown_share(class_means: Array) -> float:
    """Which part of the squared lengths of the class means less their mean the best three dimensions hold."""
    return _directions(_in_unit(class_means - _mean(class_means))[0])[1]


def _directions(offsets: Array) -> tuple[Array, float]:
    """(d, 3) directions, zeros where there are fewer, each with its largest entry positive; and their share."""
    _, sizes, rows = np.linalg.svd(offsets, full_matrices=False)
    directions = np.zeros((offsets.shape[1], 3))
    best = rows[:3].T
    signs = np.sign(best[np.abs(best).argmax(axis=0), np.arange(best.shape[1])])
    directions[:, : best.shape[1]] = best * signs
    total = float((sizes**2).sum())
    return directions, float((sizes[:3] ** 2).sum()) / total if total else 1.0


def _class_colors(num_classes: int) -> Array:
    from matplotlib import colormaps
    from matplotlib.colors import to_rgb

    if num_classes <= len(COLORS):
        return np.array([to_rgb(color) for color in COLORS[:num_classes]])
    return np.asarray(colormaps[_EVEN](np.linspace(0, 0.95, num_classes))[:, :3])


def _draw_classes(axes: Any, points: Array) -> None:
    colors = _class_colors(len(points))
    many = len(points) > _DISCS
    axes.scatter(*points.T, s=40, c=colors, edgecolors="black", linewidths=0.8, zorder=3, rasterized=many)
    for index, point in enumerate(points if len(points) <= _NAMED else []):
        axes.text(*(1.09 * point), str(index), fontsize="small", ha="center", va="center", zorder=4)


def _draw_rows(axes: Any, points: Array) -> None:
    for point in points:
        axes.plot(*np.array([0 * point, point]).T, color=GRAY, linewidth=1, zorder=2, rasterized=len(points) > _DISCS)


def exponents_by_pair(configuration: Any) -> Float[Array, "K K"]:
    """The error exponent of every ordered pair of classes, in floats.

    Formula:
        e_ij = max(0, <w_i - w_j, mu_i> + b_i - b_j)^2 / (2 |w_i - w_j|^2) is that of class i taken for class j; for the
        nearest-mean decoder |mu_i - mu_j|^2 / 8. The smallest is the exponent of the configuration.
    Args:
        configuration: a Configuration, or bare class means (K, d) with the nearest-mean decoder.
    Assumes:
        White noise.
    Returns:
        (K, K) read-only float64, each from exact integers up to a few roundings; infinite on the diagonal.
    Raises:
        InputError: what makes no Configuration.
    Reference:
        dembo2010, section 2.2.
    Example:
        >>> from nctheory import plots
        >>> plots.exponents_by_pair([[1, 0], [0, 1], [-1, 0], [0, -1]])[0]
        array([ inf, 0.25, 0.5 , 0.25])
    """
    configuration = as_configuration(configuration)
    size = configuration.num_classes
    found = np.full((size, size), math.inf)
    step = max(1, _PAIRS // size)
    for start in range(0, size, step):
        i, j = np.indices((min(step, size - start), size)).reshape(2, -1)
        i, j = (i + start)[different := i + start != j], j[different]
        if len(i):
            found[i, j] = np.maximum(0, Pairs(configuration, Fraction(1), i, j).thresholds()) ** 2 / 2
    return freeze(found)


def pair_exponents(configuration: Any) -> Any:
    """The error exponent of every ordered pair of classes as a map, and the pairs that are confused most easily.

    Formula:
        Left `exponents_by_pair`: row i, column j, class i taken for class j. Right the smallest of them.
    Args:
        configuration: a Configuration, or bare class means (K, d) with the nearest-mean decoder.
    Assumes:
        matplotlib is installed (the extra `plots`). White noise.
    Returns:
        matplotlib Figure.
    Raises:
        InputError: matplotlib is not installed, what makes no Configuration, or one class.
    Reference:
        dembo2010, section 2.2.
    Example:
        >>> from nctheory import plots
        >>> figure = plots.pair_exponents([[1, 0], [0, 1], [-1, 0], [0, -1]])
        >>> figure.savefig("pairs.png")                                                 # doctest: +SKIP
    """
    found = exponents_by_pair(configuration)
    if len(found) < 2:
        raise InputError("one class, expected at least two: there is nothing to be confused with")
    drawn = figure(10, 4.4)
    left, right = drawn.subplots(1, 2)
    _map(left, np.where(np.isfinite(found), found, np.nan), "exponent of sent → decoded", cmap=_EVEN)
    left.set(xlabel="decoded", ylabel="sent")
    pairs = weakest_pairs(found, _WEAKEST)
    names, heights = [f"{i} → {j}" for i, j, _ in pairs], [value for *_, value in pairs]
    bars = right.barh(names, heights, color=[RED, *[BLUE] * (len(pairs) - 1)])
    right.bar_label(bars, fmt="%.4g", padding=2, fontsize="small")
    right.margins(x=0.16)
    right.invert_yaxis()
    right.set(xlabel="exponent")
    right.set_title(f"the weakest {len(pairs)} of {len(found) * (len(found) - 1)}", fontsize="medium")
    lighten(right)
    return drawn


def weakest_pairs(exponents: Array, most: int) -> list[tuple[int, int, float]]:
    """The pairs (sent, decoded) of the smallest finite exponents, with them."""
    order = np.argsort(exponents, axis=None, kind="stable")[:most]
    found = ((int(flat) // len(exponents), int(flat) % len(exponents)) for flat in order)
    return [(i, j, float(exponents[i, j])) for i, j in found if math.isfinite(exponents[i, j])]
