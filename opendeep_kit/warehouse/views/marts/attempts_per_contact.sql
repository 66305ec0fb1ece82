-- How many calls it takes to reach a person.
-- Grain: one row per campaign and telephone number.
-- Key: contact_key
--
-- campaign           the list's label; empty: none
-- contact_key        the contact, as in `calls`
-- contact_id         the tenant's own id of the person
-- attempts           calls placed
-- answered           of these answered
-- talked             of these with something understood
-- answered_attempt   which attempt was answered first: 1, 2, 3 …; null: none
-- is_completed       every required question was answered in one of them
-- last_disposition   what the last call achieved
-- first_at           the first call, UTC
-- last_at            the last call, UTC
WITH
numbered AS (
    SELECT
        contact_key, campaign, contact_id,
        is_answered, is_talk, is_completed, disposition, created_at,
        row_number() OVER (PARTITION BY contact_key ORDER BY created_at) AS attempt
    FROM history.calls
),
people AS (
    SELECT
        ---------- ids
        any_value(coalesce(campaign, '')) AS campaign, contact_key, any_value(contact_id) AS contact_id,
        ---------- numerics
        count(*) AS attempts,
        count(*) FILTER (is_answered) AS answered, count(*) FILTER (is_talk) AS talked,
        min(attempt) FILTER (is_answered) AS answered_attempt,
        bool_or(is_completed) AS is_completed,
        arg_max(disposition, attempt) AS last_disposition,
        ---------- times
        min(created_at) AS first_at, max(created_at) AS last_at
    FROM numbered
    GROUP BY contact_key
)
SELECT * FROM people
