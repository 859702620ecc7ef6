"""Signals in the unit ball, any dimension and decoder: the error is at least that of the simplex.

Give each mu_i of norm at most 1 one more coordinate, sqrt(1 - |mu_i|^2). These are unit vectors, and a decoder of them
may ignore the coordinate: so their least error is at most that of the mu_i with any decoder. The weak simplex
conjecture says that it is at least the simplex' error.
"""

from fractions import Fraction
from itertools import combinations

from nctheory.domains import Ball, Domain, Free, Interval, Positive, Range
from nctheory.formula import squared_distance
from nctheory.gaussian import line_correct, normal_tail, simplex_error, sqrt
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (2, 5), "dimension": (1, 3)}


@theorem(
    title="No configuration in the ball beats the simplex",
    statement="K equally likely signals of norm at most 1, in any dimension, noise and with any decoder, have at least "
    "the error of the unit simplex.",
    latex=r"\|\mu_i\| \le 1 \implies P_{\mathrm{err}} \ge \int \varphi(x)\Bigl[1 -"
    r"\Phi\bigl(x + \sqrt{\tfrac{K}{K-1}}\,\tfrac1\sigma\bigr)^{K-1}\Bigr]dx",
    reference="arXiv 2607.14087 for signals of norm 1; proof from that in the docstring of this file",
    standing="proved",
    remarks="Proved as far as the weak simplex conjecture (weak_simplex) is: by a preprint of 2026 that has not been "
    "rebuilt here. Executed on a line, where nearest mean is the best decoder and its error has a formula, and in "
    "higher dimensions with the union bound in the place of the error.",
    domain=Domain(SIZES, points=Ball(("num_classes", "dimension")), noise=Positive()),
    sharp={"num_classes": 2, "dimension": 1, "points": ((-1,), (1,)), "noise": Fraction(1)},
)
def bounded_simplex(num_classes, dimension, points, noise):
    """The error of the simplex less that of points on a line, or less the union bound of others."""
    pairs = sum(normal_tail(sqrt(squared_distance(x, y)) / (2 * noise)) for x, y in combinations(points, 2))
    line = 1 - line_correct([x[0] for x in points], noise)
    return simplex_error(num_classes, noise) - (line if dimension == 1 else 2 * pairs / num_classes)


def is_within_diameter(points):
    """No two of the points are farther than 2 apart."""
    return all(squared_distance(x, y) <= 4 for x, y in combinations(points, 2))


def share_below_simplex(num_classes, points, noise):
    """By what share of the error of the simplex the union bound is below it."""
    pairs = sum(normal_tail(sqrt(squared_distance(x, y)) / (2 * noise)) for x, y in combinations(points, 2))
    return 1 - 2 * pairs / (num_classes * simplex_error(num_classes, noise))


bounded_simplex.false_neighbor(
    "diameter",
    "Signals at pairwise distances of at most 2 have at least the error of the unit simplex.",
    margin=share_below_simplex,
    domain=Domain(
        {"num_classes": (3, 4), "dimension": lambda num_classes: (num_classes - 1, num_classes - 1)},
        points=Free(("num_classes", "dimension")),
        noise=Interval((), Fraction(1, 4), Fraction(1)),
    ),
    assumptions=[is_within_diameter],
)


def above_half_of_the_union(num_classes, points, noise):
    """The error of the simplex less half of the union bound."""
    pairs = sum(normal_tail(sqrt(squared_distance(x, y)) / (2 * noise)) for x, y in combinations(points, 2))
    return simplex_error(num_classes, noise) - pairs / num_classes


bounded_simplex.false_neighbor(
    "half_of_the_union",
    "Half of the union bound, which counts each pair of signals once, is still at least the error of the simplex.",
    margin=above_half_of_the_union,
)
