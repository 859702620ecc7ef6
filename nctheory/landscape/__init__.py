"""Unconstrained-features models: the best last layer, certified gaps, escapes from saddles, and fits to networks."""

from nctheory.landscape.answers import Certified, Escape, Optimum
from nctheory.landscape.contrastive import (
    Contrastive,
    ContrastiveVerdict,
    contrastive_certify,
    contrastive_gradient,
    contrastive_objective,
    contrastive_optimum,
)
from nctheory.landscape.deep_points import DeepPoint, DeepTangent
from nctheory.landscape.diagram import MinorityCollapse, PhaseDiagram, minority_collapse, phase_diagram
from nctheory.landscape.evaluation import Tangent
from nctheory.landscape.fitting import Fit, fit_regularization
from nctheory.landscape.label_data import LabelSetPoint, LabelSets, all_label_sets, label_sets_of, read_label_sets
from nctheory.landscape.label_forms import tag_wise_ratio
from nctheory.landscape.model import Model
from nctheory.landscape.search import CriticalPoint, Trajectory, critical_points, minimize
from nctheory.landscape.softmax_codes import (
    Margins,
    SoftmaxCode,
    SoftmaxVerdict,
    one_versus_rest_margin,
    softmax_code_certify,
    softmax_code_optimum,
)
from nctheory.landscape.verbs import certify, escape, gradient, hessian_vector_product, objective, optimum, solve

__all__ = [
    "Certified",
    "Contrastive",
    "ContrastiveVerdict",
    "CriticalPoint",
    "DeepPoint",
    "DeepTangent",
    "Escape",
    "Fit",
    "LabelSetPoint",
    "LabelSets",
    "Margins",
    "MinorityCollapse",
    "Model",
    "Optimum",
    "PhaseDiagram",
    "SoftmaxCode",
    "SoftmaxVerdict",
    "Tangent",
    "Trajectory",
    "all_label_sets",
    "certify",
    "contrastive_certify",
    "contrastive_gradient",
    "contrastive_objective",
    "contrastive_optimum",
    "critical_points",
    "escape",
    "fit_regularization",
    "gradient",
    "hessian_vector_product",
    "label_sets_of",
    "minimize",
    "minority_collapse",
    "objective",
    "one_versus_rest_margin",
    "optimum",
    "phase_diagram",
    "read_label_sets",
    "softmax_code_certify",
    "softmax_code_optimum",
    "solve",
    "tag_wise_ratio",
]
