// Beside the page, not in it: connects the probe to the page's microphone and to what it plays, as soon as there are such.
(() => {
  window.heard = { time: [], wall: [], microphone: [], loudspeaker: [], shown: [], events: [] };
  let context = null;
  let probe = null;
  const sources = [];

  async function ready() {
    if (probe) return;
    context = new AudioContext({ latencyHint: "playback" });
    probe = context.audioWorklet.addModule(URL.createObjectURL(new Blob([window.probe], { type: "text/javascript" }))).then(() => {
      const node = new AudioWorkletNode(context, "probe", { numberOfInputs: 2, channelCount: 1, channelCountMode: "explicit" });
      node.port.onmessage = ({ data }) => {
        for (const [time, microphone, loudspeaker, wall] of data) {
          window.heard.wall.push(wall);
          window.heard.time.push(time);
          window.heard.microphone.push(microphone);
          window.heard.loudspeaker.push(loudspeaker);
        }
      };
      node.connect(new GainNode(context, { gain: 0 })).connect(context.destination);
      return node;
    });
  }

  async function connect(stream, side) {
    await ready();
    const source = new MediaStreamAudioSourceNode(context, { mediaStream: stream });
    sources.push(source);
    source.connect(await probe, 0, side);
  }

  const devices = navigator.mediaDevices;
  const ask = devices?.getUserMedia?.bind(devices);
  if (ask) {
    devices.getUserMedia = async (wish) => {
      const stream = await ask(wish);
      connect(stream, 0);
      return stream;
    };
  }

  const Peer = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Peer {
    constructor(...wishes) {
      super(...wishes);
      this.addEventListener("track", (event) => connect(new MediaStream([event.track]), 1));
    }

    createDataChannel(...wishes) {
      const channel = super.createDataChannel(...wishes);
      channel.addEventListener("message", ({ data }) => {
        const message = JSON.parse(data);
        if (Number.isFinite(message.start)) window.heard.events.push({ ...message, wall: Date.now() / 1000 });
      });
      return channel;
    }
  };

  window.addEventListener("DOMContentLoaded", () => {
    const doing = document.getElementById("doing");
    new MutationObserver(() => {
      window.heard.shown.push([Date.now() / 1000, doing.textContent]);
    }).observe(doing, { childList: true, characterData: true, subtree: true });
  });
})();
