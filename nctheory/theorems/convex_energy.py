"""The simplex minimizes every convex energy that repels.

Let f be convex and nonincreasing on [0, 4], and let K unit vectors have squared distances t_ij. Their mean over
i != j is (2 K^2 - 2 |sum mu|^2) / (K (K - 1)) <= 2K / (K - 1). By Jensen, sum_(i != j) f(t_ij) >= K (K - 1) f(mean)
>= K (K - 1) f(2K / (K - 1)), the energy of the simplex. (It is enough that the squared norms are at most 1 on average.)

Hinges are enough as a test: the linear interpolation of f at nodes c_0 = 0 < c_1 < ... < c_m = 4 has slopes
-s_1 <= ... <= -s_m <= 0, so it is f(4) + sum_k (s_k - s_(k + 1)) max(0, c_k - t) with s_(m + 1) = 0, a sum of hinges
with coefficients that are not negative; finer nodes converge to f wherever it is finite and continuous.
"""

from fractions import Fraction
from itertools import permutations

from nctheory.domains import Domain, Gram, Interval, Range
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (2, 5), "dimension": (1, 4)}
AT_LEAST_3 = SIZES | {"num_classes": (3, 5)}
GRAM = Gram(("num_classes", "dimension"))
CORNER = Interval(high=Fraction(4))


@theorem(
    title="The simplex minimizes convex energies",
    statement="For K unit vectors and every convex nonincreasing f of the squared distance, the sum of f over ordered "
    "pairs is at least K (K - 1) f(2K / (K - 1)); tested on f(t) = max(0, c - t), of which all others are made.",
    latex=r"\sum_{i \ne j} f(\|\mu_i - \mu_j\|^2) \ge K (K-1) f\!\left(\tfrac{2K}{K-1}\right)",
    reference="cohn2007 for the wider setting; proof in the docstring of this file",
    standing="proved",
    domain=Domain(SIZES, gram=GRAM, corner=CORNER),
    sharp={
        "num_classes": 3,
        "dimension": 2,
        "gram": (
            (1, Fraction(-1, 2), Fraction(-1, 2)),
            (Fraction(-1, 2), 1, Fraction(-1, 2)),
            (Fraction(-1, 2), Fraction(-1, 2), 1),
        ),
        "corner": 4,
    },
)
def convex_energy(gram, corner, num_classes):
    """The energy of the simplex, less that of the vectors, for f(t) = max(0, c - t)."""
    distances = [2 - 2 * gram[i][j] for i, j in permutations(range(num_classes), 2)]
    simplex = num_classes * (num_classes - 1) * max(0, corner - 2 * num_classes / (num_classes - 1))
    return simplex - sum(max(0, corner - t) for t in distances)


def concave(gram, corner, num_classes):
    """The energy of the simplex, less that of the vectors, for f(t) = -max(0, t - c)."""
    distances = [2 - 2 * gram[i][j] for i, j in permutations(range(num_classes), 2)]
    simplex = num_classes * (num_classes - 1) * max(0, 2 * num_classes / (num_classes - 1) - corner)
    return sum(max(0, t - corner) for t in distances) - simplex


convex_energy.false_neighbor(
    "concave",
    "Every nonincreasing energy is minimized by the simplex, K >= 3, such as f(t) = -max(0, t - c).",
    margin=concave,
    domain=Domain(AT_LEAST_3, gram=GRAM, corner=CORNER),
)


def increasing(gram, corner, num_classes):
    """The energy of the simplex, less that of the vectors, for f(t) = max(0, t - c)."""
    distances = [2 - 2 * gram[i][j] for i, j in permutations(range(num_classes), 2)]
    simplex = num_classes * (num_classes - 1) * max(0, 2 * num_classes / (num_classes - 1) - corner)
    return simplex - sum(max(0, t - corner) for t in distances)


convex_energy.false_neighbor(
    "increasing",
    "Every convex energy is minimized by the simplex, such as f(t) = max(0, t - c).",
    margin=increasing,
)


def of_fourth_powers(gram, corner, num_classes):
    """The energy of the simplex, less that of the vectors, for f(t) = max(0, c^2 - t^2)."""
    distances = [2 - 2 * gram[i][j] for i, j in permutations(range(num_classes), 2)]
    simplex = num_classes * (num_classes - 1) * max(0, corner**2 - (2 * num_classes / (num_classes - 1)) ** 2)
    return simplex - sum(max(0, corner**2 - t**2) for t in distances)


convex_energy.false_neighbor(
    "fourth_power",
    "It is enough that f is convex and nonincreasing in the fourth power of the distance, K >= 3.",
    margin=of_fourth_powers,
    domain=Domain(AT_LEAST_3, gram=GRAM, corner=CORNER),
)
