// The last seconds of the call, moving: what the microphone hears, what is decided, what is heard from the other side.

import { Envelope, height } from "./levels.js";
import { ACTION_COLOURS, MARKS } from "./marks.js";
import { title, tone } from "./speakers.js";
import { clock } from "./transcript.js";
import { within } from "./tracks.js";

const SCALE = 40; // pixels a second
const BAR = 3; // pixels from one bar of the waveform to the next
const AHEAD = 28; // pixels to the right of now
const GUTTER = 68; // pixels for the names
const TRAVEL = 0.4; // seconds that sound may be on its way to us

const glyphs = new Map(Object.entries(MARKS).map(([kind, mark]) => [kind, new Path2D(mark.path)]));

export class Timeline {
  #colours = {};

  constructor(canvas, tracks) {
    this.canvas = canvas;
    this.tracks = tracks;
    this.me = "";
    this.input = new Envelope(BAR / SCALE, 2048);
    this.output = new Envelope(BAR / SCALE, 2048);
    new ResizeObserver(() => this.#fit()).observe(canvas);
    this.recolour();
    this.#fit();
  }

  clear() {
    this.input.clear();
    this.output.clear();
  }

  // After a change of theme: a canvas has no custom properties of its own.
  recolour() {
    const style = getComputedStyle(document.documentElement);
    const names = ["--ink", "--ink-2", "--ink-3", "--line", "--line-strong", "--quiet", "--assistant"];
    names.push("--assistant-ink", "--stop");
    for (let number = 0; number < 4; number += 1) names.push(`--speaker-${number}`, `--speaker-ink-${number}`);
    for (const name of names) this.#colours[name] = style.getPropertyValue(name).trim();
    this.font = `11px ${style.getPropertyValue("--text")}`;
  }

  draw(now) {
    const { context, width, height } = this;
    context.clearRect(0, 0, width, height);
    const time = now ?? 0;
    const right = width - AHEAD;
    const x = (at) => right - (time - at) * SCALE;
    const from = time - (right - GUTTER) / SCALE;
    const others = [...this.tracks.speech.keys()].filter((party) => party !== this.me);
    // One speaker alone on a channel is who it belongs to; several are told apart by their colours.
    const speakers = this.tracks.speakers.size > 1 ? [...this.tracks.speakers.keys()] : [];
    const strip = others.length || speakers.length ? 12 : 0;
    const axis = height - 16;
    const lane = (axis - strip) / 2 - 12;
    const upper = strip + lane / 2 + 4;
    const lower = axis - lane / 2 - 4;
    const middle = (upper + lower) / 2;

    context.save();
    context.beginPath();
    context.rect(GUTTER, 0, width, height);
    context.clip();
    this.#ticks(from, time, x, axis, now !== null);
    this.#strip(others, this.tracks.speech, from, time, x);
    this.#strip(speakers, this.tracks.speakers, from, time, x);
    const mine = this.tracks.speech.get(this.me) ?? [];
    this.#spans(mine, from, time, x, upper - lane / 2, lane, tone(this.me || "user").fill);
    this.#spans(this.tracks.audible, from, time, x, lower - lane / 2, lane, "--assistant");
    const audible = (at) => within(this.tracks.audible, at) || within(this.tracks.audible, at - TRAVEL);
    this.#wave(this.input, from, time, x, upper, lane, (at) => within(mine, at), tone(this.me || "user").fill);
    this.#wave(this.output, from, time, x, lower, lane, audible, "--assistant");
    this.#mind(from, time, x, middle);
    this.#acts(from, time, x, lower - lane / 2);
    this.#sounds(from, time, x, upper - lane / 2);
    this.#decisions(from, time, x, middle, upper - lane / 2, lower + lane / 2);

    context.fillStyle = this.#colours["--line-strong"];
    if (now !== null) context.fillRect(right, 6, 1, axis - 8);
    context.restore();
    context.font = this.font;
    this.#text(title(this.me || "user"), 12, upper + 4, tone(this.me || "user").ink);
    this.#text("Duplex", 12, lower + 4, "--assistant-ink");
  }

  #fit() {
    const box = this.canvas.getBoundingClientRect();
    const ratio = Math.min(window.devicePixelRatio || 1, 3);
    this.width = Math.max(1, box.width);
    this.height = Math.max(1, box.height);
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.context = this.canvas.getContext("2d");
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.draw(null);
  }

