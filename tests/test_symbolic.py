"""The rules of symbolic proofs: each holds where it should, fails where it should, and proves nothing that is false."""

import pytest
import sympy
from sympy import I, Rational, Symbol, exp, log, sqrt, symbols

from nctheory.errors import InputError
from nctheory.symbolic import CompoundSymmetric, Fact, Proof, pair_total, proposition, total

i, j, k = symbols("i j k", integer=True)
ZERO, ONE, TWO = sympy.S.Zero, sympy.S.One, sympy.Integer(2)


def proves(claim):
    """Whether a proof of it is complete; malformed ones are refused."""
    proof = Proof()
    try:
        proof.concludes("What was to be shown.", claim(proof))
    except InputError:
        return False
    return proof.complete


def let(claim, *values):
    """A claim about values that have a name."""
    return claim(*values)


def count(p, least=2, name="K"):
    return p.symbol(name, least=least, integer=True)


# ------------------------------------------------------------------------------------------------ the algebra aI + bJ


def explicit(matrix, size):
    """Its entries for one size."""
    on, off = (sympy.sympify(entry).subs(K, size) for entry in matrix.entries)
    return sympy.Matrix(size, size, lambda row, column: on if row == column else off)


K = Symbol("K", integer=True)
MATRICES = [
    CompoundSymmetric(ONE, -1 / K, K),
    CompoundSymmetric(Rational(2, 3), ONE, K),
    CompoundSymmetric(K, 1 / (K + 1), K),
    CompoundSymmetric(1 + 1 / (K - Rational(1, 2)), -Rational(3, 7), K),
]


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("first", MATRICES)
@pytest.mark.parametrize("second", MATRICES)
def test_sums_and_products_are_those_of_the_matrices(first, second, size):
    mine, other = explicit(first, size), explicit(second, size)
    assert explicit(first + second, size) == mine + other
    assert explicit(first - second, size) == mine - other
    assert explicit(first @ second, size) == mine * other
    assert explicit(Rational(5, 3) * first, size) == Rational(5, 3) * mine


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("matrix", MATRICES)
def test_trace_inverse_and_eigenvalues_are_those_of_the_matrix(matrix, size):
    mine = explicit(matrix, size)
    assert matrix.trace.subs(K, size) == mine.trace()
    values = {}
    for eigenvalue, number in matrix.eigenvalues():
        value = sympy.sympify(eigenvalue).subs(K, size)
        values[value] = values.get(value, 0) + int(number.subs(K, size))
    assert {value: number for value, number in values.items() if number} == mine.eigenvals()
    if mine.det() != 0:
        assert explicit(matrix.inverse(), size) == mine.inv()
        assert explicit(matrix.function(lambda x: x**3), size) == mine**3


def test_sizes_have_to_agree():
    with pytest.raises(InputError, match="the sizes are K and 3"):
        CompoundSymmetric(ONE, ONE, K) + CompoundSymmetric(ONE, ONE, sympy.Integer(3))


@pytest.mark.parametrize("size", [1, 2, 4])
def test_totals_are_sums_over_classes(size):
    x = sympy.IndexedBase("x")
    term = 3 * x[i, i] - 2 * x[i, j] * x[j, i] + i * j + 1
    pairs = [(a, b) for a in range(1, size + 1) for b in range(1, size + 1)]
    values = {(a, b): Rational(a + 2, 3 * b) for a, b in pairs}

    def value(expression):
        summed = expression.subs(K, size).doit()
        return summed.xreplace({x[a, b]: values[a, b] for a, b in pairs})

    def at(a, b):
        return value(term.subs({i: a, j: b}))

    assert value(total(total(term, j, K), i, K)) == sum(at(a, b) for a, b in pairs)
    assert value(pair_total(term, i, j, K)) == sum(at(a, b) for a, b in pairs if a != b)
    assert total(total(x[i, j], j, K), i, K) == total(total(x[j, i], i, K), j, K)


# ----------------------------------------------------------------------------------------------------------- the rules


def pair_margin(p):
    """A fact about two different classes."""
    return p.given("pair", Fact(p.family("G")[i, j] - 5, ">= 0"), "For i != j.")


