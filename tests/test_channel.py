import math
import time
from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import nctheory
from nctheory import Configuration, InputError, channel, kernel
from nctheory.channel import optimality as optimality_module
from nctheory.channel import pairs as pairs_module
from tests import reference

small = st.integers(-6, 6).map(lambda n: n / 4)
wild = st.floats(allow_nan=False, allow_infinity=False)
sizes = st.tuples(st.integers(1, 6), st.integers(1, 4))
relaxed = settings(deadline=None, max_examples=60)


@st.composite
def linear(draw, elements=small, least=1):
    shape = draw(st.tuples(st.integers(least, 6), st.integers(1, 4)))
    means, weights = (draw(arrays(np.float64, shape, elements=elements)) for _ in range(2))
    return Configuration(means, weights, draw(arrays(np.float64, shape[0], elements=elements)))


def brute_force(configuration):
    if configuration.decoder == "nearest_mean":
        return reference.exponent(configuration.class_means.tolist())
    parts = (configuration.class_means, configuration.weights, configuration.bias)
    return reference.exponent(*(part.tolist() for part in parts))


def agrees_with_brute_force(configuration):
    value, attaining = brute_force(configuration)
    result = channel.exponent(configuration)
    assert result.lower == result.upper == value
    assert {tuple(pair) for pair in result.details.pairs.tolist()} == (attaining if value < math.inf else set())


# ---------------------------------------------------------------------------------------------- exponent = definition


@given(linear())
@relaxed
def test_exponent_of_small_numbers_is_the_definition(configuration):
    agrees_with_brute_force(configuration)


@given(linear(elements=wild))
@relaxed
def test_exponent_of_any_floats_is_the_definition(configuration):
    agrees_with_brute_force(configuration)


@given(arrays(np.float64, sizes, elements=st.one_of(small, wild)))
@relaxed
def test_exponent_of_bare_class_means_is_the_definition(means):
    agrees_with_brute_force(Configuration(means))


@given(st.integers(2, 9), st.integers(0, 3), st.integers(0, 2**32))
@relaxed
def test_exponent_near_a_simplex_is_the_definition(num_classes, extra, seed):
    """Every pair survives the float filter, and only exact integers tell them apart."""
    means = nctheory.simplex_etf(num_classes, num_classes - 1 + extra, seed=seed)
    agrees_with_brute_force(Configuration(means))
    agrees_with_brute_force(Configuration(means, means, -(means**2).sum(axis=1) / 2))


@given(st.lists(st.lists(st.fractions(-3, 3, max_denominator=7), min_size=2, max_size=2), min_size=2, max_size=4))
@relaxed
def test_exponent_of_fractions_is_the_definition(means):
    assert channel.exponent(means).lower == reference.exponent(means)[0]
    assert (
        channel.exponent(Configuration(means, means, [0] * len(means))).lower
        == reference.exponent(means, means, [0] * len(means))[0]
    )


def test_blocks_of_rows_agree_with_one_block(monkeypatch):
    configuration = nctheory.random_configuration(30, 7, seed=0)
    whole = channel.exponent(configuration)
    simplex = channel.exponent(nctheory.simplex_etf(30))
    monkeypatch.setattr(pairs_module, "_BLOCK", 64)
    assert channel.exponent(configuration).lower == whole.lower
    again = channel.exponent(nctheory.simplex_etf(30))
    assert again.lower == simplex.lower
    assert sorted(again.details.pairs.tolist()) == sorted(simplex.details.pairs.tolist())


def test_the_filter_bounds_hold_and_filter(monkeypatch):
    """lower <= e_ij <= upper up to the scale of the filter, and on random means few pairs survive."""
    means = np.random.default_rng(1).standard_normal((40, 20))
    configuration = Configuration(means, means, -(means**2).sum(axis=1) / 2)
    survivors = sum(len(pairs) for pairs, _ in pairs_module._surviving_pairs(configuration))
    assert survivors < 100 < 40 * 39
    monkeypatch.setattr(
        pairs_module._Bounds, "__call__", lambda self, rows: (np.full((40, 40), 9.0), np.ones((40, 40)))
    )
    assert not list(pairs_module._surviving_pairs(configuration)), "a filter with wrong bounds would lose the minimum"


# --------------------------------------------------------------------------------------------------- corner cases


def test_equal_weight_rows_give_zero_whatever_the_bias():
    for bias in ([0, 0, 0], [5, 0, 0], [0, 5, 0]):
        assert channel.exponent(Configuration([[1], [1], [-1]], [[1], [1], [-1]], bias)).lower == 0


def test_equal_weight_rows_are_infinite_in_one_direction_only():
    means, weights, bias = [[1], [2]], [[1], [1]], [1, 0]
    rows = reference.rational(means), reference.rational(weights)
    assert reference.pair_exponent(*rows, bias, 0, 1) == math.inf
    assert reference.pair_exponent(*rows, bias, 1, 0) == 0
    result = channel.exponent(Configuration(means, weights, bias))
    assert result.details.pairs.tolist() == [[1, 0]]


def test_zero_and_negative_margins_give_zero():
    assert channel.exponent(Configuration([[1], [0]], [[1], [-1]])).lower == 0
    assert channel.exponent(Configuration([[1], [1]], [[1], [-1]])).lower == 0


def test_duplicate_means_give_zero_for_nearest_mean():
    result = channel.exponent([[1, 2], [1, 2], [0, 0]])
    assert result.lower == 0
    assert result.details.pairs.tolist() == [[0, 1], [1, 0]]


def test_one_class_is_never_wrong():
    result = channel.exponent([[3, 4]])
    assert result.lower == result.upper == result.value == math.inf
    assert result.exact == sympy.oo
    assert len(result.details.pairs) == 0
    assert result.verify().claim["exponent"] is None


def test_ordered_pairs_matter():
    """The smallest exponent is that of (1, 0); over unordered pairs (0, 1) alone it would be larger."""
    result = channel.exponent(Configuration([[3], [-1]], [[1], [-1]]))
    assert (result.lower, result.details.pairs.tolist()) == (Fraction(1, 2), [[1, 0]])


def test_exact_rational_input_needs_no_float():
    third = sympy.Rational(1, 3)
    result = channel.exponent([[third, 0], [0, third]])
    assert result.lower == Fraction(1, 36)
    assert result.exact == sympy.Rational(1, 36)


def test_gram_and_coordinates_agree():
    points = [[2, 0], [1, 1], [-3, 2]]
    gram = np.array(points) @ np.array(points).T
    by_gram, by_points = channel.exponent(Configuration.from_gram(gram)), channel.exponent(points)
    assert by_gram.lower == by_points.lower
    assert by_gram.details.pairs.tolist() == by_points.details.pairs.tolist()


