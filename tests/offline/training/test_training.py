"""Training: what a recipe asks for happens, and a run is its seed's, however often it is killed."""

import time
from copy import deepcopy
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from bci_app.errors import BciError, FileError
from offline.supernet.model import Network
from offline.supernet.space import SearchSpace
from offline.training import Epoch, Examples, History, Job, Recipe, losses, predict
from offline.training.augment import augment
from tests.offline.processes import start

SPACE = SearchSpace("small", (8, 16), (2, 4), (1.0, 2.0), (1, 2, 3))
CLASSES = (2, 3)


def train(network: Network, recipe: Recipe, data: Examples, **options: Any) -> History:
    return Job(network, recipe, data, space=SPACE, **options).train()


def model(*, seed: int = 0) -> Network:
    torch.manual_seed(seed)
    return Network(SPACE.largest, n_channels=4, n_features=5, class_counts=CLASSES)


def examples(n: int = 96, *, seed: int = 0) -> Examples:
    rng = np.random.default_rng(seed)
    labels = np.stack([rng.integers(0, c, n) for c in CLASSES], axis=1)
    tokens = rng.standard_normal((n, 4, 5)).astype(np.float32)
    for target in range(2):
        tokens[np.arange(n), target, labels[:, target]] += 4.0
    return Examples(tokens, labels)


FULL = Recipe(
    epochs=5,
    batch_size=32,
    optimizer="adamw",
    learning_rate=3e-3,
    weight_decay=0.01,
    warm_up=1,
    dropout=0.3,
    label_smoothing=0.1,
    class_weights=True,
    mixup=0.4,
    feature_noise=0.1,
    channel_dropout=0.2,
    time_mask=0.5,
    average=0.9,
)


def same(first: Network, second: Network) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


@pytest.mark.parametrize(
    "changes",
    [{}, {"sandwich": 2}, {"average": 0.0, "optimizer": "adam"}],
    ids=["random subnet", "sandwich", "adam"],
)
def test_a_planted_effect_is_learnt_by_every_corner_of_the_space(changes: dict[str, object]) -> None:
    recipe = Recipe(epochs=14, batch_size=32, learning_rate=2e-2).model_copy(update=changes)
    net = model()
    history = train(net, recipe, examples(600), seed=1, validation=examples(100, seed=7))
    assert len(history.epochs) == 14
    assert history.epochs[-1].validation_accuracy is not None
    test = examples(300, seed=9)
    for arch in (SPACE.smallest, SPACE.largest):
        found = predict(net, test.tokens, arch).argmax(-1).numpy()
        accuracy = (found == test.labels).mean(axis=0)
        assert (accuracy > 0.75).all()  # chance is 0.50 and 0.33


def test_two_runs_from_one_seed_are_bit_identical_and_another_seed_differs() -> None:
    nets = [model() for _ in range(3)]
    for net, seed in zip(nets, (1, 1, 2), strict=True):
        torch.randn(3)  # the global generator must not matter
        train(net, FULL, examples(), seed=seed)
    assert same(nets[0], nets[1])
    assert not same(nets[0], nets[2])


def test_results_do_not_depend_on_where_an_array_lies_in_memory() -> None:
    data = examples()
    nets, found = [], []
    for offset in (0, 4, 16, 36):
        memory = np.empty(data.tokens.nbytes + 128, dtype=np.uint8)
        start = -memory.ctypes.data % 64 + offset
        moved = memory[start : start + data.tokens.nbytes].view(np.float32).reshape(data.tokens.shape)
        moved[:] = data.tokens
        net = model()
        train(net, FULL.model_copy(update={"epochs": 1}), Examples(moved, data.labels), seed=1)
        nets.append(net)
        found.append(predict(net, moved, SPACE.largest))
    assert all(same(net, nets[0]) for net in nets)
    assert all(torch.equal(logits, found[0]) for logits in found)


