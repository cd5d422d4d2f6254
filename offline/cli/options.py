"""The options of the command line that several commands take."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer


class NetworksChoice(StrEnum):
    """A network for each target, or one with a head a target."""

    each = "each"
    shared = "shared"


class SearchChoice(StrEnum):
    """How the space is searched."""

    none = "none"
    evolution = "evolution"
    nsga2 = "nsga2"


class DeviceChoice(StrEnum):
    """Where networks are trained, searched and scored."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


class EngineChoice(StrEnum):
    """What runs the jobs of a sweep."""

    local = "local"
    ray = "ray"


class PrecisionChoice(StrEnum):
    """Precision of matrix products."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


DatasetOption = Annotated[str, typer.Option(help="Name of the data set; `bci-offline datasets` lists them.")]
OutOption = Annotated[Path, typer.Option("--out", help="Folder of the run; the same command goes on with it.")]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")]
PresetOption = Annotated[str, typer.Option(help="paper or compact")]
RootOption = Annotated[
    Path | None, typer.Option(help="Folder or file of the data set; the folder of downloads if none.")
]
ProtocolOption = Annotated[
    str | None,
    typer.Option(
        help="By commas: paper, trial, session, subjects, loso, stimulus, loso+stimulus; the preset's if none."
    ),
]
FoldsOption = Annotated[
    int | None,
    typer.Option(min=1, help="Folds (a subject); the protocol's own if none. 1 runs the first of them only."),
]
SubjectsOption = Annotated[
    str | None, typer.Option(help="Subjects, by commas, or how many (the first ones); all if none.")
]
TargetsOption = Annotated[str | None, typer.Option(help="Targets, by commas; all but liking if none.")]
EpochsOption = Annotated[int | None, typer.Option(min=1, help="Epochs of training; the preset's if none.")]
RecipeOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Another setting of the training recipe, as often as need be: mixup=0.4, sandwich=2, time_mask=0.2, …",
    ),
]
SearchSettingOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Another setting of the search, as often as need be: population=40, accuracy_weight=1 (λ1), "
        "size_weight=0.5 (λ2), size_unit=1000000 (parameters in a unit of size), …",
    ),
]
ThresholdOption = Annotated[
    str | None, typer.Option(help="What makes a rating high: >5, >=3, …; the data set's own if none.")
]
GenerationsOption = Annotated[int | None, typer.Option(min=1, help="Generations of the search.")]
FinetuneOption = Annotated[int | None, typer.Option(min=0, help="Epochs of fine-tuning the network.")]
NetworksOption = Annotated[
    NetworksChoice | None, typer.Option(help="A network for each target, or one with a head a target.")
]
SearchOption = Annotated[
    SearchChoice | None,
    typer.Option(
        help="No search but one network of middle size, the paper's evolution, or NSGA-II over error and parameters. "
        "If it is left out: what the folder was begun with; else evolution in the preset paper, and in compact none, "
        "or evolution where --generations, --search-setting, --search-controls, --latency or --from ask for it."
    ),
]
SearchControlsOption = Annotated[
    bool | None,
    typer.Option(
        "--search-controls/--no-search-controls",
        help="Compare the search with a random one, the largest and a median subnet, and inherited weights with "
        "separate training. On in the preset paper; in compact it takes most of the time of a run, and is asked for.",
    ),
]
SearchSampleOption = Annotated[
    int | None,
    typer.Option(min=8, help="Subnets that are trained by themselves for --search-controls; 8 if none."),
]
FromOption = Annotated[
    str | None,
    typer.Option("--from", help="Begin with the weights and the preprocessing of this bundle, not from nothing."),
]
LatencyOption = Annotated[bool, typer.Option("--latency", help="Measure latency; NSGA-II minimises it too.")]
SeedOption = Annotated[int, typer.Option(min=0, max=2**31 - 1, help="The only source of randomness.")]
SeedsOption = Annotated[
    int,
    typer.Option(min=1, help="So many seeds, from --seed on: runs in OUT/seed-0, OUT/seed-1, …, and a comparison."),
]
ExportOption = Annotated[Path | None, typer.Option("--export", help="Folder of the bundle; OUT/bundle/NAME if none.")]
NameOption = Annotated[str | None, typer.Option(help="Name of the bundle.")]
Int8Option = Annotated[
    bool, typer.Option("--int8", help="Bundle of 8-bit weights; what they cost is measured on the test windows.")
]
BadChannelsOption = Annotated[
    bool,
    typer.Option(
        "--bad-channels",
        help="Measure what bad channels cost on the test windows, and allow as many as cost little.",
    ),
]
CacheOption = Annotated[Path | None, typer.Option(help="Folder in which windows are kept for other runs.")]
ProcessesOption = Annotated[int | None, typer.Option(min=1, help="Networks at once; one a core if none.")]
BaselinesOption = Annotated[
    str | None,
    typer.Option(
        "--baselines",
        help="Methods to compare with on the same windows and folds, by commas, or all: eegnet, riemann, svm-power, …",
    ),
]
DeviceOption = Annotated[
    DeviceChoice, typer.Option(help="Where to compute. Results are identical to the last bit on cpu only.")
]
PrecisionOption = Annotated[
    PrecisionChoice, typer.Option(help="Precision of matrix products; bf16 on cuda and fp32 elsewhere if auto.")
]
FuseOption = Annotated[
    str, typer.Option(metavar="auto|N", help="Networks trained together on stacked weights; auto: by device and size.")
]


@dataclass(frozen=True)
class RunOptions:
    """What determines the result of a run, and its folder."""

    dataset: DatasetOption
    out: OutOption
    preset: PresetOption = "compact"
    root: RootOption = None
    protocol: ProtocolOption = None
    folds: FoldsOption = None
    subjects: SubjectsOption = None
    targets: TargetsOption = None
    threshold: ThresholdOption = None
    epochs: EpochsOption = None
    recipe: RecipeOption = None
    generations: GenerationsOption = None
    finetune: FinetuneOption = None
    networks: NetworksOption = None
    search: SearchOption = None
    search_setting: SearchSettingOption = None
    search_controls: SearchControlsOption = None
    search_sample: SearchSampleOption = None
    latency: LatencyOption = False
    from_: FromOption = None
    seed: SeedOption = 0


@dataclass(frozen=True)
class DeviceOptions:
    """Where a run computes."""

    cache: CacheOption = None
    processes: ProcessesOption = None
    device: DeviceOption = DeviceChoice.auto
    precision: PrecisionOption = PrecisionChoice.auto


@dataclass(frozen=True)
class ComputeOptions(DeviceOptions):
    """Where a run computes on one machine."""

    fuse: FuseOption = "auto"


@dataclass(frozen=True)
class BundleOptions:
    """What is made of a run in the end."""

    export: ExportOption = None
    name: NameOption = None
    int8: Int8Option = False
    bad_channels: BadChannelsOption = False
    baselines: BaselinesOption = None


def with_option_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that takes one option for each field of its parameters that are dataclasses of options."""
    signature = inspect.signature(command, eval_str=True)
    groups: dict[str, Any] = {
        name: each.annotation for name, each in signature.parameters.items() if is_dataclass(each.annotation)
    }
    parameters = []
    for name, parameter in signature.parameters.items():
        if name not in groups:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        hints = get_type_hints(groups[name], include_extras=True)
        for field in fields(groups[name]):
            default = inspect.Parameter.empty if field.default is MISSING else field.default
            kind = inspect.Parameter.KEYWORD_ONLY
            parameters.append(inspect.Parameter(field.name, kind, default=default, annotation=hints[field.name]))

    @functools.wraps(command)
    def called(**values: object) -> None:
        made = {
            name: group(**{field.name: values.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**made, **values)

    called.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called
