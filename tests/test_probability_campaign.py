"""Campaigns: the same bits however often they are stopped and whoever works, and no checkpoint is taken on trust."""

import importlib.util
import io
import json
import math
import os
import pickle
import signal
import subprocess
import sys
import time
import zipfile
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import fields
from fractions import Fraction
from multiprocessing import get_context

import numpy as np
import pytest

from nctheory import Configuration, gaussian
from nctheory.constructions import simplex_etf, simplex_etf_gram
from nctheory.errors import InputError, SolverError
from nctheory.probability import campaign as module
from nctheory.probability import checkpoint, error_probability, executors, union
from nctheory.probability.campaign import Campaign

NOISES = (2.0, 1.0)
MEANS = np.random.default_rng(5).standard_normal((6, 4))


def make(means=MEANS, noises=NOISES, **changes):
    settings = {"rtol": 0.006, "max_samples": 20_000, "seed": 3, "chunk_size": 700, **changes}
    return Campaign(means, noises, **settings)


def bits(found):
    """Everything about some estimates but the time that they took."""
    listed = []
    for each in found:
        parts = {part.name: getattr(each, part.name) for part in fields(each) if part.name != "seconds"}
        parts["per_class"] = each.per_class.tobytes()
        parts["per_pair"] = sorted(each.per_pair.items())
        parts["log_interval"] = [end.hex() for end in each.log_interval]
        listed.append(parts | {"log_value": each.log_value.hex()})
    return listed


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return bits(make().run(tmp_path_factory.mktemp("whole") / "run.npz"))


def process_pool(number=2):
    return ProcessPoolExecutor(number, mp_context=get_context("spawn"))


class Stop:
    """A progress function that raises after some chunks."""

    def __init__(self, after, error=KeyboardInterrupt):
        self.left, self.error = after, error

    def __call__(self, noise, samples, interval):
        self.left -= 1
        if self.left == 0:
            raise self.error


# --------------------------------------------------------------------------------------------------------- the answers


def test_values(tmp_path):
    campaign = Campaign(simplex_etf(10), [0.3, 0.1, 0.03], rtol=0.01, chunk_size=2000, confidence=1 - 1e-6)
    for noise, found in zip(campaign.noises, campaign.run(tmp_path / "run.npz"), strict=True):
        low, high = found.log_interval
        exact = gaussian.simplex_error(10, noise)
        assert exact == 0 or low - 1e-9 <= math.log(exact) <= high + 1e-9
        assert found.reached
        assert (found.guarantee, found.method, found.seed, found.confidence) == ("confidence", "union", 0, 1 - 1e-6)
        assert found.seconds > 0


def test_a_noise_does_not_depend_on_the_others(expected, tmp_path):
    assert bits(make(noises=[1.0]).run(tmp_path / "run.npz")) == expected[1:]


def test_observations_are_those_of_the_chunks(tmp_path):
    campaign = make(noises=[2.0], rtol=0, max_samples=2000)
    found = campaign.run(tmp_path / "run.npz")[0]
    problem = campaign._problem(0)
    merged = union.merge([union.sample(problem, 3, index, size) for index, size in enumerate((700, 700, 600))])
    assert found.num_samples == len(merged.observations) == 2000
    assert found.log_value == pytest.approx(merged.log_scale + math.log(merged.observations.mean()), rel=1e-13)
    assert not found.reached
    assert "not reached" in found.reason
    assert sum(found.per_pair.values()) == pytest.approx(1)


def test_no_error_is_possible(tmp_path):
    sure = Configuration([[1.0], [2.0]], weights=[[1.0], [1.0]], bias=[0.0, -1.0])
    found = Campaign(sure, [0.5], chunk_size=100, max_samples=10_000, priors=[1, 0]).run(tmp_path / "run.npz")[0]
    assert found.value == 0
    assert found.interval == (0, 0)
    assert found.reached
    assert found.num_samples == 100


