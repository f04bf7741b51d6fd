"""Every number that bounds what one peer may cost a worker, with its reason. Sizes are in bytes, times in seconds."""

# Frames of any opcode and their bytes, counted when they are parsed (budget.py, intake.py)
CONTROL_PER_SECOND = 100.0  # above what the application takes of frames: as many pings, pongs and fragments
CONTROL_BURST = 800.0  # above the application's burst, which refuses 201 in a row before it closes, and says why
FRAGMENTS = 256  # of one message: 64 KiB in pieces of 256 bytes, as small devices send them
EMPTY_FRAGMENTS = 16  # of one message: libraries end one with an empty piece, nobody needs many
FRAME_BYTES = 65_536  # of the largest frame, as docs/protocol.md has it, unless an operator takes larger ones
FRAME_SHARE = 16  # of the largest, a frame has this part on average: 4 KiB, a message of 4000 letters; 62 whole at once
PAID_BYTES = 16 * 1024  # so many are counted together: a chat's frames are small, and cost one addition each
AT_ONCE_BYTES = 1024  # read together and parsed at once: at most 170 frames, half a millisecond
SLICE_BYTES = 4 * 1024  # more than that is parsed by turns (slices.py): at most 682 frames, some milliseconds
SLICES_SECONDS = 0.002  # of slices in one turn of the loop, of all connections together; the last may end later
MESSAGES_IN_A_ROW = 4  # that an application takes before the others get a turn: honest people seldom send two at once

# A session whose sockets are closed for flooding (floods.py)
FLOODS_AT_ONCE = 5  # for each instance: a browser with ten tabs and a fault in its page; 10 ms each
FLOOD_AGAIN_SECONDS = 2.0  # then one more in this time: some 10 ms of frames, half a percent of a processor
HELD_SECONDS = 1.0  # until it gets the answer: who comes again at once waits, and costs a handshake a second
FLOODS_KNOWN = 10_000  # sessions, of some 300 bytes each; to make one known costs its owner a flood

# A peer that was closed for what it sent
LINGER_SECONDS = 1.0  # its input is read and thrown away: a reset would overtake the close frame; three round trips
QUIET_SECONDS = 0.15  # it is over sooner if so long nothing came: Autobahn answers a close, and waits half a second
LINGER_READS = 1_000  # then it floods on: an honest 1 MiB frame comes in 724 packets; some 10 ms of work
LINGER_READ_BYTES = 16 * 1024  # what counts as one: a read through nginx; past it one read has up to 256 KiB
ABORT_SECONDS = 5.0  # how long a peer that takes nothing may take to read that it is closed

# Handshakes
REASON_CHARACTERS = 200  # of what a client sent, in a line of the log

# Pages that wait for their turn (turnstile.py)
PAGES_AT_ONCE = 4  # threads: enough to wait for the database; more of them wait for the lock of SQLite and of Python
PAGES_WAITING = 400  # of 10 to 20 ms each: the last of them waits for a second, as long as a browser's user does
PAGES_WAITING_PER_ADDRESS = 250  # a school behind one address comes back at once
PAGES_AGAIN_SECONDS = 2  # what Retry-After asks for: by then all who waited were served
