"""Normalized features and classifiers, balanced classes: a simplex ETF is optimal, whatever the temperature.

K classes of n samples, N = K n, unit vectors w_c and h_i, logits tau <w_c, h_i>, s the sum of all w_c; F is the mean
cross-entropy.

Proof. The loss of sample i is log(1 + sum_j e^-m_ij), j != y, with the margins m_ij = tau <w_y - w_j, h_i>: at least
log(1 + (K - 1) e^-m) with m the mean of its margins, as e^-x is convex; and this is convex and falling in m, so F is at
least the same of the mean of all margins. That mean is tau / (N (K - 1)) sum_i <K w_y - s, h_i>, at most tau / (K (K -
1)) sum_k |K w_k - s| as |h_i| = 1, and sum_k |K w_k - s|^2 = K^2 K - K |s|^2, so that by Cauchy-Schwarz it is at most
tau (K^2 - |s|^2)^(1/2) / (K - 1) <= tau K / (K - 1).

Equality needs s = 0, every h_i parallel to K w_y - s = K w_y, so h_i = w_y, and equal margins: then all <w_y, w_j> are
equal, and they are a simplex. It exists for d >= K - 1. For two classes the margin is at most 2 tau for every sample,
so that the bound holds for any class sizes.

For K >= 3 and unequal sizes the simplex is not even critical: at W = M a simplex the derivative by w_c is tau p times
sum_(k != c) pi_k w_k up to a multiple of w_c, with p the probability of each wrong class. It is parallel to w_c =
-sum_(k != c) w_k only if all pi_k, k != c, are equal, and that for every c makes all sizes equal.
"""

from nctheory.domains import ClassSizes, Domain, Free, Positive, Range, Sphere
from nctheory.formula import dot
from nctheory.gaussian import exp, log
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {
    "num_classes": (2, 4),
    "class_size": (1, 2),
    "num_samples": lambda num_classes, class_size: (num_classes * class_size, num_classes * class_size),
    "dimension": (1, 4),
}
CORNERS = (
    (1, 0, 0, 0),
    ("-1/2", "1/2", "1/2", "1/2"),
    ("-1/2", "-1/2", "-1/2", "-1/2"),
)


@theorem(
    title="The optimum on spheres",
    statement="K classes of n samples each, weights w_c and features h_i of norm 1, logits tau <w_c, h_i>: the mean "
    "cross-entropy is at least log(1 + (K - 1) exp(-tau K / (K - 1))), in any dimension. It is attained for d >= "
    "K - 1, only by collapsed features h_i = w_y whose Gram matrix is that of the simplex ETF. For K = 2 "
    "that holds for any class sizes, with w_2 = -w_1; for K >= 3 and unequal sizes the simplex is not a critical "
    "point.",
    latex=r"\|w_c\| = \|h_i\| = 1 \implies \frac1N\sum_i \ell(\tau W h_i, y_i) \ge"
    r" \log\bigl(1+(K-1)e^{-\tau K/(K-1)}\bigr)",
    reference="yaras2022; proof in the docstring of this file",
    standing="proved",
    remarks="Sample i of class c is in row c n + i.",
    domain=Domain(
        SIZES,
        weights=Sphere(("num_classes", "dimension")),
        features=Sphere(("num_samples", "dimension")),
        temperature=Positive(),
    ),
    sharp={
        "num_classes": 3,
        "class_size": 2,
        "num_samples": 6,
        "dimension": 4,
        "weights": CORNERS,
        "features": tuple(row for row in CORNERS for _ in range(2)),
        "temperature": 2,
    },
)
def sphere_optimum(weights, features, temperature, num_classes, class_size, num_samples):
    """The bound less F, relative to 1 and the sum of all losses."""
    labels = [k for k in range(num_classes) for _ in range(class_size)]
    logits = [[temperature * dot(w, x) for w in weights] for x in features]
    losses = [log(sum(exp(z - max(row)) for z in row)) + max(row) - row[y] for row, y in zip(logits, labels)]
    least = log(1 + (num_classes - 1) * exp(-temperature * num_classes / (num_classes - 1)))
    return (least - sum(losses) / num_samples) / (1 + sum(losses))


def with_temperature_alone(weights, features, temperature, num_classes, class_size, num_samples):
    """The bound with tau for tau K / (K - 1) less F, relative to 1 and the sum of all losses."""
    labels = [k for k in range(num_classes) for _ in range(class_size)]
    logits = [[temperature * dot(w, x) for w in weights] for x in features]
    losses = [log(sum(exp(z - max(row)) for z in row)) + max(row) - row[y] for row, y in zip(logits, labels)]
    least = log(1 + (num_classes - 1) * exp(-temperature))
    return (least - sum(losses) / num_samples) / (1 + sum(losses))


sphere_optimum.false_neighbor(
    "temperature_alone",
    "The least value is log(1 + (K - 1) e^-tau): other classes are at best orthogonal.",
    margin=with_temperature_alone,
)


def with_any_sizes(weights, features, class_sizes, temperature, num_classes):
    """The bound less F with features that are class means."""
    logits = [[temperature * dot(w, x) for w in weights] for x in features]
    losses = [
        log(sum(exp(z - max(logits[k])) for z in logits[k])) + max(logits[k]) - logits[k][k] for k in range(num_classes)
    ]
    least = log(1 + (num_classes - 1) * exp(-temperature * num_classes / (num_classes - 1)))
    return least - sum(n * x for n, x in zip(class_sizes, losses)) / sum(class_sizes)


ANY_SIZES = Domain(
    {"num_classes": (3, 4), "dimension": (1, 3)},
    weights=Sphere(("num_classes", "dimension")),
    features=Sphere(("num_classes", "dimension")),
    class_sizes=ClassSizes(("num_classes",)),
    temperature=Positive(),
)
sphere_optimum.false_neighbor(
    "any_class_sizes",
    "For three or more classes of any sizes nothing is below the value of the simplex.",
    margin=with_any_sizes,
    domain=ANY_SIZES,
)


def with_free_features(weights, features, temperature, num_classes, class_size, num_samples):
    """The bound less F, relative to 1 and the sum of all losses."""
    labels = [k for k in range(num_classes) for _ in range(class_size)]
    logits = [[temperature * dot(w, x) for w in weights] for x in features]
    losses = [log(sum(exp(z - max(row)) for z in row)) + max(row) - row[y] for row, y in zip(logits, labels)]
    least = log(1 + (num_classes - 1) * exp(-temperature * num_classes / (num_classes - 1)))
    return (least - sum(losses) / num_samples) / (1 + sum(losses))


sphere_optimum.false_neighbor(
    "weights_alone",
    "The bound holds where the weights alone have norm 1.",
    margin=with_free_features,
    domain=Domain(
        SIZES,
        weights=Sphere(("num_classes", "dimension")),
        features=Free(("num_samples", "dimension")),
        temperature=Positive(),
    ),
)


def with_largest_margin(temperature, num_classes):
    """The least value of balanced classes less log(1 + (K - 1) e^(-2 tau))."""
    least = log(1 + (num_classes - 1) * exp(-temperature * num_classes / (num_classes - 1)))
    return least - log(1 + (num_classes - 1) * exp(-2 * temperature))


sphere_optimum.false_neighbor(
    "opposite",
    "For three or more balanced classes the margins of all pairs can be 2 tau, those of opposite vectors, in high "
    "dimensions: the least value is log(1 + (K - 1) e^(-2 tau)).",
    margin=with_largest_margin,
    domain=Domain({"num_classes": (3, 5)}, temperature=Positive()),
)
