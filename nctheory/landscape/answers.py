"""What the questions about a model return in the details of their Results, whatever the family of the model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from nctheory.arrays import Array
from nctheory.blocks import Blocks
from nctheory.landscape.model import Model
from nctheory.losses import BinaryCrossEntropy, SquaredError
from nctheory.result import Certificate, Result, Status

__all__ = ["Bracket", "Certified", "Escape", "Optimum", "as_optimum", "as_verdict", "is_within"]

Bracket = tuple[Fraction, Fraction]

_RANK = 1e-9  # singular values below this times the largest are taken for 0


@dataclass(frozen=True, eq=False)
class Optimum:
    """What `optimum` knows, in floats: class logits and what follows from them.

    `logits` (K, K): row k holds <w_c, h_k>, without the bias (K,); (M, K) for M label sets, and what goes into the loss
    in deep models and on spheres. `statement` names the closed form or method. `rank` is that of the logits, up to
    rounding. `thresholds` says from which strength lambda on what has collapsed. `invariance` names what leaves the
    objective as it is, so that the configuration is one of many. `dual` proves the lower end, where a dual matrix does.
    `minimizers` holds further optima that are no symmetric images of the first, where a theorem knows of them.
    """

    model: Model
    logits: Array
    bias: Array
    statement: str
    dual: Any
    build_thresholds: Callable[[], Mapping[str, float]]
    minimizers: tuple[Any, ...] = ()

    @cached_property
    def thresholds(self) -> Mapping[str, float]:
        """From which lambda on what has collapsed."""
        return self.build_thresholds()

    @cached_property
    def singular_values(self) -> Array:
        """Of the logits of all samples, falling."""
        return np.asarray(np.linalg.svd(np.sqrt(self.model.class_sizes)[:, None] * self.logits, compute_uv=False))

    @property
    def rank(self) -> int:
        """How many of them are not 0."""
        return int((self.singular_values > _RANK * max(1.0, float(self.singular_values[0]))).sum())

    @property
    def invariance(self) -> str:
        """The group of symmetries, in words."""
        width = self.model.dimension
        turns = f"rotations of the feature space, O({width})"
        if self.model.features == "nonnegative" or self.model.activation == "relu":
            turns = f"permutations of the coordinates of the feature space, S({width})"
        elif self.model.depth > 1:
            turns = f"rotations of the space of every layer, O({width})^{self.model.depth}"
        parts = [turns, self._permutations] if self._permutations else [turns]
        separate = isinstance(self.model.loss, SquaredError | BinaryCrossEntropy)
        if self.model.bias and not self.model.lambda_bias and not separate:
            parts.append("a common shift of all biases")
        return "; ".join(parts)

    @property
    def _permutations(self) -> str:
        if self.model.family == "label_sets":
            return "permutations of labels that keep the number of samples of every label set"
        if not (Blocks.of(self.model.class_sizes, self.model.multipliers).members > 1).any():
            return ""
        return "permutations of classes of one size" + (" and weight" if self.model.class_weights is not None else "")


@dataclass(frozen=True, eq=False)
class Escape:
    """A direction along which the objective has second derivative `curvature` < 0, and a step along it.

    `tangent` is along a direction a of the feature space that the point leaves unused, and has no bias. `curvature` is
    predicted; in a model with free features it is -2 (|G|_2 - lambda). `steepness` is what has to be above 1 for it:
    |G|_2 / lambda there. `point` is the step's end, `step` its length in multiples of the tangent, and `objective` the
    bracket of F there, below that at the start.
    """

    tangent: Any
    curvature: float
    steepness: float
    step: float
    point: Any
    objective: Bracket


@dataclass(frozen=True, eq=False)
class Certified:
    """What `certify` knows about a point.

    `objective` and `minimum` are brackets of F there and of min F. `better` is a point of strictly smaller objective,
    where one is known. What follows is numerical, and computed on first use: `gradient_norm`; `steepness`, which is
    |G|_2 / lambda with G (K, N) the derivative of the mean loss by all logits: a critical point with a steepness of at
    most 1 is a global optimum, if the loss is convex (NaN in families where no such number decides); and `escape`, a
    direction of negative curvature, or None.
    """

    model: Model
    point: Any
    objective: Bracket
    minimum: Bracket
    better: Any
    dual: Any
    build_gradient_norm: Callable[[], float]
    build_escape: Callable[[], Escape | None]
    build_steepness: Callable[[], float] | None = None
    build_bound_certificate: Callable[[], Certificate] | None = None

    @cached_property
    def gradient_norm(self) -> float:
        """|grad F|, in floats."""
        return self.build_gradient_norm()

    @cached_property
    def steepness(self) -> float:
        """|G|_2 / lambda, in floats."""
        return float("nan") if self.build_steepness is None else self.build_steepness()

    @cached_property
    def escape(self) -> Escape | None:
        """A direction of negative curvature with a step along it."""
        return self.build_escape()

    @cached_property
    def bound_certificate(self) -> Certificate | None:
        """The kernel's claim that no point is below a number, the minimum's lower end where `dual` proves that."""
        return None if self.build_bound_certificate is None else self.build_bound_certificate()


# ------------------------------------------------------------------------------------------------------------ Results


def as_optimum(
    details: Optimum,
    configuration: Any,
    ends: Bracket,
    allowed: Fraction,
    build_certificate: Callable[[], Certificate] | None = None,
    build_exact: Callable[[], Any] | None = None,
) -> Result[Optimum]:
    """The Result of `optimum`: near_optimal, or undecided where the ends are apart."""
    upper = ends[1]
    lower = min(upper, max(Fraction(0), ends[0]))
    gap = _relative(upper - lower, upper)
    reason = f"{details.statement}; the ends are {float(gap):.2g} apart, relatively"
    if gap > allowed:
        reason += "; a better bound or configuration would decide"
    return Result(
        lower=lower,
        upper=upper,
        details=details,
        status=Status.NEAR_OPTIMAL if gap <= allowed else Status.UNDECIDED,
        gap=gap,
        reason=reason,
        build_configuration=lambda: configuration,
        build_certificate=build_certificate,
        build_exact=build_exact if gap <= allowed else None,
    )


def as_verdict(
    details: Certified, allowed: Fraction, build_certificate: Callable[[], Certificate] | None = None
) -> Result[Certified]:
    """The Result of `certify`: the ratio min F / F(point), between what the brackets of both say."""
    low, high = details.objective
    ratio = _relative(details.minimum[0], high)
    if 1 - ratio <= allowed:
        status, reason = Status.NEAR_OPTIMAL, f"within {float(1 - ratio):.3g} of the minimum"
    elif details.better is not None:
        status, reason = Status.IMPROVABLE, "a strictly better point is attached"
    else:
        most = f"at most {float(1 - ratio):.3g} above the minimum"
        status, reason = Status.UNDECIDED, f"{most}; a better bound or point would decide"
    return Result(
        lower=ratio,
        upper=min(Fraction(1), details.minimum[1] / low) if low > 0 else Fraction(1),
        details=details,
        status=status,
        gap=1 - ratio,
        reason=reason,
        build_configuration=lambda: details.better,
        build_certificate=build_certificate,
    )


def is_within(lower: Fraction, upper: Fraction, allowed: Fraction) -> bool:
    """Whether these ends of a bracket are as near, relatively, as is asked for."""
    return _relative(upper - lower, upper) <= allowed


def _relative(difference: Fraction, value: Fraction) -> Fraction:
    return difference / value if value > 0 else Fraction(1)
