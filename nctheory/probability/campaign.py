"""Long simulations: chunks for any executor, a checkpoint after every advance, the same answer however often stopped.

Chunk number i of a noise depends on the seed and on i alone; chunks are counted in the order of their numbers, and the
rule that stops a noise sees only this completed prefix. So a run may be killed and resumed, or have any number of
workers, and gives the same bits. The checkpoint is an .npz archive of plain numbers, with a digest of its content.
"""

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from nctheory.arrays import Array, positive_integer
from nctheory.configuration import Configuration
from nctheory.errors import InputError, SolverError
from nctheory.probability import checkpoint, union
from nctheory.probability.bounds import bounds
from nctheory.probability.estimate import (
    Asked,
    Estimate,
    class_logs,
    inside,
    intersected,
    made,
    of_simulation,
    reaching,
    relative_width,
)
from nctheory.probability.executors import results, versions
from nctheory.probability.intervals import ConfidenceSequence
from nctheory.probability.problem import Problem
from nctheory.sampling import one_thread

__all__ = ["Campaign"]

Progress = Callable[[float, int, tuple[float, float]], object]

_SETTINGS = ("rtol", "confidence", "max_samples", "seed")
_EVERY = 1.0  # seconds between two checkpoints at least
_SHARE = 20  # and this many times as long as the last one took
_GROWTH = 16  # from this many chunks on, the interval is looked at when there are 1/16 more
_MOST_PAIRS = 1 << 20  # confusions that are kept apart


