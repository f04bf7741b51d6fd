const source = new EventSource("/events/");
source.onmessage = (event) => {
  document.getElementById("tick").textContent = JSON.parse(event.data).tick;
};
