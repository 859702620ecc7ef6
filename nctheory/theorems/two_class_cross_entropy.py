"""Cross-entropy of two classes of any sizes, without a bias: the optimum depends on the sum of the sizes alone.

N samples of the classes 1 and 2, weights w_1, w_2, features h_i; s_i is 1 in class 1 and -1 in class 2, and sample i
has the margin m_i = s_i <w_1 - w_2, h_i> and the loss log(1 + e^-m_i). lambda = sqrt(lambda_W lambda_H), q = min(1/2,
lambda sqrt(N/2)), a = log(1/q - 1), p = (lambda_W |W|^2 + lambda_H |H|^2) / 2.

Proof. The loss is at least log(1 + e^-a) + q (a - m_i), as it is convex with slope -q at a. The sum of the margins is
<w_1 - w_2, sum s_i h_i> <= sqrt 2 |W| sqrt N |H| <= sqrt(2 N) p / lambda. So F >= log(1 + e^-a) + q a + (1 - q
sqrt(2/N) / lambda) p, where the last term is 0 for q < 1/2 and never negative.

Equality for q < 1/2 needs all margins a, all s_i h_i alike, and w_1 = -w_2 parallel to them: W W^T = sqrt(lambda_H /
lambda_W) a sqrt(N/2) P, class means of Gram matrix sqrt(lambda_W / lambda_H) a sqrt(2/N) P, P = I - J/2, for every d.
So the logits are a P: those of minimum-norm separation, in its proportions, at every regularization.

With a free bias and n_1 != n_2 the least value is lower: at zero already it is the entropy of n / N, below log 2, and
zero is optimal as soon as N^2 lambda^2 is 2 n_1 n_2 / N, in place of N / 2 (`total_collapse`).
"""

from fractions import Fraction

from nctheory.domains import ClassSizes, Domain, Free, Positive
from nctheory.formula import dot
from nctheory.gaussian import exp, log, sqrt
from nctheory.theorems.registry import theorem

HALF = Fraction(1, 2)
ANTIPODES = ((HALF, -HALF), (-HALF, HALF))


@theorem(
    title="Cross-entropy of two classes",
    statement="Two classes of any sizes, N samples, no bias, q = min(1/2, sqrt(N lambda_W lambda_H / 2)), "
    "a = log(1/q - 1): F >= log(1 + e^-a) + q a. The bound is attained for every d >= 1, only by collapsed features "
    "with the logits +-a/2; so it depends on N alone, and the minimizer is zero if and only if lambda_W lambda_H >= "
    "1 / (2 N).",
    latex=r"\frac1N\sum_i \log\bigl(1+e^{-s_i\langle w_1-w_2,h_i\rangle}\bigr) + \frac{\lambda_W}2\|W\|_F^2"
    r" + \frac{\lambda_H}2\|H\|_F^2 \ge \log(1+e^{-a}) + qa,\quad"
    r" q = \min\Bigl(\tfrac12, \sqrt{\tfrac{N\lambda_W\lambda_H}2}\Bigr) = \frac1{1+e^a}",
    reference="thrampoulidis2022 for the geometry; proof in the docstring of this file",
    standing="proved",
    remarks="Executed at features that are class means, which have no larger F than the samples, by convexity. Weights "
    "and means are given in units of sqrt(a), where a > 0: so the minimizer is rational.",
    domain=Domain(
        {"dimension": (1, 3)},
        class_sizes=ClassSizes((2,)),
        weights=Free((2, "dimension")),
        means=Free((2, "dimension")),
        lambda_weights=Positive(),
        lambda_features=Positive(),
    ),
    sharp={
        "dimension": 2,
        "class_sizes": (2, 6),
        "weights": ANTIPODES,
        "means": ANTIPODES,
        "lambda_weights": Fraction(1, 5),
        "lambda_features": Fraction(1, 20),
    },
)
def two_class_cross_entropy(class_sizes, weights, means, lambda_weights, lambda_features):
    """The bound over F, less 1."""
    total = sum(class_sizes)
    q = min(1 / 2, sqrt(total * lambda_weights * lambda_features / 2))
    gap = log(1 / q - 1)
    unit = gap if gap > 0 else 1
    margins = [unit * (dot(weights[k], means[k]) - dot(weights[1 - k], means[k])) for k in (0, 1)]
    losses = [log(1 + exp(-abs(m))) + max(0, -m) for m in margins]
    norms = lambda_weights * sum(dot(w, w) for w in weights) + lambda_features * sum(
        class_sizes[k] * dot(means[k], means[k]) for k in (0, 1)
    )
    loss = sum(class_sizes[k] * losses[k] for k in (0, 1)) / total
    return (log(1 + exp(-gap)) + q * gap) / (loss + unit * norms / 2) - 1


