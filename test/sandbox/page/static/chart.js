// Graphs and large numbers over time.
import { make, draw, figure, timeOfDay } from "./dom.js";

// Lines differ by colour, by dashes and by the mark at their end.
const dashes = ["", "7 3", "2 3", "9 3 2 3", "", "7 3", "2 3", "9 3 2 3"];
const marks = ["M-3.5-3.5h7v7h-7z", "M0-4.5L4.5 3.5h-9z", "M0-4.5L4.5 0 0 4.5-4.5 0z", "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z"];
const colours = 8;

// longest is how many periods without data a line bridges.
const longest = 3;

// graph is a widget of lines. Its update draws it; the arrow keys and the pointer read it at a time.
export function graph(title) {
  const when = make("span", { class: "when" }), legend = make("ul", { class: "legend" }), svg = draw("svg", { "aria-hidden": "true" });
  const plot = make("div", { class: "plot", tabindex: "0", role: "img" }, svg);
  const element = make("figure", { class: "widget chart" }, make("h3", {}, make("span", {}, title), when), plot, legend);
  let widget, frame, ends = [0, 1], at = null;

  const redraw = () => {
    const i = at ?? frame.n - 1;
    when.textContent = at === null ? "" : timeOfDay(frame.from + i * frame.step);
    legend.replaceChildren(...widget.lines.map((l, k) => entry(l, k, at === null ? latest(l.values) : l.values[at])), ...limits(widget));
    const said = widget.lines.map((l, k) => `${l.label} ${figure(at === null ? latest(l.values) : l.values[at], l.unit)}`).join(", ");
    ends = paint(svg, plot, widget, frame, at) ?? ends; // last, for the legend takes its room first
    plot.setAttribute("aria-label", `${title}${at === null ? "" : " at " + when.textContent}: ${said}. Arrow keys read it at a time.`);
  };
  const move = to => { at = to === null ? null : Math.max(0, Math.min(frame.n - 1, to)); redraw(); };

  plot.addEventListener("pointermove", e => {
    const [left, right] = ends;
    move(Math.round((e.clientX - plot.getBoundingClientRect().left - left) / (right - left) * (frame.n - 1)));
  });
  plot.addEventListener("pointerleave", () => move(null));
  plot.addEventListener("blur", () => move(null));
  plot.addEventListener("keydown", e => {
    const now = at ?? frame.n - 1;
    const to = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: frame.n - 1, Escape: null }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    move(to);
  });
  new ResizeObserver(() => { if (frame) redraw(); }).observe(plot);
  return { element, update(w, f) { if (frame && at !== null) at = Math.max(0, Math.min(f.n - 1, at + Math.round((frame.from - f.from) / f.step))); widget = w; frame = f; redraw(); } };
}

// latest is the last figure of a line that is not older than it may be.
function latest(values) {
  return values.slice(-longest - 1).findLast(v => v !== null) ?? null;
}

function entry(line, k, value) {
  const swatch = draw("svg", { class: "s" + k % colours, viewBox: "0 0 26 10", "aria-hidden": "true" },
    draw("path", { class: "curve", d: "M0 5H26", "stroke-dasharray": dashes[k % colours] }), mark(k, 13, 5));
  return make("li", {}, swatch, line.label, make("b", {}, figure(value, line.unit)));
}

const mark = (k, x, y) => draw("path", { class: "mark", d: marks[k % marks.length], transform: `translate(${x} ${y})` });

function limits(widget) {
  return (widget.limits ?? []).map(l => make("li", { class: "bad" }, `- - ${l.label}:`, make("b", {}, figure(l.value, widget.lines[0]?.unit))));
}

// axes are a graph's scales, the left one and, if a line is on it, the right one.
function axes(widget, drawn, height) {
  return [false, true].map(side => {
    const mine = drawn.filter(c => c.right === side), limits = side ? [] : widget.limits ?? [];
    if (mine.length === 0) return { mine, limits, ticks: [], labels: [], room: 10 };
    const scale = scaleOf(mine, limits, height, mine[0].unit), labels = scale.ticks.map(v => figure(v, mine[0].unit));
    return { mine, limits, ...scale, labels, room: 12 + 6.6 * Math.max(3, ...labels.map(l => l.length)) };
  });
}

// paint draws everything, and returns where the time axis begins and ends.
function paint(svg, plot, widget, frame, at) {
  const width = plot.clientWidth, height = plot.clientHeight;
  if (width === 0) return null;
  const drawn = curves(widget), both = axes(widget, drawn, height), left = both[0].room, right = width - both[1].room;
  const top = 8, bottom = height - 18, parts = [];
  const x = i => left + (right - left) * i / Math.max(1, frame.n - 1);
  both.forEach((axis, side) => {
    const y = v => bottom - (bottom - top) * v / axis.most;
    axis.ticks.forEach((v, i) => {
      if (!side) parts.push(draw("line", { class: "rule", x1: left, x2: right, y1: y(v), y2: y(v) }));
      parts.push(draw("text", { x: side ? right + 7 : left - 7, y: y(v) + 4, "text-anchor": side ? "start" : "end" }, axis.labels[i]));
    });
    for (const c of axis.mine) { c.y = y; parts.push(...curve(c, x, y)); }
    for (const l of axis.limits) if (l.value <= axis.most) parts.push(draw("line", { class: "limit", x1: left, x2: right, y1: y(l.value), y2: y(l.value) }));
  });
  parts.push(...times(frame, x, left, right, height));
  if (at !== null) {
    parts.push(draw("line", { class: "cursor", x1: x(at), x2: x(at), y1: top, y2: bottom }));
    for (const c of drawn) if (c.tops[at] !== null) parts.push(draw("g", { class: "s" + c.k % colours }, mark(c.k, x(at), c.y(c.tops[at]))));
  }
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren(...parts);
  return [left, right];
}

