"""Numbers, units, currencies and the calendar. Lists of names are one string, separated by blanks."""

from __future__ import annotations

from typing import Any, Final

_SMALL: Final = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS: Final = "twenty thirty forty fifty sixty seventy eighty ninety"
_PLACES: Final = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth"
)
_TENTHS: Final = "thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth hundredth"

NUMBER_WORDS: Final[dict[str, float]] = {
    "half": 0.5,
    **{word: value for value, word in enumerate(_SMALL.split())},
    **{word: value * 10 for value, word in enumerate(_TENS.split(), start=2)},
}
"""Word to value. `one` counts only before a unit or a multiplier: it is a pronoun more often than a number."""

ORDINAL_WORDS: Final[dict[str, int]] = {
    **{word: value for value, word in enumerate(_PLACES.split(), start=1)},
    **{word: value * 10 for value, word in enumerate(_TENTHS.split(), start=3)},
}

MULTIPLIERS: Final[dict[str, int]] = {
    "dozen": 12,
    "hundred": 100,
    "thousand": 1_000,
    "k": 1_000,
    "lakh": 100_000,
    "lakhs": 100_000,
    "lac": 100_000,
    "lacs": 100_000,
    "million": 1_000_000,
    "millions": 1_000_000,
    "mn": 1_000_000,
    "mio": 1_000_000,
    "crore": 10_000_000,
    "crores": 10_000_000,
    "billion": 1_000_000_000,
    "billions": 1_000_000_000,
    "bn": 1_000_000_000,
    "trillion": 1_000_000_000_000,
    "tn": 1_000_000_000_000,
}

