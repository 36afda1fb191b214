"""What README, BUILD.md and docs tell users to do."""

import collections
import configparser
import os
import re
import shlex

import numpy as np
import pytest
import yaml
from scipy.io import wavfile

import amh_tf
from tests import commands
from tests.commands import ROOT

PAGES = [
    *(ROOT / name for name in ("README.md", "BUILD.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
# What a shell has around a command of this package.
PYTHON = re.compile(r"(?:^|\s)(?:\S*/)?python3? (.+)")


def _blocks(page, language):
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def _package_commands():
    """Yields the program, its flags and the page, of every command of the package in the pages."""
    for page in PAGES:
        for block in _blocks(page, "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                for part in line.split("&&"):
                    command = PYTHON.search(part)
                    words = shlex.split(command[1], comments=True) if command else []
                    program = words[1] if words[:1] == ["-m"] else words[0] if words else ""
                    if program.startswith(("amh_tf.", "tools.", "export/")):
                        names = [re.match(r"--([\w-]+)", word) for word in words]
                        yield program, [name[1] for name in names if name], page.name


USED = collections.defaultdict(set)
for _program, _names, _page in _package_commands():
    USED[_program].update((name, _page) for name in _names)


def test_pages_have_commands():
    assert {"amh_tf.train", "amh_tf.predict", "tools.run_tables"} <= USED.keys()


@pytest.mark.parametrize("program", sorted(USED))
def test_programs_know_the_flags_that_pages_give(program):
    is_module = "/" not in program
    finished = commands.run(*(["-m", program] if is_module else [program]), "--help")
    known = set(re.findall(r"--(?:\[no\])?([\w-]+)", finished.stdout))
    assert "help" in finished.stdout or len(known) > 1, finished.stderr
    common = {"help", "flagfile"}
    unknown = {
        (name, page)
        for name, page in USED[program]
        if not {name, name.removeprefix("no")} & (known | common)
    }
    assert not unknown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page):
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)[^)\s]*\)|<img src=\"([^\"]+)\"", text)
    for target in map("".join, targets):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


@pytest.mark.slow
def test_python_of_the_readme_runs(tmp_path):
    blocks = _blocks(ROOT / "README.md", "python")
    assert blocks
    rate = 16000
    sound = np.random.default_rng(0).normal(size=rate) * 3000
    wavfile.write(tmp_path / "clip.wav", rate, sound.astype(np.int16))
    os.symlink(ROOT / "export", tmp_path / "export")
    finished = commands.run("-c", "\n".join(blocks), cwd=tmp_path)
    assert not finished.returncode, finished.stderr


def test_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == amh_tf.__version__
    assert citation["license"] == "Apache-2.0"


def test_hooks_have_the_version_of_ruff_that_tests_have():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    (pin,) = re.findall(r"^ruff==.+$", settings["options.extras_require"]["test"], re.MULTILINE)
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"ruff==[\d.]+", hooks)) == {pin}
