// The page: puts the parts together and follows the user.

import { followAddress, given, invitation, token } from "./address.js";
import { Api } from "./api.js";
import { Call } from "./call.js";
import { Compose } from "./compose.js";
import { Conversation } from "./conversation.js";
import { Devices } from "./devices.js";
import { Downloads } from "./downloads.js";
import { Figures } from "./figures.js";
import { Meter, share } from "./levels.js";
import { fillLegend } from "./marks.js";
import { Notices } from "./notices.js";
import { Options } from "./options.js";
import { hintAtMore } from "./scroll_hint.js";
import { SessionClock } from "./session_clock.js";
import { Shortcuts } from "./shortcuts.js";
import { Sound } from "./sound.js";
import { face, title } from "./speakers.js";
import { Stage } from "./stage.js";
import { browser } from "./storage.js";
import { Theme } from "./theme.js";
import { Timeline } from "./timeline.js";
import { Tracks } from "./tracks.js";
import { Transcript } from "./transcript.js";
import { Trouble } from "./trouble.js";

const $ = (id) => document.getElementById(id);

const LINKS = {
  idle: "Not connected",
  connecting: "Connecting",
  connected: "Connected",
  reconnecting: "Connecting again",
  lost: "Connection lost",
  ended: "Call ended",
};

const api = new Api(token());
const notices = new Notices($("notices"));
const clock = new SessionClock();
const tracks = new Tracks();
const timeline = new Timeline($("timeline"), tracks);
const figures = new Figures($("figures"));
const trouble = new Trouble($("trouble"));
const stage = new Stage({ orb: $("orb"), doing: $("doing"), detail: $("detail") });
const keptBack = "The browser keeps the sound back.";
const sound = new Sound($("voice"), (play) => notices.show(keptBack, { label: "Hear it", run: play }));
const meters = { input: new Meter($("meter-in")), output: new Meter($("meter-out")) };
const transcript = new Transcript({
  list: $("entries"),
  scroll: $("transcript"),
  latest: $("latest"),
  welcome: $("welcome"),
  name: (entry) => conversation.nameOf(entry),
});
const conversation = new Conversation({
  changed: (entry) => {
    transcript.show(entry);
    readAloud(entry);
  },
  removed: (key) => transcript.remove(key),
});
const call = new Call(api, {
  state: follow,
  opened,
  event: (event) => {
    conversation.read(event);
    tracks.read(event);
    downloads.event(event);
    figures.event(event);
    trouble.event(event);
  },
  message,
  stream: (stream) => sound.play(stream, devices.loudspeaker),
  track: (stream) => sound.listen(stream),
  roundTrip: (ms) => figures.roundTrip(ms),
  notice: (text) => notices.show(text),
  reset: () => [conversation, tracks, downloads, figures, trouble].forEach((part) => part.clear()),
});
const devices = new Devices($("microphone"), $("loudspeaker"), $("loudspeaker-field"), {
  microphone: (id) => call.running && attempt(() => call.microphone.open(id)),
  loudspeaker: (id) => attempt(() => sound.choose(id)),
});
const failed = (text) => notices.show(text);
const downloads = new Downloads($("downloads"), { api, session: () => call.session, failed });

const options = new Options({
  send: (message) => call.send(message),
  failed,
  changed: refreshDownloads,
  captions: (language) => conversation.translate(language),
});

const compose = new Compose({ send: (message) => call.send(message), failed });

const FRAME = 30; // milliseconds at least between two pictures: smooth enough, and half the work

let drawn = 0;
let running = false; // the clock of an ended call stands still
let stopped = 0;

// The call.

async function start() {
  if (call.running) return;
  problem("");
  sound.wake();
  await attempt(async () => {
    browser.set("name", $("name").value.trim());
    timeline.clear();
    await call.start({ name: $("name").value.trim(), room: $("room").value.trim() }, devices.microphone);
  });
}

function opened(state) {
  timeline.me = state.name;
  options.open(state);
  if (state.switches) stage.switched(state.switches.assistant);
  trouble.load(state.load);
  if (state.room) $("room").value = state.room;
  $("invite").hidden = !state.room;
  parties(state.parties);
  $("meter-in-label").textContent = title(state.name);
  devices.refresh();
}

function follow(state) {
  const live = state === "connected";
  document.body.dataset.call = call.running ? "running" : state === "idle" ? "idle" : "ended";
  $("link").dataset.state = state;
  $("link-text").textContent = LINKS[state];
  stage.call(state);
  for (const element of document.querySelectorAll(".before")) element.hidden = call.running;
  $("start").hidden = call.running;
  $("start").textContent = state === "ended" || state === "lost" ? "New call" : "Start talking";
  $("mute").hidden = $("stop").hidden = !call.running;
  $("forget").hidden = state !== "ended";
  options.enable(live);
  compose.enable(call.running, live);
  if (!call.running) {
    stopped = clock.time ?? stopped;
    clock.stop();
    mute(false);
    parties([]);
    $("recording-now").hidden = $("invite").hidden = true;
    sound.stop();
  }
  running = call.running;
  refreshDownloads();
}

