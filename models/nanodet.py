"""NanoDet-g as the product runs it: pixels in, the person class out, at a chosen input size.

Source of the network and of its mean and deviation: RangiLyu/nanodet, `nanodet-g.yml`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from tfjs_graph import INPUT, Array, Translation, UnknownGraphError, write_node

SIZES: Final = (416, 320)
"""Sides of the square pictures the shipped models take, in pixels."""
CLASSES: Final = 80
PERSON: Final = 0
"""Index of COCO's class `person`."""
REGRESSION: Final = 4 * 11
"""Four sides, each a distribution over 0..10 strides."""
MEAN: Final = (103.53, 116.28, 123.675)
DEVIATION: Final = (57.375, 57.12, 58.395)
"""Mean and standard deviation of the training pictures, blue green red."""
ZERO_POINT: Final = 114
"""The pixel value that stands for zero inside the graph: the mean of MEAN, rounded."""
OPSET: Final = 17
IR_VERSION: Final = 8
OUTPUT: Final = "cells"
PIXELS: Final = "pixels"


def build_float(model_json: bytes, blob: bytes, size: int) -> ModelProto:
    """Translate the published network to fp32 ONNX for pictures of `size` x `size` pixels.

    Input `pixels`: uint8 (1, size, size, 3), BGR. Output `cells`: float32 (1, 45, cells), one
    column a cell, strides 8, 16, 32 in turn and row by row within each; row 0 is the logit of
    `person`, rows 1-44 are the logits of left, top, right, bottom (11 each).
    """
    graph = Translation(model_json, blob)
    heads = sorted((_head(graph, inputs) for inputs in graph.inputs_of("SplitV")), reverse=True)
    _take_pixels(graph)
    rows = 1 + REGRESSION
    graph.weights["columns"] = np.array([1, rows, -1], np.int64)
    flattened = [f"{head}.cells" for _side, head in heads]
    nodes = [
        write_node("Transpose", [PIXELS], "planes", perm=[0, 3, 1, 2]),
        write_node("DequantizeLinear", ["planes", "one", "zero_point"], INPUT),
        *graph.nodes,
        *(write_node("Reshape", [head, "columns"], f"{head}.cells") for _side, head in heads),
        write_node("Concat", flattened, OUTPUT, axis=2),
    ]
    cells = sum((size * side // heads[0][0] // 8) ** 2 for side, _head in heads)
    return write_model(
        nodes,
        graph.weights,
        helper.make_tensor_value_info(PIXELS, TensorProto.UINT8, [1, size, size, 3]),
        helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [1, rows, cells]),
    )


def write_model(
    nodes: Sequence[NodeProto],
    weights: Mapping[str, Array],
    pixels: ValueInfoProto,
    cells: ValueInfoProto,
) -> ModelProto:
    """Put nodes and weights into a model that depends on nothing but them."""
    tensors = [numpy_helper.from_array(weights[name], name) for name in sorted(weights)]
    graph = helper.make_graph(nodes, "nanodet-g-person", [pixels], [cells], tensors)
    return helper.make_model(
        graph,
        producer_name="edge-gateway models/build.py",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )


def _head(graph: Translation, split: list[str]) -> tuple[int, str]:
    """Translate one head up to its split, keep the person class; return its side and tensor."""
    value, sizes, _axis = split
    if graph.constant(sizes) != [CLASSES, REGRESSION]:
        raise UnknownGraphError(f"{value} is split as {graph.constant(sizes)}")
    view = graph.view(value)
    kept = [PERSON, *range(CLASSES, CLASSES + REGRESSION)]
    for part in ("weight", "bias"):
        name = f"{view.tensor}.{part}"
        graph.weights[name] = graph.weights[name][kept]
    return view.side, view.tensor


def _take_pixels(graph: Translation) -> None:
    """Fold mean and deviation into the first convolution, so that it takes pixels as they are.

    Exact but for the outermost row and column of cells, where the padding now stands for
    ZERO_POINT in all three colours instead of for each colour's own mean.
    """
    (first,) = (node for node in graph.nodes if INPUT in node.input)
    _input, weight_name, bias_name = first.input
    weight = graph.weights[weight_name].astype(np.float64)
    folded = weight / np.array(DEVIATION).reshape(1, 3, 1, 1)
    shifts = folded * (ZERO_POINT - np.array(MEAN)).reshape(1, 3, 1, 1)
    # fsum is exact, so the sum does not depend on the order a numpy build adds in.
    offsets = [math.fsum(shift.ravel().tolist()) for shift in shifts]
    graph.weights[weight_name] = folded.astype(np.float32)
    bias = graph.weights[bias_name].astype(np.float64) + np.array(offsets)
    graph.weights[bias_name] = bias.astype(np.float32)
    graph.weights["one"] = np.array(1, np.float32)
    graph.weights["zero_point"] = np.array(ZERO_POINT, np.uint8)
