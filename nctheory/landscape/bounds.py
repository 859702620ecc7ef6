"""Rigorous ends: an objective enclosed in floats with error bounds, and lower bounds of its minimum by duality.

Proof of the lower bound. For g_k = (u_k / N) a_k, one for each sample of class k, and the conjugate l* of the loss,
(u_k / N) l(z) >= <g_k, z> - (u_k / N) l*(a_k). Added up over samples, z_i = W h_i + b, with the N columns of G,

    F >= <G^T W, H> + <sum g, b> + penalties - (1/N) sum_k n_k u_k l*(a_k).

|<G^T W, H>| <= |G|_2 |W| |H| <= (lambda_W |W|^2 + lambda_H |H|^2) / 2 where |G|_2 <= lambda, and <sum g, b> + lambda_b
|b|^2 / 2 >= -|sum g|^2 / (2 lambda_b); for a free bias sum g = 0 is needed. Any such a_k give a bound, in every
dimension. For cross-entropy with targets t, -l*(q - t) is the entropy of q, which has to be a distribution; for binary
cross-entropy it is the sum of those of (q_c, 1 - q_c); for the squared error it is -|a|^2 / 2 - <a, t>. The loss of a
set S of labels is that with the target 1_S / |S| and, where it adds up, u = |S|: k counts sets then, M of them.

Where features are not negative, the columns v of H (N, d) are not either, and |G v|^2 = sum_ij v_i v_j <g_i, g_j> is at
most that sum without the negative ones of the <g_i, g_j>: it is enough that the N x N matrix A of what remains, max(0,
<g_i, g_j>), has no eigenvalue above lambda^2. As all g_i of a class are equal, its eigenvalues that are not 0 are those
of the matrix with the entries (n_k n_l)^(1/2) max(0, <g_k, g_l>) for classes k, l. It may be larger than |G|_2^2, and
either will do.

The a_k come from logits of a point, a = grad l, scaled by theta = min(1, lambda / |G|_2) and rounded to integers, in
which row sums, the sum over samples and signs are exact; |G|_2 <= lambda (or the other condition) is shown by a
Cholesky factorization in floats that comes to its end: then the matrix is positive definite up to its rounding error.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from nctheory.arrays import Array
from nctheory.errors import InputError
from nctheory.exact import ExactMatrix
from nctheory.landscape.answers import Bracket
from nctheory.landscape.evaluation import Numbers
from nctheory.landscape.model import Model
from nctheory.losses import BinaryCrossEntropy, CrossEntropy, Focal, LabelSmoothing, PickAllLabels, SquaredError

__all__ = [
    "Dual",
    "Rounded",
    "best_bias",
    "class_slopes",
    "class_steepness",
    "dual_at",
    "dual_bound",
    "exact_targets",
    "grams",
    "loss_error",
    "multipliers",
    "objective_bracket",
    "square_norm",
    "whole_targets",
]

_UNIT_ROUNDOFF = 2.0**-53
_TINY = 1e-290  # above every error that underflow can cause
_BLOCK = 1 << 22  # logits held at once
_BITS = 62  # to which the largest entry of the least row is rounded
_MOST_BITS = 400
_ATTEMPTS = 12
_NEWTON_STEPS = 60
_LONGEST = 10  # of these steps
_ROUNDED = 1 + 1e-15  # a value may grow by so much: two that are as near cannot be told apart

# -------------------------------------------------------------------------------------------- the objective at a point


def objective_bracket(model: Model, numbers: Numbers, roundings: int = 0) -> Bracket:
    """Rationals on both sides of F at a point, assuming IEEE arithmetic, and exp and log good to 4 units in the last
    place. Rows of weights and features together may be off by some more `roundings`, if there is no penalty."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            middle, radius = _ball(model, numbers, roundings)
    except OverflowError:  # of a sum
        middle = radius = math.inf
    if not math.isfinite(middle) or not math.isfinite(radius):
        raise InputError("the objective at this point is beyond the range of float64")
    return Fraction(middle) - Fraction(radius), Fraction(middle) + Fraction(radius)


