"""Forms and checksums that tell an account or a card number from any other digits."""

import re

# ISO 13616: behind two letters and two check digits, so many digits (n), capital letters (a) or
# either (c), by country; from the registry that SWIFT keeps.
_COUNTRIES = (
    "AD8n12c AE19n AL8n16c AT16n AZ4a20c BA16n BE12n BG4a6n8c BH4a14c BI23n BR23n1a1c BY4c4n16c "
    "CH5n12c CR18n CY8n16c CZ20n DE18n DJ23n DK14n DO4c20n EE16n EG25n ES20n FI14n FK2a12n "
    "FO14n FR10n11c2n GB4a14n GE2a16n GI4a15c GL14n GR7n16c GT24c HN4a20n HR17n HU24n IE4a14n "
    "IL19n IQ4a15n IS22n IT1a10n12c JO4a4n18c KW4a22c KZ3n13c LB4n20c LC4a24c LI5n12c LT16n "
    "LU3n13c LV4a13c LY21n MC10n11c2n MD20c ME18n MK3n10c2n MN16n MR23n MT4a5n18c MU4a19n3a "
    "NI4a20n NL4a10n NO11n OM3n16c PK4a16c PL24n PS4a21c PT21n QA4a21c RO4a16c RS18n RU14n15c "
    "SA2n18c SC4a20n3a SD14n SE20n SI15n SK20n SM1a10n12c SO19n ST21n SV4a20n TL19n TN20n "
    "TR6n16c UA6n19c VA18n VG4a16n XK16n YE4a4n18c "
)
_CLASSES = {"n": "[0-9]", "a": "[A-Z]", "c": "[A-Z0-9]"}


def _form(country: str) -> str:
    parts = re.findall(r"([0-9]+)([nac])", country)
    digits = "".join(rf"(?:[ \-]?{_CLASSES[kind]}){{{count}}}" for count, kind in parts)
    return rf"{country[:2]}[0-9]{{2}}{digits}"


# Written in one piece or in groups, in any case, as long as its country has them.
IBAN = re.compile(rf"(?<![^\W_])(?ai:{'|'.join(map(_form, _COUNTRIES.split()))})(?![^\W_])")


def luhn_holds(digits: str) -> bool:
    """Whether the last digit is the Luhn digit of those before it (ISO/IEC 7812-1, annex B)."""
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (doubled + sum(int(digit) for digit in digits[::-2])) % 10 == 0


def iban_holds(compact: str) -> bool:
    """Whether the two digits behind the country are those of the rest (ISO 7064, MOD 97-10)."""
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1
