// The page of one table, made when somebody looks at it.

function rowsTile(head) {
  if (head.rows !== undefined) return tile("Rows", count(head.rows), "exact");
  if (!head.estimate) return tile("Rows", none("not counted"), null, true);
  const [rows, low, high] = head.estimate;
  return tile("Rows", roughly(rows), `estimated, ${count(low)} to ${count(high)}`);
}

function tilesOf(head, page) {
  const partitions = page.partitions;
  return el("dl.tiles", rowsTile(head),
    tile("Size", bytes(head.size)),
    tile("Objects", count(head.objects), partitions ? plural(partitions.count, "partition") : null),
    tile("Format", head.format, null, true),
    tile("Newest object", head.newest ? head.newest.slice(0, 10) : none("unknown"), head.newest?.slice(11), true));
}

function notices(page) {
  const warnings = (page.warnings ?? []).map((text) => el("p.notice.warn", text));
  const conflicts = (page.conflicts ?? []).map(([column, expected, found, resolved, key]) => el("p.notice.warn",
    "Column ", el("code", column), " is ", el("code", expected), " and ", el("code", found), "; it became ", el("code", resolved),
    el("span.soft", "because of ", el("code", key))));
  const all = [...warnings, ...conflicts];
  return all.length ? section("warnings", "Warnings", null, all) : null;
}

function about(page) {
  const people = (page.owners ?? []).join(", ");
  if (!page.text && !people && !page.tags) return null;
  return section("about", "About", null,
    page.text ? el("p.prose", say(page.text, { lines: true })) : null,
    people ? el("p.after", el("span.soft", "Owned by "), people) : null,
    page.tags ? el("div.after", tagReasons(page.tags, true)) : null);
}

function partitions(page) {
  const { names, count: total, chart, list } = page.partitions;
  const counted = list.some((entry) => entry[4] !== null);
  const header = el("tr", names.map((name) => el("th", { scope: "col" }, name)), counted ? el("th.number", { scope: "col" }, "Rows") : null,
    el("th.number", { scope: "col" }, "Objects"), el("th.number", { scope: "col" }, "Size"), el("th.number.extra", { scope: "col" }, "Newest object"));
  const rows = list.map(([values, objects, size, newest, rows]) => el("tr", values.map((value) => el("td", value ?? none("null"))),
    counted ? el("td.number", rows === null ? none("unknown") : count(rows)) : null, el("td.number", count(objects)), el("td.number", bytes(size)), el("td.number.extra", newest ?? none("unknown"))));
  const label = total > list.length ? `The ${chart.kind === "largest" ? "largest" : "newest"} ${count(list.length)} of ${plural(total, "partition")}` : `All ${plural(total, "partition")}`;
  const table = el("details.after", el("summary", chart.kind === "number" ? label.replace("newest", "last") : label),
    el("div.scroll", { tabindex: "0", role: "region", "aria-label": "Partitions" }, el("table", el("thead", header), el("tbody", rows))));
  return section("partitions", "Partitions", plural(total, "partition"), el("div.panel", partitionChart(chart, total)), table);
}

function cellOf(value, masks) {
  if (value === null) return none("null");
  return typeof value === "object" ? el("code", valueOf(value.json, masks)) : valueOf(value, masks);
}

function sample(page, head, masks) {
  const { withheld, columns, rows, masked, count: total } = page.sample;
  if (withheld !== undefined) return section("sample", "Sample", null, el("p.notice", "No rows are shown: ", withheld));
  const types = new Map((head.columns ?? []).map((name, i) => [name, page.columns?.[i]?.type ?? ""]));
  const style = columns.map((name) => (NUMERIC.test(types.get(name) ?? "") ? "number" : null));
  const header = el("tr", columns.map((name, i) => el(style[i] ? "th.number" : "th", { scope: "col" }, name)));
  const body = rows.map((row) => el("tr", row.map((value, i) => el(style[i] && value !== null ? "td.number" : "td", cellOf(value, masks)))));
  const shown = total > rows.length ? `${rows.length} of ${plural(total, "row")}` : plural(rows.length, "row");
  return section("sample", "Sample", shown,
    el("div.scroll", { tabindex: "0", role: "region", "aria-label": "Sample rows" }, el("table.sample", el("thead", header), el("tbody", body))),
    masked.length ? el("p.small.soft.after", el("mark.masked", "Masked"), " before it was stored: ", el("code", masked.join(", "))) : null);
}

function files(page) {
  const profile = page.files;
  const sizes = profile ? [
    ["File sizes", `${bytes(profile.smallest)} to ${bytes(profile.largest)}, median ${bytes(profile.median)}`],
    ["Small files", `${count(profile.small)} below ${bytes(profile.smallBytes)}`],
    ["Largest partition", profile.skew === undefined ? null : `${decimal(profile.skew)} times the mean`],
  ] : [];
  const details = (page.details ?? []).map(([name, value]) => [words(name), value]);
  const keys = page.keys ?? [], left = page.keyCount - keys.length;
  const read = keys.length ? [["Schema read from", el("ul.quiet", keys.map((key) => el("li", el("code", key))), left > 0 ? el("li.soft", `and ${count(left)} more`) : null)]] : [];
  const shown = facts([...sizes, ...details, ...read]);
  return shown ? section("files", "Files", null, el("div.panel", shown)) : null;
}

function evidence([rule, reason, otherwise]) {
  return section("evidence", "Why these files are one table", null,
    el("div.panel", facts([["Rule", rule], ["Because", reason], ["Otherwise", otherwise]])));
}

function allTags(page, head) {
  const tagged = (page.columns ?? []).flatMap((column, i) => (column.tags ?? []).map((tag) => ({ ...tag, column: tag.column ?? head.columns[i] })));
  return tagged.length ? section("tags", "Tagged columns", plural(tagged.length, "tag"), el("div.panel", tagReasons(tagged, true))) : null;
}

// The article of a table: its nodes, and how to open all that is folded (for print).
function tablePage(page, head, masks, address) {
  const columns = schema(page, head, masks);
  const parts = [about(page), notices(page), columns.node, page.partitions ? partitions(page) : null, sample(page, head, masks),
    allTags(page, head), files(page), evidence(page.evidence)].filter(Boolean);
  const jump = el("nav.jump", { "aria-label": "On this page" },
    parts.map((part) => el("a", { href: `${address}/${part.id}` }, part.getAttribute("aria-label"))));
  const top = el("div.top", el("a.back", { href: "#" }, "← All tables"), el("h1", { tabindex: "-1" }, head.name), el("code.soft", head.location),
    head.tags ? chips(head.tags) : null);
  return { nodes: [top, tilesOf(head, page), jump, ...parts], openAll: columns.openAll };
}
