"""Rankin's bound: more than d + 1 points of the unit ball have two at distance at most sqrt 2."""

from itertools import combinations

from nctheory import channel
from nctheory.domains import AverageEnergy, Ball, Domain, Gram, Range
from nctheory.formula import squared_distance
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"dimension": (1, 5), "num_classes": lambda dimension: (dimension + 2, dimension + 4)}
POINTS = ("num_classes", "dimension")


def certified():
    """The cases in which the bound is attained, up to dimension 5."""
    return {
        f"beta* = 1/4 for K = {count}, d = {dimension}": channel.optimum(count, dimension).certificate
        for dimension in range(2, 6)
        for count in range(dimension + 2, 2 * dimension + 1)
    }


@theorem(
    title="Rankin's bound",
    statement="K >= d + 2 points of the unit ball in dimension d have two at distance at most sqrt 2, so beta <= 1/4.",
    latex=r"K \ge d+2,\ \|\mu_i\| \le 1 \implies \min_{i<j} \|\mu_i - \mu_j\|^2 \le 2",
    reference="rankin1955; proof in kernel._universal",
    standing="proved",
    domain=Domain(SIZES, points=Ball(POINTS)),
    sharp={"dimension": 2, "num_classes": 4, "points": ((1, 0), (-1, 0), (0, 1), (0, -1))},
    certified=certified,
)
def rankin(points):
    """The least squared distance, less 2."""
    return min(squared_distance(x, y) for x, y in combinations(points, 2)) - 2


rankin.false_neighbor(
    "average_energy",
    "Rankin's bound holds for points whose squared norms are at most 1 on average.",
    domain=Domain(SIZES, points=AverageEnergy(POINTS)),
)
rankin.false_neighbor(
    "one_point_less",
    "Rankin's bound holds from K = d + 1 points on.",
    domain=Domain(
        {"dimension": (1, 5), "num_classes": lambda dimension: (dimension + 1, dimension + 1)}, points=Ball(POINTS)
    ),
)


def is_optimal(gram, num_classes):
    """No two points are closer than sqrt 2."""
    return all(gram[i][j] <= 0 for i, j in combinations(range(num_classes), 2))


def neither_orthogonal_nor_opposite(gram, num_classes):
    """How far some cosine is from 0 and from -1."""
    return max(min(-gram[i][j], 1 + gram[i][j]) for i, j in combinations(range(num_classes), 2))


rankin.false_neighbor(
    "unique",
    "For d + 2 <= K < 2d the optimum on the sphere is unique: any two of its points are orthogonal or opposite.",
    margin=neither_orthogonal_nor_opposite,
    domain=Domain(
        {"dimension": (3, 4), "num_classes": lambda dimension: (dimension + 2, 2 * dimension - 1)}, gram=Gram(POINTS)
    ),
    assumptions=[is_optimal],
)
