"""Rankin's bound: K >= d + 2 points of the unit ball in dimension d have two at squared distance at most 2.

The points have a dependence with coefficients of sum zero. What is on either side of it is one vector, so its squared
norm, written as the inner product of both sides, in which only different points meet, is not negative: not all inner
products are negative.
"""

import sympy

from nctheory.symbolic import Fact, Proof, proposition, total


@proposition(
    "K >= d + 2 points of norm at most 1 in dimension d have two at squared distance at most 2.",
    mutants={
        "a smaller bound": {"bound": sympy.Rational(3, 2)},
        "points outside of the ball": {"drop": ["norms"]},
        "d + 1 points": {"drop": ["enough points"]},
        "a point on both sides": {"drop": ["parts"]},
        "a pair nearer than D": {"drop": ["smallest"]},
    },
)
def rankin(p: Proof, bound=2):
    K, d = p.symbol("K", least=3, integer=True), p.symbol("d", least=1, integer=True)
    i, j = sympy.symbols("i j", integer=True)
    G, D = p.family("G"), p.symbol("D")
    a, b = p.family("a", least=0), p.family("b", least=0)

    enough = p.given(
        "enough points", Fact(K - d - 2, ">= 0"), "There are more vectors (mu_i, 1) than dimensions, d + 1."
    )
    dependence = p.lemma(
        "dependence",
        Fact(total((a[j] - b[j]) * (G[i, j] + 1), j, K), "= 0"),
        "So some combination is 0, with coefficients a_i - b_i (positive and negative parts); its inner products are.",
        "horn2012, chapter 0: more vectors than dimensions are dependent",
        needs=[enough],
    )
    parts = p.given("parts", Fact(a[i] * b[i], "= 0"), "No coefficient has both a positive and a negative part,")
    A, B = total(a[i], i, K), total(b[i], i, K)
    scale = p.lemma(
        "dependence",
        Fact(A + B - 2, "= 0"),
        "and not all of them are 0: scaled to sum |a_i - b_i| = 2.",
        "horn2012, chapter 0: more vectors than dimensions are dependent",
        needs=[enough],
    )

    own = p.follows(
        Fact(sympy.expand((a[i] - b[i]) * dependence.expression), "= 0"),
        "The squared norm of that combination,",
        [(a[i] - b[i], dependence)],
    )
    square = p.summed(own, (i,), K, "which is the sum of its inner products with its terms.")
    c_norm = total(total((a[i] - b[i]) * (a[j] - b[j]) * G[i, j], j, K), i, K)
    first = p.norm({"sum c_i mu_i": 1}, lambda *_: c_norm, "It has a part in the dimensions of the points,")
    last = p.follows(
        Fact(-((A - B) ** 2), ">= 0"), "and one, (sum a_i - sum b_i)^2, in the last.", [(-1, square), (1, first)]
    )
    balance = p.root(A - B, last, "So the sum of the coefficients is 0,")
    product = p.follows(
        Fact(sympy.expand(a[i] * total((a[j] - b[j]) * G[i, j], j, K)), "= 0"),
        "and so is that of the coefficients times the points.",
        [(a[i], dependence), (-a[i], balance)],
    )
    sides = p.summed(product, (i,), K, "Its inner product with one side, sum a_i mu_i.")
    a_norm = total(total(a[i] * a[j] * G[i, j], j, K), i, K)
    one = p.norm({"sum a_i mu_i": 1}, lambda *_: a_norm, "The squared norm of that side.")
    meet = p.follows(
        Fact(total(total(a[i] * b[j] * G[i, j], j, K), i, K), ">= 0"),
        "So the inner product of both sides is not negative.",
        [(-1, sides), (1, one)],
    )

    norms = p.given("norms", Fact(1 - G[i, i], ">= 0"), "The points have norm at most 1,")
    smallest = p.given(
        "smallest", Fact(G[i, i] + G[j, j] - 2 * G[i, j] - D, ">= 0"), "and D is their smallest squared distance."
    )
    weight = a[i] * b[j]
    apart = p.follows(
        Fact(sympy.expand(weight * (2 - D - 2 * G[i, j])), ">= 0"),
        "Inner products of different points are at most (2 - D) / 2,",
        [(weight, norms), (weight, p.renamed(norms, {i: j}, "for another point, too,")), (weight, smallest)],
    )
    pairs = p.summed(apart, (i, j), K, "in sum over all pairs of one point on either side,")
    none = p.follows(
        Fact(sympy.expand(a[i] * b[i] * (2 - D - 2 * G[i, i])), "= 0"),
        "where no point is on both.",
        [(2 - D - 2 * G[i, i], parts)],
    )
    single = p.summed(none, (i,), K, "In sum.")
    product_is_one = p.follows(
        Fact(1 - A * B, "= 0"),
        "The coefficients of either side add up to 1.",
        [(-(A + B + 2) / 4, scale), ((A - B) / 4, balance)],
    )
    p.concludes(
        "The smallest squared distance is at most 2.",
        p.follows(
            Fact(bound - D, ">= 0"),
            "So 2 - D is at least twice the inner product of both sides.",
            [(1, pairs), (1, single), (2, meet), (2 - D, product_is_one)],
        ),
    )
