"""Certified gaps, escapes from saddles, certificates of the kernel, and penalties fitted to a last layer."""

import dataclasses
import math
from fractions import Fraction

import numpy as np
import pytest

from nctheory import Configuration, Features, InputError, kernel
from nctheory.landscape import (
    certify,
    critical_points,
    escape,
    fit_regularization,
    free,
    gradient,
    hessian_vector_product,
    minimize,
    objective,
    optimum,
)
from nctheory.landscape.closed_forms import closed_form
from nctheory.losses import BinaryCrossEntropy, CrossEntropy, Focal, LabelSmoothing, SquaredError
from nctheory.result import Certificate, Status
from tests.test_landscape_bounds import BIASES, modeled
from tests.test_landscape_model import LOSSES, collapsed_point, labels_of, random_point, written_out


def zero(model):
    nothing = np.zeros((model.num_classes, model.dimension))
    return Configuration(nothing, nothing, class_sizes=model.class_sizes)


def spread(point):
    """The samples that a Configuration stands for."""
    labels = np.repeat(np.arange(point.num_classes), point.class_sizes)
    return Features(point.class_means[labels], labels, point.weights, point.bias)


def moved(point, scale, seed=0):
    """Features near by, no longer collapsed."""
    features = spread(point)
    noise = np.random.default_rng(seed).standard_normal(features.features.shape)
    return Features(features.features + scale * noise, features.labels, features.weights, features.bias)


# ----------------------------------------------------------------------------------------------------------- certified


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.parametrize("bias", BIASES)
def test_optima_random_points_and_points_near_by(loss, bias):
    model = modeled([5, 2, 2], None, loss, (0.02, 0.03), bias, class_weights=[1.0, 0.5, 2.0])
    best = optimum(model)
    points = [best.configuration, spread(best.configuration), moved(best.configuration, 1e-3), zero(model)]
    for point in (*points, random_point(model)[-1], collapsed_point(model)):
        found, value = certify(model, point), objective(model, point)
        low, high = found.details.objective
        assert low <= value <= high
        assert found.details.minimum[0] <= best.upper
        assert found.details.minimum[1] >= best.lower
        assert 0 <= found.lower <= found.upper <= 1
        assert found.gap == 1 - found.lower
        assert found.lower <= best.upper / low
        assert found.upper >= best.lower / high
        near = value <= best.value * (1 + 1e-10)
        assert found.status == (Status.NEAR_OPTIMAL if near else Status.IMPROVABLE)
        if found.status == Status.IMPROVABLE:
            assert objective(model, found.configuration) < value
            assert found.details.better is found.configuration


def test_a_point_a_little_above_the_optimum_is_near_it_at_a_tolerance():
    model = modeled([4, 4, 4], 2, CrossEntropy(), (0.05, 0.05))
    point = moved(optimum(model).configuration, 1e-3)
    exact = 1 - optimum(model).value / objective(model, point)
    assert 1e-7 < exact < 1e-4
    assert certify(model, point).status == Status.IMPROVABLE
    assert float(certify(model, point).gap) == pytest.approx(exact, rel=1e-5)
    assert certify(model, point, tolerance=1e-4).status == Status.NEAR_OPTIMAL
    assert certify(model, point, tolerance=exact / 2).status == Status.IMPROVABLE


def test_the_gradient_and_steepness_of_a_point():
    model = modeled([5, 2], 3, CrossEntropy(), (0.02, 0.03), (0.1,))
    weights, features, bias, point = random_point(model)
    found = certify(model, point).details
    slopes = written_out(model, weights, features, bias, labels_of(model))[1]
    assert found.gradient_norm == pytest.approx(math.sqrt(sum((part**2).sum() for part in slopes)), rel=1e-12)
    each = model.loss.gradient(features @ weights.T + bias, labels_of(model)) / 7
    assert found.steepness == pytest.approx(np.linalg.norm(each, 2) / model.strength, rel=1e-12)


def test_the_steepness_of_optima_is_1():
    for sizes in ([4, 4, 4], [5, 2, 1], [100, 100, 1]):
        model = modeled(sizes, None, CrossEntropy(), (0.01, 0.01))
        best = optimum(model).configuration
        assert certify(model, best).details.steepness == pytest.approx(1, rel=1e-9)
        assert certify(model, spread(best)).details.steepness == pytest.approx(1, rel=1e-9)
        assert certify(model, best).details.escape is None


