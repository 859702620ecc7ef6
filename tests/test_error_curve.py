import io
import json
import math
import re
from concurrent.futures import Executor, Future
from decimal import ROUND_CEILING, ROUND_FLOOR
from fractions import Fraction

import numpy as np
import pytest
from rich.console import Console

import nctheory
from nctheory.error_curve import confusions, error_curve, progress_line, share_done
from nctheory.errors import InputError, SolverError
from nctheory.probability import curve, error_probability
from nctheory.probability.estimate import decimal, interval_text

UNEQUAL = nctheory.Configuration(np.random.default_rng(0).normal(size=(5, 4)), class_sizes=[1, 2, 3, 4, 5])
NOISES = [0.2, 2.0, 1.0]  # bounds near enough, then sampled


def text(found, width=200, terminal=False):
    stream = io.StringIO()
    found.render(Console(file=stream, width=width, force_terminal=terminal, color_system=None))
    return stream.getvalue()


def numbers(found):
    return [(point.log_value, point.log_interval, point.num_samples) for point in found.estimates]


# -------------------------------------------------------------------------------------------------------- the numbers


def test_each_noise_gets_the_method_that_auto_takes():
    found = error_curve("points", UNEQUAL, NOISES)
    assert [point.method for point in found.estimates] == ["bounds", "union", "union"]
    for noise, point in zip(NOISES, found.estimates, strict=True):
        other = error_probability(UNEQUAL, noise, rtol=5e-3, seed=5)
        assert other.method == point.method
        assert point.log_interval[0] <= other.log_interval[1]
        assert other.log_interval[0] <= point.log_interval[1]
        assert point.reached
    assert found.exponent.lower == nctheory.channel.exponent(UNEQUAL).lower


def test_exact_points_are_those_of_the_library():
    simplex = nctheory.exact_simplex_etf(10)
    found = error_curve("simplex ETF", simplex, [1.0, 0.05])
    assert [point.method for point in found.estimates] == ["exact", "exact"]
    assert [point.log_value for point in found.estimates] == [each.log_value for each in curve(simplex, [1.0, 0.05])]


@pytest.mark.parametrize("method", ["bounds", "cells", "plain"])
def test_other_methods_answer_each_noise(method):
    found = error_curve("points", UNEQUAL, NOISES, method=method, max_samples=20_000, seed=3)
    for noise, point in zip(NOISES, found.estimates, strict=True):
        alone = error_probability(UNEQUAL, noise, method=method, max_samples=20_000, seed=3)
        assert (point.log_interval, point.reason) == (alone.log_interval, alone.reason)


@pytest.mark.parametrize("method", ["auto", "union"])
def test_priors_by_class_size(method):
    (point,) = error_curve("points", UNEQUAL, [0.4], by_size=True, method=method).estimates
    priors = [Fraction(size, 15) for size in (1, 2, 3, 4, 5)]
    low, high = error_probability(UNEQUAL, 0.4, priors=priors, method="bounds").log_interval
    assert point.log_interval[0] <= high
    assert low <= point.log_interval[1]
    found = error_curve("points", UNEQUAL, [0.4], method=method)
    equal = found.estimates[0].log_interval
    assert equal[0] > high or equal[1] < low, "these priors do matter"
    assert "priors: equal" in text(found)


def test_priors_are_named_and_need_class_sizes():
    found = error_curve("points", UNEQUAL, [0.4], by_size=True)
    assert "priors: in proportion to the class sizes" in text(found)
    with pytest.raises(InputError, match="has none: expected class_sizes"):
        error_curve("points", nctheory.Configuration(np.eye(3)), [0.6], by_size=True)


# ----------------------------------------------------------------------------------------------------- the checkpoint


class Failing(Executor):
    """Does some chunks, then none."""

    def __init__(self, number):
        self.number = number

    def submit(self, function, /, *arguments, **keywords):
        self.number -= 1
        if self.number < 0:
            raise OSError("no workers are left")
        future = Future()
        future.set_result(function(*arguments, **keywords))
        return future


