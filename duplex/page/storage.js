// What outlives a refresh (this tab: the call) and a visit (this browser: name, devices, colours). A browser that
// keeps nothing, as in some private windows, is no error.

class Store {
  #area;

  constructor(name) {
    try {
      this.#area = window[name];
    } catch {
      this.#area = null;
    }
  }

  get(key) {
    try {
      return this.#area?.getItem(`duplex.${key}`) ?? "";
    } catch {
      return "";
    }
  }

  set(key, value) {
    try {
      if (value === "") this.#area?.removeItem(`duplex.${key}`);
      else this.#area?.setItem(`duplex.${key}`, value);
    } catch {
      // full or forbidden: then it is forgotten
    }
  }
}

export const tab = new Store("sessionStorage");
export const browser = new Store("localStorage");
