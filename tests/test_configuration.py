import io
import zipfile
from fractions import Fraction

import numpy as np
import pytest
import sympy

import nctheory
from nctheory import Configuration, Features, InputError, load
from tests import reference

# ------------------------------------------------------------------------------------------------------ configurations


def test_words_and_shapes():
    configuration = Configuration([[3, 4], [0, 2]], [[1, 0], [0, 1]], [0.5, 0], [7, 9])
    assert (configuration.num_classes, configuration.dimension, configuration.decoder) == (2, 2, "linear")
    assert configuration.norms.tolist() == [5, 2]
    assert configuration.gram.tolist() == [[25, 8], [8, 4]]
    assert configuration.logits.tolist() == [[3.5, 4], [0.5, 2]]
    assert configuration.cosines[0, 1] == pytest.approx(0.8)
    assert configuration.class_sizes.tolist() == [7, 9]
    assert repr(configuration) == "Configuration(2 classes, dimension 2, linear decoder, class_sizes=[7, 9])"


def test_without_weights_it_is_the_nearest_class_mean_decoder():
    configuration = Configuration([[0.1, 0.2], [0, 2]])
    assert configuration.decoder == "nearest_mean"
    assert np.array_equal(configuration.weights, configuration.class_means)
    assert configuration.bias.tolist() == pytest.approx([-0.025, -2])


def test_weights_without_bias_have_bias_zero():
    assert Configuration([[1], [2]], [[1], [2]]).bias.tolist() == [0, 0]


def test_columns_are_transposed_once():
    rows, columns = np.arange(6.0).reshape(3, 2), np.arange(6.0).reshape(3, 2).T
    configuration = Configuration(columns, columns, layout="columns")
    assert np.array_equal(configuration.class_means, rows)
    assert np.array_equal(configuration.weights, rows)
    with pytest.raises(InputError, match="layout is 'diagonal'"):
        Configuration(rows, layout="diagonal")


@pytest.mark.parametrize("attribute", ["class_means", "weights", "bias"])
def test_arrays_are_copied_and_read_only(attribute):
    given = np.eye(2)
    configuration = Configuration(given, given)
    given[0, 0] = 7
    assert configuration.class_means[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        getattr(configuration, attribute)[0] = 5
    with pytest.raises(AttributeError, match="read-only"):
        setattr(configuration, attribute, given)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.int8, np.uint64, np.longdouble])
def test_number_types_are_taken_exactly(kind):
    configuration = Configuration(np.array([[1, 2], [3, 5]], dtype=kind))
    assert configuration.class_means.dtype == np.float64
    assert configuration.exact.fractions().tolist() == [[1, 2], [3, 5]]


def test_exact_input_stays_exact():
    big = 2**60 + 1
    configuration = Configuration([[Fraction(1, 3), sympy.Rational(1, 7)], [big, 0.5]])
    assert configuration.exact.fractions().tolist() == [[Fraction(1, 3), Fraction(1, 7)], [big, Fraction(1, 2)]]
    assert configuration.class_means[0, 0] == 1 / 3
    assert not configuration.is_float
    assert configuration.nearest_mean().exact.fractions().tolist() == configuration.exact.fractions().tolist()


def test_a_large_integer_beside_a_float_is_not_rounded():
    assert Configuration([[2**60 + 1, 0.5]]).exact[0, 0] == 2**60 + 1


def test_torch_like_tensors_are_read_through_dlpack():
    class Tensor:
        def __init__(self, array):
            self.array = array

        def __dlpack__(self, **options):
            return self.array.__dlpack__(**options)

        def __dlpack_device__(self):
            return self.array.__dlpack_device__()

    assert Configuration(Tensor(np.eye(2))).class_means.tolist() == [[1, 0], [0, 1]]


