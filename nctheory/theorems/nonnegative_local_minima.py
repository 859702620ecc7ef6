"""Non-negative features have bad local minima in every dimension: classes whose features are all 0.

Cross-entropy without bias, K classes of n_k samples, N in all, H >= 0, lambda = sqrt(lambda_W lambda_H); S is a set of
classes that are alive, all others are dead: their features are 0. With a_k as in `nonnegative_cross_entropy`, f_k =
(n_k / N) log(1 + (K - 1) e^-a_k) + lambda a_k sqrt(n_k (1 - 1/K)) is the share of class k in the least F.

Proof. Let the weights of the dead class m be at most the mean weight in every coordinate: w_mj <= (1/K) sum_c w_cj. Its
samples have <e_m - 1/K, W h> <= 0 for every h >= 0, and by convexity the loss log K - <e_m - 1/K, z> at least, with
equality at h = 0: so their share is at least (n_m / N) log K. The other classes alone are a model of the same weights:
`nonnegative_dual_bound` with g_k = 0 for the dead ones gives them sum over S of f_k. So F >= sum_S f_k + sum_{not S}
(n_m / N) log K wherever W satisfies these conditions, and so near every point that satisfies them strictly.

Such points have that value: let every one of d >= |S| coordinates belong to a class k of S, w_j a positive multiple of
e_k - 1/K, so that w_mj is below the mean, and h_k = 0 but in the coordinates of k. They are local minima, for every d,
and as soon as a_m > 0 for a dead class (n_m (K - 1) / K > N^2 lambda_W lambda_H) not global ones. For d > |S| some
class has two coordinates, which can be merged at no cost: that leaves a coordinate unused, out of which F falls. So
these minima are not strict, but in a whole neighborhood of each of them F is not smaller.
"""

# formulas have no keywords and no stars

from fractions import Fraction

from nctheory.domains import ClassSizes, Domain, Free, Positive
from nctheory.formula import dot
from nctheory.gaussian import exp, log, sqrt
from nctheory.theorems.registry import theorem

HALF = Fraction(1, 2)
POINTS = Free(("num_classes", "dimension"))


def dead_weights_are_small(weights, num_classes, num_alive, dimension):
    """Weights of dead classes are at most the mean, in every coordinate."""
    return all(
        num_classes * weights[m][j] <= sum(w[j] for w in weights)
        for m in range(num_alive, num_classes)
        for j in range(dimension)
    )


DOMAIN = Domain(
    {"num_classes": (2, 3), "num_alive": lambda num_classes: (1, num_classes - 1), "dimension": (1, 2)},
    class_sizes=ClassSizes(("num_classes",)),
    weights=POINTS,
    means=POINTS,
    lambda_weights=Positive(),
    lambda_features=Positive(),
)


@theorem(
    title="Local minima of non-negative features",
    statement="Cross-entropy without bias, H >= 0. Where the weights of some classes, the dead ones, are in every "
    "coordinate at most the mean of all classes, F is at least sum_k (n_k / N) log(1 + (K - 1) e^-a_k) + "
    "sqrt(lambda_W lambda_H) a_k sqrt(n_k (1 - 1/K)) over the other classes, with q_k = min(1/K, N sqrt(lambda_W "
    "lambda_H / (n_k K (K - 1)))) and a_k = log(1 / q_k - K + 1), plus log K times the share of the dead ones. For "
    "every d >= 1 there are points inside of that region with this value, at which the features of the dead classes "
    "are 0: local minima, and not global if a_k > 0 for a dead class.",
    latex=r"w_{mj} \le \frac1K\sum_c w_{cj}\ (m \notin S) \implies F \ge \sum_{k \in S} f_k"
    r" + \log K\sum_{m \notin S}\frac{n_m}{N}",
    reference="dang2024 for the model; proof in the docstring of this file",
    standing="proved",
    remarks="Executed at class means, the absolute values of `means`; the first `num_alive` classes are alive. Weights "
    "and means are in units of sqrt(a) of the first class, where that is positive.",
    domain=DOMAIN,
    assumptions=[dead_weights_are_small],
    sharp={
        "num_classes": 2,
        "num_alive": 1,
        "dimension": 1,
        "class_sizes": (2, 2),
        "weights": ((HALF,), (-HALF,)),
        "means": ((1,), (0,)),
        "lambda_weights": Fraction(1, 5),
        "lambda_features": Fraction(1, 20),
    },
)
def nonnegative_local_minima(class_sizes, weights, means, lambda_weights, lambda_features, num_classes, num_alive):
    """The bound over F, less 1."""
    total = sum(class_sizes)
    strength = sqrt(lambda_weights * lambda_features)
    gaps = [
        log(1 / min(1 / num_classes, total * strength / sqrt(n * num_classes * (num_classes - 1))) - num_classes + 1)
        for n in class_sizes
    ]
    alive = sum(
        class_sizes[k] / total * log(1 + (num_classes - 1) * exp(-gaps[k]))
        + strength * gaps[k] * sqrt(class_sizes[k] * (num_classes - 1) / num_classes)
        for k in range(num_alive)
    )
    dead = sum(class_sizes[k] for k in range(num_alive, num_classes)) / total * log(num_classes)
    unit = gaps[0] if gaps[0] > 0 else 1
    points = [[abs(x) for x in row] for row in means]
    logits = [[unit * dot(w, x) for w in weights] for x in points]
    losses = [max(z) + log(sum(exp(s - max(z)) for s in z)) - z[k] for k, z in zip(range(num_classes), logits)]
    norms = lambda_weights * sum(dot(w, w) for w in weights) + lambda_features * sum(
        n * dot(x, x) for n, x in zip(class_sizes, points)
    )
    return (alive + dead) / (dot(class_sizes, losses) / total + unit * norms / 2) - 1


