"""The load generator: one for all peers, in a process of its own, so that its CPU is nobody's."""
