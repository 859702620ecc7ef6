import math
from fractions import Fraction

import pytest
import sympy

from nctheory import Certificate, InputError, Result, channel, kernel, simplex_etf


def test_a_closed_bracket_is_exact():
    result = Result(Fraction(5, 18), Fraction(5, 18), None)
    assert result.exact == sympy.Rational(5, 18)
    assert result.value == 5 / 18
    assert str(result) == "0.277777777778"


def test_an_open_bracket_is_not():
    result = Result(Fraction(1, 4), Fraction(1, 2), None, reason="no one knows")
    assert result.exact is None
    assert result.value == 0.375
    assert str(result) == "in [0.25, 0.5], no one knows"


@pytest.mark.parametrize(
    ("lower", "upper", "value"),
    [
        (Fraction(1), math.inf, 1),
        (-math.inf, Fraction(2), 2),
        (math.inf, math.inf, math.inf),
        (Fraction(10) ** 400, Fraction(10) ** 400, math.inf),
    ],
)
def test_infinite_and_huge_ends(lower, upper, value):
    assert Result(lower, upper, None).value == value


def test_results_are_frozen():
    with pytest.raises(AttributeError):
        channel.exponent([[1], [2]]).lower = 5


def test_certificates_are_built_on_first_use_and_once():
    result = channel.exponent([[1], [2]])
    assert "certificate" not in result.__dict__
    assert result.certificate is result.certificate


def test_no_certificate_no_verdict():
    with pytest.raises(InputError, match="carries no certificate"):
        Result(Fraction(1), Fraction(1), None).verify()


def test_certificates_are_saved_and_checked(tmp_path):
    path = tmp_path / "certificate.json"
    channel.certify(simplex_etf(3)).certificate.save(path)
    assert kernel.check(path.read_bytes()).kind == "gap"


def test_only_exact_numbers_go_into_certificates():
    with pytest.raises(TypeError, match="has no place in a certificate"):
        Certificate({"bound": {1, 2}}, {}).encode()


def test_certificates_that_the_kernel_would_not_read_are_refused():
    with pytest.raises(InputError, match="cannot be written"):
        Certificate({"bound": Fraction(10) ** 5000}, {}).encode()
    with pytest.raises(InputError, match="more than the kernel reads"):
        Certificate({"rows": [0] * (kernel.MAX_NUMBERS + 2)}, {}).encode()
