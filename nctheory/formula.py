"""Formulas: what a claim says about its input, written once as a Python function and read in four ways.

A formula is a function whose body is assignments and one `return`, in the language of `kernel.Formulas`. Then one text
serves for the search (the function itself, on floats), for its slack (how far a condition is from failing), for the
kernel (the source, on Fractions), and, with functions of `nctheory.gaussian`, for an enclosure (Arb balls). Any other
Python function is a formula too, on NumPy arrays; nothing but its own result then vouches for a hit.
"""

import ast
import builtins
import inspect
import itertools
import math
import tokenize
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cached_property, reduce
from types import CodeType
from typing import Any

import flint
import numpy as np

from nctheory import gaussian, kernel
from nctheory.errors import InputError
from nctheory.kernel import dot, exponent, gegenbauer, squared_distance, universal_bound

__all__ = ["Formula", "Language", "Undecided", "dot", "exponent", "gegenbauer", "squared_distance", "universal_bound"]

_FORMULA_PARTS = (
    *(ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Call, ast.Subscript, ast.Constant, ast.Name),
    *(ast.Tuple, ast.List, ast.ListComp, ast.GeneratorExp, ast.comprehension, ast.boolop, ast.expr_context),
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.USub, ast.Not),
    *(ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq),
)
_PLAIN = {**vars(builtins), **vars(itertools), **vars(kernel)}  # what the functions of the language are in Python


class Language(StrEnum):
    """What can confirm a formula's value: the kernel, an Arb enclosure, or only the function itself."""

    EXACT = "exact"
    ENCLOSED = "enclosed"
    PYTHON = "python"


class Undecided(Exception):
    """A comparison of two balls that overlap."""


