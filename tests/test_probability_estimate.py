"""Estimates: every method against closed forms and the others, honest intervals, executors, and bad input."""

import math
import time
import uuid
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest
from scipy import special

from nctheory import Configuration, gaussian, orthogonal_frame, orthoplex, simplex_etf
from nctheory.errors import InputError, SolverError
from nctheory.probability import Estimate, error_probability, executors
from nctheory.probability import estimate as module
from nctheory.probability.estimate import chunk_sizes, num_chunks
from nctheory.probability.problem import Problem

SIMULATED = ("union", "cells")
TINY = 1 - 1e-6  # a confidence at which no test fails by chance
ANGLES = 2 * np.pi * np.arange(5) / 5
POLYGON = np.column_stack([np.cos(ANGLES), np.sin(ANGLES)])
RANDOM = np.random.default_rng(5).normal(size=(6, 4))


def log_tail(t):
    return float(special.log_ndtr(-t))


def polygon_log(noise):
    """log of (1 / pi) times the integral of exp(-s^2 / (2 sin^2 t)) up to pi - pi / 5, by the trapezoidal rule."""
    s, t = math.sin(math.pi / 5) / noise, np.linspace(1e-3, math.pi - math.pi / 5, 2_000_001)
    values = np.exp(-(s**2) / 2 * (1 / np.sin(t) ** 2 - 1))
    return math.log(np.trapezoid(values, t) / math.pi) - s**2 / 2


def case_noise(distance, exponent):
    """About the noise at which the error probability of points this far apart is e^-exponent."""
    return distance / math.sqrt(8 * exponent)


EXACT = {
    "simplex": (simplex_etf(6), math.sqrt(2.4), lambda noise: math.log(gaussian.simplex_error(6, noise))),
    "orthogonal": (
        orthogonal_frame(5),
        math.sqrt(2),
        lambda noise: math.log(gaussian.simplex_error(5, noise * math.sqrt(1.25))),
    ),
    "biorthogonal": (orthoplex(8, 4), math.sqrt(2), None),
    "polygon": (POLYGON, 2 * math.sin(math.pi / 5), polygon_log),
    "line": ([[0.0], [1.0], [2.0], [3.0]], 1.0, lambda noise: math.log(1.5) + log_tail(0.5 / noise)),
}
DEPTHS = (0.7, 4.0, 30.0, 600.0, 1e6)


def holds(found, log_value):
    """Everything that is true of any estimate, and that this value is in it."""
    low, high = found.log_interval
    assert low <= found.log_value <= high <= 0, str(found)
    assert 0 <= found.interval[0] <= found.value <= found.interval[1] <= 1
    assert not math.isnan(found.relative_width)
    assert found.relative_width >= 0
    assert found.per_class is None or (np.nan_to_num(found.per_class, nan=-1) <= 0).all()
    if found.per_pair:
        assert sum(found.per_pair.values()) == pytest.approx(1)
    slack = 1e-13 + 2e-15 * abs(log_value)  # of the reference
    assert low - slack <= log_value <= high + slack, f"{log_value!r} is not in {found}"


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("name", EXACT)
def test_every_method_holds_the_closed_form(name, depth):
    points, distance, reference = EXACT[name]
    noise = case_noise(distance, depth)
    exact = error_probability(points, noise, method="exact")
    assert exact.guarantee == "numerical"
    holds(exact, exact.log_value)
    if reference is not None and exact.log_value > -700:
        assert exact.log_value == pytest.approx(reference(noise), rel=1e-9, abs=1e-9)
    enclosed = error_probability(points, noise, method="exact", rigorous=name in ("simplex", "biorthogonal", "line"))
    holds(enclosed, exact.log_value)
    holds(error_probability(points, noise, method="bounds"), exact.log_value)
    for method in SIMULATED:
        found = error_probability(points, noise, method=method, seed=1, confidence=TINY, rtol=0.05, max_samples=20_000)
        holds(found, exact.log_value)
    holds(error_probability(points, noise, method="plain", seed=1, confidence=TINY, max_samples=5_000), exact.log_value)


