"""The report: figures against scikit-learn, the leak warning, and a page that needs nothing beside it."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from jinja2 import ChoiceLoader, DictLoader
from sklearn.metrics import balanced_accuracy_score, f1_score
from typer.testing import CliRunner

from bci_app.bundle import load_bundle
from bci_app.bundle.golden import check_bundle
from bci_app.errors import FileError
from offline import cli
from offline.cli.display import run_tables
from offline.datasets.synth import synth
from offline.presets import PRESETS
from offline.protocols import LEAK_WARNING
from offline.report import Report, analyse, render, write_report
from offline.report import page as page_module
from offline.report.charts import curves, pareto, subjects
from offline.report.sections import SECTIONS
from offline.run import RunSettings, run
from offline.run.comparison import SearchComparison
from offline.run.record import ScoredWindows
from offline.supernet.space import SearchSpace
from tests.once import made_once

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def deap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run over synthetic DEAP files, with a leaking protocol beside one that does not."""
    return made_once(tmp_path_factory, "report", _run_over_deap) / "run"


def _run_over_deap(folder: Path) -> None:
    synth("deap", folder / "deap", subjects=2, trials=4)
    preset = PRESETS["compact"].changed(epochs=2, generations=2, finetune=1, search_controls=2)
    few = preset.search.model_copy(update={"population": 8, "kept": 4, "mutations": 2, "crossovers": 2})
    space = SearchSpace("tiny", (8, 16), (2,), (1.0, 2.0), (1, 2))
    settings = RunSettings(
        dataset="deap",
        preset=preset.model_copy(update={"search": few, "space": space}),
        protocols=("paper", "trial"),
        folds=2,
    )
    assert run(settings, folder / "run", root=folder / "deap") is not None


@pytest.fixture(scope="module")
def report(deap: Path) -> Report:
    return analyse(deap)


@pytest.fixture(scope="module")
def page(deap: Path) -> str:
    """The page that the command writes."""
    result = CliRunner().invoke(cli.app, ["report", str(deap)])
    assert result.exit_code == 0, result.output
    written = Path("".join(result.output.split()))
    assert written.name == "report.html"
    return written.read_text(encoding="utf-8")


def test_one_bundle_tells_valence_arousal_and_dominance_and_checks(deap: Path) -> None:
    loaded = load_bundle(deap / "bundle" / "deap-compact")
    assert [target.name for target in loaded.spec.targets] == ["valence", "arousal", "dominance"]
    assert check_bundle(loaded).windows >= 10
    assert loaded.spec.not_for_people
    assert loaded.spec.title == "Synthetic valence–arousal–dominance (not for use on people)"
    assert loaded.spec.provenance.protocol == "trial"
    assert not loaded.spec.provenance.leaks
    card = loaded.spec.provenance.protocol_description
    assert "one for all subjects together" in card
    assert "is scored apart" in card
    assert "4 folds of 2 subjects" in card
    assert "test windows of all folds" not in card


def test_figures_are_means_over_subjects_of_the_kept_predictions(deap: Path, report: Report) -> None:
    for protocol in report.protocols:
        tested = ScoredWindows.read(deap / protocol.name / "predictions.npz")
        for t, target in enumerate(protocol.targets):
            found, labels = tested.probabilities["found"][t].argmax(axis=1), tested.labels[:, t]
            figures, own = target.kinds["found"], [subject.found for subject in target.subjects]
            for code, score in enumerate(own):
                one = tested.subject == code
                assert score.balanced_accuracy == pytest.approx(balanced_accuracy_score(labels[one], found[one]))
                assert score.macro_f1 == pytest.approx(f1_score(labels[one], found[one], average="macro"))
            assert figures.balanced_accuracy == pytest.approx(np.mean([score.balanced_accuracy for score in own]))
            assert figures.macro_f1 == pytest.approx(np.mean([score.macro_f1 for score in own]))
            assert figures.accuracy == pytest.approx(np.mean(found == labels))
            assert np.sum(target.confusion) == figures.n_windows == len(labels) == sum(s.n_windows for s in own)
            assert sum(b.share for b in target.reliability) == pytest.approx(1)


def test_the_report_shows_the_scores_of_the_record(report: Report) -> None:
    for protocol in report.protocols:
        scores = report.record.protocol(protocol.name).scores
        for t, target in enumerate(protocol.targets):
            assert target.kinds == {kind: of_kind[t] for kind, of_kind in scores.items()}


