"""Balanced separation in few dimensions, K/2 <= d <= K - 2: K - d pairs of opposite classes, and the others apart.

Logits Z with the columns e_i - e_i' for the classes of K - d pairs (i, i'), and P e_i for the other s = 2d - K, P = I -
J/K. All margins are 1, but for 2 within pairs.

Proof. On (e_i - e_i') / sqrt 2 Z is multiplication by 2; on vectors of the s single classes that add up to 0 it is the
identity; and it maps their normalized indicator v to r q, with a unit vector q and r = sqrt(1 - s/K) = sqrt(2 (K -
d) / K). So the singular values are 2, 1 and r, K - d, s - 1 and 1 times: Z has rank d, and their sum, K - 1 + r, is the
least |W| |H| for factors of Z, with the Gram matrices (Z Z^T)^(1/2) of the weights and (Z^T Z)^(1/2) of the means. The
former has r q q^T where the latter has r v v^T, and q = (1_S - (s/K) 1) / (r sqrt s) is not v: weights and means are
different, but for d = K/2, where there are no single classes. Then the value is K, and else it is below that.
"""

from nctheory.domains import Domain, Free, Range
from nctheory.formula import dot
from nctheory.gaussian import sqrt
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {
    "num_classes": (4, 8),
    "dimension": lambda num_classes: ((num_classes + 1) // 2, num_classes - 2),
}
BETWEEN = Domain({"num_classes": (5, 8), "dimension": lambda num_classes: (num_classes // 2 + 1, num_classes - 2)})


@theorem(
    title="Pairs of classes in few dimensions",
    statement="For K/2 <= d <= K - 2 classes of one sample each are separated with |W| |H| / m = K - 1 + "
    "sqrt(2 (K - d) / K), by the logits e_i - e_i' for the classes of K - d pairs (i, i') and e_i - 1/K for the "
    "others, which have the singular values 2, 1 and sqrt(2 (K - d) / K), K - d, 2d - K - 1 and 1 times.",
    latex=r"\|Z\|_* = K-1+\sqrt{\tfrac{2(K-d)}{K}},\quad"
    r" Z e_i = e_i - e_{i'}\ (i \text{ paired}),\ Z e_i = e_i - \tfrac1K 1\ (i \text{ single}),\quad"
    r" \operatorname{rank} Z = d",
    reference="proof in the docstring of this file",
    standing="proved",
    remarks="Executed as S^2 x = Z Z^T x and T^2 x = Z^T Z x for the Gram matrices S of the weights and T of the "
    "means, their traces and the smallest margin. Whether anything is better is another matter: few_dimensions.",
    domain=Domain(SIZES, vector=Free(("num_classes",))),
    sharp={"num_classes": 5, "dimension": 3, "vector": (1, 2, 0, -1, 3)},
)
def paired_classes(vector, num_classes, dimension):
    """The largest of the differences that say so, in size. The classes i and i + K - d are a pair, for i < K - d."""
    classes = range(num_classes)
    pairs = num_classes - dimension
    singles = 2 * dimension - num_classes
    root = sqrt(2 * pairs / num_classes)
    pairing = [
        [1 if c == e else -1 if max(c, e) < 2 * pairs and abs(c - e) == pairs else 0 for e in classes] for c in classes
    ]
    logits = [[pairing[c][e] - (0 if e < 2 * pairs else 1 / num_classes) for e in classes] for c in classes]
    weights = [
        [
            pairing[c][e]
            + (
                root * singles / (2 * pairs * num_classes)
                if max(c, e) < 2 * pairs
                else root * 2 * pairs / (num_classes * singles) - 1 / singles
                if min(c, e) >= 2 * pairs
                else -root / num_classes
            )
            for e in classes
        ]
        for c in classes
    ]
    means = [
        [pairing[c][e] + ((root - 1) / singles if min(c, e) >= 2 * pairs else 0) for e in classes] for c in classes
    ]
    images = [
        [dot(weights[c], [dot(row, vector) for row in weights]) for c in classes],
        [dot(logits[c], [sum(logits[k][e] * vector[k] for k in classes) for e in classes]) for c in classes],
        [dot(means[c], [dot(row, vector) for row in means]) for c in classes],
        [sum(logits[k][c] * dot(logits[k], vector) for k in classes) for c in classes],
    ]
    defects = [
        abs(images[k][c] - images[k + 1][c]) / (1 + max(abs(x) for x in vector)) for k in (0, 2) for c in classes
    ]
    traces = [abs(sum(gram[c][c] for c in classes) - num_classes + 1 - root) for gram in (weights, means)]
    margin = min(logits[e][e] - logits[c][e] for c in classes for e in classes if c != e)
    return max(defects + traces + [abs(margin - 1)])


def below_k(num_classes, dimension):
    """K less the value of the pairs."""
    return 1 - sqrt(2 * (num_classes - dimension) / num_classes)


paired_classes.false_neighbor(
    "value_k",
    "For K/2 < d <= K - 2 the value is K, as if d were K/2: pairs are no better.",
    margin=below_k,
    domain=BETWEEN,
)


def above_k_minus_1(num_classes, dimension):
    """The value of the pairs less K - 1."""
    return sqrt(2 * (num_classes - dimension) / num_classes)


paired_classes.false_neighbor(
    "value_k_minus_1",
    "For K/2 < d <= K - 2 the pairs have the value K - 1 of large dimensions.",
    margin=above_k_minus_1,
    domain=BETWEEN,
)


def without_self_duality(num_classes, dimension):
    """The difference of |h|^2 and |w|^2 of the single classes, where |W| = |H|."""
    root = sqrt(2 * (num_classes - dimension) / num_classes)
    singles = 2 * dimension - num_classes
    return root / singles - root * 2 * (num_classes - dimension) / (num_classes * singles)


paired_classes.false_neighbor(
    "self_duality",
    "For K/2 < d < K - 1 too the weights of such pairs and singles are the class means, up to a factor (NC3).",
    margin=without_self_duality,
    domain=BETWEEN,
)
