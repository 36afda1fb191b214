"""ONNX files run by ONNX Runtime on the processor."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from amh_tf import errors


class Runner:
    """Runs a file.

    Args:
        path: The file, or its contents.
        threads: Threads of each operator.

    Raises:
        InputError: If the file cannot be run.
    """

    def __init__(self, path: str | Path | bytes, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        contents = path if isinstance(path, bytes) else str(path)
        try:
            self._session = onnxruntime.InferenceSession(
                contents, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime raises a dozen types of its own
            name = "The model" if isinstance(path, bytes) else repr(str(path))
            raise errors.refusal(
                f"{name} cannot be run", "an ONNX file", str(error)[:300].rstrip(".")
            ) from error
        self.inputs = [value.name for value in self._session.get_inputs()]
        self.outputs = [value.name for value in self._session.get_outputs()]

    @property
    def metadata(self) -> dict[str, str]:
        """What the file says of itself, as `description.of` writes it."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def start(self, batch: int = 1) -> dict[str, np.ndarray]:
        """Returns what a stream's encoder goes on from at its start: zeros, by input."""
        return {
            value.name: np.zeros((value.shape[0], batch, value.shape[2]), np.float32)
            for value in self._session.get_inputs()
            if value.name.endswith(("_state", "_cell"))
        }

    def __call__(
        self, inputs: Mapping[str, np.ndarray], outputs: Sequence[str] | None = None
    ) -> dict[str, np.ndarray]:
        """Runs it once.

        Args:
            inputs: Dict of arrays by name; those that it does not read are left out.
            outputs: Names of the outputs that are asked for, or None for all.

        Returns:
            Dict of the outputs.
        """
        feeds, names = {name: inputs[name] for name in self.inputs}, outputs or self.outputs
        return dict(zip(names, self._session.run(list(names), feeds)))
