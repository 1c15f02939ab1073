"""A file system of its own that can be filled to the last block, where this user may mount one."""

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

_SIZE_MIB = 48


class SmallDisk:
    """A mounted small file system. `why_not` says why there is none."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing is mounted yet."""
        self.place = folder / "disk"
        self.kind = ""
        self.why_not = ""
        self._image = folder / "disk.img"
        self._ballast = self.place / "ballast"

    def mount(self) -> bool:
        """Mount an ext4 in a file, else a tmpfs; tell whether there is one."""
        if os.geteuid() != 0:
            self.why_not = "only root may mount a small disk"
            return False
        self.place.mkdir()
        for kind, commands in (("ext4 on loop", self._ext4()), ("tmpfs", self._tmpfs())):
            if all(_runs(command) for command in commands):
                self.kind = kind
                return True
        self.why_not = "no small disk can be mounted here"
        return False

    def fill(self) -> None:
        """Use up the last block."""
        with contextlib.suppress(OSError), self._ballast.open("wb", buffering=0) as ballast:
            for size in (1 << 20, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while ballast.write(b"x" * size):
                        pass

    def free(self) -> None:
        """Give the room back."""
        self._ballast.unlink(missing_ok=True)

    def unmount(self) -> None:
        """Take it away, with what is on it."""
        if self.kind:
            # Lazily where somebody still reads it: it must be gone from the tree in any case.
            _runs(["umount", str(self.place)]) or _runs(["umount", "-l", str(self.place)])
            self.kind = ""
        self._image.unlink(missing_ok=True)

    def _ext4(self) -> list[list[str]]:
        if shutil.which("mkfs.ext4") is None:
            return [["false"]]
        with self._image.open("wb") as image:
            image.truncate(_SIZE_MIB << 20)
        return [
            ["mkfs.ext4", "-q", "-m", "0", str(self._image)],
            ["mount", "-o", "loop", str(self._image), str(self.place)],
        ]

    def _tmpfs(self) -> list[list[str]]:
        return [["mount", "-t", "tmpfs", "-o", f"size={_SIZE_MIB}m", "tmpfs", str(self.place)]]


def _runs(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
