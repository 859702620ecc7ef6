"""Minimum-norm separation: closed forms against brute force and a convex solver, geometry, certificates by hand."""

import dataclasses
import itertools
import math
from fractions import Fraction
from itertools import pairwise

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given, settings

from nctheory import Features, InputError, separation, spectrum, strategies

SIZES = [(1, 2), (3, 3, 3), (1, 2, 4), (2, 2, 5), (1, 1, 1, 9), (1, 2, 3, 4), (4, 1, 4, 1, 4), (2, 3, 5, 7, 11)]


def matrix(sizes, bias):
    sizes = np.array(sizes, dtype=float)
    if bias:
        return np.diag(sizes) - np.outer(sizes, sizes) / sizes.sum()
    projection = np.eye(len(sizes)) - 1 / len(sizes)
    return projection @ np.diag(sizes) @ projection


def brute_force(sizes, bias=False):
    return np.sqrt(np.linalg.eigvalsh(matrix(sizes, bias))[1:]).sum()


def collapsed(sizes, *, bias=False, dimension=None):
    """The optimum's configuration as N samples."""
    best = separation.optimum(sizes, dimension, bias=bias).configuration
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return Features(best.class_means[labels], labels, best.weights, best.bias)


def changed(points, *, features=None, weights=None, bias=None):
    return Features(
        points.features if features is None else features,
        points.labels,
        points.weights if weights is None else weights,
        points.bias if bias is None else bias,
    )


# ------------------------------------------------------------------------------------------------------ closed forms


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("sizes", SIZES)
def test_the_value_is_that_of_the_eigenvalues(sizes, bias):
    result = separation.optimum(sizes, bias=bias)
    assert result.value == pytest.approx(brute_force(sizes, bias), rel=1e-12)
    assert result.lower <= result.upper <= result.lower * (1 + Fraction(1, 10**12))
    if len(set(sizes)) > 1:
        assert result.value != pytest.approx(brute_force(sizes, not bias), rel=1e-3)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("seed", range(30))
def test_the_value_is_that_of_the_nuclear_norm_problem(seed, bias):
    """Written anew over all N samples: nothing is known of collapse or of simplex-encoded labels."""
    import cvxpy

    sizes = np.random.default_rng(seed).integers(1, 9, size=2 + seed % 4)
    sizes[0] += sizes.max() == sizes.min()  # so that none is balanced
    labels = np.repeat(np.arange(len(sizes)), sizes)
    logits, shifts = cvxpy.Variable((len(sizes), len(labels))), cvxpy.Variable(len(sizes))
    constraints = [] if bias else [shifts == 0]
    for i, y in enumerate(labels):
        others = np.delete(np.arange(len(sizes)), y)
        constraints.append(logits[y, i] + shifts[y] - logits[others, i] - shifts[others] >= 1)
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.normNuc(logits)), constraints)
    value = problem.solve(solver="CLARABEL")
    assert separation.optimum(sizes, bias=bias).value == pytest.approx(value, rel=1e-6)
    if not bias:
        assert np.allclose(
            logits.value - logits.value.mean(axis=0), separation.simplex_encoded_labels(labels).T, atol=1e-3
        )


def exact(sizes, **options):
    return separation.optimum(sizes, **options).exact


def test_radicals():
    sqrt, rational = sympy.sqrt, sympy.Rational
    assert exact([7] * 5) == exact([7] * 5, bias=True) == 4 * sqrt(7)
    assert exact([2, 7]) == sqrt(rational(9, 2))
    assert exact([2, 7], bias=True) == sqrt(rational(28, 9))
    third = 2 * sympy.Rational(8, 3) + 2 * sqrt(rational(19, 3))  # s1 = 8, s2 = 19
    assert sympy.simplify(exact([1, 3, 4][::-1]) ** 2 - third) == 0
    assert exact([1, 2, 3, 4]) is None


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("sizes", [(1, 2), (1, 2, 4), (2, 2, 5, 5), (1, 3, 3, 8, 8, 8)])
def test_the_exact_number_lies_in_the_bracket(sizes, bias):
    result = separation.optimum(sizes, bias=bias, relative_width=1e-40)
    value = Fraction(str(result.exact.evalf(70)))
    assert result.lower * (1 - Fraction(1, 10**60)) <= value <= result.upper * (1 + Fraction(1, 10**60))
    assert 0 < result.upper - result.lower <= result.lower * Fraction(1, 10**40)
    assert not result.lower <= value + Fraction(1, 10**30) <= result.upper


