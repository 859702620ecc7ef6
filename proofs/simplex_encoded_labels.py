"""For any class sizes the least norms of margins 1 have the logits P = I - J / K alone: the simplex-encoded labels.

Weights w_c, class c has n_c samples with the mean feature h_c, |H|^2 = sum n_c |h_c|^2, margins <w_j - w_c, h_j> >= m.
M is the root of the pseudoinverse of P D P, D = diag(n): M D M = P and M 1 = 0. Let v = sum n_j M_jj = tr (P D P)^(1/2)
and let V have the rows v_c = sum_j M_jc n_j h_j. Then |W|^2 + |H|^2 >= 2 v m + |W - V|^2.
"""

from types import SimpleNamespace

import sympy

from nctheory.symbolic import Fact, Proof, proposition, total

ROOT = "M D M = P"


def separation(p: Proof, m, scale=1):
    """The margins in sum, and |V| <= |H|, with the names that they are about."""
    K, j, c, e = p.symbol("K", least=2, integer=True), *sympy.symbols("j c e", integer=True)
    n, M, L, R, Q, h = p.family("n", above=0), *map(p.family, "MLRQh")
    # L_jc = <w_c, h_j>, R_jc = <v_c, h_j>, Q_ce = <v_c, v_e>, h_j is |h_j|^2

    margin = p.given("margins", Fact(L[j, j] - L[j, c] - m, ">= 0"), "All margins are at least m.")
    signs = p.lemma("positive multipliers", Fact(-M[j, c], "> 0"), "M_jc < 0 for j != c.", "the theorem dual_signs")
    kernel = p.given("kernel", Fact(total(M[j, c], c, K), "= 0"), "M 1 = 0.")
    sized = p.product(p.sign(Fact(n[j], "> 0"), "Classes have samples,"), signs, "so -n_j M_jc is positive too.")
    term = p.product(sized, margin, "Times what the margin exceeds m by it is not negative;")
    terms = p.summed(term, (j, c), K, "in sum over all pairs,")
    row = p.follows(
        Fact(sympy.expand(n[j] * (L[j, j] - m) * kernel.expression), "= 0"),
        "where the M_jc add up to -M_jj over c != j,",
        [(n[j] * (L[j, j] - m), kernel)],
    )
    rows = p.summed(row, (j,), K, "for all j,")
    v, pairing = total(n[j] * M[j, j], j, K), total(total(n[j] * M[j, c] * L[j, c], c, K), j, K)
    pairs = p.follows(Fact(pairing - m * v, ">= 0"), "this is <W, V> - m v.", [(1, terms), (1, rows)])

    inner = {"h": h[j], "h MV": total(M[j, c] * R[j, c], c, K)}
    inner["MV"] = total(total(M[j, c] * M[j, e] * Q[c, e], e, K), c, K)
    residual = p.norm(
        {"h": 1, "MV": -1},
        lambda x, y: inner[" ".join(sorted({x, y}, reverse=True))],
        "h is h_j, MV is sum_c M_jc v_c:",
    )
    weighted = p.follows(
        Fact(sympy.expand(n[j] * residual.expression), ">= 0"), "The square of h_j - sum_c M_jc v_c", [(n[j], residual)]
    )
    squares = p.summed(weighted, (j,), K, "times n_j, in sum, has the following terms, all but the first in V:")
    image = p.given("V", Fact(Q[c, c] - total(M[j, c] * n[j] * R[j, c], j, K), "= 0"), "v_c is sum_j M_jc n_j h_j,")
    length = p.summed(image, (c,), K, "so |V|^2 is the sum of n_j M_jc R_jc,")
    double = p.exchanged(n[j] * M[j, c] * R[j, c], [(j, K), (c, K)], (1, 0), "in either order;")
    triple = p.exchanged(
        n[j] * M[j, c] * M[j, e] * Q[c, e], [(j, K), (c, K), (e, K)], (1, 2, 0), "and the last term is that of Q_ce"
    )
    product = total(n[j] * M[j, c] * M[j, e], j, K)
    apart = p.given(ROOT, Fact(product + scale / K, "= 0"), "times (M D M)_ce = P_ce, -1 / K where c != e")
    own = p.given(ROOT, Fact(product.subs(e, c) - scale * (1 - 1 / K), "= 0"), "and 1 - 1 / K where c = e.")
    apart = p.follows(Fact(sympy.expand(Q[c, e] * apart.expression), "= 0"), "So for c != e", [(Q[c, e], apart)])
    own = p.follows(Fact(sympy.expand(Q[c, c] * own.expression), "= 0"), "and c = e", [(Q[c, c], own)])
    apart, own = p.summed(apart, (c, e), K, "it is, in sum,"), p.summed(own, (c,), K, "|V|^2 - |sum v_c|^2 / K;")
    center = p.norm({"sum of V": 1}, lambda x, y: total(total(Q[c, e], e, K), c, K), "and as that square is")
    features, image = total(n[j] * h[j], j, K), total(Q[c, c], c, K)  # |H|^2 and |V|^2
    shorter = p.follows(
        Fact(features - image, ">= 0"),
        "not negative, 0 <= |H|^2 - 2 |V|^2 + |V|^2.",
        [(1, squares), (-2, length), (2, double), (-1, triple), (-1, apart), (-1, own), (sympy.S(scale) / K, center)],
    )
    names = {"K": K, "j": j, "c": c, "n": n, "M": M, "L": L, "R": R, "W": p.symbol("|W|^2"), "margin": margin}
    names |= {"sized": sized, "term": term, "terms": terms, "rows": rows, "pairs": pairs, "shorter": shorter}
    return SimpleNamespace(**names, kernel=kernel, v=v, pairing=pairing, features=features, image=image)


