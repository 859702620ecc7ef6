"""Normalized features and classifiers: for d >= K no local minimum is worse than the global ones, for any class sizes.

Notation as in `sphere_certificate`: G has the rows (tau / N) (p_i - e_y), y = y_i, with the probabilities p_i.

Curvature. Let a be a unit vector orthogonal to all w_c and h_i, and move to w_c + s u_c a and h_i + s v_i a, divided by
their norms. With q = s^2 every inner product z becomes (z + q u v) ((1 + q u^2) (1 + q v^2))^(-1/2), so F is smooth in
q with the derivative (1/2) <x, S x>, x = (u, v), at 0: along s, and along great circles, the first derivative of F is 0
and the second is <x, S x>, for a unit eigenvector x of S the eigenvalue. For |u|, |v| and q at most 1 the derivatives
of z are at most 3 and 6, so the second derivative of F by q is at most 9 tau^2 + 12 tau.

Critical points have alpha_c w_c = -(G^T H)_c and beta_i h_i = -(G W)_i = (tau / N) (w_y - sum_c p_ic w_c).

* beta_i = 0: then w_y is a mean of unit vectors with positive weights, so all weights are one vector w, all beta are 0
  and F = log K. With U_y = x, x orthogonal to w, and V_i = t (x - <x, h_i> h_i) all else 0, the second derivative of F
  is linear in t (equal changes of all logits of a sample do not count), of slope -2 (tau / N) (1 - 1/K) |x - <x, h_i>
  h_i|^2: negative curvature, unless every such x is parallel to h_i, that is d = 2 and h_i is orthogonal to w for all
  i. There F has no minimum: if K = 2, then sum_i s_i = 0 at a critical point, s_i the signs of <h_i, w_1'> times those
  of the classes, w_1' orthogonal to w; when one feature is turned by any small angle, F has a derivative that is not 0
  along turning w_1 and w_2 apart.
* beta_i < 0: for d >= K there is a unit vector r with all <w_c, r> equal, and <r, h_i> = 0 as beta_i h_i is a
  combination of differences w_y - w_c. Along V_i = r all logits of the sample change alike: the curvature is beta_i.
* All beta_i > 0: sum alpha = sum beta > 0, and sum_c alpha_c w_c = -H^T G 1 = 0, so the weights have a rank of at most
  K - 1, and each h_i is in their span: for d >= K some a as above exists. Either S is positive semidefinite, and F is
  least by `sphere_certificate`, or the curvature along the direction above is negative.

So for d >= K every critical point is a global minimum or a strict saddle, but for K = d = 2 with all weights equal; and
global minima have rank at most K - 1: the least value is the same for all d >= K - 1.

For d = K - 1 there are strict local minima, up to rotation, that are not global. The third derivative of F along a unit
direction of the six angles of three classes in the plane is below M = 2.2 tau^3 + 8.5 tau^2 + 5.7 tau, 8000 for tau =
14: the derivatives of a logit are at most 2^(1/2) tau, 2 tau and 8^(1/2) tau in size, and the third one of log-sum-exp
is a third central moment, three covariances and a mean of these. Where |grad F| < g and the Hessian is at least e
beside the rotation, F grows on the way to every point at the distance r = e / (2 M), by more than -g r + 5 e r^2 / 12,
which is positive if g < 5 e^2 / (24 M): 2.6e-11 for e = 1/1000. So a local minimum is nearer than that.
"""

# formulas have no keywords and no stars

from fractions import Fraction

from nctheory.domains import Domain, Interval, Range, Sphere
from nctheory.formula import dot
from nctheory.gaussian import exp, log, sqrt
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {
    "num_classes": (2, 3),
    "class_size": (1, 2),
    "num_samples": lambda num_classes, class_size: (num_classes * class_size, num_classes * class_size),
    "dimension": (1, 2),
}
DOMAIN = Domain(
    SIZES,
    weights=Sphere(("num_classes", "dimension")),
    features=Sphere(("num_samples", "dimension")),
    left=Interval(("num_classes",), Fraction(-1), Fraction(1)),
    right=Interval(("num_samples",), Fraction(-1), Fraction(1)),
    step=Interval(),
    temperature=Interval(high=Fraction(10)),
)


