"""A checkpoint: plain numbers and a digest of them in an .npz archive, and what to make of a file that is none.

Nothing is unpickled, nothing decompressed, and no size is believed that the file does not have.
"""

import hashlib
import io
import json
import math
import os
import secrets
import zipfile
import zlib
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from nctheory.arrays import Array
from nctheory.configuration import Configuration
from nctheory.errors import InputError
from nctheory.exact import ExactMatrix
from nctheory.probability.problem import Problem

__all__ = ["DAMAGED", "checked_path", "decoded", "digest", "encoded", "read", "refuse_others", "write"]

_KIND, _FORMAT = "nctheory campaign", 1
_MOST_BYTES = 1 << 32  # of a checkpoint
_MOST_HEADER = 1 << 24  # of its part in JSON
_DTYPES = tuple(np.dtype(name) for name in ("<f8", "<i8", "|u1"))
DAMAGED = (  # what a file that is not as it should be may raise
    *(OSError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, TypeError, IndexError),
    *(RuntimeError, NotImplementedError, MemoryError, OverflowError, AttributeError),  # RecursionError is the first
)


def checked_path(path: Any) -> Path:
    """Where the file itself is, if that is the name of a file at all."""
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise InputError(f"path is {path!r}, expected the name of an .npz file")
    resolved = Path(os.path.realpath(path))
    if os.path.exists(resolved) and not resolved.is_file():
        raise InputError(f"{path} is not a file, expected the name of a checkpoint")
    return resolved


def refuse_others(there: Any, here: Mapping[str, Any], path: Path) -> None:
    """Refuse the identity in a file unless it is the one that is meant."""
    if there != here:
        advice = "take another path, or resume with what the file was made with"
        raise InputError(f"{path} is the checkpoint of another campaign: {_differences(there, here)}; {advice}")


def _differences(there: Any, here: Mapping[str, Any]) -> str:
    """What two identities do not share."""
    if not isinstance(there, dict):
        return "its identity is missing"
    words = []
    for name in sorted(there.keys() | here.keys()):
        old, new = there.get(name), here.get(name)
        if old != new and name in ("configuration", "noise_covariance"):
            words.append(f"the {name} differs")
        elif old != new:
            words.append(f"{name} is {_short(old)} there and {_short(new)} here")
    return ", ".join(words)


def _short(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_short(entry) for entry in value[:4]) + (", ...]" if len(value) > 4 else "]")
    if isinstance(value, str) and "/" in value:
        return repr(float(Fraction(value)))
    return str(value)[:80]


# ----------------------------------------------------------------------------------------------- numbers in a .npz file


def write(path: Path, header: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """All at once: a file beside is written and reaches the disk before it takes the name."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with open(beside, "xb") as stream:
            write_archive(stream, header, arrays)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """So that the new name, too, reaches the disk; not every system has it."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_archive(stream: Any, header: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """The archive, with its kind, its format and the digest of the rest."""
    header = {"kind": _KIND, "format": _FORMAT, **header}
    text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    members = {"header": text, **arrays}
    members["digest"] = np.frombuffer(digest(members).encode(), dtype=np.uint8)
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, array in members.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)


def digest(arrays: Mapping[str, Array]) -> str:
    """SHA-256 of names, types, shapes and bytes."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        found.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def read(path: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """What `write` wrote; anything else is refused, and nothing is unpickled."""
    try:
        arrays = _read_archive(path)
        if arrays.pop("digest").tobytes().decode() != digest(arrays):
            raise ValueError("its digest is that of other content")
        text = arrays.pop("header")
        if text.size > _MOST_HEADER:
            raise ValueError(f"its header has {text.size} bytes, at most {_MOST_HEADER} are read")
        header = json.loads(text.tobytes())
        if (header["kind"], header["format"]) != (_KIND, _FORMAT):
            raise ValueError(f"it is of the kind {header['kind']!r}, format {header['format']!r}")
        if not {"campaign", "states"} <= header.keys():
            raise ValueError("its header lacks a part")
    except DAMAGED as error:
        advice = "it was left as it is; take another path, or remove it to start again"
        reason = f"{type(error).__name__}: {(str(error).splitlines() or ['no message'])[0]}"
        raise InputError(f"{path} is no checkpoint, or a damaged one ({reason}); {advice}") from None
    return header, arrays


def _read_archive(path: Path) -> dict[str, Array]:
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"it has {path.stat().st_size} bytes, at most {_MOST_BYTES} are read")
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        if len({info.filename for info in infos}) != len(infos):
            raise ValueError("two members have the same name")
        if sum(info.file_size for info in infos) > path.stat().st_size:
            raise ValueError("it is compressed, which a checkpoint is not")
        return {info.filename.removesuffix(".npy"): _read_member(archive.read(info)) for info in infos}


def _read_member(content: bytes) -> Array:
    """One array of plain numbers of the size that its header says."""
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    reader = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}[version[0]]
    shape, fortran_order, dtype = reader(stream)
    if dtype not in _DTYPES or fortran_order:
        raise ValueError(f"a member holds {dtype} numbers")
    rest = stream.read()
    if len(rest) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"a member has {len(rest)} bytes of data for {shape} {dtype}")
    return np.frombuffer(rest, dtype).reshape(shape).copy()


# ---------------------------------------------------------------------------------------------- the problem as numbers


def encoded(problem: Problem) -> dict[str, Array]:
    """The exact data of the configuration and the covariance: floats as they are, other numbers as digits."""
    configuration = problem.configuration
    parts: dict[str, Array | ExactMatrix | None] = {
        "gram": configuration.stored_gram,
        "class_means": configuration.stored_means,
        "weights": configuration.stored_weights,
        "bias": configuration.stored_bias,
    }
    if problem.covariances:
        parts["noise_covariance"] = problem.covariances[0] if problem.shared else np.stack(problem.covariances)
    return {name: _encoded(part) for name, part in parts.items() if part is not None}


def decoded(arrays: Mapping[str, Array]) -> tuple[Configuration, Array | None]:
    """The configuration and the covariance that `encoded` was given."""
    parts = {name: _decoded(arrays.get(name)) for name in ("gram", "weights", "bias", "noise_covariance")}
    if parts["gram"] is None:
        configuration = Configuration(_decoded(arrays["class_means"]), parts["weights"], parts["bias"])
    else:
        configuration = Configuration.from_gram(parts["gram"], dimension=arrays["class_means"].shape[1])
    return configuration, parts["noise_covariance"]


def _encoded(part: Array | ExactMatrix) -> Array:
    if isinstance(part, ExactMatrix):
        part = part.fractions()
    if part.dtype != object:
        return np.ascontiguousarray(part, dtype=np.float64)
    entries = [[hex(entry.numerator), hex(entry.denominator)] for entry in map(Fraction, part.flat)]
    return np.frombuffer(json.dumps({"shape": part.shape, "entries": entries}).encode(), dtype=np.uint8)


def _decoded(part: Array | None) -> Array | None:
    if part is None or part.dtype != np.uint8:
        return part
    plain = json.loads(part.tobytes())
    entries = [Fraction(int(above, 16), int(below, 16)) for above, below in plain["entries"]]
    array = np.empty(len(entries), dtype=object)
    array[:] = entries
    return array.reshape(plain["shape"])
