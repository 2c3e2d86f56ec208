"""Shared code of the cases: runs the programs, reads their output, and sets up networks and brokers."""
