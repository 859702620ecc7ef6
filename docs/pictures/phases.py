"""Draws the phase diagrams of docs/, one picture for each line of models: python docs/pictures/phases.py."""

from pathlib import Path
from typing import Any

import numpy as np

from nctheory.landscape import Model, all_label_sets, phase_diagram
from nctheory.losses import Focal, PickAllLabels, SquaredError
from nctheory.plots import phase_diagram as draw

FOLDER = Path(__file__).parents[1]
ONES = {"regularization": (1, 1)}
LABELS = PickAllLabels(all_label_sets(4, {1: 1, 2: 1}).sets)
LINES: dict[str, tuple[Model, str, Any]] = {
    "imbalance": (Model([100_000] * 10, regularization=(3e-5, 3e-5)), "imbalance", np.geomspace(1, 5000, 81)),
    "focal": (Model([10] * 40, loss=Focal(5), **ONES), "strength", np.geomspace(0.0085, 0.0112, 161)),
    "nonnegative": (Model([500] * 3 + [50] * 3 + [5] * 3, features="nonnegative", **ONES), "strength", None),
    "spheres": (
        Model([1000, 100, 100, 100], features="sphere", temperature=1),
        "temperature",
        np.geomspace(0.02, 20, 61),
    ),
    "spheres-imbalance": (Model([4000] * 4, features="sphere", temperature=1), "imbalance", np.geomspace(1, 100, 61)),
    "deep": (
        Model([400, 100, 25, 9], loss=SquaredError(), depth=2, **ONES),
        "strength",
        np.geomspace(5e-4, 0.05, 300),
    ),
    "label-sets": (Model([60, 60, 6, 6] + [3] * 6, loss=LABELS, **ONES), "strength", None),
}


def main() -> None:
    """Write all of them."""
    for name, (model, over, values) in LINES.items():
        draw(phase_diagram(model, over, values)).savefig(FOLDER / f"phases-{name}.png", dpi=80)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