def with_bias(class_sizes, shift, ratio):
    """The bound over F with the logits a (P + b 1^T) and best factors, b = +-shift / 2, less 1; q = 1 / (2 + ratio)."""
    q = 1 / (2 + ratio)
    gap = log(1 + ratio)
    losses = [log(1 + exp(-gap * (1 + shift))), log(1 + exp(-gap * (1 - shift)))]
    loss = sum(class_sizes[k] * losses[k] for k in (0, 1)) / sum(class_sizes)
    return (log(1 + exp(-gap)) + q * gap) / (loss + q * gap) - 1


two_class_cross_entropy.false_neighbor(
    "free_bias",
    "The bound holds with a free bias as well.",
    margin=with_bias,
    domain=Domain(class_sizes=ClassSizes((2,)), shift=Free(), ratio=Positive()),
)


def with_smaller_mode(class_sizes, ratio):
    """F at the gap of 2 n_1 n_2 / N for N / 2, over its least value, less 1; q = 1 / (2 + ratio)."""
    q = 1 / (2 + ratio)
    share = 2 * sqrt(class_sizes[0] * class_sizes[1]) / sum(class_sizes)
    gap = log(1 / (share * q) - 1)
    best = log(1 + ratio)
    return (log(1 + exp(-gap)) + q * gap) / (log(1 + exp(-best)) + q * best) - 1


two_class_cross_entropy.false_neighbor(
    "harmonic_mean",
    "The optimal gap depends on 2 n_1 n_2 / N, in place of N / 2.",
    margin=with_smaller_mode,
    domain=Domain(class_sizes=ClassSizes((2,)), ratio=Positive()),
)


def nearness_of_simplex_encoded_labels(class_sizes, ratio):
    """A thousandth of the relative difference of the sizes, less the excess of the best multiple of P over the bound.

    The excess of the logits t P with best factors, relative to the bound, where the derivative by t is 0.
    """
    q = 1 / (2 + ratio)
    gap = log(1 + ratio)
    value = sqrt(sum(class_sizes) / 2)
    strength = q / value
    bound = log(1 + exp(-gap)) + q * gap
    least = log(1 + exp(-gap)) + strength * value * gap
    return abs(class_sizes[0] - class_sizes[1]) / (1000 * sum(class_sizes)) - (least / bound - 1)


two_class_cross_entropy.false_neighbor(
    "never_simplex_encoded",
    "At finite regularization unequal sizes leave every multiple of the simplex-encoded labels above the least value, "
    "by a thousandth of |n_1 - n_2| / N of it.",
    margin=nearness_of_simplex_encoded_labels,
    domain=Domain(class_sizes=ClassSizes((2,)), ratio=Positive()),
)


def slope_at_zero(strength):
    """The derivative of F along the logits t P from zero; strength is lambda^2 N."""
    return sqrt(strength / 2) - 1 / 2


def is_below_one(strength):
    """lambda^2 N < 1."""
    return strength < 1


two_class_cross_entropy.false_neighbor(
    "threshold_without_half",
    "F falls from zero along the logits t P wherever lambda_W lambda_H < 1 / N.",
    margin=slope_at_zero,
    domain=Domain(strength=Positive()),
    assumptions=[is_below_one],
)
