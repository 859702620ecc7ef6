"""A lower bound of F at every point from the gradient at any one point: cross-entropy with soft targets, squared error.

N samples with targets t_i, logits z_i = W h_i + b, F the mean loss + lambda_W |W|^2 / 2 + lambda_H |H|^2 / 2
+ lambda_b |b|^2 / 2. A matrix with the columns g_i whose spectral norm is at most N lambda, lambda = sqrt(lambda_W
lambda_H), bounds the linear part of the loss: N lambda times the nuclear norm of W H is at least -<g, W H>. For
cross-entropy g_i = q_i - t_i with probabilities q_i, such as t_i + theta (p_i - t_i); for the squared error
g_i = theta r_i. Dimension, class sizes and targets are arbitrary.
"""

from types import SimpleNamespace

import sympy

from nctheory.symbolic import Fact, Proof, proposition, total

HALF = sympy.Rational(1, 2)


def setting(p: Proof):
    """Any weights, features and bias, and the penalties; lambda_H is lambda^2 / lambda_W."""
    s = SimpleNamespace(**{name: p.symbol(name, least=1, integer=True) for name in ("K", "N", "d")})
    s.by_weights, s.both, s.by_bias = (p.symbol(name, above=0) for name in ("lambda_W", "lambda", "lambda_b"))
    s.by_features = s.both**2 / s.by_weights
    s.c, s.i, s.k = p.index("c", s.K), p.index("i", s.N), p.index("k", s.d)
    s.W, s.H, s.b = map(p.family, "WHb")
    s.logit = total(s.W[s.c, s.k] * s.H[s.i, s.k], s.k, s.d) + s.b[s.c]
    return s


def every(p: Proof, fact, ranges, text):
    """A fact in sum over these, innermost first."""
    for index, size in ranges:
        fact = p.summed(fact, (index,), size, f"{text} (in sum over {index})")
    return fact


def linear(p: Proof, s, g, power=2):
    """Penalties and the linear function with the columns g_i, over N, are at least - |mean of g|^2 / (2 lambda_b)."""
    c, i, k, K, N, d = s.c, s.i, s.k, s.K, s.N, s.d
    image, mean = total(g * s.H[i, k], i, N), total(g, i, N) / N
    spectral = p.given(
        "spectral norm",
        Fact((N * s.both) ** power * total(s.H[i, k] ** 2, i, N) - total(sympy.expand(image**2), c, K), ">= 0"),
        "g has a spectral norm of at most N lambda: it lengthens coordinate k of the features by no more.",
    )
    lengths = every(p, spectral, ((k, d),), "So |g H|^2 is at most N^2 lambda^2 |H|^2.")
    vector = s.W[c, k] + image / (N * s.by_weights)
    square = p.follows(Fact(sympy.expand(vector**2), ">= 0"), "The square of W + g H / (N lambda_W)", [], [(1, vector)])
    square = every(p, square, ((k, d), (c, K)), "is not negative,")
    of_bias = p.follows(
        Fact(sympy.expand((s.b[c] + mean / s.by_bias) ** 2), ">= 0"),
        "nor that of b + mean of g / lambda_b",
        [],
        [(1, s.b[c] + mean / s.by_bias)],
    )
    of_bias = every(p, of_bias, ((c, K),), "for all classes.")
    orders = [
        (-s.by_features / 2, p.exchanged(s.H[i, k] ** 2, [(k, d), (i, N)], (1, 0), "(In either order.)")),
        (1 / (2 * N**2 * s.by_weights), p.exchanged(sympy.expand(image**2), [(k, d), (c, K)], (1, 0), "(Here, too.)")),
        (1 / N, _pairing(p, s, g)),
        (1 / N, p.exchanged(sympy.expand(g * s.b[c]), [(i, N), (c, K)], (1, 0), "(And for the bias.)")),
    ]
    weights, features = total(total(s.W[c, k] ** 2, k, d), c, K), total(total(s.H[i, k] ** 2, k, d), i, N)
    penalties = s.by_weights / 2 * weights + s.by_features / 2 * features + s.by_bias / 2 * total(s.b[c] ** 2, c, K)
    pull = total(total(sympy.expand(g * s.logit), c, K), i, N) / N
    cost = total(sympy.expand(mean**2), c, K) / (2 * s.by_bias)
    bound = p.follows(
        Fact(penalties + pull + cost, ">= 0"),
        "Penalties and <g, z> / N are at least - |mean of g|^2 / (2 lambda_b).",
        [
            (s.by_weights / 2, square),
            (s.by_bias / 2, of_bias),
            (1 / (2 * N**2 * s.by_weights), lengths),
            *orders,
        ],
    )
    return bound, penalties, cost


