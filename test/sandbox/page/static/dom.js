// Elements, and figures with their units.

// make makes an element: attributes by name ("class", "href", ...), then what is inside, texts or elements.
export function make(tag, attributes = {}, ...inside) {
  return fill(document.createElement(tag), attributes, inside);
}

// draw makes an SVG element.
export function draw(tag, attributes = {}, ...inside) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, inside);
}

function fill(element, attributes, inside) {
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value);
  element.append(...inside.flat().filter(part => part !== undefined && part !== null && part !== ""));
  return element;
}

const shown = new WeakMap();

// renew builds an element's inside anew if what it shows has changed, and keeps the keyboard's focus where it was.
export function renew(element, what, build) {
  const key = JSON.stringify(what);
  if (shown.get(element) === key) return;
  shown.set(element, key);
  const focused = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  element.replaceChildren(...[build()].flat());
  if (focused) element.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

const steps = (v, names, by) => {
  let i = 0;
  for (; Math.abs(v) >= by && i < names.length - 1; i++) v /= by;
  return short(v) + names[i];
};

// short is a number with as many digits as are read at a glance.
function short(v) {
  if (Number.isInteger(v)) return String(v);
  const size = Math.abs(v);
  if (size < 0.1) return String(Number(v.toPrecision(2)));
  const text = v.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

// figure is a value with its unit, which is CloudWatch's word.
export function figure(v, unit) {
  if (v === null || v === undefined) return "no data";
  switch (unit) {
    case "Percent": return short(v) + " %";
    case "Milliseconds": return v >= 1000 ? seconds(v / 1000) : short(v) + " ms";
    case "Seconds": return seconds(v);
    case "Bytes": return steps(v, [" B", " kB", " MB", " GB", " TB"], 1000);
    case "Kilobits/Second": return steps(v, [" kbit/s", " Mbit/s", " Gbit/s"], 1000);
    case "Count/Second": return steps(v, ["/s", "k/s"], 1000);
    default: return Math.abs(v) >= 10000 ? steps(v, ["", "k", "M", "G"], 1000) : short(v);
  }
}

function seconds(v) {
  if (v < 120) return short(v) + " s";
  return v < 7200 ? short(v / 60) + " min" : short(v / 3600) + " h";
}

// timeOfDay is seconds since midnight as hours and minutes.
export function timeOfDay(s) {
  const minutes = ((Math.floor(s / 60) % 1440) + 1440) % 1440;
  return String(Math.floor(minutes / 60)).padStart(2, "0") + ":" + String(minutes % 60).padStart(2, "0");
}

// count is a number with its word, such as "1 room" and "2 rooms".
export const count = (n, one, more = one + "s") => `${n} ${n === 1 ? one : more}`;
