"""The typed input space of a claim: `Domain`, and the kinds of field it can have."""

from nctheory.domains.domain import Domain, Point, Range
from nctheory.domains.fields import (
    AverageEnergy,
    Ball,
    ClassSizes,
    Field,
    Free,
    Gram,
    Increasing,
    Interval,
    Labels,
    Positive,
    Probabilities,
    Sphere,
)

__all__ = [
    "AverageEnergy",
    "Ball",
    "ClassSizes",
    "Domain",
    "Field",
    "Free",
    "Gram",
    "Increasing",
    "Interval",
    "Labels",
    "Point",
    "Positive",
    "Probabilities",
    "Range",
    "Sphere",
]
