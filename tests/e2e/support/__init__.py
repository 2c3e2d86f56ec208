"""Shared by the cases: running the programs, reading their output, and the networks and brokers around them."""
