"""Minimum-norm separation: margins, the least norms possible for any class sizes, solvers and certified optimality."""

from nctheory.separation.centering import centered
from nctheory.separation.classifier import Classifier, solve_classifier
from nctheory.separation.convex import Solved, solve
from nctheory.separation.flow import Direction, Trajectory, gradient_flow
from nctheory.separation.kkt import KKTResidual, kkt_residual
from nctheory.separation.optimality import Geometry, Separation, certify, encoded, optimum
from nctheory.separation.problem import margins, simplex_encoded_labels

__all__ = [
    "Classifier",
    "Direction",
    "Geometry",
    "KKTResidual",
    "Separation",
    "Solved",
    "Trajectory",
    "centered",
    "certify",
    "encoded",
    "gradient_flow",
    "kkt_residual",
    "margins",
    "optimum",
    "simplex_encoded_labels",
    "solve",
    "solve_classifier",
]
