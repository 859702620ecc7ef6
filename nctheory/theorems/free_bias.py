"""Minimum-norm separation with a free bias: A = D - n n^T / N takes the place of P D P.

Weights w_c are the rows of W, class c has n_c samples with the mean feature h_c, |H|^2 = sum n_c |h_c|^2, and the
margins are m_jc = <w_j - w_c, h_j> + b_j - b_c, m the smallest; D = diag(n), p = n / N.

Proof. A is a graph Laplacian, with weights n_i n_j / N, and A^(1/2) = (2/pi) int_0^oo (I - t^2 (A + t^2 I)^-1) dt. The
matrix (A + t^2 I)^-1 has positive entries: D_t^-1 plus a positive multiple of D_t^-1 n n^T D_t^-1, D_t = D + t^2 I.
So A^(1/2) is negative off the diagonal, and beta_jc = -(A^(1/2))_cj / n_j are multipliers for each sample of class j.
Their columns are those of A^(1/2) D^-1, so B B^T = A^(1/2) D^-1 A^(1/2) = I - J/K, as A D^-1 A = A: |B|_2 = 1. Their
sum over all samples is A^(1/2) 1 = 0, so the bias cancels in sum n_j beta_jc m_jc = <W, A^(1/2) H> <= |W| |H|. The sum
of all multipliers is tr A^(1/2). Logits I - p 1^T with the bias p attain it for d >= K - 1.

For K = 2 the nonzero eigenvalue of A is 2 n_1 n_2 / N; for K = 3 the two have the sum 2 s_2 / N and the product 3 s_3 /
N, s_2 = n_1 n_2 + n_1 n_3 + n_2 n_3, s_3 = n_1 n_2 n_3. Balanced it is the value (K - 1) sqrt n without bias.
"""

from itertools import combinations

from nctheory import separation
from nctheory.domains import ClassSizes, Domain, Free, Range
from nctheory.formula import dot
from nctheory.gaussian import sqrt
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (2, 3), "dimension": (1, 3)}
POINTS = ("num_classes", "dimension")


def certified():
    """The bound for some class sizes, but for 1e-12 of it."""
    return {
        f"class sizes {', '.join(map(str, sizes))}": separation.optimum(sizes, bias=True).certificate
        for sizes in ((1, 3), (1, 1, 13), (500, 500, 50), (1, 2, 4, 8, 16))
    }


@theorem(
    title="Separation with a free bias",
    statement="With a bias at no price |W| |H| >= m tr A^(1/2), A = D - n n^T / N, in any dimension, attained for "
    "d >= K - 1 by the logits I - p 1^T with the bias p = n / N. It is sqrt(2 n_1 n_2 / N) for K = 2, and "
    "sqrt(2 s_2 / N + 2 sqrt(3 s_3 / N)) for K = 3, s_2 and s_3 the elementary symmetric functions of the sizes.",
    latex=r"\|W\|_F\|H\|_F \ge m\operatorname{tr}A^{1/2},\ A = D-\tfrac1N nn^{\mathsf T};\qquad"
    r" K=2:\ \sqrt{\tfrac{2n_1n_2}{N}},\quad K=3:\ \sqrt{\tfrac{2s_2}{N}+2\sqrt{\tfrac{3s_3}{N}}}",
    reference="proof in the docstring of this file",
    standing="proved",
    domain=Domain(
        SIZES,
        class_sizes=ClassSizes(("num_classes",)),
        weights=Free(POINTS),
        means=Free(POINTS),
        bias=Free(("num_classes",)),
    ),
    sharp={
        "num_classes": 3,
        "dimension": 3,
        "class_sizes": (1, 1, 6),
        "weights": ((2, 2, 2), (-2, -2, 2), (0, 0, -4)),
        "means": ((2, 2, 3), (-2, -2, 3), (0, 0, -1)),
        "bias": (2, 2, 12),
    },
    certified=certified,
)
def free_bias(class_sizes, weights, means, bias, num_classes):
    """The smallest margin times the least value over |W| |H|, less 1."""
    total = sum(class_sizes)
    pairs = sum(x * y for x, y in combinations(class_sizes, 2))
    product = class_sizes[0] * class_sizes[1] * (class_sizes[2] if num_classes > 2 else 0)
    value = sqrt(2 * pairs / total + 2 * sqrt(3 * product / total))
    margin = min(
        dot(weights[j], means[j]) + bias[j] - dot(weights[c], means[j]) - bias[c]
        for j in range(num_classes)
        for c in range(num_classes)
        if c != j
    )
    squares = sum(dot(w, w) for w in weights) * sum(
        class_sizes[c] * dot(means[c], means[c]) for c in range(num_classes)
    )
    return margin * value / sqrt(squares) - 1 if squares > 0 else -1


TWO = Domain(
    {"dimension": (1, 2)},
    class_sizes=ClassSizes((2,)),
    weights=Free((2, "dimension")),
    means=Free((2, "dimension")),
    bias=Free((2,)),
)


def as_without_bias(class_sizes, weights, means, bias):
    """The squared margin times N / 2, the squared value without bias, over |W|^2 |H|^2, less 1."""
    margin = min(
        dot(weights[0], means[0]) - dot(weights[1], means[0]) + bias[0] - bias[1],
        dot(weights[1], means[1]) - dot(weights[0], means[1]) + bias[1] - bias[0],
    )
    squares = sum(dot(w, w) for w in weights) * sum(class_sizes[c] * dot(means[c], means[c]) for c in range(2))
    return margin * abs(margin) * sum(class_sizes) / (2 * squares) - 1 if squares > 0 else -1


free_bias.false_neighbor(
    "bias_is_irrelevant",
    "A free bias does not lower the least value, whatever the class sizes: for K = 2 it stays sqrt(N / 2).",
    margin=as_without_bias,
    domain=TWO,
)


def with_the_smallest_class(class_sizes, weights, means, bias):
    """The squared margin times 2 min n, which 2 n_1 n_2 / N tends to, over |W|^2 |H|^2, less 1."""
    margin = min(
        dot(weights[0], means[0]) - dot(weights[1], means[0]) + bias[0] - bias[1],
        dot(weights[1], means[1]) - dot(weights[0], means[1]) + bias[1] - bias[0],
    )
    squares = sum(dot(w, w) for w in weights) * sum(class_sizes[c] * dot(means[c], means[c]) for c in range(2))
    return margin * abs(margin) * 2 * min(class_sizes) / squares - 1 if squares > 0 else -1


free_bias.false_neighbor(
    "only_the_smallest_class",
    "For K = 2 the least value with a free bias is sqrt(2 min n), whatever the larger class.",
    margin=with_the_smallest_class,
    domain=TWO,
)
