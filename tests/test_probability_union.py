"""Importance sampling of the union: unbiased against closed forms and counts, to e^(-1e6), on any configuration."""

import math

import numpy as np
import pytest
from scipy import optimize, special, stats

from nctheory import Configuration, gaussian
from nctheory.constructions import simplex_etf
from nctheory.errors import InputError
from nctheory.probability import plain, union
from nctheory.probability.intervals import betting_interval
from nctheory.probability.problem import Problem
from nctheory.sampling import truncated_normal


def score(chunk, exact):
    """How many standard errors the mean is off; a relative error of 1e-9 is none."""
    ratio = chunk.observations / (exact / math.exp(chunk.log_scale))
    error = ratio.std(ddof=1) / math.sqrt(len(ratio))
    return abs(ratio.mean() - 1) / (error + 1e-9)


def covered(chunk, log_exact):
    """Whether a betting interval holds the exact value, up to rounding."""
    low, high = betting_interval(chunk.observations, 1 - 1e-6, lower=0.0)
    return low - 1e-9 <= math.exp(log_exact - chunk.log_scale) <= high + 1e-9


def simplex_noise(num_classes, target):
    def excess(log_noise):
        return math.log(max(gaussian.simplex_error(num_classes, math.exp(log_noise)), 5e-324)) - math.log(target)

    return math.exp(optimize.brentq(excess, -4, 4))


@pytest.mark.parametrize("num_classes", [3, 10, 100, 1000])
@pytest.mark.parametrize("target", [0.5, 0.1, 1e-2, 1e-6, 1e-20, 1e-100, 1e-300])
def test_simplices(num_classes, target):
    noise = simplex_noise(num_classes, target)
    chunk = union.sample(Problem.of(simplex_etf(num_classes), noise), 1, 0, 4000 if num_classes < 1000 else 100)
    exact = gaussian.simplex_error(num_classes, noise)
    assert covered(chunk, math.log(exact))
    if target >= 1e-6:
        assert score(chunk, exact) < 4.5
    assert chunk.observations.min() >= chunk.least
    assert chunk.observations.max() <= 1


@pytest.mark.parametrize("noise", [1e-8, 1e-3, 0.02, 0.3, 5.0, 1e8])
def test_two_classes_take_no_luck(noise):
    chunk = union.sample(Problem.of([[1.0, 0.0], [0.0, 1.0]], noise), 0, 0, 50)
    assert chunk.observations.min() == 1
    assert chunk.log_scale == pytest.approx(special.log_ndtr(-math.sqrt(0.5) / noise), rel=1e-13)


@pytest.mark.parametrize("noise", [0.05, 0.3, 0.8, 3.0])
def test_orthogonal_biorthogonal_polygon_and_line(noise):
    cases = {
        gaussian.orthogonal_error(8, 1 / noise): np.eye(8),
        gaussian.biorthogonal_error(5, noise): np.vstack([np.eye(5), -np.eye(5)]),
        gaussian.polygon_error(9, noise): [
            [math.cos(2 * math.pi * k / 9), math.sin(2 * math.pi * k / 9)] for k in range(9)
        ],
        1 - gaussian.line_correct((0.0, 1.0, 1.5, 4.0), noise): [[0.0], [1.0], [1.5], [4.0]],
    }
    for exact, means in cases.items():
        chunk = union.sample(Problem.of(means, noise), 2, 0, 8000)
        if exact > 1e-6:
            assert score(chunk, exact) < 4.5


def test_an_error_of_e_to_the_minus_a_million():
    noise = math.sqrt(10 / 9 / 4e6)
    chunk = union.sample(Problem.of(simplex_etf(10), noise), 0, 0, 500)
    exact = math.log(9) + special.log_ndtr(-math.sqrt(20 / 9) / (2 * noise))
    assert chunk.log_scale == pytest.approx(exact, rel=1e-13)
    assert chunk.observations.min() > 1 - 1e-6


# ------------------------------------------------------------------------------------------------- any configuration


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
        "nearly equal means, little noise": Problem.of(close, 2e-6),
        "equal means": Problem.of(np.vstack([means, means[:2]]), 0.6),
        "equal rows": Problem.of(Configuration(means, equal, np.where(np.arange(7) == 2, 0.3, 0.0)), 0.5),
        "priors": Problem.of(means, 0.6, [0.5, 0.2, 0.1, 0.1, 0.06, 0.04, 0.0]),
        "colored noise": Problem.of(means, 0.6, None, roots[0] @ roots[0].T),
        "colored by class": Problem.of(means, 0.6, None, roots @ roots.transpose(0, 2, 1)),
        "flat by class": Problem.of(means, 0.6, None, flat @ flat.transpose(0, 2, 1)),
        "much noise": Problem.of(means, 1e8),
        "from a Gram matrix": Problem.of(
            Configuration.from_gram(np.round(4 * means) @ np.round(4 * means).T / 16), 0.6
        ),
    }


