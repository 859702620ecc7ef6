"""With a convex loss, features in place of which their class mean stands cost less, by what they vary (NC1).

A class has n of N samples, h_s with mean m; the loss of a sample is a convex function of its features, as it is one of
its logits W h_s + b, and the target is that of the class. Weights, bias and other classes stay as they are, so this
holds for any class sizes, class by class, in any dimension; the loss need not be strictly convex, nor differentiable.
"""

from types import SimpleNamespace

import sympy

from nctheory.symbolic import Fact, Proof, proposition, total


def jensen(p: Proof, least=1):
    """What the losses of a class, and its squared norms, are at least."""
    q = SimpleNamespace(n=p.symbol("n", least=1, integer=True), d=p.symbol("d", least=1, integer=True))
    q.N, q.penalty = (
        p.symbol("N", above=0),
        p.symbol("lambda_H", least=0) if least == 0 else p.symbol("lambda_H", above=0),
    )
    q.s, q.k = p.index("s", q.n), p.index("k", q.d)
    H, m, g, loss, q.at_mean = p.family("H"), p.family("m"), p.family("g"), p.family("l"), p.symbol("l(m)")
    s, k, deviation = q.s, q.k, H[q.s, q.k] - m[q.k]
    mean = p.given("mean", Fact(total(H[s, k], s, q.n) - q.n * m[k], "= 0"), "m is the mean of the class;")
    convex = p.given(
        "convexity",
        Fact(loss[s] - q.at_mean - total(g[k] * deviation, k, q.d), ">= 0"),
        "the loss l is convex: at h_s it is at least l(m) + <g, h_s - m>, g a subgradient at m.",
    )
    samples = p.summed(convex, (s,), q.n, "In sum over the samples")
    linear = p.follows(Fact(sympy.expand(g[k] * mean.expression), "= 0"), "the linear terms", [(g[k], mean)])
    linear = p.summed(linear, (k,), q.d, "vanish,")
    order = p.exchanged(g[k] * H[s, k], [(s, q.n), (k, q.d)], (1, 0), "in either order:")
    q.losses = p.follows(
        Fact(total(loss[s], s, q.n) - q.n * q.at_mean, ">= 0"),
        "the losses add up to at least n l(m), as Jensen says.",
        [(1, samples), (1, order), (1, linear)],
    )
    square = p.follows(Fact(sympy.expand(2 * m[k] * mean.expression), "= 0"), "And |h_s|^2", [(2 * m[k], mean)])
    square = p.summed(square, (k,), q.d, "is |h_s - m|^2 + 2 <h_s, m> - |m|^2,")
    swap = p.exchanged(H[s, k] * m[k], [(s, q.n), (k, q.d)], (1, 0), "in sum over the samples")
    q.spread = total(total(sympy.expand(deviation**2), k, q.d), s, q.n)
    q.norms, q.of_mean = total(total(H[s, k] ** 2, k, q.d), s, q.n), q.n * total(m[k] ** 2, k, q.d)
    q.squares = p.follows(
        Fact(q.norms - q.of_mean - q.spread, "= 0"), "n |m|^2 and |h_s - m|^2.", [(1, square), (2, swap)]
    )
    q.deviation, q.loss = deviation, total(loss[s], s, q.n)
    return q


@proposition(
    "The share of a class in F is at least that of its mean, n times, plus lambda_H / 2 times the sum of |h_s - m|^2.",
    mutants={
        "twice the squares": {"factor": 2},
        "more means than features": {"count": lambda n: n + 1},
        "a loss that is not convex": {"drop": ["convexity"]},
        "something else than the mean": {"drop": ["mean"]},
    },
)
def within_class_collapse(p: Proof, factor=1, count=lambda n: n):
    q = jensen(p)
    here = q.loss / q.N + q.penalty / 2 * q.norms
    there = q.n * q.at_mean / q.N + q.penalty / 2 * q.of_mean * count(q.n) / q.n
    p.concludes(
        "F falls by lambda_H / 2 times the sum of |h_s - m|^2, or more.",
        p.follows(
            Fact(here - there - factor * q.penalty / 2 * q.spread, ">= 0"),
            "Losses count 1 / N, squared norms lambda_H / 2.",
            [(1 / q.N, q.losses), (q.penalty / 2, q.squares)],
        ),
    )


@proposition(
    "Where the means would not cost less, with lambda_H > 0, all features of the class are at the mean.",
    mutants={
        "lambda_H may be 0": {"least": 0},
        "distances of one": {"distance": 1},
        "the means cost less": {"drop": ["optimality"]},
        "a loss that is not convex": {"drop": ["convexity"]},
        "something else than the mean": {"drop": ["mean"]},
    },
)
def within_class_collapse_equality(p: Proof, least=1, distance=0):
    q = jensen(p, least)
    optimal = p.given(
        "optimality",
        Fact(q.n * q.at_mean / q.N + q.penalty / 2 * q.of_mean - q.loss / q.N - q.penalty / 2 * q.norms, ">= 0"),
        "With the means in place of the features F is no smaller;",
    )
    square = p.follows(Fact(sympy.expand(q.deviation**2), ">= 0"), "squares", [], [(1, q.deviation)])
    apart = p.summed(square, (q.k,), q.d, "and squared distances are not negative,")
    every = p.summed(apart, (q.s,), q.n, "nor is their sum.")
    none = p.follows(
        Fact(-q.spread, ">= 0"),
        "So lambda_H / 2 times their sum is not positive,",
        [(1, optimal), (1 / q.N, q.losses), (q.penalty / 2, q.squares)],
        times=q.penalty / 2,
    )
    each = p.each(apart, p.squeezed(every, none, "their sum zero,"), (q.s,), q.n, "and each of them.")
    p.concludes(
        "All distances |h_s - m| are 0.", p.follows(Fact(each.expression - distance, "= 0"), "That is:", [(1, each)])
    )
