"""What every report is made of: tables for a terminal or a pipe, and numbers rounded in a stated direction."""

import math
from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_UP, Decimal, localcontext
from fractions import Fraction
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from nctheory.exact import ceil_float, floor_float
from nctheory.result import End

__all__ = ["finite", "number", "print_table", "rounded", "show_end", "show_ratio"]


def print_table(console: Console, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table with rules on a terminal; in a pipe bare columns, without spaces at the ends of lines."""
    rules = SIMPLE_HEAD if console.is_terminal else None
    table = Table(box=rules, show_edge=False, pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(header, overflow="fold", no_wrap=not console.is_terminal)
    for row in rows:
        table.add_row(*row)
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as captured:
        console.print(table)
    console.print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def number(exact: End) -> dict[str, Any]:
    """For JSON: a number as two floats around it and as an exact string."""
    if not isinstance(exact, Fraction):
        return {"lower": "inf", "upper": "inf", "exact": "inf"}
    return {"lower": finite(floor_float(exact)), "upper": finite(ceil_float(exact)), "exact": str(exact)}


def finite(value: float) -> float | str:
    """For JSON: the float, or "inf" or "-inf"."""
    return value if math.isfinite(value) else str(value)


def show_ratio(ratio: Fraction) -> str:
    """Rounded down to six digits; close to 1, as 1 less the gap rounded up."""
    gap = 1 - ratio
    return f"1 - {rounded(gap, 2, ROUND_UP)}" if 0 < gap < Fraction(1, 10**6) else rounded(ratio, 6, ROUND_DOWN)


def show_end(end: End, digits: int, rounding: str) -> str:
    """One end of a bracket, rounded as said; an infinity as it is."""
    return rounded(end, digits, rounding) if isinstance(end, Fraction) else str(end)


def rounded(exact: Fraction, digits: int, rounding: str) -> str:
    """So many significant digits, rounded in a stated direction."""
    with localcontext(prec=digits, rounding=rounding):
        return f"{(Decimal(exact.numerator) / Decimal(exact.denominator)).normalize():g}"
