from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

import nctheory
from nctheory import channel, strategies
from nctheory.errors import InputError
from nctheory.losses import ClassWeighted, CrossEntropy, Focal, LabelSmoothing

QUICK = settings(max_examples=2000, database=None, suppress_health_check=list(HealthCheck), deadline=None)
UNSHRUNK = settings(QUICK, phases=[Phase.generate])
SHRUNK = settings(QUICK, phases=[Phase.generate, Phase.shrink])


def found(strategy, condition):
    return find(strategy, condition, settings=UNSHRUNK)


def smallest(strategy, condition, seed=0):
    """Where a shrink ends depends on what was drawn first, so that is fixed."""
    return find(strategy, condition, settings=SHRUNK, random=Random(seed))


@given(strategies.configurations(num_classes=4))
def test_a_strategy_works_in_anyones_test(configuration):
    assert configuration.num_classes == 4
    assert 1 <= configuration.dimension <= 8


@pytest.mark.parametrize("energy", ["bounded", "equal", "average"])
@settings(max_examples=60)
@given(data=st.data())
def test_the_energy_is_kept(energy, data):
    squares = data.draw(strategies.configurations(energy=energy, decoder="nearest_mean")).norms ** 2
    measured = {"bounded": squares.max(), "equal": abs(squares - 1).max() + 1, "average": squares.mean()}[energy]
    assert measured <= 1 + 1e-2  # near_etf is the simplex ETF up to a small change


@given(strategies.configurations(kind="near_etf", num_classes=5))
def test_near_etf_is_near(configuration):
    assert configuration.dimension >= 4
    assert (
        np.abs(
            configuration.class_means @ configuration.class_means.T - np.array(nctheory.simplex_etf_gram(5), float)
        ).max()
        < 0.1
    )


@given(strategies.configurations(kind="rational"))
def test_rational_is_made_of_small_fractions(configuration):
    assert configuration.exact.denominator <= 12**4


RARE = {
    "two classes": lambda c: c.num_classes == 2,
    "d = K - 1": lambda c: c.num_classes > 2 and c.dimension == c.num_classes - 1,
    "duplicate means": lambda c: len(np.unique(c.class_means, axis=0)) < c.num_classes,
    "equal weight rows": lambda c: (
        c.decoder == "linear" and len(np.unique(c.weights, axis=0)) < c.num_classes and c.weights.any()
    ),
    "exponent exactly 0": lambda c: channel.exponent(c).lower == 0,
    "zero margin, distinct weights": lambda c: (
        c.decoder == "linear"
        and any(
            c.logits[i, i] == c.logits[i, j] and (c.weights[i] != c.weights[j]).any()
            for i in range(c.num_classes)
            for j in range(c.num_classes)
            if i != j
        )
    ),
    "all zero": lambda c: not c.class_means.any(),
    "exact simplex in floats": lambda c: c.num_classes > 2 and abs(c.cosines + 1 / (c.num_classes - 1)).min() < 1e-12,
}


@pytest.mark.parametrize("name", RARE)
def test_rare_configurations_are_drawn(name):
    assert RARE[name](found(strategies.configurations(), RARE[name]))


def test_rare_features_are_drawn():
    single = found(strategies.features(), lambda f: f.class_sizes.min() == 1 and f.class_sizes.max() > 1)
    assert single.class_sizes.min() == 1
    collapsed = found(strategies.features(), lambda f: f.class_sizes.min() > 1 and np.ptp(f.features[:2]) == 0)
    assert len(collapsed.labels) > collapsed.num_classes


def test_extreme_imbalance_is_drawn():
    assert found(strategies.class_sizes(), lambda n: n.max() > 10**5 * n.min()).min() == 1


@pytest.mark.parametrize("seed", range(4))
def test_configurations_shrink_to_small_ones(seed):
    least = smallest(strategies.configurations(), lambda c: c.class_means.max() > 0.3, seed)
    assert (least.num_classes, least.dimension) == (2, 1)
    assert set(least.class_means.ravel()) <= {0, 1}