def test_many_classes_are_certified_without_solving(monkeypatch):
    """More sizes than are solved at once, no closed form: the bound is the dual one at the point."""
    monkeypatch.setattr(free, "_MOST_GROUPS", 10)
    sizes = np.arange(1, 12)
    for loss, bias in ((CrossEntropy(), (0,)), (SquaredError(), (1e-3,)), (BinaryCrossEntropy(), ())):
        model = modeled(sizes, 12, loss, (1e-4, 1e-3), bias)
        assert closed_form(model) is None
        found = certify(model, collapsed_point(model))
        assert found.status == Status.IMPROVABLE
        assert found.verify().kind == "lower_objective"
        certificate = found.details.bound_certificate
        assert certificate.verify().claim["bound"] <= max(found.details.dual.lower, 0)


# -------------------------------------------------------------------------------------------------------------- escapes


def curvature(model, point, tangent):
    return hessian_vector_product(model, point, tangent).dot(tangent)


def assert_escapes(model, point, predicted):
    """Predicted is measured, the direction has no slope, the step leads down, and the bracket at its end is right."""
    found = escape(model, point)
    assert found.curvature == pytest.approx(predicted, rel=1e-7)
    assert curvature(model, point, found.tangent) == pytest.approx(found.curvature, rel=1e-6)
    assert abs(gradient(model, point).dot(found.tangent)) < 1e-9 * found.tangent.norm
    assert found.steepness == pytest.approx(certify(model, point).details.steepness, rel=1e-9)
    low, high = found.objective
    assert low <= objective(model, found.point) <= high < objective(model, point)
    assert type(found.point) is type(point)
    return found


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.parametrize("bias", BIASES)
def test_escapes_from_saddles_of_every_rank(loss, bias):
    ratio = [1.0, 1e-4, 300.0][(LOSSES.index(loss) + len(bias)) % 3]
    model = modeled([7, 3, 3, 1], 4, loss, (0.01 * ratio, 0.01 / ratio), bias)
    points = critical_points(model, ranks=range(3))
    assert [point.rank for point in points][:2] == [0, 1]
    for point in points:
        assert point.gradient_norm < 1e-9
        top = certify(model, point.configuration).details.steepness
        assert top > 1 + 1e-3
        predicted = -2 * model.strength * (top - 1)
        assert_escapes(model, point.configuration, predicted)
        assert_escapes(model, spread(point.configuration), predicted)


def test_the_unscaled_direction_may_go_up():
    """Without (lambda_H / lambda_W)^(1/4) the second derivative is positive here: the scaling is not for show."""
    model = modeled([4, 4, 4], 3, CrossEntropy(), (0.04, 0.04 * 100))
    model = model.replace(regularization=(0.0015, 1.5))
    point = zero(model)
    found = assert_escapes(model, point, -2 * (1 / 6 - model.strength))
    scale = math.sqrt(model.ratio)
    plain = dataclasses.replace(
        found.tangent, weights=found.tangent.weights / scale, features=found.tangent.features * scale
    )
    assert curvature(model, point, plain) > 0


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.parametrize("bias", BIASES)
def test_escapes_from_points_that_are_not_collapsed_nor_critical(loss, bias):
    """There too the direction has no slope, and the second derivative is as predicted. (Critical points of a convex
    loss are collapsed: each feature minimizes a strictly convex function of the weights and the bias.)"""
    model = modeled([3, 2, 2], 5, loss, (0.01, 0.02), bias, class_weights=[1.0, 2.0, 0.3])
    point = random_point(model.replace(dimension=3))[-1]
    room = ((0, 0), (0, 2))
    point = Features(np.pad(point.features, room), point.labels, np.pad(point.weights, room), point.bias)
    assert_escapes(model, point, -2 * model.strength * (certify(model, point).details.steepness - 1))


def test_there_is_no_escape_where_none_can_be():
    below = modeled([4, 4, 4], 3, CrossEntropy(), (0.5, 0.5))
    assert escape(below, zero(below)) is None
    narrow = modeled([4, 3, 2, 2], 1, CrossEntropy(), (0.01, 0.01))
    end = minimize(narrow, seed=0).point
    assert certify(narrow, end).details.steepness > 1.5
    assert escape(narrow, end) is None
    wide = modeled([4, 4, 4], 3, CrossEntropy(), (0.05, 0.05))
    assert escape(wide, optimum(wide).configuration) is None
    assert escape(wide, random_point(wide)[-1]) is None


def test_one_dimension_more_is_an_escape():
    """At d = K - 2 a local minimum may be spurious; in one dimension more it is a saddle."""
    narrow = modeled([4, 3, 2, 2], 1, CrossEntropy(), (0.01, 0.01))
    end = minimize(narrow, seed=0).point
    wide = narrow.replace(dimension=2)
    room = ((0, 0), (0, 1))
    point = Configuration(np.pad(end.class_means, room), np.pad(end.weights, room), class_sizes=end.class_sizes)
    assert_escapes(wide, point, -2 * wide.strength * (certify(wide, point).details.steepness - 1))


