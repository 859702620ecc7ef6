"""The focal loss: least values against descent and digits, phase transitions from both sides, bounds that hold."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from nctheory import InputError
from nctheory.landscape import Model, certify, focal, minimize, objective, optimum, solve
from nctheory.landscape.closed_forms import closed_form
from nctheory.landscape.evaluation import Numbers
from nctheory.landscape.flat import Flat
from nctheory.landscape.focal_margins import root_between
from nctheory.landscape.free import factored
from nctheory.losses import CrossEntropy, Focal
from nctheory.result import Status
from tests.test_landscape_bounds import lowest, modeled
from tests.test_landscape_model import collapsed_point, random_point

GAMMAS = (0.1, 0.5, 1.0, 2.0, 5.0, 20.0)
SIZES = (2, 3, 4, 10, 30, 100, 1000)


def phi(margin, size, gamma):
    """-(1 - p)^gamma log p where all margins are the same, in digits."""
    p = 1 / (1 + (size - 1) * mpmath.exp(-mpmath.mpf(margin)))
    return -((1 - p) ** gamma) * mpmath.log(p)


def fall(margin, size, gamma):
    """-phi', by mpmath's differences."""
    return -mpmath.diff(lambda a: phi(a, size, gamma), margin)


def in_floats(margins, size, gamma):
    """phi of many margins."""
    lag = math.log(size - 1) - margins
    return np.exp(-gamma * np.logaddexp(0, -lag)) * np.logaddexp(0, lag)


def least_in_digits(size, gamma, price):
    """min over a >= 0 of phi(a) + price a, which shares nothing with `focal`: by a fine grid, then golden section."""
    margins = np.concatenate([[0.0], np.geomspace(1e-7, 5 + math.log(size) + max(0, -math.log(price)) * 2, 200_001)])
    best = int(np.argmin(in_floats(margins, size, gamma) + price * margins))
    low, high = (mpmath.mpf(float(margins[min(max(best + s, 0), len(margins) - 1)])) for s in (-1, 1))
    ratio = (mpmath.sqrt(5) - 1) / 2
    for _ in range(150):
        one, two = high - ratio * (high - low), low + ratio * (high - low)
        values = [phi(x, size, gamma) + price * x for x in (one, two)]
        low, high = (low, two) if values[0] < values[1] else (one, high)
    ends = [phi(x, size, gamma) + price * x for x in (0, low, (low + high) / 2)]
    return min(ends)


def balanced(size, gamma, c, samples=1, weight=None, dimension=None, bias=(), ratio=1.0):
    """A model of this c = K n^(1/2) lambda / u."""
    strength = c * (weight or 1) / (size * math.sqrt(samples))
    weights = None if weight is None else [weight] * size
    penalties = strength * ratio, strength / ratio
    return modeled([samples] * size, dimension, Focal(gamma), penalties, bias, class_weights=weights)


# ------------------------------------------------------------------------------------------------ the least objective


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("gamma", GAMMAS)
def test_the_lower_end_is_the_least_value_in_digits(size, gamma):
    """From tiny penalties to far beyond collapse; the lower end is below, and by no more than 1e-13 of it."""
    tie = focal.Margin(size, gamma).tie * size / (size - 1)
    with mpmath.workdps(40):
        for c in (1e-8, 1e-3 * tie, 0.5 * tie, 0.999 * tie, 1.001 * tie, 30 * tie):
            model = balanced(size, gamma, c, samples=3, weight=1.5)
            price = mpmath.sqrt(digits(focal._square(model, 3, Fraction(3, 2))))
            expected = mpmath.mpf(3) / 2 * least_in_digits(size, gamma, float(price))
            lower = digits(focal.lower_bound(model, np.zeros((size, size))))
            assert lower <= expected * (1 + mpmath.mpf(10) ** -13)
            assert lower >= expected * (1 - mpmath.mpf(10) ** -13)


def digits(number):
    return mpmath.mpf(number.numerator) / number.denominator


@settings(max_examples=14, deadline=None, derandomize=True)
@given(st.data())
def test_closed_forms_are_what_descent_finds(data):
    """Balanced, on all samples from 20 starts; any bias that is known to change nothing."""
    size, samples = data.draw(st.integers(2, 5)), data.draw(st.integers(1, 3))
    gamma = data.draw(st.sampled_from([0.3, 1.0, 2.0, 4.5]))
    share = data.draw(st.sampled_from([0.02, 0.2, 0.6, 0.95, 1.05, 2.0]))
    bias = data.draw(st.sampled_from([(), (0,), (0.3,)]))
    dimension = data.draw(st.integers(size - 1, size + 1))
    weight = data.draw(st.sampled_from([None, 2.0]))
    c = share * focal.Margin(size, gamma).tie * size / (size - 1)
    model = balanced(size, gamma, c, samples, weight, dimension, bias, ratio=data.draw(st.sampled_from([0.1, 1, 7])))
    found, (end, _) = optimum(model), lowest(model, 20)
    assert closed_form(model) is not None
    assert found.status == Status.NEAR_OPTIMAL
    assert found.value == pytest.approx(end, rel=1e-7)
    assert found.lower <= end * (1 + 1e-12)
    assert objective(model, found.configuration) == pytest.approx(found.value, rel=1e-11)
    assert found.details.rank == (0 if share > 1 else size - 1)
    assert certify(model, found.configuration).status == Status.NEAR_OPTIMAL


@pytest.mark.parametrize(("size", "gamma"), [(2, 0.1), (10, 2.0), (100, 5.0), (1000, 0.5)])
@pytest.mark.parametrize("share", [0.3, 0.99, 1.0, 1.01, 40.0])
def test_ends_are_near_whatever_the_size(size, gamma, share):
    found = optimum(balanced(size, gamma, share * focal.Margin(size, gamma).tie * size / (size - 1), 5))
    assert found.status == Status.NEAR_OPTIMAL
    assert found.gap < 1e-10


def test_the_exponent_0_is_cross_entropy():
    model = balanced(4, 0.0, 0.3, 2)
    assert not focal.is_focal(model)
    assert optimum(model).value == pytest.approx(optimum(model.replace(loss=CrossEntropy())).value, rel=1e-12)


def test_few_dimensions_keep_the_lower_end():
    wide, narrow = (optimum(balanced(6, 2.0, 0.3, 2, dimension=d)) for d in (5, 3))
    assert wide.lower * (1 - Fraction(1, 10**12)) <= narrow.lower
    assert wide.upper < narrow.upper
    assert narrow.status == Status.UNDECIDED


# ----------------------------------------------------------------------------------------------- the form of the loss


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("size", [2, 20, 1000])
def test_the_slope_rises_up_to_the_inflection_and_falls_beyond(gamma, size):
    margin = focal.Margin(size, gamma)
    turn = margin.inflection
    below, above = turn - np.geomspace(1e-3, 40, 60), turn + np.geomspace(1e-3, 40, 60)
    with mpmath.workdps(60):
        falls = [[float(mpmath.log(fall(a, size, gamma))) for a in points] for points in (below, above)]
    assert (np.diff(falls[0]) < 1e-14).all()
    assert (np.diff(falls[1]) < 0).all()
    assert falls[0][-1] == pytest.approx(0, abs=1e-9)  # the slope tends to -1
    assert [margin.log_fall(a) for a in above] == pytest.approx(falls[1], rel=1e-9, abs=1e-9)


KNOWN = {0.5: 56.6, 1.0: 23.1, 2.0: 17.3, 3.0: 17.4, 5.0: 19.9, 10.0: 28.0}


@pytest.mark.parametrize("gamma", KNOWN)
def test_first_order_from_some_number_of_classes_on(gamma):
    """Where (1 - 1/K) (gamma log K - 2 gamma - 1) = gamma^2 log(K) / K the transition is no longer continuous."""

    def excess(size):
        return (1 - 1 / size) * (gamma * math.log(size) - 2 * gamma - 1) - gamma**2 * math.log(size) / size

    turn = float(brentq(excess, KNOWN[gamma] - 1, KNOWN[gamma] + 1))
    assert turn == pytest.approx(KNOWN[gamma], abs=0.06)
    for size, first_order in ((math.floor(turn), False), (math.ceil(turn), True)):
        assert (focal.Margin(size, gamma).inflection > 0) is first_order
        levels = list(focal.thresholds(balanced(size, gamma, 0.1)).values())
        assert (max(levels) > min(levels) * (1 + 1e-12)) is first_order


# --------------------------------------------------------------------------------------------------------- thresholds


def strengthened(model, level):
    return model.replace(regularization=(level, level, *model.regularization[2:]))


@pytest.mark.parametrize(("size", "gamma"), [(2, 2.0), (5, 0.5), (12, 2.0), (20, 2.0), (40, 5.0), (100, 1.0)])
@pytest.mark.parametrize("samples", [1, 4])
def test_total_collapse_begins_at_its_threshold(size, gamma, samples):
    model = balanced(size, gamma, 0.5, samples)
    level = focal.thresholds(model)["total collapse"]
    below, above = (optimum(strengthened(model, level * (1 + sign * 1e-5))) for sign in (-1, 1))
    assert (below.details.rank, above.details.rank) == (size - 1, 0)
    assert below.status == above.status == Status.NEAR_OPTIMAL
    jump = np.diff(below.details.logits[0][[1, 0]])[0]
    assert bool(jump > 0.1) is (focal.Margin(size, gamma).inflection > 0)


@pytest.mark.parametrize(("size", "gamma"), [(20, 2.0), (40, 5.0), (60, 0.5)])
def test_both_minimizers_at_the_tie(size, gamma):
    model = balanced(size, gamma, 0.5, 2)
    level = focal.thresholds(model)["total collapse"]
    found = optimum(strengthened(model, level))
    (other,) = found.details.minimizers
    points = found.configuration, other
    values = [objective(strengthened(model, level), point) for point in points]
    assert values[0] == pytest.approx(values[1], rel=1e-12)
    norms = sorted(float(np.linalg.norm(point.weights)) for point in points)
    assert norms[0] == 0
    assert norms[1] > 0.1
    assert not optimum(strengthened(model, level * (1 - 1e-6))).details.minimizers
    assert not optimum(balanced(5, 1.0, 0.5)).details.minimizers
    continuous = balanced(5, 1.0, 0.5)
    assert not optimum(strengthened(continuous, focal.thresholds(continuous)["total collapse"])).details.minimizers


def lowest_curvature(model, margin):
    """The least eigenvalue of the Hessian at the simplex with this margin, on W / q^(1/2) and (q n)^(1/2) h."""
    size = model.num_classes
    point = factored(model, margin * (np.eye(size) - 1 / size), np.zeros(size))
    numbers = Numbers.of(model, point)
    flat = Flat.like(model, numbers)
    vector = flat.of(numbers)
    assert np.abs(flat.evaluate(vector)[1]).max() < 1e-12
    table = np.array([flat.curvature(vector, row) for row in np.eye(len(vector))])
    return float(np.linalg.eigvalsh((table + table.T) / 2)[0])


@pytest.mark.parametrize(("size", "gamma", "bias"), [(20, 2.0, ()), (20, 2.0, (0,)), (24, 1.0, ())])
def test_zero_and_the_simplex_are_local_minima_up_to_their_thresholds(size, gamma, bias):
    model = balanced(size, gamma, 0.5, 2, bias=bias, dimension=size)
    levels = focal.thresholds(model)
    first, last = (levels[f"{name} local minimum"] for name in ("zero is a", "the simplex ETF ceases to be a"))
    assert first < levels["zero and the simplex ETF tie" if bias else "total collapse"] < last
    for sign in (-1, 1):
        curvature = lowest_curvature(strengthened(model, first * (1 + sign * 1e-4)), 0.0)
        assert (curvature < -1e-7) is (sign < 0)
    just = strengthened(model, last * (1 - 1e-4))
    price = just.strength * (size - 1) * math.sqrt(2)
    margin = focal.Margin(size, gamma)
    outer, inner = margin.stationary(price), margin.inflection / 2
    assert lowest_curvature(just, outer) > -1e-12
    inner = root_between(lambda a: margin.log_fall(a) - math.log(price), 0.0, margin.inflection)
    assert lowest_curvature(just, inner) < -1e-7  # the stationary simplex between them is a saddle
    assert margin.stationary(price * (1 + 2e-4)) is None


def test_descent_stays_at_the_worse_minimum_and_certify_says_so():
    """Beyond K_c the landscape is not benign: at a simplex that is worse than zero no curvature is negative."""
    model = balanced(30, 2.0, 0.5, 1)
    level = focal.thresholds(model)["total collapse"]
    just = strengthened(model, level * 1.0005)
    margin = focal.Margin(30, 2.0).stationary(just.strength * 29)
    point = factored(just, margin * (np.eye(30) - 1 / 30), np.zeros(30))
    run = minimize(just, start=point)
    assert objective(just, run.point) > optimum(just).value * (1 + 1e-6)
    found = certify(just, run.point)
    assert found.status == Status.IMPROVABLE
    assert found.lower > 0.99
    assert objective(just, found.configuration) < objective(just, run.point)


# ------------------------------------------------------------------------------------------------------- with a bias


@pytest.mark.parametrize(("size", "gamma"), [(30, 2.0), (40, 5.0), (60, 2.0)])
def test_with_a_bias_a_simplex_of_some_classes_is_better_near_the_tie(size, gamma):
    model = balanced(size, gamma, 0.5, 1, bias=(0,))
    levels = focal.thresholds(model)
    assert "total collapse" not in levels
    at = strengthened(model, levels["zero and the simplex ETF tie"])
    with_bias, without = optimum(at, starts=1), optimum(at.replace(bias=False, regularization=at.regularization[:2]))
    assert with_bias.upper < without.lower * (1 - Fraction(1, 10**6))
    assert 0 < with_bias.details.rank < size - 1
    assert np.ptp(with_bias.details.bias) > 0.01
    assert with_bias.status == Status.UNDECIDED
    assert with_bias.lower <= with_bias.upper
    assert with_bias.gap < 0.15
    assert closed_form(at) is None


@pytest.mark.parametrize(("size", "gamma", "settled"), [(10, 2.0, True), (4, 20.0, True), (10, 5.0, True)])
def test_a_bias_changes_nothing_for_few_classes(size, gamma, settled):
    for share in (0.1, 0.99, 1.01, 100.0):
        c = share * focal.Margin(size, gamma).tie * size / (size - 1)
        assert focal.is_settled(balanced(size, gamma, c, 2, bias=(0,))) is settled
    assert "total collapse" in focal.thresholds(balanced(size, gamma, 1.0, bias=(0,)))


def test_a_bias_changes_nothing_far_from_the_tie():
    for size, gamma in ((100, 2.0), (1000, 20.0), (30, 5.0)):
        assert focal.is_settled(balanced(size, gamma, 1.0, bias=(0,)))
    assert not focal.is_settled(balanced(100, 2.0, 1.1, bias=(0,)))


def test_means_of_many_biases_are_no_smaller_than_the_bound():
    """phi at mean margins that add up to 0, with what can be paid for: the bound that `is_settled` compares with."""
    generator = np.random.default_rng(0)
    for size, gamma, c in ((4, 3.0, 0.7), (12, 2.0, 1.1), (30, 2.0, 1.16), (30, 2.0, 1.3)):
        model = balanced(size, gamma, c, bias=(0,))
        bound, price = float(focal._of_margins(model)), c * (size - 1) / size
        steps = np.linspace(0, 30, 3001)
        for _ in range(200):
            shift = generator.standard_normal(size) * 10 ** generator.uniform(-2, 1.2)
            shift[1:] *= generator.choice([1, 0.1, 0])
            shift -= shift.mean()
            means = np.min(in_floats(shift[:, None] + steps, size, gamma) + price * steps, axis=1)
            assert means.mean() >= bound * (1 - 1e-9)


# --------------------------------------------------------------------------------------------------- bounds that hold


@pytest.mark.parametrize("seed", range(24))
def test_no_point_is_below_a_lower_bound(seed):
    """Any sizes, weights, bias, dimension and exponent; bounds from several points against random and low points."""
    generator = np.random.default_rng(seed)
    size = int(generator.integers(2, 7))
    sizes = generator.integers(1, 6, size) if seed % 3 else np.full(size, 3)
    bias = ((), (0,), (0.4,))[seed % 3 if seed % 2 else 0]
    weights = None if seed % 4 else generator.uniform(0.2, 3, size)
    strength = 10 ** generator.uniform(-3, 0.3) / size
    penalties = (strength, strength * generator.uniform(0.2, 5))
    loss, width = Focal(float(generator.uniform(0.05, 8))), int(generator.integers(1, size + 2))
    model = modeled(sizes.tolist(), width, loss, penalties, bias, class_weights=weights)
    least, (w, features, shift) = lowest(model, 3, seed=seed)
    least = min(least, float(optimum(model).upper))
    tables = [np.zeros((size, size)), generator.standard_normal((size, size)) * 3]
    labels = np.repeat(np.arange(size), model.class_sizes)
    means = np.array([features[labels == k].mean(axis=0) for k in range(size)])
    tables.append(means @ w.T + shift)
    bounds = [focal.lower_bound(model, table) for table in tables]
    assert max(bounds) <= least * (1 + 1e-12)
    assert max(bounds) > 0
    point = random_point(model, seed, bias=bool(bias))[-1]
    found = certify(model, point)
    assert 0 < found.lower <= least / objective(model, point) * (1 + 1e-12) + 1e-12
    assert found.upper >= least / objective(model, point) * (1 - 1e-9)


@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
@pytest.mark.parametrize("bias", [(), (0,), (0.2,)])
@pytest.mark.parametrize("weights", [None, [1.0, 1.0, 0.5, 3.0]])
def test_imbalanced_optima_are_proved_by_cross_entropy(gamma, bias, weights):
    """Where no class's surprisal is large, class-weighted cross-entropy touches the focal loss at the optimum."""
    model = modeled([9, 9, 4, 2], None, Focal(gamma), (0.004, 0.002), bias, class_weights=weights)
    found, (end, _) = optimum(model), lowest(model, 2)
    assert found.value == pytest.approx(end, rel=1e-7)
    assert found.status == Status.NEAR_OPTIMAL
    assert certify(model, found.configuration).status == Status.NEAR_OPTIMAL
    point = collapsed_point(model, 3)
    assert certify(model, point).lower == pytest.approx(end / objective(model, point), rel=1e-7)


