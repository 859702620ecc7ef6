"""Cross-entropy without bias, any class sizes, features that are not negative: a coordinate for each class.

Class i has n_i samples, N in all, and the class mean h_i >= 0 for features, which by `within_class_collapse` costs no
more than they do. F is the sum of (n_i / N) times the loss of W h_i with the target (1 - alpha) e_i + alpha / K, plus
lambda_W |W|^2 / 2 and lambda_H sum n_i |h_i|^2 / 2. Take any q_i = alpha / K + r_i, r_i >= 0, with r_i^2 n_i K (K - 1)
<= N^2 lambda_W lambda_H, and o_i = 1 - (K - 1) q_i: the bound is the mean entropy of these, for any weights and
dimension.
"""

from types import SimpleNamespace

import sympy

from nctheory.symbolic import Fact, Proof, proposition, total

HALF = sympy.Rational(1, 2)


def setting(p: Proof, sign):
    """Weights, class means and probabilities; lambda_H is lambda^2 / lambda_W."""
    s = SimpleNamespace(K=p.symbol("K", least=2, integer=True), d=p.symbol("d", least=1, integer=True))
    s.i, s.j, s.k = sympy.Symbol("i", integer=True), sympy.Symbol("j", integer=True), p.index("k", s.d)
    s.N, s.by_weights, s.both = (p.symbol(name, above=0) for name in ("N", "lambda_W", "lambda"))
    s.by_features, s.smoothing = s.both**2 / s.by_weights, p.symbol("alpha", least=0, most=1)
    s.W, s.H, s.n = p.family("W"), p.family("H", **sign), p.family("n", above=0)
    s.Q, s.o, s.r = p.family("Q", above=0), p.family("o", above=0), p.family("r", least=0)
    s.q = p.family("q", above=0)
    return s


def losses(p: Proof, s):
    """The loss of a class is at least the entropy of q less K r_i times the mean margin: Gibbs' inequality."""
    i, j, k, K = s.i, s.j, s.k, s.K
    own, other, low = sympy.log(s.Q[i, i]), sympy.log(s.Q[i, j]), s.smoothing / K
    margin = total((s.W[i, k] - s.W[j, k]) * s.H[i, k], k, s.d)
    softmax = p.given("softmax", Fact(own - other - margin, "= 0"), "The margin is log Q_ii - log Q_ij,")
    one = p.given("probabilities", Fact(total(s.Q[i, j], j, K) - 1, "= 0"), "where the Q_ij add up to 1.")
    excess = p.given("excess", Fact(s.q[i] - low - s.r[i], "= 0"), "q_i is alpha / K + r_i,")
    right = p.given("o", Fact(s.o[i] + (K - 1) * s.q[i] - 1, "= 0"), "and o_i, K - 1 times q_i add up to 1.")
    above = p.tangent(other - sympy.log(s.q[i]), "log x <= x - 1 for x = Q_ij / q_i,")
    scaled = p.follows(
        Fact(sympy.expand(s.q[i] * (margin - own + sympy.log(s.q[i])) + s.Q[i, j] - s.q[i]), ">= 0"),
        "times q_i, where log Q_ij = log Q_ii - margin;",
        [(s.q[i], above), (-s.q[i], softmax)],
    )
    others = p.summed(scaled, (j,), K, "in sum over all other classes;", other_than=[i])
    mine = p.tangent(own - sympy.log(s.o[i]), "and for x = Q_ii / o_i.")
    margins = sympy.expand(total(margin, j, K))
    entropy = -s.o[i] * sympy.log(s.o[i]) - (K - 1) * s.q[i] * sympy.log(s.q[i])
    loss = -own + low * margins
    bound = p.follows(
        Fact(sympy.expand(loss - entropy + s.r[i] * margins), ">= 0"),
        "So the loss, -log Q_ii + alpha / K times the sum of all margins, is at least the entropy less r_i times that "
        "sum.",
        [(1, others), (s.o[i], mine), (-1, one), (1 + own, right), (-margins, excess)],
    )
    return loss, entropy, bound


