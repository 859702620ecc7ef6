"""Cross-entropy with non-negative features, any class sizes: a coordinate for each class, and gaps of their own.

K classes of n_k samples, N in all, smoothing alpha, no bias, H >= 0, lambda = sqrt(lambda_W lambda_H), P = I - J / K.
Write r_k = min((1 - alpha) / K, N lambda / sqrt(n_k K (K - 1))), q_k = alpha / K + r_k, a_k = log(1 / q_k - K + 1).

Proof. The logits a_k P e_k have the probabilities q_k of every wrong class, and 1 - (K - 1) q_k of the right one. Less
the target that is -K r_k P e_k. So the columns of the gradient are g_k = -(K r_k / N) P e_k, where <g_k, g_l> is a
negative multiple of 1 / K for k != l, and n_k |g_k|^2 = n_k r_k^2 K (K - 1) / N^2 <= lambda^2: by
`nonnegative_dual_bound` F is at least the mean entropy, sum_k (n_k / N) Ent(q_k). That is attained for d >= K, or as
many dimensions as classes with a_k > 0, by h_k = t_k e_k and the columns w_k = a_k P e_k / t_k of W, t_k^2 =
sqrt(lambda_W / lambda_H) a_k sqrt((K - 1) / (K n_k)): the penalties are lambda sqrt(n_k) a_k |P e_k| for each class,
and a_k K r_k (1 - 1/K) n_k / N is the same.

So class means are orthogonal, whatever the sizes, and weights are the centered means, scaled class by class. Class k
vanishes, a_k = 0, if and only if (1 - alpha)^2 n_k (K - 1) / K <= N^2 lambda_W lambda_H, which no other class has an
influence on but by N. With features of any sign classes share dimensions: the logits are a P where sizes are equal, for
a larger a, and F is smaller. The bias changes nothing where sizes are equal; else it does.
"""

# formulas have no keywords and no stars

from fractions import Fraction

from nctheory.domains import ClassSizes, Domain, Free, Interval, Positive
from nctheory.formula import dot
from nctheory.gaussian import exp, log, sqrt
from nctheory.theorems.registry import theorem

HALF = Fraction(1, 2)
LINE = Domain({"num_classes": (2, 4)}, strength=Positive())


@theorem(
    title="Cross-entropy with non-negative features",
    statement="Any class sizes n_k, smoothing alpha, no bias, H >= 0: with q_k = alpha / K + min((1 - alpha) / K, "
    "N sqrt(lambda_W lambda_H / (n_k K (K - 1)))) and a_k = log(1 / q_k - K + 1), F >= sum_k (n_k / N) [log(e^a_k + K "
    "- 1) - a_k (1 - alpha + alpha / K)] + sqrt(lambda_W lambda_H) sum_k a_k sqrt(n_k (1 - 1/K)), in any dimension. It "
    "is attained for d >= K by orthogonal class means, the logits a_k (e_k - 1/K). Class k vanishes if and only if "
    "(1 - alpha)^2 n_k (K - 1) / K <= N^2 lambda_W lambda_H.",
    latex=r"q_k = \frac{\alpha}{K} + \min\Bigl(\frac{1-\alpha}{K}, \frac{N\lambda}{\sqrt{n_kK(K-1)}}\Bigr),\quad"
    r" a_k = \log\Bigl(\frac1{q_k} - K + 1\Bigr),\quad F \ge \sum_k \frac{n_k}{N}\operatorname{Ent}(q_k)",
    reference="dang2024 without smoothing; proof in the docstring of this file",
    standing="proved",
    remarks="Executed at class means, the absolute values of `means`, which have no larger F than the samples, by "
    "convexity. Weights and means are in units of sqrt(a) of the first class, where that is positive: so the minimizer "
    "of equal classes is rational.",
    domain=Domain(
        {"num_classes": (2, 3), "dimension": (1, 3)},
        class_sizes=ClassSizes(("num_classes",)),
        weights=Free(("num_classes", "dimension")),
        means=Free(("num_classes", "dimension")),
        smoothing=Interval(),
        lambda_weights=Positive(),
        lambda_features=Positive(),
    ),
    sharp={
        "num_classes": 2,
        "dimension": 2,
        "class_sizes": (2, 2),
        "weights": ((HALF, -HALF), (-HALF, HALF)),
        "means": ((1, 0), (0, 1)),
        "smoothing": 0,
        "lambda_weights": Fraction(1, 5),
        "lambda_features": Fraction(1, 20),
    },
)
def nonnegative_cross_entropy(class_sizes, weights, means, smoothing, lambda_weights, lambda_features, num_classes):
    """The bound over F, less 1."""
    total = sum(class_sizes)
    strength = sqrt(lambda_weights * lambda_features)
    low = smoothing / num_classes
    wrong = [
        low + min((1 - smoothing) / num_classes, total * strength / sqrt(n * num_classes * (num_classes - 1)))
        for n in class_sizes
    ]
    gaps = [log(1 / q - num_classes + 1) for q in wrong]
    own = 1 - smoothing + low
    bound = sum(
        n * (log(exp(a) + num_classes - 1) - a * own) for n, a in zip(class_sizes, gaps)
    ) / total + strength * sum(a * sqrt(n * (num_classes - 1) / num_classes) for n, a in zip(class_sizes, gaps))
    unit = gaps[0] if gaps[0] > 0 else 1
    points = [[abs(x) for x in row] for row in means]
    logits = [[unit * dot(w, x) for w in weights] for x in points]
    losses = [
        max(z) + log(sum(exp(s - max(z)) for s in z)) - (1 - smoothing) * z[k] - low * sum(z)
        for k, z in zip(range(num_classes), logits)
    ]
    norms = lambda_weights * sum(dot(w, w) for w in weights) + lambda_features * sum(
        n * dot(x, x) for n, x in zip(class_sizes, points)
    )
    return bound / (dot(class_sizes, losses) / total + unit * norms / 2) - 1


