-- The campaigns and where each stands.
-- Grain: one row per campaign.
-- Key: campaign
--
-- campaign         its id
-- name             for people
-- state            draft, running, paused, …
-- script_name      the call script
-- script_version   its version
-- spec             windows, caps, retries, budget, goal, JSON
-- priority         among the tenant's campaigns; the higher goes first
-- starts_at        not before, UTC
-- ends_at          not after, UTC
-- created_at       when it was made, UTC
-- changed_at       when it last changed, UTC
WITH
renamed AS (
    SELECT
        ---------- ids
        campaign_id AS campaign, name, state, script_name, script_version,
        ---------- what
        spec::JSON AS spec, priority,
        ---------- times
        starts_at, ends_at, created_at, changed_at
    FROM pulled.campaigns
)
SELECT * FROM renamed
