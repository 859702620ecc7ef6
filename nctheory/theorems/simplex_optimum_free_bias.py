"""Balanced classes, squared error, a bias that costs nothing: the simplex ETF is optimal, already for d = K - 1.

K classes of n samples, c = K sqrt(n) lambda, lambda = sqrt(lambda_W lambda_H), here with lambda_W = p^2, lambda_H =
q^2; Z is the K x K matrix of the logits of the class means without the bias, one row per class, P = I - J, J = 1 1^T /
K.

Proof. Features may be replaced by class means (`within_class_collapse`). The best bias subtracts from each column of Z
- I its mean: the loss is at least |P Z - P|^2 / (2K), and |Z|_* >= |P Z|_*. Let s_j be the singular values of P Z, at
most m = min(d, K - 1) of which are not 0; as P has the singular values 1 (K - 1 times) and 0, <P Z, P> <= sum s_j, so
that with `nuclear_norm_penalty`

    F >= (1/K) sum_{j < K} [(1 - s_j)^2 / 2 + c s_j] >= (m/K) phi + (K - 1 - m) / (2K),

phi = c (1 - c/2) for c <= 1, else 1/2. For d >= K - 1 equality needs P Z positive semidefinite with all K - 1 values x
= max(0, 1 - c), so Z = x P, b = 1/K, W W^T = (sqrt(n) q / p) x P: a simplex ETF, with w_k = (sqrt(n) q / p) h_k.
"""

from nctheory.domains import Domain, Free, Positive, Range
from nctheory.formula import dot
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (2, 3), "class_root": (1, 3), "dimension": (1, 2)}
POINTS = Free(("num_classes", "dimension"))
BIAS = Free(("num_classes",))
DOMAIN = Domain(SIZES, weights=POINTS, means=POINTS, bias=BIAS, root_w=Positive(), root_h=Positive())


@theorem(
    title="Squared error with a free bias: the simplex ETF",
    statement="For K balanced classes of n samples, squared error, a bias without penalty, c = K sqrt(n lambda_W "
    "lambda_H) and m = min(d, K - 1), F is at least (m/K) phi + (K - 1 - m) / (2K), phi = c (1 - c/2) for c <= 1, else "
    "1/2. For d >= K - 1 it is attained exactly by collapsed features with the logits max(0, 1 - c) P and the bias "
    "1/K: a simplex ETF; zero if and only if c >= 1.",
    latex=r"F \ge \frac{K-1}{K}\,c\big(1-\tfrac c2\big)\ (c\le 1),\ \frac{K-1}{2K}\ (c \ge 1);\qquad"
    r" \bar Z = (1-c)_+\,P,\ b = \tfrac1K 1 \quad (d \ge K-1)",
    reference="zhou2022; proof in the docstring of this file",
    standing="proved",
    remarks="Executed at class means, n = class_root^2, lambda_W = root_w^2, lambda_H = root_h^2.",
    domain=DOMAIN,
    sharp={
        "num_classes": 2,
        "class_root": 2,
        "dimension": 1,
        "weights": (("3/5",), ("-3/5",)),
        "means": (("3/10",), ("-3/10",)),
        "bias": ("1/2", "1/2"),
        "root_w": "2/5",
        "root_h": "2/5",
    },
)
def simplex_optimum_free_bias(weights, means, bias, root_w, root_h, num_classes, class_root, dimension):
    """The least value over F, less 1."""
    constant = num_classes * class_root * root_w * root_h
    modes = min(dimension, num_classes - 1)
    least = num_classes - 1 - modes * max(0, 1 - constant) ** 2
    loss = sum(
        (dot(weights[c], means[e]) + bias[c] - (1 if c == e else 0)) ** 2
        for c in range(num_classes)
        for e in range(num_classes)
    )
    squares = [root_w**2 * sum(dot(w, w) for w in weights), root_h**2 * sum(dot(x, x) for x in means)]
    value = loss + num_classes * (squares[0] + class_root**2 * squares[1])
    return least / value - 1


def with_one_mode_less(weights, means, bias, root_w, root_h, num_classes, class_root, dimension):
    """The same with m = min(d - 1, K - 1)."""
    constant = num_classes * class_root * root_w * root_h
    modes = min(dimension - 1, num_classes - 1)
    least = num_classes - 1 - modes * max(0, 1 - constant) ** 2
    loss = sum(
        (dot(weights[c], means[e]) + bias[c] - (1 if c == e else 0)) ** 2
        for c in range(num_classes)
        for e in range(num_classes)
    )
    squares = [root_w**2 * sum(dot(w, w) for w in weights), root_h**2 * sum(dot(x, x) for x in means)]
    value = loss + num_classes * (squares[0] + class_root**2 * squares[1])
    return least / value - 1


simplex_optimum_free_bias.false_neighbor(
    "needs_k_dimensions",
    "The simplex ETF needs d >= K: for d = K - 1 one of its modes is lost.",
    margin=with_one_mode_less,
)


def with_k(weights, means, bias, root_w, root_h, num_classes, class_root):
    """c (1 - c/2), the value without bias, over F, less 1."""
    constant = num_classes * class_root * root_w * root_h
    least = num_classes - num_classes * max(0, 1 - constant) ** 2
    loss = sum(
        (dot(weights[c], means[e]) + bias[c] - (1 if c == e else 0)) ** 2
        for c in range(num_classes)
        for e in range(num_classes)
    )
    squares = [root_w**2 * sum(dot(w, w) for w in weights), root_h**2 * sum(dot(x, x) for x in means)]
    value = loss + num_classes * (squares[0] + class_root**2 * squares[1])
    return least / value - 1


simplex_optimum_free_bias.false_neighbor(
    "bias_is_irrelevant", "A free bias gains nothing: F >= c (1 - c/2), as without it.", margin=with_k
)


def with_class_size(weights, means, bias, root_w, root_h, num_classes, class_root, dimension):
    """The same with c = K n lambda."""
    constant = num_classes * class_root**2 * root_w * root_h
    modes = min(dimension, num_classes - 1)
    least = num_classes - 1 - modes * max(0, 1 - constant) ** 2
    loss = sum(
        (dot(weights[c], means[e]) + bias[c] - (1 if c == e else 0)) ** 2
        for c in range(num_classes)
        for e in range(num_classes)
    )
    squares = [root_w**2 * sum(dot(w, w) for w in weights), root_h**2 * sum(dot(x, x) for x in means)]
    value = loss + num_classes * (squares[0] + class_root**2 * squares[1])
    return least / value - 1


simplex_optimum_free_bias.false_neighbor(
    "n_for_its_root", "The bound holds with c = K n lambda, for n >= 2 too.", margin=with_class_size
)
