"""Simplex-encoded labels: for any class sizes the only optimal logits are P, with all margins 1; for three classes.

Weights w_c are the rows of W, class c has n_c samples with the mean feature h_c; D = diag(n), P = I - J/K, |H|^2 = sum
n_c |h_c|^2, margins m_jc = <w_j - w_c, h_j>, m the smallest.

Proof. Let M = ((P D P)^+)^(1/2), whose rows add up to 0, and which is negative off the diagonal (`dual_signs`). M D M =
P, so that |M D H|^2 = tr(H^T D M^2 D H) <= |H|^2: (D^(1/2) M)(M D^(1/2)) is a projection. <W, M D H> = sum n_j M_jc
<w_c, h_j> = sum n_j (-M_jc) m_jc >= m sum n_j M_jj, and sum n_j M_jj = tr((P D P)^(1/2)) =: v. Hence |W|^2 + |H|^2 =
|W - M D H|^2 + 2 <W, M D H> + |H|^2 - |M D H|^2 >= |W - M D H|^2 + 2 v m.

Equality, with m = 1, needs every margin to be 1 and W = M D H, so 1^T W = 0: the logits of class j are P e_j. Then
W W^T = (P D P)^(1/2), and the means have the Gram matrix M. For K = 3 the matrix P D P has two nonzero eigenvalues, of
sum 2 s_1 / 3 and product s_2 / 3; a 2 x 2 matrix A has A^(1/2) = (A + sqrt(det) I) / v with v^2 = tr + 2 sqrt(det),
which gives both roots.
"""

from nctheory.domains import ClassSizes, Domain, Free
from nctheory.formula import dot
from nctheory.gaussian import sqrt
from nctheory.theorems.registry import theorem

CLASS_SIZES = ClassSizes((3,))
THREE = Domain(class_sizes=CLASS_SIZES)


@theorem(
    title="Simplex-encoded labels",
    statement="With v = tr (P D P)^(1/2) and M = ((P D P)^+)^(1/2), |W|^2 + |H|^2 >= 2 v m + |W - M D H|^2 for all "
    "weights and class means, m the smallest margin. So for d >= K - 1 the least value v is attained by the logits P "
    "alone, the simplex-encoded labels, all margins of which are 1; the weights have the Gram matrix (P D P)^(1/2), "
    "the class means M. Executed for three classes of any sizes.",
    latex=r"\|W\|_F^2 + \sum_c n_c\|h_c\|^2 \ge 2m\operatorname{tr}(PDP)^{1/2} + \|W-MDH\|_F^2,\quad"
    r" M = \big((PDP)^+\big)^{1/2};\qquad WH^{\mathsf T} = P,\ WW^{\mathsf T} = (PDP)^{1/2},\ HH^{\mathsf T} = M",
    reference="thrampoulidis2022, theorem 1; proof in the docstring of this file",
    standing="proved",
    domain=Domain(
        {"dimension": (1, 3)},
        class_sizes=CLASS_SIZES,
        weights=Free((3, "dimension")),
        means=Free((3, "dimension")),
    ),
    sharp={
        "dimension": 2,
        "class_sizes": (1, 1, 13),
        "weights": ((3, 0), (0, 3), (-3, -3)),
        "means": ((2, -1), (-1, 2), (-1, -1)),
    },
)
def simplex_encoded_labels(class_sizes, weights, means, dimension):
    """2 v m + |W - M D H|^2 - |W|^2 - |H|^2, relative to the last two; 0 where these are."""
    pairs = [(0, 1), (0, 2), (1, 2)]
    root = sqrt(sum(class_sizes[i] * class_sizes[j] for i, j in pairs) / 3)
    value = sqrt(2 * sum(class_sizes) / 3 + 2 * root)
    inverses = [1 / n for n in class_sizes]
    pseudo = [
        [(inverses[i] if i == j else 0) - inverses[i] * inverses[j] / sum(inverses) for j in range(3)] for i in range(3)
    ]
    multipliers = [[(root * pseudo[i][j] + (1 if i == j else 0) - 1 / 3) / value for j in range(3)] for i in range(3)]
    margin = min(dot(weights[j], means[j]) - dot(weights[c], means[j]) for j in range(3) for c in range(3) if c != j)
    off = sum(
        (weights[c][k] - sum(multipliers[c][j] * class_sizes[j] * means[j][k] for j in range(3))) ** 2
        for c in range(3)
        for k in range(dimension)
    )
    norms = sum(dot(w, w) for w in weights) + sum(class_sizes[c] * dot(means[c], means[c]) for c in range(3))
    return (2 * value * margin + off) / norms - 1 if norms > 0 else 0


