import functools
import types
from fractions import Fraction
from itertools import combinations

import flint
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nctheory.errors import InputError
from nctheory.formula import (
    Formula,
    Language,
    Undecided,
    dot,
    exponent,
    gegenbauer,
    squared_distance,
    universal_bound,
)
from nctheory.gaussian import normal_tail, simplex_error, sqrt

NUMBERS = st.fractions(min_value=-3, max_value=3, max_denominator=9)


def spread(points, num_classes):
    """A definition, loops, conditions and a quotient of integers."""
    least = min(squared_distance(x, y) for x, y in combinations(points, 2))
    share = num_classes / (num_classes - 1)
    return least - share if num_classes > 2 else least - 2 * share


def ordered(x, y):
    return x < y and not x == 0 and any(z >= x for z in (y, 1)) and all(z <= 3 for z in (x, y))  # noqa: SIM201


def tail(noise, num_classes):
    return normal_tail(1 / noise) + simplex_error(num_classes, noise) - sqrt(2)


def with_loop(points):
    total = 0
    for point in points:
        total += dot(point, point)
    return total


def with_numpy(points):
    return np.abs(points).max()


def with_float(points):
    return dot(points[0], points[0]) - 0.5


def unknown_name(points):
    return dot(points[0], points[0]) - MISSING  # noqa: F821


def keyword(points):
    return min(points[0], key=abs)


def shadowed(points):
    points = points[0]
    return dot(points, points)


def with_remainder(points):
    return points[0][0] % 2


def with_membership(points):
    return points[0][0] in (0, 1)


def with_a_functions_name(points):
    dot = 2
    return dot - points[0][0]


def with_a_loop_over_a_functions_name(points):
    return max(sum for sum in points[0])  # noqa: A001


def with_a_greek_letter(points):
    β = dot(points[0], points[0])  # noqa: PLC2401
    return β - 1


def with_all_inputs(**points):
    return len(points) - 5


def test_the_language_is_read_from_the_source():
    assert Formula(spread).language == Formula(ordered).language == Language.EXACT
    assert Formula(tail).language == Language.ENCLOSED
    for function in (with_loop, with_numpy, with_float, unknown_name, keyword, shadowed, lambda points: points[0][0]):
        assert Formula(function).language == Language.PYTHON, function


@pytest.mark.parametrize(
    "function",
    [
        with_remainder,
        with_membership,
        with_a_functions_name,
        with_a_loop_over_a_functions_name,
        with_a_greek_letter,
        with_all_inputs,
    ],
)
def test_what_the_kernel_does_not_read_is_not_the_language(function):
    assert Formula(function).language == Language.PYTHON


def test_a_nested_function_may_have_a_long_docstring():
    def nested(points):
        """One line.

        And more, indented.
        """
        return dot(points[0], points[0])

    assert Formula(nested).language == Language.EXACT


def test_a_bound_parameter_is_not_a_function_of_the_language():
    def given(dot, points):
        return dot(points[0], points[0])

    assert Formula(types.MethodType(given, lambda x, y: 7)).language == Language.PYTHON


def test_an_edit_of_a_number_into_a_float_is_seen():
    def less(points):
        return points[0][0] - 1

    constants = tuple(1.0 if number == 1 else number for number in less.__code__.co_consts)
    less.__code__ = less.__code__.replace(co_consts=constants)
    assert Formula(less).language == Language.PYTHON


def decorated(function):
    @functools.wraps(function)
    def doubled(points, num_classes):
        return 2 * function(points, num_classes)

    return doubled


def keep(assumption):
    return lambda function: (assumption, function)


@keep(lambda points: False)
def beside(points):
    return dot(points[0], points[0]) >= 0


def test_the_source_is_that_of_the_very_function():
    """A lambda in a decorator has the decorated function as its source, and a wrapper what it wraps."""
    assumption, function = beside
    assert Formula(function).language == Language.EXACT
    assert Formula(assumption).language == Language.PYTHON
    assert Formula(assumption).slack({"points": ((1.0, 2.0),)}) == -1
    assert Formula(decorated(spread)).language == Language.PYTHON
    changed = types.FunctionType(with_float.__code__, globals(), "spread")
    changed.__code__ = with_float.__code__.replace(co_firstlineno=spread.__code__.co_firstlineno)
    assert Formula(changed).language == Language.PYTHON


def test_a_redefined_function_is_not_the_language():
    scope = {"dot": lambda x, y: 7}
    assert Formula(spread).language == Language.EXACT

    def local(points):
        return dot(points[0], points[0])

    local.__globals__["dot"], before = scope["dot"], local.__globals__["dot"]
    try:
        assert Formula(local).language == Language.PYTHON
    finally:
        local.__globals__["dot"] = before
    assert Formula(local).language == Language.EXACT


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=4))
def test_all_readings_agree(points):
    exact = {"points": tuple(points), "num_classes": len(points)}
    floats = {"points": tuple(tuple(map(float, row)) for row in points), "num_classes": len(points)}
    formula = Formula(spread)
    value = formula.exactly(exact)
    assert isinstance(value, Fraction)
    assert formula(floats) == pytest.approx(float(value), abs=1e-12)
    assert formula.enclose(exact) == flint.fmpq(value.numerator, value.denominator)


@given(NUMBERS, NUMBERS)
def test_slack_has_the_sign_of_the_condition(x, y):
    formula = Formula(ordered)
    slack = formula.slack({"x": float(x), "y": float(y)})
    assert (slack >= 0) == bool(ordered(float(x), float(y)))
    assert formula.exactly({"x": x, "y": y}) is ordered(x, y)