CASES = {
    "random": (RANDOM, 0.8, {}),
    "unequal norms": (RANDOM * np.geomspace(0.3, 3, 6)[:, None], 0.4, {}),
    "biased": (Configuration(RANDOM, weights=RANDOM + 0.1, bias=np.linspace(-0.5, 0.5, 6)), 0.5, {}),
    "negative margins": (Configuration(RANDOM, weights=np.roll(RANDOM, 1, axis=0)), 0.5, {}),
    "equal weight rows": (
        Configuration(RANDOM, weights=RANDOM[[0, 0, 1, 2, 3, 4]], bias=[0.3, 0.2, 0.2, 0, 0, 0]),
        0.5,
        {},
    ),
    "near-degenerate": (np.vstack([RANDOM, RANDOM[0] + 1e-9]), 0.3, {}),
    "covariance": (RANDOM, 0.5, {"noise_covariance": np.diag([1.0, 2.0, 0.1, 0.5])}),
    "covariance of each class": (RANDOM, 0.5, {"noise_covariance": [np.eye(4) * (1 + c) for c in range(6)]}),
    "priors": (RANDOM, 0.6, {"priors": [0.5, 0.2, 0.1, 0.1, 0.1, 0.0]}),
    "rare": (RANDOM, 0.15, {}),
}


@pytest.mark.parametrize("name", CASES)
def test_methods_agree_where_there_is_no_closed_form(name):
    points, noise, more = CASES[name]
    options = {"seed": 3, "confidence": TINY, "rtol": 0.02, **more}
    cells = error_probability(points, noise, method="cells", **(options | {"rtol": 1e-3}))
    for method, most in (("union", 200_000), ("bounds", 1), ("auto", 200_000), ("plain", 60_000)):
        found = error_probability(points, noise, method=method, max_samples=most, **options)
        holds(found, found.log_value)
        low, high = found.log_interval
        assert low <= cells.log_interval[1], f"{cells} against {found}"
        assert cells.log_interval[0] <= high, f"{cells} against {found}"
    found = error_probability(points, noise, method="union", **(options | {"rtol": 0.01}))
    drawn = np.isfinite(found.per_class)  # a class that errs too seldom is drawn by none
    assert drawn.any()
    assert np.allclose(found.per_class[drawn], cells.per_class[drawn], atol=0.2)
    for pair, share in cells.per_pair.items():
        assert abs(found.per_pair.get(pair, 0) - share) < 0.1


@pytest.mark.parametrize("method", ["auto", "exact", "bounds", "union", "cells", "plain"])
def test_one_class_never_errs(method):
    found = error_probability([[1.0, 2.0]], 0.3, method=method, seed=0, max_samples=2_000)
    assert found.log_interval[0] == -math.inf
    assert found.value == 0 == found.interval[0]
    if method != "plain":
        assert found.interval == (0, 0)
        assert found.reached


@pytest.mark.parametrize("method", ["auto", "bounds", "union", "cells", "plain"])
def test_ties_are_errors(method):
    equal = error_probability(np.ones((3, 2)), 0.3, method=method, seed=0, max_samples=2_000, confidence=TINY)
    holds(equal, 0.0)
    touching = Configuration([[0.0, 0], [0, 0], [3, 1]], weights=[[1.0, 0], [-1, 0], [0, 1]])
    found = error_probability(touching, 0.5, method=method, seed=0, max_samples=20_000, confidence=TINY)
    holds(found, error_probability(touching, 0.5, method="exact").log_value)


@pytest.mark.parametrize("method", ["auto", "bounds", "union", "cells", "plain"])
@pytest.mark.parametrize("noise", [1e-200, 1e-8, 1e8, 1e200])
def test_extreme_noise_is_no_trouble(method, noise):
    for points in (RANDOM, simplex_etf(4)):
        found = error_probability(points, noise, method=method, seed=0, max_samples=2_000)
        holds(found, found.log_value)
        assert found.value > 0
        assert found.interval[1] > 0
        if noise > 1:
            assert found.interval[0] <= 1 - 1 / len(found.per_class) <= found.interval[1] + 1e-7


def test_an_enclosure_holds_the_known_digits():
    found = error_probability(simplex_etf(10), Fraction(1, 20), rigorous=True)
    assert found.guarantee == "enclosure"
    low, high = found.interval
    assert low <= 1.33316402682082512939e-49 * (1 + 1e-13)
    assert high >= 1.33316402682082512939e-49 * (1 - 1e-13)


