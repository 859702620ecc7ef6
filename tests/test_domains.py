import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nctheory import kernel
from nctheory.domains import (
    AverageEnergy,
    Ball,
    ClassSizes,
    Domain,
    Free,
    Gram,
    Increasing,
    Interval,
    Labels,
    Positive,
    Probabilities,
    Sphere,
)
from nctheory.errors import InputError

POINTS = ("num_classes", "dimension")
SIZES = {"num_classes": (2, 4), "dimension": (1, 3)}
KINDS = {
    "free": Free(POINTS),
    "sphere": Sphere(POINTS),
    "ball": Ball(POINTS),
    "average": AverageEnergy(POINTS),
    "gram": Gram(POINTS),
    "any_gram": Gram(POINTS, unit=False),
    "number": Interval((), Fraction(-1, 3), Fraction(5, 2)),
    "numbers": Interval(("num_classes",)),
    "table": Interval(POINTS, Fraction(1), Fraction(2)),
    "positive": Positive(("num_classes",)),
    "increasing": Increasing(("num_classes",)),
    "probabilities": Probabilities(("num_classes",)),
    "sizes": ClassSizes(("num_classes",)),
    "labels": Labels((6,), "num_classes"),
}


def satisfied(domain, inputs):
    formulas, sizes = kernel.Formulas(), {name: inputs[name] for name in domain.ranges}
    return [text for text in domain.requires(sizes) if formulas.evaluate(text, inputs) is not True]


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=40)
@given(data=st.data())
def test_every_rational_value_satisfies_the_constraint_exactly(name, data):
    domain = Domain(SIZES, **{name: KINDS[name]})
    point = data.draw(domain.points())
    found = list(domain.rationals(point))
    assert found
    for inputs in found:
        assert satisfied(domain, inputs) == []


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=40)
@given(data=st.data())
def test_rational_values_come_close_to_the_floats(name, data):
    domain = Domain(SIZES, **{name: KINDS[name]})
    point = data.draw(domain.points())
    floats = np.array(point.values[name], dtype=float)
    errors = [np.abs(np.array(inputs[name], dtype=float) - floats).max() for inputs in domain.rationals(point)]
    assert min(errors) <= 1e-6 * (1 + np.abs(floats).max())


@pytest.mark.parametrize("name", KINDS)
def test_corners_satisfy_the_constraint(name):
    domain = Domain(SIZES, **{name: KINDS[name]})
    for sizes in domain.all_sizes:
        assert all(satisfied(domain, next(domain.rationals(point))) == [] for point in domain.corners(sizes))


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Sphere(POINTS), ((Fraction(1), Fraction(1, 10**9)), (Fraction(0), Fraction(1)))),
        (Ball(POINTS), ((Fraction(1), Fraction(1, 10**9)), (Fraction(0), Fraction(1)))),
        (AverageEnergy(POINTS), ((Fraction(2), Fraction(0)), (Fraction(0), Fraction(0)))),
        (Gram(POINTS), ((Fraction(1), Fraction(2)), (Fraction(2), Fraction(1)))),
        (Gram(POINTS), ((Fraction(1), Fraction(0)), (Fraction(0), Fraction(2)))),
        (Free(POINTS), ((Fraction(1),), (Fraction(2),))),
        (Interval(("num_classes",)), (Fraction(0), Fraction(-1, 10**9))),
        (Positive(("num_classes",)), (Fraction(1), Fraction(0))),
        (Increasing(("num_classes",)), (Fraction(1), Fraction(1))),
        (Probabilities(("num_classes",)), (Fraction(1), Fraction(1, 10**9))),
        (Probabilities(("num_classes",)), (Fraction(2), Fraction(-1))),
        (ClassSizes(("num_classes",)), (Fraction(1), Fraction(0))),
        (Labels(("num_classes",), "num_classes"), (Fraction(1), Fraction(1))),
        (Labels(("num_classes",), "num_classes"), (Fraction(2), Fraction(0))),
    ],
)
def test_a_value_outside_is_told_from_one_inside(kind, wrong):
    domain = Domain({"num_classes": (2, 2), "dimension": (2, 2)}, value=kind)
    assert satisfied(domain, {"num_classes": 2, "dimension": 2, "value": wrong})


def test_rank_is_part_of_a_gram_matrix():
    domain = Domain({"num_classes": (3, 3), "dimension": (2, 2)}, value=Gram(POINTS))
    eye = tuple(tuple(Fraction(i == j) for j in range(3)) for i in range(3))
    assert satisfied(domain, {"num_classes": 3, "dimension": 2, "value": eye}) == ["is_gram(value, dimension)"]


