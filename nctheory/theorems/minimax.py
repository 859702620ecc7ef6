"""Of all signals in the unit ball with any decoder, the simplex has the smallest error of the worst class.

The largest of the K conditional errors is at least their mean, which is at least the error of the simplex by the weak
simplex conjecture (see bounded_simplex); and all conditional errors of the simplex with nearest mean are the same.
"""

from fractions import Fraction

from nctheory.domains import Domain, Increasing, Interval, Positive
from nctheory.gaussian import normal_cdf, normal_tail, simplex_error
from nctheory.theorems.registry import theorem


@theorem(
    title="Minimax property of the simplex",
    statement="Of K signals of norm at most 1, with any decoder, some class is mistaken with at least the probability "
    "with which the unit simplex mistakes each of its classes.",
    latex=r"\|\mu_i\| \le 1 \implies \max_c \Pr(\mathrm{err} \mid c) \ge P_{\mathrm{simplex}}(K, \sigma)",
    reference="arXiv 2607.14087 for signals of norm 1; proof from that in the docstring of this file",
    standing="proved",
    remarks="Proved as far as the weak simplex conjecture (weak_simplex) is: by a preprint of 2026 that has not been "
    "rebuilt here. Executed on a line, for classes at any points of [-1, 1], in any order, that are decided by any "
    "increasing thresholds.",
    domain=Domain(
        {"num_classes": (2, 5), "num_thresholds": lambda num_classes: (num_classes - 1, num_classes - 1)},
        points=Interval(("num_classes",), Fraction(-1), Fraction(1)),
        thresholds=Increasing(("num_thresholds",)),
        noise=Positive(),
    ),
    sharp={"num_classes": 2, "num_thresholds": 1, "points": (-1, 1), "thresholds": (0,), "noise": Fraction(1)},
)
def minimax(num_classes, points, thresholds, noise):
    """The error of the simplex less the largest error of a class."""
    below = [0] + [normal_cdf((thresholds[c - 1] - points[c]) / noise) for c in range(1, num_classes)]
    above = [normal_tail((thresholds[c] - points[c]) / noise) for c in range(num_classes - 1)] + [0]
    return simplex_error(num_classes, noise) - max(below[c] + above[c] for c in range(num_classes))


def above_best_class(num_classes, points, thresholds, noise):
    """The error of the simplex less the smallest error of a class."""
    below = [0] + [normal_cdf((thresholds[c - 1] - points[c]) / noise) for c in range(1, num_classes)]
    above = [normal_tail((thresholds[c] - points[c]) / noise) for c in range(num_classes - 1)] + [0]
    return simplex_error(num_classes, noise) - min(below[c] + above[c] for c in range(num_classes))


minimax.false_neighbor(
    "best_class",
    "The simplex also has the smallest error of the best class.",
    margin=above_best_class,
)


def above_mean_of_extremes(num_classes, points, thresholds, noise):
    """The error of the simplex less the mean of the smallest and the largest error of a class."""
    below = [0] + [normal_cdf((thresholds[c - 1] - points[c]) / noise) for c in range(1, num_classes)]
    above = [normal_tail((thresholds[c] - points[c]) / noise) for c in range(num_classes - 1)] + [0]
    errors = [below[c] + above[c] for c in range(num_classes)]
    return simplex_error(num_classes, noise) - (min(errors) + max(errors)) / 2


minimax.false_neighbor(
    "mean_of_extremes",
    "Already the mean of the smallest and the largest error of a class is at least that of the simplex, K >= 3.",
    margin=above_mean_of_extremes,
    domain=Domain(
        {"num_classes": (3, 5), "num_thresholds": lambda num_classes: (num_classes - 1, num_classes - 1)},
        points=Interval(("num_classes",), Fraction(-1), Fraction(1)),
        thresholds=Increasing(("num_thresholds",)),
        noise=Positive(),
    ),
)
