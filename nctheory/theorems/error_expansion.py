"""The corrections to the error exponent at small noise, with rigorous remainders.

K distinct points with nearest mean have P ~ N Q(x) as sigma -> 0, x = dist / (2 sigma), N the number of ordered closest
pairs over K: other pairs are exponentially rarer, and so are intersections of two error events of a class, convex sets
whose nearest point is farther away than that of either half-space. With beta = dist^2/8, x^2 = 2 beta / sigma^2.
Mills' ratio says that for every x > 0

    -1/x^2 <= log(sqrt(2 pi) x exp(x^2/2) Q(x)) <= -1/x^2 + 5/(2 x^4).

On the left: Q(x) >= phi(x) / x * x^2 / (1 + x^2), and log(1 + u) <= u, u = 1/x^2. On the right: Q(x) <= phi(x)
(x^2 + 2) / (x^3 + 3x), as the difference tends to 0 and has the derivative -6 phi(x) / (x^2 (x^2 + 3)^2). Let
w = 1/(1 + 3u), so that 1/(x^2 + 3) = uw = u - 3 u^2 w. By log(1 - y) <= -y - y^2/2 the logarithm of (x^2+2)/(x^2+3) is
at most -u + u^2 (3w - w^2/2), and 3w - w^2/2 grows up to 5/2 at w = 1.

Take -sigma^2 times that, with sigma^2 x^2/2 = beta, sigma^2 log(sqrt(2 pi) x) = -sigma^2 log sigma + sigma^2 log(2
sqrt(pi beta)), sigma^2/x^2 = sigma^4/(2 beta) and sigma^2 5/(2 x^4) = 5 sigma^6/(8 beta^2):

    E - 5 sigma^6 / (8 beta^2) <= -sigma^2 log(N Q(x)) <= E,
    E = beta - sigma^2 log sigma - sigma^2 log(N / (2 sqrt(pi beta))) + sigma^4 / (2 beta).

Where the rest is known: points on a line with equal gaps have P = N Q(x), N = 2 (K-1) / K (see small_noise); for the
simplex, N = K - 1 and by Bonferroni's inequality 1 - (K-2)/2 Q2/Q <= P / (N Q) <= 1, with equality for K = 2.
"""

from fractions import Fraction

from nctheory.domains import Domain, Interval, Range
from nctheory.gaussian import bivariate_tail, line_correct, log, normal_tail, simplex_error, sqrt
from nctheory.theorems.registry import theorem

NOISE = Interval((), Fraction(1, 20), Fraction(2))
CLASSES: dict[str, Range] = {"num_classes": (2, 5)}
SIMPLEX = Domain(CLASSES, noise=Interval((), Fraction(1, 20), Fraction(1, 2)))


@theorem(
    title="Corrections to the error exponent",
    statement="As sigma -> 0, -sigma^2 log P of K distinct points is E = beta - sigma^2 log sigma - sigma^2 log(N / (2 "
    "sqrt(pi beta))) + sigma^4/(2 beta) up to O(sigma^6), beta = dist^2/8, N the ordered closest pairs over K. At any "
    "noise, -sigma^2 log(N Q(x)), x = dist/(2 sigma), is between E - 5 sigma^6/(8 beta^2) and E; P = N Q(x) for points "
    "on a line with equal gaps, and 1 - (K-2)/2 Q2(x)/Q(x) <= P/(N Q(x)) <= 1 for the simplex.",
    latex=r"-\sigma^2 \log P = \beta - \sigma^2 \log\sigma - \sigma^2 \log\frac{\bar N}{2\sqrt{\pi\beta}}"
    r" + \frac{\sigma^4}{2\beta} - \theta\,\frac{5\sigma^6}{8\beta^2} + (\text{exponentially small}),"
    r"\quad 0 \le \theta \le 1",
    reference="proof in the docstring of this file",
    standing="proved",
    remarks="Executed for N Q(x), equally spaced points and the simplex; the limit for other points is in the proof. "
    "pi is taken between 3.141592653589793 and that plus 10^-15.",
    domain=Domain(CLASSES, distance=Interval((), Fraction(1, 2), Fraction(2)), noise=NOISE),
    sharp={"num_classes": 2, "distance": Fraction(2), "noise": Fraction(1)},
)
def error_expansion(num_classes, distance, noise):
    """How far -sigma^2 log(N Q) or P / (N Q) is outside of its bounds, or points on a line off N Q."""
    low = 3141592653589793 / 1000000000000000
    high = 3141592653589794 / 1000000000000000
    square = noise * noise
    beta = distance * distance / 8
    pairs = 2 * (num_classes - 1) / num_classes
    closest = pairs * normal_tail(distance / (2 * noise))
    known = beta - square * (log(noise * pairs) - log(4 * beta) / 2) + square * square / (2 * beta)
    line = 1 - line_correct([k * distance for k in range(num_classes)], noise)
    wall = sqrt(num_classes / (2 * (num_classes - 1))) / noise
    share = simplex_error(num_classes, noise) / ((num_classes - 1) * normal_tail(wall))
    return max(
        known + square * log(low) / 2 - 5 * square**3 / (8 * beta * beta) + square * log(closest),
        -square * log(closest) - known - square * log(high) / 2,
        abs(line - closest),
        1 - (num_classes - 2) / 2 * bivariate_tail(wall) / normal_tail(wall) - share,
        share - 1,
    )


