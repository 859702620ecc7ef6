"""The way down from a saddle: along a direction outside of the weights the curvature of F is -2 (sigma - lambda).

F = L(W H^T) + (lambda_W / 2) |W|^2 + (lambda_H / 2) |H|^2, G the gradient of L in the logits, lambda = sqrt(lambda_W
lambda_H), rho = (lambda_H / lambda_W)^(1/4), a a unit vector with W a = 0 and H a = 0.

Proof. Move to W + t rho u a^T and H - (t / rho) v a^T. As W a = H a = 0, the logits become Z - t^2 u v^T, and the
penalties grow by t^2 (lambda_W rho^2 |u|^2 + lambda_H |v|^2 / rho^2) / 2 = t^2 lambda (|u|^2 + |v|^2) / 2. So for any
smooth loss the first derivative along t is 0, and the second is lambda (|u|^2 + |v|^2) - 2 u^T G v: for the top
singular pair of G it is -2 (sigma - lambda). No other factor than rho does better: lambda_W x + lambda_H / x >= 2
lambda.

At a critical point lambda_H H = -G^T W, so that W a = 0 implies H a = 0. Such an a exists where rank W < d. For squared
error (1/2N) |Z - T|^2 the whole change is t^2 (curvature) / 2 + t^4 |u|^2 |v|^2 / (2 N).
"""

# formulas have no keywords and no stars

from nctheory.domains import Domain, Free, Positive, Range
from nctheory.formula import dot
from nctheory.theorems.registry import theorem

SIZES: dict[str, Range] = {"num_classes": (1, 3), "num_samples": (1, 2), "dimension": (1, 2)}
DOMAIN = Domain(
    SIZES,
    weights=Free(("num_classes", "dimension")),
    features=Free(("num_samples", "dimension")),
    targets=Free(("num_samples", "num_classes")),
    left=Free(("num_classes",)),
    right=Free(("num_samples",)),
    decay=Positive(),
    factor=Positive(),
)


@theorem(
    title="The curvature of escapes",
    statement="Let W a = H a = 0 for a unit vector a. Along W + t rho u a^T, H - (t / rho) v a^T, rho = (lambda_H / "
    "lambda_W)^(1/4), the second derivative of F at t = 0 is lambda (|u|^2 + |v|^2) - 2 u^T G v for every smooth loss, "
    "lambda = sqrt(lambda_W lambda_H): it is -2 (sigma - lambda) for the top singular pair of G. So a critical point "
    "with sigma > lambda and rank W < d is a strict saddle.",
    latex=r"\frac{d^2}{dt^2} F\big(W + t\rho\,ua^{\mathsf T},\ H - \tfrac t\rho\,va^{\mathsf T}\big)\Big|_{t=0}"
    r" = -2(\sigma-\lambda),\qquad \rho = (\lambda_H/\lambda_W)^{1/4},\ Wa = 0",
    reference="zhu2021; proof in the docstring of this file",
    standing="proved",
    remarks="Executed for squared error with any targets, at finite steps 1 and 2, a being one more axis of the space: "
    "lambda_W = lambda / rho^2, lambda_H = lambda rho^2.",
    domain=DOMAIN,
    sharp={
        "num_classes": 2,
        "num_samples": 2,
        "dimension": 1,
        "weights": ((1,), (0,)),
        "features": ((1,), (0,)),
        "targets": ((2, 0), (0, 2)),
        "left": (0, 1),
        "right": (0, 1),
        "decay": "1/2",
        "factor": 2,
    },
)
def escape_curvature(weights, features, targets, left, right, decay, factor, num_samples):
    """The difference of both second derivatives, relative to 1 and the values of F it comes from."""
    points = [
        (
            [w + (step * factor * u,) for w, u in zip(weights, left)],
            [x + (-step / factor * v,) for x, v in zip(features, right)],
        )
        for step in (0, 1, 2)
    ]
    values = [
        sum((dot(w, x) - y) ** 2 for x, t in zip(H, targets) for w, y in zip(W, t)) / (2 * num_samples)
        + decay / factor**2 / 2 * sum(dot(w, w) for w in W)
        + decay * factor**2 / 2 * sum(dot(x, x) for x in H)
        for W, H in points
    ]
    gain = (
        sum(v * u * (dot(w, x) - y) for x, t, v in zip(features, targets, right) for w, y, u in zip(weights, t, left))
        / num_samples
    )
    expected = decay * (dot(left, left) + dot(right, right)) - 2 * gain
    measured = (16 * values[1] - values[2] - 15 * values[0]) / 6
    return abs(measured - expected) / (1 + sum(values))


