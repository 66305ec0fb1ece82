-- The call scripts, every version that was ever used.
-- Grain: one row per version of a script.
-- Key: script_name, script_version
--
-- script_name      the script
-- script_version   1, 2, 3 … never changed
-- sha256           of its text
-- created_at       when this version was kept, UTC
WITH
renamed AS (
    SELECT
        ---------- ids
        name AS script_name, version AS script_version, sha256,
        ---------- times
        created_at
    FROM pulled.scripts
)
SELECT * FROM renamed
