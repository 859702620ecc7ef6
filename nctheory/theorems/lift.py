"""Points of the ball lifted to the sphere of one dimension more.

For x in the unit ball of R^d let x' = (x, h), h = sqrt(1 - |x|^2), a point of the sphere in R^(d+1). Then
|x' - y'|^2 = |x - y|^2 + (h_x - h_y)^2. Every upper bound for codes on the sphere in R^(d+1) thus holds for points of
the ball in R^d. The roots are avoided here by starting from the points of the sphere, whose projections are the points
of the ball.
"""

from itertools import combinations

from nctheory.domains import Domain, Range, Sphere
from nctheory.formula import squared_distance
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {
    "dimension": (1, 3),
    "lifted": lambda dimension: (dimension + 1, dimension + 1),
    "num_points": (2, 5),
}
POINTS = Sphere(("num_points", "lifted"))


def on_the_upper_half(points, dimension):
    """No last coordinate is below 0."""
    return all(x[dimension] >= 0 for x in points)


@theorem(
    title="Lift of the ball to a sphere",
    statement="K points of the ball in R^d are the projections of K points of the upper half sphere in R^(d+1), whose "
    "least distance is at least theirs.",
    latex=r"x_i' = (x_i, \sqrt{1 - \|x_i\|^2}) \implies \min_{i<j} \|x_i - x_j\| \le \min_{i<j} \|x_i' - x_j'\|",
    reference="proof in the docstring of this file",
    standing="proved",
    domain=Domain(SIZES, points=POINTS),
    assumptions=[on_the_upper_half],
    sharp={"dimension": 1, "lifted": 2, "num_points": 2, "points": ((1, 0), (-1, 0))},
)
def lift(points, dimension):
    """The least squared distance of the projections, less that of the points of the sphere."""
    projections = [[x[k] for k in range(dimension)] for x in points]
    least = min(squared_distance(x, y) for x, y in combinations(points, 2))
    return min(squared_distance(x, y) for x, y in combinations(projections, 2)) - least


def gain(points, dimension):
    """The least squared distance of the points of the sphere, less that of their projections."""
    projections = [[x[k] for k in range(dimension)] for x in points]
    least = min(squared_distance(x, y) for x, y in combinations(projections, 2))
    return min(squared_distance(x, y) for x, y in combinations(points, 2)) - least


lift.false_neighbor("keeps_distances", "The lift leaves the least distance as it is.", margin=gain)


def above_interval(points, num_points):
    """The least squared distance, less (2 / (K - 1))^2, the largest that K points of [-1, 1] have."""
    return min(squared_distance(x, y) for x, y in combinations(points, 2)) - 4 / (num_points - 1) ** 2


lift.false_neighbor(
    "converse",
    "K points of the sphere in R^(d+1) are no further apart than the best K points of the ball in R^d.",
    margin=above_interval,
    domain=Domain({"dimension": (1, 1), "lifted": (2, 2), "num_points": (2, 5)}, points=POINTS),
    assumptions=[],
)
