"""How few closest pairs a code can have that attains Rankin's bound.

Let K = d + k unit vectors of R^d, k >= 2, have no inner product above 0. Call two of them joined where their inner
product is below 0, and let block b be a connected component, n_b vectors of rank d_b; blocks are orthogonal.

* n_b <= d_b + 1. Write a dependency of block b with positive coefficients on both sides, v = sum_A s_i x_i =
  sum_B t_j x_j; then |v|^2 = sum s_i t_j <x_i, x_j> <= 0, so v = 0, and both sides are dependencies with coefficients
  of one sign. Where x_z is not among the vectors S of such a dependency, 0 = <x_z, sum_S s_i x_i> has no term above 0,
  so x_z is orthogonal to all of S. Since the block is connected, S is all of it: every dependency has no coefficient 0,
  and of two that are not proportional a combination would have one.
* The sum of n_b - d_b is K minus the rank, at least k. So at least k blocks have n_b = d_b + 1 >= 2.
* Ordered pairs from two blocks are orthogonal: K^2 - sum n_b^2 of them. With at least k blocks of at least 2 vectors,
  the convex sum n_b^2 is largest for k - 1 blocks of 2 and one of K - 2(k - 1) = d - k + 2, so that there are at least
  (d + k)^2 - (d - k + 2)^2 - 4 (k - 1) = 4 d (k - 1) orthogonal pairs, and k - 1 antipodal pairs with one simplex
  have no more.

In the unit ball the optimal codes are the same: at distance sqrt 2 or more, a vector of norm below 1 has inner
products below 0 with all others, and there would be one block only.
"""

from fractions import Fraction
from itertools import combinations, permutations

from nctheory.domains import Domain, Gram
from nctheory.theorems.registry import theorem

HALF = Fraction(1, 2)
GRAM = Gram(("num_classes", "dimension"))


def is_optimal(gram, num_classes):
    """No two points are closer than sqrt 2."""
    return all(gram[i][j] <= 0 for i, j in combinations(range(num_classes), 2))


@theorem(
    title="Closest pairs under Rankin's bound",
    statement="K = d + k unit vectors of R^d, k >= 2, at pairwise distances of sqrt 2 or more have at least "
    "4 d (k - 1) ordered pairs at distance sqrt 2.",
    latex=r"K = d + k \ge d + 2,\ \max_{i \ne j} \langle \mu_i, \mu_j \rangle \le 0 \implies "
    r"\#\{(i, j) : i \ne j,\ \langle \mu_i, \mu_j \rangle = 0\} \ge 4 d (k - 1)",
    reference="proof in the docstring of this file",
    standing="proved",
    remarks="At small noise a code's error probability is its number of ordered closest pairs, over K, times one tail; "
    "so this is the least number that an optimal code can have.",
    domain=Domain({"dimension": (2, 5), "num_classes": lambda dimension: (dimension + 2, 2 * dimension)}, gram=GRAM),
    assumptions=[is_optimal],
    sharp={
        "dimension": 3,
        "num_classes": 5,
        "gram": (
            (1, -1, 0, 0, 0),
            (-1, 1, 0, 0, 0),
            (0, 0, 1, -HALF, -HALF),
            (0, 0, -HALF, 1, -HALF),
            (0, 0, -HALF, -HALF, 1),
        ),
    },
)
def closest_pairs(gram, num_classes, dimension):
    """4 d (k - 1), less the number of ordered pairs whose inner product is 0."""
    orthogonal = sum(1 for i, j in permutations(range(num_classes), 2) if gram[i][j] >= 0)
    return 4 * dimension * (num_classes - dimension - 1) - orthogonal


def more_than_the_least(gram, num_classes, dimension):
    """The number of ordered pairs whose inner product is 0, less 4 d (k - 1)."""
    orthogonal = sum(1 for i, j in permutations(range(num_classes), 2) if gram[i][j] >= 0)
    return orthogonal - 4 * dimension * (num_classes - dimension - 1)


def fewer_than_equal_blocks(gram, num_classes, dimension):
    """K^2 - K^2 / k, the number of ordered pairs from k equal blocks, less the number of orthogonal pairs."""
    orthogonal = sum(1 for i, j in permutations(range(num_classes), 2) if gram[i][j] >= 0)
    return num_classes**2 - num_classes**2 / (num_classes - dimension) - orthogonal


closest_pairs.false_neighbor(
    "always_the_least",
    "All codes that attain Rankin's bound have 4 d (k - 1) closest pairs, so that none is better at small noise.",
    margin=more_than_the_least,
    domain=Domain(
        {"dimension": (3, 5), "num_classes": lambda dimension: (dimension + 2, 2 * dimension - 1)}, gram=GRAM
    ),
)
closest_pairs.false_neighbor(
    "equal_blocks",
    "Two orthogonal simplices of the same size have the fewest closest pairs of all optimal codes, K = d + 2 even.",
    margin=fewer_than_equal_blocks,
    domain=Domain({"dimension": (4, 4), "num_classes": (6, 6)}, gram=GRAM),
)
