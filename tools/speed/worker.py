"""Runs one engine in this process: python -m tools.speed.worker ENGINE OPTIONS."""

import importlib
import json
import os
import sys

from tools.speed import processes

# Imported by name, so that each process loads its own libraries alone.
ENGINES = {
    "ours": ("tools.speed.ours", "Ours"),
    "stock_keras": ("tools.speed.stock_keras", "StockKeras"),
    "pytorch": ("tools.speed.pytorch", "PyTorch"),
    "peak": ("tools.speed.peak", "Peak"),
}


def main():
    """Serves the engine that the command line names."""
    # Libraries print to standard output; answers go to a copy that they do not know.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    module, name = ENGINES[sys.argv[1]]
    engine = getattr(importlib.import_module(module), name)(**json.loads(sys.argv[2]))
    processes.serve(engine, sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
