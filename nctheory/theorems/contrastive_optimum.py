"""Supervised contrastive learning, balanced: the least loss of a full batch, by a simplex, and not by it otherwise.

N = K n samples, n >= 2 in each of K >= 2 classes. The loss is the sum over anchors i of log(sum_{a != i} e^<z_i, z_a>)
less the mean of <z_i, z_p> over the n - 1 others p of the class; temperature T means |z_i|^2 = 1 / T.

Proof. By Jensen's inequality, for the exponential, the loss of anchor i is at least g(x_i), g(x) = log(n - 1 + (N - n)
e^x), where x_i is the mean of its products with the other classes less that with its own. g is convex, and rises. With
the sums S_k of the classes, S of all, and E = (1/N) sum |z_i|^2, the x_i add up to

    (|S|^2 - sum |S_k|^2) / (N - n) - (sum |S_k|^2 - N E) / (n - 1),  and  sum |S_k|^2 <= n sum |z_i|^2 = n N E,

so that their mean is at least -E (n / (N - n) + 1) = -E K / (K - 1). Equality needs z_i = S_k / n, S = 0 and products
that are all equal: a simplex, which has it, for d >= K - 1. The bound holds for every d, for features on the sphere, in
the ball, or of this mean square.

Other sizes, n_k >= 2, K >= 3: with e = e^(-rho^2 K / (K - 1)) and D_k = n_k - 1 + (N - n_k) e, the derivative of the
loss by the products of classes k and l is in proportion to n_k n_l (1 / D_k + 1 / D_l) at the simplex, where it would
have to be the same for all pairs: the multipliers of |v_k| = rho change the diagonal only, and vectors of sum 0 must be
mapped to 0. D_k = n_k (1 - e) + c with c = N e - 1. If n_k != n_l, the pairs with j say D_k D_l = -c D_j; then c < 0
and |c| < 1, while D_k, D_l > 1, so that D_j is above both, and n_j above n_k and n_l. Then n_j != n_k, say, and D_l is
above D_j: a contradiction. So a simplex is optimal for equal sizes only, at every temperature.
"""

# formulas have no keywords and no stars

from nctheory.domains import ClassSizes, Domain, Free, Positive, Range, Sphere
from nctheory.formula import dot
from nctheory.gaussian import exp, log
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {
    "num_classes": (2, 3),
    "class_size": (2, 3),
    "num_samples": lambda num_classes, class_size: (num_classes * class_size, num_classes * class_size),
    "dimension": (1, 3),
}
DOMAIN = Domain(SIZES, features=Free(("num_samples", "dimension")))


@theorem(
    title="Supervised contrastive learning, balanced",
    statement="The supervised contrastive loss of a full batch of K classes of n >= 2 samples, N = K n, summed over "
    "anchors, each without itself and with the mean over its positives outside of the logarithm, is at least N log(n - "
    "1 + (N - n) exp(-E K / (K - 1))), where E is the mean squared norm of the features, in any dimension; so it is "
    "with E = 1 / T for features on the sphere of temperature T, or in its ball. Only simplices of collapsed features "
    "attain it, for d >= K - 1. For K >= 3 classes of sizes that are not equal the simplex is not optimal at any "
    "temperature.",
    latex=r"\sum_i -\frac{1}{n-1}\sum_{p\ne i,\ y_p=y_i}\log\frac{e^{\langle z_i,z_p\rangle}}"
    r"{\sum_{a\ne i}e^{\langle z_i,z_a\rangle}} \ge N\log\Bigl(n-1+(N-n)e^{-\frac{K}{K-1}\cdot\frac1N\sum\|z_i\|^2}"
    r"\Bigr)",
    reference="graf2021, and khosla2020 for the loss; proof in the docstring of this file",
    standing="proved",
    remarks="Sample s of class c is in row c n + s.",
    domain=DOMAIN,
    sharp={
        "num_classes": 3,
        "class_size": 2,
        "num_samples": 6,
        "dimension": 3,
        "features": ((2, -1, -1), (2, -1, -1), (-1, 2, -1), (-1, 2, -1), (-1, -1, 2), (-1, -1, 2)),
    },
)
def contrastive_optimum(features, num_classes, class_size, num_samples):
    """The bound less the loss, by the number of samples."""
    energy = sum(dot(z, z) for z in features) / num_samples
    least = log(class_size - 1 + (num_samples - class_size) * exp(-energy * num_classes / (num_classes - 1)))
    first = [c * class_size for c in range(num_classes) for _ in range(class_size)]
    products = [[dot(x, y) for y in features] for x in features]
    logits = [
        [
            products[i][a]
            - sum(products[i][first[i] + p] for p in range(class_size) if first[i] + p != i) / (class_size - 1)
            for a in range(num_samples)
            if a != i
        ]
        for i in range(num_samples)
    ]
    losses = [log(sum(exp(x - max(row)) for x in row)) + max(row) for row in logits]
    return least - sum(losses) / num_samples