@theorem(
    title="The landscape on spheres",
    statement="For cross-entropy of tau <w_c, h_i> with |w_c| = |h_i| = 1, any class sizes and any tau: along (u a^T, "
    "v a^T), a orthogonal to all rows, the second derivative of F is <x, S x>, x = (u, v), S as in `sphere_certificate`"
    ", and with |u_c|, |v_i|, s <= 1 F at w_c + s u_c a, h_i + s v_i a over their norms is at most F + s^2 <x, S x> / "
    "2 + s^4 (9 tau^2 / 2 + 6 tau). For d >= K every critical point is a global minimum or a strict saddle, but for "
    "points with equal weights in K = d = 2, which are no local minima. Global minima have rank at most K - 1.",
    latex=r"d \ge K \implies \text{every local minimum of } F(W,H) = \tfrac1N\sum_i\ell(\tau Wh_i, y_i),"
    r"\ \|w_c\|=\|h_i\|=1, \text{ is global};\qquad \frac{d^2}{ds^2}F\big(W + s\,ua^{\mathsf T}, H + s\,va^{\mathsf T}"
    r"\big)\Big|_{s=0} = x^{\mathsf T}Sx",
    reference="yaras2022, with d > K and balanced classes; proof in the docstring of this file",
    standing="proved",
    remarks="Executed as the inequality, a being one more axis. Sample i of class c is in row c n + i.",
    domain=DOMAIN,
    sharp={
        "num_classes": 2,
        "class_size": 1,
        "num_samples": 2,
        "dimension": 1,
        "weights": ((1,), (-1,)),
        "features": ((1,), (1,)),
        "left": (1, "1/2"),
        "right": (1, 0),
        "step": 0,
        "temperature": 2,
    },
)
def sphere_landscape(weights, features, left, right, step, temperature, num_classes, class_size, num_samples):
    """F at the end of the step less its bound, relative to 1 and F."""
    labels = [k for k in range(num_classes) for _ in range(class_size)]
    here = [[dot(w, x) for w in weights] for x in features]
    there = [
        [(z + step**2 * u * v) / sqrt((1 + step**2 * u**2) * (1 + step**2 * v**2)) for z, u in zip(row, left)]
        for row, v in zip(here, right)
    ]
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
    curvature = sum(
        slopes[i][c] * (2 * left[c] * right[i] - (left[c] ** 2 + right[i] ** 2) * here[i][c])
        for i in range(num_samples)
        for c in range(num_classes)
    )
    bound = losses[0] + step**2 * curvature / 2 + step**4 * (9 * temperature**2 / 2 + 6 * temperature)
    return (losses[1] - bound) / (1 + losses[0])


def without_multipliers(weights, features, left, right, step, temperature, num_classes, class_size, num_samples):
    """F at the end of the step less the bound with 2 u^T G v for <x, S x>, relative to 1 and F."""
    labels = [k for k in range(num_classes) for _ in range(class_size)]
    here = [[dot(w, x) for w in weights] for x in features]
    there = [
        [(z + step**2 * u * v) / sqrt((1 + step**2 * u**2) * (1 + step**2 * v**2)) for z, u in zip(row, left)]
        for row, v in zip(here, right)
    ]
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
    curvature = sum(2 * slopes[i][c] * left[c] * right[i] for i in range(num_samples) for c in range(num_classes))
    bound = losses[0] + step**2 * curvature / 2 + step**4 * (9 * temperature**2 / 2 + 6 * temperature)
    return (losses[1] - bound) / (1 + losses[0])


sphere_landscape.false_neighbor(
    "without_multipliers",
    "The curvature is 2 u^T G v, as in the surrounding space: the diagonal of S can be left out.",
    margin=without_multipliers,
)


def with_half(left, right, step, temperature):
    """F at the end of the step less the bound with half of <x, S x>, K = 2, W = H = (1, -1) in one dimension."""
    here = ((1, -1), (-1, 1))
    there = [
        [(z + step**2 * u * v) / sqrt((1 + step**2 * u**2) * (1 + step**2 * v**2)) for z, u in zip(row, left)]
        for row, v in zip(here, right)
    ]
    loss = log(1 + exp(-2 * temperature))
    moved = [log(1 + exp(temperature * (there[i][1 - i] - there[i][i]))) / 2 for i in (0, 1)]
    slope = temperature / 2 / (1 + exp(2 * temperature))
    curvature = slope * sum(
        (1 if c != i else -1) * (2 * left[c] * right[i] - (left[c] ** 2 + right[i] ** 2) * here[i][c])
        for i in (0, 1)
        for c in (0, 1)
    )
    return sum(moved) - loss - step**2 * curvature / 4 - step**4 * (9 * temperature**2 / 2 + 6 * temperature)


sphere_landscape.false_neighbor(
    "half",
    "The second derivative is <x, S x> / 2, also at the simplex of two classes.",
    margin=with_half,
    domain=Domain(
        left=Interval((2,), Fraction(-1), Fraction(1)),
        right=Interval((2,), Fraction(-1), Fraction(1)),
        step=Interval(),
        temperature=Interval(high=Fraction(2)),
    ),
)


