"""Squared error of one-hot targets with penalties on weights, features and bias: balanced classes, any dimension.

F is the mean of |z - e_i|^2 / 2 over all samples, plus lambda_W |W|^2 / 2, lambda_H |H|^2 / 2 and lambda_b |b|^2 / 2;
c = K sqrt(n lambda_W lambda_H). The squared error of a logit is its square about another target and a linear function
of it; the penalties are at least this linear function, which is `symmetric_penalties`, and lambda_b |b|^2 / 2 is too.
"""

from pathlib import Path
from types import SimpleNamespace

import sympy

from nctheory.symbolic import CompoundSymmetric, Fact, Proof, proposition, total
from nctheory.theorems.registry import run_file

penalties = run_file(Path(__file__).with_name("symmetric_penalties.py"))
HALF = sympy.Rational(1, 2)


def losses(p: Proof, s, alpha, beta, b=None):
    """What the losses of all samples are, and what they are at least: the linear function with these slopes."""
    i, j, K = s.i, s.j, s.K

    def logit(row):
        return total(s.W[row, s.k] * s.H[i, s.s, s.k], s.k, s.d) + (0 if b is None else b[row])

    off, on = (alpha - beta) / K, (alpha - beta) / K - alpha  # residuals: -alpha P - beta J
    other = p.follows(
        Fact(sympy.expand((logit(j) - off) ** 2), ">= 0"), "Other logits have the targets", [], [(1, logit(j) - off)]
    )
    others = p.summed(other, (j,), K, "(alpha - beta) / K", other_than=[i])
    own = logit(i) - 1 - on
    first = p.follows(
        Fact(sympy.expand(own**2), ">= 0"), "and their own one 1 - alpha + (alpha - beta) / K;", [], [(1, own)]
    )
    every = total(logit(j), j, K)
    loss = HALF * (total(sympy.expand(logit(j) ** 2), j, K) - 2 * logit(i) + 1)
    least = (alpha - alpha**2 / 2) * (K - 1) / K + (beta - beta**2 / 2) / K
    sample = p.follows(
        Fact(sympy.expand(loss - least + alpha * (logit(i) - every / K) + beta * every / K), ">= 0"),
        "half of these squares is what the loss exceeds the linear function by.",
        [(HALF, others), (HALF, first)],
    )
    everything = penalties.summed(p, sample, ((s.s, s.n), (i, K)), "Over all samples,")
    return SimpleNamespace(sum=total(total(sympy.expand(loss), s.s, s.n), i, K), bound=everything, least=least)


def bounded(p: Proof, s, f, alpha, beta, value, more=(), extra=sympy.S.Zero):
    """F is at least this value and the squares that the penalties leave."""
    whole = penalties.identity(p, s, alpha, beta)
    _, aligned, spread, center = penalties.parts(s, alpha, beta)
    rest = (1 - alpha**2 / s.c**2) * spread + (1 - beta**2 / s.c**2) * center
    squares = HALF * (s.by_features * aligned + s.by_weights * rest)
    return p.follows(
        Fact(penalties.objective(s, f.sum) + extra - value - squares, ">= 0"),
        "F is at least the value and the squares of the penalties.",
        [(1 / (s.K * s.n), f.bound), (1, whole), ((alpha - beta) / (s.K**2 * s.n), s.logits), *more],
    )


def cut(p: Proof, name, x, threshold):
    """x = max(0, 1 - threshold), which is what its being >= 0, at least that, and one of both says."""
    at_least = p.given(f"{name} large enough", Fact(x - 1 + threshold, ">= 0"), f"{name} is at least 1 - {threshold},")
    attained = p.given(f"{name} no larger", Fact(x * (x - 1 + threshold), "= 0"), "or 0, whichever is more.")
    return at_least, attained


