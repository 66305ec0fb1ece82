-- What people who listened think of the calls, beside what the record says of them.
-- Grain: one row per verdict; a call may have been judged more than once.
-- Key: verdict_id
--
-- verdict_id       ours
-- call_id          the call, a UUID's text
-- campaign         the list's label
-- script_name      the call script
-- script_version   its version
-- verdict          good, poor, wrong_outcome
-- is_last          the verdict that counts: nobody judged the call later
-- disposition      what the record says the call achieved
-- note             why, in the person's words
-- judged_by        who; empty: nobody said so
-- judged_at        when, UTC
WITH
joined AS (
    SELECT
        ---------- ids
        verdict_id, call_id, campaign, script_name, script_version,
        ---------- what
        verdict,
        row_number() OVER (PARTITION BY call_id ORDER BY judged_at DESC, verdict_id) = 1 AS is_last,
        disposition, note, judged_by,
        ---------- times
        judged_at
    FROM pulled.verdicts
    LEFT JOIN history.calls USING (call_id)
)
SELECT * FROM joined
