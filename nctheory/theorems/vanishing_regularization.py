"""Cross-entropy of any class sizes as the regularization vanishes: the logits tend to P, in proportion.

Class k has n_k samples, pi = n / N, D = diag(n), P = I - J/K; v = tr (P D P)^(1/2) and M = ((P D P)^+)^(1/2), whose
entries off the diagonal are negative (`dual_signs`), and whose rows add up to 0. W and H are weights and class means, Z
= W H^T their logits, m_kj = <w_k - w_j, h_k>; lambda = sqrt(lambda_W lambda_H), and t = sqrt(lambda_W / lambda_H).

Proof. Let p_k be the probabilities -N lambda M_kj of j != k, and the rest, 1 - N lambda M_kk, of k; so lambda is such
that N lambda M_kk <= 1. As in `simplex_encoded_labels`, lambda_W |W|^2 + lambda_H sum n_k |h_k|^2 is at least lambda
|sqrt t W - M D H / sqrt t|^2 + 2 lambda sum n_k (-M_kj) m_kj, with equality where the means add up to 0. The last term
is 2 sum pi_k p_kj m_kj, and log(1 + sum_j e^-m_kj) + sum_j p_kj m_kj is entropy(p_k) + KL(p_k | softmax z_k). Hence

  F >= B + sum pi_k KL(p_k | softmax z_k) + (lambda / 2) |sqrt t W - M D H / sqrt t|^2,  B = sum pi_k entropy(p_k).

At the simplex-encoded labels, the logits a P with their best factors, F = log(1 + (K - 1) e^-a) + lambda v a. With s =
lambda v < 1 - 1/K, the best a is log((K - 1) (1 - s) / s), and F = U, the entropy of 1 - s and K - 1 times s / (K - 1):
the entropy of the mean of all p_k, made alike for all wrong classes. So B <= U, with equality for equal sizes. As f(x)
= -(1 - x) log(1 - x) is between x - x^2 and x, and the mean of all N lambda M_kk is s, U - B <= kappa s + sum pi_k (N
lambda M_kk)^2, kappa = sum_kj beta_kj log(N (K - 1) beta_kj / n_k), beta_kj = -n_k M_kj / v, a relative entropy that
does not depend on lambda.

What follows. U, B and so the least F are lambda v log(1 / lambda) up to a constant times lambda. A minimizer has F <=
U, so that sum pi_k KL(p_k | softmax z_k) <= U - B, a constant times lambda. KL(p | r) is at least p_j (r_j / p_j - 1 -
log(r_j / p_j)) for each j: so every wrong class has a softmax probability between two constants times lambda, and every
margin is log(1 / lambda) up to a constant. In proportion, the logits tend to P, with 1 - cosine of the order 1 /
log^2(1 / lambda), and W W^T and the means' Gram matrix to (P D P)^(1/2) and M. That is no simplex for weights, unless
the sizes are equal: for W W^T in proportion to P the logits z_k cost at least lambda sqrt((K - 1) sum n_k |z_k|^2), the
loss of class k is at least log(1 + (K - 1) exp(-|z_k| sqrt(K / (K - 1)))), and by Jensen's inequality F >= log(1 + (K -
1) e^-a) + lambda (K - 1) sqrt(N / K) a for some a >= 0, where (K - 1) sqrt(N / K) > v.

At finite lambda the logits a P are critical only if M is a multiple of P: for equal sizes, and for K = 2.
"""

from nctheory.domains import ClassSizes, Domain, Free, Positive
from nctheory.formula import dot
from nctheory.gaussian import exp, log, sqrt
from nctheory.theorems.registry import theorem


