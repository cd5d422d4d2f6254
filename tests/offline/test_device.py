"""Device and precision: one place that decides, and one message for a device that is not there."""

import pytest
import torch

from bci_app.errors import DependencyError
from offline.device import CPU, choose_device, onnx_provider

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without an accelerator")


def test_the_processor_in_float32_is_what_a_machine_without_accelerator_computes_on() -> None:
    assert choose_device("cpu", "auto") == CPU
    assert CPU.describe() == "cpu, fp32"
    if not torch.backends.mps.is_available():
        assert choose_device() == CPU


def test_a_device_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(DependencyError, match=r"no device cuda .*found devices: .*cpu.*--device auto"):
        choose_device("cuda")
    with pytest.raises(DependencyError, match=r"ONNX Runtime .* cannot compute on cuda.*CPUExecutionProvider"):
        onnx_provider("cuda")
    assert onnx_provider() == "CPUExecutionProvider"


def test_bf16_on_the_processor_rounds_matrix_products_and_keeps_weights() -> None:
    device = choose_device("cpu", "bf16")
    x = torch.randn(8, 8)
    with device.autocast():
        product = x @ x
    assert product.dtype == torch.bfloat16
    with CPU.autocast():
        assert (x @ x).dtype == torch.float32
