"""Batches of any size and order, merged in any order, against all samples at once; series, layers, networks, heads."""

import dataclasses
import math
import tracemalloc

import numpy as np
import pytest
from scipy.optimize import minimize

import nctheory
from nctheory import Features, InputError, collapse
from nctheory.collapse import Accumulator
from tests import reference_collapse
from tests.test_collapse import agrees, drawn

SIZES = [40, 13, 7, 1, 22]


def batches(data, cuts):
    return [(data[0][part], data[1][part]) for part in np.split(np.arange(len(data[1])), cuts)]


def streamed(parts, weights, bias, **options):
    """Two passes over the batches."""
    accumulator = Accumulator(len(weights), weights.shape[1], **options)
    for part in parts:
        accumulator.update(*part)
    second = accumulator.second_pass(weights, bias)
    for part in parts[::-1]:
        second.update(*part)
    return accumulator, second.collapse()


def same(one, other, rel=1e-12, absolute=1e-12, but=()):
    for entry in dataclasses.fields(one):
        if entry.name not in {"center", *but}:
            expected = getattr(other, entry.name)
            found = getattr(one, entry.name)
            assert found == pytest.approx(expected, rel=rel, abs=absolute, nan_ok=True), entry.name


@pytest.mark.parametrize("cuts", [[], [1, 2, 3], [50], range(1, 83), [0, 10, 10, 60, 83]])
def test_batches_of_any_size_give_the_reference(cuts):
    data = drawn(4, SIZES, 6, 0.4)
    expected = reference_collapse.measured(*data, "class")
    margins = expected.pop("cosine_margin_quantiles")
    _, found = streamed(batches(data, cuts), *data[2:])
    agrees_without_margins(found, expected)
    assert found.cosine_margin_quantiles == pytest.approx(margins, abs=0.2)
    assert found.cosine_margin_quantiles[[0, -1]] == pytest.approx(margins[[0, -1]], rel=1e-12)


def agrees_without_margins(found, expected):
    agrees(found, expected | {"cosine_margin_quantiles": found.cosine_margin_quantiles})


def test_streamed_quantiles_of_margins_are_within_a_bin():
    data = drawn(1, [4000, 4000], 3, 0.5)
    _, found = streamed(batches(data, [1000, 5000]), *data[2:])
    whole = collapse.measure(Features(*data)).cosine_margin_quantiles
    assert np.abs(found.cosine_margin_quantiles - whole).max() < 2e-3  # between neighbors in rank, and one bin
    assert np.ptp(whole) > 1


def test_order_does_not_matter():
    data = drawn(4, SIZES, 6, 0.4)
    order = np.argsort(data[1], kind="stable")
    sorted_data = data[0][order], data[1][order], *data[2:]
    _, shuffled = streamed(batches(data, [7, 40]), *data[2:])
    _, by_class = streamed(batches(sorted_data, [3, 29, 41, 70]), *data[2:])
    same(shuffled, by_class, but={"cosine_margin_quantiles"})


def test_merging_in_any_order_equals_one_pass():
    data = drawn(4, SIZES, 6, 0.4)
    parts = batches(data, [5, 6, 30, 70])
    whole, _ = streamed([data[:2]], *data[2:])
    generator = np.random.default_rng(0)
    for _ in range(6):
        accumulators = []
        for part in parts:
            accumulators.append(Accumulator(5, 6))
            accumulators[-1].update(*part)
        while len(accumulators) > 1:
            i, j = generator.choice(len(accumulators), 2, replace=False)
            accumulators[i].merge(accumulators[j])
            del accumulators[j]
        same(accumulators[0].collapse(*data[2:]), whole.collapse(*data[2:]))
        assert accumulators[0].means == pytest.approx(whole.means, rel=1e-13)
        assert (accumulators[0].counts == whole.counts).all()


def test_merging_leaves_the_other_as_it_is_and_empty_ones_change_nothing():
    data = drawn(4, SIZES, 6, 0.4)
    one, other, empty = Accumulator(5, 6), Accumulator(5, 6), Accumulator(5, 6)
    one.update(data[0][:30], data[1][:30])
    other.update(data[0][30:], data[1][30:])
    before = {name: part.copy() for name, part in other.state().items()}
    empty.merge(other)
    one.merge(other)
    one.merge(Accumulator(5, 6))
    empty.update(data[0][:30], data[1][:30])
    assert all((before[name] == part).all() for name, part in other.state().items())
    same(one.collapse(), empty.collapse())


