"""Collapse of more samples than fit in memory: batches of any size and order, in one pass or two."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from nctheory.arrays import Array, freeze, labels_array, positive_integer, real_array
from nctheory.collapse.metrics import (
    QUANTILES,
    Collapse,
    Decisions,
    Moments,
    assemble,
    center_of,
    unit_scale,
    whitening_of,
)
from nctheory.configuration import Center
from nctheory.errors import InputError

__all__ = ["Accumulator", "SecondPass"]

_BLOCK = 1 << 22  # entries of a table of samples that are held at once
_LARGEST_EXPONENT = 1000  # of two, of a score
_SAFE_EXPONENT = 300  # of two: what is larger or smaller is scaled before it is squared
_NEGLIGIBLE = 1e-24  # share of a sum of squares
_BINS = 1 << 20  # of cosine margins, which are from -2 to 2
_FORMAT = 1


class Accumulator:
    """Class sizes, class means and covariances of samples that come in batches; each batch is seen once and forgotten.

    Formula:
        With m, m' the mean of a class before and in the batch, n, n' its samples: the class mean moves by
        n'/(n + n') (m' - m), and N Sigma_W grows by the sum of r r' over the rows
        r_i = h_i - m' + sqrt(n / (n + n')) (m' - m): nothing is subtracted that was added before.
    Args:
        num_classes: K >= 2.
        dimension: d >= 1.
        covariance: whether Sigma_W is kept, in O(K d + d^2) memory; else O(K d), and what needs Sigma_W is NaN after
            one pass (NC1 comes with the second).
    Assumes:
        The largest entries of different batches are within a factor of 2^300 of each other. Computed in float64 about
        the first sample, so that a common offset of 1e6 costs no digits that the features have.
    Returns:
        An object with update, merge, collapse, second_pass, state; it can be sent to another process by its `state()`,
        which numpy.savez writes.
    Raises:
        InputError: sizes that are no positive integers, one class.
    Reference:
        papyan2020, figures 2-7, for what is measured.
    Example:
        >>> from nctheory.collapse import Accumulator
        >>> accumulator = Accumulator(2, 1)
        >>> accumulator.update([[1.0], [-1.0]], [0, 1])
        >>> accumulator.update([[3.0]], [0])
        >>> accumulator.means, accumulator.collapse().variability
        (array([[ 2.],
               [-1.]]), 0.148...)
    """

    def __init__(self, num_classes: int, dimension: int, *, covariance: bool = True) -> None:
        self.num_classes = positive_integer(num_classes, "num_classes", 2)
        self.dimension = positive_integer(dimension, "dimension")
        self._counts = np.zeros(self.num_classes, dtype=np.int64)
        self._means = np.zeros((self.num_classes, self.dimension))  # about the origin, times 2^shift
        self._squares = np.zeros(self.num_classes)
        self._scatter = np.zeros((self.dimension, self.dimension), order="F") if covariance else None  # upper triangle
        self._origin: Array | None = None  # times 2^shift
        self._shift = 0

    def __repr__(self) -> str:
        return f"Accumulator({self._counts.sum()} samples, {self.num_classes} classes, dimension {self.dimension})"

    @property
    def counts(self) -> Int[Array, " K"]:
        """(K,) samples of each class so far."""
        return freeze(self._counts)

    @property
    def means(self) -> Float[Array, "K d"]:
        """(K, d) class means so far; NaN for a class without samples."""
        means = np.full_like(self._means, math.nan)
        seen = self._counts > 0
        if self._origin is not None:
            means[seen] = np.ldexp(self._means[seen] + self._origin, -self._shift)
        return freeze(means)

    def update(self, features: Any, labels: Any) -> None:
        """Take one batch: features (n, d) and labels (n,) from 0 to K - 1; n may be 1, or 0."""
        points, classes = checked_batch(features, labels, self.num_classes, self.dimension)
        self.add(points, classes)

    def add(self, points: Array, classes: Array) -> None:
        """Take a batch that has been checked."""
        if not len(points):
            return
        if self._origin is None:
            self._shift = shift_for(points)
            self._origin = np.ldexp(points[0].astype(np.float64), self._shift)
        for block in blocks(len(points), self.dimension):
            self._add_block(relative(points[block], self._origin, self._shift), classes[block])

    def _add_block(self, points: Array, classes: Array) -> None:
        present, own, new = np.unique(classes, return_inverse=True, return_counts=True)
        old = self._counts[present]
        batch_means = _sum_rows(points, own, len(present)) / new[:, None]
        moved = batch_means - self._means[present]
        share = np.sqrt(old / (old + new))[:, None] * moved
        points -= (batch_means - share)[own]
        lost = _sum_rows(points, own, len(present)) / new[:, None] - share  # by rounding, from the batch means
        squares = _sum_squares(points, own)
        if (new * (lost**2).sum(axis=1) > _NEGLIGIBLE * squares).any():  # nothing else is left of a collapsed class
            points -= lost[own]
            squares = _sum_squares(points, own)
        self._squares[present] += squares
        self._means[present] += (new / (old + new))[:, None] * (moved + lost)
        self._counts[present] += new
        self._add_scatter(points)

    def _add_scatter(self, rows: Array) -> None:
        """rows' rows, in place: one triangle only."""
        if self._scatter is not None:
            from scipy.linalg.blas import dsyrk

            self._scatter = dsyrk(1.0, rows.T, beta=1.0, c=self._scatter, overwrite_c=1)

    def merge(self, other: "Accumulator") -> None:
        """Add what another accumulator has seen, as if this one had seen it; the other stays as it is."""
        if not isinstance(other, Accumulator):
            raise InputError(f"other is of type {type(other).__name__}, expected an Accumulator")
        ours, theirs = ((each.num_classes, each.dimension, each._scatter is not None) for each in (self, other))
        if ours != theirs:
            raise InputError(f"other has (num_classes, dimension, covariance) {theirs}, expected {ours}")
        if other._origin is None:
            return
        if self._origin is None:
            self._origin, self._shift = other._origin, other._shift
        self._add_moments(*other._told_from(self._origin, self._shift))

    def _told_from(self, origin: Array, shift: int) -> tuple[Array, Array, Array, Array | None]:
        """Counts, means, squares and scatter about another origin and in another scale."""
        assert self._origin is not None
        change = shift - self._shift
        means = np.ldexp(self._means, change) + (np.ldexp(self._origin, change) - origin)
        scatter = None if self._scatter is None else np.ldexp(self._scatter, 2 * change)
        return self._counts, means, np.ldexp(self._squares, 2 * change), scatter

    def _add_moments(self, counts: Array, means: Array, squares: Array, scatter: Array | None) -> None:
        present = counts > 0
        old, new = self._counts[present], counts[present]
        moved = means[present] - self._means[present]
        rows = np.sqrt(old / (old + new) * new)[:, None] * moved
        self._squares[present] += squares[present] + np.einsum("ij,ij->i", rows, rows)
        self._means[present] += (new / (old + new))[:, None] * moved
        self._counts[present] += new
        if self._scatter is not None and scatter is not None:
            self._scatter += scatter
            self._add_scatter(rows)

    def moments(self, dimension: int | None = None) -> Moments:
        """What has been seen; `dimension` is that of the features where these are coordinates in a basis."""
        if not self._counts.all():
            absent = np.flatnonzero(self._counts == 0)
            raise InputError(
                f"no sample of class {absent[0]} has been seen ({len(absent)} of {self.num_classes} classes are absent)"
            )
        within = None
        if self._scatter is not None:
            upper = np.triu(self._scatter, 1)
            within = (upper + upper.T + np.diag(np.diag(self._scatter))) / self._counts.sum()
        assert self._origin is not None
        return Moments(
            class_sizes=self._counts.copy(),
            origin=self._origin,
            class_means=self._means.copy(),
            variances=self._squares / self._counts,
            covariance=within,
            dimension=dimension or self.dimension,
            shift=self._shift,
        )

    def collapse(self, weights: Any = None, bias: Any = None, *, center: Center = "class") -> Collapse:
        """What one pass tells; all that needs decisions on samples (NC4, errors, cosine margins) is NaN.

        Formula:
            As in `measure`, from the class means and Sigma_W.
        Args:
            weights: (K, d) rows of the classifier, or None.
            bias: (K,), zeros where left out; only together with weights.
            center: g is the mean of class means ("class") or the sample mean ("sample").
        Assumes:
            Every class has been seen.
        Returns:
            Collapse.
        Raises:
            InputError: a class without samples, a classifier of another shape, an unknown center.
        Reference:
            papyan2020, figures 2-7.
        Example:
            >>> from nctheory.collapse import Accumulator
            >>> accumulator = Accumulator(2, 1)
            >>> accumulator.update([[2.0], [-2.0]], [0, 1])
            >>> accumulator.collapse([[1.0], [-1.0]]).self_duality
            0.0
        """
        W, b = checked_classifier(weights, bias, self.num_classes, self.dimension)
        return assemble(self.moments(), W, b, center, Decisions())

    def second_pass(self, weights: Any = None, bias: Any = None, *, center: Center = "class") -> "SecondPass":
        """Start the pass that compares decisions on samples, for which the class means have to be known.

        Formula:
            See `SecondPass`.
        Args:
            weights: (K, d) rows of the classifier, or None.
            bias: (K,), zeros where left out; only together with weights.
            center: g is the mean of class means ("class") or the sample mean ("sample").
        Assumes:
            The same samples are shown again, in batches of any size and order.
        Returns:
            SecondPass.
        Raises:
            InputError: a class without samples, a classifier of another shape, an unknown center.
        Reference:
            papyan2020, figure 7.
        Example:
            >>> from nctheory.collapse import Accumulator
            >>> accumulator, batch = Accumulator(2, 1), ([[2.0], [-2.0]], [0, 1])
            >>> accumulator.update(*batch)
            >>> second = accumulator.second_pass([[1.0], [-1.0]])
            >>> second.update(*batch)
            >>> second.collapse().nearest_mean_mismatch
            0.0
        """
        W, b = checked_classifier(weights, bias, self.num_classes, self.dimension)
        return SecondPass(self.moments(), W, b, center)

    def state(self) -> dict[str, Array]:
        """Everything that was accumulated as plain arrays, for numpy.savez; `from_state` takes them back."""
        if self._origin is None:
            raise InputError("no batch has been seen, so there is nothing to keep")
        parts = {"counts": self._counts, "means": self._means, "squares": self._squares, "origin": self._origin}
        if self._scatter is not None:
            parts["scatter"] = self._scatter
        return {name: freeze(part) for name, part in parts.items()} | {"shift": np.array([_FORMAT, self._shift])}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Accumulator":
        """The accumulator whose `state()` this is, as a mapping of arrays (what numpy.load gives will do)."""
        expected = {"counts", "means", "squares", "origin", "shift"}
        if not expected <= {*state} <= expected | {"scatter"}:
            raise InputError(f"state holds {sorted(state)}, expected {sorted(expected)}, perhaps scatter")
        means = real_array(state["means"], "means", 2)
        self = cls(*means.shape, covariance="scatter" in state)
        counts, shift = labels_array(state["counts"], "counts"), np.array(state["shift"])
        parts = {"squares": self._squares.shape, "origin": means.shape[1:], "counts": self._counts.shape, "shift": (2,)}
        for name, shape in parts.items():
            if np.shape(state[name]) != shape:
                raise InputError(f"{name} has shape {np.shape(state[name])}, expected {shape} to match means")
        if int(shift[0]) != _FORMAT:
            raise InputError(f"state has format {shift[0]}, expected {_FORMAT}")
        self._counts, self._means, self._shift = counts.copy(), means.copy(), int(shift[1])
        self._squares = real_array(state["squares"], "squares", 1).copy()
        self._origin = real_array(state["origin"], "origin", 1).copy()
        if self._scatter is not None:
            scatter = real_array(state["scatter"], "scatter", 2)
            if scatter.shape != self._scatter.shape:
                raise InputError(f"scatter has shape {scatter.shape}, expected {self._scatter.shape} to match means")
            self._scatter = np.array(scatter, order="F")
        return self


class SecondPass:
    """The decisions of a classifier beside those of the nearest class mean, on samples that come in batches.

    Formula:
        Training error: share of argmax(Wh + b) != y. NC4: share of argmax(Wh + b) != argmin |h - mu_c|, and the same
        without b. Cosine margins cos(w_y, h - g) - max over c != y of cos(w_c, h - g), counted in 2^20 bins of width
        2^-18, so that their quantiles (the smallest and largest excepted) are within 2^-18. Without Sigma_W, NC1 as
        (1/N) sum |pinv(S) V' (h - mu_y)|^2 with the thin SVD D = U S V'.
    Args:
        moments: of the first pass.
        weights: (K, d) rows of the classifier, or None.
        bias: (K,), or None.
        center: g is the mean of class means ("class") or the sample mean ("sample").
    Assumes:
        The samples of the first pass, each once; `Accumulator.second_pass` makes this object.
    Returns:
        An object with update, merge and collapse.
    Raises:
        InputError: an unknown center.
    Reference:
        papyan2020, figure 7.
    Example:
        >>> from nctheory.collapse import Accumulator
        >>> accumulator = Accumulator(2, 1)
        >>> accumulator.update([[2.0], [-2.0]], [0, 1])
        >>> second = accumulator.second_pass([[1.0], [-1.0]], [0.0, 9.0])
        >>> second.update([[2.0], [-2.0]], [0, 1])
        >>> second.collapse().training_error
        0.5
    """

    def __init__(
        self, moments: Moments, weights: Array | None, bias: Array | None, center: Center, *, keep: bool = False
    ) -> None:
        self._moments, self._weights, self._bias, self._center = moments, weights, bias, center
        center_from_origin = center_of(moments, center)
        self._g = moments.origin + center_from_origin
        self._offsets = moments.class_means - center_from_origin
        self._thresholds = (self._offsets**2).sum(axis=1) / 2
        self._wrong = np.zeros(len(self._offsets), dtype=np.int64)
        self._counts = np.zeros_like(self._wrong)
        self._different = np.zeros(2, dtype=np.int64)  # with the bias, without it
        self._kept: list[Array] | None = [] if keep else None  # the cosine margins themselves
        self._bins = np.zeros(0 if keep else _BINS, dtype=np.int64)
        self._ends = np.array([math.inf, -math.inf])
        self._whitened = 0.0
        self._whitening = whitening_of(self._offsets, moments.dimension) if moments.covariance is None else None
        if self._whitening is not None:
            self._white_means = self._offsets @ self._whitening.T
        if weights is not None and bias is not None:
            self._prepare(weights, bias)

    def _prepare(self, weights: Array, bias: Array) -> None:
        """Scores are scaled by a power of two; less than the features and weights where the bias would overflow."""
        self._scaled, power = unit_scale(weights)
        power += self._moments.shift
        self._spare = min(0, _LARGEST_EXPONENT - power - int(np.frexp(np.abs(bias).max())[1]))
        self._scaled_bias = np.ldexp(bias, power + self._spare)
        self._at_center = self._scaled @ self._g
        norms = np.linalg.norm(self._scaled, axis=1)
        self._lengths = np.where(norms > 0, norms, math.inf)

    def update(self, features: Any, labels: Any) -> None:
        """Take one batch: features (n, d) and labels (n,) from 0 to K - 1; n may be 1, or 0."""
        points, classes = checked_batch(features, labels, len(self._offsets), self._offsets.shape[1])
        self.add(points, classes)

    def add(self, points: Array, classes: Array) -> None:
        """Take a batch that has been checked."""
        for block in blocks(len(points), max(self._offsets.shape)):
            self._add_block(relative(points[block], self._g, self._moments.shift), classes[block])

    def _add_block(self, points: Array, classes: Array) -> None:
        self._counts += np.bincount(classes, minlength=len(self._counts))
        inner = self._inner_products(points, classes)
        if self._weights is not None:
            inner -= self._thresholds
            self._decide(points, classes, inner.argmax(axis=1))

    def _inner_products(self, points: Array, classes: Array) -> Array:
        """With the centered class means; without Sigma_W by way of the whitened coordinates, which NC1 is made of."""
        if self._whitening is None:
            return np.asarray(points @ self._offsets.T)
        white = points @ self._whitening.T
        inner = white @ (self._white_means / (self._whitening**2).sum(axis=1)).T
        white -= self._white_means[classes]
        self._whitened += float(np.vdot(white, white))
        return np.asarray(inner)

    def _decide(self, points: Array, classes: Array, nearest: Array) -> None:
        scores = points @ self._scaled.T
        plain = scores + self._at_center
        predicted = np.ldexp(plain, self._spare) + self._scaled_bias if self._spare else plain + self._scaled_bias
        predicted = predicted.argmax(axis=1)
        self._wrong += np.bincount(classes[predicted != classes], minlength=len(self._wrong))
        self._different += [(predicted != nearest).sum(), (plain.argmax(axis=1) != nearest).sum()]
        self._take_margins(_cosine_margins(scores / self._lengths, classes, np.linalg.norm(points, axis=1)))

    def _take_margins(self, margins: Array) -> None:
        if self._kept is not None:
            self._kept.append(margins)
            return
        self._ends[:] = min(self._ends[0], margins.min()), max(self._ends[1], margins.max())
        found = ((margins + 2) * (_BINS / 4)).astype(np.int64)
        self._bins += np.bincount(np.clip(found, 0, _BINS - 1), minlength=_BINS)

    def merge(self, other: "SecondPass") -> None:
        """Add what another second pass, begun from the same first one, has seen."""
        same = isinstance(other, SecondPass) and self._center == other._center and _equal(self, other)
        if not same or self._kept is not None or other._kept is not None:
            raise InputError("other has been begun from other class means or with another classifier")
        self._wrong += other._wrong
        self._counts += other._counts
        self._different += other._different
        self._bins += other._bins
        self._ends[:] = min(self._ends[0], other._ends[0]), max(self._ends[1], other._ends[1])
        self._whitened += other._whitened

    def collapse(self) -> Collapse:
        """All metrics, once as many samples of each class have been shown as in the first pass."""
        expected = self._moments.class_sizes
        if (differ := np.flatnonzero(self._counts != expected)).size:
            c = differ[0]
            raise InputError(f"class {c} has {self._counts[c]} samples in the second pass, expected {expected[c]}")
        return assemble(self._moments, self._weights, self._bias, self._center, self._decisions())

    def _decisions(self) -> Decisions:
        total = int(self._counts.sum())
        rows = 0 if self._whitening is None else len(self._whitening)
        variability = self._whitened / total if rows else math.nan
        if self._weights is None:
            return Decisions(variability=variability)
        return Decisions(
            training_error=int(self._wrong.sum()) / total,
            mismatch=int(self._different[0]) / total,
            mismatch_without_bias=int(self._different[1]) / total,
            per_class_errors=self._wrong / self._counts,
            quantiles=self._quantiles(total),
            variability=variability,
        )

    def _quantiles(self, total: int) -> Array:
        if self._kept is not None:
            return np.asarray(np.quantile(np.concatenate(self._kept), QUANTILES))
        ranks = np.ceil(np.array(QUANTILES) * (total - 1)).astype(np.int64)
        bins = np.searchsorted(self._bins.cumsum(), ranks, side="right")
        return np.concatenate([self._ends[:1], ((bins + 0.5) * (4 / _BINS) - 2)[1:-1], self._ends[1:]])


# ---------------------------------------------------------------------------------------------------------- pieces


def blocks(samples: int, width: int) -> Iterator[slice]:
    """Samples in blocks, so that no large table is made."""
    step = max(1, _BLOCK // width)
    return (slice(start, start + step) for start in range(0, samples, step))


def shift_for(points: Array) -> int:
    """0, or the exponent of a power of two that brings very large or very small entries to about 1."""
    exponent = int(np.frexp(max(float(points.max()), -float(points.min())))[1])
    return -exponent if abs(exponent) > _SAFE_EXPONENT else 0


def relative(points: Array, origin: Array, shift: int) -> Array:
    """points 2^shift - origin, as a new array of float64."""
    if shift:
        points = np.ldexp(points.astype(np.float64), shift)
    return np.asarray(np.subtract(points, origin, dtype=np.float64))


def checked_batch(features: Any, labels: Any, num_classes: int, dimension: int) -> tuple[Array, Array]:
    """Features (n, d) in floats, and as many labels from 0 to K - 1."""
    points, classes = real_array(features, "features", 2), labels_array(labels)
    if points.dtype == object:
        raise InputError("features has entries that are no float64; floats are expected")
    if points.shape[1] != dimension:
        raise InputError(f"features has shape {points.shape}, expected (n, {dimension})")
    if len(classes) != len(points):
        raise InputError(f"labels has shape {classes.shape}, expected ({len(points)},) to match features")
    if (wrong := np.flatnonzero(classes >= num_classes)).size:
        raise InputError(f"labels[{wrong[0]}] is {classes[wrong[0]]}, expected 0 ... {num_classes - 1}")
    return points, classes


def checked_classifier(weights: Any, bias: Any, num_classes: int, dimension: int) -> tuple[Array | None, Array | None]:
    """Weights (K, d) and bias (K,) in float64, or neither."""
    if weights is None:
        if bias is not None:
            raise InputError("bias is given without weights")
        return None, None
    W = real_array(weights, "weights", 2)
    b = np.zeros(num_classes) if bias is None else real_array(bias, "bias", 1)
    for name, array, shape in (("weights", W, (num_classes, dimension)), ("bias", b, (num_classes,))):
        if array.shape != shape:
            raise InputError(f"{name} has shape {array.shape}, expected {shape}")
    return W.astype(np.float64), b.astype(np.float64)


def _sum_rows(points: Array, own: Array, count: int) -> Array:
    """(count, d) sums of the rows that are in each group."""
    from scipy.sparse import csr_array

    groups = csr_array((np.ones(len(own)), own, np.arange(len(own) + 1)), shape=(len(own), count))
    return np.asarray(groups.T @ points)


def _sum_squares(points: Array, own: Array) -> Array:
    """Of the rows in each group."""
    return np.bincount(own, np.einsum("ij,ij->i", points, points))


def _cosine_margins(cosines: Array, classes: Array, lengths: Array) -> Array:
    """The cosine with the own row less the largest other; `cosines` are still times the length of the sample."""
    rows = np.arange(len(classes))
    own = cosines[rows, classes]
    cosines[rows, classes] = -math.inf
    margins = own - cosines.max(axis=1)
    return np.asarray(np.divide(margins, lengths, out=np.zeros_like(margins), where=lengths > 0))


def _equal(one: SecondPass, other: SecondPass) -> bool:
    """Whether two passes began alike."""
    begun = ("_offsets", "_g", "_weights", "_bias")
    pairs = [
        [np.array(math.nan if getattr(x, name) is None else getattr(x, name)) for x in (one, other)] for name in begun
    ]
    return all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)
