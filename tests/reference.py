"""Slow and plain: the definitions in `fractions.Fraction`, sharing no code with the package."""

from fractions import Fraction
from itertools import permutations
from math import inf


def rational(rows):
    return [[Fraction(x) for x in row] for row in rows]


def dot(x, y):
    return sum((a * b for a, b in zip(x, y, strict=True)), Fraction(0))


def nearest_mean(means):
    return means, [-dot(mean, mean) / 2 for mean in means]


def pair_exponent(means, weights, bias, i, j):
    direction = [a - b for a, b in zip(weights[i], weights[j], strict=True)]
    margin = dot(direction, means[i]) + bias[i] - bias[j]
    length = dot(direction, direction)
    if length == 0:
        return inf if margin > 0 else Fraction(0)
    return max(Fraction(0), margin) ** 2 / (2 * length)


def exponent(means, weights=None, bias=None):
    """The exponent and the set of attaining ordered pairs."""
    means = rational(means)
    if weights is None:
        weights, bias = nearest_mean(means)
    weights, bias = rational(weights), [Fraction(b) for b in bias]
    pairs = {(i, j): pair_exponent(means, weights, bias, i, j) for i, j in permutations(range(len(means)), 2)}
    smallest = min(pairs.values(), default=inf)
    return smallest, {pair for pair, value in pairs.items() if value == smallest}