SQUARES: dict[str, Range] = {"num_classes": (1, 2), "num_samples": (1, 2)}
AT_ZERO = Domain(
    SQUARES,
    targets=Free(("num_samples", "num_classes")),
    left=Free(("num_classes",)),
    right=Free(("num_samples",)),
    decay=Positive(),
    factor=Positive(),
)


def without_factor(left, right, targets, decay, factor, num_samples):
    """The second derivative at the origin along u a^T, -v a^T, where G = -T^T / N; relative to its terms."""
    squares = [decay / factor**2 * dot(left, left), decay * factor**2 * dot(right, right)]
    gain = -sum(dot(t, left) * v for t, v in zip(targets, right)) / num_samples
    return (sum(squares) - 2 * gain) / (1 + sum(squares))


def goes_down(left, right, targets, decay, num_samples):
    """u^T G v > lambda at the origin, |u| = |v| = 1 but for scale."""
    gain = -sum(dot(t, left) * v for t, v in zip(targets, right)) / num_samples
    return gain > decay * (dot(left, left) + dot(right, right)) / 2 and dot(left, left) == dot(right, right)


escape_curvature.false_neighbor(
    "unscaled",
    "Wherever sigma > lambda, the pair (u a^T, -v a^T) goes down, without the factor (lambda_H / lambda_W)^(1/4).",
    margin=without_factor,
    domain=AT_ZERO,
    assumptions=[goes_down],
)


def with_same_sign(left, right, targets, decay, num_samples):
    """The second derivative at the origin along rho u a^T, v a^T / rho."""
    gain = -sum(dot(t, left) * v for t, v in zip(targets, right)) / num_samples
    return decay * (dot(left, left) + dot(right, right)) + 2 * gain


escape_curvature.false_neighbor(
    "same_sign",
    "The sign of the second part does not matter: (rho u a^T, v a^T / rho) goes down as well.",
    margin=with_same_sign,
    domain=AT_ZERO,
    assumptions=[goes_down],
)


def along_any_axis(weights, features, targets, left, right, factor, num_samples, dimension):
    """What the second derivative along a = e_1, of the space of W itself, is off by; relative to 1 and its terms."""
    steps = [
        (
            [[w[k] + (step * factor * u if k == 0 else 0) for k in range(dimension)] for w, u in zip(weights, left)],
            [[x[k] - (step / factor * v if k == 0 else 0) for k in range(dimension)] for x, v in zip(features, right)],
        )
        for step in (-2, -1, 0, 1, 2)
    ]
    losses = [
        sum((dot(w, x) - y) ** 2 for x, t in zip(H, targets) for w, y in zip(W, t)) / (2 * num_samples)
        for W, H in steps
    ]
    rates = (-1, 16, -30, 16, -1)
    gain = (
        sum(v * u * (dot(w, x) - y) for x, t, v in zip(features, targets, right) for w, y, u in zip(weights, t, left))
        / num_samples
    )
    return abs(dot(rates, losses) / 12 + 2 * gain) / (1 + sum(losses))


escape_curvature.false_neighbor(
    "any_axis",
    "The second derivative is the same for every unit vector a, whether or not W a = 0.",
    margin=along_any_axis,
)


def beside_half(left, right, targets, decay, num_samples):
    """How far the second derivative at the origin is from half of the formula, relative to 1 and its terms."""
    gain = sum(dot(t, left) * v for t, v in zip(targets, right)) / num_samples
    squares = dot(left, left) + dot(right, right)
    quartic = dot(left, left) * dot(right, right) / (2 * num_samples)
    values = [step**2 * (decay * squares / 2 + gain) + step**4 * quartic for step in (1, 2)]
    return abs((16 * values[0] - values[1]) / 6 - decay * squares / 2 - gain) / (1 + decay * squares + abs(gain))


escape_curvature.false_neighbor(
    "half", "The second derivative is -(sigma - lambda), half of that.", margin=beside_half, domain=AT_ZERO
)
