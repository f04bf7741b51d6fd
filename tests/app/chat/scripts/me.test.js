import assert from "node:assert/strict";
import { test } from "node:test";

// As much of a document as a line is made of.
function made(tag) {
  const node = { tag, children: [], dataset: {}, textContent: "{}", classList: { add() {}, toggle() {}, contains: () => false } };
  node.append = (...more) => node.children.push(...more);
  node.prepend = (...more) => node.children.unshift(...more);
  node.replaceChildren = (...more) => (node.children = more);
  node.setAttribute = node.addEventListener = () => {};
  node.querySelector = () => made("div");
  return node;
}

const written = (node) => [node.textContent ?? String(node), ...(node.children ?? []).flatMap(written)];

globalThis.document = { createElement: made, getElementById: () => made("script"), documentElement: { lang: "en" } };
const { Me } = await import("../chat/me.js");
const { Waiting } = await import("../chat/waiting.js");

test("one's own unsent lines take a new name at once", () => {
  const place = { textContent: "Eva" };
  const list = made("ol");
  const items = [{ key: "1", text: "hello", at: 0, state: "waiting" }];
  let drawn = 0;
  const me = new Me({ id: 7, place, renamed: () => { drawn += 1; waiting.draw(items); } });
  const waiting = new Waiting({ list, author: me, discard() {} });
  waiting.draw(items);
  assert.ok(written(list).includes("Eva"));
  me.rename("Eve");
  assert.equal(place.textContent, "Eve");
  assert.ok(written(list).includes("Eve") && !written(list).includes("Eva"));
  me.rename("Eve");
  assert.equal(drawn, 1);
});
