"""The error probability as a sum of set probabilities times a mean: exact for any sets in any finite measure.

Of class c, the decoder errs on the union of sets H_ck, which have measures p_ck; the measure of class c has the
class's probability in it. S_c is the sum of p_ck over k, S that of S_c. Draw c with probability S_c / S, then k with
probability p_ck / S_c, then a point z from the measure conditioned on H_ck. With N(z) the number of sets of class c
that hold z, a point of mass m(z) is drawn with probability (S_c / S) sum_(k: z in H_ck) (p_ck / S_c) (m(z) / p_ck) =
N(z) m(z) / S. So S times the mean of 1 / N is the sum of m(z) over all z with N(z) >= 1: the measure of the unions.

Integrated: let the points be split into lines (in the channel: points that agree but for one coordinate, or but for a
radius in a plane), and replace 1 / N by its mean on the line that was drawn. There z has probability in proportion to
N(z) m(z), so that mean is X = sum of m(z) over N(z) >= 1, by sum of N(z) m(z): P(union | line) / sum_k P(H_k | line).
It keeps the mean; as 1 <= N <= m where it is drawn, 1/m <= X <= 1; and by Jensen's inequality its mean square is not
larger. The mean of N - 1 is sum of m(z) N(z) (N(z) - 1) / S: twice the sum of the measures of all pairs, by S.

Nothing here needs the sets to be finite: sums over z become integrals, and the half-spaces of a Gaussian are one case.
"""

from fractions import Fraction

from nctheory.domains import Domain, Interval, Positive, Range
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {
    "num_classes": (1, 2),
    "num_events": (1, 3),
    "num_sets": lambda num_classes, num_events: (num_classes * num_events, num_classes * num_events),
    "num_lines": (1, 2),
    "num_points": lambda num_lines: (2 * num_lines, 2 * num_lines),
}
INSIDE = Interval(("num_sets", "num_points"), Fraction(-1), Fraction(1))
DOMAIN = Domain(SIZES, masses=Positive(("num_classes", "num_points")), inside=INSIDE)
ONE_CLASS = Domain({**SIZES, "num_classes": (1, 1)}, masses=Positive(("num_classes", "num_points")), inside=INSIDE)


@theorem(
    title="The estimator that samples at least one event",
    statement="Draw one of the sets on which the decoder errs in proportion to their probabilities p_ck, whose sum is "
    "S, and a point of it. S times the mean of 1/N, N the number of the class's sets that hold the point, is the error "
    "probability; so is S times that of X = P(union | line) / sum_k P(H_k | line), for any split into lines; "
    "1/m <= X <= 1 for m sets, E[X^2] <= E[1/N^2], and E[N - 1] is 2 sum_(j<k) P(H_j and H_k) / S.",
    latex=r"P = S\,\mathbb E\Bigl[\frac1N\Bigr] = S\,\mathbb E[X],\quad S = \sum_{c,k} p_{ck},\quad"
    r" X = \frac{\Pr(\bigcup_k H_{ck} \mid v)}{\sum_k \Pr(H_{ck} \mid v)} \in \Bigl[\frac1m, 1\Bigr],\quad"
    r" \mathbb E[N - 1] = \frac{2 S_2}{S}",
    reference="owen2019; proof in the docstring of this file",
    standing="proved",
    remarks="For equal class probabilities, S is the sum of all Q(t_ck) over K. Executed for finite measures, where "
    "every draw is enumerated: point i of class c is in set k where inside[c m + k][i] is positive, and line l is "
    "points 2l and 2l + 1.",
    domain=DOMAIN,
    sharp={
        "num_classes": 1,
        "num_events": 2,
        "num_sets": 2,
        "num_lines": 1,
        "num_points": 2,
        "masses": ((Fraction(1, 3), Fraction(2, 3)),),
        "inside": ((1, 1), (-1, 1)),
    },
)
def union_estimator(num_classes, num_events, num_lines, num_points, masses, inside):
    """The largest of the three differences, without their signs, and of how far the three bounds are exceeded."""
    classes = range(num_classes)
    events = range(num_events)
    points = range(num_points)
    counts = [[sum(1 for k in events if inside[c * num_events + k][i] > 0) for i in points] for c in classes]
    tails = [[sum(masses[c][i] for i in points if inside[c * num_events + k][i] > 0) for k in events] for c in classes]
    sums = [sum(tails[c]) for c in classes]
    total = sum(sums)
    union = sum(masses[c][i] for c in classes for i in points if counts[c][i] > 0)
    draws = [
        (
            sums[c] / total * (tails[c][k] / sums[c]) * (masses[c][i] / tails[c][k]),
            counts[c][i],
            sum(masses[c][j] for j in (2 * line, 2 * line + 1) if counts[c][j] > 0)
            / sum(masses[c][j] * counts[c][j] for j in (2 * line, 2 * line + 1)),
        )
        for c in classes
        for k in events
        for line in range(num_lines)
        for i in (2 * line, 2 * line + 1)
        if inside[c * num_events + k][i] > 0
    ]
    pairs = sum(masses[c][i] * counts[c][i] * (counts[c][i] - 1) for c in classes for i in points) / 2
    outside = [max(value - 1, 1 / num_events - value) for _, _, value in draws]
    return max(
        abs(total * sum(chance / count for chance, count, _ in draws) - union),
        abs(total * sum(chance * value for chance, _, value in draws) - union),
        abs(total * sum(chance * (count - 1) for chance, count, _ in draws) - 2 * pairs),
        sum(chance * (value**2 - 1 / count**2) for chance, count, value in draws),
        sum(max(0, excess) for excess in outside),
    )


