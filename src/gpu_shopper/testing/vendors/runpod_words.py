"""What the simulated RunPod understands, strictly, and what it calls errors and states."""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

import msgspec

from gpu_shopper.sandbox.messages import Json
from gpu_shopper.testing.vendors.runpod_menu import Question, numbers
from gpu_shopper.testing.vendors.vendor import VendorError, VendorReply

T = TypeVar("T")

TITLES: Mapping[int, str] = {
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
# How an error of the model's is worded: status, detail. What is not named here tells the model's own text, as a 400.
ERRORS: Mapping[str, tuple[int, str]] = {
    "unauthorized": (401, "missing bearer token"),
    "rate_limited": (429, "rate limit exceeded for the minute window"),
    "unavailable": (503, "service unavailable"),
    "region_unavailable": (503, "upstream request failed"),
    "internal": (500, "Something went wrong. Please try again later or contact support."),
    "timeout": (504, "upstream request timed out"),
    "not_found": (404, "pod not found"),
    "reserved": (409, "the pod cannot be terminated just now"),
    "insufficient_balance": (402, "insufficient balance to deploy this pod"),
}
# Ways to say that there is none; the account's cap on spending is told in the first one's words.
NONE_LEFT = (
    "There are no longer any instances available with the requested specifications. Please refresh and try again.",
    "There are no instances currently available",
    "This machine does not have the resources to deploy your pod. Please try a different machine",
)
# A pod is called running from its first second on, long before it has an address.
STATUSES: Mapping[str, str] = {
    "creating": "PROVISIONING",
    "booting": "RUNNING",
    "running": "RUNNING",
    "stopping": "EXITED",
    "stopped": "EXITED",
    "error": "ERROR",
}
_WAITING = ["stop", "terminate"]
_RESTING = ["start", "terminate"]
ACTIONS: Mapping[str, list[str]] = {
    "PROVISIONING": _WAITING,
    "STARTING": _WAITING,
    "RUNNING": ["stop", "restart", "terminate"],
    "EXITED": _RESTING,
    "ERROR": _RESTING,
}

_Filled = Annotated[str, msgspec.Meta(min_length=1)]
_Cuda = Annotated[str, msgspec.Meta(pattern=r"^\d+\.\d+$")]
_Key = Annotated[str, msgspec.Meta(pattern=r"^(ssh|ecdsa|sk)-[^\s]+ [^\s]+([ \t][^\n\r]*)?$")]


class _Strict(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    pass


class GpuWish(_Strict, rename="camel"):
    """The GPUs of a new pod."""

    id: str
    count: Annotated[int, msgspec.Meta(ge=1)] = 1
    allowed_cuda_versions: list[_Cuda] = []
    min_cuda_version: _Cuda | msgspec.UnsetType = msgspec.UNSET
    # Not in its description of August 2026; its users ask so since September.
    min_vcpu_count_per_gpu: Annotated[int, msgspec.Meta(ge=1)] = 1
    min_ram_per_gpu: Annotated[int, msgspec.Meta(ge=1)] = 1


class PersistentMount(_Strict):
    """A disk of the pod's machine that outlives a stop."""

    size: Annotated[int, msgspec.Meta(ge=10)]
    path: str


class NetworkMount(_Strict, rename="camel"):
    """A volume that outlives the pod."""

    volume_id: str
    path: str


class MountWish(_Strict):
    """What is mounted."""

    persistent: PersistentMount | msgspec.UnsetType = msgspec.UNSET
    network: Annotated[list[NetworkMount], msgspec.Meta(max_length=1)] = []


class PodWish(_Strict, rename="camel"):
    """The body of a create call."""

    name: _Filled
    image: str | msgspec.UnsetType = msgspec.UNSET
    gpu: GpuWish | msgspec.UnsetType = msgspec.UNSET
    cpu: dict[str, Json] | msgspec.UnsetType = msgspec.UNSET
    cloud: Literal["SECURE", "COMMUNITY"] = "SECURE"
    disk: Annotated[int, msgspec.Meta(ge=1)] = 20
    ports: list[str] = []
    env: dict[str, str] = {}
    args: str = ""
    # Not in its description of August 2026; its users ask so since September.
    entrypoint: list[str] = []
    cmd: list[str] = []
    registry: str | None = None
    data_center_ids: list[str] = []
    mounts: MountWish = msgspec.field(default_factory=MountWish)
    template_id: _Filled | msgspec.UnsetType = msgspec.UNSET
    start_ssh: bool = False
    start_jupyter: bool = False
    global_networking: bool = False


class PodChange(_Strict, rename="camel"):
    """The body of a change: what is not named stays as it is."""

    name: _Filled | msgspec.UnsetType = msgspec.UNSET
    args: str | msgspec.UnsetType = msgspec.UNSET
    ports: list[str] | msgspec.UnsetType = msgspec.UNSET
    image: str | msgspec.UnsetType = msgspec.UNSET
    disk: Annotated[int, msgspec.Meta(ge=1)] | msgspec.UnsetType = msgspec.UNSET
    env: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    registry: str | msgspec.UnsetType | None = msgspec.UNSET
    mounts: MountWish | msgspec.UnsetType = msgspec.UNSET
    template_id: str | msgspec.UnsetType = msgspec.UNSET
    locked: bool | msgspec.UnsetType = msgspec.UNSET
    global_networking: bool | msgspec.UnsetType = msgspec.UNSET


class ActionWish(_Strict):
    """The body of a pod's change of state."""

    action: Literal["start", "stop", "restart", "terminate"]


class KeysWish(_Strict):
    """The body that puts a list of SSH keys in the place of the account's."""

    keys: list[_Key]


def problem(status: int, detail: str, *errors: str) -> VendorReply:
    """Return an error as the vendor words it."""
    body: dict[str, Json] = {"title": TITLES[status], "status": status, "detail": detail}
    if errors:
        body["errors"] = list(errors)
    return VendorReply(
        status=status, body=body, headers={"content-type": "application/problem+json"}
    )


def refused(status: int, detail: str, *errors: str) -> VendorError:
    """Return the end of a request that is in error."""
    return VendorError(problem(status, detail, *errors))


def read_body(body: Json, kind: type[T]) -> T:
    """Return a body as `kind`.

    Raises:
        VendorError: it breaks the contract.
    """
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise refused(422, "Request validation failed.", str(error)) from error


class _CatalogueQuery(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    include: Annotated[list[Literal["AVAILABILITY"]], msgspec.Meta(max_length=1)] = []
    product: list[Literal["POD", "CLUSTER", "SERVERLESS"]] = []
    count: Annotated[int, msgspec.Meta(ge=1)] = 1
    cloud: Literal["SECURE", "COMMUNITY"] = "SECURE"
    country_codes: list[Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}$")]] = []
    cuda_versions: list[_Cuda] = []
    min_cuda_version: Annotated[str, msgspec.Meta(pattern=r"^\d+(\.\d+)?$")] = "0"


_LISTS = frozenset({"include", "product", "countryCodes", "cudaVersions"})


def read_question(query: Mapping[str, str]) -> Question:
    """Return what a look into the catalogue asks for.

    Raises:
        VendorError: it makes no sense.
    """
    split = {name: text.split(",") if name in _LISTS else text for name, text in query.items()}
    try:
        asked = msgspec.convert(split, _CatalogueQuery, strict=False)
    except msgspec.ValidationError as error:
        raise refused(422, "Request validation failed.", str(error)) from error
    if asked.include and not asked.product:
        raise refused(400, "include=AVAILABILITY requires product")
    if not asked.include and set(query) - {"include"}:
        raise refused(400, "these filters require include=AVAILABILITY")
    if "cudaVersions" in query and "minCudaVersion" in query:
        raise refused(400, "cudaVersions and minCudaVersion exclude each other")
    return Question(
        availability=bool(asked.include),
        count=asked.count,
        cloud=asked.cloud,
        countries=frozenset(asked.country_codes),
        cuda=frozenset(asked.cuda_versions),
        least_cuda=numbers(asked.min_cuda_version),
    )