def above_without_logarithm(num_classes, noise):
    """-sigma^2 log P of the simplex, less E without its term -sigma^2 log sigma."""
    high = 3141592653589794 / 1000000000000000
    square = noise * noise
    beta = num_classes / (4 * (num_classes - 1))
    known = beta - square * (log(num_classes - 1) - log(4 * beta * high) / 2) + square * square / (2 * beta)
    return -square * log(simplex_error(num_classes, noise)) - known - square * square


error_expansion.false_neighbor(
    "without_the_logarithm",
    "The first correction is of the order sigma^2: E without -sigma^2 log sigma, plus sigma^4, is above "
    "-sigma^2 log P of the simplex.",
    margin=above_without_logarithm,
    domain=SIMPLEX,
)


def above_first_order(num_classes, noise):
    """-sigma^2 log P of the simplex, less E without its term sigma^4 / (2 beta)."""
    high = 3141592653589794 / 1000000000000000
    square = noise * noise
    beta = num_classes / (4 * (num_classes - 1))
    known = beta - square * (log(noise * (num_classes - 1)) - log(4 * beta * high) / 2)
    return -square * log(simplex_error(num_classes, noise)) - known


error_expansion.false_neighbor(
    "first_order",
    "E without sigma^4/(2 beta) is already above -sigma^2 log P of the simplex.",
    margin=above_first_order,
    domain=SIMPLEX,
)


def below_for_unordered_pairs(num_classes, noise):
    """E - 5 sigma^6 / (8 beta^2) of the simplex with half of N, plus sigma^2 log P."""
    low = 3141592653589793 / 1000000000000000
    square = noise * noise
    beta = num_classes / (4 * (num_classes - 1))
    half = (num_classes - 1) / 2
    known = beta - square * (log(noise * half) - log(4 * beta * low) / 2) + square * square / (2 * beta)
    return known - 5 * square**3 / (8 * beta * beta) + square * log(simplex_error(num_classes, noise))


error_expansion.false_neighbor(
    "unordered_pairs",
    "Each closest pair counts once in N: -sigma^2 log P of the simplex is at least E - 5 sigma^6/(8 beta^2) with "
    "N = (K-1)/2.",
    margin=below_for_unordered_pairs,
    domain=SIMPLEX,
)


def above_all_terms(distance, noise):
    """E less -sigma^2 log Q, of two points."""
    low = 3141592653589793 / 1000000000000000
    square = noise * noise
    beta = distance * distance / 8
    known = beta - square * (log(noise) - log(4 * beta * low) / 2) + square * square / (2 * beta)
    return known + square * log(normal_tail(distance / (2 * noise)))


error_expansion.false_neighbor(
    "ends_there",
    "E is all that there is: for two points, -sigma^2 log P is at least E.",
    margin=above_all_terms,
    domain=Domain(distance=Interval((), Fraction(1, 2), Fraction(2)), noise=NOISE),
)