def lost_by_the_sign(strength, num_classes):
    """The least F over that with features of any sign, less 1, for equal class sizes; strength is K sqrt(n) lambda."""
    wrong = min(1, strength * sqrt(num_classes / (num_classes - 1))) / num_classes
    gap = log(1 / wrong - num_classes + 1)
    least = log(1 + (num_classes - 1) * exp(-gap)) + strength * gap * sqrt((num_classes - 1) / num_classes)
    plain = log(1 + num_classes * max(0, 1 - strength) / strength)
    other = log(1 + (num_classes - 1) * exp(-plain)) + strength * plain * (num_classes - 1) / num_classes
    return least / other - 1


nonnegative_cross_entropy.false_neighbor(
    "simplex",
    "For equal class sizes the value of the simplex, least for features of any sign, is reached by H >= 0 as well.",
    margin=lost_by_the_sign,
    domain=LINE,
)


def slope_at_zero(strength, num_classes):
    """(N lambda)^2 / n_k - (K - 1) / K: where it is positive F does not fall from zero along e_k - 1/K in class k."""
    return strength**2 - (num_classes - 1) / num_classes


def is_below_one(strength):
    """N lambda / sqrt(n_k) < 1."""
    return strength < 1


nonnegative_cross_entropy.false_neighbor(
    "threshold_of_any_sign",
    "A class does not vanish as long as n_k > N^2 lambda_W lambda_H: F falls as it moves from zero.",
    margin=slope_at_zero,
    domain=LINE,
    assumptions=[is_below_one],
)


def slope_with_smoothing(strength, smoothing, num_classes):
    """(N lambda)^2 / n_k - (1 - alpha)^2 (K - 1) / K."""
    return strength**2 - (1 - smoothing) ** 2 * (num_classes - 1) / num_classes


def is_below_threshold(strength, num_classes):
    """(N lambda)^2 / n_k < (K - 1) / K."""
    return strength**2 < (num_classes - 1) / num_classes


nonnegative_cross_entropy.false_neighbor(
    "smoothing_changes_nothing",
    "With smoothing, too, a class does not vanish as long as n_k (K - 1) / K > N^2 lambda_W lambda_H.",
    margin=slope_with_smoothing,
    domain=Domain({"num_classes": (2, 4)}, strength=Positive(), smoothing=Interval()),
    assumptions=[is_below_threshold],
)


def gain_of_equal_gaps(class_sizes, strength):
    """How much equal gaps, the best ones for n = N / 2, lose next to the least value, relatively; K = 2, any lambda."""
    total = sum(class_sizes)
    wrong = [min(1 / 2, total * strength / sqrt(2 * n)) for n in class_sizes]
    gaps = [log(1 / q - 1) for q in wrong]
    least = sum(n / total * log(1 + exp(-a)) + strength * a * sqrt(n / 2) for n, a in zip(class_sizes, gaps))
    both = log(1 / min(1 / 2, strength * sqrt(total)) - 1)
    equal = sum(n / total * log(1 + exp(-both)) + strength * both * sqrt(n / 2) for n in class_sizes)
    return equal / least - 1


nonnegative_cross_entropy.false_neighbor(
    "two_classes_by_their_sum",
    "For two classes the optimum depends on the number of samples alone, as it does with features of any sign: equal "
    "gaps are optimal.",
    margin=gain_of_equal_gaps,
    domain=Domain(class_sizes=ClassSizes((2,)), strength=Positive()),
)


def without_the_sign(class_sizes, weights, means, lambda_weights, lambda_features):
    """The bound for two classes over F at means of any sign, less 1."""
    total = sum(class_sizes)
    strength = sqrt(lambda_weights * lambda_features)
    gaps = [log(1 / min(1 / 2, total * strength / sqrt(2 * n)) - 1) for n in class_sizes]
    bound = sum(n / total * log(1 + exp(-a)) + strength * a * sqrt(n / 2) for n, a in zip(class_sizes, gaps))
    margins = [(weights[k] - weights[1 - k]) * means[k] for k in (0, 1)]
    losses = [log(1 + exp(-abs(m))) + max(0, -m) for m in margins]
    norms = lambda_weights * dot(weights, weights) + lambda_features * sum(
        class_sizes[k] * means[k] ** 2 for k in (0, 1)
    )
    return bound / (dot(class_sizes, losses) / total + norms / 2) - 1


nonnegative_cross_entropy.false_neighbor(
    "any_sign",
    "The bound holds for features of any sign.",
    margin=without_the_sign,
    domain=Domain(
        class_sizes=ClassSizes((2,)),
        weights=Free((2,)),
        means=Free((2,)),
        lambda_weights=Positive(),
        lambda_features=Positive(),
    ),
)
