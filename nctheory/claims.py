"""A `Claim`: for every input of a domain that satisfies the assumptions, a margin is at most 0; and its refutations."""

import ast
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from typing import Any

import flint
import numpy as np

from nctheory import kernel
from nctheory.domains import Domain
from nctheory.errors import InputError
from nctheory.exact import ExactMatrix
from nctheory.formula import Formula, Language, Undecided
from nctheory.result import Certificate

__all__ = ["Claim", "Confirmation", "Refutation", "encode_input"]

_SHORT = 10**6  # denominators up to this are shown as they are
_LONGEST_NAME = 100
_BITS = 10  # to which a longer margin is rounded down
_PRECISION = 128  # bits of the balls
_NO_VALUE = (ArithmeticError, TypeError, ValueError, LookupError, AttributeError)  # as of NumPy's, on Fractions


class Confirmation(StrEnum):
    """What stands behind a violation."""

    CERTIFIED = "certified"  # the kernel has checked the certificate
    ENCLOSED = "enclosed"  # an Arb ball around the margin lies above 0
    EXACT = "exact"  # the claim's own function, on Fractions; the kernel cannot read it


@dataclass(frozen=True, eq=False)
class Refutation:
    """An exact input that violates a claim by at least `at_least` > 0, and what confirms it."""

    claim: "Claim"
    inputs: Mapping[str, Any]
    at_least: Fraction
    confirmation: Confirmation
    certificate: Certificate | None

    @property
    def sentence(self) -> str:
        """What is violated, where, and by how much."""
        shown = ", ".join(f"{name} = {show_input(value)}" for name, value in self.inputs.items())
        return f"{self.claim.id} is violated by at least {self.at_least} ({self.confirmation}) at {shown}"


class Claim:
    """A statement about every input of a domain, with a violation margin that is positive where it fails.

    Formula:
        For every input of the domain: if all assumptions hold, then margin(input) <= 0.
    Args:
        margin: a function of some inputs, by their names, that returns a number. Written in the language of formulas
            (`nctheory.formula`), on rows as tuples, its violations are certified by the kernel; any other function
            gets NumPy arrays, and its violations are at best exact.
        domain: the inputs; sizes may be asked for by their names too.
        assumptions: functions of some inputs that return truth values; comparisons, rather than flags, help a search.
        statement: the claim in words.
        name: letters, digits, _ and /; the function's name where left out.
        counterexample: exact values of the inputs, by name, at which the claim is known to fail: numbers, strings such
            as "1/3", and tuples of them. `falsify` confirms it before it searches.
    Assumes:
        margin and assumptions are functions of their arguments alone.
    Returns:
        An object for `nctheory.falsify`.
    Raises:
        InputError: an argument that names no input, a name with other characters.
    Reference:
        claessen2000, for properties as programs.
    Example:
        >>> from nctheory.claims import Claim
        >>> from nctheory.domains import Domain, Sphere
        >>> from nctheory.formula import dot
        >>> def obtuse(points):
        ...     return dot(points[0], points[1])
        >>> claim = Claim(obtuse, Domain({"dimension": (1, 3)}, points=Sphere((2, "dimension"))))
        >>> claim.margin({"points": ((1.0, 0.0), (0.6, 0.8))})
        0.6
    """

    def __init__(
        self,
        margin: Callable[..., Any],
        domain: Domain,
        *,
        assumptions: Iterable[Callable[..., Any]] = (),
        statement: str = "",
        name: str | None = None,
        counterexample: Mapping[str, Any] | None = None,
    ) -> None:
        self.origin: tuple[Callable[..., Any], tuple[Any, ...]] | None = None  # how another process finds it
        self.margin = Formula(margin)
        self.domain = domain
        self.assumptions = tuple(map(Formula, assumptions))
        self.statement = statement or (margin.__doc__ or "").strip().split("\n")[0]
        self.id = name or self.margin.name
        if not (self.id.isascii() and self.id.replace("/", "_").isidentifier() and len(self.id) <= _LONGEST_NAME):
            raise InputError(f"a claim is called {self.id!r}, expected a letter, then letters, digits, _ and /")
        inputs = {*domain.ranges, *domain.fields}
        for formula in (self.margin, *self.assumptions):
            if unknown := set(formula.parameters) - inputs:
                raise InputError(f"{formula.name} asks for {sorted(unknown)}, and the inputs are {sorted(inputs)}")
        if counterexample is not None and counterexample.keys() != inputs:
            raise InputError(f"counterexample has {sorted(counterexample)}, expected the inputs {sorted(inputs)}")
        self.counterexample = None if counterexample is None else _exact_inputs(counterexample, domain)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Functions cannot be sent to other processes; a claim that is registered is found there by its name."""
        if self.origin is None:
            raise TypeError(f"{self.id} cannot be sent to another process: state it in a file, under @nctheory.theorem")
        return self.origin

    def __repr__(self) -> str:
        return f"Claim({self.id}: {self.statement})"

    @cached_property
    def language(self) -> Language:
        """The widest language among margin and assumptions, which decides what can confirm a violation."""
        order = list(Language)
        return max((formula.language for formula in (self.margin, *self.assumptions)), key=order.index)

    def slack(self, inputs: Mapping[str, Any]) -> float:
        """The least slack of the assumptions, on floats; infinite where there are none."""
        return min((assumption.slack(inputs) for assumption in self.assumptions), default=math.inf)

    def confirm(self, inputs: Mapping[str, Any]) -> Refutation | None:
        """Whether these exact inputs violate the claim, by the kernel, an enclosure, or the function on Fractions."""
        if any(inputs[name] != size for name, size in self._sizes(inputs).items()):
            return None  # 5/2 is between 2 and 3, and no size
        if not all(self._rigorous(assumption, inputs) is True for assumption in self.assumptions):
            return None
        margin = self.lower_margin(inputs)
        if margin is None or margin <= 0:
            return None
        margin = margin if margin.denominator <= _SHORT else _rounded_down(margin)
        if self.language == Language.EXACT:
            certificate = self.certificate(inputs, margin)
            try:
                certificate.verify()
            except (kernel.Invalid, InputError):  # does not follow, or is beyond what the kernel reads
                return None
            return Refutation(self, inputs, margin, Confirmation.CERTIFIED, certificate)
        formulas, requires = kernel.Formulas(), self.domain.requires(self._sizes(inputs))
        if not all(formulas.evaluate(text, inputs) is True for text in requires):
            return None
        enclosed = self.language == Language.ENCLOSED
        return Refutation(self, inputs, margin, Confirmation.ENCLOSED if enclosed else Confirmation.EXACT, None)

    def certificate(self, inputs: Mapping[str, Any], at_least: Fraction) -> Certificate:
        """The kernel's claim that these inputs violate this claim by at least `at_least`."""
        definitions, requires = dict[str, str](), self.domain.requires(self._sizes(inputs))
        margin = _joined(self.margin, definitions, inputs)
        requires += [_joined(assumption, definitions, inputs) for assumption in self.assumptions]
        claim = {
            "kind": "violation",
            "theorem": self.id,
            "input": {name: encode_input(value) for name, value in inputs.items()},
            "definitions": definitions,
            "requires": requires,
            "margin": margin,
            "at_least": at_least,
        }
        return Certificate(claim, {})

    def _sizes(self, inputs: Mapping[str, Any]) -> dict[str, int]:
        return {name: int(inputs[name]) for name in self.domain.ranges}

    def lower_margin(self, inputs: Mapping[str, Any]) -> Fraction | None:
        """An exact number that the margin is at least; None where nothing rigorous is known."""
        value = self._rigorous(self.margin, inputs)
        if isinstance(value, flint.arb):
            return _lower_end(value)
        return Fraction(value) if isinstance(value, int | Fraction) and not isinstance(value, bool) else None

    def _rigorous(self, formula: Formula, inputs: Mapping[str, Any]) -> Any:
        """The value on Fractions: exact, a ball, or None where it is neither."""
        try:
            if formula.language == Language.EXACT:
                return formula.exactly(inputs)
            if formula.language == Language.ENCLOSED:
                with flint.ctx.workprec(_PRECISION):
                    return _plain(formula.enclose(inputs))
            value = _plain(formula(inputs))
            return None if isinstance(value, flint.arb) else value  # how it came about is nobody's to see
        except (Undecided, InputError, kernel.Invalid, *_NO_VALUE):
            return None


