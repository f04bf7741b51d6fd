// Whose page this is: the author of what is not sent yet, under the name of now.

export class Me {
  constructor({ id, place, renamed }) {
    Object.assign(this, { id, place, renamed, name: place.textContent });
  }

  rename(name) {
    if (name === this.name) return;
    this.name = this.place.textContent = name;
    this.renamed();
  }
}
