"""The error probability of a configuration at any noise: exact, bounded, simulated."""

from nctheory.probability.campaign import Campaign
from nctheory.probability.curve import Comparison, ExponentEstimate, compare, curve, estimate_exponent
from nctheory.probability.estimate import Estimate, error_probability
from nctheory.probability.intervals import ConfidenceSequence, betting_interval

__all__ = [
    "Campaign",
    "Comparison",
    "ConfidenceSequence",
    "Estimate",
    "ExponentEstimate",
    "betting_interval",
    "compare",
    "curve",
    "error_probability",
    "estimate_exponent",
]
