"""The picture of rooms in docs/design.md shows all of the package, each above what it knows."""

import re

import pytest

from amh_tf.commands import front_door
from tests.commands import ROOT
from tests.layers import test_alone

PACKAGE = ROOT / "amh_tf"
PICTURE = (ROOT / "docs" / "rooms.svg").read_text(encoding="utf-8")
_ROOM = re.compile(r'y="(\d+)"[^>]*class="r"/><text[^>]*class="n">([^<]+)<')
_SHARED = re.search("shared by all: (.*)", PICTURE)[1]
SHARED = set(re.findall(r"\w+", re.sub("<[^>]+>", " ", _SHARED)))
# How high each is drawn. What is shared by all is below the rooms, and may know itself.
FLOORS = {name: -int(height) for height, name in _ROOM.findall(PICTURE)}
FLOORS |= dict.fromkeys(SHARED, -1000)
FLOORS |= dict.fromkeys(
    [*front_door.NAMES, "__init__", "__main__"], FLOORS.pop("train, predict, ...")
)


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_picture_shows_the_whole_package():
    folders = {path.parent for path in PACKAGE.glob("*/__init__.py")}
    assert FLOORS.keys() == {room_of(path) for path in [*folders, *PACKAGE.glob("*.py")]}


@pytest.mark.parametrize("room", sorted(FLOORS))
def test_rooms_know_only_rooms_below(room):
    files = [path for path in PACKAGE.rglob("*.py") if room_of(path) == room]
    known = {name.split(".")[0] for path in files for name in test_alone.imported(path)}
    known -= {room, "__version__", *(SHARED if room in SHARED else ())}
    assert files and not {name for name in known if FLOORS[name] >= FLOORS[room]}
