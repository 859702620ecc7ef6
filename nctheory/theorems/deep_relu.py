"""A ReLU between the matrices: a bound by the nuclear norm for every depth; orthogonal frames are not always optimal.

Logits Z = W_m max(0, ... max(0, W_1 H)), squared error without bias, L = m + 1 factors of penalties with the product
Lambda.

Proof. max(0, .) lengthens no matrix in the Frobenius norm, |A B| <= |A| |B| there, and |A B|_* <= |A| |B|: so |Z|_* <=
|W_m| ... |W_1| |H|, and by the inequality of the means the penalties are at least (L/2) (Lambda |Z|_*^2)^(1/L).
Without ReLU they are at least (L/2) Lambda^(1/L) sum s^(2/L), s the singular values of Z, which is more where Z has a
rank above one. That need not hold here, as max(0, .) may enlarge nuclear norms (`no_larger_nuclear_norm`) and ranks.

Many classes: let the K = q (q - 1) / 2 classes be the edges of a complete graph, and T (q, K) have ones at the ends of
each. 1 1^T - T^T T, of rank q, is 1 for edges without a common end, 0 for those with one, and -1 on the diagonal; so
max(0, .) of it joins the edges without a common end, which has the eigenvalues (q - 2)(q - 3) / 2, 1 and 3 - q, and an
inverse for q > 3. All matrices but the last have rank q then, and an orthogonal frame has rank K in all: it is not
optimal for three matrices and ten classes (`orthogonal_frame`).
"""

# formulas have no keywords and no stars

from itertools import combinations

from nctheory.domains import Domain, Free, Positive
from nctheory.formula import dot
from nctheory.theorems.registry import theorem


@theorem(
    title="Deep models with a ReLU",
    statement="With a ReLU between the matrices the nuclear norm of the logits Z of all samples is at most the product "
    "of the Frobenius norms of all L factors, so that the penalties are at least (L/2) (Lambda |Z|_*^2)^(1/L), Lambda "
    "the product of their coefficients; with equality for matrices of rank one.",
    latex=r"\|Z\|_* \le \|W_m\|_F\cdots\|W_1\|_F\,\|H\|_F,\qquad"
    r" \sum_j\frac{\lambda_j}2\|W_j\|_F^2+\frac{\lambda_H}2\|H\|_F^2 \ge \frac L2\bigl(\Lambda\|Z\|_*^2\bigr)^{1/L}",
    reference="tirer2022 for two matrices; sukenik2024 for more; proof in the docstring of this file",
    standing="proved",
    remarks="Executed for two matrices and two classes, where the nuclear norm has the square |Z|^2 + 2 |det Z|.",
    domain=Domain(
        {"dimension": (1, 3)},
        weights=Free((2, "dimension")),
        inner=Free(("dimension", "dimension")),
        means=Free((2, "dimension")),
    ),
    sharp={
        "dimension": 1,
        "weights": ((1,), (-1,)),
        "inner": ((1,),),
        "means": ((1,), (1,)),
    },
)
def deep_relu(weights, inner, means):
    """The square of the nuclear norm less that of the product of the norms."""
    hidden = [[max(0, dot(row, x)) for row in inner] for x in means]
    logits = [[dot(w, x) for w in weights] for x in hidden]
    determinant = logits[0][0] * logits[1][1] - logits[0][1] * logits[1][0]
    squares = [sum(dot(row, row) for row in rows) for rows in (weights, inner, means)]
    return sum(dot(row, row) for row in logits) + 2 * abs(determinant) - squares[0] * squares[1] * squares[2]


def beside_the_factors(weights, means, normal, num_points):
    """<R, max(0, W H)> less (|W|^2 + |H|^2) / 2, times |v|^2, R = I - 2 v v^T / |v|^2 a reflection, H^T the means.

    The former is at most the nuclear norm of max(0, W H), the latter at least that of W H.
    """
    points = range(num_points)
    length = dot(normal, normal)
    passed = [[max(0, dot(w, x)) for x in means] for w in weights]
    straight = length * sum(passed[k][k] for k in points)
    turned = 2 * sum(normal[i] * normal[j] * passed[i][j] for i in points for j in points)
    return straight - turned - length * (sum(dot(w, w) for w in weights) + sum(dot(x, x) for x in means)) / 2


deep_relu.false_neighbor(
    "no_larger_nuclear_norm",
    "max(0, .) enlarges no nuclear norm: that of max(0, W H) is at most (|W|^2 + |H|^2) / 2.",
    margin=beside_the_factors,
    domain=Domain(
        {"num_points": (2, 8)},
        weights=Free(("num_points", 2)),
        means=Free(("num_points", 2)),
        normal=Free(("num_points",)),
    ),
    counterexample={
        "num_points": 8,
        "weights": (
            (1, 0),
            ("7/10", "7/10"),
            (0, 1),
            ("-7/10", "7/10"),
            (-1, 0),
            ("-7/10", "-7/10"),
            (0, -1),
            ("7/10", "-7/10"),
        ),
        "means": (
            (1, 0),
            ("7/10", "7/10"),
            (0, 1),
            ("-7/10", "7/10"),
            (-1, 0),
            ("-7/10", "-7/10"),
            (0, -1),
            ("7/10", "-7/10"),
        ),
        "normal": (1, -1, 1, -1, 1, -1, 1, -1),
    },
)


def below_the_frame(features, first, second, last, excess, num_vertices):
    """The least value of an orthogonal frame over F, less 1, for classes that are edges and three matrices.

    Of one sample each and equal penalties (1 - x) x^(1/2) / K, x = r^2, r = (5 + excess) / (6 + excess): the frame
    costs (1 - x) (1 + 3 x) / 2. The matrices have two coefficients each, or three, on the identity or T, on 1 1^T, and
    on the edges with a common end.
    """
    vertices = range(num_vertices)
    edges = [(v, u) for v, u in combinations(vertices, 2)]
    classes = range(len(edges))
    root = (5 + excess) / (6 + excess)
    frame = (1 - root**2) * (1 + 3 * root**2) / 2
    ends = [[1 if v == pair[0] or v == pair[1] else 0 for v in vertices] for pair in edges]
    inner = [[first[1] + (first[0] if v == u else 0) for u in vertices] for v in vertices]
    rows = [[features[0] * at + features[1] for at in row] for row in ends]
    hidden = [[max(0, dot(w, x)) for w in inner] for x in rows]
    before = [[second[0] * at + second[1] for at in row] for row in ends]
    behind = [[max(0, dot(w, x)) for w in before] for x in hidden]
    weights = [[last[2 - dot(e, f)] for f in ends] for e in ends]
    loss = sum((dot(weights[c], behind[e]) - (1 if c == e else 0)) ** 2 for c in classes for e in classes)
    square = sum(sum(dot(row, row) for row in part) for part in (rows, inner, before, weights))
    level = (1 - root**2) * root / len(edges)
    return frame / (loss / (2 * len(edges)) + level * square / 2) - 1


deep_relu.false_neighbor(
    "orthogonal_frame",
    "With a ReLU between the matrices an orthogonal frame is optimal for balanced classes, at any depth.",
    margin=below_the_frame,
    domain=Domain(
        {"num_vertices": (4, 5)},
        features=Free((2,)),
        first=Free((2,)),
        second=Free((2,)),
        last=Free((3,)),
        excess=Positive(),
    ),
    counterexample={
        "num_vertices": 5,
        "features": ("18/25", "-3/50"),
        "first": ("5/4", "7/100"),
        "second": ("-21/25", "21/50"),
        "last": ("37/100", "-1/5", "41/100"),
        "excess": 19,
    },
)
