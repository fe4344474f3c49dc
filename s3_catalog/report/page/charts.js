// Bars, drawn by code: upright ones over an axis, lying ones with their names.

let figures = 0;

// Upright bars: `bars` are [position, name, number], positions run from 0 to `length`. What no bar stands for is empty.
function uprightBars({ bars, length, title, description, format, low = false }) {
  const most = Math.max(1, ...bars.map((bar) => Number(bar[2]))), id = `figure-${(figures += 1)}`;
  const width = 10, gap = length > 90 ? 1.5 : 2.5;
  const drawn = bars.map(([position, name, number]) => {
    const height = Number(number) > 0 ? Math.max(1.5, (100 * Number(number)) / most) : 0;
    return svg("g",
      svg("title", `${name}: ${format(number)}`),
      svg("rect", { class: "back", x: position * width, y: 0, width, height: 100 }),
      svg("rect", { x: position * width + gap / 2, y: 100 - height, width: width - gap, height }));
  });
  return svg("svg",
    { class: low ? "plot low" : "plot", viewBox: `0 0 ${length * width} 100`, preserveAspectRatio: "none", role: "img", "aria-labelledby": `${id}-title ${id}-text` },
    svg("title", { id: `${id}-title` }, title), svg("desc", { id: `${id}-text` }, description), drawn);
}

function axis(...labels) {
  return el("div.axis", labels.map((label) => el("span", label)));
}

// Lying bars: `items` are [name, number, text].
function lyingBars(items) {
  const most = Math.max(1, ...items.map((item) => Number(item[1])));
  return el("ul.rank", items.map(([name, number, text]) => {
    const fill = el("span.fill");
    fill.style.width = `${(100 * Number(number)) / most}%`;
    return el("li", el("span.clip", name), el("span.track", { "aria-hidden": "true" }, fill), el("span.number", text));
  }));
}

// A choice between ways to draw one figure; `draw(name)` gives the nodes.
function chooser(names, draw, caption) {
  const place = el("div"), buttons = names.map((name) => el("button", { type: "button", onclick: () => choose(name) }, name));
  function choose(chosen) {
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(names[i] === chosen)));
    place.replaceChildren(...draw(chosen));
  }
  choose(names[0]);
  return el("figure", el("figcaption", caption, el("span.choice", buttons)), place);
}

function partitionChart(chart, total) {
  const at = { Size: 3, Objects: 2 }, formats = { Size: bytes, Objects: count };
  const names = chart.bars.some((bar) => Number(bar[3]) > 0) ? ["Size", "Objects"] : ["Objects", "Size"];
  if (chart.kind === "largest") {
    const draw = (name) => [lyingBars(chart.bars.map((bar) => [bar[1], bar[at[name]], formats[name](bar[at[name]])]))];
    return chooser(names, draw, el("span", chart.left ? `The ${chart.bars.length} largest of ${count(total)}` : "Largest first"));
  }
  const step = chart.unit ? `per ${chart.unit}` : "by value";
  const draw = (name) => {
    const bars = chart.bars.map((bar) => [bar[0], bar[1], bar[at[name]]]), format = formats[name];
    const most = bars.reduce((top, bar) => (Number(bar[2]) > Number(top[2]) ? bar : top));
    const first = chart.bars[0][1].split(" to ")[0], last = chart.bars.at(-1)[1].split(" to ").at(-1);
    const title = `${name} ${step} of ${chart.by}`, empty = chart.length - chart.bars.length;
    const description = `From ${first} to ${last}. Most: ${format(most[2])} at ${most[1]}. Steps without any: ${empty}.`;
    const labels = chart.length > 1 ? axis(first, last) : axis(first);
    return [el("div.ceiling", format(most[2])), uprightBars({ bars, length: chart.length, title, description, format }), labels];
  };
  const left = chart.left ? `; ${count(chart.left)} not drawn: no value, or a year before 1900 or after 2100` : "";
  return chooser(names, draw, el("span", `${step[0].toUpperCase()}${step.slice(1)} of `, el("code", chart.by), left));
}

function histogram(bars, name) {
  const sums = bars.map(([low, high, number], i) => [i, `${low} to ${high}`, number]);
  const most = sums.reduce((top, bar) => (Number(bar[2]) > Number(top[2]) ? bar : top));
  const description = `From ${bars[0][0]} to ${bars.at(-1)[1]}. Most: ${count(most[2])} at ${most[1]}.`;
  return el("figure", el("div.ceiling", plural(most[2], "value")),
    uprightBars({ bars: sums, length: bars.length, title: `Histogram of ${name}`, description, format: (n) => plural(n, "value"), low: true }),
    axis(bars[0][0], bars.at(-1)[1]));
}
