"""Every number of people and sessions, with its reason. Times in seconds."""

TICKET_SECONDS = 60  # protocol.md: a ticket is good for 60 s
TRY_SECONDS = 15 * 60  # how long a failed try counts
TRIES_PER_PERSON = 5  # from one address: a person who forgot; a guesser gets 480 a day
TRIES_PER_USERNAME = 50  # from anywhere: a guesser with many addresses
TRIES_PER_ADDRESS = 100  # an office behind one address has many who forget
REVOCATION_SECONDS = 24 * 3600  # every process has read it within a second; kept for who asks what happened
