"""Normalized features and classifiers, one large class: from a finite imbalance on the others coincide exactly.

One class A of n_A samples, m >= 2 classes of n_B samples, pi their shares of N, R = n_A / n_B; unit vectors, logits tau
<w_c, h_k>, x = e^(-2 tau), q_A = x / (1 + m x), q_B = x / (m + x).

Proof. Take w_A = h_A = e and w_b = h_b = -e for all other classes: F is f = pi_A log(1 + m x) + m pi_B log(m + x), a
sample of A has the probability q_A of each other class, one of b has q_B of A and (1 - q_B) / m of each b'. So G (sums
over the samples of a class) has the rows tau pi_A (-m q_A, q_A, ...) and tau pi_B (q_B, (1 - q_B) / m - [b = b']), and

    alpha_b = tau (pi_A q_A + pi_B q_B),    beta_b = 2 tau pi_B q_B.

S (see `sphere_certificate`) commutes with permutations of the small classes. On vectors that add up to 0 over them it
is [[alpha_b, -tau pi_B], [-tau pi_B, beta_b]], positive semidefinite iff 2 q_B (R q_A + q_B) >= 1. On the others, four
numbers, change the signs of those of w_b and h_b: then all entries off the diagonal are 0 or negative, and S times the
vector of ones is 0, as the point is critical: it is a weighted graph's Laplacian, which is positive semidefinite. So
where 2 q_B (R q_A + q_B) >= 1, f is the least value in every dimension. Else S has a negative eigenvalue, and for d >=
2, where the points leave a direction, F goes down from here.

For small tau the condition tends to R >= K^2 / 2 - 1; for large tau it is about R >= m e^(4 tau) / 2.
"""

from fractions import Fraction

from nctheory.domains import Domain, Interval, Positive, Range, Sphere
from nctheory.formula import dot
from nctheory.gaussian import exp, log
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {
    "num_small": (2, 3),
    "num_classes": lambda num_small: (num_small + 1, num_small + 1),
    "dimension": (1, 3),
}
EQUAL = ((1, 0), (-1, 0), (-1, 0))


def is_collapsed(ratio, temperature, num_small):
    """2 q_B (R q_A + q_B) >= 1."""
    rest = exp(-2 * temperature)
    wrong = rest / (num_small + rest)
    return 2 * wrong * (ratio * rest / (1 + num_small * rest) + wrong) >= 1


@theorem(
    title="Minority collapse on spheres",
    statement="One class A of n_A samples and m >= 2 classes of n_B, R = n_A / n_B, vectors of norm 1, x = e^(-2 tau), "
    "q_A = x / (1 + m x), q_B = x / (m + x). If 2 q_B (R q_A + q_B) >= 1, then F >= (n_A / N) log(1 + m x) + "
    "(m n_B / N) log(m + x) in every dimension, which is the value where all small classes coincide, opposite to the "
    "large one. If 2 q_B (R q_A + q_B) < 1 and d >= 2, that is no minimum. As tau tends to 0 the condition is R >= "
    "K^2 / 2 - 1.",
    latex=r"2q_B\,(Rq_A+q_B) \ge 1 \implies F \ge \pi_A\log(1+mx) + m\pi_B\log(m+x),\quad x = e^{-2\tau},"
    r"\ q_A = \frac{x}{1+mx},\ q_B = \frac{x}{m+x}",
    reference="fang2021 for bounded norms; proof in the docstring of this file",
    standing="proved",
    remarks="Executed at one feature for each class; the first class is A, and `ratio` is R.",
    domain=Domain(
        SIZES,
        weights=Sphere(("num_classes", "dimension")),
        features=Sphere(("num_classes", "dimension")),
        ratio=Positive(),
        temperature=Interval(high=Fraction(3)),
    ),
    assumptions=[is_collapsed],
    sharp={
        "num_small": 2,
        "num_classes": 3,
        "dimension": 2,
        "weights": EQUAL,
        "features": EQUAL,
        "ratio": 9,
        "temperature": "1/10",
    },
)
def sphere_minority_collapse(weights, features, ratio, temperature, num_small, num_classes):
    """The bound less F."""
    logits = [[temperature * dot(w, x) for w in weights] for x in features]
    losses = [log(sum(exp(z - logits[k][k]) for z in logits[k])) for k in range(num_classes)]
    rest = exp(-2 * temperature)
    least = ratio * log(1 + num_small * rest) + num_small * log(num_small + rest)
    return (least - (ratio - 1) * losses[0] - sum(losses)) / (ratio + num_small)


def of_keeping(turn, ratio, temperature):
    """F of m = 2 less F with the small classes turned apart by the angle of this half tangent, both ways."""
    cosine = (1 - turn**2) / (1 + turn**2)
    sine = 2 * turn / (1 + turn**2)
    points = ((1, 0), (-cosine, sine), (-cosine, -sine))
    logits = [[temperature * dot(w, x) for w in points] for x in points]
    losses = [log(sum(exp(z - logits[k][k]) for z in logits[k])) for k in range(3)]
    rest = exp(-2 * temperature)
    before = ratio * log(1 + 2 * rest) + 2 * log(2 + rest)
    return (before - ratio * losses[0] - losses[1] - losses[2]) / (ratio + 2)


def limit_of_low_temperatures(ratio):
    """R >= K^2 / 2 - 1."""
    return ratio >= 7 / 2


TURNED = Domain(turn=Interval(), ratio=Positive(), temperature=Interval(high=Fraction(3)))
sphere_minority_collapse.false_neighbor(
    "one_ratio",
    "For R >= K^2 / 2 - 1 small classes coincide at every tau: for m = 2, F does not fall when they are turned apart.",
    margin=of_keeping,
    domain=TURNED,
    assumptions=[limit_of_low_temperatures],
)


def with_twice(ratio, temperature):
    """4 q_B (R q_A + q_B) >= 1."""
    rest = exp(-2 * temperature)
    wrong = rest / (2 + rest)
    return 4 * wrong * (ratio * rest / (1 + 2 * rest) + wrong) >= 1


sphere_minority_collapse.false_neighbor(
    "twice",
    "Small classes coincide where 4 q_B (R q_A + q_B) >= 1: for m = 2, F does not fall when they are turned apart.",
    margin=of_keeping,
    domain=TURNED,
    assumptions=[with_twice],
)


def of_splitting(turn, ratio, temperature):
    """F with two small classes turned apart by the angle of this half tangent, both ways, less F without."""
    cosine = (1 - turn**2) / (1 + turn**2)
    sine = 2 * turn / (1 + turn**2)
    points = ((1, 0), (-cosine, sine), (-cosine, -sine))
    logits = [[temperature * dot(w, x) for w in points] for x in points]
    losses = [log(sum(exp(z - logits[k][k]) for z in logits[k])) for k in range(3)]
    rest = exp(-2 * temperature)
    before = ratio * log(1 + 2 * rest) + 2 * log(2 + rest)
    return (ratio * losses[0] + losses[1] + losses[2] - before) / (ratio + 2)


def is_small(turn):
    """A half tangent of at most a tenth."""
    return turn <= 1 / 10


sphere_minority_collapse.false_neighbor(
    "never",
    "Classes never coincide at the optimum: for m = 2, F falls when they are turned apart by small angles.",
    margin=of_splitting,
    domain=TURNED,
    assumptions=[is_small],
)
