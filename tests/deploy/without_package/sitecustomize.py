"""On the path of a test's process: what a server does not have cannot be imported there."""

import sys

for name in ("amh_tf", "tensorflow_io"):
    sys.modules[name] = None
