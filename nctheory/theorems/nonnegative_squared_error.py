"""Squared error with non-negative features: as without the sign if there is no bias, and worse with a free one.

K balanced classes of n samples, H >= 0, lambda = sqrt(lambda_W lambda_H), c = K sqrt(n) lambda, s = sqrt(1 - 1/K).

Without bias the optimum for features of any sign has orthogonal class means (`orthogonal_frame_optimum`, and with
unequal sizes `mse_class_sizes`): turned onto the coordinates they are not negative, so nothing is lost.

With a free bias it has the logits (1 - c) (I - J / K) and a simplex of class means (`simplex_optimum_free_bias`), which
is not among the non-negative ones. Proof of the bound here: for c < s let r_k = -(c / s) (e_k - 1/K). These add up to
0, as a free bias needs it; <r_k, r_l> < 0 for k != l; and g_k = r_k / N has n |g_k|^2 = n c^2 / N^2 = lambda^2. So by
`nonnegative_dual_bound` F is at least -mean(|r_k|^2 / 2 + <r_k, e_k>) = -c^2 / 2 + (c / s) s^2 = c s - c^2 / 2. For
c >= s the r_k = -(e_k - 1/K) do, with s^2 / 2. A penalty of the bias only adds to F. For d >= K it is attained by h_k =
t e_k, the logits (1 - c / s) (e_k - 1/K) and b = 1/K: the loss is c^2 / 2, the penalties are c (s - c).

Less the value s^2 (c - c^2 / 2) of features of any sign that is c (1 - s) (s - c (1 + s) / 2): positive for c <= s, and
for s < c < 1 zero is not optimal for them. So with a free bias H >= 0 costs something for every c < 1, and all logits
vanish from c = s on, in place of c = 1.
"""

# formulas have no keywords and no stars

from fractions import Fraction

from nctheory.domains import Domain, Free, Interval, Positive
from nctheory.formula import dot
from nctheory.gaussian import sqrt
from nctheory.theorems.registry import theorem

QUARTER = Fraction(1, 4)
LINE = Domain({"num_classes": (2, 4)}, strength=Positive())
DOMAIN = Domain(
    {"num_classes": (2, 3), "class_size": (1, 3), "dimension": (1, 3)},
    weights=Free(("num_classes", "dimension")),
    means=Free(("num_classes", "dimension")),
    bias=Free(("num_classes",)),
    lambda_weights=Positive(),
    lambda_features=Positive(),
)


@theorem(
    title="Squared error with non-negative features and a free bias",
    statement="For K balanced classes of n samples, squared error, any bias and H >= 0, with c = K sqrt(n lambda_W "
    "lambda_H) and s = sqrt(1 - 1/K): F >= c s - c^2 / 2 for c <= s, and F >= s^2 / 2 otherwise, in any dimension. It "
    "is attained for d >= K by orthogonal class means, the logits max(0, 1 - c / s) (e_k - 1/K) and the bias 1/K. That "
    "is more than with features of any sign, s^2 (c - c^2 / 2), for every c < 1. Without bias nothing is lost.",
    latex=r"s = \sqrt{1-\tfrac1K},\ c = K\sqrt{n\lambda_W\lambda_H},\quad F \ge"
    r" \begin{cases} cs - c^2/2 & c \le s \\ s^2/2 & c \ge s \end{cases}",
    reference="tirer2022 for the model; proof in the docstring of this file",
    standing="proved",
    remarks="Executed at class means, the absolute values of `means`.",
    domain=DOMAIN,
    sharp={
        "num_classes": 2,
        "class_size": 1,
        "dimension": 2,
        "weights": ((QUARTER, -QUARTER), (-QUARTER, QUARTER)),
        "means": ((1, 0), (0, 1)),
        "bias": ("1/2", "1/2"),
        "lambda_weights": "1/2",
        "lambda_features": "1/16",
    },
)
def nonnegative_squared_error(weights, means, bias, lambda_weights, lambda_features, num_classes, class_size):
    """The bound over F, less 1."""
    points = [[abs(x) for x in row] for row in means]
    root = sqrt((num_classes - 1) / num_classes)
    c = min(root, num_classes * sqrt(class_size * lambda_weights * lambda_features))
    loss = sum(
        (dot(weights[e], points[k]) + bias[e] - (1 if e == k else 0)) ** 2
        for k in range(num_classes)
        for e in range(num_classes)
    )
    norms = lambda_weights * sum(dot(w, w) for w in weights) + class_size * lambda_features * sum(
        dot(x, x) for x in points
    )
    return 2 * (c * root - c**2 / 2) / (loss / num_classes + norms) - 1


def lost_by_the_sign(strength, num_classes):
    """The least F over that with features of any sign, less 1."""
    root = sqrt((num_classes - 1) / num_classes)
    c = min(root, strength)
    other = min(1, strength)
    return (c * root - c**2 / 2) / (root**2 * (other - other**2 / 2)) - 1


nonnegative_squared_error.false_neighbor(
    "simplex",
    "With a free bias H >= 0 reaches the least value of features of any sign, (1 - 1/K) (c - c^2 / 2).",
    margin=lost_by_the_sign,
    domain=LINE,
)


def slope_at_zero(strength, num_classes):
    """c^2 - (K - 1) / K: where it is positive F does not fall from zero along e_k - 1/K."""
    return strength**2 - (num_classes - 1) / num_classes


def is_below_one(strength):
    """c < 1."""
    return strength < 1


nonnegative_squared_error.false_neighbor(
    "threshold_of_any_sign",
    "Zero is not optimal for c < 1: F falls from there.",
    margin=slope_at_zero,
    domain=LINE,
    assumptions=[is_below_one],
)


def with_a_simplex(share, strength, num_classes):
    """The bound over F at the simplex of the logits x (e_k - 1/K) with the penalties least for any sign, less 1."""
    square = (num_classes - 1) / num_classes
    c = min(sqrt(square), strength)
    value = square * ((1 - share) ** 2 / 2 + strength * share)
    return (c * sqrt(square) - c**2 / 2) / value - 1


nonnegative_squared_error.false_neighbor(
    "any_sign",
    "The bound holds for features of any sign: for simplices of any size, too.",
    margin=with_a_simplex,
    domain=Domain({"num_classes": (2, 4)}, share=Interval(), strength=Positive()),
)


def value_without_bias(weights, means, bias, lambda_weights, lambda_features, num_classes, class_size):
    """c - c^2 / 2 over F, less 1."""
    points = [[abs(x) for x in row] for row in means]
    c = min(1, num_classes * sqrt(class_size * lambda_weights * lambda_features))
    loss = sum(
        (dot(weights[e], points[k]) + bias[e] - (1 if e == k else 0)) ** 2
        for k in range(num_classes)
        for e in range(num_classes)
    )
    norms = lambda_weights * sum(dot(w, w) for w in weights) + class_size * lambda_features * sum(
        dot(x, x) for x in points
    )
    return 2 * (c - c**2 / 2) / (loss / num_classes + norms) - 1


nonnegative_squared_error.false_neighbor(
    "bias_is_useless",
    "As class means are orthogonal with and without bias, so is the least value: F >= c - c^2 / 2 with a bias, too.",
    margin=value_without_bias,
)