@settings(max_examples=40)
@given(strategies.class_sizes(max_ratio=9))
def test_the_formula_of_two_sizes_has_swapped_weights(drawn):
    a, b = int(drawn.min()), int(drawn.min()) + 3
    count = len(drawn)
    majority = count // 2
    sizes = [a] * (count - majority) + [b] * majority
    repeated = (count - majority - 1) * math.sqrt(a) + (majority - 1) * math.sqrt(b)
    swapped = repeated + math.sqrt(((count - majority) * b + majority * a) / count)
    assert separation.optimum(sizes).value == pytest.approx(swapped, rel=1e-12)


def test_the_formula_with_the_weights_not_swapped_is_false():
    """(K_A n_A + K_B n_B) / K, with one class of 100 and two of 1."""
    result = separation.optimum([1, 1, 100])
    assert result.value == pytest.approx(1 + math.sqrt((2 * 100 + 1 * 1) / 3), rel=1e-12)
    assert result.lower > 2 + (1 + math.sqrt((2 * 1 + 1 * 100) / 3))


def test_balanced_squares_close_the_bracket():
    result = separation.optimum([9] * 4)
    assert result.lower == result.upper == result.exact == 9
    assert (result.status, result.gap) == ("optimal", 0)
    assert separation.optimum([8] * 4).status == "near_optimal"


@pytest.mark.parametrize(
    ("sizes", "bias", "value"),
    [
        ([1, 7], False, 2),
        ([18, 24, 54], True, Fraction(21, 2)),
        ([2, 2, 2, 8, 8, 8], False, None),
        ([4, 4, 9], True, None),
    ],
)
def test_a_rational_optimum_closes_the_bracket(sizes, bias, value):
    """For 18, 24, 54 with a bias: eigenvalues 81/4 and 36, checked on the characteristic polynomial."""
    result = separation.optimum(sizes, bias=bias)
    assert (result.lower == result.upper) == (value is not None)
    assert result.value == pytest.approx(brute_force(sizes, bias), rel=1e-12)
    if value is not None:
        assert (result.lower, result.exact, result.status, result.gap) == (value, value, "optimal", 0)


def test_sizes_of_any_type_are_taken_if_they_are_whole():
    kinds = (
        [500.0, 50.0],
        np.array([500, 50], dtype=np.uint64),
        (Fraction(500), sympy.Integer(50)),
        np.float32([500, 50]),
    )
    for sizes in kinds:
        assert separation.optimum(sizes).details.class_sizes.tolist() == [500, 50]


def test_an_empty_class_as_a_limit():
    """(1, 1, 0) gives 1 + 1/sqrt(3): sizes (t, t, 1) over sqrt(t)."""
    size = 10**12
    assert separation.optimum([size, size, 1]).value / 10**6 == pytest.approx(1 + 1 / math.sqrt(3), rel=1e-9)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("sizes", [(2**60, 2**60 + 1, 5), (1, 10**15, 10**15 + 1), (10**17,) * 3 + (1,)])
def test_huge_sizes(sizes, bias):
    """Newton's method in integers, from the ends that float signs certified, agrees with them."""
    floats, integers = (separation.optimum(sizes, bias=bias, relative_width=width) for width in (1e-12, 1e-30))
    assert floats.lower <= integers.upper
    assert integers.lower <= floats.upper
    assert integers.gap <= Fraction(1, 10**30) < floats.gap < Fraction(1, 10**12)
    assert separation.optimum(sizes, bias=bias, relative_width=1e-17).gap <= 1e-17


