from collections.abc import Container, Iterable, Mapping
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from amh_tf import errors
from amh_tf.layers import bilinear_attention
from amh_tf.layers.kernels import attention, choice, hops

# The paper attends to video first: its eq. 2, then audio (eq. 3), then text (eq. 4).
HOP_ORDER = ("video", "audio", "text")


@keras.saving.register_keras_serializable(package="amh_tf")
class HopSchedule(keras.layers.Layer):
    """Hops from modality to modality, renewing one modality's vector at each hop.

    Hop 1 attends over the video states given the audio and text vectors, hop 2 over the
    audio states given the text vector and the new video vector, hop 3 over the text states
    given both, hop 4 over video again, and so on. Every hop has a `BilinearAttention` of
    its own. A modality that is not among the inputs is passed over in the schedule.

    Masking: padded steps get weight zero. A modality of length 0 stays at zeros.

    Args:
        num_hops: Integer of at least 1.
        order: Modalities in the order in which hops attend to them, over and over. Defaults
            to video, audio, text. A hop's query joins the vectors of the other modalities in the
            alphabetical order of their names.

    Call arguments:
        vectors: Dict from modality to its last encoder state, `(batch, dim)`.
        states: Dict from modality to its encoder states, `(batch, time, dim)`.
        masks: Dict from modality to a bool tensor of shape `(batch, time)`.

    Returns:
        Dict from modality to the vector after the last hop, `(batch, dim)`; list of the
        hops' attention weights, each `(batch, time)` of the modality it attends to.

    Raises:
        ValueError: If `num_hops` is below 1 or fewer than two modalities are given.

    Reference:
     - Yoon et al., 2020, arXiv 1912.00846, eq. 2-5

    Example:

    >>> import numpy as np
    >>> shapes = {"audio": (1, 9, 4), "text": (1, 5, 3), "video": (1, 2, 2)}
    >>> states = {name: np.ones(shape) for name, shape in shapes.items()}
    >>> last = {name: sequence[:, -1] for name, sequence in states.items()}
    >>> masks = {name: np.ones((1, sequence.shape[1]), bool) for name, sequence in states.items()}
    >>> layer = HopSchedule(4)
    >>> layer.targets(states)
    ['video', 'audio', 'text', 'video']
    >>> vectors, weights = layer(last, states, masks)
    >>> vectors["audio"].shape, [weight.shape[1] for weight in weights]
    (TensorShape([1, 4]), [2, 9, 5, 2])
    """

    def __init__(self, num_hops: int, order: Iterable[str] = HOP_ORDER, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(num_hops, int) or num_hops < 1:
            raise errors.refusal(
                "`num_hops` is out of range", "an integer of at least 1", f"num_hops={num_hops}"
            )
        self.num_hops = num_hops
        self.order = tuple(order)
        self.attentions = [
            bilinear_attention.BilinearAttention(name=f"hop_{hop + 1}", dtype=self.dtype_policy)
            for hop in range(num_hops)
        ]

    def targets(self, modalities: Container[str]) -> list[str]:
        """Returns the modality that each hop attends to, by those present."""
        order = [modality for modality in self.order if modality in modalities]
        return [order[hop % len(order)] for hop in range(self.num_hops)]

    def build(self, vectors_shape, states_shape, masks_shape):
        if len(vectors_shape) < 2:
            raise errors.refusal(
                "Too few modalities to hop between", "at least two", f"{sorted(vectors_shape)}"
            )
        dims = {modality: shape[-1] for modality, shape in vectors_shape.items()}
        for target, layer in zip(self.targets(dims), self.attentions):
            query_dim = sum(dim for modality, dim in dims.items() if modality != target)
            layer.build((None, query_dim), states_shape[target])
        self.built = True

    def _query(self, vectors, target):
        others = [vectors[modality] for modality in sorted(vectors) if modality != target]
        return others[0] if len(others) == 1 else ops.concatenate(others, axis=-1)

    def call(
        self,
        vectors: Mapping[str, tf.Tensor],
        states: Mapping[str, tf.Tensor],
        masks: Mapping[str, tf.Tensor],
    ) -> tuple[dict[str, tf.Tensor], list[tf.Tensor]]:
        targets = self.targets(vectors)
        if choice.is_fused(self.compute_dtype) and len(vectors) > 1:
            return self._call_fused(vectors, states, masks, targets)
        vectors = dict(vectors)
        weights = []
        shares = {
            target: attention.share(states[target], targets.count(target)) for target in targets
        }
        for target, layer in zip(targets, self.attentions):
            query = self._query(vectors, target)
            shared = shares[target].pop()
            vectors[target], weight = layer.attend(query, shared, masks[target])
            weights.append(weight)
        return vectors, weights

    def _call_fused(self, vectors, states, masks, targets):
        present = sorted(vectors)
        parts = ([part[modality] for modality in present] for part in (vectors, states, masks))
        weights = [layer.weights_as(self.compute_dtype) for layer in self.attentions]
        last, attended = hops.run(*parts, weights, [present.index(target) for target in targets])
        return dict(zip(present, last)), list(attended)

    def compute_mask(self, *args, **kwargs):
        return None

    def compute_output_spec(self, vectors, states, masks):
        return (
            {
                modality: keras.KerasTensor(vector.shape, dtype=self.compute_dtype)
                for modality, vector in vectors.items()
            },
            [
                keras.KerasTensor(states[target].shape[:2], dtype="float32")
                for target in self.targets(vectors)
            ],
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_hops": self.num_hops, "order": list(self.order)}
