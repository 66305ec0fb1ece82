"""Sound: formats, pacing, playout, recording. No sockets, no clocks of its own."""