def penalized(p: Proof, s, power):
    """The penalties are at least (1/N) sum n_i r_i times the margins of class i, summed over the other classes."""
    i, j, k, K, N = s.i, s.j, s.k, s.K, s.N
    pull = K * s.r[i] * s.n[i] * s.H[i, k]  # of class i on its weight, in one coordinate
    mean = total(pull, i, K) / K
    square = p.follows(
        Fact(sympy.expand((s.W[i, k] - (pull - mean) / (N * s.by_weights)) ** 2), ">= 0"),
        "With x_i = K r_i n_i H_ik, the square of W_ik - (x_i - their mean) / (N lambda_W)",
        [],
        [(1, s.W[i, k] - (pull - mean) / (N * s.by_weights))],
    )
    square = p.summed(square, (i,), K, "is not negative, in sum over all classes.")
    pair = p.sign(
        Fact(pull * pull.subs(i, j), ">= 0"), "As features are not negative, neither are x_i x_j for two classes:"
    )
    pairs = p.summed(pair, (i, j), K, "the squares of the x_i add up to no more than the square of their sum,")
    limit = p.given(
        "threshold",
        Fact((N * s.both) ** power - s.r[i] ** 2 * s.n[i] * K * (K - 1), ">= 0"),
        "K (K - 1) n_i r_i^2 is at most N^2 lambda^2,",
    )
    length = p.follows(Fact(s.n[i] * s.H[i, k] ** 2, ">= 0"), "and n_i H_ik^2", [], [(s.n[i], s.H[i, k])])
    spare = p.product(limit, length, "times that is not negative:")
    spare = p.follows(Fact(sympy.expand(spare.expression), ">= 0"), "(written out)", [(1, spare)])
    spare = p.summed(spare, (i,), K, "the features' penalty is large enough for all classes.")
    weights, features = total(s.W[i, k] ** 2, i, K), total(s.n[i] * s.H[i, k] ** 2, i, K)
    margins = K * s.W[i, k] - total(s.W[j, k], j, K)
    work = total(sympy.expand(s.r[i] * s.n[i] * s.H[i, k] * margins), i, K)
    bound = p.follows(
        Fact(sympy.expand(s.by_weights * weights / 2 + s.by_features * features / 2 - work / N), ">= 0"),
        "So in one coordinate the penalties are at least (1/N) sum n_i r_i H_ik (K W_ik - sum of all W_jk).",
        [
            (s.by_weights / 2, square),
            (1 / (2 * N**2 * s.by_weights * K), pairs),
            (1 / (2 * N**2 * s.by_weights), spare),
        ],
    )
    return p.summed(bound, (k,), s.d, "In sum over the coordinates:")


@proposition(
    "F is at least sum_i (n_i / N) (-o_i log o_i - (K - 1) q_i log q_i), for all r_i >= 0 with K (K - 1) n_i r_i^2 <= "
    "N^2 lambda_W lambda_H, for any weights, class means that are not negative, class sizes and dimension.",
    mutants={
        "class means of any sign": {"sign": {}},
        "N lambda for its square": {"power": 1},
        "twice the entropy": {"factor": 2},
        "a loss that is not that of the logits": {"drop": ["softmax"]},
        "what adds up to something else": {"drop": ["probabilities"]},
        "another q": {"drop": ["excess"]},
        "an o that adds up to something else": {"drop": ["o"]},
        "larger slopes": {"drop": ["threshold"]},
    },
)
def nonnegative_cross_entropy(p: Proof, sign=None, power=2, factor=1):
    s = setting(p, {"least": 0} if sign is None else sign)
    i, k, K, d = s.i, s.k, s.K, s.d
    loss, entropy, sample = losses(p, s)
    weighted = p.follows(
        Fact(sympy.expand(s.n[i] * sample.expression), ">= 0"), "n_i samples of it,", [(s.n[i], sample)]
    )
    samples = p.summed(weighted, (i,), K, "and all classes.")
    bound = penalized(p, s, power)
    weights, features = total(total(s.W[i, k] ** 2, i, K), k, d), total(total(s.n[i] * s.H[i, k] ** 2, i, K), k, d)
    F = total(sympy.expand(s.n[i] * loss), i, K) / s.N + s.by_weights / 2 * weights + s.by_features / 2 * features
    least = factor * total(sympy.expand(s.n[i] * entropy), i, K) / s.N
    j, work = s.j, s.r[i] * s.n[i] * s.H[i, k]
    order = p.exchanged(sympy.expand(work * s.W[i, k]), [(i, K), (k, d)], (1, 0), "(In either order.)")
    other = p.exchanged(sympy.expand(work * s.W[j, k]), [(i, K), (j, K), (k, d)], (2, 0, 1), "(Here, too.)")
    p.concludes(
        "F is at least the mean entropy.",
        p.follows(
            Fact(F - least, ">= 0"),
            "The losses and the penalties.",
            [(1 / s.N, samples), (1, bound), (-K / s.N, order), (1 / s.N, other)],
        ),
    )


