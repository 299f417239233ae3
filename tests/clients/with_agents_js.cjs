// `@openai/agents` in Node: RealtimeSession over its stock WebSocket transport, with only the address changed.
// NODE_PATH says where the package is. Arguments: as of the programs beside it.

const fs = require("node:fs");
const { RealtimeAgent, RealtimeSession, OpenAIRealtimeWebSocket, tool } = require("@openai/agents/realtime");
const { z } = require("zod");

const RATE = 24000;
const PIECE = (RATE / 25) * 2; // bytes of 40 ms
const WAIT = 120000;
const PATIENCE = 30000;
const REPEATED = 3;

const [address, key, folder] = process.argv.slice(2);
const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

class Told {
  news = [];
  waiting = null;

  tell(kind, text = "") {
    this.news.push([kind, text]);
    this.waiting?.();
  }

  async until(kind, text = "", patience = WAIT) {
    let soFar = "";
    const late = Date.now() + patience;
    for (;;) {
      while (this.news.length) {
        const [told, more] = this.news.shift();
        if (told !== kind) continue;
        soFar += more.toLowerCase();
        if (soFar.includes(text)) return;
      }
      if (Date.now() > late) throw new Error(`${kind} '${text}' has not come; '${soFar}' has`);
      await new Promise((done) => {
        this.waiting = done;
        setTimeout(done, 1000);
      });
    }
  }

  forget() {
    this.news = [];
  }
}

async function main() {
  const told = new Told();
  const weather = tool({
    name: "get_weather",
    description: "The weather in a city.",
    parameters: z.object({ city: z.string() }),
    execute: async ({ city }) => {
      told.tell("tool", city);
      return "it rains.";
    },
  });
  const agent = new RealtimeAgent({ name: "guide", instructions: "Help the caller.", tools: [weather] });
  const url = `${address.replace("http", "ws")}v1/realtime?model=gpt-realtime`;
  const session = new RealtimeSession(agent, { transport: new OpenAIRealtimeWebSocket({ url }), tracingDisabled: true });
  session.on("audio_interrupted", () => told.tell("interrupted"));
  session.on("error", (error) => console.error("error", JSON.stringify(error)));
  session.on("transport_event", (event) => {
    if (event.type === "response.output_audio_transcript.delta") told.tell("said", event.delta);
    if (event.type === "response.done") told.tell("done", event.response.status);
  });
  await session.connect({ apiKey: key, url });

  let saying = Buffer.alloc(0);
  const say = (name) => {
    saying = Buffer.concat([saying, fs.readFileSync(`${folder}/${name}.pcm`)]);
  };
  let due = Date.now();
  const microphone = setInterval(() => {
    for (; due <= Date.now(); due += 40) {
      const piece = Buffer.alloc(PIECE);
      saying.copy(piece, 0, 0, PIECE);
      saying = saying.subarray(PIECE);
      session.sendAudio(piece.buffer.slice(piece.byteOffset, piece.byteOffset + PIECE));
    }
  }, 20);

  const steps = {
    say,
    until: async (kind, text, again) => {
      for (let times = 0; again && times < REPEATED; times += 1) {
        try {
          return await told.until(kind, text, PATIENCE);
        } catch {
          say(again);
        }
      }
      return told.until(kind, text);
    },
    sleep: (seconds) => sleep(1000 * seconds),
    forget: () => told.forget(),
    cancel: () => session.interrupt(),
  };
  for (const [step, ...given] of JSON.parse(fs.readFileSync(`${folder}/steps.json`, "utf8"))) await steps[step](...given);
  clearInterval(microphone);
  session.close();
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
