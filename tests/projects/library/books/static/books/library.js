const scheme = location.protocol === "https:" ? "wss://" : "ws://";
const socket = new WebSocket(`${scheme}${location.host}/ws/shelf/`);
socket.onmessage = (event) => {
  const told = JSON.parse(event.data);
  if (told.announced) document.getElementById("announced").textContent = told.announced;
  const line = document.querySelector(`#book-${told.book} span`);
  if (line && told.words !== null) line.textContent = told.words;
};
document.getElementById("upload").addEventListener("submit", async (event) => {
  event.preventDefault();
  await fetch("/api/books/", { method: "POST", body: new FormData(event.target) });
  location.reload();
});
