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

function typeOf(column) {
  return el("code.kind", column.type);
}

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
  const bound = (text) => (text === undefined ? null : [figures.around ? "about " : null, valueOf(text[0], masks)]);
  const whole = figures.of ?? (figures.partial ? undefined : head.rows);
  const nulls = figures.nulls === undefined ? null : `${count(figures.nulls)}${whole === undefined ? "" : ` of ${count(whole)} rows`}`;
  return facts([
    ["Type in the file", column.source ? el("code", column.source) : null],
    ["Comes", column.origin],
    ["Nulls", nulls], ["Minimum", bound(figures.min)], ["Maximum", bound(figures.max)],
    ["Size in the files", figures.size === undefined ? null : bytes(figures.size)],
    ["These are", figures.partial ? "of the files that were read alone" : BASES[figures.basis]],
    ["Distinct", profile?.distinct === undefined ? null : `${profile.method && profile.method !== "exact" ? "about " : ""}${count(profile.distinct)}${profile.method ? ` (${profile.method})` : ""}`],
    ["Mean", profile?.mean === undefined ? null : decimal(profile.mean)],
    ["Length", longest === undefined || longest === null ? null : `${decimal(shortest ?? 0)} to ${decimal(longest)}${mean === null || mean === undefined ? "" : `, mean ${decimal(mean)}`}`],
    ...(profile?.quantiles ?? []).map(([part, value]) => [`${decimal(100 * part)} % are up to`, valueOf(value, masks)]),
    ...(column.facts ?? []).map(([name, value]) => [words(name), value]),
  ]);
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
  return el("ul.quiet.tags", tags.map((tag) => el("li", chip(tag.name), " ", withColumn && tag.column ? [el("code", tag.column), " "] : null,
    el("span", tag.why ?? ""), el("span.soft", ` — ${tag.rule}${tag.confidence === undefined ? "" : `, ${share(tag.confidence, 1)} sure`}`))));
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

function columnRows(column, name, head, masks, id) {
  const figures = column.figures ?? {}, place = el("td", { colspan: "7" }), more = el("tr.more", { id, hidden: true }, place);
  const button = el("button.name", { type: "button", "aria-expanded": "false", "aria-controls": id, onclick: () => open(more.hidden) }, name);
  function open(wanted) {
    if (wanted && !place.firstChild) place.append(details(column, name, head, masks));
    more.hidden = !wanted;
    button.setAttribute("aria-expanded", String(wanted));
  }
  const bound = (text) => el("td.extra.bound", text === undefined ? null : [figures.around ? "about " : null, valueOf(text[0], masks)]);
  const tags = [...new Set((column.tags ?? []).map((tag) => tag.name))];
  const row = el("tr",
    el("th", { scope: "row" }, button),
    el("td", typeOf(column), column.required ? el("span.small.soft", " not null") : null, column.origin ? el("span.small.soft", ` ${column.origin}`) : null),
    el("td.number", nullsOf(figures, head)),
    bound(figures.min), bound(figures.max),
    el("td.number.extra", figures.size === undefined ? null : bytes(figures.size)),
    el("td", chips(tags)));
  return { nodes: [row, more], open };
}

function schema(page, head, masks) {
  const names = head.columns ?? [], columns = page.columns ?? [];
  const rows = columns.map((column, i) => columnRows(column, names[i], head, masks, `column-${i}`));
  let isOpen = false;
  const all = el("button.more-button", { type: "button", onclick: () => openAll(!isOpen) }, "Open all");
  function openAll(wanted) {
    isOpen = wanted;
    rows.forEach((row) => row.open(wanted));
    all.textContent = wanted ? "Close all" : "Open all";
  }
  const titles = [["Column"], ["Type"], ["Nulls", "number"], ["Min", "extra"], ["Max", "extra"], ["Size", "number.extra"], ["Tags"]];
  const header = el("thead", el("tr", titles.map(([title, style]) => el(style ? `th.${style}` : "th", { scope: "col" }, title))));
  const table = el("div.scroll", { tabindex: "0", role: "region", "aria-label": "Columns" },
    el("table.schema", header, el("tbody", rows.flatMap((row) => row.nodes))));
  const title = names.length ? [`${plural(names.length, "column")} · `, all] : null;
  const node = section("schema", "Schema", title, names.length ? table : el("p.notice", "No columns: these files hold no table."));
  return { node, openAll };
}
