"""What readers of corpora share whose files' names say everything: one clip per utterance."""

import dataclasses
import filecmp
import os
from pathlib import Path

from amh_tf import errors
from amh_tf.corpora import text_files

SOUND_ENDINGS = (".wav", ".flac", ".ogg", ".opus", ".m4a", ".aac", ".aif", ".aiff", ".au")
FILM_ENDINGS = (".mp4", ".flv", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg")
NAMES_SHOWN = 5

_POINTER = b"version https://git-lfs"


@dataclasses.dataclass(frozen=True)
class Clips:
    """The files of a corpus.

    Attributes:
        folder: Where they were looked for.
        paths: Dict from what the name says, as `find` was told to read it, to path; sorted.
        extra: Names of files that are not of the corpus.
        copies: How many files are copies of others.
    """

    folder: Path
    paths: dict
    extra: tuple = ()
    copies: int = 0


def walk(folder: Path, endings: tuple) -> list:
    """Lists the files of a tree, through links too, each once.

    Args:
        folder: The tree's top.
        endings: The endings to look for in lower case; names may have them in any case.

    Returns:
        List of paths, sorted. Hidden files and folders are left out: macOS leaves `._` files.
    """
    paths, visited = [], set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in visited:  # a link to a folder that was there before, or to one around it
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths += [
            Path(parent, name)
            for name in names
            if not name.startswith(".")
            and name.lower().endswith(endings)
            and Path(parent, name).is_file()
        ]
    return sorted(paths)


def find(folder: str | Path, endings: tuple, key, name: str, expected: str) -> Clips:
    """Finds the files of a corpus.

    A file of the same content as another one of the same key is a copy, and left out: archives
    of several corpora hold all folders twice.

    Args:
        folder: The release.
        endings: As for `walk`.
        key: Function from path to what its name says, or None where it is not of the corpus.
        name: What the corpus is called.
        expected: How its files are, for messages.

    Returns:
        `Clips`.

    Raises:
        ValueError: If there is none, two files of one key differ, or they hold no recordings.
    """
    folder = Path(folder)
    paths, extra, copies = {}, [], 0
    # Those nearest to the top first, so that a copy inside is the one that is left out.
    for path in sorted(walk(folder, endings), key=lambda path: (len(path.parts), path)):
        utterance = key(path)
        if utterance is None:
            extra.append(path.name)
        elif utterance not in paths:
            paths[utterance] = path
        elif filecmp.cmp(paths[utterance], path, shallow=False):
            copies += 1
        else:
            raise errors.refusal(
                f"Two files of {name} are one utterance",
                "files that differ in name, or copies of the same content",
                f"{str(paths[utterance])!r} and {str(path)!r}",
                "Remove one of them.",
            )
    if not paths:
        raise errors.refusal(
            f"{str(folder)!r} does not hold {name}",
            f"{expected} in it",
            named(extra) if extra else "no such file",
            "Set it with --source_dir.",
        )
    _check_content(next(iter(paths.values())))
    return Clips(folder, dict(sorted(paths.items())), tuple(sorted(extra)), copies)


def _check_content(path):
    """Refuses what a repository's archive holds in place of large files."""
    with open(path, "rb") as file:
        if file.read(len(_POINTER)) == _POINTER:
            raise errors.refusal(
                f"{str(path)!r} holds no recording",
                "sound or picture",
                "a pointer of Git LFS",
                "Clone the repository, and fetch the files with: git lfs pull",
            )


def named(names) -> str:
    """Lists the first few names, and says how many more there are."""
    names = [text_files.clean(name)[:80] for name in names]
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def is_film(path: Path) -> bool:
    """Returns whether a file is a film by its ending."""
    return path.suffix.lower() in FILM_ENDINGS