def positive(name):
    """That a symbol of another proof is positive."""
    other = Proof()
    return other.sign(Fact(other.symbol(name, above=0), "> 0"), "")


def gram(**products):
    return lambda u, v: products.get(u + v, products.get(v + u))


TRUE = {
    "given": lambda p: p.given("x", Fact(p.symbol("x"), ">= 0"), ""),
    "lemma": lambda p: p.lemma("x", Fact(p.symbol("x"), "> 0"), "", "a book"),
    "identity": lambda p: let(lambda n: p.identity((n**2 - 1) / (n + 1), n - 1, ""), count(p)),
    "identity with roots": lambda p: let(lambda x: p.identity(sqrt(x**2), abs(x), ""), p.symbol("x")),
    "sign": lambda p: let(lambda n: p.sign(Fact(n**2 - 3 * n + 2, ">= 0"), ""), count(p)),
    "sign up to a bound": lambda p: let(lambda x: p.sign(Fact(2 - x**2, "> 0"), ""), p.symbol("x", least=0, most=1)),
    "sign of exp": lambda p: p.sign(Fact(exp(p.symbol("x")), "> 0"), ""),
    "norm": lambda p: let(lambda a, b: p.norm({"u": a, "v": b}, gram(uu=1, uv=ZERO, vv=2), ""), *map(p.symbol, "ab")),
    "follows": lambda p: let(lambda x: p.follows(Fact(x**2 + 1 - 2 * x, ">= 0"), "", [], [(1, x - 1)]), p.symbol("x")),
    "summed": lambda p: let(
        lambda n: p.summed(p.sign(Fact(n[i], "> 0"), ""), (i,), count(p), ""), p.family("n", above=0)
    ),
    "summed over pairs": lambda p: p.summed(pair_margin(p), (i, j), count(p), ""),
    "summed over others": lambda p: p.summed(pair_margin(p), (i,), count(p), "", other_than=[j]),
    "part": lambda p: let(
        lambda n: p.part(p.sign(Fact(n[i], ">= 0"), ""), (i,), [(i,), (j,)], count(p), ""), p.family("n", least=0)
    ),
    "renamed": lambda p: p.renamed(pair_margin(p), {i: j, j: i}, ""),
    "spectrum": lambda p: let(
        lambda n: p.spectrum(CompoundSymmetric(n, -ONE, n), ((n, n - 1), (0, 1)), "")[0], count(p)
    ),
    "monotone": lambda p: let(lambda n: p.monotone(n / (n - 1), n, "", increasing=False), count(p)),
    "tangent": lambda p: let(
        lambda x: p.follows(Fact(exp(2 * x) - 2 * x - 1, ">= 0"), "", [(1, p.tangent(2 * x, ""))]), p.symbol("x")
    ),
    "tangent of a logarithm": lambda p: let(
        lambda x: p.follows(Fact(x - 1 - log(x), ">= 0"), "", [(1, p.tangent(log(x), ""))]), p.symbol("x", above=0)
    ),
    "exchanged": lambda p: let(
        lambda G, n, s: p.exchanged(G[i, s], [(i, count(p)), (s, n)], (1, 0), ""),
        p.family("G"),
        n := count(p, 1, "n"),
        p.index("s", n),
    ),
    "product": lambda p: let(
        lambda x: p.product(p.sign(Fact(x, "> 0"), ""), p.sign(Fact(x + 1, "> 0"), ""), ""), p.symbol("x", above=0)
    ),
}


def squeezed(p, other=-1):
    x = p.symbol("x")
    return p.squeezed(p.given("a", Fact(x, ">= 0"), ""), p.given("b", Fact(other * x, ">= 0"), ""), "")


def rooted(p, relation="= 0", factor=-1):
    x = p.symbol("x")
    return p.root(x, p.given("square", Fact(factor * x**2, relation), ""), "")


def divided(p, relation="> 0", quotient=1):
    x, y = p.symbol("x"), p.symbol("y")
    whole, by = p.given("product", Fact(x * y, "= 0"), ""), p.given("y", Fact(y, relation), "")
    return p.divided(Fact(x * quotient, "= 0"), whole, by, "")


