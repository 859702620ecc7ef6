"""Confidence intervals for a mean that hold at every sample size, by betting.

Somebody bets against the claim that the mean is m. Where the claim is true, no way of betting makes the expected
capital grow, so the capital seldom becomes large; the interval is what is left when every m that lost by much is taken
out. No normal approximation enters, so rare and extreme observations cost width and never coverage.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nctheory.arrays import Array, positive_integer, real_array
from nctheory.errors import InputError

__all__ = ["ConfidenceSequence", "betting_interval"]

_CAP = 0.9  # of what a bet could lose at most, so that no single observation ruins the bettor
_GROWTH = 32  # a bet stands while the sample grows by 1/32 of itself
_BINS = 128  # that a block of observations is summarized in
_FINE = 1e-6  # how closely an end is found, next to its distance to the average
_FINEST = 2.0**-52  # and absolutely
_HALVED = 4  # every so many steps, the bracket is halved, however Newton's method does
_SPREAD = 6  # numbers of observations that are bet on, on each side of the planned one, a factor of 4 apart
_LOOK = 1.25  # by how much the sample grows between two looks whose intervals are intersected


def betting_interval(
    samples: Any, confidence: float = 0.95, *, lower: float = 0.0, upper: float = 1.0, anytime: bool = False
) -> tuple[float, float]:
    """A confidence interval for the mean of observations in [lower, upper], valid at every sample size.

    Formula:
        For a number m the capital is C_t(m) = prod_(i <= t) (1 + g_i(m) (x_i - m)), where the bet g_i(m) >= 0 depends
        on x_1, ..., x_(i-1) alone and is below 1 / (m - lower). The lower end is the supremum of the m with
        C_n(m) >= 2 / (1 - confidence), and the upper end is that of the mirrored observations, mirrored. Bets are
        g_i(m) = min(sqrt(2 log(2 / (1 - confidence)) / (n v_i)), 0.9 / (m - lower)), v_i a running variance that starts
        at (upper - lower)^2 / 4; a bet stands while the sample grows by 1/32 of itself.
    Args:
        samples: (n,) numbers in [lower, upper], in the order in which they were drawn. Pairs or groups that depend on
            each other are averaged first.
        confidence: between 0 and 1, for the two ends together.
        lower, upper: what no observation can leave, known before any is seen.
        anytime: False where n was fixed beforehand; True where the run stopped by itself, for the interval that holds
            at all sample sizes at once (see `ConfidenceSequence`).
    Assumes:
        Each observation has the same mean, given those before it. Independent draws from one distribution have it;
        nothing else is asked of them. Then every factor of C_t(mean) has the expectation 1 given the past and is not
        negative, so C_t(mean) is a nonnegative martingale, and it exceeds 2 / (1 - confidence) with a probability of
        at most (1 - confidence) / 2, at n (Markov) and at any time (Ville). C_t decreases in m, as each factor does, so
        the m that are kept are an interval. A block of observations under one bet is replaced by fewer points,
        moving each bin's mass to its two ends without changing its mean; the logarithm is concave, so that this only
        lowers the capital.
    Returns:
        (low, high) with lower <= low <= high <= upper, the ends rounded outward; (lower, upper) of no observations.
    Raises:
        InputError: samples that are not finite numbers in [lower, upper], or a confidence outside (0, 1).
    Reference:
        waudbysmith2024 (hedged capital, predictable plug-in bets).
    Example:
        >>> low, high = betting_interval([1.0] * 1000)
        >>> high, low > 0.99
        (1.0, True)
    """
    lower, upper = _checked_range(lower, upper)
    observations = _observations(samples, lower, upper)
    planned, spread = max(len(observations), 1), _SPREAD if anytime else 0
    sequence = ConfidenceSequence(confidence, lower=lower, upper=upper, planned=planned, spread=spread)
    sequence.update(observations)
    return sequence.interval()


class ConfidenceSequence:
    """Intervals for a mean that hold at all sample sizes at once, so that a run may stop when it likes what it sees.

    Observations in [lower, upper] are given to `update` in chunks, in a fixed order, and `interval()` is the interval
    so far. The capital is a weighted mean of capitals with bets that are each the best for one number of observations:
    the `planned` one has the weight 1/2, those 4^k times as large or small have 2^-k / 4, for k up to `spread`; with a
    spread of 0, everything is staked on the plan. A wrong plan costs width, and no coverage: a mean of martingales that
    start at 1 is one, and by Ville's inequality it ever exceeds 2 / (1 - confidence) with a probability of at most
    (1 - confidence) / 2. For the same reason, earlier intervals are intersected with the present one, each time the
    sample has grown by a quarter. Bets and proof are those of `betting_interval`.
    """

    def __init__(
        self,
        confidence: float = 0.95,
        *,
        lower: float = 0.0,
        upper: float = 1.0,
        planned: int = 10_000,
        spread: int = _SPREAD,
    ) -> None:
        self.confidence = _checked_confidence(confidence)
        self.lower, self.upper = _checked_range(lower, upper)
        self.planned, self.spread = positive_integer(planned, "planned"), positive_integer(spread, "spread", least=0)
        self.count = 0
        self._total, self._squares = 0.0, 0.25
        self._looked, self._seen = 0, (0.0, 1.0)
        self._parts: list[tuple[Array, Array, Array]] = []
        self._target = math.log(2 / (1 - self.confidence))
        steps = np.arange(-self.spread, self.spread + 1)
        weights = np.where(steps == 0, 2, 0.5 ** np.abs(steps))
        self._log_weights = np.log(weights / weights.sum())
        self._bets = np.sqrt(2 * self._target / (self.planned * 4.0**steps))

    @property
    def mean(self) -> float:
        """The mean of the observations so far; NaN of none."""
        return self.lower + (self.upper - self.lower) * self._total / self.count if self.count else math.nan

    def update(self, samples: Any) -> None:
        """Take in the next observations, (n,) numbers in [lower, upper]."""
        observations = _observations(samples, self.lower, self.upper)
        if len(observations):
            self._take((observations - self.lower) / (self.upper - self.lower))
        if self.spread and self.count >= _LOOK * self._looked:
            self._seen, self._looked = self._unit_interval(), self.count

    def state(self) -> dict[str, Any]:
        """Numbers and arrays from which `restored` makes an equal sequence, bit by bit."""
        points, weights, scales = self._points()
        settings = {
            name: getattr(self, name) for name in ("confidence", "lower", "upper", "planned", "spread", "count")
        }
        sums = {"total": self._total, "squares": self._squares, "looked": self._looked, "seen": list(self._seen)}
        return settings | sums | {"points": points, "weights": weights, "scales": scales}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> "ConfidenceSequence":
        """The sequence that gave this state."""
        names = ("lower", "upper", "planned", "spread")
        sequence = cls(float(state["confidence"]), **{name: state[name] for name in names})
        sequence.count, sequence._total, sequence._squares = state["count"], state["total"], state["squares"]
        sequence._looked, sequence._seen = state["looked"], (state["seen"][0], state["seen"][1])
        sequence._parts = [(state["points"], state["weights"], state["scales"])]
        return sequence

    def _take(self, observations: Array) -> None:
        """Counts, the sum, the squared distances to the running mean, and the points that are bet on."""
        counts = self.count + np.arange(1, len(observations) + 1)
        means = (0.5 + self._total + np.cumsum(observations)) / (counts + 1)
        squares = np.cumsum(np.append(self._squares, (observations - means) ** 2))
        starts = _starts(len(observations), self.count)
        scales = np.sqrt((self.count + starts + 1) / squares[starts])
        for block, scale in zip(np.split(observations, starts[1:]), scales, strict=True):
            points, weights = _summarized(block)
            self._parts.append((points, weights, np.full(len(points), scale)))
        self._squares = float(squares[-1])
        self._total += float(np.sum(observations))
        self.count += len(observations)

    def interval(self) -> tuple[float, float]:
        """(low, high), within [lower, upper]."""
        low, high = self._unit_interval()
        width = self.upper - self.lower
        outward = 4 * math.ulp(max(abs(self.lower), abs(self.upper)))
        return max(self.lower + width * low - outward, self.lower), min(self.lower + width * high + outward, self.upper)

    def _unit_interval(self) -> tuple[float, float]:
        """The interval for observations scaled to [0, 1], within what was seen earlier."""
        if self._looked == self.count:
            return self._seen
        points, weights, scales = self._points()
        low = max(self._lower_end(points, weights, scales), self._seen[0])
        high = min(1 - self._lower_end(1 - points, weights, scales), self._seen[1])
        return min(low, high), max(low, high)

    def _lower_end(self, points: Array, weights: Array, scales: Array) -> float:
        """An m below the average with a capital of at least the target, closely below the first one without; else 0.

        Newton's method finds it, since the logarithm of the capital is nearly linear in m while the bets stay the same.
        It aims half a tolerance too low, and every fourth step halves the bracket. Where it ends does not matter for
        coverage: an m is returned only if its own capital was computed and is enough.
        """
        average = float(np.sum(points * weights) / np.sum(weights))
        if average <= _FINEST:
            return 0.0
        low, high = 0.0, average
        mean = max(average - math.sqrt(2 * self._target * self._squares) / self.count, average / 2)
        steps, tolerance = 0, _FINEST
        while high - low > tolerance:
            excess, slope = self._excess(mean, points, weights, scales)
            low, high = (mean, high) if excess >= 0 else (low, mean)
            tolerance = max(_FINEST, _FINE * (average - low))
            if 0 <= excess <= -slope * tolerance:
                break
            steps, mean = steps + 1, mean - excess / slope - tolerance / 2
            if steps % _HALVED == 0 or mean >= high:
                mean = (low + high) / 2
            mean = max(mean, low + tolerance)
        return low

    def _excess(self, mean: float, points: Array, weights: Array, scales: Array) -> tuple[float, float]:
        """The logarithm of the capital less that of the target, and its derivative in m = mean > 0."""
        bets, most = self._bets[:, None] * scales, _CAP / mean
        gains = np.minimum(bets, most)
        changes = gains * (points - mean)
        logs = np.einsum("ij,j->i", np.log1p(changes), weights) + self._log_weights
        slopes = np.where(bets < most, gains, gains * (points / mean)) / (1 + changes)
        log_capital = float(np.logaddexp.reduce(logs))
        slope = np.einsum("i,ij,j", np.exp(logs - log_capital), slopes, weights)
        return log_capital - self._target, -float(slope)

    def _points(self) -> tuple[Array, Array, Array]:
        """Observations in [0, 1], their multiplicities, and 1 / (the standard deviation expected before them)."""
        if len(self._parts) != 1:
            empty = [(np.empty(0), np.empty(0), np.empty(0))]
            points, weights, scales = (np.concatenate(arrays) for arrays in zip(*(empty + self._parts), strict=True))
            self._parts = [(points, weights, scales)]
        return self._parts[0]


def _starts(number: int, count: int) -> Array:
    """Where blocks of some observations start, each up to 1/32 of what came before it, and at least one."""
    starts = [0]
    while (stop := starts[-1] + 1 + (count + starts[-1]) // _GROWTH) < number:
        starts.append(stop)
    return np.array(starts)


def _summarized(block: Array) -> tuple[Array, Array]:
    """At most 2 * 128 points and their weights, farther apart than the block in the convex order, of the same mean."""
    if len(block) <= 2 * _BINS:
        return block, np.ones(len(block))
    ordered = np.sort(block)
    edges = np.linspace(ordered[0], ordered[-1], _BINS + 1)[1:-1]
    starts = np.unique(np.concatenate([[0], np.searchsorted(ordered, edges)]))
    starts = starts[starts < len(ordered)]
    sizes = np.diff(np.append(starts, len(ordered)))
    low, high = ordered[starts], ordered[starts + sizes - 1]
    above = np.add.reduceat(ordered - np.repeat(low, sizes), starts)
    to_high = np.clip(above / np.where(high > low, high - low, 1), 0, sizes)
    return np.concatenate([low, high]), np.concatenate([sizes - to_high, to_high])


def _observations(samples: Any, lower: float, upper: float) -> Array:
    observations = np.asarray(real_array(samples, "samples", 1), dtype=np.float64)
    outside = np.flatnonzero((observations < lower) | (observations > upper))
    if len(outside):
        raise InputError(f"samples[{outside[0]}] is {observations[outside[0]]}, expected in [{lower}, {upper}]")
    return observations


def _checked_range(lower: float, upper: float) -> tuple[float, float]:
    if not (math.isfinite(lower) and math.isfinite(upper) and lower < upper and math.isfinite(upper - lower)):
        raise InputError(
            f"lower is {lower} and upper is {upper}, expected finite numbers, the first the smaller, "
            "and a finite difference"
        )
    return float(lower), float(upper)


def _checked_confidence(confidence: float) -> float:
    if isinstance(confidence, bool) or not 0 < confidence < 1:
        raise InputError(f"confidence is {confidence!r}, expected a number between 0 and 1")
    return float(confidence)
