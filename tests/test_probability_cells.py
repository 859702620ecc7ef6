"""Decoder cells: closed forms within the replicates' errors, cells that touch or vanish, and few coordinates."""

import math

import numpy as np
import pytest
from scipy import optimize, special, stats

from nctheory import Configuration, gaussian
from nctheory.constructions import simplex_etf
from nctheory.errors import InputError
from nctheory.probability import cells, plain
from nctheory.probability.problem import Problem


def replicates(problem, size=128, number=10, seed=0):
    return [cells.sample(problem, seed, index, size) for index in range(number)]


def assert_holds(problem, exact, size=128, rounding=1e-11):
    """The exact value within a wide interval of the replicates, up to rounding."""
    found = replicates(problem, size)
    ratios = np.array([each.value for each in found]) / (exact / math.exp(found[0].log_scale))
    low, high = cells.replicate_interval(ratios, 1 - 1e-5)
    assert low - rounding <= 1 <= high + rounding
    assert ratios.std() < 0.05


def simplex_noise(num_classes, target):
    def excess(log_noise):
        return math.log(max(gaussian.simplex_error(num_classes, math.exp(log_noise)), 5e-324)) - math.log(target)

    return math.exp(optimize.brentq(excess, -4, 4))


@pytest.mark.parametrize("num_classes", [3, 5, 10, 20])
@pytest.mark.parametrize("target", [0.5, 1e-2, 1e-6, 1e-20, 1e-100, 1e-300])
def test_simplices(num_classes, target):
    noise = simplex_noise(num_classes, target)
    exact = gaussian.simplex_error(num_classes, noise)
    assert_holds(Problem.of(simplex_etf(num_classes), noise), exact, size=32 if num_classes > 10 else 128)


@pytest.mark.parametrize("noise", [0.05, 0.3, 0.8, 3.0])
def test_orthogonal_biorthogonal_polygon_and_line(noise):
    assert_holds(Problem.of(np.eye(8), noise), gaussian.orthogonal_error(8, 1 / noise))
    assert_holds(Problem.of(np.vstack([np.eye(5), -np.eye(5)]), noise), gaussian.biorthogonal_error(5, noise))
    polygon = [[math.cos(2 * math.pi * k / 9), math.sin(2 * math.pi * k / 9)] for k in range(9)]
    assert_holds(Problem.of(polygon, noise), gaussian.polygon_error(9, noise))
    points = (0.0, 1.0, 1.5, 4.0)
    exact = 1 - gaussian.line_correct(points, noise)
    found = replicates(Problem.of([[x] for x in points], noise), 1, 2)
    if exact > 1e-3:
        assert math.exp(found[0].log_scale) * found[0].value == pytest.approx(exact, rel=1e-12)
        assert found[0].value == found[1].value


@pytest.mark.parametrize("noise", [1e-6, 0.1, 1.0, 1e6])
def test_two_classes_take_no_luck(noise):
    only = cells.sample(Problem.of([[1.0, 0.0], [0.0, 1.0]], noise), 0, 0, 1)
    assert only.value == pytest.approx(1, rel=1e-13 + 2 * math.ulp(only.log_scale))
    assert only.log_scale == pytest.approx(special.log_ndtr(-math.sqrt(0.5) / noise), rel=1e-13)


def random_cases():
    generator = np.random.default_rng(3)
    means = generator.standard_normal((7, 5))
    weights, bias = means + generator.standard_normal((7, 5)) / 4, generator.standard_normal(7) / 3
    equal, close = weights.copy(), means.copy()
    equal[[3, 5]] = equal[2]
    close[1] = close[0] + 1e-6 * generator.standard_normal(5)
    roots = generator.standard_normal((7, 5, 5)) / 2
    flat = roots.copy()
    flat[:, 0] = 0
    return {
        "unequal norms": Problem.of(means * generator.uniform(0.3, 2, (7, 1)), 0.6),
        "biased": Problem.of(Configuration(means, weights, bias), 0.7),
        "unrelated decoder": Problem.of(Configuration(means, generator.standard_normal((7, 5)), bias), 0.5),
        "opposite decoder": Problem.of(Configuration(means, -means, np.zeros(7)), 0.5),
        "nearly equal means": Problem.of(close, 0.6),
        "equal means": Problem.of(np.vstack([means, means[:2]]), 0.6),
        "equal rows": Problem.of(Configuration(means, equal, np.where(np.arange(7) == 2, 0.3, 0.0)), 0.5),
        "priors": Problem.of(means, 0.6, [0.5, 0.2, 0.1, 0.1, 0.06, 0.04, 0.0]),
        "colored by class": Problem.of(means, 0.6, None, roots @ roots.transpose(0, 2, 1)),
        "flat by class": Problem.of(means, 0.6, None, flat @ flat.transpose(0, 2, 1)),
        "many in the plane": Problem.of(generator.standard_normal((12, 2)), 0.2),
    }