def test_a_stopped_run_goes_on_to_the_same_numbers(tmp_path):
    path, options = tmp_path / "run.json.checkpoint.npz", {"method": "union", "rtol": 5e-3, "seed": 7}
    whole = error_curve("points", UNEQUAL, NOISES, **options)
    with pytest.raises(SolverError, match=r"no workers are left\); .*checkpoint.npz has what was done: add --resume"):
        error_curve("points", UNEQUAL, NOISES, **options, checkpoint=path, executor=Failing(40))
    kept = path.read_bytes()
    with pytest.raises(InputError, match="is there from a run that was stopped: add --resume"):
        error_curve("points", UNEQUAL, NOISES, **options, checkpoint=path)
    with pytest.raises(InputError, match="seed is 7 there and 8 here"):
        error_curve("points", UNEQUAL, NOISES, **{**options, "seed": 8}, checkpoint=path, resume=True)
    assert path.read_bytes() == kept, "what is refused is left as it is"
    counts = []
    resumed = error_curve(
        *("points", UNEQUAL, NOISES),
        **options,
        checkpoint=path,
        resume=True,
        progress=lambda noise, count, _: counts.append((noise, count)),
    )
    assert numbers(resumed) == numbers(whole)
    made = sum(point.num_samples for point in whole.estimates) // 1000
    assert 0 < len(counts) < made, "some chunks were there"


