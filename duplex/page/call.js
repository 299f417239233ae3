// A call from its beginning to its end: microphone, session on the server, connection; found again after a refresh.

import { ApiError } from "./api.js";
import { Connection } from "./connection.js";
import { EventFeed } from "./event_feed.js";
import { Microphone } from "./microphone.js";
import { tab } from "./storage.js";
import { claim } from "./tab_claim.js";

export class Call {
  #connection = null;

  // Handlers: state(name), opened(state), event(event), message(message), stream(stream), track(track), roundTrip(ms),
  // notice(text), reset().
  constructor(api, handlers) {
    this.api = api;
    this.handlers = handlers;
    this.session = "";
    this.state = "idle";
    this.microphone = new Microphone({
      changed: (track) => {
        this.#connection?.replaceTrack(track);
        handlers.track(this.microphone.stream);
      },
      lost: () => this.#microphoneLost(),
    });
    this.feed = new EventFeed(() => api.state(this.session), { reset: handlers.reset, read: handlers.event });
  }

  get running() {
    return !["idle", "ended", "lost"].includes(this.state);
  }

  // Raises MicrophoneError, ApiError. wish: {name, room}.
  async start(wish, device) {
    this.#become("connecting");
    try {
      await this.microphone.open(device);
      const made = await this.api.create(wish);
      await this.feed.restore({ events: [], end: 0 });
      await this.#join(made);
    } catch (error) {
      this.microphone.close();
      this.#become("idle");
      throw error;
    }
  }

  // The call that this tab had before it was refreshed; false if there is none. Raises MicrophoneError, ApiError.
  async resume(device) {
    const session = tab.get("session");
    if (!session) return false;
    if (!(await claim(session))) {
      tab.set("session", "");
      this.handlers.notice("This tab is a copy: the call goes on in the other one. Here you can begin another.");
      return false;
    }
    let state;
    try {
      state = await this.api.state(session);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      tab.set("session", "");
      return false;
    }
    this.session = session;
    await this.feed.restore(state);
    if (state.state === "ended") {
      this.handlers.opened(state);
      this.#become("ended");
      return true;
    }
    this.#become("connecting");
    try {
      await this.microphone.open(device);
      await this.#join(state);
    } catch (error) {
      this.microphone.close();
      this.#become("idle");
      throw error;
    }
    return true;
  }

  send(message) {
    return this.#connection?.send(message) ?? false;
  }

  async end() {
    this.#hangUp("ended");
    await this.api.end(this.session);
  }

  // Delete what the server has of a call that has ended.
  async forget() {
    await this.api.deleteRecording(this.session);
    await this.api.end(this.session);
    this.session = "";
    tab.set("session", "");
    await this.feed.restore({ events: [], end: 0 });
    this.#become("idle");
  }

  async #join(state) {
    this.session = state.session;
    tab.set("session", this.session);
    await claim(this.session);
    this.handlers.opened(state);
    this.#connection = new Connection(this.api, this.session, state.ice_servers ?? [], this.microphone.track, {
      changed: (name) => name !== "idle" && this.#become(name),
      message: (message) => this.#read(message),
      stream: this.handlers.stream,
      roundTrip: this.handlers.roundTrip,
      refused: (error) => {
        this.#hangUp(error.status === 410 ? "ended" : "lost");
        this.handlers.notice(error.message);
      },
    });
    await this.#connection.open();
  }

  #read(message) {
    if (message.type === "hello") this.feed.hello(message.end);
    if (Number.isFinite(message.start)) this.feed.event(message);
    this.handlers.message(message);
  }

  async #microphoneLost() {
    this.handlers.notice("The microphone was unplugged. Another is taken, if there is one.");
    try {
      await this.microphone.open();
    } catch (error) {
      this.handlers.notice(error.message);
    }
  }

  #hangUp(state) {
    this.#connection?.close();
    this.#connection = null;
    this.microphone.close();
    this.#become(state);
  }

  #become(state) {
    this.state = state;
    this.handlers.state(state);
  }
}
