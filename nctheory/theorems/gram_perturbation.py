"""Inner products within epsilon of those of the simplex cost nearest mean at most epsilon / 2 of its exponent.

Proof. |mu_i - mu_j|^2 = G_ii + G_jj - 2 G_ij is within 4 epsilon of that of the simplex, 2K / (K-1) = 8 beta*, so the
smallest over 8 is at least beta* - epsilon / 2. Equality: the means of the simplex for K = 2, scaled down.
"""

from fractions import Fraction
from itertools import combinations

from nctheory.domains import Domain, Free
from nctheory.formula import dot, squared_distance
from nctheory.theorems.registry import theorem

POINTS = ("num_classes", "dimension")


@theorem(
    title="Perturbed inner products",
    statement="Where every inner product of the class means is within epsilon of that of the unit simplex, the "
    "exponent of nearest mean is at least K / (4 (K - 1)) - epsilon / 2.",
    latex=r"\max_{i,j}|G_{ij}-G^*_{ij}| \le \varepsilon \implies \beta \ge \frac{K}{4(K-1)} - \frac\varepsilon2",
    reference="proof in the docstring of this file",
    standing="proved",
    domain=Domain({"num_classes": (2, 5), "dimension": (1, 4)}, means=Free(POINTS)),
    sharp={"num_classes": 2, "dimension": 1, "means": ((Fraction(1, 2),), (Fraction(-1, 2),))},
)
def gram_perturbation(means, num_classes):
    """K / (4 (K - 1)) - epsilon / 2 less dist^2 / 8."""
    lengths = max(abs(dot(x, x) - 1) for x in means)
    angles = max(abs(dot(x, y) + 1 / (num_classes - 1)) for x, y in combinations(means, 2))
    smallest = min(squared_distance(x, y) for x, y in combinations(means, 2))
    return num_classes / (4 * (num_classes - 1)) - max(lengths, angles) / 2 - smallest / 8


def with_a_quarter(means, num_classes):
    """K / (4 (K - 1)) - epsilon / 4 less dist^2 / 8."""
    lengths = max(abs(dot(x, x) - 1) for x in means)
    angles = max(abs(dot(x, y) + 1 / (num_classes - 1)) for x, y in combinations(means, 2))
    smallest = min(squared_distance(x, y) for x, y in combinations(means, 2))
    return num_classes / (4 * (num_classes - 1)) - max(lengths, angles) / 4 - smallest / 8


gram_perturbation.false_neighbor(
    "a_quarter", "The exponent of nearest mean is at least K / (4 (K - 1)) - epsilon / 4.", margin=with_a_quarter
)
