"""Photographs the live page while it shows what it answers to a recording."""

import re
from pathlib import Path

from amh_tf import files
from tools import live_browser

_SIZE = {"width": 1180, "height": 1010}
_MILLISECONDS = 120_000


def photograph(page_dir: Path, sound: Path, picture: Path) -> None:
    """Opens the page, gives it a recording, and writes the picture.

    Args:
        page_dir: Folder `web/` of an export.
        sound: The recording.
        picture: The PNG file to write.
    """
    with live_browser.serving(page_dir) as (url, _), live_browser.chromium() as (chrome, _):
        page = chrome.new_page(viewport=_SIZE, device_scale_factor=1, color_scheme="light")
        page.set_default_timeout(_MILLISECONDS)
        page.goto(url)
        page.wait_for_selector("html[data-state=ready]")
        page.set_input_files("#file", sound)
        page.locator("#status").filter(has_text=re.compile("^Read ")).wait_for()
        page.evaluate("document.activeElement.blur()")
        with files.replacing(picture) as temporary:
            page.screenshot(path=temporary, animations="disabled", timeout=_MILLISECONDS)
