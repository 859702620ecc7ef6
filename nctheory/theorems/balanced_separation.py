"""Minimum-norm separation of balanced classes: at least (K - 1) sqrt n, term by term, and only by the simplex.

Weights w_c are the rows of W, features h_i those of H, n of each class, N = K n; mu_c is the mean of class c, mu_G that
of all, m_ic = <w_y - w_c, h_i> with y = y_i, c != y.

Proof of the identity. (1/K) sum m_ic = sum_i <w_y - mean w, h_i> = sum_c <w_c, n (mu_c - mu_G)> = <W, V> where V has
the rows n (mu_c - mu_G). So |W|^2 - (2/K) sum m_ic = |W - V|^2 - |V|^2, and |V|^2 = n sum_i |mu_y - mu_G|^2 = n |H|^2 -
n (sum_i |h_i - mu_y|^2 + N |mu_G|^2), which is the identity.

With all margins at least m it says |W|^2 + n |H|^2 >= 2 n (K - 1) m; for t W and H / t with the best t it says
|W| |H| >= (K - 1) sqrt n m. Equality needs that no feature differs from its class mean, that mu_G = 0, that (with that
t) W = n M, M the class means, and that all margins are equal: then <mu_y - mu_c, mu_y> is the same for all y and c, the
inner products of different means are equal, and sum mu_c = 0, so that they are a simplex. The ETF attains it.
"""

from nctheory import separation
from nctheory.domains import Domain, Free, Range
from nctheory.formula import dot, squared_distance
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {
    "num_classes": (2, 4),
    "class_size": (1, 2),
    "num_samples": lambda num_classes, class_size: (num_classes * class_size, num_classes * class_size),
    "dimension": (1, 3),
}
DOMAIN = Domain(SIZES, weights=Free(("num_classes", "dimension")), features=Free(("num_samples", "dimension")))


def certified():
    """The bound where it is rational, in every dimension."""
    return {
        f"no value below {(count - 1) * root} for K = {count}, n = {root**2}": separation.optimum(
            [root**2] * count
        ).certificate
        for count in (2, 3, 10)
        for root in (1, 2, 10)
    }


@theorem(
    title="Separation of balanced classes",
    statement="K classes of n samples each, sample i of class c in row c n + i: if the mean of the margins "
    "<w_y - w_c, h_i> is m, then |W| |H| >= (K - 1) sqrt(n) m, in any dimension. What |W|^2 + n |H|^2 exceeds "
    "2 n (K - 1) m by is |W - n (M - mu_G)|^2 plus n times the scatter within the classes plus n N |mu_G|^2, so only "
    "collapsed features, means that are a simplex, and weights parallel to them attain the bound.",
    latex=r"\|W\|_F\|H\|_F \ge (K-1)\sqrt n\,\min_{i,\,c\ne y_i}\langle w_{y_i}-w_c,h_i\rangle,\qquad"
    r" \|W\|_F^2+n\|H\|_F^2 = \frac2K\sum_{i,c}\langle w_{y_i}-w_c,h_i\rangle + \|W-n(M-\mu_G)\|_F^2"
    r" + n\sum_i\|h_i-\mu_{y_i}\|^2 + nN\|\mu_G\|^2",
    reference="ji2022; proof in the docstring of this file",
    standing="proved",
    domain=DOMAIN,
    sharp={
        "num_classes": 3,
        "class_size": 2,
        "num_samples": 6,
        "dimension": 3,
        "weights": ((4, -2, -2), (-2, 4, -2), (-2, -2, 4)),
        "features": ((2, -1, -1), (2, -1, -1), (-1, 2, -1), (-1, 2, -1), (-1, -1, 2), (-1, -1, 2)),
    },
    certified=certified,
)
def balanced_separation(weights, features, num_classes, class_size, num_samples, dimension):
    """The bound, squared and relative, less 1; plus the difference of the two sides of the identity, relative."""
    labels = [c for c in range(num_classes) for _ in range(class_size)]
    margins = [
        dot(weights[labels[i]], features[i]) - dot(weights[c], features[i])
        for i in range(num_samples)
        for c in range(num_classes)
    ]
    mean = sum(margins) / (num_samples * (num_classes - 1))
    means = [
        [sum(features[i][k] for i in range(num_samples) if labels[i] == c) / class_size for k in range(dimension)]
        for c in range(num_classes)
    ]
    center = [sum(x[k] for x in means) / num_classes for k in range(dimension)]
    off = sum(
        (weights[c][k] - class_size * (means[c][k] - center[k])) ** 2
        for c in range(num_classes)
        for k in range(dimension)
    )
    scatter = sum(squared_distance(features[i], means[labels[i]]) for i in range(num_samples))
    squares = [sum(dot(w, w) for w in weights), sum(dot(x, x) for x in features)]
    left = squares[0] + class_size * squares[1]
    right = 2 * sum(margins) / num_classes + off + class_size * (scatter + num_samples * dot(center, center))
    bound = mean * abs(mean) * (num_classes - 1) ** 2 * class_size
    excess = bound / (squares[0] * squares[1]) - 1 if squares[0] * squares[1] > 0 else -1
    return excess + (2 * abs(left - right) / left if left > 0 else 0)


