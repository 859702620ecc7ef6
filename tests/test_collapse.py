import dataclasses
import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nctheory
from nctheory import Features, InputError, collapse
from tests import reference_collapse

measure = partial(collapse.measure, covariance=True)  # every metric

ARRAYS = {entry.name for entry in dataclasses.fields(collapse.Collapse) if not entry.repr}


def agrees(measured, expected, rel=1e-12, absolute=1e-12):
    """Whether every field is as expected, the names included."""
    names = {entry.name for entry in dataclasses.fields(measured)} - {"center"}
    assert names == expected.keys()
    for name, value in expected.items():
        found = getattr(measured, name)
        assert found == pytest.approx(value, rel=rel, abs=absolute, nan_ok=True), name


def drawn(seed, sizes, dimension, spread=1.0, dtype=np.float64):
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.repeat(np.arange(len(sizes)), sizes))
    features = generator.standard_normal((len(sizes), dimension))[labels]
    features += spread * generator.standard_normal(features.shape)
    weights = generator.standard_normal((len(sizes), dimension))
    return features.astype(dtype), labels, weights.astype(dtype), generator.standard_normal(len(sizes)).astype(dtype)


@pytest.mark.parametrize("center", ["class", "sample"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("sizes", "dimension"),
    [
        ([20, 20, 20, 20], 6),
        ([50, 3, 9, 1], 5),
        ([8, 30, 15, 9, 14, 20], 3),  # d < K - 1
        ([40, 35], 4),
        ([2, 3, 2], 12),  # more dimensions than samples and classes together
    ],
)
def test_every_field_is_that_of_the_reference(sizes, dimension, dtype, center):
    data = drawn(3, sizes, dimension, 0.5, dtype)
    agrees(measure(Features(*data), center=center), reference_collapse.measured(*data, center))


@st.composite
def points(draw):
    num_classes, dimension, seed = draw(st.integers(2, 6)), draw(st.integers(1, 8)), draw(st.integers(0, 2**32))
    sizes = np.random.default_rng(seed).integers(1, 9, num_classes)
    return drawn(seed, sizes, dimension, 0.3)


@given(points(), st.sampled_from(["class", "sample"]))
@settings(deadline=None, max_examples=60)
def test_every_field_is_that_of_the_reference_for_any_sizes(data, center):
    """Means may be nearly dependent here, which the reference's pseudo-inverse feels before the package does."""
    agrees(measure(Features(*data), center=center), reference_collapse.measured(*data, center), 1e-7, 1e-8)


@pytest.mark.parametrize("center", ["class", "sample"])
@pytest.mark.parametrize(
    ("sizes", "dimension"), [([20, 20, 20, 20], 6), ([50, 3, 9, 1], 5), ([8, 30, 15, 9, 14, 20], 3)]
)
def test_without_covariance_all_but_two_fields_are_those_of_the_reference(sizes, dimension, center):
    data = drawn(3, sizes, dimension, 0.5)
    expected = reference_collapse.measured(*data, center)
    unknown = {"rank_within": math.nan, "variability_collapse_index": math.nan}
    agrees(measure(Features(*data), center=center, covariance=False), expected | unknown)
    exact = measure(Features(data[0][data[1]], data[1]), center=center, covariance=False)
    assert exact.variability < 1e-28


def test_the_comparison_with_the_reference_sees_one_changed_number():
    data = drawn(3, [20, 20, 20, 20], 6)
    expected = reference_collapse.measured(*data, "class")
    with pytest.raises(AssertionError, match="cdnv_mean"):
        agrees(measure(Features(*data)), expected | {"cdnv_mean": expected["cdnv_mean"] * (1 + 1e-10)})


def exact_etf(num_classes=5, dimension=7, samples=3, shift=0.0, seed=0):
    means = nctheory.simplex_etf(num_classes, dimension, seed=seed) + shift
    labels = np.repeat(np.arange(num_classes), samples)
    return means, means[labels], labels


@pytest.mark.parametrize("shift", [0.0, 2.0, 1000.0])
def test_an_exactly_collapsed_translated_simplex_is_zero_everywhere(shift):
    means, features, labels = exact_etf(shift=shift)
    centered = means - means.mean(axis=0)
    weights = 3 * centered
    measured = measure(Features(features, labels, weights, -weights @ means.mean(axis=0)))
    assert (measured.rank, measured.rank_within) == (4, 0)
    digits = max(1.0, shift) ** 2
    for name in ("variability", "trace_ratio", "cdnv_max", "variability_collapse_index", "self_duality"):
        assert getattr(measured, name) < 1e-28 * digits, name
    for name in ("max_angle_means", "equinorm_means", "equiangle_means", "gram_distance", "gram_distance_weights"):
        assert getattr(measured, name) < 1e-14 * max(1.0, shift), name
    assert measured.center_logits < 1e-11
    assert (measured.training_error, measured.nearest_mean_mismatch) == (0, 0)
    assert measured.cosine_margin_quantiles == pytest.approx(5 / 4, rel=1e-12)
    assert measured.per_class_angles.max() < 1e-12 * max(1.0, shift)


def test_without_its_bias_a_translated_simplex_disagrees_with_the_nearest_mean():
    means, features, labels = exact_etf()
    translation = 50 * means[0]
    measured = measure(Features(features + translation, labels, 3 * means, -3 * means @ translation))
    assert measured.nearest_mean_mismatch == 0
    assert measured.nearest_mean_mismatch_without_bias == pytest.approx(0.8)  # class 0 is always chosen
    assert measured.variability < 1e-24


def test_an_exact_simplex_in_float32_keeps_its_own_rounding_and_no_more():
    """A cut-off that keeps rounding as a direction would divide by it: 1e-5 and more."""
    _, features, labels = exact_etf(num_classes=10, dimension=40, samples=20)
    measured = measure(Features(features.astype(np.float32), labels))
    assert measured.rank == 9
    assert measured.variability < 1e-28
    assert measured.gram_distance < 1e-6


def test_the_wrong_bias_is_seen():
    means, features, labels = exact_etf(shift=2.0)
    wrong = measure(Features(features, labels, means - means.mean(axis=0), [9, 0, 0, 0, 0]))
    assert wrong.nearest_mean_mismatch == pytest.approx(0.8)
    assert wrong.training_error == pytest.approx(0.8)
    assert wrong.per_class_errors.tolist() == [0, 1, 1, 1, 1]


def test_self_duality_sees_a_common_shift_of_the_weights():
    means, features, labels = exact_etf()
    assert measure(Features(features, labels, means + 1)).self_duality > 0.1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_graded_spectra_keep_their_small_directions(dtype):
    """Class means whose singular values fall from 1 to 1e-3, so that the eigenvalues of Sigma_B reach 1e-6."""
    generator = np.random.default_rng(1)
    num_classes, dimension = 8, 12
    left = np.linalg.qr(np.column_stack([np.ones(num_classes), generator.standard_normal((num_classes, 7))]))[0][:, 1:]
    right = np.linalg.qr(generator.standard_normal((dimension, 7)))[0]
    means = left * np.logspace(0, -3, 7) @ right.T
    labels = np.repeat(np.arange(num_classes), 50)
    features = (means[labels] + 1e-4 * generator.standard_normal((400, dimension))).astype(dtype)
    data = features, labels, means, np.zeros(num_classes)
    measured = measure(Features(*data))
    assert measured.rank == 7
    expected = reference_collapse.measured(*data, "class")
    for name in ("variability", "variability_collapse_index", "trace_ratio"):
        assert getattr(measured, name) == pytest.approx(expected[name], rel=1e-8), name


def test_an_offset_of_a_million_costs_no_more_than_the_features_lose():
    generator = np.random.default_rng(0)
    labels = np.arange(300) % 3
    features = generator.standard_normal((3, 4))[labels] + 0.1 * generator.standard_normal((300, 4))
    features = features + 1e6 - 1e6  # so that adding it again is exact
    near, far = (measure(Features(points, labels)) for points in (features, features + 1e6))
    assert far.rank == near.rank == 2
    for name in ("variability", "cdnv_mean", "gram_distance", "variability_collapse_index"):
        assert getattr(far, name) == pytest.approx(getattr(near, name), rel=1e-12), name


@pytest.mark.parametrize("scale", [1e-300, 1e-170, 1e-100, 1e100, 1e170, 1e300])
def test_extreme_scales_do_not_overflow(scale):
    means, features, labels = exact_etf()
    noisy = features + 0.1 * np.random.default_rng(0).standard_normal(features.shape)
    usual = measure(Features(noisy, labels, means, np.zeros(5)))
    scaled = measure(Features(scale * noisy, labels, scale * means, np.zeros(5)))
    for name in ("variability", "equinorm_means", "max_angle_weights", "self_duality", "nearest_mean_mismatch"):
        assert getattr(scaled, name) == pytest.approx(getattr(usual, name), rel=1e-9), name
    assert scaled.cosine_margin_quantiles == pytest.approx(usual.cosine_margin_quantiles, rel=1e-9)
    assert scaled.per_class_norms_means == pytest.approx(scale * usual.per_class_norms_means, rel=1e-9)
    with np.errstate(over="ignore"):
        assert scaled.per_class_variances == pytest.approx(usual.per_class_variances * scale * scale, rel=1e-9)


def test_one_sample_in_a_class_and_more_dimensions_than_samples():
    measured = measure(Features(np.eye(3, 9), [0, 1, 2]))
    assert (measured.variability, measured.rank, measured.rank_within) == (0, 2, 0)
    assert measured.variability_collapse_index == 0


def test_many_more_dimensions_than_samples_need_no_large_matrix():
    data = drawn(0, [5, 4, 3], 20_000)
    measured = measure(Features(*data))
    assert measured.rank_within == 9
    assert measured.variability_collapse_index == pytest.approx(0, abs=1e-12)  # any labels fit in so many dimensions
    residuals = data[0] - np.array([data[0][data[1] == c].mean(axis=0) for c in range(3)])[data[1]]
    assert measured.trace_ratio * (measured.per_class_norms_means**2).mean() == pytest.approx((residuals**2).sum() / 12)


def test_without_a_classifier_what_needs_one_is_not_a_number():
    measured = measure(Features(np.eye(3), [0, 1, 2]))
    unknown = {
        *("rank_weights", "training_error", "equinorm_weights", "equiangle_weights", "max_angle_weights"),
        *("gram_distance_weights", "self_duality", "nearest_mean_mismatch", "nearest_mean_mismatch_without_bias"),
        "center_logits",
    }
    assert {metric.field for metric in measured.metrics() if math.isnan(metric.value)} == unknown
    assert np.isnan(measured.cosine_margin_quantiles).all()
    assert np.isnan(measured.per_class_errors).all()


def test_coinciding_class_means_are_not_a_number():
    measured = measure(Features([[1.0], [1.0]], [0, 1], [[0.0], [0.0]]))
    assert (measured.rank, measured.training_error) == (0, 0.5)
    for name in ("variability", "equinorm_means", "self_duality", "cdnv_mean", "variability_collapse_index"):
        assert math.isnan(getattr(measured, name)), name


def test_the_two_centers_differ_under_imbalance_only():
    generator = np.random.default_rng(0)
    features = generator.standard_normal((12, 3))
    balanced = [measure(Features(features, np.arange(12) % 3), center=center) for center in ("class", "sample")]
    assert balanced[0].variability == pytest.approx(balanced[1].variability)
    labels = np.array([0] * 8 + [1] * 2 + [2] * 2)
    different = [measure(Features(features, labels), center=center) for center in ("class", "sample")]
    assert different[0].variability != pytest.approx(different[1].variability, rel=1e-3)


def test_rounding_of_the_center_is_no_direction():
    """The rows of D add up to 0, so that K of them have rank K - 1 at most, whatever is left by rounding."""
    for seed in range(20):
        generator = np.random.default_rng(seed)
        features, labels = generator.standard_normal((9, 3)), np.arange(9) % 2
        far = 1e6 * generator.standard_normal(3)  # two outliers that cancel in the mean of class 0
        features[[0, 2]] += [far, -far]
        measured = measure(Features(features, labels), center=("class", "sample")[seed % 2])
        assert measured.rank == 1
        assert measured.variability < 1e15


def test_variation_by_rounding_alone_has_rank_0():
    means, features, labels = exact_etf(samples=4, shift=1000.0)
    features = features.copy()
    features[::2] = np.nextafter(features[::2], np.inf)
    assert measure(Features(features, labels)).rank_within == 0
    features += 1e-9 * np.random.default_rng(0).standard_normal(features.shape)
    assert measure(Features(features, labels)).rank_within == means.shape[1]


@pytest.mark.parametrize("samples", [1, 30, 5000])
def test_class_means_that_coincide_or_lie_on_a_line_have_no_more_than_their_rank(samples):
    """Sums of many samples must not leave rounding that is taken for a direction, by which NC1 is then divided."""
    generator = np.random.default_rng(0)
    line = np.outer([0.1, 0.7, 2.3, -0.3], generator.standard_normal(8)) + 0.3
    pair = generator.standard_normal((4, 8))
    pair[3] = pair[2]
    for means, rank in ((line, 1), (pair, 2)):
        labels = np.arange(4 * samples) % 4
        measured = measure(Features(means[labels], labels))
        assert (measured.rank, measured.rank_within) == (rank, 0)
        assert measured.variability < 1e-28


def test_the_variability_collapse_index_is_not_negative_under_imbalance():
    data = drawn(5, [200, 2, 2, 3], 5, 1.0)
    measured = measure(Features(*data))
    assert 0 < measured.variability_collapse_index < 1


@pytest.mark.parametrize(("num_classes", "dimension"), [(5, 2), (7, 3), (10, 5)])
def test_the_rank_floor_is_attained_by_a_projector_and_undercut_by_nothing(num_classes, dimension):
    generator = np.random.default_rng(0)
    basis = np.linalg.qr(np.column_stack([np.ones(num_classes), generator.standard_normal((num_classes, dimension))]))
    best = measure(Features(basis[0][:, 1:], np.arange(num_classes)))
    assert best.gram_floor > 0.1
    assert best.gram_distance == pytest.approx(best.gram_floor, rel=1e-12)
    for _ in range(20):
        other = measure(Features(generator.standard_normal((num_classes, dimension)), np.arange(num_classes)))
        assert other.gram_distance > best.gram_floor


def test_an_orthogonal_frame_is_a_simplex_once_centered():
    measured = measure(Features(np.eye(6), np.arange(6), np.eye(6)))
    assert measured.gram_distance < 1e-14
    assert measured.gram_distance_weights == pytest.approx(math.sqrt(2 - 2 * math.sqrt(5 / 6)), rel=1e-12)


@pytest.mark.parametrize("move", ["turn", "translate", "scale"])
def test_metrics_do_not_see_rotation_translation_and_scale(move):
    features, labels, weights, bias = drawn(2, [9, 12, 5, 7], 6)
    usual = measure(Features(features, labels, weights, bias))
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((6, 6)))[0]
    moved = {
        "turn": (features @ turn, labels, weights @ turn, bias),
        "translate": (features + 3, labels, weights, bias - weights @ np.full(6, 3.0)),
        "scale": (4 * features, labels, 3 * weights, 12 * bias),
    }[move]
    measured = measure(Features(*moved))
    origin = {"nearest_mean_mismatch_without_bias", "rank_means"}  # these are about the origin
    sized = {"center_logits", "per_class_norms_means", "per_class_norms_weights", "per_class_variances"}
    for entry in dataclasses.fields(usual):
        if entry.name not in {"center"} | (origin if move == "translate" else set()) | (
            sized if move == "scale" else set()
        ):
            expected = getattr(usual, entry.name)
            assert getattr(measured, entry.name) == pytest.approx(expected, rel=1e-10, abs=1e-12, nan_ok=True), entry


