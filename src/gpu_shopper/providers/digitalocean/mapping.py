"""Between DigitalOcean's rows and our nouns: pure, both ways."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import floor

from gpu_shopper.domain.gpu_reading import GpuRead, read_row
from gpu_shopper.domain.ids import InstanceId, OfferId, ProviderName
from gpu_shopper.domain.instance import Endpoint, Instance, InstanceStatus
from gpu_shopper.domain.label import PREFIX, unproved_facts
from gpu_shopper.domain.money import Money, money, rate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.places import read_place
from gpu_shopper.ports.provider import LaunchOrder
from gpu_shopper.ports.provider_errors import BadOrder
from gpu_shopper.providers.digitalocean.api import (
    Balance,
    DropletRow,
    GpuInfo,
    NewDroplet,
    SizeRow,
    TagRow,
)
from gpu_shopper.providers.virtual_machines import read_address

PROVIDER = ProviderName("digitalocean")
# All images of the cloud's own admit root, by key.
USER = "root"
MOST_USER_DATA = 64 * 1024
_MB_PER_GB = 1024
_MIB_PER_GB = 1024
# A tag whose droplet may have lived until now is left alone for a while.
_TAG_OUTLIVES = timedelta(days=1)
_SLUG = re.compile(r"gpu-(?P<model>[a-z0-9]+?)x(?P<count>\d{1,3})-(?P<gb>\d{1,5})gb(-.*)?")
_IMAGE = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# What is off bills in full all the same. What may come back, or is not known, is waited for.
_STATUSES: Mapping[str, InstanceStatus] = {
    "new": InstanceStatus.BOOTING,
    "active": InstanceStatus.RUNNING,
    "off": InstanceStatus.STOPPED,
    "archive": InstanceStatus.UNKNOWN,
}

_FIRST_BOOT = r"""#!/bin/sh
export HOME="${HOME:-/root}"
if [ "$HOME" = /root ]; then
  # A droplet made without a key has a mailed password that must be changed at the first login: that holds up logins by
  # key as well. From here on there is no password.
  usermod -p '*' root
  chage -d "$(date +%F)" -M -1 root
fi
umask 077
mkdir -p "$HOME/.ssh"
cat >>"$HOME/.ssh/authorized_keys" <<'END_OF_KEYS'

