"""One server per database file: a lock for life, and no file system that cannot hold one.

The lock is the kernel's, so it goes with its process however that ends. The number in the lock file is only for the
message. `flock` means nothing on many network file systems, and neither does SQLite's write-ahead log.
"""

import fcntl
import os
from pathlib import Path

from gpu_shopper.domain.errors import StorageRefused

_MOUNTS = Path("/proc/self/mounts")
_NETWORK = frozenset(
    {
        "9p", "afs", "beegfs", "ceph", "cifs", "coda", "fuse.glusterfs", "fuse.juicefs", "fuse.rclone",
        "fuse.s3fs", "fuse.sshfs", "gfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4",
        "ocfs2", "smb3", "smbfs", "vboxsf",
    }
)  # fmt: skip
_LOCAL = frozenset(
    {
        "apfs", "bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "ramfs", "tmpfs", "xfs",
        "zfs",
    }
)  # fmt: skip


class FileLock:
    """The right to be the only server on one database; held from `take` to `release`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, path: Path) -> "FileLock":
        """Take the lock of the database `path`.

        Raises:
            StorageRefused: somebody else holds it; the message says who.
            OSError: the lock file cannot be made.
        """
        beside = lock_path(path)
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise StorageRefused(
                f"database {path} is in use by another server (process {holder})",
                hint="stop that server first, or give this one a database of its own",
                file=str(path),
                holder=holder,
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Give the lock back; may be called twice. The file stays: removing it would be a race."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def lock_path(path: Path) -> Path:
    """Return where the lock of the database `path` lies."""
    return path.with_name(f"{path.name}.lock")


def file_system_of(path: Path, *, mounts: Path = _MOUNTS) -> str:
    """Return the kind of file system that `path` lies on; "" where the machine does not say."""
    try:
        lines = mounts.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    best, kind = "", ""
    for line in lines:
        _, point, found, *_ = line.split(" ")
        point = point.replace("\\040", " ")
        inside = path.is_relative_to(point)
        # A later mount on the same point covers the one before.
        if inside and len(point) >= len(best):
            best, kind = point, found
    return kind


def check_file_system(path: Path, *, mounts: Path = _MOUNTS) -> str:
    """Return what an operator should know about where `path` lies; "" if nothing.

    Raises:
        StorageRefused: it is a network file system.
    """
    kind = file_system_of(path, mounts=mounts)
    if kind in _NETWORK:
        raise StorageRefused(
            f"database {path} lies on a network file system ({kind}), where locks do not hold",
            hint="keep the database on a local disk",
            file=str(path),
        )
    if not kind or kind in _LOCAL:
        return ""
    return f"database {path} lies on {kind}: make sure that it is a local disk"
