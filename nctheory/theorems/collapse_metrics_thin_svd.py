"""NC1 without a large pseudo-inverse: the residuals along the directions of the class means, over the singular values.

D (K, d) centered class means as rows with thin SVD U S V^T, Sigma_B = D^T D / K, residuals r_i, Sigma_W their
covariance (1/N) sum r_i r_i^T.

Proof. Sigma_B = V S^2 V^T / K, and X = K V S^-2 V^T satisfies Sigma_B X = V V^T = X Sigma_B, which is symmetric,
Sigma_B X Sigma_B = Sigma_B and X Sigma_B X = X: the four conditions that only pinv(Sigma_B) satisfies. So tr(Sigma_W
pinv(Sigma_B)) / K = tr(Sigma_W V S^-2 V^T) = (1/N) sum |S^-1 V^T r_i|^2. As D^T = V S U^T, also S^-1 V^T r = S^-2
U^T D r, whose norm is that of pinv(D D^T) D r: a K x K matrix will do. For D = u v^T of rank 1: S = |u| |v|, V = v /
|v|.
"""

# formulas have no keywords and no stars

from nctheory.domains import Domain, Free, Positive, Range
from nctheory.formula import dot
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (2, 4), "dimension": (1, 3), "num_samples": (1, 3)}
SCALES, DIRECTION = Free(("num_classes",)), Free(("dimension",))
RESIDUALS = Free(("num_samples", "dimension"))


def has_scales(scales):
    """The class means are not all at their center."""
    return dot(scales, scales) > 0


def has_direction(direction):
    """They differ along some direction."""
    return dot(direction, direction) > 0


@theorem(
    title="NC1 by a thin SVD",
    statement="With D = U S V^T the thin SVD of the centered class means, tr(Sigma_W pinv(Sigma_B)) / K = (1/N) sum "
    "|S^-1 V^T r_i|^2 = (1/N) sum |pinv(D D^T) D r_i|^2.",
    latex=r"\tfrac1K\operatorname{tr}(\Sigma_W\Sigma_B^+) = \tfrac1N\sum_i\|S^{-1}V^{\mathsf T}r_i\|^2"
    r" = \tfrac1N\sum_i\|(DD^{\mathsf T})^+Dr_i\|^2",
    reference="papyan2020 (NC1); horn2012; proof in the docstring of this file",
    standing="proved",
    remarks="Executed for class means on a line in any dimension, D = u v^T, where the pseudo-inverses are rational.",
    assumptions=(has_scales, has_direction),
    domain=Domain(SIZES, scales=SCALES, direction=DIRECTION, residuals=RESIDUALS),
    sharp={
        "num_classes": 2,
        "dimension": 2,
        "num_samples": 2,
        "scales": (1, -1),
        "direction": (1, 2),
        "residuals": ((1, 0), (2, 3)),
    },
)
def collapse_metrics_thin_svd(scales, direction, residuals, num_classes, dimension, num_samples):
    """How far B X B is from B and X B X from X, and the three forms of NC1 are apart; B = Sigma_B, X = pinv(B)."""
    squares = dot(scales, scales) * dot(direction, direction)
    between = [[dot(scales, scales) * a * b / num_classes for b in direction] for a in direction]
    inverse = [[num_classes * a * b / (squares * dot(direction, direction)) for b in direction] for a in direction]
    product = [[sum(p * q for p, q in zip(row, column)) for column in inverse] for row in between]
    conditions = max(
        abs(sum(product[k][j] * between[j][m] for j in range(dimension)) - between[k][m])
        + abs(sum(inverse[k][j] * product[j][m] for j in range(dimension)) - inverse[k][m])
        for k in range(dimension)
        for m in range(dimension)
    )
    along = [dot(direction, r) for r in residuals]
    trace = sum(dot(r, [dot(row, r) for row in inverse]) for r in residuals) / (num_samples * num_classes)
    thin = sum(a**2 for a in along) / (num_samples * squares * dot(direction, direction))
    rows = [[s * dot(scales, scales) * a / (squares * dot(scales, scales)) for a in along] for s in scales]
    by_classes = sum(dot(row, row) for row in rows) / num_samples
    return conditions + abs(trace - thin) + abs(trace - by_classes)


def without_k(scales, direction, residuals, num_classes, num_samples):
    """tr(Sigma_W pinv(Sigma_B)) less (1/N) sum |S^-1 V^T r|^2, in size."""
    along = sum(dot(direction, r) ** 2 for r in residuals) / num_samples
    return abs(num_classes - 1) * along / (dot(scales, scales) * dot(direction, direction) ** 2)


def with_ridge(scales, direction, residuals, ridge, num_classes, num_samples):
    """tr(Sigma_W (Sigma_B + ridge I)^-1) / K less NC1, in size; Sigma_B is inverted along and across its direction."""
    length = dot(direction, direction)
    eigenvalue = dot(scales, scales) * length / num_classes
    along = sum(dot(direction, r) ** 2 for r in residuals) / (num_samples * length)
    across = sum(dot(r, r) for r in residuals) / num_samples - along
    return abs(along / (eigenvalue + ridge) + across / ridge - along / eigenvalue) / num_classes


collapse_metrics_thin_svd.false_neighbor(
    "without_k",
    "(1/N) sum |S^-1 V^T r_i|^2 is tr(Sigma_W pinv(Sigma_B)), not divided by K.",
    margin=without_k,
)
collapse_metrics_thin_svd.false_neighbor(
    "ridge_for_cut_off",
    "A ridge may be added to Sigma_B and the sum inverted, in place of the pseudo-inverse.",
    margin=with_ridge,
    domain=Domain(SIZES, scales=SCALES, direction=DIRECTION, residuals=RESIDUALS, ridge=Positive()),
)
