// One entry as a line of the page.

import { element } from "./element.js";
import { face } from "./face.js";
import { mark } from "./guest.js";
import { phrase } from "./phrases.js";
import { timeElement } from "./times.js";

export function line(entry, { own }) {
  if (entry.kind === "notice") return dated(element("li", { className: "note", text: entry.text }), entry);
  const text = element("p", { className: "text", dir: "auto" });
  const head = element("p", { className: "who" }, element("bdi", { className: "name", text: entry.author.name }));
  head.append(...mark(entry.author), " ", timeElement(entry.at));
  const said = element("div", { className: "said" }, head, text);
  const made = dated(element("li", { className: own ? "line own" : "line" }, face(entry.author), said), entry);
  made.dataset.author = String(entry.author.id);
  write(made, entry);
  return made;
}

// Give a line the text it has now.
export function write(made, { text, edited, deleted }) {
  const place = made.querySelector(".text");
  if (!place || made.classList.contains("deleted")) return; // what is deleted stays so
  made.classList.toggle("deleted", Boolean(deleted));
  place.textContent = deleted ? phrase("deleted") : text;
  if (edited && !deleted) place.append(" ", element("small", { text: `(${phrase("edited")})` }));
}

function dated(made, { seq, at }) {
  made.dataset.seq = String(seq);
  made.dataset.at = at;
  return made;
}
