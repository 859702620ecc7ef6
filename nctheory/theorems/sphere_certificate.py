"""Normalized features and classifiers: a matrix S bounds F from below everywhere, and certifies global minima.

Unit vectors w_c, h_i, logits tau <w_c, h_i>, F their mean cross-entropy, or any convex loss; G the derivatives of F by
the inner products <w_c, h_i> at a point A, with a row for each sample, alpha_c = -<w_c, (G^T H)_c>, beta_i = -<h_i, (G
W)_i>, and S = [[diag alpha, G^T], [G, diag beta]]. X_B has the rows of W and H of a point B.

Proof. F is convex in the inner products: F(B) >= F(A) + <G, H_B W_B^T> - <G, H W^T>. Here <G, H W^T> = -sum alpha =
-sum beta, and, as rows of B have norm 1, <X_B, S X_B> = sum alpha + sum beta + 2 <G, H_B W_B^T>. So

    F(B) >= F(A) + <X_B, S X_B> / 2 >= F(A) + (K + N) min(0, mu) / 2,

mu the least eigenvalue of S, as |X_B|^2 = K + N. With S positive semidefinite F(A) is the least value, in every
dimension. Equality holds at B = A and at every rotation of it. At a critical point S X_A = 0, so that mu <= 0.
"""

# formulas have no keywords and no stars

from nctheory.domains import Domain, Positive, Range, Sphere
from nctheory.formula import dot
from nctheory.gaussian import exp, log
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {
    "num_classes": (2, 3),
    "class_size": (1, 2),
    "num_samples": lambda num_classes, class_size: (num_classes * class_size, num_classes * class_size),
    "dimension": (1, 3),
}
WEIGHTS, FEATURES = Sphere(("num_classes", "dimension")), Sphere(("num_samples", "dimension"))
DOMAIN = Domain(
    SIZES, weights=WEIGHTS, features=FEATURES, other_weights=WEIGHTS, other_features=FEATURES, temperature=Positive()
)
POINT = {
    "num_classes": 2,
    "class_size": 1,
    "num_samples": 2,
    "dimension": 2,
    "weights": ((1, 0), ("-3/5", "4/5")),
    "features": (("4/5", "3/5"), ("-4/5", "3/5")),
    "other_weights": ((0, 1), ("-4/5", "-3/5")),
    "other_features": (("-3/5", "4/5"), ("-3/5", "-4/5")),
    "temperature": 2,
}


@theorem(
    title="The certificate on spheres",
    statement="Let w_c and h_i have norm 1, G be the derivatives of F by <w_c, h_i> at a point A, alpha_c = -<w_c, "
    "(G^T H)_c>, beta_i = -<h_i, (G W)_i>, and S = [[diag alpha, G^T], [G, diag beta]] with least eigenvalue mu. Then "
    "F(B) >= F(A) + <X_B, S X_B> / 2 >= F(A) + (K + N) min(0, mu) / 2 for every B, X_B the rows of its W and H, in any "
    "dimension and for any class sizes: where S is positive semidefinite, A is a global minimum.",
    latex=r"S = \begin{pmatrix}\operatorname{diag}\alpha & G^{\mathsf T}\\ G & \operatorname{diag}\beta\end{pmatrix}"
    r" \succeq 0 \implies F(B) \ge F(A),\qquad F(B) \ge F(A) + \tfrac12\langle X_B, S X_B\rangle \ge"
    r" F(A) + \tfrac{K+N}2\min(0,\lambda_{\min}(S))",
    reference="yaras2022 for the balanced optimum; proof in the docstring of this file",
    standing="proved",
    remarks="Executed as the first inequality, at any two points. Sample i of class c is in row c n + i. A need not be "
    "critical; the value that is certified is then below F(A).",
    domain=DOMAIN,
    sharp=POINT,
)
def sphere_certificate(
    weights, features, other_weights, other_features, temperature, num_classes, class_size, num_samples
):
    """F(A) + <X_B, S X_B> / 2 - F(B), relative to 1 and F(B)."""
    labels = [k for k in range(num_classes) for _ in range(class_size)]
    here = [[dot(w, x) for w in weights] for x in features]
    there = [[dot(w, x) for w in other_weights] for x in other_features]
    losses = [
        sum(
            log(sum(exp(temperature * (z - max(row))) for z in row)) + temperature * (max(row) - row[y])
            for row, y in zip(table, labels)
        )
        / num_samples
        for table in (here, there)
    ]
    rises = [[exp(temperature * (z - max(row))) for z in row] for row in here]
    slopes = [
        [temperature / num_samples * (row[c] / sum(row) - (1 if c == y else 0)) for c in range(num_classes)]
        for row, y in zip(rises, labels)
    ]
    alpha = [-sum(slopes[i][c] * here[i][c] for i in range(num_samples)) for c in range(num_classes)]
    beta = [-dot(g, z) for g, z in zip(slopes, here)]
    cross = sum(dot(g, z) for g, z in zip(slopes, there))
    return (losses[0] + (sum(alpha) + sum(beta)) / 2 + cross - losses[1]) / (1 + losses[1])


