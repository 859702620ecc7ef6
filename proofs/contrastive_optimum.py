"""Supervised contrastive learning: K classes of n >= 2 samples each, features of mean squared norm at most E.

The loss of the anchor z_is is the normalizer L_is, the logarithm of the sum of e^x over its products x with all other
samples, less the mean of the n - 1 products with its class. By Gibbs' inequality, which is log x <= x - 1, it is at
least linear in all products; and these add up to squared norms of the sums of the classes, and of all.
"""

from pathlib import Path
from types import SimpleNamespace

import sympy

from nctheory.symbolic import CompoundSymmetric, Fact, Proof, proposition, total
from nctheory.theorems.registry import run_file

penalties = run_file(Path(__file__).with_name("symmetric_penalties.py"))


def sizes(p: Proof):
    """K, n, d, E, features and the indices of what is summed over."""
    q = SimpleNamespace(K=p.symbol("K", least=2, integer=True), n=p.symbol("n", least=2, integer=True))
    q.d, q.E = p.symbol("d", least=1, integer=True), p.symbol("E", least=0)
    q.N, q.far = q.K * q.n, q.n * (q.K - 1)
    q.i, q.s, q.k = sympy.Symbol("i", integer=True), p.index("s", q.n), p.index("k", q.d)
    q.u, q.a = p.index("u", q.n - 1), p.index("a", q.far)
    q.Z, q.C, q.S, q.L = *map(p.family, "ZCS"), p.family("L")
    q.samples = ((q.k, q.d), (q.s, q.n), (q.i, q.K))
    return q


def anchor(p: Proof, q, t, inside):
    """What the loss of z_is is at least: of probabilities Q of its class and R of the others, products x and y."""
    Q, R = p.family("Q", above=0), p.family("R", above=0)
    x, y, here = p.family("x"), p.family("y"), (q.i, q.s)
    own, other = sympy.log(Q[(*here, q.u)]), sympy.log(R[(*here, q.a)])
    whole, power = inside + q.far * sympy.exp(-t), sympy.exp(-t)
    one = p.given(
        "probabilities",
        Fact(total(Q[(*here, q.u)], q.u, q.n - 1) + total(R[(*here, q.a)], q.a, q.far) - 1, "= 0"),
        "Q_isu, of n - 1 others of the class, and R_isa, of n (K - 1) others, add up to 1;",
    )
    near = p.given("softmax of the class", Fact(own - x[(*here, q.u)] + q.L[here], "= 0"), "log Q_isu = x_isu - L_is")
    away = p.given(
        "softmax of the others", Fact(other - y[(*here, q.a)] + q.L[here], "= 0"), "log R_isa = y_isa - L_is."
    )
    first = p.tangent(own + sympy.log(whole), "log x <= x - 1 for x = Q_isu v, v = n - 1 + n (K - 1) e^-t,")
    last = p.tangent(other + sympy.log(whole) + t, "and for x = R_isa v e^t,")
    first = p.follows(
        Fact(first.expression + own - x[(*here, q.u)] + q.L[here], ">= 0"), "that is,", [(1, first), (1, near)]
    )
    last = p.follows(
        Fact(last.expression + other - y[(*here, q.a)] + q.L[here], ">= 0"), "and that is,", [(1, last), (1, away)]
    )
    first = p.summed(first, (q.u,), q.n - 1, "in sum over the class")
    last = p.summed(last, (q.a,), q.far, "and over the others:")
    products = total(x[(*here, q.u)], q.u, q.n - 1), total(y[(*here, q.a)], q.a, q.far)
    loss = q.L[here] - products[0] / (q.n - 1)
    least = sympy.log(whole) + power / whole * (q.far * t + products[1] - q.far / (q.n - 1) * products[0])
    bound = p.follows(
        Fact(loss - least, ">= 0"),
        "the loss of the anchor is at least log v + e^-t / v times n (K - 1) t + the products with the others less n "
        "(K - 1) times the mean of those with its class.",
        [(1 / whole, first), (power / whole, last), (-1, one)],
    )
    return SimpleNamespace(loss=loss, bound=bound, products=products, whole=whole, power=power)


def sums(p: Proof, q):
    """C_i is the sum of a class, S that of all: sums of products are sums of squares."""
    Z, C, S, i, s, k = q.Z, q.C, q.S, q.i, q.s, q.k
    of_class = p.given("class sums", Fact(total(Z[i, s, k], s, q.n) - C[i, k], "= 0"), "C_i is the sum of a class,")
    of_all = p.given("sum", Fact(total(C[i, k], i, q.K) - S[k], "= 0"), "S that of all classes.")
    found = []
    for factor in (C[i, k], S[k]):
        fact = p.follows(Fact(sympy.expand(factor * of_class.expression), "= 0"), "Times this,", [(factor, of_class)])
        fact = p.summed(fact, (k,), q.d, "in sum over coordinates")
        fact = p.summed(fact, (i,), q.K, "and over classes,")
        inner = p.exchanged(factor * Z[i, s, k], [(i, q.K), (s, q.n), (k, q.d)], (0, 2, 1), "in any order.")
        found.append((fact, inner))
    last = p.follows(Fact(sympy.expand(S[k] * of_all.expression), "= 0"), "Times S,", [(S[k], of_all)])
    last = p.summed(last, (k,), q.d, "<S, sum of C_i> is |S|^2,")
    order = p.exchanged(S[k] * C[i, k], [(i, q.K), (k, q.d)], (1, 0), "in any order.")
    own, every = penalties.of(Z[i, s, k] * C[i, k], q.samples), penalties.of(Z[i, s, k] * S[k], q.samples)
    squares = penalties.of(C[i, k] ** 2, (q.samples[0], q.samples[2])), total(S[k] ** 2, k, q.d)
    inside = p.follows(
        Fact(own - squares[0], "= 0"),
        "The products <z_is, C_i> add up to sum |C_i|^2,",
        [(1, part) for part in found[0]],
    )
    outside = p.follows(
        Fact(every - squares[1], "= 0"), "and <z_is, S> to |S|^2.", [(1, part) for part in (*found[1], last, order)]
    )
    return inside, outside


