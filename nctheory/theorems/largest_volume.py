"""The simplex has the largest volume in the ball.

Let C = P G P be the Gram matrix of K points about their mean, P = I - J/K, with eigenvalues l_1, ..., l_(K-1) besides
that of 1. The edges from one point to the others are the rows of B M with B 1 = 0, B B^T = I + J, det(B B^T) = K, so
their Gram matrix B G B^T = B C B^T has the determinant K l_1 ... l_(K-1). By the inequality of arithmetic and geometric
means that is at most K (tr C / (K - 1))^(K-1), and tr C = sum |mu_i|^2 - |sum mu|^2 / K <= K. Hence the bound
K (K / (K - 1))^(K-1) = K^K / (K - 1)^(K-1), attained only if G = (K I - J) / (K - 1). (It is enough that the squared
norms are at most 1 on average.) The volume is the root of the determinant, divided by (K - 1)!.

The determinant of an n x n matrix is taken from p_k = tr A^k: p_1, (p_1^2 - p_2) / 2, (p_1^3 - 3 p_1 p_2 + 2 p_3) / 6.
"""

from itertools import combinations

from nctheory.domains import Ball, Domain, Free, Range
from nctheory.formula import dot, squared_distance
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_points": (2, 4), "dimension": (1, 4)}
SHAPE = ("num_points", "dimension")


@theorem(
    title="The simplex has the largest volume",
    statement="The Gram determinant of the edges from one of K points of the unit ball to the others is at most "
    "K^K / (K - 1)^(K - 1), as for the regular simplex on the sphere.",
    latex=r"\|\mu_i\| \le 1 \implies \det\big(\langle \mu_i - \mu_K, \mu_j - \mu_K \rangle\big)_{i,j<K} \le "
    r"K \left(\tfrac{K}{K-1}\right)^{K-1}",
    reference="proof in the docstring of this file",
    standing="proved",
    remarks="Tested for K <= 4; the proof is for all K.",
    domain=Domain(SIZES, points=Ball(SHAPE)),
    sharp={"num_points": 2, "dimension": 1, "points": ((1,), (-1,))},
)
def largest_volume(points, num_points):
    """The Gram determinant of the edges, less K^K / (K - 1)^(K - 1)."""
    squares = [[squared_distance(x, y) for y in points] for x in points]
    others = range(1, num_points)
    gram = [[(squares[i][0] + squares[j][0] - squares[i][j]) / 2 for j in others] for i in others]
    first = sum(gram[i][i] for i in range(num_points - 1))
    second = sum(dot(row, row) for row in gram)
    third = sum(dot(x, [dot(row, x) for row in gram]) for x in gram)
    determinants = (first, (first**2 - second) / 2, (first**3 - 3 * first * second + 2 * third) / 6)
    return determinants[num_points - 2] - (4, 27 / 4, 256 / 27)[num_points - 2]


def above_orthonormal(points, num_points):
    """The Gram determinant of the edges, less K, that of orthonormal points."""
    squares = [[squared_distance(x, y) for y in points] for x in points]
    others = range(1, num_points)
    gram = [[(squares[i][0] + squares[j][0] - squares[i][j]) / 2 for j in others] for i in others]
    first = sum(gram[i][i] for i in range(num_points - 1))
    second = sum(dot(row, row) for row in gram)
    third = sum(dot(x, [dot(row, x) for row in gram]) for x in gram)
    determinants = (first, (first**2 - second) / 2, (first**3 - 3 * first * second + 2 * third) / 6)
    return determinants[num_points - 2] - num_points


largest_volume.false_neighbor(
    "orthonormal",
    "Orthonormal points have the largest volume: the determinant is at most K.",
    margin=above_orthonormal,
)


def has_diameter_2(points):
    """Any two points are at distance at most 2, as in the ball."""
    return all(squared_distance(x, y) <= 4 for x, y in combinations(points, 2))


largest_volume.false_neighbor(
    "diameter",
    "It is enough that any two of the points are at distance at most 2, as points of the ball are.",
    domain=Domain(SIZES, points=Free(SHAPE)),
    assumptions=[has_diameter_2],
)
