"""Reading a last layer from an .npz file that nobody vouches for: sizes are checked first, and nothing is unpickled."""

import difflib
import re
import zipfile
import zlib
from pathlib import Path

import numpy as np

from nctheory.arrays import Array, Layout
from nctheory.configuration.points import Configuration, Features
from nctheory.errors import InputError

__all__ = ["load"]

_FIELDS = {
    "features": "H",
    "labels": "y",
    "weights": "W",
    "bias": "b",
    "class_means": "M",
    "class_sizes": "n",
}
_SNAPSHOT = re.compile(r"([HWbM])_([0-9]{1,9})")
_EXPECTED = (
    "expected features, labels (H, y) or class_means (M), perhaps weights, bias (W, b), or snapshots H_<epoch> ..."
)
_BOMB_BYTES = 64 << 20
_BOMB_RATIO = 100


def load(path: str | Path, *, epoch: int | None = None, layout: Layout = "rows") -> Features | Configuration:
    """Read a last layer from an .npz file; never unpickles anything.

    Formula:
        Keys `features, labels[, weights, bias]` make Features, `class_means[, weights, bias, class_sizes]` a
        Configuration; short keys H, y, W, b, M, n; snapshots H_<epoch>, W_<epoch>, b_<epoch> with one `y`.
    Args:
        path: the file.
        epoch: which snapshot of a series; the last where left out.
        layout: "columns" where the matrices have their points as columns.
    Assumes:
        Nothing: the archive is untrusted.
    Returns:
        Features or Configuration.
    Raises:
        InputError: no such file, not an .npz archive, a truncated one, one that expands suspiciously, pickled objects,
            a PyTorch file, keys or shapes that make no last layer.
    Reference:
        numpy-format, the .npy format.
    Example:
        >>> import nctheory
        >>> nctheory.load(nctheory.sample_path(), epoch=0).num_classes
        10
    """
    if not isinstance(path, str | Path):
        raise InputError(f"path is {path!r}, expected the name of an .npz file")
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            fields = _choose(_members(archive, path), path, epoch)
            arrays = {field: _read_member(archive, info, path) for field, info in fields.items()}
    except (OSError, zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError, MemoryError, zlib.error) as error:
        raise InputError(_cannot_read(path, error)) from None
    try:
        if "features" in arrays:
            return Features(**arrays, layout=layout)
        return Configuration(**arrays, layout=layout)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _cannot_read(path: Path, error: Exception) -> str:
    if path.suffix in (".pt", ".pth", ".ckpt") and path.exists():
        return _pytorch_message(path)
    if not path.exists():
        return f"{path}: no such file"
    if path.is_dir():
        return f"{path} is a directory, expected an .npz file"
    if isinstance(error, zipfile.BadZipFile):
        return f"{path} is not an .npz archive, or a damaged one ({error}); write one with numpy.savez"
    return f"{path} cannot be read: {type(error).__name__}: {error}"


def _pytorch_message(path: Path) -> str:
    return (
        f"{path} is a PyTorch file, which can run code when it is read; convert it where you trust it:\n"
        f"  data = torch.load({str(path)!r}, map_location='cpu', weights_only=True)\n"
        f"  numpy.savez('{path.stem}-numpy.npz', features=data['features'], labels=data['labels'])  # weights, bias"
    )


def _members(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    names = archive.namelist()
    if any(name.endswith("data.pkl") for name in names):
        raise InputError(_pytorch_message(path))
    if len(set(names)) != len(names):
        raise InputError(f"{path} holds two members of the same name")
    return {name.removesuffix(".npy"): info for name, info in zip(names, archive.infolist(), strict=True)}


def _choose(members: dict[str, zipfile.ZipInfo], path: Path, epoch: int | None) -> dict[str, zipfile.ZipInfo]:
    """The member for each field, after picking the snapshot."""
    long_names = {short: field for field, short in _FIELDS.items()}
    snapshots: dict[int, dict[str, zipfile.ZipInfo]] = {}
    fields: dict[str, zipfile.ZipInfo] = {}
    for name, info in members.items():
        match = _SNAPSHOT.fullmatch(name)
        field = long_names.get(match[1] if match else name, name)
        place = snapshots.setdefault(int(match[2]), {}) if match else fields
        if field in _FIELDS and field in place:
            raise InputError(f"{path} holds {field} twice, as {field} and as {_FIELDS[field]}")
        if field in _FIELDS:
            place[field] = info
        elif meant := difflib.get_close_matches(name, _FIELDS, n=1, cutoff=0.8):
            raise InputError(f"{path} holds the key {name!r}; if {meant[0]!r} is meant, rename it, else leave it out")
    if snapshots:
        fields = _with_snapshot(fields, snapshots, path, epoch)
    elif epoch is not None:
        raise InputError(f"{path} holds no snapshots, so epoch {epoch} cannot be chosen")
    _check_fields(set(fields), sorted(members), path)
    return fields


def _with_snapshot(
    fields: dict[str, zipfile.ZipInfo],
    snapshots: dict[int, dict[str, zipfile.ZipInfo]],
    path: Path,
    epoch: int | None,
) -> dict[str, zipfile.ZipInfo]:
    chosen = max(snapshots) if epoch is None else epoch
    if chosen not in snapshots:
        raise InputError(f"{path} holds no epoch {epoch}, only {sorted(snapshots)}")
    known = set().union(*snapshots.values())
    if missing := sorted(known - snapshots[chosen].keys()):
        raise InputError(f"{path} lacks {', '.join(f'{_FIELDS[field]}_{chosen}' for field in missing)}")
    if twice := sorted(known & fields.keys()):
        raise InputError(f"{path} holds both snapshots and a single {twice[0]}, so the point is ambiguous")
    return fields | snapshots[chosen]


def _check_fields(fields: set[str], names: list[str], path: Path) -> None:
    is_features = {"features", "labels"} <= fields <= {"features", "labels", "weights", "bias"}
    is_means = "class_means" in fields and fields.isdisjoint({"features", "labels"})
    if not (is_features or is_means):
        raise InputError(f"{path} holds the keys {names}, {_EXPECTED}")


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> Array:
    """One .npy member: its header is read first, and its size checked before anything is unpacked."""
    if info.file_size > max(_BOMB_BYTES, _BOMB_RATIO * info.compress_size):
        raise InputError(
            f"{path}: {info.filename} expands from {info.compress_size} to {info.file_size} bytes, more than "
            f"{_BOMB_RATIO} times; if that is meant, write it uncompressed with numpy.savez"
        )
    with archive.open(info) as stream:
        try:
            version = np.lib.format.read_magic(stream)
            reader = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}[version[0]]
            shape, fortran_order, dtype = reader(stream)
        except (ValueError, KeyError) as error:
            raise InputError(f"{path}: {info.filename} is not an .npy array: {error}") from None
        if dtype.hasobject:
            raise InputError(
                f"{path}: {info.filename} holds pickled Python objects, which are never read; save plain arrays"
            )
        content = stream.read()
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if len(content) != size:
        raise InputError(
            f"{path}: {info.filename} holds {len(content)} bytes of data, expected {size} for {shape} {dtype}"
        )
    array: Array = np.frombuffer(content, dtype).reshape(shape, order="F" if fortran_order else "C")
    return array