def off_for_uniform_classes(num_classes, num_events, num_points, masses, inside):
    """How far the mean over classes of S E[1/N | class] is off the measure of the unions."""
    classes = range(num_classes)
    events = range(num_events)
    points = range(num_points)
    counts = [[sum(1 for k in events if inside[c * num_events + k][i] > 0) for i in points] for c in classes]
    sums = [sum(masses[c][i] * counts[c][i] for i in points) for c in classes]
    unions = [sum(masses[c][i] for i in points if counts[c][i] > 0) for c in classes]
    return abs(sum(sums) * sum(unions[c] / sums[c] for c in classes if sums[c] > 0) / num_classes - sum(unions))


union_estimator.false_neighbor(
    "uniform_class",
    "The class may be drawn uniformly: S times the mean of 1/N stays the error probability.",
    margin=off_for_uniform_classes,
    domain=Domain({**SIZES, "num_classes": (2, 2)}, masses=Positive(("num_classes", "num_points")), inside=INSIDE),
)


def off_for_uniform_sets(num_events, num_points, masses, inside):
    """How far S times the mean over sets of E[1/N | set] is off the measure of the union."""
    events = range(num_events)
    points = range(num_points)
    counts = [sum(1 for k in events if inside[k][i] > 0) for i in points]
    tails = [sum(masses[0][i] for i in points if inside[k][i] > 0) for k in events]
    means = [
        sum(masses[0][i] / tails[k] / counts[i] for i in points if inside[k][i] > 0) for k in events if tails[k] > 0
    ]
    union = sum(masses[0][i] for i in points if counts[i] > 0)
    return abs(sum(tails) * sum(means) / num_events - union)


union_estimator.false_neighbor(
    "uniform_set",
    "The set may be drawn uniformly: S times the mean of 1/N stays the error probability.",
    margin=off_for_uniform_sets,
    domain=ONE_CLASS,
)


def off_without_conditioning(num_events, num_points, masses, inside):
    """How far S E[1/N] is off for a point drawn from the whole measure, the drawn set counted in any case."""
    events = range(num_events)
    points = range(num_points)
    counts = [sum(1 for k in events if inside[k][i] > 0) for i in points]
    tails = [sum(masses[0][i] for i in points if inside[k][i] > 0) for k in events]
    means = [
        sum(masses[0][i] / (counts[i] if inside[k][i] > 0 else counts[i] + 1) for i in points) / sum(masses[0])
        for k in events
    ]
    union = sum(masses[0][i] for i in points if counts[i] > 0)
    return abs(sum(tails[k] * means[k] for k in events) - union)


union_estimator.false_neighbor(
    "unconditioned_point",
    "The point need not be conditioned on the drawn set, as long as that set is counted in N.",
    margin=off_without_conditioning,
    domain=ONE_CLASS,
)


def off_for_mean_count(num_events, num_points, masses, inside):
    """How far S / E[N] is below the measure of the union."""
    events = range(num_events)
    points = range(num_points)
    counts = [sum(1 for k in events if inside[k][i] > 0) for i in points]
    total = sum(masses[0][i] * counts[i] for i in points)
    squares = sum(masses[0][i] * counts[i] ** 2 for i in points)
    union = sum(masses[0][i] for i in points if counts[i] > 0)
    return union - (total**2 / squares if total > 0 else 0)


union_estimator.false_neighbor(
    "mean_count",
    "Averages of N do as well as those of 1/N: the error probability is at most S / E[N].",
    margin=off_for_mean_count,
    domain=ONE_CLASS,
)
