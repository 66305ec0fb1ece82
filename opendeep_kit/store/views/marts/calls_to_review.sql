-- Answered calls in which something went wrong, or may have: where listening pays, and why.
-- Grain: one row per ended, answered call that has at least one reason.
-- Key: call_id
--
-- call_id                 ours, a UUID's text
-- campaign                the list's label
-- script_name             the call script
-- script_version          its version
-- disposition             what the call achieved
-- score                   the reasons' weights together: the higher, the sooner to be heard
-- reasons                 the reasons in words, the weightiest first
-- created_at              when it was planned, UTC
-- duration_ms             from the answer to the end, ms
-- voice_to_voice_p95_ms   nineteen of twenty replies came sooner, ms
-- barge_ins               times the callee cut the agent
WITH
ended AS (
    SELECT * FROM history.calls WHERE state = 'ended' AND is_answered
),
weighed AS (
    SELECT
        *,
        list_filter([
            {weight: 100, reason: CASE WHEN disposition = 'failed' THEN 'our side failed' END},
            {weight: 60, reason: CASE WHEN is_talk AND NOT is_disclosed THEN 'the disclosure was not heard' END},
            {weight: 45, reason: CASE WHEN model_losses > 0 THEN 'the voice model was lost' END},
            {weight: 40, reason: CASE WHEN disposition = 'do_not_call' THEN 'asked never to be called again' END},
            {weight: 35, reason: CASE WHEN disposition = 'hung_up_early' THEN 'hung up early' END},
            {weight: 30, reason: CASE WHEN tool_failures > 0 THEN 'a tool failed' END},
            {weight: 25, reason: CASE WHEN disposition = 'partial' THEN 'not all answers' END},
            {weight: 25, reason: CASE WHEN slots_skipped > 5 OR events_lost > 0 THEN 'gaps in sound or record' END},
            {weight: 20, reason: CASE WHEN voice_to_voice_p95_ms > 2500 THEN
                printf('replies took up to %.1f s', voice_to_voice_p95_ms / 1000) END},
            {weight: 20, reason: CASE WHEN disposition = 'silent' THEN 'nothing was understood' END},
            {weight: 15, reason: CASE WHEN disposition IN ('refused', 'wrong_person') THEN
                replace(disposition, '_', ' ') END},
            {weight: 15, reason: CASE WHEN barge_ins >= 2 THEN printf('interrupted %d times', barge_ins) END},
            {weight: 10, reason: CASE WHEN nudges > 0 THEN 'long silence' END}
        ], lambda found: found.reason IS NOT NULL) AS found
    FROM ended
),
joined AS (
    SELECT
        ---------- ids
        call_id, campaign, script_name, script_version,
        ---------- why
        disposition,
        list_sum(list_transform(found, lambda one: one.weight))::INTEGER AS score,
        array_to_string(list_transform(found, lambda one: one.reason), '; ') AS reasons,
        ---------- times
        created_at, duration_ms, voice_to_voice_p95_ms,
        ---------- numerics
        barge_ins
    FROM weighed
    WHERE len(found) > 0
)
SELECT * FROM joined
