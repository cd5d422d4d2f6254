"""The tokens that a network may see of a channel: one module and one line here for each."""

from bci_app.preprocessing.base import Token
from bci_app.preprocessing.tokens.log_band_power import LogBandPowerToken
from bci_app.preprocessing.tokens.raw import RawToken

TOKENS: dict[str, type[Token]] = {
    "raw": RawToken,
    "log_band_power": LogBandPowerToken,
}

__all__ = ["TOKENS", "LogBandPowerToken", "RawToken"]
