"""The least objective of balanced classes with the focal loss, which is not convex: a simplex, or zero.

The loss of a sample is f(p) = -(1 - p)^g log p, p its probability of the right class y; phi(m) is f where all K - 1
margins are m, so that p = 1 / (1 + (K - 1) e^-m). K classes of n samples, P = I - J/K, c = K sqrt(n lambda_W lambda_H).

Proof. f falls with p. With m = K <z, P e_y> / (K - 1), the mean margin, the arithmetic mean of e^-margin over the other
classes is at least the geometric one, e^-m: p <= 1 / (1 + (K - 1) e^-m), and so f(p) >= phi(m). Let B have the row
P e_y / sqrt n for each sample with m > 0, and 0 for the others: B^T B is at most P sum_k e_k e_k^T P = P in the order
of symmetric matrices, so |B|_2 <= 1, and the penalties are at least lambda times the nuclear norm of H W^T, which is at
least lambda <B, H W^T> = (K - 1) / (K N) c sum max(0, m_i). As phi falls, phi(m) >= phi(max(0, m)). So

  F >= (1/N) sum_i [phi(a_i) + c a_i (K - 1) / K],   a_i = max(0, m_i),

which is at least the minimum over one number a >= 0. The simplex with all margins a attains it, if d >= K - 1: its
penalties are c a (K - 1) / K. Nothing was assumed of convexity, or of d.

With q = 1 - p, s = -log p: phi' = -q^g (q + g s p), and phi'' has the sign of 1 + 2 g - g s + g^2 s p / q, which falls
with s from (1 + g)^2. So phi is convex from one inflection on, concave before. Zero is a local minimum from c_loc =
(1 - 1/K)^(g - 1) (1 - 1/K + g log(K) / K) on, the c for which c (K - 1) / K = -phi'(0). If the inflection is at a <= 0,
that is (1 - 1/K) (g log K - 2 g - 1) <= g^2 log(K) / K, zero is optimal from there on. Otherwise a simplex beyond the
inflection is a local minimum for c up to some c_end > c_loc, and for one c between them both have the same value: the
gap jumps.

With a bias the mean margins b_k of the bias, with sum 0, are added to m_i, and phi(b_k) may be below phi(0) in the
mean: the proof fails where phi is concave. So does the statement: near that c, a simplex of half of 100 classes, with a
smaller bias of the others, is better than zero and than every simplex of all of them.
"""

# formulas have no keywords and no stars

from fractions import Fraction

from nctheory.domains import Domain, Free, Interval, Positive, Range
from nctheory.formula import dot
from nctheory.gaussian import exp, log, sqrt
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {
    "num_classes": (2, 3),
    "class_size": (1, 2),
    "num_samples": lambda num_classes, class_size: (num_classes * class_size, num_classes * class_size),
    "dimension": (1, 3),
    "gamma": (1, 3),
}
THIRD = Fraction(1, 3)
SIMPLEX = ((2 * THIRD, -THIRD, -THIRD), (-THIRD, 2 * THIRD, -THIRD), (-THIRD, -THIRD, 2 * THIRD))


