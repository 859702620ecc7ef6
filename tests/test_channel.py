import math
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
