// How loud a stream is: for the meters, and as an envelope for the timeline.

const FLOOR = -60; // dBFS
const SHORT = 1024; // samples that a meter looks at
const LONG = 32_768; // samples that can be made up for when the page was busy with something else

export class Level {
  #analyser = null;
  #source = null;
  #block = new Float32Array(LONG);
  #traced = 0;

  constructor(context) {
    this.context = context;
  }

  listen(stream) {
    this.stop();
    this.#analyser = new AnalyserNode(this.context, { fftSize: LONG });
    this.#source = new MediaStreamAudioSourceNode(this.context, { mediaStream: stream });
    this.#source.connect(this.#analyser);
  }

  stop() {
    this.#source?.disconnect();
    this.#source = null;
    this.#analyser = null;
    this.#block.fill(0);
  }

  // dBFS, now.
  read() {
    this.#analyser?.getFloatTimeDomainData(this.#block);
    return this.#power(LONG - SHORT, LONG);
  }

  // What was read, into every bucket of the envelope that has ended since the last time. time: now, in seconds.
  trace(envelope, time) {
    const { bucket } = envelope;
    const { sampleRate } = this.context;
    const since = Math.max(this.#traced <= time ? this.#traced : 0, time - LONG / sampleRate + bucket);
    let number = Math.max(0, Math.floor(since / bucket));
    for (; (number + 1) * bucket <= time; number += 1) {
      const from = LONG - Math.round((time - number * bucket) * sampleRate);
      if (from >= 0) envelope.set(number, share(this.#power(from, from + Math.floor(bucket * sampleRate))));
    }
    this.#traced = number * bucket;
  }

  #power(from, to) {
    let power = 0;
    for (let index = from; index < to; index += 1) power += this.#block[index] ** 2;
    return Math.max(FLOOR, 10 * Math.log10(power / (to - from) + 1e-12));
  }
}

// 0 at the floor, 1 at full scale.
export function share(db) {
  return Math.min(1, Math.max(0, 1 - db / FLOOR));
}

// Of a level given as its share: the part of a track that its bar takes, 1 at full scale. Speech at -12 dBFS takes 40 %
// of it and at -30 dBFS 10 %, so that neither loud speech is a block nor quiet speech a line.
export function height(share) {
  return share > 0 ? 10 ** (((share - 1) * -FLOOR) / 30) : 0;
}

// A value for each bucket of time, for the last `capacity` of them.
export class Envelope {
  constructor(bucket, capacity) {
    this.bucket = bucket;
    this.values = new Float32Array(capacity);
    this.numbers = new Float64Array(capacity).fill(-1);
  }

  set(number, value) {
    const slot = number % this.values.length;
    this.values[slot] = value;
    this.numbers[slot] = number;
  }

  at(number) {
    const slot = number % this.values.length;
    return number >= 0 && this.numbers[slot] === number ? this.values[slot] : 0;
  }

  clear() {
    this.numbers.fill(-1);
  }
}

export class Meter {
  #peak = 0;
  #told = 0;

  constructor(element) {
    this.element = element;
  }

  show(db, now) {
    const level = share(db);
    this.#peak = Math.max(level, this.#peak - 0.006);
    this.element.style.setProperty("--level", level.toFixed(3));
    this.element.style.setProperty("--peak", this.#peak.toFixed(3));
    if (now - this.#told < 1000) return; // a screen reader need not be told sixty times a second
    this.#told = now;
    this.element.setAttribute("aria-valuenow", Math.round(db));
    this.element.setAttribute("aria-valuetext", db <= FLOOR + 5 ? "silent" : db < -12 ? "sound" : "loud");
  }
}
