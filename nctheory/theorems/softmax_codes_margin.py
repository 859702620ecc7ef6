"""The one-versus-rest margin of unit vectors: at most K / (K - 1), and at most 1 from K = d + 2 on; polygons.

The margin of w_1, ..., w_K is min_k dist(w_k, conv{w_j: j != k}), the largest min_{k != j} <v_k, w_k - w_j> over unit
vectors v_k where it is positive.

Proof. The distance is at most that from the mean of the others, |K w_k - S| / (K - 1), S = sum w_k, and the squares of
these numerators add up to K^3 - K |S|^2: so it is at most K / (K - 1), with equality for simplices only. For K >= d + 2
let p be the point of the hull of all that is nearest to 0. If p = 0, it is in the hull of d + 1 of them, and another
one is at a distance of at most 1 from the hull of the rest. Else p is in the hull of d of them, in the hyperplane
<x, p> = |p|^2, and another has |w_k - p|^2 = 1 - 2 <w_k, p> + |p|^2 <= 1 - |p|^2. Vectors without positive products
have <w_k, w_k - w_j> >= 1; there are such for K <= 2 d. For d = 2 and K >= 4 some vector is at angles a + b <= 4 pi / K
between its two neighbors, and cos((a - b) / 2) - cos((a + b) / 2) <= 1 - cos(2 pi / K) away from their chord. In one
dimension two of three unit vectors are equal.
"""

from nctheory.domains import Domain, Range, Sphere
from nctheory.formula import dot, squared_distance
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (2, 6), "dimension": (1, 3)}
POINTS = Sphere(("num_classes", "dimension"))
DOMAIN = Domain(SIZES, weights=POINTS, directions=POINTS)


@theorem(
    title="One-versus-rest margins of softmax codes",
    statement="Of K unit vectors w_k in dimension d some w_k is at a distance of at most b from the hull of the rest: "
    "no unit vectors v_k have <v_k, w_k - w_j> > b for all k != j. Here b = K / (K - 1), attained for K <= d + 1 by "
    "simplices; b = 1 for K >= d + 2, attained for K <= 2 d by vectors without positive inner products, and not for "
    "K > 2 d; b = 1 - cos(2 pi / K) for d = 2 and K >= 3, by regular polygons; b = 0 for d = 1 and K >= 3.",
    latex=r"\max_{\|w_k\|=1}\min_k \operatorname{dist}\bigl(w_k,\operatorname{conv}\{w_j\}_{j\ne k}\bigr) ="
    r" \begin{cases} K/(K-1) & K\le d+1\\ 1 & d+2\le K\le 2d\\ 1-\cos(2\pi/K) & d=2\end{cases}",
    reference="jiang2024, and alcala2026; proof in the docstring of this file",
    standing="proved",
    remarks="In the plane executed for K = 6, where b = 1/2, and for K = 5, where 4 b = 5 - sqrt 5, squared.",
    domain=DOMAIN,
    sharp={
        "num_classes": 4,
        "dimension": 2,
        "weights": ((1, 0), (0, 1), (-1, 0), (0, -1)),
        "directions": ((1, 0), (0, 1), (-1, 0), (0, -1)),
    },
)
def softmax_codes_margin(weights, directions, num_classes, dimension):
    """The margin along these directions less the bound; for K = 5 in the plane 5 - (5 - 4 margin)^2."""
    least = min(
        dot(directions[k], weights[k]) - dot(directions[k], weights[j])
        for k in range(num_classes)
        for j in range(num_classes)
        if j != k
    )
    line = 0 if num_classes >= 3 else 2
    plane = 1 / 2 if num_classes == 6 else 1
    many = line if dimension == 1 else plane if dimension == 2 else 1
    bound = num_classes / (num_classes - 1) if num_classes <= dimension + 1 else many
    return 5 - (5 - 4 * least) ** 2 if num_classes == 5 and dimension == 2 else least - bound


def above_one(weights, directions, num_classes):
    """The margin along these directions less 1."""
    least = min(
        dot(directions[k], weights[k]) - dot(directions[k], weights[j])
        for k in range(num_classes)
        for j in range(num_classes)
        if j != k
    )
    return least - 1


softmax_codes_margin.false_neighbor("never_above_one", "The margin is at most 1 for K <= d + 1, too.", margin=above_one)


def above_the_root(weights, directions, num_classes):
    """The square of the margin along these directions, if it is positive, less K / (K - 1)."""
    least = min(
        dot(directions[k], weights[k]) - dot(directions[k], weights[j])
        for k in range(num_classes)
        for j in range(num_classes)
        if j != k
    )
    return max(0, least) ** 2 - num_classes / (num_classes - 1)


softmax_codes_margin.false_neighbor(
    "squared", "It is the square of the margin that is at most K / (K - 1).", margin=above_the_root
)


def above_the_cosine(weights, directions, num_classes):
    """The margin along these directions less half of the least squared distance of two."""
    least = min(
        dot(directions[k], weights[k]) - dot(directions[k], weights[j])
        for k in range(num_classes)
        for j in range(num_classes)
        if j != k
    )
    nearest = min(
        squared_distance(weights[j], weights[k]) for k in range(num_classes) for j in range(num_classes) if j < k
    )
    return least - nearest / 2


softmax_codes_margin.false_neighbor(
    "of_pairs",
    "The margin is at most 1 less the largest cosine, half of the least squared distance of two vectors.",
    margin=above_the_cosine,
)


def half_the_angle(weights, directions):
    """3/4 less the square of 1 - margin, positive where the margin is above 1 - cos(pi / 6) and not above 1."""
    least = min(
        dot(directions[k], weights[k]) - dot(directions[k], weights[j]) for k in range(6) for j in range(6) if j != k
    )
    return 3 / 4 - (1 - least) ** 2


HEXAGON = Sphere((6, 2))
softmax_codes_margin.false_neighbor(
    "half_the_angle",
    "In the plane, for K = 6, the margin is at most 1 - cos(pi / K).",
    margin=half_the_angle,
    domain=Domain(weights=HEXAGON, directions=HEXAGON),
)


def farthest(weights, directions, num_classes):
    """The distance of the first vector from the hull of the others, at least, less 1."""
    least = min(dot(directions[0], weights[0]) - dot(directions[0], weights[j]) for j in range(1, num_classes))
    return least - 1


softmax_codes_margin.false_neighbor(
    "every_vector",
    "For K >= d + 2 every vector, not only some, is at a distance of at most 1 from the hull of the others.",
    margin=farthest,
    domain=Domain({"num_classes": (5, 6), "dimension": (2, 3)}, weights=POINTS, directions=POINTS),
)
