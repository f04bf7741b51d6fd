// What a close code asks of the page (protocol.md, "Close codes").

const CODES = new Map([
  [1012, "soon"], // the server restarts: another instance is there now
  [1013, "later"], // try again later
  [4429, "later"], // we flooded
  [4401, "cookie"], // no session: one more try with the cookie we have now, then log in
  [4403, "banned"], // no use in trying
]);

// "soon", "later", "cookie", "banned", or "backoff" for every other end, 1006 and 4408 among them.
export const demand = (code) => CODES.get(code) ?? "backoff";

export const SOON_MS = 1000; // the window in which everybody of a stopped instance comes back
export const LATER_MS = 10_000; // added to the usual wait where the server asked for patience
