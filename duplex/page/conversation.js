// From the session's events to what a reader sees: turns and replies, in order of time. Pure: no page, no clock.
//
// An entry: {key, kind, party, speaker, start, end, text, open, ...}
//   kind: turn, backchannel, side_speech, reply, sound (text: what it is), tool (what was called, what it gave), memory
//   a turn: typed (written, not said)
//   a turn that is open: text (final words), guess (what the rest seems to be), stable (characters of it that stay)
//   a turn in a call with captions: captions (what it is in the reader's language: [{text, stable, hopeless, lang,
//     unspoken (the interpreter left it out)}])
//   a reply: text (heard so far), rest (made, not heard), interrupted (true, false), last (the word it was cut at)

import { RATE } from "./session_clock.js";

export const ASSISTANT = "assistant";

const SOUND_AGAIN = 20; // seconds
const LONGEST = 160; // characters of what a tool gave, or of a note

const seconds = (sample) => (Number.isFinite(sample) ? Math.max(0, sample / RATE) : 0);
const join = (words) => words.filter(Boolean).join(" ");
const plain = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value));
const short = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);

const SPAN = 0.3; // seconds by which a caption's words may lie outside their turn

const spoken = (entry, party, at) =>
  entry.kind === "turn" &&
  entry.party === party &&
  entry.start - SPAN <= at &&
  (entry.open || at <= entry.end + SPAN);

export class Conversation {
  language = "";

  // changed(entry): new or different. removed(key).
  constructor({ changed = () => {}, removed = () => {} } = {}) {
    this.changed = changed;
    this.removed = removed;
    this.clear();
  }

  clear() {
    for (const key of this.entries?.keys() ?? []) this.removed(key);
    this.entries = new Map();
    this.open = new Map(); // party -> the turn that is being said
    this.speakers = new Map(); // party -> everybody heard on its channel
    this.sounds = new Map(); // party and label -> the last entry of that sound
    this.translations = new Map(); // caption and language -> {party, at, text, stable, hopeless, lang}
    this.count = 0;
  }

  // In order of time.
  get ordered() {
    return [...this.entries.values()].sort((a, b) => a.start - b.start || a.order - b.order);
  }

  read(event) {
    switch (event.type) {
      case "partial":
        return this.#partial(event);
      case "word":
        return this.#word(event);
      case "turn":
        return this.#turn(event);
      case "translation":
        return this.#translation(event);
      case "interpreted":
        return event.left_out && this.#leftOut(event);
      case "sound":
        return this.#sound(event);
      case "tool_called":
        return this.#called(event);
      case "tool_returned":
        return this.#returned(event);
      case "remembered":
        return this.#remembered(event);
      case "decision":
        if (event.kind === "nothing_said") this.#dropSilent();
        if (event.kind === "withdraw" || event.kind === "go_on") this.#withdraw(event.epoch);
        return;
      case "reply_text":
        return this.#replyText(event);
      case "reply_started":
        return this.#update(this.#reply(event.epoch, event), { start: seconds(event.start), begun: true });
      case "spoken_word":
        return this.#spoken(event);
      case "interrupted":
        return this.#interrupted(event);
      case "reply":
        return this.#replyEnd(event);
    }
  }

  // Who said it: the party, unless several speak on its channel and are told apart.
  nameOf(entry) {
    return (this.speakers.get(entry.party)?.size ?? 0) > 1 && entry.speaker ? entry.speaker : entry.party;
  }

  // The reader's language from now on; empty: no captions.
  translate(language) {
    this.language = language;
    for (const entry of this.entries.values()) if (entry.kind === "turn") this.#update(entry, {});
  }