@proposition(
    "The losses of all anchors, n >= 2, add up to at least N log(n - 1 + (N - n) exp(-E K / (K - 1))), N = K n, for "
    "features of mean squared norm at most E in any dimension.",
    mutants={
        "n for n - 1": {"inside": lambda n: n},
        "E for E K / (K - 1)": {"gap": lambda K: 1},
        "half of the gap": {"gap": lambda K: K / (2 * (K - 1))},
        "no bound of the norms": {"drop": ["norms"]},
        "probabilities of something else": {"drop": ["probabilities"]},
        "other products with the class": {"drop": ["products with the class"]},
        "other products with the others": {"drop": ["products with the others"]},
        "a normalizer of something else": {"drop": ["softmax of the class"]},
        "another one for the others": {"drop": ["softmax of the others"]},
        "sums of something else": {"drop": ["class sums"]},
        "not the sum of all": {"drop": ["sum"]},
    },
)
def contrastive_optimum(p: Proof, inside=lambda n: n - 1, gap=lambda K: K / (K - 1)):
    q = sizes(p)
    Z, i, s, k, t = q.Z, q.i, q.s, q.k, q.E * gap(q.K)
    f = anchor(p, q, t, inside(q.n))
    own, every = (total(Z[i, s, k] * other, k, q.d) for other in (q.C[i, k], q.S[k]))
    norm = total(Z[i, s, k] ** 2, k, q.d)
    near = p.given(
        "products with the class",
        Fact(f.products[0] - own + norm, "= 0"),
        "The products of z_is with the others of its class add up to <z_is, C_i> - |z_is|^2,",
    )
    away = p.given(
        "products with the others",
        Fact(f.products[1] - every + own, "= 0"),
        "those with other classes to <z_is, S - C_i>.",
    )
    slope, ratio = f.power / f.whole, q.far / (q.n - 1)
    linear = q.far * t + every - own - ratio * (own - norm)
    bound = p.follows(
        Fact(f.loss - sympy.log(f.whole) - slope * linear, ">= 0"),
        "So the loss is at least this.",
        [(1, f.bound), (slope, away), (-slope * ratio, near)],
    )
    bound = penalties.summed(p, bound, q.samples[1:], "In sum over all anchors")
    inner, outer = sums(p, q)
    norms = penalties.of(Z[i, s, k] ** 2, q.samples)
    limit = p.given("norms", Fact(q.N * q.E - norms, ">= 0"), "The squared norms add up to at most N E;")
    distance = sympy.expand((Z[i, s, k] - q.C[i, k] / q.n) ** 2)
    apart = p.follows(
        Fact(distance, ">= 0"), "the distances from the class means", [], [(1, Z[i, s, k] - q.C[i, k] / q.n)]
    )
    apart = penalties.summed(p, apart, q.samples, "are not negative,")
    middle = p.follows(Fact(q.S[k] ** 2, ">= 0"), "nor is |S|^2", [], [(1, q.S[k])])
    middle = p.summed(middle, (k,), q.d, "in sum.")
    losses = penalties.of(f.loss, q.samples[1:])
    scale = q.n * (q.N - 1) / (q.n - 1)
    p.concludes(
        "The losses add up to at least N log v.",
        p.follows(
            Fact(losses - q.N * sympy.log(f.whole), ">= 0"),
            "The products add up to |S|^2 - N sum |z_is|^2 + n (N - 1) / (n - 1) times squares, at least -N^2 E.",
            [
                (1, bound),
                (slope, middle),
                (slope * scale, apart),
                (slope * q.N, limit),
                (slope, outer),
                (slope * (2 * scale / q.n - 1 - ratio), inner),
            ],
        ),
    )


@proposition(
    "Collapsed features whose class means are a simplex of squared norm E, d >= K - 1, have exactly that loss.",
    mutants={
        "an orthogonal frame": {"frame": lambda K: sympy.S.Zero},
        "n for n - 1": {"inside": lambda n: n},
        "E for E K / (K - 1)": {"gap": lambda K: 1},
        "a full rank": {"rank": lambda K: K},
    },
)
def contrastive_optimum_attained(
    p: Proof,
    frame=lambda K: -1 / K,
    inside=lambda n: n - 1,
    gap=lambda K: K / (K - 1),
    rank=lambda K: K - 1,
):
    K, n = p.symbol("K", least=2, integer=True), p.symbol("n", least=2, integer=True)
    root, u, a = p.symbol("r", above=0), p.index("u", n - 1), p.index("a", n * (K - 1))
    E = root**2
    P = CompoundSymmetric(sympy.S.One, frame(K), K)
    gram = E * K / (K - 1) * (P @ P)
    p.rank(P, rank(K), "The class means, a multiple of P, are in any dimension from K - 1 on.")
    on, off = gram.entries
    norm = p.identity(on, E, "Their squared norms are E,")
    away = p.identity(off - on, -E * gap(K), "the products with other classes less by E K / (K - 1):")
    others = total(sympy.exp(on - on), u, n - 1) + total(sympy.exp(off - on), a, n * (K - 1))
    value = sympy.log(inside(n) + n * (K - 1) * sympy.exp(-E * K / (K - 1)))
    loss = p.identity(
        sympy.log(sympy.simplify(others)), value, "an anchor has log(n - 1 + (N - n) e^(-E K / (K - 1)))."
    )
    p.concludes("There are N of them.", norm, away, loss)
