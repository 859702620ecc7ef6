"""The exact tier, against formulas in 60 digits from P = 0.5 to e^(-1e6), against enclosures and against counting."""

import math
from fractions import Fraction
from itertools import combinations, pairwise

import mpmath
import numpy as np
import pytest
from flint import arb, ctx

from nctheory import Configuration, exact_simplex_etf, orthogonal_frame, orthoplex, simplex_etf, simplex_etf_gram
from nctheory.errors import InputError
from nctheory.probability import exact as module
from nctheory.probability import plain
from nctheory.probability.exact import exact_error, tier
from nctheory.probability.problem import Problem

NOISES = [3.0, 0.7, 0.2, 0.03, 5e-4]


def close(value, exact):
    """What issue and documentation promise of a logarithm."""
    return abs(value - exact) <= 1e-13 + 1e-15 * abs(exact)


@pytest.fixture(autouse=True)
def sixty_digits():
    with mpmath.workdps(60):
        yield


def tail(x):
    return mpmath.erfc(x / mpmath.sqrt(2)) / 2


def log_integral(density, cuts):
    """Between neighboring cuts, scaled by the largest value there, since quadrature stops on an absolute test."""
    scale = max(density(cut) for cut in cuts)
    scaled = (mpmath.quad(lambda x: density(x) / scale, piece) for piece in pairwise(cuts))
    return mpmath.log(scale) + mpmath.log(mpmath.fsum(scaled))


def thresholds_of(problem, c):
    """t_cj in 60 digits from the exact data, None at j = c."""
    others = [j for j in range(problem.num_classes) if j != c]
    pairs = problem.pairs([c] * len(others), others)
    found = [None] * problem.num_classes
    scale = mpmath.sqrt(mpmath.mpf(pairs.scale.numerator) / pairs.scale.denominator)
    for j, margin, length in zip(others, *pairs.exact(), strict=True):
        found[j] = mpmath.mpf(margin) / mpmath.sqrt(mpmath.mpf(length)) * scale
    return found


# ----------------------------------------------------------------------------------------------------------- one number


def test_the_simplex_of_ten_classes_to_twenty_one_digits():
    problem = Problem.of(exact_simplex_etf(10), Fraction(1, 20))
    found = exact_error(problem, rigorous=True)
    assert found.ball.rel_accuracy_bits() > 80
    assert found.ball.str(21, radius=False) == "1.33316402682082512939e-49"
    assert found.log_lower < found.log_value < found.log_upper
    assert found.log_upper - found.log_lower < 1e-13
    assert close(exact_error(problem).log_value, found.log_value)


@pytest.mark.parametrize("num_classes", [2, 3, 4, 12])
def test_gram_matrices_and_coordinates_agree(num_classes):
    exact = exact_error(Problem.of(Configuration.from_gram(simplex_etf_gram(num_classes)), 0.25), rigorous=True)
    rounded = exact_error(Problem.of(simplex_etf(num_classes, num_classes + 2, seed=1), 0.25), rigorous=True)
    assert exact.log_value == pytest.approx(rounded.log_value, rel=1e-13)


# ---------------------------------------------------------------------------------------------------- against 60 digits


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("linear", [False, True])
def test_a_line(noise, linear):
    generator = np.random.default_rng(1)
    means = np.sort(generator.normal(size=(6, 1)), axis=0)
    weights, bias = means * generator.uniform(0.9, 1.1, (6, 1)), -(means[:, 0] ** 2) / 2 + 0.001
    problem = Problem.of(Configuration(means, weights, bias) if linear else means, noise)
    found = exact_error(problem)
    assert found.tier == "line"
    total = mpmath.mpf(0)
    for c in range(6):
        rows = problem.configuration.weights[:, 0]
        limits = thresholds_of(problem, c)
        right = min((limits[j] for j in range(6) if rows[j] > rows[c]), default=mpmath.inf)
        left = min((limits[j] for j in range(6) if rows[j] < rows[c]), default=mpmath.inf)
        chance = tail(left) + tail(right) if left + right > 0 else mpmath.mpf(1)
        assert close(found.per_class[c], mpmath.log(chance))
        total += chance / 6
    assert close(found.log_value, mpmath.log(total))
    assert found.log_lower <= mpmath.log(total) <= found.log_upper