def test_escapes_of_large_classes_and_weights():
    for sizes, weights in (([10**6, 10**6, 10], None), ([5, 3, 1], [1e-5, 1.0, 1e4])):
        model = modeled(sizes, None, CrossEntropy(), (1e-5, 1e-5), class_weights=weights)
        point = zero(model)
        assert_escapes(model, point, -2 * model.strength * (certify(model, point).details.steepness - 1))


# --------------------------------------------------------------------------------------------------------- certificates


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("weights", [None, [0.1, 0.7, 3.3]])
@pytest.mark.parametrize(
    "loss",
    [CrossEntropy(), LabelSmoothing(0.07), SquaredError(), BinaryCrossEntropy(), Focal(0.0)],
    ids=lambda loss: loss.name,
)
def test_the_kernel_agrees(loss, weights, bias):
    penalties = (0.02, 0.03) if weights else (1e-4, 1e-5)
    model = modeled([5, 3, 1], None, loss, penalties, bias, class_weights=weights)
    best = optimum(model)
    for point, kind in ((best.configuration, "objective"), (random_point(model)[-1], "lower_objective")):
        found = certify(model, point)
        verdict = found.verify()
        assert verdict.kind == kind
        if kind == "objective":
            assert verdict.claim["value"] <= found.details.objective[1] * (1 + Fraction(1, 10**12))
        else:
            gained = objective(model, point) - objective(model, found.configuration)
            assert 0 < verdict.claim["decrease"] == pytest.approx(gained, rel=1e-9)
        bound = found.details.bound_certificate.verify()
        assert float(bound.claim["bound"]) == pytest.approx(float(found.details.minimum[0]), rel=1e-12)


def changed(certificate, **claim):
    return Certificate({**certificate.claim, **claim}, certificate.witness)


def test_the_kernel_refuses_wrong_claims():
    model = modeled([5, 3, 1], None, CrossEntropy(), (0.02, 0.03), (0,), class_weights=[0.1, 0.7, 3.3])
    best, point = optimum(model), random_point(model)[-1]
    bound, value, lower = (
        best.certificate,
        certify(model, best.configuration).certificate,
        certify(model, point).certificate,
    )
    wrong = [
        changed(bound, bound=bound.claim["bound"] * (1 + Fraction(1, 2**40))),
        changed(bound, model={**bound.claim["model"], "regularization": [Fraction(1, 51), Fraction(3, 100)]}),
        changed(bound, model={**bound.claim["model"], "class_sizes": [5, 3, 2]}),
        changed(value, value=best.lower - Fraction(1, 2**40)),
        changed(lower, decrease=lower.claim["decrease"] * (1 + Fraction(1, 2**30))),
        changed(lower, lower=lower.claim["configuration"], configuration=lower.claim["lower"]),
    ]
    for right in (bound, value, lower):
        right.verify()
    for each in wrong:
        with pytest.raises(kernel.Invalid):
            each.verify()


def test_small_slopes_and_smoothed_targets_leave_a_factor():
    """q - t is 1e-6 here, and t no float: the kernel has 1/10 exactly as the model does."""
    sizes, penalties = [6, 4, 3, 1, 2], (1.7e-8, 1.7)
    model = modeled(sizes, 4, LabelSmoothing(0.07), penalties, (0,), class_weights=[0.12, 1.87, 1.85, 0.19, 4.87])
    optimum(model).verify()


def test_there_are_no_certificates_of_losses_that_the_kernel_does_not_know():
    for model in (modeled([3, 2], loss=Focal(1)), modeled([3, 3], None, LabelSmoothing(-0.001), (0.1, 0.1))):
        found = certify(model, collapsed_point(model))
        assert found.certificate is None
        assert found.details.bound_certificate is None
        with pytest.raises(InputError, match="carries no certificate"):
            found.verify()


def test_a_negative_bound_is_no_smaller_than_it_says(monkeypatch):
    """Far from an optimum of the squared error the dual bound may be below 0; its certificate is true all the same."""
    model = modeled(np.arange(1, 9), 7, SquaredError(), (1e-3, 1e-3), class_weights=np.linspace(1, 2, 8))
    monkeypatch.setattr(free, "_MOST_GROUPS", 7)
    rows = np.eye(8)[:, :7]
    point = Configuration(2 * rows, rows, class_sizes=model.class_sizes)
    found = certify(model, point)
    assert found.details.dual.lower < 0 == found.details.minimum[0]
    assert found.details.bound_certificate.verify().claim["bound"] <= found.details.dual.lower


