"""Where gradients add up to 0 over the classes and d >= K - 1, critical points are global or strict saddles.

G is the K x N gradient of the loss in the logits, with 1^T G = 0, as for cross-entropy of any kind or a free bias; D_W
= lambda_W W + G H and D_H = lambda_H H + G^T W are the gradients of F, lambda^2 = lambda_W lambda_H, P = I - J/K.

Proof. 1^T D_W = lambda_W 1^T W, and inserting G H = D_W - lambda_W W, G^T W = D_H - lambda_H H gives

    (G G^T - lambda^2 P) W = G D_H - lambda_H P D_W =: R,        (G G^T - lambda^2 P) 1 = 0.

At a critical point R = 0 and 1^T W = 0. If some unit vector a has W a = 0, then either |G|_2 > lambda and
`escape_curvature` goes down, or the point is a global minimum by `global_critical_points` (convex loss). Else rank W =
d >= K - 1, the columns of W span the complement of 1, so G G^T = lambda^2 P and |G|_2 = lambda: a global minimum. As a
formula for d = K - 1, with the square matrix M = (W, 1): det(M) (G G^T - lambda^2 P) = (R, 0) adj(M).

Class sizes, class weights, smoothing and bias enter G alone. For squared error without bias 1^T G != 0: then R = G D_H
- lambda_H D_W, and it takes d >= K.
"""

# formulas have no keywords and no stars

from fractions import Fraction

from nctheory.domains import Domain, Free, Interval, Positive, Range
from nctheory.formula import dot, squared_distance
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_samples": (1, 2)}


@theorem(
    title="Where the landscape is benign",
    statement="Let the gradient of a convex loss in the logits satisfy 1^T G = 0, as for cross-entropy, smoothed or "
    "weighted, with or without bias, or any loss with a free bias. For d >= K - 1 every critical point of F is a "
    "global minimum or a strict saddle, for any class sizes: W^T 1 = 0, and either W a = 0 for some unit vector a, or "
    "G G^T = lambda^2 P. For squared error without bias the same holds for d >= K.",
    latex=r"1^{\mathsf T}G = 0,\ d = K-1 \implies \det(M)\,\big(GG^{\mathsf T} - \lambda^2 P\big) ="
    r" \big(G D_H - \lambda_H P D_W,\ 0\big)\operatorname{adj}(M),\quad M = (W, 1)",
    reference="zhu2021, with d > K; haeffele2015; proof in the docstring of this file",
    standing="proved",
    remarks="Executed for three classes in the plane as the formula of the statement, for any W, H and G: at critical "
    "points its right side is 0.",
    domain=Domain(
        SIZES,
        weights=Free((3, 2)),
        features=Free(("num_samples", 2)),
        slopes=Free(("num_samples", 3)),
        decay_w=Positive(),
        decay_h=Positive(),
    ),
    sharp={
        "num_samples": 1,
        "weights": ((1, 0), (0, 1), (-1, -1)),
        "features": ((1, 2),),
        "slopes": ((1, 2, 3),),
        "decay_w": 2,
        "decay_h": 3,
    },
)
def benign_landscape(weights, features, slopes, decay_w, decay_h):
    """The largest entry of the difference of both sides in size, relative to 1 and the largest terms."""
    cycle = ((0, 1, 2), (1, 2, 0), (2, 0, 1))
    gradients = [[x - sum(row) / 3 for x in row] for row in slopes]
    of_weights = [
        [decay_w * weights[c][k] + sum(g[c] * x[k] for g, x in zip(gradients, features)) for k in (0, 1)]
        for c in (0, 1, 2)
    ]
    of_features = [
        [decay_h * x[k] + sum(g[c] * weights[c][k] for c in (0, 1, 2)) for k in (0, 1)]
        for g, x in zip(gradients, features)
    ]
    means = [sum(row[k] for row in of_weights) / 3 for k in (0, 1)]
    rest = [
        [
            sum(g[c] * row[k] for g, row in zip(gradients, of_features)) - decay_h * (of_weights[c][k] - means[k])
            for k in (0, 1)
        ]
        for c in (0, 1, 2)
    ]
    square = [w + (1,) for w in weights]
    adjugate = [[square[k][m] * square[j][n] - square[k][n] * square[j][m] for _, k, j in cycle] for _, m, n in cycle]
    determinant = sum(square[0][c] * adjugate[c][0] for c in (0, 1, 2))
    excess = [
        [sum(g[c] * g[e] for g in gradients) - decay_w * decay_h * ((1 if c == e else 0) - 1 / 3) for e in (0, 1, 2)]
        for c in (0, 1, 2)
    ]
    left = [[determinant * x for x in row] for row in excess]
    right = [[sum(rest[c][k] * adjugate[k][e] for k in (0, 1)) for e in (0, 1, 2)] for c in (0, 1, 2)]
    scale = 1 + max(max(abs(x) for x in row) for row in left + right)
    return max(abs(left[c][e] - right[c][e]) for c in (0, 1, 2) for e in (0, 1, 2)) / scale


