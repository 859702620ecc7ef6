"""How near K points in few dimensions come to the Gram matrix of a simplex: a floor that depends on d / (K - 1) only.

G the Gram matrix of K points in dimension d < K - 1, P = I - 11^T / K, the distance |G / |G|_F - P / sqrt(K - 1)|_F.

Proof. The squared distance is 2 - 2 <G, P> / (|G|_F sqrt(K - 1)). G is positive semidefinite of rank at most d, so with
its eigenvalues g_1, ..., g_d and unit eigenvectors, <G, P> is at most the sum of the g_i, and that is at most
sqrt(d) |G|_F (Cauchy-Schwarz). So the distance is at least sqrt(2 - 2 sqrt(d / (K - 1))). Equality holds where P keeps
all eigenvectors and the g_i are equal: the points are centered, and G is a multiple of a projector of rank d below P,
as of a regular polygon in the plane.
"""

# formulas have no keywords and no stars

from nctheory.domains import Domain, Free, Positive, Range, Sphere
from nctheory.formula import dot
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {
    "dimension": (1, 3),
    "num_classes": lambda dimension: (dimension + 2, dimension + 3),
}
POINTS = Free(("num_classes", "dimension"))


@theorem(
    title="The rank floor of the Gram distance",
    statement="The Gram matrix G of K points in dimension d < K - 1 has <G, P>^2 <= d |G|_F^2, so that its distance "
    "|G / |G|_F - P / sqrt(K - 1)|_F from that of a simplex is at least sqrt(2 - 2 sqrt(d / (K - 1))), which centered "
    "points with a multiple of a projector as Gram matrix attain.",
    latex=r"\Big\|\frac{G}{\|G\|_F}-\frac{P}{\sqrt{K-1}}\Big\|_F \ge \sqrt{2-2\sqrt{d/(K-1)}},\qquad"
    r"\langle G,P\rangle^2\le d\,\|G\|_F^2",
    reference="papyan2020 for the simplex; horn2012; proof in the docstring of this file",
    standing="proved",
    domain=Domain(SIZES, points=POINTS),
    sharp={"dimension": 1, "num_classes": 3, "points": ((1,), (-1,), (0,))},
)
def collapse_metrics_rank_floor(points, num_classes, dimension):
    """<G, P>^2 - d |G|^2, relative to 1 and |G|^2."""
    total = sum(dot(x, z) for x in points for z in points)
    inner = sum(dot(x, x) for x in points) - total / num_classes
    square = sum(dot(x, z) ** 2 for x in points for z in points)
    return (inner**2 - dimension * square) / (1 + square)


def below_the_floor(points, num_classes, dimension):
    """K <G, P>^2 - d (K - 1) |G|^2, relative to 1 and |G|^2."""
    total = sum(dot(x, z) for x in points for z in points)
    inner = sum(dot(x, x) for x in points) - total / num_classes
    square = sum(dot(x, z) ** 2 for x in points for z in points)
    return (num_classes * inner**2 - dimension * (num_classes - 1) * square) / (1 + square)


def of_a_square(direction):
    """1 - <G, P>^2 / ((K - 1) |G|^2) for a square, in any position."""
    u = direction[0]
    points = [(u[0], u[1]), (-u[1], u[0]), (-u[0], -u[1]), (u[1], -u[0])]
    square = sum(dot(x, z) ** 2 for x in points for z in points)
    return 1 - sum(dot(x, x) for x in points) ** 2 / (3 * square)


def of_a_frame(size, num_classes):
    """1 - <G, P>^2 / ((K - 1) |G|^2) for G = size I, the Gram matrix of an orthogonal frame as it is."""
    return 1 - (size * (num_classes - 1)) ** 2 / ((num_classes - 1) * num_classes * size**2)


collapse_metrics_rank_floor.false_neighbor(
    "k_for_k_minus_1",
    "The floor is sqrt(2 - 2 sqrt(d / K)).",
    margin=below_the_floor,
)
collapse_metrics_rank_floor.false_neighbor(
    "distance_0_in_few_dimensions",
    "Centered points that spread alike in all directions, as a square, have the Gram matrix of a simplex up to scale.",
    margin=of_a_square,
    domain=Domain(direction=Sphere((1, 2))),
)
collapse_metrics_rank_floor.false_neighbor(
    "frame_not_centered",
    "The Gram matrix of an orthogonal frame, not centered, is at distance 0 from that of a simplex.",
    margin=of_a_frame,
    domain=Domain({"num_classes": (2, 5)}, size=Positive()),
)
