"""States, cities and regions of clouds: facts only; `places.py` reads texts by them."""

# Abbreviation and name of each state; those of countries whose states clouds name.
STATES = {
    "US": "AL Alabama | AK Alaska | AZ Arizona | AR Arkansas | CA California | CO Colorado | CT Connecticut | DE Delaware"
    " | DC District of Columbia | FL Florida | GA Georgia | HI Hawaii | ID Idaho | IL Illinois | IN Indiana | IA Iowa"
    " | KS Kansas | KY Kentucky | LA Louisiana | ME Maine | MD Maryland | MA Massachusetts | MI Michigan | MN Minnesota"
    " | MS Mississippi | MO Missouri | MT Montana | NE Nebraska | NV Nevada | NH New Hampshire | NJ New Jersey"
    " | NM New Mexico | NY New York | NC North Carolina | ND North Dakota | OH Ohio | OK Oklahoma | OR Oregon"
    " | PA Pennsylvania | RI Rhode Island | SC South Carolina | SD South Dakota | TN Tennessee | TX Texas | UT Utah"
    " | VT Vermont | VA Virginia | WA Washington | WV West Virginia | WI Wisconsin | WY Wyoming",
    "CA": "AB Alberta | BC British Columbia | MB Manitoba | NB New Brunswick | NL Newfoundland and Labrador"
    " | NS Nova Scotia | NT Northwest Territories | NU Nunavut | ON Ontario | PE Prince Edward Island | QC Quebec"
    " | SK Saskatchewan | YT Yukon",
    "AU": "NSW New South Wales | VIC Victoria | QLD Queensland | WA Western Australia | SA South Australia"
    " | TAS Tasmania | ACT Australian Capital Territory | NT Northern Territory",
}

# Further ways to write a state.
STATE_ALIASES = {
    "N. Virginia": "Virginia",
    "Northern Virginia": "Virginia",
    "N. California": "California",
    "Northern California": "California",
    "Washington State": "Washington",
    "Washington D.C.": "District of Columbia",
}

