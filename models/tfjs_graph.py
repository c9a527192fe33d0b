"""Read a TensorFlow.js graph model of plain convolutions and write it as an ONNX graph.

TensorFlow convolves channels last, ONNX channels first, and the source graph is full of
transposes between the two. Here a transpose costs nothing: every value is a view (`View`) of a
channels-first tensor, which remembers how its axes are named, and padding waits until the
convolution or pooling that consumes it.
Formats: tfjs-converter `model.json` (weightsManifest) and ONNX operator set 17.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NotRequired, TypeAlias, TypedDict, cast

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, helper

Array: TypeAlias = NDArray[Any]

NCHW = (0, 1, 2, 3)
NHWC = (0, 2, 3, 1)
INPUT = "input"
"""Name of the ONNX graph's input tensor."""


class UnknownGraphError(Exception):
    """The source graph holds something this converter does not translate."""


class TfNode(TypedDict):
    """One node of `modelTopology.node`."""

    name: str
    op: str
    input: NotRequired[list[str]]
    attr: dict[str, dict[str, object]]


@dataclass(frozen=True, slots=True)
class View:
    """A TensorFlow value: a channels-first ONNX tensor, seen with its axes in another order."""

    tensor: str
    side: int
    """Height and width in cells, at the input size the source graph was exported with."""
    axes: tuple[int, ...] = NCHW
    """For each axis of the TensorFlow value, the axis of the ONNX tensor."""
    pad: int = 0
    """Cells still to be added on each of the four sides."""
    filler: float = 0.0
    """What the added cells hold."""


def read_weights(manifest: Sequence[Mapping[str, object]], blob: bytes) -> dict[str, Array]:
    """Return every weight by name; fp16 becomes fp32. Raises UnknownGraphError on other codings."""
    weights: dict[str, Array] = {}
    offset = 0
    for entry in manifest:
        shape = cast("list[int]", entry["shape"])
        coding = cast("dict[str, str]", entry.get("quantization", {}))
        kind = coding.get("dtype", cast("str", entry["dtype"]))
        if kind not in {"float16", "float32", "int32"}:
            raise UnknownGraphError(f"weight {entry['name']} is stored as {kind}")
        stored = np.dtype(kind).newbyteorder("<")
        count = int(np.prod(shape, dtype=np.int64))
        values = np.frombuffer(blob, stored, count, offset).reshape(shape)
        offset += count * stored.itemsize
        weights[str(entry["name"])] = values.astype(np.int32 if kind == "int32" else np.float32)
    if offset != len(blob):
        raise UnknownGraphError(f"the weights fill {offset} bytes, the file has {len(blob)}")
    return weights


def write_node(
    op: str, inputs: Sequence[str], output: str, **attributes: float | str | Sequence[int]
) -> NodeProto:
    """Make an ONNX node, named after its one output."""
    node = helper.make_node(op, inputs, [output], name=output)
    node.attribute.extend(helper.make_attribute(*pair) for pair in sorted(attributes.items()))
    return node


