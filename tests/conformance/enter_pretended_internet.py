"""What runs first in the namespaces of `pretended_internet`: it gives the hosts their doors, then becomes the program.

Arguments: the number of a socket, where to write the names, the hosts, `--`, the program. The doors (port 443, each on
a loopback address of its own) go through the socket; what comes back says that somebody answers there.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1


def main(words: list[str]) -> None:
    """Do it."""
    end = words.index("--")
    number, names, *hosts = words[:end]
    raise_loopback()
    doors = [door_at(address_of(index)) for index in range(len(hosts))]
    if hosts:
        with open(names, "w", encoding="ascii") as file:  # noqa: PTH123  it starts a hundred times, and pathlib is slow
            file.write("127.0.0.1 localhost\n")
            file.writelines(f"{address_of(index)} {host}\n" for index, host in enumerate(hosts))
    # In a namespace of mounts of its own: nobody else sees it.
    subprocess.run(["mount", "--bind", names, "/etc/hosts"], check=True)
    with socket.socket(fileno=int(number)) as parent:
        if doors:
            socket.send_fds(parent, [b"."], [door.fileno() for door in doors])
        parent.recv(1)
    for door in doors:
        door.close()
    os.execvp(words[end + 1], words[end + 1 :])  # noqa: S606  the program that we were asked to become


def address_of(index: int) -> str:
    """Return the loopback address of the host of that number."""
    return f"127.0.1.{index + 1}"


def raise_loopback() -> None:
    """Bring the loopback up: a new namespace has it, but down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack_from("h", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, asked), 16)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def door_at(address: str) -> socket.socket:
    """Return a socket that listens there for HTTPS."""
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    door.bind((address, 443))
    door.listen(64)
    return door


if __name__ == "__main__":
    main(sys.argv[1:])
