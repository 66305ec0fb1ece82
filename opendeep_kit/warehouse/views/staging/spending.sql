-- What the campaigns' calls have cost so far, as their budgets count it.
-- Grain: one row per campaign and currency.
-- Key: campaign, currency
--
-- campaign         its id
-- currency         ISO 4217
-- reserved_minor   minor units (cents) for calls that have not ended
-- spent_minor      minor units (cents) for those that have
WITH
renamed AS (
    SELECT
        ---------- ids
        campaign_id AS campaign, currency,
        ---------- numerics
        reserved_minor, spent_minor
    FROM pulled.spending
)
SELECT * FROM renamed
