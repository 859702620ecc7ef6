"""Penalties against the gradient where features are not negative: inner products below 0 need not be counted.

One coordinate of the feature space: weights w_c of K classes, features x_i >= 0 of N > 1 samples, and the columns g_i
of any matrix G. B has entries B_ij >= 0 that are at least <g_i, g_j>, such as max(0, <g_i, g_j>), and positive numbers
p_i with sum_j B_ij p_j <= lambda^2 p_i, and the same for columns: for a symmetric B that is what it means that no
eigenvalue is above lambda^2, by Perron's theorem for each of its blocks. lambda = sqrt(lambda_W lambda_H). In sum over
all coordinates this takes the place of the spectral norm in `dual_bound`.
"""

import sympy

from nctheory.symbolic import Fact, Proof, proposition, total

HALF = sympy.Rational(1, 2)


@proposition(
    "lambda_W |w|^2 / 2 + lambda_H |x|^2 / 2 + <w, G x> >= 0 for all w and all x >= 0.",
    mutants={
        "features of any sign": {"sign": {}},
        "entries of any sign": {"entries": {}},
        "twice the work": {"factor": 2},
        "other entries": {"drop": ["entries"]},
        "other entries on the diagonal": {"drop": ["diagonal"]},
        "larger row sums": {"drop": ["rows"]},
        "larger column sums": {"drop": ["columns"]},
    },
)
def nonnegative_dual_bound(p: Proof, sign=None, entries=None, factor=1):
    K, N = p.symbol("K", least=1, integer=True), p.symbol("N", least=2, integer=True)
    by_weights, both = p.symbol("lambda_W", above=0), p.symbol("lambda", above=0)
    by_features, limit = both**2 / by_weights, both**2
    c, i, j = p.index("c", K), sympy.Symbol("i", integer=True), sympy.Symbol("j", integer=True)
    nothing_below = {"least": 0}
    g, w, x = p.family("g"), p.family("w"), p.family("x", **(nothing_below if sign is None else sign))
    B, q = p.family("B", **(nothing_below if entries is None else entries)), p.family("p", above=0)

    image = total(g[i, c] * x[i], i, N)
    square = p.follows(
        Fact(sympy.expand((w[c] + image / by_weights) ** 2), ">= 0"),
        "The square of w + G x / lambda_W",
        [],
        [(1, w[c] + image / by_weights)],
    )
    square = p.summed(square, (c,), K, "is not negative, in sum over all classes.")

    inner, own = total(g[i, c] * g[j, c], c, K), total(g[i, c] ** 2, c, K)
    larger = p.given("entries", Fact(B[i, j] - inner, ">= 0"), "B_ij is at least <g_i, g_j>,")
    diagonal = p.given("diagonal", Fact(B[i, i] - own, ">= 0"), "also for i = j.")
    pair = p.product(larger, p.sign(Fact(x[i] * x[j], ">= 0"), "As features are not negative,"), "times x_i x_j,")
    pair = p.follows(Fact(sympy.expand(pair.expression), ">= 0"), "(written out)", [(1, pair)])
    pairs = p.summed(pair, (i, j), N, "in sum over all pairs,")
    single = p.follows(Fact(sympy.expand(x[i] ** 2 * diagonal.expression), ">= 0"), "x_i^2", [(x[i] ** 2, diagonal)])
    singles = p.summed(single, (i,), N, "and over all samples: |G x|^2 is at most x^T B x.")

    mixed = p.follows(
        Fact(sympy.expand(B[i, j] / (q[i] * q[j]) * (x[i] * q[j] - x[j] * q[i]) ** 2), ">= 0"),
        "B_ij / (p_i p_j) times the square of x_i p_j - x_j p_i",
        [],
        [(B[i, j] / (q[i] * q[j]), x[i] * q[j] - x[j] * q[i])],
    )
    mixed = p.summed(mixed, (i, j), N, "is not negative, for all pairs.")
    rows = p.given("rows", Fact(limit * q[i] - total(B[i, j] * q[j], j, N), ">= 0"), "sum_j B_ij p_j is small,")
    columns = p.given("columns", Fact(limit * q[j] - total(B[i, j] * q[i], i, N), ">= 0"), "and sum_i B_ij p_i,")
    sums = []
    for fact, index in ((rows, i), (columns, j)):
        weight = x[index] ** 2 / q[index]
        scaled = p.follows(Fact(sympy.expand(weight * fact.expression), ">= 0"), "times x^2 / p,", [(weight, fact)])
        sums.append(p.summed(scaled, (index,), N, "summed: at most lambda^2 |x|^2."))

    images = p.exchanged(g[i, c] * x[i] * g[j, c] * x[j], [(c, K), (i, N), (j, N)], (1, 2, 0), "(In either order.)")
    ratios = p.exchanged(B[i, j] * q[i] * x[j] ** 2 / q[j], [(i, N), (j, N)], (1, 0), "(Here, too.)")
    penalties = by_weights / 2 * total(w[c] ** 2, c, K) + by_features / 2 * total(x[i] ** 2, i, N)
    work = total(sympy.expand(w[c] * image), c, K)
    spent = 1 / (2 * by_weights)
    p.concludes(
        "The penalties are at least - <w, G x>.",
        p.follows(
            Fact(penalties + factor * work, ">= 0"),
            "All that.",
            [
                (by_weights / 2, square),
                (spent, pairs),
                (spent, singles),
                (spent / 2, mixed),
                *((spent / 2, each) for each in sums),
                (-spent, images),
                (-spent / 2, ratios),
            ],
        ),
    )
