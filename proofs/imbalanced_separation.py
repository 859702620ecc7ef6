"""The least norms of margins m, in closed form for classes of two or three sizes.

|W| |H| >= m v, v the sum of the roots of the eigenvalues of P D P, D = diag(class sizes), P = I - J / K, without the
eigenvalue 0 of the vector 1. There are k_j classes of size n_j. The size n_j is an eigenvalue k_j - 1 times: vectors
of sum 0 in its classes are eigenvectors. What is left are vectors that are constant on the classes of each size.
"""

import sympy

from nctheory.symbolic import Fact, Proof, proposition


def norms(p: Proof, value, needs):
    """|W| |H| >= m v from the bound of the squares."""
    W, H, m, t = (p.symbol(name, above=0) for name in ("|W|", "|H|", "m", "t"))
    bound = p.lemma(
        "simplex-encoded labels",
        Fact(t**2 * W**2 + H**2 / t**2 - 2 * m * value, ">= 0"),
        "t W and H / t have the same margins as W and H, so their squared norms are at least 2 m v in sum.",
        "the theorem simplex_encoded_labels",
        needs=needs,
    )
    best = p.given("scale", Fact(t**2 * W - H, "= 0"), "Let t^2 be |H| / |W|.")
    return p.follows(
        Fact(W * H - m * value, ">= 0"),
        "Then these squared norms are 2 |W| |H|.",
        [(sympy.Rational(1, 2), bound), (-W / 2 + H / (2 * t**2), best)],
    )


@proposition(
    "k_j classes of size n_j, n_1 < n_2 < n_3, margins of at least m > 0, any dimension: |W| |H| >= m v, "
    "v = sum (k_j - 1) sqrt n_j + sqrt(S + 2 sqrt Q), with K S = sum k_j (n_1 + n_2 + n_3 - n_j) and "
    "K Q = sum k_j n_1 n_2 n_3 / n_j.",
    mutants={
        "sizes not swapped": {"swapped": False},
        "sqrt Q once": {"twice": 1},
        "each size k_j times": {"less": 0},
        "another sum": {"drop": ["sum"]},
        "another product": {"drop": ["product"]},
        "any scale": {"drop": ["scale"]},
    },
)
def imbalanced_separation(p: Proof, swapped=True, twice=2, less=1):
    k = [p.symbol(f"k_{j}", least=1, integer=True) for j in (1, 2, 3)]
    first, a, b = (p.symbol(name, above=0) for name in ("n_1", "a", "b"))
    n, K = [first, first + a, first + a + b], sum(k)  # different, in this order
    others = [n[:j] + n[j + 1 :] for j in range(3)]
    S = sum(k[j] * (sum(others[j]) if swapped else n[j]) for j in range(3)) / K
    Q = sum(k[j] * sympy.prod(others[j]) for j in range(3)) / K
    x, y = p.symbol("x", above=0), p.symbol("y", above=0)

    def q(t):
        return sum(k[j] * sympy.prod(t - size for size in others[j]) for j in range(3))

    between = [
        p.sign(Fact(sign * q(size), "> 0"), f"q(t) = sum_j k_j prod_(l != j) (t - n_l) is {word} at n_{j},")
        for j, sign, word, size in zip((1, 2, 3), (1, -1, 1), ("positive", "negative", "positive"), n, strict=True)
    ]
    sums = p.given("sum", Fact(x**2 + y**2 - S, "= 0"), "so it has two roots between the n_j, x^2 and y^2, of sum S")
    products = p.given("product", Fact(x**2 * y**2 - Q, "= 0"), "and product Q (Vieta):")
    needs = [*between]
    for name, root in (("x^2", x**2), ("y^2", y**2)):
        zero = p.follows(
            Fact(q(root), "= 0"),
            f"q({name}) = K ({name} x^2 + {name} y^2 - S {name}) + K (Q - x^2 y^2) is 0.",
            [(K * root, sums), (-K, products)],
        )
        z = [sympy.prod(root - size for size in others[j]) for j in range(3)]
        total = sum(k[j] * n[j] * z[j] for j in range(3))
        needs += [
            p.follows(
                Fact(n[j] * z[j] - total / K - root * z[j], "= 0"),
                f"Let z be prod_(l != j) ({name} - n_l) != 0 in classes of size n_j. Its sum is q({name}) = 0, and "
                f"P D P z = P D z = {name} z: (P D z)_j is n_j z_j less the mean of D z (j = {j + 1}).",
                [(-root / K, zero)],
            )
            for j in range(3)
        ]
    number = p.identity(sum(k) - 1, sum(size - 1 for size in k) + 2, "These are all K - 1 eigenvectors of sum 0;")
    trace = p.identity(
        sum((k[j] - less) * n[j] for j in range(3)) + S,
        sum(k[j] * n[j] for j in range(3)) * (1 - 1 / K),
        "their eigenvalues add up to the trace of P D P.",
    )
    repeated = sum((k[j] - 1) * sympy.sqrt(n[j]) for j in range(3))
    least = norms(p, repeated + x + y, [*needs, number, trace])
    last = p.follows(Fact((x + y) ** 2 - S - twice * x * y, "= 0"), "Now x y = sqrt Q, so x + y", [(1, sums)])
    p.concludes("is the root of S + 2 sqrt Q, and v = sum (k_j - 1) sqrt n_j + x + y.", least, last)


@proposition(
    "For two sizes v = (k_1 - 1) sqrt n_1 + (k_2 - 1) sqrt n_2 + sqrt((k_1 n_2 + k_2 n_1) / K).",
    mutants={
        "sizes not swapped": {"mean": lambda k, n: k[0] * n[0] + k[1] * n[1]},
        "each size k_j times": {"less": 0},
        "any scale": {"drop": ["scale"]},
    },
)
def imbalanced_separation_of_two_sizes(p: Proof, mean=lambda k, n: k[0] * n[1] + k[1] * n[0], less=1):
    k = [p.symbol(f"k_{j}", least=1, integer=True) for j in (1, 2)]
    n = [p.symbol(f"n_{j}", above=0) for j in (1, 2)]
    K, z = sum(k), (k[1], -k[0])
    root = mean(k, n) / K
    center = p.identity(
        k[0] * z[0] + k[1] * z[1], 0, "z, k_2 for the classes of size n_1, -k_1 for the others, has sum 0."
    )
    total = k[0] * n[0] * z[0] + k[1] * n[1] * z[1]
    on = [
        p.identity(n[j] * z[j] - total / K, root * z[j], f"P D P z = P D z is a multiple of z (for size n_{j + 1}).")
        for j in range(2)
    ]
    trace = p.identity(
        (k[0] - less) * n[0] + (k[1] - less) * n[1] + root,
        (k[0] * n[0] + k[1] * n[1]) * (1 - 1 / K),
        "With n_1 and n_2, k_j - 1 times each, these are all K - 1 eigenvalues: their sum is the trace of P D P.",
    )
    value = (k[0] - 1) * sympy.sqrt(n[0]) + (k[1] - 1) * sympy.sqrt(n[1]) + sympy.sqrt(root)
    p.concludes("|W| |H| is at least m v.", norms(p, value, [center, *on, trace]))
