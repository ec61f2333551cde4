"""The decimal digits that Java, before version 19, prints of a double or float (Double.toString).

They are not always the fewest that read back as the same number: 2.0E-3 but 4.9E-324, and a digit too many here and
there. Flink 1.20 runs on Java 11 and 17, so the digits are found by the same steps: Steele and White's algorithm with
a halved last place at powers of two, in 32 or 64 bits where they suffice.
"""

from __future__ import annotations

import math
import struct

_DOUBLE, _FLOAT = struct.Struct(">d"), struct.Struct(">f")
_SHIFT = 52
_HIDDEN = 1 << _SHIFT
_POWERS_OF_5 = 27  # that Java keeps at hand
_BITS_OF_5 = [0, *((5**power).bit_length() for power in range(1, _POWERS_OF_5))]


def double_digits(value: float) -> tuple[str, int]:
    """(digits, place of the point after the first so many digits) of a positive double."""
    bits = int.from_bytes(_DOUBLE.pack(value), "big")
    exponent, fraction = bits >> _SHIFT & 0x7FF, bits & (_HIDDEN - 1)
    if exponent:
        return _digits(exponent - 1023, fraction | _HIDDEN, _SHIFT + 1)
    shift = _SHIFT + 1 - fraction.bit_length()
    return _digits(-1022 - shift, fraction << shift, fraction.bit_length())


def float_digits(value: float) -> tuple[str, int]:
    """The same of a positive number of 32 bits."""
    bits = int.from_bytes(_FLOAT.pack(value), "big")
    exponent, fraction = bits >> 23 & 0xFF, bits & 0x7FFFFF
    if exponent:
        return _digits(exponent - 127, (fraction | 1 << 23) << 29, 24)
    shift = 24 - fraction.bit_length()
    return _digits(-126 - shift, fraction << shift << 29, fraction.bit_length())


def _digits(exponent: int, fraction: int, significant: int) -> tuple[str, int]:
    zeros = (fraction & -fraction).bit_length() - 1
    length = _SHIFT + 1 - zeros
    tiny = max(0, length - exponent - 1)
    if tiny == 0 and -21 <= exponent <= 62 and length < 64:
        whole = fraction << (exponent - _SHIFT) if exponent >= _SHIFT else fraction >> (_SHIFT - exponent)
        return _whole_digits(whole, exponent - significant - 1 if exponent > significant else 0)
    place = _estimated_place(exponent, fraction)
    by_5, divisor_5 = max(0, -place), max(0, place)
    by_2, divisor_2 = by_5 + tiny + exponent, divisor_5 + tiny
    half_2 = by_2 - significant
    by_2 -= length - 1
    shared = min(by_2, divisor_2)
    by_2, divisor_2, half_2 = by_2 - shared, divisor_2 - shared, half_2 - shared - (length == 1)
    if half_2 < 0:
        by_2, divisor_2, half_2 = by_2 - half_2, divisor_2 - half_2, 0
    word = _word(length + by_2 + _five_bits(by_5), divisor_2 + 1 + _five_bits(divisor_5 + 1))
    number, divisor, half = (fraction >> zeros) * 5**by_5 << by_2, 5**divisor_5 << divisor_2, 5**by_5 << half_2
    return _develop(number, divisor, half, place, word)


def _five_bits(power: int) -> int:
    return _BITS_OF_5[power] if power < _POWERS_OF_5 else power * 3


def _word(number_bits: int, divisor_bits: int) -> int:
    """How many bits Java computes in; 0 is as many as it takes."""
    most = max(number_bits, divisor_bits)
    return 32 if most < 32 else 64 if most < 64 else 0


def _whole_digits(whole: int, power: int) -> tuple[str, int]:
    """Of a whole number: without the digits that the double does not know."""
    unknown = int(power * 0.30102999566398120) if 1 < power < 64 else 0
    if unknown:
        size = 10**unknown
        whole = whole // size + (whole % size >= size >> 1)
    digits = str(whole)
    return digits.rstrip("0"), len(digits) + unknown


def _estimated_place(exponent: int, fraction: int) -> int:
    mantissa = fraction / _HIDDEN
    return math.floor((mantissa - 1.5) * 0.289529654 + 0.176091259 + exponent * 0.301029995663981)


def _develop(number: int, divisor: int, half: int, place: int, word: int) -> tuple[str, int]:
    tens = divisor * 10
    digits: list[int] = []
    digit, number, half = _step(number, divisor, half, word)
    low, high = _stops(number, half, tens, word, first=True)
    if digit == 0 and not high:
        place -= 1
    else:
        digits.append(digit)
    if place < -3 or place >= 8:
        low = high = False
    while not low and not high:
        digit, number, half = _step(number, divisor, half, word)
        low, high = _stops(number, half, tens, word, first=False)
        digits.append(digit)
    rest = _wrapped(_wrapped(2 * number, word) - tens, word)
    if high and (not low or rest > 0 or (rest == 0 and digits[-1] % 2)):
        return _rounded_up(digits, place + 1)
    return "".join(map(str, digits)), place + 1


def _step(number: int, divisor: int, half: int, word: int) -> tuple[int, int, int]:
    digit, rest = divmod(number, divisor)
    half *= 10
    return digit, rest * 10, _wrapped(half, word)


def _wrapped(value: int, word: int) -> int:
    """As it is in so many bits, which Java lets overflow."""
    return (value + (1 << (word - 1))) % (1 << word) - (1 << (word - 1)) if word else value


def _stops(number: int, half: int, tens: int, word: int, *, first: bool) -> tuple[bool, bool]:
    if not word:
        return number < half, number + half >= tens
    if half <= 0 and not first:  # it went beyond the word
        return True, True
    return number < half, _wrapped(number + half, word) > tens


def _rounded_up(digits: list[int], point: int) -> tuple[str, int]:
    place = len(digits) - 1
    while place > 0 and digits[place] == 9:
        digits[place] = 0
        place -= 1
    if digits[place] == 9:
        return "1" + "0" * (len(digits) - 1), point + 1
    digits[place] += 1
    return "".join(map(str, digits)), point
