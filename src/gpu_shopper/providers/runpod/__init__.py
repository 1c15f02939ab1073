"""RunPod: containers ("pods") in its own data centres and, as its community cloud, on other people's machines."""

from datetime import timedelta

from gpu_shopper.domain.quirks import Capabilities, Quirks, seconds
from gpu_shopper.domain.true_price import BillingTerms
from gpu_shopper.providers.manifest import EndRequest, Manifest, SettingSpec
from gpu_shopper.providers.runpod.adapter import RunpodProvider
from gpu_shopper.providers.runpod.mapping import DEFAULT_DISK_GB, DEFAULT_IMAGE, PROVIDER

# Reasons, in the order of the lines:
# An image of twenty GB may be pulled for a quarter of an hour.
# An account has 60 requests a minute, 3,000 an hour and 50,000 a day: more than 0.57 a second would spend the day's, and
# then destroys would be refused for hours, so it stays below that; 10 at once and 33 more make 43 in a minute.
# A menu takes up to sixteen requests: every ten minutes that is a tenth of all that there are.
# `args` would take the place of the image's own start, with it SSH: so there is no start-up script, the agent comes by SSH.
# Of what is stopped only a volume is billed, and there is none; the price is that of a network volume.
_QUIRKS = Quirks(
    call_deadline=seconds(60),
    adoption_window=seconds(90),
    quarantine=seconds(1800),
    boot_grace=timedelta(minutes=20),
    observe_period=seconds(10),
    destroy_settle=seconds(5),
    requests_per_second=0.55,
    # With these, 53 in a minute: a whole menu takes eighteen.
    burst=20,
    shop_period=seconds(300),
    start_script_limit=0,
    billing=BillingTerms(
        increment=seconds(1),
        billed_boot=seconds(60),
        included_disk_gb=DEFAULT_DISK_GB,
        stopped_share=0.0,
        volume_price=0.07,
    ),
)
_CAPABILITIES = Capabilities(exposed_ports=True, relabel=True)


MANIFEST = Manifest(
    name=PROVIDER,
    settings=(
        SettingSpec(
            name="key",
            help="An API key of the account, with read and write access.",
            secret=True,
            variables=("RUNPOD_API_KEY",),
        ),
        SettingSpec(
            name="url",
            help="Where its API is.",
            default="https://api.runpod.io",
            variables=("RUNPOD_API_BASE_URL",),
        ),
        SettingSpec(
            name="image",
            help="The image where a request names none. It has to start an SSH server and have Python.",
            default=DEFAULT_IMAGE,
        ),
        SettingSpec(
            name="community",
            help="`false` leaves out the community cloud, which is other people's machines.",
            default="true",
        ),
    ),
    capabilities=_CAPABILITIES,
    quirks=_QUIRKS,
    adapter=RunpodProvider,
    bill_page="console.runpod.io, Billing",
    end_request=EndRequest(
        method="DELETE",
        url="https://api.runpod.io/v2/pods/${RUNPOD_POD_ID}",
        # Who does not say who asks is turned away with a 403, and so are some languages' own names.
        headers={
            "Authorization": "Bearer ${RUNPOD_API_KEY}",
            "User-Agent": "gpu-shopper-agent",
        },
    ),
    instance_id_env="RUNPOD_POD_ID",
)
