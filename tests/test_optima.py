import dataclasses
import io
import json
import math

import numpy as np
import pytest
from rich.console import Console

from nctheory import separation
from nctheory.errors import InputError
from nctheory.optima import channel_optimum, separation_optimum


def text_of(report, **options):
    stream = io.StringIO()
    report.render(Console(file=stream, width=400, **options))
    return stream.getvalue()


def test_both_ends_of_the_least_norms_are_certified():
    report = separation_optimum([500, 500, 50])
    text = text_of(report)
    assert "10*sqrt(2) + 10*sqrt(5) = 36.5028153987288" in text
    assert text.count("Certified: ") == 2
    assert "no weights W and features H, of any dimension, separate 3 classes of sizes 500, 500, 50" in text
    verdicts = report.verdicts
    lower, upper = verdicts["optimum"].claim["bound"], verdicts["attaining"].claim["value"]
    assert lower < report.result.upper
    assert report.result.lower < upper < lower * (1 + 1e-12)


def test_the_geometry_is_that_of_the_closed_form():
    """Cosines and norms by class size, printed, against the Gram matrices from eigenvectors."""
    report = separation_optimum([500, 500, 50])
    lines = [line.split() for line in text_of(report).splitlines()]
    sizes = np.array([500, 500, 50])
    centering = np.eye(3) - 1 / 3
    values, vectors = np.linalg.eigh(centering @ np.diag(sizes) @ centering)
    gram = (vectors[:, 1:] * np.sqrt(values[1:])) @ vectors[:, 1:].T
    norms = np.sqrt(np.diagonal(gram))
    assert [f"{norms[0]:.6g}"] == [line[2] for line in lines if line[:2] == ["500", "2"]]
    assert [f"{gram[0, 2] / norms[0] / norms[2]:.6g}"] == [line[2] for line in lines if line[:2] == ["50,", "500"]]


def test_what_is_not_verified_is_not_called_certified():
    text = text_of(separation_optimum([1, 2, 3], verify=False))
    assert "certified" not in text.lower()
    assert "not re-checked" in text


def test_many_sizes_are_summed_up():
    text = text_of(separation_optimum(range(1, 41), verify=False))
    assert "40 classes of 1 to 40 samples" in text
    assert "... and 20 more sizes" in text
    assert "cosines between weights " in text


def test_few_dimensions_give_a_bracket():
    report = separation_optimum([1] * 4, 2)
    assert "between 3 and 4" in text_of(report)
    assert str(report.result.status) == "undecided"
    assert report.verdicts["attaining"].claim["ratio"] == pytest.approx(0.75, abs=1e-15)


def test_on_a_line_there_is_nothing_without_bias_and_something_with_it():
    text = text_of(separation_optimum([1, 1, 1], 1))
    assert ": there is none" in text
    assert "infeasible: 3 classes on a line without bias" in text
    assert "Certified" not in text
    text = text_of(separation_optimum([1, 1, 1], 1, bias=True))
    assert "undecided" in text
    assert "1, 1   -1          -1" in text, "the class at the origin has no direction"
    assert "nan" not in text


def test_the_optimum_of_the_channel_has_both_ends_too():
    report = channel_optimum(10, 9)
    assert "5/18 = 0.277777777777778" in text_of(report)
    assert text_of(report).count("Certified: ") == 2
    assert "between 0.1249999" in text_of(channel_optimum(7, 2))


@pytest.mark.parametrize(
    "report",
    [separation_optimum([2, 1]), separation_optimum([1] * 3, 1), separation_optimum([1] * 4, 2), channel_optimum(3, 2)],
    ids=lambda report: report.title,
)
def test_json_says_what_the_text_says(report):
    document = json.loads(report.as_json())
    assert (document["command"], document["question"]) == ("optimum", report.question)
    assert document["status"] == str(report.result.status)
    assert document["certified"] == [verdict.statement for verdict in report.verdicts.values()]
    assert sorted(report.verdicts) == document["certificates"]
    if report.result.lower == math.inf:
        assert document["optimum"]["lower"]["exact"] == "inf"
        assert document["configuration"] is None
    else:
        assert document["optimum"]["lower"]["lower"] <= report.result.lower <= document["optimum"]["upper"]["upper"]
        assert len(next(iter(document["configuration"].values()))) == report.result.configuration.num_classes


def test_sentences_come_from_verdicts():
    report = separation_optimum([2, 1])
    false = dataclasses.replace(report, certificates={}, verdicts=report.verdicts)
    assert "Certified" not in text_of(false)
    swapped = dataclasses.replace(report, verdicts=separation_optimum([9, 9]).verdicts)
    assert "sizes 9, 9" in text_of(swapped)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: separation_optimum([3]), "at least two classes"),
        (lambda: separation_optimum([3, 0]), "class_sizes[1] is 0"),
        (lambda: separation_optimum([1, 2], 0), "dimension is 0"),
        (lambda: channel_optimum(1), "expected at least two"),
        (lambda: channel_optimum(3, 2, energy="total"), "energy is 'total'"),
    ],
)
def test_bad_questions_are_refused(ask, message):
    with pytest.raises(InputError, match=message.replace("[", r"\[")):
        ask()


def test_large_questions_have_no_certificate_and_say_so():
    report = separation_optimum(np.arange(1, 1502), verify=False)
    assert report.certificates == {}
    assert separation.optimum(np.arange(1, 1502)).certificate is None
    assert "Certified" not in text_of(report)