@dataclass(frozen=True, eq=False)
class Formula:
    """A Python function of some of a claim's inputs, by their names, that gives a number or a truth value."""

    function: Callable[..., Any]

    @property
    def name(self) -> str:
        """The function's name."""
        return str(getattr(self.function, "__name__", type(self.function).__name__))

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """The names of the inputs it takes."""
        return tuple(inspect.signature(self.function).parameters)

    @cached_property
    def language(self) -> Language:
        """The narrowest language that its source is written in."""
        if self._source is None:
            return Language.PYTHON
        return Language.ENCLOSED if self._called & gaussian.FUNCTIONS.keys() else Language.EXACT

    @property
    def definitions(self) -> dict[str, str]:
        """The assignments before the return, as the kernel reads them."""
        return {name: ast.unparse(value) for name, value in self._parsed[0].items()}

    @property
    def result(self) -> str:
        """The returned expression, as the kernel reads it."""
        return ast.unparse(self._parsed[1])

    def __call__(self, inputs: Mapping[str, Any]) -> Any:
        """The value: on rows as tuples for a formula, on NumPy arrays for any other function."""
        chosen = {name: inputs[name] for name in self.parameters}
        if self.language != Language.PYTHON:
            return self.function(**chosen)
        arrays = {name: np.array(value) for name, value in chosen.items() if isinstance(value, tuple)}
        value = self.function(**{**chosen, **arrays})
        if changed := [name for name, array in arrays.items() if not np.array_equal(array, np.array(chosen[name]))]:
            raise InputError(f"{self.name} changes its input {changed[0]}")
        return value

    def slack(self, inputs: Mapping[str, Any]) -> float:
        """How far a condition is from failing, on floats: negative where it fails; a truth value alone is 1 or -1."""
        if self.language == Language.PYTHON:
            return 1.0 if self(inputs) else -1.0
        return float(self._run(self._slack_code, inputs, _SLACKS))

    def exactly(self, inputs: Mapping[str, Any]) -> Any:
        """The value on Fractions, by the kernel's evaluation."""
        formulas, names = kernel.Formulas(), {name: _fractions(inputs[name]) for name in self.parameters}
        for name, text in self.definitions.items():
            names[name] = formulas.evaluate(text, names)
        return formulas.evaluate(self.result, names)

    def enclose(self, inputs: Mapping[str, Any]) -> Any:
        """The value on Fractions, as an Arb ball or a certain truth value; raises Undecided where it is uncertain."""
        balls = {name: _balls(inputs[name]) for name in self.parameters}
        return self._run(self._enclosing_code, balls, _ENCLOSURES)

    # ------------------------------------------------------------------------------------------------- the source

    @cached_property
    def _source(self) -> tuple[dict[str, ast.expr], ast.expr] | None:
        """The assignments and the returned expression, where they are all in the language."""
        try:
            tree = _definition(inspect.getsource(self.function))
        except (OSError, TypeError, SyntaxError, ValueError, IndexError, tokenize.TokenError):
            return None
        if not isinstance(tree, ast.FunctionDef) or not _is_source_of(tree, self.function):
            return None
        *before, last = tree.body[1:] if ast.get_docstring(tree) else tree.body
        assignments: dict[str, ast.expr] = {}
        for statement in before:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if name not in {
                    *assignments,
                    *self.parameters,
                }:
                    assignments[name] = value
                case _:
                    return None
        if not isinstance(last, ast.Return) or last.value is None:
            return None
        expressions = [*assignments.values(), last.value]
        known = {*self.parameters, *assignments}
        fits = not known & _TAKEN and all(self._in_language(part, known) for part in expressions)
        return (assignments, last.value) if fits else None

    def _in_language(self, expression: ast.expr, known: set[str]) -> bool:
        nodes = list(ast.walk(expression))
        bound = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        fits = all(isinstance(node, _FORMULA_PARTS) and self._fits(node, known | bound) for node in nodes)
        return fits and not bound & _TAKEN

    def _fits(self, node: ast.AST, known: set[str]) -> bool:
        if isinstance(node, ast.Constant):
            return type(node.value) is int
        if isinstance(node, ast.Name):
            return node.id.isascii() and (node.id in known or self._is_vocabulary(node.id))
        return not isinstance(node, ast.Call) or (isinstance(node.func, ast.Name) and not node.keywords)

    def _is_vocabulary(self, name: str) -> bool:
        """Whether the name means in the function what it means in the language."""
        if name in self.function.__code__.co_varnames:  # the first parameter of a method
            return False
        meant = self.function.__globals__.get(name, vars(builtins).get(name))
        if name in gaussian.FUNCTIONS:
            return meant is gaussian.FUNCTIONS[name]
        return name in kernel.FUNCTIONS and meant is _PLAIN[name]

    @property
    def _parsed(self) -> tuple[dict[str, ast.expr], ast.expr]:
        if self._source is None:
            raise InputError(
                f"{self.name} is not a formula: its body is more than assignments and a return of formulas"
            )
        return self._source

    @cached_property
    def _called(self) -> set[str]:
        expressions = [*self._parsed[0].values(), self._parsed[1]]
        nodes = itertools.chain.from_iterable(map(ast.walk, expressions))
        return {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}

    # ------------------------------------------------------------------------------------- other readings of it

    @cached_property
    def _slack_code(self) -> CodeType:
        return self._compiled(lambda expression: expression, _slack)

    @cached_property
    def _enclosing_code(self) -> CodeType:
        transformed: Callable[[ast.expr], ast.expr] = _Enclosing().visit
        return self._compiled(transformed, transformed)

    def _compiled(self, define: Callable[[ast.expr], ast.expr], give: Callable[[ast.expr], ast.expr]) -> CodeType:
        """The function's body as a module that sets `_result`."""
        parsed = ast.parse(
            "\n".join([*(f"{k} = {v}" for k, v in self.definitions.items()), f"_result = {self.result}"])
        )
        for statement in parsed.body:
            assert isinstance(statement, ast.Assign)
            transform = give if statement is parsed.body[-1] else define
            statement.value = transform(statement.value)
        return compile(ast.fix_missing_locations(parsed), f"<{self.name}>", "exec")

    def _run(self, code: CodeType, inputs: Mapping[str, Any], functions: Mapping[str, Any]) -> Any:
        names = {**self.function.__globals__, **functions, **{name: inputs[name] for name in self.parameters}}
        exec(code, names)
        return names["_result"]


def _definition(source: str) -> ast.stmt:
    """The function's definition; indented as it is, so that its docstring stays what it was."""
    if not source[0].isspace():
        return ast.parse(source).body[0]
    block = ast.parse(f"if True:\n{source}").body[0]
    assert isinstance(block, ast.If)
    return block.body[0]


def _is_source_of(tree: ast.FunctionDef, function: Callable[..., Any]) -> bool:
    """Whether this text compiles to the very function, not to what it wraps, stands beside or was before an edit."""
    alone = ast.FunctionDef(**{**{name: getattr(tree, name) for name in tree._fields}, "decorator_list": []})
    module = compile(ast.fix_missing_locations(ast.Module([alone], [])), "<formula>", "exec")
    codes = [constant for constant in module.co_consts if isinstance(constant, CodeType)]
    named = tree.args.vararg is None and tree.args.kwarg is None
    return named and len(codes) == 1 and hasattr(function, "__code__") and _same_code(codes[0], function.__code__)


