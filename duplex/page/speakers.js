// Everybody's colour: by speaker where the words say who spoke, else by party; the assistant has its own. The first
// letter stands beside it, so that nothing depends on colour alone.

import { ASSISTANT } from "./conversation.js";

const COLOURS = 4;
const numbers = new Map();

export function tone(name) {
  if (name === ASSISTANT) return { fill: "--assistant", ink: "--assistant-ink" };
  if (!numbers.has(name)) numbers.set(name, numbers.size % COLOURS);
  const number = numbers.get(name);
  return { fill: `--speaker-${number}`, ink: `--speaker-ink-${number}` };
}

export function face(name) {
  const element = document.createElement("span");
  element.className = name === ASSISTANT ? "face assistant" : "face";
  element.setAttribute("aria-hidden", "true");
  const number = name.match(/\d+$/)?.[0];
  element.textContent = name === ASSISTANT ? "D" : (number ?? [...name][0] ?? "?").toUpperCase();
  element.style.setProperty("--tone", `var(${tone(name).fill})`);
  return element;
}

export function title(name) {
  if (name === ASSISTANT) return "Duplex";
  return name === "user" ? "You" : name;
}
