"""Only the simplex is optimal, with its own means as weights, and what is nearly optimal is near it.

The gap of the optimal exponent to D / 8, D the smallest squared distance, is a sum of terms that are not negative
(`stability_identity`), so it bounds each of them: the lengths, then the inner products. For the decoder, equality in
Cauchy-Schwarz makes w_i - w_j a multiple t_ij of mu_i - mu_j, and any three classes have the same multiple.
"""

import sympy

from nctheory.symbolic import Fact, Proof, pair_total, proposition, total

HALF = sympy.Rational(1, 2)


@proposition(
    "For K >= 2 means of norm at most 1, gap = K / (4 (K - 1)) - D / 8, norms are within 4 (K - 1) gap of those of the "
    "simplex, and inner products are at most 4 gap above and 2 (K - 2) (K + 1) gap below.",
    mutants={
        "half the constant of the norms": {"length": lambda K: 2 * (K - 1)},
        "half of it above": {"above": 2},
        "half of it below": {"below": lambda K: (K - 2) * (K + 1)},
        "means of any norm": {"drop": ["norms"]},
        "a pair nearer than D": {"drop": ["smallest"]},
        "a product that is not symmetric": {"drop": ["symmetry"]},
    },
)
def unique_optimum(p: Proof, length=lambda K: 4 * (K - 1), above=4, below=lambda K: 2 * (K - 2) * (K + 1)):
    K, i, j = p.symbol("K", least=2, integer=True), *sympy.symbols("i j", integer=True)
    G, D = p.family("G"), p.symbol("D")
    gap = K / (4 * (K - 1)) - D / 8
    short, excess = 1 - G[i, i], G[i, i] + G[j, j] - 2 * G[i, j] - D
    center = total(total(G[i, j], j, K), i, K)

    norms = p.given("norms", Fact(short, ">= 0"), "Means have norm at most 1,")
    smallest = p.given("smallest", Fact(excess, ">= 0"), "and D is the smallest squared distance.")
    symmetric = p.given("symmetry", Fact(G[j, i] - G[i, j], "= 0"), "Inner products are symmetric.")
    identity = p.identity(
        4 * K * (K - 1) * gap,
        K * total(short, i, K) + center + HALF * pair_total(excess, i, j, K),
        "The gap times 4K(K - 1) is K sum (1 - |mu_i|^2) + |sum mu_i|^2 + sum_(i < j) (|mu_i - mu_j|^2 - D).",
    )
    middle = p.norm({"sum": 1}, lambda *_: center, "The squared norm of the sum of the means.")
    far = p.summed(smallest, (i, j), K, "No distance is below D.")

    one = p.part(norms, (i,), [(i,)], K, "What mu_i lacks in norm is at most what all lack, and that at most gap.")
    lengths = p.follows(
        Fact(length(K) * gap - short, ">= 0"),
        "So 1 - |mu_i|^2 is at most 4 (K - 1) gap.",
        [(1, one), (1 / K, identity), (1 / K, middle), (HALF / K, far)],
    )
    upper = p.follows(
        Fact(above * gap - G[i, j] - 1 / (K - 1), ">= 0"),
        "<mu_i, mu_j> + 1 / (K - 1) = 4 gap - (1 - |mu_i|^2 + 1 - |mu_j|^2 + |mu_i - mu_j|^2 - D) / 2, at most 4 gap;",
        [(HALF, norms), (HALF, p.renamed(norms, {i: j}, "Also mu_j has norm at most 1.")), (HALF, smallest)],
    )
    two = p.part(norms, (i,), [(i,), (j,)], K, "What mu_i and mu_j lack in norm is at most what all lack,")
    pair = p.part(
        smallest, (i, j), [(i, j), (j, i)], K, "their excess of distance, in both orders, at most that of all,"
    )
    rest = p.follows(
        Fact(4 * K * (K - 1) * gap - short - short.subs(i, j) - excess, ">= 0"),
        "so the bracket is at most 4K(K - 1) gap, in which lacks of norm even count K times,",
        [
            *((K, two), (1, identity), (1, middle), (HALF, pair), (-1, symmetric)),
            *((K - 1, norms), (K - 1, p.renamed(norms, {i: j}, "As before."))),
        ],
    )
    lower = p.follows(
        Fact(G[i, j] + 1 / (K - 1) + below(K) * gap, ">= 0"),
        "and the inner product at least 4 gap - 2K(K - 1) gap = -2 (K - 2) (K + 1) gap above -1 / (K - 1).",
        [(HALF, rest)],
    )
    p.concludes("Every norm is near 1, at most", norms)
    p.concludes("and at least; where the gap is 0, it is 1.", lengths)
    p.concludes("Inner products are near -1 / (K - 1); where the gap is 0, they are that.", upper, lower)


