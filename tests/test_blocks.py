"""Classes that may be permuted: groups, and the matrices of logits that permutations leave as they are."""

from itertools import permutations

import numpy as np
import pytest

from nctheory.blocks import Blocks

SIZES = np.array([5, 2, 5, 2, 2, 9])


def test_groups_of_one_key():
    blocks = Blocks.of(SIZES)
    assert blocks.members.tolist() == [3, 2, 1]
    assert SIZES[blocks.first].tolist() == [2, 5, 9]
    assert blocks.first.tolist() == [1, 0, 5]
    assert SIZES[blocks.first][blocks.groups].tolist() == SIZES.tolist()


def test_groups_of_two_keys():
    weights = np.array([1.0, 1.0, 2.0, 1.0, 2.0, 1.0])
    blocks = Blocks.of(SIZES, weights)
    pairs = list(zip(SIZES, weights, strict=True))
    for i, j in permutations(range(6), 2):
        assert (blocks.groups[i] == blocks.groups[j]) == (pairs[i] == pairs[j])
    assert sorted(blocks.members.tolist()) == [1, 1, 1, 1, 2]
    assert blocks.members.sum() == 6


def test_classes_that_all_differ():
    blocks = Blocks.of(np.array([3, 1, 2]))
    assert blocks.members.tolist() == [1, 1, 1]
    table = np.arange(9.0).reshape(3, 3)
    assert np.allclose(blocks.logits(table, np.zeros(3)), table[np.ix_(blocks.groups, blocks.groups)])


@pytest.mark.parametrize("seed", range(3))
def test_logits_are_invariant_and_have_the_singular_values_that_are_said(seed):
    """Those of D_g^(1/2) X, and n_j^(1/2) |s_j|, m_j - 1 times."""
    generator = np.random.default_rng(seed)
    blocks = Blocks.of(SIZES)
    indicators, steps = generator.standard_normal((3, 3)), generator.standard_normal(3) * (blocks.members > 1)
    logits = blocks.logits(indicators, steps)
    for i, j in permutations(range(6), 2):
        if SIZES[i] == SIZES[j]:
            order = np.arange(6)
            order[[i, j]] = j, i
            assert np.allclose(logits[np.ix_(order, order)], logits)
    sizes = SIZES[blocks.first]
    small = np.linalg.svd(np.sqrt(sizes)[:, None] * indicators, compute_uv=False)
    rest = np.repeat(np.sqrt(sizes) * np.abs(steps), blocks.members - 1)
    large = np.linalg.svd(np.sqrt(SIZES)[:, None] * logits, compute_uv=False)
    assert np.sort(large) == pytest.approx(np.sort(np.concatenate([small, rest])), abs=1e-12)


def test_the_entries_of_logits():
    """One group of three classes: x = p + 2 q, s = p - q."""
    blocks = Blocks.of(np.array([4, 4, 4]))
    logits = blocks.logits(np.array([[7.0 + 2 * 2.0]]), np.array([7.0 - 2.0]))
    assert np.allclose(logits, 5 * np.eye(3) + 2)