def test_rigorous_never_simulates():
    found = error_probability(RANDOM, 0.9, rigorous=True, rtol=1e-4)
    assert (found.guarantee, found.num_samples, found.reached) == ("rigorous", 0, False)
    with pytest.raises(InputError, match=r"rigorous is True.*'union'"):
        error_probability(RANDOM, 0.5, method="union", rigorous=True)


def test_auto_says_why():
    assert "closed form" in error_probability(simplex_etf(3), 0.5).reason
    assert "near enough" in error_probability(RANDOM, 0.05).reason
    found = error_probability(RANDOM, 0.8, seed=1)
    assert found.method == "union"
    assert found.guarantee == "confidence"
    assert found.reached


# ------------------------------------------------------------------------------------------------------ seeds, limits


def same(one, other):
    return (one.log_value, one.log_interval, one.num_samples, one.per_class.tobytes(), one.per_pair) == (
        (other.log_value, other.log_interval, other.num_samples, other.per_class.tobytes(), other.per_pair)
    )


def nearest(points):
    """A decoder as a function."""
    return np.argmin(((points[:, None] - RANDOM) ** 2).sum(axis=2), axis=1)


def test_workers_give_the_same_answer_bit_by_bit():
    with ProcessPoolExecutor(2) as executor:
        for method in ("union", "cells", "plain"):
            options = {"method": method, "seed": 7, "rtol": 0.02, "max_samples": 20_000}
            alone = error_probability(RANDOM, 0.7, **options)
            assert same(alone, error_probability(RANDOM, 0.7, executor=executor, **options))
            assert same(alone, error_probability(RANDOM, 0.7, **options))
            assert alone.per_pair != error_probability(RANDOM, 0.7, **(options | {"seed": 8})).per_pair
        counted = error_probability(RANDOM, 0.7, decoder=nearest, seed=7, max_samples=3_000, executor=executor)
        assert same(counted, error_probability(RANDOM, 0.7, decoder=nearest, seed=7, max_samples=3_000))


def test_threads_give_the_same_answer():
    with ThreadPoolExecutor(3) as executor:
        for method in ("union", "cells", "plain"):
            options = {"method": method, "seed": 7, "rtol": 0.02, "max_samples": 20_000}
            threads = error_probability(RANDOM, 0.7, executor=executor, **options)
            assert same(threads, error_probability(RANDOM, 0.7, **options))


def seen_problem(problem, *_):
    """Which problem a worker was given, after long enough for others to come in between."""
    time.sleep(0.001)
    problem.kept["calls"] = problem.kept.get("calls", 0) + 1
    return problem


def test_a_worker_sets_a_problem_up_once_and_makes_one_chunk_at_a_time():
    given = [Problem.of(RANDOM, noise) for noise in (0.5, 0.6)]
    with ThreadPoolExecutor(4) as executor:
        first, second = (
            list(executors.results(executor, uuid.uuid4().hex, problem, seen_problem, [()] * 40)) for problem in given
        )
    for problem, found in zip(given, (first, second), strict=True):
        assert len({id(each) for each in found}) == 1
        assert found[0] is not problem
        assert found[0].noise == problem.noise
        assert found[0].kept["calls"] == 40
        assert not problem.kept


def test_a_worker_forgets_old_problems():
    with ThreadPoolExecutor(1) as executor:
        for number in range(10):
            list(executors.results(executor, str(number), Problem.of(RANDOM, 0.5), seen_problem, [()]))
    assert list(executors._problems)[-4:] == ["6", "7", "8", "9"]
    assert len(executors._problems) == 4


def test_chunks_are_handed_out_ahead_and_taken_back():
    calls, given = [], []

    class Counts(ThreadPoolExecutor):
        def submit(self, *args):
            calls.append(super().submit(*args))
            return calls[-1]

    with Counts(1) as executor:
        results = executors.results(executor, "key", Problem.of(RANDOM, 0.5), seen_problem, [()] * 40, ahead=5)
        for _ in range(3):
            given.append(next(results))
            assert len(calls) == 4 + len(given)
        results.close()
    assert calls[-1].cancelled()
    assert len(calls) == 7


