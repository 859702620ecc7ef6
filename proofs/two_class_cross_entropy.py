"""Two classes of any sizes, cross-entropy without bias: the optimum depends on the number of samples alone.

Sample i of N has the features h_i and the sign e_i = 1 in class 1, -1 in class 2; its margin is e_i <w_1 - w_2, h_i>.
F is the mean of log(1 + e^-margin), plus lambda_W |W|^2 / 2 and lambda_H |H|^2 / 2; g = sqrt(lambda_W lambda_H N / 2).
With a = log(1 / g - 1), or 0 where g >= 1 / 2, the bound holds in any dimension, and one dimension attains it.
"""

from pathlib import Path
from types import SimpleNamespace

import sympy

from nctheory.symbolic import Fact, Proof, proposition, total
from nctheory.theorems.registry import run_file

entropy = run_file(Path(__file__).with_name("cross_entropy_optimum.py"))
HALF = sympy.Rational(1, 2)


def setting(p: Proof, share=HALF, **bounds):
    """Two weights, N features and the losses; lambda_H is what makes g the root of lambda_W lambda_H N / 2."""
    s = SimpleNamespace(N=p.symbol("N", least=1, integer=True), d=p.symbol("d", least=1, integer=True))
    s.by_weights, s.g = p.symbol("lambda_W", above=0), p.symbol("g", **bounds)
    s.by_features = s.g**2 / (share * s.N * s.by_weights)
    s.i, s.k = p.index("i", s.N), p.index("k", s.d)
    s.A, s.B, s.H, s.e = map(p.family, ("w1", "w2", "H", "e"))
    s.margin = s.e[s.i] * total((s.A[s.k] - s.B[s.k]) * s.H[s.i, s.k], s.k, s.d)
    return s


def tangent(p: Proof, s, a):
    """The losses of all samples are at least their tangent at the margin a: its slope, and its value."""
    Q, R, i, whole = p.family("Q", above=0), p.family("R", above=0), s.i, sympy.cancel(1 + sympy.exp(a))
    one = p.given("probabilities", Fact(Q[i] + R[i] - 1, "= 0"), "Q_i, of the own class, and R_i add up to 1,")
    softmax = p.given(
        "softmax", Fact(sympy.log(Q[i]) - sympy.log(R[i]) - s.margin, "= 0"), "and log Q_i - log R_i is the margin."
    )
    mine = p.tangent(sympy.log(Q[i]) + sympy.log(whole) - a, "log x <= x - 1 for x = Q_i (1 + e^a) / e^a,")
    other = p.tangent(sympy.log(R[i]) + sympy.log(whole), "and for x = R_i (1 + e^a):")
    least = sympy.log(whole) - a * sympy.exp(a) / whole
    sample = p.follows(
        Fact(-sympy.log(Q[i]) - least + s.margin / whole, ">= 0"),
        "the loss -log Q_i is at least log(1 + e^a) - (a e^a + margin) / (1 + e^a).",
        [(sympy.exp(a) / whole, mine), (1 / whole, other), (-1 / whole, softmax), (-1, one)],
    )
    samples = p.summed(sample, (i,), s.N, "In sum over the samples,")
    return samples, total(-sympy.log(Q[i]), i, s.N), 1 / whole, least


def bounded(p: Proof, s, a, value, equal=()):
    """F is at least this value and squares."""
    samples, losses, slope, _ = tangent(p, s, a)
    i, k, H, e, w = s.i, s.k, s.H, s.e, s.A[s.k] - s.B[s.k]
    t = slope / (s.N * s.by_features)
    signs = p.given("signs", Fact(e[i] ** 2 - 1, "= 0"), "where e_i is 1 or -1, the square of")
    counts = p.summed(signs, (i,), s.N, "(in sum over the samples)")
    square = sympy.expand((H[i, k] - t * e[i] * w) ** 2)
    apart = p.follows(
        Fact(square, ">= 0"), "h_i - t e_i (w_1 - w_2), t = slope / (N lambda_H),", [], [(1, H[i, k] - t * e[i] * w)]
    )
    aligned = p.summed(apart, (k,), s.d, "is not negative, in sum over the coordinates")
    aligned = p.summed(aligned, (i,), s.N, "and over the samples.")
    lengths = total(sympy.expand(w**2), k, s.d)
    sum_square = p.follows(Fact(sympy.expand((s.A[k] + s.B[k]) ** 2), ">= 0"), "And", [], [(1, s.A[k] + s.B[k])])
    center = p.summed(sum_square, (k,), s.d, "|w_1 - w_2|^2 is 2 |W|^2 - |w_1 + w_2|^2.")
    weights = total(s.A[k] ** 2 + s.B[k] ** 2, k, s.d)
    features = total(total(H[i, k] ** 2, k, s.d), i, s.N)
    F = losses / s.N + s.by_weights / 2 * weights + s.by_features / 2 * features
    rest = s.by_features / 2 * aligned.expression + s.by_weights * slope**2 / (4 * s.g**2) * center.expression
    rest += s.by_weights / 2 * (1 - slope**2 / s.g**2) * weights
    return p.follows(
        Fact(F - value - rest, ">= 0"),
        "F is at least the value and these squares.",
        [(1 / s.N, samples), (-s.by_features * t**2 * lengths / 2, counts), *equal],
    )


