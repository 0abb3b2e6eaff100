from __future__ import annotations

import pytest

from rexp.plugins.source import read_source

CODE = b'''"""A docstring."""
import os.path
from .beside import name
from ... import above

TEXT = "a # in a string"  # a comment


def function(x):
    """Its docstring."""
    # why
    return f"{x} # no comment"


class Thing:
    """Its docstring, with a # in it."""

    value = 1
    """What it is for."""
'''


def without(*cuts: bytes) -> bytes:
    code = CODE
    for cut in cuts:
        assert cut in code
        code = code.replace(cut, b"", 1)
    return code


def test_modules_that_may_be_imported() -> None:
    assert read_source(CODE).imports == ("...", "...above", ".beside", ".beside.name", "os.path")


@pytest.mark.parametrize(
    "cut",
    [
        b'"""A docstring."""\n', b"  # a comment", b'    """Its docstring."""\n', b"    # why\n",
        b'    """What it is for."""\n', b'    """Its docstring, with a # in it."""\n',
    ],
)  # fmt: skip
def test_words_for_the_reader_change_nothing(cut: bytes) -> None:
    assert read_source(without(cut)) == read_source(CODE)


def test_blank_lines_change_nothing() -> None:
    assert read_source(b"\n\n" + CODE.replace(b"\n\n\n", b"\n\n") + b"\n") == read_source(CODE)


@pytest.mark.parametrize("cut", [b" # in a string", b" # no comment", b"    value = 1\n", b"f"])
def test_code_and_what_its_strings_hold_counts(cut: bytes) -> None:
    assert read_source(without(cut)).digest != read_source(CODE).digest


def test_indentation_and_blank_lines_inside_a_string_count() -> None:
    one = read_source(b"if a:\n    b()\nc()\n")
    assert one != read_source(b"if a:\n    b()\n    c()\n")
    assert read_source(b'x = """a\n\nb  # c\n"""\n') != read_source(b'x = """a\nb  # c\n"""\n')
    assert read_source(b'x = """a\n\nb  # c\n"""\n') != read_source(b'x = """a\n\nb\n"""\n')


def test_bytes_beyond_ascii_before_a_comment() -> None:
    assert read_source('x = "§é"  # é\n'.encode()) == read_source('x = "§é"\n'.encode())


def test_types_alone_are_not_imported_and_what_is_no_python_has_a_hash() -> None:
    code = b"if TYPE_CHECKING:\n    import a\nelse:\n    import b\nif typing.TYPE_CHECKING:\n    import c\n"
    assert read_source(code).imports == ("b",)
    assert read_source(b"def (:\n").digest != read_source(b"def (:\n\n").digest
    assert read_source(b"def (:\n").imports == ()


def test_a_module_that_imports_what_it_is_asked_for_has_its_imports_for_types() -> None:
    names = b"if TYPE_CHECKING:\n    from a import b\n"
    asked = b"def __getattr__(name):\n    ...\n"
    inside = b"class Thing:\n    def __getattr__(self, name):\n        ...\n"
    assert read_source(names + asked).imports == ("a", "a.b")
    assert read_source(names + b"if not TYPE_CHECKING:\n    " + asked.replace(b"\n    ", b"\n        ")).imports == (
        "a",
        "a.b",
    )
    assert read_source(names + inside).imports == ()
