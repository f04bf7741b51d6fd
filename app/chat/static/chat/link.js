// One websocket, from its handshake to its end. `onwelcome` and `onclose` come once at most, nothing after a close.

export const HANDSHAKE_MS = 5000; // protocol.md: a client gives up a handshake after 5 s
const GIVEN_UP = 1006; // what browsers report for an end without a close frame

export class Link {
  constructor({ url, onwelcome, onframe, onclose, make = (address) => new WebSocket(address) }) {
    Object.assign(this, { onwelcome, onframe, onclose, ended: false, welcomed: false });
    this.timer = setTimeout(() => this.drop(), HANDSHAKE_MS);
    this.socket = make(url);
    this.socket.onmessage = (event) => this.#take(event.data);
    this.socket.onclose = (event) => this.#end(event.code);
  }

  // Say it, and whether the socket could take it.
  send(frame) {
    if (this.ended || !this.welcomed || this.socket.readyState !== 1) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  // Leave in good order; nobody hears of it.
  close() {
    this.#quit();
  }

  // Take it for dead without waiting for a close handshake that a frozen server never answers.
  drop() {
    if (this.ended) return;
    this.#quit();
    this.onclose(GIVEN_UP);
  }

  #quit() {
    this.ended = true;
    clearTimeout(this.timer);
    this.socket.onmessage = null;
    this.socket.onclose = null;
    this.socket.close(1000);
  }

  #take(data) {
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return; // nothing of protocol.md; a later server may speak more than we know
    }
    if (frame === null || typeof frame !== "object") return;
    if (frame.type === "welcome" && !this.welcomed) {
      this.welcomed = true;
      clearTimeout(this.timer);
      this.onwelcome(frame);
    } else {
      this.onframe(frame);
    }
  }

  #end(code) {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.timer);
    this.onclose(code);
  }
}
