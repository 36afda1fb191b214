"""Checks a small network of the same make step by step, and the large one by its weights."""

import keras
import numpy as np
import pytest
import safetensors.numpy

from amh_tf.features import resnet, resnet_weights

SMALL = {"blocks": (2, 1, 1, 1), "width": 4}


def state_dict(shapes):
    """Arrays as torchvision stores them, with variances above zero."""
    rng = np.random.default_rng(0)
    state = {}
    for name, shape in shapes.items():
        array = rng.standard_normal(shape)
        if name.endswith("running_var"):
            array = rng.uniform(0.5, 2, shape)
        elif len(shape) == 4:
            array *= np.sqrt(2 / np.prod(shape[1:]))
        state[name] = array.astype(np.float32)
    return state


def convolve(x, kernel, stride, padding):
    """Plain convolution: `x` (height, width, inputs), `kernel` (outputs, inputs, k, k)."""
    x = np.pad(x, ((padding, padding), (padding, padding), (0, 0)))
    size = kernel.shape[-1]
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(0, 1))
    return np.einsum("hwiyx,oiyx->hwo", windows[::stride, ::stride], kernel, optimize=True)


def torchvision_features(x, state, blocks):
    """torchvision's ResNet as `torchvision/models/resnet.py` has it, in float64."""

    def norm(x, name):
        gain, offset, mean, variance = (
            state[f"{name}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / np.sqrt(variance.astype(np.float64) + 1e-5) * gain + offset

    def relu(x):
        return np.maximum(x, 0)

    x = relu(norm(convolve(x, state["conv1.weight"], 2, 3), "bn1"))
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)), constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
    x = windows[::2, ::2].max(axis=(-1, -2))
    for stage, count in enumerate(blocks):
        for block in range(count):
            name = f"layer{stage + 1}.{block}"
            stride = 2 if stage > 0 and block == 0 else 1
            y = relu(norm(convolve(x, state[f"{name}.conv1.weight"], 1, 0), f"{name}.bn1"))
            y = relu(norm(convolve(y, state[f"{name}.conv2.weight"], stride, 1), f"{name}.bn2"))
            y = norm(convolve(y, state[f"{name}.conv3.weight"], 1, 0), f"{name}.bn3")
            if block == 0:
                x = convolve(x, state[f"{name}.downsample.0.weight"], stride, 0)
                x = norm(x, f"{name}.downsample.1")
            x = relu(x + y)
    return x.mean(axis=(0, 1))


def test_torchvision_network_agrees_with_numpy():
    state = state_dict(resnet_weights.state_dict_shapes(**SMALL))
    weights = resnet_weights.from_state_dict("small", state, **SMALL)
    network = resnet.build(resnet.TORCHVISION, weights, **SMALL)
    x = np.random.default_rng(1).standard_normal((2, 224, 224, 3))
    features = network(x.astype(np.float32)).numpy()
    assert features.shape == (2, 128)
    expected = [torchvision_features(picture, state, SMALL["blocks"]) for picture in x]
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_other_stride_gives_another_network():
    weights = resnet_weights.random(0, **SMALL)
    x = np.random.default_rng(1).standard_normal((1, 224, 224, 3)).astype(np.float32)
    ours, theirs = (
        resnet.build(shape, weights, **SMALL)(x).numpy()
        for shape in (resnet.TORCHVISION, resnet.KERAS)
    )
    assert np.abs(ours - theirs).max() > 1e-3 * np.abs(ours).max()


def test_state_dict_is_that_of_torchvision():
    shapes = resnet_weights.state_dict_shapes()
    # torchvision's resnet101 has 44,549,160 parameters, its classifier 2,049,000 of them.
    learned = [shape for name, shape in shapes.items() if "running" not in name]
    assert sum(int(np.prod(shape)) for shape in learned) == 42_500_160
    assert len(shapes) == 520
    for name, shape in {
        "conv1.weight": (64, 3, 7, 7),
        "bn1.running_var": (64,),
        "layer1.0.conv1.weight": (64, 64, 1, 1),
        "layer1.0.downsample.0.weight": (256, 64, 1, 1),
        "layer1.2.bn3.bias": (256,),
        "layer2.3.conv2.weight": (128, 128, 3, 3),
        "layer3.22.conv1.weight": (256, 1024, 1, 1),
        "layer4.0.downsample.1.running_mean": (2048,),
        "layer4.2.conv3.weight": (2048, 512, 1, 1),
    }.items():
        assert shapes[name] == shape
    assert "layer3.23.conv1.weight" not in shapes and "layer1.1.downsample.0.weight" not in shapes


