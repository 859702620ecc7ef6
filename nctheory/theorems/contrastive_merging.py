"""Supervised contrastive learning, three classes, two of them small: when these merge, opposite the large one.

Two classes of n samples and one of m, n, m >= 2, unit class means times rho (all samples of a class there, which
`contrastive_collapse` allows), p = e^(-2 rho^2), D = 2 n - 1 + m p, D' = m - 1 + 2 n p.

Proof. The loss is convex in the Gram matrix M of the unit means. At means (v, v, -v) its derivative by M is in
proportion to C with C_12 = n^2 / D, C_13 = C_23 = (n m p / 2) (1 / D + 1 / D'), off the diagonal. M minimizes the loss
if and only if C - diag(y) is positive semidefinite and (C - diag(y)) s = 0, s = (1, 1, -1), with y_1 = y_2 = C_12 -
C_13 and y_3 = -2 C_13. Its other eigenvectors are (1, 1, 2), with 3 C_13 > 0, and (1, -1, 0), with C_13 - 2 C_12. So
(v, v, -v) has the least loss, in every dimension, if and only if m p (1 + D / D') >= 4 n; below that, in two or more
dimensions, it has not. For rho -> 0 it reads m >= 2 n; the larger rho is, the larger m has to be.
"""

# formulas have no keywords and no stars

from nctheory.domains import Domain, Positive, Range, Sphere
from nctheory.formula import dot
from nctheory.gaussian import exp, log
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"small": (2, 4), "large": (2, 120), "dimension": (1, 3)}
DOMAIN = Domain(SIZES, means=Sphere((3, "dimension")), energy=Positive())


def is_beyond(energy, small, large):
    """m p (1 + D / D') >= 4 n."""
    power = exp(-2 * energy)
    ratio = (2 * small - 1 + large * power) / (large - 1 + 2 * small * power)
    return large * power * (1 + ratio) >= 4 * small


@theorem(
    title="Merging of small classes in supervised contrastive learning",
    statement="Three classes, two of n and one of m samples, n, m >= 2, features of norm rho, p = exp(-2 rho^2): if m "
    "p (1 + (2 n - 1 + m p) / (m - 1 + 2 n p)) >= 4 n, then the least supervised contrastive loss, in every dimension, "
    "is that of both small classes at one point, opposite the large one; and in two or more dimensions only then.",
    latex=r"m\,e^{-2\rho^2}\Bigl(1+\frac{2n-1+m\,e^{-2\rho^2}}{m-1+2n\,e^{-2\rho^2}}\Bigr) \ge 4n \iff"
    r" (v,v,-v)\ \text{is optimal}\qquad(d\ge2)",
    reference="fang2021 for the like in the layer-peeled model; proof in the docstring of this file",
    standing="proved",
    remarks="Executed at unit class means, the small classes first, energy = rho^2, and the first half.",
    domain=DOMAIN,
    assumptions=[is_beyond],
    sharp={
        "small": 2,
        "large": 100,
        "dimension": 2,
        "means": ((1, 0), (1, 0), (-1, 0)),
        "energy": "1/2",
    },
)
def contrastive_merging(means, energy, small, large):
    """The loss of the merged classes less that of these means, by the number of samples."""
    sizes = [small, small, large]
    powers = [[exp(energy * (dot(x, y) - 1)) for y in means] for x in means]
    losses = [sizes[k] * log(sizes[k] - 1 + sum(sizes[j] * powers[k][j] for j in range(3) if j != k)) for k in range(3)]
    far = exp(-2 * energy)
    merged = 2 * small * log(2 * small - 1 + large * far) + large * log(large - 1 + 2 * small * far)
    return (merged - sum(losses)) / (2 * small + large)


def is_half_beyond(energy, small, large):
    """m p (1 + D / D') >= 2 n."""
    power = exp(-2 * energy)
    ratio = (2 * small - 1 + large * power) / (large - 1 + 2 * small * power)
    return large * power * (1 + ratio) >= 2 * small


contrastive_merging.false_neighbor(
    "half_the_threshold",
    "It is enough that the left side is 2 n.",
    assumptions=[is_half_beyond],
    counterexample={
        "small": 2,
        "large": 3,
        "dimension": 2,
        "means": (("1", "0"), ("-5/13", "12/13"), ("-8/17", "-15/17")),
        "energy": "1/5",
    },
)


def is_twice_as_large(small, large):
    """m >= 2 n."""
    return large >= 2 * small


contrastive_merging.false_neighbor(
    "at_every_temperature",
    "Two small classes merge as soon as the large one has twice as many samples, whatever the temperature.",
    assumptions=[is_twice_as_large],
)


def simplex_less_merged(energy, small, large):
    """The loss at a simplex less that of merged small classes, by the number of samples."""
    near = exp(-3 * energy / 2)
    apart = 2 * small * log(small - 1 + (small + large) * near) + large * log(large - 1 + 2 * small * near)
    far = exp(-2 * energy)
    merged = 2 * small * log(2 * small - 1 + large * far) + large * log(large - 1 + 2 * small * far)
    return (apart - merged) / (2 * small + large)


contrastive_merging.false_neighbor(
    "never_better_than_the_simplex",
    "The simplex has no larger loss than merged small classes.",
    margin=simplex_less_merged,
    domain=Domain({"small": (2, 4), "large": (2, 120)}, energy=Positive()),
    assumptions=[],
)
