"""Squared error without bias for any class sizes n_c: each class shrinks by its own factor, or vanishes.

F is the mean of |z_i - Y_i|^2 / 2 over N samples, Y one-hot, n_c samples of class c, plus lambda_W |W|^2 / 2 and
lambda_H |H|^2 / 2. For any x_c with n_c (1 - x_c)^2 <= N^2 lambda_W lambda_H the bound is the sum of
n_c (1 - x_c^2) / (2 N), in any dimension; its best x_c, max(0, 1 - N sqrt(lambda_W lambda_H / n_c)), are attained by
orthogonal weights and class means, in d >= K dimensions, or as many as classes that do not vanish.
"""

import sympy

from nctheory.symbolic import Fact, Proof, proposition, total

HALF = sympy.Rational(1, 2)


def every(p: Proof, fact, ranges, text):
    """A fact in sum over these, innermost first."""
    for index, size in ranges:
        fact = p.summed(fact, (index,), size, f"{text} (in sum over {index})")
    return fact


@proposition(
    "F is at least the sum of n_c (1 - x_c^2) / (2 N) for n_c (1 - x_c)^2 <= N^2 lambda_W lambda_H, in any dimension.",
    mutants={
        "the value of zero": {"value": lambda x: sympy.S.One},
        "N for its square": {"power": 1},
        "labels that are not 0 or 1": {"drop": ["labels"]},
        "samples of no class": {"drop": ["one class"]},
        "other class sizes": {"drop": ["sizes"]},
        "larger slopes": {"drop": ["threshold"]},
    },
)
def mse_class_sizes(p: Proof, value=lambda x: 1 - x**2, power=2):
    K, N, d = (p.symbol(name, least=1, integer=True) for name in ("K", "N", "d"))
    by_weights, by_features = p.symbol("lambda_W", above=0), p.symbol("lambda_H", above=0)
    i, k, c = p.index("i", N), p.index("k", d), sympy.Symbol("c", integer=True)
    W, H, x, n, Y = p.family("W"), p.family("H"), p.family("x"), p.family("n"), p.family("Y", least=0)
    slope, logit, y = 1 - x[c], total(W[c, k] * H[i, k], k, d), Y[i, c]
    labels = p.given("labels", Fact(y**2 - y, "= 0"), "Labels Y_ic are 0 or 1,")
    one = p.given("one class", Fact(total(y, c, K) - 1, "= 0"), "one for each sample,")
    sizes = p.given("sizes", Fact(total(y, i, N) - n[c], "= 0"), "and n_c for class c.")
    limit = N**power * by_weights * by_features
    threshold = p.given("threshold", Fact(limit - n[c] * slope**2, ">= 0"), "n_c (1 - x_c)^2 is at most that.")

    residual = p.follows(
        Fact(sympy.expand((logit - x[c] * y) ** 2), ">= 0"),
        "The square of z_ic - x_c Y_ic",
        [],
        [(1, logit - x[c] * y)],
    )
    fit = p.follows(
        Fact(sympy.expand(HALF * (logit - y) ** 2 + slope * y * logit - HALF * (1 - x[c] ** 2) * y), ">= 0"),
        "is (z_ic - Y_ic)^2 + 2 (1 - x_c) Y_ic z_ic - (1 - x_c^2) Y_ic,",
        [(HALF, residual), (HALF * (1 - x[c] ** 2), labels)],
    )
    fits = every(p, fit, ((c, K), (i, N)), "for all logits.")
    t = slope / (N * by_features)
    apart = p.follows(
        Fact(sympy.expand(y * (H[i, k] - t * W[c, k]) ** 2), ">= 0"),
        "Squares of h_i - w_c (1 - x_c) / (N lambda_H), for the class c of sample i,",
        [],
        [(y, H[i, k] - t * W[c, k])],
    )
    aligned = every(p, apart, ((k, d), (c, K), (i, N)), "are not negative;")
    lengths = total(H[i, k] ** 2, k, d)
    own = p.follows(Fact(sympy.expand(lengths * one.expression), "= 0"), "|h_i|^2 counts once,", [(lengths, one)])
    own = every(p, own, ((i, N),), "for each sample,")
    norms = total(sympy.expand(slope**2 * W[c, k] ** 2), k, d)
    rows = p.follows(
        Fact(sympy.expand(norms * sizes.expression), "= 0"), "(1 - x_c)^2 |w_c|^2 n_c times,", [(norms, sizes)]
    )
    rows = every(p, rows, ((c, K),), "for each class,")
    counted = p.follows(Fact(sympy.expand((1 - x[c] ** 2) * sizes.expression), "= 0"), "as", [(1 - x[c] ** 2, sizes)])
    counted = every(p, counted, ((c, K),), "does 1 - x_c^2.")
    orders = (
        p.exchanged(sympy.expand(y * norms), [(i, N), (c, K)], (1, 0), "(In either order.)"),
        p.exchanged(sympy.expand((1 - x[c] ** 2) * y), [(i, N), (c, K)], (1, 0), "(In either order.)"),
    )
    spare = p.product(threshold, p.follows(Fact(W[c, k] ** 2, ">= 0"), "A square", [], [(1, W[c, k])]), "times that:")
    spare = p.follows(
        Fact(sympy.expand(spare.expression), ">= 0"), "the weights' penalty is large enough,", [(1, spare)]
    )
    spares = every(p, spare, ((k, d), (c, K)), "for each class.")

    loss = total(total(sympy.expand(HALF * (logit - y) ** 2), c, K), i, N)
    weights, features = total(total(W[c, k] ** 2, k, d), c, K), total(lengths, i, N)
    F = loss / N + by_weights / 2 * weights + by_features / 2 * features
    p.concludes(
        "F is at least the bound.",
        p.follows(
            Fact(F - total(sympy.expand(n[c] * value(x[c])), c, K) / (2 * N), ">= 0"),
            "The loss, the squares and what is left of the weights' penalty.",
            [
                (1 / N, fits),
                (by_features / 2, aligned),
                (-by_features / 2, own),
                (1 / (2 * N**2 * by_features), spares),
                (-1 / (2 * N**2 * by_features), rows),
                (1 / (2 * N), counted),
                (-1 / (2 * N**2 * by_features), orders[0]),
                (1 / (2 * N), orders[1]),
            ],
        ),
    )


