"""Supervised contrastive learning: one point for each class is enough, for any class sizes and in any dimension.

Class k has n_k >= 2 samples; the loss of an anchor z_i of class k is log(sum_{a != i} e^<z_i, z_a>) less the mean m_i
of <z_i, z_p> over the n_k - 1 others p of the class. By Jensen's inequality sum_p e^(<z_i, z_p> - m_i) >= n_k - 1.

Means. Let mu_k be the class means, and b_k the mean of m_i in class k: (n_k - 1) b_k = n_k |mu_k|^2 - the mean of
|z_i|^2, so b_k <= |mu_k|^2. By Jensen's inequality for the exponential, and then for the convex function log(sum e^x),
the losses of class k add up to at least n_k log(n_k - 1 + sum_{l != k} n_l e^(<mu_k, mu_l> - b_k)). With |mu_k|^2 in
place of b_k that is no larger, and the loss of the means.

Samples. On a sphere let one sample of each class be drawn, and put all of its class there. Given the anchor's, z_i, the
mean of log(n_k - 1 + sum_l n_l e^(<z_i, z_drawn> - rho^2)) is at most the logarithm of the mean, in which n_l
e^(<z_i, z_drawn>) becomes the sum over class l; and as m_i <= rho^2 that is at most the loss of z_i. Over the draws of
class k, n_k times the mean is the sum over its anchors. So some draw has no larger loss: on a sphere of any dimension,
where means would not stay, collapsed features are among the best.
"""

# formulas have no keywords and no stars

from nctheory.domains import Domain, Free, Positive, Range, Sphere
from nctheory.formula import dot
from nctheory.gaussian import exp, log
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {
    "first": (2, 3),
    "second": (2, 3),
    "num_samples": lambda first, second: (first + second, first + second),
    "dimension": (1, 3),
}


@theorem(
    title="Collapse in supervised contrastive learning",
    statement="For any class sizes n_k >= 2 and in any dimension, the supervised contrastive loss of a full batch does "
    "not rise when every feature is replaced by its class mean; and for features of equal norms it does not, on "
    "average, when all features of a class are replaced by a sample of it that is drawn at random. So on the sphere, "
    "and in the ball, of any dimension there is an optimum with one point for each class.",
    latex=r"L(\mu_{y_1},\dots,\mu_{y_N}) \le L(z_1,\dots,z_N),\qquad \min_{i_1,\dots,i_K:\ y_{i_k}=k}"
    r" L(z_{i_{y_1}},\dots,z_{i_{y_N}}) \le L(z_1,\dots,z_N)\ \text{ for } \|z_i\|=\rho",
    reference="graf2021 for equal class sizes and d >= K - 1; proof in the docstring of this file",
    standing="proved",
    remarks="Executed for two classes, the first of them in the first rows, and vectors sqrt(energy) z_i, |z_i| = 1.",
    domain=Domain(SIZES, features=Sphere(("num_samples", "dimension")), energy=Positive()),
    sharp={
        "first": 2,
        "second": 3,
        "num_samples": 5,
        "dimension": 2,
        "features": ((1, 0), (1, 0), (0, 1), (0, 1), (0, 1)),
        "energy": 2,
    },
)
def contrastive_collapse(features, energy, first, second, num_samples, dimension):
    """What the loss rises by, to that of the means and to the average over draws, the larger, by N."""
    labels = [0 if i < first else 1 for i in range(num_samples)]
    sizes = [first, second]
    products = [[energy * dot(x, y) for y in features] for x in features]
    logits = [
        [
            products[i][a]
            - sum(products[i][p] for p in range(num_samples) if labels[p] == labels[i] and p != i)
            / (sizes[labels[i]] - 1)
            for a in range(num_samples)
            if a != i
        ]
        for i in range(num_samples)
    ]
    losses = [log(sum(exp(x - max(row)) for x in row)) + max(row) for row in logits]
    means = [
        [sum(features[i][k] for i in range(num_samples) if labels[i] == c) / sizes[c] for k in range(dimension)]
        for c in range(2)
    ]
    gaps = [energy * (dot(means[0], means[1]) - dot(means[c], means[c])) for c in range(2)]
    averaged = [
        sizes[c]
        * (
            log((sizes[c] - 1) * exp(-max(0, gaps[c])) + sizes[1 - c] * exp(gaps[c] - max(0, gaps[c])))
            + max(0, gaps[c])
        )
        for c in range(2)
    ]
    chosen = [
        sizes[c] * log(sizes[c] - 1 + sizes[1 - c] * exp(products[i][first + j] - energy))
        for c in range(2)
        for i in range(first)
        for j in range(second)
    ]
    return max(sum(averaged), sum(chosen) / (first * second)) / num_samples - sum(losses) / num_samples


