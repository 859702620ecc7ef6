"""Symbolic proofs: facts, the rules by which they follow, and propositions with their mutants."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import sympy

from nctheory.errors import InputError
from nctheory.symbolic.algebra import (
    Bound,
    CompoundSymmetric,
    Expression,
    Relation,
    Signs,
    classes_of,
    exactly,
    is_zero,
    over,
    shown,
    total,
)

__all__ = ["Fact", "Proof", "Proposition", "Step", "proposition"]

Outcome = Literal["discharged", "assumed", "given", "failed"]


# ---------------------------------------------------------------------------------------------------- what is provable


@dataclass(frozen=True)
class Fact:
    """An expression that is zero, positive or not negative; `established` says whether a step has shown it.

    It says that the expression is defined and real, too, wherever its symbols are within their bounds.
    """

    expression: sympy.Expr
    relation: Relation
    established: bool = field(default=False, compare=False)
    formula: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "expression", exactly(self.expression))
        if self.relation not in get_args(Relation):
            raise InputError(f"the relation is {self.relation!r}, expected one of {', '.join(get_args(Relation))}")

    def __str__(self) -> str:
        """As a formula."""
        return self.formula or f"{shown(self.expression)} {self.relation}"


@dataclass(frozen=True)
class Step:
    """One step: what is said in words and as a formula, by which rule, and whether that was checked."""

    text: str
    formula: str
    rule: str
    outcome: Outcome
    detail: str = ""


# -------------------------------------------------------------------------------------------------------------- proofs


_DEFINED = (
    *(sympy.Add, sympy.Mul, sympy.Number, sympy.NumberSymbol, sympy.Symbol, sympy.Indexed, sympy.IndexedBase),
    *(sympy.Sum, sympy.Tuple, sympy.core.symbol.Str),
    *(sympy.exp, sympy.log, sympy.Abs, sympy.Max, sympy.Min, sympy.sin, sympy.cos, sympy.atan, sympy.erf, sympy.erfc),
)  # real wherever their arguments are, but for logarithms


class Proof:
    """A list of checked steps. Its methods are the rules; each adds a step and returns the fact, established or not."""

    def __init__(self, dropped: Iterable[str] = ()) -> None:
        self.steps: list[Step] = []
        self.conclusions: list[Fact] = []
        self._facts: dict[Fact, set[str]] = {}  # with the formulas that stand for them
        self._takes: dict[Fact, int] = {}  # how many classes were named on the way to it
        self._premises = 0  # the same for the step at hand
        self._bounds: dict[sympy.Symbol, Bound] = {}
        self._of_pair: set[sympy.Symbol] = set()
        self._names: set[str] = set()
        self._used: set[sympy.Symbol] = set()
        self._ranges: dict[sympy.Symbol | None, sympy.Expr] = {}  # None is any class
        self._declared: set[sympy.Basic] = set()
        self._inner: dict[frozenset[str], sympy.Expr] = {}
        self._dropped = frozenset(dropped)

    @property
    def failures(self) -> list[Step]:
        """Steps that could not be checked."""
        return [step for step in self.steps if step.outcome == "failed"]

    @property
    def assumed(self) -> list[Step]:
        """Lemmas, taken from elsewhere."""
        return [step for step in self.steps if step.outcome == "assumed"]

    @property
    def complete(self) -> bool:
        """Whether something was concluded, and no step failed."""
        return bool(self.conclusions) and not self.failures

    # ------------------------------------------------------------------------------------------------ what is given

    def symbol(
        self,
        name: str,
        *,
        least: Expression = None,
        above: Expression = None,
        most: Expression = None,
        integer: bool = False,
        of_pair: bool = False,
    ) -> sympy.Symbol:
        """A number of which nothing is known but that it is real, or an integer, and these bounds.

        `of_pair` says that it belongs to one class or pair of classes, so that no sum over classes may hold it.
        """
        symbol = sympy.Symbol(self._new(name), real=True, integer=integer or None)
        self._declared.add(symbol)
        self._of_pair |= {symbol} if of_pair else set()
        low = least if above is None else above
        if (least is not None and above is not None) or (low is None and most is not None):
            raise InputError(
                f"{name} has the bounds least={least}, above={above}, most={most}, expected one from below"
            )
        if low is not None:
            end = None if most is None else self._bound(most)
            good = ("> 0",) if above is not None else ("> 0", ">= 0", "= 0")
            if end is not None and self._sign(end - low) not in good:
                raise InputError(f"{end} is not known to be at least {low}, the bounds of {name}")
            self._bounds[symbol] = Bound(self._bound(low), above is not None, end)
        return symbol

    def _bound(self, expression: Expression) -> sympy.Expr:
        exact = exactly(expression)
        if (
            fault := self._undeclared(exact)
            or self._poles(exact)
            or (exact.atoms(sympy.Indexed) and "it has subscripts")
            or (exact.free_symbols & self._of_pair and "it differs from class to class")
        ):
            raise InputError(f"{expression} is no bound: {fault}")
        return exact

    def _new(self, name: str) -> str:
        if not (name[:1].isalpha() or name[:1] in ("|", "<")) or "=" in name:
            raise InputError(f"{name!r} is no name, expected one that begins with a letter, | or <, and has no =")
        if name in self._names:
            raise InputError(f"{name} is taken")
        self._names.add(name)
        return name

    def family(self, name: str, *, least: Expression = None, above: Expression = None) -> sympy.IndexedBase:
        """Real numbers, one for each class, or for each pair, and their bound."""
        family, low = sympy.IndexedBase(self._new(name), real=True), least if above is None else above
        self._declared.add(family)
        if low is not None:
            self._bounds[family] = Bound(self._bound(low), above is not None)
        return family

    def function(self, name: str) -> Any:
        """A function of real numbers of which nothing is known but that its values are real."""
        function = sympy.Function(self._new(name), real=True)
        self._declared.add(function)
        return function

    def index(self, name: str, size: Expression) -> sympy.Symbol:
        """Any of `size` samples, or coordinates: of what is no class."""
        index = sympy.Symbol(name, integer=True)
        if index in self._ranges or index in self._used or name in self._names:
            raise InputError(f"{name} is taken")
        if self._sign(exactly(size) - 1) not in ("> 0", ">= 0", "= 0"):
            raise InputError(f"{size} is not known to be at least 1")
        self._ranges[index] = exactly(size)
        return index

    def given(self, name: str, fact: Fact, text: str) -> Fact:
        """A hypothesis of the theorem, by a name under which a mutant may drop it: then what uses it fails."""
        if name in self._dropped:
            return Fact(fact.expression, fact.relation, established=False)
        return self._record(fact, text, f"given: {name}", "given")

    def lemma(self, name: str, fact: Fact, text: str, reference: str, needs: Iterable[Fact] = ()) -> Fact:
        """What is taken from elsewhere, and counts as assumed; `needs` are its hypotheses."""
        faults = [f"it needs {need}, which is not established" for need in needs if not self._holds(need)]
        rule = f"lemma: {name} ({reference})"
        self._premises = 0  # a lemma says itself for how many classes it is
        return self._record(fact, text, rule, "failed" if faults else "assumed", "; ".join(faults))

    # ------------------------------------------------------------------------------------------------------- rules

    def identity(self, left: Expression, right: Expression, text: str) -> Fact:
        """Two expressions are the same, wherever they are defined, and no denominator vanishes."""
        fact = Fact(exactly(left) - exactly(right), "= 0")
        fault = "" if is_zero(fact.expression) else f"the difference is {sympy.factor(fact.expression)}"
        fault = fault or self._undeclared(exactly(left)) or self._undeclared(exactly(right)) or self._poles(left, right)
        return self._checked(fact, text, "identity", fault, formula=f"{shown(left)} = {shown(right)}")

    def sign(self, fact: Fact, text: str) -> Fact:
        """An expression has a sign, by those of its factors."""
        found = Signs(self._bounds).sign(fact.expression)
        good = found == fact.relation or (found in ("> 0", "= 0") and fact.relation == ">= 0")
        fault = "" if good else f"{sympy.factor(fact.expression)} is {found or 'of no known sign'}"
        return self._checked(fact, text, "sign", fault)

    def norm(self, coefficients: Mapping[str, Expression], gram: Callable[[str, str], Expression], text: str) -> Fact:
        """The squared norm of a linear combination of vectors, in terms of their inner products, is not negative."""
        fault = self._inner_products(gram, coefficients) or self._poles(*coefficients.values())
        square = sum(x * y * self._product(u, v) for u, x in coefficients.items() for v, y in coefficients.items())
        vector = " + ".join(u if x == 1 else f"({x}) {u}" for u, x in coefficients.items())
        fact = Fact(sympy.expand(square), ">= 0")
        fault = fault or ("it is negative: no vectors have these inner products" if self._sign(square) == "< 0" else "")
        return self._checked(fact, text, "squared norm", fault, formula=f"|{vector}|^2 = {fact}")

    def follows(
        self,
        fact: Fact,
        text: str,
        combination: Iterable[tuple[Expression, Fact]],
        squares: Iterable[tuple[Expression, Expression]] = (),
        times: Expression = 1,
    ) -> Fact:
        """A conclusion, times something positive, is a combination of premises and squares with multipliers >= 0."""
        terms, bases = list(combination), list(squares)
        rest = times * fact.expression - sum(m * premise.expression for m, premise in terms)
        rest -= sum(c * base**2 for c, base in bases)
        faults = [fault for term in terms for fault in self._premise_faults(*term)]
        faults += [f"{c} is not known to be >= 0" for c, _ in bases if self._sign(c) not in ("> 0", ">= 0", "= 0")]
        faults += [f"{times} is not known to be > 0"] if self._sign(times) != "> 0" else []
        faults += filter(
            None, [self._poles(times, *(m for m, _ in terms), *(part for square in bases for part in square))]
        )
        if not is_zero(rest):
            faults.append(f"what is left over is {sympy.factor(rest)}")
        if fact.relation == "= 0" and (bases or any(premise.relation != "= 0" for _, premise in terms)):
            faults.append("an equation follows from equations only")
        if fact.relation == "> 0" and not any(p.relation == self._sign(m) == "> 0" for m, p in terms):
            faults.append("no premise is strict")
        return self._checked(fact, text, "follows", "; ".join(faults))

    def summed(
        self,
        fact: Fact,
        indices: Sequence[sympy.Symbol],
        size: Expression,
        text: str,
        other_than: Sequence[sympy.Symbol] = (),
    ) -> Fact:
        """What holds for a generic class, or for two different ones, holds for the sum over all of them.

        Classes with different names are different, so where some remain, the sum is over classes `other_than` those.
        """
        if len(indices) == 2:
            whole, number = over(fact.expression, indices, size), size * (size - 1)
        else:
            whole = over(fact.expression, indices, size)
            whole -= sum(sympy.expand(fact.expression.subs(indices[0], other)) for other in other_than)
            number = size - len(other_than)
        fault = "" if self._holds(fact) else "its premise is not established"
        if left := self._beside(fact.expression, indices) - {*(other_than if len(indices) == 1 else ())}:
            fault = f"the sum has to leave out {', '.join(sorted(map(str, left)))}"
        if own := fact.expression.free_symbols & self._of_pair:
            fault = f"{', '.join(sorted(map(str, own)))} differ from class to class"
        fault = fault or self._indices(fact.expression, (*indices, *other_than), size)
        if fact.relation == "> 0" and self._sign(number) != "> 0":
            fault = f"there may be no term: {number} is not known to be > 0"
        return self._checked(Fact(whole, fact.relation), text, "summed", fault)

    def each(self, fact: Fact, whole: Fact, indices: Sequence[sympy.Symbol], size: Expression, text: str) -> Fact:
        """Terms that are not negative and have the sum zero are all zero."""
        faults = [] if self._holds(fact) and self._holds(whole) else ["a premise is not established"]
        if fact.relation != ">= 0" or whole.relation != "= 0":
            faults.append("the terms have to be >= 0 and the sum = 0")
        if not is_zero(over(fact.expression, indices, size) - whole.expression):
            faults.append("the sum is not that of the terms")
        if left := fact.expression.free_symbols & self._of_pair | classes_of(fact.expression) - {*indices}:
            faults.append(f"it is about {', '.join(sorted(map(str, left)))}")
        faults += filter(None, [self._indices(fact.expression, indices, size)])
        return self._checked(Fact(fact.expression, "= 0"), text, "each term", "; ".join(faults))

    def part(
        self,
        fact: Fact,
        indices: Sequence[sympy.Symbol],
        chosen: Sequence[Sequence[sympy.Symbol]],
        size: Expression,
        text: str,
    ) -> Fact:
        """A few of some terms that are not negative, those of the chosen classes, are at most the sum of all."""
        whole = over(fact.expression, indices, size)
        terms = [fact.expression.xreplace(dict(zip(indices, names, strict=True))) for names in chosen]
        fault = "" if self._holds(fact) else "its premise is not established"
        if len(set(map(tuple, chosen))) < len(chosen) or any(len(set(names)) < len(names) for names in chosen):
            fault = "the chosen classes have to differ"
        if left := fact.expression.free_symbols & self._of_pair | classes_of(fact.expression) - {*indices}:
            fault = f"it is about {', '.join(sorted(map(str, left)))}"
        names = {name: None for names in (indices, *chosen) for name in names}
        fault = fault or self._indices(sympy.Add(whole, *terms), [*names], size)
        return self._checked(Fact(sympy.expand(whole - sum(terms)), ">= 0"), text, "part of a sum", fault)

    def renamed(self, fact: Fact, names: Mapping[sympy.Symbol, sympy.Symbol], text: str) -> Fact:
        """What holds for generic classes i and j holds for j and i, or for j and k."""
        fault = "" if self._holds(fact) else "its premise is not established"
        classes = classes_of(fact.expression)
        if len({names.get(name, name) for name in classes}) < len(classes):
            fault = "different classes have to stay different"
        if own := fact.expression.free_symbols & self._of_pair:
            fault = f"{', '.join(sorted(map(str, own)))} differ from class to class"
        fault = fault or self._indices(fact.expression, [*names]) or self._indices(fact.expression, [*names.values()])
        for old, new in names.items():
            was, now = self._range(old), self._range(new)
            if self._ranges.get(was) != self._ranges.get(now) or (now and not was):
                fault = f"what holds for {old} need not hold for {new}, of another range"
        return self._checked(Fact(fact.expression.xreplace(dict(names)), fact.relation), text, "renamed", fault)

    def exchanged(
        self,
        expression: Expression,
        ranges: Sequence[tuple[sympy.Symbol, Expression]],
        order: Sequence[int],
        text: str,
    ) -> Fact:
        """Nested finite sums of the same in two orders are equal: outermost first, and in this order of the ranges."""
        if sorted(order) != list(range(len(ranges))):
            raise InputError(f"the order is {order}, expected one of the numbers 0 to {len(ranges) - 1}")
        whole, other = exactly(expression), exactly(expression)
        for index, size in reversed(ranges):
            whole = total(whole, index, size)
        for index, size in reversed([ranges[k] for k in order]):
            other = total(other, index, size)
        faults = [self._indices(whole, [index], size) for index, size in ranges]
        fault = "; ".join(filter(None, [*faults, self._indices(whole, [index for index, _ in ranges])]))
        return self._checked(Fact(whole - other, "= 0"), text, "order of summation", fault)

    def product(self, first: Fact, second: Fact, text: str) -> Fact:
        """The product of two expressions that are not negative is not, that of positive ones is positive."""
        faults = [f"{fact} is not established" for fact in (first, second) if not self._holds(fact)]
        relation: Relation = "= 0" if "= 0" in (first.relation, second.relation) else ">= 0"
        relation = "> 0" if first.relation == second.relation == "> 0" else relation
        return self._checked(Fact(first.expression * second.expression, relation), text, "product", "; ".join(faults))

    def divided(self, fact: Fact, whole: Fact, by: Fact, text: str) -> Fact:
        """What is zero, positive or not negative is so, too, divided by something positive."""
        faults = [f"{premise} is not established" for premise in (whole, by) if not self._holds(premise)]
        if by.relation != "> 0" or fact.relation not in (whole.relation, whole.relation.replace("> 0", ">= 0")):
            faults.append(f"{whole} divided by {by} is not {fact}")
        if not is_zero(fact.expression * by.expression - whole.expression):
            faults.append("the quotient is another")
        return self._checked(fact, text, "divided", "; ".join(faults))

    def squeezed(self, above: Fact, below: Fact, text: str) -> Fact:
        """What is not negative and, as its negative is not negative, not positive, is zero."""
        faults = [] if self._holds(above) and self._holds(below) else ["a premise is not established"]
        if not is_zero(above.expression + below.expression):
            faults.append("one is not the negative of the other")
        return self._checked(Fact(above.expression, "= 0"), text, "squeezed", "; ".join(faults))

    def root(self, base: Expression, square: Fact, text: str) -> Fact:
        """What has a square that is zero, or not positive, is zero."""
        base = exactly(base)
        sign = self._sign(sympy.cancel(square.expression / base**2))
        fault = "" if self._holds(square) else "its premise is not established"
        if sign not in (("< 0", "> 0") if square.relation == "= 0" else ("< 0",)):
            fault = f"{square} does not say that its square is zero"
        return self._checked(Fact(base, "= 0"), text, "root", fault)

    def null(
        self,
        coefficients: Mapping[str, Expression],
        other: str,
        gram: Callable[[str, str], Expression],
        square: Fact,
        text: str,
    ) -> Fact:
        """A combination of vectors whose squared norm is zero has the inner product zero with every other vector."""
        fault = self._inner_products(gram, coefficients, other) or self._poles(*coefficients.values())
        fault = fault if self._holds(square) and square.relation == "= 0" else f"{square} is not established"
        norm = sum(x * y * self._product(u, v) for u, x in coefficients.items() for v, y in coefficients.items())
        if not is_zero(norm - square.expression):
            fault = f"its squared norm is {sympy.factor(norm)}"
        product = sum(x * self._product(u, other) for u, x in coefficients.items())
        return self._checked(Fact(sympy.expand(product), "= 0"), text, "null vector", fault)

    def spectrum(
        self, matrix: CompoundSymmetric, expected: Sequence[tuple[Expression, Expression]], text: str
    ) -> list[Fact]:
        """The eigenvalues of aI + bJ are these, on the vectors of sum zero and on the constant ones, so often."""
        faults = []
        for (value, number), (own, times) in zip(matrix.eigenvalues(), expected, strict=True):
            if not (is_zero(value - own) and is_zero(number - times)):
                faults.append(f"{value} is an eigenvalue {number} times, not {own} {times} times")
        faults += self._size_faults(matrix)
        formula = ", ".join(f"{shown(value)} ({shown(times)} times)" for value, times in expected)
        fault = "; ".join(faults) or self._poles(*(x for pair in (*expected, *matrix.eigenvalues()) for x in pair))
        values = zip(matrix.eigenvalues(), expected, strict=True)
        facts = [Fact(exactly(value) - exactly(own), "= 0") for (value, _), (own, _) in values]
        return [self._checked(fact, text, "spectrum", fault, formula=formula) for fact in facts]

    def rank(self, matrix: CompoundSymmetric, expected: Expression, text: str) -> Fact:
        """The rank of aI + bJ is this: so often are its eigenvalues not zero."""
        faults, found = self._size_faults(matrix), sympy.Integer(0)
        for value, number in matrix.eigenvalues():
            if not is_zero(value):
                found += number
                faults += [] if self._sign(value) in ("> 0", "< 0") else [f"{value} is not known to differ from 0"]
        fact = Fact(found - exactly(expected), "= 0")
        faults += [] if is_zero(fact.expression) else [f"it is {found}"]
        return self._checked(fact, text, "rank", "; ".join(faults), formula=f"rank = {shown(expected)}")

    def definite(self, matrix: CompoundSymmetric, text: str, *, strict: bool = True) -> list[Fact]:
        """The matrix aI + bJ is positive definite, or semidefinite: the signs of both eigenvalues."""
        relation: Relation = "> 0" if strict else ">= 0"
        if faults := self._size_faults(matrix):
            return [self._checked(Fact(matrix.a, relation), text, "definite", "; ".join(faults))]
        return [self.sign(Fact(value, relation), text) for value, _ in matrix.eigenvalues()]

    def _size_faults(self, matrix: CompoundSymmetric) -> list[str]:
        known = exactly(matrix.size).is_integer and self._sign(matrix.size - 1) in ("> 0", ">= 0", "= 0")
        return [] if known else [f"{matrix.size} is not known to be a size"]

    def monotone(self, expression: Expression, variable: sympy.Symbol, text: str, *, increasing: bool = True) -> Fact:
        """An expression grows, or falls, with a symbol: the sign of its derivative."""
        real = sympy.Dummy(str(variable), real=True)  # also between integers
        slope = sympy.diff(exactly(expression).xreplace({variable: real}), real) * (1 if increasing else -1)
        found = Signs({**self._bounds, real: self._bounds.get(variable, Bound())}).sign(slope)
        slope = slope.xreplace({real: variable})
        fault = self._poles(expression) or ("" if variable in self._declared else f"{variable} has not been declared")
        if found not in ("> 0", ">= 0"):
            fault = f"the derivative is {sympy.factor(slope)}, {found or 'of no known sign'}"
        return self._checked(Fact(slope, ">= 0"), text, "monotone", fault)

    def tangent(self, at: Expression, text: str) -> Fact:
        """The exponential lies above its tangent at 0: exp(x) >= 1 + x, with equality at 0."""
        at = exactly(at)
        return self._checked(Fact(sympy.exp(at) - 1 - at, ">= 0"), text, "tangent", self._poles(at))

    def concludes(self, text: str, *facts: Fact) -> None:
        """What was to be shown."""
        for fact in facts:
            fault = "" if self._holds(fact) else "it is not established"
            takes, classes = self._takes.get(fact, 0), self._ranges.get(None, sympy.S.Zero)
            if takes > self._named(fact) and self._sign(classes - takes) not in ("> 0", ">= 0", "= 0"):
                fault = f"it took {takes} classes, of which there may be fewer"
            self.conclusions.append(self._checked(fact, text, "conclusion", fault))

    # --------------------------------------------------------------------------------------------------- bookkeeping

    def _inner_products(self, gram: Callable[[str, str], Expression], names: Iterable[str], *others: str) -> str:
        """Record what the inner products are: given, as they say which vectors these are. They cannot change later."""
        new = {}
        for u in names:
            for v in (*names, *others):
                value, own = exactly(gram(u, v)), frozenset((u, v))
                if fault := self._undeclared(value) or self._poles(value):
                    return fault
                if own not in self._inner:
                    self._inner[own] = new[own] = value
                if not is_zero(value - self._inner[own]):
                    return f"<{u}, {v}> is {value} here, and {self._inner[own]} elsewhere"
                if u == v and self._sign(value) == "< 0":
                    return f"|{u}|^2 is {value}, which is negative"
        if new:
            formula = ", ".join(f"<{', '.join(sorted(own) * (3 - len(own)))}> = {shown(new[own])}" for own in new)
            zero = Fact(sympy.S.Zero, "= 0")
            self._record(zero, "The vectors are known by their inner products.", "given: vectors", "given", "", formula)
        return ""

    def _product(self, u: str, v: str) -> sympy.Expr:
        """An inner product as it was given, which takes as many classes as it names."""
        value = self._inner.get(frozenset((u, v)), sympy.S.Zero)
        self._premises = max(self._premises, self._named(Fact(value, "= 0")))
        return value

    def _indices(self, expression: sympy.Expr, indices: Sequence[Expression], size: Expression | None = None) -> str:
        """Why sums over these, or other names for them, are not over generic classes, of which there are enough."""
        summed = {name for part in expression.atoms(sympy.Sum) for name in part.variables}
        for index in indices:
            if index != sympy.Symbol(str(index), integer=True) or str(index).startswith("_"):
                return f"{index} is not the name of a class"
            if str(index) in self._names or index in summed:
                return f"{index} is not any class"
            if size is not None and self._ranges.setdefault(self._range(index), size) != size:
                return f"there are {self._ranges[self._range(index)]} of {index}, not {size}"
        if len(set(indices)) < len(indices):
            return "different classes need different names"
        if size is None:
            return ""
        if len(indices) > 1 and any(self._range(index) for index in indices):
            return f"{', '.join(map(str, indices))} may be the same"
        named = max(
            len(self._beside(expression, indices) | {*indices}), 2 if expression.free_symbols & self._of_pair else 0
        )
        if not exactly(size).is_integer or not self._declared >= exactly(size).free_symbols:
            return f"{size} is no number of classes"
        if self._sign(size - named) not in ("> 0", ">= 0", "= 0"):
            return f"{size} is not known to be at least {named}, the number of classes that it names"
        return ""

    def _range(self, index: sympy.Symbol) -> sympy.Symbol | None:
        return index if index in self._ranges else None

    def _beside(self, expression: sympy.Expr, indices: Sequence[sympy.Symbol]) -> set[sympy.Symbol]:
        """What an expression names that is of the range of the indices, and so different from them."""
        sizes = {self._range(index) and self._ranges[index] for index in indices}
        named = {name for name in classes_of(expression) if (self._range(name) and self._ranges[name]) in sizes}
        return named - {*indices}

    def _sign(self, expression: Expression) -> str | None:
        return Signs(self._bounds).sign(expression)

    def _poles(self, *expressions: Expression) -> str:
        """Where an expression may be undefined or not real: a power, a logarithm, a function that is not known here."""
        for expression in expressions:
            try:
                exact = exactly(expression)
            except InputError as error:
                return str(error)
            for part in sympy.preorder_traversal(exact):
                if isinstance(part, sympy.Pow):
                    base, exponent = self._sign(part.base), self._sign(part.exp)
                    if not part.exp.is_integer:
                        if base != "> 0" and not (base in (">= 0", "= 0") and exponent == "> 0"):
                            return f"{part} may not be real"
                    elif base not in ("> 0", "< 0") and exponent not in ("> 0", ">= 0", "= 0"):
                        return f"{part.base} is not known to differ from 0"
                elif isinstance(part, sympy.log) and self._sign(part.args[0]) != "> 0":
                    return f"{part.args[0]} is not known to be > 0"
                elif isinstance(part, sympy.Basic) and not (isinstance(part, _DEFINED) or part.func in self._declared):
                    return f"{part} may be undefined"
        return ""

    def _premise_faults(self, multiplier: Expression, premise: Fact) -> Iterable[str]:
        if not self._holds(premise):
            yield f"{premise} is not established"
        if premise.relation != "= 0" and self._sign(multiplier) not in ("> 0", ">= 0", "= 0"):
            yield f"{multiplier} is not known to be >= 0"

    def _checked(self, fact: Fact, text: str, rule: str, fault: str, formula: str = "") -> Fact:
        return self._record(fact, text, rule, "failed" if fault else "discharged", fault, formula)

    def _record(self, fact: Fact, text: str, rule: str, outcome: Outcome, detail: str = "", formula: str = "") -> Fact:
        detail = detail or self._undeclared(fact.expression) or self._poles(fact.expression)
        outcome = "failed" if detail else outcome
        known = (
            fact.formula if fact.formula in self._facts.get(fact, ()) else f"{shown(fact.expression)} {fact.relation}"
        )
        formula = formula or known
        self.steps.append(Step(text, formula, rule, outcome, detail))
        if not detail:
            takes = max(self._premises, self._named(fact))
            self._facts.setdefault(fact, set()).add(formula)
            self._takes[fact] = min(takes, self._takes.get(fact, takes))
        self._premises = 0
        self._used |= classes_of(fact.expression)
        return Fact(fact.expression, fact.relation, not detail, formula)

    def _undeclared(self, expression: sympy.Expr) -> str:
        entries = {entry: sympy.Dummy() for entry in expression.atoms(sympy.Indexed)}
        names = expression.xreplace(entries).free_symbols | {entry.base for entry in entries}
        names -= {*entries.values(), *self._declared}
        return f"{', '.join(sorted(map(str, names)))} has not been declared" if names else ""

    def _holds(self, fact: Fact) -> bool:
        self._premises = max(self._premises, self._takes.get(fact, 0))
        return fact in self._facts

    def _named(self, fact: Fact) -> int:
        """How many different classes it is about."""
        names = [name for name in classes_of(fact.expression) if not self._range(name)]
        return max(len(names), 2 if fact.expression.free_symbols & self._of_pair else 0)


# -------------------------------------------------------------------------------------------------------- propositions


@dataclass(frozen=True)
class Proposition:
    """A statement, the function that proves it, and mutants: changes under which the proof has to fail."""

    identifier: str
    statement: str
    derive: Callable[..., None]
    mutants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def prove(self, mutant: str | None = None) -> Proof:
        """Run the proof, or a mutant of it: with other constants, or without a hypothesis (`drop`)."""
        changes = dict(self.mutants[mutant]) if mutant is not None else {}
        proof = Proof(dropped=changes.pop("drop", ()))
        try:
            self.derive(proof, **changes)
        except InputError as error:
            if mutant is None:
                raise
            proof.steps.append(Step("The mutant is refused.", "", "input", "failed", str(error)))
        return proof


def proposition(
    statement: str, *, mutants: Mapping[str, Mapping[str, Any]]
) -> Callable[[Callable[..., None]], Proposition]:
    """Make a function of a Proof the Proposition of its name.

    Formula:
        The function's own text.
    Args:
        statement: the proposition in words.
        mutants: by name, changes under which the proof has to fail: other values of the function's arguments, and with
            "drop" the names of hypotheses to leave out.
    Assumes:
        Nothing.
    Returns:
        What makes a function a Proposition.
    Raises:
        Nothing.
    Reference:
        papyan2020 and the references of each theorem.
    Example:
        >>> @proposition("A square is not negative.", mutants={"less than half": {"shift": 1}})
        ... def square(p, shift=0):
        ...     x = p.symbol("x")
        ...     p.concludes("So it is.", p.follows(Fact(x**2 - shift, ">= 0"), "By definition.", [], [(1, x)]))
        >>> square.prove().complete, square.prove("less than half").complete
        (True, False)
    """
    return lambda derive: Proposition(derive.__name__, statement, derive, mutants)
