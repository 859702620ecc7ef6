"""Unconstrained-features models, for all files of this folder: what is minimized, and which of them have theory here.

The features are free variables, penalized as the weights are. Rows: weights W (K, d), features H (N, d), logits
z_i = W h_i + b. A point is either Features, or a Configuration, which stands for class_sizes[k] samples at each class
mean; deep models and those of label sets have points of their own.
"""

import math
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

import numpy as np

from nctheory.arrays import Array, as_fraction, checked_flag, freeze, positive_integer, real_array
from nctheory.errors import InputError
from nctheory.losses import (
    ClassWeighted,
    CrossEntropy,
    LabelSmoothing,
    Loss,
    PickAllLabels,
    SquaredError,
)
from nctheory.spectrum import checked_sizes

__all__ = ["Family", "Model"]

Family = Literal["free", "nonnegative", "sphere", "deep", "label_sets"]

FEATURES = ("free", "nonnegative", "sphere")
ACTIVATIONS = ("linear", "relu")
_DEEPEST = 1000
_LEAST = Fraction(1, 10**300)  # size of a penalty that is not 0


class Model:
    """An unconstrained-features model: class sizes, dimension, loss and penalties; the features are free variables.

    Formula:
        F(W, H, b) = (1/N) sum_i u_y l(W h_i + b, y) + (lambda_W / 2) |W|^2 + (lambda_H / 2) |H|^2, y = y_i, with u_k
        the class weights, and with a bias + (lambda_b / 2) |b|^2. The mean is over all N samples, also where there are
        class weights, and |H|^2 adds up all N features. `strength` is lambda = (lambda_W lambda_H)^(1/2).
        With m = depth matrices the logits are W_m ... W_1 h_i, each with its penalty, and `strength` is the geometric
        mean of the m + 1 penalties. On spheres the logits are temperature <w_c, h_i> with |w_c| = |h_i| = 1, and
        there is no penalty.
    Args:
        class_sizes: (K,) positive integers n_k, the samples of each class; for PickAllLabels (M,), of each label set.
        dimension: d of the features, and of all inner layers; K where left out, which no optimum of a convex loss
            needs more of.
        loss: an object of `nctheory.losses`.
        regularization: (lambda_W, lambda_H) or, with a bias, (lambda_W, lambda_H, lambda_b); lambda_b is 0 by default.
            In a deep model lambda_W is that of every matrix, or a tuple (lambda_1, ..., lambda_m). None on spheres.
        bias: whether there is a bias b, free where lambda_b is 0. Without one, b = 0.
        class_weights: (K,) positive u_k, or None for 1.
        features: "free"; "nonnegative", for features after a ReLU; or "sphere", for features and weights of norm 1.
        temperature: the factor of the logits on spheres, and only there.
        depth: m, the number of weight matrices.
        activation: what is between the matrices of a deep model: nothing ("linear"), or max(0, x) ("relu").
    Assumes:
        lambda_W > 0 and lambda_H > 0: else F falls or stays above its infimum for ever along (W / t, t H), and no
        minimizer exists. lambda_b >= 0. A negative smoothing a needs equal class sizes and class weights u, and
        a > -c, c = K n^(1/2) lambda / u: at -c the infimum is not attained, below it F falls without end.
        Non-negative features: a convex loss. Spheres: cross-entropy, no bias, no class weights. Deep: cross-entropy
        without bias, or squared error without or with a free one; no class weights. A ReLU between layers: squared
        error without bias. PickAllLabels: free features, one matrix, no class weights.
    Returns:
        An immutable object with these attributes (the penalties as exact Fractions `lambda_weights`, `lambda_features`
        and `lambda_bias`, those of all matrices `layer_penalties`), num_classes, num_samples, strength and latex.
    Raises:
        InputError: what does not satisfy the above, with what was received.
    Reference:
        zhu2021, equation 4 (with a penalized bias); fang2021; yaras2022 (spheres); dang2023 (deep); tirer2022 (ReLU).
    Example:
        >>> from nctheory.landscape import Model
        >>> model = Model([4, 4, 4], regularization=(1 / 16, 1 / 16))
        >>> model.num_samples, model.strength
        (12, 0.0625)
        >>> Model([4, 4, 4], features="sphere", temperature=10)
        Model(F = mean ce(10 W h) on spheres; 3 classes of 4, 4, 4 samples, dimension 3)
    """

    class_sizes: Array
    dimension: int
    loss: Loss
    class_weights: Array | None
    bias: bool
    layer_penalties: tuple[Fraction, ...]
    lambda_features: Fraction
    lambda_bias: Fraction
    features: str
    temperature: Fraction | None
    depth: int
    activation: str

    def __init__(
        self,
        class_sizes: Any,
        dimension: int | None = None,
        *,
        loss: Loss | None = None,
        regularization: Any = None,
        bias: bool = False,
        class_weights: Any = None,
        features: str = "free",
        temperature: Any = None,
        depth: int = 1,
        activation: str = "linear",
    ) -> None:
        sizes = checked_sizes(class_sizes)
        loss, class_weights = _checked_loss(CrossEntropy() if loss is None else loss, class_weights, len(sizes))
        for name, word, words in (("features", features, FEATURES), ("activation", activation, ACTIVATIONS)):
            if word not in words:
                raise InputError(f"{name} is {word!r}, expected one of {', '.join(map(repr, words))}")
        free, layers = checked_flag(bias), positive_integer(depth, "depth")
        if layers > _DEEPEST:
            raise InputError(f"depth is {layers}, expected at most {_DEEPEST}")
        penalties = _checked_penalties(regularization, free, layers, features)
        self.__dict__.update(
            class_sizes=sizes,
            dimension=_num_logits(loss, sizes) if dimension is None else positive_integer(dimension, "dimension"),
            loss=loss,
            class_weights=class_weights,
            bias=free,
            layer_penalties=penalties[0],
            lambda_features=penalties[1],
            lambda_bias=penalties[2],
            features=features,
            temperature=_checked_temperature(temperature, features),
            depth=layers,
            activation=activation,
        )
        _check_family(self)
        _check_smoothing(self)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Model is immutable: make another one with a different {name}")

    @classmethod
    def from_convention(
        cls,
        class_sizes: Any,
        dimension: int | None = None,
        *,
        regularization: Any,
        loss: Loss | None = None,
        loss_factor: Any = 1,
        reduction: str = "mean",
        penalty_factor: Any = Fraction(1, 2),
        feature_penalty: str = "sum",
        bias: bool = False,
        class_weights: Any = None,
    ) -> "Model":
        """The model with the minimizers of another paper's objective.

        Formula:
            Theirs: f R l(W h_i + b, y_i) + p (lambda_W |W|^2 + lambda_H r |H|^2 + lambda_b |b|^2), where R is the mean
            over the N samples or their sum, and r is 1 ("sum") or 1/N ("mean"). Divided by f, and by N for a sum, it is
            F with lambda = 2 p lambda' / f (over N for a sum, and lambda_H once more over N for r = 1/N).
        Args:
            class_sizes: (K,) as in Model; so are dimension, loss, bias and class_weights.
            dimension: as in Model.
            regularization: their (lambda_W, lambda_H[, lambda_b]).
            loss: as in Model; squared error is |z - e_y|^2 / 2 there.
            loss_factor: f, such as 2 for the squared error without 1/2.
            reduction: "mean" or "sum" over the samples.
            penalty_factor: p, such as 1 for penalties without 1/2.
            feature_penalty: "sum" for |H|^2, "mean" for |H|^2 / N.
            bias: as in Model.
            class_weights: as in Model.
        Assumes:
            What Model assumes. A penalty with 1 / n_k for each class is another model, which this cannot be.
        Returns:
            Model, whose objective is theirs divided by f (and by N for a sum).
        Raises:
            InputError: an unknown word, a factor that is not positive, and what Model raises.
        Reference:
            zhu2021; tirer2022 (sum over samples, 1/(2N)); thrampoulidis2022 (sum).
        Example:
            >>> from nctheory.landscape import Model
            >>> theirs = {"regularization": (0.5, 0.5), "reduction": "sum", "penalty_factor": 1}
            >>> Model.from_convention([5, 5], **theirs).lambda_weights
            Fraction(1, 10)
        """
        for name, word in (("reduction", reduction), ("feature_penalty", feature_penalty)):
            if word not in ("mean", "sum"):
                raise InputError(f"{name} is {word!r}, expected 'mean' or 'sum'")
        factors = {"loss_factor": loss_factor, "penalty_factor": penalty_factor}
        loss_scale, penalty_scale = (_positive_fraction(value, name) for name, value in factors.items())
        total = int(checked_sizes(class_sizes).sum())
        scale = 2 * penalty_scale / loss_scale / (total if reduction == "sum" else 1)
        (weights,), features, shift = _checked_penalties(regularization, checked_flag(bias), 1, "free")
        ours = [weights * scale, features * scale / (total if feature_penalty == "mean" else 1), shift * scale]
        return cls(
            class_sizes,
            dimension,
            loss=loss,
            regularization=ours if bias else ours[:2],
            bias=bias,
            class_weights=class_weights,
        )

    def replace(self, **changes: Any) -> "Model":
        """The same model with other arguments."""
        given: dict[str, Any] = {
            "class_sizes": self.class_sizes,
            "dimension": self.dimension,
            "loss": self.loss,
            "regularization": self.regularization or None,
            "bias": self.bias,
            "class_weights": self.class_weights,
            "features": self.features,
            "temperature": self.temperature,
            "depth": self.depth,
            "activation": self.activation,
        }
        given |= changes
        return Model(given.pop("class_sizes"), **given)

    @property
    def family(self) -> Family:
        """Which file answers: free or non-negative features, spheres, a deep model, or label sets."""
        if isinstance(self.loss, PickAllLabels):
            return "label_sets"
        if self.depth > 1:
            return "deep"
        return self.features  # type: ignore[return-value]  # one of FEATURES

    @property
    def num_classes(self) -> int:
        """K, the number of logits; as many as class sizes but for label sets."""
        return _num_logits(self.loss, self.class_sizes)

    @property
    def lambda_weights(self) -> Fraction:
        """lambda_W, of the last matrix in a deep model; 0 on spheres."""
        return self.layer_penalties[-1]

    @property
    def num_samples(self) -> int:
        """N."""
        return int(self.class_sizes.sum())

    @property
    def regularization(self) -> tuple[Any, ...]:
        """(lambda_W, lambda_H), and with a bias lambda_b; lambda_W is a tuple in a deep model. Empty on spheres."""
        if self.features == "sphere":
            return ()
        weights = self.layer_penalties if self.depth > 1 else self.lambda_weights
        penalties = weights, self.lambda_features, self.lambda_bias
        return penalties if self.bias else penalties[:2]

    @cached_property
    def strength(self) -> float:
        """The geometric mean of the penalties of all matrices and of the features, which all thresholds are about."""
        factors = [*self.layer_penalties, self.lambda_features]
        if len(factors) == 2:
            return math.sqrt(factors[0]) * math.sqrt(factors[1])
        return math.prod(math.exp(math.log(penalty) / len(factors)) for penalty in factors)

    @property
    def ratio(self) -> float:
        """The square root of lambda_H / lambda_W: |w|^2 / |h|^2 where norms are shared out as they are at optima."""
        return math.sqrt(self.lambda_features / self.lambda_weights)

    @cached_property
    def weighted_loss(self) -> Loss:
        """The loss with its class weights."""
        return self.loss if self.class_weights is None else ClassWeighted(self.loss, tuple(self.class_weights.tolist()))

    @property
    def multipliers(self) -> Array:
        """(K,) class weights, all 1 where there are none."""
        return np.ones(self.num_classes) if self.class_weights is None else self.class_weights

    @property
    def is_balanced(self) -> bool:
        """Whether all classes have one size and one class weight."""
        return bool((self.class_sizes == self.class_sizes[0]).all() and (self.multipliers == self.multipliers[0]).all())

    @property
    def smoothing(self) -> float:
        """That of the loss, and 0 where there is none."""
        return self.loss.smoothing if isinstance(self.loss, LabelSmoothing) else 0.0

    @property
    def latex(self) -> str:
        """The objective in LaTeX."""
        weight = "" if self.class_weights is None else r"u_{y_i}\,"
        total = rf"\frac1N\sum_{{i=1}}^N {weight}\ell({self._latex_logits}, y_i){self._latex_penalties}"
        where = {"sphere": r",\quad \|w_c\| = \|h_i\| = 1", "nonnegative": r",\quad H \ge 0"}.get(self.features, "")
        return rf"{total}{where},\quad \ell(z, y) = {self.loss.latex}"

    @property
    def _latex_logits(self) -> str:
        if self.features == "sphere":
            return rf"{float(self.temperature or 0):g}\, W h_i"
        matrices = [f"W_{j}" for j in range(self.depth, 0, -1)] if self.depth > 1 else ["W"]
        if self.activation == "relu":
            inner = r" \max(0, ".join(matrices)
            return rf"{inner} h_i{')' * (self.depth - 1)}"
        return " ".join(matrices) + (r" h_i + b" if self.bias else r" h_i")

    @property
    def _latex_penalties(self) -> str:
        if self.features == "sphere":
            return ""
        if self.depth > 1:
            weights = rf"\sum_{{j=1}}^{self.depth} \frac{{\lambda_j}}{{2}}\|W_j\|_F^2"
        else:
            weights = r"\frac{\lambda_W}{2}\|W\|_F^2"
        bias = r" + \frac{\lambda_b}{2}\|b\|^2" if self.lambda_bias else ""
        return rf" + {weights} + \frac{{\lambda_H}}{{2}}\|H\|_F^2{bias}"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"

    def __repr__(self) -> str:
        shown = ", ".join(map(str, self.class_sizes[:6])) + (", ..." if len(self.class_sizes) > 6 else "")
        weight = "" if self.class_weights is None else "u_y "
        what = "classes" if self.family != "label_sets" else f"labels, {len(self.class_sizes)} sets"
        objective = f"F = mean {weight}{self.loss.name}({self._logits}){self._penalties}"
        return f"Model({objective}; {self.num_classes} {what} of {shown} samples, dimension {self.dimension})"

    @property
    def _logits(self) -> str:
        """What the loss is of, in words."""
        if self.features == "sphere":
            return f"{float(self.temperature or 0):g} W h"
        between = " relu " if self.activation == "relu" else " "
        matrices = between.join(f"W{j}" for j in range(self.depth, 0, -1)) if self.depth > 1 else "W"
        return f"{matrices} h + b" if self.bias else f"{matrices} h"

    @property
    def _penalties(self) -> str:
        """The rest of the objective, in words."""
        if self.features == "sphere":
            return " on spheres"
        names = [f"W{j}" for j in range(1, self.depth + 1)] if self.depth > 1 else ["W"]
        terms = [*zip(self.layer_penalties, names, strict=True), (self.lambda_features, "H")]
        terms += [(self.lambda_bias, "b")] if self.lambda_bias else []
        text = "".join(f" + {float(penalty):g}/2 |{name}|^2" for penalty, name in terms)
        return text + (", H >= 0" if self.features == "nonnegative" else "")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[Any, ...]:
        parts = (self.class_sizes, self.multipliers)
        exact = (self.dimension, self.loss, self.bias, *self.regularization, self.features, self.temperature)
        return (*(tuple(part.tolist()) for part in parts), *exact, self.depth, self.activation)


