"""The edge module as an ONNX file, for ONNX Runtime."""

import tensorflow as tf

from amh_tf import errors

OPSET = 18


def _packages():
    try:
        import onnxruntime
        import tf2onnx
    except (ImportError, AttributeError) as error:
        raise errors.refusal(
            "ONNX files cannot be made",
            "the packages tf2onnx, onnx and onnxruntime",
            error,
            "Install them with pip install 'amh_tf[onnx]'.",
        ) from error
    return tf2onnx, onnxruntime


def convert(edge_dir):
    """Converts the edge module.

    Args:
        edge_dir: Folder of its SavedModel.

    Returns:
        The file's bytes. Inputs and output are those of the edge module, but that NaN in the
        padding gives NaN too: tf2onnx turns choices into products.

    Raises:
        ValueError: If what is needed is not installed.
    """
    tf2onnx, _ = _packages()
    loaded = tf.saved_model.load(str(edge_dir))  # kept, since it owns the variables
    signature = loaded.signatures["serving_default"]
    specs = signature.structured_input_signature[1]
    names = sorted(specs)
    function = tf.function(lambda *values: signature(**dict(zip(names, values))))
    described = [tf.TensorSpec(specs[name].shape, specs[name].dtype, name) for name in names]
    model, _ = tf2onnx.convert.from_function(function, input_signature=described, opset=OPSET)
    return model.SerializeToString()


class Runner:
    """Runs a file on the processor, one utterance at a time.

    Args:
        path: The file.
        threads: Threads of each operation.
    """

    def __init__(self, path, threads=1):
        _, onnxruntime = _packages()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, inputs):
        """Answers one utterance: probabilities `(classes,)`, as `litert.Runner`."""
        (probabilities,) = self._session.run(["probabilities"], inputs)
        return probabilities[0]
