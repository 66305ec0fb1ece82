-- What the agent asked of its tools and what came back.
-- Grain: one row per tool call.
-- Key: call_id, seq
WITH
called AS (
    SELECT call_id, seq, at_ms, tool_call_id, name, arguments FROM fold.events WHERE type = 'ToolCalled'
),
returned AS (
    SELECT call_id, tool_call_id, output, took_ms, is_failure
    FROM fold.events
    WHERE type = 'ToolReturned'
    QUALIFY row_number() OVER (PARTITION BY call_id, tool_call_id ORDER BY seq) = 1
),
joined AS (
    SELECT
        ---------- ids
        called.call_id, called.seq, called.tool_call_id, campaign, script_name, script_version,
        ---------- what
        name, arguments, output, is_failure,
        ---------- times
        rows.created_at, called.at_ms, took_ms
    FROM called
    LEFT JOIN returned USING (call_id, tool_call_id)
    JOIN fold.rows AS rows USING (call_id)
)
SELECT * FROM joined