@pytest.mark.parametrize("sandwich", [0, 1])
def test_a_step_is_adam_on_the_mean_cross_entropy_and_the_average_starts_at_the_first_weights(sandwich: int) -> None:
    data, recipe = examples(8), Recipe(epochs=1, batch_size=8, learning_rate=0.1, average=0.5, sandwich=sandwich)
    net, by_hand = model().double(), model().double()
    first = {name: value.detach().clone() for name, value in by_hand.named_parameters()}
    train(net, recipe.model_copy(update={"learning_rate": 0.1, "warm_up": 2}), data, seed=1, arch=SPACE.largest)
    logits = by_hand(torch.from_numpy(data.tokens).double()).logits
    labels = torch.from_numpy(data.labels)
    loss = sum(torch.nn.functional.cross_entropy(logits[:, t, :n], labels[:, t]) for t, n in enumerate(CLASSES)) / 2
    assert isinstance(loss, torch.Tensor)
    loss.backward()
    torch.optim.Adam(by_hand.parameters(), lr=0.05).step()  # halfway through the warm-up
    found = dict(net.named_parameters())
    for name, value in by_hand.named_parameters():
        # (1 + 0) / (10 + 0) of the average stays after the first step
        torch.testing.assert_close(found[name], 0.1 * first[name] + 0.9 * value, rtol=1e-6, atol=1e-9)


def test_training_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.randn(3)
    torch.manual_seed(5)
    train(model_before := model(), FULL.model_copy(update={"epochs": 1}), examples(), seed=1)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    train(model_before, FULL.model_copy(update={"epochs": 1}), examples(), seed=2)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(torch.randn(3), expected)


def test_early_stopping_keeps_the_weights_of_the_best_epoch() -> None:
    recipe = Recipe(epochs=60, batch_size=16, learning_rate=2e-2, patience=2)
    few, validation = examples(32), examples(200, seed=3)
    net = model()
    after: list[dict[str, torch.Tensor]] = []
    history = train(
        net, recipe, few, seed=1, validation=validation, on_epoch=lambda _: after.append(deepcopy(net.state_dict()))
    )
    best = after[history.best - 1]
    assert all(torch.equal(value, best[name]) for name, value in net.state_dict().items())
    found = [epoch.validation_loss for epoch in history.epochs]
    assert len(found) < 60
    assert history.best == 1 + int(np.argmin(np.array(found, dtype=float)))
    assert len(found) == history.best + 3
    shorter = model()
    again = train(shorter, recipe, few, seed=1, validation=validation)
    assert again == history
    assert same(net, shorter)


def test_patience_without_validation_is_refused() -> None:
    with pytest.raises(ValueError, match="validation"):
        train(model(), Recipe(epochs=1, patience=2), examples(), seed=0)


class Interrupted(Exception):  # noqa: N818
    pass


@pytest.mark.parametrize("changes", [{}, {"patience": 2, "sandwich": 1}], ids=["random subnet", "sandwich"])
def test_a_run_stopped_after_any_epoch_ends_as_if_it_never_was(tmp_path: Path, changes: dict[str, object]) -> None:
    recipe = FULL.model_copy(update=changes)
    validation = examples(64, seed=2)
    unbroken = model()
    expected = train(unbroken, recipe, examples(), seed=4, validation=validation)
    for stop in range(1, len(expected.epochs) + 1):
        path = tmp_path / f"{stop}.safetensors"

        def interrupt(epoch: Epoch, stop: int = stop) -> None:
            if epoch.epoch == stop:
                raise Interrupted

        with pytest.raises(Interrupted):
            train(
                model(),
                recipe,
                examples(),
                seed=4,
                validation=validation,
                checkpoint=path,
                on_epoch=interrupt,
            )
        resumed = model()
        seen: list[Epoch] = []
        history = train(
            resumed, recipe, examples(), seed=4, validation=validation, checkpoint=path, on_epoch=seen.append
        )
        assert history == expected
        assert tuple(seen) == expected.epochs
        assert same(resumed, unbroken)


