"""The PyTorch helper and tensors as batches; skipped where PyTorch is not installed."""

import numpy as np
import pytest

from nctheory import Features, InputError, collapse

torch = pytest.importorskip("torch")


def model_and_loader(batch=7):
    torch.manual_seed(0)
    head = torch.nn.Linear(5, 3)
    model = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.BatchNorm1d(5), torch.nn.ReLU(), head)
    inputs, labels = torch.randn(40, 4), torch.arange(40) % 3
    loader = [(inputs[i : i + batch], labels[i : i + batch]) for i in range(0, 40, batch)]
    return model, loader, inputs, labels


def expected_of(model, inputs, labels):
    model.eval()
    with torch.no_grad():
        features = model[:3](inputs).numpy()
    head = model[3]
    return collapse.measure(
        Features(features, labels.numpy(), head.weight.detach().numpy(), head.bias.detach().numpy())
    )


@pytest.mark.parametrize("streamed", [False, True])
def test_a_network_is_measured_in_evaluation_mode_and_left_as_it_was(streamed):
    model, loader, inputs, labels = model_and_loader()
    model.train()
    model[1].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = collapse.measure_network(model, loader, streamed=streamed)
    assert [module.training for module in model] == [True, False, True, True]
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not model[3]._forward_pre_hooks
    expected = expected_of(model, inputs, labels)
    for metric in expected.metrics():
        assert getattr(found, metric.field) == pytest.approx(metric.value, rel=1e-5), metric.field


def test_another_layer_may_be_named():
    _, loader, inputs, labels = model_and_loader()
    first = torch.nn.Linear(4, 3, bias=False)
    both = torch.nn.Sequential(first, torch.nn.Linear(3, 3))
    found = collapse.measure_network(both, loader, layer=first)
    expected = collapse.measure(Features(inputs.numpy(), labels.numpy(), first.weight.detach().numpy()))
    assert found.self_duality == pytest.approx(expected.self_duality, rel=1e-12)
    assert found.training_error == expected.training_error


def test_networks_that_cannot_be_measured():
    model, loader, inputs, labels = model_and_loader()
    with pytest.raises(InputError, match=r"no torch.nn.Linear"):
        collapse.measure_network(torch.nn.ReLU(), loader)
    with pytest.raises(InputError, match="loader gives no batches"):
        collapse.measure_network(model, [])
    with pytest.raises(InputError, match=r"called 0 times for batch 0"):
        collapse.measure_network(model, loader, layer=torch.nn.Linear(4, 3))
    with pytest.raises(InputError, match=r"saw shape \(40, 5\) for 39 labels"):
        collapse.measure_network(model, [(inputs, labels[:39])])
    assert not model[3]._forward_pre_hooks


def test_tensors_are_taken_batch_by_batch():
    _, _, inputs, labels = model_and_loader()
    accumulator = collapse.Accumulator(3, 4)
    for i in range(0, 40, 9):
        accumulator.update(inputs[i : i + 9], labels[i : i + 9])
    expected = collapse.measure(Features(inputs.numpy(), labels.numpy()))
    assert accumulator.collapse().variability == pytest.approx(expected.variability, rel=1e-12)
    assert accumulator.means == pytest.approx(np.array(expected_means(inputs, labels)), abs=1e-6)
    with pytest.raises(InputError, match="features of type Tensor cannot be read as an array"):
        accumulator.update(inputs.requires_grad_(), labels)


def expected_means(inputs, labels):
    return [inputs[labels == c].mean(dim=0).tolist() for c in range(3)]