ODD = {
    "one class": [[1.0, 2.0]],
    "equal means": np.ones((3, 2)),
    "zero margins": Configuration([[0.0, 0], [0, 0], [3, 1]], weights=[[1.0, 0], [-1, 0], [0, 1]]),
    "negative margins": Configuration(MEANS, weights=np.roll(MEANS, 1, axis=0)),
    "equal weight rows": Configuration(MEANS, weights=MEANS[[0, 0, 1, 2, 3, 4]], bias=[0.3, 0.2, 0.2, 0, 0, 0]),
    "random": MEANS,
}


@pytest.mark.parametrize("name", ODD)
def test_odd_configurations_and_noises_have_honest_intervals(name, tmp_path):
    campaign = make(ODD[name], [1e-8, 0.5, 1e8], max_samples=2_000, confidence=1 - 1e-6)
    path = tmp_path / "run.npz"
    with pytest.raises(KeyboardInterrupt):
        campaign.run(path, progress=Stop(1))
    for noise, found in zip(campaign.noises, campaign.run(path), strict=True):
        truth = error_probability(ODD[name], noise, seed=1, max_samples=20_000, confidence=1 - 1e-6)
        assert found.log_interval[0] <= truth.log_interval[1] + 1e-9
        assert truth.log_interval[0] - 1e-9 <= found.log_interval[1]
        assert found.log_interval[0] <= found.log_value <= found.log_interval[1] <= 0


def test_the_number_of_confusions_kept_is_limited(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_MOST_PAIRS", 5)
    found = make(noises=[2.0], max_samples=2000).run(tmp_path / "run.npz")[0]
    assert found.per_pair is None


# ----------------------------------------------------------------------------------------------- stopped, and gone on


@pytest.mark.parametrize("after", [1, 2, 7, 15])
def test_interrupted_and_resumed(after, expected, tmp_path):
    path = tmp_path / "run.npz"
    with pytest.raises(KeyboardInterrupt):
        make().run(path, progress=Stop(after))
    header, _ = checkpoint.read(path)
    assert sum(state["chunks"] for state in header["states"]) == after
    assert bits(make().run(path)) == expected


def test_interrupted_again_and_again(expected, tmp_path):
    path = tmp_path / "run.npz"
    for _ in range(100):
        try:
            found = make().run(path, progress=Stop(3))
            break
        except KeyboardInterrupt:
            pass
    assert bits(found) == expected
    assert os.listdir(tmp_path) == ["run.npz"]


def test_interrupted_while_a_chunk_is_counted(monkeypatch, expected, tmp_path):
    """What is half counted is not kept."""
    path, calls = tmp_path / "run.npz", []
    original = module._State._merge

    def merge(state, chunk):
        calls.append(chunk)
        if len(calls) == 4:
            raise KeyboardInterrupt
        original(state, chunk)

    monkeypatch.setattr(module, "_EVERY", 0.0)
    monkeypatch.setattr(module, "_SHARE", 0)
    with monkeypatch.context() as patched:
        patched.setattr(module._State, "_merge", merge)
        with pytest.raises(KeyboardInterrupt):
            make().run(path)
    header, _ = checkpoint.read(path)
    assert header["states"][0]["chunks"] == 3
    assert bits(make().run(path)) == expected


def test_interrupted_while_writing(monkeypatch, expected, tmp_path):
    path, calls = tmp_path / "run.npz", []
    original = os.fsync

    def fsync(descriptor):
        calls.append(descriptor)
        if len(calls) == 7:
            raise KeyboardInterrupt
        original(descriptor)

    monkeypatch.setattr(module, "_EVERY", 0.0)
    monkeypatch.setattr(module, "_SHARE", 0)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fsync)
        with pytest.raises(KeyboardInterrupt):
            make().run(path)
    assert os.listdir(tmp_path) == ["run.npz"]
    assert bits(make().run(path)) == expected


