-- What the calls of a day came to.
-- Grain: one row per day, campaign, script version, phone result, disposition and who ended it; ended calls only.
-- Key: day, campaign, script_name, script_version, phone_result, disposition, ended_by
--
-- day              day on which the calls were planned, UTC
-- campaign         the list's label; empty: none
-- script_name      the call script; empty: none
-- script_version   its version; 0: none
-- phone_result     what the telephone network did
-- disposition      what the attempt achieved
-- ended_by         who ended the call
-- calls            how many
-- talk_s           seconds from answer to end, all together
WITH
ended AS (
    SELECT
        created_at::DATE AS day,
        coalesce(campaign, '') AS campaign, coalesce(script_name, '') AS script_name,
        coalesce(script_version, 0) AS script_version,
        phone_result, disposition, ended_by, duration_ms
    FROM history.calls
    WHERE state = 'ended'
),
counted AS (
    SELECT
        ---------- ids
        day, campaign, script_name, script_version, phone_result, disposition, ended_by,
        ---------- numerics
        count(*) AS calls, sum(duration_ms) / 1000 AS talk_s
    FROM ended
    GROUP BY ALL
)
SELECT * FROM counted
