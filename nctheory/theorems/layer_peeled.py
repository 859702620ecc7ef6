"""The layer-peeled model: cross-entropy under bounds on the norms, for any class sizes; a simplex in the limit.

Class k has n_k samples, pi = n / N. Bounded are (1/K) sum |w_k|^2 <= E_W and (1/K) sum_k (1/n_k) sum_i |h_ki|^2 <= E_H;
E = sqrt(E_W E_H), t = K E / (K - 1), L is the mean loss. With class means for features neither L nor the bounds grow;
then W M^T =: Z, M the means, has the nuclear norm at most K E, and every such Z has such factors (d >= K).

Proof. All margins m_kj = <w_k - w_j, h_k> add up to K <P W, M> <= K |W| |M| <= K^2 E = K (K - 1) t. For q = 1 / (e^t +
K - 1), nu = q min pi, and the probabilities p_k of nu / pi_k for each j != k and 1 - s_k, s_k = (K - 1) nu / pi_k, for
k,

  L + nu sum m_kj = sum pi_k (entropy(p_k) + KL(p_k | softmax z_k)) >= sum pi_k entropy(p_k).

So L >= sum pi_k entropy(p_k) - nu K (K - 1) t, in which t cancels: with f = log(1 + (K - 1) e^-t) it is B = sum pi_k
(-(1 - s_k) log(1 - s_k) + s_k log(pi_k / min pi)) + K (K - 1) nu f. For equal sizes B = f, as 1 - s = e^-f: the least
loss, by the simplex of gap t. For any sizes the simplex has the loss f, so the least is between B and f, both of which
are e^-t times constants as E grows. The difference of a minimizer's loss and B is sum pi_k KL(p_k | softmax z_k) + nu
(K (K - 1) t - sum m_kj), at most f - B: so every softmax probability of a wrong class is e^-t, and every margin t, up
to constants, and <P W, M> is |W| |M| up to a constant. In proportion, Z tends to P and W to M: to a simplex, whatever
the sizes; not to the optimum of minimum-norm separation, whose weights have the Gram matrix (P D P)^(1/2).

Merging. Let B be a block of classes of n_B samples each, and replace their weights, and their means, by the averages.
As in `minority_collapse`, L rises by at most n_B / (2 N) times what |W|^2 + |M|^2 falls by. At the least loss there is
a multiplier mu, the norm of the K x K gradient of L by Z, for which L + mu (|W|^2 + |M|^2) / 2 is least: so minority
weights are equal if n_B / N <= mu, and not if n_B / N > mu, by the direction there. The K x N gradient has other norms.
"""

from nctheory.domains import ClassSizes, Domain, Free, Positive
from nctheory.formula import dot
from nctheory.gaussian import exp, log, sqrt
from nctheory.theorems.registry import theorem

CORNERS = ((2, -1, -1), (-1, 2, -1), (-1, -1, 2))


@theorem(
    title="The layer-peeled model",
    statement="Cross-entropy L with (1/K) sum |w_k|^2 <= E_W and (1/K) sum_k (1/n_k) sum_i |h_ki|^2 <= E_H, E = "
    "sqrt(E_W E_H), t = K E / (K - 1), f = log(1 + (K - 1) e^-t): for equal class sizes L >= f, with equality at "
    "simplices; for any sizes the least L is between f and a bound B of the same order e^-t, so that the minimizers "
    "tend to simplices as E grows. Averaging the weights and the means M of two classes of n_B samples raises L by at "
    "most n_B / (2 N) times what |W|^2 + |M|^2 falls by, and so not L + mu (|W|^2 + |M|^2) / 2 if n_B / N <= mu.",
    latex=r"L \ge \sum_k \pi_k\Bigl[-(1-s_k)\log(1-s_k) + s_k\log\frac{\pi_k}{\pi_{\min}}\Bigr]"
    r" + \frac{K(K-1)\pi_{\min}}{e^t+K-1}\,f,\quad f = \log\bigl(1+(K-1)e^{-t}\bigr),\quad"
    r" t = \frac{K\sqrt{E_WE_H}}{K-1},\quad s_k = \frac{(K-1)\pi_{\min}}{\pi_k(e^t+K-1)}",
    reference="fang2021; proof in the docstring of this file",
    standing="proved",
    remarks="Executed at features that are class means, with the energies that the point has. The class sizes are "
    "those of all classes but the first, which is as large as the second.",
    domain=Domain(
        {
            "num_classes": (2, 4),
            "num_sizes": lambda num_classes: (num_classes - 1, num_classes - 1),
            "dimension": (1, 3),
        },
        class_sizes=ClassSizes(("num_sizes",)),
        weights=Free(("num_classes", "dimension")),
        means=Free(("num_classes", "dimension")),
    ),
    sharp={
        "num_classes": 3,
        "num_sizes": 2,
        "dimension": 3,
        "class_sizes": (2, 2),
        "weights": CORNERS,
        "means": CORNERS,
    },
)
def layer_peeled(class_sizes, weights, means, num_classes, dimension):
    """The larger of B - L, and of how much more merging the first two classes raises L than it may."""
    classes = range(num_classes)
    counts = [class_sizes[max(k - 1, 0)] for k in classes]
    shares = [x / sum(counts) for x in counts]
    norms = [sum(dot(w, w) for w in weights), sum(dot(x, x) for x in means)]
    decay = exp(-sqrt(norms[0] * norms[1]) / (num_classes - 1))
    f = log(1 + (num_classes - 1) * decay)
    nu = min(shares) * decay / (1 + (num_classes - 1) * decay)
    wrong = [(num_classes - 1) * nu / x for x in shares]
    bound = (
        sum(
            shares[k] * (-(1 - wrong[k]) * log(1 - wrong[k]) + wrong[k] * log(shares[k] / min(shares))) for k in classes
        )
        + num_classes * (num_classes - 1) * nu * f
    )
    merged = [[(rows[0][i] + rows[1][i]) / 2 for i in range(dimension)] for rows in (weights, means)]
    logits = [
        [[dot(w, x) for w in weights] for x in means],
        [[dot(merged[0] if j < 2 else weights[j], merged[1] if k < 2 else means[k]) for j in classes] for k in classes],
    ]
    losses = [
        sum(shares[k] * (log(sum(exp(z - max(rows[k])) for z in rows[k])) + max(rows[k]) - rows[k][k]) for k in classes)
        for rows in logits
    ]
    removed = sum((rows[0][i] - rows[1][i]) ** 2 for rows in (weights, means) for i in range(dimension)) / 2
    raised = losses[1] - losses[0] - shares[0] * removed / 2
    return max(bound - losses[0], raised / (1 + sum(norms)))


