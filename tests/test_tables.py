import io
import math
from fractions import Fraction

import pytest
from rich.console import Console

from nctheory.tables import finite, number, print_table, rounded, show_end, show_ratio


@pytest.mark.parametrize(
    ("exact", "text"),
    [
        (Fraction(0), "0"),
        (Fraction(1), "1"),
        (Fraction(2, 3), "0.666666"),
        (Fraction(96412887, 10**8), "0.964128"),
        (1 - Fraction(1, 3 * 10**12), "1 - 3.4e-13"),
        (Fraction(999999, 10**6), "0.999999"),
        (1 - Fraction(1, 10**7), "1 - 1e-7"),
    ],
)
def test_ratios_are_rounded_down(exact, text):
    assert show_ratio(exact) == text


def test_huge_and_tiny_numbers_are_printed():
    assert rounded(Fraction(10) ** 700 * 2, 6, "ROUND_DOWN") == "2e+700"
    assert rounded(Fraction(1, 10**700 * 3), 6, "ROUND_DOWN") == "3.33333e-701"
    assert number(Fraction(10) ** 700)["upper"] == "inf"


def test_ends_of_brackets_are_rounded_as_said():
    assert show_end(Fraction(1, 3), 3, "ROUND_DOWN") == "0.333"
    assert show_end(Fraction(1, 3), 3, "ROUND_UP") == "0.334"
    assert show_end(math.inf, 3, "ROUND_UP") == "inf"


def test_numbers_for_json_have_floats_on_both_sides():
    third = number(Fraction(1, 3))
    assert Fraction(third["lower"]) < Fraction(1, 3) < Fraction(third["upper"])
    assert math.nextafter(third["lower"], 1) == third["upper"]
    assert number(Fraction(1, 4)) == {"lower": 0.25, "upper": 0.25, "exact": "1/4"}
    assert number(math.inf)["exact"] == "inf"
    assert (finite(-math.inf), finite(2.5)) == ("-inf", 2.5)


def printed(**options):
    stream = io.StringIO()
    print_table(Console(file=stream, width=60, **options), ("name", "value"), [("a", "1"), ("b", "")])
    return stream.getvalue()


def test_tables_have_rules_on_a_terminal_and_no_trailing_spaces_in_a_pipe():
    assert "─" in printed(force_terminal=True)
    assert printed().splitlines() == ["name  value", "a     1", "b"]
