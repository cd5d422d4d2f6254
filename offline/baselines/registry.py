"""The baselines: a closed list, one line each."""

from __future__ import annotations

from collections.abc import Sequence

from bci_app.errors import DatasetError
from offline.baselines import networks
from offline.baselines.base import Baseline
from offline.baselines.dgcnn import GraphNetwork
from offline.baselines.inputs import as_searched, differential_entropy, log_band_power, raw
from offline.baselines.linear import Linear, SupportVectors, discriminant, logistic
from offline.baselines.majority import Majority
from offline.baselines.networks import RawNetwork
from offline.baselines.riemann import TangentSpace
from offline.baselines.transformer import FixedTransformer
from offline.baselines.tsception import TSceptionNetwork

_SKLEARN = "scikit-learn"
REFERENCE = Linear("logistic-power", "logistic regression, log band power", _SKLEARN, log_band_power, logistic)
"""The method that every run is compared with, asked for or not."""

BASELINES: dict[str, Baseline] = {
    baseline.name: baseline
    for baseline in (
        Majority("majority", "majority class", "", log_band_power),
        REFERENCE,
        Linear("lda-power", "LDA, log band power", _SKLEARN, log_band_power, discriminant),
        SupportVectors("svm-power", "SVM, log band power", _SKLEARN, log_band_power),
        Linear("logistic-entropy", "logistic regression, entropy", _SKLEARN, differential_entropy, logistic),
        Linear("lda-entropy", "LDA, entropy", _SKLEARN, differential_entropy, discriminant),
        SupportVectors("svm-entropy", "SVM, entropy", _SKLEARN, differential_entropy),
        TangentSpace("riemann", "Riemannian tangent space", "Barachant et al. 2013", raw),
        RawNetwork("eegnet", "EEGNet", "Lawhern et al. 2018", raw, networks.eegnet),
        RawNetwork("shallow", "ShallowConvNet", "Schirrmeister et al. 2017", raw, networks.shallow),
        RawNetwork("deep4", "Deep4Net", "Schirrmeister et al. 2017", raw, networks.deep4, least_samples=512),
        RawNetwork("conformer", "EEG-Conformer", "Song et al. 2023", raw, networks.conformer),
        RawNetwork("atcnet", "ATCNet", "Altaheri et al. 2023", raw, networks.atcnet, least_samples=512),
        GraphNetwork("dgcnn", "DGCNN", "Song et al. 2020", differential_entropy),
        TSceptionNetwork("tsception", "TSception", "Ding et al. 2023", raw),
        FixedTransformer("transformer", "transformer, no search", "Li et al. 2023", as_searched),
    )
}
"""The known baselines."""

ALL = "all"


def baselines_named(names: Sequence[str]) -> tuple[Baseline, ...]:
    """Return baselines by name; ``all`` stands for every one.

    Raises
    ------
    DatasetError
        If one is unknown.
    """
    if ALL in names:
        return tuple(BASELINES.values())
    if unknown := [name for name in names if name not in BASELINES]:
        raise DatasetError("Unknown baseline", found=", ".join(unknown), expected=", ".join([*BASELINES, ALL]))
    return tuple(BASELINES[name] for name in dict.fromkeys(names))