@theorem(
    title="The optimum of the balanced focal loss",
    statement="K classes of n samples, the focal loss with exponent g >= 0, no bias, c = K sqrt(n lambda_W lambda_H), "
    "phi(a) = -(1 - p)^g log p with p = 1 / (1 + (K - 1) e^-a): in any dimension F is at least the mean over the "
    "samples of phi(a_i) + c a_i (K - 1) / K, a_i the mean margin where that is positive, and 0 elsewhere. So F is at "
    "least the minimum over a >= 0 of phi(a) + c a (K - 1) / K, which for d >= K - 1 the simplex with all margins a "
    "attains.",
    latex=r"F \ge \frac1N\sum_{i=1}^N\Bigl[\varphi(a_i) + \frac{K-1}{K}\,c\,a_i\Bigr] \ge"
    r" \min_{a\ge0}\ \varphi(a) + \frac{K-1}{K}\,c\,a,\quad"
    r" a_i = \Bigl(\tfrac{K}{K-1}\langle z_i, Pe_{y_i}\rangle\Bigr)^+,\quad"
    r" \varphi(a) = (1-p)^\gamma\log\tfrac1p,\ p = \frac1{1+(K-1)e^{-a}}",
    reference="zhouyou2022, for general losses; proof in the docstring of this file",
    standing="proved",
    remarks="Executed for integer exponents. Sample i of class c is in row c n + i.",
    domain=Domain(
        SIZES,
        weights=Free(("num_classes", "dimension")),
        features=Free(("num_samples", "dimension")),
        lambda_weights=Positive(),
        lambda_features=Positive(),
    ),
    sharp={
        "num_classes": 3,
        "class_size": 2,
        "num_samples": 6,
        "dimension": 3,
        "gamma": 2,
        "weights": SIMPLEX,
        "features": tuple(row for row in SIMPLEX for _ in range(2)),
        "lambda_weights": Fraction(1, 6),
        "lambda_features": Fraction(1, 12),
    },
)
def focal_optimum(weights, features, lambda_weights, lambda_features, num_classes, class_size, num_samples, gamma):
    """The bound over F, less 1."""
    price = (num_classes - 1) * sqrt(class_size * lambda_weights * lambda_features)
    labels = [k for k in range(num_classes) for _ in range(class_size)]
    logits = [[dot(w, x) for w in weights] for x in features]
    margins = [
        max(0, (num_classes * logits[i][labels[i]] - sum(logits[i])) / (num_classes - 1)) for i in range(num_samples)
    ]
    bounds = [log(1 + (num_classes - 1) * exp(-a)) for a in margins]
    least = sum((1 - exp(-s)) ** gamma * s for s in bounds) + price * sum(margins)
    surprisals = [
        log(sum(exp(z - max(logits[i])) for z in logits[i])) + max(logits[i]) - logits[i][labels[i]]
        for i in range(num_samples)
    ]
    losses = sum((1 - exp(-s)) ** gamma * s for s in surprisals)
    penalty = lambda_weights * sum(dot(w, w) for w in weights) + lambda_features * sum(dot(x, x) for x in features)
    return least / (losses + num_samples * penalty / 2) - 1


def with_n(weights, features, lambda_weights, lambda_features, num_classes, class_size, num_samples, gamma):
    """The same with n in place of its root."""
    price = (num_classes - 1) * class_size * sqrt(lambda_weights * lambda_features)
    labels = [k for k in range(num_classes) for _ in range(class_size)]
    logits = [[dot(w, x) for w in weights] for x in features]
    margins = [
        max(0, (num_classes * logits[i][labels[i]] - sum(logits[i])) / (num_classes - 1)) for i in range(num_samples)
    ]
    bounds = [log(1 + (num_classes - 1) * exp(-a)) for a in margins]
    least = sum((1 - exp(-s)) ** gamma * s for s in bounds) + price * sum(margins)
    surprisals = [
        log(sum(exp(z - max(logits[i])) for z in logits[i])) + max(logits[i]) - logits[i][labels[i]]
        for i in range(num_samples)
    ]
    losses = sum((1 - exp(-s)) ** gamma * s for s in surprisals)
    penalty = lambda_weights * sum(dot(w, w) for w in weights) + lambda_features * sum(dot(x, x) for x in features)
    return least / (losses + num_samples * penalty / 2) - 1


focal_optimum.false_neighbor(
    "n_for_its_root",
    "The bound of the samples holds with c = K n sqrt(lambda_W lambda_H).",
    margin=with_n,
    counterexample={
        "num_classes": 2,
        "class_size": 2,
        "num_samples": 4,
        "dimension": 1,
        "gamma": 1,
        "weights": ((1,), (-1,)),
        "features": ((1,), (1,), (-1,), (-1,)),
        "lambda_weights": 2,
        "lambda_features": 1,
    },
)

LINE: dict[str, Range] = {"num_classes": (2, 40), "gamma": (1, 5)}


