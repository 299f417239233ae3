// What the session offers and what is switched on: assistant, captions, restoration, recording.

import { Languages, languageName } from "./languages.js";

const $ = (id) => document.getElementById(id);

export class Options {
  #recorded = false;
  #languages;

  // Handlers: send(message) -> whether it was sent, failed(text), changed(), captions(language): they are read in it.
  constructor({ send, failed, changed, captions }) {
    this.changed = changed;
    this.captions = captions;
    this.#languages = new Languages({ send, failed });
    const flip = (name, value) => {
      if (!send({ type: "switch", name, value })) failed("Not connected: try again in a moment.");
    };
    $("assistant").addEventListener("change", () => flip("assistant", $("assistant").checked));
    $("restoration").addEventListener("change", () => flip("restoration", $("restoration").value));
    $("captions").addEventListener("change", () => {
      const language = $("captions").value;
      if (send({ type: "captions", language })) captions(language);
      else failed("Not connected: try again in a moment.");
    });
    $("consent").addEventListener("change", () => send({ type: "consent", record: $("consent").checked }));
  }

  // Whether the server has a recording of this call.
  get recorded() {
    return this.#recorded;
  }

  open(state) {
    this.#recorded = Boolean(state.recording?.exists);
    this.#offer(state.offers);
    $("consent").checked = Boolean(state.recording?.agreed);
    $("captions").value = state.captions ?? "";
    this.captions($("captions").value);
    this.#languages.open(state);
    if (state.switches) this.show(state.switches);
  }

  enable(on) {
    for (const id of ["assistant", "captions", "restoration", "consent"]) $(id).disabled = !on;
    this.#languages.enable(on);
  }

  show(told) {
    $("restoration").value = told.restoration;
    $("assistant").checked = told.assistant;
    $("recording-now").hidden = !told.recording;
    this.#recorded ||= told.recording;
    this.changed();
  }

  languages(told) {
    this.#languages.show(told);
  }

  recordingDeleted() {
    this.#recorded = false;
    $("consent").checked = false;
    this.changed();
  }

  #offer(offers) {
    const help = offers.restoration_help ?? {};
    const label = (task) => (task ? capitalized(help[task] ?? task) : "Off");
    $("restoration").replaceChildren(...offers.restoration.map((task) => new Option(label(task), task)));
    const languages = offers.captions ?? [];
    $("captions").replaceChildren(new Option("Off", ""), ...languages.map((code) => new Option(languageName(code), code)));
    $("captions-field").hidden = !languages.length;
    $("restoration-field").hidden = offers.restoration.length < 2;
    $("assistant-field").hidden = !offers.assistant;
    $("recording-field").hidden = !offers.recording;
  }
}

function capitalized(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