@pytest.mark.parametrize("bias", [False, True])
def test_many_classes(bias):
    sizes = np.random.default_rng(0).integers(1, 10**6, 1500)
    result = separation.optimum(sizes, bias=bias)
    assert result.gap < 1e-12
    roots = np.sqrt(np.linalg.eigvalsh(matrix(sizes[:200], bias))[1:]).sum()
    assert separation.optimum(sizes[:200], bias=bias).value == pytest.approx(roots, rel=1e-10)
    assert separation.optimum(sizes[::-1], bias=bias).lower == result.lower


def secular(found, x):
    sizes, weights = found.integers()
    return sum(Fraction(w) / (x - a) for w, a in zip(weights, sizes, strict=True))


GRADED = [1, 2, 2, 5, 90, 91, 10**6]


@pytest.mark.parametrize("bias", [False, True])
def test_the_ends_of_each_root_have_the_right_signs(bias):
    """By Fractions; the root itself is not on either end, so a bracket on one side would be seen."""
    found = spectrum.class_spectrum(GRADED, bias=bias)
    for size, low, high in zip(found.sizes[found.anchors].tolist(), found.low, found.high, strict=True):
        assert secular(found, size + Fraction(low)) > 0 > secular(found, size + Fraction(high))
        assert Fraction(high) - Fraction(low) < abs(Fraction(low)) * Fraction(1, 10**12)


@pytest.mark.parametrize("factor", [0.9, 0.999, 1 + 1e-9])
def test_a_root_that_is_off_is_enclosed_all_the_same(factor):
    """The signs decide, not the guess: with wrong offsets and steps much too small the ends move out."""
    found = spectrum.class_spectrum(GRADED)
    wrong, left = found.offsets * factor, found.offsets > 0
    signs = spectrum._Secular(found.sizes, found.counts.astype(float))
    low, high = (signs._certain(found.anchors, left, wrong, np.full(5, 1e-13), side) for side in (-1, 1))
    assert (low < found.low + 1e-12).all()
    assert (high > found.high - 1e-12).all()
    for size, end in zip(found.sizes[found.anchors].tolist(), low, strict=True):
        assert end == 0 or secular(found, size + Fraction(end)) > 0


def test_refined_ends_have_the_right_signs():
    found = spectrum.class_spectrum(GRADED, bias=True)
    for ends in found._scaled_roots(200):
        low, high = (Fraction(end, 2**200) for end in spectrum._refined(*found.integers(), ends, 200))
        assert secular(found, low) > 0 > secular(found, high)
        assert high - low < Fraction(1, 2**185)


@pytest.mark.parametrize("shift", [60, 150, 400])
def test_a_root_is_found_from_the_whole_interval_between_its_sizes(shift):
    """Nothing is known but the poles, from which Newton's steps start in the wrong place or leave the interval."""
    generator = np.random.default_rng(shift)
    for _ in range(30):
        sizes = sorted({int(10 ** generator.uniform(0, 8)) for _ in range(5)} | {10**9})
        weights = [int(10 ** generator.uniform(0, 6)) for _ in sizes]
        for left, right in pairwise(sizes):
            low, high = spectrum._refined(sizes, weights, (left << shift, right << shift), shift)
            at_low, at_high = (
                sum(Fraction(w) / (Fraction(end, 2**shift) - a) for w, a in zip(weights, sizes, strict=True))
                for end in (low, high)
                if end not in (left << shift, right << shift)
            )
            assert at_low > 0 > at_high
            assert high - low < 2**64


def test_enclosures_stay_between_their_sizes():
    found = spectrum.class_spectrum([1, 2, 2**60, 2**60 + 1])
    wide = dataclasses.replace(found, low=found.low - 2.0**61, high=found.high + 2.0**61)
    ends = [(low >> 9, high >> 9) for low, high in wide._scaled_roots(9)]
    assert ends == [(1, 2), (2, 2**60), (2**60, 2**60 + 1)]
    assert wide.value(Fraction(1, 10**20))[0] == pytest.approx(found.value(Fraction(1, 10**20))[0], rel=1e-15)