def test_a_finished_campaign_does_no_work(monkeypatch, expected, tmp_path):
    path = tmp_path / "run.npz"
    make().run(path)
    monkeypatch.setattr(union, "sample", None)
    assert bits(make().run(path)) == expected


SCRIPT = """
import sys, time
import numpy as np
from nctheory.probability import campaign as module
module._EVERY, module._SHARE = 0.0, 0
if __name__ == "__main__":
    means = np.random.default_rng(5).standard_normal((6, 4))
    made = module.Campaign(means, (2.0, 1.0), rtol=0.006, max_samples=20_000, seed=3, chunk_size=700)
    def progress(noise, samples, interval):
        print(samples, flush=True)
        time.sleep(0.02)
    made.run(sys.argv[1], progress=progress)
"""


@pytest.mark.parametrize("after", [2, 9])
def test_killed_and_resumed(after, expected, tmp_path):
    path = tmp_path / "run.npz"
    with subprocess.Popen([sys.executable, "-c", SCRIPT, path], stdout=subprocess.PIPE, text=True) as process:
        for _ in range(after):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    header, _ = checkpoint.read(path)
    assert after <= sum(state["chunks"] for state in header["states"]) < 22
    assert bits(make().run(path)) == expected


# -------------------------------------------------------------------------------------------------------------- workers


def test_two_processes(expected, tmp_path):
    with process_pool() as pool:
        assert bits(make().run(tmp_path / "two.npz", pool)) == expected
        with pytest.raises(KeyboardInterrupt):
            make().run(tmp_path / "half.npz", pool, Stop(5), ahead=3)
        assert bits(make().run(tmp_path / "half.npz", pool, ahead=1)) == expected
    _, arrays = checkpoint.read(tmp_path / "half.npz")
    _, alone = checkpoint.read(tmp_path / "two.npz")
    assert checkpoint.digest(arrays) == checkpoint.digest(alone)


def test_threads(expected, tmp_path):
    with ThreadPoolExecutor(3) as pool:
        assert bits(make().run(tmp_path / "run.npz", pool)) == expected


def test_a_process_is_killed(expected, tmp_path):
    path = tmp_path / "run.npz"

    def kill(noise, samples, interval):
        if samples == 2100:
            os.kill(next(iter(pool._processes)), signal.SIGKILL)
            time.sleep(0.2)

    with process_pool() as pool, pytest.raises(SolverError, match=r"BrokenProcessPool.*run\.npz: run the campaign"):
        make().run(path, pool, kill, ahead=2)
    header, _ = checkpoint.read(path)
    assert header["states"][0]["chunks"] >= 3
    with process_pool() as pool:
        assert bits(make().run(path, pool)) == expected


class Fails(Executor):
    """An executor that fails in some way after some chunks."""

    def __init__(self, after, error=None):
        self.left, self.error = after, error

    def submit(self, function, /, *args, **kwargs):
        self.left -= 1
        future = Future()
        if self.left >= 0:
            future.set_result(function(*args, **kwargs))
        elif self.error is None:
            future.cancel()
        else:
            future.set_exception(self.error)
        return future


class KilledWorker(Exception):  # what dask.distributed calls it
    pass


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (None, "CancelledError"),
        (KilledWorker("task", "worker"), "KilledWorker"),
        (MemoryError(), "MemoryError"),
        (pickle.PicklingError("no"), "PicklingError: no"),
    ],
)
def test_a_worker_is_lost(error, words, expected, tmp_path):
    path = tmp_path / "run.npz"
    with pytest.raises(SolverError, match=f"{words}.*{path}") as caught:
        make().run(path, Fails(4, error), ahead=2)
    assert isinstance(caught.value.__cause__, type(error) if error else CancelledError)
    header, _ = checkpoint.read(path)
    assert header["states"][0]["chunks"] == 4
    assert bits(make().run(path)) == expected


