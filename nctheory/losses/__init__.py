"""Losses of one sample: value, gradient, Hessian-vector product and conjugate on rows of logits, stable at any scale.

A loss is a frozen object; every method takes (N, K) logits and (N,) labels. Nothing overflows and no small number is
lost: where the class is nearly certain, values and gradients are still right to a few units in the last place.
"""

from nctheory.losses.label_sets import PickAllLabels
from nctheory.losses.loss import Loss
from nctheory.losses.names import ClassWeighted, loss_named
from nctheory.losses.separable import BinaryCrossEntropy, SquaredError
from nctheory.losses.softmax import CrossEntropy, Focal, LabelSmoothing

__all__ = [
    "BinaryCrossEntropy",
    "ClassWeighted",
    "CrossEntropy",
    "Focal",
    "LabelSmoothing",
    "Loss",
    "PickAllLabels",
    "SquaredError",
    "loss_named",
]