def below_the_simplex(class_sizes, gaps):
    """f less L, for weights P and means x_k P e_k, three classes."""
    total = sum(class_sizes)
    losses = [log(1 + 2 * exp(-x)) for x in gaps]
    least = log(1 + 2 * exp(-sqrt(dot(gaps, gaps) / 3)))
    return least - sum(class_sizes[k] * losses[k] for k in range(3)) / total


layer_peeled.false_neighbor(
    "any_class_sizes",
    "For class sizes that differ, too, the simplex has the least loss at every energy.",
    margin=below_the_simplex,
    domain=Domain(class_sizes=ClassSizes((3,)), gaps=Positive((3,))),
)


def worse_labels(class_sizes, energy):
    """The loss of the optimum of minimum-norm separation at this energy, less that of the simplex.

    Of the logits t P with W W^T = s (P D P)^(1/2) and means of Gram matrix t^2 / s times its pseudoinverse, t = 3 E /
    sqrt(tr (P D P)^(1/2) tr (P D P)^(-1/2)).
    """
    total = sum(class_sizes)
    root = sqrt((class_sizes[0] * (class_sizes[1] + class_sizes[2]) + class_sizes[1] * class_sizes[2]) / 3)
    gap = 3 * energy / sqrt((2 * total / 3 + 2 * root) / root)
    return log(1 + 2 * exp(-gap)) - log(1 + 2 * exp(-3 * energy / 2))


layer_peeled.false_neighbor(
    "limit_of_separation",
    "At the energies of the model the weights and means of minimum-norm separation, simplex-encoded labels, have no "
    "larger loss than the simplex: they are its limit.",
    margin=worse_labels,
    domain=Domain(class_sizes=ClassSizes((3,)), energy=Positive()),
)


def above_with_energy(num_classes, energy):
    """log(1 + (K - 1) e^-E) less the loss of the simplex."""
    gap = num_classes * energy / (num_classes - 1)
    return log(1 + (num_classes - 1) * exp(-energy)) - log(1 + (num_classes - 1) * exp(-gap))


layer_peeled.false_neighbor(
    "energy_is_the_gap",
    "For equal class sizes no loss is below log(1 + (K - 1) e^-E).",
    margin=above_with_energy,
    domain=Domain({"num_classes": (2, 5)}, energy=Positive()),
)


def gain_of_splitting(multiplier, step):
    """The sum L + mu (|W|^2 + |M|^2) / 2 at zero, less that at +-sqrt(step / 2) for two equal classes."""
    return log(2) - log(1 + exp(-step)) - multiplier * step


def below_the_wide_gradient(class_size, multiplier):
    """sqrt n / N <= mu, N = 2 n."""
    return class_size <= (2 * class_size * multiplier) ** 2


layer_peeled.false_neighbor(
    "wide_gradient",
    "Equal weights of two classes of n_B samples each are best as soon as sqrt(n_B) / N, the norm of their part of the "
    "K x N gradient, is at most mu.",
    margin=gain_of_splitting,
    domain=Domain({"class_size": (1, 9)}, multiplier=Positive(), step=Positive()),
    assumptions=[below_the_wide_gradient],
)