def test_an_executor_that_is_shut_down(expected, tmp_path):
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(SolverError, match="after shutdown"):
        make().run(tmp_path / "run.npz", pool)
    assert bits(make().run(tmp_path / "run.npz")) == expected


def test_a_worker_with_other_versions(monkeypatch, tmp_path):
    original = executors._at_worker

    def work(*args):
        return original(*args)[0] | {"scipy": "0.1"}, original(*args)[1]

    monkeypatch.setattr(executors, "_at_worker", work)
    with pytest.raises(SolverError, match=r"scipy is 0\.1 there"):
        make().run(tmp_path / "run.npz", Fails(100))


HAS_DASK = importlib.util.find_spec("distributed") is not None


@pytest.mark.skipif(not HAS_DASK, reason="dask.distributed (the extra `cluster`) is not installed")
@pytest.mark.filterwarnings("default")  # a cluster whose workers are killed warns of many things
@pytest.mark.parametrize("failures", [0, 3])
def test_a_cluster_whose_workers_are_killed(failures, expected, tmp_path):
    """Dask starts them again, and their chunks; where it gives up, the checkpoint has what was done."""
    import dask
    from distributed import Client, LocalCluster

    path, killed = tmp_path / "run.npz", []
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": failures}),
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):

        def kill(noise, samples, interval):
            if samples in (1400, 4900) and len(killed) < 4:
                killed.append(next(iter(client.run(os.getpid).values())))
                os.kill(killed[-1], signal.SIGKILL)

        for _ in range(10):
            try:
                found = make().run(path, client.get_executor(), kill, ahead=4)
                break
            except SolverError as error:
                assert str(path) in str(error)  # noqa: PT017
    assert len(killed) >= 2
    assert bits(found) == expected


# ---------------------------------------------------------------------------------------------------- what is refused


@pytest.fixture
def half(tmp_path):
    path = tmp_path / "half.npz"
    with pytest.raises(KeyboardInterrupt):
        make().run(path, progress=Stop(5))
    return path


def refused(path, words, campaign=None):
    """The file is refused, is left as it is, and no work was done."""
    before = path.read_bytes()
    with pytest.raises(InputError, match=words) as caught:
        (campaign or make()).run(path, progress=Stop(1, AssertionError))
    assert path.name in str(caught.value)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.9, 0.999])
def test_truncated(share, half):
    content = half.read_bytes()
    half.write_bytes(content[: int(share * len(content))])
    refused(half, "no checkpoint, or a damaged one")


def test_corrupted(half):
    """Any byte may be wrong: refused, or a byte of the archive that carries nothing."""
    content = half.read_bytes()
    whole = checkpoint.read(half)
    for position in np.linspace(0, len(content) - 1, 400).astype(int):
        changed = bytearray(content)
        changed[position] ^= 0x20
        half.write_bytes(changed)
        try:
            header, arrays = checkpoint.read(half)
        except InputError:
            continue
        assert header == whole[0]
        assert checkpoint.digest(arrays) == checkpoint.digest(whole[1])


@pytest.mark.parametrize("content", [b"", b"some text\n", b"\x80\x04N.", b"PK\x05\x06" + bytes(18), b"[" * 100_000])
def test_other_files(content, tmp_path):
    path = tmp_path / "half.npz"
    path.write_bytes(content)
    refused(path, "no checkpoint, or a damaged one")


def test_features_are_no_checkpoint(tmp_path):
    path = tmp_path / "half.npz"
    np.savez(path, class_means=MEANS)
    refused(path, "KeyError: 'digest'")


class Bad:
    def __reduce__(self):
        return os.mkdir, ("unpickled-by-a-checkpoint",)


def rewritten(path, change):
    """The same archive after a change of its header and arrays, with a digest that fits."""
    header, arrays = checkpoint.read(path)
    header = change(header, arrays) or header
    with open(path, "wb") as stream:
        checkpoint.write_archive(stream, header, arrays)


