"""The focal loss, K balanced classes of n samples: what the penalties and the mean margins bound, in any dimension.

The loss of sample s of class i falls with its probability, 1 / (1 + the sum of e^-margin over the other classes), so it
is at least phi(m), phi the loss where all margins are m, if that sum is at least (K - 1) e^-m; m is the mean margin,
and m (K - 1) / K = <w_i - w, h_is>, w the mean of the weights. The penalties are at least c times the mean of t_is <w_i
- w, h_is> for any numbers t_is from -1 to 1: with t_is = 1 where m is positive, and 0 elsewhere, F is at least the mean
of phi(max(0, m)) + c max(0, m) (K - 1) / K. `cross_entropy_optimum_attained` has the penalties of the simplex.
"""

from pathlib import Path

import sympy

from nctheory.symbolic import Fact, Proof, proposition, total
from nctheory.theorems.registry import run_file

penalties = run_file(Path(__file__).with_name("symmetric_penalties.py"))
HALF = sympy.Rational(1, 2)


@proposition(
    "The penalties are at least c times the mean of t_is <w_i - w, h_is>, for any numbers t_is with t_is^2 <= 1.",
    mutants={
        "c without the root of n": {"root": 2},
        "twice as much": {"factor": 2},
        "numbers beyond 1": {"drop": ["numbers"]},
        "w is not the mean": {"drop": ["center"]},
    },
)
def focal_optimum(p: Proof, root=1, factor=1):
    s = penalties.balanced(p, root)
    t, apart = p.family("t")[s.i, s.s], s.W[s.i, s.k] - s.M[s.k]
    weight = s.c / (s.K * s.n * s.by_features)
    number = p.given("numbers", Fact(1 - t**2, ">= 0"), "t_is is from -1 to 1,")
    square = p.follows(Fact(sympy.expand(apart**2), ">= 0"), "squares are not negative,", [], [(1, apart)])
    small = p.product(number, square, "so t_is^2 (w_i - w)^2 is at most (w_i - w)^2 in each coordinate,")
    small = penalties.summed(p, small, penalties.samples(s), "and in sum.")
    aligned = s.H[s.i, s.s, s.k] - weight * t * apart
    features = p.follows(Fact(sympy.expand(aligned**2), ">= 0"), "The square of", [], [(1, aligned)])
    features = penalties.summed(p, features, penalties.samples(s), "h_is - t_is (w_i - w) c / (K n lambda_H)")
    middle = p.follows(Fact(sympy.expand(s.M[s.k] ** 2), ">= 0"), "and that of w", [], [(1, s.M[s.k])])
    middle = p.summed(middle, (s.k,), s.d, "are not negative;")
    pull = penalties.of(sympy.expand(t * apart * s.H[s.i, s.s, s.k]), penalties.samples(s))
    p.concludes(
        "They leave the mean of the products.",
        p.follows(
            Fact(sympy.expand(penalties.objective(s, 0) - factor * s.c / (s.K * s.n) * pull), ">= 0"),
            "lambda_H / 2 times the first, lambda_W / (2 n) times what t_is^2 leaves and lambda_W K / 2 times |w|^2.",
            [
                (s.by_features / 2, features),
                (s.by_weights / (2 * s.n), small),
                (s.by_weights * s.K / 2, middle),
                (s.by_weights, s.middle),
            ],
        ),
    )


@proposition(
    "The sum of e^-margin over the other classes is at least (K - 1) e^-m, m their mean margin.",
    mutants={
        "K e^-m": {"others": lambda K: K},
        "another mean": {"drop": ["mean"]},
    },
)
def focal_optimum_margins(p: Proof, others=lambda K: K - 1):
    K, m, j = p.symbol("K", least=2, integer=True), p.symbol("m"), sympy.Symbol("j", integer=True)
    margin = p.family("M")[j]
    mean = p.given("mean", Fact(total(margin, j, K - 1) - (K - 1) * m, "= 0"), "m is the mean of K - 1 margins M_j.")
    above = p.tangent(m - margin, "e^(m - M_j) >= 1 + m - M_j,")
    above = p.summed(above, (j,), K - 1, "in sum")
    p.concludes(
        "That is, times e^-m:",
        p.follows(
            Fact(total(sympy.exp(m - margin), j, K - 1) - others(K), ">= 0"),
            "the differences from the mean add up to 0.",
            [(1, above), (-1, mean)],
        ),
    )


@proposition(
    "With r = (K - 1) e^-a, s = log(1 + r), p = 1 / (1 + r), q = 1 - p: phi = q^g s has phi' = -q^g (q + g s p), and "
    "phi'' = q^g p times (1 + 2 g) q - g s (q - g p), by a.",
    mutants={
        "a slope without g": {"slope": lambda q, p, s, g: q + s * p},
        "a bend of cross-entropy": {"bend": lambda q, p, s, g: q},
    },
)
def focal_optimum_bend(
    p: Proof,
    slope=lambda q, p, s, g: q + g * s * p,
    bend=lambda q, p, s, g: (1 + 2 * g) * q - g * s * (q - g * p),
):
    r, g = p.symbol("r", above=0), p.symbol("g", above=0)
    s, own, rest = sympy.log(1 + r), 1 / (1 + r), r / (1 + r)

    def by_margin(factor):
        """What q^g times this has as a derivative by a, over q^g; dr / da = -r."""
        return sympy.expand(-r * (sympy.diff(factor, r) + factor * g * sympy.diff(rest, r) / rest))

    first = p.identity(by_margin(s), -slope(rest, own, s, g), "The derivative of q^g s, over q^g,")
    second = p.identity(
        by_margin(-(rest + g * s * own)), own * bend(rest, own, s, g), "and that of -q^g (q + g s p), as r' = -r."
    )
    p.concludes("So phi bends as the last factor does.", first, second)


@proposition(
    "At a = 0, where r = K - 1, q + g s p is 1 - 1/K + g log(K) / K: so -phi' = c (K - 1) / K there for c = (1 - 1/K)^"
    "(g - 1) (1 - 1/K + g log(K) / K), over the same power (1 - 1/K)^g on both sides.",
    mutants={"the threshold of cross-entropy": {"level": lambda K, g: sympy.S.One}},
)
def focal_optimum_threshold(p: Proof, level=lambda K, g: (1 - 1 / K + g * sympy.log(K) / K) / (1 - 1 / K)):
    K, g = p.symbol("K", least=2, integer=True), p.symbol("g", above=0)
    s, own, rest = sympy.log(K), 1 / K, 1 - 1 / K
    slope = p.identity(rest + g * s * own, level(K, g) * (K - 1) / K, "c over (1 - 1/K)^g, times (K - 1) / K, is this.")
    p.concludes("Zero is stationary along the simplex at that c.", slope)
