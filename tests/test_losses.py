import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from nctheory import strategies
from nctheory.errors import InputError
from nctheory.losses import (
    BinaryCrossEntropy,
    ClassWeighted,
    CrossEntropy,
    Focal,
    LabelSmoothing,
    Loss,
    PickAllLabels,
    SquaredError,
    loss_named,
)

LOSSES = [
    CrossEntropy(),
    LabelSmoothing(0.1),
    LabelSmoothing(0.0),
    LabelSmoothing(-0.5),
    Focal(0),
    Focal(0.5),
    Focal(1),
    Focal(2),
    SquaredError(),
    BinaryCrossEntropy(),
    ClassWeighted(CrossEntropy(), [0.5, 1.0, 3.0]),
    ClassWeighted(LabelSmoothing(0.3), [0.7, 1.1, 3.0]),
    ClassWeighted(BinaryCrossEntropy(), [0.7, 1.1, 3.0]),
    ClassWeighted(SquaredError(), [0.7, 1.1, 3.0]),
    ClassWeighted(Focal(3), [0.5, 1.0, 3.0]),
    PickAllLabels([{0, 2}, {1}, {1, 2}]),
    PickAllLabels([{2}, {0, 1}, {0}], normalized=True),
]
CONVEX = [loss for loss in LOSSES if loss.is_convex]
LABELS = np.array([0, 1, 2] * 4)
STEP = mp.mpf(10) ** -150


def names(loss):
    return loss.name


def drawn(seed, scale):
    return np.random.default_rng(seed).standard_normal((len(LABELS), 3)) * scale


def exact(loss, z, y):
    """The loss of one sample as its definition says, in the working precision of mpmath."""
    if isinstance(loss, ClassWeighted):
        return mp.mpf(loss.class_weights[y]) * exact(loss.loss, z, y)
    if isinstance(loss, BinaryCrossEntropy):
        return mp.fsum(mp.log(1 + mp.exp(entry)) for entry in z) - z[y]
    if isinstance(loss, SquaredError):
        return mp.fsum((entry - (c == y)) ** 2 for c, entry in enumerate(z)) / 2
    whole = mp.log(mp.fsum(map(mp.exp, z)))
    if isinstance(loss, PickAllLabels):
        members = loss.label_sets[y]
        return mp.fsum(whole - z[k] for k in members) / (len(members) if loss.normalized else 1)
    if isinstance(loss, Focal):
        p = mp.exp(z[y] - whole)
        return -((1 - p) ** mp.mpf(loss.gamma)) * mp.log(p)
    smoothing = mp.mpf(getattr(loss, "smoothing", 0))
    return whole - (1 - smoothing) * z[y] - smoothing * mp.fsum(z) / len(z)


def moved(z, *moves):
    """z plus multiples of the unit vectors or other vectors: pairs of a step and a vector."""
    return [mp.fsum([entry, *(step * v[c] for step, v in moves)]) for c, entry in enumerate(z)]


def exact_gradient(loss, z, y):
    def slope(unit):
        return (exact(loss, moved(z, (STEP, unit)), y) - exact(loss, moved(z, (-STEP, unit)), y)) / (2 * STEP)

    return [slope(unit) for unit in np.eye(len(z)).tolist()]


def exact_product(loss, z, y, v):
    def mixed(unit):
        signs = [(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)]
        parts = (sign * exact(loss, moved(z, (a * STEP, unit), (b * STEP, v)), y) for a, b, sign in signs)
        return mp.fsum(parts) / (4 * STEP**2)

    return [mixed(unit) for unit in np.eye(len(z)).tolist()]


def fractions(row):
    return [mp.mpf(float(entry)) for entry in row]


def relative_error(got, expected):
    """The largest relative error of entries, where one may also be 0 up to an absolute 1e-250."""
    pairs = zip(np.ravel(got), expected, strict=True)
    return max(float(abs(mp.mpf(float(g)) - e) / max(abs(e), mp.mpf(10) ** -250)) for g, e in pairs)


# -------------------------------------------------------------------------------------------------------- definitions