class Campaign:
    """A long simulation of the error probability at several noises, which survives whatever stops it.

    Formula:
        P = S E[X], observations X as in `error_probability` with the method "union". Chunk i of every noise is drawn
        by counter i under the seed, so the answer at a noise does not depend on which other noises are asked for.
    Args:
        configuration: a Configuration, or bare class means (K, d) with the nearest-mean decoder.
        noises: some sigma > 0, the standard deviations per coordinate.
        rtol: half the relative width of the interval at which a noise is done; 0 runs to max_samples.
        confidence: of each interval, between 0 and 1.
        max_samples: observations at most for each noise.
        seed: an integer.
        chunk_size: observations that a worker makes at a time.
        priors: (K,) class probabilities; equal where left out.
        noise_covariance: (d, d) for all classes or (K, d, d); the noise is sigma times a normal of that covariance.
    Assumes:
        Gaussian noise.
    Returns:
        A Campaign; `run` does the work.
    Raises:
        InputError: what cannot be used, quoted.
    Reference:
        owen2019; waudbysmith2024.
    Example:
        >>> import tempfile
        >>> from nctheory import simplex_etf
        >>> campaign = Campaign(simplex_etf(10), [0.2, 0.1], rtol=0.02, chunk_size=2000)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     found = campaign.run(f"{folder}/run.npz")
        >>> [f"{each.value:.1e}" for each in found], all(each.reached for each in found)
        (['8.1e-04', '4.1e-13'], True)
    """

    def __init__(
        self,
        configuration: Any,
        noises: Any,
        *,
        rtol: float = 1e-2,
        confidence: float = 0.95,
        max_samples: int = 1_000_000_000,
        seed: int = 0,
        chunk_size: int = 100_000,
        priors: Any = None,
        noise_covariance: Any = None,
    ) -> None:
        listed = _listed(noises)
        first = Problem.of(configuration, listed[0], priors, noise_covariance)
        others = [Problem.of(first.configuration, noise).exact_noise for noise in listed[1:]]
        self._first, self._noises = first, (first.exact_noise, *others)
        self.asked = Asked.of(rtol, confidence, max_samples, positive_integer(seed, "seed", 0), None, None)
        self.chunk_size = positive_integer(chunk_size, "chunk_size")

    @classmethod
    def resumed(cls, path: str | os.PathLike[str]) -> "Campaign":
        """The campaign that a checkpoint belongs to; `run` with the same path goes on with it."""
        header, arrays = checkpoint.read(checkpoint.checked_path(path))
        try:
            campaign = cls._rebuilt(header["campaign"], arrays)
        except checkpoint.DAMAGED as error:
            raise InputError(f"{path} is a damaged checkpoint: {type(error).__name__}: {error}") from None
        checkpoint.refuse_others(header["campaign"], campaign.identity, Path(path))
        return campaign

    @classmethod
    def _rebuilt(cls, identity: Mapping[str, Any], arrays: Mapping[str, Array]) -> "Campaign":
        configuration, covariance = checkpoint.decoded(arrays)
        noises, priors = ([Fraction(number) for number in identity[name]] for name in ("noises", "priors"))
        settings = {name: identity[name] for name in (*_SETTINGS, "chunk_size")}
        return cls(configuration, noises, priors=priors, noise_covariance=covariance, **settings)

    @property
    def configuration(self) -> Configuration:
        """What is simulated."""
        return self._first.configuration

    @property
    def noises(self) -> tuple[float, ...]:
        """The standard deviations per coordinate."""
        return tuple(float(noise) for noise in self._noises)

    @cached_property
    def identity(self) -> dict[str, Any]:
        """All that determines the answer, in JSON: two campaigns with the same identity give the same bits."""
        rest = dict(self._data)
        covariance = {name: rest.pop(name) for name in ("noise_covariance",) if name in rest}
        return {
            "configuration": checkpoint.digest(rest),
            "noise_covariance": checkpoint.digest(covariance),
            "noises": [str(noise) for noise in self._noises],
            "priors": [str(chance) for chance in self._first.exact_priors],
            **{name: getattr(self.asked, name) for name in _SETTINGS},
            "chunk_size": self.chunk_size,
            **versions(),
        }

    @cached_property
    def _data(self) -> dict[str, Array]:
        return checkpoint.encoded(self._first)

    def run(
        self,
        path: str | os.PathLike[str],
        executor: Executor | None = None,
        progress: Progress | None = None,
        *,
        ahead: int = 32,
    ) -> tuple[Estimate, ...]:
        """Do what is left to do, and keep what is done in a checkpoint.

        Formula:
            For each noise in turn, chunks 0, 1, ... until the interval has the relative width 2 rtol. It is looked at
            after each of the first 16 chunks, then when there are 1/16 more.
        Args:
            path: the checkpoint, an .npz file; where it exists, the run goes on from it.
            executor: any concurrent.futures executor: a process pool, `Client.get_executor()` of dask.distributed, a
                pool of mpi4py. A process makes one chunk at a time, so workers need one thread each.
            progress: called after each chunk with the noise, the observations so far and the interval of log P.
            ahead: chunks handed out at a time, best at least twice as many as workers; no part of the answer.
        Assumes:
            Bits are the same on one machine with the same versions. Elsewhere answers agree up to rounding.
        Returns:
            Estimate for each noise. Only `seconds` depends on how it was made.
        Raises:
            InputError: a path that cannot be written, before any work; a file that is damaged or no checkpoint, or is
                of another campaign or other versions: it is left as it is.
            SolverError: a worker was lost; what is done has been kept.
        Reference:
            waudbysmith2024.
        Example:
            >>> import tempfile
            >>> campaign = Campaign([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [0.2], chunk_size=1000)
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     found = campaign.run(f"{folder}/run.npz")
            ...     again = campaign.run(f"{folder}/run.npz")
            >>> found[0].log_interval == again[0].log_interval
            True
        """
        ahead = positive_integer(ahead, "ahead")
        asked = self.asked
        Asked.of(asked.rtol, asked.confidence, asked.max_samples, asked.seed, executor, progress)
        with one_thread():
            file = _Checkpoint(checkpoint.checked_path(path), self)
            with file:
                for i in range(len(file.states)):
                    self._simulate(i, file, executor, progress, ahead)
            return tuple(self._answer(i, state) for i, state in enumerate(file.states))

    def _simulate(
        self, i: int, file: "_Checkpoint", executor: Executor | None, progress: Progress | None, ahead: int
    ) -> None:
        """All chunks of one noise that are missing."""
        state = file.states[i]
        if state.finished:
            return
        problem, tasks = self._problem(i), self._tasks(state.chunks)
        limits = bounds(problem)[:2]
        start = time.perf_counter() - state.seconds
        for chunk in results(executor, uuid4().hex, problem, union.sample, tasks, ahead=ahead, advice=file.advice):
            with file.changing():
                state.take(self, chunk, limits, problem.union_error)
                state.seconds = time.perf_counter() - start
            file.write_sometimes()
            if progress is not None:
                progress(self.noises[i], self.count(state.chunks), state.ends)
            if state.finished:
                return

    def _tasks(self, start: int) -> Iterator[tuple[int, int, int]]:
        """Seeds, numbers and sizes of the chunks from `start` on."""
        numbers = range(start, self.num_chunks)
        return ((self.asked.seed, n, self.count(n + 1) - self.count(n)) for n in numbers)

    def _problem(self, i: int) -> Problem:
        """A new one, with nothing computed yet, so that it is small to send."""
        return replace(self._first, exact_noise=self._noises[i])

    @property
    def num_chunks(self) -> int:
        """Chunks at most, of each noise."""
        return -(-self.asked.max_samples // self.chunk_size)

    def count(self, chunks: int) -> int:
        """Observations in so many chunks, of which the last possible one may be smaller."""
        return min(chunks * self.chunk_size, self.asked.max_samples)

    def _answer(self, i: int, state: "_State") -> Estimate:
        problem, sequence, merged = self._problem(i), state.sequence, state.merged
        assert sequence is not None
        assert merged is not None
        more = of_simulation(self.asked, sequence.count, merged.pairs, merged.pair_sums)
        if not state.keeps_pairs:
            more["per_pair"] = None
        per_class = class_logs(problem, merged)
        reason = "importance sampling, valid whenever it stops"
        log_value = merged.log_scale + math.log(sequence.mean)
        answer = made(problem, log_value, state.ends, "confidence", "union", reason, per_class=per_class, **more)
        return reaching(replace(answer, seconds=state.seconds), self.asked.rtol)


def _listed(noises: Any) -> list[Any]:
    listed = noises.tolist() if isinstance(noises, np.ndarray) else noises
    if not isinstance(listed, Sequence) or isinstance(listed, str) or not listed:
        raise InputError(f"noises is {noises!r}, expected a sequence of at least one noise")
    return list(listed)


# ------------------------------------------------------------------------------------------------------------ one noise


@dataclass
class _State:
    """What is known at one noise from its first `chunks` chunks, and nothing of any other."""

    chunks: int = 0
    next_look: int = 1
    finished: bool = False
    keeps_pairs: bool = True
    seconds: float = 0.0
    ends: tuple[float, float] = (-math.inf, 0.0)
    sequence: ConfidenceSequence | None = None
    merged: union.Chunk | None = None

    def take(self, campaign: Campaign, chunk: union.Chunk, limits: tuple[float, float], error: float) -> None:
        """Count the next chunk, and decide whether it was the last."""
        if self.sequence is None:
            self.sequence = campaign.asked.sequence(chunk.least)
        self.sequence.update(chunk.observations)
        self._merge(chunk)
        self.chunks += 1
        last = self.chunks == campaign.num_chunks
        if self.chunks >= self.next_look or last:
            self.next_look = self.chunks + 1 + self.chunks // _GROWTH
            self.finished = self._look(limits, error) <= campaign.asked.rtol or last

    def _look(self, limits: tuple[float, float], error: float) -> float:
        """Half the relative width of the interval so far."""
        assert self.sequence is not None
        assert self.merged is not None
        scale = self.merged.log_scale
        self.ends = intersected(scale, self.sequence.interval(), limits, error)
        log_value = inside(scale + math.log(self.sequence.mean), self.ends)
        return relative_width(log_value, self.ends)

    def _merge(self, chunk: union.Chunk) -> None:
        chunk = replace(chunk, observations=np.empty(0))
        merged = union.merge([chunk] if self.merged is None else [self.merged, chunk])
        self.keeps_pairs = self.keeps_pairs and len(merged.pairs) <= _MOST_PAIRS
        if not self.keeps_pairs:
            merged = replace(merged, pairs=np.empty((0, 2), dtype=np.int64), pair_sums=np.empty(0))
        self.merged = merged

    def encode(self, name: str) -> tuple[dict[str, Any], dict[str, Array]]:
        """Numbers in JSON, and arrays by name."""
        plain = {each: getattr(self, each) for each in ("chunks", "next_look", "finished", "keeps_pairs", "seconds")}
        plain["ends"] = list(self.ends)
        if self.sequence is None or self.merged is None:
            return plain, {}
        state, merged = self.sequence.state(), vars(self.merged)
        arrays = {each: state.pop(each) for each in _SEQUENCE_ARRAYS} | {each: merged[each] for each in _CHUNK_ARRAYS}
        plain |= {"sequence": state, "scales": [self.merged.log_scale, self.merged.least]}
        return plain, {f"{name}_{each}": array for each, array in arrays.items()}

    @classmethod
    def decode(cls, plain: Mapping[str, Any], arrays: Mapping[str, Array], name: str) -> "_State":
        """What `encode` gave."""
        state = cls(*(plain[each] for each in ("chunks", "next_look", "finished", "keeps_pairs", "seconds")))
        state.ends = (float(plain["ends"][0]), float(plain["ends"][1]))
        if "sequence" in plain:
            own = {each: arrays[f"{name}_{each}"] for each in _SEQUENCE_ARRAYS}
            state.sequence = ConfidenceSequence.restored({**plain["sequence"], **own})
            sums = {each: arrays[f"{name}_{each}"] for each in _CHUNK_ARRAYS}
            scale, least = map(float, plain["scales"])
            state.merged = union.Chunk(log_scale=scale, least=least, observations=np.empty(0), **sums)
        return state

    def fits(self, campaign: Campaign) -> bool:
        """Whether the numbers belong together."""
        if self.sequence is None or self.merged is None:
            return self.chunks == 0 and not self.finished
        counted = 0 < self.chunks <= campaign.num_chunks and self.sequence.count == campaign.count(self.chunks)
        shapes = {getattr(self.merged, each).shape for each in ("class_sums", "class_counts")}
        return counted and shapes == {(campaign.configuration.num_classes,)}


_SEQUENCE_ARRAYS = ("points", "weights", "scales")
_CHUNK_ARRAYS = ("class_sums", "class_counts", "pairs", "pair_sums")


# ------------------------------------------------------------------------------------------------------- the checkpoint


class _Checkpoint:
    """The file, and the states that it is to hold; as a context, it holds them whatever happens inside."""

    def __init__(self, path: Path, campaign: Campaign) -> None:
        self.path, self.campaign = path, campaign
        self.states = [_State() for _ in campaign.noises]
        self.whole = True  # not while a chunk is being counted
        self.kept: list[int] | None = None
        self.last, self.wait = time.monotonic(), _EVERY
        if os.path.exists(path):
            self._resume()
        try:
            self.write()
        except OSError as error:
            raise InputError(f"{path} cannot be written: {type(error).__name__}: {error}") from None

    def _resume(self) -> None:
        header, arrays = checkpoint.read(self.path)
        checkpoint.refuse_others(header["campaign"], self.campaign.identity, self.path)
        try:
            states = [_State.decode(plain, arrays, f"n{i}") for i, plain in enumerate(header["states"])]
            good = len(states) == len(self.states) and all(state.fits(self.campaign) for state in states)
        except checkpoint.DAMAGED as error:
            raise InputError(f"{self.path} is a damaged checkpoint: {type(error).__name__}: {error}") from None
        if not good:
            raise InputError(f"{self.path} is a damaged checkpoint: its counts do not belong together")
        self.states = states

    def __enter__(self) -> "_Checkpoint":
        self.last = time.monotonic()
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if self.whole and self.kept != [state.chunks for state in self.states]:
            self._write_or_say()

    @property
    def advice(self) -> str:
        """What to do when a worker is lost."""
        return f"; what was done is kept in {self.path}: run the campaign again with this path to go on"

    def changing(self) -> "_Changing":
        """A context inside of which a chunk is only half counted."""
        return _Changing(self)

    def write_sometimes(self) -> None:
        """Write where the last time is long enough ago."""
        if time.monotonic() - self.last >= self.wait:
            self._write_or_say()

    def _write_or_say(self) -> None:
        try:
            self.write()
        except OSError as error:
            kept = f"{sum(self.kept or [])} chunks are in it"
            raise SolverError(f"{self.path} can no longer be written ({error}); {kept}") from error

    def write(self) -> None:
        """Write all of it into a file beside, then put that in its place."""
        start = time.monotonic()
        checkpoint.write(self.path, *self._content())
        self.kept, self.last = [state.chunks for state in self.states], time.monotonic()
        self.wait = max(_EVERY, _SHARE * (self.last - start))

    def _content(self) -> tuple[dict[str, Any], dict[str, Array]]:
        states, arrays = [], dict(self.campaign._data)
        for i, state in enumerate(self.states):
            plain, own = state.encode(f"n{i}")
            states.append(plain)
            arrays |= own
        return {"campaign": self.campaign.identity, "states": states}, arrays


class _Changing:
    def __init__(self, checkpoint: _Checkpoint) -> None:
        self.checkpoint = checkpoint

    def __enter__(self) -> None:
        self.checkpoint.whole = False

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.checkpoint.whole = kind is None
