"""The configuration that starts the server."""

import pytest

from amh_tf import config
from amh_tf.deploy import warmup
from tests.deploy import conftest

KIT = conftest.ROOT / "export" / "serving"
yaml = pytest.importorskip("yaml", reason="pyyaml, of the extra test")


def read(name):
    return list(yaml.safe_load_all((KIT / name).read_text()))


@pytest.fixture
def compose():
    (described,) = read("compose.yaml")
    return described["services"]["amh"]


@pytest.fixture
def kubernetes():
    deployment, service = read("kubernetes.yaml")
    return deployment["spec"]["template"]["spec"], service


def test_model_configuration_is_the_servers_own_message():
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    parsed = text_format.Parse(
        (KIT / "models.config").read_text(), model_server_config_pb2.ModelServerConfig()
    )
    (model,) = parsed.model_config_list.config
    # The name that clients and warm-up requests use, where the compose file mounts it.
    assert (model.name, model.base_path) == ("amh", "/models/amh")


def test_both_ways_start_the_same_pinned_server(compose, kubernetes):
    (container,) = kubernetes[0]["containers"]
    assert compose["image"] == container["image"]
    assert compose["image"].partition(":")[2].count(".") == 2
    assert compose["entrypoint"] + compose["command"] == container["command"] + container["args"]
    (kustomization,) = read("kustomization.yaml")
    (generated,) = kustomization["configMapGenerator"]
    mentioned = [a.partition("=/config/")[2] for a in container["args"] if "/config/" in a]
    assert sorted(mentioned) == sorted(generated["files"])
    assert all((KIT / name).is_file() for name in mentioned)
    mounted = [v.split(":")[0] for v in compose["volumes"] if v.startswith("./")]
    assert sorted(mounted) == sorted(f"./{name}" for name in mentioned)


def test_compose_runs_with_few_rights(compose):
    assert compose["user"].split(":")[0] not in ("0", "root")
    assert compose["read_only"] and compose["cap_drop"] == ["ALL"]
    assert all(volume.endswith(":ro") for volume in compose["volumes"])
    assert {"cpus", "memory", "pids"} <= compose["deploy"]["resources"]["limits"].keys()
    assert all(port.startswith("127.0.0.1:") for port in compose["ports"])


def test_kubernetes_runs_with_few_rights(kubernetes):
    pod, service = kubernetes
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert {"cpu", "memory"} <= container["resources"]["limits"].keys()
    names = {port["name"] for port in container["ports"]}
    assert {port["targetPort"] for port in service["spec"]["ports"]} <= names


def test_warmup_stays_within_a_batch_of_the_server():
    text = (KIT / "batching.config").read_text()
    (largest,) = [line for line in text.splitlines() if line.startswith("max_batch_size")]
    assert max(warmup.BATCH_SIZES) <= int(largest.partition("value: ")[2].rstrip(" }"))
    assert "pad_variable_length_inputs: true" in text
    inputs = warmup.request_inputs(
        "raw_wav", ["wav_bytes", "video", "video_length"], config.ModelConfig(9), 3
    )
    assert len(inputs["wav_bytes"]) == len(inputs["video"]) == 3
