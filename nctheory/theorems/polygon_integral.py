"""The error of the regular polygon: one integral over a finite range, and what the two neighbors alone say.

Send e_1 of the K unit vectors at angles 2 pi k / K. Its region is the wedge of half-angle alpha = pi/K around it, whose
two walls are at distance sin(alpha) from it, x = sin(alpha) / sigma standard deviations. Write the noise in polar
coordinates around e_1: along the direction that includes the angle t with a wall, 0 < t < pi - alpha (beyond that the
ray never meets it before it meets the other wall), the wall is sin(alpha) / sin(t) away, and the radius exceeds that
with probability exp(-sin(alpha)^2 / (2 sigma^2 sin(t)^2)). By symmetry the two walls count alike: the mean over all
directions is 1/pi times the integral over 0 < t < pi - alpha.

Outside of the wedge means beyond one of its walls: the error is the union of two half-planes, nearer to one of the two
neighbors than to e_1, and the other signals decide nothing. For K >= 3 the outward normals of the walls have the inner
product -cos(2 pi/K), so that P = 2 Q(x) - P(both), where both is that two standard normals of this correlation are
above x. This is an independent formula wherever the cosine is known: K = 3, 4, 5, 6. Here cos(2 pi/5) = (sqrt 5 - 1)/4
and sin(alpha)^2 = (1 - cos(2 alpha)) / 2. A larger K has a narrower wedge. Q(x) and 2 Q(x) are the bounds of one and
of two half-planes; 2 Q(x) is the integral up to pi.
"""

from fractions import Fraction

from nctheory.domains import Domain, Positive
from nctheory.gaussian import bivariate_cdf, normal_tail, polygon_error, sqrt
from nctheory.theorems.registry import theorem

DOMAIN = Domain({"num_classes": (3, 6)}, noise=Positive())


@theorem(
    title="The error integral of the regular polygon",
    statement="The error of the K unit vectors of the regular polygon is 1/pi times the integral over 0 < t < pi - "
    "pi/K of exp(-sin(pi/K)^2 / (2 sigma^2 sin(t)^2)). With x = sin(pi/K)/sigma and K >= 3 it is 2 Q(x) less the "
    "probability that two standard normals of correlation -cos(2 pi/K) are both above x; so it is between Q(x) and "
    "2 Q(x), and it grows with K.",
    latex=r"P = \frac1\pi \int_0^{\pi - \pi/K} \exp\Bigl(-\frac{\sin^2(\pi/K)}{2\sigma^2 \sin^2 t}\Bigr) dt"
    r" = 2 Q(x) - \Pr(X > x, Y > x),\quad x = \frac{\sin(\pi/K)}{\sigma},\quad"
    r" \operatorname{corr}(X, Y) = -\cos\frac{2\pi}{K}",
    reference="craig1991; proof in the docstring of this file",
    standing="proved",
    remarks="The integral itself defines the function for every K; what is checked here is its agreement with the "
    "bivariate normal for K = 3, 4, 5, 6, whose cosines are known, and the bounds.",
    domain=DOMAIN,
    sharp={"num_classes": 4, "noise": Fraction(1)},
)
def polygon_integral(num_classes, noise):
    """The difference of the two formulas, without its sign, and how far the error is outside of its bounds."""
    cosine = (-1 / 2, 0, (sqrt(5) - 1) / 4, 1 / 2)[num_classes - 3]
    wall = sqrt((1 - cosine) / 2) / noise
    two = 2 * normal_tail(wall) - bivariate_cdf(-wall, -cosine)
    error = polygon_error(num_classes, noise)
    return max(
        abs(error - two),
        normal_tail(wall) - error,
        error - 2 * normal_tail(wall),
        error - polygon_error(num_classes + 1, noise),
    )


def below_two_tails(num_classes, noise):
    """Two tails less the error."""
    cosine = (-1 / 2, 0, (sqrt(5) - 1) / 4, 1 / 2)[num_classes - 3]
    return 2 * normal_tail(sqrt((1 - cosine) / 2) / noise) - polygon_error(num_classes, noise)


polygon_integral.false_neighbor(
    "up_to_pi",
    "The integral may go up to pi: the error of the polygon is 2 Q(x).",
    margin=below_two_tails,
)


def above_one_tail(num_classes, noise):
    """The error less one tail."""
    cosine = (-1 / 2, 0, (sqrt(5) - 1) / 4, 1 / 2)[num_classes - 3]
    return polygon_error(num_classes, noise) - normal_tail(sqrt((1 - cosine) / 2) / noise)


polygon_integral.false_neighbor(
    "half_of_the_range",
    "The integral up to pi/2 is enough: the error of the polygon is Q(x).",
    margin=above_one_tail,
)


def beside_independent_neighbors(num_classes, noise):
    """How far the error is off the union of two independent events of probability Q(x)."""
    cosine = (-1 / 2, 0, (sqrt(5) - 1) / 4, 1 / 2)[num_classes - 3]
    single = normal_tail(sqrt((1 - cosine) / 2) / noise)
    return abs(polygon_error(num_classes, noise) - single * (2 - single))


polygon_integral.false_neighbor(
    "independent_neighbors",
    "The two neighbors act as if independent for every K, as for the square.",
    margin=beside_independent_neighbors,
)
