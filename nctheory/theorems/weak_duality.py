"""Weak duality of minimum-norm separation: any multipliers bound |W| |H| / margin from below, in any dimension.

Weights w_c are the rows of W, features h_i those of H; m_ic = <w_y - w_c, h_i>, y = y_i, c != y, and m is the smallest.
For multipliers beta_ic >= 0 let B have the columns B_i = sum_c beta_ic (e_y - e_c).

Proof. m sum beta <= sum beta_ic m_ic = <W, B H> <= |W| |B|_2 |H|. Where m >= 1, (|W|^2 + |H|^2) / 2 >= |W| |H|.

A critical point, m >= 1, W = B H, H = B^T W, beta_ic (m_ic - 1) = 0, has |W|^2 = <W, B H> = sum beta = |H|^2: if its
|B|_2 is at most 1, it attains the bound, and is a global optimum. Else let (u, v) be the top singular pair of B and a
a unit vector with W a = 0, so that H a = 0. Along (t u a^T, t v a^T) the margins change by multiples of t^2, and the
Lagrangian (|W|^2 + |H|^2) / 2 - sum beta_ic (m_ic - 1) by t^2 (1 - |B|_2) < 0. For d >= K - 1 the optimum has rank
K - 1 and only one B, of norm 1; so there a critical point is optimal exactly if |B|_2 <= 1.

B B^T has the null vector 1, so that its other eigenvalues are those of B B^T + c J for every c, J all ones: none is
above the largest sum of |entries| of a row. With c = trace / (K (K - 1)) this is exact wherever B B^T is a multiple of
the projection P = I - J/K, as at the optimum.
"""

from nctheory.domains import Domain, Free, Interval, Labels, Range
from nctheory.formula import dot
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {
    "num_classes": (2, 4),
    "dimension": (1, 3),
    "num_samples": lambda num_classes: (num_classes, num_classes + 2),
}


@theorem(
    title="Weak duality of minimum-norm separation",
    statement="For weights W and features H whose margins <w_y - w_c, h_i> are at least m, and any multipliers beta_ic "
    ">= 0, m times the sum of beta is at most |W| |H| |B|_2, where B has the columns sum_c beta_ic (e_y - e_c), in any "
    "dimension. So a critical point with |B|_2 <= 1 is a global optimum.",
    latex=r"\langle w_{y_i}-w_c, h_i\rangle \ge m,\ \beta \ge 0,\ B_i = \sum_c \beta_{ic}(e_{y_i}-e_c)"
    r" \implies m \sum_{i,c}\beta_{ic} \le \|W\|_F \|H\|_F \|B\|_2",
    reference="thrampoulidis2022; proof in the docstring of this file",
    standing="proved",
    remarks="Executed with the largest row sum of |B B^T + c J| for |B|_2^2: it is never below that, and equal to it "
    "at the optima. Where m >= 0 multipliers of any sign would do, as all margins are equal at the optimum in large "
    "dimensions.",
    domain=Domain(
        SIZES,
        weights=Free(("num_classes", "dimension")),
        features=Free(("num_samples", "dimension")),
        labels=Labels(("num_samples",), "num_classes"),
        multipliers=Interval(("num_samples", "num_classes")),
    ),
    sharp={
        "num_classes": 3,
        "dimension": 3,
        "num_samples": 3,
        "weights": ((2, -1, -1), (-1, 2, -1), (-1, -1, 2)),
        "features": ((2, -1, -1), (-1, 2, -1), (-1, -1, 2)),
        "labels": (0, 1, 2),
        "multipliers": ((0, 1, 1), (1, 0, 1), (1, 1, 0)),
    },
)
def weak_duality(weights, features, labels, multipliers, num_classes, num_samples):
    """(m sum beta)^2 over |W|^2 |H|^2 |B|_2^2, less 1."""
    pairs = [(i, c) for i in range(num_samples) for c in range(num_classes) if c != labels[i]]
    margin = min(dot(weights[labels[i]], features[i]) - dot(weights[c], features[i]) for i, c in pairs)
    columns = [
        [(sum(multipliers[i]) if c == labels[i] else 0) - multipliers[i][c] for c in range(num_classes)]
        for i in range(num_samples)
    ]
    gram = [[sum(b[c] * b[e] for b in columns) for e in range(num_classes)] for c in range(num_classes)]
    shift = sum(gram[c][c] for c in range(num_classes)) / (num_classes * (num_classes - 1))
    norm = max(sum(abs(x + shift) for x in row) for row in gram)
    squares = sum(dot(w, w) for w in weights) * sum(dot(x, x) for x in features) * norm
    total = sum(multipliers[i][c] for i, c in pairs)
    return margin * abs(margin) * total**2 / squares - 1 if squares > 0 else -1


