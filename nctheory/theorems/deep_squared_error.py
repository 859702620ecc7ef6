"""Deep linear models with the squared error: every singular value of the targets is shrunk, or vanishes with a jump.

m matrices and free features are L = m + 1 factors, Lambda the product of their penalties; Z are the logits of all N
samples, s_1 >= s_2 >= ... their singular values, and y_i those of the targets Y (of Y less its mean with a free bias).

Proof. Horn: the sum of s_i^p is at most that of the p-th powers of the products of the factors' i-th singular values,
for every p > 0. With p = 2/L and the inequality of the means, mode by mode, the penalties are at least (L/2)
Lambda^(1/L) sum_i s_i^(2/L). Von Neumann: |Z - Y|^2 >= sum_i (s_i - y_i)^2. So F >= sum_i v(y_i^2), where for s = x y,
y^2 = t and m = (N/t) (t Lambda)^(1/L)

    v(t) = (t/N) min over x >= 0 of f(x) = (1 - x)^2 / 2 + (L/2) m x^(2/L),

or t / (2N) for all but the d largest. It is attained by Y's own singular vectors, with factors that share each singular
value alike. f' = x^(2/L - 1) (m - (1 - x) x^(1 - 2/L)): f falls just between the two roots of (1 - x) x^(1 - 2/L) = m,
and is least at the larger root or at 0. At a root f = (1 - x) (1 + (L - 1) x) / 2, below f(0) = 1/2 if and only if
x > (L - 2) / (L - 1). So a mode vanishes from m = ((L - 2) / (L - 1))^((L - 2) / L) / (L - 1) on, and not continuously;
the larger root stays a local minimum up to the largest value of (1 - x) x^(1 - 2/L), at x = (L - 2) / (2 L - 2).
"""

# formulas have no keywords and no stars

from nctheory.domains import Domain, Free, Positive, Range
from nctheory.formula import dot
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (2, 3), "dimension": (1, 2), "class_root": (1, 2)}
POINTS = Free(("num_classes", "dimension"))
DOMAIN = Domain(
    SIZES,
    weights=POINTS,
    inner=Free(("dimension", "dimension")),
    means=POINTS,
    first=Positive(),
    second=Positive(),
    excess=Positive(),
)


@theorem(
    title="Squared error in deep linear models",
    statement="With m matrices, L = m + 1 factors whose penalties have the product Lambda, squared error without bias "
    "(or with a free one), a mode of the targets with the squared singular value t costs at least (t/N) min over x of "
    "(1 - x)^2 / 2 + (L/2) m x^(2/L), m = (N/t) (t Lambda)^(1/L); the d largest modes are kept, and it is attained. "
    "The best x is the larger root of (1 - x) x^(1 - 2/L) = m where that is at least (L - 2) / (L - 1), and else 0: "
    "beyond a threshold the mode vanishes at once, although the root stays a local minimum for a while.",
    latex=r"F \ge \sum_{i\le d} \frac{t_i}{N}\min_{x\ge0}\Bigl[\frac{(1-x)^2}2+\frac L2\,m_i x^{2/L}\Bigr]"
    r"+\sum_{i>d}\frac{t_i}{2N},\quad m_i=\frac N{t_i}(t_i\Lambda)^{1/L},\quad"
    r" m^*=\frac1{L-1}\Bigl(\frac{L-2}{L-1}\Bigr)^{(L-2)/L}",
    reference="dang2023; proof in the docstring of this file",
    standing="proved",
    remarks="Executed for two matrices at the means of balanced classes of class_root^3 samples, with x = r^3, r = (2 "
    "+ excess) / (3 + excess), and the penalties first, second and 1 / (first second) times m / (K class_root).",
    domain=DOMAIN,
    sharp={
        "num_classes": 2,
        "dimension": 2,
        "class_root": 1,
        "weights": (("9/10", 0), (0, "9/10")),
        "inner": (("9/10", 0), (0, "9/10")),
        "means": (("9/10", 0), (0, "9/10")),
        "first": 1,
        "second": 1,
        "excess": 7,
    },
)
def deep_squared_error(weights, inner, means, first, second, excess, num_classes, class_root):
    """The least value over F, less 1."""
    root = (2 + excess) / (3 + excess)
    level = (1 - root**3) * root / (num_classes * class_root)
    hidden = [[dot(row, x) for row in inner] for x in means]
    loss = sum(
        (dot(weights[c], hidden[e]) - (1 if c == e else 0)) ** 2 for c in range(num_classes) for e in range(num_classes)
    )
    squares = [
        first * sum(dot(w, w) for w in inner),
        second * sum(dot(w, w) for w in weights),
        class_root**3 * sum(dot(x, x) for x in means) / (first * second),
    ]
    least = min(1 / 2, (1 - root**3) * (1 + 2 * root**3) / 2)
    return least / (loss / (2 * num_classes) + level * sum(squares) / 2) - 1


