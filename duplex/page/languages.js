// In a room whose people speak several languages: what this person speaks, and whether the others are interpreted.

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

  // A call that has just begun speaks the room's language, and is interpreted to.
  open(state) {
    const languages = state.offers.languages ?? [];
    $("speaks").replaceChildren(...languages.map((code) => new Option(languageName(code), code)));
    $("speaks").value = state.speaks ?? languages[0] ?? "";
    $("interpret").checked = state.interpret ?? true;
    $("languages-field").hidden = languages.length < 2;
  }

  // What holds now: a choice may have been refused.
  show(told) {
    $("speaks").value = told.speaks;
    $("interpret").checked = told.interpret;
  }

  enable(on) {
    for (const id of ["speaks", "interpret"]) $(id).disabled = !on;
  }
}

export function languageName(code) {
  return new Intl.DisplayNames(["en"], { type: "language" }).of(code) ?? code;
}