# ------------------------------------------------------------------------------------------------------------- checks


def _checked_loss(loss: Any, class_weights: Any, num_classes: int) -> tuple[Loss, Array | None]:
    """The loss without its class weights, and these."""
    if not isinstance(loss, Loss):
        raise InputError(f"loss is {loss!r}, expected an object of nctheory.losses, such as CrossEntropy()")
    if isinstance(loss, ClassWeighted):
        if class_weights is not None:
            raise InputError("class weights are given twice, with the loss and as class_weights")
        loss, class_weights = loss.loss, loss.class_weights
    if class_weights is None:
        return loss, None
    weights = real_array(class_weights, "class_weights", 1).astype(np.float64)
    if weights.shape != (num_classes,):
        raise InputError(f"class_weights has shape {weights.shape}, expected {(num_classes,)} to match class_sizes")
    if not (weights > 0).all():
        worst = int(np.argmin(weights))
        raise InputError(f"class_weights[{worst}] is {weights[worst]:g}, expected a positive number")
    return loss, freeze(weights)


def _num_logits(loss: Loss, sizes: Array) -> int:
    return loss.num_classes if isinstance(loss, PickAllLabels) else len(sizes)


def _checked_penalties(
    regularization: Any, bias: bool, depth: int, features: str
) -> tuple[tuple[Fraction, ...], Fraction, Fraction]:
    """Those of the matrices, of the features, and of the bias."""
    if features == "sphere":
        if regularization is not None:
            raise InputError(f"regularization is {regularization!r}, expected none: on spheres no norm is penalized")
        return (Fraction(0),), Fraction(0), Fraction(0)
    try:
        given = list(regularization)
    except TypeError:
        given = []
    expected = "(lambda_W, lambda_H) or, with a bias, (lambda_W, lambda_H, lambda_b)"
    if not 2 <= len(given) <= 2 + bias:
        hint = "; lambda_b needs bias=True" if len(given) == 3 else ""
        raise InputError(f"regularization is {regularization!r}, expected {expected}{hint}")
    weights = _of_layers(given[0], depth)
    features_penalty = _positive_penalty(given[1], "lambda_H")
    bias_penalty = _penalty(given[2], "lambda_b") if len(given) == 3 else Fraction(0)
    if bias_penalty < 0:
        raise InputError(f"lambda_b is {float(bias_penalty):g}, expected 0 (a free bias) or a positive number")
    return weights, features_penalty, bias_penalty