def each(p, relation=">= 0", indices=(i,), term=lambda G: G[i, i], whole=lambda G, n: total(G[i, i], i, n)):
    G, n = p.family("G"), count(p)
    terms, zero = p.given("terms", Fact(term(G), relation), ""), p.given("sum", Fact(whole(G, n), "= 0"), "")
    return p.each(terms, zero, indices, n, "")


def null(p, square="= 0", product=None):
    a = p.symbol("a")
    fact = p.given("square", Fact(a, square), "")
    return p.null({"u": ONE}, "v", gram(uu=a if product is None else product, uv=p.symbol("b")), fact, "")


TRUE |= {
    "squeezed": squeezed,
    "root": rooted,
    "root of what is not positive": lambda p: rooted(p, ">= 0"),
    "divided": divided,
    "each": each,
    "each of a pair": lambda p: each(
        p, indices=(i, j), term=lambda G: G[i, j], whole=lambda G, n: pair_total(G[i, j], i, j, n)
    ),
    "null": null,
}


@pytest.mark.parametrize("claim", TRUE.values(), ids=TRUE)
def test_what_is_true_is_proved(claim):
    assert proves(claim)


def with_x(claim, **bounds):
    return lambda p: claim(p, p.symbol("x", **bounds))


FALSE = {
    # identity
    "another constant": lambda p: let(lambda n: p.identity((n**2 - 1) / (n + 1), n + 1, ""), count(p)),
    "the root of a square": with_x(lambda p, x: p.identity(sqrt(x**2), x, "")),
    "a pole cancels": with_x(lambda p, x: p.identity((x**2 - x) / (x - 1), x, "")),
    "a pole of a power": lambda p: let(
        lambda x, n: p.identity(x ** (n - 1) * x, x**n, ""), p.symbol("x"), count(p, 0, "n")
    ),
    "a root of what may be negative": with_x(lambda p, x: p.identity(sqrt(x - 1) * 2, 2 * sqrt(x - 1), "")),
    "a logarithm of what may be 0": with_x(lambda p, x: p.identity(x * log(x) / x, log(x), ""), least=0),
    "a tangent": with_x(lambda p, x: p.identity(sympy.tan(x) * sympy.cos(x), sympy.sin(x), "")),
    "undeclared": lambda p: p.identity(Symbol("x") ** 2, Symbol("x") * Symbol("x"), ""),
    "a name with another meaning": with_x(lambda p, x: p.identity(Symbol("x") * 2, 2 * Symbol("x"), "")),
    "floats": with_x(lambda p, x: p.identity(0.1 * x + 0.2 * x, 0.3 * x, "")),
    "matrices": lambda p: p.identity(Symbol("A", commutative=False) * 2, 2 * Symbol("A", commutative=False), ""),
    # sign
    "an end that is attained": with_x(lambda p, x: p.sign(Fact(1 - x, "> 0"), ""), least=0, most=1),
    "an end of two": lambda p: let(
        lambda x, y: p.sign(Fact(2 - x - y, "> 0"), ""), p.symbol("x", least=0, most=1), p.symbol("y", least=0, most=1)
    ),
    "zero for positive": with_x(lambda p, x: p.sign(Fact(x, "> 0"), ""), least=0),
    "no bound": with_x(lambda p, x: p.sign(Fact(x, ">= 0"), "")),
    "an odd power": with_x(lambda p, x: p.sign(Fact(x**3, ">= 0"), "")),
    "a power of unknown parity": lambda p: p.sign(Fact(-((-2) ** count(p)), "> 0"), ""),
    "a base of unknown sign": with_x(lambda p, x: p.sign(Fact((1 - x) ** count(p), ">= 0"), ""), least=2),
    "a cube root of a negative": lambda p: p.sign(Fact(-((-1) ** Rational(1, 3)), "> 0"), ""),
    "a square that is not real": with_x(lambda p, x: p.sign(Fact((sqrt(x) + 1) ** 2, ">= 0"), "")),
    "a power of 0": lambda p: p.sign(Fact(p.symbol("x", least=0) ** p.symbol("y"), ">= 0"), ""),
    "positive by itself": lambda p: p.sign(Fact(Symbol("x", positive=True), "> 0"), ""),
    "imaginary": lambda p: p.sign(Fact(Symbol("x", imaginary=True) ** 2, ">= 0"), ""),
    "infinity": lambda p: p.sign(Fact(sympy.oo, "> 0"), ""),
    "below the bound": lambda p: let(lambda n: p.sign(Fact(n - 3, ">= 0"), ""), count(p)),
    "a sum": lambda p: let(lambda G, n: p.sign(Fact(total(G[i], i, n), ">= 0"), ""), p.family("G"), count(p)),
    "two meanings of x": lambda p: p.sign(Fact(p.symbol("x") - 1 + p.symbol("x", least=1), ">= 0"), ""),
    "a bound with a pole": lambda p: p.sign(Fact(p.symbol("x", least=1 / p.symbol("z")), ">= 0"), ""),
    "bounds in the wrong order": with_x(lambda p, x: p.sign(Fact(x, ">= 0"), ""), least=1, most=0),
    # follows
    "imaginary squares": lambda p: p.follows(Fact(-ONE, ">= 0"), "", [], [(1, I)]),
    "squares of roots": with_x(lambda p, x: p.follows(Fact(x, ">= 0"), "", [], [(1, sqrt(x))])),
    "a negative square": with_x(lambda p, x: p.follows(Fact(-(x**2), ">= 0"), "", [], [(-1, x)])),
    "zero times a pole": with_x(
        lambda p, x: p.follows(Fact(ONE, "= 0"), "", [(1 / x, p.given("x", Fact(x, "= 0"), ""))])
    ),
    "a fact of one's own": lambda p: p.follows(Fact(-ONE, "> 0"), "", [(1, Fact(-ONE, "> 0", established=True))]),
    "an unestablished premise": with_x(
        lambda p, x: p.follows(Fact(x + 1, ">= 0"), "", [(1, p.sign(Fact(x + 1, ">= 0"), ""))])
    ),
    "a multiplier of no sign": with_x(
        lambda p, x: p.follows(Fact(x, ">= 0"), "", [(x, p.sign(Fact(ONE, ">= 0"), ""))])
    ),
    "an equation from an inequality": with_x(
        lambda p, x: p.follows(Fact(x, "= 0"), "", [(1, p.given("x", Fact(x, ">= 0"), ""))])
    ),
    "strict from what is not": with_x(
        lambda p, x: p.follows(Fact(x, "> 0"), "", [(1, p.given("x", Fact(x, ">= 0"), ""))])
    ),
    "strict by a multiplier that may be 0": lambda p: let(
        lambda x, y: p.follows(Fact(x * y, "> 0"), "", [(y, p.sign(Fact(x, "> 0"), ""))]),
        p.symbol("x", above=0),
        p.symbol("y", least=0),
    ),
    "times what may be 0": with_x(
        lambda p, x: p.follows(Fact(-ONE, ">= 0"), "", [(1, p.given("x", Fact(-x, ">= 0"), ""))], times=x), least=0
    ),
    "something left over": with_x(lambda p, x: p.follows(Fact(x**2 - 1, ">= 0"), "", [], [(1, x)])),
    "another relation": lambda p: p.follows(Fact(ONE, "<= 0"), "", [], [(1, ONE)]),
    "squares of roots that cancel": lambda p: let(
        lambda x, r: p.follows(
            Fact((2 * x**2 + 12 * x + 2) / (x - 1) ** 4, ">= 0"),
            "",
            [],
            [((r + 1) ** 4, 1 / (r + 1) ** 4), ((r - 1) ** 4, 1 / (r - 1) ** 4)],
        ),
        x := p.symbol("x", least=-5, most=0),
        sqrt(x),
    ),
    "a fact of another proof": with_x(lambda p, x: p.follows(Fact(x, "> 0"), "", [(1, positive("x"))])),
    # tangent
    "a steeper tangent": with_x(lambda p, x: p.follows(Fact(exp(x) - 1 - 2 * x, ">= 0"), "", [(1, p.tangent(x, ""))])),
    "an exponential below its tangent": with_x(
        lambda p, x: p.follows(Fact(1 + x - exp(x), ">= 0"), "", [(1, p.tangent(x, ""))])
    ),
    "a strict tangent": with_x(lambda p, x: p.follows(Fact(exp(x) - 1 - x, "> 0"), "", [(1, p.tangent(x, ""))])),
    "a tangent at a pole": with_x(lambda p, x: p.tangent(1 / x, "")),
    "a tangent at the logarithm of what may be 0": with_x(lambda p, x: p.tangent(log(x), ""), least=0),
    "a tangent at what is not real": with_x(lambda p, x: p.tangent(sqrt(x), "")),
    "a tangent at what is not declared": lambda p: p.tangent(Symbol("x"), ""),
    "a tangent at an imaginary number": lambda p: p.tangent(I, ""),
    # norm, null
    "imaginary coefficients": lambda p: p.norm({"u": I}, gram(uu=ONE), ""),
    "a negative norm": lambda p: p.norm({"u": ONE}, gram(uu=-ONE), ""),
    "two inner products of the same": lambda p: p.norm(
        {"u": ONE, "v": ONE}, lambda u, v: 0 if u == v else (-1 if u < v else 1), ""
    ),
    "another norm later": lambda p: p.norm({"u": ONE}, gram(uu=ONE), "") and p.norm({"u": ONE}, gram(uu=TWO), ""),
    "roots for coefficients": with_x(lambda p, x: p.norm({"u": sqrt(x)}, gram(uu=ONE), "")),
    "not of norm zero": lambda p: null(p, ">= 0"),
    "another square": lambda p: null(p, product=p.symbol("c")),
    # summed, each, part, renamed, exchanged
    "pairs over one class": lambda p: p.summed(pair_margin(p), (i,), count(p), ""),
    "pairs over all classes but a third": lambda p: p.summed(pair_margin(p), (i,), count(p), "", other_than=[k]),
    "twice the same class": lambda p: p.summed(pair_margin(p), (i, i), count(p), ""),
    "a bounded index": lambda p: p.summed(
        p.sign(Fact(p.symbol("i", least=3, integer=True) - 2, "> 0"), ""), (Symbol("i", integer=True),), count(p), ""
    ),
    "an even index": lambda p: p.summed(
        p.sign(Fact((-1) ** Symbol("i", even=True), "> 0"), ""), (Symbol("i", even=True),), count(p), ""
    ),
    "what differs from class to class": lambda p: p.summed(
        p.given("m", Fact(p.symbol("m", of_pair=True), ">= 0"), ""), (i, j), count(p), ""
    ),
    "no pair for certain": lambda p: p.summed(
        p.given("m", Fact(p.family("G")[i, j], "> 0"), ""), (i, j), count(p, least=1), ""
    ),
    "no class for certain": lambda p: p.summed(p.sign(Fact(ONE, "> 0"), ""), (i,), count(p, least=0), ""),
    "half a class": lambda p: p.summed(p.sign(Fact(ONE, "> 0"), ""), (i,), p.symbol("K", least=2), ""),
    "a sum over other classes than there are": lambda p: p.summed(
        p.summed(pair_margin(p), (i, j), count(p), ""), (k,), count(p, name="L"), ""
    ),
    "a pole where both are the same": lambda p: let(
        lambda G: p.summed(p.given("x", Fact(1 / (G[i] - G[j]) ** 2, ">= 0"), ""), (i, j), count(p), ""), p.family("G")
    ),
    "each of a pair over one class": lambda p: each(
        p, indices=(i,), term=lambda G: G[i, j], whole=lambda G, n: total(G[i, j], i, n)
    ),
    "each of any sign": lambda p: each(p, relation="= 0"),
    "each of another sum": lambda p: each(p, whole=lambda G, n: total(G[i, i], i, n) - 1),
    "part twice": lambda p: let(
        lambda n: p.part(p.sign(Fact(n[i], ">= 0"), ""), (i,), [(i,), (i,)], count(p), ""), p.family("n", least=0)
    ),
    "part of too few": lambda p: let(
        lambda n: p.part(p.sign(Fact(n[i], ">= 0"), ""), (i,), [(i,), (j,), (k,)], count(p), ""), p.family("n", least=0)
    ),
    "part of what may be the same": lambda p: let(
        lambda n, m: p.part(p.sign(Fact(n[i], ">= 0"), ""), (i,), [(i,), (p.index("f", m),)], m, ""),
        p.family("n", least=0),
        count(p),
    ),
    "part of what may be negative": lambda p: let(
        lambda n: p.part(p.sign(Fact(n[i], ">= 0"), ""), (i,), [(i,)], count(p), ""), p.family("n")
    ),
    "renamed to the same": lambda p: p.renamed(pair_margin(p), {i: j}, ""),
    "renamed to a bound name": lambda p: let(
        lambda G, n: p.renamed(
            p.given("x", Fact(total(G[i, j], j, n), ">= 0"), ""), {i: Symbol("_1", integer=True)}, ""
        ),
        p.family("G"),
        count(p),
    ),
    "a number renamed": lambda p: p.renamed(
        p.sign(Fact(p.symbol("x", least=1), "> 0"), ""), {Symbol("x", real=True): p.symbol("y")}, ""
    ),
    "renamed to what may be the same": lambda p: let(
        lambda n: p.renamed(pair_margin(p), {i: p.index("f", n)}, ""), count(p)
    ),
    "a class that turns out to be any": lambda p: let(
        lambda n, fact: p.summed(fact, (p.index("i", n),), n, ""), count(p), pair_margin(p)
    ),
    "an order that forgets a sum": lambda p: let(
        lambda G, n: p.exchanged(G[i, j], [(i, n), (j, n)], (0, 0), ""), p.family("G"), count(p)
    ),
    "sums of dependent ranges": lambda p: p.exchanged(p.family("G")[i, j], [(i, count(p)), (j, i)], (1, 0), ""),
    # product, divided, squeezed, root
    "a product with what is not established": with_x(
        lambda p, x: p.product(p.sign(Fact(x, ">= 0"), ""), p.sign(Fact(ONE, "> 0"), ""), "")
    ),
    "divided by what may be 0": lambda p: divided(p, ">= 0"),
    "another quotient": lambda p: divided(p, quotient=p.symbol("z")),
    "squeezed between others": lambda p: squeezed(p, other=-2),
    "squeezed from one side": lambda p: squeezed(p, other=1),
    "a root of what is not negative": lambda p: rooted(p, ">= 0", factor=1),
    "an imaginary root": with_x(lambda p, x: p.root(I * x, p.sign(Fact(x**2, ">= 0"), ""), "")),
    # spectrum, monotone, conclusion
    "another eigenvalue": lambda p: let(
        lambda n: p.spectrum(CompoundSymmetric(n, -ONE, n), ((n, n - 1), (1, 1)), "")[1], count(p)
    ),
    "another multiplicity": lambda p: let(
        lambda n: p.spectrum(CompoundSymmetric(n, -ONE, n), ((n, n), (0, 1)), "")[1], count(p)
    ),
    "the inverse of what may be singular": lambda p: let(
        lambda n, inverse: p.spectrum(inverse, inverse.eigenvalues(), "")[0],
        n := count(p),
        CompoundSymmetric(n - 2, ONE, n).inverse(),
    ),
    "falling": lambda p: let(lambda n: p.monotone(n / (n - 1), n, ""), count(p)),
    "jumps": with_x(lambda p, x: p.monotone(sympy.Piecewise((x, x < 1), (x - 1, True)), x, "")),
    "rounding": with_x(lambda p, x: p.monotone(x - sympy.floor(x), x, "")),
    "growing but for a pole": with_x(lambda p, x: p.monotone(-1 / x, x, ""), least=-1),
    "growing with one of a sum": lambda p: let(
        lambda G, n: p.monotone(G[i] - total(G[i], i, n), G[i], ""), p.family("G"), count(p)
    ),
    "a matrix of half a size": lambda p: let(
        lambda n: p.spectrum(CompoundSymmetric(ONE, ONE, n), ((1, n - 1), (1 + n, 1)), "")[0], p.symbol("K", least=1)
    ),
    "a matrix of no size": lambda p: let(
        lambda n: p.spectrum(CompoundSymmetric(ONE, ONE, n), ((1, n - 1), (1 + n, 1)), "")[0], count(p, 0)
    ),
    "a fact that nobody has shown": lambda p: Fact(ONE, "= 0"),
    "a fact that says it is established": lambda p: Fact(ONE, "= 0", established=True),
    "two classes of one": lambda p: let(
        lambda m, c: p.follows(
            Fact(1 - c, ">= 0"),
            "",
            [(1, p.given("above", Fact(m - c, ">= 0"), "")), (1, p.given("below", Fact(1 - m, ">= 0"), ""))],
        ),
        p.symbol("m", of_pair=True),
        p.symbol("c"),
    ),
}


