"""What a run is made of: frozen dataclasses, checked when made, saved as JSON with the run."""

from amh_tf.config.architectures import MODELS, Architecture
from amh_tf.config.data import VERIFY_LEVELS, DataConfig
from amh_tf.config.model import (
    AUGMENTATIONS,
    KERNELS,
    LONG_ENOUGH,
    WIDEST_STRIDE,
    ModelConfig,
)
from amh_tf.config.run import RunConfig
from amh_tf.config.training import BATCH_SPLITS, TrainingConfig

__all__ = [
    "AUGMENTATIONS",
    "BATCH_SPLITS",
    "KERNELS",
    "LONG_ENOUGH",
    "MODELS",
    "VERIFY_LEVELS",
    "WIDEST_STRIDE",
    "Architecture",
    "DataConfig",
    "ModelConfig",
    "RunConfig",
    "TrainingConfig",
]
