"""The maximum of correlated normals stays below a level at least as often as that of independent ones.

For m = 2, R - J/2 has the diagonal 1/2 and the entry r - 1/2 beside it, so it is positive semidefinite exactly where
|r - 1/2| <= 1/2, that is 0 <= r <= 1: Slepian's condition. His inequality: P(X <= c, Y <= c) increases with
the correlation, as its derivative is the density at (c, c); at r = 0 it is Phi(c)^2. It extends to any m: all
correlations at least 0 suffice, as for the m = K - 1 rivals of a simplex signal, with correlations 1/2, where the
probability is the integral of phi(x) Phi(x + sqrt 2 c)^m: one minus the error of m + 1 orthogonal signals of norm
sqrt 2 c.
"""

from fractions import Fraction

from nctheory.domains import Domain, Free, Interval, Range
from nctheory.gaussian import bivariate_cdf, exp, log, normal_cdf, orthogonal_error, sqrt
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_rivals": (2, 6)}


@theorem(
    title="Slepian's product bound",
    statement="Two standard normals whose correlation matrix R has R - J/2 positive semidefinite, that is whose "
    "correlation is not negative, are both at most c with probability at least Phi(c)^2; m of them with all "
    "correlations 1/2, as the rivals of a simplex signal, with probability at least Phi(c)^m.",
    latex=r"R - \tfrac12 J \succeq 0 \iff 0 \le \rho \le 1 \implies \Pr(\max(X_1, X_2) \le c) \ge \Phi(c)^2",
    reference="slepian1962; proof in the docstring of this file",
    standing="proved",
    remarks="J is the matrix of ones. For m = 2 the condition on R - J/m and that of no negative correlation are the "
    "same; for m >= 3 the first is another one, and only the case of equal correlations 1/2, which has both, is stated "
    "here. For m normals it is executed at |c|: the error of orthogonal signals has a norm that is not negative.",
    domain=Domain(SIZES, threshold=Free(), correlation=Interval()),
    sharp={"num_rivals": 2, "threshold": Fraction(0), "correlation": Fraction(0)},
)
def slepian_product(num_rivals, threshold, correlation):
    """How far one of the probabilities is below the product."""
    single = normal_cdf(threshold)
    product = exp(num_rivals * log(normal_cdf(abs(threshold))))
    rivals = 1 - orthogonal_error(num_rivals + 1, sqrt(2 * threshold * threshold))
    return max(single * single - bivariate_cdf(threshold, correlation), product - rivals)


def two_below_product(threshold, correlation):
    """The product less the probability for two."""
    single = normal_cdf(threshold)
    return single * single - bivariate_cdf(threshold, correlation)


slepian_product.false_neighbor(
    "every_correlation",
    "For every correlation matrix the probability is at least the product.",
    margin=two_below_product,
    domain=Domain(threshold=Free(), correlation=Interval((), Fraction(-1), Fraction(1))),
)
slepian_product.false_neighbor(
    "half_the_shift",
    "It is enough that R - J/4 is positive semidefinite, that is a correlation of at least -1/2.",
    margin=two_below_product,
    domain=Domain(threshold=Free(), correlation=Interval((), Fraction(-1, 2), Fraction(1))),
)


def rivals_above_product(num_rivals, threshold):
    """The probability that m normals of correlation 1/2 are at most |c|, less the product."""
    product = exp(num_rivals * log(normal_cdf(abs(threshold))))
    return 1 - orthogonal_error(num_rivals + 1, sqrt(2 * threshold * threshold)) - product


slepian_product.false_neighbor(
    "rivals_are_independent",
    "Rivals with all correlations 1/2 act as if independent: m of them are all at most c >= 0 with probability at most "
    "Phi(c)^m.",
    margin=rivals_above_product,
)