@pytest.mark.parametrize("claim", FALSE.values(), ids=FALSE)
def test_what_is_false_or_undefined_is_not_proved(claim):
    assert not proves(claim)


def test_a_formula_is_that_of_what_was_shown():
    proof = Proof()
    proof.sign(Fact(ONE, "> 0", formula="1 = 2"), "")
    assert proof.steps[0].formula == "1 > 0"


def test_inner_products_are_given():
    proof = Proof()
    proof.norm({"u": ONE}, gram(uu=proof.symbol("a")), "Not negative.")
    assert [(step.outcome, step.formula) for step in proof.steps] == [
        ("given", "<u, u> = a"),
        ("discharged", "|u|^2 = a >= 0"),
    ]


def test_a_lemma_is_assumed_and_fails_without_what_it_needs():
    proof = Proof()
    x = proof.symbol("x")
    proof.lemma("x", Fact(x, ">= 0"), "", "a book", needs=[proof.sign(Fact(x**2, ">= 0"), "")])
    assert [step.rule for step in proof.assumed] == ["lemma: x (a book)"]
    assert not proof.failures
    proof.lemma("x", Fact(x, "> 0"), "", "a book", needs=[proof.sign(Fact(x - 1, ">= 0"), "")])
    assert len(proof.failures) == 2


