// What was said, as files: as it was spoken, and in each language in which somebody has read captions.

import { languageName } from "./languages.js";

export class Downloads {
  constructor(element, { api, session, failed }) {
    this.buttons = [...element.querySelectorAll("button[data-file]")];
    this.language = element.querySelector("select");
    for (const button of this.buttons) {
      button.addEventListener("click", async () => {
        button.disabled = true;
        try {
          const file = translated(button.dataset.file, this.language.value);
          save(await api.download(session(), file), file);
        } catch (error) {
          failed(error.message);
        } finally {
          button.disabled = !session();
        }
      });
    }
  }

  // A sentence that is done in another language: from now on there are files in it.
  event({ type, language, final }) {
    if (type !== "translation" || !final) return;
    if ([...this.language.options].some(({ value }) => value === language)) return;
    const name = languageName(language);
    this.language.append(new Option(name, language), new Option(`${name}, with the original`, `${language}.both`));
    this.language.parentElement.hidden = false;
  }

  clear() {
    this.language.replaceChildren(new Option("As spoken", ""));
    this.language.parentElement.hidden = true;
  }

  // recording: whether there is one.
  enable(on, recording) {
    for (const button of this.buttons) {
      button.disabled = !on || (button.dataset.file === "recording.wav" && !recording);
    }
  }
}

// The file of that name in a language: "subtitles.srt" in "de.both" is "subtitles.de.both.srt".
function translated(file, language) {
  return language && /^(subtitles|transcript)\./.test(file) ? file.replace(".", `.${language}.`) : file;
}

function save(blob, file) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `duplex-${new Date().toISOString().slice(0, 16).replace(/[T:]/g, "-")}-${file}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
