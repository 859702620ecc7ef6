"""The focal loss -(1 - p)^g log p: its least objective without convexity, phase transitions, and lower bounds.

Write m for the mean margin K <z, P e_y> / (K - 1) of a sample, P = I - J/K. By the inequality of the arithmetic and
the geometric mean p <= 1 / (1 + (K - 1) e^-m), so the loss is at least phi(m), what it is where all margins are m. With
p, q = 1 - p and s = -log p there, phi = q^g s, phi' = -q^g (q + g s p), and phi'' has the sign of 1 + 2 g - g s + g^2 s
/ (e^s - 1), which falls with s: phi is concave below one inflection and convex above it, and -phi' rises from 1 at
-infinity up to there and falls to 0 beyond.

Without a bias, any class sizes n_k and weights u_k. The rows r_i P e_y of B, one for each sample, with 0 <= r_i <=
n_y^-1/2, have B^T B <= P sum_k e_k e_k^T P = P, so the penalties are at least lambda <B, H W^T>. With r_i = n_y^-1/2
where m_i > 0 and 0 elsewhere, and as phi falls,

    F >= sum_k (n_k u_k / N) min over a >= 0 of phi(a) + kappa_k a,   kappa_k = (N / (u_k n_k^1/2)) lambda (K - 1) / K.

For equal sizes and weights, kappa = c (K - 1) / K, the simplex with all margins a attains it, if d >= K - 1.

With a bias, balanced. Its mean margins b_k add up to 0 over the classes, and what was said holds of m_i - b_y: F / u is
at least the mean over the classes of G(b_k), G(b) = min over m >= b of phi(m) + kappa (m - b). That is phi from the
largest stationary a on and, as phi or the tangent at a, concave before (without such an a, G is phi). So two numbers in
the concave part can be moved apart: all but one b_k are in the convex part, equal, and so the bound of no bias stands
if phi((1 - K) x) + (K - 1) phi(x) is at least K times it for all x >= a. Beyond the x with -phi'(x) = 1 that sum rises.
So it is for every penalty if K is small, as for K = 10 and g = 2; but not for large K near the tie of zero and the
simplex. There a simplex of some of the classes, with the others told by the bias alone, is better than either.

With any sizes, weights and bias, in any dimension, by convexity: phi as a function f(s) of the cross-entropy s is
convex up to an inflection, and from there on f' >= 1. So f(s) >= f(t) + a (s - t) for a = f'(t) <= 1, and F is at least
a constant plus that of cross-entropy with class weights a_k u_k, which duality bounds: sharply, at a critical point
whose a_k are all at most 1 and where |G|_2 <= lambda.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache

import numpy as np
from flint import arb, ctx, fmpq

from nctheory.arrays import Array
from nctheory.errors import SolverError
from nctheory.landscape.bounds import dual_bound
from nctheory.landscape.focal_margins import Margin, root_between
from nctheory.landscape.model import Model
from nctheory.losses import CrossEntropy, Focal

__all__ = [
    "Margin",
    "Partial",
    "full_simplex",
    "is_focal",
    "is_settled",
    "lower_bound",
    "partial_simplexes",
    "simplexes",
    "thresholds",
]

_BITS = 192  # of the balls
_PIECES = 256  # of an interval that are halved at once, at most
_FAR = 0.1  # of a number that floats should be near, relatively
_LEAST = 1e-240  # surprisals that are told apart from 0
_APART = 1e-5  # margins that are as near are taken for one
_TIED = 1e-12  # values of F that are as near, relatively, are taken for equal


def is_focal(model: Model) -> bool:
    """Whether the loss is a focal one that is not convex."""
    return isinstance(model.loss, Focal) and not model.loss.is_convex


def gamma_of(model: Model) -> Fraction:
    """The exponent g."""
    assert isinstance(model.loss, Focal)
    return Fraction(model.loss.gamma)


# ----------------------------------------------------------------------------------------------------------- enclosures


@dataclass(frozen=True)
class _Balls:
    """phi in balls."""

    size: int
    gamma: Fraction

    def at(self, margin: arb | float) -> tuple[arb, arb, arb]:
        """phi, phi' and a number of the sign of phi''."""
        g = _ball(self.gamma)
        odds = (self.size - 1) * (-arb(margin)).exp()
        s, p, q = odds.log1p(), 1 / (1 + odds), odds / (1 + odds)
        power = q**g
        return power * s, -power * (q + g * s * p), 1 + 2 * g - g * s + g * g * s / odds

    def convex_from(self, guess: float) -> tuple[float, float]:
        """Floats before and after the inflection near this."""
        room = 2.0**-44 * (1 + abs(guess))
        while not (self.at(guess - room)[2] < 0 and self.at(guess + room)[2] > 0):
            room *= 2
        return guess - room, guess + room

    def bracket(self, price: arb, guess: float, least: float) -> tuple[float, float]:
        """Floats around the a in the convex part with -phi'(a) = price; the first no less than `least`."""
        room = 2.0**-46 * (1 + abs(guess))
        low, high = max(least, guess - room), guess + room
        while low > least and not self.at(low)[1] + price <= 0:
            room *= 2
            low = max(least, guess - room)
        while not self.at(high)[1] + price >= 0:
            room *= 2
            high = guess + room
        return low, high

    def least(self, price: arb, guess: float | None, margin: Margin) -> arb:
        """A ball whose lower end is no more than phi(a) + price a for all a >= 0.

        On the concave part, ends are least. On the convex part there is a tangent at the lower end of a bracket.
        """
        begin, after = 0.0, 0.0
        found = [self.at(0)[0]]
        if not self.at(0)[2] >= 0:
            begin, after = (max(0.0, end) for end in self.convex_from(margin.inflection))
            found += [self.at(begin)[0] + price * begin, self.at(after)[0] + price * begin]
        value, slope, _ = self.at(after)
        if slope + price >= 0:
            return _smallest([*found, value + price * after])
        low, high = self.bracket(price, after if guess is None else guess, after)
        value, slope, _ = self.at(low)
        return _smallest([*found, value + price * low + (slope + price) * (arb(high) - low)])

    def one_apart(self, start: float, stop: float, target: arb) -> arb:
        """A lower end of phi((1 - K) x) + (K - 1) phi(x) on an interval, or the target if that is smaller.

        Both terms on a piece are at least their values at its ends; pieces that are not above the target are halved.
        """
        rest, pieces = self.size - 1, [(start, stop)]
        while True:
            found = [(rest * self.at(high)[0] + self.at(-rest * arb(low))[0], low, high) for low, high in pieces]
            short = [each for each in found if not each[0] >= target]
            if not short:
                return target
            if len(short) > _PIECES:
                return _smallest([value for value, *_ in short])
            halves = [(low, (low + high) / 2, high) for _, low, high in short]
            pieces = [piece for low, middle, high in halves for piece in ((low, middle), (middle, high))]

    def apart(self, price: arb, least: arb, margin: Margin) -> arb:
        """A lower end of the minimum over means of G, see above."""
        before, after = self.convex_from(margin.inflection)
        begin = max(0.0, before, -after / (self.size - 1))
        if self.at(max(0.0, after))[1] + price <= 0:
            guess = margin.stationary(float(price.mid()))
            begin = max(begin, self.bracket(price, begin if guess is None else guess, max(0.0, after))[0])
        if self.at(begin)[1] >= -1:
            return least
        turn = margin.stationary(1.0)
        stop = self.bracket(arb(1), begin if turn is None else turn, begin)[1]
        target = self.size * least
        found = self.one_apart(begin, stop, target)
        return least if found is target else found / self.size