def _of_layers(given: Any, depth: int) -> tuple[Fraction, ...]:
    """One penalty for each matrix."""
    if not isinstance(given, tuple | list | np.ndarray):
        return (_positive_penalty(given, "lambda_W"),) * depth
    if len(given) != depth:
        raise InputError(
            f"lambda_W is ({', '.join(map(str, given))}), expected a number, or one for each of {depth} matrices"
        )
    return tuple(_positive_penalty(each, f"lambda_{j}") for j, each in enumerate(given, 1))


def _penalty(given: Any, name: str) -> Fraction:
    value = as_fraction(given, f"regularization: {name}")
    if value and not _LEAST <= abs(value) <= 1 / _LEAST:
        raise InputError(f"{name} is beyond the range of float64, expected a size from 1e-300 to 1e300")
    return value


def _positive_penalty(given: Any, name: str) -> Fraction:
    value = _penalty(given, name)
    if value <= 0:
        why = "no minimizer exists, as along (W / t, t H) F comes down to what it is without that penalty"
        why = "F falls without end, as the penalty grows faster than the loss" if value < 0 else why
        raise InputError(f"{name} is {float(value):g}, expected a positive number: {why}")
    return value


def _checked_temperature(temperature: Any, features: str) -> Fraction | None:
    if features != "sphere":
        if temperature is not None:
            raise InputError(f"temperature is {temperature}, expected none: it is that of features='sphere'")
        return None
    if temperature is None:
        raise InputError("temperature is missing, expected a positive number: that of the logits on spheres")
    value = _positive_fraction(temperature, "temperature")
    if not _LEAST <= value <= 1 / _LEAST:
        raise InputError("temperature is beyond the range of float64, expected a size from 1e-300 to 1e300")
    return value


