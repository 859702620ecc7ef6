"""The multipliers of the least-norm separation are positive for every imbalance.

Proof. For positive n_k, D = diag(n) and P = I - J/K let X = D^-1 - D^-1 1 1^T D^-1 / s, s = 1^T D^-1 1. X 1 = 0, so
X P = X, and P D P X = P D X = P (I - 1 1^T D^-1 / s) = P: X is the pseudoinverse of P D P. Off the diagonal it is
-1 / (n_i n_j s): the Laplacian of a complete graph with these weights.

P D P + t^2 P = P (D + t^2 I) P is of the same kind, with n_k + t^2 for n_k. On the complement of the vector of ones
(P D P)^(-1/2) = (2/pi) int_0^oo (P D P + t^2 P)^+ dt, as x^(-1/2) = (2/pi) int_0^oo dt / (x + t^2). So M = ((P D
P)^+)^(1/2) is an integral of matrices with negative entries off the diagonal, and has such entries itself: the
multipliers beta_ic = -M_ic of `imbalanced_separation` are positive, for all class sizes.
"""

from nctheory.domains import ClassSizes, Domain, Positive, Range
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (2, 5)}
CLASS_SIZES = ClassSizes(("num_classes",))


@theorem(
    title="Positive multipliers for every imbalance",
    statement="The pseudoinverse of P D P + t P, D = diag(n), P = I - J/K, t >= 0, is diag(1/a) - (1/a)(1/a)^T / s "
    "with a_k = n_k + t and s = sum 1/a_k: negative off the diagonal. So is ((P D P)^+)^(1/2), an integral of these, "
    "and the multipliers of the least-norm separation are positive for any class sizes.",
    latex=r"(PDP + tP)^+_{ij} = -\frac{1}{a_i a_j \sum_k 1/a_k} < 0\ (i \ne j),\ a_k = n_k + t,\qquad"
    r" \big((PDP)^+\big)^{1/2} = \frac2\pi\int_0^\infty (PDP + t^2P)^+\,dt",
    reference="proof in the docstring of this file",
    standing="proved",
    remarks="thrampoulidis2022 assumes step imbalance. In double precision graded sizes give wrong signs, unless the "
    "null vector is removed by hand.",
    domain=Domain(SIZES, class_sizes=CLASS_SIZES, shift=Positive()),
    sharp={"num_classes": 3, "class_sizes": (1, 1, 13), "shift": 2},
)
def dual_signs(class_sizes, shift, num_classes):
    """The largest entry of P D P X + t X - P and of X 1 in size, or of X off the diagonal if one is positive."""
    classes = range(num_classes)
    inverses = [1 / (n + shift) for n in class_sizes]
    total = sum(inverses)
    pseudo = [[(inverses[i] if i == j else 0) - inverses[i] * inverses[j] / total for j in classes] for i in classes]
    mean = sum(class_sizes) / num_classes
    projected = [
        [(class_sizes[i] if i == j else 0) - (class_sizes[i] + class_sizes[j] - mean) / num_classes for j in classes]
        for i in classes
    ]
    defects = [
        sum(projected[i][k] * pseudo[k][j] for k in classes)
        + shift * pseudo[i][j]
        - ((1 if i == j else 0) - 1 / num_classes)
        for i in classes
        for j in classes
    ]
    largest = max(pseudo[i][j] for i in classes for j in classes if i != j)
    return max([abs(x) for x in defects] + [abs(sum(row)) for row in pseudo] + [largest])


def of_the_matrix(class_sizes, num_classes):
    """The largest entry of P D P off the diagonal, relative to the mean size."""
    mean = sum(class_sizes) / num_classes
    return max(
        (mean - class_sizes[i] - class_sizes[j]) / (num_classes * mean)
        for i in range(num_classes)
        for j in range(num_classes)
        if i != j
    )


dual_signs.false_neighbor(
    "of_the_matrix_itself",
    "P D P itself has no positive entry off the diagonal.",
    margin=of_the_matrix,
    domain=Domain(SIZES, class_sizes=CLASS_SIZES),
)


def of_the_square(class_sizes, num_classes):
    """The largest entry of ((P D P)^+)^2 off the diagonal."""
    classes = range(num_classes)
    inverses = [1 / n for n in class_sizes]
    total = sum(inverses)
    pseudo = [[(inverses[i] if i == j else 0) - inverses[i] * inverses[j] / total for j in classes] for i in classes]
    return max(sum(pseudo[i][k] * pseudo[k][j] for k in classes) for i in classes for j in classes if i != j)


dual_signs.false_neighbor(
    "every_power",
    "Every positive power of (P D P)^+ is negative off the diagonal, not only those up to 1.",
    margin=of_the_square,
    domain=Domain(SIZES, class_sizes=CLASS_SIZES),
)


def of_the_projected_inverse(class_sizes, num_classes):
    """The largest entry of P D P D^-1 P - P in size."""
    classes = range(num_classes)
    mean = sum(class_sizes) / num_classes
    projected = [
        [(class_sizes[i] if i == j else 0) - (class_sizes[i] + class_sizes[j] - mean) / num_classes for j in classes]
        for i in classes
    ]
    inverses = [
        [(1 if i == j else 0) / class_sizes[i] - 1 / (num_classes * class_sizes[i]) for j in classes] for i in classes
    ]
    return max(
        abs(sum(projected[i][k] * inverses[k][j] for k in classes) - (1 if i == j else 0) + 1 / num_classes)
        for i in classes
        for j in classes
    )


dual_signs.false_neighbor(
    "projected_inverse",
    "The pseudoinverse of P D P is P D^-1 P.",
    margin=of_the_projected_inverse,
    domain=Domain(SIZES, class_sizes=CLASS_SIZES),
)
