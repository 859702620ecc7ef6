"""The exponent of every linear decoder is at most K / (4 (K - 1)) times the mean squared norm.

The exponent b is the largest number with m_ij^2 >= 2 b |w_i - w_j|^2 for all pairs, margins m_ij positive (where one
is not, b = 0). The two margins of a pair add up to <w_i - w_j, mu_i - mu_j>, which Cauchy and Schwarz bound, so that
squared distances are at least 8 b; and all of them add up to at most 2 K^2 times the mean squared norm.
"""

import sympy

from nctheory.symbolic import Fact, Proof, proposition, total


@proposition(
    "K >= 2 class means of mean squared norm 1 have, with any linear decoder, an exponent of at most K / (4 (K - 1)).",
    mutants={
        "a quarter": {"bound": lambda K: sympy.Rational(1, 4)},
        "no bound on the norms": {"drop": ["norms"]},
        "the center is ignored": {"center": 0},
        "only one margin of a pair": {"drop": ["margin of j"]},
        "only the other margin": {"drop": ["margin of i"]},
    },
)
def optimal_exponent(p: Proof, bound=lambda K: K / (4 * (K - 1)), center=2):
    K, i, j = p.symbol("K", least=2, integer=True), *sympy.symbols("i j", integer=True)
    b = p.symbol("b", above=0)
    G = p.family("G")  # inner products of the class means
    distance = G[i, i] + G[j, j] - 2 * G[i, j]
    m, n = (p.symbol(name, above=0, of_pair=True) for name in ("m_ij", "m_ji"))
    a = p.symbol(
        "a", above=0, of_pair=True
    )  # |w_i - w_j|^2; where that is 0, m_ij + m_ji = 0, and a margin is not positive

    mine = p.given("margin of i", Fact(m**2 - 2 * b * a, ">= 0"), "Class i is told from j with exponent at least b.")
    other = p.given("margin of j", Fact(n**2 - 2 * b * a, ">= 0"), "And class j from i.")
    product = p.follows(
        Fact(m * n - 2 * b * a, ">= 0"),
        "So the product of both margins is as large, since it is where it is multiplied by m_ij m_ji + 2ba > 0.",
        [(m**2, other), (2 * b * a, mine)],
        times=m * n + 2 * b * a,
    )
    margins = p.follows(
        Fact((m + n) ** 2 - 8 * b * a, ">= 0"),
        "And the square of their sum is at least four times that.",
        [(1, mine), (1, other), (2, product)],
    )

    # u = w_i - w_j and v = mu_i - mu_j, <u, v> = m_ij + m_ji, |u|^2 = a
    inner = {("u", "u"): a, ("u", "v"): m + n, ("v", "u"): m + n, ("v", "v"): distance}
    cauchy = p.norm(
        {"u": -(m + n), "v": a}, lambda x, y: inner[x, y], "Cauchy-Schwarz for u = w_i - w_j and v = mu_i - mu_j."
    )
    far = p.follows(
        Fact(distance - 8 * b, ">= 0"),
        "The biases cancel in m_ij + m_ji = <u, v>, so the squared distance of any two class means is at least 8b.",
        [(1, cauchy), (a, margins)],
        times=a**2,
    )
    whole = p.summed(far, (i, j), K, "Added up over all ordered pairs.")
    squares, norm_of_sum = total(G[i, i], i, K), total(total(G[i, j], j, K), i, K)
    middle = p.norm({"sum": 1}, lambda *_: norm_of_sum, "The squared norm of the sum of the class means.")
    norms = p.given("norms", Fact(K - squares, ">= 0"), "The mean squared norm is at most 1.")
    p.concludes(
        "The exponent is at most K / (4 (K - 1)).",
        p.follows(
            Fact(bound(K) - b, ">= 0"),
            "8 b K (K - 1) is at most the sum of all squared distances, and that at most 2 K^2.",
            [(1, whole), (center, middle), (2 * K, norms)],
            times=8 * K * (K - 1),
        ),
    )
