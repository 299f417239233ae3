"""What a page may ask for, read from JSON that anybody may have written."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from duplex.settings import Settings
from duplex.streaming.errors import SettingsError

LONGEST_NAME = 40

WHITELIST = ("assistant", "restore", "restore_hearing", "voice", "speech_rate", "speech_volume")
"""Settings that a page may make for its own call. The others are the server's: engines, addresses, buffers."""

_LONGEST_VALUE = 100


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A call that is asked for. name: of the person. room: empty for a call of one. speaks: the person's language;
    empty: the room's. interpret: those who speak another are spoken to them in it."""

    name: str
    room: str = ""
    record: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    speaks: str = ""
    interpret: bool = True

    def settings_on(self, base: Settings) -> Settings:
        """The server's settings with the page's. Raises SettingsError."""
        if not self.settings:
            return base
        try:
            return Settings.load(environ={}, flags={**base.as_dict(), **self.settings})
        except SettingsError as error:
            raise SettingsError(str(error).replace("command line:", "settings:", 1)) from None


def parse_call_request(body: object) -> CallRequest:
    """{"name", "room", "record", "settings", "speaks", "interpret"}, each optional. Raises SettingsError."""
    request = _object(body, ("name", "room", "record", "settings", "speaks", "interpret"))
    room = _name(request.get("room"), "room")
    name = _name(request.get("name"), "name") or ("guest" if room else "user")
    settings = request.get("settings", {})
    if not isinstance(settings, dict):
        raise SettingsError("settings: must be an object")
    for key, value in settings.items():
        if key not in WHITELIST:
            raise SettingsError(f"settings: a page cannot set {key[:_LONGEST_VALUE]!r}; it can: {', '.join(WHITELIST)}")
        if not isinstance(value, bool | int | float | str) or len(str(value)) > _LONGEST_VALUE:
            raise SettingsError(f"settings: the value of {key!r} is not one that a setting can have")
    return CallRequest(
        name,
        room,
        _flag(request.get("record", False), "record"),
        settings,
        _name(request.get("speaks"), "speaks"),
        _flag(request.get("interpret", True), "interpret"),
    )


def parse_offer(body: object, longest: int) -> str:
    """{"sdp", "type": "offer"}. Raises SettingsError."""
    offer = _object(body, ("sdp", "type"))
    sdp = offer.get("sdp")
    if offer.get("type", "offer") != "offer" or not isinstance(sdp, str):
        raise SettingsError('offer: must be {"type": "offer", "sdp": "..."}')
    if len(sdp) > longest:
        raise SettingsError(f"offer: the session description has {len(sdp)} characters; at most {longest} are read")
    return sdp


def parse_consent(body: object) -> bool:
    """{"record": true or false}. Raises SettingsError."""
    consent = _object(body, ("record",))
    if "record" not in consent:
        raise SettingsError('consent: must be {"record": true} or {"record": false}')
    return _flag(consent["record"], "record")


def _object(body: object, names: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise SettingsError("the body must be a JSON object")
    unknown = sorted(str(key) for key in body if key not in names)
    if unknown:
        raise SettingsError(f"the body has an unknown field {unknown[0][:_LONGEST_VALUE]!r}")
    return body


def _flag(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise SettingsError(f"{name}: must be true or false")
    return value


def _name(value: object, what: str) -> str:
    """Printable, on one line, normalised (NFC)."""
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > 10 * LONGEST_NAME:
        raise SettingsError(f"{what}: must be a text of at most {LONGEST_NAME} characters")
    text = unicodedata.normalize("NFC", value)
    text = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
    text = " ".join("".join(c for c in text if unicodedata.category(c)[0] != "C").split())
    if len(text) > LONGEST_NAME:
        raise SettingsError(f"{what}: must be a text of at most {LONGEST_NAME} characters")
    return text
