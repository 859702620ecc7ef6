"""Norm 1, one class A of R n samples beside m of n samples: weights and features of the m coincide, opposite to A's.

x = e^(-2 tau); q_A = x / (1 + m x) is the probability of each other class at a sample of A, q_B = x / (m + x) that of A
at the others, where each of the m classes has (1 - q_B) / m. In units of tau n / N, G has the rows R (-m q_A, q_A, ...)
and (q_B, (1 - q_B) / m - [b = b']), sums over the samples of a class. S is [[diag alpha, G^T], [G, diag beta]].
"""

from types import SimpleNamespace

import sympy

from nctheory.symbolic import Fact, Proof, proposition


def point(p: Proof):
    """Sizes, probabilities, and the multipliers: alpha is -sum_k G_kc <w_c, h_k>, and so is beta."""
    s = SimpleNamespace(m=p.symbol("m", least=2, integer=True), x=p.symbol("x", above=0), R=p.symbol("R", above=0))
    s.large, s.small = s.x / (1 + s.m * s.x), s.x / (s.m + s.x)
    same = (1 - s.small) / s.m
    s.alpha_large = s.R * s.m * s.large + s.m * s.small
    s.alpha = s.R * s.large - (s.m * same - 1)
    s.beta_large = s.R * 2 * s.m * s.large
    s.beta = s.small - (s.m * same - 1)
    return s


@proposition(
    "On vectors that are the same for the m classes, S is a sum of squares, once their entries have changed sign.",
    mutants={
        "2 q_B for q_B": {"factor": 2},
        "signs as they are": {"sign": -1},
        "R for m R": {"times": lambda m: sympy.S.One},
    },
)
def sphere_minority_collapse(p: Proof, factor=1, sign=1, times=lambda m: m):
    s = point(p)
    w_large, w_small, h_large, h_small = (p.symbol(name) for name in ("w_A", "w_b", "h_A", "h_b"))
    same = s.m * (1 - s.small) / s.m - 1
    diagonal = (
        s.alpha_large * w_large**2 + s.beta_large * h_large**2 + s.m * (s.alpha * w_small**2 + s.beta * h_small**2)
    )
    mixed = -s.R * s.m * s.large * w_large * h_large - sign * s.R * s.m * s.large * w_small * h_large
    mixed += -sign * s.m * s.small * w_large * h_small + s.m * same * w_small * h_small
    squares = s.R * times(s.m) * s.large * ((w_large - h_large) ** 2 + (w_small - h_large) ** 2)
    squares += factor * s.m * s.small * ((w_large - h_small) ** 2 + (w_small - h_small) ** 2)
    whole = p.identity(diagonal + 2 * mixed, squares, "It is a weighted graph's Laplacian:")
    weights = [
        p.sign(Fact(weight, "> 0"), "the weights are positive.") for weight in (s.R * s.m * s.large, s.m * s.small)
    ]
    p.concludes("So it is not negative, and 0 only on the vector of the point.", whole, *weights)


@proposition(
    "On vectors that add up to 0 over the m classes, S is not negative where 2 q_B (R q_A + q_B) >= 1.",
    mutants={
        "from a half on": {"level": sympy.Rational(1, 2)},
        "any ratio": {"drop": ["ratio"]},
    },
)
def sphere_minority_collapse_threshold(p: Proof, level=1):
    s = point(p)
    w, h = p.symbol("w"), p.symbol("h")
    enough = p.given(
        "ratio", Fact(2 * s.small * (s.R * s.large + s.small) - level, ">= 0"), "2 q_B (R q_A + q_B) >= 1."
    )
    p.concludes(
        "The form alpha w^2 - 2 w h + beta h^2 is not negative.",
        p.follows(
            Fact(sympy.expand(s.alpha * w**2 - 2 * w * h + s.beta * h**2), ">= 0"),
            "alpha times it is (alpha w - h)^2 + (alpha beta - 1) h^2.",
            [(h**2, enough)],
            [(1, s.alpha * w - h)],
            times=s.alpha,
        ),
    )


@proposition(
    "Where 2 q_B (R q_A + q_B) < 1, S is negative on (w, h) = (1, alpha): the m classes do not coincide at a minimum.",
    mutants={"any ratio": {"drop": ["ratio"]}, "the other vector": {"along": lambda alpha: -alpha}},
)
def sphere_minority_collapse_split(p: Proof, along=lambda alpha: alpha):
    s = point(p)
    less = p.given("ratio", Fact(1 - 2 * s.small * (s.R * s.large + s.small), "> 0"), "2 q_B (R q_A + q_B) < 1.")
    h = along(s.alpha)
    p.concludes(
        "The form is negative there.",
        p.follows(
            Fact(-sympy.expand(s.alpha - 2 * h + s.beta * h**2), "> 0"),
            "It is alpha (alpha beta - 1), and alpha = R q_A + q_B is positive.",
            [(s.alpha, less)],
        ),
    )
