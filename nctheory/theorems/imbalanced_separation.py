"""The least norms that separate classes of any sizes, in closed form for up to three different sizes.

Weights w_c are the rows of W, each class has n_c samples; P = I - J/K, D = diag(n).

Proof. Features of a class may be averaged: the margins are linear in them, and |H|^2 does not grow. So let class c have
n_c times the feature h_c. By `weak_duality`, with multipliers beta_ic >= 0 for each sample of class i, |W| |H| is at
least m sum n_i beta_ic / |B|_2. Take beta_ic = -M_ic, M = ((P D P)^+)^(1/2), which is >= 0 by `dual_signs`. Its rows
add up to 0, so each sample of class i has the column M e_i in B, B B^T = M D M = M (P D P) M = P, |B|_2 = 1, and the
sum is tr(D M) = tr((P D P)^(1/2)): the sum of the square roots of the nonzero eigenvalues mu of P D P. With logits P,
that is w_c and h_c with Gram matrices (P D P)^(1/2) and M and <w_c, h_i> = P_ci, it is attained for d >= K - 1.

By `projected_class_sizes` the mu are the critical points of prod (x - n_k): a size of k classes k - 1 times, and the
roots of sum_j k_j / (x - n_j), k_j classes of size n_j. For three sizes these two have the sum S and the product Q
below, and sqrt x + sqrt y = sqrt(S + 2 sqrt Q); k_3 = 0 is a formal case of it, where one root is n_3 itself.
"""

from itertools import permutations

from nctheory import separation
from nctheory.domains import ClassSizes, Domain, Free, Range
from nctheory.formula import dot
from nctheory.gaussian import sqrt
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {
    "first": (1, 2),
    "second": (1, 2),
    "third": (0, 1),
    "num_classes": lambda first, second, third: (first + second + third, first + second + third),
    "dimension": (1, 3),
}
POINTS = ("num_classes", "dimension")


def certified():
    """The bound for some class sizes, but for 1e-12 of it."""
    return {
        f"class sizes {', '.join(map(str, sizes))}": separation.optimum(sizes).certificate
        for sizes in ((1, 3), (1, 1, 13), (500, 500, 50), (1, 2, 4, 8, 16))
    }


@theorem(
    title="Separation of classes of any sizes",
    statement="Classes of n_c samples each, with the means h_c of their features: the smallest margin m satisfies "
    "|W| |H| >= m sum sqrt(mu), mu the nonzero eigenvalues of P D P, in any dimension, and for d >= K - 1 this is "
    "attained. For k_j classes of size n_j, j = 1, 2, 3, the sum is sum (k_j - 1) sqrt(n_j) + sqrt(S + 2 sqrt Q) with "
    "K S = sum k_j (n_1 + n_2 + n_3 - n_j), K Q = sum k_j n_1 n_2 n_3 / n_j. So it is sqrt(N / 2) for K = 2, and "
    "sqrt(2 s_1 / 3 + 2 sqrt(s_2 / 3)) for K = 3; two sizes have sqrt((k_1 n_2 + k_2 n_1) / K) in place of the last "
    "term.",
    latex=r"\|W\|_F\|H\|_F \ge m\operatorname{tr}(PDP)^{1/2},\qquad"
    r" \operatorname{tr}(PDP)^{1/2} = \sum_{j\le 3}(k_j-1)\sqrt{n_j} + \sqrt{S+2\sqrt Q}",
    reference="thrampoulidis2022; proof in the docstring of this file",
    standing="proved",
    remarks="The reference has step imbalance; signs of the multipliers for all class sizes are in dual_signs.",
    domain=Domain(SIZES, class_sizes=ClassSizes((3,)), weights=Free(POINTS), means=Free(POINTS)),
    sharp={
        "first": 2,
        "second": 1,
        "third": 0,
        "num_classes": 3,
        "dimension": 2,
        "class_sizes": (1, 13, 1),
        "weights": ((1, 0), (0, 1), (-1, -1)),
        "means": ((2, -1), (-1, 2), (-1, -1)),
    },
    certified=certified,
)
def imbalanced_separation(class_sizes, weights, means, first, second, third, num_classes):
    """The smallest margin times the least value over |W| |H|, less 1."""
    counts = [class_sizes[0 if c < first else 1 if c < first + second else 2] for c in range(num_classes)]
    others = [
        class_sizes[1] + class_sizes[2],
        class_sizes[0] + class_sizes[2],
        class_sizes[0] + class_sizes[1],
    ]
    products = [class_sizes[1] * class_sizes[2], class_sizes[0] * class_sizes[2], class_sizes[0] * class_sizes[1]]
    both = dot([first, second, third], others) / num_classes
    product = dot([first, second, third], products) / num_classes
    repeated = dot([first - 1, second - 1, third - 1], [sqrt(n) for n in class_sizes])
    value = repeated + sqrt(both + 2 * sqrt(product))
    margin = min(dot(weights[c], means[c]) - dot(weights[e], means[c]) for c, e in permutations(range(num_classes), 2))
    squares = sum(dot(w, w) for w in weights) * sum(counts[c] * dot(means[c], means[c]) for c in range(num_classes))
    return margin * value / sqrt(squares) - 1 if squares > 0 else -1