def gain_at_one(margin, num_classes, gamma):
    """How much smaller F is at the simplex with this margin than at zero, c = 1, relative to F at zero."""
    surprisals = [log(1 + (num_classes - 1) * exp(-a)) for a in (0, margin)]
    values = [(1 - exp(-s)) ** gamma * s for s in surprisals]
    return 1 - (values[1] + margin * (num_classes - 1) / num_classes) / values[0]


focal_optimum.false_neighbor(
    "the_threshold_of_cross_entropy",
    "For every exponent zero is optimal from c = 1 on.",
    margin=gain_at_one,
    domain=Domain(LINE, margin=Positive()),
)


def gain_where_zero_is_a_minimum(margin, num_classes, gamma):
    """The same for c = c_loc, from which on zero is a local minimum."""
    surprisals = [log(1 + (num_classes - 1) * exp(-a)) for a in (0, margin)]
    values = [(1 - exp(-s)) ** gamma * s for s in surprisals]
    rest = 1 - 1 / num_classes
    price = rest**gamma * (rest + gamma * log(num_classes) / num_classes)
    return 1 - (values[1] + margin * price) / values[0]


focal_optimum.false_neighbor(
    "collapse_where_zero_is_a_minimum",
    "Zero is optimal as soon as it is a local minimum, from c_loc on.",
    margin=gain_where_zero_is_a_minimum,
    domain=Domain(LINE, margin=Positive()),
)


def excess_of_a_minimum(margin, num_classes, gamma):
    """How much larger F is at this simplex than at zero, for the c that makes it stationary, relative to F at zero."""
    surprisals = [log(1 + (num_classes - 1) * exp(-a)) for a in (0, margin)]
    values = [(1 - exp(-s)) ** gamma * s for s in surprisals]
    right = exp(-surprisals[1])
    price = (1 - right) ** gamma * (1 - right + gamma * surprisals[1] * right)
    return (values[1] + margin * price) / values[0] - 1


def is_convex_there(margin, num_classes, gamma):
    """phi'' > 0: then the loss is convex near the simplex, which is a local minimum if it is stationary."""
    s = log(1 + (num_classes - 1) * exp(-margin))
    right = exp(-s)
    return (1 - right) * (1 + 2 * gamma - gamma * s) + gamma**2 * s * right > 0


focal_optimum.false_neighbor(
    "benign",
    "No simplex that is a local minimum has a larger objective than zero: for d >= K - 1 there are no spurious minima.",
    margin=excess_of_a_minimum,
    domain=Domain(LINE, margin=Positive()),
    assumptions=[is_convex_there],
)


def gain_of_a_part(margin, part_margin, shift, num_classes, kept, gamma):
    """How much smaller F is at a simplex of some classes with a bias than at zero and at every simplex of all classes.

    The other classes have a bias that is smaller by shift; c is such that the simplex with all margins `margin` is
    stationary, in the convex part: the better one of it and zero is the best of all simplexes.
    """
    rest = num_classes - kept
    odds = [
        num_classes - 1,
        (num_classes - 1) * exp(-margin),
        (kept - 1) * exp(-part_margin) + rest * exp(-shift - part_margin * (1 - 1 / kept)),
        rest - 1 + kept * exp(shift),
    ]
    values = [(x / (1 + x)) ** gamma * log(1 + x) for x in odds]
    s = log(1 + odds[1])
    right = 1 / (1 + odds[1])
    price = (1 - right) ** gamma * (1 - right + gamma * s * right)
    paid = price * part_margin * (kept - 1) / (num_classes - 1)
    part = (kept * values[2] + rest * values[3]) / num_classes + paid
    return min(1, (values[1] + margin * price) / values[0]) - part / values[0]


focal_optimum.false_neighbor(
    "with_a_bias",
    "With a free bias, too, zero or a simplex of all classes is optimal: no others are global minimizers, as the "
    "abstract of zhouyou2022 has it for the focal loss.",
    margin=gain_of_a_part,
    domain=Domain(
        {"num_classes": (100, 100), "kept": (50, 50), "gamma": (10, 10)},
        margin=Interval((), Fraction(1), Fraction(3)),
        part_margin=Interval((), Fraction(1), Fraction(3)),
        shift=Interval(),
    ),
    assumptions=[is_convex_there],
)
