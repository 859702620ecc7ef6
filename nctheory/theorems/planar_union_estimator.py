"""The estimator that samples at least one event, for the Gaussian noise of three unit vectors in the plane.

Let the gaps between neighbors be 2 pi f_c, f_c = i_c / 12, so that signals are at multiples of 30 degrees. Given class
c it errs beyond one of two lines through 0, at the angles pi f to its neighbors on both sides: on two half-planes of
probabilities p = Q(sin(pi f) / sigma) and q likewise, S_c = p + q. As the two gaps add up to 2 pi at most, both are
passed where the direction of the received point is within pi f of the opposite of e_c, on either side: with probability
b = (P(angle > pi - pi f) + P(angle > pi - pi f')) / 2, the two-sided probabilities of `wedge_error`.

A point drawn from a half-plane in proportion to p, q lies in both with probability 2 b / S_c, so that the mean of 1/N
is 1 - b / S_c, and S_c times that is P(union) = P(err | c). With the class drawn in proportion to S_c, and S the sum of
S_c over 3, S E[1/N] is the error: the mean of the three wedges.

What goes wrong. Without conditioning, the other half-plane holds the point with its own probability: S_c E[1/N] =
p + q - p q, as if the half-planes were independent. With half-planes drawn uniformly, E[1/N] is 1 - (b/p + b/q) / 4.
With classes drawn uniformly, S times the mean of 1 - b / S_c gives too much weight to classes that hardly err.
"""

from fractions import Fraction

from nctheory.domains import Domain, Interval, Range
from nctheory.gaussian import circle_error, normal_tail, sqrt, wedge_error
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"first": (1, 10), "second": lambda first: (1, 11 - first)}


@theorem(
    title="Sampling at least one event, three signals in the plane",
    statement="Three unit vectors in the plane, at multiples of 30 degrees, have the error S E[1/N], where 3 S is the "
    "sum of the six probabilities of being nearer to a neighbor; one of these half-planes is drawn in proportion to "
    "its probability, then a received point from the Gaussian conditioned on it, and N is how many of the class's two "
    "half-planes hold that point.",
    latex=r"P_{\mathrm{err}} = S\,\mathbb E\Bigl[\frac1N\Bigr],\quad S = \tfrac13 \sum_c S_c,\quad"
    r" S_c = Q\Bigl(\frac{\sin\pi f_c}{\sigma}\Bigr) + Q\Bigl(\frac{\sin\pi f_{c-1}}{\sigma}\Bigr),\quad"
    r" \mathbb E\Bigl[\frac1N \Bigm| c\Bigr] = 1 - \frac{\Pr(N = 2 \mid c)}{S_c}",
    reference="owen2019; proof in the docstring of this file",
    standing="proved",
    remarks="union_estimator states this for any sets and measure; here the measure is Gaussian, and the error has a "
    "formula of its own. The gaps are i/12 of the circle, i = first, second and what is left of 12.",
    domain=Domain(SIZES, noise=Interval((), Fraction(1, 10), Fraction(10))),
    sharp={"first": 4, "second": 3, "noise": Fraction(1)},
)
def planar_union_estimator(first, second, noise):
    """How far S E[1/N] is off the error, without its sign."""
    parts = [first, second, 12 - first - second]
    low = (2 - sqrt(3)) / 4
    squares = [0, low, 1 / 4, 1 / 2, 3 / 4, 1 - low, 1, 1 - low, 3 / 4, 1 / 2, 1 / 4, low]
    tails = [normal_tail(sqrt(squares[part]) / noise) for part in parts]
    corners = [wedge_error((12 - part) / 12, noise) / 2 for part in parts]
    sums = [tails[c] + tails[c - 1] for c in range(3)]
    means = [1 - (corners[c] + corners[c - 1]) / sums[c] for c in range(3)]
    estimate = sum(sums) / 3 * sum(sums[c] / sum(sums) * means[c] for c in range(3))
    return abs(estimate - circle_error([part / 12 for part in parts], noise))


def off_for_uniform_classes(first, second, noise):
    """How far S times the mean over classes of E[1/N | class] is off the error."""
    parts = [first, second, 12 - first - second]
    low = (2 - sqrt(3)) / 4
    squares = [0, low, 1 / 4, 1 / 2, 3 / 4, 1 - low, 1, 1 - low, 3 / 4, 1 / 2, 1 / 4, low]
    tails = [normal_tail(sqrt(squares[part]) / noise) for part in parts]
    corners = [wedge_error((12 - part) / 12, noise) / 2 for part in parts]
    sums = [tails[c] + tails[c - 1] for c in range(3)]
    means = [1 - (corners[c] + corners[c - 1]) / sums[c] for c in range(3)]
    return abs(sum(sums) / 3 * sum(means) / 3 - circle_error([part / 12 for part in parts], noise))


planar_union_estimator.false_neighbor(
    "uniform_class",
    "The class may be drawn uniformly.",
    margin=off_for_uniform_classes,
)


def off_without_conditioning(first, second, noise):
    """How far the mean over classes of p + q - p q is off the error."""
    parts = [first, second, 12 - first - second]
    low = (2 - sqrt(3)) / 4
    squares = [0, low, 1 / 4, 1 / 2, 3 / 4, 1 - low, 1, 1 - low, 3 / 4, 1 / 2, 1 / 4, low]
    tails = [normal_tail(sqrt(squares[part]) / noise) for part in parts]
    unions = [tails[c] + tails[c - 1] - tails[c] * tails[c - 1] for c in range(3)]
    return abs(sum(unions) / 3 - circle_error([part / 12 for part in parts], noise))


planar_union_estimator.false_neighbor(
    "unconditioned_point",
    "The received point need not be conditioned on the drawn half-plane, as long as that one is counted in N.",
    margin=off_without_conditioning,
)
