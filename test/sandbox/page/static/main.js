// The page's views, and the figures that come each second.
import { make, renew, count } from "./dom.js";
import { markdown } from "./text.js";
import { dashboard } from "./dashboard.js";
import { fleet } from "./fleet.js";
import { alarms, stream, firing } from "./lists.js";

const byId = id => document.getElementById(id);
const ask = async path => {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(await answer.text());
  return answer;
};
const figures = async path => (await ask(path)).json();

let state = null, view = null, address = null, span = null;

const spans = { "1h": "1 hour", "3h": "3 hours", "12h": "12 hours", all: "everything" };

// Views by the first word of their address. Each has a title, an element, and draws itself each second.
const makers = { now, alarms: allAlarms, alarm: allAlarms, decisions, runbook, dashboards };

function now() {
  const picture = fleet(), list = stream("Decisions and happenings, newest first"), graphs = dashboard(w => w.type === "metric");
  const on = alarms("Alarms that are on", "✓ None: users are well.", s => firing(s, "page", "ticket"));
  const failures = make("section", { class: "card" });
  return {
    title: "The fleet now",
    element: make("div", { class: "stack" }, failures, make("div", { class: "columns" }, make("div", { class: "stack" }, picture.element), make("div", { class: "aside" }, make("div", { class: "stack" }, on.element, list.element))),
      make("section", {}, make("h2", {}, "How users are"), graphs.element)),
    async update() {
      const reasons = state.verdict.failures ?? [];
      failures.hidden = reasons.length === 0;
      renew(failures, reasons, () => [make("h3", { class: "bad" }, "✕ Why the run failed"), make("ul", { class: "list" }, reasons.map(r => make("li", {}, r)))]);
      picture.update(state); on.update(state); list.update(state.told.slice(0, 16));
      graphs.update(await figures(`dashboard.json?span=${span ?? "all"}&name=${encodeURIComponent(state.dashboards[0].name)}`), state);
    },
  };
}

function allAlarms() {
  const list = alarms("Every alarm, those that are on first", "None is deployed.", s => s.alarms);
  return { title: "Alarms", element: list.element, async update() { list.update(state); } };
}

function decisions() {
  const list = stream("What was decided and why, and what happened, newest first");
  return { title: "Decisions", element: list.element, async update() { list.update(await figures("told.json")); } };
}

function runbook() {
  const element = make("article", { class: "card prose" });
  let filled = false;
  return { title: "Runbook", element, async update() {
    if (filled) return;
    filled = true;
    element.replaceChildren(...markdown(await (await ask("runbook.md")).text()));
  } };
}

function dashboards(name) {
  const title = state.dashboards.find(d => d.name === name);
  const widgets = dashboard(), buttons = make("fieldset", {}, make("legend", {}, "The last"));
  const own = () => span ?? title?.span ?? "3h";
  const press = () => { for (const b of buttons.querySelectorAll("button")) b.setAttribute("aria-pressed", String(b.dataset.span === own())); };
  for (const [key, text] of Object.entries(spans)) {
    const button = make("button", { type: "button", "data-span": key }, text);
    button.addEventListener("click", () => { span = key; press(); refresh(); });
    buttons.append(button);
  }
  press();
  return {
    title: "Dashboard " + (title?.title ?? name),
    element: make("div", {}, make("div", { class: "tools" }, make("h2", {}, title?.title ?? name), make("span", { class: "soft" }, name + ", as deployed"), buttons), widgets.element),
    async update() { widgets.update(await figures(`dashboard.json?span=${own()}&name=${encodeURIComponent(name)}`), state); },
  };
}

// parsed is an address in its two parts; CloudWatch's own links have the form #dashboards:name=NAME.
function parsed() {
  const [kind, rest = ""] = decodeURIComponent(location.hash.slice(1)).split(/:(.*)/s);
  return makers[kind] ? { kind, rest: rest.replace(/^name=/, "") } : { kind: "now", rest: "" };
}