# ---------------------------------------------------------------------------------------------------------- geometry


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("sizes", SIZES)
def test_the_configuration_attains_the_optimum(sizes, bias):
    result, points = separation.optimum(sizes, bias=bias), collapsed(sizes, bias=bias)
    assert np.allclose(separation.margins(points), 1, atol=1e-13)
    for part in (points.weights, points.features):
        assert (part**2).sum() == pytest.approx(result.value, rel=1e-12)
    if not bias:
        assert np.allclose(points.features @ points.weights.T, separation.simplex_encoded_labels(points.labels))
    best, geometry = result.configuration, result.details
    assert np.allclose(best.weights @ best.weights.T, geometry.weights_gram)
    assert np.allclose(best.gram, geometry.class_means_gram)
    assert np.allclose(best.norms, geometry.class_means_norms)
    assert np.allclose(best.cosines, geometry.class_means_cosines)
    assert np.allclose(geometry.weights_gram @ geometry.weights_gram, matrix(sizes, bias), atol=1e-12)


FAR = [(1, 10**15, 10**15), (10**15, 1), (1, 2, 10**10), (1, 10**6, 10**12), (1, 1, 10**14), (10**8, 10**8 + 1, 3)]


def power_in_many_digits(sizes, bias, exponent):
    size, total = len(sizes), sum(sizes)
    spread = mpmath.matrix(size)
    for i, j in itertools.product(range(size), repeat=2):
        if bias:
            spread[i, j] = (sizes[i] if i == j else 0) - mpmath.mpf(sizes[i] * sizes[j]) / total
        else:
            spread[i, j] = (sizes[i] if i == j else 0) - mpmath.mpf(sizes[i] + sizes[j]) / size
            spread[i, j] += mpmath.mpf(total) / size**2
    values, vectors = mpmath.eigsy(spread)
    kept = [r for r in range(size) if values[r] > 1e-20]
    return sum((values[r] ** exponent * vectors[:, r] * vectors[:, r].T for r in kept), mpmath.zeros(size))


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("sizes", FAR)
def test_geometry_is_accurate_in_every_entry(sizes, bias):
    """A large class lies close to the sample mean, a small one has a short class mean: differences lose all digits."""
    with mpmath.workdps(60):
        result = separation.optimum(sizes, bias=bias)
        half = mpmath.mpf(1) / 2
        weights = power_in_many_digits(sizes, bias, half)
        means = power_in_many_digits(sizes, bias, 3 * half if bias else -half)
        for i, j in itertools.product(range(len(sizes)), repeat=2):
            expected = float(means[i, j] / (sizes[i] * sizes[j] if bias else 1))
            assert result.details.class_means_gram[i, j] == pytest.approx(expected, rel=1e-14, abs=0)
            assert result.configuration.gram[i, j] == pytest.approx(expected, rel=1e-14, abs=0)
            assert result.details.weights_gram[i, j] == pytest.approx(float(weights[i, j]), rel=1e-14, abs=0)


def test_free_dimensions_stay_empty():
    best = separation.optimum([1, 2, 3], 5).configuration
    assert best.dimension == 5
    assert separation.certify(collapsed([1, 2, 3], dimension=5)).status == "near_optimal"


