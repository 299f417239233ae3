// The lists of microphones and loudspeakers, kept up to date; the choices are remembered in this browser.

import { browser } from "./storage.js";

export class Devices {
  constructor(microphones, loudspeakers, loudspeakerField, { microphone, loudspeaker }) {
    this.lists = { audioinput: microphones, audiooutput: loudspeakers };
    loudspeakerField.hidden = !("setSinkId" in HTMLMediaElement.prototype);
    microphones.addEventListener("change", () => {
      browser.set("microphone", microphones.value);
      microphone(microphones.value);
    });
    loudspeakers.addEventListener("change", () => {
      browser.set("loudspeaker", loudspeakers.value);
      loudspeaker(loudspeakers.value);
    });
    navigator.mediaDevices?.addEventListener("devicechange", () => this.refresh());
  }

  get microphone() {
    return browser.get("microphone");
  }

  get loudspeaker() {
    return browser.get("loudspeaker");
  }

  // Before the microphone is allowed browsers tell neither names nor ids: then there is only the default.
  async refresh() {
    const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    for (const [kind, list] of Object.entries(this.lists)) {
      const found = devices.filter((device) => device.kind === kind && device.label && device.deviceId !== "default");
      list.replaceChildren(
        new Option("System default", ""),
        ...found.map((device) => new Option(device.label, device.deviceId)),
      );
      const chosen = kind === "audioinput" ? this.microphone : this.loudspeaker;
      list.value = found.some((device) => device.deviceId === chosen) ? chosen : "";
    }
  }
}
