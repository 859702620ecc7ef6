"""The questions about a model, each answered by the file of its family: free or non-negative features, spheres, deep
models, label sets.

Such a file has `numbers` (a point in floats, with value, gradient and Hessian-vector product), `start` (a random one),
`flat` (points as vectors, for descent), `as_point` (a point that a user is given, like another one), `optimum`,
`certify` and `escape`, and where there is a convex formulation `solve`.
"""

from types import ModuleType
from typing import Any

import numpy as np

from nctheory.arrays import Seed, checked_generator, checked_tolerance, positive_integer
from nctheory.errors import InputError
from nctheory.landscape import deep, free, label_sets, nonnegative, sphere
from nctheory.landscape.answers import Certified, Escape, Optimum
from nctheory.landscape.evaluation import Tangent
from nctheory.landscape.model import Model
from nctheory.landscape.reduced import Formulation
from nctheory.result import Result

__all__ = ["certify", "escape", "gradient", "hessian_vector_product", "objective", "optimum", "solve"]

_FAMILIES: dict[str, ModuleType] = {
    "free": free,
    "nonnegative": nonnegative,
    "sphere": sphere,
    "deep": deep,
    "label_sets": label_sets,
}


def family_of(model: Any) -> ModuleType:
    """The file that answers."""
    if not isinstance(model, Model):
        raise InputError(f"model is of type {type(model).__name__}, expected a landscape.Model")
    return _FAMILIES[model.family]


def objective(model: Model, point: Any) -> float:
    """The value of the model's objective at a point, in floats.

    Formula:
        F of Model.
    Args:
        model: a Model.
        point: Features with weights, or a Configuration with weights and class_sizes; of the model's class sizes and
            dimension, with the bias 0 where the model has none. Of a deep model a DeepPoint, of label sets a
            LabelSetPoint; on spheres rows have norm 1 up to 1e-6, and F is that of rows divided by their norms.
    Assumes:
        Nothing.
    Returns:
        A float; `certify` knows rational numbers on both sides of it.
    Raises:
        InputError: a point that is not of this model.
    Reference:
        zhu2021, equation 4.
    Example:
        >>> from nctheory import Features
        >>> from nctheory.landscape import Model, objective
        >>> from nctheory.losses import SquaredError
        >>> model = Model([1, 1], 1, loss=SquaredError(), regularization=(0.5, 0.5))
        >>> objective(model, Features([[1.0], [0.0]], [0, 1], [[1.0], [0.0]]))
        0.75
    """
    family = family_of(model)
    with np.errstate(over="ignore", invalid="ignore"):  # what is beyond floats is refused, or infinite
        return float(family.numbers(model, point).value(model))


def gradient(model: Model, point: Any) -> Tangent:
    """The gradient of the objective at a point.

    Formula:
        With the rows g_i = (u_y / N) grad l(z_i): G^T H + lambda_W W, g_i W + lambda_H h_i, sum g_i + lambda_b b. Of a
        Configuration the middle part is that by the class means, n_k times the derivative by one sample. On spheres it
        is the Riemannian gradient, orthogonal to the rows; in a deep model there is a part for every matrix.
    Args:
        model: a Model.
        point: as for `objective`.
    Assumes:
        Nothing.
    Returns:
        Tangent with weights (K, d), features (N, d) or (K, d), and bias (K,), which is 0 without a bias; a DeepTangent
        for a deep model.
    Raises:
        InputError: a point that is not of this model.
    Reference:
        zhu2021, appendix B.
    Example:
        >>> from nctheory import Features
        >>> from nctheory.landscape import Model, gradient
        >>> from nctheory.losses import SquaredError
        >>> model = Model([1, 1], 1, loss=SquaredError(), regularization=(0.5, 0.5))
        >>> gradient(model, Features([[1.0], [0.0]], [0, 1], [[1.0], [0.0]])).weights
        array([[0.5],
               [0. ]])
    """
    family = family_of(model)
    with np.errstate(over="ignore", invalid="ignore"):
        found: Tangent = family.numbers(model, point).gradient(model)
    return found


