"""How the optimum changes with the penalty or the imbalance: norms, angles and rank along a line of models."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nctheory.arrays import Array, freeze, real_array
from nctheory.errors import InputError
from nctheory.landscape.closed_forms import thresholds
from nctheory.landscape.model import Model
from nctheory.landscape.optimality import Optimum, optimum
from nctheory.result import Result

__all__ = ["Over", "PhaseDiagram", "phase_diagram"]

Over = Literal["strength", "imbalance"]
_POINTS = 41


@dataclass(frozen=True, eq=False)
class PhaseDiagram:
    """Optima along a line of models, in floats.

    `values` (T,) of `over`, the `models` and `results`; `objective` (T,); `rank` (T,) of the logits; `weight_norms` and
    `mean_norms` (T, K); `weight_cosines` and `mean_cosines` (T, K, K), NaN beside a vector of 0. `thresholds` maps what
    collapses to the value of `over` from which on, where that is known in advance.
    """

    over: str
    values: Array
    models: Sequence[Model]
    results: Sequence[Result[Optimum]]
    thresholds: dict[str, float]

    @property
    def objective(self) -> Array:
        """min F, the middle of its bracket."""
        return np.array([result.value for result in self.results])

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
        return np.array([result.configuration.norms for result in self.results])

    @property
    def weight_cosines(self) -> Array:
        """cos(w_j, w_k)."""
        return np.array([_cosines(result.configuration.weights) for result in self.results])

    @property
    def mean_cosines(self) -> Array:
        """cos(h_j, h_k)."""
        return np.array([_cosines(result.configuration.class_means) for result in self.results])


def phase_diagram(model: Model, over: Over = "strength", values: Any = None) -> PhaseDiagram:
    """The optima of a line of models: norms, angles and rank against the penalty or the imbalance.

    Formula:
        "strength": lambda = (lambda_W lambda_H)^(1/2), with lambda_W / lambda_H as in the model. "imbalance": R >= 1,
        the smaller half of the classes (K // 2 of them) has n / R samples, rounded, n being the largest class.
    Args:
        model: a Model; its class sizes are kept for "strength", its penalties for "imbalance".
        over: "strength" or "imbalance".
        values: the values, rising; from a hundredth of the total collapse to a little beyond it, or from 1 to 100,
            where left out.
    Assumes:
        Nothing.
    Returns:
        PhaseDiagram; `nctheory.plots.phase_diagram` draws it.
    Raises:
        InputError: an unknown word, values that are not positive and rising, or below 1 for an imbalance.
    Reference:
        fang2021 (minority collapse); zhou2022; dang2023.
    Example:
        >>> from nctheory.landscape import Model, phase_diagram
        >>> diagram = phase_diagram(Model([4, 4, 4], regularization=(1, 1)), values=[0.05, 0.15, 0.2])
        >>> diagram.rank.tolist(), round(diagram.thresholds["total collapse"], 12)
        ([2, 2, 0], 0.166666666667)
    """
    if over not in ("strength", "imbalance"):
        raise InputError(f"over is {over!r}, expected 'strength' or 'imbalance'")
    chosen = _default(model, over) if values is None else real_array(values, "values", 1).astype(np.float64)
    least = 1.0 if over == "imbalance" else 0.0
    if len(chosen) == 0 or not (chosen[0] > 0 and chosen[0] >= least and (np.diff(chosen) > 0).all()):
        raise InputError(f"values is {chosen.tolist()[:6]}, expected rising positive numbers" + " from 1" * int(least))
    models = [_changed(model, over, float(value)) for value in chosen]
    known = thresholds(model) if over == "strength" and not model.lambda_bias else {}
    return PhaseDiagram(over, freeze(chosen), models, [optimum(each) for each in models], known)


def _default(model: Model, over: str) -> Array:
    if over == "imbalance":
        return np.geomspace(1, min(100, float(model.class_sizes.max())), _POINTS)
    top = thresholds(model).get("total collapse")
    if top is None:
        raise InputError(f"loss is {model.loss.name}, for which no threshold is known; expected values")
    return np.geomspace(top / 100, 1.2 * top, _POINTS)


def _changed(model: Model, over: str, value: float) -> Model:
    if over == "strength":
        ratio = math.sqrt(model.lambda_features / model.lambda_weights)
        rest = model.regularization[2:]
        return model.replace(regularization=(value / ratio, value * ratio, *rest))
    largest, size = int(model.class_sizes.max()), model.num_classes
    few = max(1, round(largest / value))
    return model.replace(class_sizes=[largest] * (size - size // 2) + [few] * (size // 2))


def _cosines(points: Array) -> Array:
    norms = np.linalg.norm(points, axis=1, keepdims=True)
    units = np.divide(points, norms, out=np.full_like(points, np.nan), where=norms > 1e-9 * norms.max(initial=0))
    return np.asarray(units @ units.T)
