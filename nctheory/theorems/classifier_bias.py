"""Weights parallel to the centered class means decide by the nearest mean (NC4) with one bias only, up to a constant.

Class means mu_k, mu_G any vector, such as their mean; w_k = alpha (mu_k - mu_G) with alpha > 0, logits z_k = <w_k, h> +
b_k.

Proof. For all h, z_k - z_j - (alpha / 2) (|h - mu_j|^2 - |h - mu_k|^2) = (b_k + (alpha / 2) |mu_k|^2) - (b_j + (alpha /
2) |mu_j|^2): the terms with h and with mu_G cancel. If b_k + (alpha / 2) |mu_k|^2 is the same for all k, the order of
the logits is that of the distances. Conversely, let the decisions agree for all h, with different means. Two cells of
nearest means that share a facet have z_k = z_j and equal distances there, so the right side is 0 for them, and any two
of the cells are joined by such facets. For means of equal norm b = 0 will do; if instead the means have equal distances
from mu_G != 0, it will not.
"""

# formulas have no keywords and no stars

from nctheory.domains import Domain, Free, Positive, Range
from nctheory.formula import dot, squared_distance
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (2, 3), "dimension": (1, 2)}
MEANS, VECTOR = Free(("num_classes", "dimension")), Free(("dimension",))


@theorem(
    title="The bias of the nearest mean (NC4)",
    statement="For different class means mu_k and weights alpha (mu_k - mu_G), alpha > 0, the largest logit names the "
    "nearest class mean for all features if and only if b_k = const - (alpha / 2) |mu_k|^2: for every bias z_k - z_j "
    "differs from (alpha / 2) (|h - mu_j|^2 - |h - mu_k|^2) by the same amount for all h, and this is 0 for that bias.",
    latex=r"z_k - z_j = \tfrac\alpha2\big(\|h-\mu_j\|^2 - \|h-\mu_k\|^2\big) + \big(b_k + \tfrac\alpha2\|\mu_k\|^2\big)"
    r" - \big(b_j + \tfrac\alpha2\|\mu_j\|^2\big)",
    reference="papyan2020 for NC4; aurenhammer1987; proof in the docstring of this file",
    standing="proved",
    domain=Domain(
        SIZES,
        means=MEANS,
        center=VECTOR,
        feature=VECTOR,
        bias=Free(("num_classes",)),
        factor=Positive(),
    ),
    sharp={
        "num_classes": 2,
        "dimension": 2,
        "means": ((1, 2), (3, 5)),
        "center": (2, 1),
        "feature": (1, 4),
        "bias": (1, 3),
        "factor": 2,
    },
)
def classifier_bias(means, center, feature, bias, factor, num_classes):
    """The largest difference of both sides in size, relative to 1 and the largest distance and norm."""
    logits = [factor * (dot(x, feature) - dot(center, feature)) + b for x, b in zip(means, bias)]
    distances = [squared_distance(feature, x) for x in means]
    offsets = [b + factor / 2 * dot(x, x) for x, b in zip(means, bias)]
    sums = [z + factor / 2 * s - a for z, s, a in zip(logits, distances, offsets)]
    scale = 1 + factor * (max(distances) + dot(feature, feature) + dot(center, center))
    return max(abs(sums[k] - sums[0]) for k in range(num_classes)) / scale


def excess_without_bias(direction, center, feature):
    """How much farther than the nearest mean that of the largest logit is, of means mu_G +- v, weights +- v, b = 0."""
    means = [[m + x for m, x in zip(center, direction)], [m - x for m, x in zip(center, direction)]]
    distances = [squared_distance(feature, x) for x in means]
    logit = dot(direction, feature)
    return (distances[0] if logit > 0 else distances[1] if logit < 0 else min(distances)) - min(distances)


PAIR = Domain({"dimension": (1, 2)}, direction=VECTOR, center=VECTOR, feature=VECTOR)
classifier_bias.false_neighbor(
    "no_bias",
    "For means that are a simplex about mu_G and weights parallel to the centered means b = 0 is enough.",
    margin=excess_without_bias,
    domain=PAIR,
)


def excess_with_centered_norms(means, center, feature, num_classes):
    """The same for any means, weights mu_k - mu_G and b_k = -|mu_k - mu_G|^2 / 2."""
    logits = [dot(x, feature) - dot(center, feature) - squared_distance(x, center) / 2 for x in means]
    distances = [squared_distance(feature, x) for x in means]
    return min(distances[k] for k in range(num_classes) if logits[k] == max(logits)) - min(distances)


classifier_bias.false_neighbor(
    "centered_norms",
    "The bias is const - (alpha / 2) |mu_k - mu_G|^2.",
    margin=excess_with_centered_norms,
    domain=Domain(SIZES, means=MEANS, center=VECTOR, feature=VECTOR),
)


def excess_without_half(means, feature, num_classes):
    """The same with mu_G = 0 and b_k = -|mu_k|^2."""
    logits = [dot(x, feature) - dot(x, x) for x in means]
    distances = [squared_distance(feature, x) for x in means]
    return min(distances[k] for k in range(num_classes) if logits[k] == max(logits)) - min(distances)


classifier_bias.false_neighbor(
    "without_half",
    "The bias is const - alpha |mu_k|^2, without the half.",
    margin=excess_without_half,
    domain=Domain(SIZES, means=MEANS, feature=VECTOR),
)