@proposition(
    "All margins at least m: |W|^2 + |H|^2 >= 2 v m + |W - V|^2, for any class sizes and in any dimension.",
    mutants={
        "three times v": {"factor": 3},
        "M D M = 2 P": {"scale": 2},
        "no bound on the margins": {"drop": ["margins"]},
        "M does not vanish on 1": {"drop": ["kernel"]},
        "M of any norm": {"drop": [ROOT]},
        "V is another matrix": {"drop": ["V"]},
    },
)
def simplex_encoded_labels(p: Proof, factor=2, scale=1):
    m = p.symbol("m")
    s = separation(p, m, scale)
    distance = s.W - 2 * s.pairing + s.image  # |W - V|^2
    p.concludes(
        "|W|^2 + |H|^2 is at least 2 v m + |W - V|^2.",
        p.follows(
            Fact(s.W + s.features - factor * m * s.v - distance, ">= 0"),
            "|H|^2 - |V|^2 and 2 <W, V> - 2 v m are not negative.",
            [(1, s.shorter), (2, s.pairs)],
        ),
    )


@proposition(
    "Margins of at least 1 and |W|^2 + |H|^2 = 2 v imply that the logits are P: all margins are 1.",
    mutants={
        "a larger value": {"value": 3},
        "orthogonal logits": {"logit": lambda K: 0},
        "no equality": {"drop": ["equality"]},
        "margins below 1": {"drop": ["margins"]},
        "M does not vanish on 1": {"drop": ["kernel"]},
        "M of any norm": {"drop": [ROOT]},
        "V of another norm": {"drop": ["V"]},
        "V is another matrix": {"drop": ["images"]},
    },
)
def simplex_encoded_labels_equality(p: Proof, value=2, logit=lambda K: -1 / K):
    s = separation(p, 1)
    K, j, c, n, M, L, R, X = s.K, s.j, s.c, s.n, s.M, s.L, s.R, p.family("X")  # X_jf = <h_j, h_f>
    f = p.index("f", K)  # any class, also c or j
    equal = p.given("equality", Fact(s.W + s.features - value * s.v, "= 0"), "|W|^2 + |H|^2 is as small as it can be.")
    inner = {"W": s.W, "V W": s.pairing, "V": s.image, "W h_f": total(L[f, c], c, K), "V h_f": total(R[f, c], c, K)}

    def gram(x, y):
        return inner[" ".join(sorted({x, y}))]

    square = p.norm({"W": 1, "V": -1}, gram, "|W - V|^2 is not negative,")
    none = p.squeezed(
        s.terms,
        p.follows(
            Fact(-s.terms.expression, ">= 0"),
            "nor is |H|^2 - |V|^2; where |W|^2 + |H|^2 = 2 v, the margins exceed 1 by nothing",
            [(sympy.S.Half, square), (sympy.S.Half, s.shorter), (-sympy.S.Half, equal), (1, s.rows)],
        ),
        "in sum,",
    )
    exact = p.divided(
        Fact(s.margin.expression, "= 0"), p.each(s.term, none, (j, c), K, "nor any of them,"), s.sized, "and are 1."
    )
    parallel = p.squeezed(
        square,
        p.follows(Fact(-square.expression, ">= 0"), "And W - V", [(2, s.pairs), (1, s.shorter), (-1, equal)]),
        "is 0,",
    )
    sums = p.null({"W": 1, "V": -1}, "h_f", gram, parallel, "so 1^T W h_f = 1^T V h_f: the logits of class f add up")
    images = p.given(
        "images",
        Fact(R[f, c] - total(M[j, c] * n[j] * X[j, f], j, K), "= 0"),
        "to sum_c <v_c, h_f>, where v_c = sum_j M_jc n_j h_j,",
    )
    row = p.follows(
        Fact(sympy.expand(n[j] * X[j, f] * s.kernel.expression), "= 0"), "and M 1 = 0,", [(n[j] * X[j, f], s.kernel)]
    )
    level = p.follows(
        Fact(total(L[f, c], c, K), "= 0"),
        "so that V adds up to 0, and so do the logits of each class.",
        [
            (1, sums),
            (1, p.summed(images, (c,), K, "(in sum over the rows of V)")),
            (1, p.summed(row, (j,), K, "(in sum over the classes)")),
            (-1, p.exchanged(n[j] * X[j, f] * M[j, c], [(j, K), (c, K)], (1, 0), "(in either order)")),
        ],
    )
    others = p.summed(exact, (c,), K, "All other logits of class j are less by 1,", other_than=[j])
    diagonal = p.follows(
        Fact(L[j, j] - 1 - logit(K), "= 0"),
        "so K times its own is K - 1.",
        [(1 / K, others), (1 / K, p.renamed(level, {f: j}, "They add up to 0,"))],
    )
    off = p.follows(Fact(L[j, c] - logit(K), "= 0"), "and the others are -1 / K.", [(1, diagonal), (-1, exact)])
    p.concludes("The logits of class j are column j of P, and all margins are 1.", diagonal, off, exact)