def test_a_mutant_without_a_hypothesis_or_with_another_constant_fails():
    @proposition("x >= 1 implies x >= 0.", mutants={"no hypothesis": {"drop": ["x"]}, "more": {"bound": 2}})
    def larger(p, bound=0):
        x = p.symbol("x")
        above = p.given("x", Fact(x - 1, ">= 0"), "x is at least 1.")
        p.concludes("So.", p.follows(Fact(x - bound, ">= 0"), "x - 1 + 1.", [(1, above)], [(1, ONE)]))

    assert larger.prove().complete
    assert [larger.prove(mutant).complete for mutant in larger.mutants] == [False, False]
    assert not Proof().complete


@pytest.mark.parametrize(("a", "b", "rank"), [(1, 1, K), (K, -1, K - 1), (0, 1, 1), (0, 0, 0)])
def test_ranks(a, b, rank):
    p = Proof()
    n = p.symbol("K", least=2, integer=True)
    matrix = CompoundSymmetric(*(sympy.sympify(each).subs(K, n) for each in (a, b)), n)
    expected = sympy.sympify(rank).subs(K, n)
    assert p.rank(matrix, expected, "").established
    assert not p.rank(matrix, expected + 1, "").established
    for size in (2, 5):
        whole = sympy.eye(size) * matrix.a.subs(n, size) + sympy.ones(size) * matrix.b.subs(n, size)
        assert whole.rank() == expected.subs(n, size)


