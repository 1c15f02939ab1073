"""Places are read from what clouds write, and nothing is guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_shopper.domain.countries import CODES, NAMES, country_of
from gpu_shopper.domain.place_names import letters
from gpu_shopper.domain.place_table import CITIES, REGIONS, SITES, STATES
from gpu_shopper.domain.places import NOWHERE, Place, read_city_and_country, read_place

CODES_OF_CLOUDS = [
    ("us-east-1", ("US", "", "")),
    ("us-east-1a", ("US", "", "")),
    ("us-gov-west-1", ("US", "", "")),
    ("eu-central-1", ("DE", "", "Frankfurt")),
    ("ap-northeast-2", ("KR", "", "Seoul")),
    ("sa-east-1", ("BR", "", "Sao Paulo")),
    ("me-south-1", ("BH", "", "")),
    ("us-central1", ("US", "", "")),
    ("europe-west4", ("NL", "", "Eemshaven")),
    ("europe-west4-a", ("NL", "", "Eemshaven")),
    ("us-east4-c", ("US", "Virginia", "Ashburn")),
    ("northamerica-northeast1", ("CA", "Quebec", "Montreal")),
    ("me-west1-b", ("IL", "", "Tel Aviv")),
    ("eastus2", ("US", "", "")),
    ("East US 2", ("US", "", "")),
    ("southcentralus", ("US", "", "")),
    ("germanywestcentral", ("DE", "", "")),
    ("southafricanorth", ("ZA", "", "")),
    ("West Europe", ("NL", "", "")),
    ("uksouth", ("GB", "", "")),
    ("koreacentral", ("KR", "", "")),
    ("uk-london-1", ("GB", "", "London")),
    ("us-ashburn-1", ("US", "Virginia", "Ashburn")),
    ("fra1", ("DE", "", "Frankfurt")),
    ("nyc3", ("US", "New York", "New York")),
    ("ewr", ("US", "", "")),
    ("FIN-01", ("FI", "", "")),
    ("ICE-01", ("IS", "", "")),
    ("EU-RO-1", ("RO", "", "")),
    ("EUR-IS-2", ("IS", "", "")),
    ("AP-IN-1", ("IN", "", "")),
    ("SEA-SG-1", ("SG", "", "")),
    ("OC-AU-1", ("AU", "", "")),
    ("CA-MTL-1", ("CA", "Quebec", "Montreal")),
    ("CA-ON", ("CA", "Ontario", "")),
    ("US-CA", ("US", "California", "")),
    ("US-DE-1", ("US", "Delaware", "")),
    ("us-tx-1", ("US", "Texas", "")),
    ("DE-BE", ("", "", "")),
    ("FR-IDF", ("FR", "", "")),
    ("CANADA-1", ("CA", "", "")),
    ("NORWAY-1", ("NO", "", "")),
    ("montreal-canada-4", ("CA", "Quebec", "Montreal")),
    ("newyork-usa-2", ("US", "New York", "")),
    ("kansascity-usa-1", ("US", "", "Kansas City")),
    ("london-uk-1", ("GB", "", "London")),
    ("us-virginia-1", ("US", "Virginia", "")),
    ("US East (N. Virginia)", ("US", "Virginia", "")),
    ("Europe (Frankfurt)", ("DE", "", "Frankfurt")),
]

NAMED = [
    ("Texas, US", ("US", "Texas", "")),
    ("Texas, Texas", ("US", "Texas", "")),
    (", CN", ("CN", "", "")),
    (", US", ("US", "", "")),
    ("Frankfurt, Germany", ("DE", "", "Frankfurt")),
    ("Washington, DC, USA", ("US", "District of Columbia", "Washington")),
    ("Washington, US", ("US", "", "")),
    ("New York, NY", ("US", "New York", "New York")),
    ("New York, New York, US", ("US", "New York", "New York")),
    ("New York, US", ("US", "New York", "")),
    ("São Paulo, Brazil", ("BR", "", "Sao Paulo")),
    ("Santa Clara, California, United States", ("US", "California", "Santa Clara")),
    ("Singapore, Singapore", ("SG", "", "Singapore")),
    ("California, USA", ("US", "California", "")),
    ("Dallas, TX", ("US", "Texas", "Dallas")),
    ("Kristiansand; Norway", ("NO", "", "Kristiansand")),
    ("South Korea", ("KR", "", "")),
    ("North Korea", ("KP", "", "")),
    ("South Australia", ("AU", "South Australia", "")),
    ("West Jordan", ("US", "Utah", "West Jordan")),
    ("Czech Republic", ("CZ", "", "")),
    ("Türkiye", ("TR", "", "")),
]

TWO_MEANINGS = [
    ("Georgia", ("", "", "")),
    ("Georgia, US", ("US", "Georgia", "")),
    ("Atlanta, Georgia", ("US", "Georgia", "Atlanta")),
    ("Atlanta, GA", ("US", "Georgia", "Atlanta")),
    ("Tbilisi, Georgia", ("GE", "", "Tbilisi")),
    ("Athens, GA", ("", "", "")),
    ("CA", ("", "", "")),
    ("Los Angeles, CA", ("US", "California", "Los Angeles")),
    ("Toronto, CA", ("CA", "Ontario", "Toronto")),
    ("Ontario, CA", ("CA", "Ontario", "")),
    ("Vancouver, CA", ("CA", "British Columbia", "Vancouver")),
    ("Vancouver, WA", ("US", "Washington", "Vancouver")),
    ("San Jose, CA", ("US", "California", "San Jose")),
    ("San Jose, Costa Rica", ("CR", "", "San Jose")),
    ("San Jose", ("", "", "San Jose")),
    ("Elsewhere, CA", ("", "", "")),
    ("DE", ("", "", "")),
    ("Berlin, DE", ("DE", "", "Berlin")),
    ("Wilmington, DE", ("US", "Delaware", "Wilmington")),
    ("IN", ("", "", "")),
    ("Mumbai, IN", ("IN", "", "Mumbai")),
    ("Indianapolis, IN", ("US", "Indiana", "Indianapolis")),
    ("Indiana, IN", ("US", "Indiana", "")),
    ("Perth, WA", ("AU", "Western Australia", "Perth")),
    ("Amsterdam, NL", ("NL", "", "Amsterdam")),
    ("Portland, ME", ("US", "Maine", "Portland")),
    ("Paris, TX", ("US", "Texas", "")),
    ("Moscow, ID", ("", "", "")),
    ("fra", ("", "", "")),
    ("London", ("", "", "London")),
    ("ca-sfo-1", ("", "", "")),
]

NOT_KNOWN = ["", "   ", ",", "Europe", "eu-west-9", "somewhere", "the moon", "xx-yy-1", "default", "1", "Asia Pacific"]  # fmt: skip


@pytest.mark.parametrize(("text", "place"), [*CODES_OF_CLOUDS, *NAMED, *TWO_MEANINGS], ids=str)
def test_what_clouds_write_is_read_as_far_as_it_says(
    text: str, place: tuple[str, str, str]
) -> None:
    assert Place(*place) == read_place(text)


@pytest.mark.parametrize("text", NOT_KNOWN)
def test_what_is_not_known_stays_empty(text: str) -> None:
    assert NOWHERE == read_place(text)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (", CA", ("CA", "", "")),
        (", DE", ("DE", "", "")),
        ("Saxony, DE", ("DE", "", "")),
        ("California, US", ("US", "California", "")),
        ("Los Angeles, US", ("US", "California", "Los Angeles")),
        ("Kerala, IN", ("IN", "", "")),
        ("Tbilisi, Georgia", ("GE", "", "Tbilisi")),
        ("Paris, US", ("US", "", "")),
        ("Texas, Texas", ("US", "Texas", "")),
        ("DE", ("DE", "", "")),
    ],
)
def test_where_a_country_always_comes_last_its_code_is_a_country(
    text: str, place: tuple[str, str, str]
) -> None:
    assert Place(*place) == read_city_and_country(text)


@pytest.mark.parametrize(
    ("text", "country"),
    [("CA", "CA"), ("de", "DE"), ("USA", "US"), ("Georgia", "GE"), ("uk", "GB"), (" Korea ", "KR"), ("Texas", ""), ("", ""), ("EU", "")],
)  # fmt: skip
def test_a_column_of_countries_means_countries(text: str, country: str) -> None:
    assert country == country_of(text)


def test_the_table_of_countries_is_whole() -> None:
    assert 249 == len({code for code in CODES if len(code) == 2})
    assert 249 == len({code for code in CODES if len(code) == 3})
    assert set(NAMES.values()) == set(CODES.values())


def test_every_place_of_the_tables_is_in_a_country() -> None:
    lines = [*CITIES.strip().split("\n"), *REGIONS.strip().split("\n")]
    countries = {line[:2] for line in lines} | {site[:2] for site in SITES.values()} | set(STATES)

    assert countries <= set(CODES.values())


def test_every_city_of_a_region_is_in_the_table_of_cities() -> None:
    for line in REGIONS.strip().split("\n"):
        where, _, codes = line.partition(": ")
        for code in codes.split(", "):
            assert where[3:] == read_place(code).city, code
    for code, where in SITES.items():
        assert where[3:] == read_place(f"{code}1").city, code


def test_every_city_with_its_country_reads_back() -> None:
    for line in CITIES.strip().split("\n"):
        where, _, names = line.partition(": ")
        country, _, state = where.partition(" ")
        for name in names.split(", "):
            written = ", ".join(part for part in (name, state, country) if part)
            read = read_city_and_country(written)
            assert (country, letters(name)) == (read.country, letters(read.city)), written


@given(st.text(max_size=250))
def test_any_text_is_a_place_or_none(text: str) -> None:
    for place in (read_place(text), read_city_and_country(text)):
        assert place.country == "" or place.country in CODES
