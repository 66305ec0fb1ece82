-- The last answer noted for each question; the same fold as `insight.analysis.answers`.
-- Grain: one row per call and question.
-- Key: call_id, question
WITH
noted AS (
    SELECT
        call_id, question,
        arg_max(value, seq) AS value,
        arg_max(at_ms, seq) AS at_ms,
        count(*) AS times_noted
    FROM fold.events
    WHERE type = 'AnswerRecorded'
    GROUP BY call_id, question
),
joined AS (
    SELECT
        ---------- ids
        call_id, question, campaign, script_name, script_version,
        ---------- what
        value, times_noted,
        ---------- times
        rows.created_at, noted.at_ms
    FROM noted
    JOIN fold.rows AS rows USING (call_id)
)
SELECT * FROM joined
