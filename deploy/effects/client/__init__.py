"""Clients of a site: its address, HTTP, and the chat's WebSocket protocol."""