def above_on_the_line(size):
    """|G v|^2 / |v|^2 - lambda^2 at W = H = s (1, -1, 0), lambda = (1 - 2 s^2) / 3, for v = (1, 1, -2).

    One sample of each of three classes, squared error with the free bias that makes G = (Z - P) / 3 add up to 0.
    """
    direction = (1, 1, -2)
    points = (size, -size, 0)
    rows = [[(points[i] * points[j] - (1 if i == j else 0) + 1 / 3) / 3 for j in (0, 1, 2)] for i in (0, 1, 2)]
    return sum(dot(row, direction) ** 2 for row in rows) / 6 - ((1 - 2 * size**2) / 3) ** 2


def is_critical_on_the_line(size):
    """lambda W + G H = 0 there, and no axis is left: s > 0."""
    points = (size, -size, 0)
    decay = (1 - 2 * size**2) / 3
    rows = [[(points[i] * points[j] - (1 if i == j else 0) + 1 / 3) / 3 for j in (0, 1, 2)] for i in (0, 1, 2)]
    return size > 0 and decay > 0 and all(decay * points[i] + dot(rows[i], points) == 0 for i in (0, 1, 2))


benign_landscape.false_neighbor(
    "one_dimension_less",
    "Already for d = K - 2 every critical point has some W a = 0 with a != 0, or |G|_2 <= lambda.",
    margin=above_on_the_line,
    domain=Domain(size=Interval(high=Fraction(9, 10))),
    assumptions=[is_critical_on_the_line],
)


def above_without_bias(size):
    """|G e_2|^2 - lambda^2 at W = H = (s, 0), lambda = (1 - s^2) / 2, squared error without bias, d = 1 = K - 1."""
    return 1 / 4 - ((1 - size**2) / 2) ** 2


def is_critical_without_bias(size):
    """lambda W + G H = 0 there, and no axis is left: s > 0."""
    decay = (1 - size**2) / 2
    return size > 0 and decay > 0 and decay * size + (size**2 - 1) / 2 * size == 0


benign_landscape.false_neighbor(
    "squared_error_without_bias",
    "For squared error without bias d = K - 1 is enough for: some W a = 0 with a != 0, or |G|_2 <= lambda.",
    margin=above_without_bias,
    domain=Domain(size=Interval(high=Fraction(9, 10))),
    assumptions=[is_critical_without_bias],
)


def sum_of_weights(size):
    """|1^T W|^2 at W = H = s I, lambda_W = lambda_H = (1 - s^2) / 2: a minimum for squared error without bias."""
    return squared_distance((size, size), (0, 0))


benign_landscape.false_neighbor(
    "sum_of_weights",
    "At the critical points of every loss the weights add up to 0.",
    margin=sum_of_weights,
    domain=Domain(size=Interval(high=Fraction(9, 10))),
)


def below_the_origin(weights, features, decay_w, decay_h):
    """F at the origin less F, of two classes of one sample, squared error and the bias 1/2."""
    targets = ((1 / 2, -1 / 2), (-1 / 2, 1 / 2))
    loss = sum((dot(w, x) - y) ** 2 for x, t in zip(features, targets) for w, y in zip(weights, t)) / 4
    penalty = (decay_w * sum(dot(w, w) for w in weights) + decay_h * sum(dot(x, x) for x in features)) / 2
    return 1 / 4 - loss - penalty


benign_landscape.false_neighbor(
    "no_saddles",
    "For d >= K - 1 every critical point is a global minimum, the origin too.",
    margin=below_the_origin,
    domain=Domain(weights=Free((2, 1)), features=Free((2, 1)), decay_w=Positive(), decay_h=Positive()),
)
