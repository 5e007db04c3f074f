"""`python -m semcache`: the command line."""

from semcache.cli import main

raise SystemExit(main())
