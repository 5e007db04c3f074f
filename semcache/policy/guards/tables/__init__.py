"""The house's lexicons: data for `rules`, written to be read, copied and replaced, table by table. English."""
