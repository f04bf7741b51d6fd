// The room's page: makes the parts and ties them together.

import { Composer } from "./composer.js";
import { Connection, address } from "./connection.js";
import { called } from "./guest.js";
import { History } from "./history.js";
import { follow } from "./life.js";
import { Log } from "./log.js";
import { Outbox } from "./outbox.js";
import { Me } from "./me.js";
import { People } from "./people.js";
import { list, phrase } from "./phrases.js";
import { Presence } from "./presence.js";
import { Room } from "./room.js";
import { Status } from "./status.js";
import { Typing } from "./typing.js";
import { Waiting } from "./waiting.js";


const at = (id) => document.getElementById(id);
const { slug, user, login } = at("room").dataset;
const owner = Number(user);
const ownName = document.querySelector(".me .name");
const author = new Me({ id: owner, place: ownName, renamed: () => waiting.draw(outbox.items) });
const send = (frame) => connection.send(frame);

const status = new Status(at("status"));
const log = new Log({ scroll: at("scroll"), list: at("log"), owner, seen: reading });
const waiting = new Waiting({ list: at("waiting"), author, discard: (key) => outbox.discard(key) });
const people = new People({ list: at("people"), count: at("count"), typing: at("typing"), owner });
const composer = new Composer({ form: at("composer"), send: write, typed: () => features.has("typing") && typing.typed() });

const history = new History({ slug, send, show: older });
const typing = new Typing({ slug, owner, send, called: known, show: (names) => people.write(names, list(names)) });
const presence = new Presence({
  slug,
  owner,
  hooks: {
    draw(everybody, count) {
      people.draw(everybody, count);
      const me = everybody.find(({ id }) => id === owner);
      if (me) author.rename(me.name); // as in another tab, or by the admin
    },
    came: (person) => log.note(phrase("joined", { name: called(person) })),
    went: (person) => {
      typing.stopped(person.id);
      log.note(phrase("left", { name: called(person) }));
    },
  },
});
const room = new Room({
  slug,
  send,
  hooks: {
    replace(entries) {
      log.replace(entries);
      history.start(entries[0]?.seq);
      shown(entries);
    },
    append(entries) {
      log.append(entries);
      if (log.trim()) history.start(log.oldest);
      shown(entries);
    },
    joined(frame) {
      presence.start(frame);
      outbox.online();
    },
    refused: end,
    left: end,
  },
});
const outbox = new Outbox({
  slug,
  owner,
  storage: window.sessionStorage,
  send,
  hooks: { draw, stuck: () => connection.restart(), rejoin: () => room.join() },
});
const connection = new Connection({
  url: address(window.location),
  onstate: state,
  onwelcome: welcome,
  onframe(frame) {
    for (const part of [room, history, presence, typing]) part.take(frame);
    outbox.take(frame, room.position);
  },
});
let features = new Set();

function welcome({ instance, you, limits, features: offered }) {
  status.instance(instance);
  if (you.id !== owner) {
    // The browser's cookie is somebody else's now; a key belongs to one id, so nothing of this page may go out.
    connection.rest();
    composer.close();
    status.show("changed");
    return;
  }
  features = new Set(offered);
  composer.limit(limits?.text_chars);
  offline();
  room.join();
}

function state(name) {
  status.show(name);
  if (name !== "online") offline();
  if (name === "banned") composer.close();
  if (name === "ended") window.location.assign(`${login}?next=${encodeURIComponent(window.location.pathname)}`);
}

// Who is writing, as who is here: `typing` does not say who is a guest.
function known(who) {
  return called({ ...who, guest: presence.people.get(who.id)?.guest });
}

function offline() {
  for (const part of [room, outbox, history]) part.offline();
}

function end(reason) {
  composer.close();
  outbox.offline();
  log.note(phrase(reason));
}

function shown(entries) {
  for (const { author: writer } of entries) if (writer) typing.stopped(writer.id);
  outbox.seen(entries, room.position);
  furnish();
}

function older(entries) {
  log.prepend(entries);
  furnish();
}

function furnish() {
  at("older").hidden = !history.more;
  at("empty").hidden = at("log").childElementCount + at("waiting").childElementCount > 0;
}

function draw(items) {
  const end = log.atEnd();
  waiting.draw(items);
  furnish();
  if (end) log.toEnd();
}

function write(text) {
  if (!outbox.add(text)) return false;
  typing.done();
  log.toEnd();
  return true;
}

function reading(atEnd, news = false) {
  if (atEnd || news) at("newest").hidden = atEnd;
  if (at("scroll").scrollTop < 40) history.older();
}

at("older").addEventListener("click", () => history.older());
at("newest").addEventListener("click", () => log.toEnd());
// On a phone the messages come first, and who belongs to the room is one touch away.
const belonging = at("belonging");
if (belonging) belonging.open = !window.matchMedia("(max-width: 42rem)").matches || belonging.querySelector(".errorlist") !== null;
draw(outbox.items);
follow(connection);
connection.open();
