// Elements and texts. Every text on the page comes through `say`, which makes text nodes: no value is ever read as markup.

const SVG = "http://www.w3.org/2000/svg";
// Control characters, directions and other characters that nobody sees, line separators, halves of surrogate pairs.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
const UNSEEN_PARTS = /([\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}])/u;

function escapeOf(character) {
  const code = character.codePointAt(0);
  const short = { 9: "\\t", 10: "\\n", 13: "\\r" }[code];
  if (short) return short;
  if (code < 256) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code < 65536 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
}

// A text as people can see it, for places that hold text alone.
function plain(text) {
  return UNSEEN.test(text) ? text.split(UNSEEN_PARTS).map((part, i) => (i % 2 ? escapeOf(part) : part)).join("") : text;
}

// A text as nodes; what cannot be seen is written as an escape. `lines`: line ends stay.
function say(text, { lines = false } = {}) {
  if (!UNSEEN.test(text)) return [document.createTextNode(text)];
  return text.split(UNSEEN_PARTS).filter((part) => part !== "").map((part) => {
    if (!UNSEEN.test(part) || (lines && part === "\n")) return document.createTextNode(part);
    const mark = document.createElement("span");
    mark.className = "unseen";
    mark.textContent = escapeOf(part);
    return mark;
  });
}

// An element: `el("td.number", { colspan: 2 }, children...)`. Children are nodes, texts, lists of them, or null.
function el(name, ...rest) {
  const [tag, ...classes] = name.split(".");
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(" ");
  return filled(node, rest);
}

function svg(tag, ...rest) {
  return filled(document.createElementNS(SVG, tag), rest);
}

function filled(node, rest) {
  const [first] = rest;
  const hasAttributes = first !== null && typeof first === "object" && !(first instanceof Node) && !Array.isArray(first);
  if (hasAttributes) {
    for (const [name, value] of Object.entries(rest.shift())) {
      if (name === "onclick") node.addEventListener("click", value);
      else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
    }
  }
  append(node, rest);
  return node;
}

function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(...(child instanceof Node ? [child] : say(String(child))));
  }
}

function none(text) {
  return el("span.none", text);
}

// Names and values; pairs without a value are left out.
function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return shown.length ? el("dl.facts", shown.map(([name, value]) => [el("dt", name), el("dd", value)])) : null;
}

function section(id, title, end, ...children) {
  const heading = el("h2", title);
  return el("section", { id, "aria-label": title }, el("div.title", heading, end ? el("span.end.small.soft", end) : null), children);
}
