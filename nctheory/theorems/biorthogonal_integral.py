"""The error of m orthogonal pairs of antipodal signals: an integral, its closed cases, and bounds from pairs of rivals.

Send e_1 of +-e_1, ..., +-e_m in noise sigma. Nearest mean is right where the first coordinate y is positive and no
other one is as large, |y_j| < y. In units of sigma, y is normal around 1/sigma: an error is y < 0, with probability
Q(1/sigma), or y > 0 and some of the m - 1 other coordinates beyond +-y, with probability 1 - (2 Phi(y) - 1)^(m-1).

The second formulas. For m = 1 there are two antipodal signals at distance 2. For m >= 2 the antipode decides nothing:
where y < 0, e_2 or -e_2 is nearer than e_1 too. So the error is the union of 2m - 2 half-spaces at distance
1 / sqrt 2, Q with x = 1 / (sqrt 2 sigma) each. The walls of e_j and -e_j are orthogonal, so that both are passed with
probability Q^2; those of all other pairs of rivals include 60 degrees, which gives Q2, the bivariate tail at
correlation 1/2: 2 (m-1) (m-2) of the pairs. Bonferroni subtracts all pairs. Hunter subtracts those along a tree, which
for m >= 3 can be made of pairs with Q2 alone, 2m - 3 of them. For m = 2 both subtract Q^2 and are exact.

Comparisons. With one more pair of signals the region of e_1 shrinks. Shannon's cone bound holds for all unit vectors.
For equal norms and priors, P_correct = exp(-1/(2 sigma^2)) E[exp(max_i g_i)] / K, g_i jointly normal with the inner
products of the signals, over sigma^2, as covariances; by Slepian's inequality the maximum grows when covariances of
different g_i fall, here from 0 to -1/sigma^2 within the pairs. So 2m orthogonal signals have at least this error.
"""

from fractions import Fraction

from nctheory.domains import Domain, Positive
from nctheory.gaussian import biorthogonal_error, bivariate_tail, cone_error, normal_tail, orthogonal_error, sqrt
from nctheory.theorems.registry import theorem

PAIRS = Domain({"half": (3, 5)}, noise=Positive())


@theorem(
    title="The error integral of biorthogonal signals",
    statement="The error of +-e_1, ..., +-e_m is Q(1/sigma) plus the integral over y > 0 of phi(y - 1/sigma) [1 - "
    "(2 Phi(y) - 1)^(m-1)]: for m = 1 Q(1/sigma), and with x = 1/(sqrt 2 sigma) for m = 2 1 - (1 - Q(x))^2. For m >= 3 "
    "it is between 2(m-1) Q - (m-1) Q^2 - 2(m-1)(m-2) Q2 and 2(m-1) Q - (2m-3) Q2, Q2 the probability that two "
    "standard normals of correlation 1/2 are above x. It grows with m, is not below the cone bound, and not above the "
    "error of 2m orthogonal unit vectors.",
    latex=r"P = Q\bigl(\tfrac1\sigma\bigr) + \int_0^\infty \varphi\bigl(y - \tfrac1\sigma\bigr)"
    r"\bigl[1 - (2\Phi(y) - 1)^{m-1}\bigr]dy,\quad 2(m-1) Q - (m-1) Q^2 - 2(m-1)(m-2) Q_2 \le P \le"
    r" 2(m-1) Q - (2m-3) Q_2,\quad Q = Q\bigl(\tfrac{1}{\sqrt2\,\sigma}\bigr)",
    reference="wozencraft1965, chapter 4; hunter1976; slepian1962; proof in the docstring of this file",
    standing="proved",
    remarks="The integral itself defines the function for every m; what is checked here is its agreement with closed "
    "formulas, bounds and other signals.",
    domain=Domain({"half": (2, 5)}, noise=Positive()),
    sharp={"half": 2, "noise": Fraction(1)},
)
def biorthogonal_integral(half, noise):
    """How far the error is outside of its bounds, or off its formulas for m = 1 and m = 2."""
    single = normal_tail(sqrt(1 / (2 * noise * noise)))
    both = bivariate_tail(sqrt(1 / (2 * noise * noise)))
    error = biorthogonal_error(half, noise)
    union = 2 * (half - 1) * single
    lower = union - (half - 1) * single * single - 2 * (half - 1) * (half - 2) * both
    upper = union - (single * single if half == 2 else (2 * half - 3) * both)
    return max(
        abs(biorthogonal_error(1, noise) - normal_tail(1 / noise)),
        lower - error,
        error - upper,
        error - biorthogonal_error(half + 1, noise),
        cone_error(2 * half, half, noise) - error,
        error - orthogonal_error(2 * half, 1 / noise),
    )


def without_the_antipode(noise):
    """The square's error less that from the integral alone."""
    single = normal_tail(sqrt(1 / (2 * noise * noise)))
    return single * (2 - single) - biorthogonal_error(2, noise) + normal_tail(1 / noise)


biorthogonal_integral.false_neighbor(
    "integral_alone",
    "The integral over y > 0 alone is the error, already for the square.",
    margin=without_the_antipode,
    domain=Domain(noise=Positive()),
)


def above_half_of_the_signals(half, noise):
    """The error less that of m orthogonal signals."""
    return biorthogonal_error(half, noise) - orthogonal_error(half, 1 / noise)


biorthogonal_integral.false_neighbor(
    "negatives_are_free",
    "The negatives cost nothing: the error is at most that of m orthogonal unit signals.",
    margin=above_half_of_the_signals,
)


def below_independent_rivals(half, noise):
    """1 - (1 - Q)^(2m-2) less the error."""
    inside = 1 - normal_tail(sqrt(1 / (2 * noise * noise)))
    return 1 - inside ** (2 * half - 2) - biorthogonal_error(half, noise)


biorthogonal_integral.false_neighbor(
    "independent_rivals",
    "For m >= 3 too, the 2m - 2 rivals act as if independent: the error is at least 1 - (1 - Q)^(2m-2).",
    margin=below_independent_rivals,
    domain=PAIRS,
)


def above_cone_bound(half, noise):
    """The error less the cone bound."""
    return biorthogonal_error(half, noise) - cone_error(2 * half, half, noise)


biorthogonal_integral.false_neighbor(
    "attains_the_cone_bound",
    "As the square does, biorthogonal signals attain the cone bound for m >= 3.",
    margin=above_cone_bound,
    domain=PAIRS,
)