async function show() {
  const to = parsed(), key = to.kind === "dashboards" ? to.kind + to.rest : to.kind.replace(/^alarm$/, "alarms");
  if (key !== address) {
    address = key;
    view = makers[to.kind](to.rest);
    byId("title").textContent = view.title;
    byId("content").replaceChildren(view.element);
    scrollTo(0, 0);
  }
  header();
  await view.update();
  document.title = `${view.title} · jitsi-fleet sandbox`;
  document.documentElement.dataset.shown = location.hash;
}

// reach moves to what an address names inside its view.
function reach() {
  const to = parsed(), target = to.rest && byId(`${to.kind}-${to.rest}`);
  if (!target) return;
  target.setAttribute("tabindex", "-1");
  target.scrollIntoView({ block: "center" });
  target.focus({ preventScroll: true });
}

function header() {
  byId("name").textContent = state.name;
  byId("time").textContent = `${state.now} of the scenario's day, ${state.factor} times as fast`;
  const [text, tone] = wellness();
  byId("well").className = tone;
  if (byId("well").textContent !== text) byId("well").textContent = text;
  const bridges = state.fleet.shards.flatMap(s => s.bridges), recorders = state.fleet.recorders ?? [];
  const rows = [["participants", state.participants], ["rooms", state.rooms], ["bridges serve", bridges.filter(b => b.phase === "serving").length]];
  if (recorders.length) rows.push(["recorders free", recorders.filter(r => r.phase === "free").length], ["recording", recorders.filter(r => r.phase === "recording").length]);
  rows.push(["dropped by the fleet", state.dropped]);
  renew(byId("figures"), rows, () => rows.map(([name, n]) => make("div", {}, make("dt", {}, name), make("dd", {}, String(n)))));
  links();
}

function wellness() {
  if (state.verdict.over) return state.verdict.failures?.length ? [`✕ The run failed: ${count(state.verdict.failures.length, "reason")}`, "bad"] : ["✓ The run is over and passed", "good"];
  const pages = firing(state, "page").length, tickets = firing(state, "ticket").length;
  if (pages) return [`▲ ${count(pages, "page")}: somebody looks now`, "bad"];
  return tickets ? [`△ ${count(tickets, "ticket")}: users are well`, "warn"] : ["✓ No alarm: users are well", "good"];
}

function links() {
  const to = parsed(), on = firing(state, "page", "ticket").length;
  const all = [["now", "Fleet"], ["alarms", "Alarms"], ["decisions", "Decisions"], ["runbook", "Runbook"]].concat(state.dashboards.map(d => ["dashboards:name=" + d.name, d.title]));
  const here = to.kind === "dashboards" ? "dashboards:name=" + to.rest : to.kind.replace(/^alarm$/, "alarms");
  renew(byId("views"), [all, here, on], () => all.map(([path, title], i) => make("li", { class: i === 4 ? "first" : "" },
    make("a", { href: "#" + path, "data-key": path, "aria-current": path === here ? "page" : undefined }, title,
      path === "alarms" && on ? make("span", { class: "count" }, "▲ " + on) : ""))));
  const bar = byId("views"), current = bar.querySelector("[aria-current]");
  if (bar.dataset.here === here) return;
  bar.dataset.here = here;
  bar.scrollLeft = current.offsetLeft - (bar.clientWidth - current.offsetWidth) / 2;
}

let asking = false;

async function refresh() {
  if (asking) return;
  asking = true;
  try {
    state = await figures("state.json");
    await show();
  } catch (problem) {
    byId("well").className = "rest";
    byId("well").textContent = problem instanceof TypeError && problem.message.includes("fetch") ? "The sandbox has ended" : String(problem);
  } finally { asking = false; }
}

byId("skip").addEventListener("click", e => { e.preventDefault(); byId("main").focus(); });
addEventListener("hashchange", async () => { if (state) { await show(); reach(); } });
refresh().then(reach);
setInterval(() => { if (!document.hidden) refresh(); }, 1000);