# Cities with data centres by country; in countries with states above, after the name of their state.
CITIES = """
US Alabama: Birmingham, Huntsville
US Arizona: Phoenix, Mesa, Chandler, Tempe, Scottsdale, Goodyear, Tucson
US Arkansas: Little Rock
US California: Los Angeles, San Francisco, San Jose, Santa Clara, Fremont, Sacramento, San Diego, Oakland, Irvine, Sunnyvale, Palo Alto, Mountain View
US Colorado: Denver, Aurora, Boulder, Colorado Springs
US Connecticut: Hartford, Stamford
US Delaware: Wilmington, Newark, Dover
US District of Columbia: Washington
US Florida: Miami, Tampa, Orlando, Jacksonville, Fort Lauderdale
US Georgia: Atlanta, Augusta, Savannah
US Hawaii: Honolulu
US Idaho: Boise
US Illinois: Chicago, Aurora, Elk Grove Village, Springfield
US Indiana: Indianapolis, Fort Wayne
US Iowa: Council Bluffs, Des Moines, Cedar Rapids
US Kansas: Wichita, Kansas City, Overland Park
US Kentucky: Louisville, Lexington
US Louisiana: New Orleans, Baton Rouge
US Maine: Portland
US Maryland: Baltimore, Frederick
US Massachusetts: Boston, Cambridge, Springfield
US Michigan: Detroit, Dowagiac, Grand Rapids
US Minnesota: Minneapolis, Saint Paul
US Missouri: Kansas City, Saint Louis, St. Louis, Springfield
US Montana: Billings
US Nebraska: Omaha, Lincoln
US Nevada: Las Vegas, Reno
US New Jersey: Newark, Secaucus, Piscataway, Jersey City, Clifton, Edison
US New Mexico: Albuquerque
US New York: New York, New York City, Buffalo, Albany, Rochester, Brooklyn
US North Carolina: Raleigh, Charlotte, Durham, Wilmington
US North Dakota: Fargo, Ellendale
US Ohio: Columbus, Cleveland, Cincinnati, Dublin
US Oklahoma: Oklahoma City, Tulsa, Pryor
US Oregon: Portland, The Dalles, Hillsboro, Boardman
US Pennsylvania: Philadelphia, Pittsburgh, Harrisburg
US Rhode Island: Providence
US South Carolina: Moncks Corner, Charleston, Spartanburg
US Tennessee: Nashville, Memphis
US Texas: Dallas, Houston, Austin, San Antonio, Fort Worth, Plano, El Paso, Richardson, Abilene, Denton
US Utah: Salt Lake City, Lehi, West Jordan
US Virginia: Ashburn, Dulles, Reston, Culpeper, Richmond, Sterling, Manassas, Virginia Beach, Vienna, Boydton
US Washington: Seattle, Quincy, Tukwila, Vancouver, Spokane, Wenatchee
US Wisconsin: Milwaukee, Madison
US Wyoming: Cheyenne, Casper
CA Alberta: Calgary, Edmonton
CA British Columbia: Vancouver, Kelowna, Kamloops
CA Manitoba: Winnipeg
CA Nova Scotia: Halifax
CA Ontario: Toronto, Ottawa, London, Waterloo, Kitchener, Hamilton
CA Quebec: Montreal, Quebec City, Beauharnois, Levis
AU New South Wales: Sydney
AU Victoria: Melbourne
AU Queensland: Brisbane
AU Western Australia: Perth
AU South Australia: Adelaide
AU Australian Capital Territory: Canberra
AE: Dubai, Abu Dhabi, Fujairah
AR: Buenos Aires
AT: Vienna, Linz, Graz, Salzburg
BE: Brussels, Saint-Ghislain, Antwerp
BG: Sofia, Varna, Plovdiv
BH: Manama
BR: Sao Paulo, Rio de Janeiro, Vinhedo, Fortaleza, Campinas
CH: Zurich, Geneva, Lausanne, Basel, Bern
CL: Santiago, Valparaiso
CN: Beijing, Shanghai, Shenzhen, Guangzhou, Hangzhou, Chengdu, Ningxia, Zhangjiakou, Hohhot, Nanjing, Wuhan, Chongqing
CO: Bogota, Medellin
CR: San Jose
CY: Nicosia, Limassol
CZ: Prague, Brno, Ostrava
DE: Frankfurt, Frankfurt am Main, Berlin, Munich, Nuremberg, Falkenstein, Dusseldorf, Hamburg, Cologne, Karlsruhe, Stuttgart, Leipzig, Dresden
DK: Copenhagen, Odense
EE: Tallinn
EG: Cairo, Alexandria
ES: Madrid, Barcelona, Valencia, Bilbao, Zaragoza
FI: Helsinki, Hamina, Espoo, Tampere, Oulu, Mantsala, Kajaani
FR: Paris, Marseille, Lyon, Lille, Strasbourg, Gravelines, Roubaix, Toulouse
GB: London, Manchester, Slough, Cambridge, Edinburgh, Birmingham, Cardiff, Newport, Bristol, Coventry, Leeds
GE: Tbilisi
GR: Athens, Thessaloniki
HK: Hong Kong
HR: Zagreb
HU: Budapest
ID: Jakarta, Batam
IE: Dublin, Cork
IL: Tel Aviv, Jerusalem, Haifa
IN: Mumbai, Delhi, New Delhi, Bangalore, Bengaluru, Hyderabad, Chennai, Pune, Noida, Jamnagar, Kolkata
IS: Reykjavik, Keflavik, Reykjanesbaer, Blonduos
IT: Milan, Turin, Rome, Bologna, Florence, Arezzo
JP: Tokyo, Osaka, Chiba, Ishikari, Fukuoka, Sapporo
KE: Nairobi
KR: Seoul, Busan, Chuncheon, Incheon
KW: Kuwait City
KZ: Almaty, Astana
LT: Vilnius, Kaunas
LU: Luxembourg, Bissen
LV: Riga
MD: Chisinau
MX: Queretaro, Mexico City, Monterrey
MY: Kuala Lumpur, Johor, Johor Bahru, Cyberjaya
NG: Lagos
NL: Amsterdam, Eemshaven, Rotterdam, Haarlem, Naaldwijk, Middenmeer, Groningen, Eindhoven, Utrecht, The Hague
NO: Oslo, Stavanger, Kristiansand, Bergen, Narvik, Glomfjord, Trondheim
NZ: Auckland, Wellington
PA: Panama City
PE: Lima
PH: Manila
PK: Karachi, Lahore, Islamabad
PL: Warsaw, Krakow, Gdansk, Wroclaw, Poznan
PT: Lisbon, Porto, Sines
QA: Doha
RO: Bucharest, Cluj-Napoca, Timisoara
RS: Belgrade
RU: Moscow, Saint Petersburg, Novosibirsk
SA: Dammam, Riyadh, Jeddah
SE: Stockholm, Lulea, Gavle, Gothenburg, Malmo, Boden, Falun
SG: Singapore
SI: Ljubljana
SK: Bratislava
TH: Bangkok
TR: Istanbul, Ankara, Izmir
TW: Taipei, Changhua, Changhua County
UA: Kyiv, Kiev, Lviv
VN: Ho Chi Minh City, Hanoi
ZA: Johannesburg, Cape Town
"""

