// Alarms, and the stream of decisions.
import { make, renew, count } from "./dom.js";
import { signs } from "./dashboard.js";

const urgency = { page: "page: somebody looks now", ticket: "ticket: can wait for a working day", part: "part of another alarm", wake: "wakes a control loop" };
const tones = { page: "bad", ticket: "warn", part: "rest", wake: "rest" };

export const firing = (state, ...severities) => state.alarms.filter(a => a.state === "ALARM" && severities.includes(a.severity));

// alarms is a list of those alarms of a state that choose chooses; full tells of each what it means.
export function alarms(title, none, choose) {
  const list = make("ul", { class: "list" }), element = make("section", { class: "card" }, make("h3", {}, title), list);
  return { element, update(state) {
    const chosen = choose(state);
    renew(list, chosen, () => chosen.length ? chosen.map(item) : make("li", { class: "none" }, none));
  } };
}

function item(a) {
  const tone = a.state === "ALARM" ? tones[a.severity] : a.state === "OK" ? "good" : "rest";
  return make("li", { id: "alarm-" + a.name },
    make("div", { class: "row" }, make("span", { class: "name " + tone }, `${signs[a.state]} ${a.name}`), make("span", { class: "badge soft" }, urgency[a.severity] ?? "")),
    make("p", {}, a.meaning),
    make("p", { class: "soft" }, `${a.state === "INSUFFICIENT_DATA" ? "no data" : a.state.toLowerCase()} since ${a.since}${a.fired ? `; fired ${count(a.fired, "time")}` : ""}. `,
      a.heading ? make("a", { href: "#runbook:" + a.heading, "data-key": "runbook " + a.name }, "Runbook", make("span", { class: "heard" }, ": " + a.name)) : ""));
}

const kinds = { decision: ["decided", "good"], alarm: ["▲ alarm", "bad"], fault: ["⚡ fault", "warn"], problem: ["✕ problem", "bad"], event: ["event", "rest"] };

// stream is the list of decisions and happenings, the newest first.
export function stream(title) {
  const list = make("ol", { class: "list" }), element = make("section", { class: "card", tabindex: "0", "aria-label": title }, make("h3", {}, title), list);
  return { element, update(told) {
    renew(list, told, () => told.length ? told.map(entry) : make("li", { class: "none" }, "Nothing has happened yet."));
  } };
}

function entry(e) {
  const over = e.kind === "alarm" && / to OK: /.test(e.text);
  const [kind, tone] = over ? ["✓ alarm", "good"] : kinds[e.kind] ?? [e.kind, "rest"], cut = e.text.indexOf(", because ");
  const [what, why] = e.kind === "decision" && cut > 0 ? [e.text.slice(0, cut), e.text.slice(cut + 2)] : [e.text, ""];
  return make("li", {}, make("time", {}, e.at), make("span", { class: "kind " + tone }, kind), what, why ? make("p", { class: "soft" }, why) : "");
}
