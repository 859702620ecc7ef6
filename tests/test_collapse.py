import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nctheory
from nctheory import Features, InputError, collapse


def reference(features, labels, weights, bias, center):
    """The definitions, as they are written, in plain NumPy."""
    num_classes = len(weights)
    means = np.array([features[labels == c].mean(axis=0) for c in range(num_classes)])
    g = means.mean(axis=0) if center == "class" else features.mean(axis=0)
    D = means - g
    residuals = features - means[labels]
    within = residuals.T @ residuals / len(features)
    between = D.T @ D / num_classes
    off = ~np.eye(num_classes, dtype=bool)

    def cosines(rows):
        unit = rows / np.linalg.norm(rows, axis=1)[:, None]
        return (unit @ unit.T)[off]

    def spread(rows):
        norms = np.linalg.norm(rows, axis=1)
        return norms.std() / norms.mean()

    predicted = (features @ weights.T + bias).argmax(axis=1)
    nearest = ((features[:, None] - means[None]) ** 2).sum(axis=2).argmin(axis=1)
    return {
        "training_error": (predicted != labels).mean(),
        "variability": np.trace(within @ np.linalg.pinv(between, rcond=1e-10)) / num_classes,
        "equinorm_means": spread(D),
        "equinorm_weights": spread(weights),
        "equiangle_means": cosines(D).std(),
        "equiangle_weights": cosines(weights).std(),
        "max_angle_means": np.abs(cosines(D) + 1 / (num_classes - 1)).mean(),
        "max_angle_weights": np.abs(cosines(weights) + 1 / (num_classes - 1)).mean(),
        "self_duality": np.linalg.norm(weights / np.linalg.norm(weights) - D / np.linalg.norm(D)) ** 2,
        "nearest_mean_mismatch": (predicted != nearest).mean(),
    }


@st.composite
def points(draw):
    num_classes, dimension, seed = draw(st.integers(2, 6)), draw(st.integers(1, 8)), draw(st.integers(0, 2**32))
    generator = np.random.default_rng(seed)
    sizes = generator.integers(1, 9, num_classes)
    labels = generator.permutation(np.repeat(np.arange(num_classes), sizes))
    features = generator.standard_normal((num_classes, dimension))[labels] * 3
    features += generator.standard_normal((len(labels), dimension))
    return features, labels, generator.standard_normal((num_classes, dimension)), generator.standard_normal(num_classes)


@given(points(), st.sampled_from(["class", "sample"]))
@settings(deadline=None, max_examples=60)
def test_every_metric_equals_its_definition(data, center):
    measured = collapse.measure(Features(*data), center=center)
    for name, value in reference(*data, center).items():
        assert getattr(measured, name) == pytest.approx(value, rel=1e-9, abs=1e-9), name


def exact_etf(num_classes=5, dimension=7, samples=3, shift=0.0, seed=0):
    means = nctheory.simplex_etf(num_classes, dimension, seed=seed) + shift
    labels = np.repeat(np.arange(num_classes), samples)
    return means, means[labels], labels


def test_an_exactly_collapsed_translated_simplex_is_zero_everywhere():
    means, features, labels = exact_etf(shift=2.0)
    centered = means - means.mean(axis=0)
    weights = 3 * centered
    measured = collapse.measure(Features(features, labels, weights, -weights @ means.mean(axis=0)))
    assert measured.rank == 4
    assert measured.variability < 1e-28
    assert measured.self_duality < 1e-28
    assert measured.max_angle_means < 1e-14
    assert measured.equinorm_means < 1e-14
    assert (measured.training_error, measured.nearest_mean_mismatch) == (0, 0)


def test_the_wrong_bias_is_seen():
    means, features, labels = exact_etf(shift=2.0)
    wrong = collapse.measure(Features(features, labels, means - means.mean(axis=0), [9, 0, 0, 0, 0]))
    assert wrong.nearest_mean_mismatch == pytest.approx(0.8)
    assert wrong.training_error == pytest.approx(0.8)


