// Reads the data, and shows what the address asks for: `#` the list, `#search/words` a search, `#table/name` a table, `#table/name/part` a part of it.

const read = (node) => JSON.parse(node.textContent);
const data = read(document.querySelector("script.overview"));
const heads = [...document.querySelectorAll("script.head")].map(read);
const pages = document.querySelectorAll("script.page");
const masks = masksOf(data.masks);
const home = document.getElementById("home"), article = document.getElementById("table"), box = document.getElementById("search");

// Names are unique in a catalog, but not when they are cut or hold halves of characters.
const addresses = [], byAddress = new Map();
heads.forEach((head, i) => {
  const name = encodeURIComponent(head.name.toWellFormed());
  let address = name;
  for (let n = 2; byAddress.has(address); n += 1) address = `${name}~${n}`;
  byAddress.set(address, i);
  addresses.push(address);
});
const addressOf = (i) => `#table/${addresses[i]}`;
const summary = overview(data, heads), list = new TableList(heads, addressOf);
home.append(summary, list.node);
document.getElementById("foot").append(...say(`Made ${data.made} by s3-catalog. This file holds all it shows and loads nothing.`));

let shown = null, scrolled = 0;

function focusOn(node) {
  node.setAttribute("tabindex", "-1");
  node.focus({ preventScroll: true });
}

function showHome(query) {
  const returns = shown !== null;
  shown = null;
  article.hidden = true;
  article.replaceChildren();
  home.hidden = false;
  summary.hidden = query !== "";
  document.title = plain(data.title);
  if (fold(query).trim() !== list.terms.join(" ")) list.search(query);
  if (document.activeElement !== box) box.value = query;
  if (returns) window.scrollTo(0, scrolled);
}

function showTable(i, part) {
  if (shown?.i !== i) {
    if (shown === null) scrolled = window.scrollY;
    shown = { i, ...tablePage(read(pages[i]), heads[i], masks, addressOf(i)) };
    article.replaceChildren(...shown.nodes);
    home.hidden = true;
    article.hidden = false;
    document.title = `${plain(heads[i].name)} – ${plain(data.title)}`;
    if (!part) { window.scrollTo(0, 0); focusOn(article.querySelector("h1")); }
  }
  const target = part ? [...article.children].find((node) => node.id === part) : article.querySelector("h1");
  if (target && part) { target.scrollIntoView(); focusOn(target.querySelector("h2")); }
}

function route() {
  const [kind, name, part] = location.hash.slice(1).split("/");
  const i = kind === "table" ? byAddress.get(name) : undefined;
  if (i !== undefined) return showTable(i, part);
  let query = "";
  try { query = kind === "search" ? decodeURIComponent(name ?? "") : ""; } catch { query = ""; }
  return showHome(query);
}

function searchFor(query) {
  history.replaceState(null, "", query ? `#search/${encodeURIComponent(query.toWellFormed())}` : "#");
  route();
  window.scrollTo(0, 0);
}

window.addEventListener("hashchange", route);
box.addEventListener("input", () => searchFor(box.value));
box.addEventListener("keydown", (event) => {
  const first = list.body.querySelector("a");
  if (event.key === "Escape") { box.value = ""; searchFor(""); }
  else if (event.key === "Enter" && first) location.hash = first.getAttribute("href");
  else if (event.key === "ArrowDown" && first) { event.preventDefault(); first.focus(); }
});
document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof Element && event.target.closest("input, textarea, select");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  box.focus();
  box.select();
});
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("content").focus();
});
document.getElementById("brand").addEventListener("click", () => { box.value = ""; });
window.addEventListener("beforeprint", () => {
  shown?.openAll(true);
  document.querySelectorAll("details").forEach((node) => { node.open = true; });
});

route();
