// Single keys, shown in a dialog in which they can be switched off (WCAG 2.1, 2.1.4).

import { browser } from "./storage.js";

export class Shortcuts {
  // keys: {key: {text, run}}
  constructor(keys, { button, dialog, list, on }) {
    this.keys = { ...keys, "?": { text: "Show this list", run: () => dialog.showModal() } };
    for (const [key, { text }] of Object.entries(this.keys)) {
      const term = document.createElement("dt");
      const cap = document.createElement("kbd");
      cap.textContent = key.toUpperCase();
      term.append(cap);
      const meaning = document.createElement("dd");
      meaning.textContent = text;
      list.append(term, meaning);
    }
    on.checked = browser.get("shortcuts") !== "off";
    on.addEventListener("change", () => browser.set("shortcuts", on.checked ? "" : "off"));
    button.addEventListener("click", () => dialog.showModal());
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest?.("input:not([type=checkbox]), select, textarea, dialog");
      if (!on.checked || typing || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
      const found = this.keys[event.key.toLowerCase()];
      if (!found) return;
      event.preventDefault();
      found.run();
    });
  }
}