@pytest.mark.parametrize("scale", [1e-3, 1.0, 10.0, 60.0])
@pytest.mark.parametrize("loss", LOSSES, ids=names)
def test_every_entry_has_its_digits(loss, scale):
    logits, direction = drawn(1, scale), drawn(2, 1.0)
    value, gradient = loss.value(logits, LABELS), loss.gradient(logits, LABELS)
    product = loss.hessian_vector_product(logits, LABELS, direction)
    assert value.shape == (12,)
    assert gradient.shape == product.shape == (12, 3)
    with mp.workdps(600):
        for i, y in enumerate(LABELS[:6].tolist()):
            z = fractions(logits[i])
            assert relative_error(value[i], [exact(loss, z, y)]) < 2e-12
            assert relative_error(gradient[i], exact_gradient(loss, z, y)) < 2e-12
            assert relative_error(product[i], exact_product(loss, z, y, fractions(direction[i]))) < 1e-10


@pytest.mark.parametrize("loss", LOSSES, ids=names)
def test_nothing_overflows_at_large_logits(loss):
    logits = np.array(np.meshgrid(*[[-1e4, 0.0, 1e4]] * 3)).reshape(3, -1).T
    direction = np.tile([1.0, -2.0, 0.5], (len(logits), 1))
    for y in range(3):
        labels = np.full(len(logits), y)
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            value, gradient = loss.value(logits, labels), loss.gradient(logits, labels)
            product = loss.hessian_vector_product(logits, labels, direction)
        assert np.isfinite(value).all()
        assert np.isfinite(gradient).all()
        assert np.isfinite(product).all()
        with mp.workdps(9000):
            row = 7 + 5 * y
            assert relative_error(value[row], [exact(loss, fractions(logits[row]), y)]) < 1e-12


