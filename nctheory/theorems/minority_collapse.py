"""Minority collapse: classes of equal size share one weight exactly up to a threshold, whatever the other sizes.

A block B of classes has n samples in each of them, class weight omega; N samples in all, smoothing alpha, lambda =
sqrt(lambda_W lambda_H), any further classes and samples. Q is the projection of R^K onto the vectors on B of sum 0, R
that of R^N onto the vectors on the samples of B of sum 0. Merging replaces the weights of B by their average, its
biases likewise, and the features of B by their average: W_0 = (I - Q) W, H_0 = (I - R) H.

Proof. Let Z and Z_0 be the logits. Where i is in B, the column g_i = omega (softmax(z_i) - t_i) / N of the gradient G
at Z_0 has the same softmax for all of B, with equal entries on B: so Q g_i = -omega (1 - alpha) Q e_y / N, and the rest
of g_i is the same for all i in B. Elsewhere Q g_i = 0, if the classes of B have equal targets there. So G = (I - Q) G
(I - R) + Q G R, and <G, Q b 1^T> = 0, as n is the same for all of B. Q G R has the norm omega (1 - alpha) sqrt n / N =:
g. By convexity L(Z) >= L(Z_0) + <Q G R, Z> >= L(Z_0) - g |Q W| |R H|. The penalties of W and H are those of W_0 and H_0
plus r = (lambda_W |Q W|^2 + lambda_H |R H|^2) / 2 >= lambda |Q W| |R H|: F >= F_0 + (1 - g / lambda) r. For g <= lambda
merging never raises F, and for g < lambda every minimizer is merged.

For g > lambda no merged point is best: for a unit vector u in the range of Q and v_i = u_y / sqrt n on B, the logits
Z_0 + s^2 u v^T cost lambda s^2, with one more dimension or one that W_0 leaves free, as W_0 always does for d >= K - 1
where 1^T W_0 = 0. The Hessian of the loss is at most 1/2 per sample, so F changes by at most (lambda - g) s^2 + omega
s^4 / (4 N), which is -N (g - lambda)^2 / omega at s^2 = 2 N (g - lambda) / omega.

So the threshold is (omega (1 - alpha))^2 n = N^2 lambda_W lambda_H. Classes of different sizes in a block have
different pulls omega n on the feature that they share: a merged point is then not even critical, unless that feature is
0.
"""

from fractions import Fraction

from nctheory.domains import ClassSizes, Domain, Free, Interval, Positive, Range
from nctheory.formula import dot, squared_distance
from nctheory.gaussian import exp, log, sqrt
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {
    "minority": (2, 3),
    "class_size": (1, 2),
    "majority": (0, 1),
    "num_classes": lambda minority, majority: (minority + majority, minority + majority),
    "num_samples": lambda minority, class_size, majority: (
        minority * class_size + 3 * majority,
        minority * class_size + 3 * majority,
    ),
    "dimension": (1, 2),
}