def test_it_shrinks_to_small_inputs():
    assert smallest(strategies.class_sizes(), lambda n: n.max() > n.min()).size == 2
    assert smallest(strategies.rotations(), lambda q: q[0, 0] != 1).tolist() in ([[-1]], [[0, 1], [1, 0]])
    assert smallest(strategies.num_classes(), lambda count: count > 3) == 4
    assert smallest(strategies.dimensions(min_value=3), lambda dimension: dimension > 4) == 5


@given(strategies.class_sizes(balanced=True), strategies.class_sizes(max_ratio=3.5))
def test_class_sizes_keep_their_bounds(balanced, bounded):
    assert len(set(balanced.tolist())) == 1
    assert bounded.max() <= 3.5 * bounded.min()


@given(strategies.rotations())
def test_rotations_are_orthogonal(rotation):
    assert np.allclose(rotation @ rotation.T, np.eye(len(rotation)))


def test_reflections_are_drawn():
    assert np.linalg.det(found(strategies.rotations(dimension=3), lambda q: np.linalg.det(q) < 0)) < 0


@given(strategies.features(num_classes=3, collapsed=True))
def test_collapsed_features_have_no_variation(points):
    assert np.array_equal(points.features, points.class_means[points.labels]) or np.allclose(
        points.features, points.class_means[points.labels], atol=1e-12
    )


@given(st.data())
def test_losses_are_convex_as_asked(data):
    convex, count = data.draw(st.sampled_from([True, False, None])), data.draw(st.sampled_from([None, 3]))
    loss = data.draw(strategies.losses(convex=convex, num_classes=count))
    assert convex in (None, loss.is_convex)
    assert loss.num_classes in (None, count)


RARE_LOSSES = {
    "smoothed": lambda loss: isinstance(loss, LabelSmoothing) and loss.smoothing > 0.5,
    "focal, convex": lambda loss: loss == Focal(0),
    "focal, below 1": lambda loss: isinstance(loss, Focal) and 0 < loss.gamma < 1,
    "focal, weighted": lambda loss: isinstance(loss, ClassWeighted) and not loss.is_convex,
    "unequal weights": lambda loss: loss.num_classes == 4 and len(set(loss.class_weights)) > 1,
}


@pytest.mark.parametrize("name", RARE_LOSSES)
def test_rare_losses_are_drawn(name):
    assert RARE_LOSSES[name](found(strategies.losses(num_classes=4), RARE_LOSSES[name]))


def test_losses_shrink():
    assert smallest(strategies.losses(num_classes=3), lambda loss: True) == CrossEntropy()
    assert smallest(strategies.losses(convex=False), lambda loss: True) == Focal(1)
    weighted = smallest(strategies.losses(num_classes=2), lambda loss: loss.num_classes is not None)
    assert weighted == ClassWeighted(CrossEntropy(), [1, 1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: strategies.configurations(kind="near_etf", num_classes=5, dimension=3), "no simplex ETF of 5 classes"),
        (lambda: strategies.configurations(kind="nearly"), "kind is 'nearly'"),
        (lambda: strategies.configurations(energy="free"), "energy is 'free'"),
        (lambda: strategies.configurations(decoder="tree"), "decoder is 'tree'"),
        (lambda: strategies.configurations(num_classes=0), "is 0, expected an integer of at least 1"),
        (lambda: strategies.class_sizes(balanced=True, max_ratio=2), "balanced class sizes have ratio 1"),
        (lambda: strategies.class_sizes(max_ratio=0.5), "max_ratio is 0.5"),
        (lambda: strategies.noises(min_value=2, max_value=1), "expected 0 < min_value <= max_value"),
        (lambda: strategies.losses(num_classes=0), "num_classes is 0, expected an integer of at least 1"),
        (lambda: strategies.losses(convex="yes"), "convex is 'yes', expected True, False or None"),
        (lambda: strategies.num_classes(min_value=5, max_value=3), "min_value is 5, above max_value 3"),
    ],
)
def test_impossible_combinations_raise(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_arguments_are_by_keyword_only():
    with pytest.raises(TypeError):
        strategies.configurations(4)