@theorem(
    title="Cross-entropy as the regularization vanishes",
    statement="For any class sizes, v = tr (P D P)^(1/2), M = ((P D P)^+)^(1/2), lambda = sqrt(lambda_W lambda_H), "
    "t = sqrt(lambda_W / lambda_H), and the probabilities p_k of -N lambda M_kj for j != k, F is at least B + "
    "sum pi_k KL(p_k | softmax z_k) + (lambda / 2) |sqrt t W - M D H / sqrt t|^2, B = sum pi_k entropy(p_k); and at "
    "most U <= B + kappa lambda v + sum pi_k (N lambda M_kk)^2 at the simplex-encoded labels, kappa a constant of the "
    "class sizes. So every margin of a minimizer is log(1 / lambda) up to a constant, and its logits tend "
    "to P, in proportion. Executed for three classes.",
    latex=r"F \ge \sum_k\pi_k\bigl[\mathrm{Ent}(p_k) + \mathrm{KL}(p_k\,\|\,\mathrm{softmax}(z_k))\bigr]"
    r" + \tfrac\lambda2\bigl\|\sqrt t\,W - MDH/\sqrt t\bigr\|_F^2,\qquad"
    r" \sum_k\pi_k\mathrm{Ent}(p_k) \le \min F \le"
    r" \sum_k\pi_k\bigl[\mathrm{Ent}(p_k) + (N\lambda M_{kk})^2\bigr] + \kappa\lambda v",
    reference="thrampoulidis2022, for the limit; proof in the docstring of this file",
    standing="proved",
    remarks="Executed at features that are class means; lambda is 1 / (2 + inverse) times the largest for which all "
    "p_k are probabilities, and balance is t.",
    domain=Domain(
        {"dimension": (1, 2)},
        class_sizes=ClassSizes((3,)),
        weights=Free((3, "dimension")),
        means=Free((3, "dimension")),
        inverse=Positive(),
        balance=Positive(),
    ),
    sharp={
        "dimension": 2,
        "class_sizes": (1, 1, 13),
        "weights": ((1, 2), (0, -1), (1, 1)),
        "means": ((2, -1), (-1, 2), (-1, -1)),
        "inverse": 3,
        "balance": 2,
    },
)
def vanishing_regularization(class_sizes, weights, means, inverse, balance, dimension):
    """The largest of three: the bound over F, U over its bound, and B over U; less 1."""
    total = sum(class_sizes)
    shares = [n / total for n in class_sizes]
    root = sqrt((class_sizes[0] * (class_sizes[1] + class_sizes[2]) + class_sizes[1] * class_sizes[2]) / 3)
    value = sqrt(2 * total / 3 + 2 * root)
    inverses = [1 / n for n in class_sizes]
    pulls = [
        [0 if i == j else (root * inverses[i] * inverses[j] / sum(inverses) + 1 / 3) / value for j in range(3)]
        for i in range(3)
    ]
    strength = 1 / (2 + inverse) / (total * max([sum(row) for row in pulls]))
    wrong = [[total * strength * x for x in row] for row in pulls]
    entropies = [
        -(1 - sum(wrong[k])) * log(1 - sum(wrong[k])) - sum(wrong[k][j] * log(wrong[k][j]) for j in range(3) if j != k)
        for k in range(3)
    ]
    bound = dot(shares, entropies)
    s = strength * value
    labels = -(1 - s) * log(1 - s) - s * log(s / 2)
    kappa = sum(
        class_sizes[k] * pulls[k][j] / value * log(2 * total * pulls[k][j] / value)
        for k in range(3)
        for j in range(3)
        if j != k
    )
    logits = [[dot(w, x) for w in weights] for x in means]
    sums = [log(sum(exp(z - max(logits[k])) for z in logits[k])) + max(logits[k]) for k in range(3)]
    crossed = [
        sums[k] - logits[k][k] + sum(wrong[k][j] * (logits[k][k] - logits[k][j]) for j in range(3)) for k in range(3)
    ]
    off = [
        balance * weights[k][i]
        - sum(pulls[k][j] * (class_sizes[k] * means[k][i] - class_sizes[j] * means[j][i]) for j in range(3))
        for k in range(3)
        for i in range(dimension)
    ]
    penalty = (
        balance * sum(dot(w, w) for w in weights)
        + sum(class_sizes[k] * dot(means[k], means[k]) for k in range(3)) / balance
    )
    least = (
        bound
        + sum(shares[k] * (crossed[k] - entropies[k]) for k in range(3))
        + strength * dot(off, off) / (2 * balance)
    )
    loss = sum(shares[k] * (sums[k] - logits[k][k]) for k in range(3))
    return (
        max(
            least / (loss + strength * penalty / 2),
            labels / (bound + kappa * s + sum(shares[k] * sum(wrong[k]) ** 2 for k in range(3))),
            bound / labels,
        )
        - 1
    )


