"""Fused training: jobs in a stack end as they end alone."""

from pathlib import Path

import pytest
import torch

from offline.device import CPU, Device
from offline.supernet.model import Network
from offline.supernet.space import ArchConfig
from offline.training import Epoch, History, Recipe, predict
from offline.training import fused as module
from offline.training.fused import automatic_fuse, predict_fused, train_fused
from offline.training.loop import Job
from tests.offline.training.test_training import FULL, SPACE, Interrupted, examples, model

SIZES = (96, 90, 95)
QUICK = FULL.model_copy(update={"epochs": 4})  # three steps an epoch


def jobs(
    recipe: Recipe,
    *,
    arch: ArchConfig | None = None,
    folder: Path | None = None,
    dtype: torch.dtype = torch.float64,
    **options: object,
) -> list[Job]:
    """Make jobs of other weights, windows and seeds."""
    return [
        Job(
            model(seed=number).to(dtype),
            recipe,
            examples(size, seed=number),
            space=SPACE,
            seed=10 + number,
            subnet_seed=5,
            arch=arch,
            validation=examples(40 + number, seed=20 + number),
            checkpoint=None if folder is None else folder / f"{number}.safetensors",
            **options,  # type: ignore[arg-type]
        )
        for number, size in enumerate(SIZES)
    ]


def require_same(found: list[tuple[Network, History]], expected: list[tuple[Network, History]]) -> None:
    for (network, history), (alone, alone_history) in zip(found, expected, strict=True):
        assert history.best == alone_history.best
        assert len(history.epochs) == len(alone_history.epochs)
        for name, value in alone.state_dict().items():
            torch.testing.assert_close(network.state_dict()[name], value, rtol=0, atol=1e-9)
        for epoch, other in zip(history.epochs, alone_history.epochs, strict=True):
            assert epoch.train_loss == pytest.approx(other.train_loss, abs=1e-6)
            assert epoch.validation_loss == pytest.approx(other.validation_loss, abs=1e-9)
            assert epoch.validation_accuracy == other.validation_accuracy


def run(given: list[Job], fuse: int) -> list[tuple[Network, History]]:
    return list(zip([job.model for job in given], train_fused(given, fuse=fuse), strict=True))


@pytest.mark.parametrize(
    ("changes", "arch", "fuse"),
    [
        ({}, None, 2),
        ({"sandwich": 1}, None, 3),
        ({}, ArchConfig(8, (2, 4), (1.0, 2.0)), 3),
        # With decay in the gradient, Adam would blow up rounding in the biases of keys, which softmax cancels.
        ({"average": 0.0, "optimizer": "adam", "weight_decay": 0.0, "class_weights": False}, None, 2),
    ],
    ids=["everything", "sandwich", "one subnet", "adam"],
)
def test_fused_training_is_single_training(changes: dict[str, object], arch: ArchConfig | None, fuse: int) -> None:
    recipe = QUICK.model_copy(update=changes)
    assert [job.steps for job in jobs(recipe)] == [3, 3, 3]
    require_same(run(jobs(recipe, arch=arch), fuse), run(jobs(recipe, arch=arch), 1))


@pytest.mark.parametrize("fuse", [1, 3])
def test_half_precision_learns_the_same_with_weights_in_full_precision(fuse: int) -> None:
    half = Device("cpu", "bf16")
    recipe = Recipe(epochs=3, batch_size=32, dropout=0.1)
    given, reference = jobs(recipe, device=half, dtype=torch.float32), jobs(recipe)
    for (network, history), (_, expected) in zip(run(given, fuse), run(reference, 1), strict=True):
        assert network.position.dtype == torch.float32
        assert history != expected
        for epoch, other in zip(history.epochs, expected.epochs, strict=True):
            assert epoch.train_loss == pytest.approx(other.train_loss, abs=0.05)
            assert epoch.validation_loss == pytest.approx(other.validation_loss, abs=0.05)


