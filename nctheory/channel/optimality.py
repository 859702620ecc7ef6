"""What exponent is possible, whether a configuration has it, and what stands in its way."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from nctheory.arrays import Array, as_fraction, freeze, positive_integer
from nctheory.channel.pairs import AttainingPairs, exponent, sizes
from nctheory.configuration import Configuration, as_configuration
from nctheory.constructions import exact_simplex_etf, orthoplex, simplex_etf
from nctheory.errors import InputError
from nctheory.result import Certificate, End, Result, Status
from nctheory.spherical_code import Energy, checked_energy, search, spread

__all__ = ["Gap", "Shares", "certify", "optimum"]

_LARGEST = np.finfo(float).max / 4  # of a norm, so that no coordinate overflows
_RATIO_BITS = 64  # to which the factor in an improvement's claim is rounded, upward


# ------------------------------------------------------------------------------------------------ what is possible


@dataclass(frozen=True)
class _Bound:
    """A bound on exponent / energy for every configuration of these sizes, its theorem, and whether it is attained."""

    value: Fraction
    theorem: str
    attained: bool


def _universal_bound(num_classes: int, dimension: int, energy: Energy) -> _Bound:
    """The best of: points on a line (d = 1), Rankin (K >= d + 2, not under average energy), the simplex bound."""
    if dimension == 1 and num_classes > 2:
        line = {
            "bounded": Fraction(1, 2 * (num_classes - 1) ** 2),
            "equal": Fraction(0),
            "average": Fraction(3, 2 * (num_classes**2 - 1)),
        }
        return _Bound(line[energy], "line", True)
    if num_classes >= dimension + 2 and energy != "average":
        return _Bound(Fraction(1, 4), "rankin", num_classes <= 2 * dimension)
    return _Bound(Fraction(num_classes, 4 * (num_classes - 1)), "simplex", dimension >= num_classes - 1)


def optimum(num_classes: int, dimension: int | None = None, *, energy: Energy = "bounded") -> Result[None]:
    """The largest exponent of any K class means in dimension d with any linear decoder, and means that attain it.

    Formula:
        K/(4(K-1)) for K <= d+1 (simplex ETF). For d+2 <= K <= 2d, bounded or equal energy: 1/4 (Rankin; a part of the
        orthoplex). On a line, K >= 3: 1/(2(K-1)^2) bounded, 3/(2(K^2-1)) average, 0 equal energy. Otherwise a bracket:
        what a numerical search attains, evaluated exactly, and the smallest bound above that holds.
    Args:
        num_classes: K >= 1.
        dimension: d >= 1, K - 1 by default (1 for one class).
        energy: "bounded" (|mu_c|^2 <= 1), "equal" (|mu_c|^2 = 1) or "average" (mean of |mu_c|^2 <= 1).
    Assumes:
        Noise covariance sigma^2 I. No decoder of any kind does better than these linear ones.
    Returns:
        Result; status optimal with lower = upper, or undecided with the bracket. Under equal energy the lower end is
        that of the attaining means after each is scaled to norm 1. `verify()` re-checks the upper end, and where the
        status is optimal that it is attained; `exponent(result.configuration)` certifies the lower end.
    Raises:
        InputError: sizes that are no positive integers, an unknown energy.
    Reference:
        balakrishnan1961 (simplex, as the noise vanishes); rankin1955 (more classes); proofs in `kernel._universal`.
    Example:
        >>> from nctheory import channel
        >>> channel.optimum(10, 9).exact, channel.optimum(10, 5).exact
        (5/18, 1/4)
        >>> print(channel.optimum(7, 2).status)
        undecided
    """
    num_classes = positive_integer(num_classes, "num_classes")
    dimension = positive_integer(max(1, num_classes - 1) if dimension is None else dimension, "dimension")
    checked_energy(energy)
    if num_classes == 1:
        means = Configuration(np.eye(1, dimension))
        return Result(math.inf, math.inf, None, Status.OPTIMAL, reason="one class", build_configuration=lambda: means)
    bound = _universal_bound(num_classes, dimension, energy)
    if bound.attained:
        return Result(
            lower=bound.value,
            upper=bound.value,
            details=None,
            status=Status.OPTIMAL,
            reason=f"attained, by the {bound.theorem} theorem",
            build_configuration=lambda: _attaining(num_classes, dimension, energy, bound.theorem),
            build_certificate=lambda: _bound_certificate(num_classes, dimension, energy, bound),
        )
    best = Configuration(search(num_classes, dimension, energy=energy))
    lower = _feasible_exponent(_measured(best, energy))
    return Result(
        lower=lower,
        upper=bound.value,
        details=None,
        status=Status.UNDECIDED,
        gap=1 - lower / bound.value,
        reason=f"above is the {bound.theorem} bound, not attained; a better bound or configuration would decide",
        build_configuration=lambda: best,
        build_certificate=lambda: _bound_certificate(num_classes, dimension, energy, bound),
    )


def _bound_certificate(num_classes: int, dimension: int, energy: Energy, bound: _Bound) -> Certificate:
    claim = {
        "kind": "universal_bound",
        "num_classes": num_classes,
        "dimension": dimension,
        "noise_covariance": "identity",
        "energy": energy,
        "bound": bound.value,
        "attained": bound.attained,
    }
    return Certificate(claim, {"theorem": bound.theorem})


def _attaining(num_classes: int, dimension: int, energy: Energy, theorem: str) -> Configuration:
    """Exactly attaining: the simplex ETF by its Gram matrix, the orthoplex, or equally spaced points."""
    if theorem == "simplex":
        return exact_simplex_etf(num_classes, dimension)
    if theorem == "rankin":
        return Configuration(orthoplex(num_classes, dimension))
    spaced = [Fraction(2 * k - (num_classes - 1), num_classes - 1) for k in range(num_classes)]
    if energy == "equal":
        spaced = [Fraction((-1) ** k) for k in range(num_classes)]
    if energy == "average":  # the exact scale is irrational; any scale attains
        scale = Fraction(math.sqrt(3 * (num_classes - 1) / (num_classes + 1)))
        spaced = [scale * x for x in spaced]
    return Configuration([[x] for x in spaced])


def _feasible_exponent(point: "_Measured") -> Fraction:
    """A value of exponent / energy that is attained: under equal energy, by the means scaled to norm 1 each.

    With 8 beta <= |x - y|^2 and squared norms between m and M: 1 - cos(x, y) = (|x - y|^2 - (|x| - |y|)^2) /
    (2 |x| |y|) >= (8 beta - (M - m)^2 / (4 m)) / (2 M), as | |x| - |y| | <= (M - m) / (2 sqrt m).
    """
    low, high = min(point.squares), max(point.squares)
    if point.energy != "equal" or low == high:
        return point.normalized
    return max(Fraction(0), point.value - (high - low) ** 2 / (32 * low)) / high if low else Fraction(0)


# ------------------------------------------------------------------------------------- is this configuration optimal


@dataclass(frozen=True)
class Shares:
    """The gap E K/(4(K-1)) - beta of a configuration to the simplex bound, taken apart into shares that add up to it.

    With beta_ML = dist^2 / 8 for the smallest distance dist between class means: `decoder` = beta_ML - beta;
    `short_classes` (K,) = (E - |mu_c|^2) / (4(K-1)); `off_center` = |sum mu_c|^2 / (4K(K-1)); `uneven_distances` =
    sum_{i<j} (|mu_i - mu_j|^2 - dist^2) / (4K(K-1)). None is negative, but the entries of `short_classes` have either
    sign under average energy, where they add up to 0.
    """

    decoder: Fraction
    short_classes: tuple[Fraction, ...]
    off_center: Fraction
    uneven_distances: Fraction

    @property
    def total(self) -> Fraction:
        """The whole gap to the simplex bound, in the units of the exponent."""
        return self.decoder + sum(self.short_classes, Fraction(0)) + self.off_center + self.uneven_distances


@dataclass(frozen=True)
class Gap:
    """What `certify` knows: exponent, energy, bound on the optimum, the shares of the gap, and a better configuration.

    `closest` (P, 2) are the pairs i < j of class means at the smallest distance. `improvement` is the certificate of
    the claim that `better` beats the given configuration.
    """

    exponent: Result[AttainingPairs]
    energy: Fraction
    bound: Fraction
    theorem: str
    shares: Shares
    closest: Int[Array, "P 2"]
    better: Configuration | None
    improvement: Certificate | None

    @property
    def parts(self) -> dict[str, Fraction]:
        """The gap energy * bound - exponent by what causes it; none is negative.

        Under the simplex bound these are the shares, else what nearest mean would gain and what other means would.
        """
        shares = self.shares
        if self.theorem != "simplex":
            gap = self.energy * self.bound - Fraction(self.exponent.lower)
            return {"decoder": shares.decoder, "class_means": gap - shares.decoder}
        return {
            "decoder": shares.decoder,
            "short_classes": sum(shares.short_classes, Fraction(0)),
            "off_center": shares.off_center,
            "uneven_distances": shares.uneven_distances,
        }

    def largest_part(self) -> tuple[str, Fraction]:
        """The name of the largest part, and what share of the gap it is (0 where there is no gap)."""
        parts = self.parts
        name, gap = max(parts, key=lambda part: parts[part]), sum(parts.values(), Fraction(0))
        return name, parts[name] / gap if gap else Fraction(0)


def certify(configuration: Any, *, energy: Energy = "bounded", tolerance: float = 1e-9) -> Result[Gap]:
    """How far a configuration is from optimal in the Gaussian channel, exactly, with a better one where there is one.

    Formula:
        ratio = exponent / (energy * optimum), in [0, 1]. Scaling the class means and the bias by t multiplies exponent
        and energy by t^2, so the ratio compares after exact scaling to energy 1. The gap is explained by
        4K(K-1)(E K/(4(K-1)) - dist^2/8) = K sum(E - |mu_c|^2) + |sum mu_c|^2 + sum_{i<j}(|mu_i - mu_j|^2 - dist^2).
    Args:
        configuration: a Configuration, or bare class means (K, d) for the nearest-mean decoder.
        energy: "bounded" (E the largest |mu_c|^2), "average" (their mean) or "equal" (the largest; the norms must agree
            within the tolerance).
        tolerance: relative gap up to which the status is near_optimal.
    Assumes:
        Noise covariance sigma^2 I.
    Returns:
        Result with lower <= ratio <= upper, gap = 1 - lower, and status optimal (ratio 1), near_optimal (gap at most
        the tolerance), improvable (`configuration` is strictly better; `details.improvement` certifies that),
        infeasible (equal energy, norms that differ) or undecided.
    Raises:
        InputError: input that makes no Configuration, an unknown energy, a negative tolerance.
    Reference:
        balakrishnan1961; rankin1955; proofs in `kernel._universal`; schonemann1966 for the nearest simplex ETF.
    Example:
        >>> from nctheory import channel, simplex_etf
        >>> print(channel.certify(simplex_etf(10)).status)
        near_optimal
        >>> square = channel.certify([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]])
        >>> square.lower, str(square.status), square.details.largest_part()[0]
        (Fraction(3, 4), 'improvable', 'uneven_distances')
    """
    configuration = as_configuration(configuration)
    checked_energy(energy)
    allowed = as_fraction(tolerance, "tolerance")
    if allowed < 0:
        raise InputError(f"tolerance is {tolerance}, expected a number that is not negative")
    if configuration.num_classes == 1:
        raise InputError("one class has nothing to be confused with: there is no optimum to compare with")
    bound = _universal_bound(configuration.num_classes, configuration.dimension, energy)
    if bound.value == 0:
        raise InputError(f"{configuration.num_classes} classes of equal norm on a line: two coincide, the optimum is 0")
    point = _measured(configuration, energy)
    ratio = point.normalized / bound.value
    better = _better(point, allowed, bound) if 1 - ratio > allowed and point.norm_spread <= allowed else None
    status, reason = _status(point, ratio, allowed, bound, better)
    shares, closest = _shares(point)
    details = Gap(
        exponent=point.exponent,
        energy=point.total,
        bound=bound.value,
        theorem=bound.theorem,
        shares=shares,
        closest=closest,
        better=None if better is None else better.configuration,
        improvement=None if better is None else _improvement_certificate(point, better),
    )
    upper = _upper_end(point, ratio, bound)
    return Result(
        lower=ratio,
        upper=upper,
        details=details,
        status=status,
        gap=1 - ratio,
        reason=reason,
        build_configuration=lambda: details.better or configuration,
        build_certificate=lambda: _gap_certificate(point, bound, ratio, upper),
    )


@dataclass(frozen=True)
class _Measured:
    """A configuration with its exponent, and its energy: the largest squared norm, or their average."""

    configuration: Configuration
    energy: Energy
    exponent: Result[AttainingPairs]
    squares: list[Fraction]

    @cached_property
    def value(self) -> Fraction:
        return Fraction(self.exponent.lower)

    @cached_property
    def total(self) -> Fraction:
        squares = self.squares
        return sum(squares, Fraction(0)) / len(squares) if self.energy == "average" else max(squares)

    @cached_property
    def normalized(self) -> Fraction:
        """exponent / energy, and 0 for class means that are all 0."""
        return self.value / self.total if self.total else Fraction(0)

    @property
    def norm_spread(self) -> Fraction:
        """How far the squared norms are from equal, relative to the largest; 0 where no one asks that they be."""
        return 1 - self.norm_ratio if self.energy == "equal" else Fraction(0)

    @cached_property
    def norm_ratio(self) -> Fraction:
        return min(self.squares) / max(self.squares) if any(self.squares) else Fraction(1)


def _measured(configuration: Configuration, energy: Energy) -> _Measured:
    exact = configuration.exact
    if configuration.has_coordinates:
        squares = [exact.unit**2 * square for square in (exact.integers**2).sum(axis=1)]
    else:
        squares = [exact.unit * square for square in np.diagonal(exact.integers)]
    return _Measured(configuration, energy, exponent(configuration), squares)


def _status(
    point: _Measured, ratio: Fraction, tolerance: Fraction, bound: _Bound, better: _Measured | None
) -> tuple[Status, str]:
    if point.norm_spread > tolerance:
        low, high = (point.squares.index(end(point.squares)) for end in (min, max))
        reason = (
            f"the squared norm of class {low} is by {float(point.norm_spread):.3g} of it below that of class {high}"
        )
        return Status.INFEASIBLE, reason
    if ratio == 1:
        return Status.OPTIMAL, f"the {bound.theorem} bound is attained"
    if 1 - ratio <= tolerance:
        return Status.NEAR_OPTIMAL, f"within {float(1 - ratio):.3g} of the {bound.theorem} bound"
    if better is not None:
        return Status.IMPROVABLE, "a strictly better configuration is attached"
    return Status.UNDECIDED, f"the {bound.theorem} bound may not be attained, and no better configuration was found"


def _upper_end(point: _Measured, ratio: Fraction, bound: _Bound) -> End:
    """The ratio itself where the bound is the optimum; else 1, unless the norms are only nearly equal."""
    if bound.attained:
        return ratio
    return math.inf if point.norm_spread else Fraction(1)


def _better(point: _Measured, tolerance: Fraction, bound: _Bound) -> _Measured | None:
    """The first candidate better by more than the tolerance; where the bound is attained, the last one attains it."""
    for configuration in _candidates(point.configuration, point.energy, bound):
        candidate = _measured(configuration, point.energy)
        if candidate.norm_spread <= tolerance and candidate.normalized * (1 - tolerance) > point.normalized:
            return candidate
    return None


def _candidates(configuration: Configuration, energy: Energy, bound: _Bound) -> Iterable[Configuration]:
    num_classes, dimension = configuration.num_classes, configuration.dimension
    if bound.attained:
        if bound.theorem == "simplex":
            yield Configuration(_nearest_simplex_etf(configuration.class_means, energy))
        yield _attaining(num_classes, dimension, energy, bound.theorem)
        return
    if configuration.class_means.any():
        yield Configuration(spread(configuration.class_means, energy=energy))
    yield configuration.nearest_mean()
    yield Configuration(search(num_classes, dimension, energy=energy))


def _nearest_simplex_etf(means: Float[Array, "K d"], energy: Energy) -> Float[Array, "K d"]:
    """The rotated simplex ETF nearest to the centered means (orthogonal Procrustes), with the energy of the means."""
    size = float(np.abs(means).max()) or 1.0
    unit = means / size
    etf = simplex_etf(len(means))
    left, _, right = np.linalg.svd(etf.T @ (unit - unit.mean(axis=0)), full_matrices=False)
    squares = (unit**2).sum(axis=1)
    scale = math.sqrt(squares.mean() if energy == "average" else squares.max()) or 1.0
    return freeze(min(size * scale, _LARGEST) * (etf @ left @ right))


def _shares(point: _Measured) -> tuple[Shares, Array]:
    nearest = exponent(point.configuration.nearest_mean())
    best = Fraction(nearest.lower)
    num_classes, exact = point.configuration.num_classes, point.configuration.exact
    total = exact.integers.sum(axis=0)
    center = exact.unit**2 * (total**2).sum() if point.configuration.has_coordinates else exact.unit * total.sum()
    common = 4 * (num_classes - 1)
    distances = num_classes * sum(point.squares, Fraction(0)) - center  # sum over pairs of |mu_i - mu_j|^2
    num_pairs = Fraction(num_classes * (num_classes - 1), 2)
    shares = Shares(
        decoder=best - point.value,
        short_classes=tuple((point.total - square) / common for square in point.squares),
        off_center=center / (common * num_classes),
        uneven_distances=(distances - num_pairs * 8 * best) / (common * num_classes),
    )
    pairs = nearest.details.pairs
    return shares, freeze(pairs[pairs[:, 0] < pairs[:, 1]])


# ---------------------------------------------------------------------------------------------------- certificates


def _constraint(*points: _Measured) -> dict[str, Any]:
    claim = {**sizes(points[0].configuration), "energy": points[0].energy}
    if points[0].energy == "equal":
        claim["norm_ratio"] = min(point.norm_ratio for point in points)
    return claim


def _gap_certificate(point: _Measured, bound: _Bound, lower: Fraction, upper: End) -> Certificate:
    claim = {
        "kind": "gap",
        **_constraint(point),
        "configuration": point.configuration.encode(),
        "lower": lower,
        "upper": "inf" if upper == math.inf else upper,
    }
    return Certificate(claim, {"theorem": bound.theorem})


def _improvement_certificate(point: _Measured, better: _Measured) -> Certificate:
    ratio = point.normalized / better.normalized
    rounded = Fraction(math.ceil(ratio * 2**_RATIO_BITS), 2**_RATIO_BITS)
    claim = {
        "kind": "improvement",
        **_constraint(point, better),
        "configuration": point.configuration.encode(),
        "better": better.configuration.encode(),
        "ratio": rounded if rounded < 1 else ratio,
    }
    return Certificate(claim, {})
