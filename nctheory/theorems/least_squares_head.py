"""The head of squared error for given features: least squares with a ridge, and what it is at a simplex ETF.

Features h_i are the rows of H, N together, Y has the rows e_y, pi_k = n_k / N; mu_G is the mean of all features, M has
the class means as rows, S = (1/N) sum (h_i - mu_G) (h_i - mu_G)^T, and F = (1/2N) sum |W h_i + b - e_y|^2 + (lambda_W /
2) |W|^2 with the features fixed.

Proof. F is convex and quadratic. Its gradient vanishes for b = pi - W mu_G and W (S + lambda_W I) = (1/N) sum (e_y -
pi) (h_i - mu_G)^T = diag(pi) (M - 1 mu_G^T): that is W_0, b_0. So F(W, b) = F(W_0, b_0) + (1/2N) sum |(W - W_0) h_i + b
- b_0|^2 + (lambda_W / 2) |W - W_0|^2. Without bias W_0 = Y^T H (H^T H + N lambda_W I)^(-1) in the same way. At a
minimum of the unconstrained-features model the weights minimize F for the features there, so they are this head.

Balanced and collapsed features with M - 1 mu_G^T = M_c, M_c M_c^T = eta P have S = M_c^T M_c / K, which is eta / K on
the rows of M_c, so that W_0 = M_c / (eta + K lambda_W): parallel to the means (NC3). For lambda_W -> 0 and collapsed
features in general position the logits become e_y, with the cross-entropy log(1 + (K - 1) / e).
"""

# formulas have no keywords and no stars

from nctheory.domains import Domain, Free, Labels, Positive, Range
from nctheory.formula import dot, squared_distance
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {
    "num_classes": (2, 3),
    "num_samples": lambda num_classes: (num_classes, num_classes + 1),
}
LABELS = Labels(("num_samples",), "num_classes")


@theorem(
    title="The least-squares head",
    statement="For fixed features, squared error with a free bias and the penalty lambda_W > 0 of the weights, F(W, b) "
    "exceeds F(W_0, b_0) by (1/2N) sum |(W - W_0) h_i + b - b_0|^2 + (lambda_W / 2) |W - W_0|^2, where W_0 = diag(pi) "
    "(M - 1 mu_G^T) (S + lambda_W I)^(-1) and b_0 = pi - W_0 mu_G. So every minimum of the unconstrained-features "
    "model has this head; at balanced collapsed features whose centered means have the Gram matrix eta P it is M_c / "
    "(eta + K lambda_W).",
    latex=r"W_0 = \operatorname{diag}(\pi)\,(M - 1\mu_G^{\mathsf T})\,(S+\lambda_W I)^{-1},\ b_0 = \pi - W_0\mu_G,"
    r"\qquad M_cM_c^{\mathsf T} = \eta P \implies W_0 = \frac{M_c}{\eta + K\lambda_W}",
    reference="han2022; proof in the docstring of this file",
    standing="proved",
    remarks="Executed in the plane, with the inverse of a 2 x 2 matrix.",
    domain=Domain(
        SIZES,
        weights=Free(("num_classes", 2)),
        bias=Free(("num_classes",)),
        features=Free(("num_samples", 2)),
        labels=LABELS,
        decay=Positive(),
    ),
    sharp={
        "num_classes": 2,
        "num_samples": 2,
        "weights": ((1, 2), (3, 4)),
        "bias": (5, 6),
        "features": ((1, 0), (0, 1)),
        "labels": (0, 1),
        "decay": 1,
    },
)
def least_squares_head(weights, bias, features, labels, decay, num_classes, num_samples):
    """The difference of both sides in size, relative to 1 and F."""
    center = [sum(x[k] for x in features) / num_samples for k in (0, 1)]
    shares = [sum(1 for y in labels if y == c) / num_samples for c in range(num_classes)]
    moved = [[x[0] - center[0], x[1] - center[1]] for x in features]
    spread = [
        sum(x[k] * x[m] for x in moved) / num_samples + (decay if k == m else 0) for k, m in ((0, 0), (0, 1), (1, 1))
    ]
    inverse = 1 / (spread[0] * spread[2] - spread[1] ** 2)
    sums = [
        [sum(x[k] for x, y in zip(moved, labels) if y == c) / num_samples for k in (0, 1)] for c in range(num_classes)
    ]
    best = [
        [(s[0] * spread[2] - s[1] * spread[1]) * inverse, (s[1] * spread[0] - s[0] * spread[1]) * inverse] for s in sums
    ]
    offset = [share - dot(w, center) for share, w in zip(shares, best)]
    rest = sum(
        (dot(w, x) + b - dot(v, x) - a) ** 2 for x in features for w, b, v, a in zip(weights, bias, best, offset)
    ) / num_samples + decay * sum(squared_distance(w, v) for w, v in zip(weights, best))
    values = [
        sum(
            (dot(W[c], x) + b[c] - (1 if c == y else 0)) ** 2
            for x, y in zip(features, labels)
            for c in range(num_classes)
        )
        / num_samples
        + decay * sum(dot(w, w) for w in W)
        for W, b in ((weights, bias), (best, offset))
    ]
    return abs(values[0] - values[1] - rest) / (1 + values[0] + values[1])


