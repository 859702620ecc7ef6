"""Minimum-norm separation of K balanced classes costs (K - 1) sqrt n, by a dual certificate and by an identity.

K classes of n samples, sample s of class c has the feature h_cs; L_sce = <w_e, h_cs>, margins <w_c - w_e, h_cs>.
The multipliers 1 / (K sqrt n) have a matrix B with B B^T = P = I - J / K, of norm 1, and the sum (K - 1) sqrt n.
"""

import sympy

from nctheory.symbolic import CompoundSymmetric, Fact, Proof, proposition, total


def sizes(p: Proof):
    """Class count and class size, two classes and a sample."""
    K, n = p.symbol("K", least=2, integer=True), p.symbol("n", least=1, integer=True)
    return K, n, *sympy.symbols("c e", integer=True), p.index("s", n)


@proposition(
    "K >= 2 classes of n samples, margins of mean at least m, in any dimension: |W| |H| >= (K - 1) sqrt(n) m.",
    mutants={
        "K for K - 1": {"factor": lambda K, n: K * sympy.sqrt(n)},
        "n for its root": {"factor": lambda K, n: (K - 1) * n},
        "larger multipliers": {"multiplier": lambda K, n: 2 / (K * sympy.sqrt(n))},
        "no bound on the margins": {"drop": ["margins"]},
    },
)
def balanced_separation(
    p: Proof, factor=lambda K, n: (K - 1) * sympy.sqrt(n), multiplier=lambda K, n: 1 / (K * sympy.sqrt(n))
):
    K, n, c, e, s = sizes(p)
    m, W, H, L, beta = (
        p.symbol("m"),
        p.symbol("|W|", above=0),
        p.symbol("|H|", above=0),
        p.family("L"),
        multiplier(K, n),
    )
    image = p.symbol("|BH|^2")

    columns = CompoundSymmetric(beta * K, -beta, K)  # a sample of class c has column c of it in B
    simple = p.spectrum(
        n * (columns @ columns),
        ((1, K - 1), (0, 1)),
        "B has n columns beta sum_(e != c) (e_c - e_e) for each class c, and B B^T the eigenvalues of I - J / K.",
    )
    stretch = p.lemma(
        "spectral norm",
        Fact(H**2 - image, ">= 0"),
        "As no eigenvalue of B B^T is above 1, |B H| <= |H|.",
        "horn2012, section 5.6",
        needs=simple,
    )
    inner = total(total(beta * (K * L[s, c, c] - total(L[s, c, e], e, K)), c, K), s, n)
    gram = {frozenset("W"): W**2, frozenset(("W", "BH")): inner, frozenset(("BH",)): image}
    cauchy = p.norm({"W": H, "BH": -W}, lambda u, v: gram[frozenset((u, v))], "Cauchy-Schwarz for W and B H:")
    bounded = p.follows(
        Fact(W * H - inner, ">= 0"),
        "<W, B H> is at most |W| |B H|, and that at most |W| |H|.",
        [(1, cauchy), (W**2, stretch)],
        times=2 * W * H,
    )

    margins = total(total(total(L[s, c, c] - L[s, c, e], e, K), c, K), s, n)
    samples = p.given("margins", Fact(margins - n * K * (K - 1) * m, ">= 0"), "The mean of all margins is at least m.")
    p.concludes(
        "|W| |H| is at least (K - 1) sqrt(n) m.",
        p.follows(
            Fact(W * H - factor(K, n) * m, ">= 0"),
            "<W, B H> is beta times the sum of all n K (K - 1) margins.",
            [(1, bounded), (beta, samples)],
        ),
    )


