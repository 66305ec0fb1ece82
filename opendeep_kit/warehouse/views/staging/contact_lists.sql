-- How many people each list holds; the people themselves stay in the record.
-- Grain: one row per list.
-- Key: campaign
--
-- campaign   the list's label, or the campaign's id; empty: contacts without one
-- contacts   people on it now, or enrolled in the campaign
WITH
renamed AS (
    SELECT coalesce(campaign, '') AS campaign, max(contacts) AS contacts
    FROM pulled.contact_lists
    GROUP BY ALL
)
SELECT * FROM renamed
