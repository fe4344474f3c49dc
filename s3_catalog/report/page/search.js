// The list of tables: search over names, tags, columns, locations and owners; sorting; some rows at a time.

const AT_A_TIME = 100;

function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

// What a search looks at, made once for all tables.
function searchable(head) {
  const columns = (head.columns ?? []).join("\n"), tags = (head.tags ?? []).join("\n");
  return [fold(head.name), fold(tags), fold(columns), fold([head.location, head.format, ...(head.owners ?? [])].join("\n"))];
}

// How well a table answers: the smaller the better, null if a word is nowhere.
function score(fields, terms) {
  let sum = 0;
  for (const term of terms) {
    const field = fields.findIndex((text) => text.includes(term));
    if (field < 0) return null;
    sum += field > 0 ? field + 2 : fields[0] === term ? 0 : fields[0].startsWith(term) ? 1 : 2;
  }
  return sum;
}

// What was found beside the name: columns and tags that hold a word.
function reasons(head, fields, terms) {
  const found = [];
  for (const term of terms.filter((word) => !fields[0].includes(word))) {
    const holds = (text) => fold(text).includes(term);
    const tag = (head.tags ?? []).find(holds), columns = (head.columns ?? []).filter(holds);
    if (tag !== undefined) found.push(`tag ${tag}`);
    else if (columns.length) found.push(`${columns.length > 1 ? "columns" : "column"} ${columns.slice(0, 3).join(", ")}${columns.length > 3 ? " …" : ""}`);
  }
  return found.join("; ");
}

function highlighted(text, terms) {
  const folded = fold(text), term = terms.find((word) => folded.includes(word));
  if (term === undefined || folded.length !== text.length) return say(text);
  const start = folded.indexOf(term), end = start + term.length;
  return [...say(text.slice(0, start)), el("mark.hit", text.slice(start, end)), ...say(text.slice(end))];
}

const SORTS = [
  { name: "Table", key: (head) => head.name },
  { name: "Format", key: (head) => head.format, extra: true },
  { name: "Rows", key: (head) => Number(head.rows ?? head.estimate?.[0] ?? -1), number: true },
  { name: "Objects", key: (head) => Number(head.objects), number: true, extra: true },
  { name: "Size", key: (head) => Number(head.size), number: true },
  { name: "Newest", key: (head) => head.newest ?? "", number: true, extra: true },
];

class TableList {
  constructor(heads, address) {
    this.heads = heads;
    this.address = address;
    this.fields = heads.map(searchable);
    this.sort = null;
    this.terms = [];
    this.body = el("tbody");
    this.status = el("span.end.small.soft", { role: "status" });
    this.more = el("button.more-button.after", { type: "button", onclick: () => this.grow() });
    this.headers = SORTS.map((sort) => this.header(sort));
    this.grid = el("table.list", el("thead", el("tr", this.headers)), this.body);
    this.box = el("div.scroll", this.grid);
    this.nothing = el("p.notice", { hidden: true }, "No table, column, tag or location holds all of these words.");
    this.node = el("section", { id: "tables", "aria-label": "Tables" },
      el("div.title", el("h2", "Tables"), this.status), this.box, this.nothing, this.more);
    this.search("");
  }

  header(sort) {
    const button = el("button", { type: "button", onclick: () => this.sortBy(sort) }, sort.name);
    return el(["th", sort.number && "number", sort.extra && "extra"].filter(Boolean).join("."), { scope: "col" }, button);
  }

  sortBy(sort) {
    const falling = this.sort?.by === sort ? !this.sort.falling : Boolean(sort.number);
    this.sort = { by: sort, falling };
    this.headers.forEach((header, i) => {
      if (SORTS[i] === sort) header.setAttribute("aria-sort", falling ? "descending" : "ascending");
      else header.removeAttribute("aria-sort");
    });
    this.show();
  }

  search(query) {
    this.terms = fold(query).split(/\s+/).filter(Boolean);
    this.show();
  }

  show() {
    const scored = this.heads.map((_, i) => [i, this.terms.length ? score(this.fields[i], this.terms) : 0]).filter((pair) => pair[1] !== null);
    if (this.sort) {
      const key = this.sort.by.key, turn = this.sort.falling ? -1 : 1;
      scored.sort((a, b) => { const [x, y] = [key(this.heads[a[0]]), key(this.heads[b[0]])]; return turn * ((x > y) - (x < y)) || a[0] - b[0]; });
    } else if (this.terms.length) scored.sort((a, b) => a[1] - b[1] || a[0] - b[0]);
    this.found = scored.map((pair) => pair[0]);
    this.shown = 0;
    this.body.replaceChildren();
    const all = plural(this.heads.length, "table");
    this.status.textContent = this.terms.length ? `${count(this.found.length)} of ${all}` : all;
    this.box.hidden = this.found.length === 0;
    this.nothing.hidden = this.found.length > 0 || this.terms.length === 0;
    this.grow();
  }

  grow() {
    const end = Math.min(this.shown + AT_A_TIME, this.found.length), first = this.shown;
    this.body.append(...this.found.slice(first, end).map((i) => this.row(i)));
    this.shown = end;
    this.more.hidden = end >= this.found.length;
    this.more.textContent = `Show ${Math.min(AT_A_TIME, this.found.length - end)} more of ${count(this.found.length - end)}`;
    if (first > 0) this.body.children[first]?.querySelector("a").focus();
  }

  row(i) {
    const head = this.heads[i], why = this.terms.length ? reasons(head, this.fields[i], this.terms) : "";
    return el("tr",
      el("th", { scope: "row" }, el("a", { href: this.address(i) }, highlighted(head.name, this.terms)),
        el("span.where", why || head.location), head.tags ? chips(head.tags.slice(0, 6)) : null),
      el("td.extra", head.format),
      el("td.number", rowsOf(head) ?? none("–")),
      el("td.number.extra", count(head.objects)),
      el("td.number", bytes(head.size)),
      el("td.number.extra", head.newest ? head.newest.slice(0, 10) : none("–")));
  }
}
