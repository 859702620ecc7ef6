"""Curves on common random numbers, exponents from one noise, and comparisons."""

import math
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from scipy import stats

from nctheory import Configuration, channel, exact_simplex_etf, simplex_etf
from nctheory.errors import InputError, SolverError
from nctheory.gaussian import simplex_error
from nctheory.probability import compare, curve, error_probability, estimate_exponent

RANDOM = np.random.default_rng(5).normal(size=(6, 4))
LARGE = np.random.default_rng(0).normal(size=(150, 12))
NOISES = [0.9, 0.6, 0.4, 0.25, 0.15, 0.05]
TINY = 1 - 1e-6


def same(one, other):
    return (one.log_value, one.log_interval, one.num_samples) == (
        other.log_value,
        other.log_interval,
        other.num_samples,
    )


@pytest.mark.parametrize(
    "more", [{}, {"noise_covariance": np.diag([1.0, 2.0, 0.1, 0.5])}, {"priors": [0.5] + [0.1] * 5}]
)
def test_a_curve_agrees_with_its_points(more):
    found = curve(RANDOM, NOISES, seed=1, confidence=TINY, **more)
    for noise, point in zip(NOISES, found, strict=True):
        alone = error_probability(RANDOM, noise, seed=2, confidence=TINY, rtol=0.005, **more)
        assert point.reached
        assert point.log_interval[0] <= alone.log_interval[1]
        assert alone.log_interval[0] <= point.log_interval[1]
        assert point.log_interval[0] <= point.log_value <= point.log_interval[1] <= 0


def test_a_curve_of_closed_forms_has_the_same_values():
    for noise, point in zip(NOISES, curve(simplex_etf(7), NOISES), strict=True):
        assert point.log_value == pytest.approx(error_probability(simplex_etf(7), noise).log_value, rel=1e-12)
        assert point.guarantee == "numerical"


def test_values_grow_with_the_noise_in_any_order():
    noises = [*np.linspace(0.2, 0.21, 6), 0.1, 3.0]
    found = curve(RANDOM, noises, seed=0, rtol=0.1)
    order = np.argsort(noises)
    assert (np.diff([found[index].log_value for index in order]) >= 0).all()


def test_common_random_numbers_make_neighbors_alike():
    one, other = curve(RANDOM, [0.5, 0.5 * (1 + 1e-6)], seed=0, rtol=0.1)
    assert abs(one.log_value - other.log_value) < 1e-4


def test_a_curve_depends_on_its_seed_alone():
    alone = curve(RANDOM, NOISES[:3], seed=3)
    with ProcessPoolExecutor(2) as executor:
        shared = curve(RANDOM, NOISES[:3], seed=3, executor=executor)
    assert all(same(one, other) for one, other in zip(alone, shared, strict=True))
    assert alone[0].log_value != curve(RANDOM, NOISES[:1], seed=4)[0].log_value


def test_a_curve_costs_far_less_than_its_points():
    noises = np.geomspace(0.05, 0.9, 10)
    start = time.process_time()
    curve(LARGE, noises, seed=0)
    middle = time.process_time()
    for noise in noises:
        error_probability(LARGE, noise, seed=0)
    assert time.process_time() - middle > 4 * (middle - start)


def test_a_curve_simulates_only_where_bounds_are_not_enough():
    points = curve(LARGE, [1.0, 0.02], seed=0, rtol=0.05)
    assert [point.method for point in points] == ["union", "bounds"]
    assert [point.guarantee for point in points] == ["confidence", "rigorous"]
    rare = error_probability(LARGE, 0.02, method="bounds")
    (low, high), (rare_low, rare_high) = points[1].log_interval, rare.log_interval
    assert rare_low <= low <= rare_high  # both are about 1e-11 wide, since one pair of classes has it all
    assert rare_low <= high <= rare_high
    assert np.allclose(points[1].per_class, rare.per_class, atol=math.log(2))


ODD = {
    "one class": [[1.0, 2.0]],
    "equal means": np.ones((3, 2)),
    "two means equal": np.vstack([RANDOM, RANDOM[:1]]),
    "zero margins": Configuration([[0.0, 0], [0, 0], [3, 1]], weights=[[1.0, 0], [-1, 0], [0, 1]]),
    "negative margins": Configuration(RANDOM, weights=np.roll(RANDOM, 1, axis=0)),
    "equal weight rows": Configuration(RANDOM, weights=RANDOM[[0, 0, 1, 2, 3, 4]], bias=[0.3, 0.2, 0.2, 0, 0, 0]),
}


