-- Every answer to "may we call this number now?", as it was written down before the dial.
-- Grain: one row per decision.
-- Key: decision
--
-- decision       grows with every decision
-- campaign       the campaign's id
-- number         E.164
-- call_id        the call it permitted; null: refused
-- is_allowed     yes or no
-- rule           that said no; null: none did
-- words          the reason, for a person
-- try_again_at   when the answer may be another, UTC
-- decided_at     UTC
WITH
renamed AS (
    SELECT
        ---------- ids
        row_id AS decision, campaign_id AS campaign, number, attempt_id AS call_id,
        ---------- what
        is_allowed, rule, words,
        ---------- times
        try_again_at, "at" AS decided_at
    FROM history.permissions
)
SELECT * FROM renamed
