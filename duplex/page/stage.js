// What the assistant is doing, in one word and one line.

const WORDS = {
  idle: ["Ready when you are", "Press “Start talking” and allow the microphone."],
  connecting: ["Connecting …", ""],
  reconnecting: ["Connecting again …", "The call is kept. It goes on where it was."],
  lost: ["The call is over", ""],
  ended: ["The call has ended", "The downloads stay for ten minutes."],
  listening: ["Listening", ""],
  thinking: ["Thinking", ""],
  speaking: ["Speaking", "Interrupt at any time."],
  interrupted: ["Interrupted", ""],
  off: ["Writing down", "The assistant is switched off and only listens."],
};

export class Stage {
  #assistant = { assistant: "listening", word: "" };
  #call = "idle";
  #on = true;
  #muted = false;
  #shown = "";

  constructor({ orb, doing, detail }) {
    this.orb = orb;
    this.doing = doing;
    this.detail = detail;
  }

  call(state) {
    this.#call = state;
    this.#show();
  }

  assistant(message) {
    this.#assistant = message;
    this.#show();
  }

  switched(on) {
    this.#on = on;
    this.#show();
  }

  muted(muted) {
    this.#muted = muted;
    this.#show();
  }

  // level: 0 to 1, of whoever has the floor.
  pulse(input, output) {
    const level = this.#shown === "speaking" ? output : this.#shown === "listening" ? input : 0;
    this.orb.style.setProperty("--level", level.toFixed(3));
  }

  #show() {
    const state = this.#call !== "connected" ? this.#call : this.#on ? this.#assistant.assistant : "off";
    const [word, detail] = WORDS[state] ?? WORDS.listening;
    this.#shown = state;
    this.orb.dataset.state = state === "off" ? "listening" : state;
    this.doing.textContent = word;
    const at = state === "interrupted" && this.#assistant.word;
    const cut = at ? `at the word “${at.replace(/[.,;:!?]+$/, "")}”` : detail;
    this.detail.textContent = this.#call === "connected" && this.#muted ? "Your microphone is muted." : cut;
  }
}
