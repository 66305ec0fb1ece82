-- Everything that happened in the calls, as it was recorded.
-- Grain: one row per event.
-- Key: call_id, seq
--
-- call_id       ours, a UUID's text
-- seq           1, 2, 3 … in the call; a gap is an event that was dropped
-- type          class name in `opendeep_kit.events`, which tells what it means
-- data          its fields, JSON: data ->> 'text'
-- at_ms         milliseconds since the call's clock began
-- recorded_at   when it was written down, UTC
WITH
renamed AS (
    SELECT
        ---------- ids
        call_id, seq,
        ---------- what
        type, data::JSON AS data,
        ---------- times
        at_ms, recorded_at
    FROM history.events
)
SELECT * FROM renamed