@pytest.fixture(scope="module")
def state_files(tmp_path_factory):
    """The same weights in both kinds of file, with what torchvision stores besides."""
    state = state_dict(resnet_weights.state_dict_shapes())
    state |= {
        "fc.weight": np.zeros((1000, 2048), np.float32),
        "bn1.num_batches_tracked": np.int64(7),
    }
    state["bn1.num_batches_tracked"] = np.array(7)
    folder = tmp_path_factory.mktemp("weights")
    np.savez(folder / "resnet101.npz", **state)
    safetensors.numpy.save_file(state, folder / "resnet101.safetensors")
    return folder, state


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
def test_state_dict_is_read(state_files, ending):
    folder, state = state_files
    shape, _ = resnet_weights.origin(folder / f"resnet101.{ending}")
    weights = resnet_weights.read(folder / f"resnet101.{ending}")
    assert shape is resnet.TORCHVISION
    assert len(weights) == 104
    for name, norm in (("conv1", "bn1"), ("layer4.0.downsample.0", "layer4.0.downsample.1")):
        factor = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + 1e-5)
        kernel, bias = weights[name]
        expected = np.moveaxis(state[f"{name}.weight"], (0, 1), (3, 2)) * factor
        np.testing.assert_allclose(kernel, expected, rtol=1e-5)
        expected = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * factor
        np.testing.assert_allclose(bias, expected, rtol=1e-4, atol=1e-5)


def refuse(path, *parts):
    with pytest.raises(ValueError) as caught:
        resnet_weights.read(path)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize("name", ["absent.h5", "absent.npz", "absent", "resnet101.pth", ""])
def test_missing_file_says_how_to_get_it(tmp_path, name):
    (tmp_path / "resnet101.pth").write_bytes(b"pickle")
    refuse(
        tmp_path / name,
        "resnet101_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "https://keras.io/api/applications/resnet/",
        "numpy.savez",
        "--resnet_weights=PATH",
    )


@pytest.mark.parametrize("name", ["a.h5", "a.weights.h5", "a.keras", "a.npz", "a.safetensors"])
@pytest.mark.parametrize("content", [b"", b"garbage" * 100])
def test_damaged_file_is_refused_by_name(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    refuse(tmp_path / name, name, "does not hold the weights")


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
@pytest.mark.parametrize("part", ["missing", "shape", "type", "value", "cut"])
def test_wrong_state_dict_is_refused(tmp_path, monkeypatch, ending, part):
    shapes = resnet_weights.state_dict_shapes(**SMALL)
    convolutions = resnet.convolutions(**SMALL)
    monkeypatch.setattr(resnet_weights, "state_dict_shapes", lambda *_: shapes)
    monkeypatch.setattr(resnet, "convolutions", lambda *_: convolutions)
    state, name = state_dict(shapes), "layer2.0.conv2.weight"
    if part == "missing":
        del state[name]
    elif part == "shape":
        state[name] = state[name].transpose(3, 2, 1, 0).copy()
    elif part == "type":
        state[name] = state[name].astype(np.int32)
    elif part == "value":
        state[name][0, 0, 0, 0] = np.nan
    path = tmp_path / f"wrong.{ending}"
    if ending == "npz":
        np.savez(path, **state)
    else:
        safetensors.numpy.save_file(state, path)
    if part == "cut":
        path.write_bytes(path.read_bytes()[:-1000])
    named = "layer2.0.conv2" if part != "cut" else "whole file"
    refuse(path, "wrong", named)


def test_objects_in_an_archive_are_not_executed(tmp_path):
    np.savez(tmp_path / "objects.npz", **{"conv1.weight": np.array([print], object)})
    refuse(tmp_path / "objects.npz", "allow_pickle=False")


def test_other_keras_network_is_refused(tmp_path):
    inputs = keras.Input((8, 8, 3))
    network = keras.Model(inputs, keras.layers.Conv2D(4, 3)(inputs))
    network.save_weights(tmp_path / "other.weights.h5")
    refuse(tmp_path / "other.weights.h5", "keras.applications.ResNet101", "Received")
