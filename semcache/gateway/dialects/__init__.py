"""Provider protocols, one a module. Pure: JSON and SSE events in and out, no network and no cache."""