CASES = random_cases()


def agree(problem, chunk, counts):
    """Whether a chunk and plain counts are compatible: in all, for every class, and for the confusions."""
    size, wrong = counts.sent.sum(), counts.wrong.sum()
    low, high = plain.clopper_pearson(int(wrong), int(size), 1 - 1e-5)
    ratio = math.exp(chunk.log_scale)
    slack = 5 * ratio * chunk.observations.std() / math.sqrt(len(chunk.observations))
    assert low - slack <= ratio * chunk.observations.mean() <= high + slack
    for c in np.flatnonzero(chunk.class_counts > 2000):
        low, high = plain.clopper_pearson(int(counts.wrong[c]), int(counts.sent[c]), 1 - 1e-6)
        value = math.exp(problem.log_unions[c]) * chunk.class_sums[c] / chunk.class_counts[c]
        assert low * 0.95 <= value <= high * 1.05
    tables = np.zeros((2, problem.num_classes, problem.num_classes))
    tables[0][tuple(chunk.pairs.T)] = chunk.pair_sums / max(chunk.pair_sums.sum(), 1)
    tables[1][tuple(counts.pairs.T)] = counts.pair_counts / max(wrong, 1)
    assert np.abs(tables[0] - tables[1]).sum() < 0.1


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("likely", [None, True, False])
def test_any_configuration_against_counts(name, likely, monkeypatch):
    problem = CASES[name]
    union.sample(problem, 5, 1, 1)
    if likely is not None:
        monkeypatch.setattr(union._plan(problem), "likely", np.full(problem.num_classes, likely))
    chunk = union.sample(problem, 5, 0, 30_000)
    union._plan.cache_clear()
    agree(problem, chunk, plain.sample(problem, 6, 0, 100_000))


@pytest.mark.parametrize("name", ["biased", "equal rows", "colored by class", "nearly equal means"])
@pytest.mark.parametrize("draws", [1, 8])
def test_tables_made_on_the_way_and_shared_normals(name, draws, monkeypatch):
    problem = CASES[name]
    union._plan.cache_clear()
    if draws == 1:
        monkeypatch.setattr(union, "_TABLES", 0)
    else:
        monkeypatch.setattr(union, "_num_draws", lambda num_classes, rank: 8)
    chunk = union.sample(problem, 5, 0, 4000)
    assert (union._plan(problem).tables is None) == (draws == 1)
    union._plan.cache_clear()
    agree(problem, chunk, plain.sample(problem, 6, 0, 100_000))


@pytest.mark.parametrize("draws", [1, 2, 4, 8])
def test_every_number_of_half_spaces_for_a_normal_vector(draws, monkeypatch):
    monkeypatch.setattr(union, "_num_draws", lambda num_classes, rank: draws)
    for noise in (0.15, 0.6):
        problem = Problem.of(simplex_etf(12), noise)
        assert score(union.sample(problem, 4, 0, 6000), gaussian.simplex_error(12, noise)) < 4.5


def test_certain_errors_and_no_errors():
    chunk = union.sample(Problem.of(np.ones((4, 3)), 0.5), 0, 0, 20)
    assert math.exp(chunk.log_scale) * chunk.observations == pytest.approx(np.ones(20), rel=1e-12)
    for problem in (Problem.of([[1.0, 2.0]], 0.5), Problem.of(simplex_etf(3), 1e-300)):
        chunk = union.sample(problem, 0, 0, 20)
        assert chunk.log_scale == -math.inf
        assert np.array_equal(chunk.observations, np.ones(20))


# -------------------------------------------------------------------------------------------------------- the sampler


def test_variance_is_below_that_of_one_over_the_count():
    for num_classes, noise in ((10, 0.3), (100, 0.2), (100, 0.6)):
        problem = Problem.of(simplex_etf(num_classes), noise)
        chunk = union.sample(problem, 1, 0, 4000)
        mean = chunk.observations.mean()
        plain_variance = mean * (1 - mean)  # an upper bound for 1 / N, and what it is where N is 1 or many
        assert chunk.observations.var() < plain_variance / 3


def test_a_chunk_follows_its_seed_and_index():
    problem = CASES["biased"]
    first, again, other = (union.sample(problem, 3, index, 300) for index in (1, 1, 2))
    assert np.array_equal(first.observations, again.observations)
    assert np.array_equal(first.pair_sums, again.pair_sums)
    assert not np.array_equal(first.observations, other.observations)
    fresh = Problem.of(problem.configuration, 0.7)
    assert np.array_equal(union.sample(fresh, 3, 1, 300).observations, first.observations)


