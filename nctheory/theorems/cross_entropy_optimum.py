"""Balanced cross-entropy: the least value of the regularized objective, attained by a simplex, or by zero.

K classes of n samples, N = K n, weights w_c, features h_i, a bias b that is free; m_ij = z_iy - z_ij, j != y, are the
margins of the logits z_i = W h_i + b, the loss of sample i is log(1 + sum_j e^-m_ij). lambda = sqrt(lambda_W lambda_H),
c = K sqrt n lambda; a = log(1 + K (1 - c) / c) for c < 1, else 0; q = 1 / (e^a + K - 1), which is min(c, 1) / K.

Proof. The loss is convex in the margins, and has the derivatives -q where all of them are a: so it is at least log(1 +
(K - 1) e^-a) + q sum_j (a - m_ij). Summed over the samples the bias cancels, as every class has n of them, and sum m_ij
= K sum_i <P e_y, W h_i> = K <W, V>, V with the rows sum_(i in c) h_i less their mean, so |V|^2 <= n |H|^2. Hence the
sum of the margins is at most K sqrt n |W| |H| <= K sqrt n p / lambda, p = (lambda_W |W|^2 + lambda_H |H|^2) / 2, and F
>= log(1 + (K - 1) e^-a) + q (K - 1) a + (1 - q K / c) p. The last term is 0 for c <= 1, and p (1 - 1/c) for c > 1.

Equality needs that all margins are a, that |V|^2 = n |H|^2, so that features are their class means and these add up to
0, and that W is parallel to V: W W^T = sqrt(n lambda_H / lambda_W) a P, class means of Gram matrix sqrt(lambda_W / (n
lambda_H)) a P. There is such a point for d >= K - 1; in fewer dimensions the bound stands, and is not attained if a >
0. For c >= 1 the minimizer is zero.
"""

from fractions import Fraction

from nctheory.domains import ClassSizes, Domain, Free, Positive, Range
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


@theorem(
    title="The optimum of balanced cross-entropy",
    statement="K classes of n samples, c = K sqrt(n lambda_W lambda_H), a = log(1 + K (1 - c) / c) for c < 1, else 0: "
    "with or without a free bias and in any dimension, F >= log(1 + (K - 1) e^-a) + min(c, 1) a (K - 1) / K. For "
    "d >= K - 1 this is the least value; its minimizers have collapsed features, the logits a (I - J/K), and W W^T and "
    "the class means' Gram matrix are multiples of I - J/K; they are zero if and only if c >= 1.",
    latex=r"\frac1N\sum_i \ell(Wh_i+b, y_i) + \frac{\lambda_W}2\|W\|_F^2 + \frac{\lambda_H}2\|H\|_F^2 \ge"
    r" \log(1+(K-1)e^{-a}) + \frac{K-1}{K}\min(c,1)\,a,\quad"
    r" c = K\sqrt{n\lambda_W\lambda_H},\quad a = \log\Bigl(1+\frac{K(1-c)^+}{c}\Bigr)",
    reference="zhu2021, theorem 3.1; proof in the docstring of this file",
    standing="proved",
    remarks="Weights and features are given in units of sqrt(a), where a > 0: so the minimizer is rational. Sample i "
    "of class c is in row c n + i.",
    domain=Domain(
        SIZES,
        weights=Free(("num_classes", "dimension")),
        features=Free(("num_samples", "dimension")),
        bias=Free(("num_classes",)),
        lambda_weights=Positive(),
        lambda_features=Positive(),
    ),
    sharp={
        "num_classes": 3,
        "class_size": 2,
        "num_samples": 6,
        "dimension": 3,
        "weights": SIMPLEX,
        "features": tuple(row for row in SIMPLEX for _ in range(2)),
        "bias": (1, 1, 1),
        "lambda_weights": Fraction(1, 6),
        "lambda_features": Fraction(1, 12),
    },
)
def cross_entropy_optimum(
    weights, features, bias, lambda_weights, lambda_features, num_classes, class_size, num_samples
):
    """The bound over F, less 1."""
    c = num_classes * sqrt(class_size * lambda_weights * lambda_features)
    gap = log(max(1, 1 + num_classes * (1 - c) / c))
    value = log(1 + (num_classes - 1) * exp(-gap)) + min(c, 1) * gap * (num_classes - 1) / num_classes
    unit = gap if gap > 0 else 1
    labels = [k for k in range(num_classes) for _ in range(class_size)]
    logits = [[unit * dot(weights[k], x) + bias[k] for k in range(num_classes)] for x in features]
    losses = [
        log(sum(exp(z - max(logits[i])) for z in logits[i])) + max(logits[i]) - logits[i][labels[i]]
        for i in range(num_samples)
    ]
    penalty = lambda_weights * sum(dot(w, w) for w in weights) + lambda_features * sum(dot(x, x) for x in features)
    return value / (sum(losses) / num_samples + unit * penalty / 2) - 1


def slope_at_zero(num_classes, strength):
    """The derivative of F along the simplex from zero, by its gap."""
    return (strength - 1) * (num_classes - 1) / num_classes


STRENGTH = Domain({"num_classes": (2, 5)}, strength=Positive())
WEAK = Domain({"num_classes": (2, 5)}, ratio=Positive())

