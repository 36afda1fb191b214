"""From utterances to batches: shards with a manifest, and the tf.data pipeline over them."""
