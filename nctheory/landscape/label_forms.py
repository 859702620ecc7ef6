"""Label sets that are balanced inside each size: the optimal logits, from one equation.

Let the samples be balanced inside each size m: among those with m labels every label is equally frequent, and every
pair of labels too, so that sum_S n_S 1_S 1_S^T = w_m I + (...) J over the sets of m labels; with N_m samples this w_m
is N_m m (K - m) / (K (K - 1)). With u_m the multiplier of the loss (m, or 1 where normalized), P = I - J/K and

    Z_S = a_m P 1_S, D_m = m e^(a_m) + K - m:   g_S = -(u_m K / (N m D_m)) P 1_S for each sample of S.

So sum_S n_S g_S g_S^T and sum_S n_S Z_S Z_S^T are multiples of P, and -G is lambda times the partial isometry of Z, of
K - 1 singular values s = (sum_m w_m a_m^2)^(1/2), if u_m K / (m N D_m) = lambda a_m / s for all m. For nu s = N lambda

    nu a_m D_m = K u_m / m,   nu^2 sum_m w_m a_m^2 = N^2 lambda^2.

nu a_m rises from 0 to u_m / m with nu, so there is one solution if N^2 lambda^2 < sum_m w_m (u_m / m)^2, and else Z = 0
is optimal. As |G|_2 = lambda is attained along Z, it is a minimizer by convexity; sum g = 0, so that b = 0 is the best
bias, whatever its penalty. F = (1/N) sum_m N_m u_m (log D_m - a_m) + lambda (K - 1) s.
"""

import math
from dataclasses import dataclass

import numpy as np

from nctheory.arrays import Array
from nctheory.landscape.model import Model

__all__ = ["scales", "tag_wise_ratio"]

_NEWTON_STEPS = 200
_ALMOST = 1 - 1e-12  # lambda over the threshold from which on zero is taken for optimal


def scales(model: Model) -> dict[int, float] | None:
    """How far the optimal logits of a label set are apart, for each number of labels that occurs.

    Formula:
        Z_S = a_m (1_S - m/K) for |S| = m; nu a_m (m e^(a_m) + K - m) = K r_m, nu^2 sum_m w_m a_m^2 = N^2 lambda^2, with
        w_m = N_m m (K - m) / (K (K - 1)) for N_m samples of m labels, r_m = 1, or 1/m where the loss is normalized. All
        a_m are 0 exactly if sum_m w_m r_m^2 <= N^2 lambda^2.
    Args:
        model: a Model with the loss PickAllLabels.
    Assumes:
        Nothing.
    Returns:
        {m: a_m}, or None where the formula does not hold: d < K - 1, or among the samples of some size labels, or pairs
        of labels, that are more frequent than others.
    Raises:
        Nothing.
    Reference:
        li2024 (the form of the optimum); the equation is proved at the head of this file.
    Example:
        >>> from nctheory.landscape import Model, all_label_sets
        >>> from nctheory.landscape.label_forms import scales
        >>> from nctheory.losses import PickAllLabels
        >>> found = all_label_sets(4, {1: 3, 2: 1})
        >>> model = Model(found.sizes, loss=PickAllLabels(found.sets), regularization=(0.01, 0.02))
        >>> {size: round(scale, 6) for size, scale in scales(model).items()}
        {1: 3.407542, 2: 2.913038}
    """
    form = _Sizes.of(model) if model.dimension >= model.num_classes - 1 else None
    if form is None:
        return None
    return dict(zip(map(int, form.sizes), form.solved(model.num_samples * model.strength).tolist(), strict=True))


def tag_wise_ratio(model: Model) -> dict[int, float] | None:
    """By what the mean of samples with several labels is a multiple of the sum of the means of its labels.

    Formula:
        h_S = (a_m / a_1) sum_(k in S) h_k for |S| = m, h_k the mean of the samples with the label k alone. The ratio is
        1 for m = 1, below 1 for m > 1, and tends to 1 as lambda -> 0.
    Args:
        model: a Model with the loss PickAllLabels.
    Assumes:
        Nothing.
    Returns:
        {m: a_m / a_1} at the optimum; None where `scales` is None or 0, or no sample has a single label.
    Raises:
        Nothing.
    Reference:
        li2024 (that there is such a multiple); the equation is proved at the head of this file.
    Example:
        >>> from nctheory.landscape import Model, all_label_sets
        >>> from nctheory.landscape.label_forms import tag_wise_ratio
        >>> from nctheory.losses import PickAllLabels
        >>> found = all_label_sets(4, {1: 3, 2: 1})
        >>> model = Model(found.sizes, loss=PickAllLabels(found.sets), regularization=(0.01, 0.02))
        >>> {size: round(ratio, 6) for size, ratio in tag_wise_ratio(model).items()}
        {1: 1.0, 2: 0.854879}
    """
    found = scales(model)
    if found is None or not found.get(1):
        return None
    return {size: scale / found[1] for size, scale in found.items()}