def to_the_first(features, energy, first, second, num_samples):
    """What the loss rises by when both classes collapse to their first samples."""
    labels = [0 if i < first else 1 for i in range(num_samples)]
    sizes = [first, second]
    products = [[energy * dot(x, y) for y in features] for x in features]
    logits = [
        [
            products[i][a]
            - sum(products[i][p] for p in range(num_samples) if labels[p] == labels[i] and p != i)
            / (sizes[labels[i]] - 1)
            for a in range(num_samples)
            if a != i
        ]
        for i in range(num_samples)
    ]
    losses = [log(sum(exp(x - max(row)) for x in row)) + max(row) for row in logits]
    chosen = [sizes[c] * log(sizes[c] - 1 + sizes[1 - c] * exp(products[0][first] - energy)) for c in range(2)]
    return (sum(chosen) - sum(losses)) / num_samples


contrastive_collapse.false_neighbor(
    "any_sample",
    "Every sample of a class can stand for the others: the loss does not rise when all features of each class are "
    "replaced by its first.",
    margin=to_the_first,
)


def drawn_of_other_norms(features, first, second, num_samples):
    """What the loss rises by on average over the draws, for features of any norms."""
    labels = [0 if i < first else 1 for i in range(num_samples)]
    sizes = [first, second]
    products = [[dot(x, y) for y in features] for x in features]
    logits = [
        [
            products[i][a]
            - sum(products[i][p] for p in range(num_samples) if labels[p] == labels[i] and p != i)
            / (sizes[labels[i]] - 1)
            for a in range(num_samples)
            if a != i
        ]
        for i in range(num_samples)
    ]
    losses = [log(sum(exp(x - max(row)) for x in row)) + max(row) for row in logits]
    gaps = [
        (c, products[i][first + j] - products[c * (first + j) + (1 - c) * i][c * (first + j) + (1 - c) * i])
        for c in range(2)
        for i in range(first)
        for j in range(second)
    ]
    chosen = [
        sizes[c] * (log((sizes[c] - 1) * exp(-max(0, x)) + sizes[1 - c] * exp(x - max(0, x))) + max(0, x))
        for c, x in gaps
    ]
    return (sum(chosen) / (first * second) - sum(losses)) / num_samples


contrastive_collapse.false_neighbor(
    "samples_of_any_norms",
    "For features of any norms, too, the loss does not rise on average when all features of a class are replaced by a "
    "sample of it that is drawn at random.",
    margin=drawn_of_other_norms,
    domain=Domain(SIZES, features=Free(("num_samples", "dimension"))),
)


def above_the_samples(features, energy, first, second, num_samples, dimension):
    """What the loss falls by when class means are put in place of features."""
    labels = [0 if i < first else 1 for i in range(num_samples)]
    sizes = [first, second]
    products = [[energy * dot(x, y) for y in features] for x in features]
    logits = [
        [
            products[i][a]
            - sum(products[i][p] for p in range(num_samples) if labels[p] == labels[i] and p != i)
            / (sizes[labels[i]] - 1)
            for a in range(num_samples)
            if a != i
        ]
        for i in range(num_samples)
    ]
    losses = [log(sum(exp(x - max(row)) for x in row)) + max(row) for row in logits]
    means = [
        [sum(features[i][k] for i in range(num_samples) if labels[i] == c) / sizes[c] for k in range(dimension)]
        for c in range(2)
    ]
    gaps = [energy * (dot(means[0], means[1]) - dot(means[c], means[c])) for c in range(2)]
    averaged = [
        sizes[c]
        * (
            log((sizes[c] - 1) * exp(-max(0, gaps[c])) + sizes[1 - c] * exp(gaps[c] - max(0, gaps[c])))
            + max(0, gaps[c])
        )
        for c in range(2)
    ]
    return (sum(losses) - sum(averaged)) / num_samples


contrastive_collapse.false_neighbor(
    "means_lose_nothing",
    "The loss of class means, which are shorter than features on the sphere, is at least that of the features.",
    margin=above_the_samples,
)
