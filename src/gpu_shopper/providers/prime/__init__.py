"""Prime Intellect: one account for the GPUs of many clouds behind it."""

from datetime import timedelta

from gpu_shopper.domain.quirks import Capabilities, Quirks, seconds
from gpu_shopper.domain.true_price import BillingTerms
from gpu_shopper.providers.manifest import Manifest, SettingSpec
from gpu_shopper.providers.prime.adapter import PrimeProvider
from gpu_shopper.providers.prime.mapping import DEFAULT_DISK_GB, DEFAULT_IMAGE, PROVIDER

_QUIRKS = Quirks(
    # A create is passed on to another cloud before it is answered.
    call_deadline=seconds(90),
    adoption_window=seconds(120),
    # Its list lags behind the clouds that it resells, nobody says how far, and nothing makes a create idempotent.
    quarantine=seconds(1800),
    # Virtual machines of some of them are set up for a quarter of an hour after they answer.
    boot_grace=timedelta(minutes=30),
    observe_period=seconds(15),
    # A pod is shown as being deleted until the cloud behind has done it.
    destroy_settle=seconds(10),
    # No limit is published; one request a second was never refused to anybody who wrote about it.
    requests_per_second=1.0,
    burst=3,
    shop_period=seconds(180),
    # It takes none: the agent is brought over SSH.
    start_script_limit=0,
    # From the create on where the cloud behind bills its boot, which some do; a stopped pod costs what they ask for its disk.
    billing=BillingTerms(
        increment=seconds(60), billed_boot=seconds(300), included_disk_gb=DEFAULT_DISK_GB
    ),
)
# Images are the few that an offer names, and ports are the cloud's own choice.
_CAPABILITIES = Capabilities(custom_image=False, interruptible=True)


MANIFEST = Manifest(
    name=PROVIDER,
    settings=(
        SettingSpec(
            name="key",
            help="An API key that may read availability, and read and write instances and SSH keys.",
            secret=True,
            variables=("PRIME_API_KEY",),
        ),
        SettingSpec(
            name="url",
            help="Where its API is.",
            default="https://api.primeintellect.ai",
            variables=("PRIME_API_BASE_URL", "PRIME_BASE_URL"),
        ),
        SettingSpec(
            name="team",
            help="The team that pays, by its id; empty: the account itself.",
            default="",
            variables=("PRIME_TEAM_ID",),
        ),
        SettingSpec(
            name="image",
            help="The image, where an offer has it; else the first one that it names.",
            default=DEFAULT_IMAGE,
        ),
    ),
    capabilities=_CAPABILITIES,
    quirks=_QUIRKS,
    adapter=PrimeProvider,
    bill_page="app.primeintellect.ai, Billing",
)