def _ball(number: Fraction) -> arb:
    return arb(fmpq(number.numerator, number.denominator))


def _smallest(balls: list[arb]) -> arb:
    """Of their lower ends."""
    return min((each.lower() for each in balls), key=_fraction)


def _fraction(ball: arb) -> Fraction:
    """The lower end, exactly."""
    mantissa, exponent = ball.lower().man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


@lru_cache(maxsize=256)
def _least(size: int, gamma: Fraction, square: Fraction, shifted: bool) -> Fraction:
    """No more than the minimum over a >= 0 of phi(a) + kappa a, or, `shifted`, of the means of G.

    `square` is that of kappa.
    """
    margin, balls = Margin(size, float(gamma)), _Balls(size, gamma)
    with ctx.workprec(_BITS):
        price = _ball(square).sqrt()
        found = balls.least(price, margin.stationary(float(price.mid())), margin)
        return _fraction(balls.apart(price, found, margin) if shifted else found)


def _square(model: Model, samples: int, weight: Fraction) -> Fraction:
    """The square of kappa of a class: N lambda (K - 1) / (K u n^(1/2))."""
    scale = Fraction(model.num_samples * (model.num_classes - 1), model.num_classes) / weight
    return scale**2 * model.lambda_weights * model.lambda_features / samples


