// A WebSocket that comes back: `new ReconnectingSocket(url)` instead of `new WebSocket(url)`. See docs/reconnect.md.
(() => {
  const BASE_MS = 500, CAP_MS = 30_000; // full jitter: anywhere below a ceiling that doubles with each try
  const WINDOW_MS = 5000; // after 1012 and 1013: stop.drain_seconds, so that nobody comes back as one of a herd
  const HANDSHAKE_MS = 10_000; // a frozen server answers no handshake, and a browser would wait for minutes
  const STABLE_MS = 30_000; // a socket that lived so long ends the patience learnt before
  const LOST = 1006, RESTART = 1012, LATER = 1013;
  // What an application says it means: done, not allowed, 4000 to 4999; but 4408 and 4429 are "too slow" and "too fast".
  const isFinal = (code) => code === 1000 || code === 1008 || (code >= 4000 && code !== 4408 && code !== 4429);

  globalThis.ReconnectingSocket = class ReconnectingSocket extends EventTarget {
    static CONNECTING = 0; static OPEN = 1; static CLOSING = 2; static CLOSED = 3;
    #socket; #timer; #protocols; #options; #binary = "blob"; #tries = 0; #patient = false; #asked = false; #over = false;

    constructor(url, protocols = [], options = {}) {
      super();
      const address = new URL(url, location.href), life = new AbortController(), { signal } = life;
      address.protocol = location.protocol === "https:" ? "wss:" : address.protocol.replace("http", "ws");
      [this.url, this.#protocols] = [address.href, protocols];
      this.#options = { isFinal, random: Math.random, ...options, life };
      window.addEventListener("online", () => this.#wake(), { signal });
      document.addEventListener("visibilitychange", () => document.hidden || this.#wake(), { signal });
      window.addEventListener("pagehide", () => this.#drop(), { signal }); // else the page is kept in no bfcache
      window.addEventListener("pageshow", ({ persisted }) => persisted && this.#dial(), { signal });
      this.#dial();
    }
    get readyState() { return this.#over ? 3 : this.#asked ? 2 : this.#socket?.readyState === 1 ? 1 : 0; }
    get bufferedAmount() { return this.#socket?.bufferedAmount ?? 0; }
    get protocol() { return this.#socket?.protocol ?? ""; }
    get binaryType() { return this.#binary; }
    set binaryType(type) { this.#binary = type; if (this.#socket) this.#socket.binaryType = type; }

    send(data) { // between two sockets it throws, as a WebSocket does that is not open yet
      if (this.readyState === 0) throw new DOMException("The socket is not open.", "InvalidStateError");
      this.#socket?.send(data);
    }
    close(code = 1000, reason = "") {
      this.#asked = true;
      if (this.#socket) this.#socket.close(code, reason); else if (!this.#over) this.#end(code, reason);
    }
    #dial() {
      this.#drop();
      const socket = this.#socket = new WebSocket(this.url, this.#protocols);
      socket.binaryType = this.#binary;
      this.#timer = setTimeout(() => this.#lost(LOST, ""), HANDSHAKE_MS);
      socket.onopen = () => {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => { this.#tries = 0; }, STABLE_MS);
        this.#patient = false;
        this.#tell(new Event("open"));
      };
      socket.onmessage = ({ data, origin }) => this.#tell(new MessageEvent("message", { data, origin }));
      socket.onclose = ({ code, reason }) => this.#lost(code, reason); // not by wasClean: a restart is clean too
    }
    #lost(code, reason) {
      this.#drop();
      if (this.#asked || this.#options.isFinal(code)) return this.#end(code, reason);
      this.#patient ||= code === LATER; // the server is full: waking up is no reason to ask before
      const ceiling = Math.min(CAP_MS, BASE_MS * 2 ** this.#tries++), asked = code === RESTART || code === LATER;
      const wait = this.#options.random() * (asked ? Math.max(WINDOW_MS, ceiling) : ceiling);
      this.#timer = setTimeout(() => this.#dial(), wait);
      this.#tell(new CustomEvent("reconnecting", { detail: { code, reason, wait } }));
    }
    #wake() { if (!this.#socket && !this.#patient) this.#dial(); }
    #drop() {
      clearTimeout(this.#timer);
      if (this.#socket) Object.assign(this.#socket, { onopen: null, onmessage: null, onclose: null }).close();
      this.#socket = null;
    }
    #end(code, reason) {
      clearTimeout(this.#timer);
      this.#options.life.abort();
      this.#asked = this.#over = true;
      setTimeout(() => this.#tell(new CloseEvent("close", { code, reason, wasClean: code !== LOST })));
    }
    #tell(event) { this[`on${event.type}`]?.(event); this.dispatchEvent(event); }
  };
})();
