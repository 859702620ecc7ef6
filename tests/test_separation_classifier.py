import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import minimize

from nctheory import Features, InputError
from nctheory.result import Status
from nctheory.separation import classifier, solve_classifier


def hard_margin(features, labels, bias):
    """Another road: SLSQP on the weights."""
    size, dimension = max(labels) + 1, features.shape[1]

    def parts(flat):
        return flat[: size * dimension].reshape(size, dimension), flat[size * dimension :] * bias

    def slack(flat):
        weights, offset = parts(flat)
        logits = features @ weights.T + offset
        own = logits[np.arange(len(labels)), labels][:, None]
        return (own - logits)[np.arange(size) != np.array(labels)[:, None]] - 1

    start = np.zeros(size * (dimension + 1))
    constraint = {"type": "ineq", "fun": slack}
    options = {"maxiter": 500, "ftol": 1e-14}
    return minimize(lambda x: (parts(x)[0] ** 2).sum() / 2, start, constraints=[constraint], options=options).fun


@pytest.mark.parametrize("bias", [False, True])
def test_a_classifier_of_least_norm(bias):
    generator = np.random.default_rng(3)
    labels = [0, 0, 1, 1, 2, 2, 2]
    features = 3 * np.eye(3)[labels][:, :2] + generator.normal(size=(7, 2)) * 0.3 + (1 if bias else 0) - 1
    result = solve_classifier(features, labels, bias=bias)
    assert result.status is Status.NEAR_OPTIMAL
    assert result.value == pytest.approx(hard_margin(features, labels, bias), rel=1e-6)
    weights, offset = result.details.weights, result.details.bias
    assert result.upper == sum(Fraction(x) ** 2 for x in weights.ravel().tolist()) / 2
    for x, y in zip(features.tolist(), labels, strict=True):
        logits = [
            sum(Fraction(a) * Fraction(b) for a, b in zip(w, x, strict=True)) + Fraction(o)
            for w, o in zip(weights.tolist(), offset.tolist(), strict=True)
        ]
        assert all(logits[y] - logits[c] >= 1 for c in range(3) if c != y)
    assert bias or not offset.any()
    assert result.configuration.class_sizes.tolist() == [2, 2, 3]


def test_features_as_an_object():
    features = Features([[2.0], [3.0], [-1.0]], [0, 0, 1])
    assert solve_classifier(features).value == pytest.approx(0.25, rel=1e-9)
    assert solve_classifier(features, bias=True).value == pytest.approx(1 / 9, rel=1e-9)


@pytest.mark.parametrize(
    ("features", "labels", "bias"),
    [
        ([[1.0], [1.0]], [0, 1], False),
        ([[1.0], [2.0]], [0, 1], False),
        ([[1.0], [2.0], [3.0]], [0, 1, 0], True),
        ([[0.0, 0.0], [1.0, 0.3], [0.2, 1.0], [0.5, 0.4]], [0, 0, 0, 1], True),
        ([[0.0], [1.0]], [0, 1], False),
        (np.random.default_rng(0).normal(size=(12, 2)).tolist(), [0, 1, 2] * 4, True),
        (np.random.default_rng(1).normal(size=(30, 3)).tolist(), [0, 1, 2] * 10, False),
    ],
)
def test_what_nothing_separates(features, labels, bias):
    result = solve_classifier(features, labels, bias=bias)
    assert result.status is Status.INFEASIBLE
    assert result.lower == result.upper == math.inf
    assert "nothing separates samples" in result.reason
    beta, total = result.details.exact_multipliers, max(labels) + 1
    assert (beta >= 0).all()
    assert beta.any()
    for c in range(total):  # sum_i B_i h_i^T, and sum_i B_i where there is a bias
        row = [(sum(beta[i]) if y == c else 0) - beta[i, c] for i, y in enumerate(labels)]
        assert not beta[labels.index(c), c]
        assert not bias or sum(row) == 0
        for coordinate in zip(*features, strict=True):
            assert sum(b * Fraction(x) for b, x in zip(row, coordinate, strict=True)) == 0
    assert result.configuration is None


