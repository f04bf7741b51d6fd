// Who is here. Up to 100 people by name; above that only how many.

export class Presence {
  // hooks: draw(people, count), came(person), went(person), again(): names are told once more, so ask for all.
  constructor({ slug, owner, hooks }) {
    Object.assign(this, { slug, owner, hooks });
    this.people = new Map();
    this.crowd = false; // too many for names
  }

  // A join tells the whole; coming back is no news.
  start({ present = [], count = present.length }) {
    this.crowd = false;
    this.people = new Map(present.map((person) => [person.id, person]));
    this.hooks.draw([...this.people.values()], count);
  }

  take(frame) {
    if (frame.type !== "presence" || frame.room !== this.slug) return;
    const named = frame.joined !== undefined || frame.left !== undefined;
    if (named && this.crowd) this.hooks.again();
    this.crowd = !named;
    if (this.crowd) this.people.clear(); // the names we had would be wrong ones soon
    for (const person of frame.joined ?? []) {
      if (!this.people.has(person.id) && person.id !== this.owner) this.hooks.came(person);
      this.people.set(person.id, person);
    }
    for (const person of frame.left ?? []) {
      if (this.people.delete(person.id) && person.id !== this.owner) this.hooks.went(person);
    }
    this.hooks.draw([...this.people.values()], frame.count);
  }
}
