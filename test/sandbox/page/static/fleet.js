// The fleet as a picture: shards with their bridges and rooms, recorders, HAProxy nodes.
import { make, renew, count } from "./dom.js";

// mostRooms is how many rooms of a shard are drawn; the rest is counted.
const mostRooms = 60;

// fleet is the picture; its update draws a state.
export function fleet() {
  const shards = make("div", { class: "stack" }), nodes = make("section", { class: "card" }), recorders = make("section", { class: "card" });
  const element = make("div", { class: "stack" }, shards, recorders, nodes);
  return { element, update(state) {
    const f = state.fleet;
    renew(shards, f.shards, () => f.shards.map(s => shard(s, state.overload)));
    recorders.hidden = !f.recorders?.length;
    renew(recorders, f.recorders, () => recordersOf(f.recorders ?? []));
    renew(nodes, f.slots, () => slotsOf(f.slots ?? []));
  } };
}

const tail = id => id.slice(-5);
const share = v => Math.round(100 * v) + " %";

// summary is how many there are of each phase, such as "6 serving, 1 booting".
function summary(list) {
  const by = new Map();
  for (const one of list) by.set(one.phase, (by.get(one.phase) ?? 0) + 1);
  return [...by].map(([phase, n]) => `${n} ${phase}`).join(", ") || "none";
}

function shard(s, overload) {
  const [sign, tone] = !s.serves ? ["▲ no signal node in service", "bad"] : s.state === "ready" ? ["✓ ready", "good"] : [`◐ ${s.state}`, "warn"];
  return make("section", { class: "card" },
    make("div", { class: "row" }, make("h3", {}, s.name), make("span", { class: "badge " + tone }, sign),
      make("span", { class: "soft" }, `${count(s.participants, "participant")} in ${count(s.rooms.length, "room")}`)),
    make("div", { class: "part row" }, make("h4", {}, "Bridges: stress and people"), make("span", { class: "soft" }, `${summary(s.bridges)}; ${s.wanted} wanted`)),
    make("ul", { class: "cells" }, s.bridges.map(b => bridge(b, overload))),
    s.rooms.length ? make("div", { class: "part row" }, make("h4", {}, "Rooms: people in each"), make("span", { class: "soft" }, rooms(s.rooms))) : "",
    s.rooms.length ? make("ul", { class: "rooms" }, s.rooms.slice(0, mostRooms).map(room), s.rooms.length > mostRooms ? make("li", { class: "more soft" }, `and ${s.rooms.length - mostRooms} more`) : "") : "");
}

function rooms(list) {
  const recorded = list.filter(r => r.recorded).length, split = list.filter(r => r.split).length;
  return `the largest has ${list[0].size}${recorded ? `; ● ${recorded} recorded` : ""}${split ? `; ▲ ${split} on two shards` : ""}`;
}

function bridge(b, overload) {
  const live = b.phase !== "booting" && b.phase !== "dead", full = b.stress >= overload;
  const tone = b.phase === "dead" || live && full ? "tbad" : b.phase !== "serving" ? "trest" : b.stress >= overload * 0.75 ? "twarn" : "tgood";
  const phase = { booting: "booting", dead: "✕ dead", draining: "↓ draining", leaving: "↓ leaving", serving: full ? "▲ full" : "serving" }[b.phase];
  const load = make("div", { class: "load" }, make("div"));
  load.firstChild.style.width = live ? Math.min(100, 100 * b.stress) + "%" : "0";
  return make("li", { class: `cell ${tone}${b.phase === "booting" ? " dashed" : ""}${b.phase === "draining" || b.phase === "leaving" ? " hatched" : ""}`, title: `${b.id} in ${b.zone}` },
    make("b", {}, live ? share(b.stress) : "–"), make("span", {}, phase), make("span", { class: "soft" }, live ? count(b.endpoints, "person", "people") : tail(b.id)), live ? load : "");
}

function room(r) {
  const e = make("li", { class: r.split ? "split" : "", title: r.name + (r.recorded ? ", recorded" : "") + (r.split ? ", on two shards" : "") },
    (r.split ? "▲ " : "") + (r.recorded ? "● " : "") + r.size);
  e.style.width = 20 + 2.2 * r.size + "px";
  return e;
}

function recordersOf(list) {
  const words = { booting: ["booting", "trest dashed"], free: ["✓ free", "tgood"], busy: ["◐ busy", "twarn"], recording: ["● recording", "twarn"], unhealthy: ["✕ unhealthy", "tbad"], leaving: ["↓ leaving", "trest hatched"] };
  return [make("div", { class: "row" }, make("h3", {}, "Recorders"), make("span", { class: "soft" }, summary(list))),
    make("ul", { class: "cells" }, list.map(r => make("li", { class: "cell small " + words[r.phase][1], title: r.id + (r.room ? " records " + r.room : "") },
      make("b", {}, words[r.phase][0]), make("span", { class: "soft" }, r.room || tail(r.id)))))];
}

function slotsOf(list) {
  return [make("div", { class: "row" }, make("h3", {}, "HAProxy nodes"), make("span", { class: "soft" }, "what each makes of the shards")),
    make("ul", { class: "cells" }, list.map(slot))];
}

function slot(n) {
  const serves = n.state === "InService" && n.answers;
  return make("li", { class: `cell wide ${serves ? "tgood" : n.answers ? "twarn" : "tbad"}`, title: n.id },
    make("b", {}, n.name), make("span", { class: "soft" }, n.address),
    make("span", {}, n.answers ? `${serves ? "✓ in service" : "◐ " + n.state}, ${count(n.sessions, "session")}` : `✕ does not answer: ${n.state || "no node"}`),
    n.servers.map(s => make("span", {}, `${s.status.startsWith("UP") ? "✓" : s.status.startsWith("DRAIN") ? "◐" : "▲"} ${s.name}: ${s.status.toLowerCase()}`)));
}
