"""The least penalties of weights and features with the logits Z are lambda times the nuclear norm of Z.

Logits Z_ic = sum_k W_ck H_ik, penalties lambda_W |W|^2 / 2 + lambda_H |H|^2 / 2, lambda = sqrt(lambda_W lambda_H). The
nuclear norm is the maximum of <B, Z> over matrices B of spectral norm at most 1, and the sum of the singular values of
Z: the penalties are at least lambda <B, Z> for each such B, and with U S V^T = Z and the right scales they are lambda
times that sum, which has a term for each of d >= rank Z coordinates.
"""

from types import SimpleNamespace

import sympy

from nctheory.symbolic import Fact, Proof, proposition, total

HALF = sympy.Rational(1, 2)


def setting(p: Proof):
    """Weights, features and both penalties; rho is the fourth root of lambda_H / lambda_W."""
    s = SimpleNamespace(**{name: p.symbol(name, least=1, integer=True) for name in ("K", "N", "d")})
    s.c, s.i, s.k = p.index("c", s.K), p.index("i", s.N), p.index("k", s.d)
    s.rho, s.by_weights = p.symbol("rho", above=0), p.symbol("lambda_W", above=0)
    s.both, s.by_features = s.by_weights * s.rho**2, s.by_weights * s.rho**4
    return s


def squares(s, W, H):
    """Sums of squares of weights and of features."""
    return total(total(W**2, s.k, s.d), s.c, s.K), total(total(H**2, s.k, s.d), s.i, s.N)


@proposition(
    "lambda_W |W|^2 / 2 + lambda_H |H|^2 / 2 >= lambda <B, Z> for every B that lengthens no vector.",
    mutants={
        "the mean of both penalties": {"factor": lambda rho: (1 + rho**4) / 2},
        "twice lambda": {"factor": lambda rho: 2 * rho**2},
        "a B of any norm": {"drop": ["spectral norm"]},
    },
)
def nuclear_norm_penalty(p: Proof, factor=lambda rho: rho**2):
    s = setting(p)
    c, i, k, W, H, B = s.c, s.i, s.k, *map(p.family, "WHB")
    image = total(B[i, c] * H[i, k], i, s.N)
    spectral = p.given(
        "spectral norm",
        Fact(total(H[i, k] ** 2, i, s.N) - total(image**2, c, s.K), ">= 0"),
        "B lengthens no vector, such as coordinate k of all features:",
    )
    lengths = p.summed(spectral, (k,), s.d, "so |B H|^2 is at most |H|^2,")
    square = p.follows(
        Fact(sympy.expand((W[c, k] - s.rho**2 * image) ** 2), ">= 0"),
        "The square of",
        [],
        [(1, W[c, k] - s.rho**2 * image)],
    )
    square = p.summed(square, (k,), s.d, "W - sqrt(lambda_H / lambda_W) B H")
    square = p.summed(square, (c,), s.K, "is not negative,")
    of_images = p.exchanged(image**2, [(k, s.d), (c, s.K)], (1, 0), "where the sums may be taken")
    of_logits = p.exchanged(W[c, k] * B[i, c] * H[i, k], [(c, s.K), (k, s.d), (i, s.N)], (0, 2, 1), "in either order.")
    weights, features = squares(s, W[c, k], H[i, k])
    features_of = p.exchanged(H[i, k] ** 2, [(k, s.d), (i, s.N)], (1, 0), "(So for |H|^2.)")
    logits = total(total(B[i, c] * total(W[c, k] * H[i, k], k, s.d), i, s.N), c, s.K)
    ratio = s.by_features / 2
    p.concludes(
        "The penalties are at least lambda <B, Z>.",
        p.follows(
            Fact(s.by_weights / 2 * weights + ratio * features - s.by_weights * factor(s.rho) * logits, ">= 0"),
            "lambda_W / 2 times the square is lambda_W |W|^2 / 2 - lambda <B, Z> + lambda_H |B H|^2 / 2.",
            [
                (s.by_weights / 2, square),
                (ratio, lengths),
                (ratio, of_images),
                (-ratio, features_of),
                (s.both, of_logits),
            ],
        ),
    )


@proposition(
    "W = (lambda_H / lambda_W)^(1/4) U S^(1/2) and H = (lambda_W / lambda_H)^(1/4) V S^(1/2), U and V of unit columns, "
    "have the logits U S V^T, and penalties lambda times the sum of S, each half of it.",
    mutants={
        "no scales": {"scale": lambda rho: sympy.S.One},
        "the mean of both penalties": {"factor": lambda rho: (1 + rho**4) / 2},
        "columns of any norm in U": {"drop": ["U"]},
        "columns of any norm in V": {"drop": ["V"]},
    },
)
def nuclear_norm_penalty_attained(p: Proof, scale=lambda rho: rho, factor=lambda rho: rho**2):
    s = setting(p)
    c, i, k, U, V, root = s.c, s.i, s.k, p.family("U"), p.family("V"), p.family("r", least=0)
    values = total(root[k] ** 2, k, s.d)  # the singular values are the squares of these roots
    W, H = scale(s.rho) * root[k] * U[c, k], root[k] * V[i, k] / scale(s.rho)
    logits = p.identity(
        total(W * H, k, s.d), total(root[k] ** 2 * U[c, k] * V[i, k], k, s.d), "The logits are those of U S V^T."
    )
    halves = []
    for name, own, unit, index, size, weight in (
        ("U", U[c, k], W, c, s.K, s.by_weights),
        ("V", V[i, k], H, i, s.N, s.by_features),
    ):
        one = p.given(name, Fact(total(own**2, index, size) - 1, "= 0"), f"The columns of {name} have norm 1,")
        part = p.follows(Fact(sympy.expand(root[k] ** 2 * one.expression), "= 0"), "so", [(root[k] ** 2, one)])
        whole = p.summed(part, (k,), s.d, "in sum over the columns")
        order = p.exchanged(root[k] ** 2 * own**2, [(k, s.d), (index, size)], (1, 0), "(in either order)")
        square = total(total(sympy.expand(unit**2), k, s.d), index, size)
        times = s.both
        halves.append(
            p.follows(
                Fact(weight * square - s.by_weights * factor(s.rho) * values, "= 0"),
                "this penalty is lambda / 2 times the sum of S.",
                [(times, whole), (-times, order)],
            )
        )
    p.concludes("Together they are lambda times the nuclear norm.", logits, *halves)


