"""Spheres: derivatives, optima in closed form and by descent, the certificate S, escapes, and spurious minima."""

import itertools
import math

import cvxpy as cp
import mpmath
import numpy as np
import pytest
import scipy.optimize

from nctheory import Configuration, Features, InputError, simplex_etf
from nctheory.landscape import (
    Model,
    Tangent,
    certify,
    escape,
    gradient,
    hessian_vector_product,
    minimize,
    objective,
    optimum,
    solve,
)
from nctheory.landscape.sphere import _relaxed, collapse_imbalance
from nctheory.landscape.sphere_points import OnSpheres, SphereFlat
from nctheory.losses import CrossEntropy, SquaredError
from nctheory.result import Status


def sphere(sizes, dimension=None, temperature=5.0):
    return Model(sizes, dimension, features="sphere", temperature=temperature)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def labels_of(model):
    return np.repeat(np.arange(model.num_classes), model.class_sizes)


def random_features(model, seed=0):
    """Samples that differ within classes."""
    draw = np.random.default_rng(seed).standard_normal
    labels = labels_of(model)
    shapes = ((len(labels), model.dimension), (model.num_classes, model.dimension))
    return Features(unit(draw(shapes[0])), labels, unit(draw(shapes[1])))


def random_classes(model, seed=0):
    draw = np.random.default_rng(seed).standard_normal((2, model.num_classes, model.dimension))
    return Configuration(unit(draw[0]), unit(draw[1]), class_sizes=model.class_sizes)


def rows_of(point):
    """W, samples or class means, their labels and counts."""
    if isinstance(point, Features):
        return np.array(point.weights), np.array(point.features), np.array(point.labels), np.ones(len(point.labels))
    means = np.array(point.class_means)
    return np.array(point.weights), means, np.arange(len(means)), np.array(point.class_sizes, float)


def written_out(temperature, weights, features, labels, counts):
    """F, one sample after the other."""
    total = 0.0
    for row, label, count in zip(features, labels, counts, strict=True):
        logits = [temperature * sum(a * b for a, b in zip(w, row, strict=True)) for w in weights]
        total += count * (math.log(sum(math.exp(z - logits[label]) for z in logits)))
    return total / sum(counts)


def turned(rows, tangent, step):
    """Great circles."""
    length = np.linalg.norm(tangent, axis=1, keepdims=True)
    return rows * np.cos(step * length) + tangent * np.sinc(step * length / np.pi) * step


def tangent_at(point, seed=0):
    weights, features, *_ = rows_of(point)
    draw = np.random.default_rng(seed)
    parts = [draw.standard_normal(rows.shape) for rows in (weights, features)]
    parts = [
        part - (part * rows).sum(axis=1)[:, None] * rows for part, rows in zip(parts, (weights, features), strict=True)
    ]
    return Tangent(*parts, np.zeros(len(weights)))


def along(model, point, tangent, step):
    weights, features, labels, counts = rows_of(point)
    moved = turned(weights, tangent.weights, step), turned(features, tangent.features, step)
    return written_out(float(model.temperature), *moved, labels, counts)


def second_derivative(model, point, tangent, step=2e-3):
    """By seven values on great circles: off by step^6."""
    values = [along(model, point, tangent, k * step) for k in range(-3, 4)]
    return float(np.dot([2, -27, 270, -490, 270, -27, 2], values)) / (180 * step**2)


MODELS = [sphere([3, 2, 1], 3, 2), sphere([2, 2], 4, 5), sphere([1, 4, 2, 3], 2, 1)]
KINDS = [random_features, random_classes]


# --------------------------------------------------------------------------------------------- F and its derivatives


