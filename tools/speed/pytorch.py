"""The same network in PyTorch, on the same batches, which it finds in memory."""

import time

import amh_tf  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
import tensorflow as tf
import torch
from torch import nn

from amh_tf import schema
from amh_tf.training import halves
from tools.speed import data, reading, work
from tools.speed.stock_keras import DROPOUT, HOP_ORDER

assert amh_tf.__version__

HOPELESS = 5  # times as slow as the other variant in its first batch


class Network(nn.Module):
    """AMH-N of `nn.GRU`, which has the `reset_after` variant alone."""

    def __init__(self, num_hops=7):
        super().__init__()
        self.words = nn.Embedding(data.VOCABULARY_SIZE, work.SIZES["text"][0])
        self.encoders = nn.ModuleDict(
            {
                name: nn.GRU(dim, units, batch_first=True)
                for name, (dim, units) in work.SIZES.items()
            }
        )
        units = {name: size[1] for name, size in work.SIZES.items()}
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
                found, last = encoder(rows)
                states[name], _ = nn.utils.rnn.pad_packed_sequence(
                    found, batch_first=True, total_length=steps
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
    """`nn.GRU` on all cores.

    Args:
        folder: Data folder.
        batch_size: Utterances per batch.
        pilot: Whether to try padded and packed sequences and keep the faster.
    """

    def __init__(self, folder, batch_size=128, pilot=True):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        torch.set_num_threads(halves.cores())
        torch.manual_seed(1)
        self._reader = reading.Reader(folder, batch_size)
        self._pilot = pilot
        self._network = Network()
        self._adam = torch.optim.Adam(self._network.parameters(), 1e-3, fused=True)
        self._packed = {}
        self._held = {}

    def _batches(self, *passes):
        """Reads batches outside the measurement; without arguments as evaluation does."""
        if self._held.get("key") != passes:
            made = self._reader.batches(*passes) if passes else self._reader.in_order()
            batches = []
            for inputs, labels in made.as_numpy_iterator():
                tensors = {name: torch.from_numpy(value.copy()) for name, value in inputs.items()}
                tensors["text"] = tensors["text"].long()
                for name in work.SIZES:
                    tensors[f"{name}_length"] = tensors[f"{name}_length"].long()
                batches.append((tensors, torch.from_numpy(labels.copy()).long()))
            self._held = {"key": passes, "batches": batches}
        return self._held["batches"]

    def _step(self, inputs, labels, packed):
        self._adam.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(self._network(inputs, packed), labels)
        loss.backward()
        for parameter in self._network.parameters():
            nn.utils.clip_grad_norm_([parameter], 1.0)
        self._adam.step()
        return loss.item()

    def warm_up(self, bucketed=False, inference=False):
        """Tries padded and packed sequences; says which was chosen."""
        key = (bucketed, inference)
        batches = (self._batches() if inference else self._batches(0, bucketed))[:2]
        found, note = [], {}
        for packed in (False, True) if self._pilot else (False,):
            run = self._infer_all if inference else self._train_all
            first = run(batches[:1], packed)
            # Packed sequences may take a minute a batch: no second trial then.
            hopeless = found and first > HOPELESS * min(found)[0]
            trials = 0 if hopeless else work.TRIALS
            seconds = min([run(batches[1:2], packed) for _ in range(trials)], default=first)
            name = "packed" if packed else "padded"
            note[f"{name}, seconds a batch in the trial"] = round(seconds, 2)
            found.append((seconds, packed))
        self._packed[key] = min(found)[1]
        return {**note, "sequences": "packed" if self._packed[key] else "padded"}

    def _train_all(self, batches, packed):
        self._network.train()
        start = time.perf_counter()
        for inputs, labels in batches:
            self._step(inputs, labels, packed)
        return time.perf_counter() - start

    def _infer_all(self, batches, packed):
        self._network.eval()
        start = time.perf_counter()
        with torch.inference_mode():
            for inputs, _ in batches:
                torch.softmax(self._network(inputs, packed), dim=1).numpy()
        return time.perf_counter() - start

    def train(self, epoch, bucketed, epochs=1):
        """Trains some epochs; returns their seconds, reading not included."""
        batches = self._batches(epoch, bucketed, epochs)
        return {"seconds": self._train_all(batches, self._packed[bucketed, False])}

    def infer(self):
        """Computes probabilities for all utterances; reading not included."""
        return {"seconds": self._infer_all(self._batches(), self._packed[False, True])}
