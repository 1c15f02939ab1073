"""What a sign of life means: whether it is news, and whether the node has the GPUs that were sold."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from gpu_shopper.domain.errors import UnknownGpu
from gpu_shopper.domain.gpu import MODELS, candidates, read_gpu, same_gpu
from gpu_shopper.domain.gpu_reading import read_row
from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.instance import Instance
from gpu_shopper.domain.launch import REPORT_ON_ITS_WAY, Absence, Heard, LaunchAttempt, Proof
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.domain.offer import Offer

# A machine boots again in less, and a node that lives is heard more often: longer silent than this, a boot is over.
BOOT_IS_OVER = timedelta(minutes=5)
_MIB_PER_GB = 1024
# A slice's memory is named in round numbers, and the driver keeps its share: 1g.10gb shows 9,856 MiB, 1g.12gb less than 11 GiB.
_LEAST_PART_SHOWN = 0.88
# A half of a GPU may be three of its seven slices, and an eighth one of seven.
_LEAST_OF_SHARE = 0.8
# What stands in place of a name while the driver, or a GPU, is not up: "[N/A]", "[Unknown Error]", "ERR!", a nameless device.
_NO_NAME = re.compile(
    r"|\[.*\]|err!?|n/?a|unknown( error)?|(nvidia )?graphics device", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class GpuSeen:
    """One GPU as the node's own tool names it; memory in MiB, 0 where it would not say."""

    name: str
    memory_mib: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeReport:
    """What the house keeps of one heartbeat. `gpus` is None while the node cannot read them yet.

    `instance_id` is None where the cloud does not let a node know which instance it is.
    """

    boot_id: str
    counter: int
    gpus: tuple[GpuSeen, ...] | None
    idle_seconds: float
    host_key: str | None
    instance_id: InstanceId | None = None


class Verdict(StrEnum):
    """What a report says of the hardware."""

    AS_SOLD = "as_sold"
    NOT_READABLE = "not_readable"
    NOT_AS_SOLD = "not_as_sold"


def is_news(attempt: LaunchAttempt, report: NodeReport) -> bool:
    """Return whether the report is newer than all before: within one boot, counters only grow, and they begin at 1."""
    heard = attempt.heard
    if report.counter < 1:
        return False
    return heard is None or heard.boot_id != report.boot_id or report.counter > heard.counter


def is_of_another(attempt: LaunchAttempt, instance_id: InstanceId | None) -> bool:
    """Return whether what says to be this instance is not the one that the attempt holds or held: its double."""
    return None not in {instance_id, attempt.instance_id} and instance_id != attempt.instance_id


def without_anothers_word(attempt: LaunchAttempt) -> LaunchAttempt:
    """Return the attempt, whose instance is known now; if its double spoke before that, it has not been heard."""
    heard = attempt.heard
    if heard is None or not is_of_another(attempt, heard.instance_id):
        return attempt
    return replace(attempt, heard=None)


def glimpsed(attempt: LaunchAttempt, *, listed_at: datetime) -> LaunchAttempt:
    """Return the closing attempt that a listing shows, which began at `listed_at`: a sight if that was before its destroy.

    Listings lag: after the call, or where a direct read did not find it, they say nothing of when its bill ends.
    """
    called_at, seen_at = attempt.destroy_called_at, attempt.last_seen_at
    told_to_end = called_at is not None and called_at <= listed_at
    not_found = attempt.missing_reads > 0 or attempt.absence.first_gone_at is not None
    if told_to_end or not_found or (seen_at is not None and seen_at >= listed_at):
        return attempt
    return replace(attempt, last_seen_at=listed_at, missing_since=None, missing_listings=0)


def may_be_a_double(attempt: LaunchAttempt, report: NodeReport) -> bool:
    """Return whether another instance may be speaking under the label: of what was read to be gone, or is closed.

    A cloud that takes an order twice makes two instances with one label and one token. Where it lets a node know which
    instance it is, there is nothing to guess. Where it does not, the boot that was heard before may be the double's too:
    a read, which asks by the instance's id, is contradicted by a word that names none.
    """
    if attempt.wanted or _is_itself(attempt, report):
        return False
    if attempt.closed_at is None:
        return attempt.absence.first_gone_at is not None
    heard = attempt.heard
    return attempt.proof is Proof.PROVED or heard is None or heard.boot_id != report.boot_id


