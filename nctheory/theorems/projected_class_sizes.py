"""The eigenvalues that class sizes give to minimum-norm separation: the critical points of prod (x - n_k).

Proof. D = diag(n), P = I - J/K. det(x I - P D P) = det(x I - D P), as P P = P, and x I - D P = (x I - D) + n 1^T / K
has, for x not among the sizes, the determinant prod (x - n_k) (1 + (1/K) sum n_k / (x - n_k)) = prod (x - n_k) (x/K)
sum 1 / (x - n_k), as n_k / (x - n_k) = x / (x - n_k) - 1. That is x/K times the derivative of p = prod (x - n_k); both
sides are polynomials. So the eigenvalues other than the one 0 of the vector 1 are the critical points of p: one between
any two neighboring sizes, and a size of k classes k - 1 times. For k_1 classes of size n_1 and k_2 of size n_2 the one
in between has k_1 / (x - n_1) + k_2 / (x - n_2) = 0, so it is (k_1 n_2 + k_2 n_1) / K.
"""

from itertools import combinations, permutations

from nctheory.domains import ClassSizes, Domain, Free, Range
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (2, 4)}


@theorem(
    title="The eigenvalues of projected class sizes",
    statement="det(x I - P D P) = x p'(x) / K for D = diag(n), P = I - J/K and p = prod (x - n_k): the eigenvalues of "
    "P D P on the complement of the vector of ones are the critical points of p.",
    latex=r"\det(xI - PDP) = \frac{x}{K}\sum_{k}\prod_{j \ne k}(x - n_j),\qquad D = \operatorname{diag}(n),\ "
    r"P = I - \tfrac1K 11^{\mathsf T}",
    reference="horn2012 (interlacing); proof in the docstring of this file",
    standing="proved",
    domain=Domain(SIZES, class_sizes=ClassSizes(("num_classes",)), x=Free()),
    sharp={"num_classes": 3, "class_sizes": (1, 1, 13), "x": 9},
)
def projected_class_sizes(class_sizes, x, num_classes):
    """The difference of the two sides, without its sign, relative to (1 + |x| + N)^K."""
    classes = range(num_classes)
    total = sum(class_sizes)
    matrix = [
        [
            (x - class_sizes[i] if i == j else 0)
            + (class_sizes[i] + class_sizes[j] - total / num_classes) / num_classes
            for j in classes
        ]
        for i in classes
    ]
    determinant = sum(
        (-1) ** sum(1 for i, j in combinations(p, 2) if i > j)
        * (matrix[0][p[0]] * matrix[1][p[1]])
        * (matrix[2][p[2]] if num_classes > 2 else 1)
        * (matrix[3][p[3]] if num_classes > 3 else 1)
        for p in permutations(classes, num_classes)
    )
    factors = [[1 if j == k else x - class_sizes[j] for j in classes] for k in classes]
    slope = sum(f[0] * f[1] * (f[2] if num_classes > 2 else 1) * (f[3] if num_classes > 3 else 1) for f in factors)
    return abs(determinant - x * slope / num_classes) / (1 + abs(x) + total) ** num_classes


def weights_not_swapped(class_sizes, first, second):
    """p' at (k_1 n_1 + k_2 n_2) / K without its factors x - n_1 and x - n_2 of repeated sizes, relative to N."""
    x = (first * class_sizes[0] + second * class_sizes[1]) / (first + second)
    rest = first * (x - class_sizes[1]) + second * (x - class_sizes[0])
    return abs(rest) / (first * class_sizes[0] + second * class_sizes[1])


projected_class_sizes.false_neighbor(
    "weights_not_swapped",
    "For k_1 classes of size n_1 and k_2 of size n_2 the eigenvalue between is (k_1 n_1 + k_2 n_2) / K.",
    margin=weights_not_swapped,
    domain=Domain({"first": (1, 3), "second": (1, 3)}, class_sizes=ClassSizes((2,))),
)


def at_the_middle(class_sizes, num_classes):
    """The size of p' half way between the two smallest sizes, relative to N^(K-1)."""
    ordered = sorted(class_sizes)
    x = (ordered[0] + ordered[1]) / 2
    factors = [[1 if j == k else x - class_sizes[j] for j in range(num_classes)] for k in range(num_classes)]
    slope = sum(f[0] * f[1] * (f[2] if num_classes > 2 else 1) * (f[3] if num_classes > 3 else 1) for f in factors)
    return abs(slope) / sum(class_sizes) ** (num_classes - 1)


projected_class_sizes.false_neighbor(
    "half_way",
    "Between two neighboring sizes the eigenvalue is half way, for K >= 3 too.",
    margin=at_the_middle,
    domain=Domain({"num_classes": (3, 4)}, class_sizes=ClassSizes(("num_classes",))),
)


def at_the_largest(class_sizes, num_classes):
    """The size of p' at the largest class size, relative to N^(K-1)."""
    x = max(class_sizes)
    factors = [[1 if j == k else x - class_sizes[j] for j in range(num_classes)] for k in range(num_classes)]
    slope = sum(f[0] * f[1] * (f[2] if num_classes > 2 else 1) * (f[3] if num_classes > 3 else 1) for f in factors)
    return abs(slope) / sum(class_sizes) ** (num_classes - 1)


projected_class_sizes.false_neighbor(
    "sizes_themselves",
    "Projecting changes the smallest size alone: the others stay eigenvalues.",
    margin=at_the_largest,
    domain=Domain(SIZES, class_sizes=ClassSizes(("num_classes",))),
)