def test_a_rank_needs_eigenvalues_that_are_known_to_differ_from_zero():
    p = Proof()
    n, x = p.symbol("K", least=2, integer=True), p.symbol("x")
    assert not p.rank(CompoundSymmetric(ONE, x, n), n, "1 + K x may be 0.").established
    assert not p.rank(CompoundSymmetric(ONE, ONE, x), x, "x is no size.").established


def test_definiteness():
    p = Proof()
    n, x = p.symbol("K", least=2, integer=True), p.symbol("x", above=0)
    assert all(fact.established for fact in p.definite(CompoundSymmetric(x, ONE, n), ""))
    etf = CompoundSymmetric(n / (n - 1), -1 / (n - 1), n)
    assert all(fact.established for fact in p.definite(etf, "", strict=False))
    assert not all(fact.established for fact in p.definite(etf, ""))
    assert not all(fact.established for fact in p.definite(CompoundSymmetric(ONE, -ONE, n), "", strict=False))
    assert not any(fact.established for fact in p.definite(CompoundSymmetric(ONE, ONE, x), ""))


@pytest.mark.parametrize("exponent", [2, 3, -1])
def test_powers_are_those_of_explicit_matrices(exponent):
    matrix = CompoundSymmetric(Rational(2, 3), 1 / K, K)
    power = matrix.power(exponent)
    for size in (2, 4):
        whole = sympy.eye(size) * Rational(2, 3) + sympy.ones(size) / size
        assert whole**exponent == sympy.eye(size) * power.a.subs(K, size) + sympy.ones(size) * power.b.subs(K, size)


