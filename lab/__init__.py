"""The lab: lets the program run on the machine in front of you. Knows nothing of `components`."""
