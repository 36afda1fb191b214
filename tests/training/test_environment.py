"""A run says what it was computed with, and where that changes."""

import json
import os
import platform
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import amh_tf
from amh_tf.training import environment
from tests.training.tiny_runs import train


def test_every_run_says_what_it_was_computed_with(tiny_data, tmp_path):
    train(tiny_data, tmp_path / "run")
    stored = json.loads((tmp_path / "run" / "environment.json").read_text())
    (described,) = stored["environments"]
    assert described["kernel"] in ("compiled", "packed")
    versions = {
        "amh_tf": amh_tf.__version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
    assert {name: described[name] for name in versions} == versions
    assert 1 <= described["threads"] <= os.cpu_count()
    if platform.machine() == "x86_64":
        flags = Path("/proc/cpuinfo").read_text()
        assert ("avx2" in described["processor_features"].split()) == (" avx2 " in flags)


def test_environments_are_kept_in_order_and_differences_told(tmp_path):
    begun = {"threads": 2, "tensorflow": "2.17.0", "kernel": "compiled"}
    assert environment.record(tmp_path, begun) == []
    assert environment.record(tmp_path, begun) == []
    later = {"threads": 8, "tensorflow": "2.17.0", "kernel": "compiled", "gpus": 1}
    different = environment.record(tmp_path, later)
    assert different == [("gpus", None, 1), ("threads", 2, 8)]
    assert environment.tell(different) == (
        "The run continues in another environment: gpus was None, now 1; threads was 2, now 8."
    )
    stored = json.loads((tmp_path / "environment.json").read_text())
    assert stored == {"environments": [begun, later]}


@pytest.mark.parametrize("content", ["[]", "{}", '{"environments": 1}', '{"environments": [1]}'])
def test_damaged_record_is_refused(tmp_path, content):
    (tmp_path / "environment.json").write_text(content)
    with pytest.raises(ValueError, match=r"environment\.json.*cannot be read"):
        environment.record(tmp_path, {"threads": 1})
