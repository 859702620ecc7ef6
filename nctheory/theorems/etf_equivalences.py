"""Eight descriptions of the simplex equiangular tight frame.

Let G be the Gram matrix of K >= 2 unit vectors of R^d, G* = (K I - J) / (K - 1), e_ij = g_ij + 1 / (K - 1) for i != j.
Three identities: sum_(i != j) e_ij = |sum mu|^2; T := sum e_ij^2 = sum (e_ij - mean)^2 + |sum mu|^4 / (K (K - 1));
sum_ij g_ij^2 = K^2 / (K - 1) + T - 2 |sum mu|^2 / (K - 1).

* (a) G = G*, and (b) all cosines are -1 / (K - 1), say T = 0, and imply all others. (c) implies T = 0 by the second
  identity. (d), (e) and (f) are the same condition max e_ij <= 0, as |mu_i - mu_j|^2 = 2 - 2 g_ij and the exponent of
  the nearest mean decoder is the least |mu_i - mu_j|^2 / 8; by the first identity it implies e_ij = 0.
* (g) G^2 = K / (K - 1) G and G 1 = 0: the trace of the first gives sum g_ij^2 = K^2 / (K - 1), the second sum mu = 0,
  and T = 0 by the third identity. (h) is the same for the frame operator S = sum mu_i mu_i^T: of rank at most K - 1
  and trace K, it is K / (K - 1) times a projection of rank K - 1 exactly if tr S^2 = sum g_ij^2 = K^2 / (K - 1).

Each description is measured by a number that is 0 where it holds and positive elsewhere.
"""

from fractions import Fraction
from itertools import combinations, permutations

from nctheory.domains import Domain, Gram
from nctheory.formula import dot, squared_distance
from nctheory.theorems.registry import theorem

AT_LEAST_3 = (3, 5)
GRAM = Gram(("num_classes", "dimension"))


@theorem(
    title="What a simplex ETF is",
    statement="For K unit vectors are equivalent: (a) the Gram matrix is (K I - J) / (K - 1); (b) all cosines are "
    "-1 / (K - 1); (c) they are equal and the mean is 0; (d) none is above -1 / (K - 1); (e) all squared distances are "
    "at least 2K / (K - 1); (f) the exponent of nearest mean is K / (4 (K - 1)); (g) G^2 = K / (K - 1) G and G 1 = 0; "
    "(h) the mean is 0 and the frame operator is K / (K - 1) times a projection.",
    latex=r"G = \tfrac{K}{K-1}(I - \tfrac1K J) \iff \max_{i \ne j} g_{ij} \le -\tfrac{1}{K-1} \iff "
    r"\min_{i \ne j} \|\mu_i - \mu_j\|^2 \ge \tfrac{2K}{K-1} \iff \beta = \tfrac{K}{4(K-1)} \iff "
    r"G^2 = \tfrac{K}{K-1} G,\ G 1 = 0",
    reference="proof in the docstring of this file",
    standing="proved",
    domain=Domain({"num_classes": (2, 5), "dimension": (1, 5)}, gram=GRAM),
    sharp={
        "num_classes": 3,
        "dimension": 2,
        "gram": (
            (1, Fraction(-1, 2), Fraction(-1, 2)),
            (Fraction(-1, 2), 1, Fraction(-1, 2)),
            (Fraction(-1, 2), Fraction(-1, 2), 1),
        ),
    },
)
def etf_equivalences(gram, num_classes):
    """The largest defect of the eight descriptions where one of them holds, elsewhere less the smallest defect."""
    scale = num_classes / (num_classes - 1)
    pairs = [(i, j) for i, j in permutations(range(num_classes), 2)]
    cosines = [gram[i][j] for i, j in pairs]
    squares = [gram[i][i] + gram[j][j] - 2 * gram[i][j] for i, j in pairs]
    gaps = [max(0, gram[i][i] - gram[i][j]) for i, j in pairs]
    exponents = [gap**2 / (2 * square) if square > 0 else 0 for gap, square in zip(gaps, squares)]
    squared_sum = sum(sum(row) for row in gram)
    simplex = [
        [scale * ((1 if i == j else 0) - 1 / num_classes) for j in range(num_classes)] for i in range(num_classes)
    ]
    defects = (
        sum(squared_distance(gram[i], simplex[i]) for i in range(num_classes)),
        max(abs(cosine + 1 / (num_classes - 1)) for cosine in cosines),
        max(cosines) - min(cosines) + squared_sum,
        max(cosines) + 1 / (num_classes - 1),
        2 * scale - min(squares),
        scale / 4 - min(exponents),
        sum((dot(x, gram[i]) - scale * x[i]) ** 2 for i in range(num_classes) for x in gram)
        + sum(sum(row) ** 2 for row in gram),
        abs(sum(dot(row, row) for row in gram) - scale * num_classes) + squared_sum,
    )
    return max(defects) if min(defects) <= 0 else -min(defects)


