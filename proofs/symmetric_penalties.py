"""What both penalties pay for, in balanced classes: a linear function of the logits, squares and nothing else.

K classes of n samples h_is in d dimensions, weights w_i of mean w, c = K sqrt(n lambda_W lambda_H). The linear function
has the gradient alpha P + beta J, up to its sign, in each sample of a class: its mean over all samples is that of
<alpha (w_i - w) + beta w, h_is>. The proofs about balanced classes add the loss to this. Nothing is assumed of d.
"""

from types import SimpleNamespace

import sympy

from nctheory.symbolic import Fact, Proof, proposition, total

HALF = sympy.Rational(1, 2)


def balanced(p: Proof, root=1, **bounds):
    """Sizes, penalties, weights, features, and w, with facts about it; lambda_H is what makes c what it is."""
    s = SimpleNamespace(K=p.symbol("K", least=2, integer=True), n=p.symbol("n", least=1, integer=True))
    s.d, s.by_weights = p.symbol("d", least=1, integer=True), p.symbol("lambda_W", above=0)
    s.c = p.symbol("c", **(bounds or {"above": 0}))
    s.by_features = s.c**2 / (s.K**2 * s.n**root * s.by_weights)
    s.W, s.H, s.M, s.i, s.j = *map(p.family, "WHw"), *sympy.symbols("i j", integer=True)
    s.s, s.k = p.index("s", s.n), p.index("k", s.d)
    s.center = p.given(
        "center", Fact(total(s.W[s.j, s.k], s.j, s.K) - s.K * s.M[s.k], "= 0"), "w is the mean of the weights."
    )
    s.logits, s.middle = _logits(p, s), _middle(p, s)
    return s


def samples(s):
    """What sums over coordinates, samples and classes run over, innermost first."""
    return ((s.k, s.d), (s.s, s.n), (s.i, s.K))


def of(expression, ranges):
    """The sum of an expression over these."""
    for index, size in ranges:
        expression = total(expression, index, size)
    return expression


def summed(p: Proof, fact, ranges, text):
    """The same for a fact."""
    for index, size in ranges:
        fact = p.summed(fact, (index,), size, f"{text} (in sum over {index})")
    return fact


def objective(s, losses):
    """F, where the losses of all samples have this sum."""
    weights, features = of(s.W[s.i, s.k] ** 2, (samples(s)[0], samples(s)[2])), of(s.H[s.i, s.s, s.k] ** 2, samples(s))
    return losses / (s.K * s.n) + s.by_weights / 2 * weights + s.by_features / 2 * features


def _logits(p, s):
    """All logits of all samples add up to K times those of w."""
    i, j, k, h = s.i, s.j, s.k, s.H[s.i, s.s, s.k]
    fact = p.follows(Fact(sympy.expand(h * s.center.expression), "= 0"), "Times h_is,", [(h, s.center)])
    fact = summed(p, fact, samples(s), "the logits of a sample add up to K <w, h_is>:")
    order = p.exchanged(s.W[j, k] * h, [(i, s.K), (s.s, s.n), (j, s.K), (k, s.d)], (0, 1, 3, 2), "in any order.")
    whole = of(s.W[j, k] * h, ((k, s.d), (j, s.K), (s.s, s.n), (i, s.K)))
    expected = whole - s.K * of(s.M[k] * h, samples(s))
    return p.follows(Fact(expected, "= 0"), "That is, over all samples,", [(1, fact), (1, order)])


def _middle(p, s):
    """The inner products of the weights with w add up to K |w|^2."""
    j, k, M = s.j, s.k, s.M
    fact = p.follows(Fact(sympy.expand(M[k] * s.center.expression), "= 0"), "Times w,", [(M[k], s.center)])
    fact = summed(p, fact, ((k, s.d),), "the sum of <w_j, w> is K |w|^2:")
    order = p.exchanged(M[k] * s.W[j, k], [(j, s.K), (k, s.d)], (1, 0), "in any order.")
    expected = of(s.W[j, k] * M[k], ((k, s.d), (j, s.K))) - s.K * total(M[k] ** 2, k, s.d)
    return p.follows(Fact(expected, "= 0"), "That is,", [(1, fact), (1, order)])


