-- The events of the calls being folded, their JSON taken apart. Every fold begins here.
-- Grain: one row per event.
-- Key: call_id, seq
WITH
recorded AS (
    SELECT call_id, seq, at_ms, type, data
    FROM pulled.call_events
    SEMI JOIN fold.rows USING (call_id)
),
taken_apart AS (
    SELECT
        call_id, seq, at_ms, type,
        unnest(json_transform(data, '{
            "item_id": "VARCHAR", "text": "VARCHAR", "first_sound_ms": "DOUBLE",
            "meant": "VARCHAR", "heard": "VARCHAR", "heard_ms": "DOUBLE", "received_ms": "DOUBLE", "is_cut": "BOOLEAN",
            "dropped_ms": "DOUBLE", "last_frame_ms": "DOUBLE",
            "tool_call_id": "VARCHAR", "name": "VARCHAR", "arguments": "VARCHAR", "output": "VARCHAR",
            "took_ms": "DOUBLE", "is_failure": "BOOLEAN", "question": "VARCHAR", "value": "VARCHAR",
            "model": "VARCHAR", "attempt": "INTEGER", "input_tokens": "BIGINT", "output_tokens": "BIGINT",
            "slots_skipped": "INTEGER", "underruns": "INTEGER", "max_late_ms": "DOUBLE",
            "heard_dropped_ms": "DOUBLE", "said_dropped_ms": "DOUBLE", "benign": "BOOLEAN",
            "phone_result": "VARCHAR", "ended_by": "VARCHAR", "disposition": "VARCHAR", "detail": "VARCHAR"
        }'))
    FROM recorded
)
SELECT * FROM taken_apart
