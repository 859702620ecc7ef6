"""Counting: exact intervals for counts, the configuration's decoder against any function, ties, reproducibility."""

import math

import numpy as np
import pytest
from scipy import stats

from nctheory import Configuration, gaussian
from nctheory.constructions import simplex_etf
from nctheory.errors import InputError
from nctheory.probability import plain
from nctheory.probability.exact import exact_error
from nctheory.probability.plain import clopper_pearson
from nctheory.probability.problem import Problem


def holds(chunk, exact):
    low, high = clopper_pearson(int(chunk.wrong.sum()), int(chunk.sent.sum()), 1 - 1e-6)
    return low <= exact <= high


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (1, 10), (5, 10), (10, 10), (3, 10**6), (0, 10**9)])
def test_the_ends_solve_their_equations(successes, trials):
    low, high = clopper_pearson(successes, trials, 0.9)
    if successes > 0:
        assert stats.binom.sf(successes - 1, trials, low) == pytest.approx(0.05, rel=1e-6)
    if successes < trials:
        assert stats.binom.cdf(successes, trials, high) == pytest.approx(0.05, rel=1e-6)
    assert 0 <= low <= successes / trials <= high <= 1
    assert (low == 0) == (successes == 0)
    assert (high == 1) == (successes == trials)


def test_the_coverage_is_at_least_what_is_promised():
    trials = 30
    ends = np.array([clopper_pearson(x, trials) for x in range(trials + 1)])
    for p in np.linspace(0.001, 0.999, 97):
        covered = (ends[:, 0] <= p) & (p <= ends[:, 1])
        assert stats.binom.pmf(np.arange(trials + 1), trials, p)[covered].sum() >= 0.95


@pytest.mark.parametrize(("num_classes", "noise"), [(2, 0.7), (3, 0.5), (10, 0.4), (100, 0.2), (400, 0.3)])
def test_simplices_have_their_error(num_classes, noise):
    problem = Problem.of(simplex_etf(num_classes), noise)
    assert holds(plain.sample(problem, 1, 0, 20_000), gaussian.simplex_error(num_classes, noise))


def test_points_on_a_line_have_theirs():
    points = (0.0, 1.0, 1.5, 4.0)
    chunk = plain.sample(Problem.of([[x] for x in points], 0.4), 1, 0, 50_000)
    assert holds(chunk, 1 - gaussian.line_correct(points, 0.4))


def test_counts_add_up():
    chunk = plain.sample(Problem.of(simplex_etf(5), 0.6), 3, 1, 10_000)
    assert chunk.sent.sum() == 10_000
    assert np.array_equal(np.bincount(chunk.pairs[:, 0], chunk.pair_counts, 5), chunk.wrong)
    assert (chunk.pairs[:, 0] != chunk.pairs[:, 1]).all()
    assert not chunk.sent.flags.writeable


def test_a_chunk_follows_its_seed_and_index():
    problem = Problem.of(simplex_etf(5), 0.6)
    first, again, other = (plain.sample(problem, 3, index, 1000) for index in (1, 1, 2))
    assert np.array_equal(first.pair_counts, again.pair_counts)
    assert not np.array_equal(first.sent, other.sent)


GENERATOR = np.random.default_rng(4)
MEANS = GENERATOR.standard_normal((6, 4))
ROOTS = GENERATOR.standard_normal((6, 4, 4)) / 2
BIAS = GENERATOR.standard_normal(6) / 3


