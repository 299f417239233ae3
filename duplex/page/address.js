// The page's address: token, room and name. They stand in the fragment, which browsers do not send to any server; room
// and name may also stand in the query.

const query = new URLSearchParams(location.search);

function fragment() {
  return new URLSearchParams(location.hash.slice(1));
}

export function token() {
  return fragment().get("token") ?? "";
}

// A value of the address, or null: "room" or "name".
export function given(name) {
  return fragment().get(name) ?? query.get(name);
}

// The address at which others join a room.
export function invitation(room) {
  const address = new URL(location.href);
  address.search = "";
  address.hash = new URLSearchParams({ token: token(), room }).toString();
  return address.href;
}

// Another token in the address, pasted into this tab, is another page.
export function followAddress() {
  const first = token();
  addEventListener("hashchange", () => {
    if (token() && token() !== first) location.reload();
  });
}
