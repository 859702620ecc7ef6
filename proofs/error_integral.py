"""The error of orthogonal and of simplex signals as one integral over the line.

Let right(t, n) be the integral of phi(x) Phi(x + t)^n, phi the density of a standard normal variable and Phi its
distribution function. In white noise of standard deviation sigma the margins of nearest mean are Gaussian: those of
orthogonal signals are what K independent coordinates make them, and those of the simplex have the same law.
"""

import sympy

from nctheory.symbolic import CompoundSymmetric, Fact, Proof, proposition, total

HALF = sympy.Rational(1, 2)


def orthogonal(p: Proof, K, sigma, r, others=lambda K: K - 1):
    """The integral of phi(x) [1 - Phi(x + r / sigma)^(K - 1)], and that it is the error of orthogonal signals."""
    i, j = sympy.symbols("i j", integer=True)
    integral = 1 - p.function("right")(r / sigma, others(K))
    G, C, z = p.family("G"), p.family("C"), p.family("z")  # z_i = <noise, mu_i> / (sigma r), with the covariances C
    norm = p.given("norms", Fact(G[i, i] - r**2, "= 0"), "The signals have norm r,")
    right = p.given("orthogonal", Fact(G[i, j], "= 0"), "and are orthogonal.")
    white = p.given("white noise", Fact(C[i, j] - G[i, j] / r**2, "= 0"), "Coordinates of white noise have covariances")
    white_own = p.given("variances", Fact(C[i, i] - G[i, i] / r**2, "= 0"), "that are inner products.")
    margin = p.follows(
        Fact(
            (G[i, i] + G[j, j] - 2 * G[i, j]) / 2 + sigma * r * (z[i] - z[j]) - r * sigma * (z[i] + r / sigma - z[j]),
            "= 0",
        ),
        "Where i is sent, j is farther from what is received if and only if z_j < z_i + r / sigma.",
        [(HALF, norm), (HALF, p.renamed(norm, {i: j}, "The norm of mu_j.")), (-1, right)],
    )
    needs = (
        p.follows(Fact(C[i, j], "= 0"), "The coordinates are uncorrelated,", [(1, white), (1 / r**2, right)]),
        p.follows(Fact(C[i, i] - 1, "= 0"), "with variance 1.", [(1, white_own), (1 / r**2, norm)]),
        p.identity(total(sympy.Integer(1), j, K) - 1, others(K), "There are K - 1 other signals."),
    )
    return integral, p.lemma(
        "independence",
        Fact(p.symbol("P_orthogonal") - integral, "= 0"),
        "So all K are independent, and given z_i = x the others stay below x + r / sigma with probability Phi^(K - 1).",
        "wozencraft1965, chapter 4: uncorrelated jointly Gaussian variables are independent; total probability",
        needs=(margin, *needs),
    )


@proposition(
    "The error of K orthogonal signals of norm r is the integral of phi(x) [1 - Phi(x + r / sigma)^(K - 1)].",
    mutants={
        "K others": {"others": lambda K: K},
        "signals that are not orthogonal": {"drop": ["orthogonal"]},
        "any norms": {"drop": ["norms"]},
        "colored noise": {"drop": ["white noise"]},
        "noise of another variance": {"drop": ["variances"]},
    },
)
def error_integral(p: Proof, others=lambda K: K - 1):
    K, sigma, r = p.symbol("K", least=2, integer=True), p.symbol("sigma", above=0), p.symbol("r", above=0)
    p.concludes("The error is the integral.", orthogonal(p, K, sigma, r, others)[1])


@proposition(
    "The unit simplex has the error of K orthogonal signals of norm sqrt(K / (K - 1)): it is these, less their mean.",
    mutants={
        "orthogonal unit vectors": {"square": lambda K: sympy.Integer(1)},
        "the inverse factor": {"square": lambda K: (K - 1) / K},
        "another cosine": {"cosine": lambda K: -1 / K},
        "another radius": {"drop": ["radius"]},
        "signals that are not orthogonal": {"drop": ["orthogonal"]},
        "any norms": {"drop": ["norms"]},
        "colored noise": {"drop": ["white noise"]},
        "noise of another variance": {"drop": ["variances"]},
    },
)
def error_integral_simplex(p: Proof, square=lambda K: K / (K - 1), cosine=lambda K: -1 / (K - 1)):
    K, sigma = p.symbol("K", least=2, integer=True), p.symbol("sigma", above=0)
    r = p.symbol("r", above=0)
    radius = p.given("radius", Fact(r**2 - square(K), "= 0"), "Let r be sqrt(K / (K - 1)).")
    frame = CompoundSymmetric(square(K), sympy.Integer(0), K)  # the Gram matrix of orthogonal signals
    simplex = CompoundSymmetric(1 - cosine(K), cosine(K), K)
    center = CompoundSymmetric(sympy.Integer(1), -1 / K, K)  # takes the mean off
    centered = center @ frame @ center
    same = (
        p.identity(centered.entries[0], simplex.entries[0], "Orthogonal signals less their mean have the norms"),
        p.identity(centered.entries[1], simplex.entries[1], "and the inner products of the simplex."),
    )

    def margins(gram):
        """What the margins have as means, and as covariances sigma^2 (aI + bJ), where one signal is sent."""
        own, off = gram.entries
        distance, product = 2 * own - 2 * off, own - off - off + off  # |mu_i - mu_j|^2, <mu_i - mu_j, mu_i - mu_k>
        return distance / 2, CompoundSymmetric(distance - product, product, K - 1)

    (mean, cov), (frame_mean, frame_cov) = margins(simplex), margins(frame)
    law = (
        p.identity(mean, frame_mean, "The K - 1 margins of both have the same mean, half of the squared distance,"),
        p.identity(sigma**2 * cov.entries[0], sigma**2 * frame_cov.entries[0], "the same variance"),
        p.identity(sigma**2 * cov.entries[1], sigma**2 * frame_cov.entries[1], "and the same covariance:"),
    )
    p.spectrum(cov, [(square(K), K - 2), (K * square(K), 1)], "K / (K - 1) (I + J), of full rank.")
    integral, orthogonal_error = orthogonal(p, K, sigma, r)
    simplex_error = p.symbol("P_simplex")
    equal = p.lemma(
        "Gaussian laws",
        Fact(simplex_error - (orthogonal_error.expression + integral), "= 0"),
        "So they have the same law, and the error, that a margin is negative, is the same for both.",
        "wozencraft1965, chapter 4: means and covariances determine a Gaussian law",
        needs=(radius, *law),
    )
    p.concludes("The simplex is the frame less its mean;", *same)
    p.concludes(
        "its error is the integral with r = sqrt(K / (K - 1)).",
        p.follows(
            Fact(simplex_error - integral, "= 0"),
            "That of the orthogonal signals is the integral.",
            [(1, equal), (1, orthogonal_error)],
        ),
    )
