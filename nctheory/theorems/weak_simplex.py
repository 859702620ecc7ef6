"""The weak simplex conjecture: of K unit signals, those of the simplex are mistaken the least, at every noise level."""

from fractions import Fraction
from itertools import combinations

from nctheory.domains import Domain, Positive, Probabilities, Range, Sphere
from nctheory.formula import squared_distance
from nctheory.gaussian import biorthogonal_error, circle_error, normal_tail, orthogonal_error, simplex_error, sqrt
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (2, 5), "dimension": (1, 3)}


@theorem(
    title="Weak simplex conjecture",
    statement="K equally likely signals of equal norm, in any dimension, noise and with any decoder, have at least the "
    "error of the simplex of that norm.",
    latex=r"\|\mu_i\| = 1 \implies P_{\mathrm{correct}} \le \int \varphi(x)\,"
    r"\Phi\bigl(x + \sqrt{\tfrac{K}{K-1}}\,\tfrac1\sigma\bigr)^{K-1}dx",
    reference="arXiv 2607.14087; landau1966 for K = 4; balakrishnan1961 for small noise and local optimality; "
    "balitskiy2017",
    standing="proved",
    remarks="Proved in a preprint of 2026, arXiv 2607.14087, which comes with a public development in Lean; that proof "
    "has not been rebuilt here, and earlier claims of a proof exist (pastore2023). Known before: K <= 4, the limit of "
    "small noise, and local optimality. Executed where the error of unit vectors has a formula, in the plane and for "
    "2K signals +-e_i, and in any dimension with the union bound in the place of the error.",
    domain=Domain(
        SIZES,
        gaps=Probabilities(("num_classes",)),
        points=Sphere(("num_classes", "dimension")),
        noise=Positive(),
    ),
    sharp={
        "num_classes": 3,
        "dimension": 1,
        "gaps": (Fraction(1, 3), Fraction(1, 3), Fraction(1, 3)),
        "points": ((1,), (-1,), (1,)),
        "noise": Fraction(1),
    },
)
def weak_simplex(num_classes, gaps, points, noise):
    """The error of the simplex less that of unit vectors in the plane, or +-e_i, or less the union bound of others."""
    pairs = sum(normal_tail(sqrt(squared_distance(x, y)) / (2 * noise)) for x, y in combinations(points, 2))
    biorthogonal = simplex_error(2 * num_classes, noise) - biorthogonal_error(num_classes, noise)
    others = min(circle_error(gaps, noise), 2 * pairs / num_classes)
    return max(simplex_error(num_classes, noise) - others, biorthogonal)


def orthogonal_above_simplex(num_classes, noise):
    """The error of orthogonal unit vectors less that of the simplex."""
    return orthogonal_error(num_classes, 1 / noise) - simplex_error(num_classes, noise)


weak_simplex.false_neighbor(
    "orthogonal_is_as_good",
    "Orthogonal unit signals are mistaken no more often than those of the simplex.",
    margin=orthogonal_above_simplex,
    domain=Domain({"num_classes": (2, 5)}, noise=Positive()),
)


def every_class_occurs(priors):
    """All probabilities are at least 1/100."""
    return all(100 * p >= 1 for p in priors)


def simplex_above_others_for_priors(num_classes, priors, points, noise):
    """A lower bound on the error of the simplex less an upper bound on that of the points.

    Telling class i from j only, at distance D, goes wrong with probability at least 2 min(p_i, p_j) Q(D / 2 sigma).
    Nearest mean among i and j alone is wrong with (p_i + p_j) Q(D_ij / 2 sigma), and for all other classes.
    """
    wall = sqrt(num_classes / (2 * (num_classes - 1))) / noise
    smaller = max(min(p, q) for p, q in combinations(priors, 2))
    chances = [
        (priors[i] + priors[j]) * (1 - normal_tail(sqrt(squared_distance(points[i], points[j])) / (2 * noise)))
        for i, j in combinations(range(num_classes), 2)
    ]
    return 2 * smaller * normal_tail(wall) - 1 + max(chances)


weak_simplex.false_neighbor(
    "every_prior",
    "For K >= 3 and any class probabilities from 1/100 on, a unit simplex has the least error among unit signals.",
    margin=simplex_above_others_for_priors,
    domain=Domain(
        {"num_classes": (3, 4), "dimension": (1, 2)},
        priors=Probabilities(("num_classes",)),
        points=Sphere(("num_classes", "dimension")),
        noise=Positive(),
    ),
    assumptions=[every_class_occurs],
)
