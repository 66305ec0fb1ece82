-- How often a call was permitted, and which rules said no.
-- Grain: one row per day, campaign and rule (empty: the call was permitted).
-- Key: day, campaign, rule
--
-- day         of the decisions, UTC
-- campaign    the campaign's id
-- rule        that said no; empty: none did
-- is_allowed  the call was permitted
-- decisions   how many
-- numbers     different numbers
WITH
decided AS (
    SELECT decided_at::DATE AS day, campaign, coalesce(rule, '') AS rule, is_allowed, number FROM staging.permissions
),
counted AS (
    SELECT
        ---------- ids
        day, campaign, rule, bool_and(is_allowed) AS is_allowed,
        ---------- numerics
        count(*) AS decisions, count(DISTINCT number) AS numbers
    FROM decided
    GROUP BY day, campaign, rule
)
SELECT * FROM counted
