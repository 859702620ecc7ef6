"""Deep models: rigorous ends of the objective and of its minimum, and the modes of the squared error.

L = m + 1 factors, Lambda the product of their penalties, Z the N x K logits of rank at most d, of singular values s_i.

* Linear: by Horn's inequality the sum of s_i^(2/L) is at most that of the products of the factors' ordered singular
  values, each to the power 2/L, and by the means' inequality the penalties are at least P = (L/2) Lambda^(1/L)
  sum s_i^(2/L).
* Squared error: |Z - Y|^2 >= sum (s_i - y_i)^2 with both ordered (von Neumann); with a free bias the same holds for
  logits and targets less their means, and centering Z raises no s_i and no rank. So F >= the sum over the d largest
  y_i^2 = t of v(t), and t / (2 N) for each further one,

      v(t) = min_s (s - t^(1/2))^2 / (2 N) + (L/2) (Lambda s^2)^(1/L) = (t / N) min_x (1 - x)^2 / 2 + (L/2) m x^(2/L),

  m = (N / t) (t Lambda)^(1/L), which rises with t. On x > 0 the function falls just where (1 - x) x^(1 - 2/L) > m,
  between the two roots: the minimum is at the larger one, or at 0. It is attained by Y's own singular vectors.
* Any loss, and a ReLU between the matrices: max(0, .) lengthens no matrix in the Frobenius norm, so |Z|_* is at most
  the product of all factors' norms, and P >= (L/2) Lambda^(1/L) |Z|_*^(2/L). For every k > 0, mean loss + k |Z|_* >=
  D(k), the least value of the plain model of strength k. So F >= min over v >= 0 of max_k (D(k) - k v) + (L/2)
  Lambda^(1/L) v^(2/L); with finitely many k, and one of them on each interval of a partition, the function is concave
  there, and least at an end.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from flint import arb, ctx, fmpq

from nctheory.arrays import Array
from nctheory.errors import InputError
from nctheory.landscape import free
from nctheory.landscape.answers import Bracket
from nctheory.landscape.bounds import best_bias, class_steepness, loss_error, square_norm
from nctheory.landscape.deep_points import DeepNumbers
from nctheory.landscape.model import Model
from nctheory.spectrum import class_spectrum

__all__ = ["Mode", "jump", "last_root", "modes", "nuclear_bound", "objective_bracket", "spectral_bound", "transition"]

_UNIT_ROUNDOFF = 2.0**-53
_TINY = 1e-290
_BITS = 160
_NEWTON_STEPS = 7
_ROUNDS = 60  # of lines added one by one
_NEAR = 1e-8  # two k as near, relatively, leave nothing between them
_PATIENCE = 6  # rounds without much gain


# ------------------------------------------------------------------------------------------------- roots in one number


def jump(num_factors: int) -> float:
    """x just before a mode vanishes."""
    return (num_factors - 2) / (num_factors - 1)


def transition(num_factors: int) -> float:
    """The m at which the larger root and 0 are equally good: 1 for two factors, and less for more."""
    size = num_factors
    return float(((size - 2) / (size - 1)) ** ((size - 2) / size) / (size - 1))


def last_root(num_factors: int) -> float:
    """The largest m for which (1 - x) x^(1 - 2/L) = m has a root."""
    top, power = (num_factors - 2) / (2 * num_factors - 2), 1 - 2 / num_factors
    return float((1 - top) * top**power)


def largest_root(num_factors: int, penalty: float) -> float:
    """The larger root x of (1 - x) x^(1 - 2/L) = m, the metastable one beyond the transition; 0 where there is none."""
    from scipy.optimize import brentq

    if penalty >= last_root(num_factors):
        return 0.0
    least, power = (num_factors - 2) / (2 * num_factors - 2), 1 - 2 / num_factors
    return float(brentq(lambda x: (1 - x) * x**power - penalty, least, 1, xtol=1e-300, rtol=1e-15))


def _least(num_factors: int, penalty: arb) -> arb:
    """A ball for min over x >= 0 of (1 - x)^2 / 2 + (L/2) m x^(2/L).

    At a root 1 - x = m x^(2/L - 1), which leaves positive terms only.
    """
    size = num_factors
    power, half = fmpq(size - 2, size), arb(1) / 2
    if penalty > (arb(fmpq(size - 2, size - 1)) ** power if size > 2 else arb(1)) / (size - 1):
        return half
    x = _enclosed_root(size, penalty)
    if x is None:
        return arb(0).union(half)
    spread = penalty * x ** fmpq(4 - 2 * size, size)
    return (penalty * (spread + size * x ** fmpq(2, size)) / 2).min(half)


def _enclosed_root(size: int, penalty: arb) -> arb | None:
    """A ball around the larger root, by the signs at its ends; None where they are not certain."""
    power = fmpq(size - 2, size)
    least, x = fmpq(size - 2, 2 * size - 2), arb(largest_root(size, float(penalty.mid())))
    for _ in range(_NEWTON_STEPS):
        slope = x**power * (fmpq(size - 2, size) / x - fmpq(2 * size - 2, size))
        x = (x - ((1 - x) * x**power - penalty) / slope).mid()
    for bits in (_BITS - 40, _BITS // 2, 40):
        low, high = x - arb(2) ** -bits, x + arb(2) ** -bits
        above = (1 - low) * low**power - penalty > 0 if low > 0 else low > -1
        if low > least and above and (1 - high) * high**power - penalty < 0:
            return low.union(high)
    return None


# --------------------------------------------------------------------------------------------------------------- modes


@dataclass(frozen=True)
class Mode:
    """A singular value t^(1/2) of the targets, `count` times, and what the optimum makes of it, in floats.

    `penalty` is m = (N / t) (t Lambda)^(1/L). `root` is the larger root of (1 - x) x^(1 - 2/L) = m, 0 where there is
    none: a critical point, and a local minimum of this mode, also where 0 is better. `shrinkage` is the x of the
    optimum: the root, or 0 beyond the transition. At it both are equally good: `is_tied`.
    """

    eigenvalue: float
    count: int
    penalty: float
    root: float
    shrinkage: float
    is_tied: bool


def modes(model: Model) -> list[Mode]:
    """Those of the squared error, largest first."""
    size = model.depth + 1
    found = []
    for value, count in _eigenvalues(model):
        t = float(value[0])
        penalty = model.num_samples * t ** (1 / size - 1) * model.strength
        root, excess = largest_root(size, penalty), penalty / transition(size) - 1
        kept = root if excess <= 1e-12 else 0.0
        found.append(Mode(t, count, penalty, root, kept, size > 2 and abs(excess) <= 1e-12))
    return found


def _eigenvalues(model: Model) -> list[tuple[Bracket, int]]:
    """The class sizes, or with a free bias the eigenvalues of D - n n^T / N but for a 0; enclosed, largest first."""
    if not model.bias:
        sizes, counts = np.unique(model.class_sizes, return_counts=True)
        return [((Fraction(int(n)),) * 2, int(count)) for n, count in zip(sizes[::-1], counts[::-1], strict=True)]
    spectrum = class_spectrum(model.class_sizes, bias=True)
    pairs = zip(spectrum.sizes, spectrum.counts, strict=True)
    found = [((Fraction(int(n)),) * 2, int(count) - 1) for n, count in pairs if count > 1]
    for anchor, low, high in zip(spectrum.anchors, spectrum.low, spectrum.high, strict=True):
        near = Fraction(int(spectrum.sizes[anchor]))
        found.append(((near + Fraction(float(low)), near + Fraction(float(high))), 1))
    return sorted(found, reverse=True)


def spectral_bound(model: Model) -> Fraction:
    """The least value of a linear model with the squared error, from below: the sum of v(t) and of what is lost."""
    size, left, total = model.depth + 1, model.dimension, arb(0)
    product = math.prod(model.layer_penalties) * model.lambda_features
    with ctx.workprec(_BITS):
        for (t, _), count in _eigenvalues(model):
            kept = min(count, left)
            penalty = model.num_samples / _ball(t) * _ball(t * product).root(size)
            share = _ball(t / model.num_samples)
            total += share * (kept * _least(size, penalty) + fmpq(count - kept, 2))
            left -= kept
        return _below(total)


def _ball(number: Fraction) -> arb:
    return arb(fmpq(number.numerator, number.denominator))


def _below(ball: arb) -> Fraction:
    """A rational that is not above the ball."""
    mantissa, exponent = ball.lower().man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


# ----------------------------------------------------------------------------------------------------- any convex loss


@dataclass(frozen=True)
class _Lines:
    """D(k) - k v, k falling; the last one is 0, as no loss is negative."""

    model: Model
    lines: tuple[tuple[Fraction, Fraction], ...]  # k and D(k)

    @classmethod
    def of(cls, model: Model, strengths: list[Fraction]) -> "_Lines":
        lines = [(k, _plain_minimum(model, k)) for k in strengths]
        return cls(model, (*lines, (Fraction(0), Fraction(0))))

    def is_fine(self, place: int) -> bool:
        """Whether this line and the next leave nothing between them."""
        one, two = self.lines[place][0], self.lines[place + 1][0]
        return one - two < one * Fraction(_NEAR)

    def between(self, place: int) -> "_Lines":
        """With one more line, between that of this place and the next."""
        (one, _), (two, _) = self.lines[place : place + 2]
        middle = (one + two) / 2 if two else one / 4
        middle = Fraction(float(middle))
        added = (middle, _plain_minimum(self.model, middle))
        return _Lines(self.model, (*self.lines[: place + 1], added, *self.lines[place + 1 :]))

    @cached_property
    def corners(self) -> list[Fraction]:
        """Where each line meets the next, made to rise."""
        found = [Fraction(0)]
        for (one, high), (two, low) in zip(self.lines, self.lines[1:], strict=False):
            found.append(max(found[-1], (high - low) / (one - two)))
        return found

    @cached_property
    def least(self) -> tuple[Fraction, int]:
        """The bound, and after which line it is; -1 is v = 0."""
        with ctx.workprec(_BITS):
            paid = [_below(_least_penalty(self.model, v)) if v else Fraction(0) for v in self.corners]
        ends = []
        for place, (k, level) in enumerate(self.lines):
            ends.append((level - k * self.corners[place] + paid[place], place - 1))
            if place + 1 < len(self.corners):
                ends.append((level - k * self.corners[place + 1] + paid[place + 1], place))
        return min(ends)


def _least_penalty(model: Model, norm: Fraction) -> arb:
    """(L/2) (Lambda v^2)^(1/L)."""
    size, product = model.depth + 1, math.prod(model.layer_penalties) * model.lambda_features
    return fmpq(size, 2) * _ball(product * norm**2).root(size)


def _plain_minimum(model: Model, strength: Fraction) -> Fraction:
    """The least mean loss + k |Z|_* of all logits, from below."""
    return Fraction(free.optimum(_plain(model, strength), Fraction(1, 10**9), 1, np.random.default_rng(0)).lower)


def _plain(model: Model, strength: Fraction) -> Model:
    """One matrix, as wide as any optimum needs."""
    return Model(model.class_sizes, loss=model.loss, regularization=(strength, strength), bias=model.bias)


def nuclear_bound(model: Model, upper: Fraction, allowed: Fraction) -> Fraction:
    """The least value of any deep model, from below, by the nuclear norm of the logits; refined until it is as near
    to the upper end as is allowed, or gains little."""
    size = model.num_classes
    plain = _plain(model, Fraction(1))
    top = class_steepness(plain, np.zeros((size, size)) + best_bias(plain, np.zeros((size, size)))) * (1 + 1e-9)
    lines = _Lines.of(model, [Fraction(top) / 2**j for j in range(6)])
    history = [lines.least[0]]
    for _ in range(_ROUNDS):
        best, place = lines.least
        stalled = len(history) > _PATIENCE and best - history[-_PATIENCE] < (upper - best) / 1000
        if place < 0 or lines.is_fine(place) or upper - best <= allowed * upper or stalled:
            break
        lines = lines.between(place)
        history.append(lines.least[0])
    return max(Fraction(0), *history)


# ------------------------------------------------------------------------------------------------------- the objective


def objective_bracket(model: Model, numbers: DeepNumbers) -> Bracket:
    """Rationals on both sides of F at a point, assuming IEEE arithmetic, and exp and log good to 4 units in the last
    place."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            middle, radius = _around(model, numbers)
    except OverflowError:  # of a sum
        middle = radius = math.inf
    if not math.isfinite(middle) or not math.isfinite(radius):
        raise InputError("the objective at this point is beyond the range of float64")
    return Fraction(middle) - Fraction(radius), Fraction(middle) + Fraction(radius)