def orthogonal_reference(problem, norms, c):
    """log of the integral of phi(y) (1 - prod_j Phi((T_j + r_c y) / r_j)) for norms r, in pieces around every peak."""
    limits = thresholds_of(problem, c)
    lengths = [mpmath.mpf(float(r)) for r in norms]
    scaled = {j: limits[j] * mpmath.hypot(lengths[c], lengths[j]) for j in range(len(norms)) if j != c}

    def density(y):
        total, before = mpmath.mpf(0), mpmath.mpf(1)
        for j, t in scaled.items():
            beaten = tail((t + lengths[c] * y) / lengths[j])
            total, before = total + before * beaten, before * (1 - beaten)
        return mpmath.exp(-y * y / 2) / mpmath.sqrt(2 * mpmath.pi) * total

    peaks = {-t * lengths[c] / (lengths[c] ** 2 + lengths[j] ** 2) for j, t in scaled.items()}
    cuts = sorted({peak + shift for peak in peaks for shift in (-24, -12, -6, -3, 0, 3, 6, 12, 24)})
    return log_integral(density, cuts)


@pytest.mark.parametrize("noise", NOISES)
def test_orthogonal_rows_of_any_norms_with_a_bias(noise):
    norms = np.array([1.0, 2.0, 1.5])
    rows, bias = np.diag(norms), -(norms**2) / 2 + np.array([0.1, -0.1, 0.05]) * min(noise, 0.5)
    problem = Problem.of(Configuration(rows, rows, bias), noise)
    found = exact_error(problem)
    assert found.tier == "axes"
    logs = [orthogonal_reference(problem, norms, c) for c in range(3)]
    for value, exact in zip(found.per_class, logs, strict=True):
        assert close(value, exact)
    peak = max(logs)
    assert close(found.log_value, peak + mpmath.log(mpmath.fsum(mpmath.exp(x - peak) for x in logs) / 3))


def biorthogonal_reference(noise, norms, c):
    """+-r_k e_k, nearest mean, from the signal r_c e_c: its own axis decides, and given that the others."""
    noise, lengths = mpmath.mpf(noise), [mpmath.mpf(r) for r in norms]
    own = lengths.pop(c)

    def density(y):
        total, before = mpmath.mpf(0), mpmath.mpf(1)
        for r in lengths:
            limit = ((own**2 + r**2) / (2 * noise) + own * y) / r
            beaten = 2 * tail(limit) if limit > 0 else mpmath.mpf(1)
            total, before = total + before * beaten, before * (1 - beaten)
        return mpmath.exp(-y * y / 2) / mpmath.sqrt(2 * mpmath.pi) * total

    start = max([-own / noise, *(-(own**2 + r**2) / (2 * noise * own) for r in lengths)])
    peaks = [-(own**2 + r**2) / (2 * noise) * own / (own**2 + r**2) for r in lengths]
    cuts = {peak + shift for peak in peaks for shift in (-24, -12, -6, -3, 0, 3, 6, 12, 24)} | {start}
    inside = log_integral(density, sorted(cut for cut in cuts if cut >= start))
    return mpmath.log(tail(-start) + mpmath.exp(inside))


@pytest.mark.parametrize("noise", NOISES)
def test_pairs_of_opposite_rows_of_any_norms(noise):
    norms = [1.0, 1.25, 1.5]
    problem = Problem.of(np.vstack([np.diag(norms), -np.diag(norms)]), noise)
    found = exact_error(problem)
    assert found.tier == "axes"
    for c in range(3):
        exact = biorthogonal_reference(noise, norms, c)
        assert close(found.per_class[c], exact)
        assert close(found.per_class[c + 3], exact)


