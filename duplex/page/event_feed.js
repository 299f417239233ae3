// The session's events, each once and in order, whatever the connection did meanwhile. Lasting events are numbered from
// the session's beginning: a connection tells with "hello" which number comes next, and what is missing is fetched.

export class EventFeed {
  #known = 0; // lasting events that the reader has been given
  #next = 0; // the number of the next one that comes over the connection
  #waiting = null; // events that came while the missing ones are being fetched

  // fetch(): {events, end} of the whole session. reset(): forget everything; read(event).
  constructor(fetch, { reset, read }) {
    this.fetch = fetch;
    this.reset = reset;
    this.read = read;
  }

  async hello(end) {
    this.#next = end;
    if (end !== this.#known) await this.#rebuild();
  }

  event(event) {
    const lasting = event.type !== "partial";
    const number = lasting ? this.#next++ : this.#next;
    if (this.#waiting) this.#waiting.push({ event, number });
    else this.#give(event, lasting);
  }

  async restore(state) {
    this.reset();
    for (const event of state.events) this.read(event);
    this.#known = state.end;
  }

  async #rebuild() {
    if (this.#waiting) return;
    this.#waiting = [];
    const state = await this.fetch().catch(() => null); // the next hello tries again
    const waiting = this.#waiting;
    this.#waiting = null;
    if (state) await this.restore(state);
    for (const { event, number } of waiting) {
      if (!state || number >= state.end) this.#give(event, event.type !== "partial");
    }
  }

  #give(event, lasting) {
    if (lasting) this.#known += 1;
    this.read(event);
  }
}