def with_columns(weights, features, labels, multipliers, num_classes, num_samples):
    """(m sum beta)^2 over |W|^2 |H|^2 max |B_i|^2, less 1."""
    pairs = [(i, c) for i in range(num_samples) for c in range(num_classes) if c != labels[i]]
    margin = min(dot(weights[labels[i]], features[i]) - dot(weights[c], features[i]) for i, c in pairs)
    columns = [
        [(sum(multipliers[i]) if c == labels[i] else 0) - multipliers[i][c] for c in range(num_classes)]
        for i in range(num_samples)
    ]
    norm = max(dot(b, b) for b in columns)
    squares = sum(dot(w, w) for w in weights) * sum(dot(x, x) for x in features) * norm
    total = sum(multipliers[i][c] for i, c in pairs)
    return margin * abs(margin) * total**2 / squares - 1 if squares > 0 else -1


weak_duality.false_neighbor(
    "longest_column", "The bound holds with the norm of the longest column of B in place of |B|_2.", margin=with_columns
)


def with_largest_margin(weights, features, labels, multipliers, num_classes, num_samples):
    """(max m_ic sum beta)^2 over |W|^2 |H|^2 |B|_2^2, less 1."""
    pairs = [(i, c) for i in range(num_samples) for c in range(num_classes) if c != labels[i]]
    margin = max(dot(weights[labels[i]], features[i]) - dot(weights[c], features[i]) for i, c in pairs)
    columns = [
        [(sum(multipliers[i]) if c == labels[i] else 0) - multipliers[i][c] for c in range(num_classes)]
        for i in range(num_samples)
    ]
    gram = [[sum(b[c] * b[e] for b in columns) for e in range(num_classes)] for c in range(num_classes)]
    shift = sum(gram[c][c] for c in range(num_classes)) / (num_classes * (num_classes - 1))
    norm = max(sum(abs(x + shift) for x in row) for row in gram)
    squares = sum(dot(w, w) for w in weights) * sum(dot(x, x) for x in features) * norm
    total = sum(multipliers[i][c] for i, c in pairs)
    return margin * abs(margin) * total**2 / squares - 1 if squares > 0 else -1


weak_duality.false_neighbor(
    "largest_margin", "The bound holds with the largest margin in place of the smallest.", margin=with_largest_margin
)


def above_the_optimum(points, num_classes):
    """(|W|^2 + |H|^2) / 2 with W = H, less K - 1, the least value for one sample of each class."""
    return sum(dot(x, x) for x in points) - (num_classes - 1)


def is_critical(points, multiplier, num_classes, dimension):
    """All margins are at least 1, W = B H and H = B^T W: B has this multiplier for every margin of 1, else 0."""
    classes = range(num_classes)
    margins = [[dot(points[i], points[i]) - dot(points[c], points[i]) for c in classes] for i in classes]
    beta = [[multiplier if c != i and margins[i][c] == 1 else 0 for c in classes] for i in classes]
    return all(margins[i][c] >= 1 for i in classes for c in classes if c != i) and all(
        points[i][k] == sum(beta[i][c] * points[i][k] - beta[c][i] * points[c][k] for c in classes)
        and points[i][k] == sum(beta[i][c] * (points[i][k] - points[c][k]) for c in classes)
        for i in classes
        for k in range(dimension)
    )


weak_duality.false_neighbor(
    "every_critical_point",
    "Every critical point is a global optimum for d = K - 1, without |B|_2 <= 1.",
    margin=above_the_optimum,
    domain=Domain(
        {"num_classes": (2, 4), "dimension": lambda num_classes: (num_classes - 1, num_classes - 1)},
        points=Free(("num_classes", "dimension")),
        multiplier=Interval(),
    ),
    assumptions=[is_critical],
)
