// Entries of the conversation on the page. It follows the newest unless the reader has scrolled back.

import { face, title, tone } from "./speakers.js";

const NEAR = 48; // pixels from the end that still count as following

export class Transcript {
  #elements = new Map();
  #order = new Map();
  #due = 0;

  // name(entry): who said it.
  constructor({ list, scroll, latest, welcome, name }) {
    this.name = name;
    this.list = list;
    this.scroll = scroll;
    this.latest = latest;
    this.welcome = welcome;
    this.following = true;
    scroll.addEventListener("scroll", () => {
      this.following = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR;
      if (this.following) latest.hidden = true;
    });
    new ResizeObserver(() => this.following && this.#follow()).observe(scroll);
    latest.addEventListener("click", () => {
      this.following = true;
      this.#follow();
      scroll.focus();
    });
  }

  show(entry) {
    let element = this.#elements.get(entry.key);
    if (!element) {
      element = build();
      this.#elements.set(entry.key, element);
      this.welcome.hidden = true;
    }
    fill(element, entry, this.name(entry));
    if (this.#order.get(entry.key) !== entry.start) {
      this.#order.set(entry.key, entry.start);
      element.entry = entry;
      this.#place(element, entry);
    }
    this.#follow();
  }

  remove(key) {
    this.#elements.get(key)?.remove();
    this.#elements.delete(key);
    this.#order.delete(key);
    this.welcome.hidden = this.#elements.size > 0;
  }

  // New entries nearly always come last.
  #place(element, entry) {
    let before = null;
    for (let other = this.list.lastElementChild; other; other = other.previousElementSibling) {
      if (other === element) continue;
      if (other.entry.start < entry.start || (other.entry.start === entry.start && other.entry.order < entry.order)) {
        break;
      }
      before = other;
    }
    if (element.parentNode !== this.list || element.nextElementSibling !== before) {
      this.list.insertBefore(element, before);
    }
  }

  // Once a picture at most: measuring after each of a thousand events would take seconds.
  #follow() {
    this.#due ||= requestAnimationFrame(() => {
      this.#due = 0;
      if (this.following) this.scroll.scrollTop = this.scroll.scrollHeight;
      else this.latest.hidden = false;
    });
  }
}

function build() {
  const item = make("li", "entry");
  const said = make("div", "said");
  const who = make("div", "who");
  who.append(make("b"), make("time"), make("em"));
  said.append(who, make("p", "text"), make("p", "translation"));
  item.append(make("span"), said);
  return item;
}

function fill(item, entry, name) {
  item.dataset.kind = entry.kind;
  item.dataset.open = entry.open;
  item.dataset.speaker = name;
  if (item.faced !== name) {
    item.faced = name;
    item.firstElementChild.replaceWith(face(name));
    item.style.setProperty("--tone-ink", `var(${tone(name).ink})`);
    item.querySelector("b").textContent = title(name);
  }
  const time = item.querySelector("time");
  time.textContent = clock(entry.start);
  time.dateTime = `PT${entry.start.toFixed(2)}S`;
  const tag = item.querySelector("em");
  const label = tagOf(entry);
  tag.hidden = !label;
  tag.textContent = label;
  tag.classList.toggle("cut", Boolean(entry.interrupted));
  item.querySelector(".text").replaceChildren(...pieces(entry));
  const translation = item.querySelector(".translation");
  translation.hidden = !entry.captions?.length;
  translation.lang = entry.captions?.[0]?.lang ?? "";
  translation.replaceChildren(...(entry.captions ?? []).flatMap(caption));
}

// What of a caption may still change is paler.
function caption({ text, stable, hopeless, unspoken }) {
  const told = unspoken && !hopeless ? [" ", make("span", "unsure", "(not spoken)")] : [];
  return [hopeless ? "" : text.slice(0, stable), make("span", "unsure", hopeless ? text : text.slice(stable)), ...told, " "];
}

function tagOf(entry) {
  if (entry.interrupted) return entry.last ? `interrupted at “${entry.last.replace(/[.,;:!?]+$/, "")}”` : "interrupted";
  if (entry.typed) return "typed";
  if (entry.kind === "tool") return entry.failed ? "tool failed" : "tool";
  return { backchannel: "backchannel", side_speech: "side speech", sound: "sound", memory: "memory" }[entry.kind] ?? "";
}

function pieces(entry) {
  if (entry.kind === "reply") {
    const rest = entry.open ? "coming" : "unheard";
    return entry.rest ? [`${entry.text} `, make("span", rest, entry.rest)] : [entry.text];
  }
  const stable = entry.guess.slice(0, entry.stable);
  const unsure = entry.guess.slice(entry.stable);
  const said = [entry.text, stable].filter(Boolean).join(" ");
  return unsure ? [said && !/^\s/.test(unsure) && !stable ? `${said} ` : said, make("span", "unsure", unsure)] : [said];
}

function make(tag, name = "", text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.textContent = text;
  return element;
}

export function clock(seconds) {
  const whole = Math.floor(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const tail = `${String(minutes).padStart(hours ? 2 : 1, "0")}:${String(whole % 60).padStart(2, "0")}`;
  return hours ? `${hours}:${tail}` : tail;
}