function message(told) {
  if (Number.isFinite(told.now)) clock.reset(told.now);
  switch (told.type) {
    case "state":
      return stage.assistant(told);
    case "stats":
      return figures.stats(told);
    case "room":
      return parties(told.parties);
    case "switches":
      stage.switched(told.assistant);
      return options.show(told);
    case "languages":
      return options.languages(told);
    case "load":
      return trouble.load(told);
    case "notice":
      return notices.show(told.text);
    case "decision":
    case "partial":
    case "speech_started":
      return clock.hear(told.end);
  }
}

function parties(names) {
  const items = names.map((name) => {
    const item = document.createElement("li");
    item.append(face(name), title(name));
    return item;
  });
  $("parties").replaceChildren(...(names.length > 1 || $("room").value ? items : []));
}

function mute(muted) {
  call.microphone.mute(muted);
  $("mute").setAttribute("aria-pressed", muted);
  $("mute").textContent = muted ? "Muted" : "Mute";
  stage.muted(muted);
}

function refreshDownloads() {
  downloads.enable(Boolean(call.session), options.recorded);
  $("delete-recording").hidden = !(call.session && options.recorded);
}

// Pictures.

function animate(now) {
  requestAnimationFrame(animate);
  if (now - drawn < FRAME) return;
  drawn = now;
  const { input, output } = sound.read();
  meters.input.show(input, now);
  meters.output.show(output, now);
  stage.pulse(share(input), share(output));
  const time = running ? clock.time : null;
  if (time !== null) sound.trace(timeline.input, timeline.output, time);
  timeline.draw(time ?? (call.session ? stopped : null));
}

// Telling.

function problem(text) {
  $("problem").hidden = !text;
  $("problem").textContent = text;
  if (text) $("problem").scrollIntoView({ block: "nearest" });
}

async function attempt(work) {
  try {
    await work();
  } catch (error) {
    const wait = error.retryAfter ? ` Try again in ${Math.ceil(error.retryAfter)} s.` : "";
    problem(error.message + wait);
  }
}

// A finished turn, once, for those who asked for it: the assistant is audible anyway.
const read = new Set();
function readAloud(entry) {
  if (!$("read-aloud").checked || entry.open || read.has(entry.key)) return;
  read.add(entry.key);
  const line = document.createElement("p");
  line.textContent = `${title(conversation.nameOf(entry))}: ${entry.text}`;
  $("turns-live").append(line);
  if ($("turns-live").childElementCount > 20) $("turns-live").firstElementChild.remove();
}

async function invite() {
  const address = invitation($("room").value.trim());
  try {
    await navigator.clipboard.writeText(address);
    notices.show("The invitation is copied. Whoever has it can join this room.");
  } catch {
    notices.show(`The invitation: ${address}`, { label: "Close", run: () => {} });
  }
}

// The user.

$("join").addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
$("stop").addEventListener("click", () => attempt(() => call.end()));
$("mute").addEventListener("click", () => mute(!call.microphone.muted));
$("invite").addEventListener("click", invite);
$("forget").addEventListener("click", () =>
  attempt(async () => {
    await call.forget();
    options.recordingDeleted();
    timeline.clear();
    refreshDownloads();
    notices.show("All of this call is deleted.");
  }),
);
$("delete-recording").addEventListener("click", () =>
  attempt(async () => {
    await api.deleteRecording(call.session);
    options.recordingDeleted();
    notices.show("The recording is deleted.");
  }),
);
$("read-aloud").checked = browser.get("read-aloud") === "on";
$("read-aloud").addEventListener("change", () => browser.set("read-aloud", $("read-aloud").checked ? "on" : ""));

new Theme($("theme"), $("theme-text"), () => timeline.recolour());
const press = (id) => () => !$(id).hidden && !$(id).disabled && $(id).click();
new Shortcuts(
  {
    c: { text: "Begin the call, or end it", run: () => (call.running ? press("stop") : press("start"))() },
    m: { text: "Mute the microphone", run: press("mute") },
    a: { text: "Assistant on or off", run: press("assistant") },
    w: { text: "Write instead of speaking", run: () => compose.focus() },
    t: { text: "Go to the transcript", run: () => $("transcript").focus() },
    d: { text: "Dark or light", run: press("theme") },
  },
  { button: $("shortcuts-button"), dialog: $("shortcuts"), list: $("keys"), on: $("shortcuts-on") },
);

$("name").value = given("name") ?? browser.get("name");
$("room").value = given("room") ?? "";
fillLegend($("legend"));
hintAtMore(document.querySelector(".panel"));
followAddress();
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the fragment of the address is the token's
  $("transcript").focus();
});
follow("idle");
devices.refresh();
requestAnimationFrame(animate);

try {
  await api.check();
  await call.resume(devices.microphone);
} catch (error) {
  if (error.status === 401) {
    $("start").disabled = true;
    problem("This address has no valid token. Open the page at the whole address that the server has printed.");
  } else {
    problem(error.message);
  }
}