# Codes that clouds give to their regions. A city stands only where no other cloud uses the code for another place.
REGIONS = """
US: us-east-1, us-east-2, us-west-1, us-west-2, us-gov-east-1, us-gov-west-1, us-central1, us-central2, us-east1, us-west1, us-east-3, us-west-3, us-south-1, us-south-2, us-south-3, us-midwest-1, us-midwest-2, us-gov-virginia, us-gov-arizona, us-gov-texas
US Dallas: us-south1
US Ashburn: us-east4, us-ashburn-1
US Columbus: us-east5
US Los Angeles: us-west2
US Salt Lake City: us-west3
US Las Vegas: us-west4
US Phoenix: us-phoenix-1
US San Jose: us-sanjose-1
US Chicago: us-chicago-1
CA: ca-central-1, ca-west-1
CA Montreal: northamerica-northeast1, ca-montreal-1
CA Toronto: northamerica-northeast2, ca-toronto-1
MX: mx-central-1
MX Queretaro: northamerica-south1, mx-queretaro-1
MX Monterrey: mx-monterrey-1
BR: brazilsouth, brazilsoutheast
BR Sao Paulo: sa-east-1, southamerica-east1, sa-saopaulo-1
BR Vinhedo: sa-vinhedo-1
CL Santiago: southamerica-west1, sa-santiago-1
CL Valparaiso: sa-valparaiso-1
CO Bogota: sa-bogota-1
IE: northeurope
IE Dublin: eu-west-1
GB London: eu-west-2, europe-west2, uk-london-1
GB Newport: uk-cardiff-1
FR: eu-west1
FR Paris: eu-west-3, europe-west9, eu-paris-1
FR Marseille: eu-marseille-1
DE: europe-central-1, eu-de, eu-de-1, eu-de-2
DE Frankfurt: eu-central-1, europe-west3, eu-frankfurt-1
DE Berlin: europe-west10
CH Zurich: eu-central-2, europe-west6, eu-zurich-1
SE Stockholm: eu-north-1, europe-north2, eu-stockholm-1
IT Milan: eu-south-1, europe-west8, eu-milan-1
IT Turin: europe-west12, eu-turin-1
ES: eu-south-2, eu-es
ES Madrid: europe-southwest1, eu-madrid-1
BE Saint-Ghislain: europe-west1
NL: westeurope
NL Eemshaven: europe-west4
NL Amsterdam: eu-amsterdam-1
FI: eu-north1
FI Hamina: europe-north1
PL Warsaw: europe-central2
RS: eu-jovanovac-1
AT: austriaeast
IL Tel Aviv: il-central-1, me-west1
IL Jerusalem: il-jerusalem-1
IL: me-west-1
AE: me-central-1
AE Dubai: me-dubai-1
AE Abu Dhabi: me-abudhabi-1
BH: me-south-1
QA Doha: me-central1
SA Dammam: me-central2
SA Jeddah: me-jeddah-1
SA Riyadh: me-riyadh-1
ZA: af-south-1
ZA Johannesburg: africa-south1, af-johannesburg-1
IN Mumbai: ap-south-1, asia-south1, ap-mumbai-1
IN Delhi: asia-south2
IN Hyderabad: ap-south-2, ap-hyderabad-1
IN: asia-south-1, jioindiawest, jioindiacentral
SG: southeastasia
SG Singapore: ap-southeast-1, asia-southeast1, ap-singapore-1, ap-singapore-2
ID Jakarta: ap-southeast-3, asia-southeast2
ID Batam: ap-batam-1
MY: ap-southeast-5
TH: ap-southeast-7
TH Bangkok: asia-southeast3
NZ: ap-southeast-6
AU Sydney: ap-southeast-2, australia-southeast1, ap-sydney-1
AU Melbourne: ap-southeast-4, australia-southeast2, ap-melbourne-1
AU: australia-east-1
HK: eastasia
HK Hong Kong: ap-east-1, asia-east2
TW: ap-east-2
TW Changhua: asia-east1
JP Tokyo: ap-northeast-1, asia-northeast1, ap-tokyo-1
JP Osaka: ap-northeast-3, asia-northeast2, ap-osaka-1
JP: asia-northeast-1, asia-northeast-2
KR Seoul: ap-northeast-2, asia-northeast3, ap-seoul-1
KR Chuncheon: ap-chuncheon-1
CN: cn-north-1, cn-northwest-1, chinaeast, chinanorth
"""

