"""What networks of folders in Hugging Face's layout share: how they are read and run.

Files of the folder alone are read: no address is looked up, no code and no pickle of a folder run.
"""

import contextlib
from pathlib import Path

import numpy as np

from amh_tf.features.pretrained import choice, network

_LOCAL = {"local_files_only": True, "trust_remote_code": False}
# Weights of these are trained with a task that is not ours: no hidden state is made of them.
_UNUSED = ("pooler.", "masked_spec_embed", "position_ids")


class Folder:
    """A model of a folder.

    Args:
        modality: Whose features it makes.
        chosen: `choice.Choice`, checked by `encoder_files.check`.

    Attributes:
        name, architecture: What the folder and the class of its model are called.
        width: Numbers of a vector.
        model: The part of the model that is needed.
        layers: As of `choice.Choice`.
        missing: Names of its weights that the folder does not have.

    Raises:
        InputError: If it cannot be read, or is not what its configuration says.
        ImportError: If the extra `transformers` is not installed.
    """

    def __init__(self, modality, chosen):
        self.name, self.flag = chosen.name, choice.FLAGS[modality]
        self._torch = network.library("torch")
        self._transformers = network.library("transformers")
        self._transformers.utils.logging.disable_progress_bar()
        self._transformers.utils.logging.set_verbosity_error()  # what matters is refused below
        self._path, self.layers = str(Path(chosen.path).resolve()), chosen.layers
        self._dtype = getattr(self._torch, chosen.dtype)
        self._device = "cuda" if self._torch.cuda.is_available() else "cpu"
        self.missing = ()
        self.model = self._read()
        self.architecture = type(self.model).__name__
        self._check_layers(modality)

    def load(self, auto_class, **options):
        """Reads a part of the folder; whatever a stranger's files raise is a refusal."""
        reader = getattr(self._transformers, auto_class)
        with self._refusing(f"what transformers' {auto_class} can read"):
            return reader.from_pretrained(self._path, **_LOCAL, **options)

    @contextlib.contextmanager
    def _refusing(self, expected):
        """Turns what the libraries raise on a stranger's files, almost anything, into a refusal."""
        try:
            yield
        except Exception as error:
            message = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            # The library prints the rest, which is silenced.
            if "ignore_mismatched_sizes" in message:
                message = "weights of other shapes than config.json says"
            raise network.unsuitable(
                self._path,
                self.flag,
                expected,
                message,
                f"Save it again with the package transformers, or set --{self.flag} to another.",
            ) from error

    def _read(self):
        model, loaded = self.load(
            "AutoModel", use_safetensors=True, dtype=self._dtype, output_loading_info=True
        )
        self._check_architecture(model)
        self.missing = tuple(loaded["missing_keys"])
        parts = {name for name, _ in model.named_children()}
        prefix = f"{model.base_model_prefix}."
        # Heads of other tasks are left out; parts of the model itself must fit one to one.
        surplus = [
            key
            for key in loaded["unexpected_keys"]
            if key.removeprefix(prefix).partition(".")[0] in parts
        ]
        wrong = [*self.missing, *surplus, *(str(key) for key in loaded["mismatched_keys"])]
        wrong = sorted(key for key in wrong if not any(unused in key for unused in _UNUSED))
        if wrong:
            raise network.unsuitable(
                self.name,
                self.flag,
                f"the weights of the {type(model).__name__} that its config.json describes",
                f"{len(wrong)} that are missing or too many, such as {wrong[0]}",
                "Save weights and configuration together, by save_pretrained.",
            )
        model = self.encoder_of(model)
        return model.to(self._device).eval().requires_grad_(False)

    def _check_architecture(self, model):
        """Refuses a configuration that contradicts itself; weights of like models share names."""
        for name in model.config.architectures or ():
            declared = getattr(self._transformers, str(name), None)
            config_class = getattr(declared, "config_class", None)
            if config_class and not isinstance(model.config, config_class):
                raise network.unsuitable(
                    self.name,
                    self.flag,
                    f"the {name} that its config.json names under architectures",
                    f"model_type={model.config.model_type!r} there",
                    "Save weights and configuration together, by save_pretrained.",
                )

    def encoder_of(self, model):
        """Returns the part of a model that is needed, of a model of all."""
        return model.get_encoder() if model.config.is_encoder_decoder else model

    def _check_layers(self, modality):
        count = getattr(self.model.config, "num_hidden_layers", None)
        if self.layers and (count is None or self.layers[1] > count):
            raise network.unsuitable(
                self.name,
                self.flag,
                "a layer of it, from 0 to its last",
                f"{modality}_layer={self.layers[1]}; it has {count or 'no'} hidden layers",
                f"Set it with --{modality}_layer.",
            )

    def prepare(self, processor, *inputs, **options):
        """Returns what a preprocessor of the folder makes of inputs."""
        with self._refusing(f"a {type(processor).__name__} that takes what it is given"):
            return processor(*inputs, **options)

    def run(self, **inputs):
        """Returns the model's outputs of a batch of arrays."""
        tensors = {
            name: self._torch.from_numpy(np.ascontiguousarray(array)).to(self._device)
            for name, array in inputs.items()
        }
        for name, tensor in tensors.items():
            if tensor.is_floating_point():
                tensors[name] = tensor.to(self._dtype)
        with self._torch.inference_mode(), self._refusing("a model that takes what it is given"):
            return self.model(**tensors, output_hidden_states=self.layers is not None)

    def hidden(self, outputs):
        """Returns what is taken of a batch's outputs, a float32 array."""
        if self.layers is None:
            return self.array(outputs.last_hidden_state)
        first, last = self.layers
        states = [state.float() for state in outputs.hidden_states[first : last + 1]]
        return self.array(sum(states) / len(states))

    def array(self, tensor):
        return network.check_values(tensor.float().cpu().numpy(), self.name, self.flag)
