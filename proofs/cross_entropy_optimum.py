"""Cross-entropy with penalties on weights and features, K balanced classes of n samples, any bias and any dimension.

F is the mean of -log Q_isi, Q the softmax probabilities of sample s of class i, plus lambda_W |W|^2 / 2 and
lambda_H |H|^2 / 2; c = K sqrt(n lambda_W lambda_H) and a = log(1 + K (1 - c) / c), or 0 where c >= 1. By Gibbs'
inequality, which is log x <= x - 1 at Q_isj / q_j, the loss is at least a constant less its tangent at the logits a P,
and the penalties are at least that tangent: `symmetric_penalties`.
"""

from pathlib import Path
from types import SimpleNamespace

import sympy

from nctheory.symbolic import CompoundSymmetric, Fact, Proof, proposition, total
from nctheory.theorems.registry import run_file

penalties = run_file(Path(__file__).with_name("symmetric_penalties.py"))
HALF = sympy.Rational(1, 2)


def strength(K, c):
    """a, where c is at most 1."""
    return sympy.log(1 + K * (1 - c) / c)


def losses(p: Proof, s, a, smoothing=sympy.S.Zero):
    """What the losses of all samples are, and how much they are at least, with the slope of the tangent at a P.

    Targets are (1 - smoothing) e_i + smoothing / K.
    """
    b, Q, i, j, K = p.family("b"), p.family("Q", above=0), s.i, s.j, s.K
    own, other, whole = sympy.log(Q[i, s.s, i]), sympy.log(Q[i, s.s, j]), sympy.cancel(sympy.exp(a) + K - 1)
    margin = total((s.W[i, s.k] - s.W[j, s.k]) * s.H[i, s.s, s.k], s.k, s.d) + b[i] - b[j]
    softmax = p.given("softmax", Fact(own - other - margin, "= 0"), "The margin is log Q_isi - log Q_isj,")
    one = p.given("probabilities", Fact(total(Q[i, s.s, j], j, K) - 1, "= 0"), "where the Q_isj add up to 1.")
    above = p.tangent(other + sympy.log(whole), "log x <= x - 1 for x = Q_isj (e^a + K - 1),")
    moved = above.expression + other - own + margin
    shifted = p.follows(Fact(moved, ">= 0"), "and log Q_isj = log Q_isi - margin;", [(1, above), (-1, softmax)])
    others = p.summed(shifted, (j,), K, "in sum over all other classes;", other_than=[i])
    mine = p.tangent(own + sympy.log(whole) - a, "and for x = Q_isi (e^a + K - 1) / e^a:")
    margins, slope = sympy.expand(total(margin, j, K)), 1 / whole - smoothing / K
    loss, least = -own + smoothing / K * margins, sympy.log(whole) - a * sympy.exp(a) / whole
    shown = "-log Q_isi + alpha / K times the sum of all margins" if smoothing else "-log Q_isi"
    sample = p.follows(
        Fact(loss - least + slope * margins, ">= 0"),
        f"the loss, {shown}, is at least log(e^a + K - 1) - a e^a / (e^a + K - 1) less a multiple of all margins.",
        [(1 / whole, others), (sympy.exp(a) / whole, mine), (-1, one)],
    )
    everything = penalties.summed(p, sample, ((s.s, s.n), (i, K)), "Over all samples the biases cancel.")
    return SimpleNamespace(sum=total(total(loss, s.s, s.n), i, K), bound=everything, least=least, slope=slope)


def value(K, c, a, smoothing=sympy.S.Zero):
    """F at the logits a P: its loss, and what the penalties are at least."""
    loss = sympy.log(1 + (K - 1) * sympy.exp(-a)) + smoothing * a * (K - 1) / K
    return loss + c * a * (K - 1) / K


def logarithms(p: Proof, K, a):
    """log(1 + (K - 1) e^-a) is log(e^a + K - 1) - a."""
    u = sympy.log(1 + (K - 1) * sympy.exp(-a)) + a - sympy.log(sympy.cancel(sympy.exp(a) + K - 1))
    text = "e^u = 1 is at least 1 + u, for u = log(1 + (K - 1) e^-a) + a - log(e^a + K - 1)"
    below, above = p.tangent(u, text), p.tangent(-u, "and for its negative.")
    below = p.follows(Fact(-u, ">= 0"), "So u is not positive", [(1, below)])
    above = p.follows(Fact(u, ">= 0"), "and not negative:", [(1, above)])
    return p.squeezed(above, below, "it is zero.")


