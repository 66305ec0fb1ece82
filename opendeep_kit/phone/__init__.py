"""The telephone side of a call: AudioSocket, and how calls are placed."""
