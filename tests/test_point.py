"""Points as the questions about training see them: floats where those are exact, fractions where not."""

from fractions import Fraction

import pytest

from nctheory import Configuration, Features, InputError
from nctheory.point import as_point, encoded_point, exactly, floats

ROWS = [[1.0, 2.0], [0.5, -1.0], [3.0, 0.25]]
DECODER = [[1.0, 0.0], [0.0, 1.0]]


def test_features_are_one_sample_a_row():
    point = as_point(Features(ROWS, [1, 0, 1], DECODER, [0.5, 0.0]))
    assert point.counts.tolist() == [1, 1, 1]
    assert point.labels.tolist() == [1, 0, 1]
    assert point.num_classes == 2
    assert not point.collapsed
    assert point.name(2) == "sample 2 of class 1"
    assert floats(point.points).tolist() == ROWS


def test_configurations_are_one_class_a_row():
    point = as_point(Configuration(ROWS[:2], DECODER, class_sizes=[3, 4]))
    assert point.counts.tolist() == [3, 4]
    assert point.collapsed
    assert point.name(1) == "class 1"
    assert floats(point.bias).tolist() == [0, 0]


def test_fractions_stay_exact():
    third = Fraction(1, 3)
    point = as_point(Configuration([[third], [0]], [[1], [third]], class_sizes=[1, 1]))
    assert exactly(point.points).fractions().tolist() == [[third], [0]]
    assert floats(point.points)[0, 0] == 1 / 3


def test_the_form_of_claims():
    """Rows are sorted by class, samples of one class in their order."""
    encoded = encoded_point(as_point(Features(ROWS, [1, 0, 1], DECODER)))
    assert encoded["counts"] == [[1], [1, 1]]
    assert encoded["features"] == {"exponent": -2, "rows": [[2, -4], [4, 8], [12, 1]]}
    assert encoded["weights"] == {"exponent": 0, "rows": [[1, 0], [0, 1]]}
    assert encoded["bias"] == {"exponent": 0, "rows": [[0, 0]]}
    means = encoded_point(as_point(Configuration(ROWS[:2], DECODER, class_sizes=[3, 4])))
    assert means["counts"] == [[3], [4]]


def test_counts_that_nobody_needs():
    assert as_point(Configuration(ROWS[:2], DECODER), counted=False).counts is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("point", "features is of type str, expected Features or a Configuration"),
        (Features(ROWS, [1, 0, 1]), r"features has no weights: expected Features\(features, labels, weights\)"),
        (Configuration(ROWS[:2]), r"features has no weights: expected Configuration\(class_means, weights\)"),
        (Configuration(ROWS[:2], DECODER), "without class_sizes, expected the number of samples per class"),
        (Configuration(ROWS[:1], DECODER[:1], class_sizes=[2]), "features has one class, expected at least two"),
    ],
)
def test_what_is_no_point(value, message):
    with pytest.raises(InputError, match=message):
        as_point(value)
