// Markdown, as much of it as the dashboards and the runbook use.
import { make } from "./dom.js";

const marks = /\[([^\]]+)\]\(([^)\s]+)\)|`([^`]+)`|\*\*([^*]+)\*\*/g;

// inline makes one line's links, code and strong words.
export function inline(text) {
  const parts = [];
  let from = 0;
  for (const m of text.matchAll(marks)) {
    parts.push(text.slice(from, m.index));
    if (m[2]) parts.push(make("a", { href: m[2], "data-key": m[2] }, m[1]));
    else parts.push(m[3] ? make("code", {}, m[3]) : make("strong", {}, m[4]));
    from = m.index + m[0].length;
  }
  parts.push(text.slice(from));
  return parts;
}

// markdown makes headings, paragraphs and lists. A heading's id is its text.
export function markdown(text) {
  const blocks = [];
  for (const block of text.trim().split(/\n\n+/))
    for (const part of block.split(/\n(?=- )/).reduce(together, [])) blocks.push(part);
  return blocks.map(element);
}

// together puts the items of a list into one block.
function together(blocks, part) {
  const last = blocks.at(-1);
  if (part.startsWith("- ") && Array.isArray(last)) last.push(part.slice(2));
  else blocks.push(part.startsWith("- ") ? [part.slice(2)] : part);
  return blocks;
}

function element(block) {
  if (Array.isArray(block)) return make("ul", {}, block.map(item => make("li", {}, inline(item))));
  const heading = /^(#{1,4}) (.*)$/.exec(block);
  if (!heading) return make("p", {}, inline(block));
  const level = Math.min(4, Math.max(2, heading[1].length));
  return make("h" + level, { id: "runbook-" + heading[2], tabindex: level > 2 ? "-1" : undefined }, inline(heading[2]));
}
