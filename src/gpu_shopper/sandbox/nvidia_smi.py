"""The stand-in for `nvidia-smi`, and the driver's files, as an instance finds them.

The tool is a plain shell script with the instance's GPUs written into it: it starts in a millisecond
and needs nothing but `sh`. It answers the questions that tools and people ask (the table, `-L`,
`--query-gpu`, `--version`) in the real tool's shape. The GPUs are as busy as the file
`~/.gpu_utilization` says: one percentage for all, or one a line for each; none means idle.
"""

import hashlib
import math
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_SCRIPT = r"""
busy_of() {
  busy=0
  if [ -r "$BUSY" ]; then
    n=0
    while read -r line || [ -n "$line" ]; do
      case "$line" in ''|*[!0-9]*) line=0 ;; esac
      if [ "$n" -eq 0 ] || [ "$n" -eq "$1" ]; then busy=$line; fi
      n=$((n + 1))
    done < "$BUSY"
  fi
  if [ "$busy" -gt 100 ]; then busy=100; fi
  used=$((1 + MEMORY * busy / 125))
}

at() { n=$1; shift; while [ "$n" -gt 0 ]; do shift; n=$((n - 1)); done; item=$1; }

value_of() {
  unit=
  case "$2" in
    index) value=$1 ;;
    count) value=$COUNT ;;
    name|gpu_name) value=$NAME ;;
    uuid|gpu_uuid) at "$1" $UUIDS; value=$item ;;
    pci.bus_id|gpu_bus_id) at "$1" $BUSES; value=$item ;;
    driver_version) value=$DRIVER ;;
    compute_cap) value=$CAP ;;
    timestamp) value=$(date '+%Y/%m/%d %H:%M:%S.000') ;;
    pstate) value=P8; if [ "$busy" -gt 0 ]; then value=P0; fi ;;
    persistence_mode) value=Enabled ;;
    compute_mode) value=Default ;;
    mig.mode.current|ecc.mode.current|fan.speed|serial|gpu_serial) value='[N/A]' ;;
    memory.total) value=$MEMORY; unit=MiB ;;
    memory.used) value=$used; unit=MiB ;;
    memory.free) value=$((MEMORY - used)); unit=MiB ;;
    memory.reserved) value=0; unit=MiB ;;
    utilization.gpu) value=$busy; unit=% ;;
    utilization.memory) value=$((busy / 2)); unit=% ;;
    temperature.gpu) value=$((31 + busy * 42 / 100)) ;;
    power.draw) value=$((POWER * (8 + busy * 85 / 100) / 100)).00; unit=W ;;
    power.limit|power.max_limit|power.default_limit) value=$POWER.00; unit=W ;;
    clocks.sm|clocks.current.sm|clocks.gr) value=$((210 + busy * 17)); unit=MHz ;;
    *) return 1 ;;
  esac
}

query() {
  case ",$2," in *,csv,*) ;; *) echo '"--format=" switch is missing or not csv.'; exit 2 ;; esac
  busy=0; used=1
  head=
  old_ifs=$IFS; IFS=', '
  set -f
  fields=
  for field in $1; do
    if [ -z "$field" ]; then continue; fi
    if ! value_of 0 "$field"; then
      IFS=$old_ifs
      printf 'Field "%s" is not a valid field to query.\n\n' "$field"; exit 2
    fi
    fields="$fields $field"
    head="$head${head:+, }$field${unit:+ [$unit]}"
  done
  IFS=$old_ifs
  if [ -z "$fields" ]; then echo 'No field to query.'; exit 2; fi
  case ",$2," in *,noheader,*) ;; *) printf '%s\n' "$head" ;; esac
  i=0
  while [ "$i" -lt "$COUNT" ]; do
    if [ -z "$ONLY" ] || [ "$ONLY" = "$i" ]; then
      busy_of "$i"
      row=
      for field in $fields; do
        value_of "$i" "$field"
        case ",$2," in *,nounits,*) unit= ;; esac
        row="$row${row:+, }$value${unit:+ $unit}"
      done
      printf '%s\n' "$row"
    fi
    i=$((i + 1))
  done
}

list() {
  i=0
  while [ "$i" -lt "$COUNT" ]; do
    at "$i" $UUIDS
    if [ -z "$ONLY" ] || [ "$ONLY" = "$i" ]; then echo "GPU $i: $NAME (UUID: $item)"; fi
    i=$((i + 1))
  done
}

bar() { printf "+%s+\n" "-----------------------------------------------------------------------------------------"; }

table() {
  date '+%a %b %e %H:%M:%S %Y'
  bar
  printf '| NVIDIA-SMI %-18s Driver Version: %-14s CUDA Version: %-12s |\n' "$DRIVER" "$DRIVER" "$CUDA"
  printf '|-----------------------------------------+------------------------+----------------------|\n'
  printf '| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |\n'
  printf '| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. |\n'
  printf '|=========================================+========================+======================|\n'
  i=0
  while [ "$i" -lt "$COUNT" ]; do
    busy_of "$i"
    at "$i" $BUSES
    value_of "$i" temperature.gpu; temp=$value
    value_of "$i" pstate; perf=$value
    value_of "$i" power.draw; power=${value%.*}
    short=$(printf '%.24s' "$NAME")
    printf '| %3s  %-24s       On  |   %-16s Off |                  N/A |\n' "$i" "$short" "$item"
    printf '| N/A %4sC    %-3s        %5sW / %5sW | %7sMiB / %6sMiB |   %4s%%      Default |\n' \
      "$temp" "$perf" "$power" "$POWER" "$used" "$MEMORY" "$busy"
    printf '+-----------------------------------------+------------------------+----------------------+\n'
    i=$((i + 1))
  done
}

usage() { echo 'nvidia-smi [-L] [-i INDEX] [--query-gpu=FIELDS --format=csv[,noheader][,nounits]] [--version]'; }

if [ "$READY_AT" -gt 0 ] && [ "$(date +%s)" -lt "$READY_AT" ]; then
  echo "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."
  exit 9
fi
ONLY= FIELDS= FORMAT= ACT=table
while [ $# -gt 0 ]; do
  case "$1" in
    -L|--list-gpus) ACT=list ;;
    --version) ACT=version ;;
    -h|--help) usage; exit 0 ;;
    -i|--id) ONLY=$2; shift ;;
    --id=*) ONLY=${1#*=} ;;
    -i*) ONLY=${1#-i} ;;
    --query-gpu=*) ACT=query FIELDS=${1#*=} ;;
    --query-gpu) ACT=query FIELDS=$2; shift ;;
    --query-compute-apps=*) ACT=apps FIELDS=${1#*=} ;;
    --format=*) FORMAT=${1#*=} ;;
    --format) FORMAT=$2; shift ;;
    *) echo "Invalid combination of input arguments. Please run 'nvidia-smi -h' for help."; exit 2 ;;
  esac
  shift
done
case "$ONLY" in
  '') ;;
  *[!0-9]*) echo 'No devices were found'; exit 6 ;;
  *) if [ "$ONLY" -ge "$COUNT" ]; then echo 'No devices were found'; exit 6; fi ;;
esac
case "$ACT" in
  list) list ;;
  query) query "$FIELDS" "$FORMAT" ;;
  apps) case ",$FORMAT," in *,noheader,*) ;; *) printf '%s\n' "$FIELDS" ;; esac ;;
  version)
    printf 'NVIDIA-SMI version  : %s\nNVML version        : %s\n' "$DRIVER" "${DRIVER%.*}"
    printf 'DRIVER version      : %s\nCUDA Version        : %s\n' "$DRIVER" "$CUDA" ;;
  *) table ;;
esac
"""


