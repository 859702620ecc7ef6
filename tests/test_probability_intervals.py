"""Betting intervals: coverage at every sample size, at all of them at once, width, and what is not an observation."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nctheory.errors import InputError
from nctheory.probability.intervals import ConfidenceSequence, _summarized, betting_interval

DRAWS = {
    "uniform": (0.5, lambda generator, n: generator.random(n)),
    "fair coin": (0.5, lambda generator, n: (generator.random(n) < 0.5).astype(float)),
    "rare success": (0.02, lambda generator, n: (generator.random(n) < 0.02).astype(float)),
    "nearly always 1": (0.999, lambda generator, n: 1 - 0.5 * (generator.random(n) < 0.002)),
    "narrow": (0.6, lambda generator, n: 0.6 + 0.01 * (2 * generator.random(n) - 1)),
    "one over a count": (
        -math.expm1(-0.3) / 0.3,
        lambda generator, n: 1 / (1 + generator.poisson(0.3, n)),
    ),
}


def allowed_misses(repetitions, chance=0.05):
    """So many only with a probability of 1e-6, if each is missed with this chance."""
    return stats.binom.ppf(1 - 1e-6, repetitions, chance)


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize(("size", "repetitions"), [(10, 400), (100, 300), (1000, 150)])
def test_the_interval_covers_the_mean_at_every_size(name, size, repetitions):
    mean, draw = DRAWS[name]
    generator = np.random.default_rng([size, len(name)])
    intervals = [betting_interval(draw(generator, size)) for _ in range(repetitions)]
    misses = sum(not low <= mean <= high for low, high in intervals)
    assert misses <= allowed_misses(repetitions)


@pytest.mark.parametrize("name", DRAWS)
def test_the_sequence_covers_the_mean_at_all_sizes_at_once(name):
    mean, draw = DRAWS[name]
    generator = np.random.default_rng([7, len(name)])
    misses = 0
    for _ in range(60):
        sequence = ConfidenceSequence(planned=300)
        missed = False
        for size in (1, 2, 5, 10, 30, 50, 100, 200, 400):
            sequence.update(draw(generator, size))
            low, high = sequence.interval()
            missed |= not low <= mean <= high
        misses += missed
    assert misses <= allowed_misses(60)


def test_one_sided_misses_keep_to_half():
    generator = np.random.default_rng(3)
    ends = np.array([betting_interval(DRAWS["rare success"][1](generator, 500)) for _ in range(300)])
    assert (ends[:, 0] > 0.02).sum() <= allowed_misses(300, 0.025)
    assert (ends[:, 1] < 0.02).sum() <= allowed_misses(300, 0.025)


@pytest.mark.parametrize(
    ("name", "size"), [("uniform", 100), ("fair coin", 100), ("uniform", 1000), ("narrow", 400_000)]
)
def test_width_is_at_most_1_6_times_the_normal_one(name, size):
    generator = np.random.default_rng(5)
    samples = [DRAWS[name][1](generator, size) for _ in range(4 if size > 1000 else 20)]
    normal = np.mean([2 * 1.96 * x.std(ddof=1) / math.sqrt(size) for x in samples])
    for anytime in (False, True):
        widths = [np.subtract(*betting_interval(x, anytime=anytime)[::-1]) for x in samples]
        assert np.mean(widths) <= 1.6 * normal


def test_a_wrong_plan_costs_little():
    x = np.random.default_rng(6).random(4000)
    normal = 2 * 1.96 * x.std(ddof=1) / math.sqrt(4000)
    for planned in (100, 1000, 4000, 16_000, 200_000):
        sequence = ConfidenceSequence(planned=planned)
        sequence.update(x)
        low, high = sequence.interval()
        assert high - low < 2.2 * normal


@pytest.mark.parametrize("size", [1, 10, 100, 10_000, 1_000_000])
def test_all_ones_give_a_short_interval_that_holds_one(size):
    low, high = betting_interval(np.ones(size))
    assert high == 1
    assert 1 - low <= min(1, 4.5 / size)
    assert betting_interval(np.zeros(size))[0] == 0


def test_of_nothing_nothing_is_known():
    assert betting_interval([]) == (0, 1)
    assert betting_interval([], lower=-2, upper=3, anytime=True) == (-2, 3)
    assert math.isnan(ConfidenceSequence().mean)


def test_a_million_observations_are_no_burden():
    x = np.random.default_rng(0).random(1_000_000)
    low, high = betting_interval(x)
    assert low < 0.5 < high < low + 0.002


def test_other_ranges_are_scaled():
    x = np.random.default_rng(1).random(300)
    low, high = betting_interval(x)
    scaled = betting_interval(3 * x - 1, lower=-1, upper=2)
    assert scaled == pytest.approx((3 * low - 1, 3 * high - 1), abs=1e-12)
    mirrored = betting_interval(1 - x)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_more_confidence_is_wider():
    x = np.random.default_rng(2).random(200)
    intervals = [betting_interval(x, confidence) for confidence in (0.5, 0.9, 0.99, 0.999999)]
    assert all(b[0] <= a[0] and a[1] <= b[1] for a, b in itertools.pairwise(intervals))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=80), st.booleans())
def test_ends_are_in_order_and_in_range(samples, anytime):
    low, high = betting_interval(samples, anytime=anytime)
    assert 0 <= low <= high <= 1


@pytest.mark.parametrize("name", DRAWS)
def test_a_summary_keeps_the_mean_and_lowers_the_capital(name):
    block = DRAWS[name][1](np.random.default_rng(8), 5000)
    points, weights = _summarized(block)
    assert len(points) <= 256
    assert weights.sum() == pytest.approx(5000, rel=1e-12)
    assert weights @ points == pytest.approx(block.sum(), rel=1e-12)
    assert weights.min() >= 0
    for bet, mean in ((0.5, 0.5), (1.1, 0.8), (-0.9, 0.9), (-3, 0.8)):
        exact, summary = np.log1p(bet * (block - mean)).sum(), np.log1p(bet * (points - mean)) @ weights
        assert exact - 0.5 <= summary <= exact + 1e-8


def test_a_sequence_is_restored_bit_by_bit():
    generator = np.random.default_rng(9)
    chunks = [generator.random(700) for _ in range(6)]
    whole, first = ConfidenceSequence(planned=4000), ConfidenceSequence(planned=4000)
    for chunk in chunks[:3]:
        whole.update(chunk)
        first.update(chunk)
    second = ConfidenceSequence.restored(first.state())
    assert second.interval() == first.interval()
    for chunk in chunks[3:]:
        whole.update(chunk)
        second.update(chunk)
    assert (second.interval(), second.mean, second.count) == (whole.interval(), whole.mean, 4200)


def test_later_intervals_stay_within_earlier_looks():
    generator, sequence = np.random.default_rng(10), ConfidenceSequence(planned=100)
    low, high = 0.0, 1.0
    for size in (10, 20, 40, 80, 160, 320, 640, 1280):
        sequence.update(generator.random(size))
        before, (low, high) = (low, high), sequence.interval()
        assert before[0] <= low <= high <= before[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"samples": [0.5, 1.5]}, r"samples\[1\] is 1.5, expected in \[0.0, 1.0\]"),
        ({"samples": [0.5, math.nan]}, "not finite"),
        ({"samples": [[0.5]]}, "expected 1 axis"),
        ({"samples": [0.5], "confidence": 1}, "confidence is 1"),
        ({"samples": [0.5], "confidence": 0.0}, "confidence is 0.0"),
        ({"samples": [0.5], "confidence": math.nan}, "confidence is nan"),
        ({"samples": [0.5], "lower": 1, "upper": 1}, "the first the smaller"),
        ({"samples": [0.5], "upper": math.inf}, "expected finite numbers"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(InputError, match=message):
        betting_interval(**arguments)


def test_a_plan_is_a_positive_number():
    with pytest.raises(InputError, match="planned is 0"):
        ConfidenceSequence(planned=0)
