"""Eight descriptions of K unit vectors that are a simplex equiangular tight frame, and two that are not among them.

(a) G = K / (K - 1) (I - J / K); (b) all cosines are -1 / (K - 1); (c) they are equal and the mean is 0; (d) none is
above -1 / (K - 1); (e) squared distances are at least 2K / (K - 1); (f) the exponent of nearest mean is at least
K / (4 (K - 1)); (g) G^2 = K / (K - 1) G and G 1 = 0; (h) the mean is 0 and the frame operator S = sum mu_i mu_i^T is
K / (K - 1) times a projection.

(a) and (b) say the same of unit vectors. From (b) follow (c), (f), (g) and (h); from (f) follows (e), from that (d),
from that (b); and from each of (c), (g) and (h) follows (b). Equality in Welch's bound and the least frame potential do
not imply them: both see squares of cosines only.
"""

import sympy

from nctheory.symbolic import CompoundSymmetric, Fact, Proof, pair_total, proposition, total

HALF = sympy.Rational(1, 2)


def unit_vectors(p: Proof):
    """The class count, two classes, the Gram matrix, and that the vectors are of norm 1."""
    K, i, j = p.symbol("K", least=2, integer=True), *sympy.symbols("i j", integer=True)
    G = p.family("G")
    return K, i, j, G, p.given("unit vectors", Fact(G[i, i] - 1, "= 0"), "The vectors have norm 1.")


def cosines(p: Proof, cosine, vectors, squares: Fact, center: Fact):
    """The cosines, where all squared inner products add up to K^2 / (K - 1) and all inner products to 0."""
    K, i, j, G, unit = vectors
    excess = p.sign(Fact((G[i, j] - cosine(K)) ** 2, ">= 0"), "Look at the squares of G_ij + 1 / (K - 1), i != j.")
    own = p.follows(Fact(G[i, i] ** 2 - 1, "= 0"), "The squares on the diagonal are 1.", [(G[i, i] + 1, unit)])
    own_squares = p.summed(own, (i,), K, "There are K of these, and")
    ones = p.summed(unit, (i,), K, "K entries of 1 there.")
    none = p.follows(
        Fact(pair_total(excess.expression, i, j, K), "= 0"),
        "In sum they are K^2 / (K - 1) - K - 2K / (K - 1) + K / (K - 1) = 0.",
        [(1, squares), (2 / (K - 1), center), (-1, own_squares), (-2 / (K - 1), ones)],
    )
    zero = p.each(excess, none, (i, j), K, "So all of them are 0.")
    return p.root(G[i, j] - cosine(K), zero, "And all cosines are -1 / (K - 1).")


@proposition(
    "(b) implies (a), (c), (f), (g) and (h).",
    mutants={
        "another cosine": {"cosine": lambda K: -1 / K},
        "another scale": {"scale": lambda K: 1},
        "vectors of any norm": {"drop": ["unit vectors"]},
        "other cosines": {"drop": ["(b)"]},
    },
)
def etf_equivalences(p: Proof, cosine=lambda K: -1 / (K - 1), scale=lambda K: K / (K - 1)):
    K, i, j, G, unit = unit_vectors(p)
    k = sympy.Symbol("k", integer=True)
    b = p.given("(b)", Fact(G[i, j] - cosine(K), "= 0"), "All cosines are -1 / (K - 1).")
    etf = scale(K) * CompoundSymmetric(sympy.Integer(1), -1 / K, K)
    center = total(total(G[i, j], j, K), i, K)

    diagonal, off = etf.entries
    one = p.follows(Fact(G[i, i] - diagonal, "= 0"), "The diagonal of K / (K - 1) (I - J / K) is 1,", [(1, unit)])
    rest = p.follows(Fact(G[i, j] - off, "= 0"), "and its other entries are -1 / (K - 1).", [(1, b)])
    p.concludes("(a)", one, rest)

    ones, others = p.summed(unit, (i,), K, "K ones and"), p.summed(b, (i, j), K, "K (K - 1) cosines")
    zero = p.follows(
        Fact(center, "= 0"), "add up to 0, which is the squared norm of the sum.", [(1, ones), (1, others)]
    )
    third = p.renamed(b, {j: k}, "Another cosine of i")
    p.concludes("(c)", zero, p.follows(Fact(G[i, j] - G[i, k], "= 0"), "is the same.", [(1, b), (-1, third)]))

    unit_j = p.renamed(unit, {i: j}, "Also mu_j has norm 1.")
    far = p.follows(
        Fact((G[i, i] + G[j, j] - 2 * G[i, j]) / 8 - K / (4 * (K - 1)), "= 0"),
        "The exponent of any pair is an eighth of the squared distance, K / (4 (K - 1)).",
        [(HALF / 4, unit), (HALF / 4, unit_j), (-HALF / 2, b)],
    )
    p.concludes("(f)", far)

    square, multiple = etf @ etf, (K / (K - 1)) * etf
    tight = p.identity(square.a, multiple.a, "G^2 and K / (K - 1) G have the same multiple of I,")
    tight_off = p.identity(square.b, multiple.b, "and of J.")
    spectrum = p.spectrum(etf, [(K / (K - 1), K - 1), (0, 1)], "The rank is K - 1, and G 1 = 0.")
    p.concludes("(g)", tight, tight_off, *spectrum)

    text = "The frame operator has S mu_j = sum_k G_kj mu_k, and S^2 mu_j - K / (K - 1) S mu_j = sum_k N_kj mu_k with "
    text += "N = G^2 - K / (K - 1) G = 0; and it is 0 on what is orthogonal to all vectors. "
    null = p.identity((square - multiple).entries[0], 0, text + "On the diagonal,")
    p.concludes("(h)", zero, null, p.identity((square - multiple).entries[1], 0, "and off it."))


