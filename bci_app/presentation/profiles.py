"""The profiles that can be chosen for a bundle and a stream, or why not. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from bci_app.bundle.spec import Bundle
from bci_app.errors import BciError
from bci_app.learn.prequential import Rated
from bci_app.learn.profile import PROFILE_FILE, Profile, ProfileSpec, load_profile, profiles_folder
from bci_app.stream import StreamInfo


@dataclass(frozen=True, slots=True)
class ProfileChoice:
    """A profile that was found.

    Attributes
    ----------
    folder : Path
        Where it lies.
    profile : Profile or None
        None if it cannot be read.
    problem : BciError or None
        Why it cannot be used with the bundle and the stream; None if it can.
    """

    folder: Path
    profile: Profile | None
    problem: BciError | None

    @property
    def title(self) -> str:
        """Whose it is, what it predicts, and how well; or why it is refused."""
        name = profile_name(self.profile.spec) if self.profile is not None else self.folder.name
        if self.problem is not None:
            return f"{name}: {refusal(self.problem)}"
        assert self.profile is not None  # what cannot be read has a problem
        return " · ".join([name, *profile_figures(self.profile.spec)])


def profile_name(spec: ProfileSpec) -> str:
    """Say whose profile it is and what it predicts."""
    return f"{spec.participant} {spec.target.replace('_', ' ')}"


def profile_figures(spec: ProfileSpec) -> list[str]:
    """List what a profile's verdict says in figures, and its date."""
    verdict = spec.verdict
    accuracy, trials = verdict.get("balanced_accuracy"), verdict.get("trials")
    figures = [f"{accuracy:.2f} on {trials} trials"] if isinstance(accuracy, float) and trials else []
    return [*figures, spec.created[:10]]


def verdict_sentence(spec: ProfileSpec) -> str:
    """Return the verdict that a profile was adopted with."""
    return str(spec.verdict.get("sentence", ""))


def rating_words(rated: Rated, *, updating: bool) -> str:
    """Say what a rating has shown of the head in use; `updating`: whether that was the updated one before."""
    found = f"rated {'high' if rated.high else 'low'}: {100 * rated.right:.0f} % of its windows were right"
    if rated.updating == updating:
        return found
    return f"{found}; {'the updated head' if rated.updating else 'the profile'} answers from here on"


def learning_words(ratings: Sequence[Rated]) -> str:
    """Say in a few words how the updates of a session do; empty before the first rating."""
    if not ratings:
        return ""
    right = mean(one.right for one in ratings)
    number = f"{len(ratings)} rating{'' if len(ratings) == 1 else 's'}"
    return f"{number}: {right:.2f} right, {'updated head' if ratings[-1].updating else 'profile as it is'}"


def refusal(problem: BciError) -> str:
    """Return in a clause why a profile is refused."""
    summary, _, reason = problem.summary.partition(" was made for ")
    return f"made for {reason}" if reason else summary[:1].lower() + summary[1:]


def list_profiles(bundle: Bundle, info: StreamInfo | None, others: Sequence[Path] = ()) -> list[ProfileChoice]:
    """List the profiles among the user's data that were learnt on bundles of this name, and `others`.

    Parameters
    ----------
    bundle : Bundle
        The model.
    info : StreamInfo or None
        The stream, with only the channels that predictions may use; None while it is unknown.
    others : sequence of Path
        Folders that are listed whatever they hold.
    """
    found = sorted(path.parent for path in profiles_folder().glob(f"*/{PROFILE_FILE}"))
    choices = [read_choice(folder, bundle, info) for folder in dict.fromkeys([*others, *found])]
    named = set(others)
    return [
        choice
        for choice in choices
        if choice.folder in named or (choice.profile is not None and choice.profile.spec.bundle == bundle.name)
    ]


def read_choice(folder: Path, bundle: Bundle, info: StreamInfo | None) -> ProfileChoice:
    """Read a profile, and check whether it fits a bundle and a stream."""
    profile = None
    try:
        profile = load_profile(folder)
        profile.require_fit(bundle)
        if info is not None:
            profile.require_channels(bundle.for_stream(info.channels, info.units).preprocessing.channels)
    except BciError as error:
        return ProfileChoice(folder, profile, error)
    return ProfileChoice(folder, profile, None)
