"""Collapse over the epochs of a training, and over the layers of a network."""

import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from nctheory.arrays import Array, Layout, freeze, real_array
from nctheory.collapse.measurement import measure
from nctheory.collapse.metrics import Collapse
from nctheory.configuration import Center, Features, load
from nctheory.errors import InputError

__all__ = ["Layers", "Series", "measure_layers", "measure_series"]


@dataclass(frozen=True, eq=False)
class Series:
    """What was measured at each epoch, epochs rising."""

    epochs: tuple[int, ...]
    collapses: tuple[Collapse, ...]

    def column(self, field: str) -> Array:
        """One field of `Collapse` over the epochs, an axis more than the field itself has."""
        known = [entry.name for entry in fields(Collapse) if entry.metadata]
        if field not in known:
            raise InputError(f"field is {field!r}, expected one of {', '.join(known)}")
        return freeze(np.array([getattr(collapse, field) for collapse in self.collapses]))


def measure_series(
    source: str | Path | Sequence[Features] | Mapping[int, Features],
    *,
    center: Center = "class",
    layout: Layout = "rows",
) -> Series:
    """`measure` at every epoch of a training.

    Formula:
        As in `measure`, for each snapshot.
    Args:
        source: an .npz file with snapshots H_<epoch>, W_<epoch>, b_<epoch> and one y; or Features by epoch; or a list
            of Features, whose epochs are 0, 1, ...
        center: as for `measure`.
        layout: of a file, as for `load`.
    Assumes:
        Nothing: the file is untrusted, as for `load`.
    Returns:
        Series.
    Raises:
        InputError: what `load` and `measure` refuse, or a file without snapshots.
    Reference:
        papyan2020, figures 2-7.
    Example:
        >>> import nctheory
        >>> series = nctheory.collapse.measure_series(nctheory.sample_path())
        >>> series.epochs, bool((np.diff(series.column("variability")) < 0).all())
        ((0, 10, 100, 1000), True)
    """
    if isinstance(source, str | Path):
        epochs = snapshots(source, layout)
        if not epochs:
            raise InputError(f"{source} holds no snapshots H_<epoch> of features")
        points = (_loaded(source, epoch, layout) for epoch in epochs)  # one at a time
    else:
        found = dict(source) if isinstance(source, Mapping) else dict(enumerate(source))
        if not found:
            raise InputError("source is empty, expected Features of at least one epoch")
        epochs = tuple(sorted(found))
        points = (found[epoch] for epoch in epochs)
    return Series(epochs, tuple(measure(each, center=center, covariance=True) for each in points))


def snapshots(path: str | Path, layout: Layout = "rows") -> tuple[int, ...]:
    """The epochs of the features in a file, rising; none where it holds a single point."""
    load(path, layout=layout)  # which says what is wrong with the file, where something is
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    matches = (re.fullmatch(r"H_([0-9]{1,9})(?:\.npy)?", name) for name in names)
    return tuple(sorted(int(match[1]) for match in matches if match))


def _loaded(path: str | Path, epoch: int, layout: Layout) -> Features:
    features = load(path, epoch=epoch, layout=layout)
    assert isinstance(features, Features)
    return features


@dataclass(frozen=True, eq=False)
class Layers:
    """Variation within and between classes layer by layer, and how the class means meet the next weights.

    `within` is tr(Sigma_W), `between` tr(Sigma_B) with Sigma_B = D'D / K, `ratio` their quotient and `variability`
    NC1, all (L,). `angles[l]` are the principal angles, in degrees and falling, between the span of the rows of D at
    layer l and that of as many right singular vectors of the next weights as D has rank; empty where these weights are
    not given.
    """

    within: Float[Array, " L"]
    between: Float[Array, " L"]
    ratio: Float[Array, " L"]
    variability: Float[Array, " L"]
    angles: tuple[Array, ...]


def measure_layers(
    layers: Sequence[Features], weights: Sequence[Any] | None = None, *, center: Center = "class"
) -> Layers:
    """How variation within and between classes goes with depth, and whether the next weights look at the class means.

    Formula:
        tr(Sigma_W), tr(Sigma_B), their quotient and NC1 of each layer; the principal angles between the row space of D
        (rank r) and the first r right singular vectors of the weights that act on that layer.
    Args:
        layers: the Features after each layer, of the same samples or not.
        weights: the matrices (d', d_l) that act on them, None where there is none; as many as layers, or one less.
        center: D are the class means less the mean of class means ("class") or the sample mean ("sample").
    Assumes:
        Points are rows, and weights act as h -> V h.
    Returns:
        Layers.
    Raises:
        InputError: no layers, weights that do not act on their layer, or what `measure` refuses.
    Reference:
        papyan2020, section 2.
    Example:
        >>> import nctheory
        >>> points = nctheory.Features([[2.0, 0.0], [-2.0, 0.0]], [0, 1])
        >>> nctheory.collapse.measure_layers([points], [[[0.0, 3.0]]]).angles
        (array([90.]),)
    """
    measured = [measure(layer, center=center) for layer in layers]
    if not measured:
        raise InputError("layers is empty, expected the Features of at least one layer")
    following = list(weights or [])
    if weights is not None and len(following) not in (len(measured) - 1, len(measured)):
        raise InputError(f"weights holds {len(following)} matrices, expected {len(measured)} or one less")
    following += [None] * (len(measured) - len(following))
    within = np.array([_weighted(each.per_class_variances, each) for each in measured])
    between = np.array([float((each.per_class_norms_means**2).mean()) for each in measured])
    return Layers(
        within=freeze(within),
        between=freeze(between),
        ratio=freeze(np.array([each.trace_ratio for each in measured])),
        variability=freeze(np.array([each.variability for each in measured])),
        angles=tuple(
            _angles(layer, found, matrix, f"weights[{index}]")
            for index, (layer, found, matrix) in enumerate(zip(layers, measured, following, strict=True))
        ),
    )


def _weighted(values: Array, collapse: Collapse) -> float:
    return float(values @ collapse.per_class_samples / collapse.per_class_samples.sum())


def _angles(layer: Features, collapse: Collapse, matrix: Any, name: str) -> Array:
    """Largest first; of the smaller of both spans, where the weights have too low a rank."""
    from scipy.linalg import subspace_angles

    if matrix is None:
        return freeze(np.zeros(0))
    V = real_array(matrix, name, 2).astype(np.float64)
    if V.shape[1] != layer.dimension:
        raise InputError(f"{name} has shape {V.shape}, expected (d', {layer.dimension}) to act on its layer")
    means = layer.configuration.nearest_mean().centered(collapse.center).class_means
    of_means = np.linalg.svd(means, full_matrices=False)[2][: collapse.rank]
    of_weights = np.linalg.svd(V, full_matrices=False)[2][: collapse.rank]
    return freeze(np.degrees(subspace_angles(of_means.T, of_weights.T)))
