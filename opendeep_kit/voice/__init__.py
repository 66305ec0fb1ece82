"""The voice model's side of a call: wire, conversation, tools."""