def test_a_certain_class_keeps_a_small_loss():
    logits = [[700.0, 0.0, 0.0]]
    expected = 2 * np.exp(-700.0)
    assert CrossEntropy().value(logits, [0]) == pytest.approx(expected, rel=1e-12)
    assert CrossEntropy().gradient(logits, [0])[0] == pytest.approx([-expected, expected / 2, expected / 2], rel=1e-12)
    assert BinaryCrossEntropy().value([[700.0, -700.0]], [0]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("gamma", [0.25, 0.5, 1.0, 3.0])
def test_focal_at_a_class_that_is_certain(gamma):
    loss, direction = Focal(gamma), [[1.0, 2.0]]
    gone = [[1e4, -1e4]], [0]
    assert loss.value(*gone) == 0
    assert not loss.gradient(*gone).any()
    assert not loss.hessian_vector_product(*gone, direction).any()
    near, q = ([[200.0, 0.0]], [0]), np.exp(-200.0)
    assert loss.value(*near) == pytest.approx(q ** (1 + gamma), rel=1e-12)
    assert loss.gradient(*near)[0, 1] == pytest.approx((1 + gamma) * q ** (1 + gamma), rel=1e-12)
    curvature = loss.hessian_vector_product(*near, [[0.0, 1.0]])[0, 1]
    assert curvature == pytest.approx((1 + gamma) ** 2 * q ** (1 + gamma), rel=1e-12)


@pytest.mark.parametrize("other", [LabelSmoothing(0), Focal(0), ClassWeighted(CrossEntropy(), [1, 1, 1])], ids=names)
def test_special_cases_are_cross_entropy(other):
    logits, loss = drawn(3, 5.0), CrossEntropy()
    dual = loss.gradient(logits, LABELS)
    assert np.array_equal(other.value(logits, LABELS), loss.value(logits, LABELS))
    assert np.array_equal(other.gradient(logits, LABELS), dual)
    products = [each.hessian_vector_product(logits, LABELS, drawn(4, 1.0)) for each in (other, loss)]
    assert np.array_equal(*products)
    assert np.array_equal(other.conjugate(dual, LABELS), loss.conjugate(dual, LABELS))
    assert np.array_equal(other.targets(LABELS, 3), loss.targets(LABELS, 3))
    assert other.is_convex


def test_one_class_costs_nothing():
    for loss in (CrossEntropy(), LabelSmoothing(0.2), Focal(2)):
        assert loss.value([[3.0]], [0]) == 0
        assert loss.gradient([[3.0]], [0]) == 0
        assert loss.hessian_vector_product([[3.0]], [0], [[1.0]]) == 0


# ------------------------------------------------------------------------------------------------------------- Hessians


def hessians(loss, logits, labels):
    """(N, K, K) from the products with the unit vectors."""
    units = np.eye(logits.shape[1])
    rows = [loss.hessian_vector_product(logits, labels, np.tile(unit, (len(logits), 1))) for unit in units]
    return np.stack(rows, axis=2)


@pytest.mark.parametrize("loss", LOSSES, ids=names)
def test_hessians_are_symmetric_and_semidefinite_where_convex(loss):
    tables = hessians(loss, drawn(5, 3.0), LABELS)
    size = np.abs(tables).max(axis=(1, 2))
    assert (np.abs(tables - tables.transpose(0, 2, 1)).max(axis=(1, 2)) <= 1e-15 * size).all()
    least = np.linalg.eigvalsh(tables)[:, 0]
    assert (least >= -1e-14 * size).all() == loss.is_convex


@pytest.mark.parametrize("gamma", [0.1, 1.0, 4.0])
def test_focal_is_not_convex(gamma):
    loss, logits = Focal(gamma), np.array([[-4 - 2 / gamma, 0.0]])
    assert not loss.is_convex
    assert np.linalg.eigvalsh(hessians(loss, logits, [0])[0])[0] < 0
    assert not ClassWeighted(loss, [1, 2]).is_convex


# ----------------------------------------------------------------------------------------------------------- conjugates


@pytest.mark.parametrize("scale", [1e-3, 1.0, 10.0, 1e4])
@pytest.mark.parametrize("loss", CONVEX, ids=names)
def test_fenchel_young(loss, scale):
    logits, other = drawn(6, scale), drawn(7, 1.0)
    dual = loss.gradient(logits, LABELS)
    size = 1 + np.abs(dual * logits).sum(axis=1) + np.abs(loss.value(logits, LABELS))
    gap = loss.value(logits, LABELS) + loss.conjugate(dual, LABELS) - (dual * logits).sum(axis=1)
    assert (np.abs(gap) <= 1e-14 * size).all()
    elsewhere = loss.value(other, LABELS) + loss.conjugate(dual, LABELS) - (dual * other).sum(axis=1)
    assert (elsewhere >= -1e-14 * size).all()
    assert elsewhere.max() > 1e-7


@pytest.mark.parametrize("loss", CONVEX, ids=names)
def test_the_conjugate_is_the_supremum(loss):
    dual = loss.gradient(drawn(8, 2.0), LABELS)
    for i, y in enumerate(LABELS[:6].tolist()):

        def deficit(z, u=dual[i], label=y):
            with mp.workdps(30):
                return float(exact(loss, fractions(z), label)) - u @ z

        best = -minimize(deficit, np.zeros(3), method="BFGS", options={"gtol": 1e-7}).fun
        assert loss.conjugate(dual[i : i + 1], [y])[0] == pytest.approx(best, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize(
    ("loss", "dual", "inside"),
    [
        (CrossEntropy(), [0.0, 0.0, 0.0], True),
        (CrossEntropy(), [-1.0, 1.0, 0.0], True),
        (CrossEntropy(), [-1.0, 0.25, 0.75], True),
        (CrossEntropy(), [-0.1, 0.1 + 2**-49, 0.0], True),
        (CrossEntropy(), [-0.1, 0.1 + 2**-48, 0.0], False),
        (CrossEntropy(), [0.5, -0.5, 0.0], False),
        (CrossEntropy(), [0.0, -(2**-1070), 2**-1070], False),
        (CrossEntropy(), [-1.25, 1.0, 0.25], False),
        (CrossEntropy(), [-0.5, 0.0, 0.0], False),
        (LabelSmoothing(0.3), [0.2, -0.1, -0.1], True),
        (LabelSmoothing(0.3), [0.25, -0.125, -0.125], False),
        (LabelSmoothing(0.3), [-0.8, 0.9, -0.1], True),
        (LabelSmoothing(0.3), [-0.85, 0.9, -0.05], False),
        (LabelSmoothing(-0.3), [0.0, 0.0, 0.0], False),
        (LabelSmoothing(-0.3), [-0.2, 0.1, 0.1], True),
        (BinaryCrossEntropy(), [0.0, 0.0, 0.0], True),
        (BinaryCrossEntropy(), [-1.0, 1.0, 1.0], True),
        (BinaryCrossEntropy(), [2**-1070, 0.0, 0.0], False),
        (BinaryCrossEntropy(), [-1.0 - 2**-52, 0.0, 0.0], False),
        (BinaryCrossEntropy(), [0.0, 1.0 + 2**-52, 0.0], False),
        (BinaryCrossEntropy(), [0.0, -(2**-1070), 0.0], False),
        (SquaredError(), [1e3, 5.0, -7.0], True),
        (ClassWeighted(CrossEntropy(), [3.0, 1.0, 1.0]), [-3.0, 1.0, 2.0], True),
        (ClassWeighted(CrossEntropy(), [3.0, 1.0, 1.0]), [-3.25, 1.25, 2.0], False),
        (PickAllLabels([{0, 2}, {1}]), [-1.0, 2.0, -1.0], True),
        (PickAllLabels([{0, 2}, {1}]), [-1.0, 2.0, -1.0 + 2**-46], False),
        (PickAllLabels([{0, 2}, {1}]), [-1.0 - 2**-50, 2.0 + 2**-50, -1.0], True),
        (PickAllLabels([{0, 2}, {1}]), [-1.0 - 2**-46, 2.0 + 2**-46, -1.0], False),
        (PickAllLabels([{0, 2}, {1}]), [-1.0, 2.0 + 2**-46, -1.0 - 2**-46], False),
        (PickAllLabels([{0, 2}, {1}]), [0.0, -(2**-1070), 2**-1070], False),
        (PickAllLabels([{0, 2}, {1}]), [1.0, 0.0, -1.0], True),
        (PickAllLabels([{0, 2}, {1}], normalized=True), [0.5, 0.0, -0.5], True),
        (PickAllLabels([{0, 2}, {1}], normalized=True), [1.0, 0.0, -1.0], False),
    ],
)
def test_domains_of_conjugates(loss, dual, inside):
    assert np.isfinite(loss.conjugate([dual], [0])[0]) == inside


@pytest.mark.parametrize("loss", CONVEX, ids=names)
def test_every_gradient_is_in_the_domain(loss):
    generator = np.random.default_rng(9)
    size = loss.num_classes or 50
    labels = np.arange(4000) % size
    for scale in (1e-8, 1.0, 30.0, 1e3, 1e4):
        dual = loss.gradient(scale * generator.standard_normal((4000, size)), labels)
        assert np.isfinite(loss.conjugate(dual, labels)).all()


def test_conjugates_at_known_points():
    assert CrossEntropy().conjugate([[-0.5, 0.5]], [0])[0] == pytest.approx(-np.log(2), rel=1e-15)
    assert CrossEntropy().conjugate([[-1.0, 1.0], [0.0, 0.0]], [0, 0]).tolist() == [0, 0]
    assert BinaryCrossEntropy().conjugate([[-0.5, 0.5]], [0])[0] == pytest.approx(-2 * np.log(2), rel=1e-15)
    assert SquaredError().conjugate([[3.0, 4.0]], [1])[0] == 16.5


@pytest.mark.parametrize("loss", [Focal(2), ClassWeighted(Focal(0.5), [1.0, 2.0, 3.0])], ids=names)
def test_no_conjugate_without_convexity(loss):
    with pytest.raises(InputError, match=r"focal:.* is not convex"):
        loss.conjugate([[0.0, 0.0, 0.0]], [0])


# --------------------------------------------------------------------------------------------------- targets and names


def test_targets():
    assert CrossEntropy().targets([2, 0], 3).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert LabelSmoothing(0.5).targets([1], 4).tolist() == [[0.125, 0.625, 0.125, 0.125]]
    assert LabelSmoothing(-1).targets([0], 2).tolist() == [[1.5, -0.5]]
    assert ClassWeighted(LabelSmoothing(0.5), [2, 2]).targets([0], 2).tolist() == [[0.75, 0.25]]


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if not isinstance(loss, ClassWeighted)], ids=names)
def test_targets_say_what_is_linear_in_the_logits(loss):
    """For the losses A(z) - <t, z>, A the same for all classes: differences of values between labels."""
    if (isinstance(loss, Focal) and loss.gamma) or (isinstance(loss, PickAllLabels) and not loss.normalized):
        return
    logits = drawn(10, 3.0)
    first, second = np.zeros_like(LABELS), np.ones_like(LABELS)
    linear = ((loss.targets(second, 3) - loss.targets(first, 3)) * logits).sum(axis=1)
    assert loss.value(logits, first) - loss.value(logits, second) == pytest.approx(linear, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("ce", CrossEntropy()),
        ("smoothing:0.1", LabelSmoothing(0.1)),
        ("smoothing:-0.5", LabelSmoothing(-0.5)),
        ("focal:2", Focal(2)),
        ("mse", SquaredError()),
        ("bce", BinaryCrossEntropy()),
        ("focal:0.5@1,2.5", ClassWeighted(Focal(0.5), [1, 2.5])),
    ],
)
def test_names(name, loss):
    assert loss_named(name) == loss
    assert loss.name == name
    assert loss.latex.count("{") == loss.latex.count("}")