CASES = random_cases()


@pytest.mark.parametrize("name", CASES)
def test_any_configuration_against_counts(name):
    problem = CASES[name]
    found, counts = replicates(problem), plain.sample(problem, 1, 0, 200_000)
    scale = math.exp(found[0].log_scale)
    values = scale * np.mean([each.class_values for each in found], axis=0)
    low, high = plain.clopper_pearson(int(counts.wrong.sum()), int(counts.sent.sum()), 1 - 1e-5)
    assert low * 0.998 <= values.sum() <= high * 1.002
    for c in np.flatnonzero(counts.sent):
        low, high = plain.clopper_pearson(int(counts.wrong[c]), int(counts.sent[c]), 1 - 1e-6)
        assert low * 0.99 <= values[c] / problem.priors[c] <= high * 1.01 + 1e-9
    tables = np.zeros((2, problem.num_classes, problem.num_classes))
    tables[0][tuple(found[0].pairs.T)] = scale * np.mean([each.pair_values for each in found], axis=0)
    tables[1][tuple(counts.pairs.T)] = counts.pair_counts / counts.sent.sum()
    assert np.abs(tables[0] - tables[1]).max() < 0.006


def test_certain_errors_and_no_errors():
    assert cells.sample(Problem.of(np.ones((4, 3)), 0.5), 0, 0, 4).value * 3 == pytest.approx(1, rel=1e-12)
    for problem in (Problem.of([[1.0, 2.0]], 0.5), Problem.of(simplex_etf(3), 1e-300)):
        only = cells.sample(problem, 0, 0, 4)
        assert (only.log_scale, only.value, len(only.pairs)) == (-math.inf, 0, 0)


def test_values_add_up():
    only = cells.sample(CASES["priors"], 0, 0, 16)
    assert only.class_values.sum() == pytest.approx(only.value, rel=1e-12)
    assert only.pair_values.sum() == pytest.approx(only.value, rel=1e-12)
    assert only.class_values[6] == 0
    assert not only.pair_values.flags.writeable


def test_a_replicate_follows_its_seed_and_index():
    problem = CASES["biased"]
    first, again, other = (cells.sample(problem, 3, index, 64) for index in (1, 1, 2))
    assert first.value == again.value
    assert first.value != other.value


def test_errors_fall_faster_than_the_square_root():
    problem = Problem.of(simplex_etf(6), 0.3)
    few, many = (np.std([each.value for each in replicates(problem, size)]) for size in (64, 1024))
    assert many < few / 8


def test_the_replicate_interval_is_students():
    values = np.array([1.0, 2.0, 4.0, 3.0])
    low, high = cells.replicate_interval(values, 0.9)
    expected = stats.t.interval(0.9, 3, values.mean(), stats.sem(values))
    assert (low, high) == pytest.approx(expected)
    assert cells.replicate_interval([0.0, 0.1])[0] == 0
    assert cells.replicate_interval([-1.0, 0.1])[0] < -1


def test_bad_input_is_named():
    with pytest.raises(InputError, match="size is 0"):
        cells.sample(CASES["biased"], 0, 0, 0)
    with pytest.raises(InputError, match="at least 2 replicates"):
        cells.replicate_interval([1.0])
    with pytest.raises(InputError, match="confidence is 0"):
        cells.replicate_interval([1.0, 2.0], 0)


def test_a_cell_that_few_points_see_gets_its_share_of_more_points():
    """Class 0 is taken for class 5 in 1 of 70,000 errors, which the first points miss."""
    means = [[-0.1, -0.41, -0.16], [0.1, -2.76, 0.39], [2.69, -0.37, -0.73], [0.61, -0.71, -0.7], [-2.51, -0.28, 0.71]]
    weights = [[0.44, -2.93, 0.7], [0.44, -2.93, 0.7], [2.38, -0.55, -0.77], [0.38, -1.94, -0.69], [-2.38, -0.05, 0.22]]
    means += [[-0.08, 0.46, 0.7], [0.78, -1.27, -0.42]]
    weights += [[0.1, 0.57, -0.19], [-0.32, -1.03, -0.9]]
    bias = [1.35, -2.27, 2.49, 1.98, 1.32, -1.08, 1.83]
    problem = Problem.of(Configuration(means, weights, bias), 1.2)
    found = [cells.sample(problem, 0, index, 1 << 14) for index in range(4)]
    shares = [each.pair_values[(each.pairs == [0, 5]).all(axis=1)].sum() / each.value for each in found]
    assert min(shares) > 0
    assert np.mean(shares) == pytest.approx(1.477e-5, rel=0.5)


def test_certain_errors_beside_errors_below_all_floats():
    problem = Problem.of([[0.0], [0.0], [1.0]], 0.001)
    found = cells.sample(problem, 0, 0, 64)
    assert found.value * math.exp(found.log_scale) == pytest.approx(2 / 3, rel=1e-12)