def polygon_reference(problem, c):
    """log of the integral of exp(-r^2 / 2) / (2 pi) over all directions, cut at every corner of any two walls."""
    limits = thresholds_of(problem, c)
    weights = [[mpmath.mpf(float(x)) for x in row] for row in problem.configuration.weights]
    walls = []
    for j in (j for j in range(problem.num_classes) if j != c):
        x, y = weights[j][0] - weights[c][0], weights[j][1] - weights[c][1]
        walls.append((mpmath.atan2(y, x), limits[j]))
    turn = 2 * mpmath.pi

    def boundary(angle):
        return max((mpmath.cos(angle - normal) / t for normal, t in walls), default=mpmath.mpf(0))

    cuts = {mpmath.mpf(0), turn}
    for (first, t), (second, u) in combinations(walls, 2):
        difference = mpmath.atan2(
            mpmath.cos(first) / t - mpmath.cos(second) / u, mpmath.sin(second) / u - mpmath.sin(first) / t
        )
        cuts |= {difference % turn, (difference + mpmath.pi) % turn}
    for normal, t in walls:
        cuts |= {(normal + s * w / (1 + t)) % turn for s in (-1, 1) for w in (0, 0.3, 1, 3, 8, 14) if w / (1 + t) < 1.5}
        cuts |= {(normal + s * mpmath.pi / 2) % turn for s in (-1, 1)}

    def density(angle):
        inverse = boundary(angle)
        return mpmath.exp(-1 / (2 * inverse**2)) / turn if inverse > 0 else mpmath.mpf(0)

    return log_integral(density, sorted(cuts))


@pytest.mark.parametrize("noise", [3.0, 0.3, 0.03, 5e-4])
def test_a_plane(noise):
    means = np.array([[0.0, 0.0], [1.0, 0.25], [-0.5, 1.0], [0.25, -1.25]])
    problem = Problem.of(means, noise)
    found = exact_error(problem)
    assert found.tier == "plane"
    for c in range(4):
        assert close(found.per_class[c], polygon_reference(problem, c))


# ------------------------------------------------------------------------------------------------ against enclosures

GENERATOR = np.random.default_rng(5)
FACTORS = GENERATOR.normal(size=(5, 2, 2))
RANDOM = {
    "simplex": simplex_etf(7),
    "rotated simplex": simplex_etf(7, 9, seed=3),
    "frame": orthogonal_frame(6, 8, seed=2),
    "orthoplex": orthoplex(8, 4),
    "orthoplex less one": orthoplex(7, 4),
    "norms": np.diag([1.0, 2.0, 3.0, 4.0]),
    "opposite norms": np.vstack([np.diag([1.0, 2.0, 3.0]), -np.diag([1.0, 0.5, 3.0])]),
    "opposite norms and zero": np.vstack([np.diag([1.0, 2.0, 3.0]), -np.diag([1.0, 0.5, 3.0]), np.zeros((1, 3))]),
    "axes and zero": np.vstack([np.eye(3), np.zeros((1, 3))]),
    "shifted axes": np.vstack([np.eye(4), -np.eye(4)]) + 0.5,
    "frame with a bias": Configuration(np.diag([1.0, 2.0, 3.0]), np.diag([1.0, 2.0, 3.0]), [0.0, 0.5, -1.0]),
    "line": GENERATOR.normal(size=(7, 1)),
    "line with a bias": Configuration(*(GENERATOR.normal(size=(5, 1)) for _ in "ab"), GENERATOR.normal(size=5)),
    "plane": GENERATOR.normal(size=(7, 2)),
    "plane with a bias": Configuration(*(GENERATOR.normal(size=(7, 2)) for _ in "ab"), GENERATOR.normal(size=7) / 9),
    "square lattice": np.array([[x, y] for x in range(4) for y in range(4)], dtype=float),
    "hexagon": np.array([[2, 0], [1, 2], [-1, 2], [-2, 0], [-1, -2], [1, -2], [0, 0]], dtype=float),
    "triangle in space": GENERATOR.normal(size=(3, 5)),
    "points on a line of the plane": np.array([[0, 0], [1, 2], [2, 4], [5, 10]], dtype=float),
    "two classes in space": GENERATOR.normal(size=(2, 5)),
}


