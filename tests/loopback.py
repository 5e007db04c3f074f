"""Ports for servers that tests start."""

from __future__ import annotations

import itertools
import os
import random
import socket
from typing import Final

_BELOW_EPHEMERAL: Final = range(12_000, 32_000)
"""Ports that the system gives to no outgoing connection: between the choice of one and the server's start it may."""
_ports: Final = itertools.cycle(random.Random(os.getpid()).sample(_BELOW_EPHEMERAL, len(_BELOW_EPHEMERAL)))
"""In an order of this process's own: others choose at the same time."""


def free_port() -> int:
    """A loopback TCP port that nobody listens on at this moment, and that no connection will be given meanwhile."""
    for port in _ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("there is always a next one")