UNITS: Final[dict[str, dict[str, list[Any]]]] = {
    "length": {
        "mm": [0.001, "mm millimeter millimeters millimetre millimetres"],
        "cm": [0.01, "cm cms centimeter centimeters centimetre centimetres"],
        "m": [1, "m meter meters metre metres mtr mtrs"],
        "km": [1000, "km kms kilometer kilometers kilometre kilometres"],
        "inch": [0.0254, "inch inches"],
        "ft": [0.3048, "ft foot feet"],
        "yard": [0.9144, "yd yds yard yards"],
        "mile": [1609.344, "mile miles mi"],
    },
    "mass": {
        "mg": [1e-6, "mg mgs milligram milligrams"],
        "mcg": [1e-9, "mcg µg ug microgram micrograms"],
        "g": [0.001, "g gm gms gram grams gramme grammes"],
        "kg": [1, "kg kgs kilo kilos kilogram kilograms kilogramme kilogrammes"],
        "oz": [0.0283495, "oz ounce ounces"],
        "lb": [0.453592, "lb lbs"],
        "stone": [6.35029, "stone stones"],
        "tonne": [1000, "tonne tonnes"],
        "ton": [907.185, "ton tons"],
    },
    "volume": {
        "ml": [0.001, "ml mls milliliter milliliters millilitre millilitres cc"],
        "cl": [0.01, "cl centiliter centilitre"],
        "l": [1, "l liter liters litre litres ltr ltrs"],
        "gallon": [3.78541, "gallon gallons gal gals"],
        "cup": [0.236588, "cup cups"],
        "tablespoon": [0.0147868, "tablespoon tablespoons tbsp"],
        "teaspoon": [0.00492892, "teaspoon teaspoons tsp"],
    },
    "duration": {
        "ms": [0.001, "ms millisecond milliseconds"],
        "second": [1, "second seconds sec secs s"],
        "minute": [60, "minute minutes min mins"],
        "hour": [3600, "hour hours hr hrs h"],
        "day": [86400, "day days"],
        "week": [604800, "week weeks wk wks"],
        "month": [2629800, "month months mo mos mth mths"],
        "year": [31557600, "year years yr yrs yo"],
        "decade": [315576000, "decade decades"],
        "century": [3155760000, "century centuries"],
    },
    "data": {
        "byte": [1, "byte bytes"],
        "kb": [1024, "kb kib kilobyte kilobytes"],
        "mb": [1024**2, "mb mib megabyte megabytes"],
        "gb": [1024**3, "gb gib gigabyte gigabytes gigs gig"],
        "tb": [1024**4, "tb tib terabyte terabytes"],
        "bit": [0.125, "bit bits"],
    },
    "rate": {
        "kbps": [1, "kbps"],
        "mbps": [1000, "mbps mbit mbits megabit megabits mbps/second"],
        "gbps": [1_000_000, "gbps gbit gbits gigabit gigabits gbps/second"],
    },
    "speed": {
        "kmh": [1, "kmh kph kmph km/hour"],
        "mph": [1.609344, "mph mile/hour"],
        "mps": [3.6, "m/second"],
        "knot": [1.852, "knot knots kt kts"],
    },
    "frequency": {
        "hz": [1, "hz hertz"],
        "khz": [1e3, "khz kilohertz"],
        "mhz": [1e6, "mhz megahertz"],
        "ghz": [1e9, "ghz gigahertz"],
    },
    "power": {
        "w": [1, "w watt watts"],
        "kw": [1000, "kw kilowatt kilowatts"],
        "mw": [1e6, "megawatt megawatts"],
        "hp": [745.7, "hp horsepower bhp"],
    },
    "energy": {
        "j": [1, "joule joules"],
        "kj": [1000, "kj kilojoule kilojoules"],
        "cal": [4184, "calorie calories cal cals kcal kcals"],
        "kwh": [3.6e6, "kwh"],
    },
    "voltage": {"v": [1, "v volt volts"], "mv": [0.001, "mv millivolt millivolts"], "kv": [1000, "kv kilovolt"]},
    "current": {"a": [1, "amp amps ampere amperes"], "ma": [0.001, "ma milliamp milliamps"], "mah": [3.6, "mah"]},
    "pressure": {"psi": [6894.76, "psi lb/inch2"], "bar": [100000, "bar bars"], "pa": [1, "pascal pascals"]},
    "area": {
        "acre": [4046.86, "acre acres"],
        "hectare": [10000, "hectare hectares ha"],
        "sqm": [1, "sqm m2 m²"],
        "sqkm": [1_000_000, "sqkm km2 km²"],
        "sqcm": [0.0001, "sqcm cm2 cm²"],
        "sqft": [0.092903, "sqft sqfeet ft2 ft²"],
    },
    "kelvin": {"kelvin": [1, "kelvin kelvins"]},
    "celsius": {"c": [1, "celsius centigrade °c"]},
    "fahrenheit": {"f": [1, "fahrenheit °f"]},
    "angle": {"deg": [1, "degree degrees deg °"]},
    "share": {"percent": [1, "% percent pct percentage"]},
    "rating": {"star": [1, "star stars"]},
    "screen": {"px": [1, "px pixel pixels"], "dpi": [1, "dpi"], "mp": [1, "megapixel megapixels"]},
}
"""Dimension to unit to [factor into the dimension's base, names]. What is of one dimension is compared converted.

`km/hour` is a unit by another, each as its dimension calls it, in whatever words and signs: km/h, kilometres an hour.
"""

