"""The websocket library's parser, set right."""

from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol


class Conversation(ServerProtocol):
    """Takes a close in the middle of a fragmented message for a close, as RFC 6455 has it."""

    def recv_frame(self, frame: Frame) -> None:
        """Forget what the peer began and does not finish: the library calls that an error of the protocol."""
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None
        super().recv_frame(frame)