@pytest.mark.parametrize("noise", [1e-8, 0.5, 1e8])
@pytest.mark.parametrize("name", ODD)
def test_odd_configurations_have_honest_curves_and_comparisons(name, noise):
    (point,) = curve(ODD[name], [noise], seed=0, max_samples=3_000, confidence=TINY)
    truth = error_probability(ODD[name], noise, seed=1, max_samples=20_000, confidence=TINY)
    found = compare(ODD[name], RANDOM, noise, seed=0, max_samples=3_000, confidence=TINY)
    other = error_probability(RANDOM, noise, seed=1, max_samples=20_000, confidence=TINY)
    low, high = point.log_interval
    assert low <= point.log_value <= high <= 0
    assert low <= truth.log_interval[1] + 1e-9
    assert truth.log_interval[0] - 1e-9 <= high
    low, high = found.log_interval
    assert low <= found.log_ratio <= high
    assert low <= truth.log_interval[1] - other.log_interval[0] + 1e-9
    assert truth.log_interval[0] - other.log_interval[1] - 1e-9 <= high


def test_an_accuracy_out_of_reach_is_flagged():
    for rtol in (0, 1e-6):
        (point,) = curve(RANDOM, [0.9], seed=0, rtol=rtol, max_samples=2_000)
        found = compare(RANDOM, NEAR, 0.9, seed=0, rtol=rtol, max_samples=2_000)
        for each in (point, found.first, found.second):
            assert each.num_samples == 2_000
            assert not each.reached
            assert "was not reached" in each.reason


class Dies(ProcessPoolExecutor):
    """An executor whose process is killed after some chunks."""

    left = 2

    def submit(self, *args, **kwargs):
        future = super().submit(*args, **kwargs)
        self.left -= 1
        if self.left == 0:
            for process in self._processes.values():
                process.kill()
        return future


def test_an_executor_that_dies_is_quoted():
    for ask in (lambda **more: curve(RANDOM, [0.9, 0.8], **more), lambda **more: compare(RANDOM, NEAR, 0.9, **more)):
        with Dies(1) as executor, pytest.raises(SolverError, match=r"Dies did not compute a chunk \(BrokenProcessPool"):
            ask(seed=0, rtol=1e-3, executor=executor)


@pytest.mark.parametrize("noises", [[0.1, 0.0], [-1.0], [0.1, math.nan], [math.inf], "x", 0.1, []])
def test_bad_noises_are_quoted(noises):
    with pytest.raises(InputError, match="noises"):
        curve(RANDOM, noises)


# ----------------------------------------------------------------------------------------------------------- exponent

BIASED = Configuration(RANDOM, weights=RANDOM, bias=-(RANDOM**2).sum(axis=1) / 2 + np.linspace(0, 0.1, 6))
DOUBLED = Configuration([[0, 0], [3, -5], [3, 5]], weights=[[0, 0], [2, 0], [2, 1]], bias=[0, -2, -2])
FLAT = {"noise_covariance": [[1, 0], [0, 0]]}  # under which class 0 has the same half-space twice
CASES = {
    "simplex": (exact_simplex_etf(10), {}),
    "random": (RANDOM, {}),
    "biased": (BIASED, {}),
    "one half-space twice": (DOUBLED, FLAT),
    "covariance": (RANDOM, {"noise_covariance": np.diag([1.0, 2.0, 0.25, 0.5])}),
    "priors": (RANDOM, {"priors": [0.5, 0.2, 0.1, 0.1, 0.05, 0.05]}),
}


