// In a room whose people speak several languages: what this person speaks, and whether the others are interpreted.

import { languageName } from "./options.js";

const $ = (id) => document.getElementById(id);

export class Languages {
  // Handlers: send(message) -> whether it was sent, failed(text).
  constructor({ send, failed }) {
    const ask = (message) => {
      if (!send(message)) failed("Not connected: try again in a moment.");
    };
    $("speaks").addEventListener("change", () => ask({ type: "speaks", language: $("speaks").value }));
    $("interpret").addEventListener("change", () => ask({ type: "interpret", on: $("interpret").checked }));
  }

  open(state) {
    const languages = state.offers.languages ?? [];
    $("speaks").replaceChildren(...languages.map((code) => new Option(languageName(code), code)));
    $("speaks").value = state.speaks ?? "";
    $("interpret").checked = Boolean(state.interpret);
    $("languages-field").hidden = languages.length < 2;
  }

  enable(on) {
    for (const id of ["speaks", "interpret"]) $(id).disabled = !on;
  }
}
