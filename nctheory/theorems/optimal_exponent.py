"""The largest error exponent: K / (4 (K - 1)) times the mean squared norm, whatever the decoder and the dimension.

Proof. m_ij + m_ji = <w_i - w_j, mu_i - mu_j> <= |w_i - w_j| |mu_i - mu_j|, so the smaller of the two pair exponents is
at most |mu_i - mu_j|^2 / 8, and K(K-1)/2 times the smallest squared distance is at most the sum of all of them,
K sum |mu_i|^2 - |sum mu_i|^2 <= K sum |mu_i|^2. The simplex with w = mu and b = 0 attains all three.
"""

from fractions import Fraction

from nctheory import channel
from nctheory.domains import Domain, Free, Range
from nctheory.formula import dot, exponent, universal_bound
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (2, 6), "dimension": (1, 5)}
POINTS = ("num_classes", "dimension")
FIELDS = {"means": Free(POINTS), "weights": Free(POINTS), "bias": Free(("num_classes",))}
TETRAHEDRON = ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))


def optima():
    """Certificates of the optimum and that it is attained, for up to ten classes."""
    return {
        f"K = {K}: the optimum is K / (4 (K - 1))": channel.optimum(K, energy="average").certificate
        for K in range(2, 11)
    }


@theorem(
    title="The optimal exponent",
    statement="K class means of mean squared norm E have, with any linear decoder, an exponent of at most "
    "E K / (4 (K - 1)), which the simplex equiangular tight frame attains.",
    latex=r"\beta(M,W,b) \le \frac{K}{4(K-1)}\cdot\frac1K\sum_i\|\mu_i\|^2",
    reference="papyan2020; balakrishnan1961; proof in the docstring of this file",
    standing="proved",
    domain=Domain(SIZES, **FIELDS),
    sharp={"num_classes": 4, "dimension": 3, "means": TETRAHEDRON, "weights": TETRAHEDRON, "bias": (Fraction(0),) * 4},
    certified=optima,
)
def optimal_exponent(means, weights, bias, num_classes):
    """The exponent for each unit of mean squared norm, less K / (4 (K - 1))."""
    energy = sum(dot(x, x) for x in means) / num_classes
    value = exponent(means, weights, bias)
    return (value / energy if energy > 0 else value) - num_classes / (4 * (num_classes - 1))


def over_a_quarter(means, weights, bias, num_classes):
    """The exponent for each unit of mean squared norm, less 1/4."""
    energy = sum(dot(x, x) for x in means) / num_classes
    value = exponent(means, weights, bias)
    return (value / energy if energy > 0 else value) - 1 / 4


def missed_in_one_dimension_less(num_classes, dimension):
    """K / (4 (K - 1)) less the exponent that is possible in this dimension for means in the unit ball."""
    return num_classes / (4 * (num_classes - 1)) - universal_bound(num_classes, dimension)


def within_one_percent(means, weights, bias, num_classes):
    """The exponent for each unit of mean squared norm, less 99% of K / (4 (K - 1))."""
    energy = sum(dot(x, x) for x in means) / num_classes
    value = exponent(means, weights, bias)
    return (value / energy if energy > 0 else value) - 99 * num_classes / (400 * (num_classes - 1))


optimal_exponent.false_neighbor(
    "a_quarter_for_every_number_of_classes",
    "The exponent is at most a quarter of the mean squared norm for every K, not only in the limit of many classes.",
    margin=over_a_quarter,
)
optimal_exponent.false_neighbor(
    "reached_below_the_simplex",
    "K / (4 (K - 1)) is reached by means of the unit ball in dimension K - 2 already.",
    margin=missed_in_one_dimension_less,
    domain=Domain({"dimension": (1, 4), "num_classes": lambda dimension: (dimension + 2, dimension + 2)}),
)
optimal_exponent.false_neighbor(
    "needs_as_many_dimensions_as_classes",
    "The simplex needs dimension K: in dimension K - 1 at least one percent of K / (4 (K - 1)) is lost.",
    margin=within_one_percent,
    domain=Domain({"dimension": (1, 3), "num_classes": lambda dimension: (dimension + 1, dimension + 1)}, **FIELDS),
)
