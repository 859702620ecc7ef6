"""Radial projection of points of the ball that are far apart.

Let x, y != 0 have norms b <= a <= 1 and |x - y| >= D >= 1. Then 2 <x, y> <= a^2 + b^2 - D^2, and this is at most
2 (1 - D^2 / 2) a b exactly if (a - b)^2 <= D^2 (1 - a b), which follows from a^2 - a b + b^2 <= a^2 <= 1. So the
angle between them has a cosine of at most 1 - D^2 / 2: after division by their norms they are at distance D or more.

Hence the largest least distance of K points is the same in the ball and on the sphere as long as it is at least 1 on
the sphere, that is up to the kissing number: if the best points of the ball are at distance D > 1, none is 0.
"""

from itertools import combinations

from nctheory.domains import Ball, Domain
from nctheory.formula import dot, squared_distance
from nctheory.theorems.registry import theorem

POINTS = Ball(("num_points", "dimension"))


def none_is_zero(points):
    """Every point has a direction."""
    return all(dot(x, x) > 0 for x in points)


def at_distance_one(points):
    """Any two points are at distance 1 or more."""
    return min(squared_distance(x, y) for x, y in combinations(points, 2)) >= 1


@theorem(
    title="From the ball to the sphere",
    statement="Points of the unit ball, none of them 0, with pairwise distances of at least D >= 1 are at distance at "
    "least D after radial projection to the sphere.",
    latex=r"\|x_i - x_j\| \ge D \ge 1,\ 0 < \|x_i\| \le 1 \implies "
    r"\langle x_i, x_j \rangle \le (1 - D^2/2) \|x_i\| \|x_j\|",
    reference="proof in the docstring of this file",
    standing="proved",
    remarks="Up to the kissing number, the largest least distance of K points is the same in the ball and on the "
    "sphere. The margin compares t |t| instead of t on both sides, which needs no square root.",
    domain=Domain({"dimension": (1, 3), "num_points": (2, 4)}, points=POINTS),
    assumptions=[none_is_zero, at_distance_one],
    sharp={"dimension": 2, "num_points": 3, "points": ((1, 0), (0, 1), (-1, 0))},
)
def ball_and_sphere(points):
    """The largest excess of signed squares: of <x, y> over (1 - D^2 / 2) |x| |y|, D the least distance."""
    pairs = [(x, y) for x, y in combinations(points, 2)]
    cosine = 1 - min(squared_distance(x, y) for x, y in pairs) / 2
    return max(dot(x, y) * abs(dot(x, y)) - cosine * abs(cosine) * dot(x, x) * dot(y, y) for x, y in pairs)


ball_and_sphere.false_neighbor(
    "any_distance",
    "Radial projection to the sphere brings no two points of the ball closer together than the closest two were.",
    assumptions=[none_is_zero],
)


def at_distance_nine_tenths(points):
    """Any two points are at distance 9/10 or more."""
    return min(squared_distance(x, y) for x, y in combinations(points, 2)) >= 81 / 100


ball_and_sphere.false_neighbor(
    "nine_tenths",
    "Radial projection keeps the least distance D of points of the ball as soon as D >= 9/10.",
    domain=Domain({"dimension": (2, 3), "num_points": (2, 4)}, points=POINTS),
    assumptions=[none_is_zero, at_distance_nine_tenths],
)


def above_none(points):
    """The least squared distance, less that of any three points of the sphere {-1, 1}."""
    return min(squared_distance(x, y) for x, y in combinations(points, 2))


ball_and_sphere.false_neighbor(
    "on_the_line",
    "K points of the interval [-1, 1] are no further apart than K points of {-1, 1}, of which two coincide if K >= 3.",
    margin=above_none,
    domain=Domain({"dimension": (1, 1), "num_points": (3, 5)}, points=POINTS),
    assumptions=[],
)


def above_circle(points, num_points):
    """The least squared distance, less 40 / K^2 > (2 pi / K)^2, which bounds it on the circle: an arc is that short."""
    return min(squared_distance(x, y) for x, y in combinations(points, 2)) - 40 / num_points**2


ball_and_sphere.false_neighbor(
    "in_the_plane",
    "For every K the best K points of the disk are no further apart than the best K points of the circle.",
    margin=above_circle,
    domain=Domain({"dimension": (2, 2), "num_points": (2, 8)}, points=POINTS),
    assumptions=[],
)