@given(strategies.losses(num_classes=4))
def test_names_say_everything(loss):
    assert loss_named(loss.name) == loss
    assert hash(loss_named(loss.name)) == hash(loss)


def test_what_label_sets_say_of_themselves():
    loss, mean = (PickAllLabels([{2, 0}, [1]], 4, normalized=flag) for flag in (False, True))
    assert loss.label_sets == ((0, 2), (1,))
    assert (loss.num_classes, loss.name, mean.name) == (4, "pal", "pal-normalized")
    assert (loss.multipliers.tolist(), mean.multipliers.tolist()) == ([2, 1], [1, 1])
    assert loss.targets([1, 0], 4).tolist() == [[0, 1, 0, 0], [0.5, 0, 0.5, 0]]
    assert PickAllLabels([[0, 2], {1}], 4) == loss != mean
    assert hash(PickAllLabels([[0, 2], {1}], 4)) == hash(loss)
    assert mean.latex == r"\log\sum_c e^{z_c} - \frac{1}{|S_y|}\sum_{k \in S_y} z_k"
    assert loss.latex == rf"|S_y| \left[{mean.latex}\right]"
    with pytest.raises(ValueError, match="read-only"):
        loss.multipliers[0] = 5


@pytest.mark.parametrize("normalized", [False, True])
def test_single_labels_are_cross_entropy(normalized):
    single, loss, logits = PickAllLabels([{0}, {1}, {2}], normalized=normalized), CrossEntropy(), drawn(3, 5.0)
    dual = loss.gradient(logits, LABELS)
    assert np.array_equal(single.value(logits, LABELS), loss.value(logits, LABELS))
    assert np.array_equal(single.gradient(logits, LABELS), dual)
    assert np.array_equal(single.conjugate(dual, LABELS), loss.conjugate(dual, LABELS))
    assert np.allclose(single.excess(logits, LABELS), loss.value(logits, LABELS), rtol=1e-14)


