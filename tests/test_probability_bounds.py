"""Bounds on the error probability: every one of them holds, and together they are narrow where they should be."""

import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest

from nctheory import Configuration, exact_simplex_etf, orthoplex, simplex_etf, simplex_etf_gram
from nctheory.gaussian import bivariate_tail, cone_error, normal_tail, simplex_error
from nctheory.gaussian_logs import log_sums
from nctheory.probability import bounds as module
from nctheory.probability import problem as problems
from nctheory.probability.bounds import all_bounds, bounds, class_bounds
from nctheory.probability.exact import exact_error
from nctheory.probability.problem import Problem

GENERATOR = np.random.default_rng(11)
FACTORS = GENERATOR.normal(size=(5, 2, 2))
EXACT = {
    "two classes": GENERATOR.normal(size=(2, 3)),
    "three classes": simplex_etf(3),
    "simplex": simplex_etf(10),
    "large simplex": simplex_etf(80),
    "orthoplex": orthoplex(8, 4),
    "norms": np.diag([1.0, 2.0, 0.5, 1.5, 1.0]),
    "line": GENERATOR.normal(size=(9, 1)),
    "plane": GENERATOR.normal(size=(12, 2)),
    "lattice": np.array([[x, y] for x in range(9) for y in range(9)], dtype=float),
    "line with a bias": Configuration(*(GENERATOR.normal(size=(5, 1)) for _ in "ab"), GENERATOR.normal(size=5)),
    "plane with a bias": Configuration(*(GENERATOR.normal(size=(7, 2)) for _ in "ab"), GENERATOR.normal(size=7) / 9),
    "near each other": np.array([[0.0, 0.0], [1e-9, 0.0], [1.0, 0.0], [0.0, 1.0]]),
}
NOISES = [1e8, 3.0, 0.6, 0.2, 0.05, 0.003, 1e-4, 1e-8]


def check_sandwich(problem):
    """Every bound by name, the best one, and those of every class."""
    exact = exact_error(problem)
    slack = 1e-13 + 1e-15 * abs(exact.log_value) if math.isfinite(exact.log_value) else 0
    lower, upper = all_bounds(problem, conjectured=True)
    assert all(value <= exact.log_value + slack for value in lower.values())
    assert all(value >= exact.log_value - slack for value in upper.values())
    best = bounds(problem)
    assert max(value for name, value in lower.items() if name != "simplex") <= best.log_lower <= exact.log_value + slack
    assert exact.log_value - slack <= best.log_upper <= min(*upper.values(), 0.0)
    assert best.lower in lower
    assert best.upper in upper
    low, high = class_bounds(problem)
    slacks = 1e-13 + 1e-15 * np.abs(exact.per_class)
    assert (low <= exact.per_class + slacks).all()
    assert (exact.per_class - slacks <= high).all()


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("name", EXACT)
def test_the_exact_value_is_between_all_bounds(name, noise):
    check_sandwich(Problem.of(EXACT[name], noise))


@pytest.mark.parametrize("noise", [2.0, 0.3, 0.02])
@pytest.mark.parametrize("own", [False, True])
def test_covariances_and_priors(noise, own):
    matrices = FACTORS @ FACTORS.transpose(0, 2, 1)
    given = matrices if own else matrices[0]
    check_sandwich(Problem.of(EXACT["plane"][:5], noise, [0.1, 0.2, 0.3, 0.15, 0.25], given))


def test_priors_weaken_the_cone():
    priors = [0.05] * 2 + [0.1] * 8 + [0.1]
    problem = Problem.of(simplex_etf(11), 0.5, priors=priors)
    check_sandwich(problem)
    uniform = all_bounds(Problem.of(simplex_etf(11), 0.5))[0]["cone"]
    assert all_bounds(problem)[0]["cone"] == pytest.approx(uniform + math.log(11 * 0.05), abs=1e-9)
    assert "cone" not in all_bounds(Problem.of(simplex_etf(2), 0.5, priors=[1, 0]))[0]
    assert "guessing" not in all_bounds(problem)[1]