@pytest.mark.parametrize("covariance", [None, ROOTS[0] @ ROOTS[0].T, ROOTS @ ROOTS.transpose(0, 2, 1)])
@pytest.mark.parametrize("priors", [None, [0.5, 0.2, 0.1, 0.1, 0.1, 0.0]])
def test_a_function_and_the_linear_decoder_agree(covariance, priors):
    configuration = Configuration(MEANS, weights=MEANS + 0.1, bias=BIAS)
    problem = Problem.of(configuration, 0.6, priors, covariance)
    own = plain.sample(problem, 1, 0, 60_000)
    other = plain.sample(problem, 2, 0, 60_000, lambda points: (points @ (MEANS + 0.1).T + BIAS).argmax(axis=1))
    tables = []
    for chunk in (own, other):
        table = np.zeros((6, 6))
        table[chunk.pairs[:, 0], chunk.pairs[:, 1]] = chunk.pair_counts
        tables.append(np.append(table.ravel(), chunk.sent - chunk.wrong))
    filled = sum(tables) > 20
    assert stats.chi2_contingency(np.array(tables)[:, filled]).pvalue > 1e-5


def test_ties_are_errors():
    problem = Problem.of(np.ones((3, 2)), 0.5)
    assert plain.sample(problem, 0, 0, 100).wrong.sum() == 100
    problem = Problem.of(Configuration(np.eye(2), weights=np.ones((2, 2)), bias=[0.0, 1.0]), 0.5)
    chunk = plain.sample(problem, 0, 0, 100)
    assert (chunk.wrong[0], chunk.wrong[1]) == (chunk.sent[0], 0)


def test_nearly_equal_rows_are_told_apart():
    means = np.vstack([MEANS, MEANS[0] + 1e-9])
    exact = gaussian.normal_tail(math.sqrt(4e-18) / (2 * 1e-9))
    chunk = plain.sample(Problem.of(means, 1e-9), 0, 0, 20_000)
    low, high = clopper_pearson(int(chunk.wrong[0]), int(chunk.sent[0]), 1 - 1e-6)
    assert low <= exact <= high


def test_one_class_is_never_wrong():
    chunk = plain.sample(Problem.of([[1.0, 2.0]], 3.0), 0, 0, 10)
    assert (chunk.wrong.sum(), len(chunk.pairs)) == (0, 0)


@pytest.mark.parametrize("noise", [1e-8, 1e8])
def test_extreme_noise(noise):
    chunk = plain.sample(Problem.of(simplex_etf(4), noise), 0, 0, 4000)
    assert holds(chunk, gaussian.simplex_error(4, noise))


def test_bad_input_is_named():
    problem = Problem.of(np.eye(3), 0.5)
    with pytest.raises(InputError, match="size is 0"):
        plain.sample(problem, 0, 0, 0)
    with pytest.raises(InputError, match="one class index per sample"):
        plain.sample(problem, 0, 0, 5, lambda points: points)
    with pytest.raises(InputError, match="classes below 3"):
        plain.sample(problem, 0, 0, 5, lambda points: np.full(len(points), 3))
    gram = Problem.of(Configuration.from_gram(np.eye(3)), 0.5)
    with pytest.raises(InputError, match="coordinates"):
        plain.sample(gram, 0, 0, 5, lambda points: np.zeros(len(points)))
    for arguments, message in (((5, 3), "at most"), ((-1, 3), "successes is -1"), ((0, 0), "trials is 0")):
        with pytest.raises(InputError, match=message):
            clopper_pearson(*arguments)
    with pytest.raises(InputError, match="confidence is 2"):
        clopper_pearson(1, 2, 2)


@pytest.mark.parametrize("step", [1e-13, 1e-15, 2.3e-16])
def test_rows_that_differ_by_rounding_alone_are_told_apart(step):
    """The scores of both would agree but for rounding; the noise along their difference decides."""
    problem = Problem.of([[1.0, 1.0], [1 + step, 1.0], [3.0, -1.0]], 1.0)
    chunk = plain.sample(problem, 1, 0, 100_000)
    low, high = plain.clopper_pearson(int(chunk.wrong.sum()), 100_000, 1 - 1e-9)
    found = exact_error(Problem.of([[1.0, 1.0], [1 + 1e-9, 1.0], [3.0, -1.0]], 1.0))
    assert low < math.exp(found.log_value) < high
