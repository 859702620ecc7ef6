"""Label smoothing: cross-entropy with the targets (1 - alpha) e_i + alpha / K, balanced, any bias and any dimension.

The rest is as in `cross_entropy_optimum`, to whose loss a multiple of the margins is added. With x = c + alpha,
a = log(1 + K (1 - x) / x), or 0 where x >= 1; alpha may be negative, above -c.
"""

from pathlib import Path

import sympy

from nctheory.symbolic import Fact, Proof, proposition, total
from nctheory.theorems.registry import run_file

penalties = run_file(Path(__file__).with_name("symmetric_penalties.py"))
entropy = run_file(Path(__file__).with_name("cross_entropy_optimum.py"))


@proposition(
    "For 0 < c + alpha <= 1, c > 0, F >= log(1 + (K - 1) e^-a) + (c + alpha) a (K - 1) / K + lambda_H / 2 times the "
    "squares of h_is - (w_i - w) c / (K n lambda_H) + lambda_W K |w|^2 / 2.",
    mutants={
        "the gap without smoothing": {"gap": lambda K, c, x: sympy.log(1 + K * (1 - c) / c)},
        "a gap log(K / x)": {"gap": lambda K, c, x: sympy.log(K / x)},
        "the value without smoothing": {"smoothed": 0},
        "c without the root of n": {"root": 2},
        "a loss that is not that of the logits": {"drop": ["softmax"]},
        "what adds up to something else": {"drop": ["probabilities"]},
        "w is not the mean": {"drop": ["center"]},
    },
)
def label_smoothing_optimum(p: Proof, gap=lambda K, c, x: entropy.strength(K, x), smoothed=1, root=1):
    s, x = penalties.balanced(p, root), p.symbol("x", above=0, most=1)
    a, alpha = gap(s.K, s.c, x), x - s.c
    f = entropy.losses(p, s, a, alpha)
    equal = entropy.logarithms(p, s.K, a)
    value = entropy.value(s.K, s.c, a, smoothed * alpha)
    p.concludes("F is at least its value at a P.", entropy.bounded(p, s, f, value, [(-1, equal)]))


@proposition(
    "For alpha < 1 and c >= 1 - alpha, F >= log K + lambda_H / 2 times squares of h_is less a multiple of w_i - w, and "
    "lambda_W / 2 times (1 - (1 - alpha)^2 / c^2) |w_i - w|^2 and |w|^2, summed: zero is optimal.",
    mutants={
        "c at least half of that": {"share": 2},
        "any c": {"drop": ["large penalties"]},
        "a value log(K + 1)": {"whole": lambda K: sympy.log(K + 1)},
        "a loss that is not that of the logits": {"drop": ["softmax"]},
        "what adds up to something else": {"drop": ["probabilities"]},
        "w is not the mean": {"drop": ["center"]},
    },
)
def label_smoothing_optimum_zero(p: Proof, share=1, whole=sympy.log):
    s, rest = penalties.balanced(p), p.symbol("r", above=0)  # 1 - alpha
    enough = p.given("large penalties", Fact(share * s.c - rest, ">= 0"), "c is at least r = 1 - alpha,")
    weight = p.follows(Fact(s.c**2 - rest**2, ">= 0"), "so 1 - r^2 / c^2 is not negative.", [(s.c + rest, enough)])
    f = entropy.losses(p, s, sympy.S.Zero, 1 - rest)
    p.concludes("F is at least log K, and more by squares:", entropy.bounded(p, s, f, whole(s.K), []))
    p.concludes("none of them counts negatively.", weight)


@proposition(
    "At the logits t P the smoothed loss is log(1 + (K - 1) e^-t) + alpha t (K - 1) / K, so that F, with the penalties "
    "c t (K - 1) / K of `cross_entropy_optimum_attained`, is the bound at t = a, and at most "
    "(K - 1) e^-t + (c + alpha) t (K - 1) / K: without a lower bound for alpha < -c, and not above 0 for alpha = -c.",
    mutants={
        "margins with alpha": {"share": lambda K: sympy.S.One},
        "a log of K e^-t": {"others": lambda K: K},
        "half of the bound": {"factor": sympy.Rational(1, 2)},
    },
)
def label_smoothing_optimum_attained(p: Proof, share=lambda K: (K - 1) / K, others=lambda K: K - 1, factor=1):
    K, c, t, alpha = p.symbol("K", least=2, integer=True), p.symbol("c", above=0), p.symbol("t"), p.symbol("alpha")
    j, logarithm = sympy.Symbol("j", integer=True), sympy.log(1 + (K - 1) * sympy.exp(-t))
    F = entropy.value(K, c, t, alpha)
    every = (1 - alpha) * logarithm + alpha / K * (total(logarithm + t, j, K) - t)  # log Q_isj is less by t for j != i
    loss = p.identity(
        every,
        sympy.log(1 + others(K) * sympy.exp(-t)) + alpha * t * share(K),
        "The loss -(1 - alpha) log Q_isi - alpha / K times the sum of log Q_isj, where log Q_isj = log Q_isi - t.",
    )
    above = p.tangent(logarithm, "log x is at most x - 1,")
    p.concludes(
        "That is the loss; and the bound on F has the limit -oo for t -> oo if alpha < -c, and 0 if alpha = -c.",
        loss,
        p.follows(
            Fact(factor * (K - 1) * sympy.exp(-t) + (c + alpha) * t * (K - 1) / K - F, ">= 0"),
            "so log(1 + (K - 1) e^-t) is at most (K - 1) e^-t.",
            [(1, above)],
        ),
    )
