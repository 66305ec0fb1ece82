-- What the calls of each campaign have cost: by the cost of a call in its rules, and by the voice model's price.
-- Grain: one row per campaign and currency in which it has cost something.
-- Key: campaign, currency
--
-- campaign         its id, or the list's label; empty: calls without one
-- currency         ISO 4217
-- spent_minor      minor units (cents) of calls that have ended, as the campaign's budget counts them
-- reserved_minor   minor units (cents) of calls that have not, at most
-- voice_minor      minor units (cents) of the voice model's tokens; null: no price was given
-- completed        completed calls of the campaign, for what one of them cost
WITH
of_calls AS (
    SELECT campaign, currency, spent_minor, reserved_minor FROM staging.spending
),
of_voice AS (
    SELECT coalesce(campaign, '') AS campaign, currency, sum(cost_minor) AS voice_minor
    FROM costs
    WHERE currency IS NOT NULL
    GROUP BY ALL
),
reached AS (
    SELECT coalesce(campaign, '') AS campaign, count(*) FILTER (is_completed) AS completed
    FROM history.calls
    GROUP BY ALL
),
joined AS (
    SELECT
        ---------- ids
        campaign, currency,
        ---------- numerics
        coalesce(spent_minor, 0) AS spent_minor, coalesce(reserved_minor, 0) AS reserved_minor, voice_minor,
        coalesce(completed, 0) AS completed
    FROM of_calls
    FULL JOIN of_voice USING (campaign, currency)
    LEFT JOIN reached USING (campaign)
)
SELECT * FROM joined
