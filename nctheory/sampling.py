"""What simulations share: reproducible randomness, one thread, normals far out in their tail."""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import special
from threadpoolctl import ThreadpoolController

from nctheory.arrays import Array

__all__ = ["chunk_generator", "one_thread", "truncated_normal"]

_FAR = 4.0  # a threshold from which on its overshoot is computed, not the sum


def chunk_generator(seed: int, index: int) -> np.random.Generator:
    """Philox for chunk number `index` of the run with this seed, whatever other chunks do."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(index,))))


_LOCK = threading.Lock()
_LIMITS: list[Any] = []  # what the first of several users in this process has set, then one None for each other


@contextmanager
def one_thread() -> Iterator[None]:
    """BLAS on one thread, so that sums have one order and workers do not fight for cores.

    The number belongs to the process: the first user sets it, and the last one to leave sets it back.
    """
    with _LOCK:
        _LIMITS.append(None if _LIMITS else _controller().limit(limits=1, user_api="blas"))
    try:
        yield
    finally:
        with _LOCK:
            _LIMITS.pop() if len(_LIMITS) > 1 else _LIMITS.pop().restore_original_limits()


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def truncated_normal(thresholds: Array, uniform: Array) -> Array:
    """tau with Q(tau) = u Q(t): normals beyond t for uniform u in (0, 1), elementwise, however far out.

    From t = 4 on, tau - t is computed directly, since the difference of the two would lose it at large t.
    """
    result = np.asarray(-special.ndtri(uniform * special.ndtr(-thresholds)))
    far = thresholds > _FAR
    if far.any():
        result[far] = thresholds[far] + _overshoot(thresholds[far], -np.log(uniform[far]))
    return result


def _overshoot(thresholds: Array, exponentials: Array) -> Array:
    """x with log Q(t + x) = log Q(t) - E, by Newton's method: Q(t) = exp(-t^2 / 2) erfcx(t / sqrt 2) / 2."""
    start = special.erfcx(thresholds * math.sqrt(0.5))
    hazard = math.sqrt(2 / math.pi) / start
    over = 2 * exponentials / (hazard + np.sqrt(hazard**2 + 2 * exponentials))
    for _ in range(3):
        scaled = special.erfcx((thresholds + over) * math.sqrt(0.5))
        excess = over * (thresholds + over / 2) + np.log(start / scaled) - exponentials
        over = over - excess * scaled * math.sqrt(math.pi / 2)
    return np.asarray(over)
