"""Delsarte's linear programming bound for spherical codes.

The Gegenbauer polynomials P_k of dimension d, P_k(1) = 1, are positive definite: sum_ij P_k(<x_i, x_j>) >= 0 for unit
vectors x_1, ..., x_N of R^d, because P_k(<x, y>) is, up to a positive factor, the sum of v(x) v(y) over an orthonormal
basis of the spherical harmonics v of degree k (schoenberg1942). Hence sum_ij f(<x_i, x_j>) >= N^2 f_0 for
f = sum_k f_k P_k with f_k >= 0 for k >= 1. If f <= 0 at the inner products of different vectors, the sum is at most
N f(1), so that N <= f(1) / f_0 where f_0 > 0.

Duality: let p be a distribution on cosines t_1, ..., t_n in [-1, s] with 1 + (N - 1) sum_i p_i P_k(t_i) >= 0 for
k = 1, ..., m. Then every f of degree at most m with f_k >= 0 for k >= 1 and f <= 0 on [-1, s] has
f(1) >= f(1) + (N - 1) sum_i p_i f(t_i) >= N f_0: no such polynomial excludes N points.
"""

from fractions import Fraction

from nctheory.domains import Domain, Free, Gram, Interval, Probabilities, Range
from nctheory.formula import gegenbauer
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"dimension": (2, 4), "num_points": (2, 5), "num_terms": (1, 5)}
GRAM = Gram(("num_points", "dimension"))


@theorem(
    title="Delsarte's linear programming bound",
    statement="If f = sum f_k P_k in Gegenbauer polynomials has f_k >= 0, then f of all N^2 inner products of N unit "
    "vectors adds up to at least N^2 f_0; so N <= f(1) / f_0 if f_0 > 0 and f <= 0 at inner products of two of them.",
    latex=r"f = \sum_k f_k P_k^{(d)},\ f_k \ge 0 \implies \sum_{i,j} f(\langle x_i, x_j \rangle) \ge N^2 f_0",
    reference="delsarte1977; schoenberg1942 for positive definiteness",
    standing="proved",
    domain=Domain(SIZES, gram=GRAM, coefficients=Interval(("num_terms",))),
    sharp={
        "dimension": 2,
        "num_points": 3,
        "num_terms": 3,
        "gram": (
            (1, Fraction(-1, 2), Fraction(-1, 2)),
            (Fraction(-1, 2), 1, Fraction(-1, 2)),
            (Fraction(-1, 2), Fraction(-1, 2), 1),
        ),
        "coefficients": (Fraction(1, 2), 1, Fraction(1, 3)),
    },
)
def delsarte(gram, coefficients, num_points, num_terms, dimension):
    """N^2 f_0, less the sum of f over all inner products."""
    cosines = [gram[i][j] for i in range(num_points) for j in range(num_points)]
    total = sum(sum(coefficients[k] * gegenbauer(k, dimension, t) for k in range(num_terms)) for t in cosines)
    return num_points**2 * coefficients[0] - total


delsarte.false_neighbor(
    "any_signs",
    "The bound holds for coefficients of either sign.",
    domain=Domain(SIZES, gram=GRAM, coefficients=Free(("num_terms",))),
)


def with_lower_dimension(gram, coefficients, num_points, num_terms, dimension):
    """N^2 f_0, less the sum of f over all inner products, with the polynomials of dimension d - 1."""
    cosines = [gram[i][j] for i in range(num_points) for j in range(num_points)]
    total = sum(sum(coefficients[k] * gegenbauer(k, dimension - 1, t) for k in range(num_terms)) for t in cosines)
    return num_points**2 * coefficients[0] - total


delsarte.false_neighbor(
    "lower_dimension",
    "The Gegenbauer polynomials of dimension d - 1 are positive definite in dimension d too.",
    margin=with_lower_dimension,
    domain=Domain(SIZES | {"dimension": (3, 4)}, gram=GRAM, coefficients=Interval(("num_terms",))),
)


def below_hexagon(coefficients):
    """6 f_0 - f(1), where f_0 is the largest number with which f <= 0 at -1, -7/10, -4/10, ..., 5/10."""
    grid = [3 * i / 10 - 1 for i in range(6)]
    constant = -max(sum(coefficients[k] * gegenbauer(k + 1, 2, t) for k in range(4)) for t in grid)
    return 5 * constant - sum(coefficients)


delsarte.false_neighbor(
    "on_a_grid",
    "f = f_0 + f_1 P_1 + ... + f_4 P_4 with f <= 0 on a grid of [-1, 1/2], as from a linear program, bounds the unit "
    "vectors of the plane with angles of at least 60 degrees, of which there are six, so that f(1) >= 6 f_0.",
    margin=below_hexagon,
    domain=Domain({}, coefficients=Interval((4,))),
    assumptions=[],
)


def twenty_five_remain(cosines, shares):
    """The least of 1 + 24 sum_i p_i P_k(t_i), k = 1, ..., 12, in dimension 4, where the last cosine is 1/2."""
    atoms = cosines + (1 / 2,)
    return min(1 + 24 * sum(shares[i] * gegenbauer(k, 4, atoms[i]) for i in range(len(atoms))) for k in range(1, 13))


delsarte.false_neighbor(
    "settles_24_cell",
    "Some polynomial of degree at most 12 proves by Delsarte's bound that 25 unit vectors of R^4 have two at an angle "
    "below 60 degrees, so that the 24-cell is best (it is, by musin2008; the linear program does not show it).",
    margin=twenty_five_remain,
    domain=Domain(
        {},
        cosines=Interval((3,), low=Fraction(-1), high=Fraction(1, 2)),
        shares=Probabilities((4,)),
    ),
    assumptions=[],
)


def ten_remain_below(cosines, shares):
    """The lesser of 1/6 - max t_i and the least of 1 + 9 sum_i p_i P_k(t_i), k = 1, ..., 12, in dimension 4."""
    count = len(cosines)
    positive = min(1 + 9 * sum(shares[i] * gegenbauer(k, 4, cosines[i]) for i in range(count)) for k in range(1, 13))
    return min(1 / 6 - max(cosines), positive)


delsarte.false_neighbor(
    "settles_petersen",
    "For every s < 1/6 some polynomial of degree at most 12 proves by Delsarte's bound that 10 unit vectors of R^4 "
    "have a cosine above s, so that the Petersen code is best (it is, by bachoc2009 and semidefinite programming).",
    margin=ten_remain_below,
    domain=Domain(
        {"atoms": (1, 3)},
        cosines=Interval(("atoms",), low=Fraction(-1), high=Fraction(1, 2)),
        shares=Probabilities(("atoms",)),
    ),
    assumptions=[],
)
