"""Sets of labels, balanced inside each size: a lower bound of F that is attained, and the means of sets as sums.

N samples; sample i has m_i of K labels, X_ic is 1 for those and else 0, and A_ic = a_i (X_ic - m_i / K), where a_i
depends on m_i only. Balance inside each size makes sum_i A_i A_i^T = s^2 (I - J/K). The loss of sample i is u_i times
cross-entropy against X_i / m_i. Weights W, features H in d dimensions, F the mean loss + lambda_W |W|^2 / 2 + lambda_H
|H|^2 / 2; lambda_H is lambda^2 / lambda_W. With the equation nu a D = K u / m, D = m e^a + K - m, and nu s = N lambda
the derivative of the losses at the logits A_i is -nu A_i.
"""

from types import SimpleNamespace

import sympy

from nctheory.symbolic import Fact, Proof, proposition, total


def setting(p: Proof):
    """Sizes, penalties, weights and their mean, features, bias and the optimal logits A; lambda / s is nu / N."""
    s = SimpleNamespace(K=p.symbol("K", least=2, integer=True))
    s.N, s.d = (p.symbol(name, least=1, integer=True) for name in ("N", "d"))
    s.by_weights, s.both, s.root = (p.symbol(name, above=0) for name in ("lambda_W", "lambda", "s"))
    s.by_features, s.slope = s.both**2 / s.by_weights, s.both / s.root
    s.i, s.k, (s.c, s.e) = p.index("i", s.N), p.index("k", s.d), sympy.symbols("c e", integer=True)
    s.W, s.H, s.A, s.M, s.b = map(p.family, "WHAwb")
    s.center = p.given(
        "center", Fact(total(s.W[s.c, s.k], s.c, s.K) - s.K * s.M[s.k], "= 0"), "w is the mean of the weights."
    )
    one = total(s.A[s.i, s.c] ** 2, s.i, s.N) - s.root**2 * (1 - 1 / s.K)
    s.own = p.given("labels", Fact(sympy.expand(one), "= 0"), "sum_i A_ic^2 is that of s^2 (I - J/K) for all labels,")
    s.pair = p.given(
        "pairs",
        Fact(total(s.A[s.i, s.c] * s.A[s.i, s.e], s.i, s.N) + s.root**2 / s.K, "= 0"),
        "and so is sum_i A_ic A_ie for all pairs.",
    )
    return s


def every(p: Proof, fact, ranges, text):
    """A fact in sum over these, innermost first."""
    for index, size in ranges:
        fact = p.summed(fact, (index,), size, f"{text} (in sum over {index})")
    return fact


def of(expression, ranges):
    """The sum of an expression over these, innermost first."""
    for index, size in ranges:
        expression = total(expression, index, size)
    return expression


def lengths(p: Proof, s):
    """The sum over samples of |W^T A_i|^2 is s^2 (|W|^2 - K |w|^2)."""
    i, c, e, k, K, N, d = s.i, s.c, s.e, s.k, s.K, s.N, s.d
    other = p.follows(
        Fact(sympy.expand(s.W[e, k] * s.pair.expression), "= 0"), "Times the weight of e,", [(s.W[e, k], s.pair)]
    )
    others = p.summed(other, (e,), K, "in sum over all labels but c,", other_than=[c])
    column = total(s.W[e, k] * total(s.A[i, c] * s.A[i, e], i, N), e, K)
    column = p.follows(
        Fact(column - s.root**2 * (s.W[c, k] - s.M[k]), "= 0"),
        "and with that of c: sum_i A_ic (W^T A_i) = s^2 (w_c - w).",
        [(1, others), (s.W[c, k], s.own), (-(s.root**2) / K, s.center)],
    )
    rows = p.follows(
        Fact(sympy.expand(s.W[c, k] * column.expression), "= 0"), "Times the weight of c,", [(s.W[c, k], column)]
    )
    rows = p.summed(rows, (c,), K, "in sum over all labels;")
    order = p.exchanged(
        s.A[i, c] * s.A[i, e] * s.W[c, k] * s.W[e, k], [(c, K), (e, K), (i, N)], (2, 0, 1), "in another order,"
    )
    image = total(s.A[i, c] * s.W[c, k], c, K)
    whole = total(sympy.expand(image**2), i, N) - s.root**2 * (total(s.W[c, k] ** 2, c, K) - K * s.M[k] ** 2)
    square = p.follows(
        Fact(sympy.expand(whole), "= 0"),
        "this is the sum over i of the square of coordinate k of W^T A_i.",
        [(1, rows), (-1, order), (-(s.root**2) * s.M[k], s.center)],
    )
    return every(p, square, ((k, d),), "For all coordinates.")


