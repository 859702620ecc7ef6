"""A rigorous lower bound on F from any point: duality with its own gradient, shrunk until it is feasible.

F = (1/N) sum w_y l(W h_i + b, t_i) + (lambda_W / 2) |W|^2 + (lambda_H / 2) |H|^2 + (lambda_b / 2) |b|^2, with weights
w_y of the classes, and lambda = sqrt(lambda_W lambda_H).

Proof. Let G have the columns (w_y / N) r_i, and |G|_2 <= lambda. Then pen(W, H) + <G, W H^T> >= 0 by
`nuclear_norm_penalty`, and (lambda_b / 2) |b|^2 + <G 1, b> >= -|G 1|^2 / (2 lambda_b). Hence

    F >= (1/N) sum w_y inf_z [l(z, t_i) - <r_i, z>] - |G 1|^2 / (2 lambda_b).

Cross-entropy is log sum exp z_c - <t, z>: for r = q - t with a distribution q the infimum is the entropy of q, as log
sum exp z_c - <q, z> >= -sum q log q. Squared error is |z - t|^2 / 2: the infimum is -|r|^2 / 2 - <r, t>. At a point
with softmax p, or residual r = z - t, take theta r with theta <= lambda / |G|_2: then q = t + theta (p - t). With a
free bias G 1 must be 0, and nothing is subtracted; without bias nothing is either. At a global minimum with |G|_2 =
lambda the bound is F itself.
"""

# formulas have no keywords and no stars

from nctheory.domains import Domain, Free, Labels, Positive, Range
from nctheory.formula import dot
from nctheory.gaussian import exp, log
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (2, 3), "num_samples": lambda num_classes: (num_classes, 3)}
LABELS = Labels(("num_samples",), "num_classes")


@theorem(
    title="A lower bound from any point",
    statement="Let r_i be softmax less target (cross-entropy, smoothed or not), or logits less target (squared error) "
    "at any point; let G have the columns w_y r_i / N, and theta = min(1, lambda / |G|_2). Then no W, H, b in any "
    "dimension has F below (1/N) sum w_y Ent(t_i + theta (p_i - t_i)) - theta^2 |G 1|^2 / (2 lambda_b), or below "
    "-(1/N) sum w_y (theta^2 |r_i|^2 / 2 + theta <r_i, t_i>) - theta^2 |G 1|^2 / (2 lambda_b). Without bias, or for a "
    "free bias and G 1 = 0, the last term is left out.",
    latex=r"\|\theta G\|_2 \le \lambda \implies F \ge \frac1N\sum_i w_{y_i}"
    r"\operatorname{Ent}\big(t_i+\theta(p_i-t_i)\big) - \frac{\theta^2\|G1\|^2}{2\lambda_b}",
    reference="rockafellar1970, section 31, for the duality; proof in the docstring of this file",
    standing="proved",
    remarks="Executed for both losses at weights, features and bias against p_i from any positive scores, with theta = "
    "min(1, 2 / (1 + x)), x the largest row sum of |G G^T| over lambda^2: never above lambda / |G|_2.",
    domain=Domain(
        SIZES,
        weights=Free(("num_classes", 2)),
        features=Free(("num_samples", 2)),
        bias=Free(("num_classes",)),
        labels=LABELS,
        scores=Positive(("num_samples", "num_classes")),
        class_weights=Positive(("num_classes",)),
        decays=Positive((3,)),
    ),
    sharp={
        "num_classes": 2,
        "num_samples": 2,
        "weights": ((0, 0), (0, 0)),
        "features": ((0, 0), (0, 0)),
        "bias": (0, 0),
        "labels": (0, 1),
        "scores": ((1, 1), (1, 1)),
        "class_weights": (1, 1),
        "decays": ("1/2", "1/2", 1),
    },
)
def dual_bound(weights, features, bias, labels, scores, class_weights, decays, num_classes, num_samples):
    """The larger of both bounds less F, relative to 1 and the weights."""
    logits = [[dot(w, x) + b for w, b in zip(weights, bias)] for x in features]
    targets = [[1 if c == y else 0 for c in range(num_classes)] for y in labels]
    pulls = [[s / sum(row) - t for s, t in zip(row, target)] for row, target in zip(scores, targets)]
    columns = [[class_weights[y] * r / num_samples for r in row] for row, y in zip(pulls, labels)]
    grams = [[sum(g[c] * g[e] for g in columns) for e in range(num_classes)] for c in range(num_classes)]
    ratio = max(sum(abs(x) for x in row) for row in grams) / (decays[0] * decays[1])
    theta = min(1, 2 / (1 + ratio))
    totals = [theta * sum(g[c] for g in columns) for c in range(num_classes)]
    entropies = sum(
        class_weights[y] * -sum((t + theta * r) * log(t + theta * r) for r, t in zip(row, target))
        for row, target, y in zip(pulls, targets, labels)
    )
    conjugates = sum(
        class_weights[y] * (theta**2 * dot(row, row) / 2 + theta * row[y]) for row, y in zip(pulls, labels)
    )
    losses = [
        sum(class_weights[y] * (max(z) - z[y] + log(sum(exp(x - max(z)) for x in z))) for z, y in zip(logits, labels)),
        sum(
            class_weights[y] * sum((x - t) ** 2 for x, t in zip(z, target)) / 2
            for z, target, y in zip(logits, targets, labels)
        ),
    ]
    squares = [sum(dot(w, w) for w in weights), sum(dot(x, x) for x in features), dot(bias, bias)]
    rest = dot(totals, totals) / (2 * decays[2]) + dot(decays, squares) / 2
    return (max(entropies - losses[0], -conjugates - losses[1]) / num_samples - rest) / (1 + max(class_weights))