def test_a_subject_of_one_class_has_no_balanced_figures_on_the_page(report: Report) -> None:
    protocol = report.protocols[1]
    target = protocol.targets[0]
    lacking = target.subjects[0].model_copy(update={"classes": 1})
    with_one = target.model_copy(update={"subjects": (lacking, *target.subjects[1:])})
    shown = protocol.model_copy(update={"targets": (with_one, *protocol.targets[1:])})
    page = render(report.model_copy(update={"protocols": (shown,)}))
    row = next(part for part in page.split("<tr>") if part.startswith(f"<td>{lacking.subject}<"))
    assert row.count("–") >= 4
    assert f"<b>{lacking.found.balanced_accuracy:.3f}</b>" not in row
    assert "scored apart" in page


def test_the_leak_warning_stands_in_every_section_that_shows_the_protocol(page: str, report: Report) -> None:
    assert [protocol.warning for protocol in report.protocols] == [f"paper {LEAK_WARNING}", None]
    for section in re.findall(r"<section>.*?</section>", page, flags=re.DOTALL):
        title = re.search(r"<h2>(.*?)</h2>", section)
        assert title is not None
        if title[1] in ("Result", "Subjects", "Supernet and found subnets"):
            assert f"paper {LEAK_WARNING}" in section
        if re.search(r'<span class="name">paper', section):
            assert '<span class="leaks">leaks</span>' in section