def hessian_vector_product(model: Model, point: Any, tangent: Tangent) -> Tangent:
    """The second derivative of the objective at a point, applied to a tangent.

    Formula:
        The derivative of `gradient` along the tangent; on spheres the Riemannian Hessian.
    Args:
        model: a Model.
        point: as for `objective`.
        tangent: changes of weights, features (or class means) and bias, of the shapes that `gradient` returns.
    Assumes:
        Nothing.
    Returns:
        Tangent of the same shapes.
    Raises:
        InputError: a point that is not of this model, a tangent of other shapes.
    Reference:
        zhu2021, appendix B.
    Example:
        >>> import numpy as np
        >>> from nctheory import Features
        >>> from nctheory.landscape import Model, Tangent, hessian_vector_product
        >>> from nctheory.losses import SquaredError
        >>> model = Model([1, 1], 1, loss=SquaredError(), regularization=(0.5, 0.5))
        >>> along = Tangent(np.array([[1.0], [0.0]]), np.zeros((2, 1)), np.zeros(2))
        >>> hessian_vector_product(model, Features([[1.0], [0.0]], [0, 1], [[1.0], [0.0]]), along).weights
        array([[1.],
               [0.]])
    """
    numbers = family_of(model).numbers(model, point)
    expected = tuple(part.shape for part in numbers.gradient(model).parts)
    given = tuple(np.shape(part) for part in tangent.parts)
    if given != expected:
        raise InputError(f"tangent has parts of shapes {given}, expected {expected}")
    found: Tangent = numbers.hessian_vector_product(model, tangent)
    return found


def optimum(model: Model, *, tolerance: float = 1e-9, starts: int = 8, seed: Seed = 0) -> Result[Optimum]:
    """The least value of a model's objective, and a configuration that attains it.

    Formula:
        min over W, H, b of F. Closed forms where a statement covers the model; else, for a convex loss, the
        class-reduced convex problem min (1/N) sum_k n_k u_k l(z_k + b, k) + lambda |D^(1/2) Z|_* + lambda_b |b|^2 / 2,
        if its optimum has a rank of at most d; else the best of several starts. Spheres, deep models, label sets and
        non-negative features have closed forms and convex formulations of their own, see docs/landscape.md.
    Args:
        model: a Model.
        tolerance: relative gap up to which the status is near_optimal.
        starts: how many random starts are tried where nothing else is known.
        seed: of these starts.
    Assumes:
        What Model assumes.
    Returns:
        Result with lower <= min F <= upper, whatever the method: the upper end is F at the configuration, the lower one
        comes from a dual matrix (or, for the squared error in few dimensions or with depth, from its largest modes, and
        for the focal loss from its margins), both with bounds on all rounding errors. `exact` is a SymPy number in some
        closed forms, `details` an Optimum, `certificate` the kernel's claim of the lower end. Status optimal,
        near_optimal, or undecided where the ends are apart.
    Raises:
        InputError: no model, a tolerance below 0.
    Reference:
        zhu2021, theorem 3.1; zhou2022; thrampoulidis2022, section 4; dang2023.
    Example:
        >>> from nctheory.landscape import Model, optimum
        >>> found = optimum(Model([4, 4, 4], regularization=(1 / 12, 1 / 12)))
        >>> round(found.value, 12), found.details.rank
        (0.867563228481, 2)
    """
    family, allowed = family_of(model), checked_tolerance(tolerance)
    found: Result[Optimum] = family.optimum(model, allowed, positive_integer(starts, "starts"), checked_generator(seed))
    return found


def solve(
    model: Model, *, formulation: Formulation = "convex", solver: str | None = None, tolerance: float = 1e-9
) -> Result[Optimum]:
    """The class-reduced convex problem by numerical optimization, whatever closed forms there are.

    Formula:
        min over Z (K, K) and b of (1/N) sum_k n_k u_k l(z_k + b, k) + lambda |D^(1/2) Z|_* [+ lambda_b |b|^2 / 2],
        classes of one size and weight treated alike; of label sets with their rows (M, K). On spheres the semidefinite
        problem min (1/N) sum_k n_k l(tau Z_k, k) over Gram matrices with the block Z and a diagonal of 1.
    Args:
        model: a Model with a convex loss and free features, or on spheres.
        formulation: "convex", by cvxpy and then polished, or "factored", by L-BFGS and Newton's method.
        solver: the name of an installed cvxpy solver; Clarabel where left out.
        tolerance: relative gap up to which the status is near_optimal.
    Assumes:
        d is at least the rank of the solution; else the lower end still holds, and the upper one is F of its best
        approximation in d dimensions.
    Returns:
        Result as from `optimum`.
    Raises:
        InputError: a loss that is not convex, an unknown formulation or solver. SolverError: no solution.
    Reference:
        thrampoulidis2022, section 4; haeffele2015 (factored nuclear norm).
    Example:
        >>> from nctheory.landscape import Model, solve
        >>> found = solve(Model([5, 1], regularization=(0.1, 0.1), bias=True), formulation="factored")
        >>> print(found.status)
        near_optimal
    """
    family, allowed = family_of(model), checked_tolerance(tolerance)
    if not hasattr(family, "solve"):
        raise InputError(
            f"{model!r} has no convex formulation here, expected free features, label sets or spheres, or `optimum`"
        )
    if formulation not in ("convex", "factored"):
        raise InputError(f"formulation is {formulation!r}, expected 'convex' or 'factored'")
    found: Result[Optimum] = family.solve(model, formulation, solver, allowed)
    return found