@pytest.mark.parametrize("build", KINDS)
@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_derivatives_are_those_along_great_circles(model, build):
    point = build(model)
    assert objective(model, point) == pytest.approx(written_out(float(model.temperature), *rows_of(point)), rel=1e-13)
    slope = gradient(model, point)
    for seed in range(3):
        tangent = tangent_at(point, seed)
        values = [along(model, point, tangent, k * 1e-3) for k in (-2, -1, 1, 2)]
        assert slope.dot(tangent) == pytest.approx(np.dot([1, -8, 8, -1], values) / 12e-3, rel=1e-6)
        bent = hessian_vector_product(model, point, tangent)
        assert bent.dot(tangent) == pytest.approx(second_derivative(model, point, tangent), rel=1e-6)


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_the_hessian_is_symmetric_tangential_and_blind_to_what_is_not_tangential(model):
    point = random_features(model)
    one, two = tangent_at(point, 1), tangent_at(point, 2)
    bent = [hessian_vector_product(model, point, each) for each in (one, two)]
    assert bent[0].dot(two) == pytest.approx(bent[1].dot(one), rel=1e-12)
    weights, features, *_ = rows_of(point)
    outward = Tangent(one.weights + 3 * weights, one.features - 2 * features, one.bias)
    assert np.allclose(hessian_vector_product(model, point, outward).weights, bent[0].weights, atol=1e-13)
    for found in (*bent, gradient(model, point)):
        assert np.abs((found.weights * weights).sum(axis=1)).max() < 1e-15
        assert np.abs((found.features * features).sum(axis=1)).max() < 1e-15
    spectrum = np.linalg.eigvalsh(OnSpheres.of(model, point).hessian(model))
    assert len(spectrum) == (len(weights) + len(features)) * (model.dimension - 1)
    ambient = np.linalg.eigvalsh(_ambient_hessian(model, point))
    assert np.allclose(np.sort(np.r_[spectrum, np.zeros(len(ambient) - len(spectrum))]), ambient, atol=1e-12)


def _ambient_hessian(model, point):
    size = sum(part.size for part in tangent_at(point).parts[:2])
    cut, shapes = tangent_at(point).weights.size, [part.shape for part in tangent_at(point).parts]

    def image(flat):
        tangent = Tangent(flat[:cut].reshape(shapes[0]), flat[cut:].reshape(shapes[1]), np.zeros(shapes[2]))
        found = hessian_vector_product(model, point, tangent)
        return np.r_[found.weights.ravel(), found.features.ravel()]

    return np.array([image(row) for row in np.eye(size)])


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_points_as_vectors_have_exact_derivatives(model):
    numbers = OnSpheres.of(model, random_features(model))
    problem, draw = SphereFlat.like(model, numbers), np.random.default_rng(3).standard_normal
    flat = problem.of(numbers)
    assert problem.evaluate(flat)[0] == pytest.approx(numbers.value(model), rel=1e-14)
    flat = flat + 0.3 * draw(flat.shape)
    direction, step = draw(flat.shape), 1e-5
    value, slope = problem.evaluate(flat)
    (high, up), (low, down) = (problem.evaluate(flat + sign * step * direction) for sign in (1, -1))
    assert slope @ direction == pytest.approx((high - low) / (2 * step), rel=1e-6)
    assert np.allclose(problem.curvature(flat, direction), (up - down) / (2 * step), rtol=1e-5, atol=1e-8)
    assert problem.evaluate(7 * flat)[0] == pytest.approx(value, rel=1e-13)


# ------------------------------------------------------------------------------------------------------------- optima


def descended(model, seed):
    """Where SciPy's L-BFGS ends, with samples that need not collapse, started again there with rows of norm 1.

    Once is not enough: where a step leads near a row of 0, the slope there is so steep that no further step goes down.
    """
    size, width, labels = model.num_classes, model.dimension, labels_of(model)
    scale, total = float(model.temperature), model.num_samples

    def evaluate(flat):
        rows = flat.reshape(-1, width)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        units = rows / lengths
        logits = scale * units[size:] @ units[:size].T
        margins = logits - logits[np.arange(total), labels][:, None]
        heights = np.log(np.exp(margins - margins.max(axis=1, keepdims=True)).sum(axis=1)) + margins.max(axis=1)
        shares = np.exp(margins - heights[:, None])
        shares[np.arange(total), labels] -= 1
        shares *= scale / total
        slopes = np.vstack([shares.T @ units[size:], shares @ units[:size]])
        slopes -= (slopes * units).sum(axis=1)[:, None] * units
        return heights.mean(), (slopes / lengths).ravel()

    start = np.random.default_rng(seed).standard_normal((size + total) * width)
    options = {"maxiter": 5000, "maxfun": 50000, "ftol": 1e-16, "gtol": 1e-10}
    found = scipy.optimize.minimize(evaluate, start, jac=True, method="L-BFGS-B", options=options)
    for _ in range(20):
        before = found.fun
        again = unit(found.x.reshape(-1, width)).ravel()
        found = scipy.optimize.minimize(evaluate, again, jac=True, method="L-BFGS-B", options=options)
        if not found.fun < before * (1 - 1e-9):
            break
    return found.fun


