// From the session's events to what the timeline draws: when who spoke, when the assistant was audible, and the
// decisions. Pure. Times in seconds; a span that goes on has the end Infinity.

import { RATE } from "./session_clock.js";

const MOST = 4000; // spans and decisions kept; far more than the timeline shows

export class Tracks {
  constructor() {
    this.clear();
  }

  clear() {
    this.speech = new Map(); // party -> [{start, end}]
    this.speakers = new Map(); // speaker who was told apart from others on a channel -> [{start, end}]
    this.audible = []; // {start, end}
    this.decisions = []; // {kind, since, at, wait}
    this.minded = []; // what the decider decided, until it decided something else: {action, score, start, end}
    this.acts = []; // tools called and memory used: {what, call, failed, start, end}
    this.sounds = []; // {party, label, start, end}
  }

  read(event) {
    const start = event.start / RATE;
    const end = event.end / RATE;
    switch (event.type) {
      case "speech_started":
        return push(this.#of(event.party), { start, end: Infinity });
      case "speech":
        return this.#speech(event.party, start, end);
      case "speaker_turn":
        return this.#speaker(event.speaker, start, end);
      case "sound":
        return this.#sound(event.party, event.label, start, end, event.over);
      case "reply_started":
      case "resumed":
        return push(this.audible, { start, end: Infinity });
      case "suspended":
      case "interrupted":
      case "reply":
        return this.#silent(end);
      case "decision":
        return push(this.decisions, { kind: event.kind, since: start, at: end });
      case "tool_called":
        return push(this.acts, { what: event.tool, call: event.call, failed: false, start, end: Infinity });
      case "tool_returned":
        return this.#returned(event, end);
      case "remembered":
        return this.#remembered(event, start);
      case "decided":
        if (this.minded.length) this.minded.at(-1).end = Math.min(this.minded.at(-1).end, end);
        return push(this.minded, { action: event.action, score: event.score, start: end, end: Infinity });
    }
  }

  #speech(party, start, end) {
    const spans = this.#of(party);
    const last = spans.at(-1);
    if (last && last.end === Infinity) Object.assign(last, { start, end });
    else push(spans, { start, end });
  }

  #speaker(name, start, end) {
    if (!this.speakers.has(name)) this.speakers.set(name, []);
    push(this.speakers.get(name), { start, end });
  }

  #sound(party, label, start, end, over) {
    const open = this.sounds.findLast((sound) => sound.party === party && sound.label === label);
    if (open && open.end === Infinity) Object.assign(open, { start, end: over ? end : Infinity });
    else push(this.sounds, { party, label, start, end: over ? end : Infinity });
  }

  #returned({ call, failed }, end) {
    const act = this.acts.findLast((each) => each.call === call);
    if (act) Object.assign(act, { failed, end });
  }

  #remembered(event, at) {
    for (const done of ["kept", "used", "forgotten"]) {
      const count = event[done].length;
      if (count) push(this.acts, { what: `${count} note${count > 1 ? "s" : ""} ${done}`, failed: false, start: at, end: at });
    }
  }

  // A reply's end is told again when it is over for good: only an open span is closed.
  #silent(end) {
    const last = this.audible.at(-1);
    if (last && last.end === Infinity) last.end = Math.max(last.start, end);
  }

  #of(party) {
    if (!this.speech.has(party)) this.speech.set(party, []);
    return this.speech.get(party);
  }
}

function push(list, item) {
  list.push(item);
  if (list.length > MOST) list.shift();
}

// Whether `time` lies in one of `spans`, which are in order; the newest are looked at first.
export function within(spans, time) {
  for (let index = spans.length - 1; index >= 0; index -= 1) {
    if (time >= spans[index].end) return false;
    if (time >= spans[index].start) return true;
  }
  return false;
}
