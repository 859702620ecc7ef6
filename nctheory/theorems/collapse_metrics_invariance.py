"""What the metrics of collapse do not see: rotations, reflections, translations with the bias moved along, and scales.

Features h_i become s R h_i + v with s > 0, R orthogonal, v any vector; weights w_k become t R w_k with t > 0, and
biases b_k become s t b_k - t <R w_k, v>. Class means mu_k, D the rows mu_k - g, g their mean or that of all features,
Sigma_B = D^T D / K, Sigma_W the covariance within classes.

Proof. Means move along with the features: mu_k to s R mu_k + v, g likewise, so D becomes s D R^T and residuals s R r.
Hence Sigma_B and Sigma_W become s^2 R Sigma R^T. tr(Sigma_W pinv(Sigma_B)), the quotient of the traces, (v_i + v_j) /
|mu_i - mu_j|^2 and tr(pinv(Sigma_T) Sigma_B) do not change. D D^T becomes s^2 D D^T and W W^T t^2 W W^T: their cosines,
relative spreads of norms and normalized forms (NC2) stay. <W, D> becomes s t <W, D>, so NC3 = 2 - 2 <W, D> / (|W| |D|)
stays. Logits become t <R w, s R h + v> + s t b - t <R w, v> = s t (<w, h> + b), distances to means s times what they
were: all decisions stay (NC4).

In the plane pinv(Sigma_B) is adj(Sigma_B) / det(Sigma_B) where that exists; numerator and denominator of NC1 both grow
by s^4.
"""

# formulas have no keywords and no stars

from nctheory.domains import ClassSizes, Domain, Free, Labels, Positive, Range, Sphere
from nctheory.formula import dot, squared_distance
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {
    "num_classes": (2, 3),
    "num_samples": lambda num_classes: (num_classes, num_classes + 2),
}
FEATURES, WEIGHTS = Free(("num_samples", 2)), Free(("num_classes", 2))
LABELS = Labels(("num_samples",), "num_classes")


@theorem(
    title="What metrics of collapse do not see",
    statement="If features become s R h + v, weights t R w, biases s t b - t <R w, v> with s, t > 0 and R orthogonal, "
    "then NC1, NC2, NC3, the quotients of within- and between-class variation and all decisions (NC4) stay: traces "
    "grow by s^2, tr(Sigma_W adj(Sigma_B)) and det(Sigma_B) in the plane by s^4, inner products of weights and means "
    "by s t, logits by s t.",
    latex=r"h\mapsto sRh+v,\ w\mapsto tRw,\ b\mapsto stb-t\langle Rw,v\rangle:\quad"
    r"\Sigma\mapsto s^2R\Sigma R^{\mathsf T},\ \langle W,D\rangle\mapsto st\langle W,D\rangle,\ z\mapsto stz",
    reference="papyan2020 for the metrics; proof in the docstring of this file",
    standing="proved",
    remarks="Executed in the plane with R a reflection; two of them make a rotation.",
    domain=Domain(
        SIZES,
        features=FEATURES,
        labels=LABELS,
        weights=WEIGHTS,
        bias=Free(("num_classes",)),
        mirror=Sphere((1, 2)),
        translation=Free((2,)),
        size=Positive(),
        factor=Positive(),
    ),
    sharp={
        "num_classes": 2,
        "num_samples": 3,
        "features": ((1, 2), (3, 5), (2, 2)),
        "labels": (0, 1, 1),
        "weights": ((1, 0), (2, 3)),
        "bias": (1, 4),
        "mirror": ((0, 1),),
        "translation": (7, 1),
        "size": 2,
        "factor": 3,
    },
)
def collapse_metrics_invariance(features, labels, weights, bias, mirror, translation, size, factor, num_classes):
    """How far traces, numerator and denominator of NC1, inner products and logits are from growing as stated."""
    normal = mirror[0]
    points = [
        features,
        [[size * (h[m] - 2 * dot(h, normal) * normal[m]) + translation[m] for m in (0, 1)] for h in features],
    ]
    heads = [weights, [[factor * (w[m] - 2 * dot(w, normal) * normal[m]) for m in (0, 1)] for w in weights]]
    biases = [bias, [size * factor * b - dot(w, translation) for w, b in zip(heads[1], bias)]]
    counts = [sum(1 for y in labels if y == c) for c in range(num_classes)]
    means = [
        [[sum(h[m] for h, y in zip(H, labels) if y == c) / counts[c] for m in (0, 1)] for c in range(num_classes)]
        for H in points
    ]
    rows = [[[x[m] - sum(z[m] for z in M) / num_classes for m in (0, 1)] for x in M] for M in means]
    residuals = [[[h[m] - M[y][m] for m in (0, 1)] for h, y in zip(H, labels)] for H, M in zip(points, means)]
    between = [[sum(x[k] * x[m] for x in D) for k, m in ((0, 0), (0, 1), (1, 1))] for D in rows]
    within = [[sum(r[k] * r[m] for r in R) for k, m in ((0, 0), (0, 1), (1, 1))] for R in residuals]
    numbers = [
        [
            W[0] + W[2],
            B[0] + B[2],
            W[0] * B[2] + W[2] * B[0] - 2 * W[1] * B[1],
            B[0] * B[2] - B[1] ** 2,
            sum(dot(w, x) for w, x in zip(V, D)),
        ]
        for W, B, V, D in zip(within, between, heads, rows)
    ]
    growth = [size**2, size**2, size**4, size**4, size * factor]
    moved = max(abs(new - g * old) for new, g, old in zip(numbers[1], growth, numbers[0]))
    logits = [[dot(w, h) + b for h in H for w, b in zip(V, c)] for H, V, c in zip(points, heads, biases)]
    return moved + max(abs(new - size * factor * old) for new, old in zip(logits[1], logits[0]))