@proposition(
    "With x = max(0, 1 - c) and y = max(0, 1 - c (1 + lambda_b) / lambda_b), F >= (K - 1) (1 - x)^2 / (2 K) + "
    "lambda_b (1 - y)^2 / (2 K (1 + lambda_b)) + c ((K - 1) x + y) / K, for any W, H and b in any dimension.",
    mutants={
        "a threshold c": {"threshold": lambda c, by_bias: c},
        "the value without lambda_b": {"share": lambda by_bias: sympy.S.One},
        "c without the root of n": {"root": 2},
        "x below 1 - c": {"drop": ["x large enough"]},
        "x above both": {"drop": ["x no larger"]},
        "y below that": {"drop": ["y large enough"]},
        "y above both": {"drop": ["y no larger"]},
        "w is not the mean": {"drop": ["center"]},
    },
)
def penalized_bias(
    p: Proof,
    threshold=lambda c, by_bias: c * (1 + by_bias) / by_bias,
    share=lambda by_bias: by_bias / (1 + by_bias),
    root=1,
):
    s, by_bias, b = penalties.balanced(p, root), p.symbol("lambda_b", above=0), p.family("b")
    K, c, j = s.K, s.c, s.j
    alpha, beta = p.symbol("alpha", least=0), p.symbol("beta", least=0)
    x, y = 1 - alpha, 1 - beta * (1 + by_bias) / by_bias  # at most 1
    above_x, exact_x = cut(p, "x", x, c)
    above_y, exact_y = cut(p, "y", y, threshold(c, by_bias))
    f = losses(p, s, alpha, beta, b)
    bias = p.follows(
        Fact(sympy.expand((b[j] - beta / (K * by_bias)) ** 2), ">= 0"),
        "lambda_b b_j^2 / 2 is at least beta b_j / K - beta^2 / (2 K^2 lambda_b),",
        [],
        [(1, b[j] - beta / (K * by_bias))],
    )
    biases = p.summed(bias, (j,), K, "in sum over the classes.")
    value = (K - 1) * (1 - x) ** 2 / (2 * K) + share(by_bias) * (1 - y) ** 2 / (2 * K) + c * ((K - 1) * x + y) / K
    more = [(by_bias / 2, biases), ((1 - K) / K, exact_x), (-share(by_bias) / K, exact_y)]
    extra = by_bias / 2 * total(b[j] ** 2, j, K)
    stable = bounded(p, s, f, alpha, beta, value, more, extra)
    signs = []
    for slope, above, times in ((alpha, above_x, sympy.S.One), (beta, above_y, by_bias / (1 + by_bias))):
        signs.append(
            p.follows(Fact(c**2 - slope**2, ">= 0"), "No square counts negatively:", [((c + slope) * times, above)])
        )
    p.concludes("F is at least the value and squares,", stable)
    p.concludes("which count as 1 - alpha^2 / c^2 and 1 - beta^2 / c^2, both not negative.", *signs)


@proposition(
    "Collapsed weights and class means of Gram matrices x P + y J times c / (K lambda_W) and K lambda_W / c, with "
    "the bias (1 - y) / (K (1 + lambda_b)), have the logits x P + y J without it, and that F; y = 0 iff "
    "lambda_b (1 - c) <= c, and then P alone is left: a simplex, of rank K - 1.",
    mutants={
        "the bias of free biases": {"bias": lambda K, y, by_bias: (1 - y) / K},
        "penalties c (x + y) / K": {"times": lambda K: sympy.S.One},
        "a threshold lambda_b <= c": {"limit": lambda c, by_bias: c - by_bias},
        "a full rank": {"rank": lambda K: K},
    },
)
def penalized_bias_attained(
    p: Proof,
    bias=lambda K, y, by_bias: (1 - y) / (K * (1 + by_bias)),
    times=lambda K: K - 1,
    limit=lambda c, by_bias: c - by_bias * (1 - c),
    rank=lambda K: K - 1,
):
    K, n = p.symbol("K", least=2, integer=True), p.symbol("n", least=1, integer=True)
    c, rho, by_bias = (p.symbol(name, above=0) for name in ("c", "rho", "lambda_b"))
    on_p, on_j = p.symbol("rx", least=0), p.symbol("ry", least=0)
    x, y, j = on_p**2, on_j**2, sympy.Symbol("j", integer=True)
    by_weights = c / (K * rho**2)  # rho is the root of c / (K lambda_W), rx that of x, ry that of y
    by_features = c**2 / (K**2 * n * by_weights)
    P = CompoundSymmetric(sympy.S.One, -1 / K, K)
    root = CompoundSymmetric(on_p, (on_j - on_p) / K, K)  # sqrt x P + sqrt y J
    W, H, b = rho * root, (1 / rho) * root, bias(K, y, by_bias)
    on, off = (W @ H).entries
    own = p.identity(on, x * (1 - 1 / K) + y / K, "The logits are x P + y J, on the diagonal")
    other = p.identity(off, (y - x) / K, "and off it.")
    loss = (on + b - 1) ** 2 + total((off + b) ** 2, j, K) - (off + b) ** 2
    fit = p.identity(
        HALF * loss + by_bias / 2 * K * b**2,
        (K - 1) * (1 - x) ** 2 / (2 * K) + by_bias * (1 - y) ** 2 / (2 * K * (1 + by_bias)),
        "Half of the squared error and of lambda_b |b|^2, and",
    )
    paid = c * (times(K) * x + y) / K
    weights = p.identity(by_weights * (W @ W).trace, paid, "lambda_W |W|^2, which is the same")
    features = p.identity(by_features * n * (H @ H).trace, paid, "as lambda_H |H|^2, are the parts of F.")
    threshold = p.identity(
        c * (1 + by_bias) - by_bias, limit(c, by_bias), "1 - c (1 + lambda_b) / lambda_b <= 0 is lambda_b (1 - c) <= c."
    )
    simplex = p.rank(P, rank(K), "P has rank K - 1: where y = 0, no more dimensions are needed.")
    p.concludes("These are the parts of F at the bound.", own, other, fit, weights, features, threshold, simplex)
