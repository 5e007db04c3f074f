"""Whether files can be made in a folder that the settings name."""

from __future__ import annotations

import os
from pathlib import Path


def unwritable(folder: Path) -> str:
    """Why files cannot be made in `folder`, "" if they can; one that is not there yet is made where it is needed."""
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    if not there.is_dir():
        return f"{there} is no folder"
    if not os.access(there, os.W_OK | os.X_OK):
        return f"{there} cannot be written by this user"
    return ""
