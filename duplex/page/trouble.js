// What does not work as it should: an overloaded server with what it has given up, and capabilities that were lost.

export class Trouble {
  #load = { overloaded: false, shed: [] };
  #lost = new Map(); // capability -> reason

  constructor(element) {
    this.element = element;
  }

  clear() {
    this.#load = { overloaded: false, shed: [] };
    this.#lost.clear();
    this.#show();
  }

  load(told) {
    if (!told) return;
    this.#load = told;
    this.#show();
  }

  event(event) {
    if (event.type === "lost") this.#lost.set(event.capability, event.reason ?? "");
    else if (event.type === "restored") this.#lost.delete(event.capability);
    else return;
    this.#show();
  }

  #show() {
    const { overloaded, shed = [], text = "" } = this.#load;
    const parts = [];
    if (overloaded) parts.push(shed.length ? `Overloaded: without ${shed.join(", ")}` : "Overloaded");
    if (this.#lost.size) parts.push(`Unavailable: ${[...this.#lost.keys()].join(", ")}`);
    const told = parts.join(" · ");
    this.element.hidden = !told;
    if (this.element.textContent !== told) this.element.textContent = told;
    this.element.title = [text, ...[...this.#lost].map(([name, why]) => `${name}: ${why}`)].filter(Boolean).join("\n");
  }
}
