"""Code that the cases share: runs the programs, reads their output, and sets up networks and brokers."""
