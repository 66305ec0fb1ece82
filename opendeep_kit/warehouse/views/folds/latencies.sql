-- From the callee's last sound to the agent's first, cut into stages; the same fold as `insight.latency.turns`.
-- Grain: one row per reply of the agent to something the callee said.
-- Key: call_id, reply
WITH
placed AS (
    SELECT
        call_id, type, at_ms, first_sound_ms, item_id,
        row_number() OVER by_clock AS place,
        count(*) FILTER (type = 'CalleeSoundStopped') OVER by_clock AS stop
    FROM fold.events
    WHERE type IN (
        'CalleeSoundStopped', 'SpeechStopped', 'ReplyBegan', 'ToolCalled', 'AgentSoundStarted'
    )
    -- The detector's events are back-dated: their place is by the clock, not by `seq`.
    WINDOW by_clock AS (PARTITION BY call_id ORDER BY at_ms, seq ROWS UNBOUNDED PRECEDING)
),
-- By item, and not by what came before what: a frame bears the time of its 20 ms slot, and sound that arrives within the
-- slot may still go out with it.
arrivals AS (
    SELECT call_id, item_id, arg_min(at_ms, seq) AS arrived_ms
    FROM fold.events
    WHERE type = 'ReplyAudioArrived'
    GROUP BY call_id, item_id
),
up_to_the_sound AS (
    SELECT *
    FROM placed
    WHERE stop > 0
    QUALIFY place <= min(place) FILTER (type = 'AgentSoundStarted') OVER (PARTITION BY call_id, stop)
),
replies AS (
    SELECT
        call_id, stop,
        min(at_ms) FILTER (type = 'CalleeSoundStopped') AS callee_stopped_ms,
        arg_max(at_ms, place) FILTER (type = 'SpeechStopped') AS detected_ms,
        arg_min(at_ms, place) FILTER (type = 'ReplyBegan') AS reply_began_ms,
        any_value(at_ms) FILTER (type = 'AgentSoundStarted') AS written_ms,
        any_value(first_sound_ms) FILTER (type = 'AgentSoundStarted') AS sounded_ms,
        any_value(item_id) FILTER (type = 'AgentSoundStarted') AS item_id,
        bool_or(type = 'ToolCalled') AS has_tool
    FROM up_to_the_sound
    GROUP BY call_id, stop
    HAVING detected_ms IS NOT NULL
),
arrived AS (
    SELECT replies.*, least(arrived_ms, written_ms) AS audio_arrived_ms
    FROM replies
    JOIN arrivals USING (call_id, item_id)
    WHERE arrived_ms >= callee_stopped_ms
),
cut_into_stages AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY call_id ORDER BY stop) AS reply,
        sounded_ms - callee_stopped_ms AS voice_to_voice_ms,
        detected_ms - callee_stopped_ms AS detect_ms,
        coalesce(reply_began_ms, detected_ms) - detected_ms AS begin_ms,
        audio_arrived_ms - coalesce(reply_began_ms, detected_ms) AS model_ms,
        written_ms - audio_arrived_ms AS ours_ms,
        sounded_ms - written_ms AS lead_in_ms
    FROM arrived
),
joined AS (
    SELECT
        ---------- ids
        call_id, reply, item_id, campaign, script_name, script_version, line,
        ---------- numerics
        has_tool, voice_to_voice_ms, detect_ms, begin_ms, model_ms, ours_ms, lead_in_ms,
        ---------- times
        rows.created_at, callee_stopped_ms, sounded_ms
    FROM cut_into_stages
    JOIN fold.rows AS rows USING (call_id)
)
SELECT * FROM joined
