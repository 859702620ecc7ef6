import dataclasses
import io
import json
from fractions import Fraction

import numpy as np
import pytest
from rich.console import Console

import nctheory
from nctheory import landscape, report
from nctheory.losses import CrossEntropy, Focal, SquaredError


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
    names = "network-average-gap", "separation-as_given", "separation-centered"
    assert [name for name in names if checked.verdicts[name].claim["configuration"] not in digests] == []
    assert len(digests) == 6


def test_a_decoder_that_mistakes_a_mean_is_what_is_wrong():
    checked = report.check("wrong", nctheory.Configuration([[1], [-1]], [[-1], [1]], [0, 0]))
    assert "network, average: the decoder puts the mean of class 0 on or beyond its boundary to class 1" in text_of(
        checked
    )


# ---------------------------------------------------------------------------------------------------------- separation


@pytest.fixture
def separated():
    """Two classes on a line, off center and scaled: centered they are optimal."""
    points = nctheory.Features([[5.0], [5.0], [1.0]], [0, 0, 1], [[3.0], [1.0]], [-6.0, 0.0])
    return report.check("pair", points, verify=True)


def test_separation_is_decided_as_given_and_centered(separated):
    as_given, centered = separated.separated
    assert (str(as_given.result.status), str(centered.result.status)) == ("improvable", "near_optimal")
    text = text_of(separated)
    rows = [line.split() for line in text.splitlines() if line.startswith(("as given", "centered  "))]
    assert [row[-2:] for row in rows] == [["certified", "improvable"], ["certified", "near_optimal"]]
    assert "as given: 4, sample 0 of class 0 against class 1" in text
    rows = json.loads(separated.as_json())["separation"]
    assert [row["certified"] for row in rows] == [True, True]
    assert rows[1]["ratio"]["lower"]["lower"] > 1 - 1e-9 > rows[0]["ratio"]["upper"]["upper"]
    assert rows[0]["smallest_margin"] == {"lower": 4.0, "upper": 4.0, "exact": "4", "sample": 0, "class": 1}


def test_every_certified_number_on_separation_comes_from_a_verdict(separated):
    rows = []
    for row in separated.separated:
        details = dataclasses.replace(row.result.details, value=(Fraction(777), Fraction(777)))
        rows.append(
            dataclasses.replace(row, result=dataclasses.replace(row.result, lower=Fraction(777), details=details))
        )
    false = dataclasses.replace(separated, separated=tuple(rows))
    assert "777" not in text_of(false)
    for row, original in zip(*(json.loads(each.as_json())["separation"] for each in (false, separated)), strict=True):
        assert (row["value"], row["ratio"]["lower"]) == (original["value"], original["ratio"]["lower"])


def test_without_verdicts_separation_is_not_called_certified(separated):
    text = text_of(dataclasses.replace(separated, verdicts={}))
    assert "certified" not in text.lower()
    assert text.count("not re-checked  ") == 2


def test_a_sample_on_the_wrong_side_is_named():
    points = nctheory.Features([[1.0], [-1.0], [-2.0]], [0, 0, 1], [[1.0], [-1.0]])
    checked = report.check("wrong side", points, verify=True)
    assert [str(row.result.status) for row in checked.separated] == ["infeasible"] * 2
    text = text_of(checked)
    assert "as given: -2, sample 1 of class 0 against class 1" in text
    separation = text[text.index("Minimum-norm separation") :]
    rows = [line.split() for line in separation.splitlines() if line.startswith(("as given", "centered  "))]
    assert [row[-3:] for row in rows] == [["no", "certificate", "infeasible"]] * 2
    assert json.loads(checked.as_json())["separation"][0]["value"]["exact"] == "inf"


def test_separation_of_class_means_needs_a_classifier_and_class_sizes():
    means = nctheory.simplex_etf(3)
    assert not report.check("no classifier", nctheory.Configuration(means, class_sizes=[1, 1, 1])).separated
    assert not report.check("no sizes", nctheory.Configuration(means, means, [0, 0, 0])).separated
    checked = report.check("both", nctheory.Configuration(means, means, [0, 0, 0], [4, 4, 4]))
    assert len(checked.separated) == 2
    assert "as given: 1.5, class 2 against class 0" in text_of(checked)


def test_a_certificate_beyond_the_kernel_leaves_the_rest_of_the_report(monkeypatch):
    points = nctheory.Features([[1.0], [-1.0]], [0, 1], [[1.0], [-1.0]])
    limit = nctheory.kernel.MAX_BYTES
    encode = nctheory.Certificate.encode

    def too_long(certificate):
        if certificate.claim["kind"] == "separation":
            raise nctheory.InputError(f"the certificate has more than {limit} bytes")
        return encode(certificate)

    monkeypatch.setattr(nctheory.Certificate, "encode", too_long)
    text = text_of(report.check("long", points, verify=True))
    assert text.count("no certificate  ") == 2
    assert "Certified: the kernel has re-checked" in text, "of the channel"


