"""Convex loss: a critical point whose gradient in the logits has spectral norm at most lambda is a global minimum.

F = L(W H^T) + (lambda_W / 2) |W|^2 + (lambda_H / 2) |H|^2 with L convex in the logits, G its gradient at a point A, and
lambda = sqrt(lambda_W lambda_H).

Proof. Let B be any other point. L(Z_B) >= L(Z_A) + <G, Z_B - Z_A> as L is convex, and pen(B) + <G, Z_B> >= (1 - |G|_2 /
lambda) pen(B) by `nuclear_norm_penalty`. So with t = |G|_2 / lambda,

    F(B) >= F(A) - pen(A) - <G, Z_A> - max(0, t - 1) pen(B).

2 (pen(A) + <G, Z_A>) = <D_W, W> + <D_H, H> with the gradients D_W, D_H of F at A: it vanishes at critical points. Hence
F(B) >= F(A) there if t <= 1, in any dimension. A bias changes nothing: it enters L alone.
"""

# formulas have no keywords and no stars

from fractions import Fraction

from nctheory.domains import Domain, Free, Interval, Positive, Range
from nctheory.formula import dot, squared_distance
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (1, 2), "num_samples": (1, 2), "dimension": (1, 2)}
WEIGHTS, FEATURES = Free(("num_classes", "dimension")), Free(("num_samples", "dimension"))
TARGETS = Free(("num_samples", "num_classes"))
FROM_ZERO = Domain(SIZES, weights=WEIGHTS, features=FEATURES, targets=TARGETS, decay_w=Positive(), decay_h=Positive())


@theorem(
    title="Critical points that are global minima",
    statement="For a loss that is convex in the logits and penalties lambda_W, lambda_H > 0 let G be the gradient of "
    "the loss in the logits at a point A. If |G|_2 <= lambda = sqrt(lambda_W lambda_H), then F(B) >= F(A) - "
    "(<D_W, W> + <D_H, H>) / 2 for every B, in any dimension: a critical point with |G|_2 <= lambda is a global "
    "minimum. Where |G|_2 > lambda it holds less (|G|_2 / lambda - 1) pen(B).",
    latex=r"\|G\|_2 \le \sqrt{\lambda_W\lambda_H},\ \nabla F(A) = 0 \implies F(B) \ge F(A)",
    reference="zhu2021; haeffele2015; proof in the docstring of this file",
    standing="proved",
    remarks="Executed for squared error with any targets, with t - 1 <= (t^2 - 1) / 2 and the largest row sum of "
    "|G G^T| for |G|_2^2. The condition is not necessary where the dimension is below the rank of the best logits.",
    domain=Domain(
        SIZES,
        weights=WEIGHTS,
        features=FEATURES,
        other_weights=WEIGHTS,
        other_features=FEATURES,
        targets=TARGETS,
        decay_w=Positive(),
        decay_h=Positive(),
    ),
    sharp={
        "num_classes": 2,
        "num_samples": 2,
        "dimension": 2,
        "weights": (("1/2", 0), (0, "1/2")),
        "features": (("1/2", 0), (0, "1/2")),
        "other_weights": ((0, "1/2"), ("-1/2", 0)),
        "other_features": ((0, "1/2"), ("-1/2", 0)),
        "targets": ((1, 0), (0, 1)),
        "decay_w": "3/8",
        "decay_h": "3/8",
    },
)
def global_critical_points(
    weights, features, other_weights, other_features, targets, decay_w, decay_h, num_classes, num_samples
):
    """The bound by the point A less F at the other point, relative to 1 and the latter."""
    here = [[dot(w, x) for w in weights] for x in features]
    there = [[dot(w, x) for w in other_weights] for x in other_features]
    residuals = [[z - t for z, t in zip(row, target)] for row, target in zip(here, targets)]
    losses = [
        sum(dot(r, r) for r in residuals) / (2 * num_samples),
        sum(squared_distance(z, t) for z, t in zip(there, targets)) / (2 * num_samples),
    ]
    paired = sum(dot(r, z) for r, z in zip(residuals, here)) / num_samples
    grams = [[sum(r[c] * r[e] for r in residuals) for e in range(num_classes)] for c in range(num_classes)]
    ratio = max(sum(abs(x) for x in row) for row in grams) / (num_samples**2 * decay_w * decay_h)
    squares = [sum(dot(w, w) for w in other_weights), sum(dot(x, x) for x in other_features)]
    penalty = (decay_w * squares[0] + decay_h * squares[1]) / 2
    bound = losses[0] - paired - max(0, (ratio - 1) / 2) * penalty
    return (bound - losses[1] - penalty) / (1 + losses[1] + penalty)


def below_zero(weights, features, targets, decay_w, decay_h, num_samples):
    """F at the origin, which is critical, less F at the point, relative to 1 and the former."""
    loss = sum((dot(w, x) - y) ** 2 for x, t in zip(features, targets) for w, y in zip(weights, t)) / (2 * num_samples)
    penalty = (decay_w * sum(dot(w, w) for w in weights) + decay_h * sum(dot(x, x) for x in features)) / 2
    start = sum(dot(t, t) for t in targets) / (2 * num_samples)
    return (start - loss - penalty) / (1 + start)


def norm_below_mean(targets, decay_w, decay_h, num_classes, num_samples):
    """|G|_2 <= (lambda_W + lambda_H) / 2 at the origin."""
    grams = [[sum(t[c] * t[e] for t in targets) for e in range(num_classes)] for c in range(num_classes)]
    return max(sum(abs(x) for x in row) for row in grams) <= (num_samples * (decay_w + decay_h) / 2) ** 2


global_critical_points.false_neighbor(
    "arithmetic_mean",
    "A critical point with |G|_2 <= (lambda_W + lambda_H) / 2 is a global minimum.",
    margin=below_zero,
    domain=FROM_ZERO,
    assumptions=[norm_below_mean],
)


def columns_below_lambda(targets, decay_w, decay_h, num_samples):
    """The gradient of each sample at the origin has norm at most lambda."""
    return all(dot(t, t) <= num_samples**2 * decay_w * decay_h for t in targets)


global_critical_points.false_neighbor(
    "column_norms",
    "A critical point where the gradient in the logits of each sample has norm at most lambda is a global minimum.",
    margin=below_zero,
    domain=FROM_ZERO,
    assumptions=[columns_below_lambda],
)
global_critical_points.false_neighbor(
    "every_critical_point", "Every critical point is a global minimum.", margin=below_zero, domain=FROM_ZERO
)


def norm_at_the_line(size):
    """|G|_2^2 - lambda^2 at W = H = (s, 0) with lambda = (1 - s^2) / 2: one of two orthogonal modes is left out."""
    return 1 / 4 - ((1 - size**2) / 2) ** 2


global_critical_points.false_neighbor(
    "necessary",
    "At every global minimum |G|_2 <= lambda, in any dimension: so for two classes of one sample, d = 1, squared error "
    "and lambda_W = lambda_H = (1 - s^2) / 2, where W = H = (s, 0) is one.",
    margin=norm_at_the_line,
    domain=Domain(size=Interval(high=Fraction(9, 10))),
)
