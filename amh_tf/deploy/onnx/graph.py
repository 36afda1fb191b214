"""A graph of ONNX operators, written as one call after the other."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from amh_tf import __version__

# The first with reductions whose axes are inputs, and one that every ONNX Runtime of recent years
# reads, in browsers too.
OPSET, IR_VERSION = 18, 8
_LARGEST_HALF = float(np.finfo(np.float16).max)


class Graph:
    """Collects operators; every value is known by its name.

    Args:
        half: Whether weights are stored in half precision. They are cast at the start of a session
            and computed with in single precision.
    """

    def __init__(self, half: bool = False) -> None:
        self._half = half
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._constants: dict[tuple, str] = {}
        self._values: dict[tuple, Any] = {}
        self._names: dict[str, str] = {}

    def input(self, name: str, dtype: Any, shape: Sequence[int | str]) -> str:
        """Declares an input; sizes that are texts are symbols."""
        self._inputs.append(_described(name, dtype, shape))
        return name

    def output(self, name: str, value: str, dtype: Any, shape: Sequence[int | str]) -> None:
        """Declares an operator's value as an output, which the file calls by this name."""
        self._names[value] = name
        self._outputs.append(_described(name, dtype, shape))

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """Adds an operator, unless there is one of the same inputs and attributes.

        Args:
            kind: Its name, such as "MatMul".
            *inputs: Names of values; an empty text leaves an optional input out.
            outputs: Number of its outputs.
            **attributes: Its attributes.

        Returns:
            Name of its output, or a tuple of their names where there are several.
        """
        key = kind, inputs, outputs, repr(attributes)
        if key not in self._values:
            name = f"{kind}_{len(self._nodes)}"
            names = (name, *(f"{name}_{place}" for place in range(1, outputs)))
            self._nodes.append(helper.make_node(kind, inputs, names, name, **attributes))
            self._values[key] = name if outputs == 1 else names
        return self._values[key]

    def constant(self, value: Any, dtype: Any) -> str:
        """Returns a constant, which is stored once however often it is used."""
        array = np.asarray(value, dtype)
        key = array.dtype.str, array.shape, array.tobytes()
        if key not in self._constants:
            self._constants[key] = self._store(f"constant_{len(self._constants)}", array)
        return self._constants[key]

    def floats(self, value: Any) -> str:
        """Returns a float32 constant."""
        return self.constant(value, np.float32)

    def integers(self, value: Any) -> str:
        """Returns an int64 constant: axes, sizes and places."""
        return self.constant(value, np.int64)

    def weight(self, name: str, value: Any) -> str:
        """Returns a trained weight, float32 in computation.

        Those that half precision cannot hold stay in single precision.
        """
        array = np.asarray(value, np.float32)
        if not self._half or np.abs(array).max(initial=0) > _LARGEST_HALF:
            return self._store(name, array)
        stored = self._store(name, array.astype(np.float16))
        return self.op("Cast", stored, to=onnx.TensorProto.FLOAT)

    def model(self, name: str, metadata: Mapping[str, str]) -> onnx.ModelProto:
        """Returns the model, checked, its shapes inferred.

        Args:
            name: Name of the graph.
            metadata: What the file says of itself.
        """
        nodes, used = self._reachable()
        stored = [tensor for tensor in self._initializers if tensor.name in used]
        graph = helper.make_graph(nodes, name, self._inputs, self._outputs, stored)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="amh_tf",
            producer_version=__version__,
        )
        helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model, full_check=True)
        return onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)

    def _reachable(self):
        """Returns the operators that an output needs, and the names of what they read."""
        used, nodes = set(self._names), []
        for node in reversed(self._nodes):
            if not used.isdisjoint(node.output):
                used.update(node.input)
                nodes.append(self._renamed(node))
        return nodes[::-1], used

    def _renamed(self, node):
        """Returns an operator that calls outputs of the graph by their names."""
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        for names in (copy.input, copy.output):
            names[:] = [self._names.get(name, name) for name in names]
        return copy

    def _store(self, name, array):
        self._initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name


def _described(name, dtype, shape):
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return helper.make_tensor_value_info(name, kind, list(shape))
