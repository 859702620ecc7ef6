"""Levenshtein's first three bounds for N unit vectors of R^d whose cosines are at most s.

Each is Delsarte's bound (`delsarte`) for one polynomial f <= 0 on [-1, s], so that N f_0 <= f(1):

* t - s has f_0 = -s and f(1) = 1 - s; f_0 > 0 for s < 0.
* (t + 1)(t - s) has f_0 = 1/d - s, f_1 = 1 - s and f(1) = 2 (1 - s); f_0 > 0 for s < 1/d.
* (t - s)(t + a)^2, a = (1 + s) / (1 + d s), has f_2 = (1 - 1/d)(2 a - s), f_1 = a^2 - 2 a s + 3/(d + 2),
  (1 + d s)^2 d f_0 = (1 - d s^2)(2 + (d + 1) s) and (1 + d s)^2 f(1) = (1 - s)(2 + (d + 1) s)^2. For
  0 <= s < 1/sqrt(d) they are positive: 2 a >= s as 2 + s >= d s^2, and f_1 >= 3/(d + 2) - s^2 >= 3/(d + 2) - 1/d.

So N <= L_m(s) holds wherever the denominator of L_m is positive (for L_3 from s = 0 on). In the ranges of the theorem,
after which the next formula is better, the three give one increasing function of s.
"""

from itertools import permutations

from nctheory.domains import Domain, Gram, Range
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"dimension": (2, 4), "num_points": lambda dimension: (2, 2 * dimension + 1)}
GRAM = Gram(("num_points", "dimension"))


def in_range(gram, num_points, dimension):
    """The largest cosine s is at most (sqrt(d + 3) - 1) / (d + 2)."""
    s = max(gram[i][j] for i, j in permutations(range(num_points), 2))
    return s <= 0 or ((dimension + 2) * s + 1) ** 2 <= dimension + 3


@theorem(
    title="Levenshtein's bounds",
    statement="N unit vectors of R^d with largest cosine s are at most (s - 1) / s for s <= -1/d, at most "
    "2 d (1 - s) / (1 - d s) for s <= 0, and at most d (1 - s) (2 + (d + 1) s) / (1 - d s^2) for larger s up to "
    "(sqrt(d + 3) - 1) / (d + 2).",
    latex=r"N \le L_1(s) = \tfrac{s-1}{s},\quad L_2(s) = \tfrac{2d(1-s)}{1-ds},\quad "
    r"L_3(s) = \tfrac{d(1-s)(2+(d+1)s)}{1-ds^2}",
    reference="levenshtein1979; levenshtein1998; proof in the docstring of this file",
    standing="proved",
    remarks="The margin is the difference times the formula's denominator, which is positive in its range.",
    domain=Domain(SIZES, gram=GRAM),
    assumptions=[in_range],
    sharp={
        "dimension": 2,
        "num_points": 4,
        "gram": ((1, 0, -1, 0), (0, 1, 0, -1), (-1, 0, 1, 0), (0, -1, 0, 1)),
    },
)
def levenshtein(gram, num_points, dimension):
    """N - L_m(s), times the positive denominator of L_m."""
    s = max(gram[i][j] for i, j in permutations(range(num_points), 2))
    first = -s * num_points - (1 - s)
    second = num_points * (1 - dimension * s) - 2 * dimension * (1 - s)
    third = num_points * (1 - dimension * s**2) - dimension * (1 - s) * (2 + (dimension + 1) * s)
    return first if s <= -1 / dimension else second if s <= 0 else third


def above_second(gram, num_points, dimension):
    """N - L_2(s), times the square of its denominator."""
    s = max(gram[i][j] for i, j in permutations(range(num_points), 2))
    denominator = 1 - dimension * s
    return denominator * (num_points * denominator - 2 * dimension * (1 - s))


levenshtein.false_neighbor(
    "second_everywhere",
    "N <= 2 d (1 - s) / (1 - d s) for all s, also above 1/d, where the denominator is negative.",
    margin=above_second,
    assumptions=[],
)


def above_third(gram, num_points, dimension):
    """N - L_3(s), times the square of its denominator."""
    s = max(gram[i][j] for i, j in permutations(range(num_points), 2))
    denominator = 1 - dimension * s**2
    return denominator * (num_points * denominator - dimension * (1 - s) * (2 + (dimension + 1) * s))


def is_negative(gram, num_points):
    """All cosines are at most 0."""
    return max(gram[i][j] for i, j in permutations(range(num_points), 2)) <= 0


levenshtein.false_neighbor(
    "third_below_0",
    "N <= d (1 - s) (2 + (d + 1) s) / (1 - d s^2) for all s <= 0 too.",
    margin=above_third,
    assumptions=[is_negative],
)


def with_mean(gram, num_points, dimension):
    """N - L_m(s) for the mean cosine s, times the positive denominator of L_m, m = 1 or 2."""
    s = sum(gram[i][j] for i, j in permutations(range(num_points), 2)) / (num_points * (num_points - 1))
    first = -s * num_points - (1 - s)
    second = num_points * (1 - dimension * s) - 2 * dimension * (1 - s)
    return first if s <= -1 / dimension else second


def has_mean_at_most_0(gram, num_points):
    """The mean cosine is in the range of L_1 or L_2."""
    return sum(gram[i][j] for i, j in permutations(range(num_points), 2)) <= 0


levenshtein.false_neighbor(
    "mean_cosine",
    "The bounds hold with the mean cosine, instead of the largest, as s.",
    margin=with_mean,
    assumptions=[has_mean_at_most_0],
)