@pytest.mark.parametrize("gamma", [0.05, 1.0, 3.0, 20.0])
@pytest.mark.parametrize("slope", [1e-12, 1e-3, 0.3, 0.99, 1.0])
def test_lines_below_the_loss_touch_it(gamma, slope):
    tangent = focal._Tangent(Fraction(gamma))
    found = tangent.intercept(Fraction(slope))
    s = np.concatenate([np.geomspace(1e-14, 30, 300_001), [100.0]])
    gaps = (-np.expm1(-s)) ** gamma * s - slope * s
    assert float(found) <= gaps.min() + 1e-15 * abs(gaps.min())
    assert float(found) == pytest.approx(gaps.min(), rel=1e-6)


def test_a_line_that_is_too_high_is_not_below():
    """The bound with weights of cross-entropy that ignore that the slope may not be above 1 would be wrong."""
    s = np.linspace(0, 60, 100_001)
    value = (-np.expm1(-s)) ** 2 * s
    assert (value - (value[2500] + 1.05 * (s - s[2500]))).min() < -0.1
    assert focal._Tangent(Fraction(2)).slope(2.0) == 1.0


# ---------------------------------------------------------------------------------------------------------- bad input


def test_what_is_refused():
    with pytest.raises(InputError, match="gamma is -1"):
        Focal(-1)
    with pytest.raises(InputError, match="loss is focal:2, which is not convex"):
        solve(balanced(3, 2.0, 0.5))
    with pytest.raises(InputError, match="loss focal:2 for this model"):
        Model([2, 2], loss=Focal(2), regularization=(1, 1), features="nonnegative")
    with pytest.raises(InputError, match="loss focal:2 for this model"):
        Model([2, 2], loss=Focal(2), regularization=(1, 1), depth=2)