def check_enclosed(problem, width=1e-12):
    value, ball = exact_error(problem), exact_error(problem, rigorous=True)
    assert ball.guarantee == "enclosure"
    assert ball.log_lower <= ball.log_value <= ball.log_upper
    assert ball.log_upper - ball.log_lower <= width + 4e-16 * abs(ball.log_value)
    assert close(value.log_value, ball.log_value)
    assert value.tier == ball.tier


@pytest.mark.parametrize("noise", [3.0, 0.4, 0.05])
@pytest.mark.parametrize("name", RANDOM)
def test_floats_agree_with_the_enclosure(name, noise):
    check_enclosed(Problem.of(RANDOM[name], noise))


@pytest.mark.parametrize("name", ["simplex", "opposite norms", "line", "plane", "square lattice"])
def test_floats_agree_with_the_enclosure_far_out(name):
    check_enclosed(Problem.of(RANDOM[name], 1e-3))


@pytest.mark.parametrize("noise", [1.0, 0.1])
@pytest.mark.parametrize("own", [False, True])
def test_covariances(noise, own):
    matrices = FACTORS @ FACTORS.transpose(0, 2, 1)
    given = matrices if own else matrices[0]
    priors = [0.1, 0.2, 0.3, 0.15, 0.25]
    check_enclosed(Problem.of(RANDOM["plane"][:5], noise, noise_covariance=given, priors=priors))


def test_isotropic_noise_per_class():
    scales = np.array([1.0, 2.0, 3.0, 4.0])
    problem = Problem.of(orthogonal_frame(4, 4), 0.3, noise_covariance=scales[:, None, None] * np.eye(4))
    assert tier(problem) == "axes"
    check_enclosed(problem)
    alone = [exact_error(Problem.of(orthogonal_frame(4, 4), 0.3 * math.sqrt(s))).log_value for s in scales]
    assert exact_error(problem).per_class == pytest.approx(alone, rel=1e-13)


# -------------------------------------------------------------------------------------------------- against counting


@pytest.mark.parametrize("name", RANDOM)
def test_counting_agrees(name):
    problem = Problem.of(RANDOM[name], 0.8)
    count, generator = 40_000, np.random.default_rng(0)
    for c, value in enumerate(exact_error(problem).per_class):
        z = generator.standard_normal((count, problem.rank()))
        share = (z @ problem.normals(c).T >= problem.thresholds(c)).any(axis=1).mean()
        chance = math.exp(value)
        assert abs(share - chance) <= 5 * math.sqrt(chance * (1 - chance) / count) + 1e-12


# ------------------------------------------------------------------------------------------------------------ tiers


@pytest.mark.parametrize(
    ("points", "name"),
    [
        ([[1.0, 2.0]], "one class"),
        ([[1.0, 2.0], [3.0, 5.0]], "line"),
        ([[0.0, 0.0], [1.0, 1.0], [3.0, 3.0]], "line"),
        ([[1.0, 1.0]] * 3, "line"),
        (simplex_etf(3), "axes"),
        ([[0.0, 0.0], [1.0, 0.0], [-3.0, 0.5]], "plane"),
        (np.vstack([np.eye(2), -np.eye(2)]), "plane"),
        (np.vstack([np.eye(3), -np.eye(3)]), "axes"),
        (np.vstack([np.eye(3), 2 * np.eye(3)]), None),
        (np.vstack([np.eye(3), np.eye(3)[:1]]), "plane"),
        (np.vstack([np.eye(4), np.eye(4)[:1]]), None),
        (np.random.default_rng(0).normal(size=(6, 4)), None),
        (np.random.default_rng(0).normal(size=(40, 5)), None),
    ],
)
def test_tiers(points, name):
    problem = Problem.of(points, 0.5)
    assert tier(problem) == name
    assert (exact_error(problem) is None) == (name is None)
    assert (exact_error(problem, rigorous=True) is None) == (name is None)


def test_nearly_orthogonal_is_not_orthogonal():
    rows = np.eye(5)
    rows[0, 1] = 1e-9
    assert tier(Problem.of(rows, 0.5)) is None


