"""The witness of any project: page loads and idle sockets under a fault, and what they are owed."""