def _pairing(p, s, g):
    """<g, W H> summed over the samples first, or last."""
    ranges = [(s.i, s.N), (s.c, s.K), (s.k, s.d)]
    return p.exchanged(sympy.expand(g * s.W[s.c, s.k] * s.H[s.i, s.k]), ranges, (1, 2, 0), "(<g, W H>, too.)")


@proposition(
    "Cross-entropy: F at any weights, features and bias is at least the mean entropy of q_i - |mean of q_i - t_i|^2 / "
    "(2 lambda_b), for all probabilities q_i > 0 with |q - t| at most N lambda in spectral norm.",
    mutants={
        "twice the entropy": {"factor": 2},
        "no cost of the bias": {"biased": 0},
        "N lambda for its square": {"power": 1},
        "a g of any norm": {"drop": ["spectral norm"]},
        "a loss that is not that of the logits": {"drop": ["softmax"]},
        "probabilities that do not add up to 1": {"drop": ["probabilities"]},
        "targets that do not": {"drop": ["targets"]},
        "a q that does not": {"drop": ["q"]},
    },
)
def dual_bound(p: Proof, factor=1, biased=1, power=2):
    s = setting(p)
    c, i, K, N = s.c, s.i, s.K, s.N
    Q, q, t, normal = p.family("Q", above=0), p.family("q", above=0), p.family("t"), p.family("L")
    logarithm = sympy.log(Q[i, c])
    softmax = p.given(
        "softmax", Fact(logarithm - s.logit + normal[i], "= 0"), "Softmax probabilities Q: log Q_ic = z_ic - L_i,"
    )
    one = p.given("probabilities", Fact(total(Q[i, c], c, K) - 1, "= 0"), "of sum 1;")
    of_t = p.given("targets", Fact(total(t[i, c], c, K) - 1, "= 0"), "so have the targets t_i,")
    of_q = p.given("q", Fact(total(q[i, c], c, K) - 1, "= 0"), "and the q_i.")
    gibbs = p.tangent(logarithm - sympy.log(q[i, c]), "log x <= x - 1 for x = Q_ic / q_ic:")
    g = q[i, c] - t[i, c]
    term = p.follows(
        Fact(sympy.expand(Q[i, c] - q[i, c] - q[i, c] * logarithm + q[i, c] * sympy.log(q[i, c])), ">= 0"),
        "times q_ic;",
        [(q[i, c], gibbs)],
    )
    moved = p.follows(
        Fact(sympy.expand(g * (logarithm - s.logit + normal[i])), "= 0"), "log Q_ic (q_ic - t_ic) is", [(g, softmax)]
    )
    terms, moves = every(p, term, ((c, K),), "for all classes."), every(p, moved, ((c, K),), "that of the logits,")
    loss, entropy = total(-t[i, c] * logarithm, c, K), total(-q[i, c] * sympy.log(q[i, c]), c, K)
    sample = p.follows(
        Fact(loss - entropy - total(sympy.expand(g * s.logit), c, K), ">= 0"),
        "so that the loss is at least the entropy of q_i and <q_i - t_i, z_i>.",
        [(1, terms), (1, moves), (-1, one), (1 - normal[i], of_q), (normal[i], of_t)],
    )
    samples = every(p, sample, ((i, N),), "For all samples.")
    bound, penalties, cost = linear(p, s, g, power)
    F = total(loss, i, N) / N + penalties
    p.concludes(
        "F is at least the mean entropy, less the cost of the bias.",
        p.follows(
            Fact(F - factor * total(entropy, i, N) / N + biased * cost, ">= 0"),
            "With the penalties.",
            [(1 / N, samples), (1, bound)],
        ),
    )