def with_root(weights, inner, means, first, second, excess, num_classes, class_root):
    """The value at the root over F, less 1."""
    root = (2 + excess) / (3 + excess)
    level = (1 - root**3) * root / (num_classes * class_root)
    hidden = [[dot(row, x) for row in inner] for x in means]
    loss = sum(
        (dot(weights[c], hidden[e]) - (1 if c == e else 0)) ** 2 for c in range(num_classes) for e in range(num_classes)
    )
    squares = [
        first * sum(dot(w, w) for w in inner),
        second * sum(dot(w, w) for w in weights),
        class_root**3 * sum(dot(x, x) for x in means) / (first * second),
    ]
    least = (1 - root**3) * (1 + 2 * root**3) / 2
    return least / (loss / (2 * num_classes) + level * sum(squares) / 2) - 1


deep_squared_error.false_neighbor(
    "root_is_global",
    "The larger root of (1 - x) x^(1 - 2/L) = m is the optimum wherever there is one, as the code published with "
    "dang2023 takes it.",
    margin=with_root,
)


def with_simplex(weights, inner, means, first, second, excess, num_classes, class_root):
    """The value without one of the modes, of class means of sum 0, over F, less 1."""
    root = (2 + excess) / (3 + excess)
    level = (1 - root**3) * root / (num_classes * class_root)
    hidden = [[dot(row, x) for row in inner] for x in means]
    loss = sum(
        (dot(weights[c], hidden[e]) - (1 if c == e else 0)) ** 2 for c in range(num_classes) for e in range(num_classes)
    )
    squares = [
        first * sum(dot(w, w) for w in inner),
        second * sum(dot(w, w) for w in weights),
        class_root**3 * sum(dot(x, x) for x in means) / (first * second),
    ]
    kept = min(1 / 2, (1 - root**3) * (1 + 2 * root**3) / 2)
    least = ((num_classes - 1) * kept + 1 / 2) / num_classes
    return least / (loss / (2 * num_classes) + level * sum(squares) / 2) - 1


deep_squared_error.false_neighbor(
    "simplex",
    "Without bias a simplex ETF is optimal, as with a free bias.",
    margin=with_simplex,
    counterexample={
        "num_classes": 2,
        "dimension": 2,
        "class_root": 1,
        "weights": (("9/10", 0), (0, "9/10")),
        "inner": (("9/10", 0), (0, "9/10")),
        "means": (("9/10", 0), (0, "9/10")),
        "first": 1,
        "second": 1,
        "excess": 7,
    },
)


def with_all_samples(weights, inner, means, first, second, excess, num_classes, class_root):
    """The least value over F, less 1, for m = K n Lambda^(1/3)."""
    root = (2 + excess) / (3 + excess)
    level = (1 - root**3) * root / (num_classes * class_root**3)
    hidden = [[dot(row, x) for row in inner] for x in means]
    loss = sum(
        (dot(weights[c], hidden[e]) - (1 if c == e else 0)) ** 2 for c in range(num_classes) for e in range(num_classes)
    )
    squares = [
        first * sum(dot(w, w) for w in inner),
        second * sum(dot(w, w) for w in weights),
        class_root**3 * sum(dot(x, x) for x in means) / (first * second),
    ]
    least = min(1 / 2, (1 - root**3) * (1 + 2 * root**3) / 2)
    return least / (loss / (2 * num_classes) + level * sum(squares) / 2) - 1


deep_squared_error.false_neighbor(
    "all_samples",
    "The bound holds for K classes of n samples with m = K n Lambda^(1/L), without the root of n.",
    margin=with_all_samples,
)