def equal_cosines(p: Proof, low: Fact, unit: Fact, names) -> Fact:
    """Cosines of at most -1 / (K - 1) are equal to it."""
    K, i, j, G = names
    whole = p.summed(low, (i, j), K, "By how much they are below, in sum, is -|sum mu|^2,")
    center = total(total(G[i, j], j, K), i, K)
    middle = p.norm({"sum": 1}, lambda *_: center, "and the squared norm is not negative:")
    reverse = p.follows(
        Fact(-whole.expression, ">= 0"),
        "so the sum is at most 0.",
        [(1, middle), (-1, p.summed(unit, (i,), K, "K of all entries are 1:"))],
    )
    none = p.squeezed(whole, reverse, "It is 0,")
    return p.each(low, none, (i, j), K, "and so is each of its terms.")


@proposition(
    "(f) implies (e), that implies (d), and that implies (b).",
    mutants={
        "a smaller exponent": {"exponent": lambda K: sympy.Rational(1, 4)},
        "vectors of any norm": {"drop": ["unit vectors"]},
        "any exponent": {"drop": ["(f)"]},
        "other distances": {"drop": ["distances"]},
    },
)
def etf_from_exponent(p: Proof, exponent=lambda K: K / (4 * (K - 1))):
    K, i, j, G, unit = unit_vectors(p)
    d = p.family("d", above=0)  # squared distances; an exponent that is not 0 needs different means
    margin = d[i, j] / 2
    distance = p.given("distances", Fact(d[i, j] - (G[i, i] + G[j, j] - 2 * G[i, j]), "= 0"), "The squared distances.")
    f = p.given(
        "(f)",
        Fact(margin**2 - 2 * exponent(K) * d[i, j], ">= 0"),
        "The margins of nearest mean are half of the squared distances, and the exponent is K / (4 (K - 1)).",
    )
    e = p.follows(
        Fact(d[i, j] - 2 * K / (K - 1), ">= 0"),
        "(e): the squared distances are at least 8 times the exponent.",
        [(4, f)],
        times=d[i, j],
    )
    low = p.follows(
        Fact(-1 / (K - 1) - G[i, j], ">= 0"),
        "(d): as 2 - 2 G_ij is the squared distance, the cosines are at most -1 / (K - 1).",
        [(HALF, e), (-HALF, distance), (-HALF, unit), (-HALF, p.renamed(unit, {i: j}, "Also mu_j has norm 1."))],
    )
    p.concludes("(e)", e)
    p.concludes("(d)", low)
    p.concludes("(b)", equal_cosines(p, low, unit, (K, i, j, G)))


@proposition(
    "(e) implies (d), and (b).",
    mutants={
        "a smaller distance": {"least": lambda K: sympy.Integer(2)},
        "vectors of any norm": {"drop": ["unit vectors"]},
        "any distance": {"drop": ["(e)"]},
    },
)
def etf_from_distance(p: Proof, least=lambda K: 2 * K / (K - 1)):
    K, i, j, G, unit = unit_vectors(p)
    e = p.given("(e)", Fact(G[i, i] + G[j, j] - 2 * G[i, j] - least(K), ">= 0"), "No two are nearer to each other.")
    low = p.follows(
        Fact(-1 / (K - 1) - G[i, j], ">= 0"),
        "(d): as 2 - 2 G_ij is the squared distance, the cosines are at most -1 / (K - 1).",
        [(HALF, e), (-HALF, unit), (-HALF, p.renamed(unit, {i: j}, "Also mu_j has norm 1."))],
    )
    p.concludes("(d)", low)
    p.concludes("(b)", equal_cosines(p, low, unit, (K, i, j, G)))


