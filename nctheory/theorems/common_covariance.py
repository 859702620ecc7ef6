"""Noise of a common covariance: the optimum under norms at most 1 is set by its smallest variance.

Proof. Nearest mean in the metric of the inverse covariance is the best linear decoder (transform the features, then
`best_decoder`), of exponent min (mu_i - mu_j)' S^-1 (mu_i - mu_j) / 8 <= min |mu_i - mu_j|^2 / (8 min s), and
min |mu_i - mu_j|^2 <= 2K / (K-1) (`optimal_exponent`). A simplex in the space of the smallest variance attains this.

False neighbor `rotated_simplex`: K = 3, d = 2, variances 1 and s <= 1. A unit triangle has sides of squared length 3 in
directions 60 degrees apart, and a side at an angle t to the first axis has 3 (cos^2 t + sin^2 t / s) = 3 (1 +
(1/s - 1) sin^2 t). Of three lines 60 degrees apart one is within 30 degrees of the first axis, and 30, 90 and 150 are
such lines; so the best rotation has the smallest side 3 (1 + (1/s - 1) / 4) = 3 (3/4 + 1/(4s)).
"""

from fractions import Fraction
from itertools import combinations

from nctheory.domains import Ball, Domain, Interval, Positive, Range
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (2, 4), "dimension": (1, 3)}
POINTS = ("num_classes", "dimension")


@theorem(
    title="Common covariance",
    statement="For Gaussian noise of covariance diag(s) and class means of norm at most 1 the exponent of the best "
    "linear decoder is at most K / (4 (K - 1) min s).",
    latex=r"\tfrac18\min_{i<j}(\mu_i-\mu_j)^\top\Sigma^{-1}(\mu_i-\mu_j) \le \frac{K}{4(K-1)\lambda_{\min}(\Sigma)}",
    reference="proof in the docstring of this file",
    standing="proved",
    domain=Domain(SIZES, means=Ball(POINTS), variances=Positive(("dimension",))),
    sharp={"num_classes": 2, "dimension": 2, "means": ((1, 0), (-1, 0)), "variances": (1, 2)},
)
def common_covariance(means, variances, num_classes, dimension):
    """The exponent times 8 min s, less 2K / (K - 1)."""
    squares = [sum((x[k] - y[k]) ** 2 / variances[k] for k in range(dimension)) for x, y in combinations(means, 2)]
    return min(variances) * min(squares) - 2 * num_classes / (num_classes - 1)


def over_the_largest_variance(means, variances, num_classes, dimension):
    """The exponent times 8 max s, less 2K / (K - 1); at most 1."""
    squares = [sum((x[k] - y[k]) ** 2 / variances[k] for k in range(dimension)) for x, y in combinations(means, 2)]
    return min(1, max(variances) * min(squares) - 2 * num_classes / (num_classes - 1))


def better_than_the_triangle(means, variance):
    """The exponent times 8 s, less that of the best rotated triangle, 3 (3s + 1) / 4."""
    squares = [variance * (x[0] - y[0]) ** 2 + (x[1] - y[1]) ** 2 for x, y in combinations(means, 2)]
    return min(squares) - 3 * (3 * variance + 1) / 4


common_covariance.false_neighbor(
    "largest_variance",
    "The exponent is at most K / (4 (K - 1) max s).",
    margin=over_the_largest_variance,
)
common_covariance.false_neighbor(
    "rotated_simplex",
    "Under any covariance some rotated simplex is optimal: three means of the unit disk do no better than the best "
    "rotated triangle where the variances are 1 and s <= 1.",
    margin=better_than_the_triangle,
    domain=Domain(means=Ball((3, 2)), variance=Interval((), Fraction(1, 100))),
)
