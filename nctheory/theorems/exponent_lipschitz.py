"""How fast the exponent of a fixed linear decoder changes with the class means.

Proof. The signed radius m_ij / |w_i - w_j| is an affine function of mu_i of slope 1, so it changes by at most
|delta mu_i|, the minimum over pairs by at most max |delta mu|, and so does its positive part sqrt(2 beta). (Where two
rows are equal, beta = 0 before and after.) Without roots: r' - r <= s, for r, r', s >= 0, if and only if X <= 0 or
X^2 <= 4 r^2 s^2, with X = r'^2 - r^2 - s^2.
"""

from fractions import Fraction

from nctheory.domains import Domain, Free
from nctheory.formula import exponent, squared_distance
from nctheory.theorems.registry import theorem

POINTS = ("num_classes", "dimension")


@theorem(
    title="The exponent is Lipschitz in the means",
    statement="For a fixed linear decoder sqrt(2 beta) changes by at most the largest displacement of a class mean.",
    latex=r"\big|\sqrt{2\beta'}-\sqrt{2\beta}\big| \le \max_c\|\mu_c'-\mu_c\|",
    reference="proof in the docstring of this file",
    standing="proved",
    domain=Domain(
        {"num_classes": (2, 4), "dimension": (1, 3)},
        means=Free(POINTS),
        moved=Free(POINTS),
        weights=Free(POINTS),
        bias=Free(("num_classes",)),
    ),
    sharp={
        "num_classes": 2,
        "dimension": 1,
        "means": ((1,), (-1,)),
        "moved": ((2,), (-2,)),
        "weights": ((1,), (-1,)),
        "bias": (Fraction(0), Fraction(0)),
    },
)
def exponent_lipschitz(means, moved, weights, bias):
    """X |X| - 4 r^2 s^2, X = r'^2 - r^2 - s^2, for radii r, r' and the largest step s, over (r^2 + s^2)^2."""
    step = max(squared_distance(means[c], moved[c]) for c in range(len(means)))
    before = 2 * exponent(means, weights, bias)
    more = 2 * exponent(moved, weights, bias) - before - step
    return (more * abs(more) - 4 * before * step) / ((before + step) ** 2 if step > 0 else 1)


def half_as_fast(means, moved, weights, bias):
    """The same for half the largest step."""
    step = max(squared_distance(means[c], moved[c]) for c in range(len(means))) / 4
    before = 2 * exponent(means, weights, bias)
    more = 2 * exponent(moved, weights, bias) - before - step
    return (more * abs(more) - 4 * before * step) / ((before + step) ** 2 if step > 0 else 1)


exponent_lipschitz.false_neighbor(
    "half_the_constant",
    "For a fixed linear decoder sqrt(2 beta) changes by at most half the largest displacement of a class mean.",
    margin=half_as_fast,
)