def _classes(model: Model) -> list[tuple[int, Fraction, int]]:
    """Sizes and weights of classes, and of how many."""
    pairs = np.column_stack([model.class_sizes, model.multipliers])
    found, counts = np.unique(pairs, axis=0, return_counts=True)
    return [(int(n), Fraction(float(u)), int(count)) for (n, u), count in zip(found, counts, strict=True)]


# ------------------------------------------------------------------------------------------------------- lower bounds


def lower_bound(model: Model, logits: Array) -> Fraction:
    """A number that no point of any dimension is below; near a point with these class logits (K, K), bias included."""
    sampled = _of_margins(model)
    if sampled is not None and is_settled(model):
        return sampled
    return max(sampled or Fraction(0), _of_cross_entropy(model, logits))


def _of_margins(model: Model) -> Fraction | None:
    """By the mean margins; None for classes that are not alike and a bias."""
    if model.bias and not model.is_balanced:
        return None
    gamma, size = gamma_of(model), model.num_classes
    terms = [
        Fraction(n * count, model.num_samples) * u * _least(size, gamma, _square(model, n, u), model.bias)
        for n, u, count in _classes(model)
    ]
    return sum(terms, Fraction(0))


def is_settled(model: Model) -> bool:
    """Whether the least value is that of a simplex, or of zero, as is known: balanced, of enough dimensions."""
    if not model.is_balanced or model.dimension < model.num_classes - 1:
        return False
    if not model.bias:
        return True
    ((samples, weight, _),) = _classes(model)
    arguments = model.num_classes, gamma_of(model), _square(model, samples, weight)
    return _least(*arguments, True) >= _least(*arguments, False)


def _of_cross_entropy(model: Model, logits: Array) -> Fraction:
    """By cross-entropy with class weights a_k u_k, and the constant sum_k (n_k u_k / N) min (f(s) - a_k s)."""
    tangent = _Tangent(gamma_of(model))
    surprisal = CrossEntropy().value(logits, np.arange(model.num_classes))
    slopes = np.array([tangent.slope(s) for s in surprisal.tolist()])
    weights = np.minimum(_rounded(slopes * model.multipliers), model.multipliers)
    shift = Fraction(0)
    for n, u, w in zip(model.class_sizes.tolist(), model.multipliers.tolist(), weights.tolist(), strict=True):
        shift += Fraction(n, model.num_samples) * Fraction(u) * tangent.intercept(Fraction(w) / Fraction(u))
    dual = dual_bound(model.replace(loss=CrossEntropy(), class_weights=weights), logits)
    return Fraction(0) if dual is None else dual.lower + shift


def _rounded(numbers: Array) -> Array:
    """To 46 bits, so that what is alike but for rounding becomes equal."""
    mantissas, exponents = np.frexp(numbers)
    return np.asarray(np.ldexp(np.round(np.ldexp(mantissas, 46)), exponents - 46))


