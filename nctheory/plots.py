"""Pictures of results, as matplotlib figures that are shown by no one and saved by whoever asked for them."""

from fractions import Fraction
from typing import Any

import numpy as np

from nctheory.errors import InputError
from nctheory.separation import Trajectory
from nctheory.spectrum import class_spectrum

__all__ = ["gradient_flow"]

_BLUE, _RED, _GRAY = "#0072b2", "#d55e00", "#7f7f7f"  # told apart by the color-blind
_WIDTH = Fraction(1, 10**12)


def gradient_flow(trajectory: Trajectory) -> Any:
    """The normalized margin of a gradient flow beside the largest possible one, and how well it was integrated.

    Formula:
        Left: smallest margin over (|W|^2 + |H|^2) / 2, and the line 1 / optimum. Right: how far below the line it is,
        and the drift of the conserved quantities, both relative. Against -log of the cross-entropy.
    Args:
        trajectory: from `separation.gradient_flow`.
    Assumes:
        matplotlib is installed (the extra `plots`).
    Returns:
        matplotlib Figure.
    Raises:
        InputError: matplotlib is not installed, or no Trajectory.
    Reference:
        ji2022.
    Example:
        >>> from nctheory import plots, separation
        >>> figure = plots.gradient_flow(separation.gradient_flow([2, 1], 1, seed=0))
        >>> figure.savefig("flow.png")                                                  # doctest: +SKIP
    """
    if not isinstance(trajectory, Trajectory):
        raise InputError(f"trajectory is of type {type(trajectory).__name__}, expected a separation.Trajectory")
    figure = _figure(10, 4)
    best, bound = _largest_margin(trajectory)
    depth, (left, right) = -trajectory.log_losses, figure.subplots(1, 2)
    left.plot(depth, trajectory.margins, color=_BLUE, label="along the flow")
    left.axhline(best, color=_RED, linestyle="--", label=f"{bound}: {best:.4g}")
    lowest = min(0.0, 1.1 * float(trajectory.margins.min()))
    left.set(ylabel="smallest margin / ½(|W|² + |H|²)", ylim=(lowest, 1.1 * best))
    right.plot(depth, 1 - trajectory.margins / best, color=_BLUE, label="gap to the dashed line")
    moved = trajectory.drift > 0  # it is 0 at the start
    right.plot(depth[moved], trajectory.drift[moved], color=_GRAY, linewidth=1, label="drift of conserved quantities")
    right.set(yscale="log", ylim=(1e-16, 10), ylabel="relative difference")
    for axes in (left, right):
        axes.set_xscale("symlog", linthresh=1)  # losses above 1 are shown too
        axes.set(xlabel="−log(cross-entropy)", xlim=(depth.min() - 0.1, 1.1 * max(1.0, depth.max())))
        _finish(axes)
    figure.suptitle(_heading(trajectory, bound, float(1 - trajectory.margins[-1] / best)), fontsize="medium")
    return figure


def _largest_margin(trajectory: Trajectory) -> tuple[float, str]:
    """1 over the least value possible, and what that is for this dimension."""
    num_classes, dimension = trajectory.weights.shape
    best = 1 / float(class_spectrum(trajectory.class_sizes).value(_WIDTH)[0])
    return best, "largest possible margin" if dimension >= num_classes - 1 else "bound on the margin"


def _heading(trajectory: Trajectory, bound: str, below: float) -> str:
    num_classes, dimension = trajectory.weights.shape
    sizes = ", ".join(map(str, np.asarray(trajectory.class_sizes)[:6])) + (", …" if num_classes > 6 else "")
    first = f"K = {num_classes}, d = {dimension}, class sizes {sizes}: ends {below:.2g} below the {bound} (relative)"
    if trajectory.direction is None:
        return first
    residual, norm = trajectory.direction.residual, trajectory.direction.spectral_norm
    return f"{first}\nKKT residual {residual:.1g}, |B|₂ = {norm:.4g} (a global optimum where it is 1)"


def _figure(width: float, height: float) -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("matplotlib is not installed, expected for plots: pip install 'nctheory[plots]'") from None
    return Figure(figsize=(width, height), layout="constrained")


def _finish(axes: Any) -> None:
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize="small")
    axes.grid(color="#dddddd", linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
