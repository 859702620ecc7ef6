"""Half-spaces: thresholds against 50 digits, normals against the decoder itself, ties, and what is refused."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from scipy import special

from nctheory import Configuration, exact_simplex_etf, simplex_etf
from nctheory.errors import InputError
from nctheory.probability import problem as module
from nctheory.probability.estimate import intersected
from nctheory.probability.problem import Problem


def draws(seed, num_classes=6, dimension=4):
    generator = np.random.default_rng(seed)
    return (
        generator.normal(size=(num_classes, dimension)),
        generator.normal(size=(num_classes, dimension)),
        generator.normal(size=num_classes),
    )


def covariance(seed, dimension=4):
    factor = np.random.default_rng(seed).normal(size=(dimension, dimension))
    return factor @ factor.T


def threshold(configuration, noise, i, j, matrix=None):
    """m / (sigma |w_i - w_j|) in 50 digits."""
    with mpmath.workdps(50):
        weights = [[mpmath.mpf(float(x)) for x in row] for row in configuration.weights]
        mean = [mpmath.mpf(float(x)) for x in configuration.class_means[i]]
        direction = [a - b for a, b in zip(weights[i], weights[j], strict=True)]
        if configuration.decoder == "linear":
            margin = (
                mpmath.fdot(direction, mean) + mpmath.mpf(configuration.bias[i]) - mpmath.mpf(configuration.bias[j])
            )
        else:
            margin = mpmath.fdot(direction, direction) / 2
        if matrix is None:
            square = mpmath.fdot(direction, direction)
        else:
            square = sum(
                a * b * mpmath.mpf(float(matrix[p, q]))
                for p, a in enumerate(direction)
                for q, b in enumerate(direction)
            )
        return margin / (mpmath.mpf(noise) * mpmath.sqrt(square))


def check_thresholds(problem, matrices=None, tolerance=3e-16):
    """Within the tolerance of 50 digits, and within the error that the problem states."""
    classes = np.arange(problem.num_classes)
    thresholds, errors = problem.thresholds_and_errors(classes)
    for i in classes:
        assert thresholds[i, i] == math.inf
        for j in np.delete(classes, i):
            matrix = None if matrices is None else matrices[i % len(matrices)]
            exact = threshold(problem.configuration, problem.noise, i, j, matrix)
            difference = abs(exact - mpmath.mpf(float(thresholds[i, j])))
            assert difference <= tolerance * abs(exact)
            assert difference <= errors[i, j]


def close_rows():
    means, weights, bias = draws(3)
    weights[1] = weights[0] + 1e-12 * weights[2]
    return means, weights, bias


CONFIGURATIONS = {
    "linear": draws(0),
    "means with an offset": (draws(1)[0] + 1e8, *draws(1)[1:]),
    "weights with an offset": (draws(2)[0], draws(2)[1] + 1e10, draws(2)[2]),
    "close rows": close_rows(),
    "scales": (draws(4)[0] * 1e150, draws(4)[1] * 1e-200, draws(4)[2] * 1e-50),
    "few classes": draws(5, 3, 8),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
@pytest.mark.parametrize("noise", [0.3, 1e-8, 1e8])
def test_thresholds_are_correct_to_a_rounding(name, noise):
    check_thresholds(Problem.of(Configuration(*CONFIGURATIONS[name]), noise))


def test_thresholds_of_the_nearest_mean():
    check_thresholds(Problem.of(draws(0)[0], 0.2))
    check_thresholds(Problem.of(draws(0)[0] + 1e6, 0.2))


@pytest.fixture
def floats_only(monkeypatch):
    monkeypatch.setattr(module, "_EXACT_WORK", 0)
    monkeypatch.setattr(module, "_EXACT_FORMS", 0)
    monkeypatch.setattr(module, "_SMALL", 0)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_thresholds_in_floats_state_their_errors(name, floats_only):
    problem = Problem.of(Configuration(*CONFIGURATIONS[name]), 0.3)
    assert problem._fast is not None
    check_thresholds(problem, tolerance=1e-9)


def test_thresholds_in_floats_of_the_nearest_mean(floats_only):
    means = draws(0)[0]
    means[2] = means[1] + 1e-9
    check_thresholds(Problem.of(means + 1e3, 0.2), tolerance=1e-9)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("own", [False, True])
def test_thresholds_under_covariances(fast, linear, own, request):
    if fast:
        request.getfixturevalue("floats_only")
    configuration = Configuration(*draws(6)) if linear else Configuration(draws(6)[0])
    matrices = [covariance(c) for c in range(6 if own else 1)]
    given = np.stack(matrices) if own else matrices[0]
    problem = Problem.of(configuration, 0.3, noise_covariance=given)
    check_thresholds(problem, matrices, tolerance=1e-9 if fast else 3e-16)


def test_many_classes_are_done_in_blocks():
    means = np.random.default_rng(0).normal(size=(3000, 3))
    problem = Problem.of(means, 0.01)
    assert problem.thresholds(np.array([5, 2000])).shape == (2, 3000)
    assert problem.thresholds(7).shape == (3000,)
    for i, j in ((5, 6), (2000, 17)):
        assert float(threshold(problem.configuration, 0.01, i, j)) == pytest.approx(problem.thresholds(i)[j], rel=1e-12)
    total = special.logsumexp([special.logsumexp(special.log_ndtr(-t)) for _, t in problem.blocks()])
    assert problem.log_union == pytest.approx(total - math.log(3000), rel=1e-12)


def test_exact_numbers_are_taken_exactly():
    problem = Problem.of(exact_simplex_etf(10), Fraction(1, 20))
    assert problem.thresholds(0)[1] == math.sqrt(2 * Fraction(10, 9)) * 10
    assert problem.exact_noise == Fraction(1, 20)


# ---------------------------------------------------------------------------------------------------------- geometry


def decoded(configuration, points):
    return np.argmax(points @ configuration.weights.T + configuration.bias, axis=1)


@pytest.mark.parametrize("own", [None, False, True])
@pytest.mark.parametrize("shape", [(6, 4), (3, 8), (9, 2)])
def test_half_spaces_are_what_the_decoder_gets_wrong(own, shape):
    """Errors counted in z and errors of the decoder on mu + sigma L z have the same probability."""
    configuration = Configuration(*draws(7, *shape))
    matrices = None if own is None else np.stack([covariance(c, shape[1]) for c in range(shape[0])])
    problem = Problem.of(configuration, 0.7, noise_covariance=matrices if own or own is None else matrices[0])
    generator, count = np.random.default_rng(0), 60_000
    for c in range(shape[0]):
        z = generator.standard_normal((count, problem.rank(c)))
        share = (z @ problem.normals(c).T >= problem.thresholds(c)).any(axis=1).mean()
        factor = np.eye(shape[1]) if own is None else np.linalg.cholesky(matrices[c if own else 0])
        points = configuration.class_means[c] + 0.7 * generator.standard_normal((count, shape[1])) @ factor.T
        assert abs((decoded(configuration, points) != c).mean() - share) < 5 * math.sqrt(0.5 / count)


def test_the_rank_is_that_of_the_differences():
    assert Problem.of(simplex_etf(5, 9, seed=0), 1).rank() == 4
    assert Problem.of(np.outer(np.arange(4.0), [1, 2, 3]) + 7, 1).rank() == 1
    assert Problem.of(np.ones((3, 2)), 1).rank() == 1
    flat = Problem.of(np.eye(3), 1, noise_covariance=np.diag([1.0, 1.0, 0.0]))
    assert flat.rank() == 2


def test_normals_of_close_rows_keep_digits():
    means, weights, bias = draws(3, 4, 9)
    step = np.random.default_rng(1).normal(size=9)
    weights[1] = weights[0] + 2.0**-40 * np.round(step * 2**8) / 2**8
    problem = Problem.of(Configuration(means, weights, bias), 1)
    step = weights[1] - weights[0]
    exact = (weights - weights[0]) @ step / np.linalg.norm(step)
    lengths = np.linalg.norm(weights - weights[0], axis=1)
    found = problem.normals(0) @ problem.normals(0, [1])[0]
    assert found[2:] == pytest.approx(exact[2:] / lengths[2:], abs=1e-8)


def test_origin_and_rows():
    problem = Problem.of(np.vstack([np.eye(3), -np.eye(3)]) + 5, 1)
    scaled = np.ldexp(problem.configuration.weights, -problem.scale_power)
    assert problem.rows() - problem.origin() == pytest.approx(scaled)
    rotated = Problem.of(simplex_etf(5, 9, seed=0), 1)
    assert np.linalg.norm(rotated.origin()) < 1e-15


def check_normals(problem, rows, tolerance=1e-14):
    """Inner products of the normals of each class are those of the differences of exact rows."""
    rows = np.array(rows, dtype=object)
    for c in range(len(rows)):
        others = np.delete(np.arange(len(rows)), c)
        apart = rows[others] - rows[c]
        products = apart @ apart.T
        lengths = [mpmath.sqrt(mpmath.mpf(x.numerator) / x.denominator) for x in map(Fraction, products.diagonal())]
        normals = problem.normals(c, others)
        for i, j in np.ndindex(products.shape):
            exact = mpmath.mpf(Fraction(products[i, j]).numerator) / Fraction(products[i, j]).denominator
            assert abs(normals[i] @ normals[j] - float(exact / lengths[i] / lengths[j])) < tolerance


POINTS = np.array([[Fraction(x, 7) for x in row] for row in [[10, 3], [-8, 9], [1, -11], [12, 12], [0, 1]]])


@pytest.mark.parametrize("step", [1e-3, 1e-8, 1e-13])
@pytest.mark.parametrize("own", [False, True])
def test_normals_under_a_covariance_that_is_nearly_singular(step, own):
    low = Fraction(step)
    factor, inverse = np.array([[1, 1], [1, 1 + low]]), np.array([[1 + low, -1], [-1, 1]]) / low
    weights, covariance = POINTS @ inverse, factor @ factor
    problem = Problem.of(
        Configuration(weights, weights, [0] * 5), 1, None, np.stack([covariance] * 5) if own else covariance
    )
    check_normals(problem, POINTS)


@pytest.mark.parametrize("step", [1, Fraction(1, 10**30)])
def test_normals_of_exact_points_far_from_their_mean(step):
    far = POINTS * step + 1
    check_normals(Problem.of(far, 1), POINTS)
    check_normals(Problem.of(np.hstack([far, far, 2 * far]), 1), POINTS)
    linear = Configuration(POINTS, far, [0] * 5)
    check_normals(Problem.of(linear, 1), POINTS)


def test_normals_of_many_exact_points_far_from_their_mean(monkeypatch):
    """Where integers would take too long, the mean comes off before rounding."""
    monkeypatch.setattr(module, "_EXACT_ROWS", 0)
    for step in (1, Fraction(1, 10**30)):
        problem = Problem.of(POINTS * step + 1, 1)
        assert np.abs(problem.rows()).max() <= 1
        check_normals(problem, POINTS)
        assert not problem.is_faithful(1e-14)


def test_normals_of_a_gram_matrix_of_points_near_each_other():
    points = np.concatenate([POINTS[:2], POINTS[2:] * Fraction(1, 10**12)])
    check_normals(Problem.of(Configuration.from_gram(points @ points.T), 1), points)


def test_normals_of_rows_that_differ_by_less_than_the_rounding_of_others():
    step = 2.0**-60
    rows = [[1, 0, 0], [-1, 0, 0], [0, 0, 0], [step, step, 0], [step, -step, 0]]
    problem = Problem.of(np.array(rows), 1)
    assert problem.is_faithful(0)
    check_normals(problem, [[Fraction(x) for x in row] for row in rows])
    shifted = np.array([[1e16, 1.0], [1e16, 3.0], [1e16, 4.0]])
    check_normals(Problem.of(shifted, 1), shifted.astype(int))


def test_rows_far_from_zero_or_far_apart_stay_finite():
    far = Problem.of([[1e300, 0], [1e300, 1e-10], [1e300, 3e-10]], 1)
    assert far.rank() == 1
    assert np.abs(far.rows()[1] - far.rows()[0]) == pytest.approx([0.25], rel=0.5)
    apart = Problem.of([[1.5e308, 0], [-1.5e308, 0], [0, 1.5e308]], 1)
    check_normals(apart, [[1, 0], [-1, 0], [0, 1]])


def test_thresholds_in_floats_do_not_leave_out_a_direction(floats_only):
    """Of many rows nearly on a line, which the covariance does not tell from one."""
    generator = np.random.default_rng(4)
    rows = np.column_stack([np.linspace(-1, 1, 1000), 4e-13 * generator.choice([-1, 1], 1000)])
    matrix = np.array([[1.0, 0.9], [0.9, 1.0]])
    problem = Problem.of(rows, 0.3, noise_covariance=matrix)
    thresholds, errors = problem.thresholds_and_errors(500)
    for j in range(0, 1000, 99):
        exact = threshold(problem.configuration, 0.3, 500, j, matrix)
        assert abs(exact - mpmath.mpf(float(thresholds[j]))) <= errors[j] < 1e-9 * exact


# --------------------------------------------------------------------------------------------------- ties and extremes


def test_one_class_is_never_mistaken():
    problem = Problem.of([[3.0, 4.0]], 0.1)
    assert problem.thresholds(0).tolist() == [math.inf]
    assert problem.log_union == -math.inf


def test_equal_rows_are_certain():
    means, weights = np.zeros((3, 2)), [[1, 0], [1, 0], [0, 1]]
    problem = Problem.of(Configuration(means, weights, [0, 0, 0]), 1)
    assert problem.thresholds(0)[1] == problem.thresholds(1)[0] == -math.inf
    assert problem.log_unions[0] > 0
    biased = Problem.of(Configuration(means, weights, [1, 0, 0]), 1)
    assert biased.thresholds(0)[1] == math.inf
    assert biased.thresholds(1)[0] == -math.inf
    assert not biased.normals(0, [1]).any()


def test_zero_and_negative_margins():
    problem = Problem.of(Configuration([[0.0], [1.0]], [[0.0], [1.0]], [0.0, 0.0]), 1)
    assert problem.thresholds(0)[1] == 0
    assert problem.log_unions[0] == -math.log(2)
    wrong = Problem.of(Configuration([[0.0], [1.0]], [[1.0], [0.0]], [0.0, 0.0]), 0.5)
    assert wrong.thresholds(1)[0] == -2
    assert wrong.log_union > -math.log(2)


def test_no_noise_across_a_difference():
    singular = np.diag([1.0, 0.0])
    problem = Problem.of([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]], 1, noise_covariance=singular)
    assert problem.thresholds(0).tolist() == [math.inf, math.inf, 0.5]
    nothing = Problem.of([[0.0, 0.0], [0.0, 1.0]], 1, noise_covariance=np.zeros((2, 2)))
    assert nothing.log_union == -math.inf


@pytest.mark.parametrize("noise", [1e-8, 1e-200, 1e8, 1e200])
def test_extreme_noise_never_gives_nan(noise):
    problem = Problem.of(Configuration(*draws(8)), noise)
    assert not np.isnan(problem.thresholds(np.arange(6))).any()
    assert not math.isnan(problem.log_union)


def test_priors_are_made_to_add_up_exactly():
    problem = Problem.of(simplex_etf(10), 0.1, priors=[0.1] * 10)
    assert problem.exact_priors == (Fraction(1, 10),) * 10
    assert Problem.of(simplex_etf(2), 0.1, priors=[0, 1]).log_priors.tolist() == [-math.inf, 0]


@pytest.mark.parametrize("priors", [None, [0.7, 0.2, 0.1]])
def test_the_union_bound_is_weighted(priors):
    problem = Problem.of(draws(9, 3, 2)[0], 0.5, priors=priors)
    tails = special.ndtr(-problem.thresholds(np.arange(3)))
    assert math.exp(problem.log_union) == pytest.approx(problem.priors @ tails.sum(axis=1), rel=1e-13)


# ------------------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize("noise", [0, -1, math.nan, math.inf, "0.1", None, True, Fraction(10) ** 400])
def test_noise_that_is_none(noise):
    with pytest.raises(InputError, match=r"noise is .*, expected a positive, finite standard deviation"):
        Problem.of(simplex_etf(3), noise)


@pytest.mark.parametrize(
    ("priors", "message"),
    [
        ([0.5, 0.5], r"priors has shape \(2,\), expected \(3,\)"),
        ([0.5, 0.6, -0.1], r"priors\[2\] is -0.1"),
        ([0.5, 0.6, 0.1], r"priors add up to 1.2, expected 1"),
        ([0.5, math.nan, 0.5], "not finite"),
    ],
)
def test_priors_that_are_none(priors, message):
    with pytest.raises(InputError, match=message):
        Problem.of(simplex_etf(3), 1, priors=priors)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.eye(3), r"noise_covariance has shape \(3, 3\), expected \(2, 2\)"),
        ([1, 2], "noise_covariance has 1 axes"),
        ([[1, 2], [3]], "noise_covariance of type list cannot be read as an array|noise_covariance has shape"),
        ([[1, 2], [0, 1]], r"noise_covariance is not symmetric: entry \(0, 1\) is 2.0, \(1, 0\) is 0.0"),
        ([[1, 2], [2, 1]], "noise_covariance has the eigenvalue -1"),
        (np.stack([np.eye(2)] * 2), r"has shape \(2, 2, 2\), expected \(3, 2, 2\)"),
        (np.stack([np.eye(2), np.eye(2), -np.eye(2)]), r"noise_covariance\[2\] has the eigenvalue -1"),
    ],
)
def test_covariances_that_are_none(matrix, message):
    with pytest.raises(InputError, match=message):
        Problem.of(simplex_etf(3), 1, noise_covariance=matrix)


def test_a_gram_matrix_has_no_directions():
    with pytest.raises(InputError, match="Gram matrix"):
        Problem.of(Configuration.from_gram(np.eye(3)), 1, noise_covariance=np.eye(3))


@pytest.mark.parametrize("own", [False, True])
def test_a_covariance_that_hides_a_direction_from_floats(own, monkeypatch):
    """With too many classes for integers; but not where only half-spaces that do not count are hidden."""
    monkeypatch.setattr(module, "_EXACT_ROWS", 0)
    factor = np.array([[1.0, 1.0], [1.0, 1.0 + 2.0**-20]])
    rows = POINTS.astype(float) @ np.linalg.inv(factor)
    matrix = factor @ factor.T
    linear = Configuration(POINTS.astype(float) @ factor.T, rows, -(POINTS.astype(float) ** 2).sum(axis=1) / 2)
    given = np.stack([matrix] * 5) if own else matrix
    with pytest.raises(InputError, match="noise_covariance has next to no noise between the decoder rows 0 and"):
        Problem.of(linear, 1, noise_covariance=given).rows(0)
    harmless = Problem.of([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], 1, noise_covariance=np.diag([1.0, 1e-12]))
    assert np.isfinite(harmless.rows(0)).all()
    singular = Problem.of([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], 1, noise_covariance=np.diag([1.0, 0.0]))
    assert np.isfinite(singular.rows(0)).all()


@pytest.mark.parametrize("options", [{}, {"noise_covariance": covariance(0)}])
def test_the_geometry_is_that_at_any_noise(options):
    configuration = Configuration(*draws(0))
    first, second = (Problem.of(configuration, noise, **options) for noise in (0.3, 2.0))
    plain = second.rows().copy(), second.normals(1), second.thresholds(1)
    first.thresholds(0)
    first.kept["of this noise"] = 1
    other = Problem.of(configuration, 2.0, **options)
    vars(other).update(first.geometry())
    assert "of this noise" not in other.kept
    for found, wanted in zip((other.rows(), other.normals(1), other.thresholds(1)), plain, strict=True):
        assert (found == wanted).all()


def test_union_bounds_of_thresholds_in_floats_know_their_error(floats_only, monkeypatch):
    """The float thresholds of close pairs of classes deep in the tail: the exact union bound is within the error."""
    means = np.random.default_rng(0).standard_normal((20, 6)) * 10
    means[1::2] = means[::2] + np.random.default_rng(1).standard_normal((10, 6))
    rough = Problem.of(means, 0.01)
    assert rough._fast is not None
    found, error = rough.log_union, rough.union_error
    monkeypatch.undo()
    exact = Problem.of(means, 0.01)
    assert exact.union_error == 0
    assert 0 < abs(found - exact.log_union) <= math.log1p(error)
    assert error < 1e-3


def test_the_error_of_float_thresholds_widens_an_interval():
    assert intersected(-5.0, (0.5, 0.5), (-math.inf, 0.0), 0.1) == pytest.approx(
        (math.log(0.4) - 5, math.log(0.6) - 5), abs=1e-12
    )