def test_many_classes_that_are_not_on_axes_are_seen_soon():
    assert tier(Problem.of(np.random.default_rng(0).normal(size=(300, 299)), 0.5)) is None


def test_covariances_of_many_classes_have_no_formula():
    matrices = np.tile(np.eye(1), (200, 1, 1))
    assert tier(Problem.of(np.arange(200.0)[:, None], 0.5, noise_covariance=matrices)) is None


# ------------------------------------------------------------------------------------------------------ false inputs


def test_an_enclosure_needs_exact_rank():
    line = np.outer([0.1, 0.2, 0.7], [0.3, 0.1])
    for points, words in (
        (line, "on a line"),
        (np.random.default_rng(0).normal(size=(4, 2)) @ [[0.1, 0.7, 0.3], [0.9, 0.2, 0.1]], "in a plane"),
    ):
        problem = Problem.of(points, 0.5)
        assert exact_error(problem).log_value < 0
        with pytest.raises(InputError, match=f"{words} up to rounding only"):
            exact_error(problem, rigorous=True)


# ---------------------------------------------------------------------------------------------------------- extremes


def test_one_class():
    for rigorous in (False, True):
        found = exact_error(Problem.of([[1.0]], 1), rigorous=rigorous)
        assert found.log_value == found.log_lower == found.log_upper == -math.inf


@pytest.mark.parametrize("rigorous", [False, True])
def test_equal_rows_are_certain_errors(rigorous):
    found = exact_error(Problem.of([[1.0, 1.0]] * 3, 1), rigorous=rigorous)
    assert abs(found.log_value) < 1e-50
    one_sided = Problem.of(Configuration(np.zeros((3, 1)), [[1.0], [1.0], [0.0]], [2.0, 0.0, 0.0]), 1)
    found = exact_error(one_sided, rigorous=rigorous)
    assert found.per_class[1] == 0
    assert found.per_class[0] == pytest.approx(math.log(math.erfc(math.sqrt(2)) / 2), rel=1e-14)


@pytest.mark.parametrize("noise", [1e-8, 1e8, 1e-150])
@pytest.mark.parametrize("name", ["simplex", "opposite norms", "line", "plane", "plane with a bias"])
def test_extreme_noise(name, noise):
    found = exact_error(Problem.of(RANDOM[name], noise))
    assert found.log_lower <= found.log_value <= found.log_upper <= 0


def test_a_class_that_never_occurs():
    problem = Problem.of([[0.0], [0.1], [5.0]], 0.5, priors=[0.5, 0.0, 0.5])
    for rigorous in (False, True):
        found = exact_error(problem, rigorous=rigorous)
        assert found.log_value == pytest.approx(
            math.log((math.exp(found.per_class[0]) + math.exp(found.per_class[2])) / 2)
        )


@pytest.mark.parametrize("name", ["line with a bias", "plane with a bias"])
@pytest.mark.parametrize("noise", [10.0, 0.5, 0.01])
def test_negative_margins(name, noise):
    check_enclosed(Problem.of(RANDOM[name], noise))


def test_an_enclosure_bounds_what_rounding_changes():
    """The simplex in float coordinates is not quite one: its ball is wider, and holds what exact coordinates give."""
    exact = exact_error(Problem.of(exact_simplex_etf(6), Fraction(1, 2)), rigorous=True)
    rounded = exact_error(Problem.of(simplex_etf(6, 8, seed=4), Fraction(1, 2)), rigorous=True)
    assert exact.ball.rad() < 1e-40
    assert 1e-30 < rounded.ball.rad() < 1e-13
    assert abs(exact.ball - rounded.ball) < arb(1e-14)


def test_an_enclosure_allows_for_the_rounding_of_long_sums(monkeypatch):
    """What rounding changes counts by exp(-t^2 / (1 + r)), whose exponent has an error of its own for large t."""
    monkeypatch.setattr(module, "_largest_correlation", lambda *_: 0.0)
    problem = Problem.of(simplex_etf(6, 8, seed=4), 1)
    structure = module._axes(problem, 0)
    squares = module._squares(problem, 0, structure)
    with ctx.workprec(192):
        change = (arb(2.5) * squares.error / (2 * squares.least[0])).upper()
        base = module._comparison(squares, structure, 0, np.zeros(1)) / (arb(1e-9)).exp()
        for t in np.random.default_rng(0).uniform(1e6, 2e6, 20):
            exact = base * (-(arb(float(t)) ** 2) / (1 + change)).exp()
            assert module._comparison(squares, structure, 0, np.array([t])) > exact


