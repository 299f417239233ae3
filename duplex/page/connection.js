// One call's connection: audio both ways and the data channel "events". A connection that breaks is made again, to the
// same session, with growing pauses, until it is up or the server no longer knows the session.

import { ApiError } from "./api.js";

const PAUSES = [0, 0.5, 1, 2, 4, 8];
const HICCUP = 2.5; // seconds in which a disconnected connection may recover by itself
const PATIENCE = 15; // seconds in which a new one must be up
const PING = 2; // seconds
const GATHERING = 2; // seconds to wait for the addresses of a STUN or TURN server

export class Connection {
  #api;
  #session;
  #servers;
  #track;
  #peer = null;
  #channel = null;
  #state = "idle";
  #attempts = 0;
  #timer = 0;
  #ping = 0;
  #over = false;

  // changed(state, detail): connecting, connected, reconnecting, lost. message(object): from the server.
  // stream(stream): what is to be heard. refused(error): the session is gone.
  constructor(api, session, servers, track, handlers) {
    this.#api = api;
    this.#session = session;
    this.#servers = servers;
    this.#track = track;
    this.handlers = handlers;
    this.retry = () => {
      if (this.#state === "reconnecting" && !this.#peer) this.#connect();
    };
    window.addEventListener("online", this.retry);
  }

  open() {
    this.#become("connecting");
    return this.#connect();
  }

  send(message) {
    if (this.#channel?.readyState !== "open") return false;
    this.#channel.send(JSON.stringify(message));
    return true;
  }

  replaceTrack(track) {
    this.#track = track;
    const sender = this.#peer?.getSenders().find((each) => each.track?.kind === "audio" || each.track === null);
    return sender?.replaceTrack(track);
  }

  close() {
    this.#over = true;
    window.removeEventListener("online", this.retry);
    this.#drop();
    this.#become("idle");
  }

  async #connect() {
    this.#drop();
    const peer = new RTCPeerConnection({ iceServers: this.#servers, bundlePolicy: "max-bundle" });
    this.#peer = peer;
    const current = () => this.#peer === peer && !this.#over;
    peer.addTransceiver(this.#track, { direction: "sendrecv" });
    peer.addEventListener("track", (event) => {
      if (!current()) return;
      event.receiver.jitterBufferTarget = 0; // the server's pace is even; what is not is the network's, and adapted to
      this.handlers.stream(event.streams[0] ?? new MediaStream([event.track]));
    });
    this.#adopt(peer.createDataChannel("events"), current);
    peer.addEventListener("connectionstatechange", () => {
      if (current()) this.#follow(peer);
    });
    this.#timer = setTimeout(() => current() && this.#again(), PATIENCE * 1000);
    try {
      await peer.setLocalDescription();
      await gathered(peer);
      if (!current()) return;
      const answer = await this.#api.offer(this.#session, peer.localDescription.sdp);
      if (current()) await peer.setRemoteDescription(answer);
    } catch (error) {
      if (current()) this.#failed(error);
    }
  }

  #follow(peer) {
    switch (peer.connectionState) {
      case "connected":
        clearTimeout(this.#timer);
        if (this.#channel?.readyState === "open") this.#up();
        break;
      case "disconnected":
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#peer === peer && this.#again(), HICCUP * 1000);
        break;
      case "failed":
      case "closed":
        this.#again();
        break;
    }
  }

  #adopt(channel, current) {
    this.#channel = channel;
    channel.addEventListener("open", () => current() && this.#up());
    channel.addEventListener("close", () => current() && this.#again());
    channel.addEventListener("message", (event) => {
      if (!current()) return;
      const message = parse(event.data);
      if (message?.type === "pong") this.handlers.roundTrip(performance.now() - message.t);
      else if (message) this.handlers.message(message);
    });
  }

  #up() {
    clearTimeout(this.#timer);
    this.#attempts = 0;
    this.#become("connected");
    clearInterval(this.#ping);
    this.#ping = setInterval(() => this.send({ type: "ping", t: performance.now() }), PING * 1000);
  }

  #failed(error) {
    if (error instanceof ApiError && [400, 401, 403, 404, 410].includes(error.status)) {
      this.#drop();
      this.#over = true;
      this.#become("lost");
      this.handlers.refused(error);
    } else {
      this.#again(error.retryAfter ?? 0);
    }
  }

  #again(least = 0) {
    if (this.#over) return;
    this.#drop();
    const pause = PAUSES[Math.min(this.#attempts, PAUSES.length - 1)] * (0.75 + 0.5 * Math.random());
    this.#attempts += 1;
    this.#become("reconnecting");
    this.#timer = setTimeout(() => this.#connect(), Math.max(least, pause) * 1000);
  }

  #drop() {
    clearTimeout(this.#timer);
    clearInterval(this.#ping);
    const peer = this.#peer;
    this.#peer = null;
    this.#channel = null;
    peer?.close();
  }

  #become(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.handlers.changed(state);
  }
}

// The offer goes out in one piece: wait for its addresses, but no server that does not answer.
function gathered(peer) {
  if (peer.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, GATHERING * 1000);
    peer.addEventListener("icegatheringstatechange", () => {
      if (peer.iceGatheringState !== "complete") return;
      clearTimeout(timer);
      resolve();
    });
  });
}

function parse(text) {
  try {
    const message = JSON.parse(text);
    return message && typeof message === "object" ? message : null;
  } catch {
    return null;
  }
}
