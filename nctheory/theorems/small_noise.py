"""What the nearest pairs say of the error: exact on a line at every noise level.

Sorted points with nearest mean: the regions are intervals that end half way to the neighbors, so that a point is
mistaken where the noise carries it half a gap to the left or half a gap to the right: not both at once.
Each gap counts once for each of its two ends: the error is 2/K times the sum of Q(gap / (2 sigma)) over the K - 1 gaps.
The closest pairs alone give a lower bound, N Q(dist / (2 sigma)) with N their ordered number over K, and as sigma -> 0
the other gaps vanish beside them.
"""

from fractions import Fraction

from nctheory.domains import Domain, Free, Positive
from nctheory.gaussian import line_correct, normal_cdf, normal_tail
from nctheory.theorems.registry import theorem


@theorem(
    title="The error of points on a line",
    statement="K points on a line are mistaken with probability 2/K times the sum of Q(gap / (2 sigma)) over the gaps "
    "between neighbors. So the error is between 2/K and 2(K-1)/K times Q(dist / (2 sigma)), dist the smallest gap.",
    latex=r"P_{\mathrm{err}} = \tfrac2K\sum_{k<K} Q\Bigl(\tfrac{x_{k+1}-x_k}{2\sigma}\Bigr),\qquad"
    r" \tfrac2K Q\bigl(\tfrac{\mathrm{dist}}{2\sigma}\bigr) \le P_{\mathrm{err}} \le"
    r" \tfrac{2(K-1)}{K} Q\bigl(\tfrac{\mathrm{dist}}{2\sigma}\bigr)",
    reference="proof in the docstring of this file",
    standing="proved",
    domain=Domain({"num_classes": (2, 6)}, points=Free(("num_classes",)), noise=Positive()),
    sharp={"num_classes": 3, "points": (-1, 0, 1), "noise": Fraction(1)},
)
def small_noise(num_classes, points, noise):
    """How far the error is off the sum over gaps, or off that of the intervals, or outside of the bounds."""
    ordered = sorted(points)
    gaps = [ordered[k + 1] - ordered[k] for k in range(num_classes - 1)]
    walls = [(ordered[k] + ordered[k + 1]) / 2 for k in range(num_classes - 1)]
    above = sum(normal_tail((walls[k] - ordered[k]) / noise) for k in range(num_classes - 1))
    below = sum(normal_cdf((walls[k] - ordered[k + 1]) / noise) for k in range(num_classes - 1))
    error = 1 - line_correct(points, noise)
    total = 2 * sum(normal_tail(gap / (2 * noise)) for gap in gaps) / num_classes
    closest = 2 * normal_tail(min(gaps) / (2 * noise)) / num_classes
    intervals = abs((above + below) / num_classes - total)
    return max(abs(error - total), intervals, closest - error, error - (num_classes - 1) * closest)


def above_one_tail(num_classes, points, noise):
    """The error less Q(dist / (2 sigma))."""
    ordered = sorted(points)
    gaps = [ordered[k + 1] - ordered[k] for k in range(num_classes - 1)]
    return 1 - line_correct(points, noise) - normal_tail(min(gaps) / (2 * noise))


small_noise.false_neighbor(
    "closest_pair_alone",
    "The error of points on a line is at most Q(dist / (2 sigma)).",
    margin=above_one_tail,
)


def below_all_pairs(num_classes, points, noise):
    """The union bound over all ordered pairs less the error."""
    ordered = sorted(points)
    indices = range(num_classes)
    tails = [normal_tail((ordered[j] - ordered[i]) / (2 * noise)) for i in indices for j in indices if i < j]
    return 2 * sum(tails) / num_classes - 1 + line_correct(points, noise)


small_noise.false_neighbor(
    "all_pairs_count",
    "The error of points on a line is the union bound over all pairs, not only neighbors.",
    margin=below_all_pairs,
)


def above_closest_pairs(num_classes, points, noise):
    """The error less 2/K times Q(dist / (2 sigma))."""
    ordered = sorted(points)
    gaps = [ordered[k + 1] - ordered[k] for k in range(num_classes - 1)]
    return 1 - line_correct(points, noise) - 2 * normal_tail(min(gaps) / (2 * noise)) / num_classes


small_noise.false_neighbor(
    "first_order_is_exact",
    "The closest pair gives the error at every noise level: it is at most 2/K times Q(dist / (2 sigma)).",
    margin=above_closest_pairs,
)