LINE: dict[str, Range] = {"num_old": (1, 2), "num_new": (1, 2)}
OLD_AND_NEW = Domain(LINE, old=Free(("num_old",)), new=Free(("num_new",)), decay=Positive())


def beside_joint(old, new, decay, num_old, num_new):
    """The row of a new class on the line, without bias: from all data, and from the new data with the same ridge."""
    ridge = (num_old + num_new) * decay
    return abs(sum(new) / (dot(new, new) + ridge) - sum(new) / (dot(old, old) + dot(new, new) + ridge))


least_squares_head.false_neighbor(
    "rows_from_new_data",
    "The rows of new classes are the same, whether they are solved for with all data or with the new data alone.",
    margin=beside_joint,
    domain=OLD_AND_NEW,
)


def with_other_ridge(old, weight, decay, num_old):
    """F at the weight sum h / (|h|^2 + lambda_W) less F at another, one class on the line without bias; relative."""
    wrong = sum(old) / (dot(old, old) + decay)
    values = [sum((v * x - 1) ** 2 for x in old) / num_old + decay * v**2 for v in (weight, wrong)]
    return (values[1] - values[0]) / (1 + values[1])


least_squares_head.false_neighbor(
    "ridge_without_n",
    "Without bias the best weights are Y^T H (H^T H + lambda_W I)^(-1), for a mean over the samples, too.",
    margin=with_other_ridge,
    domain=Domain({"num_old": (1, 3)}, old=Free(("num_old",)), weight=Free(), decay=Positive()),
)


def with_share_as_bias(features, bias, weight):
    """The squared error of two samples of two classes with the bias pi = 1/2 less that with another; one row."""
    values = [sum((weight * x + b - t) ** 2 for x, t in zip(features, (1, 0))) for b in (bias, 1 / 2)]
    return (values[1] - values[0]) / (1 + values[1])


least_squares_head.false_neighbor(
    "bias_is_share",
    "The best bias is pi, whatever the mean of the features.",
    margin=with_share_as_bias,
    domain=Domain(features=Free((2,)), bias=Free(), weight=Free()),
)


def beside_means(points, decay):
    """|W_0|^2 |M_c|^2 - <W_0, M_c>^2, relative; three classes of one sample in the plane, so that M_c is any."""
    center = [sum(x[k] for x in points) / 3 for k in (0, 1)]
    moved = [[x[0] - center[0], x[1] - center[1]] for x in points]
    spread = [sum(x[k] * x[m] for x in moved) / 3 + (decay if k == m else 0) for k, m in ((0, 0), (0, 1), (1, 1))]
    best = [[x[0] * spread[2] - x[1] * spread[1], x[1] * spread[0] - x[0] * spread[1]] for x in moved]
    norms = sum(dot(w, w) for w in best) * sum(dot(x, x) for x in moved)
    return (norms - sum(dot(w, x) for w, x in zip(best, moved)) ** 2) / (1 + norms)


least_squares_head.false_neighbor(
    "always_parallel",
    "For balanced collapsed features the head is parallel to the centered class means, whatever these are.",
    margin=beside_means,
    domain=Domain(points=Free((3, 2)), decay=Positive()),
)
