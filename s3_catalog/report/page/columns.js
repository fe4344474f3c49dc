// The schema of a table: a row for each column, which opens to all that is known of it.

const NUMERIC = /^(tinyint|smallint|int|bigint|float|double|decimal)/;
const BASES = { footers: "from file footers, exact", full: "from every row", sample: "from a sample" };

// A value; kinds that stand for masked ones are marked.
function valueOf(text, masks) {
  const parts = text.split(masks);
  return parts.map((part, i) => (i % 2 ? el("mark.masked", { title: "masked" }, part) : say(part)));
}

function masksOf(labels) {
  const kinds = (labels ?? []).map((label) => label.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  return new RegExp(`(<(?:${[...kinds, "not shown", "binary, \\d+ bytes", "number of \\d+ bits"].join("|")})>)`);
}

function nullsOf(figures, head) {
  if (figures?.nulls === undefined) return null;
  const whole = figures.of ?? (figures.partial ? undefined : head.rows);
  const part = whole === undefined || Number(whole) === 0 ? "" : share(figures.nulls, whole);
  return Number(figures.nulls) === 0 ? "0" : part || count(figures.nulls);
}

function kindOf(column) {
  const notes = [column.required ? "not null" : null, column.origin].filter(Boolean);
  return [el("code.kind", column.type), notes.length ? el("span.small.soft", ` ${notes.join(", ")}`) : null];
}

function tagsOf(column) {
  return [...new Set((column.tags ?? []).map((tag) => tag.name))];
}

function boundOf(column, text, masks) {
  return text === undefined ? null : [column.figures.around ? "about " : null, valueOf(text[0], masks)];
}

// What stands beside a column's name; fields that no column of the table has are left out.
const FIELDS = [
  { name: "Type", style: "extra", has: () => true, cell: kindOf },
  { name: "Nulls", style: "number", has: (column) => column.figures?.nulls !== undefined, cell: (column, head) => nullsOf(column.figures, head) },
  { name: "Min", style: "extra.bound", has: (column) => column.figures?.min, cell: (column, head, masks) => boundOf(column, column.figures?.min, masks) },
  { name: "Max", style: "extra.bound", has: (column) => column.figures?.max, cell: (column, head, masks) => boundOf(column, column.figures?.max, masks) },
  { name: "Size", style: "number.extra", has: (column) => column.figures?.size !== undefined, cell: (column) => (column.figures?.size === undefined ? null : bytes(column.figures.size)) },
  { name: "Tags", style: "extra", has: (column) => column.tags, cell: (column) => chips(tagsOf(column)) },
];

function fileOf([key, ...partition]) {
  const values = partition.map((value) => value ?? "null");
  return [el("code", key), values.length ? el("span.soft", ` (${values.join(" / ")})`) : null];
}

function originOf(blame) {
  const roughly = blame.about ? "about " : "";
  const pairs = [
    [blame.added ? `Added ${roughly}by` : "First in", fileOf(blame.first)],
    [blame.dropped ? `Dropped ${roughly}after` : "Last in", fileOf(blame.last ?? blame.first)],
    ...(blame.changes ?? []).map((change) => [change.about ? "Type changed about at" : "Type changed by",
      [fileOf(change.file), el("span", ": ", el("code", change.before), " → ", el("code", change.after))]]),
  ];
  return el("div.full", el("h3", "History"), facts(pairs),
    blame.about ? el("p.small.soft", "“About”: files that were not read lie in between.") : null);
}

function figuresOf(column, head, masks) {
  const figures = column.figures ?? {}, profile = column.profile, [shortest, mean, longest] = profile?.lengths ?? [];
  const whole = figures.of ?? (figures.partial ? undefined : head.rows);
  const nulls = figures.nulls === undefined ? null : `${count(figures.nulls)}${whole === undefined ? "" : ` of ${count(whole)} rows`}`;
  const basis = figures.partial ? "of the files that were read alone" : BASES[figures.basis];
  const shown = facts([
    ["Type in the file", column.source ? el("code", column.source) : null],
    ["Comes", column.origin],
    ["Nulls", nulls], ["Minimum", boundOf(column, figures.min, masks)], ["Maximum", boundOf(column, figures.max, masks)],
    ["Size in the files", figures.size === undefined ? null : bytes(figures.size)],
    ["Distinct", profile?.distinct === undefined ? null : `${profile.method && profile.method !== "exact" ? "about " : ""}${count(profile.distinct)}${profile.method ? ` (${profile.method})` : ""}`],
    ["Mean", profile?.mean === undefined ? null : decimal(profile.mean)],
    ["Length", longest === undefined || longest === null ? null : `${decimal(shortest ?? 0)} to ${decimal(longest)}${mean === null || mean === undefined ? "" : `, mean ${decimal(mean)}`}`],
    ...(profile?.quantiles ?? []).map(([part, value]) => [`${decimal(100 * part)} % are up to`, valueOf(value, masks)]),
    ...(column.facts ?? []).map(([name, value]) => [words(name), value]),
  ]);
  return shown && [shown, basis ? el("p.small.soft.after", `Nulls and bounds are ${basis}.`) : null];
}

function profileOf(column, name, masks) {
  const profile = column.profile;
  if (!profile) return null;
  const basis = profile.basis === "sample" ? `a sample of ${plural(profile.rows, "row")}` : profile.basis === "full" ? `all ${plural(profile.rows, "row")}` : "file footers";
  const parts = [];
  if (profile.histogram) parts.push(el("h3", `Distribution, from ${basis}`), histogram(profile.histogram, name));
  if (profile.top) {
    parts.push(el("h3", `Most frequent values, from ${basis}`));
    parts.push(lyingBars(profile.top.map(([value, number]) => [valueOf(value, masks), number, `${count(number)} · ${share(number, profile.rows)}`])));
  }
  return parts.length ? el("div.plots", parts) : null;
}

function tagReasons(tags, withColumn) {
  const sure = (tag) => (tag.confidence === undefined || tag.confidence === 1 ? "" : `, ${share(tag.confidence, 1)} sure`);
  return el("ul.quiet.reasons", tags.map((tag) => el("li", chip(tag.name), el("span", withColumn && tag.column ? [el("code", tag.column), " "] : null,
    tag.why ?? "", el("span.soft", ` · rule: ${tag.rule}${sure(tag)}`)))));
}

function details(column, name, head, masks) {
  const own = figuresOf(column, head, masks);
  const found = [
    column.text ? el("p.full.prose", say(column.text, { lines: true })) : null,
    column.tags ? el("div.full", el("h3", "Tags"), tagReasons(column.tags, true)) : null,
    own ? el("div", el("h3", "Figures"), own) : null,
    profileOf(column, name, masks),
    column.blame ? originOf(column.blame) : null,
  ].filter(Boolean);
  return el("div.detail", found.length ? found : none("Nothing more is known of this column."));
}

function columnRows(column, name, head, masks, id, fields) {
  const place = el("td", { colspan: String(fields.size + 1) }), more = el("tr.more", { id, hidden: true }, place);
  const button = el("button.name", { type: "button", "aria-expanded": "false", "aria-controls": id, onclick: () => open(more.hidden) }, name);
  function open(wanted) {
    if (wanted && !place.firstChild) place.append(details(column, name, head, masks));
    more.hidden = !wanted;
    button.setAttribute("aria-expanded", String(wanted));
  }
  const row = el("tr", FIELDS.filter((field) => fields.has(field.name)).map((field) => el(`td.${field.style}`, field.cell(column, head, masks))));
  const narrow = el("span.narrow", kindOf(column), chips(tagsOf(column)));
  row.prepend(el("th", { scope: "row" }, button, narrow));
  return { nodes: [row, more], open };
}

function schema(page, head, masks) {
  const names = head.columns ?? [], columns = page.columns ?? [];
  const shown = FIELDS.filter((field) => columns.some((column) => field.has(column))), fields = new Set(shown.map((field) => field.name));
  const rows = columns.map((column, i) => columnRows(column, names[i], head, masks, `column-${i}`, fields));
  let isOpen = false;
  const all = el("button.more-button", { type: "button", onclick: () => openAll(!isOpen) }, "Open all");
  function openAll(wanted) {
    isOpen = wanted;
    rows.forEach((row) => row.open(wanted));
    all.textContent = wanted ? "Close all" : "Open all";
  }
  const titles = shown.map((field) => el(`th.${field.style}`, { scope: "col" }, field.name));
  const header = el("thead", el("tr", el("th", { scope: "col" }, "Column"), titles));
  const table = el("div.scroll", { tabindex: "0", role: "region", "aria-label": "Columns" },
    el("table.schema", header, el("tbody", rows.flatMap((row) => row.nodes))));
  const title = names.length ? [`${plural(names.length, "column")} · `, all] : null;
  const node = section("schema", "Schema", title, names.length ? table : el("p.notice", "No columns: these files hold no table."));
  return { node, openAll };
}
