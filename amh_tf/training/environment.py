"""What a run is computed with: kernel, threads, processor, versions."""

import json
import os
import platform

import keras
import numpy as np
import tensorflow as tf

import amh_tf
from amh_tf import errors, files
from amh_tf.layers.kernels import compiled, compiler

FILE_NAME = "environment.json"
_EXPECTED = "the environments that `amh_tf.train` writes"
# Vector instructions and the like, by the beginnings of their names on x86 and Arm: numbers may
# differ in their last bits where these do.
_FEATURES = ("avx", "fma", "f16c", "sse4", "amx", "asimd", "sve", "bf16", "fphp", "i8mm")


def describe(kernel: str) -> dict[str, str | int]:
    """Describes this process; call once its threads are set.

    Args:
        kernel: Kernel of the recurrences, as resolved.
    """
    features = compiler.processor().partition(":")[2].split()
    return {
        "amh_tf": amh_tf.__version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor_features": " ".join(sorted(n for n in features if n.startswith(_FEATURES))),
        "gpus": len(tf.config.list_physical_devices("GPU")),
        "kernel": kernel,
        "threads": compiled.threads(),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
    }


def record(folder, described: dict) -> list[tuple]:
    """Adds an environment to those that a run was computed in, unless it is the last.

    Args:
        folder: `pathlib.Path` of the run.
        described: As of `describe`.

    Returns:
        List of (name, old, new): what differs from the last.

    Raises:
        ValueError: If the file is damaged.
    """
    path = folder / FILE_NAME
    earlier = _load(path)
    last = earlier[-1] if earlier else {}
    different = [
        (name, last.get(name), described.get(name))
        for name in sorted(last.keys() | described.keys())
        if last.get(name) != described.get(name)
    ]
    if different:
        files.write_text(path, json.dumps({"environments": [*earlier, described]}, indent=1) + "\n")
    return different if earlier else []


def _load(path):
    if not path.is_file():
        return []
    earlier = files.read_json(path, _EXPECTED).get("environments")
    if not isinstance(earlier, list) or not all(isinstance(entry, dict) for entry in earlier):
        raise errors.refusal(
            f"{str(path)!r} cannot be read",
            _EXPECTED,
            "something else",
            "Delete it; the run continues without it.",
        )
    return earlier


def tell(different: list[tuple]) -> str:
    """Says what differs from where a run was begun, in one line."""
    changed = "; ".join(f"{name} was {old}, now {new}" for name, old, new in different)
    return f"The run continues in another environment: {changed}."