def train_forty_epochs(folder: Path, name: str) -> None:
    torch.set_num_threads(1)
    net, recipe = model(), FULL.model_copy(update={"epochs": 40})

    def note(epoch: Epoch) -> None:
        (folder / f"{name}.epoch").write_text(str(epoch.epoch))

    train(net, recipe, examples(), seed=4, checkpoint=folder / f"{name}.checkpoint", on_epoch=note)
    save_file(net.state_dict(), folder / name)


def test_a_run_killed_by_the_system_resumes_to_bit_identical_weights(tmp_path: Path) -> None:
    def begin(name: str) -> BaseProcess:
        return start(train_forty_epochs, tmp_path, name, errors=tmp_path / "errors")

    def finish(process: BaseProcess) -> None:
        process.join(200)
        assert process.exitcode == 0, (tmp_path / "errors").read_text()

    finish(begin("unbroken"))
    process, reached = begin("killed"), tmp_path / "killed.epoch"
    while not reached.exists() or int(reached.read_text() or 0) < 17:
        assert process.is_alive()
        time.sleep(0.002)
    time.sleep(0.01)  # somewhere within a step or a write
    process.kill()
    process.join()
    assert not (tmp_path / "killed").exists()
    finish(begin("killed"))
    expected, found = load_file(tmp_path / "unbroken"), load_file(tmp_path / "killed")
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


@pytest.mark.parametrize("other", ["seed", "recipe", "data", "weights"])
def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path, other: str) -> None:
    path = tmp_path / "checkpoint.safetensors"
    recipe = Recipe(epochs=1)
    train(model(), recipe, examples(), seed=1, checkpoint=path)
    with pytest.raises(
        FileError, match=r"another training run: found identity [0-9a-f]{12}, expected [0-9a-f]{12} for"
    ):
        train(
            model(seed=1 if other == "weights" else 0),
            Recipe(epochs=2) if other == "recipe" else recipe,
            examples(seed=5 if other == "data" else 0),
            seed=2 if other == "seed" else 1,
            checkpoint=path,
        )


@pytest.mark.parametrize("changes", [{"learning_rate": 1e30}, {"learning_rate": 1e30, "epochs": 2, "batch_size": 512}])
@pytest.mark.parametrize("validated", [True, False])
def test_training_that_diverges_ends_in_one_message_and_keeps_no_checkpoint(
    tmp_path: Path, changes: dict[str, object], validated: bool
) -> None:
    recipe = Recipe(epochs=4, batch_size=32).model_copy(update=changes)
    validation = examples(40, seed=7) if validated else None
    with pytest.raises(BciError, match=r"has diverged: found (losses|weights) .* in epoch [12],.*smaller --recipe"):
        train(model(), recipe, examples(), seed=1, validation=validation, checkpoint=tmp_path / "c.safetensors")
    kept = tmp_path / "c.safetensors"
    assert not kept.exists() or all(torch.isfinite(value).all() for value in load_file(kept).values())


def test_what_diverged_is_named() -> None:
    tokens, labels = examples()
    for recipe, data, what in (
        (Recipe(epochs=1), Examples(np.full_like(tokens, np.nan), labels), "losses"),
        (Recipe(epochs=2, batch_size=512, learning_rate=1e39), examples(), "weights"),
    ):
        with pytest.raises(BciError, match=f"found {what} that are no numbers in epoch 1"):
            train(model(), recipe, data, seed=1)


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(FileError, match=r"Cannot read the checkpoint checkpoint\.safetensors"):
        train(model(), Recipe(epochs=1), examples(), seed=1, checkpoint=path)


def test_the_learning_rate_rises_linearly_and_falls_as_a_cosine() -> None:
    recipe = Recipe(epochs=10, learning_rate=2.0, warm_up=2)
    assert [recipe.learning_rate_at(e) for e in (0, 1, 2)] == [0, 1, 2]
    assert recipe.learning_rate_at(6) == pytest.approx(1.0)
    assert recipe.learning_rate_at(10) == pytest.approx(0.0)


