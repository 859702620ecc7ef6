"""Squared error with a free bias, balanced classes: a simplex, or zero, in any dimension d >= K - 1.

F is the mean of |z + b - e_i|^2 / 2, plus lambda_W |W|^2 / 2 and lambda_H |H|^2 / 2; c = K sqrt(n lambda_W lambda_H).
The lower bound, for any d, is that of `penalized_bias` with the slope 0 on J: there all biases cancel.
"""

from pathlib import Path

import sympy

from nctheory.symbolic import CompoundSymmetric, Fact, Proof, proposition, total
from nctheory.theorems.registry import run_file

squared = run_file(Path(__file__).with_name("penalized_bias.py"))
penalties = squared.penalties


@proposition(
    "For 0 < c <= 1, F >= c (1 - c / 2) (K - 1) / K + lambda_H / 2 times the squares of h_is - (w_i - w) c / (K n "
    "lambda_H) + lambda_W K |w|^2 / 2, for any weights, features and biases in any dimension.",
    mutants={
        "the value without bias": {"share": lambda K: sympy.S.One},
        "a value c": {"value": lambda c: c},
        "c without the root of n": {"root": 2},
        "w is not the mean": {"drop": ["center"]},
    },
)
def simplex_optimum_free_bias(p: Proof, share=lambda K: (K - 1) / K, value=lambda c: c * (1 - c / 2), root=1):
    s, b, zero = penalties.balanced(p, root, above=0, most=1), p.family("b"), sympy.S.Zero
    f = squared.losses(p, s, s.c, zero, b)
    least = value(s.c) * share(s.K)
    p.concludes("F is at least its value at a simplex.", squared.bounded(p, s, f, s.c, zero, least))


@proposition(
    "For c >= 1, F >= (K - 1) / (2 K) + lambda_H / 2 times the squares of h_is - (w_i - w) / (K n lambda_H) + lambda_W "
    "/ 2 times (1 - 1 / c^2) |w_i - w|^2 and |w|^2, summed: zero is optimal, and where c > 1 nothing else is.",
    mutants={
        "from a half on": {"least": sympy.Rational(1, 2)},
        "a value 1 / 2": {"value": lambda K: sympy.Rational(1, 2)},
        "w is not the mean": {"drop": ["center"]},
    },
)
def simplex_optimum_free_bias_zero(p: Proof, least=1, value=lambda K: (K - 1) / (2 * K)):
    s, b, one, zero = penalties.balanced(p, least=least), p.family("b"), sympy.S.One, sympy.S.Zero
    weight = p.sign(Fact(1 - 1 / s.c**2, ">= 0"), "1 - 1 / c^2 is not negative.")
    f = squared.losses(p, s, one, zero, b)
    p.concludes("F is at least (K - 1) / (2 K), and more by squares:", squared.bounded(p, s, f, one, zero, value(s.K)))
    p.concludes("none of them counts negatively.", weight)


@proposition(
    "Weights and class means, collapsed, with the Gram matrices x P c / (K lambda_W) and x P K lambda_W / c, and the "
    "bias 1 / K have the logits x P and F = ((1 - x)^2 / 2 + c x) (K - 1) / K, for d >= K - 1: the bound at x = 1 - c.",
    mutants={
        "an orthogonal frame": {"frame": lambda K: sympy.S.Zero},
        "no bias": {"bias": lambda K: sympy.S.Zero},
        "a full rank": {"rank": lambda K: K},
        "x = 1 - 2 c": {"shrunk": lambda c: 1 - 2 * c},
    },
)
def simplex_optimum_free_bias_attained(
    p: Proof, frame=lambda K: -1 / K, bias=lambda K: 1 / K, rank=lambda K: K - 1, shrunk=lambda c: 1 - c
):
    K, n = p.symbol("K", least=2, integer=True), p.symbol("n", least=1, integer=True)
    c, rho, root, j = (
        p.symbol("c", above=0),
        p.symbol("rho", above=0),
        p.symbol("r", least=0),
        sympy.Symbol("j", integer=True),
    )
    x, by_weights, share = root**2, c / (K * rho**2), (K - 1) / K  # roots: rho of c / (K lambda_W), r of x
    by_features, b = c**2 / (K**2 * n * by_weights), bias(K)
    P = CompoundSymmetric(sympy.S.One, frame(K), K)
    W, H = (root * rho) * P, (root / rho) * P
    p.rank(P, rank(K), "Both are multiples of P, of rank K - 1, so they are in any dimension from that on.")
    on, off = (W @ H).entries
    own, other = (
        p.identity(on, x * share, "The logits are x P, on the diagonal"),
        p.identity(off, -x / K, "and off it."),
    )
    loss = p.identity(
        ((on + b - 1) ** 2 + total((off + b) ** 2, j, K) - (off + b) ** 2) / 2,
        share * (1 - x) ** 2 / 2,
        "The loss of each sample is (1 - x)^2 / 2 times (K - 1) / K,",
    )
    weights = p.identity(by_weights * (W @ W).trace, c * x * share, "lambda_W |W|^2 is c x (K - 1) / K,")
    features = p.identity(by_features * n * (H @ H).trace, c * x * share, "and so is lambda_H |H|^2.")
    best = shrunk(c)
    least = p.identity((1 - best) ** 2 / 2 + c * best, c * (1 - c / 2), "At x = 1 - c the bracket is c (1 - c / 2).")
    p.concludes("F is ((1 - x)^2 / 2 + c x) (K - 1) / K.", own, other, loss, weights, features, least)
