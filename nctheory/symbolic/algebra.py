"""The algebra below symbolic proofs: matrices aI + bJ, sums over all classes, signs of expressions, exact zeros."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sympy
from sympy.printing.str import StrPrinter

from nctheory.errors import InputError

__all__ = ["CompoundSymmetric", "pair_total", "total"]

Relation = Literal["= 0", ">= 0", "> 0"]
Expression = Any  # whatever SymPy makes an expression of


# -------------------------------------------------------------------------------------------------- the algebra aI + bJ


@dataclass(frozen=True)
class CompoundSymmetric:
    """The matrix aI + bJ of a symbolic size K, J all ones: sums, products and inverses of such matrices are such.

    Its eigenvalues are a on the vectors of sum 0 (K - 1 times) and a + Kb on the constant vectors (once).
    """

    a: sympy.Expr
    b: sympy.Expr
    size: sympy.Expr

    def __add__(self, other: "CompoundSymmetric") -> "CompoundSymmetric":
        """The sum."""
        return self._like(self.a + other.a, self.b + other.b, other)

    def __sub__(self, other: "CompoundSymmetric") -> "CompoundSymmetric":
        """The difference."""
        return self + (-1) * other

    def __rmul__(self, factor: Expression) -> "CompoundSymmetric":
        """A multiple."""
        return CompoundSymmetric(sympy.cancel(factor * self.a), sympy.cancel(factor * self.b), self.size)

    def __matmul__(self, other: "CompoundSymmetric") -> "CompoundSymmetric":
        """The product: J J = K J."""
        mixed = self.a * other.b + self.b * other.a + self.size * self.b * other.b
        return self._like(self.a * other.a, mixed, other)

    def _like(self, a: Expression, b: Expression, other: "CompoundSymmetric") -> "CompoundSymmetric":
        if self.size != other.size:
            raise InputError(f"the sizes are {self.size} and {other.size}, expected the same")
        return CompoundSymmetric(sympy.cancel(a), sympy.cancel(b), self.size)

    @property
    def constant_eigenvalue(self) -> sympy.Expr:
        """The eigenvalue of the constant vectors, a + Kb."""
        return sympy.cancel(self.a + self.size * self.b)

    def function(self, apply: Callable[[Expression], Expression]) -> "CompoundSymmetric":
        """f of the matrix, by f of both eigenvalues: an inverse, a power, a square root."""
        on_sum_zero, on_constants = apply(self.a), apply(self.constant_eigenvalue)
        return CompoundSymmetric(on_sum_zero, sympy.cancel((on_constants - on_sum_zero) / self.size), self.size)

    def inverse(self) -> "CompoundSymmetric":
        """The inverse, where no eigenvalue is zero."""
        return self.function(lambda eigenvalue: 1 / eigenvalue)

    def power(self, exponent: Expression) -> "CompoundSymmetric":
        """A power, by those of both eigenvalues."""
        return self.function(lambda eigenvalue: eigenvalue**exponent)

    def eigenvalues(self) -> tuple[tuple[sympy.Expr, sympy.Expr], tuple[sympy.Expr, sympy.Expr]]:
        """Both eigenvalues, each with its multiplicity."""
        return (self.a, self.size - 1), (self.constant_eigenvalue, sympy.Integer(1))

    @property
    def trace(self) -> sympy.Expr:
        """K (a + b)."""
        return sympy.cancel(self.size * (self.a + self.b))

    @property
    def entries(self) -> tuple[sympy.Expr, sympy.Expr]:
        """The entries on the diagonal and off it."""
        return sympy.cancel(self.a + self.b), self.b


# --------------------------------------------------------------------------------------------- sums over all classes


def total(expression: Expression, index: sympy.Symbol, size: Expression) -> sympy.Expr:
    """The sum over all classes of what is written for class `index`.

    Formula:
        sum_i (a f_i + b) = a sum_i f_i + K b. What depends on the class stays a SymPy Sum, in which the class has a
        name of its own, so that equal sums are equal expressions whatever they were written with.
    Args:
        expression: what stands for one class, in entries such as G[i, i].
        index: the name of the class, an integer symbol.
        size: the number of classes K.
    Assumes:
        Nothing; every other symbol is the same for all classes.
    Returns:
        A SymPy expression.
    Raises:
        Nothing.
    Reference:
        none: it is the definition.
    Example:
        >>> import sympy
        >>> i, K, n = sympy.Symbol("i", integer=True), sympy.Symbol("K"), sympy.IndexedBase("n")
        >>> total(3 * n[i] + 2, i, K)
        2*K + 3*Sum(n[_1], (_1, 1, K))
    """
    parts = []
    for term in sympy.Add.make_args(sympy.expand(expression)):
        free, own = term.as_independent(index, as_Add=False)
        parts.append(free * (size if own == 1 else _sum(own, index, size)))
    return sympy.Add(*parts)


def pair_total(expression: Expression, i: sympy.Symbol, j: sympy.Symbol, size: Expression) -> sympy.Expr:
    """The sum over all ordered pairs of different classes i and j.

    Formula:
        sum_(i != j) f_ij = sum_i sum_j f_ij - sum_i f_ii.
    Args:
        expression: what stands for classes i and j.
        i, j: their names, integer symbols.
        size: the number of classes K.
    Assumes:
        Nothing; every other symbol is the same for all pairs.
    Returns:
        A SymPy expression.
    Raises:
        Nothing.
    Reference:
        none: it is the definition.
    Example:
        >>> import sympy
        >>> (i, j), K = sympy.symbols("i j", integer=True), sympy.Symbol("K")
        >>> sympy.factor(pair_total(1, i, j, K))
        K*(K - 1)
    """
    whole = total(total(expression, j, size), i, size)
    return sympy.expand(whole - total(sympy.sympify(expression).subs(j, i), i, size))


def over(expression: Expression, indices: Sequence[sympy.Symbol], size: Expression) -> sympy.Expr:
    """The sum over one class, or over two different ones."""
    if len(indices) == 2:
        return pair_total(expression, indices[0], indices[1], size)
    (index,) = indices
    return total(expression, index, size)


def _sum(own: sympy.Expr, index: sympy.Symbol, size: Expression) -> sympy.Expr:
    depth = max((int(name.name[1:]) for name in own.atoms(sympy.Symbol) if name.name[:1] == "_"), default=0)
    name = sympy.Symbol(f"_{depth + 1}", integer=True)
    return sympy.Sum(own.subs(index, name), (name, 1, size))


def classes_of(expression: sympy.Expr) -> set[sympy.Symbol]:
    """The names of the classes that it is about: what stands in a subscript, and is not summed over."""
    subscripts = {name for entry in expression.atoms(sympy.Indexed) for at in entry.indices for name in at.free_symbols}
    return {name for name in subscripts if name in expression.free_symbols}


class _Formulas(StrPrinter):  # type: ignore[misc]
    """Formulas in one line, with a letter for each class that is summed over."""

    def __init__(self, letters: Mapping[str, str]) -> None:
        super().__init__()
        self.letters = letters

    def _print_Symbol(self, symbol: sympy.Symbol) -> str:  # noqa: N802
        return self.letters.get(symbol.name, symbol.name)

    def _print_Sum(self, whole: sympy.Sum) -> str:  # noqa: N802
        limits = ", ".join("{}={}..{}".format(*map(self._print, limit)) for limit in reversed(whole.limits))
        return f"sum({self._print(whole.function)}, {limits})"


def shown(expression: Expression) -> str:
    """An expression as a line of text."""
    exact = sympy.sympify(expression)
    names = {symbol.name for symbol in exact.atoms(sympy.Symbol)}
    free, summed = [letter for letter in "klrstuvw" if letter not in names], [name for name in names if name[0] == "_"]
    return str(_Formulas(dict(zip(sorted(summed), free, strict=False))).doprint(exact))


# ----------------------------------------------------------------------------------------------------------- algebra


def exactly(expression: Expression) -> sympy.Expr:
    """The expression, of exact real numbers and of symbols whose signs are nowhere but in the bounds of a proof."""
    exact = sympy.sympify(expression, strict=True)
    if not isinstance(exact, sympy.Expr) or not exact.is_commutative:
        raise InputError(f"{expression} is not an expression for a number")
    if exact.has(sympy.Float, sympy.I, sympy.nan, sympy.oo, -sympy.oo, sympy.zoo):
        raise InputError(f"{expression} is not made of exact real numbers")
    for symbol in exact.free_symbols:
        if isinstance(symbol, sympy.Symbol) and symbol.assumptions0 not in [
            sympy.Symbol(symbol.name, **known).assumptions0 for known in ({}, {"real": True}, {"integer": True})
        ]:
            raise InputError(f"{symbol} has assumptions of its own; declare it with the bounds it has")
    return exact


def is_zero(expression: Expression) -> bool:
    """Whether it is zero as a rational function, or after SymPy's simplification; never by evaluating it."""
    reduced = sympy.cancel(sympy.together(sympy.sympify(expression)))
    return reduced == 0 or (not reduced.is_rational_function() and sympy.simplify(reduced) == 0)


