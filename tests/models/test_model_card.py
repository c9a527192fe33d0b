"""The shipped files are what their card says, and are quantised as it says."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import onnx
import pytest

SHA256_LINE = re.compile(r"^([0-9a-f]{64})  (\S+)$", re.MULTILINE)
SIZES = (416, 320)


def producers(model: onnx.ModelProto) -> dict[str, onnx.NodeProto]:
    return {output: node for node in model.graph.node for output in node.output}


@pytest.fixture(params=SIZES)
def model(models: Path, request: pytest.FixtureRequest) -> onnx.ModelProto:
    shipped = models / f"nanodet-g-{request.param}-int8.onnx"
    return onnx.ModelProto.FromString(shipped.read_bytes())


def test_the_card_states_the_sha256_of_every_shipped_model(models: Path) -> None:
    stated = {
        name: digest for digest, name in SHA256_LINE.findall((models / "README.md").read_text())
    }
    shipped = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in models.glob("*.onnx")
    }
    assert stated == shipped


def test_every_convolution_reads_and_writes_bytes(model: onnx.ModelProto) -> None:
    origin = producers(model)
    consumed_as = {name: node.op_type for node in model.graph.node for name in node.input}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    assert len(convolutions) == 34
    for node in convolutions:
        assert {origin[name].op_type for name in node.input} == {"DequantizeLinear"}
        assert consumed_as[node.output[0]] == "QuantizeLinear"


def test_weights_are_seven_bit_so_that_no_processor_clips_their_sums(
    model: onnx.ModelProto,
) -> None:
    weights = [
        onnx.numpy_helper.to_array(tensor)
        for tensor in model.graph.initializer
        if tensor.name.endswith(".weight.codes")
    ]
    assert len(weights) == 34
    # Two products of a byte and a weight must fit in 16 bits.
    assert max(int(abs(codes.astype(int)).max()) for codes in weights) * 255 * 2 <= 32767


def test_only_the_entry_is_transposed(model: onnx.ModelProto) -> None:
    assert [n.input[0] for n in model.graph.node if n.op_type == "Transpose"] == ["pixels"]


def test_the_opset_is_one_that_has_weights_quantised_per_channel(model: onnx.ModelProto) -> None:
    assert [opset.version >= 13 for opset in model.opset_import] == [True]