def test_rows_that_turn_the_bounds_around(monkeypatch):
    """The same with the few half-spaces that many classes are given: buckets, then none."""
    monkeypatch.setattr(module, "_SINGLES", {2048: 4})
    for name in ("simplex", "large simplex", "plane", "norms", "plane with a bias", "lattice"):
        for noise in (1.0, 0.3, 0.1, 0.02):
            check_sandwich(Problem.of(EXACT[name], noise))
    monkeypatch.setattr(module, "_MANY", 1)
    for name in ("simplex", "plane", "plane with a bias", "lattice"):
        for noise in (1.0, 0.3, 0.1, 0.02):
            check_sandwich(Problem.of(EXACT[name], noise))


def test_buckets_are_as_good_as_single_half_spaces_for_the_simplex(monkeypatch):
    alone = all_bounds(Problem.of(simplex_etf(40), 0.12))
    monkeypatch.setattr(module, "_SINGLES", {2048: 4})
    monkeypatch.setattr(module, "_SHARP", 0)
    buckets = all_bounds(Problem.of(simplex_etf(40), 0.12))
    assert buckets[0]["Bonferroni"] == pytest.approx(alone[0]["Bonferroni"], abs=0.02)
    assert buckets[1]["Hunter"] == pytest.approx(alone[1]["Hunter"], abs=0.02)


# ---------------------------------------------------------------------------------------------------------- formulas


@pytest.mark.parametrize("noise", [1.0, 0.3, 0.1])
@pytest.mark.parametrize("num_classes", [3, 5, 20])
def test_the_simplex_has_the_bounds_of_the_theorem(num_classes, noise):
    wall = math.sqrt(num_classes / (2 * (num_classes - 1))) / noise
    single, both, rivals = normal_tail(wall), bivariate_tail(wall), num_classes - 1
    lower, upper = all_bounds(Problem.of(simplex_etf(num_classes), noise))
    sizes = np.arange(1, rivals + 1)
    best = (sizes * single - sizes * (sizes - 1) / 2 * both).max()
    assert math.exp(lower["Bonferroni"]) == pytest.approx(best, rel=1e-4)
    assert math.exp(upper["union"]) == pytest.approx(min(rivals * single, 1), rel=1e-10)
    assert math.exp(upper["Hunter"]) == pytest.approx(min(rivals * single - (rivals - 1) * both, 1), rel=1e-4)
    assert math.exp(lower["single"]) == pytest.approx(single, rel=1e-10)
    assert math.exp(lower["de Caen"]) == pytest.approx(rivals * single**2 / (single + (rivals - 1) * both), rel=1e-4)
    assert lower["cone"] == pytest.approx(math.log(cone_error(num_classes, num_classes - 1, noise)), rel=1e-10)
    assert upper["guessing"] == pytest.approx(math.log1p(-1 / num_classes), rel=1e-12)


def test_the_sandwich_of_ten_classes_is_one_percent_wide_at_one_in_a_million():
    problem = Problem.of(simplex_etf(10), 0.1417)
    found = bounds(problem)
    assert -15 < found.log_upper < -13.5
    assert found.log_upper - found.log_lower < 0.01


def test_far_out_the_bounds_agree():
    for noise in (0.01, 1e-4):
        found = bounds(Problem.of(EXACT["plane"], noise))
        assert found.log_upper - found.log_lower < 1e-9 + 2e-14 * abs(found.log_upper)


def test_the_simplex_counts_only_where_it_is_asked_for():
    problem = Problem.of(simplex_etf(10), 0.5)
    assert "simplex" not in all_bounds(problem)[0]
    conjectured = bounds(problem, conjectured=True)
    assert conjectured.lower == "simplex"
    assert conjectured.log_lower == pytest.approx(math.log(simplex_error(10, 0.5)), rel=1e-12)
    assert bounds(problem).lower == "cone"


def test_the_cone_knows_the_ball_and_the_sphere():
    """Equal norms, exactly, give the dimension itself; in the ball one more counts."""
    sphere = np.vstack([np.eye(3), -np.eye(3)])
    cone = all_bounds(Problem.of(sphere, 0.5))[0]["cone"]
    assert cone == pytest.approx(math.log(cone_error(6, 3, 0.5)), rel=1e-10)
    ball = sphere.copy()
    ball[0] *= 0.9
    radius = np.linalg.norm(ball - ball.mean(axis=0), axis=1).max()
    cone = all_bounds(Problem.of(ball, 0.5))[0]["cone"]
    assert cone == pytest.approx(math.log(cone_error(6, 4, 0.5 / radius)), rel=1e-10)
    gram = Configuration.from_gram(simplex_etf_gram(6))
    assert all_bounds(Problem.of(gram, 0.5))[0]["cone"] == pytest.approx(math.log(cone_error(6, 5, 0.5)), rel=1e-10)