def below_the_labels(class_sizes, ratio, factors):
    """F at the simplex-encoded labels, over F with their features of class k times factors[k], less 1.

    s = lambda v = 1 / (2 + ratio): the weights cost s a / 2, and the features of class k factors[k]^2 s a / 2 times n_k
    M_kk / v.
    """
    s = 1 / (2 + ratio)
    gap = log(2 * (1 - s) / s)
    root = sqrt((class_sizes[0] * (class_sizes[1] + class_sizes[2]) + class_sizes[1] * class_sizes[2]) / 3)
    square = 2 * sum(class_sizes) / 3 + 2 * root
    inverses = [1 / n for n in class_sizes]
    parts = [
        class_sizes[k] * (root * inverses[k] * (sum(inverses) - inverses[k]) / sum(inverses) + 2 / 3) / square
        for k in range(3)
    ]
    loss = sum(class_sizes[k] * log(1 + 2 * exp(-gap * factors[k])) for k in range(3)) / sum(class_sizes)
    cost = s * gap / 2 * (1 + sum(parts[k] * factors[k] ** 2 for k in range(3)))
    return (log(1 + 2 * exp(-gap)) + s * gap) / (loss + cost) - 1


vanishing_regularization.false_neighbor(
    "exact_before_the_limit",
    "For three classes of any sizes the simplex-encoded labels, at their best length, are optimal for every lambda "
    "with lambda v < 1/2.",
    margin=below_the_labels,
    domain=Domain(class_sizes=ClassSizes((3,)), ratio=Positive(), factors=Positive((3,))),
)


def with_simplex_weights(class_sizes, ratio):
    """The least F of simplex weights over F at simplex-encoded labels, less 1; lambda v = 1 / (2 + ratio)."""
    s = 1 / (2 + ratio)
    total = sum(class_sizes)
    root = sqrt((class_sizes[0] * (class_sizes[1] + class_sizes[2]) + class_sizes[1] * class_sizes[2]) / 3)
    longer = s * 2 * sqrt(total / 3) / sqrt(2 * total / 3 + 2 * root)
    gaps = [log(max(1, 2 * (1 - x) / x)) for x in (s, longer)]
    return (log(1 + 2 * exp(-gaps[1])) + longer * gaps[1]) / (log(1 + 2 * exp(-gaps[0])) + s * gaps[0]) - 1


vanishing_regularization.false_neighbor(
    "weights_tend_to_a_simplex",
    "For three classes of any sizes some weights that are a simplex are no worse than simplex-encoded labels, at every "
    "lambda with lambda v < 1/2: they are the limit.",
    margin=with_simplex_weights,
    domain=Domain(class_sizes=ClassSizes((3,)), ratio=Positive()),
)


def without_kappa(class_sizes, inverse):
    """F at the simplex-encoded labels over B + lambda v, less 1."""
    total = sum(class_sizes)
    root = sqrt((class_sizes[0] * (class_sizes[1] + class_sizes[2]) + class_sizes[1] * class_sizes[2]) / 3)
    value = sqrt(2 * total / 3 + 2 * root)
    inverses = [1 / n for n in class_sizes]
    pulls = [
        [0 if i == j else (root * inverses[i] * inverses[j] / sum(inverses) + 1 / 3) / value for j in range(3)]
        for i in range(3)
    ]
    share = 1 / (2 + inverse) / max([sum(row) for row in pulls])
    wrong = [[share * x for x in row] for row in pulls]
    bound = sum(
        class_sizes[k]
        / total
        * (
            -(1 - sum(wrong[k])) * log(1 - sum(wrong[k]))
            - sum(wrong[k][j] * log(wrong[k][j]) for j in range(3) if j != k)
        )
        for k in range(3)
    )
    s = share * value / total
    return (-(1 - s) * log(1 - s) - s * log(s / 2)) / (bound + s / 1000) - 1


vanishing_regularization.false_neighbor(
    "nearly_attained",
    "F at the simplex-encoded labels is within lambda v / 1000 of the bound B, for all class sizes.",
    margin=without_kappa,
    domain=Domain(class_sizes=ClassSizes((3,)), inverse=Positive()),
)
