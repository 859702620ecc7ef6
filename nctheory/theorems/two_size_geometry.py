"""The angles and norms of the optimal weights for two class sizes, half of the classes of each.

Proof. K = 2 k classes, k of 1 sample and k of R, by scale. P D P has the eigenvalues 1 and R, k - 1 times each, on
vectors of one block that add up to 0, and (R + 1) / 2 =: a^2 on the difference of the blocks' indicators. So the
weights of `imbalanced_separation`, with the Gram matrix G = (P D P)^(1/2), have K |w|^2 = K - 2 + a and K <w, w'> = a -
2 in the minority, (K - 2) sqrt R + a and a - 2 sqrt R in the majority, and -a across. That the table is the square root
means that G^2 = P D P and that its trace is the sum of the roots: no other square root of P D P has that trace.

The class means have the Gram matrix G^+, with 1 / a, 1 and 1 / sqrt R for a, 1 and sqrt R.
"""

from fractions import Fraction

from nctheory.domains import Domain, Positive
from nctheory.gaussian import sqrt
from nctheory.theorems.registry import theorem

DOMAIN = Domain({"half": (2, 3)}, ratio=Positive())


@theorem(
    title="Angles and norms for two class sizes",
    statement="For K/2 classes of n and K/2 of R n samples, a = sqrt((R + 1) / 2), two optimal weights of the minority "
    "have the cosine (a - 2) / (a + K - 2), two of the majority (a - 2 sqrt R) / (a + (K - 2) sqrt R), and the squared "
    "norms have the ratio ((K - 2) sqrt R + a) / (K - 2 + a). The minority's angle is acute for R > 7.",
    latex=r"\cos_{\min} = \frac{a-2}{a+K-2},\quad \cos_{\mathrm{maj}} = \frac{a-2\sqrt R}{a+(K-2)\sqrt R},\quad"
    r" \frac{\|w_{\mathrm{maj}}\|^2}{\|w_{\min}\|^2} = \frac{(K-2)\sqrt R+a}{K-2+a},\quad a = \sqrt{\tfrac{R+1}{2}}",
    reference="thrampoulidis2022; fang2021 for the collapse of minorities; proof in the docstring of this file",
    standing="proved",
    remarks="Executed as G^2 = P D P, G 1 = 0 and the trace for the Gram matrix G that the table gives.",
    domain=DOMAIN,
    sharp={"half": 2, "ratio": Fraction(7)},
)
def two_size_geometry(half, ratio):
    """The largest entry of G^2 - P D P in size, and the difference of the traces, relative to 1 + R."""
    count = 2 * half
    a = sqrt((ratio + 1) / 2)
    minority = (count - 2 + a) / count
    majority = minority * ((count - 2) * sqrt(ratio) + a) / (count - 2 + a)
    products = [
        minority * (a - 2) / (a + count - 2),
        majority * (a - 2 * sqrt(ratio)) / (a + (count - 2) * sqrt(ratio)),
        -(minority + (half - 1) * minority * (a - 2) / (a + count - 2)) / half,
    ]
    gram = [
        [
            (minority if i < half else majority)
            if i == j
            else products[0 if max(i, j) < half else 1 if min(i, j) >= half else 2]
            for j in range(count)
        ]
        for i in range(count)
    ]
    sizes = [1 if i < half else ratio for i in range(count)]
    defects = [
        abs(
            sum(gram[i][k] * gram[k][j] for k in range(count))
            - (sizes[i] if i == j else 0)
            + (sizes[i] + sizes[j] - (1 + ratio) / 2) / count
        )
        for i in range(count)
        for j in range(count)
    ]
    trace = half * (minority + majority) - (half - 1) * (1 + sqrt(ratio)) - a
    return max(defects + [abs(sum(row)) for row in gram] + [abs(trace)]) / (1 + ratio)


def acute(half, ratio):
    """The cosine of two minority weights."""
    a = sqrt((ratio + 1) / 2)
    return (a - 2) / (a + 2 * half - 2)


two_size_geometry.false_neighbor(
    "minority_always_obtuse", "Optimal weights are at obtuse angles, at every ratio of the sizes.", margin=acute
)


def beside_simplex(half, ratio):
    """How far the cosine of two minority weights is from -1 / (K - 1)."""
    a = sqrt((ratio + 1) / 2)
    return abs((a - 2) / (a + 2 * half - 2) + 1 / (2 * half - 1))


two_size_geometry.false_neighbor(
    "simplex", "The optimal weights are a simplex ETF, at every ratio of the sizes.", margin=beside_simplex
)


def beside_root(half, ratio):
    """How far the ratio of the squared norms is from sqrt R, relative to 1 + sqrt R."""
    a = sqrt((ratio + 1) / 2)
    return abs(((2 * half - 2) * sqrt(ratio) + a) / (2 * half - 2 + a) - sqrt(ratio)) / (1 + sqrt(ratio))


two_size_geometry.false_neighbor(
    "ratio_of_norms",
    "The squared norms of the weights have the ratio sqrt R, as the roots of the sizes have.",
    margin=beside_root,
)


def beside_means(half, ratio):
    """The difference of the cosine of two minority weights and that of the class means, which have 1/a for a."""
    a = sqrt((ratio + 1) / 2)
    return abs((a - 2) / (a + 2 * half - 2) - (1 / a - 2) / (1 / a + 2 * half - 2))


two_size_geometry.false_neighbor(
    "same_angles_of_means",
    "The class means of the minority are at the angles of its weights.",
    margin=beside_means,
)


def with_mean_of_roots(half, ratio):
    """How far off the trace of P D P is with the eigenvalue ((1 + sqrt R) / 2)^2, relative to 1 + R."""
    count = 2 * half
    middle = ((1 + sqrt(ratio)) / 2) ** 2
    trace = (half - 1) * (1 + ratio) + middle
    return abs(trace - (half + half * ratio) * (1 - 1 / count)) / (1 + ratio)


two_size_geometry.false_neighbor(
    "mean_of_roots",
    "The table holds with a = (1 + sqrt R) / 2, the mean of the roots of the sizes.",
    margin=with_mean_of_roots,
)
