"""The supernet: subnets by slicing, extraction without loss, and a forward that is a pure function."""

import numpy as np
import pytest
import torch
from torch.func import functional_call, grad, stack_module_state, vmap

from offline.supernet.extract import Subnet, extract
from offline.supernet.layers import PADDING_LOGIT
from offline.supernet.model import Supernet, count_parameters
from offline.supernet.space import SPACES, ArchConfig, SearchSpace, sample

SMALL = SearchSpace("small", (12, 24), (2, 3), (1.0, 1.5, 2.0), (1, 2, 3, 4))


def supernet(space: SearchSpace = SMALL, *, dropout: float = 0.0, classes: tuple[int, ...] = (2, 3)) -> Supernet:
    torch.manual_seed(0)
    model = Supernet(space, n_channels=5, n_features=7, class_counts=classes, dropout=dropout).double()
    with torch.no_grad():
        for parameter in model.parameters():  # norms and biases too: at 1 and 0 they would hide a wrong slice
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model


def test_an_extracted_subnet_gives_exactly_the_supernets_output() -> None:
    model = supernet().eval()
    rng = np.random.default_rng(1)
    tokens = torch.randn(4, 5, 7, dtype=torch.float64)
    for _ in range(40):
        arch = sample(SMALL, rng)
        layers = rng.permutation(4)[: arch.depth].tolist()
        for chosen in (None, layers):
            with torch.no_grad():
                expected = model(tokens, arch, chosen)
                found = extract(model, arch, chosen)(tokens)
            torch.testing.assert_close(found.logits, expected.logits, rtol=0, atol=1e-13)
            torch.testing.assert_close(found.embedding, expected.embedding, rtol=0, atol=1e-13)


def test_other_inherited_layers_give_another_network() -> None:
    model = supernet().eval()
    arch = ArchConfig(24, (2, 2), (1.0, 1.0))
    tokens = torch.randn(2, 5, 7, dtype=torch.float64)
    assert not torch.allclose(model(tokens, arch).logits, model(tokens, arch, [2, 3]).logits)


@pytest.mark.parametrize("layers", [[0], [0, 0], [0, 4], [-1, 0]])
def test_layers_that_cannot_be_inherited_are_refused(layers: list[int]) -> None:
    with pytest.raises(ValueError):
        supernet()(torch.zeros(1, 5, 7).double(), ArchConfig(12, (2, 2), (1.0, 1.0)), layers)


def test_an_extracted_subnet_owns_its_weights() -> None:
    model = supernet().eval()
    subnet = extract(model, SMALL.smallest)
    before = subnet.patch.weight.clone()
    with torch.no_grad():
        model.patch.weight.zero_()
    assert torch.equal(subnet.patch.weight, before)


@pytest.mark.parametrize("space", SPACES.values(), ids=list(SPACES))
def test_counted_parameters_equal_those_of_the_module(space: SearchSpace) -> None:
    rng = np.random.default_rng(2)
    for i in range(200):
        shape = {"n_channels": 3 + i % 30, "n_features": 1 + i % 128, "class_counts": (2,) * (1 + i % 3) + (3,)}
        arch = sample(space, rng)
        with torch.device("meta"):
            counted = sum(p.numel() for p in Subnet(arch, **shape).parameters())  # type: ignore[arg-type]
        assert count_parameters(arch, **shape) == counted  # type: ignore[arg-type]


def test_corners_of_the_paper_space_have_the_published_sizes() -> None:
    space = SPACES["paper"]
    sizes = [
        count_parameters(arch, n_channels=32, n_features=128, class_counts=(2,)) / 1e6
        for arch in (space.smallest, space.largest)
    ]
    assert [round(size, 2) for size in sizes] == [1.73, 6.98]


def test_the_largest_subnet_uses_every_weight_and_a_narrow_one_only_the_prefix() -> None:
    model = supernet()
    tokens = torch.randn(3, 5, 7, dtype=torch.float64)
    model(tokens, SMALL.largest).logits[..., :2].sum().backward()
    used = {name: bool((p.grad != 0).any()) for name, p in model.named_parameters() if p.grad is not None}
    assert used.keys() == dict(model.named_parameters()).keys()
    assert all(used[name] for name in used if not name.endswith("key.bias"))  # which softmax cancels
    model.zero_grad(set_to_none=False)
    model(tokens, SMALL.smallest).logits[..., :2].sum().backward()
    weight = model.blocks[0].query.weight.grad
    assert bool(weight[:12, :12].abs().sum() > 0)
    assert bool(weight[12:].abs().sum() == 0)
    assert bool(weight[:, 12:].abs().sum() == 0)
    assert model.blocks[1].query.weight.grad.abs().sum() == 0


def test_missing_classes_are_padded_with_a_logit_of_no_probability() -> None:
    model = supernet(classes=(2, 4)).eval()
    logits = model(torch.randn(3, 5, 7).double(), SMALL.largest).logits
    assert logits.shape == (3, 2, 4)
    assert bool((logits[:, 0, 2:] == PADDING_LOGIT).all())
    assert torch.softmax(logits.float(), -1)[:, 0, 2:].sum() == 0


def test_forward_keeps_nothing_between_calls() -> None:
    model = supernet().eval()
    tokens = torch.randn(2, 5, 7, dtype=torch.float64)
    alone = model(tokens, SMALL.smallest).logits
    model(tokens, SMALL.largest)
    assert torch.equal(model(tokens, SMALL.smallest).logits, alone)


def test_stacked_weights_under_vmap_have_the_gradients_of_one_by_one_training() -> None:
    models = []
    for seed in range(3):
        torch.manual_seed(seed)
        models.append(Supernet(SMALL, n_channels=5, n_features=7, class_counts=(2, 3)).double())
    tokens = torch.randn(3, 6, 5, 7, dtype=torch.float64)
    arch = ArchConfig(24, (2, 3, 2), (1.5, 1.0, 2.0))

    def loss(weights: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        logits = functional_call(models[0], weights, (x, arch)).logits
        return logits[:, 0, :2].logsumexp(-1).mean() - logits[:, 1].log_softmax(-1)[:, 1].mean()

    stacked, _ = stack_module_state(models)
    together = vmap(grad(loss))(stacked, tokens)
    for job, model in enumerate(models):
        alone = grad(loss)(dict(model.named_parameters()), tokens[job])
        for name, value in alone.items():
            torch.testing.assert_close(together[name][job], value, rtol=1e-10, atol=1e-12)


def test_dropout_works_under_vmap_and_differs_between_jobs() -> None:
    model = supernet(dropout=0.5).train()
    stacked = {k: torch.stack([v, v]) for k, v in model.named_parameters()}
    tokens = torch.randn(2, 6, 5, 7, dtype=torch.float64)
    tokens[1] = tokens[0]
    logits = vmap(
        lambda weights, x: functional_call(model, weights, (x, SMALL.largest)).logits, randomness="different"
    )(stacked, tokens)
    assert not torch.allclose(logits[0], logits[1])