@pytest.mark.parametrize("scale", [1e-300, 5e-324, 1e300])
def test_extreme_scales(scale):
    result = channel.exponent(np.array([[scale, 0], [0, scale]]))
    assert result.lower == Fraction(scale) ** 2 / 4
    assert result.verify().claim["exponent"] == result.lower


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
def test_nearest_mean_is_an_optimal_linear_decoder_by_an_independent_solver():
    """max over (w, b) with m_ij >= 1 of min 1 / |a_ij|^2 is a convex program; its value is dist^2 / 4."""
    import cvxpy

    means = np.random.default_rng(3).standard_normal((4, 2))
    weights, bias = cvxpy.Variable((4, 2)), cvxpy.Variable(4)
    ratio = 0.0
    low, high = 0.0, 10.0
    for _ in range(25):
        ratio = (low + high) / 2
        constraints = []
        for i in range(4):
            for j in range(4):
                if i != j:
                    direction = weights[i] - weights[j]
                    margin = direction @ means[i] + bias[i] - bias[j]
                    constraints += [margin >= 1, ratio * cvxpy.norm(direction) <= margin]
        problem = cvxpy.Problem(cvxpy.Minimize(0), constraints)
        problem.solve(solver="CLARABEL")
        low, high = (ratio, high) if problem.status in ("optimal", "optimal_inaccurate") else (low, ratio)
    assert ratio**2 / 2 == pytest.approx(channel.exponent(means).value, rel=1e-5)


# ----------------------------------------------------------------------------------------------------- invariances


@given(linear(least=2), st.integers(-3, 3), st.data())
@relaxed
def test_invariance_under_translation_common_shift_and_scaling_of_the_decoder(configuration, power, data):
    shape = configuration.class_means.shape
    move, common = (data.draw(arrays(np.float64, shape[1], elements=small)) for _ in range(2))
    scale, constant = 2.0**power, data.draw(small)
    means, weights, bias = configuration.class_means, configuration.weights, configuration.bias
    value = channel.exponent(configuration).lower
    translated = Configuration(means - move, weights, bias + weights @ move)
    assert channel.exponent(translated).lower == value
    assert channel.exponent(Configuration(means, scale * weights + common, scale * bias + constant)).lower == value


@given(linear(least=2), st.randoms(use_true_random=False))
@relaxed
def test_relabelling_permutes_the_pairs(configuration, random):
    order = list(range(configuration.num_classes))
    random.shuffle(order)
    parts = (configuration.class_means, configuration.weights, configuration.bias)
    relabelled = channel.exponent(Configuration(*(part[order] for part in parts)))
    original = channel.exponent(configuration)
    assert relabelled.lower == original.lower
    named = {(order[i], order[j]) for i, j in relabelled.details.pairs.tolist()}
    assert named == {tuple(pair) for pair in original.details.pairs.tolist()}


@given(linear(least=2), st.integers(1, 40), st.integers(1, 40))
@relaxed
def test_invariance_under_exact_rotations(configuration, p, q):
    """Rational rotations ((p^2 - q^2), 2pq) / (p^2 + q^2) of the first two coordinates keep the exponent exactly."""
    assume(configuration.dimension >= 2)
    cosine, sine = Fraction(p * p - q * q, p * p + q * q), Fraction(2 * p * q, p * p + q * q)

    def rotated(rows):
        exact = reference.rational(rows.tolist())
        return [[cosine * x - sine * y, sine * x + cosine * y, *rest] for x, y, *rest in exact]

    turned = Configuration(rotated(configuration.class_means), rotated(configuration.weights), configuration.bias)
    assert channel.exponent(turned).lower == channel.exponent(configuration).lower


@given(linear(least=2))
@relaxed
def test_no_linear_decoder_beats_nearest_mean(configuration):
    assert channel.exponent(configuration).lower <= channel.exponent(configuration.nearest_mean()).lower


@given(linear(least=2), st.floats(0, 0.5), st.integers(0, 2**32))
@relaxed
def test_exponent_is_lipschitz_in_the_class_means(configuration, size, seed):
    """|sqrt(2 beta') - sqrt(2 beta)| <= max |delta mu| for a fixed decoder."""
    moved = configuration.class_means + size * np.random.default_rng(seed).uniform(
        -1, 1, configuration.class_means.shape
    )
    other = Configuration(moved, configuration.weights, configuration.bias)
    roots = [math.sqrt(2 * channel.exponent(points).value) for points in (configuration, other)]
    step = np.linalg.norm(moved - configuration.class_means, axis=1).max()
    assert abs(roots[0] - roots[1]) <= step + 1e-9


# ---------------------------------------------------------------------------------------------------------- optimum


@pytest.mark.parametrize(
    ("num_classes", "dimension", "energy", "value"),
    [
        (2, 1, "bounded", Fraction(1, 2)),
        (3, None, "average", Fraction(3, 8)),
        (10, 9, "bounded", Fraction(5, 18)),
        (10, 30, "equal", Fraction(5, 18)),
        (10_000, 9999, "bounded", Fraction(2500, 9999)),
        (5, 3, "bounded", Fraction(1, 4)),
        (6, 3, "equal", Fraction(1, 4)),
        (4, 1, "bounded", Fraction(1, 18)),
        (4, 1, "average", Fraction(1, 10)),
        (4, 1, "equal", Fraction(0)),
        (2, 1, "equal", Fraction(1, 2)),
    ],
)
def test_known_optima(num_classes, dimension, energy, value):
    result = channel.optimum(num_classes, dimension, energy=energy)
    assert (result.lower, result.upper, result.status, result.gap) == (value, value, "optimal", 0)
    verdict = result.verify()
    assert (verdict.claim["bound"], verdict.claim["attained"]) == (value, True)


@pytest.mark.parametrize("energy", ["bounded", "equal", "average"])
@pytest.mark.parametrize(("num_classes", "dimension"), [(2, 1), (3, 2), (5, 4), (5, 7), (5, 3), (6, 3), (5, 1), (4, 1)])
def test_the_attaining_configuration_attains(num_classes, dimension, energy):
    result = channel.optimum(num_classes, dimension, energy=energy)
    configuration = result.configuration
    assert (configuration.num_classes, configuration.dimension) == (num_classes, dimension)
    if result.status == "optimal" and result.value > 0:
        assert channel.certify(configuration, energy=energy).lower == 1
    norms = configuration.norms**2
    assert (norms.mean() if energy == "average" else norms.max()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("num_classes", "energy", "distance"),
    [(7, "bounded", 1), (8, "bounded", 0.8677674782), (7, "equal", 0.8677674782), (5, "equal", 1.1755705046)],
)
def test_ball_and_sphere_differ_in_the_plane(num_classes, energy, distance):
    """Known packings of the disk and the circle are found from random starts and are inside an honest bracket."""
    result = channel.optimum(num_classes, 2, energy=energy)
    assert result.status == "undecided"
    assert result.upper == Fraction(1, 4)
    assert float(result.lower) == pytest.approx(distance**2 / 8, rel=1e-6)
    assert result.verify().claim["attained"] is False