@pytest.mark.parametrize("seed", range(6))
def test_balanced_closed_form_is_the_best_that_descents_find(seed):
    draw = np.random.default_rng(seed)
    size, count = int(draw.integers(2, 6)), int(draw.integers(1, 4))
    model = sphere([count] * size, size + int(draw.integers(0, 3)), float(draw.uniform(0.2, 8)))
    expected = math.log1p((size - 1) * math.exp(-float(model.temperature) * size / (size - 1)))
    found = optimum(model)
    assert found.status == Status.NEAR_OPTIMAL
    assert float(found.lower) == pytest.approx(expected, rel=1e-11)
    assert float(found.exact) == pytest.approx(expected, rel=1e-13)
    assert found.details.rank == size - 1
    reached = [descended(model, start) for start in range(20)]
    assert max(reached) == pytest.approx(expected, rel=1e-6, abs=1e-12)  # d >= K: no other local minimum
    assert min(reached) > float(found.lower) * (1 - 1e-12)


@pytest.mark.parametrize(
    ("sizes", "temperature"),
    [([5, 2, 1], 4), ([3, 3, 1, 1], 2), ([6, 1, 1], 0.5), ([1, 2, 3, 4], 7), ([4, 1], 3), ([9, 1, 1], 0.3)],
)
def test_optima_of_unequal_sizes_are_the_best_that_descents_find(sizes, temperature):
    model = sphere(sizes, None, temperature)
    found = optimum(model)
    assert found.status == Status.NEAR_OPTIMAL
    reached = [descended(model, start) for start in range(20)]
    assert max(reached) == pytest.approx(found.value, rel=1e-6)
    assert min(reached) > float(found.lower) * (1 - 1e-12)
    assert objective(model, found.configuration) == pytest.approx(found.value, rel=1e-12)


