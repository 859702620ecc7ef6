"""Balanced classes and a convex loss that treats all classes alike: the optimum is among the logits x P + y J.

The loss of all logits is convex, and the same when classes are renamed. So at logits x P + y J in each class it has a
subgradient of that form, p P + q J up to scale, the mean over all renamings of any one. Let x P + y J have the averages
of the logits z of any weights and features: then the loss at z is at least that at x P + y J, and the penalties are at
least (c / K) ((K - 1) |x| + |y|), lambda times the nuclear norm of x P + y J for n samples each: two numbers are left.
"""

from pathlib import Path

import sympy

from nctheory.symbolic import CompoundSymmetric, Fact, Proof, proposition
from nctheory.theorems.registry import run_file

penalties = run_file(Path(__file__).with_name("symmetric_penalties.py"))


def averages(p: Proof, s, x, y):
    """x P + y J has the same sum of the own logits, and of all, as W and H."""
    own = penalties.of(s.W[s.i, s.k] * s.H[s.i, s.s, s.k], penalties.samples(s))
    every = penalties.of(s.W[s.j, s.k] * s.H[s.i, s.s, s.k], ((s.k, s.d), (s.j, s.K), (s.s, s.n), (s.i, s.K)))
    diagonal = p.given(
        "own logits", Fact(own - s.n * ((s.K - 1) * x + y), "= 0"), "The own logits add up to those of x P + y J,"
    )
    whole = p.given("all logits", Fact(every - s.n * s.K * y, "= 0"), "and so do all logits, to n K y.")
    return own, every, diagonal, whole


@proposition(
    "F >= L(x P + y J) + (c / K) (sigma (K - 1) x + tau y), x P + y J the averages of the logits, for all signs: "
    "those of x and of y make it (K - 1) |x| + |y|. L is the mean loss, of any weights and features.",
    mutants={
        "K |x|": {"times": lambda K: K},
        "c without the root of n": {"root": 2},
        "no signs": {"drop": ["signs"]},
        "a loss without such a gradient": {"drop": ["convexity"]},
        "other own logits": {"drop": ["own logits"]},
        "others": {"drop": ["all logits"]},
        "w is not the mean": {"drop": ["center"]},
    },
)
def equivariant_loss(p: Proof, times=lambda K: K - 1, root=1):
    s = penalties.balanced(p, root)
    x, y, on, level = (p.symbol(name) for name in ("x", "y", "p", "q"))
    loss, symmetric = p.symbol("L(z)"), p.symbol("L(x P + y J)")
    own, every, diagonal, whole = averages(p, s, x, y)
    number = s.K * s.n
    linear = on * (own - s.n * ((s.K - 1) * x + y)) + level * (every - number * y)
    convex = p.given(
        "convexity",
        Fact(loss - symmetric - linear / number, ">= 0"),
        "L is convex, with a gradient of p on own logits and q on all, over K n, at x P + y J.",
    )
    smaller = p.follows(
        Fact(loss - symmetric, ">= 0"),
        "That is orthogonal to the rest of z, so L(z) is at least L(x P + y J).",
        [(1, convex), (on / number, diagonal), (level / number, whole)],
    )
    signs = [p.symbol(name) for name in ("sigma", "tau")]
    one = [p.given("signs", Fact(sign**2 - 1, "= 0"), f"{sign} is 1 or -1.") for sign in signs]
    alpha, beta = (s.c * sign for sign in signs)
    identity = penalties.identity(p, s, alpha, beta)
    pull, aligned, spread, center = penalties.parts(s, alpha, beta)
    square = p.follows(
        Fact(penalties.objective(s, 0) - pull - s.by_features / 2 * aligned, ">= 0"),
        "The penalties are at least the linear function with c sigma on P and c tau on J,",
        [(1, identity), (-s.by_weights / 2 * spread, one[0]), (-s.by_weights / 2 * center, one[1])],
    )
    distance = sympy.expand((s.H[s.i, s.s, s.k] - _aim(s, alpha, beta)) ** 2)
    apart = p.follows(Fact(distance, ">= 0"), "and squares,", [], [(1, s.H[s.i, s.s, s.k] - _aim(s, alpha, beta))])
    apart = penalties.summed(p, apart, penalties.samples(s), "which are not negative;")
    value = s.c / s.K * (times(s.K) * signs[0] * x + signs[1] * y)
    p.concludes(
        "F is at least its value with two numbers.",
        smaller,
        p.follows(
            Fact(loss + penalties.objective(s, 0) - symmetric - value, ">= 0"),
            "and that is c / K times sigma (K - 1) x + tau y.",
            [
                (1, smaller),
                (1, square),
                (s.by_features / 2, apart),
                (alpha / number, diagonal),
                ((beta - alpha) / (s.K * number), whole),
                ((alpha - beta) / (s.K * number), s.logits),
            ],
        ),
    )


def _aim(s, alpha, beta):
    """What the features of class i are near."""
    return (alpha * (s.W[s.i, s.k] - s.M[s.k]) + beta * s.M[s.k]) / (s.K * s.n * s.by_features)


@proposition(
    "Collapsed weights and class means, of Gram matrices |x| P + |y| J times c / (K lambda_W) and K lambda_W / c, have "
    "the logits x P + y J for any signs, and penalties (c / K) ((K - 1) |x| + |y|); n samples each have the singular "
    "values sqrt(n) |x|, K - 1 times, and sqrt(n) |y|.",
    mutants={
        "penalties (c / K) (|x| + |y|)": {"times": lambda K: sympy.S.One},
        "K times |x|": {"number": lambda K: K},
        "no signs": {"drop": ["signs"]},
    },
)
def equivariant_loss_attained(p: Proof, times=lambda K: K - 1, number=lambda K: K - 1):
    K, n = p.symbol("K", least=2, integer=True), p.symbol("n", least=1, integer=True)
    c, rho, s, t = p.symbol("c", above=0), p.symbol("rho", above=0), p.symbol("s"), p.symbol("t")
    on_p, on_j = p.symbol("rx", least=0), p.symbol("ry", least=0)
    one = [p.given("signs", Fact(sign**2 - 1, "= 0"), f"{sign} is the sign of a number, 1 or -1.") for sign in (s, t)]
    by_weights, x, y = c / (K * rho**2), s * on_p**2, t * on_j**2
    by_features = c**2 / (K**2 * n * by_weights)

    def matrix(on_sums, on_constants):
        return CompoundSymmetric(on_sums, (on_constants - on_sums) / K, K)

    W, H = rho * matrix(on_p, on_j), (1 / rho) * matrix(s * on_p, t * on_j)
    on, off = (W @ H).entries
    logits = (
        p.identity(on, x * (1 - 1 / K) + y / K, "The logits are x P + y J"),
        p.identity(off, (y - x) / K, "off it."),
    )
    paid = c / K * (times(K) * on_p**2 + on_j**2)
    weights = p.identity(by_weights * (W @ W).trace, paid, "lambda_W |W|^2 is (c / K) ((K - 1) |x| + |y|),")
    features = p.follows(
        Fact(by_features * n * (H @ H).trace - paid, "= 0"),
        "and so is lambda_H |H|^2, as s^2 = t^2 = 1.",
        [(c / K * (K - 1) * on_p**2, one[0]), (c / K * on_j**2, one[1])],
    )
    logit = matrix(x, y)
    values = p.spectrum(
        n * (logit @ logit),
        ((n * x**2, number(K)), (n * y**2, 1)),
        "Z Z^T, n times the square of x P + y J, has these:",
    )
    p.concludes("The penalties are lambda times the nuclear norm.", *logits, weights, features, *values)