def without_swapping(class_sizes, weights, means):
    """How far |W| |H| / m is below sqrt(n_1) + sqrt((2 n_1 + n_2) / 3), by squaring twice; relative to N^2.

    It is below where t = (|W| |H| / m)^2 - n_1 - (2 n_1 + n_2) / 3 is below 2 sqrt(n_1 (2 n_1 + n_2) / 3).
    """
    counts = [class_sizes[0], class_sizes[0], class_sizes[1]]
    mixed = (2 * class_sizes[0] + class_sizes[1]) / 3
    margin = min(dot(weights[c], means[c]) - dot(weights[e], means[c]) for c, e in permutations(range(3), 2))
    squares = sum(dot(w, w) for w in weights) * sum(counts[c] * dot(means[c], means[c]) for c in range(3))
    rest = squares / margin**2 - class_sizes[0] - mixed if margin > 0 else 10 * sum(counts)
    return (4 * class_sizes[0] * mixed - max(0, rest) ** 2) / sum(counts) ** 2


imbalanced_separation.false_neighbor(
    "weights_not_swapped",
    "The bound holds for two sizes with sqrt((k_1 n_1 + k_2 n_2) / K) as the last term: for two classes of n_1 samples "
    "and one of n_2 it is sqrt(n_1) + sqrt((2 n_1 + n_2) / 3).",
    margin=without_swapping,
    domain=Domain(class_sizes=ClassSizes((2,)), weights=Free((3, 2)), means=Free((3, 2))),
)


def with_simplex(class_sizes, weights, means, num_classes):
    """The squared margin times (K - 1)^2 N / K, the squared value of the simplex ETF, over |W|^2 |H|^2, less 1."""
    value = (num_classes - 1) ** 2 * sum(class_sizes) / num_classes
    margin = min(dot(weights[c], means[c]) - dot(weights[e], means[c]) for c, e in permutations(range(num_classes), 2))
    squares = sum(dot(w, w) for w in weights) * sum(
        class_sizes[c] * dot(means[c], means[c]) for c in range(num_classes)
    )
    return margin * abs(margin) * value / squares - 1 if squares > 0 else -1


imbalanced_separation.false_neighbor(
    "simplex_is_best",
    "Nothing is better than weights and means that are the same simplex ETF, of value (K - 1) sqrt(N / K), whatever "
    "the class sizes.",
    margin=with_simplex,
    domain=Domain(
        {"num_classes": (3, 4), "dimension": (2, 3)},
        class_sizes=ClassSizes(("num_classes",)),
        weights=Free(POINTS),
        means=Free(POINTS),
    ),
)


def without_the_smallest(class_sizes, weights, means, num_classes):
    """The smallest margin times the sum of sqrt(n_c) without that of the smallest class, over |W| |H|, less 1."""
    value = sum(sqrt(n) for n in class_sizes) - sqrt(min(class_sizes))
    margin = min(dot(weights[c], means[c]) - dot(weights[e], means[c]) for c, e in permutations(range(num_classes), 2))
    squares = sum(dot(w, w) for w in weights) * sum(
        class_sizes[c] * dot(means[c], means[c]) for c in range(num_classes)
    )
    return margin * value / sqrt(squares) - 1 if squares > 0 else -1


imbalanced_separation.false_neighbor(
    "sizes_themselves",
    "The bound holds with the class sizes but the smallest in place of the eigenvalues.",
    margin=without_the_smallest,
    domain=Domain(
        {"num_classes": (2, 4), "dimension": (1, 3)},
        class_sizes=ClassSizes(("num_classes",)),
        weights=Free(POINTS),
        means=Free(POINTS),
    ),
)
