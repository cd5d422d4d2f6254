"""What bad electrodes cost: networks on people or trials that were in no training, with channels replaced.

Channels are replaced in the two ways that a live session knows: by spherical splines of the others, after the filters
(`Pipeline.set_bad`), or by tokens as at rest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from bci_app.bundle.spec import BadChannelLoss
from bci_app.errors import ChannelError, DatasetError
from bci_app.montage.interpolation import interpolation_weights
from bci_app.preprocessing import Rest, Window
from bci_app.preprocessing.spec import NoBaseline, PreprocessingSpec
from offline.datasets.base import Dataset, Split, Trial, WindowSet
from offline.datasets.windows import scored_windows, trial_pipeline, trial_tokens
from offline.metrics import balanced_accuracy, mean_over, scored_apart
from offline.supernet.model import Network

COUNTS = (1, 2, 3, 4, 6)
"""How many channels are replaced."""

DRAWS = 8
"""Random choices of so many channels."""

LARGEST_LOSS = 0.01
"""Balanced accuracy that bad channels may cost on average."""

_LEAST_GOOD = 4

Method = Literal["interpolate", "rest"]
Tokens = NDArray[np.float32]


@dataclass(frozen=True)
class FoldNetwork:
    """A found subnet, the split that it was made by, and the targets that it predicts."""

    network: Network
    split: Split
    targets: tuple[str, ...]


def require_positions(spec: PreprocessingSpec) -> None:
    """Check that the channels of a model can be interpolated.

    Raises
    ------
    DatasetError
        If one has no standard position, or there are too few.
    """
    try:
        interpolation_weights(spec.channels, (0,))
    except ChannelError as error:
        raise DatasetError(
            "Interpolation cannot be measured on these channels", found=error.found, expected=error.expected
        ) from error


def bad_channel_losses(
    dataset: Dataset,
    spec: PreprocessingSpec,
    windows: WindowSet,
    networks: Sequence[FoldNetwork],
    *,
    within_subject: bool,
    seed: int,
    draws: int = DRAWS,
) -> tuple[BadChannelLoss, ...]:
    """Score the test windows of every fold with randomly chosen channels replaced.

    Parameters
    ----------
    dataset : Dataset
        Where the windows came from.
    spec : PreprocessingSpec
        What made them.
    windows : WindowSet
        All windows of the run.
    networks : sequence of FoldNetwork
        Each is scored on the test windows of its split and on nothing else.
    within_subject : bool
        Whether each subject has its own networks; each is scored apart then, as in the run's scores.
    seed : int
        Of the choice of channels; a choice holds for all recordings.
    draws : int
        Choices of each number of channels; all of them where there are no more.

    Returns
    -------
    tuple of BadChannelLoss
        By target, then by method, then by number of channels.
    """
    n_channels = len(spec.channels)
    rng = np.random.default_rng(seed)
    choices = {count: _choices(n_channels, count, draws, rng) for count in COUNTS if n_channels - count >= _LEAST_GOOD}

    def scores_of(tokens: Tokens) -> dict[str, float]:
        return _scores(windows, networks, tokens, within_subject=within_subject)

    before = scores_of(windows.tokens)
    methods: tuple[Method, ...] = ("interpolate",) if isinstance(spec.baseline, NoBaseline) else ("interpolate", "rest")
    rests: dict[tuple[str, int], Rest | None] = {}
    scores: dict[tuple[Method, int], list[tuple[dict[str, float], ...]]] = {}
    for count, masks in choices.items():
        for mask in masks:
            both = with_interpolated(dataset, spec, windows, mask, rests)
            for method in methods:
                if method == "rest":
                    for tokens in both:
                        tokens[:, mask] = 0.0
                row = tuple(scores_of(tokens) for tokens in both)
                scores.setdefault((method, count), []).append(row)
    found = []
    for target, full in before.items():
        for method in methods:
            for count in choices:
                rows = scores[method, count]
                throughout, after = (float(np.mean([row[kind][target] for row in rows])) for kind in (0, 1))
                found.append(
                    BadChannelLoss(
                        target=target,
                        method=method,
                        channels=count,
                        draws=len(rows),
                        balanced_accuracy=throughout,
                        balanced_accuracy_after_rest=after,
                        loss=full - throughout,
                        loss_after_rest=full - after,
                    )
                )
    return tuple(found)


class Allowed(NamedTuple):
    """What stands for bad channels, and the largest share of the channels that may be bad."""

    method: Method
    share: float


def allowed_share(losses: Sequence[BadChannelLoss], n_channels: int, *, largest: float = LARGEST_LOSS) -> Allowed:
    """Choose what stands for bad channels and how many may be bad, by what it costs.

    A number of bad channels is allowed if no target loses more balanced accuracy than `largest` with so many or fewer
    of them, whether they are bad throughout or after the rest baseline. The method that allows more channels is
    chosen, and interpolation if both allow as many.
    """
    allowed: dict[Method, int] = {"interpolate": 0}
    for method in dict.fromkeys(loss.method for loss in losses):
        of_method = [loss for loss in losses if loss.method == method]
        allowed[method] = 0
        for count in sorted({loss.channels for loss in of_method}):
            if any(loss.worst > largest for loss in of_method if loss.channels == count):
                break
            allowed[method] = count
    best = max(allowed, key=lambda method: (allowed[method], method == "interpolate"))
    # Rounded up: the share of so many channels itself must pass.
    return Allowed(best, math.ceil(1e4 * allowed[best] / n_channels) / 1e4)


def _choices(n_channels: int, count: int, draws: int, rng: np.random.Generator) -> list[NDArray[np.bool_]]:
    """Draw different sets of channels, as masks."""
    wanted = min(draws, math.comb(n_channels, count))
    chosen: dict[tuple[int, ...], None] = {}
    while len(chosen) < wanted:
        chosen[tuple(sorted(rng.choice(n_channels, count, replace=False).tolist()))] = None
    masks = np.zeros((wanted, n_channels), dtype=np.bool_)
    for mask, channels in zip(masks, chosen, strict=True):
        mask[list(channels)] = True
    return list(masks)


def with_interpolated(
    dataset: Dataset,
    spec: PreprocessingSpec,
    windows: WindowSet,
    bad: NDArray[np.bool_],
    rests: dict[tuple[str, int], Rest | None],
) -> tuple[Tokens, Tokens]:
    """Make the windows again with channels interpolated: throughout, and after a rest baseline with all channels.

    `rests` keeps the rest baselines with all channels, by subject and number of the trial.
    """
    throughout, after = [], []
    for name in windows.subjects:
        for number, trial in enumerate(dataset.trials(name)):
            key = (name, number)
            if key not in rests:
                rests[key] = scored_windows(trial, spec, trial_pipeline(trial, spec))[1]
            made, rest = _scored(trial, spec, bad)
            throughout.append(trial_tokens(spec, made, rest))
            after.append(trial_tokens(spec, made, rests[key]))
    both = np.concatenate(throughout), np.concatenate(after)
    if len(both[0]) != len(windows):
        raise DatasetError(
            "The recordings have changed since their windows were made",
            found=f"{len(both[0])} windows",
            expected=str(len(windows)),
            fix="Start a new run in another folder.",
        )
    return both


def _scored(trial: Trial, spec: PreprocessingSpec, bad: NDArray[np.bool_]) -> tuple[list[Window], Rest | None]:
    pipeline = trial_pipeline(trial, spec, max_bad_share=1.0)
    pipeline.set_bad(bad)
    return scored_windows(trial, spec, pipeline)


def _scores(
    windows: WindowSet, networks: Sequence[FoldNetwork], tokens: Tokens, *, within_subject: bool
) -> dict[str, float]:
    """Return the balanced accuracy of each target over all test windows."""
    scores = {}
    for column, target in enumerate(windows.targets):
        predicted = np.full(len(windows), -1, dtype=np.int64)
        for fold in networks:
            if target.name in fold.targets and len(fold.split.test):
                with torch.inference_mode():
                    logits = fold.network(torch.from_numpy(np.ascontiguousarray(tokens[fold.split.test]))).logits
                row = logits[:, fold.targets.index(target.name), : len(target.classes)]
                predicted[fold.split.test] = row.argmax(dim=1).numpy()
        tested = predicted >= 0
        labels = windows.labels[tested, column]
        apart = scored_apart(labels, windows.subject[tested], within_subject=within_subject)
        scores[target.name] = mean_over(apart, balanced_accuracy, predicted[tested], labels)
    return scores
