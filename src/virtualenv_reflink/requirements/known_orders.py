"""The order in which the wheels of a lock are installed, found out once for the same wheels and interpreter."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from virtualenv_reflink.cache.manifest import UnpackedWheel
    from virtualenv_reflink.cache.wheel_cache import WheelCache

_KIND = "orders"


def known_order(wheels: Sequence[UnpackedWheel], markers: Mapping[str, str], cache: WheelCache) -> list[int]:
    """Return the indices of ``wheels`` in the order in which pip installs them where a lock asks for all of them.

    ``markers`` are those of the interpreter (PEP 508).
    """
    inputs = json.dumps([[wheel.key for wheel in wheels], sorted(markers.items())])
    key = hashlib.sha256(inputs.encode("ascii")).hexdigest()
    order = cache.read_note(_KIND, key, partial(_permutation, len(wheels)))
    if order is None:
        # a lazy boundary: dependencies are read once
        from virtualenv_reflink.requirements.order import order_of_wheels

        order = order_of_wheels(wheels, markers)
        cache.write_note(_KIND, key, json.dumps(order))
    return order


def _permutation(length: int, text: str) -> list[int]:
    """Read an order.

    :raises ValueError: when it is not one of so many wheels.
    """
    order = [int(index) for index in json.loads(text)]
    if sorted(order) != list(range(length)):
        raise ValueError("it is the order of other wheels")
    return order
