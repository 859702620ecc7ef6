"""When zero is the minimizer of regularized cross-entropy, for any class sizes, without a bias and with a free one.

Class k has n_k samples, N in all, pi = n / N, Y is the K x N matrix of labels, P = I - J/K; lambda = sqrt(lambda_W
lambda_H), p = (lambda_W |W|^2 + lambda_H |H|^2) / 2, which is at least lambda times the nuclear norm of Z = W H^T.

Proof. At the logits b the loss has the gradient softmax(b) - e_y, so by convexity it is at least log K - <P e_y, z> for
b = 0, and -log pi_y + <pi - e_y, z - b> for b = log pi, where 1^T e^b = 1. Without a bias, F >= log K - <P Y, Z> / N +
p >= log K + (1 - sigma / (N lambda)) p, sigma = |P Y|_2, sigma^2 = lambda_max(P D P). With a free bias the sum over the
samples of pi - e_y is 0, so that it cancels: F >= entropy(pi) + (1 - sigma_b / (N lambda)) p, with sigma_b = |Y - pi
1^T|_2, sigma_b^2 = lambda_max(D - n n^T / N). Zero attains either bound, and for sigma < N lambda nothing else does.

Above: the Hessian of the loss is at most 1/2, since 2 Var(x) <= |x|^2 under any probabilities. For a unit vector u and
v = Y^T P u / rho, rho = |Y^T P u|, the logits s^2 u v^T cost lambda s^2, and F <= log K - (rho / N - lambda) s^2 + s^4
/ (4 N), which is log K - (rho - N lambda)^2 / N at s^2 = 2 (rho - N lambda). With a bias Y - pi 1^T takes the place of
P Y. The best u makes rho = sigma: zero is optimal if and only if sigma <= N lambda.

Two classes: P D P has the eigenvalue N/2, D - n n^T / N has 2 n_1 n_2 / N. Three: (s_1 + sqrt(s_1^2 - 3 s_2)) / 3, the
larger critical point of prod (x - n_k), and (s_2 + sqrt(s_2^2 - 3 s_1 s_3)) / s_1, s the elementary symmetric functions
of the sizes.
"""

from fractions import Fraction

from nctheory.domains import ClassSizes, Domain, Free, Positive
from nctheory.formula import dot
from nctheory.gaussian import exp, log, sqrt
from nctheory.theorems.registry import theorem


@theorem(
    title="Total collapse",
    statement="Cross-entropy with classes of any sizes n_k, D = diag(n), N in all: zero is the minimizer if and only "
    "if N^2 lambda_W lambda_H is at least sigma^2, the largest eigenvalue of (I - J/K) D (I - J/K) without a bias, and "
    "of D - n n^T / N with a free one. F >= F_0 + (1 - sigma / (N lambda)) p everywhere, with the penalties p, lambda "
    "= sqrt(lambda_W lambda_H), and F_0 = log K or the entropy of n / N; while some point has F <= F_0 - (sigma - N "
    "lambda)^2 / N if sigma > N lambda.",
    latex=r"F \ge F_0 + \Bigl(1-\frac{\sigma}{N\lambda}\Bigr)"
    r"\Bigl(\frac{\lambda_W}2\|W\|_F^2+\frac{\lambda_H}2\|H\|_F^2\Bigr),\quad"
    r" \min F \le F_0 - \frac{\bigl((\sigma-N\lambda)^+\bigr)^2}{N},\quad"
    r" \sigma^2 = \lambda_{\max}(PDP)\ \text{or}\ \lambda_{\max}\bigl(D-\tfrac1N nn^{\mathsf T}\bigr)",
    reference="hong2023; proof in the docstring of this file",
    standing="proved",
    remarks="Executed for two and three classes, at features that are class means, which have no larger F than the "
    "samples, by convexity, with the bias less log(n / N); and above along every direction (x, -sum x) with its own "
    "rho in place of sigma.",
    domain=Domain(
        {
            "num_classes": (2, 3),
            "num_free": lambda num_classes: (num_classes - 1, num_classes - 1),
            "dimension": (1, 2),
        },
        class_sizes=ClassSizes(("num_classes",)),
        weights=Free(("num_classes", "dimension")),
        means=Free(("num_classes", "dimension")),
        bias=Free(("num_classes",)),
        direction=Free(("num_free",)),
        lambda_weights=Positive(),
        lambda_features=Positive(),
    ),
    sharp={
        "num_classes": 3,
        "num_free": 2,
        "dimension": 1,
        "class_sizes": (1, 2, 4),
        "weights": ((0,), (0,), (0,)),
        "means": ((0,), (0,), (0,)),
        "bias": (0, 0, 0),
        "direction": (1, 1),
        "lambda_weights": Fraction(1, 10),
        "lambda_features": Fraction(1, 10),
    },
)
def total_collapse(class_sizes, weights, means, bias, direction, lambda_weights, lambda_features, num_classes):
    """The largest excess: of both bounds over F, relative to F_0 + p, and of F over F_0 - (rho - N lambda)^2 / N."""
    classes = range(num_classes)
    total = sum(class_sizes)
    strength = total * sqrt(lambda_weights * lambda_features)
    pairs = sum(class_sizes[i] * class_sizes[j] for i in classes for j in range(i))
    gaps = sum((class_sizes[i] - class_sizes[j]) ** 2 for i in classes for j in range(i)) / 2
    shares = [x / total for x in class_sizes]
    crossed = (
        sum(
            (class_sizes[i] * (class_sizes[j] - class_sizes[k])) ** 2
            for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1))
            if num_classes == 3
        )
        / 2
    )
    largest = [
        total / 2 if num_classes == 2 else (total + sqrt(gaps)) / 3,
        2 * pairs / total if num_classes == 2 else (pairs + sqrt(crossed)) / total,
    ]
    bases = [log(num_classes), -sum(x * log(x) for x in shares)]
    penalty = (
        lambda_weights * sum(dot(w, w) for w in weights)
        + lambda_features * sum(class_sizes[k] * dot(means[k], means[k]) for k in classes)
    ) / 2
    unit = [direction[k] if k < num_classes - 1 else -sum(direction) for k in classes]
    length = sqrt(dot(unit, unit))
    center = dot(shares, unit)
    pulls = [unit, [x - center for x in unit]]
    roots = [
        sqrt(sum(class_sizes[k] * pull[k] ** 2 for k in classes)) / (length if length > 0 else 1) for pull in pulls
    ]
    steps = [2 * max(0, rho - strength) for rho in roots]
    bends = [
        [
            [
                steps[i] * unit[j] * pulls[i][k] / (roots[i] * length**2 if length > 0 else 1)
                + (log(shares[j]) if i == 1 else 0)
                for j in classes
            ]
            for k in classes
        ]
        for i in (0, 1)
    ]
    given = [
        [[dot(weights[j], means[k]) + (bias[j] + log(shares[j]) if i == 1 else 0) for j in classes] for k in classes]
        for i in (0, 1)
    ]
    losses = [sum(shares[k] * (log(sum(exp(z - rows[k][k]) for z in rows[k]))) for k in classes) for rows in bends] + [
        sum(shares[k] * (log(sum(exp(z - max(rows[k])) for z in rows[k])) + max(rows[k]) - rows[k][k]) for k in classes)
        for rows in given
    ]
    below = [
        (bases[i] + (1 - sqrt(largest[i]) / strength) * penalty - losses[2 + i] - penalty) / (bases[i] + penalty)
        for i in (0, 1)
    ]
    above = [
        losses[i] + strength / total * steps[i] - bases[i] + (roots[i] - strength) ** 2 / total
        for i in (0, 1)
        if roots[i] > strength
    ]
    return max(below + above)