def penalties(p: Proof, s):
    """Both penalties are at least (lambda / s) <A, W H>."""
    i, c, k, K, N, d = s.i, s.c, s.k, s.K, s.N, s.d
    length, image = lengths(p, s), total(s.A[i, c] * s.W[c, k], c, K)
    vector = s.H[i, k] - s.by_weights / (s.root * s.both) * image
    square = p.follows(
        Fact(sympy.expand(vector**2), ">= 0"), "The square of h_i - lambda_W / (lambda s) W^T A_i", [], [(1, vector)]
    )
    square = every(p, square, ((k, d), (i, N)), "is not negative,")
    center = p.follows(Fact(s.M[k] ** 2, ">= 0"), "nor is that of w,", [], [(1, s.M[k])])
    center = every(p, center, ((k, d),), "in any coordinate.")
    swap = p.exchanged(sympy.expand(image**2), [(k, d), (i, N)], (1, 0), "(Sums in either order,")
    pairing = p.exchanged(s.A[i, c] * s.W[c, k] * s.H[i, k], [(i, N), (k, d), (c, K)], (0, 2, 1), "here, too,")
    weights = p.exchanged(s.W[c, k] ** 2, [(k, d), (c, K)], (1, 0), "and here.)")
    paid = s.by_weights / 2 * of(s.W[c, k] ** 2, ((k, d), (c, K))) + s.by_features / 2 * of(
        s.H[i, k] ** 2, ((k, d), (i, N))
    )
    logits = of(s.A[i, c] * total(s.W[c, k] * s.H[i, k], k, d), ((c, K), (i, N)))
    bound = p.follows(
        Fact(sympy.expand(paid - s.slope * logits), ">= 0"),
        "lambda_H / 2 times the square is the penalties less (lambda / s) <A, W H> and lambda_W K |w|^2 / 2.",
        [
            (s.by_features / 2, square),
            (-s.by_weights / (2 * s.root**2), length),
            (s.by_weights / (2 * s.root**2), swap),
            (s.slope, pairing),
            (-s.by_weights / 2, weights),
            (s.by_weights * K / 2, center),
        ],
    )
    return bound, paid


@proposition(
    "F is at least the mean of the losses at the logits A_i, plus lambda (K - 1) s: for all weights, features and "
    "biases, of any dimension, if the losses are convex with the derivative -nu A_i there, nu s = N lambda.",
    mutants={
        "lambda K s": {"times": lambda K: K},
        "twice that": {"times": lambda K: 2 * (K - 1)},
        "labels of any frequency": {"drop": ["labels"]},
        "pairs of any frequency": {"drop": ["pairs"]},
        "w is not the mean": {"drop": ["center"]},
        "a loss without such a derivative": {"drop": ["convexity"]},
        "any sums, and a bias": {"drop": ["sums"]},
    },
)
def label_sets_optimum(p: Proof, times=lambda K: K - 1):
    s = setting(p)
    i, c, k, K, N, d = s.i, s.c, s.k, s.K, s.N, s.d
    bound, paid = penalties(p, s)
    L, least = p.family("L"), p.family("l")
    logit = total(s.W[c, k] * s.H[i, k], k, d) + s.b[c]
    tangent = L[i] - least[i] + N * s.slope * total(sympy.expand(s.A[i, c] * (logit - s.A[i, c])), c, K)
    convex = p.given(
        "convexity", Fact(sympy.expand(tangent), ">= 0"), "L_i, the loss of sample i, is l_i at A_i, and convex."
    )
    losses = p.summed(convex, (i,), N, "In sum over all samples.")
    sums = p.given(
        "sums", Fact(total(s.A[i, c], i, N), "= 0"), "A_i has the sum 0, as all labels are equally frequent,"
    )
    biases = p.follows(Fact(s.b[c] * sums.expression, "= 0"), "so that the bias", [(s.b[c], sums)])
    biases = p.summed(biases, (c,), K, "counts for nothing.")
    of_bias = p.exchanged(s.A[i, c] * s.b[c], [(c, K), (i, N)], (1, 0), "(Sums in either order,")
    squares = p.summed(s.own, (c,), K, "sum A^2 is (K - 1) s^2,")
    of_squares = p.exchanged(s.A[i, c] ** 2, [(c, K), (i, N)], (1, 0), "here, too.)")
    F = total(L[i], i, N) / N + paid
    p.concludes(
        "F is at least that.",
        p.follows(
            Fact(sympy.expand(F - total(least[i], i, N) / N - s.both * times(K) * s.root), ">= 0"),
            "The losses and the penalties together.",
            [
                (1 / N, losses),
                (1, bound),
                (-s.slope, biases),
                (s.slope, of_bias),
                (s.slope, squares),
                (-s.slope, of_squares),
            ],
        ),
    )


