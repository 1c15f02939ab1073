"""The cloud that runs on this machine, seen through its HTTP API."""

from datetime import timedelta

from gpu_shopper.domain.quirks import Capabilities, Quirks, seconds
from gpu_shopper.domain.true_price import BillingTerms
from gpu_shopper.providers.manifest import EndRequest, Manifest, SettingSpec
from gpu_shopper.providers.sandbox.adapter import SandboxProvider
from gpu_shopper.providers.sandbox.mapping import PROVIDER

_CAPABILITIES = Capabilities(interruptible=True, native_ttl=True, node_can_end_itself=True)

# Its reads are strong and its answers quick, so little waiting proves much.
_QUIRKS = Quirks(
    call_deadline=seconds(20),
    adoption_looks=(seconds(2), seconds(5), seconds(10), seconds(20), seconds(30)),
    adoption_window=seconds(30),
    quarantine=seconds(300),
    boot_grace=seconds(180),
    observe_period=seconds(1),
    destroy_settle=seconds(0.5),
    absence_reads=2,
    absence_read_spacing=seconds(2),
    absence_listings=1,
    absence_listing_spacing=seconds(5),
    requests_per_second=50,
    burst=100,
    shop_period=seconds(30),
    destroy_ends_billing=True,
    # Its meter runs from the order on, to the microsecond; a machine starts within two seconds. Disk is in the price, and
    # what is stopped pays a tenth for it.
    billing=BillingTerms(
        increment=timedelta(microseconds=1), billed_boot=seconds(2), stopped_share=0.1
    ),
)


MANIFEST = Manifest(
    name=PROVIDER,
    settings=(
        SettingSpec(
            name="url", help="Where the sandbox cloud listens, such as http://127.0.0.1:8701."
        ),
        SettingSpec(name="key", help="The key of the account.", secret=True),
        SettingSpec(
            name="start_script_bytes",
            help="The largest start-up script that it takes, as it was told; 0: none.",
            default=str(_QUIRKS.start_script_limit),
        ),
    ),
    capabilities=_CAPABILITIES,
    quirks=_QUIRKS,
    adapter=SandboxProvider,
    end_request=EndRequest(
        method="DELETE",
        url="${SANDBOX_API}/v1/self",
        headers={"Authorization": "Bearer ${SANDBOX_INSTANCE_KEY}"},
    ),
    process_scope_env="GPU_SANDBOX_INSTANCE",
    instance_id_env="SANDBOX_INSTANCE_ID",
)
