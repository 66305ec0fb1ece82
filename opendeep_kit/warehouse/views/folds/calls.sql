-- A call's row with the figures of its events. While the call lives, the figures are those so far.
-- Grain: one row per call.
-- Key: call_id
WITH
figures AS (
    SELECT
        call_id,
        arg_max(at_ms, seq) FILTER (type = 'CallEnded') AS ended_ms,
        arg_max(at_ms, seq) FILTER (type = 'Answered') AS answered_ms,
        arg_max(at_ms, seq) FILTER (type = 'DisclosureHeard') AS disclosed_at_ms,
        arg_max(phone_result, seq) FILTER (type = 'CallEnded') AS phone_result,
        arg_max(ended_by, seq) FILTER (type = 'CallEnded') AS ended_by,
        arg_max(disposition, seq) FILTER (type = 'CallJudged') AS disposition,
        count(*) FILTER (type = 'CalleeSaid' AND text NOT IN ({{no_words}})) AS turns,
        count(*) FILTER (type = 'ToolCalled') AS tool_calls,
        count(*) FILTER (type = 'ToolReturned' AND is_failure) AS tool_failures,
        count(*) FILTER (type = 'Nudged') AS nudges,
        arg_max(heard, seq) FILTER (type = 'AgentSaid' AND heard <> '') AS last_agent_words,
        arg_max(is_cut, seq) FILTER (type = 'AgentSaid' AND heard <> '') AS is_last_cut,
        arg_max(text, seq) FILTER (type = 'CalleeSaid' AND text <> '') AS last_callee_words,
        arg_max(model, seq) FILTER (type = 'ModelConnected') AS model,
        count(*) FILTER (type = 'ModelLost') AS model_losses,
        count(*) FILTER (type = 'ModelErred' AND NOT benign) AS model_errors,
        coalesce(sum(input_tokens), 0)::BIGINT AS input_tokens,
        coalesce(sum(output_tokens), 0)::BIGINT AS output_tokens,
        max(slots_skipped) AS slots_skipped,
        max(underruns) AS underruns,
        max(max_late_ms) AS max_late_ms,
        max(heard_dropped_ms) AS heard_dropped_ms,
        max(said_dropped_ms) AS said_dropped_ms,
        count(*) AS events,
        max(seq) - count(*) AS events_lost
    FROM fold.events
    GROUP BY call_id
),
waits AS (
    SELECT
        call_id, count(*) AS replies,
        quantile_cont(voice_to_voice_ms, 0.5) AS p50_ms, quantile_cont(voice_to_voice_ms, 0.95) AS p95_ms
    FROM live.latencies
    SEMI JOIN fold.rows USING (call_id)
    GROUP BY call_id
),
cuts AS (
    SELECT call_id, count(*) AS barge_ins FROM live.barge_ins SEMI JOIN fold.rows USING (call_id) GROUP BY call_id
),
joined AS (
    SELECT
        ---------- ids
        call_id, rows.task_id, rows.campaign, rows.script_name, rows.script_version, rows.contact_id, rows.number,
        0::UBIGINT AS contact_key,  -- made anew by `history.calls`: files of older packages hold another one
        ---------- what came of it
        rows.line, rows.state,
        coalesce(rows.phone_result, figures.phone_result) AS phone_result,
        coalesce(rows.disposition, figures.disposition) AS disposition,
        coalesce(rows.ended_by, figures.ended_by) AS ended_by,
        rows.detail, rows.answers,
        ---------- how far it came
        coalesce(rows.answered_at IS NOT NULL OR rows.phone_result = 'answered' OR answered_ms IS NOT NULL, false)
            AS is_answered,
        coalesce(rows.disclosed_at_ms, figures.disclosed_at_ms) IS NOT NULL AS is_disclosed,
        coalesce(rows.turns, figures.turns, 0) > 0 AS is_talk,
        coalesce(coalesce(rows.disposition, figures.disposition) = 'completed', false) AS is_completed,
        -- The same as bits, 1 2 4 8: the funnel takes them together in one pass.
        (is_answered::INT + 2 * is_disclosed::INT + 4 * is_talk::INT + 8 * is_completed::INT)::UTINYINT AS steps,
        ---------- times
        rows.created_at, rows.admitted_at, rows.answered_at, rows.ended_at,
        coalesce(rows.disclosed_at_ms, figures.disclosed_at_ms) AS disclosed_at_ms,
        answered_ms, ended_ms,
        coalesce(rows.duration_ms, ended_ms - answered_ms, 0) AS duration_ms,
        ---------- the talk
        coalesce(rows.turns, figures.turns, 0)::BIGINT AS turns,
        coalesce(replies, 0) AS replies,
        coalesce(rows.voice_to_voice_p50_ms, p50_ms) AS voice_to_voice_p50_ms,
        coalesce(rows.voice_to_voice_p95_ms, p95_ms) AS voice_to_voice_p95_ms,
        coalesce(rows.barge_ins, cuts.barge_ins, 0)::BIGINT AS barge_ins,
        coalesce(tool_calls, 0) AS tool_calls,
        coalesce(tool_failures, 0) AS tool_failures,
        coalesce(nudges, 0) AS nudges,
        last_agent_words, is_last_cut, last_callee_words,
        ---------- the voice model
        model, coalesce(model_losses, 0) AS model_losses, coalesce(model_errors, 0) AS model_errors,
        coalesce(input_tokens, 0) AS input_tokens, coalesce(output_tokens, 0) AS output_tokens,
        ---------- the sound
        slots_skipped, underruns, max_late_ms, heard_dropped_ms, said_dropped_ms,
        rows.recording, rows.recording_sha256,
        ---------- the record
        coalesce(events, 0) AS events, coalesce(events_lost, 0) AS events_lost
    FROM fold.rows AS rows
    LEFT JOIN figures USING (call_id)
    LEFT JOIN waits USING (call_id)
    LEFT JOIN cuts USING (call_id)
)
SELECT * FROM joined
