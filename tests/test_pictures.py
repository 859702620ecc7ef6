import itertools
import math
import re
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import nctheory
from nctheory import channel, collapse, drawing, pictures, plots, separation
from nctheory.errors import InputError

ETF = nctheory.simplex_etf(4)


@pytest.fixture(scope="module")
def sample():
    return nctheory.load(nctheory.sample_path())


def test_all_pictures_are_public_in_plots():
    for name in pictures.__all__:
        assert getattr(plots, name) is getattr(pictures, name)
        assert name in plots.__all__


# ------------------------------------------------------------------------------------------------------------- series


def test_the_series_shows_every_epoch_and_no_zero_on_a_logarithmic_axis():
    points = nctheory.Features(np.repeat(ETF, 2, axis=0) + np.tile([[0.1], [-0.1]], (4, 3)), np.repeat(range(4), 2))
    series = collapse.measure_series({1: points, 5: nctheory.Features(ETF, range(4), ETF)})
    panels = pictures.collapse_series(series).axes
    assert len(panels) == 4
    (line,) = panels[0].get_lines()
    assert line.get_xdata().tolist() == [1, 5]
    assert line.get_ydata()[0] == series.column("variability")[0] > 0
    assert math.isnan(line.get_ydata()[1]), "0 has no logarithm"
    assert [axes.get_yscale() for axes in panels] == ["log", "log", "log", "linear"]
    assert panels[3].get_lines()[0].get_ydata()[1] == 0, "shares keep their zeros"
    styles = {(each.get_linestyle(), each.get_marker()) for each in panels[1].get_lines()}
    assert len(styles) == 4, "told apart without colors"


def test_only_a_series_is_drawn():
    with pytest.raises(InputError, match=r"series is of type list, expected a collapse\.Series"):
        pictures.collapse_series([1, 2])


# --------------------------------------------------------------------------------------------------------------- gram


def test_the_maps_hold_the_matrices_and_their_difference():
    measured, predicted = np.diag([1.0, 2.0, 3.0]), np.eye(3)
    images = [axes.images[0] for axes in pictures.gram_matrices(measured, predicted).axes if axes.images]
    assert [image.get_array().tolist() for image in images] == [
        matrix.tolist() for matrix in (measured, predicted, measured - predicted)
    ]
    assert images[0].get_clim() == images[1].get_clim() == (0, 3), "one scale for both"
    assert images[2].get_clim() == (-2, 2), "around 0"


@pytest.mark.parametrize(
    ("measured", "predicted"), [(np.eye(3), np.eye(2)), (np.ones((2, 3)), np.ones((2, 3)))], ids=["sizes", "not square"]
)
def test_matrices_of_other_shapes_are_refused(measured, predicted):
    with pytest.raises(InputError, match=r"measured has shape .* expected \(K, K\) of both"):
        pictures.gram_matrices(measured, predicted)


def test_equal_matrices_can_be_drawn():
    figure = pictures.gram_matrices(np.eye(2), np.eye(2))
    assert drawing.png(figure).startswith(b"\x89PNG")


# ------------------------------------------------------------------------------------------------------------ margins


def bars(axes):
    """Heights by label."""
    return {
        container.patches[0].get_label(): sum(bar.get_height() for bar in container) for container in axes.containers
    }


def test_every_sample_is_in_the_histogram_and_the_smallest_margin_is_marked(sample):
    left, right = pictures.margin_histogram(sample).axes
    for axes, norm in ((left, "weights"), (right, "both")):
        assert bars(axes) == {"separated: 1797": 1797}
        assert axes.get_lines()[0].get_xdata()[0] == separation.margins(sample, norm=norm).min()


def test_samples_on_the_wrong_side_are_hatched_and_counted():
    points = nctheory.Features([[1.0], [-1.0], [-2.0], [0.0]], [0, 0, 1, 1], [[1.0], [-1.0]])
    axes = pictures.margin_histogram(points).axes[0]
    assert bars(axes) == {"separated: 2": 2, "on the wrong side, or a tie: 2": 2}
    assert [container.patches[0].get_hatch() for container in axes.containers] == [None, "///"]


@pytest.mark.parametrize("size", [1e-150, 1.0, 1e150])
def test_margins_that_all_agree_can_be_drawn(size):
    figure = pictures.margin_histogram(nctheory.Features(size * ETF, range(4), ETF))
    assert sum(bars(figure.axes[0]).values()) == 4
    assert drawing.png(figure).startswith(b"\x89PNG")


def test_margins_that_are_all_infinite_are_said_to_be():
    equal = nctheory.Features([[1.0], [2.0]], [0, 1], [[1.0], [1.0]], [1.0, 0.0])
    axes = pictures.margin_histogram(equal).axes[0]
    assert "none is finite" in [text.get_text() for text in axes.texts]


# ----------------------------------------------------------------------------------------------------------- geometry


@pytest.mark.parametrize(("num_classes", "share"), [(2, 1), (4, 1), (10, 3 / 9), (31, 0.1)])
def test_three_dimensions_show_what_part_of_a_simplex(num_classes, share):
    means = nctheory.simplex_etf(num_classes)
    assert pictures.shown_share(means) == pytest.approx(share, rel=1e-12)
    assert pictures.shown_share(5 + means) == pytest.approx(share, rel=1e-9), "centered first"
    assert pictures.geometry(means).get_suptitle().startswith(f"{share:.1%} of the squared lengths")


