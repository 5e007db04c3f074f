"""Coalescing: identical concurrent requests fetch one answer, over all replicas.

One flight an entry: whoever boards first leads, all others read the leader's frames. In this process they are read
from memory; other processes read them from the store (`ports.Flights`), where the leader publishes only while somebody
there listens. The work of a flight runs in a task of the coalescer: no caller who leaves can end it, and none is left
waiting for one who did. A leader that dies is replaced when its lease runs out; its fencing token then keeps a late
answer of its own out of the store (`FillToken.flight`).

It knows ports only: neither HTTP, nor what a frame is, nor what the work does.
"""

from __future__ import annotations

from semcache.coalesce.coalescer import Coalescer, Passage, Work
from semcache.coalesce.flight import Flight, FlightLost

__all__ = ["Coalescer", "Flight", "FlightLost", "Passage", "Work"]