@pytest.mark.parametrize("name", CASES)
def test_an_exponent_converges_to_the_exact_one(name):
    configuration, more = CASES[name]
    options = {name: value for name, value in more.items() if name == "noise_covariance"}
    exact = float(channel.exponent(configuration, **options).value)
    errors, raw = [], []
    for share in (4, 20, 100):
        found = estimate_exponent(configuration, math.sqrt(exact) / share, seed=0, confidence=TINY, **more)
        low, high = found.interval
        assert low * (1 - 1e-12) <= exact <= high * (1 + 1e-12), str(found)
        assert low <= found.value <= high
        errors.append(abs(found.value / exact - 1))
        raw.append(abs(found.raw / exact - 1))
    assert errors[-1] < 1e-5
    assert errors[-1] < raw[-1] / 10
    assert raw[-1] < raw[0]


def test_corrections_are_those_of_the_expansion():
    found = estimate_exponent(exact_simplex_etf(10), 0.02)
    beta, sigma = 5 / 18, 0.02
    shown = beta - sigma**2 * math.log(sigma * 9 / (2 * math.sqrt(math.pi * beta))) + sigma**4 / (2 * beta)
    assert found.raw == pytest.approx(shown, abs=5 * sigma**6 / beta**2)
    assert found.pairs == pytest.approx(9)


def test_one_half_space_counts_once():
    assert estimate_exponent(DOUBLED, 0.1, **FLAT).pairs == pytest.approx(1 / 3)


def test_exponents_at_the_edge():
    assert estimate_exponent([[1.0, 0.0]]).value == math.inf
    assert estimate_exponent(np.ones((3, 2)), 0.1).interval[0] == 0
    assert estimate_exponent(np.ones((3, 2)), 0.1).value == 0
    assert "exactly 5/18" in str(estimate_exponent(exact_simplex_etf(10)))
    with pytest.raises(InputError, match=r"priors\[1\] is 0"):
        estimate_exponent([[0.0], [1.0]], 0.1, priors=[1.0, 0.0])


# --------------------------------------------------------------------------------------------------------- comparison


def test_a_comparison_holds_the_difference():
    truth = [error_probability(points, 0.3).log_value for points in (simplex_etf(5), 1.1 * simplex_etf(5))]
    found = compare(simplex_etf(5), 1.1 * simplex_etf(5), 0.3)
    assert found.decided
    assert found.log_interval[0] <= truth[0] - truth[1] <= found.log_interval[1]
    assert "the second errs less" in str(found)
    for seed in range(5):
        found = compare(simplex_etf(5), 1.1 * simplex_etf(5), 0.3, method="union", seed=seed, confidence=TINY)
        assert found.log_interval[0] <= truth[0] - truth[1] <= found.log_interval[1]


def test_a_configuration_is_as_good_as_itself():
    found = compare(RANDOM, RANDOM, 0.6, seed=1)
    assert found.log_ratio == 0
    assert not found.decided
    assert "undecided" in str(found)
    nothing = compare([[1.0]], [[2.0]], 0.5)
    assert nothing.log_ratio == 0
    assert nothing.log_interval == (-math.inf, math.inf)


NEAR = RANDOM + 0.01 * np.random.default_rng(8).normal(size=RANDOM.shape)
SUM = {"method": "union", "rtol": 0.02}


def test_common_random_numbers_make_a_comparison_narrower():
    for noise in (1.0, 1.5):
        found = compare(RANDOM, NEAR, noise, seed=0)
        (low, high), (other_low, other_high) = found.first.log_interval, found.second.log_interval
        paired, apart = np.diff(found.log_interval)[0], (high - other_low) - (low - other_high)
        assert paired < apart / 3
        back = compare(NEAR, RANDOM, noise, seed=0)
        assert back.log_ratio == -found.log_ratio
        assert back.log_interval == pytest.approx((-found.log_interval[1], -found.log_interval[0]), rel=1e-6)


@pytest.mark.parametrize(("factor", "noise"), [(1.005, 0.5), (1.0, 0.3), (0.97, 0.15), (2.0, 0.4)])
def test_paired_intervals_cover(factor, noise):
    """At most as many misses as a binomial count at 80% has in all but one of a million such tests."""
    points = simplex_etf(5), factor * simplex_etf(5)
    truth = math.log(simplex_error(5, noise)) - math.log(simplex_error(5, noise / factor))
    misses = 0
    for seed in range(60):
        low, high = compare(*points, noise, seed=seed, confidence=0.8, **SUM).log_interval
        misses += not low - 1e-9 <= truth <= high + 1e-9
    assert misses <= stats.binom.ppf(1 - 1e-6, 60, 0.2)