def test_the_discs_are_the_class_means_up_to_rotation_and_scale():
    figure = pictures.geometry(7 * ETF + 2)
    discs = np.stack(figure.axes[0].collections[0]._offsets3d, axis=1)
    assert np.asarray(discs) @ np.asarray(discs).T == pytest.approx(ETF @ ETF.T, abs=1e-12)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_geometry_of_any_size_can_be_drawn(scale):
    points = nctheory.Features(scale * np.repeat(ETF, 3, axis=0), np.repeat(range(4), 3), ETF)
    assert drawing.png(pictures.geometry(points)).startswith(b"\x89PNG")


@pytest.mark.parametrize("means", [[[1.0], [-1.0]], np.zeros((3, 5)), nctheory.exact_simplex_etf(5)])
def test_geometry_of_few_dimensions_can_be_drawn(means):
    assert drawing.png(pictures.geometry(means)).startswith(b"\x89PNG")


# ---------------------------------------------------------------------------------------------------------- exponents


def by_hand(points):
    """The exponents of all ordered pairs as Fractions, from the definition."""
    means, weights, bias = (
        [[Fraction(x) for x in row] for row in np.atleast_2d(part).tolist()]
        for part in (points.class_means, points.weights, points.bias)
    )
    found = {}
    for i, mean in enumerate(means):
        for j in set(range(len(means))) - {i}:
            a = [x - y for x, y in zip(weights[i], weights[j], strict=True)]
            margin = sum(x * y for x, y in zip(a, mean, strict=True)) + bias[0][i] - bias[0][j]
            found[i, j] = max(Fraction(0), margin) ** 2 / (2 * sum(x * x for x in a))
    return found


def test_exponents_of_pairs_are_those_of_the_definition():
    generator = np.random.default_rng(0)
    points = nctheory.Configuration(*generator.normal(size=(2, 5, 3)), generator.normal(size=5))
    found = pictures.exponents_by_pair(points)
    for pair, exact in by_hand(points).items():
        assert found[pair] == pytest.approx(float(exact), rel=1e-14)
    assert np.isinf(np.diagonal(found)).all()
    assert (found == 0).any(), "some class is not decoded as itself here"
    assert found.min() == channel.exponent(points).value


def test_exponents_of_the_nearest_mean_are_distances_and_of_a_gram_matrix_too():
    means = np.random.default_rng(1).normal(size=(6, 2))
    squares = ((means[:, None] - means) ** 2).sum(axis=2)
    off = ~np.eye(6, dtype=bool)
    assert pictures.exponents_by_pair(means)[off] == pytest.approx(squares[off] / 8, rel=1e-13)
    etf = pictures.exponents_by_pair(nctheory.exact_simplex_etf(4))
    assert etf[~np.eye(4, dtype=bool)] == pytest.approx(1 / 3, rel=1e-15)


def test_blocks_of_pairs_agree_with_one_block(monkeypatch):
    means = np.random.default_rng(2).normal(size=(7, 3))
    whole = pictures.exponents_by_pair(means)
    monkeypatch.setattr(pictures, "_PAIRS", 14)
    assert np.array_equal(pictures.exponents_by_pair(means), whole)


def test_the_weakest_pairs_come_first():
    figure = pictures.pair_exponents([[0.0], [1.0], [3.0]])
    right = figure.axes[1]
    names = [label.get_text() for label in right.get_yticklabels()]
    assert names == ["0 → 1", "1 → 0", "1 → 2", "2 → 1", "0 → 2", "2 → 0"]
    assert [bar.get_width() for bar in right.patches] == [0.125, 0.125, 0.5, 0.5, 1.125, 1.125]
    assert right.yaxis_inverted()
    with pytest.raises(InputError, match="one class, expected at least two"):
        pictures.pair_exponents([[1.0]])


# ------------------------------------------------------------------------------------------------------ narrow, files


def test_stacking_puts_panels_below_one_another_and_changes_no_data():
    measured = np.diag([1.0, 2.0])
    figure = drawing.stacked(pictures.gram_matrices(measured, np.eye(2)))
    width, height = figure.get_size_inches()
    assert width < 5 < height
    drawing.png(figure)  # lays it out
    places = [axes.get_position() for axes in figure.axes if axes.get_subplotspec() is not None]
    assert [place.y0 for place in places] == sorted((place.y0 for place in places), reverse=True)
    assert all(upper.y0 >= lower.y1 for upper, lower in itertools.pairwise(places))
    assert figure.axes[0].images[0].get_array().tolist() == measured.tolist()


def test_stacking_keeps_the_legend_inside():
    from nctheory.probability import curve

    noises = [0.2, 0.1]
    figure = plots.error_curve(noises, curve(ETF, noises), ETF)
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    drawing.png(drawing.stacked(figure))
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == words
    box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.width


def test_a_picture_is_the_same_bytes_each_time():
    one, other = (drawing.svg(pictures.pair_exponents(ETF)) for _ in range(2))
    assert one == other
    assert ElementTree.fromstring(one).tag.endswith("svg")


def test_a_map_of_many_classes_stays_small():
    many = np.random.default_rng(3).normal(size=(400, 400))
    assert len(drawing.svg(pictures.gram_matrices(many, many.T))) < 400_000


def test_the_gallery_has_every_picture_of_a_layer():
    folder = Path(__file__).parents[1] / "docs"
    text = (folder / "report.md").read_text()
    shown = re.findall(r"^!\[[^\]]*\d[^\]]*\]\((pictures/\w+\.png)\)$", text, re.MULTILINE)
    names = ("collapse_series", "gram_matrices", "geometry", "margin_histogram", "pair_exponents", "error_curve")
    assert shown == [f"pictures/{name}.png" for name in names], "each with its main number in words"
    for name in names:
        assert f"`plots.{name}(" in text
        assert (folder / f"pictures/{name}.png").read_bytes().startswith(b"\x89PNG")
