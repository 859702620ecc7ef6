"""Cross-entropy without bias, features that are not negative: classes whose features are all 0 are held there.

Class m has the weight w_m, which is in every coordinate at most the mean of all K weights, and a feature h >= 0. What
the other classes have at least is their share in `nonnegative_cross_entropy`, whose penalties contain those of all
weights: there take r_m = 0 for class m.
"""

import sympy

from nctheory.symbolic import Fact, Proof, proposition, total


@proposition(
    "The loss of a feature h >= 0 of class m is at least log K, as it is at h = 0, if K w_mk <= sum of all w_jk in "
    "every coordinate k.",
    mutants={
        "a feature of any sign": {"sign": {}},
        "log (K + 1)": {"more": 1},
        "a loss that is not that of the logits": {"drop": ["softmax"]},
        "probabilities that add up to something else": {"drop": ["probabilities"]},
        "any weight": {"drop": ["dead"]},
    },
)
def nonnegative_local_minima(p: Proof, sign=None, more=0):
    K, d = p.symbol("K", least=2, integer=True), p.symbol("d", least=1, integer=True)
    j, k = sympy.Symbol("j", integer=True), p.index("k", d)
    W, w, H, Q, own = (
        p.family("W"),
        p.family("w"),
        p.family("H", **({"least": 0} if sign is None else sign)),
        p.family("Q", above=0),
        p.symbol("q", above=0),
    )
    margin = total((w[k] - W[j, k]) * H[k], k, d)
    softmax = p.given(
        "softmax", Fact(sympy.log(own) - sympy.log(Q[j]) - margin, "= 0"), "log q - log Q_j is <w - W_j, h>,"
    )
    one = p.given(
        "probabilities",
        Fact(total(Q[j], j, K) - 1, "= 0"),
        "where the probabilities Q_j add up to 1; q is that of the class itself, among them.",
    )
    dead = p.given(
        "dead", Fact(total(W[j, k], j, K) - K * w[k], ">= 0"), "Its weight is at most the mean, in every coordinate."
    )
    above = p.tangent(sympy.log(Q[j]) + sympy.log(K), "log x <= x - 1 for x = K Q_j,")
    each = p.follows(
        Fact(sympy.expand(above.expression + sympy.log(Q[j]) - sympy.log(own) + margin), ">= 0"),
        "where log Q_j = log q - margin,",
        [(1, above), (-1, softmax)],
    )
    everything = p.summed(each, (j,), K, "in sum over all classes.")
    pushed = p.product(
        dead, p.sign(Fact(H[k], ">= 0"), "As h is not negative,"), "every coordinate pushes it away from its class:"
    )
    pushed = p.follows(Fact(sympy.expand(pushed.expression), ">= 0"), "(written out)", [(1, pushed)])
    pushed = p.summed(pushed, (k,), d, "all margins add up to no more than 0.")
    order = p.exchanged(sympy.expand(W[j, k] * H[k]), [(j, K), (k, d)], (1, 0), "(In either order.)")
    p.concludes(
        "The loss is at least log K.",
        p.follows(
            Fact(-sympy.log(own) - sympy.log(K + more), ">= 0"),
            "The mean of all that.",
            [(1 / K, everything), (1 / K, pushed), (1 / K, order), (-1, one)],
        ),
    )