def test_random_choices_differ_between_seeds_and_epochs_and_a_short_batch_joins_its_neighbour() -> None:
    def job(windows: int, seed: int) -> Job:
        return Job(model(), Recipe(epochs=2, batch_size=32), examples(windows), space=SPACE, seed=seed)

    assert [[len(rows) for rows in job(n, 1).draws().batches] for n in (40, 70, 80)] == [[40], [32, 38], [32, 32, 16]]
    one = job(40, 1)
    draws = [one.draws(), job(40, 2).draws()]
    one.train_epoch()
    draws.append(one.draws())
    assert len({found.dropout_seed for found in draws}) == 3
    assert len({found.augmentation.initial_seed() for found in draws}) == 3
    assert len({tuple(found.batches[0].tolist()) for found in draws}) == 3


def test_a_job_that_stops_early_leaves_the_stack() -> None:
    recipe = Recipe(epochs=12, batch_size=32, learning_rate=2e-2, patience=1)
    found = run(jobs(recipe), 3)
    lengths = {len(history.epochs) for _, history in found}
    assert len(lengths) > 1
    assert min(lengths) < recipe.epochs
    require_same(found, run(jobs(recipe), 1))


def test_a_stack_stopped_in_the_middle_resumes_alone_or_fused(tmp_path: Path) -> None:
    def interrupt(epoch: Epoch) -> None:
        if epoch.epoch == 3:
            raise Interrupted

    with pytest.raises(Interrupted):  # the first job has three epochs done, the others two
        train_fused(jobs(QUICK, folder=tmp_path, on_epoch=interrupt), fuse=3)
    require_same(run(jobs(QUICK, folder=tmp_path), 3), run(jobs(QUICK), 1))


def test_jobs_of_other_steps_or_settings_train_apart() -> None:
    mixed = [*jobs(QUICK)[:2], *jobs(QUICK.model_copy(update={"batch_size": 16}))[:2]]
    alone = [*jobs(QUICK)[:2], *jobs(QUICK.model_copy(update={"batch_size": 16}))[:2]]
    require_same(run(mixed, 4), run(alone, 1))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("memory", [3, 1])
def test_networks_are_asked_together_in_either_precision_and_one_by_one_where_memory_is_short(
    precision: str, memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = Device("cpu", precision)  # type: ignore[arg-type]
    models, windows = [model(seed=n).eval() for n in range(3)], [examples(size, seed=size).tokens for size in SIZES]
    stack = module.stack

    def limited(networks: list[Network]) -> Network:
        if len(networks) > memory:
            raise torch.OutOfMemoryError
        return stack(networks)

    monkeypatch.setattr(module, "stack", limited)
    for found, asked, own in zip(predict_fused(models, windows, fuse=3, device=device), models, windows, strict=True):
        alone = predict(asked, own, asked.arch, device=device)
        exact = predict(asked, own, asked.arch)
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, alone, rtol=0, atol=1e-5 if precision == "fp32" else 0.05)
        assert torch.equal(alone, exact) == (precision == "fp32")


def test_a_stack_that_needs_too_much_memory_is_halved(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sizes: list[int] = []
    stack = module.stack

    def full(networks: list[Network]) -> Network:
        sizes.append(len(networks))
        if len(networks) > 2:
            raise torch.OutOfMemoryError
        return stack(networks)

    monkeypatch.setattr(module, "stack", full)
    recipe = QUICK.model_copy(update={"epochs": 2})
    require_same(run(jobs(recipe), 3), run(jobs(recipe), 1))
    assert sizes == [3, 2, 2]  # in the second epoch a stack of three is not tried again
    assert caplog.messages == ["Memory is too small for 3 networks together: going on with 2."]


def test_a_processor_trains_one_by_one_and_an_accelerator_as_many_as_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = {"batch_size": 64, "tokens": 33, "width": 240, "depth": 10}
    assert automatic_fuse(7_000_000, device=CPU, **shape) == 1
    monkeypatch.setattr(Device, "free_bytes", lambda _: 100 * 2**30)
    assert automatic_fuse(7_000_000, device=CPU, **shape) > 32
    monkeypatch.setattr(Device, "free_bytes", lambda _: 2**20)
    assert automatic_fuse(7_000_000, device=CPU, **shape) == 1