def test_a_seed_that_was_drawn_is_reported():
    found = error_probability(RANDOM, 0.7, method="union")
    assert same(found, error_probability(RANDOM, 0.7, method="union", seed=found.seed))


def die(points):
    """A decoder that takes its process with it."""
    import os

    os._exit(1)


def test_an_executor_that_dies_is_quoted():
    executor = ProcessPoolExecutor(1)
    with executor, pytest.raises(SolverError, match=r"ProcessPoolExecutor.*BrokenProcessPool"):
        error_probability(RANDOM, 0.7, decoder=die, seed=0, max_samples=3_000, executor=executor)
    with pytest.raises(SolverError, match="ProcessPoolExecutor did not compute"):
        error_probability(RANDOM, 0.7, method="union", seed=0, executor=executor)


class Unsendable:
    """A decoder that refuses to be pickled."""

    def __call__(self, points):
        return nearest(points)

    def __reduce__(self):
        raise TypeError("this stays here")


def test_a_function_that_cannot_be_sent_is_quoted():
    with ProcessPoolExecutor(1) as executor, pytest.raises(SolverError, match="this stays here"):
        error_probability(RANDOM, 0.7, decoder=Unsendable(), seed=0, max_samples=2_000, executor=executor)


def test_an_accuracy_out_of_reach_is_flagged():
    for method in ("union", "plain"):
        found = error_probability(RANDOM, 0.7, method=method, rtol=1e-6, max_samples=3_000, seed=0)
        assert not found.reached
        assert found.num_samples == 3_000
        assert "rtol 1e-06 was not reached" in str(found)
    found = error_probability(RANDOM, 0.7, method="union", rtol=0, max_samples=3_000, seed=0)
    assert found.num_samples == 3_000
    assert not found.reached
    assert not error_probability(RANDOM, 0.7, method="cells", rtol=0, max_samples=1, seed=0).reached


def test_progress_sees_what_is_returned():
    for method in ("union", "cells", "plain"):
        seen = []
        found = error_probability(
            RANDOM, 0.7, method=method, seed=0, max_samples=4_000, progress=lambda *args, seen=seen: seen.append(args)
        )
        assert seen[-1] == (found.num_samples, found.log_interval)


def test_chunks_add_up():
    for total in (1, 999, 1000, 123_456, 10_000_000):
        listed = list(module.chunk_sizes(total))
        assert sum(size for _, size in listed) == total
        assert [index for index, _ in listed] == list(range(len(listed)))


@pytest.mark.parametrize("noise", [0.7, 0.3, 0.12])
def test_intervals_cover(noise):
    """At most as many misses as a binomial count at 95% has in all but one of a million such tests."""
    truth = error_probability(RANDOM, noise, method="cells", rtol=1e-4, seed=0).log_value
    misses = 0
    for seed in range(60):
        found = error_probability(RANDOM, noise, method="union", rtol=0.05, max_samples=2_000, seed=seed)
        misses += not found.log_interval[0] <= truth + 1e-5 or not truth - 1e-5 <= found.log_interval[1]
    assert misses <= 14


# ---------------------------------------------------------------------------------------------------------- the record


def record(log_value, log_interval, **more):
    given = {"guarantee": "numerical", "method": "exact", "num_samples": 0, "per_class": None, "per_pair": None}
    given |= {"confidence": None, "seed": None, "seconds": 0.0, "reason": "r"} | more
    return Estimate(log_value, log_interval, **given)


def test_rounding_is_outward():
    for log in (-1e-17, -0.3, -50.0, -700.0, -744.0, -1e4):
        found = record(log, (log, log))
        low, high = found.interval
        assert low <= found.value <= high <= 1
        assert low < high
        assert found.value > 0
    assert record(-1e4, (-1e4, -1e4)).interval == (0, math.ulp(0.0))
    assert record(-math.inf, (-math.inf, -math.inf)).interval == (0, 0)


def test_widths_are_never_undefined():
    inf = math.inf
    for value, low, high, width in [
        (-inf, -inf, -inf, 0),
        (-1, -inf, 0, inf),
        (-2000, -3000, -1, inf),
        (-1, -1, -1, 0),
    ]:
        assert record(value, (low, high)).relative_width == width
    assert record(-5.0, (-5.01, -4.99)).relative_width == pytest.approx(0.01, rel=1e-3)
    assert record(-2.0, (-3.0, -1.0)).relative_width == pytest.approx(math.sinh(1), rel=1e-12)


