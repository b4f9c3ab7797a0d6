"""Where a photo was taken: decimal degrees, and degrees, minutes and seconds as people read them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from vision.domain.image_file.tiff import TiffValue

LATITUDE_REF, LATITUDE, LONGITUDE_REF, LONGITUDE, ALTITUDE_REF, ALTITUDE = 1, 2, 3, 4, 5, 6
GPS_TAGS = frozenset((LATITUDE_REF, LATITUDE, LONGITUDE_REF, LONGITUDE, ALTITUDE_REF, ALTITUDE))
"""The GPS tags of a location, from EXIF 2.32, table 15."""

_DECIMALS = 7
_BELOW_SEA_LEVEL = 1


@dataclass(frozen=True, slots=True)
class Location:
    """A location on the WGS 84 ellipsoid.

    Attributes
    ----------
    latitude, longitude
        Decimal degrees, positive to the north and to the east, rounded to seven decimals (about 1 cm).
    altitude_m
        Metres above sea level, negative below it, or None.
    """

    latitude: float
    longitude: float
    altitude_m: float | None = None

    @property
    def latitude_dms(self) -> str:
        """The latitude, such as ``48° 51′ 29.6″ N``."""
        return _dms(self.latitude, "N", "S")

    @property
    def longitude_dms(self) -> str:
        """The longitude, such as ``2° 17′ 40.2″ E``."""
        return _dms(self.longitude, "E", "W")

    @classmethod
    def from_gps(cls, tags: Mapping[int, TiffValue]) -> "Location | None":
        """Return the location in an EXIF GPS directory, or None.

        A location that is only half right is worse than none. Return None for a zero denominator, fewer than three
        components, a missing or unknown reference, or a value off the globe.
        """
        latitude = _degrees(tags.get(LATITUDE), tags.get(LATITUDE_REF), {"N": 1, "S": -1}, 90)
        longitude = _degrees(tags.get(LONGITUDE), tags.get(LONGITUDE_REF), {"E": 1, "W": -1}, 180)
        if latitude is None or longitude is None:
            return None
        return cls(latitude, longitude, _altitude(tags.get(ALTITUDE), tags.get(ALTITUDE_REF)))

    def as_dict(self) -> dict[str, float | str]:
        """Return the ``location`` attribute of the image record, without an unknown altitude."""
        record: dict[str, float | str] = {
            "latitude": self.latitude,
            "longitude": self.longitude,
            "latitude_dms": self.latitude_dms,
            "longitude_dms": self.longitude_dms,
        }
        if self.altitude_m is not None:
            record["altitude_m"] = self.altitude_m
        return record


def _degrees(
    value: TiffValue | None, reference: TiffValue | None, signs: Mapping[str, int], limit: int
) -> float | None:
    if not isinstance(value, tuple) or len(value) != 3 or not isinstance(reference, bytes):
        return None
    sign = signs.get(reference.strip(b"\0 ").decode("latin-1").upper())
    degrees, minutes, seconds = value
    if sign is None or degrees is None or minutes is None or seconds is None:
        return None
    if degrees < 0 or not 0 <= minutes <= 60 or not 0 <= seconds <= 60:
        return None
    total = degrees + minutes / 60 + seconds / 3600
    if not math.isfinite(total) or total > limit:
        return None
    return sign * round(total, _DECIMALS) if total else 0.0


def _altitude(value: TiffValue | None, reference: TiffValue | None) -> float | None:
    if not isinstance(value, tuple) or len(value) != 1 or value[0] is None:
        return None
    below = reference in ((_BELOW_SEA_LEVEL,), bytes([_BELOW_SEA_LEVEL]))
    metres = round(-value[0] if below else value[0], 2)
    return metres if metres else 0.0


def _dms(angle: float, positive: str, negative: str) -> str:
    tenths = round(abs(angle) * 36_000)
    minutes, tenths = divmod(tenths, 600)
    degrees, minutes = divmod(minutes, 60)
    return f"{degrees}° {minutes}′ {tenths / 10:.1f}″ {negative if angle < 0 else positive}"
