"""Gradient flow of the unregularized model conserves the sum of the weights and W^T W - H^T H.

Weights w_c, features h_i, logits <w_c, h_i>; G_ic is the derivative of the loss in the logit of sample i and class c.
The flow is W' = -G^T H, H' = -G W. For cross-entropy G is probabilities less one-hot labels.
"""

import sympy

from nctheory.symbolic import Fact, Proof, proposition, total


def setting(p: Proof):
    """Ranges of the samples, coordinates and classes, weights, features and the gradient in the logits."""
    K, N, d = (p.symbol(name, least=least, integer=True) for name, least in (("K", 2), ("N", 1), ("d", 1)))
    return (sympy.Symbol("c", integer=True), K), (p.index("i", N), N), p.index("k", d), *map(p.family, "WHG")


@proposition(
    "Where the rows of G add up to 0, as for cross-entropy, the sum of the weights is constant along the flow.",
    mutants={
        "probabilities of some other sum": {"drop": ["probabilities"]},
        "samples with any number of labels": {"drop": ["labels"]},
        "another loss": {"drop": ["gradient"]},
        "the sum of the features": {"of_weights": False},
    },
)
def sum_of_weights(p: Proof, of_weights=True):
    c, i, k, W, H, G = setting(p)
    q, Y = p.family("q"), p.family("Y")
    gradient = p.given(
        "gradient", Fact(G[i[0], c[0]] - q[i[0], c[0]] + Y[i[0], c[0]], "= 0"), "Cross-entropy: G = q - Y,"
    )
    softmax = p.given("probabilities", Fact(total(q[i[0], c[0]], *c) - 1, "= 0"), "softmax probabilities of sum 1")
    labels = p.given("labels", Fact(total(Y[i[0], c[0]], *c) - 1, "= 0"), "less one-hot labels.")
    summed = p.summed(gradient, (c[0],), c[1], "In sum over the classes,")
    rows = p.follows(
        Fact(total(G[i[0], c[0]], *c), "= 0"),
        "the rows of G add up to 0.",
        [(1, summed), (1, softmax), (-1, labels)],
    )
    weighted = p.follows(
        Fact(sympy.expand(-H[i[0], k] * rows.expression), "= 0"), "Times a coordinate of h_i,", [(-H[i[0], k], rows)]
    )
    samples = p.summed(weighted, (i[0],), i[1], "in sum over the samples,")
    order = p.exchanged(-G[i[0], c[0]] * H[i[0], k], (c, i), (1, 0), "where the order of the sums does not matter.")
    velocity = -total(total(G[i[0], c[0]] * H[i[0], k], *i), *c)
    if not of_weights:
        velocity = -total(total(G[i[0], c[0]] * W[c[0], k], *c), *i)
    p.concludes(
        "The sum of the weights is constant.",
        p.follows(Fact(velocity, "= 0"), "This is the derivative of its coordinate k.", [(1, samples), (1, order)]),
    )


@proposition(
    "W^T W - H^T H is constant along the flow, for any loss.",
    mutants={
        "the sum in place of the difference": {"sign": -1},
        "features that flow twice as fast": {"pace": 2},
        "features against the flow": {"pace": -1},
    },
)
def gradient_flow_invariants(p: Proof, sign=1, pace=1):
    c, i, k, W, H, G = setting(p)
    m = p.index("m", p.symbol("d'", least=1, integer=True))  # another coordinate, or the same

    def weights(at):  # the velocity of coordinate `at` of w_c
        return -total(G[i[0], c[0]] * H[i[0], at], *i)

    def features(at):
        return -pace * total(G[i[0], c[0]] * W[c[0], at], *c)

    of_weights = total(weights(k) * W[c[0], m] + W[c[0], k] * weights(m), *c)
    of_features = total(features(k) * H[i[0], m] + H[i[0], k] * features(m), *i)
    swaps = [
        p.exchanged(
            -G[i[0], c[0]] * H[i[0], one] * W[c[0], other],
            (c, i),
            (1, 0),
            f"w_c moves by -sum_i G_ic h_i, h_i by -sum_c G_ic w_c: coordinate {one} of one, {other} of the other.",
        )
        for one, other in ((k, m), (m, k))
    ]
    p.concludes(
        "(W^T W)' = -W^T G^T H - H^T G W = (H^T H)'.",
        p.follows(
            Fact(of_weights - sign * of_features, "= 0"),
            "By the product rule, the entry k, m of W^T W moves like that of H^T H: the order of the sums is all.",
            [(1, swap) for swap in swaps],
        ),
    )
