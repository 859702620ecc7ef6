"""What tests need that compute the margins of claims in a second way: inputs as plain numbers, and a register."""

import inspect
from fractions import Fraction

import numpy as np


def plain(value):
    """Integers and floats, in tuples."""
    if isinstance(value, list | tuple):
        return tuple(map(plain, value))
    number = Fraction(value)
    return int(number) if number.denominator == 1 else float(number)


def call(function, inputs):
    """The function of the inputs that it asks for, as arrays."""
    names = inspect.signature(function).parameters
    return function(**{name: np.array(inputs[name]) if np.ndim(inputs[name]) else inputs[name] for name in names})


class Margins(dict):
    """Functions by the names of the claims whose margins they compute in another way."""

    def of(self, *names):
        """A decorator that registers the function."""

        def register(function):
            self.update(dict.fromkeys(names, function))
            return function

        return register
