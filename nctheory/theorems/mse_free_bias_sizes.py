"""Squared error with a free bias, any class sizes: the modes of the centered labels are shrunk one by one.

Class k has n_k samples, N together; Y has a column e_y for each sample, C = I - 1 1^T / N, lambda = sqrt(lambda_W
lambda_H).

Proof. The best bias makes the residuals add up to 0, so that the loss is |(Z - Y) C|^2 / (2N), and |Z|_* >= |Z C|_*.
With `nuclear_norm_penalty` F >= |Z C - Y C|^2 / (2N) + lambda |Z C|_*, whose least value is attained by shrinking the
singular values of Y C by N lambda: those are sqrt(mu), mu the nonzero eigenvalues of Y C Y^T = D - n n^T / N, and

    F >= sum [(sqrt(mu) - s)^2 / (2N) + lambda s],   s = max(0, sqrt(mu) - N lambda),

attained for d >= K - 1, with the bias b = n / N. For k_1 classes of n_1 and k_2 of n_2 samples, vectors of one block
that add up to 0 give the eigenvalues n_1 (k_1 - 1 times) and n_2 (k_2 - 1 times); 1 gives 0; and the trace N - sum
n_k^2 / N leaves n_1 n_2 K / N for the difference of both blocks. All logits vanish if and only if the largest of these
is at most N^2 lambda_W lambda_H.
"""

# formulas have no keywords and no stars

from nctheory.domains import ClassSizes, Domain, Free, Positive, Range
from nctheory.formula import dot
from nctheory.gaussian import sqrt
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {
    "first": (1, 2),
    "second": (1, 2),
    "num_classes": lambda first, second: (first + second, first + second),
    "dimension": (1, 2),
}
POINTS, BIAS = Free(("num_classes", "dimension")), Free(("num_classes",))
TWO = ClassSizes((2,))
DOMAIN = Domain(SIZES, weights=POINTS, means=POINTS, bias=BIAS, class_sizes=TWO, decay_w=Positive(), decay_h=Positive())
OF_TWO = Domain(
    weights=Free((2, 1)), means=Free((2, 1)), bias=Free((2,)), class_sizes=TWO, decay_w=Positive(), decay_h=Positive()
)


@theorem(
    title="Squared error with a free bias, any class sizes",
    statement="For classes of n_k samples, N together, squared error with a free bias, and lambda = sqrt(lambda_W "
    "lambda_H), F is at least the sum over the nonzero eigenvalues mu of diag(n) - n n^T / N of (sqrt(mu) - s)^2 / "
    "(2N) + lambda s, s = max(0, sqrt(mu) - N lambda), in any dimension; it is attained for d >= K - 1, with the bias "
    "n / N. For k_1 classes of n_1 and k_2 of n_2 samples the eigenvalues are n_1 (k_1 - 1 times), n_2 (k_2 - 1 times) "
    "and n_1 n_2 K / N.",
    latex=r"Z = \operatorname{SVT}_{N\lambda}\big(Y(I - \tfrac1N 11^{\mathsf T})\big),\ b = \tfrac1N n,\qquad"
    r" F \ge \sum_{\mu} \frac{(\sqrt\mu-s)^2}{2N} + \lambda s,\ s = (\sqrt\mu - N\lambda)_+",
    reference="proof in the docstring of this file; zhou2022 for balanced classes",
    standing="proved",
    remarks="Executed at class means, for two sizes. Features are centered with the weights n_k, not as class means.",
    domain=DOMAIN,
    sharp={
        "first": 1,
        "second": 1,
        "num_classes": 2,
        "dimension": 1,
        "weights": (("1/2",), ("-1/2",)),
        "means": (("1/4",), ("-1/4",)),
        "bias": ("1/2", "1/2"),
        "class_sizes": (4, 4),
        "decay_w": "3/16",
        "decay_h": "3/16",
    },
)
def mse_free_bias_sizes(weights, means, bias, class_sizes, decay_w, decay_h, first, second, num_classes):
    """The least value over F, less 1."""
    total = first * class_sizes[0] + second * class_sizes[1]
    counts = [class_sizes[0 if c < first else 1] for c in range(num_classes)]
    roots = [sqrt(class_sizes[0]), sqrt(class_sizes[1]), sqrt(class_sizes[0] * class_sizes[1] * num_classes / total)]
    decay = total * sqrt(decay_w * decay_h)
    terms = [root**2 - max(0, root - decay) ** 2 for root in roots]
    least = (first - 1) * terms[0] + (second - 1) * terms[1] + terms[2]
    loss = sum(
        counts[e] * (dot(weights[c], means[e]) + bias[c] - (1 if c == e else 0)) ** 2
        for c in range(num_classes)
        for e in range(num_classes)
    )
    squares = [
        decay_w * sum(dot(w, w) for w in weights),
        decay_h * sum(n * dot(x, x) for n, x in zip(counts, means)),
    ]
    return least / (loss + total * sum(squares)) - 1


