"""The network: standard attention, subnets by slicing, extraction without loss, a forward that is a pure function."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from offline.supernet.model import PADDING_LOGIT, Block, Network, attend, count_parameters, extract
from offline.supernet.space import SPACES, ArchConfig, SearchSpace, sample
from offline.training.dropout import ByteDropout

SMALL = SearchSpace("small", (12, 24), (2, 3), (1.0, 1.5, 2.0), (1, 2, 3, 4))


def shaken(module: nn.Module) -> nn.Module:
    """Move every weight: norms and biases at 1 and 0 would hide a wrong slice."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return module.double()


def supernet(*, classes: tuple[int, ...] = (2, 3), seed: int = 0) -> Network:
    torch.manual_seed(seed)
    network = Network(SMALL.largest, n_channels=5, n_features=7, class_counts=classes)
    shaken(network)
    return network


def tokens(*leading: int) -> torch.Tensor:
    return torch.randn(*leading, 5, 7, dtype=torch.float64)


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_attention_is_that_of_torch(heads: int) -> None:
    torch.manual_seed(heads)
    block = Block(16, 16)
    shaken(block)
    theirs = nn.MultiheadAttention(16, heads, batch_first=True).double().eval()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([block.query.weight, block.key.weight, block.value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([block.query.bias, block.key.bias, block.value.bias]))
        theirs.out_proj.load_state_dict(block.projection.state_dict())
    x = torch.randn(3, 6, 16, dtype=torch.float64)
    found = block.projection(attend(block.query(x), block.key(x), block.value(x), heads))
    torch.testing.assert_close(found, theirs(x, x, x, need_weights=False)[0], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("used", [None, 1, 4])
def test_a_block_is_the_pre_norm_encoder_layer_of_torch(used: int | None) -> None:
    torch.manual_seed(1)
    block = Block(12, 20)
    shaken(block)
    theirs = nn.TransformerEncoderLayer(
        12, 3, 20, dropout=0.0, activation="gelu", batch_first=True, norm_first=True, dtype=torch.float64
    )
    with torch.no_grad():
        theirs.self_attn.in_proj_weight.copy_(torch.cat([block.query.weight, block.key.weight, block.value.weight]))
        theirs.self_attn.in_proj_bias.copy_(torch.cat([block.query.bias, block.key.bias, block.value.bias]))
        theirs.self_attn.out_proj.load_state_dict(block.projection.state_dict())
        for mine, other in (
            (block.attention_norm, theirs.norm1),
            (block.mlp_norm, theirs.norm2),
            (block.expand, theirs.linear1),
            (block.contract, theirs.linear2),
        ):
            other.load_state_dict(mine.state_dict())
    x = torch.randn(4, 6, 12, dtype=torch.float64)
    torch.testing.assert_close(block(x, 3, 20, used=used), theirs(x)[:, :used], rtol=1e-10, atol=1e-12)


def test_a_network_is_its_parts_in_order() -> None:
    network = supernet()
    x = tokens(3)
    y = torch.cat([network.class_token.expand(3, 1, 24), network.patch(x)], dim=1) + network.position
    for layer, block in enumerate(network.blocks):
        y = block(y, network.arch.heads[layer], network.arch.hidden(layer))
    embedding = network.norm(y)[:, 0]
    found = network(x)
    torch.testing.assert_close(found.embedding, embedding, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(found.logits[:, 1], network.head(embedding)[:, 2:], rtol=1e-10, atol=1e-12)


def test_the_class_token_and_positions_begin_small() -> None:
    torch.manual_seed(0)
    network = Network(ArchConfig(240, (4,), (2.0,)), n_channels=30, n_features=8, class_counts=(2,))
    for weights in (network.class_token, network.position):
        assert float(weights.detach().std()) == pytest.approx(0.02, rel=0.2)
        assert abs(float(weights.detach().mean())) < 0.005


def test_an_extracted_subnet_computes_exactly_what_it_did_inside() -> None:
    network, x = supernet(), tokens(4)
    rng = np.random.default_rng(1)
    for _ in range(40):
        arch = sample(SMALL, rng)
        with torch.no_grad():
            expected, found = network(x, arch), extract(network, arch)(x)
        torch.testing.assert_close(found.logits, expected.logits, rtol=0, atol=1e-13)
        torch.testing.assert_close(found.embedding, expected.embedding, rtol=0, atol=1e-13)


def test_an_extracted_subnet_owns_its_weights() -> None:
    network = supernet()
    subnet = extract(network, SMALL.smallest)
    before = subnet.patch.weight.clone()
    with torch.no_grad():
        network.patch.weight.zero_()
    assert torch.equal(subnet.patch.weight, before)


@pytest.mark.parametrize("space", SPACES.values(), ids=list(SPACES))
def test_counted_parameters_follow_the_formula_of_a_transformer(space: SearchSpace) -> None:
    rng = np.random.default_rng(2)
    for i in range(30):
        channels, features, classes = 3 + i % 30, 1 + 4 * i, (2,) * (1 + i % 3) + (3,)
        arch = sample(space, rng)
        dim = arch.embed_dim
        expected = (features + 1) * dim + dim + (channels + 1) * dim + 2 * dim + (dim + 1) * sum(classes)
        for layer in range(arch.depth):
            hidden = arch.hidden(layer)
            expected += 4 * dim + 4 * (dim + 1) * dim + (dim + 1) * hidden + (hidden + 1) * dim
        assert count_parameters(arch, n_channels=channels, n_features=features, class_counts=classes) == expected


def test_corners_of_the_paper_space_have_the_published_sizes() -> None:
    space = SPACES["paper"]
    sizes = [
        count_parameters(arch, n_channels=32, n_features=128, class_counts=(2,)) / 1e6
        for arch in (space.smallest, space.largest)
    ]
    assert [round(size, 2) for size in sizes] == [1.73, 6.98]


def test_the_largest_subnet_uses_every_weight_and_a_narrow_one_only_the_prefix() -> None:
    network, x = supernet(), tokens(3)
    network(x, SMALL.largest).logits[..., :2].sum().backward()
    used = {name: bool((p.grad != 0).any()) for name, p in network.named_parameters() if p.grad is not None}
    assert used.keys() == dict(network.named_parameters()).keys()
    assert all(used[name] for name in used if not name.endswith("key.bias"))  # which softmax cancels
    network.zero_grad(set_to_none=False)
    network(x, SMALL.smallest).logits[..., :2].sum().backward()
    weight = network.blocks[0].query.weight.grad
    assert bool(weight[:12, :12].abs().sum() > 0)
    assert bool(weight[12:].abs().sum() == 0)
    assert bool(weight[:, 12:].abs().sum() == 0)
    assert network.blocks[1].query.weight.grad.abs().sum() == 0


def test_missing_classes_are_padded_with_a_logit_of_no_probability() -> None:
    logits = supernet(classes=(2, 4))(tokens(3)).logits
    assert logits.shape == (3, 2, 4)
    assert bool((logits[:, 0, 2:] == PADDING_LOGIT).all())
    assert torch.softmax(logits.float(), -1)[:, 0, 2:].sum() == 0


def test_forward_keeps_nothing_between_calls() -> None:
    network, x = supernet(), tokens(2)
    alone = network(x, SMALL.smallest).logits
    network(x, SMALL.largest)
    assert torch.equal(network(x, SMALL.smallest).logits, alone)


@pytest.mark.parametrize("by", ["vmap", "stacked weights"])
def test_several_networks_at_once_have_the_gradients_of_one_by_one(by: str) -> None:
    networks = [supernet(seed=seed) for seed in range(3)]
    x = tokens(3, 6)
    arch = ArchConfig(24, (2, 3, 2), (1.5, 1.0, 2.0))

    def loss(weights: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        logits = functional_call(networks[0], weights, (x, arch)).logits
        targets = logits[..., 0, :2].logsumexp(-1) - logits[..., 1, :].log_softmax(-1)[..., 1]
        return targets.sum() / 6

    stacked, _ = stack_module_state(networks)
    with sdpa_kernel(SDPBackend.MATH):  # the fused kernel of the processor has no rule for vmap
        together = vmap(grad(loss))(stacked, x) if by == "vmap" else grad(loss)(stacked, x)
    for job, network in enumerate(networks):
        alone = grad(loss)(dict(network.named_parameters()), x[job])
        for name, value in alone.items():
            torch.testing.assert_close(together[name][job], value, rtol=1e-10, atol=1e-12)


def test_dropout_is_applied_after_embedding_attention_and_twice_in_each_mlp() -> None:
    seen: list[tuple[int, ...]] = []

    def note(x: torch.Tensor) -> torch.Tensor:
        seen.append(tuple(x.shape))
        return x

    supernet()(tokens(2), ArchConfig(12, (2, 3), (2.0, 1.0)), dropout=note)
    first = [(2, 6, 12), (2, 6, 12), (2, 6, 24), (2, 6, 12)]
    assert seen == [*first, (2, 1, 12), (2, 1, 12), (2, 1, 12)]


@pytest.mark.parametrize("probability", [0.25, 0.5])
def test_dropout_zeroes_its_share_and_keeps_the_mean(probability: float) -> None:
    x = torch.ones(200, 100)
    dropped = ByteDropout(probability, [1])(x)
    kept = dropped != 0
    assert float(kept.float().mean()) == pytest.approx(1 - probability, abs=0.01)
    assert float(dropped[kept].unique()) == pytest.approx(1 / (1 - probability))
    assert torch.equal(ByteDropout(probability, [1])(x), dropped)
    assert not torch.equal(ByteDropout(probability, [2])(x), dropped)
    assert ByteDropout(0.0, [1])(x) is x


def test_jobs_of_a_stack_drop_what_they_drop_alone() -> None:
    together = ByteDropout(0.5, [1, 2], sizes=[4, 3])
    alone = [ByteDropout(0.5, [1]), ByteDropout(0.5, [2])]
    for _ in range(2):
        found = together(torch.ones(2, 4, 5, 3))
        assert torch.equal(found[0], alone[0](torch.ones(4, 5, 3)))
        assert torch.equal(found[1, :3], alone[1](torch.ones(3, 5, 3)))