@proposition(
    "A decoder of the exponent K / (4 (K - 1)) for the simplex has w_i = t mu_i + v with t > 0, and equal biases.",
    mutants={
        "a smaller exponent": {"exponent": lambda K: sympy.Rational(1, 4)},
        "orthogonal means": {"cosine": lambda K: 0},
        "only the margin of i": {"drop": ["margin of j"]},
        "only the margin of j": {"drop": ["margin of i"]},
        "margins that are not those of the decoder": {"drop": ["margins"]},
    },
)
def unique_optimum_decoder(p: Proof, exponent=lambda K: K / (4 * (K - 1)), cosine=lambda K: -1 / (K - 1)):
    K, i, j, k = p.symbol("K", least=2, integer=True), *sympy.symbols("i j k", integer=True)
    m, a = p.family("m", above=0), p.family("a", above=0)  # margins, and |w_i - w_j|^2: none is 0, as b > 0
    W, bias, b = p.family("W"), p.family("b"), exponent(K)  # W_ik = <w_i, mu_k>
    D, s = 2 - 2 * cosine(K), m[i, j] + m[j, i]

    margin = p.given(
        "margins",
        Fact(m[i, j] - (W[i, i] - W[j, i] + bias[i] - bias[j]), "= 0"),
        "The margin of i over j is <w_i - w_j, mu_i> + b_i - b_j.",
    )
    mine = p.given("margin of i", Fact(m[i, j] ** 2 - 2 * b * a[i, j], ">= 0"), "i is told from j with exponent b,")
    other = p.given("margin of j", Fact(m[j, i] ** 2 - 2 * b * a[i, j], ">= 0"), "and j from i.")
    product = p.follows(
        Fact(m[i, j] * m[j, i] - 2 * b * a[i, j], ">= 0"),
        "So the product of both margins is as large, since it is where it is multiplied by m_ij m_ji + 2ba > 0,",
        [(m[i, j] ** 2, other), (2 * b * a[i, j], mine)],
        times=m[i, j] * m[j, i] + 2 * b * a[i, j],
    )
    margins = p.follows(
        Fact(s**2 - 8 * b * a[i, j], ">= 0"),
        "and the square of their sum s at least four times that.",
        [(1, mine), (1, other), (2, product)],
    )

    # u = w_i - w_j and v = mu_i - mu_j, <u, v> = s, and D = |v|^2 = 8b
    inner = {("u", "u"): a[i, j], ("u", "v"): s, ("v", "u"): s, ("v", "v"): D}
    inner |= {("u", "mu_i"): W[i, i] - W[j, i], ("v", "mu_i"): 1 - cosine(K)}
    inner |= {("u", "mu_k"): W[i, k] - W[j, k], ("v", "mu_k"): 0}
    difference = {"u": D, "v": -s}
    square = p.norm(difference, lambda x, y: inner[x, y], "Cauchy-Schwarz for u = w_i - w_j and v = mu_i - mu_j;")
    reverse = p.follows(
        Fact(-square.expression, ">= 0"), "the square of s is also at least |u|^2 |v|^2 = 8ba,", [(D, margins)]
    )
    parallel = p.squeezed(square, reverse, "so there is equality: w_i - w_j = s / |v|^2 (mu_i - mu_j).")
    own = p.null(difference, "mu_i", lambda x, y: inner[x, y], parallel, "Their inner products with mu_i agree,")
    third = p.null(difference, "mu_k", lambda x, y: inner[x, y], parallel, "and those with any third mean mu_k.")
    same = p.follows(
        Fact(s - s.xreplace({j: k}), "= 0"),
        "So s is the same for i and j as for i and k, and hence for all pairs: t = s / |v|^2 > 0, v = w_i - t mu_i.",
        [
            (-1 / (1 - cosine(K)), own),
            (1 / (1 - cosine(K)), p.renamed(own, {j: k}, "The inner product with mu_i for the pair i and k.")),
            (-1 / (1 - cosine(K)), p.renamed(third, {i: j, j: k, k: i}, "That of the pair j and k with the third, i.")),
        ],
    )
    wide = p.follows(
        Fact(m[i, j] - m[j, i], ">= 0"),
        "Now 8ba = s^2, so m_ij is at least s / 2, as m_ij + s / 2 > 0: that is, at least m_ji.",
        [(4, mine), (1 / D, parallel)],
        times=2 * (m[i, j] + s / 2),
    )
    wider = p.renamed(wide, {i: j, j: i}, "Read from j, m_ji is at least m_ij.")
    equal = p.squeezed(wide, wider, "So they are equal, and s / 2 each.")
    level = p.follows(
        Fact(bias[i] - bias[j], "= 0"),
        "And m_ij = <w_i - w_j, mu_i> + b_i - b_j = s / 2 + b_i - b_j.",
        [(-1, margin), (HALF, equal), (-1 / D, own)],
    )
    p.concludes("The differences of the weights are multiples of those of the means,", parallel)
    p.concludes("by the same number for any two pairs with a common class, so for all;", same)
    p.concludes("and the biases are equal.", level)
