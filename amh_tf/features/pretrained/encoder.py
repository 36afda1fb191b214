"""What encoders of sound, words and pictures have in common."""

import contextlib
import time

from amh_tf import feature_kinds


class Encoder:
    """A frozen network, and what is taken of it.

    Args:
        network: Of `hugging_face` or `onnx_file`.
        chosen: `choice.Choice`.
        digests: Dict from the names of its files to their SHA-256.
        steps_per_second: How many vectors a second it gives; None for words.

    Attributes:
        width: Numbers of a vector.
        record: What a data set says of it: a dict that JSON can hold.
        seconds: How long the network, and what prepares its inputs, have run so far.
    """

    def __init__(self, network, chosen, digests, steps_per_second=None):
        self._network = network
        self._batch = min(chosen.batch, getattr(network, "batch", None) or chosen.batch)
        self.width, self.seconds = network.width, 0.0
        self.record = {
            "kind": feature_kinds.PRETRAINED,
            "encoder": chosen.name,
            "architecture": network.architecture,
            "files": digests,
            "layer": chosen.layer,
            "dtype": chosen.dtype,
            "width": self.width,
        }
        if steps_per_second is not None:
            self.record["steps_per_second"] = float(steps_per_second)

    def _run(self, batch):
        with self._timed():
            return self._network(batch)

    @contextlib.contextmanager
    def _timed(self):
        start = time.monotonic()
        try:
            yield
        finally:
            self.seconds += time.monotonic() - start
