import dataclasses
import io
import json
import math
from fractions import Fraction

import numpy as np
import pytest
from rich.console import Console

from nctheory import landscape, separation
from nctheory.errors import InputError
from nctheory.losses import CrossEntropy, Focal, LabelSmoothing, SquaredError
from nctheory.optima import channel_optimum, landscape_optimum, separation_optimum


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


# ----------------------------------------------------------------------------------------------- unconstrained features


def model_of(sizes, strength=0.01, dimension=None, **options):
    return landscape.Model(sizes, dimension, regularization=(4 * strength, strength / 4), **options)


def lines_of(text):
    return [line.split() for line in text.splitlines()]


def test_the_least_objective_is_that_of_a_search_over_all_samples():
    """The printed bracket against L-BFGS of the definition, from SciPy, with every sample's features free."""
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    sizes, width = np.array([6, 6, 2]), 3
    labels = np.repeat(np.arange(3), sizes)
    penalties = 0.04, 0.0025

    def objective(flat):
        weights, features = flat[:9].reshape(3, 3), flat[9:].reshape(-1, width)
        logits = features @ weights.T
        excess = np.exp(logits - logsumexp(logits, axis=1)[:, None])
        excess[np.arange(14), labels] -= 1
        slope = excess / 14
        value = (logsumexp(logits, axis=1) - logits[np.arange(14), labels]).mean()
        value += penalties[0] / 2 * (weights**2).sum() + penalties[1] / 2 * (features**2).sum()
        parts = slope.T @ features + penalties[0] * weights, slope @ weights + penalties[1] * features
        return value, np.concatenate([part.ravel() for part in parts])

    start = np.random.default_rng(0).standard_normal(9 + 14 * width)
    options = {"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-10}
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
    report = landscape_optimum(model_of(sizes))
    assert float(report.result.lower) <= found.fun * (1 + 1e-12)
    assert found.fun == pytest.approx(report.result.value, rel=1e-9)
    text = text_of(report)
    assert f"between {report.result.value:.9f}"[:-1] in text
    norms = [line for line in lines_of(text) if line[:2] in (["2", "1"], ["6", "2"])]
    weights = np.linalg.norm(found.x[:9].reshape(3, 3), axis=1)
    assert [float(line[2]) for line in norms] == pytest.approx([weights[2], weights[0]], rel=1e-4)


def test_both_ends_of_the_least_objective_are_certified():
    report = landscape_optimum(model_of([500, 500, 50], 1e-4))
    text = text_of(report)
    assert list(report.verdicts) == list(report.certificates) == ["optimum", "attaining"]
    assert [line.split()[1] for line in text.splitlines() if line.startswith("Certified: ")] == ["no", "the"]
    bound, value = report.verdicts["optimum"].claim["bound"], report.verdicts["attaining"].claim["value"]
    assert bound <= report.result.upper
    assert report.result.lower <= value <= bound * (1 + 1e-9)


def test_the_squared_error_has_a_certified_bound_too():
    """There the best float bound is another one than the dual matrix's; the sentence says the latter's."""
    report = landscape_optimum(model_of([400, 100, 25, 9], 1e-4, loss=SquaredError()))
    value = sum(n - max(0, math.sqrt(n) - 534 * 1e-4) ** 2 for n in (400, 100, 25, 9)) / (2 * 534)
    assert report.result.value == pytest.approx(value, rel=1e-12)
    assert float(report.verdicts["optimum"].claim["bound"]) == pytest.approx(value, rel=1e-9)
    few = landscape_optimum(model_of([400, 100, 25, 9], 1e-4, 2, loss=SquaredError()))
    assert few.result.gap < 1e-9
    assert few.result.details.dual.lower < few.result.lower / 10
    assert few.verdicts["optimum"].claim["bound"] <= few.result.details.dual.lower


def test_what_has_collapsed_is_told_from_what_has_not():
    """Without bias a class of n samples vanishes under the squared error from lambda = n^(1/2) / N on."""
    report = landscape_optimum(model_of([400, 100, 25, 9], 0.0095, loss=SquaredError()))
    rows = {line[3]: (line[0], line[-1]) for line in lines_of(text_of(report)) if line[-1:] in (["above"], ["below"])}
    levels = {str(n): f"{math.sqrt(n) / 534:.6g}" for n in (9, 25, 100, 400)}
    assert {name: rows[name][0] for name in levels} == levels
    assert [rows[name][1] for name in levels] == ["above", "above", "below", "below"]
    assert "rank 2, singular values " in text_of(report)
    assert "25       1        0        0" in text_of(report)


def test_a_repeated_singular_value_is_shown_once_and_a_long_exact_value_is_not():
    report = landscape_optimum(model_of([5] * 4, 0.01))
    c = 4 * math.sqrt(5) * 0.01
    scale = math.log1p(4 * (1 - c) / c)
    assert f"singular values {scale * math.sqrt(5):.6g} (3 times)" in text_of(report)
    assert report.result.exact is not None
    collapsed = landscape_optimum(model_of([5] * 4, 10))
    assert "log(4) = 1.386294361" in text_of(collapsed)
    assert "rank 0, singular values 0 (4 times)" in text_of(collapsed)
    assert json.loads(collapsed.as_json())["exact"] == "log(4)"
    two = landscape_optimum(landscape.Model([9, 1], regularization=(0.0123457, 0.0765433)))
    assert len(str(two.result.exact)) > 80
    assert json.loads(two.as_json())["exact"] is None
    assert "log" not in text_of(two).split("near_optimal")[0]


def test_json_of_a_model_says_what_was_asked_and_found():
    model = landscape.Model(
        [6, 6, 2],
        4,
        loss=LabelSmoothing(0.125),
        regularization=(Fraction(1, 8), Fraction(1, 100), Fraction(1, 10)),
        bias=True,
        class_weights=[1, 1, 3],
    )
    report = landscape_optimum(model)
    document = json.loads(report.as_json())
    asked = {
        "question": "landscape",
        "class_sizes": [6, 6, 2],
        "dimension": 4,
        "loss": "smoothing:0.125",
        "class_weights": [1.0, 1.0, 3.0],
        "regularization": ["1/8", "1/100", "1/10"],
        "bias": True,
    }
    assert {name: document[name] for name in asked} == asked
    assert document["rank"] == 2
    assert len(document["singular_values"]) == 3
    assert document["strength"] == pytest.approx(math.sqrt(1 / 800))
    assert {row["collapses"]: row["here"] for row in document["thresholds"]} == {
        "classes of 6 samples and weight 1 merge": "below",
        "total collapse": "below",
    }
    assert document["certificates"] == ["attaining", "optimum"]
    assert np.shape(document["configuration"]["class_means"]) == (3, 4)
    text = text_of(report)
    assert "with class weights, lambda_W = 0.125, lambda_H = 0.01, lambda_b = 0.1" in text
    assert ["samples", "classes", "|w|", "|h|", "b"] in lines_of(text)


def test_a_loss_that_is_not_convex_gets_no_certificate():
    report = landscape_optimum(model_of([3, 3, 2], loss=Focal(2)))
    text = text_of(report)
    assert report.certificates == {}
    assert "the best of 8 starts; below is a bound that need not be attained" in text
    assert "ertified" not in text
    assert "Collapse" not in text


def test_many_classes_get_no_certificate_and_many_thresholds_are_cut_short():
    report = landscape_optimum(model_of([2] * 301, 1e-4, loss=SquaredError()))
    assert report.certificates == {}
    text = text_of(landscape_optimum(model_of(range(1, 31), 1e-4, loss=SquaredError()), verify=False))
    assert "... and 11 more" in text
    assert "certified" not in text.lower()
    assert ", ...\n" in text


def test_the_diagram_of_a_report_has_the_model_and_its_collapse_inside():
    for strength in (1e-6, 0.02, 10):
        report = landscape_optimum(model_of([5, 5, 2], strength, loss=SquaredError()))
        values = report.diagram().values
        assert values[0] < strength < values[-1]
        assert values[0] < report.result.details.thresholds["total collapse"] < values[-1]
    focal = landscape_optimum(model_of([2, 2], 0.1, loss=Focal(1))).diagram()
    assert focal.values[0] < 0.1 < focal.values[-1]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: landscape_optimum(CrossEntropy()), "model is of type CrossEntropy"),
        (lambda: landscape_optimum(model_of([2, 2], dimension=10_001)), "dimension is 10001, expected at most 10000"),
    ],
)
def test_what_is_no_model_is_refused(ask, message):
    with pytest.raises(InputError, match=message):
        ask()
