"""A direction of negative curvature at critical points where the gradient G in the logits has a norm above lambda.

Logits z_ic = sum_k W_ck H_ik (and a bias), F = L(z) + lambda_W |W|^2 / 2 + lambda_H |H|^2 / 2, L any smooth loss with
the gradient G and the second derivatives S; lambda = sqrt(lambda_W lambda_H). u and v are unit vectors, u^T G v = sigma
(G has a row for each class), and a is a unit vector with W a = 0. The direction is tau u a^T, - a v^T / tau, and 0 for
the bias, with tau the fourth root of lambda_H / lambda_W.
"""

from types import SimpleNamespace

import sympy

from nctheory.symbolic import Fact, Proof, proposition, total


def critical(p: Proof, scale):
    """Weights W + t tau u a^T and features H - t a v^T / tau, tau = scale(rho), rho^4 = lambda_H / lambda_W."""
    s = SimpleNamespace(**{name: p.symbol(name, least=1, integer=True) for name in ("K", "N", "d")})
    s.c, s.i, s.k = p.index("c", s.K), p.index("i", s.N), p.index("k", s.d)
    s.rho, s.by_weights, s.sigma = p.symbol("rho", above=0), p.symbol("lambda_W", above=0), p.symbol("sigma")
    s.by_features, s.t = s.by_weights * s.rho**4, p.symbol("t")
    s.W, s.H, s.G, s.u, s.v, s.a = map(p.family, "WHGuva")
    s.weights = s.W[s.c, s.k] + s.t * scale(s.rho) * s.u[s.c] * s.a[s.k]
    s.features = s.H[s.i, s.k] - s.t / scale(s.rho) * s.a[s.k] * s.v[s.i]
    return s


def first_order(p: Proof, s, slope):
    """The logits do not change to first order: W a = 0, and so is H a, as the features are stationary."""
    c, i, k, W, H, G, a = s.c, s.i, s.k, s.W, s.H, s.G, s.a
    kernel = p.given("kernel", Fact(total(W[c, k] * a[k], k, s.d), "= 0"), "W a = 0.")
    stationary = p.given(
        "stationary", Fact(s.by_features * H[i, k] + total(G[i, c] * W[c, k], c, s.K), "= 0"), "lambda_H H = - G^T W,"
    )
    along = p.follows(Fact(sympy.expand(a[k] * stationary.expression), "= 0"), "times a,", [(a[k], stationary)])
    along = p.summed(along, (k,), s.d, "in sum over the coordinates,")
    order = p.exchanged(G[i, c] * W[c, k] * a[k], [(k, s.d), (c, s.K)], (1, 0), "where G^T W a")
    none = p.follows(Fact(sympy.expand(G[i, c] * kernel.expression), "= 0"), "has terms", [(G[i, c], kernel)])
    none = p.summed(none, (c,), s.K, "that are 0:")
    features = p.follows(
        Fact(total(a[k] * H[i, k], k, s.d), "= 0"),
        "H a = 0.",
        [(1 / s.by_features, along), (-1 / s.by_features, order), (-1 / s.by_features, none)],
    )
    return p.follows(
        Fact(slope, "= 0"),
        "So the logits do not change to first order.",
        [(s.tau * s.u[c], features), (-s.v[i] / s.tau, kernel)],
    )


@proposition(
    "At a point that is stationary in H, the second derivative of F along (tau u a^T, - a v^T / tau) is exactly "
    "-2 (sigma - lambda): negative where sigma > lambda.",
    mutants={
        "an unscaled pair": {"scale": lambda rho: sympy.S.One},
        "half of it": {"factor": 1},
        "(lambda_W + lambda_H) / 2 for lambda": {"middle": True},
        "weights that are not orthogonal to a": {"drop": ["kernel"]},
        "features that are not stationary": {"drop": ["stationary"]},
        "another u": {"drop": ["|u| = 1"]},
        "another v": {"drop": ["|v| = 1"]},
        "another a": {"drop": ["|a| = 1"]},
        "no singular pair": {"drop": ["pair"]},
    },
)
def escape_curvature(p: Proof, scale=lambda rho: rho, factor=2, middle=False):
    s = critical(p, scale)
    c, i, k, t, u, v, a = s.c, s.i, s.k, s.t, s.u, s.v, s.a
    s.tau = scale(s.rho)
    logits = total(s.weights * s.features, k, s.d)
    slope, bend = (sympy.expand(sympy.diff(logits, t, order)).subs(t, 0) for order in (1, 2))
    taylor = p.identity(
        logits, logits.subs(t, 0) + t * slope + t**2 / 2 * bend, "The logits are a polynomial of degree 2 in t."
    )
    still = first_order(p, s, slope)
    bent = p.family("R")  # second derivatives of L times z'
    chain = p.follows(
        Fact(sympy.expand(bent[i, c] * slope), "= 0"),
        "By the chain rule the loss has the second derivative sum R_ic z'_ic, R = S z', where all z'_ic are 0,",
        [(bent[i, c], still)],
    )
    for index, size in ((c, s.K), (i, s.N)):
        chain = p.summed(chain, (index,), size, f"also in sum over {index},")

    pair = p.given(
        "pair", Fact(total(total(u[c] * s.G[i, c] * v[i], c, s.K), i, s.N) - s.sigma, "= 0"), "u^T G v is sigma;"
    )
    of_a = total(a[k] ** 2, k, s.d)
    one_u, one_v, one_a = (
        p.given(f"|{x}| = 1", Fact(square - 1, "= 0"), f"{x} is a unit vector.")
        for x, square in (("u", total(u[c] ** 2, c, s.K)), ("v", total(v[i] ** 2, i, s.N)), ("a", of_a))
    )
    of_loss = total(total(s.G[i, c] * bend, c, s.K), i, s.N)
    of_weights = total(total(sympy.diff(s.weights**2, t, 2), k, s.d), c, s.K) * s.by_weights / 2
    of_features = total(total(sympy.diff(s.features**2, t, 2), k, s.d), i, s.N) * s.by_features / 2
    mean = (s.by_weights + s.by_features) / 2 if middle else s.by_weights * s.rho**2
    curvature = p.follows(
        Fact(chain.expression + of_loss + of_weights + of_features + factor * (s.sigma - mean), "= 0"),
        "plus sum G_ic z''_ic = -2 u^T G v; and the penalties have 2 lambda_W tau^2 / 2 + 2 lambda_H / (2 tau^2).",
        [
            (1, chain),
            (-2 * of_a, pair),
            (s.by_weights * s.tau**2 * of_a, one_u),
            (s.by_features / s.tau**2 * of_a, one_v),
            (s.by_weights * s.tau**2 + s.by_features / s.tau**2 - 2 * s.sigma, one_a),
        ],
    )
    p.concludes("The second derivative of F is -2 (sigma - lambda).", taylor, curvature)