def certify(model: Model, point: Any, *, tolerance: float = 1e-9) -> Result[Certified]:
    """How far a point of a model is from the minimum over all points, rigorously, and a better one where there is one.

    Formula:
        ratio = min F / F(point) in (0, 1]. min F >= (1/N) sum_k n_k u_k Ent(t_k + theta (p_k - t_k)), theta =
        min(1, lambda / |G|_2), for cross-entropy at any point with class probabilities p_k and targets t_k; so for
        other convex losses, with their conjugates.
    Args:
        model: a Model.
        point: as for `objective`.
        tolerance: relative gap up to which the status is near_optimal.
    Assumes:
        Features are free variables: what is compared with is the best features of any kind, not those of a network.
    Returns:
        Result with lower <= ratio <= upper, gap = 1 - lower, and status near_optimal (gap at most the tolerance),
        improvable (`configuration` has a strictly smaller objective) or undecided. Its certificate says that the
        objective is at most a number or, where improvable, that the better point's is smaller.
    Raises:
        InputError: a point that is not of this model, a tolerance below 0.
    Reference:
        zhu2021, theorem 3.2; haeffele2015.
    Example:
        >>> import numpy as np
        >>> from nctheory import Configuration
        >>> from nctheory.landscape import Model, certify
        >>> model = Model([4, 4, 4], regularization=(1 / 12, 1 / 12))
        >>> zero = Configuration(np.zeros((3, 3)), np.zeros((3, 3)), class_sizes=[4, 4, 4])
        >>> found = certify(model, zero)
        >>> print(found.status, round(float(found.upper), 6), found.details.escape is not None)
        improvable 0.78969 True
    """
    family, allowed = family_of(model), checked_tolerance(tolerance)
    with np.errstate(over="ignore", invalid="ignore"):
        found: Result[Certified] = family.certify(model, point, allowed)
    return found


def escape(model: Model, point: Any) -> Escape | None:
    """A direction of negative curvature out of a point, with a step along it to a strictly smaller objective.

    Formula:
        With s = |G|_2 > lambda, top singular vectors u, v of G (K, N), a unit vector a with W a = 0 and H a = 0, and
        q = (lambda_H / lambda_W)^(1/2): along (q^(1/2) u a^T, -q^(-1/2) v a^T, 0) the second derivative of F is
        exactly -2 (s - lambda), for every smooth loss, and the first one is 0. With non-negative features v is one of
        the v >= 0, and s = |G v|; on spheres (u a^T, v a^T) for the least eigenvalue of S and its vector (u; v); in a
        deep model the lowest eigenvector of the second derivative.
    Args:
        model: a Model.
        point: as for `objective`.
    Assumes:
        Nothing. At critical points W a = 0 gives H a = 0; for cross-entropy-like losses they have a rank of at most
        K - 1, so that d >= K always leaves a direction unused.
    Returns:
        Escape, or None where |G|_2 <= lambda, or W and H leave no direction unused (up to 1e-6 of their norm).
    Raises:
        InputError: a point that is not of this model.
    Reference:
        zhu2021, theorem 3.2, with any class sizes, weights and penalties.
    Example:
        >>> import numpy as np
        >>> from nctheory import Configuration
        >>> from nctheory.landscape import Model, escape
        >>> model = Model([4, 4, 4], regularization=(1 / 12, 1 / 12))
        >>> zero = Configuration(np.zeros((3, 3)), np.zeros((3, 3)), class_sizes=[4, 4, 4])
        >>> round(escape(model, zero).curvature, 6)
        -0.166667
    """
    found: Escape | None = family_of(model).escape(model, point)
    return found
