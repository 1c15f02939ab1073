"""Reading what an agent reports. The house alone does that, so that it does not travel to the nodes."""

from gpu_shopper.wire.agent import (
    LABEL,
    LONGEST,
    PROTOCOL,
    FieldReader,
    GpuReading,
    Heartbeat,
    Workload,
    parse_object,
)

_STATES = ("none", "running", "exited")


def read_heartbeat(body: str | bytes) -> Heartbeat:
    """Parse a body, or raise BodyError."""
    read = parse_object(body)
    read.whole("protocol", PROTOCOL, PROTOCOL)
    found = Heartbeat(
        label=read.text("label", LABEL),
        boot_id=read.text("boot_id", r"[A-Za-z0-9-]{1,64}"),
        counter=read.whole("counter", 1, 1 << 53),
        agent_version=read.text("agent_version", r"[0-9A-Za-z.+-]{1,40}"),
        sent_at=read.text(
            "sent_at", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)"
        ),
        gpus=read.items("gpus", 64, _gpu),
        gpu_error=read.text_or_none("gpu_error", _line(500)),
        driver_version=read.text_or_none("driver_version", _line(40)),
        cuda_version=read.text_or_none("cuda_version", _line(40)),
        disk_total_gb=read.number("disk_total_gb", 0, 1e9),
        disk_free_gb=read.number("disk_free_gb", 0, 1e9),
        ram_total_gb=read.number("ram_total_gb", 0, 1e7),
        cpu_count=read.whole("cpu_count", 0, 1 << 20),
        idle_seconds=read.number("idle_seconds", 0, LONGEST),
        ssh_sessions=read.whole("ssh_sessions", 0, 1 << 20),
        uptime_seconds=read.number("uptime_seconds", 0, LONGEST),
        host_key=read.text_or_none("host_key", r"ssh-ed25519 [A-Za-z0-9+/=]{16,1000}"),
        workload=_workload(read.raw("workload"), "workload"),
        instance_id=_instance_id(read) if read.has("instance_id") else None,
    )
    read.finish()
    return found


def _instance_id(read: FieldReader) -> str | None:
    return read.text_or_none("instance_id", r"[!-~]{1,200}")


def _gpu(value: object, path: str) -> GpuReading:
    read = FieldReader(value, path)
    found = GpuReading(
        name=read.text("name", _line(200)),
        memory_mib=read.maybe("memory_mib", lambda name: read.whole(name, 0, 1 << 30)),
        uuid=read.text("uuid", _line(100)),
        utilization_percent=read.maybe(
            "utilization_percent", lambda name: read.number(name, 0, 100)
        ),
        memory_used_mib=read.maybe("memory_used_mib", lambda name: read.whole(name, 0, 1 << 30)),
    )
    read.finish()
    return found


def _workload(value: object, path: str) -> Workload:
    read = FieldReader(value, path)
    found = Workload(
        state=read.choice("state", _STATES),
        exit_code=read.maybe("exit_code", lambda name: read.whole(name, -255, 255)),
    )
    read.finish()
    return found


def _line(most: int) -> str:
    return rf"[^\x00-\x1f\x7f]{{0,{most}}}"
