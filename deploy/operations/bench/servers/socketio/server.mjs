// Socket.IO as its documentation has it with the Redis adapter: node server.mjs PORT|SOCKET REDIS_SOCKET
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";

const [where, redisPath] = process.argv.slice(2);
const publisher = new Redis(redisPath);
const subscriber = publisher.duplicate();

const httpServer = createServer();
const io = new Server(httpServer, {
  path: "/ws/socket.io",
  transports: ["websocket"],
  adapter: createAdapter(publisher, subscriber),
});

io.on("connection", (socket) => {
  socket.on("join", async (room) => {
    await socket.join(room);
    socket.emit("joined");
  });
  socket.on("message", (room, text) => io.to(room).emit("message", text));
});

httpServer.listen(/^\d+$/.test(where) ? { port: Number(where), host: "127.0.0.1" } : { path: where });
process.on("SIGTERM", () => process.exit(0));
