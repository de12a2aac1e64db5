"""Requires-Python means what it means to packaging, whichever way it is read."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet

from virtualenv_reflink.environment.compatibility import check_python
from virtualenv_reflink.errors import BadWheelError

SPECIFIERS = [
    *(
        ">=3",
        ">=3.10",
        ">= 3.10",
        ">=3.10.4",
        ">=3.10.4,<4",
        ">=3.10.*",
        ">=3.10.0.1",
        ">3.10",
        "~=3.9",
        ">=3.8,",
        ">=3.010",
    ),
    *("<4", "<3.10", "< 3.10.0", "<3.10.4", "<3.10.4.1", "<=3.10", ">=2.7, !=3.0.*", "!=3.0.*,!=3.1.*,<4,>=2.7"),
    *("!=3.10.*", "!= 3.10.4.*", "!=3.10.4", "!=3.10", "==3.10.*", "<3.13 , >=3.10", "<3.13b1", ">=3.10 <4", "", ","),
]


@pytest.mark.parametrize("required", SPECIFIERS)
@pytest.mark.parametrize("version", [(3, 9, 18), (3, 10, 0), (3, 10, 3), (3, 10, 4), (3, 13, 0)])
def test_the_same_pythons_are_allowed(required: str, version: tuple[int, int, int]) -> None:
    wheel: Any = SimpleNamespace(metadata=SimpleNamespace(requires_python=required, wheel="sample.whl"))
    try:
        check_python(wheel, version)
        allowed = True
    except BadWheelError:
        allowed = False
    try:
        expected = SpecifierSet(required).contains(".".join(map(str, version)))
    except ValueError:
        expected = True
    assert allowed == expected