@pytest.mark.parametrize("spread", [1e-12, 1e-6, 1.0, 30.0, 400.0])
@pytest.mark.parametrize("normalized", [False, True])
def test_the_excess_over_the_least_value_keeps_its_digits(spread, normalized):
    """Of logits that nearly attain it, where the value itself has none of these digits; probabilities are rounded, and
    it is quadratic in what they are off by."""
    loss = PickAllLabels([{0, 2, 3}, {1}, {2, 3}], normalized=normalized)
    logits = spread * np.random.default_rng(11).standard_normal((3, 4)) + 60 * loss.targets([0, 1, 2], 4)
    found = loss.excess(logits, [0, 1, 2])
    with mp.workdps(60):
        for i, members in enumerate(loss.label_sets):
            least = mp.log(len(members)) * (1 if normalized else len(members))
            error = float(abs(exact(loss, fractions(logits[i]), i) - least - found[i]))
            assert error < 4e-15 * (found[i] + np.sqrt(found[i]))
    assert (found > 0).all()


def test_latex():
    assert CrossEntropy().latex == r"\log\sum_c e^{z_c} - z_y"
    smoothed = r"\log\sum_c e^{z_c} - \left(1 - (-0.5)\right) z_y - \frac{-0.5}{K}\sum_c z_c"
    assert LabelSmoothing(-0.5).latex == smoothed
    assert ClassWeighted(Focal(2), [1, 2]).latex == r"\omega_y \left[-(1 - p_y)^{2} \log p_y\right]"