def test_weights_that_cannot_be_centered_are_reported_as_given():
    points = nctheory.Features([[1.0], [-1.0]], [0, 1], [[1.7e308], [-1.7e308]], [1e308, 0.0])
    assert "as given" in [row.form for row in report.check("large", points, verify=False).separated]


def test_centering_does_not_hide_an_error_of_the_classifier():
    points = nctheory.Features([[1.0, 1e-8], [1.0, -1e-8]], [0, 1], [[1e9, 1.0], [1e9, -1.0]], [2.5e-8, 0.0])
    rows = report.check("shifted", points, verify=False).separated
    assert [str(row.result.status) for row in rows] == ["infeasible", "infeasible"]


# ----------------------------------------------------------------------------------------------- unconstrained features


def trained(shake=0.02, bias=False):
    """Nearly the optimum of a model with penalties 0.05 and 0.002 (and 0.1), for every sample by itself."""
    sizes = [6, 6, 3]
    penalties = (0.05, 0.002, 0.1) if bias else (0.05, 0.002)
    model = landscape.Model(sizes, 4, regularization=penalties, bias=bias)
    best = landscape.optimum(model).configuration
    labels = np.repeat(np.arange(3), sizes)
    generator = np.random.default_rng(0)
    features = best.class_means[labels] + shake * generator.standard_normal((15, 4))
    return nctheory.Features(features, labels, best.weights, best.bias)


@pytest.fixture(scope="module")
def fitted():
    return report.check("trained", trained(), loss=CrossEntropy(), verify=True)


def landscape_part(checked):
    stream = io.StringIO()
    checked.render(Console(file=stream, width=2000))
    text = stream.getvalue()
    return text[text.index("Unconstrained features") :]


def test_without_a_loss_nothing_is_said_of_unconstrained_features():
    checked = report.check("trained", trained(), verify=False)
    assert "nconstrained" not in text_of(checked)
    assert "landscape" not in json.loads(checked.as_json())
    assert not any(name.startswith("landscape") for name in checked.certificates)


def test_the_penalties_that_it_was_made_with_are_found_again():
    exact = report.check("exact", trained(0.0, bias=True), loss=CrossEntropy(), verify=True)
    document = json.loads(exact.as_json())["landscape"]
    assert list(document["penalties"].values()) == pytest.approx([0.05, 0.002, 0.1], rel=1e-5)
    assert max(document["residuals"].values()) < 1e-5
    assert document["ratio"]["lower"]["lower"] > 1 - 1e-6
    rows = [line.split() for line in landscape_part(exact).splitlines()]
    assert [row[0] for row in rows if row and row[0].startswith("lambda_")] == ["lambda_W", "lambda_H", "lambda_b"]


def test_the_gap_is_certified_with_a_sentence_for_each_certificate(fitted):
    text = landscape_part(fitted)
    names = ["landscape-objective", "landscape-bound", "landscape-improvement"]
    assert [name for name in fitted.verdicts if name.startswith("landscape")] == names
    lines = [line for line in text.splitlines() if line.startswith("Certified: ")]
    assert lines == [f"Certified: {fitted.verdicts[name].statement}." for name in names]
    assert "Networks decay weights, not features" in text
    assert "lambda_b  " not in text
    row = next(line.split() for line in text.splitlines() if line.endswith("improvable"))
    claims = {name: fitted.verdicts[name].claim for name in names}
    ratio = claims["landscape-bound"]["bound"] / claims["landscape-objective"]["value"]
    assert row[-2:] == ["certified", "improvable"]
    assert 0 <= ratio - Fraction(row[2]) < Fraction(1, 10**5)
    document = json.loads(fitted.as_json())["landscape"]
    less = claims["landscape-improvement"]["decrease"] / claims["landscape-objective"]["value"]
    ends = [Fraction(document["ratio"][end]["exact"]) for end in ("lower", "upper")]
    assert ends == [ratio, 1 - less]
    assert ends[1] - ends[0] < 1e-9
    model = fitted.fitted.fit.model
    truth = landscape.optimum(model).value / landscape.objective(model, trained())
    assert ratio <= truth * (1 + 1e-12)
    assert truth <= ends[1] * Fraction(10**12 + 1, 10**12)


def with_fit(checked, **changes):
    """The report with its Fit's Result replaced."""
    fit = dataclasses.replace(checked.fitted.fit)
    object.__setattr__(fit, "result", dataclasses.replace(checked.fitted.result, **changes))
    return dataclasses.replace(checked, fitted=dataclasses.replace(checked.fitted, fit=fit))