def test_a_sample_that_is_changed_after_the_update_does_not_change_the_means():
    """The first feature of a class must not become the running mean itself."""
    first = np.array([[1.0, 2.0]])
    accumulator = Accumulator(2, 2)
    accumulator.update(first, [0])
    first[:] = 99
    accumulator.update(np.array([[3.0, 2.0], [0.0, 0.0]]), [0, 1])
    assert accumulator.means.tolist() == [[2, 2], [0, 0]]


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_a_state_goes_through_a_file_without_pickles(tmp_path, offset):
    data = drawn(4, SIZES, 6, 0.4)
    parts = [(features + offset, labels) for features, labels in batches(data, [30])]
    accumulators = []
    for part in parts:
        accumulators.append(Accumulator(5, 6))
        accumulators[-1].update(*part)
        np.savez(tmp_path / f"{len(accumulators)}.npz", **accumulators[-1].state())
    with np.load(tmp_path / "2.npz", allow_pickle=False) as state:
        accumulators[0].merge(Accumulator.from_state(state))
    whole, _ = streamed([(data[0] + offset, data[1])], *data[2:])
    same(accumulators[0].collapse(), whole.collapse(), rel=1e-9 if offset else 1e-12)


def test_an_offset_of_a_million_costs_a_few_digits_only():
    data = drawn(4, SIZES, 6, 0.4)
    _, near = streamed(batches(data, [1, 20]), *data[2:])
    far_features = (data[0] + 1e6, data[1], data[2], data[3] - data[2] @ np.full(6, 1e6))
    _, far = streamed(batches(far_features, [1, 20]), *far_features[2:])
    same(far, near, 1e-8, 1e-8, but={"nearest_mean_mismatch_without_bias", "center_logits", "cosine_margin_quantiles"})


def test_without_covariance_the_second_pass_gives_nc1_and_memory_stays_small():
    data = drawn(4, SIZES, 6, 0.4)
    accumulator, found = streamed(batches(data, [9, 50]), *data[2:], covariance=False)
    _, whole = streamed([data[:2]], *data[2:])
    unknown = {"variability_collapse_index", "rank_within"}
    same(found, whole, but=unknown | {"cosine_margin_quantiles"})
    assert all(math.isnan(getattr(found, name)) for name in unknown)
    assert math.isnan(accumulator.collapse().variability)
    tracemalloc.start()
    Accumulator(10, 4000, covariance=False)
    assert tracemalloc.get_traced_memory()[1] < 10 * 4000 * 8 * 3
    tracemalloc.stop()


def test_memory_does_not_grow_with_the_number_of_samples():
    generator = np.random.default_rng(0)

    def peak(count):
        accumulator = Accumulator(4, 32)
        tracemalloc.start()
        for _ in range(count):
            labels = generator.integers(0, 4, 500)
            accumulator.update(generator.standard_normal((500, 32)), labels)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(1) > 0
    assert peak(40) < 1.5 * peak(2)


def test_before_the_second_pass_what_needs_decisions_is_not_a_number():
    data = drawn(4, SIZES, 6, 0.4)
    accumulator, both = streamed([data[:2]], *data[2:])
    first = accumulator.collapse(*data[2:])
    unknown = {metric.field for metric in first.metrics() if math.isnan(metric.value)}
    assert unknown == {"training_error", "nearest_mean_mismatch", "nearest_mean_mismatch_without_bias"}
    assert first.self_duality == both.self_duality
    sample = accumulator.collapse(*data[2:], center="sample")
    assert sample.self_duality != pytest.approx(first.self_duality, rel=1e-3)


def test_a_second_pass_may_be_split_and_merged_and_must_be_complete():
    data = drawn(4, SIZES, 6, 0.4)
    accumulator, expected = streamed([data[:2]], *data[2:])
    one, other = (accumulator.second_pass(*data[2:]) for _ in range(2))
    one.update(data[0][:30], data[1][:30])
    with pytest.raises(InputError, match=r"class 0 has \d+ samples in the second pass, expected 40"):
        one.collapse()
    other.update(data[0][30:], data[1][30:])
    one.merge(other)
    same(one.collapse(), expected)
    with pytest.raises(InputError, match="begun from other class means"):
        one.merge(accumulator.second_pass(2 * data[2], data[3]))