def test_the_loss_does_not_see_the_padding_of_missing_classes() -> None:
    logits = torch.randn(6, 2, 3)
    labels = torch.stack([torch.arange(6) % 2, torch.arange(6) % 3], dim=1)
    smoothed = losses.smooth(losses.one_hot(labels, CLASSES), 0.1)
    padded = logits.clone()
    padded[:, 0, 2] = -1e4
    assert torch.equal(losses.cross_entropy(logits, smoothed), losses.cross_entropy(padded, smoothed))
    expected = sum(
        torch.nn.functional.cross_entropy(logits[:, t, :n], labels[:, t], label_smoothing=0.1)
        for t, n in enumerate(CLASSES)
    )
    assert losses.cross_entropy(logits, smoothed) == pytest.approx(float(expected) / 2, rel=1e-5)


def test_class_weights_make_rare_classes_count_the_same() -> None:
    labels = torch.tensor([[0], [0], [0], [1]])
    (weights,) = losses.inverse_frequencies(labels, (2,))
    assert weights[labels[:, 0]].mean() == pytest.approx(1.0)
    assert 3 * weights[0] == pytest.approx(float(weights[1]))


def test_augmentation_changes_what_it_says_and_nothing_else() -> None:
    tokens, labels = torch.randn(256, 6, 20), [torch.nn.functional.one_hot(torch.arange(256) % 2).float()]
    quiet = Recipe(epochs=1)

    def apply(**changes: float) -> tuple[torch.Tensor, list[torch.Tensor]]:
        return augment(tokens, labels, quiet.model_copy(update=changes), torch.Generator().manual_seed(0))

    same_tokens, same_labels = apply()
    assert torch.equal(same_tokens, tokens)
    assert torch.equal(same_labels[0], labels[0])
    dropped = apply(channel_dropout=0.5)[0]
    zero = (dropped == 0).all(-1)
    assert 0.3 < zero.float().mean() < 0.7
    assert torch.equal(dropped[~zero], tokens[~zero])
    masked = apply(time_mask=0.5)[0] == 0
    assert torch.equal(masked, masked[:, :1].expand_as(masked))
    assert set(masked[:, 0].sum(-1).tolist()) == set(range(11))
    assert bool(masked[:, 0].any(0).all())
    assert bool(((masked[:, 0].int().diff(dim=-1) != 0).sum(-1) <= 2).all())
    labels = [torch.eye(256)]
    mixed, (shares,) = apply(mixup=0.4)
    torch.testing.assert_close(mixed.flatten(1), shares @ tokens.flatten(1))
    torch.testing.assert_close(shares.sum(-1), torch.ones(256))
    own = shares.diagonal()
    assert float(own.mean()) == pytest.approx(0.5, abs=0.08)
    assert float(((own < 0.1) | (own > 0.9)).float().mean()) > 0.3  # of Beta(0.4, 0.4)
    noise = apply(feature_noise=0.3)[0] - tokens
    assert float(noise.std()) == pytest.approx(0.3, rel=0.05)


def test_read_only_arrays_can_be_trained_on_and_predicted() -> None:
    data = examples()
    for array in data:
        array.setflags(write=False)
    net = model()
    train(net, Recipe(epochs=1), data, seed=1, validation=data)
    assert predict(net, data.tokens, SPACE.smallest).shape == (96, 2, 3)


@pytest.mark.parametrize(
    ("windows", "batch", "epochs"),
    [(900, 64, 16), (899, 16, 8), (482, 16, 8), (432, 16, 9), (96, 16, 38), (10, 16, 225)],
)
def test_few_windows_make_small_batches_and_then_more_epochs(windows: int, batch: int, epochs: int) -> None:
    recipe = Recipe(epochs=16, batch_size=64, steps=225, few_epochs=8)
    small = recipe.for_windows(windows)
    assert (small.batch_size, small.epochs) == (batch, epochs)
    assert recipe.model_copy(update={"few_epochs": 0}).for_windows(482).epochs == 16
    assert Recipe(epochs=2, batch_size=64).for_windows(windows).epochs == 2
