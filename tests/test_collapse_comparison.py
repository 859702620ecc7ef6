"""Measured beside predicted: what theory leaves open must not show, everything else must."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize

import nctheory
from nctheory import Configuration, Features, InputError, channel, separation
from nctheory.collapse import compare
from nctheory.landscape import Model, optimum
from nctheory.result import Result

SIZES = [12, 12, 3, 3]


def turned(configuration, scale=1.0, translation=0.0, seed=0):
    """The same point, rotated, scaled, and translated with its bias, in two more dimensions."""
    dimension = configuration.dimension + 2
    turn = np.linalg.qr(np.random.default_rng(seed).standard_normal((dimension, dimension)))[0]
    means, weights = (np.pad(x, ((0, 0), (0, 2))) @ turn for x in (configuration.class_means, configuration.weights))
    bias = scale * configuration.bias - scale * weights @ np.full(dimension, translation)
    means = scale * means + scale * translation
    return means, weights, bias


def as_features(means, weights, bias, sizes):
    labels = np.repeat(np.arange(len(means)), sizes)
    return Features(means[labels], labels, weights, bias)


@pytest.mark.parametrize("question", ["separation", "landscape", "channel"])
def test_a_point_that_is_as_predicted_is_at_distance_0(question):
    predicted = {
        "separation": lambda: separation.optimum(SIZES, bias=True),
        "landscape": lambda: optimum(Model(SIZES, regularization=(1e-3, 1e-3), bias=True)),
        "channel": lambda: channel.optimum(4),
    }[question]()
    points = as_features(*turned(predicted.configuration, 3.0, 5.0), SIZES)
    found = compare(points, predicted)
    assert found.procrustes_distance_means < 1e-9
    assert found.procrustes_distance_weights < 1e-9
    assert found.measured_margins == pytest.approx(found.predicted_margins, abs=1e-9)
    assert found.measured_means_cosines == pytest.approx(found.predicted_means_cosines, abs=1e-9)
    assert found.gram_distance_means < 1e-9
    assert {row.name: row.difference for row in found.rows()} == pytest.approx(dict.fromkeys(names(), 0.0), abs=1e-8)


def names():
    parts = [f"{end} {what}" for what in ("norm, means", "cosine, means") for end in ("smallest", "largest")]
    parts += [part.replace("means", "weights") for part in parts]
    parts += ["smallest margin", "largest margin"]
    return parts + [f"{kind} distance, {what}" for kind in ("Gram", "Procrustes") for what in ("means", "weights")]


def test_a_simplex_is_not_what_imbalance_predicts():
    etf = nctheory.simplex_etf(4)
    found = compare(as_features(etf, etf, np.zeros(4), SIZES), separation.optimum(SIZES, bias=True))
    assert found.procrustes_distance_means > 0.1
    assert found.procrustes_distance_weights > 0.1
    assert found.gram_distance_weights > 0.1


def test_the_distance_is_the_least_over_rotations_and_scales():
    generator = np.random.default_rng(0)
    A, B = generator.standard_normal((2, 5, 2))
    found = compare(Configuration(A), Configuration(B), center=None).procrustes_distance_means
    A, B = A / np.linalg.norm(A), B / np.linalg.norm(B)

    def distance(x, sign):
        c, s = np.cos(x[0]), np.sin(x[0])
        return np.linalg.norm(A - x[1] * B @ np.array([[c, -sign * s], [s, sign * c]]))

    best = min(
        minimize(distance, [angle, 1.0], (sign,), method="Nelder-Mead", options={"xatol": 1e-12, "fatol": 1e-14}).fun
        for sign in (1, -1)
        for angle in (0.0, 2.0, 4.0)
    )
    assert found == pytest.approx(best, rel=1e-9)


def test_grams_and_norms_have_frobenius_norm_1_and_margins_are_relative():
    points = Configuration([[2.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 3.0]], [0.0, 0.5])
    found = compare(points, channel.optimum(2), center=None)
    assert found.measured_means_gram == pytest.approx(np.diag([4, 1]) / math.sqrt(17))
    assert found.measured_weights_norms == pytest.approx(np.array([1, 3]) / math.sqrt(10))
    assert found.measured_margins == pytest.approx(np.array([2 - 0.5, 3.5]) / math.sqrt(50))
    assert compare(points, channel.optimum(2)).measured_margins == pytest.approx(
        found.measured_margins * math.sqrt(5) / math.sqrt(2.5)
    )


def test_the_center_says_what_is_taken_away():
    frame = Configuration(np.eye(4), np.eye(4), np.zeros(4))
    assert compare(frame, channel.optimum(4)).procrustes_distance_means < 1e-14
    assert compare(frame, channel.optimum(4), center=None).procrustes_distance_means > 0.4


def test_without_a_classifier_the_weights_are_not_a_number():
    features = Features(np.eye(3), [0, 1, 2])
    found = compare(features, channel.optimum(3))
    assert found.procrustes_distance_means < 1e-14
    assert math.isnan(found.procrustes_distance_weights)
    assert np.isnan(found.measured_margins).all()
    assert not np.isnan(found.predicted_margins).any()


def test_what_cannot_be_compared():
    features = Features(np.eye(3), [0, 1, 2])
    with pytest.raises(InputError, match="prediction has 4 classes, expected 3"):
        compare(features, channel.optimum(4))
    with pytest.raises(InputError, match="prediction is a Result without a configuration"):
        compare(features, Result(0, 1, None))
    with pytest.raises(InputError, match="prediction is int"):
        compare(features, 3)
    with pytest.raises(InputError, match="features is of type ndarray"):
        compare(np.eye(3), channel.optimum(3))