def test_a_tensor_that_refuses_says_why():
    class Tensor:
        def __array__(self, *args, **kwargs):
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")

    with pytest.raises(InputError, match=r"class_means of type Tensor cannot be read .* Use tensor\.detach"):
        Configuration(Tensor())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), r"class_means has shape \(0,\), expected 2 axes"),
        ((np.zeros((0, 3)),), r"class_means has shape \(0, 3\), expected at least one class"),
        ((np.zeros((3, 0)),), r"class_means has shape \(3, 0\)"),
        (([1, 2],), r"class_means has shape \(2,\), expected 2 axes"),
        (([[1, 2], [3]],), r"class_means has shape \(2,\), expected 2 axes"),
        (([[1.0, np.nan]],), r"class_means has 1 entries that are not finite, the first nan at \(0, 1\)"),
        (([[1.0, 2.0], [-np.inf, np.inf]],), r"2 entries that are not finite, the first -inf at \(1, 0\)"),
        (([[1, np.nan]],), r"class_means\[0, 1\] is nan of type float, expected a finite rational number"),
        (([["a", "b"]],), r"class_means\[0, 0\] is 'a' of type str"),
        (([[1j, 0]],), r"class_means\[0, 0\] is 1j of type complex"),
        ((np.zeros((2, 2), complex),), "class_means has dtype complex128, expected real numbers"),
        ((np.zeros((2, 2), bool),), "class_means has dtype bool"),
        (([[True, False]],), r"class_means\[0, 0\] is True"),
        (([[None, 1]],), r"class_means\[0, 0\] is None"),
        (([[sympy.sqrt(2), 1]],), r"class_means\[0, 0\] is sqrt\(2\)"),
        (([[Fraction(10) ** 400, 1]],), r"class_means\[0, 0\] is beyond the range of float64"),
        (([[1, 2]], [[1, 2, 3]]), r"weights has shape \(1, 3\), expected \(1, 2\) to match class_means"),
        (([[1, 2]], [[1, 2]], [1, 2]), r"bias has shape \(2,\), expected \(1,\) to match class_means"),
        (([[1, 2]], None, [1]), "bias is given without weights"),
        (([[1, 2]], None, None, [0]), r"class_sizes\[0\] is 0, expected at least one sample"),
        (([[1, 2]], None, None, [1.5]), r"class_sizes\[0\] is 1\.5, expected integers"),
        (([[1, 2]], None, None, [-1]), r"class_sizes\[0\] is -1"),
    ],
)
def test_bad_configurations_are_refused_with_what_was_received(arguments, message):
    with pytest.raises(InputError, match=message):
        Configuration(*arguments)


def test_a_long_double_that_is_no_float64_is_refused():
    if np.finfo(np.longdouble).eps == np.finfo(np.float64).eps:
        return  # here long double is float64, and nothing can be lost
    with pytest.raises(InputError, match="entries that are no float64"):
        Configuration(np.array([[np.longdouble(1) / 3]]))


# --------------------------------------------------------------------------------------------------------- Gram matrix


def test_from_gram_keeps_the_gram_matrix_and_factors_it():
    gram = nctheory.simplex_etf_gram(5)
    configuration = Configuration.from_gram(gram)
    assert (configuration.exact.fractions() == gram).all()
    assert (configuration.num_classes, configuration.dimension) == (5, 4)
    np.testing.assert_allclose(configuration.gram, gram.astype(float), atol=1e-14)
    assert Configuration.from_gram(gram, dimension=7).class_means.shape == (5, 7)


def test_from_gram_of_zero_vectors():
    assert Configuration.from_gram([[0, 0], [0, 0]]).class_means.tolist() == [[0], [0]]


@pytest.mark.parametrize(
    ("gram", "dimension", "message"),
    [
        ([[1, 2]], None, r"gram has shape \(1, 2\), expected \(K, K\)"),
        ([[1, 2], [3, 9]], None, r"not symmetric: entry \(0, 1\) is 2, \(1, 0\) is 3"),
        ([[1, 2], [2, 1]], None, "not positive semidefinite"),
        ([[1, 0], [0, 1]], 1, "dimension is 1, expected an integer of at least 2"),
    ],
)
def test_what_is_no_gram_matrix_is_refused(gram, dimension, message):
    with pytest.raises(InputError, match=message):
        Configuration.from_gram(gram, dimension=dimension)