@proposition(
    "Class c with |w_c|^2 = x sqrt(n_c lambda_H / lambda_W), |h_c|^2 = x sqrt(lambda_W / (n_c lambda_H)), on an axis "
    "of its own, has the share n_c (1 - x^2) / (2 N) of F, where x = 0 or N sqrt(lambda_W lambda_H) = (1 - x) "
    "sqrt(n_c): the bound, which admits x = 0 iff n_c <= N^2 lambda_W lambda_H.",
    mutants={
        "a shrinkage N lambda / n_c": {"drop": ["shrinkage"]},
        "equal norms": {"ratio": lambda n, rho: rho**2},
        "half of it": {"share": sympy.Rational(1, 4)},
    },
)
def mse_class_sizes_attained(p: Proof, ratio=lambda n, rho: rho**4 / n, share=HALF):
    n, N, rho, by_features = (p.symbol(name, above=0) for name in ("n", "N", "rho", "lambda_H"))
    x, by_weights = p.symbol("x", least=0), by_features / ratio(n, rho)  # rho^2 is sqrt(n lambda_H / lambda_W)
    weights, mean = x * rho**2, x / rho**2
    logit = p.identity(weights * mean, x**2, "w_c and h_c are parallel, so that the logit is x:")
    shrinkage = p.given(
        "shrinkage",
        Fact(x * (N * by_features / rho**2 - (1 - x)), "= 0"),
        "x is 0 or 1 - N lambda / sqrt(n_c), as lambda_H / rho^2 = lambda / sqrt(n_c).",
    )
    root = p.identity((by_features / rho**2) ** 2, by_weights * by_features / n, "(The square of that.)")
    mine = n / (2 * N) * (1 - x) ** 2 + by_weights / 2 * weights + by_features / 2 * n * mean
    p.concludes(
        "The share of the class is n_c (1 - x^2) / (2 N).",
        logit,
        root,
        p.follows(Fact(mine - share * n * (1 - x**2) / N, "= 0"), "Both penalties are equal.", [(n / N, shrinkage)]),
    )
