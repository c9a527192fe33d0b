"""Static int8 quantisation of the convolutions of an ONNX graph, and of nothing else.

Quantise/dequantise pairs (QDQ) around each convolution: weights per output channel and
symmetric, activations as bytes per tensor, from measured ranges. The runtime fuses each group
into one integer convolution. Scheme: ONNX QuantizeLinear-13 and onnxruntime's QDQ format.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from nanodet import write_model
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, numpy_helper
from tfjs_graph import Array, write_node

Range: TypeAlias = tuple[float, float]
"""Smallest and largest value of an activation."""

LARGEST_WEIGHT: Final = 63
# x86 processors without VNNI add two byte products in 16 bits, and clip: 2 * 255 * 63 just fits,
# so that 7-bit weights give the same sums on every processor, by the fastest instructions.
LARGEST_BYTE: Final = 255


def activations(model: ModelProto) -> list[str]:
    """Name the tensors whose ranges are needed: what the convolutions read and write."""
    pixels = {n.output[0] for n in model.graph.node if n.op_type == "DequantizeLinear"}
    names: dict[str, None] = {}
    for node in model.graph.node:
        if node.op_type == "Conv":
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


@dataclass(frozen=True, slots=True)
class _Pair:
    """A tensor that has gone through quantise/dequantise."""

    dequantised: str
    scale: np.float32


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
        """Copy a node; one that dequantises (the pixels) makes a pair of its own."""
        self.nodes.append(node)
        if node.op_type == "DequantizeLinear":
            scale = self.weights[node.input[1]]
            self._pairs[node.output[0]] = _Pair(node.output[0], np.float32(scale))

    def convolution(self, node: NodeProto) -> None:
        """Write one convolution between pairs, its weights and bias as integers."""
        source, weight, bias = node.input
        if source not in self._pairs:
            self._pairs[source] = self._pair(source, f"{source}.rounded", self._ranges[source])
        entry = self._pairs[source]
        self._quantise_bias(bias, entry.scale * self._quantise_weight(weight))
        (output,) = node.output
        exact = f"{output}.exact"
        written = NodeProto()
        written.CopyFrom(node)
        written.name = exact
        written.input[:] = [entry.dequantised, f"{weight}.float", f"{bias}.float"]
        written.output[:] = [exact]
        self.nodes.append(written)
        self._pair(exact, output, self._ranges[output])

    def _pair(self, tensor: str, dequantised: str, measured: Range) -> _Pair:
        """Round a tensor to 256 steps from its smallest to its largest value, or to zero."""
        low, high = min(measured[0], 0.0), max(measured[1], 0.0)
        scale = np.float32((high - low) / LARGEST_BYTE)
        coding = [f"{tensor}.scale", f"{tensor}.zero"]
        self.weights[coding[0]] = np.array(scale)
        self.weights[coding[1]] = np.array(round(-low / float(scale)), np.uint8)
        codes = f"{tensor}.codes"
        self._emit("QuantizeLinear", [tensor, *coding], codes)
        self._emit("DequantizeLinear", [codes, *coding], dequantised)
        return _Pair(dequantised, scale)

    def _quantise_weight(self, name: str) -> NDArray[np.float32]:
        """Write a weight as int8 with one scale an output channel; return the scales."""
        weight: NDArray[np.float32] = self.weights[name]
        largest = np.abs(weight).max(axis=(1, 2, 3))
        scales = np.maximum(largest, np.finfo(np.float32).tiny) / np.float32(LARGEST_WEIGHT)
        codes = np.rint(weight / scales.reshape(-1, 1, 1, 1))
        self._integers(name, codes.astype(np.int8), scales)
        return scales

    def _quantise_bias(self, name: str, scales: NDArray[np.float32]) -> None:
        """Write a bias as int32 in steps of input scale times weight scale."""
        bias: NDArray[np.float32] = self.weights[name]
        codes = np.rint(bias.astype(np.float64) / scales.astype(np.float64))
        self._integers(name, codes.astype(np.int32), scales)

    def _integers(self, name: str, codes: Array, scales: NDArray[np.float32]) -> None:
        self.weights[f"{name}.codes"] = codes
        self.weights[f"{name}.scales"] = scales
        self.weights[f"{name}.zeros"] = np.zeros(len(codes), codes.dtype)
        inputs = [f"{name}.codes", f"{name}.scales", f"{name}.zeros"]
        self._emit("DequantizeLinear", inputs, f"{name}.float", axis=0)

    def _emit(self, op: str, inputs: list[str], output: str, **attributes: int) -> None:
        self.nodes.append(write_node(op, inputs, output, **attributes))
