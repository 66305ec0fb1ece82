-- What the voice model costs: tokens, and money where the settings' `prices` (or `warehouse(prices=…)`) name the model's.
-- Grain: one row per call that used a voice model.
-- Key: call_id
--
-- call_id         ours, a UUID's text
-- campaign        the list's label
-- script_name     the call script
-- script_version  its version
-- line            which line carried it; a simulated call costs nothing with the local model
-- model           the voice model, as its side names it
-- input_tokens    tokens it heard or read
-- output_tokens   tokens it said or wrote
-- currency        ISO 4217; null: no price was given for this model
-- cost_minor      minor units (cents); null: no price was given
-- is_completed    for the cost of a completed call
-- created_at      when the call was planned, UTC
-- duration_ms     from the answer to the end, ms
WITH
used AS (
    SELECT
        call_id, campaign, script_name, script_version, line, model, input_tokens, output_tokens, is_completed,
        created_at, duration_ms
    FROM history.calls
    WHERE model IS NOT NULL
),
joined AS (
    SELECT
        ---------- ids
        call_id, campaign, script_name, script_version, line, model,
        ---------- numerics
        input_tokens, output_tokens, currency,
        (input_tokens * input_minor_per_million + output_tokens * output_minor_per_million) / 1e6 AS cost_minor,
        is_completed,
        ---------- times
        created_at, duration_ms
    FROM used
    LEFT JOIN staging.prices USING (model)
)
SELECT * FROM joined