def _check_family(model: Model) -> None:
    """Refuses what no statement here is about, and says what there is."""
    if model.family == "label_sets" and len(model.class_sizes) != len(model.loss.label_sets):  # type: ignore[attr-defined]
        count = len(model.loss.label_sets)  # type: ignore[attr-defined]
        raise InputError(f"class_sizes has {len(model.class_sizes)} entries, expected {count}, one for each label set")
    if model.depth == 1 and model.activation != "linear":
        raise InputError("activation is 'relu' with one matrix, expected depth of at least 2: it is between matrices")
    wrong = next((why for is_wrong, why in _refusals(model) if is_wrong), None)
    if wrong is not None:
        raise InputError(f"{wrong} for this model: {_SUPPORTED[model.family]}")


_SUPPORTED = {
    "free": "",
    "nonnegative": "non-negative features have theory here for convex losses",
    "sphere": "spheres have theory here for cross-entropy without bias and class weights",
    "deep": "deep models have theory here for free features, without class weights, and cross-entropy without bias, or "
    "squared error without bias or with a free one; with a ReLU between layers for squared error without bias",
    "label_sets": "label sets have theory here for free features, one matrix and no class weights",
}


def _refusals(model: Model) -> list[tuple[bool, str]]:
    """What is not supported, each with whether the model has it."""
    loss, family = model.loss, model.family
    free_bias = model.bias and not model.lambda_bias
    named = f"loss {loss.name}"
    return [
        (family == "nonnegative" and not loss.is_convex, named),
        (family == "sphere" and type(loss) is not CrossEntropy, named),
        (family == "sphere" and model.bias, "a bias"),
        (family == "deep" and not isinstance(loss, CrossEntropy | SquaredError), named),
        (family == "deep" and isinstance(loss, CrossEntropy) and model.bias, "a bias with cross-entropy"),
        (family == "deep" and model.bias and not free_bias, "a penalized bias"),
        (model.activation == "relu" and not isinstance(loss, SquaredError), f"a ReLU with {named}"),
        (model.activation == "relu" and model.bias, "a ReLU with a bias"),
        (family in ("sphere", "deep", "label_sets") and model.class_weights is not None, "class_weights"),
        (family in ("deep", "label_sets") and model.features != "free", f"features={model.features!r}"),
        (family == "label_sets" and model.depth > 1, f"depth={model.depth}"),
    ]


def _positive_fraction(value: Any, name: str) -> Fraction:
    number = as_fraction(value, name)
    if number <= 0:
        raise InputError(f"{name} is {value}, expected a positive number")
    return number


def _check_smoothing(model: Model) -> None:
    """Negative smoothing: bounded below exactly for a >= -c, with a minimizer for a > -c, if the model is balanced."""
    smoothing = as_fraction(model.smoothing, "smoothing")
    if smoothing >= 0:
        return
    if not model.is_balanced:
        raise InputError(f"smoothing is {float(smoothing):g}; negative smoothing needs equal class sizes and weights")
    scale = model.num_classes**2 * int(model.class_sizes[0]) / as_fraction(float(model.multipliers[0]), "weight") ** 2
    square = scale * model.lambda_weights * model.lambda_features
    if smoothing**2 >= square:
        why = "F falls without end" if smoothing**2 > square else "the infimum 0 of F is not attained"
        least = f"-K n^(1/2) lambda = {-math.sqrt(square):g}"
        raise InputError(f"smoothing is {float(smoothing):g}, expected more than {least}: {why}")
