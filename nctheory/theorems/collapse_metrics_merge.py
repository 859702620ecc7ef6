"""Means and covariances of parts, merged: the same as of all samples at once, with nothing subtracted.

Two batches of n and n' samples of one class, with means m, m' and sums S, S' of (h - m) (h - m)^T over each; q = n / (n
+ n').

Proof. The mean of all is m + (1 - q) (m' - m). About it the first batch has the sum S + n (1 - q)^2 (m' - m) (m' -
m)^T, the second S' + n' q^2 (m' - m) (m' - m)^T, and n (1 - q)^2 + n' q^2 = n n' / (n + n'): that is the sum of all.
The rows r_i = h_i - m' + sqrt(q) (m' - m) over the second batch have sum r_i r_i^T = S' + n' q (m' - m) (m' - m)^T, as
the h_i - m' add up to 0; and n' q = n n' / (n + n'). So a second batch is added to the first by one product of
matrices.
"""

# formulas have no keywords and no stars

from nctheory.domains import Domain, Free, Range
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_first": (1, 3), "num_second": (1, 3), "dimension": (1, 2)}
FIRST, SECOND = Free(("num_first", "dimension")), Free(("num_second", "dimension"))
FIELDS = {"first": FIRST, "second": SECOND}


@theorem(
    title="Merged accumulators",
    statement="For batches of n and n' samples with means m, m' and sums of squares and products S, S' about them, all "
    "samples have the mean (n m + n' m') / (n + n') and the sum S + S' + (n n' / (n + n')) (m' - m) (m' - m)^T about "
    "it; S' with that last term is the sum of r_i r_i^T over r_i = h_i - m' + sqrt(n / (n + n')) (m' - m).",
    latex=r"S_{\cup} = S + S' + \tfrac{nn'}{n+n'}(m'-m)(m'-m)^{\mathsf T},\qquad"
    r"\sum_i r_ir_i^{\mathsf T} = S' + \tfrac{nn'}{n+n'}(m'-m)(m'-m)^{\mathsf T}",
    reference="higham2002 for why; proof in the docstring of this file",
    standing="proved",
    remarks="The square root cancels: executed as the sum of (h_i - m') (h_i - m')^T, of its mixed terms, which are 0, "
    "and of n' n / (n + n') (m' - m) (m' - m)^T.",
    domain=Domain(SIZES, **FIELDS),
    sharp={"num_first": 1, "num_second": 2, "dimension": 2, "first": ((1, 2),), "second": ((0, 3), (5, 1))},
)
def collapse_metrics_merge(first, second, num_first, num_second, dimension):
    """How far the mean, the sum and the mixed terms of the rows are from what is stated, added up."""
    count = num_first + num_second
    means = [
        [sum(h[m] for h in first) / num_first for m in range(dimension)],
        [sum(h[m] for h in second) / num_second for m in range(dimension)],
    ]
    center = [sum(h[m] for h in first) / count + sum(h[m] for h in second) / count for m in range(dimension)]
    moved = [b - a for a, b in zip(means[0], means[1])]
    mean = max(abs(means[0][m] + num_second / count * moved[m] - center[m]) for m in range(dimension))
    mixed = max(abs(sum(h[m] - means[1][m] for h in second)) for m in range(dimension))
    apart = max(
        abs(
            sum((h[k] - center[k]) * (h[m] - center[m]) for h in first)
            + sum((h[k] - center[k]) * (h[m] - center[m]) for h in second)
            - sum((h[k] - means[0][k]) * (h[m] - means[0][m]) for h in first)
            - sum((h[k] - means[1][k]) * (h[m] - means[1][m]) for h in second)
            - num_first * num_second / count * moved[k] * moved[m]
        )
        for k in range(dimension)
        for m in range(dimension)
    )
    return mean + mixed + apart


LINE: dict[str, Range] = {"num_first": (1, 3), "num_second": (1, 3)}
NUMBERS = Domain(LINE, first=Free(("num_first",)), second=Free(("num_second",)))


def parts_only(first, second, num_first, num_second):
    """The sum of squares of all about their mean less the sums of the parts about theirs, on a line."""
    means = [sum(first) / num_first, sum(second) / num_second]
    center = (sum(first) + sum(second)) / (num_first + num_second)
    whole = sum((h - center) ** 2 for h in first) + sum((h - center) ** 2 for h in second)
    return whole - sum((h - means[0]) ** 2 for h in first) - sum((h - means[1]) ** 2 for h in second)


def mean_of_means(first, second, num_first, num_second):
    """How far the mean of both means is from the mean of all."""
    center = (sum(first) + sum(second)) / (num_first + num_second)
    return abs((sum(first) / num_first + sum(second) / num_second) / 2 - center)


def without_root(first, second, num_first, num_second):
    """The sum of squares of h - m' + (n / (n + n')) (m' - m) over the second batch, from what it should be."""
    means = [sum(first) / num_first, sum(second) / num_second]
    share = num_first / (num_first + num_second)
    rows = sum((h - means[1] + share * (means[1] - means[0])) ** 2 for h in second)
    return abs(rows - sum((h - means[1]) ** 2 for h in second) - share * num_second * (means[1] - means[0]) ** 2)


collapse_metrics_merge.false_neighbor(
    "parts_only", "The sum about the mean of all is that of the parts about theirs.", margin=parts_only, domain=NUMBERS
)
collapse_metrics_merge.false_neighbor(
    "mean_of_means",
    "The mean of all is the mean of the means of the batches.",
    margin=mean_of_means,
    domain=NUMBERS,
)
collapse_metrics_merge.false_neighbor(
    "without_root",
    "The rows h - m' + (n / (n + n')) (m' - m), without a root, have that sum of squares.",
    margin=without_root,
    domain=NUMBERS,
)
