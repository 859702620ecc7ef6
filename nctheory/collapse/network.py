"""Collapse of a PyTorch model: what its last linear layer sees, while data go through. Needs the extra `torch`."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from nctheory.arrays import Array
from nctheory.collapse.accumulator import Accumulator
from nctheory.collapse.measurement import measure
from nctheory.collapse.metrics import Collapse
from nctheory.configuration import Center, Features
from nctheory.errors import InputError

if TYPE_CHECKING:
    import torch

__all__ = ["measure_network"]


def measure_network(
    model: "torch.nn.Module",
    loader: Iterable[Any],
    *,
    layer: "torch.nn.Linear | None" = None,
    center: Center = "class",
    streamed: bool = False,
) -> Collapse:
    """`measure` on what the last linear layer of a PyTorch model sees.

    Formula:
        The features h are the inputs of the layer, W and b its weight and bias (0 where it has none).
    Args:
        model: any module; it runs in evaluation mode, without gradients, on its own device, and is left as it was.
        loader: batches (inputs, labels), as of a DataLoader.
        layer: the classifier; the last `torch.nn.Linear` among the model's modules where left out.
        center: as for `measure`.
        streamed: false: the loader is passed once, and the features are kept in memory. True: it is passed twice, in
            bounded memory; it must give the same samples again, in any order.
    Assumes:
        The layer is called once for each batch, with one row for each label.
    Returns:
        Collapse.
    Raises:
        InputError: no linear layer, an empty loader, labels that do not match, or what `measure` refuses.
    Reference:
        papyan2020, section 2.
    Example:
        >>> from nctheory.collapse import measure_network
        >>> measure_network(model, loader).variability  # doctest: +SKIP
        0.000594...
    """
    head = _last_linear(model) if layer is None else layer
    weights, bias = _numbers(head.weight), None if head.bias is None else _numbers(head.bias)
    if streamed:
        return _streamed(model, head, loader, weights, bias, center)
    batches: list[tuple[Array, Array]] = []
    _run(model, head, loader, lambda points, classes: batches.append((points, classes)))
    points, classes = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    return measure(Features(points, classes, weights, bias), center=center)


def _streamed(
    model: Any, head: Any, loader: Iterable[Any], weights: Array, bias: Array | None, center: Center
) -> Collapse:
    accumulator = Accumulator(*weights.shape)
    _run(model, head, loader, accumulator.update)
    second = accumulator.second_pass(weights, bias, center=center)
    _run(model, head, loader, second.update)
    return second.collapse()


def _last_linear(model: Any) -> Any:
    import torch

    found = [module for module in model.modules() if isinstance(module, torch.nn.Linear)]
    if not found:
        raise InputError("model has no torch.nn.Linear; name its classifier by layer=")
    return found[-1]


def _run(model: Any, head: Any, loader: Iterable[Any], take: Callable[[Array, Array], object]) -> None:
    """Everything in the loader through the model, and to `take` what the layer saw with the labels."""
    import torch

    seen: list[Array] = []
    hook = head.register_forward_pre_hook(lambda _, inputs: seen.append(_numbers(inputs[0])))
    training = [(module, module.training) for module in model.modules()]
    batch = -1
    try:
        model.eval()
        with torch.no_grad():
            for batch, (inputs, labels) in enumerate(loader):
                seen.clear()
                model(inputs.to(head.weight.device))
                take(*_matching(seen, _numbers(labels), batch))
    finally:
        hook.remove()
        for module, mode in training:
            module.training = mode
    if batch < 0:
        raise InputError("loader gives no batches")


def _matching(seen: list[Array], labels: Array, batch: int) -> tuple[Array, Array]:
    if len(seen) != 1:
        raise InputError(f"the layer was called {len(seen)} times for batch {batch}, expected once")
    if len(seen[0]) != len(labels) or seen[0].ndim != 2:
        raise InputError(f"the layer saw shape {seen[0].shape} for {len(labels)} labels of batch {batch}")
    return seen[0], labels


def _numbers(tensor: Any) -> Array:
    """On the CPU; half precision as float32, which holds it exactly."""
    import torch

    tensor = tensor.detach().cpu()
    return np.array((tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor).numpy())