CURRENCIES: Final[dict[str, str]] = {
    "USD": "$ us$ usd dollar dollars buck bucks",
    "EUR": "€ eur euro euros",
    "GBP": "£ gbp quid",
    "JPY": "¥ jpy yen",
    "INR": "₹ inr rs rs. re rupee rupees",
    "CNY": "cny rmb yuan renminbi",
    "KRW": "₩ krw won",
    "RUB": "₽ rub ruble rubles rouble roubles",
    "CHF": "chf franc francs",
    "CAD": "cad c$ ca$",
    "AUD": "aud a$ au$",
    "NZD": "nzd nz$",
    "SGD": "sgd s$",
    "HKD": "hkd hk$",
    "SEK": "sek",
    "NOK": "nok",
    "DKK": "dkk",
    "PLN": "pln zloty zlotys",
    "CZK": "czk koruna",
    "TRY": "₺ lira",
    "BRL": "brl r$ reais",
    "MXN": "mxn peso pesos",
    "ZAR": "zar rand",
    "AED": "aed dirham dirhams",
    "SAR": "riyal riyals",
    "THB": "฿ thb baht",
    "IDR": "idr rupiah",
    "PHP": "₱",
    "NGN": "₦ naira",
    "ILS": "₪ shekel shekels",
    "PKR": "pkr",
    "BTC": "btc bitcoin bitcoins",
    "ETH": "eth ether",
    "cent": "cent cents ¢",
    "pence": "pence",
}
"""Currency to names and signs."""

AMBIGUOUS_UNITS: Final[dict[str, str]] = {"pounds pound": "lb GBP", "crowns crown": "SEK NOK DKK CZK"}
"""Names to the units that they may stand for: equal to each where the number is equal."""

MONTHS: Final[list[str]] = [
    "january jan",
    "february feb",
    "march mar",
    "april apr",
    "may",
    "june jun",
    "july jul",
    "august aug",
    "september sep sept",
    "october oct",
    "november nov",
    "december dec",
]

WEEKDAYS: Final[list[str]] = [
    "monday mondays mon",
    "tuesday tuesdays tue tues",
    "wednesday wednesdays wed",
    "thursday thursdays thu thur thurs",
    "friday fridays fri",
    "saturday saturdays sat",
    "sunday sundays sun",
]

NOT_ALONE: Final = "may march mar mon sat sun wed jan dec sep fri thu"
"""Names of months and weekdays that are other words too: they count beside a number or a word of `DATE_WORDS`."""

DATE_WORDS: Final = "in on of by until till since last next this every early late mid before after from through during"

DAYS: Final[dict[str, str]] = {
    "today": "today",
    "todays": "today",
    "tonight": "tonight",
    "tomorrow": "tomorrow",
    "tomorrows": "tomorrow",
    "tmrw": "tomorrow",
    "yesterday": "yesterday",
    "yesterdays": "yesterday",
}
"""Days told from now."""

PERIODS: Final[dict[str, str]] = {
    "next": "next",
    "upcoming": "next",
    "coming": "next",
    "following": "next",
    "last": "last",
    "past": "last",
    "previous": "last",
    "this": "this",
    "current": "this",
}
"""Words that place a period (of `PERIOD_NAMES`) by now."""

PERIOD_NAMES: Final = "night morning evening afternoon week weekend month quarter year decade century season semester"

CLOCK_WORDS: Final[dict[str, int]] = {"noon": 720, "midday": 720, "midnight": 0}
"""Word to minutes after midnight."""

VERSIONED: Final = (
    "version versions release v ver python java php ruby node nodejs npm django flask rails laravel spring angular "
    "react vue typescript javascript kotlin swift go golang rust scala perl postgres postgresql mysql mariadb sqlite "
    "mongodb redis kafka spark hadoop elasticsearch kubernetes docker terraform ansible helm ubuntu debian fedora "
    "centos windows macos ios android kernel linux gcc clang cuda pytorch tensorflow keras numpy pandas scipy opencv "
    "unity unreal net dotnet core jdk jre jvm gradle maven chrome firefox safari edge gpt claude llama gemini html "
    "css http tls ssl bluetooth usb hdmi wifi openssl excel office photoshop xcode firmware sdk api bootstrap jquery"
)
"""Words after which a decimal number is a version: 3.10 is not 3.1."""

NUMBERED: Final = (
    "order ticket invoice case id account reference ref booking reservation tracking shipment parcel "
    "transaction txn serial sku customer user employee claim policy request issue error code flight "
    "pr bug port pin"
)
"""Words after which a number names a thing."""

APPROXIMATELY: Final = "about around approximately approx roughly nearly almost circa ~ some"