  #text(text, x, y, colour) {
    this.context.fillStyle = this.#colours[colour];
    this.context.fillText(text, x, y, GUTTER - 18);
  }

  #ticks(from, time, x, axis, running) {
    const { context } = this;
    context.font = this.font;
    context.textAlign = "center";
    for (let at = Math.max(0, Math.ceil(from / 5) * 5); running && at <= time; at += 5) {
      context.fillStyle = this.#colours["--line"];
      context.fillRect(Math.round(x(at)), 6, 1, axis - 8);
      if (x(at) > GUTTER + 14) this.#text(clock(at), x(at), axis + 10, "--ink-3");
    }
    context.textAlign = "left";
  }

  // Everybody else in the room, and speakers who share a channel: one line with their colours.
  #strip(names, spans, from, time, x) {
    for (const name of names) this.#spans(spans.get(name), from, time, x, 6, 6, tone(name).fill, 0.9);
  }

  #spans(spans, from, time, x, top, height, colour, alpha = 0.1) {
    const { context } = this;
    context.globalAlpha = alpha;
    context.fillStyle = this.#colours[colour];
    for (let index = spans.length - 1; index >= 0 && spans[index].end > from; index -= 1) {
      const end = Math.min(spans[index].end, time);
      if (end <= spans[index].start) continue;
      context.beginPath();
      context.roundRect(x(spans[index].start), top, Math.max(2, x(end) - x(spans[index].start)), height, 4);
      context.fill();
    }
    context.globalAlpha = 1;
  }

  // Sound that belongs to nobody's speech is grey. Height follows loudness compressed: loud speech keeps its shape.
  #wave(envelope, from, time, x, middle, lane, belongs, colour) {
    const { context } = this;
    const bucket = envelope.bucket;
    for (let number = Math.max(0, Math.floor(from / bucket)); number <= time / bucket; number += 1) {
      const size = Math.max(1.5, height(envelope.at(number)) * lane);
      const at = (number + 0.5) * bucket;
      context.fillStyle = this.#colours[belongs(at) ? colour : "--quiet"];
      context.fillRect(x(number * bucket), middle - size / 2, BAR - 1, size);
    }
  }

  // What the decider decided, the higher the surer.
  #mind(from, time, x, y) {
    const { context } = this;
    for (const { action, score, start, end } of this.tracks.minded) {
      const colour = ACTION_COLOURS[action];
      if (!colour || end < from || start > time) continue;
      const width = Math.max(3, x(Math.min(end, time)) - x(start));
      const size = 2 + 8 * score;
      context.globalAlpha = 0.6;
      context.fillStyle = this.#colours[colour];
      context.fillRect(x(start), y - size / 2, width, size);
      context.globalAlpha = 1;
    }
  }

  // What is heard besides speech, over the microphone's waveform.
  #sounds(from, time, x, top) {
    const mine = this.tracks.sounds.filter(({ party }) => party === this.me);
    this.#labelled(mine, from, time, x, top, ({ label }) => [label, "--ink-3"]);
  }

  // Tools that are called and memory that is used, over the assistant's waveform.
  #acts(from, time, x, top) {
    this.#labelled(this.tracks.acts, from, time, x, top, ({ what, failed }) => [what, failed ? "--stop" : "--ink-3"]);
  }

  // A line as long as each span, and what it is where there is room.
  #labelled(spans, from, time, x, top, look) {
    const { context } = this;
    let free = 0;
    for (const span of spans) {
      if (span.end < from || span.start > time) continue;
      const left = Math.max(GUTTER, x(span.start));
      const [label, colour] = look(span);
      context.fillStyle = this.#colours[colour];
      context.fillRect(left, top, Math.max(2, x(Math.min(span.end, time)) - left), 2);
      if (left < free) continue;
      context.fillText(label, left, top + 12);
      free = left + context.measureText(label).width + 8;
    }
  }

  #decisions(from, time, x, y, top, bottom) {
    const { context } = this;
    const { decisions } = this.tracks;
    for (let index = decisions.length - 1; index >= 0 && decisions[index].at > from - 4; index -= 1) {
      const { kind, since, at } = decisions[index];
      const mark = MARKS[kind];
      if (!mark || at > time + 1) continue;
      const colour = this.#colours[mark.colour];
      context.fillStyle = colour;
      context.globalAlpha = 0.45;
      context.fillRect(x(since), y - 1, x(at) - x(since), 2);
      context.fillRect(x(at) - 0.5, top, 1, bottom - top);
      context.globalAlpha = 1;
      context.save();
      context.translate(x(at) - 8, y - 8);
      context.fill(glyphs.get(kind));
      context.restore();
      if (kind === "endpoint") this.#text(`${(at - since).toFixed(2)} s`, x(at) + 8, y - 7, "--ink-2");
    }
  }
}