def test_self_duality_sees_a_common_shift_of_the_weights():
    means, features, labels = exact_etf()
    assert collapse.measure(Features(features, labels, means + 1)).self_duality > 0.1


def test_an_offset_of_a_million_costs_few_digits():
    generator = np.random.default_rng(0)
    labels = np.arange(300) % 3
    features = generator.standard_normal((3, 4))[labels] + 0.1 * generator.standard_normal((300, 4))
    near, far = (collapse.measure(Features(points, labels)) for points in (features, features + 1e6))
    assert far.rank == near.rank == 2
    assert far.variability == pytest.approx(near.variability, rel=1e-8)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_extreme_scales_do_not_overflow(scale):
    means, features, labels = exact_etf()
    noisy = features + 0.1 * np.random.default_rng(0).standard_normal(features.shape)
    usual = collapse.measure(Features(noisy, labels, means, np.zeros(5)))
    scaled = collapse.measure(Features(scale * noisy, labels, scale * means, np.zeros(5)))
    for name in ("variability", "equinorm_means", "max_angle_weights", "self_duality", "nearest_mean_mismatch"):
        assert getattr(scaled, name) == pytest.approx(getattr(usual, name), rel=1e-9), name


def test_one_sample_in_a_class_and_more_dimensions_than_samples():
    measured = collapse.measure(Features(np.eye(3, 9), [0, 1, 2]))
    assert measured.variability == 0
    assert measured.rank == 2


def test_without_a_classifier_what_needs_one_is_not_a_number():
    measured = collapse.measure(Features(np.eye(3), [0, 1, 2]))
    assert math.isnan(measured.self_duality)
    assert math.isnan(measured.training_error)
    assert math.isnan(measured.equinorm_weights)


def test_coinciding_class_means_are_not_a_number():
    measured = collapse.measure(Features([[1.0], [1.0]], [0, 1], [[0.0], [0.0]]))
    assert (measured.rank, measured.training_error) == (0, 0.5)
    assert math.isnan(measured.variability)
    assert math.isnan(measured.equinorm_means)
    assert math.isnan(measured.self_duality)


def test_the_two_centers_differ_under_imbalance_only():
    generator = np.random.default_rng(0)
    features = generator.standard_normal((12, 3))
    balanced = [
        collapse.measure(Features(features, np.arange(12) % 3), center=center) for center in ("class", "sample")
    ]
    assert balanced[0].variability == pytest.approx(balanced[1].variability)
    labels = np.array([0] * 8 + [1] * 2 + [2] * 2)
    different = [collapse.measure(Features(features, labels), center=center) for center in ("class", "sample")]
    assert different[0].variability != pytest.approx(different[1].variability, rel=1e-3)


def test_bad_questions():
    with pytest.raises(InputError, match="features has 1 class, expected at least two"):
        collapse.measure(Features([[1.0]], [0]))
    with pytest.raises(InputError, match="center is 'origin', expected 'class', or 'sample'"):
        collapse.measure(Features(np.eye(2), [0, 1]), center="origin")


@pytest.mark.parametrize(("size", "bias"), [(1e-300, [1e10, 2e10]), (1e-10, [1e300, 2e300])])
def test_a_huge_bias_is_not_lost(size, bias):
    features = Features([[size], [-size], [size], [size]], [1, 0, 1, 1], [[1.0], [1.0]], bias)
    assert collapse.measure(features).training_error == 0.25


def test_blocks_of_samples_agree_with_one_block(monkeypatch):
    features = nctheory.load(nctheory.sample_path())
    whole = collapse.measure(features)
    monkeypatch.setattr(collapse, "_BLOCK", 640)
    assert collapse.measure(features).variability == pytest.approx(whole.variability, rel=1e-12)
    assert collapse.measure(features).training_error == whole.training_error


def test_a_configuration_has_no_samples_to_measure():
    with pytest.raises(InputError, match="features is of type Configuration, expected Features"):
        collapse.measure(nctheory.Configuration(np.eye(2)))
