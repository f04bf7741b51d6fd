// Is the other side still there? A browser may report a dead network minutes late (pitfalls K8).

export const ANSWER_MS = 5000;

export class Heartbeat {
  constructor({ ping, dead }) {
    this.ping = ping;
    this.dead = dead;
  }

  start(seconds) {
    this.stop();
    this.timer = setInterval(() => this.beat(), seconds * 1000);
  }

  // Ask now; any frame is an answer.
  beat() {
    if (this.deadline) return;
    this.deadline = setTimeout(() => this.dead(), ANSWER_MS);
    this.ping();
  }

  heard() {
    clearTimeout(this.deadline);
    this.deadline = null;
  }

  stop() {
    clearInterval(this.timer);
    this.heard();
  }
}
