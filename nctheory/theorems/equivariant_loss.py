"""Balanced classes and a convex loss that knows no class by name: the optimum is found among two scalars.

K classes of n samples, L convex in the logits, and unchanged where classes and samples are permuted alike; Z is the K x
K matrix of the logits of the class means, lambda = sqrt(lambda_W lambda_H), P = I - J, J = 1 1^T / K.

Proof. Features may be replaced by class means (`within_class_collapse`), and then the penalties are at least lambda
sqrt(n) |Z|_* (`nuclear_norm_penalty`: all N columns have the singular values of sqrt(n) Z). The mean of Q Z Q^T over
all permutations Q raises neither L, as it is convex and takes the same value at all of them, nor the nuclear norm. It
commutes with all Q, so it is alpha P + beta J, with beta = 1^T Z 1 / K and (K - 1) alpha + beta = tr Z, of nuclear norm
(K - 1) |alpha| + |beta|. So

    F(W, H) >= L(alpha P + beta J) + lambda sqrt(n) ((K - 1) |alpha| + |beta|),

which is attained for d >= rank(alpha P + beta J).
"""

# formulas have no keywords and no stars

from nctheory.domains import Domain, Free, Positive, Range
from nctheory.formula import dot, squared_distance
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (2, 3), "class_root": (1, 3), "dimension": (1, 3)}
POINTS = Free(("num_classes", "dimension"))
DOMAIN = Domain(SIZES, weights=POINTS, means=POINTS, root_w=Positive(), root_h=Positive())


@theorem(
    title="Two scalars for balanced classes",
    statement="For balanced classes of n samples and a convex loss that is unchanged when classes and samples are "
    "permuted alike, F(W, H) >= L(alpha P + beta J) + lambda sqrt(n) ((K - 1) |alpha| + |beta|), where beta is the sum "
    "of the logits of the class means over K, and (K - 1) alpha + beta their trace. So some optimal logits are alpha P "
    "+ beta J: a problem in two scalars.",
    latex=r"F(W,H) \ge L(\alpha P + \beta J) + \lambda\sqrt n\,\big((K-1)|\alpha| + |\beta|\big),\quad"
    r" \beta = \tfrac1K 1^{\mathsf T}\bar Z 1,\ (K-1)\alpha + \beta = \operatorname{tr}\bar Z",
    reference="zhu2021; zhou2022; proof in the docstring of this file",
    standing="proved",
    remarks="Executed for squared error and the multiclass hinge loss at class means, n = class_root^2, lambda_W = "
    "root_w^2, lambda_H = root_h^2.",
    domain=DOMAIN,
    sharp={
        "num_classes": 2,
        "class_root": 1,
        "dimension": 2,
        "weights": (("1/3", 0), (0, "1/3")),
        "means": (("1/3", 0), (0, "1/3")),
        "root_w": "2/3",
        "root_h": "2/3",
    },
)
def equivariant_loss(weights, means, root_w, root_h, num_classes, class_root):
    """The right side less F, of the loss for which that is larger; relative to F of squared error."""
    classes = range(num_classes)
    logits = [[dot(w, x) for w in weights] for x in means]
    beta = sum(sum(row) for row in logits) / num_classes
    alpha = (sum(logits[c][c] for c in classes) - beta) / (num_classes - 1)
    symmetric = [[(alpha if c == e else 0) + (beta - alpha) / num_classes for e in classes] for c in classes]
    targets = [[1 if c == e else 0 for e in classes] for c in classes]
    squares = [sum(squared_distance(z, t) for z, t in zip(rows, targets)) / 2 for rows in (logits, symmetric)]
    hinges = [
        sum(max(1 + z - rows[c][c] - t for z, t in zip(rows[c], targets[c])) for c in classes)
        for rows in (logits, symmetric)
    ]
    penalty = (
        root_w**2 * sum(dot(w, w) for w in weights) + class_root**2 * root_h**2 * sum(dot(x, x) for x in means)
    ) / 2
    least = class_root * root_w * root_h * ((num_classes - 1) * abs(alpha) + abs(beta))
    growth = max(squares[1] - squares[0], hinges[1] - hinges[0]) / num_classes
    return (growth + least - penalty) / (1 + squares[0] + penalty)


