"""What can be chosen of ResNet-101: its weights file and its precision. Imports no TensorFlow."""

from pathlib import Path

from amh_tf import errors

DTYPES = ("float32", "bfloat16")
RANDOM = "random"
KERAS_ENDINGS = (".h5", ".keras")
TORCHVISION_ENDINGS = (".npz", ".safetensors")
_KERAS_FILE = "resnet101_weights_tf_dim_ordering_tf_kernels_notop.h5"
HOW_TO_GET = f"""\
Two kinds of file can be used:
- Keras: {_KERAS_FILE} from
  https://storage.googleapis.com/tensorflow/keras-applications/resnet/{_KERAS_FILE}
  (described at https://keras.io/api/applications/resnet/)
- torchvision, saved by these lines where torchvision is installed:
    import numpy, torchvision
    net = torchvision.models.resnet101(weights="IMAGENET1K_V1")
    numpy.savez("resnet101.npz", **{{k: v.numpy() for k, v in net.state_dict().items()}})
Set it with --resnet_weights=PATH."""


def check_weights(path):
    """Refuses what is not a weights file by its name, or is not there.

    Args:
        path: The file, or `RANDOM`.

    Raises:
        ValueError: If so.
    """
    if path == RANDOM:
        return
    path = Path(path)
    endings = KERAS_ENDINGS + TORCHVISION_ENDINGS
    if path.suffix not in endings or not path.is_file():
        received = f"resnet_weights={str(path)!r}" + (", no file" * (not path.is_file()))
        raise errors.InputError(
            "`resnet_weights` is not a weights file. Expected a file that ends in "
            f"{', '.join(endings)}, or {RANDOM!r}. Received: {received}.\n{HOW_TO_GET}"
        )