@theorem(
    title="Minority collapse",
    statement="Cross-entropy, N samples; a block of classes has n samples each, the class weight omega, and smoothing "
    "alpha; the other classes are any. Let g = omega (1 - alpha) sqrt(n) / N, lambda = sqrt(lambda_W lambda_H). "
    "Averaging the block's weights, biases and features lowers F by at least 1 - g / lambda times the penalties that "
    "it removes. Where g > lambda every point that it leaves as it is can be split to lower F by N (g - lambda)^2 / "
    "omega. So the block's rows of W coincide at a minimizer if and only if (omega (1 - alpha))^2 n <= N^2 lambda_W "
    "lambda_H; for d >= K - 1.",
    latex=r"F(W,H,b) \ge F(W_0,H_0,b_0) + \Bigl(1-\frac g\lambda\Bigr)"
    r"\Bigl(\frac{\lambda_W}2\|W-W_0\|_F^2+\frac{\lambda_H}2\|H-H_0\|_F^2\Bigr),\quad"
    r" g = \frac{\omega(1-\alpha)\sqrt n}{N},\quad \lambda=\sqrt{\lambda_W\lambda_H}",
    reference="fang2021 and hong2023, for two sizes; dang2024, for features that are not negative; proof in the "
    "docstring of this file",
    standing="proved",
    remarks="Executed with one more dimension for the split, which does not depend on the bias's penalty. The block is "
    "first; a last class, if there is one, has three samples.",
    domain=Domain(
        SIZES,
        weights=Free(("num_classes", "dimension")),
        features=Free(("num_samples", "dimension")),
        bias=Free(("num_classes",)),
        class_weights=Positive((2,)),
        smoothing=Interval(),
        lambda_weights=Positive(),
        lambda_features=Positive(),
    ),
    sharp={
        "minority": 2,
        "class_size": 1,
        "majority": 1,
        "num_classes": 3,
        "num_samples": 5,
        "dimension": 1,
        "weights": ((1,), (1,), (-2,)),
        "features": ((1,), (1,), (-1,), (-1,), (-1,)),
        "bias": (0, 0, 1),
        "class_weights": (2, 1),
        "smoothing": Fraction(1, 10),
        "lambda_weights": Fraction(1, 2),
        "lambda_features": Fraction(1, 3),
    },
)
def minority_collapse(
    weights,
    features,
    bias,
    class_weights,
    smoothing,
    lambda_weights,
    lambda_features,
    minority,
    class_size,
    num_classes,
    num_samples,
    dimension,
):
    """The larger of what both inequalities are violated by, relative to F before and after merging."""
    classes = range(num_classes)
    samples = range(num_samples)
    block = minority * class_size
    strength = sqrt(lambda_weights * lambda_features)
    g = class_weights[0] * (1 - smoothing) * sqrt(class_size) / num_samples
    step = 2 * num_samples * max(0, g - strength) / class_weights[0]
    weight = [sum(weights[k][j] for k in range(minority)) / minority for j in range(dimension)]
    feature = [sum(features[i][j] for i in range(block)) / block for j in range(dimension)]
    offset = sum(bias[k] for k in range(minority)) / minority
    merged_weights = [weight if k < minority else weights[k] for k in classes]
    merged_features = [feature if i < block else features[i] for i in samples]
    labels = [k for k in range(minority) for _ in range(class_size)] + [minority for _ in range(num_samples - block)]
    signs = [1, -1] + [0 for _ in range(num_classes - 2)]
    given = [[dot(weights[k], features[i]) + bias[k] for k in classes] for i in samples]
    merged = [
        [dot(merged_weights[k], merged_features[i]) + (offset if k < minority else bias[k]) for k in classes]
        for i in samples
    ]
    split = [
        [merged[i][k] + step * signs[k] * signs[labels[i]] / (2 * sqrt(class_size)) for k in classes] for i in samples
    ]
    losses = [
        sum(
            class_weights[0 if labels[i] < minority else 1]
            * (
                log(sum(exp(z - max(rows[i])) for z in rows[i]))
                + max(rows[i])
                - (1 - smoothing) * rows[i][labels[i]]
                - smoothing * sum(rows[i]) / num_classes
            )
            for i in samples
        )
        / num_samples
        for rows in (given, merged, split)
    ]
    penalty = lambda_weights * sum(dot(w, w) for w in merged_weights) + lambda_features * sum(
        dot(x, x) for x in merged_features
    )
    removed = lambda_weights * sum(squared_distance(weights[k], weight) for k in range(minority)) + (
        lambda_features * sum(squared_distance(features[i], feature) for i in range(block))
    )
    raised = losses[1] - losses[0] - g / strength * removed / 2
    left = losses[2] + strength * step - losses[1] + num_samples * (g - strength) ** 2 / class_weights[0]
    return max(raised / (losses[0] + (penalty + removed) / 2), left / (losses[1] + penalty / 2) if g > strength else -1)


def gain_of_unequal(class_sizes, weights, means, lambda_weights, lambda_features):
    """By how much merging the first two of three classes raises F, relative to F before."""
    total = sum(class_sizes)
    pair = class_sizes[0] + class_sizes[1]
    weight = [(weights[0][j] + weights[1][j]) / 2 for j in (0, 1)]
    mean = [(class_sizes[0] * means[0][j] + class_sizes[1] * means[1][j]) / pair for j in (0, 1)]
    rows = [
        [[dot(w, x) for w in weights] for x in means],
        [[dot(w, x) for w in (weight, weight, weights[2])] for x in (mean, mean, means[2])],
    ]
    losses = [
        sum(class_sizes[k] * (log(sum(exp(z - max(r[k])) for z in r[k])) + max(r[k]) - r[k][k]) for k in range(3))
        / total
        for r in rows
    ]
    penalties = [
        lambda_weights * (dot(w[0], w[0]) + dot(w[1], w[1]) + dot(w[2], w[2])) / 2
        + lambda_features * sum(class_sizes[k] * dot(x[k], x[k]) for k in range(3)) / 2
        for w, x in ((weights, means), ((weight, weight, weights[2]), (mean, mean, means[2])))
    ]
    return (losses[1] + penalties[1]) / (losses[0] + penalties[0]) - 1


def larger_is_small(class_sizes, lambda_weights, lambda_features):
    """The first two sizes are at most N^2 lambda_W lambda_H."""
    return max(class_sizes[0], class_sizes[1]) <= sum(class_sizes) ** 2 * lambda_weights * lambda_features


