"""The units of an offer: memory and disk in whole GB as they are sold, network in whole Mbps.

GPU memory has a rule of its own, `gpu.sold_memory_gb`, because a driver keeps some of it. A machine's memory counts in
powers of two (65,536 MiB are sold as 64 GB), its disks in powers of ten (10^12 bytes are sold as 1,000 GB). Whatever is
left of a whole unit is cut off, so that nobody is promised more than is delivered.
"""

import math

_MIB_PER_GB = 1024
_BYTES_PER_MIB = 1024 * 1024
_BYTES_PER_DISK_GB = 10**9
_BITS_PER_MBPS = 10**6


def ram_gb_of_mib(mib: float) -> int:
    """Return the memory of a machine in GB; 0, which is unknown, for what is no amount."""
    return _whole(mib / _MIB_PER_GB)


def ram_gb_of_bytes(count: float) -> int:
    """Return the memory of a machine in GB; 0, which is unknown, for what is no amount."""
    return ram_gb_of_mib(count / _BYTES_PER_MIB)


def disk_gb_of_bytes(count: float) -> int:
    """Return the size of a disk in GB; 0, which is unknown, for what is no amount."""
    return _whole(count / _BYTES_PER_DISK_GB)


def mbps_of_bits(per_second: float) -> int:
    """Return the speed of a network in Mbps; 0, which is unknown, for what is no amount."""
    return _whole(per_second / _BITS_PER_MBPS)


def _whole(amount: float) -> int:
    return math.floor(amount) if 0 < amount < math.inf else 0
