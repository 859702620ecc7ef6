"""Neural collapse of the features within classes (NC1): class means never raise F, and lower it by the scatter.

F(W, H) = (1/N) sum l(W h_i + b, y_i) + (lambda_W / 2) |W|^2 + (lambda_H / 2) |H|^2, l convex in the logits; H' has the
mean of its class in place of each feature.

Proof. For each class, Jensen's inequality for the convex function h -> l(W h + b, y) says that the mean of the losses
is at least the loss at the mean feature: the loss does not grow. And |H|^2 - |H'|^2 = sum_i |h_i - mu_y|^2, the
scatter. So F(W, H) - F(W, H') >= (lambda_H / 2) scatter: where lambda_H > 0, every minimum has features that are
collapsed, for any class sizes, class weights and any bias. Strict convexity is not needed. For squared error Jensen's
inequality is off by (1/2N) sum_i |W (h_i - mu_y)|^2.
"""

# formulas have no keywords and no stars

from nctheory.domains import Domain, Free, Labels, Positive, Range
from nctheory.formula import dot, squared_distance
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {
    "num_classes": (2, 3),
    "num_samples": lambda num_classes: (num_classes + 1, num_classes + 2),
    "dimension": (1, 2),
}
WEIGHTS, FEATURES = Free(("num_classes", "dimension")), Free(("num_samples", "dimension"))
LABELS = Labels(("num_samples",), "num_classes")
DOMAIN = Domain(SIZES, weights=WEIGHTS, features=FEATURES, labels=LABELS, decay=Positive())


@theorem(
    title="Collapse within classes (NC1)",
    statement="For a loss that is convex in the logits and whose targets depend on the class alone, replacing each "
    "feature by the mean of its class lowers F by at least (lambda_H / 2) sum |h_i - mu_y|^2. So for lambda_H > 0 "
    "every global minimum has no variation within the classes, for any class sizes and any bias.",
    latex=r"F(W,H) - F(W,\bar H) \ge \frac{\lambda_H}{2}\sum_i\|h_i-\mu_{y_i}\|^2",
    reference="zhu2021; zhou2022; proof in the docstring of this file",
    standing="proved",
    remarks="Executed for the multiclass hinge loss, which is not strictly convex, and for squared error.",
    domain=DOMAIN,
    sharp={
        "num_classes": 2,
        "num_samples": 3,
        "dimension": 1,
        "weights": ((1,), (-1,)),
        "features": ((0,), (0,), ("1/4",)),
        "labels": (0, 1, 0),
        "decay": 1,
    },
)
def within_class_collapse(weights, features, labels, decay, num_classes, num_samples, dimension):
    """F at the class means plus (lambda_H / 2) scatter, less F, of the loss for which that is larger; relative."""
    groups = [[features[i] for i in range(num_samples) if labels[i] == c] for c in range(num_classes)]
    means = [
        [sum(column) / len(rows) for column in [[x[k] for x in rows] for k in range(dimension)]] for rows in groups
    ]
    both = [[[dot(w, x) for w in weights] for x in rows] for rows in (features, [means[y] for y in labels])]
    targets = [[1 if c == y else 0 for c in range(num_classes)] for y in labels]
    hinges = [
        sum(max(1 + z - row[y] - t for z, t in zip(row, target)) for row, target, y in zip(rows, targets, labels))
        for rows in both
    ]
    squares = [sum(squared_distance(row, target) for row, target in zip(rows, targets)) / 2 for rows in both]
    sums = [sum(dot(x, x) for x in features), sum(dot(means[y], means[y]) for y in labels)]
    scatter = sum(squared_distance(x, means[y]) for x, y in zip(features, labels))
    growth = max(hinges[1] - hinges[0], squares[1] - squares[0]) / num_samples
    return (growth + decay / 2 * (sums[1] + scatter - sums[0])) / (1 + hinges[0] + squares[0] + decay * sums[0])


