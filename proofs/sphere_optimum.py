"""Weights w_i and features h_is of norm 1, cross-entropy of tau <w_j, h_is>, K balanced classes of n samples, any bias.

F is the mean of -log Q_isi, Q the softmax probabilities of sample s of class i, a = tau K / (K - 1), w the mean of the
weights. The loss is at least its tangent at margins a, as in `cross_entropy_optimum`; the sum of all margins is K tau
times that of <w_i - w, h_is>, which squares bound, as all norms are 1. So penalties have no part in this.
"""

from pathlib import Path
from types import SimpleNamespace

import sympy

from nctheory.symbolic import CompoundSymmetric, Fact, Proof, proposition, total
from nctheory.theorems.registry import run_file

entropy = run_file(Path(__file__).with_name("cross_entropy_optimum.py"))
penalties = entropy.penalties
HALF = sympy.Rational(1, 2)


class Scaled:
    """A family times a number."""

    def __init__(self, factor, family):
        self.factor, self.family = factor, family

    def __getitem__(self, index):
        return self.factor * self.family[index]


def of_norm_one(p: Proof, name, row, ranges, text):
    """The squares of these rows, in sum: as many as there are."""
    (k, d), *rest = ranges
    one = p.given(name, Fact(total(row**2, k, d) - 1, "= 0"), text)
    return penalties.summed(p, one, rest, "in sum over all of them, their number")


@proposition(
    "F >= log(1 + (K - 1) e^-a), a = tau K / (K - 1), plus q tau / 2 times the mean of |h_is - (w_i - w)|^2 over the "
    "samples of a class, summed over the classes, and K |w|^2, q = 1 / (e^a + K - 1): in any dimension, with any bias.",
    mutants={
        "a = tau": {"rate": lambda K: sympy.S.One},
        "a = 2 tau": {"rate": lambda K: sympy.Rational(1, 2)},
        "twice the squares": {"share": 1},
        "a loss that is not that of the logits": {"drop": ["softmax"]},
        "what adds up to something else": {"drop": ["probabilities"]},
        "w is not the mean": {"drop": ["center"]},
        "weights of any norm": {"drop": ["weights"]},
        "features of any norm": {"drop": ["features"]},
    },
)
def sphere_optimum(p: Proof, rate=lambda K: (K - 1) / K, share=HALF):
    s, a = penalties.balanced(p), p.symbol("a", above=0)
    tau = a * rate(s.K)
    scaled = SimpleNamespace(**{**vars(s), "W": Scaled(tau, s.W)})
    f = entropy.losses(p, scaled, a)
    k, samples = penalties.samples(s)[0], penalties.samples(s)
    weights = of_norm_one(p, "weights", s.W[s.i, s.k], (k, samples[2]), "Weights have norm 1;")
    features = of_norm_one(p, "features", s.H[s.i, s.s, s.k], samples, "so have features;")
    rest = penalties.of((s.H[s.i, s.s, s.k] - s.W[s.i, s.k] + s.M[s.k]) ** 2, samples) / s.n
    rest += s.K * total(s.M[s.k] ** 2, s.k, s.d)
    equal = entropy.logarithms(p, s.K, a)
    value = sympy.log(1 + (s.K - 1) * sympy.exp(-a))
    p.concludes(
        "F is at least the value of margins a, and more by squares.",
        p.follows(
            Fact(sympy.expand(f.sum / (s.K * s.n) - value - share * f.slope * tau * rest), ">= 0"),
            "The squares are |h_is|^2 + |w_i|^2 - 2 <w_i - w, h_is>, in sum, less |w|^2.",
            [
                (1 / (s.K * s.n), f.bound),
                (f.slope * tau / (s.K * s.n), s.logits),
                (f.slope * tau, s.middle),
                (-f.slope * tau / 2, weights),
                (-f.slope * tau / (2 * s.n), features),
                (-1, equal),
            ],
        ),
    )


@proposition(
    "Collapsed weights and features with the Gram matrix (K / (K - 1)) P have norm 1 and inner products -1 / (K - 1), "
    "so that all margins are tau K / (K - 1) and F is log(1 + (K - 1) e^-a); their rank is K - 1.",
    mutants={
        "an orthogonal frame": {"frame": lambda K: sympy.S.Zero},
        "margins of tau": {"rate": lambda K: sympy.S.One},
        "a full rank": {"rank": lambda K: K},
        "a log of K e^-a": {"others": lambda K: K},
    },
)
def sphere_optimum_attained(
    p: Proof, frame=lambda K: -1 / K, rate=lambda K: K / (K - 1), rank=lambda K: K - 1, others=lambda K: K - 1
):
    K, tau, j = p.symbol("K", least=2, integer=True), p.symbol("tau", above=0), sympy.Symbol("j", integer=True)
    P = CompoundSymmetric(sympy.S.One, frame(K), K)
    p.rank(P, rank(K), "Weights and features are multiples of P, of rank K - 1.")
    on, off = (K / (K - 1) * (P @ P)).entries
    norm = p.identity(on, 1, "The diagonal of their Gram matrix is 1,")
    a = rate(K) * tau
    gap = p.identity(tau * (on - off), a, "and all margins are tau K / (K - 1).")
    loss = p.identity(
        sympy.log(1 + total(sympy.exp(-a), j, K) - sympy.exp(-a)),
        sympy.log(1 + others(K) * sympy.exp(-a)),
        "The loss, the logarithm of 1 + the sum of e^-margin over the other classes, is log(1 + (K - 1) e^-a).",
    )
    p.concludes("F is log(1 + (K - 1) e^-a).", norm, gap, loss)


@proposition(
    "At the simplex, with a sample of each class for n of them, alpha = tau q and n beta = tau q, q = 1 / (e^a + K - 1)"
    ", and G^T G times n is alpha n beta P / n: S is positive semidefinite, whatever the temperature.",
    mutants={
        "q = 1 / K": {"whole": lambda K, a: K},
        "alpha = tau q (K - 1) / K": {"share": lambda K: (K - 1) / K},
        "G without the temperature": {"power": 0},
    },
)
def sphere_optimum_certificate(p: Proof, whole=lambda K, a: sympy.exp(a) + K - 1, share=lambda K: sympy.S.One, power=1):
    K, n = p.symbol("K", least=2, integer=True), p.symbol("n", least=1, integer=True)
    tau, a = p.symbol("tau", above=0), p.symbol("a", above=0)
    own, other = sympy.exp(a) / (sympy.exp(a) + K - 1), 1 / (sympy.exp(a) + K - 1)
    q = 1 / whole(K, a)
    G = tau**power / (K * n) * CompoundSymmetric(own - other - 1, other, K)  # a row for one sample of each class
    P = CompoundSymmetric(sympy.S.One, -1 / K, K)
    pulls = (G @ (K / (K - 1) * P)).entries[0]
    alpha = p.identity(
        -n * pulls, tau * q * share(K), "alpha, -n times the diagonal of G times the Gram matrix, is tau q,"
    )
    beta = p.identity(-pulls, tau * q * share(K) / n, "and beta is that over n.")
    spectrum = p.spectrum(
        n * (G @ G),
        (((tau * q) ** 2 / n, K - 1), (0, 1)),
        "n G^T G has the eigenvalue alpha beta on P, and 0 on constants: so (alpha, n^(1/2) G; n^(1/2) G, beta) has "
        "the determinant 0 there, and else the diagonal alone, which is positive.",
    )
    p.concludes("S has no negative eigenvalue.", alpha, beta, *spectrum)