def with_the_anchor(features, num_classes, class_size, num_samples):
    """The same with n in place of n - 1."""
    energy = sum(dot(z, z) for z in features) / num_samples
    least = log(class_size + (num_samples - class_size) * exp(-energy * num_classes / (num_classes - 1)))
    first = [c * class_size for c in range(num_classes) for _ in range(class_size)]
    products = [[dot(x, y) for y in features] for x in features]
    logits = [
        [
            products[i][a]
            - sum(products[i][first[i] + p] for p in range(class_size) if first[i] + p != i) / (class_size - 1)
            for a in range(num_samples)
            if a != i
        ]
        for i in range(num_samples)
    ]
    losses = [log(sum(exp(x - max(row)) for x in row)) + max(row) for row in logits]
    return least - sum(losses) / num_samples


contrastive_optimum.false_neighbor(
    "n_for_n_minus_1",
    "The bound holds with n in place of n - 1: as if an anchor were among its own positives.",
    margin=with_the_anchor,
)


def without_the_gap(features, num_classes, class_size, num_samples):
    """The same with E in place of E K / (K - 1)."""
    energy = sum(dot(z, z) for z in features) / num_samples
    least = log(class_size - 1 + (num_samples - class_size) * exp(-energy))
    first = [c * class_size for c in range(num_classes) for _ in range(class_size)]
    products = [[dot(x, y) for y in features] for x in features]
    logits = [
        [
            products[i][a]
            - sum(products[i][first[i] + p] for p in range(class_size) if first[i] + p != i) / (class_size - 1)
            for a in range(num_samples)
            if a != i
        ]
        for i in range(num_samples)
    ]
    losses = [log(sum(exp(x - max(row)) for x in row)) + max(row) for row in logits]
    return least - sum(losses) / num_samples


contrastive_optimum.false_neighbor(
    "orthogonal_classes",
    "The bound holds with E in place of E K / (K - 1), as if classes could be orthogonal at best.",
    margin=without_the_gap,
)


def first_anchor(means, energy, class_size):
    """The simplex's loss of an anchor less that of the first class, all samples of a class at one point."""
    least = log(class_size - 1 + 2 * class_size * exp(-3 * energy / 2))
    powers = [exp(energy * (dot(means[0], x) - 1)) for x in means]
    return least - log(class_size - 1 + class_size * (powers[1] + powers[2]))


COLLAPSED = {"dimension": (1, 3), "class_size": (2, 5)}
contrastive_optimum.false_neighbor(
    "every_anchor",
    "Of three classes of equal sizes no anchor, on its own, has a smaller loss than at the simplex.",
    margin=first_anchor,
    domain=Domain(COLLAPSED, means=Sphere((3, "dimension")), energy=Positive()),
)


def below_the_simplex(others, means, energy):
    """The loss at the simplex less that at unit class means, each times sqrt(energy), of class sizes others + 1."""
    total = sum(others) + 3
    simplex = sum((x + 1) * log(x + (total - x - 1) * exp(-3 * energy / 2)) for x in others)
    powers = [[exp(energy * (dot(x, y) - 1)) for y in means] for x in means]
    losses = [
        (others[k] + 1) * log(others[k] + sum((others[j] + 1) * powers[k][j] for j in range(3) if j != k))
        for k in range(3)
    ]
    return (simplex - sum(losses)) / total


contrastive_optimum.false_neighbor(
    "any_class_sizes",
    "For three classes of other sizes, too, the simplex has the least loss.",
    margin=below_the_simplex,
    domain=Domain({"dimension": (2, 3)}, others=ClassSizes((3,)), means=Sphere((3, "dimension")), energy=Positive()),
)