@dataclass(frozen=True)
class _Tangent:
    """The focal loss as a function f(s) = (1 - e^-s)^g s of the cross-entropy, and lines below it.

    f'' has the sign of 2 - s + (g - 1) s / (e^s - 1), which falls.
    """

    gamma: Fraction

    def log_slope(self, surprisal: float) -> float:
        """log f'(s)."""
        g, s = float(self.gamma), min(max(surprisal, _LEAST), 700.0)
        return g * math.log(-math.expm1(-s)) + math.log1p(g * s / math.expm1(s))

    def slope(self, surprisal: float) -> float:
        """f'(s), at most 1 and no less than 1e-200."""
        return math.exp(min(0.0, max(-460.0, self.log_slope(surprisal))))

    def intercept(self, slope: Fraction) -> Fraction:
        """No more than the minimum over s >= 0 of f(s) - slope s, 0 < slope <= 1."""
        return _intercept(self, slope)

    def at(self, surprisal: float) -> tuple[arb, arb, arb]:
        """f, f', and a number of the sign of f'', in balls."""
        g, s = _ball(self.gamma), arb(surprisal)
        odds = s.expm1()  # q / p
        power = (-(-s).expm1()) ** g
        return power * s, power * (1 + g * s / odds), 2 - s + (g - 1) * s / odds


@lru_cache(maxsize=4096)
def _intercept(tangent: _Tangent, slope: Fraction) -> Fraction:
    """By the tangent of f(s) - slope s at the lower end of a bracket of where it is least, in the convex part."""
    wanted, end = math.log(slope), 2 + max(1.0, float(tangent.gamma))  # f is concave beyond
    guess = _first_root(lambda s: tangent.log_slope(s) - wanted, end)
    with ctx.workprec(_BITS):
        room, price = 2.0**-46, _ball(slope)
        while room < _FAR:
            low, high = guess * (1 - room), guess * (1 + room)
            value, rise, bend = tangent.at(low)
            if rise <= price and bend >= 0 and tangent.at(high)[1] >= price:
                return _fraction(value - price * low + (rise - price) * (arb(high) - low))
            room *= 2
    return -slope * _end_of_fall(tangent, slope)


def _end_of_fall(tangent: _Tangent, slope: Fraction) -> Fraction:
    """An s from which on f(s) - slope s does not fall; f itself is never below 0."""
    high, end = _LEAST, 2 + max(1.0, float(tangent.gamma))  # f' >= 1 there
    with ctx.workprec(_BITS):
        while not tangent.at(high)[1] >= _ball(slope):
            if high >= end:
                raise SolverError(f"no bound of the focal loss with gamma = {tangent.gamma} and slope {float(slope):g}")
            high *= 2
    return Fraction(high)


def _first_root(function: Callable[[float], float], end: float) -> float:
    """The first root in (0, end] of a function that first rises from below 0."""
    low, high = _LEAST, _LEAST
    while high < end and function(high) < 0:
        low, high = high, min(end, 2 * high)
    return root_between(function, low, high)


# ------------------------------------------------------------------------------------------------------ configurations


@dataclass(frozen=True)
class Partial:
    """A simplex of some classes, of margins a, and the bias -b of the others, whose weights are 0; F / u there."""

    kept: int
    margin: float
    bias: float
    value: float

    def logits(self, size: int) -> tuple[Array, Array]:
        """Class logits without the bias, and the bias, of mean 0."""
        table, bias = np.zeros((size, size)), np.zeros(size)
        table[: self.kept, : self.kept] = self.margin * (np.eye(self.kept) - 1 / self.kept)
        bias[self.kept :] = -self.bias
        return table, bias - bias.mean()


def simplexes(model: Model) -> list[float]:
    """The margins a of the least simplexes of a balanced model, two where their values are one."""
    ((samples, weight, _),) = _classes(model)
    gamma, size = gamma_of(model), model.num_classes
    with ctx.workprec(_BITS):
        price = _ball(_square(model, samples, weight)).sqrt()
        other = Margin(size, float(gamma)).stationary(float(price.mid()))
        balls = _Balls(size, gamma)
        values = {a: balls.at(a)[0] + price * a for a in ([0.0] if other is None else [0.0, other])}
        found = sorted(values, key=lambda a: float(values[a].mid() - values[0.0].mid()))
        gap = float((values[found[-1]] - values[found[0]]) / values[0.0])
    return found if gap <= _TIED and abs(found[-1] - found[0]) > _APART else found[:1]


