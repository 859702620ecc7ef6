"""Balanced classes, squared error, no bias: an orthogonal frame is optimal, or any projection of it for small d.

K classes of n samples, c = K sqrt(n) lambda, lambda = sqrt(lambda_W lambda_H), here with lambda_W = p^2, lambda_H =
q^2; Z is the K x K matrix of the logits of the class means.

Proof. Features may be replaced by class means (`within_class_collapse`), and the penalties are at least lambda sqrt(n)
|Z|_* (`nuclear_norm_penalty`). With the singular values s_j of Z, of which at most m = min(d, K) are not 0, |Z - I|^2 =
|Z|^2 - 2 tr Z + K >= sum s_j^2 - 2 sum s_j + K, so that

    F >= (1/K) sum_j [(1 - s_j)^2 / 2 + c s_j].

Each term is at least phi = c (1 - c/2) for c <= 1, at s = x = 1 - c, else 1/2, at s = 0; and 1/2 where s_j = 0. So F >=
(m/K) phi + (K - m) / (2K). Equality needs tr Z = |Z|_*, so Z is positive semidefinite, and m values x: Z is x times an
orthogonal projection of rank m, any one will do; for d >= K it is x I. Then W W^T = (sqrt(n) q / p) Z, the means have
the Gram matrix (p / (sqrt(n) q)) Z, and w_k = (sqrt(n) q / p) h_k.
"""

from fractions import Fraction

from nctheory.domains import Domain, Free, Interval, Positive, Range, Sphere
from nctheory.formula import dot
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (2, 3), "class_root": (1, 3), "dimension": (1, 3)}
POINTS = Free(("num_classes", "dimension"))
DOMAIN = Domain(SIZES, weights=POINTS, means=POINTS, root_w=Positive(), root_h=Positive())