def test_nothing_is_unpickled(half, monkeypatch):
    monkeypatch.chdir(half.parent)  # where `refused` would see the folder that is made by unpickling
    np.savez(half, header=np.array([Bad()], dtype=object), digest=np.zeros(64, dtype=np.uint8))
    refused(half, "object numbers")


def test_bombs(half):
    np.savez_compressed(half, header=np.zeros(10**7, dtype=np.uint8), digest=np.zeros(64, dtype=np.uint8))
    refused(half, "compressed")
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": (2**40,)})
    with zipfile.ZipFile(half, "w") as archive:
        archive.writestr("header.npy", stream.getvalue())
    refused(half, "0 bytes of data")


def test_too_large(half, monkeypatch):
    monkeypatch.setattr(checkpoint, "_MOST_BYTES", 1000)
    refused(half, "at most 1000")
    monkeypatch.setattr(checkpoint, "_MOST_BYTES", 10**9)
    monkeypatch.setattr(checkpoint, "_MOST_HEADER", 100)
    refused(half, "at most 100")


def forget(header, arrays):
    del arrays["n0_points"]


def miscount(header, arrays):
    header["states"][0]["chunks"] = 6


def lose_a_state(header, arrays):
    header["states"].pop()


def lose_settings(header, arrays):
    del header["states"][0]["sequence"]["confidence"]


def reshape(header, arrays):
    arrays["n0_class_sums"] = np.zeros(3)


@pytest.mark.parametrize("change", [forget, miscount, lose_a_state, lose_settings, reshape])
def test_forged(change, half):
    rewritten(half, change)
    refused(half, "damaged checkpoint")


@pytest.mark.parametrize("change", [lambda *_: {"kind": "x"}, lambda *_: {"format": 2}, lambda *_: {"a": 1}])
def test_of_another_kind(change, half):
    rewritten(half, change)
    refused(half, "no checkpoint, or a damaged one")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 4}, "seed is 3 there and 4 here"),
        ({"chunk_size": 701}, "chunk_size is 700 there and 701 here"),
        ({"rtol": 0.01}, r"rtol is 0\.006 there and 0\.01 here"),
        ({"confidence": 0.99}, r"confidence is 0\.95 there and 0\.99 here"),
        ({"max_samples": 30_000}, "max_samples is 20000 there and 30000 here"),
        ({"noises": (2.0,)}, r"noises is \[2, 1\] there and \[2\] here"),
        ({"noises": (2.0, np.nextafter(1.0, 2))}, "noises"),
        ({"means": MEANS + np.eye(6, 4) * 1e-15}, "the configuration differs"),
        ({"means": Configuration(MEANS, MEANS, np.zeros(6))}, "the configuration differs"),
        ({"priors": [0.5, 0.1, 0.1, 0.1, 0.1, 0.1]}, "priors"),
        ({"noise_covariance": np.eye(4)}, "the noise_covariance differs"),
    ],
)
def test_of_another_campaign(changes, words, half):
    refused(half, f"another campaign: {words}", make(**changes))


@pytest.mark.parametrize("name", ["nctheory", "numpy", "scipy", "python"])
def test_of_other_versions(name, half):
    def change(header, arrays):
        header["campaign"][name] = "0.0.1"

    rewritten(half, change)
    refused(half, rf"{name} is 0\.0\.1 there and")


# ------------------------------------------------------------------------------------------------------------ the path