@settings(max_examples=50)
@given(strategies.losses(num_classes=3), st.integers(0, 2**32 - 1))
def test_the_slope_is_the_gradient_for_any_loss(loss, seed):
    generator = np.random.default_rng(seed)
    logits, direction = 3 * generator.standard_normal((2, 4, 3))
    labels, step = generator.integers(0, 3, 4), 1e-5
    ends = [loss.value(logits + sign * step * direction, labels) for sign in (1, -1)]
    slope = (loss.gradient(logits, labels) * direction).sum(axis=1)
    assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(slope, rel=1e-6, abs=1e-6)


# ------------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LabelSmoothing(1), "smoothing is 1, expected a finite number below 1"),
        (lambda: LabelSmoothing(float("nan")), "smoothing is nan, expected a finite number below 1"),
        (lambda: LabelSmoothing(float("-inf")), "smoothing is -inf"),
        (lambda: LabelSmoothing("0.1"), "smoothing is '0.1'"),
        (lambda: Focal(-0.5), "gamma is -0.5, expected a finite number of at least 0"),
        (lambda: Focal(float("inf")), "gamma is inf"),
        (lambda: Focal(True), "gamma is True"),
        (lambda: ClassWeighted(CrossEntropy(), [1.0, 0.0]), r"class_weights\[1\] is 0.0, expected a positive number"),
        (lambda: ClassWeighted(CrossEntropy(), [1.0, float("inf")]), "class_weights has 1 entries that are not finite"),
        (lambda: ClassWeighted(CrossEntropy(), []), "class_weights"),
        (lambda: ClassWeighted(ClassWeighted(CrossEntropy(), [1]), [1]), "expected a loss without class weights"),
        (lambda: ClassWeighted("ce", [1]), "loss is 'ce', expected a loss"),
        (lambda: PickAllLabels("ab"), "label_sets is 'ab', expected sets of labels"),
        (lambda: PickAllLabels(3), "label_sets is 3, expected sets of labels"),
        (lambda: PickAllLabels([]), "label_sets is empty, expected at least one"),
        (lambda: PickAllLabels([{0}, set()]), r"label_sets\[1\] is set\(\), expected a set of one or more labels"),
        (lambda: PickAllLabels([{0}, {1, -1}]), r"label_sets\[1\] is .*, expected a set of one or more labels 0, 1"),
        (lambda: PickAllLabels([{0}, {True}]), r"label_sets\[1\] is {True}, expected"),
        (lambda: PickAllLabels([{0}, {0.5}]), r"label_sets\[1\] is {0.5}, expected"),
        (lambda: PickAllLabels([[0, 0], {1}]), r"label_sets\[0\] is \[0, 0\], expected"),
        (lambda: PickAllLabels([{0, 1}, {2}, [1, 0]]), r"label_sets\[2\] is {0, 1}, as is label_sets\[0\]"),
        (lambda: PickAllLabels([{0}, {0, 1}]), r"label_sets\[1\] has all 2 labels, expected at least one that is not"),
        (lambda: PickAllLabels([{0}, {4}], 4), "labels is 4, expected an integer of at least 5"),
        (lambda: PickAllLabels([{0}, {1}], normalized=1), "normalized is 1, expected True or False"),
        (
            lambda: PickAllLabels([{0}, {1}]).value([[0.0, 0.0, 0.0]], [0]),
            "logits has 3 classes, expected 2, the labels",
        ),
        (
            lambda: PickAllLabels([{0}, {1}]).value([[0.0, 0.0]], [2]),
            r"labels\[0\] is 2, expected the place of one of 2 label sets",
        ),
        (lambda: loss_named("hinge"), "loss is 'hinge', expected one of ce, smoothing:0.1, focal:2, mse, bce"),
        (lambda: loss_named("focal"), "loss is 'focal', expected a number, as in 'focal:2'"),
        (lambda: loss_named("focal:"), "expected a number in place of ''"),
        (lambda: loss_named("focal:two"), "loss is 'focal:two', expected a number in place of 'two'"),
        (lambda: loss_named("focal:-1"), "gamma is -1.0"),
        (lambda: loss_named("ce:1"), "loss is 'ce:1', expected 'ce'"),
        (lambda: loss_named("ce@1,x"), "loss is 'ce@1,x', expected a number in place of 'x'"),
        (lambda: loss_named("ce@1@2"), "expected a number in place of '1@2'"),
        (lambda: loss_named(2), "loss is 2, expected a name"),
    ],
)
def test_bad_losses(make, message):
    with pytest.raises(InputError, match=message):
        make()


