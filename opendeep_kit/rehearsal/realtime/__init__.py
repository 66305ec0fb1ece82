"""The local Realtime server, in parts: what a session is told, hears, thinks and sends. No sockets here."""
