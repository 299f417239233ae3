// The session's time, in seconds, between its events. They come some milliseconds late, never early: of all that came,
// the least late one tells best. The bound loosens slowly, because two machines' clocks never run alike.

export const RATE = 16_000; // samples per second of the session's clock

const LOOSEN = 2e-4;

export class SessionClock {
  #offset = Infinity;
  #at = 0;

  constructor(wall = () => performance.now() / 1000) {
    this.wall = wall;
  }

  // sample: what the server's clock said when it sent something that has just come.
  hear(sample) {
    const wall = this.wall();
    const offset = wall - sample / RATE;
    const loosened = this.#offset + LOOSEN * (wall - this.#at);
    this.#offset = Math.min(offset, loosened);
    this.#at = wall;
  }

  reset(sample) {
    this.#offset = Infinity;
    this.hear(sample);
  }

  stop() {
    this.#offset = Infinity;
  }

  // null until the server has said something.
  get time() {
    return this.#offset === Infinity ? null : this.wall() - this.#offset;
  }
}
