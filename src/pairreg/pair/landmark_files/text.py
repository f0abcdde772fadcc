"""Text whatever its encoding: what Windows, spreadsheets and scripts write."""

import codecs

from pairreg.errors import InputError

# A longer mark first: that of UTF-32 begins like that of UTF-16.
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def decoded(content: bytes, where: str) -> tuple[str, str]:
    """The text of a file with `\\n` as its line ends, and its encoding; raises `InputError` if it is no text."""
    encoding = _encoding(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise InputError(f"{where} is no text in UTF-8 or UTF-16; give a text file, saved as UTF-8.") from None
    if "\0" in text:
        raise InputError(f"{where} is no text (it holds bytes of 0); give a text file, saved as UTF-8.")
    return text.replace("\r\n", "\n").replace("\r", "\n"), encoding


def encoded(text: str, encoding: str, like: bytes) -> bytes:
    """`text` in an encoding, with the line ends of the file `like`."""
    return text.replace("\n", "\r\n" if "\r\n" in like.decode(encoding) else "\n").encode(encoding)


def _encoding(content: bytes) -> str:
    for mark, encoding in MARKS.items():
        if content.startswith(mark):
            return encoding
    zeros = content[:2].find(0)  # without a mark, of the first two bytes of UTF-16 one is 0
    return {0: "utf-16-be", 1: "utf-16-le"}.get(zeros, "utf-8")
