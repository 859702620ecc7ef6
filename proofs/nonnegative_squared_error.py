"""Squared error with a bias and features that are not negative: more than a simplex costs where they have any sign.

Class i has n_i samples, N in all, and the class mean h_i >= 0 for features. F is the sum of (n_i / N) times |W h_i + b
- e_i|^2 / 2, plus lambda_W |W|^2 / 2 and lambda_H sum n_i |h_i|^2 / 2. Take any r_i >= 0 with n_i r_i the same for all
classes, and K (K - 1) n_i r_i^2 <= N^2 lambda_W lambda_H. For n_i = n and c <= s, s^2 = 1 - 1/K, c = K sqrt(n)
lambda, the best are r_i = c / (K s): then (K - 1) r - K (K - 1) r^2 / 2 is c s - c^2 / 2. The penalties are those of
`nonnegative_cross_entropy`.
"""

from pathlib import Path
from types import SimpleNamespace

import sympy

from nctheory.symbolic import Fact, Proof, proposition, total
from nctheory.theorems.registry import run_file

others = run_file(Path(__file__).with_name("nonnegative_cross_entropy.py"))
HALF = sympy.Rational(1, 2)


def setting(p: Proof, sign):
    """Weights, class means and the bias; lambda_H is lambda^2 / lambda_W."""
    s = SimpleNamespace(K=p.symbol("K", least=2, integer=True), d=p.symbol("d", least=1, integer=True))
    s.i, s.j, s.k = sympy.Symbol("i", integer=True), sympy.Symbol("j", integer=True), p.index("k", s.d)
    s.N, s.by_weights, s.both = (p.symbol(name, above=0) for name in ("N", "lambda_W", "lambda"))
    s.by_features = s.both**2 / s.by_weights
    s.W, s.H, s.n, s.b = p.family("W"), p.family("H", **sign), p.family("n", above=0), p.family("b")
    s.r = p.family("r", least=0)
    return s


def losses(p: Proof, s):
    """The loss of a class, its value at least, and the margins that are in it."""
    i, j, k, K = s.i, s.j, s.k, s.K
    logit = total(s.W[j, k] * s.H[i, k], k, s.d) + s.b[j]
    own = total(s.W[i, k] * s.H[i, k], k, s.d) + s.b[i]
    wrong = p.follows(
        Fact(sympy.expand((logit - s.r[i]) ** 2), ">= 0"), "The square of z_ij - r_i", [], [(1, logit - s.r[i])]
    )
    wrong = p.summed(wrong, (j,), K, "is not negative, in sum over the other classes,", other_than=[i])
    rest = own - 1 + (K - 1) * s.r[i]
    right = p.follows(Fact(sympy.expand(rest**2), ">= 0"), "nor that of z_ii - 1 + (K - 1) r_i.", [], [(1, rest)])
    loss = HALF * (sympy.expand(total(sympy.expand(logit**2), j, K)) - 2 * own + 1)
    margins = K * own - total(logit, j, K)
    least = (K - 1) * s.r[i] - K * (K - 1) * s.r[i] ** 2 / 2
    bound = p.follows(
        Fact(sympy.expand(loss - least + s.r[i] * margins), ">= 0"),
        "So the loss is at least (K - 1) r_i - K (K - 1) r_i^2 / 2, less r_i times the sum of all margins.",
        [(HALF, wrong), (HALF, right)],
    )
    return loss, least, bound


@proposition(
    "F is at least sum_i (n_i / N) ((K - 1) r_i - K (K - 1) r_i^2 / 2), for all r_i >= 0 with K (K - 1) n_i r_i^2 <= "
    "N^2 lambda_W lambda_H and equal n_i r_i, for any weights, bias, class means that are not negative, and dimension.",
    mutants={
        "class means of any sign": {"sign": {}},
        "N lambda for its square": {"power": 1},
        "twice the bound": {"factor": 2},
        "larger slopes": {"drop": ["threshold"]},
        "slopes that move the bias": {"drop": ["bias"]},
    },
)
def nonnegative_squared_error(p: Proof, sign=None, power=2, factor=1):
    s = setting(p, {"least": 0} if sign is None else sign)
    i, j, k, K, d = s.i, s.j, s.k, s.K, s.d
    loss, least, sample = losses(p, s)
    weighted = p.follows(
        Fact(sympy.expand(s.n[i] * sample.expression), ">= 0"), "n_i samples of it,", [(s.n[i], sample)]
    )
    samples = p.summed(weighted, (i,), K, "and all classes.")
    m = p.symbol("m")
    equal = p.given("bias", Fact(s.n[i] * s.r[i] - m, "= 0"), "n_i r_i is m for all classes,")
    shifts = K * s.b[i] - total(s.b[j], j, K)
    none = p.follows(Fact(sympy.expand(shifts * equal.expression), "= 0"), "(times b_i)", [(shifts, equal)])
    none = p.summed(none, (i,), K, "so that the bias cancels.")
    bound = others.penalized(p, s, power)
    weights, features = total(total(s.W[i, k] ** 2, i, K), k, d), total(total(s.n[i] * s.H[i, k] ** 2, i, K), k, d)
    F = total(sympy.expand(s.n[i] * loss), i, K) / s.N + s.by_weights / 2 * weights + s.by_features / 2 * features
    work = s.r[i] * s.n[i] * s.H[i, k]
    order = p.exchanged(sympy.expand(work * s.W[i, k]), [(i, K), (k, d)], (1, 0), "(In either order.)")
    other = p.exchanged(sympy.expand(work * s.W[j, k]), [(i, K), (j, K), (k, d)], (2, 0, 1), "(Here, too.)")
    p.concludes(
        "F is at least that.",
        p.follows(
            Fact(F - factor * total(sympy.expand(s.n[i] * least), i, K) / s.N, ">= 0"),
            "The losses and the penalties.",
            [(1 / s.N, samples), (1, bound), (-K / s.N, order), (1 / s.N, other), (-1 / s.N, none)],
        ),
    )