def test_formulas_name_every_class_that_is_summed_over():
    p = Proof()
    n, G = p.symbol("K", least=2, integer=True), p.family("G")
    i, j = sympy.symbols("i j", integer=True)
    whole = p.norm({"sum": 1}, lambda *_: total(total(G[i, j], j, n), i, n), "")
    assert p.steps[-1].formula == "|sum|^2 = sum(G[l, k], l=1..K, k=1..K) >= 0"
    assert whole.established


def test_inner_products_of_two_classes_take_two_classes():
    """With one class there is no pair, and c >= 0 does not follow from inner products that name two."""
    p = Proof()
    n, c, m = p.symbol("K", least=1, integer=True), p.symbol("c"), p.family("m")
    i, j = sympy.symbols("i j", integer=True)
    inner = {("u", "u"): c + m[i, j], ("u", "v"): -m[i, j], ("v", "u"): -m[i, j], ("v", "v"): m[i, j]}
    square = p.norm({"u": 1, "v": 1}, lambda x, y: inner[x, y], "")
    whole = p.summed(square, [sympy.Symbol("e", integer=True)], n, "")
    p.concludes("c is not negative.", whole)
    assert not p.complete


def test_an_inner_product_has_one_value():
    p, answers = Proof(), iter([1, -1, -1, -1])
    assert not p.norm({"u": 1}, lambda *_: sympy.Integer(next(answers)), "").expression < 0


