// Who is here. Up to 100 people by name; above that only how many.

export class Presence {
  // hooks: draw(people, count), came(person), went(person).
  constructor({ slug, owner, hooks }) {
    Object.assign(this, { slug, owner, hooks });
    this.people = new Map();
    this.crowd = false; // too many for names
  }

  // A join tells the whole; coming back is no news.
  start({ present = [], count = present.length }) {
    this.crowd = count > present.length;
    this.people = new Map(present.map((person) => [person.id, person]));
    this.hooks.draw([...this.people.values()], count);
  }

  take(frame) {
    if (frame.type !== "presence" || frame.room !== this.slug) return;
    const named = frame.joined !== undefined || frame.left !== undefined;
    const news = !this.crowd; // after a crowd everybody is named again, and nobody came
    if (!named || this.crowd) this.people.clear(); // the names we had would be wrong ones soon
    this.crowd = !named;
    for (const person of frame.joined ?? []) {
      if (news && !this.people.has(person.id) && person.id !== this.owner) this.hooks.came(person);
      this.people.set(person.id, person);
    }
    for (const person of frame.left ?? []) {
      if (this.people.delete(person.id) && person.id !== this.owner) this.hooks.went(person);
    }
    this.hooks.draw([...this.people.values()], frame.count);
  }
}
