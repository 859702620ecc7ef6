"""Make the sample data set ``digits.npz``: a small classifier trained past zero error.

A multilayer perceptron (64 -> 256 -> 256 -> 32 features -> 10 classes) is trained with PyTorch on
all 1797 images of scikit-learn's digits, for long after the training error has reached zero, so
that neural collapse appears.  At a few epochs the last-layer features of every image and the
linear classifier are saved, in evaluation mode.  At more of them collapse is measured, by
``nctheory.collapse.measure``, and printed: NC1 to NC3 go on falling for long after the error is zero.

Run it, on a CPU, with::

    pip install torch scikit-learn
    python nctheory/data/train_digits.py [OUTPUT] [--trajectory TRAJECTORY.csv]

OUTPUT defaults to ``digits.npz`` beside this script; TRAJECTORY.csv gets the printed table in full
precision.  The arrays are the same bit for bit from run to run on one machine with one PyTorch
version; other processors or versions may round differently.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from nctheory import Features
from nctheory.collapse import measure

SNAPSHOTS = (0, 10, 100, 1000)  # epochs; training stops at the last
MEASURED = (0, 1, 2, 3, 5, 7, 10, 14, 20, 30, 50, 70, 100, 140, 200, 300, 400, 500, 600, 700, 800, 900, 1000)
METRICS = ("variability", "equinorm_means", "max_angle_means", "self_duality", "nearest_mean_mismatch")
SEED = 0
CLASSES = 10
FEATURES = 32
HIDDEN = 256
BATCH_SIZE = 128  # about: an epoch is cut into equal batches
LEARNING_RATE = 0.05
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-3


def load_images() -> tuple[torch.Tensor, torch.Tensor]:
    """Return the images, scaled to [0, 1], and their labels."""
    images, labels = load_digits(return_X_y=True)
    return torch.tensor(images / 16.0, dtype=torch.float32), torch.tensor(labels, dtype=torch.int64)


def make_backbone() -> nn.Sequential:
    """Return the network from pixels to features: batch norm and ReLU after every layer."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in ((64, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, FEATURES)):
        layers += [nn.Linear(fan_in, fan_out), nn.BatchNorm1d(fan_out), nn.ReLU()]
    return nn.Sequential(*layers)


@torch.no_grad()
def last_layer(backbone: nn.Module, head: nn.Linear, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return features and classifier, in evaluation mode."""
    backbone.eval()
    features = backbone(x)
    backbone.train()
    return {"H": features, "W": head.weight, "b": head.bias}


@torch.no_grad()
def measured(epoch: int, layer: dict[str, torch.Tensor], y: torch.Tensor) -> dict[str, float]:
    """Print one row of measures, and return it."""
    loss = nn.functional.cross_entropy((layer["H"] @ layer["W"].T + layer["b"]).double(), y).item()
    found = measure(Features(layer["H"].numpy(), y.numpy(), layer["W"].numpy(), layer["b"].numpy()))
    row = {"epoch": epoch, "training_error": found.training_error, "loss": loss}
    row |= {name: getattr(found, name) for name in METRICS}
    print(f"{epoch:5d}  {100 * row['training_error']:9.2f}  {loss:9.6f}", *(f"{row[name]:11.6f}" for name in METRICS))
    return row


def train(x: torch.Tensor, y: torch.Tensor) -> tuple[dict[str, np.ndarray], list[dict[str, float]]]:
    """Train by SGD with a cosine schedule and return the arrays of all snapshots, and all rows of measures."""
    backbone, head = make_backbone(), nn.Linear(FEATURES, CLASSES)
    model, last = nn.Sequential(backbone, head), SNAPSHOTS[-1]
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=last)
    print("epoch  error (%)  mean loss         NC1  NC2 norms   NC2 angles         NC3         NC4")
    saved, rows = {}, []
    for epoch in range(last + 1):
        # A small leftover batch would give batch norm poor statistics and keep NC1 large.
        for batch in torch.randperm(len(x)).tensor_split(len(x) // BATCH_SIZE) if epoch else ():
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()
        if epoch:
            schedule.step()
        if epoch in MEASURED:
            layer = last_layer(backbone, head, x)
            rows.append(measured(epoch, {name: part.detach() for name, part in layer.items()}, y))
            if epoch in SNAPSHOTS:
                saved |= {f"{name}_{epoch}": part.detach().numpy().copy() for name, part in layer.items()}
    return saved, rows


def write_trajectory(path: Path, rows: list[dict[str, float]]) -> None:
    """Write the rows as CSV."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Train with a fixed seed on one thread and write the data set."""
    parser = argparse.ArgumentParser(description="Make the sample data set digits.npz.")
    default = Path(__file__).with_name("digits.npz")
    parser.add_argument("output", nargs="?", type=Path, default=default, metavar="OUTPUT")
    parser.add_argument("--trajectory", type=Path, metavar="TRAJECTORY.csv", help="where the table of measures goes")
    options = parser.parse_args()
    output = options.output
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    x, y = load_images()
    saved, rows = train(x, y)
    with output.open("wb") as file:
        np.savez_compressed(file, y=y.numpy(), **saved)
    if options.trajectory:
        write_trajectory(options.trajectory, rows)
    print(f"wrote {output.name}: {output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