def test_rankin_is_not_used_under_average_energy():
    """Two points far out and two at the center beat Rankin's 1/4 nowhere, but the bound itself is the simplex bound."""
    result = channel.optimum(5, 3, energy="average")
    assert result.upper == Fraction(5, 16)
    assert result.status == "undecided"


def test_rankin_fails_under_average_energy():
    """A configuration of 5 points in dimension 3 of average energy 1 with an exponent above 1/4 is found."""
    assert channel.optimum(5, 3, energy="average").lower > Fraction(1, 4)


def test_one_class_optimum():
    assert channel.optimum(1).value == math.inf


def test_optimum_refuses_nonsense():
    with pytest.raises(InputError, match="energy is 'l2', expected one of 'bounded', 'equal', 'average'"):
        channel.optimum(3, 2, energy="l2")
    with pytest.raises(InputError, match="num_classes is 0"):
        channel.optimum(0)
    with pytest.raises(InputError, match="dimension is 0"):
        channel.optimum(3, 0)


# ---------------------------------------------------------------------------------------------------------- certify


@given(linear(least=2), st.sampled_from(["bounded", "average"]))
@relaxed
def test_certify_brackets_the_ratio_and_the_kernel_agrees(configuration, energy):
    result = channel.certify(configuration, energy=energy)
    squares = [reference.dot(row, row) for row in reference.rational(configuration.class_means.tolist())]
    total = max(squares) if energy == "bounded" else sum(squares, Fraction(0)) / len(squares)
    optimum = channel.optimum(configuration.num_classes, configuration.dimension, energy=energy)
    expected = brute_force(configuration)[0] / total / optimum.upper if total else 0
    assert result.lower == expected
    assert result.lower <= result.upper <= 1
    assert result.gap == 1 - result.lower
    verdict = result.verify()
    assert (verdict.claim["lower"], verdict.claim["upper"]) == (result.lower, result.upper)


@given(linear(least=2), st.sampled_from(["bounded", "average"]))
@relaxed
def test_improvable_means_that_the_kernel_agrees(configuration, energy):
    result = channel.certify(configuration, energy=energy)
    if result.status == "improvable":
        verdict = result.details.improvement.verify()
        assert verdict.claim["ratio"] < 1
        assert channel.certify(result.configuration, energy=energy).lower > result.lower
    else:
        assert result.details.better is None
        assert result.details.improvement is None


@given(linear(least=2), st.sampled_from(["bounded", "average"]))
@relaxed
def test_the_shares_add_up_to_the_gap(configuration, energy):
    details = channel.certify(configuration, energy=energy).details
    shares, num_classes = details.shares, configuration.num_classes
    simplex = Fraction(num_classes, 4 * (num_classes - 1))
    assert shares.total == details.energy * simplex - details.exponent.lower
    assert min(shares.decoder, shares.off_center, shares.uneven_distances) >= 0
    if energy == "bounded":
        assert min(shares.short_classes) >= 0
    else:
        assert sum(shares.short_classes) == 0


@given(linear(least=2), st.integers(-5, 5))
@relaxed
def test_the_ratio_does_not_change_with_scale(configuration, power):
    scale = 2.0**power
    parts = (scale * configuration.class_means, configuration.weights, scale * configuration.bias)
    assert channel.certify(Configuration(*parts)).lower == channel.certify(configuration).lower


def test_the_optimum_is_optimal_and_its_neighbors_are_not():
    exact = channel.certify(nctheory.exact_simplex_etf(5))
    assert (exact.status, exact.lower, exact.upper, exact.gap) == ("optimal", 1, 1, 0)
    rounded = channel.certify(nctheory.simplex_etf(5))
    assert rounded.status == "near_optimal"
    assert 0 < rounded.gap < Fraction(1, 10**15)
    moved = np.array(nctheory.simplex_etf(5))
    moved[0] *= 0.99
    assert channel.certify(moved).status == "improvable"


def test_zero_tolerance_finds_the_exact_simplex():
    result = channel.certify(nctheory.simplex_etf(5), tolerance=0)
    assert result.status == "improvable"
    assert channel.certify(result.configuration, tolerance=0).status in ("optimal", "improvable")
    assert result.details.improvement.verify().claim["ratio"] < 1


def test_the_better_configuration_is_the_nearest_simplex():
    """Orthogonal Procrustes: no other rotation of the simplex is nearer, by random search."""
    means = np.array(nctheory.simplex_etf(4, 5, seed=0)) + 0.1 * np.random.default_rng(0).standard_normal((4, 5))
    better = channel.certify(means).configuration.class_means
    centered = means - means.mean(axis=0)
    size = np.linalg.norm(better[0])
    nearest = np.linalg.norm(better - centered)
    for seed in range(300):
        assert np.linalg.norm(size * nctheory.simplex_etf(4, 5, seed=seed) - centered) > nearest
    assert channel.certify(better).status == "near_optimal"


def test_rankin_range_is_improved_to_an_orthoplex():
    result = channel.certify(np.random.default_rng(0).standard_normal((5, 3)))
    assert result.status == "improvable"
    assert channel.certify(result.configuration).status == "optimal"
    assert channel.certify(nctheory.orthoplex(5, 3), energy="equal").status == "optimal"


def test_beyond_the_known_optima_a_local_improvement_is_found():
    polygon = np.exp(2j * np.pi * np.arange(7) / 7)
    means = np.stack([polygon.real, polygon.imag], axis=1)
    result = channel.certify(means)
    assert result.status == "improvable"
    assert result.upper == 1
    assert channel.certify(result.configuration).lower == pytest.approx(0.5, rel=1e-6)


def test_the_best_known_packing_is_undecided():
    best = channel.optimum(7, 2).configuration
    result = channel.certify(best)
    assert result.status in ("undecided", "improvable")
    if result.status == "improvable":
        assert channel.certify(result.configuration).lower - result.lower < 1e-9


def test_a_wrong_decoder_is_what_is_to_be_improved():
    means = nctheory.simplex_etf(4)
    result = channel.certify(Configuration(means, means + np.diag([0.3, 0, 0, 0])[:, :3]))
    assert result.status == "improvable"
    assert result.details.largest_part()[0] == "decoder"


@pytest.mark.parametrize(
    ("means", "energy", "share"),
    [
        (nctheory.simplex_etf(4) + np.array([0.5, 0, 0]), "average", "off_center"),
        ([[1], [-0.5]], "bounded", "short_classes"),
        ([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]], "bounded", "uneven_distances"),
    ],
)
def test_the_largest_share_names_what_is_wrong(means, energy, share):
    assert channel.certify(means, energy=energy).details.largest_part()[0] == share


