"""For any class sizes ((P D P)^+)^(1/2) is negative off the diagonal: the multipliers of the least norms are positive.

D = diag(n), P = I - J / K, a_k = n_k + t^2 and u = sum 1 / a_k. As by Sherman and Morrison, the pseudoinverse of
P D P + t^2 P is X = diag(1 / a) - (1 / a)(1 / a)^T / u. The square root of (P D P)^+ is an integral over t of these,
whose entries off the diagonal are all negative.
"""

import sympy

from nctheory.symbolic import Fact, Proof, proposition, total


@proposition(
    "((P D P)^+)^(1/2) and, for a = n + t^2 and u = sum 1 / a, (P D P + t^2 P)^+ = diag(1/a) - (1/a)(1/a)^T / u are "
    "negative off the diagonal, for any class sizes n > 0 and K >= 2.",
    mutants={
        "the rank one term without u": {"divisor": lambda u: 1},
        "twice the rank one term": {"rank_one": 2},
        "the rank one term is added": {"rank_one": -1},
        "t^2 I for t^2 P": {"shift": lambda K: 0},
        "u is not that sum": {"drop": ["u"]},
        "other sizes": {"drop": ["a"]},
    },
)
def dual_signs(p: Proof, divisor=lambda u: u, rank_one=1, shift=lambda K: 1 / K):
    K, i, j = p.symbol("K", least=2, integer=True), *sympy.symbols("i j", integer=True)
    n, a, t, u = p.family("n", above=0), p.family("a", above=0), p.symbol("t", least=0), p.symbol("u", above=0)
    sizes = p.given("a", Fact(a[i] - n[i] - t**2, "= 0"), "a = n + t^2 (a definition).")
    whole = p.given("u", Fact(total(1 / a[j], j, K) - u, "= 0"), "u is the sum of all 1 / a.")

    def projected(k, m, unit, of):  # the entries of P diag(of) P
        return unit * of[k] - (of[k] + of[m]) / K + total(of[k], k, K) / K**2

    other = p.renamed(sizes, {i: j}, "The same for class j,")
    every = p.summed(sizes, (i,), K, "and in sum over all classes.")
    off = p.follows(
        Fact(projected(i, j, 0, a) - projected(i, j, 0, n) + t**2 * shift(K), "= 0"),
        "P diag(a) P = P D P + t^2 P, as P P = P; off the diagonal, where P is -1 / K,",
        [(-1 / K, sizes), (-1 / K, other), (1 / K**2, every)],
    )
    on = p.follows(
        Fact(projected(i, i, 1, a) - projected(i, i, 1, n) - t**2 * (1 - shift(K)), "= 0"),
        "and on it, where it is 1 - 1 / K.",
        [(1 - 2 / K, sizes), (1 / K**2, every)],
    )

    def entry(k, m, unit):  # the entries of X
        return unit / a[k] - rank_one / (a[k] * a[m] * divisor(u))

    row = p.follows(
        Fact(entry(i, i, 1) - entry(i, i, 0) + total(entry(i, j, 0), j, K), "= 0"),
        "The row of X adds up to 1 / a_i - (1 / a_i) u / u = 0: X 1 = 0, so that P X = X = X P.",
        [(-1 / (a[i] * u), whole)],
    )
    column = 1 - K * rank_one / (a[j] * divisor(u))
    columns = p.identity(
        column,
        a[j] * (entry(j, j, 1) - entry(j, j, 0)) + total(sympy.cancel(a[i] * entry(i, j, 0)), i, K),
        "Column j of diag(a) X = I - 1 (1 / a)^T / u adds up to 1 - K / (a_j u),",
    )
    apart = p.identity(
        a[i] * entry(i, j, 0) - column / K, -1 / K, "so P diag(a) P X = P diag(a) X has -1 / K off the diagonal,"
    )
    same = p.identity(a[j] * entry(j, j, 1) - column / K, 1 - 1 / K, "and 1 - 1 / K on it: it is P.")
    p.concludes("X is 0 on 1, and the inverse of P D P + t^2 P where this is not 0: its pseudoinverse.", off, on, row)
    p.concludes("(Their product is P.)", columns, apart, same)
    negative = p.sign(Fact(-entry(i, j, 0), "> 0"), "For i != j, X_ij = -1 / (a_i a_j u) is negative for every t.")

    r, M = p.symbol("r", above=0), p.family("M")
    slope = p.identity(
        sympy.diff(sympy.atan(t / r) / r, t),
        1 / (r**2 + t**2),
        "For an eigenvalue r^2 of P D P: 1 / (r^2 + t^2) is the derivative of atan(t / r) / r, of limit pi / (2r).",
    )
    root = p.lemma(
        "integral of resolvents",
        Fact(-M[i, j], "> 0"),
        "So M = ((P D P)^+)^(1/2) is 2 / pi times the integral of X over t > 0, and negative where all X are.",
        "higham2008",
        needs=[negative, slope],
    )
    p.concludes("Both are negative off the diagonal.", negative, root)