NAN = float("nan")


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        ([[0.0, NAN]], [0], r"logits has 1 entries that are not finite, the first nan at \(0, 1\)"),
        (np.array([[0.0, NAN]]), [0], r"logits has 1 entries that are not finite, the first nan at \(0, 1\)"),
        (np.array([[np.inf, -np.inf]]), [0], "logits has 2 entries that are not finite"),
        ([0.0, 1.0], [0, 1], r"logits has shape \(2,\), expected 2 axes"),
        (np.zeros((0, 0)), [], "logits says that there are 0 classes"),
        ([[0.0, 1.0]], [0, 1], "labels has 2 entries, logits has 1 rows"),
        ([[0.0, 1.0]], [2], r"labels\[0\] is 2, expected a class below 2"),
        ([[0.0, 1.0]], [-1], r"labels\[0\] is -1"),
        ([[0.0, 1.0]], [0.5], r"labels\[0\] is 0.5"),
    ],
)
def test_bad_points(logits, labels, message):
    loss = CrossEntropy()
    for method in (loss.value, loss.gradient, lambda *x: loss.hessian_vector_product(*x, [[0.0, 0.0]])):
        with pytest.raises(InputError, match=message):
            method(logits, labels)
    with pytest.raises(InputError, match=message.replace("logits", "dual")):
        loss.conjugate(logits, labels)


def test_bad_directions_targets_and_numbers_of_classes():
    weighted = ClassWeighted(CrossEntropy(), [1, 2, 3])
    bad = [
        (lambda: CrossEntropy().hessian_vector_product([[0, 0]], [0], [[0, 0, 0]]), r"direction has shape \(1, 3\)"),
        (lambda: CrossEntropy().hessian_vector_product([[0, 0]], [0], [[0.0, NAN]]), "direction has 1 entries"),
        (lambda: weighted.value([[0, 0]], [0]), "logits has 2 classes, the loss has weights of 3"),
        (lambda: weighted.targets([0], 2), "num_classes has 2 classes, the loss has weights of 3"),
        (lambda: CrossEntropy().targets([3], 3), r"labels\[0\] is 3, expected a class below 3"),
        (lambda: CrossEntropy().targets([0], 2.0), "there are 2.0 classes"),
    ]
    for make, message in bad:
        with pytest.raises(InputError, match=message):
            make()


@pytest.mark.parametrize("loss", LOSSES, ids=names)
def test_what_is_given_is_not_written_to(loss):
    logits, labels, direction = drawn(11, 2.0), LABELS.copy(), drawn(12, 2.0)
    kept = logits.copy(), labels.copy(), direction.copy()
    results = [loss.value(logits, labels), loss.gradient(logits, labels)]
    results.append(loss.hessian_vector_product(logits, labels, direction))
    if loss.is_convex:
        results.append(loss.conjugate(direction, labels))
    for before, after in zip(kept, (logits, labels, direction), strict=True):
        assert np.array_equal(before, after)
        assert not any(np.shares_memory(after, result) for result in results)
    assert all(result.dtype == np.float64 for result in results)


def test_other_numbers_give_the_same():
    logits = np.array([[1.5, -2.0, 0.25], [0.0, 4.0, 1.0]])
    expected = CrossEntropy().gradient(logits, [0, 1])
    for same in (logits.astype(np.float32), logits.tolist(), np.asfortranarray(logits)):
        assert np.array_equal(CrossEntropy().gradient(same, np.array([0, 1], dtype=np.int8)), expected)
    assert CrossEntropy().value(np.zeros((0, 3)), []).shape == (0,)
    assert CrossEntropy().conjugate(np.zeros((0, 3)), []).shape == (0,)


def test_a_loss_is_abstract_and_frozen():
    with pytest.raises(TypeError, match="abstract"):
        Loss()
    with pytest.raises(AttributeError):
        Focal(2).gamma = 3