@proposition(
    "Means with the Gram matrix M and W = (P D M)^T H attain it, d >= K - 1: the logits are P, and |W|^2 = |H|^2 = v.",
    mutants={
        "weights (D M)^T H": {"center": 0},
        "M D M = 2 P": {"scale": 2},
        "M of any norm": {"drop": [ROOT]},
        "M is not symmetric": {"drop": ["symmetry"]},
        "M does not vanish on 1": {"drop": ["kernel"]},
    },
)
def simplex_encoded_labels_attained(p: Proof, center=1, scale=1):
    K, j, c, e = p.symbol("K", least=2, integer=True), *sympy.symbols("j c e", integer=True)
    n, M = p.family("n", above=0), p.family("M")
    product = total(n[j] * M[j, c] * M[j, e], j, K)
    apart = p.given(ROOT, Fact(product + scale / K, "= 0"), "M D M = P, -1 / K off the diagonal")
    own = p.given(ROOT, Fact(product.subs(e, c) - scale * (1 - 1 / K), "= 0"), "and 1 - 1 / K on it,")
    rows = p.given("kernel", Fact(total(M[j, c], c, K), "= 0"), "M 1 = 0,")
    symmetric = p.given("symmetry", Fact(M[j, c] - M[c, j], "= 0"), "and M is symmetric,")
    columns = p.follows(
        Fact(total(M[j, c], j, K), "= 0"),
        "so that 1^T M = 0 too.",
        [
            (1, p.renamed(rows, {j: c}, "(row c of M)")),
            (1, p.summed(symmetric, (j,), K, "(column c less row c)", other_than=[c])),
        ],
    )

    def entry(k, m):  # of P D M
        return n[k] * M[k, m] - center * total(n[j] * M[j, m], j, K) / K

    v, weighted = total(n[j] * M[j, j], j, K), total(n[j] * M[j, e], j, K)
    off = p.follows(
        Fact(total(M[j, c] * entry(j, e), j, K) + 1 / K, "= 0"),
        "The logits W H^T = (P D M)^T M have the entries of M D M, as 1^T M = 0: those of P, -1 / K off the diagonal",
        [(1, apart), (-weighted / K, columns)],
    )
    on = p.follows(
        Fact(total(M[j, c] * entry(j, c), j, K) - 1 + 1 / K, "= 0"),
        "and 1 - 1 / K on it.",
        [(1, own), (-weighted.subs(e, c) / K, columns)],
    )
    balanced = p.identity(total(entry(j, e), j, K), 0, "The columns of P D M add up to 0.")
    sizes = p.follows(Fact(sympy.expand(n[j] * rows.expression), "= 0"), "(n_j times row j of M)", [(n[j], rows)])
    length = p.follows(
        Fact(total(entry(c, c), c, K) - v, "= 0"),
        "So |W|^2 = tr W H^T P D M = tr P D M = tr D M = |H|^2 = v, as 1^T D M 1 = 0.",
        [
            (-1 / K, p.summed(sizes, (j,), K, "(in sum over the rows)")),
            (1 / K, p.exchanged(n[j] * M[j, c], [(j, K), (c, K)], (1, 0), "(and over the columns)")),
        ],
    )
    p.concludes("All margins are 1 - 1 / K + 1 / K = 1, and |W|^2 + |H|^2 is 2 v.", off, on, balanced, length)