@proposition(
    "With a = log o - log q >= 0, class mean t on an axis of its own and a (e_k - 1/K) / t for the weights there, "
    "where lambda_H N t^2 = (K - 1) r a and K (K - 1) n r^2 = N^2 lambda_W lambda_H, a class of n samples has the "
    "share (n / N) (-o log o - (K - 1) q log q) of F: the bound.",
    mutants={
        "other norms": {"drop": ["balance"]},
        "another r": {"drop": ["threshold"]},
        "an o that adds up to something else": {"drop": ["o"]},
        "another q": {"drop": ["excess"]},
        "an orthogonal frame of weights": {"share": lambda K: sympy.S.One},
        "a loss without smoothing": {"smooth": 0},
    },
)
def nonnegative_cross_entropy_attained(p: Proof, share=lambda K: 1 - 1 / K, smooth=1):
    K, n, N, by_weights, by_features, o, q, r, t = (
        p.symbol("K", least=2, integer=True),
        *(p.symbol(x, above=0) for x in ("n", "N", "lambda_W", "lambda_H", "o", "q", "r", "t")),
    )
    alpha = p.symbol("alpha", least=0, most=1)
    gap = sympy.log(o) - sympy.log(q)
    excess = p.given("excess", Fact(q - alpha / K - r, "= 0"), "q is alpha / K + r,")
    right = p.given("o", Fact(o + (K - 1) * q - 1, "= 0"), "o + (K - 1) q is 1,")
    balance = p.given("balance", Fact(by_features * N * t**2 - (K - 1) * r * gap, "= 0"), "t is as it is,")
    limit = p.given(
        "threshold", Fact(N**2 * by_weights * by_features - r**2 * n * K * (K - 1), "= 0"), "and r is the largest."
    )
    loss = -(1 - smooth * alpha * (K - 1) / K) * sympy.log(o) - (K - 1) * smooth * alpha / K * sympy.log(q)
    entropy = -o * sympy.log(o) - (K - 1) * q * sympy.log(q)
    slope = p.follows(
        Fact(loss - entropy + (K - 1) * r * gap, "= 0"),
        "The loss is the entropy less (K - 1) r a.",
        [(sympy.log(o), right), (-(K - 1) * gap, excess)],
    )
    features = p.follows(
        Fact(by_features * n * t**2 - n / N * (K - 1) * r * gap, "= 0"),
        "The penalty of the class mean is half of (n / N) (K - 1) r a,",
        [(n / N, balance)],
    )
    weights = p.follows(
        Fact(by_weights * gap**2 * share(K) / t**2 - n / N * (K - 1) * r * gap, "= 0"),
        "and so is that of its weights, which have the squared norm a^2 (1 - 1/K) / t^2.",
        [
            (gap / (K * r * N), limit),
            (-by_weights * gap / (K * r * t**2), balance),
        ],
    )
    p.concludes("So its share of F is that of the bound.", slope, features, weights)