def test_metrics_are_in_reading_order_with_their_conventions():
    measured = measure(Features(*drawn(0, [3, 3], 2)))
    found = measured.metrics()
    assert [metric.field for metric in found][:2] == ["rank", "rank_means"]
    assert len(found) == 23
    assert not ARRAYS & {metric.field for metric in found}
    assert all(metric.convention and metric.name and isinstance(metric.value, int | float) for metric in found)
    assert len({metric.name for metric in found}) == len(found)
    assert "n_c / N" in next(m.convention for m in found if m.field == "variability_collapse_index")


def test_arrays_are_read_only():
    measured = measure(Features(*drawn(0, [3, 3], 2)))
    for name in ARRAYS:
        with pytest.raises(ValueError, match="read-only"):
            getattr(measured, name)[0] = 0


def test_bad_questions():
    with pytest.raises(InputError, match="features has 1 class, expected at least two"):
        measure(Features([[1.0]], [0]))
    with pytest.raises(InputError, match="center is 'origin', expected 'class', or 'sample'"):
        measure(Features(np.eye(2), [0, 1]), center="origin")


@pytest.mark.parametrize(("size", "bias"), [(1e-300, [1e10, 2e10]), (1e-10, [1e300, 2e300])])
def test_a_huge_bias_is_not_lost(size, bias):
    features = Features([[size], [-size], [size], [size]], [1, 0, 1, 1], [[1.0], [1.0]], bias)
    assert measure(features).training_error == 0.25


def test_blocks_of_samples_agree_with_one_block(monkeypatch):
    features = nctheory.load(nctheory.sample_path())
    whole = measure(features)
    monkeypatch.setattr(collapse.accumulator, "_BLOCK", 640)
    assert measure(features).variability == pytest.approx(whole.variability, rel=1e-12)
    assert measure(features).training_error == whole.training_error


def test_a_configuration_has_no_samples_to_measure():
    with pytest.raises(InputError, match="features is of type Configuration, expected Features"):
        measure(nctheory.Configuration(np.eye(2)))