def test_chunks_are_merged_in_order():
    problem = CASES["priors"]
    chunks = [union.sample(problem, 0, index, 200) for index in range(3)]
    merged = union.merge(chunks)
    assert np.array_equal(merged.observations, np.concatenate([chunk.observations for chunk in chunks]))
    assert merged.class_counts.sum() == sum(chunk.class_counts.sum() for chunk in chunks)
    assert merged.pair_sums.sum() == pytest.approx(sum(chunk.pair_sums.sum() for chunk in chunks))
    assert merged.class_counts[6] == 0
    with pytest.raises(InputError, match="different problems"):
        union.merge([chunks[0], union.sample(CASES["biased"], 0, 0, 10)])
    with pytest.raises(InputError, match="0 chunks"):
        union.merge([])


def test_observations_are_independent():
    x = union.sample(Problem.of(simplex_etf(200), 0.25), 1, 0, 3000).observations
    correlation = np.corrcoef(x[1:], x[:-1])[0, 1]
    assert abs(correlation) < 5 / math.sqrt(3000)


@pytest.mark.parametrize("size", [0, -1, 1.5, True])
def test_a_size_is_a_positive_integer(size):
    with pytest.raises(InputError, match="size is"):
        union.sample(CASES["biased"], 0, 0, size)


@pytest.mark.parametrize("target", [0.1, 1e-2, 1e-6, 1e-20])
def test_coverage_of_the_betting_interval(target):
    noise = simplex_noise(6, target)
    problem = Problem.of(simplex_etf(6), noise)
    exact = gaussian.simplex_error(6, noise)
    repetitions, size = 200, 100
    observations = union.sample(problem, 7, 0, repetitions * size).observations.reshape(repetitions, size)
    value = exact / math.exp(problem.log_union)
    intervals = [betting_interval(row, lower=0.2 - 1e-15) for row in observations]
    misses = sum(not low - 1e-12 <= value <= high + 1e-12 for low, high in intervals)
    assert misses <= stats.binom.ppf(1 - 1e-6, repetitions, 0.05)


# ------------------------------------------------------------------------------------------------- normals in the tail


@pytest.mark.parametrize("threshold", [-math.inf, -50.0, -3.0, 0.0, 3.9, 4.1, 30.0, 1e4, 1e8])
def test_normals_beyond_a_threshold(threshold):
    uniform = np.array([1e-12, 1e-3, 0.3, 0.9, 1 - 1e-9])
    drawn = truncated_normal(np.full(5, threshold), uniform)
    if threshold <= 30:
        expected = np.log(uniform) + special.log_ndtr(-threshold)
        assert special.log_ndtr(-drawn) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    else:
        over = (drawn - threshold) * threshold
        assert over == pytest.approx(-np.log(uniform), rel=1e-2, abs=threshold**2 * 4e-16)
    assert (drawn >= threshold).all()


@pytest.mark.parametrize("silent", range(4))
def test_a_class_that_never_errs_leaves_the_others_alone(silent):
    """Without noise in one class its union bound is 0; the rivals of the others are drawn as ever."""
    means = np.random.default_rng(0).standard_normal((4, 3))
    covariances = np.stack([np.eye(3)] * 4)
    covariances[silent] = 0
    problem = Problem.of(means, 0.8, noise_covariance=covariances)
    merged = union.merge(union.sample(problem, 1, index, 10_000) for index in range(4))
    value = math.exp(problem.log_union) * merged.observations.mean()
    error = math.exp(problem.log_union) * merged.observations.std() / math.sqrt(len(merged.observations))
    alone = [Problem.of(means, 0.8, priors=np.eye(4)[c]) for c in range(4) if c != silent]
    found = [union.merge(union.sample(each, 2, index, 10_000) for index in range(4)) for each in alone]
    parts = [each.observations.mean() for each in found]
    expected = sum(math.exp(each.log_union) * part for each, part in zip(alone, parts, strict=True)) / 4
    assert abs(value - expected) < 6 * error
    assert merged.class_counts[silent] == 0


@pytest.mark.parametrize("num_classes", [6, 8, 11])
def test_means_of_equal_observations_stay_in_their_range(num_classes, monkeypatch):
    """All half-spaces are the same one, so that every point counts 1 / m, which eight times may round below itself."""
    monkeypatch.setattr(union, "_TABLES", 1)  # so that eight half-spaces are drawn for one observation
    weights = np.ones((num_classes, 1))
    weights[0] = 0
    points = Configuration(np.zeros((num_classes, 1)), weights, np.r_[0, -np.ones(num_classes - 1)])
    chunk = union.sample(Problem.of(points, 0.5, np.eye(num_classes)[0]), 0, 0, 100)
    assert chunk.observations.min() >= chunk.least
    assert chunk.observations.max() == pytest.approx(1 / (num_classes - 1), rel=1e-12)
