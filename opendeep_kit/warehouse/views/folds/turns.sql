-- What was said in a call, as heard, one utterance after another; the same fold as `insight.transcript`.
-- Grain: one row per utterance that has words.
-- Key: call_id, turn
WITH
placed AS (
    SELECT
        call_id, seq, at_ms, type, text, heard, meant, is_cut, item_id,
        first_value(
            CASE type WHEN 'SpeechStarted' THEN at_ms WHEN 'AgentSoundStarted' THEN first_sound_ms END IGNORE NULLS
        ) OVER so_far AS started_ms,
        last_value(CASE type WHEN 'SpeechStopped' THEN at_ms END IGNORE NULLS) OVER so_far AS stopped_ms
    FROM fold.events
    WHERE type IN ('SpeechStarted', 'SpeechStopped', 'AgentSoundStarted', 'CalleeSaid', 'AgentSaid')
    WINDOW so_far AS (PARTITION BY call_id, item_id ORDER BY seq ROWS UNBOUNDED PRECEDING)
),
utterances AS (
    SELECT
        call_id, seq, item_id,
        CASE type WHEN 'CalleeSaid' THEN 'callee' ELSE 'agent' END AS speaker,
        CASE type WHEN 'CalleeSaid' THEN text ELSE heard END AS words,
        CASE WHEN is_cut THEN meant ELSE '' END AS meant_words,
        coalesce(is_cut, false) AS is_cut,
        coalesce(started_ms, at_ms) AS began_ms,
        CASE type WHEN 'CalleeSaid' THEN coalesce(stopped_ms, at_ms) ELSE at_ms END AS ended_ms
    FROM placed
    WHERE (type = 'CalleeSaid' AND text <> '') OR (type = 'AgentSaid' AND heard <> '')
),
in_order AS (
    SELECT
        *,
        row_number() OVER spoken AS turn,
        began_ms - lag(ended_ms) OVER spoken AS gap_ms
    FROM utterances
    WINDOW spoken AS (PARTITION BY call_id ORDER BY began_ms, seq)
),
joined AS (
    SELECT
        ---------- ids
        call_id, turn, item_id, campaign, script_name, script_version,
        ---------- words
        speaker, words AS text, meant_words AS meant, is_cut,
        ---------- times
        rows.created_at, began_ms, ended_ms, gap_ms
    FROM in_order
    JOIN fold.rows AS rows USING (call_id)
)
SELECT * FROM joined
