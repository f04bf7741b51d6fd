// Times as the reader's language writes them, in the reader's time zone.

const language = document.documentElement.lang;
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const date = new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long" });
const full = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "medium" });

export const day = (at) => date.format(new Date(at));

export function timeElement(at) {
  const element = document.createElement("time");
  const moment = new Date(at);
  element.dateTime = at;
  element.textContent = clock.format(moment);
  element.title = full.format(moment);
  return element;
}
