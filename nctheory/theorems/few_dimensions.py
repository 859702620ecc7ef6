"""How well balanced classes can be separated in fewer than K - 1 dimensions: a conjecture.

What is known: below d = K - 1 the bound K - 1 of `balanced_separation` is not attained, as only the simplex attains it.
`paired_classes` attain K - 1 + sqrt(2 (K - d) / K) for K/2 <= d <= K - 2, the regular polygon, as its own weights, K /
(1 - cos(2 pi / K)) for d = 2. That nothing is better is numerical evidence: local optimization from many starts finds
these values and none below them, K <= 8. `weak_duality` cannot decide, as its bounds hold in every dimension.
"""

from itertools import permutations

from nctheory.domains import Domain, Free
from nctheory.formula import dot
from nctheory.gaussian import sqrt
from nctheory.theorems.registry import theorem

POINTS = ("num_classes", "dimension")


@theorem(
    title="Least norms in few dimensions",
    statement="Classes of one sample each with weights W and features H in dimension d have |W| |H| >= v m, m the "
    "smallest margin, v = K - 1 + sqrt(2 (K - d) / K) for K/2 <= d <= K - 2, and K / (1 - cos(2 pi / K)) for d = 2.",
    latex=r"\frac K2 \le d \le K-2 \implies \|W\|_F\|H\|_F \ge m\Big(K-1+\sqrt{\tfrac{2(K-d)}{K}}\Big);\qquad"
    r" d = 2 \implies \|W\|_F\|H\|_F \ge \frac{mK}{1-\cos(2\pi/K)}",
    reference="that pairs attain their value: proof in paired_classes",
    standing="conjectured",
    remarks="Numerical evidence only: no search finds less. Executed for K <= 6.",
    domain=Domain(
        {"num_classes": (4, 6), "dimension": lambda num_classes: (2, num_classes - 2)},
        weights=Free(POINTS),
        means=Free(POINTS),
    ),
    sharp={
        "num_classes": 4,
        "dimension": 2,
        "weights": ((1, 0), (0, 1), (-1, 0), (0, -1)),
        "means": ((1, 0), (0, 1), (-1, 0), (0, -1)),
    },
)
def few_dimensions(weights, means, num_classes, dimension):
    """The smallest margin times the conjectured value over |W| |H|, less 1."""
    pairs = num_classes - 1 + sqrt(2 * (num_classes - dimension) / num_classes)
    value = pairs if 2 * dimension >= num_classes else 20 / (5 - sqrt(5)) if num_classes == 5 else 12
    margin = min(dot(weights[j], means[j]) - dot(weights[c], means[j]) for j, c in permutations(range(num_classes), 2))
    squares = sum(dot(w, w) for w in weights) * sum(dot(x, x) for x in means)
    return margin * value / sqrt(squares) - 1 if squares > 0 else -1


def in_one_dimension_more(points, num_classes):
    """How far |X|^2 is below (K - 1 + sqrt(2 / K)) m, with W = H = X, by squaring |X|^2 - (K - 1) m; relative."""
    margin = min(dot(x, x) - dot(y, x) for x, y in permutations(points, 2))
    square = sum(dot(x, x) for x in points)
    excess = square - (num_classes - 1) * margin
    return (2 * margin * abs(margin) / num_classes - excess**2) / square**2 if square > 0 else -1


few_dimensions.false_neighbor(
    "one_dimension_more",
    "The bound of pairs, K - 1 + sqrt(2 (K - d) / K), holds for d = K - 1 as well, for points as their own weights.",
    margin=in_one_dimension_more,
    domain=Domain(
        {"num_classes": (3, 5), "dimension": lambda num_classes: (num_classes - 1, num_classes - 1)},
        points=Free(POINTS),
    ),
)


def below_k(weights, means):
    """25 times the squared smallest margin over |W|^2 |H|^2, less 1.

    For (x, y, z) two pairs of classes have (x, 0, -y), (-x, 0, -y) and (0, x, -y), (0, -x, -y), the last has (0, 0, z).
    """
    margin = min(
        weights[0] * means[0],
        2 * weights[0] * means[0],
        weights[0] * means[0] + (weights[1] + weights[2]) * means[1],
        (weights[1] + weights[2]) * means[2],
    )
    squares = [4 * (x[0] ** 2 + x[1] ** 2) + x[2] ** 2 for x in (weights, means)]
    return 25 * margin * abs(margin) / (squares[0] * squares[1]) - 1 if squares[0] * squares[1] > 0 else -1


few_dimensions.false_neighbor(
    "value_k",
    "For K/2 < d <= K - 2 the value is K: two pairs of opposite classes and a single one in dimension 3 do no better.",
    margin=below_k,
    domain=Domain(weights=Free((3,)), means=Free((3,))),
)
