// The list of lines: oldest first, each entry in its place.

import { element } from "./element.js";
import { line, write } from "./line.js";
import { day } from "./times.js";

const NEAR = 80; // pixels from the end that count as reading the end
const MOST = 800; // lines on the page; older ones come back by scrolling up
const NOTES = 5; // comings and goings in a row that are kept
const TOGETHER_MS = 5 * 60_000; // one name over lines of one person within this

export class Log {
  // seen(atEnd): the reader reached or left the end.
  constructor({ scroll, list, owner, seen }) {
    Object.assign(this, { scroll, list, owner, seen });
    this.lines = new Map(); // seq → line
    this.end = true; // whether the reader is there
    scroll.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    // A keyboard that comes up takes room from above: who read the end goes on reading it.
    new ResizeObserver(() => this.end && this.toEnd()).observe(scroll);
  }

  get oldest() {
    return this.lines.keys().next().value;
  }

  atEnd() {
    return this.scroll.scrollHeight - this.scroll.scrollTop - this.scroll.clientHeight < NEAR;
  }

  toEnd() {
    this.scroll.scrollTop = this.scroll.scrollHeight;
  }

  // Entries as of now: the texts of lines are the newest, so edits among them have nothing left to say.
  replace(entries) {
    this.#quietly(() => {
      this.lines.clear();
      this.list.replaceChildren(...this.#make(entries));
      this.#arrange([...this.list.children]);
    });
    this.toEnd();
  }

  prepend(entries) {
    this.#quietly(() => {
      const before = this.scroll.scrollHeight;
      const first = this.list.firstElementChild;
      const known = this.lines;
      this.lines = new Map();
      const made = this.#make(entries);
      this.lines = new Map([...this.lines, ...known]);
      this.list.prepend(...made);
      this.#arrange([...made, first]);
      this.scroll.scrollTop += this.scroll.scrollHeight - before;
    });
  }

  append(entries) {
    this.#keepingEnd(() => {
      for (const entry of entries) {
        if (entry.kind === "edit") this.#change(entry.target, { ...entry, edited: true });
        else if (entry.kind === "delete") this.#change(entry.target, { deleted: true });
        const made = this.#make([entry]);
        this.list.append(...made);
        this.#arrange(made);
      }
    });
  }

  // A line that is no entry: it stands where it was said, and is gone after a reload.
  note(text) {
    this.#keepingEnd(() => {
      this.list.append(element("li", { className: "note passing", text }));
      const row = [];
      for (let last = this.list.lastElementChild; last?.classList.contains("passing"); last = last.previousElementSibling) {
        row.push(last);
      }
      for (const old of row.slice(NOTES)) old.remove();
    });
  }

  // Let go of old lines while the reader is at the end; true if some went.
  trim() {
    if (this.lines.size <= MOST || !this.atEnd()) return false;
    for (const seq of [...this.lines.keys()].slice(0, this.lines.size - MOST / 2)) this.lines.delete(seq);
    const kept = this.lines.values().next().value;
    while (this.list.firstElementChild !== kept) this.list.firstElementChild.remove();
    this.#arrange([kept]);
    this.toEnd();
    return true;
  }

  #scrolled() {
    this.end = this.atEnd();
    this.seen(this.end);
  }

  #make(entries) {
    const made = [];
    for (const entry of entries) {
      if (entry.kind !== "text" && entry.kind !== "notice") continue;
      const item = line(entry, { own: entry.author?.id === this.owner });
      this.lines.set(entry.seq, item);
      made.push(item);
    }
    return made;
  }

  #change(target, now) {
    const item = this.lines.get(target);
    if (item) write(item, now);
  }

  // Name the day where it changes, and the person where they do.
  #arrange(items) {
    for (const item of items) {
      if (!item?.dataset.at) continue;
      const before = previous(item);
      const today = day(item.dataset.at);
      if (before && day(before.dataset.at) === today) delete item.dataset.day;
      else item.dataset.day = today;
      const close = before && new Date(item.dataset.at) - new Date(before.dataset.at) < TOGETHER_MS;
      const same = close && before === item.previousElementSibling && before.dataset.author === item.dataset.author;
      item.classList.toggle("same", Boolean(same && item.dataset.author && !item.dataset.day));
    }
  }

  #keepingEnd(work) {
    const end = this.atEnd();
    work();
    if (end) this.toEnd();
    else this.seen(false, true);
  }

  // A screen reader reads what is said now, not what was.
  #quietly(work) {
    this.scroll.ariaBusy = "true";
    work();
    this.scroll.ariaBusy = "false";
  }
}

function previous(item) {
  let before = item.previousElementSibling;
  while (before && !before.dataset.at) before = before.previousElementSibling;
  return before;
}
