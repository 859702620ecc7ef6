"""The two penalties together are at least lambda times the nuclear norm of the logits, whatever the dimension.

Weights w_c are the rows of W, features h_i those of H, Z = W H^T; the penalty is (lambda_W / 2) |W|^2 + (lambda_H / 2)
|H|^2 and lambda = sqrt(lambda_W lambda_H), here with lambda_W = p^2, lambda_H = q^2.

Proof. For a matrix G with |G|_2 <= 1, completing a square gives

    (p^2 |W|^2 + q^2 |H|^2) / 2 - p q <G, Z> = |p W - q G H|^2 / 2 + (q^2 / 2) (|H|^2 - |G H|^2) >= 0,

and the nuclear norm is the largest <G, Z>. With Z = U S V^T of rank at most d, W = sqrt(q/p) U S^(1/2) R and H =
sqrt(p/q) V S^(1/2) R with R R^T = I attain it. Equality needs p W = q G H with G = U V^T on the range, so that W W^T =
(q/p) (Z Z^T)^(1/2), H H^T = (p/q) (Z^T Z)^(1/2): W and H are unique up to a rotation of space.

Let G now be the gradient of any loss in the logits. Then the gradients of F are D_W = lambda_W W + G H and D_H =
lambda_H H + G^T W, and W^T D_W - D_H^T H = lambda_W W^T W - lambda_H H^T H: critical points are balanced.
"""

# formulas have no keywords and no stars

from nctheory.domains import Domain, Free, Positive, Range
from nctheory.formula import dot
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (2, 3), "num_samples": (1, 3), "dimension": (1, 2)}
DOMAIN = Domain(
    SIZES,
    weights=Free(("num_classes", "dimension")),
    features=Free(("num_samples", "dimension")),
    dual=Free(("num_classes", "num_samples")),
    root_w=Positive(),
    root_h=Positive(),
)


@theorem(
    title="The penalties as a nuclear norm",
    statement="In any dimension (lambda_W / 2) |W|^2 + (lambda_H / 2) |H|^2 is at least sqrt(lambda_W lambda_H) times "
    "the nuclear norm of W H^T, the largest <G, W H^T> with |G|_2 <= 1; for d >= rank Z it is the least penalty of the "
    "logits Z. At every critical point of any loss with these penalties lambda_W W^T W = lambda_H H^T H.",
    latex=r"\tfrac{\lambda_W}{2}\|W\|_F^2 + \tfrac{\lambda_H}{2}\|H\|_F^2 \ge \sqrt{\lambda_W\lambda_H}"
    r"\,\|WH^{\mathsf T}\|_*,\qquad \nabla F = 0 \implies \lambda_W W^{\mathsf T}W = \lambda_H H^{\mathsf T}H",
    reference="srebro2005; zhu2021; proof in the docstring of this file",
    standing="proved",
    remarks="Executed for any G, with the largest row sum of |G G^T| for |G|_2^2, which is never below it; and as the "
    "identity W^T D_W - D_H^T H = lambda_W W^T W - lambda_H H^T H of the gradients, with G for that of the loss.",
    domain=DOMAIN,
    sharp={
        "num_classes": 2,
        "num_samples": 2,
        "dimension": 2,
        "weights": ((2, 0), (0, 2)),
        "features": (("1/2", 0), (0, "1/2")),
        "dual": ((1, 0), (0, 1)),
        "root_w": 1,
        "root_h": 4,
    },
)
def nuclear_norm_penalty(weights, features, dual, root_w, root_h, num_classes, num_samples, dimension):
    """(lambda <G, Z>)^2, signed, over penalty^2 |G|_2^2, less 1; plus what the identity is off by, relative."""
    axes = range(dimension)
    pulled = [[sum(row[i] * features[i][k] for i in range(num_samples)) for k in axes] for row in dual]
    pushed = [[sum(dual[c][i] * weights[c][k] for c in range(num_classes)) for k in axes] for i in range(num_samples)]
    squares = [root_w**2 * sum(dot(w, w) for w in weights), root_h**2 * sum(dot(x, x) for x in features)]
    penalty = sum(squares) / 2
    paired = sum(dot(w, g) for w, g in zip(weights, pulled))
    norm = max(sum(abs(dot(x, y)) for y in dual) for x in dual)
    bound = (root_w * root_h) ** 2 * paired * abs(paired)
    defects = [
        sum(w[k] * (root_w**2 * w[m] + g[m]) for w, g in zip(weights, pulled))
        - sum((root_h**2 * x[k] + g[k]) * x[m] for x, g in zip(features, pushed))
        - root_w**2 * sum(w[k] * w[m] for w in weights)
        + root_h**2 * sum(x[k] * x[m] for x in features)
        for k in axes
        for m in axes
    ]
    scale = 1 + penalty + sum(dot(g, g) for g in pulled) + sum(dot(g, g) for g in pushed)
    excess = bound / (penalty**2 * norm) - 1 if penalty**2 * norm > 0 else -1
    return excess + max(abs(x) for x in defects) / scale


