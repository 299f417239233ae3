// Short messages that come, are read aloud by screen readers, and go; or stay until what they ask for is done.

const STAYS = 7; // seconds

export class Notices {
  constructor(element) {
    this.element = element;
  }

  // action: {label, run}: a notice that waits for it. Returns a function that takes the notice away.
  show(text, action = null) {
    const notice = document.createElement("p");
    notice.append(text);
    const away = () => notice.remove();
    if (action) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = action.label;
      button.addEventListener("click", () => {
        away();
        action.run();
      });
      notice.append(button);
    } else {
      setTimeout(away, STAYS * 1000);
    }
    while (this.element.childElementCount >= 3) this.element.firstElementChild.remove();
    this.element.append(notice);
    return away;
  }
}