def without_half(weights, features, other_weights, other_features, temperature, num_classes, class_size, num_samples):
    """F(A) + <X_B, S X_B> - F(B), relative to 1 and F(B)."""
    labels = [k for k in range(num_classes) for _ in range(class_size)]
    here = [[dot(w, x) for w in weights] for x in features]
    there = [[dot(w, x) for w in other_weights] for x in other_features]
    losses = [
        sum(
            log(sum(exp(temperature * (z - max(row))) for z in row)) + temperature * (max(row) - row[y])
            for row, y in zip(table, labels)
        )
        / num_samples
        for table in (here, there)
    ]
    rises = [[exp(temperature * (z - max(row))) for z in row] for row in here]
    slopes = [
        [temperature / num_samples * (row[c] / sum(row) - (1 if c == y else 0)) for c in range(num_classes)]
        for row, y in zip(rises, labels)
    ]
    total = -2 * sum(dot(g, z) for g, z in zip(slopes, here))
    cross = sum(dot(g, z) for g, z in zip(slopes, there))
    return (losses[0] + total + 2 * cross - losses[1]) / (1 + losses[1])


sphere_certificate.false_neighbor(
    "without_half", "F(B) >= F(A) + <X_B, S X_B>, without the factor 1/2.", margin=without_half
)


def with_slopes_of_logits(
    weights, features, other_weights, other_features, temperature, num_classes, class_size, num_samples
):
    """F(A) + <X_B, S X_B> / 2 - F(B), relative to 1 and F(B), with these slopes in S."""
    labels = [k for k in range(num_classes) for _ in range(class_size)]
    here = [[dot(w, x) for w in weights] for x in features]
    there = [[dot(w, x) for w in other_weights] for x in other_features]
    losses = [
        sum(
            log(sum(exp(temperature * (z - max(row))) for z in row)) + temperature * (max(row) - row[y])
            for row, y in zip(table, labels)
        )
        / num_samples
        for table in (here, there)
    ]
    rises = [[exp(temperature * (z - max(row))) for z in row] for row in here]
    slopes = [
        [(row[c] / sum(row) - (1 if c == y else 0)) / num_samples for c in range(num_classes)]
        for row, y in zip(rises, labels)
    ]
    fall = sum(dot(g, z) for g, z in zip(slopes, there)) - sum(dot(g, z) for g, z in zip(slopes, here))
    return (losses[0] + fall - losses[1]) / (1 + losses[1])


sphere_certificate.false_neighbor(
    "slopes_of_logits",
    "G may be the derivatives by the logits, without the factor tau.",
    margin=with_slopes_of_logits,
)


def below_equal_points(weights, features, temperature, num_classes, class_size, num_samples):
    """log K, the value where all weights and features are one vector, less F, relative to log K."""
    labels = [k for k in range(num_classes) for _ in range(class_size)]
    logits = [[temperature * dot(w, x) for w in weights] for x in features]
    losses = [log(sum(exp(z - max(row)) for z in row)) + max(row) - row[y] for row, y in zip(logits, labels)]
    return 1 - sum(losses) / (num_samples * log(num_classes))


ONE = Domain(SIZES, weights=WEIGHTS, features=FEATURES, temperature=Positive())
sphere_certificate.false_neighbor(
    "critical",
    "Every critical point is a global minimum, also that where all weights and features are one vector.",
    margin=below_equal_points,
    domain=ONE,
)
sphere_certificate.false_neighbor(
    "multipliers",
    "A critical point with alpha >= 0 and beta >= 0 is a global minimum, also that where all are 0 as all weights and "
    "features are one vector.",
    margin=below_equal_points,
    domain=ONE,
)