def _same_code(one: CodeType, other: CodeType) -> bool:
    parts = ("co_code", "co_names", "co_varnames", "co_freevars", "co_argcount")
    if any(getattr(one, part) != getattr(other, part) for part in parts) or len(one.co_consts) != len(other.co_consts):
        return False
    pairs = zip(one.co_consts, other.co_consts, strict=True)
    return all(_same_code(*pair) if isinstance(pair[0], CodeType) else _same_constant(*pair) for pair in pairs)


def _same_constant(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


# ----------------------------------------------------------------------------------------------------------- slack


def _slack(condition: ast.expr) -> ast.expr:
    """The expression of a condition's slack: and, all take the least, or, any the largest; the rest is 1 or -1."""
    match condition:
        case ast.BoolOp(op=sign, values=parts):
            return _call(
                "_least" if isinstance(sign, ast.And) else "_largest", ast.Tuple(list(map(_slack, parts)), _LOAD)
            )
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _call("_negated", _slack(operand))
        case ast.Call(func=ast.Name(id=("all" | "any") as name), args=[ast.GeneratorExp() as generator]):
            inner = ast.GeneratorExp(_slack(generator.elt), generator.generators)
            return _call("_least" if name == "all" else "_largest", inner)
        case ast.Compare(left=left, ops=signs, comparators=rest):
            pairs = zip(signs, itertools.pairwise([left, *rest]), strict=True)
            slacks: list[ast.expr] = [_call(_DIFFERENCES[type(sign)], *pair) for sign, pair in pairs]
            return _call("_least", ast.Tuple(slacks, _LOAD))
    return _call("_truth", condition)


_LOAD = ast.Load()
_DIFFERENCES: dict[type, str] = {
    ast.Lt: "_below",
    ast.LtE: "_at_most",
    ast.Gt: "_above",
    ast.GtE: "_at_least",
    ast.Eq: "_equal",
    ast.NotEq: "_different",
}
_FAILS = -5e-324  # by nothing: a strict comparison of equal numbers


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, _LOAD), list(arguments), [])


def _truth(value: Any) -> float:
    return 1.0 if value else -1.0


def _equal(left: Any, right: Any) -> float:
    if isinstance(left, tuple) or isinstance(right, tuple):
        return 0.0 if left == right else -1.0
    return -abs(left - right)  # type: ignore[no-any-return]


_SLACKS: dict[str, Callable[..., Any]] = {
    "_least": lambda slacks: min(slacks, default=math.inf),
    "_largest": lambda slacks: max(slacks, default=-math.inf),
    "_below": lambda left, right: (right - left) or _FAILS,
    "_at_most": lambda left, right: right - left,
    "_above": lambda left, right: (left - right) or _FAILS,
    "_at_least": lambda left, right: left - right,
    "_equal": _equal,
    "_different": lambda left, right: 1.0 if left != right else -1.0,
    "_negated": lambda slack: -slack or _FAILS,
    "_truth": _truth,
}


# ------------------------------------------------------------------------------------------------------- enclosures


class _Enclosing(ast.NodeTransformer):
    """Quotients of integers become exact, comparisons certain, powers products (of a ball around 0 they are lost).

    What is asked whether it is true must not be a ball, which is true unless it is exactly 0.
    """

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        versions: dict[type, str] = {ast.Div: "_quotient", ast.Pow: "_power"}
        version = versions.get(type(node.op))
        return _call(version, node.left, node.right) if version else node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        pairs = zip(node.ops, itertools.pairwise([node.left, *node.comparators]), strict=True)
        return _call("all", ast.Tuple([_call(f"_{type(sign).__name__}", *pair) for sign, pair in pairs], _LOAD))

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        node.slice = _call("_whole", node.slice)
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        node.test = _call("_decided", node.test)
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        self.generic_visit(node)
        node.values = [_call("_decided", value) for value in node.values]
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.Not):
            node.operand = _call("_decided", node.operand)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.comprehension:
        self.generic_visit(node)
        node.ifs = [_call("_decided", condition) for condition in node.ifs]
        return node


def _fractions(value: Any) -> Any:
    return tuple(map(_fractions, value)) if isinstance(value, tuple) else Fraction(value)


