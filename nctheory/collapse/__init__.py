"""NC1 to NC4 on real features: measured whole or streamed, over epochs and layers, and beside what theory predicts."""

from nctheory.collapse.accumulator import Accumulator, SecondPass
from nctheory.collapse.comparison import Compared, Comparison, compare
from nctheory.collapse.head import least_squares_classifier
from nctheory.collapse.measurement import measure
from nctheory.collapse.metrics import Collapse, Metric
from nctheory.collapse.network import measure_network
from nctheory.collapse.series import Layers, Series, measure_layers, measure_series

__all__ = [
    "Accumulator",
    "Collapse",
    "Compared",
    "Comparison",
    "Layers",
    "Metric",
    "SecondPass",
    "Series",
    "compare",
    "least_squares_classifier",
    "measure",
    "measure_layers",
    "measure_network",
    "measure_series",
]
