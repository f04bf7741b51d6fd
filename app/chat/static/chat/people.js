// The people of the room, as a list; for those who signed up, each a way to a room of two.

import { element } from "./element.js";
import { face } from "./face.js";
import { mark } from "./guest.js";
import { phrase } from "./phrases.js";

export class People {
  constructor({ list, count, typing, owner }) {
    Object.assign(this, { list, count, typing, owner });
  }

  draw(people, count) {
    this.count.textContent = new Intl.NumberFormat(document.documentElement.lang).format(count);
    const sorted = people.toSorted((one, other) => one.name.localeCompare(other.name));
    this.list.replaceChildren(...sorted.map((person) => this.#item(person)));
  }

  write(names, listed) {
    if (names.length === 0) this.typing.textContent = "";
    else if (names.length === 1) this.typing.textContent = phrase("typing_one", { name: names[0] });
    else this.typing.textContent = phrase("typing_many", { names: listed });
  }

  #item(person) {
    const name = element("bdi", { className: "name", text: person.name });
    const { direct } = this.list.dataset;
    // No room of two with a guest.
    if (!direct || person.guest || person.id === this.owner) return element("li", {}, face(person), name, ...mark(person));
    const title = direct.replace("{name}", person.name);
    const button = element("button", { className: "person", name: "user", value: `${person.id} ${person.name}`, title }, face(person), name);
    return element("li", {}, button);
  }
}
