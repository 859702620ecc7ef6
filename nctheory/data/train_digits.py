"""Make the sample data set ``digits.npz``: a small classifier trained past zero error.

A multilayer perceptron (64 -> 256 -> 256 -> 32 features -> 10 classes) is trained with PyTorch on
all 1797 images of scikit-learn's digits, for long after the training error has reached zero, so
that neural collapse appears.  At a few epochs the last-layer features of every image and the
linear classifier are saved, in evaluation mode.

Run it, on a CPU, with::

    pip install torch scikit-learn
    python nctheory/data/train_digits.py [OUTPUT]

OUTPUT defaults to ``digits.npz`` beside this script.  The arrays are the same bit for bit from run
to run on one machine with one PyTorch version; other processors or versions may round differently.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

SNAPSHOTS = (0, 10, 100, 1000)  # epochs; training stops at the last
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


def collapse_measures(features: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return NC1 = tr(Sigma_W pinv(Sigma_B)) / K and the mean of |cos + 1/(K-1)| over pairs."""
    features = features.astype(np.float64)
    means = np.stack([features[labels == k].mean(axis=0) for k in range(CLASSES)])
    within = features - means[labels]
    centred = means - means.mean(axis=0)
    sigma_w = within.T @ within / len(features)
    sigma_b = centred.T @ centred / CLASSES
    # Sigma_B has rank at most K - 1: the tolerance keeps rounding out of the pseudo-inverse.
    nc1 = np.trace(sigma_w @ np.linalg.pinv(sigma_b, rcond=1e-10, hermitian=True)) / CLASSES
    directions = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    cosines = (directions @ directions.T)[np.triu_indices(CLASSES, k=1)]
    return float(nc1), float(np.abs(cosines + 1 / (CLASSES - 1)).mean())


@torch.no_grad()
def take_snapshot(
    epoch: int, backbone: nn.Module, head: nn.Linear, x: torch.Tensor, y: torch.Tensor
) -> dict[str, np.ndarray]:
    """Print one row of measures and return the arrays of one epoch, in evaluation mode."""
    backbone.eval()
    features = backbone(x)
    backbone.train()
    logits = head(features)
    error = 100.0 * (logits.argmax(dim=1) != y).double().mean().item()
    loss = nn.functional.cross_entropy(logits.double(), y).item()
    nc1, angle = collapse_measures(features.numpy(), y.numpy())
    print(f"{epoch:5d}  {error:9.2f}  {loss:9.6f}  {nc1:10.6f}  {angle:13.5f}", flush=True)
    arrays = {"H": features, "W": head.weight, "b": head.bias}
    return {f"{name}_{epoch}": array.numpy().copy() for name, array in arrays.items()}


def train(x: torch.Tensor, y: torch.Tensor) -> dict[str, np.ndarray]:
    """Train by SGD with a cosine schedule and return the arrays of all snapshots."""
    backbone, head = make_backbone(), nn.Linear(FEATURES, CLASSES)
    model, last = nn.Sequential(backbone, head), SNAPSHOTS[-1]
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=last)
    print("epoch  error (%)  mean loss         NC1  |cos+1/(K-1)|")
    saved = take_snapshot(0, backbone, head, x, y)
    for epoch in range(1, last + 1):
        # A small leftover batch would give batch norm poor statistics and keep NC1 large.
        for batch in torch.randperm(len(x)).tensor_split(len(x) // BATCH_SIZE):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()
        schedule.step()
        if epoch in SNAPSHOTS:
            saved |= take_snapshot(epoch, backbone, head, x, y)
    return saved


def main() -> None:
    """Train with a fixed seed on one thread and write the data set."""
    parser = argparse.ArgumentParser(description="Make the sample data set digits.npz.")
    default = Path(__file__).with_name("digits.npz")
    parser.add_argument("output", nargs="?", type=Path, default=default, metavar="OUTPUT")
    output = parser.parse_args().output
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    x, y = load_images()
    saved = train(x, y)
    with output.open("wb") as file:
        np.savez_compressed(file, y=y.numpy(), **saved)
    print(f"wrote {output.name}: {output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
