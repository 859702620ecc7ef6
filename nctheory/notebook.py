"""How results look in a notebook: small tables in place of one line of text.

In IPython and Jupyter `import nctheory` sees to it; elsewhere `register()` gives the classes a `_repr_html_`.
"""

import math
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_UP
from typing import Any

from nctheory.collapse import Collapse
from nctheory.errors import InputError
from nctheory.measuring import collapse_rows
from nctheory.page import table
from nctheory.probability import Estimate
from nctheory.probability.estimate import decimal, interval_text, telling_digits
from nctheory.result import Result
from nctheory.tables import show_end

__all__ = ["html_form", "register"]

_METHOD = "_repr_html_"


def html_form(found: Any) -> str:
    """A Result, an Estimate or a Collapse as an HTML table.

    Formula:
        None; both ends of a bracket are rounded outward, and nothing is called certified.
    Args:
        found: Result, Estimate or Collapse.
    Assumes:
        Nothing.
    Returns:
        HTML, every text in it escaped.
    Raises:
        InputError: another type.
    Reference:
        None.
    Example:
        >>> from nctheory import channel
        >>> from nctheory.notebook import html_form
        >>> "5/18" in html_form(channel.optimum(10, 9))
        True
    """
    if isinstance(found, Collapse):
        return table(("metric", "value", "convention"), collapse_rows(found))
    if isinstance(found, Estimate):
        return table(("error probability", ""), _estimate_rows(found))
    if isinstance(found, Result):
        return table(("result", ""), _result_rows(found))
    raise InputError(f"this is of type {type(found).__name__}, expected a Result, an Estimate or a Collapse")


def _result_rows(found: Result[Any]) -> list[tuple[str, str]]:
    bracket = f"[{show_end(found.lower, 12, ROUND_DOWN)}, {show_end(found.upper, 12, ROUND_UP)}]"
    rows = [("value", f"{found.value:.12g}"), ("bracket", bracket)]
    rows += [("exact", str(found.exact))] if found.exact is not None else []
    rows += [("status", str(found.status))] if found.status is not None else []
    rows += [("reason", found.reason)] if found.reason else []
    standing = "exact arithmetic; verify() has the kernel re-check it" if found.build_certificate else "no certificate"
    return [*rows, ("standing", standing)]


def _estimate_rows(found: Estimate) -> list[tuple[str, str]]:
    digits = telling_digits(found.relative_width)
    kind = found.guarantee if found.confidence is None else f"{found.guarantee}, {100 * found.confidence:.6g}%"
    logarithm = "-inf" if math.isinf(found.log_value) else f"{found.log_value:.12g}"
    return [
        ("value", decimal(found.log_value, digits, ROUND_HALF_EVEN)),
        ("interval", interval_text(found.log_interval, digits)),
        ("logarithm", logarithm),
        ("guarantee", kind),
        ("method", found.method),
        ("samples", f"{found.num_samples:,}"),
        ("reason", found.reason),
    ]


def register() -> None:
    """Give Result, Estimate and Collapse a `_repr_html_`, for notebooks that are not IPython's.

    Formula:
        None.
    Args:
        None.
    Assumes:
        Nothing.
    Returns:
        None.
    Raises:
        Nothing.
    Reference:
        None.
    Example:
        >>> from nctheory import channel, notebook
        >>> notebook.register()
        >>> channel.optimum(10, 9)._repr_html_()[:20]
        '<div class="scroll">'
    """
    for kind in (Result, Estimate, Collapse):
        setattr(kind, _METHOD, html_form)