def test_a_gram_matrix_cannot_be_centered():
    with pytest.raises(InputError, match="no coordinates to center"):
        Configuration.from_gram([[1]]).centered()


def test_the_nearest_mean_decoder_has_no_weights_of_its_own():
    with pytest.raises(InputError, match="no weights and bias of its own"):
        _ = Configuration([[1]]).exact_bias


# --------------------------------------------------------------------------------------------------------- centering


def test_centering_rounds_once_and_moves_the_bias():
    generator = np.random.default_rng(0)
    means, weights, bias = (generator.standard_normal(shape) for shape in ((3, 2), (3, 2), 3))
    centered = Configuration(means, weights, bias).centered()
    exact_means, exact_weights = reference.rational(means.tolist()), reference.rational(weights.tolist())
    center = [sum(column) / 3 for column in zip(*exact_means, strict=True)]
    for c in range(3):
        assert centered.class_means[c].tolist() == [float(x - g) for x, g in zip(exact_means[c], center, strict=True)]
        assert centered.bias[c] == float(Fraction(bias[c]) + reference.dot(exact_weights[c], center))


def test_the_two_centers_differ_under_imbalance():
    configuration = Configuration([[0.0], [4.0]], class_sizes=[3, 1])
    assert configuration.centered("class").class_means.tolist() == [[-2], [2]]
    assert configuration.centered("sample").class_means.tolist() == [[-1], [3]]
    with pytest.raises(InputError, match="center is 'sample', expected 'class', or 'sample' with class_sizes"):
        Configuration([[0.0], [4.0]]).centered("sample")


# ----------------------------------------------------------------------------------------------------------- features


def test_class_means_of_features_are_exact_and_rounded_once():
    generator = np.random.default_rng(1)
    points, labels = generator.standard_normal((20, 3)).astype(np.float32), np.arange(20) % 3
    features = Features(points, labels)
    for c in range(3):
        columns = zip(*reference.rational(points[labels == c].tolist()), strict=True)
        exact = [sum(column) / int((labels == c).sum()) for column in columns]
        assert features.configuration.exact.fractions()[c].tolist() == exact
        assert features.class_means[c].tolist() == [float(x) for x in exact]
    assert features.class_sizes.tolist() == [7, 7, 6]
    assert repr(features) == "Features(20 samples, 3 classes, dimension 3, no classifier)"


def test_features_in_columns():
    features = Features(np.array([[1.0, 2, 3]]), [0, 1, 1], [[1.0, -1.0]], layout="columns")
    assert features.class_means.tolist() == [[1], [2.5]]
    assert features.weights.tolist() == [[1], [-1]]