def near_a_local_minimum(offset):
    """What makes a point near a strict local minimum that is not global, where it is positive: see below.

    The smallest of F - least F - 1/10, of 1 - 10^22 |grad F|^2 and of the pivots of A = D + 1 1^T - I / 1000, D the
    second derivatives of F by the six angles of weights and features, tau = 14; tangents of half angles are given.
    """
    tangents = (
        offset,
        253264220892828 / 10**16,
        -2980502152474066 / 10**16,
        34441105929112868 / 10**16,
        10238795599619808 / 10**16,
        -13289956148352426 / 10**16,
    )
    points = [((1 - t**2) / (1 + t**2), 2 * t / (1 + t**2)) for t in tangents]
    z = [[14 * dot(points[c], points[3 + k]) for c in range(3)] for k in range(3)]
    x = [[14 * (points[c][0] * points[3 + k][1] - points[c][1] * points[3 + k][0]) for c in range(3)] for k in range(3)]
    e = [[exp(value - max(row)) for value in row] for row in z]
    p = [[value / sum(row) for value in row] for row in e]
    g = [[p[k][c] - (1 if c == k else 0) for c in range(3)] for k in range(3)]
    loss = sum(-log(p[k][k]) for k in range(3)) / 3
    slopes = [sum(g[k][c] * x[k][c] for k in range(3)) / 3 for c in range(3)] + [-dot(g[k], x[k]) / 3 for k in range(3)]
    mean = [dot(p[k], x[k]) for k in range(3)]
    of_weights = [
        [
            sum(
                p[k][c] * x[k][c] * ((x[k][c] if c == d else 0) - p[k][d] * x[k][d])
                - (g[k][c] * z[k][c] if c == d else 0)
                for k in range(3)
            )
            for d in range(3)
        ]
        for c in range(3)
    ]
    mixed = [[p[k][c] * x[k][c] * (mean[k] - x[k][c]) + g[k][c] * z[k][c] for k in range(3)] for c in range(3)]
    own = [sum(p[k][c] * x[k][c] ** 2 - g[k][c] * z[k][c] for c in range(3)) - mean[k] ** 2 for k in range(3)]
    top = [[of_weights[c][d] / 3 for d in range(3)] + [mixed[c][k] / 3 for k in range(3)] for c in range(3)]
    low = [[mixed[c][k] / 3 for c in range(3)] + [own[k] / 3 if k == m else 0 for m in range(3)] for k in range(3)]
    m0 = [[(top + low)[i][j] + 1 - (1 / 1000 if i == j else 0) for j in range(6)] for i in range(6)]
    m1 = [[m0[i][j] - m0[i][0] * m0[0][j] / m0[0][0] for j in range(1, 6)] for i in range(1, 6)]
    m2 = [[m1[i][j] - m1[i][0] * m1[0][j] / m1[0][0] for j in range(1, 5)] for i in range(1, 5)]
    m3 = [[m2[i][j] - m2[i][0] * m2[0][j] / m2[0][0] for j in range(1, 4)] for i in range(1, 4)]
    m4 = [[m3[i][j] - m3[i][0] * m3[0][j] / m3[0][0] for j in range(1, 3)] for i in range(1, 3)]
    last = m4[1][1] - m4[1][0] * m4[0][1] / m4[0][0]
    pivots = [m0[0][0], m1[0][0], m2[0][0], m3[0][0], m4[0][0], last]
    return min([loss - log(1 + 2 * exp(-21)) - 1 / 10, 1 - 10**22 * dot(slopes, slopes)] + pivots)


sphere_landscape.false_neighbor(
    "one_dimension_less",
    "Already for d = K - 1 no local minimum is worse than the global ones: so for three classes of one sample in the "
    "plane, tau = 14, there is no point with F above its least value by 1/10, |grad F| < 10^-11, and second "
    "derivatives by the angles of at least 1/1000 beside the rotation.",
    margin=near_a_local_minimum,
    domain=Domain(offset=Interval(high=Fraction(1, 100))),
)


def best_of_equal_weights(weights, features, temperature):
    """log 2, the value of equal weights, less F of two classes of one sample."""
    margins = [temperature * (dot(weights[k], features[k]) - dot(weights[1 - k], features[k])) for k in (0, 1)]
    return log(2) - sum(log(1 + exp(-m)) for m in margins) / 2


sphere_landscape.false_neighbor(
    "second_order",
    "For d >= K a critical point without negative curvature is a global minimum, also for K = d = 2 where the weights "
    "are equal and the features orthogonal to them.",
    margin=best_of_equal_weights,
    domain=Domain(weights=Sphere((2, 2)), features=Sphere((2, 2)), temperature=Interval(high=Fraction(10))),
)