@pytest.mark.parametrize(
    ("log", "width", "shown"),
    [
        (math.log(0.25), 2e-2, "0.250 in [0.244, 0.256] (+-2%"),
        (-1e6, 5e-3, "3.297e-434295 in [3.280e-434295, 3.314e-434295]"),
        (-1e17, 0.1, "e^-1e+17"),
        (-math.inf, 0, "0 in [0, 0] (+-0%"),
    ],
)
def test_the_line_shows_enough_digits(log, width, shown):
    line = str(record(log, (log + math.log1p(-width), log + math.log1p(width)) if width else (log, log)))
    assert line.startswith(shown), line
    assert "\n" not in line
    assert line.endswith(": r")


def test_the_line_tells_the_ends_apart():
    found = record(-3.0, (-3.0 - 1e-9, -3.0 + 1e-9))
    low, high = str(found).split("[")[1].split("]")[0].split(", ")
    assert low != high
    assert "numerical, exact" in str(found)
    assert "95% confidence, union, 1,000 samples" in str(
        record(-3.0, (-4.0, -2.0), guarantee="confidence", method="union", num_samples=1000, confidence=0.95)
    )


# ----------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise": 0}, "noise is 0"),
        ({"noise": -1.0}, "noise is -1.0"),
        ({"noise": math.nan}, "noise is nan"),
        ({"noise": math.inf}, "noise is inf"),
        ({"noise": "loud"}, "noise is 'loud'"),
        ({"method": "magic"}, "method is 'magic'.*union"),
        ({"method": "exact"}, "no closed form"),
        ({"rtol": -1}, "rtol is -1"),
        ({"rtol": math.nan}, "rtol is nan"),
        ({"rtol": "0"}, "rtol is '0'"),
        ({"confidence": 1.0}, "confidence is 1.0"),
        ({"confidence": True}, "confidence is True"),
        ({"max_samples": 0}, "max_samples is 0"),
        ({"max_samples": 1.5}, "max_samples is 1.5"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": "x"}, "seed is 'x'"),
        ({"executor": 3}, "executor is 3"),
        ({"progress": 3}, "progress is 3"),
        ({"decoder": 3}, "decoder is 3"),
        ({"decoder": nearest, "method": "union"}, "method is 'union'.*'plain'"),
        ({"decoder": nearest, "rigorous": True}, "rigorous is True.*counted"),
        ({"priors": [0.5, 0.5]}, "priors has shape"),
        ({"noise_covariance": np.eye(3)}, "noise_covariance has shape"),
    ],
)
def test_bad_input_is_quoted(options, message):
    options = {"noise": 0.5} | options
    noise = options.pop("noise")
    with pytest.raises(InputError, match=message):
        error_probability(RANDOM, noise, **options)


def test_cells_of_too_many_classes_are_refused():
    with pytest.raises(InputError, match=r"129 classes.*'union'"):
        error_probability(np.random.default_rng(0).normal(size=(129, 3)), 0.5, method="cells")


def test_a_decoder_is_counted():
    found = error_probability(RANDOM, 0.7, decoder=nearest, seed=0, max_samples=4_000, confidence=TINY)
    assert found.method == "plain"
    holds(found, error_probability(RANDOM, 0.7, seed=0, rtol=0.01).log_value)
    never = error_probability(
        [[0.0], [9.0]], 0.1, decoder=lambda x: (x[:, 0] > 4).astype(int), seed=0, max_samples=2_000
    )
    assert never.value == 0
    assert never.interval[1] > 0
    assert not never.reached


@pytest.mark.parametrize("total", [1, 999, 1_000, 1_001, 12_345, 3_000_000, 20_000_001])
def test_chunks_are_counted_as_they_are_made(total):
    sizes = [size for _, size in chunk_sizes(total)]
    assert (sum(sizes), len(sizes)) == (total, num_chunks(total))


def test_the_bound_of_the_simplex_is_named_and_not_used():
    found = error_probability(np.random.default_rng(0).standard_normal((40, 39)), 3.0, method="bounds")
    assert "by the simplex, whose bound rests on a preprint and is not used" in found.reason