RATIONAL = Domain(
    {"num_classes": (1, 2), "num_samples": (1, 2)},
    weights=Free(("num_classes", 1)),
    features=Free(("num_samples", 1)),
    targets=Free(("num_samples", "num_classes")),
    residuals=Free(("num_samples", "num_classes")),
    decay_w=Positive(),
    decay_h=Positive(),
)


def unshrunk(weights, features, targets, residuals, decay_w, decay_h, num_samples):
    """The bound with theta = 1 less F, of squared error without bias; relative."""
    terms = sum(dot(r, r) / 2 + dot(r, t) for r, t in zip(residuals, targets)) / num_samples
    loss = sum((dot(w, x) - y) ** 2 for x, t in zip(features, targets) for w, y in zip(weights, t)) / (2 * num_samples)
    penalty = (decay_w * sum(dot(w, w) for w in weights) + decay_h * sum(dot(x, x) for x in features)) / 2
    return (-terms - loss - penalty) / (1 + loss + penalty)


dual_bound.false_neighbor(
    "not_shrunk",
    "The bound holds with theta = 1 for every dual point, feasible or not.",
    margin=unshrunk,
    domain=RATIONAL,
)


def norm_below_mean(residuals, decay_w, decay_h, num_classes, num_samples):
    """|G|_2 <= (lambda_W + lambda_H) / 2."""
    grams = [[sum(r[c] * r[e] for r in residuals) for e in range(num_classes)] for c in range(num_classes)]
    return max(sum(abs(x) for x in row) for row in grams) <= (num_samples * (decay_w + decay_h) / 2) ** 2


dual_bound.false_neighbor(
    "arithmetic_mean",
    "It is enough that |theta G|_2 <= (lambda_W + lambda_H) / 2.",
    margin=unshrunk,
    domain=RATIONAL,
    assumptions=[norm_below_mean],
)


def columns_below_lambda(residuals, decay_w, decay_h, num_samples):
    """Each column of G has norm at most lambda."""
    return all(dot(r, r) <= num_samples**2 * decay_w * decay_h for r in residuals)


dual_bound.false_neighbor(
    "column_norms",
    "It is enough that no column of theta G is longer than lambda.",
    margin=unshrunk,
    domain=RATIONAL,
    assumptions=[columns_below_lambda],
)


def without_bias_term(bias, targets, residuals, decay_b, num_samples):
    """The bound without the term of the bias, less F at W = H = 0, of squared error."""
    terms = sum(dot(r, r) / 2 + dot(r, t) for r, t in zip(residuals, targets)) / num_samples
    loss = sum((b - y) ** 2 for t in targets for b, y in zip(bias, t)) / (2 * num_samples)
    return -terms - loss - decay_b / 2 * dot(bias, bias)


dual_bound.false_neighbor(
    "penalized_bias_is_free",
    "A penalized bias subtracts nothing from the bound, for lambda as large as one likes.",
    margin=without_bias_term,
    domain=Domain(
        {"num_classes": (1, 2), "num_samples": (1, 2)},
        bias=Free(("num_classes",)),
        targets=Free(("num_samples", "num_classes")),
        residuals=Free(("num_samples", "num_classes")),
        decay_b=Positive(),
    ),
)