// curves are the lines with their tops and, of those that are stacked, their feet.
function curves(widget) {
  let feet = null;
  return widget.lines.map((line, k) => {
    const values = widget.stacked ? carried(line.values) : line.values;
    const tops = widget.stacked ? values.map((v, i) => v + (feet ? feet[i] : 0)) : values;
    const c = { k, right: Boolean(line.right), unit: line.unit, tops, feet: widget.stacked ? feet ?? tops.map(() => 0) : null };
    if (widget.stacked) feet = tops;
    return c;
  });
}

// carried stands a missing figure for by the one before it, for as long as a line would bridge it.
function carried(values) {
  let last = 0, age = 0;
  return values.map(v => {
    if (v !== null) { last = v; age = 0; } else if (++age > longest) last = 0;
    return last;
  });
}

// scaleOf is the height of an axis and its ticks. A limit far above all lines stays out of the picture.
function scaleOf(lines, limits, height, unit) {
  const highest = Math.max(0, ...lines.flatMap(c => c.tops).filter(v => v !== null));
  const near = limits.map(l => l.value).filter(v => v <= 3 * highest || highest === 0 && v <= 1);
  const wanted = Math.max(highest, ...near) || 1, base = unit === "Seconds" && wanted >= 120 ? (wanted < 7200 ? 60 : 3600) : 1;
  const rough = wanted / (height < 110 ? 2 : 3), power = base * 10 ** Math.floor(Math.log10(rough / base)), step = [1, 2, 2.5, 5, 10].map(f => f * power).find(s => s >= rough - 1e-12);
  const ticks = [];
  for (let i = 0; i * step < wanted + step - 1e-9; i++) ticks.push(Number((i * step).toPrecision(10)));
  return { most: ticks.at(-1), ticks };
}

// curve is a line with its area and the mark at its end.
function curve(c, x, y) {
  const runs = [];
  let run = [], gap = 0;
  c.tops.forEach((v, i) => {
    if (v === null) { gap++; return; }
    if (gap > longest && run.length) { runs.push(run); run = []; }
    gap = 0;
    run.push(i);
  });
  if (run.length) runs.push(run);
  const parts = [], group = draw("g", { class: "s" + c.k % colours });
  for (const r of runs) {
    const line = r.map(i => `${x(i).toFixed(1)} ${y(c.tops[i]).toFixed(1)}`);
    if (c.feet) parts.push(draw("path", { class: "area", d: `M${line.join("L")}L${[...r].reverse().map(i => `${x(i).toFixed(1)} ${y(c.feet[i]).toFixed(1)}`).join("L")}Z` }));
    parts.push(draw("path", { class: "curve", d: "M" + line.join("L"), "stroke-dasharray": dashes[c.k % colours] }));
    if (r.length === 1) parts.push(mark(c.k, x(r[0]), y(c.tops[r[0]])));
  }
  const last = runs.at(-1)?.at(-1);
  if (last !== undefined) parts.push(mark(c.k, x(last), y(c.tops[last])));
  group.append(...parts);
  return [group];
}

// times are the marks of the time axis.
function times(frame, x, left, right, height) {
  const span = (frame.n - 1) * frame.step, most = Math.max(1, Math.floor((right - left) / 64));
  const step = [300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 43200].find(s => span / s <= most) ?? 86400;
  const parts = [];
  for (let t = Math.ceil(frame.from / step) * step; t <= frame.from + span; t += step) {
    const at = x((t - frame.from) / frame.step);
    parts.push(draw("line", { class: "rule", x1: at, x2: at, y1: height - 18, y2: height - 14 }));
    if (at > left + 8 && at < right - 8) parts.push(draw("text", { x: at, y: height - 3, "text-anchor": "middle" }, timeOfDay(t)));
  }
  return parts;
}

// numbers is a widget of each line's last figure, large, with how it came about.
export function numbers(title) {
  const list = make("ul", { class: "numbers" });
  const element = make("figure", { class: "widget number" }, make("h3", {}, title), list);
  return { element, update(widget, frame) {
    list.replaceChildren(...widget.lines.map((l, k) => make("li", { class: "s" + k % colours }, make("span", { class: "soft" }, l.label),
      make("b", {}, figure(latest(l.values), l.unit)), spark(l, frame))));
  } };
}

function spark(line, frame) {
  const most = Math.max(1e-9, ...line.values.filter(v => v !== null));
  const points = line.values.flatMap((v, i) => v === null ? [] : [`${(100 * i / Math.max(1, frame.n - 1)).toFixed(1)} ${(22 - 20 * v / most).toFixed(1)}`]);
  const path = draw("path", { class: "curve", d: points.length ? "M" + points.join("L") : "M0 22", "vector-effect": "non-scaling-stroke" });
  return make("div", { class: "plot" }, draw("svg", { viewBox: "0 0 100 24", preserveAspectRatio: "none", "aria-hidden": "true" }, path));
}
