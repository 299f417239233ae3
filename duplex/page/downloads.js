// What was said, as files.

export class Downloads {
  constructor(element, { api, session, failed }) {
    this.buttons = [...element.querySelectorAll("button[data-file]")];
    for (const button of this.buttons) {
      button.addEventListener("click", async () => {
        button.disabled = true;
        try {
          save(await api.download(session(), button.dataset.file), button.dataset.file);
        } catch (error) {
          failed(error.message);
        } finally {
          button.disabled = !session();
        }
      });
    }
  }

  // recording: whether there is one.
  enable(on, recording) {
    for (const button of this.buttons) {
      button.disabled = !on || (button.dataset.file === "recording.wav" && !recording);
    }
  }
}

function save(blob, file) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `duplex-${new Date().toISOString().slice(0, 16).replace(/[T:]/g, "-")}-${file}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