@theorem(
    title="Squared error without bias: orthogonal frames",
    statement="For K balanced classes of n samples, squared error, no bias, c = K sqrt(n lambda_W lambda_H) and m = "
    "min(d, K), F is at least (m/K) phi + (K - m) / (2K), phi = c (1 - c/2) for c <= 1, else 1/2. It is attained "
    "exactly by collapsed features with the logits max(0, 1 - c) times a projection of rank m: for d >= K an "
    "orthogonal frame, no simplex ETF, with w_k = sqrt(n lambda_H / lambda_W) h_k; zero if and only if c >= 1.",
    latex=r"F \ge \frac mK\,\varphi + \frac{K-m}{2K},\quad \varphi = c\big(1-\tfrac c2\big)\ (c \le 1),\ "
    r" \tfrac12\ (c \ge 1);\qquad \bar Z = (1-c)_+\,I,\ w_k = \sqrt{n\lambda_H/\lambda_W}\,h_k",
    reference="tirer2022; zhou2022; proof in the docstring of this file",
    standing="proved",
    remarks="Executed at class means, n = class_root^2, lambda_W = root_w^2, lambda_H = root_h^2.",
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
def orthogonal_frame_optimum(weights, means, root_w, root_h, num_classes, class_root, dimension):
    """The least value over F, less 1."""
    constant = num_classes * class_root * root_w * root_h
    modes = min(dimension, num_classes)
    gain = max(0, 1 - constant) ** 2 / 2
    loss = sum(
        (dot(weights[c], means[e]) - (1 if c == e else 0)) ** 2 for c in range(num_classes) for e in range(num_classes)
    )
    squares = [root_w**2 * sum(dot(w, w) for w in weights), root_h**2 * sum(dot(x, x) for x in means)]
    value = loss / num_classes + squares[0] + class_root**2 * squares[1]
    return (1 - 2 * modes / num_classes * gain) / value - 1


def with_class_size(weights, means, root_w, root_h, num_classes, class_root, dimension):
    """The same with c = K n lambda."""
    constant = num_classes * class_root**2 * root_w * root_h
    modes = min(dimension, num_classes)
    gain = max(0, 1 - constant) ** 2 / 2
    loss = sum(
        (dot(weights[c], means[e]) - (1 if c == e else 0)) ** 2 for c in range(num_classes) for e in range(num_classes)
    )
    squares = [root_w**2 * sum(dot(w, w) for w in weights), root_h**2 * sum(dot(x, x) for x in means)]
    value = loss / num_classes + squares[0] + class_root**2 * squares[1]
    return (1 - 2 * modes / num_classes * gain) / value - 1


orthogonal_frame_optimum.false_neighbor(
    "n_for_its_root", "The bound holds with c = K n lambda, for n >= 2 too.", margin=with_class_size
)


def above_without_root(root_w, root_h, num_classes, class_root):
    """F at W W^T = (sqrt(n) q / p) x I, x = 1 - c, c = K lambda, less c (1 - c/2); the means have what belongs to it.

    |w_k|^2 = sqrt(n) (q / p) x and |h_k|^2 = (p / q) x / sqrt(n), so that all is rational.
    """
    constant = num_classes * root_w * root_h
    size = max(0, 1 - constant)
    squares = [class_root * root_h / root_w * size, root_w / root_h / class_root * size]
    penalty = num_classes * (root_w**2 * squares[0] + class_root**2 * root_h**2 * squares[1]) / 2
    return (1 - size) ** 2 / 2 + penalty - (1 - size**2) / 2


orthogonal_frame_optimum.false_neighbor(
    "without_n",
    "Logits (1 - c) I have the value c (1 - c/2) with c = K lambda, for n >= 2 too.",
    margin=above_without_root,
    domain=Domain({"num_classes": (2, 3), "class_root": (1, 3)}, root_w=Positive(), root_h=Positive()),
)


def beside_ratio(root_w, root_h, num_classes, class_root):
    """|lambda_W |w_k|^2 - lambda_H |h_k|^2| for each class at the optimum, with the logits x I, x = max(0, 1 - c)."""
    size = max(0, 1 - num_classes * class_root * root_w * root_h)
    squares = [class_root * root_h / root_w * size, root_w / root_h / class_root * size]
    return abs(root_w**2 * squares[0] - root_h**2 * squares[1])


orthogonal_frame_optimum.false_neighbor(
    "ratio_per_class",
    "At the optimum |w_k| / |h_k| = sqrt(lambda_H / lambda_W) for every class, for n >= 2 too.",
    margin=beside_ratio,
    domain=Domain({"num_classes": (2, 3), "class_root": (1, 3)}, root_w=Positive(), root_h=Positive()),
)


def below_the_simplex(weights, means, root_w, root_h, num_classes, class_root):
    """The least value of F at logits x P over F, less 1."""
    constant = num_classes * class_root * root_w * root_h
    gain = max(0, 1 - constant) ** 2 / 2
    loss = sum(
        (dot(weights[c], means[e]) - (1 if c == e else 0)) ** 2 for c in range(num_classes) for e in range(num_classes)
    )
    squares = [root_w**2 * sum(dot(w, w) for w in weights), root_h**2 * sum(dot(x, x) for x in means)]
    value = loss / num_classes + squares[0] + class_root**2 * squares[1]
    return (1 - 2 * (num_classes - 1) / num_classes * gain) / value - 1


orthogonal_frame_optimum.false_neighbor(
    "simplex", "Without bias the best simplex ETF is optimal in every dimension.", margin=below_the_simplex
)


def beside_the_simplex(directions, size, num_classes):
    """|x (I - v v^T) - x P|^2 = x^2 |v v^T - J|^2."""
    return size**2 * sum(
        (directions[0][c] * directions[0][e] - 1 / num_classes) ** 2
        for c in range(num_classes)
        for e in range(num_classes)
    )


def has_the_least_value(directions, size, num_classes):
    """F at the logits x (I - v v^T), of nuclear norm x tr(I - v v^T), is the least one for d = K - 1, c = 1 - x."""
    vector = directions[0]
    classes = range(num_classes)
    rows = [[size * ((1 if c == e else 0) - vector[c] * vector[e]) for e in classes] for c in classes]
    loss = sum((rows[c][e] - (1 if c == e else 0)) ** 2 for c in classes for e in classes) / 2
    value = loss + (1 - size) * sum(rows[c][c] for c in classes)
    return value <= (num_classes - 1) * (1 - size**2) / 2 + 1 / 2


orthogonal_frame_optimum.false_neighbor(
    "simplex_in_one_dimension_less",
    "For d = K - 1, where a simplex ETF attains the least value, nothing else does.",
    margin=beside_the_simplex,
    domain=Domain({"num_classes": (2, 3)}, directions=Sphere((1, "num_classes")), size=Interval(high=Fraction(9, 10))),
    assumptions=[has_the_least_value],
)