nonnegative_local_minima.false_neighbor(
    "everywhere",
    "F is at least that value wherever the dead classes' features are not negative, for all weights.",
    assumptions=[],
    counterexample={
        "num_classes": 3,
        "num_alive": 2,
        "dimension": 1,
        "class_sizes": (1, 1, 7),
        "weights": (("1/2",), ("-11/12",), ("13/12",)),
        "means": (("-1/6",), (0,), ("-6/5",)),
        "lambda_weights": "1/12",
        "lambda_features": "1/12",
    },
)


def height_of_the_minimum(class_sizes, strength, num_classes):
    """The value with one class dead over the least value, less 1; strength is N lambda."""
    total = sum(class_sizes)
    gaps = [
        log(1 / min(1 / num_classes, strength / sqrt(n * num_classes * (num_classes - 1))) - num_classes + 1)
        for n in class_sizes
    ]
    shares = [
        class_sizes[k] / total * log(1 + (num_classes - 1) * exp(-gaps[k]))
        + strength / total * gaps[k] * sqrt(class_sizes[k] * (num_classes - 1) / num_classes)
        for k in range(num_classes)
    ]
    return (sum(shares) - shares[0] + class_sizes[0] / total * log(num_classes)) / sum(shares) - 1


nonnegative_local_minima.false_neighbor(
    "benign",
    "The landscape is benign for d >= K: the local minima with a dead class have the least value.",
    margin=height_of_the_minimum,
    domain=Domain({"num_classes": (2, 3)}, class_sizes=ClassSizes(("num_classes",)), strength=Positive()),
    assumptions=[],
)


def squared_error(weights, means, root_w, root_h, num_classes, num_alive):
    """The same for the squared error of classes of one sample: c - c^2 / 2 for the classes alive, 1/2 for the dead."""
    c = min(1, num_classes * root_w * root_h)
    points = [[abs(x) for x in row] for row in means]
    loss = sum(
        (dot(weights[e], points[k]) - (1 if e == k else 0)) ** 2 for k in range(num_classes) for e in range(num_classes)
    )
    norms = root_w**2 * sum(dot(w, w) for w in weights) + root_h**2 * sum(dot(x, x) for x in points)
    return (2 * num_alive * (c - c**2 / 2) + num_classes - num_alive) / (loss + num_classes * norms) - 1


nonnegative_local_minima.false_neighbor(
    "squared_error",
    "So it is for the squared error without bias: F is at least c - c^2 / 2 for the classes alive, and 1/2 for the "
    "dead ones, for classes of one sample, lambda_W = root_w^2, lambda_H = root_h^2 and c = K root_w root_h.",
    margin=squared_error,
    domain=Domain(
        {"num_classes": (2, 3), "num_alive": lambda num_classes: (1, num_classes - 1), "dimension": (1, 2)},
        weights=POINTS,
        means=POINTS,
        root_w=Positive(),
        root_h=Positive(),
    ),
)