def _exact_inputs(given: Mapping[str, Any], domain: Domain) -> dict[str, Any]:
    """Sizes as integers, and all other numbers as Fractions."""
    return {name: int(value) if name in domain.ranges else _fractions(value) for name, value in given.items()}


def _fractions(value: Any) -> Any:
    return tuple(map(_fractions, value)) if isinstance(value, tuple | list) else Fraction(value)


def _plain(value: Any) -> Any:
    """Python's own types for truth values and exact numbers; floats are not exact, and become None."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, flint.fmpq):
        return Fraction(int(value.p), int(value.q))
    return value if isinstance(value, int | Fraction | flint.arb) else None


def _lower_end(ball: flint.arb) -> Fraction | None:
    if not ball.is_finite():
        return None
    mantissa, power = ball.lower().man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(power)


def _rounded_down(number: Fraction) -> Fraction:
    """At most the positive number, with a few bits."""
    shift = number.numerator.bit_length() - number.denominator.bit_length() - _BITS
    unit = Fraction(2) ** shift
    return number // unit * unit


def _joined(formula: Formula, definitions: dict[str, str], inputs: Mapping[str, Any]) -> str:
    """The formula's result, its definitions added to the others under names that are still free."""
    renamed: dict[str, str] = {}
    texts = [*formula.definitions.values(), formula.result]
    used = {node.id for text in texts for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    for name, text in formula.definitions.items():
        taken = {*definitions, *inputs, *(used - {name})}
        renamed[name] = next(free for free in _names(name) if free not in taken)
        definitions[renamed[name]] = _with_names(text, renamed)
    return _with_names(formula.result, renamed)


def _names(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}_{number}" for number in range(2, 100))


def _with_names(text: str, renamed: Mapping[str, str]) -> str:
    tree = ast.parse(text, mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = renamed.get(node.id, node.id)
    return ast.unparse(tree)


def encode_input(value: Any) -> Any:
    """The kernel's JSON form of a number, a vector or the rows of a matrix."""
    if not isinstance(value, tuple):
        return Fraction(value)
    if not value or not isinstance(value[0], tuple):
        return [Fraction(entry) for entry in value]
    rows = np.empty((len(value), len(value[0])), dtype=object)
    rows[:] = [[Fraction(entry) for entry in row] for row in value]
    return ExactMatrix.of(rows).encode()


def show_input(value: Any) -> str:
    """Numbers as fractions, rows in brackets."""
    return f"[{', '.join(map(show_input, value))}]" if isinstance(value, tuple) else str(value)
