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
-- recording               path below the recordings folder
WITH
ended AS (
    SELECT * FROM history.calls WHERE state = 'ended' AND is_answered
),
scored AS (
    SELECT
        *,
        CASE disposition
            WHEN 'failed' THEN 100 WHEN 'do_not_call' THEN 40 WHEN 'hung_up_early' THEN 35 WHEN 'partial' THEN 25
            WHEN 'silent' THEN 20 WHEN 'refused' THEN 15 WHEN 'wrong_person' THEN 15 ELSE 0
        END
        + CASE WHEN is_talk AND NOT is_disclosed THEN 60 ELSE 0 END
        + CASE WHEN model_losses > 0 THEN 45 ELSE 0 END
        + CASE WHEN tool_failures > 0 THEN 30 ELSE 0 END
        + CASE WHEN slots_skipped > 5 OR events_lost > 0 THEN 25 ELSE 0 END
        + CASE WHEN voice_to_voice_p95_ms > 2500 THEN 20 ELSE 0 END
        + CASE WHEN barge_ins >= 2 THEN 15 ELSE 0 END
        + CASE WHEN nudges > 0 THEN 10 ELSE 0 END AS score
    FROM ended
),
joined AS (
    SELECT
        ---------- ids
        call_id, campaign, script_name, script_version,
        ---------- why
        disposition, score,
        -- The weightiest first. A list of them per call would take three times as long to make.
        concat_ws(
            '; ',
            CASE WHEN disposition = 'failed' THEN 'our side failed' END,
            CASE WHEN is_talk AND NOT is_disclosed THEN 'the disclosure was not heard' END,
            CASE WHEN model_losses > 0 THEN 'the voice model was lost' END,
            CASE WHEN disposition = 'do_not_call' THEN 'asked never to be called again' END,
            CASE WHEN disposition = 'hung_up_early' THEN 'hung up early' END,
            CASE WHEN tool_failures > 0 THEN 'a tool failed' END,
            CASE WHEN disposition = 'partial' THEN 'not all answers' END,
            CASE WHEN slots_skipped > 5 OR events_lost > 0 THEN 'gaps in sound or record' END,
            CASE WHEN voice_to_voice_p95_ms > 2500 THEN
                printf('replies took up to %.1f s', voice_to_voice_p95_ms / 1000) END,
            CASE WHEN disposition = 'silent' THEN 'nothing was understood' END,
            CASE WHEN disposition IN ('refused', 'wrong_person') THEN replace(disposition, '_', ' ') END,
            CASE WHEN barge_ins >= 2 THEN printf('interrupted %d times', barge_ins) END,
            CASE WHEN nudges > 0 THEN 'long silence' END
        ) AS reasons,
        ---------- times
        created_at, duration_ms, voice_to_voice_p95_ms,
        ---------- numerics
        barge_ins,
        ---------- the sound
        recording
    FROM scored
    WHERE score > 0
)
SELECT * FROM joined
