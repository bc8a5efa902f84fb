"""The command line, the settings, and the wiring of each process."""
