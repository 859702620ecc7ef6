"""Shannon's cone bound on the error of K signals of norm 1.

Nearest mean decides for unit vectors on cones with apex 0 that share the space. Of all cones with a given share of the
directions, the circular one around the signal holds it with the largest probability, as nearer directions are likelier;
and that probability is a concave function of the share, so equal shares are best: 1/K each. K unit vectors span
an affine space of at most K - 1 dimensions, in which they are at equal distance, at most 1, from the point of it that
is nearest to 0; noise across it decides nothing. So the dimension is min(d, K - 1). Vectors of norm at most 1 become
unit vectors by one more coordinate, which a decoder may ignore. In the plane the circular cones are the wedges of the
regular K-gon, on the line half-lines: there the bound is attained.
"""

from fractions import Fraction
from itertools import combinations

from nctheory.domains import Ball, Domain, Interval, Positive, Probabilities
from nctheory.formula import squared_distance
from nctheory.gaussian import circle_error, cone_error, normal_tail, polygon_error, simplex_error, sqrt
from nctheory.theorems.registry import theorem


@theorem(
    title="Shannon's cone bound",
    statement="K unit vectors in dimension d have at least the error of one signal in a circular cone with 1/K of all "
    "directions, in dimension min(d, K-1); vectors of norm at most 1 in dimension min(d+1, K-1). The simplex attains "
    "it for K = 2 and K = 3, the regular polygon in the plane for every K.",
    latex=r"P_{\mathrm{err}} \ge \int_0^\infty \chi_{m-1}(r)\,Q\bigl(\tfrac1\sigma - r\cot\theta\bigr)dr,\quad"
    r" \tfrac12 I_{\sin^2\theta}\bigl(\tfrac{m-1}{2},\tfrac12\bigr) = \tfrac1K,\quad m = \min(d, K-1)",
    reference="shannon1959; proof in the docstring of this file",
    standing="proved",
    remarks="Executed where the error has a formula of its own: for unit vectors in the plane, with any gaps between "
    "neighbors, for the regular polygon, and for the simplex; and for points of the disk with the union bound in the "
    "place of the error.",
    domain=Domain(
        {"num_classes": (2, 7)},
        gaps=Probabilities(("num_classes",)),
        points=Ball(("num_classes", 2)),
        noise=Positive(),
    ),
    sharp={
        "num_classes": 3,
        "gaps": (Fraction(1, 3), Fraction(1, 3), Fraction(1, 3)),
        "points": ((1, 0), (0, 1), (-1, 0)),
        "noise": Fraction(1),
    },
)
def cone_bound(num_classes, gaps, points, noise):
    """How far an error is below its bound, or the polygon, or the simplex of two or three, off it."""
    pairs = sum(normal_tail(sqrt(squared_distance(x, y)) / (2 * noise)) for x, y in combinations(points, 2))
    circle = cone_error(num_classes, 2, noise) - circle_error(gaps, noise)
    disk = cone_error(num_classes, 3, noise) - 2 * pairs / num_classes
    simplex = cone_error(num_classes, num_classes - 1, noise) - simplex_error(num_classes, noise)
    polygon = abs(cone_error(num_classes, 2, noise) - polygon_error(num_classes, noise))
    return max(circle, disk, polygon, abs(simplex) if num_classes <= 3 else simplex)


def simplex_above_bound(num_classes, noise):
    """The error of the simplex less the cone bound."""
    return simplex_error(num_classes, noise) - cone_error(num_classes, num_classes - 1, noise)


cone_bound.false_neighbor(
    "simplex_attains_it",
    "The simplex attains the cone bound for K >= 4 too.",
    margin=simplex_above_bound,
    domain=Domain({"num_classes": (4, 6)}, noise=Positive()),
)


def simplex_below_smaller_dimension(num_classes, noise):
    """The cone bound in dimension K - 2 less the error of the simplex."""
    return cone_error(num_classes, num_classes - 2, noise) - simplex_error(num_classes, noise)


cone_bound.false_neighbor(
    "one_dimension_less",
    "For K >= 4 the cone bound holds in dimension min(d, K-1) - 1, too.",
    margin=simplex_below_smaller_dimension,
    domain=Domain({"num_classes": (4, 6)}, noise=Positive()),
)


def ball_below_bound(num_classes, points, noise):
    """The cone bound in the plane less the union bound."""
    pairs = sum(normal_tail(sqrt(squared_distance(x, y)) / (2 * noise)) for x, y in combinations(points, 2))
    return cone_error(num_classes, 2, noise) - 2 * pairs / num_classes


cone_bound.false_neighbor(
    "norm_at_most_one",
    "The cone bound in dimension d holds for all signals of norm at most 1.",
    margin=ball_below_bound,
    domain=Domain(
        {"num_classes": (7, 7)},
        points=Ball(("num_classes", 2)),
        noise=Interval((), Fraction(1, 10), Fraction(1, 4)),
    ),
)