def test_equal_energy_asks_for_equal_norms():
    means = np.array(nctheory.simplex_etf(4))
    assert channel.certify(means, energy="equal").status == "near_optimal"
    means[2] *= 0.9
    result = channel.certify(means, energy="equal")
    assert result.status == "infeasible"
    assert "class 2 is by 0.19 of it below that of class" in result.reason
    assert result.verify().claim["norm_ratio"] < Fraction(82, 100)


def test_equal_energy_beyond_rankin_has_no_upper_end_unless_norms_agree_exactly():
    polygon = np.exp(2j * np.pi * np.arange(7) / 7)
    floats = channel.certify(np.stack([polygon.real, polygon.imag], axis=1), energy="equal")
    assert floats.upper == math.inf
    assert floats.verify().claim["upper"] is None
    exact = channel.certify([[1, 0], [0, 1], [-1, 0], [0, -1], [Fraction(3, 5), Fraction(4, 5)]], energy="equal")
    assert exact.upper == 1
    assert exact.verify().claim["upper"] == 1


def test_coinciding_means_are_improvable_even_at_the_origin():
    result = channel.certify(np.zeros((3, 2)))
    assert (result.status, result.lower) == ("improvable", 0)
    assert result.details.improvement.verify().claim["ratio"] == 0


def test_gram_configurations_are_certified_too():
    orthogonal = Configuration.from_gram(np.eye(4, dtype=int))
    result = channel.certify(orthogonal)
    assert (result.status, result.lower) == ("improvable", Fraction(3, 4))
    assert result.verify().claim["lower"] == Fraction(3, 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: channel.certify([[1, 0]]), "one class has nothing to be confused with"),
        (lambda: channel.certify([[1], [-1], [1]], energy="equal"), "the optimum is 0"),
        (lambda: channel.certify([[1], [-1]], tolerance=-1), "tolerance is -1"),
        (lambda: channel.certify([[1], [-1]], tolerance=math.nan), "tolerance is nan"),
        (lambda: channel.certify([[1], [-1]], energy="max"), "energy is 'max'"),
        (lambda: channel.exponent(nctheory.Features([[1.0]], [0])), r"use features\.configuration"),
    ],
)
def test_certify_refuses_nonsense(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_a_wrong_exponent_does_not_pass_the_kernel():
    certificate = channel.exponent([[1, 0], [0, 1]]).certificate
    wrong = nctheory.Certificate({**certificate.claim, "exponent": Fraction(1, 3)}, {})
    with pytest.raises(kernel.Invalid, match="the exponent is 1/4, not 1/3"):
        wrong.verify()


def test_the_lower_end_under_equal_energy_holds_for_the_scaled_means():
    """The rigorous lower end is below (1 - max cos) / 4 in 60 digits, and close to it."""
    import mpmath

    for seed in range(5):
        means = np.random.default_rng(seed).standard_normal((6, 3))
        means /= np.linalg.norm(means, axis=1, keepdims=True)
        means *= 1 + 1e-9 * np.random.default_rng(seed).standard_normal((6, 1))
        point = optimality_module._measured(Configuration(means), "equal")
        with mpmath.workdps(60):
            rows = [[mpmath.mpf(float(x)) for x in row] for row in means]
            unit = [[x / mpmath.sqrt(mpmath.fsum(y * y for y in row)) for x in row] for row in rows]
            cosines = [mpmath.fdot(unit[i], unit[j]) for i in range(6) for j in range(i)]
            truth = (1 - max(cosines)) / 4
            lower = optimality_module._feasible_exponent(point)
            lower = mpmath.mpf(lower.numerator) / lower.denominator
        assert truth * (1 - 1e-7) <= lower <= truth


def test_the_polygon_is_found_on_the_circle():
    result = channel.optimum(100, 2, energy="equal")
    assert result.value > 0
    assert float(result.lower) == pytest.approx(math.sin(math.pi / 100) ** 2 / 2, rel=1e-9)


def test_the_closest_pairs_are_named_once():
    square = channel.certify([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]])
    assert square.details.closest.tolist() == [[0, 1], [0, 3], [1, 2], [2, 3]]


@pytest.mark.parametrize(
    ("means", "weights", "bias"),
    [
        ([[1, 0], [-1, 0], [0, 1]], [[1e-170, 0], [-1e-170, 0], [0, 1]], [0, 0, -1e-9]),
        ([[1e-30, 0], [-1e-30, 0], [0, 1]], [[1e-140, 0], [-1e-140, 0], [0, 1]], [0, 0, -1e-40]),
        (
            [[6.349469009346035e-17, 0], [-6.349469009346035e-17, 0], [0, 1]],
            [[5e-146, 0], [-5e-146, 0], [0, 1]],
            [0, 0, -7.239508526884918e-17],
        ),
    ],
)
def test_the_filter_survives_underflow_of_its_squares(means, weights, bias):
    agrees_with_brute_force(Configuration(means, weights, bias))


scales = st.integers(-1070, 1000).map(lambda power: 2.0**power)


@given(linear(), scales, scales, scales, st.integers(0, 5))
@settings(deadline=None, max_examples=200)
def test_exponent_with_rows_of_very_different_scale_is_the_definition(configuration, a, b, c, row):
    parts = [np.array(part) for part in (configuration.class_means, configuration.weights, configuration.bias)]
    with np.errstate(over="ignore"):
        for part, scale in zip(parts, (a, b, c), strict=True):
            part[row % len(part)] *= scale
    assume(all(np.isfinite(part).all() for part in parts))
    agrees_with_brute_force(Configuration(*parts))


def test_proved_zeros_need_no_exact_arithmetic():
    configuration = nctheory.random_configuration(30, 5, seed=0)
    proved = sum(int(is_zero.sum()) for _, is_zero in pairs_module._surviving_pairs(configuration))
    assert proved > 100
    agrees_with_brute_force(configuration)


def test_large_integers_are_not_rounded():
    assert channel.exponent([[2**63, -1], [2**63 + 1, -1]]).lower == Fraction(1, 8)


def test_the_largest_floats_are_certified():
    assert channel.certify([[1.7e308, 1e308], [1e308, -1.7e308]]).status == "improvable"


def test_rounding_noise_is_no_improvement():
    best = channel.optimum(7, 2, energy="average").configuration
    assert channel.certify(best, energy="average").status == "undecided"


def test_looser_constraints_never_have_smaller_optima():
    lower = [channel.optimum(9, 4, energy=energy).lower for energy in ("equal", "bounded", "average")]
    assert lower[0] <= lower[1] * (1 + Fraction(1, 10**12))
    assert lower[1] <= lower[2] * (1 + Fraction(1, 10**12))