def is_no_simplex(gram, num_classes):
    """How far the largest cosine is above -1 / (K - 1)."""
    return max(gram[i][j] for i, j in permutations(range(num_classes), 2)) + 1 / (num_classes - 1)


def attains_welch(gram, num_classes):
    """No cosine is above 1 / (K - 1) in absolute value, as Welch's bound has it for d = K - 1."""
    return all(abs(gram[i][j]) <= 1 / (num_classes - 1) for i, j in combinations(range(num_classes), 2))


etf_equivalences.false_neighbor(
    "welch",
    "Unit vectors that attain Welch's bound for d = K - 1 are a simplex, K >= 3.",
    margin=is_no_simplex,
    domain=Domain(
        {"num_classes": AT_LEAST_3, "dimension": lambda num_classes: (num_classes - 1, num_classes - 1)}, gram=GRAM
    ),
    assumptions=[attains_welch],
)


def below_simplex_potential(gram, num_classes):
    """K^2 / (K - 1), the frame potential of the simplex, less that of the vectors."""
    return num_classes**2 / (num_classes - 1) - sum(dot(row, row) for row in gram)


etf_equivalences.false_neighbor(
    "frame_potential",
    "The simplex has the least frame potential, the sum of all squared inner products, in dimension d >= K.",
    margin=below_simplex_potential,
    domain=Domain({"num_classes": (2, 4), "dimension": lambda num_classes: (num_classes, 5)}, gram=GRAM),
)


def is_equiangular(gram, num_classes):
    """All cosines are equal."""
    cosines = [gram[i][j] for i, j in combinations(range(num_classes), 2)]
    return max(cosines) == min(cosines)


etf_equivalences.false_neighbor(
    "equiangular",
    "Unit vectors with equal cosines are a simplex, K >= 3.",
    margin=is_no_simplex,
    domain=Domain({"num_classes": AT_LEAST_3, "dimension": (1, 5)}, gram=GRAM),
    assumptions=[is_equiangular],
)


def has_mean_zero(gram):
    """The vectors add up to 0."""
    return all(sum(row) == 0 for row in gram)


def is_tight(gram, num_classes, dimension):
    """G^2 = (K / d) G: the vectors are a tight frame of R^d."""
    return all(dot(x, gram[i]) == x[i] * num_classes / dimension for i in range(num_classes) for x in gram)


etf_equivalences.false_neighbor(
    "centered_tight_frame",
    "Unit vectors with mean 0 that form a tight frame of R^d are a simplex, for d < K - 1 too.",
    margin=is_no_simplex,
    domain=Domain({"num_classes": (4, 6), "dimension": lambda num_classes: (2, num_classes - 2)}, gram=GRAM),
    assumptions=[has_mean_zero, is_tight],
)


def has_equal_lines(gram, num_classes):
    """All cosines are equal in absolute value."""
    cosines = [abs(gram[i][j]) for i, j in combinations(range(num_classes), 2)]
    return max(cosines) == min(cosines)


etf_equivalences.false_neighbor(
    "equal_absolute_values",
    "Unit vectors with mean 0 whose cosines have equal absolute values are a simplex, K >= 3.",
    margin=is_no_simplex,
    domain=Domain({"num_classes": AT_LEAST_3, "dimension": (1, 5)}, gram=GRAM),
    assumptions=[has_mean_zero, has_equal_lines],
)