def _around(model: Model, numbers: DeepNumbers) -> tuple[float, float]:
    """F in floats, and a bound on its error."""
    logits, shift = _logits_and_error(model, numbers)
    if not np.isfinite(logits).all():
        return math.inf, math.inf
    share, found = numbers.counts / model.num_samples, model.loss.value(logits, numbers.labels)
    values, errors = share * found, share * loss_error(model, logits, numbers.labels, shift, found)
    squares = list(_paid(model, numbers))
    middle = math.fsum([*values, *squares])
    radius = math.fsum(errors) + 8 * _UNIT_ROUNDOFF * math.fsum(np.abs(values))
    radius += 4 * (model.dimension + 8) * _UNIT_ROUNDOFF * math.fsum(squares)
    return middle, radius * (1 + 1e-6) + 4 * _UNIT_ROUNDOFF * abs(middle) + _TINY


def _logits_and_error(model: Model, numbers: DeepNumbers) -> tuple[Array, Array]:
    """The logits, and how far off each row is at most: a ReLU makes no error larger."""
    rows, error = numbers.features, np.zeros_like(numbers.features)
    unit = 1.01 * (model.dimension + 6) * _UNIT_ROUNDOFF
    for place, matrix in enumerate(numbers.layers):
        size = np.abs(matrix).T
        error = 1.01 * (error @ size + unit * ((np.abs(rows) + error) @ size)) + _TINY
        rows = rows @ matrix.T
        if model.activation == "relu" and place + 1 < model.depth:
            rows = np.maximum(rows, 0)
    logits = rows + numbers.bias
    return logits, 1.01 * error.max(axis=1) + 2 * _UNIT_ROUNDOFF * np.abs(logits).max(axis=1)


def _paid(model: Model, numbers: DeepNumbers) -> Iterator[float]:
    """The penalties."""
    for penalty, matrix in zip(model.layer_penalties, numbers.layers, strict=True):
        yield float(penalty) / 2 * square_norm(matrix, None)
    yield float(model.lambda_features) / 2 * square_norm(numbers.features, numbers.counts)