@proposition(
    "At the logits a (X - m/K) of a sample with m of K labels, X of these 1 and else 0, the derivative of u times "
    "cross-entropy against X / m is -nu a (X - m/K), if nu a (m e^a + K - m) = K u / m; E is e^a.",
    mutants={
        "K u for K u / m": {"power": 0},
        "targets that are 1": {"target": lambda m: sympy.S.One},
        "any a": {"drop": ["equation"]},
    },
)
def label_sets_optimum_derivative(p: Proof, power=1, target=lambda m: 1 / m):
    m, rest = p.symbol("m", least=1, integer=True), p.symbol("K - m", least=1, integer=True)
    a, E, u, nu = (p.symbol(name, above=0) for name in ("a", "E", "u", "nu"))
    K, D = m + rest, m * E + rest
    equation = p.given("equation", Fact(sympy.expand(nu * a * D * m**power - K * u), "= 0"), "nu a D = K u / m.")
    p.concludes(
        "So it is.",
        p.follows(
            Fact(u * (E / D - target(m)) + nu * a * (1 - m / K), "= 0"),
            "For the labels of the sample, whose probabilities are E / D,",
            [(rest / (K * m * D), equation)],
        ),
        p.follows(Fact(u / D - nu * a * m / K, "= 0"), "and for the others, 1 / D.", [(-1 / (K * D), equation)]),
    )


@proposition(
    "Where the features are stationary, with derivatives -nu a_m (X - m/K) / N of the loss by the logits of a sample "
    "with m labels, its features are a_m / a_1 times the sum of those of samples with one of its labels alone.",
    mutants={
        "the sum itself": {"ratio": lambda a, one: sympy.S.One},
        "the average": {"ratio": lambda a, one: sympy.Rational(1, 2)},
        "a_1 / a_m": {"ratio": lambda a, one: one / a},
        "features of the sample that are not stationary": {"drop": ["sample"]},
        "features of the others that are not": {"drop": ["single"]},
        "another number of labels": {"drop": ["labels"]},
        "w is not the mean": {"drop": ["center"]},
    },
)
def label_sets_optimum_average(p: Proof, ratio=lambda a, one: a / one):
    K, d, m = (p.symbol(name, least=1, integer=True) for name in "Kdm")
    c, k = p.index("c", K), p.index("k", d)
    W, H, M, X, h = *map(p.family, "WHwX"), p.family("h")
    decay, nu, a, one = (p.symbol(name, above=0) for name in ("N lambda_H", "nu", "a_m", "a_1"))
    center = p.given("center", Fact(total(W[c, k], c, K) - K * M[k], "= 0"), "w is the mean of the weights.")
    count = p.given("labels", Fact(total(X[c], c, K) - m, "= 0"), "X marks m labels.")
    pull = total(sympy.expand((X[c] - m / K) * W[c, k]), c, K)
    sample = p.given("sample", Fact(decay * h[k] - nu * a * pull, "= 0"), "h are the features of the sample.")
    single = p.given(
        "single", Fact(decay * H[c, k] - nu * one * (W[c, k] - M[k]), "= 0"), "H_c are those of one with c alone."
    )
    marked = p.follows(Fact(sympy.expand(X[c] * single.expression), "= 0"), "Those of its labels", [(X[c], single)])
    marked = p.summed(marked, (c,), K, "in sum.")
    p.concludes(
        "They are in proportion.",
        p.follows(
            Fact(h[k] - ratio(a, one) * total(X[c] * H[c, k], c, K), "= 0"),
            "Both are multiples of the weights of its labels, less m w.",
            [
                (1 / decay, sample),
                (-a / (one * decay), marked),
                (-nu * a * m / (K * decay), center),
                (nu * a * M[k] / decay, count),
            ],
        ),
    )


@proposition(
    "If the losses of labels are added up, a_m < a_1 for m > 1: a_m (e^(a_m) + K - 1) is below a_1 (e^(a_1) + K - 1), "
    "and x (e^x + K - 1) rises.",
    mutants={
        "m = 1, too": {"least": 1},
        "another equation": {"drop": ["equation"]},
        "logits of 0": {"strict": False},
    },
)
def label_sets_optimum_ratio(p: Proof, least=2, strict=True):
    K, m = p.symbol("K", least=2, integer=True), p.symbol("m", least=least, integer=True)
    x, a = p.symbol("x", above=0), p.symbol("a_m", above=0)
    excess = p.symbol("e^(a_m) - 1", **({"above": 0} if strict else {"least": 0}))
    single = p.symbol("a_1 (e^(a_1) + K - 1)")
    rises = p.monotone(x * (sympy.exp(x) + K - 1), x, "x (e^x + K - 1) rises.")
    equation = p.given(
        "equation",
        Fact(single - a * (m * (1 + excess) + K - m), "= 0"),
        "nu a_m (m e^(a_m) + K - m) is K for all m, u_m = m.",
    )
    more = p.sign(Fact(a * (m - 1) * excess, "> 0"), "m e^x + K - m is above e^x + K - 1,")
    p.concludes(
        "a_m is below a_1.",
        rises,
        p.follows(
            Fact(single - a * (1 + excess + K - 1), "> 0"),
            "so that x (e^x + K - 1) is smaller at a_m than at a_1.",
            [(1, equation), (1, more)],
        ),
    )
