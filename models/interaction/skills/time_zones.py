"""Cities, countries and zones by their spoken names → IANA time zones."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import cache
from zoneinfo import ZoneInfo

from duplex.models.turn_taking.word_lists import word_set

# Zone: its names, in one or more lines; a country that spans several zones goes by a large city of it.
_ZONES = """
Africa/Abidjan: abidjan, ivory coast
Africa/Accra: accra, ghana
Africa/Addis_Ababa: addis ababa, ethiopia
Africa/Algiers: algiers, algeria
Africa/Cairo: cairo, alexandria, egypt
Africa/Casablanca: casablanca, rabat, marrakesh, morocco
Africa/Dakar: dakar, senegal
Africa/Dar_es_Salaam: dar es salaam, tanzania
Africa/Harare: harare, zimbabwe
Africa/Johannesburg: johannesburg, cape town, durban, pretoria, south africa
Africa/Kampala: kampala, uganda
Africa/Khartoum: khartoum, sudan
Africa/Kigali: kigali, rwanda
Africa/Kinshasa: kinshasa
Africa/Lagos: lagos, abuja, nigeria
Africa/Luanda: luanda, angola
Africa/Lusaka: lusaka, zambia
Africa/Nairobi: nairobi, kenya
Africa/Tripoli: tripoli, libya
Africa/Tunis: tunis, tunisia
Africa/Windhoek: windhoek, namibia
America/Anchorage: anchorage, alaska, akst
America/Argentina/Buenos_Aires: buenos aires, argentina
America/Bogota: bogota, medellin, colombia
America/Caracas: caracas, venezuela
America/Chicago: chicago, houston, dallas, austin, san antonio, minneapolis, new orleans, st louis, saint louis
America/Chicago: kansas city, memphis, nashville, milwaukee, texas, illinois, minnesota, wisconsin, iowa, missouri
America/Chicago: oklahoma, oklahoma city, louisiana, alabama, arkansas, tennessee, mississippi, kansas, nebraska
America/Chicago: omaha, fort worth, madison
America/Costa_Rica: san jose costa rica, costa rica
America/Denver: denver, salt lake city, albuquerque, colorado, utah, new mexico, montana, wyoming, boulder
America/Detroit: detroit, michigan
America/Edmonton: calgary, edmonton, alberta
America/Guatemala: guatemala
America/Guayaquil: quito, guayaquil, ecuador
America/Halifax: halifax, nova scotia
America/Havana: havana, cuba
America/Indiana/Indianapolis: indianapolis, indiana
America/Jamaica: kingston, jamaica
America/La_Paz: la paz, bolivia
America/Lima: lima, peru
America/Los_Angeles: los angeles, la, san francisco, seattle, san diego, las vegas, vegas, reno, portland, sacramento
America/Los_Angeles: san jose, oakland, california, washington state, oregon, nevada, silicon valley, hollywood
America/Los_Angeles: berkeley
America/Mexico_City: mexico city, mexico, guadalajara
America/Montevideo: montevideo, uruguay
America/New_York: new york, new york city, boston, washington, washington dc, dc, miami, atlanta, philadelphia
America/New_York: orlando, tampa, pittsburgh, baltimore, charlotte, cleveland, cincinnati, columbus, raleigh, buffalo
America/New_York: jacksonville, florida, georgia state, massachusetts, new jersey, pennsylvania, ohio, virginia
America/New_York: north carolina, south carolina, maryland, connecticut, vermont, maine, new hampshire, manhattan
America/New_York: brooklyn
America/Panama: panama, panama city
America/Phoenix: phoenix, tucson, arizona
America/Puerto_Rico: puerto rico, san juan
America/Regina: regina, saskatchewan
America/Santiago: santiago, chile
America/Sao_Paulo: sao paulo, rio de janeiro, rio, brasilia, brazil
America/St_Johns: newfoundland
America/Toronto: toronto, montreal, ottawa, quebec, ontario
America/Vancouver: vancouver, british columbia
America/Winnipeg: winnipeg, manitoba
Asia/Almaty: almaty, kazakhstan
Asia/Amman: amman, jordan
Asia/Baghdad: baghdad, iraq
Asia/Baku: baku, azerbaijan
Asia/Bangkok: bangkok, thailand
Asia/Beirut: beirut, lebanon
Asia/Colombo: colombo, sri lanka
Asia/Damascus: damascus, syria
Asia/Dhaka: dhaka, bangladesh
Asia/Dubai: dubai, abu dhabi, united arab emirates
Asia/Ho_Chi_Minh: ho chi minh city, hanoi, saigon, vietnam
Asia/Hong_Kong: hong kong
Asia/Jakarta: jakarta, indonesia
Asia/Jerusalem: jerusalem, tel aviv, israel
Asia/Kabul: kabul, afghanistan
Asia/Karachi: karachi, lahore, islamabad, pakistan
Asia/Kathmandu: kathmandu, nepal
Asia/Kolkata: mumbai, bombay, delhi, new delhi, bangalore, bengaluru, kolkata, calcutta, chennai, hyderabad, india
Asia/Kuala_Lumpur: kuala lumpur, malaysia
Asia/Kuwait: kuwait
Asia/Makassar: bali
Asia/Manila: manila, philippines, the philippines
Asia/Novosibirsk: novosibirsk
Asia/Phnom_Penh: phnom penh, cambodia
Asia/Pyongyang: pyongyang, north korea
Asia/Qatar: doha, qatar
Asia/Riyadh: riyadh, mecca, saudi arabia
Asia/Seoul: seoul, busan, south korea, korea
Asia/Shanghai: beijing, shanghai, shenzhen, guangzhou, chengdu, wuhan, china
Asia/Singapore: singapore
Asia/Taipei: taipei, taiwan
Asia/Tashkent: tashkent, uzbekistan
Asia/Tbilisi: tbilisi
Asia/Tehran: tehran, iran
Asia/Tokyo: tokyo, osaka, kyoto, japan
Asia/Ulaanbaatar: mongolia, ulan bator
Asia/Vladivostok: vladivostok
Asia/Yangon: rangoon, yangon, myanmar, burma
Asia/Yerevan: yerevan, armenia
Atlantic/Azores: the azores, azores
Atlantic/Canary: tenerife, the canary islands, canary islands
Atlantic/Reykjavik: reykjavik, iceland
Australia/Adelaide: adelaide
Australia/Brisbane: brisbane, queensland
Australia/Darwin: darwin
Australia/Hobart: hobart, tasmania
Australia/Melbourne: melbourne
Australia/Perth: perth
Australia/Sydney: sydney, canberra, australia
Europe/Amsterdam: amsterdam, rotterdam, the hague, netherlands, the netherlands, holland
Europe/Athens: athens, greece
Europe/Belgrade: belgrade, serbia
Europe/Berlin: berlin, munich, hamburg, frankfurt, cologne, stuttgart, leipzig, dresden, germany
Europe/Bratislava: bratislava, slovakia
Europe/Brussels: brussels, antwerp, belgium
Europe/Bucharest: bucharest, romania
Europe/Budapest: budapest, hungary
Europe/Copenhagen: copenhagen, denmark
Europe/Dublin: dublin, ireland
Europe/Helsinki: helsinki, finland
Europe/Istanbul: istanbul, ankara, turkey
Europe/Kyiv: kyiv, kiev, ukraine
Europe/Lisbon: lisbon, porto, portugal
Europe/Ljubljana: ljubljana, slovenia
Europe/London: london, manchester, liverpool, birmingham, edinburgh, glasgow, cardiff, belfast, england, scotland
Europe/London: wales, great britain, britain, the united kingdom, united kingdom, the uk, uk
Europe/Luxembourg: luxembourg
Europe/Madrid: madrid, barcelona, valencia, seville, spain
Europe/Malta: malta
Europe/Minsk: minsk, belarus
Europe/Monaco: monaco
Europe/Moscow: moscow, saint petersburg, st petersburg, russia
Europe/Oslo: oslo, norway
Europe/Paris: paris, lyon, marseille, france
Europe/Prague: prague, czech republic, the czech republic
Europe/Riga: riga, latvia
Europe/Rome: rome, milan, naples, venice, florence, turin, italy
Europe/Sarajevo: sarajevo, bosnia
Europe/Sofia: sofia, bulgaria
Europe/Stockholm: stockholm, gothenburg, sweden
Europe/Tallinn: tallinn, estonia
Europe/Vienna: vienna, salzburg, austria
Europe/Vilnius: vilnius, lithuania
Europe/Warsaw: warsaw, krakow, poland
Europe/Zagreb: zagreb, croatia
Europe/Zurich: zurich, geneva, basel, bern, switzerland
Pacific/Auckland: auckland, wellington, new zealand
Pacific/Fiji: fiji
Pacific/Guam: guam
Pacific/Honolulu: honolulu, hawaii, hst
UTC: utc, coordinated universal time, greenwich, gmt
America/New_York: eastern, the east coast, est, edt
America/Chicago: central, cst, cdt
America/Denver: mountain, mst, mdt
America/Los_Angeles: pacific, the west coast, pst, pdt
"""

_SPANNING = {
    "australia": "sydney",
    "brazil": "sao paulo",
    "canada": "toronto",
    "indonesia": "jakarta",
    "mexico": "mexico city",
    "russia": "moscow",
    "america": "new york",
    "the united states": "new york",
    "united states": "new york",
    "the us": "new york",
    "us": "new york",
    "the usa": "new york",
    "usa": "new york",
    "the states": "new york",
}
"""Countries of several zones: the time is told of one large city, by its name."""

_UPPER = word_set("utc gmt est edt cst cdt mst mdt pst pdt hst akst uk dc la")
_LOWER = word_set("the of de es")
_ZONE_WORDS = word_set("time zone timezone standard")


@cache
def _names() -> dict[str, str]:
    table = {}
    for line in _ZONES.strip().splitlines():
        zone, names = line.split(": ")
        table.update(dict.fromkeys(names.split(", "), zone))
    table.update({country: table[city] for country, city in _SPANNING.items()})
    return table


def find_place(words: Sequence[str]) -> tuple[str, ZoneInfo] | None:
    """(name to be said, zone) of the place that `words` name; None if it is not known.

    A state or country may follow a city ("houston texas"); a longer name may be misheard by a letter or two.
    """
    table = _names()
    words = [word for word in words if word not in _ZONE_WORDS]
    if words[:1] == ["the"] and " ".join(words) not in table:
        words = words[1:]
    for end in range(len(words), 0, -1):
        name, rest = " ".join(words[:end]), " ".join(words[end:])
        if name in table and (not rest or rest in table):
            name = _SPANNING.get(name, name)
            return _titled(name), ZoneInfo(table[name])
    whole = " ".join(words)
    close = difflib.get_close_matches(whole, table, n=1, cutoff=0.84) if len(whole) >= 5 and len(words) <= 4 else []
    if close:
        name = _SPANNING.get(close[0], close[0])
        return _titled(name), ZoneInfo(table[name])
    return None


def _titled(name: str) -> str:
    words = name.split()
    if words[0] in ("eastern", "central", "mountain", "pacific"):
        return f"{name.capitalize()} time"
    said = (word.upper() if word in _UPPER else word if word in _LOWER else word.capitalize() for word in words)
    return " ".join(said)
