"""Where the batches of a run come from."""

import dataclasses

from amh_tf import checking
from amh_tf.config import fields

VERIFY_LEVELS = ("sizes", "full")


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Where the batches come from.

    Attributes:
        data_dir: Data folder that `amh_tf.prepare` wrote, or the URL of a copy in a store.
    """

    data_dir: str
    protocol: str | None = fields.setting(None, "How the data set is split; its first protocol.")
    fold: int = fields.setting(0, "Fold of the protocol, counted from 0.", least=0)
    batch_size: int = fields.setting(128, "Utterances per batch, over all devices.", least=1)
    shuffle_megabytes: int = fields.setting(
        1024, "Size of the shuffle buffer, counted as if it held whole records.", least=1
    )
    bucketing: bool = fields.setting(
        True,
        "Whether training batches hold utterances of about the same length, as far as the shuffle "
        "buffer allows.",
    )
    verify: str = fields.setting(
        "sizes",
        "How shards are checked before each pass: bytes, records and labels, or SHA-256 too.",
        choices=VERIFY_LEVELS,
    )

    def __post_init__(self):
        checking.require_settings(self)
