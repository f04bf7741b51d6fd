"""Every number of the chat, with its reason. Sizes are in characters or bytes, times in seconds."""

TEXT_CHARACTERS = 4_000  # a long mail fits; a book does not
KEY_CHARACTERS = 64  # a UUID with a prefix fits
REF_CHARACTERS = 64  # the client's own correlation id, echoed
LARGEST_REF = 2**63 - 1  # the same as an integer: nanoseconds since 1970 fit, and other people's ids
SLUG_CHARACTERS = 64  # rooms are addressed by slug
TITLE_CHARACTERS = 80  # one line of the rooms list
USERNAME_CHARACTERS = 150  # Django's
PASSWORD_CHARACTERS = 4_096  # a passphrase fits; hashing more is work for nothing
JOIN_ENTRIES = 50  # what a newcomer sees: one screen and some scrolling
RESUME_ENTRIES = 500  # a resume above this goes on in `entries` frames
HISTORY_ENTRIES = 200  # most entries of one `history` page
SERVER_FRAME_BYTES = 256 * 1024  # protocol.md: no frame above this unless it holds one entry
JOINED_BYTES = 32 * 1024  # what `joined` keeps free of entries: for 100 people with names of 40 characters
LARGEST_SEQ = 2**53 - 1  # what a browser's number holds exactly
ROOMS_PER_SOCKET = 100  # one page shows one room; this is for clients that watch many
CLAIMS = 5  # times that clients may say of a room's log that it lost what they have; each gives a new epoch to all
CLAIM_SECONDS = 60  # then one more in this time, of one process: a log is replaced once, a flood of claims is an attack
BAD_FRAMES = 3  # the third frame that is not JSON closes with 1007
PERSON_TIMES = 4  # all sockets of a person may send this many times what one may: five busy tabs do, a flood does not
FLOOD_FRAMES = 200  # frames refused in a row before the socket is closed: a burst more than the largest allowed
REPEATED_FRAMES = 1_000  # frames after a first `joined` that count against no limit that closes: a full outbox
RETRY_MILLISECONDS = 500  # what `unavailable` asks a client to wait: a lock is gone by then, a failover is not
LOGINS_WAITING = 20  # a password takes a third of a second to check: who comes later is told to try again
GUEST_NAME = "Guest"  # of somebody who logged out in a socket
HEARTBEAT_SECONDS = 20  # how often a page asks whether the way is open
