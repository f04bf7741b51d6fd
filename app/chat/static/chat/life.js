// What the browser tells about the page's life, for the connection (pitfalls K8).

export function follow(connection) {
  window.addEventListener("online", () => connection.wake());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") connection.wake();
  });
  window.addEventListener("pagehide", () => connection.rest());
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) connection.open();
  });
}
