"""ONNX Runtime for browsers: files of its npm package, the same bytes everywhere.

They are copied beside the page, which asks nobody else for them.
"""

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from amh_tf import errors, files, progress

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
# SHA-256 of what the page needs: of the package's builds the smallest, whose code is in one module.
# It takes one thread where a server sends no headers for more, as plain ones do not.
FILES = {
    "ort.wasm.bundle.min.mjs": "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    "ort-wasm-simd-threaded.wasm": (
        "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
    ),
}
_FOLDER = "package/dist"  # in the archive
_FOLDERS = ("dist", _FOLDER, f"node_modules/{PACKAGE}/dist")
_SECONDS = 600
_MAX_BYTES = 64 << 20  # of a file


def read(source: str | Path | None = None) -> dict[str, bytes]:
    """Reads the files, which `npm pack` fetches into the user's cache at first use.

    Args:
        source: The package's archive (`.tgz`), or a folder in which it was unpacked or installed;
            None for the cache.

    Returns:
        Dict from file name to content.

    Raises:
        InputError: If they cannot be had, or are not the files of `VERSION`.
    """
    if source is not None:
        return _checked(_contents(Path(source)), source)
    cache = files.user_cache("XDG_CACHE_HOME") / f"{PACKAGE}-{VERSION}"
    try:
        return _checked(_contents(cache), cache)
    except errors.InputError:
        pass  # not fetched yet, or damaged
    contents = _checked(_fetch(), "what npm has fetched")
    for name, content in contents.items():
        with files.replacing(cache / name) as temporary:
            temporary.write_bytes(content)
    return contents


def _fetch():
    npm = shutil.which("npm")
    command = f"npm pack {PACKAGE}@{VERSION}"
    remedy = (
        f"Give the command `{command}` on a machine that has npm, and the file that it writes here "
        "with --web_runtime."
    )
    if npm is None:
        raise errors.refusal(
            "ONNX Runtime for browsers is not here", f"{PACKAGE} {VERSION}", "no npm", remedy
        )
    progress.console.print(f"Fetching {PACKAGE} {VERSION} by npm, once.")
    with tempfile.TemporaryDirectory() as folder:
        finished = subprocess.run(
            [npm, *command.split()[1:], "--ignore-scripts", "--silent"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        archives = list(Path(folder).glob("*.tgz"))
        if finished.returncode or len(archives) != 1:
            lines = (finished.stderr or finished.stdout).strip().splitlines()
            raise errors.refusal(
                f"npm has not fetched {PACKAGE} {VERSION}",
                "its archive",
                f"exit code {finished.returncode}, {lines[0] if lines else 'no message'}",
                remedy,
            )
        return _contents(archives[0])


def _contents(source):
    """Returns what there is of the files in an archive or a folder, by name."""
    if source.is_dir():
        folders = [source, *(source / part for part in _FOLDERS)]
        paths = {
            name: folder / name
            for folder in reversed(folders)
            for name in FILES
            if (folder / name).is_file()
        }
        return {name: _read(path) for name, path in paths.items()}
    if not source.is_file():
        return {}
    try:
        with tarfile.open(source) as archive:
            return {
                name: archive.extractfile(member).read(_MAX_BYTES)
                for member in archive
                for name in FILES
                if member.isfile() and member.name == f"{_FOLDER}/{name}"
            }
    except (tarfile.TarError, OSError, EOFError) as error:
        raise errors.refusal(
            f"{str(source)!r} cannot be read",
            f"the archive that `npm pack {PACKAGE}@{VERSION}` writes",
            f"{type(error).__name__}: {error}",
            "Set it with --web_runtime.",
        ) from error


def _read(path):
    with open(path, "rb") as file:
        return file.read(_MAX_BYTES)


def _checked(contents, source):
    for name, digest in FILES.items():
        received = hashlib.sha256(contents[name]).hexdigest() if name in contents else "no file"
        if received != digest:
            raise errors.refusal(
                f"{str(source)!r} is not {PACKAGE} {VERSION}",
                f"{name} with SHA-256 {digest}",
                received,
                f"Give the command `npm pack {PACKAGE}@{VERSION}`, and the file that it writes "
                "with --web_runtime.",
            )
    return contents