def test_absent_classes_and_labels_out_of_range_are_said():
    accumulator = Accumulator(4, 2)
    accumulator.update([[1.0, 2.0]], [1])
    assert np.isnan(accumulator.means[[0, 2, 3]]).all()
    with pytest.raises(InputError, match=r"no sample of class 0 has been seen \(3 of 4 classes are absent\)"):
        accumulator.collapse()
    with pytest.raises(InputError, match=r"labels\[0\] is 4, expected 0 ... 3"):
        accumulator.update([[1.0, 2.0]], [4])
    with pytest.raises(InputError, match=r"labels\[1\] is -1"):
        accumulator.update(np.ones((2, 2)), [0, -1])
    assert accumulator.counts.tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        ([[1.0]], [0], r"features has shape \(1, 1\), expected \(n, 2\)"),
        (np.ones((2, 2)), [0], r"labels has shape \(1,\), expected \(2,\)"),
        ([[1.0, math.nan]], [0], "not finite"),
        ([[1.0, 2.0]], [0.5], "expected integers"),
    ],
)
def test_bad_batches(features, labels, message):
    with pytest.raises(InputError, match=message):
        Accumulator(2, 2).update(features, labels)


def test_bad_accumulators():
    with pytest.raises(InputError, match="num_classes is 1"):
        Accumulator(1, 2)
    with pytest.raises(InputError, match="expected an Accumulator"):
        Accumulator(2, 2).merge("x")
    with pytest.raises(InputError, match=r"\(2, 3, True\), expected \(2, 2, True\)"):
        Accumulator(2, 2).merge(Accumulator(2, 3))
    with pytest.raises(InputError, match="no batch has been seen"):
        Accumulator(2, 2).state()
    accumulator = Accumulator(2, 2)
    accumulator.update(np.eye(2), [0, 1])
    state = accumulator.state()
    with pytest.raises(InputError, match="state holds"):
        Accumulator.from_state({"means": state["means"]})
    with pytest.raises(InputError, match=r"squares has shape \(3,\)"):
        Accumulator.from_state({**state, "squares": np.ones(3)})
    with pytest.raises(InputError, match="state has format 7"):
        Accumulator.from_state({**state, "shift": np.array([7, 0])})
    with pytest.raises(InputError, match=r"weights has shape \(2, 3\), expected \(2, 2\)"):
        accumulator.collapse(np.ones((2, 3)))
    with pytest.raises(InputError, match="bias is given without weights"):
        accumulator.second_pass(None, [1, 2])


# ------------------------------------------------------------------------------------------------ epochs and layers


def test_a_series_of_the_sample():
    series = collapse.measure_series(nctheory.sample_path())
    assert series.epochs == (0, 10, 100, 1000)
    assert series.column("training_error")[1:].tolist() == [0, 0, 0]
    assert series.column("per_class_norms_means").shape == (4, 10)
    alone = collapse.measure(nctheory.load(nctheory.sample_path(), epoch=10))
    assert series.column("self_duality")[1] == alone.self_duality
    with pytest.raises(InputError, match="field is 'center'"):
        series.column("center")


def test_series_of_features():
    points = [Features(*drawn(seed, SIZES, 4)) for seed in (0, 1)]
    assert collapse.measure_series(points).epochs == (0, 1)
    by_epoch = collapse.measure_series({30: points[1], 2: points[0]}, center="sample")
    assert by_epoch.epochs == (2, 30)
    assert (
        by_epoch.collapses[1].variability == collapse.measure(points[1], center="sample", covariance=True).variability
    )


def test_series_that_are_none(tmp_path):
    np.savez(tmp_path / "single.npz", features=np.eye(2), labels=[0, 1])
    np.savez(tmp_path / "means.npz", M_1=np.eye(2))
    for name in ("single.npz", "means.npz"):
        with pytest.raises(InputError, match="holds no snapshots"):
            collapse.measure_series(tmp_path / name)
    with pytest.raises(InputError, match="source is empty"):
        collapse.measure_series([])
    with pytest.raises(InputError, match="no such file"):
        collapse.measure_series(tmp_path / "missing.npz")


def test_layers_against_the_definitions():
    first = drawn(0, SIZES, 6, 0.3)
    second = np.tanh(first[0][:, :4]), first[1], first[2][:, :4], first[3]
    V = np.random.default_rng(2).standard_normal((5, 6))
    found = collapse.measure_layers([Features(*first[:2]), Features(*second[:2])], [V])
    for index, data in enumerate((first, second)):
        expected = reference_collapse.measured(*data, "class")
        assert found.ratio[index] == pytest.approx(expected["trace_ratio"], rel=1e-12)
        assert found.within[index] / found.between[index] == pytest.approx(expected["trace_ratio"], rel=1e-12)
        assert found.variability[index] == pytest.approx(expected["variability"], rel=1e-12)
        squares = sum(
            n * v for n, v in zip(expected["per_class_samples"], expected["per_class_variances"], strict=True)
        )
        assert found.within[index] == pytest.approx(squares / sum(SIZES), rel=1e-12)
    means = np.array([first[0][first[1] == c].mean(axis=0) for c in range(5)])
    of_means = np.linalg.svd(means - means.mean(axis=0))[2][:4]
    of_weights = np.linalg.svd(V)[2][:4]
    cosines = np.linalg.svd(of_means @ of_weights.T, compute_uv=False)
    assert found.angles[0] == pytest.approx(np.degrees(np.arccos(np.minimum(cosines[::-1], 1))), abs=1e-5)
    assert found.angles[1].shape == (0,)


