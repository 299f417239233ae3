// Dark or light: as the system has it, until the user says otherwise.

import { browser } from "./storage.js";

const system = window.matchMedia("(prefers-color-scheme: dark)");

export class Theme {
  constructor(button, text, changed) {
    this.text = text;
    this.changed = changed;
    button.addEventListener("click", () => this.toggle());
    system.addEventListener("change", () => this.#apply());
    this.#apply();
  }

  toggle() {
    const other = this.#dark ? "light" : "dark";
    browser.set("theme", other === (system.matches ? "dark" : "light") ? "" : other);
    this.#apply();
  }

  get #dark() {
    const chosen = browser.get("theme");
    return chosen ? chosen === "dark" : system.matches;
  }

  #apply() {
    document.documentElement.dataset.theme = this.#dark ? "dark" : "light";
    this.text.textContent = this.#dark ? "Light colours" : "Dark colours";
    this.changed();
  }
}
