"""The stack of `./parley up`: on this machine, in the foreground, without root, everything under one folder."""