def doubted(attempt: LaunchAttempt, *, at: datetime) -> LaunchAttempt:
    """Return the attempt after a word that may be a double's: nothing is proved beside it, so that the proof begins anew.

    When it was first read to be gone stays, for its bill goes on only if a read finds it.
    """
    absence = attempt.absence
    if attempt.closed_at is not None or not _is_outvoted(absence, at=at):
        return attempt
    begun_anew = Absence(read_at=absence.read_at, first_gone_at=absence.first_gone_at)
    return replace(attempt, absence=begun_anew)


def is_not_found(attempt: LaunchAttempt, report: NodeReport) -> bool:
    """Return whether direct reads do not find the instance, and the word names none: a double that is known may have said it."""
    return attempt.missing_reads > 0 and report.instance_id is None


def overheard(
    attempt: LaunchAttempt, report: NodeReport, *, as_sold: bool, at: datetime
) -> LaunchAttempt:
    """Return the wanted attempt after a word that its double may have said: not silent, and missing as before."""
    return replace(
        hear(attempt, report, as_sold=as_sold, at=at),
        missing_since=attempt.missing_since,
        missing_listings=attempt.missing_listings,
        missing_reads=attempt.missing_reads,
    )


def is_overheard(attempt: LaunchAttempt) -> bool:
    """Return whether a word that names no instance was heard since this one is missing. Its own would have ended that."""
    heard, since = attempt.heard, attempt.missing_since
    if heard is None or since is None:
        return False
    return heard.instance_id is None and heard.at >= since


def answered(attempt: LaunchAttempt) -> LaunchAttempt:
    """Return the attempt whose node answered at its own address: no double does, and it is not missing."""
    return replace(attempt, missing_since=None, missing_listings=0, missing_reads=0)


def contradicts_another(attempt: LaunchAttempt, report: NodeReport, *, at: datetime) -> bool:
    """Return whether a report that does not fit may be a double's: a boot never heard, and the one that fitted was heard just now.

    A machine that lost a GPU as it booted is believed as well, when the boot before it has been silent for a while.
    """
    heard = attempt.heard
    if heard is None or not heard.as_sold or heard.boot_id == report.boot_id:
        return False
    if _is_itself(attempt, report):
        return False
    return at - heard.at < BOOT_IS_OVER


def _is_itself(attempt: LaunchAttempt, report: NodeReport) -> bool:
    return report.instance_id is not None and report.instance_id == attempt.instance_id


def judge(offer: Offer, report: NodeReport) -> Verdict:
    """Compare the node's GPUs with those of the offer. A driver that is not up yet is no fault of the hardware.

    What it shows of a GPU counts against the offer only where no GPU as sold can look so.
    """
    if not report.gpus:
        return Verdict.NOT_READABLE
    if len(report.gpus) != offer.gpu_count:
        return Verdict.NOT_AS_SOLD
    verdicts = {_judge_one(offer, gpu) for gpu in report.gpus}
    by_weight = (Verdict.NOT_AS_SOLD, Verdict.NOT_READABLE, Verdict.AS_SOLD)
    return next(verdict for verdict in by_weight if verdict in verdicts)


def _judge_one(offer: Offer, gpu: GpuSeen) -> Verdict:
    if _NO_NAME.fullmatch(gpu.name.strip()):
        return Verdict.NOT_READABLE
    is_sold = _is_sold_gpu(offer, gpu.name, gpu.memory_mib)
    if is_sold is None:
        return Verdict.NOT_READABLE
    if is_sold:
        return Verdict.AS_SOLD
    untold = offer.gpu_fraction == 1 and gpu.memory_mib == 0
    if not untold or not _is_sold_gpu(offer, gpu.name, offer.vram_gb * _MIB_PER_GB):
        return Verdict.NOT_AS_SOLD
    # The name fits, and how much memory there is nobody says: a driver that is coming up, or one that never tells.
    return Verdict.AS_SOLD if len(candidates(gpu.name)) == 1 else Verdict.NOT_READABLE


