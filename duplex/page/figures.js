// The call's latencies and the state of its connection, as numbers.

import { RATE } from "./session_clock.js";

const ROWS = {
  answer: ["You stop → it answers", "Median; from the end of your speech to the first audible sound of the reply", true],
  silence: ["You speak → it is silent", "Median; from the beginning of your speech to the reply's last sound", true],
  rtt: ["Network, there and back", "Round trip of the connection"],
  jitter: ["Jitter", "How unevenly packets come at the server"],
  depth: ["Held back for it", "How long the server waits for a packet that is missing"],
  concealed: ["Concealed", "Share of your sound that was lost and made up"],
};

export class Figures {
  #cells = {};
  #answers = [];
  #silences = [];
  #decided = new Map();

  constructor(list) {
    for (const [name, [label, help, lead]] of Object.entries(ROWS)) {
      const term = document.createElement("dt");
      term.textContent = label;
      term.title = help;
      const value = document.createElement("dd");
      value.textContent = "–";
      value.dataset.figure = name;
      if (lead) term.className = value.className = "lead";
      list.append(term, value);
      this.#cells[name] = value;
    }
  }

  clear() {
    this.#answers = [];
    this.#silences = [];
    this.#decided.clear();
    for (const cell of Object.values(this.#cells)) cell.textContent = "–";
  }

  event(event) {
    if (event.type === "decision" && (event.kind === "endpoint" || event.kind === "turn_limit")) {
      this.#decided.set(event.epoch, event.start);
    } else if (event.type === "reply_started" && this.#decided.has(event.epoch)) {
      this.#answers.push((event.start - this.#decided.get(event.epoch)) / RATE);
      this.#decided.delete(event.epoch);
      this.#show("answer", milliseconds(1000 * median(this.#answers)));
    } else if (event.type === "interrupted") {
      this.#silences.push((event.end - event.start) / RATE);
      this.#show("silence", milliseconds(1000 * median(this.#silences)));
    }
  }

  stats(message) {
    this.#show("jitter", milliseconds(message.jitter_ms));
    this.#show("depth", milliseconds(message.depth_ms));
    this.#show("concealed", Number.isFinite(message.concealed) ? `${(100 * message.concealed).toFixed(1)} %` : "–");
  }

  roundTrip(ms) {
    this.#show("rtt", milliseconds(ms));
  }

  #show(name, text) {
    this.#cells[name].textContent = text;
  }
}

function milliseconds(value) {
  return Number.isFinite(value) ? `${Math.round(Math.max(0, value))} ms` : "–";
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
