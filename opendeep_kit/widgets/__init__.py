"""What a notebook or a dashboard shows of a call. Given data; never meets the store, the phone or the voice model."""