def bounded(p: Proof, s, f, least, equal):
    """F is at least this value and the squares that the penalties leave."""
    alpha = s.K * f.slope
    whole = penalties.identity(p, s, alpha)
    _, aligned, spread, center = penalties.parts(s, alpha, sympy.S.Zero)
    rest = s.by_features * aligned + s.by_weights * ((1 - alpha**2 / s.c**2) * spread + center)
    return p.follows(
        Fact(penalties.objective(s, f.sum) - least - HALF * rest, ">= 0"),
        "F is at least the value and these squares.",
        [(1 / (s.K * s.n), f.bound), (1, whole), (f.slope / (s.K * s.n), s.logits), *equal],
    )


@proposition(
    "For 0 < c <= 1, F >= log(1 + (K - 1) e^-a) + c a (K - 1) / K + lambda_H / 2 times the squares of "
    "h_is - (w_i - w) c / (K n lambda_H) + lambda_W K |w|^2 / 2, for any weights, features, biases and dimension.",
    mutants={
        "a gap log(K / c)": {"gap": lambda K, c: sympy.log(K / c)},
        "a gap log(1 + (1 - c) / c)": {"gap": lambda K, c: sympy.log(1 / c)},
        "c without the root of n": {"root": 2},
        "a loss that is not that of the logits": {"drop": ["softmax"]},
        "what adds up to something else": {"drop": ["probabilities"]},
        "w is not the mean": {"drop": ["center"]},
    },
)
def cross_entropy_optimum(p: Proof, gap=strength, root=1):
    s = penalties.balanced(p, root, above=0, most=1)
    a = gap(s.K, s.c)
    f = losses(p, s, a)
    equal = logarithms(p, s.K, a)
    p.concludes("F is at least its value at a P.", bounded(p, s, f, value(s.K, s.c, a), [(-1, equal)]))


@proposition(
    "For c >= 1, F >= log K + lambda_H / 2 times the squares of h_is - (w_i - w) / (K n lambda_H) + lambda_W / 2 times "
    "(1 - 1 / c^2) |w_i - w|^2 and |w|^2, summed: zero is optimal, and where c > 1 nothing else is.",
    mutants={
        "from a half on": {"least": HALF},
        "a value log(K + 1)": {"whole": lambda K: sympy.log(K + 1)},
        "a loss that is not that of the logits": {"drop": ["softmax"]},
        "what adds up to something else": {"drop": ["probabilities"]},
        "w is not the mean": {"drop": ["center"]},
    },
)
def cross_entropy_optimum_zero(p: Proof, least=1, whole=sympy.log):
    s = penalties.balanced(p, least=least)
    f = losses(p, s, sympy.S.Zero)
    weight = p.sign(Fact(1 - 1 / s.c**2, ">= 0"), "1 - 1 / c^2 is not negative.")
    p.concludes("F is at least log K, and more by squares:", bounded(p, s, f, whole(s.K), []))
    p.concludes("none of them counts negatively.", weight)


