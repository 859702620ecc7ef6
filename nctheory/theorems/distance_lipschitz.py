"""How fast the smallest distance, and with it the exponent of nearest mean, changes with the class means.

Proof. | |mu_i' - mu_j'| - |mu_i - mu_j| | <= |delta_i| + |delta_j| <= min(2 max |delta|, sqrt 2 |delta|_F), and the
minimum over pairs changes no faster. Without roots: as in `exponent_lipschitz`.
"""

from itertools import combinations

from nctheory.domains import Domain, Free
from nctheory.formula import squared_distance
from nctheory.theorems.registry import theorem

POINTS = ("num_classes", "dimension")


@theorem(
    title="The smallest distance is Lipschitz in the means",
    statement="The smallest distance between class means changes by at most twice the largest displacement of a mean, "
    "and by at most sqrt 2 times the Frobenius norm of the displacements.",
    latex=r"|\mathrm{dist}'-\mathrm{dist}| \le 2\max_c\|\mu_c'-\mu_c\|,\qquad \le \sqrt2\,\|M'-M\|_F",
    reference="proof in the docstring of this file",
    standing="proved",
    domain=Domain({"num_classes": (2, 4), "dimension": (1, 3)}, means=Free(POINTS), moved=Free(POINTS)),
    sharp={"num_classes": 2, "dimension": 1, "means": ((1,), (-1,)), "moved": ((2,), (-2,))},
)
def distance_lipschitz(means, moved):
    """X |X| - 4 dist^2 s^2, X = dist'^2 - dist^2 - s^2, relative, for s = 2 max |delta| and s = sqrt 2 |delta|_F."""
    steps = [squared_distance(means[c], moved[c]) for c in range(len(means))]
    before = min(squared_distance(x, y) for x, y in combinations(means, 2))
    after = min(squared_distance(x, y) for x, y in combinations(moved, 2))
    return max(
        ((after - before - s) * abs(after - before - s) - 4 * before * s) / ((before + s) ** 2 if s > 0 else 1)
        for s in (4 * max(steps), 2 * sum(steps))
    )


def once_the_largest_step(means, moved):
    """The same for s = max |delta|."""
    s = max(squared_distance(means[c], moved[c]) for c in range(len(means)))
    before = min(squared_distance(x, y) for x, y in combinations(means, 2))
    after = min(squared_distance(x, y) for x, y in combinations(moved, 2))
    return ((after - before - s) * abs(after - before - s) - 4 * before * s) / ((before + s) ** 2 if s > 0 else 1)


def once_the_frobenius_norm(means, moved):
    """The same for s = |delta|_F."""
    s = sum(squared_distance(means[c], moved[c]) for c in range(len(means)))
    before = min(squared_distance(x, y) for x, y in combinations(means, 2))
    after = min(squared_distance(x, y) for x, y in combinations(moved, 2))
    return ((after - before - s) * abs(after - before - s) - 4 * before * s) / ((before + s) ** 2 if s > 0 else 1)


distance_lipschitz.false_neighbor(
    "once_the_largest_step",
    "The smallest distance changes by at most the largest displacement of a mean.",
    margin=once_the_largest_step,
)
distance_lipschitz.false_neighbor(
    "once_the_frobenius_norm",
    "The smallest distance changes by at most the Frobenius norm of the displacements.",
    margin=once_the_frobenius_norm,
)
