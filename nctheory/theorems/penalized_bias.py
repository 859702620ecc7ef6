"""Balanced classes, squared error, a penalized bias: a simplex ETF up to a threshold of the penalty, and not beyond it.

K classes of n samples, c = K sqrt(n) lambda, lambda = sqrt(lambda_W lambda_H), here with lambda_W = p^2, lambda_H =
q^2, the penalty (lambda_b / 2) |b|^2 and kappa = lambda_b / (1 + lambda_b); Z as without the bias, P = I - J, J = 1 1^T
/ K.

Proof. With r = (Z - I) 1 / K, one row of Z per logit, the loss and the penalty of b are |(Z - I) P|^2 / (2K) + |r +
b|^2 / 2 + (lambda_b / 2) |b|^2, least at b = -r / (1 + lambda_b), where they are [|(Z - I) P|^2 + kappa |(Z - I) J|^2]
/ (2K). This is convex and unchanged by permutations of the classes, so by `equivariant_loss` Z = alpha P + beta J, and

    K F = (K - 1) [(1 - alpha)^2 / 2 + c |alpha|] + kappa (1 - beta)^2 / 2 + c |beta|,

least at alpha = max(0, 1 - c), beta = max(0, 1 - c / kappa), b = (1 - beta) / (K (1 + lambda_b)). So the logits are a
simplex ETF, beta = 0, if and only if kappa <= c, that is lambda_b <= c / (1 - c) where c < 1; and only past that do
they have rank K.
"""

# formulas have no keywords and no stars

from nctheory.domains import Domain, Free, Positive, Range
from nctheory.formula import dot
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (2, 3), "class_root": (1, 3), "dimension": (1, 3)}
POINTS = Free(("num_classes", "dimension"))
BIAS = Free(("num_classes",))
DOMAIN = Domain(
    SIZES, weights=POINTS, means=POINTS, bias=BIAS, root_w=Positive(), root_h=Positive(), decay_b=Positive()
)


@theorem(
    title="Squared error with a penalized bias",
    statement="For K balanced classes of n samples, squared error, the penalty (lambda_b / 2) |b|^2, c = K sqrt(n "
    "lambda_W lambda_H) and kappa = lambda_b / (1 + lambda_b), K F is at least (K - 1) [(1 - x)^2 / 2 + c x] + kappa "
    "(1 - y)^2 / 2 + c y with x = max(0, 1 - c), y = max(0, 1 - c / kappa), in any dimension. It is attained for d >= "
    "K, and for d >= K - 1 where y = 0, by the logits x P + y J without the bias (1 - y) / (K (1 + lambda_b)). For c < "
    "1 the optimum is a simplex ETF if and only if lambda_b <= c / (1 - c), not only for lambda_b = 0.",
    latex=r"x = (1-c)_+,\ y = \Big(1 - \frac{c(1+\lambda_b)}{\lambda_b}\Big)_+,\quad"
    r" F \ge \frac{K-1}{K}\Big[\frac{(1-x)^2}{2} + cx\Big] + \frac1K\Big[\frac{\lambda_b}{1+\lambda_b}"
    r"\frac{(1-y)^2}{2} + cy\Big]",
    reference="tirer2022 without bias and zhou2022 with a bias; proof in the docstring of this file",
    standing="proved",
    remarks="Executed at class means, n = class_root^2, lambda_W = root_w^2, lambda_H = root_h^2.",
    domain=DOMAIN,
    sharp={
        "num_classes": 2,
        "class_root": 2,
        "dimension": 1,
        "weights": (("3/5",), ("-3/5",)),
        "means": (("3/10",), ("-3/10",)),
        "bias": ("1/4", "1/4"),
        "root_w": "2/5",
        "root_h": "2/5",
        "decay_b": 1,
    },
)
def penalized_bias(weights, means, bias, root_w, root_h, decay_b, num_classes, class_root):
    """The least value over F, less 1."""
    constant = num_classes * class_root * root_w * root_h
    kappa = decay_b / (1 + decay_b)
    gains = [max(0, 1 - constant) ** 2, kappa * max(0, 1 - constant / kappa) ** 2]
    least = (num_classes - 1) * (1 - gains[0]) + kappa - gains[1]
    loss = sum(
        (dot(weights[c], means[e]) + bias[c] - (1 if c == e else 0)) ** 2
        for c in range(num_classes)
        for e in range(num_classes)
    )
    squares = [root_w**2 * sum(dot(w, w) for w in weights), root_h**2 * sum(dot(x, x) for x in means)]
    value = loss + num_classes * (squares[0] + class_root**2 * squares[1] + decay_b * dot(bias, bias))
    return least / value - 1


