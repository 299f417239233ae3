// What the microphone gives and what the other side sends: their levels, and playing the latter.

import { Level } from "./levels.js";

const SILENT = -60; // dBFS

export class Sound {
  #context = null;
  #levels = null;

  // voice: the audio element. blocked(play): the browser keeps the sound back until the user does something: call play.
  constructor(voice, blocked) {
    this.voice = voice;
    this.blocked = blocked;
  }

  // Browsers start sound only after the user has done something: call this then.
  wake() {
    this.#context ??= new AudioContext({ latencyHint: "playback" }); // it only measures
    this.#levels ??= { input: new Level(this.#context), output: new Level(this.#context) };
    this.#context.resume();
  }

  listen(stream) {
    this.wake();
    this.#levels.input.listen(stream);
  }

  async play(stream, loudspeaker) {
    this.wake();
    this.voice.srcObject = stream;
    this.#levels.output.listen(stream);
    if (loudspeaker) await this.choose(loudspeaker).catch(() => {}); // gone since: then the default one
    try {
      await this.voice.play();
    } catch (error) {
      if (error.name === "NotAllowedError") this.blocked(() => (this.wake(), this.voice.play()));
    }
  }

  choose(loudspeaker) {
    return this.voice.setSinkId?.(loudspeaker) ?? Promise.resolve();
  }

  stop() {
    this.#levels?.input.stop();
    this.#levels?.output.stop();
    this.voice.srcObject = null;
  }

  // dBFS, now.
  read() {
    if (!this.#levels) return { input: SILENT, output: SILENT };
    return { input: this.#levels.input.read(), output: this.#levels.output.read() };
  }

  // What was read, into the two envelopes. time: now.
  trace(input, output, time) {
    this.#levels?.input.trace(input, time);
    this.#levels?.output.trace(output, time);
  }
}