def with_class_size(weights, means, root_w, root_h, num_classes, class_root):
    """lambda n ((K - 1) |alpha| + |beta|) less the penalties, for logits alpha P + beta J made of weights and means."""
    diagonal = sum(dot(w, x) for w, x in zip(weights, means))
    beta = sum(dot(w, x) for w in weights for x in means) / num_classes
    penalty = (
        root_w**2 * sum(dot(w, w) for w in weights) + class_root**2 * root_h**2 * sum(dot(x, x) for x in means)
    ) / 2
    least = class_root**2 * root_w * root_h * (abs(diagonal - beta) + abs(beta))
    return (least - penalty) / (1 + penalty)


equivariant_loss.false_neighbor(
    "n_for_its_root",
    "The penalties of the logits grow with n: they are at least lambda n ((K - 1) |alpha| + |beta|).",
    margin=with_class_size,
)


def with_one_more(weights, means, root_w, root_h, num_classes, class_root):
    """lambda sqrt(n) (K |alpha| + |beta|) less the penalties."""
    diagonal = sum(dot(w, x) for w, x in zip(weights, means))
    beta = sum(dot(w, x) for w in weights for x in means) / num_classes
    penalty = (
        root_w**2 * sum(dot(w, w) for w in weights) + class_root**2 * root_h**2 * sum(dot(x, x) for x in means)
    ) / 2
    alpha = abs(diagonal - beta) / (num_classes - 1)
    return (class_root * root_w * root_h * (num_classes * alpha + abs(beta)) - penalty) / (1 + penalty)


equivariant_loss.false_neighbor(
    "k_for_k_minus_1", "The penalties are at least lambda sqrt(n) (K |alpha| + |beta|).", margin=with_one_more
)


def with_class_weights(weights, means, class_weights, num_classes):
    """Squared error at alpha P + beta J less that at the logits, with weights of the classes; without penalties."""
    classes = range(num_classes)
    logits = [[dot(w, x) for w in weights] for x in means]
    beta = sum(sum(row) for row in logits) / num_classes
    alpha = (sum(logits[c][c] for c in classes) - beta) / (num_classes - 1)
    symmetric = [[(alpha if c == e else 0) + (beta - alpha) / num_classes for e in classes] for c in classes]
    targets = [[1 if c == e else 0 for e in classes] for c in classes]
    return sum(
        class_weights[c] * (squared_distance(symmetric[c], targets[c]) - squared_distance(logits[c], targets[c]))
        for c in classes
    )


equivariant_loss.false_neighbor(
    "class_weights",
    "Averaging over permutations does not raise a convex loss with weights of the classes, either.",
    margin=with_class_weights,
    domain=Domain(SIZES, weights=POINTS, means=POINTS, class_weights=Positive(("num_classes",))),
)


def with_ramps(weights, means, num_classes):
    """The hinge loss, cut off at 1, at alpha P + beta J, less that at the logits."""
    classes = range(num_classes)
    logits = [[dot(w, x) for w in weights] for x in means]
    beta = sum(sum(row) for row in logits) / num_classes
    alpha = (sum(logits[c][c] for c in classes) - beta) / (num_classes - 1)
    symmetric = [[(alpha if c == e else 0) + (beta - alpha) / num_classes for e in classes] for c in classes]
    losses = [
        sum(min(1, max(1 + rows[c][e] - rows[c][c] if c != e else 0 for e in classes)) for c in classes)
        for rows in (logits, symmetric)
    ]
    return losses[1] - losses[0]


equivariant_loss.false_neighbor(
    "not_convex", "The loss need not be convex: the hinge loss, cut off at 1, will do.", margin=with_ramps
)
