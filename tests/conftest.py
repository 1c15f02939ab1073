"""What holds for every test: generated examples are the same on each run unless asked otherwise."""

import os

from hypothesis import HealthCheck, settings

# A run that is red today and green tomorrow helps nobody, so the default profile draws no dice.
# HYPOTHESIS_PROFILE=soak looks further, by hand; =long looks for hours.
# How long an example took says nothing of the code on a machine that others use too.
settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("soak", deadline=None, max_examples=5000)
settings.register_profile("long", deadline=None, max_examples=100_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
