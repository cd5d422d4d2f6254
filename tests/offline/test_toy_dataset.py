"""A new data set is one module and one entry: nothing else knows its name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bci_app.bundle import load_bundle
from bci_app.bundle.spec import Target
from offline import cli
from offline.datasets import DatasetEntry, DatasetInfo, Trial
from offline.datasets.labels import Threshold
from offline.datasets.registry import DATASETS
from offline.run import RunRecord

CHANNELS = ("Fz", "Cz", "Pz", "O1")
INFO = DatasetInfo(
    name="toy",
    title="Toys seen and unseen",
    source="this test",
    licence="the licence of toys",
    obtain="Ask the toymaker.",
    expected_files="*.toy",
    targets=(Target(name="joy", classes=("no", "yes")),),
    channels=CHANNELS,
    rate=128.0,
    rest_seconds=20.0,
    demo_subjects=("s0",),
    intended_use="Playing.",
    limitations="Not for cats.",
    caution="Toys were chosen by children.",
    bundle_name="toy-joy",
    bundle_title="Joy about toys",
)


@dataclass(frozen=True)
class Toys:
    """A file for each person, which holds the seed of the signals."""

    root: Path

    @property
    def info(self) -> DatasetInfo:
        return INFO

    def subjects(self) -> list[str]:
        return sorted(path.stem for path in self.root.glob("*.toy"))

    def files(self, subject: str) -> tuple[Path, ...]:
        return (self.root / f"{subject}.toy",)

    def trials(self, subject: str) -> Iterator[Trial]:
        rng = np.random.default_rng(int(self.files(subject)[0].read_text()))
        rest = rng.normal(0, 10, (40 * 128, 4))
        if subject == "s1":
            rest[:, 1] = 2 * rest[:, 0]
        first = Trial(subject, "1", "1", rest, 128.0, CHANNELS, {"joy": 0}, scored_from=20 * 128)
        yield first
        seen = 2 * rng.normal(0, 10, rest.shape)
        yield replace(first, trial="2", data=seen, labels={"joy": 1}, rest=rest, scored_from=0)


def _open(root: Path, _: Threshold) -> Toys:
    return Toys(root)


def test_a_toy_goes_from_one_entry_through_windows_run_report_and_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DATASETS, "toy", DatasetEntry(info=INFO, open=_open))
    for number in range(5):
        (tmp_path / f"s{number}.toy").write_text(str(number))

    listed = CliRunner().invoke(cli.app, ["datasets", "--root", str(tmp_path)], catch_exceptions=False)
    assert "5 subjects in" in listed.output
    assert "Ask the toymaker." in listed.output

    out = tmp_path / "run"
    options = "--folds 2 --epochs 1 --finetune 1 --processes 1"
    command = ["run", "--dataset", "toy", "--root", str(tmp_path), "--out", str(out), *options.split()]
    result = CliRunner().invoke(cli.app, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "search: none, one network of middle size (48 wide, 2 layers of 2 heads, MLP ratio 2)" in result.output

    spec = load_bundle(out / "bundle" / "toy-joy").spec
    card = spec.provenance
    assert (spec.title, card.dataset, card.licence) == ("Joy about toys", INFO.title, INFO.licence)
    assert card.intended_use == "Playing."
    assert card.limitations.startswith("Not for cats.")
    assert card.held_out_subjects == ("s0",)
    assert "s0" not in (*card.train_subjects, *card.validation_subjects)
    assert INFO.caution in card.protocol_description
    assert "each fold trains its own networks" in card.protocol_description
    page = (out / "report.html").read_text()
    for words in (
        INFO.title,
        INFO.caution,
        "the same signal in trials 1: Fz and Cz",
        "Nothing was searched",
        "block 2",
    ):
        assert words in page
    for words in ("ound subnet", "upernet", "hypervolume", "argest subnet"):
        assert words not in page
    record = RunRecord.read(out)
    assert len({(n.embed_dim, n.heads, n.mlp_ratios) for n in (*record.protocols[0].networks, *record.final)}) == 1
    assert set(record.protocols[0].scores) - {"subnet"} == {"found", "inherited", "reference"}
    assert "--search" not in record.command

    from bci_app.cli.app import main

    monkeypatch.setattr(sys, "argv", ["bci-app", "check", str(out / "bundle" / "toy-joy")])
    with pytest.raises(SystemExit, match="0"):
        main()
    again = CliRunner().invoke(cli.app, [*command, "--search-controls"])
    assert again.exit_code == 1
    assert "belongs to another run" in str(again.exception)
    assert "s1: the same signal in trials 1: Fz and Cz" in result.output
