// Who is a guest says so wherever their name stands: a guest may take any name, also that of somebody who signed up.

import { element } from "./element.js";
import { phrase } from "./phrases.js";

// What goes after the name of a guest; nothing after another's.
export const mark = ({ guest }) => (guest ? [" ", element("span", { className: "tag", text: phrase("guest") })] : []);

// The same inside a sentence.
export const called = ({ guest, name }) => (guest ? phrase("guest_name", { name }) : name);
