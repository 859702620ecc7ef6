"""The strong simplex conjecture, which is false: average energy instead of equal energy.

Two antipodal signals of norm sqrt(K/2) and K - 2 at 0 have mean squared norm 1, and are right with probability
(4 Phi(sqrt(K/2) / (2 sigma)) - 1) / K. With much noise, K points on a line are right with probability about
(1 + R phi(0) / sigma) / K, R the distance of the outermost; the energy allows R = sqrt(2K). The simplex has
(1 + sqrt(K/(K-1)) m_K / sigma) / K, m_K the mean of the maximum of K standard normals. The line wins from K = 7 on.
"""

from fractions import Fraction

from nctheory.domains import AverageEnergy, Domain, Interval
from nctheory.gaussian import line_correct, simplex_error
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
    "With a triangle and zeros, in the plane, it works from K = 4 on. For small noise nothing beats the exponent of "
    "the simplex. Executed for points on a line, with nearest mean.",
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