@proposition(
    "Weights and class means, collapsed, with the Gram matrices t P c / (K lambda_W) and t P K lambda_W / c have the "
    "logits t P and F = log(1 + (K - 1) e^-t) + c t (K - 1) / K, for t >= 0 and d >= K - 1: at t = a the bound.",
    mutants={
        "an orthogonal frame": {"frame": lambda K: sympy.S.Zero},
        "penalties c t (K - 1)": {"share": lambda K: K - 1},
        "a log of K e^-t": {"others": lambda K: K},
        "a full rank": {"rank": lambda K: K},
    },
)
def cross_entropy_optimum_attained(
    p: Proof,
    frame=lambda K: -1 / K,
    share=lambda K: (K - 1) / K,
    others=lambda K: K - 1,
    rank=lambda K: K - 1,
):
    K, n, j = (
        p.symbol("K", least=2, integer=True),
        p.symbol("n", least=1, integer=True),
        sympy.Symbol("j", integer=True),
    )
    c, rho, root = p.symbol("c", above=0), p.symbol("rho", above=0), p.symbol("r", least=0)
    t, by_weights = root**2, c / (K * rho**2)  # rho is the root of c / (K lambda_W), r that of t
    by_features = c**2 / (K**2 * n * by_weights)
    P = CompoundSymmetric(sympy.S.One, frame(K), K)
    W, H = (root * rho) * P, (root / rho) * P
    p.rank(P, rank(K), "Both are multiples of P, of rank K - 1, so they are in any dimension from that on.")
    on, off = (W @ H).entries
    gap = p.identity(on - off, t, "The logits are t P P = t P, and all margins t.")
    loss = p.identity(
        sympy.log(1 + total(sympy.exp(-t), j, K) - sympy.exp(-t)),
        sympy.log(1 + others(K) * sympy.exp(-t)),
        "The loss, the logarithm of 1 + the sum of e^-margin over the other classes, is log(1 + (K - 1) e^-t),",
    )
    weights = p.identity(by_weights * (W @ W).trace, c * t * share(K), "lambda_W |W|^2 is c t (K - 1) / K")
    features = p.identity(by_features * n * (H @ H).trace, c * t * share(K), "and so is lambda_H |H|^2.")
    p.concludes("F is log(1 + (K - 1) e^-t) + c t (K - 1) / K.", gap, loss, weights, features)


@proposition(
    "For 0 < c <= 1 and t = (1 - c) / (2 c), F at t P is at most log K - (K - 1) (1 - c)^2 / (2 K (1 + c)): zero is "
    "not optimal where c < 1.",
    mutants={
        "twice as far below": {"gain": 1},
        "t = (1 - c) / c": {"half": 1},
        "c up to 2": {"most": 2, "gain": sympy.Rational(-1, 2)},
    },
)
def cross_entropy_optimum_threshold(p: Proof, gain=HALF, half=HALF, most=1):
    K, c = p.symbol("K", least=2, integer=True), p.symbol("c", above=0, most=most)
    t = half * (1 - c) / c
    logarithm = p.tangent(
        sympy.log(1 + (K - 1) * sympy.exp(-t)) - sympy.log(K),
        "The loss log(1 + (K - 1) e^-t) is at most log K - (K - 1) (1 - e^-t) / K, as log x <= x - 1.",
    )
    power = p.follows(
        Fact(1 - sympy.exp(-t) - t / (1 + t), ">= 0"),
        "1 - e^-t is at least t / (1 + t), as e^t is at least 1 + t.",
        [(1, p.tangent(t, "Again,"))],
        times=(1 + t) * sympy.exp(t),
    )
    below = gain * (K - 1) * (1 - c) ** 2 / (K * (1 + c))
    p.concludes(
        "So F is as far below log K.",
        p.sign(Fact(below, ">= 0"), "This is not negative:"),
        p.follows(
            Fact(sympy.log(K) - below - value(K, c, t), ">= 0"),
            "t / (1 + t) - c t is (1 - c)^2 / (2 (1 + c)) here.",
            [(1, logarithm), ((K - 1) / K, power)],
        ),
    )


@proposition(
    "At a P, 0 < c <= 1, the gradient G in the logits has G G^T = lambda_W lambda_H P: its spectral norm is exactly "
    "lambda = sqrt(lambda_W lambda_H). The entropy of the probabilities is F: the bound of `dual_bound` is tight.",
    mutants={
        "a gap log(K / c)": {"gap": lambda K, c: sympy.log(K / c)},
        "K lambda for the norm": {"factor": lambda K: K**2},
        "the entropy without the others": {"others": lambda K: 0},
    },
)
def cross_entropy_optimum_certificate(p: Proof, gap=strength, factor=lambda K: 1, others=lambda K: K - 1):
    K, n = p.symbol("K", least=2, integer=True), p.symbol("n", least=1, integer=True)
    c, by_weights = p.symbol("c", above=0, most=1), p.symbol("lambda_W", above=0)
    by_features, a = c**2 / (K**2 * n * by_weights), gap(K, c)
    whole = sympy.cancel(sympy.exp(a) + K - 1)
    own, other = sympy.exp(a) / whole, 1 / whole
    G = (1 / (K * n)) * CompoundSymmetric(own - other - 1, other, K)  # softmax less one-hot, for a sample of each class
    norm = p.spectrum(
        n * (G @ G),
        ((factor(K) * by_weights * by_features, K - 1), (0, 1)),
        "G G^T, of n samples in each class, has the eigenvalue lambda_W lambda_H, and 0 on constants.",
    )
    entropy = -own * (a - sympy.log(whole)) + others(K) * other * sympy.log(whole)
    equal = logarithms(p, K, a)
    p.concludes("The norm is lambda,", *norm)
    p.concludes(
        "and the entropy is the value.",
        p.follows(
            Fact(entropy - value(K, c, a), "= 0"),
            "-q log q for q = e^a / (e^a + K - 1), and K - 1 times for 1 / (e^a + K - 1).",
            [(-1, equal)],
        ),
    )


