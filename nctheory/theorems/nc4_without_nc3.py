"""Nearest-mean decisions (NC4) do not make weights and means parallel (NC3): on a line any increasing weights do.

Proof. Let x and w increase, t_c = (x_c + x_{c+1}) / 2 and b_{c+1} = b_c - (w_{c+1} - w_c) t_c. The scores s_c(h) =
w_c h + b_c satisfy s_{c+1}(h) - s_c(h) = (w_{c+1} - w_c) (h - t_c), which has the sign of h - t_c. The t_c increase, so
along c the scores rise for as long as t_c < h and fall afterwards: the largest are those of the nearest means, and no
others.
"""

from nctheory.domains import Domain, Free, Increasing, Range
from nctheory.formula import dot
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (2, 5)}
FIELDS = {"means": Increasing(("num_classes",)), "weights": Increasing(("num_classes",))}


@theorem(
    title="NC4 without NC3",
    statement="For increasing means and any increasing weights on a line, with the biases that put the thresholds at "
    "the midpoints, every nearest mean has the largest score: NC4 holds, and NC3 need not.",
    latex=r"w_{c+1}>w_c,\ x_{c+1}>x_c,\ b_{c+1}-b_c = -(w_{c+1}-w_c)\tfrac{x_c+x_{c+1}}2"
    r" \implies \operatorname{argmin}_c|h-x_c| \subseteq \operatorname{argmax}_c(w_ch+b_c)",
    reference="papyan2020 (NC3, NC4); proof in the docstring of this file",
    standing="proved",
    domain=Domain(SIZES, **FIELDS, feature=Free()),
    sharp={"num_classes": 3, "means": (0, 1, 3), "weights": (0, 1, 5), "feature": 2},
)
def nc4_without_nc3(means, weights, feature, num_classes):
    """The best score of the other classes less the score of the nearest mean, the largest over all nearest means."""
    steps = [(weights[c + 1] - weights[c]) * (means[c] + means[c + 1]) / 2 for c in range(num_classes - 1)]
    scores = [weights[c] * feature - sum(steps[k] for k in range(c)) for c in range(num_classes)]
    distances = [abs(feature - x) for x in means]
    return max(
        max(scores[k] for k in range(num_classes) if k != c) - scores[c]
        for c in range(num_classes)
        if distances[c] == min(distances)
    )


def not_parallel(means, weights, num_classes):
    """|w|^2 |x|^2 - <w, x>^2 of the centered weights and means, relative to |w|^2 |x|^2."""
    centered_means = [x - sum(means) / num_classes for x in means]
    centered_weights = [w - sum(weights) / num_classes for w in weights]
    squares = dot(centered_weights, centered_weights) * dot(centered_means, centered_means)
    return 1 - dot(centered_weights, centered_means) ** 2 / squares


def nearest_mean_without_bias(means, feature, num_classes):
    """The best score of the centered means without bias less the score of the nearest mean."""
    scores = [(x - sum(means) / num_classes) * feature for x in means]
    distances = [abs(feature - x) for x in means]
    return max(max(scores) - scores[c] for c in range(num_classes) if distances[c] == min(distances))


nc4_without_nc3.false_neighbor(
    "nc4_implies_nc3",
    "A linear decoder that decides for the nearest mean has centered weights parallel to the centered means.",
    margin=not_parallel,
    domain=Domain(SIZES, **FIELDS),
)
nc4_without_nc3.false_neighbor(
    "nc3_implies_nc4",
    "The centered means as weights, without bias, decide for the nearest mean.",
    margin=nearest_mean_without_bias,
    domain=Domain(SIZES, means=FIELDS["means"], feature=Free()),
)
