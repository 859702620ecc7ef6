"""Classes in groups that may be permuted, and the matrices of logits that these permutations leave as they are."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nctheory.arrays import Array

__all__ = ["Blocks"]


@dataclass(frozen=True, eq=False)
class Blocks:
    """The classes in groups that may be permuted without changing a convex problem, such as those of one size.

    By convexity the mean of an optimum over these permutations is one. Its logits are constant on blocks, but for the
    diagonal: p_j there and q_j elsewhere in group j of m_j classes, r_jl between groups. In the basis of normalized
    indicators they are X, with x_jj = p_j + (m_j - 1) q_j and x_jl = (m_j m_l)^(1/2) r_jl, and on the complement
    s_j = p_j - q_j, m_j - 1 times. So the problem is as large as there are groups.
    """

    groups: Array  # (K,) of every class
    first: Array  # (g,) the first class of every group
    members: Array  # (g,) how many there are

    @classmethod
    def of(cls, *keys: Array) -> "Blocks":
        """Classes for which all keys (K,) agree are in one group."""
        columns = np.column_stack(keys)
        _, first, groups, members = np.unique(
            columns, axis=0, return_index=True, return_inverse=True, return_counts=True
        )
        return cls(groups.reshape(-1), first, members)

    @cached_property
    def _scale(self) -> Array:
        return np.asarray(np.sqrt(np.outer(self.members, self.members)))

    def logits(self, indicators: Array, steps: Array) -> Array:
        """(K, K) logits from X and s."""
        table = indicators / self._scale - np.diag(steps / self.members)
        return np.asarray(table[np.ix_(self.groups, self.groups)] + np.diag(steps[self.groups]))
