-- When callees hang up, and after which sentence.
-- Grain: one row per answered call that the callee ended.
-- Key: call_id
--
-- call_id             ours, a UUID's text
-- campaign            the list's label
-- script_name         the call script
-- script_version      its version
-- after_sentence      the last sentence the callee heard
-- last_agent_words    all of the agent's last utterance that was heard
-- last_callee_words   the last the callee said
-- is_cut              the agent was still speaking
-- disposition         what the call achieved all the same
-- turns               utterances of the callee before
-- is_disclosed        the callee had heard, to its end, that an AI speaks
-- created_at          when the call was planned, UTC
-- after_ms            ms from the answer to the hang-up
WITH
left_by_callee AS (
    SELECT
        ---------- ids
        call_id, campaign, script_name, script_version,
        ---------- words
        last_sentence(last_agent_words) AS after_sentence, last_agent_words, last_callee_words,
        coalesce(is_last_cut, false) AS is_cut,
        ---------- numerics
        disposition, turns, is_disclosed,
        ---------- times
        created_at, duration_ms AS after_ms
    FROM history.calls
    WHERE ended_by = 'callee' AND is_answered
)
SELECT * FROM left_by_callee
