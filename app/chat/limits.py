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
FRAME_SPARE = 1_024  # what `entries` and `history` keep free of entries: for a slug, a mark and a ref
JOINED_BYTES = 32 * 1024  # what `joined` keeps free of entries: for 100 people with names of 40 characters
LARGEST_SEQ = 2**53 - 1  # what a browser's number holds exactly
ROOMS_PER_SOCKET = 100  # one page shows one room; this is for clients that watch many
CLAIMS = 5  # times that clients may show of a room's log that it lost what they have; each gives a new epoch to all
CLAIMS_PER_PERSON = 2  # the same of one person: a restore that is made again is two, and three people are still heard
CLAIM_SECONDS = 60  # then one more in this time, of one process: a log is replaced once, a flood of claims is an attack
MARK_BYTES = 16  # of a signature: nobody guesses 128 bits, and each frame of entries has them
MARK_CHARACTERS = 64  # a seq of 16 digits, a dot and the signature are 49
BAD_FRAMES = 3  # the third frame that is not JSON closes with 1007
PERSON_TIMES = 4  # all sockets of a person may send this many times what one may: five busy tabs do, a flood does not
FLOOD_FRAMES = 200  # frames refused in a row before the socket is closed: a burst more than the largest allowed
REPEATED_FRAMES = 1_000  # frames after a first `joined` that count against no limit that closes: a full outbox
RETRY_MILLISECONDS = 500  # what `unavailable` asks a client to wait: a lock is gone by then, a failover is not
SESSIONS_WAITING = 256  # log-ins and log-outs that wait for their session: some milliseconds each, so a second or two
READ_ROWS = 100  # what a read costs besides its messages, in messages: a page of one takes two fifths of one of 200
ROWS = 75_000  # what one person may read at once: 500 sockets of one account come back with 50 of each
ROWS_PER_SECOND = 500  # then so many a second: three usual pages, faster than anybody scrolls; 40 at it leave time
SPARE_ROWS = 15_000  # which catching up leaves for the same person's joins and pages: 100 rooms with 50 of each
CHUNK_ROWS = 64  # of one statement: the usual page of 50 and one more; 64 of the longest texts are 1 MiB
JOINS_ROWS = 2_000  # after so many messages the joins of a batch wait for the next: 20 ms, then others have a turn
GUEST_NAME = "Guest"  # of somebody who logged out in a socket
OWN_LISTED = 500  # rooms of one's own that a list has, the first that one came into: more are found by searching
ROOMS_LISTED = 50  # of all others, on one page
PAGES = 1_000  # of them that can be asked for: each reads past all before it
DAY_SECONDS = 24 * 3600  # how long what somebody made counts
ROOMS_A_DAY = 20  # made by one person: a teacher with a room for each group; a flood of 205 needs ten days
MEMBERS_A_DAY = (
    300  # let in by one person, or written to alone for the first time: a school of 250 in one day, and more
)
TYPING_SECONDS = 1.0  # between two that a room gets of one person: a page sends one every 3 s, and shows it for 5 s
HEARTBEAT_SECONDS = 20  # how often a page asks whether the way is open