def test_every_certified_number_of_a_model_comes_from_a_verdict(fitted):
    details = dataclasses.replace(
        fitted.fitted.result.details, objective=(Fraction(777), Fraction(777)), minimum=(Fraction(777), Fraction(777))
    )
    false = with_fit(fitted, lower=Fraction(777), upper=Fraction(777), details=details)
    assert landscape_part(false) == landscape_part(fitted)
    one, other = (json.loads(each.as_json())["landscape"] for each in (false, fitted))
    assert one == other
    unclaimed = with_fit(dataclasses.replace(fitted, fitted=dataclasses.replace(fitted.fitted, claimed={})))
    assert "777" not in landscape_part(unclaimed)
    object.__setattr__(unclaimed.fitted.fit, "result", false.fitted.result)
    assert landscape_part(unclaimed).count("777") == 3, "where nothing is claimed, the numbers are the Result's"


def test_other_verdicts_give_other_certified_numbers_of_a_model(fitted):
    other = report.check("worse", trained(0.5), loss=CrossEntropy(), verify=True)
    swapped = dataclasses.replace(fitted, verdicts={**fitted.verdicts, **other.verdicts})
    values = [json.loads(each.as_json())["landscape"]["objective"] for each in (fitted, swapped, other)]
    assert values[0] != values[1]
    assert values[1] == values[2]


def test_without_verdicts_a_model_is_not_called_certified(fitted):
    text = landscape_part(dataclasses.replace(fitted, verdicts={}))
    assert "certified" not in text.lower()
    assert "not re-checked" in text
    partly = {name: found for name, found in fitted.verdicts.items() if name != "landscape-bound"}
    assert "certified" not in landscape_part(dataclasses.replace(fitted, verdicts=partly)).lower()


def test_a_model_is_verified_by_its_own_measure():
    """Channel certificates that are too large to check at once leave those of the model, and the other way round."""
    features = trained()
    assert report._at_once(features, True)
    assert report._at_once(features, False)
    labels = np.arange(30_000) % 10
    many = nctheory.Features(np.eye(10)[labels], labels, np.eye(10))
    assert report._at_once(many, False)
    assert not report._at_once(many, True)
    wide = landscape.optimum(landscape.Model([1] * 70, regularization=(1e-4, 1e-4))).configuration
    assert report._at_once(wide, True)
    assert not report._at_once(wide, False)
    checked = report.check("wide", wide, loss=CrossEntropy())
    assert set(checked.verdicts) == {"landscape-objective", "landscape-bound"}
    text = text_of(checked)
    assert "Exact arithmetic, not re-checked by the kernel" in text[: text.index("Unconstrained")]
    assert "certified" in landscape_part(checked)
    assert not any(row["certified"] for row in json.loads(checked.as_json())["channel"])


@pytest.mark.parametrize(
    ("weights", "features", "loss", "message"),
    [
        (np.zeros((2, 2)), np.eye(2), CrossEntropy(), "weights or features are all 0"),
        (np.eye(2), np.zeros((2, 2)), CrossEntropy(), "weights or features are all 0"),
        (-np.eye(2), np.eye(2), CrossEntropy(), "no penalties fit: that of the weights is -"),
        (2 * np.eye(2), np.eye(2), SquaredError(), "no penalties fit: "),
        (np.eye(2) * 1e80, np.eye(2) * 1e80, SquaredError(), "no penalties fit: "),
    ],
)
def test_where_no_model_fits_it_says_why(weights, features, loss, message):
    checked = report.check("odd", nctheory.Features(features, [0, 1], weights), loss=loss, verify=True)
    text = landscape_part(checked)
    assert f"There is no gap: {message}" in text
    assert "Certified" not in text
    document = json.loads(checked.as_json())["landscape"]
    assert document["ratio"] is None
    assert document["reason"].startswith(message.split(":")[0])
    assert checked.ratios("landscape") == {}


def test_the_focal_loss_has_a_fit_but_no_certificate():
    checked = report.check("focal", trained(), loss=Focal(2), verify=True)
    text = landscape_part(checked)
    assert "There is no certificate: the kernel does not know focal:2, a loss that is not convex" in text
    assert "Certified" not in text
    assert 0.5 < json.loads(checked.as_json())["landscape"]["ratio"]["lower"]["lower"] < 1


def test_a_model_needs_a_classifier_and_class_sizes():
    means = nctheory.simplex_etf(3)
    with pytest.raises(nctheory.InputError, match="bare lacks a classifier or class sizes"):
        report.check("bare", nctheory.Configuration(means), loss=CrossEntropy())
    with pytest.raises(nctheory.InputError, match="lacks a classifier or class sizes"):
        report.check("no sizes", nctheory.Configuration(means, means, [0, 0, 0]), loss=CrossEntropy())


def test_certificates_of_a_model_are_about_the_data(fitted):
    digests = report.certificate_digests(trained())
    assert fitted.verdicts["landscape-objective"].claim["configuration"] in digests
    assert fitted.verdicts["landscape-improvement"].claim["configuration"] in digests
