"""The kinds of distribution, and what TF_CONFIG says of this worker; without TensorFlow."""

import json
import os

from amh_tf import errors

KINDS = ("none", "mirrored", "multi_worker")
ROLES = ("chief", "worker")


def is_chief(kind: str) -> bool:
    """Returns whether this worker of a distribution writes the run's folder.

    Args:
        kind: One of `KINDS`. Of "multi_worker" the environment variable TF_CONFIG tells.

    Raises:
        InputError: If the kind is unknown, or TF_CONFIG is missing or damaged.
    """
    if kind not in KINDS:
        raise errors.unknown("distribution", kind, KINDS, flag="distribution")
    return kind != "multi_worker" or _is_chief(os.environ.get("TF_CONFIG"))


def _is_chief(text):
    try:
        if not text:
            raise errors.InputError("none")
        fields = json.loads(text)
        cluster, task = fields["cluster"], fields["task"]
        role, index = task["type"], int(task["index"])
        if set(cluster) - set(ROLES) or role not in ROLES:
            raise errors.InputError(f"the role {role!r} among {sorted(cluster)}")
        if not 0 <= index < len(cluster[role]):
            raise errors.InputError(f"the {role} {index} of {len(cluster[role])}")
        return role == "chief" or (index == 0 and "chief" not in cluster)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise errors.refusal(
            "`TF_CONFIG` does not name the workers",
            "JSON as {'cluster': {'worker': ['host:port', ...]}, 'task': {'type': 'worker', "
            "'index': 0}}, with a chief or without",
            f"{type(error).__name__}: {error}",
            "A launcher sets it, such as Kubeflow's TFJob; train on one machine with "
            "--distribution=none or mirrored.",
        ) from error