# Codes of cities and airports that regions begin with: "nyc3", "fra1", "ewr", "FIN-01".
SITES = {
    "nyc": "US New York", "ewr": "US", "jfk": "US New York", "iad": "US", "bos": "US Boston", "atl": "US Atlanta",
    "mia": "US Miami", "ord": "US Chicago", "chi": "US Chicago", "dfw": "US Dallas", "dal": "US Dallas",
    "hou": "US Houston", "den": "US Denver", "phx": "US Phoenix", "lax": "US Los Angeles", "sfo": "US San Francisco",
    "ric": "US Richmond",
    "sjc": "US San Jose", "sea": "US Seattle", "pdx": "US Portland", "slc": "US Salt Lake City", "las": "US Las Vegas",
    "hnl": "US Honolulu", "tor": "CA Toronto", "yto": "CA Toronto", "yyz": "CA Toronto", "yul": "CA Montreal",
    "mtl": "CA Montreal", "bhs": "CA Beauharnois", "mex": "MX Mexico City", "sao": "BR Sao Paulo", "gru": "BR Sao Paulo",
    "scl": "CL Santiago", "lon": "GB London", "lhr": "GB London", "ams": "NL Amsterdam", "fra": "DE Frankfurt",
    "muc": "DE Munich", "nbg": "DE Nuremberg", "fsn": "DE Falkenstein", "par": "FR Paris", "cdg": "FR Paris",
    "sbg": "FR Strasbourg", "gra": "FR Gravelines", "rbx": "FR Roubaix", "mad": "ES Madrid", "mil": "IT Milan",
    "waw": "PL Warsaw", "sto": "SE Stockholm", "arn": "SE Stockholm", "hel": "FI Helsinki", "osl": "NO Oslo",
    "zrh": "CH Zurich", "gva": "CH Geneva", "vie": "AT Vienna", "dub": "IE Dublin", "ice": "IS", "kef": "IS",
    "tlv": "IL Tel Aviv", "jnb": "ZA Johannesburg", "blr": "IN Bangalore", "bom": "IN Mumbai", "del": "IN",
    "sgp": "SG Singapore", "sin": "SG Singapore", "nrt": "JP Tokyo", "tyo": "JP Tokyo", "itm": "JP Osaka",
    "osa": "JP Osaka", "icn": "KR Seoul", "sel": "KR Seoul", "hkg": "HK Hong Kong", "syd": "AU Sydney",
    "mel": "AU Melbourne",
}  # fmt: skip
