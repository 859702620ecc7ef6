"""What is said of a last layer's collapse, computed from its moments: class sizes, class means, covariances."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from nctheory.arrays import Array
from nctheory.configuration import Center
from nctheory.errors import InputError

__all__ = [
    "QUANTILES",
    "Collapse",
    "Decisions",
    "Metric",
    "Moments",
    "assemble",
    "center_of",
    "unit_scale",
    "whitening_of",
]

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_EPS = float(np.finfo(float).eps)


class Metric(NamedTuple):
    """One row of a report: the field of `Collapse`, what it is called, its value, and by which convention."""

    field: str
    name: str
    value: float
    convention: str


def _about(name: str, convention: str) -> dict[str, str]:
    return {"name": name, "convention": convention}


@dataclass(frozen=True, eq=False)
class Collapse:
    """How collapsed a last layer is; a number that does not exist (0/0, no classifier, a pass not made) is NaN.

    Notation: K classes of n_c samples, N in all; class means mu_c, center g, D the rows mu_c - g, W the rows of the
    classifier as they are; Sigma_W = (1/N) sum_i (h_i - mu_{y_i}) (h_i - mu_{y_i})', Sigma_B = D'D / K, v_c the mean of
    |h - mu_c|^2 over class c, P = I - 11'/K, eps the rounding unit of float64. Norms are Euclidean, |.|_F of all
    entries. Each field carries its name and convention in its metadata; arrays are read-only.
    """

    center: Center
    rank: int = field(
        metadata=_about("rank of D", "singular values above max(K, d) eps times the largest; at most K - 1")
    )
    rank_means: int = field(metadata=_about("rank of class means", "the same of the rows mu_c, not centered"))
    rank_weights: float = field(metadata=_about("rank of classifier", "the same of W, not centered"))
    rank_within: float = field(
        metadata=_about("rank of Sigma_W", "eigenvalues above d eps times the largest and above (d eps max |mu_c|)^2")
    )
    training_error: float = field(
        metadata=_about("training error", "share of samples with argmax(Wh + b) != label, first index on ties")
    )
    variability: float = field(
        metadata=_about(
            "NC1 within-class variability", "tr(Sigma_W pinv(Sigma_B)) / K, Sigma_B = D'D / K, Sigma_W over all samples"
        )
    )
    trace_ratio: float = field(metadata=_about("NC1 trace ratio", "tr(Sigma_W) / tr(Sigma_B), Sigma_B = D'D / K"))
    cdnv_mean: float = field(
        metadata=_about("NC1 CDNV, mean", "(v_c + v_c') / (2 |mu_c - mu_c'|^2), mean over c != c'")
    )
    cdnv_max: float = field(
        metadata=_about("NC1 CDNV, largest", "(v_c + v_c') / (2 |mu_c - mu_c'|^2), largest over c != c'")
    )
    variability_collapse_index: float = field(
        metadata=_about(
            "NC1 variability collapse index",
            "1 - tr(pinv(Sigma_T) Sigma_B) / rank(Sigma_B), here Sigma_B weighted by n_c / N about the sample mean",
        )
    )
    equinorm_means: float = field(
        metadata=_about("NC2 equinorm, class means", "standard deviation / mean of |mu_c - g|, ddof 0")
    )
    equinorm_weights: float = field(
        metadata=_about("NC2 equinorm, classifier", "standard deviation / mean of |w_c|, ddof 0")
    )
    equiangle_means: float = field(
        metadata=_about("NC2 equiangle, class means", "spread of the cosines over c != c', ddof 0")
    )
    equiangle_weights: float = field(
        metadata=_about("NC2 equiangle, classifier", "spread of the cosines over c != c', ddof 0")
    )
    max_angle_means: float = field(
        metadata=_about("NC2 maximal angle, class means", "mean of |cos + 1/(K-1)| over c != c'")
    )
    max_angle_weights: float = field(
        metadata=_about("NC2 maximal angle, classifier", "mean of |cos + 1/(K-1)| over c != c'")
    )
    gram_distance: float = field(
        metadata=_about(
            "NC2 Gram distance, class means",
            "|DD'/|DD'|_F - P/sqrt(K-1)|_F, the Gram matrix of the centered class means",
        )
    )
    gram_distance_weights: float = field(
        metadata=_about("NC2 Gram distance, classifier", "|WW'/|WW'|_F - P/sqrt(K-1)|_F, W not centered")
    )
    gram_floor: float = field(
        metadata=_about(
            "NC2 Gram distance, least possible", "sqrt(2 - 2 sqrt(d/(K-1))) for d < K - 1, else 0; of any K points"
        )
    )
    self_duality: float = field(
        metadata=_about("NC3 self-duality", "|W/|W|_F - D/|D|_F|_F^2, in [0, 4]; W is not centered")
    )
    nearest_mean_mismatch: float = field(
        metadata=_about("NC4 mismatch", "share of samples with argmax(Wh + b) != nearest class mean")
    )
    nearest_mean_mismatch_without_bias: float = field(
        metadata=_about("NC4 mismatch without bias", "share of samples with argmax(Wh) != nearest class mean")
    )
    center_logits: float = field(metadata=_about("logits at the center", "|W g + b|"))
    cdnv_pairs: Float[Array, "K K"] = field(
        repr=False, metadata=_about("CDNV of pairs", "(v_c + v_c') / (2 |mu_c - mu_c'|^2); NaN for c = c'")
    )
    per_class_samples: Int[Array, " K"] = field(repr=False, metadata=_about("samples", "n_c"))
    per_class_norms_means: Float[Array, " K"] = field(repr=False, metadata=_about("norms of class means", "|mu_c - g|"))
    per_class_norms_weights: Float[Array, " K"] = field(repr=False, metadata=_about("norms of the classifier", "|w_c|"))
    per_class_variances: Float[Array, " K"] = field(
        repr=False, metadata=_about("variances within classes", "v_c, summed over dimensions")
    )
    per_class_angles: Float[Array, " K"] = field(
        repr=False, metadata=_about("NC3 angles", "between w_c and mu_c - g, in degrees")
    )
    per_class_errors: Float[Array, " K"] = field(
        repr=False, metadata=_about("training errors", "share of class c with argmax(Wh + b) != c")
    )
    cosine_margin_quantiles: Float[Array, " 7"] = field(
        repr=False,
        metadata=_about(
            "cosine margins",
            "cos(w_y, h - g) - max over c != y of cos(w_c, h - g), a cosine with 0 being 0: "
            "0, 5, 25, 50, 75, 95 and 100 % of the samples",
        ),
    )

    def metrics(self) -> list[Metric]:
        """The numbers (not the arrays) in reading order, each with its field, name and convention."""
        return [
            Metric(entry.name, entry.metadata["name"], getattr(self, entry.name), entry.metadata["convention"])
            for entry in fields(self)
            if entry.metadata and entry.repr  # arrays are not shown
        ]


@dataclass(frozen=True, eq=False)
class Moments:
    """Class sizes, class means, v_c and Sigma_W (None where it was not kept), of features times 2^shift.

    The class means are told from an origin, so that nothing is lost where all features are far from 0.
    """

    class_sizes: Array
    origin: Array
    class_means: Array
    variances: Array
    covariance: Array | None
    dimension: int  # of the features as given: the class means may be given in fewer coordinates
    shift: int = 0

    @property
    def shares(self) -> Array:
        """n_c / N."""
        return np.asarray(self.class_sizes / self.class_sizes.sum())


@dataclass(frozen=True, eq=False)
class Decisions:
    """What only a pass over the samples with known class means tells; NaN where there is no classifier."""

    training_error: float = math.nan
    mismatch: float = math.nan
    mismatch_without_bias: float = math.nan
    per_class_errors: Array | None = None
    quantiles: Array | None = None
    variability: float = math.nan


def center_of(moments: Moments, center: str) -> Array:
    """The mean of class means, or of all samples, told from the origin."""
    if center not in ("class", "sample"):
        raise InputError(f"center is {center!r}, expected 'class', or 'sample'")
    return np.asarray(moments.class_means.mean(axis=0) if center == "class" else moments.shares @ moments.class_means)


def assemble(
    moments: Moments, weights: Array | None, bias: Array | None, center: Center, decisions: Decisions
) -> Collapse:
    """Everything that the moments, the classifier and the decisions tell."""
    g = center_of(moments, center)
    D, K = moments.class_means - g, len(moments.class_means)
    W = np.full_like(D, math.nan) if weights is None else weights
    directions = whitening_of(D, moments.dimension)
    cdnv = _cdnv(moments, D)
    pairs = cdnv[~np.eye(K, dtype=bool)]
    missing = np.full(K, math.nan)
    return Collapse(
        center=center,
        rank=len(directions),
        rank_means=_rank(moments.class_means + moments.origin, moments.dimension),
        rank_weights=math.nan if weights is None else _rank(W, moments.dimension),
        rank_within=_rank_within(moments),
        training_error=decisions.training_error,
        variability=_variability(moments, directions) if moments.covariance is not None else decisions.variability,
        trace_ratio=_trace_ratio(moments, D),
        cdnv_mean=float(pairs.mean()),
        cdnv_max=float(pairs.max()),
        variability_collapse_index=_collapse_index(moments),
        equinorm_means=_relative_spread(D),
        equinorm_weights=_relative_spread(W),
        equiangle_means=float(_cosines(D).std()),
        equiangle_weights=float(_cosines(W).std()),
        max_angle_means=_distance_from_maximal_angle(D),
        max_angle_weights=_distance_from_maximal_angle(W),
        gram_distance=_gram_distance(D),
        gram_distance_weights=_gram_distance(W),
        gram_floor=_gram_floor(K, moments.dimension),
        self_duality=_self_duality(W, D),
        nearest_mean_mismatch=decisions.mismatch,
        nearest_mean_mismatch_without_bias=decisions.mismatch_without_bias,
        center_logits=_center_logits(W, bias, g + moments.origin, moments.shift),
        cdnv_pairs=_frozen(cdnv),
        per_class_samples=_frozen(moments.class_sizes),
        per_class_norms_means=_frozen(_unscaled(np.linalg.norm(D, axis=1), moments.shift)),
        per_class_norms_weights=_frozen(_row_norms(W)),
        per_class_variances=_frozen(_unscaled(moments.variances, 2 * moments.shift)),
        per_class_angles=_frozen(_angles(W, D)),
        per_class_errors=_frozen(missing if decisions.per_class_errors is None else decisions.per_class_errors),
        cosine_margin_quantiles=_frozen(
            np.full(len(QUANTILES), math.nan) if decisions.quantiles is None else decisions.quantiles
        ),
    )


# -------------------------------------------------------------------------------------------------- within classes


def whitening_of(centered: Array, dimension: int) -> Array:
    """The right singular vectors over the singular values above the cut-off, as rows."""
    scaled, shift = unit_scale(centered)
    _, values, directions = np.linalg.svd(scaled, full_matrices=False)
    rank = min(_count(values, len(centered), dimension), len(centered) - 1)  # the rows, or n_c times them, add up to 0
    return np.asarray(np.ldexp(directions[:rank] / values[:rank, None], shift))


def _rank(rows: Array, dimension: int) -> int:
    return _count(np.linalg.svd(unit_scale(rows)[0], compute_uv=False), len(rows), dimension)


def _count(singular_values: Array, num_classes: int, dimension: int) -> int:
    return int((singular_values > max(num_classes, dimension) * _EPS * singular_values[0]).sum())


def _variability(moments: Moments, whitening: Array) -> float:
    """tr(Sigma_W pinv(Sigma_B)) / K: the directions of D over its singular values meet Sigma_W."""
    if not len(whitening):
        return math.nan
    return float(((whitening @ moments.covariance) * whitening).sum())


def _trace_ratio(moments: Moments, D: Array) -> float:
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(moments.shares @ moments.variances / ((D**2).sum() / len(D)))


def _cdnv(moments: Moments, D: Array) -> Array:
    from scipy.spatial.distance import pdist, squareform

    squares = squareform(pdist(D, "sqeuclidean"))
    sums = moments.variances[:, None] + moments.variances
    with np.errstate(invalid="ignore", divide="ignore"):
        pairs = sums / (2 * squares)
    np.fill_diagonal(pairs, math.nan)
    return np.asarray(pairs)


def _rank_within(moments: Moments) -> float:
    if moments.covariance is None:
        return math.nan
    eigenvalues = np.linalg.eigvalsh(moments.covariance)
    unit = moments.dimension * _EPS
    noise = unit**2 * float(((moments.class_means + moments.origin) ** 2).sum(axis=1).max())
    return int((eigenvalues > max(unit * float(eigenvalues[-1]), noise)).sum())


def _collapse_index(moments: Moments) -> float:
    """1 - tr(pinv(Sigma_W + Sigma_B) Sigma_B) / r without the difference: the mean of t / (1 + t).

    With Sigma_B = V'S^2 V, C the Schur complement of Sigma_W (what of it along V is not explained by the rest), t are
    the eigenvalues of S^-1 C S^-1.
    """
    means, within = moments.class_means, moments.covariance
    if within is None:
        return math.nan
    rows = np.sqrt(moments.shares)[:, None] * (means - center_of(moments, "sample"))
    _, values, directions = np.linalg.svd(rows, full_matrices=False)
    rank = min(_count(values, len(rows), moments.dimension), len(rows) - 1)
    if rank == 0:
        return math.nan
    S, V = values[:rank], directions[:rank]
    along = V @ within
    block = along @ V.T
    cross = along - block @ V
    rest = within - V.T @ cross - along.T @ V
    spread, vectors = np.linalg.eigh((rest + rest.T) / 2)
    kept = spread > moments.dimension * _EPS * np.trace(within)
    explained = cross @ vectors[:, kept] / np.sqrt(spread[kept])
    t = np.maximum(np.linalg.eigvalsh((block - explained @ explained.T) / np.outer(S, S)), 0)
    return float((t / (1 + t)).mean())


# -------------------------------------------------------------------------------------------- geometry of the rows


def unit_scale(array: Array) -> tuple[Array, int]:
    """Times the power of two that makes the largest entry about 1, and the exponent of that power."""
    shift = -int(np.frexp(np.abs(array).max())[1])
    return np.ldexp(array.astype(np.float64), shift), shift


def _unscaled(values: Any, shift: int) -> Array:
    """Times 2^-shift, infinite or 0 beyond the range of float64."""
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.ldexp(values, -shift))


def _row_norms(rows: Array) -> Array:
    scaled, shift = unit_scale(rows)
    return _unscaled(np.linalg.norm(scaled, axis=1), shift)


def _relative_spread(rows: Array) -> float:
    norms = np.linalg.norm(unit_scale(rows)[0], axis=1)
    with np.errstate(invalid="ignore"):
        return float(norms.std() / norms.mean())


def _unit_rows(rows: Array) -> Array:
    rows = np.ldexp(rows, -np.frexp(np.abs(rows).max(axis=1, keepdims=True))[1])  # each row to about 1
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _cosines(rows: Array) -> Array:
    """The cosines of different rows."""
    unit = _unit_rows(rows)
    return np.asarray((unit @ unit.T)[~np.eye(len(rows), dtype=bool)])


def _distance_from_maximal_angle(rows: Array) -> float:
    return float(np.abs(_cosines(rows) + 1 / (len(rows) - 1)).mean())


def _gram_distance(rows: Array) -> float:
    scaled, K = unit_scale(rows)[0], len(rows)
    gram = scaled @ scaled.T
    with np.errstate(invalid="ignore", divide="ignore"):
        gram /= np.linalg.norm(gram)
    return float(np.linalg.norm(gram - (np.eye(K) - 1 / K) / math.sqrt(K - 1)))


def _gram_floor(num_classes: int, dimension: int) -> float:
    share = min(1.0, dimension / (num_classes - 1))
    return math.sqrt(2 - 2 * math.sqrt(share))


def _self_duality(weights: Array, centered: Array) -> float:
    weights, centered = unit_scale(weights)[0], unit_scale(centered)[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(((weights / np.linalg.norm(weights) - centered / np.linalg.norm(centered)) ** 2).sum())


def _angles(weights: Array, centered: Array) -> Array:
    """In degrees, by the half angle, so that small ones are exact."""
    u, v = _unit_rows(weights), _unit_rows(centered)
    half = np.arctan2(np.linalg.norm(u - v, axis=1), np.linalg.norm(u + v, axis=1))
    return np.asarray(np.degrees(2 * half))


def _center_logits(weights: Array, bias: Array | None, g: Array, shift: int) -> float:
    if bias is None:
        return math.nan
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        logits = np.ldexp(weights @ g, -shift) + bias
    scaled, power = unit_scale(logits)
    return float(_unscaled(np.linalg.norm(scaled), power))


def _frozen(array: Sequence[float] | Array) -> Array:
    copy = np.array(array)
    copy.setflags(write=False)
    return copy