  // A caption belongs to the turn in which its middle lies; of an open turn, to what was said since it began.
  #translation(event) {
    const at = seconds((event.start + event.end) / 2);
    const { party, language: lang, text, stable, hopeless, source } = event;
    const shown = hopeless ? `[${source}]` : text;
    this.translations.set(`${event.caption}/${lang}`, { party, at, text: shown, stable, hopeless, lang });
    this.#showAt(party, at);
  }

  // The interpreter did not say a translation: it would have come too late, or is hopeless.
  #leftOut({ caption, language }) {
    const told = Object.assign(this.translations.get(`${caption}/${language}`) ?? {}, { unspoken: true });
    this.#showAt(told.party, told.at);
  }

  #showAt(party, at) {
    const entry = [...this.entries.values()].findLast((each) => spoken(each, party, at));
    if (entry) this.#update(entry, {});
  }

  #captions(entry) {
    if (!this.language || entry.kind !== "turn") return [];
    return [...this.translations.values()]
      .filter(({ lang, party, at }) => lang === this.language && spoken(entry, party, at))
      .sort((a, b) => a.at - b.at);
  }

  #partial(event) {
    if (this.#told(event)) return;
    const entry = this.#openTurn(event);
    this.#update(entry, { guess: event.text, stable: event.stable ?? 0, end: seconds(event.end) });
  }

  #word(event) {
    this.#meet(event);
    if (this.#told(event)) return;
    const entry = this.#openTurn(event);
    entry.words.push(event.text);
    const speaker = event.speaker || entry.speaker;
    this.#update(entry, { text: join(entry.words), guess: "", stable: 0, end: seconds(event.end), speaker });
  }

  #turn(event) {
    this.#meet(event);
    const kind = event.kind ?? "turn";
    const open = event.typed ? undefined : this.open.get(event.party);
    const key = kind === "turn" ? `${event.party}/${event.turn}` : `${event.party}/${event.turn}@${event.start}`;
    if (open) this.#remove(open.key);
    if (!event.typed) this.open.delete(event.party);
    const before = this.entries.get(key);
    const entry = before ?? this.#add({ key, kind, party: event.party, words: [] }, event);
    if (!event.text) return this.#remove(key);
    this.#update(entry, {
      open: false,
      text: event.text,
      guess: "",
      stable: 0,
      start: seconds(event.start),
      end: seconds(event.end),
      speaker: event.speaker || open?.speaker || before?.speaker || "",
      typed: Boolean(event.typed),
    });
  }

  // Told when it is known, and again, whole, when it is over. The same sound again within a while is no new entry.
  #sound(event) {
    const last = this.sounds.get(`${event.party}/${event.label}`);
    const again = last && this.entries.has(last.key) && seconds(event.start) - last.end < SOUND_AGAIN;
    const key = `sound/${event.party}/${event.label}@${event.start}`;
    const entry = again ? last : this.#add({ key, kind: "sound", party: event.party }, event);
    this.sounds.set(`${event.party}/${event.label}`, entry);
    this.#update(entry, { open: false, text: event.label, end: Math.max(entry.end, seconds(event.end)) });
  }

  // A tool: its name and what it was given, then what it gave.
  #called({ call, tool, arguments: given, ...event }) {
    const told = Object.entries(given).filter(([, value]) => value !== "" && value !== null);
    const text = `${tool}(${told.map(([name, value]) => `${name}: ${plain(value)}`).join(", ")})`;
    this.#update(this.#add({ key: `tool/${call}`, kind: "tool", party: ASSISTANT, called: text }, event), { text });
  }

  #returned({ call, text, failed, end }) {
    const entry = this.entries.get(`tool/${call}`);
    const gave = text && `${entry?.called} → ${failed ? "failed: " : ""}${short(text)}`;
    if (entry) this.#update(entry, { open: false, failed, text: gave || entry.called, end: seconds(end) });
  }

  #remembered(event) {
    for (const done of ["kept", "used", "forgotten"]) {
      if (!event[done].length) continue;
      const entry = this.#add({ key: `memory/${this.count}`, kind: "memory", party: ASSISTANT }, event);
      this.#update(entry, { open: false, text: `${done}: ${event[done].map(short).join("; ")}` });
    }
  }

  #replyText(event) {
    const entry = this.#reply(event.epoch, event);
    entry.made = join([entry.made, event.text]);
    this.#update(entry, { rest: unheard(entry.made, entry.text) });
  }

  #spoken(event) {
    const entry = this.#reply(event.epoch, event);
    const text = join([entry.text, event.text]);
    this.#update(entry, { text, rest: unheard(entry.made, text), end: seconds(event.end), begun: true });
  }

  #interrupted(event) {
    const entry = this.#reply(event.epoch, event);
    const words = event.heard.split(/\s+/).filter(Boolean);
    this.#update(entry, {
      open: false,
      interrupted: true,
      text: event.heard,
      rest: unheard(entry.made, event.heard),
      last: words.at(-1) ?? "",
      end: seconds(event.end),
    });
  }

  #replyEnd(event) {
    const entry = this.#reply(event.epoch, event);
    if (!event.text) return this.#remove(entry.key); // cut before its first word
    entry.made = event.full_text || entry.made;
    this.#update(entry, {
      open: false,
      interrupted: Boolean(event.interrupted),
      text: event.text,
      rest: event.interrupted ? unheard(entry.made, event.text) : "",
      last: event.interrupted ? (event.text.split(/\s+/).filter(Boolean).at(-1) ?? "") : "",
      start: seconds(event.start),
      end: seconds(event.end),
    });
  }

  // What was on its way and never became audible.
  #withdraw(epoch) {
    const entry = this.entries.get(`reply/${epoch}`);
    if (entry && !entry.begun) this.#remove(entry.key);
  }

  // The words of a turn may become final after it is over: it has them already.
  #told(event) {
    const at = seconds(event.type === "word" ? (event.start + event.end) / 2 : event.start);
    return [...this.entries.values()].some(
      ({ open, kind, party, start, end }) =>
        !open && !["reply", "sound", "tool", "memory"].includes(kind) && party === event.party && start <= at && at < end,
    );
  }

  // The second speaker on a channel gives everybody on it a name.
  #meet({ party, speaker }) {
    if (!speaker) return;
    if (!this.speakers.has(party)) this.speakers.set(party, new Set());
    const known = this.speakers.get(party);
    if (known.has(speaker)) return;
    known.add(speaker);
    if (known.size === 2) {
      for (const entry of this.entries.values()) if (entry.party === party) this.changed(entry);
    }
  }

  #dropSilent() {
    for (const [party, entry] of this.open) {
      if (entry.text) continue;
      this.#remove(entry.key);
      this.open.delete(party);
    }
  }

  #openTurn(event) {
    const known = this.open.get(event.party);
    if (known) return known;
    const key = `${event.party}/open${this.count}`;
    const entry = this.#add({ key, kind: "turn", party: event.party, words: [] }, event);
    this.open.set(event.party, entry);
    return entry;
  }

  #reply(epoch, event) {
    const key = `reply/${epoch}`;
    return (
      this.entries.get(key) ??
      this.#add({ key, kind: "reply", party: ASSISTANT, made: "", rest: "", begun: false, interrupted: false }, event)
    );
  }

  #add(entry, event) {
    Object.assign(entry, {
      speaker: event.speaker ?? "",
      text: "",
      guess: "",
      stable: 0,
      open: true,
      start: seconds(event.start),
      end: seconds(event.end),
      order: this.count++,
    });
    this.entries.set(entry.key, entry);
    return entry;
  }

  #update(entry, changes) {
    Object.assign(entry, changes);
    this.changed(Object.assign(entry, { captions: this.#captions(entry) }));
  }

  #remove(key) {
    if (this.entries.delete(key)) this.removed(key);
  }
}

// What of `made` comes after the words of `heard`.
function unheard(made, heard) {
  const words = made.split(/\s+/).filter(Boolean);
  return words.slice(heard.split(/\s+/).filter(Boolean).length).join(" ");
}
