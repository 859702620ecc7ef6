"""Samples with sets of labels, balanced inside each size: the least F, and the means of sets as multiples of sums.

K labels; N_m samples have m of them, m < K, such that among these every label is equally frequent, and every pair of
labels too: in the sum of 1_S 1_S^T over these samples the diagonal exceeds the rest by w_m = N_m m (K - m) / (K (K -
1)). With n_m samples for each set of m labels this is so, and w_m is n_m times the number of sets of m - 1 out of K -
2. The loss of a sample is u_m times cross-entropy against 1_S / m: u_m = m adds up those of its labels, u_m = 1 takes
their mean. P = I - J/K, J = 11^T, lambda = sqrt(lambda_W lambda_H).

Proof. For the probabilities q_S of the logits Z_S = a_m P 1_S, D_m = m e^(a_m) + K - m, q_S - 1_S / m is -K / (m D_m)
times P 1_S. The loss of logits z is at least u_m (entropy(q_S) + <q_S - 1_S / m, z>). With the columns g = u_m (q_S -
1_S / m) / N of G, one for each sample, G G^T = sum_m w_m (u_m K / (N m D_m))^2 P. If u_m K / (m D_m) = nu a_m for all m
that occur, this is (nu sigma / N)^2 P, sigma^2 = sum_m w_m a_m^2, which is lambda^2 P for nu = N lambda / sigma: then

  lambda_W |W|^2 / 2 + lambda_H |H|^2 / 2 + <G, W H>

is lambda_H / 2 times the sum of |h + W^T g / lambda_H|^2, plus lambda_W / 2 times K |w|^2, w the mean of the weights:
not negative. So F >= (1/N) sum_m N_m u_m entropy(q_S) = (1/N) sum_m N_m u_m (log D_m - a_m) + lambda (K - 1) sigma, for
every bias, too, as the sum of all g is 0. Equality needs h = -W^T g / lambda_H, so h_S = (nu a_m / (N lambda_H)) (W^T
1_S - m w): (a_m / a_1) times the sum of the h_k over the labels k of S. W with W W^T = sqrt(lambda_H / lambda_W) sigma
P attains it.

The equation nu a_m D_m = K u_m / m has one solution a_m for each nu, and nu a_m rises with nu from 0 to u_m / m. So nu
sigma is N lambda for one nu if N^2 lambda^2 < sum_m w_m (u_m / m)^2, and else zero is optimal: for a_m = 0, u_m K / (m
D_m) = u_m / m, and G G^T is at most lambda^2 P.

For u_m = m, a_m (m e^(a_m) + K - m) is the same for all m, and for u_m = 1 m times it is. Either way 1 / m < a_m / a_1
< 1 for m > 1, as x (e^x + K - 1) rises, is below x (m e^x + K - m) for x > 0, and at m x above m x (m e^x + K - m), by
convexity. As lambda tends to 0 the a_m grow, their differences do not, and the ratio tends to 1.
"""

# formulas have no keywords and no stars

from itertools import combinations

from nctheory.domains import ClassSizes, Domain, Free, Positive
from nctheory.formula import dot
from nctheory.gaussian import exp, log, sqrt
from nctheory.theorems.registry import theorem

CORNERS = (("2/3", "-1/3", "-1/3"), ("-1/3", "2/3", "-1/3"), ("-1/3", "-1/3", "2/3"))


