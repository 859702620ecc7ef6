"""Squared error without bias, any class sizes and weights: each class is shrunk on its own, orthogonal to the others.

Class k has n_k samples, N together, of weight w_k (here `class_weights`; 1 without weights); lambda = sqrt(lambda_W
lambda_H), here with lambda_W = p^2, lambda_H = q^2, n_k = r_k^2; z_kk is the logit of its own class at the mean of
class k.

Proof. Features may be replaced by class means (`within_class_collapse`). The penalties are at least lambda times the
nuclear norm of the K x K matrix with the columns sqrt(n_k) z_k (`nuclear_norm_penalty`), so at least lambda sum_k g_k
sqrt(n_k) z_kk for all g_k in [0, 1]. So

    F >= sum_k [n_k w_k (1 - z_kk)^2 / (2N) + lambda g_k sqrt(n_k) z_kk].

Take g_k = min(1, w_k sqrt(n_k) / (N lambda)): the least value of each term is n_k w_k (1 - x_k^2) / (2N), x_k = max(0,
1 - N lambda / (w_k sqrt(n_k))), at z_kk = x_k. For d >= K it is attained: Z = diag(x_k), |w_k|^2 = (q/p) sqrt(n_k) x_k,
|h_k|^2 = (p/q) x_k / sqrt(n_k), orthogonal. Class k vanishes if and only if w_k^2 n_k <= N^2 lambda_W lambda_H. Equal
x_k > 0 need w_k proportional to 1 / sqrt(n_k).
"""

# formulas have no keywords and no stars

from nctheory.domains import ClassSizes, Domain, Free, Interval, Positive, Range
from nctheory.formula import dot
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (2, 3), "dimension": (1, 3)}
POINTS = Free(("num_classes", "dimension"))
ROOTS = ClassSizes(("num_classes",))


@theorem(
    title="Squared error without bias, any class sizes",
    statement="For classes of n_k samples, N together, with weights w_k, squared error without bias, and lambda = "
    "sqrt(lambda_W lambda_H), F is at least sum_k n_k w_k (1 - x_k^2) / (2N) in any dimension, x_k = max(0, 1 - N "
    "lambda / (w_k sqrt(n_k))). For d >= K it is attained by orthogonal weights and means with logits diag(x_k): class "
    "k vanishes if and only if w_k^2 n_k <= N^2 lambda_W lambda_H. The x_k are equal for weights proportional to 1 / "
    "sqrt(n_k), and where they are positive only for those.",
    latex=r"F \ge \sum_k \frac{n_kw_k}{2N}(1-x_k^2),\quad x_k = \Big(1 - \frac{N\lambda}{w_k\sqrt{n_k}}\Big)_+,\qquad"
    r" \|w_k\|^2 = \sqrt{\lambda_H/\lambda_W}\,\sqrt{n_k}\,x_k,"
    r"\ \|h_k\|^2 = \sqrt{\lambda_W/\lambda_H}\,x_k/\sqrt{n_k}",
    reference="dang2023 without class weights; proof in the docstring of this file",
    standing="proved",
    remarks="Executed at class means, n_k = class_roots[k]^2, lambda_W = root_w^2, lambda_H = root_h^2. Without class "
    "weights and for d < K the d largest classes are left.",
    domain=Domain(
        SIZES,
        weights=POINTS,
        means=POINTS,
        class_roots=ROOTS,
        class_weights=Positive(("num_classes",)),
        root_w=Positive(),
        root_h=Positive(),
    ),
    sharp={
        "num_classes": 2,
        "dimension": 2,
        "weights": (("1/2", 0), (0, "1/2")),
        "means": (("1/2", 0), (0, "1/4")),
        "class_roots": (1, 2),
        "class_weights": ("4/15", "4/35"),
        "root_w": "1/5",
        "root_h": "1/5",
    },
)
def mse_class_sizes(weights, means, class_roots, class_weights, root_w, root_h, num_classes):
    """The least value over F, less 1."""
    decay = dot(class_roots, class_roots) * root_w * root_h
    sizes = [max(0, 1 - decay / (v * r)) for v, r in zip(class_weights, class_roots)]
    least = sum(v * r**2 * (1 - x**2) for v, r, x in zip(class_weights, class_roots, sizes))
    loss = sum(
        class_weights[e] * class_roots[e] ** 2 * (dot(weights[c], means[e]) - (1 if c == e else 0)) ** 2
        for c in range(num_classes)
        for e in range(num_classes)
    )
    squares = [
        root_w**2 * sum(dot(w, w) for w in weights),
        root_h**2 * sum(r**2 * dot(x, x) for x, r in zip(means, class_roots)),
    ]
    return least / (loss + dot(class_roots, class_roots) * sum(squares)) - 1