# ------------------------------------------------------------------------------------------------- nearly degenerate

STEP, POINT = 1e-15, Fraction(17, 10**17)
SQUARE = [[0, 0], [1, 0], [0, 1], [1, 1], [3, 1]]


def short_rows():
    """Two rows so near the middle of two others that what tells them apart is below the rounding of those."""
    weights = [[1, 0], [-1, 0], [0, 0], [STEP, STEP], [STEP, -STEP]]
    means = [[10, 0], [-10, 0], [0, 0], [20, 20], [20, -20]]
    return Configuration(means, weights, [-5, -5, 0, -0.8 * 2**0.5 * STEP, -0.8 * 2**0.5 * STEP])


@pytest.mark.parametrize("matrix", [None, np.eye(2)])
def test_rows_that_differ_by_less_than_the_rounding_of_others(matrix):
    """P = 1 - P(|z| < 0.8 on two orthogonal axes, from one side) and walls five away."""
    problem = Problem.of(short_rows(), 1, [0, 0, 1, 0, 0], matrix)
    assert tier(problem) == "plane"
    check_enclosed(problem)
    assert exact_error(problem).log_value == pytest.approx(math.log(0.378828373909435), rel=1e-12)


def test_exact_points_far_from_their_mean():
    far = [[1 + POINT * x for x in row] for row in SQUARE]
    near = exact_error(Problem.of([[POINT * x for x in row] for row in SQUARE], POINT), rigorous=True)
    problem = Problem.of(far, POINT)
    check_enclosed(problem)
    assert close(exact_error(problem).log_value, near.log_value)
    tiny = Fraction(1, 10**30)
    check_enclosed(Problem.of([[1], [1 + tiny], [1 + 2 * tiny]], tiny))


@pytest.mark.parametrize("step", [1e-2, 1e-6, 1e-7, 1e-12])
def test_a_covariance_that_is_nearly_singular(step):
    """Rows V L^-1 under L L^T are the rows V in white noise, whatever L."""
    rows = [[Fraction(10), Fraction(3)], [Fraction(-8), Fraction(9)], [Fraction(1), Fraction(-11)], [Fraction(12)] * 2]
    low = Fraction(step)
    white = Configuration(rows, rows, [-(x * x + y * y) / 2 for x, y in rows])
    weights = [[x + (x - y) / low, (y - x) / low] for x, y in rows]  # L = [[1, 1], [1, 1 + low]]
    means = [[x + y, x + (1 + low) * y] for x, y in rows]
    factor = np.array([[Fraction(1), Fraction(1)], [Fraction(1), 1 + low]])
    problem = Problem.of(Configuration(means, weights, white.exact_bias.fractions()), 5, None, factor @ factor)
    check_enclosed(problem)
    assert close(exact_error(problem).log_value, exact_error(Problem.of(white, 5), rigorous=True).log_value)


@pytest.mark.parametrize("step", [1e-6, 1e-9, 1e-15])
def test_a_gram_matrix_of_points_of_which_most_are_near_each_other(step):
    rows = np.array([[1, 0], [0, 1], [0, -1], [2, Fraction(1, 3)]]) * Fraction(step)
    rows[0, 0] = 1
    problem = Problem.of(Configuration.from_gram(rows @ rows.T), Fraction(step))
    assert tier(problem) == "plane"
    near = exact_error(Problem.of(rows[1:] / Fraction(step), 1), rigorous=True)
    assert close(exact_error(problem).log_value, near.log_value + math.log(0.75))


