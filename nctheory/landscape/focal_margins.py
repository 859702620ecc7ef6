"""The focal loss of equal margins, as a function phi of the margin, in floats: inflection, stationary points, tie."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

__all__ = ["Margin"]


@dataclass(frozen=True)
class Margin:
    """phi for one K and g, in floats, safe at any margin."""

    size: int
    gamma: float

    def parts(self, margin: float) -> tuple[float, float, float, float]:
        """log q, s, p and s / q."""
        lag = math.log(self.size - 1) - margin
        surprisal = _softplus(lag)
        log_rest = -_softplus(-lag)
        ratio = 1 + math.exp(lag) / 2 if lag < -30 else surprisal / math.exp(log_rest)
        return log_rest, surprisal, math.exp(-surprisal), ratio

    def value(self, margin: float) -> float:
        """phi."""
        log_rest, surprisal, *_ = self.parts(margin)
        return math.exp(self.gamma * log_rest) * surprisal

    def log_fall(self, margin: float) -> float:
        """log(-phi')."""
        log_rest, _, own, ratio = self.parts(margin)
        return (1 + self.gamma) * log_rest + math.log1p(self.gamma * own * ratio)

    @cached_property
    def inflection(self) -> float:
        """Where phi'' = 0."""
        g = self.gamma

        def bend(s: float) -> float:
            return 1 + 2 * g - g * s + g * g * s / math.expm1(s)

        high = (1 + 2 * g) / g + g + 1  # bend there is below -g (g + 1) + g^2 < 0
        s = root_between(bend, 1e-12, min(high, 700.0))
        return math.log(self.size - 1) - s - math.log(-math.expm1(-s))

    @property
    def start(self) -> float:
        """Where the convex part of a >= 0 begins."""
        return max(0.0, self.inflection)

    def stationary(self, price: float) -> float | None:
        """The a in the convex part of a >= 0 with -phi'(a) = price."""
        log_price, low = math.log(price), self.start
        if self.log_fall(low) <= log_price:
            return None
        high = math.log(self.size) + (2 + self.gamma - min(0.0, log_price)) / (1 + self.gamma) + 1
        return root_between(lambda a: self.log_fall(a) - log_price, low, max(high, low + 1))

    @cached_property
    def tie(self) -> float:
        """The price at which zero and the other minimum have one value: that of a line from (0, phi(0)) below phi."""
        low = self.start
        if low == 0.0:
            return math.exp(self.log_fall(0.0))
        top = self.value(0.0)

        def excess(a: float) -> float:
            return top - self.value(a) - a * math.exp(self.log_fall(a))

        high = low + 1
        while excess(high) < 0:
            high *= 2
        return math.exp(self.log_fall(root_between(excess, low, high)))


def _softplus(x: float) -> float:
    """log(1 + e^x)."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def root_between(function: Callable[[float], float], low: float, high: float) -> float:
    """Of a function with different signs at both ends; the end itself where it is 0 there up to rounding."""
    from scipy.optimize import brentq

    ends = function(low), function(high)
    if ends[0] * ends[1] >= 0:
        return low if abs(ends[0]) <= abs(ends[1]) else high
    return float(brentq(function, low, high, xtol=1e-300, rtol=8.9e-16))
