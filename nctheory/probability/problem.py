"""The error probability as Gaussian half-spaces, for all files of this folder.

Given class c, the decoder is wrong where <a_cj, z> >= t_cj for some rival j, with z standard normal, a unit normal a_cj
along w_j - w_c and t_cj = m_cj / (sigma |w_j - w_c|) for the margin m_cj. Ties count as errors, so equal rows, where
there is no normal, have t = -inf (certainly wrong) for m_cj <= 0 and t = +inf (certainly right) for m_cj > 0.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from scipy import special

from nctheory.arrays import Array, as_fraction, freeze, real_array
from nctheory.channel.pairs import covariance_array
from nctheory.channel.thresholds import FormDistances, Pairs
from nctheory.configuration import Configuration, as_configuration
from nctheory.errors import InputError
from nctheory.exact import ExactMatrix, InnerProducts
from nctheory.gaussian_floats import ColoredThresholds, WhiteThresholds
from nctheory.gaussian_logs import log_sums
from nctheory.gaussian_rows import integer_rows, leaves_out, nearly_lost, span, spread, to_floats, whitening

__all__ = ["Problem"]

_BLOCK = 1 << 20  # thresholds held at once
_SMALL = 1 << 22  # thresholds kept
_EXACT_WORK = 1 << 31  # products that exact thresholds may take; beyond, only those that floats get wrong are exact
_EXACT_FORMS = 1 << 26  # the same under a covariance, in integers
_EXACT_ROWS = 1 << 25  # products of long integers that rows may take
_FARTHER = 10.0  # a half-space whose squared threshold is larger than the least by this squared adds nothing
_LEFT_OUT = 1e-9  # the share of a difference of two rows that fewer coordinates may leave out
_UNIT_ROUNDOFF = 2.0**-53
_ROUNDED = 4 * _UNIT_ROUNDOFF  # the relative error of a threshold from exact margins and lengths
_LOOSE = 1e-10  # the error, relative to 1 + |t|, from which on floats are not good enough for a threshold
_CLOSE = 1e-3  # rows this near, relatively, are subtracted before they are rotated
_SUM = Fraction(1, 10**9)  # how far from 1 priors may add up
_COVARIANCE = 1e-12  # how far from symmetric and positive semidefinite a covariance may be, relatively


# ---------------------------------------------------------------------------------------------------- what is given


def _checked_noise(noise: Any) -> Fraction:
    try:
        sigma = as_fraction(noise, "noise")
    except InputError:
        sigma = Fraction(0)
    if sigma <= 0 or not 0 < _float(sigma) < math.inf:
        raise InputError(f"noise is {noise!r}, expected a positive, finite standard deviation per coordinate")
    return sigma


def _float(number: Fraction) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _checked_priors(priors: Any, num_classes: int) -> tuple[Fraction, ...]:
    """Class probabilities that add up to exactly 1, the same for all where none are given."""
    if priors is None:
        return (Fraction(1, num_classes),) * num_classes
    array = real_array(priors, "priors", 1)
    if len(array) != num_classes:
        raise InputError(f"priors has shape {array.shape}, expected ({num_classes},) to match class_means")
    if (array < 0).any():
        first = int(np.argmax(array < 0))
        raise InputError(f"priors[{first}] is {array[first]}, expected probabilities that are not negative")
    exact = [as_fraction(entry, "priors") for entry in array]
    total = sum(exact, Fraction(0))
    if abs(total - 1) > _SUM:
        raise InputError(f"priors add up to {float(total)}, expected 1 (to within 1e-9)")
    return tuple(entry / total for entry in exact)


def _checked_covariances(value: Any, configuration: Configuration) -> tuple[Array, ...]:
    """No covariance, one for all classes, or one for each."""
    if value is None:
        return ()
    array, several = covariance_array(value, configuration)
    if not several:
        return (_checked_covariance(array[0], "noise_covariance"),)
    return tuple(_checked_covariance(part, f"noise_covariance[{c}]") for c, part in enumerate(array))


def _checked_covariance(matrix: Array, name: str) -> Array:
    rounded = matrix.astype(np.float64)
    size = float(np.abs(rounded).max())
    differences = np.abs(rounded - rounded.T)
    if differences.max() > _COVARIANCE * size:
        i, j = np.unravel_index(np.argmax(differences), matrix.shape)
        raise InputError(f"{name} is not symmetric: entry ({i}, {j}) is {matrix[i, j]}, ({j}, {i}) is {matrix[j, i]}")
    if size == 0:
        return matrix
    least = float(np.linalg.eigvalsh((rounded + rounded.T) / (2 * size))[0]) * size
    if least < -_COVARIANCE * size * len(matrix):
        raise InputError(f"{name} has the eigenvalue {least:.6g}, expected a positive semidefinite matrix")
    return matrix


# ------------------------------------------------------------------------------------------------------ the problem


@dataclass(frozen=True, eq=False)
class Problem:
    """What every estimator of an error probability is given: half-spaces of a standard normal z, and priors.

    `exact_noise` and `exact_priors` are what was meant; `covariances` are none (white noise), one for all classes or K,
    of shape (d, d), and the noise of class c is sigma times a normal of that covariance.
    """

    configuration: Configuration
    exact_noise: Fraction
    exact_priors: tuple[Fraction, ...]
    covariances: tuple[Array, ...]

    @classmethod
    def of(cls, configuration: Any, noise: Any, priors: Any = None, noise_covariance: Any = None) -> "Problem":
        """The problem of a Configuration, or of bare class means with the nearest-mean decoder."""
        configuration = as_configuration(configuration)
        chances = _checked_priors(priors, configuration.num_classes)
        return cls(configuration, _checked_noise(noise), chances, _checked_covariances(noise_covariance, configuration))

    @property
    def num_classes(self) -> int:
        """K."""
        return self.configuration.num_classes

    @property
    def shared(self) -> bool:
        """Whether all classes have the same reduced rows: not where each has a covariance of its own."""
        return len(self.covariances) <= 1

    @cached_property
    def noise(self) -> float:
        """The standard deviation per coordinate, in floats."""
        return float(self.exact_noise)

    @cached_property
    def priors(self) -> Array:
        """(K,) class probabilities, in floats."""
        return freeze(np.array([float(chance) for chance in self.exact_priors]))

    @cached_property
    def log_priors(self) -> Array:
        """(K,), -inf for a class that never occurs."""
        with np.errstate(divide="ignore"):
            return freeze(np.log(self.priors))

    # ---------------------------------------------------------------------------------------------------- geometry

    @cached_property
    def _exact_weights(self) -> ExactMatrix | None:
        """(K, d) decoder rows, where some number given is not a float and they have coordinates."""
        configuration = self.configuration
        if configuration.is_float or not configuration.has_coordinates:
            return None
        return configuration.exact_weights if configuration.decoder == "linear" else configuration.exact

    @cached_property
    def scale_power(self) -> int:
        """Float rows are divided by 2 to this power, which makes their largest difference of order 1."""
        weights, exact = self.configuration.weights, self._exact_weights
        if exact is not None:
            return spread(exact.integers - exact.integers[0]) + exact.exponent - exact.denominator.bit_length()
        with np.errstate(over="ignore"):
            size = float(np.abs(weights - weights[0]).max())
        return int(np.frexp(size)[1]) if size < math.inf else int(np.frexp(np.abs(weights).max())[1]) + 1

    def _apart(self, rows: Any, point: Array) -> Array:
        """Some decoder rows less a point (or each less its own), scaled, each entry rounded once."""
        weights = self.configuration.weights
        with np.errstate(over="ignore"):
            result = weights[rows] - point
        if np.isfinite(result).all():
            return np.asarray(np.ldexp(result, -self.scale_power, out=result))
        return np.asarray(np.ldexp(weights[rows], -self.scale_power) - np.ldexp(point, -self.scale_power))

    @cached_property
    def _center(self) -> Array:
        """(d,) about the mean of the decoder rows: their own number where all agree, 0 where it would overflow."""
        first = self.configuration.weights[0]
        with np.errstate(over="ignore"):
            center = first + np.ldexp(self._apart(slice(None), first).mean(axis=0), self.scale_power)
        return center if np.isfinite(center).all() else np.zeros_like(center)

    def _scaled(self, integers: Array, exact: ExactMatrix) -> Array:
        """Integers in K-ths of the unit of an exact matrix, as scaled floats."""
        unit = exact.unit / self.num_classes / Fraction(2) ** self.scale_power
        return ExactMatrix.scaled(integers, unit).floats()

    def centered(self) -> Array:
        """(K, d) scaled decoder rows less about their mean, which comes off before exact numbers become floats."""
        if (exact := self._exact_weights) is not None:
            return self._scaled(exact.integers * self.num_classes - exact.integers.sum(axis=0), exact)
        return self._apart(slice(None), self._center)

    def _leaves_out(self, basis: Array, share: float) -> bool:
        rows, weights = self.centered(), self.configuration.weights
        if self._exact_weights is not None:
            return leaves_out(rows, lambda i, j: np.asarray(rows[j] - rows[i]), basis, share)
        return leaves_out(rows, lambda i, j: self._apart(j, weights[i]), basis, share)

    @cached_property
    def _basis(self) -> Array | None:
        """(d, r) columns in which all differences of decoder rows are; None where that would leave out any."""
        basis = span(self.centered())
        return None if basis is None or self._leaves_out(basis, _LEFT_OUT) else basis

    def is_faithful(self, share: float) -> bool:
        """Whether the reduced rows surely leave out less than such a share of the difference of any two rows."""
        if self._has_integer_rows:
            return True
        if self.covariances or not self.configuration.is_float:
            return False
        return self._basis is None or not self._leaves_out(self._basis, share)

    @cached_property
    def _maps(self) -> list[Array | None]:
        """For each covariance what takes a difference of rows to coordinates with white noise; None: nothing to do."""
        if not self.covariances:
            return [self._basis]
        return [whitening(covariance.astype(np.float64), self._basis) for covariance in self.covariances]

    @property
    def has_form(self) -> bool:
        """Whether the exact inner products of the decoder rows are at hand, or better than floats and cheap."""
        return not self.configuration.has_coordinates or self._has_integer_rows

    def _index(self, c: int) -> int:
        return 0 if self.shared else c

    @property
    def _has_integer_rows(self) -> bool:
        """Whether floats would lose digits, and integers are few enough.

        Under a covariance rounding is relative to its largest eigenvalue, and that of exact numbers to their size.
        """
        configuration = self.configuration
        classes, dimension = configuration.num_classes, configuration.dimension
        count = max(1, len(self.covariances))
        few = classes * min(classes, dimension) ** 2 * count <= _EXACT_ROWS
        few = few and classes**2 * dimension * count <= _EXACT_FORMS and self._is_cheap
        return few and (bool(self.covariances) or not configuration.is_float)

    def _integers(self, c: int) -> tuple[Array, Array, int]:
        """The reduced rows and the origin of class c in integers, and the bits of the largest row."""
        key = "integer rows", self._index(c)
        if key not in self.kept:
            rows, origin = integer_rows(self.form(c).integers)
            self.kept[key] = rows, origin, spread(rows)
        found: tuple[Array, Array, int] = self.kept[key]
        return found

    @cached_property
    def _shared_rows(self) -> Array:
        return self._reduced(0)

    def _reduced(self, c: int) -> Array:
        if self._has_integer_rows:
            integers, _, bits = self._integers(c)
            rows = to_floats(integers, bits)
        else:
            mapping, rows = self._maps[self._index(c)], self.centered()
            if mapping is not None:
                images = rows @ mapping
                if self.covariances:
                    self._check_directions(c, rows, images)
                rows = images
        rows.setflags(write=False)
        return rows

    def _check_directions(self, c: int, rows: Array, images: Array) -> None:
        """Refuse a covariance of which rounding hides the direction of a half-space that counts."""
        classes = np.arange(self.num_classes) if self.shared else np.array([c])
        norm = float(np.linalg.norm(self.covariances[self._index(c)].astype(np.float64), 2))
        i, j = nearly_lost(rows, images, norm, classes)
        for first in np.unique(i):
            thresholds = self.thresholds(int(first))
            counts = np.hypot(max(float(thresholds.min()), 0.0), _FARTHER)
            if hidden := [int(k) for k in j[i == first] if -math.inf < thresholds[k] <= counts]:
                raise InputError(
                    f"noise_covariance has next to no noise between the decoder rows {first} and {hidden[0]}, too "
                    f"little for floats to tell its direction, and {self.num_classes} classes are too many for integers"
                )

    def rows(self, c: int = 0) -> Array:
        """(K, r) centered decoder rows V in the coordinates of z (those of class c): a_cj is along V_j - V_c."""
        return self._shared_rows if self.shared else self._reduced(c)

    def rank(self, c: int = 0) -> int:
        """The number of coordinates of z given class c, at least 1."""
        if self._has_integer_rows:
            return int(self._integers(c)[0].shape[1])
        mapping = self._maps[self._index(c)]
        return self.configuration.dimension if mapping is None else int(mapping.shape[1])

    def origin(self, c: int = 0) -> Array:
        """(r,) where a decoder row of zeros would be among the reduced rows, or its projection; perhaps infinite."""
        if self._has_integer_rows:
            _, origin, bits = self._integers(c)
            return to_floats(origin, bits)
        mapping, exact = self._maps[self._index(c)], self._exact_weights
        with np.errstate(all="ignore"):
            if exact is not None:
                center = self._scaled(exact.integers.sum(axis=0), exact)
            else:
                center = np.ldexp(self._center, -self.scale_power)
            return np.asarray(-center if mapping is None else -center @ mapping)

    @cached_property
    def kept(self) -> dict[Any, Any]:
        """What has been found out about this problem, for whoever needs it again; keys of two parts: at any noise."""
        return {}

    def geometry(self) -> dict[str, Any]:
        """The attributes that do not depend on the noise, for a problem of the same rows at another one."""
        names = ["scale_power", "_exact_weights"] if self._has_integer_rows else ["scale_power", "_basis", "_maps"]
        known = {name: getattr(self, name) for name in names + ["_shared_rows"] * self.shared}
        return known | {"kept": {key: value for key, value in self.kept.items() if isinstance(key, tuple)}}

    def differences(self, c: int, rivals: Any = None) -> Array:
        """(n, r) V_j - V_c for the rivals j (all classes where left out), without cancellation."""
        rivals = np.arange(self.num_classes) if rivals is None else np.asarray(rivals)
        if self.configuration.is_float and not self.covariances and self._basis is None:
            return self._apart(rivals, self.configuration.weights[c])
        rows = self.rows(c)
        result = np.asarray(rows[rivals] - rows[c])
        close = np.flatnonzero((np.abs(result) < _CLOSE).all(axis=1) | (rows.shape[1] <= 2))
        if self._has_integer_rows:
            integers, _, bits = self._integers(c)
            result[close] = to_floats(integers[rivals[close]] - integers[c], bits)
        elif self.configuration.is_float and (mapping := self._maps[self._index(c)]) is not None:
            result[close] = self._apart(rivals[close], self.configuration.weights[c]) @ mapping
        return result

    def normals(self, c: int, rivals: Any = None) -> Array:
        """(n, r) unit normals a_cj for the rivals j (all classes where left out); zeros where the rows are equal."""
        result = self.differences(c, rivals)
        result /= np.maximum(np.abs(result).max(axis=1, keepdims=True), 5e-324)
        lengths = np.linalg.norm(result, axis=1, keepdims=True)
        return np.asarray(result / np.where(lengths == 0, 1, lengths))

    # -------------------------------------------------------------------------------------------------- thresholds

    def thresholds(self, classes: Any) -> Array:
        """t_cj for one class c, shape (K,), or for an array of n classes, shape (n, K); +inf at j = c."""
        return self.thresholds_and_errors(classes)[0]

    def threshold_intervals(self, classes: Any) -> tuple[Array, Array]:
        """Thresholds less and plus their errors."""
        thresholds, errors = self.thresholds_and_errors(classes)
        return thresholds - errors, thresholds + errors

    def class_blocks(self) -> list[Array]:
        """All classes, in blocks whose thresholds fit into memory."""
        return np.array_split(np.arange(self.num_classes), max(1, self.num_classes**2 // _BLOCK))

    def blocks(self) -> Iterator[tuple[Array, Array]]:
        """All classes in turn, some at a time, with their thresholds (n, K)."""
        for classes in self.class_blocks():
            yield classes, self.thresholds(classes)

    @property
    def log_unions(self) -> Array:
        """(K,) logarithms of the union bounds sum_j P(<a_cj, z> >= t_cj), which may be above 0."""
        return self._unions[0]

    @property
    def union_error(self) -> float:
        """What errors of thresholds in floats do to a union bound at most, relatively: 0 where they are exact."""
        return math.expm1(float(self._unions[1].max()))

    @cached_property
    def _unions(self) -> tuple[Array, Array]:
        logs, excesses = zip(*map(self._union, self.class_blocks()), strict=True)
        return freeze(np.concatenate(logs)), freeze(np.concatenate(excesses))

    def _union(self, classes: Array) -> tuple[Array, Array]:
        """Logarithms of the union bounds of some classes, and how far above them they may be: (log Q)' >= -1 - |t|."""
        thresholds, errors = self.thresholds_and_errors(classes)
        tails = special.log_ndtr(-thresholds)
        logs = log_sums(tails)
        if self._fast is None:
            return logs, np.zeros(len(classes))
        with np.errstate(invalid="ignore", over="ignore"):
            tails += np.where(tails > -math.inf, errors * (1 + np.abs(thresholds) + errors), 0)
            return logs, np.where(logs > -math.inf, log_sums(tails) - logs, 0)

    @property
    def log_union(self) -> float:
        """The logarithm of the union bound, weighted by the priors; it may be above 0."""
        return float(log_sums(self.log_priors + self.log_unions))

    def thresholds_and_errors(self, classes: Any) -> tuple[Array, Array]:
        """Both at once."""
        if self.num_classes**2 <= _SMALL:
            return self._table[0][classes], self._table[1][classes]
        if np.ndim(classes):
            return self._compute(np.asarray(classes))
        thresholds, errors = self._compute(np.array([classes]))
        return thresholds[0], errors[0]

    @cached_property
    def _table(self) -> tuple[Array, Array]:
        thresholds, errors = self._compute(np.arange(self.num_classes))
        return freeze(thresholds), freeze(errors)

    def _compute(self, classes: Array) -> tuple[Array, Array]:
        """Thresholds and their errors: exact where that is cheap, else in floats and exact where those fail."""
        shape = (len(classes), self.num_classes)
        thresholds, errors = np.full(shape, math.inf), np.zeros(shape)
        open_pairs = np.arange(self.num_classes) != classes[:, None]
        if self._fast is not None:
            thresholds, errors = self._fast(classes)
            thresholds[~open_pairs], errors[~open_pairs] = math.inf, 0
            open_pairs &= ~(np.isfinite(thresholds) & (errors <= _LOOSE * (1 + np.abs(thresholds))))
        where = np.flatnonzero(open_pairs)
        for start in range(0, len(where), _BLOCK):
            part = where[start : start + _BLOCK]
            row, j = np.unravel_index(part, shape)
            values = self.pairs(classes[row], j).thresholds()
            thresholds.flat[part] = values
            errors.flat[part] = np.where(np.isinf(values), 0, _ROUNDED * np.abs(values) + 5e-324)
        return thresholds, errors

    @property
    def _is_cheap(self) -> bool:
        """Whether exact thresholds cost little."""
        pairs, count = self.num_classes**2, max(1, len(self.covariances))
        if self.covariances:  # integers are kept for each pair, and for each covariance
            return pairs <= _SMALL and pairs * max(self.configuration.dimension, 16) * count <= _EXACT_FORMS
        return pairs <= _SMALL and pairs * self.configuration.dimension <= _EXACT_WORK

    @cached_property
    def _fast(self) -> WhiteThresholds | ColoredThresholds | None:
        """Thresholds in floats; None where exact ones cost little, or where what was given is not all floats."""
        if self._is_cheap or not self.configuration.is_float:
            return None
        white = Problem(self.configuration, self.exact_noise, self.exact_priors, ()) if self.covariances else self
        full = white.rank() == self.configuration.dimension
        rows = white.rows() if full else white.centered()
        found = WhiteThresholds(self.configuration, self.noise, rows, self.scale_power)
        return ColoredThresholds(found, self.covariances) if self.covariances else found

    # ------------------------------------------------------------------------------------------- exact thresholds

    def pairs(self, i: Any, j: Any) -> Pairs:
        """The exact numbers behind the thresholds of some ordered pairs (true class, rival)."""
        i, j, lengths = np.asarray(i), np.asarray(j), None
        if self.covariances or not self.configuration.has_coordinates:
            which = np.zeros_like(i) if self.shared else i
            classes = [0] if self.shared else np.unique(i).tolist()
            lengths = FormDistances({c: self.form(c) for c in classes}, which, i, j)
        return Pairs(self.configuration, self.exact_noise, i, j, lengths)

    def form(self, c: int = 0) -> ExactMatrix:
        """(K, K) <w_i, Sigma_c w_j> exactly."""
        key = "form", 0 if self.shared else c
        if key not in self.kept:
            self.kept[key] = self._form(key[1])
        form: ExactMatrix = self.kept[key]
        return form

    def _form(self, index: int) -> ExactMatrix:
        configuration = self.configuration
        if not configuration.has_coordinates:
            return configuration.exact
        linear = configuration.decoder == "linear"
        rows = configuration.linear_weights if linear else configuration.stored_means
        left = rows
        if self.covariances:
            covariance = self.covariances[index]
            exact = ExactMatrix.of(covariance)
            symmetric = ExactMatrix.scaled(exact.integers + exact.integers.T, exact.unit / 2)
            left = _products(rows, symmetric)
        return _products(left, rows)


def _products(left: Array | ExactMatrix, right: Array | ExactMatrix) -> ExactMatrix:
    """The inner products of all rows, exactly."""
    products = InnerProducts(left, right)
    shape = tuple(len(part.integers) if isinstance(part, ExactMatrix) else len(part) for part in (left, right))
    indices = np.indices(shape).reshape(2, -1)
    return ExactMatrix.scaled(products.take(*indices).reshape(shape), products.unit)