def test_what_the_kernel_cannot_read_is_an_input_error():
    result = channel.exponent([[Fraction(1)], [Fraction(1, 2**5000)]])
    with pytest.raises(InputError, match="beyond what the kernel reads"):
        result.verify()


@st.composite
def mixed(draw):
    """Floats and Fractions side by side, often with the bias of the nearest mean, so that exponents are positive."""
    num_classes, dimension = draw(st.integers(2, 5)), draw(st.integers(1, 3))
    row = st.lists(st.floats(-4, 4), min_size=dimension, max_size=dimension)
    means = draw(st.lists(row, min_size=num_classes, max_size=num_classes))
    weights = draw(st.sampled_from([means, [[2 * x for x in row] for row in means]]))
    scale = Fraction(weights is not means) + 1
    squares = [reference.dot(*reference.rational([row, row])) for row in means]
    shift = draw(st.fractions(-3, 3, max_denominator=7))
    bias = [shift - scale * square / 2 for square in squares]
    bias[0] += draw(st.fractions(0, Fraction(1, 9), max_denominator=100))
    return means, weights, bias


@given(mixed())
@settings(deadline=None, max_examples=200)
def test_a_rational_bias_beside_float_weights_is_the_definition(parts):
    value, attaining = reference.exponent(*parts)
    result = channel.exponent(Configuration(*parts))
    assert result.lower == value
    assert {tuple(pair) for pair in result.details.pairs.tolist()} == attaining


@pytest.mark.parametrize("size", [1, 1e-150, 1e150, 1e300])
def test_long_doubles_that_are_only_doubles_do_no_harm(monkeypatch, size):
    """As on machines whose long double is float64."""
    monkeypatch.setattr(np, "longdouble", np.float64)
    means = nctheory.simplex_etf(7, seed=1)
    agrees_with_brute_force(Configuration(size * means, means, -size * (means**2).sum(axis=1) / 2))
    agrees_with_brute_force(Configuration(means, means, -(means**2).sum(axis=1) / 2 + size * 1e-3 * np.eye(7)[0]))


def test_the_parts_add_up_under_every_bound():
    for means in (nctheory.simplex_etf(4), nctheory.orthoplex(5, 3), [[0], [1], [3]], np.eye(7, 2)):
        details = channel.certify(Configuration(means, np.array(means) * 2.0, np.zeros(len(means)))).details
        assert sum(details.parts.values()) == details.energy * details.bound - details.exponent.lower
        assert min(details.parts.values()) >= 0


# ------------------------------------------------------------------------------------------------- noise covariances


def by_definition(configuration, noise):
    """The exponent and attaining pairs from the definition in Fractions; noise (K, d, d) or (d, d), of any numbers."""
    means = configuration.exact.fractions().tolist()
    weights, bias = reference.nearest_mean(means)
    if configuration.decoder == "linear":
        weights, bias = configuration.exact_weights.fractions().tolist(), configuration.exact_bias.fractions().tolist()
    noise = [reference.rational(block) for block in (noise if np.ndim(noise) == 3 else [noise] * len(means))]
    pairs = {}
    for i, mean in enumerate(means):
        for j in set(range(len(means))) - {i}:
            direction = [a - b for a, b in zip(weights[i], weights[j], strict=True)]
            margin = reference.dot(direction, mean) + bias[i] - bias[j]
            form = reference.dot(direction, [reference.dot(direction, row) for row in noise[i]])
            pairs[i, j] = Fraction(0) if margin <= 0 else margin**2 / (2 * form) if form else math.inf
    smallest = min(pairs.values(), default=math.inf)
    return smallest, {pair for pair, value in pairs.items() if value == smallest < math.inf}


def agrees_under_noise(configuration, noise):
    result = channel.exponent(configuration, noise_covariance=noise)
    value, pairs = by_definition(configuration, noise)
    assert (result.lower, result.upper) == (value, value)
    assert {tuple(pair) for pair in result.details.pairs.tolist()} == pairs
    return result


def squared(root):
    """The covariance L L^T, exactly, where the entries of L have few digits."""
    return root @ np.swapaxes(root, -1, -2)


@st.composite
def noisy(draw, elements=small, least=1):
    """A configuration with one covariance or one for each class, often singular."""
    configuration = draw(st.one_of(linear(elements, least), linear(elements, least).map(Configuration.nearest_mean)))
    num_classes, dimension = configuration.class_means.shape
    shape = (dimension, draw(st.integers(1, dimension)))
    root = draw(arrays(np.float64, draw(st.sampled_from([shape, (num_classes, *shape)])), elements=small))
    return configuration, squared(root)


@given(noisy())
@settings(deadline=None, max_examples=200)
def test_exponent_under_noise_is_the_definition(drawn):
    agrees_under_noise(*drawn)


@given(noisy(elements=wild))
@relaxed
def test_exponent_of_any_floats_under_noise_is_the_definition(drawn):
    agrees_under_noise(*drawn)


@given(noisy(), scales)
@relaxed
def test_noise_of_any_scale_is_the_definition(drawn, scale):
    configuration, noise = drawn
    with np.errstate(over="ignore"):
        assume(np.isfinite(scale * noise).all())
    agrees_under_noise(configuration, scale * noise)


@given(noisy(least=2), st.lists(scales, min_size=6, max_size=6))
@relaxed
def test_noise_of_very_different_scales_is_the_definition(drawn, factors):
    configuration, noise = drawn
    factors = np.array(factors[: configuration.num_classes])[:, None, None]
    with np.errstate(over="ignore"):
        noise = factors * np.broadcast_to(noise, (configuration.num_classes, *noise.shape[-2:]))
    assume(np.isfinite(noise).all())
    agrees_under_noise(configuration, noise)


@given(noisy())
@relaxed
def test_the_kernel_agrees_under_noise(drawn):
    configuration, noise = drawn
    result = channel.exponent(configuration, noise_covariance=noise)
    verdict = result.verify()
    assert verdict.claim["exponent"] == (None if result.lower == math.inf else result.lower)
    assert verdict.claim["noise_covariance"] == kernel.digest(result.certificate.claim["noise_covariance"])


@given(noisy(), st.fractions(Fraction(1, 9), 9, max_denominator=9))
@relaxed
def test_exponent_under_noise_of_fractions_is_the_definition(drawn, scale):
    configuration, noise = drawn
    exact = np.vectorize(lambda x: scale * Fraction(x), otypes=[object])(noise)
    result = agrees_under_noise(configuration, exact)
    assert result.verify().claim["pair"] is None or result.lower < math.inf