@proposition(
    "For probabilities p_i > 0, targets t_i >= 0 and 0 < theta <= 1, q_i = t_i + theta (p_i - t_i) is positive, of sum "
    "1, and q - t is theta N G, G = (p - t) / N the gradient in the logits: theta |G| <= lambda is what is needed.",
    mutants={
        "theta up to 2": {"most": 2},
        "theta may be 0": {"strict": False},
        "q = theta p": {"weight": 0},
        "probabilities that do not add up to 1": {"drop": ["probabilities"]},
        "targets that do not": {"drop": ["targets"]},
        "a larger theta": {"drop": ["theta"]},
    },
)
def dual_bound_point(p: Proof, most=1, strict=True, weight=1):
    K, N = p.symbol("K", least=1, integer=True), p.symbol("N", least=1, integer=True)
    theta = p.symbol("theta", most=most, **({"above": 0} if strict else {"least": 0}))
    P, t, c, i = p.family("P", above=0), p.family("t", least=0), p.index("c", K), p.index("i", N)
    norm, both = p.symbol("|G|", least=0), p.symbol("lambda", above=0)
    q = theta * P[i, c] + weight * (1 - theta) * t[i, c]
    positive = p.sign(Fact(q, "> 0"), "q_i is between t_i and p_i, and positive,")
    one = p.given("probabilities", Fact(total(P[i, c], c, K) - 1, "= 0"), "as p_i")
    of_t = p.given("targets", Fact(total(t[i, c], c, K) - 1, "= 0"), "and t_i have the sum 1,")
    whole = p.follows(Fact(total(sympy.expand(q), c, K) - 1, "= 0"), "so has q_i;", [(theta, one), (1 - theta, of_t)])
    multiple = p.identity(q - t[i, c], N * theta * (P[i, c] - t[i, c]) / N, "q - t is theta N G.")
    small = p.given("theta", Fact(both - theta * norm, ">= 0"), "theta |G| is at most lambda,")
    length = p.follows(Fact(N * both - N * theta * norm, ">= 0"), "so |q - t| is at most N lambda.", [(N, small)])
    p.concludes("q_i is as the bound needs it.", positive, whole, multiple, length)


@proposition(
    "Squared error: F at any weights, features and bias is at least - mean of (|g_i|^2 / 2 + <g_i, t_i>) - |mean of "
    "g_i|^2 / (2 lambda_b), for all g with a spectral norm of at most N lambda: g_i = theta (z_i - t_i), for example.",
    mutants={
        "a quarter of |g_i|^2": {"share": sympy.Rational(1, 4)},
        "no cost of the bias": {"biased": 0},
        "N lambda for its square": {"power": 1},
        "a g of any norm": {"drop": ["spectral norm"]},
    },
)
def dual_bound_squares(p: Proof, share=HALF, biased=1, power=2):
    s = setting(p)
    c, i, K, N, g, t = s.c, s.i, s.K, s.N, p.family("g"), p.family("t")
    mine, y = g[i, c], t[i, c]
    loss = total(sympy.expand(HALF * (s.logit - y) ** 2), c, K)
    square = p.follows(
        Fact(sympy.expand(HALF * (s.logit - y - mine) ** 2), ">= 0"), "Half of", [], [(HALF, s.logit - y - mine)]
    )
    square = every(p, square, ((c, K), (i, N)), "the square of z_i - t_i - g_i is not negative.")
    bound, penalties, cost = linear(p, s, mine, power)
    least = -total(total(share * mine**2 + mine * y, c, K), i, N) / N
    p.concludes(
        "F is at least that.",
        p.follows(
            Fact(total(loss, i, N) / N + penalties - least + biased * cost, ">= 0"),
            "The loss is |g_i|^2 / 2 + <g_i, z_i - t_i - g_i> and that.",
            [(1 / N, square), (1, bound)],
        ),
    )