def stretched(features, labels, stretch, num_classes):
    """The difference of within- over between-class variation before and after one axis is stretched; multiplied out."""
    points = [features, [[stretch * h[0], h[1]] for h in features]]
    counts = [sum(1 for y in labels if y == c) for c in range(num_classes)]
    means = [
        [[sum(h[m] for h, y in zip(H, labels) if y == c) / counts[c] for m in (0, 1)] for c in range(num_classes)]
        for H in points
    ]
    within = [sum(squared_distance(h, M[y]) for h, y in zip(H, labels)) for H, M in zip(points, means)]
    between = [sum(squared_distance(x, z) for x in M for z in M) for M in means]
    return abs(within[0] * between[1] - within[1] * between[0])


def bias_left_behind(weights, bias, feature, translation):
    """How much a difference of logits changes where features are translated and the bias is not."""
    before = [dot(w, feature) + b for w, b in zip(weights, bias)]
    after = [dot(w, feature) + dot(w, translation) + b for w, b in zip(weights, bias)]
    return abs(after[0] - after[1] - before[0] + before[1])


def rows_shifted(points, common, num_classes):
    """1 - <W, D>^2 / (|W| |D|)^2 times both squares, where W are the centered points D and a common vector more."""
    rows = [[x[m] - sum(z[m] for z in points) / num_classes for m in (0, 1)] for x in points]
    weights = [[x[m] + common[m] for m in (0, 1)] for x in rows]
    squares = sum(dot(x, x) for x in rows) * sum(dot(w, w) for w in weights)
    return squares - sum(dot(w, x) for w, x in zip(weights, rows)) ** 2


def between_centers(class_sizes):
    """The relative difference of Sigma_B of two classes about the mean of class means and about the sample mean."""
    shares = [n / sum(class_sizes) for n in class_sizes]
    return abs(2 * (shares[0] ** 2 + shares[1] ** 2) - 1)


collapse_metrics_invariance.false_neighbor(
    "linear_maps",
    "The quotient of within- and between-class variation is the same after any invertible linear map of the features.",
    margin=stretched,
    domain=Domain(SIZES, features=FEATURES, labels=LABELS, stretch=Positive()),
)
collapse_metrics_invariance.false_neighbor(
    "bias_left_behind",
    "A translation of the features changes no difference of logits, with the bias as it was.",
    margin=bias_left_behind,
    domain=Domain(weights=Free((2, 2)), bias=Free((2,)), feature=Free((2,)), translation=Free((2,))),
)
collapse_metrics_invariance.false_neighbor(
    "common_row",
    "A common vector added to all rows of W, which no decision sees, leaves W parallel to D (NC3).",
    margin=rows_shifted,
    domain=Domain({"num_classes": (2, 3)}, points=Free(("num_classes", 2)), common=Free((2,))),
)
collapse_metrics_invariance.false_neighbor(
    "one_center",
    "The mean of class means and the mean of all samples give the same NC1, whatever the class sizes.",
    margin=between_centers,
    domain=Domain(class_sizes=ClassSizes((2,))),
)