# ---------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda model, point: certify("model", point), "model is of type str, expected a landscape.Model"),
        (lambda model, _: certify(model, np.eye(3)), "point is of type ndarray, expected Features or a Configuration"),
        (lambda model, point: certify(model, point, tolerance=-1), "tolerance is -1"),
        (lambda model, point: certify(model.replace(class_sizes=[1, 2]), point), "point has 3 classes, expected 2"),
        (lambda model, point: certify(model.replace(dimension=5), point), "point has dimension 3, expected 5"),
        (lambda model, point: escape(model.replace(class_sizes=[4, 3, 1]), point), "point has 5 samples of class 0"),
        (
            lambda model, point: certify(
                model, Configuration(1e200 * point.class_means, point.weights, class_sizes=[5, 3, 1])
            ),
            "the objective at this point is beyond the range of float64",
        ),
    ],
)
def test_what_certify_refuses(ask, message):
    model = modeled([5, 3, 1])
    with pytest.raises(InputError, match=message):
        ask(model, collapsed_point(model))


# ---------------------------------------------------------------------------------------------------- fitted penalties


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.parametrize("bias", [(), (0.7,)])
@pytest.mark.parametrize("weights", [None, [0.5, 2.0, 1.0]])
def test_fitted_penalties_are_those_of_critical_points(loss, bias, weights):
    """At optima, and at saddles of rank 1, which are no less critical; of class means and of samples."""
    model = modeled([5, 2, 2], 3, loss, (0.004, 0.03), bias, class_weights=weights)
    points = [point.configuration for point in critical_points(model, ranks=[1, 2])]
    assert points
    for point in (*points, spread(points[0])):
        fit = fit_regularization(point, loss, class_weights=weights)
        assert fit.coefficients == pytest.approx((0.004, 0.03, *(bias or (0.0,))), rel=1e-7)
        assert fit.residual < 1e-7
        assert fit.residual == max(fit.residuals)
        assert fit.reason == ""
        assert fit.model.bias == model.bias
        assert fit.model.weighted_loss == model.weighted_loss
        if loss.is_convex:
            level = optimum(model).value / objective(model, point)
            assert float(fit.result.lower) == pytest.approx(level, rel=1e-6)


def test_a_free_bias_is_fitted_as_0():
    model = modeled([5, 2, 2], 3, CrossEntropy(), (0.004, 0.03), (0,))
    fit = fit_regularization(optimum(model).configuration, CrossEntropy())
    assert fit.coefficients[2] == pytest.approx(0, abs=1e-12)
    assert fit.result.gap < 1e-9


def test_fits_are_least_squares():
    """At a point that is not critical no other penalties leave less of the equations."""
    model = modeled([3, 2, 2], 4, CrossEntropy(), (1, 1))
    weights, features, _, _ = random_point(model)
    point = Features(features, labels_of(model), weights)
    fit = fit_regularization(point)
    slopes = model.loss.gradient(features @ weights.T, labels_of(model)) / 7
    sides = ((slopes.T @ features, weights), (slopes @ weights, features))
    for (side, part), found, residual in zip(sides, fit.coefficients, fit.residuals, strict=False):
        best = np.linalg.lstsq(part.reshape(-1, 1), -side.ravel(), rcond=None)
        assert found == pytest.approx(best[0][0])
        assert residual == pytest.approx(math.sqrt(best[1][0]) / np.linalg.norm(side))
    assert fit.residual > 0.1


def test_points_that_no_penalties_fit():
    wrong = Features([[1.0, 0.0], [0.0, 1.0]], [0, 1], [[0.0, 1.0], [1.0, 0.0]])
    fit = fit_regularization(wrong)
    assert fit.model is None
    assert fit.result is None
    assert fit.reason.startswith("no penalties fit: that of the weights is -")
    assert fit.coefficients[0] < 0


@pytest.mark.parametrize(
    ("point", "unit", "message"),
    [
        (np.eye(3), {}, "features is of type ndarray, expected Features or a Configuration"),
        (Features(np.eye(2), [0, 1]), {}, "features has no weights"),
        (Configuration(np.eye(2), np.eye(2)), {}, "without class_sizes"),
        (Features(np.eye(2), [0, 1], 0 * np.eye(2)), {}, "weights or features that are all 0"),
        (Features(0 * np.eye(2), [0, 1], np.eye(2)), {}, "weights or features that are all 0"),
        (Features(np.eye(2), [0, 1], np.eye(2), [0, 1]), {"bias": False}, "point has a bias that is not 0"),
        (Features(np.eye(2), [0, 1], np.eye(2)), {"loss": "ce"}, "loss is 'ce', expected an object"),
        (Features(np.eye(2), [0, 1], np.eye(2)), {"class_weights": [1, 2, 3]}, "class_weights has shape"),
        (Features(np.eye(2), [0, 1], 1e-200 * np.eye(2)), {}, "weights"),
    ],
)
def test_what_fits_refuse(point, unit, message):
    with pytest.raises(InputError, match=message):
        fit_regularization(point, **unit)
