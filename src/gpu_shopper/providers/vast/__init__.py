"""Vast.ai: a marketplace of containers on other people's machines."""

from datetime import timedelta

from gpu_shopper.domain.quirks import Capabilities, Quirks, seconds
from gpu_shopper.domain.true_price import BillingTerms
from gpu_shopper.providers.manifest import EndRequest, Manifest, SettingSpec
from gpu_shopper.providers.vast.adapter import VastProvider
from gpu_shopper.providers.vast.mapping import DEFAULT_DISK_GB, DEFAULT_IMAGE, PROVIDER

# A machine bought may still pull its image for an hour; a listing was seen to lag by minutes; one request a second is
# safe, and an instance that nobody lists is looked for long, since nothing makes a create idempotent.
_QUIRKS = Quirks(
    call_deadline=seconds(60),
    adoption_window=seconds(90),
    quarantine=seconds(1800),
    boot_grace=timedelta(minutes=25),
    observe_period=seconds(10),
    destroy_settle=seconds(6),
    requests_per_second=1.0,
    burst=3,
    shop_period=seconds(180),
    # The start-up script of a container is cut at about 4,000 characters: ours goes over SSH.
    start_script_limit=4000,
    billing=BillingTerms(
        increment=seconds(1),
        billed_boot=seconds(60),
        included_disk_gb=DEFAULT_DISK_GB,
        # Its disk bills on, its GPU does not.
        stopped_share=0.0,
    ),
)
_CAPABILITIES = Capabilities(interruptible=True, exposed_ports=True, relabel=True)


MANIFEST = Manifest(
    name=PROVIDER,
    settings=(
        SettingSpec(
            name="key", help="An API key of the account.", secret=True, variables=("VAST_API_KEY",)
        ),
        SettingSpec(
            name="url",
            help="Where its API is.",
            default="https://console.vast.ai",
            variables=("VAST_URL",),
        ),
        SettingSpec(
            name="image", help="The image where a request names none.", default=DEFAULT_IMAGE
        ),
        SettingSpec(
            name="unverified",
            help="`true` shows the offers of machines that the cloud has not verified, too.",
            default="false",
        ),
    ),
    capabilities=_CAPABILITIES,
    quirks=_QUIRKS,
    adapter=VastProvider,
    bill_page="cloud.vast.ai, Billing, Charges",
    end_request=EndRequest(
        method="DELETE",
        url="https://console.vast.ai/api/v0/instances/${CONTAINER_ID}/",
        headers={"Authorization": "Bearer ${CONTAINER_API_KEY}"},
    ),
    instance_id_env="CONTAINER_ID",
)