def test_slack_measures_the_distance():
    def far(x):
        return x >= 2

    def strict(x):
        return x > 2

    assert Formula(far).slack({"x": 0.5}) == -1.5
    assert Formula(far).slack({"x": 2.0}) == 0
    assert -1e-300 < Formula(strict).slack({"x": 2.0}) < 0
    assert Formula(lambda x: x > 2).slack({"x": 2.0}) == -1


def test_an_enclosure_contains_the_value():
    inputs = {"noise": Fraction(1, 2), "num_classes": 4}
    ball = Formula(tail).enclose(inputs)
    assert float(ball.mid()) == pytest.approx(Formula(tail)({"noise": 0.5, "num_classes": 4}), abs=1e-12)
    assert 0 < float(ball.rad()) < 1e-12


def test_an_enclosure_never_guesses():
    def undecided(noise):
        return sqrt(noise) * sqrt(noise) < noise

    def decided(noise):
        return sqrt(noise) < noise

    def powers(noise):
        return (sqrt(noise) * sqrt(noise) - noise) ** 2

    def extremes(noise):
        return max(sqrt(noise), 1) - min(sqrt(noise), noise)

    with pytest.raises(Undecided):
        Formula(undecided).enclose({"noise": Fraction(2)})
    assert Formula(decided).enclose({"noise": Fraction(2)}) is True
    assert Formula(powers).enclose({"noise": Fraction(2)}).contains(0)
    assert Formula(extremes).enclose({"noise": Fraction(2)}).contains(0)


def test_an_enclosure_never_asks_a_ball_whether_it_is_true():
    def condition(x):
        return 1 if sqrt(x) * sqrt(x) - x else 0

    def negation(x):
        return not sqrt(x) * sqrt(x) - x

    def conjunction(x):
        return x > 0 and sqrt(x) * sqrt(x) - x

    def every(x):
        return all(y for y in (sqrt(x) * sqrt(x) - x, 1))

    def filtered(x):
        return len([y for y in (1, 2) if sqrt(x) * sqrt(x) - x])

    for function in (condition, negation, conjunction, every, filtered):
        with pytest.raises(Undecided):
            Formula(function).enclose({"x": Fraction(2)})


def test_an_enclosure_never_compares_sequences_of_balls():
    def different(x):
        return (sqrt(x) * sqrt(x), 1) != (x, 1)

    def least(x):
        return min((sqrt(x) * sqrt(x), 1), (x, 0))[0]

    def first(x):
        return sorted([(sqrt(x) * sqrt(x), 1), (x, 0)])[0][0]

    def pairs(x):
        """All e_ij that are not 0 for certain; e_01 is 0, from a margin that is 0 in a ball."""
        means = ((1, 0), (0, 1), (3, 3))
        return exponent(means, ((1, 0), (1, 0), (3, 3)), (sqrt(x) * sqrt(x) - x, 0, -9))

    for function in (different, least, first, pairs):
        with pytest.raises(Undecided):
            Formula(function).enclose({"x": Fraction(2)})


def test_powers_in_an_enclosure():
    def inverse(x):
        return sqrt(x) ** -2

    def of_no_integer(x):
        return x ** (1 / 2) + sqrt(x)

    assert Formula(inverse).enclose({"x": Fraction(4)}).overlaps(flint.arb(1) / 4)
    with pytest.raises(Undecided):
        Formula(of_no_integer).enclose({"x": Fraction(4)})


def test_functions_of_integers_stay_exact_in_an_enclosure():
    def polynomial(x):
        return gegenbauer(2, 8, 2) + 0 * sqrt(x)

    def bound(x):
        return max(universal_bound(5, 2), 0) + 0 * sqrt(x)

    def floats(x):
        return x * x + 0 * sqrt(2)

    inputs = {"x": Fraction(2)}
    assert Formula(polynomial).enclose(inputs).overlaps(flint.arb(31) / 7)
    assert Formula(polynomial).enclose(inputs).rad() < 1e-12
    assert Formula(bound).enclose(inputs).overlaps(flint.arb(1) / 4)
    square = Fraction(0.1) ** 2
    assert Formula(floats).enclose({"x": 0.1}).contains(flint.fmpq(square.numerator, square.denominator))


def test_indices_and_counts_may_be_inputs_of_an_enclosure():
    def chosen(labels, points):
        pairs = [points[labels[0]] for x in combinations(points, labels[0])]
        return pairs[0] + len(range(labels[0])) + 0 * sqrt(2)

    inputs = {"labels": (Fraction(1), Fraction(0)), "points": (Fraction(5), Fraction(7))}
    assert Formula(chosen).enclose(inputs).overlaps(flint.arb(8))


def test_integers_stay_exact_in_an_enclosure():
    def third(noise):
        return noise * (1 / 3) - sqrt(2)

    ball = Formula(third).enclose({"noise": Fraction(3)})
    assert (ball - (1 - flint.arb(2).sqrt())).contains(0)
    assert float(ball.rad()) > 0


def test_weights_and_means_reach_the_exponent():
    def value(means, weights, bias):
        return exponent(means, weights, bias)

    means = ((Fraction(1), Fraction(0)), (Fraction(-1), Fraction(0)))
    inputs = {"means": means, "weights": means, "bias": (Fraction(0), Fraction(0))}
    assert Formula(value).exactly(inputs) == Fraction(1, 2)
    assert Formula(value).enclose(inputs) == flint.fmpq(1, 2)


def test_a_function_that_changes_its_input_is_caught():
    def changes(points):
        points[0, 0] = 5
        return 0

    with pytest.raises(InputError, match="changes its input points"):
        Formula(changes)({"points": ((1.0, 2.0), (3.0, 4.0))})


def test_what_is_no_formula_has_no_text():
    with pytest.raises(InputError, match="with_loop is not a formula"):
        Formula(with_loop).definitions  # noqa: B018