def test_the_page_is_whole_and_needs_nothing_beside_it(deap: Path, page: str) -> None:
    assert not re.search(r"<script|<link|<img|@import|url\((?!#)|src=", page)
    assert str(deap) not in page
    assert "nan" not in re.sub(r"[a-z]*nan[a-z]+|[a-z]+nan[a-z]*", "", page)
    pictures = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    assert len(pictures) >= 1 + 2 * 3 * 2 + 2 + 3
    for picture in pictures:
        assert ElementTree.fromstring(picture).find(f"{SVG}title") is not None
    for words in (
        "block 1",
        "hypervolume",
        "98.68 %",
        "liking",
        "not asked for",
        "Synthetic signals",
        "before fine-tuning",
    ):
        assert words in page
    open_tags: list[str] = []

    class Balance(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in ("meta", "br"):
                open_tags.append(tag)

        def handle_startendtag(self, tag: str, attrs: object) -> None:
            pass

        def handle_endtag(self, tag: str) -> None:
            assert open_tags.pop() == tag

    Balance().feed(page)
    assert not open_tags
    record = json.loads((deap / "report.json").read_text(encoding="utf-8"))
    assert set(record["protocols"][0]["targets"][0]["reliability"][0]) == {"confidence", "accuracy", "share"}
    assert record["protocols"][0]["warning"] == f"paper {LEAK_WARNING}"


def test_intervals_of_subjects_stay_within_their_picture(report: Report) -> None:
    protocol = report.protocols[1]
    target = protocol.targets[0]
    wide = target.subjects[0].found.model_copy(update={"interval": (0.02, 0.9)})
    one = target.subjects[0].model_copy(update={"found": wide})
    shown = protocol.model_copy(update={"targets": (target.model_copy(update={"subjects": (one,)}),)})
    drawn = ElementTree.fromstring(subjects(shown, 0))
    axis = 248 - 52  # height less the margin below
    lines = [path.attrib["d"] for path in drawn.iter(f"{SVG}path") if "stroke-width: 4" in path.attrib.get("style", "")]
    assert len(lines) == 1
    assert all(28 <= float(y) <= axis for y in re.findall(r"[ML] [\d.]+ ([\d.]+)", lines[0]))


def test_a_subject_is_named_under_the_pointer_whatever_it_is_called(report: Report) -> None:
    protocol = report.protocols[1]
    target = protocol.targets[0]
    odd = target.subjects[0].model_copy(update={"subject": '<b>"Ann" & Bo'})
    shown = protocol.model_copy(update={"targets": (target.model_copy(update={"subjects": (odd,)}),)})
    titles = [title.text or "" for title in ElementTree.fromstring(subjects(shown, 0)).iter(f"{SVG}title")]
    assert any(title.startswith('<b>"Ann" & Bo: 0.') for title in titles)


def test_a_curve_of_one_epoch_is_seen(report: Report) -> None:
    curve = report.searches[0].curve.model_copy(update={"train": (0.7,), "validation": (0.6,)})
    assert curves([curve]).count("<use") == 2


def test_a_section_is_one_template_and_one_line(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = DictLoader({"toy.html": "<section><h2>Toy</h2>{{ record.windows }} windows</section>"})
    monkeypatch.setattr(page_module, "TEMPLATES", ChoiceLoader([toy, page_module.TEMPLATES]))
    monkeypatch.setitem(SECTIONS, "toy", "toy.html")
    assert f"<h2>Toy</h2>{report.record.windows} windows" in render(report)


def test_the_search_shows_every_subnet_and_its_front(report: Report) -> None:
    (search,) = report.searches
    assert len(search.candidates) == search.network.evaluations
    front = [c for c in search.candidates if c.on_front]
    assert front
    for candidate in search.candidates:
        assert any(
            f.parameters <= candidate.parameters and f.validation_error <= candidate.validation_error + 1e-6
            for f in front
        )
    assert list(search.hypervolume) == sorted(search.hypervolume)
    assert len(search.fronts) == len(search.hypervolume)
    assert {point.parameters for point in search.fronts[-1]} == {candidate.parameters for candidate in front}
    picture = pareto(search)
    assert all(f">{generation}</text>" in picture for generation in (1, 2))


def test_inherited_weights_are_shown_where_they_were_fine_tuned(
    page: str, report: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = report.record.settings
    without = settings.model_copy(update={"preset": settings.preset.changed(finetune=0)})
    record = report.record.model_copy(update={"settings": without})
    assert "before fine-tuning" in page
    assert "before fine-tuning" not in render(report.model_copy(update={"record": record}))
    run_tables(report.record)
    assert "  inherited " in capsys.readouterr().out
    run_tables(record)
    shown = capsys.readouterr().out
    assert "  inherited " not in shown
    assert "protocol trial, each subject scored apart" in " ".join(shown.split())


def test_an_unfinished_run_has_no_report(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="No finished run"):
        write_report(tmp_path)
    (tmp_path / "result.json").write_text("{}")
    with pytest.raises(FileError, match=r"Cannot read result\.json"):
        write_report(tmp_path)


def test_preprocessing_in_words(report: Report) -> None:
    words = report.record.preprocessing.describe()
    assert words == "128 Hz; windows of 1 s every 1 s; log power in 4 bands; less the mean window of 3 s of rest"


def test_the_search_stands_beside_its_controls(report: Report, page: str) -> None:
    for protocol, name in zip(report.protocols, ("paper", "trial"), strict=True):
        assert [search.target for search in protocol.search] == [target.title for target in report.record.targets]
        for search, target in zip(protocol.search, protocol.targets, strict=True):
            assert (search.over, search.units, search.sample) == ("folds", 4, 2)
            assert search.evaluations == np.mean([n.evaluations for n in report.record.protocol(name).networks])
            assert {rival.kind for rival in search.rivals} == {"random", "largest", "median"} <= set(target.kinds)
            assert max(rival.parameters for rival in search.rivals) == report.record.largest
            assert search.verdict in page
    assert "Kendall" in page


def test_a_search_that_is_worth_nothing_is_said_to_be(report: Report) -> None:
    search = report.protocols[0].search[0]

    def with_results(difference: float, p: float | None, tau_p: float | None) -> SearchComparison:
        rivals = tuple(r.model_copy(update={"difference": difference, "p": p}) for r in search.rivals)
        return search.model_copy(update={"rivals": rivals, "tau": 0.4, "tau_of_size": 0.1, "tau_p": tau_p, "units": 9})

    few = {"units": 4}
    ranked_by_size = {"tau": 0.1, "tau_of_size": 0.4}
    nothing = with_results(-0.2, 0.001, 0.2)
    for each in (with_results(0.1, 0.3, 0.2), nothing, nothing.model_copy(update=few | ranked_by_size)):
        assert each.verdict.startswith("The search was worth nothing here")
    assert "too few folds (4)" in with_results(0.1, 0.3, 0.2).model_copy(update=few).verdict
    assert "better than: best of a random search" in with_results(0.1, 0.01, None).verdict
    assert "none of its controls; inherited weights" in with_results(0.1, 0.3, 0.01).verdict