@given(linear(), st.sampled_from([Fraction(1, 3), Fraction(1, 4), 2, 7]))
@relaxed
def test_isotropic_noise_divides_the_exponent(configuration, variance):
    identity = np.eye(configuration.dimension, dtype=int)
    for points in (configuration, configuration.nearest_mean()):
        plain = channel.exponent(points)
        for noise in (
            variance * identity.astype(object),
            [(variance * identity.astype(object)).tolist()] * len(points.bias),
        ):
            found = channel.exponent(points, noise_covariance=noise)
            assert found.lower == (math.inf if points.num_classes == 1 else plain.lower / variance)
            assert sorted(found.details.pairs.tolist()) == sorted(plain.details.pairs.tolist())


@given(noisy(least=2))
@relaxed
def test_equal_covariances_of_each_class_are_one(drawn):
    configuration, noise = drawn
    assume(noise.ndim == 2)
    one, each = (
        channel.exponent(configuration, noise_covariance=noise)
        for noise in (noise, np.stack([noise] * configuration.num_classes))
    )
    assert one.lower == each.lower
    assert sorted(one.details.pairs.tolist()) == sorted(each.details.pairs.tolist())


@given(noisy(least=2), st.data())
@relaxed
def test_invariance_under_linear_maps(drawn, data):
    """Features T h have means T mu, covariances T S T^T, and weights T^-T w; T and its inverse are integer matrices."""
    configuration, noise = drawn
    assume(configuration.decoder == "linear")
    dimension = configuration.dimension
    entries = arrays(np.int64, (dimension, dimension), elements=st.integers(-2, 2))
    lower, upper = (side(data.draw(entries), k) + np.eye(dimension) for side, k in ((np.tril, -1), (np.triu, 1)))
    mapping = lower @ upper
    inverse = np.rint(np.linalg.inv(mapping))
    assert np.array_equal(mapping @ inverse, np.eye(dimension))
    moved = Configuration(configuration.class_means @ mapping.T, configuration.weights @ inverse, configuration.bias)
    mapped = channel.exponent(moved, noise_covariance=mapping @ noise @ mapping.T)
    original = channel.exponent(configuration, noise_covariance=noise)
    assert mapped.lower == original.lower
    assert sorted(mapped.details.pairs.tolist()) == sorted(original.details.pairs.tolist())


def test_the_noise_is_that_of_the_true_class():
    result = channel.exponent([[1], [-1]], noise_covariance=[[[1]], [[4]]])
    assert (result.lower, result.details.pairs.tolist()) == (Fraction(1, 8), [[1, 0]])
    rng, sigma = np.random.default_rng(0), 0.7
    noises = squared(rng.integers(-3, 4, (2, 3, 3)) / 2)
    points = Configuration([[1, 0, 0], [-1, 1, 0]], [[2, 1, 0], [-1, 0, 1]], [0.25, -0.25])
    for i, j in ((0, 1), (1, 0)):
        direction, offset = points.weights[i] - points.weights[j], points.bias[i] - points.bias[j]
        samples = points.class_means[i] + sigma * rng.multivariate_normal(np.zeros(3), noises[i], 400_000)
        rate = (samples @ direction + offset <= 0).mean()
        alone = noises.copy()
        alone[j] = 0  # no errors given the other class, so that the exponent is that of this ordered pair
        exponent = channel.exponent(points, noise_covariance=alone)
        assert exponent.details.pairs.tolist() == [[i, j]]
        expected = math.erfc(math.sqrt(exponent.value) / sigma) / 2
        assert abs(rate - expected) < 4 * math.sqrt(expected / 400_000)


def test_singular_noise_is_infinitely_good_or_of_no_use():
    across, along = [[0, 0], [0, 1]], [[1, 0], [0, 0]]
    harmless = channel.exponent([[1, 0], [-1, 0]], noise_covariance=across)
    assert (harmless.lower, harmless.exact, len(harmless.details.pairs)) == (math.inf, sympy.oo, 0)
    assert "exponent exactly infinite" in harmless.verify().statement
    assert channel.exponent([[1, 0], [-1, 0]], noise_covariance=along).lower == Fraction(1, 2)
    tie = Configuration([[1, 0], [-1, 0]], [[1, 0], [-1, 0]], [-1, 1])
    result = channel.exponent(tie, noise_covariance=across)
    assert (result.lower, result.details.pairs.tolist()) == (0, [[0, 1]])
    assert channel.exponent([[1, 0], [-1, 0], [-1, 0]], noise_covariance=across).lower == 0
    assert channel.exponent([[1, 0], [-1, 0]], noise_covariance=np.zeros((2, 2, 2))).lower == math.inf
    assert channel.exponent([[1, 0]], noise_covariance=across).lower == math.inf


def test_without_weights_the_decoder_stays_the_euclidean_nearest_mean():
    means, noise = [[1, 0], [-1, 0]], [[2, 1], [1, 1]]
    by_hand = Configuration(means, means, [Fraction(-1, 2)] * 2)
    for points in (Configuration(means), by_hand):
        assert channel.exponent(points, noise_covariance=noise).lower == Fraction(1, 4)
    assert channel.exponent(channel.best_decoder(means, noise), noise_covariance=noise).lower == Fraction(1, 2)


def test_many_tied_pairs_under_noise_are_told_apart_exactly():
    means = nctheory.simplex_etf(9, seed=0)
    for noise in (np.eye(8), np.stack([np.eye(8)] * 9), np.diag([2.0**-k for k in range(8)])):
        agrees_under_noise(Configuration(means), noise)
        agrees_under_noise(Configuration(means, means), noise)


def test_blocks_of_rows_under_noise_agree_with_one_block(monkeypatch):
    rng = np.random.default_rng(0)
    configuration = nctheory.random_configuration(30, 7, seed=0)
    noises = [squared(rng.integers(-3, 4, shape) / 4) for shape in ((7, 7), (30, 7, 7))]
    whole = [agrees_under_noise(configuration, noise).lower for noise in noises]
    monkeypatch.setattr(pairs_module, "_BLOCK", 64)
    assert [agrees_under_noise(configuration, noise).lower for noise in noises] == whole


