"""Which disks a database may lie on, and who holds its lock."""

from pathlib import Path

import pytest

from gpu_shopper.domain.errors import StorageRefused
from gpu_shopper.stores.file_lock import FileLock, check_file_system, file_system_of, lock_path


@pytest.fixture
def mounts(tmp_path):
    table = tmp_path / "mounts"
    table.write_text(
        "/dev/vda / ext4 rw 0 0\n"
        "server:/export /home nfs4 rw 0 0\n"
        "/dev/vdb /home/ann/local\\040disk xfs rw 0 0\n"
        "thing /media/odd newfs rw 0 0\n"
    )
    return table


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/book.db", "ext4"),
        ("/home/ann/book.db", "nfs4"),
        ("/home/ann/local disk/book.db", "xfs"),
        ("/homes/book.db", "ext4"),
    ],
)
def test_the_deepest_mount_tells_the_file_system(mounts, path, kind):
    assert kind == file_system_of(Path(path), mounts=mounts)


def test_a_network_disk_is_refused_and_an_unknown_one_is_mentioned(mounts):
    with pytest.raises(StorageRefused, match="network file system"):
        check_file_system(Path("/home/ann/book.db"), mounts=mounts)

    assert "newfs" in check_file_system(Path("/media/odd/book.db"), mounts=mounts)
    assert "" == check_file_system(Path("/var/book.db"), mounts=mounts)


def test_a_machine_that_does_not_list_its_mounts_is_trusted(tmp_path):
    assert "" == check_file_system(Path("/var/book.db"), mounts=tmp_path / "none")


def test_a_lock_is_free_again_after_its_release_and_may_be_released_twice(tmp_path):
    path = tmp_path / "book.db"
    first = FileLock.take(path)
    with pytest.raises(StorageRefused, match="in use"):
        FileLock.take(path)

    first.release()
    first.release()

    FileLock.take(path).release()
    assert lock_path(path).exists()
