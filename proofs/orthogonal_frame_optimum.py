"""Squared error without bias, balanced classes: an orthogonal frame, or zero, in any dimension d >= K.

F is the mean of |z - e_i|^2 / 2, plus lambda_W |W|^2 / 2 and lambda_H |H|^2 / 2; c = K sqrt(n lambda_W lambda_H). The
lower bound, for any d, is that of `penalized_bias` with equal slopes on P and J, where no bias takes part.
"""

from pathlib import Path

import sympy

from nctheory.symbolic import CompoundSymmetric, Fact, Proof, proposition, total
from nctheory.theorems.registry import run_file

squared = run_file(Path(__file__).with_name("penalized_bias.py"))
penalties = squared.penalties


@proposition(
    "For 0 < c <= 1, F >= c (1 - c / 2) + lambda_H / 2 times the squares of h_is - w_i c / (K n lambda_H), for any "
    "weights and features in any dimension: equality needs collapse and w_i = h_is K n lambda_H / c.",
    mutants={
        "a value c": {"value": lambda c: c},
        "a value 1 - c / 2": {"value": lambda c: 1 - c / 2},
        "c without the root of n": {"root": 2},
        "w is not the mean": {"drop": ["center"]},
    },
)
def orthogonal_frame_optimum(p: Proof, value=lambda c: c * (1 - c / 2), root=1):
    s = penalties.balanced(p, root, above=0, most=1)
    f = squared.losses(p, s, s.c, s.c)
    p.concludes("F is at least its value at an orthogonal frame.", squared.bounded(p, s, f, s.c, s.c, value(s.c)))


@proposition(
    "For c >= 1, F >= 1 / 2 + lambda_H / 2 times the squares of h_is - w_i / (K n lambda_H) + lambda_W / 2 times "
    "(1 - 1 / c^2) |w_i|^2, summed: zero is optimal, and where c > 1 nothing else is.",
    mutants={
        "from a half on": {"least": squared.HALF},
        "a value 1": {"value": 1},
        "w is not the mean": {"drop": ["center"]},
    },
)
def orthogonal_frame_optimum_zero(p: Proof, least=1, value=squared.HALF):
    s = penalties.balanced(p, least=least)
    one = sympy.S.One
    weight = p.sign(Fact(1 - 1 / s.c**2, ">= 0"), "1 - 1 / c^2 is not negative.")
    f = squared.losses(p, s, one, one)
    p.concludes("F is at least 1 / 2, and more by squares:", squared.bounded(p, s, f, one, one, value))
    p.concludes("none of them counts negatively.", weight)


@proposition(
    "Orthogonal weights and class means, collapsed, of squared norms x c / (K lambda_W) and x K lambda_W / c have the "
    "logits x I and F = (1 - x)^2 / 2 + c x, for d >= K: the bound c (1 - c / 2) at x = 1 - c.",
    mutants={
        "a simplex": {"frame": lambda K: -1 / K},
        "penalties c x / K": {"times": lambda K: 1 / K},
        "x = 1 - 2 c": {"shrunk": lambda c: 1 - 2 * c},
    },
)
def orthogonal_frame_optimum_attained(
    p: Proof, frame=lambda K: sympy.S.Zero, times=lambda K: sympy.S.One, shrunk=lambda c: 1 - c
):
    K, n = p.symbol("K", least=2, integer=True), p.symbol("n", least=1, integer=True)
    c, rho, root, j = (
        p.symbol("c", above=0),
        p.symbol("rho", above=0),
        p.symbol("r", least=0),
        sympy.Symbol("j", integer=True),
    )
    x, by_weights = root**2, c / (K * rho**2)  # rho is the root of c / (K lambda_W), r that of x
    by_features = c**2 / (K**2 * n * by_weights)
    frame = CompoundSymmetric(sympy.S.One, frame(K), K)
    W, H = (root * rho) * frame, (root / rho) * frame
    on, off = (W @ H).entries
    own, other = p.identity(on, x, "The logits are x on the diagonal"), p.identity(off, 0, "and 0 off it.")
    loss = p.identity(
        ((on - 1) ** 2 + total(off**2, j, K) - off**2) / 2,
        (1 - x) ** 2 / 2,
        "The loss of each sample is (1 - x)^2 / 2,",
    )
    weights = p.identity(by_weights * (W @ W).trace, c * x * times(K), "lambda_W |W|^2 is c x,")
    features = p.identity(by_features * n * (H @ H).trace, c * x * times(K), "and so is lambda_H |H|^2.")
    best = shrunk(c)
    least = p.identity((1 - best) ** 2 / 2 + c * best, c * (1 - c / 2), "At x = 1 - c this is c (1 - c / 2).")
    p.concludes("F is (1 - x)^2 / 2 + c x.", own, other, loss, weights, features, least)
