"""A type checker for jaxtyping's hook that looks at array annotations only; the code checks other types itself."""

from beartype import beartype
from jaxtyping import AbstractArray


def only_shapes(function):
    annotations = getattr(function, "__annotations__", {})
    kept = {
        name: kind for name, kind in annotations.items() if isinstance(kind, type) and issubclass(kind, AbstractArray)
    }
    if not kept or isinstance(function, type):
        return function
    function.__annotations__ = kept
    return beartype(function)