def test_weights_that_read_the_class_means_are_at_angle_0():
    features, labels, _, _ = drawn(0, SIZES, 9, 0.0)
    means = np.array([features[labels == c][0] for c in range(5)])
    aligned = collapse.measure_layers([Features(features, labels)], [means - means.mean(axis=0)])
    assert aligned.angles[0].max() < 1e-5
    with pytest.raises(InputError, match=r"weights\[0\] has shape \(2, 3\), expected \(d', 9\)"):
        collapse.measure_layers([Features(features, labels)], [np.ones((2, 3))])
    with pytest.raises(InputError, match="weights holds 2 matrices, expected 1 or one less"):
        collapse.measure_layers([Features(features, labels)], [means, means])
    with pytest.raises(InputError, match="layers is empty"):
        collapse.measure_layers([])


# ------------------------------------------------------------------------------------------------------------ heads


def squared_error(features, labels, weights, bias, ridge):
    targets = np.eye(len(weights))[labels]
    return ((features @ weights.T + bias - targets) ** 2).sum() / (2 * len(labels)) + ridge / 2 * (weights**2).sum()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("dimension", "ridge"), [(3, 0.1), (30, 0.01), (3, 1e-6)])
def test_the_head_is_the_minimum_that_a_general_optimizer_finds(dimension, ridge, bias):
    features, labels, _, _ = drawn(3, [6, 4, 9], dimension)
    weights, offset = collapse.least_squares_classifier(features, labels, ridge=ridge, bias=bias)
    value = squared_error(features, labels, weights, offset, ridge)

    def objective(flat):
        W, b = flat[: 3 * dimension].reshape(3, dimension), flat[3 * dimension :]
        return squared_error(features, labels, W, b if bias else 0 * b, ridge)

    found = minimize(objective, np.zeros(3 * dimension + 3), method="L-BFGS-B", options={"maxfun": 10**6})
    assert value <= found.fun + 1e-12
    assert value == pytest.approx(found.fun, rel=1e-4)
    assert bias or not offset.any()


def test_the_head_by_the_formula_with_class_means():
    features, labels, _, _ = drawn(3, [6, 4, 9], 4)
    ridge, pi = 0.3, np.array([6, 4, 9]) / 19
    means = np.array([features[labels == c].mean(axis=0) for c in range(3)])
    moved = features - features.mean(axis=0)
    expected = pi[:, None] * (means - features.mean(axis=0)) @ np.linalg.inv(moved.T @ moved / 19 + ridge * np.eye(4))
    weights, offset = collapse.least_squares_classifier(features, labels, ridge=ridge)
    assert weights == pytest.approx(expected, rel=1e-10)
    assert offset == pytest.approx(pi - expected @ features.mean(axis=0), rel=1e-10)


def test_a_head_without_ridge_interpolates_and_has_the_least_norm():
    features, labels, _, _ = drawn(3, [2, 2], 9)
    weights, offset = collapse.least_squares_classifier(features, labels, ridge=0)
    assert features @ weights.T + offset == pytest.approx(np.eye(2)[labels], abs=1e-10)
    row_space = np.linalg.pinv(features - features.mean(axis=0)) @ (features - features.mean(axis=0))
    assert weights @ row_space == pytest.approx(weights, abs=1e-10)


def test_the_head_of_a_balanced_simplex_is_parallel_to_its_means():
    means = 2 * nctheory.simplex_etf(4, 5, seed=0) + 1
    eta = 4 * 4 / 3
    labels = np.repeat(np.arange(4), 3)
    weights, _ = collapse.least_squares_classifier(means[labels], labels, ridge=0.2)
    assert weights == pytest.approx((means - means.mean(axis=0)) / (eta + 4 * 0.2), abs=1e-12)


@pytest.mark.parametrize("ridge", [-1.0, math.nan, math.inf])
def test_bad_ridges(ridge):
    with pytest.raises(InputError, match="ridge is"):
        collapse.least_squares_classifier(np.eye(2), [0, 1], ridge=ridge)
