"""Which tests belong to which module of the core, quick ones first: a mutant is dead at the first that fails."""

_ARTEFACT = "tests/engine/test_artefact.py::test_a_window_holds_an_artefact_of_which_a_quarter_of_a_second_lies_in_it"
_RUN = "tests/offline/run/test_networks.py"
_STREAM = ("tests/preprocessing", "tests/engine/test_bad_channels.py")
_PROTOCOLS = ("tests/offline/test_protocols.py", "tests/offline/test_emotion.py", "tests/offline/datasets/test_leak.py")
_TRAINING = ("tests/offline/training", f"{_RUN}::test_nothing_that_is_found_depends_on_test_windows")
_TIMING = ("tests/sources/test_timing.py", "tests/sources/test_synthetic.py", "tests/sources/test_one_clock.py")

MODULES: dict[str, tuple[str, ...]] = {
    "offline.supernet.model": (
        "tests/offline/supernet",
        "tests/offline/export/test_graph.py",
        "tests/offline/run/test_line.py",
    ),
    "offline.supernet.space": ("tests/offline/supernet", "tests/offline/search"),
    "offline.search.evolution": ("tests/offline/search",),
    "offline.search.nsga2": ("tests/offline/search",),
    "offline.search.pareto": ("tests/offline/search",),
    "offline.search.store": ("tests/offline/search",),
    "offline.training.augment": _TRAINING,
    "offline.training.losses": _TRAINING,
    "offline.training.loop": _TRAINING,
    "offline.training.step": _TRAINING,
    "offline.metrics": ("tests/offline/test_metrics.py",),
    "offline.protocols.base": _PROTOCOLS,
    "offline.protocols.deal": _PROTOCOLS,
    "offline.protocols.paper": _PROTOCOLS,
    "offline.protocols.session": _PROTOCOLS,
    "offline.protocols.stimulus": _PROTOCOLS,
    "offline.protocols.subjects": _PROTOCOLS,
    "bci_app.preprocessing.alignment": _STREAM,
    "bci_app.preprocessing.baseline": (*_STREAM, "tests/learn"),
    "bci_app.preprocessing.network_input": _STREAM,
    "bci_app.preprocessing.pipeline": _STREAM,
    "bci_app.preprocessing.resample": _STREAM,
    "bci_app.preprocessing.windows": _STREAM,
    "bci_app.preprocessing.steps.filters": _STREAM,
    "bci_app.preprocessing.tokens.log_band_power": _STREAM,
    "bci_app.engine.contact": ("tests/engine/test_contact.py", "tests/engine/test_bad_channels.py", _ARTEFACT),
    "bci_app.engine.interpreter": ("tests/engine", "tests/bundle/test_version_2.py"),
    "bci_app.sources.clock.gaps": _TIMING,
    "bci_app.sources.clock.sample_clock": _TIMING,
}
