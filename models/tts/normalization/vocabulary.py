"""The words of text normalization, by language: months, units, currencies, abbreviations, signs."""

from __future__ import annotations


def _months(text: str) -> list[str]:
    return text.split()


_EN_MONTHS = _months("January February March April May June July August September October November December")
_DE_MONTHS = _months("Januar Februar März April Mai Juni Juli August September Oktober November Dezember")

MONTHS: dict[str, dict[str, str]] = {
    "en": {**{name: name for name in _EN_MONTHS}, **{name[:3]: name for name in _EN_MONTHS if name != "May"},
           "Sept": "September"},
    "de": {**{name: name for name in _DE_MONTHS}, "Jänner": "Jänner"},
}  # fmt: skip

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "minus": "minus", "point": "point", "and": "and", "to": "to", "times": "times", "at": "at", "plus": "plus",
        "number": "number", "feminine": "", "year_before": "in|since|until|by|from|year|of|before|after|during|around",
    },
    "de": {
        "minus": "minus", "point": "Punkt", "dot": "Punkt", "and": "und", "to": "bis", "times": "mal", "at": "ät",
        "plus": "plus", "number": "Nummer", "slash": "Schrägstrich", "dash": "minus", "underscore": "Unterstrich",
        "backslash": "Backslash", "colon": "Doppelpunkt", "tilde": "Tilde",
        "feminine": "Stunde Minute Sekunde Meile Tonne Kilowattstunde",
        "year_before": "im Jahr|im Jahre|seit|bis|von|vor|nach|um|Jahr|in|ab",
    },
}  # fmt: skip

CURRENCIES: dict[str, dict[str, tuple[str, str, str, str]]] = {
    "en": {
        "$": ("dollar", "dollars", "cent", "cents"), "US$": ("U S dollar", "U S dollars", "cent", "cents"),
        "USD": ("U S dollar", "U S dollars", "cent", "cents"), "€": ("euro", "euros", "cent", "cents"),
        "EUR": ("euro", "euros", "cent", "cents"), "£": ("pound", "pounds", "penny", "pence"),
        "¥": ("yen", "yen", "", ""), "₹": ("rupee", "rupees", "paisa", "paise"),
        "CHF": ("Swiss franc", "Swiss francs", "", ""), "₽": ("ruble", "rubles", "", ""), "₩": ("won", "won", "", ""),
    },
    "de": {
        "€": ("Euro", "Euro", "Cent", "Cent"), "EUR": ("Euro", "Euro", "Cent", "Cent"),
        "$": ("Dollar", "Dollar", "Cent", "Cent"), "US$": ("U S Dollar", "U S Dollar", "Cent", "Cent"),
        "£": ("Pfund", "Pfund", "", ""), "¥": ("Yen", "Yen", "", ""),
        "CHF": ("Franken", "Franken", "Rappen", "Rappen"), "₹": ("Rupie", "Rupien", "", ""),
    },
}  # fmt: skip

SCALES: dict[str, tuple[str, ...]] = {
    "en": ("thousand", "million", "billion", "trillion"),
    "de": ("Millionen", "Million", "Milliarden", "Milliarde"),
}

UNITS: dict[str, dict[str, tuple[str, str]]] = {
    "en": {
        "km/h": ("kilometer per hour", "kilometers per hour"), "m/s": ("meter per second", "meters per second"),
        "mph": ("mile per hour", "miles per hour"), "km²": ("square kilometer", "square kilometers"),
        "m²": ("square meter", "square meters"), "m³": ("cubic meter", "cubic meters"),
        "km": ("kilometer", "kilometers"), "cm": ("centimeter", "centimeters"), "mm": ("millimeter", "millimeters"),
        "m": ("meter", "meters"), "ft": ("foot", "feet"), "mi": ("mile", "miles"), "lbs": ("pound", "pounds"),
        "lb": ("pound", "pounds"), "oz": ("ounce", "ounces"), "kg": ("kilogram", "kilograms"),
        "mg": ("milligram", "milligrams"), "g": ("gram", "grams"), "ml": ("milliliter", "milliliters"),
        "l": ("liter", "liters"), "L": ("liter", "liters"), "°C": ("degree Celsius", "degrees Celsius"),
        "°F": ("degree Fahrenheit", "degrees Fahrenheit"), "℃": ("degree Celsius", "degrees Celsius"),
        "℉": ("degree Fahrenheit", "degrees Fahrenheit"), "°": ("degree", "degrees"), "%": ("percent", "percent"),
        "‰": ("per mille", "per mille"), "KB": ("kilobyte", "kilobytes"), "MB": ("megabyte", "megabytes"),
        "GB": ("gigabyte", "gigabytes"), "TB": ("terabyte", "terabytes"), "kHz": ("kilohertz", "kilohertz"),
        "MHz": ("megahertz", "megahertz"), "GHz": ("gigahertz", "gigahertz"), "Hz": ("hertz", "hertz"),
        "kW": ("kilowatt", "kilowatts"), "kWh": ("kilowatt hour", "kilowatt hours"), "W": ("watt", "watts"),
        "V": ("volt", "volts"), "ms": ("millisecond", "milliseconds"), "min": ("minute", "minutes"),
        "dB": ("decibel", "decibels"), "hrs": ("hour", "hours"),
    },
    "de": {
        "km/h": ("Kilometer pro Stunde", "Kilometer pro Stunde"), "m/s": ("Meter pro Sekunde", "Meter pro Sekunde"),
        "km²": ("Quadratkilometer", "Quadratkilometer"), "m²": ("Quadratmeter", "Quadratmeter"),
        "m³": ("Kubikmeter", "Kubikmeter"), "km": ("Kilometer", "Kilometer"), "cm": ("Zentimeter", "Zentimeter"),
        "mm": ("Millimeter", "Millimeter"), "m": ("Meter", "Meter"), "kg": ("Kilogramm", "Kilogramm"),
        "mg": ("Milligramm", "Milligramm"), "g": ("Gramm", "Gramm"), "ml": ("Milliliter", "Milliliter"),
        "l": ("Liter", "Liter"), "L": ("Liter", "Liter"), "t": ("Tonne", "Tonnen"),
        "°C": ("Grad Celsius", "Grad Celsius"), "℃": ("Grad Celsius", "Grad Celsius"), "°": ("Grad", "Grad"),
        "%": ("Prozent", "Prozent"), "‰": ("Promille", "Promille"), "KB": ("Kilobyte", "Kilobyte"),
        "MB": ("Megabyte", "Megabyte"), "GB": ("Gigabyte", "Gigabyte"), "TB": ("Terabyte", "Terabyte"),
        "kHz": ("Kilohertz", "Kilohertz"), "MHz": ("Megahertz", "Megahertz"), "GHz": ("Gigahertz", "Gigahertz"),
        "Hz": ("Hertz", "Hertz"), "kW": ("Kilowatt", "Kilowatt"), "kWh": ("Kilowattstunde", "Kilowattstunden"),
        "W": ("Watt", "Watt"), "V": ("Volt", "Volt"), "ms": ("Millisekunde", "Millisekunden"),
        "min": ("Minute", "Minuten"), "Min.": ("Minute", "Minuten"), "Std.": ("Stunde", "Stunden"),
        "dB": ("Dezibel", "Dezibel"),
    },
}  # fmt: skip

