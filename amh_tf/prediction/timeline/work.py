"""What is done so far of a timeline: files that are whole or absent, in a folder beside the output.

Names hold a hash of what a file was made of, so that nothing stale is ever used.
"""

import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np

from amh_tf import files, folders

ENDING = ".work"


def key(*parts):
    """Returns a hash of values that JSON can hold."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


class Work:
    """The folder of what is done so far. Its owner keeps others out (`folders.locked`).

    Args:
        path: The folder.
    """

    def __init__(self, path):
        self.path = Path(path)

    def load(self, name):
        """Reads a file.

        Args:
            name: Its name without ending.

        Returns:
            What `save` was given, or None where there is no such file or it is damaged.
        """
        path = self.path / f"{name}.npz"
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {key: stored[key] for key in stored.files}
            return json.loads(arrays.pop("fields").tobytes()), arrays
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def save(self, name, fields, arrays):
        """Writes a file, whole or not at all.

        Args:
            name: Its name without ending.
            fields: What JSON can hold.
            arrays: Dict from name, other than "fields", to array.
        """
        text = np.frombuffer(json.dumps(fields).encode(), np.uint8)
        # Not waited for: a damaged file is made again.
        path = self.path / f"{name}.npz"
        with files.replacing(path, wait=False) as temporary, open(temporary, "wb") as file:
            np.savez(file, fields=text, **arrays)

    def remove(self):
        """Removes what was saved, and the folder if nothing else is in it."""
        for path in self.path.glob("*.npz"):
            path.unlink()
        (self.path / folders.LOCK_FILE).unlink(missing_ok=True)
        if not any(self.path.iterdir()):
            self.path.rmdir()
