"""Static int8 quantisation of the convolutions of an ONNX graph, and of nothing else.

Quantise/dequantise pairs (QDQ) around each convolution: weights per output channel and
symmetric, activations per tensor from measured ranges. The runtime fuses each group into one
integer convolution. Source of the scheme: ONNX QuantizeLinear-13 and onnxruntime's QDQ format.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from nanodet import write_model
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, helper, numpy_helper
from tfjs_graph import Array

type Range = tuple[float, float]
"""Smallest and largest value of an activation."""

BYTES = {np.dtype(np.int8): (-128, 127), np.dtype(np.uint8): (0, 255)}


def activations(model: ModelProto) -> list[str]:
    """Name the tensors whose ranges are needed: what the convolutions read and write."""
    pixels = {n.output[0] for n in model.graph.node if n.op_type == "DequantizeLinear"}
    names: dict[str, None] = {}
    for node in _convolutions(model):
        names |= dict.fromkeys({node.input[0]} - pixels) | {node.output[0]: None}
    return list(names)


def quantise(model: ModelProto, ranges: Mapping[str, Range]) -> ModelProto:
    """Return the model with int8 convolutions; `ranges` holds every name of `activations`."""
    rewriting = _Rewriting(model, ranges)
    for node in model.graph.node:
        if node.op_type == "Conv":
            rewriting.convolution(node)
        else:
            rewriting.keep(node)
    (pixels,), (cells,) = model.graph.input, model.graph.output
    used = {name for node in rewriting.nodes for name in node.input}
    weights = {name: value for name, value in rewriting.weights.items() if name in used}
    return write_model(rewriting.nodes, weights, pixels, cells)


def _convolutions(model: ModelProto) -> list[NodeProto]:
    return [node for node in model.graph.node if node.op_type == "Conv"]


@dataclass(frozen=True, slots=True)
class _Pair:
    """A tensor that has gone through quantise/dequantise."""

    dequantised: str
    scale: float
    kind: np.dtype[np.int8 | np.uint8]


class _Rewriting:
    """The nodes and weights of the quantised model, as far as it is written."""

    def __init__(self, model: ModelProto, ranges: Mapping[str, Range]) -> None:
        self.nodes: list[NodeProto] = []
        self.weights: dict[str, Array] = {
            tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer
        }
        self._ranges = ranges
        self._pairs: dict[str, _Pair] = {}

    def keep(self, node: NodeProto) -> None:
        """Copy a node; one that dequantises makes a pair of its own."""
        self.nodes.append(node)
        if node.op_type == "DequantizeLinear":
            _codes, scale, zero = node.input
            kind = self.weights[zero].dtype
            self._pairs[node.output[0]] = _Pair(node.output[0], float(self.weights[scale]), kind)

    def convolution(self, node: NodeProto) -> None:
        """Write one convolution between pairs, its weights and bias as integers."""
        source, weight, bias = node.input
        if source not in self._pairs:
            self._pairs[source] = self._pair(source, source, np.dtype(np.int8))
        entry = self._pairs[source]
        weight_scales = self._quantise_weight(weight)
        self._quantise_bias(bias, weight_scales * np.float64(entry.scale))
        output = node.output[0]
        written = NodeProto()
        written.CopyFrom(node)
        written.input[:] = [entry.dequantised, f"{weight}.float", f"{bias}.float"]
        written.output[:] = [f"{output}.exact"]
        self.nodes.append(written)
        # The runtime's integer convolution writes the kind of integer that it reads.
        self._pair(f"{output}.exact", output, entry.kind, dequantised=output)

    def _pair(
        self,
        tensor: str,
        measured: str,
        kind: np.dtype[np.int8 | np.uint8],
        dequantised: str | None = None,
    ) -> _Pair:
        low, high = self._ranges[measured]
        lowest, highest = BYTES[kind]
        low, high = min(low, 0.0), max(high, 0.0)
        scale = np.float32((high - low) / (highest - lowest))
        zero = np.rint(lowest - low / float(scale))
        coding = [f"{tensor}.scale", f"{tensor}.zero"]
        self.weights[coding[0]] = np.array(scale)
        self.weights[coding[1]] = np.array(np.clip(zero, lowest, highest), kind)
        codes, output = f"{tensor}.codes", dequantised or f"{tensor}.rounded"
        self._emit("QuantizeLinear", [tensor, *coding], codes)
        self._emit("DequantizeLinear", [codes, *coding], output)
        return _Pair(output, float(scale), kind)

    def _quantise_weight(self, name: str) -> NDArray[np.float64]:
        """Write a weight as int8, -127..127 for each output channel; return the scales."""
        weight = self.weights[name].astype(np.float64)
        largest = np.abs(weight).max(axis=(1, 2, 3))
        scales = np.maximum(largest, np.finfo(np.float32).tiny).astype(np.float32) / np.float32(127)
        codes = np.rint(weight / scales.astype(np.float64).reshape(-1, 1, 1, 1))
        self.weights[f"{name}.codes"] = np.clip(codes, -127, 127).astype(np.int8)
        self.weights[f"{name}.scales"] = scales
        self.weights[f"{name}.zeros"] = np.zeros(len(scales), np.int8)
        inputs = [f"{name}.{part}" for part in ("codes", "scales", "zeros")]
        self._emit("DequantizeLinear", inputs, f"{name}.float", axis=0)
        return scales.astype(np.float64)

    def _quantise_bias(self, name: str, scales: NDArray[np.float64]) -> None:
        """Write a bias as int32 in steps of input scale times weight scale."""
        steps = scales.astype(np.float32)
        self.weights[f"{name}.codes"] = np.rint(
            self.weights[name].astype(np.float64) / steps.astype(np.float64)
        ).astype(np.int32)
        self.weights[f"{name}.scales"] = steps
        inputs = [f"{name}.codes", f"{name}.scales"]
        self._emit("DequantizeLinear", inputs, f"{name}.float", axis=0)

    def _emit(self, op: str, inputs: list[str], output: str, **attributes: int) -> None:
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