def test_no_proof_that_nothing_separates_leaves_it_open(monkeypatch):
    monkeypatch.setattr(classifier, "_farkas", lambda data, bias: None)
    result = solve_classifier([[1.0], [2.0]], [0, 1])
    assert result.status is Status.UNDECIDED
    assert result.upper == math.inf


def test_the_bound_of_the_classifier_holds_exactly():
    features, labels = [[1.0, 0.5], [-0.25, 2.0], [-1.0, -1.0]], [0, 1, 2]
    for bias in (False, True):
        result = solve_classifier(features, labels, bias=bias)
        beta = result.details.exact_multipliers
        rows = [[(sum(beta[i]) if y == c else 0) - beta[i, c] for c in range(3)] for i, y in enumerate(labels)]
        assert not bias or not any(map(sum, zip(*rows, strict=True)))
        pulled = [
            sum(row[c] * Fraction(x[j]) for row, x in zip(rows, features, strict=True)) ** 2
            for c in range(3)
            for j in range(2)
        ]
        assert result.lower == sum(beta.flat) ** 2 / (2 * sum(pulled))
        assert result.gap < 1e-9


def test_one_class_is_refused():
    with pytest.raises(InputError, match="one class"):
        solve_classifier([[1.0], [2.0]], [0, 0])
    with pytest.raises(InputError, match=r"features has shape \(1, 2\) for 2 labels"):
        solve_classifier([[1.0, 2.0]], [0, 1])


@pytest.mark.parametrize("exponent", [-1000, -560, -300, 300, 560, 1000])
@pytest.mark.parametrize("bias", [False, True])
def test_any_scale(exponent, bias):
    features, labels = np.array([[1.0, 2], [2, -1], [-3, 1], [0.5, 0.25]]), [0, 1, 2, 0]
    usual = solve_classifier(features, labels, bias=bias)
    result = solve_classifier(np.ldexp(features, exponent), labels, bias=bias)
    assert result.status is Status.NEAR_OPTIMAL
    assert float(result.lower * Fraction(4) ** exponent) == pytest.approx(usual.value, rel=1e-9)


def test_weights_beyond_all_floats_are_not_found():
    result = solve_classifier([[1e-320], [-1e-320]], [0, 1])
    assert (result.status, result.upper, result.gap) == (Status.UNDECIDED, math.inf, 1)
    assert result.lower > 0


@pytest.mark.parametrize("size", [1e-8, 1e-20, 1e-200])
def test_a_proof_with_multipliers_of_very_different_size(size):
    """Both samples on one side: size times the constraint of the second is minus that of the first."""
    result = solve_classifier([[size], [1.0]], [0, 1])
    assert (result.status, result.gap) == (Status.INFEASIBLE, 1)
    beta = result.details.exact_multipliers
    assert beta[0, 1] * Fraction(size) == beta[1, 0]


def test_an_open_question_names_the_solver():
    result = solve_classifier([[1.0, 1e-9], [1.0, -1e-9]], [0, 1])
    assert result.status is Status.UNDECIDED
    assert "CLARABEL ended with status 'infeasible'" in result.reason


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tolerance": -1}, "tolerance is -1"),
        ({"tolerance": math.nan}, "tolerance is nan"),
        ({"bias": 1}, "bias is 1, expected True"),
        ({"solver": "none"}, "solver is 'none'"),
    ],
)
def test_bad_options_are_quoted(options, message):
    with pytest.raises(InputError, match=message):
        solve_classifier([[1.0], [-1.0]], [0, 1], **options)


def test_a_null_vector_is_positive_and_alone():
    null = classifier._positive_null_vector
    assert null(np.array([[2, -3]], dtype=object)) == [3, 2]
    assert null(np.array([[2, 3]], dtype=object)) is None
    assert null(np.array([[0, 0]], dtype=object)) is None
    assert null(np.array([[1, 0], [0, 1]], dtype=object)) is None


def test_a_vertex_that_is_no_exact_proof_leaves_it_open(monkeypatch):
    monkeypatch.setattr(classifier, "_positive_null_vector", lambda matrix: None)
    assert solve_classifier([[1.0], [1.0]], [0, 1]).status is Status.UNDECIDED
