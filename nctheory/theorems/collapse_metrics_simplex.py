"""Exact collapse onto a simplex ETF, with weights along the centered means and the right bias: all four metrics are 0.

Class means mu_k with mean g, all features of class k at mu_k, D the rows mu_k - g with D D^T = s^2 P, P = I - 11^T / K;
weights W = t D with t > 0, bias b = -W g.

Proof. No feature differs from its class mean, so NC1 = 0. The squared norms in D are s^2 (K - 1) / K and the cosines
-1 / (K - 1), and the same holds for W: NC2 = 0, whichever way it is measured, and D D^T / |D D^T|_F = P / sqrt(K - 1).
W / |W|_F = D / |D|_F: NC3 = 0. The logits at mu_k are W (mu_k - g) = t D D^T e_k = t s^2 (e_k - 1 / K): those of class
k are larger than all others by t s^2, so that every feature is given its nearest class mean: NC4 = 0.

The four are apart: NC2 says nothing of how W and D lie to each other, NC3 nothing of the shape, NC1 nothing of W.
"""

# formulas have no keywords and no stars

from nctheory.domains import Domain, Free, Positive, Range, Sphere
from nctheory.formula import dot
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (2, 4)}
MIRROR, VECTOR = Sphere((1, "num_classes")), Free(("num_classes",))


@theorem(
    title="Exact collapse",
    statement="If all features of a class are at its mean, the means less their mean g are the rows of D with D D^T = "
    "s^2 P, and W = t D, b = -W g with s, t > 0, then NC1, NC2 and NC3 are 0, and at every feature the logit of its "
    "own class is larger than all others by t s^2, so that the NC4 mismatch is 0, wherever the center g is.",
    latex=r"DD^{\mathsf T} = s^2P,\ W = tD,\ b = -Wg \implies \mathrm{NC1}=\mathrm{NC2}=\mathrm{NC3}=\mathrm{NC4}=0",
    reference="papyan2020 (NC1 to NC4); proof in the docstring of this file",
    standing="proved",
    remarks="Executed for D in K dimensions: a frame of equal and orthogonal vectors in a mirror, less its mean.",
    domain=Domain(SIZES, mirror=MIRROR, center=VECTOR, size=Positive(), factor=Positive()),
    sharp={"num_classes": 3, "mirror": ((1, 0, 0),), "center": (1, 2, 5), "size": 2, "factor": 3},
)
def collapse_metrics_simplex(mirror, center, size, factor, num_classes):
    """How far the Gram matrix, the angle to the weights and the logits are from what is stated, added up."""
    axes = [[1 if k == m else 0 for m in range(num_classes)] for k in range(num_classes)]
    means = [[c + size * (a - 2 * dot(e, mirror[0]) * u) for a, u, c in zip(e, mirror[0], center)] for e in axes]
    middle = [sum(x[m] for x in means) / num_classes for m in range(num_classes)]
    rows = [[a - c for a, c in zip(x, middle)] for x in means]
    weights = [[factor * a for a in x] for x in rows]
    logits = [[dot(w, x) - dot(w, middle) for w in weights] for x in means]
    gram = max(
        abs(dot(rows[k], rows[m]) - size**2 * (axes[k][m] - 1 / num_classes))
        for k in range(num_classes)
        for m in range(num_classes)
    )
    inner = sum(dot(w, x) for w, x in zip(weights, rows))
    angle = abs(inner**2 - sum(dot(w, w) for w in weights) * sum(dot(x, x) for x in rows)) + max(0, -inner)
    decided = max(
        abs(logits[k][k] - logits[k][m] - factor * size**2)
        for k in range(num_classes)
        for m in range(num_classes)
        if m != k
    )
    return gram + angle + decided


def wrong_by(means, weights, bias, num_classes):
    """By how much another class has a larger logit than its own at some class mean: all features are there."""
    logits = [[dot(w, x) + b for w, b in zip(weights, bias)] for x in means]
    return max(logits[k][m] - logits[k][k] for k in range(num_classes) for m in range(num_classes) if m != k)


def wrong_with_this_bias(bias, num_classes):
    """The same for a simplex of K unit vectors as means and weights."""
    return max(bias[m] - bias[k] - 1 for k in range(num_classes) for m in range(num_classes) if m != k)


def wrong_without_bias(center, num_classes):
    """The same without a bias for unit vectors about a center; the weights are these unit vectors less their mean."""
    mean = sum(center) / num_classes
    logits = [
        [(1 if k == m else 0) + center[m] - 1 / num_classes - mean for m in range(num_classes)]
        for k in range(num_classes)
    ]
    return max(logits[k][m] - logits[k][k] for k in range(num_classes) for m in range(num_classes) if m != k)


def angle_of_mirrored(mirror, num_classes):
    """1 - <W, D> / (|W| |D|) for centered unit vectors D and their mirror image W, both of which have NC2 = 0."""
    normal = mirror[0]
    return 2 * (dot(normal, normal) - sum(normal) ** 2 / num_classes) / (num_classes - 1)


def uneven_norms(points, num_classes):
    """The spread of the squared norms of centered points, which as their own weights have NC3 = 0."""
    middle = [sum(x[m] for x in points) / num_classes for m in (0, 1)]
    squares = [(x[0] - middle[0]) ** 2 + (x[1] - middle[1]) ** 2 for x in points]
    return max(squares) - min(squares)


collapse_metrics_simplex.false_neighbor(
    "nc1_implies_nc4",
    "Without variation within classes (NC1 = 0), all decisions are for the nearest mean, for any means and classifier.",
    margin=wrong_by,
    domain=Domain(
        SIZES,
        means=Free(("num_classes", "num_classes")),
        weights=Free(("num_classes", "num_classes")),
        bias=VECTOR,
    ),
)
collapse_metrics_simplex.false_neighbor(
    "any_bias",
    "With NC1 = NC2 = NC3 = 0, decisions are those of the nearest mean, whatever the bias.",
    margin=wrong_with_this_bias,
    domain=Domain(SIZES, bias=VECTOR),
)
collapse_metrics_simplex.false_neighbor(
    "no_bias_needed",
    "With NC1 = NC2 = NC3 = 0, decisions without a bias are those of the nearest mean, wherever the center is.",
    margin=wrong_without_bias,
    domain=Domain(SIZES, center=VECTOR),
)
collapse_metrics_simplex.false_neighbor(
    "nc2_implies_nc3",
    "Class means and weights that are both simplices (NC2) are parallel (NC3).",
    margin=angle_of_mirrored,
    domain=Domain(SIZES, mirror=MIRROR),
)
collapse_metrics_simplex.false_neighbor(
    "nc3_implies_nc2",
    "Class means that are parallel to the weights (NC3) have equal norms (NC2).",
    margin=uneven_norms,
    domain=Domain(SIZES, points=Free(("num_classes", 2))),
)
