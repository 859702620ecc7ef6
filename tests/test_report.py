import dataclasses
import io
import json
from fractions import Fraction

import numpy as np
import pytest
from rich.console import Console

import nctheory
from nctheory import report
from nctheory.report import _number, _rounded, _show_ratio


def text_of(checked, **options):
    stream = io.StringIO()
    checked.render(Console(file=stream, width=400, **options))
    return stream.getvalue()


@pytest.fixture
def checked():
    means = np.array(nctheory.simplex_etf(4)) + 0.01 * np.random.default_rng(0).standard_normal((4, 3))
    return report.check("a test", nctheory.Configuration(means, means, np.zeros(4)), verify=True)


def falsified(checked):
    """The same report with every number in its Results and certificates replaced."""
    questions = []
    for question in checked.questions:
        details = dataclasses.replace(
            question.result.details,
            exponent=dataclasses.replace(question.result.details.exponent, lower=Fraction(777), upper=Fraction(777)),
        )
        result = dataclasses.replace(question.result, lower=Fraction(777), upper=Fraction(777), details=details)
        optimum = dataclasses.replace(question.optimum, lower=Fraction(777), upper=Fraction(777))
        questions.append(dataclasses.replace(question, result=result, optimum=optimum))
    return dataclasses.replace(checked, questions=tuple(questions))


def test_every_certified_number_comes_from_a_verdict(checked):
    assert "Certified" in text_of(checked)
    assert "777" not in text_of(falsified(checked))
    for row, original in zip(
        json.loads(falsified(checked).as_json())["channel"], json.loads(checked.as_json())["channel"], strict=True
    ):
        for name in ("exponent", "optimum", "ratio", "weakest_pair"):
            assert row[name] == original[name]


def test_other_verdicts_give_other_certified_numbers(checked):
    """The other way round: the printed numbers follow the verdicts."""
    other = report.check("another", nctheory.Configuration(nctheory.orthoplex(4, 3)), verify=True)
    names = {"nearest_mean-exponent": other.verdicts["nearest_mean-exponent"]}
    swapped = dataclasses.replace(checked, verdicts={**checked.verdicts, **names})
    assert json.loads(swapped.as_json())["channel"][2]["exponent"]["exact"] == "1/4"


def test_only_the_kernel_makes_a_verdict_and_only_reports_say_certified(checked):
    assert all(type(verdict).__module__ == "nctheory.kernel" for verdict in checked.verdicts.values())
    unchecked = dataclasses.replace(checked, verdicts={})
    assert "certified" not in text_of(unchecked).lower()


def test_tables_on_a_terminal_and_plain_text_elsewhere(checked):
    assert "─" in text_of(checked, force_terminal=True)
    assert "─" not in text_of(checked)
    assert "\x1b" not in text_of(checked)


def test_verification_is_the_default_for_small_configurations_only():
    small = report.check("small", nctheory.Configuration(nctheory.simplex_etf(5)))
    assert small.verdicts
    large = report.check("large", nctheory.Configuration(nctheory.simplex_etf(70)))
    assert not large.verdicts


def test_a_gram_matrix_is_reported_as_it_is():
    checked = report.check("gram", nctheory.exact_simplex_etf(5))
    assert [line.split()[-1] for line in text_of(checked).splitlines() if line.startswith("nearest")] == ["optimal"] * 2
    assert "What would improve" not in text_of(checked)


def test_digests_know_the_data_in_all_its_forms():
    features = nctheory.load(nctheory.sample_path())
    digests = report.certificate_digests(features)
    checked = report.check("sample", features)
    assert checked.verdicts["network-average-gap"].claim["configuration"] in digests
    assert len(digests) == 4


@pytest.mark.parametrize(
    ("number", "text"),
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
def test_ratios_are_rounded_down(number, text):
    assert _show_ratio(number) == text


def test_huge_and_tiny_numbers_are_printed():
    assert _rounded(Fraction(10) ** 700 * 2, 6, "ROUND_DOWN") == "2e+700"
    assert _rounded(Fraction(1, 10**700 * 3), 6, "ROUND_DOWN") == "3.33333e-701"
    assert _number(Fraction(10) ** 700)["upper"] == "inf"


def test_a_decoder_that_mistakes_a_mean_is_what_is_wrong():
    checked = report.check("wrong", nctheory.Configuration([[1], [-1]], [[-1], [1]], [0, 0]))
    assert "network, average: the decoder puts the mean of class 0 on or beyond its boundary to class 1" in text_of(
        checked
    )
