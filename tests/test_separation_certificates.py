"""What `optimum` and `certify` claim, re-checked by the kernel; and the centering that leaves every margin."""

import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nctheory
from nctheory import Configuration, Features, kernel, separation
from nctheory.kernel import digest
from nctheory.result import Certificate, Status

CLOSE = 1 - Fraction(1, 10**12)
SIZES = st.lists(st.integers(1, 5000), min_size=2, max_size=7)


def network(seed, num_classes=4, dimension=5, per_class=6, scatter=0.1):
    """Features in random order, near an optimal configuration moved off center."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.repeat(np.arange(num_classes), generator.integers(1, per_class, num_classes)))
    best = separation.optimum(np.bincount(labels), dimension, bias=True).configuration
    noise = generator.standard_normal((len(labels), dimension))
    points = best.class_means[labels] + scatter * noise * np.abs(best.class_means).max() + 0.3
    return Features(points, labels, best.weights + 0.1, best.bias - 0.3 * best.weights.sum(axis=1))


# ------------------------------------------------------------------------------------------------------------ optimum


@settings(max_examples=60, deadline=None)
@given(SIZES, st.booleans())
def test_no_value_is_below_the_optimum(sizes, bias):
    result = separation.optimum(sizes, bias=bias)
    verdict = result.verify()
    assert verdict.kind == "separation_bound"
    assert verdict.claim["class_sizes"] == tuple(sizes)
    assert verdict.claim["free_bias"] is bias
    assert CLOSE * result.lower <= verdict.claim["bound"] <= result.upper


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("sizes", [[1, 5000], [1, 10, 100, 1000, 10**4], [7, 7, 7, 10**6], [1] * 12, [2] * 6 + [3] * 6])
def test_graded_and_repeated_sizes(sizes, bias):
    result = separation.optimum(sizes, bias=bias)
    assert CLOSE * result.lower <= result.verify().claim["bound"] <= result.upper


@pytest.mark.parametrize(("num_classes", "root"), [(2, 1), (3, 2), (10, 10), (7, 1000)])
def test_balanced_squares_are_certified_exactly(num_classes, root):
    verdict = separation.optimum([root**2] * num_classes).verify()
    assert verdict.claim["bound"] == (num_classes - 1) * root


def test_in_few_dimensions_the_relaxation_is_certified():
    result = separation.optimum([1] * 7, 3)
    assert result.status is Status.UNDECIDED
    assert result.verify().claim["bound"] == 6


@pytest.mark.parametrize("change", [{"bound": Fraction(28, 10)}, {"class_sizes": [1, 2, 2]}, {"free_bias": True}])
def test_another_claim_does_not_follow(change):
    certificate = separation.optimum([1, 2, 3]).certificate
    with pytest.raises(kernel.Invalid):
        Certificate({**certificate.claim, **change}, certificate.witness).verify()


def test_both_ends_of_a_hundred_classes_by_a_bare_python(tmp_path):
    sizes = np.random.default_rng(0).integers(1, 5001, 100)
    result = separation.optimum(sizes)
    result.certificate.save(tmp_path / "lower.json")
    separation.certify(result.configuration).certificate.save(tmp_path / "upper.json")
    alone = shutil.copy(Path(kernel.__file__), tmp_path / "alone.py")
    files = [tmp_path / "lower.json", tmp_path / "upper.json"]
    done = subprocess.run([sys.executable, "-I", "-S", alone, *files], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.count(": valid: ")) == (0, 2), done.stdout[-500:]
    upper = separation.certify(result.configuration).verify().claim
    assert upper["value"] <= result.upper * (1 + Fraction(1, 10**12))
    assert upper["ratio"] >= CLOSE


def test_what_is_beyond_the_kernel_has_no_certificate():
    assert separation.optimum(np.arange(1, 1500)).certificate is None
    with pytest.raises(nctheory.InputError, match="no certificate"):
        separation.optimum(np.arange(1, 1500)).verify()


# ------------------------------------------------------------------------------------------------------------ certify


@pytest.mark.parametrize("seed", range(8))
def test_value_and_ratio_of_a_network(seed):
    points = network(seed)
    result = separation.certify(points)
    claim = result.verify().claim
    assert result.details.value[0] <= claim["value"] <= result.details.value[1] * (1 + Fraction(1, 10**12))
    assert CLOSE * result.lower <= claim["ratio"] <= result.upper
    assert claim["class_sizes"] == tuple(points.class_sizes)
    assert claim["configuration"] == digest(separation.encoded(points))


def test_the_ratio_of_exact_numbers_is_exact():
    square = [[1, 0], [0, 1], [-1, 0], [0, -1]]
    claim = separation.certify(Configuration(square, square, [0] * 4, class_sizes=[9] * 4)).verify().claim
    assert (claim["value"], claim["ratio"]) == (12, Fraction(3, 4))


def test_rational_configurations_are_certified_as_they_are():
    third = Fraction(1, 3)
    claim = separation.certify(Configuration([[third], [-third]], [[third], [-third]], [0, 0], [1, 1])).verify().claim
    assert (claim["value"], claim["ratio"]) == (1, 1)


def test_a_better_value_does_not_follow():
    certificate = separation.certify(network(0)).certificate
    for change in ({"value": certificate.claim["value"] / 2}, {"ratio": Fraction(1)}, {"free_bias": False}):
        with pytest.raises(kernel.Invalid):
            Certificate({**certificate.claim, **change}, certificate.witness).verify()


def test_what_is_not_separated_has_no_certificate():
    result = separation.certify(Features([[1.0], [-1.0]], [0, 1], [[-1.0], [1.0]]))
    assert (result.status, result.certificate) == (Status.INFEASIBLE, None)


# ----------------------------------------------------------------------------------------------------------- centering


@pytest.mark.parametrize("seed", range(4))
def test_centering_keeps_margins_and_makes_norms_smaller(seed):
    points = network(seed)
    moved = separation.centered(points)
    assert separation.margins(moved) == pytest.approx(separation.margins(points), rel=1e-12)
    for before, after in ((points.features, moved.features), (points.weights, moved.weights)):
        assert np.linalg.norm(after) < np.linalg.norm(before)
        assert np.abs(after.mean(axis=0)).max() < 1e-14
    assert separation.certify(moved).lower > separation.certify(points).upper


def test_centering_class_means_counts_every_sample():
    points = network(1)
    collapsed = points.configuration
    moved = separation.centered(collapsed)
    assert isinstance(moved, Configuration)
    assert np.abs(points.class_sizes @ moved.class_means).max() < 1e-13
    assert separation.margins(moved) == pytest.approx(separation.margins(collapsed), rel=1e-12)


def test_without_bias_features_stay():
    points = Features([[3.0], [1.0], [-1.0]], [0, 0, 1], [[2.0], [0.0]])
    moved = separation.centered(points)
    assert np.array_equal(moved.features, points.features)
    assert moved.weights.ravel().tolist() == [1, -1]
    assert not moved.bias.any()


def test_centering_needs_a_classifier():
    with pytest.raises(nctheory.InputError, match="no weights"):
        separation.centered(Features([[1.0], [2.0]], [0, 1]))
