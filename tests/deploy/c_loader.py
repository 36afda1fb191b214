"""Loads a SavedModel as `tensorflow_model_server` does: by TensorFlow's C interface alone.

Nothing of TensorFlow's Python runtime is imported, nor anything of this package.
"""

import ctypes
import importlib.util
import sys
import types
from pathlib import Path

import numpy as np

FLOAT, INT32, STRING = 1, 3, 7
DTYPES = {FLOAT: np.dtype(np.float32), INT32: np.dtype(np.int32), STRING: np.dtype(object)}
TSTRING_BYTES = 24
INVALID_ARGUMENT = 3
DATA_LOSS = 15
Pointer = ctypes.c_void_p
PACKAGE = Path(next(iter(importlib.util.find_spec("tensorflow").submodule_search_locations)))


class Refused(Exception):
    """What the C interface reports: a code, as gRPC's, and a message."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class _Output(ctypes.Structure):
    _fields_ = (("operation", Pointer), ("index", ctypes.c_int))


class _Buffer(ctypes.Structure):
    _fields_ = (("data", Pointer), ("length", ctypes.c_size_t), ("free", Pointer))


def messages_without_runtime():
    """Makes `tensorflow` a package that runs nothing, so that only its messages load."""
    if "tensorflow" not in sys.modules:
        sys.modules["tensorflow"] = types.ModuleType("tensorflow")
        sys.modules["tensorflow"].__path__ = [str(PACKAGE)]


class Session:
    """A loaded SavedModel.

    Args:
        folder: Folder of the SavedModel.
    """

    def __init__(self, folder):
        messages_without_runtime()
        from tensorflow.core.protobuf import meta_graph_pb2

        ctypes.CDLL(str(PACKAGE / "libtensorflow_framework.so.2"), ctypes.RTLD_GLOBAL)
        self._c = ctypes.CDLL(str(PACKAGE / "libtensorflow_cc.so.2"))
        for name in ("NewStatus", "NewSessionOptions", "NewGraph", "LoadSessionFromSavedModel",
                     "AllocateTensor", "TensorData", "GraphOperationByName",
                     "StringGetDataPointer"):  # fmt: skip
            getattr(self._c, f"TF_{name}").restype = Pointer
        self._c.TF_NewBuffer.restype = ctypes.POINTER(_Buffer)
        self._c.TF_Message.restype = ctypes.c_char_p
        self._c.TF_Dim.restype = ctypes.c_int64
        self._c.TF_StringGetSize.restype = ctypes.c_size_t
        status = Pointer(self._c.TF_NewStatus())
        self._graph = Pointer(self._c.TF_NewGraph())
        described = self._c.TF_NewBuffer()
        tags = (ctypes.c_char_p * 1)(b"serve")
        self._session = Pointer(
            self._c.TF_LoadSessionFromSavedModel(
                Pointer(self._c.TF_NewSessionOptions()), None, str(folder).encode(), tags, 1,
                self._graph, described, status,
            )
        )  # fmt: skip
        self._check(status)
        text = ctypes.string_at(described.contents.data, described.contents.length)
        self.signatures = meta_graph_pb2.MetaGraphDef.FromString(text).signature_def

    def _check(self, status):
        code = self._c.TF_GetCode(status)
        if code:
            raise Refused(code, self._c.TF_Message(status).decode("utf-8", "replace"))

    def _output(self, info):
        name, _, index = info.name.partition(":")
        operation = self._c.TF_GraphOperationByName(self._graph, name.encode())
        return _Output(operation, int(index or 0))

    def _to_tensor(self, array, dtype):
        array = np.ascontiguousarray(array, DTYPES[dtype])
        shape = (ctypes.c_int64 * array.ndim)(*array.shape)
        size = array.size * (TSTRING_BYTES if dtype == STRING else array.itemsize)
        tensor = Pointer(self._c.TF_AllocateTensor(dtype, shape, array.ndim, ctypes.c_size_t(size)))
        data = self._c.TF_TensorData(tensor)
        if dtype == STRING:
            for index, text in enumerate(array.ravel()):
                text = text.encode() if isinstance(text, str) else text
                place = Pointer(data + index * TSTRING_BYTES)
                self._c.TF_StringInit(place)
                self._c.TF_StringCopy(place, text, ctypes.c_size_t(len(text)))
        elif size:
            ctypes.memmove(data, array.ctypes.data, size)
        return tensor

    def _to_array(self, tensor):
        dtype = self._c.TF_TensorType(tensor)
        shape = [self._c.TF_Dim(tensor, axis) for axis in range(self._c.TF_NumDims(tensor))]
        count = int(np.prod(shape))
        data = self._c.TF_TensorData(tensor)
        if dtype == STRING:
            places = [Pointer(data + index * TSTRING_BYTES) for index in range(count)]
            texts = [
                ctypes.string_at(
                    self._c.TF_StringGetDataPointer(place), self._c.TF_StringGetSize(place)
                )
                for place in places
            ]
            return np.array(texts, object).reshape(shape)
        raw = ctypes.string_at(data, count * DTYPES[dtype].itemsize) if count else b""
        return np.frombuffer(raw, DTYPES[dtype]).reshape(shape)

    def run(self, signature, inputs):
        """Runs a signature.

        Args:
            signature: Its name.
            inputs: Dict from input to array.

        Returns:
            Dict from output to array.

        Raises:
            Refused: If an input is missing or unknown, or the graph raises an error.
        """
        described = self.signatures[signature]
        if set(inputs) != set(described.inputs):
            raise Refused(
                INVALID_ARGUMENT,
                f"inputs {sorted(inputs)} are not {sorted(described.inputs)}",
            )
        names, outputs = list(inputs), list(described.outputs)
        feeds = (_Output * len(names))(*(self._output(described.inputs[n]) for n in names))
        values = (Pointer * len(names))(
            *(self._to_tensor(inputs[n], described.inputs[n].dtype) for n in names)
        )
        fetches = (_Output * len(outputs))(*(self._output(described.outputs[n]) for n in outputs))
        results = (Pointer * len(outputs))()
        status = Pointer(self._c.TF_NewStatus())  # of this call: a server makes several at once
        self._c.TF_SessionRun(
            self._session, None, feeds, values, len(names), fetches, results, len(outputs),
            None, 0, None, status,
        )  # fmt: skip
        for tensor in values:
            self._c.TF_DeleteTensor(Pointer(tensor))
        try:
            self._check(status)
        finally:
            self._c.TF_DeleteStatus(status)
        found = {n: self._to_array(Pointer(tensor)) for n, tensor in zip(outputs, results)}
        for tensor in results:
            self._c.TF_DeleteTensor(Pointer(tensor))
        return found
