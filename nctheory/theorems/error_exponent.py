"""The error exponent of a linear decoder in Gaussian noise: the shortest displacement by which some class errs.

Proof. Class i is decoded at mu_i + z as i only if <a_ij, mu_i + z> + b_i - b_j > 0 for every j, a_ij = w_i - w_j, that
is m_ij + <a_ij, z> > 0. So it errs or ties on a union of half-spaces, m_ij + <a_ij, z> <= 0. The point of such a
half-space nearest to 0 is z = 0 where m_ij <= 0, else z = -m_ij a_ij / |a_ij|^2, of length m_ij / |a_ij|; there is none
where a_ij = 0 and m_ij > 0. A half-space at distance r has Gaussian measure Q(r / sigma), sigma^2 log of which tends to
-r^2 / 2 as sigma -> 0, and a finite union has the largest of these rates: beta = min r^2 / 2 over ordered pairs. Equal
rows have m_ij + m_ji = 0, so one of their two half-spaces contains 0, and beta = 0.
"""

from fractions import Fraction
from itertools import permutations

from nctheory.domains import Domain, Free, Range
from nctheory.formula import dot, exponent
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (2, 4), "dimension": (1, 3)}
POINTS = ("num_classes", "dimension")


def some_class_errs(means, weights, bias, displacement, num_classes, dimension):
    """For some i, another class scores at least as much as i at mu_i + z."""
    return any(
        sum((weights[i][k] - weights[j][k]) * (means[i][k] + displacement[k]) for k in range(dimension))
        + bias[i]
        - bias[j]
        <= 0
        for i, j in permutations(range(num_classes), 2)
    )


@theorem(
    title="The error exponent of a linear decoder",
    statement="The exponent -lim sigma^2 log P_err is the minimum over ordered pairs of max(0, m_ij)^2 / (2 |w_i - "
    "w_j|^2), m_ij = <w_i - w_j, mu_i> + b_i - b_j: no displacement z by which some class errs or ties has |z|^2 / 2 "
    "below it, and the shortest one of the attaining pair has just that.",
    latex=r"-\lim_{\sigma\to 0}\sigma^2\log P_{\mathrm{err}} = \beta(M,W,b)"
    r" = \min_{i\ne j}\frac{(m_{ij})_+^2}{2\|w_i-w_j\|^2},\quad m_{ij} = \langle w_i-w_j,\mu_i\rangle + b_i-b_j",
    reference="papyan2020; proof in the docstring of this file",
    standing="proved",
    remarks="Where w_i = w_j, a pair counts as 0 if m_ij <= 0, else not at all. Executed for displacements; that the "
    "limit is the least |z|^2 / 2 is in the proof.",
    domain=Domain(
        SIZES, means=Free(POINTS), weights=Free(POINTS), bias=Free(("num_classes",)), displacement=Free(("dimension",))
    ),
    assumptions=[some_class_errs],
    sharp={
        "num_classes": 2,
        "dimension": 1,
        "means": ((1,), (-1,)),
        "weights": ((1,), (-1,)),
        "bias": (Fraction(0), Fraction(0)),
        "displacement": (-1,),
    },
)
def error_exponent(means, weights, bias, displacement, num_classes, dimension):
    """The exponent less |z|^2 / 2, and twice what the shortest erring displacement of every pair exceeds it by."""
    value = exponent(means, weights, bias)
    differences = [
        ([weights[i][k] - weights[j][k] for k in range(dimension)], i, j)
        for i, j in permutations(range(num_classes), 2)
    ]
    margins = [(a, dot(a, means[i]) + bias[i] - bias[j]) for a, i, j in differences]
    shortest = [
        (a, m, [-max(0, m) / dot(a, a) * x if m > 0 else 0 for x in a]) for a, m in margins if dot(a, a) > 0 or m <= 0
    ]
    excess = min(max(dot(z, z) / 2 - value, m + dot(a, z)) for a, m, z in shortest)
    return value - dot(displacement, displacement) / 2 + 2 * max(0, excess)


def over_unordered_pairs(means, weights, bias, displacement, num_classes, dimension):
    """The minimum over pairs i < j, less |z|^2 / 2; at most 1."""
    differences = [
        ([weights[i][k] - weights[j][k] for k in range(dimension)], i, j)
        for i in range(num_classes)
        for j in range(i + 1, num_classes)
    ]
    margins = [(dot(a, a), dot(a, means[i]) + bias[i] - bias[j]) for a, i, j in differences]
    value = min(max(0, m) ** 2 / (2 * squared) if squared > 0 else 0 for squared, m in margins)
    return min(1, value - dot(displacement, displacement) / 2)


def without_the_half(means, weights, bias, displacement):
    """Twice the exponent, less |z|^2 / 2."""
    return 2 * exponent(means, weights, bias) - dot(displacement, displacement) / 2


def with_an_eighth(means, weights, bias):
    """The exponent less a quarter of it."""
    return exponent(means, weights, bias) - exponent(means, weights, bias) / 4


def without_equal_rows(means, weights, bias, num_classes, dimension):
    """The minimum over pairs of different rows, less the exponent; the last row is the first."""
    rows = [weights[i] for i in range(num_classes - 1)] + [weights[0]]
    differences = [
        ([rows[i][k] - rows[j][k] for k in range(dimension)], i, j) for i, j in permutations(range(num_classes), 2)
    ]
    margins = [(dot(a, a), dot(a, means[i]) + bias[i] - bias[j]) for a, i, j in differences]
    values = [max(0, m) ** 2 / (2 * squared) for squared, m in margins if squared > 0]
    return min(1, (min(values) if len(values) > 0 else 0) - exponent(means, rows, bias))


def different_biases(bias, num_classes):
    """The first class, which has the row of the last one, has a larger bias."""
    return bias[0] > bias[num_classes - 1]


error_exponent.false_neighbor(
    "unordered_pairs",
    "Each pair of classes has to be looked at in one order only: no class errs by less than the minimum over i < j.",
    margin=over_unordered_pairs,
)
error_exponent.false_neighbor(
    "without_the_half",
    "The exponent is min m_ij^2 / |w_i - w_j|^2.",
    margin=without_the_half,
)
error_exponent.false_neighbor(
    "with_an_eighth",
    "The exponent of every linear decoder has the 8 of nearest mean, dist^2 / 8: it is at most min m_ij^2 / (8 |w_i - "
    "w_j|^2).",
    margin=with_an_eighth,
    domain=Domain(SIZES, means=Free(POINTS), weights=Free(POINTS), bias=Free(("num_classes",))),
    assumptions=[],
)
error_exponent.false_neighbor(
    "equal_rows",
    "Two equal rows of weights with different biases do not matter: pairs of equal rows may be left out.",
    margin=without_equal_rows,
    domain=Domain(
        {
            "num_classes": (3, 4),
            "num_rows": lambda num_classes: (num_classes - 1, num_classes - 1),
            "dimension": (1, 3),
        },
        means=Free(POINTS),
        weights=Free(("num_rows", "dimension")),
        bias=Free(("num_classes",)),
    ),
    assumptions=[different_biases],
)