def parts(s, alpha, beta):
    """The linear function, the squares of the features' part, and those of the weights: |w_i - w|^2 and |w|^2."""
    h, w, row = s.H[s.i, s.s, s.k], s.M[s.k], s.W[s.i, s.k]
    pull = sympy.expand(alpha * (row - w) + beta * w)
    aligned = of((h - pull / (s.K * s.n * s.by_features)) ** 2, samples(s))
    spread = of((row - w) ** 2, (samples(s)[0], samples(s)[2]))
    return of(pull * h, samples(s)) / (s.K * s.n), aligned, spread, s.K * total(w**2, s.k, s.d)


def identity(p: Proof, s, alpha, beta=sympy.S.Zero, scale=1):
    """The penalties are the linear function and squares, with the weights 1 - alpha^2 / c^2 and 1 - beta^2 / c^2."""
    pull, aligned, spread, center = parts(s, alpha, beta)
    rest = (1 - alpha**2 / s.c**2) * spread + (1 - beta**2 / s.c**2) * center
    whole = objective(s, 0) - pull - s.by_features / 2 * aligned - s.by_weights / 2 * scale * rest
    return p.follows(
        Fact(sympy.expand(whole), "= 0"),
        "The penalties are the mean of <v_i, h_is>, v_i = alpha (w_i - w) + beta w, and lambda_H / 2 times the squares "
        "of h_is - v_i / (K n lambda_H), and lambda_W / 2 times (1 - alpha^2 / c^2) |w_i - w|^2 and (1 - beta^2 / c^2) "
        "|w|^2, summed: |v_i|^2 / (K n lambda_H) is c^-2 lambda_W K |v_i|^2.",
        [(s.by_weights * (1 - alpha * beta / s.c**2), s.middle)],
    )


@proposition(
    "For -c <= alpha, beta <= c both penalties are at least the mean of <alpha (w_i - w) + beta w, h_is>, and more by "
    "squares that vanish only where h_is is a multiple of that.",
    mutants={
        "twice the squares of the weights": {"scale": 2},
        "the square of c for c": {"limit": lambda c: c**2},
        "w is not the mean": {"drop": ["center"]},
        "alpha above c": {"drop": ["alpha"]},
        "beta above c": {"drop": ["beta"]},
    },
)
def symmetric_penalties(p: Proof, scale=1, limit=lambda c: c):
    s = balanced(p)
    alpha, beta = p.symbol("alpha"), p.symbol("beta")
    whole = identity(p, s, alpha, beta, scale)
    rest = []
    for name, slope, vector in (("alpha", alpha, s.W[s.i, s.k] - s.M[s.k]), ("beta", beta, s.M[s.k])):
        below = p.given(name, Fact(limit(s.c) - slope, ">= 0"), f"{name} is at most c,")
        above = p.given(name, Fact(limit(s.c) + slope, ">= 0"), "nor below -c,")
        weight = p.product(below, above, "so the square of c is at least its own,")
        square = p.follows(Fact(sympy.expand(vector**2), ">= 0"), "and with that of", [], [(1, vector)])
        square = summed(p, square, (samples(s)[0], samples(s)[2]), "these vectors")
        rest.append(p.product(weight, square, "the product is not negative."))
    pull, aligned, *_ = parts(s, alpha, beta)
    p.concludes(
        "So the penalties are at least the linear function and the squares.",
        whole,
        p.follows(
            Fact(sympy.expand(objective(s, 0) - pull - s.by_features / 2 * aligned), ">= 0"),
            "What is left of the identity is not negative.",
            [(1, whole), *((s.by_weights / (2 * s.c**2), fact) for fact in rest)],
        ),
    )
