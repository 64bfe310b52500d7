// A dashboard as it was deployed, in CloudWatch's grid.
import { make, renew } from "./dom.js";
import { inline } from "./text.js";
import { graph, numbers } from "./chart.js";

// dashboard is the grid of a dashboard's widgets, of which keep may choose some. Its update draws what was asked for.
export function dashboard(keep = () => true) {
  const element = make("div", { class: "grid" });
  let shape = "", parts = [];
  return { element, update(drawn, state) {
    const widgets = drawn.widgets.filter(keep), form = JSON.stringify(widgets.map(w => [w.type, w.view, w.title, w.x, w.y, w.width, w.height]));
    if (form !== shape) {
      shape = form;
      parts = widgets.map(part);
      const top = Math.min(...widgets.map(w => w.y));
      parts.forEach((p, i) => place(p.element, widgets[i], top));
      element.replaceChildren(...parts.map(p => p.element));
    }
    parts.forEach((p, i) => p.update(widgets[i], drawn, state));
  } };
}

function place(element, w, top) {
  element.style.gridColumn = `${w.x + 1} / span ${w.width}`;
  element.style.gridRow = `${w.y - top + 1} / span ${w.height}`;
}

const part = w => w.type === "metric" ? (w.view === "singleValue" ? numbers : graph)(w.title) : { text, alarm, log }[w.type](w.title);

function text() {
  const element = make("div", { class: "widget text" }), inside = make("p");
  element.append(inside);
  return { element, update(w) { renew(inside, w.markdown, () => inline(w.markdown)); } };
}

// alarm shows the states of alarms: those that fire first, and what has no data last.
function alarm(title) {
  const chips = make("ul", { class: "chips" });
  const element = make("section", { class: "widget alarm" }, make("h3", {}, title), chips);
  return { element, update(w, drawn, state) {
    const known = new Map(state.alarms.map(a => [a.name, a]));
    const shown = w.alarms.map(name => known.get(name) ?? { name, state: "INSUFFICIENT_DATA" }).sort((a, b) => (b.state === "ALARM") - (a.state === "ALARM"));
    renew(chips, shown.map(a => [a.name, a.state]), () => shown.map(chip));
  } };
}

export const signs = { OK: "✓", ALARM: "▲", INSUFFICIENT_DATA: "?" };
const words = { OK: "is well", ALARM: "is in alarm", INSUFFICIENT_DATA: "has no data" };

function chip(a) {
  return make("li", {}, make("a", { href: "#alarm:" + a.name, "data-key": a.name, class: a.state === "ALARM" ? "firing" : "", title: words[a.state] },
    `${signs[a.state]} ${a.name}`, make("span", { class: "heard" }, " " + words[a.state])));
}

// log is a table of what Logs Insights would find.
function log(title) {
  const scroll = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title });
  const element = make("section", { class: "widget log" }, make("h3", {}, title), scroll);
  return { element, update(w) {
    renew(scroll, w.rows ?? [], () => {
      if (!w.rows?.length) return make("p", { class: "none" }, "Nothing was found yet.");
      const used = w.fields.map((f, i) => i).filter(i => w.rows.some(r => r[i]));
      return make("table", {}, make("thead", {}, make("tr", {}, used.map(i => make("th", { scope: "col" }, w.fields[i])))),
        make("tbody", {}, w.rows.map(r => make("tr", {}, used.map(i => make("td", { "data-field": w.fields[i] }, r[i]))))));
    });
  } };
}
