-- Every time the callee cut the agent, and how long the agent talked on; the same fold as `insight.latency.barge_ins`.
-- Grain: one row per interruption by the callee.
-- Key: call_id, seq
WITH
cuts AS (
    SELECT call_id, seq, at_ms, item_id, heard_ms, dropped_ms, last_frame_ms
    FROM fold.events
    WHERE type = 'AgentInterrupted'
),
detections AS (
    SELECT call_id, at_ms AS detected_ms FROM fold.events WHERE type = 'SpeechStarted'
),
sounds AS (
    SELECT call_id, at_ms AS sounded_ms FROM fold.events WHERE type = 'CalleeSoundStarted'
),
stops AS (
    SELECT call_id, at_ms AS stopped_ms FROM fold.events WHERE type = 'CalleeSoundStopped'
),
detected AS (
    SELECT cuts.*, detections.detected_ms
    FROM cuts
    ASOF JOIN detections ON cuts.call_id = detections.call_id AND cuts.at_ms >= detections.detected_ms
    -- A cut that comes later than so after a detection has another cause: a supervisor.
    WHERE cuts.at_ms - detections.detected_ms <= {{cut_within_ms}}
),
heard AS (
    SELECT detected.*, coalesce(sounds.sounded_ms, detected_ms) AS first_sound_ms
    FROM detected
    ASOF LEFT JOIN sounds ON detected.call_id = sounds.call_id AND detected.detected_ms >= sounds.sounded_ms
),
another AS (
    -- A sound that ended so long before the detection is not what was detected.
    SELECT DISTINCT heard.call_id, heard.seq, true AS is_another
    FROM heard
    JOIN stops ON heard.call_id = stops.call_id
        AND stops.stopped_ms >= heard.first_sound_ms
        AND stops.stopped_ms < heard.detected_ms - {{same_sound_ms}}
),
measured AS (
    SELECT heard.*, CASE WHEN is_another THEN detected_ms ELSE first_sound_ms END AS callee_began_ms
    FROM heard
    LEFT JOIN another USING (call_id, seq)
),
joined AS (
    SELECT
        ---------- ids
        call_id, seq, item_id, campaign, script_name, script_version,
        ---------- numerics
        greatest(0, last_frame_ms - callee_began_ms) AS stop_ms, heard_ms, dropped_ms,
        ---------- times
        rows.created_at, callee_began_ms, detected_ms, last_frame_ms
    FROM measured
    JOIN fold.rows AS rows USING (call_id)
)
SELECT * FROM joined
