"""Simulated estimates as users get them: against closed forms over K and P, and against counts on many shapes."""

import math

import numpy as np
import pytest
from scipy import optimize

from nctheory import Configuration, gaussian, simplex_etf
from nctheory.probability import cells, error_probability, plain
from nctheory.probability.problem import Problem

SURE = 1 - 1e-6  # a confidence at which no interval of this grid misses by chance
ROUNDING = 1e-12, 2e-15  # of the closed form's logarithm, absolutely and relatively


def simplex_noise(num_classes, target):
    def excess(log_noise):
        return math.log(max(gaussian.simplex_error(num_classes, math.exp(log_noise)), 5e-324)) - math.log(target)

    return math.exp(optimize.brentq(excess, -4, 4))


def assert_sound(found):
    """Nothing is NaN or outside of [0, 1], and ends are in order."""
    low, high = found.log_interval
    assert low <= found.log_value <= high <= 0, str(found)
    assert 0 <= found.interval[0] <= found.value <= found.interval[1] <= 1, str(found)
    assert found.relative_width >= 0
    assert all(0 <= share <= 1 for share in found.per_pair.values())
    assert (np.nan_to_num(found.per_class, nan=-1) <= 0).all()  # NaN of classes that were not drawn


def assert_holds(found, log_value):
    """The value is in the interval."""
    assert_sound(found)
    slack = ROUNDING[0] + ROUNDING[1] * abs(log_value)
    low, high = found.log_interval
    assert low - slack <= log_value <= high + slack, f"{log_value!r} is not in {found}"


def assert_compatible(found, counts):
    """The interval and that of the counts, which knows no bounds, have a point in common."""
    assert_sound(found)
    wrong, size = int(counts.wrong.sum()), int(counts.sent.sum())
    assert wrong > 1_000
    bottom, top = plain.clopper_pearson(wrong, size, SURE)
    low, high = found.interval
    assert low <= top, f"{found} against {wrong} of {size}"
    assert bottom <= high, f"{found} against {wrong} of {size}"


# -------------------------------------------------------------------------------------------------------- closed forms


@pytest.mark.parametrize("target", [1e-1, 1e-3, 1e-10, 1e-50, 1e-200, 1e-300])
@pytest.mark.parametrize("num_classes", [2, 3, 10, 100])
def test_intervals_hold_the_closed_form(num_classes, target):
    noise = simplex_noise(num_classes, target)
    configuration, log_value = simplex_etf(num_classes), math.log(gaussian.simplex_error(num_classes, noise))
    methods = ("union", "cells") if num_classes <= 10 else ("union",)
    for method in methods:
        found = error_probability(
            configuration, noise, method=method, rtol=0.02, confidence=SURE, max_samples=4_000, seed=1
        )
        assert found.method == method
        assert_holds(found, log_value)


def test_a_thousand_classes():
    noise = simplex_noise(1000, 1e-2)
    found = error_probability(simplex_etf(1000), noise, method="union", confidence=SURE, max_samples=200, seed=1)
    assert_holds(found, math.log(gaussian.simplex_error(1000, noise)))


def test_cells_of_thirty_classes():
    noise = simplex_noise(30, 1e-3)
    problem = Problem.of(simplex_etf(30), noise)
    values = np.array([cells.sample(problem, 0, index, 16).value for index in range(8)])
    low, high = cells.replicate_interval(values * math.exp(problem.log_union), 1 - 1e-5)
    assert low <= gaussian.simplex_error(30, noise) <= high
    assert high / low < 1.1


def test_another_value_is_not_held():
    """The check sees it: 10% more than the error probability is outside."""
    noise = simplex_noise(10, 1e-3)
    found = error_probability(simplex_etf(10), noise, method="union", rtol=0.02, confidence=SURE, seed=1)
    with pytest.raises(AssertionError, match="is not in"):
        assert_holds(found, math.log(1.1 * gaussian.simplex_error(10, noise)))


# --------------------------------------------------------------------------------------------------------- any decoder


def shapes():
    """Class means, decoders and biases that are far from a simplex: (configuration, noise)."""
    generator = np.random.default_rng(11)
    means = {shape: generator.standard_normal(shape) for shape in [(2, 1), (12, 1), (5, 9), (20, 3), (40, 60), (9, 4)]}
    line = np.linspace(-1, 1, 8)[:, None] * [1.0, 2.0, 0.0] + 1e-9 * generator.standard_normal((8, 3))
    twice, base = np.repeat(means[9, 4][:4], 2, axis=0), means[9, 4]
    return {
        "two points on a line": (means[2, 1], 0.8),
        "twelve points on a line": (means[12, 1], 0.1),
        "fewer classes than coordinates": (means[5, 9], 1.2),
        "many classes in space": (means[20, 3], 0.3),
        "forty classes in sixty dimensions": (means[40, 60], 2.5),
        "norms from a tenth to ten": (means[20, 3] * np.geomspace(0.1, 10, 20)[:, None], 0.4),
        "one class far away": (np.vstack([base, 1e4 * base[:1]]), 0.8),
        "a large bias": (Configuration(base, weights=base, bias=np.r_[3.0, np.zeros(8)]), 0.9),
        "biases of every size": (Configuration(base, weights=base, bias=np.geomspace(1e-8, 2, 9)), 0.9),
        "a decoder of other norms": (Configuration(base, weights=base * np.geomspace(0.2, 5, 9)[:, None]), 0.6),
        "a line up to 1e-9": (line, 0.2),
        "pairs 1e-7 apart": (twice + 1e-7 * generator.standard_normal(twice.shape), 0.6),
        "pairs that are equal": (twice, 0.6),
        "a class between two others": ([[0.0, 0.0], [1.0, 1.0], [0.5, 0.5 + 1e-12]], 0.4),
    }


SHAPES = shapes()


@pytest.mark.parametrize("name", SHAPES)
def test_intervals_agree_with_counts(name):
    configuration, noise = SHAPES[name]
    problem = Problem.of(configuration, noise)
    counts = plain.sample(problem, 2, 0, 40_000)
    for method in ("union", "cells") if problem.num_classes <= 12 else ("union",):
        found = error_probability(
            configuration, noise, method=method, rtol=0.02, confidence=SURE, max_samples=5_000, seed=3
        )
        assert_compatible(found, counts)


def test_counts_at_other_noise_are_not_compatible():
    """The check sees it: 10% more noise is another problem."""
    configuration, noise = SHAPES["many classes in space"]
    counts = plain.sample(Problem.of(configuration, 1.1 * noise), 2, 0, 40_000)
    found = error_probability(configuration, noise, method="union", confidence=SURE, max_samples=5_000, seed=3)
    with pytest.raises(AssertionError, match="against"):
        assert_compatible(found, counts)
