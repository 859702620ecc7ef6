"""What all pictures share: colors for everyone, figures without a display, a narrow form, files of the same bytes."""

import io
import textwrap
from typing import Any

from nctheory.errors import InputError

__all__ = ["BLUE", "COLORS", "GRAY", "RED", "figure", "finish", "lighten", "png", "stacked", "svg"]

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # Okabe and Ito's
BLUE, RED = COLORS[:2]
GRAY = "#7f7f7f"
_NARROW = 4.4  # inches of width on a phone
_SALT: Any = {"svg.hashsalt": "nctheory"}  # without one, matplotlib draws names at random
_FINE, _DOTS = 100, (100, 50)  # rows of a map, or lines, and dots per inch up to so many and beyond
_COLUMNS = 52  # letters of a heading in the narrow form


def figure(width: float, height: float) -> Any:
    """A matplotlib Figure that no window shows."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("matplotlib is not installed, expected for plots: pip install 'nctheory[plots]'") from None
    return Figure(figsize=(width, height), layout="constrained")


def finish(axes: Any) -> None:
    """A legend above the axes, and as few lines around them as possible."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize="small")
    lighten(axes)


def lighten(axes: Any) -> None:
    """As few lines around the axes as possible."""
    axes.grid(color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def stacked(drawn: Any) -> Any:
    """The same figure for a narrow screen, changed in place: its panels below one another, long lines broken."""
    from matplotlib.gridspec import GridSpec

    panels = [axes for axes in drawn.axes if axes.get_subplotspec() is not None]
    height = drawn.get_size_inches()[1]
    rows = panels[0].get_subplotspec().get_gridspec().nrows
    each = min(height / rows, _NARROW)
    entries = sum(len(legend.get_texts()) for legend in drawn.legends)
    drawn.set_size_inches(_NARROW, each * len(panels) + 0.2 * entries)
    grid = GridSpec(len(panels), 1, figure=drawn)
    for row, axes in enumerate(panels):
        axes.set_subplotspec(grid[row])
    for legend in list(drawn.legends):
        handles_labels = legend.legend_handles, [text.get_text() for text in legend.get_texts()]
        legend.remove()
        drawn.legend(*handles_labels, loc="outside lower center", frameon=False, fontsize="small")
    if drawn.get_suptitle():
        lines = [part for line in drawn.get_suptitle().splitlines() for part in textwrap.wrap(line, _COLUMNS)]
        drawn.suptitle("\n".join(lines), fontsize="medium")
    return drawn


def svg(drawn: Any) -> bytes:
    """The figure as SVG, the same bytes each time; where there is much to draw it is coarser, and stays small."""
    from matplotlib import rc_context

    stream = io.BytesIO()
    sizes = [max(image.get_size()) for axes in drawn.axes for image in axes.images]
    sizes += [len(axes.lines) for axes in drawn.axes]
    with rc_context(_SALT):
        drawn.savefig(stream, format="svg", metadata={"Date": None}, dpi=_DOTS[max(sizes, default=0) > _FINE])
    return stream.getvalue()


def png(drawn: Any, dots_per_inch: int = 150) -> bytes:
    """The figure as PNG."""
    stream = io.BytesIO()
    drawn.savefig(stream, format="png", dpi=dots_per_inch)
    return stream.getvalue()