def vanishes(p: Proof, at, zero, text):
    """Where e^u - 1 - u is zero, so is u: it is the square of v - 1 and 2 (v - 1 - u / 2), v = e^(u / 2)."""
    v = sympy.exp(at / 2)
    half = p.tangent(at / 2, "e^u - 1 - u is (v - 1)^2 + 2 (v - 1 - u / 2) for v = e^(u / 2);")
    square = p.follows(Fact(-((v - 1) ** 2), ">= 0"), "where it is 0,", [(2, half), (-1, zero)])
    return p.follows(Fact(at, "= 0"), text, [(v + 1, p.root(v - 1, square, "so is v - 1,")), (-1, zero)])


@proposition(
    "Where the loss of a sample is its tangent at a P, all its margins are a: so are those of every optimum.",
    mutants={
        "margins of 2 a": {"margin": 2},
        "a loss above its tangent": {"drop": ["equality"]},
        "margins of other probabilities": {"drop": ["softmax"]},
        "what adds up to something else": {"drop": ["probabilities"]},
    },
)
def cross_entropy_optimum_margins(p: Proof, margin=1):
    K, a, own, j = (
        p.symbol("K", least=2, integer=True),
        p.symbol("a"),
        p.symbol("Q", above=0),
        sympy.Symbol("j", integer=True),
    )
    Q, m, whole = p.family("Q'", above=0), p.family("m"), sympy.exp(a) + K - 1
    one = p.given("probabilities", Fact(own + total(Q[j], j, K - 1) - 1, "= 0"), "Q and K - 1 others, Q', add up to 1;")
    softmax = p.given(
        "softmax", Fact(sympy.log(own) - sympy.log(Q[j]) - m[j], "= 0"), "the margins are m_j = log Q - log Q'_j."
    )
    equal = p.given(
        "equality",
        Fact(-sympy.log(own) - sympy.log(whole) + (a * sympy.exp(a) + total(m[j], j, K - 1)) / whole, "= 0"),
        "The loss is log(e^a + K - 1) - (a e^a + sum of the margins) / (e^a + K - 1).",
    )
    at, mine = sympy.log(Q[j]) + sympy.log(whole), sympy.log(own) + sympy.log(whole) - a
    others, first = p.tangent(at, "Each term of the tangent"), p.tangent(mine, "is at least zero,")
    every = p.summed(others, (j,), K - 1, "and so is their sum,")
    margins = p.summed(softmax, (j,), K - 1, "whose logarithms are those of Q less the margins.")
    relations = [(-1, margins), (-whole, equal), (-whole, one)]
    none = p.squeezed(
        every,
        p.follows(Fact(-every.expression, ">= 0"), "As the loss is no larger,", [(sympy.exp(a), first), *relations]),
        "it is zero,",
    )
    last = p.squeezed(
        first,
        p.follows(
            Fact(-first.expression, ">= 0"), "with all that is in it,", [(1, every), *relations], times=sympy.exp(a)
        ),
        "and so is the term of Q.",
    )
    zero = vanishes(p, at, p.each(others, none, (j,), K - 1, "Each one is zero;"), "Q'_j is 1 / (e^a + K - 1),")
    p.concludes(
        "All margins are a.",
        p.follows(
            Fact(m[j] - margin * a, "= 0"),
            "and log Q - log Q'_j is a.",
            [(1, vanishes(p, mine, last, "and Q is e^a times that,")), (-1, zero), (-1, softmax)],
        ),
    )