@proposition(
    "With b = 1/K, x = 1 - K r, a class mean t on an axis of its own and x (e_k - 1/K) / t for the weights there, "
    "where lambda_H N t^2 = (K - 1) r x and K (K - 1) n r^2 = N^2 lambda_W lambda_H, a class of n samples has the "
    "share (n / N) ((K - 1) r - K (K - 1) r^2 / 2) of F: the bound.",
    mutants={
        "other norms": {"drop": ["balance"]},
        "another r": {"drop": ["threshold"]},
        "logits 1 - r": {"gap": lambda K, r: 1 - r},
        "an orthogonal frame of weights": {"share": lambda K: sympy.S.One},
    },
)
def nonnegative_squared_error_attained(p: Proof, gap=lambda K, r: 1 - K * r, share=lambda K: 1 - 1 / K):
    K, n, N, by_weights, by_features, r, t = (
        p.symbol("K", least=2, integer=True),
        *(p.symbol(x, above=0) for x in ("n", "N", "lambda_W", "lambda_H", "r", "t")),
    )
    x = gap(K, r)
    balance = p.given("balance", Fact(by_features * N * t**2 - (K - 1) * r * x, "= 0"), "t is as it is,")
    limit = p.given(
        "threshold", Fact(N**2 * by_weights * by_features - r**2 * n * K * (K - 1), "= 0"), "and r is the largest."
    )
    features = p.follows(
        Fact(by_features * n * t**2 - n / N * (K - 1) * r * x, "= 0"),
        "The penalty of the class mean is half of (n / N) (K - 1) r x,",
        [(n / N, balance)],
    )
    weights = p.follows(
        Fact(by_weights * x**2 * share(K) / t**2 - n / N * (K - 1) * r * x, "= 0"),
        "and so is that of its weights, which have the squared norm x^2 (1 - 1/K) / t^2.",
        [(x / (K * r * N), limit), (-by_weights * x / (K * r * t**2), balance)],
    )
    loss = (1 - x) ** 2 * (1 - 1 / K) / 2
    value = p.identity(
        n / N * (loss + (K - 1) * r * x),
        n / N * ((K - 1) * r - K * (K - 1) * r**2 / 2),
        "With the loss |(1 - x) (e_k - 1/K)|^2 / 2 that is the bound.",
    )
    p.concludes("So its share of F is that of the bound.", features, weights, value)


@proposition(
    "For 0 < c <= s < 1, c s - c^2 / 2 is s^2 (c - c^2 / 2) and a positive number: more than for any sign.",
    mutants={
        "less than a whole s c": {"gain": sympy.Rational(1, 2)},
        "s up to 2": {"most": 2},
        "any s": {"drop": ["s"]},
    },
)
def nonnegative_squared_error_loses(p: Proof, gain=sympy.S.One, most=1):
    c, rest, room = p.symbol("c", above=0), p.symbol("x", least=0), p.symbol("y", above=0)
    s = c + rest  # at least c, and y less than `most`
    below = p.given("s", Fact(most - s - room, "= 0"), "s is below 1,")
    ours, theirs = gain * c * s - c**2 / 2, s**2 * (c - c**2 / 2)
    half = s - c * (1 + s) / 2
    split = p.identity(
        c * (1 - s) * half, c * s - c**2 / 2 - theirs, "The difference is c (1 - s) (s - c (1 + s) / 2),"
    )
    positive = p.follows(
        Fact(2 * half - (c * room + 2 * rest), "= 0"), "where 2 s - c (1 + s) = 2 (s - c) + c (1 - s)", [(c, below)]
    )
    sign = p.sign(Fact(c * room * (c * room + 2 * rest), "> 0"), "is positive.")
    p.concludes(
        "So it is positive.",
        split,
        p.follows(
            Fact(ours - theirs, "> 0"),
            "c s - c^2 / 2 is more.",
            [(HALF, sign), (c * (1 - s) / 2, positive), (c * (c * room + 2 * rest) / 2, below)],
        ),
    )
