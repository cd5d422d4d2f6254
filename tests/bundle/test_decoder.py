"""Bad channels that stand as at rest: their tokens are 0, during the baseline and after it."""

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from bci_app.bundle.decoder import Decoded, Decoder
from bci_app.bundle.predictor import Predictor
from bci_app.bundle.spec import Bundle
from bci_app.preprocessing import Pipeline, Rest
from bci_app.preprocessing.spec import NoBaseline
from tests.bundles import CHANNELS, LOAD, describe, linear_model, small_spec

PREPROCESSING = small_spec()
MODEL = linear_model(PREPROCESSING, (LOAD,))
BAD = np.array([False, True, False, False, False, False])


def spec(**changes: object) -> Bundle:
    settings = {"bad_channels": "rest", "max_bad_share": 0.2} | changes
    return describe(MODEL, PREPROCESSING, (LOAD,), **settings)


def decode(bundle: Bundle, bad: dict[int, NDArray[np.bool_]], *, spoil: bool = False) -> list[Decoded]:
    """Decode 20 s of noise; `bad` says which channels are, from which window on."""
    rng = np.random.default_rng(0)
    data = 10 * rng.standard_normal((20 * 128, len(CHANNELS)))
    if spoil:
        data[:, BAD] = 5000 * rng.standard_normal((len(data), 1))
    pipeline = Pipeline(PREPROCESSING, channels=CHANNELS, rate=128, units=["uV"] * len(CHANNELS), max_bad_share=0.2)
    decoder = Decoder(pipeline, Predictor(bundle, MODEL))
    found, now = [], np.zeros(len(CHANNELS), dtype=np.bool_)
    pipeline.set_bad(BAD if spoil else now)
    for number, window in enumerate(pipeline.process(data)):
        now = bad.get(number, now)
        found.append(decoder.decode(window, bad=now))
    return found


def tokens(found: list[Decoded]) -> NDArray[np.float32]:
    return np.stack([decoded.tokens for decoded in found if decoded.tokens is not None])


def test_tokens_of_bad_channels_are_as_at_rest_and_the_others_as_ever() -> None:
    good, bad = tokens(decode(spec(), {})), tokens(decode(spec(), {20: BAD, 25: ~BAD & BAD}))
    first = PREPROCESSING.baseline_windows
    during = np.arange(first, first + len(good))
    is_bad = (during >= 20) & (during < 25)
    assert is_bad.any()
    assert (bad[is_bad][:, BAD] == 0).all()
    np.testing.assert_array_equal(bad[is_bad][:, ~BAD], good[is_bad][:, ~BAD])
    np.testing.assert_array_equal(bad[~is_bad], good[~is_bad])
    assert (good != 0).all()


def test_what_a_bad_channel_gives_does_not_matter() -> None:
    always = {0: BAD}
    for a, b in zip(decode(spec(), always, spoil=True), decode(spec(), always), strict=True):
        assert (a.probabilities is None) == (b.probabilities is None)
    assert (tokens(decode(spec(), always, spoil=True))[:, BAD] == 0).all()


def test_a_channel_that_was_bad_at_rest_stays_replaced_until_rest_is_measured_anew() -> None:
    found = tokens(decode(spec(), {0: BAD, 3: ~BAD & BAD}))
    assert (found[:, BAD] == 0).all()
    # With another one bad later, there are two: more than the bundle allows.
    later = decode(spec(), {0: BAD, 3: ~BAD & BAD, 20: np.roll(BAD, 1), 25: ~BAD & BAD})
    assert all(decoded.probabilities is None for decoded in later[20:25])
    assert all(decoded.probabilities is not None for decoded in later[25:])


def test_electrodes_that_are_loose_in_turn_at_rest_do_not_add_up_to_too_many() -> None:
    needed = PREPROCESSING.baseline_windows
    found = decode(spec(), {0: BAD, 1: np.roll(BAD, 1), 2: np.roll(BAD, 2), 3: ~BAD & BAD})
    # The rest begins with the third window; windows 0 and 1 were given up.
    assert [decoded.probabilities is None for decoded in found] == [True] * (2 + needed) + [False] * (
        len(found) - 2 - needed
    )
    made = tokens(found)
    assert (made[:, np.roll(BAD, 2)] == 0).all()
    assert (made[:, ~np.roll(BAD, 2)] != 0).all()


def test_another_rest_begins_smoothing_anew() -> None:
    pipeline = Pipeline(PREPROCESSING, channels=CHANNELS, rate=128, units=["uV"] * len(CHANNELS))
    decoder = Decoder(pipeline, Predictor(spec(), MODEL))
    windows = pipeline.process(10 * np.random.default_rng(0).standard_normal((20 * 128, len(CHANNELS))))
    for window in windows[:15]:
        decoder.decode(window)
    assert decoder.rest is not None
    decoder.set_rest(Rest(decoder.rest.mean + 1, decoder.rest.sd))
    decoded = decoder.decode(windows[15])
    assert decoded.probabilities is not None
    assert decoded.smoothed is not None
    np.testing.assert_array_equal(decoded.smoothed[0], decoded.probabilities[0])


def test_a_bundle_that_interpolates_uses_what_the_pipeline_gives() -> None:
    given = {0: BAD}
    np.testing.assert_array_equal(
        tokens(decode(spec(bad_channels="interpolate"), given)), tokens(decode(spec(bad_channels="interpolate"), {}))
    )


def test_without_rest_there_is_nothing_to_stand_for_a_channel() -> None:
    made = spec().model_dump()
    made["preprocessing"]["baseline"] = NoBaseline().model_dump()
    with pytest.raises(ValidationError, match="as at rest"):
        Bundle.model_validate(made)
