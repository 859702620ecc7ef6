"""Draws the pictures of docs/report.md and README.md anew: python docs/pictures/draw.py.

They are of the network in the package; digits_trajectory.csv is what its training script measured on the way:
python nctheory/data/train_digits.py OUTPUT --trajectory docs/pictures/digits_trajectory.csv.
"""

from pathlib import Path
from typing import Any

import numpy as np

import nctheory
from nctheory import collapse, plots, separation
from nctheory.drawing import COLORS, figure, lighten
from nctheory.probability import curve

FOLDER = Path(__file__).parent
NOISES = [1.8, 1.3, 0.9, 0.63, 0.45, 0.32]


CURVES = {
    "variability": "NC1: within-class variability",
    "max_angle_means": "NC2: |cos + 1/(K-1)|, class means",
    "self_duality": "NC3: |W/|W| - D/|D||\u00b2",
}


def training() -> Any:
    """NC1 to NC3 at the epochs that the training script measured, and where the training error is 0."""
    table = np.genfromtxt(FOLDER / "digits_trajectory.csv", delimiter=",", names=True)
    drawn = figure(8, 4)
    axes = drawn.subplots()
    for (name, label), color, style in zip(CURVES.items(), COLORS, ("-", "--", ":"), strict=False):
        axes.plot(table["epoch"], table[name], style, color=color, marker="o", markersize=3.5, label=label)
    solved = table["epoch"][table["training_error"] == 0]
    axes.plot(solved, np.full(len(solved), 1.5e-4), "|", color="black", label="training error 0")
    axes.set(xscale="symlog", yscale="log", xlabel="epoch", title="The network in the package, trained past zero error")
    axes.legend(frameon=False, fontsize="small")
    lighten(axes)
    return drawn


def main() -> None:
    """Seven pictures, as PNG beside this file."""
    data = nctheory.load(nctheory.sample_path())
    best = separation.optimum(data.class_sizes, data.dimension, bias=True)
    compared = collapse.compare(data, best)
    points = data.configuration
    drawn = {
        "training": training(),
        "collapse_series": plots.collapse_series(collapse.measure_series(nctheory.sample_path())),
        "gram_matrices": plots.gram_matrices(compared.measured_means_gram, compared.predicted_means_gram),
        "geometry": plots.geometry(data),
        "margin_histogram": plots.margin_histogram(data),
        "pair_exponents": plots.pair_exponents(points),
        "error_curve": plots.error_curve(NOISES, curve(points, NOISES, rtol=0.02, seed=0), points),
    }
    for name, picture in drawn.items():
        picture.savefig(FOLDER / f"{name}.png", dpi=90)


if __name__ == "__main__":
    main()