def with_decay(weights, means, bias, root_w, root_h, decay_b, num_classes, class_root):
    """The same with lambda_b in place of kappa."""
    constant = num_classes * class_root * root_w * root_h
    gains = [max(0, 1 - constant) ** 2, decay_b * max(0, 1 - constant / decay_b) ** 2]
    least = (num_classes - 1) * (1 - gains[0]) + decay_b - gains[1]
    loss = sum(
        (dot(weights[c], means[e]) + bias[c] - (1 if c == e else 0)) ** 2
        for c in range(num_classes)
        for e in range(num_classes)
    )
    squares = [root_w**2 * sum(dot(w, w) for w in weights), root_h**2 * sum(dot(x, x) for x in means)]
    value = loss + num_classes * (squares[0] + class_root**2 * squares[1] + decay_b * dot(bias, bias))
    return least / value - 1


penalized_bias.false_neighbor(
    "decay_for_kappa",
    "The bound holds with lambda_b in place of lambda_b / (1 + lambda_b).",
    margin=with_decay,
)


def with_frame(weights, means, bias, root_w, root_h, decay_b, num_classes, class_root):
    """The value of the best logits x I, an orthogonal frame, over F, less 1."""
    constant = num_classes * class_root * root_w * root_h
    total = num_classes - 1 + decay_b / (1 + decay_b)
    gain = total * max(0, 1 - num_classes * constant / total) ** 2
    loss = sum(
        (dot(weights[c], means[e]) + bias[c] - (1 if c == e else 0)) ** 2
        for c in range(num_classes)
        for e in range(num_classes)
    )
    squares = [root_w**2 * sum(dot(w, w) for w in weights), root_h**2 * sum(dot(x, x) for x in means)]
    value = loss + num_classes * (squares[0] + class_root**2 * squares[1] + decay_b * dot(bias, bias))
    return (total - gain) / value - 1


penalized_bias.false_neighbor(
    "frame", "With any penalty of the bias an orthogonal frame is optimal, as without bias.", margin=with_frame
)


def slope_at_the_simplex(root_w, root_h, decay_b, step, num_classes, class_root):
    """The derivative of K F along J at logits (1 - c) P + y J, y = 0, from the values at 0, step / 2 and step.

    The bias is the best one, and the penalties are the least ones, lambda sqrt(n) times the nuclear norm.
    """
    constant = num_classes * class_root * root_w * root_h
    biases = [(1 - y) / (1 + decay_b) for y in (0, step / 2, step)]
    values = [(y + b - 1) ** 2 / 2 + decay_b * b**2 / 2 + constant * y for y, b in zip((0, step / 2, step), biases)]
    return (4 * values[1] - values[2] - 3 * values[0]) / (step * (1 + constant))


LEAST = Domain(
    {"num_classes": (2, 3), "class_root": (1, 3)},
    root_w=Positive(),
    root_h=Positive(),
    decay_b=Positive(),
    step=Positive(),
)
penalized_bias.false_neighbor(
    "only_without_penalty",
    "The simplex ETF is optimal for lambda_b = 0 only: else F falls when a multiple of J is added to its logits.",
    margin=slope_at_the_simplex,
    domain=LEAST,
)


def above_constant(root_w, root_h, decay_b, num_classes, class_root):
    """lambda_b > c."""
    return decay_b > num_classes * class_root * root_w * root_h


penalized_bias.false_neighbor(
    "threshold_c",
    "For lambda_b > c the simplex ETF is not optimal: F falls when a multiple of J is added to its logits.",
    margin=slope_at_the_simplex,
    domain=LEAST,
    assumptions=[above_constant],
)
