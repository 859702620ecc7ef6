"""What a user writes for the other families of models: objectives of all N samples with gradients, in plain NumPy.

Focal loss, label sets, non-negative features, spheres and deep models, each for SciPy's L-BFGS-B, and the supervised
contrastive loss. Nothing here uses the package but for the description of a model.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import minimize

from nctheory.arrays import Array
from nctheory.landscape import Model
from nctheory.losses import Focal, PickAllLabels, SquaredError

__all__ = ["by_search", "contrastive_search"]

Function = Callable[[Array], tuple[float, Array]]


def mean_loss(model: Model, logits: Array, labels: Array) -> tuple[float, Array]:
    """The mean loss of all samples, and its derivative by the logits."""
    samples, count = np.arange(len(labels)), len(labels)
    if isinstance(model.loss, SquaredError):
        logits = logits.copy()
        logits[samples, labels] -= 1
        return float((logits**2).sum()) / 2 / count, logits / count
    shifted = logits - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    total = exponentials.sum(axis=1)
    slopes = exponentials / total[:, None]
    if isinstance(model.loss, PickAllLabels):
        chosen = np.zeros((len(model.loss.label_sets), logits.shape[1]))
        for place, members in enumerate(model.loss.label_sets):
            chosen[place, list(members)] = 1
        chosen, many = chosen[labels], chosen.sum(axis=1)[labels]
        value = many * np.log(total) - (chosen * shifted).sum(axis=1)
        return float(value.mean()), (many[:, None] * slopes - chosen) / count
    surprisal = np.log(total) - shifted[samples, labels]
    own = np.exp(-surprisal)
    slopes[samples, labels] -= 1
    if not isinstance(model.loss, Focal):
        return float(surprisal.mean()), slopes / count
    gamma, rest = model.loss.gamma, np.maximum(1 - own, 1e-300)
    factor = rest**gamma * (1 + gamma * own * surprisal / rest)
    return float((rest**gamma * surprisal).mean()), slopes * factor[:, None] / count


def free(model: Model, labels: Array, flat: Array) -> tuple[float, Array]:
    """One weight matrix and penalties."""
    size, width = model.num_classes, model.dimension
    weights, features = flat[: size * width].reshape(size, width), flat[size * width :].reshape(-1, width)
    value, slopes = mean_loss(model, features @ weights.T, labels)
    strengths = float(model.lambda_weights), float(model.lambda_features)
    value += (strengths[0] * float((weights**2).sum()) + strengths[1] * float((features**2).sum())) / 2
    by_weights, by_features = slopes.T @ features, slopes @ weights
    parts = (by_weights + strengths[0] * weights, by_features + strengths[1] * features)
    return value, np.concatenate([part.ravel() for part in parts])


def sphere(model: Model, labels: Array, flat: Array) -> tuple[float, Array]:
    """Rows divided by their norms, and a temperature."""
    size, width, temperature = model.num_classes, model.dimension, float(model.temperature or 0)
    rows = flat.reshape(-1, width)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    units = rows / norms
    weights, features = units[:size], units[size:]
    value, slopes = mean_loss(model, temperature * features @ weights.T, labels)
    slope = temperature * np.vstack([slopes.T @ features, slopes @ weights])
    return value, ((slope - (slope * units).sum(axis=1, keepdims=True) * units) / norms).ravel()


def deep(model: Model, labels: Array, flat: Array) -> tuple[float, Array]:
    """Several weight matrices, the first of them next to the features."""
    size, width = model.num_classes, model.dimension
    shapes = [(width, width)] * (model.depth - 1) + [(size, width), (len(labels), width)]
    cuts = np.cumsum([rows * columns for rows, columns in shapes])[:-1]
    *matrices, features = (part.reshape(shape) for part, shape in zip(np.split(flat, cuts), shapes, strict=True))
    layers = [features]
    for matrix in matrices:
        layers.append(layers[-1] @ matrix.T)
    value, slopes = mean_loss(model, layers[-1], labels)
    penalties = [*map(float, model.layer_penalties), float(model.lambda_features)]
    parts = [*matrices, features]
    value += sum(penalty * float((part**2).sum()) for penalty, part in zip(penalties, parts, strict=True)) / 2
    found = []
    for matrix, layer in zip(reversed(matrices), reversed(layers[:-1]), strict=True):
        found.append(slopes.T @ layer)
        slopes = slopes @ matrix
    found = [*reversed(found), slopes]
    return value, np.concatenate(
        [(slope + penalty * part).ravel() for slope, penalty, part in zip(found, penalties, parts, strict=True)]
    )


FUNCTIONS = {"free": free, "nonnegative": free, "label_sets": free, "sphere": sphere, "deep": deep}


def by_search(model: Model, starts: int = 1) -> float:
    """The least that SciPy's L-BFGS-B reaches, with the gradient to 1e-8, from so many random starts."""
    labels = np.repeat(np.arange(len(model.class_sizes)), model.class_sizes)
    size, width = model.num_classes, model.dimension
    inner = (model.depth - 1) * width**2
    count = inner + (size + len(labels)) * width
    function = FUNCTIONS[model.family]
    bounds = None
    if model.features == "nonnegative":
        bounds = [(None, None)] * (size * width) + [(0, None)] * (len(labels) * width)
    options: Any = {"gtol": 1e-8, "ftol": 0, "maxiter": 10_000, "maxfun": 100_000}
    values = []
    for seed in range(starts):
        start = np.random.default_rng(seed).standard_normal(count) * (2 if model.depth > 1 else 1)
        start = np.abs(start) if bounds else start
        found = minimize(
            lambda flat: function(model, labels, flat),
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options=options,
        )
        values.append(float(found.fun))
    return min(values)


def contrastive_search(sizes: list[int], width: int, temperature: float) -> float:
    """The least supervised contrastive loss that SciPy's L-BFGS-B reaches from one random start."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    same = (labels[:, None] == labels) & ~np.eye(len(labels), dtype=bool)
    others, share = ~np.eye(len(labels), dtype=bool), same / same.sum(axis=1, keepdims=True)

    def value(flat: Array) -> tuple[float, Array]:
        rows = flat.reshape(-1, width)
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        units = rows / norms
        logits = units @ units.T / temperature
        exponentials = np.where(others, np.exp(logits - 1 / temperature), 0)  # no logit is above 1 / temperature
        total = exponentials.sum(axis=1, keepdims=True)
        loss = float((np.log(total[:, 0]) + 1 / temperature - (share * logits).sum(axis=1)).sum())
        slopes = (exponentials / total - share) / temperature
        slope = (slopes + slopes.T) @ units
        return loss, ((slope - (slope * units).sum(axis=1, keepdims=True) * units) / norms).ravel()

    start = np.random.default_rng(0).standard_normal(len(labels) * width)
    options: Any = {"gtol": 1e-8, "ftol": 0, "maxiter": 10_000, "maxfun": 100_000}
    return float(minimize(value, start, jac=True, method="L-BFGS-B", options=options).fun)