def test_without_a_checkpoint_a_lost_worker_loses_the_work_and_says_so():
    with pytest.raises(SolverError, match=r"no workers are left\); nothing was kept: with -o, it would be"):
        error_curve("points", UNEQUAL, NOISES, method="union", executor=Failing(2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resume": True}, "--resume without -o"),
        ({"resume": True, "method": "cells", "checkpoint": "there"}, "--method cells, which keeps no checkpoint"),
        ({"resume": True, "checkpoint": "missing"}, "missing does not exist"),
        ({"resume": True, "checkpoint": "there", "noises": [0.1]}, "none of these noises needs sampling"),
        ({"resume": True, "checkpoint": "there"}, "is no checkpoint, or a damaged one"),
        ({"checkpoint": "there"}, "is there from a run that was stopped"),
        ({"max_samples": 0}, "max_samples is 0"),
        ({"method": "guess"}, "method is 'guess', expected one of auto, exact"),
        ({"noises": [0.0]}, "noise is 0.0"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path, options, message):
    (tmp_path / "there").write_bytes(b"not a checkpoint")
    options = {"noises": [1.0], **options}
    if "checkpoint" in options:
        options["checkpoint"] = tmp_path / options["checkpoint"]
    with pytest.raises(InputError, match=message):
        error_curve("points", UNEQUAL, options.pop("noises"), **options)
    assert (tmp_path / "there").read_bytes() == b"not a checkpoint"


def test_one_class_has_nothing_to_be_confused_with():
    with pytest.raises(InputError, match="point has one class"):
        error_curve("point", [[1.0]], [0.1])


# ------------------------------------------------------------------------------------------------------ what is shown


def test_the_text_has_one_line_for_each_reason():
    shown = text(error_curve("simplex ETF", nctheory.exact_simplex_etf(10), [0.1, 0.01]))
    assert shown.count("closed form") == 1
    assert "noise 0.1, 0.01: exact: closed form" in shown
    assert "5/18 = 0.277778 for 0 -> 1, one of 90 weakest pairs" in shown
    assert re.search(r"2\.03774505349\d*e-1208", shown), "below all floats"
    assert "quadrature" in shown
    shown = text(error_curve("points", UNEQUAL, NOISES, max_samples=200_000, rtol=1e-5))
    assert shown.count("noise 2, 1: union: importance sampling, valid whenever it stops; rtol 1e-05 was not") == 1
    assert "At noise 0.2" not in shown, "bounds do not know the confusions"
    assert "in 95% of runs or more" in shown


def test_the_confusions_of_the_smallest_noise_are_named():
    found = error_curve("points", UNEQUAL, [2.0, 1.0])
    largest = max(found.estimates[1].per_pair.items(), key=lambda each: each[1])
    assert f"At noise 1 the errors are mostly: {largest[0][0]} -> {largest[0][1]} {100 * largest[1]:.3g}%" in text(
        found
    )
    assert len(confusions(found.estimates[1], 3)) == 3


def test_on_a_narrow_terminal_no_number_breaks():
    found = error_curve("simplex ETF", nctheory.exact_simplex_etf(10), [1.0, 0.01])
    narrow = text(found, width=80, terminal=True)
    interval = r"\[2\.03774505348\d*e-1208, 2\.03774505349\d*e-1208\]"
    assert re.search(rf"\n  in {interval}\n", narrow)
    wide = text(found, width=120, terminal=True)
    assert "\n  in " not in wide
    assert re.search(interval, wide)


@pytest.mark.parametrize("value", ["0.5", "0.999999", "1e-3", "3.14159e-300", "7.5e-3000"])
@pytest.mark.parametrize("digits", [3, 9, 16])
def test_ends_are_rounded_outward(value, digits):
    mantissa, _, power = value.partition("e")
    log = math.log(float(mantissa)) + math.log(10) * int(power or 0)
    exact = decimal(log, 40, ROUND_FLOOR)
    low, high = decimal(log, digits, ROUND_FLOOR), decimal(log, digits, ROUND_CEILING)
    low_value, exact_value, high_value = (Fraction(each) for each in (low, exact, high))
    assert low_value < exact_value < high_value
    assert (high_value - low_value) / exact_value <= Fraction(10) ** (1 - digits)
    assert interval_text((log, log), digits) == f"[{low}, {high}]"


def test_extreme_logarithms_have_a_text():
    assert decimal(-math.inf, 3, ROUND_FLOOR) == "0"
    assert decimal(0.0, 3, ROUND_FLOOR) == "1"
    assert decimal(-2e15, 3, ROUND_FLOOR) == "e^-2000000000000000"
    assert decimal(-1e308, 3, ROUND_FLOOR) == "e^-1e+308"


def test_progress_is_a_line_and_a_share():
    ends = (math.log(0.9799e-20), math.log(1.0199e-20))
    assert progress_line(0.1, 12_000, ends) == "noise 0.1: [9.79e-21, 1.02e-20], 12,000 samples"
    assert share_done(0.01, ends) == pytest.approx(0.24, abs=0.01)
    assert share_done(0.1, ends) == 1
    assert share_done(0.01, (-math.inf, 0.0)) == pytest.approx(0, abs=1e-9)


def test_json_says_all_with_intervals_rounded_outward():
    found = error_curve("points", UNEQUAL, [1.0, 0.01])
    document = json.loads(found.as_json())
    assert (document["format"], document["command"], document["priors"]) == (1, "probability", "equal")
    assert Fraction(document["exponent"]["exact"]) == found.exponent.lower
    sampled, deep = document["points"]
    assert Fraction(sampled["noise"]["exact"]) == 1
    for point, shown in zip(found.estimates, document["points"], strict=True):
        assert (shown["log_interval"]["lower"], shown["log_interval"]["upper"]) == point.log_interval
        assert (shown["interval"]["lower"], shown["interval"]["upper"]) == point.interval
        assert shown["interval"]["lower"] <= shown["value"] <= shown["interval"]["upper"]
        assert shown["log_per_class"] == pytest.approx(point.per_class)
    assert sampled["confusions"][0]["share"] >= sampled["confusions"][1]["share"]
    assert sampled["confidence"] == 0.95
    assert deep["interval"]["lower"] == 0
    assert deep["interval"]["upper"] > 0
    assert Fraction(deep["decimal"]) < Fraction(1, 10**300)


def test_json_has_words_for_infinities():
    found = error_curve("points", UNEQUAL, [0.05], method="plain", max_samples=3)
    classes = json.loads(found.as_json())["points"][0]["log_per_class"]
    assert {*classes} == {"-inf", None}, "no errors, and no samples"
    zero = nctheory.Configuration([[1.0], [1.0]], [[0.0], [0.0]], [1.0, 0.0])
    shown = json.loads(error_curve("ties", zero, [0.05]).as_json())
    assert shown["exponent"] == {"lower": 0.0, "upper": 0.0, "exact": "0"}
    assert "-inf" in shown["points"][0]["log_per_class"]
