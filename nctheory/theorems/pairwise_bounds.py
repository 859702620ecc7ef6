"""What the probabilities of sets and of their pairs say about a union: the bounds for any code and any decoder.

Write N for the number of sets that hold a point, p_j and p_jk for the measures of sets and pairs, p_jj = p_j.

* Bonferroni: where N >= 1, N - N (N - 1) / 2 = 1 - (N - 1) (N - 2) / 2 <= 1, and it is 0 where N = 0.
* Hunter: the sets that hold a point are N vertices of the tree, with at most N - 1 of its edges among them, so
  N less those edges is at least 1 where N >= 1.
* de Caen: the union is sum_j E[1_j / N], and E[1_j / N] E[1_j N] >= p_j^2 by Cauchy's inequality; E[1_j N] is the sum
  of p_jk over k.
* Chung and Erdos: sum_j p_j^2 / b_j >= (sum_j p_j)^2 / sum_j b_j, by Cauchy's inequality again.

The decoder errs on such a union for each class: its sets are half-spaces, for which p_j = Q(t_j), and p_jk is a
bivariate normal probability. The mean over the classes is a bound on the error probability.
"""

from fractions import Fraction
from itertools import combinations, permutations

from nctheory.domains import Domain, Interval, Positive, Range
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_events": (1, 4), "num_points": (1, 4)}
INSIDE = Interval(("num_events", "num_points"), Fraction(-1), Fraction(1))


@theorem(
    title="Bounds on a union from pairs",
    statement="Sets of measures p_j with pairs of measures p_jk have a union between sum p_j - sum_(j<k) p_jk and "
    "sum p_j less the p_jk along any tree; it is at least sum_j p_j^2 / sum_k p_jk, which is at least (sum p_j)^2 / "
    "sum_jk p_jk.",
    latex=r"\sum_j p_j - \sum_{j<k} p_{jk} \le \Pr\Bigl(\bigcup_j H_j\Bigr) \le \sum_j p_j - \sum_{jk \in T} p_{jk},"
    r"\qquad \frac{\bigl(\sum_j p_j\bigr)^2}{\sum_{j,k} p_{jk}} \le \sum_j \frac{p_j^2}{\sum_k p_{jk}} \le"
    r" \Pr\Bigl(\bigcup_j H_j\Bigr)",
    reference="hunter1976; decaen1997; chung1952; proof in the docstring of this file",
    standing="proved",
    remarks="Executed for up to four sets of a finite measure: point i is in set k where inside[k][i] is positive. "
    "Every tree on four vertices is a path or a star.",
    domain=Domain(SIZES, masses=Positive(("num_points",)), inside=INSIDE),
    sharp={
        "num_events": 2,
        "num_points": 2,
        "masses": (Fraction(1, 3), Fraction(2, 3)),
        "inside": ((1, 1), (-1, 1)),
    },
)
def pairwise_bounds(num_events, num_points, masses, inside):
    """How far the union is outside of the bounds, or one lower bound above the better one."""
    events = range(num_events)
    points = range(num_points)
    both = [[sum(masses[i] for i in points if min(inside[j][i], inside[k][i]) > 0) for k in events] for j in events]
    union = sum(masses[i] for i in points if any(inside[k][i] > 0 for k in events))
    total = sum(both[k][k] for k in events)
    pairs = sum(both[j][k] for j, k in combinations(events, 2))
    paths = [sum(both[p[k]][p[k + 1]] for k in range(num_events - 1)) for p in permutations(events, num_events)]
    stars = [sum(both[k]) - both[k][k] for k in events]
    de_caen = sum(both[k][k] ** 2 / sum(both[k]) for k in events if both[k][k] > 0)
    chung_erdos = total**2 / (total + 2 * pairs) if total > 0 else 0
    return max(total - pairs - union, union - total + max(paths + stars), de_caen - union, chung_erdos - de_caen)


def above_a_cycle(num_events, num_points, masses, inside):
    """The union less the sum of the measures less the pairs of neighbors along a cycle."""
    points = range(num_points)
    total = sum(masses[i] for k in range(num_events) for i in points if inside[k][i] > 0)
    cycle = sum(masses[i] for k in range(num_events) for i in points if min(inside[k][i], inside[k - 1][i]) > 0)
    union = sum(masses[i] for i in points if any(inside[k][i] > 0 for k in range(num_events)))
    return union - total + cycle


pairwise_bounds.false_neighbor(
    "cycle",
    "In the upper bound, the pairs along a cycle can be subtracted too.",
    margin=above_a_cycle,
    domain=Domain({"num_events": (3, 4), "num_points": (1, 4)}, masses=Positive(("num_points",)), inside=INSIDE),
)


def half_of_the_pairs_above(num_events, num_points, masses, inside):
    """The sum of the measures less half of the pairs, less the union."""
    points = range(num_points)
    counts = [sum(1 for k in range(num_events) if inside[k][i] > 0) for i in points]
    return sum(masses[i] * (counts[i] - counts[i] * (counts[i] - 1) / 4) for i in points if counts[i] > 0) - sum(
        masses[i] for i in points if counts[i] > 0
    )


pairwise_bounds.false_neighbor(
    "half_of_the_pairs",
    "In the lower bound, half of the pairs are enough to subtract.",
    margin=half_of_the_pairs_above,
)


def de_caen_of_other_sets(num_events, num_points, masses, inside):
    """The sum of p_j^2 over p_jk summed over k other than j, less the union."""
    events = range(num_events)
    points = range(num_points)
    both = [[sum(masses[i] for i in points if min(inside[j][i], inside[k][i]) > 0) for k in events] for j in events]
    union = sum(masses[i] for i in points if any(inside[k][i] > 0 for k in events))
    others = [sum(both[k]) - both[k][k] for k in events]
    return sum(both[k][k] ** 2 / others[k] for k in events if others[k] > 0) - union


pairwise_bounds.false_neighbor(
    "other_sets_only",
    "In de Caen's bound, the sum under p_j^2 may leave out k = j.",
    margin=de_caen_of_other_sets,
)
