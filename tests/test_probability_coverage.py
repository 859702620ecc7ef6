"""Coverage of default intervals at fixed seeds; the normal interval fails the same check."""

import math

import pytest
from scipy import optimize, stats

from nctheory import gaussian
from nctheory.constructions import simplex_etf
from nctheory.probability import betting_interval, union
from nctheory.probability.bounds import bounds
from nctheory.probability.estimate import Asked, chunk_sizes, simulate
from nctheory.probability.problem import Problem

ROUNDING = 1e-12


def simplex(target):
    def excess(log_noise):
        return math.log(max(gaussian.simplex_error(10, math.exp(log_noise)), 5e-324)) - math.log(target)

    noise = math.exp(optimize.brentq(excess, -4, 4))
    return Problem.of(simplex_etf(10), noise), math.log(gaussian.simplex_error(10, noise))


def default_interval(problem, size, seed, limits):
    """Of importance sampling, in logarithms, less the union bound."""
    asked = Asked.of(0.0, 0.95, size, seed, None, None)
    chunks = asked.chunks(union.sample, problem, chunk_sizes(size))
    low, high = simulate(problem, asked, limits, chunks).log_interval
    return low - problem.log_union, high - problem.log_union


def raw_interval(problem, size, seed, make):
    """Of the observations alone, in logarithms."""
    low, high = make(union.sample(problem, seed, 0, size).observations)
    return math.log(low), math.log(high)


def anytime(observations):
    return betting_interval(observations, lower=1 / 9, anytime=True)


def normal(observations):
    half = 1.96 * observations.std(ddof=1) / math.sqrt(len(observations))
    return observations.mean() - half, observations.mean() + half


def assert_covers(intervals, log_value):
    """So many misses only with a probability of 1e-4, if each interval misses with 5%."""
    misses = sum(not low - ROUNDING <= log_value <= high + ROUNDING for low, high in intervals)
    assert misses <= stats.binom.ppf(1 - 1e-4, len(intervals), 0.05), f"{misses} of {len(intervals)} miss"


@pytest.mark.parametrize("target", [1e-1, 1e-2, 1e-6, 1e-20, 1e-100])
@pytest.mark.parametrize(("size", "repetitions"), [(100, 100), (1000, 25)])
def test_default_intervals_cover(target, size, repetitions):
    problem, log_value = simplex(target)
    limits = bounds(problem)[:2]
    intervals = [default_interval(problem, size, seed, limits) for seed in range(repetitions)]
    assert_covers(intervals, log_value - problem.log_union)


@pytest.mark.parametrize("target", [1e-2, 1e-20])
def test_confidence_sequences_cover_without_bounds(target):
    problem, log_value = simplex(target)
    intervals = [raw_interval(problem, 100, seed, anytime) for seed in range(100)]
    assert_covers(intervals, log_value - problem.log_union)


def test_normal_intervals_fail_far_out():
    """The check sees it: from P = 1e-20 on few runs know how rare and large a deviation can be."""
    problem, log_value = simplex(1e-20)
    intervals = [raw_interval(problem, 100, seed, normal) for seed in range(100)]
    with pytest.raises(AssertionError, match="of 100 miss"):
        assert_covers(intervals, log_value - problem.log_union)


def test_default_intervals_of_another_problem_fail():
    """The check sees it: the error probability at 2% more noise is not covered."""
    problem, _ = simplex(1e-2)
    other = math.log(gaussian.simplex_error(10, 1.02 * problem.noise))
    intervals = [default_interval(problem, 1000, seed, bounds(problem)[:2]) for seed in range(10)]
    with pytest.raises(AssertionError, match="of 10 miss"):
        assert_covers(intervals, other - problem.log_union)