@pytest.mark.parametrize("count", [4, 10])
@pytest.mark.parametrize("ratio", [1, 7, 10, 100])
def test_the_published_tables_for_half_the_classes_minority(count, ratio):
    geometry = separation.optimum([1] * (count // 2) + [ratio] * (count // 2)).details
    a, root = math.sqrt((ratio + 1) / 2), math.sqrt(ratio)
    cosines, norms = geometry.weights_cosines, geometry.weights_norms
    assert cosines[0, 1] == pytest.approx((a - 2) / (a + count - 2), abs=1e-12)
    assert cosines[-1, -2] == pytest.approx((a - 2 * root) / (a + (count - 2) * root), abs=1e-12)
    assert (norms[-1] / norms[0]) ** 2 == pytest.approx(((count - 2) * root + a) / (count - 2 + a))
    assert (abs(cosines[0, 1]) < 1e-12) == (ratio == 7)


def test_balanced_geometry_is_a_simplex():
    geometry = separation.optimum([4] * 5).details
    projection = np.eye(5) - 1 / 5
    assert np.allclose(geometry.weights_gram, 2 * projection)
    assert np.allclose(geometry.class_means_gram, projection / 2)


def positive_entries(gram):
    return int((gram[~np.eye(len(gram), dtype=bool)] >= 0).sum())


@settings(max_examples=60)
@given(strategies.class_sizes())
def test_multipliers_are_positive_for_every_imbalance(sizes):
    """The pseudoinverse's root M has negative off-diagonal entries, and with a free bias so has A^(1/2)."""
    assert positive_entries(separation.optimum(sizes).details.class_means_gram) == 0
    assert positive_entries(separation.optimum(sizes, bias=True).details.weights_gram) == 0


def test_the_sign_check_sees_a_wrong_root():
    """Without bias (P D P)^(1/2) itself has positive entries: minority cosines, from the ratio 7 on."""
    assert positive_entries(separation.optimum([1, 1, 100, 100]).details.weights_gram) > 0


# --------------------------------------------------------------------------------------------------- few dimensions


def test_three_classes_on_a_line():
    result = separation.optimum([1, 1, 1], 1)
    assert (result.lower, result.upper, result.status) == (math.inf, math.inf, "infeasible")
    assert result.configuration is None
    assert result.gap == 1
    with_bias = separation.optimum([1, 1, 1], 1, bias=True)
    assert with_bias.status == "undecided"
    assert with_bias.value < math.inf
    assert separation.optimum([2, 5], 1).status == "near_optimal"


@pytest.mark.parametrize(
    ("count", "dimension", "value"),
    [(5, 2, 5 / (1 - math.cos(2 * math.pi / 5))), (6, 3, 6), (7, 5, 6 + math.sqrt(4 / 7)), (4, 2, 4)],
)
def test_constructions_in_few_dimensions(count, dimension, value):
    result = separation.optimum([4] * count, dimension)
    assert result.status == "undecided"
    assert result.lower == 2 * (count - 1)
    assert float(result.upper) == pytest.approx(2 * value, rel=1e-12)
    points = collapsed([4] * count, dimension=dimension)
    assert separation.margins(points).min() == pytest.approx(1)
    assert (points.weights**2).sum() == pytest.approx(2 * value)


def test_an_upper_end_for_more_classes_than_are_searched():
    result = separation.optimum([1] * 301, 3)
    assert result.lower == 300 < result.upper < math.inf
    assert result.configuration.dimension == 3
    beyond = separation.optimum([1] * 1001, 3)
    assert (beyond.upper, beyond.gap, beyond.status) == (math.inf, 1, "undecided")
    assert "no construction was tried" in beyond.reason


def test_a_bracket_in_three_of_seven_dimensions():
    result = separation.optimum([1] * 7, 3)
    assert 6 == result.lower < 8.840447 < result.upper < 9
    assert result.configuration.dimension == 3


def test_with_bias_no_more_is_needed_in_few_dimensions():
    sizes = [9, 1, 2, 3, 4]
    free, none = (separation.optimum(sizes, 3, bias=bias) for bias in (True, False))
    assert free.lower < none.lower
    assert free.upper < none.upper
    assert separation.certify(collapsed(sizes, bias=True, dimension=3)).status == "undecided"


# ------------------------------------------------------------------------------------------------------------ certify


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("sizes", SIZES)
def test_the_optimum_is_certified_and_a_perturbation_is_improved(sizes, bias):
    points = collapsed(sizes, bias=bias)
    best = separation.certify(points)
    assert best.status == "near_optimal"
    assert 1 - 1e-13 < best.lower <= best.upper <= 1
    noise = np.random.default_rng(0).standard_normal(points.features.shape)
    worse = separation.certify(changed(points, features=points.features + 0.01 * noise))
    assert worse.status == "improvable"
    assert worse.upper < 1 - Fraction(1, 1000)
    assert worse.configuration is worse.details.better is not None


@settings(max_examples=30)
@given(strategies.rotations(dimension=3))
def test_rotation_and_scaling_change_nothing(rotation):
    points = collapsed([1, 2, 2, 6])
    uneven = changed(points, features=points.features * np.linspace(1, 2, 11)[:, None])
    before = separation.certify(uneven)
    turned = changed(uneven, features=uneven.features @ rotation, weights=uneven.weights @ rotation)
    assert float(separation.certify(turned).lower) == pytest.approx(float(before.lower), rel=1e-12)
    scaled = separation.certify(changed(uneven, features=uneven.features / 8, weights=uneven.weights * 8))
    assert (scaled.lower, scaled.upper) == (before.lower, before.upper)
    assert separation.certify(changed(uneven, weights=uneven.weights @ np.diag([1, 1, 2]))).lower != before.lower


def test_common_scaling_with_a_bias():
    points = collapsed([1, 3, 9], bias=True)
    before = separation.certify(points)
    scaled = changed(points, features=4 * points.features, weights=2 * points.weights, bias=8 * points.bias)
    assert separation.certify(scaled).lower == before.lower
    assert separation.certify(changed(scaled, bias=points.bias)).lower < before.lower


def test_zero_and_negative_margins():
    tie = Features([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [0, 1, 1], np.eye(2))
    result = separation.certify(tie)
    assert (result.status, result.lower, result.upper, result.gap) == ("infeasible", 0, 0, 1)
    assert "sample 2 of class 1 is not separated from class 0: a tie" in result.reason
    wrong = separation.certify(changed(tie, features=[[1, 0], [0, 1], [3, 1]]))
    assert "sample 2 of class 1 is not separated from class 0: margin -2" in wrong.reason
    assert separation.certify(changed(tie, features=[[1, 0], [0, 1], [0.5, 1]])).status == "improvable"


def test_an_exactly_optimal_point_needs_no_tolerance():
    line = Features([[1.0], [-1.0]], [0, 1], [[0.5], [-0.5]])
    result = separation.certify(line, tolerance=0)
    assert (result.status, result.lower, result.upper) == ("optimal", 1, 1)
    # the radical sqrt(10) is not rational: floats come near, and the verdict without tolerance stays open
    assert separation.certify(collapsed([5, 5, 5]), tolerance=0).status in ("undecided", "improvable")
    # one sample at 2: |W||H| / m = sqrt(1/2 * 5) against 1
    assert separation.certify(changed(line, features=[[1.0], [-2.0]])).value == pytest.approx(1 / math.sqrt(2.5))


def test_the_bias_asked_for():
    points = collapsed([1, 2, 9])
    assert separation.certify(points).status == "near_optimal"
    assert separation.certify(points, bias=True).status == "improvable"
    with pytest.raises(InputError, match="bias is False, and the bias of features is not 0"):
        separation.certify(collapsed([1, 2, 9], bias=True), bias=False)


def test_single_precision_is_taken_as_it_is():
    points = collapsed([2, 2, 3])
    single = changed(points, features=points.features.astype(np.float32))
    result = separation.certify(single)
    assert single.features.dtype == np.float32
    assert 1e-16 < result.gap < 1e-6


# -------------------------------------------------------------------------------------------------------------- input


@pytest.mark.parametrize(
    ("sizes", "dimension", "message"),
    [
        ([1, 0, 2], None, r"class_sizes\[1\] is 0"),
        ([1, -3], None, r"class_sizes\[1\] is -3"),
        ([1, 2.5], None, r"class_sizes\[1\] is 2.5"),
        ([4], None, r"class_sizes is \[4\], expected at least two classes"),
        ([], None, r"class_sizes is \[\], expected at least two classes"),
        ([True, True], None, r"class_sizes\[0\] is True"),
        ([3, math.nan], None, r"class_sizes\[1\] is nan"),
        (["a", "b"], None, r"class_sizes\[0\] is 'a'"),
        ([[1, 2]], None, "class_sizes has shape"),
        ([1, 2, 3], 0, "dimension is 0"),
        ([1, 2, 3], 1.0, "dimension is 1.0"),
        ([2**61, 2**61], None, "class_sizes add up to 4611686018427387904"),
    ],
)
def test_bad_sizes(sizes, dimension, message):
    with pytest.raises(InputError, match=message):
        separation.optimum(sizes, dimension)


@pytest.mark.parametrize("width", [0, 1, -1e-3, math.nan])
def test_bad_widths(width):
    with pytest.raises(InputError, match="relative_width is"):
        separation.optimum([1, 2], relative_width=width)
