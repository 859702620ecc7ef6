"""Deep models with cross-entropy: a bound by the nuclear norm, attained for two classes; a simplex is not always best.

Balanced classes of n samples, m matrices and free features: L = m + 1 factors, Lambda the product of their penalties;
between the matrices is nothing, or a ReLU, which lengthens no matrix. Z are the K x K logits of the class means M.

Proof. |A B|_* <= |A| |B| and |A B| <= |A| |B| in the Frobenius norm, so |Z|_* <= g = |W_m| ... |W_1| |M|. The margins
z_kk - z_kj add up to K <P, Z> <= K |Z|_*, and are g / (K - 1) in the mean, at most. The loss is a mean of convex
functions of them, each falling: at least log(1 + (K - 1) exp(-g / (K - 1))). The penalties are at least (L/2) (Lambda n
g^2)^(1/L) by the inequality of the means, as the features of n samples have n times the square of their mean's norm or
more. For two classes Z of rank one, rows +-(1, -1), has both with equality.

A simplex aP costs (L/2) (Lambda n)^(1/L) (K - 1) a^(2/L) with margins a, and simplices of two classes beside each
other, an orthoplex, (L/2) (Lambda n)^(1/L) (K/2) (2a)^(2/L), with margins a or more. As Lambda goes to 0 the best a
grows as log(1 / Lambda) / L for both, while the losses stay below the penalties: the orthoplex is better if 2^(2/L - 1)
K < K - 1, and worse if it is larger. For larger penalties logits of lower rank yet may be better, of rank one for three
classes: `always_simplex`.
"""

from nctheory.domains import Domain, Free, Positive, Range
from nctheory.formula import dot
from nctheory.gaussian import exp, log, sqrt
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (2, 4), "dimension": (1, 3)}
MANY: dict[str, Range] = {"num_classes": (2, 6), "dimension": (1, 3)}
POINTS = Free(("num_classes", "dimension"))
SQUARE = Free(("dimension", "dimension"))


@theorem(
    title="Cross-entropy in deep models",
    statement="For K balanced classes of n samples and L factors with penalties of the product Lambda, linear or with "
    "a ReLU between the matrices, the cross-entropy is at least log(1 + (K - 1) exp(-g / (K - 1))), g the product of "
    "the Frobenius norms of the matrices and the class means, and the penalties are at least (L/2) (Lambda n "
    "g^2)^(1/L). For two classes linear models attain both. As Lambda goes to 0 and for even K an orthoplex is better "
    "than a simplex if 2^(2/L - 1) K < K - 1.",
    latex=r"\frac1N\sum_i\ell(z_i,y_i) \ge \log\Bigl(1+(K-1)e^{-g/(K-1)}\Bigr),\quad g=\|W_m\|_F\cdots\|W_1\|_F"
    r"\|M\|_F,\qquad \text{penalties} \ge \frac L2\bigl(\Lambda n g^2\bigr)^{1/L}",
    reference="garrod2025, for low rank; proof in the docstring of this file",
    standing="proved",
    remarks="Executed for the loss of two matrices without a ReLU, at class means.",
    domain=Domain(SIZES, weights=POINTS, inner=SQUARE, means=POINTS),
    sharp={
        "num_classes": 2,
        "dimension": 1,
        "weights": ((1,), (-1,)),
        "inner": ((1,),),
        "means": ((1,), (-1,)),
    },
)
def deep_cross_entropy(weights, inner, means, num_classes):
    """The bound less the loss."""
    classes = range(num_classes)
    hidden = [[dot(row, x) for row in inner] for x in means]
    logits = [[dot(w, x) for w in weights] for x in hidden]
    loss = sum(log(sum(exp(z - max(row)) for z in row)) + max(row) - row[k] for k, row in zip(classes, logits))
    squares = [sum(dot(row, row) for row in rows) for rows in (weights, inner, means)]
    norm = sqrt(squares[0] * squares[1] * squares[2])
    return log(1 + (num_classes - 1) * exp(-norm / (num_classes - 1))) - loss / num_classes


def below_the_simplex(weights, inner, means, root, num_classes):
    """The least value of a multiple of a simplex less F.

    Three factors of penalty q root / (K - 1), q = (K - 1) / (e^a + K - 1), a = root^3, and one sample in each class:
    the multiples of a simplex cost log(1 + (K - 1) e^-b) + (3/2) q root b^(2/3), critical at b = a. They fall between
    two critical points only, as b^(1/3) q(b) is log-concave, and a is the larger one where that falls: 3 a (1 - q) >=
    1. So the least is at a, or at 0.
    """
    classes = range(num_classes)
    others = (num_classes - 1) * exp(-(root**3))
    share = others / (1 + others)
    hidden = [[dot(row, x) for row in inner] for x in means]
    logits = [[dot(w, x) for w in weights] for x in hidden]
    loss = sum(log(sum(exp(z - max(row)) for z in row)) + max(row) - row[k] for k, row in zip(classes, logits))
    square = sum(sum(dot(row, row) for row in rows) for rows in (weights, inner, means))
    value = loss / num_classes + share * root / (num_classes - 1) * square / 2
    simplex = log(1 + (num_classes - 1) * exp(-(root**3))) + 3 / 2 * share * root**3
    return min(log(num_classes), simplex) - value


def is_larger_root(root, num_classes):
    """3 a (1 - q) >= 1."""
    return 3 * root**3 >= 1 + (num_classes - 1) * exp(-(root**3))


def is_far(root):
    """Margins of 8 or more: small penalties."""
    return root >= 2


POINT = Domain(MANY, weights=POINTS, inner=SQUARE, means=POINTS, root=Positive())
deep_cross_entropy.false_neighbor(
    "always_simplex",
    "In deep linear models with cross-entropy and balanced classes no point is below the best multiple of a simplex "
    "ETF, or 0: the global solutions exhibit neural collapse, as dang2023 has it for this loss too.",
    margin=below_the_simplex,
    domain=POINT,
    assumptions=[is_larger_root],
    counterexample={
        "num_classes": 3,
        "dimension": 1,
        "weights": (("9/10",), ("-9/10",), (0,)),
        "inner": (("5/4",),),
        "means": (("9/10",), ("-9/10",), (0,)),
        "root": "28/25",
    },
)
deep_cross_entropy.false_neighbor(
    "simplex_for_small_penalties",
    "That holds for all small penalties at least: those of margins of 8 or more.",
    margin=below_the_simplex,
    domain=POINT,
    assumptions=[is_larger_root, is_far],
    counterexample={
        "num_classes": 6,
        "dimension": 3,
        "weights": (("7/4", 0, 0), ("-7/4", 0, 0), (0, "7/4", 0), (0, "-7/4", 0), (0, 0, "7/4"), (0, 0, "-7/4")),
        "inner": (("5/2", 0, 0), (0, "5/2", 0), (0, 0, "5/2")),
        "means": (("7/4", 0, 0), ("-7/4", 0, 0), (0, "7/4", 0), (0, "-7/4", 0), (0, 0, "7/4"), (0, 0, "-7/4")),
        "root": 2,
    },
)