def excess_distance(class_sizes, combination):
    """How much farther than the nearest class mean that of the largest logit is, in squared distance times v.

    At the feature sum x_j h_j the logits are P x, and the squared distances |h|^2 + M_cc - 2 (M x)_c.
    """
    root = sqrt((class_sizes[0] * (class_sizes[1] + class_sizes[2]) + class_sizes[1] * class_sizes[2]) / 3)
    inverses = [1 / n for n in class_sizes]
    pseudo = [
        [(inverses[i] if i == j else 0) - inverses[i] * inverses[j] / sum(inverses) for j in range(3)] for i in range(3)
    ]
    gram = [[root * pseudo[i][j] + (1 if i == j else 0) - 1 / 3 for j in range(3)] for i in range(3)]
    squares = [gram[c][c] - 2 * dot(gram[c], combination) for c in range(3)]
    return min(squares[c] for c in range(3) if combination[c] == max(combination)) - min(squares)


simplex_encoded_labels.false_neighbor(
    "nearest_mean",
    "At the optimum the largest logit names the nearest class mean, for K >= 3 and any class sizes.",
    margin=excess_distance,
    domain=Domain(class_sizes=CLASS_SIZES, combination=Free((3,))),
)


def beside_the_simplex(class_sizes):
    """How far the cosine between the first two optimal weights is from -1/2; W W^T = (P D P + root P) / v."""
    root = sqrt((class_sizes[0] * (class_sizes[1] + class_sizes[2]) + class_sizes[1] * class_sizes[2]) / 3)
    mean = sum(class_sizes) / 3
    norms = [(class_sizes[i] + mean + 2 * root) / 3 for i in range(2)]
    product = (mean - class_sizes[0] - class_sizes[1] - root) / 3
    return abs(product / sqrt(norms[0] * norms[1]) + 1 / 2)


simplex_encoded_labels.false_neighbor(
    "weights_are_a_simplex",
    "The optimal logits are a simplex ETF, so the optimal weights are one as well.",
    margin=beside_the_simplex,
    domain=THREE,
)


def beside_duality(class_sizes):
    """|w_1|^2 |h_1|^2 - <w_1, h_1>^2 at the optimum."""
    root = sqrt((class_sizes[0] * (class_sizes[1] + class_sizes[2]) + class_sizes[1] * class_sizes[2]) / 3)
    total = sum(class_sizes)
    inverses = [1 / n for n in class_sizes]
    weight = (class_sizes[0] + total / 3 + 2 * root) / 3
    mean = root * (inverses[0] - inverses[0] ** 2 / sum(inverses)) + 2 / 3
    return weight * mean / (2 * total / 3 + 2 * root) - 4 / 9


simplex_encoded_labels.false_neighbor(
    "self_duality",
    "At the optimum the weights are parallel to the class means (NC3), whatever the class sizes.",
    margin=beside_duality,
    domain=THREE,
)


def longer_mean(class_sizes):
    """|h_2|^2 - |h_1|^2 at the optimum, times v over the root."""
    inverses = [1 / n for n in class_sizes]
    total = sum(inverses)
    return inverses[1] - inverses[1] ** 2 / total - inverses[0] + inverses[0] ** 2 / total


def first_is_larger(class_sizes):
    """Class 1 has more samples than class 2."""
    return class_sizes[0] > class_sizes[1]


simplex_encoded_labels.false_neighbor(
    "longer_means",
    "At the optimum a larger class has a mean that is no shorter, as its weights are.",
    margin=longer_mean,
    domain=THREE,
    assumptions=[first_is_larger],
)