cross_entropy_optimum.false_neighbor(
    "never_zero",
    "F falls along the simplex from zero at every regularization, so that the minimizer is never zero.",
    margin=slope_at_zero,
    domain=STRENGTH,
)


def below_a_half(ratio):
    """Of c."""
    return ratio > 1


def with_log_of_k_by_c(num_classes, ratio):
    """F with the gap log(K / c), over its least value, less 1; c = 1 / (1 + ratio)."""
    c = 1 / (1 + ratio)
    gap = log(num_classes / c)
    best = log(1 + num_classes * (1 - c) / c)
    other = log(1 + (num_classes - 1) * exp(-gap)) + c * gap * (num_classes - 1) / num_classes
    return other / (log(1 + (num_classes - 1) * exp(-best)) + c * best * (num_classes - 1) / num_classes) - 1


cross_entropy_optimum.false_neighbor(
    "gap_log_k_by_c", "For c < 1 the optimal gap is log(K / c).", margin=with_log_of_k_by_c, domain=WEAK
)


def with_log_odds(num_classes, ratio):
    """F with the gap log((1 - c) / c) of c = 1 / (1 + ratio), over its least value, less 1."""
    c = 1 / (1 + ratio)
    gap = log(ratio)
    best = log(1 + num_classes * (1 - c) / c)
    other = log(1 + (num_classes - 1) * exp(-gap)) + c * gap * (num_classes - 1) / num_classes
    return other / (log(1 + (num_classes - 1) * exp(-best)) + c * best * (num_classes - 1) / num_classes) - 1


cross_entropy_optimum.false_neighbor(
    "gap_log_odds",
    "For c < 1/2 the optimal gap is log((1 - c) / c).",
    margin=with_log_odds,
    domain=WEAK,
    assumptions=[below_a_half],
)


def with_rival_odds(num_classes, ratio):
    """F with the gap log((K - 1) (1 - c) / c) of c = 1 / (1 + ratio), over its least value, less 1."""
    c = 1 / (1 + ratio)
    gap = log((num_classes - 1) * ratio)
    best = log(1 + num_classes * (1 - c) / c)
    other = log(1 + (num_classes - 1) * exp(-gap)) + c * gap * (num_classes - 1) / num_classes
    return other / (log(1 + (num_classes - 1) * exp(-best)) + c * best * (num_classes - 1) / num_classes) - 1


cross_entropy_optimum.false_neighbor(
    "gap_rival_odds",
    "For c < 1/2 the optimal gap is log((K - 1) (1 - c) / c).",
    margin=with_rival_odds,
    domain=WEAK,
    assumptions=[below_a_half],
)


def with_n(weights, features, num_classes, class_size, num_samples, ratio):
    """The bound with c = K n lambda = 1 / (1 + ratio) over F at sqrt(a) W and sqrt(a) H, less 1."""
    c = 1 / (1 + ratio)
    gap = log(1 + num_classes * (1 - c) / c)
    value = log(1 + (num_classes - 1) * exp(-gap)) + c * gap * (num_classes - 1) / num_classes
    labels = [k for k in range(num_classes) for _ in range(class_size)]
    logits = [[gap * dot(w, x) for w in weights] for x in features]
    losses = [
        log(sum(exp(z - max(logits[i])) for z in logits[i])) + max(logits[i]) - logits[i][labels[i]]
        for i in range(num_samples)
    ]
    squares = sum(dot(w, w) for w in weights) + sum(dot(x, x) for x in features)
    return value / (sum(losses) / num_samples + c * gap * squares / (2 * num_classes * class_size)) - 1


cross_entropy_optimum.false_neighbor(
    "n_for_its_root",
    "With lambda_W = lambda_H = lambda, no bias, and K n lambda < 1, the bound holds with c = K n lambda.",
    margin=with_n,
    domain=Domain(
        {
            "num_classes": (2, 2),
            "class_size": (2, 2),
            "num_samples": lambda num_classes, class_size: (num_classes * class_size, num_classes * class_size),
            "dimension": (1, 1),
        },
        weights=Free(("num_classes", "dimension")),
        features=Free(("num_samples", "dimension")),
        ratio=Positive(),
    ),
)


def with_mean_size(class_sizes, ratio):
    """The bound for N / 3 samples of three classes and c = 1 / (1 + ratio), over F at the logits a P, less 1.

    The penalties are lambda v a at the best factors, v the least value of the minimum-norm separation of these sizes.
    """
    c = 1 / (1 + ratio)
    gap = log(1 + 3 * (1 - c) / c)
    total = sum(class_sizes)
    pairs = class_sizes[0] * (class_sizes[1] + class_sizes[2]) + class_sizes[1] * class_sizes[2]
    value = sqrt(2 * total / 3 + 2 * sqrt(pairs / 3))
    loss = log(1 + 2 * exp(-gap))
    return (loss + c * gap * 2 / 3) / (loss + c / sqrt(3 * total) * value * gap) - 1


cross_entropy_optimum.false_neighbor(
    "mean_class_size",
    "For three classes of any sizes the bound holds with the mean of the sizes in place of n, if c < 1.",
    margin=with_mean_size,
    domain=Domain(class_sizes=ClassSizes((3,)), ratio=Positive()),
)