@proposition(
    "(d) implies (b).",
    mutants={
        "a larger cosine": {"most": lambda K: sympy.Integer(0)},
        "vectors of any norm": {"drop": ["unit vectors"]},
        "any cosine": {"drop": ["(d)"]},
    },
)
def etf_from_largest_cosine(p: Proof, most=lambda K: -1 / (K - 1)):
    K, i, j, G, unit = unit_vectors(p)
    low = p.given("(d)", Fact(most(K) - G[i, j], ">= 0"), "No cosine is above -1 / (K - 1).")
    p.concludes("(b)", equal_cosines(p, low, unit, (K, i, j, G)))


@proposition(
    "(c) implies (b).",
    mutants={
        "another cosine": {"cosine": lambda K: -1 / K},
        "cosines that differ": {"drop": ["equal"]},
        "any mean": {"drop": ["mean"]},
        "vectors of any norm": {"drop": ["unit vectors"]},
    },
)
def etf_from_equal_cosines(p: Proof, cosine=lambda K: -1 / (K - 1)):
    K, i, j, G, unit = unit_vectors(p)
    g = p.symbol("g")
    equal = p.given("equal", Fact(G[i, j] - g, "= 0"), "All cosines are g,")
    mean = p.given("mean", Fact(total(total(G[i, j], j, K), i, K), "= 0"), "and the mean is 0.")
    value = p.follows(
        Fact(g - cosine(K), "= 0"),
        "So K + K (K - 1) g = |sum mu|^2 = 0.",
        [
            (1, mean),
            (-1, p.summed(equal, (i, j), K, "K (K - 1) cosines")),
            (-1, p.summed(unit, (i,), K, "and K ones.")),
        ],
        times=K * (K - 1),
    )
    p.concludes("(b)", p.follows(Fact(G[i, j] - cosine(K), "= 0"), "All are -1 / (K - 1).", [(1, equal), (1, value)]))


@proposition(
    "(g) implies (b).",
    mutants={
        "another scale": {"scale": lambda K: (K + 1) / (K - 1)},
        "not tight": {"drop": ["tight"]},
        "any mean": {"drop": ["mean"]},
        "vectors of any norm": {"drop": ["unit vectors"]},
    },
)
def etf_from_gram(p: Proof, scale=lambda K: K / (K - 1), cosine=lambda K: -1 / (K - 1)):
    K, i, j, G, unit = vectors = unit_vectors(p)
    tight = p.given(
        "tight", Fact(total(G[i, j] ** 2, j, K) - scale(K) * G[i, i], "= 0"), "The diagonal of G^2 = K / (K - 1) G,"
    )
    mean = p.given("mean", Fact(total(G[i, j], j, K), "= 0"), "and G 1 = 0.")
    ones = p.summed(unit, (i,), K, "The trace of G is K,")
    squares = p.follows(
        Fact(total(total(G[i, j] ** 2, j, K), i, K) - K**2 / (K - 1), "= 0"),
        "so the squares of all entries add up to K^2 / (K - 1).",
        [(1, p.summed(tight, (i,), K, "that of G^2 is K / (K - 1) times as much,")), (K / (K - 1), ones)],
    )
    p.concludes("(b)", cosines(p, cosine, vectors, squares, p.summed(mean, (i,), K, "All entries add up to 0.")))


