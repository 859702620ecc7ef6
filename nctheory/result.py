"""What every question answers: a bracket that provably holds the truth, a status, a witness, and a certificate."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from nctheory import kernel
from nctheory.errors import InputError
from nctheory.exact import nearest_float

if TYPE_CHECKING:
    import sympy

__all__ = ["Certificate", "End", "Result", "Status"]

End = Fraction | float  # one end of a bracket: a Fraction, or an infinity
DetailsT_co = TypeVar("DetailsT_co", covariant=True)


class Status(StrEnum):
    """The verdict on optimality; what a numerical solver said is never one."""

    OPTIMAL = "optimal"  # gap 0, exactly
    NEAR_OPTIMAL = "near_optimal"  # rigorous relative gap at most the tolerance asked for
    IMPROVABLE = "improvable"  # a strictly better configuration is attached
    INFEASIBLE = "infeasible"  # the violated constraint is attached
    UNDECIDED = "undecided"  # the bracket, and what would decide it


@dataclass(frozen=True)
class Certificate:
    """A claim in full and the witness that makes it checkable; written as JSON, checked by the kernel."""

    claim: Mapping[str, Any]
    witness: Mapping[str, Any]

    def encode(self) -> bytes:
        """The certificate as JSON text.

        Raises InputError where the text is larger than the kernel reads.
        """
        try:
            content = {"format": 1, "claim": self.claim, "witness": self.witness}
            text = json.dumps(content, separators=(",", ":"), default=encode_number).encode("ascii")
        except ValueError as error:  # Python's own limit on the digits of an integer
            raise InputError(f"the certificate cannot be written: {error}") from None
        if len(text) > kernel.MAX_BYTES or text.count(b",") > kernel.MAX_NUMBERS:
            raise InputError(f"the certificate has {len(text)} bytes, more than the kernel reads ({kernel.MAX_BYTES})")
        return text

    def save(self, path: str | Path) -> None:
        """Write the certificate to a file, for `nctheory recheck` or a bare `python kernel.py`."""
        Path(path).write_bytes(self.encode() + b"\n")

    def verify(self) -> kernel.Verdict:
        """Have the kernel re-check the claim.

        Raises kernel.Invalid where it does not follow, InputError where it is beyond what the kernel reads.
        """
        try:
            return kernel.check(self.encode())
        except kernel.Malformed as error:
            raise InputError(f"the certificate is beyond what the kernel reads: {error}") from None


def encode_number(number: object) -> int | str:
    """The kernel's form of a Fraction: an integer, or 'p/q' in lowest terms."""
    if not isinstance(number, Fraction):
        raise TypeError(f"{number!r} of type {type(number).__name__} has no place in a certificate")
    return number.numerator if number.denominator == 1 else f"{number.numerator}/{number.denominator}"


@dataclass(frozen=True, repr=False)
class Result(Generic[DetailsT_co]):
    """An answer with a proof behind it.

    `lower <= truth <= upper` by exact arithmetic; `value` is a float inside. `gap` is a rigorous bound on how far from
    optimal, relatively, the answer can be; it is 0 exactly where `status` is optimal. `status` is None for a question
    that is not about optimality. `reason` says in one sentence why the status is what it is, and what would decide it.
    `details` holds what only this question has. `configuration` (the witness), `exact` (a SymPy number where one is
    known) and `certificate` are built on first use.

    Until `verify()` the numbers are "exact arithmetic, not re-checked"; afterwards its Verdict is what is certified.
    """

    lower: End
    upper: End
    details: DetailsT_co
    status: Status | None = None
    gap: End = Fraction(0)
    reason: str = ""
    build_configuration: Callable[[], Any] | None = None
    build_certificate: Callable[[], Certificate] | None = None
    build_exact: Callable[[], Any] | None = None

    @property
    def value(self) -> float:
        """The middle of the bracket, or its finite end, as a float (infinite beyond the range of float64)."""
        if isinstance(self.lower, Fraction) and isinstance(self.upper, Fraction):
            return nearest_float((self.lower + self.upper) / 2)
        return nearest_float(self.lower if isinstance(self.lower, Fraction) else self.upper)

    @cached_property
    def exact(self) -> "sympy.Expr | None":
        """The truth as a SymPy number where one is known, or where the bracket has closed on one."""
        if self.build_exact is not None:
            return self.build_exact()
        if self.lower != self.upper:
            return None
        import sympy

        if isinstance(self.lower, Fraction):
            return sympy.Rational(self.lower.numerator, self.lower.denominator)
        return sympy.oo if self.lower > 0 else -sympy.oo

    @cached_property
    def configuration(self) -> Any:
        """The witness: what attains the lower end, or the better configuration where the status is improvable."""
        return self.build_configuration() if self.build_configuration else None

    @cached_property
    def certificate(self) -> Certificate | None:
        """The claim of this result for the kernel."""
        return self.build_certificate() if self.build_certificate else None

    def verify(self) -> kernel.Verdict:
        """Have the kernel re-check the certificate.

        Raises kernel.Invalid where the claim does not follow, InputError where there is no certificate.
        """
        if self.certificate is None:
            raise InputError("this result carries no certificate")
        return self.certificate.verify()

    def __repr__(self) -> str:
        return f"Result({self})"

    def __str__(self) -> str:
        """One line: value, status, reason."""
        number = f"{self.value:.12g}" if self.lower == self.upper else f"in [{_show(self.lower)}, {_show(self.upper)}]"
        return ", ".join(part for part in (number, self.status, self.reason) if part)


def _show(end: End) -> str:
    return f"{nearest_float(end):.12g}"
