"""The error of orthogonal and of simplex signals as one integral over the line, in cases with a second formula.

Take K orthogonal signals of norm r in noise 1, and send the first. Its coordinate is x + r with x standard normal, the
others are K - 1 independent standard normals, and nearest mean is right where none of them is above: given x, with
probability Phi(x + r)^(K-1). A common shift of all signals changes no error, and the unit simplex times t is K
orthogonal signals less their mean where t^2 = (K-1)/K r^2: so in noise sigma it has r = sqrt(K/(K-1)) / sigma.

The second formulas: two antipodal points are divided by their middle; the unit simplex of three is the triangle, whose
decision regions are wedges; of +-e_1, +-e_2 each region is a quadrant, turned by 45 degrees, with both of its walls
1 / sqrt 2 away: right where two independent coordinates stay inside.
"""

from fractions import Fraction

from nctheory.domains import Domain, Positive
from nctheory.gaussian import (
    biorthogonal_error,
    normal_tail,
    orthogonal_error,
    polygon_error,
    simplex_error,
    sqrt,
)
from nctheory.theorems.registry import theorem


@theorem(
    title="The error integral of orthogonal and simplex signals",
    statement="The error of K orthogonal signals of norm r is the integral of phi(x) [1 - Phi(x + r/sigma)^(K-1)]; "
    "the unit simplex is the case r = sqrt(K/(K-1)). It agrees with antipodal signals at K = 2, with the triangle at "
    "K = 3, and its relative for 2m biorthogonal signals with the square at m = 2.",
    latex=r"P_K(\sigma) = \int \varphi(x)\Bigl[1 -"
    r"\Phi\bigl(x + \sqrt{\tfrac{K}{K-1}}\,\tfrac1\sigma\bigr)^{K-1}\Bigr]dx,"
    r"\quad P_2 = Q(1/\sigma),\quad P_3 = P_{\mathrm{triangle}}",
    reference="wozencraft1965, chapter 4; proof in the docstring of this file",
    standing="proved",
    remarks="The integral itself defines the function for every K; what is checked here is its agreement with formulas "
    "that are found in other ways.",
    domain=Domain(noise=Positive()),
    sharp={"noise": Fraction(1)},
)
def error_integral(noise):
    """The largest of the four differences, without their signs."""
    wall = normal_tail(sqrt(1 / (2 * noise * noise)))
    square = wall * (2 - wall)
    return max(
        abs(simplex_error(2, noise) - normal_tail(1 / noise)),
        abs(simplex_error(3, noise) - polygon_error(3, noise)),
        abs(biorthogonal_error(2, noise) - square),
        abs(polygon_error(4, noise) - square),
    )


CLASSES = Domain({"num_classes": (2, 6)}, noise=Positive())


def beside_unit_norm(num_classes, noise):
    """The difference of the simplex' error and that of orthogonal signals of norm 1."""
    return abs(simplex_error(num_classes, noise) - orthogonal_error(num_classes, 1 / noise))


error_integral.false_neighbor(
    "unit_norm",
    "The unit simplex has the error of as many orthogonal unit vectors in the same noise.",
    margin=beside_unit_norm,
    domain=CLASSES,
)


def beside_inverse_factor(num_classes, noise):
    """The difference of the simplex' error and that of orthogonal signals of norm sqrt((K-1)/K)."""
    norm = sqrt((num_classes - 1) / num_classes)
    return abs(simplex_error(num_classes, noise) - orthogonal_error(num_classes, norm / noise))


error_integral.false_neighbor(
    "inverse_factor",
    "The unit simplex has the error of as many orthogonal signals of norm sqrt((K-1)/K).",
    margin=beside_inverse_factor,
    domain=CLASSES,
)


def beside_orthogonal(half, noise):
    """The difference of the error of m antipodal pairs and that of 2m orthogonal unit vectors."""
    return abs(biorthogonal_error(half, noise) - orthogonal_error(2 * half, 1 / noise))


error_integral.false_neighbor(
    "antipodes_do_not_matter",
    "Biorthogonal unit signals have the error of as many orthogonal unit signals.",
    margin=beside_orthogonal,
    domain=Domain({"half": (1, 3)}, noise=Positive()),
)
