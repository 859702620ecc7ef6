"""Unconstrained-features models: the best last layer, certified gaps, escapes from saddles, and fits to networks."""

from nctheory.landscape.diagram import PhaseDiagram, phase_diagram
from nctheory.landscape.escapes import Escape, escape
from nctheory.landscape.fitting import Fit, fit_regularization
from nctheory.landscape.model import Model, Tangent, gradient, hessian_vector_product, objective
from nctheory.landscape.optimality import Certified, Optimum, certify, optimum, solve
from nctheory.landscape.search import CriticalPoint, Trajectory, critical_points, minimize

__all__ = [
    "Certified",
    "CriticalPoint",
    "Escape",
    "Fit",
    "Model",
    "Optimum",
    "PhaseDiagram",
    "Tangent",
    "Trajectory",
    "certify",
    "critical_points",
    "escape",
    "fit_regularization",
    "gradient",
    "hessian_vector_product",
    "minimize",
    "objective",
    "optimum",
    "phase_diagram",
    "solve",
]
