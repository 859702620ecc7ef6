"""On a line without bias three or more classes cannot be separated.

Proof. Of three weights w_i <= w_j <= w_k in R, (w_j - w_i) h and (w_j - w_k) h are not both positive, whatever h: class
j is not separated from both of the others. With a bias w_c = c, h_c = c, b_c = -c^2 / 2 has the margins (i - c)^2 / 2;
in the plane K points on a circle, as their own weights, have the margins 1 - cos > 0.
"""

from itertools import permutations

from nctheory.domains import Domain, Free
from nctheory.formula import dot
from nctheory.theorems.registry import theorem

LINE = ("num_classes",)


@theorem(
    title="Separation on a line",
    statement="In dimension 1, without bias, K >= 3 classes have no weights and features with all margins "
    "<w_y - w_c, h_i> positive.",
    latex=r"d = 1,\ K \ge 3 \implies \min_{i \ne c}\,(w_i - w_c)\,h_i \le 0",
    reference="proof in the docstring of this file",
    standing="proved",
    domain=Domain({"num_classes": (3, 6)}, weights=Free(LINE), features=Free(LINE)),
    sharp={"num_classes": 3, "weights": (-1, 0, 1), "features": (-1, 0, 1)},
)
def separation_on_a_line(weights, features, num_classes):
    """The smallest margin."""
    return min(
        (weights[i] - weights[c]) * features[i] for i in range(num_classes) for c in range(num_classes) if c != i
    )


def with_bias(weights, features, bias, num_classes):
    """The smallest margin."""
    return min(
        (weights[i] - weights[c]) * features[i] + bias[i] - bias[c]
        for i in range(num_classes)
        for c in range(num_classes)
        if c != i
    )


separation_on_a_line.false_neighbor(
    "with_a_bias",
    "On a line K >= 3 classes are not separated with a bias either.",
    margin=with_bias,
    domain=Domain({"num_classes": (3, 6)}, weights=Free(LINE), features=Free(LINE), bias=Free(LINE)),
)
separation_on_a_line.false_neighbor(
    "two_classes",
    "In dimension 1, without bias, two classes are not separated.",
    domain=Domain({"num_classes": (2, 2)}, weights=Free(LINE), features=Free(LINE)),
)


def in_the_plane(points):
    """The smallest margin of points with themselves as weights."""
    return min(dot(x, x) - dot(y, x) for x, y in permutations(points, 2))


separation_on_a_line.false_neighbor(
    "in_the_plane",
    "In dimension 2, without bias, K >= 4 points are not separated with themselves as weights.",
    margin=in_the_plane,
    domain=Domain({"num_classes": (4, 6)}, points=Free(("num_classes", 2))),
)
