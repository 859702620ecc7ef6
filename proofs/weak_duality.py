"""Multipliers bound the norms that separate classes from below, in any dimension; critical ones certify an optimum.

Weights w_c, features h_i of class y_i, margins m_ic = <w_y - w_c, h_i> >= m where c != y_i. For multipliers
beta_ic >= 0 let B have the columns sum_c beta_ic (e_y - e_c). Then m sum beta <= <W, B H> <= |W| |B|_2 |H|.
"""

import sympy

from nctheory.symbolic import Fact, Proof, proposition, total

HALF = sympy.Rational(1, 2)


def duality(p: Proof, m, share=lambda K: 1):
    """The bound of any weights and features whose margins are at least m; then both norms, and all it is about."""
    K, N, d = (p.symbol(name, least=least, integer=True) for name, least in (("K", 2), ("N", 1), ("d", 1)))
    i, k, c = p.index("i", N), p.index("k", d), sympy.Symbol("c", integer=True)
    beta, Y, L = p.family("beta"), p.family("Y"), p.family("L")  # Y_ic is 1 for c = y_i, else 0; L_ic = <w_c, h_i>
    W, H, B = (p.symbol(name, above=0) for name in ("|W|", "|H|", "|B|"))
    lengths, images = p.family("a"), p.family("b")  # |H e_k|^2 and |B H e_k|^2
    each, own = total(beta[i, c], c, K), total(Y[i, c] * L[i, c], c, K)
    whole = total(each, i, N)
    pairing = total(total((Y[i, c] * each - share(K) * beta[i, c]) * L[i, c], c, K), i, N)  # <W, B H>

    margin = p.given(
        "margins",
        Fact(beta[i, c] * (own - L[i, c] - m), ">= 0"),
        "Multipliers are not negative, those of the own class are 0, and margins over other classes are at least m.",
    )
    sample = p.summed(margin, (c,), K, "In sum over the classes,")
    margins = p.summed(sample, (i,), N, "and over the samples.")
    pairs = p.follows(
        Fact(pairing - m * whole, ">= 0"),
        "Column i of B is sum_c beta_ic (e_y - e_c), so <W, B H> is the sum of all beta_ic m_ic, at least m sum beta.",
        [(1, margins)],
    )

    stretch = p.given(
        "spectral norm",
        Fact(B**2 * lengths[k] - images[k], ">= 0"),
        "|B|_2 is the largest factor by which B stretches a vector, such as column k of H.",
    )
    stretched = p.summed(stretch, (k,), d, "In sum over the columns: |B H| <= |B|_2 |H|.")
    squares = p.given("norm of H", Fact(H**2 - total(lengths[k], k, d), "= 0"), "|H|^2 is that of all columns.")
    inner = {frozenset("W"): W**2, frozenset(("W", "BH")): pairing, frozenset(("BH",)): total(images[k], k, d)}
    cauchy = p.norm(
        {"W": B * H, "BH": -W}, lambda u, v: inner[frozenset((u, v))], "Cauchy-Schwarz for the matrices W and B H:"
    )
    bounded = p.follows(
        Fact(B * W * H - pairing, ">= 0"),
        "their inner product is at most |W| |B H|, so at most |W| |B|_2 |H|.",
        [(1, cauchy), (W**2, stretched), (B**2 * W**2, squares)],
        times=2 * B * W * H,
    )
    bound = p.follows(
        Fact(B * W * H - m * whole, ">= 0"), "So m sum beta is at most |W| |B|_2 |H|.", [(1, bounded), (1, pairs)]
    )
    return bound, W, H, B, whole


@proposition(
    "Margins of at least m and multipliers beta >= 0 imply m sum beta <= |W| |B|_2 |H|; neither W, H nor B is 0.",
    mutants={
        "half of it": {"factor": HALF},
        "columns with half of the other classes": {"share": lambda K: HALF},
        "no bound on the margins": {"drop": ["margins"]},
        "a B of larger norm": {"drop": ["spectral norm"]},
        "some other |H|": {"drop": ["norm of H"]},
    },
)
def weak_duality(p: Proof, factor=1, share=lambda K: 1):
    m = p.symbol("m")
    bound, W, H, B, whole = duality(p, m, share)
    p.concludes(
        "m times the sum of the multipliers is at most |W| |B|_2 |H|.",
        p.follows(Fact(factor * B * W * H - m * whole, ">= 0"), "This is the bound.", [(1, bound)]),
    )


@proposition(
    "Where W0 = B H0, H0 = B^T W0, beta_ic (m_ic - 1) = 0 and |B|_2 <= 1, no W, H of margins >= 1 have smaller norms.",
    mutants={
        "norms of B up to 2": {"largest": 2},
        "W is not B H": {"drop": ["weights"]},
        "H is not B^T W": {"drop": ["features"]},
        "multipliers of larger margins": {"drop": ["slackness"]},
        "B of any norm": {"drop": ["feasible"]},
        "no bound on the margins": {"drop": ["margins"]},
        "a B of larger norm": {"drop": ["spectral norm"]},
        "some other |H|": {"drop": ["norm of H"]},
    },
)
def critical_optimum(p: Proof, largest=1):
    bound, W, H, B, whole = duality(p, 1)
    W0, H0, s = p.symbol("|W0|^2"), p.symbol("|H0|^2"), p.symbol("<W0, B H0>")
    weights = p.given("weights", Fact(W0 - s, "= 0"), "W0 = B H0, so |W0|^2 = <W0, B H0>,")
    features = p.given("features", Fact(H0 - s, "= 0"), "H0 = B^T W0, so |H0|^2 = <B^T W0, H0>, which is the same,")
    slack = p.given(
        "slackness", Fact(s - whole, "= 0"), "and sum beta_ic m_ic = sum beta_ic, as m_ic = 1 or beta_ic = 0."
    )
    feasible = p.given("feasible", Fact(largest - B, ">= 0"), "The spectral norm is at most 1.")
    p.concludes(
        "(|W|^2 + |H|^2) / 2 is at least (|W0|^2 + |H0|^2) / 2.",
        p.follows(
            Fact((W**2 + H**2) / 2 - (W0 + H0) / 2, ">= 0"),
            "(|W|^2 + |H|^2) / 2 >= |W| |H| >= |W| |B|_2 |H| >= sum beta, which is both |W0|^2 and |H0|^2.",
            [(1, bound), (W * H, feasible), (-1, slack), (-HALF, weights), (-HALF, features)],
            squares=[(HALF, W - H)],
        ),
    )
