"""How the optimum changes with the penalty, the imbalance, the temperature or gamma: norms, angles and rank along a
line of models; and at which penalty small classes collapse, by the imbalance."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float

from nctheory.arrays import Array, freeze, real_array
from nctheory.errors import InputError
from nctheory.landscape.answers import Optimum
from nctheory.landscape.model import Model
from nctheory.landscape.verbs import family_of, optimum
from nctheory.losses import Focal
from nctheory.result import Result

__all__ = ["MinorityCollapse", "Over", "PhaseDiagram", "minority_collapse", "phase_diagram"]

Over = Literal["strength", "imbalance", "temperature", "gamma"]
_POINTS = 41
_RANGES = {"temperature": (0.1, 100.0), "gamma": (0.1, 20.0)}
_MOST_IMBALANCE = 100.0
_GRID = 33  # numbers of samples at which is looked whether something has collapsed
_SMALL = "small classes"


@dataclass(frozen=True, eq=False)
class PhaseDiagram:
    """Optima along a line of models, in floats.

    `values` (T,) of `over`, the `models` and `results`; `objective` and `lower` (T,), the ends of the brackets; `rank`
    (T,) of the logits; `weight_norms` and `mean_norms` (T, K); `weight_cosines` and `mean_cosines` (T, K, K), NaN
    beside a vector of 0. Of deep models the weights are those of the last matrix; of label sets the means are those of
    the M sets. `thresholds` maps what collapses to the value of `over` from which on, where that is known in advance.
    """

    over: str
    values: Array
    models: Sequence[Model]
    results: Sequence[Result[Optimum]]
    thresholds: dict[str, float]

    @property
    def objective(self) -> Array:
        """F at the configurations, which is min F where that is decided."""
        return np.array([float(result.upper) for result in self.results])

    @property
    def lower(self) -> Array:
        """What no F is below."""
        return np.array([float(result.lower) for result in self.results])

    @property
    def rank(self) -> Array:
        """Of the logits."""
        return np.array([result.details.rank for result in self.results])

    @property
    def weight_norms(self) -> Array:
        """|w_k|."""
        return np.array([np.linalg.norm(result.configuration.weights, axis=1) for result in self.results])

    @property
    def mean_norms(self) -> Array:
        """|h_k|."""
        return np.array([np.linalg.norm(result.configuration.class_means, axis=1) for result in self.results])

    @property
    def weight_cosines(self) -> Array:
        """cos(w_j, w_k)."""
        return np.array([_cosines(result.configuration.weights) for result in self.results])

    @property
    def mean_cosines(self) -> Array:
        """cos(h_j, h_k)."""
        return np.array([_cosines(result.configuration.class_means) for result in self.results])


def phase_diagram(model: Model, over: Over = "strength", values: Any = None) -> PhaseDiagram:
    """The optima of a line of models: norms, angles and rank against the penalty, the imbalance or a parameter.

    Formula:
        "strength": lambda, the geometric mean of the penalties of weights and features, all of which keep their
        proportions. "imbalance": R >= 1, the smaller half of the classes (K // 2 of them) has n / R samples, rounded,
        n being the largest class. "temperature": tau on spheres. "gamma": that of the focal loss.
    Args:
        model: a Model; what is not on the line is kept.
        over: "strength", "imbalance", "temperature" or "gamma".
        values: the values, rising; from a hundredth of the total collapse to a little beyond it, from 1 to 100, from
            0.1 to 100, or from 0.1 to 20, where left out.
    Assumes:
        Nothing.
    Returns:
        PhaseDiagram; `nctheory.plots.phase_diagram` draws it. Its thresholds are known against lambda, and against R
        without a penalized bias: where small classes of one weight merge or vanish, and where total collapse begins or
        ends, interpolated between the class sizes before and after.
    Raises:
        InputError: an unknown word, a line that the model is not on, values that are not positive and rising, or below
            1 for an imbalance; no values where no total collapse is known.
    Reference:
        fang2021 (minority collapse); zhou2022; dang2023.
    Example:
        >>> from nctheory.landscape import Model, phase_diagram
        >>> diagram = phase_diagram(Model([4, 4, 4], regularization=(1, 1)), values=[0.05, 0.15, 0.2])
        >>> diagram.rank.tolist(), round(diagram.thresholds["total collapse"], 12)
        ([2, 2, 0], 0.166666666667)
    """
    _check_line(model, over)
    chosen = _default(model, over) if values is None else real_array(values, "values", 1).astype(np.float64)
    least = 1.0 if over == "imbalance" else 0.0
    if len(chosen) == 0 or not (chosen[0] > 0 and chosen[0] >= least and (np.diff(chosen) > 0).all()):
        raise InputError(f"values is {chosen.tolist()[:6]}, expected rising positive numbers" + " from 1" * int(least))
    models = [_changed(model, over, float(value)) for value in chosen]
    return PhaseDiagram(over, freeze(chosen), models, [optimum(each) for each in models], _known(model, over))


def _check_line(model: Any, over: Any) -> None:
    """Whether there are such models."""
    family_of(model)
    if over not in get_args(Over):
        raise InputError(f"over is {over!r}, expected one of {', '.join(map(repr, get_args(Over)))}")
    wrong = {
        "strength": (model.features == "sphere", "on spheres no norm is penalized, expected 'temperature'"),
        "temperature": (model.features != "sphere", "expected a model with features='sphere'"),
        "gamma": (not isinstance(model.loss, Focal), f"loss is {model.loss.name}, expected Focal"),
        "imbalance": (model.family == "label_sets", "label sets have no halves of classes, expected 'strength'"),
    }[over]
    if wrong[0]:
        raise InputError(f"over is {over!r}: {wrong[1]}")


def _default(model: Model, over: str) -> Array:
    if over == "imbalance":
        return np.geomspace(1, min(_MOST_IMBALANCE, float(model.class_sizes.max())), _POINTS)
    if over in _RANGES:
        return np.geomspace(*_RANGES[over], _POINTS)
    known = family_of(model).thresholds(model)
    top = known.get("total collapse", known.get("zero and the simplex ETF tie"))
    if top is None:
        raise InputError(f"no total collapse is known of {model!r}; expected values")
    return np.geomspace(top / 100, 1.2 * top, _POINTS)


def _changed(model: Model, over: str, value: float) -> Model:
    if over == "temperature":
        return model.replace(temperature=value)
    if over == "gamma":
        return model.replace(loss=Focal(value))
    if over == "strength":
        return _strengthened(model, value)
    return _imbalanced(model, max(1, round(int(model.class_sizes.max()) / value)))


def _strengthened(model: Model, value: float) -> Model:
    """With this geometric mean of the penalties."""
    rest = model.regularization[2:]
    if model.depth > 1:
        scale = value / model.strength
        layers = tuple(float(penalty) * scale for penalty in model.layer_penalties)
        return model.replace(regularization=(layers, float(model.lambda_features) * scale, *rest))
    ratio = math.sqrt(model.lambda_features / model.lambda_weights)
    return model.replace(regularization=(value / ratio, value * ratio, *rest))


def _imbalanced(model: Model, few: int) -> Model:
    """The smaller half with so many samples."""
    largest, size = int(model.class_sizes.max()), model.num_classes
    return model.replace(class_sizes=[largest] * (size - size // 2) + [few] * (size // 2))


def _cosines(points: Array) -> Array:
    norms = np.linalg.norm(points, axis=1, keepdims=True)
    units = np.divide(points, norms, out=np.full_like(points, np.nan), where=norms > 1e-9 * norms.max(initial=0))
    return np.asarray(units @ units.T)


# ---------------------------------------------------------------------------------------------------------- thresholds


def _known(model: Model, over: str) -> dict[str, float]:
    """What is known in advance, by the value of `over`."""
    if model.lambda_bias or model.features == "sphere":
        return {}
    if over == "strength":
        return dict(family_of(model).thresholds(model))
    return _along_imbalance(model) if over == "imbalance" else {}


def _along_imbalance(model: Model) -> dict[str, float]:
    """The R from which on what has collapsed, or has no longer; but for what comes and goes on a grid."""
    largest = int(model.class_sizes.max())
    grid = np.unique(np.geomspace(1, largest, _GRID).astype(np.int64)).tolist()
    found = {}
    for name in _levels(model, 1):

        def excess(few: int, name: str = name) -> float:
            return math.log(_levels(model, few).get(name, math.inf) / model.strength)

        collapsed = [excess(few) <= 0 for few in grid]
        changes = [place for place in range(1, len(grid)) if collapsed[place] != collapsed[place - 1]]
        if len(changes) == 1:
            few = _crossing(excess, grid[changes[0] - 1], grid[changes[0]])
            found[name if collapsed[0] else f"no {name}"] = largest / few
    return found


def _crossing(excess: Callable[[int], float], low: int, high: int) -> float:
    """Where this is 0: by bisection down to neighboring integers, and between these as for a power of the number."""
    at_low, at_high = excess(low), excess(high)
    while high - low > 1:
        middle = (low + high) // 2
        value = excess(middle)
        if (value <= 0) is (at_low <= 0):
            low, at_low = middle, value
        else:
            high, at_high = middle, value
    share = at_low / (at_low - at_high) if math.isfinite(at_high) else 0.0
    return float(low * (high / low) ** share)


def _levels(model: Model, few: int) -> dict[str, float]:
    """The lambda from which on small classes have collapsed, and from which on all have, by what that is called."""
    changed = _imbalanced(model, few)
    known: dict[str, float] = family_of(model).thresholds(changed)
    found = {name: level for name, level in known.items() if name == "total collapse"}
    weights = changed.multipliers[len(changed.class_sizes) - len(changed.class_sizes) // 2 :]
    if len(weights) and (weights == weights[0]).all():
        start = f"classes of {few} samples" + (f" and weight {weights[0]:g}" if model.class_weights is not None else "")
        small = {name.removeprefix(start): level for name, level in known.items() if name.startswith(f"{start} ")}
        found |= {f"{_SMALL}{what}": level for what, level in small.items()}
    return found


@dataclass(frozen=True, eq=False)
class MinorityCollapse:
    """The lambda at which the small classes collapse, and all, by the imbalance; see `minority_collapse`."""

    imbalances: Float[Array, " T"]
    minority: Float[Array, " T"]
    total: Float[Array, " T"]


def minority_collapse(model: Model, imbalances: Any) -> MinorityCollapse:
    """The curves of minority collapse and total collapse: lambda against the imbalance R.

    Formula:
        With n samples in each larger class and n / R in each of the smaller half, N in all: the small classes' rows
        of W coincide exactly for lambda >= (1 - a) u (n / R)^(1/2) / N, a the smoothing and u their class weight.
    Args:
        model: a Model with free or non-negative features and a convex loss; its class sizes say n and K, its class
            weights those of the larger classes and then of the smaller ones, its penalties nothing.
        imbalances: (T,) rising numbers R >= 1; n / R is rounded.
    Assumes:
        The small classes have one class weight. No bias, or a free one.
    Returns:
        MinorityCollapse with `imbalances` n / m as rounded, `minority` (T,), NaN where there are fewer than two small
        classes, and `total` (T,).
    Raises:
        InputError: another family or loss, imbalances that are not rising numbers from 1, different weights of small
            classes.
    Reference:
        fang2021; hong2023.
    Example:
        >>> from nctheory.landscape import Model
        >>> from nctheory.landscape import minority_collapse
        >>> curve = minority_collapse(Model([100] * 4, regularization=(1, 1)), [1, 25])
        >>> curve.minority.round(6).tolist(), curve.total.round(6).tolist()
        ([0.025, 0.009615], [0.025, 0.048077])
    """
    _check_curves(model)
    given = real_array(imbalances, "imbalances", 1).astype(np.float64)
    if len(given) == 0 or not (given[0] >= 1 and (np.diff(given) > 0).all()):
        raise InputError(f"imbalances is {given.tolist()[:6]}, expected rising numbers from 1")
    largest = int(model.class_sizes.max())
    sizes = np.maximum(1, np.round(largest / given)).astype(np.int64)
    levels = [_levels(model, few) for few in sizes.tolist()]
    curves = [[_first(level, start) for level in levels] for start in (f"{_SMALL} ", "total collapse")]
    return MinorityCollapse(freeze(largest / sizes), *(freeze(np.array(curve)) for curve in curves))


def _first(levels: dict[str, float], start: str) -> float:
    return next((level for name, level in levels.items() if name.startswith(start)), math.nan)


def _check_curves(model: Model) -> None:
    family_of(model)
    if model.family not in ("free", "nonnegative") or not model.loss.is_convex or model.lambda_bias:
        raise InputError(f"{model!r} has no such curves here, expected free or non-negative features, a convex loss")
    size = model.num_classes
    small = model.multipliers[size - size // 2 :]
    if len(small) and not (small == small[0]).all():
        raise InputError(f"class_weights of the smaller half are {small.tolist()[:6]}, expected equal ones")
