// How decisions are drawn: each has a shape of its own as well as a colour. Paths lie in a box of 16 by 16 around (8, 8).

export const MARKS = {
  endpoint: { label: "turn over", colour: "--ink", path: "M8 3a5 5 0 1 0 .01 0z" },
  turn_limit: { label: "turn limit", colour: "--ink", path: "M3.500 3.500h9v9h-9z" },
  suspend: { label: "reply held", colour: "--ink-3", path: "M6.800 1.500h2.400v13h-2.400z" },
  barge_in: {
    label: "barge-in",
    colour: "--stop",
    path: "M3.600 1.800 8 6.200l4.400-4.400 1.800 1.800L9.800 8l4.400 4.400-1.800 1.800L8 9.800l-4.400 4.400-1.800-1.800L6.200 8 1.800 3.600z",
  },
  backchannel: { label: "backchannel", colour: "--speaker-1", path: "M8 1.500 14 8l-6 6.500L2 8z" },
  false_interruption: { label: "false interruption", colour: "--speaker-3", path: "M3.500 2 14 8 3.500 14z" },
  withdraw: { label: "reply withdrawn", colour: "--speaker-2", path: "M2 3.500h12L8 14z" },
  go_on: { label: "turn goes on", colour: "--speaker-2", path: "M12.500 2 2 8l10.500 6z" },
  acknowledge: { label: "assistant's backchannel", colour: "--assistant", path: "M8 2.500 12 8l-4 5.500L4 8z" },
  announce: {
    label: "timer",
    colour: "--speaker-0",
    path: "M8 1l2 5h5.200l-4.200 3.200 1.600 5.300L8 11.400 3.400 14.500 5 9.200.800 6H6z",
  },
  typed: { label: "typed", colour: "--ink", path: "M2 4.500h12v7h-12z" },
  nothing_said: { label: "no words", colour: "--ink-3", path: "M8 6a2 2 0 1 0 .01 0z" },
};

// What the decider decides; silence has no colour.
export const ACTION_COLOURS = {
  respond: "--assistant",
  backchannel: "--speaker-1",
  yield: "--stop",
  resume: "--speaker-3",
};

const SVG = "http://www.w3.org/2000/svg";
const LEGEND = ["endpoint", "suspend", "barge_in", "backchannel", "false_interruption", "announce"];

export function fillLegend(list) {
  for (const kind of LEGEND) {
    const svg = document.createElementNS(SVG, "svg");
    const path = document.createElementNS(SVG, "path");
    svg.setAttribute("viewBox", "0 0 16 16");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", MARKS[kind].path);
    path.style.fill = `var(${MARKS[kind].colour})`;
    svg.append(path);
    const item = document.createElement("li");
    item.append(svg, MARKS[kind].label);
    list.append(item);
  }
}