def test_a_spanning_tree_by_all_of_them():
    weights = np.random.default_rng(0).uniform(size=(5, 5))
    weights += weights.T
    edges = list(combinations(range(5), 2))

    def spans(tree):
        reached = {0}
        for _ in range(4):
            reached |= {j for edge in tree for j in edge if set(edge) & reached}
        return len(reached) == 5

    best = max(sum(weights[edge] for edge in tree) for tree in combinations(edges, 4) if spans(tree))
    assert module._largest_tree(weights) == pytest.approx(best)
    assert module._largest_tree(np.zeros((1, 1))) == 0


def test_correlations_hold_what_exact_rows_give():
    rows = np.random.default_rng(1).normal(size=(9, 4)) + 100
    distances = module._Distances(Problem.of(rows, 1))
    low, high = distances.correlations(0, np.arange(1, 9))
    units = (rows[1:] - rows[0]) / np.linalg.norm(rows[1:] - rows[0], axis=1)[:, None]
    assert (low <= units @ units.T + 1e-15).all()
    assert (units @ units.T <= high + 1e-15).all()
    assert (high - low).max() < 1e-10
    blocks = [np.array([1, 2]), np.array([3]), np.array([4, 5, 6, 7, 8])]
    table = distances.largest_correlations(0, blocks)
    for (a, first), (b, second) in combinations(enumerate(blocks), 2):
        assert (units[first - 1] @ units[second - 1].T).max() <= table[a, b]


# ---------------------------------------------------------------------------------------------------------- extremes


def test_one_class_and_equal_rows():
    assert bounds(Problem.of([[1.0]], 1))[:2] == (-math.inf, -math.inf)
    assert bounds(Problem.of([[1.0]] * 3, 1))[:2] == pytest.approx((0, 0), abs=1e-10)
    half = Problem.of(Configuration(np.zeros((2, 1)), [[1.0], [1.0]], [1.0, 0.0]), 1)
    low, high = class_bounds(half)
    assert low.tolist() == high.tolist() == [-math.inf, 0]
    found = bounds(half)
    assert found.log_lower <= math.log(0.5) <= found.log_upper
    assert found.log_upper - found.log_lower < 1e-9


def test_a_sum_above_one():
    problem = Problem.of(simplex_etf(30), 5.0)
    assert problem.log_union > 0
    assert bounds(problem).log_upper == pytest.approx(math.log1p(-1 / 30))


@pytest.mark.parametrize("noise", [1e-8, 1e8, 1e-200, 1e200])
def test_never_nan(noise):
    configuration = Configuration(*(GENERATOR.normal(size=(5, 3)) for _ in "ab"), GENERATOR.normal(size=5))
    for case in (configuration, EXACT["near each other"]):
        problem = Problem.of(case, noise)
        found = bounds(problem)
        assert -math.inf <= found.log_lower <= found.log_upper <= 0
        for values in all_bounds(problem):
            assert not any(math.isnan(value) for value in values.values())


def test_against_counting_where_no_formula_applies():
    generator = np.random.default_rng(3)
    for noise in (0.5, 1.0):
        problem = Problem.of(generator.normal(size=(25, 6)), noise)
        count = 8000
        shares = []
        for c in range(25):
            z = generator.standard_normal((count, 6))
            shares.append((z @ problem.normals(c).T >= problem.thresholds(c)).any(axis=1).mean())
        share, spread = np.mean(shares), 4 * math.sqrt(0.25 / (25 * count))
        found = bounds(problem)
        assert math.exp(found.log_lower) < share + spread
        assert share - spread < math.exp(found.log_upper)


