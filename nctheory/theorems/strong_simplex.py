"""The strong simplex conjecture, which is false: average energy instead of equal energy.

Two antipodal signals of norm sqrt(K/2) and K - 2 at 0 have mean squared norm 1, and are right with probability
(4 Phi(sqrt(K/2) / (2 sigma)) - 1) / K. With much noise, K points on a line are right with probability about
(1 + R phi(0) / sigma) / K, R the distance of the outermost; the energy allows R = sqrt(2K). The simplex has
(1 + sqrt(K/(K-1)) m_K / sigma) / K, m_K the mean of the maximum of K standard normals. The line wins from K = 7 on.

An equilateral triangle of norm sqrt(K/3) and K - 3 at 0 have mean squared norm 1, too. A decoder that never answers
with one of the latter is right with probability 3/K times that of the triangle, which is the unit triangle in noise
sigma / sqrt(K/3). With much noise that is about 3/K (1 + sqrt(3/2) m_3 sqrt(K/3) / sigma) / 3, which is
(1 + sqrt(K/2) m_3 / sigma) / K. The simplex has less where m_K < sqrt((K-1)/2) m_3; for K = 4, 5, 6 these numbers are
1.0294 < 1.0365, 1.1630 < 1.1968, 1.2672 < 1.3381.
"""

from fractions import Fraction

from nctheory.domains import AverageEnergy, Domain, Interval
from nctheory.gaussian import line_correct, simplex_error, sqrt
from nctheory.theorems.registry import theorem


@theorem(
    title="Strong simplex conjecture",
    statement="K equally likely signals whose squared norms are at most 1 on average are right with at most the "
    "probability of the unit simplex, at every noise level.",
    latex=r"\tfrac1K\sum_i\|\mu_i\|^2 \le 1 \implies P_{\mathrm{correct}} \le \int \varphi(x)\,"
    r"\Phi\bigl(x + \sqrt{\tfrac{K}{K-1}}\,\tfrac1\sigma\bigr)^{K-1}dx",
    reference="steiner1994; lazich2012; proof in the docstring of this file",
    standing="refuted",
    remarks="Steiner's counterexample: two antipodal signals and the others at 0, from K = 7 on, when noise is large. "
    "With a triangle and zeros, in the plane, it works from K = 4 on, which is the false neighbor. For small noise "
    "nothing beats the exponent of the simplex. Executed for points on a line, with nearest mean.",
    domain=Domain(
        {"num_classes": (6, 10)},
        points=AverageEnergy(("num_classes", 1)),
        noise=Interval((), Fraction(1), Fraction(100)),
    ),
    # nothing is sharp: the claim is false, and where its margin is 0 no rational input is known
)
def strong_simplex(num_classes, points, noise):
    """The probability that points on a line are right, less that of the simplex."""
    return line_correct([x[0] for x in points], noise) - 1 + simplex_error(num_classes, noise)


def triangle_above_simplex(num_classes, noise):
    """The probability that a triangle with K - 3 zeros is right, never answering with these, less the simplex'."""
    triangle = 1 - simplex_error(3, noise / sqrt(num_classes / 3))
    return 3 * triangle / num_classes - 1 + simplex_error(num_classes, noise)


strong_simplex.false_neighbor(
    "up_to_six",
    "For K from 4 to 6, a triangle of norm sqrt(K/3) with K - 3 signals at 0, which have mean squared norm 1, is right "
    "with at most the probability of the unit simplex.",
    margin=triangle_above_simplex,
    domain=Domain({"num_classes": (4, 6)}, noise=Interval((), Fraction(1), Fraction(100))),
)
