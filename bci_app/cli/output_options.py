"""Options for outputs, one for each member of the registry."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from bci_app.outputs.registry import OUTPUTS

_PARAMETER = "outputs"


def with_outputs(command: Callable[..., None]) -> Callable[..., None]:
    """Replace a command's parameter `outputs` by an option for each kind of output.

    Parameters
    ----------
    command : callable
        If it takes ``outputs``, it is called with a dictionary from names in `OUTPUTS` to the values of their
        options. A command without that parameter is returned as it is.
    """
    signature = inspect.signature(command, eval_str=True)
    if _PARAMETER not in signature.parameters:
        return command
    options = {name.replace("-", "_"): name for name in OUTPUTS}
    parameters: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        parameters += [_option(*option) for option in options.items()] if parameter.name == _PARAMETER else [parameter]

    @functools.wraps(command)
    def run(**values: Any) -> None:
        chosen = {name: values.pop(variable) for variable, name in options.items()}
        command(**values, outputs={name: value for name, value in chosen.items() if value is not None})

    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _option(variable: str, name: str) -> inspect.Parameter:
    annotation = Annotated[str | None, typer.Option(f"--{name}", help=OUTPUTS[name].help)]
    return inspect.Parameter(variable, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=annotation)
