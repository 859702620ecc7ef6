"""The largest inner product names the nearest mean for every feature, whatever it is, if and only if norms are equal.

Where the norms differ, a short step from 0 along the longest mean has its largest inner product with that mean, but is
nearer to a shorter one.
"""

import sympy

from nctheory.symbolic import Fact, Proof, proposition

HALF = sympy.Rational(1, 2)


@proposition(
    "Nearest mean is the linear decoder with w = mu, b = -|mu|^2 / 2. A class of largest inner product is farther than "
    "the nearest mean, in squared distance, by at most the spread of squared norms: with equal norms, by nothing.",
    mutants={
        "the bias is the squared norm": {"bias": 1},
        "half of the spread": {"spread": HALF},
        "not the largest inner product": {"drop": ["argmax"]},
    },
)
def nearest_mean(p: Proof, bias=HALF, spread=1):
    n_i, n_c, x, y, hh = (p.symbol(name) for name in ("|mu_i|^2", "|mu_c|^2", "<mu_i, h>", "<mu_c, h>", "|h|^2"))
    farther = (hh - 2 * y + n_c) - (hh - 2 * x + n_i)  # |h - mu_c|^2 - |h - mu_i|^2
    decoder = p.identity(
        farther,
        2 * ((x - bias * n_i) - (y - bias * n_c)),
        "How much farther h is from mu_c than from mu_i is twice the difference of their scores.",
    )
    chosen = p.given("argmax", Fact(y - x, ">= 0"), "Let the inner product with mu_c be the largest.")
    near = p.follows(
        Fact(spread * (n_c - n_i) - farther, ">= 0"),
        "Then c is farther than any i by at most |mu_c|^2 - |mu_i|^2, which is 0 where norms are equal.",
        [(2, chosen)],
    )
    p.concludes("Nearest mean is linear, with a bias that is constant where the norms are equal;", decoder)
    p.concludes("and then the largest inner product names a nearest mean.", near)


@proposition(
    "Where norms differ, there is a feature whose largest inner product is not with a nearest mean.",
    mutants={
        "a long step": {"step": lambda n_l, n_s: sympy.Integer(1)},
        "a step the other way": {"step": lambda n_l, n_s: -(n_l - n_s) / (8 * n_l)},
        "not the longest": {"drop": ["longest"]},
        "the same point": {"drop": ["another"]},
        "equal norms": {"least": 0},
    },
)
def nearest_mean_converse(p: Proof, step=lambda n_l, n_s: (n_l - n_s) / (8 * n_l), least=None):
    n_s = p.symbol("|mu_s|^2", least=0)
    more = p.symbol("e", above=0) if least is None else p.symbol("e", least=least)
    n_l = n_s + more  # the squared norm of the longest mean l; s is a shorter one
    n_c, c_l, s_l = (p.symbol(name) for name in ("|mu_c|^2", "<mu_c, mu_l>", "<mu_s, mu_l>"))
    t = step(n_l, n_s)  # h = t mu_l

    inner = {("l", "l"): n_l, ("s", "s"): n_s, ("s", "l"): s_l, ("l", "s"): s_l}
    longest = p.given("longest", Fact(n_l - n_c, ">= 0"), "No mean mu_c is longer than mu_l.")
    other = p.given("another", Fact(n_c + n_l - 2 * c_l, "> 0"), "Let mu_c be another point than mu_l.")
    argmax = p.follows(
        Fact(t * n_l - t * c_l, "> 0"),
        "Then the inner product of mu_c with h = t mu_l is smaller than that of mu_l.",
        [(t / 2, longest), (t / 2, other)],
    )
    opposite = p.norm({"s": 1, "l": 1}, lambda u, v: inner[u, v], "The squared norm of mu_s + mu_l.")
    small = p.sign(
        Fact(n_l - n_s - t * (3 * n_l + n_s), "> 0"), "The step t = (|mu_l|^2 - |mu_s|^2) / (8 |mu_l|^2) is short:"
    )
    farther = p.follows(
        Fact((n_l - 2 * t * n_l) - (n_s - 2 * t * s_l), "> 0"),
        "h is farther from mu_l than from mu_s: 2 <mu_s, mu_l> is at least -|mu_s|^2 - |mu_l|^2.",
        [(1, small), (t, opposite)],
    )
    p.concludes("The largest inner product is with mu_l, and points that are the same,", argmax)
    p.concludes("and mu_s is nearer than these.", farther)
