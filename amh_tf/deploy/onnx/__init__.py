"""A trained model as ONNX files of native operators: the whole, in a stream, and from a waveform.

`write.write` writes all of them; `runtime.Runner` runs one.
"""

from amh_tf import errors

try:
    import onnx  # noqa: F401
    import onnxruntime  # noqa: F401
except ImportError as error:
    raise errors.refusal(
        "ONNX files cannot be made",
        "the packages onnx and onnxruntime",
        error,
        "Install them with pip install 'amh_tf[onnx]'.",
    ) from error
