"""The packages that the project needs."""

import configparser
import re

from tests.commands import ROOT


def test_every_extra_is_in_the_table():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    extras = set(settings["options.extras_require"])
    table = (ROOT / "BUILD.md").read_text(encoding="utf-8").split("| extra |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `([\w-]+)` \|", table, flags=re.MULTILINE)) == extras
