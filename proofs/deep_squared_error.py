"""One mode of a deep linear model with the squared error: it keeps a share of (L - 2) / (L - 1) or more, or nothing.

L factors; x >= 0 is the share that is kept of a singular value of the targets, and f(x) = (1 - x)^2 / 2 + (L / 2) m
x^(2/L) what it costs, next to f(0) = 1/2. Powers are exponentials here: x = y e^v, x^(2/L) = y^(2/L) e^(2 v / L), with
w = m y^(2/L) for the power at y. As f'(y) = y - 1 + w / y, the share y is stationary where w = (1 - y) y.

Not here but in the theorem's docstring: that the penalties are at least (L / 2) Lambda^(1/L) sum s^(2/L), by Horn's
inequality, and that no mode gains from another, by von Neumann's.
"""

import sympy

from nctheory.symbolic import Fact, Proof, proposition

HALF = sympy.Rational(1, 2)


def stationary(p: Proof, y, w, factor=1):
    """f'(y) = 0, for the power w at y."""
    return p.given("stationary", Fact(w - factor * (1 - y) * y, "= 0"), "y is stationary: w = m y^(2/L) is (1 - y) y.")


@proposition(
    "At the penalty m at which y = (L - 2) / (L - 1) is stationary, and at all larger ones, every share x = y e^v "
    "costs at least 1/2, as much as none.",
    mutants={
        "stationary for half of w": {"factor": HALF},
        "y = (L - 1) / L": {"share": lambda L: (L - 1) / L},
        "the power 1 / L": {"power": lambda L: 1 / L},
        "any w": {"drop": ["stationary"]},
        "smaller penalties, too": {"drop": ["larger"]},
    },
)
def deep_squared_error(p: Proof, factor=1, share=lambda L: (L - 2) / (L - 1), power=lambda L: 2 / L):
    L, v, w, more = p.symbol("L", least=3), p.symbol("v"), p.symbol("w"), p.symbol("u")
    y, slope = share(L), power(L) - 1
    still = stationary(p, y, w, factor)
    larger = p.given("larger", Fact(more, ">= 0"), "The penalty is 1 + u times that, u >= 0.")
    up = p.tangent(v, "Of x / y = e^v,")
    down = p.tangent(slope * v, "and of its power 2 / L - 1.")
    cost = (1 - y * sympy.exp(v)) ** 2 / 2 + L / 2 * w * (1 + more) * sympy.exp((slope + 1) * v)
    shares = [(y * y / 2 * sympy.exp(v), up), (L / 2 * (1 - y) * y * sympy.exp(v), down)]
    rest = [(L / 2 * (1 + more) * sympy.exp((slope + 1) * v), still)]
    rest += [(L / 2 * (1 - y) * y * sympy.exp((slope + 1) * v), larger)]
    p.concludes(
        "No share is better than none.",
        p.follows(Fact(cost - HALF, ">= 0"), "(f(x) - 1/2) / x is at least their sum.", [*shares, *rest]),
    )


@proposition(
    "A stationary share y > 0 costs (1 - y) (1 + (L - 1) y) / 2: less than none where y > (L - 2) / (L - 1), as much "
    "where y = (L - 2) / (L - 1).",
    mutants={
        "L for L - 1": {"number": lambda L: L},
        "from (L - 3) / (L - 1) on": {"share": lambda L: (L - 3) / (L - 1)},
        "not stationary": {"drop": ["stationary"]},
        "any share": {"drop": ["above"]},
    },
)
def deep_squared_error_root(p: Proof, number=lambda L: L - 1, share=lambda L: (L - 2) / (L - 1)):
    L, y, w = p.symbol("L", least=3), p.symbol("y", above=0), p.symbol("w")
    still = stationary(p, y, w)
    above = p.given("above", Fact(y - share(L), "> 0"), "Let y be above (L - 2) / (L - 1).")
    cost = (1 - y) ** 2 / 2 + L / 2 * w
    value = p.follows(Fact(cost - (1 - y) * (1 + number(L) * y) / 2, "= 0"), "The cost is this,", [(L / 2, still)])
    gain = Fact(HALF - cost - (L - 1) * y / 2 * (y - (L - 2) / (L - 1)), "= 0")
    same = p.follows(gain, "which differs from 1/2 by (L - 1) y / 2 times y - (L - 2) / (L - 1),", [(-L / 2, still)])
    less = p.follows(Fact(HALF - cost, "> 0"), "a positive number.", [((L - 1) * y / 2, above), (1, same)])
    p.concludes("It is better than none.", value, same, less)


@proposition(
    "A share y that is stationary is a local minimum where y > (L - 2) / (2 L - 2), also where it is worse than none: "
    "f''(y) = 1 - w (L - 2) / (L y^2) is positive.",
    mutants={
        "from half of that on": {"least": lambda L: (L - 2) / (4 * L - 4)},
        "not stationary": {"drop": ["stationary"]},
        "any share": {"drop": ["above"]},
    },
)
def deep_squared_error_metastable(p: Proof, least=lambda L: (L - 2) / (2 * L - 2)):
    L, y, w = p.symbol("L", least=3), p.symbol("y", above=0), p.symbol("w")
    still = stationary(p, y, w)
    above = p.given("above", Fact(y - least(L), "> 0"), "y is above (L - 2) / (2 L - 2).")
    bent = 1 - w * (L - 2) / (L * y**2)
    p.concludes(
        "It is a local minimum.",
        p.follows(
            Fact(bent, "> 0"),
            "It is (2 L - 2) / (L y) times y - (L - 2) / (2 L - 2).",
            [((2 * L - 2) / (L * y), above), (-(L - 2) / (L * y**2), still)],
        ),
    )