minority_collapse.false_neighbor(
    "different_sizes",
    "Merging two classes of different sizes does not raise F as soon as the larger has at most N^2 lambda_W lambda_H "
    "samples.",
    margin=gain_of_unequal,
    domain=Domain(
        class_sizes=ClassSizes((3,)),
        weights=Free((3, 2)),
        means=Free((3, 2)),
        lambda_weights=Positive(),
        lambda_features=Positive(),
    ),
    assumptions=[larger_is_small],
)


def gain_at_zero(num_classes, class_size, class_weight, strength):
    """F at zero less F after two of K classes, n samples each, are split from there; strength is lambda K sqrt n."""
    root = sqrt(class_size)
    step = 2 * num_classes * class_size * max(0, 1 / num_classes - strength / (num_classes * class_weight)) / root
    shift = step / (2 * root)
    change = class_weight * (log((exp(shift) + exp(-shift) + num_classes - 2) / num_classes) - shift) * 2 / num_classes
    return -change - strength / (num_classes * root) * step


def weighted_size_is_small(class_weight, strength):
    """omega n <= N^2 lambda^2, where strength^2 is N^2 lambda^2 / n."""
    return class_weight <= strength**2


minority_collapse.false_neighbor(
    "weights_not_squared",
    "Classes of n samples and class weight omega merge, at the latest, where omega n = N^2 lambda_W lambda_H: "
    "splitting them does not lower F beyond.",
    margin=gain_at_zero,
    domain=Domain({"num_classes": (2, 4), "class_size": (1, 3)}, class_weight=Positive(), strength=Positive()),
    assumptions=[weighted_size_is_small],
)


def shortfall(num_classes, smoothing, strength):
    """(1 - N lambda)^2 / N less what F falls by from zero, as two of K classes of one sample are split."""
    step = 2 * max(0, 1 - strength)
    change = (log((exp(step / 2) + exp(-step / 2) + num_classes - 2) / num_classes)) * 2 / num_classes
    gain = -change + (1 - smoothing) * step / num_classes - strength / num_classes * step
    return max(0, 1 - strength) ** 2 / num_classes - gain


minority_collapse.false_neighbor(
    "smoothing_changes_nothing",
    "With smoothing, too, two of K merged classes of one sample can be split by the step for alpha = 0, to lower F by "
    "(1 - N lambda)^2 / N.",
    margin=shortfall,
    domain=Domain({"num_classes": (2, 4)}, smoothing=Interval(), strength=Interval()),
    assumptions=[],
)


def shortfall_of_the_mean(num_classes, class_size, strength):
    """(sqrt n - sqrt N lambda)^2 / N less what F falls by from zero with the step for that; strength is lambda."""
    total = num_classes * class_size
    root = sqrt(class_size)
    step = 2 * max(0, root - sqrt(total) * strength)
    shift = step / (2 * root)
    change = (log((exp(shift) + exp(-shift) + num_classes - 2) / num_classes) - shift) * 2 / num_classes
    return max(0, root - sqrt(total) * strength) ** 2 / total + change + strength * step


minority_collapse.false_neighbor(
    "n_for_its_square",
    "Classes merge where they have at most N lambda_W lambda_H samples, and larger ones can be split to lower F by "
    "(sqrt n - sqrt N lambda)^2 / N.",
    margin=shortfall_of_the_mean,
    domain=Domain({"num_classes": (2, 4), "class_size": (1, 3)}, strength=Interval()),
    assumptions=[],
)


def gain_of_the_smaller(class_sizes, strength):
    """F at zero less F after the two classes of n_B samples are split, besides two of n_A; weights 1/n; N lambda."""
    total = 2 * sum(class_sizes)
    size = class_sizes[1]
    step = 2 * max(0, 1 / sqrt(size) - strength) * size
    shift = step / (2 * sqrt(size))
    return -2 * (log((exp(shift) + exp(-shift) + 2) / 4) - shift) / total - strength / total * step


def majority_is_merged(class_sizes, strength):
    """n_A > n_B, and omega_A^2 n_A = 1 / n_A is at most N^2 lambda^2."""
    return class_sizes[0] > class_sizes[1] and 1 / class_sizes[0] <= strength**2


minority_collapse.false_neighbor(
    "inverse_frequency",
    "Under class weights 1 / n_k minorities merge before majorities: where the majorities are merged, splitting the "
    "minorities does not lower F.",
    margin=gain_of_the_smaller,
    domain=Domain(class_sizes=ClassSizes((2,)), strength=Positive()),
    assumptions=[majority_is_merged],
)
