// The server's HTTP side. Every error is an ApiError whose message can be shown.

export class ApiError extends Error {
  // status: 0 if the server was not reached. retryAfter: seconds, 0 if the server does not say.
  constructor(message, status = 0, retryAfter = 0) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

export class Api {
  #token;

  constructor(token) {
    this.#token = token;
  }

  get token() {
    return this.#token;
  }

  // Raises ApiError with status 401 if the token is none of the server's.
  check() {
    return this.#ask("GET", "metrics");
  }

  create(wish) {
    return this.#json("POST", "api/sessions", wish);
  }

  // With all events, which come in pages.
  async state(session) {
    let state = await this.#json("GET", `api/sessions/${session}`);
    const events = state.events;
    while (state.next < state.end) {
      const since = state.next;
      state = await this.#json("GET", `api/sessions/${session}?since=${since}`);
      if (state.next <= since) break;
      for (const event of state.events) events.push(event);
    }
    return { ...state, events };
  }

  offer(session, sdp) {
    return this.#json("POST", `api/sessions/${session}/offer`, { type: "offer", sdp });
  }

  end(session) {
    return this.#ask("DELETE", `api/sessions/${session}`);
  }

  consent(session, record) {
    return this.#json("POST", `api/sessions/${session}/consent`, { record });
  }

  deleteRecording(session) {
    return this.#ask("DELETE", `api/sessions/${session}/recording`);
  }

  async download(session, file) {
    const response = await this.#ask("GET", `api/sessions/${session}/${file}`);
    return response.blob();
  }

  async #json(method, path, body) {
    return (await this.#ask(method, path, body)).json();
  }

  async #ask(method, path, body) {
    const headers = { Authorization: `Bearer ${this.#token}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let response;
    try {
      response = await fetch(path, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        cache: "no-store",
        signal: AbortSignal.timeout(20_000),
      });
    } catch {
      throw new ApiError("The server cannot be reached.");
    }
    if (response.ok) return response;
    const told = await response.json().catch(() => ({}));
    const wait = Number(response.headers.get("Retry-After")) || 0;
    throw new ApiError(sentence(told.error || `The server answers ${response.status}.`), response.status, wait);
  }
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}