def test_sizes_depend_on_earlier_ones():
    domain = Domain(
        {"dimension": (1, 3), "num_classes": lambda dimension: (dimension + 2, 2 * dimension)}, points=Free(POINTS)
    )
    assert domain.all_sizes == [
        {"dimension": 2, "num_classes": 4},
        {"dimension": 3, "num_classes": 5},
        {"dimension": 3, "num_classes": 6},
    ]
    assert domain.requires({"dimension": 3, "num_classes": 5})[:2] == [
        "1 <= dimension <= 3 and len(range(dimension)) == dimension",
        "5 <= num_classes <= 6 and len(range(num_classes)) == num_classes",
    ]


def test_dropping_leaves_out_one_class_or_coordinate():
    domain = Domain(SIZES, points=Free(POINTS), bias=Free(("num_classes",)))
    sizes = {"num_classes": 3, "dimension": 2}
    point = domain.point(sizes, {"points": np.arange(6.0).reshape(3, 2), "bias": np.array([7.0, 8.0, 9.0])})
    assert domain.drop(point, "num_classes", 1).values == {
        "num_classes": 2,
        "dimension": 2,
        "points": ((0.0, 1.0), (4.0, 5.0)),
        "bias": (7.0, 9.0),
    }
    assert domain.drop(point, "dimension", 0).values["points"] == ((1.0,), (3.0,), (5.0,))
    smaller = domain.drop(point, "num_classes", 0)
    assert domain.drop(smaller, "num_classes", 0) is None


def test_a_rotation_can_make_zeros():
    angle = 0.3
    turned = np.array([[math.cos(angle), math.sin(angle)], [-math.cos(angle), -math.sin(angle)]])
    domain = Domain({"num_classes": (2, 2), "dimension": (2, 2)}, points=Sphere(POINTS))
    found = list(domain.rationals(domain.point({"num_classes": 2, "dimension": 2}, {"points": turned})))
    assert any({abs(x) for row in inputs["points"] for x in row} == {0, 1} for inputs in found)


def test_extreme_imbalance_and_single_samples_are_drawn():
    domain = Domain({"num_classes": (2, 3)}, sizes=ClassSizes(("num_classes",)))
    ratios = [max(n) / min(n) for n in (p.values["sizes"] for p in domain.corners({"num_classes": 3}))]
    assert max(ratios) == 10**6
    assert min(ratios) == 1


def test_counts_are_whole():
    """The kernel refuses to choose half an element, and so does whoever reads its certificate."""
    domain = Domain({"num_classes": (2, 2)}, sizes=ClassSizes(("num_classes",)))
    with pytest.raises(kernel.Malformed):
        satisfied(domain, {"num_classes": 2, "sizes": (Fraction(3, 2), Fraction(1))})


def test_no_name_meets_the_loop_variables_of_constraints():
    with pytest.raises(InputError, match="'x_' cannot name an input"):
        Domain(x_=Free(()))
    names = {"x": (2, 2), "i": (2, 2), "row": (1, 1)}
    domain = Domain(names, y=Sphere(("x", "i")), c=Labels(("x",), "i"), k=Gram(("x", "i")), p=Interval(("x", "i")))
    point = domain.random({"x": 2, "i": 2, "row": 1}, np.random.default_rng(0))
    assert satisfied(domain, next(domain.rationals(point))) == []


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Domain({"n": (3, 2)}), "no sizes are in the ranges"),
        (lambda: Domain({"n": (1, 2)}, x=Free(("m",))), "names no size: m"),
        (lambda: Domain({"n": (1, 2)}, n=Free(())), "n is a size and a field"),
        (lambda: Domain(dot=Free(())), "'dot' cannot name an input"),
        (lambda: Domain({"a b": (1, 2)}), "'a b' cannot name an input"),
        (lambda: Sphere(("d",)), r"Sphere has shape \('d',\), expected a tuple of 2 sizes"),
        (lambda: Increasing(("n", "d")), "Increasing has shape .*, expected a tuple of 1 sizes"),
        (lambda: Free(("n", "d", 2)), "Free has shape .*, expected a tuple of 0 or 1 or 2 sizes"),
        (lambda: Free("d"), "Free has shape 'd'"),
        (lambda: Interval((), 0.5, 1), "an interval is from 0.5 to 1, expected fractions that increase"),
        (lambda: Interval((), 1, 1), "an interval is from 1 to 1"),
    ],
)
def test_impossible_domains_raise(make, message):
    with pytest.raises(InputError, match=message):
        make()
