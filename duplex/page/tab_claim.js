// A call belongs to one tab. Browsers copy a tab's memory when the tab is duplicated: the copy must not take the call
// away from the first. The claim is a lock of the browser, which is free again when the tab is closed or refreshed.

const PATIENCE = 1500; // milliseconds: a page that is just being refreshed lets go of its lock late

let release = () => {};

// Whether this tab may have the call; it has it then until another is claimed.
export async function claim(session) {
  release();
  if (!navigator.locks) return true;
  const patience = AbortSignal.timeout(PATIENCE);
  return new Promise((resolve) => {
    navigator.locks
      .request(`duplex.${session}`, { signal: patience }, () => {
        resolve(true);
        return new Promise((done) => (release = done));
      })
      .catch(() => resolve(false));
  });
}