@proposition(
    "(h) implies (b).",
    mutants={
        "another scale": {"scale": lambda K: (K + 1) / (K - 1)},
        "no projection": {"drop": ["projection"]},
        "another trace": {"drop": ["trace"]},
        "any mean": {"drop": ["mean"]},
        "vectors of any norm": {"drop": ["unit vectors"]},
    },
)
def etf_from_frame(p: Proof, scale=lambda K: K / (K - 1), cosine=lambda K: -1 / (K - 1)):
    K, i, j, G, unit = vectors = unit_vectors(p)
    first, second = p.symbol("tr S"), p.symbol("tr S^2")
    mean = p.given("mean", Fact(total(total(G[i, j], j, K), i, K), "= 0"), "The mean is 0,")
    projection = p.given(
        "projection", Fact(second - scale(K) * first, "= 0"), "and S^2 = K / (K - 1) S, so for traces."
    )
    trace = p.given(
        "trace", Fact(first - total(G[i, i], i, K), "= 0"), "The trace of S = sum mu_i mu_i^T is sum |mu_i|^2."
    )
    traces = p.lemma(
        "trace of a product",
        Fact(second - total(total(G[i, j] ** 2, j, K), i, K), "= 0"),
        "The trace of S^2 = sum_ij <mu_i, mu_j> mu_i mu_j^T is the sum of all squared inner products.",
        "horn2012: tr XY = tr YX",
    )
    squares = p.follows(
        Fact(total(total(G[i, j] ** 2, j, K), i, K) - K**2 / (K - 1), "= 0"),
        "So these add up to K^2 / (K - 1).",
        [
            (-1, traces),
            (1, projection),
            (K / (K - 1), trace),
            (K / (K - 1), p.summed(unit, (i,), K, "K vectors of norm 1.")),
        ],
    )
    p.concludes("(b)", cosines(p, cosine, vectors, squares, mean))


@proposition(
    "The vectors of the simplex with some signs changed have the least frame potential of all K unit vectors in "
    "dimension K - 1 and equality in Welch's bound; but where two signs differ, (d) does not hold.",
    mutants={
        "in dimension K": {"dimension": lambda K: K},
        "numbers other than signs": {"drop": ["signs"]},
        "vectors of any norm": {"drop": ["unit vectors"]},
        "a larger cosine": {"drop": ["largest"]},
        "no sign is changed": {"changed": (1, 1)},
    },
)
def welch_is_no_simplex(p: Proof, dimension=lambda K: K - 1, changed=(1, -1)):
    K, i, j = p.symbol("K", least=2, integer=True), *sympy.symbols("i j", integer=True)
    d, F, w = p.symbol("d", least=1, integer=True), p.symbol("F"), p.symbol("w^2")
    G, s = p.family("G"), p.family("s")

    # both bounds, for any K unit vectors in dimension d with the frame operator S
    inner = {("S", "S"): F, ("S", "I"): K, ("I", "S"): K, ("I", "I"): d}
    potential = p.norm(
        {"S": 1, "I": -K / d},
        lambda u, v: inner[u, v],
        "<S, S> = F is the frame potential, the sum of all squared inner products, and <S, I> = K: so F >= K^2 / d.",
    )
    unit = p.given(
        "unit vectors", Fact(F - K - pair_total(G[i, j] ** 2, i, j, K), "= 0"), "K of them are squares of 1."
    )
    largest = p.given("largest", Fact(w - G[i, j] ** 2, ">= 0"), "And let w be the largest absolute cosine:")
    welch = p.follows(
        Fact(w - (K - d) / (d * (K - 1)), ">= 0"),
        "then F is at most K + K (K - 1) w^2, which is Welch's bound.",
        [(1, potential), (-1, unit), (1, p.summed(largest, (i, j), K, "The sum over all pairs."))],
        times=K * (K - 1),
    )

    cosine = -s[i] * s[j] / (K - 1)
    signs = p.given(
        "signs", Fact(s[i] ** 2 - 1, "= 0"), "Now mu_i = s_i times the vectors of a simplex, s_i = 1 or -1."
    )
    square = p.follows(
        Fact(cosine**2 - (K - dimension(K)) / (dimension(K) * (K - 1)), "= 0"),
        "All squared cosines are what Welch's bound is in dimension K - 1.",
        [(s[j] ** 2 / (K - 1) ** 2, signs), (1 / (K - 1) ** 2, p.renamed(signs, {i: j}, "Also for mu_j."))],
    )
    sums = p.summed(square, (i, j), K, "Their sum over all pairs.")
    least = p.follows(
        Fact(K + pair_total(cosine**2, i, j, K) - K**2 / dimension(K), "= 0"),
        "So the frame potential is K^2 / (K - 1), the least there.",
        [(1, sums)],
    )
    above = p.sign(
        Fact(-changed[0] * changed[1] / (K - 1) + 1 / (K - 1), "> 0"),
        "Where one sign is 1 and another -1, the cosine 1 / (K - 1) of both vectors is above -1 / (K - 1).",
    )
    p.concludes("The bounds", potential, welch)
    p.concludes("are attained with every choice of signs,", square, least)
    p.concludes("but not by simplices only.", above)
