"""The site: what all routes share. The service, who may come in, the metrics, and whether we are open."""

from __future__ import annotations

from semcache.http.access import Gate
from semcache.http.keys import KeyFile
from semcache.http.metrics import Metrics
from semcache.http.shortcut import Shortcut
from semcache.service import Service


class Site:
    """One app's shared state; nothing of it is global."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.settings = service.settings
        self.keys = KeyFile(self.settings.api_keys_file)
        admin_key = self.settings.admin_key
        self.gate = Gate(self.keys, admin_key.get_secret_value() if admin_key is not None else None)
        self.metrics = Metrics()
        self.shortcut: Shortcut | None = None
        """For requests that are known byte for byte; None where there is none."""
        self.started = False
        self.draining = False
        """Set when the process was told to stop: what is under way is finished, nothing new should be sent here."""