@proposition(
    "Collapsed features with the Gram matrix P / sqrt n and weights with sqrt n P attain it: margins 1, equal norms.",
    mutants={
        "weights with the Gram matrix P": {"scale": lambda n: 1},
        "an orthogonal frame": {"frame": lambda K: 0},
        "without the minus": {"value": lambda K, n: K * sympy.sqrt(n)},
    },
)
def balanced_separation_attained(
    p: Proof,
    scale=lambda n: n ** sympy.Rational(1, 4),
    frame=lambda K: -1 / K,
    value=lambda K, n: (K - 1) * sympy.sqrt(n),
):
    K, n, *_ = sizes(p)
    P = CompoundSymmetric(sympy.S.One, frame(K), K)
    W, H = scale(n) * P, n ** -sympy.Rational(1, 4) * P  # the rows are the weights, and the class means
    on, off = (W @ H).entries
    margins = p.identity(
        on - off, 1, "The logits are P P = P, 1 - 1 / K on the diagonal and -1 / K off it: margins of 1."
    )
    root = sympy.sqrt(n) * P
    diagonal = p.identity((W @ W).entries[0], root.entries[0], "W W^T is sqrt n P, on the diagonal")
    cosine = p.identity((W @ W).entries[1], root.entries[1], "and off it.")
    weights = p.identity((W @ W).trace, value(K, n), "So |W|^2 is (K - 1) sqrt n, by the trace of P,")
    features = p.identity(n * (H @ H).trace, value(K, n), "and so is |H|^2: each class mean is that of n features.")
    p.concludes("All margins are 1, and |W| |H| is (K - 1) sqrt n.", margins, diagonal, cosine, weights, features)


@proposition(
    "|W|^2 + n |H|^2 = (2 / K) sum of all margins + |W - n (M - mu)|^2 + n |H - M|^2 + n N |mu|^2: equality needs "
    "collapse, mu = 0 and W = n M.",
    mutants={
        "scatter is free": {"scatter": 0},
        "the center is free": {"center": 0},
        "means of something else": {"drop": ["means"]},
        "mu of something else": {"drop": ["center"]},
        "weights of the size of the means": {"scale": lambda n: 1},
    },
)
def balanced_separation_identity(p: Proof, scatter=1, center=1, scale=lambda n: n):
    K, n, c, e, s = sizes(p)
    W, H, M = p.family("W"), p.family("H"), p.family("M")  # one coordinate of w_c, of h_cs and of the mean of class c
    mu = p.symbol("mu")

    def sums(term):
        return total(total(term, s, n), c, K)

    means = p.given(
        "means", Fact(total(H[c, s], s, n) - n * M[c], "= 0"), "M_c is the mean of the features of class c,"
    )
    middle = p.given("center", Fact(total(M[c], c, K) - K * mu, "= 0"), "and mu that of all. Now in each coordinate")
    weights = total(W[c], c, K)
    margins = total(K * W[c] * total(H[c, s], s, n), c, K) - weights * total(total(H[c, s], s, n), c, K)
    rest = total(W[c] ** 2, c, K) + n * sums(H[c, s] ** 2) - 2 * margins / K
    rest -= total((W[c] - scale(n) * (M[c] - mu)) ** 2, c, K) + scatter * n * sums((H[c, s] - M[c]) ** 2)
    rest -= center * n**2 * K * mu**2
    pairs = p.identity(
        margins,
        total(total((W[c] - W[e]) * total(H[c, s], s, n), e, K), c, K),
        "the margins of class c add up to K w_c - sum w_e on the sum of its features.",
    )
    mine = p.follows(
        Fact(sympy.expand((2 * n * M[c] - 2 * W[c] + 2 * weights / K) * means.expression), "= 0"),
        "That sum is n M_c, here and in sum_s H^2 = sum_s (H - M)^2 + n M^2,",
        [(2 * n * M[c] - 2 * W[c] + 2 * weights / K, means)],
    )
    of_means = p.summed(mine, (c,), K, "for all classes,")
    p.concludes(
        "In sum over the coordinates this is the identity, whose last three terms are squares.",
        p.follows(
            Fact(sympy.expand(rest), "= 0"),
            "and W^2 - 2 n W (M - mu) + n^2 (M - mu)^2 is the square of W - n (M - mu).",
            [(1, of_means), (2 * n / K * weights + 2 * n**2 * mu, middle), (2 / K, pairs)],
        ),
    )
