"""The exceptions of the package; the kernel has two of its own, `Malformed` and `Invalid`."""

__all__ = ["InputError", "SolverError"]


class InputError(ValueError):
    """What was given cannot be used; the message quotes what was received and says what was expected."""


class SolverError(RuntimeError):
    """A numerical solver gave no usable answer; the message names the solver and its status."""