class Translation:
    """One pass over a graph model, from its input to the values that are asked for.

    `nodes` and `weights` hold what has been written so far.
    """

    def __init__(self, model_json: bytes, blob: bytes) -> None:
        model = json.loads(model_json)
        self.nodes: list[NodeProto] = []
        self.weights: dict[str, Array] = {}
        self._source: dict[str, TfNode] = {n["name"]: n for n in model["modelTopology"]["node"]}
        self._constants = read_weights(model["weightsManifest"][0]["weights"], blob)
        self._views: dict[str, View] = {}
        self._translate: dict[str, Callable[[TfNode], View]] = {
            "Placeholder": self._placeholder,
            "Transpose": self._transpose,
            "Pad": self._pad,
            "PadV2": self._pad,
            "Conv2D": self._convolution,
            "MaxPool": self._max_pool,
            "Add": self._add,
            "LeakyRelu": self._leaky_relu,
            "ConcatV2": self._concat,
            "ResizeBilinear": self._resize,
        }

    def inputs_of(self, op: str) -> list[list[str]]:
        """Names of the values consumed by each source node of one kind."""
        return [_inputs(node) for node in self._source.values() if node["op"] == op]

    def constant(self, name: str) -> list[int]:
        """Return a constant of whole numbers."""
        return np.atleast_1d(self._constants[name]).astype(int).tolist()

    def view(self, name: str) -> View:
        """Translate the value `name` and all it depends on; UnknownGraphError if it cannot."""
        if name not in self._views:
            node = self._source[name]
            if node["op"] not in self._translate:
                raise UnknownGraphError(f"{name}: no translation for the operation {node['op']}")
            self._views[name] = self._translate[node["op"]](node)
        return self._views[name]

    def _placeholder(self, node: TfNode) -> View:
        shape = cast("dict[str, list[dict[str, str]]]", node["attr"]["shape"]["shape"])
        return View(INPUT, side=int(shape["dim"][-1]["size"]))

    def _transpose(self, node: TfNode) -> View:
        value, order = _inputs(node)
        view = self.view(value)
        return replace(view, axes=tuple(view.axes[axis] for axis in self.constant(order)))

    def _pad(self, node: TfNode) -> View:
        value, amounts, *fillers = _inputs(node)
        view = self.view(value)
        cells = self._constants[amounts].tolist()
        pads = dict(zip(view.axes, cells, strict=True))
        filler = float(self._constants[fillers[0]]) if fillers else 0.0
        if view.pad or pads != {0: [0, 0], 1: [0, 0], 2: [pads[2][0]] * 2, 3: [pads[2][0]] * 2}:
            raise UnknownGraphError(f"{node['name']} does not pad all four sides alike")
        return replace(view, pad=pads[2][0], filler=filler)

    def _convolution(self, node: TfNode) -> View:
        value, kernel_name = _inputs(node)
        kernel = self._constants[kernel_name].transpose(3, 2, 0, 1)
        name = _short(node)
        self.weights[f"{name}.weight"] = np.ascontiguousarray(kernel, np.float32)
        self.weights[f"{name}.bias"] = np.zeros(len(kernel), np.float32)
        parameters = [f"{name}.weight", f"{name}.bias"]
        return self._window(node, value, "Conv", parameters, kernel.shape[-1], filler=0.0)

    def _max_pool(self, node: TfNode) -> View:
        (value,) = _inputs(node)
        return self._window(node, value, "MaxPool", [], _integers(node, "ksize")[1], filler=-np.inf)

    def _window(
        self,
        node: TfNode,
        value: str,
        op: str,
        parameters: list[str],
        kernel: int,
        *,
        filler: float,
    ) -> View:
        view = self.view(value)
        stride = _integers(node, "strides")[1]
        padding = base64.b64decode(cast("str", node["attr"]["padding"]["s"]))
        if view.axes != NHWC or padding != b"VALID" or (view.pad and view.filler != filler):
            raise UnknownGraphError(f"{node['name']}: layout, padding or filler is not the usual")
        attributes = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [view.pad] * 4}
        self._emit(op, [view.tensor, *parameters], _short(node), **attributes)
        side = (view.side + 2 * view.pad - kernel) // stride + 1
        return View(_short(node), side, NHWC)

    def _add(self, node: TfNode) -> View:
        first, second = _inputs(node)
        view = self.view(first)
        if second in self._constants:
            # In a folded network the only constants added are the biases of its convolutions.
            self.weights[f"{view.tensor}.bias"] += self._constants[second].astype(np.float32)
            return view
        return self._join(node, "Add", [view, self.view(second)])

    def _leaky_relu(self, node: TfNode) -> View:
        slope = cast("float", node["attr"]["alpha"]["f"])
        return self._join(node, "LeakyRelu", [self.view(_inputs(node)[0])], alpha=slope)

    def _concat(self, node: TfNode) -> View:
        *values, axis = _inputs(node)
        views = [self.view(value) for value in values]
        return self._join(node, "Concat", views, axis=views[0].axes[self.constant(axis)[0]])

    def _join(self, node: TfNode, op: str, views: list[View], **attributes: float) -> View:
        first = views[0]
        if any((v.axes, v.side, v.pad) != (first.axes, first.side, 0) for v in views):
            raise UnknownGraphError(f"{node['name']} joins values of unlike shape")
        self._emit(op, [v.tensor for v in views], _short(node), **attributes)
        return replace(first, tensor=_short(node))

    def _resize(self, node: TfNode) -> View:
        value, size = _inputs(node)
        view = self.view(value)
        side = self.constant(size)[0]
        if side == 2 * view.side:
            self.weights["twice"] = np.array([1, 1, 2, 2], np.float32)
            # Half-pixel centres are also what ONNX takes when nothing is said.
            self._emit("Resize", [view.tensor, "", "twice"], _short(node), mode="linear")
        elif 2 * side == view.side:
            # Bilinear with half-pixel centres at half the size is the mean of 2x2 cells.
            self._emit(
                "AveragePool", [view.tensor], _short(node), kernel_shape=[2, 2], strides=[2, 2]
            )
        else:
            raise UnknownGraphError(f"{node['name']} resizes {view.side} to {side} cells")
        return View(_short(node), side, view.axes)

    def _emit(
        self, op: str, inputs: list[str], output: str, **attributes: float | str | Sequence[int]
    ) -> None:
        self.nodes.append(write_node(op, inputs, output, **attributes))


def _inputs(node: TfNode) -> list[str]:
    return node.get("input", [])


def _integers(node: TfNode, attribute: str) -> list[int]:
    listed = cast("dict[str, list[str]]", node["attr"][attribute]["list"])
    return [int(number) for number in listed["i"]]


def _short(node: TfNode) -> str:
    name = node["name"].removeprefix("PartitionedCall/").removesuffix("/ResizeBilinear")
    return name.removeprefix("onnx_tf_prefix_")
