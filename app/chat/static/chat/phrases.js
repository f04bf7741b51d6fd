// The page's words in the reader's language, as the template put them there.

const words = JSON.parse(document.getElementById("phrases").textContent);

// A value keeps its own direction: an Arabic name does not turn an English sentence round.
const isolated = (value) => `\u2068${value}\u2069`;

// A phrase with its {braces} filled in.
export const phrase = (name, values = {}) =>
  (words[name] ?? name).replace(/\{(\w+)\}/g, (whole, key) => (key in values ? isolated(values[key]) : whole));

// Names as the language lists them: "Ana, Ben and Eva".
export const list = (names) => new Intl.ListFormat(document.documentElement.lang).format(names);
