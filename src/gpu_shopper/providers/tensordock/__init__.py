"""TensorDock: virtual machines at independent hosts, put together from GPUs, processors, memory and disk."""

from datetime import timedelta

from gpu_shopper.domain.quirks import Capabilities, Quirks, seconds
from gpu_shopper.domain.true_price import BillingTerms
from gpu_shopper.providers.manifest import Manifest, SettingSpec
from gpu_shopper.providers.tensordock.adapter import TensordockProvider
from gpu_shopper.providers.tensordock.mapping import LEAST_DISK_GB, PROVIDER

_QUIRKS = Quirks(
    # Calls of a minute have been seen; others wait for two.
    call_deadline=seconds(120),
    adoption_window=seconds(120),
    # Nobody says how far its list lags, and nothing makes a create idempotent: looked for long.
    quarantine=seconds(1800),
    # The address comes within half a minute, the first boot's commands take a minute or two more; slow hosts far longer.
    boot_grace=timedelta(minutes=20),
    # A delete alone may take more than five seconds.
    destroy_settle=seconds(10),
    # A hundred requests a minute for the whole organisation: what the console asks for counts too.
    requests_per_second=1.0,
    burst=3,
    # Its documents name no limit; larger ones go over SSH.
    start_script_limit=16 * 1024,
    billing=BillingTerms(
        # By the minute.
        increment=seconds(60),
        # Billed from the create on.
        billed_boot=seconds(120),
        # The least disk is in the price of our offers.
        included_disk_gb=LEAST_DISK_GB,
    ),
)
_CAPABILITIES = Capabilities(exposed_ports=True)


MANIFEST = Manifest(
    name=PROVIDER,
    settings=(
        SettingSpec(
            name="key",
            help="An API token of the organisation.",
            secret=True,
            variables=("TENSORDOCK_API_TOKEN",),
        ),
        SettingSpec(
            name="url",
            help="Where its API is.",
            default="https://dashboard.tensordock.com/api/v2",
            variables=("TENSORDOCK_BASE_URL",),
        ),
        SettingSpec(
            name="image",
            help="The image where a request names none.",
            default="ubuntu2404",
        ),
    ),
    capabilities=_CAPABILITIES,
    quirks=_QUIRKS,
    adapter=TensordockProvider,
    bill_page="dashboard.tensordock.com, Billing",
)
