// The line in which a person writes instead of speaking. What is sent comes back as a turn, and is shown then.

const $ = (id) => document.getElementById(id);

export class Compose {
  #live = false;

  // send(message) -> whether it was sent; failed(text).
  constructor({ send, failed }) {
    const field = $("message");
    field.addEventListener("input", () => this.#refresh());
    $("compose").addEventListener("submit", (event) => {
      event.preventDefault();
      const text = field.value.trim();
      if (!text || !this.#live) return;
      if (!send({ type: "text", text })) return failed("Not connected: try again in a moment.");
      field.value = "";
      this.#refresh();
    });
  }

  // running: there is a call; live: it is connected. What has been written stays while the connection is made again.
  enable(running, live) {
    this.#live = live;
    $("compose").hidden = !running;
    if (!running) $("message").value = "";
    this.#refresh();
  }

  focus() {
    if (!$("compose").hidden) $("message").focus();
  }

  #refresh() {
    $("send").disabled = !this.#live || !$("message").value.trim();
  }
}
