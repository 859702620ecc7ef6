"""Balanced cross-entropy with label smoothing: the least value, also for negative smoothing as far as there is one.

The target of a sample of class y is (1 - alpha) e_y + (alpha / K) 1, so that its loss is log(1 + sum_j e^-m_j) + (alpha
/ K) sum_j m_j in the margins m_j = z_y - z_j, j != y. K classes of n samples, c = K sqrt(n lambda_W lambda_H), p =
(lambda_W |W|^2 + lambda_H |H|^2) / 2, a = log(1 + K (1 - c - alpha) / (c + alpha)) for c + alpha < 1, else 0.

Proof. With q = 1 / (e^a + K - 1) = min(c + alpha, 1) / K the loss is at least log(1 + (K - 1) e^-a) + q (K - 1) a - (q
- alpha / K) sum_j m_j, by convexity of its first part. As in `cross_entropy_optimum` a free bias cancels in the sum of
all margins, whose size is at most K sqrt n p / lambda. For 0 < c + alpha <= 1 the last factor is c / K, and what p is
multiplied by is 1 - (c / K) K / c = 0; for c + alpha > 1 it is (1 - alpha) / K, and p is multiplied by 1 - (1 - alpha)
/ c > 0. So F >= log(1 + (K - 1) e^-a) + min(c + alpha, 1) a (K - 1) / K, with equality at the simplex as there.

At the simplex of gap t, F = log(1 + (K - 1) e^-t) + (c + alpha) (K - 1) t / K. For alpha = -c this falls to 0, which is
not attained: for every t, with q = 1 / (e^t + K - 1), F >= log(1 + (K - 1) e^-t) + q ((K - 1) t - K p / c), which is
positive as soon as t is large. For alpha < -c it falls without end.
"""

from fractions import Fraction

from nctheory.domains import Domain, Free, Interval, Positive, Range
from nctheory.formula import dot
from nctheory.gaussian import exp, log, sqrt
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {
    "num_classes": (2, 4),
    "class_size": (1, 2),
    "num_samples": lambda num_classes, class_size: (num_classes * class_size, num_classes * class_size),
    "dimension": (1, 3),
}
THIRD = Fraction(1, 3)
SIMPLEX = ((2 * THIRD, -THIRD, -THIRD), (-THIRD, 2 * THIRD, -THIRD), (-THIRD, -THIRD, 2 * THIRD))


def has_a_minimum(num_classes, class_size, lambda_weights, lambda_features, smoothing):
    """The smoothing is above -c."""
    return num_classes * sqrt(class_size * lambda_weights * lambda_features) + smoothing > 0


@theorem(
    title="The optimum of label smoothing",
    statement="K classes of n samples, targets (1 - alpha) e_y + (alpha/K) 1, c = K sqrt(n lambda_W lambda_H), "
    "-c < alpha <= 1, a = log(1 + K (1 - c - alpha) / (c + alpha)) for c + alpha < 1, else 0: with or without a free "
    "bias and in any dimension, F >= log(1 + (K - 1) e^-a) + min(c + alpha, 1) a (K - 1) / K, which the simplex "
    "attains for d >= K - 1; zero does if and only if c >= 1 - alpha.",
    latex=r"F \ge \log(1+(K-1)e^{-a}) + \frac{K-1}{K}\min(c+\alpha,1)\,a,\quad"
    r" c = K\sqrt{n\lambda_W\lambda_H},\quad a = \log\Bigl(1+\frac{K(1-c-\alpha)^+}{c+\alpha}\Bigr),"
    r"\quad -c < \alpha \le 1",
    reference="zhouyou2022; proof in the docstring of this file",
    standing="proved",
    remarks="Weights and features are given in units of sqrt(a), where a > 0: so the minimizer is rational. Sample i "
    "of class c is in row c n + i. For alpha = -c the infimum is 0 and not attained; below, F has none.",
    domain=Domain(
        SIZES,
        weights=Free(("num_classes", "dimension")),
        features=Free(("num_samples", "dimension")),
        bias=Free(("num_classes",)),
        lambda_weights=Positive(),
        lambda_features=Positive(),
        smoothing=Interval((), Fraction(-1), Fraction(1)),
    ),
    assumptions=[has_a_minimum],
    sharp={
        "num_classes": 3,
        "class_size": 2,
        "num_samples": 6,
        "dimension": 3,
        "weights": SIMPLEX,
        "features": tuple(row for row in SIMPLEX for _ in range(2)),
        "bias": (0, 0, 0),
        "lambda_weights": Fraction(1, 4),
        "lambda_features": Fraction(1, 8),
        "smoothing": Fraction(-1, 4),
    },
)
def label_smoothing_optimum(
    weights, features, bias, lambda_weights, lambda_features, smoothing, num_classes, class_size, num_samples
):
    """The bound over F, less 1."""
    c = num_classes * sqrt(class_size * lambda_weights * lambda_features)
    gap = log(max(1, 1 + num_classes * (1 - c - smoothing) / (c + smoothing)))
    least = log(1 + (num_classes - 1) * exp(-gap)) + min(c + smoothing, 1) * gap * (num_classes - 1) / num_classes
    unit = gap if gap > 0 else 1
    labels = [k for k in range(num_classes) for _ in range(class_size)]
    logits = [[unit * dot(weights[k], x) + bias[k] for k in range(num_classes)] for x in features]
    losses = [
        log(sum(exp(z - max(logits[i])) for z in logits[i]))
        + max(logits[i])
        - (1 - smoothing) * logits[i][labels[i]]
        - smoothing * sum(logits[i]) / num_classes
        for i in range(num_samples)
    ]
    penalty = lambda_weights * sum(dot(w, w) for w in weights) + lambda_features * sum(dot(x, x) for x in features)
    return least / (sum(losses) / num_samples + unit * penalty / 2) - 1