def _ball(model: Model, numbers: Numbers, roundings: int) -> tuple[float, float]:
    """F in floats, and a bound on its error."""
    middle, radius = _mean_loss(model, numbers, roundings)
    lengths = ((numbers.weights, None), (numbers.features, numbers.counts), (numbers.bias[:, None], None))
    penalties = (model.lambda_weights, model.lambda_features, model.lambda_bias)
    squares = [float(each) / 2 * square_norm(*part) for each, part in zip(penalties, lengths, strict=True)]
    radius += 4 * (numbers.weights.shape[1] + 8) * _UNIT_ROUNDOFF * math.fsum(squares)
    middle = math.fsum([middle, *squares])
    return middle, radius * (1 + 1e-6) + 4 * _UNIT_ROUNDOFF * abs(middle) + _TINY


def square_norm(rows: Array, counts: Array | None) -> float:
    """The sum of all squares, of a row as often as it is counted."""
    squares = np.einsum("ij,ij->i", rows, rows)
    return math.fsum(squares if counts is None else squares * counts)


def _mean_loss(model: Model, numbers: Numbers, roundings: int) -> tuple[float, float]:
    """The mean loss, and a bound on its error."""
    height, units = max(1, _BLOCK // model.num_classes), numbers.weights.shape[1] + 6 + roundings
    weights = np.ones(len(model.class_sizes)) if isinstance(model.loss, PickAllLabels) else model.multipliers
    reach = float(np.linalg.norm(numbers.weights, axis=1).max())
    values, errors = [], []
    for start in range(0, len(numbers.labels), height):
        part = slice(start, start + height)
        rows, labels = numbers.features[part], numbers.labels[part]
        logits = rows @ numbers.weights.T + numbers.bias
        shift = units * _UNIT_ROUNDOFF * (np.linalg.norm(rows, axis=1) * reach + np.abs(numbers.bias).max())
        share = numbers.counts[part] * weights[labels] / model.num_samples
        found = model.loss.value(logits, labels)
        values.append(share * found)
        errors.append(share * loss_error(model, logits, labels, 1.01 * shift, found))
    total = np.concatenate(values)
    rounding = 8 * _UNIT_ROUNDOFF * math.fsum(np.abs(total))
    return math.fsum(total), math.fsum(np.concatenate(errors)) + rounding


def loss_error(model: Model, logits: Array, labels: Array, shift: Array, found: Array) -> Array:
    """How far the loss l is off where logits are off by `shift` and then K terms are added up.

    By the mean value theorem: the derivative has 1-norm at most (2 K l)^(1/2) for the squared error, min(K, l) for
    binary cross-entropy, 2 min(1, l) for cross-entropy, as 1 - p <= -log p, 2 (1 + gamma) (1 - p)^(1 + gamma) for the
    focal loss, and 2 (1 + |a|) with smoothing a; on the way l grows by at most K shift, its root by (K / 2)^(1/2)
    shift, and cross-entropy by a factor of at most e^(2 shift). A sum of terms of one sign, each rounded, is off
    relatively.
    With labels S the loss is u times a mean of cross-entropies, so that its derivative has 1-norm at most 2 min(u, l).
    """
    size, largest = model.num_classes, np.abs(logits).max(axis=1)
    rounding = 8 * (size + 8) * _UNIT_ROUNDOFF * (1 + largest)
    most, factor = 1.01 * found + size * shift, np.ones(len(found))
    if isinstance(model.loss, SquaredError):
        return np.asarray((np.sqrt(2 * size * 1.01 * found) + size * shift) * shift + rounding * found)
    if isinstance(model.loss, BinaryCrossEntropy):
        return np.asarray(np.minimum(size, most) * shift + rounding * found)
    if isinstance(model.loss, LabelSmoothing):
        return np.asarray(2 * (1 + abs(model.smoothing)) * (shift + rounding))
    power = 1 + (model.loss.gamma if isinstance(model.loss, Focal) else 0)
    if isinstance(model.loss, Focal):
        most = (-np.expm1(-1.01 * CrossEntropy().value(logits, labels) - size * shift)) ** power
    if isinstance(model.loss, PickAllLabels):
        factor = model.loss.multipliers[labels]
    if isinstance(model.loss, CrossEntropy | PickAllLabels):
        most = np.where(shift < 1, 1.01 * found * np.exp(2 * np.minimum(shift, 1)), factor * most)
    return np.asarray(power * (2 * np.minimum(factor, most) * shift + rounding * found))


# ---------------------------------------------------------------------------------------------- the bias of some logits


def best_bias(model: Model, logits: Array) -> Array:
    """The bias that, added to class logits (K, K) or (M, K) without one, makes mean loss and penalty least; in floats.

    Newton's method with steps that are shortened, the more the larger the slope, and halved; for a free bias of mean 0,
    as a common shift of the logits changes no cross-entropy.
    """
    bias = np.zeros(model.num_classes)
    if not model.bias:
        return bias
    shares, loss = model.class_sizes / model.num_samples, model.weighted_loss
    labels, penalty = np.arange(len(shares)), float(model.lambda_bias)

    def value(shift: Array) -> float:
        return float(shares @ loss.value(logits + shift, labels)) + penalty * float(shift @ shift) / 2

    current = value(bias)
    for _ in range(_NEWTON_STEPS):
        slope = shares @ loss.gradient(logits + bias, labels) + penalty * bias
        bent = _bias_hessian(model, logits + bias) + np.linalg.norm(slope) / _LONGEST * np.eye(len(bias))
        step = -np.linalg.lstsq(bent, slope, rcond=1e-14)[0]
        gain, size = abs(float(slope @ step)), 1.0
        while size > 1e-9 and not (trial := value(bias + size * step)) <= current * _ROUNDED - 1e-4 * size * gain:
            size /= 2
        bias, current = bias + size * step, trial
        if size <= 1e-9 or gain <= 1e-26 * current:
            break
    return bias


def _bias_hessian(model: Model, logits: Array) -> Array:
    """The second derivative of the mean loss and penalty by the bias."""
    size, shares = model.num_classes, model.class_sizes * multipliers(model) / model.num_samples
    diagonal = float(model.lambda_bias) * np.eye(size)
    if isinstance(model.loss, SquaredError):
        return np.asarray(shares.sum() * np.eye(size) + diagonal)
    likely = class_slopes(model, logits) + _targets(model)
    if isinstance(model.loss, BinaryCrossEntropy):
        return np.asarray(np.diag(shares @ (likely * (1 - likely))) + diagonal)
    return np.asarray(np.diag(shares @ likely) - likely.T @ (shares[:, None] * likely) + diagonal)


# ------------------------------------------------------------------------------------------ classes, or sets of labels


def multipliers(model: Model) -> Array:
    """(M,) the u_k: class weights, or what the loss of a set of labels is a multiple of."""
    return model.loss.multipliers if isinstance(model.loss, PickAllLabels) else model.multipliers


def class_slopes(model: Model, logits: Array) -> Array:
    """(M, K) rows a_k: the derivatives of the losses at class logits, without the u_k."""
    slopes = model.loss.gradient(logits, np.arange(len(model.class_sizes)))
    return np.asarray(slopes / multipliers(model)[:, None]) if isinstance(model.loss, PickAllLabels) else slopes


def exact_targets(model: Model) -> Array:
    """(M, K) rows t_k in Fractions."""
    targets, common = whole_targets(model)
    return np.asarray(targets * Fraction(1, common))


def whole_targets(model: Model) -> tuple[Array, int]:
    """(M, K) rows t_k as integers over a common denominator."""
    count, size = len(model.class_sizes), model.num_classes
    if isinstance(model.loss, PickAllLabels):
        common = math.lcm(*map(len, model.loss.label_sets))
        table = np.zeros((count, size), dtype=object)
        for row, each in zip(table, model.loss.label_sets, strict=True):
            row[list(each)] = common // len(each)
        return table, common
    smoothing = Fraction(model.smoothing)
    low, common = smoothing / size, (smoothing / size).denominator
    table = np.full((count, size), low.numerator, dtype=object)
    table[np.diag_indices(size)] += int((1 - smoothing) * common)
    return table, common


def _targets(model: Model) -> Array:
    return model.loss.targets(np.arange(len(model.class_sizes)), model.num_classes)


# ------------------------------------------------------------------------------------------------- bounds by duality


@dataclass(frozen=True, eq=False)
class Dual:
    """A lower bound of the minimum over all points of all dimensions, and what proves it.

    `rows` (K, K), or (M, K) for M sets of labels, are the q_k = t_k + a_k, exactly; `steepness` is |G|_2 / lambda (with
    non-negative features the least number that is shown to do in its place) in floats at the logits that they come
    from, before it was scaled: at most 1, up to rounding, exactly at logits of a global optimum of large dimension.
    """

    model: Model
    rows: ExactMatrix
    lower: Fraction
    steepness: float


def dual_bound(model: Model, logits: Array) -> Dual | None:
    """The bound from class logits (K, K), or (M, K), of a point, bias included; None where the loss is not convex, and
    where none is found, as far from an optimum with a negative smoothing, or where floats are too coarse."""
    if not model.loss.is_convex:
        return None
    slopes = _cleaned(model, class_slopes(model, logits))
    if not np.isfinite(slopes).all():
        return None
    loss = 1.6 * _room(*slopes.shape)  # so that `is_flat` has room
    for attempt in range(_ATTEMPTS):
        drawn = _drawn(model, slopes, float(np.abs(slopes).max()) * 2.0**-60 * 16.0**attempt)
        theta = (1 - loss * 4.0**attempt) / max(1.0, _steepness(model, drawn))
        rounded = Rounded.of(model, theta * drawn)
        if rounded is not None and rounded.is_flat:
            return Dual(model, rounded.rows, rounded.lower, _steepness(model, slopes))
    return None


def dual_at(model: Model, means: Numbers) -> Dual | None:
    """The bound at means, where their logits are given the best bias: no worse than at the samples."""
    logits = means.features @ means.weights.T
    return dual_bound(model, logits + best_bias(model, logits))


def class_steepness(model: Model, logits: Array) -> float:
    """`Dual.steepness` at class logits (K, K), or (M, K), with the bias in them."""
    return _steepness(model, class_slopes(model, logits))


def _steepness(model: Model, slopes: Array) -> float:
    """|G|_2 / lambda for the columns (u_k / N) a_k, each n_k times, or the smaller of two numbers that do."""
    scale = np.sqrt(model.class_sizes) * multipliers(model) / model.num_samples
    squares = [float(np.linalg.eigvalsh(gram)[-1]) for gram in grams(model, slopes * scale[:, None])]
    return math.sqrt(max(0.0, min(squares))) / model.strength


def grams(model: Model, scaled: Array) -> list[Array]:
    """X^T X for rows x_k, and where features are not negative the max(0, <x_k, x_l>): one has to be small enough."""
    grams = [scaled.T @ scaled]
    return [*grams, np.maximum(scaled @ scaled.T, 0.0)] if model.features == "nonnegative" else grams


def _room(rows: int, size: int) -> float:
    """A multiple of the rounding errors of `Rounded.is_flat`."""
    return max(rows, size) * (max(rows, size) + 12) * _UNIT_ROUNDOFF


def _cleaned(model: Model, slopes: Array) -> Array:
    """Rows of sum 0, and with a free bias a sum over samples of 0, but for rounding."""
    if model.bias and not model.lambda_bias:
        shares = model.class_sizes * multipliers(model)
        slopes = slopes - shares @ slopes / shares.sum()
    return slopes if _is_separate(model) else _with_zero_sums(model, slopes)


def _drawn(model: Model, slopes: Array, share: float) -> Array:
    """Slopes drawn a little to the mean target s if the bias is free.

    sum_k n_k u_k (s - t_k) = 0, so that the draw keeps the sum over samples, and with it entries of q near 0 stay
    positive when that sum is made exact.
    """
    if not model.bias or model.lambda_bias or isinstance(model.loss, SquaredError):
        return slopes
    weights, targets = model.class_sizes * multipliers(model), _targets(model)
    return _cleaned(model, (1 - share) * slopes + share * (weights @ targets / weights.sum() - targets))


def _is_separate(model: Model) -> bool:
    """Whether the logits enter the loss one by one, so that rows need no sum of 0."""
    return isinstance(model.loss, SquaredError | BinaryCrossEntropy)


def _with_zero_sums(model: Model, rows: Array) -> Array:
    """The same but for the entry of the class, or of the first label of the set."""
    places = np.arange(len(rows)), _targets(model).argmax(axis=1)
    rows = rows.copy()
    rows[places] = 0
    rows[places] = -rows.sum(axis=1)
    return rows


@dataclass(frozen=True, eq=False)
class Rounded:
    """Integers a (K, K), or (M, K), over a power of two, with all that has to be exact."""

    model: Model
    integers: Array
    bits: int

    @classmethod
    def of(cls, model: Model, slopes: Array) -> "Rounded | None":
        """Rounded slopes; None where some q is not allowed."""
        free = model.bias and not model.lambda_bias
        sizes = np.abs(slopes).max(axis=1)
        least = float(sizes.min(where=sizes > 0, initial=1.0))
        cancel = _Cancel.of(model) if free else None
        bits = min(_MOST_BITS, _BITS - math.frexp(least)[1]) + (cancel.bits if cancel else 0)
        shifted = np.ldexp(slopes, 53 - np.frexp(slopes)[1]).astype(np.int64).astype(object)
        integers = _shifted(shifted, np.frexp(slopes)[1] - 53 + bits)
        if not _is_separate(model):
            integers = _with_zero_sums(model, integers)
        rounded = cls(model, cancel.applied(integers) if cancel else integers, bits)
        return rounded if rounded.is_allowed else None

    @cached_property
    def rows(self) -> ExactMatrix:
        """q = t + a."""
        return ExactMatrix.scaled(self._numerators[0], Fraction(1, self._numerators[1]))

    @cached_property
    def _numerators(self) -> tuple[Array, int]:
        """q as integers over a common denominator."""
        (targets, common), one = whole_targets(self.model), 1 << self.bits
        return np.asarray(self.integers * common + targets * one), common * one

    @property
    def is_allowed(self) -> bool:
        """Whether the conjugate is finite at all rows."""
        numerators, denominator = self._numerators
        if isinstance(self.model.loss, SquaredError):
            return True
        return bool((numerators >= 0).all() and (numerators <= denominator).all())

    @cached_property
    def floats(self) -> Array:
        """a, each entry rounded once."""
        return _quotients(self.integers, 1 << self.bits)

    @property
    def is_flat(self) -> bool:
        """Whether |G|_2 <= lambda, or what may take its place, is shown.

        With X = (n_k^(1/2) u_k a_k) / (N lambda) of rows k, I - X^T X is computed up to e = (M + 12) u |X|_F^2 <= (M +
        12) u K, M rows of K entries, and a factorization of (1 - t) I - X^T X that comes to its end is exact for a
        matrix off by at most (K + 2) u K: with t = (2 L + 14) u L, L = max(M, K), and a margin, I - X^T X is positive
        semidefinite. So it is with X X^T and K and M exchanged; what is negative there, and set to 0, is off by less.
        """
        scale = np.sqrt(self.model.class_sizes) * multipliers(self.model)
        scaled = self.floats * (scale / (self.model.num_samples * self.model.strength))[:, None]
        level = 1 - 2.5 * _room(*scaled.shape)
        return any(_is_definite(level * np.eye(len(gram)) - gram) for gram in grams(self.model, scaled))

    @property
    def lower(self) -> Fraction:
        """The bound."""
        exact = [size * weight / self.model.num_samples for size, weight in _exact_shares(self.model)]
        if isinstance(self.model.loss, SquaredError):
            total = sum((s * x for s, x in zip(exact, self._squared, strict=True)), Fraction(0))
        else:
            entropies = self._entropies
            total = Fraction(math.fsum(entropies * np.array(exact, dtype=np.float64)))
            total *= 1 - Fraction(4 * (self.model.num_classes + 16)) * Fraction(_UNIT_ROUNDOFF)
            total -= Fraction(_TINY)
        return total - self._bias_cost(exact)

    @property
    def _squared(self) -> list[Fraction]:
        """-|a|^2 / 2 - <a, t> for every row, t = e_k."""
        squares, unit = (self.integers**2).sum(axis=1), Fraction(1, 1 << self.bits)
        own = np.diagonal(self.integers)  # K classes
        return [-int(s) * unit * unit / 2 - int(a) * unit for s, a in zip(squares, own, strict=True)]

    @property
    def _entropies(self) -> Array:
        """Of every row, in floats, off by less than 4 (K + 16) u relatively: all terms are positive."""
        numerators, denominator = self._numerators
        rows, rest = _quotients(numerators, denominator), _quotients(denominator - numerators, denominator)
        terms = _times_log(rows, rest)
        if isinstance(self.model.loss, BinaryCrossEntropy):
            terms += _times_log(rest, rows)
        return np.asarray(terms.sum(axis=1))

    def _bias_cost(self, shares: list[Fraction]) -> Fraction:
        """|sum g|^2 / (2 lambda_b), from above."""
        if not self.model.lambda_bias:
            return Fraction(0)
        weights = np.array([int(share * _denominator(shares)) for share in shares], dtype=object)
        total = (self.integers * weights[:, None]).sum(axis=0)
        square = Fraction(int((total**2).sum()), (_denominator(shares) << self.bits) ** 2)
        return square / (2 * self.model.lambda_bias)


def _is_definite(matrix: Array) -> bool:
    """Whether Cholesky's factorization in floats comes to its end."""
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


def _denominator(shares: list[Fraction]) -> int:
    return math.lcm(*(share.denominator for share in shares))


def _exact_shares(model: Model) -> list[tuple[int, Fraction]]:
    """n_k and u_k."""
    return [(int(n), Fraction(float(u))) for n, u in zip(model.class_sizes, multipliers(model), strict=True)]


def _quotients(numerators: Array, denominator: int) -> Array:
    """Integers over one, each quotient rounded once."""
    return np.asarray((numerators / denominator).astype(np.float64))


def _times_log(x: Array, rest: Array) -> Array:
    """-x log x, where 1 - x is known too; 0 at 0."""
    near = x > 0.5
    logs = np.log(np.where(near | (x == 0), 1.0, x)) + np.log1p(np.where(near, -rest, 0.0))
    return np.asarray(-x * logs)


def _shifted(integers: Array, shifts: Array) -> Array:
    """Integers times powers of two, rounded toward 0."""
    signs, sizes, places = np.sign(integers), np.abs(integers), shifts.astype(object)
    left, right = np.maximum(places, 0), np.maximum(-places, 0)
    return np.asarray(((sizes << left) >> right) * signs)


# -------------------------------------------------------------------------------- sums over samples that vanish exactly


@dataclass(frozen=True, eq=False)
class _Cancel:
    """Integer shares in the proportions of n_k u_k, without a common divisor, and c_k with sum_k c_k share_k = 1."""

    shares: list[int]
    coefficients: list[int]

    @classmethod
    def of(cls, model: Model) -> "_Cancel":
        exact = [size * weight for size, weight in _exact_shares(model)]
        common = [int(share * _denominator(exact)) for share in exact]
        shares = [share // math.gcd(*common) for share in common]
        return cls(shares, _bezout(shares))

    @property
    def bits(self) -> int:
        """By how many bits the shares and coefficients enlarge a rounding error."""
        return (
            max(self.shares).bit_length()
            + max(map(abs, self.coefficients)).bit_length()
            + len(self.shares).bit_length()
        )

    def applied(self, integers: Array) -> Array:
        """The rows less what makes their sum over samples 0; the sum of each row stays.

        All rows take the mean, rounded; of what is then left, less than K shares, each its multiple.
        """
        mean = self._total(integers) // sum(self.shares)
        mean[0] -= mean.sum() - self._total(integers).sum() // sum(self.shares)
        rest = integers - mean
        return np.asarray(rest - np.outer(np.array(self.coefficients, dtype=object), self._total(rest)))

    def _total(self, integers: Array) -> Array:
        return np.asarray((integers * np.array(self.shares, dtype=object)[:, None]).sum(axis=0))


def _bezout(numbers: list[int]) -> list[int]:
    """Integers c_k with sum c_k x_k = 1, for positive x_k without a common divisor; most of them 0."""
    divisor, found = numbers[0], [1] + [0] * (len(numbers) - 1)
    for k, number in enumerate(numbers[1:], 1):
        common = math.gcd(divisor, number)
        if common < divisor:
            factor = pow(divisor // common, -1, number // common)
            found = [factor * c for c in found]
            found[k] = (common - factor * divisor) // number
            divisor = common
    return found