@pytest.mark.parametrize("path", ["missing/run.npz", ".", "file/run.npz", "a" * 300])
def test_a_path_that_cannot_be_written(path, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("text")
    monkeypatch.setattr(union, "sample", None)
    with pytest.raises(InputError):
        make().run(tmp_path / path)
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("path", [None, 3, b"run.npz"])
def test_no_path(path):
    with pytest.raises(InputError, match="expected the name"):
        make().run(path)


def test_a_disk_that_becomes_full(monkeypatch, expected, tmp_path):
    path, original, calls = tmp_path / "run.npz", checkpoint.write_archive, []

    def write(*args):
        calls.append(args)
        if len(calls) > 3:
            raise OSError(28, "No space left on device")
        original(*args)

    monkeypatch.setattr(module, "_EVERY", 0.0)
    monkeypatch.setattr(module, "_SHARE", 0)
    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "write_archive", write)
        with pytest.raises(SolverError, match=r"No space left.*2 chunks are in it"):
            make().run(path)
    assert bits(make().run(path)) == expected


def test_through_a_link(expected, tmp_path):
    (tmp_path / "link.npz").symlink_to(tmp_path / "run.npz")
    assert bits(make().run(tmp_path / "link.npz")) == expected
    assert (tmp_path / "link.npz").is_symlink()
    assert bits(make().run(tmp_path / "run.npz")) == expected


# --------------------------------------------------------------------------------------- the campaign from its file


@pytest.mark.parametrize(
    "made",
    [
        make(),
        make([[Fraction(1, 3), 0], [0, Fraction(2, 7)], [1, 1]]),
        make(Configuration.from_gram(simplex_etf_gram(4), dimension=5), [Fraction(1, 7)]),
        make(Configuration(MEANS, MEANS + 0.1, [Fraction(1, 3)] * 6), priors=[0.5, 0.1, 0.1, 0.1, 0.1, 0.1]),
        make(noise_covariance=np.diag([1.0, 2.0, 3.0, 4.0])),
        make(noise_covariance=[np.eye(4) * (c + 1) for c in range(6)]),
        make(np.float32(MEANS), seed=2**100),
    ],
    ids=["floats", "fractions", "gram", "linear", "covariance", "covariances", "large seed"],
)
def test_resumed_from_the_file_alone(made, tmp_path):
    path = tmp_path / "run.npz"
    with pytest.raises(KeyboardInterrupt):
        made.run(path, progress=Stop(1))
    again = Campaign.resumed(path)
    assert again.identity == made.identity
    assert bits(again.run(path)) == bits(made.run(tmp_path / "other.npz"))


def test_resumed_from_what_is_no_checkpoint(half):
    with pytest.raises(InputError, match="no checkpoint"):
        Campaign.resumed(half.parent / "missing.npz")
    rewritten(half, lambda header, arrays: arrays.update(class_means=MEANS + 1))
    with pytest.raises(InputError, match="the configuration differs"):
        Campaign.resumed(half)


def test_the_checkpoint_is_plain_numbers(half):
    with np.load(half, allow_pickle=False) as archive:
        header = json.loads(archive["header"].tobytes())
        assert (archive["class_means"] == MEANS).all()
    assert header["campaign"].items() >= {"seed": 3, "chunk_size": 700, "numpy": np.__version__}.items()


@pytest.mark.parametrize(
    "changes",
    [
        *({"noises": noises} for noises in ([], 0.1, "0.1", [0.1, -1], [math.nan], [0], {0.1})),
        *({"seed": seed} for seed in (None, -1, 1.5, True)),
        *({"chunk_size": size} for size in (0, 1.0)),
        *({"rtol": rtol} for rtol in (-1, math.nan, "x")),
        *({"confidence": value} for value in (0.0, 1.0, math.nan)),
        *({"max_samples": value} for value in (0, 1e3)),
        *({"priors": value} for value in ([1, 1], [2] * 6)),
    ],
    ids=str,
)
def test_bad_settings(changes):
    with pytest.raises(InputError):
        make(**changes)


@pytest.mark.parametrize("arguments", [{"executor": 3}, {"progress": 3}, {"ahead": 0}])
def test_bad_arguments(arguments, tmp_path):
    with pytest.raises(InputError):
        make().run(tmp_path / "run.npz", **arguments)
    assert not os.listdir(tmp_path)
