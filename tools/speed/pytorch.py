"""The same network in PyTorch."""

import os
import time

import torch
from torch import nn

from amh_tf import schema
from tools.speed import network, peer


class Network(nn.Module):
    """AMH-7 of `nn.GRU`, which has the `reset_after` variant alone."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(network.VOCABULARY_SIZE, network.SIZES["text"][0])
        self.encoders = nn.ModuleDict(
            {
                name: nn.GRU(dim, units, batch_first=True)
                for name, (dim, units) in network.SIZES.items()
            }
        )
        units = {name: size[1] for name, size in network.SIZES.items()}
        self.hops = nn.ModuleList(
            nn.Linear(network.TOTAL_UNITS - units[target], units[target])
            for target in network.TARGETS
        )
        self.logits = nn.Linear(network.TOTAL_UNITS, network.NUM_CLASSES)

    def forward(self, inputs, packed):
        """Computes logits; `packed` says whether the GRU skips the padding."""
        states, vectors, masks = {}, {}, {}
        for name, encoder in self.encoders.items():
            sequence, length = inputs[name], inputs[f"{name}_length"]
            steps = sequence.shape[1]
            masks[name] = torch.arange(steps)[None] < length[:, None]
            if name == "text":
                sequence = self.words(sequence)
            sequence = nn.functional.dropout(sequence, network.DROPOUT[name], self.training)
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
        return self.fuse(states, vectors, masks)

    def fuse(self, states, vectors, masks):
        """Computes logits of each modality's states, last state and mask."""
        for target, hop in zip(network.TARGETS, self.hops):
            query = torch.cat([vectors[n] for n in schema.MODALITIES if n != target], dim=1)
            scores = torch.einsum("bd,btd->bt", hop(query), states[target])
            weights = torch.softmax(scores.masked_fill(~masks[target], -1e9), dim=1)
            vectors[target] = torch.einsum("bt,btd->bd", weights, states[target])
        return self.logits(torch.cat([vectors[name] for name in schema.MODALITIES], dim=1))


class PyTorch(peer.Peer):
    """`nn.GRU` on all cores.

    Args:
        folder, pilot: As for `peer.Peer`.
        compiled: Whether `torch.compile` compiles what follows the GRUs. `nn.GRU` is an operation
            in C++, which it does not look into: a loop that calls one is not compiled at all.
    """

    VARIANTS = {"padded": False, "packed": True}  # noqa: RUF012

    def __init__(self, folder=None, pilot=True, compiled=False):
        super().__init__(folder, pilot and not compiled)
        torch.set_num_threads(len(os.sched_getaffinity(0)))
        torch.manual_seed(1)
        self._network = Network()
        if compiled:
            # Of any length: otherwise each batch's would be compiled anew.
            self._network.fuse = torch.compile(self._network.fuse, dynamic=True)
        self._adam = torch.optim.Adam(self._network.parameters(), network.LEARNING_RATE, fused=True)

    @staticmethod
    def _convert(inputs, labels):
        tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
        for name in ("text", *(f"{name}_length" for name in network.SIZES)):
            tensors[name] = tensors[name].long()
        return tensors, torch.from_numpy(labels).long()

    def _train(self, batches, packed):
        self._network.train()
        start = time.perf_counter()
        for inputs, labels in batches:
            self._adam.zero_grad(set_to_none=True)
            loss = nn.functional.cross_entropy(self._network(inputs, packed), labels)
            loss.backward()
            for parameter in self._network.parameters():
                nn.utils.clip_grad_norm_([parameter], network.CLIP_NORM)
            self._adam.step()
            loss.item()
        return time.perf_counter() - start

    def _predict(self, inputs, packed):
        self._network.eval()
        with torch.inference_mode():
            return torch.softmax(self._network(inputs, packed), dim=1).numpy()

    def _set(self, values):
        values = {name: torch.from_numpy(value) for name, value in values.items()}
        state = {"words.weight": values["words"]}
        for name in network.SIZES:
            outer, inner = values[f"{name} bias"]
            for key, value in (
                ("weight_ih", values[f"{name} kernel"].T),
                ("weight_hh", values[f"{name} recurrent"].T),
                ("bias_ih", outer),
                ("bias_hh", inner),
            ):
                update, reset, candidate = value.chunk(3)
                state[f"encoders.{name}.{key}_l0"] = torch.cat([reset, update, candidate])
        for name in (*(f"hop {hop}" for hop in range(len(network.TARGETS))), "logits"):
            module = name.replace("hop ", "hops.")
            state[f"{module}.weight"] = values[f"{name} kernel"].T
            state[f"{module}.bias"] = values[f"{name} bias"]
        self._network.load_state_dict(state)
        return sum(parameter.numel() for parameter in self._network.parameters())