@dataclass(frozen=True)
class Bound:
    """How far down and up a symbol reaches, and whether it stays off its lower end."""

    least: sympy.Expr | None = None
    strict: bool = False
    most: sympy.Expr | None = None


class Signs:
    """Signs of expressions from bounds on their symbols, by factors and shifted coefficients; sound, not complete."""

    def __init__(self, bounds: Mapping[sympy.Symbol, Bound]) -> None:
        self.bounds = bounds

    def sign(self, expression: Expression) -> Relation | Literal["< 0", "<= 0"] | None:
        """What is known; None where nothing is."""
        sums = {part: sympy.Dummy("sum", real=True) for part in sympy.sympify(expression).atoms(sympy.Sum)}
        atoms = sympy.sympify(expression).xreplace(sums)
        above, below = sympy.fraction(sympy.factor(sympy.together(atoms)))
        signs = [self._power(factor) for factor in (*_factors(above), *_factors(below))]
        if 0 in (sign for sign, _ in signs):
            return "= 0" if above == 0 else None
        if any(sign is None for sign, _ in signs) or not all(strict for _, strict in map(self._power, _factors(below))):
            return None
        product = 1
        for sign, _ in signs:
            product *= sign or 0
        strict = all(strict for _, strict in signs)
        return ("> 0" if strict else ">= 0") if product > 0 else ("< 0" if strict else "<= 0")

    def _power(self, factor: sympy.Expr) -> tuple[int | None, bool]:
        """The sign of a factor with its exponent, and whether it is never zero."""
        base, exponent = factor.as_base_exp()
        sign, strict = self._polynomial(base)
        if exponent.is_integer and exponent.is_even:
            return 1, strict
        if (sign == -1 and not exponent.is_odd) or not (strict or exponent.is_positive):
            return None, False
        return sign, strict

    def _polynomial(self, expression: sympy.Expr) -> tuple[int | None, bool]:
        shifted, steps, strict = expression, [], set()
        for symbol in sorted(expression.free_symbols, key=str):
            bound = self.bounds.get(symbol.base if isinstance(symbol, sympy.Indexed) else symbol, Bound())
            if bound.least is None:
                continue
            step = sympy.Dummy(str(symbol), nonnegative=True)
            moved = bound.least + step
            if bound.most is not None:  # from `least` to `most` as the step goes from 0 to infinity
                moved = (bound.least + bound.most * step) / (1 + step)
            shifted = shifted.subs(symbol, moved)
            steps.append(step)
            strict |= {step} if bound.strict else set()
        above, below = (
            _coefficients(sympy.expand(part), steps, strict) for part in sympy.fraction(sympy.together(shifted))
        )
        if above[0] is None or below[0] is None or not below[1]:
            return None, False
        reached = [(symbol, bound.most) for symbol, bound in self.bounds.items() if bound.most is not None]
        never_zero = above[1] and all(
            self._polynomial(expression.subs(symbol, most))[1] for symbol, most in reached if expression.has(symbol)
        )
        return above[0] * below[0], never_zero


def _factors(expression: sympy.Expr) -> tuple[sympy.Expr, ...]:
    return tuple(sympy.Mul.make_args(expression))


def _coefficients(polynomial: sympy.Expr, steps: Sequence[sympy.Symbol], strict: set[sympy.Symbol]) -> tuple[Any, bool]:
    """The sign of a polynomial whose terms all have the same one for steps >= 0; strict ones are > 0."""
    found, never_zero = set(), False
    for term in sympy.Add.make_args(polynomial):
        number, rest = term.as_coeff_Mul()
        powers = rest.as_powers_dict() if rest != 1 else {}
        for base, exponent in powers.items():
            if base not in steps and not (exponent.is_even or base.is_nonnegative):
                return None, False
        found.add(int(sympy.sign(number)))
        never_zero |= number != 0 and all(base in strict or base.is_positive for base in powers)
    return (found.pop(), never_zero) if len(found) == 1 else (None, False)