@theorem(
    title="Sets of labels",
    statement="K labels, N_m samples with m of them, among which all labels and all pairs of labels are equally "
    "frequent; the loss of a sample is u_m times cross-entropy against 1_S / m (pick-all-labels: u_m = m), the "
    "penalties are lambda_W |W|^2 / 2 + lambda_H |H|^2 / 2. With D_m = m e^(a_m) + K - m, nu a_m D_m = K u_m / m, w_m "
    "= N_m m (K - m) / (K (K - 1)), sigma^2 = sum w_m a_m^2 and nu sigma = N lambda, F is at least (1/N) sum N_m u_m "
    "(log D_m - a_m) + lambda (K - 1) sigma, in any dimension and with any bias. It is attained for d >= K - 1 by the "
    "logits a_m (1_S - m/K), where the mean of the samples with the set S is a_m / a_1 times the sum of those of its "
    "labels; 1/m < a_m / a_1 < 1 for m > 1, if u_m = m or u_m = 1, and that tends to 1 as lambda tends to 0. Zero is "
    "optimal if and only if sum w_m (u_m / m)^2 <= N^2 lambda_W lambda_H.",
    latex=r"\nu a_m D_m = \frac{K u_m}{m},\ D_m = m e^{a_m} + K - m,\ \sigma^2 = \sum_m w_m a_m^2 ="
    r" \frac{N^2\lambda^2}{\nu^2},\quad F \ge \frac1N\sum_m N_m u_m(\log D_m - a_m) + \lambda(K-1)\sigma,\quad"
    r" h_S = \frac{a_m}{a_1}\sum_{k\in S}h_k",
    reference="li2024 (the form of the minimizers); proof in the docstring of this file",
    standing="proved",
    remarks="Executed at means of sets, with class_sizes[m - 1] samples for each set of m labels and all such sets, "
    "at the u_m for which the a_m = scales[m - 1] solve the equation with nu = e^(-max a); lambda_W / lambda_H is "
    "ratio^4. So is, with the same u_m, that zero is optimal from the threshold on.",
    domain=Domain(
        {
            "num_classes": (2, 4),
            "num_sizes": lambda num_classes: (num_classes - 1, num_classes - 1),
            "num_sets": lambda num_classes: (2**num_classes - 2, 2**num_classes - 2),
            "dimension": (1, 3),
        },
        class_sizes=ClassSizes(("num_sizes",)),
        scales=Positive(("num_sizes",)),
        weights=Free(("num_classes", "dimension")),
        means=Free(("num_sets", "dimension")),
        ratio=Positive(),
    ),
    sharp={
        "num_classes": 3,
        "num_sizes": 2,
        "num_sets": 6,
        "dimension": 3,
        "class_sizes": (1, 1),
        "scales": ("3/5", "4/5"),
        "weights": CORNERS,
        "means": (
            ("2/5", "-1/5", "-1/5"),
            ("-1/5", "2/5", "-1/5"),
            ("-1/5", "-1/5", "2/5"),
            ("4/15", "4/15", "-8/15"),
            ("4/15", "-8/15", "4/15"),
            ("-8/15", "4/15", "4/15"),
        ),
        "ratio": 1,
    },
)
def label_sets_optimum(class_sizes, scales, weights, means, ratio, num_classes):
    """The larger of two differences: the bound less F, and F at zero less F with the penalties at the threshold."""
    sets = [chosen for m in range(1, num_classes) for chosen in combinations(range(num_classes), m)]
    members = range(len(sets))
    counts = [class_sizes[len(chosen) - 1] for chosen in sets]
    rest = [exp(-a) for a in scales]
    parts = [(m + 1 + (num_classes - m - 1) * rest[m]) for m in range(num_classes - 1)]
    rates = [scales[m] * parts[m] * exp(scales[m] - max(scales)) / num_classes for m in range(num_classes - 1)]
    factors = [rates[len(chosen) - 1] * len(chosen) for chosen in sets]
    spreads = [
        counts[i] * len(sets[i]) * (num_classes - len(sets[i])) / (num_classes * (num_classes - 1)) for i in members
    ]
    sigma = sqrt(sum(spreads[i] * scales[len(sets[i]) - 1] ** 2 for i in members))
    level = sqrt(sum(spreads[i] * rates[len(sets[i]) - 1] ** 2 for i in members))
    logits = [[dot(w, x) for w in weights] for x in means]
    losses = [
        log(sum(exp(z - max(logits[i])) for z in logits[i]))
        + max(logits[i])
        - sum(logits[i][k] for k in sets[i]) / len(sets[i])
        for i in members
    ]
    loss = sum(counts[i] * factors[i] * losses[i] for i in members)
    squares = sum(dot(w, w) for w in weights) * ratio**2 + sum(counts[i] * dot(means[i], means[i]) for i in members) / (
        ratio**2
    )
    paid = sigma * exp(-max(scales))
    least = sum(counts[i] * factors[i] * log(parts[len(sets[i]) - 1]) for i in members)
    bound = least + paid * (num_classes - 1) * sigma
    zero = sum(counts[i] * factors[i] * log(num_classes) for i in members)
    value = loss + paid * squares / 2
    return max((bound - value) / (zero + value), (zero - loss - level * squares / 2) / (zero + loss))


def gain_over_the_average(num_classes, scale, other):
    """F with the average of the two means as the mean of a set of two, less F with another multiple of their sum.

    Per sample of the set and over K - 2, u = 2, for weights of Gram matrix P up to a factor, and means of the single
    labels that are optimal for them, a_1 = scale.
    """
    tight = exp(-scale) / (scale * (1 + (num_classes - 1) * exp(-scale)))
    losses = [log(2 + (num_classes - 2) * exp(-x)) for x in (scale / 2, other)]
    return 2 * (losses[0] - losses[1]) / (num_classes - 2) + tight * (scale**2 / 4 - other**2)


MULTIPLES = Domain({"num_classes": (3, 6)}, scale=Positive(), other=Positive())
label_sets_optimum.false_neighbor(
    "average",
    "The mean of the samples with two labels is the average of those with one of them: a_2 / a_1 = 1/2, u_m = m.",
    margin=gain_over_the_average,
    domain=MULTIPLES,
)


def gain_over_the_sum(num_classes, scale, other):
    """The same for the sum of the two means."""
    tight = exp(-scale) / (scale * (1 + (num_classes - 1) * exp(-scale)))
    losses = [log(2 + (num_classes - 2) * exp(-x)) for x in (scale, other)]
    return 2 * (losses[0] - losses[1]) / (num_classes - 2) + tight * (scale**2 - other**2)


