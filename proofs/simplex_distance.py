"""The smallest squared distance of K points of mean squared norm 1 is at most 2K / (K - 1); equality is the simplex.

All squared distances add up to 2K sum |mu_i|^2 - 2 |sum mu_i|^2 over the ordered pairs. Where the smallest is as large
as it can be, none is larger and the points are centered, so their distances from one point give its norm.
"""

import sympy

from nctheory.symbolic import Fact, Proof, proposition, total

HALF = sympy.Rational(1, 2)


@proposition(
    "K >= 2 points of mean squared norm at most 1 have two at squared distance at most 2K / (K - 1); where the "
    "smallest squared distance is that, the Gram matrix is K / (K - 1) (I - J / K).",
    mutants={
        "two": {"bound": lambda K: 2},
        "orthogonal points": {"cosine": lambda K: 0},
        "no bound on the norms": {"drop": ["norms"]},
        "a pair nearer than D": {"drop": ["smallest"]},
        "no equality": {"drop": ["equality"]},
    },
)
def simplex_distance(p: Proof, bound=lambda K: 2 * K / (K - 1), cosine=lambda K: -1 / (K - 1)):
    K, i, j = p.symbol("K", least=2, integer=True), *sympy.symbols("i j", integer=True)
    G, D = p.family("G"), p.symbol("D")
    squares, center = total(G[i, i], i, K), total(total(G[i, j], j, K), i, K)

    apart = p.given(
        "smallest", Fact(G[i, i] + G[j, j] - 2 * G[i, j] - D, ">= 0"), "D is the smallest squared distance."
    )
    norms = p.given("norms", Fact(K - squares, ">= 0"), "The mean squared norm is at most 1.")
    whole = p.summed(apart, (i, j), K, "Added up over all ordered pairs of points.")
    middle = p.norm({"sum": 1}, lambda *_: center, "The squared norm of the sum of the points.")
    p.concludes(
        "The smallest squared distance is at most 2K / (K - 1).",
        p.follows(
            Fact(bound(K) - D, ">= 0"),
            "K (K - 1) D is at most 2K sum |mu_i|^2 - 2 |sum mu_i|^2, which is at most 2K^2.",
            [(1, whole), (2 * K, norms), (2, middle)],
            times=K * (K - 1),
        ),
    )

    equal = p.given("equality", Fact(D - bound(K), "= 0"), "Now let it be the largest possible.")
    excess = p.follows(
        Fact(-whole.expression, ">= 0"),
        "By how much distances exceed D is in sum 2K (sum |mu_i|^2 - K) - 2 |sum mu_i|^2, so not positive.",
        [(2 * K, norms), (2, middle), (K * (K - 1), equal)],
    )
    none = p.squeezed(whole, excess, "They exceed D by nothing in sum.")
    distance = p.each(apart, none, (i, j), K, "So all of them are D.")
    reverse = p.follows(
        Fact(-center, ">= 0"),
        "What was left out in this is zero too: the sum of the points,",
        [(HALF, none), (K, norms), (K * (K - 1) / 2, equal)],
    )
    centered = p.squeezed(middle, reverse, "which is therefore 0,")
    full = p.follows(
        Fact(squares - K, "= 0"),
        "and by how much the mean squared norm is below 1.",
        [(1 / (2 * K), none), (1 / K, centered), ((K - 1) / 2, equal)],
    )
    vectors = {("sum", "sum"): center, ("sum", "mu_i"): total(G[i, j], j, K)}
    orthogonal = p.null({"sum": 1}, "mu_i", lambda *uv: vectors[uv], centered, "So mu_i is orthogonal to the sum.")
    others = p.summed(distance, (j,), K, "The squared distances of mu_i from all others.", other_than=[i])
    norm = p.follows(
        Fact(G[i, i] - 1, "= 0"),
        "They add up to K |mu_i|^2 + K, as the points are centered, and to (K - 1) D = 2K: so |mu_i| = 1.",
        [(1 / K, others), (2 / K, orthogonal), (-1 / K, full), ((K - 1) / K, equal)],
    )
    other = p.renamed(norm, {i: j}, "And |mu_j| = 1.")
    inner = p.follows(
        Fact(G[i, j] - cosine(K), "= 0"),
        "Two points of norm 1 at squared distance 2K / (K - 1) have the inner product -1 / (K - 1).",
        [(HALF, norm), (HALF, other), (-HALF, distance), (-HALF, equal)],
    )
    p.concludes("The Gram matrix is K / (K - 1) (I - J / K).", norm, inner)