def beside_squared_error(weights, features, labels, decay, num_classes, num_samples, dimension):
    """F less that at the class means less (lambda_H / 2) scatter, of squared error."""
    groups = [[features[i] for i in range(num_samples) if labels[i] == c] for c in range(num_classes)]
    means = [[sum(x[k] for x in rows) / len(rows) for k in range(dimension)] for rows in groups]
    both = [[[dot(w, x) for w in weights] for x in rows] for rows in (features, [means[y] for y in labels])]
    targets = [[1 if c == y else 0 for c in range(num_classes)] for y in labels]
    squares = [sum(squared_distance(z, t) for z, t in zip(rows, targets)) / (2 * num_samples) for rows in both]
    norms = sum(dot(x, x) for x in features) - sum(dot(means[y], means[y]) for y in labels)
    scatter = sum(squared_distance(x, means[y]) for x, y in zip(features, labels))
    return squares[0] - squares[1] + decay / 2 * (norms - scatter)


within_class_collapse.false_neighbor(
    "exactly_the_scatter",
    "For every convex loss F falls by (lambda_H / 2) times the scatter, and by no more.",
    margin=beside_squared_error,
)


def with_ramp_loss(weights, features, labels, decay, num_classes, num_samples, dimension):
    """F at the class means plus (lambda_H / 2) scatter, less F, for the hinge loss cut off at 1."""
    groups = [[features[i] for i in range(num_samples) if labels[i] == c] for c in range(num_classes)]
    means = [[sum(x[k] for x in rows) / len(rows) for k in range(dimension)] for rows in groups]
    both = [[[dot(w, x) for w in weights] for x in rows] for rows in (features, [means[y] for y in labels])]
    ramps = [
        sum(min(1, max(1 + z[c] - z[y] if c != y else 0 for c in range(num_classes))) for z, y in zip(rows, labels))
        for rows in both
    ]
    norms = sum(dot(means[y], means[y]) for y in labels) - sum(dot(x, x) for x in features)
    scatter = sum(squared_distance(x, means[y]) for x, y in zip(features, labels))
    return (ramps[1] - ramps[0]) / num_samples + decay / 2 * (norms + scatter)


within_class_collapse.false_neighbor(
    "any_loss", "The loss need not be convex: the hinge loss, cut off at 1, will do.", margin=with_ramp_loss
)


def with_own_targets(weights, features, labels, targets, num_classes, num_samples, dimension):
    """The growth of squared error by averaging the features of each class, where samples have targets of their own."""
    groups = [[features[i] for i in range(num_samples) if labels[i] == c] for c in range(num_classes)]
    means = [[sum(x[k] for x in rows) / len(rows) for k in range(dimension)] for rows in groups]
    both = [[[dot(w, x) for w in weights] for x in rows] for rows in (features, [means[y] for y in labels])]
    squares = [sum(squared_distance(z, t) for z, t in zip(rows, targets)) / (2 * num_samples) for rows in both]
    return (squares[1] - squares[0]) / (1 + squares[0])


within_class_collapse.false_neighbor(
    "own_targets",
    "Averaging the features of each class does not raise the loss where the targets differ within classes, either.",
    margin=with_own_targets,
    domain=Domain(
        SIZES, weights=WEIGHTS, features=FEATURES, labels=LABELS, targets=Free(("num_samples", "num_classes"))
    ),
)


def scatter_without_penalty(features, labels, num_classes, num_samples, dimension):
    """The scatter within classes."""
    groups = [[features[i] for i in range(num_samples) if labels[i] == c] for c in range(num_classes)]
    means = [[sum(x[k] for x in rows) / len(rows) for k in range(dimension)] for rows in groups]
    return sum(squared_distance(x, means[y]) for x, y in zip(features, labels))


def has_the_loss_of_means(weights, features, labels, num_classes, num_samples, dimension):
    """Squared error is no larger than at the class means."""
    groups = [[features[i] for i in range(num_samples) if labels[i] == c] for c in range(num_classes)]
    means = [[sum(x[k] for x in rows) / len(rows) for k in range(dimension)] for rows in groups]
    both = [[[dot(w, x) for w in weights] for x in rows] for rows in (features, [means[y] for y in labels])]
    targets = [[1 if c == y else 0 for c in range(num_classes)] for y in labels]
    squares = [sum(squared_distance(z, t) for z, t in zip(rows, targets)) for rows in both]
    return squares[0] <= squares[1]


within_class_collapse.false_neighbor(
    "no_penalty",
    "Also with lambda_H = 0 features that are no worse than their class means are equal to them.",
    margin=scatter_without_penalty,
    domain=Domain(SIZES, weights=WEIGHTS, features=FEATURES, labels=LABELS),
    assumptions=[has_the_loss_of_means],
)