def slope_at_zero(num_classes, strength, smoothing):
    """The derivative of F along the simplex from zero, by its gap."""
    return (strength + smoothing - 1) * (num_classes - 1) / num_classes


def is_weak(strength):
    """Below 1."""
    return strength < 1


label_smoothing_optimum.false_neighbor(
    "collapses_at_1",
    "With smoothing 0 <= alpha <= 1, as without, F falls along the simplex from zero wherever c < 1.",
    margin=slope_at_zero,
    domain=Domain({"num_classes": (2, 5)}, strength=Positive(), smoothing=Interval()),
    assumptions=[is_weak],
)

BELOW = Domain({"num_classes": (2, 5)}, strength=Positive(), smoothing=Interval())


def leaves_a_gap(strength, smoothing):
    """The optimal gap is positive."""
    return strength + smoothing < 1


def with_shrunk_gap(num_classes, strength, smoothing):
    """F at the simplex with 1 - alpha times the gap of alpha = 0, over its least value, less 1."""
    total = strength + smoothing
    best = log(1 + num_classes * (1 - total) / total)
    gap = (1 - smoothing) * log(1 + num_classes * (1 - strength) / strength)
    other = log(1 + (num_classes - 1) * exp(-gap)) + total * gap * (num_classes - 1) / num_classes
    return other / (log(1 + (num_classes - 1) * exp(-best)) + total * best * (num_classes - 1) / num_classes) - 1


label_smoothing_optimum.false_neighbor(
    "gap_in_proportion",
    "Smoothing shortens the optimal gap by the factor 1 - alpha.",
    margin=with_shrunk_gap,
    domain=BELOW,
    assumptions=[leaves_a_gap],
)


def with_odds_of_smoothing(num_classes, strength, smoothing):
    """F at the simplex that would have softmax equal to the target, over its least value, less 1."""
    total = strength + smoothing
    best = log(1 + num_classes * (1 - total) / total)
    gap = log(1 + num_classes * (1 - smoothing) / smoothing)
    other = log(1 + (num_classes - 1) * exp(-gap)) + total * gap * (num_classes - 1) / num_classes
    return other / (log(1 + (num_classes - 1) * exp(-best)) + total * best * (num_classes - 1) / num_classes) - 1


def is_smoothed(strength, smoothing):
    """The smoothing is positive, and leaves a gap."""
    return smoothing > 0 and strength + smoothing < 1


label_smoothing_optimum.false_neighbor(
    "softmax_is_the_target",
    "With positive smoothing the softmax of the optimal logits is the target, at every regularization with c + alpha "
    "< 1.",
    margin=with_odds_of_smoothing,
    domain=BELOW,
    assumptions=[is_smoothed],
)


def below_zero(num_classes, strength, smoothing, gap):
    """-F at the simplex of this gap."""
    return -log(1 + (num_classes - 1) * exp(-gap)) - (strength + smoothing) * gap * (num_classes - 1) / num_classes


label_smoothing_optimum.false_neighbor(
    "any_negative_smoothing",
    "Smoothing from -1 to 0 leaves F without negative values at any regularization.",
    margin=below_zero,
    domain=Domain(
        {"num_classes": (2, 5)}, strength=Positive(), smoothing=Interval((), Fraction(-1), Fraction(0)), gap=Positive()
    ),
    assumptions=[],
)