label_sets_optimum.false_neighbor(
    "sum",
    "The mean of the samples with two labels is the sum of those with one of them: a_2 / a_1 = 1, u_m = m.",
    margin=gain_over_the_sum,
    domain=MULTIPLES,
)


def below_the_bound(class_sizes, scales, weights, means, ratio):
    """The bound less F, for three labels, class_sizes[0] samples with each label alone, and others with each pair."""
    sets = [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2)]
    counts = [class_sizes[max(i - 2, 0)] for i in range(6)]
    spreads = [class_sizes[0], (sum(class_sizes) - class_sizes[0]) / 3]
    parts = [1 + 2 * exp(-scales[0]), 2 + exp(-scales[1])]
    factors = [(m + 1) * scales[m] * parts[m] * exp(scales[m] - max(scales)) / 3 for m in range(2)]
    sigma = sqrt(spreads[0] * scales[0] ** 2 + spreads[1] * scales[1] ** 2)
    paid = sigma * exp(-max(scales))
    bound = (
        sum(counts[i] * factors[len(sets[i]) - 1] * log(parts[len(sets[i]) - 1]) for i in range(6)) + 2 * paid * sigma
    )
    logits = [[dot(w, x) for w in weights] for x in means]
    losses = [
        log(sum(exp(z - max(logits[i])) for z in logits[i]))
        + max(logits[i])
        - sum(logits[i][k] for k in sets[i]) / len(sets[i])
        for i in range(6)
    ]
    loss = sum(counts[i] * factors[len(sets[i]) - 1] * losses[i] for i in range(6))
    squares = [sum(dot(w, w) for w in weights) * ratio**2, sum(counts[i] * dot(means[i], means[i]) for i in range(6))]
    value = loss + paid * (squares[0] + squares[1] / ratio**2) / 2
    return (bound - value) / (bound + value)


label_sets_optimum.false_neighbor(
    "single_labels_balanced",
    "It is enough that the single labels are balanced: the bound holds for any numbers of samples with two labels.",
    margin=below_the_bound,
    domain=Domain(
        {"dimension": (2, 3)},
        class_sizes=ClassSizes((4,)),
        scales=Positive((2,)),
        weights=Free((3, "dimension")),
        means=Free((6, "dimension")),
        ratio=Positive(),
    ),
    counterexample={
        "dimension": 2,
        "class_sizes": (1, 1, 1, 30),
        "scales": (1, 1),
        "weights": (("6/5", "-33/20"), ("-3/5", "17/20"), ("-3/5", "17/20")),
        "means": (
            ("1/4", "-7/20"),
            ("-3/20", "1/5"),
            ("-3/20", "1/5"),
            ("1/10", "-3/20"),
            ("1/10", "-3/20"),
            ("-1/4", "7/20"),
        ),
        "ratio": 1,
    },
)


def gain_over_zero(num_classes, class_sizes, scales, strength):
    """N F at zero, less that at the logits a_m P 1_S, for samples of one and two labels, u_m = m, over N K log K."""
    sizes = [class_sizes[0] * num_classes, class_sizes[1] * num_classes * (num_classes - 1) / 2]
    sigma = sqrt(class_sizes[0] * scales[0] ** 2 + class_sizes[1] * (num_classes - 2) * scales[1] ** 2)
    gains = [log(num_classes) - log(m + 1 + (num_classes - m - 1) * exp(-scales[m])) for m in range(2)]
    total = sizes[0] * gains[0] + 2 * sizes[1] * gains[1] - strength * (num_classes - 1) * sigma
    return total / (sum(sizes) * num_classes)


STRENGTHS = Domain({"num_classes": (3, 6)}, class_sizes=ClassSizes((2,)), scales=Positive((2,)), strength=Positive())


def no_size_is_strong(num_classes, class_sizes, strength):
    """N^2 lambda_W lambda_H is at least each w_m."""
    return strength**2 >= max(class_sizes[0], class_sizes[1] * (num_classes - 2))


label_sets_optimum.false_neighbor(
    "largest_size_alone",
    "Zero is optimal from the largest of the thresholds of the sizes on: N^2 lambda_W lambda_H >= max w_m, u_m = m.",
    margin=gain_over_zero,
    domain=STRENGTHS,
    assumptions=[no_size_is_strong],
)


def above_the_normalized(num_classes, class_sizes, strength):
    """N^2 lambda_W lambda_H is at least the sum of w_m / m^2."""
    return strength**2 >= class_sizes[0] + class_sizes[1] * (num_classes - 2) / 4


label_sets_optimum.false_neighbor(
    "threshold_of_averaged_losses",
    "Whether losses of labels are added up or averaged, zero is optimal from N^2 lambda_W lambda_H = sum w_m / m^2 on.",
    margin=gain_over_zero,
    domain=STRENGTHS,
    assumptions=[above_the_normalized],
)
