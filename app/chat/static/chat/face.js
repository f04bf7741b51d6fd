// A person's round sign: the first letters of the name, in a colour of the id.

import { element } from "./element.js";

const HUES = 8;

export function face({ id, name }) {
  const letters = name.trim().split(/\s+/).slice(0, 2).map((word) => [...word][0] ?? "").join("");
  const made = element("span", { className: "face", text: letters.toLocaleUpperCase(), ariaHidden: "true" });
  made.dataset.hue = String(Math.abs(id) % HUES);
  return made;
}