def with_arithmetic_mean(weights, features, dual, root_w, root_h, num_samples, dimension):
    """The square of <G, Z> (lambda_W + lambda_H) / 2, signed, over penalty^2 |G|_2^2, less 1."""
    paired = sum(
        sum(row[i] * features[i][k] for i in range(num_samples)) * w[k]
        for row, w in zip(dual, weights)
        for k in range(dimension)
    )
    penalty = (root_w**2 * sum(dot(w, w) for w in weights) + root_h**2 * sum(dot(x, x) for x in features)) / 2
    norm = max(sum(abs(dot(x, y)) for y in dual) for x in dual)
    bound = ((root_w**2 + root_h**2) / 2) ** 2 * paired * abs(paired)
    return bound / (penalty**2 * norm) - 1 if penalty**2 * norm > 0 else -1


nuclear_norm_penalty.false_neighbor(
    "arithmetic_mean",
    "The bound holds with (lambda_W + lambda_H) / 2 in place of sqrt(lambda_W lambda_H).",
    margin=with_arithmetic_mean,
)


def without_feature_penalty(weights, features, dual, num_samples, dimension):
    """The square of <G, Z>, signed, over |W|^4 |G|_2^2, less 1: lambda_W = 2 and lambda_H = 0."""
    paired = sum(
        sum(row[i] * features[i][k] for i in range(num_samples)) * w[k]
        for row, w in zip(dual, weights)
        for k in range(dimension)
    )
    penalty = sum(dot(w, w) for w in weights)
    norm = max(sum(abs(dot(x, y)) for y in dual) for x in dual)
    return paired * abs(paired) / (penalty**2 * norm) - 1 if penalty**2 * norm > 0 else -1


nuclear_norm_penalty.false_neighbor(
    "no_feature_penalty",
    "A penalty of the weights alone is enough, lambda_H = 0 is allowed: (lambda_W / 2) |W|^2 >= (lambda_W / 2) times "
    "the nuclear norm of W H^T, although W / t and t H have the same logits for every t.",
    margin=without_feature_penalty,
)


def above_frobenius(points):
    """|X|^4 - |X X^T|^2, where |X|^2 is the least penalty of Z = X X^T with lambda_W = lambda_H = 1."""
    return sum(dot(x, x) for x in points) ** 2 - sum(dot(x, y) ** 2 for x in points for y in points)


nuclear_norm_penalty.false_neighbor(
    "frobenius",
    "The least penalty of Z is sqrt(lambda_W lambda_H) times its Frobenius norm.",
    margin=above_frobenius,
    domain=Domain(SIZES, points=Free(("num_classes", "dimension"))),
)


def beside_equal_grams(points, root_w, root_h, dimension):
    """The largest entry of W^T W - H^T H in size for the critical point p W = q H with G = -p q I."""
    return max(
        abs(sum((root_h / root_w) ** 2 * x[k] * x[m] - x[k] * x[m] for x in points))
        for k in range(dimension)
        for m in range(dimension)
    )


nuclear_norm_penalty.false_neighbor(
    "equal_grams",
    "At every critical point W^T W = H^T H, whatever the penalties.",
    margin=beside_equal_grams,
    domain=Domain(SIZES, points=Free(("num_classes", "dimension")), root_w=Positive(), root_h=Positive()),
)
