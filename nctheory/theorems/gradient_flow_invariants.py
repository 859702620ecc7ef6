"""What gradient flow of the unregularized model conserves: 1^T W and W^T W - H^T H.

Weights w_c are the rows of W, features h_i those of H, logits <w_c, h_i>; G is the N x K matrix of the gradients of the
loss in the logits of each sample.

Proof. Gradient flow is W' = -G^T H, H' = -G W. For cross-entropy the rows of G are softmax probabilities less one-hot
labels and add up to 0, so 1^T W' = -(G 1)^T H = 0. For any loss (W^T W)' = -(W^T G^T H + H^T G W) = (H^T H)'.

The derivative of a quadratic function along a velocity is half of its difference between one step forward and one step
back, of any length: that is how it is checked here, with any probabilities for the softmax.
"""

from nctheory.domains import Domain, Free, Labels, Positive, Range
from nctheory.formula import dot
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {
    "num_classes": (2, 4),
    "dimension": (1, 3),
    "num_samples": lambda num_classes: (num_classes, num_classes + 2),
}
DOMAIN = Domain(
    SIZES,
    weights=Free(("num_classes", "dimension")),
    features=Free(("num_samples", "dimension")),
    labels=Labels(("num_samples",), "num_classes"),
    scores=Positive(("num_samples", "num_classes")),
)


@theorem(
    title="Invariants of gradient flow",
    statement="Gradient flow on the cross-entropy of the logits <w_c, h_i>, without regularization, conserves the sum "
    "of the weights and W^T W - H^T H, so |W|^2 - |H|^2 too.",
    latex=r"\dot W = -G^{\mathsf T}H,\ \dot H = -GW,\ G1 = 0 \implies"
    r" \frac{d}{dt}1^{\mathsf T}W = 0,\quad \frac{d}{dt}\big(W^{\mathsf T}W - H^{\mathsf T}H\big) = 0",
    reference="du2018; ji2022; proof in the docstring of this file",
    standing="proved",
    remarks="Executed for any positive scores, divided by their sum for each sample, in place of the softmax. Nothing "
    "is said of where the flow goes: its limits are critical directions, and need not be optimal.",
    domain=DOMAIN,
    sharp={
        "num_classes": 2,
        "dimension": 1,
        "num_samples": 2,
        "weights": ((1,), (2,)),
        "features": ((1,), (3,)),
        "labels": (0, 1),
        "scores": ((1, 1), (2, 1)),
    },
)
def gradient_flow_invariants(weights, features, labels, scores, num_classes, num_samples, dimension):
    """The change of the invariants between one step back and one forward, relative to 1 + |W|^2 + |H|^2."""
    pulls = [
        [(1 if c == labels[i] else 0) - scores[i][c] / sum(scores[i]) for c in range(num_classes)]
        for i in range(num_samples)
    ]
    of_weights = [
        [sum(pulls[i][c] * features[i][k] for i in range(num_samples)) for k in range(dimension)]
        for c in range(num_classes)
    ]
    of_features = [
        [sum(pulls[i][c] * weights[c][k] for c in range(num_classes)) for k in range(dimension)]
        for i in range(num_samples)
    ]
    steps = [
        (
            [[weights[c][k] + sign * of_weights[c][k] for k in range(dimension)] for c in range(num_classes)],
            [[features[i][k] + sign * of_features[i][k] for k in range(dimension)] for i in range(num_samples)],
        )
        for sign in (-1, 1)
    ]
    values = [
        [sum(w[k] for w in W) for k in range(dimension)]
        + [
            sum(w[k] * w[m] for w in W) - sum(x[k] * x[m] for x in H)
            for k in range(dimension)
            for m in range(dimension)
        ]
        for W, H in steps
    ]
    scale = 1 + sum(dot(w, w) for w in weights) + sum(dot(x, x) for x in features)
    return max(abs(values[1][k] - values[0][k]) for k in range(len(values[0]))) / scale


def of_the_features(weights, labels, scores, num_classes, num_samples, dimension):
    """The velocity of the sum of the features, relative to 1 + |W|^2."""
    pulls = [
        [(1 if c == labels[i] else 0) - scores[i][c] / sum(scores[i]) for c in range(num_classes)]
        for i in range(num_samples)
    ]
    totals = [sum(pulls[i][c] for i in range(num_samples)) for c in range(num_classes)]
    velocity = [sum(totals[c] * weights[c][k] for c in range(num_classes)) for k in range(dimension)]
    return max(abs(x) for x in velocity) / (1 + sum(dot(w, w) for w in weights))


