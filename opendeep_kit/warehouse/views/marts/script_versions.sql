-- What each version of a script achieves, and how fast it replies; with 95 % intervals, so that chance is seen.
-- Grain: one row per version of a script that was used.
-- Key: script_name, script_version
--
-- script_name             the call script
-- script_version          its version
-- calls                   ended calls
-- answered                of these answered
-- talked                  of these with at least one utterance of the callee understood
-- completed               of these with every required question answered
-- completed_share         completed / answered
-- completed_low           Wilson's interval of it: lower end
-- completed_high          upper end
-- refused_share           refused or asked never to be called again / answered
-- refused_low             lower end
-- refused_high            upper end
-- left_early_share        callee hung up before the talk got anywhere / answered
-- left_early_low          lower end
-- left_early_high         upper end
-- talk_s_mean             seconds from answer to end, mean of answered calls
-- replies                 replies measured
-- voice_to_voice_p50_ms   half of the replies came sooner, ms
-- voice_to_voice_p95_ms   nineteen of twenty came sooner, ms
-- barge_ins_per_call      times the callee cut the agent, mean of answered calls
-- first_at                the first call, UTC
-- last_at                 the last call, UTC
WITH
counted AS (
    SELECT
        script_name, script_version,
        count(*) AS calls,
        count(*) FILTER (is_answered) AS answered,
        count(*) FILTER (is_talk) AS talked,
        count(*) FILTER (is_completed) AS completed,
        count(*) FILTER (is_answered AND disposition IN ('refused', 'do_not_call')) AS refused,
        count(*) FILTER (is_answered AND disposition = 'hung_up_early') AS left_early,
        avg(duration_ms) FILTER (is_answered) / 1000 AS talk_s_mean,
        avg(barge_ins) FILTER (is_answered) AS barge_ins_per_call,
        min(created_at) AS first_at, max(created_at) AS last_at
    FROM history.calls
    WHERE state = 'ended' AND script_name IS NOT NULL
    GROUP BY ALL
),
waits AS (
    SELECT
        script_name, script_version,
        count(*) AS replies,
        quantile_cont(voice_to_voice_ms, [0.5, 0.95]) AS points
    FROM history.latencies
    GROUP BY ALL
),
joined AS (
    SELECT
        ---------- ids
        script_name, script_version,
        ---------- numerics
        calls, answered, talked, completed,
        completed / nullif(answered, 0) AS completed_share,
        wilson_low(completed, answered) AS completed_low, wilson_high(completed, answered) AS completed_high,
        refused / nullif(answered, 0) AS refused_share,
        wilson_low(refused, answered) AS refused_low, wilson_high(refused, answered) AS refused_high,
        left_early / nullif(answered, 0) AS left_early_share,
        wilson_low(left_early, answered) AS left_early_low, wilson_high(left_early, answered) AS left_early_high,
        talk_s_mean, coalesce(replies, 0) AS replies,
        points[1] AS voice_to_voice_p50_ms, points[2] AS voice_to_voice_p95_ms, barge_ins_per_call,
        ---------- times
        first_at, last_at
    FROM counted
    LEFT JOIN waits USING (script_name, script_version)
)
SELECT * FROM joined