def hear(
    attempt: LaunchAttempt, report: NodeReport, *, as_sold: bool, at: datetime
) -> LaunchAttempt:
    """Return the attempt after news of its node. A sign of life takes back any suspicion that it is missing.

    What was shown to be gone, and speaks when nothing can be on its way any more, is not: the proof begins anew.
    """
    before = attempt.heard
    checked = before is not None and before.as_sold and before.instance_id == report.instance_id
    heard = Heard(
        at=at,
        boot_id=report.boot_id,
        counter=report.counter,
        idle_seconds=_idle_seconds(before, report, at=at),
        as_sold=as_sold or checked,
        instance_id=report.instance_id,
    )
    obeyed_at = attempt.destroy_accepted_at
    if _is_outvoted(attempt.absence, at=at):
        attempt = replace(attempt, absence=Absence(read_at=attempt.absence.read_at))
    if obeyed_at is not None and at - obeyed_at >= REPORT_ON_ITS_WAY:
        attempt = replace(attempt, destroy_accepted_at=None)
    return replace(
        attempt,
        heard=heard,
        host_key=attempt.host_key or report.host_key,
        missing_since=None,
        missing_listings=0,
        missing_reads=0,
    )


def _idle_seconds(before: Heard | None, report: NodeReport, *, at: datetime) -> float:
    """Return for how long the node can have been idle: since what was heard before, and as long as that was by then.

    A reboot ends what ran. Another boot that was idle before that is a double's, and says nothing of the one at work.
    """
    if before is None:
        return report.idle_seconds
    since = max(0.0, (at - before.at).total_seconds())
    longest = since + before.idle_seconds if before.boot_id == report.boot_id else since
    return min(report.idle_seconds, longest)


def _is_outvoted(absence: Absence, *, at: datetime) -> bool:
    """Tell whether what speaks now cannot have been on its way since before it was first read to be gone."""
    gone_at = absence.first_gone_at
    return gone_at is not None and at - gone_at >= REPORT_ON_ITS_WAY


def misfit(
    attempt: LaunchAttempt, instance: Instance, *, price_cap: HourlyRate | None
) -> str | None:
    """Return why what was granted is not what was sold; None if it fits as far as the cloud tells."""
    if instance.label != attempt.label:
        return "the cloud did not put our label on it, so that no sweep would know it"
    if price_cap is not None and instance.rate is not None and instance.rate > price_cap:
        return f"charged at {instance.rate}, above the cap of {price_cap}"
    return other_gpus(attempt.offer, instance)


def other_gpus(offer: Offer, instance: Instance) -> str | None:
    """Return how the GPUs that the cloud shows differ from those of the offer; None if they do not, as far as it tells."""
    if instance.gpu_count and instance.gpu_count != offer.gpu_count:
        return f"granted {instance.gpu_count} GPUs instead of {offer.gpu_count}"
    shown = GpuSeen(instance.gpu_name, instance.gpu_memory_mib)
    if _judge_one(offer, shown) is Verdict.NOT_AS_SOLD:
        return f"granted {instance.gpu_name} instead of {offer.gpu_type}"
    return None


def _is_sold_gpu(offer: Offer, name: str, memory_mib: int) -> bool | None:
    """Return whether that is what was sold; None if too little is shown to tell."""
    if offer.gpu_fraction < 1:
        return _is_sold_part(offer, name, memory_mib)
    try:
        sold = read_gpu(offer.gpu_type, memory_gb=offer.vram_gb)
    except UnknownGpu:
        # A model that we do not know was sold under the cloud's own name: then that name must come back.
        return offer.gpu_type.casefold() in name.casefold()
    return same_gpu(sold, name, memory_mib)


def _is_sold_part(offer: Offer, name: str, memory_mib: int) -> bool | None:
    """Return whether a node shows the part of a GPU that was sold: itself, or the whole one that it was cut from.

    A slice's driver tells neither its memory nor that it is one; then its profile does, or nothing can be told.
    """
    seen, sold = read_row(name), MODELS.get(offer.gpu_type)
    if sold is None or not seen.known:
        return offer.gpu_type.casefold() in name.casefold()
    cut = seen.gpu_fraction < 1
    if MODELS[seen.gpu_type].family != sold.family:
        return False
    if cut and seen.gpu_fraction < _LEAST_OF_SHARE * offer.gpu_fraction:
        return False
    if not memory_mib and not cut and "mig" not in name.casefold():
        return None
    shown_gb = memory_mib / _MIB_PER_GB if memory_mib else seen.vram_gb
    return shown_gb >= _LEAST_PART_SHOWN * offer.vram_gb