def _balls(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_balls, value))
    return value if isinstance(value, int) else _rational(Fraction(value))


def _rational(value: Fraction) -> flint.fmpq:
    return flint.fmpq(value.numerator, value.denominator)


def _quotient(left: Any, right: Any) -> Any:
    return flint.fmpq(left) / right if isinstance(left, int) else left / right


def _power(base: Any, power: Any) -> Any:
    product = reduce(lambda product, _: product * base, range(abs(_whole(power))), 1)
    return product if power >= 0 else _quotient(1, product)


def _whole(number: Any) -> int:
    if isinstance(number, flint.fmpq) and number.q == 1:
        return int(number.p)
    if not isinstance(number, int):
        raise Undecided(f"{number} is no integer for certain")
    return number


def _decided(value: Any) -> Any:
    if isinstance(value, flint.arb):
        raise Undecided(f"whether {value} is 0")
    return value


def _has_ball(value: Any) -> bool:
    return any(map(_has_ball, value)) if isinstance(value, tuple | list) else isinstance(value, flint.arb)


def _without_balls(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that compares, on exact numbers only."""

    def exactly(*arguments: Any) -> Any:
        if _has_ball(arguments):
            raise Undecided("a comparison of balls inside of a function")
        value = function(*map(_exact, arguments))
        return _rational(value) if isinstance(value, Fraction) else value

    return exactly


def _exact(value: Any) -> Any:
    """Integers as exact numbers, so that no function takes its way in floats."""
    if isinstance(value, tuple | list):
        return tuple(map(_exact, value))
    return flint.fmpq(value) if isinstance(value, int) else value


def _enclosing(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments: function(*map(_exact, arguments))


def _certainly(sign: Callable[[Any, Any], Any], opposite: Callable[[Any, Any], Any]) -> Callable[[Any, Any], bool]:
    def decide(left: Any, right: Any) -> bool:
        ball = _has_ball((left, right))
        if ball and isinstance(left, tuple | list):
            raise Undecided("sequences of balls")
        if sign(left, right):
            return True
        if ball and not opposite(left, right):
            raise Undecided(f"{left} against {right}")
        return False

    return decide


def _extreme(choose: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    """min or max of numbers of which some are balls: the ball of the minimum or maximum."""

    def extreme(*arguments: Any) -> Any:
        values = list(arguments[0] if len(arguments) == 1 else arguments)
        if not _has_ball(values):
            return plain(values)
        if any(isinstance(value, tuple | list) for value in values):
            raise Undecided("sequences of balls")
        return reduce(lambda x, y: getattr(x, choose)(y), map(flint.arb, values))

    return extreme


def _exactly_sorted(values: Iterable[Any]) -> list[Any]:
    values = list(values)
    if _has_ball(values):
        raise Undecided("balls have no order")
    return sorted(values)


_ENCLOSURES: dict[str, Callable[..., Any]] = {
    "min": _extreme("min", min),
    "max": _extreme("max", max),
    "sorted": _exactly_sorted,
    "all": lambda values: all(map(_decided, values)),
    "any": lambda values: any(map(_decided, values)),
    "range": lambda *ends: range(*map(_whole, ends)),
    "combinations": lambda values, count: itertools.combinations(values, _whole(count)),
    "permutations": lambda values, count: itertools.permutations(values, _whole(count)),
    "gegenbauer": _enclosing(gegenbauer),
    "exponent": _without_balls(exponent),
    "universal_bound": _without_balls(universal_bound),
    "_quotient": _quotient,
    "_power": _power,
    "_whole": _whole,
    "_decided": _decided,
    **{name: _enclosing(function) for name, function in gaussian.FUNCTIONS.items()},
    "_Lt": _certainly(lambda x, y: x < y, lambda x, y: x >= y),
    "_LtE": _certainly(lambda x, y: x <= y, lambda x, y: x > y),
    "_Gt": _certainly(lambda x, y: x > y, lambda x, y: x <= y),
    "_GtE": _certainly(lambda x, y: x >= y, lambda x, y: x < y),
    "_Eq": _certainly(lambda x, y: x == y, lambda x, y: x != y),
    "_NotEq": _certainly(lambda x, y: x != y, lambda x, y: x == y),
}
_TAKEN = frozenset({*kernel.FUNCTIONS, *gaussian.FUNCTIONS, *_SLACKS, *_ENCLOSURES, "_result"})  # no names of values
