import h5py
import keras
import numpy as np
import pytest

from amh_tf.features import pictures, resnet, resnet_weights, video

RNG = np.random.default_rng(0)
FRAMES = RNG.integers(0, 256, (3, 256, 300, 3), np.uint8)
CROPPED = FRAMES[:, 16:240, 38:262]


@pytest.fixture(scope="module")
def net():
    return video.FeatureNet("random", batch_size=2)


def relative(got, expected):
    return np.abs(got - expected).max() / np.abs(expected).max()


def test_features_are_those_of_the_normalized_pictures(net):
    network = resnet.build(resnet.TORCHVISION, resnet_weights.random(0))
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = network(((CROPPED / 255 - mean) / deviation).astype(np.float32)).numpy()
    features = net(FRAMES)
    assert features.shape == (3, 2048) and features.dtype == np.float32
    assert relative(features, expected) < 1e-5
    assert features.std(axis=0).max() > 1e-3 * np.abs(features).max()  # pictures differ


def test_features_do_not_depend_on_the_batch(net):
    features = net(FRAMES)
    for number in range(len(FRAMES)):
        assert relative(net(FRAMES[number : number + 1])[0], features[number]) < 1e-4


def test_no_frames_give_no_features(net):
    features = net(np.zeros((0, 480, 360, 3), np.uint8))
    assert features.shape == (0, 2048) and features.dtype == np.float32


def test_pictures_are_scaled_before_they_are_cut(net):
    large = np.random.default_rng(1).integers(0, 256, (1, 480, 360, 3), np.uint8)
    scaled = pictures.scale(large[0])[np.newaxis]
    np.testing.assert_array_equal(net(large), net(scaled))


def write_legacy_weights(network, path):
    """Writes weights as Keras 2 did, which is how the official file is stored."""
    with h5py.File(path, "w") as file:
        layers = [
            layer for layer in network.layers if not isinstance(layer, keras.layers.InputLayer)
        ]
        file.attrs["layer_names"] = [layer.name.encode() for layer in layers]
        file.attrs["backend"], file.attrs["keras_version"] = b"tensorflow", b"2.2.4"
        for layer in layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{weight.name}:0" for weight in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.get_weights(), strict=True):
                group[name] = weight


@pytest.mark.slow
def test_keras_weights_give_keras_features(net, tmp_path):
    reference = keras.applications.ResNet101(weights=None, include_top=False, pooling="avg")
    rng = np.random.default_rng(2)
    for layer in reference.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.gamma.shape
            gain = rng.uniform(0.5, 1.5, shape) * (0.2 if layer.name.endswith("3_bn") else 1)
            offset, mean = rng.normal(0, 0.1, (2, *shape))
            layer.set_weights([gain, offset, mean, rng.uniform(0.5, 1.5, shape)])
    prepared = keras.applications.resnet.preprocess_input(CROPPED[:1].astype(np.float32))
    expected = reference(prepared, training=False).numpy()
    write_legacy_weights(reference, tmp_path / "legacy.h5")
    reference.save_weights(tmp_path / "resnet101.weights.h5")
    prints = {net.fingerprint}
    for name in ("legacy.h5", "resnet101.weights.h5"):
        loaded = video.FeatureNet(tmp_path / name)
        assert relative(loaded(FRAMES[:1]), expected) < 1e-5
        prints.add(loaded.fingerprint)
    assert len(prints) == 3


@pytest.mark.slow
def test_bfloat16_is_close(net):
    coarse = video.FeatureNet("random", dtype="bfloat16")
    assert relative(coarse(FRAMES), net(FRAMES)) < 0.02


def test_network_is_not_built_before_it_is_needed(monkeypatch):
    """A finished data set is known by the fingerprint alone."""
    monkeypatch.setattr(resnet, "build", None)
    built_later = video.FeatureNet("random")
    assert built_later.fingerprint
    with pytest.raises(TypeError):
        built_later.load()


def test_fingerprint_tells_what_changes_features(net):
    same = video.FeatureNet("random", batch_size=7)
    assert same.fingerprint == net.fingerprint
    others = [{"seed": 1}, {"dtype": "bfloat16"}, {"resize": False}]
    found = {video.FeatureNet("random", **other).fingerprint for other in others}
    assert len(found | {net.fingerprint}) == 4


@pytest.mark.parametrize(
    ("settings", "named"), [({"dtype": "float64"}, "`dtype`"), ({"batch_size": 0}, "`batch_size`")]
)
def test_impossible_settings_are_refused(settings, named):
    with pytest.raises(ValueError, match=named):
        video.FeatureNet("random", **settings)


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros((1, 224, 224, 3)),
        np.zeros((224, 224, 3), np.uint8),
        np.zeros((1, 9, 9, 4), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(net, frames):
    with pytest.raises(ValueError, match="uint8 of shape"):
        net(frames)