gradient_flow_invariants.false_neighbor(
    "sum_of_features",
    "The sum of the features is conserved, like that of the weights.",
    margin=of_the_features,
    domain=Domain(
        SIZES,
        weights=Free(("num_classes", "dimension")),
        labels=Labels(("num_samples",), "num_classes"),
        scores=Positive(("num_samples", "num_classes")),
    ),
)


def of_the_sum(weights, features, labels, scores, num_classes, num_samples):
    """The velocity of |W|^2 + |H|^2, which is 4 <W, P^T H> with the pulls P, relative to 1 + |W|^2 + |H|^2."""
    velocity = 4 * sum(
        ((1 if c == labels[i] else 0) - scores[i][c] / sum(scores[i])) * dot(weights[c], features[i])
        for i in range(num_samples)
        for c in range(num_classes)
    )
    return abs(velocity) / (1 + sum(dot(w, w) for w in weights) + sum(dot(x, x) for x in features))


gradient_flow_invariants.false_neighbor(
    "sum_of_squares", "W^T W + H^T H is conserved, so |W|^2 + |H|^2 too.", margin=of_the_sum
)


def after_one_step(weights, features, labels, scores, num_classes, num_samples):
    """The change of |W|^2 - |H|^2 in one step of gradient descent, relative to 1 + |W|^2 + |H|^2."""
    pulls = [
        [(1 if c == labels[i] else 0) - scores[i][c] / sum(scores[i]) for c in range(num_classes)]
        for i in range(num_samples)
    ]
    axes = range(len(weights[0]))
    weights_after = [
        [weights[c][k] + sum(pulls[i][c] * features[i][k] for i in range(num_samples)) for k in axes]
        for c in range(num_classes)
    ]
    features_after = [
        [features[i][k] + sum(pulls[i][c] * weights[c][k] for c in range(num_classes)) for k in axes]
        for i in range(num_samples)
    ]
    before = sum(dot(w, w) for w in weights) - sum(dot(x, x) for x in features)
    after = sum(dot(w, w) for w in weights_after) - sum(dot(x, x) for x in features_after)
    return abs(after - before) / (1 + sum(dot(w, w) for w in weights) + sum(dot(x, x) for x in features))


gradient_flow_invariants.false_neighbor(
    "gradient_descent", "Gradient descent with steps of length 1 conserves |W|^2 - |H|^2.", margin=after_one_step
)


def value_above_the_simplex(points, num_classes):
    """|W|^2 less K - 1 times the smallest margin, with W = H: 0 for the simplex ETF alone."""
    smallest = min(
        dot(points[i], points[i]) - dot(points[c], points[i])
        for i in range(num_classes)
        for c in range(num_classes)
        if c != i
    )
    return sum(dot(x, x) for x in points) - (num_classes - 1) * smallest


def keeps_its_direction(points, num_classes, dimension):
    """Margins of at most two sizes, the smaller at least 1; the pulls of each move W and H = W along themselves."""
    classes = range(num_classes)
    margins = [[dot(points[i], points[i]) - dot(points[c], points[i]) for c in classes] for i in classes]
    sizes = [
        min(margins[i][c] for i in classes for c in classes if c != i),
        max(margins[i][c] for i in classes for c in classes if c != i),
    ]
    pulls = [[[1 if c != i and margins[i][c] == size else 0 for c in classes] for i in classes] for size in sizes]
    velocities = [
        [
            [sum(p[i][c] * points[i][k] - p[c][i] * points[c][k] for c in classes) for k in range(dimension)]
            for i in classes
        ]
        for p in pulls
    ] + [
        [[sum(p[i][c] * (points[i][k] - points[c][k]) for c in classes) for k in range(dimension)] for i in classes]
        for p in pulls
    ]
    square = sum(dot(x, x) for x in points)
    along = [sum(dot(points[i], v[i]) for i in classes) for v in velocities]
    return (
        sizes[0] >= 1
        and all(c == i or margins[i][c] == sizes[0] or margins[i][c] == sizes[1] for i in classes for c in classes)
        and along[0] == along[2]
        and along[1] == along[3]
        and all(
            velocities[j][i][k] * square == along[j] * points[i][k]
            for j in range(4)
            for i in classes
            for k in range(dimension)
        )
    )


gradient_flow_invariants.false_neighbor(
    "every_limit_is_the_simplex",
    "Every direction with positive margins that the flow of balanced classes keeps for ever, d = K - 1 and W = H, is "
    "the simplex ETF.",
    margin=value_above_the_simplex,
    domain=Domain(
        {"num_classes": (2, 4), "dimension": lambda num_classes: (num_classes - 1, num_classes - 1)},
        points=Free(("num_classes", "dimension")),
    ),
    assumptions=[keeps_its_direction],
)
