"""Candidates evaluated together: the scores, the winner and the store of one by one."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from offline.search.evaluation import ValidationEvaluator
from offline.search.evolution import Evolution, evolve
from offline.search.nsga2 import NsgaSettings, pareto_search
from offline.search.shared import predict_many
from offline.search.store import EvaluationStore, Metrics
from offline.supernet.model import Network
from offline.supernet.space import SPACES, ArchConfig, SearchSpace, sample
from offline.training import Examples, predict

SMALL = SearchSpace("small", (12, 24), (2, 3), (1.0, 1.5, 2.0), (1, 2, 3))


def network(space: SearchSpace) -> Network:
    torch.manual_seed(0)
    made = Network(space.largest, n_channels=5, n_features=7, class_counts=(2, 3))
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return made


def windows(n: int = 90) -> Examples:
    rng = np.random.default_rng(1)
    labels = np.stack([rng.integers(0, 2, n), rng.integers(0, 3, n)], axis=1)
    return Examples(rng.standard_normal((n, 5, 7)).astype(np.float32), labels)


@pytest.mark.parametrize("space", [SMALL, SPACES["compact"]], ids=["small", "compact"])
def test_many_subnets_at_once_have_the_logits_of_one_by_one(space: SearchSpace) -> None:
    model, rng = network(space), np.random.default_rng(2)
    archs = [space.smallest, space.largest, *(sample(space, rng) for _ in range(60))]
    for double in (True, False):
        model = model.double() if double else model.float()
        found = predict_many(model, windows().tokens, archs)
        assert len(found) == len(archs)
        for arch, logits in zip(archs, found, strict=True):
            expected = predict(model, windows().tokens, arch)
            torch.testing.assert_close(logits, expected, rtol=0, atol=1e-12 if double else 1e-5)


def test_windows_are_computed_in_halves_where_memory_is_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    model, archs = network(SMALL), [SMALL.smallest, SMALL.largest]
    expected = predict_many(model, windows().tokens, archs)
    embedded, sizes = Network.embedded, []

    def limited(self: Network, tokens: torch.Tensor, dim: int) -> torch.Tensor:
        sizes.append(len(tokens))
        if len(tokens) > most:
            raise torch.OutOfMemoryError
        return embedded(self, tokens, dim)

    monkeypatch.setattr(Network, "embedded", limited)
    most = 16
    for found, logits in zip(predict_many(model, windows().tokens, archs), expected, strict=True):
        torch.testing.assert_close(found, logits, rtol=0, atol=1e-5)
    assert max(sizes) > most
    most = 0
    with pytest.raises(torch.OutOfMemoryError):
        predict_many(model, windows().tokens, archs)


@pytest.mark.parametrize("strategy", ["evolution", "nsga2"])
def test_a_search_of_candidates_together_is_the_search_one_by_one(tmp_path: Path, strategy: str) -> None:
    together = ValidationEvaluator(network(SMALL), SMALL, windows())

    def one_by_one(archs: Sequence[ArchConfig]) -> Iterator[Metrics]:
        yield from map(together.alone, archs)

    found = []
    for name, evaluate in (("together", together), ("alone", one_by_one)):
        with EvaluationStore(tmp_path / name, identity=together.identity, evaluate=evaluate) as store:
            if strategy == "evolution":
                settings = Evolution(population=12, generations=4, kept=6, mutations=6, crossovers=6)
                best = evolve(SMALL, settings, store, seed=0).arch
            else:
                best = pareto_search(SMALL, NsgaSettings(population=8, generations=4), store, seed=0)[-1].arch
            found.append((best, store.all()))
    assert found[0][0] == found[1][0]
    assert [e.arch for e in found[0][1]] == [e.arch for e in found[1][1]]
    for mine, theirs in zip(found[0][1], found[1][1], strict=True):
        assert mine.metrics.loss == pytest.approx(theirs.metrics.loss, abs=1e-6)
        assert mine.metrics.accuracy == theirs.metrics.accuracy
        assert mine.metrics.balanced_accuracy == theirs.metrics.balanced_accuracy
        assert (mine.metrics.parameters, mine.generation) == (theirs.metrics.parameters, theirs.generation)
