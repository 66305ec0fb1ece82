-- How many people each step of a campaign reached. A person counts once per script version, however often dialled.
-- Grain: one row per campaign and script version.
-- Key: campaign, script_name, script_version
--
-- campaign         the list's label; empty: none
-- script_name      the call script; empty: none
-- script_version   its version; 0: none
-- contacts         people on the list now; the same in all rows of a campaign
-- attempts         calls placed
-- dialled          people called at least once
-- answered         people of whom a call was answered
-- disclosed        people who heard, to its end, that an AI speaks
-- talked           people who said something that was understood
-- completed        people who answered every required question
WITH
lists AS (
    SELECT campaign, contacts FROM staging.contact_lists
),
versions AS (
    SELECT
        coalesce(campaign, '') AS campaign, coalesce(script_name, '') AS script_name,
        coalesce(script_version, 0) AS script_version,
        hash(campaign, script_name, script_version) AS version, count(*) AS attempts
    FROM history.calls
    GROUP BY ALL
),
people AS (
    -- By numbers, not by names: grouping a million calls by three texts takes twice as long.
    SELECT contact_key, hash(campaign, script_name, script_version) AS version, bit_or(steps) AS steps
    FROM history.calls
    GROUP BY ALL
),
counted AS (
    SELECT
        version, count(*) AS dialled,
        count(*) FILTER (steps & 1 > 0) AS answered, count(*) FILTER (steps & 2 > 0) AS disclosed,
        count(*) FILTER (steps & 4 > 0) AS talked, count(*) FILTER (steps & 8 > 0) AS completed
    FROM people
    GROUP BY version
),
reached AS (
    SELECT * EXCLUDE (version) FROM versions JOIN counted USING (version)
),
joined AS (
    SELECT
        ---------- ids
        campaign, coalesce(script_name, '') AS script_name, coalesce(script_version, 0) AS script_version,
        ---------- numerics
        coalesce(contacts, 0) AS contacts,
        coalesce(attempts, 0) AS attempts, coalesce(dialled, 0) AS dialled, coalesce(answered, 0) AS answered,
        coalesce(disclosed, 0) AS disclosed, coalesce(talked, 0) AS talked, coalesce(completed, 0) AS completed
    FROM lists
    FULL JOIN reached USING (campaign)
)
SELECT * FROM joined
