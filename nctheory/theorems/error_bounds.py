"""Bonferroni's and Hunter's bounds on the error of the simplex at every noise level.

Send one of K unit simplex signals. The other K - 1 are at distance D with D^2 = 2K/(K-1), and each is nearer than the
sent one on a half-space that is x = D / (2 sigma) = sqrt(K / (2(K-1))) / sigma standard deviations away: probability
Q(x). The directions to two of them include 60 degrees, so that the two standard normals that decide have correlation
1/2: both are above x with probability Q2(x). The error is the union of these K - 1 events. Bonferroni: it is at least
the sum less all pairs. Hunter: it is at most the sum less the pairs along a tree, here a star with K - 2 edges.
"""

from fractions import Fraction

from nctheory.domains import Domain, Positive
from nctheory.gaussian import bivariate_tail, normal_tail, simplex_error, sqrt
from nctheory.theorems.registry import theorem


@theorem(
    title="Two-sided bounds on the simplex' error",
    statement="With x = sqrt(K/(2(K-1)))/sigma and Q2 the probability that two standard normals of correlation 1/2 are "
    "both above x, the error of the unit simplex is between (K-1) Q - C(K-1, 2) Q2 and (K-1) Q - (K-2) Q2, and so at "
    "most (K-1) Q. The first two are attained for K = 2 and K = 3.",
    latex=r"(K-1)Q(x) - \tbinom{K-1}{2}Q_2(x) \le P_K \le (K-1)Q(x) - (K-2)Q_2(x) \le (K-1)Q(x),\quad"
    r" x = \tfrac1\sigma\sqrt{\tfrac{K}{2(K-1)}}",
    reference="hunter1976; proof in the docstring of this file",
    standing="proved",
    domain=Domain({"num_classes": (2, 7)}, noise=Positive()),
    sharp={"num_classes": 3, "noise": Fraction(1)},
)
def error_bounds(num_classes, noise):
    """How far the error is outside of the bounds."""
    wall = sqrt(num_classes / (2 * (num_classes - 1))) / noise
    union = (num_classes - 1) * normal_tail(wall)
    both = bivariate_tail(wall)
    error = simplex_error(num_classes, noise)
    pairs = (num_classes - 1) * (num_classes - 2) / 2
    return max(union - pairs * both - error, error - union + (num_classes - 2) * both, error - union)


def union_above_error(num_classes, noise):
    """The union bound less the error."""
    wall = sqrt(num_classes / (2 * (num_classes - 1))) / noise
    return (num_classes - 1) * normal_tail(wall) - simplex_error(num_classes, noise)


error_bounds.false_neighbor(
    "union_bound_is_exact",
    "The union bound is the error of the simplex, for K >= 3 too.",
    margin=union_above_error,
)


def above_with_half_of_the_pairs(num_classes, noise):
    """The lower bound with half of the pairs, less the error."""
    wall = sqrt(num_classes / (2 * (num_classes - 1))) / noise
    pairs = (num_classes - 1) * (num_classes - 2) / 4
    lower = (num_classes - 1) * normal_tail(wall) - pairs * bivariate_tail(wall)
    return lower - simplex_error(num_classes, noise)


error_bounds.false_neighbor(
    "half_of_the_pairs",
    "In the lower bound, half of the pairs of rivals are enough to subtract.",
    margin=above_with_half_of_the_pairs,
)


def above_with_independent_rivals(num_classes, noise):
    """The lower bound with Q(x)^2 for a pair, less the error."""
    wall = sqrt(num_classes / (2 * (num_classes - 1))) / noise
    single = normal_tail(wall)
    pairs = (num_classes - 1) * (num_classes - 2) / 2
    return (num_classes - 1) * single - pairs * single * single - simplex_error(num_classes, noise)


error_bounds.false_neighbor(
    "independent_rivals",
    "In the lower bound, two rivals both win with probability Q(x)^2.",
    margin=above_with_independent_rivals,
)


def below_with_one_more_pair(num_classes, noise):
    """The error less the upper bound with K - 1 pairs."""
    wall = sqrt(num_classes / (2 * (num_classes - 1))) / noise
    upper = (num_classes - 1) * (normal_tail(wall) - bivariate_tail(wall))
    return simplex_error(num_classes, noise) - upper


error_bounds.false_neighbor(
    "one_more_pair",
    "In the upper bound, for K >= 4, as many pairs as there are rivals can be subtracted, not only those of a tree.",
    margin=below_with_one_more_pair,
    domain=Domain({"num_classes": (4, 7)}, noise=Positive()),
)
