const room = document.body.dataset.room;
const base = location.protocol.replace("http", "ws") + "//" + location.host;
let socket;

async function token() {
  const kept = localStorage.getItem("token");
  if (kept) return kept;
  const answer = await fetch("/api/token/", { method: "POST", body: JSON.stringify({ name: "visitor" }) });
  const made = (await answer.json()).token;
  localStorage.setItem("token", made);
  return made;
}

function open(path, key, onmessage) {
  const opened = new WebSocket(`${base}${path}?token=${key}`);
  opened.onmessage = (event) => onmessage(JSON.parse(event.data));
  return opened;
}

token().then((key) => {
  socket = open(`/rooms/${room}/live/`, key, (post) => {
    const item = document.createElement("li");
    item.textContent = `${post.author}: ${post.body}`;
    document.getElementById("posts").append(item);
  });
  open("/socket/notices/", key, () => {
    const counter = document.getElementById("notices");
    counter.textContent = Number(counter.textContent) + 1;
  });
});

document.getElementById("form").onsubmit = (event) => {
  event.preventDefault();
  const input = document.getElementById("text");
  socket.send(JSON.stringify({ body: input.value }));
  input.value = "";
};