ABBREVIATIONS: dict[str, dict[str, str]] = {
    "en": {
        "Dr.": "Doctor", "Mr.": "Mister", "Mrs.": "Missus", "Ms.": "Miz", "Prof.": "Professor", "e.g.": "for example",
        "i.e.": "that is", "etc.": "et cetera", "vs.": "versus", "approx.": "approximately", "No.": "number",
        "Jr.": "Junior", "Sr.": "Senior", "Inc.": "Incorporated", "Ltd.": "Limited", "dept.": "department",
        "est.": "estimated", "fig.": "figure", "Fig.": "Figure", "w/o": "without", "a.k.a.": "also known as",
        "ASAP": "as soon as possible", "FAQ": "F A Q",
    },
    "de": {
        "Dr.": "Doktor", "Hr.": "Herr", "Fr.": "Frau", "Prof.": "Professor", "z. B.": "zum Beispiel",
        "z.B.": "zum Beispiel", "d. h.": "das heißt", "d.h.": "das heißt", "u. a.": "unter anderem",
        "u.a.": "unter anderem", "usw.": "und so weiter", "bzw.": "beziehungsweise", "ca.": "circa", "Nr.": "Nummer",
        "Str.": "Straße", "inkl.": "inklusive", "evtl.": "eventuell", "ggf.": "gegebenenfalls", "etc.": "et cetera",
        "vgl.": "vergleiche", "s. o.": "siehe oben", "v. Chr.": "vor Christus", "n. Chr.": "nach Christus",
        "Mio.": "Millionen", "Mrd.": "Milliarden", "Tel.": "Telefon", "Abb.": "Abbildung",
    },
}  # fmt: skip

FRACTIONS: dict[str, dict[str, str]] = {
    "en": {"1/2": "one half", "1/3": "one third", "2/3": "two thirds", "1/4": "one quarter", "3/4": "three quarters"},
    "de": {"1/2": "einhalb", "1/3": "ein Drittel", "2/3": "zwei Drittel", "1/4": "ein Viertel", "3/4": "drei Viertel"},
}

SIGNS: dict[str, dict[str, str]] = {
    "en": {
        "&": "and", "+": "plus", "=": "equals", "==": "equals", "!=": "is not", "<": "is less than",
        ">": "is greater than", "<=": "is at most", ">=": "is at least", "->": "to", "=>": "to", "→": "to", "←": "from",
        "≤": "is at most", "≥": "is at least", "≠": "is not", "≈": "is about", "×": "times", "÷": "divided by",
        "±": "plus or minus", "√": "the root of", "∞": "infinity", "½": "one half", "¼": "one quarter",
        "¾": "three quarters", "²": "squared", "³": "cubed", "°": "degrees", "§": "section", "©": "copyright",
        "™": "trademark", "*": "times", "@": "at",
    },
    "de": {
        "&": "und", "+": "plus", "=": "gleich", "==": "gleich", "!=": "ungleich", "<": "kleiner als",
        ">": "größer als", "<=": "höchstens", ">=": "mindestens", "->": "nach", "=>": "nach", "→": "nach", "←": "von",
        "≤": "höchstens", "≥": "mindestens", "≠": "ungleich", "≈": "etwa", "×": "mal", "÷": "geteilt durch",
        "±": "plus oder minus", "√": "Wurzel aus", "∞": "unendlich", "½": "einhalb", "¼": "ein Viertel",
        "¾": "drei Viertel", "²": "Quadrat", "³": "hoch drei", "°": "Grad", "§": "Paragraf", "©": "Copyright",
        "™": "Trademark", "*": "mal", "@": "ät",
    },
}  # fmt: skip
