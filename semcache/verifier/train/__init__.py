"""Trains the verifier: labelled pairs, made and collected, in; weights and a model card, out. No service imports it."""