@pytest.mark.parametrize("labels", [[0.0, 1.0], [False, True], np.array([0, 1], dtype=np.uint8)])
def test_integral_labels_of_any_type(labels):
    assert Features([[1.0], [2.0]], labels).labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1.0], [2.0]], [0, 1, 1]), r"labels has shape \(3,\), expected \(2,\) to match features"),
        (([[1.0], [2.0]], [0]), r"features has shape \(2, 1\) for 1 labels: are its points columns\?"),
        (([[1.0], [2.0]], [[0], [1]]), r"labels has shape \(2, 1\), expected one class index per sample"),
        (([[1.0], [2.0]], [0, 0.5]), r"labels\[1\] is 0\.5, expected integers"),
        (([[1.0], [2.0]], [0, np.nan]), r"labels\[1\] is nan, expected integers"),
        (([[1.0], [2.0]], [0, -1]), r"labels\[1\] is -1, expected class indices"),
        (([[1.0], [2.0]], ["a", "b"]), "labels has dtype"),
        (([[1.0], [2.0]], [0, 2]), r"labels has no sample of class 1|2 samples for 3 classes"),
        (([[1.0]] * 4, [0, 0, 2, 2]), r"labels has no sample of class 1 \(1 of 3 classes are absent\)"),
        (([[1.0]] * 2, [0, 2**40]), "labels has 2 samples for"),
        (([[1.0], [2.0]], [0, 2], [[1.0], [2.0]]), r"labels\[1\] is 2, expected 0 \.\.\. 1 to match weights"),
        (([[1.0], [2.0]], [0, 1], [[1.0, 2.0]]), r"weights has shape \(1, 2\), expected \(1, 1\) to match features"),
        (([[1.0], [2.0]], [0, 1], [[1.0], [2.0]], [0.0]), r"bias has shape \(1,\), expected \(2,\) to match weights"),
        (([[1.0], [2.0]], [0, 1], None, [0.0]), "bias is given without weights"),
        (([[Fraction(1, 3)]], [0]), "features has entries that are no float64"),
        (([[1.0], [2.0]], [0, 1], [[2**60 + 1], [0]]), "weights has entries that are no float64"),
        (([[1.0], [2.0]], [0.0, 1e19]), r"labels\[1\] is 1e\+19, expected a class index"),
        ((np.ma.masked_array([[1.0], [2.0]], [[0], [1]]), [0, 1]), "features is a masked array"),
        ((np.zeros((0, 2)), []), r"features has shape \(0, 2\), expected at least one sample"),
        (([[np.inf]], [0]), r"features has 1 entries that are not finite, the first inf at \(0, 0\)"),
    ],
)
def test_bad_features_are_refused_with_what_was_received(arguments, message):
    with pytest.raises(InputError, match=message):
        Features(*arguments)


# -------------------------------------------------------------------------------------------------------------- files

POINTS = {"features": np.array([[1.0, 0], [0, 1], [1, 1]]), "labels": np.array([0, 1, 1])}
CLASSIFIER = {"weights": np.eye(2), "bias": np.zeros(2)}


def saved(tmp_path, **arrays):
    path = tmp_path / "data.npz"
    np.savez(path, **arrays)
    return path


def test_long_and_short_keys(tmp_path):
    short = {"H": POINTS["features"], "y": POINTS["labels"], "W": np.eye(2), "b": np.zeros(2)}
    for arrays in ({**POINTS, **CLASSIFIER}, short):
        features = load(saved(tmp_path, **arrays))
        assert isinstance(features, Features)
        assert features.class_means.tolist() == [[1, 0], [0.5, 1]]
        assert features.weights.tolist() == [[1, 0], [0, 1]]


def test_class_means_make_a_configuration(tmp_path):
    configuration = load(saved(tmp_path, M=np.eye(2), W=2 * np.eye(2), b=np.ones(2)))
    assert isinstance(configuration, Configuration)
    assert configuration.weights.tolist() == [[2, 0], [0, 2]]
    assert load(saved(tmp_path, class_means=np.eye(3))).decoder == "nearest_mean"


def test_columns_in_files(tmp_path):
    path = saved(tmp_path, H=POINTS["features"].T, y=POINTS["labels"])
    assert load(path, layout="columns").class_means.tolist() == [[1, 0], [0.5, 1]]


def test_snapshots(tmp_path):
    series = {"y": POINTS["labels"]}
    for epoch in (0, 5, 20):
        series |= {f"H_{epoch}": POINTS["features"] + epoch, f"W_{epoch}": np.eye(2), f"b_{epoch}": np.zeros(2)}
    path = saved(tmp_path, **series)
    assert load(path).features[0, 0] == 21
    assert load(path, epoch=5).features[0, 0] == 6
    with pytest.raises(InputError, match=r"holds no epoch 7, only \[0, 5, 20\]"):
        load(path, epoch=7)
    del series["W_5"]
    with pytest.raises(InputError, match="lacks W_5"):
        load(saved(tmp_path, **series), epoch=5)
    with pytest.raises(InputError, match="both snapshots and a single features"):
        load(saved(tmp_path, H=POINTS["features"], **series))