def beyond_the_threshold(class_sizes, strength):
    """How far strength = N lambda is above sigma, without a bias, relative to sqrt N: zero is optimal there."""
    gaps = sum((class_sizes[i] - class_sizes[j]) ** 2 for i in range(3) for j in range(i)) / 2
    return (strength - sqrt((sum(class_sizes) + sqrt(gaps)) / 3)) / sqrt(sum(class_sizes))


def within_the_largest_class(class_sizes, strength):
    """N^2 lambda^2 is below the size of the largest class, which has more samples than each other one."""
    return strength**2 < max(class_sizes) and class_sizes[0] > max(class_sizes[1], class_sizes[2])


total_collapse.false_neighbor(
    "largest_class",
    "Without a bias zero is optimal only where the largest class, if it is one alone, has at most N^2 lambda_W "
    "lambda_H samples.",
    margin=beyond_the_threshold,
    domain=Domain(class_sizes=ClassSizes((3,)), strength=Positive()),
    assumptions=[within_the_largest_class],
)


def between_the_thresholds(class_sizes):
    """The difference of N / 2 and 2 n_1 n_2 / N, relative to N."""
    total = sum(class_sizes)
    return abs(1 / 2 - 2 * class_sizes[0] * class_sizes[1] / total**2)


total_collapse.false_neighbor(
    "bias_is_irrelevant",
    "Zero becomes optimal at the same regularization with a free bias and without.",
    margin=between_the_thresholds,
    domain=Domain(class_sizes=ClassSizes((2,))),
    assumptions=[],
)


def beyond_for_two(class_sizes, product):
    """N^2 lambda^2 less N / 2, relative to N; product is lambda_W lambda_H."""
    total = sum(class_sizes)
    return product * total - 1 / 2


def below_of_the_sum(class_sizes, product):
    """lambda_W lambda_H is below N / 2."""
    return product < sum(class_sizes) / 2


total_collapse.false_neighbor(
    "sum_for_mean",
    "For the mean of the losses, as for their sum, zero is optimal only where lambda_W lambda_H is at least the "
    "largest eigenvalue.",
    margin=beyond_for_two,
    domain=Domain(class_sizes=ClassSizes((2,)), product=Positive()),
    assumptions=[below_of_the_sum],
)


def below_log_k(class_sizes, bias):
    """log K less F where weights and features are zero."""
    loss = sum(class_sizes[k] * (log(sum(exp(x - max(bias)) for x in bias)) + max(bias) - bias[k]) for k in range(3))
    return log(3) - loss / sum(class_sizes)


total_collapse.false_neighbor(
    "always_log_k",
    "With a free bias, too, F is at least log K where weights and features are zero.",
    margin=below_log_k,
    domain=Domain(class_sizes=ClassSizes((3,)), bias=Free((3,))),
    assumptions=[],
)
