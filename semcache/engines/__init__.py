"""What the rooms that run models share: the thread that owns a model, models prepared once, the packaged one.

Knows threads, folders and child processes; neither vectors nor verdicts.
"""