def test_an_epoch_of_no_series(tmp_path):
    with pytest.raises(InputError, match="holds no snapshots, so epoch 3 cannot be chosen"):
        load(saved(tmp_path, **POINTS), epoch=3)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": np.eye(2)}, r"holds the keys \['X'\], expected features, labels"),
        ({"features": np.eye(2)}, r"holds the keys \['features'\]"),
        ({"H": np.eye(2), "features": np.eye(2), "y": np.arange(2)}, "holds features twice"),
        ({**POINTS, "class_means": np.eye(2)}, "holds the keys"),
        ({"H": np.eye(2), "y": np.array([0, 5]), "W": np.eye(2)}, r"data\.npz: labels\[1\] is 5"),
        ({"H": np.array([["a"]]), "y": np.array([0])}, "features has dtype <U1"),
        (
            {"H": np.array([[{}]], dtype=object), "y": np.array([0])},
            "holds pickled Python objects, which are never read",
        ),
    ],
)
def test_bad_archives(tmp_path, arrays, message):
    with pytest.raises(InputError, match=message):
        load(saved(tmp_path, **arrays))


def test_what_is_no_archive(tmp_path):
    path = tmp_path / "data.npz"
    with pytest.raises(InputError, match="no such file"):
        load(path)
    with pytest.raises(InputError, match="is a directory"):
        load(tmp_path)
    for content in (b"", b"hello", b"\x80\x04pickle", np.lib.format.MAGIC_PREFIX):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"is not an \.npz archive"):
            load(path)


@pytest.mark.parametrize("compress", [np.savez, np.savez_compressed])
def test_every_truncation_and_damaged_byte_is_an_input_error_or_harmless(tmp_path, compress):
    path = tmp_path / "data.npz"
    compress(path, **POINTS)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError):
            load(path)
    for position in range(0, len(whole), 5):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :])
        try:
            features = load(path)
        except InputError:
            continue
        assert np.array_equal(features.features, POINTS["features"]), "damage that is not noticed changes no number"


def archive_with(tmp_path, members, compression=zipfile.ZIP_DEFLATED):
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = archive_with(tmp_path, [("H.npy", npy(np.zeros((10_000_000, 1)))), ("y.npy", npy(np.zeros(1)))])
    with pytest.raises(InputError, match=r"expands from \d+ to 80000128 bytes, more than 100 times"):
        load(path)


def test_a_header_that_promises_too_much(tmp_path):
    lying = npy(np.zeros((2, 1))).replace(b"(2, 1)", b"(2, 9)")
    with pytest.raises(InputError, match=r"holds 16 bytes of data, expected 144 for \(2, 9\) float64"):
        load(archive_with(tmp_path, [("H.npy", lying), ("y.npy", npy(np.array([0, 1])))]))


def test_a_member_that_is_no_array(tmp_path):
    with pytest.raises(InputError, match=r"H\.npy is not an \.npy array"):
        load(archive_with(tmp_path, [("H.npy", b"nonsense"), ("y.npy", npy(np.array([0])))]))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name(tmp_path):
    with pytest.raises(InputError, match="two members of the same name"):
        load(archive_with(tmp_path, [("H.npy", npy(np.eye(2))), ("H.npy", npy(np.eye(2)))]))


@pytest.mark.parametrize("name", ["model.pt", "model.pth"])
def test_pytorch_files_are_refused_with_the_lines_that_convert_them(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"\x80\x02")
    with pytest.raises(InputError, match=r"(?s)PyTorch file.*torch\.load\(.*numpy\.savez\("):
        load(path)
    archive = archive_with(tmp_path, [("archive/data.pkl", b"")])
    with pytest.raises(InputError, match="PyTorch file"):
        load(archive)


def test_the_sample_is_small_and_trained_past_zero_error():
    assert nctheory.sample_path().stat().st_size <= 1_000_000
    features = load(nctheory.sample_path())
    assert nctheory.collapse.measure(features).training_error == 0
    assert nctheory.collapse.measure(load(nctheory.sample_path(), epoch=0)).training_error > 0.5