DIAGONAL = Domain(
    {"num_classes": (2, 3)},
    class_roots=ROOTS,
    logits=Interval(("num_classes",)),
    root_w=Positive(),
    root_h=Positive(),
)


def slope_of_the_largest(class_roots, root_w, root_h):
    """The derivative of F in the logit of the largest class at logits 0; the penalties are lambda sqrt(n_k) z_kk."""
    return root_w * root_h * max(class_roots) - max(class_roots) ** 2 / dot(class_roots, class_roots)


def is_above_wrong_threshold(class_roots, root_w, root_h):
    """n_k > N lambda_W lambda_H for the largest class."""
    return max(class_roots) ** 2 > dot(class_roots, class_roots) * (root_w * root_h) ** 2


mse_class_sizes.false_neighbor(
    "n_for_its_square",
    "Class k vanishes only if n_k <= N lambda_W lambda_H: else F falls when its logit grows from 0.",
    margin=slope_of_the_largest,
    domain=DIAGONAL,
    assumptions=[is_above_wrong_threshold],
)


def below_equal_logits(class_roots, logits, root_w, root_h, num_classes):
    """The least value of F at logits x I less F at diagonal logits, with weights N / (K n_k)."""
    decay = root_w * root_h * sum(class_roots)
    equal = max(0, 1 - decay)
    value = sum((1 - x) ** 2 / (2 * num_classes) + root_w * root_h * r * x for x, r in zip(logits, class_roots))
    return (1 - equal) ** 2 / 2 + decay * equal - value


mse_class_sizes.false_neighbor(
    "inverse_frequency",
    "Weights N / (K n_k) make the classes equal: then some logits x I are optimal.",
    margin=below_equal_logits,
    domain=DIAGONAL,
)


def beside_oversampling(class_roots, root_w, root_h):
    """The difference of the logits of class 0 when it has weight 4, and when each of its samples is there 4 times.

    Both times the losses are divided by the sum of all weights.
    """
    total = dot(class_roots, class_roots) + 3 * class_roots[0] ** 2
    decay = root_w * root_h * total
    return abs(max(0, 1 - decay / (4 * class_roots[0])) - max(0, 1 - decay / (2 * class_roots[0])))


mse_class_sizes.false_neighbor(
    "oversampling",
    "To give a class the weight 4 is the same as to have each of its samples 4 times.",
    margin=beside_oversampling,
    domain=DIAGONAL,
)


def below_mean_size(class_roots, logits, root_w, root_h, num_classes):
    """c (1 - c/2) for balanced classes, c = N lambda / sqrt(N / K), squared: the bound of the mean size, over F.

    c^2 = K N lambda^2; as c (1 - c/2) >= c^2 / 2 for c <= 1, the smaller c^2 / 2 is taken, or 1/2.
    """
    total = dot(class_roots, class_roots)
    square = num_classes * total * (root_w * root_h) ** 2
    value = sum(r**2 * (1 - x) ** 2 / (2 * total) + root_w * root_h * r * x for x, r in zip(logits, class_roots))
    return min(1, square) / 2 - value


mse_class_sizes.false_neighbor(
    "balanced_is_best",
    "Balanced classes have the least value of F among all class sizes of the same sum.",
    margin=below_mean_size,
    domain=DIAGONAL,
)