def test_hundreds_of_classes():
    exact = exact_error(Problem.of(exact_simplex_etf(200), Fraction(1, 10)), rigorous=True)
    found = bounds(Problem.of(simplex_etf(200), 0.1))
    assert found.log_lower <= exact.log_upper
    assert exact.log_lower <= found.log_upper
    assert found.log_upper - found.log_lower < 0.05
    generator = np.random.default_rng(0)
    points = generator.normal(size=(1000, 50))
    problem = Problem.of(points / np.linalg.norm(points, axis=1, keepdims=True), 0.1)
    found = bounds(problem)
    assert found.log_lower < found.log_upper <= problem.log_union + 1e-9
    assert found.log_upper - found.log_lower < 0.5


def test_bounds_are_computed_once():
    problem = Problem.of(simplex_etf(5), 0.3)
    assert bounds(problem) == bounds(problem)
    assert log_sums(class_bounds(problem)[0]) <= log_sums(class_bounds(problem)[1])
    assert "bounds" in problem.kept


# ------------------------------------------------------------------------------------------------- nearly degenerate


def check_class(problem, c, value):
    low, high = class_bounds(problem)
    assert low[c] <= value <= high[c]


@pytest.mark.parametrize("matrix", [None, np.eye(2), np.stack([np.eye(2)] * 5)])
@pytest.mark.parametrize("integers", [True, False])
def test_rows_that_differ_by_less_than_the_rounding_of_others(matrix, integers, monkeypatch):
    """Two orthogonal walls at 0.8 between rows near the middle of two others, with and without exact rows."""
    if not integers:
        monkeypatch.setattr(problems, "_EXACT_ROWS", 0)
    step = 1e-15
    weights = [[1, 0], [-1, 0], [0, 0], [step, step], [step, -step]]
    means = [[10, 0], [-10, 0], [0, 0], [20, 20], [20, -20]]
    configuration = Configuration(means, weights, [-5, -5, 0, -0.8 * 2**0.5 * step, -0.8 * 2**0.5 * step])
    problem = Problem.of(configuration, 1, None, matrix)
    check_class(problem, 2, math.log(0.378828373909435))
    low, high = class_bounds(problem)
    assert high[2] - low[2] < (1e-4 if integers or matrix is None else math.inf)


def test_exact_points_far_from_their_mean(monkeypatch):
    monkeypatch.setattr(problems, "_EXACT_ROWS", 0)
    generator, step = np.random.default_rng(0), Fraction(17, 10**17)
    for _ in range(20):
        points = [[int(x) for x in row] for row in np.unique(generator.integers(0, 5, (5, 2)), axis=0)]
        near = exact_error(Problem.of(points, 2))
        found = bounds(Problem.of([[1 + step * x for x in row] for row in points], 2 * step))
        assert found.log_lower <= near.log_value + 1e-13
        assert near.log_value - 1e-13 <= found.log_upper


def test_gram_matrices_of_points_near_each_other(monkeypatch):
    """Their float factorization is off relative to the largest; the same points in coordinates are not."""
    monkeypatch.setattr(problems, "_EXACT_ROWS", 0)
    generator, step = np.random.default_rng(1), Fraction(1, 10**8)
    for _ in range(5):
        points = np.array([[Fraction(int(x), 7) for x in row] for row in generator.integers(-9, 10, (6, 3))])
        points[0], points[3:] = -points[1] - points[2], step * points[3:]
        low, high = class_bounds(Problem.of(points, step))
        gram_low, gram_high = class_bounds(Problem.of(Configuration.from_gram(points @ points.T), step))
        assert (gram_low <= high + 1e-12).all()
        assert (low <= gram_high + 1e-12).all()


@pytest.mark.parametrize("size", [1e-150, 1e200])
@pytest.mark.parametrize("noise", [1e-200, 1e200])
def test_means_whose_squares_overflow(size, noise):
    found = bounds(Problem.of([[size, 0], [0, size], [0, 0]], noise))
    assert -math.inf <= found.log_lower <= found.log_upper <= 0


def test_the_cone_does_not_depend_on_the_unit():
    points = np.array([[1.0, 0], [0, 1], [0, 0.5]])
    cone = all_bounds(Problem.of(points, 0.5))[0]["cone"]
    for size in (2.0**-600, 2.0**600):
        assert all_bounds(Problem.of(points * size, 0.5 * size))[0]["cone"] == cone
    far = Configuration.from_gram((points + 2.0**20) @ (points + 2.0**20).T)
    assert all_bounds(Problem.of(far, 0.5))[0]["cone"] == pytest.approx(cone, abs=1e-8)
