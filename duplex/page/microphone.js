// The user's microphone: asked for, exchanged while a call runs, and what to tell the user when there is none.

export class MicrophoneError extends Error {}

// The browser's own noise suppression changes words and makes "mhm" something else; the session restores sound itself.
const PROCESSING = { echoCancellation: true, noiseSuppression: false, autoGainControl: true, channelCount: 1 };

export class Microphone {
  // changed(track): another track took the place of the one before. lost(): the device is gone.
  constructor({ changed = () => {}, lost = () => {} } = {}) {
    this.stream = null;
    this.muted = false;
    this.changed = changed;
    this.lost = lost;
  }

  get track() {
    return this.stream?.getAudioTracks()[0] ?? null;
  }

  // Open the device, or another one; "" is the system's own choice. Raises MicrophoneError.
  async open(device = "") {
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new MicrophoneError(
        "Browsers give the microphone only to https pages and to localhost. Open this page at such an address.",
      );
    }
    const stream = await this.#ask(device);
    this.#release();
    this.stream = stream;
    this.mute(this.muted);
    const track = this.track;
    track.addEventListener("ended", () => {
      if (this.track === track) this.lost();
    });
    this.changed(track);
    return track;
  }

  mute(muted) {
    this.muted = muted;
    if (this.track) this.track.enabled = !muted;
  }

  close() {
    this.#release();
    this.muted = false;
  }

  #release() {
    const stream = this.stream;
    this.stream = null;
    stream?.getTracks().forEach((track) => track.stop());
  }

  async #ask(device) {
    try {
      return await navigator.mediaDevices.getUserMedia({
        audio: device ? { ...PROCESSING, deviceId: { exact: device } } : PROCESSING,
      });
    } catch (error) {
      if (device && (error.name === "OverconstrainedError" || error.name === "NotFoundError")) return this.#ask("");
      throw new MicrophoneError(explain(error));
    }
  }
}

function explain(error) {
  switch (error.name) {
    case "NotAllowedError":
    case "SecurityError":
      return "The microphone is not allowed. Allow it for this page, at the left of the address or in the system's privacy settings, and start again.";
    case "NotFoundError":
    case "OverconstrainedError":
      return "No microphone was found. Connect one and start again.";
    case "NotReadableError":
    case "AbortError":
      return "The microphone cannot be read. Another program may be using it: close that and start again.";
    default:
      return `The microphone cannot be opened (${error.name}).`;
  }
}