def test_a_comparison_of_all_kinds_holds_the_truth():
    """Other numbers of classes and coordinates, margins that are not positive, a probability of 0, one far below."""
    wrong = Configuration(RANDOM, weights=np.roll(RANDOM, 1, axis=0))
    sure = Configuration([[1.0], [2.0]], weights=[[1.0], [1.0]], bias=[0.0, -1.0])
    for one, other, noise in [(RANDOM, LARGE, 0.5), (RANDOM, wrong, 0.5), (RANDOM, 9 * RANDOM, 0.2), (wrong, wrong, 1)]:
        found = compare(one, other, noise, seed=0, confidence=TINY, **SUM)
        exact = [error_probability(each, noise, seed=1, method="union").log_value for each in (one, other)]
        assert found.log_interval[0] <= exact[0] - exact[1] + 0.04
        assert found.log_interval[1] >= exact[0] - exact[1] - 0.04
        assert found.log_interval[0] <= found.log_ratio <= found.log_interval[1]
    options = SUM | {"priors": [1.0, 0.0]}
    assert compare(sure, [[1.0], [2.0]], 0.5, **options).log_ratio == -math.inf
    assert compare(sure, sure, 0.5, **options).log_interval == (-math.inf, math.inf)


def test_a_comparison_depends_on_its_seed_alone():
    alone = compare(RANDOM, NEAR, 0.6, seed=3)
    with ProcessPoolExecutor(2) as executor:
        shared = compare(RANDOM, NEAR, 0.6, seed=3, executor=executor)
    assert shared.log_interval == alone.log_interval
    assert same(alone.first, shared.first)
    assert same(alone.second, shared.second)
    assert compare(RANDOM, NEAR, 0.6, seed=4).log_interval != alone.log_interval


def test_where_nothing_is_simulated_nothing_is_paired():
    found = compare(RANDOM, NEAR, 0.6, seed=0, rigorous=True)
    assert {found.first.guarantee, found.second.guarantee} == {"rigorous"}
    assert compare(RANDOM, 1.1 * RANDOM, 0.4).first.method == "bounds"
    mixed = compare(RANDOM, simplex_etf(6), 0.8, seed=0)
    assert (mixed.first.method, mixed.second.method) == ("union", "exact")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        *(({"noise": noise}, f"noise is {noise}") for noise in (0, -1.0, math.nan, math.inf)),
        ({"confidence": 2}, "confidence is 2"),
        ({"rtol": math.nan}, "rtol is nan"),
        ({"max_samples": 0}, "max_samples is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"executor": 3}, "executor is 3"),
        ({"progress": 3}, "progress is 3"),
        ({"method": "magic"}, "method is 'magic'"),
        ({"priors": [0.5, 0.5]}, "priors has shape"),
        ({"decoder": 3}, "decoder is 3"),
    ],
)
def test_a_comparison_quotes_bad_input(options, message):
    with pytest.raises(InputError, match=message):
        compare(RANDOM, NEAR, **{"noise": 0.5} | options)


def test_classes_have_the_probabilities_of_their_own_noise():
    means = np.random.default_rng(3).standard_normal((5, 4))
    for point, noise in zip(curve(means, [1.0, 0.45], rtol=5e-3, seed=2), [1.0, 0.45], strict=True):
        alone = error_probability(means, noise, method="cells", rtol=1e-3, seed=0)
        assert point.method == "union"
        known = np.isfinite(point.per_class)
        assert known.sum() >= 3
        assert np.allclose(point.per_class[known], alone.per_class[known], atol=0.1)


def test_noises_far_from_each_other_do_not_spoil_each_other():
    means = np.random.default_rng(3).standard_normal((5, 4)) * 1e10
    deep, other = curve(means, [1e-300, 1e10], seed=0)
    assert deep.log_interval == (-math.inf, -sys.float_info.max), "0 is not in it: noise reaches every boundary"
    alone = error_probability(means, 1e10, seed=1)
    assert other.log_interval[0] <= alone.log_interval[1]
    assert alone.log_interval[0] <= other.log_interval[1]
    assert [point.reached for point in curve(means / 1e10, [1e200, 1e-200], seed=0)] == [True, False]
