"""The archive of a checkpoint: what was written is read, and what is read is what was written."""

import os
from fractions import Fraction

import numpy as np
import pytest

from nctheory import Configuration
from nctheory.constructions import simplex_etf_gram
from nctheory.errors import InputError
from nctheory.probability import checkpoint
from nctheory.probability.problem import Problem

MEANS = np.random.default_rng(5).standard_normal((6, 4))
THIRDS = [[Fraction(1, 3), 0], [0, Fraction(2, 7)], [1, 1]]
ARRAYS = {
    "floats": np.array([[1.5, np.nextafter(0.1, 1)], [-0.0, np.inf]]),
    "integers": np.arange(3),
    "bytes": np.frombuffer(b"text", dtype=np.uint8),
    "empty": np.empty((0, 2), dtype=np.int64),
}
CONTENT = {"campaign": {"seed": 2**100}, "states": [1.5, None]}


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / "run.npz"
    checkpoint.write(path, CONTENT, ARRAYS)
    header, arrays = checkpoint.read(path)
    assert {name: header[name] for name in CONTENT} == CONTENT
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert arrays[name].shape == array.shape
        assert arrays[name].tobytes() == array.tobytes()
    assert os.listdir(tmp_path) == ["run.npz"]


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    checkpoint.write(path, CONTENT, ARRAYS)
    before = path.read_bytes()

    def fail(*_):
        raise OSError("no space")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space"):
        checkpoint.write(path, CONTENT, {})
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["run.npz"]


def test_a_digest_sees_names_types_shapes_and_numbers():
    array = np.arange(6.0)
    changed = [{"b": array}, {"a": array.view(np.int64)}, {"a": array.reshape(2, 3)}, {"a": array + 1}]
    digests = {checkpoint.digest(arrays) for arrays in ({"a": array}, *changed, {}, {"a": array, "b": array})}
    assert len(digests) == 7


@pytest.mark.parametrize(
    ("configuration", "covariance"),
    [
        (MEANS, None),
        (THIRDS, None),
        (Configuration.from_gram(simplex_etf_gram(4), dimension=5), None),
        (Configuration(MEANS, MEANS + 0.1, [Fraction(1, 3)] * 6), np.diag([1.0, 2.0, 3.0, 4.0])),
        (MEANS, np.array([np.eye(4) * (c + 1) for c in range(6)])),
    ],
    ids=["floats", "fractions", "gram", "linear", "covariances"],
)
def test_a_problem_is_decoded_exactly(configuration, covariance):
    problem = Problem.of(configuration, 0.5, noise_covariance=covariance)
    found, noise = checkpoint.decoded(checkpoint.encoded(problem))
    again = Problem.of(found, 0.5, noise_covariance=noise)
    assert checkpoint.digest(checkpoint.encoded(again)) == checkpoint.digest(checkpoint.encoded(problem))
    assert (again.thresholds(np.arange(again.num_classes)) == problem.thresholds(np.arange(problem.num_classes))).all()
    assert again.configuration.decoder == problem.configuration.decoder
    assert again.configuration.dimension == problem.configuration.dimension


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ({"seed": 1, "noises": ["1/3"]}, "seed is 1 there and 2 here"),
        ({"seed": 2, "noises": ["1/7", "1", "2", "3", "4"]}, r"\[0\.142857.*, 1, 2, 3, \.\.\.\] there"),
        ({"seed": 2}, "noises is None there"),
        ([], "its identity is missing"),
    ],
)
def test_differences_are_named(there, words, tmp_path):
    here = {"seed": 2, "noises": ["1/3"]}
    checkpoint.refuse_others(dict(here), here, tmp_path)
    with pytest.raises(InputError, match=words):
        checkpoint.refuse_others(there, here, tmp_path)
