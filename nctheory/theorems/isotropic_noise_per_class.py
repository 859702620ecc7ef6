"""Noise of another level in every class: linear decoding loses nothing, and a power diagram is the best decoder.

Proof. Let class i have the covariance s_i^2 I and rho = min d_ij / (s_i + s_j), d_ij = |mu_i - mu_j|. Conditional on i
the error event of a linear decoder is a union of half-spaces at m_ij / (s_i |a_ij|) standard deviations, a_ij = w_i -
w_j. If all of these are at least r, then r (s_i + s_j) |a_ij| <= m_ij + m_ji = <a_ij, mu_i - mu_j> <= |a_ij| d_ij, so
r <= rho. For w_i = 2 mu_i and b_i = -|mu_i|^2 + rho^2 s_i^2, |a_ij| = 2 d_ij and m_ij = d_ij^2 + rho^2 (s_i^2 - s_j^2),
and m_ij >= rho s_i |a_ij| says (d_ij - rho s_i)^2 >= (rho s_j)^2, which follows from d_ij - rho s_i >= rho s_j >= 0.
(The cells are those of the power diagram of the balls of radius rho s_i. No decoder of any kind does better: two of
these balls touch.)

False neighbor `any_covariances`. With covariances L_i L_i' let E_i = {mu_i + L_i x, |x| <= 1}. Two classes can be told
apart at radius 1, by a linear decoder or at all, if and only if E_i and E_j can be separated. A linear decoder of all
classes has f_ij(x) = <a_ij, x> + b_i - b_j > 0 on E_i. Let R be a linear map with I + R + R^2 = 0 and let R map the
classes to one another, mu_{i+1} = R mu_i and L_{i+1} = R L_i, i modulo 3. If points p, q of E_0 satisfy p = t R q for a
t > 0, then there is no such decoder: otherwise 0 < sum_i f_{i,i+1}(R^i p) + t f_{i,i-1}(R^i q). But there b cancels,
and w_i comes with R^i (p - R^-1 p + t q - t R q) = R^i (I - R^-1) (p - t R q) = 0. So linear decoding loses something
wherever E_0 and R E_0 can be separated and still are seen from 0 in a common direction: the arms of a pinwheel. Given
L, x, y and t, the mean mu = (I - t R)^-1 (t R L y - L x) makes p = mu + L x and q = mu + L y such points.
"""

from itertools import combinations, permutations

from nctheory.domains import Ball, Domain, Free, Positive
from nctheory.formula import dot, squared_distance
from nctheory.theorems.registry import theorem

POINTS = ("num_classes", "dimension")


@theorem(
    title="Isotropic noise of another level in every class",
    statement="With class covariances s_c^2 I the exponent of any linear decoder is at most rho^2 / 2, rho the "
    "smallest |mu_i - mu_j| / (s_i + s_j), and w_i = 2 mu_i, b_i = rho^2 s_i^2 - |mu_i|^2 has just that.",
    latex=r"\max_{W,b}\min_{i\ne j}\frac{(m_{ij})_+^2}{2s_i^2\|w_i-w_j\|^2} = \frac{\rho^2}2,\qquad"
    r" \rho = \min_{i<j}\frac{\|\mu_i-\mu_j\|}{s_i+s_j},\quad w_i = 2\mu_i,\ b_i = \rho^2s_i^2-\|\mu_i\|^2",
    reference="aurenhammer1987 (power diagrams); anderson1962 (two classes); proof in the docstring of this file",
    standing="proved",
    domain=Domain(
        {"num_classes": (2, 4), "dimension": (1, 3)},
        means=Free(POINTS),
        deviations=Positive(("num_classes",)),
        weights=Free(POINTS),
        bias=Free(("num_classes",)),
    ),
    sharp={
        "num_classes": 3,
        "dimension": 2,
        "means": ((0, 0), (3, 0), (0, 4)),
        "deviations": (1, 2, 1),
        "weights": ((0, 0), (6, 0), (0, 8)),
        "bias": (1, -5, -15),
    },
)
def isotropic_noise_per_class(means, deviations, weights, bias, num_classes, dimension):
    """The exponent of the decoder over rho^2 / 2, less 1, and twice what the power diagram lacks."""
    rho_squared = min(
        squared_distance(means[i], means[j]) / (deviations[i] + deviations[j]) ** 2
        for i, j in combinations(range(num_classes), 2)
    )
    differences = [
        ([weights[i][k] - weights[j][k] for k in range(dimension)], i, j)
        for i, j in permutations(range(num_classes), 2)
    ]
    margins = [(dot(a, a) * deviations[i] ** 2, dot(a, means[i]) + bias[i] - bias[j]) for a, i, j in differences]
    given = min(max(0, m) ** 2 / squared if squared > 0 else 0 for squared, m in margins if squared > 0 or m <= 0)
    cells = [
        (squared_distance(means[i], means[j]), rho_squared * (deviations[i] ** 2 - deviations[j] ** 2), deviations[i])
        for i, j in permutations(range(num_classes), 2)
    ]
    best = min(max(0, d + shift) ** 2 / (4 * d * s**2) if d > 0 else 0 for d, shift, s in cells)
    return (given + 2 * max(0, rho_squared - best)) / rho_squared - 1 if rho_squared > 0 else given


def arms_apart(factor, points, ratio, normal):
    """S |S| - 4 A B over (A + B)^2, S = D^2 - A - B; positive if |D| > sqrt A + sqrt B: E_0, R E_0 are apart."""
    x = [dot(row, points[0]) for row in factor]
    y = [dot(row, points[1]) for row in factor]
    v = [-ratio * y[1] - x[0], ratio * (y[0] - y[1]) - x[1]]
    mean = [
        ((1 + ratio) * v[0] - ratio * v[1]) / (1 + ratio + ratio**2),
        (v[1] + ratio * v[0]) / (1 + ratio + ratio**2),
    ]
    turned = [normal[1], -normal[0] - normal[1]]
    distance = dot(normal, mean) - dot(turned, mean)
    own = sum((factor[0][c] * normal[0] + factor[1][c] * normal[1]) ** 2 for c in range(2))
    other = sum((factor[0][c] * turned[0] + factor[1][c] * turned[1]) ** 2 for c in range(2))
    rest = distance**2 - own - other
    return (rest * abs(rest) - 4 * own * other) / ((own + other) ** 2 if own + other > 0 else 1)


def no_flat_noise(factor):
    """The covariances are not singular."""
    return factor[0][0] * factor[1][1] - factor[0][1] * factor[1][0] != 0


isotropic_noise_per_class.false_neighbor(
    "any_covariances",
    "Whatever the class covariances, linear decoding loses nothing for K >= 3: where each pair of classes (permuted "
    "by R(x, y) = (-y, x - y)) can be told apart at radius 1, a linear decoder does so for all at once.",
    margin=arms_apart,
    domain=Domain(factor=Free((2, 2)), points=Ball((2, 2)), ratio=Positive(), normal=Free((2,))),
    assumptions=[no_flat_noise],
)
