"""What keeps class means from the optimal exponent, term by term: an identity.

Proof. sum_{i<j} |mu_i - mu_j|^2 = K sum |mu_i|^2 - |sum mu_i|^2, so the left side is K^2 - K(K-1)/2 dist^2. The right
side is 4K(K-1) (K / (4(K-1)) - dist^2 / 8) = K^2 - K(K-1)/2 dist^2. For means of the unit ball no term is negative.
"""

from itertools import combinations

from nctheory.domains import Domain, Free
from nctheory.formula import dot, squared_distance
from nctheory.theorems.registry import theorem

POINTS = ("num_classes", "dimension")


@theorem(
    title="The stability identity",
    statement="The gap of nearest mean to the optimal exponent, times 4K(K-1), is K sum(1 - |mu_i|^2) + |sum mu_i|^2 + "
    "sum_{i<j}(d_ij^2 - dist^2), dist the smallest of the distances d_ij.",
    latex=r"K\sum_i(1-\|\mu_i\|^2) + \Big\|\sum_i\mu_i\Big\|^2 + \sum_{i<j}(d_{ij}^2-\mathrm{dist}^2)"
    r" = 4K(K-1)\Big(\frac{K}{4(K-1)}-\frac{\mathrm{dist}^2}{8}\Big)",
    reference="proof in the docstring of this file",
    standing="proved",
    domain=Domain({"num_classes": (2, 6), "dimension": (1, 5)}, means=Free(POINTS)),
    sharp={"num_classes": 3, "dimension": 2, "means": ((1, 0), (0, 2), (-1, -1))},
)
def stability_identity(means, num_classes, dimension):
    """The difference of the two sides, without its sign, relative to 1 + sum |mu_i|^2."""
    norms = [dot(x, x) for x in means]
    squares = [squared_distance(x, y) for x, y in combinations(means, 2)]
    total = [sum(x[k] for x in means) for k in range(dimension)]
    left = num_classes * sum(1 - n for n in norms) + dot(total, total) + sum(d - min(squares) for d in squares)
    right = 4 * num_classes * (num_classes - 1) * (num_classes / (4 * (num_classes - 1)) - min(squares) / 8)
    return abs(left - right) / (1 + sum(norms))


def without_the_center(means, num_classes):
    """The difference of the two sides where |sum mu_i|^2 is left out, relative to 1 + sum |mu_i|^2."""
    norms = [dot(x, x) for x in means]
    squares = [squared_distance(x, y) for x, y in combinations(means, 2)]
    left = num_classes * sum(1 - n for n in norms) + sum(d - min(squares) for d in squares)
    right = 4 * num_classes * (num_classes - 1) * (num_classes / (4 * (num_classes - 1)) - min(squares) / 8)
    return abs(left - right) / (1 + sum(norms))


def with_half_the_constant(means, num_classes, dimension):
    """The difference of the two sides with 2K(K-1), relative to 1 + sum |mu_i|^2."""
    norms = [dot(x, x) for x in means]
    squares = [squared_distance(x, y) for x, y in combinations(means, 2)]
    total = [sum(x[k] for x in means) for k in range(dimension)]
    left = num_classes * sum(1 - n for n in norms) + dot(total, total) + sum(d - min(squares) for d in squares)
    right = 2 * num_classes * (num_classes - 1) * (num_classes / (4 * (num_classes - 1)) - min(squares) / 8)
    return abs(left - right) / (1 + sum(norms))


stability_identity.false_neighbor(
    "without_the_center",
    "The gap is explained by short and unevenly spaced means alone, without |sum mu_i|^2.",
    margin=without_the_center,
)
stability_identity.false_neighbor(
    "half_the_constant", "The identity holds with 2K(K-1) in place of 4K(K-1).", margin=with_half_the_constant
)