def with_mean_size(weights, means, bias, class_sizes, decay_w, decay_h):
    """Twice N times the value of two classes with (n_1 + n_2) / 2 for 2 n_1 n_2 / N, over that of F, less 1."""
    total = sum(class_sizes)
    square = decay_w * decay_h * total**2
    least = min(total / 2, square)
    loss = sum(
        class_sizes[e] * (dot(weights[c], means[e]) + bias[c] - (1 if c == e else 0)) ** 2
        for c in (0, 1)
        for e in (0, 1)
    )
    penalty = decay_w * sum(dot(w, w) for w in weights) + decay_h * sum(
        n * dot(x, x) for n, x in zip(class_sizes, means)
    )
    return least / (loss + total * penalty) - 1


mse_free_bias_sizes.false_neighbor(
    "mean_size",
    "The last eigenvalue is (k_1 n_1 + k_2 n_2) / K, the mean size: so for two classes of any sizes the value is that "
    "of balanced ones, at least min(N / 2, N^2 lambda_W lambda_H) / (2N).",
    margin=with_mean_size,
    domain=OF_TWO,
)


def with_equal_bias(weights, bias, size, class_sizes):
    """The loss with the bias 1/2 less that with any other bias, relative to 1 and the former; means t (n_2, -n_1)."""
    means = (size * class_sizes[1], -size * class_sizes[0])
    losses = [
        sum(class_sizes[e] * (weights[c] * means[e] + b[c] - (1 if c == e else 0)) ** 2 for c in (0, 1) for e in (0, 1))
        / sum(class_sizes)
        for b in (bias, (1 / 2, 1 / 2))
    ]
    return (losses[1] - losses[0]) / (1 + losses[1])


mse_free_bias_sizes.false_neighbor(
    "equal_bias",
    "For centered features the bias 1/K is the best one, whatever the class sizes.",
    margin=with_equal_bias,
    domain=Domain(weights=Free((2,)), bias=Free((2,)), size=Free(), class_sizes=TWO),
)


def beside_plain_mean(class_sizes):
    """|h_1 + h_2|^2 / |h_1 - h_2|^2 at the optimum of two classes, where the means are proportional to n_2 and -n_1."""
    return (class_sizes[1] - class_sizes[0]) ** 2 / sum(class_sizes) ** 2


mse_free_bias_sizes.false_neighbor(
    "plain_mean",
    "At the optimum the class means add up to 0, whatever the class sizes.",
    margin=beside_plain_mean,
    domain=Domain(class_sizes=TWO),
)


def as_without_bias(weights, means, bias, class_sizes, decay_w, decay_h):
    """A lower bound on the value without bias where no class vanishes or all do, over F, less 1; two classes.

    n_k (1 - x_k^2) with x_k = max(0, 1 - N lambda / sqrt(n_k)) is at least min(n_k, N^2 lambda^2).
    """
    total = sum(class_sizes)
    least = sum(min(n, total**2 * decay_w * decay_h) for n in class_sizes)
    loss = sum(
        class_sizes[e] * (dot(weights[c], means[e]) + bias[c] - (1 if c == e else 0)) ** 2
        for c in (0, 1)
        for e in (0, 1)
    )
    penalty = decay_w * sum(dot(w, w) for w in weights) + decay_h * sum(
        n * dot(x, x) for n, x in zip(class_sizes, means)
    )
    return least / (loss + total * penalty) - 1


mse_free_bias_sizes.false_neighbor(
    "bias_is_irrelevant",
    "A free bias gains nothing: F is at least the least value without bias, for two classes at least sum min(n_k, N^2 "
    "lambda_W lambda_H) / (2N).",
    margin=as_without_bias,
    domain=OF_TWO,
)