def with_k(weights, features, num_classes, class_size, num_samples):
    """The square of K sqrt n times the smallest margin, relative to that of |W| |H|, less 1."""
    labels = [c for c in range(num_classes) for _ in range(class_size)]
    margin = min(
        dot(weights[labels[i]], features[i]) - dot(weights[c], features[i])
        for i in range(num_samples)
        for c in range(num_classes)
        if c != labels[i]
    )
    squares = sum(dot(w, w) for w in weights) * sum(dot(x, x) for x in features)
    return margin * abs(margin) * num_classes**2 * class_size / squares - 1 if squares > 0 else -1


balanced_separation.false_neighbor("k_for_k_minus_1", "Even |W| |H| >= K sqrt(n) m holds.", margin=with_k)


def with_n(weights, features, num_classes, class_size, num_samples):
    """The square of (K - 1) n times the smallest margin, relative to that of |W| |H|, less 1."""
    labels = [c for c in range(num_classes) for _ in range(class_size)]
    margin = min(
        dot(weights[labels[i]], features[i]) - dot(weights[c], features[i])
        for i in range(num_samples)
        for c in range(num_classes)
        if c != labels[i]
    )
    squares = sum(dot(w, w) for w in weights) * sum(dot(x, x) for x in features)
    return margin * abs(margin) * (num_classes - 1) ** 2 * class_size**2 / squares - 1 if squares > 0 else -1


balanced_separation.false_neighbor(
    "n_for_its_root", "The norms grow with n itself: |W| |H| >= (K - 1) n m.", margin=with_n
)


def with_largest_margin(weights, features, num_classes, class_size, num_samples):
    """The square of (K - 1) sqrt n times the largest margin, relative to that of |W| |H|, less 1."""
    labels = [c for c in range(num_classes) for _ in range(class_size)]
    margin = max(
        dot(weights[labels[i]], features[i]) - dot(weights[c], features[i])
        for i in range(num_samples)
        for c in range(num_classes)
        if c != labels[i]
    )
    squares = sum(dot(w, w) for w in weights) * sum(dot(x, x) for x in features)
    return margin * abs(margin) * (num_classes - 1) ** 2 * class_size / squares - 1 if squares > 0 else -1


balanced_separation.false_neighbor(
    "largest_margin", "The bound holds with the largest margin in place of the mean.", margin=with_largest_margin
)


def without_scatter(weights, features, num_classes, class_size, num_samples, dimension):
    """The difference of the two sides of the identity where the scatter within classes is left out, relative."""
    labels = [c for c in range(num_classes) for _ in range(class_size)]
    total = sum(
        dot(weights[labels[i]], features[i]) - dot(weights[c], features[i])
        for i in range(num_samples)
        for c in range(num_classes)
    )
    means = [
        [sum(features[i][k] for i in range(num_samples) if labels[i] == c) / class_size for k in range(dimension)]
        for c in range(num_classes)
    ]
    center = [sum(x[k] for x in means) / num_classes for k in range(dimension)]
    off = sum(
        (weights[c][k] - class_size * (means[c][k] - center[k])) ** 2
        for c in range(num_classes)
        for k in range(dimension)
    )
    left = sum(dot(w, w) for w in weights) + class_size * sum(dot(x, x) for x in features)
    right = 2 * total / num_classes + off + class_size * num_samples * dot(center, center)
    return abs(left - right) / left if left > 0 else 0


balanced_separation.false_neighbor(
    "scatter_is_free",
    "Weights parallel to the centered class means, mean 0 and equal margins are enough: scatter costs nothing.",
    margin=without_scatter,
)