def test_a_rotated_plane_with_close_points_is_none():
    """Far apart, points in a plane of space are there up to their rounding; near each other that is not little."""
    frame = np.linalg.qr(np.random.default_rng(2).normal(size=(9, 2)))[0]
    points = np.array([[1.0, 0.25], [-0.5, 1.0], [0.25, -1.25], [0.75, 0.5]])
    assert tier(Problem.of(points @ frame.T, 0.5)) == "plane"
    points[3] = points[0] + 1e-7
    assert tier(Problem.of(points @ frame.T, 0.5)) is None


def test_a_right_triangle():
    check_enclosed(Problem.of([[0, 0], [1, 0], [0, 1]], 1))


def test_the_class_in_the_center_of_an_empty_slab():
    weights = np.vstack([np.eye(3), -np.eye(3), np.zeros((1, 3))])
    problem = Problem.of(Configuration(weights, weights, [2, -3, -3, 2, -3, -3, 0]), 1)
    assert exact_error(problem).per_class[6] == 0
    check_enclosed(problem)


@pytest.mark.parametrize(
    ("weights", "bias"),
    [
        ([[0, 0], [-1, -1], [1, 1], [0, -1]], [0.375, -0.125, 1.125, 0]),
        ([[0, 0], [1, 0], [-1, 1], [0, -1]], [0, 1, 1, -2]),
        ([[0, 0], [1, 0], [-2, 0], [0, -1]], [0, 1, -2, -1]),
    ],
)
def test_a_class_that_is_never_decoded_is_known_to_be_so(weights, bias):
    """Between opposite walls, and where three walls or two meet."""
    problem = Problem.of(Configuration(np.zeros((4, 2)), weights, bias), 1, [1, 0, 0, 0])
    assert exact_error(problem, rigorous=True).ball == 1


def test_rows_far_from_zero_or_far_apart():
    far = exact_error(Problem.of([[1e300, 0], [1e300, 1e-10]], 1e-10))
    assert far.log_value == pytest.approx(math.log(math.erfc(0.5 / math.sqrt(2)) / 2), rel=1e-14)
    apart = exact_error(Problem.of([[1.5e308, 0], [-1.5e308, 0], [0, 1.5e308]], 1.5e308))
    assert close(apart.log_value, exact_error(Problem.of([[1, 0], [-1, 0], [0, 1]], 1), rigorous=True).log_value)
    assert exact_error(Problem.of([[1.0, 2], [2, 3], [3, 5]], 1, None, np.eye(2) * 1e-320)).log_value == -math.inf


def test_a_covariance_that_is_not_exactly_one_is_not_enclosed():
    problem = Problem.of([[1.0, 2], [2, 3], [3, 5]], 1, None, [[1, 1], [1, 1 - 1e-12]])
    with pytest.raises(InputError, match="not positive semidefinite in exact arithmetic"):
        exact_error(problem, rigorous=True)
    stretched = Problem.of([[1.0, 2], [2, 3], [3, 5]], 1, None, np.array([[[2, 1], [1 + 1e-13, 2]]] * 3))
    with pytest.raises(InputError, match=r"noise_covariance\[0\] is not exactly symmetric"):
        exact_error(stretched, rigorous=True)


PLANAR = [[[-2, -2], [-2, -1], [-2, 2], [0, 0], [1, -1], [2, -1]]]
PLANAR += [np.random.default_rng(seed).integers(-2, 3, (3 + seed % 6, 2)).tolist() for seed in range(40)]


@pytest.mark.parametrize("points", PLANAR, ids=range(len(PLANAR)))
def test_planar_points_in_the_same_direction_from_each_other(points):
    """Grids, collinear and equal points: of two parallel walls only the nearer one is a wall of the cell."""
    problem = Problem.of(points, 3.0)
    found, enclosed = exact_error(problem), exact_error(problem, rigorous=True)
    assert enclosed.log_lower - 1e-12 <= found.log_value <= enclosed.log_upper + 1e-12
    chunk = plain.sample(problem, 0, 0, 20_000)
    low, high = plain.clopper_pearson(int(chunk.wrong.sum()), 20_000, 1 - 1e-9)
    assert low <= math.exp(enclosed.log_upper)
    assert math.exp(enclosed.log_lower) <= high