def full_simplex(model: Model) -> tuple[Array, Array]:
    """Class logits of the better one of zero and the simplex of all classes, and the bias 0."""
    return Partial(model.num_classes, simplexes(model)[0], 0.0, math.nan).logits(model.num_classes)


def partial_simplexes(model: Model) -> list[Partial]:
    """The best simplex of each of several numbers of classes, for a balanced model with a bias; the best one first."""
    from scipy.optimize import minimize

    size, gaps = model.num_classes, simplexes(model)
    margin = Margin(size, float(gamma_of(model)))
    start = max(*gaps, margin.inflection, 0.5)
    found = []
    for rest in sorted({int(x) for x in np.geomspace(1, size - 1, 24)}):
        problem = _PartialProblem(model, size - rest)
        end = minimize(problem.value, [start, 0.5], method="L-BFGS-B", bounds=[(0, None), (None, None)])
        found.append(Partial(size - rest, float(end.x[0]), float(end.x[1]), float(end.fun)))
    return sorted(found, key=lambda each: each.value)


@dataclass(frozen=True)
class _PartialProblem:
    """F / u of a simplex of `kept` classes by its margins and by how much lower the bias of the other ones is."""

    model: Model
    kept: int

    @cached_property
    def price(self) -> float:
        """c = K n^(1/2) lambda / u."""
        root = math.sqrt(int(self.model.class_sizes[0]))
        return self.model.num_classes * root * self.model.strength / self._weight

    def value(self, point: Array) -> float:
        """F / u."""
        (a, b), k, size = point, self.kept, self.model.num_classes
        rest, gamma = size - k, float(gamma_of(self.model))
        odds = [(k - 1) * math.exp(-a) + rest * math.exp(-b - a * (1 - 1 / k)), rest - 1 + k * math.exp(b)]
        losses = [(x / (1 + x)) ** gamma * math.log1p(x) for x in odds]
        penalty = self.price * a * (k - 1) + float(self.model.lambda_bias) / self._weight / 2 * b * b * rest * k
        return float(k * losses[0] + rest * losses[1] + penalty) / size

    @property
    def _weight(self) -> float:
        return float(self.model.multipliers[0])


# ---------------------------------------------------------------------------------------------------------- thresholds


def thresholds(model: Model) -> dict[str, float]:
    """The values of lambda where zero begins to be a local minimum, where simplexes end to be, and between them the one
    from which on zero is the optimum, or at least no worse than the simplexes; for balanced classes.

    With G as at zero, |G|_2 <= lambda is what zero is a local minimum by, and -phi'(0) = kappa is the same.
    """
    if not model.is_balanced:
        return {}
    ((samples, weight, _),) = _classes(model)
    margin = Margin(model.num_classes, float(gamma_of(model)))
    unit = float(weight) / ((model.num_classes - 1) * math.sqrt(samples))
    first = math.exp(margin.log_fall(0.0))
    found = {"zero is a local minimum": first * unit}
    if model.dimension < model.num_classes - 1:
        return found
    tie = "total collapse" if _collapse_is_known(model, margin) else "zero and the simplex ETF tie"
    found[tie] = margin.tie * unit
    found["the simplex ETF ceases to be a local minimum"] = math.exp(margin.log_fall(margin.start)) * unit
    return found


def _collapse_is_known(model: Model, margin: Margin) -> bool:
    """Without a bias always; with one where the bound of the simplex stands at the tie and beyond."""
    if not model.bias:
        return True
    square = Fraction(margin.tie) ** 2
    arguments = model.num_classes, gamma_of(model)
    return all(_least(*arguments, each, True) >= _least(*arguments, each, False) for each in (square, 10**6 * square))