@pytest.mark.parametrize("seed", range(30))
def test_the_filter_survives_noise_of_very_different_variances(seed):
    """Quadratic forms that cancel to nothing in floats; exactly they are those of white noise before a linear map."""
    rng = np.random.default_rng(seed)
    means = rng.integers(-9, 10, (12, 3)).astype(float)
    lower, upper = np.eye(3), np.eye(3)
    lower[np.tril_indices(3, -1)], upper[np.triu_indices(3, 1)] = rng.integers(-(2**9), 2**9, (2, 3))
    mapping = lower @ upper
    inverse = np.rint(np.linalg.inv(upper)) @ np.rint(np.linalg.inv(lower))
    assert (mapping.astype(int).astype(object) @ inverse.astype(int).astype(object) == np.eye(3)).all()
    plain = Configuration(means, means, -(means**2).sum(axis=1) / 2)
    moved = Configuration(means @ mapping.T, means @ inverse, plain.bias)
    variances = rng.integers(1, 4, 12)
    for noise in (np.eye(3), variances[:, None, None] * np.eye(3)):
        before = channel.exponent(plain, noise_covariance=noise)
        after = channel.exponent(moved, noise_covariance=mapping @ noise @ mapping.T)
        assert after.lower == before.lower
        assert sorted(after.details.pairs.tolist()) == sorted(before.details.pairs.tolist())


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("each", [False, True])
def test_the_filter_encloses_every_exponent_under_noise(seed, each):
    """Up to one common power of two, also where floats have no digit of a quadratic form."""
    rng = np.random.default_rng(seed)
    means = rng.standard_normal((8, 5)) + 1e3 * rng.integers(0, 2)
    factor = rng.choice([1.0, 2.0**-20])
    weights, bias = rng.standard_normal(5) + factor * means, -factor * (means**2).sum(axis=1) / 2
    root = rng.standard_normal((8, 5, 5)) * 2.0**10
    root = np.diag(2.0 ** -rng.integers(0, 20, 5)) @ (root[:, :, :1] * 2**30 + root)  # nearly of rank 1
    noise = squared(root if each else root[0])
    noise = (noise + np.swapaxes(noise, -1, -2)) / 2 + 2.0**40 * np.eye(5)
    for points in (Configuration(means), Configuration(means, weights, bias)):
        covariances = pairs_module.Covariances(noise, points)
        lower, upper = pairs_module._Bounds(points, covariances)(np.arange(8))
        shifts = [int(np.frexp(np.abs(data).max())[1]) for data in (means, noise)]
        scale = Fraction(2) ** (shifts[1] - 2 * shifts[0])
        for i, j in ((i, j) for i in range(8) for j in range(8) if i != j):
            blocks = noise if each else [noise] * 8
            pair = Configuration(*(part[[i, j]] for part in (points.class_means, points.weights)), points.bias[[i, j]])
            pair = pair if points.decoder == "linear" else Configuration(means[[i, j]])
            only = np.stack([blocks[i], np.zeros((5, 5))])
            value = by_definition(pair, only)[0]
            if by_definition(pair, np.zeros((2, 5, 5)))[0] == math.inf:  # both margins are positive
                assert lower[i, j] <= scale * value <= upper[i, j]


def test_the_filter_leaves_few_pairs_under_noise():
    rng = np.random.default_rng(1)
    means = rng.standard_normal((40, 20))
    for shape in ((20, 20), (40, 20, 20)):
        noise = pairs_module.Covariances(squared(rng.integers(-3, 4, shape)), Configuration(means))
        for configuration in (Configuration(means), Configuration(means, means, -(means**2).sum(axis=1) / 2)):
            survivors = sum(len(pairs) for pairs, _ in pairs_module._surviving_pairs(configuration, noise))
            assert survivors < 100 < 40 * 39


def test_a_hundred_classes_in_64_dimensions_take_no_time():
    rng = np.random.default_rng(0)
    means, samples = rng.standard_normal((100, 64)), rng.standard_normal((100, 128, 64))
    noises = np.stack([np.cov(part.T) for part in samples])
    for noise in (noises[0], noises):
        start = time.perf_counter()
        result = channel.exponent(means, noise_covariance=noise)
        assert time.perf_counter() - start < 5
        assert set(result.certificate.witness) == {"factor"}
    start = time.perf_counter()
    assert "noise covariance of each class" in result.verify().statement
    assert time.perf_counter() - start < 60


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        ([[1, 0.5], [0.25, 1]], r"not exactly symmetric: entry \(0, 1\) is 0.5, \(1, 0\) is 0.25; \(S \+ S.T\) / 2"),
        ([[1, 2], [2, 1]], "noise_covariance is not positive semidefinite in exact arithmetic, .* is about -1;"),
        ([[1, 0], [0, -1e-300]], "not positive semidefinite in exact arithmetic"),
        ([[0, 1], [1, 0]], "not positive semidefinite"),
        ([[[1, 0], [0, 1]], [[1, 2], [2, 1]]], r"noise_covariance\[1\] is not positive semidefinite"),
        ([[[1, 0], [0, 1]], [[1, 0], [1, 1]]], r"noise_covariance\[1\] is not exactly symmetric"),
        (np.array([[1, math.nan], [math.nan, 1]]), "noise_covariance has 2 entries that are not finite, the first nan"),
        ([[math.inf, 0], [0, 1]], r"noise_covariance\[0, 0\] is inf of type float, expected a finite rational number"),
        ([[1, 0, 0], [0, 1, 0]], r"noise_covariance has shape \(2, 3\), expected \(2, 2\) to match class_means"),
        (np.eye(3), r"noise_covariance has shape \(3, 3\), expected \(2, 2\)"),
        (np.ones((3, 2, 2)), r"noise_covariance has shape \(3, 2, 2\), expected \(2, 2, 2\) to match class_means"),
        ([1, 1], "noise_covariance has 1 axes, expected 2, or 3 for one covariance per class"),
        (2.0, "noise_covariance has 0 axes"),
        ("identity", "noise_covariance has 0 axes"),
        ([[1, 0], [0]], "noise_covariance"),
        ([["a", 0], [0, 1]], r"noise_covariance\[0, 0\] is 'a' of type str"),
        ([[1j, 0], [0, 1]], "noise_covariance"),
        (np.array([[1j, 0], [0, 1]]), "noise_covariance has dtype complex128, expected real numbers"),
        (np.ma.masked_less(np.eye(2), 0.5), "noise_covariance is a masked array"),
        ([[Fraction(1, 10**400), Fraction(2, 10**400)], [Fraction(2, 10**400), 0]], "not positive semidefinite"),
    ],
)
def test_what_is_no_covariance_is_refused(noise, message):
    with pytest.raises(InputError, match=message):
        channel.exponent([[1, 0], [-1, 0]], noise_covariance=noise)


def test_a_gram_matrix_does_not_say_where_the_noise_is():
    with pytest.raises(InputError, match="needs coordinates: this configuration was given by its Gram matrix"):
        channel.exponent(nctheory.exact_simplex_etf(3), noise_covariance=np.eye(2))
    with pytest.raises(InputError, match="needs coordinates"):
        channel.best_decoder(nctheory.exact_simplex_etf(3), np.eye(2))


def test_rounding_that_leaves_a_negative_eigenvalue_is_refused_and_can_be_repaired(monkeypatch):
    samples = np.random.default_rng(0).standard_normal((5, 40))
    noise = samples.T @ samples
    noise = (noise + noise.T) / 2
    monkeypatch.setattr(pairs_module, "positive_semidefinite_rank", None)  # too slow in many dimensions, and not needed
    with pytest.raises(InputError, match="add a small multiple of the identity"):
        channel.exponent(np.eye(3, 40), noise_covariance=noise)
    assert channel.exponent(np.eye(3, 40), noise_covariance=noise + 1e-9 * np.eye(40)).verify()


