"""One fold of a data set: what training, selection and test read."""

import dataclasses

import numpy as np

from amh_tf import errors, schema
from amh_tf.data import integrity
from amh_tf.data import manifest as manifests
from amh_tf.storage import cache, faults


@dataclasses.dataclass(frozen=True)
class Fold:
    """One fold of a data set under one protocol.

    Attributes:
        manifest: `amh_tf.data.manifest.Manifest` of the data set.
        protocol: Name of the protocol.
        number: Number of the fold, from 0.
        verify: How shards are checked before each pass, one of `config.VERIFY_LEVELS`.
    """

    manifest: manifests.Manifest
    protocol: str
    number: int
    verify: str = "sizes"

    @property
    def _stored(self):
        return self.manifest.protocols[self.protocol]["folds"][self.number]

    @property
    def name(self):
        """What the fold is called, such as the session that it tests on."""
        return self._stored["name"]

    @property
    def warnings(self):
        """What a reader of its scores must know: shared speakers, repeated texts."""
        return self._stored["warnings"]

    @property
    def description(self):
        """What the protocol does."""
        return self.manifest.protocols[self.protocol]["description"]

    def parts(self, split):
        """Returns the set of the names of a split's parts."""
        return set(self._stored[split])

    def select(self, split):
        """Lists the shards of one split.

        Raises:
            ValueError: If there is no such split.
        """
        if split not in schema.SPLITS:
            raise errors.unknown("split", split, schema.SPLITS, flag="split")
        parts = self.parts(split)
        return [shard for shard in self.manifest.shards if shard.part in parts]

    def count(self, split):
        """Returns the number of utterances in a split."""
        return sum(shard.records for shard in self.select(split))

    def label_counts(self, split):
        """Returns the number of utterances of each class in a split, as an array."""
        none = np.zeros(len(self.manifest.classes), int)
        return sum((np.array(shard.label_counts) for shard in self.select(split)), none)

    def known_words(self):
        """Returns which word ids the model may know: those of the training part.

        Returns:
            Bool array of shape `(vocabulary_size,)`, or None where the source's own
            vocabulary stands, as under a single split that it publishes.
        """
        # As `folds.keeps_vocabulary` has it, whose imports would slow the start of every command.
        alone = len(self.manifest.protocols[self.protocol]["folds"]) == 1
        if self.manifest.word_counts_file is None or (self.protocol == "given" and alone):
            return None
        counts = self.manifest.word_counts()
        parts = self.manifest.parts
        rows = [parts.index(part) for part in self._stored["train"]]
        is_known = counts[rows].sum(axis=0) > 0
        is_known[[schema.PADDING_ID, schema.UNKNOWN_ID]] = True
        return is_known

    def check_split(self, split):
        """Checks that a split has utterances, and that its shards are as they were written.

        Shards of an object store that are not here yet are fetched.

        Returns:
            The entries of each shard's records, as `integrity.check_shard` returns them.

        Raises:
            ValueError: If the split is empty, or a shard is damaged as `integrity.check_shard`
                says; the message names the file.
            OSError: If a store does not answer, or refuses.
        """
        if not self.count(split):
            raise errors.refusal(
                f"The {split} split of {str(self.manifest.location)!r} is empty",
                "at least one utterance",
                "none",
                manifests.REMEDY,
            )
        shards = self.select(split)
        try:
            cache.fetch(self.manifest, shards)
        except faults.Fault as fault:
            raise fault.as_error(cache.REMEDY) from fault
        if self.verify == "full":
            integrity.check_tables(self.manifest)
        return [integrity.check_shard(self.manifest, shard, self.verify) for shard in shards]


def choose(manifest, protocol=None, number=0, verify="sizes"):
    """Picks a fold.

    Args:
        manifest: `amh_tf.data.manifest.Manifest`.
        protocol: Name of the protocol, or None for the data set's first.
        number: Number of the fold, from 0.
        verify: How shards are checked before each pass, one of `config.VERIFY_LEVELS`.

    Returns:
        `Fold`.

    Raises:
        ValueError: If there is no such protocol or fold.
    """
    protocol = manifest.default_protocol if protocol is None else protocol
    if protocol not in manifest.protocols:
        raise errors.refusal(
            f"{str(manifest.location)!r} was not prepared for this protocol",
            f"one of {', '.join(manifest.protocols)}",
            f"protocol={protocol!r}",
            "Set it with --protocol, or prepare the data set with --protocols.",
        )
    count = len(manifest.protocols[protocol]["folds"])
    if not 0 <= number < count:
        raise errors.refusal(
            "`fold` is out of range",
            f"0 to {count - 1}, the folds of {str(manifest.location)!r} under the protocol "
            f"{protocol!r}",
            f"fold={number}",
            "Set it with --fold.",
        )
    return Fold(manifest, protocol, number, verify)