def sets_of(model: Model) -> tuple[tuple[int, ...], ...]:
    """The label sets of a model's loss."""
    return model.loss.label_sets  # type: ignore[attr-defined, no-any-return]  # PickAllLabels


@dataclass(frozen=True, eq=False)
class _Sizes:
    """What the closed form is about, for each size m that occurs: m, N_m, w_m, and r_m = u_m / m."""

    sizes: Array
    samples: Array
    spreads: Array
    rates: Array
    labels: int  # K

    @classmethod
    def of(cls, model: Model) -> "_Sizes | None":
        """None where some size has labels, or pairs of labels, that are more frequent than others."""
        each = np.array([len(labels) for labels in sets_of(model)])
        sizes, labels = np.unique(each), model.num_classes
        indicators = model.loss.targets(np.arange(len(each)), labels) > 0
        if not all(_is_balanced(indicators[each == size], model.class_sizes[each == size]) for size in sizes):
            return None
        samples = np.array([model.class_sizes[each == size].sum() for size in sizes], dtype=np.float64)
        spreads = samples * sizes * (labels - sizes) / (labels * (labels - 1))
        rates = 1 / sizes if model.loss.normalized else np.ones(len(sizes))  # type: ignore[attr-defined]
        return cls(sizes.astype(np.float64), samples, spreads, rates, labels)

    @property
    def collapse(self) -> float:
        """N lambda from which on zero is optimal."""
        return math.sqrt(float(self.spreads @ self.rates**2))

    def logits(self, log_nu: float) -> Array:
        """The log a_m with nu a_m (m e^(a_m) + K - m) = K r_m, by Newton's method.

        The logarithm of the left side is a convex function of log a_m, and rises: so steps from above fall to the zero.
        """
        wanted = np.log(self.labels * self.rates) - log_nu
        most = np.log(np.maximum(1.0, wanted - np.log(self.sizes)))  # as a_m <= 1 or m e^(a_m) <= K r_m / nu
        found = np.minimum(np.log(self.rates) - log_nu, most)
        for _ in range(_NEWTON_STEPS):
            scale = np.exp(found)
            total = np.logaddexp(np.log(self.sizes) + scale, np.log(self.labels - self.sizes))
            slope = 1 + scale * np.exp(np.log(self.sizes) + scale - total)
            step = (found + total - wanted) / slope
            found = found - step
            if np.abs(step).max() < 1e-15:
                break
        return np.asarray(found)

    def solved(self, level: float) -> Array:
        """The a_m where nu^2 sum_m w_m a_m^2 is the square of this N lambda, 0 from `collapse` on."""
        from scipy.optimize import brentq

        if level >= self.collapse * _ALMOST:
            return np.zeros(len(self.sizes))

        def excess(log_nu: float) -> float:
            squares = np.log(self.spreads) + 2 * (log_nu + self.logits(log_nu))
            return float(np.logaddexp.reduce(squares)) / 2 - math.log(level)

        low = high = 0.0
        while excess(low) > 0:
            low -= 1.0 + abs(low)
        while excess(high) < 0:
            high += 1.0 + abs(high)
        return np.exp(self.logits(brentq(excess, low, high, xtol=1e-14, rtol=1e-15)))


def _is_balanced(indicators: Array, sizes: Array) -> bool:
    """Whether sum_S n_S 1_S 1_S^T has one number on its diagonal, and one off it; in integers."""
    table = indicators.astype(np.float64)
    moments = (table * sizes[:, None]).T @ table  # sums below 2^53 are exact
    if float(sizes.sum()) >= 2.0**53:
        moments = (indicators * sizes.astype(object)[:, None]).T @ indicators.astype(object)
    off = moments[~np.eye(len(moments), dtype=bool)]
    return bool((np.diagonal(moments) == moments[0, 0]).all() and (off == off[0]).all())
