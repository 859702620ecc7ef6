"""The gap of nearest mean to the optimal exponent, term by term, and what it says of the Gram matrix.

Nearest mean has the exponent D / 8, D the smallest squared distance of the class means. What keeps it from
K / (4 (K - 1)) is that means are shorter than 1, are not centered, and are farther apart than D.
"""

import sympy

from nctheory.symbolic import Fact, Proof, pair_total, proposition, total

HALF = sympy.Rational(1, 2)


@proposition(
    "4K(K - 1) (K / (4 (K - 1)) - D / 8) = K sum (1 - |mu_i|^2) + |sum mu_i|^2 + sum_(i < j) (|mu_i - mu_j|^2 - D), "
    "and for means of norm at most 1 none of these terms is negative.",
    mutants={
        "half the constant": {"factor": 2},
        "ordered pairs": {"pairs": 1},
        "without the center": {"weight_of_center": 0},
        "means of any norm": {"drop": ["norms"]},
        "a pair nearer than D": {"drop": ["smallest"]},
        "a product that is not symmetric": {"drop": ["symmetry"]},
    },
)
def stability_identity(p: Proof, factor=4, pairs=HALF, weight_of_center=1):
    K, i, j = p.symbol("K", least=2, integer=True), *sympy.symbols("i j", integer=True)
    G, D = p.family("G"), p.symbol("D")
    distance = G[i, i] + G[j, j] - 2 * G[i, j]

    # nearest mean: w = mu, b = -|mu|^2 / 2
    margin = G[i, i] - G[j, i] - G[i, i] / 2 + G[j, j] / 2
    symmetric = p.given("symmetry", Fact(G[j, i] - G[i, j], "= 0"), "Inner products are symmetric.")
    half = p.follows(
        Fact(margin - distance / 2, "= 0"),
        "The margins of nearest mean are half of the squared distances, so its pair exponents m^2 / (2 |w_i - w_j|^2) "
        "are an eighth of them.",
        [(-1, symmetric)],
    )

    center = total(total(G[i, j], j, K), i, K)
    short, apart = total(1 - G[i, i], i, K), pairs * pair_total(distance - D, i, j, K)
    terms = p.identity(
        factor * K * (K - 1) * (K / (4 * (K - 1)) - D / 8),
        K * short + weight_of_center * center + apart,
        "The squared distances of all pairs add up to K sum |mu_i|^2 - |sum mu_i|^2.",
    )
    norm = p.given("norms", Fact(1 - G[i, i], ">= 0"), "Means have norm at most 1,")
    smallest = p.given("smallest", Fact(distance - D, ">= 0"), "and D is the smallest squared distance.")
    signs = (
        p.summed(norm, (i,), K, "No lack of norm is negative,"),
        p.norm({"sum": 1}, lambda *_: center, "nor the squared norm of the sum,"),
        p.summed(smallest, (i, j), K, "nor an excess of distance."),
    )
    p.concludes("The exponent of nearest mean is D / 8.", half)
    p.concludes("The gap is the sum of the three terms,", terms)
    p.concludes("and none of them is negative.", *signs)