def test_what_shows_a_covariance_semidefinite():
    """A factor wherever the smallest eigenvalue is not tiny, or S itself is dominant; elimination elsewhere."""
    rng = np.random.default_rng(0)
    points = Configuration(rng.standard_normal((2, 6)))
    root = rng.integers(-4, 5, (6, 6)).astype(float)
    for scale in (2.0**-1000, 1e-150, 1.0, 1e150, 2.0**990):
        assert pairs_module.Covariances(scale * (squared(root) + np.eye(6)), points).factors[0] is not None
    assert pairs_module.Covariances(np.diag([0.0, 1, 2, 3, 4, 5]), points).factors[0] is not None
    assert pairs_module.Covariances(np.ones((6, 6)), points).factors == [None]
    mixed = channel.exponent(points, noise_covariance=np.stack([np.ones((6, 6)), np.eye(6)]))
    assert mixed.certificate.witness == {}
    assert mixed.verify().claim["exponent"] == mixed.lower


@given(noisy(least=2), st.data())
@relaxed
def test_the_certificate_of_another_covariance_is_refused(drawn, data):
    configuration, noise = drawn
    result = channel.exponent(configuration, noise_covariance=noise)
    certificate = result.certificate
    other = data.draw(st.sampled_from([4 * noise, noise + np.eye(configuration.dimension), noise[..., ::-1, ::-1]]))
    encoded = pairs_module.Covariances(other, configuration).encode()
    changed = nctheory.Certificate({**certificate.claim, "noise_covariance": encoded}, {})
    value, pairs = by_definition(configuration, other)
    pair = certificate.claim["pair"]
    if (value, pair is None or tuple(pair) in pairs) == (result.lower, True):
        assert changed.verify().claim["exponent"] == certificate.claim["exponent"] or value == math.inf
    else:
        with pytest.raises(kernel.Invalid):
            changed.verify()


def test_a_certificate_for_white_noise_is_none_for_another():
    means, noise = [[1, 0], [-1, 0]], [[4, 0], [0, 1]]
    white, other = (channel.exponent(means, noise_covariance=part).certificate for part in (None, noise))
    assert white.claim["noise_covariance"] == "identity"
    for claim, witness in ((white.claim, other.claim), (other.claim, white.claim)):
        with pytest.raises(kernel.Invalid, match="the exponent is"):
            nctheory.Certificate({**claim, "noise_covariance": witness["noise_covariance"]}, {}).verify()
    bad = {"exponent": 0, "rows": [[4, 1], [0, 1]]}
    with pytest.raises(kernel.Invalid, match="not symmetric"):
        nctheory.Certificate({**other.claim, "noise_covariance": bad}, {}).verify()
    correlated, factor = ({"exponent": 0, "rows": rows} for rows in ([[4, 1], [1, 1]], [[3, 0], [0, 0]]))
    assert nctheory.Certificate({**other.claim, "noise_covariance": correlated}, {}).verify()
    with pytest.raises(kernel.Invalid, match="by its factor"):
        nctheory.Certificate({**other.claim, "noise_covariance": correlated}, {"factor": factor}).verify()


# -------------------------------------------------------------------------------------- the best decoder under noise


def mahalanobis(means, noise):
    """min (mu_i - mu_j)^T S^-1 (mu_i - mu_j) / 8, in SymPy's rational arithmetic."""
    noise, means = ([[sympy.Rational(Fraction(x)) for x in row] for row in rows] for rows in (noise, means))
    inverse, rows = sympy.Matrix(noise).inv(), [sympy.Matrix(row) for row in means]
    values = [((x - y).T * inverse * (x - y))[0] for k, x in enumerate(rows) for y in rows[:k]]
    return Fraction(*map(int, min(values).as_numer_denom())) / 8


@given(linear(least=2), st.data())
@relaxed
def test_the_best_decoder_has_the_value_of_the_formula_and_none_beats_it(configuration, data):
    dimension = configuration.dimension
    root = data.draw(arrays(np.float64, (dimension, dimension), elements=small))
    noise = squared(root) + data.draw(st.sampled_from([0.25, 1.0])) * np.eye(dimension)
    best = channel.best_decoder(configuration, noise)
    found = channel.exponent(best, noise_covariance=noise)
    assert found.lower == mahalanobis(configuration.class_means.tolist(), noise.tolist())
    assert found.verify().claim["exponent"] == found.lower
    assert np.array_equal(best.class_means, configuration.class_means)
    for other in (configuration, configuration.nearest_mean()):
        assert channel.exponent(other, noise_covariance=noise).lower <= found.lower


def test_the_best_decoder_of_white_noise_is_the_nearest_mean():
    means = [[1, 2], [Fraction(1, 3), 0], [0, -1]]
    best = channel.best_decoder(means, np.eye(2))
    assert best.exact_weights.fractions().tolist() == reference.rational(means)
    assert best.exact_bias.fractions().tolist() == reference.nearest_mean(reference.rational(means))[1]
    assert channel.exponent(best).lower == channel.exponent(means).lower


def test_the_best_decoder_is_exact_where_that_is_cheap_and_else_in_floats():
    rng = np.random.default_rng(0)
    simple = channel.best_decoder(rng.standard_normal((5, 64)), 0.1 * np.eye(64))
    assert not simple.is_float
    for scale in (1e-100, 1.0, 1e100):
        means, noise = rng.standard_normal((20, 64)), scale * np.cov(rng.standard_normal((200, 64)).T)
        best = channel.best_decoder(Configuration(means, class_sizes=range(1, 21)), noise)
        assert best.is_float
        assert best.class_sizes.tolist() == list(range(1, 21))
        values = [(x - y) @ np.linalg.solve(noise, x - y) / 8 for k, x in enumerate(means) for y in means[:k]]
        assert channel.exponent(best, noise_covariance=noise).value == pytest.approx(min(values), rel=1e-9)


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        ([[1, 1], [1, 1]], "noise_covariance has rank 1, expected 2: it is not positive definite"),
        (np.zeros((2, 2)), "noise_covariance has rank 0, expected 2"),
        (np.stack([np.eye(2)] * 2), "noise_covariance has one matrix for each class, expected one for all of them"),
        ([[1, 2], [2, 1]], "not positive semidefinite"),
        (np.eye(3), r"has shape \(3, 3\), expected \(2, 2\)"),
        (None, "noise_covariance has 0 axes"),
        (1e-308 * np.eye(2), "beyond the range of float64"),
    ],
)
def test_the_best_decoder_needs_one_positive_definite_covariance(noise, message):
    with pytest.raises(InputError, match=message):
        channel.best_decoder([[100, 0], [-1, 0]], noise)