@KEYS@
END_OF_KEYS
cd "$HOME" || exit 1
"""
_START = r"""cat >.first-boot.sh <<'@END@'
@START@
@END@
chmod 700 .first-boot.sh
umask 022
@ENV@exec @RUN@
"""


def offers_of(row: SizeRow, *, fetched_at: datetime) -> Iterator[Offer]:
    """Yield a size as an offer in each region that has one; a size without GPUs is none.

    Raises:
        ValueError: it costs nothing, or has no GPUs where it says that it has.
    """
    gpu = _gpu_of(row.gpu_info, row.slug)
    if gpu is None or not row.available:
        return
    if row.price_hourly <= 0:
        raise ValueError(f"size {row.slug} costs nothing")
    for region in row.regions:
        place = read_place(region)
        provider_id = f"{row.slug}.{region}"
        yield Offer(
            id=OfferId(f"{PROVIDER}:{provider_id}"),
            provider=PROVIDER,
            provider_id=provider_id,
            machine_id=provider_id,
            gpu_type=gpu.gpu_type,
            gpu_count=gpu.gpu_count,
            gpu_fraction=gpu.gpu_fraction,
            vram_gb=gpu.vram_gb,
            price=rate(f"{row.price_hourly:.6f}"),
            country=place.country,
            region=place.region,
            city=place.city,
            location=f"{place.city} ({region})" if place.city else region,
            # It tells none; what becomes of orders is weighed elsewhere.
            reliability=1.0,
            fetched_at=fetched_at,
            vcpus=row.vcpus,
            ram_gb=floor(row.memory / _MB_PER_GB),
            disk_gb=floor(row.disk),
        )


def _gpu_of(info: GpuInfo | None, slug: str) -> GpuRead | None:
    """Return the GPUs of a size: by what it says of them, else by its name."""
    if info is not None:
        return read_row(info.model, info.count, _total_gb(info)) if info.count else None
    found = _SLUG.fullmatch(slug)
    if found is None:
        return None
    count, gb = int(found["count"]), float(found["gb"])
    gpu = read_row(found["model"], count, gb)
    # An MI300X is written with one x for both: gpu-mi300x8-1536gb.
    longer = gpu if gpu.known else read_row(f"{found['model']}x", count, gb)
    return longer if longer.known else gpu


def _total_gb(info: GpuInfo) -> float | None:
    return info.vram.amount if info.vram is not None and info.vram.unit in {"gib", "gb"} else None


def instance_of(row: DropletRow) -> Instance:
    """Return the row as an instance; active without an address is still booting.

    Raises:
        ValueError: its time of birth is none.
    """
    endpoint = _endpoint_of(row)
    status = _STATUSES.get(row.status, InstanceStatus.UNKNOWN)
    if status is InstanceStatus.RUNNING and endpoint is None:
        status = InstanceStatus.BOOTING
    size = row.size
    info = row.gpu_info or (None if size is None else size.gpu_info)
    gpu = _gpu_of(info, row.size_slug)
    return Instance(
        id=InstanceId(str(row.id)),
        provider=PROVIDER,
        label=row.name,
        mark=next((tag for tag in row.tags or () if tag.startswith(f"{PREFIX}-")), ""),
        status=status,
        gpu_name="" if gpu is None else gpu.gpu_type if info is None else info.model,
        gpu_count=0 if gpu is None else gpu.gpu_count,
        gpu_memory_mib=0 if gpu is None else gpu.vram_gb * _MIB_PER_GB,
        rate=None if size is None else rate(f"{size.price_hourly:.6f}"),
        endpoint=endpoint,
        billed_from=_moment(row.created_at),
    )


def tags_left_of(tags: Sequence[TagRow], *, mark: str, now: datetime) -> list[str]:
    """Return the tags that a droplet with this mark leaves behind, of all that the account has; never anybody else's.

    Its own stays where a double bears it as well; the droplet itself may still be counted. With its own go those that
    nothing bears any more, of attempts of the same deployment whose time is over for a day:
    whoever made those did not get round to it.
    """
    return [tag.name for tag in tags if _is_own(tag, mark) or _is_left(tag, mark, now)]


def _is_own(tag: TagRow, mark: str) -> bool:
    return tag.name == mark and tag.resources.count <= 1


def _is_left(tag: TagRow, mark: str, now: datetime) -> bool:
    mine, its = unproved_facts(mark), unproved_facts(tag.name)
    if tag.resources.count or mine is None or its is None or its.deployment != mine.deployment:
        return False
    return its.expires_at + _TAG_OUTLIVES < now


def _endpoint_of(row: DropletRow) -> Endpoint | None:
    """Return where SSH answers, None while there is no public address."""
    addresses = () if row.networks is None else row.networks.v4
    public = (one.ip_address for one in addresses if one.type == "public")
    return next(filter(None, (read_address(text, user=USER) for text in public)), None)


def new_droplet_of(order: LaunchOrder, *, image: str, ssh_key: str) -> NewDroplet:
    """Return the order in the cloud's words; the label is the name, and stands in a tag once more.

    Raises:
        BadOrder: the offer has less disk than the order wants, the image has no name that an image there can have, or
            the start-up script is too large.
    """
    slug, _, region = order.offer.provider_id.rpartition(".")
    if order.disk_gb is not None and 0 < order.offer.disk_gb < order.disk_gb:
        raise BadOrder(f"{slug} has {order.offer.disk_gb} GB of disk, and no other size")
    wanted = order.image or image or _image_for(order.offer)
    if _IMAGE.fullmatch(wanted) is None:
        raise BadOrder(f"{wanted!r} is no image of a droplet: give the slug or number of one")
    user_data = first_boot_script(
        keys=order.ssh_public_keys, env=order.env, on_start=order.on_start
    )
    if len(user_data.encode()) > MOST_USER_DATA:
        raise BadOrder(f"the start-up script and its keys have more than {MOST_USER_DATA} bytes")
    return NewDroplet(
        name=order.label,
        region=region,
        size=slug,
        image=_number_or_text(wanted),
        ssh_keys=[_number_or_text(ssh_key)] if ssh_key else [],
        tags=[order.label],
        user_data=user_data,
    )


def _image_for(offer: Offer) -> str:
    """Return the cloud's own image with drivers for these GPUs. That for one GPU serves every NVIDIA size below eight."""
    if offer.gpu_type.startswith("MI"):
        return "gpu-amd-base"
    return "gpu-h100x8-base" if offer.gpu_count == 8 else "gpu-h100x1-base"


def _number_or_text(text: str) -> str | int:
    return int(text) if text.isascii() and text.isdigit() else text


def first_boot_script(*, keys: Sequence[str], env: Mapping[str, str], on_start: str) -> str:
    """Return what runs as root at the first boot: admits these OpenSSH keys, then becomes `on_start`, if there is one.

    Raises:
        BadOrder: a variable's name is none.
    """
    text = _FIRST_BOOT.replace("@KEYS@", "\n".join(key.strip() for key in keys))
    if not on_start:
        return text
    for name in env:
        if _ENV_NAME.fullmatch(name) is None:
            raise BadOrder(f"{name!r} is not a name for an environment variable")
    given = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in env.items())
    run = "./.first-boot.sh" if on_start.startswith("#!") else "sh ./.first-boot.sh"
    start = _START.replace("@ENV@", given).replace("@RUN@", run)
    start = start.replace("@END@", _end_of(on_start))
    return text + start.replace("@START@", on_start.rstrip("\n"))


def _end_of(script: str) -> str:
    """Return a word that stands on no line of the script."""
    lines, word, number = set(script.split("\n")), "END_OF_START", 0
    while word in lines:
        number += 1
        word = f"END_OF_START_{number}"
    return word


def credit_of(balance: Balance) -> Money | None:
    """Return the credit that is left; None for an account that pays afterwards: what it may still spend nobody tells.

    Raises:
        ValueError: the balance is no number.
    """
    owed = money(balance.month_to_date_balance)
    return Money(-owed.micros) if owed.micros < 0 else None


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        message = "a time without a zone"
        raise ValueError(message)
    return moment.astimezone(UTC)