def write_tool(
    path: Path, gpus: Mapping[str, Any], *, instance_id: str, home: Path, ready_at: float = 0.0
) -> None:
    """Write the tool for these GPUs; before `ready_at`, in seconds since 1970, it finds no driver."""
    count = int(gpus["count"])
    facts = {
        "NAME": gpus["driver_name"],
        "COUNT": count,
        "MEMORY": gpus["memory_mib"],
        "DRIVER": gpus["driver"],
        "CUDA": gpus["cuda"],
        "CAP": gpus["compute_cap"],
        "POWER": gpus["power_w"],
        "READY_AT": math.ceil(ready_at),
        "BUSY": home / ".gpu_utilization",
        "UUIDS": " ".join(_uuid(instance_id, index) for index in range(count)),
        "BUSES": " ".join(_bus(index) for index in range(count)),
    }
    lines = (f"{name}={shlex.quote(str(value))}" for name, value in facts.items())
    path.write_text("#!/bin/sh\n" + "\n".join(lines) + "\n" + _SCRIPT, encoding="utf-8")
    path.chmod(0o755)


def write_driver_files(root: Path, gpus: Mapping[str, Any], *, instance_id: str) -> None:
    """Write what the driver shows under `/proc/driver/nvidia`, below `root`."""
    driver = root / "driver" / "nvidia"
    driver.mkdir(parents=True, exist_ok=True)
    version = f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {gpus['driver']}\n"
    (driver / "version").write_text(version, encoding="utf-8")
    for index in range(int(gpus["count"])):
        gpu = driver / "gpus" / _bus(index).lower()
        gpu.mkdir(parents=True, exist_ok=True)
        (gpu / "information").write_text(
            f"Model: \t\t {gpus['driver_name']}\n"
            f"GPU UUID: \t {_uuid(instance_id, index)}\n"
            f"Bus Location: \t {_bus(index).lower()}\n"
            f"Device Minor: \t {index}\n",
            encoding="utf-8",
        )


def _uuid(instance_id: str, index: int) -> str:
    digest = hashlib.sha256(f"{instance_id}:{index}".encode()).hexdigest()
    return f"GPU-{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"


def _bus(index: int) -> str:
    return f"00000000:{0x01 + index * 0x20:02X}:00.0"
