// Two inputs, microphone and loudspeaker, to their levels in dBFS, every 10 ms, on the one clock of the audio context.
// On a busy machine that clock falls behind; the wall clock stands beside it.
const BLOCK = Math.round(sampleRate / 100);

class Probe extends AudioWorkletProcessor {
  constructor() {
    super();
    this.power = [0, 0];
    this.count = 0;
    this.rows = [];
  }

  process(inputs) {
    const length = inputs[0][0]?.length ?? inputs[1][0]?.length ?? 128;
    for (let index = 0; index < length; index += 1) {
      for (const side of [0, 1]) this.power[side] += (inputs[side][0]?.[index] ?? 0) ** 2;
      this.count += 1;
      if (this.count < BLOCK) continue;
      const [microphone, loudspeaker] = this.power.map((power) => 10 * Math.log10(power / BLOCK + 1e-12));
      this.rows.push([(currentFrame + index + 1) / sampleRate, microphone, loudspeaker, Date.now() / 1000]);
      this.power = [0, 0];
      this.count = 0;
    }
    if (this.rows.length >= 20) this.port.postMessage(this.rows.splice(0));
    return true;
  }
}

registerProcessor("probe", Probe);