@pytest.mark.parametrize("sizes", [[5, 2, 1], [3, 3, 1, 1], [2, 2, 2], [1, 9]])
def test_the_minimum_is_that_of_the_semidefinite_problem_in_every_dimension_from_k_minus_1(sizes):
    model = sphere(sizes, None, 3)
    size, shares = len(sizes), np.array(sizes) / sum(sizes)
    gram = cp.Variable((2 * size, 2 * size), symmetric=True)
    logits = [3 * gram[size + k, :size] for k in range(size)]
    losses = [shares[k] * (cp.log_sum_exp(logits[k]) - logits[k][k]) for k in range(size)]
    problem = cp.Problem(cp.Minimize(sum(losses)), [gram >> 0, cp.diag(gram) == 1])
    problem.solve(solver="CLARABEL", tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
    for dimension in (size - 1, size, 2 * size + 1):
        found = optimum(model.replace(dimension=dimension))
        assert found.status == Status.NEAR_OPTIMAL
        assert found.value == pytest.approx(problem.value, rel=1e-6)
        assert found.details.rank <= size - 1
        assert found.configuration.dimension == dimension


@pytest.mark.parametrize("formulation", ["convex", "factored"])
def test_both_formulations_agree_with_the_optimum(formulation):
    for model in (sphere([5, 2, 1], 2, 4), sphere([4, 4, 4], 3, 6), sphere([4, 3, 2, 1], 3, 2)):
        found = solve(model, formulation=formulation)
        assert found.status == Status.NEAR_OPTIMAL
        assert found.value == pytest.approx(optimum(model).value, rel=1e-11)
    low = sphere([4, 3, 2, 1], 2, 2)
    found = solve(low, formulation=formulation)
    assert found.lower < found.upper
    assert found.value >= float(optimum(low.replace(dimension=3)).lower)
    with pytest.raises(InputError, match="formulation is 'dual'"):
        solve(low, formulation="dual")


def test_the_semidefinite_solution_is_near_the_optimum_before_descent():
    for sizes in ([5, 2, 1], [40, 1, 1, 9]):
        model = sphere(sizes, None, 2)
        assert _relaxed(model, None).value(model) == pytest.approx(optimum(model).value, rel=1e-5)


def test_two_classes_of_any_sizes_are_opposite():
    for sizes, dimension in (([1, 1], 1), ([1, 1000], 3), ([7, 2], 2)):
        found = optimum(sphere(sizes, dimension, 2.5))
        assert str(found.exact) == "log(exp(-5) + 1)"
        assert float(found.upper) == pytest.approx(math.log1p(math.exp(-5)), rel=1e-12)
        assert np.allclose(found.configuration.weights[0], -found.configuration.weights[1])


def test_brackets_hold_the_value_of_more_digits():
    with mpmath.workdps(60):
        for size, temperature in ((3, 0.01), (4, 8), (7, 15)):
            found = optimum(sphere([2] * size, None, temperature))
            exact = mpmath.log(1 + (size - 1) * mpmath.exp(-mpmath.mpf(temperature) * size / (size - 1)))
            lower, upper = (mpmath.mpf(end.numerator) / end.denominator for end in (found.lower, found.upper))
            assert lower <= exact <= upper


def test_few_dimensions_give_honest_ends():
    """Four classes in the plane: a search with ends that are apart, unless weights coincide."""
    model = sphere([2, 2, 2, 2], 2, 5)
    found = optimum(model, starts=4)
    assert found.status == Status.UNDECIDED
    assert float(found.lower) == pytest.approx(math.log1p(3 * math.exp(-20 / 3)), rel=1e-9)
    square = Configuration(*(np.array([[1, 0], [0, 1], [-1, 0], [0, -1.0]]),) * 2, class_sizes=[2] * 4)
    assert objective(model, square) >= float(found.lower)
    assert found.value <= objective(model, square) * (1 + 1e-12)
    merged = optimum(sphere([1000, 1000, 1, 1], 2, 1))
    assert merged.status == Status.NEAR_OPTIMAL
    assert merged.details.rank == 2


def test_descents_are_exact_relatively_where_values_are_tiny():
    """From starts where F is of size tau to ends where it is 1e-17."""
    model = sphere([2, 2, 2, 2], 2, 40)
    found = optimum(model, starts=4)
    assert found.value < 1e-16
    assert gradient(model, found.configuration).norm < 1e-9 * found.value
    for steep in (sphere([99, 1], 1, 60), sphere([3, 2, 1], 2, 900)):
        here = certify(steep, optimum(steep).configuration)
        assert 0 <= here.lower <= here.upper <= 1


def test_at_low_temperatures_the_line_is_found_in_one_dimension():
    found = optimum(sphere([9, 1, 1], 1, 0.1))
    assert found.status == Status.NEAR_OPTIMAL
    assert found.details.rank == 1
    assert np.allclose(found.configuration.weights.ravel(), [1, -1, -1])
    split = optimum(sphere([2, 2, 2], 1, 0.1))
    assert split.status == Status.UNDECIDED
    signs = [(a, b) for a in np.ndindex(2, 2, 2) for b in np.ndindex(2, 2, 2)]
    corners = [[(2 * np.array(each, float) - 1)[:, None] for each in pair] for pair in signs]
    best = min(written_out(0.1, w, h, [0, 1, 2], [2, 2, 2]) for w, h in corners)
    assert float(split.upper) == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize(("small", "temperature"), [(2, 0.05), (2, 1.0), (3, 0.4), (4, 0.7)])
def test_small_classes_coincide_exactly_from_the_threshold_on(small, temperature):
    level = collapse_imbalance(sphere([9] + [1] * small, None, temperature))
    assert optimum(sphere([9] + [1] * small, None, temperature)).details.thresholds == {"minority collapse": level}
    for factor, together in ((0.97, False), (1.03, True)):
        sizes = [round(1000 * factor * level)] + [1000] * small
        found = optimum(sphere(sizes, None, temperature))
        assert found.status == Status.NEAR_OPTIMAL
        assert (found.exact is not None) == together
        assert not together or float(found.exact) == pytest.approx(found.value, rel=1e-12)
        weights = np.array(found.configuration.weights)
        assert (weights[1] @ weights[2] > 1 - 1e-9) == together
        reached = descended(sphere([round(factor * level * 4), *[4] * small], None, temperature), 0)
        assert reached == pytest.approx(
            optimum(sphere([round(factor * level * 4), *[4] * small], None, temperature)).value, rel=1e-6
        )
    line = np.array([[1.0]] + [[-1.0]] * small)
    for factor, slack in ((0.97, -1), (1.03, 1)):
        model = sphere([round(1000 * factor * level)] + [1000] * small, 1, temperature)
        least = certify(model, Configuration(line, line, class_sizes=model.class_sizes)).details.least_eigenvalue
        assert (least > -1e-15) == (slack > 0)


def test_the_threshold_is_half_of_k_squared_less_one_for_small_temperatures():
    for small in (2, 3, 6):
        assert collapse_imbalance(sphere([9] + [1] * small, None, 1e-9)) == pytest.approx((small + 1) ** 2 / 2 - 1)
    assert collapse_imbalance(sphere([9, 1], None, 1)) is None
    assert collapse_imbalance(sphere([9, 9, 1], None, 1)) is None
    assert collapse_imbalance(sphere([9, 2, 1], None, 1)) is None
    assert collapse_imbalance(sphere([9, 1, 1], None, 500)) == math.inf


def test_under_imbalance_the_simplex_is_not_critical():
    for sizes in ([2, 1, 1], [3, 2, 1, 1]):
        model = sphere(sizes, None, 3)
        points = simplex_etf(len(sizes), len(sizes))
        point = Configuration(points, points, class_sizes=sizes)
        assert gradient(model, point).norm > 1e-3
        found = certify(model, point)
        assert found.status == Status.IMPROVABLE
        assert objective(model, found.configuration) < objective(model, point)
    even = sphere([2, 2, 2], None, 3)
    points = simplex_etf(3, 3)
    assert gradient(even, Configuration(points, points, class_sizes=[2, 2, 2])).norm < 1e-15


# ------------------------------------------------------------------------------------------ certificates and escapes


@pytest.mark.parametrize("build", KINDS)
@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_the_bound_by_s_holds_at_other_points(model, build):
    """F(any) >= F(here) + (K + N) min(0, mu) / 2."""
    best = optimum(model, starts=3).configuration
    for seed in range(5):
        here = build(model, seed)
        least = np.linalg.eigvalsh(OnSpheres.of(model, here).certificate_matrix(model))[0]
        bound = objective(model, here) + (model.num_classes + model.num_samples) * min(0, least) / 2
        others = [random_features(model, other) for other in range(5)] + [best]
        assert all(objective(model, other) >= bound for other in others)


def test_s_has_the_same_least_eigenvalue_for_samples_and_class_means():
    model = sphere([3, 2, 1], 3, 2)
    point = random_classes(model)
    samples = Features(np.array(point.class_means)[labels_of(model)], labels_of(model), point.weights)
    assert objective(model, samples) == pytest.approx(objective(model, point), rel=1e-14)
    here, there = (certify(model, each).details for each in (point, samples))
    assert here.least_eigenvalue == pytest.approx(there.least_eigenvalue, rel=1e-12)
    assert here.steepness == pytest.approx(there.steepness, rel=1e-12)


@pytest.mark.parametrize("build", KINDS)
@pytest.mark.parametrize("sizes", [[2, 1], [3, 1, 1], [2, 2, 2]])
def test_the_curvature_of_an_escape_is_the_least_eigenvalue_of_s(sizes, build):
    model = sphere(sizes, 2 * (len(sizes) + sum(sizes)), 2)
    for seed in range(3):
        point = build(model, seed)
        found, details = escape(model, point), certify(model, point).details
        assert found.curvature == pytest.approx(details.least_eigenvalue, rel=1e-12)
        assert found.curvature == pytest.approx(second_derivative(model, point, found.tangent), rel=1e-6)
        assert gradient(model, point).dot(found.tangent) == pytest.approx(0, abs=1e-14)
        lengths = (found.tangent.weights**2).sum(), rows_of(point)[3] @ (found.tangent.features**2).sum(axis=1)
        assert sum(lengths) == pytest.approx(1)
        assert objective(model, found.point) < objective(model, point)
        assert found.objective[0] <= objective(model, found.point) <= found.objective[1]
        assert type(found.point) is type(point)


def spurious(temperature=20.0):
    """A local minimum of three classes in the plane that is not global, and its model."""
    model = sphere([2, 2, 2], 2, temperature)
    runs = (minimize(model, seed=seed) for seed in range(40))
    worst = next(run for run in runs if run.objectives[-1] > 0.1)
    return model, worst.point


def test_one_dimension_below_k_there_is_a_strict_local_minimum_that_is_not_global():
    model, point = spurious()
    assert gradient(model, point).norm < 1e-7
    spectrum = np.linalg.eigvalsh(OnSpheres.of(model, point).hessian(model))
    assert abs(spectrum[0]) < 1e-7  # the rotation of the plane, and nothing else
    assert spectrum[1] > 1e-3
    assert escape(model, point) is None
    found = certify(model, point)
    assert found.status == Status.IMPROVABLE
    assert found.details.steepness > 1
    assert found.details.least_eigenvalue < -0.1
    assert float(found.upper) < 1e-9
    assert objective(model, found.configuration) == pytest.approx(math.log1p(2 * math.exp(-30)), rel=1e-12)


def test_one_more_dimension_makes_it_a_saddle_that_is_left():
    low, point = spurious()
    model = low.replace(dimension=3)
    padded = [np.pad(np.array(part), ((0, 0), (0, 1))) for part in (point.class_means, point.weights)]
    saddle = Configuration(*padded, class_sizes=[2, 2, 2])
    assert gradient(model, saddle).norm < 1e-7
    found = escape(model, saddle)
    assert found.curvature == pytest.approx(second_derivative(model, saddle, found.tangent, 5e-4), rel=1e-6)
    assert minimize(model, start=saddle, escapes=False).objectives[-1] == pytest.approx(objective(low, point))
    run = minimize(model, start=saddle)
    assert run.escapes
    assert run.objectives[-1] < 1e-9


def test_from_k_dimensions_on_every_descent_ends_at_the_optimum():
    """With K weights in K dimensions, for the temperatures and sizes at which d = K - 1 has other minima."""
    for sizes, temperature in (([2, 2, 2], 20), ([3, 1, 1], 12), ([1, 1, 1, 1], 9)):
        model = sphere(sizes, None, temperature)
        best = optimum(model).value
        for seed in range(20):
            run = minimize(model, start=random_features(model, seed), escapes=False)
            assert run.objectives[-1] == pytest.approx(best, rel=1e-3, abs=1e-9)


def test_equal_weights_are_left_where_no_unused_direction_is_needed():
    """All weights equal and features that fill the space: beta = 0, and S alone has no direction to offer."""
    model = sphere([1, 1, 1], 3, 2)
    one = np.zeros((3, 3))
    one[:, 0] = 1
    point = Configuration(np.eye(3), one, class_sizes=[1, 1, 1])
    found = escape(model, point)
    assert found.curvature < 0
    assert found.curvature == pytest.approx(second_derivative(model, point, found.tangent), rel=1e-6)
    assert objective(model, found.point) < math.log(3)


def test_two_classes_in_the_plane_have_a_critical_point_without_negative_curvature():
    """The one exception: weights (1, 0) twice, features (0, 1) twice. It is no local minimum."""
    model = sphere([1, 1], 2, 3)
    weights, features = np.array([[1.0, 0], [1, 0]]), np.array([[0.0, 1], [0, 1]])
    point = Configuration(features, weights, class_sizes=[1, 1])
    assert gradient(model, point).norm == 0
    assert np.linalg.eigvalsh(OnSpheres.of(model, point).hessian(model))[0] > -1e-15
    assert escape(model, point) is None
    assert certify(model, point).status == Status.IMPROVABLE
    for size in (0.1, 0.01):
        turn = np.array([[0, -(size**2) / 8], [0, size**2 / 8]])
        near = unit(weights + turn), unit(features + np.array([[0.0, 0], [size, 0]]))
        values = [written_out(3, *pair, [0, 1], [1, 1]) for pair in (near, (unit(weights - turn), near[1]))]
        assert min(values) < math.log(2)


def test_certificates_never_contradict_what_is_found():
    for seed, model in enumerate((sphere([3, 2, 1], 3, 2), sphere([2, 2], 2, 6), sphere([1, 4, 2, 3], 3, 1))):
        best = optimum(model)
        for build in KINDS:
            point = build(model, seed)
            found = certify(model, point)
            least = min(run.objectives[-1] for run in (minimize(model, seed=start) for start in range(4)))
            assert float(found.details.minimum[0]) <= least * (1 + 1e-12)
            assert float(found.details.minimum[0]) >= float(best.lower) * (1 - 1e-12)
            assert float(found.lower) * objective(model, point) <= least * (1 + 1e-9)
            assert found.status == Status.IMPROVABLE
            assert objective(model, found.configuration) < objective(model, point)
            near = certify(model, best.configuration)
            assert near.status == Status.NEAR_OPTIMAL
            assert near.details.steepness == pytest.approx(1, abs=1e-6)
            assert near.details.gradient_norm < 1e-8


def confirmed(certificate):
    """The claim, after the kernel has agreed."""
    assert certificate.verify().statement
    return certificate.claim


def test_the_kernel_confirms_what_is_found():
    for model in (sphere([2, 2, 2], 2, 5), sphere([5, 2, 1], 2, 4), sphere([9, 1, 1], 3, 0.1), sphere([3, 1], 1, 2)):
        found = optimum(model)
        claim = confirmed(found.certificate)
        assert claim["kind"] == "objective_bound"
        assert float(claim["bound"]) == pytest.approx(float(found.lower), rel=1e-9)
        here = certify(model, found.configuration)
        assert confirmed(here.certificate)["kind"] == "objective"
        assert float(here.certificate.claim["value"]) == pytest.approx(float(found.upper), rel=1e-9)
        assert confirmed(here.details.bound_certificate)["kind"] == "objective_bound"
        if model.dimension > 1:
            better = confirmed(certify(model, random_features(model)).certificate)
            assert better["kind"] == "lower_objective"
            assert better["decrease"] > 0


def test_features_that_differ_within_a_class_are_improved():
    model = sphere([2, 2, 2], 2, 3)
    points = simplex_etf(3, 2)
    features = points[labels_of(model)].copy()
    features[0] = [math.cos(0.3), math.sin(0.3)]
    found = certify(model, Features(unit(features), labels_of(model), points))
    assert found.status == Status.IMPROVABLE
    opposite = features.copy()
    opposite[1] = -opposite[0]  # the mean of the class is 0
    assert certify(model, Features(opposite, labels_of(model), points)).status == Status.IMPROVABLE


# ---------------------------------------------------------------------------------------------------------- bad input


def test_rows_that_are_not_of_norm_1_are_refused():
    model = sphere([2, 2, 2], 2, 3)
    points = simplex_etf(3, 2)
    for name, features, weights in (("features", 1.001 * points, points), ("weights", points, 0.5 * points)):
        for question in (objective, gradient, certify, escape):
            with pytest.raises(InputError, match=f"row 0 of the {name} has norm .*, expected 1 up to 1e-6"):
                question(model, Configuration(features, weights, class_sizes=[2, 2, 2]))
    nearly = Configuration(points * (1 + 4e-7), points, class_sizes=[2, 2, 2])
    exactly = Configuration(points, points, class_sizes=[2, 2, 2])
    assert objective(model, nearly) == pytest.approx(objective(model, exactly), rel=1e-14)
    zero = points.copy()
    zero[1] = 0
    with pytest.raises(InputError, match="row 1 of the weights has norm 0"):
        objective(model, Configuration(points, zero, class_sizes=[2, 2, 2]))
    with pytest.raises(InputError, match="has a bias that is not 0"):
        objective(model, Configuration(points, points, [0, 1, 0], class_sizes=[2, 2, 2]))


def test_models_on_spheres_that_have_no_theory_are_refused():
    given = {"features": "sphere", "temperature": 3}
    refused = (
        ({"loss": SquaredError()}, "loss mse"),
        ({"bias": True}, "a bias"),
        ({"class_weights": [1, 2]}, "class_weights"),
        ({"regularization": (1, 1)}, "expected none"),
        ({"temperature": -1}, "temperature is -1"),
        ({"temperature": None}, "temperature is missing"),
    )
    for changes, words in refused:
        with pytest.raises(InputError, match=words):
            Model([2, 2], **(given | changes))
    assert Model([2, 2], loss=CrossEntropy(), **given).family == "sphere"


@pytest.mark.parametrize("seed", range(6))
def test_on_a_line_no_signs_are_better(seed):
    """Against all signs of weights and of features."""
    generator = np.random.default_rng(seed)
    size, temperature = int(generator.integers(3, 5)), float(generator.uniform(0.1, 12))
    sizes = generator.integers(1, 5000, size)
    found = optimum(Model(sizes, 1, features="sphere", temperature=temperature))
    values = []
    for signs in itertools.product((-1.0, 1.0), repeat=2 * size):
        logits = temperature * np.outer(signs[size:], signs[:size])
        values.append(sizes @ (np.logaddexp.reduce(logits, axis=1) - np.diag(logits)) / sizes.sum())
    assert float(found.upper) == pytest.approx(min(values), rel=1e-12)
    assert float(found.lower) <= min(values)
