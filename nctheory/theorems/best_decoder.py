"""No linear decoder has a larger exponent than nearest mean, dist^2 / 8.

Proof. m_ij + m_ji = <w_i - w_j, mu_i - mu_j> <= |w_i - w_j| |mu_i - mu_j|; so of the two radii m_ij / |w_i - w_j| and
m_ji / |w_i - w_j| one is at most half the distance, and its square over 2 is at most |mu_i - mu_j|^2 / 8. (Where
w_i = w_j, m_ij + m_ji = 0, and the exponent is 0.) For w = mu and b = -|mu|^2 / 2 all m_ij = |mu_i - mu_j|^2 / 2, so
both radii are half the distance.
"""

from fractions import Fraction
from itertools import combinations

from nctheory.domains import Domain, Free, Range
from nctheory.formula import dot, exponent, squared_distance
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (2, 4), "dimension": (1, 3)}
POINTS = ("num_classes", "dimension")
FIELDS = {"means": Free(POINTS), "weights": Free(POINTS), "bias": Free(("num_classes",))}


@theorem(
    title="Nearest mean is the best linear decoder",
    statement="With any weights and bias the exponent is at most dist^2 / 8, dist the smallest distance between class "
    "means, and with w = mu, b = -|mu|^2 / 2 it is dist^2 / 8.",
    latex=r"\max_{W,b}\beta(M,W,b) = \beta(M,M,-\tfrac12\|\mu\|^2) = \tfrac18\min_{i<j}\|\mu_i-\mu_j\|^2",
    reference="proof in the docstring of this file",
    standing="proved",
    domain=Domain(SIZES, **FIELDS),
    sharp={
        "num_classes": 3,
        "dimension": 2,
        "means": ((1, 0), (0, 2), (-1, -1)),
        "weights": ((1, 0), (0, 2), (-1, -1)),
        "bias": (Fraction(-1, 2), Fraction(-2), Fraction(-1)),
    },
)
def best_decoder(means, weights, bias):
    """The exponent less dist^2 / 8, and twice by how much nearest mean misses that, relative to sum |mu|^2."""
    best = min(squared_distance(x, y) for x, y in combinations(means, 2)) / 8
    nearest = exponent(means, means, [-dot(x, x) / 2 for x in means])
    total = sum(dot(x, x) for x in means)
    return (exponent(means, weights, bias) - best + 2 * abs(nearest - best)) / (total if total > 0 else 1)


def over_a_sixteenth(means, weights, bias):
    """The exponent less dist^2 / 16, relative to sum |mu|^2."""
    smallest = min(squared_distance(x, y) for x, y in combinations(means, 2))
    total = sum(dot(x, x) for x in means)
    return (exponent(means, weights, bias) - smallest / 16) / (total if total > 0 else 1)


def faster_than_the_decoder(means, weights, moved):
    """X |X| - 4 r'^2 s^2 over (r^2 + s^2)^2, X = r^2 - r'^2 - s^2: positive if r - r' > s = max |w_c' - w_c|."""
    bias = [0 for x in means]
    step = max(squared_distance(weights[c], moved[c]) for c in range(len(means)))
    before = 2 * exponent(means, weights, bias)
    after = 2 * exponent(means, moved, bias)
    more = before - after - step
    return (more * abs(more) - 4 * after * step) / ((before + step) ** 2 if step > 0 else 1)


best_decoder.false_neighbor(
    "a_sixteenth", "With any weights and bias the exponent is at most dist^2 / 16.", margin=over_a_sixteenth
)
best_decoder.false_neighbor(
    "lipschitz_in_the_decoder",
    "The radius sqrt(2 beta) falls by at most max |w_c' - w_c| where the weights move, for fixed means and bias 0.",
    margin=faster_than_the_decoder,
    domain=Domain(SIZES, means=Free(POINTS), weights=Free(POINTS), moved=Free(POINTS)),
)