def test_no_vectors_have_a_negative_square():
    p = Proof()
    inner = {("u", "u"): ONE, ("u", "v"): 2 * ONE, ("v", "u"): 2 * ONE, ("v", "v"): ONE}
    assert not p.norm({"u": 1, "v": -1}, lambda x, y: inner[x, y], "").established


@pytest.mark.parametrize(
    "bounds",
    [{"most": 1}, {"least": 0, "above": 0}, {"above": 0, "most": 0}, {"least": 1, "most": 0}],
)
def test_bounds_that_make_no_range(bounds):
    with pytest.raises(InputError, match="bounds"):
        Proof().symbol("x", **bounds)


def test_a_bound_does_not_differ_from_class_to_class():
    p = Proof()
    m = p.symbol("m", of_pair=True)
    with pytest.raises(InputError, match="differs from class to class"):
        p.symbol("x", least=m)


@pytest.mark.parametrize("name", ["", "-1", "1", "_1", "x = y"])
def test_names_that_could_be_taken_for_formulas(name):
    with pytest.raises(InputError, match="is no name"):
        Proof().symbol(name)


def test_a_mutant_that_is_refused_fails():
    @proposition("A number is below another.", mutants={"float": {"c": 0.5}})
    def below(p, c=ONE):
        x = p.symbol("x", least=c)
        p.concludes("So it is.", p.sign(Fact(x, ">= 0"), "It is."))

    assert below.prove().complete
    assert below.prove("float").failures[-1].text == "The mutant is refused."