@proposition(
    "For Z = U S V^T with orthonormal columns in U and V, B = U V^T has <B, Z> = the sum of S, which "
    "attains the bound; of rank at least 2 (for rank one there are no other columns).",
    mutants={
        "twice the sum": {"factor": 2},
        "columns of U of any norm": {"drop": ["norms of U"]},
        "columns of V of any norm": {"drop": ["norms of V"]},
        "columns that are not orthogonal": {"drop": ["orthogonal"]},
    },
)
def nuclear_norm_penalty_dual(p: Proof, factor=1):
    K, N, r = (p.symbol(x, least=least, integer=True) for x, least in (("K", 1), ("N", 1), ("r", 2)))
    c, i, (k, m) = p.index("c", K), p.index("i", N), sympy.symbols("k m", integer=True)
    U, V, s = p.family("U"), p.family("V"), p.family("s", least=0)
    of_u, of_v = total(U[c, m] * U[c, k], c, K), total(V[i, m] * V[i, k], i, N)
    one_u = p.given("norms of U", Fact(of_u.subs(m, k) - 1, "= 0"), "Columns of U")
    one_v = p.given("norms of V", Fact(of_v.subs(m, k) - 1, "= 0"), "and of V are unit vectors,")
    apart = p.given("orthogonal", Fact(of_u, "= 0"), "and those of U are orthogonal, so that s_k times")
    off = p.follows(Fact(s[k] * of_u * of_v, "= 0"), "their inner products are 0 for m != k,", [(s[k] * of_v, apart)])
    others = p.summed(off, (m,), r, "in sum over all m but k;", other_than=[k])
    own = s[k] * of_v.subs(m, k)
    column = p.follows(
        Fact(others.expression + s[k] * of_u.subs(m, k) * of_v.subs(m, k) - s[k], "= 0"),
        "and s_k for m = k.",
        [(1, others), (own, one_u), (s[k], one_v)],
    )
    columns = p.summed(column, (k,), r, "In sum over k,")
    order = p.exchanged(
        U[c, m] * V[i, m] * s[k] * U[c, k] * V[i, k], [(k, r), (m, r), (c, K), (i, N)], (2, 3, 0, 1), "in any order,"
    )
    pairing = total(total(s[k] * of_u * of_v, m, r), k, r) - order.expression  # <B, Z>
    p.concludes(
        "<B, Z> is the sum of the singular values.",
        p.follows(
            Fact(pairing - factor * total(s[k], k, r), "= 0"),
            "this is the sum of B_ic Z_ic, B = U V^T and Z = U S V^T.",
            [(1, columns), (-1, order)],
        ),
    )


@proposition(
    "Where F is stationary in W and in H, lambda_W W^T W = lambda_H H^T H: both penalties are equal, for any loss.",
    mutants={
        "W^T W = H^T H": {"factor": lambda rho: 1},
        "weights that are not stationary": {"drop": ["weights"]},
        "features that are not stationary": {"drop": ["features"]},
    },
)
def nuclear_norm_penalty_balance(p: Proof, factor=lambda rho: rho**4):
    s = setting(p)
    c, i, k, W, H, G, m = s.c, s.i, s.k, *map(p.family, "WHG"), p.index("m", s.d)  # m may be k
    weights = p.given(
        "weights", Fact(s.by_weights * W[c, k] + total(G[i, c] * H[i, k], i, s.N), "= 0"), "lambda_W W = - G H,"
    )
    features = p.given(
        "features", Fact(s.by_features * H[i, m] + total(G[i, c] * W[c, m], c, s.K), "= 0"), "lambda_H H = - G^T W."
    )
    rows = p.follows(Fact(sympy.expand(W[c, m] * weights.expression), "= 0"), "So lambda_W W^T W", [(W[c, m], weights)])
    rows = p.summed(rows, (c,), s.K, "is - H^T G^T W,")
    points = p.follows(
        Fact(sympy.expand(H[i, k] * features.expression), "= 0"), "and lambda_H H^T H", [(H[i, k], features)]
    )
    points = p.summed(points, (i,), s.N, "is the same:")
    order = p.exchanged(G[i, c] * H[i, k] * W[c, m], [(c, s.K), (i, s.N)], (1, 0), "the order of the sums is all.")
    left, right = total(W[c, k] * W[c, m], c, s.K), total(H[i, k] * H[i, m], i, s.N)
    p.concludes(
        "lambda_W W^T W = lambda_H H^T H.",
        p.follows(
            Fact(s.by_weights * left - s.by_weights * factor(s.rho) * right, "= 0"),
            "In each entry k, m.",
            [(1, rows), (-1, points), (-1, order)],
        ),
    )
