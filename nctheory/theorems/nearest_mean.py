"""When the largest inner product names the nearest mean: if and only if all means have equal norms.

Proof. |h - mu_c|^2 = |h|^2 + |mu_c|^2 - 2 <mu_c, h>. So a class c of largest inner product is farther from h, in
squared distance, than the nearest one by at most |mu_c|^2 - min |mu|^2: by nothing where norms are equal. (h -> 0 along
the longest mean attains this.)

Conversely let norms differ, and let i, j be the closest pair among those with |mu_i| > |mu_j|, h the midpoint of mu_i
and mu_j. A mean mu_k nearer to h than these two were at less than |mu_i - mu_j| from both, so by the choice of the pair
|mu_k| would equal |mu_i| and |mu_j|, which differ. So j is a nearest class at h (along with i, and with duplicates of
the two, which change nothing), but <mu_i - mu_j, h> = (|mu_i|^2 - |mu_j|^2) / 2 > 0, so j has not the largest inner
product. Nor is this a matter of ties: a third point at the same distance from h would be nearer than |mu_i - mu_j| to
both, too; so a small step from h towards mu_j makes j strictly nearest, and i still has the larger inner product.
"""

from itertools import permutations

from nctheory.domains import Domain, Free
from nctheory.formula import dot, exponent, squared_distance
from nctheory.theorems.registry import theorem

POINTS = ("num_classes", "dimension")


@theorem(
    title="Argmax and nearest mean",
    statement="A class of largest inner product with h is farther from h than the nearest mean, in squared distance, "
    "by at most the spread of the squared norms, so for equal norms it is nearest; where norms differ, the midpoint of "
    "the closest pair of different norms has both as nearest means, and only one of them can have the largest inner "
    "product.",
    latex=r"\Big(\forall h:\ \operatorname{argmax}_c\langle\mu_c,h\rangle = \operatorname{argmin}_c\|h-\mu_c\|\Big)"
    r" \iff \|\mu_1\| = \dots = \|\mu_K\|",
    reference="papyan2020 (NC4); proof in the docstring of this file",
    standing="proved",
    domain=Domain({"num_classes": (2, 4), "dimension": (1, 3)}, means=Free(POINTS), feature=Free(("dimension",))),
    sharp={"num_classes": 3, "dimension": 2, "means": ((2, 0), (0, 1), (0, -1)), "feature": (0, 0)},
)
def nearest_mean(means, feature, num_classes, dimension):
    """Excess distance of the argmax less the spread of norms; by how much a mean is nearer to the midpoint than j."""
    norms = [dot(x, x) for x in means]
    scores = [dot(x, feature) for x in means]
    squares = [squared_distance(x, feature) for x in means]
    excess = max(squares[c] for c in range(num_classes) if scores[c] == max(scores)) - min(squares)
    pairs = [
        (squared_distance(means[i], means[j]), i, j)
        for i, j in permutations(range(num_classes), 2)
        if norms[i] > norms[j]
    ]
    closest = min(pairs) if len(pairs) > 0 else (0, 0, 0)
    midpoint = [(means[closest[1]][k] + means[closest[2]][k]) / 2 for k in range(dimension)]
    nearer = squared_distance(means[closest[2]], midpoint) - min(squared_distance(x, midpoint) for x in means)
    return excess - (max(norms) - min(norms)) + nearer


def excess_distance(means, feature, num_classes):
    """How much farther every class of largest inner product is than the nearest one, in squared distance; at most 1."""
    scores = [dot(x, feature) for x in means]
    squares = [squared_distance(x, feature) for x in means]
    chosen = [squares[c] for c in range(num_classes) if scores[c] == max(scores)]
    return min(1, min(chosen) - min(squares))


def lost_without_bias(means):
    """The exponent of nearest mean, dist^2 / 8, less that of the means as weights without bias."""
    smallest = min(squared_distance(x, y) for x, y in permutations(means, 2))
    return smallest / 8 - exponent(means, means, [0 for x in means])


nearest_mean.false_neighbor(
    "any_norms", "The largest inner product names the nearest mean, whatever the norms.", margin=excess_distance
)
nearest_mean.false_neighbor(
    "no_bias_needed",
    "The means as weights without bias have the exponent of nearest mean, whatever the norms.",
    margin=lost_without_bias,
    domain=Domain({"num_classes": (2, 4), "dimension": (1, 3)}, means=Free(POINTS)),
)
