-- What calls are placed for.
-- Grain: one row per task.
-- Key: task_id
--
-- task_id      the tenant's own name of it
-- name         for people
-- spec         what is asked and how, JSON
-- created_at   when it was first kept, UTC
WITH
renamed AS (
    SELECT
        ---------- ids
        task_id,
        ---------- what
        name, spec::JSON AS spec,
        ---------- times
        created_at
    FROM pulled.tasks
)
SELECT * FROM renamed
