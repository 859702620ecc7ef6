"""A lower bound on F where features are not negative: no two samples that pull apart add up.

F = (1/N) sum w_y l(W h_i + b, t_i) + (lambda_W / 2) |W|^2 + (lambda_H / 2) |H|^2, H >= 0, lambda = sqrt(lambda_W
lambda_H); the columns of G are w_y r_i / N, for any r_i, one for each sample.

Proof. Let w be a column of W and x >= 0 that of H, for one coordinate. Then <w, G x> >= -|w| |G x|, and |G x|^2 = sum
x_i x_j <g_i, g_j> is at most sum x_i x_j max(0, <g_i, g_j>) <= lambda^2 |x|^2, if no eigenvalue of the matrix of these
is above lambda^2. So <w, G x> >= -lambda |w| |x| >= -(lambda_W |w|^2 + lambda_H |x|^2) / 2, and in sum over all
coordinates the penalties and <G, W H^T> are not negative, in every dimension. Hence F is at least (1/N) sum w_y inf_z
[l(z, t_i) - <r_i, z>], as in `dual_bound`; the bias enters as there.

Within a class all columns are alike, and the eigenvalues are those of the K x K matrix of sqrt(n_k n_l) max(0, <g_k,
g_l>). If no two classes have a positive <g_k, g_l>, the largest is max n_k |g_k|^2, and that is the maximum of |G x|^2
itself, at the x of one class. In general that maximum over x >= 0 is what decides: where it is above lambda^2, and a
coordinate is unused, F falls along it (x, and -G x for weights).

Smaller than |G|_2^2, the largest eigenvalue for x of any sign, it gives a larger bound: that of samples whose classes
pull apart. Neither is needed where the other holds.
"""

# formulas have no keywords and no stars

from nctheory.domains import Domain, Free, Positive
from nctheory.formula import dot
from nctheory.theorems.registry import theorem

DOMAIN = Domain(
    {"num_classes": (1, 2), "num_samples": (1, 3), "dimension": (1, 2)},
    weights=Free(("num_classes", "dimension")),
    features=Free(("num_samples", "dimension")),
    targets=Free(("num_samples", "num_classes")),
    residuals=Free(("num_samples", "num_classes")),
    decay_w=Positive(),
    decay_h=Positive(),
)


@theorem(
    title="A lower bound for non-negative features",
    statement="Let H >= 0, and let no eigenvalue of the matrix of max(0, <g_i, g_j>) be above lambda_W lambda_H, where "
    "g_i = theta w_y r_i / N. Then F is at least (1/N) sum w_y inf_z [l(z, t_i) - theta <r_i, z>] for every convex "
    "loss, in any dimension. If <g_i, g_j> <= 0 for all samples of different classes, and g_i is the same in a class, "
    "the condition is n_k |g_k|^2 <= lambda_W lambda_H for every class.",
    latex=r"\lambda_{\max}\big(\max(0, \langle g_i, g_j\rangle)\big) \le \lambda_W\lambda_H,\ H \ge 0 \implies"
    r" F \ge \frac1N\sum_i \inf_z\big[\ell(z, t_i) - \langle r_i, z\rangle\big]",
    reference="dang2024 for the model, haeffele2015 for the duality; proof in the docstring of this file",
    standing="proved",
    remarks="Executed for the squared error with any targets, without bias, at the absolute values of `features`, with "
    "theta = min(1, 2 / (1 + x)), x the largest row sum of that matrix over lambda^2: never above 1 / sqrt(x).",
    domain=DOMAIN,
    sharp={
        "num_classes": 1,
        "num_samples": 1,
        "dimension": 1,
        "weights": ((0,),),
        "features": ((0,),),
        "targets": (("1/2",),),
        "residuals": (("-1/2",),),
        "decay_w": 1,
        "decay_h": 1,
    },
)
def nonnegative_dual_bound(weights, features, targets, residuals, decay_w, decay_h, num_samples):
    """The bound of squared error less F, relative to 1 + F."""
    means = [[abs(x) for x in row] for row in features]
    sums = [sum(max(0, dot(r, s)) for s in residuals) for r in residuals]
    theta = min(1, 2 / (1 + max(sums) / (num_samples**2 * decay_w * decay_h)))
    bound = -sum(theta**2 * dot(r, r) / 2 + theta * dot(r, t) for r, t in zip(residuals, targets)) / num_samples
    loss = sum((dot(w, x) - y) ** 2 for x, t in zip(means, targets) for w, y in zip(weights, t)) / (2 * num_samples)
    value = loss + (decay_w * sum(dot(w, w) for w in weights) + decay_h * sum(dot(x, x) for x in means)) / 2
    return (bound - value) / (1 + value)


def with_any_sign(weights, features, targets, residuals, decay_w, decay_h, num_samples):
    """The same at features of any sign."""
    sums = [sum(max(0, dot(r, s)) for s in residuals) for r in residuals]
    theta = min(1, 2 / (1 + max(sums) / (num_samples**2 * decay_w * decay_h)))
    bound = -sum(theta**2 * dot(r, r) / 2 + theta * dot(r, t) for r, t in zip(residuals, targets)) / num_samples
    loss = sum((dot(w, x) - y) ** 2 for x, t in zip(features, targets) for w, y in zip(weights, t)) / (2 * num_samples)
    value = loss + (decay_w * sum(dot(w, w) for w in weights) + decay_h * sum(dot(x, x) for x in features)) / 2
    return (bound - value) / (1 + value)


nonnegative_dual_bound.false_neighbor(
    "any_sign", "The bound holds for features of any sign as well.", margin=with_any_sign
)


def unshrunk(weights, features, targets, residuals, decay_w, decay_h, num_samples):
    """The bound with theta = 1 less F, relative to 1 + F."""
    means = [[abs(x) for x in row] for row in features]
    bound = -sum(dot(r, r) / 2 + dot(r, t) for r, t in zip(residuals, targets)) / num_samples
    loss = sum((dot(w, x) - y) ** 2 for x, t in zip(means, targets) for w, y in zip(weights, t)) / (2 * num_samples)
    value = loss + (decay_w * sum(dot(w, w) for w in weights) + decay_h * sum(dot(x, x) for x in means)) / 2
    return (bound - value) / (1 + value)


def columns_below_lambda(residuals, decay_w, decay_h, num_samples):
    """Each column of G has norm at most lambda."""
    return all(dot(r, r) <= num_samples**2 * decay_w * decay_h for r in residuals)


nonnegative_dual_bound.false_neighbor(
    "column_norms",
    "It is enough that no column of G is longer than lambda, whatever the angles between columns are.",
    margin=unshrunk,
    assumptions=[columns_below_lambda],
)


def sum_below_lambda(residuals, decay_w, decay_h, num_classes, num_samples):
    """|G 1|^2 <= lambda^2 |1|^2."""
    totals = [sum(r[c] for r in residuals) for c in range(num_classes)]
    return dot(totals, totals) <= num_samples**3 * decay_w * decay_h


nonnegative_dual_bound.false_neighbor(
    "sum_of_columns",
    "It is enough that |G x| <= lambda |x| for the x that is 1 for all samples.",
    margin=unshrunk,
    assumptions=[sum_below_lambda],
)
