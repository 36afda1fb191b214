"""The same network in PyTorch, on the same batches, which it reads from memory."""

import os
import time

import amh_tf  # noqa: F401  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
import tensorflow as tf
import torch
from torch import nn

from amh_tf import schema
from tools.speed import data
from tools.speed.stock_keras import DROPOUT, HOP_ORDER, TRIALS

HOPELESS = 5  # times as slow as the other variant in its first batch


class Network(nn.Module):
    """AMH-N of `nn.GRU`, which has the `reset_after` variant alone."""

    def __init__(self, num_hops=7):
        super().__init__()
        self.words = nn.Embedding(data.VOCABULARY_SIZE, data.SIZES["text"][0])
        self.encoders = nn.ModuleDict(
            {
                name: nn.GRU(dim, units, batch_first=True)
                for name, (dim, units) in data.SIZES.items()
            }
        )
        units = {name: size[1] for name, size in data.SIZES.items()}
        total = sum(units.values())
        self.targets = [HOP_ORDER[hop % 3] for hop in range(num_hops)]
        self.hops = nn.ModuleList(
            nn.Linear(total - units[target], units[target]) for target in self.targets
        )
        self.logits = nn.Linear(total, len(schema.PAPER_CLASSES))

    def forward(self, inputs, packed):
        """Computes logits; `packed` says whether the GRU skips the padding."""
        states, vectors, masks = {}, {}, {}
        for name, encoder in self.encoders.items():
            sequence, length = inputs[name], inputs[f"{name}_length"]
            steps = sequence.shape[1]
            masks[name] = torch.arange(steps)[None] < length[:, None]
            if name == "text":
                sequence = self.words(sequence)
            sequence = nn.functional.dropout(sequence, DROPOUT[name], self.training)
            if packed:
                rows = nn.utils.rnn.pack_padded_sequence(
                    sequence, length, batch_first=True, enforce_sorted=False
                )
                outputs, last = encoder(rows)
                states[name], _ = nn.utils.rnn.pad_packed_sequence(
                    outputs, batch_first=True, total_length=steps
                )
                vectors[name] = last[0]
            else:
                states[name], _ = encoder(sequence)
                vectors[name] = states[name][torch.arange(len(length)), length - 1]
        for target, hop in zip(self.targets, self.hops):
            query = torch.cat([vectors[n] for n in schema.MODALITIES if n != target], dim=1)
            scores = torch.einsum("bd,btd->bt", hop(query), states[target])
            weights = torch.softmax(scores.masked_fill(~masks[target], -1e9), dim=1)
            vectors[target] = torch.einsum("bt,btd->bd", weights, states[target])
        return self.logits(torch.cat([vectors[name] for name in schema.MODALITIES], dim=1))


class PyTorch:
    """`nn.GRU` on all cores. Reading is not in its times.

    Args:
        folder: Data folder.
        batch_size: Utterances per batch.
        pilot: Whether to try padded and packed sequences and keep the faster.
    """

    def __init__(self, folder, batch_size=128, pilot=True):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        torch.set_num_threads(len(os.sched_getaffinity(0)))
        torch.manual_seed(1)
        self._reader = data.Reader(folder, batch_size)
        self._variants = (False, True) if pilot else (False,)
        self._network = Network()
        self._adam = torch.optim.Adam(self._network.parameters(), 1e-3, fused=True)
        self._packed, self._notes = {}, {}

    @staticmethod
    def _tensors(batches):
        """Reads batches into memory: list of inputs and labels."""
        read = []
        for inputs, labels in batches.as_numpy_iterator():
            tensors = {name: torch.from_numpy(value.copy()) for name, value in inputs.items()}
            for name in ("text", *(f"{name}_length" for name in data.SIZES)):
                tensors[name] = tensors[name].long()
            read.append((tensors, torch.from_numpy(labels.copy()).long()))
        return read

    def _time(self, compute, batches, kind):
        """Times `compute(batches, packed)`; the first time, both variants on a batch or two."""
        if kind not in self._packed:
            trials = []
            for packed in self._variants:
                seconds = compute(batches[:1], packed)
                # Packed sequences may take a minute a batch: no second trial then.
                if not trials or seconds < HOPELESS * min(trials)[0]:
                    seconds = min(compute(batches[1:2], packed) for _ in range(TRIALS))
                name = f"{kind}, {'packed' if packed else 'padded'}, seconds a batch in the trial"
                self._notes[name] = round(seconds, 2)
                trials.append((seconds, packed))
            self._packed[kind] = min(trials)[1]
        return compute(batches, self._packed[kind])

    def _train(self, batches, packed):
        self._network.train()
        start = time.perf_counter()
        for inputs, labels in batches:
            self._adam.zero_grad(set_to_none=True)
            loss = nn.functional.cross_entropy(self._network(inputs, packed), labels)
            loss.backward()
            for parameter in self._network.parameters():
                nn.utils.clip_grad_norm_([parameter], 1.0)
            self._adam.step()
            loss.item()
        return time.perf_counter() - start

    def _infer(self, batches, packed):
        self._network.eval()
        start = time.perf_counter()
        with torch.inference_mode():
            for inputs, _ in batches:
                torch.softmax(self._network(inputs, packed), dim=1).numpy()
        return time.perf_counter() - start

    def notes(self):
        """Returns the trials of padded and packed sequences."""
        return self._notes

    def train(self, bucketed, epochs=1):
        """Trains some epochs; returns their seconds."""
        batches = self._tensors(self._reader.batches(bucketed, epochs))
        return self._time(self._train, batches, "bucketed" if bucketed else "random")

    def infer(self):
        """Computes probabilities for all utterances; returns the seconds."""
        return self._time(self._infer, self._tensors(self._reader.in_order()), "inference")