@proposition(
    "For 0 < g <= 1 / 2, F >= log(1 + e^-a) + g a + lambda_H / 2 times the squares of h_i - e_i (w_1 - w_2) g / (N "
    "lambda_H) + lambda_W |w_1 + w_2|^2 / 4, whatever the class sizes are, in any dimension.",
    mutants={
        "N for N / 2": {"share": sympy.S.One},
        "a gap log(1 / g)": {"gap": lambda g: sympy.log(1 / g)},
        "a loss that is not that of the logits": {"drop": ["softmax"]},
        "what adds up to something else": {"drop": ["probabilities"]},
        "signs of any size": {"drop": ["signs"]},
    },
)
def two_class_cross_entropy(p: Proof, share=HALF, gap=lambda g: sympy.log(1 / g - 1)):
    s = setting(p, share, above=0, most=HALF)
    a = gap(s.g)
    equal = entropy.logarithms(p, sympy.Integer(2), a)
    value = sympy.log(1 + sympy.exp(-a)) + s.g * a
    p.concludes("F is at least its value at the margins a.", bounded(p, s, a, value, [(-1, equal)]))


@proposition(
    "For g >= 1 / 2, F >= log 2 and squares, none of which counts negatively: zero is optimal.",
    mutants={
        "from a quarter on": {"least": HALF / 2},
        "a value log 3": {"whole": 3},
        "a loss that is not that of the logits": {"drop": ["softmax"]},
        "what adds up to something else": {"drop": ["probabilities"]},
        "signs of any size": {"drop": ["signs"]},
    },
)
def two_class_cross_entropy_zero(p: Proof, least=HALF, whole=2):
    s = setting(p, least=least)
    weight = p.sign(Fact(1 - 1 / (4 * s.g**2), ">= 0"), "1 - 1 / (4 g^2), the weight of |W|^2, is not negative.")
    p.concludes("F is at least log 2.", weight, bounded(p, s, sympy.S.Zero, sympy.log(whole)))


@proposition(
    "For t > 0, w_1 = -w_2 = r / 2 and h_i = e_i t / r, r^2 = t sqrt(2 N lambda_H / lambda_W), in one dimension, have "
    "the margins t and F = log(1 + e^-t) + g t: the bound at t = a.",
    mutants={
        "features of both signs alike": {"sign": 0},
        "penalties 2 g t": {"factor": 2},
        "signs of any size": {"drop": ["signs"]},
        "another length": {"drop": ["length"]},
    },
)
def two_class_cross_entropy_attained(p: Proof, sign=1, factor=1):
    N, g, by_weights, r, t = (
        p.symbol("N", least=1, integer=True),
        *(p.symbol(x, above=0) for x in ("g", "lambda_W", "r", "t")),
    )
    i, e, by_features = p.index("i", N), p.family("e"), 2 * g**2 / (N * by_weights)
    signs = p.given("signs", Fact(e[i] ** 2 - 1, "= 0"), "e_i is 1 or -1;")
    length = p.given("length", Fact(by_weights * r**2 - 2 * g * t, "= 0"), "lambda_W r^2 is 2 g t.")
    first, second, feature = r / 2, -r / 2, e[i] ** sign * t / r
    margin = p.follows(Fact(e[i] * (first - second) * feature - t, "= 0"), "All margins are t.", [(t, signs)])
    square = p.follows(Fact(sympy.expand(feature**2) - t**2 / r**2, "= 0"), "|h_i|^2 is", [(t**2 / r**2, signs)])
    features = p.summed(square, (i,), N, "t^2 / r^2 for all samples:")
    half = by_weights / 2 * (first**2 + second**2)
    weights = p.follows(
        Fact(half - factor * g * t / 2, "= 0"),
        "lambda_W |W|^2 / 2 is lambda_W r^2 / 4 = g t / 2,",
        [(sympy.Rational(1, 4), length)],
    )
    both = p.follows(
        Fact(by_features / 2 * total(sympy.expand(feature**2), i, N) - g * t / 2, "= 0"),
        "and lambda_H |H|^2 / 2 = lambda_H N t^2 / (2 r^2) is the same.",
        [(by_features / 2, features), (-g * t / (2 * by_weights * r**2), length)],
    )
    p.concludes("F is log(1 + e^-t) + g t.", margin, weights, both)
