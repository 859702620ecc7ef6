"""Only the simplex is optimal, and what is nearly optimal is near it, with explicit constants.

Proof. Let all |mu_i| <= 1, gap = K / (4(K-1)) - dist^2 / 8 and T = 4K(K-1) gap. In `stability_identity`, K sum(1 -
|mu_i|^2) + |sum mu_i|^2 + sum_{i<j}(d_ij^2 - dist^2) = T, all terms are >= 0. With t_i = 1 - |mu_i|^2 and x_ij =
d_ij^2 - dist^2 the diagonal of the Gram matrix G has 0 <= 1 - G_ii = t_i <= T / K = 4(K-1) gap; off it G_ij + 1/(K-1)
= 4 gap - (t_i + t_j + x_ij) / 2 with 0 <= t_i + t_j + x_ij <= T, as K >= 2, so it lies between 4 gap - T / 2 =
-2(K-2)(K+1) gap and 4 gap. Hence |G_ij - G*_ij| <= max(4(K-1), 2(K-2)(K+1)) gap; this is 4 gap for K = 2 and
2(K-2)(K+1) gap for K >= 3. It is attained for K = 2, and approached for K >= 3 as the gap goes to 0: by unit means
all of whose distances agree but for one pair.

The decoder: let r = sqrt(2 beta), so m_ij >= r |w_i - w_j| for all ordered pairs. Then <w_i - w_j, mu_i - mu_j> =
m_ij + m_ji >= 2 r |w_i - w_j|, which squared is the second inequality. At the optimum 2r = |mu_i - mu_j|, so w_i -
w_j = t_ij (mu_i - mu_j) with t_ij > 0; differences of the mu_i from one of them are independent, so the t_ij are one
t, and w_i = t mu_i + v. Then m_ij = t K/(K-1) + b_i - b_j and r |w_i - w_j| = t K/(K-1), so b_i >= b_j for all i, j.
"""

from fractions import Fraction
from itertools import combinations

from nctheory.domains import Ball, Domain, Free, Range
from nctheory.formula import dot, exponent, squared_distance
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (2, 4), "dimension": (1, 4)}
POINTS = ("num_classes", "dimension")
TETRAHEDRON = tuple(
    tuple(Fraction(entry, 3) for entry in row) for row in ((3, 0, 0, 0), (-1, 2, 2, 0), (-1, 0, -2, 2), (-1, -2, 0, -2))
)


@theorem(
    title="The optimum is unique",
    statement="For means of norm at most 1 every inner product is within max(4(K-1), 2(K-2)(K+1)) gap of that of the "
    "simplex, gap = K / (4(K-1)) - dist^2 / 8; and <w_i - w_j, mu_i - mu_j>^2 >= 8 beta |w_i - w_j|^2 for any decoder. "
    "So the optimum forces the Gram matrix of the simplex, w_i = t mu_i + v with t > 0, and equal biases.",
    latex=r"\max_{i,j}|G_{ij}-G^*_{ij}| \le \max\{4(K-1),\,2(K-2)(K+1)\}\,(\beta^*-\beta_{\mathrm{ML}}),\qquad"
    r" \langle w_i-w_j,\mu_i-\mu_j\rangle^2 \ge 8\beta\|w_i-w_j\|^2",
    reference="proof in the docstring of this file",
    standing="proved",
    remarks="That the optimum is the simplex is in papyan2020; the constants are ours.",
    domain=Domain(
        SIZES,
        means=Ball(POINTS),
        weights=Free(POINTS),
        bias=Free(("num_classes",)),
    ),
    sharp={
        "num_classes": 4,
        "dimension": 4,
        "means": TETRAHEDRON,
        "weights": TETRAHEDRON,
        "bias": (Fraction(0),) * 4,
    },
)
def unique_optimum(means, weights, bias, num_classes, dimension):
    """The larger of the two: distance of the Gram matrices less its bound; 8 beta less squared slopes."""
    value = exponent(means, weights, bias)
    pairs = [
        (
            [weights[i][k] - weights[j][k] for k in range(dimension)],
            [means[i][k] - means[j][k] for k in range(dimension)],
        )
        for i, j in combinations(range(num_classes), 2)
    ]
    slopes = max(8 * value - dot(a, x) ** 2 / dot(a, a) if dot(a, a) > 0 else value for a, x in pairs)
    gap = num_classes / (4 * (num_classes - 1)) - min(dot(x, x) for a, x in pairs) / 8
    constant = max(4 * (num_classes - 1), 2 * (num_classes - 2) * (num_classes + 1))
    lengths = max(1 - dot(x, x) for x in means)
    angles = max(abs(dot(x, y) + 1 / (num_classes - 1)) for x, y in combinations(means, 2))
    return max(slopes, lengths - constant * gap, angles - constant * gap)


def half_as_far(means, num_classes):
    """The distance of the Gram matrices less half its bound."""
    gap = num_classes / (4 * (num_classes - 1)) - min(squared_distance(x, y) for x, y in combinations(means, 2)) / 8
    constant = max(2 * (num_classes - 1), (num_classes - 2) * (num_classes + 1))
    lengths = max(1 - dot(x, x) for x in means)
    angles = max(abs(dot(x, y) + 1 / (num_classes - 1)) for x, y in combinations(means, 2))
    return max(lengths, angles) - constant * gap


def not_parallel(means, weights):
    """|W|^2 |M|^2 - <W, M>^2 relative to |W|^2 |M|^2."""
    squares = sum(dot(w, w) for w in weights) * sum(dot(x, x) for x in means)
    product = sum(dot(weights[c], means[c]) for c in range(len(means)))
    return 1 - product**2 / squares if squares > 0 else 0


def is_optimal(means, weights, num_classes):
    """The exponent is the optimal one; the optimum has equal biases."""
    return exponent(means, weights, [0 for x in means]) >= num_classes / (4 * (num_classes - 1))


unique_optimum.false_neighbor(
    "half_the_constant",
    "Every inner product is within half that bound of the simplex'.",
    margin=half_as_far,
    domain=Domain(SIZES, means=Ball(POINTS)),
)
unique_optimum.false_neighbor(
    "no_common_shift",
    "The optimal weights are w_i = t mu_i, without a shift common to all classes.",
    margin=not_parallel,
    domain=Domain(
        {"num_classes": (2, 3), "dimension": lambda num_classes: (num_classes - 1, num_classes)},
        means=Ball(POINTS),
        weights=Free(POINTS),
    ),
    assumptions=[is_optimal],
)
